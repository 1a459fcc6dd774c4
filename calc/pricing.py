"""RVU x GPCI x conversion factor, the multiple procedure reduction, and who pays what.

Authority: 42 U.S.C. 1395w-4 (fee schedule); Medicare Claims Processing Manual, ch. 5, s. 10.7
(multiple procedure payment reduction); 42 U.S.C. 1395l (deductible, coinsurance), 1395m(v)
(assistants); 2 U.S.C. 906 (sequestration). Amounts are integers: cents, or 1e-9 dollar before
the one rounding. Every figure comes in as a column.
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.money import GPCI_ONE, NANO_PER_CENT, divide_half_up, percent, to_cents
from calc.schema import CLAIM_ORDER, SERVICE_KEY

MPPR_INDICATOR = "5"
VISIT = ("patient", "date", "provider")


def fees(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add fee_cents, reduced_cents and work_nano (per unit), ``price_status`` and ``reducible``.

    Needs status, mppr_indicator, work_rvu, pe_rvu, mp_rvu (1/100), work_gpci, pe_gpci, mp_gpci
    (1/1000), cf (1/10000), mppr_percent, share_percent (of Medicare's fee; null where the payer
    has none), participation_percent (100, or what a non-participating provider gets),
    payer_fee_table with own_fee_cents and own_reduced_cents of payers that have their own,
    payer_mppr. Null where a figure is missing. Bundled codes (status B) have a fee of 0. Of a
    code that is never reduced both are the same. Medicare's indicator says what is reduced, or the
    payer's own fees: these are null where no practice expense gives such a code its turn.
    ``work_nano`` is work RVU x factor, no GPCI.
    """
    status, rvus = nw.col("status"), nw.col("work_rvu") + nw.col("pe_rvu") + nw.col("mp_rvu")
    work = nw.col("work_rvu") * nw.col("work_gpci")
    practice = nw.col("pe_rvu") * nw.col("pe_gpci")
    insurance = nw.col("mp_rvu") * nw.col("mp_gpci")
    share = nw.col("share_percent")
    full = (work + practice + insurance) * nw.col("cf") * share
    kept = 100 - nw.col("mppr_percent")
    reduced = ((work + insurance) * 100 + practice * kept) * nw.col("cf") * share
    falls = (nw.col("mppr_indicator") == MPPR_INDICATOR).fill_null(False)
    lines = lines.with_columns(
        price_status=nw.when(status.is_null())
        .then(nw.lit(""))
        .when((status == "A") | ((status == "R") & (rvus > 0)))
        .then(nw.lit("priced"))
        .when(status == "B")
        .then(nw.lit("bundled"))
        .when((status == "C") | (status == "R"))
        .then(nw.lit("contractor"))
        .otherwise(nw.lit("not paid"))
    )
    priced, bundled = nw.col("price_status") == "priced", nw.col("price_status") == "bundled"
    nothing = bundled & ~share.is_null()
    lines = lines.with_columns(
        fee_cents=nw.when(priced)
        .then(divide_half_up(full, 100 * NANO_PER_CENT))
        .when(nothing)
        .then(0)
        .cast(nw.Int64),
        reduced_cents=nw.when(priced & falls)
        .then(divide_half_up(reduced, 100 * 100 * NANO_PER_CENT))
        .when(priced)
        .then(divide_half_up(full, 100 * NANO_PER_CENT))
        .when(nothing)
        .then(0)
        .cast(nw.Int64),
    )
    # A payer's own fee stands for the schedule's; a non-participating provider gets a share of
    # the fee (42 U.S.C. 1395w-4(a)(3)).
    own = nw.col("payer_fee_table")
    lowers = own & (nw.col("own_reduced_cents") != nw.col("own_fee_cents")).fill_null(False)
    unranked = lowers & nw.col("payer_mppr") & nw.col("pe_rvu").is_null()
    lines = lines.with_columns(
        nw.when(unranked)
        .then(nw.lit(None, dtype=nw.Int64))
        .when(own)
        .then(nw.col(f"own_{name}"))
        .otherwise(nw.col(name))
        .alias(name)
        for name in ("fee_cents", "reduced_cents")
    )
    part = nw.col("participation_percent")
    nano = nw.col("work_rvu") * nw.col("cf") * GPCI_ONE
    return lines.with_columns(
        fee_cents=percent(nw.col("fee_cents"), part).cast(nw.Int64),
        reduced_cents=percent(nw.col("reduced_cents"), part).cast(nw.Int64),
        work_nano=nw.when(priced).then(nano).when(nothing).then(0).cast(nw.Int64),
    ).with_columns(
        reducible=(falls | lowers) & nw.col("payer_mppr") & ~nw.col("fee_cents").is_null(),
        less_pe=0 - nw.col("pe_rvu").fill_null(0),
        less_fee=0 - nw.col("fee_cents").fill_null(0),
    )


