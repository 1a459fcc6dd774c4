"""The audit's tables of clinicians' days: minutes shared by patients, hours, common starts.

Needs all rows of a clinician, as `evidence` leaves them: a patient's minutes are counted once
already. What a clash takes from a patient's units needs that patient's rows again (`together`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import amounts, billed, billing, counting, engine, limits, lookups, overlaps, times
from calc.params import Config
from calc.pricing import VISIT
from calc.schema import POOL, total

Frame = nw.LazyFrame[Any]

# What these tables need of a row, and what the patients' units after a clash need.
NEEDED = (
    "file", "row", "row_place", "patient", "clinician", "role", "discipline", "provider", "payer",
    "date", "code", "service", "lane", "start_ms", "end_ms", "given_ms", "length_ms", "counted_ms",
    "therapist_ms", "clinician_ms", "lost_ms", "full", "in_sweep", "one_on_one", "counts",
    "attendance", "mode", "past_midnight", "role_blank", "unit_basis",
)  # fmt: skip
IN_POOLS = (
    *NEEDED, "locality_number", "units_billed", "modifiers_billed", "charge_cents", "offset_ms",
    "two_offsets",
)  # fmt: skip
SHARED = ("file", "row", "patient", "clinician_lost_ms")


@dataclass
class Clinicians:
    """Tables of clinicians' days; ``clashes`` of their patients, ``lost``: what each row loses."""

    tables: dict[str, Frame]
    clashes: Frame
    lost: Frame


def gather(
    rows: Frame, config: Config, days: list[date], timesheet: Mapping[tuple[str, date], int] | None
) -> Clinicians:
    """Every table that a whole clinician's rows are enough for."""
    mine = engine.settled(overlaps.by_clinician(rows))
    swept = engine.settled(overlaps.lost_to_other_patients(mine))
    clashes = engine.settled(overlaps.of_clinicians(swept))
    taken = engine.settled(swept.filter(nw.col("clinician_lost_ms") > 0))
    lost = taken.select(SHARED)
    own = engine.settled(with_own_minutes(rows, lost))
    tables = {
        "open": overlaps.started_together(rows),
        "clinician_day": clinician_days(own, taken, timesheet),
        "limit": beyond_limits(own, config, days),
    }
    return Clinicians(tables, clashes, lost)


def together(
    rows: Frame,
    clashes: Frame,
    lost: Frame,
    config: Config,
    days: list[date],
    options: billing.Options,
    bills: bool,
) -> Frame:
    """Clashes of a clinician's patients with their effect on the units of the patient's pool.

    And on the visit's dollars, said with the first clash that takes units. ``first_lost``: this is
    it, and the units were billed.

    ``rows``: all of the patients whom a clash touches, at least. ``bills``: the log, or claims
    beside it, say what is billed, so that what has no units there is not.
    """
    if engine.is_empty(clashes):
        nothing = nw.lit(None, dtype=nw.Int64)
        none = nw.lit(False)
        return clashes.with_columns(units_lost=nothing, lost_cents=nothing, first_lost=none)
    theirs = engine.among(rows.select(IN_POOLS), clashes, ("patient",))
    theirs = engine.settled(billed.charged(billed.with_marks(theirs)))
    taken = _without_shared(theirs, lost)
    visits, taken = (engine.settled(engine.among(each, clashes, VISIT)) for each in (theirs, taken))
    lines = _with_kept(_lines(visits, config, days), bills)
    lines = _with_left(lines, _lines(taken, config, days))
    lines = amounts.fees(lines, config, days, options)
    for name, assistants in (("kept", "assistant_units"), ("left", "assistant_units_after")):
        marked = amounts.marked(f"{name}_units", "own_billed", assistants)
        lines = amounts.allowed(lines, f"{name}_units", name, marked)
    cost = nw.col("kept_cents") - nw.col("left_cents")
    # Beside units billed for a denial nobody knows what was to be paid.
    unknown = cost.is_null() & (nw.col("kept_units") > nw.col("left_units"))
    unknown = unknown | ((nw.col("all_refused") > 0) & (nw.col("units_lost") > 0))
    lines = engine.settled(
        lines.with_columns(lost_cents=cost.fill_null(0), unknown=unknown.cast(nw.Int64))
    )
    units = lines.select(*POOL, "service", "units_lost").unique()
    # The reduction of one code hangs on the visit's other codes, of whatever discipline.
    cents = lines.group_by(*VISIT).agg(total("lost_cents"), total("unknown"))
    found = clashes.join(units, on=[*POOL, "service"], how="left")
    found = found.join(cents, on=list(VISIT), how="left")
    found = found.with_columns(idle=nw.when(nw.col("units_lost") > 0).then(0).otherwise(1))
    found = engine.placed(found, VISIT, ("idle", "file", "row"))
    # A visit's dollars are said once, with its first clash; money that is not known is null.
    first = (nw.col("turn") == 1) & (nw.col("units_lost") > 0)
    known = first & (nw.col("unknown") == 0)
    found = found.with_columns(
        lost_cents=nw.when(known).then(nw.col("lost_cents")),
        first_lost=first & nw.lit(bills),
    )
    return found.drop("idle", "unknown")


