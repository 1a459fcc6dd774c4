from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import has
from calc.rule import Rule


class AssistantModifierUnpaired(Rule):
    """CQ stands without GP, CO without GO, or either beside GN.

    CQ is for physical therapist assistants and goes with GP, CO is for occupational therapy
    assistants and goes with GO; speech-language pathology has none. Medicare returns such a
    line.

    Put the discipline's modifier beside the assistant's.

    Example::

        code,minutes,units_billed,modifiers_billed,finding
        97116,15,1,CQ,M303
        97116,15,1,GP CQ,
    """

    code, severity, over = "M303", "error", "row"
    authority = "mcpm-5-20.1"
    needs = ("modifiers_billed", "units_billed")
    message = "modifiers of {code} are {found}; {expected} is missing or wrong"
    found = nw.col("modifiers_billed")
    _other = nw.when(has("CO") & ~has("GO")).then(nw.lit("GO"))
    _beside_gn = nw.when(has("CQ")).then(nw.lit("GP")).otherwise(nw.lit("GO"))
    expected = (
        nw.when(has("CQ") & ~has("GP"))
        .then(nw.lit("GP"))
        .otherwise(nw.coalesce(_other, _beside_gn))
    )
    flag = (
        nw.col("payer_part_b")
        & (nw.col("units_billed") > 0)
        & ((has("CQ") & ~has("GP")) | (has("CO") & ~has("GO")) | (has("CQ|CO") & has("GN")))
    )
