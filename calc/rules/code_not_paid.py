from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class CodeNotPaid(Rule):
    """A code that Medicare does not pay is charged.

    Bundled codes are paid with other services of the day, and some codes are not valid for
    Medicare at all. Such a charge must not be passed on to the patient.

    Take the line off the claim, or bill the code that Medicare uses instead (G0283 for 97014).
    Lines billed for a denial (GA, GX, GY, GZ) are left alone.

    Example::

        code,units_billed,charge,finding
        97010,1,15.00,P402
        97012,1,15.00,
    """

    code, severity, over = "P402", "error", "service"
    authority = "usc-42-1395w-4"
    needs = ("charge",)
    message = "{code} is charged, and Medicare does not pay it ({found})"
    found, expected = nw.col("price_status"), nw.lit("")
    flag = (
        nw.col("payer_part_b")
        & nw.col("price_status").is_in(["bundled", "not paid"])
        & (nw.col("charge_cents") > 0)
        & ((nw.col("billed") > 0) | nw.col("units_claimed").is_null())
        & (nw.col("refused_rows") == 0)
    )
