"""The files of one folder of figures: what may stand in them, read with every fault kept."""

from __future__ import annotations

import csv
import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from calc.dated import Edition, Parameter, Value
from calc.errors import ConfigError
from calc.money import decimal_text, scaled

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
# Columns that may be lacking; note may stand in any table.
MORE_COLUMNS = {
    "codes.csv": ("evaluation", "medicare_code", "assistant_modifier"),
    "gpci": ("mac",),
}
DECIMALS = {"work_rvu": 2, "pe_rvu": 2, "pe_rvu_facility": 2, "mp_rvu": 2}
DECIMALS |= {"fee": 2, "reduced_fee": 2, "work_gpci": 3, "pe_gpci": 3, "mp_gpci": 3}
# What no figure reaches: more is a slip, and exact products must fit 64 bits.
BELOW = dict.fromkeys(("work_rvu", "pe_rvu", "pe_rvu_facility", "mp_rvu"), 1000)
BELOW |= {"work_gpci": 10, "pe_gpci": 10, "mp_gpci": 10, "fee": 100_000, "reduced_fee": 100_000}
BELOW |= {"share_of_medicare": 10, "factor": 1000, "value": 10_000_000}
# Parts of a whole, in per cent; of `audit_limits.toml` those that end so.
SHARES = (
    "sequestration",
    "mppr",
    "assistant_share",
    "de_minimis",
    "coinsurance",
    "nonparticipating",
)
# What is multiplied with, besides the factors of payers: 0 would make every amount nothing.
FACTORS = ("conversion_factor", "limiting_charge")
DAY_MINUTES = 24 * 60
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
    "clinician",
    "discipline",
    "role",
    "assistant",
    "mode",
    "minutes",
    "modifiers_billed",
    "headings",
    "role_headings",
    "lengths",
    "not_minutes",
    "modifier_words",
    "not_modifiers_billed",
    "times",
    "of_treatment",
    "of_assistant",
    "not_date",
    "not_patient",
    "patient_id",
    "name_parts",
    "own_times",
    "billable",
    "not_billable",
    "status_within",
    "status_not",
    "sequence",
    "flags",
    "reversals",
    "attendance",
    "until",
    "totals",
    "revenue",
    "status",
)  # tables of words.toml
POOLS = ("day", "code")
FEE_BASES = ("share_of_medicare", "conversion_factor", "fee_table")  # a payer has one of them
PAYER_SWITCHES = ("mppr", "assistant_cut", "sequestration", "part_b")
# What of a payer is done to Medicare's share of an amount, which part_b makes.
OF_SHARES = ("assistant_cut", "sequestration")
# What may stand in a file of [[value]] or [[edition]] blocks, and in a block; note in any.
FILE_KEYS = {"value": ("title", "unit", "places"), "edition": ("title",)}
BLOCK_KEYS: dict[str, tuple[str, ...]] = {
    "value": ("from", "until", "value", "source", "applies_to"),
    "edition": ("from", "until", "file", "source", "release"),
    "counting_rules.toml": ("title", "unit_minutes", "first_minutes", "pool", "source"),
    "sources.toml": ("title", "publisher", "date", "url"),
    "payers.toml": (
        *("name", "aliases", "counting_rule", "source", "as_of", *PAYER_SWITCHES),
        *FEE_BASES,
    ),
}
UNIT_BASES = ("minutes", "day", "area", "extremity", "month", "period", "episode")


class Row(dict[str, Any]):
    """The cells of a table's row by their headings; ``line``: the last one it has in its file."""

    def __init__(self, cells: Iterable[tuple[str, Any]], line: int) -> None:
        super().__init__(cells)
        self.line = line


