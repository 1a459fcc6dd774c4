from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class OneOnOneBeyondTheDay(Rule):
    """A clinician's one-on-one minutes exceed the working day.

    The day is the time sheet's, where one is given; otherwise it runs from the first start to the
    last end. More one-on-one time than that cannot have been given. Where two patients' sessions
    overlap, T101 names them and this finding is told beside it.

    Compare the log with the schedule and the time sheet, and correct what is too long.

    Example::

        patient,clinician,code,start,end,finding
        A,Kim,97116,09:00,09:30:40,T105
        B,Kim,97116,09:30,10:00:40,
        C,Kim,97116,10:00,10:30,
        D,Lee,97110,09:00,09:30,
        D,Lee,97116,09:30,10:00,
    """

    code, severity, over = "T105", "error", "clinician_day"
    authority = "mcpm-5-20.2"
    needs = ("clinician", "hours", "lengths")
    message = "{found} one-on-one {found:minute|minutes} in a day of {expected}"
    _day_ms = nw.coalesce("sheet_ms", "span_ms")
    _beyond_ms = nw.col("clinician_ms") - _day_ms
    found = nw.col("clinician_ms") // 60_000
    # The day by the minutes that it is exceeded by: parts of a minute are dropped once.
    expected = found - _beyond_ms // 60_000
    flag = _beyond_ms >= 60_000
    # Without the minutes of a second patient the day holds what is left.
    _shared = (nw.col("clashes") > 0) & (nw.col("own_ms") - _day_ms < 60_000)
    explained = nw.when(_shared).then(nw.lit("T101")).otherwise(nw.lit(""))
