"""Dated values and editions from ``config/``: every figure has a first day, a last day, a source.

A day without a value is an error that names the file and the remedy, never last year's value. A
user's folder lies over the shipped one value by value: where both hold a day, the user's counts.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from calc.errors import ConfigError, InputError
from calc.money import FACTOR_PLACES, decimal_text, scaled

FOLDER_VARIABLE = "THERAPY_CALC_CONFIG"
QUARTERLY = ("mue", "ptp")  # tables that CMS issues for a calendar quarter
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


def _of_places(value: Value, places: int) -> Value:
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


def plain(heading: str) -> str:
    """A heading without case, blanks and punctuation."""
    return "".join(character for character in heading.lower() if character.isalnum())


def missing(title: str, file: str, day: date, released: bool = True) -> ConfigError:
    """A day without a figure; ``released``: CMS publishes figures of the kind."""
    remedy = f"import the release of {day.year} with `therapy-calc config import`, or "
    return ConfigError(
        f"no {title} for {day}",
        file,
        f"{remedy if released else ''}add a value with its first day, last day and source to"
        f" {file} in a folder given by --config",
    )


@dataclass
class _Reader:
    """Reads one folder; every fault is kept, so that a check can report them all.

    Its files may begin with a byte order mark, as spreadsheets and some editors write it.
    ``cited``: the sources that its entries name, with the place.
    """

    folder: Path
    faults: list[ConfigError] = field(default_factory=list)
    cited: list[tuple[str, str]] = field(default_factory=list)

    def fault(self, what: str, where: str, hint: str = "") -> None:
        self.faults.append(ConfigError(what, where, hint))

    def only(self, known: Iterable[str], entry: Iterable[str], where: str) -> None:
        """A key that nothing reads is a fault: what its writer means would silently not hold."""
        for key in entry:
            if key not in known and key != "note":
                near = difflib.get_close_matches(key, known, 1)
                hint = f"nearest: {near[0]}" if near else f"known: {', '.join(known)}"
                self.fault(f'"{key}" is no key of ours', where, f"{hint}; remarks go into note")

    def toml(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        if not path.is_file():
            return {}
        try:
            return tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.fault(f"is not TOML: {error}", str(path))
            return {}

    def csv(self, path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
        try:
            with path.open(encoding="utf-8-sig", newline="") as text:
                rows = list(csv.DictReader(text))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self.fault(f"cannot be read ({error})", str(path))
            return []
        lacking = [name for name in columns if rows and name not in rows[0]]
        if lacking:
            self.fault(f"has no column {', '.join(lacking)}", str(path))
            return []
        uneven = [n for n, row in enumerate(rows, 2) if None in row or None in row.values()]
        if uneven:
            some = ", ".join(map(str, uneven[:20])) + (" ..." if len(uneven) > 20 else "")
            hint = "put a cell that holds a comma into quotation marks"
            self.fault(f"has more or fewer cells than the heading in row {some}", str(path), hint)
            return []
        return rows

    def tables(self, file: str) -> dict[str, dict[str, Any]]:
        """The [blocks] of a file by their names."""
        found = {}
        for name, entry in self.toml(file).items():
            where = f"{self.folder / file}: {name}"
            if isinstance(entry, dict):
                found[name] = entry
                self.only(BLOCK_KEYS[file], entry, where)
            else:
                self.fault("is no table", where, f"write [{name}] and its keys below")
        return found

    def _blocks(
        self, data: dict[str, Any], key: str, file: str
    ) -> Iterator[tuple[dict[str, Any], str]]:
        """The [[key]] blocks of a file, each with its place."""
        place, hint = f"{self.folder / file}: {key}", f"write [[{key}]] and its keys below"
        self.only((key, *FILE_KEYS[key]), data, str(self.folder / file))
        blocks = data.get(key, [])
        if not isinstance(blocks, list):
            self.fault("is no list of blocks", place, hint)
            return
        for count, block in enumerate(blocks, 1):
            if isinstance(block, dict):
                self.only(BLOCK_KEYS[key], block, f"{place} {count}")
                yield block, f"{place} {count}"
            else:
                self.fault("is no block", f"{place} {count}", hint)

    def codes(self) -> list[dict[str, Any]]:
        """The facts of each row of codes.csv."""
        path = self.folder / "codes.csv"
        rows = _once(self, path, CODE_COLUMNS, ("code",)) if path.is_file() else []
        return [_code_facts(self, row, f"{path}:{line}") for line, row in enumerate(rows, 2)]

    def minutes(self, row: dict[str, str], name: str, where: str) -> int | None:
        """A cell of whole minutes, None where it is blank, 0 after a fault."""
        text = row[name]
        if not text:
            return None
        if text.isascii() and text.isdigit() and int(text):
            return int(text)
        what = f'{row["code"]}: {name} "{text}" is no whole number of minutes'
        self.fault(what, where, "write it without decimals, such as 15")
        return 0

    def counting_rules(self) -> dict[str, dict[str, Any]]:
        rules = self.tables("counting_rules.toml")
        for name, rule in rules.items():
            where = f"{self.folder / 'counting_rules.toml'}: {name}"
            for key in ("unit_minutes", "first_minutes"):
                if not _whole(rule.get(key), 1):
                    what = f"{key} is missing or no whole number of minutes"
                    self.fault(what, where, "copy a block of the shipped file")
            first, size = rule.get("first_minutes", 0), rule.get("unit_minutes", 0)
            if _whole(first, 1) and _whole(size, 1) and first > size:
                what = f"first_minutes: {first} are more than the {size} of a unit"
                self.fault(what, where, "write how many minutes past the last unit earn another")
            if rule.get("pool") not in POOLS:
                self.fault(f"pool is none of {', '.join(POOLS)}", where, f'pool = "{POOLS[0]}"')
            for key in ("title", "source"):
                if not _is_text(rule.get(key)):
                    self.fault(f"{key} is missing", where, f'write {key} = "..."')
            if _is_text(rule.get("source")):
                self.cited.append((rule["source"], where))
        return rules

    def payers(self, below: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Payers, each with what it does not say itself from the folders ``below``."""
        payers = self.tables("payers.toml")
        for name, facts in payers.items():
            where = f"payers.toml: {name}"
            whole = below.get(name, {}) | facts
            self.cited.append((str(whole.get("source", "")), where))
            if not _is_text(whole.get("name")):
                self.fault("name is missing", where, 'write name = "..."')
            if not _are_texts(facts.get("aliases", [])):
                self.fault("aliases is no list of names", where, 'write aliases = ["..."]')
            for key in ("conversion_factor", "fee_table"):
                if not _is_text(facts.get(key, key)):
                    self.fault(f"{key} is no name", where, f'write {key} = "..."')
            for key in PAYER_SWITCHES:
                if not isinstance(facts.get(key, False), bool):
                    what = f'{key}: "{facts[key]}" is neither true nor false'
                    self.fault(what, where, f"write {key} = false, without quotation marks")
            share = facts.get("share_of_medicare", 0)
            try:
                scaled(Decimal(str(share)), 2)
            except (ValueError, ArithmeticError):
                what = f"share_of_medicare: {share} is no number of 2 decimals"
                self.fault(what, where, 'write it as "1.10"')
        return {name: _laid_over(facts, below.get(name, {})) for name, facts in payers.items()}

    def headings(self) -> dict[str, list[str]]:
        """Headings by our column; a single one needs no list, as in a saved mapping."""
        path, hint = self.folder / "columns.toml", 'write [columns], then e.g. start = ["Time In"]'
        data = self.toml("columns.toml")
        columns = data.get("columns") if data else {}
        if not isinstance(columns, dict):
            self.fault("is no mapping of headings", str(path), hint)
            return {}
        self.only(("columns",), data, str(path))
        return self._lists(columns, str(path), "headings", hint)

    def words(self) -> dict[str, dict[str, list[str]]]:
        """Words by the column in which they stand and what they mean there."""
        path, hint = self.folder / "words.toml", 'write [mode], then e.g. group = ["GRP"]'
        found, data = {}, self.toml("words.toml")
        self.only(WORDS, data, str(path))
        for column, names in data.items():
            if isinstance(names, dict):
                found[column] = self._lists(names, f"{path}: {column}", "words", hint)
            else:
                self.fault("is no table of words", f"{path}: {column}", hint)
        return found

    def _lists(
        self, entries: dict[str, Any], where: str, of: str, hint: str
    ) -> dict[str, list[str]]:
        """Lists of texts by their keys; a single text needs no list."""
        found = {}
        for key, texts in entries.items():
            listed = [texts] if isinstance(texts, str) else texts
            if _are_texts(listed):
                found[key] = listed
            else:
                self.fault(f"is no list of {of}", f"{where}: {key}", hint)
        return found

    def parameter(self, name: str) -> Parameter:
        data = self.toml(f"{name}.toml")
        title, unit, places = data.get("title", name), data.get("unit", ""), data.get("places", 0)
        values = []
        if not _whole(places, 0):
            where = f"{self.folder / name}.toml: places"
            self.fault(f'"{places}" is no whole number', where, "write how many decimals: 4")
            data = {}
        for entry, where in self._blocks(data, "value", f"{name}.toml"):
            span = self._span(entry, where)
            try:
                amount = scaled(entry["value"], places)
            except KeyError:
                self.fault("value is missing", where)
                continue
            except (ValueError, ArithmeticError, TypeError):
                self.fault(f"value: {entry['value']} is no number of {places} decimals", where)
                continue
            if span:
                applies = str(entry.get("applies_to", ""))
                values.append(Value(*span, amount, places, entry["source"], where, applies))
        self._overlaps([(v.first, v.last, v.applies_to, v.where) for v in values])
        return Parameter(name, str(title), str(unit), tuple(values))

    def editions(self, name: str) -> list[Edition]:
        data = self.toml(f"{name}/editions.toml")
        editions = []
        for entry, where in self._blocks(data, "edition", f"{name}/editions.toml"):
            span = self._span(entry, where)
            path = self.folder / name / str(entry.get("file", ""))
            if not path.is_file():
                self.fault(f'file: "{entry.get("file", "")}" does not exist', where)
            elif span:
                release = str(entry.get("release", ""))
                editions.append(Edition(0, *span, path, entry["source"], release))
        self._overlaps(
            [(e.first, e.last, "", f"{self.folder / name}/editions.toml") for e in editions]
        )
        return editions

    def _span(self, entry: dict[str, Any], where: str) -> tuple[date, date] | None:
        sound = True
        for key in ("from", "until"):
            if type(entry.get(key)) is not date:
                self.fault(f"{key} is missing or no date", where, "every value needs a last day")
                sound = False
        if not _is_text(entry.get("source")):
            self.fault("source is missing", where, "name an entry of sources.toml")
            sound = False
        else:
            self.cited.append((entry["source"], where))
        if sound and entry["until"] < entry["from"]:
            self.fault("until is before from", where)
            sound = False
        return (entry["from"], entry["until"]) if sound else None

    def _overlaps(self, spans: list[tuple[date, date, str, str]]) -> None:
        for place, (first, last, applies, where) in enumerate(spans):
            for other_first, other_last, other_applies, other_where in spans[:place]:
                same = applies == other_applies or "" in (applies, other_applies)
                if same and first <= other_last and other_first <= last:
                    self.fault(f"{first} to {last} overlaps {other_where}", where)


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(map(_is_text, values))


