"""Open, join small tables to, collect and write frames.

The only file that names an engine: Polars by default, DuckDB and PySpark when they are installed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from calc.errors import InputError

Columns = dict[str, list[Any]]

ROW = "row "  # the record number; the blank keeps it apart from any heading of a log
MAX_FIELD = 1_000_000  # bytes of one cell
ENGINES = ("polars", "duckdb", "spark")
_MISSING = {
    "duckdb": "pip install 'therapy-billing-calc[duckdb]'",
    "spark": "pip install 'therapy-billing-calc[spark]' (Spark also needs Java 17)",
}
_POLARS: dict[type, Any] = {str: pl.String, int: pl.Int64, bool: pl.Boolean, date: pl.Date}
_SQL = {str: "varchar", int: "bigint", bool: "boolean", date: "date"}


def _frame(native: Any) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame


def table(columns: Columns, types: Mapping[str, type]) -> nw.LazyFrame[Any]:
    """A Polars table of Python values; ``types`` gives each column str, int, bool or date."""
    schema = {name: _POLARS[kind] for name, kind in types.items()}
    return _frame(pl.LazyFrame(columns, schema=schema))


def beside(
    frame: nw.LazyFrame[Any], columns: Columns, types: Mapping[str, type]
) -> nw.LazyFrame[Any]:
    """A small table in the engine, and where it matters the connection, of ``frame``."""
    native = nw.to_native(frame)
    kind = frame.implementation
    if kind.is_polars():
        return table(columns, types)
    if kind.is_duckdb():
        return _frame(native.query("caller", _values(columns, types)))
    if kind.is_pyspark() or kind.is_pyspark_connect():
        return _frame(native.sparkSession.createDataFrame(_arrow(columns, types)))
    raise InputError(f"frames of {kind} are not supported", hint="give a Polars frame")


def _arrow(columns: Columns, types: Mapping[str, type]) -> Any:
    return nw.to_native(table(columns, types)).collect().to_arrow()


def _values(columns: Columns, types: Mapping[str, type]) -> str:
    """The table as a query over literals: a caller's relation joins nothing of another database."""
    rows = list(zip(*(columns[name] for name in types), strict=True))
    # A first row of typed nulls gives every column its type even where all values are null.
    typed = ", ".join(f"cast(null as {_SQL[kind]})" for kind in types.values())
    body = ", ".join([f"({typed})", *("(" + ", ".join(map(_literal, row)) + ")" for row in rows)])
    names = ", ".join(types)
    where = " or ".join(f"{name} is not null" for name in types)
    return f"select * from (values {body}) as small({names}) where {where}"


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower()


def lazy(frame: Any) -> nw.LazyFrame[Any]:
    """Any frame of a caller as a lazy one; eager pandas and PyArrow frames become Polars."""
    wrapped = nw.from_native(frame)
    if isinstance(wrapped, nw.DataFrame):
        return _frame(wrapped.to_polars().lazy())
    return _frame(frame)


def like(lines: nw.LazyFrame[Any], caller: Any) -> Any:
    """``lines`` as the kind of frame that the caller gave."""
    given = nw.from_native(caller)
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
    given = nw.from_native(caller)
    kind = given.implementation
    if kind.is_polars():
        return done if isinstance(given, nw.LazyFrame) else done.collect()
    arrow = done.collect().to_arrow()
    if kind.is_pandas():
        return done.collect().to_pandas()
    if kind.is_duckdb():
        import duckdb

        return duckdb.from_arrow(arrow)
    if kind.is_pyspark() or kind.is_pyspark_connect():
        return nw.to_native(given).sparkSession.createDataFrame(arrow)
    return arrow


