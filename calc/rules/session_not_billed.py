from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class SessionNotBilled(Rule):
    """A documented service that earns a unit is not billed.

    The day's other codes leave room for the unit, so its pay is lost. A code whose unit could
    as well stand with another one is not reported, nor is one whose unit a row without minutes
    bills (U202 counts these), an evaluation that only assistants gave, or a code that Medicare
    does not pay, at all or beside another one that is billed and documented (pair edits that no
    modifier opens), or another payer pays 0.00.
    A row with a charge is billed, though its units are blank.

    Bill it while the payer still takes a corrected claim.

    Example::

        patient,code,minutes,units_billed,finding
        A,97110,15,1,
        A,97116,15,,U208
        B,97110,15,1,
        B,97116,7,,
    """

    code, severity, over = "U208", "info", "service"
    authority, by_counting_rule = "mcpm-5-20.2", True
    needs = ("units_billed", "lengths")
    refuted_by = ("lines", "rows")
    message = "{code} is documented and not billed: {expected} {expected:unit|units}"
    found, expected = nw.col("billed"), nw.col("units")
    _charged = (nw.col("charge_rows") > 0) & (nw.col("charge_cents") > 0).fill_null(False)
    flag = (
        (found == 0)
        & ~(nw.col("units_claimed").is_null() & _charged)
        & (nw.col("units_low") > 0)
        & (
            ~nw.col("timed")
            | ((nw.col("group_kept") < nw.col("group_units")) & (nw.col("group_without") == 0))
        )
        & ~(nw.col("group_divided") == 1).fill_null(False)
        & ~nw.col("unpayable")
        & ~((nw.col("evaluation") != "") & (nw.col("assistant_rows") >= nw.col("documented_rows")))
    )
    takes_units = nw.lit(True)
    cents = nw.when(~(nw.col("group_doubtful") > 0).fill_null(False)).then("over_cents")
    explained = (
        nw.when(nw.col("lacks_primary")).then(nw.lit("U213"))
        .when(nw.col("group_wrong") > 0).then(nw.lit("U202"))
        .otherwise(nw.lit(""))
    )  # fmt: skip
