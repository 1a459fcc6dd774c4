from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class MinutesExceedClock(Rule):
    """The minutes logged for a session exceed its clock times.

    Minutes beyond the time from start to end cannot have been given, and the smaller figure
    counts. Fewer minutes than the clock shows are no fault: the patient may have rested. Where only
    the minutes earn the units that are billed it is an error, else a warning.

    Correct the minutes or the times, whichever the note does not support.

    Example::

        code,start,end,minutes,finding
        97116,09:00,09:30,31,T110
        97116,09:00,09:30,30,
    """

    code, severity, over = "T110", "error", "beyond_clock"
    authority = "decision"
    needs = ("clocks",)
    message = "{found} {found:minute is|minutes are} logged, {expected} from start to end"
    other_severity, milder = "warning", ~nw.col("earns")
    milder_by_units = True
    cents = nw.col("over_cents")
    _clock_ms = nw.col("end_ms") - nw.col("start_ms")
    found, expected = nw.col("given_ms") // 60_000, _clock_ms // 60_000
    flag = nw.col("given_ms") - _clock_ms >= 60_000
