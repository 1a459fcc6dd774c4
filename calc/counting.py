"""Minutes to units: pooled over a day (CMS) or each code alone, per-day codes, other time units.

Authority: Medicare Claims Processing Manual, ch. 5, s. 20.2 (total time), CPT (midpoint). A
counting rule is data: minutes of a unit, minutes that earn the first, pool (day or code).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.schema import CLAIM, MAX_LOCALITIES, POOL, ROW_ORDER, SERVICE_KEY, told_by_log

MINUTE_MS = 60_000
LATE = 2**48  # sorts a row without a start behind all others
# What of a row makes services.
NEEDED = (
    *POOL, *ROW_ORDER, "locality", "clinician", "role", "mode", "counts", "in_sweep", "given_ms",
    "length_ms", "modifiers_billed", "units_billed", "charge_cents",
)  # fmt: skip


def services(
    sessions: nw.LazyFrame[Any],
    carried: tuple[str, ...] = (),
    also: Mapping[str, Mapping[str, str]] | None = None,
) -> nw.LazyFrame[Any]:
    """One row per pool and service, from rows with ``counted_ms`` and ``therapist_ms``.

    A service is a code, or a primary code with its timed add-on (97129 with 97130): one stretch
    of time. Fractions of a minute are dropped once, after adding. Carried columns keep their
    value, or the least and the greatest where the rows differ. ``also``: what else of the rows to
    gather, by the aggregates of `engine.grouped`.
    """
    primary = nw.col("code") == nw.col("service")
    claimed = nw.col("modifiers_billed").cast(nw.String).str.contains("C[QO]").cast(nw.Int64)
    sessions = engine.told_by(sessions, "modifiers_billed", {"claimed_rows": claimed})
    by_assistant = nw.col("counts") & (nw.col("role") == "assistant")
    # A therapist had a part in all of it.
    joint = (nw.col("length_ms") > 0) & (nw.col("counted_ms") <= nw.col("therapist_ms"))
    sessions = sessions.with_columns(
        assistant_ms=nw.when(nw.col("role") == "assistant").then(nw.col("counted_ms")).otherwise(0),
        lost_ms=nw.col("length_ms") - nw.col("counted_ms"),
        counted_rows=nw.col("counts").cast(nw.Int64),
        add_on_rows=nw.when(primary).then(0).otherwise(1),
        assistant_rows=by_assistant.cast(nw.Int64),
        assistant_logged=nw.when(by_assistant & ~joint).then("units_billed"),
        first_charge=nw.when(primary).then(nw.col("charge_cents")),
        add_on_charge=nw.when(~primary).then(nw.col("charge_cents")),
        first_billed=nw.when(primary).then(nw.col("units_billed")),
        add_on_billed=nw.when(~primary).then(nw.col("units_billed")),
        idle_units=nw.when(nw.col("counts") | (nw.col("role") == CLAIM))
        .then(0)
        .otherwise(nw.col("units_billed").fill_null(0)),
        # Where a service was given is said by its sessions: by a row that is none, such as a
        # claim's line or an aide's, only without any.
        place=nw.when(nw.col("counts")).then(nw.col("start_ms").fill_null(LATE)).otherwise(LATE + 1)
        * MAX_LOCALITIES
        + nw.col("locality_number"),
        # So it is with whose the service is.
        treating=nw.when("counts").then("clinician"),
        **{f"text {name}": nw.col(name).cast(nw.String) for name in carried},
    )
    sums = [f"{name}_ms" for name in ("counted", "therapist", "assistant", "lost")]
    sums += [f"{name}_rows" for name in ("counted", "assistant", "claimed", "add_on")]
    pairs = [f"{part}_{what}" for what in ("billed", "charge") for part in ("first", "add_on")]
    gathered = {
        "total": {name: name for name in (*sums, *pairs, "idle_units", "assistant_logged")},
        "filled": {f"{name}_rows": name for name in pairs},
        "least": {"place": "place", "only_add_on": "add_on_rows"}
        | {"least clinician": "clinician", "least treating": "treating"}
        | {f"least {name}": f"text {name}" for name in carried},
        "most": {"most clinician": "clinician", "most treating": "treating"}
        | {f"most {name}": f"text {name}" for name in carried},
    }
    more = {how: own | dict((also or {}).get(how, {})) for how, own in gathered.items()}
    grouped = engine.grouped(sessions, SERVICE_KEY, **more)
    counted, therapist = nw.col("counted_ms"), nw.col("therapist_ms")
    # Joint time is the therapist's, so the assistant's is what the therapist leaves.
    own = (
        nw.when(nw.col("assistant_ms") == 0)
        .then(counted)
        .otherwise(nw.min_horizontal(therapist, counted))
    )
    grouped = grouped.with_columns(
        minutes=counted // MINUTE_MS,
        therapist_minutes=own // MINUTE_MS,
        assistant_ms=counted - own,
        locality_number=nw.col("place") % MAX_LOCALITIES,
        start_order=nw.col("place") // MAX_LOCALITIES,
        **{name: nw.when(nw.col(f"{name}_rows") > 0).then(name) for name in pairs},
        **{
            f"{end} clinician": nw.coalesce(f"{end} treating", f"{end} clinician")
            for end in ("least", "most")
        },
    )
    names = ("clinician", *carried)
    grouped = engine.either(grouped, {name: (f"least {name}", f"most {name}") for name in names})
    return grouped.with_columns(
        assistant_minutes=nw.col("minutes") - nw.col("therapist_minutes"),
        units_logged=nw.when(
            ~(nw.col("first_billed").is_null() & nw.col("add_on_billed").is_null())
        ).then(nw.col("first_billed").fill_null(0) + nw.col("add_on_billed").fill_null(0)),
    ).drop([f"{end} {name}" for name in ("treating", *carried) for end in ("least", "most")])


def count(services: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``units`` (null where minutes cannot say), ``tie`` and the steps that led to them.

    Needs the pool, service, minutes, units_logged, counted_rows; of the code unit_basis, pooled,
    first_unit_minutes, unit_minutes; of the rule rule_unit_minutes, rule_first_minutes, rule_pool.
    Steps: whole_units, rest_minutes, and for pooled services day_minutes, day_units, left_units
    (units still to give after whole ones), turn (place in the queue), cut_minutes.
    """
    size, earns = nw.col("rule_unit_minutes"), nw.col("rule_first_minutes")
    minutes = nw.col("minutes")
    timed = (nw.col("unit_basis") == "minutes") & nw.col("pooled")
    frame = services.with_columns(
        in_pool=timed & (nw.col("rule_pool") == "day"),
        whole_units=minutes // size,
        rest_minutes=minutes % size,
    )
    in_pool = nw.col("in_pool")
    frame = frame.with_columns(
        pool_minutes=nw.when(in_pool).then(minutes).otherwise(0),
        pool_whole=nw.when(in_pool).then(nw.col("whole_units")).otherwise(0),
        # The queue for what is left: remainder, units the log names, minutes, lower code.
        last=nw.when(in_pool).then(0).otherwise(1),
        less_rest=0 - nw.col("rest_minutes"),
        less_logged=0 - nw.col("units_logged").fill_null(0),
        less_minutes=0 - minutes,
    )
    queue = ["last", "less_rest", "less_logged", "less_minutes", "service"]
    totals = {"day_minutes": "pool_minutes", "day_whole": "pool_whole"}
    frame = engine.within(frame, POOL, queue, total=totals, turn="turn")
    frame = frame.with_columns(
        day_units=(nw.col("day_minutes") + size - earns) // size
    ).with_columns(left_units=nw.col("day_units") - nw.col("day_whole"))
    frame = _cut(frame)
    served = in_pool & (nw.col("turn") <= nw.col("left_units"))
    units = nw.col("whole_units") + nw.when(served).then(1).otherwise(0)
    at_cut = in_pool & (nw.col("rest_minutes") == nw.col("cut_minutes"))
    tie = at_cut & (nw.col("cut_minutes") == nw.col("next_minutes")) & (nw.col("left_units") > 0)
    pooled = {"units": (units.cast(nw.Int64), int)}
    frame = engine.amended(frame, ~in_pool, _OF_UNITS, _units_alone, pooled)
    return frame.with_columns(tie=tie.fill_null(False)).drop(
        "last", "less_rest", "less_logged", "less_minutes", "day_whole",
        "pool_minutes", "pool_whole",
    )  # fmt: skip


