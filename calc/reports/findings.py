"""How an audit is written: one small module each, found by the format's name.

An audit is anything with the attributes of `Audit`. Rules are given as ``{code: rule}``; of a
rule only ``slug``, ``severity`` and the docstring, its page, are read.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import narwhals.stable.v2 as nw

from calc import engine
from calc.errors import InputError
from calc.rule import ASKED, lacking

FORMATS = ("table", "csv", "json", "sarif", "html", "xlsx", "parquet")
BINARY = ("xlsx", "parquet")
SEVERITIES = ("error", "warning", "info")  # worst first
# The columns of csv and, with those of MORE, of json; `dollars` holds cents until it is written.
COLUMNS = (
    "rule", "severity", "row", "patient", "clinician", "date", "code", "found", "expected",
    "dollars", "message", "file", "rows", "also", "authority",
)  # fmt: skip
MORE = ("waived", "fingerprint", "discipline")
_BY_SUFFIX = {"htm": "html", "txt": "table"}

Rules = Mapping[str, Any]
Row = dict[str, Any]


class Audit(Protocol):
    """What a report reads of an audit: findings worst first, cents as integers."""

    @property
    def findings(self) -> nw.DataFrame[Any]:
        """One row for each finding."""

    @property
    def not_run(self) -> list[dict[str, Any]]:
        """Rules that could not run, each with the reason and for how many lines."""

    @property
    def left_out(self) -> frozenset[str]:
        """Reasons among those of ``not_run`` that leave out days or patients."""

    @property
    def meta(self) -> dict[str, Any]:
        """Totals, input files, figures, notes."""

    @property
    def by_clinician(self) -> nw.DataFrame[Any]:
        """Totals of each clinician."""

    @property
    def timeline(self) -> nw.DataFrame[Any]:
        """Sessions of the clinician days that hold an overlap."""


def format_of(path: str | None, chosen: str | None) -> str:
    """The format asked for, else the one of the output's ending, else a table."""
    if chosen:
        return chosen
    suffix = Path(path).suffix.lstrip(".").lower() if path else "table"
    name = _BY_SUFFIX.get(suffix, suffix)
    if name not in FORMATS:
        raise InputError(
            f'no format of findings is known for the ending "{suffix}"',
            str(path),
            "end the name in .csv, .json, .sarif, .xlsx, .parquet, .html or .txt, or give --format",
        )
    return name


def text(audit: Audit, form: str, rules: Rules, limit: int = 0) -> str:
    """The audit as text; ``limit`` findings of a table, 0: all.

    Raises InputError for a format that is no text, and where an optional library is missing.
    """
    if form in BINARY:
        raise no_text(form)
    written: str = _module(form).text(audit, rules, limit)
    return written


def no_text(form: str) -> InputError:
    """The error for a format of BINARY without a file to write it to."""
    what = "a workbook" if form == "xlsx" else form
    return InputError(f"{what} cannot be printed", hint=f"name a file: -o findings.{form}")


def write(audit: Audit, form: str, rules: Rules, path: str) -> int:
    """The audit in a file, whole or not at all; how many cells were cut off."""
    if form in BINARY:
        with engine.whole(path) as temporary:
            cut: int | None = _module(form).write(audit, rules, temporary)
        return cut or 0
    done = text(audit, form, rules)
    with engine.whole(path) as temporary:
        Path(temporary).write_text(done, encoding="utf-8")
    return 0


def _module(form: str) -> Any:
    if form not in FORMATS:
        raise InputError(f'format "{form}" is not known', hint=f"choose {', '.join(FORMATS)}")
    return import_module(f"calc.reports.findings_{form}")


# --- what several formats need -------------------------------------------------------------


def printed(findings: nw.DataFrame[Any], rules: Rules, *more: str) -> nw.DataFrame[Any]:
    """Findings in the columns of csv, then ``more``; `dollars` still holds cents."""
    return in_dollars(findings, rules).with_columns(dollars=nw.col("cents")).select(*COLUMNS, *more)


def in_dollars(findings: nw.DataFrame[Any], rules: Rules) -> nw.DataFrame[Any]:
    """Findings with ``found`` and ``expected`` in dollars where their rule has cents there."""
    rows = findings.lazy()
    for name in ("found", "expected"):
        place = f"{{{name}_dollars}}"
        money = [code for code, rule in rules.items() if place in getattr(rule, "message", "")]
        cents = nw.when(nw.col("rule").is_in(money)).then(nw.col(name))
        rows = engine.dollar_text(rows.with_columns(amount=cents.cast(nw.Int64)), ["amount"])
        rows = rows.with_columns(nw.coalesce("amount", name).alias(name)).drop("amount")
    return engine.collect(rows)


def page(rules: Rules, code: str) -> str:
    """A rule's page, without indentation; blank for a rule that is not known."""
    rule = rules.get(code)
    return inspect.cleandoc((rule.__doc__ if rule else None) or "")  # None has a page of its own


def title(rules: Rules, code: str) -> str:
    """The fault, the first line of a rule's page, without its full stop."""
    lines = page(rules, code).splitlines()
    return lines[0].rstrip(".") if lines else ""


