"""How a result is written: one small module each, found by the format's name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.errors import InputError

FORMATS = ("table", "csv", "json", "xlsx", "parquet", "github", "html", "latex", "tsv")
BINARY = ("xlsx", "parquet")  # files only
_BY_SUFFIX = {"md": "github", "htm": "html", "tex": "latex", "txt": "table"}


def format_of(path: str | None, chosen: str | None) -> str:
    """The format asked for, else the one of the output's ending, else a table."""
    if chosen:
        return chosen
    suffix = Path(path).suffix.lstrip(".").lower() if path else "table"
    name = _BY_SUFFIX.get(suffix, suffix)
    if name not in FORMATS:
        known = ", ".join(f".{form}" for form in (*FORMATS[1:5], "html", "md", "tex", "tsv", "txt"))
        raise InputError(
            f'no format is known for the ending "{suffix}"',
            str(path),
            f"end the name in {known}, or give --format",
        )
    return name


def text(
    frame: nw.DataFrame[Any],
    form: str,
    money: tuple[str, ...],
    limit: int = 0,
    title: str = "",
    notes: Sequence[str] = (),
) -> str:
    """``frame`` written out; columns of ``money`` hold cents. ``limit`` rows of a table, 0: all.

    ``title``: what the lines are, ``notes``: what their reader must know, where the format is a
    page of its own; a workbook has a sheet for them.
    """
    if form in BINARY:
        raise InputError(f"{form} is written to a file only", hint=f"write it with -o lines.{form}")
    own = form in ("csv", "html", "json")
    module = import_module(f"calc.reports.as_{form if own else 'table'}")
    page = {"title": title, "notes": notes} if form == "html" else {}
    written: str = module.text(frame, form, money, limit, **page)
    return written


def write(
    frame: nw.DataFrame[Any],
    form: str,
    money: tuple[str, ...],
    path: str,
    title: str = "",
    notes: Sequence[str] = (),
) -> int:
    """``frame`` to a file, whole or not at all, as `text` does; how many cells were cut off."""
    cut: int | None = None
    with engine.whole(path) as temporary:
        if form in (*BINARY, "csv"):
            more = {"notes": notes} if form == "xlsx" else {}
            cut = import_module(f"calc.reports.as_{form}").write(frame, money, temporary, **more)
        else:
            page = text(frame, form, money, title=title, notes=notes)
            Path(temporary).write_text(page, encoding="utf-8")
    return cut or 0
