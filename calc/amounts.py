"""Allowed amounts of code lines as supported and as billed, and the running total for KX.

Authority: 42 U.S.C. 1395w-4 and MCPM ch. 5 s. 10.7 (fees, reduction), 1395l(g) (KX threshold).
Amounts are cents, before deductible and shares.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import billed, billing, engine, pricing
from calc.params import Config


def fees(
    lines: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    options: billing.Options,
    services: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """Add the fee of a unit, full and reduced; the figures behind it are let go."""
    return billing.fees(lines, config, days, options, services).drop(_FIGURES)


_FIGURES = (
    "cf", "participation_percent", "year_deductible_cents", "mppr_percent", "coinsurance_percent",
    "assistant_share_percent", "sequestration_permille", "rvu_edition", "gpci_edition", "status",
    "payer_sequestration", "mppr_indicator", "work_nano", "unsure", "price_reason",
    "settles", "work_rvu", "mp_rvu", "work_gpci", "pe_gpci", "mp_gpci",
    "own_fee_cents", "own_reduced_cents",
)  # fmt: skip
_FEES = (
    "pe_rvu", "less_pe", "less_fee", "reducible", "reduced_cents", "payer_mppr", "payer_fee_table",
)  # fmt: skip


def allowed(lines: nw.LazyFrame[Any], units: str, name: str) -> nw.LazyFrame[Any]:
    """Add `name_cents`, what is allowed for ``units``, and its schedule `name_scheduled_cents`."""
    count = nw.col(units)
    # A code with a plain line takes its turn in the reduction by that.
    all_assistants = nw.col("assistant_units") >= nw.max_horizontal("units", nw.lit(1))
    lines = lines.with_columns(
        own_units=nw.col("units"),
        units=count,
        code_units=count,
        modified=nw.when(all_assistants).then(1).otherwise(0),
    )
    lines = pricing.allow(pricing.reduce_multiple(lines)).rename(
        {"allowed_cents": f"{name}_cents", "scheduled_cents": f"{name}_scheduled_cents"}
    )
    lines = lines.with_columns(units=nw.col("own_units"))
    return lines.drop("own_units", "code_units", "modified", "day_turn", "full_units")


def with_amounts(
    lines: nw.LazyFrame[Any], config: Config, days: list[date], options: billing.Options
) -> nw.LazyFrame[Any]:
    """Add supported_cents, billed_cents, kept_cents, the differences between them, and KX.

    Needs `fees` and units, billed, kept_units, odd_group. ``over_cents`` is kept less supported,
    ``unsupported_cents`` billed less kept. What the reduction shifts to lines whose own units are
    right stands with the first line of the visit whose units are not, so that both add up to what
    the visit was billed too much. ``kx_due``, ``kx_each``, ``kx_early``: see `_with_kx`. Amounts
    are null in visits where nobody asks: billed as supported, not charged below the fee, far from
    a threshold.
    """
    lines = billing.kx_figures(lines, config, days, options)
    # No reduction and no charge: never less than what is allowed.
    most = nw.col("fee_cents") * nw.max_horizontal("billed", "units")
    spent = nw.when(nw.col("payer_part_b")).then(most).otherwise(0).fill_null(0)
    lines = lines.with_columns(spent=spent.cast(nw.Int64))
    lines = engine.summed(lines, pricing.KX_YEAR, "spent", "year_spent")
    unpaid = nw.col("price_status").is_in(["bundled", "not paid"]).fill_null(False)
    unknown = nw.col("payer_part_b") & (most.is_null() | nw.col("fee_cents").is_null()) & ~unpaid
    bills = (nw.col("billed") > 0) | (nw.col("units") > 0).fill_null(True)
    lines = engine.touched(lines, unknown & bills, pricing.KX_YEAR, "unpriced_year")
    near = nw.col("year_spent") + nw.col("prior_cents") > nw.col("kx_least_cents")
    known = ~nw.col("kx_threshold_cents").is_null()
    below = nw.col("charge_cents") < nw.col("fee_cents") * nw.col("billed")
    nothing = nw.lit(None, dtype=nw.Int64)
    none = nw.when(~nw.col("fee_cents").is_null()).then(0).cast(nw.Int64)
    lines = lines.with_columns(
        near_threshold=near.fill_null(False),
        kx_due=nw.when(known).then(nw.lit(False)),
        kx_each=nw.lit(False),
        kx_early=nw.when(known).then(nw.lit(True)),
        year_cents=nw.lit(0, dtype=nw.Int64),
        over_cents=none,
        unsupported_cents=none,
        **dict.fromkeys(_AMOUNTS, nothing),
    )
    asked = billed.is_odd() | below.fill_null(False) | nw.col("near_threshold")
    lines = engine.settled(engine.touched(lines, asked, pricing.VISIT, "asked"))
    lines = engine.some(lines, nw.col("asked"), _priced, (*_AMOUNTS, *_DIFFERENCES))
    lines = engine.some(lines, nw.col("near_threshold"), _with_kx, _KX)
    # Where an amount of the year is not known, nobody can say that the threshold is not passed.
    early = nw.when(~nw.col("unpriced_year")).then(nw.col("kx_early"))
    return lines.with_columns(kx_early=early).drop(
        *_FEES, "spent", "year_spent", "near_threshold", "asked", "unpriced_year",
        "kx_least_cents", "shared_units",
    )  # fmt: skip


_AMOUNTS = (
    "supported_cents", "supported_scheduled_cents", "billed_cents", "billed_scheduled_cents",
    "kept_cents", "kept_scheduled_cents",
)  # fmt: skip
_DIFFERENCES = ("over_cents", "unsupported_cents")
_KX = ("kx_due", "kx_each", "kx_early", "year_cents")


def _priced(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Whole visits with what is allowed as supported, as billed and as kept."""
    lines = lines.drop(*_AMOUNTS, *_DIFFERENCES)
    for units, name in (("units", "supported"), ("billed", "billed"), ("kept_units", "kept")):
        lines = allowed(lines, units, name)
    lines = _difference(lines, "kept", "kept_units", "supported", "units", "over_cents")
    return _difference(lines, "billed", "billed", "kept", "kept_units", "unsupported_cents")


