from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class ChargeBelowFee(Rule):
    """A charge is below the payer's fee.

    Medicare pays the lesser of the charge and the fee schedule for each line, so the difference is
    lost. The fee is that of the day and place, after the reduction for several procedures. Units
    with CQ or CO are a line of their own.

    Raise the charge in the practice's own fee list. Lines billed for a denial (GA, GX, GY, GZ) are
    left alone.

    Example::

        code,minutes,units_billed,charge,finding
        97116,15,1,20.00,P401
        97116,15,1,60.00,
    """

    code, severity, over = "P401", "info", "service"
    authority, by_payer = "usc-42-1395w-4", True
    needs = ("units_billed", "charge", "units_apart")
    refuted_by = ("lines", "rows")
    message = "${found_dollars} is charged{by_line}, the fee is ${expected_dollars}"
    found, expected = nw.col("billed_cents"), nw.col("billed_scheduled_cents")
    # What of a charge is above the fee of one line does not help the other one.
    _by_line = found != nw.col("charge_cents")
    said = (("by_line", nw.when(_by_line).then(nw.lit(" within the fees of its lines"))),)
    flag = (
        (found < expected)
        & (nw.col("billed") == nw.col("units"))
        & (nw.col("uncharged_rows") == 0)
        & (nw.col("refused_rows") == 0)
    )
    cents = found - expected
