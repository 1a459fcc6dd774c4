"""xlsx: a frozen heading, money as dollars with two decimals, dates as dates, text as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.errors import InputError


def write(
    frame: nw.DataFrame[Any], money: tuple[str, ...], path: str, notes: Sequence[str] = ()
) -> int:
    """``frame`` as a workbook; columns of ``money`` hold cents. Gives how many cells were cut.

    ``notes`` stand on a second sheet, behind the lines that other programs look for on the first.
    """
    if len(frame) > engine.SHEET_ROWS:
        what = f"{len(frame):,} lines are more than a sheet holds ({engine.SHEET_ROWS:,})"
        raise InputError(what, hint="write csv or parquet")
    cents = [name for name in money if name in frame.columns]
    lines = engine.collect(engine.decimals(frame.lazy(), cents))
    sheets: dict[str, engine.Sheet] = {"lines": (lines.columns, lines.iter_rows())}
    if notes:
        sheets["notes"] = ["note"], ([note] for note in notes)
    return engine.write_workbook(path, sheets)
