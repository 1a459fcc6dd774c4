"""Columns of lengths: what their heading says of the unit, and what their cells leave in doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw

from calc import engine, headings, times, values
from calc.cells import Facts, Known, by_values
from calc.errors import InputError
from calc.params import Config, plain

COLUMNS = ("minutes", "total_minutes")
_H_MM = "h:mm"
_SAID = {"hours": "hours", "seconds": "seconds", "mm:ss": "minutes and seconds"}


@dataclass(frozen=True)
class Measure:
    """How a column of lengths is read: its heading, and the unit of its bare numbers.

    ``unit``: one of words.toml, "" where nobody says it. ``torn``: h:mm in it may be minutes and
    seconds, see `values.are_torn`; ``whole``: its hours are of whole minutes, see
    `values.are_whole_minutes`. None: the column has not been looked at as a whole.
    """

    heading: str = ""
    unit: str = "minutes"
    torn: bool | None = None
    whole: bool | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether its numbers must be looked at, since they could be hours.

        A heading that says h:mm says nothing of 0.75.
        """
        return self.unit in ("", _H_MM) and self.torn is None


def meanings(names: Sequence[str], config: Config, given: Mapping[str, str]) -> dict[str, str]:
    """As `headings.meanings`, and of ``names`` those such as Duration (sec), for Duration is known.

    They are read for want of one that names no other unit than minutes; hours, which are rounded
    too much to be held against clock times or minutes, for want of clock times too.
    """
    known = headings.meanings(config, given)
    there = {known.get(plain(name)) for name in names}
    found = {}
    for name in names:
        unit, base = ("", "") if plain(name) in known else _parted(name, config)
        column = known.get(base, "")
        rough = unit == "hours" and (column != "minutes" or {"start", "end"} <= there)
        if unit in _SAID and column in COLUMNS and column not in there and not rough:
            found[plain(name)] = column
    return known | found


def unit_of(heading: str, config: Config) -> str:
    """The unit that a heading names, one of schema.LENGTH_UNITS; "" for none or several."""
    return _parted(heading, config)[0]


def measures(
    columns: Mapping[str, Sequence[str]], config: Config, given: Mapping[str, str]
) -> dict[str, Measure]:
    """How a log's columns of lengths are read; ``columns`` as `headings.columns` gives them.

    A heading that names no unit and is mapped is one of minutes.
    """
    chosen = {plain(heading) for heading in given}
    found = {}
    for column in COLUMNS:
        for own in columns.get(column, ()):
            said = "minutes" if plain(own) in chosen else ""
            found[column] = Measure(own, unit_of(own, config) or said)
    return found


def are_lengths(texts: Sequence[str]) -> bool:
    """Whether cells below a heading that nothing reads are lengths: none is a time of day.

    >>> [are_lengths(texts) for texts in (["25", "", "n/a"], ["0:25", "25 min"])]
    [True, True]
    >>> [are_lengths(texts) for texts in (["9:00", "0:30"], ["1:00 PM"], ["0930"], ["0"], ["x"])]
    [False, False, False, False, False]
    """
    lengths_ms = [_length_ms(text) for text in texts if text]
    return any(lengths_ms) and all(length_ms < _MORNING_MS for length_ms in lengths_ms)


def in_one_cell(texts: Sequence[str]) -> bool:
    """Whether most cells below a heading hold a start and an end.

    Without a colon, AM or PM only four digits that are no years.

    >>> in_one_cell(["9:00 AM - 9:23 AM", "09:00-09:23", "9a to 9:23a", "0900-0923", "", "n/a"])
    True
    >>> [in_one_cell([text]) for text in ("9:00", "2025-2026", "0961-0980", "9-10", "", "3-2-2026")]
    [False, False, False, False, False, False]
    """
    there = [text for text in texts if text]
    return 2 * sum(map(_holds_both, there)) > len(there)


def _holds_both(text: str) -> bool:
    found = _BOTH_TIMES.fullmatch(text.strip().lower())
    if not found or found["bare"] is None:
        return bool(found)
    start, end = found["first"], found["last"]
    return start < end and not (start[:2] in _CENTURIES and end[:2] in _CENTURIES)


