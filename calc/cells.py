"""Cells of a log: any column as text, digits as exact integers, and facts about distinct values.

Most columns of a log hold few distinct texts. What a text means is found out once for each of
them, however many rows hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine

# What a spreadsheet shows where a formula fails.
CELL_ERRORS = (
    "#N/A",
    "#VALUE!",
    "#REF!",
    "#DIV/0!",
    "#NAME?",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
)
MAX_DIGITS = 7  # of minutes, units and charges: keeps every sum exact on every engine


_MEANT = 3  # decimals that somebody meant
_EXACT, _SINGLE = 9, 5  # decimals of a float, and of one of 32 bits, behind which all is noise


def float_text(value: float) -> str:
    """A float as the text that a file would hold, without noise; see `text_of`.

    >>> [float_text(value) for value in (8.0, 0.1 + 0.2, 7.999833, 25 + 1 / 3)]
    ['8', '0.3', '7.999833', '25.333333333333332']
    """
    rough = round(value, _MEANT)
    return str(rough if round(value, _EXACT) == rough else value).removesuffix(".0")


def text_of(schema: Mapping[str, Any], name: str) -> nw.Expr:
    """A column of any type as stripped text, blank for null."""
    kind = schema[name]
    column = nw.col(name)
    if isinstance(kind, nw.Datetime):
        zoned = getattr(kind, "time_zone", None) is not None
        stamp = column.dt.to_string("%Y-%m-%dT%H:%M:%S")
        part = column.dt.millisecond().cast(nw.String).str.zfill(3)
        offset = column.dt.to_string("%z") if zoned else nw.lit("")
        whole = nw.concat_str([stamp, offset])
        exact = nw.concat_str([stamp, nw.lit("."), part, offset])
        column = nw.when(column.dt.millisecond() == 0).then(whole).otherwise(exact)
    elif isinstance(kind, nw.Time):
        # As text some engines leave out what is less than a second.
        whole, part = column.cast(nw.String).str.slice(0, 8), column.dt.millisecond()
        exact = nw.concat_str([whole, nw.lit("."), part.cast(nw.String).str.zfill(3)])
        column = nw.when(part == 0).then(whole).otherwise(exact)
    elif isinstance(kind, nw.Date):
        column = column.dt.to_string("%Y-%m-%d")
    elif isinstance(kind, nw.Enum | nw.Categorical):
        column = column.cast(nw.String)
    elif kind != nw.String:
        if kind.is_float():
            # A float is the nearest to what was meant: see `float_text`.
            rough = column.round(_MEANT)
            noise = column.round(_EXACT if kind == nw.Float64 else _SINGLE) == rough
            column = nw.when(noise).then(rough).otherwise(column)
            column = nw.when(~nw.col(name).is_nan()).then(column)
        column = column.cast(nw.String)
        if kind.is_decimal():
            # Of the column's kind, not of the number: 97110.000 is a code, and 1.060 no thousand.
            short = column.str.replace_all("0+$", "").str.replace_all(r"\.$", "")
            column = nw.when(column.str.contains(".", literal=True)).then(short).otherwise(column)
        column = column.str.replace_all(r"\.0$", "")
    return column.fill_null("").str.strip_chars()


def number(text: str, places: int) -> nw.Expr:
    """Digits with at most ``places`` decimals as an exact integer of 10**-places; else null."""
    column = nw.col(text).str.replace_all(r"(\.[0-9]*?)0+$", "${1}").str.replace_all(r"\.$", "")
    result = nw.lit(None, dtype=nw.Int64)
    digits = column.str.replace_all(r"\.", "")
    for decimals in range(places, -1, -1):
        fraction = rf"\.[0-9]{{{decimals}}}" if decimals else ""
        # Digits of other scripts, which `\d` means too, are no number to an engine.
        fits = column.str.contains(rf"^[0-9]{{1,{MAX_DIGITS}}}{fraction}$")
        # A cast of text that does not fit would fail, so it casts a "0" there.
        safe = nw.when(fits).then(digits).otherwise(nw.lit("0")).cast(nw.Int64)
        result = nw.when(fits).then(safe * 10 ** (places - decimals)).otherwise(result)
    return result


Facts = Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]

# Blanks that programs write and people do not see (before AM and PM, for one), and marks of none.
_BLANKS = r"[\u00a0\u2000-\u200a\u202f\u3000\t\r\n]"
_MARKS = r"[\u200b-\u200f\u2060\ufeff]"
_EXCEL_TEXT = r'^="(.*)"$'  # how a spreadsheet is told to leave digits alone
_NO_FORMULA = rf"^'({engine.FORMULA})"  # and that a text is no formula, as our own csv says it


def by_values(
    frame: nw.LazyFrame[Any],
    wanted: Sequence[tuple[str, Facts]],
    blank: Sequence[nw.LazyFrame[Any]] = (),
    dense: Mapping[str, Iterable[str] | None] | None = None,
) -> tuple[nw.LazyFrame[Any], dict[str, Any]]:
    """Add the columns that each of ``wanted`` makes of a column's distinct values.

    Facts see a Polars table with the column ``text`` and add to it, row by row. ``blank`` are
    tables `of_blank`, for columns that are not there. ``dense`` are text columns that an engine
    may number, see `engine.dense`. Also returned: what proved to be the same for all rows.
    """
    if engine.is_planned(frame):
        # What is in the cells must not make the columns' kinds: the plan is for all that come.
        known = {name: held for name, held in (dense or {}).items() if held is not None}
        frame = engine.dense(_row_by_row(frame, wanted), known)
        return engine.alike(frame, blank, known), _constants(blank)
    if engine.is_eager(frame):
        each = [(column, partial(_table, facts)) for column, facts in wanted]
        frame, same = engine.of_each_value(frame, each, dense or {})
        return engine.alike(frame, blank, dense or {}), _constants(blank) | same
    frame, found = _joined(frame, wanted) if wanted else (frame, [])
    literals: dict[str, nw.Expr] = {}
    for table in [*blank, *found]:
        schema = table.collect_schema()
        same = engine.constants(table)
        literals |= {name: nw.lit(value, dtype=schema[name]) for name, value in same.items()}
    frame = frame.with_columns(**literals) if literals else frame
    return frame, _constants([*blank, *found])


def _constants(tables: Sequence[nw.LazyFrame[Any]]) -> dict[str, Any]:
    return {name: value for table in tables for name, value in engine.constants(table).items()}


@dataclass(frozen=True)
class Known:
    """Facts that say beforehand what they make of a blank cell, so that nobody need work it out."""

    facts: Facts
    types: Mapping[str, type]
    blank: Sequence[Any]  # in the order of ``types``

    def __call__(self, values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return self.facts(values)


def of_blank(facts: Facts) -> nw.LazyFrame[Any]:
    """What facts make of a blank cell."""
    if isinstance(facts, Known):
        columns = {name: [value] for name, value in zip(facts.types, facts.blank, strict=True)}
        return engine.table(columns, facts.types)
    return worked_out(facts)


def worked_out(facts: Facts) -> nw.LazyFrame[Any]:
    """The same, worked out as for any other text."""
    return _worked_out(facts, engine.table({"value": [""]}, {"value": str}))


def _table(facts: Facts, values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    if isinstance(facts, Known) and engine.constants(values).get("value") == "":
        return of_blank(facts)
    return _worked_out(facts, values)


def _worked_out(facts: Facts, values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return engine.settled(
        facts(values.select(text=clean(values.collect_schema(), "value"))).drop("text")
    )


def clean(schema: Mapping[str, Any], name: str) -> nw.Expr:
    """A column of cells as the text that facts see, and so a key as it is in SESSION rows."""
    clean = text_of(schema, name).str.replace_all(_MARKS, "")
    # Before blanks, of which a tab is one.
    clean = clean.str.replace_all(_NO_FORMULA, "${1}").str.replace_all(_BLANKS, " ")
    return clean.str.replace_all(_EXCEL_TEXT, "${1}").str.strip_chars()


def _row_by_row(frame: nw.LazyFrame[Any], wanted: Sequence[tuple[str, Facts]]) -> nw.LazyFrame[Any]:
    """Facts about each row's own text, where there are too few rows to look for distinct ones."""
    for column, facts in wanted:
        outer = {"text": "outer text"} if "text" in frame.columns else {}
        frame = frame.rename(outer)
        frame = frame.with_columns(text=clean(frame.collect_schema(), outer.get(column, column)))
        frame = facts(frame).drop("text").rename({new: old for old, new in outer.items()})
    return frame


