"""Slips in figures that can be read: each is what its file says, and none is likely to be meant.

Looked for by `config check` alone: what no figure can be ends a run as well, see `figure_files`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from calc.dated import Dated, Edition, Parameter, Value, quarter, runs
from calc.errors import ConfigError
from calc.figure_files import (
    DECIMALS,
    FEES,
    KEYS,
    OF_SHARES,
    PARAMETERS,
    TABLES,
    Row,
    is_text,
    one_of,
)
from calc.money import decimal_text
from calc.params import QUARTERLY, Checked, Config, called, of_payers, plain, plain_name
from calc.schema import (
    ATTENDANCE,
    DISCIPLINES,
    FLAGS,
    LENGTH_UNITS,
    MODES,
    REVENUE,
    REVERSALS,
    ROLES,
    SEQUENCE,
    SESSION,
    STATUS,
    STATUS_WITHIN,
    UNTIL,
)

Found = Iterator[ConfigError]

# No amounts but names of what is the case: only the shipped ones mean something.
NAMES = ("assistant_policy",)
SWITCHES = ("federal_holidays",)


def faults(config: Config) -> list[ConfigError]:
    """Every fault of every file, not only the first: what `config check` prints."""
    checked = Checked(config.folders)
    found = checked.faults()
    shipped = Checked(config.folders[-1:])
    looks = (_figures, _payers, _tables, _codes, _headings, _words, _sources)
    return found + [fault for look in looks for fault in look(checked, shipped)]


def notes(config: Config) -> list[str]:
    """What may be meant so, and is worth a look: days without a figure, shipped rows not read."""
    checked, shipped = Checked(config.folders), Checked(config.folders[-1:])
    factors, fees = of_payers(checked.named_payers)
    said = []
    for name in dict.fromkeys((*_EVERY_DAY, *factors)):
        by_use: dict[str, list[Value]] = {}
        for value in checked.parameter(name).values:
            by_use.setdefault(value.applies_to, []).append(value)
        for use, values in by_use.items():
            for first, last in _gaps(values):
                what = f"no value{use and f' of {use}'} from {first} to {last}"
                said.append(f"{name}.toml: {what}")
    for table in dict.fromkeys(("rvu", "gpci", *fees)):
        for first, last in _gaps(checked.editions(table)):
            said.append(f"{table}/editions.toml: no edition from {first} to {last}")
    said += _behind(checked)
    usual = checked.counting_rules.get("cms", {}).get("unit_minutes")
    for code, facts in checked.codes.items():
        if facts["pooled"] and facts["unit_minutes"] not in (None, 0, usual):
            said.append(
                f"codes.csv: {code}: pooled, so that payers by whose rule a unit has {usual}"
                f" minutes count it so, and not by its {facts['unit_minutes']}"
            )
    for table in TABLES:
        for edition in checked.editions(table):
            if config.folders[-1] not in edition.path.parents:
                said += _hidden(table, edition, checked, shipped)
    return said


# Medicare's figures without which no line of a day has a price, or a threshold.
_EVERY_DAY = ("conversion_factor", "kx_threshold", "deductible")


def _behind(checked: Checked) -> list[str]:
    """Medicare's figures that end before its RVUs do, as a new year's are taken over one by one."""
    names = [name for name in PARAMETERS if name != "federal_holidays"]
    ends = {f"{name}.toml": [v.last for v in checked.parameter(name).values] for name in names}
    ends["gpci/editions.toml"] = [edition.last for edition in checked.editions("gpci")]
    latest = max((edition.last for edition in checked.editions("rvu")), default=date.min)
    return [
        f"{where}: nothing after {max(days)}, though RVUs hold until {latest}"
        for where, days in ends.items()
        if days and max(days) < latest
    ]


def _gaps(spans: Sequence[Dated]) -> list[tuple[date, date]]:
    """Days between two of the spans that none of them holds."""
    if not spans:
        return []
    first, last = min(span.first for span in spans), max(span.last for span in spans)

    def held(day: date) -> bool:
        return any(span.first <= day <= span.last for span in spans)

    return [(begin, end) for begin, end, here in runs(held, spans, first, last) if not here]


def _hidden(table: str, edition: Edition, checked: Checked, shipped: Checked) -> list[str]:
    """Rows of a shipped edition that an edition of a user's lacks, which stands in its place."""
    mine = {_key(table, row) for row in checked.rows(table, edition)}
    said = []
    for other in shipped.editions(table):
        first, last = max(edition.first, other.first), min(edition.last, other.last)
        lost = [_key(table, row) for row in shipped.rows(table, other)] if first <= last else []
        lost = [key for key in lost if key not in mine]
        if lost:
            some = ", ".join(lost[:5]) + (" ..." if len(lost) > 5 else "")
            said.append(
                f"{edition.path}: from {first} to {last} it stands in the place of the shipped"
                f" table, and lacks {len(lost):,} of its rows: {some}"
            )
    return said