_CENTURIES = ("19", "20")
_AM_PM = r"\s*[ap]\.?(?:m\b\.?|\b\.?)"
_COLON_TIME = rf"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?:{_AM_PM})?"
_HALF_DAY = r"(?:0?\d|1[0-2])(?:[0-5]\d)?"
_TIME = rf"(?:{_COLON_TIME}|{_HALF_DAY}{_AM_PM})"
_BARE = r"(?:[01]\d|2[0-4])[0-5]\d"
_DAY = r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[t\s]+)?"
_UNTIL = r"\s*(?:[^\w\s:]+|\b[a-z]+\b|\s)\W*"
_BOTH_TIMES = re.compile(
    rf"(?:[a-z]+\W+)?{_DAY}(?:{_TIME}|{_HALF_DAY}(?=\W+{_TIME})){_UNTIL}{_DAY}{_TIME}"
    rf"|(?P<bare>(?P<first>{_BARE})(?:\s*h)?{_UNTIL}(?P<last>{_BARE})(?:\s*h)?)"
)


class Cell(NamedTuple):
    """A cell below a heading, with what else its rows say of lengths, in milliseconds.

    ``span_ms``: from the row's start to its end. ``timed_ms`` and ``visit_ms``: the sum of these
    over the patient's day and discipline, of timed codes and of all.
    """

    text: str
    span_ms: int | None = None
    timed_ms: int | None = None
    visit_ms: int | None = None


def are_spans(cells: Sequence[Cell]) -> bool:
    """Whether lengths say no more than start and end do, to the minute of which they are rounded.

    They are those from each row's start to its end, or all of them the sums of their visits.

    >>> are_spans([Cell("45", 2_700_000), Cell(""), Cell("0:30", 1_790_000)])
    True
    >>> are_spans([Cell("45", 1_800_000, 2_700_000), Cell("45", 900_000, 2_700_000)])
    True
    >>> are_spans([Cell("45")]), are_spans([Cell("30", 1_800_000, 2_700_000), Cell("45", 900_000)])
    (False, False)
    """
    there = [(_length_ms(cell.text), cell) for cell in cells if cell.text]
    if any(cell.span_ms is None for _, cell in there):
        return False
    said = ("span_ms", "timed_ms", "visit_ms")
    return any(
        all(abs(length_ms - (getattr(cell, name) or 0)) < times.MINUTE for length_ms, cell in there)
        for name in said
    )


def _length_ms(text: str) -> int:
    """What a cell may be as a length: 0 for none, `_MORNING_MS` and more for a time of day."""
    if _NUMBER.fullmatch(text):
        return int(Decimal(text.replace(",", ".")) * times.MINUTE)
    length_ms = values.read_minutes(text)
    return (_MORNING_MS if _CLOCK.search(text) else 0) if length_ms is None else length_ms


_CLOCK = re.compile(r"\d:\d|\d\s*[ap]\.?m\b", re.IGNORECASE)
_MORNING_MS = 7 * 60 * times.MINUTE  # so much is a time of day as h:mm, and longer than a service


def notes(measures: Mapping[str, Measure]) -> list[str]:
    """What a user should know of columns whose bare numbers are no minutes."""
    return [
        f'"{own.heading}" is read as {_SAID[own.unit]}'
        for own in measures.values()
        if own.unit in _SAID
    ]


