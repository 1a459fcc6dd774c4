from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import MARKED_LACKS_KX, PLAIN_LACKS_KX, THRESHOLD_SAID
from calc.rule import Rule


class ThresholdModifierMissing(Rule):
    """A line above the year's threshold is billed without KX.

    Once a patient's allowed amounts of the year pass the threshold, KX says that the treatment
    is still necessary; without it the line is denied. Amounts of other providers are seen only
    if given. On the day that passes the threshold nobody tells which line comes last: one that
    passes it by itself needs KX, and where only its lines together do, one of them is named, if too
    few have it. From the next day on each line needs it, and so does one whose amount only the
    contractor knows. An assistant's line and the therapist's are two. Units billed for a denial
    (GA, GX, GY, GZ) do not count, nor do days in doubt. In the example `prior` stands for the cents
    of a file given by --prior.

    Check that the record bears out the need, and add KX.

    Example::

        patient,date,code,minutes,units_billed,modifiers_billed,prior,finding
        A,2026-03-02,97116,15,1,GP,248000,M305
        B,2026-03-02,97116,15,1,GP KX,248000,
        C,2026-03-02,97116,15,1,GP,,
    """

    code, severity, over = "M305", "error", "service"
    authority = "usc-42-1395l-g"
    needs, edition = ("modifiers_billed", "units_billed", "all_modifiers", "units_apart"), "kx"
    message = (
        "{code} is billed without KX[ on its line {lacking}], and the year's allowed amounts in"
        " {seen} pass the threshold (${year_dollars} of ${limit_dollars})"
    )
    found, expected = nw.lit(""), nw.lit("KX")
    _one_has_it = nw.when(nw.col("kx_rows") > 0)
    _which = (
        nw.when(MARKED_LACKS_KX).then(nw.lit("with CQ or CO")).otherwise(nw.lit("without CQ or CO"))
    )
    said = (*THRESHOLD_SAID, ("lacking", _one_has_it.then(_which)))
    flag = (
        nw.col("kx_due")
        & (nw.col("refused_rows") == 0)
        & (
            (nw.col("kx_rows") == 0)
            | (nw.col("kx_plain") & PLAIN_LACKS_KX)
            | (nw.col("kx_marked") & MARKED_LACKS_KX)
        )
    )
