from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import MARKS_SPARED, TOO_MANY_MARKED
from calc.rule import Rule


class AssistantModifierNotDue(Rule):
    """More units are billed with CQ or CO than are due.

    They are due for what an assistant furnished, and before 2020 for nothing. Since 2022 Medicare
    pays 15 per cent of its share too little for such a line; in 2020 and 2021 the modifier changed
    no pay. Payers that pay assistants in full are not looked at. Where CMS's rounded short-cuts or
    a tie leave a choice, the most units count. Where a row of the code names no role nothing is
    said, nor of the supply of a device. Units billed for a denial (GA, GX, GY, GZ) do not count.

    Bill the units without the modifier, or name the assistant in the record.

    Example::

        role,code,minutes,units_billed,modifiers_billed,finding
        therapist,97116,15,1,GP CQ,M302
        therapist,97116,15,1,GP,
        assistant,97116,15,1,GP CQ,
    """

    code, severity, over = "M302", "warning", "service"
    authority = "usc-42-1395m-v"
    needs = ("modifiers_billed", "units_billed", "role", "lengths", "units_apart")
    refuted_by = ("rows",)
    message = (
        "{found} {found:unit|units} of {code} {found:carries|carry} CQ or CO,"
        " {at_most}{expected} {expected:is|are} due[; {none_yet} takes neither on this date]"
    )
    found, expected = nw.col("assistant_units_billed"), nw.col("assistant_high")
    _sure = expected == nw.col("assistant_low")
    _none_yet = nw.when(nw.col("assistant_policy") == 0).then("code")
    said = (("at_most", nw.when(~_sure).then(nw.lit("at most "))), ("none_yet", _none_yet))
    flag = nw.col("payer_assistant_cut") & (nw.col("unnamed_rows") == 0) & TOO_MANY_MARKED
    # What M303 says to take off: beside GN but on an assistant's row, and wherever none is due.
    _off = nw.when(expected == 0).then(nw.col("stray_units")).otherwise(nw.col("gn_units"))
    _stray = found - _off <= expected + MARKS_SPARED
    explained = nw.when(_stray).then(nw.lit("M303")).otherwise(nw.lit(""))
