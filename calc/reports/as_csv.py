"""csv: money as text with two decimals, `true`/`false`, ISO dates, blank for null.

A spreadsheet reads text that begins with one of FORMULA as a formula; such cells get an
apostrophe in front, which it shows as text. Numbers and money stay as they are.
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc import engine

FORMULA = r"^[=+\-@\t\r]"
NUMBER = r"^[+-]\d+([.,]\d+)*$"  # of a log's own cells


def safe(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Text that no spreadsheet takes for a formula, in headings too."""
    words = [name for name, kind in frame.collect_schema().items() if kind == nw.String]
    for name in words:
        frame = _quoted(frame, name)
    names = frame.columns
    headings = {name: f"'{name}" for name in names if name[:1] in "=+-@\t\r" and name}
    return frame.rename(headings) if headings else frame


def _quoted(frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
    text = nw.col(name)

    def quoted(few: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        risky = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
        both = nw.concat_str(nw.lit("'"), text)
        return few.with_columns(nw.when(risky).then(both).otherwise(text).alias(name))

    odd = text.str.contains(FORMULA).fill_null(False)
    return engine.amended(frame, odd, (name,), quoted, {name: (text, str)})


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    written: str = _printed(frame, money).write_csv(None)
    return written


def write(frame: nw.DataFrame[Any], money: tuple[str, ...], path: str) -> None:
    engine.write_csv(_printed(frame, money), path)


def _printed(frame: nw.DataFrame[Any], money: tuple[str, ...]) -> nw.DataFrame[Any]:
    words = [name for name, kind in frame.schema.items() if kind == nw.String]
    blank = {name: nw.when(nw.col(name) != "").then(nw.col(name)) for name in words}
    lines = frame.lazy().with_columns(**blank) if blank else frame.lazy()
    shown = safe(lines)
    names = dict(zip(frame.columns, shown.columns, strict=True))
    # A negative amount is a number and no formula.
    return engine.collect(engine.decimals(shown, [names[n] for n in money if n in names]))
