from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class DayTotalsHeap(Rule):
    """A clinician's day totals heap just at the minutes that earn a unit.

    Of totals from two minutes below a threshold (8, 23, 38, 53) to three above it, a third should
    be the threshold's minute or the next. More than chance explains, over all clinicians of the
    log, suggests minutes written to fit units.

    This is no fault by itself. Compare the log with times that nobody writes by hand. In the
    example `times` stands for so many patients alike.

    Example::

        clinician,code,minutes,times,finding
        Kim,97116,8,20,S701
        Kim,97116,11,2,
        Lee,97116,7,7,
        Lee,97116,8,7,
        Lee,97116,10,7,
    """

    code, severity, over = "S701", "info", "habit"
    authority = "decision"
    needs = ("clinician", "lengths")
    message = "{found} of {expected} day totals near a unit's threshold {found:lies|lie} just on it"
    found, expected = nw.col("heap_days"), nw.col("near_days")
    flag = nw.col("heaped") & (nw.col("sessions") >= nw.col("round_sessions_limit"))
