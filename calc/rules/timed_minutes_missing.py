from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class TimedMinutesMissing(Rule):
    """A treatment day has timed codes and no minutes for any of them.

    Medicare asks for the minutes of timed codes in every treatment note. Without them no unit of
    the day has support. Days of other payers are left alone. Where units are billed, or the log has
    no column of them, U209 names the rows and this finding is told beside it.

    Add the minutes from the day's note. They are never to be worked out from the units.

    Example::

        patient,code,minutes,units_billed,finding
        A,97116,,,D604
        B,97116,15,1,
    """

    code, severity, over = "D604", "warning", "treatment_day"
    authority, needs = "bpm-15-220.3.E", ("times", "lengths")
    refuted_by = ("rows",)
    message = "no minutes of timed codes for the day"
    found, expected = nw.lit(""), nw.lit("")
    flag = (nw.col("part_b_rows") > 0) & (nw.col("minute_rows") == 0)
    explained = nw.lit("U209")
