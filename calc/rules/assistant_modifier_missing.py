from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class AssistantModifierMissing(Rule):
    """Units that an assistant furnished are billed without CQ or CO.

    Since 2022 Medicare pays 85 per cent of its share for them, so that the plain line is overpaid;
    in 2020 and 2021 the modifier changed no pay. Where CMS's rounded short-cuts or a tie leave a
    choice, the fewest units count. Nothing is said of the supply of a device, nor of several
    units of an area, a month and the like where a therapist had a part too: no row says which unit
    is whose. Units billed for a denial (GA, GX, GY, GZ) do not count.

    Bill these units on a line of their own with CQ (physical) or CO (occupational therapy).

    Example::

        role,code,minutes,units_billed,modifiers_billed,finding
        assistant,97116,15,1,GP,M301
        assistant,97116,15,1,GP CQ,
        therapist,97116,15,1,GP,
    """

    code, severity, over = "M301", "error", "service"
    authority = "usc-42-1395m-v"
    needs = ("modifiers_billed", "units_billed", "role", "lengths", "all_modifiers", "units_apart")
    refuted_by = ("rows",)
    message = (
        "{found} {found:unit|units} of {code} {found:carries|carry} CQ or CO,"
        " {at_least}{expected} {expected:is|are} due"
    )
    found, _due = nw.col("assistant_units_billed"), nw.col("assistant_low")
    _sure = _due == nw.col("assistant_high")
    said = (("at_least", nw.when(~_sure).then(nw.lit("at least "))),)
    _asked = nw.col("billed") - nw.col("refused_units")
    # Beside a denial the units asked for may be all of the therapist's.
    _fewest = _asked - (nw.col("units") - _due)
    expected = nw.min_horizontal(
        _due, nw.when(nw.col("refused_units") > 0).then(_fewest).otherwise(_asked)
    )
    _short = (found < _due) & (found < _fewest)
    flag = nw.col("payer_assistant_cut") & _short
    # Help in an evaluation is to be explained, and the modifier is due for it all the same.
    _alone = nw.col("assistant_rows") >= nw.col("documented_rows")
    _not_payable = (nw.col("evaluation") != "") & _alone
    explained = nw.when(_not_payable).then(nw.lit("U210")).otherwise(nw.lit(""))
