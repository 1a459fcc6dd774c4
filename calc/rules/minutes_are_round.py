from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class MinutesAreRound(Rule):
    """Nearly all sessions of a clinician last a multiple of five or fifteen minutes.

    Treatment seldom ends on the minute of a schedule. Round lengths suggest that booked times were
    logged instead of treatment.

    This is no fault by itself. Ask how times are taken, and log when treatment starts and ends.
    In the example `times` stands for so many patients alike.

    Example::

        clinician,code,minutes,times,finding
        Kim,97116,15,18,S702
        Kim,97116,17,2,
        Lee,97116,15,17,
        Lee,97116,17,3,
    """

    code, severity, over = "S702", "info", "habit"
    authority = "decision"
    needs = ("clinician", "lengths")
    message = "{found} per cent of the sessions last a multiple of five minutes"
    found = nw.col("on_five") * 100 // nw.col("sessions")
    expected = nw.col("round_percent_limit")
    flag = (nw.col("sessions") >= nw.col("round_sessions_limit")) & (
        nw.col("on_five") * 100 >= nw.col("sessions") * expected
    )
