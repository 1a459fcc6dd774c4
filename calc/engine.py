"""Open, join small tables to, collect and write frames.

The only file that names an engine: Polars by default, DuckDB and PySpark when they are installed.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import narwhals.stable.v2 as nw
import polars as pl

from calc.errors import InputError

Columns = dict[str, list[Any]]

ROW = "row "  # the record number; the blank keeps it apart from any heading of a log
ENGINES = ("polars", "duckdb", "spark")
_MISSING = {
    "duckdb": "pip install 'therapy-billing-calc[duckdb]'",
    "spark": "pip install 'therapy-billing-calc[spark]' (Spark also needs Java 17)",
}
_POLARS = {str: pl.String, int: pl.Int64, bool: pl.Boolean, date: pl.Date}
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


def read_csv(
    source: str, stdin: IO[bytes] | None = None
) -> tuple[nw.LazyFrame[Any], list[tuple[int, list[str]]]]:
    """Records of a csv file as text columns with ROW, and the records with too many fields.

    The heading is row 1. Blank records keep their number but are no records.
    """
    data = _bytes(source, stdin)
    if not data.strip():
        raise InputError("the file is empty", source, "the first line must hold the headings")
    # The fast reader takes only what is surely regular: one broken record would spoil the rest.
    with contextlib.suppress(pl.exceptions.PolarsError, UnicodeDecodeError, csv.Error):
        heading = data.split(b"\n", 1)[0]
        names = _headings(next(csv.reader([heading.decode()])), source)
        if b"\0" not in data and heading.count(b'"') % 2 == data.count(b'"') % 2 == 0:
            frame = pl.read_csv(data, infer_schema=False, has_header=False, skip_rows=1,
                                new_columns=names, raise_if_empty=False)  # fmt: skip
            if frame.columns == names:
                return _numbered(frame), []
    return _read_csv_slowly(data, source)


def _bytes(source: str, stdin: IO[bytes] | None) -> bytes:
    if source == "-":
        data = (stdin or sys.stdin.buffer).read()
    else:
        try:
            data = Path(source).read_bytes()
        except IsADirectoryError:
            raise InputError("is a folder, not a file", source, "name a csv file") from None
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", source) from None
    return data.removeprefix(b"\xef\xbb\xbf")


def _headings(names: Sequence[str], source: str) -> list[str]:
    names = [name.strip() for name in names]
    double = sorted({name for name in names if name and names.count(name) > 1})
    if double:
        raise InputError(f'heading "{double[0]}" stands twice', f"{source}:1", "rename one of them")
    return [name or f"column {place}" for place, name in enumerate(names, 1)]


def _numbered(frame: pl.DataFrame) -> nw.LazyFrame[Any]:
    filled = [pl.col(name).str.strip_chars().fill_null("") != "" for name in frame.columns]
    rows = frame.with_row_index(ROW, offset=2).filter(pl.any_horizontal(filled))
    return _frame(rows.with_columns(pl.col(ROW).cast(pl.Int64)).lazy())


def with_rows(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Number the rows of a caller's frame from 1, where its engine keeps an order."""
    if frame.implementation.is_polars():
        return _frame(nw.to_native(frame).with_row_index(ROW, offset=1))
    return frame.with_columns(nw.lit(None, dtype=nw.Int64).alias(ROW))


def _read_csv_slowly(
    data: bytes, source: str
) -> tuple[nw.LazyFrame[Any], list[tuple[int, list[str]]]]:
    """One record at a time: keeps the good records of a file in which one is broken."""
    if b"\0" in data:
        raise InputError("is not a text file (it holds NUL bytes)", source, "export it as csv")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError("is not UTF-8 text", f"{source}:{line}", "save it as UTF-8 csv") from None
    csv.field_size_limit(10_000_000)
    good: list[list[str]] = []
    ragged: list[tuple[int, list[str]]] = []
    row = 1
    try:
        records = csv.reader(io.StringIO(text, newline=""), strict=True)
        names = _headings(next(records, []), source)
        for row, record in enumerate(records, 2):
            if len(record) > len(names):
                ragged.append((row, record))
                record = []
            good.append([*record, *[""] * (len(names) - len(record))])
    except csv.Error as error:
        raise InputError(
            f"is not csv ({error})", f"{source}:{row + 1}", "check the quotes"
        ) from None
    schema = dict.fromkeys(names, pl.String)
    return _numbered(pl.DataFrame(good, schema=schema, orient="row")), ragged


def sheet_as_csv(data: bytes, source: str) -> bytes:
    """The first sheet of a workbook as csv text; InputError where it cannot be read."""
    try:
        import fastexcel
    except ImportError:
        hint = "pip install 'therapy-billing-calc[excel]', or save the sheet as csv"
        raise InputError("a workbook needs fastexcel", source, hint) from None
    try:
        sheet = fastexcel.read_excel(data).load_sheet(0, header_row=None, dtypes="string")
    except fastexcel.FastExcelError as error:
        raise InputError(f"is no workbook that can be read ({error})", source) from None
    text: str = sheet.to_polars().write_csv(include_header=False)
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


# --- workbooks -----------------------------------------------------------------------------

SHEET_ROWS = 1_048_575  # of Excel, below the headings
_CELL_LENGTH = 32_767  # of Excel, in characters
_WIDEST = 60  # of a column, in characters

Sheet = tuple[Sequence[str], Iterable[Sequence[Any]]]


def write_workbook(path: str, sheets: Mapping[str, Sheet], created: str = "") -> None:
    """Sheets by name, each headings and rows; text is never read as a formula, link or number.

    A Decimal is money, an int a count, a date a date, None a blank cell. ``created`` is the ISO
    time in the file's properties, so that the same sheets give the same bytes. Raises InputError
    where xlsxwriter is missing.
    """
    try:
        import xlsxwriter
    except ImportError:
        hint = "pip install 'therapy-billing-calc[excel]'"
        raise InputError("a workbook needs xlsxwriter", path, hint) from None
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(path, {"constant_memory": True, **options})
    if created:
        book.set_properties({"created": datetime.fromisoformat(created)})
    looks = {
        "heading": book.add_format({"bold": True, "bottom": 1, "valign": "top"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "count": book.add_format({"num_format": "#,##0"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    for name, (headings, rows) in sheets.items():
        _write_sheet(book.add_worksheet(name), headings, rows, looks)
    book.close()


def _write_sheet(
    sheet: Any, headings: Sequence[str], rows: Iterable[Sequence[Any]], looks: dict[str, Any]
) -> None:
    first = list(itertools.islice(rows := iter(rows), 200))  # enough to judge the widths by
    for column, heading in enumerate(headings):
        longest = max(len(str(cells[column] or "")) for cells in [headings, *first])
        sheet.set_column(column, column, min(longest + 2, _WIDEST))
        sheet.write_string(0, column, heading, looks["heading"])
    last = 0
    for last, cells in enumerate(itertools.chain(first, rows), 1):
        for column, value in enumerate(cells):
            _write_cell(sheet, last, column, value, looks)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last, len(headings) - 1)


def _write_cell(sheet: Any, row: int, column: int, value: Any, looks: dict[str, Any]) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, Decimal):
        sheet.write_number(row, column, value, looks["money"])
    elif isinstance(value, int):
        sheet.write_number(row, column, value, looks["count"])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, looks["date"])
    else:
        sheet.write_string(row, column, str(value)[:_CELL_LENGTH])
