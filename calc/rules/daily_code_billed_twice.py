from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class DailyCodeBilledTwice(Rule):
    """A code that counts once a day is billed with more units.

    Evaluations, supervised treatments and other untimed codes are one unit a day in a
    discipline, whatever their minutes. Units billed for a denial (GA, GX, GY, GZ) do not count.

    Bill one unit. Where it was timed treatment, the code may be the wrong one.

    Example::

        code,minutes,units_billed,finding
        97161,45,3,U205
        97162,45,1,
    """

    code, severity, over = "U205", "error", "service"
    authority, by_payer = "mcpm-5-20.2", True
    needs = ("units_billed", "units_apart")
    message = "{found} {found:unit|units} of {code} billed, a day has {expected}"
    found, expected = nw.col("billed") - nw.col("refused_units"), nw.lit(1)
    flag = (nw.col("unit_basis") == "day") & (found > 1)
    # Of what no session supports U207 says the dollars.
    _told = (nw.col("refused_units") == 0) & (nw.col("documented_rows") > 0)
    takes_units = nw.lit(True)
    cents = nw.when(_told).then("over_cents")
    explained = (
        nw.when(nw.col("documented_rows") == 0).then(nw.lit("U207"))
        # One unit for each row that repeats another one.
        .when((nw.col("twin_rows") > 0) & (found <= nw.col("twin_rows") + 1)).then(nw.lit("T103"))
        .otherwise(nw.lit(""))
    )  # fmt: skip
