from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class UnitsAboveMostUsual(Rule):
    """More units of a code are billed for a day than the medically unlikely edit allows.

    Medicare's edits hold the most units that a code plausibly has on a day, over all lines of a
    provider. Some edits are absolute for the day and deny the line: an error. The others can be
    appealed with the record: a warning.

    Check the minutes. Where they bear the units out, keep the record at hand for an appeal, or bill
    the further units under the add-on code (97130 with 97129) where there is one.
    Lines billed for a denial (GA, GX, GY, GZ) are left alone.

    Example::

        code,date,minutes,units_billed,finding
        97116,2024-08-05,75,5,U206
        97116,2024-08-05,60,4,
    """

    code, severity, over = "U206", "error", "allowed_most"
    authority = "ncci"
    needs, edition = ("units_billed", "units_apart"), "mue"
    message = "{found} {found:unit|units} of {code} billed, the edit allows {expected}"
    found, expected = nw.col("billed"), nw.col("mue")
    flag = found > expected
    # Units of the add-on that are billed with its primary code: what the exchange costs.
    cents = nw.col("exchange_cents")
    takes_units = nw.col("unpaid") == 0  # what is not paid costs nothing
    other_severity, milder = "warning", nw.col("mai") != 2
    explained = (
        nw.when(nw.col("unpaid") > 0).then(nw.lit("P402"))
        .when(nw.col("by_day") > 0).then(nw.lit("U205"))
        .when((nw.col("excess") > 0) & (nw.col("units") <= expected)).then(nw.lit("U201"))
        .otherwise(nw.lit(""))
    )  # fmt: skip
