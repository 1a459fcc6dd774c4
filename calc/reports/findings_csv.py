"""csv of findings: the columns of `findings.COLUMNS`, written as every csv of the program."""

from __future__ import annotations

from calc.reports import as_csv, findings
from calc.reports.findings import Audit, Rules


def text(audit: Audit, rules: Rules, limit: int) -> str:
    return as_csv.text(findings.printed(audit.findings, rules), "csv", ("dollars",), 0)
