"""Clinician days that hold an overlap: sessions in lanes, and the minutes that they share."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc.reports.findings import Row, counted, isolated
from calc.reports.pictures import clock
from calc.rule import OVERLAPS
from calc.schema import rows_in

_DAY_MS = 24 * 60 * 60 * 1000
_MINUTE_MS = 60 * 1000

Span = tuple[int, int]  # of the day, its end left out
Key = tuple[str, date]
Place = tuple[str, int]  # file and row


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
        patient = isolated(self.label)
        return f"{_place(self.file, self.row)} (patient {patient}, {self.code})".lstrip()


@dataclass(frozen=True)
class Overlap:
    """Minutes that a session shares with others, maybe of another day or clinician.

    ``span_ms`` is None where one of the sessions has the times of a whole visit: nobody knows when
    in it the minutes were.
    """

    minutes: int
    span_ms: Span | None
    bar: Bar
    others: list[Bar]  # of the same clinician's day
    other_said: str

    @property
    def span(self) -> Span | None:
        """The clock's minutes."""
        return _minutes(self.span_ms) if self.span_ms else None

    @property
    def said(self) -> str:
        """One line in words."""
        minutes = counted(self.minutes, "minute")
        if self.span_ms is None:
            there = f"{minutes}, within the times of the visit"
            return f"{there}: {self.bar.said} with {self.other_said}"
        start, end = map(_clock, self.span_ms)
        return f"{start} to {end}, {minutes}: {self.bar.said} and {self.other_said}"