def collect(frame: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """The rows, as a Polars frame."""
    if frame.implementation.is_polars():
        rows = nw.to_native(frame).collect()
    else:
        rows = pl.DataFrame(frame.collect("pyarrow").to_native())
    done: nw.DataFrame[Any] = nw.from_native(rows)
    return done


def settled(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The same rows computed once, where the engine would compute them again for each use."""
    if frame.implementation.is_polars():
        return collect(frame).lazy()
    if frame.implementation.is_duckdb():
        relation = nw.to_native(frame)
        # DuckDB 2 names it materialize; before, execute kept the rows in the relation.
        keep = relation.materialize if hasattr(relation, "materialize") else relation.execute
        return _frame(keep())
    return _frame(nw.to_native(frame).cache())


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


def is_eager(frame: nw.LazyFrame[Any]) -> bool:
    """Whether the rows are in this process (Polars), so that looking at them costs little."""
    return frame.implementation.is_polars()


Coded = tuple["pl.Series | None", "pl.Series"]


def coded(frame: nw.LazyFrame[Any], names: Sequence[str]) -> dict[str, Coded]:
    """Each column of an eager frame as numbers into its distinct values; None: one value for all.

    Texts are null-free. Numbers are cheap to follow: a fact about a value is found for a
    million rows in the time that one look at their texts takes.
    """
    rows = nw.to_native(frame).select(names).collect()
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(_coded, rows.get_columns()), strict=True))


def _coded(column: pl.Series) -> Coded:
    if column.dtype == pl.String:
        column = column.fill_null("")
    if len(column) and column.null_count() == 0 and (column == column[0]).all():
        return None, column.head(1).alias("value")
    if column.dtype == pl.String:
        category = column.cast(pl.Categorical(pl.Categories.random()))
        distinct = category.unique()
        values = pl.DataFrame({"at": distinct.to_physical(), "value": distinct.cast(pl.String)})
        return category.to_physical(), values.sort("at")["value"]
    values = column.unique().alias("value").to_frame().with_row_index("at")
    keyed = column.alias("value").to_frame()
    found = keyed.join(values, on="value", how="left", nulls_equal=True, maintain_order="left")
    return found["at"], values["value"]


def values_of(code: Coded) -> nw.LazyFrame[Any]:
    """The distinct values of `coded` as a column ``value``."""
    return _frame(code[1].to_frame().lazy())


def spread(
    frame: nw.LazyFrame[Any], facts: Sequence[tuple[Coded, nw.LazyFrame[Any]]]
) -> nw.LazyFrame[Any]:
    """Add to an eager frame what is known of each value, in the order of `values_of`."""
    rows = nw.to_native(frame).collect()
    columns: list[Any] = []
    for (codes, _), table in facts:
        for fact in nw.to_native(table).collect().get_columns():
            columns.append(pl.lit(fact[0], fact.dtype).alias(fact.name) if codes is None
                           else fact.gather(codes))  # fmt: skip
    return _frame(rows.with_columns(columns).lazy())


def beside_each(
    frame: nw.LazyFrame[Any], columns: Columns, types: Mapping[str, type]
) -> nw.LazyFrame[Any]:
    """A small Polars table with as many rows beside it, in the same order."""
    rows = nw.to_native(frame).collect()
    return _frame(rows.hstack(nw.to_native(table(columns, types)).collect().get_columns()).lazy())


def constants(frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    """Of a small Polars table the columns that hold one value throughout, and the value."""
    rows = nw.to_native(frame).collect()
    return {c.name: c[0] for c in rows.get_columns() if len(c) and c.n_unique() == 1}


def rows_of(frame: nw.LazyFrame[Any]) -> tuple[Columns, dict[str, type]]:
    """A small Polars table as Python values, with their types: what `beside` takes."""
    done = nw.to_native(frame).collect()
    kinds = {kind: name for name, kind in _POLARS.items()}
    return done.to_dict(as_series=False), {n: kinds[k] for n, k in done.schema.items()}


def count(frame: nw.LazyFrame[Any]) -> int:
    """How many rows there are."""
    return int(collect(frame.select(rows=nw.len().cast(nw.Int64)))["rows"][0])


def listed(frame: nw.DataFrame[Any], key: str, column: str, name: str) -> nw.DataFrame[Any]:
    """One row per ``key`` with the values of a text column, each once and in order, as ``name``."""
    texts = pl.col(column).unique(maintain_order=True).str.join(" ").alias(name)
    grouped = nw.to_native(frame).group_by(key, maintain_order=True).agg(texts)
    done: nw.DataFrame[Any] = nw.from_native(grouped)
    return done


def on_engine(frame: nw.LazyFrame[Any], engine: str) -> nw.LazyFrame[Any]:
    """A Polars frame handed over to the named engine."""
    if engine == "polars":
        return frame
    if engine not in ENGINES:
        raise InputError(f'engine "{engine}" is not known', hint=f"choose {', '.join(ENGINES)}")
    rows = collect(frame).to_arrow()
    try:
        if engine == "duckdb":
            import duckdb

            return _frame(duckdb.connect().from_arrow(rows))
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError(f"{engine} is not installed", hint=_MISSING[engine]) from None
    spark = SparkSession.builder.appName("therapy-billing-calc")
    session = spark.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    return _frame(session.createDataFrame(rows))


# --- files ---------------------------------------------------------------------------------


def read_text(data: bytes, names: Sequence[str], delimiter: str, skip: int) -> pl.DataFrame | None:
    """UTF-8 text as a frame of text columns, ``skip`` lines before the heading left out.

    None where the text is not surely regular: one broken record would spoil the rest.
    """
    if (b'"' in data and data.count(b'"') % 2) or b"\0" in data:
        return None
    try:
        frame = pl.read_csv(data, infer_schema=False, has_header=True, skip_rows=skip,
                            separator=delimiter, raise_if_empty=False)  # fmt: skip
    except pl.exceptions.PolarsError:
        return None
    if frame.width != len(names):
        return None
    frame.columns = list(names)
    longest = frame.select(pl.all().str.len_bytes().max()).row(0) if frame.height else ()
    return None if any(length and length > MAX_FIELD for length in longest) else frame


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
    """A Parquet file; nested columns are no columns of a log."""
    try:
        frame = pl.read_parquet(data)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"is no Parquet file that can be read ({_short(error)})", source) from None
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    if nested:
        hint = "write it as text"
        raise InputError(f'column "{nested[0]}" holds lists or records', source, hint)
    odd = [pl.Categorical, pl.Enum, pl.Binary, pl.Time, pl.Duration, pl.Decimal, pl.Null]
    kinds = frame.schema.items()
    return frame.with_columns(_as_text(n, k) for n, k in kinds if k.base_type() in odd)


def _as_text(name: str, kind: Any) -> pl.Expr:
    column = pl.col(name)
    if kind == pl.Time:
        return column.dt.to_string("%H:%M:%S")
    if kind == pl.Duration:
        seconds = column.dt.total_seconds()
        parts = [seconds // 3600, seconds // 60 % 60, seconds % 60]
        texts = [part.cast(pl.String).str.zfill(2) for part in parts]
        return pl.concat_str(texts, separator=":").alias(name)
    return column.cast(pl.String, strict=False)


def _short(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:80]


def sheet_names(data: bytes, source: str) -> list[str]:
    """The names of a workbook's sheets."""
    names: list[str] = _workbook(data, source).sheet_names
    return names


def read_sheet(data: bytes, source: str, name: str) -> pl.DataFrame:
    """Every row of a sheet as text, the first rows too; times of day lose Excel's day zero."""
    try:
        sheet = _workbook(data, source).load_sheet(
            name, header_row=None, skip_rows=0, dtypes="string"
        )
        frame: pl.DataFrame = sheet.to_polars()
    except _sheet_errors() as error:
        raise InputError(f'sheet "{name}" cannot be read ({_short(error)})', source) from None
    # A cell of time alone is a stamp of the day before Excel's first.
    return frame.with_columns(pl.all().str.replace(r"^1899-12-3[01] (\d\d:)", "${1}"))


def _workbook(data: bytes, source: str) -> Any:
    try:
        import fastexcel
    except ImportError:
        hint = "pip install 'therapy-billing-calc[excel]', or save the sheet as csv"
        raise InputError("a workbook needs fastexcel", source, hint) from None
    try:
        return fastexcel.read_excel(data)
    except _sheet_errors() as error:
        what = f"is no workbook that can be read ({_short(error)})"
        raise InputError(what, source, "open it and save it again as xlsx or csv") from None


def _sheet_errors() -> tuple[type[BaseException], ...]:
    import fastexcel

    # A fault inside the reader's own library reaches Python as a PanicException.
    panic = getattr(pl.exceptions, "PanicException", None)
    return (fastexcel.FastExcelError, ValueError, *([panic] if panic else []))


def with_rows(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Number the rows of a caller's frame from 1, where its engine keeps an order."""
    if frame.implementation.is_polars():
        return _frame(nw.to_native(frame).with_row_index(ROW, offset=1))
    return frame.with_columns(nw.lit(None, dtype=nw.Int64).alias(ROW))


def sheet_as_csv(data: bytes, source: str) -> bytes:
    """The first sheet of a workbook as csv text; InputError where it cannot be read."""
    text: str = read_sheet(data, source, sheet_names(data, source)[0]).write_csv(
        include_header=False
    )
    return text.encode()


@contextlib.contextmanager
def whole(path: str) -> Iterator[str]:
    """A temporary name beside ``path`` that takes its place only when all went well."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".partial")
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", path) from None
    os.close(handle)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def write_parquet(frame: nw.DataFrame[Any], money: Sequence[str], path: str) -> None:
    """A frame as a Parquet file, cents as exact decimals of dollars."""
    cents = [name for name in money if name in frame.columns]
    nw.to_native(decimals(frame.lazy(), cents)).collect().write_parquet(path)


XLSX_ROWS = 1_048_575  # of a sheet, below the heading


def write_xlsx(frame: nw.DataFrame[Any], money: Sequence[str], path: str) -> None:
    """A frame as a workbook: text is never a formula, dates are dates, cents become dollars."""
    try:
        import xlsxwriter
    except ImportError:
        hint = "pip install 'therapy-billing-calc[excel]', or write csv"
        raise InputError("xlsx needs xlsxwriter", hint=hint) from None
    if len(frame) > XLSX_ROWS:
        what = f"{len(frame):,} lines are more than a sheet holds ({XLSX_ROWS:,})"
        raise InputError(what, hint="write csv or parquet")
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False, "in_memory": False}  # fmt: skip
    with xlsxwriter.Workbook(path, options) as book:
        sheet = book.add_worksheet("lines")
        bold = book.add_format({"bold": True, "bottom": 1})
        forms = {"money": book.add_format({"num_format": "#,##0.00"}),
                 "date": book.add_format({"num_format": "yyyy-mm-dd"})}  # fmt: skip
        kinds = [_cell_kind(name, kind, money) for name, kind in frame.schema.items()]
        for place, name in enumerate(frame.columns):
            sheet.set_column(place, place, min(max(len(name) + 2, 11), 40))
            sheet.write_string(0, place, name, bold)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(len(frame), 1), max(len(kinds) - 1, 0))
        for number, row in enumerate(frame.iter_rows(), 1):
            for place, (kind, value) in enumerate(zip(kinds, row, strict=True)):
                _write_cell(sheet, number, place, kind, value, forms)


def _cell_kind(name: str, kind: Any, money: Sequence[str]) -> str:
    if name in money:
        return "money"
    if kind == nw.Date:
        return "date"
    if kind == nw.Boolean:
        return "boolean"
    return "number" if kind.is_numeric() else "text"


def _write_cell(sheet: Any, row: int, place: int, kind: str, value: Any, forms: Any) -> None:
    if value is None or value == "":
        return
    if kind == "money":
        # The nearest double of a cent amount shows and adds up as the amount.
        sheet.write_number(row, place, value / 100, forms["money"])
    elif kind == "date":
        sheet.write_datetime(row, place, value, forms["date"])
    elif kind == "boolean":
        sheet.write_boolean(row, place, value)
    elif kind == "number":
        sheet.write_number(row, place, value)
    else:
        sheet.write_string(row, place, str(value)[:32_767])


# --- money at the edge ---------------------------------------------------------------------


def dollar_text(frame: nw.LazyFrame[Any], names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Columns of cents as text with two decimals; null stays null."""
    columns = {}
    for name in names:
        cents = nw.col(name).abs()
        sign = nw.when(nw.col(name) < 0).then(nw.lit("-")).otherwise(nw.lit(""))
        digits = (cents % 100).cast(nw.String).str.zfill(2)
        whole = (cents // 100).cast(nw.Int64).cast(nw.String)
        text = nw.concat_str([sign, whole, nw.lit("."), digits])
        columns[name] = nw.when(~cents.is_null()).then(text)
    return frame.with_columns(**columns) if columns else frame


def decimals(frame: nw.LazyFrame[Any], names: Sequence[str]) -> nw.LazyFrame[Any]:
    """Columns of cents as the engine's exact decimals with two places, for a caller's frame."""
    native = nw.to_native(dollar_text(frame, names))
    if frame.implementation.is_polars():
        return _frame(native.with_columns(pl.col(n).cast(pl.Decimal(18, 2)) for n in names))
    if frame.implementation.is_duckdb():
        casts = ", ".join(f"cast({name} as decimal(18, 2)) as {name}" for name in names)
        return _frame(native.query("lines", f"select * replace ({casts}) from lines"))
    for name in names:
        native = native.withColumn(name, native[name].cast("decimal(18,2)"))
    return _frame(native)