_OF_UNITS = (
    "in_pool", "unit_basis", "pooled", "minutes", "first_unit_minutes", "unit_minutes",
    "rule_unit_minutes", "rule_first_minutes", "counted_rows", "units_logged",
)  # fmt: skip


def _units_alone(services: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Units of services that are not counted with others of their day."""
    units = (
        nw.when(nw.col("in_pool"))
        .then(nw.col("units"))
        .when(nw.col("unit_basis") == "minutes")
        .then(units_together(nw.col("minutes")))
        .when(nw.col("unit_basis") == "day")
        .then(nw.when(nw.col("counted_rows") > 0).then(1).otherwise(0))
        .otherwise(nw.col("units_logged"))
    )
    return services.with_columns(units=units.cast(nw.Int64))


def without_idle(services: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Units that come from the log less those of rows that do not count, such as a student's."""
    idle = (nw.col("idle_units") > 0) & told_by_log()
    left = (
        nw.when(nw.col("units_logged") > nw.col("idle_units"))
        .then(nw.col("units_logged") - nw.col("idle_units"))
        .when(nw.col("counted_rows") == 0)
        .then(0)
    )
    return services.with_columns(units=nw.when(idle).then(left).otherwise("units").cast(nw.Int64))


def _cut(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add the remainders at the cut: of the last that gets a unit, of the first that does not."""

    def rest_at(turn: nw.Expr) -> nw.Expr:
        # At most one service has the turn: its remainder and one more, so that 0 says none.
        here = nw.col("in_pool") & (nw.col("turn") == turn)
        return nw.when(here).then(nw.col("rest_minutes") + 1).otherwise(0)

    left = nw.col("left_units")
    frame = frame.with_columns(at_cut=rest_at(left), at_next=rest_at(left + 1))
    frame = engine.within(frame, POOL, total={"cut_more": "at_cut", "next_more": "at_next"})
    return frame.with_columns(
        **{
            f"{name}_minutes": nw.when(nw.col(f"{name}_more") > 0).then(nw.col(f"{name}_more") - 1)
            for name in ("cut", "next")
        }
    ).drop("at_cut", "at_next", "cut_more", "next_more")


def units_together(minutes: nw.Expr) -> nw.Expr:
    """Units of timed minutes that add up: of a day's pool, or of a service counted alone."""
    size, earns = nw.col("rule_unit_minutes"), nw.col("rule_first_minutes")
    by_rule = (minutes + size - earns) // size
    return nw.when(nw.col("pooled")).then(by_rule).otherwise(_by_midpoint(minutes))


def _by_midpoint(minutes: nw.Expr) -> nw.Expr:
    """A unit of any length is earned when more than half of it has passed (CPT)."""
    first, further = nw.col("first_unit_minutes"), nw.col("unit_minutes")
    beyond = 2 * (minutes - first) + further - 1
    more = nw.when(minutes > first).then(beyond // (2 * further)).otherwise(0)
    return nw.when(2 * minutes > first).then(1 + more).otherwise(0)


def code_lines(services: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Part a service into its codes: the first unit is the primary's, further ones the add-on's.

    Needs add_on_code, the other code of a service with two. An add-on without units is a line
    only if the log has rows of it. Where one of two codes has all the rows, what is charged on them
    is for both: each has it whole, and ``shared_units``, those that it is for; else null.
    """
    shown = (nw.col("units") > 1) | (nw.col("add_on_rows") > 0)
    split = nw.col("has_add_on") & shown.fill_null(False)
    frame = engine.repeated(services.with_columns(split=split), split, "place_in_service")
    add_on = nw.col("place_in_service") == 1
    frame = frame.with_columns(
        code=nw.when(add_on).then(nw.col("add_on_code")).otherwise(nw.col("service")),
        service_units=nw.col("units"),
        service_assistant_units=nw.col("assistant_units"),
        service_minutes=nw.col("minutes"),
        service_assistant_minutes=nw.col("assistant_minutes"),
    )
    parted = ("units", "minutes", "assistant_units", "assistant_minutes")
    whole = {name: (nw.col(name), int) for name in parted}
    whole |= {name: (nw.col(own[0]), int) for name, own in _OF_CODE.items()}
    whole["shared_units"] = (nw.lit(None, dtype=nw.Int64), int)
    needs = (
        "split",
        "place_in_service",
        "first_unit_minutes",
        "therapist_minutes",
        "add_on_rows",
        "only_add_on",
        *itertools.chain(*_OF_CODE.values()),
    )
    return engine.amended(frame, nw.col("split"), needs, _parted, whole).drop(
        "add_on_code", "split"
    )


_OF_CODE = {
    "units_logged": ("first_billed", "add_on_billed"),
    "charge_cents": ("first_charge", "add_on_charge"),
}


def _parted(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Lines of a service with two codes: what of it is the primary's, what the add-on's."""
    add_on = nw.col("place_in_service") == 1
    minutes = nw.min_horizontal(nw.col("minutes"), nw.col("first_unit_minutes"))
    first = {
        "units": nw.min_horizontal(nw.col("units"), nw.lit(1)),
        "minutes": minutes,
        "assistant_units": _first_is_assistants(),
        # As its unit, the first minutes are the therapist's as far as there are any of his.
        "assistant_minutes": minutes - nw.min_horizontal(minutes, nw.col("therapist_minutes")),
    }
    mine = {
        name: nw.when(add_on).then(nw.col(name) - own).otherwise(own) for name, own in first.items()
    }
    mine |= {
        name: nw.when(add_on).then(nw.col(other)).otherwise(nw.col(own))
        for name, (own, other) in _OF_CODE.items()
    }
    alone = (nw.col("add_on_rows") == 0) | (nw.col("only_add_on") == 1)
    charge, billed = nw.coalesce(*_OF_CODE["charge_cents"]), nw.coalesce(*_OF_CODE["units_logged"])
    mine["charge_cents"] = nw.when(alone).then(charge).otherwise(mine["charge_cents"])
    shared = nw.when(alone & ~charge.is_null()).then(nw.coalesce(billed, nw.col("units")))
    mine["shared_units"] = shared.cast(nw.Int64)
    return lines.with_columns(
        **{name: nw.when("split").then(own).otherwise(nw.col(name)) for name, own in mine.items()}
    )


def _first_is_assistants() -> nw.Expr:
    """The first unit of a service is plain if any is."""
    return nw.when(nw.col("assistant_units") == nw.col("units")).then(1).otherwise(0) * (
        nw.min_horizontal(nw.col("units"), nw.lit(1))
    )
