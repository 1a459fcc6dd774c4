from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class DaysAreCloned(Rule):
    """Several days of a patient are alike to the minute.

    Codes, clock times and lengths of all services are the same on each of them. That happens when
    a note is copied from the day before.

    This is no fault by itself. Compare the notes of these days.

    Example::

        patient,clinician,date,code,start,end,finding
        A,Kim,2026-03-02,97110,09:00,09:23,S703
        A,Kim,2026-03-02,97116,09:23,09:40,
        A,Kim,2026-03-03,97110,09:00,09:23,
        A,Kim,2026-03-03,97116,09:23,09:40,
        A,Kim,2026-03-04,97110,09:00,09:23,
        A,Kim,2026-03-04,97116,09:23,09:40,
        A,Kim,2026-03-05,97110,09:00,09:23,
        A,Kim,2026-03-05,97116,09:23,09:40,
    """

    code, severity, over = "S703", "info", "cloned_day"
    authority = "decision"
    needs = ("clinician", "clocks", "lengths")
    message = "{found} days are alike to the minute"
    found, expected = nw.col("days"), nw.lit(1)
    flag = found >= nw.col("cloned_days_limit")