PARAMETERS = (
    "conversion_factor",
    "sequestration",
    "mppr",
    "assistant_share",
    "assistant_policy",
    "assistant_midpoint",
    "de_minimis",
    "kx_threshold",
    "targeted_review",
    "deductible",
    "coinsurance",
    "nonparticipating",
    "limiting_charge",
    "audit_limits",
    "federal_holidays",
)
TABLES: dict[str, tuple[str, ...]] = {
    "rvu": ("code", "status", "work_rvu", "pe_rvu", "pe_rvu_facility", "mp_rvu", "mppr_indicator"),
    "gpci": ("locality", "name", "work_gpci", "pe_gpci", "mp_gpci"),
    "mue": ("code", "mue", "mai"),
    "ptp": ("column1", "column2", "modifier_indicator"),
    "counties": ("locality", "county"),
}
# A payer's own fee table lies in fees/NAME; a blank reduced_fee is the fee.
FEES, FEE_COLUMNS = "fees/", ("code", "fee", "reduced_fee")
DECIMALS = {"work_rvu": 2, "pe_rvu": 2, "pe_rvu_facility": 2, "mp_rvu": 2}
DECIMALS |= {"fee": 2, "reduced_fee": 2, "work_gpci": 3, "pe_gpci": 3, "mp_gpci": 3}
# Cells that say one of a few things: the letters and digits of CMS's own layouts (of RVU files
# MCPM ch. 23, addendum: MPFSDB record layout).
CELLS: dict[str, dict[str, tuple[str, ...]]] = {
    "rvu": {"status": tuple("ABCDEFGHIJLMNPQRTX"), "mppr_indicator": tuple("012345679")},
    "mue": {"mai": tuple("123")},
    "ptp": {"modifier_indicator": tuple("019")},
}
KEYS = {
    "rvu": ("code",),
    "gpci": ("locality",),
    "mue": ("code",),
    "ptp": ("column1", "column2"),
    "counties": ("locality", "county"),
}
CODE_COLUMNS = (
    "code",
    "label",
    "aliases",
    "unit_basis",
    "first_unit_minutes",
    "unit_minutes",
    "add_on_of",
    "pooled",
    "attendance",
    "disciplines",
)
WORDS = (
    "patient",
    "discipline",
    "role",
    "assistant",
    "mode",
    "minutes",
    "modifiers_billed",
    "headings",
    "totals",
)  # tables of words.toml
POOLS = ("day", "code")
PAYER_SWITCHES = ("mppr", "assistant_cut", "sequestration", "part_b")
# What may stand in a file of [[value]] or [[edition]] blocks, and in a block; note in any.
FILE_KEYS = {"value": ("title", "unit", "places"), "edition": ("title",)}
BLOCK_KEYS: dict[str, tuple[str, ...]] = {
    "value": ("from", "until", "value", "source", "applies_to"),
    "edition": ("from", "until", "file", "source", "release"),
    "counting_rules.toml": ("title", "unit_minutes", "first_minutes", "pool", "source"),
    "sources.toml": ("title", "publisher", "date", "url"),
    "payers.toml": (
        *("name", "aliases", "counting_rule", "source", "as_of", *PAYER_SWITCHES),
        *("share_of_medicare", "conversion_factor", "fee_table"),
    ),
}
UNIT_BASES = ("minutes", "day", "area", "extremity", "month", "period", "episode")


