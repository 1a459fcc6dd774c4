"""Clinician days that hold an overlap: bars in lanes, and the stretches that overlap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import narwhals.stable.v2 as nw

from calc.reports.findings import Row, counted
from calc.reports.pictures import clock

_DAY_MS = 24 * 60 * 60 * 1000
_MINUTE_MS = 60 * 1000


@dataclass(frozen=True)
class Bar:
    """A session: minutes of the day, and the lane it is drawn in."""

    start: int
    end: int
    lane: int
    label: str
    code: str
    row: int | None
    overlap: bool


@dataclass(frozen=True)
class Stretch:
    """Minutes of the day in which sessions overlap, and the sessions of this clinician in it."""

    start: int
    end: int
    bars: tuple[Bar, ...]
    elsewhere: tuple[str, ...]  # sessions of other clinicians with the same patient

    @property
    def lanes(self) -> list[int]:
        """Lanes that it covers."""
        return sorted({bar.lane for bar in self.bars})

    @property
    def said(self) -> str:
        """One line in words."""
        span = f"{clock(self.start)} to {clock(self.end)}"
        who = [_session(bar.row, bar.label, bar.code) for bar in self.bars]
        return f"{span}, {counted(self.end - self.start, 'minute')}: " + "; ".join(
            [*who, *self.elsewhere]
        )


@dataclass(frozen=True)
class Day:
    """One clinician's day."""

    clinician: str
    date: date
    bars: list[Bar]
    stretches: list[Stretch]

    @property
    def said(self) -> str:
        """What the picture shows, in words."""
        first, last = min(bar.start for bar in self.bars), max(bar.end for bar in self.bars)
        said = f"{counted(len(self.bars), 'session')} from {clock(first)} to {clock(last)}."
        return " ".join([said, *(f"Overlap {stretch.said}." for stretch in self.stretches)])


def _session(row: int | None, patient: str, code: str) -> str:
    place = "" if row is None else f"row {row}, "
    return f"{place}{patient} {code}".rstrip()


def worst(timeline: nw.DataFrame[Any], most: int) -> tuple[list[Day], int]:
    """The days with most overlapping sessions, at most ``most``; and how many there are."""
    timed = timeline.filter(~nw.col("start_ms").is_null(), ~nw.col("end_ms").is_null())
    keys = ["clinician", "date"]
    days = timed.group_by(keys).agg(nw.col("overlap").sum().alias("overlaps"))
    days = days.filter(nw.col("overlaps") > 0).sort(
        "overlaps", "date", "clinician", descending=[True, False, False]
    )
    chosen = days.head(most)
    rows: dict[tuple[str, date], list[Row]] = {}
    for row in timed.join(chosen, on=keys).iter_rows(named=True):
        rows.setdefault((row["clinician"], row["date"]), []).append(row)
    marked = timed.filter(nw.col("overlap"), nw.col("date").is_in(chosen["date"].to_list()))
    by_patient: dict[tuple[str, date], list[Row]] = {}
    for row in marked.iter_rows(named=True):
        by_patient.setdefault((row["patient"], row["date"]), []).append(row)
    order = chosen.select(keys).iter_rows()
    return [_day(name, when, rows[name, when], by_patient) for name, when in order], len(days)


def _day(
    clinician: str, when: date, rows: list[Row], by_patient: dict[tuple[str, date], list[Row]]
) -> Day:
    midnight = (when - date(1970, 1, 1)).days * _DAY_MS
    rows = sorted(rows, key=lambda row: (row["start_ms"], row["end_ms"], row["row"] or 0))
    bars = _bars(rows, midnight)
    others = [
        (_minutes(other["start_ms"], midnight), _minutes(other["end_ms"], midnight), bar,
         f"with {other['clinician']}, " + _session(other["row"], "", other["code"]))
        for bar, row in zip(bars, rows, strict=True) if bar.overlap
        for other in by_patient.get((row["patient"], when), [])
        if other["clinician"] != clinician
    ]  # fmt: skip
    return Day(clinician, when, sorted(bars, key=lambda bar: bar.lane), _stretches(bars, others))


def _minutes(ms: int, midnight: int) -> int:
    return (ms - midnight) // _MINUTE_MS


def _bars(rows: list[Row], midnight: int) -> list[Bar]:
    """Sessions in a lane for each patient, and in more where a patient's sessions overlap."""
    free: dict[str, list[int]] = {}  # patient -> when each of its lanes is free again
    placed = []
    for row in rows:
        ends = free.setdefault(row["patient"], [])
        lane = next((n for n, end in enumerate(ends) if end <= row["start_ms"]), len(ends))
        ends[lane : lane + 1] = [row["end_ms"]]
        placed.append((row, lane))
    lanes = itertools.accumulate((len(ends) for ends in free.values()), initial=0)
    # Patients stand in the order in which their first sessions began.
    below = dict(zip(free, lanes, strict=False))
    return [
        Bar(
            _minutes(row["start_ms"], midnight),
            _minutes(row["end_ms"], midnight),
            below[row["patient"]] + lane,
            row["patient"],
            row["code"],
            row["row"],
            bool(row["overlap"]),
        )
        for row, lane in placed
    ]


def _stretches(bars: list[Bar], others: Sequence[tuple[int, int, Bar, str]]) -> list[Stretch]:
    """Minutes in which two marked sessions run, cut where one begins or ends, then joined."""
    marked = [bar for bar in bars if bar.overlap]
    edges = sorted(
        {edge for bar in marked for edge in (bar.start, bar.end)}
        | {edge for start, end, _, _ in others for edge in (start, end)}
    )
    found: list[Stretch] = []
    for start, end in itertools.pairwise(edges):
        inside = tuple(bar for bar in marked if bar.start <= start and end <= bar.end)
        there = tuple(
            dict.fromkeys(
                words
                for begun, ended, bar, words in others
                if bar in inside and begun <= start and end <= ended
            )
        )
        if len(inside) < 2 and not there:
            continue
        if found and (found[-1].end, found[-1].bars, found[-1].elsewhere) == (start, inside, there):
            start = found.pop().start
        found.append(Stretch(start, end, inside, there))
    return found


def said_of(when: date) -> str:
    """``Monday 2 March 2026``"""
    return f"{datetime.combine(when, datetime.min.time()):%A} {when.day} {when:%B %Y}"
