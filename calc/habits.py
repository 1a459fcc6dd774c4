"""Signals: habits of a clinician's log that a reviewer would ask about. None is a fault by itself.

Counts are tables like any other; the test for heaping is exact (binomial), with the false
discovery rate over clinicians held by Benjamini and Hochberg's procedure.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, limits, lookups, times
from calc.params import Config
from calc.schema import CODE_KEY, total

HEAPS = 4  # units up to whose first minutes days may heap
_PER_MILLION = 1_000_000


def of_rows(rows: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """One line per clinician: sessions, round minutes, heaps.

    Of batches of whole patients the counts add up.
    """
    mine = _mine()
    lasting = mine & nw.col("one_on_one") & (nw.col("length_ms") > 0)
    # Most rows count: to add nothing of the others is cheaper than to leave them out.
    marked = rows.with_columns(
        day=nw.when(mine).then("date"),
        place=nw.when(mine).then("row_place"),
        lasting=lasting.cast(nw.Int64),
        on_five=(lasting & (nw.col("length_ms") % (5 * times.MINUTE) == 0)).cast(nw.Int64),
    )
    people = marked.group_by("clinician").agg(
        total("lasting").alias("sessions"), total("on_five"),
        nw.col("day").min().alias("date"), nw.col("place").min().alias("first_place"),
    )  # fmt: skip
    people = people.filter(~nw.col("date").is_null())
    return people.join(
        _heaps(rows.filter(mine & nw.col("timed")), config), on="clinician", how="left"
    )


def with_assistants(
    counts: nw.LazyFrame[Any], rows: nw.LazyFrame[Any], lines: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """The counts `of_rows` with an assistant's CQ and CO, of their services' lines."""
    theirs = rows.filter(_mine() & (nw.col("role") == "assistant"))
    return counts.join(_assistants(theirs, lines), on="clinician", how="left")


def _mine() -> nw.Expr:
    """The row is somebody's session."""
    return nw.col("counts") & (nw.col("clinician") != "") & nw.col("documented")


_COUNTS = (
    "sessions", "on_five", "assistant_units_due", "assistant_marks", "heap_days", "near_days",
    "timed_days",
)  # fmt: skip


