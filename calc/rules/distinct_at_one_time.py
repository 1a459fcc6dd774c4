from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class DistinctAtOneTime(Rule):
    """A line says by 59 or X that its time was apart, and shares minutes with another code.

    59, XE, XP, XS and XU unbundle codes given at different times. Where the clock times meet,
    the modifier is wrong. Codes that share no minutes with some other code of the visit are not
    reported: the modifier may be meant for that one. Nor are lines billed for a denial (GA, GX, GY,
    GZ).

    Correct the times, or take the modifier and the bundled code off the claim.

    Example::

        patient,code,start,end,units_billed,modifiers_billed,finding
        A,97530,09:00,09:30,1,GP,
        A,97750,09:15,09:30,1,GP 59,M308
        B,97530,09:00,09:15,1,GP,
        B,97750,09:15,09:30,1,GP 59,
    """

    code, severity, over = "M308", "error", "same_minutes"
    authority = "ncci"
    needs = ("modifiers_billed", "units_billed", "clocks", "lengths")
    message = (
        "{code} is billed as distinct, and {found} {found:minute is|minutes are} shared with"
        " {expected}"
    )
    found, expected = nw.col("shared_ms") // 60_000, nw.col("code_2")
    flag = nw.col("apart_from") == 0
    cents = nw.col("over_cents")
