"""json: an array of objects, money and figures as numbers, ISO dates, null for nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    cents = [name for name in money if name in frame.columns]
    encoded = json.JSONEncoder(default=_number, ensure_ascii=False).encode

    def dollars(row: dict[str, Any]) -> dict[str, Any]:
        return row | {name: row[name] / 100 for name in cents if row[name] is not None}

    # Of many rows only the text is kept.
    body = ",\n".join(encoded(dollars(row)) for row in frame.iter_rows(named=True))
    return f"[\n{body}\n]\n" if body else "[]\n"


def estimate(lines: list[dict[str, Any]], totals: dict[str, Any]) -> str:
    """An estimate: `lines` as `bill`, and `totals`; dollars of exact decimals as numbers."""

    result = {"lines": lines, "totals": totals}
    return json.dumps(result, default=_number, indent=2, ensure_ascii=False) + "\n"


def _number(value: Any) -> Any:
    """An exact decimal as a number, a date as its text."""
    return float(value) if isinstance(value, Decimal) else str(value)
