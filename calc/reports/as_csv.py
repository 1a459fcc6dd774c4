"""csv: money as text with two decimals, `true`/`false`, ISO dates, blank for null.

A spreadsheet reads text that begins with one of FORMULA as a formula; such cells get an
apostrophe in front, which it shows as text. Numbers and money stay as they are.
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc.engine import dollar_text

FORMULA = r"^[=+\-@\t\r]"
NUMBER = r"^[+-]\d+([.,]\d+)*$"  # of a log's own cells


def safe(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Text that no spreadsheet takes for a formula, in headings too."""
    words = [name for name, kind in frame.collect_schema().items() if kind == nw.String]
    columns = {}
    for name in words:
        text = nw.col(name)
        quoted = nw.concat_str(nw.lit("'"), text)
        risky = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
        columns[name] = nw.when(risky).then(quoted).otherwise(text)
    frame = frame.with_columns(**columns) if columns else frame
    names = frame.columns
    headings = {name: f"'{name}" for name in names if name[:1] in "=+-@\t\r" and name}
    return frame.rename(headings) if headings else frame


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    words = [name for name, kind in frame.schema.items() if kind == nw.String]
    blank = {name: nw.when(nw.col(name) != "").then(nw.col(name)) for name in words}
    cents = [name for name in money if name in frame.columns]
    lines = frame.lazy().with_columns(**blank) if blank else frame.lazy()
    # Money becomes text only now: a negative amount is no formula.
    safe_names = dict(zip(frame.columns, safe(lines).columns, strict=True))
    lines = dollar_text(safe(lines), [safe_names[name] for name in cents])
    written: str = lines.collect().write_csv(None)
    return written
