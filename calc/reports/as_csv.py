"""csv: money as text with two decimals, `true`/`false`, ISO dates, blank for null.

A spreadsheet reads text that begins with `engine.FORMULA` as a formula; such cells get an
apostrophe in front, which it shows as text. Numbers and money stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine

_FORMULA = f"^{engine.FORMULA}"
NUMBER = r"^[+-]\d+([.,]\d+)*$"  # of a log's own cells


def safe(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Text that no spreadsheet takes for a formula, in headings too."""
    names = frame.columns
    return engine.headed(
        _safe_cells(engine.headed(frame, [*engine.places(names).values()])), _headings(names)
    )


def _headings(names: Sequence[str]) -> list[str]:
    return [f"'{name}" if re.match(_FORMULA, name) else name for name in names]


def _safe_cells(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    for name, kind in frame.collect_schema().items():
        frame = _quoted(frame, name) if kind == nw.String else frame
    return frame


def _quoted(frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
    text = nw.col(name)

    def quoted(few: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        risky = text.str.contains(_FORMULA) & ~text.str.contains(NUMBER)
        both = nw.concat_str(nw.lit("'"), text)
        return few.with_columns(nw.when(risky).then(both).otherwise(text).alias(name))

    odd = text.str.contains(_FORMULA).fill_null(False)
    return engine.amended(frame, odd, (name,), quoted, {name: (text, str)})


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    written: str = _printed(frame, money).write_csv(None)
    return written


def write(frame: nw.DataFrame[Any], money: tuple[str, ...], path: str) -> None:
    engine.write_csv(_printed(frame, money), path)


def _printed(frame: nw.DataFrame[Any], money: tuple[str, ...]) -> nw.DataFrame[Any]:
    plain = [*engine.places(frame.columns).values()]
    lines = engine.headed(frame.lazy(), plain)
    words = [name for name, kind in lines.collect_schema().items() if kind == nw.String]
    blank = {name: nw.when(nw.col(name) != "").then(nw.col(name)) for name in words}
    lines = _safe_cells(lines.with_columns(**blank) if blank else lines)
    # A negative amount is a number and no formula.
    amounts = [own for own, name in zip(plain, frame.columns, strict=True) if name in money]
    lines = engine.decimals(lines, amounts)
    return engine.collect(engine.headed(lines, _headings(frame.columns)))