def _difference(
    lines: nw.LazyFrame[Any], more: str, more_units: str, less: str, less_units: str, name: str
) -> nw.LazyFrame[Any]:
    """Add `more_cents` less `less_cents` as ``name``, for lines whose units differ."""
    own = nw.col(f"{more}_cents") - nw.col(f"{less}_cents")
    wrong = (nw.col(more_units) != nw.col(less_units)).fill_null(False)
    lines = lines.with_columns(
        own_cents=own,
        wrong=wrong,
        # A line without a price, or with one of nothing, takes nothing over.
        right=nw.when(wrong & ~own.is_null() & (nw.col("fee_cents") > 0)).then(0).otherwise(1),
        spilt=nw.when(wrong).then(0).otherwise(own).fill_null(0).cast(nw.Int64),
    )
    order = ["right", "discipline", "payer", "code"]
    lines = engine.within(
        lines, pricing.VISIT, order, total={"visit_spilt": "spilt"}, turn="line_turn"
    )
    takes = (nw.col("line_turn") == 1) & (nw.col("right") == 0)
    cents = nw.col("own_cents") + nw.when(takes).then(nw.col("visit_spilt")).otherwise(0)
    nothing = nw.when(~nw.col("own_cents").is_null()).then(0).cast(nw.Int64)
    return lines.with_columns(nw.when(nw.col("wrong")).then(cents).otherwise(nothing).alias(name))


def _with_kx(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """kx_due and kx_early: KX needed whichever amounts count, or needed under neither.

    ``kx_each``: the threshold is reached before the code, so each line of it needs KX for itself.

    The lesser of the billed and the supported amount accrues for ``kx_due``, the greater for
    ``kx_early``; null without a threshold. Whole years of patients who may pass one.
    """
    known = ~nw.col("kx_threshold_cents").is_null()
    least = nw.min_horizontal("billed_cents", "supported_cents")
    most = nw.max_horizontal("billed_cents", "supported_cents")
    lines = lines.drop(*_KX).with_columns(modified=nw.lit(0), most_cents=most, allowed_cents=least)
    lines = pricing.accrue(lines).rename({"needs_kx": "due", "year_cents": "least_year_cents"})
    before = nw.col("least_year_cents") - nw.col("allowed_cents")
    each = nw.col("due") & (before >= nw.col("kx_threshold_cents"))
    lines = lines.with_columns(kx_each=each.fill_null(False))
    lines = pricing.accrue(lines.with_columns(allowed_cents=nw.col("most_cents")))
    return lines.with_columns(
        kx_due=nw.when(known).then(nw.col("due")),
        kx_early=nw.when(known).then(~nw.col("needs_kx")),
        year_cents=nw.col("least_year_cents"),
    ).drop("due", "needs_kx", "least_year_cents", "allowed_cents", "most_cents", "modified")
