from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import has
from calc.rule import Rule


class DisciplineModifierMissing(Rule):
    """A line is billed to Medicare without GP, GO or GN.

    Every line of therapy says by its modifier under which discipline's plan it was given.
    Without it Medicare returns the line.

    Add GP (physical), GO (occupational therapy) or GN (speech-language pathology).

    Example::

        code,minutes,units_billed,modifiers_billed,finding
        97116,15,1,KX,M304
        97116,15,1,GP,
    """

    code, severity, over = "M304", "error", "row"
    authority = "mcpm-5-20.1"
    needs = ("modifiers_billed", "units_billed", "all_modifiers")
    message = "{code} is billed without GP, GO or GN"
    found, expected = nw.col("modifiers_billed"), nw.lit("GP GO GN")
    flag = (
        nw.col("payer_part_b")
        & (nw.col("units_billed") > 0)
        & (nw.col("counts") | ~nw.col("documented"))
        & ~has("GP|GO|GN")
    )
    explained = nw.when(has("CQ|CO")).then(nw.lit("M303")).otherwise(nw.lit(""))