def counted(number: int, noun: str) -> str:
    """``counted(1, "error")`` is "1 error", of two "2 errors"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def isolated(text: str) -> str:
    """A text that no neighbour's direction of writing turns, nor it theirs: by Unicode's isolates.

    >>> isolated("Adams, PT")
    'Adams, PT'
    """
    return text if text.isascii() else f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


@dataclass(frozen=True)
class Group:
    """The findings of one rule: counts and cents without waived ones, over and under apart.

    ``priced``: one of those that stand has dollars, if only 0.00.
    """

    rule: str
    severity: str  # the worst of its findings, of those that stand where any do
    mixed: bool  # they differ in severity, waived ones too
    counts: dict[str, int]  # by severity
    waived: int
    overbilled_cents: int
    underbilled_cents: int
    priced: bool

    @property
    def total(self) -> int:
        """All findings, waived ones too."""
        return sum(self.counts.values()) + self.waived

    @property
    def said(self) -> str:
        """``2 errors, 1 warning, 1 waived``"""
        said = [counted(count, name) for name, count in self.counts.items() if count]
        return ", ".join(said + ([f"{self.waived:,} waived"] if self.waived else []))


def groups(findings: nw.DataFrame[Any]) -> list[Group]:
    """Findings by rule, worst first: severity, then dollars at stake, then the rule's code.

    Rules whose findings are all waived come last.
    """
    stands = nw.col("waived") == ""
    cents = nw.when(stands).then(nw.col("cents")).otherwise(nw.lit(0)).fill_null(0)
    sums = findings.with_columns(
        over=nw.when(cents > 0).then(cents).otherwise(nw.lit(0)),
        under=nw.when(cents < 0).then(-cents).otherwise(nw.lit(0)),
        stands=stands.cast(nw.Int64),
        priced=(stands & ~nw.col("cents").is_null()).cast(nw.Int64),
    )
    sums = sums.group_by("rule", "severity").agg(
        nw.len().alias("all"), nw.col("stands", "priced", "over", "under").sum()
    )
    rows: dict[str, list[Row]] = {}
    for row in sums.iter_rows(named=True):
        rows.setdefault(row["rule"], []).append(row)
    found = [_group(rule, parts) for rule, parts in rows.items()]

    def place(group: Group) -> tuple[bool, int, int, str]:
        stake = group.overbilled_cents + group.underbilled_cents
        waived = group.waived == group.total
        return waived, SEVERITIES.index(group.severity), -stake, group.rule

    return sorted(found, key=place)


def _group(rule: str, parts: list[Row]) -> Group:
    counts = dict.fromkeys(SEVERITIES, 0)
    for part in parts:
        counts[part["severity"]] += part["stands"]
    all_of = {part["severity"] for part in parts}
    standing = {name for name, count in counts.items() if count}
    return Group(
        rule=rule,
        severity=min(standing or all_of, key=SEVERITIES.index),
        mixed=len(all_of) > 1,
        counts=counts,
        waived=sum(part["all"] - part["stands"] for part in parts),
        overbilled_cents=sum(part["over"] for part in parts),
        underbilled_cents=sum(part["under"] for part in parts),
        priced=any(part["priced"] for part in parts),
    )


def of_rule(findings: nw.DataFrame[Any], rule: str) -> Iterator[Row]:
    """The findings of one rule, in their order."""
    return findings.filter(nw.col("rule") == rule).iter_rows(named=True)


def counts_said(meta: Mapping[str, Any]) -> str:
    """``4 errors, 2 warnings, 9 infos; 1 waived, 3 known from the baseline``"""
    said = ", ".join(counted(meta[f"{name}s"], name) for name in SEVERITIES)
    aside = [f"{meta['waived']:,} waived"] if meta["waived"] else []
    aside += [f"{meta['known']:,} known from the baseline"] if meta["known"] else []
    return "; ".join([said, *([", ".join(aside)] if aside else [])])


def without_said(meta: Mapping[str, Any], which: str) -> str:
    """``2 findings without dollars`` of those ``overbilled`` or ``underbilled``; blank for none."""
    number = meta[f"{which}_without_dollars"]
    return f"{counted(number, 'finding')} without dollars" if number else ""


def days_said(meta: Mapping[str, Any]) -> str:
    """``2026-03-02 to 2026-03-06``; one day alone; blank for a log without days."""
    first, last = meta["first_date"], meta["last_date"]
    return f"{first} to {last}" if first != last else str(first or "")


def units_said(meta: Mapping[str, Any]) -> str:
    """``310 units billed, 305 supported``; units billed are None where the log has none."""
    billed = meta["units_billed"]
    said = "no billed units in the log" if billed is None else f"{counted(billed, 'unit')} billed"
    return f"{said}, {meta['units_supported']:,} supported"


def option_said(value: Any) -> str:
    """An option of a run in words: a list, a file with its digest, or a text; blank for none."""
    if isinstance(value, Mapping):
        return f"{value['name']} (SHA-256 {value['sha256']})"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value in (None, False) else str(value)


def options_said(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and words of the options that say anything."""
    said = [(name.replace("_", " "), option_said(value)) for name, value in options.items()]
    return [(name, words) for name, words in said if words]


def together(not_run: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rules that did not run for one reason as one entry, ``M301, M302``, where the first stood."""
    rules: dict[tuple[Any, str], list[str]] = {}
    for entry in not_run:
        rules.setdefault((entry.get("lines"), entry["reason"]), []).append(entry["rule"])
    return [
        {"rule": ", ".join(names), "reason": reason, "lines": lines}
        for (lines, reason), names in rules.items()
    ]


def not_run_said(entry: Mapping[str, Any]) -> str:
    """``U206 for 12 lines: no MUE edition for these dates``"""
    lines = entry.get("lines")
    count = "" if lines is None else f" for {counted(lines, 'line')}"
    return f"{entry['rule']}{count}: {entry['reason']}"


def not_run_lines(audit: Audit, every: bool = True) -> list[str]:
    """What did not run, a line for each reason; or only what the user can do something about."""
    doubts = {lacking(need, of_claims) for need in ASKED for of_claims in (False, True)}
    doubts |= audit.left_out
    waits = [entry for entry in audit.not_run if every or entry["reason"] in doubts]
    return [f"Not run: {not_run_said(entry)}" for entry in together(waits)]
