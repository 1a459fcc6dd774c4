from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class AssistantNeverModified(Rule):
    """An assistant's services are never billed with CQ or CO.

    Medicare pays less for services that an assistant furnished, and knows them by the modifier. An
    assistant without a single one suggests that the billing system leaves it out.

    Look at how the claims of this assistant are made. Single lines are another rule's (M301).

    Example::

        clinician,role,code,minutes,units_billed,modifiers_billed,finding
        Kim,assistant,97116,15,1,GP,S705
        Lee,assistant,97116,15,1,GP CQ,
    """

    code, severity, over = "S705", "info", "habit"
    authority = "usc-42-1395m-v"
    needs = ("modifiers_billed", "role", "clinician", "all_modifiers")
    refuted_by = ("lines",)
    message = "{found} {found:unit is|units are} due with CQ or CO, none is billed so"
    found, expected = nw.col("assistant_units_due"), nw.lit(0)
    flag = (found > 0) & (nw.col("assistant_marks") == 0)
