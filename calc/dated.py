"""What holds from a first to a last day: a figure, the values of a file, an edition of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from calc.errors import ConfigError
from calc.money import decimal_text

ONE_DAY = timedelta(days=1)
Held = TypeVar("Held")


@dataclass(frozen=True)
class Value:
    """One figure in force from ``first`` to ``last``; ``scaled`` is in units of 10**-places."""

    first: date
    last: date
    scaled: int
    places: int
    source: str
    where: str
    applies_to: str = ""

    @property
    def text(self) -> str:
        return decimal_text(self.scaled, self.places)


@dataclass(frozen=True)
class Edition:
    """One published table in force from ``first`` to ``last``."""

    number: int  # among the editions of all folders, see `Config.editions`
    first: date
    last: date
    path: Path
    source: str
    release: str


def of_places(value: Value, places: int) -> Value:
    """The same figure in units of 10**-places; ConfigError where it has more decimals."""
    amount, rest = divmod(value.scaled * 10**places, 10**value.places)
    if rest:
        what = f"value: {value.text} has more than {places} decimals"
        raise ConfigError(what, value.where, f"round it to {places} decimals")
    return replace(value, scaled=amount, places=places)


@dataclass(frozen=True)
class Parameter:
    """The dated values of one file, e.g. ``conversion_factor``."""

    name: str
    title: str
    unit: str
    values: tuple[Value, ...]

    def find(self, day: date, applies_to: str = "") -> Value | None:
        for value in self.values:
            if value.first <= day <= value.last and value.applies_to in ("", applies_to):
                return value
        return None

    def on(self, day: date, applies_to: str = "") -> Value:
        """The value in force on ``day``; ConfigError, with the remedy, where there is none."""
        value = self.find(day, applies_to)
        if value is None:
            raise missing(self.title, f"{self.name}.toml", day)
        return value


class Days(NamedTuple):
    """From ``first`` to ``last``."""

    first: date
    last: date


class Dated(Protocol):
    """What holds for some days."""

    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date: ...


def quarter(day: date) -> Days:
    """The calendar quarter of a day."""
    first = date(day.year, day.month - (day.month - 1) % 3, 1)
    after = date(first.year + first.month // 10, (first.month + 2) % 12 + 1, 1)
    return Days(first, after - ONE_DAY)


def runs(
    at: Callable[[date], Held],
    spans: Iterable[Dated],
    first: date = date.min,
    last: date = date.max,
) -> list[tuple[date, date, Held]]:
    """The days from ``first`` to ``last`` in runs over which ``at`` gives the same, in order.

    ``at`` may change only where one of ``spans`` begins to hold, or on the day after one ends.
    """
    starts = {first}
    for span in spans:
        starts |= {span.first} | ({span.last + ONE_DAY} if span.last < last else set())
    found: list[tuple[date, Held]] = []
    for day in sorted(start for start in starts if first <= start <= last):
        here = at(day)
        if not found or found[-1][1] != here:
            found.append((day, here))
    ends = [day - ONE_DAY for day, _ in found[1:]] + [last]
    return [(day, end, here) for (day, here), end in zip(found, ends, strict=True)]


def missing(title: str, file: str, day: date, released: bool = True) -> ConfigError:
    """A day without a figure; ``released``: CMS publishes figures of the kind."""
    remedy = f"import the release of {day.year} with `therapy-calc config import`, or "
    return ConfigError(
        f"no {title} for {day}",
        file,
        f"{remedy if released else ''}add a value with its first day, last day and source to"
        f" {file} in a folder given by --config",
    )
