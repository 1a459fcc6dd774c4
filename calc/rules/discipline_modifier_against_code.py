from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import has
from calc.rule import Rule


class DisciplineModifierAgainstCode(Rule):
    """A line's discipline modifier is not that of its code.

    Evaluation codes belong to one discipline: 97161 to 97164 to physical therapy, 97165 to
    97168 to occupational therapy, 92521 to 92524 to speech-language pathology. Another modifier
    is denied.

    Correct the code or the modifier, whichever the record contradicts. An assistant's modifier
    changes with that of the discipline: CQ goes with GP alone, CO with GO alone.

    Example::

        code,minutes,units_billed,modifiers_billed,finding
        97161,30,1,GO,M309
        97161,30,1,GP,
    """

    code, severity, over = "M309", "error", "row"
    authority = "mcpm-5-20.1"
    needs = ("modifiers_billed", "units_billed")
    message = "{code} is billed with {modifier}, its discipline is {expected}[; {beside} alone]"
    _said = has("GP").cast(nw.Int64) + has("GO").cast(nw.Int64) + has("GN").cast(nw.Int64)
    found = (
        nw.when(has("GP")).then(nw.lit("PT"))
        .when(has("GO")).then(nw.lit("OT"))
        .otherwise(nw.lit("SLP"))
    )  # fmt: skip
    _modifier = (
        nw.when(has("GP")).then(nw.lit("GP"))
        .when(has("GO")).then(nw.lit("GO"))
        .otherwise(nw.lit("GN"))
    )  # fmt: skip
    expected = nw.col("bound_to")
    _beside = (
        nw.when(has("CQ") & (expected != "PT")).then(nw.lit("CQ goes with GP"))
        .when(has("CO") & (expected != "OT")).then(nw.lit("CO goes with GO"))
    )  # fmt: skip
    said = (("modifier", _modifier), ("beside", _beside))
    # Each against its own text: numbered categories compare with one at the speed of numbers.
    _wrong = (
        (has("GP") & (expected != "PT"))
        | (has("GO") & (expected != "OT"))
        | (has("GN") & (expected != "SLP"))
    )
    flag = (nw.col("units_billed") > 0) & (expected != "") & (_said == 1) & _wrong