def facts(column: str, name: str, measure: Measure, where: str, config: Config) -> Facts:
    """Milliseconds of one of the COLUMNS under ``name``, and {column}_fault.

    InputError where its numbers could be hours.
    """
    hours_said = measure.unit == _H_MM  # its 8:30 is in no doubt
    unit = "minutes" if hours_said else measure.unit or "minutes"
    torn = False if hours_said else measure.torn
    known = values.minutes(column, name, unit, torn, measure.whole)
    if not measure.in_doubt:
        return known

    def looked_at(texts: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        _require_minutes(engine.distinct(texts, "text"), column, measure, where, config)
        return known(texts)

    return Known(looked_at, known.types, known.blank)


def told(
    cells: nw.LazyFrame[Any], column: str, measure: Measure, where: str, config: Config
) -> Measure:
    """The same with what all cells of the column tell; InputError as `facts`."""
    found: list[tuple[bool, bool]] = []

    def look(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        texts = engine.distinct(table, "text")
        if measure.in_doubt:
            _require_minutes(texts, column, measure, where, config)
        whole = values.are_whole_minutes(texts, measure.unit)
        found.append((values.are_torn(texts), whole))
        return table.with_columns(looked_at=nw.lit(True))

    by_values(cells, [(measure.heading, look)])
    ((torn, whole),) = found
    return replace(measure, torn=torn, whole=whole)


def _require_minutes(
    texts: Sequence[str], column: str, measure: Measure, where: str, config: Config
) -> None:
    """InputError where all that is read are bare numbers, few, and some with fractions: hours?"""
    most = config.parameter("audit_limits").find(date.max, "doubtful_hours")
    if most and _could_be_hours(texts, most.scaled):
        heading = measure.heading
        what = (
            f'"{heading}" could be hours: no number in it is above {most.text}, some have fractions'
        )
        hint = "write 0.75 h, name the column hours or minutes"
        hint += "" if measure.unit == _H_MM else f', or --map "{heading}={column}"'
        raise InputError(what, where, hint)


_NUMBER = re.compile(r"\d*\.?\d+|\d+\.|\d+,\d{1,2}")
_PART_OF_DAY = re.compile(r"0*\.\d{4,}")  # a spreadsheet's; it is rejected as such


def _could_be_hours(texts: Sequence[str], most: int) -> bool:
    """
    >>> [_could_be_hours(texts, 3) for texts in (["0.75", "1", ""], ["0.75", "8"], ["1", "2"])]
    [True, False, False]
    """
    fractions = False
    for text in filter(None, texts):
        if not _NUMBER.fullmatch(text):
            if values.read_minutes(text) is not None:
                return False
        elif not _PART_OF_DAY.fullmatch(text):
            amount = Decimal(text.replace(",", "."))
            if amount > most:
                return False
            fractions = fractions or amount % 1 != 0
    return fractions


def _parted(heading: str, config: Config) -> tuple[str, str]:
    """The unit that a heading names, "" for none or several, and the rest of it as `plain`."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading).lower().replace("_", " ")
    text = re.sub(r"(?<=[a-z])[(\[]s[)\]]", "s", text)  # Minute(s): one or several
    found = {}
    for unit, pattern in _patterns(config):
        if said := pattern.search(text):
            found[unit] = text[: said.start()] + text[said.end() :]
    # Minutes:seconds names minutes and seconds too.
    told = [unit for unit in found if ":" in unit] or list(found)
    if len(told) != 1:
        return "", plain(heading)
    return told[0], plain(found[told[0]])


@lru_cache(maxsize=16)
def _patterns(config: Config) -> list[tuple[str, re.Pattern[str]]]:
    """Each unit with a pattern of its words."""
    units: dict[str, list[str]] = {}
    for word, unit in config.words["minutes"].items():
        units.setdefault(unit, []).append(_pattern(word))
    return [(unit, re.compile("|".join(words))) for unit, words in units.items()]


def _pattern(word: str) -> str:
    """A word in brackets as it stands, others at an end or in brackets, plurals anywhere."""
    if not word.isalpha() and ":" not in word:
        return re.escape(word)
    last = r"(?=[^a-z]*$|\s*[)\]])"
    if ":" in word:  # minutes and seconds, but not behind hours
        own = r"[\s:/-]*".join(map(re.escape, word.split(":")))
        return rf"(?<![a-z:])(?<!\bh[\s/-])(?<!\bhh[\s/-]){own}{last}"
    own = rf"{'' if len(word) > 2 else '(?<![a-z])'}{word}{last}"
    return rf"{own}|(?<![a-z]){word}(?![a-z:])" if len(word) > 2 and word[-1] == "s" else own