@dataclass(frozen=True)
class Day:
    """One clinician's day, by one clock: that of its first session."""

    clinician: str
    date: date
    bars: list[Bar]
    overlaps: list[Overlap]
    offset_ms: int | None  # of that clock, where a session here, or its partner, has another

    @property
    def clock_said(self) -> str:
        """By what clock all times are said, if sessions have another."""
        if self.offset_ms is None:
            return ""
        sign, minutes = "-" if self.offset_ms < 0 else "+", abs(self.offset_ms) // _MINUTE_MS
        return f"All times are by one clock, UTC{sign}{clock(minutes)}."

    @property
    def said(self) -> str:
        """What the picture shows, in words."""
        first, last = min(bar.start for bar in self.bars), max(bar.end for bar in self.bars)
        said = f"{counted(len(self.bars), 'session')} from {clock(first)} to {clock(last)}."
        overlaps = (f"{overlap.said}." for overlap in self.overlaps)
        return " ".join(filter(None, [said, self.clock_said, *overlaps]))

    @property
    def hatched(self) -> list[tuple[int, int, int]]:
        """(lane, start, end) of the minutes that overlap in each lane."""
        lanes: dict[int, list[Span]] = {}
        for overlap in self.overlaps:
            for bar in (overlap.bar, *overlap.others) if overlap.span_ms else ():
                lanes.setdefault(bar.lane, []).extend(filter(None, [overlap.span_ms]))
        return [(lane, *_minutes(span)) for lane, spans in lanes.items() for span in _joined(spans)]

    @property
    def spans(self) -> list[Span]:
        """Minutes of the day that overlap."""
        return [_minutes(span) for span in self._spans_ms]

    @property
    def lengths(self) -> list[int]:
        """How many minutes each of the spans has."""
        return [(end - start) // _MINUTE_MS for start, end in self._spans_ms]

    @property
    def _spans_ms(self) -> list[Span]:
        return _joined([overlap.span_ms for overlap in self.overlaps if overlap.span_ms])


def _minutes(span_ms: Span) -> Span:
    start, end = span_ms
    return start // _MINUTE_MS, end // _MINUTE_MS


def _joined(spans: list[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            begun, ended = found.pop()
            start, end = begun, max(end, ended)
        found.append((start, end))
    return found


@dataclass(frozen=True)
class _Named:
    """What a finding says: a row, those that it shares minutes with, and how many."""

    own: Place
    others: list[Place]
    minutes: int


def worst(
    timeline: nw.DataFrame[Any], findings: nw.DataFrame[Any], most: int
) -> tuple[list[Day], int]:
    """The days with most overlapping sessions, at most ``most``; and how many there are.

    A day is one of a finding; of its sessions those overlap which a finding names together.
    """
    if timeline["file"].n_unique() < 2:
        timeline = timeline.with_columns(shown_file=nw.lit(""))
    else:
        timeline = timeline.with_columns(shown_file="file")
    # Instants: clocks of two offsets tell nothing of which comes first.
    instants = {name: nw.col(name) - nw.col("offset_ms") for name in ("start_ms", "end_ms")}
    timeline = timeline.with_columns(**instants)
    marked = timeline.filter(nw.col("overlap"))
    places = {(row["file"], row["row"]): row for row in marked.iter_rows(named=True)}
    named = list(_named(findings, places))
    key_of = {place: _key(row) for place, row in places.items()}
    sessions = Counter(key_of.values())
    keys = {key for one in named if (key := key_of[one.own])[0]}
    chosen = sorted(keys, key=lambda key: (-sessions[key], key[1], key[0]))[:most]
    of_day = _by_key(timeline, chosen)
    near: dict[Key, list[_Named]] = {}
    for one in named:
        for key in {key_of[place] for place in (one.own, *one.others)}:
            near.setdefault(key, []).append(one)
    return [_day(key, of_day[key], near[key], places) for key in chosen], len(keys)


def _named(findings: nw.DataFrame[Any], places: Mapping[Place, Row]) -> Iterator[_Named]:
    """What the findings of two rows on the same minutes say, as far as their times are known."""
    here = findings.filter(nw.col("rule").is_in(OVERLAPS))
    names = ("file", "row", "rows", "found")
    for file, row, rows, found in here.select(names).iter_rows():
        others = [place for place in rows_in(rows, file) if place in places]
        if (file, row) in places and others:
            yield _Named((file, row), others, int(found))


def _key(row: Row) -> Key:
    return row["clinician"], row["date"]


def _by_key(timeline: nw.DataFrame[Any], keys: Iterable[Key]) -> dict[Key, list[Row]]:
    """The sessions of some clinicians' days."""
    rows: dict[Key, list[Row]] = {key: [] for key in keys}
    named = [list(names) for names in zip(*rows, strict=True)] or [[], []]
    here = timeline.filter(nw.col("clinician").is_in(named[0]), nw.col("date").is_in(named[1]))
    for row in here.iter_rows(named=True):
        if (key := _key(row)) in rows:
            rows[key].append(row)
    return rows


def _day(key: Key, rows: list[Row], named: list[_Named], places: Mapping[Place, Row]) -> Day:
    clinician, when = key
    rows = sorted(rows, key=lambda row: (row["start_ms"], row["end_ms"], row["row"] or 0))
    offset = rows[0]["offset_ms"]
    midnight = (when - date(1970, 1, 1)).days * _DAY_MS - offset
    bars = _bars(rows, midnight)
    of_place = {(row["file"], row["row"]): bar for row, bar in zip(rows, bars, strict=True)}
    sight = _Sight(key, midnight, of_place, places)
    found = [overlap for one in named for overlap in sight.overlaps(one)]
    found.sort(key=_begin)
    lanes = sorted(bars, key=lambda bar: bar.lane)
    partners = [places[place] for one in named for place in (one.own, *one.others)]
    several = any(row["two_offsets"] or row["offset_ms"] != offset for row in (*rows, *partners))
    return Day(clinician, when, lanes, found, offset if several else None)


def _begin(overlap: Overlap) -> Span:
    bar = overlap.bar
    return overlap.span_ms or (bar.start * _MINUTE_MS, bar.end * _MINUTE_MS)


@dataclass(frozen=True)
class _Sight:
    """Overlaps as they look from one clinician's day."""

    key: Key
    midnight: int  # the instant that begins the day
    bars: Mapping[Place, Bar]  # of the day
    places: Mapping[Place, Row]  # of all that overlap

    def overlaps(self, named: _Named) -> Iterator[Overlap]:
        """What a finding says about sessions of this day."""
        pairs = [(named.own, named.others)]
        if named.own not in self.bars:
            pairs = [(other, [named.own]) for other in named.others if other in self.bars]
        for one, others in pairs:
            windows = [self.places[place]["window"] for place in (one, *others)]
            if any(windows):
                bars = [self.bars[place] for place in others if place in self.bars]
                said = ", ".join(map(self._said, others))
                yield Overlap(named.minutes, None, self.bars[one], bars, said)
            for other, window in zip(others, windows[1:], strict=True):
                if not (windows[0] or window):
                    yield from self._shared(one, other)

    def _shared(self, one: Place, other: Place) -> Iterator[Overlap]:
        """The minutes that both sessions have by the clock, the later one named first."""
        starts, ends = (
            [self.places[place][name] - self.midnight for place in (one, other)]
            for name in ("start_ms", "end_ms")
        )
        start, end = max(starts), min(ends)
        if start >= end:
            return
        if other in self.bars and (starts[1], other) > (starts[0], one):
            one, other = other, one
        bars = [self.bars[other]] if other in self.bars else []
        minutes = (end - start) // _MINUTE_MS
        yield Overlap(minutes, (start, end), self.bars[one], bars, self._said(other))

    def _said(self, place: Place) -> str:
        """A session in words, with its clinician or date where those are of another day."""
        if place in self.bars:
            return self.bars[place].said
        row = self.places[place]
        where = _place(row["shown_file"], row["row"])
        if row["clinician"] == self.key[0]:
            patient = isolated(row["patient"])
            return f"{where} (patient {patient}, {row['code']}, {row['date']})"
        clinician = isolated(row["clinician"]) or "(no clinician)"
        return f"{clinician} ({where}, {row['code']})"


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
            (row["start_ms"] - midnight) // _MINUTE_MS,
            (row["end_ms"] - midnight) // _MINUTE_MS,
            below[row["patient"]] + lane,
            row["patient"],
            row["code"],
            row["row"],
            row["shown_file"],
            bool(row["overlap"]),
        )
        for row, lane in placed
    ]


def _clock(ms: int) -> str:
    """The time of day, with seconds where there are any."""
    minutes, seconds = divmod(ms // 1000, 60)
    return clock(minutes, seconds)


def _place(file: str, row: int | None) -> str:
    """``row 12``, of several files ``march.csv:12``."""
    if row is None:
        return ""
    return f"{isolated(file)}:{row}" if file else f"row {row}"


def said_of(when: date) -> str:
    """``Monday 2 March 2026``"""
    return f"{when:%A} {when.day} {when:%B %Y}"
