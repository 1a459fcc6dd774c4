"""Cells of a log as expressions: any column as text, digits as exact integers, small joins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine

MAX_DIGITS = 7  # of minutes, units and charges: keeps every sum exact on every engine


def text_of(schema: Mapping[str, Any], name: str) -> nw.Expr:
    """A column of any type as stripped text, blank for null."""
    kind = schema[name]
    column = nw.col(name)
    if isinstance(kind, nw.Datetime):
        zoned = getattr(kind, "time_zone", None) is not None
        column = column.dt.to_string("%Y-%m-%dT%H:%M:%S" + ("%z" if zoned else ""))
    elif isinstance(kind, nw.Date):
        column = column.dt.to_string("%Y-%m-%d")
    elif kind != nw.String:
        if kind.is_float():
            # A float is the nearest to what was meant; past the millisecond it is noise.
            column = nw.when(~column.is_nan()).then(column.round(3))
        column = column.cast(nw.String).str.replace_all(r"\.0$", "")
    return column.fill_null("").str.strip_chars()


def number(text: str, places: int) -> nw.Expr:
    """Digits with at most ``places`` decimals as an exact integer of 10**-places; else null."""
    column = nw.col(text).str.replace_all(r"\.0*$", "")
    result = nw.lit(None, dtype=nw.Int64)
    digits = column.str.replace_all(r"\.", "")
    for decimals in range(places, -1, -1):
        fraction = rf"\.\d{{{decimals}}}" if decimals else ""
        fits = column.str.contains(rf"^\d{{1,{MAX_DIGITS}}}{fraction}$")
        # A cast of text that does not fit would fail, so it casts a "0" there.
        safe = nw.when(fits).then(digits).otherwise(nw.lit("0")).cast(nw.Int64)
        result = nw.when(fits).then(safe * 10 ** (places - decimals)).otherwise(result)
    return result


def joined(
    frame: nw.LazyFrame[Any], key: str, columns: engine.Columns, types: Mapping[str, type]
) -> nw.LazyFrame[Any]:
    return frame.join(engine.beside(frame, columns, types), on=key, how="left")
