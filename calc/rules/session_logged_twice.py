from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class SessionLoggedTwice(Rule):
    """The same session stands in the log a second time.

    Patient, clinician, code and times are those of an earlier row, so its units would be paid
    twice. Rows without clock times, or with the times of a whole visit, that repeat the minutes
    of a code may be two runs: they are a warning, unless a code of one unit a day is billed on
    both. So are rows for two payers, one of which may be the second in turn.

    Take the second row out. Where there were two runs, log when each began and ended.

    Example::

        patient,clinician,code,start,end,finding
        A,Kim,97116,09:00,09:30,
        A,Kim,97116,09:00,09:30,T103
        B,Kim,97116,10:00,10:15,
        B,Kim,97116,10:15,10:30,
    """

    code, severity, over = "T103", "error", "clash"
    authority = "mcpm-5-20.2"
    needs = ("lengths",)
    message = "{found} {found:minute is|minutes are} logged already (row {rows})"
    found, expected = nw.col("shared_ms") // 60_000, nw.lit(0)
    flag = nw.col("kind") == 1
    other_severity, milder = "warning", nw.col("loose") | nw.col("two_payers")
    cents = nw.col("over_cents")
