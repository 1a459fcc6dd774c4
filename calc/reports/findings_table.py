"""A table of findings for people: worst first, grouped by rule, then the totals."""

from __future__ import annotations

from typing import Any

from tabulate import tabulate

from calc.errors import CONTROLS
from calc.money import dollars, show
from calc.reports.findings import (
    Audit,
    Group,
    Row,
    Rules,
    counted,
    counts_said,
    days_said,
    groups,
    not_run_lines,
    of_rule,
    title,
    units_said,
    without_said,
)

_HEADINGS = ("row", "patient", "clinician", "date", "code", "dollars", "finding")
_ALIGN = ("right", "left", "left", "left", "left", "right", "left")


def text(audit: Audit, rules: Rules, limit: int) -> str:
    shown = audit.findings.head(limit) if limit else audit.findings
    several = len(audit.meta["files"]) > 1
    parts = []
    for group in groups(audit.findings):
        parts += [_heading(group, rules), _rows(list(of_rule(shown, group.rule)), group, several)]
    parts += [_totals(audit.meta), *_rest(audit)]
    return "\n".join(part for part in parts if part) + "\n"


def _heading(group: Group, rules: Rules) -> str:
    return f"{group.rule} {group.severity}: {title(rules, group.rule)} ({group.said})"


def _rows(rows: list[Row], group: Group, several: bool) -> str:
    if not rows:
        return ""
    cells = [_cells(row, group.mixed, several) for row in rows]
    # Numbers are never parsed: a patient "1e5" stays as it is.
    written = tabulate(cells, _HEADINGS, "plain", disable_numparse=True, colalign=_ALIGN)
    return "\n".join(f"  {line.rstrip()}" for line in str(written).splitlines()) + "\n"


def _cells(row: Row, mixed: bool, several: bool) -> list[str]:
    place = "" if row["row"] is None else str(row["row"])
    message = f"{row['severity']}: {row['message']}" if mixed else row["message"]
    message += f" [also {row['also']}]" if row["also"] else ""
    message += f" [waived: {row['waived']}]" if row["waived"] else ""
    cells = [
        f"{row['file']}:{place}" if several and place else place,
        row["patient"],
        row["clinician"],
        row["date"] or "",
        row["code"],
        dollars(row["cents"]),
        message,
    ]
    return [str(cell).translate(CONTROLS) for cell in cells]


def _totals(meta: dict[str, Any]) -> str:
    names = ("overbilled", "underbilled")
    amounts = {name: show(meta[f"{name}_cents"]) for name in names}
    wide = max(map(len, amounts.values()))
    days = days_said(meta)
    lines = [
        counts_said(meta),
        *(
            f"{name.capitalize():11}  {amounts[name]:>{wide}}{_besides(meta, name)}"
            for name in names
        ),
        f"{counted(meta['sessions'], 'session')}{f' of {days}' if days else ''},"
        f" {units_said(meta)}",
    ]
    return "\n".join(lines)


def _besides(meta: dict[str, Any], which: str) -> str:
    said = without_said(meta, which)
    return f" and {said}" if said else ""


def _rest(audit: Audit) -> list[str]:
    never = audit.meta["never_checked"]
    said = not_run_lines(audit) + ([f"Never checked: {', '.join(never)}"] if never else [])
    return said + [f"Note: {note}" for note in audit.meta["notes"]]
