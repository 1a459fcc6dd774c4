from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class OneOnOneBeyondTheDay(Rule):
    """A clinician's one-on-one minutes exceed the working day.

    The day is the time sheet's, where one is given, and else runs from the first start to the last
    end. More one-on-one time than that cannot have been given.

    Compare the log with the schedule and the time sheet, and correct what is too long.

    Example::

        clinician,code,start,end,finding
        Kim,97110,09:00,09:30,T105
        Kim,97116,09:29,10:00,
        Lee,97110,09:00,09:30,
        Lee,97116,09:30,10:00,
    """

    code, severity, over = "T105", "error", "clinician_day"
    authority = "mcpm-5-20.2"
    needs = ("clinician", "hours")
    message = "{found} one-on-one {found:minute|minutes} in a day of {expected}"
    found = nw.col("one_on_one_minutes")
    expected = nw.coalesce("sheet_minutes", "span_minutes")
    flag = found > expected
    # Without the minutes of a second patient the day holds what is left.
    _shared = (nw.col("clashes") > 0) & (nw.col("own_minutes") <= expected)
    explained = nw.when(_shared).then(nw.lit("T101")).otherwise(nw.lit(""))
