"""json: an array of objects, money as numbers, ISO dates, null for nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw


def plain(rows: list[dict[str, Any]], money: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows whose money, in cents, has become a number of dollars."""
    return [
        {
            name: value / 100 if name in money and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    rows = plain(list(frame.iter_rows(named=True)), money)
    body = ",\n".join(json.dumps(row, default=str, ensure_ascii=False) for row in rows)
    return f"[\n{body}\n]\n" if rows else "[]\n"


def estimate(lines: list[dict[str, Any]], totals: dict[str, Any]) -> str:
    """An estimate: `lines` as `bill`, and `totals`; dollars of exact decimals as numbers."""

    def number(value: Any) -> Any:
        return float(value) if isinstance(value, Decimal) else str(value)

    result = {"lines": lines, "totals": totals}
    return json.dumps(result, default=number, indent=2, ensure_ascii=False) + "\n"
