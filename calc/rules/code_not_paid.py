from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import UNPAID
from calc.rule import Rule


class CodeNotPaid(Rule):
    """A code that Medicare does not pay is charged.

    Bundled codes are paid with other services of the day, so that their charge must not be passed
    on to the patient. Other codes are not covered, or not valid for Medicare, which may take
    another one instead.

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
    message = (
        "{code} is charged, and Medicare does not pay it ({found})[; Medicare's code is {expected}]"
    )
    _status = nw.col("status")
    found = (
        nw.when(_status == "B").then(nw.lit("bundled"))
        .when(_status == "N").then(nw.lit("not covered"))
        .when(_status == "I").then(nw.lit("not valid for Medicare"))
        .when(_status.is_in(["E", "X"])).then(nw.lit("excluded"))
        .otherwise(nw.lit("not paid by its fee schedule"))
    )  # fmt: skip
    expected = nw.col("medicare_code")
    flag = (
        nw.col("payer_part_b")
        & UNPAID
        & (nw.col("charge_cents") > 0)
        & ((nw.col("billed") > 0) | nw.col("units_claimed").is_null())
        & (nw.col("refused_rows") == 0)
    )
