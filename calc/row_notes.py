"""What a user should know of how a log's rows count: what their values, not their headings, say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, times
from calc.params import Config

Mapped = Mapping[str, Sequence[str]]  # our columns to a log's headings


def of_times(
    rows: nw.LazyFrame[Any], mapping: Mapped, config: Config, bare: bool = True
) -> list[str]:
    """Notes about SESSION rows from whose times units are made.

    ``bare``: without minutes the log has no unread heading that may hold them.
    """
    minutes = rows.filter(nw.col("code").is_in(config.timed_codes))
    said = _as_totals(minutes, mapping) or _alike(minutes, mapping)
    said += _one_window(minutes, mapping, config) if bare else []
    return [*said, *_cotreated(minutes, mapping), *_assistants(rows, mapping, config)]


_VISITS = 2  # of which fewer may be alike by chance
_FIRST_ROWS = 1000  # by which most logs show that there is nothing to say
_LONG_MINUTES = 60


def _as_totals(rows: nw.LazyFrame[Any], mapping: Mapped) -> list[str]:
    """A note where each row of a visit has the total as its minutes: together they are above it.

    Of rows of several timed codes, without start and end.
    """
    own, total = (mapping.get(name, [""])[0] for name in ("minutes", "total_minutes"))
    if not own or not total or {"start", "end"} & set(mapping):
        return []
    alike = (nw.col("given_ms") == nw.col("total_ms")) & (nw.col("given_ms") > 0)
    rows = rows.with_columns(alike=alike.fill_null(False).cast(nw.Int64))
    visits = rows.group_by("patient", "date", "discipline").agg(
        codes=nw.col("code").n_unique(), alike=nw.col("alike").min()
    )
    if not engine.count(visits.filter(nw.col("codes") > 1, nw.col("alike") == 1)):
        return []
    return [
        f'"{own}" equals "{total}" on all rows of a visit: if it is the visit\'s, each code counts'
        f' all of it; to leave it out: --map "{own}=", if it is each row\'s: --map "{total}="'
    ]


def _alike(rows: nw.LazyFrame[Any], mapping: Mapped) -> list[str]:
    """A note where minutes may be the visit's, which each of its rows repeats.

    All rows of each visit say the same, and add up to more than an hour: of codes that are timed,
    without start and end.
    """
    own = mapping.get("minutes", [""])[0]
    if not own or {"start", "end"} & set(mapping):
        return []
    long = nw.col("given_ms").sum() > _LONG_MINUTES * times.MINUTE
    found = _of_several_rows(rows, ["given_ms"], long)
    if not _all_alike(found) or 2 * found["marked"].sum() <= len(found):
        return []
    return [
        f'"{own}" is the same on all rows of each visit: if it is the visit\'s, each code counts'
        f' all of it; to leave it out: --map "{own}="'
    ]


def repeats_units(rows: nw.LazyFrame[Any]) -> bool:
    """Whether units may be the visit's: those of each visit are the same on all of its rows.

    One unit on each row is nothing odd, and units on the first row alone are counted once.
    """
    rows = rows.with_columns(nw.col("units_billed").fill_null(-1))
    found = _of_several_rows(rows, ["units_billed"], nw.col("units_billed").max() > 1)
    return len(found) > 0 and all(found["alike"]) and any(found["marked"])


def units_repeated(own: str) -> str:
    """A note where `repeats_units` of the heading ``own``."""
    return (
        f'"{own}" is the same on all rows of each visit; if it means the units of each code:'
        f' --map "{own}=units_billed", if not: write those in its place'
    )


def utc_dates(column: str) -> str:
    """A note where the heading ``column`` alone tells dates, and is in UTC."""
    return (
        f'"{column}" is in UTC and gives the dates: an evening\'s sessions may count for the next'
        " day; say the clinic's zone, e.g. --tz America/Chicago"
    )


def _one_window(rows: nw.LazyFrame[Any], mapping: Mapped, config: Config) -> list[str]:
    """A note where start and end may be the visit's, which each of its rows repeats.

    Of several timed services of one clinician, without minutes: nobody knows how long each took.
    """
    if "minutes" in mapping or not {"start", "end"} <= set(mapping):
        return []
    # As an expression, for rows that are not looked at need no service.
    code = nw.col("code").cast(nw.String)
    service = code
    for name, facts in config.codes.items():
        if facts["family"] != name:
            service = nw.when(code == name).then(nw.lit(facts["family"])).otherwise(service)
    rows = rows.with_columns(service=service)
    several = nw.col("service").n_unique() > 1
    alone = nw.col("clinician").n_unique() == 1
    found = _of_several_rows(rows, ["start_ms", "end_ms"], several & alone)
    if not _all_alike(found) or not all(found["marked"]):
        return []
    return [
        f'"{mapping["start"][0]}" and "{mapping["end"][0]}" are the same on all rows of each visit,'
        " whose time counts once; add a column minutes with those of each code"
    ]


def _cotreated(rows: nw.LazyFrame[Any], mapping: Mapped) -> list[str]:
    """A note where clinicians treat together and no clock times say when."""
    if "mode" not in mapping:
        return []
    joint = rows.filter(nw.col("mode") == "cotreatment", nw.col("start_ms").is_null())
    if not (count := engine.count(joint)):
        return []
    several = f"{count:,} rows" if count > 1 else "1 row"
    return [
        f"{several} of co-treatment without start and end: minutes of two clinicians at once count"
        " for both; write in each row the minutes that are its clinician's own"
    ]


def _of_several_rows(
    rows: nw.LazyFrame[Any], names: Sequence[str], marked: nw.Expr
) -> nw.DataFrame[Any]:
    """By visit of several rows whether those say the same (``alike``), and ``marked``.

    Only of the first rows where these differ already.
    """
    least = {f"min {name}": nw.col(name).min() for name in names}
    most = {f"max {name}": nw.col(name).max() for name in names}
    alike = nw.all_horizontal(
        *(nw.col(f"min {name}") == nw.col(f"max {name}") for name in names), ignore_nulls=False
    )

    def found(some: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
        by_visit = some.group_by("patient", "date")
        visits = by_visit.agg(rows=nw.len(), marked=marked, **least, **most)
        visits = visits.filter(nw.col("rows") > 1)
        return engine.added_up(visits.select("marked", alike=alike.fill_null(False)))

    first = found(rows.head(_FIRST_ROWS))
    return found(rows) if all(first["alike"]) else first


def _all_alike(found: nw.DataFrame[Any]) -> bool:
    return len(found) >= _VISITS and all(found["alike"])


def _assistants(rows: nw.LazyFrame[Any], mapping: Mapped, config: Config) -> list[str]:
    """A note where rows have no role and names of their clinicians say that they are assistants."""
    if "clinician" not in mapping:
        return []
    titles = {w.upper() for w, role in config.words["role"].items() if role == "assistant"}
    titles -= {"OTA"}  # a surname too
    names = engine.distinct(rows.filter(nw.col("role_blank")), "clinician")
    theirs = [name for name in names if titles.intersection(_words(name))]
    if not theirs:
        return []
    who = "1 clinician" if len(theirs) == 1 else f"{len(theirs):,} clinicians"
    add = "add a column role"
    if "role" in mapping:
        add = f'write the role below "{mapping["role"][0]}"'
    return [f"{who} may be an assistant by name, and counts as a therapist: {add}"]


def _words(name: str) -> list[str]:
    """The words of a name that are all capitals, and titles such as P.T.A. without their points."""
    plain = _INITIAL.sub(r"\1", name)
    return re.split(r"[^A-Z/]+", f"{name} {plain}")


_INITIAL = re.compile(r"(?<![A-Za-z])([A-Z])\.")
