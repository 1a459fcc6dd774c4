"""Tables for people: plain text, GitHub, HTML, LaTeX and tsv, all by tabulate."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
from tabulate import tabulate

from calc.money import dollars

STYLES = {"table": "simple"}
_RIGHT = ("minutes", "units", "lines", "rvu", "gpci", "factor", "fee", "visits", "patients")


def text(frame: nw.DataFrame[Any], form: str, money: tuple[str, ...], limit: int) -> str:
    shown = frame.head(limit) if limit else frame
    rows = [
        [_cell(value, name in money) for name, value in row.items()]
        for row in shown.iter_rows(named=True)
    ]
    names = frame.columns
    align = [
        "right" if name in money or name.split("_")[-1] in _RIGHT else "left" for name in names
    ]
    # Numbers are never parsed: a patient "1e5" or a code "00123" stays as it is.
    written = tabulate(
        rows,
        headers=names if form == "tsv" else [name.replace("_", " ") for name in names],
        tablefmt=STYLES.get(form, form),
        disable_numparse=True,
        colalign=align if rows else None,
    )
    return str(written) + "\n"


def _cell(value: Any, money: bool) -> str:
    if value is None:
        return ""
    if money:
        return dollars(value)
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value)
