"""json of an audit: findings, rules not run and meta; `--baseline` reads it again."""

from __future__ import annotations

import json

from calc.reports import as_json, findings
from calc.reports.findings import MORE, Audit, Rules


def text(audit: Audit, rules: Rules, limit: int) -> str:
    frame = findings.printed(audit.findings, rules, *MORE)
    body = as_json.text(frame, "json", ("dollars",), 0).rstrip("\n")
    rest = {"not_run": audit.not_run, "meta": audit.meta}
    tail = json.dumps(rest, default=str, indent=1, ensure_ascii=False)
    return f'{{\n"findings": {body},\n{tail[2:]}\n'
