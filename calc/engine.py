"""Open, join small tables to, collect and write frames.

The only file that names an engine: Polars by default, DuckDB and PySpark when they are installed.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import itertools
import operator
import os
import re
import secrets
import shutil
import signal
import tempfile
import textwrap
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any, TypeVar

from calc import memory

os.environ.setdefault(memory.SETTINGS, memory.kept("always"))

import narwhals.stable.v2 as nw
import polars as pl

from calc.errors import InputError, spelled_out

_T = TypeVar("_T")
_R = TypeVar("_R")
Columns = dict[str, list[Any]]
Change = Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]

ROW = "row "  # the record number; the blank keeps it apart from any heading of a log
MAX_FIELD = 1_000_000  # bytes of one cell
# What begins a text that a spreadsheet reads as a formula: in csv an apostrophe stands before it.
FORMULA = "[=+\\-@\\t\\r\uff1d\uff0b\uff0d\uff20]"  # the last four are wide ones
ENGINES = ("polars", "duckdb", "spark")
_MISSING = {
    "duckdb": "pip install 'therapy-billing-calc[duckdb]'",
    "spark": "pip install 'therapy-billing-calc[spark]' (Spark also needs Java 17)",
}
_DUCKDB = 2  # the least version
_SPARK_MEMORY = "6g"  # of a local session, which holds the log itself
_POLARS: dict[type, Any] = {str: pl.String, int: pl.Int64, bool: pl.Boolean, date: pl.Date}
_SQL = {str: "varchar", int: "bigint", bool: "boolean", date: "date"}


def _frame(native: Any) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame


def _here(frame: nw.LazyFrame[Any]) -> pl.DataFrame:
    """The rows of a Polars frame.

    In memory: to begin streaming, as Polars otherwise does, takes ten times as long as few rows do.
    """
    rows: pl.DataFrame = nw.to_native(frame).collect(engine="in-memory")
    return rows


def table(columns: Columns, types: Mapping[str, type]) -> nw.LazyFrame[Any]:
    """A Polars table of Python values; ``types`` gives each column str, int, bool or date."""
    schema = {name: _POLARS[kind] for name, kind in types.items()}
    return _frame(pl.LazyFrame(columns, schema=schema))


def beside(
    frame: nw.LazyFrame[Any],
    columns: Columns,
    types: Mapping[str, type],
    alike: Mapping[str, str] | None = None,
) -> nw.LazyFrame[Any]:
    """A small table in the engine, and where it matters the connection, of ``frame``.

    ``alike``: columns of the table that are written as that column of ``frame`` is (see `dense`);
    columns of its own names always are.
    """
    native = nw.to_native(frame)
    kind = frame.implementation
    if kind.is_polars():
        return _alike(table(columns, types), frame, alike or {})
    if kind.is_duckdb():
        return _frame(_duckdb().sql(_values(columns, types)))
    if _is_spark(kind):
        return _frame(native.sparkSession.createDataFrame(_arrow(columns, types)))
    raise InputError(f"frames of {kind} are not supported", hint="give a Polars frame")


def _alike(
    small: nw.LazyFrame[Any], frame: nw.LazyFrame[Any], alike: Mapping[str, str]
) -> nw.LazyFrame[Any]:
    """Dense text where ``frame`` has any; rows whose key it cannot hold can match nothing."""
    kinds = nw.to_native(frame).collect_schema()
    return _numbered(small, kinds, alike)


def _numbered(
    small: nw.LazyFrame[Any], kinds: Mapping[str, Any], alike: Mapping[str, str]
) -> nw.LazyFrame[Any]:
    if not any(isinstance(kind, pl.Enum) for kind in kinds.values()):
        return small
    rows = _here(small)
    keys, casts = [], []
    for name in rows.columns:
        kind = kinds.get(alike.get(name, name))
        if isinstance(kind, pl.Enum):
            keys.append(name)
        elif rows[name].dtype == pl.String and kind is None:
            kind = pl.Enum(_categories(rows[name]))
        else:
            continue
        casts.append(pl.col(name).cast(kind, strict=False))
    return _frame(rows.with_columns(casts).drop_nulls(keys).lazy())


def _categories(texts: pl.Series) -> pl.Series:
    """The values of `dense` text: in order, and always with the blank."""
    return pl.Series([""], dtype=pl.String).append(texts).drop_nulls().unique().sort()


def looked_up(
    frame: nw.LazyFrame[Any],
    columns: Columns,
    types: Mapping[str, type],
    on: Sequence[str],
    alike: Mapping[str, str] | None = None,
) -> nw.LazyFrame[Any]:
    """Add to each row what a small table (see `beside`) says of its key ``on``; null for no row.

    The table holds each key once. Where every key is `dense`, a date or a whole number of a small
    range, the rows are found by counting instead of by a join.
    """
    if frame.implementation.is_polars():
        found = _found_by_place(frame, columns, types, on, alike or {})
        if found is not None:
            return found
    return frame.join(beside(frame, columns, types, alike), on=list(on), how="left")


def _found_by_place(
    frame: nw.LazyFrame[Any],
    columns: Columns,
    types: Mapping[str, type],
    on: Sequence[str],
    alike: Mapping[str, str],
) -> nw.LazyFrame[Any] | None:
    native = nw.to_native(frame)
    # Of the columns in question alone: to name a type with all its categories takes a while.
    asked = native.select(*on, *(name for name in alike.values() if name not in on))
    kinds = dict(asked.collect_schema())
    if not any(isinstance(kinds[name], pl.Enum) or kinds[name].is_temporal() for name in on):
        return None
    small = _numbered(table(columns, types), kinds, alike)
    return _gathered(frame, _here(small), kinds, on)


def _gathered(
    frame: nw.LazyFrame[Any], rows: pl.DataFrame, kinds: Mapping[str, Any], on: Sequence[str]
) -> nw.LazyFrame[Any] | None:
    """Add to each row of ``frame`` the row with its key; None where a join is better."""
    at: pl.Expr | None = None
    places, of_row = 1, _alone(0, pl.Int64, len(rows))
    for name in on:
        kind = kinds[name]
        if not (isinstance(kind, pl.Enum) or kind == pl.Date or kind.is_integer()):
            return None
        numbers = rows[name].to_physical().cast(pl.Int64)
        if numbers.has_nulls():
            return None
        low, size = (0, len(kind.categories)) if isinstance(kind, pl.Enum) else _span(numbers)
        number = pl.col(name).to_physical().cast(pl.Int64) - low
        if not isinstance(kind, pl.Enum):
            number = pl.when((number >= 0) & (number < size)).then(number)
        if len(on) > 1 and numbers.n_unique() * _GAPS < size <= _PLACES:
            # Of many numbers few occur: those are numbered themselves.
            values = numbers.unique().sort()
            rank = _alone(None, pl.Int64, size)
            rank = rank.scatter(values - low, range(len(values)))
            number, numbers = (
                _at_each(number.cast(pl.UInt32), rank),
                rank.gather(numbers - low),
            )
            low, size = 0, len(values)
        at = number if at is None else at * size + number
        of_row = of_row * size + (numbers - low)
        places *= size
        if places > _PLACES:
            return None
    if at is None or of_row.n_unique() < len(rows):
        return None
    row_of = _alone(None, pl.UInt32, places)
    row_of = row_of.scatter(of_row, range(len(rows)))
    facts, at = rows.select(pl.exclude(*on)), at.cast(pl.UInt32, wrap_numerical=True)
    if places > _FEW_PLACES:
        at = _at_each(at, row_of)
    else:
        facts = facts.select(pl.all().gather(pl.lit(row_of)))
    found = nw.to_native(frame).with_columns(at.alias(_AT))
    found = found.with_columns(_at_each(pl.col(_AT), c).alias(c.name) for c in facts)
    return _frame(found.drop(_AT))


def _span(numbers: pl.Series) -> tuple[int, int]:
    """The least of whole numbers, and how many lie from it to the greatest; of none (0, 1)."""
    low: Any = numbers.min() or 0
    high: Any = numbers.max() or 0
    return int(low), int(high) - int(low) + 1


_PLACES = 1 << 21  # of a table of keys: more are better joined
_GAPS = 4  # times as many numbers as values: the values are better numbered anew
_FEW_PLACES = 1 << 12  # every fact of so many is soon written out
_AT = "at "


def _arrow(columns: Columns, types: Mapping[str, type]) -> Any:
    return _here(table(columns, types)).to_arrow()


def _values(columns: Columns, types: Mapping[str, type]) -> str:
    """The table as a query over literals: a caller's relation joins nothing of another database."""
    rows = list(zip(*(columns[name] for name in types), strict=True))
    # A first row of typed nulls gives every column its type even where all values are null.
    typed = ", ".join(f"cast(null as {_SQL[kind]})" for kind in types.values())
    body = ", ".join([f"({typed})", *("(" + ", ".join(map(_literal, row)) + ")" for row in rows)])
    quoted = list(map(_quoted, types))
    names = ", ".join(quoted)
    where = " or ".join(f"{name} is not null" for name in quoted)
    return f"select * from (values {body}) as small({names}) where {where}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


Naming = Callable[[list[str]], list[str]]


def is_frame(source: Any) -> bool:
    """Whether `lazy` can take it."""
    try:
        wrapped = nw.from_native(source, pass_through=True)
    except ValueError:  # of a frame whose columns are named alike
        return True
    return isinstance(wrapped, nw.DataFrame | nw.LazyFrame)


def lazy(frame: Any, named: Naming = list) -> nw.LazyFrame[Any]:
    """Any frame of a caller as a lazy one; eager pandas and PyArrow frames become Polars.

    ``named`` gives all columns their names where one is blank or stands twice. The rows of a
    DuckDB relation are read once, so that the caller's database is left alone.
    """
    wrapped = _given(frame, named)
    if isinstance(wrapped, nw.DataFrame):
        return _frame(_callers(_eager(wrapped).lazy()))
    if wrapped.implementation.is_polars():
        return _frame(_callers(wrapped.to_native()))
    if wrapped.implementation.is_duckdb():
        rows = _given(wrapped.to_native().to_arrow_table(), named).to_native()
        return _frame(_in_arrow(_in_its_zone(rows).from_arrow(rows)))
    return _frame(wrapped.to_native())


def _in_its_zone(rows: Any) -> Any:
    """The connection, which writes stamps with a zone as the caller's does, not the machine."""
    zones = {kind.tz for kind in rows.schema.types if getattr(kind, "tz", None)}
    for zone in sorted(zones)[:1]:  # a caller's connection has one
        _duckdb().execute(f"set timezone = {_literal(zone)}")
    return _duckdb()


def _in_arrow(rows: Any) -> Any:
    """A relation without the kinds that Polars cannot take over from Arrow: they are text."""
    kinds = zip(rows.columns, map(str, rows.types), strict=True)
    odd = [_quoted(name) for name, kind in kinds if kind.startswith(("UNION", "INTERVAL"))]
    casts = ", ".join(f"cast({name} as varchar) as {name}" for name in odd)
    return rows.query("log", f"select * replace ({casts}) from log") if odd else rows


def _counted(names: list[str]) -> list[str]:
    return list(map(str, range(len(names))))


def _given(frame: Any, named: Naming = _counted) -> Any:
    """A caller's frame; ``named`` as for `lazy`."""
    frame = nw.to_native(frame, pass_through=True)
    rename: Callable[[list[str]], Any]
    if nw.dependencies.is_pandas_dataframe(frame):
        names, rename = list(map(str, frame.columns)), lambda new: frame.set_axis(new, axis=1)
        for name in map(spelled_out, names):
            if name not in names:
                raise InputError(f'heading "{name}" is no text', hint="rename it")
    elif nw.dependencies.is_pyarrow_table(frame):
        names, rename = frame.column_names, frame.rename_columns
    elif isinstance(frame, pl.DataFrame | pl.LazyFrame):
        names = frame.collect_schema().names()
        rename = lambda new: frame.rename(dict(zip(names, new, strict=True)))  # noqa: E731
    elif hasattr(frame, "toDF"):  # Spark's
        names, rename = frame.columns, lambda new: frame.toDF(*new)
    else:
        return nw.from_native(frame)
    apart = "" not in names and len({*names}) == len(names)
    return nw.from_native(frame if apart else rename(named(names)))