def work(lines: nw.LazyFrame[Any], units: str = "units") -> nw.LazyFrame[Any]:
    """Add work_cents: units x work RVU x conversion factor, no GPCI, rounded once a line."""
    return lines.with_columns(work_cents=to_cents(nw.col(units) * nw.col("work_nano")))


def reduce_multiple(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``full_units``, ``day_turn`` and ``scheduled_cents`` (units at full and reduced fee).

    Of a patient's units on a day with one billing provider the one with the highest practice
    expense is paid in full, every other one reduced; across disciplines and codes. Needs what
    `fees` adds, modified and the line's keys.
    """
    count = nw.col("units")
    takes_part = (nw.col("reducible") & (count > 0)).fill_null(False)
    order = [
        "outside",
        "less_pe",
        "less_fee",
        "modified",
        "code",
        "discipline",
        "payer",
        "locality",
    ]
    lines = lines.with_columns(outside=nw.when(takes_part).then(0).otherwise(1))
    lines = engine.placed(lines, VISIT, order, "day_turn")
    full = (
        nw.when(nw.col("outside") == 1)
        .then(count)
        .when(nw.col("day_turn") == 1)
        .then(1)
        .otherwise(0)
    )
    lines = lines.with_columns(full_units=full.cast(nw.Int64))
    return lines.with_columns(
        scheduled_cents=nw.col("full_units") * nw.col("fee_cents")
        + (count - nw.col("full_units")) * nw.col("reduced_cents")
    ).drop("outside")


def allow(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add allowed_cents: the lesser of the schedule's amount and the charge, if one is logged.

    The charge of a code is for the units it was billed with; other units get their part of it,
    and a charge for none of them says nothing. Its plain and its modified line share it to the
    cent, where nobody says what each is charged (see `allow_own`): the plain units come first. So
    do a code and its add-on with one charge for both (``shared_units``), and what is above the
    amount of one of these lines goes to the others.
    """
    billed = nw.coalesce("shared_units", "units_logged", "code_units")
    lines = lines.with_columns(charged_units=billed)
    whole = (nw.col("units") == billed) & (nw.col("code_units") == nw.col("units")) & (billed > 0)
    parted = ~nw.col("charge_cents").is_null() & ~whole.fill_null(False)
    needs = ("charge_cents", "charged_units", "code_units", "units", "modified", *_OF_SHARED)
    charge = {"own_charge_cents": (nw.col("charge_cents"), int)}
    lines = engine.amended(lines, parted, needs, _own_charge, charge)
    own, scheduled = nw.col("own_charge_cents"), nw.col("scheduled_cents")
    less = (~own.is_null() & (own < scheduled)).fill_null(False)
    lesser = {"allowed_cents": (nw.when(less).then(own).otherwise(scheduled), int)}
    shared = ~nw.col("shared_units").is_null()
    lines = engine.amended(lines, shared, _OF_EVENED, _evened, lesser)
    return lines.drop("charged_units", "own_charge_cents")


def allow_by_line(lines: nw.LazyFrame[Any], marked: nw.Expr) -> nw.LazyFrame[Any]:
    """What `allow` allows for codes, where ``marked`` of a code's units are a line of their own.

    The lesser of amount and charge is taken for each claim line (42 U.S.C. 1395w-4(a)(1)), so a
    charge between the reduced and the full fee lowers the line with the full one alone. The plain
    line comes first in the reduction. Each line's charge is that of its own rows, in proportion to
    units; where a row has none, or only one of the lines is billed, both share the code's as in
    `allow`. Needs `billed.CHARGES`.
    """
    billed, charge = nw.coalesce("units_logged", "units"), nw.col("charge_cents")
    marked_billed = nw.col("assistant_units_billed")
    lines = lines.with_columns(
        marked_units=marked,
        plain_units=nw.col("units") - marked,
        of_billed=billed,
        plain_billed=billed - marked_billed,
    )
    count, plain, marked = (nw.col(f"{name}units") for name in ("", "plain_", "marked_"))
    billed, plain_billed = nw.col("of_billed"), nw.col("plain_billed")
    full = nw.min_horizontal("full_units", plain)
    lines = lines.with_columns(
        told=_charged_apart(billed),
        shared=_share_of(charge, plain, billed),
        whole=_share_of(charge, count, billed),
        plain_cents=full * nw.col("fee_cents") + (plain - full) * nw.col("reduced_cents"),
    )
    told, shared, amount = nw.col("told"), nw.col("shared"), nw.col("plain_cents")
    of_marked, scheduled = nw.col("assistant_charge_cents"), nw.col("scheduled_cents")
    # No divisor may be 0, even where the quotient is not asked for.
    of_plain = _share_of(charge - of_marked, plain, nw.when(told).then(plain_billed).otherwise(1))
    of_marked = _share_of(of_marked, marked, nw.when(told).then(marked_billed).otherwise(1))
    of_plain = nw.when(told).then(of_plain).otherwise(shared)
    of_marked = nw.when(told).then(of_marked).otherwise(nw.col("whole") - shared)
    each = nw.min_horizontal(of_plain, amount) + nw.min_horizontal(of_marked, scheduled - amount)
    two = told | ((marked > 0) & (plain > 0) & (billed > 0))
    known = two & nw.col("shared_units").is_null() & ~charge.is_null() & ~scheduled.is_null()
    allowed = nw.when(known.fill_null(False)).then(each).otherwise("allowed_cents")
    return lines.with_columns(allowed_cents=allowed.cast(nw.Int64)).drop(_OF_LINE)


_OF_LINE = (
    "marked_units", "plain_units", "of_billed", "plain_billed", "told", "shared", "whole",
    "plain_cents",
)  # fmt: skip


def _charged_apart(billed: nw.Expr) -> nw.Expr:
    """Of a code's ``billed`` units the log says what each of its two lines is charged.

    It bills both, with a charge on every row that bills and on no other, and none for a denial.
    """
    marked, every = nw.col("assistant_units_billed"), nw.col("charge_rows") == nw.col("billed_rows")
    told = (nw.col("uncharged_rows") == 0) & every & (nw.col("refused_rows") == 0)
    return told & (marked > 0) & (billed - marked > 0)


def allow_own(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """What `allow` allows for a code's two lines, where the log says what each is charged.

    The lesser of amount and charge is taken for each claim line (42 U.S.C. 1395w-4(a)(1)). Needs
    `modifiers.OWN_CHARGES`; a line of other units than those charged has its part.
    """
    is_marked, scheduled = nw.col("modified") == 1, nw.col("scheduled_cents")
    billed, marked_billed = nw.col("units_logged"), nw.col("assistant_units_billed")
    charge, of_marked = nw.col("charge_cents"), nw.col("assistant_charge_cents")
    told = _charged_apart(billed) & nw.col("shared_units").is_null() & ~scheduled.is_null()
    told = told.fill_null(False)
    charged = nw.when(is_marked).then(marked_billed).otherwise(billed - marked_billed)
    charge = nw.when(is_marked).then(of_marked).otherwise(charge - of_marked)
    # No divisor may be 0, even where the quotient is not asked for.
    mine = _share_of(charge, nw.col("units"), nw.when(told).then(charged))
    lesser = nw.when(told).then(nw.min_horizontal(mine, scheduled)).otherwise("allowed_cents")
    return lines.with_columns(allowed_cents=lesser.cast(nw.Int64))


_OF_SHARED = ("shared_units", "place_in_service")
_OF_EVENED = (*SERVICE_KEY, *_OF_SHARED, "modified", "own_charge_cents", "scheduled_cents")


def _evened(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Lines of a shared charge: what of it is above the amount of one goes to the others.

    In their order, as far as their own amounts reach: all together get the lesser of both.
    """
    above = nw.col("own_charge_cents") - nw.col("scheduled_cents")
    shared = ~nw.col("shared_units").is_null()
    lines = lines.with_columns(
        spare_cents=nw.when(shared & (above > 0)).then(above).otherwise(0).cast(nw.Int64),
        short_cents=nw.when(shared & (above < 0)).then(0 - above).otherwise(0).cast(nw.Int64),
    )
    order, total = ("place_in_service", "modified"), {"all_spare_cents": "spare_cents"}
    running = {"to_here_cents": "short_cents"}
    lines = engine.within(lines, SERVICE_KEY, order, total=total, running=running)
    short = nw.col("short_cents")
    left = nw.col("all_spare_cents") - (nw.col("to_here_cents") - short)
    more = nw.when(left > 0).then(nw.min_horizontal(left, short)).otherwise(0)
    lines = lines.with_columns(allowed_cents=nw.col("allowed_cents") + more.cast(nw.Int64))
    return lines.drop("spare_cents", "short_cents", "all_spare_cents", "to_here_cents")


def _own_charge(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add own_charge_cents: the part of a code's charge that falls to a line of it."""
    billed = nw.col("charged_units")
    plain = nw.col("code_units") - nw.col("units")
    first = nw.when(nw.col("modified") == 1).then(plain).otherwise(0)
    # An add-on's units come after the one of its primary code.
    shared = ~nw.col("shared_units").is_null()
    first = first + nw.when(shared).then("place_in_service").otherwise(0)
    charge = nw.col("charge_cents")
    to_here = _share_of(charge, first + nw.col("units"), billed)
    mine = nw.when(billed > 0).then(to_here - _share_of(charge, first, billed))
    return lines.with_columns(own_charge_cents=mine.cast(nw.Int64))


def _share_of(charge: nw.Expr, units: nw.Expr, billed: nw.Expr) -> nw.Expr:
    """What of a charge for ``billed`` units falls to the first ``units`` of them."""
    return (charge * units * 2 + billed) // (billed * 2)


def spend_deductible(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add deductible_cents: what of the patient's deductible a line uses up, in claim order.

    Needs opening_deductible_cents (left before the year's first line), year, payer_part_b and
    allowed_cents.
    """
    counted = nw.when(nw.col("payer_part_b")).then(nw.col("allowed_cents")).otherwise(0)
    lines = lines.with_columns(counted_cents=counted.fill_null(0).cast(nw.Int64))
    lines = engine.within(
        lines, ("patient", "year"), CLAIM_ORDER, running={"so_far_cents": "counted_cents"}
    )
    left = nw.col("opening_deductible_cents") - nw.col("before_cents")
    some = nw.when(left > 0).then(nw.min_horizontal(left, "counted_cents"))
    used = nw.when(~left.is_null()).then(some.otherwise(0))
    lines = lines.with_columns(before_cents=nw.col("so_far_cents") - nw.col("counted_cents"))
    return lines.with_columns(deductible_cents=used.cast(nw.Int64)).drop(
        "counted_cents", "so_far_cents", "before_cents"
    )


def accrue(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add year_cents, the running allowed amount of a patient, year and KX bucket, and needs_kx.

    Authority: 42 U.S.C. 1395l(g). Allowed amounts count after the multiple procedure reduction
    and before the assistant's cut, with deductible and coinsurance. A line needs KX when the
    total including it exceeds the threshold: one of an amount not known, see `awaits_price`, as
    soon as the total before it is no less. Needs kx_bucket ("" for none), kx_threshold_cents,
    kx_least_cents (the least threshold of the year), prior_cents (spent elsewhere), year,
    payer_part_b, allowed_cents, and what `awaits_price` needs.
    """
    amount = nw.when(accrues()).then(nw.col("allowed_cents")).otherwise(0)
    lines = lines.with_columns(
        accrued_cents=amount.fill_null(0).cast(nw.Int64),
        awaits=awaits_price() & (nw.col("units") > 0).fill_null(False),
    )
    # Most patients stay below: only those whose whole year reaches it need their lines in order.
    lines = engine.summed(lines, KX_YEAR, "accrued_cents", "whole_cents")
    may = nw.col("whole_cents") + nw.col("prior_cents") >= nw.col("kx_least_cents")
    own = ("accrued_cents", "awaits", "prior_cents", "kx_threshold_cents")
    no = {"needs_kx": (nw.lit(False), bool)}
    needs = (*KX_YEAR, *CLAIM_ORDER, *own)
    lines = engine.amended(lines, may.fill_null(False), needs, _above, no)
    return _in_order(lines).drop("accrued_cents", "awaits", "whole_cents")


def accrues() -> nw.Expr:
    """The line's allowed amount counts towards a threshold."""
    return nw.col("payer_part_b") & (nw.col("kx_bucket") != "")


def awaits_price() -> nw.Expr:
    """A unit of the line has an amount that only Medicare's contractor tells, above 0.

    Needs allowed_cents, price_status, charge_cents and what `accrues` needs.
    """
    charged = (nw.col("charge_cents") > 0).fill_null(True)
    contractor = (nw.col("price_status") == "contractor").fill_null(False)
    return accrues() & nw.col("allowed_cents").is_null() & contractor & charged


KX_YEAR = ("patient", "year", "kx_bucket")


def _in_order(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    lines = engine.within(lines, KX_YEAR, CLAIM_ORDER, running={"so_far_cents": "accrued_cents"})
    lines = lines.with_columns(year_cents=nw.col("so_far_cents") + nw.col("prior_cents"))
    return lines.drop("so_far_cents")


def _above(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    above = nw.col("year_cents") > nw.col("kx_threshold_cents")
    reached = nw.col("year_cents") >= nw.col("kx_threshold_cents")
    needs = (above & (nw.col("accrued_cents") > 0)) | (reached & nw.col("awaits"))
    return _in_order(lines).with_columns(needs_kx=needs.fill_null(False)).drop("year_cents")


def settle(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add after_deductible_cents, paid_cents, withheld_cents, medicare_cents, patient_cents.

    Needs allowed_cents, deductible_cents (spent on the line), coinsurance_percent,
    assistant_share_percent, sequestration_permille, modified, payer_assistant_cut,
    payer_sequestration. Each step is rounded once, in this order: Medicare's share, the
    assistant's share of that, what is withheld last.
    """
    rest = nw.col("allowed_cents") - nw.col("deductible_cents")
    patient_part = percent(rest, nw.col("coinsurance_percent"))
    medicare_part = percent(rest, 100 - nw.col("coinsurance_percent"))
    lines = lines.with_columns(
        after_deductible_cents=rest, coinsurance_cents=patient_part, share_cents=medicare_part
    )
    cut = (nw.col("modified") == 1) & nw.col("payer_assistant_cut")
    lowered = percent(nw.col("share_cents"), nw.col("assistant_share_percent"))
    lines = lines.with_columns(
        paid_cents=nw.when(cut).then(lowered).otherwise(nw.col("share_cents"))
    )
    withheld = divide_half_up(nw.col("paid_cents") * nw.col("sequestration_permille"), 1000)
    lines = lines.with_columns(
        withheld_cents=nw.when(nw.col("payer_sequestration")).then(withheld).otherwise(0)
    )
    return lines.with_columns(
        medicare_cents=(nw.col("paid_cents") - nw.col("withheld_cents")).cast(nw.Int64),
        patient_cents=(nw.col("deductible_cents") + nw.col("coinsurance_cents")).cast(nw.Int64),
    )
