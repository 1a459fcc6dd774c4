"""SARIF 2.1.0 of an audit (OASIS standard, sections 3.14 to 3.49), for code-scanning viewers.

Properties of a result carry what SARIF has no place for, and those of a location the row where
that is no line of a text. Rules that did not run are notifications; a waived finding is suppressed
with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any
from urllib.parse import quote

from calc.reports.findings import Audit, Row, Rules, in_dollars, not_run_said, page, title
from calc.schema import rows_in

VERSION = "2.1.0"
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"  # by which viewers know what it is
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PROPERTIES = ("patient", "clinician", "date", "code", "discipline", "found", "expected", "cents",
               "authority", "also")  # fmt: skip


def text(audit: Audit, rules: Rules, limit: int) -> str:
    rows = list(in_dollars(audit.findings, rules).iter_rows(named=True))
    fired = sorted({row["rule"] for row in rows} | set(rules))
    places = {code: place for place, code in enumerate(fired)}
    meta = audit.meta
    texts = {file["name"] for file in meta["files"] if file.get("by_line")}
    driver = {
        "name": meta["program"],
        "version": meta["version"],
        "rules": [_rule(code, rules) for code in fired],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(audit)],
        "artifacts": [_artifact(file) for file in meta["files"]],
        "columnKind": "unicodeCodePoints",
    }
    head = json.dumps(run, default=str, ensure_ascii=False).removesuffix("}")
    body = ",\n".join(
        json.dumps(_result(row, places, texts), default=str, ensure_ascii=False) for row in rows
    )
    # A result on a line of its own: quick to write, and two reports can be compared by line.
    known = f'"$schema": "{_SCHEMA}", "version": "{VERSION}"'
    return f'{{{known}, "runs": [\n{head},\n"results": [\n{body}\n]}}\n]}}\n'


def _rule(code: str, rules: Rules) -> dict[str, Any]:
    rule = rules.get(code)
    told: dict[str, Any] = {"id": code, "name": getattr(rule, "slug", None) or code}
    told["shortDescription"] = {"text": title(rules, code) or code}
    if words := page(rules, code):
        told["fullDescription"] = {"text": words}
    if severity := getattr(rule, "severity", None):
        told["defaultConfiguration"] = {"level": LEVELS[severity]}
    return told


def _invocation(audit: Audit) -> dict[str, Any]:
    said = [f"not run: {not_run_said(entry)}" for entry in audit.not_run]
    said += [f"never checked: {name}" for name in audit.meta["never_checked"]]
    said += audit.meta["notes"]
    notes = [{"level": "note", "message": {"text": words}} for words in said]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


def _uri(name: str) -> str:
    return quote(name.replace("\\", "/"))


def _artifact(file: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"location": {"uri": _uri(file["name"])}}
    if file.get("sha256"):
        told["hashes"] = {"sha-256": file["sha256"]}
    return told


def _location(file: str, row: int | None, texts: Container[str]) -> dict[str, Any]:
    """``texts``: files whose rows are their lines."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
    told: dict[str, Any] = {"physicalLocation": physical}
    if row is not None and file in texts:
        physical["region"] = {"startLine": row}
    elif row is not None:
        told["properties"] = {"row": row}
    return told


def _result(row: Row, places: dict[str, int], texts: Container[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ruleId": row["rule"],
        "ruleIndex": places[row["rule"]],
        "level": LEVELS[row["severity"]],
        "message": {"text": row["message"]},
        "partialFingerprints": {"finding/v1": row["fingerprint"]},
        "properties": {name: row[name] for name in _PROPERTIES if row[name] not in (None, "")},
    }
    if row["file"]:
        told["locations"] = [_location(row["file"], row["row"], texts)]
        others = rows_in(row["rows"], row["file"])
        if others:
            told["relatedLocations"] = [_location(file, at, texts) for file, at in others]
    if row["waived"]:
        told["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": row["waived"]}
        ]
    return told