class Config:
    """The figures in force: the shipped folder, and a user's laid over it.

    Each file is read once; what is made of its figures is kept with the Config.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        """``folders``: the one that counts first comes first."""
        self.folders = tuple(folders)
        self._parameters: dict[str, Parameter] = {}
        self._editions: dict[str, tuple[Edition, ...]] = {}
        self._rows: dict[Path, list[dict[str, Any]]] = {}

    @property
    def folders_said(self) -> list[str]:
        """A note of each folder that is not the shipped one."""
        own = self.folders[:-1]
        return [
            f"figures in {folder} replace the shipped ones where both have a value"
            for folder in own
        ]

    def _readers(self) -> Iterator[_Reader]:
        for folder in self.folders:
            reader = _Reader(folder)
            yield reader
            self._accept(reader)

    def _accept(self, reader: _Reader) -> None:
        if reader.faults:
            raise reader.faults[0]

    def parameter(self, name: str) -> Parameter:
        """A dated parameter by its file's name; ConfigError names file and key of a fault."""
        if name not in self._parameters:
            read = [reader.parameter(name) for reader in self._readers()]
            shipped = read[-1]
            # What is reckoned with has the decimals of the shipped figure, of a factor four.
            places = shipped.values[0].places if shipped.values else FACTOR_PLACES
            values = tuple(_of_places(v, places) for parameter in read for v in parameter.values)
            self._parameters[name] = Parameter(name, shipped.title, shipped.unit, values)
        return self._parameters[name]

    def editions(self, table: str) -> tuple[Edition, ...]:
        """The editions of a table of TABLES or FEES, numbered from 1, a user's first."""
        if table not in self._editions:
            found = [edition for reader in self._readers() for edition in reader.editions(table)]
            numbered = (replace(edition, number=n) for n, edition in enumerate(found, 1))
            self._editions[table] = tuple(numbered)
        return self._editions[table]

    def edition(self, table: str, day: date) -> Edition | None:
        """The edition that holds on ``day``, or None."""
        for edition in self.editions(table):
            if edition.first <= day <= edition.last:
                return edition
        return None

    def editions_on(self, table: str, days: Iterable[date]) -> list[Edition]:
        """The editions that hold on any of the days, in the order of their numbers."""
        found = {edition for day in days if (edition := self.edition(table, day))}
        return sorted(found, key=lambda edition: edition.number)

    def rows(self, table: str, edition: Edition) -> list[dict[str, Any]]:
        """The rows of an edition; RVUs in 1/100, GPCIs in 1/1000."""
        if edition.path not in self._rows:
            reader = _Reader(edition.path.parent)
            self._rows[edition.path] = _scaled_rows(reader, table, edition.path)
            self._accept(reader)
        return self._rows[edition.path]

    def _merged(
        self, read: Callable[[_Reader], dict[str, dict[str, Any]]]
    ) -> dict[str, dict[str, Any]]:
        merged: dict[str, dict[str, Any]] = {}
        for data in [read(reader) for reader in self._readers()]:
            merged = {**data, **merged}
        return merged

    @cached_property
    def sources(self) -> dict[str, dict[str, Any]]:
        return self._merged(lambda reader: reader.tables("sources.toml"))

    @cached_property
    def counting_rules(self) -> dict[str, dict[str, Any]]:
        return self._merged(_Reader.counting_rules)

    @cached_property
    def payers(self) -> dict[str, dict[str, Any]]:
        """Payer to its facts; ConfigError where it counts by a rule that does not exist."""
        for fault in _unknown_rules(self):
            raise fault
        return self.named_payers

    @cached_property
    def named_payers(self) -> dict[str, dict[str, Any]]:
        """Payers as they are written, before their counting rules are looked up.

        What a folder says of a payer lies over what those below say, key by key; names add up.
        """
        found: dict[str, dict[str, Any]] = {}
        for folder in reversed(self.folders):
            reader = _Reader(folder)
            found |= reader.payers(found)
            self._accept(reader)
        return found

    @cached_property
    def heading_files(self) -> list[tuple[Path, dict[str, list[str]]]]:
        """Each folder's headings by our column, with their file; the one that counts first."""
        return [(r.folder / "columns.toml", r.headings()) for r in self._readers()]

    @cached_property
    def headings(self) -> dict[str, list[str]]:
        """Our column to its headings; what the user's file says of one is not said again."""
        merged: dict[str, list[str]] = {}
        taken: dict[str, str] = {}
        for _, headings in self.heading_files:
            for column, names in headings.items():
                own = [name for name in names if taken.setdefault(plain(name), column) == column]
                merged.setdefault(column, []).extend(own)
        return merged

    @cached_property
    def word_files(self) -> list[tuple[Path, dict[str, dict[str, list[str]]]]]:
        """Each folder's words by column and meaning, with their file; the one that counts first."""
        return [(r.folder / "words.toml", r.words()) for r in self._readers()]

    @cached_property
    def words(self) -> dict[str, dict[str, str]]:
        """Column to its words in lower case, each with its meaning, "" for a blank cell's."""
        merged: dict[str, dict[str, str]] = {column: {} for column in WORDS}
        for _, columns in self.word_files:
            for column, meanings in columns.items():
                for meaning, words in meanings.items():
                    for word in words:
                        merged.setdefault(column, {}).setdefault(word.lower(), meaning)
        return merged

    @cached_property
    def codes(self) -> dict[str, dict[str, Any]]:
        """Code to its facts: minutes as int or None, ``pooled`` as bool, ``family`` (primary)."""
        codes: dict[str, dict[str, Any]] = {}
        for reader in self._readers():
            for facts in reader.codes():
                codes.setdefault(facts["code"], facts)
        return codes

    @cached_property
    def code_names(self) -> dict[str, str]:
        """Every name of a code in lower case (number, label, alias) to the code."""
        names = {}
        for code, facts in self.codes.items():
            for name in (code, facts["label"], *facts["aliases"]):
                names[" ".join(name.lower().split())] = code
        return names

    @cached_property
    def payer_names(self) -> dict[str, str]:
        names = {}
        for payer, facts in self.payers.items():
            for name in called(payer, facts):
                names[name.lower()] = payer
        return names

    @cached_property
    def localities(self) -> dict[str, str]:
        """Every locality of any edition, `OH-00`, to its name (the newest)."""
        editions = sorted(self.editions("gpci"), key=lambda edition: edition.first)
        return {row["locality"]: row["name"] for e in editions for row in self.rows("gpci", e)}

    def locality(self, text: str, day: date | None = None) -> str:
        """`OH-00`, `US`, a locality's name or words of it, or `Cook, IL` as the locality's number.

        A whole name counts before names that contain it: Kansas is not Kansas City, and what has
        localities of its own is not the rest of its state. Names are those in force on ``day``, or
        the newest. InputError lists the choices where several fit; a county needs an imported
        county file.
        """
        asked = " ".join(text.upper().split())
        asked = {"USA": "US", "UNITED STATES": "US"}.get(asked, asked)
        if asked in self.localities:
            return asked
        editions = sorted(self.editions("gpci"), key=lambda edition: edition.first)
        edition = (self.edition("gpci", day) if day else None) or editions[-1]
        names = {row["locality"]: row["name"] for row in self.rows("gpci", edition)}
        fits = [place for place, name in names.items() if asked == name.upper()]
        # Two letters are a state, not a part of a name.
        words = re.compile(rf"(?<!\w){re.escape(asked)}(?!\w)") if len(asked) > 2 else None
        fits = fits or [p for p, name in names.items() if words and words.search(name.upper())]
        if len(fits) == 1 and names[fits[0]].upper() == f"REST OF {asked}":
            fits = [place for place in names if place[:3] == fits[0][:3]]
        fits = fits or self._of_county(asked, day)
        if len(fits) == 1:
            return fits[0]
        if fits:
            choices = "; ".join(f"{place} {names.get(place, '')}" for place in fits)
            raise InputError(f'locality "{text}" fits several', hint=f"choose one of {choices}")
        near = [place for place, name in names.items() if asked and asked in name.upper()][:3]
        near = near or difflib.get_close_matches(asked, names, 3)
        raise InputError(
            f'locality "{text}" is not known',
            hint=f"write state and number, such as {', '.join(near) or 'OH-00'}, part of a"
            " locality's name, or US",
        )

    def _of_county(self, asked: str, day: date | None) -> list[str]:
        county, comma, state = asked.rpartition(",")
        editions = sorted(self.editions("counties"), key=lambda edition: edition.first)
        if not comma or not editions:
            return []
        edition = (self.edition("counties", day) if day else None) or editions[-1]
        return [
            row["locality"]
            for row in self.rows("counties", edition)
            if row["locality"].startswith(f"{state.strip()}-")
            and row["county"].upper() == county.strip()
        ]

    def cite_edition(self, edition: Edition) -> str:
        """The source of a table, and its release where the source does not say it."""
        cited = self.cite(edition.source)
        return cited if edition.release in cited else f"{cited}, {edition.release}"

    def cite(self, source: str) -> str:
        """A source written out: title, and date where the title does not say it."""
        entry = self.sources.get(source, {})
        title, dated = str(entry.get("title", source)), str(entry.get("date", ""))
        return f"{title} ({dated})" if dated and dated not in title else title