def _varying(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return table.drop(*engine.constants(table))


def _joined(
    frame: nw.LazyFrame[Any], wanted: Sequence[tuple[str, Facts]]
) -> tuple[nw.LazyFrame[Any], list[nw.LazyFrame[Any]]]:
    schema = frame.collect_schema()
    distinct = dict.fromkeys(column for column, _ in wanted)
    keys = {column: f"text_of_{place}" for place, column in enumerate(distinct)}
    frame = frame.with_columns(**{key: text_of(schema, column) for column, key in keys.items()})
    texts = engine.distinct_each(frame, list(keys.values()))
    tables = []
    for column, facts in wanted:
        key = keys[column]
        values = engine.table({"value": texts[key]}, {"value": str})
        tables.append(_table(facts, values))
        columns, types = engine.rows_of(_varying(tables[-1]))
        if types:
            columns, types = {key: texts[key], **columns}, {key: str, **types}
            frame = frame.join(engine.beside(frame, columns, types), on=key, how="left")
    return frame.drop(*keys.values()), tables


def read_all(
    values: nw.LazyFrame[Any],
    read: Callable[[list[str]], Sequence[Sequence[Any]]],
    types: Mapping[str, type],
) -> nw.LazyFrame[Any]:
    """Add to a table of facts what ``read`` makes of all its texts, a row for each."""
    return engine.told(values, "text", read, types)


def read_each(
    values: nw.LazyFrame[Any], read: Callable[[str], Sequence[Any]], types: Mapping[str, type]
) -> nw.LazyFrame[Any]:
    """Add to a table of facts what ``read`` makes of each text, once for each."""
    return read_all(values, lambda texts: list(map(read, texts)), types)
