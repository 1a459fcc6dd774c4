from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class GroupBesideOneOnOne(Rule):
    """Group and one-on-one treatment of a patient stand on the same minutes.

    A clinician's minutes with a patient are one or the other. Times that are only the visit's
    window prove nothing and are not looked at.

    Correct the times. Where the minutes were shared, they are the group's.

    Example::

        patient,code,start,end,finding
        A,97150,09:00,09:30,
        A,97110,09:20,09:40,U212
        B,97150,09:00,09:30,
        B,97110,09:30,09:45,
        C,97150,09:00,09:30,
    """

    code, severity, over = "U212", "error", "group"
    authority = "bpm-15-230"
    needs = ("clocks", "lengths")
    message = "{found} {found:minute is|minutes are} shared with {expected} (row {rows})"
    found, expected = nw.col("shared_ms") // 60_000, nw.col("code_2")
    flag = found > 0
