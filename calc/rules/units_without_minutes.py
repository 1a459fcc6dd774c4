from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class UnitsWithoutMinutes(Rule):
    """A timed code has neither minutes nor start and end.

    Timed codes are paid by the minute, and minutes are never invented. Without them no unit can
    be defended. Units billed for a denial (GA, GX, GY, GZ) do not count, and beside them no dollars
    are said.

    Complete the record from the clinician's own notes of the day, never from the claim.

    Example::

        code,minutes,units_billed,finding
        97116,,1,U209
        97116,15,1,
        97161,,1,
    """

    code, severity, over = "U209", "error", "unminuted"
    authority, by_payer, needs = "bpm-15-220.3.E", True, ("times", "lengths")
    message = "{code} has no minutes and no start and end[; units billed: {found}]"
    found = nw.when(nw.col("asks_units_billed")).then("units_bare")
    expected = nw.lit(0)
    flag = (found > 0) | ~nw.col("asks_units_billed")
    takes_units = nw.lit(True)
    cents = nw.col("bare_cents")