def _code_facts(reader: _Reader, row: dict[str, str], where: str) -> dict[str, Any]:
    facts: dict[str, Any] = dict(row)
    for name in ("first_unit_minutes", "unit_minutes"):
        facts[name] = reader.minutes(row, name, where)
    facts["aliases"] = [alias.strip() for alias in row["aliases"].split(";") if alias.strip()]
    facts["pooled"] = row["pooled"] == "yes"
    if row["pooled"] not in ("yes", "no"):
        what = f'{row["code"]}: pooled "{row["pooled"]}" is neither yes nor no'
        reader.fault(what, where, "yes: its minutes count with the day's other timed codes")
    facts["evaluation"] = row.get("evaluation") or ""
    facts["medicare_code"] = row.get("medicare_code") or ""
    modifier = row.get("assistant_modifier") or "yes"
    facts["assistant_modifier"] = modifier == "yes"
    if modifier not in ("yes", "no"):
        what = f'{row["code"]}: assistant_modifier "{modifier}" is neither yes nor no'
        reader.fault(what, where, "no: a supply, which bears neither CQ nor CO; or leave it blank")
    timed_add_on = row["add_on_of"] and row["unit_basis"] == "minutes"
    facts["family"] = row["add_on_of"] if timed_add_on else row["code"]
    return facts