def _key(table: str, row: Mapping[str, Any]) -> str:
    return " ".join(str(row[name]) for name in KEYS[table])


# --- dated values --------------------------------------------------------------------------


def _figures(checked: Checked, shipped: Checked) -> Found:
    factors, _ = of_payers(checked.named_payers)
    for name in PARAMETERS:
        for value in checked.parameter(name).values:
            yield from _applies(value, name, shipped.parameter(name))
            yield from _names(value, name, shipped.parameter(name))
    for name in dict.fromkeys(factors):
        for value in checked.parameter(name).values if name not in PARAMETERS else ():
            if value.applies_to:
                what = f'applies_to: "{value.applies_to}" is looked for by nobody'
                yield ConfigError(what, value.where, "leave it out: the factor is its payer's")


def _applies(value: Value, name: str, shipped: Parameter) -> Found:
    """``applies_to`` says which of several figures of a file this is: one of the shipped ones."""
    known = tuple(dict.fromkeys(own.applies_to for own in shipped.values if own.applies_to))
    if value.applies_to and value.applies_to not in known:
        what = f'applies_to: "{value.applies_to}" is looked for by nobody'
        hint = one_of(known, value.applies_to) if known else "leave it out"
        yield ConfigError(what, value.where, hint)
    if not value.applies_to and name == "audit_limits":
        # Minutes, units, days and percentages: one number cannot be meant for all of them.
        yield ConfigError("applies_to is missing", value.where, one_of(known))


def _names(value: Value, name: str, shipped: Parameter) -> Found:
    if name in NAMES or name in SWITCHES:
        known = tuple(dict.fromkeys(own.text for own in shipped.values))
        known = ("0", "1") if name in SWITCHES else known
        if value.text not in known:
            yield ConfigError(f"value: {value.text} has no meaning", value.where, one_of(known))


def _payers(checked: Checked, shipped: Checked) -> Found:
    names: dict[str, str] = {}
    for payer, facts in checked.named_payers.items():
        where = f"payers.toml: {payer}"
        if not payer.strip():
            yield ConfigError("a payer without a name", where, "write it in the brackets: [acme]")
        for name in called(payer, facts):
            other = names.setdefault(plain_name(name), payer)
            if other != payer:
                yield ConfigError(f'"{name}" also names {other}', where, "take it out of one")
        if not is_text(facts.get("source")):
            yield ConfigError("source is missing", where, "name an entry of sources.toml")
        for name in OF_SHARES:
            if facts.get(name) is True and facts.get("part_b") is not True:
                what = f"{name} has no effect without part_b"
                hint = f"write {name} = false; or part_b = true, if it pays Medicare's shares"
                yield ConfigError(what, where, hint)


# --- tables --------------------------------------------------------------------------------


def _tables(checked: Checked, shipped: Checked) -> Found:
    _, fees = of_payers(checked.named_payers)
    for table in (*TABLES, *dict.fromkeys(fees)):
        for edition in checked.editions(table):
            if table in QUARTERLY and edition.last > quarter(edition.first).last:
                what = f"{edition.first} to {edition.last} is more than a calendar quarter"
                hint = "write an edition for each quarter: none holds beyond its own"
                yield ConfigError(what, str(edition.path), hint)
            rows = checked.rows(table, edition)
            if not rows and not checked.unread(str(edition.path)):
                hint = "write a row for each code, or take the edition out"
                yield ConfigError("has no rows", str(edition.path), hint)
            for row in rows:
                for what, hint in _cells(table, row):
                    called = row.get("code") or row.get("locality")
                    yield ConfigError(f"{called}: {what}", f"{edition.path}:{row.line}", hint)


