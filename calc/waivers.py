"""Waivers: findings that somebody answers for, with a reason, until a day.

A waiver names a rule and at least one key of a finding (patient, clinician, date, code); a blank
key matches any. Rows play no part: they change with every export.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, files
from calc.errors import InputError, first_of, require_file

KEYS = ("patient", "clinician", "date", "code")
NEEDED = ("rule", "reason", "by", "until")
COLUMNS = ("rule", *KEYS, "reason", "by", "until")
_HINT = 'write [[waiver]], and below it rule = "U201", reason, by, until and a key, or give csv'
_TYPES: dict[str, type] = dict.fromkeys(("rule", *KEYS), str) | {"date": dt.date}
_NAMED = 20  # of waivers in a note: the others are counted


@dataclass(frozen=True)
class Waiver:
    """One line of a waivers file; ``where`` is file:row."""

    rule: str
    patient: str
    clinician: str
    date: dt.date | None
    code: str
    reason: str
    by: str
    until: dt.date
    where: str

    @property
    def said(self) -> str:
        """What a waived finding shows."""
        by = f"{self.by}, " if self.by else ""
        return f"{self.reason} ({by}until {self.until})"

    @property
    def given(self) -> tuple[str, ...]:
        """The keys that it names."""
        return tuple(name for name in KEYS if getattr(self, name))

    def without_words(self, patient: str) -> Waiver:
        """The same for a patient's code: its reason may name the patient, and stays in its file."""
        return replace(self, patient=patient, reason=f"see {self.where}", by="")


def read(source: str, rules: Collection[str]) -> list[Waiver]:
    """Waivers of a csv file with the headings COLUMNS, or of a toml file with [[waiver]] tables.

    Raises InputError that names file and row: a waiver without reason, by, until or any key, an
    unknown rule or heading, a date that is none.
    """
    toml = source.lower().endswith(".toml")
    records = _toml(source) if toml else files.small_csv(source, *NEEDED, check=_check_names)
    return [_waiver(record, where, rules) for where, record in records]