def _callers(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Columns of a caller; a record that is rejected comes back as it was, if it can."""
    return _cells(frame, "", odd=(pl.Binary, pl.Duration))


# What libraries raise where they have no place for a value; Arrow's show a cell, maybe a name.
_UNFIT = (TypeError, ValueError, ArithmeticError, NotImplementedError, pl.exceptions.PolarsError)


def _eager(frame: nw.DataFrame[Any]) -> pl.DataFrame:
    """A caller's rows; a column of no kind that Polars has, such as numbers beside texts, is text.

    InputError that names a column which is none either.
    """
    if frame.implementation.is_polars():
        return frame.to_polars()
    plain = _told_plainly(frame) if frame.implementation.is_pandas() else frame
    with _hushed():
        whole = _polars(plain)
        if whole is not None:
            return whole
        columns = {name: _polars(plain.select(nw.nth(n))) for n, name in enumerate(plain.columns)}
    parts = [
        _texts_only(plain, n, name) if column is None else column
        for n, (name, column) in enumerate(columns.items())
    ]
    return pl.concat(parts, how="horizontal")


def _polars(frame: nw.DataFrame[Any]) -> pl.DataFrame | None:
    """The rows, None where Polars has no kind for a column."""
    unfit: tuple[type[BaseException], ...] = (*_UNFIT, *_panics())
    try:
        return frame.to_polars()
    except unfit:
        return None


def _texts_only(frame: nw.DataFrame[Any], place: int, name: str) -> pl.DataFrame:
    """One column as text."""
    said = f'column "{spelled_out(name)}" holds'
    native = frame.to_native()
    try:
        if frame.implementation.is_pandas():
            texts = _cell_texts(native.iloc[:, place])
        else:
            texts = native.column(place).cast("string").to_pylist()
    except _UNFIT:
        hint = "write it as text"
        raise InputError(f"{said} values that are no cells of a log", hint=hint) from None
    for row, text in enumerate(texts, 1):
        if text and spelled_out(text) != text:
            what = f"{said} a character that is no text, first in row {row}"
            raise InputError(what, hint="take it out")
    return pl.DataFrame({name: pl.Series(texts, dtype=pl.String)})


def _told_plainly(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """A pandas frame without the kinds of its own: sparse columns are filled, periods are text."""
    rows = frame.to_native()
    kinds = {name: str(kind) for name, kind in rows.dtypes.items()}
    filled = {name: rows[name].sparse.to_dense() for name, kind in kinds.items()
              if kind.startswith("Sparse")}  # fmt: skip
    texts = {name: _cell_texts(rows[name]) for name, kind in kinds.items()
             if kind.startswith(("period", "interval", "complex"))}  # fmt: skip
    if not filled and not texts:
        return frame
    plain: nw.DataFrame[Any] = nw.from_native(rows.assign(**filled, **texts), eager_only=True)
    return plain


def _cell_texts(column: Any) -> list[str | None]:
    return [
        None if gone else _cell_text(value)
        for value, gone in zip(column, column.isna(), strict=True)
    ]


def _cell_text(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def places(names: Iterable[str]) -> dict[str, str]:
    """By its heading a column's name that no engine takes for anything else; see `headed`."""
    return {name: f"in {number}" for number, name in enumerate(names)}


def headed(frame: nw.LazyFrame[Any], names: Sequence[str]) -> nw.LazyFrame[Any]:
    """The columns under these names, by place: a heading may be * to an engine."""
    native = nw.to_native(frame)
    if frame.implementation.is_polars():
        return frame.rename(dict(zip(frame.columns, names, strict=True)))
    if frame.implementation.is_duckdb():
        new = ", ".join(map(_quoted, names))
        return _frame(native.query("log", f"select * from log as log({new})"))
    return _frame(native.toDF(*names))


def without(frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
    """All columns but one, whatever the others are called."""
    if not frame.implementation.is_duckdb():
        return frame.drop(name)
    return _frame(nw.to_native(frame).query("log", f"select * exclude ({_quoted(name)}) from log"))


_RECORDS = (nw.Struct, nw.List, nw.Array)


def records_as_text(
    frame: nw.LazyFrame[Any], meant: Collection[str], where: str
) -> nw.LazyFrame[Any]:
    """Records in a cell as their JSON text; InputError where they are in a column of ``meant``."""
    kinds = frame.collect_schema()
    nested = [name for name, kind in kinds.items() if isinstance(kind, _RECORDS)]
    if refused := [name for name in nested if name in meant]:
        raise InputError(f'column "{refused[0]}" holds lists or records', where, "write it as text")
    if not nested or not frame.implementation.is_polars():
        return frame
    texts = [
        pl.when(_own(name).is_not_null()).then(_own(name).struct.json_encode()).alias(name)
        for name in nested
    ]
    return _frame(nw.to_native(frame).with_columns(texts))


def like(lines: nw.LazyFrame[Any], caller: Any) -> Any:
    """``lines`` as the kind of frame that the caller gave."""
    given = _given(caller)
    if given.implementation.is_duckdb():
        return _related(nw.to_native(lines).to_arrow_table(), caller)
    if isinstance(given, nw.LazyFrame):
        return nw.to_native(lines)
    done = collect(lines)
    if given.implementation.is_pandas():
        return done.to_pandas()
    if given.implementation.is_pyarrow():
        return done.to_arrow()
    return done.to_native()


def given_back(rows: nw.DataFrame[Any], caller: Any, money: Sequence[str]) -> Any:
    """Collected ``rows`` as the kind of frame that the caller gave; ``money``: cents to dollars."""
    done = nw.to_native(decimals(rows.lazy(), money))
    given = _given(caller)
    kind = given.implementation
    if kind.is_polars():
        return done if isinstance(given, nw.LazyFrame) else done.collect()
    arrow = done.collect().to_arrow()
    if kind.is_pandas():
        return done.collect().to_pandas()
    if kind.is_duckdb():
        return _related(arrow, caller)
    if _is_spark(kind):
        return nw.to_native(given).sparkSession.createDataFrame(arrow)
    return arrow


def _related(rows_of_calc: Any, caller: Any) -> Any:
    """An Arrow table as a relation of the caller's connection, which finds it by this name."""
    return caller.query("calc_caller", "select * from rows_of_calc")


@lru_cache(maxsize=1)
def _duckdb() -> Any:
    """The connection of every relation here: only those of one can meet."""
    try:
        import duckdb
    except ImportError:
        raise InputError("duckdb is not installed", hint=_MISSING["duckdb"]) from None
    # An earlier one leaves the query's name in the caller's database, as a view.
    if int(duckdb.__version__.partition(".")[0]) < _DUCKDB:
        what = f"duckdb {duckdb.__version__} is too old, {_DUCKDB}.0 or later is needed"
        raise InputError(what, hint=_MISSING["duckdb"])
    _require_arrow("duckdb")
    return duckdb.connect()


def _require_arrow(engine: str) -> None:
    """InputError without PyArrow, by which rows are handed over to another engine."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        what = f"{engine} needs pyarrow, which is not installed"
        raise InputError(what, hint=_MISSING[engine]) from None


def collect(frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """The rows, as a Polars frame."""
    if frame.implementation.is_polars():
        rows = _here(frame)
    else:
        rows = pl.DataFrame(frame.collect("pyarrow").to_native())
    done: nw.DataFrame[Any] = nw.from_native(rows)
    return done


def added_up(frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Few groups of many rows, as `collect` gives them: a stream has them in half the time."""
    if not frame.implementation.is_polars():
        return collect(frame)
    done: nw.DataFrame[Any] = nw.from_native(nw.to_native(frame).collect(engine="streaming"))
    return done


def settled(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The same rows computed once, where the engine would compute them again for each use."""
    if frame.implementation.is_polars():
        return collect(frame).lazy()
    if frame.implementation.is_duckdb():
        # Arrow's rows: those that DuckDB keeps itself are copied by its planner for every use.
        return _frame(_duckdb().from_arrow(nw.to_native(frame).to_arrow_table()))
    # A cached frame keeps the plan that led to it: an audit's many steps would fill the heap.
    return _frame(nw.to_native(frame).localCheckpoint())


def flagged(
    tables: Mapping[str, nw.LazyFrame[Any]], flags: Mapping[str, Mapping[str, nw.Expr]]
) -> dict[str, tuple[nw.LazyFrame[Any], set[str], list[str]]]:
    """Of each table the rows where one of its ``flags`` holds, and the flags that hold anywhere.

    The rows are in this process, as findings are. Also given: the table's columns, which a frame
    of dense text takes a while to name.
    """
    asked = {
        name: {mark: flag.fill_null(False) for mark, flag in flags[name].items()} for name in tables
    }
    here = {name: nw.to_native(_brought(tables[name], asked[name].values())) for name in tables}
    # All at once: the tables have much in common, and small ones run beside the others.
    whole = _collected(list(here.values()))
    marks = _collected(
        [
            nw.to_native(_frame(rows.lazy()).select(**each))
            for rows, each in zip(whole, asked.values(), strict=True)
        ]
    )
    found = {}
    for name, rows, marked in zip(here, whole, marks, strict=True):
        holding = [mark for mark in marked.get_columns() if mark.any()]
        # Of a wide table few rows: a filter would go through every column.
        few = rows[_places_of(reduce(operator.or_, holding))] if holding else rows.clear()
        found[name] = _frame(few.lazy()), {mark.name for mark in holding}, few.columns
    return found


def _brought(table: nw.LazyFrame[Any], flags: Iterable[nw.Expr]) -> nw.LazyFrame[Any]:
    """The rows of a SQL engine for which any flag holds; a table that is in this process."""
    if is_eager(table):
        return table
    return collect(table.filter(nw.any_horizontal(*flags, ignore_nulls=True))).lazy()


def _collected(plans: list[pl.LazyFrame]) -> list[pl.DataFrame]:
    """The rows of all plans, computed at the same time."""
    return pl.collect_all(plans, engine="in-memory")


def distinct(frame: nw.LazyFrame[Any], *names: str) -> list[Any]:
    """The distinct values of the named columns together, nulls left out, sorted."""
    columns = [frame.select(value=nw.col(name)) for name in names]
    values = collect(nw.concat(columns).unique())["value"].drop_nulls().to_list()
    return sorted(values)


def distinct_each(frame: nw.LazyFrame[Any], names: Sequence[str]) -> dict[str, list[str]]:
    """The distinct values of each text column, found in one go."""
    columns = [frame.select(name=nw.lit(name), value=nw.col(name)) for name in names]
    rows = collect(nw.concat(columns, how="vertical").unique())
    found: dict[str, list[str]] = {name: [] for name in names}
    for row in rows.sort("name", "value").iter_rows(named=True):
        found[row["name"]].append(row["value"])
    return found


def some_of(frame: nw.LazyFrame[Any], which: nw.Expr) -> nw.LazyFrame[Any]:
    """The rows for which ``which`` holds; the very frame where all do, if that is cheap to see."""
    if _in_bulk(frame):
        kept = collect(frame.select(which.alias(_ANSWER)))[_ANSWER]
        return frame if kept.all() else settled(frame.filter(which))
    return frame.filter(which)


def is_empty(frame: nw.LazyFrame[Any]) -> bool:
    """Whether there surely are no rows; an engine to which the look is a query says no."""
    return is_eager(frame) and not count(frame)


def is_eager(frame: nw.LazyFrame[Any]) -> bool:
    """Whether the rows are in this process (Polars), so that looking at them costs little."""
    return bool(frame.implementation.is_polars())


def is_in_order(frame: nw.LazyFrame[Any]) -> bool:
    """Whether the rows of a log stand in an order that their numbers tell; Spark keeps none."""
    return not _is_spark(frame.implementation)


def _is_spark(kind: nw.Implementation) -> bool:
    """Whether rows are Spark's, in its own process or behind a connection."""
    return kind.is_pyspark() or kind.is_pyspark_connect()


def of_each_value(
    frame: nw.LazyFrame[Any],
    wanted: Sequence[tuple[str, Change]],
    known: Mapping[str, Iterable[str] | None],
) -> tuple[nw.LazyFrame[Any], dict[str, Any]]:
    """Add to an eager frame what each of ``wanted`` makes of the distinct values of its column.

    It sees them as a table with the column ``value``, texts without null, and gives one with as
    many rows, or one row for all. Also returned: `constants` of these tables. Numbers are cheap to
    follow: a fact about a value is found for a million rows in the time that one look at their
    texts takes. Text columns named in ``known`` come out as `dense` would make them.
    """
    rows = _here(frame)

    def found(one: tuple[str, Change]) -> tuple[list[Any], dict[str, Any]]:
        column, change = one
        at, values = _coded(rows[column])
        return _spread(change(_frame(values.to_frame().lazy())), at, known)

    done = _side_by_side(found, wanted, len(rows))
    columns = [column for columns, _ in done for column in columns]
    same = {name: value for _, constants in done for name, value in constants.items()}
    return _frame(rows.with_columns(columns).lazy()), same


def alike(
    frame: nw.LazyFrame[Any],
    tables: Sequence[nw.LazyFrame[Any]],
    known: Mapping[str, Iterable[str] | None],
) -> nw.LazyFrame[Any]:
    """Add to every row of an eager frame what small tables of one row say; see `of_each_value`."""
    columns = [column for table in tables for column in _spread(table, None, known)[0]]
    return _frame(nw.to_native(frame).with_columns(columns))


def _side_by_side(work: Callable[[_T], _R], jobs: Sequence[_T], rows: int) -> list[_R]:
    """What ``work`` makes of each job, in order; at the same time where there are enough rows.

    In Polars' own threads: others would hand every step to these and sleep till it is done.
    Raises what the first job that fails raises.
    """
    if rows <= _FEW_ROWS or len(jobs) < 2:
        return list(map(work, jobs))
    done: dict[int, _R] = {}
    failed: dict[int, BaseException] = {}

    def job(place: int) -> pl.LazyFrame:
        def run(nothing: pl.DataFrame) -> pl.DataFrame:
            # A thread that waits for a step of its own takes up whatever there is to do.
            outer = _PLANNING.set(False)
            try:
                done[place] = work(jobs[place])
            except BaseException as error:  # Polars would raise one of its own
                failed[place] = error
            finally:
                _PLANNING.reset(outer)
            return nothing

        return pl.LazyFrame({_ONE: [place]}).map_batches(run)

    _collected([job(place) for place in range(len(jobs))])
    if failed:
        raise failed[min(failed)]
    return [done[place] for place in range(len(jobs))]


def at_once(jobs: int) -> int:
    """How many of ``jobs`` may work at once: more than Polars has threads hold one another up."""
    return max(1, min(jobs, pl.thread_pool_size()))


def side_by_side(frame: nw.LazyFrame[Any], *jobs: Callable[[], Any]) -> list[Any]:
    """What each of the jobs gives, which are about ``frame``: at the same time for many rows."""
    rows = count(frame) if is_eager(frame) else 0
    return _side_by_side(lambda job: job(), jobs, rows)


def _coded(column: pl.Series) -> tuple[pl.Series | None, pl.Series]:
    """A column as numbers into its distinct values, None for one value throughout; the values."""
    if column.dtype == pl.String:
        column = _filled(column, "")
    if not _is_coded(column.dtype):
        alike = column.head(1000).n_unique() == 1 and column.null_count() == 0
        if alike and (column == column.head(1)).all():
            return None, column.head(1).alias("value")
    if column.dtype == pl.String:
        column = column.cast(_categorical())
    if _is_coded(column.dtype):
        texts, at = _texts(column).alias("value"), column.to_physical()
        if at.has_nulls():
            at, texts = at.fill_null(len(texts)), texts.append(pl.Series([""], dtype=pl.String))
        return at.rechunk() if len(texts) > 1 else None, texts
    values = column.unique().alias("value").to_frame().with_row_index("at")
    keyed = column.alias("value").to_frame()
    found = keyed.join(values, on="value", how="left", nulls_equal=True, maintain_order="left")
    return found["at"], values["value"]


def _spread(
    table: nw.LazyFrame[Any], at: pl.Series | None, known: Mapping[str, Iterable[str] | None]
) -> tuple[list[Any], dict[str, Any]]:
    """Columns of a table, ``at`` its rows (None: its one row for all), and its `constants`."""
    columns: list[Any] = []
    rows = _here(table)
    same = _same(rows)
    for fact in rows.get_columns():
        if fact.name in known and fact.dtype == pl.String:
            values = known[fact.name]
            fact = fact.cast(_enum(fact if values is None else values))
        if len(fact) and (at is None or fact.name in same):
            columns.append(pl.lit(fact[0], fact.dtype).alias(fact.name))
        else:
            columns.append(fact if at is None else fact[at])
    return columns, same


def _same(rows: pl.DataFrame) -> dict[str, Any]:
    return {c.name: c[0] for c in rows.get_columns() if len(c) and c.n_unique() == 1}


def _enum(values: Iterable[str]) -> pl.Enum:
    texts = values if isinstance(values, pl.Series) else pl.Series(list(values), dtype=pl.String)
    return pl.Enum(_categories(texts))


def told(
    frame: nw.LazyFrame[Any],
    column: str,
    tell: Callable[[list[Any]], Sequence[Sequence[Any]]],
    types: Mapping[str, type],
) -> nw.LazyFrame[Any]:
    """Add to a Polars frame what ``tell`` makes of the values of a column: a row for each."""
    kinds = {name: _POLARS[kind] for name, kind in types.items()}

    def compute(rows: pl.DataFrame) -> pl.DataFrame:
        said = tell(rows[column].to_list())
        columns = {name: [row[place] for row in said] for place, name in enumerate(kinds)}
        return pl.DataFrame(columns, schema=kinds)

    if is_planned(frame):
        return _with_made(frame, [column], kinds, compute)
    # At once, for Polars would add words of its own to what is said of a text.
    rows = _here(frame)
    return _frame(rows.hstack(compute(rows).get_columns()).lazy())


def constants(frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    """Of a small Polars table the columns that hold one value throughout, and the value."""
    return _same(_here(frame))


def rows_of(frame: nw.LazyFrame[Any]) -> tuple[Columns, dict[str, type]]:
    """A small Polars table as Python values, with their types: what `beside` takes."""
    done = _here(frame)
    kinds = {kind: name for name, kind in _POLARS.items()}
    return done.to_dict(as_series=False), {n: kinds[k] for n, k in done.schema.items()}


def count(frame: nw.LazyFrame[Any]) -> int:
    """How many rows there are."""
    if is_eager(frame):
        return int(nw.to_native(frame).select(pl.len()).collect(engine="in-memory").item())
    return int(collect(frame.select(rows=nw.len().cast(nw.Int64)))["rows"][0])


BREAK = "\n"  # between values that hold any other sign, such as names of files


def listed(
    frame: nw.DataFrame[Any], key: str, column: str, name: str, between: str = " "
) -> nw.DataFrame[Any]:
    """One row per ``key`` with the values of a text column, each once and in order, as ``name``."""
    texts = pl.col(column).unique(maintain_order=True).str.join(between).alias(name)
    grouped = nw.to_native(frame).group_by(key, maintain_order=True).agg(texts)
    done: nw.DataFrame[Any] = nw.from_native(grouped)
    return done


def started(engine: str) -> Any:
    """The session or connection of the named engine; None: Polars needs none.

    InputError where a library of the engine, or Spark's Java, is missing.
    """
    if engine not in ENGINES:
        raise InputError(f'engine "{engine}" is not known', hint=f"choose {', '.join(ENGINES)}")
    if engine == "polars":
        return None
    return spark_session() if engine == "spark" else _duckdb()


def on_engine(frame: nw.LazyFrame[Any], engine: str) -> nw.LazyFrame[Any]:
    """A Polars frame handed over to the named engine."""
    there = started(engine)
    if there is None:
        return frame
    rows = collect(frame).to_arrow()
    return _frame(there.createDataFrame(rows) if engine == "spark" else there.from_arrow(rows))


def alongside(frame: nw.LazyFrame[Any], other: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The rows of ``frame`` in the engine, and where it matters the session, of ``other``."""
    kind = other.implementation
    if frame.implementation is kind:
        return frame
    rows = collect(plain(frame))
    if kind.is_polars():
        return rows.lazy()
    if kind.is_duckdb():
        return on_engine(rows.lazy(), "duckdb")
    return _frame(nw.to_native(other).sparkSession.createDataFrame(rows.to_arrow()))


def spark_session(master: str = "") -> Any:
    """The Spark session that runs, or a new one at ``master`` (blank: as Spark is configured).

    Raises InputError where PySpark, PyArrow or Java is missing, or the cluster does not answer.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError("spark is not installed", hint=_MISSING["spark"]) from None
    _require_arrow("spark")
    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    builder = SparkSession.builder.appName("therapy-billing-calc")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    # It asks Spark five times for each expression whose line of code it was: no user wrote one.
    builder = builder.config("spark.python.sql.dataFrameDebugging.enabled", "false")
    if master:
        builder = builder.master(master)
    if not master or master.startswith("local"):
        # 200 tiny shuffles, the default, cost more than the work itself.
        builder = builder.config("spark.sql.shuffle.partitions", str(2 * (os.cpu_count() or 1)))
        if "SPARK_DRIVER_MEMORY" not in os.environ:  # 1g, the default, holds no million lines
            builder = builder.config("spark.driver.memory", _SPARK_MEMORY)
    handler = signal.getsignal(signal.SIGINT)
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        hint = "Spark needs Java 17: set JAVA_HOME to it; and check --master"
        raise InputError(f"Spark did not start ({str(error).splitlines()[0]})", hint=hint) from None
    if handler not in (None, signal.default_int_handler, signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, handler)  # the program's own, which PySpark has replaced
    if not master or master.startswith("local"):
        # Its warnings, such as of a plan's size, are nothing a user could act on, and come late.
        session.sparkContext.setLogLevel("ERROR")
    return session


def spark_parquet(source: str, master: str = "") -> Any:
    """Parquet files or a folder of them as a Spark frame."""
    session = spark_session(master)
    from pyspark.errors import AnalysisException

    try:
        return session.read.parquet(source)
    except AnalysisException as error:
        text = str(error).splitlines()[0]
        raise InputError(f"cannot be read by Spark ({text})", source) from None


@contextlib.contextmanager
def spark_reads() -> Iterator[None]:
    """InputError where Spark, which reads files as late as it can, cannot read one."""
    try:
        yield
    except Exception as error:  # of Spark, of the bridge to it or of its server
        found = _UNREAD.search(str(error))
        if found is None:
            raise
        file, why = found[1], " ".join(found[2].split())
        hint = "export it again, or move it out of the folder; a column is of one kind in all files"
        if "not a Parquet file" in why:
            hint = "Spark reads Parquet alone: export it as such, or move it out of the folder"
        what = f"cannot be read by Spark{f' ({why[:200]})' if why else ''}"
        raise InputError(what, file.removeprefix("file://"), hint) from None


_UNREAD = re.compile(
    r"(?s)\[FAILED_READ_FILE[^\]]*\] Encountered error while reading file (\S+)\.\s+"
    r"(.*?)\.?\s*SQLSTATE"
)


def require_new(frame: Any, output: str) -> None:
    """InputError where the folder that Spark would write a frame to is there: none is replaced."""
    place = _on_disk(frame.sparkSession, output)
    if place and os.path.lexists(place):
        raise _there_already(output)


def _there_already(output: str) -> InputError:
    hint = "name another folder, or delete this one; without _SUCCESS in it no run has finished it"
    return InputError("is there already", output, hint)


def _on_disk(session: Any, output: str) -> str:
    """The path of an output that Spark keeps among files as ours are; blank: in a store.

    A name without a scheme, such as hdfs:// or s3a://, is where the session keeps files.
    """
    scheme, colon, rest = output.partition(":")
    if colon and len(scheme) > 1 and "/" not in scheme:
        return "/" + rest.lstrip("/") if scheme == "file" else ""
    java = getattr(session, "_jsc", None)  # Spark Connect has none: its files are on the server
    store = java.hadoopConfiguration().get("fs.defaultFS") if java else ""
    return output if store.startswith("file:") else ""


def write_spark(frame: nw.LazyFrame[Any], output: str, partition: str = "") -> int:
    """A Spark frame as a new Parquet folder, in parts by a column if one is named; its rows.

    On a disk it takes its name when it is whole. In a store, where nothing can be renamed at
    once, Spark writes under the name and adds ``_SUCCESS`` when it is whole.
    """
    rows = nw.to_native(frame)
    place = _on_disk(rows.sparkSession, output)
    if not place:
        return _written(rows, output, partition)
    Path(place).absolute().parent.mkdir(parents=True, exist_ok=True)
    with hidden_folder(place) as folder:
        parts = folder / Path(place).name
        count = _written(rows, f"file://{parts}", partition)
        require_new(rows, output)  # nobody else has made it meanwhile
        parts.rename(place)
    return count


def _written(rows: Any, output: str, partition: str) -> int:
    """Write a Spark frame, and count its rows on the way."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import Observation, functions

    seen = Observation()
    writer = rows.observe(seen, functions.count(functions.lit(1)).alias("rows")).write
    if partition:
        writer = writer.partitionBy(partition)
    try:
        writer.mode("error").parquet(output)
    except AnalysisException as error:
        if error.getCondition() == "PATH_ALREADY_EXISTS":
            raise _there_already(output) from None
        text = str(error).splitlines()[0]
        raise InputError(f"cannot be written by Spark ({text})", output) from None
    return int(seen.get["rows"])


# --- plans that are kept -------------------------------------------------------------------
#
# To translate the steps to Polars' own takes ten times as long as to run them on one visit.


def stepwise(frame: nw.LazyFrame[Any]) -> Callable[..., nw.LazyFrame[Any]]:
    """How to take steps that look at no rows: ``step(rows, change, *given)``.

    It is what ``change(rows, *given)`` makes of the rows; where ``frame`` is of few rows at once,
    by a plan that is kept for the next rows with the same columns, and the same ``given``.
    """
    return _planned if is_eager(frame) and count(frame) <= _FEW_ROWS else plainly


_FEW_ROWS = 1000
_KEPT_PLANS = 128  # by step, columns and what is given
_ALIKE_PLANS = 4  # of each for as many threads
# To think each time how a plan is best run takes longer than it spares on few rows.
_AS_WRITTEN = pl.QueryOptFlags.none(comm_subplan_elim=True)


def plainly(
    frame: nw.LazyFrame[Any], change: Callable[..., nw.LazyFrame[Any]], *given: Any
) -> nw.LazyFrame[Any]:
    """A step like those of `stepwise` for many rows."""
    return change(frame, *given)


def _planned(
    frame: nw.LazyFrame[Any], change: Callable[..., nw.LazyFrame[Any]], *given: Any
) -> nw.LazyFrame[Any]:
    rows = _here(frame)
    kinds = tuple(rows.schema.items())
    known = tuple(tuple(value) if isinstance(value, list) else value for value in given)
    try:
        idle = _idle_plans(change, kinds, known)
    except TypeError:  # something given cannot be told from another
        idle = deque(maxlen=0)
    try:
        plan = idle.pop()
    except IndexError:
        plan = _Plan(rows.schema, change, given)
    done = plan.of(rows)
    idle.append(plan)
    return _frame(done.lazy())


@lru_cache(maxsize=_KEPT_PLANS)
def _idle_plans(*key: Any) -> deque[_Plan]:
    """The plans for ``key`` that no thread uses: to take one and to put it back is safe."""
    return deque(maxlen=_ALIKE_PLANS)


class _Plan:
    """What steps make of rows of a schema, ready to be computed for one frame after another."""

    def __init__(self, schema: pl.Schema, change: Callable[..., nw.LazyFrame[Any]], given: Any):
        self._held: list[pl.DataFrame] = []
        # Not a method: what Rust holds of this plan would hold the plan, and neither would go.
        held = self._held
        source = pl.LazyFrame(schema=schema).map_batches(
            lambda nothing: _only(held), schema=schema,
            predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False,
        )  # fmt: skip
        outer = _PLANNING.set(True)
        try:
            self._made: pl.LazyFrame = nw.to_native(change(_frame(source), *given))
        finally:
            _PLANNING.reset(outer)

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        self._held.append(rows)
        try:
            return self._made.collect(engine="in-memory", optimizations=_AS_WRITTEN)
        finally:
            self._held.clear()


def _only(held: list[pl.DataFrame]) -> pl.DataFrame:
    if not held:
        raise AssertionError("a step that is planned looks at rows")
    return held[0]


_PLANNING: ContextVar[bool] = ContextVar("planning", default=False)


def is_planned(frame: nw.LazyFrame[Any]) -> bool:
    """Whether a plan is made for few rows, which cannot be looked at yet."""
    return is_eager(frame) and _PLANNING.get()


def _in_bulk(frame: nw.LazyFrame[Any]) -> bool:
    """Whether columns are best made whole: by Polars, unless it plans for few rows."""
    return is_eager(frame) and not is_planned(frame)


# --- groups of rows ------------------------------------------------------------------------
#
# The same answers on every engine. SQL engines and plans for few rows get windows; Polars, which
# is slow at windows of many small groups, gets one sort of whole numbers and running sums over the
# whole column.


def dense(frame: nw.LazyFrame[Any], known: Mapping[str, Iterable[str] | None]) -> nw.LazyFrame[Any]:
    """Text columns as numbered categories in alphabetical order, where the engine gains by it.

    Grouping, sorting and joining them costs what it costs for integers; they still compare with
    text. ``known``: every value that a column may hold, or None to look at the column. `plain`
    takes it back.
    """
    if not frame.implementation.is_polars():
        return frame
    native = nw.to_native(frame)
    there = native.collect_schema()
    known = {name: values for name, values in known.items() if there.get(name) == pl.String}
    if not known:
        return frame
    asked = [name for name, values in known.items() if values is None]
    if asked:
        found = native.select(pl.col(name).unique().implode() for name in asked).collect()
        known = known | {name: found[name][0] for name in asked}
    kinds = {name: _enum(values) for name, values in known.items() if values is not None}
    return _frame(native.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items()))


def plain(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Every column of `dense`, and every one that was read as categories, as text again."""
    if not frame.implementation.is_polars():
        return frame
    native = nw.to_native(frame)
    kinds = native.collect_schema()
    dense = {name: kind for name, kind in kinds.items() if isinstance(kind, pl.Enum)}
    coded = [name for name, kind in kinds.items() if _is_coded(kind)]
    texts = [_text(name, kind) for name, kind in dense.items()]
    return _frame(native.with_columns(*texts, pl.col(coded).cast(pl.String)))


def _text(name: str, kind: pl.Enum) -> pl.Expr:
    """Dense text as text: to gather it costs a fifth of a cast, which writes every text anew."""
    return _by_category(name, kind.categories.alias(name))


def _by_category(name: str, values: pl.Series) -> pl.Expr:
    """For each row the one of ``values`` that goes with its category of a `dense` column."""
    at = pl.col(name).to_physical().cast(pl.UInt32)
    return _at_each(at, values).alias(values.name)


def _at_each(at: pl.Expr, values: pl.Series) -> pl.Expr:
    """The one of ``values`` at each place, null for null.

    For many rows `gather` takes twice the time of the brackets, for it looks twice at the places.
    """
    if _PLANNING.get():
        return pl.lit(values).gather(at)
    return at.map_batches(lambda places: _taken(values, places), return_dtype=values.dtype)


def _taken(values: pl.Series, places: pl.Series) -> pl.Series:
    """``values[places]``, which takes four times as long of bits, or where some value is null."""
    kind = values.dtype
    if kind == pl.Boolean:
        values = values.cast(pl.UInt8)
    if values.has_nulls() and max(_FEWER * len(values), _WORTH_A_LOOK) < len(places):
        gaps = values.is_null().cast(pl.UInt8)
        if not gaps[places].max():  # no row needs one that there is not
            values = values.fill_null(strategy="forward").fill_null(strategy="backward")
    return values[places].cast(kind)


_FEWER = 4  # places for one value, and
_WORTH_A_LOOK = 50_000  # places at least, before it pays to look which of the values they need


def within(
    frame: nw.LazyFrame[Any],
    group: Sequence[str],
    order: Sequence[str] = (),
    *,
    total: Mapping[str, str] | None = None,
    running: Mapping[str, str] | None = None,
    highest: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
    turn: str = "",
) -> nw.LazyFrame[Any]:
    """Add columns over the rows of each group, new name by the Int64 column it is made of.

    ``total``: the group's sum. ``running``: the sum up to and with the row, in ``order``, which
    must be total. ``highest``: the greatest value up to and with the row. ``earlier``: the value
    of the row before it, null for the first. ``turn``: the name of the row's place, from 1.
    Only columns of ``earlier`` may hold nulls.
    """
    total, running = total or {}, running or {}
    highest, earlier = highest or {}, earlier or {}
    if not _in_bulk(frame):
        if turn:
            frame = frame.with_columns(nw.lit(1, dtype=nw.Int64).alias(_ONE))
            ones = within(frame, group, order, total=total, running={**running, turn: _ONE},
                          highest=highest, earlier=earlier)  # fmt: skip
            return ones.drop(_ONE)
        return frame.with_columns(
            **{n: nw.col(c).sum().over(*group).cast(nw.Int64) for n, c in total.items()},
            **{
                n: nw.col(c).cum_sum().over(*group, order_by=order).cast(nw.Int64)
                for n, c in running.items()
            },
            **{n: nw.col(c).cum_max().over(*group, order_by=order) for n, c in highest.items()},
            **{n: nw.col(c).shift(1).over(*group, order_by=order) for n, c in earlier.items()},
        )
    jobs = (total, running, highest, earlier)
    used = (*group, *order, *(column for job in jobs for column in job.values()))
    names = [*(name for job in jobs for name in job), *([turn] if turn else [])]
    made = dict.fromkeys(names, pl.Int64)
    return _with_made(frame, used, made, lambda rows: _within(rows, group, order, *jobs, turn))


def _with_made(
    frame: nw.LazyFrame[Any],
    used: Iterable[str],
    made: Mapping[str, Any],
    compute: Callable[[pl.DataFrame], pl.DataFrame],
) -> nw.LazyFrame[Any]:
    """Add to a Polars frame the columns ``made``, name by type, that ``compute`` makes of others.

    Lazily, and only if one of them is asked for.
    """
    kind = pl.Struct(made)

    def answered(rows: pl.Series) -> pl.Series:
        return compute(rows.struct.unnest()).to_struct() if len(rows) else pl.Series(dtype=kind)

    answer = pl.struct(*dict.fromkeys(used)).map_batches(answered, return_dtype=kind)
    native = nw.to_native(frame).with_columns(answer.alias(_ANSWER))
    fields = [pl.col(_ANSWER).struct.field(name) for name in made]
    return _frame(native.with_columns(fields).drop(_ANSWER))


def summed(
    frame: nw.LazyFrame[Any],
    group: Sequence[str],
    column: str,
    name: str,
    which: nw.Expr | None = None,
) -> nw.LazyFrame[Any]:
    """Add the sum of an Int64 column over each group, for groups of many rows far apart.

    ``which``: the rows that add something. Where most do, this is cheaper than to leave the others
    out of the frame first, which copies every column.
    """
    if which is not None:
        part = nw.when(which.fill_null(False)).then(column).otherwise(0)
        frame = frame.with_columns(part.cast(nw.Int64).alias(_PART))
        return summed(frame, group, _PART, name).drop(_PART)
    if not _in_bulk(frame):
        return frame.with_columns(nw.col(column).sum().over(*group).cast(nw.Int64).alias(name))

    def compute(rows: pl.DataFrame) -> pl.DataFrame:
        numbers, x = _numbers(rows.select(group)), _filled(rows[column], 0)
        if pl.Int32 in numbers.dtypes:  # days stand together, or nearly so
            place, number = _grouping(rows, group)
            sums = _sums(_at(x, place), _ends(number))
            own = number if place is None else number.clone().scatter(place, number)
            return sums[own].alias(name).to_frame()
        keys, _ = _packed(numbers)
        if not keys:
            return rows.select(pl.repeat(pl.col(column).sum(), pl.len()).alias(name))
        low, size = _span(keys[0])
        if len(keys) == 1 and size <= len(rows):
            place = (keys[0] - low).cast(pl.UInt32, wrap_numerical=True)
            table = pl.DataFrame({_ANSWER: place, _ONE: x})
            each = table.lazy().group_by(_ANSWER).agg(pl.all().sum()).collect(engine="streaming")
            sums = _alone(0, pl.Int64, size)
            return sums.scatter(each[_ANSWER], each[_ONE])[place].alias(name).to_frame()
        table = pl.DataFrame([key.alias(f"{n}") for n, key in enumerate(keys)])
        over = pl.col(_ONE).sum().over(table.columns)
        return table.with_columns(x.alias(_ONE)).select(over.alias(name))

    return _with_made(frame, (*group, column), {name: pl.Int64}, compute)


def _begins(ranked: pl.Series) -> pl.Series:
    """Where a run of equal numbers begins."""
    return _after(True, _changes(ranked)) if len(ranked) else pl.Series(dtype=pl.Boolean)


def _ends(number: pl.Series) -> pl.Series:
    """Where groups end that stand together, by the ``number`` of each row's group."""
    ends = _places_of(_changes(number))
    return _ahead(ends, len(number) - 1) if len(number) else ends


def _sums(x: pl.Series, ends: pl.Series) -> pl.Series:
    """The sums of groups that stand together, each up to its end."""
    alike = x.dtype == pl.Int64 and _is_one_value(x)
    upto = (ends.cast(pl.Int64) + 1) * _span(x)[0] if alike else x.cum_sum()[ends]
    sums: pl.Series = upto - _before(upto, 0)
    return sums


# Columns are laid beside themselves by slices, which copy nothing and are made at once: a shift
# copies the whole column, and of few rows takes as long as twenty other steps. So do fill_null and
# repeat.


def _changes(numbers: pl.Series) -> pl.Series:
    """Whether each number after the first is another one than that before it."""
    changes: pl.Series = numbers.slice(1) != numbers.head(-1)
    return changes


def _after(first: Any, others: pl.Series) -> pl.Series:
    """A column that begins with ``first``."""
    return pl.Series([first], dtype=others.dtype).append(others).rechunk()


def _before(column: pl.Series, first: Any) -> pl.Series:
    """For each value the one before it; for the first one ``first``."""
    return _after(first, column.head(-1)) if len(column) else column


def _alone(value: Any, kind: Any, rows: int) -> pl.Series:
    """A column that holds one value alone."""
    return pl.Series([value], dtype=kind).new_from_index(0, rows)


def _ahead(others: pl.Series, last: Any) -> pl.Series:
    """A column that ends with ``last``."""
    return others.clone().append(pl.Series([last], dtype=others.dtype)).rechunk()


def _filled(column: pl.Series, value: Any) -> pl.Series:
    """A column without nulls."""
    return column.fill_null(value) if column.has_nulls() else column


def placed(
    frame: nw.LazyFrame[Any], group: Sequence[str], order: Sequence[str], name: str = "turn"
) -> nw.LazyFrame[Any]:
    """Add a row's place within its group in ``order``, which must be total, counted from 1."""
    return within(frame, group, order, turn=name)


def stretches(
    frame: nw.LazyFrame[Any],
    group: Sequence[str],
    order: Sequence[str],
    until: str,
    name: str,
    rows_name: str,
) -> nw.LazyFrame[Any]:
    """Number the stretches of rows that begin before an earlier one is over, and count their rows.

    Rows begin at the first column of ``order``, which must be total, and last ``until``, a column
    without nulls. A number is a stretch's own within its group.
    """
    if not _in_bulk(frame):
        frame = frame.with_columns(nw.lit(1, dtype=nw.Int64).alias(_ONE))
        frame = within(frame, group, order, highest={"latest ": until})
        frame = within(frame, group, order, earlier={"earlier ": "latest "})
        opens = nw.when(nw.col(order[0]) < nw.col("earlier ")).then(0).otherwise(1)
        frame = frame.with_columns(opens.cast(nw.Int64).alias("opens "))
        frame = within(frame, group, order, running={name: "opens "})
        frame = within(frame, (*group, name), total={rows_name: _ONE})
        return frame.drop(_ONE, "latest ", "earlier ", "opens ")

    def compute(table: pl.DataFrame) -> pl.DataFrame:
        place, group_number = _grouping(*_by_day(table, group, order[0], until), order)
        start, end = (_at(c, place) for c in table[[order[0], until]])
        latest = _before(_highest(end, group_number), None)
        opens = _begins(group_number) | ~_filled(start < latest, False)
        number = opens.cum_sum()
        starts = _places_of(opens).cast(pl.Int64)
        size = _ahead(starts.slice(1), len(table)) - starts
        made = pl.DataFrame({name: number.cast(pl.Int64), rows_name: size[number - 1]})
        return made if place is None else made[_inverse(place)]

    made = {name: pl.Int64, rows_name: pl.Int64}
    return _with_made(frame, (*group, *order, until), made, compute)


def _by_day(
    rows: pl.DataFrame, group: Sequence[str], start: str, end: str
) -> tuple[pl.DataFrame, Sequence[str]]:
    """Groups in time parted into their days, where no row lies in two: nothing leads across.

    Rows of a day stand together in a log, and need little sorting. ``start`` is the time of the
    day then, in minutes if they are whole: a number to sort by that needs less room.
    """
    begins, last = rows[start], rows.select(pl.max_horizontal(start, pl.col(end) - 1))[start]
    day = begins // _DAY
    if begins.has_nulls() or last.has_nulls() or (day != last // _DAY).any():
        return rows, group
    begins = begins - day * _DAY
    minutes = begins // _MINUTE
    if (begins == minutes * _MINUTE).all():
        begins = minutes
    days = day.cast(pl.Int32).alias(_ANSWER)
    return rows.with_columns(begins.alias(start), days), (_ANSWER, *group)


_MINUTE = 60 * 1000  # in what clock times are counted in
_DAY = 24 * 60 * _MINUTE
_ONE = "one "
_PART = "part "
_ANSWER = "answer "  # the blank keeps it apart from any heading


def _within(
    rows: pl.DataFrame,
    group: Sequence[str],
    order: Sequence[str],
    total: Mapping[str, str],
    running: Mapping[str, str],
    highest: Mapping[str, str],
    earlier: Mapping[str, str],
    turn: str,
    sort: bool = False,
) -> pl.DataFrame:
    if turn and len(rows) > _MANY and not (running or highest or earlier or sort):
        turns = _turns(rows, group, order)
        if turns is not None:
            sums = _within(rows, group, (), total, {}, {}, {}, "").get_columns() if total else []
            return pl.DataFrame([*sums, turns.alias(turn)])
    place, number = _grouping(rows, group, order)
    ends = _ends(number)
    made: dict[str, pl.Series] = {}

    if total:
        own = number if place is None else number.clone().scatter(place, number)
        made = {n: _sums(_at(rows[c], place), ends)[own] for n, c in total.items()}
    ranked: dict[str, pl.Series] = {}
    for name, column in running.items():
        upto = _at(rows[column], place).cum_sum()
        before = _before(upto[ends], 0)
        ranked[name] = upto - before[number]
    for name, column in highest.items():
        ranked[name] = _highest(_at(rows[column], place), number)
    starts = _before(ends.cast(pl.Int64) + 1, 0)
    for name, column in earlier.items():
        ranked[name] = _before(_at(rows[column], place), None).scatter(starts, None)
    if turn:
        ranked[turn] = pl.int_range(1, len(rows) + 1, eager=True) - starts[number]
    if place is not None and ranked:
        back = _inverse(place)
        ranked = {name: column[back] for name, column in ranked.items()}
    return pl.DataFrame(made | ranked)


def _turns(rows: pl.DataFrame, group: Sequence[str], order: Sequence[str]) -> pl.Series | None:
    """Each row's place in its group; None where groups are large or stand apart.

    A row of a small group is compared with those before it, in half the time of sorting them all.
    """
    numbers = _numbers(_columns(rows, (*group, *order)))
    keys, _ = _packed(_columns(numbers, _days_first(group, numbers)))
    if len(keys) != 1:
        return None
    # Rows that a step added stand behind all others: they and their groups are sorted.
    steps_back = keys[0].slice(1) < keys[0].head(-1)
    first_back: Any = steps_back.arg_max() if steps_back.any() else len(rows) - 1
    count = first_back + 1
    number = keys[0][:count].rle_id()
    size: Any = number.rle().struct.field("len").max()
    if _ADDED * (len(rows) - count) > len(rows) or size > _SMALL:
        return None
    # Rows that nothing tells apart stay as they stand.
    parts = [part[:count] for part in _packed(_columns(numbers, order))[0] or keys]
    turns = _alone(1, pl.UInt8, count)
    for back in range(1, size):
        beside = number.slice(back) == number.head(-back)
        first = beside & _is_less(parts, back)
        none = _alone(0, pl.UInt8, back)
        turns = turns + none.clone().extend((beside & ~first).cast(pl.UInt8))
        turns = turns + first.cast(pl.UInt8).extend(none)
    turns = turns.cast(pl.Int64)
    if count < len(rows):
        places = _places_of(keys[0].is_in(keys[0][count:].unique().implode()))
        own = _within(rows[places], group, order, {}, {}, {}, {}, _ONE, sort=True)[_ONE]
        turns = turns.extend_constant(0, len(rows) - count).scatter(places, own)
    return turns


_ADDED = 4  # of so many rows one, or fewer, may stand behind all others
_SMALL = 12  # rows of a group
_MANY = 10_000  # fewer are sorted as soon


def _is_less(parts: Sequence[pl.Series], back: int) -> pl.Series:
    """Whether a row's numbers, the first ones first, are less than those so many rows before."""
    *others, last = parts
    less: pl.Series = last.slice(back) < last.head(-back)
    for part in reversed(others):
        own, other = part.slice(back), part.head(-back)
        less = (own < other) | ((own == other) & less)
    return less


def _highest(x: pl.Series, number: pl.Series) -> pl.Series:
    """The running maximum within each group of ascending ``number``."""
    low: Any = x.min()
    high: Any = x.max()
    if len(x) and (high - low + 1) * (number[-1] + 1) + abs(high) < _ROOM:
        # Every group is lifted above the one before it.
        lift = number.cast(pl.Int64) * (high - low + 1)
        highest: pl.Series = (x + lift).cum_max() - lift
        return highest
    frame = pl.DataFrame({"x": x, "number": number})
    return frame.select(pl.col("x").cum_max().over("number")).to_series()


def _grouping(
    rows: pl.DataFrame, group: Sequence[str], order: Sequence[str] = ()
) -> tuple[pl.Series | None, pl.Series]:
    """The row numbers that bring groups together, in ``order`` (None: they stand so), and, in
    that order, the number of each row's group, from 0.
    """
    numbers = _numbers(_columns(rows, (*group, *order)))
    group = _days_first(group, numbers)
    keys, rooms = _packed(_columns(numbers, (*group, *order)), len(group))
    if len(keys) == 1 and rooms[0] > 1:
        groups = keys[0] // rooms[0]
        if groups.is_sorted():
            # Groups stand together already: numbered in turn they need less room.
            number, own = groups.rle_id(), keys[0] - groups * rooms[0]
            return _order([number.cast(pl.Int64) * rooms[0] + own]), number
    place = _order(keys)
    # A number whose room is 0 tells no groups apart.
    of_group = [(k // room if room > 1 else k) for k, room in zip(keys, rooms, strict=True) if room]
    ranked = [_at(number, place) for number in of_group]
    if not ranked:
        return place, _alone(0, pl.UInt32, len(rows))
    if len(ranked) == 1:
        return place, ranked[0].rle_id()
    begins = reduce(operator.or_, map(_begins, ranked))
    return place, begins.cum_sum() - 1


def _columns(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Some of the columns, none where none is named; to select them takes longer to begin with."""
    return pl.DataFrame([rows[name] for name in names])


def _days_first(group: Sequence[str], numbers: pl.DataFrame) -> list[str]:
    """Logs and lines stand by date, the only 32 bits with a sign: groups in that order need little
    sorting, and few far reads.
    """
    return sorted(group, key=lambda name: numbers[name].dtype != pl.Int32)


def _inverse(place: pl.Series) -> pl.Series:
    """Where each row went: the permutation that undoes ``place``."""
    numbers: pl.Series = pl.int_range(len(place), eager=True).cast(place.dtype)
    return numbers.clone().scatter(place, numbers)


def _order(packed: Sequence[pl.Series]) -> pl.Series | None:
    """The row numbers in the order of numbers `_packed`; None: they are in order."""
    if not packed:
        return None
    first, others = packed[0], packed[1:]
    if not others and first.is_sorted():
        return None
    place = _order_of(first)
    if not others:
        return place
    # Only rows that the first number cannot tell apart need the others.
    ranked = first[place]
    same = ~_changes(ranked)
    tied = _places_of(_after(False, same) | _ahead(same, False))
    if len(tied):
        rows = place[tied]
        few = pl.DataFrame([part[rows].alias(str(n)) for n, part in enumerate(packed)])
        place = place.scatter(tied, rows[few.select(pl.arg_sort_by(few.columns)).to_series()])
    return place


def _order_of(number: pl.Series) -> pl.Series:
    """The row numbers in the order of a number from 0, equal ones as they stand."""
    highest: Any = number.max() or 0
    room = 1 << len(number).bit_length()
    if (highest + 1) * room >= _ROOM:
        return number.arg_sort()
    if _STEPS_BACK * (number.slice(1) < number.head(-1)).sum() < len(number):
        return number.to_frame(_ONE).select(pl.arg_sort_by(_ONE, maintain_order=True)).to_series()
    # Each with its row number behind it: numbers alone sort in two thirds of the time.
    both = (number * room + pl.int_range(len(number), eager=True)).sort()
    return (both & (room - 1)).cast(pl.UInt32, wrap_numerical=True)


_ROOM = 2**62  # of a number in 64 bits
_STEPS_BACK = 500  # of so many rows one: a sort that merges what is in order has little to do


def _packed(frame: pl.DataFrame, grouping: int = 0) -> tuple[list[pl.Series], list[int]]:
    """Columns of `_numbers` as few Int64 columns that sort and group as they do, nulls first.

    Beside each number what to divide it by for that of the first ``grouping`` columns, 0 for a
    number that holds none of them.
    """
    packed: list[pl.Expr] = []
    rooms: list[int] = []
    least: list[int] = []
    spans: list[int] = []
    for place, (name, column) in enumerate(zip(frame.columns, frame.get_columns(), strict=True)):
        low: Any = column.min()
        high: Any = column.max()
        nulls = column.has_nulls()
        if low is None or (low == high and not nulls):
            continue  # tells no rows apart
        size = high - low + 1 + nulls
        joined = bool(packed) and spans[-1] * size < _ROOM
        span = spans[-1] * size if joined else size
        kind = _kind(span)
        number = pl.col(name).cast(kind, wrap_numerical=True)
        number = number.fill_null(_wrapped(low - 1, kind)) if nulls else number
        if joined:
            if _kind(spans[-1]) != kind:
                packed[-1], least[-1] = _from_0(packed[-1], least[-1], spans[-1]), 0
            packed[-1] = packed[-1] * size + number
            rooms[-1] = 1 if place < grouping else rooms[-1] * size
            least[-1], spans[-1] = least[-1] * size + low - nulls, span
        else:
            packed.append(number)
            rooms.append(int(place < grouping))
            least.append(low - nulls)
            spans.append(span)
    if not packed:
        return [], []
    numbers = map(_from_0, packed, least, spans)
    return frame.select(e.alias(str(n)) for n, e in enumerate(numbers)).get_columns(), rooms


def _kind(span: int) -> type[pl.Int32 | pl.Int64]:
    """In what so many numbers are reckoned with: half the bits take half the time."""
    return pl.Int32 if span < _HALF else pl.Int64


def _from_0(number: pl.Expr, least: int, span: int) -> pl.Expr:
    """A number of ``span`` from its least on.

    What is taken off may have passed the bits that there are before, which comes to the same.
    """
    least = _wrapped(least, _kind(span))
    return (number - least if least else number).cast(pl.Int64)


def _wrapped(number: int, kind: type[pl.Int32 | pl.Int64]) -> int:
    half = _HALF if kind is pl.Int32 else 2**63
    return (number + half) % (2 * half) - half


_HALF = 2**31


def _numbers(table: pl.DataFrame) -> pl.DataFrame:
    """Integers in the order of each column's values."""
    # The type of dense text is not asked for: to name it with all its categories takes a while.
    table = table.select(pl.all().to_physical())
    kinds = [(column.name, column.dtype) for column in table.get_columns()]
    others = [
        pl.col(name).cast(pl.UInt8) if kind == pl.Boolean else pl.col(name).rank("dense")
        for name, kind in kinds
        if not kind.is_integer()
    ]
    return table.with_columns(others) if others else table


_PART_ROWS = 500_000  # fewer are not worth a thread


def in_parts(
    frame: nw.LazyFrame[Any],
    key: str,
    work: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
) -> nw.LazyFrame[Any]:
    """What ``work`` makes of the rows, done side by side where that is faster.

    No value of the `dense` column ``key`` is cut; the parts come one after another.
    """
    if not frame.implementation.is_polars():
        return work(frame)
    rows = _here(frame)
    count = min(pl.thread_pool_size(), len(rows) // _PART_ROWS)
    if count < 2:
        return work(_frame(rows.lazy()))
    number = rows[key].to_physical()
    highest: Any = number.max()
    bounds = itertools.pairwise((highest + 1) * part // count for part in range(count + 1))
    parts = [rows.filter((number >= low) & (number < end)) for low, end in bounds]
    del rows

    def done(part: pl.DataFrame) -> pl.DataFrame:
        return _here(work(_frame(part.lazy())))

    return _frame(pl.concat(_side_by_side(done, parts, _PART_ROWS)).lazy())


def in_shares(
    frame: nw.LazyFrame[Any],
    weight: str,
    most: int,
    work: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
) -> nw.LazyFrame[Any]:
    """What ``work`` makes of the rows, done for so many at a time as weigh about ``most`` together.

    Where a row's result does not depend on other rows of ``frame``. An engine that keeps what it
    has no room for elsewhere does all at once.
    """
    if not is_eager(frame):
        return work(frame)
    rows = _here(frame)
    share = (rows[weight].cum_sum() // most).alias(_ROWS)
    if share.n_unique() < 2:
        return work(_frame(rows.lazy()))
    parts = rows.with_columns(share).partition_by(_ROWS, include_key=False)
    del rows

    def done(part: pl.DataFrame) -> pl.DataFrame:
        made = _here(work(_frame(part.lazy())))
        # Rows that a filter found side by side are a view that keeps all it looked through.
        return made[pl.int_range(len(made), eager=True)]

    return _frame(pl.concat(map(done, parts)).lazy())


def grouped(
    frame: nw.LazyFrame[Any],
    group: Sequence[str],
    total: Mapping[str, str],
    filled: Mapping[str, str],
    least: Mapping[str, str],
    most: Mapping[str, str],
) -> nw.LazyFrame[Any]:
    """One row for each group: sums as Int64 (of none 0), how many values are not null, least, most.

    Each maps a new name to the column it is made of.
    """
    sums = {**total, **filled}
    aggregates = {name: nw.col(c).sum().cast(nw.Int64).fill_null(0) for name, c in total.items()}
    aggregates |= {name: nw.col(c).count().cast(nw.Int64) for name, c in filled.items()}
    aggregates |= {name: nw.col(c).min() for name, c in least.items()}
    aggregates |= {name: nw.col(c).max() for name, c in most.items()}
    if not _in_bulk(frame):
        groups = frame.group_by(*group).agg(**aggregates)
        return groups.sort(*group) if is_eager(frame) else groups
    ranged = {**least, **most}
    used = (*group, *total.values(), *filled.values(), *ranged.values())
    rows = _here(frame.select(*dict.fromkeys(used)))
    place, number = _grouping(rows, group)
    first = _begins(number)
    # Most groups of a log are one row, which needs no adding up.
    several = ~(first & _ahead(first.slice(1), True))
    many = int(several.sum())
    heads = rows[_where(first, place)] if many else rows
    done = heads.select(
        *group,
        *(pl.col(c).cast(pl.Int64).fill_null(0).alias(name) for name, c in total.items()),
        *(pl.col(c).is_not_null().cast(pl.Int64).alias(name) for name, c in filled.items()),
        *(pl.col(c).alias(name) for name, c in ranged.items()),
    )
    if not many:
        return _frame(done.lazy())
    # A value that all rows have, such as the file's name, stands there already.
    told = {name for name, c in ranged.items() if _is_one_value(rows[c])}
    left = {name: how for name, how in aggregates.items() if name not in told}
    if 8 * many > len(rows):
        # So many are better added up along the whole column.
        ends = _ends(number)
        for name, c in sums.items():
            x = _at(_counts(rows, c, name in filled), place)
            done = done.with_columns(_sums(x, ends).alias(name))
            del left[name]
        columns = {ranged[name]: _at(rows[ranged[name]], place) for name in left}
        rising, unlike = _rising(columns, first)
        for name in [name for name in left if ranged[name] in rising]:
            if name in most:
                done = done.with_columns(columns[ranged[name]][ends].alias(name))
            del left[name]
        if left:
            several = (_sums(unlike, ends) > 0)[number]
    if left:
        few = rows[_where(several, place)].with_columns(number.filter(several).alias(_ROWS))
        added = nw.to_native(_frame(few.lazy()).group_by(_ROWS).agg(**left))
        added = added.collect(engine="streaming")
        done = done.with_columns(done[n].scatter(added[_ROWS], added[n]) for n in left)
    return _frame(done.lazy())


def _counts(rows: pl.DataFrame, column: str, is_filled: bool) -> pl.Series:
    """What of each row adds up: the column's value, or 1 where there is one (``is_filled``)."""
    x = rows[column].is_not_null() if is_filled else _filled(rows[column], 0)
    return x.cast(pl.Int64)


def _rising(columns: Mapping[str, pl.Series], first: pl.Series) -> tuple[set[str], pl.Series]:
    """Columns that fall in no group: its first value is the least, its last one the greatest.

    And, of the others, 1 where a row's value is another than that before it in the group, else 0.
    """
    beside, unlike = ~first.slice(1), _alone(False, pl.Boolean, len(first) - 1)
    rising = set()
    for name, x in columns.items():
        changes = beside & x.slice(1).ne_missing(x.head(-1))
        if changes.any() and (x.has_nulls() or (beside & (x.slice(1) < x.head(-1))).any()):
            unlike = unlike | changes
        else:
            rising.add(name)
    return rising, _after(False, unlike).cast(pl.Int64)


def _at(column: pl.Series, place: pl.Series | None) -> pl.Series:
    """The column in the order of these row numbers; None: as it stands."""
    return column if place is None else column[place]


def _is_one_value(column: pl.Series) -> bool:
    numbers = column.to_physical()
    return numbers.dtype.is_integer() and not numbers.has_nulls() and _span(numbers)[1] == 1


def _where(holds: pl.Series, place: pl.Series | None) -> pl.Series:
    """The row numbers where ``holds``, which stands in the order of ``place``."""
    return _places_of(holds) if place is None else place.filter(holds)


def _places_of(holds: pl.Series) -> pl.Series:
    """The row numbers where ``holds``; `arg_true` takes ten times as long."""
    places: pl.Series = pl.int_range(len(holds), dtype=pl.UInt32, eager=True)
    return places.filter(holds)


def told_by(
    frame: nw.LazyFrame[Any], column: str, facts: Mapping[str, nw.Expr]
) -> nw.LazyFrame[Any]:
    """Add what a text column alone tells; of `dense` text each value is looked at once."""
    return _told_by_each(frame, {column: facts})


def _told_by_each(
    frame: nw.LazyFrame[Any], facts: Mapping[str, Mapping[str, nw.Expr]]
) -> nw.LazyFrame[Any]:
    """What each of several columns tells: to ask a long plan for its kinds takes a while."""
    plain = dict(facts)
    if _in_bulk(frame):
        native = nw.to_native(frame)
        told: list[pl.Expr] = []
        for column, kind in native.select(*facts).collect_schema().items():
            if isinstance(kind, pl.Enum):
                each = _frame(pl.LazyFrame({column: kind.categories}))
                values = _here(each.select(**plain.pop(column)))
                told += [_by_category(column, of_each) for of_each in values]
        frame = _frame(native.with_columns(told)) if told else frame
    rest = {name: fact for own in plain.values() for name, fact in own.items()}
    return frame.with_columns(**rest) if rest else frame


def either(frame: nw.LazyFrame[Any], pairs: Mapping[str, tuple[str, str]]) -> nw.LazyFrame[Any]:
    """Add by each name the text of the first column, and behind it the second's where they differ.

    All at once: step by step the plan of many columns takes longer than their rows.
    """

    def both(few: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return few.with_columns(
            **{
                name: nw.when(nw.col(one) == nw.col(other))
                .then(nw.col(name))
                .otherwise(nw.concat_str([nw.col(one), nw.lit("; "), nw.col(other)]))
                for name, (one, other) in pairs.items()
            }
        )

    texts = {one: {name: nw.col(one).cast(nw.String)} for name, (one, _) in pairs.items()}
    frame = _told_by_each(frame, texts)
    unlike = [(nw.col(one) != nw.col(other)).fill_null(False) for one, other in pairs.values()]
    needs = tuple(itertools.chain(*pairs.values()))
    made = {name: (nw.col(name), str) for name in pairs}
    return amended(frame, nw.any_horizontal(*unlike, ignore_nulls=True), needs, both, made)


def overlapped(
    frame: nw.LazyFrame[Any], group: Sequence[str], start: str, end: str
) -> nw.LazyFrame[Any]:
    """The groups with rows that begin before the one ahead of them in order is over.

    Where any two rows of a group share time, two neighbours do: as long as none do, ends only
    grow.
    """
    if not _in_bulk(frame):
        ahead = within(frame, group, (start,), earlier={"earlier ": end})
        return ahead.filter(nw.col(start) < nw.col("earlier ")).select(*group).unique()
    rows = _here(frame.select(*group, start, end))
    place, number = _grouping(*_by_day(rows, group, start, end), (start,))
    starts, ends = (_at(c, place) for c in rows[[start, end]])
    shared = _filled(starts < _before(ends, None), False) & ~_begins(number)
    return _frame(rows[_where(shared, place)].select(group).unique().lazy())


def arranged(frame: nw.LazyFrame[Any], order: Sequence[str]) -> nw.LazyFrame[Any]:
    """The rows in ``order``, nulls first."""
    if not _in_bulk(frame):
        return frame.sort(*order)
    place = pl.struct(*order).map_batches(_places, return_dtype=pl.get_index_type())
    native = nw.to_native(frame).with_columns(place.alias(_ANSWER))

    def there(parts: Sequence[pl.Series]) -> pl.Series:
        return parts[0].rechunk()[parts[1]]  # to look for the piece of each place takes longer

    return _frame(
        native.select(
            pl.map_batches([name, _ANSWER], there, return_dtype=pl.dtype_of(name))
            for name in frame.columns
        )
    )


def _places(keys: pl.Series) -> pl.Series:
    place = _order(_packed(_numbers(keys.struct.unnest()))[0])
    if place is None:
        return pl.int_range(len(keys), dtype=pl.get_index_type(), eager=True)
    return place


def marked(
    frame: nw.LazyFrame[Any], few: nw.LazyFrame[Any], on: str, name: str
) -> nw.LazyFrame[Any]:
    """Add whether a row's value of ``on`` is among those of ``few``."""
    if frame.implementation.is_polars():
        kind = nw.to_native(frame).collect_schema()[on]
        if isinstance(kind, pl.Enum):
            found = _here(few.select(on))[on].to_physical().drop_nulls()
            flags = _alone(False, pl.Boolean, len(kind.categories))
            here = _at_each(pl.col(on).to_physical(), flags.scatter(found, True))
            return _frame(nw.to_native(frame).with_columns(here.fill_null(False).alias(name)))
    given = few.select(on).unique().with_columns(nw.lit(True).alias(name))
    return frame.join(given, on=on, how="left").with_columns(nw.col(name).fill_null(False))


def among(
    frame: nw.LazyFrame[Any], few: nw.LazyFrame[Any], keys: Sequence[str]
) -> nw.LazyFrame[Any]:
    """The rows whose ``keys`` are those of a row of ``few``, in which most of them have no part."""
    few = few.select(*keys).unique()
    if _in_bulk(frame):
        # Whoever is not in it at all is soon told.
        few = settled(few)
        frame = marked(frame, few, keys[0], _ANSWER).filter(nw.col(_ANSWER)).drop(_ANSWER)
        if len(keys) == 1:
            return frame
    return frame.join(few, on=list(keys), how="semi")


def touched(
    frame: nw.LazyFrame[Any], odd: nw.Expr, group: Sequence[str], name: str
) -> nw.LazyFrame[Any]:
    """Add whether ``odd`` holds for any row of a row's group."""
    odd = odd.fill_null(False)
    if not _in_bulk(frame):
        most = odd.cast(nw.Int64).max().over(*group)
        return frame.with_columns((most > 0).alias(name))

    def compute(rows: pl.DataFrame) -> pl.DataFrame:
        return _touched(rows[_ANSWER], rows.drop(_ANSWER)).alias(name).to_frame()

    frame = frame.with_columns(odd.alias(_ANSWER))
    return _with_made(frame, (_ANSWER, *group), {name: pl.Boolean}, compute)


def _touched(odd: pl.Series, group: pl.DataFrame) -> pl.Series:
    if not odd.any() or odd.all():
        return odd
    keys, _ = _packed(_numbers(group))
    if not keys:
        return _alone(True, pl.Boolean, len(odd))
    low, size = _span(keys[0])
    if len(keys) > 1 or size > _FLAGS:
        numbers = pl.DataFrame([key.alias(str(n)) for n, key in enumerate(keys)])
        asking, there = numbers, numbers.filter(odd)
        if 2 * len(there) > len(odd):
            # The odd ones answer for themselves.
            asking = numbers.filter(~odd)
            there = there.join(asking.unique(), on=numbers.columns, how="semi")
        there = there.unique().with_columns(pl.lit(True).alias(_ANSWER))
        found = asking.join(there, on=numbers.columns, how="left", maintain_order="left")
        answers = found[_ANSWER].fill_null(False)
        return answers if asking is numbers else odd.clone().scatter(_places_of(~odd), answers)
    flags = _alone(False, pl.Boolean, size)
    place = keys[0] - low
    return flags.scatter(place.filter(odd), True)[place.cast(pl.UInt32, wrap_numerical=True)]


_FLAGS = 1 << 27  # of a table of flags: more groups are better joined


def some(
    frame: nw.LazyFrame[Any],
    where: nw.Expr,
    change: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
    names: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Give the rows for which ``where`` holds the columns ``names`` as ``change`` makes them.

    ``change`` sees those rows alone; the others keep what they have.
    """
    where = where.fill_null(False)
    if not frame.implementation.is_polars():
        frame = settled(frame)  # used twice
        kept, changed = frame.filter(~where), change(frame.filter(where))
        return nw.concat([kept, changed.select(kept.columns)], how="vertical")
    rows = _here(frame)
    number = f"{_ROWS}{rows.width}"  # what is changed may do the same with some of its rows
    holds = _here(_frame(rows.lazy()).select(where.alias(number)))
    places = _places_of(holds[number])
    if len(places):
        # A filter would go through every column, however few the rows.
        few = rows[places].with_columns(places.alias(number))
        done = _here(change(_frame(few.lazy())).select(number, *names))
        columns = {column.name: column for column in rows.get_columns()}
        del rows  # what nothing else holds is changed where it stands
        for name in names:
            columns[name] = columns[name].scatter(done[number], done[name])
        rows = pl.DataFrame(list(columns.values()))
    return _frame(rows.lazy())


_ROWS = "rows "  # the blank keeps it apart from any heading


def few_of(
    frame: nw.LazyFrame[Any],
    names: Sequence[str],
    pick: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
) -> nw.LazyFrame[Any]:
    """The few rows that ``pick`` leaves, with the columns that it adds or changes.

    It is to look at the columns ``names`` alone: a filter would go through every other one.
    """
    if not _in_bulk(frame):
        return pick(frame)
    rows = _here(frame)
    number = f"{_ROWS}{rows.width}"
    narrow = rows.select(names).with_row_index(number)
    left = _here(pick(_frame(narrow.lazy())))
    return _frame(rows[left[number]].drop(names).hstack(left.drop(number)).lazy())


def once_for_all(
    frame: nw.LazyFrame[Any], keys: Sequence[str], change: Change, known: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """The columns that ``change`` adds to rows by their ``keys`` alone, once for all rows alike.

    ``known``: every combination of keys that the frame may hold, each any number of times. Only
    where it pays: for many rows of an engine whose rows are here.
    """
    if not _in_bulk(frame):
        return change(frame)
    every = _here(known.select(*keys))
    if len(every) <= _FEW_ROWS:
        return change(frame)
    few = _one_of_each(every)
    facts = _here(change(_frame(few.lazy())))
    found = _gathered(frame, facts, facts.schema, keys)
    return change(frame) if found is None else found


def _one_of_each(table: pl.DataFrame) -> pl.DataFrame:
    """The distinct rows; found by counting where their numbers are few enough."""
    packed, _ = _packed(_numbers(table))
    number = packed[0] if packed else _alone(0, pl.Int64, len(table))
    low, size = _span(number)
    if len(packed) > 1 or size > max(_PLACES, 8 * len(table)):
        return table.unique()
    one_of = _alone(None, pl.UInt32, low + size)
    numbers: pl.Series = pl.int_range(len(table), dtype=pl.UInt32, eager=True)
    places = number.cast(pl.UInt32, wrap_numerical=True)
    return table[one_of.scatter(places, numbers).drop_nulls()]


def amended(
    frame: nw.LazyFrame[Any],
    odd: nw.Expr,
    needs: Sequence[str],
    change: Change,
    made: Mapping[str, tuple[nw.Expr, type]],
) -> nw.LazyFrame[Any]:
    """Add the columns ``made``, each an expression and its type, then ``change`` them where odd.

    ``change`` needs the columns ``needs`` and leaves a row as it is where ``odd`` does not hold,
    so that it need not look at it.
    """
    frame = frame.with_columns(**{name: value for name, (value, _) in made.items()})
    if not is_eager(frame):
        return change(frame)
    # Of few rows a plan is kept for the change too; it is made when the first odd row comes.
    step = _planned if is_planned(frame) else plainly

    def compute(table: pl.DataFrame) -> pl.DataFrame:
        odd, whole = _places_of(_filled(table[_ANSWER], True)), table.select(list(made))
        if not len(odd):
            return whole
        # Numbered, for what is changed may be joined and come back in another order.
        numbered = table[odd].with_columns(odd.alias(_ROWS))
        few = _here(step(_frame(numbered.lazy()), change).select(_ROWS, *made))
        return whole.with_columns(whole[name].scatter(few[_ROWS], few[name]) for name in made)

    frame = frame.with_columns(odd.alias(_ANSWER))
    types = {name: _POLARS[kind] for name, (_, kind) in made.items()}
    return _with_made(frame, (_ANSWER, *needs, *made), types, compute)


def repeated(frame: nw.LazyFrame[Any], twice: nw.Expr, name: str) -> nw.LazyFrame[Any]:
    """Rows for which ``twice`` holds stand twice, the second time with ``name`` 1 instead of 0."""
    if is_eager(frame):
        native = nw.to_native(frame.with_columns(twice.alias(_ANSWER)))
        if not _in_bulk(frame):
            places = pl.when(_ANSWER).then(pl.lit([0, 1])).otherwise(pl.lit([0])).alias(name)
            native = native.with_columns(places).drop(_ANSWER).explode(name)
            return _frame(native.sort(name, maintain_order=True))
        native = native.with_columns(pl.lit(0, dtype=pl.Int64).alias(_ONE))

        def both(column: str, more: int = 0) -> pl.Expr:
            def whole(parts: Sequence[pl.Series]) -> pl.Series:
                own, again = parts
                if not again.any():
                    return own
                # Columns in pieces of their own would all be copied at the next step.
                later = own.filter(again)
                return own.clone().append(later + more if more else later).rechunk()

            return pl.map_batches([column, _ANSWER], whole, return_dtype=pl.dtype_of(column))

        # Column by column, so that those which nobody asks for are not even made.
        whole = [both(column) for column in frame.columns]
        return _frame(native.select(*whole, both(_ONE, 1).alias(name)))
    if frame.implementation.is_duckdb():
        frame = settled(frame)  # or every later step binds the whole query again
    copies: Columns = {"times": [1, 2, 2], name: [0, 0, 1]}
    small = beside(frame, copies, dict.fromkeys(copies, int))
    frame = frame.with_columns(times=nw.when(twice).then(2).otherwise(1).cast(nw.Int64))
    return frame.join(small, on="times", how="inner").drop("times")


# --- files ---------------------------------------------------------------------------------


def read_text(
    data: bytes | str,
    heading: Sequence[tuple[str, str]],
    delimiter: str,
    skip: int,
    coded: Collection[str] | None = None,
) -> pl.DataFrame | None:
    """UTF-8 text as a frame of text columns, ``skip`` lines before the heading left out.

    ``data``: the text, or the whole path of a file that holds it. ``heading``: of each column how
    it is written and its name in the frame. ``coded``: of text that should hold no quotes, the
    names of those columns that come as categories where there are many rows: to number a cell at
    once costs less than to keep its text. None where the text is not surely regular: one broken
    record would spoil the rest, and so would quotes unforeseen.
    """
    kinds = [_categorical() if name in (coded or ()) else pl.String() for _, name in heading]
    try:
        frame = pl.read_csv(
            data, separator=delimiter, skip_rows=skip, infer_schema=False, has_header=True,
            raise_if_empty=False, glob=False, quote_char='"' if coded is None else None,
            schema_overrides=kinds,
        )  # fmt: skip
    except pl.exceptions.PolarsError:
        return None
    if frame.width != len(heading):
        return None
    names = [name for _, name in heading]
    columns, rows = dict(zip(names, frame.get_columns(), strict=True)), frame.height
    del frame

    def sound(name: str) -> pl.Series | None:
        # Polars takes the name of a column such as ^x$ for a pattern, so it gets it at the end.
        column = columns.pop(name).alias(_ONE)
        # Plans for few rows are kept by the kinds of their columns.
        if name in (coded or ()):
            column = column.rechunk() if rows > _FEW_ROWS else column.cast(pl.String)
        texts = _texts(column)
        longest: Any = texts.str.len_bytes().max()
        if longest and longest > MAX_FIELD:
            return None
        return (
            None if coded is not None and texts.str.contains(_NO_TEXT).any() else column.alias(name)
        )

    done = _side_by_side(sound, names, rows)
    whole = [column for column in done if column is not None]
    return pl.DataFrame(whole) if len(whole) == len(done) else None


_NO_TEXT = '["\0]'  # what no cell without quotes holds
_OWN = "cells of a log"  # marks categories that one column has for itself


def _categorical() -> pl.Categorical:
    return pl.Categorical(pl.Categories.random(_OWN))


def _is_coded(kind: Any) -> bool:
    return isinstance(kind, pl.Categorical) and kind.categories.namespace() == _OWN


def _texts(column: pl.Series) -> pl.Series:
    """The distinct texts of a column of categories of its own; any other as it is."""
    if not _is_coded(column.dtype):
        return column
    # New categories are numbered as they come, without gaps.
    last: Any = column.to_physical().max()
    numbers = pl.int_range(0 if last is None else last + 1, dtype=pl.UInt32, eager=True)
    return numbers.cat.to(column.dtype).cast(pl.String)


def text_frame(records: Sequence[Sequence[str | None]], names: Sequence[str]) -> pl.DataFrame:
    """Records as a frame of text columns."""
    return pl.DataFrame(records, schema=dict.fromkeys(names, pl.String), orient="row")


def text_columns(columns: Mapping[str, Sequence[str | None]]) -> pl.DataFrame:
    """Columns of text as a frame."""
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def numbered(frame: pl.DataFrame, first: int) -> nw.LazyFrame[Any]:
    """Add ROW, counted from ``first``."""
    rows = frame.with_row_index(ROW, offset=first)
    return _frame(rows.with_columns(pl.col(ROW).cast(pl.Int64)).lazy())


def read_parquet(data: bytes, source: str) -> pl.DataFrame:
    """A Parquet file; lists are no columns of a log."""
    try:
        with _hushed():
            frame = pl.read_parquet(data)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"is no Parquet file that can be read ({_short(error)})", source) from None
    except _panics():
        raise InputError(
            "is no Parquet file that can be read (its data are damaged, or of an unknown kind)",
            source,
        ) from None
    return _cells(frame.lazy(), source).collect()


_ODD = (pl.Categorical, pl.Enum, pl.Binary, pl.Time, pl.Duration, pl.Decimal, pl.Null)


def _cells(frame: pl.LazyFrame, source: str, odd: Sequence[Any] = _ODD) -> pl.LazyFrame:
    """Columns of the kinds that a log's cells have: no lists, and the ``odd`` as text.

    Records stay what they are: see `records_as_text`.
    """
    kinds = {name: kind.base_type() for name, kind in frame.collect_schema().items()}
    records = {name for name, kind in kinds.items() if kind.is_nested() or kind == pl.Object}
    nested = [name for name in kinds if name in records and kinds[name] != pl.Struct]
    if nested:
        hint = "write it as text"
        raise InputError(f'column "{nested[0]}" holds lists or records', source, hint)
    texts = [_as_text(name, kind) for name, kind in kinds.items() if kind in odd]
    return frame.with_columns(texts) if texts else frame


def _panics() -> tuple[type[BaseException], ...]:
    """A fault inside a reader's own library reaches Python as a PanicException."""
    panic = getattr(pl.exceptions, "PanicException", None)
    return (panic,) if panic else ()


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Standard error shut, for a library that writes a stack there before its error arrives."""
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _own(name: str) -> pl.Expr:
    """A log's own column: `pl.col` takes a heading such as * or ^x$ for a pattern."""
    return pl.selectors.by_name(name).as_expr()


# Hours such as 8/60 in pandas are 2 nanoseconds short of their minutes; a microsecond is not given.
LOST_NANOSECONDS = 500


def _as_text(name: str, kind: Any) -> pl.Expr:
    column = _own(name)
    if kind == pl.Time:
        return column.dt.to_string("%H:%M:%S%.f")
    if kind == pl.Duration:
        length = column.dt.total_nanoseconds()
        milliseconds = (length.abs() + LOST_NANOSECONDS) // 1_000_000
        seconds, rest = milliseconds // 1000, milliseconds % 1000
        sign = pl.when(length < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        parts = [seconds // 3600, seconds // 60 % 60, seconds % 60]
        texts = [part.cast(pl.String).str.zfill(2) for part in parts]
        fraction = pl.when(rest > 0).then(pl.format(".{}", rest.cast(pl.String).str.zfill(3)))
        text = pl.concat_str(texts, separator=":")
        return pl.concat_str(sign, text, fraction.otherwise(pl.lit(""))).alias(name)
    if kind == pl.Binary:
        return column.map_batches(_text_or_hex, return_dtype=pl.String)
    text = column.cast(pl.String, strict=False)
    # Of the column's kind, not of the number: 1.060 is no thousand there.
    return text.str.replace(r"(\.\d\d)0+$", "${1}") if kind == pl.Decimal else text


def _text_or_hex(column: pl.Series) -> pl.Series:
    """Bytes that are no text, such as those of a UUID, in hexadecimal digits."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        digits = column.bin.encode("hex")
        return digits.str.replace(_UUID, "${1}-${2}-${3}-${4}-${5}")


_UUID = "^(.{8})(.{4})(.{4})(.{4})(.{12})$"  # of 16 bytes, as it is written everywhere else


def _short(error: BaseException) -> str:
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return textwrap.shorten(said, 80, placeholder=" ...")


def sheet_names(data: bytes, source: str) -> list[str]:
    """The names of a workbook's sheets."""
    names: list[str] = _workbook(data, source).sheet_names
    return names


def read_sheet(data: bytes, source: str, name: str) -> pl.DataFrame:
    """Every row of a sheet as text, the first rows too; times of day lose Excel's day zero."""
    return sheet(data, source, name)[0]


def sheet(data: bytes, source: str, name: str) -> tuple[pl.DataFrame, bool]:
    """As `read_sheet`, and whether it is hidden from whoever opens the workbook."""
    book = _workbook(data, source)
    whole: dict[str, Any] = {"header_row": None, "skip_rows": 0}
    with _sheet_faults(data, source, f'sheet "{name}" cannot be read'):
        found = book.load_sheet(name, dtypes="string", **whole)
        frame: pl.DataFrame = found.to_polars()
        ods = data.startswith(b"PK") and b"xl/workbook." not in data
        if ods:
            # The reader has no text for times of day in ods, and leaves their cells blank.
            spans = book.load_sheet(name, dtypes="duration", **whole).to_polars()
            spans = spans.with_columns(_as_text(column, pl.Duration) for column in spans.columns)
            frame = frame.with_columns(frame[n].fill_null(spans[n]) for n in frame.columns)
    # A cell of time alone is a stamp of the day before Excel's first; on a Mac that was in 1904.
    # The day before that is ods's own, and in Excel a length below zero.
    zero = "1899-12-3[01]" if ods else "1899-12-31"
    plain = pl.all().str.replace(rf"^(?:{zero}|1904-01-01) (\d\d:)", "${1}")
    return frame.with_columns(plain), found.visible != "visible"


def blank_where_alone(rows: pl.DataFrame, texts: Sequence[str]) -> pl.DataFrame:
    """Rows of text that hold some of ``texts`` and nothing else are blank."""
    if not rows.width:
        return rows
    one = pl.all().is_in(texts).fill_null(False)
    holds = rows.select(pl.any_horizontal(one)).to_series()
    if not holds.any():
        return rows  # as most, whose cells need not all be looked at for blanks
    blank = pl.all().is_null() | (pl.all().str.strip_chars() == "")
    alone = holds & rows.select(pl.all_horizontal(one | blank)).to_series()
    return rows.with_columns(pl.when(~alone).then(pl.all()))


def _workbook(data: bytes, source: str) -> Any:
    try:
        import fastexcel
    except ImportError:
        hint = "pip install 'therapy-billing-calc[excel]', or save the sheet as csv"
        raise InputError("a workbook needs fastexcel", source, hint) from None
    with _sheet_faults(data, source, "is no workbook that can be read"):
        return fastexcel.read_excel(data)


@contextlib.contextmanager
def _sheet_faults(data: bytes, source: str, what: str) -> Iterator[None]:
    """InputError where the reader of workbooks cannot go on; nothing of its own on stderr."""
    import fastexcel

    # Damaged counts of an xls may end the process: its last words are all that is said then.
    quiet = _hushed() if data.startswith(b"PK") else contextlib.nullcontext()
    hint = "open it and save it again as xlsx or csv"
    try:
        with quiet:
            yield
    except BaseException as error:
        # The reader's own faults are of a kind that no module names.
        fault = type(error).__name__ == "PanicException"
        if fault or isinstance(error, fastexcel.FastExcelError | ValueError):
            raise InputError(f"{what} ({_short(error)})", source, hint) from None
        raise


def with_rows(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Number the rows of a caller's frame from 1; on Spark, which keeps no order, with gaps."""
    if frame.implementation.is_polars():
        return _frame(nw.to_native(frame).with_row_index(ROW, offset=1))
    if frame.implementation.is_duckdb():
        numbered = f'select *, row_number() over () as "{ROW}" from log'
        return _frame(nw.to_native(frame).query("log", numbered))
    from pyspark.sql import functions

    number = functions.monotonically_increasing_id() + 1
    return _frame(nw.to_native(frame).withColumn(ROW, number))


def tells_apart(frame: nw.LazyFrame[Any], name: str) -> bool:
    """Whether a caller's column holds whole numbers, each once, as numbers or as text.

    On Spark the caller of a column of integers is believed, and no text is looked at.
    """
    kind = frame.collect_schema()[name]
    if not is_eager(frame) and not frame.implementation.is_duckdb():
        return kind.is_integer()
    if not kind.is_integer() and kind != nw.String:
        return False
    numbers = collect(frame.select(name))[name]
    if kind == nw.String:
        if not numbers.str.contains(r"^[0-9]{1,18}$").fill_null(value=False).all():
            return False
        numbers = numbers.cast(nw.Int64)
    return not numbers.is_null().any() and bool(numbers.is_unique().all())


def sheet_as_csv(data: bytes, source: str) -> bytes:
    """The first sheet of a workbook as csv text; InputError where it cannot be read."""
    text: str = read_sheet(data, source, sheet_names(data, source)[0]).write_csv(
        include_header=False
    )
    return text.encode()


def _hidden(path: str | Path) -> Path:
    """A new hidden name beside ``path`` for what is not yet whole; names have an end at 255 bytes.

    It is known before anything has it, so that an interruption in between leaves nothing.
    """
    place = Path(path)
    return place.with_name(f".{place.name[:_NAMED]}.{secrets.token_hex(8)}.partial")


def unfinished(path: str) -> list[str]:
    """The hidden names beside ``path`` of runs that were killed, or that still write there."""
    with contextlib.suppress(OSError, ValueError):  # what is wrong there is said when it is written
        # A file waits beside what a link leads to, a folder beside the link.
        places = {Path(os.path.realpath(path)), Path(path).absolute()}
        found = itertools.chain.from_iterable(
            place.parent.glob(f".{glob.escape(place.name[:_NAMED])}.{_HEX}.partial")
            for place in places
        )
        return sorted({os.path.realpath(place) for place in found})
    return []


_HEX = "[0-9a-f]" * 16
_NAMED = 50  # letters of an output's name, each of up to four bytes
BESIDE_HINT = "name another place by -o FILE: what is not yet whole waits beside it"


@contextlib.contextmanager
def hidden_folder(output: str | None) -> Iterator[Path]:
    """A hidden folder beside the output for what is not yet whole; gone at the end.

    Without an output it is where the system keeps what does not last.
    """
    where = Path(output).absolute() if output else Path(tempfile.gettempdir(), "therapy-calc")
    folder, named = _hidden(where), output or str(where.parent)  # a user knows of the output alone
    try:
        try:
            folder.mkdir(0o700)
        except OSError as error:
            raise InputError(_unwritten(error), named, BESIDE_HINT) from None
        yield folder
    except InputError as error:
        if not error.where.startswith(str(folder)):
            raise
        raise InputError(error.what, named, BESIDE_HINT) from None
    except OSError as error:
        if not str(error.filename or "").startswith(str(folder)):
            raise
        raise InputError(_unwritten(error), named, BESIDE_HINT) from None
    finally:
        _removed(folder)


def _unwritten(error: OSError) -> str:
    return f"cannot be written ({error.strerror or error})"


def _removed(folder: Path) -> None:
    """Take a folder away, also where an impatient user interrupts that."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except KeyboardInterrupt:
        _removed(folder)
        raise


@contextlib.contextmanager
def whole(path: str) -> Iterator[str]:
    """A temporary name beside ``path`` that takes its place only when all went well.

    What is replaced hands on its rights, and of a link the file that it leads to is replaced.
    """
    place = os.path.realpath(path)
    temporary = str(_hidden(place))
    try:
        stream = str(Path(path).absolute()).startswith(_STREAMS)
        if stream or (Path(path).exists() and not Path(path).is_file()):
            # Taking the place of a folder or a device such as /dev/null would destroy it.
            raise InputError("cannot be written (it is no file)", path)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield temporary
        Path(temporary).chmod(_rights(place))
        os.replace(temporary, place)
    except OSError as error:
        raise InputError(_unwritten(error), path, _ELSEWHERE) from None
    finally:
        # It is gone, or was never there; where it cannot be removed, what went wrong says why.
        with contextlib.suppress(OSError):
            os.unlink(temporary)


# Names of what the shell has opened: to take its place would lose what stands there.
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")


def _rights(path: str) -> int:
    """The rights of a file; of one that is not there those of any new file."""
    with contextlib.suppress(OSError):
        return Path(path).stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


_ELSEWHERE = "name another place by -o FILE"


def write_parquet(frame: nw.DataFrame[Any], money: Sequence[str], path: str) -> None:
    """A frame as a Parquet file, cents as exact decimals of dollars."""
    cents = [name for name in money if name in frame.columns]
    lines = nw.to_native(decimals(frame.lazy(), cents)).collect()
    with _writing(path):
        lines.write_parquet(path)


def write_csv(frame: nw.DataFrame[Any], path: str) -> None:
    """A frame as a csv file."""
    with _writing(path):
        frame.write_csv(path)


@contextlib.contextmanager
def _writing(path: str | Path) -> Iterator[None]:
    """OSError where Polars cannot write, of which it has errors of its own."""
    try:
        yield
    except pl.exceptions.PolarsError as error:
        full = os.strerror(errno.ENOSPC)
        reason = full if full in str(error) else f"{_short(error)}; is the disk full?"
        raise OSError(errno.EIO, reason, str(path)) from None


# --- Parquet larger than memory -----------------------------------------------------------


def parquet_rows(source: str) -> int:
    """The rows of a Parquet file, without reading them; InputError where it is none."""
    if Path(source).is_file() and not Path(source).stat().st_size:
        raise InputError("the file is empty", source, "export it again")
    with _as_parquet(source):
        return int(pl.scan_parquet(source, glob=False).select(pl.len()).collect().item())


def parquet_names(source: str) -> list[str]:
    """The columns of a Parquet file, without reading it; InputError where it is none."""
    with _as_parquet(source):
        return pl.scan_parquet(source, glob=False).collect_schema().names()


@contextlib.contextmanager
def _as_parquet(source: str) -> Iterator[None]:
    """InputError where a file is no sound Parquet."""
    try:
        with _hushed():
            yield
    except (pl.exceptions.PolarsError, OSError) as error:
        why = _short(error)
    except _panics():
        why = "its data are damaged"
    else:
        return
    hint = "export it again, or give it the ending of what it holds"
    raise InputError(f"cannot be read as Parquet ({why})", source, hint)


def parquet_slice(source: str, first: int, rows: int, names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Some rows of a Parquet file, its columns under ``names``.

    Numbered as the records of a file are: the first is row 2. Blank rows are no records.
    InputError where the file is damaged.
    """
    with _as_parquet(source):
        frame = _cells(pl.scan_parquet(source, glob=False).slice(first, rows), source).collect()
    frame.columns = list(names)
    blank = [
        _own(name).str.strip_chars().fill_null("") == ""
        if kind == pl.String
        else _own(name).is_null()
        for name, kind in frame.schema.items()
    ]
    frame = frame.with_row_index(ROW, offset=first + 2)
    return _frame(frame.filter(~pl.all_horizontal(blank)).lazy())


def parquet_cells(source: str) -> nw.LazyFrame[Any]:
    """A Parquet file as the cells of a log, not yet read."""
    return _frame(_cells(pl.scan_parquet(source, glob=False), source))


def scan_parquet(sources: Sequence[str]) -> nw.LazyFrame[Any]:
    """Parquet files as one frame; columns that a file lacks are null for its rows."""
    scans = [pl.scan_parquet(name, glob=False) for name in sources]
    return _frame(pl.concat(scans, how="diagonal_relaxed"))


def streamed(frame: nw.LazyFrame[Any], source: str) -> nw.LazyFrame[Any]:
    """What a step leaves of a Parquet file, without holding it in memory.

    InputError where the file, ``source``, is damaged.
    """
    with _as_parquet(source):
        return _frame(nw.to_native(frame).collect(engine="streaming").lazy())


def with_text(frame: nw.LazyFrame[Any], names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Add the named columns, null, where they are not there."""
    there = frame.columns
    lacking = {name: nw.lit(None, dtype=nw.String) for name in names if name not in there}
    return frame.with_columns(**lacking) if lacking else frame


def stacked(frames: Sequence[nw.DataFrame[Any]]) -> nw.DataFrame[Any]:
    """Frames as one, with all their columns; no frames: an empty one."""
    rows = [frame.to_native() for frame in frames] or [pl.DataFrame()]
    done: nw.DataFrame[Any] = nw.from_native(pl.concat(rows, how="diagonal_relaxed"))
    return done


def split_parquet(frame: nw.LazyFrame[Any], key: str, folders: Sequence[Path], name: str) -> int:
    """Write each row to the file ``name`` in the folder that its key falls to; how many rows.

    Every folder gets the file, so that it knows the columns.
    """
    rows = nw.to_native(collect(plain(frame)))
    if len(folders) == 1:
        with _writing(folders[0] / name):
            rows.write_parquet(folders[0] / name, compression="lz4")
        return len(rows)
    numbered = rows.with_columns((rows[key].hash(seed=0) % len(folders)).alias(_ROWS))
    parts = numbered.partition_by(_ROWS, as_dict=True, include_key=False)
    for number, folder in enumerate(folders):
        some = parts.get((number,), rows.head(0))
        with _writing(folder / name):
            some.write_parquet(folder / name, compression="lz4")
    return len(rows)


def write_parquet_part(frame: nw.LazyFrame[Any], path: str) -> None:
    rows = nw.to_native(collect(frame))
    with _writing(path):
        rows.write_parquet(path)


def join_parquet(parts: Sequence[str], output: str) -> None:
    """Parquet files as one, without holding them in memory."""
    with _writing(output):
        pl.scan_parquet(list(parts), glob=False).sink_parquet(output)


# --- money at the edge ---------------------------------------------------------------------


def dollar_text(
    frame: nw.LazyFrame[Any], names: Sequence[str], grouped: bool = False
) -> nw.LazyFrame[Any]:
    """Columns of cents as text with two decimals, ``grouped`` as 1,234.56; null stays null."""
    columns = {}
    for name in names:
        cents = nw.col(name).abs()
        sign = nw.when(nw.col(name) < 0).then(nw.lit("-")).otherwise(nw.lit(""))
        digits = (cents % 100).cast(nw.String).str.zfill(2)
        whole = (cents // 100).cast(nw.Int64)
        said = _in_thousands(whole) if grouped else whole.cast(nw.String)
        text = nw.concat_str([sign, said, nw.lit("."), digits])
        columns[name] = nw.when(~cents.is_null()).then(text)
    return frame.with_columns(**columns) if columns else frame


def _in_thousands(whole: nw.Expr) -> nw.Expr:
    """Whole numbers below a thousand million as text with a comma before each three digits."""
    ones, thousands, millions = (
        (whole // size % 1000).cast(nw.Int64).cast(nw.String) for size in (1, 1000, 1_000_000)
    )
    comma, last = nw.lit(","), ones.str.zfill(3)
    large = nw.concat_str([millions, comma, thousands.str.zfill(3), comma, last])
    middle = nw.when(whole < 1_000_000).then(nw.concat_str([thousands, comma, last]))
    return nw.when(whole < 1000).then(ones).otherwise(middle.otherwise(large))


def decimals(frame: nw.LazyFrame[Any], names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Columns of cents as the engine's exact decimals with two places, for a caller's frame."""
    if frame.implementation.is_polars():
        return fixed(frame, dict.fromkeys(names, 2))
    headings = frame.columns
    plain = [name if name in names else place for name, place in places(headings).items()]
    native = nw.to_native(dollar_text(headed(frame, plain), names))
    if frame.implementation.is_duckdb():
        casts = ", ".join(f"cast({name} as decimal(18, 2)) as {name}" for name in names)
        native = native.query("lines", f"select * replace ({casts}) from lines")
    else:
        for name in names:
            native = native.withColumn(name, native[name].cast("decimal(18,2)"))
    return headed(_frame(native), headings)


def fixed(frame: nw.LazyFrame[Any], places: Mapping[str, int]) -> nw.LazyFrame[Any]:
    """Columns of a Polars frame, whole numbers of 10**-places, as exact decimals with so many."""
    exact = [
        (pl.col(name).cast(pl.Decimal(38, n)) / 10**n).cast(pl.Decimal(18, n))
        for name, n in places.items()
    ]
    return _frame(nw.to_native(frame).with_columns(exact))


# --- workbooks -----------------------------------------------------------------------------

SHEET_ROWS = 1_048_575  # of Excel, below the headings
CELL_LENGTH = 32_767  # of Excel, in characters
_WIDEST = 60  # of a column, in characters
_PLACES_SHOWN = 6  # of a number

Sheet = tuple[Sequence[str], Iterable[Sequence[Any]]]


def write_workbook(path: str, sheets: Mapping[str, Sheet], created: str = "") -> int:
    """Sheets by name, each headings and rows; text is never read as a formula, link or number.

    Gives how many texts are longer than a cell holds, and were cut off at CELL_LENGTH. A Decimal
    keeps its places, of which money has two; an int is a count, a date a date, None a blank cell.
    ``created`` is the ISO time in the file's properties, so that the same sheets give the same
    bytes. Raises InputError where xlsxwriter is missing.
    """
    try:
        import xlsxwriter
    except ImportError:
        hint = "pip install 'therapy-billing-calc[excel]'"
        raise InputError("a workbook needs xlsxwriter", path, hint) from None
    options: dict[str, Any] = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with hidden_folder(path) as folder:  # what a row's cells wait in would else stay elsewhere
        options |= {"constant_memory": True, "tmpdir": str(folder)}
        book = xlsxwriter.Workbook(path, options)
        cut = _filled_book(book, sheets, created)
        try:
            book.close()
        except xlsxwriter.exceptions.FileCreateError as error:
            raise OSError(errno.EIO, f"{error}; is the disk full?", path) from None
    return cut


def _filled_book(book: Any, sheets: Mapping[str, Sheet], created: str) -> int:
    """Write the sheets; how many texts were cut off."""
    if created:
        book.set_properties({"created": datetime.fromisoformat(created)})
    looks = {
        "heading": book.add_format({"bold": True, "bottom": 1, "valign": "top"}),
        "count": book.add_format({"num_format": "#,##0"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    for places in range(_PLACES_SHOWN + 1):
        point = "." if places else ""
        looks[f"{places}"] = book.add_format({"num_format": f"#,##0{point}{'0' * places}"})
    cut = 0
    for name, (headings, rows) in sheets.items():
        cut += _write_sheet(book.add_worksheet(name), headings, rows, looks)
    return cut


def _write_sheet(
    sheet: Any, headings: Sequence[str], rows: Iterable[Sequence[Any]], looks: dict[str, Any]
) -> int:
    first = list(itertools.islice(rows := iter(rows), 200))  # enough to judge the widths by
    for column, heading in enumerate(headings):
        longest = max(len(str(cells[column] or "")) for cells in [headings, *first])
        sheet.set_column(column, column, min(longest + 2, _WIDEST))
        sheet.write_string(0, column, heading, looks["heading"])
    last = cut = 0
    for last, cells in enumerate(itertools.chain(first, rows), 1):
        for column, value in enumerate(cells):
            _write_cell(sheet, last, column, value, looks)
            cut += isinstance(value, str) and len(value) > CELL_LENGTH
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last, len(headings) - 1)
    return cut


def _write_cell(sheet: Any, row: int, column: int, value: Any, looks: dict[str, Any]) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, Decimal):
        places = min(max(0, -int(value.as_tuple().exponent)), _PLACES_SHOWN)
        sheet.write_number(row, column, value, looks[f"{places}"])
    elif isinstance(value, int):
        sheet.write_number(row, column, value, looks["count"])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, looks["date"])
    else:
        sheet.write_string(row, column, str(value)[:CELL_LENGTH])