def told(has: Collection[str]) -> bool:
    """Whether an audit's log, or claims beside it (see `claims.held`), say what was billed."""
    return not {"units_billed", "claims"}.isdisjoint(has)


def _without_shared(rows: Frame, lost: Frame) -> Frame:
    """Rows of patients without the minutes that their clinician spent with another patient.

    Those that a colleague's row lost to them, who was there too, are that row's then.
    """
    rows = rows.join(lost.drop("patient"), on=["file", "row"], how="left")
    rows = rows.with_columns(nw.col("clinician_lost_ms").fill_null(0))
    # What another clinician has with the patient already is not taken a second time.
    joint = nw.col("clinician_ms") - nw.col("counted_ms")
    given_up = nw.max_horizontal(nw.col("clinician_lost_ms") - joint, nw.lit(0))
    own = nw.max_horizontal(nw.col("clinician_ms") - nw.col("clinician_lost_ms"), nw.lit(0))
    rows = engine.settled(rows.with_columns(given_up_ms=given_up, own_ms=own))
    rows = rows.join(overlaps.to_colleagues(rows), on=["file", "row"], how="left")
    counted = nw.col("counted_ms") - nw.col("given_up_ms") + nw.col("gained_ms").fill_null(0)
    rows = rows.with_columns(counted_ms=counted)
    # What was joint time is the therapist's before and after.
    theirs = nw.max_horizontal(nw.col("therapist_ms") - nw.col("given_up_ms"), "counted_ms")
    theirs = nw.when(nw.col("role") != "assistant").then(theirs).otherwise("therapist_ms")
    return rows.with_columns(therapist_ms=theirs)


def _lines(rows: Frame, config: Config, days: list[date]) -> Frame:
    """Code lines of the rows with ``units`` and the ``group`` of counting: the day's pool is ""."""
    services = counting.services(rows, also=billed.CHARGES)
    counted = billing.count_services(services, config, days)
    lines = billing.code_lines(counted, config)
    lines = billed.of_own_code(lines, rows, lookups.with_add_ons(config), billed.CHARGES)
    group = nw.when(nw.col("in_pool")).then(nw.lit("")).otherwise(nw.col("service"))
    return lines.with_columns(units=nw.col("units").fill_null(0), group=group)


_GROUP = (*POOL, "group")


def _with_kept(lines: Frame, bills: bool) -> Frame:
    """Add kept_units, what of the billed units the minutes bear, ``all_kept`` and ``all_refused``.

    Where nobody says what is billed (``bills``), those that could be. What is billed without a
    session is not borne: that is a finding of its own. Units billed for a denial do not count.
    """
    own = nw.col("units_logged") - nw.col("refused_units")
    own = nw.when(nw.col("counted_rows") > 0).then(own).fill_null(0)
    lines = lines.with_columns(own_billed=own)
    sums = {"all_units": "units", "all_billed": "own_billed", "all_refused": "refused_units"}
    lines = engine.within(lines, _GROUP, total=sums)
    fewer = (nw.col("all_billed") < nw.col("all_units")) & nw.lit(bills)
    return lines.with_columns(
        kept_units=nw.when(fewer).then("own_billed").otherwise("units"),
        all_kept=nw.when(fewer).then("all_billed").otherwise("all_units"),
    )


def _with_left(lines: Frame, after: Frame) -> Frame:
    """Add ``units_lost``, how many of all_kept the group's minutes ``after`` do not bear.

    And ``left_units`` of each code: of those with more units than they have then, the ones that
    lose most support give theirs up first.
    """
    units = after.select(
        *POOL, "code", units_after="units", assistant_units_after="assistant_units"
    )
    groups = after.group_by(*_GROUP).agg(total("units").alias("all_after"))
    lines = lines.join(units, on=[*POOL, "code"], how="left")
    lines = lines.join(groups, on=list(_GROUP), how="left")
    after_all = ("units_after", "assistant_units_after", "all_after")
    lines = lines.with_columns(nw.col(*after_all).fill_null(0))
    none = nw.lit(0)
    lines = lines.with_columns(
        units_lost=nw.max_horizontal(nw.col("all_kept") - nw.col("all_after"), none),
        beyond=nw.max_horizontal(nw.col("kept_units") - nw.col("units_after"), none),
        gain=nw.col("units_after") - nw.col("units"),
    )
    so_far = {"beyond_so_far": "beyond"}
    lines = engine.within(lines, _GROUP, ("gain", "code"), running=so_far)
    still = nw.col("units_lost") - nw.col("beyond_so_far") + nw.col("beyond")
    lost = nw.min_horizontal("beyond", nw.max_horizontal(still, none))
    return lines.with_columns(left_units=nw.col("kept_units") - lost)


