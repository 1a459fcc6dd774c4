"""Files that this program wrote itself: lines, findings and rejects, which are no log.

Told by the headings alone, so that a large file takes no longer than a small one.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from calc import decoding, engine
from calc.errors import InputError
from calc.schema import OF_LINES

_HEAD = 1 << 16  # bytes that the headings are looked for in
_OURS = (
    OF_LINES,
    {"rule", "severity", "message", "authority"},  # findings
    {"findings", "not_run", "meta"},  # a report in json, which may hold no finding
    {"rule", "reason", "by", "until"},  # waivers, which are written for this program alone
)
_REJECTS = ["row", "reason"]  # behind the log's own columns


def is_ours(path: Path) -> bool:
    """Whether the headings of a file are those of our lines, findings or rejects.

    What cannot be read is not ours: whoever reads it says why.
    """
    unreadable = (OSError, ValueError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile)
    with contextlib.suppress(InputError, *unreadable):
        for names in _headings(path):
            if names[-2:] == _REJECTS or any(own <= set(names) for own in _OURS):
                return True
    return False


def _headings(path: Path) -> Iterator[list[str]]:
    """What may be a file's headings: of a text, as each delimiter would part them."""
    source = str(path)
    data = decoding.beginning(source, _HEAD)
    if data.startswith(b"PAR1"):
        yield engine.parquet_names(source)
    elif data.startswith(b"PK\x03\x04"):
        yield from _of_workbook(source)
    else:
        text = decoding.utf8(data, source).decode("utf-8", "replace")
        yield from _of_objects(text) if text.lstrip()[:1] in ("[", "{") else _of_text(text)


def _of_text(text: str) -> Iterator[list[str]]:
    for delimiter in ",;\t|":
        with contextlib.suppress(csv.Error):
            yield next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])


def _of_objects(text: str) -> Iterator[list[str]]:
    """The names of the first object of a JSON text, and of the first in each of its lists.

    Of an object that is longer than the text, those of the first inside of it.
    """
    for start in itertools.islice(re.finditer("{", text), 2):
        with contextlib.suppress(ValueError, RecursionError):
            found, _ = json.JSONDecoder().raw_decode(text, start.start())
            yield list(found)
            yield from map(list, _first_objects(found.values()))
            return


def _first_objects(values: Any) -> list[dict[str, Any]]:
    lists = [value for value in values if isinstance(value, list) and value]
    return [own[0] for own in lists if isinstance(own[0], dict)]


def _of_workbook(source: str) -> Iterator[list[str]]:
    """The first row of the first sheet of an xlsx; findings come behind a summary of two columns.

    A reader of workbooks would take in the whole sheet.
    """
    with zipfile.ZipFile(source) as book:
        names = book.namelist()
        shared = re.findall(rb"<si>(.*?)</si>", _part(book, "xl/sharedStrings.xml"), re.DOTALL)
        texts = [b"".join(re.findall(rb"<t\b[^>]*>([^<]*)<", text)) for text in shared]
        for number in (1, 2):
            sheet = f"xl/worksheets/sheet{number}.xml"
            cells = _first_row(_part(book, sheet), texts) if sheet in names else []
            if len(cells) > 2:
                yield cells
                return


def _part(book: zipfile.ZipFile, name: str) -> bytes:
    if name not in book.namelist():
        return b""
    with book.open(name) as part:
        return part.read(_HEAD)


def _first_row(sheet: bytes, shared: Sequence[bytes]) -> list[str]:
    """The texts of a sheet's first row, which stand in it or in the workbook's shared texts."""
    row = re.search(rb"<row\b[^>]*>(.*?)</row>", sheet, re.DOTALL)
    cells = []
    for kind, cell in re.findall(rb"<c\b([^>/]*)>(.*?)</c>", row[1] if row else b"", re.DOTALL):
        found = re.search(rb"<[tv]\b[^>]*>([^<]*)<", cell)
        text = found[1] if found else b""
        if b't="s"' in kind:
            text = shared[int(text)] if int(text) < len(shared) else b""
        cells.append(text.decode("utf-8", "replace"))
    return cells
