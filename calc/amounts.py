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
from calc.schema import CLAIM_ORDER


def fees(
    lines: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    options: billing.Options,
    services: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """Add the fee of a unit, full and reduced; the figures behind it are let go."""
    return billing.fees(lines, config, days, options, services).drop(_FIGURES)


def thresholds(
    lines: nw.LazyFrame[Any], config: Config, days: list[date], options: billing.Options
) -> nw.LazyFrame[Any]:
    """Add `billing.kx_figures` to lines with `fees`, and ``untold_year``.

    That is whether nobody knows of which of the patient's years an amount spent elsewhere is.
    """
    return _with_untold_year(billing.kx_figures(lines, config, days, options), options)


_FIGURES = (
    "cf", "participation_percent", "year_deductible_cents", "mppr_percent", "coinsurance_percent",
    "assistant_share_percent", "sequestration_permille", "rvu_edition", "gpci_edition",
    "payer_sequestration", "mppr_indicator", "work_nano", "unsure", "price_reason",
    "settles", "work_rvu", "mp_rvu", "work_gpci", "pe_gpci", "mp_gpci",
    "own_fee_cents", "own_reduced_cents",
)  # fmt: skip
_FEES = (
    "pe_rvu", "less_pe", "less_fee", "reducible", "reduced_cents", "payer_mppr", "payer_fee_table",
)  # fmt: skip


def allowed(lines: nw.LazyFrame[Any], units: str, name: str, marked: nw.Expr) -> nw.LazyFrame[Any]:
    """Add `name_cents`, what is allowed for ``units``, and its schedule `name_scheduled_cents`.

    ``marked``: as many of a code's units are on a line of their own, with CQ or CO.
    """
    count = nw.col(units)
    lines = lines.with_columns(
        marks=marked, own_units=nw.col("units"), units=count, code_units=count
    )
    # A code with a plain line takes its turn in the reduction by that.
    all_marked = nw.col("marks") >= nw.max_horizontal("units", nw.lit(1))
    all_marked = all_marked.fill_null(False)
    lines = lines.with_columns(modified=nw.when(all_marked).then(1).otherwise(0))
    lines = pricing.allow(pricing.reduce_multiple(lines))
    lines = pricing.allow_by_line(lines, nw.min_horizontal("marks", "units")).drop("marks")
    lines = lines.rename(
        {"allowed_cents": f"{name}_cents", "scheduled_cents": f"{name}_scheduled_cents"}
    )
    lines = lines.with_columns(units=nw.col("own_units"))
    return lines.drop("own_units", "code_units", "modified", "day_turn", "full_units")


def marked(units: str, billed_units: str, assistants: str) -> nw.Expr:
    """How many of a code's ``units`` are on a line with CQ or CO: as billed, if so many are.

    Of fewer as many as are both billed and due to the ``assistants``, of more as many as are
    either, as far as the log says who they are.
    """
    as_billed, due = nw.col("assistant_units_billed"), nw.col(assistants)
    named = (due > 0) | (nw.col("unnamed_rows") == 0)
    due = nw.when(named).then(due).otherwise(as_billed)
    count, number = nw.col(units), nw.col(billed_units)
    return (
        nw.when(count > number).then(nw.max_horizontal(as_billed, due))
        .when(count < number).then(nw.min_horizontal(as_billed, due))
        .otherwise(as_billed)
    )  # fmt: skip


def with_amounts(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add supported_cents, billed_cents, kept_cents, the differences between them, and KX.

    Needs `fees`, `thresholds` and units, billed, kept_units, odd_group. ``over_cents`` is kept
    less supported, ``unsupported_cents`` billed less kept. What the reduction shifts to lines whose
    own units are right stands with the first line of the visit whose units are not, so that both
    add up to what the visit was billed too much. ``kx_due``, ``kx_plain``, ``kx_marked``,
    ``kx_early``: see `_with_kx`. Amounts are null in visits where nobody asks: billed as supported,
    not charged below the fee, far from a threshold and without KX. Nobody can say what is due or
    early of an ``untold_year``.
    """
    # No reduction and no charge: never less than what is allowed.
    most = nw.col("fee_cents") * nw.max_horizontal("billed", "units")
    spent = nw.when(nw.col("payer_part_b")).then(most).otherwise(0).fill_null(0)
    lines = lines.with_columns(spent=spent.cast(nw.Int64))
    lines = engine.summed(lines, pricing.KX_YEAR, "spent", "year_spent")
    unpaid = billed.UNPAID.fill_null(False)
    unknown = nw.col("payer_part_b") & (most.is_null() | nw.col("fee_cents").is_null()) & ~unpaid
    bills = (nw.col("billed") > 0) | (nw.col("units") > 0).fill_null(True)
    lines = engine.touched(lines, unknown & bills, pricing.KX_YEAR, "unpriced_year")
    lines = engine.touched(lines, nw.col("kx_rows") > 0, pricing.KX_YEAR, "kx_year")
    near = nw.col("year_spent") + nw.col("prior_cents") >= nw.col("kx_least_cents")
    known = ~nw.col("kx_threshold_cents").is_null()
    below = _below_fee()
    nothing = nw.lit(None, dtype=nw.Int64)
    none = nw.when(~nw.col("fee_cents").is_null()).then(0).cast(nw.Int64)
    lines = lines.with_columns(
        near_threshold=near.fill_null(False) | nw.col("kx_year"),
        kx_due=nw.when(known).then(nw.lit(False)),
        kx_plain=nw.lit(False),
        kx_marked=nw.lit(False),
        kx_early=nw.when(known).then(nw.lit(True)),
        year_cents=nw.lit(0, dtype=nw.Int64),
        over_cents=none,
        unsupported_cents=none,
        **dict.fromkeys(_AMOUNTS, nothing),
    )
    asked = billed.is_odd() | below.fill_null(False) | nw.col("near_threshold")
    lines = engine.settled(engine.touched(lines, asked, pricing.VISIT, "asked"))
    lines = engine.some(lines, nw.col("asked"), _priced, (*_AMOUNTS, *_DIFFERENCES))
    lines = engine.touched(lines, _is_denied_in_full(), pricing.VISIT, "denied_in_full")
    lines = engine.some(lines, nw.col("near_threshold"), _with_kx, _KX)
    # Where an amount of the year is not known, nobody can say that the threshold is not passed.
    early = nw.when(~nw.col("unpriced_year") & ~nw.col("untold_year")).then(nw.col("kx_early"))
    due = nw.when(~nw.col("untold_year")).then(nw.col("kx_due"))
    return lines.with_columns(kx_early=early, kx_due=due).drop(
        *_FEES, "spent", "year_spent", "near_threshold", "asked", "unpriced_year",
        "kx_least_cents", "kx_year", "denied_in_full", "shared_units",
    )  # fmt: skip


def _below_fee() -> nw.Expr:
    """A code's charge is below full fees, or that of its line with CQ or CO, or of its other."""
    charge, fee, units = nw.col("charge_cents"), nw.col("fee_cents"), nw.col("billed")
    of_marked, marked_units = nw.col("assistant_charge_cents"), nw.col("assistant_units_billed")
    plain = charge - of_marked < fee * (units - marked_units)
    one = plain | (of_marked < fee * marked_units)
    return (charge < fee * units) | (one & ~charge.is_null())


def _is_denied_in_full() -> nw.Expr:
    """The line has the visit's unit that is paid in full, and bills all of it for a denial."""
    units, refused = nw.col("billed"), nw.col("refused_units")
    in_full = nw.col("billed_scheduled_cents") > units * nw.col("reduced_cents")
    return nw.col("reducible") & (refused > 0) & (refused >= units) & in_full


def _with_untold_year(lines: nw.LazyFrame[Any], options: billing.Options) -> nw.LazyFrame[Any]:
    """Add ``untold_year``: of which of the patient's years an amount spent elsewhere is.

    It says no year, and Medicare may pay for the patient in several.
    """
    if "--prior" not in options.yearless:
        return lines.with_columns(untold_year=nw.lit(False)).drop("yearless")
    bills = (nw.col("billed") > 0) | (nw.col("units") > 0).fill_null(False)
    paid = nw.col("payer_part_b") & bills & (nw.col("fee_cents") != 0).fill_null(True)
    lines = lines.with_columns(paid_year=nw.when(paid).then(nw.col("year")))
    lines = lines.with_columns(
        least_year=nw.col("paid_year").min().over("patient"),
        most_year=nw.col("paid_year").max().over("patient"),
    )
    several = (nw.col("least_year") < nw.col("most_year")).fill_null(False)
    lines = lines.with_columns(untold_year=nw.col("yearless") & several)
    return lines.drop("yearless", "paid_year", "least_year", "most_year")


_AMOUNTS = (
    "supported_cents", "supported_scheduled_cents", "billed_cents", "billed_scheduled_cents",
    "kept_cents", "kept_scheduled_cents",
)  # fmt: skip
_DIFFERENCES = ("over_cents", "unsupported_cents")
_KX = ("kx_due", "kx_plain", "kx_marked", "kx_early", "year_cents")


def _priced(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Whole visits with what is allowed as supported, as billed and as kept."""
    lines = lines.drop(*_AMOUNTS, *_DIFFERENCES)
    # Of a code that a tie's unit moves to, counting has not said which are the assistant's.
    as_billed = nw.min_horizontal("assistant_units_billed", "assistant_high")
    fitting = nw.max_horizontal(as_billed, "assistant_low")
    due = nw.when("moved").then(fitting).otherwise("assistant_units").cast(nw.Int64)
    lines = lines.with_columns(assistants_due=due)
    lines = allowed(lines, "units", "supported", marked("units", "billed", "assistants_due"))
    lines = lines.drop("assistants_due")
    lines = allowed(lines, "billed", "billed", nw.col("assistant_units_billed"))
    lines = lines.with_columns(
        kept_cents="billed_cents",
        kept_scheduled_cents="billed_scheduled_cents",
        unsupported_cents=nw.when(~nw.col("billed_cents").is_null()).then(0).cast(nw.Int64),
    )
    # Of most visits some documented minutes stand behind all that is billed.
    fewer = (nw.col("kept_units") != nw.col("billed")).fill_null(True)
    lines = engine.touched(lines, fewer, pricing.VISIT, "fewer")
    lines = engine.some(lines, nw.col("fewer"), _with_kept, _KEPT).drop("fewer")
    return _difference(lines, "kept", "kept_units", "supported", "units", "over_cents")


_KEPT = ("kept_cents", "kept_scheduled_cents", "unsupported_cents")


def _with_kept(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Whole visits with what is allowed for kept_units, and what the others billed come to."""
    as_billed, bare = nw.col("assistant_units_billed"), nw.col("assistant_units_without_minutes")
    kept = nw.when(nw.col("kept_units") < nw.col("billed")).then(as_billed - bare)
    lines = allowed(lines.drop(_KEPT), "kept_units", "kept", kept.otherwise(as_billed))
    return _difference(lines, "billed", "billed", "kept", "kept_units", "unsupported_cents")


def _difference(
    lines: nw.LazyFrame[Any], more: str, more_units: str, less: str, less_units: str, name: str
) -> nw.LazyFrame[Any]:
    """Add `more_cents` less `less_cents` as ``name``, for lines whose units differ.

    What a unit too many moves on the visit's other lines is of it too: which unit is paid in full
    turns among those that are reduced; what other payers pay for is not touched.
    """
    own = nw.col(f"{more}_cents") - nw.col(f"{less}_cents")
    wrong = (nw.col(more_units) != nw.col(less_units)).fill_null(False)
    lines = lines.with_columns(
        own_cents=own,
        wrong=wrong,
        # A line without a price, or with one of nothing, takes nothing over.
        right=nw.when(wrong & ~own.is_null() & (nw.col("fee_cents") > 0)).then(0).otherwise(1),
        spilt=nw.when(wrong).then(0).otherwise(own).fill_null(0).cast(nw.Int64),
        spilt_payer=nw.when(~nw.col("reducible").fill_null(False)).then("payer"),
    )
    order = ["right", "discipline", "payer", "code"]
    lines = engine.within(
        lines,
        (*pricing.VISIT, "spilt_payer"),
        order,
        total={"visit_spilt": "spilt"},
        turn="line_turn",
    )
    takes = (nw.col("line_turn") == 1) & (nw.col("right") == 0)
    cents = nw.col("own_cents") + nw.when(takes).then(nw.col("visit_spilt")).otherwise(0)
    nothing = nw.when(~nw.col("own_cents").is_null()).then(0).cast(nw.Int64)
    return lines.with_columns(nw.when(nw.col("wrong")).then(cents).otherwise(nothing).alias(name))


def _with_kx(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """kx_due and kx_early: KX needed in whatever order a date's lines stand, or needed in none.

    No claim tells that order. Due is a line that passes the threshold by itself on top of the
    days before it, and of lines without KX that only together do, the last. ``kx_plain`` and
    ``kx_marked``: the code's line without CQ or CO, or that with it, needs KX for itself, since
    the threshold is reached before the date or passed by that line on top of it, or by it as the
    last of those without. ``year_cents``: what the year comes to with a line that is due, or else
    with the whole date.

    The lesser of the billed and the supported amount, without units billed for a denial, accrues
    for ``kx_due``, the greater for ``kx_early``; null without a threshold. Days whose lines are
    open (``amounts_open``) may come to nothing. Whole years of patients who may pass one, or are
    billed with KX.
    """
    limit, known = nw.col("kx_threshold_cents"), ~nw.col("kx_threshold_cents").is_null()
    lines = _running(lines.drop(*_KX))
    least, before = nw.col("least_cents"), nw.col("before_cents")
    reached = (before >= limit).fill_null(False)
    alone = ((before + least > limit) & (least > 0)).fill_null(False)
    marked = nw.col("assistant_units_billed")
    lines = lines.with_columns(
        alone=alone | (reached & nw.col("awaits")),
        plain_cents=_of_line(nw.col("billed") - marked),
        marked_cents=_of_line(marked),
    )
    each = nw.col("alone") & reached
    plain, mark = (
        each | ((before + nw.col(cents) > limit) & (nw.col(cents) > 0)).fill_null(False)
        for cents in ("plain_cents", "marked_cents")
    )
    # What of the code lacks KX, and is not due for itself.
    bare = (
        nw.when(nw.col("refused_rows") > 0).then(0)
        .when(nw.col("kx_rows") == 0).then(nw.when(~nw.col("alone")).then(least).otherwise(0))
        .when(billed.PLAIN_LACKS_KX & ~plain).then("plain_cents")
        .when(billed.MARKED_LACKS_KX & ~mark).then("marked_cents")
        .otherwise(0)
    )  # fmt: skip
    lines = lines.with_columns(bare_cents=bare.cast(nw.Int64))
    total, running = {"bare_of_day": "bare_cents"}, {"bare_so_far": "bare_cents"}
    lines = engine.within(lines, _KX_DAY, _IN_DAY, total=total, running=running)
    last = (nw.col("bare_cents") > 0) & (nw.col("bare_so_far") == nw.col("bare_of_day"))
    together = last & (before + nw.col("bare_of_day") > limit).fill_null(False)
    due, with_day = nw.col("alone") | together, nw.col("most_with_day")
    so_far = nw.col("least_so_far") + nw.col("prior_cents")
    return lines.with_columns(
        kx_due=nw.when(known).then(due),
        kx_plain=plain | together,
        kx_marked=mark | together,
        kx_early=nw.when(known).then(with_day <= limit),
        year_cents=nw.when(due).then(so_far).otherwise(with_day).cast(nw.Int64),
    ).drop(
        *_STEPS, "alone", "bare_cents", "bare_of_day", "bare_so_far", "plain_cents",
        "marked_cents",
    )  # fmt: skip


def _of_line(units: nw.Expr) -> nw.Expr:
    """What the code's line of so many units adds at least, 0 or more: the rest is its other line's.

    That has the code's unit at the full fee, and nothing of what is left out.
    """
    full = nw.col("billed_scheduled_cents") - units * _least_fee()
    rest = nw.when(units < nw.col("billed")).then(nw.max_horizontal(full, nw.lit(0))).otherwise(0)
    return nw.max_horizontal(nw.col("least_cents") - rest, nw.lit(0)).fill_null(0)


def _least_fee() -> nw.Expr:
    """Of a unit, wherever the day's one that is paid in full is."""
    return nw.when("reducible").then("reduced_cents").otherwise("fee_cents")


_KX_DAY, _IN_DAY = (*pricing.KX_YEAR, "date"), CLAIM_ORDER[1:]
_STEPS = (
    "least_cents", "least_so_far", "before_cents", "most_with_day", "awaits", "modified",
    "allowed_cents",
)  # fmt: skip


def _running(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add least_cents, what a line adds to the year at least, and the year's running totals.

    ``before_cents`` before the date and ``least_so_far`` (without what was spent elsewhere) of
    these, ``most_with_day`` of the most, with the date; ``awaits``: see `pricing.awaits_price`.
    A code that is not seen on a day in doubt may be the one that is paid in full. So may, of the
    most, one beside a line that is, and bills it for a denial: see `_passed_on`.
    """
    none = {"passed_on_cents": (nw.lit(0, dtype=nw.Int64), int)}
    lines = engine.amended(lines, nw.col("denied_in_full"), _OF_PASSED_ON, _passed_on, none)
    accrues, refused = pricing.accrues(), nw.col("refused_units")
    # No more than the full fee is of units billed for a denial.
    denied = nw.when(refused > 0).then(refused * nw.col("fee_cents")).otherwise(0)
    asked = nw.max_horizontal(nw.col("billed_cents") - denied, nw.lit(0))
    least = nw.min_horizontal(
        nw.when(~nw.col("billed_cents").is_null()).then(asked), "supported_cents"
    )
    most = nw.max_horizontal("billed_cents", "supported_cents")
    # A line whose rows have no charge has no cap, and nobody knows whether another's is for it too.
    two = (nw.col("marked_rows") > 0) & (nw.col("billed_rows") > nw.col("marked_rows"))
    uncapped = two & (nw.col("uncharged_rows") > 0)
    most = nw.when(uncapped).then("billed_scheduled_cents").otherwise(most)
    most = most + nw.col("passed_on_cents")
    units = nw.min_horizontal(nw.col("billed") - refused, "units")
    reduced = nw.min_horizontal(least, units * _least_fee())
    least = nw.when(nw.col("in_doubt")).then(reduced).otherwise(least)
    lines = lines.with_columns(modified=nw.lit(0), allowed_cents=nw.col("billed_cents"))
    lines = lines.with_columns(
        least_cents=nw.when(accrues & ~nw.col("amounts_open"))
        .then(least)
        .otherwise(0)
        .fill_null(0)
        .cast(nw.Int64),
        most_cents=nw.when(accrues).then(most).otherwise(0).fill_null(0).cast(nw.Int64),
        awaits=pricing.awaits_price() & (units > 0).fill_null(False),
    )
    sums = ("least", "most")
    running = {f"{name}_so_far": f"{name}_cents" for name in sums}
    lines = engine.within(lines, pricing.KX_YEAR, CLAIM_ORDER, running=running)
    running = {f"{name}_in_day": f"{name}_cents" for name in sums}
    total = {"most_of_day": "most_cents"}
    lines = engine.within(lines, _KX_DAY, _IN_DAY, total=total, running=running)
    spent = {
        name: nw.col(f"{name}_so_far") - nw.col(f"{name}_in_day") + nw.col("prior_cents")
        for name in sums
    }
    return lines.with_columns(
        before_cents=spent["least"], most_with_day=spent["most"] + nw.col("most_of_day")
    ).drop(
        "most_cents", "most_so_far", "most_of_day", "least_in_day", "most_in_day",
        "passed_on_cents",
    )  # fmt: skip


_OF_PASSED_ON = (
    *pricing.VISIT, "kx_bucket", "discipline", "payer", "code", "denied_in_full", "refused_units",
    "reducible", "billed", "billed_cents", "fee_cents", "reduced_cents",
)  # fmt: skip


def _passed_on(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add passed_on_cents: what a line is reduced by, where that may come to nothing.

    The visit's unit that is paid in full is billed for a denial, and if it takes no turn the next
    one is paid so: of those with the threshold the one that would gain the most, beyond what the
    denied ones come to themselves.
    """
    refused = nw.col("refused_units") > 0
    gains = nw.col("denied_in_full") & nw.col("reducible") & ~refused & (nw.col("billed") > 0)
    gain = nw.when(gains.fill_null(False)).then(nw.col("fee_cents") - nw.col("reduced_cents"))
    lines = lines.with_columns(
        less_gain=(0 - gain).fill_null(0).cast(nw.Int64),
        denied_cents=nw.when(refused).then("billed_cents").otherwise(0).fill_null(0).cast(nw.Int64),
    )
    group = (*pricing.VISIT, "kx_bucket")
    order = ("less_gain", "discipline", "payer", "code")
    total = {"all_denied_cents": "denied_cents"}
    lines = engine.within(lines, group, order, total=total, turn="gain_turn")
    more = nw.max_horizontal(0 - nw.col("less_gain") - nw.col("all_denied_cents"), nw.lit(0))
    passed_on = nw.when(nw.col("gain_turn") == 1).then(more).otherwise(0).cast(nw.Int64)
    return lines.with_columns(passed_on_cents=passed_on).drop(
        "less_gain", "denied_cents", "all_denied_cents", "gain_turn"
    )
