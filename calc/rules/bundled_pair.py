from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import UNPAID
from calc.rule import Rule


class BundledPair(Rule):
    """Two codes that bundle are both billed.

    The second code of such a pair counts as a part of the first. Where the edit allows it, 59
    or an X modifier says that it was given apart; other pairs are never paid both.

    Where the edit allows it and the two were given at different times, add 59. Otherwise bill the
    first code only, and no add-on of the other.

    Example::

        patient,date,code,start,end,units_billed,modifiers_billed,finding
        A,2024-08-05,97530,09:00,09:15,1,GP,
        A,2024-08-05,97750,09:15,09:30,1,GP,M307
        B,2024-08-05,97530,09:00,09:15,1,GP,
        B,2024-08-05,97750,09:15,09:30,1,GP 59,
    """

    code, severity, over = "M307", "error", "pair"
    authority = "ncci"
    needs, edition = ("modifiers_billed", "units_billed", "all_modifiers"), "ptp"
    refuted_by = ("rows",)
    message = "{found} is bundled into {expected}, which is billed for the day too; {opens}"
    _opens = nw.when(nw.col("indicator") == 0).then(nw.lit("no modifier opens the pair"))
    said = (("opens", _opens.otherwise(nw.lit("59 opens the pair where they were given apart"))),)
    found, expected = nw.col("code"), nw.col("column1")
    _apart = nw.col("distinct_rows") + nw.col("distinct_1")
    flag = (nw.col("indicator") == 0) | (_apart == 0)
    takes_units = nw.col("indicator") == 0
    _unpaid = UNPAID & (nw.col("charge_cents") > 0)
    explained = nw.when(_unpaid).then(nw.lit("P402")).otherwise(nw.lit(""))