def _toml(source: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    require_file(source, _HINT)
    try:
        text = Path(source).read_bytes().decode("utf-8-sig")
        tables = tomllib.loads(text)
    except OSError as error:
        hint = "check its name and rights"
        raise InputError(f"cannot be read ({error.strerror})", source, hint) from None
    except (ValueError, RecursionError) as error:  # of toml as of text that is not UTF-8
        raise InputError(f"is not toml ({error})", source, _HINT) from None
    waivers = tables.pop("waiver", [])
    if tables or not isinstance(waivers, list) or not all(isinstance(w, dict) for w in waivers):
        raise InputError("holds something other than [[waiver]] tables", source, _HINT)
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[", line)]
    for place, waiver in enumerate(waivers):
        where = f"{source}:{lines[place] if len(lines) == len(waivers) else f'waiver {place + 1}'}"
        _check_names(list(waiver), where)
        yield where, waiver


def _check_names(names: list[str], where: str) -> None:
    # A key under a mistyped name would be blank and match anything.
    if unknown := [name for name in names if name not in COLUMNS]:
        hint = f"the names are {', '.join(COLUMNS)}"
        raise InputError(f'"{unknown[0]}" is no name of a waiver', where, hint)


def _waiver(record: Mapping[str, Any], where: str, rules: Collection[str]) -> Waiver:
    words = {name: str(record.get(name) or "").strip() for name in COLUMNS}
    for name in NEEDED:
        if not words[name]:
            raise InputError(f"the waiver has no {name}", where, "rule, reason, by and until")
    words["rule"], words["code"] = words["rule"].upper(), words["code"].upper()
    if words["rule"] not in rules:
        hint = "`therapy-calc rules` lists them"
        raise InputError(f'rule "{words["rule"]}" is not known', where, hint)
    if not any(words[name] for name in KEYS):
        hint = f"give one of {', '.join(KEYS)}; to leave a rule out altogether use --ignore"
        raise InputError("the waiver would waive every finding of its rule", where, hint)
    days = {name: _day(words.pop(name), name, where) for name in ("date", "until")}
    return Waiver(**words, **days, where=where)  # type: ignore[arg-type]


def _day(text: str, name: str, where: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        hint = "write e.g. 2026-12-31, in Excel in a column formatted as Text"
        raise InputError(f'{name} "{text}" is not a date', where, hint) from None


def apply(
    findings: nw.DataFrame[Any],
    waivers: list[Waiver],
    today: dt.date,
    folded: nw.DataFrame[Any] | None = None,
) -> tuple[nw.DataFrame[Any], list[str]]:
    """Findings with ``waived`` set to reason, name and last day; and notes on the waivers.

    The first waiver of the file that fits a finding is the one shown. Expired ones (until before
    today) waive nothing; they and unused ones are named in the notes, apart those of findings that
    are ``folded`` into others.
    """
    expired = [waiver for waiver in waivers if waiver.until < today]
    notes = [f"{w.where}: the waiver of {w.rule} expired on {w.until}" for w in expired[:_NAMED]]
    if len(expired) > _NAMED:
        notes.append(f"{len(expired) - _NAMED:,} more waivers expired")
    standing = [waiver for waiver in waivers if waiver.until >= today]
    columns = findings.columns
    rows, used = _matching(findings.with_row_index("place"), standing)
    if standing:
        said = [waiver.said for waiver in standing]
        table: engine.Columns = {"waiver": list(range(len(standing))), "waived": said}
        small = engine.collect(engine.table(table, {"waiver": int, "waived": str}))
        rows = rows.drop("waived").join(small, on="waiver", how="left")
        rows = rows.with_columns(nw.col("waived").fill_null(""))
    others = set() if folded is None or not len(folded) else _matching(folded, standing)[1]
    for places, what in (
        (others - used, "of findings that stand under others (also), which {} not waive"),
        (set(range(len(standing))) - used - others, "unused"),
    ):
        if where := [standing[place].where for place in sorted(places)]:
            one = len(where) == 1
            count = "1 waiver is" if one else f"{len(where):,} waivers are"
            what = what.format("it does" if one else "they do")
            notes.append(f"{count} {what}: {first_of(where, _NAMED)}")
    return rows.sort("place").select(columns), notes  # a join need not keep the order


def _matching(rows: nw.DataFrame[Any], waivers: list[Waiver]) -> tuple[nw.DataFrame[Any], set[int]]:
    """Add ``waiver``, the place of the first that fits a finding; and the places of all that do."""
    rows, used = rows.with_columns(waiver=nw.lit(None, dtype=nw.Int64)), set[int]()
    for given in sorted({waiver.given for waiver in waivers}):
        places = [place for place, waiver in enumerate(waivers) if waiver.given == given]
        rows, found = _matched(rows, waivers, places, ["rule", *given])
        used |= found
    return rows, used


def _matched(
    rows: nw.DataFrame[Any], waivers: list[Waiver], places: list[int], names: list[str]
) -> tuple[nw.DataFrame[Any], set[int]]:
    """The smallest place of a waiver that fits so far, by those that name the same keys."""
    first: dict[tuple[Any, ...], int] = {}
    twins: dict[int, list[int]] = {}
    for place in places:
        key = tuple(getattr(waivers[place], name) for name in names)
        twins.setdefault(first.setdefault(key, place), []).append(place)
    table: engine.Columns = {name: [key[n] for key in first] for n, name in enumerate(names)}
    table["waiver now"] = list(first.values())
    types = {name: _TYPES[name] for name in names} | {"waiver now": int}
    small = engine.collect(engine.table(table, types))
    rows = rows.join(small, on=names, how="left")
    found = rows["waiver now"].drop_nulls().unique().to_list()
    rows = rows.with_columns(waiver=nw.min_horizontal("waiver", "waiver now")).drop("waiver now")
    return rows, {place for leader in found for place in twins[leader]}
