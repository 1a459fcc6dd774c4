from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class EvaluationByAssistant(Rule):
    """An assistant took part in an evaluation or re-evaluation.

    Evaluating is the therapist's own work; an assistant may not furnish it. One done by an
    assistant alone is not payable. One done in part may be help that the record should explain.

    Check who evaluated. Where it was the assistant, take the line off the claim.

    Example::

        patient,role,code,minutes,finding
        A,assistant,97164,15,U210
        B,therapist,97164,15,
    """

    code, severity, over = "U210", "error", "service"
    authority = "bpm-15-230"
    needs = ("role",)
    refuted_by = ("rows",)
    message = (
        "{code}: {found} of {expected} {expected:row|rows} of the evaluation"
        " {found:is|are} an assistant's"
    )
    found, expected = nw.col("assistant_rows"), nw.col("documented_rows")
    flag = (nw.col("evaluation") != "") & (found > 0)
    other_severity, milder = "warning", found < expected
    takes_units = (found >= expected) & (nw.col("billed") > nw.col("refused_units"))
