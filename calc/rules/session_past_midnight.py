from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class SessionPastMidnight(Rule):
    """A session runs past midnight.

    All its minutes count for the day on which it began. Outpatient therapy at that hour is rare,
    and more often an end on the wrong date.

    Check the date of the end.

    Example::

        code,start,end,finding
        97116,2026-03-02 23:30,2026-03-03 00:15,T108
        97116,2026-03-02 23:15,2026-03-03 00:00,
    """

    code, severity, over = "T108", "info", "row"
    authority = "decision"
    needs = ("clocks",)
    message = (
        "a session of {found} {found:minute|minutes} runs past midnight and counts for the day of"
        " its start"
    )
    found, expected = nw.col("length_ms") // 60_000, nw.lit("")
    flag = nw.col("past_midnight") & nw.col("counts")