@dataclass
class Reader:
    """Reads one folder; every fault is kept, so that a check can report them all.

    Its files may begin with a byte order mark, as spreadsheets and some editors write it.
    ``folder`` is called as it was given; ``at``: where it lies, whatever the program's own folder
    is by now. ``cited``: the sources that its entries name, with the place.
    """

    folder: Path
    at: Path
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

    def has(self, name: str) -> bool:
        """Whether the file is there; what stands in its place and is none is a fault."""
        there = self.at / name
        if there.is_file():
            return True
        if os.path.lexists(there):
            self.fault("is no file", str(self.folder / name), "put the file there, or take it away")
        return False

    def toml(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        if not self.has(name):
            return {}
        try:
            return tomllib.loads(
                (self.at / name).read_text(encoding="utf-8-sig"), parse_float=Decimal
            )
        except (ValueError, RecursionError) as error:  # of toml as of text that is not UTF-8
            self.fault(f"is not TOML: {error}", str(path))
            return {}

    def csv(self, name: str, columns: tuple[str, ...], more: tuple[str, ...] = ()) -> list[Row]:
        """The rows of a table, cells without blanks around them; ``more``: what may be lacking."""
        path = self.folder / name
        try:
            with (self.at / name).open(encoding="utf-8-sig", newline="") as text:
                reader = csv.reader(text)
                lines = [([cell.strip() for cell in row], reader.line_num) for row in reader]
        except UnicodeDecodeError as error:
            self.fault(f"is no UTF-8 ({error})", str(path), "save it as CSV UTF-8")
            return []
        except (OSError, csv.Error) as error:
            self.fault(f"cannot be read ({error})", str(path))
            return []
        # A spreadsheet writes rows of blank cells below a table.
        lines = [(row, line) for row, line in lines if any(row)]
        heading, body = (lines[0][0], lines[1:]) if lines else ([], [])
        if body and not self._headed(heading, (*columns, *more), columns, str(path)):
            return []
        uneven = [line for row, line in body if len(row) != len(heading)]
        if uneven:
            some = ", ".join(map(str, uneven[:20])) + (" ..." if len(uneven) > 20 else "")
            hint = "put a cell that holds a comma into quotation marks"
            self.fault(f"has more or fewer cells than the heading in row {some}", str(path), hint)
            return []
        return [Row(zip(heading, cells, strict=True), line) for cells, line in body]

    def _headed(
        self, heading: list[str], known: tuple[str, ...], columns: tuple[str, ...], where: str
    ) -> bool:
        """Whether each column is there once, and none that nothing reads."""
        before = len(self.faults)
        if len(heading) == 1 and (other := re.search("[;\t|]", heading[0])):
            what = f"its cells are parted by {other[0]!r}, not by commas"
            self.fault(what, where, "save it as CSV with commas")
            return False
        if lacking := [name for name in columns if name not in heading]:
            self.fault(f"has no column {', '.join(lacking)}", where)
        for name in dict.fromkeys(name for name in heading if heading.count(name) > 1):
            self.fault(f'heading "{name}" stands twice', where, "take out one of them")
        self.only(known, heading, where)
        return len(self.faults) == before

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
        name = "codes.csv"
        if not self.has(name):
            return []
        rows = _once(self, name, CODE_COLUMNS, ("code",), MORE_COLUMNS[name])
        where = self.folder / name
        return [_code_facts(self, row, f"{where}:{row.line}") for row in rows]

    def minutes(self, row: Row, name: str, where: str) -> int | None:
        """A cell of whole minutes of a day, None where it is blank, 0 after a fault."""
        text = row[name]
        if not text:
            return None
        if text.isascii() and text.isdigit() and 0 < int(text) <= DAY_MINUTES:
            return int(text)
        what = f'{row["code"]}: {name} "{text}" is no whole number of minutes'
        self.fault(what, where, "write it without decimals, such as 15")
        return 0

    def below(self, name: str, amount: int, places: int, where: str) -> None:
        """A figure of a size that none has is a fault."""
        if abs(amount) >= BELOW[name] * 10**places:
            what = f"{name} {decimal_text(amount, places)} is not below {BELOW[name]:,}"
            self.fault(what, where, "is a decimal point missing?")

    def counting_rules(self) -> dict[str, dict[str, Any]]:
        rules = self.tables("counting_rules.toml")
        for name, rule in rules.items():
            where = f"{self.folder / 'counting_rules.toml'}: {name}"
            for key in ("unit_minutes", "first_minutes"):
                if not _whole(rule.get(key), 1) or rule[key] > DAY_MINUTES:
                    what = f"{key} is missing or no whole number of minutes"
                    self.fault(what, where, "copy a block of the shipped file")
            first, size = rule.get("first_minutes", 0), rule.get("unit_minutes", 0)
            if _whole(first, 1) and _whole(size, 1) and first > size:
                what = f"first_minutes: {first} are more than the {size} of a unit"
                self.fault(what, where, "write how many minutes past the last unit earn another")
            if rule.get("pool") not in POOLS:
                self.fault(f"pool is none of {', '.join(POOLS)}", where, f'pool = "{POOLS[0]}"')
            for key in ("title", "source"):
                if not is_text(rule.get(key)):
                    self.fault(f"{key} is missing", where, f'write {key} = "..."')
            if is_text(rule.get("source")):
                self.cited.append((rule["source"], where))
        return rules

    def payers(self, below: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Payers, each with what it does not say itself from the folders ``below``."""
        payers = self.tables("payers.toml")
        for name, facts in payers.items():
            where = f"payers.toml: {name}"
            whole = below.get(name, {}) | facts
            if is_text(whole.get("source")):  # else see `config_checks`
                self.cited.append((whole["source"], where))
            if not is_text(whole.get("name")):
                self.fault("name is missing", where, 'write name = "..."')
            if not _are_texts(facts.get("aliases", [])):
                self.fault("aliases is no list of names", where, 'write aliases = ["..."]')
            for key in ("conversion_factor", "fee_table"):
                if not is_text(facts.get(key, key)):
                    self.fault(f"{key} is no name", where, f'write {key} = "..."')
                elif str(facts.get(key)).endswith((".toml", ".csv")):
                    hint = f'write it without its ending: "{Path(facts[key]).stem}"'
                    self.fault(f'{key}: "{facts[key]}" is no name', where, hint)
            if facts.get("conversion_factor") in PARAMETERS:
                what = f'conversion_factor: "{facts["conversion_factor"]}" is a file of ours'
                self.fault(what, where, "name a file of the payer's own, such as acme_factor")
            sound = {"share_of_medicare", *(key for key in facts if is_text(facts[key]))}
            bases = [key for key in FEE_BASES if key in facts and key in sound]
            if len(bases) > 1:
                what = f"{' and '.join(bases)}: one of them says what is paid"
                self.fault(what, where, "leave out the others")
            for key in PAYER_SWITCHES:
                if not isinstance(facts.get(key, False), bool):
                    what = f'{key}: "{facts[key]}" is neither true nor false'
                    self.fault(what, where, f"write {key} = false, without quotation marks")
            share = facts.get("share_of_medicare", 0)
            try:
                hundredths = scaled(str(share), 2)
                self.below("share_of_medicare", hundredths, 2, where)
                if "share_of_medicare" in facts and hundredths <= 0:
                    hint = "leave it out if it is not known: then units and work component only"
                    self.fault(f"share_of_medicare: {share} is not above 0", where, hint)
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
            except (ValueError, TypeError, ArithmeticError):
                what = f"value: {entry['value']} is no number of {places} decimals"
                hint = "" if "places" in data else "say how many above the values: places = 4"
                self.fault(what, where, hint)
                continue
            factor = name == "conversion_factor" or name not in PARAMETERS
            self.below("factor" if factor else "value", amount, places, where)
            if span:
                applies = str(entry.get("applies_to", ""))
                values.append(Value(*span, amount, places, entry["source"], where, applies))
        self._overlaps([(v.first, v.last, v.applies_to, v.where) for v in values])
        return Parameter(name, str(title), str(unit), tuple(values))

    def editions(self, name: str) -> list[Edition]:
        data = self.toml(f"{name}/editions.toml")
        editions = []
        for entry, where in self._blocks(data, "edition", f"{name}/editions.toml"):
            span, file = self._span(entry, where), str(entry.get("file", ""))
            path = self.folder / name / file
            if Path(file).is_absolute() or ".." in Path(file).parts:
                hint = f"lay it into the folder {name} and write its name"
                self.fault(f'file: "{file}" is no name of a file', where, hint)
            elif not (self.at / name / file).is_file():
                self.fault(f'file: "{file}" does not exist', where)
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
                hint = "every value needs a last day"
                if key in entry:
                    hint = f"write it as {key} = 2026-04-01, without quotation marks and time"
                self.fault(f"{key} is missing or no date", where, hint)
                sound = False
        if not is_text(entry.get("source")):
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


def impossible(value: Value, name: str, unit: str) -> list[ConfigError]:
    """What is wrong with a figure of a file that none of its kind can be; ``unit``: the kind's."""
    share = name in SHARES or (name == "audit_limits" and value.applies_to.endswith("percent"))
    if name in FACTORS or name not in PARAMETERS:
        wrong, what, hint = value.scaled <= 0, "not above 0", "more than 0"
    elif share:
        wrong = not 0 <= value.scaled <= 100 * 10**value.places
        what, hint = "no percentage", "0 to 100"
    else:
        wrong, what, hint = value.scaled < 0, "below 0", "0 or more"
    said = f"value: {value.text} is {what}"
    return [ConfigError(said, value.where, f"write {hint}: {unit}")] if wrong else []


def _code_facts(reader: Reader, row: Row, where: str) -> dict[str, Any]:
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
    if not re.fullmatch(r"[A-Z0-9]{5}", row["code"]):
        what = f'code "{row["code"]}" is no code of five capitals and digits'
        reader.fault(what, where, "write it as claims do, such as 97110 or G0283")
    timed = row["unit_basis"] == "minutes"
    alone = timed and not row["add_on_of"] and row["pooled"] == "no"
    needed = ["unit_minutes"] * timed + ["first_unit_minutes"] * alone
    for name in needed:
        if not row[name]:
            hint = "write how many minutes the first unit and each further one have"
            reader.fault(f"{row['code']}: {name} is missing", where, hint)
    timed_add_on = row["add_on_of"] and timed
    facts["family"] = row["add_on_of"] if timed_add_on else row["code"]
    return facts


_scaled = lru_cache(maxsize=1 << 13)(scaled)  # the same figures stand in many rows


def scaled_rows(reader: Reader, table: str, name: str) -> list[Row]:
    """The rows of a table's file; numbers in units of 10**-DECIMALS."""
    own = table.startswith(FEES)
    columns, keys = (FEE_COLUMNS, ("code",)) if own else (TABLES[table], KEYS[table])
    rows = _once(reader, name, columns, keys, MORE_COLUMNS.get(table, ()))
    path = reader.folder / name
    figures = {figure: places for figure, places in DECIMALS.items() if rows and figure in rows[0]}
    for row in rows:
        where, before = f"{path}:{row.line}", len(reader.faults)
        for figure, places in figures.items():
            if row[figure] or figure != "reduced_fee":
                try:
                    row[figure] = _scaled(row[figure], places)
                except ValueError:
                    text = row[figure]
                    reader.fault(f'{figure} "{text}" is no number of {places} decimals', where)
                else:
                    reader.below(figure, row[figure], places, where)
        if own and not row["reduced_fee"]:
            row["reduced_fee"] = row["fee"]
        if len(reader.faults) == before:
            called = row.get("code") or row.get("locality") or row.get("column1")
            for what, hint in _cells(table, row):
                reader.fault(f"{called}: {what}", where, hint)
    return rows


def _cells(table: str, row: Row) -> Iterator[tuple[str, str]]:
    """What no row of a table can mean, and how to mend it."""
    for name, known in CELLS.get(table, {}).items():
        if row[name] not in known:
            yield f'{name} "{row[name]}" is not known', one_of(known)
    for name, places in DECIMALS.items():
        amount = row.get(name)
        if amount is not None and (amount < 0 or (amount == 0 and table == "gpci")):
            least = "above 0" if table == "gpci" else "0 or more"
            yield f"{name} {decimal_text(amount, places)} is not {least}", f"write {least}"
    if table == "mue" and not re.fullmatch("[0-9]{1,4}", row["mue"]):
        yield f'mue "{row["mue"]}" is no number of units', "write it without decimals, such as 4"


def one_of(known: tuple[str, ...], written: str = "") -> str:
    """A hint at the nearest of the words that are known, or at all of them."""
    near = difflib.get_close_matches(written, known, 1)
    return f"nearest: {near[0]}" if near else f"choose one of {', '.join(known)}"


def _once(
    reader: Reader,
    name: str,
    columns: tuple[str, ...],
    keys: tuple[str, ...],
    more: tuple[str, ...],
) -> list[Row]:
    """The rows of a csv; a key that stands twice is a fault."""
    rows = reader.csv(name, columns, more)
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        key = tuple(row[name] for name in keys)
        if key in seen:
            reader.fault(f"{' '.join(key)} stands twice", f"{reader.folder / name}:{row.line}")
        seen.add(key)
    return rows


def _laid_over(facts: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    """A payer's block over that of the folders below; its names are added to theirs."""
    lists = [block.get("aliases", []) for block in (facts, below)]
    if not all(map(_are_texts, lists)):  # a fault that is said already
        return below | facts
    names = list(dict.fromkeys(name for names in lists for name in names))
    if is_text(below.get("name")) and facts.get("name", below["name"]) != below["name"]:
        names.append(below["name"])
    return below | facts | ({"aliases": names} if names else {})


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(map(is_text, values))
