"""csv: money as text with two decimals, `true`/`false`, ISO dates, blank for null."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc.engine import dollar_text


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    words = [name for name, kind in frame.schema.items() if kind == nw.String]
    blank = {name: nw.when(nw.col(name) != "").then(nw.col(name)) for name in words}
    cents = [name for name in money if name in frame.columns]
    lines = dollar_text(frame.lazy(), cents).with_columns(**blank)
    written: str = lines.collect().write_csv(None)
    return written
