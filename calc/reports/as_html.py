"""html: one small page of a table that needs nothing else, to read, on a phone too, or to print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import narwhals.stable.v2 as nw

from calc.errors import InputError
from calc.reports import as_table

MOST_LINES = 100_000  # no browser opens a page of more
TITLE = "Therapy billing"
_WORDS = 24  # letters of a cell that is broken over lines, where it may be
_WORDS_PRINTED = 10  # on paper, which nobody can scroll; a date is whole
_MANY = 10  # columns that need a sheet of paper laid crosswise

_CSS = """\
:root { --ink: #1c1b19; --muted: #5f5b54; --line: #d8d3ca; --paper: #fdfcfa; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e9e5dd; --muted: #aaa398; --line: #3b3935; --paper: #191817; }
}
body { margin: 0; padding: 2rem 1.5rem; background: var(--paper); color: var(--ink);
  font: .9375rem/1.45 -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.2; }
p, caption { color: var(--muted); font-size: .875rem; }
ul { margin: 1.25rem 0; padding-left: 1.1rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--muted); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: lining-nums tabular-nums; }
caption { padding-bottom: .5rem; text-align: left; }
th, td { padding: .35rem 1.1rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
td { white-space: nowrap; }
th { border-bottom-color: var(--ink); vertical-align: bottom; }
th:last-child, td:last-child { padding-right: 0; }
@media screen and (max-width: 40rem) {
  body { padding: 1.25rem 1rem; }
  tr > :first-child { position: sticky; left: 0; background: var(--paper); }
}
@media print {
  :root { --ink: #000; --muted: #444; --line: #bbb; --paper: #fff; }
  body { padding: 0; font-size: 9pt; }
  h1 { font-size: 14pt; }
  p, caption { font-size: 8pt; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
}
"""
_CROSSWISE = """\
@media print {
  @page { size: landscape; margin: 10mm; }
  body { font-size: 6.5pt; }
  table { width: 100%; }
  th, td { padding: .25em .6em .25em 0; }
}
"""


def text(
    frame: nw.DataFrame[Any],
    form: str,
    money: tuple[str, ...],
    limit: int,
    title: str = "",
    notes: Sequence[str] = (),
) -> str:
    """The page, as `as_table.text`; ``title`` says what its lines are, ``notes`` stand below."""
    if len(frame) > MOST_LINES:
        what = f"{len(frame):,} lines are more than a page is good for ({MOST_LINES:,})"
        raise InputError(what, hint="write csv, xlsx or parquet")
    names, rows = as_table.cells(frame.head(limit) if limit else frame, form, money)
    right = [as_table.is_number(name, name in money) for name in frame.columns]
    longest = [max((len(cell) for cell in column), default=0) for column in zip(*rows, strict=True)]
    style = _CSS + (_CROSSWISE if len(names) > _MANY else "")
    style += _of_columns(right, "text-align: right;")
    wide, printed = ([most > few for most in longest] for few in (_WORDS, _WORDS_PRINTED))
    style += _of_columns(wide, "min-width: 14em; white-space: normal;")
    style += f"@media print {{ {_of_columns(printed, 'white-space: normal;')}}}\n"
    said = escape(title or TITLE)
    count = f"{len(rows):,} {'line' if len(rows) == 1 else 'lines'}"
    heading = _row(names, '<th scope="col">{}</th>'.format)
    body = "\n".join(_row(row, "<td>{}</td>".format) for row in rows)
    below = "".join(f"<li>{escape(note)}</li>\n" for note in notes)
    below = f"<ul>\n{below}</ul>\n" if notes else ""
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{said}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{said}</h1>
<div class="scroll" role="region" aria-label="{said}" tabindex="0">
<table>
<caption>{count}</caption>
<thead>
{heading}
</thead>
<tbody>
{body}
</tbody>
</table>
</div>
{below}</main>
<footer><p>Estimates, not legal advice.</p></footer>
</body>
</html>
"""


def _of_columns(chosen: Sequence[bool], style: str) -> str:
    """A line of css for the columns that are ``chosen``, told by place: a cell stays short."""
    places = [place for place, is_one in enumerate(chosen, 1) if is_one]
    cells = ", ".join(f"tr > :nth-child({place})" for place in places)
    return f"{cells} {{ {style} }}\n" if cells else ""


def _row(cells: Sequence[str], tagged: Callable[[str], str]) -> str:
    return f"<tr>{''.join(tagged(escape(cell)) for cell in cells)}</tr>"
