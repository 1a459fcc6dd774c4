from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import PARTLY_ASSISTANTS, TOO_MANY_MARKED, with_units_of_add_on
from calc.rule import Rule


class CodeOnSeveralLines(Rule):
    """A timed code is billed on several lines of a day for no reason that shows.

    All minutes of a code on a day belong on one line; a second one reads as a duplicate and is
    denied. One line of an assistant's units (CQ, CO), lines of another discipline or with 59
    stand apart rightly, by payers that pay assistants in full without it too. So do lines billed
    for a denial (GA, GX, GY, GZ). Of payers only those are looked at that count a day's minutes
    together, as Medicare does.

    Add the lines up before billing.

    Example::

        patient,code,start,end,units_billed,modifiers_billed,finding
        A,97110,09:00,09:15,1,GP,U214
        A,97110,14:00,14:15,1,GP,
        B,97110,09:00,09:15,2,GP,
        B,97110,14:00,14:15,,,
    """

    code, severity, over = "U214", "warning", "service"
    authority, by_payer = "mcpm-5-20.2", True
    needs = ("units_billed", "modifiers_billed", "all_modifiers")
    message = (
        "{code} is billed on {found} lines[ with {modifier}] of the day,"
        " {expected} {expected:is|are} due"
    )
    _plain, _marked = nw.col("plain_rows"), nw.col("marked_plain_rows")
    found = nw.max_horizontal(_plain, _marked)
    _cut = nw.col("payer_assistant_cut")
    expected = nw.when(PARTLY_ASSISTANTS & ~_cut).then(2).otherwise(1)
    said = (("modifier", nw.when(_plain < _marked).then(nw.lit("CQ or CO"))),)
    _as_medicare = nw.col("payer_part_b") | nw.col("in_pool")
    flag = nw.col("timed") & _as_medicare & (found > expected)
    # An assistant's line stands apart rightly and lacks its modifier, or a therapist's has it.
    _unmarked = _cut & (nw.col("assistant_units_billed") < nw.col("assistant_units"))
    # The further ones are units too many: the add-on's under its primary code, or the day's.
    _further = nw.col("kept_units") - nw.col("units_high") >= found - expected
    _of_add_on = with_units_of_add_on() & _further.fill_null(False)
    _of_day = nw.col("group_kept") - nw.col("group_refused") > nw.col("group_units")
    explained = (
        nw.when(nw.col("twin_rows") > 0).then(nw.lit("T103"))
        # Its first line may be the primary code's: then the two are not one line.
        .when(nw.col("lacks_primary")).then(nw.lit("U213"))
        .when(_of_add_on & nw.col("above_usual")).then(nw.lit("U206"))
        .when(_of_add_on).then(nw.lit("U203"))
        .when(_unmarked.fill_null(False)).then(nw.lit("M301"))
        .when((_cut & TOO_MANY_MARKED & (_plain < _marked)).fill_null(False)).then(nw.lit("M302"))
        .when((_of_day & _further).fill_null(False)).then(nw.lit("U201"))
        .otherwise(nw.lit(""))
    )  # fmt: skip