def rows_for(rows: Frame) -> Frame:
    """The rows that these tables look at: one-on-one, of a named clinician."""
    return rows.filter(nw.col("one_on_one") & (nw.col("clinician") != ""))


def with_own_minutes(rows: Frame, lost: Frame) -> Frame:
    """`rows_for` these tables with ``own_ms``, without what another patient has."""
    mine = engine.marked(rows_for(rows).select(*_OF_OWN_TIME), lost, "patient", "shares")
    mine = mine.with_columns(
        own_ms=nw.col("clinician_ms"), clinician_lost_ms=nw.lit(0, dtype=nw.Int64)
    )

    def less(few: Frame) -> Frame:
        few = few.drop("clinician_lost_ms").join(
            lost.drop("patient"), on=["file", "row"], how="left"
        )
        few = few.with_columns(nw.col("clinician_lost_ms").fill_null(0))
        return few.with_columns(own_ms=nw.col("clinician_ms") - nw.col("clinician_lost_ms"))

    names = ("own_ms", "clinician_lost_ms")
    return engine.some(mine, nw.col("shares"), less, names).drop("shares", "patient")


_OF_OWN_TIME = (
    "file", "row", "row_place", "patient", "clinician", "date", "clinician_ms", "in_sweep",
    "start_ms", "end_ms", "past_midnight",
)  # fmt: skip


def clinician_days(
    mine: Frame, taken: Frame, timesheet: Mapping[tuple[str, date], int] | None
) -> Frame:
    """One-on-one time of a clinician's day, its span from first start to last end, its sheet.

    ``span_ms`` is null where a row has no clock times: the day may be longer than it seems.
    ``own_ms``: without the time that another patient has. Without a time sheet only days with rows
    of ``taken``, which lost any to one: what no other has fits into the span.
    """
    if not timesheet:
        mine = engine.among(mine, taken, ("clinician", "date"))
    clash = nw.col("clinician_lost_ms") >= times.MINUTE
    mine = mine.with_columns(
        unclocked=(~nw.col("in_sweep")).cast(nw.Int64),
        clashes=clash.cast(nw.Int64),
        overnight=nw.col("past_midnight").cast(nw.Int64),
    )
    sums = ("clinician_ms", "own_ms", "unclocked", "clashes", "overnight")
    day = engine.grouped(
        mine,
        ("clinician", "date"),
        total={name: name for name in sums},
        filled={},
        least={"start_ms": "start_ms", "first_place": "row_place"},
        most={"end_ms": "end_ms"},
    )
    sheets = timesheet or {}
    # By numbers, for behind the calendar's last day there is no date.
    eve = {(who, day.toordinal() - 1): ms for (who, day), ms in sheets.items()}
    sheet: engine.Columns = {
        "clinician": [clinician for clinician, _ in sheets],
        "date": [day for _, day in sheets],
        "sheet_ms": list(sheets.values()),
        "next_ms": [eve.get((who, day.toordinal()), 0) for who, day in sheets],
    }
    types = {"clinician": str, "date": date, "sheet_ms": int, "next_ms": int}
    day = day.join(engine.beside(day, sheet, types), on=["clinician", "date"], how="left")
    # A session past midnight counts on the day it starts on, a sheet's hours where they lie.
    more = nw.when(nw.col("overnight") > 0).then(nw.col("next_ms")).otherwise(0)
    span = nw.when(nw.col("unclocked") == 0).then(nw.col("end_ms") - nw.col("start_ms"))
    return day.with_columns(sheet_ms=nw.col("sheet_ms") + more, span_ms=span)


def beyond_limits(mine: Frame, config: Config, days: list[date]) -> Frame:
    """A clinician's minutes without those that another patient has, beside the day's limit."""
    day = ("clinician", "date")
    mine = limits.long_days(mine, "own_ms", day, "clinician_minutes", config, days)
    long = mine.group_by(*day).agg(
        total("own_ms").alias("measured"),
        nw.col("limit").min(),
        nw.col("row_place").min().alias("first_place"),
    )
    nobody = {name: nw.lit("") for name in limits.PATIENT_DAY if name != "date"}
    long = long.with_columns(**nobody, supported=nw.lit(None, dtype=nw.Int64))
    return limits.measured(long, "clinician_minutes")
