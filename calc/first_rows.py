"""Where the first of several rows stands, and whose they are.

File and number are one whole number, of which the least is taken: the least of file names and the
least of row numbers, each for itself, would name a row that is none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine

_ROWS = 2**45  # above every number of a row, those of Spark's partitions too
_IDLE = 2**60  # sorts rows that do not count behind those that do
_CLAIMS = 2**61  # and a claim's lines behind all rows of a log


def numbered(rows: nw.LazyFrame[Any], files: Sequence[str]) -> nw.LazyFrame[Any]:
    """Add ``row_place`` to rows of these files (``file``, ``row``; ``documented``: of a log)."""
    number = nw.col("row").fill_null(0)
    if len(files) > 1:
        table: engine.Columns = {"file": list(files), "file_number": list(range(len(files)))}
        types: dict[str, type] = {"file": str, "file_number": int}
        rows = engine.looked_up(rows, table, types, ["file"])
        number = number + nw.col("file_number") * _ROWS
    documented = nw.when(nw.col("counts")).then(0).otherwise(_IDLE)
    behind = nw.when(nw.col("documented")).then(documented).otherwise(_CLAIMS)
    rows = rows.with_columns(row_place=(number + behind).cast(nw.Int64))
    return rows.drop("file_number") if len(files) > 1 else rows


def told(table: nw.LazyFrame[Any], files: Sequence[str]) -> nw.LazyFrame[Any]:
    """A table with ``first_file`` and ``first_row`` instead of ``first_place``."""
    place = nw.col("first_place") % _IDLE
    if len(files) == 1:
        table = table.with_columns(first_row=place, first_file=nw.lit(files[0]))
        return table.drop("first_place")
    table = table.with_columns(first_row=place % _ROWS, file_number=place // _ROWS)
    names: engine.Columns = {"file_number": list(range(len(files))), "first_file": list(files)}
    types: dict[str, type] = {"file_number": int, "first_file": str}
    table = engine.looked_up(table, names, types, ["file_number"])
    return table.drop("first_place", "file_number")


# Whose lines of a service are, for `named`.
LEAST = {"least clinician": "first_clinician"}
MOST = {"most clinician": "last_clinician"}


def named(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """A table with ``clinician``, both where they differ, instead of the least and the most."""
    table = engine.either(table, {"clinician": ("least clinician", "most clinician")})
    return table.drop("least clinician", "most clinician")


def aggregates() -> list[nw.Expr]:
    """What `told` and `named` need of a group, where the engine adds it up."""
    return [
        nw.col("first_place").min(),
        nw.col("first_clinician").min().alias("least clinician"),
        nw.col("last_clinician").max().alias("most clinician"),
    ]
