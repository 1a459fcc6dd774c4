from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import has, of_another_discipline
from calc.rule import Rule


class AssistantModifierUnpaired(Rule):
    """CQ stands without GP, CO without GO, or either beside GN.

    CQ is for physical therapist assistants and goes with GP, CO is for occupational therapy
    assistants and goes with GO; speech-language pathology has none. Medicare returns such a
    line; those of other payers are left alone.

    Put the discipline's modifier beside the assistant's; of two that do not go together correct
    the one that the record contradicts, and where no unit is an assistant's take CQ and CO off.

    Example::

        code,minutes,units_billed,modifiers_billed,finding
        97116,15,1,CQ,M303
        97116,15,1,GP CQ,
    """

    code, severity, over = "M303", "error", "assistant_row"
    authority, needs = "mcpm-5-20.1", ("modifiers_billed", "units_billed", "all_modifiers")
    message = "modifiers of {code} are {found}; {fault}"
    found, _of = nw.col("modifiers_billed"), nw.col("discipline").cast(nw.String)
    _alone, _stray_co = ~has("GP|GO|GN"), has("CO") & ~has("GO")
    _paired_cq, _paired_co = has("GP") & has("CQ"), has("GO") & has("CO")
    _other, _undue = of_another_discipline(), nw.col("none_due") & (_of != "")
    _fault = (
        nw.when(~_other.is_null()).then(nw.concat_str([_other, nw.lit(" does not go with "), _of]))
        .when(_alone & has("CQ")).then(nw.lit("GP is missing"))
        .when(_alone).then(nw.lit("GO is missing"))
        .when(has("GN") & _paired_cq).then(nw.lit("GN does not go with GP CQ"))
        .when(has("GN") & _paired_co).then(nw.lit("GN does not go with GO CO"))
        .when(has("GN") & has("CQ")).then(nw.lit("CQ does not go with GN"))
        .when(has("GN")).then(nw.lit("CO does not go with GN"))
        .when(_stray_co).then(nw.lit("CO does not go with GP"))
        .otherwise(nw.lit("CQ does not go with GO"))
    )  # fmt: skip
    # Beside GN or against the discipline the record tells what is right, else none that is due.
    expected = (
        nw.when(~_other.is_null() | has("GN") | _undue).then("of_record")
        .when(_alone & has("CQ")).then(nw.lit("GP"))
        .when(_alone).then(nw.lit("GO"))
        .when(nw.col("none_due") & has("GP")).then(nw.lit("GP"))
        .when(nw.col("none_due")).then(nw.lit("GO"))
        .when(_stray_co).then(nw.lit("CQ or GO"))
        .otherwise(nw.lit("CO or GP"))
    )  # fmt: skip
    said = (("fault", _fault),)
    flag = (
        nw.col("payer_part_b")
        & (nw.col("units_billed") > 0)
        & ((has("CQ") & ~has("GP")) | (has("CO") & ~has("GO")) | has("GN"))
    )
