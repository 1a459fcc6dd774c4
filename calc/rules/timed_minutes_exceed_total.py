from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class TimedMinutesExceedTotal(Rule):
    """The minutes of timed codes exceed the day's total treatment minutes.

    Medicare asks for both figures in the treatment note. The total holds all treatment of the day
    and discipline, so timed codes cannot take longer than it.

    Find out which of the two figures is wrong. Different totals of one day are added up, and so are
    equal ones where clinicians, clock times or codes may tell visits apart.

    Example::

        patient,code,minutes,total_minutes,finding
        A,97110,30,45,T107
        A,97116,16,45,
        B,97110,30,45,
        B,97116,15,45,
    """

    code, severity, over = "T107", "error", "treatment_day"
    authority = "bpm-15-220.3.E"
    needs = ("total_minutes", "lengths")
    refuted_by = ("rows",)
    message = (
        "{found} timed {found:minute|minutes},"
        " {expected} {expected:minute|minutes} of treatment in all"
    )
    _beyond_ms = nw.col("timed_ms") - nw.col("total_ms")
    found = nw.col("timed_ms") // 60_000
    # The total by the minutes that it is exceeded by: parts of a minute are dropped once.
    expected = found - _beyond_ms // 60_000
    flag = _beyond_ms >= 60_000
