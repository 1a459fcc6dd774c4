"""Parquet of findings: the columns of csv and those of json, dollars as exact decimals."""

from __future__ import annotations

from calc import engine
from calc.reports.findings import MORE, Audit, Rules, printed


def write(audit: Audit, rules: Rules, path: str) -> None:
    engine.write_parquet(printed(audit.findings, rules, *MORE), ("dollars",), path)
