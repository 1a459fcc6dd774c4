from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import THRESHOLD_SAID
from calc.rule import Rule


class ThresholdModifierEarly(Rule):
    """KX is billed before the year's threshold is passed.

    KX below the threshold attests to nothing and draws reviews. Any line of the day that passes it
    may be the one that does. Other providers' amounts may have passed it, so without their amounts
    (``--prior``) this is a remark only. With them a patient that they do not name has none.

    Leave KX off until the year's allowed amounts pass the threshold.

    Example::

        patient,code,minutes,units_billed,modifiers_billed,finding
        A,97116,15,1,GP KX,M306
        B,97116,15,1,GP,
    """

    code, severity, over = "M306", "warning", "service"
    authority = "usc-42-1395l-g"
    needs, edition = ("modifiers_billed", "units_billed", "units_apart"), "kx"
    refuted_by = ("lines", "year", "amounts")
    message = (
        "{code} is billed with KX, and the year's allowed amounts in {seen} do not pass the"
        " threshold (${year_dollars} of ${limit_dollars})"
    )
    found, expected = nw.lit("KX"), nw.lit("")
    said = THRESHOLD_SAID
    flag = nw.col("kx_early") & nw.col("payer_part_b") & (nw.col("kx_rows") > 0)
    other_severity, milder = "info", ~nw.col("has_prior")
