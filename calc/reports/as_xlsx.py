"""xlsx: a frozen heading, money as dollars with two decimals, dates as dates, text as text."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc import engine


def write(frame: nw.DataFrame[Any], money: tuple[str, ...], path: str) -> None:
    """``frame`` as a workbook; columns of ``money`` hold cents."""
    engine.write_xlsx(frame, money, path)
