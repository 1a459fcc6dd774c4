"""Tables for people: plain text, GitHub and LaTeX, all by tabulate; and tsv, unpadded.

A record is one line, whatever a log's own cells hold.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
from tabulate import tabulate

from calc.errors import CONTROLS
from calc.money import dollars
from calc.reports import as_csv

STYLES = {"table": "simple"}
_RIGHT = ("minutes", "units", "lines", "rvu", "gpci", "factor", "fee", "visits", "patients")


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    shown = frame.head(limit) if limit else frame
    if form == "tsv":
        shown = as_csv.safe(shown.lazy()).collect()
    headings, rows = cells(shown, form, money)
    if form == "tsv":
        return _tsv([headings, *rows])
    align = ["right" if is_number(name, name in money) else "left" for name in shown.columns]
    # Numbers are never parsed: a patient "1e5" or a code "00123" stays as it is.
    written = tabulate(
        rows,
        headers=headings,
        tablefmt=STYLES.get(form, form),
        disable_numparse=True,
        colalign=align if rows else None,
    )
    return str(written) + "\n"


def cells(
    frame: nw.DataFrame[Any], form: str, money: tuple[str, ...]
) -> tuple[list[str], list[list[str]]]:
    """Headings and rows as text, every cell one line; columns of ``money`` hold cents."""
    headings = [name if form == "tsv" else name.replace("_", " ") for name in frame.columns]
    rows = [
        [_one_line(_cell(value, name in money, form), form) for name, value in row.items()]
        for row in frame.iter_rows(named=True)
    ]
    return [_one_line(heading, form) for heading in headings], rows


def is_number(name: str, money: bool) -> bool:
    """Whether a column is of numbers that one adds up or compares, and stands to the right."""
    return money or name.split("_")[-1] in _RIGHT


def _one_line(text: str, form: str) -> str:
    """A cell without line breaks and tabs, nor a bar that would begin another column.

    And without other controls where it may be read on a terminal; tsv is for programs.
    """
    text = " ".join(text.replace("\t", " ").splitlines())
    text = text if form == "tsv" else text.translate(CONTROLS)
    return text.replace("|", r"\|") if form == "github" else text


def _tsv(records: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter="\t", lineterminator="\n").writerows(records)
    return written.getvalue()


def _cell(value: Any, money: bool, form: str) -> str:
    if value is None:
        return ""
    if money:
        return dollars(value)
    if isinstance(value, bool):
        no, yes = ("false", "true") if form == "tsv" else ("", "yes")
        return yes if value else no
    return str(value)