def of_clinicians(counts: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """Counts of each clinician added up, the limits of the first date, and ``heaped`` over all."""
    filled = {name: nw.col(name).fill_null(0) for name in _COUNTS}
    people = counts.with_columns(**filled).group_by("clinician").agg(
        *(total(name) for name in _COUNTS),
        nw.col("date").min(), nw.col("first_place").min(),
    )  # fmt: skip
    people = engine.added_up(people).lazy()
    names = ("round_percent", "round_sessions", "false_discovery_percent")
    return _with_chances(limits.beside(people, config, engine.distinct(people, "date"), *names))


def _assistants(theirs: nw.LazyFrame[Any], lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Units due with CQ or CO of the services that an assistant took part in, and rows with it.

    By clinician; ``theirs`` are the rows of assistants.

    Only payers that pay an assistant's services otherwise ask for the modifier. Where CMS leaves
    a choice the fewest are due, see `modifiers.bounds`. None are on days in doubt, but what is
    marked there is marked.
    """
    by_them = theirs.select("clinician", *CODE_KEY).unique()
    some = (nw.col("assistant_units") > 0) | (nw.col("assistant_marks") > 0)
    units = nw.min_horizontal("assistant_low", nw.col("billed") - nw.col("refused_units"))
    units = nw.when(nw.col("in_doubt")).then(0).otherwise(units)
    asked = nw.col("payer_assistant_cut") & some.fill_null(False)
    due = lines.filter(asked).select(*CODE_KEY, "assistant_marks", assistant_units=units)
    return (
        by_them.join(due, on=list(CODE_KEY), how="inner")
        .group_by("clinician")
        .agg(
            total("assistant_units").alias("assistant_units_due"),
            total("assistant_marks"),
        )
    )


def _heaps(timed: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """By clinician: heap_days just at a unit's threshold, near_days with their neighbours.

    Of payers whose first unit is earned as Medicare's is.
    """
    rule, rules = config.counting_rules["cms"], config.counting_rules
    others = [
        payer
        for payer, facts in config.payers.items()
        if any(rules[facts["counting_rule"]][name] != rule[name] for name in _THRESHOLD)
    ]
    if others:
        timed = timed.filter(~nw.col("payer").is_in(others))
    keys = ("clinician", "patient", "date", "discipline")
    added = {"counted_ms": "counted_ms"}
    day = engine.grouped(timed, keys, total=added, filled={}, least={}, most={})
    day = day.with_columns(minutes=nw.col("counted_ms") // times.MINUTE)
    # Two minutes at the threshold, the two before and the two after: a third falls on each.
    band, first = rule["unit_minutes"], rule["first_minutes"] - 2
    past, turn = (nw.col("minutes") - first) % band, (nw.col("minutes") - first) // band
    near = (nw.col("minutes") >= first) & (turn < HEAPS) & (past < 6)
    heap = near & (past >= 2) & (past < 4)
    day = day.with_columns(near=near.cast(nw.Int64), heap=heap.cast(nw.Int64))
    return day.group_by("clinician").agg(
        total("heap").alias("heap_days"),
        total("near").alias("near_days"),
        nw.len().cast(nw.Int64).alias("timed_days"),
    )


_THRESHOLD = ("unit_minutes", "first_minutes")  # of a counting rule


def _with_chances(people: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add the chance of so many heaps, its rank over all clinicians with timed days, ``heaped``."""
    tested = people.filter(nw.col("timed_days") > 0).sort("clinician")
    found = engine.collect(tested.select("clinician", "heap_days", "near_days"))
    chances = [
        _at_least(heap, near)
        for heap, near in zip(found["heap_days"], found["near_days"], strict=True)
    ]
    table: engine.Columns = {
        "clinician": found["clinician"].to_list(),
        "chance_per_million": [round(chance * _PER_MILLION) for chance in chances],
        "rank_per_million": [round(chance * _PER_MILLION) for chance in _adjusted(chances)],
    }
    types = dict.fromkeys(table, int) | {"clinician": str}
    people = people.join(engine.beside(people, table, types), on="clinician", how="left")
    limit = nw.col("false_discovery_percent_limit") * (_PER_MILLION // 100)
    return people.with_columns(heaped=(nw.col("rank_per_million") <= limit).fill_null(False))


def _at_least(heap: int, near: int) -> float:
    """Chance of ``heap`` or more of ``near`` days at the threshold if a third falls there.

    >>> _at_least(0, 5), round(_at_least(3, 3), 6)
    (1.0, 0.037037)
    """
    if heap <= 0:
        return 1.0
    if heap > near:
        return 0.0
    if 3 * heap <= near:
        return 1.0 - _tail(heap - 1, near, -1)
    return min(1.0, _tail(heap, near, 1))


def _tail(heap: int, near: int, step: int) -> float:
    """Chance of ``heap`` days, and of each further number in the direction of ``step``."""
    ways = math.lgamma(near + 1) - math.lgamma(heap + 1) - math.lgamma(near - heap + 1)
    first = ways + (near - heap) * math.log(2) - near * math.log(3)
    term = total = 1.0
    while 0 <= heap + step <= near and term > total * 1e-17:
        term *= (near - heap) / (heap + 1) / 2 if step > 0 else 2 * heap / (near - heap + 1)
        total, heap = total + term, heap + step
    return math.exp(first) * total


def _adjusted(chances: list[float]) -> list[float]:
    """Each chance as the least false discovery rate at which it counts (Benjamini-Hochberg).

    >>> [round(x, 3) for x in _adjusted([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    adjusted, least = [1.0] * len(chances), 1.0
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        least = min(least, chances[place] * len(chances) / rank)
        adjusted[place] = least
    return adjusted


def cloned_days(rows: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    """Days of a patient with one clinician whose services are alike to the minute, counted.

    Only days of two or more services with clock times are compared.
    """
    codes = rows.filter(nw.col("in_sweep") & nw.col("documented") & (nw.col("clinician") != ""))
    clock = ((nw.col("start_ms") + nw.col("offset_ms")) % times.DAY) // times.MINUTE
    minutes = nw.col("length_ms") // times.MINUTE
    # A whole number for each code, clock and length; a day is known by their sums.
    print_ = (nw.col("code_number") * 1440 + clock) * 1441 + minutes
    one = nw.lit(1, dtype=nw.Int64)
    marked = codes.with_columns(mark=print_, one=one).with_columns(
        square=(nw.col("mark") % 1_000_003) * (nw.col("mark") % 1_000_003)
    )
    keys = ("patient", "clinician", "discipline", "provider")
    by_day = engine.grouped(
        marked,
        (*keys, "date"),
        total={"mark": "mark", "square": "square", "services": "one"},
        filled={},
        least={"first_place": "row_place"},
        most={},
    )
    by_day = by_day.filter(nw.col("services") > 1)
    # Only of sums that come often enough can the whole days be alike.
    least = limits.least_limit(config, days, "cloned_days")
    by_day = engine.summed(by_day.with_columns(one=one), (*keys, "mark"), "one", "same")
    by_day = by_day.filter(nw.col("same") >= least)
    alike = by_day.group_by(*keys, "mark", "square", "services").agg(
        nw.len().cast(nw.Int64).alias("days"), nw.col("date").min(),
        nw.col("first_place").min(),
    )  # fmt: skip
    alike = limits.beside(alike, config, days, "cloned_days")
    return alike.filter(nw.col("days") >= nw.col("cloned_days_limit"))


def off_days(rows: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    """A clinician's sessions on a Sunday or a federal holiday: ``kind`` and how many."""
    holidays = lookups.on(config, "federal_holidays", days)
    kinds = [
        "holiday" if holiday else "Sunday" if day.isoweekday() == 7 else ""
        for day, holiday in zip(days, holidays, strict=True)
    ]
    off: engine.Columns = {
        "date": [day for day, kind in zip(days, kinds, strict=True) if kind],
        "kind": [kind for kind in kinds if kind],
    }
    table = engine.beside(rows, off, {"date": date, "kind": str})
    mine = rows.filter(nw.col("documented") & nw.col("counts"))
    mine = mine.join(table, on="date", how="inner")
    return mine.group_by("clinician", "date", "kind").agg(
        nw.len().cast(nw.Int64).alias("sessions"),
        nw.col("row_place").min().alias("first_place"),
    )  # fmt: skip


def added_up(off_days: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The lines of `off_days` of several batches, one for each clinician and date."""
    return off_days.group_by("clinician", "date", "kind").agg(
        total("sessions"), nw.col("first_place").min()
    )
