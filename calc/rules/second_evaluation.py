from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class SecondEvaluation(Rule):
    """A first evaluation follows another one of its kind within days.

    A patient is evaluated once for an episode of care; what follows soon is a re-evaluation or
    a new problem. The days looked at are a limit of our own.

    Check that the second evaluation is for another condition, and that the record says so.

    Example::

        patient,date,code,minutes,finding
        A,2026-03-02,97161,30,
        A,2026-04-01,97162,30,U215
        B,2026-03-02,97161,30,
        B,2026-04-02,97162,30,
    """

    code, severity, over = "U215", "info", "evaluation"
    authority = "decision"
    message = (
        "{code}[ and {other} are evaluations of one kind on the same day]"
        "[{joined} {later} {later:day|days} after the evaluation before it;"
        " {expected} {expected:day is|days are} the limit]"
    )
    found, expected = nw.col("days_since"), nw.col("evaluation_days_limit")
    _same_day = nw.when(found == 0).then(nw.col("last_code").cast(nw.String))
    _joined = nw.when(found == 0).then(nw.lit(",")).otherwise(nw.lit(" is"))
    _soon = nw.col("days_before") <= expected
    said = (
        ("other", _same_day),
        ("joined", nw.when(_soon).then(_joined)),
        ("later", nw.col("days_before")),
    )
    flag = found <= expected
