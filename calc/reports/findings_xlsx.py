"""A workbook of an audit: Summary, Findings, By rule, By clinician, Not checked."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.reports.findings import (
    COLUMNS,
    MORE,
    Audit,
    Group,
    Rules,
    groups,
    options_said,
    printed,
    title,
)

_NUMBERS = ("rows_read", "rows_used", "rows_rejected", "sessions", "units_billed",
            "units_supported", "errors", "warnings", "infos", "waived", "known")  # fmt: skip


def write(audit: Audit, rules: Rules, path: str) -> int:
    """Write the workbook; how many cells were cut. InputError where xlsxwriter is missing."""
    by_rule = groups(audit.findings)
    return engine.write_workbook(
        path,
        {
            "Summary": (("what", "value"), _summary(audit)),
            "Findings": ((*COLUMNS, *MORE), _findings(audit, rules)),
            "By rule": (
                ("rule", "fault", "severity", "errors", "warnings", "infos", "waived",
                 "overbilled", "underbilled"),
                (_rule(group, rules) for group in by_rule),
            ),
            "By clinician": _frame(audit.by_clinician),
            "Not checked": (("what", "lines", "reason"), _not_checked(audit)),
        },
        created=audit.meta["created"],
    )  # fmt: skip


def _money(cents: int | None) -> Decimal | None:
    return None if cents is None else Decimal(cents).scaleb(-2)


def _summary(audit: Audit) -> Iterator[tuple[Any, ...]]:
    meta = audit.meta
    yield "program", f"{meta['program']} {meta['version']}"
    yield "created", meta["created"]
    for name in ("first_date", "last_date"):
        yield name.replace("_", " "), meta[name]
    for name in _NUMBERS:
        yield name.replace("_", " "), meta[name]
    for name, words in (("overbilled", ""), ("underbilled", " (never netted)")):
        yield f"{name}{words}", _money(meta[f"{name}_cents"])
        if without := meta[f"{name}_without_dollars"]:
            yield f"{name}: findings without dollars", without
    more = len(audit.findings) - engine.SHEET_ROWS
    if more > 0:
        yield "findings that a sheet cannot hold: see csv", more
    for file in meta["files"]:
        yield "file", file["name"]
        yield "sha256", file.get("sha256")
    for name in ("figures", "config_folders", "notes"):
        for value in meta[name]:
            yield name.rstrip("s").replace("_", " "), value
    for name, words in options_said(meta["options"]):
        yield f"option {name}", words


def _findings(audit: Audit, rules: Rules) -> Iterator[tuple[Any, ...]]:
    place = COLUMNS.index("dollars")
    for row in printed(audit.findings, rules, *MORE).head(engine.SHEET_ROWS).iter_rows():
        yield (*row[:place], _money(row[place]), *row[place + 1 :])


def _rule(group: Group, rules: Rules) -> tuple[Any, ...]:
    cents = (group.overbilled_cents, group.underbilled_cents)
    money = [_money(amount) if group.priced else None for amount in cents]
    words = group.rule, title(rules, group.rule), group.severity
    return (*words, *group.counts.values(), group.waived, *money)


def _frame(frame: nw.DataFrame[Any]) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    headings = [name.removesuffix("_cents").replace("_", " ") for name in frame.columns]
    money = [name.endswith("_cents") for name in frame.columns]
    rows = (
        tuple(_money(v) if cents else v for v, cents in zip(row, money, strict=True))
        for row in frame.iter_rows()
    )
    return headings, rows


def _not_checked(audit: Audit) -> Iterator[tuple[Any, ...]]:
    for entry in audit.not_run:
        yield entry["rule"], entry.get("lines"), entry["reason"]
    for name in audit.meta["never_checked"]:
        yield name, None, "never checked"
