"""Clinician days that hold an overlap: sessions in lanes, and the minutes that they share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc.reports.findings import Row, counted
from calc.reports.pictures import clock

_DAY_MS = 24 * 60 * 60 * 1000
_MINUTE_MS = 60 * 1000

Span = tuple[int, int]  # first minute, and the minute after the last
Key = tuple[str, date]


@dataclass(frozen=True)
class Bar:
    """A session: minutes of the day, and the lane it is drawn in."""

    start: int
    end: int
    lane: int
    label: str
    code: str
    row: int | None
    file: str  # blank where all rows are of one
    overlap: bool

    @property
    def said(self) -> str:
        """The session in words."""
        return f"{_place(self.file, self.row)} (patient {self.label}, {self.code})".lstrip()


@dataclass(frozen=True)
class Overlap:
    """Minutes of the day that a session shares with another one, maybe of another clinician."""

    start: int
    end: int
    bar: Bar
    other: Bar | None  # of the same clinician
    other_said: str

    @property
    def said(self) -> str:
        """One line in words."""
        span = f"{clock(self.start)} to {clock(self.end)}"
        minutes = counted(self.end - self.start, "minute")
        return f"{span}, {minutes}: {self.bar.said} and {self.other_said}"


@dataclass(frozen=True)
class Day:
    """One clinician's day."""

    clinician: str
    date: date
    bars: list[Bar]
    overlaps: list[Overlap]

    @property
    def said(self) -> str:
        """What the picture shows, in words."""
        first, last = min(bar.start for bar in self.bars), max(bar.end for bar in self.bars)
        said = f"{counted(len(self.bars), 'session')} from {clock(first)} to {clock(last)}."
        return " ".join([said, *(f"{overlap.said}." for overlap in self.overlaps)])

    @property
    def hatched(self) -> list[tuple[int, int, int]]:
        """(lane, start, end) of the minutes that overlap in each lane."""
        lanes: dict[int, list[Span]] = {}
        for overlap in self.overlaps:
            for bar in filter(None, (overlap.bar, overlap.other)):
                lanes.setdefault(bar.lane, []).append((overlap.start, overlap.end))
        return [(lane, *span) for lane, spans in lanes.items() for span in _joined(spans)]

    @property
    def spans(self) -> list[Span]:
        """Minutes of the day that overlap."""
        return _joined([(overlap.start, overlap.end) for overlap in self.overlaps])


def _joined(spans: list[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            begun, ended = found.pop()
            start, end = begun, max(end, ended)
        found.append((start, end))
    return found


def worst(timeline: nw.DataFrame[Any], most: int) -> tuple[list[Day], int]:
    """The days with most overlapping sessions, at most ``most``; and how many there are."""
    timed = timeline.filter(~nw.col("start_ms").is_null(), ~nw.col("end_ms").is_null())
    keys = ["clinician", "date"]
    counts = timed.group_by(keys).agg(nw.col("overlap").cast(nw.Int64).sum().alias("overlaps"))
    counts = counts.filter(nw.col("overlaps") > 0).sort(
        "overlaps", "date", "clinician", descending=[True, False, False]
    )
    chosen = counts.head(most)
    of_day = _by_key(timed.join(chosen, on=keys, how="inner"), "clinician")
    marked = timed.filter(nw.col("overlap"), nw.col("date").is_in(chosen["date"].to_list()))
    of_patient = _by_key(marked, "patient")
    order = chosen.select(keys).iter_rows()
    return [_day(name, when, of_day[name, when], of_patient) for name, when in order], len(counts)


def _by_key(frame: nw.DataFrame[Any], who: str) -> dict[Key, list[Row]]:
    rows: dict[Key, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        rows.setdefault((row[who], row["date"]), []).append(row)
    return rows


def _day(clinician: str, when: date, rows: list[Row], of_patient: dict[Key, list[Row]]) -> Day:
    midnight = (when - date(1970, 1, 1)).days * _DAY_MS
    rows = sorted(rows, key=lambda row: (row["start_ms"], row["end_ms"], row["row"] or 0))
    bars = _bars(rows, midnight)
    marked = [bar for bar in bars if bar.overlap]
    found = [
        Overlap(*span, later, earlier, earlier.said)
        for place, later in enumerate(marked)
        for earlier in marked[:place]
        if (span := _shared(later, earlier.start, earlier.end))
    ]
    for bar in marked:
        for row in of_patient[bar.label, when]:
            start, end = (_minutes(row[name], midnight) for name in ("start_ms", "end_ms"))
            if row["clinician"] != clinician and (span := _shared(bar, start, end)):
                where = ", ".join(filter(None, (_place(row["file"], row["row"]), row["code"])))
                found.append(Overlap(*span, bar, None, f"{row['clinician']} ({where})"))
    found.sort(key=lambda overlap: (overlap.start, overlap.end))
    return Day(clinician, when, sorted(bars, key=lambda bar: bar.lane), found)


def _shared(bar: Bar, start: int, end: int) -> Span | None:
    start, end = max(bar.start, start), min(bar.end, end)
    return (start, end) if start < end else None


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
            row["file"],
            bool(row["overlap"]),
        )
        for row, lane in placed
    ]


def _place(file: str, row: int | None) -> str:
    """``row 12``, of several files ``march.csv:12``."""
    if row is None:
        return ""
    return f"{file}:{row}" if file else f"row {row}"


def said_of(when: date) -> str:
    """``Monday 2 March 2026``"""
    return f"{when:%A} {when.day} {when:%B %Y}"