def _cells(table: str, row: Row) -> Iterator[tuple[str, str]]:
    """What is surely a slip in a row of an edition, and how to mend it."""
    if (row.get("status"), row.get("mppr_indicator")) == ("A", "9"):
        yield "mppr_indicator 9 of a code that is paid", "9 is for codes without a price: 5 or 0?"
    if table.startswith(FEES) and not re.fullmatch("[A-Z0-9]{5}", row["code"]):
        yield "is no code of five capitals and digits", "write it as claims do, without modifiers"
    if table == "gpci" and not re.fullmatch("US|[A-Z]{2}-[0-9]{2,}", row["locality"]):
        yield "is no state with the number of a locality", "write it as OH-00"
    fee, reduced = row.get("fee"), row.get("reduced_fee")
    if isinstance(fee, int) and isinstance(reduced, int) and reduced > fee:
        texts = [decimal_text(cents, DECIMALS["fee"]) for cents in (reduced, fee)]
        yield f"reduced_fee {texts[0]} is more than the fee {texts[1]}", "were they exchanged?"


def _codes(checked: Checked, shipped: Checked) -> Found:
    """Words of codes.csv by which rules ask for a code: another word would silence them."""
    known = {
        "attendance": tuple(sorted({facts["attendance"] for facts in shipped.codes.values()})),
        "disciplines": ("", *DISCIPLINES),
    }
    for code, facts in checked.codes.items():
        for name, words in known.items():
            if facts[name] not in words:
                hint = one_of(tuple(word or "a blank" for word in words), facts[name])
                what = f'{name} "{facts[name]}" is not known'
                yield ConfigError(what, f"codes.csv: {code}", hint)
        other = facts["medicare_code"]
        if other and other not in checked.codes:
            what = f'medicare_code "{other}" is no code of the file'
            yield ConfigError(what, f"codes.csv: {code}", "add its row, or leave it blank")


# --- headings and sources ------------------------------------------------------------------


def _headings(checked: Checked, shipped: Checked) -> Found:
    """Columns are ours, or "" for headings that mean nothing; a heading stands for one."""
    for path, columns in checked.heading_files:
        meant = {plain(column): column for column in SESSION}
        for column, headings in columns.items():
            where = f"{path}: {column}"
            if column and column not in SESSION:
                hint = one_of(SESSION, column.lower())
                yield ConfigError(f'"{column}" is no column of ours', where, hint)
                continue
            for heading in headings:
                other = meant.setdefault(plain(heading), column)
                if other != column:
                    hint = "a heading belongs to one column only: take it out of one"
                    yield ConfigError(f'"{heading}" means {other} already', where, hint)


def _words(checked: Checked, shipped: Checked) -> Found:
    """What words mean are names of ours, or "" for a blank cell; a word means one of them."""
    names = {"discipline": DISCIPLINES, "role": ROLES, "mode": MODES, "minutes": LENGTH_UNITS}
    names |= {"headings": SESSION, "assistant": DISCIPLINES, "status": STATUS}
    names |= {"status_within": STATUS_WITHIN, "flags": FLAGS, "attendance": ATTENDANCE}
    names |= {"sequence": SEQUENCE, "until": UNTIL, "reversals": REVERSALS, "revenue": REVENUE}
    for path, columns in checked.word_files:
        for column, meanings in columns.items():
            known = names.get(column, ())
            # A word in a heading may be the name of a column that the heading does not mean.
            meant = {} if column == "headings" else {name.lower(): name for name in known}
            for meaning, words in meanings.items():
                where = f"{path}: {column}"
                if meaning not in ("", *known):
                    hint = one_of(known, meaning) if known else 'write "" for words of a blank'
                    yield ConfigError(f'"{meaning}" is no {column} of ours', where, hint)
                    continue
                for word in words:
                    other = meant.setdefault(word.lower(), meaning)
                    if other != meaning:
                        hint = "a word means one thing only: take it out of one"
                        said = f'"{word}" means {other or "a blank"} already'
                        yield ConfigError(said, f"{where}: {meaning}", hint)


def _sources(checked: Checked, shipped: Checked) -> Found:
    for source, entry in checked.sources.items():
        if not str(entry.get("title", "")).strip():
            yield ConfigError("title is missing", f"sources.toml: {source}", 'write title = "..."')