def _scaled_rows(reader: _Reader, table: str, path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    columns, keys = (
        (FEE_COLUMNS, ("code",)) if table.startswith(FEES) else (TABLES[table], KEYS[table])
    )
    for line, row in enumerate(_once(reader, path, columns, keys), 2):
        entry: dict[str, Any] = dict(row)
        if table.startswith(FEES):
            row["reduced_fee"] = row["reduced_fee"] or row["fee"]
        for name, places in DECIMALS.items():
            if name in row:
                try:
                    entry[name] = scaled(row[name], places)
                except (ValueError, ArithmeticError):
                    where = f"{path}:{line}"
                    reader.fault(f'{name} "{row[name]}" is no number of {places} decimals', where)
        rows.append(entry)
    return rows


def _once(
    reader: _Reader, path: Path, columns: Iterable[str], keys: tuple[str, ...]
) -> list[dict[str, str]]:
    """The rows of a csv; a key that stands twice is a fault."""
    rows = reader.csv(path, columns)
    seen: set[tuple[str, ...]] = set()
    for line, row in enumerate(rows, 2):
        key = tuple(row[name] for name in keys)
        if key in seen:
            reader.fault(f"{' '.join(key)} stands twice", f"{path}:{line}")
        seen.add(key)
    return rows


def shipped_folder() -> Path:
    """``config/`` inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "config"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "config"


def writable_folder(config: Config) -> Path:
    """Where imported figures go: the user's folder, or the checkout's; never a package's."""
    folder = config.folders[0]
    if folder.parent == Path(__file__).parent:
        raise ConfigError(
            "the shipped figures are part of the installed program",
            str(folder),
            "give --config a folder of your own",
        )
    return folder


def load(folder: str | Path | None = None) -> Config:
    """The shipped figures with ``folder``, or ``$THERAPY_CALC_CONFIG``, laid over them."""
    chosen = folder or os.environ.get(FOLDER_VARIABLE)
    if not chosen:
        return _load(None, ())
    if not Path(chosen).is_dir():
        raise ConfigError("is no folder", str(chosen), "give --config the folder with your figures")
    # Figures lie in the folder, in one of a table, or in one of a payer's fees.
    top = Path(chosen).absolute()
    paths = {path for depth in ("*", "*/*", "*/*/*") for path in top.glob(depth)}
    states = [(str(path), path.stat()) for path in sorted(paths) if path.is_file()]
    files = tuple((path, state.st_mtime_ns, state.st_size) for path, state in states)
    return _load(Path(chosen), files)


@lru_cache(maxsize=8)
def _load(folder: Path | None, files: tuple[tuple[str, int, int], ...]) -> Config:
    """``files``: those of the folder with time and size, so that changed figures are read anew."""
    return Config([folder, shipped_folder()] if folder else [shipped_folder()])


class Checked(Config):
    """The figures as far as they can be read, with the faults and citations met on the way."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """``folders``: the one that counts first comes first."""
        super().__init__(folders)
        self.found: list[ConfigError] = []
        self.cited: list[tuple[str, str]] = []

    def _accept(self, reader: _Reader) -> None:
        self.found += reader.faults
        self.cited += reader.cited

    def parameter(self, name: str) -> Parameter:
        try:
            return super().parameter(name)
        except ConfigError as error:
            self.found.append(error)
            self._parameters[name] = Parameter(name, name, "", ())
            return self._parameters[name]

    def read_all(self) -> None:
        """Read every file once."""
        factors, tables = of_payers(self.named_payers)
        for name in (*PARAMETERS, *factors):
            self.parameter(name)
        for table in (*TABLES, *tables):
            for edition in self.editions(table):
                self.rows(table, edition)
        _ = self.counting_rules, self.sources, self.heading_files, self.word_files, self.codes

    def unread(self, file: str) -> bool:
        """Whether a file as a whole could not be read: what is missed in it is no fault."""
        return any(fault.where.endswith(file) for fault in self.found)

    def faults(self) -> list[ConfigError]:
        """Every fault of every file, not only the first."""
        self.read_all()
        found = list(self.found)
        for source, where in [] if self.unread("sources.toml") else self.cited:
            if source not in self.sources:
                hint = "add it to sources.toml"
                found.append(ConfigError(f'source: "{source}" is not known', where, hint))
        return found + _cross_faults(self) + _strange_files(self)


def faults(config: Config) -> list[ConfigError]:
    """What stands in the way of reading: the faults that end a run, all of them."""
    return Checked(config.folders).faults()


def _strange_files(config: Checked) -> list[ConfigError]:
    """Files of a user's folder that nothing reads: their names may be a slip of the pen."""
    factors, _ = of_payers(config.named_payers)
    shipped = [path.name for path in config.folders[-1].iterdir() if path.suffix == ".toml"]
    known = {*shipped, *(f"{name}.toml" for name in factors)}
    hint = f"known: {', '.join(sorted(known))}"
    return [
        ConfigError("is a file that nothing reads", str(path), hint)
        for folder in config.folders[:-1]
        for path in sorted(folder.glob("*.toml"))
        if path.name not in known
    ]


def _laid_over(facts: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    """A payer's block over that of the folders below; its names are added to theirs."""
    lists = [block.get("aliases", []) for block in (facts, below)]
    if not all(map(_are_texts, lists)):  # a fault that is said already
        return below | facts
    names = list(dict.fromkeys(name for names in lists for name in names))
    if _is_text(below.get("name")) and facts.get("name", below["name"]) != below["name"]:
        names.append(below["name"])
    return below | facts | ({"aliases": names} if names else {})


def called(payer: str, facts: dict[str, Any]) -> list[str]:
    """What a payer is called in a log; what is no text is a fault that is said elsewhere."""
    aliases = facts.get("aliases", [])
    names = [payer, facts.get("name"), *(aliases if isinstance(aliases, list) else ())]
    return [name for name in names if _is_text(name)]


def of_payers(payers: dict[str, dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The factor files and fee tables that payers name."""

    def named(key: str) -> list[str]:
        return [facts[key] for facts in payers.values() if _is_text(facts.get(key))]

    return named("conversion_factor"), [f"{FEES}{name}" for name in named("fee_table")]


def _unknown_rules(config: Config) -> list[ConfigError]:
    known = config.counting_rules
    hint = f"known: {', '.join(known)}"
    return [
        ConfigError("counting_rule is not known", f"payers.toml: {payer}", hint)
        for payer, facts in config.named_payers.items()
        if str(facts.get("counting_rule")) not in known
    ]


def _cross_faults(config: Checked) -> list[ConfigError]:
    """What needs more than one file: payers' rules, add-ons, names that mean two codes."""
    found = [] if config.unread("counting_rules.toml") else _unknown_rules(config)
    for payer, facts in config.named_payers.items():
        factors, tables = of_payers({payer: facts})
        lacking = {f"{n}.toml": "value" for n in factors if not config.parameter(n).values}
        lacking |= {f"{t}/editions.toml": "edition" for t in tables if not config.editions(t)}
        for file, block in lacking.items():
            if not any(file in fault.where for fault in config.found):
                found.append(ConfigError(f"{file} has no {block}", f"payers.toml: {payer}"))
    names: dict[str, str] = {}
    for code, facts in config.codes.items():
        where = f"codes.csv: {code}"
        if facts["unit_basis"] not in UNIT_BASES:
            found.append(ConfigError(f'unit_basis "{facts["unit_basis"]}" is not known', where))
        if facts["unit_basis"] == "minutes" and facts["unit_minutes"] is None:
            found.append(ConfigError("unit_minutes is missing", where))
        if facts["add_on_of"] and facts["add_on_of"] not in config.codes:
            found.append(ConfigError(f"add_on_of: {facts['add_on_of']} is no code", where))
        for name in {n.lower() for n in (code, facts["label"], *facts["aliases"])}:
            if names.setdefault(name, code) != code:
                found.append(ConfigError(f'"{name}" also names {names[name]}', where))
    if config.unread("codes.csv"):
        return found
    rvu_codes = {r["code"] for e in config.editions("rvu") for r in config.rows("rvu", e)}
    for code in sorted(rvu_codes - set(config.codes)):
        found.append(ConfigError(f"{code} has RVUs but is not in codes.csv", "codes.csv"))
    return found
