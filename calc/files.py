"""Files of any format to records: a frame of the log's own columns, numbered as in the file.

The format is told by the content. Text is read by the fast reader where it is regular, otherwise
record by record, so that one broken record does not take the others with it.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import narwhals.stable.v2 as nw

from calc import cells, decoding, engine, workbooks
from calc.errors import InputError

MAX_COLUMNS = 1000
TITLE_ROWS = 30  # looked through for the heading
DELIMITERS = ",;\t|"
_LINE = 1_000_000  # bytes of the longest record
_HEAD = 1 << 18  # bytes that the heading is looked for in
LARGE = 1 << 24  # bytes of a text that is read column by column into categories

Ragged = list[tuple[int, list[str]]]
Score = Callable[[Sequence[str]], int]  # how many headings of ours a record holds


class Sheet(NamedTuple):
    """The sheet that is asked for of a workbook, blank: the first of a log; and by which option."""

    name: str = ""
    option: str = "--sheet"


FIRST = Sheet()

QUOTE = "put quotes around a field that holds a comma"  # of a record with too many


@dataclass
class Records:
    """A file's records under their own headings and ROW, and those with too many fields."""

    frame: nw.LazyFrame[Any]
    ragged: Ragged = field(default_factory=list)
    heading_row: int = 1
    digest: Callable[[], str] = str  # of its bytes, "" where it is not wanted
    sheet: str = ""  # of a workbook, the one that was read
    notes: list[str] = field(default_factory=list)  # what a user should know about the reading
    by_line: bool = False  # surely each row is the line of that number in the file


def read(
    source: str,
    score: Score,
    sheet: Sheet = FIRST,
    stdin: IO[bytes] | None = None,
    digest: bool = True,
) -> Records:
    """The records of a csv, workbook, Parquet or JSON file, or of standard input.

    ``score`` tells the heading from title rows above it. What is no workbook has no ``sheet`` and
    is read all the same. Raises InputError for what is no log.
    In a large text the columns that it knows are categories (see `engine.read_text`). ``digest``:
    whether `Records.digest` is wanted.
    """
    records = _from_disk(source, score, digest)
    return _checked(records or _from_bytes(source, score, sheet, stdin, digest), source)


def _from_bytes(
    source: str, score: Score, sheet: Sheet, stdin: IO[bytes] | None, digest: bool
) -> Records:
    packed = decoding.load(source, stdin)
    if _is_blank(packed):
        raise InputError("the file is empty", source, "the first line must hold the headings")
    # The digest runs beside the reading and does not delay it.
    with ThreadPoolExecutor(1) as pool:
        hashed = pool.submit(lambda: hashlib.sha256(packed).hexdigest() if digest else "")
        data = decoding.unpacked(packed, source)
        kind = decoding.kind(data, source)
        records = _READERS[kind](data, source, score, sheet)
        records.by_line = records.by_line and not decoding.is_packed(packed)
        records.digest = hashed.result
    return records


def _checked(records: Records, source: str) -> Records:
    width = len(records.frame.columns) - 1
    if width > MAX_COLUMNS:
        hint = "leave out what is no part of the log"
        what = f"has {width:,} columns, more than {MAX_COLUMNS:,}"
        raise InputError(what, f"{source}:{records.heading_row}", hint)
    return records


def read_csv(source: str, wanted: Collection[str]) -> Records:
    """Records of a delimited text as text columns with ROW, and those with too many fields.

    Headings that are ``wanted``, in small letters, tell the delimiter and where the heading stands.
    """
    data = decoding.unpacked(decoding.load(source), source)
    if _is_blank(data):
        raise InputError("the file is empty", source, "the first line must hold the headings")
    return _text(
        data, source, lambda names: len({n.strip().lower() for n in names} & {*wanted}), FIRST
    )


def small_csv(
    source: str, *needed: str, check: Callable[[list[str], str], None] | None = None
) -> list[tuple[str, dict[str, str]]]:
    """Records of a file beside the log, cleaned as its cells are, each with its place.

    Blank ones are left out. Headings may be in capitals, as a log's. ``check`` sees them in small
    letters and their place. InputError where a ``needed`` one is missing or a record has too many
    fields.
    """
    records = read_csv(source, needed)
    where, columns = f"{source}:{records.heading_row}", records.frame.columns
    headings = [name for name in columns if name != engine.ROW]
    place = engine.places(headings)
    frame = engine.headed(records.frame, [place.get(name, name) for name in columns])
    clean = {name: cells.clean(frame.collect_schema(), name) for name in place.values()}
    rows = engine.collect(frame.with_columns(**clean))
    names = named_apart([name.lower() for name in headings], where)
    if check:
        check(names, where)
    if lacking := [name for name in needed if name not in names]:
        hint = f"found: {', '.join(headings)}"
        raise InputError(f"missing heading {', '.join(lacking)}", where, hint)
    if records.ragged:
        where = f"{source}:{records.ragged[0][0]}"
        raise InputError("the record has too many fields", where, QUOTE)
    placed = []
    for row in rows.iter_rows(named=True):
        record = {name: row[place[own]] for name, own in zip(names, headings, strict=True)}
        if any(record.values()):
            placed.append((f"{source}:{row[engine.ROW]}", record))
    return placed


def _is_blank(data: bytes) -> bool:
    return not data[:4096].strip() and not data.strip()


def named_apart(names: Sequence[str | None], where: str, score: Score | None = None) -> list[str]:
    """Headings as the names of columns; one that stands twice is numbered, if it may.

    One of ours may not, for nobody can tell which is meant; but modifiers stand in several columns.
    """
    plain = [(name or "").strip() for name in names]
    named: list[str] = []
    for place, name in enumerate(plain, 1):
        own = name or f"column {place}"
        if name and own in named:
            numbered = (f"{name} {number}" for number in itertools.count(2))
            own = next(more for more in numbered if more not in named and more not in plain)
            if score is None or (score([name]) and not score([own])):
                raise InputError(f'heading "{name}" stands twice', where, "rename one of them")
        named.append(own)
    return named


# --- delimited text ------------------------------------------------------------------------


def _text(data: bytes, source: str, score: Score, sheet: Sheet) -> Records:
    text = decoding.utf8(data, source)
    if _is_blank(text):
        raise InputError("the file is empty", source, "the first line must hold the headings")
    try:
        return _delimited(text, source, score)
    except UnicodeDecodeError:
        return _delimited(decoding.utf8(data, source, tested=True), source, score)


def _from_disk(source: str, score: Score, digest: bool) -> Records | None:
    """A large text without its bytes in memory; None where they must be looked at to be sure."""
    path = Path(source).absolute()
    try:
        before = decoding.stamp(path)
        start = b"" if source == "-" or before[0] < LARGE else _start(path)
        if not _is_utf8(start, source):
            return None
        layout = _layout(_head(start, source), source, score)
        records = None if b'"' in start else _regular(str(path), layout, layout.ours)
        if records:
            records.by_line = True  # there are no quotes for a line break to stand in
        else:
            quotes, nul = decoding.survey(str(path))
            if nul or quotes == 0 or quotes % 2:
                return None
            records = _regular(str(path), layout)
        if records is None or decoding.stamp(path) != before:
            return None
    except (OSError, ValueError):
        return None
    if digest:
        records.digest = _hashed(path, source, before)
    return records


def _hashed(path: Path, source: str, before: tuple[int, int]) -> Callable[[], str]:
    """The digest, found while the records are looked at: to read them needs every core."""
    pool = ThreadPoolExecutor(1)
    found = pool.submit(decoding.sha256, str(path))
    pool.shutdown(wait=False)

    def digest() -> str:
        with contextlib.suppress(OSError):
            sha256 = found.result()
            if decoding.stamp(path) == before:
                return sha256
        raise decoding.changed(source)

    return digest


def _start(path: Path) -> bytes:
    """What the heading is looked for in, and a byte more, so that a line cut off is left out."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(_HEAD + 1)


def _is_utf8(start: bytes, source: str) -> bool:
    """Whether it seems to be delimited text in UTF-8 with line feeds, as it is read best."""
    if _is_blank(start) or b"\n" not in start or b"\0" in start or decoding.is_packed(start):
        return False
    return decoding.encoding(start) == ("", 0) and decoding.kind(start, source) == "text"


def _delimited(data: bytes, source: str, score: Score) -> Records:
    """Raises UnicodeDecodeError where the text is no UTF-8."""
    layout = _layout(_head(data, source), source, score)
    quotes = data.count(b'"') if b'"' in data else 0
    coded = None if quotes or len(data) < LARGE else layout.ours
    records = None if quotes % 2 else _regular(data, layout, coded)
    records = records or _slowly(data.decode(), source, layout)
    # No record has less than a line, so as many lines are one each.
    lines = sum(map(data.count, (b"\n", b"\r"))) - data.count(b"\r\n") + (data[-1:] not in b"\r\n")
    records.by_line = records.heading_row + engine.count(records.frame) == lines
    return records


@dataclass(frozen=True)
class _Layout:
    """Where a text's heading stands, its fields as written, and their names with what is ours."""

    delimiter: str
    place: int
    heading: Sequence[str]
    names: Sequence[str]
    ours: frozenset[str]
    # Up to the heading no line break within quotes makes lines and records differ, nor a blank line
    # at the very beginning, which an engine does not count.
    plain: bool


def _layout(head: str, source: str, score: Score) -> _Layout:
    delimiter = _delimiter(head, score)
    leading = list(itertools.islice(_tolerant(head, delimiter), TITLE_ROWS))
    place = _heading_place(leading, score)
    heading = leading[place] if leading else []
    where = f"{source}:{place + 1}"
    if len(heading) > MAX_COLUMNS:
        what = f"has {len(heading):,} columns, more than {MAX_COLUMNS:,}"
        raise InputError(what, where, "leave out what is no part of the log")
    names = named_apart(heading, where, score)
    ours = frozenset(name for name in names if score([name]))
    above = leading[:place]
    plain = '"' not in "".join(map("".join, above)) and "\n" not in "".join(heading)
    plain = plain and [] not in above[:1]
    return _Layout(delimiter, place, heading, names, ours, plain)


def _regular(
    data: bytes | str, layout: _Layout, coded: Collection[str] | None = None
) -> Records | None:
    """The records of a text, or of the file at a path, where each stands on its own for sure."""
    if not layout.plain:
        return None
    heading = list(zip(layout.heading, layout.names, strict=True))
    frame = engine.read_text(data, heading, layout.delimiter, layout.place, coded)
    if frame is None:
        return None
    return Records(engine.numbered(frame, layout.place + 2), heading_row=layout.place + 1)


def _head(data: bytes, source: str) -> str:
    """The first lines, whole ones; InputError where the first line is none of a log."""
    head = data[:_HEAD]
    if len(data) > len(head):
        head = head[: head.rfind(b"\n") + 1]
    if not head:
        head = data[: data.find(b"\n", 0, _LINE) + 1]
    if not head:
        what = f"its first line is longer than {_LINE:,} bytes"
        raise InputError(what, f"{source}:1", "the first line must hold the headings")
    return head.decode()


def _reader(text: str, delimiter: str, strict: bool = False) -> Any:
    if csv.field_size_limit() < engine.MAX_FIELD:  # one for all of the process
        csv.field_size_limit(engine.MAX_FIELD)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)


def _delimiter(head: str, score: Score) -> str:
    """The delimiter that finds most of our headings, then the most fields."""

    def found(delimiter: str) -> tuple[int, int]:
        records = [r for r in itertools.islice(_tolerant(head, delimiter), TITLE_ROWS) if r]
        known = max((score(record) for record in records), default=0)
        widths = [len(record) for record in records]
        return known, max(set(widths), key=widths.count) if widths else 0

    # A comma is the first choice where all are equal.
    return max(DELIMITERS, key=found)


def _tolerant(text: str, delimiter: str) -> Iterable[list[str]]:
    try:
        yield from _reader(text, delimiter)
    except csv.Error:
        return


def _heading_place(leading: Sequence[Sequence[str | None]], score: Score) -> int:
    """The place of the heading: of the records that name most of our columns, the first.

    Of equal ones the last, where no record before it holds a date or a number: then those above
    it are a report's filters. A heading that comes again on each page is the first.
    """
    scores = [score([cell or "" for cell in record]) for record in leading]
    filled = [place for place, record in enumerate(leading) if any(c and c.strip() for c in record)]
    if not scores or max(scores) < 2:
        return filled[0] if filled else 0
    place, most = scores.index(max(scores)), max(scores)
    for later in range(place + 1, len(scores)):
        if any(_VALUE.fullmatch((cell or "").strip()) for cell in leading[later]):
            break
        if scores[later] == most and list(leading[later]) != list(leading[place]):
            place = later
    return place


# A date, with a time or without, or a number.
_VALUE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]+\d{1,2}:.*)?|\d+([.,]\d+)?")


def _slowly(text: str, source: str, layout: _Layout) -> Records:
    """One record at a time: keeps the good records of a file in which one is broken."""
    delimiter, names, place = layout.delimiter, layout.names, layout.place
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _LINE:
            what = f"the line is longer than {_LINE:,} characters"
            raise InputError(what, f"{source}:{number}", "check the quotes and the line ends")
    good: list[list[str]] = []
    ragged: Ragged = []
    row, records = 0, _reader(text, delimiter, strict=True)
    width = len(names)
    try:
        for row, record in enumerate(records, 1):
            if row <= place + 1:
                continue
            if len(record) > width and any(cell.strip() for cell in record[width:]):
                ragged.append((row, record))
                record = []
            good.append([*record[:width], *[""] * (width - len(record))])
    except csv.Error as error:
        # The place where the reader gave up is the file's end if a quote is never closed.
        place = _open_quote(text, delimiter) or row + 1
        raise InputError(f"is not csv ({error})", f"{source}:{place}", "check the quotes") from None
    frame = engine.numbered(engine.text_frame(good, names), place + 2)
    return Records(frame, ragged, place + 1)


def _open_quote(text: str, delimiter: str) -> int:
    """The line of the last field that opens with a quote and is never closed, 0 if none."""
    lines = text.count("\n") + 1
    at = text.rfind(f'{delimiter}"'), text.rfind('\n"')
    place = max(at)
    return text[: place + 1].count("\n") + 1 if place >= 0 and lines > 1 else 0


# --- workbooks, Parquet, JSON --------------------------------------------------------------


def _workbook(data: bytes, source: str, score: Score, sheet: Sheet) -> Records:
    data = workbooks.seen(data, source)
    names = engine.sheet_names(data, source)
    asked = sheet.name
    if asked and asked not in names:
        places = {name.casefold(): name for name in names}
        if asked.casefold() not in places:
            raise InputError(f'has no sheet "{asked}"', source, f"sheets: {', '.join(names)}")
        asked = places[asked.casefold()]
    if not names:
        raise InputError("has no sheet", source)
    name, frame, place, hidden = _sheet_of_log(data, source, score, [asked] if asked else names)
    leading = frame.head(TITLE_ROWS).rows()
    others = [other for other in names if other != name]
    if not leading:
        hint = f"other sheets: {', '.join(others)}; choose with {sheet.option}" if others else ""
        raise InputError(f'sheet "{name}" is empty', source, hint)
    if workbooks.NO_RESULT in leading[place]:
        what = "a heading is a formula that has no result"
        raise InputError(what, f"{source}:{place + 1}", _RECKON)
    # Columns without heading and without any cell are the sheet's margin.
    body = frame[place + 1 :]
    cells = zip(frame.columns, leading[place], body.null_count().row(0), strict=True)
    heading = {name: head for name, head, blanks in cells if head or blanks < body.height}
    body = body.select(list(heading))
    body.columns = named_apart(list(heading.values()), f"{source}:{place + 1}", score)
    body, notes = _with_results(body, source, place + 2, score)
    if others and not asked:
        left_out = f"left out {', '.join(others)} (see {sheet.option})"
        kind = "hidden sheet" if hidden else "sheet"
        notes.append(f'{source}: read {kind} "{name}"; {left_out}')
    rows = engine.numbered(body, place + 2)
    return Records(rows, heading_row=place + 1, notes=notes, sheet=name)


_RECKON = "open the file in Excel, save it and try again"


def _with_results(body: Any, source: str, first: int, score: Score) -> tuple[Any, list[str]]:
    """Rows from the ``first`` on, formulas without a result blank, and a note of those.

    InputError where one stands in a column of ours, which would lack it.
    """
    lacking = {name: body[name] == workbooks.NO_RESULT for name in body.columns}
    lacking = {name: here.fill_null(False) for name, here in lacking.items() if here.any()}
    ours = [name for name in lacking if score([name])]
    if ours:
        count = sum(int(lacking[name].sum()) for name in ours)
        said = "1 formula has no result" if count == 1 else f"{count:,} formulas have no results"
        row, _, name = min((lacking[n].arg_max(), place, n) for place, n in enumerate(ours))
        raise InputError(f'{said}, first in column "{name}"', f"{source}:{first + row}", _RECKON)
    if not lacking:
        return body, []
    body = body.with_columns(body[name].set(here, None) for name, here in lacking.items())
    names = ", ".join(f'"{name}"' for name in lacking)
    return body, [f"{source}: formulas in {names} have no results, so they are blank: {_RECKON}"]


class _OfSheet(NamedTuple):
    name: str
    frame: Any
    place: int  # of the heading
    hidden: bool


def _sheet_of_log(data: bytes, source: str, score: Score, names: Sequence[str]) -> _OfSheet:
    """The first sheet with headings of ours, a hidden one where no other has; else the first."""
    first: dict[bool, _OfSheet] = {}  # by whether it holds a log
    for name in names:
        frame, hidden = engine.sheet(data, source, name)
        # Formulas are filled down below a log.
        frame = engine.blank_where_alone(frame, cells.CELL_ERRORS)
        leading = frame.head(TITLE_ROWS).rows()
        place = _heading_place(leading, score)
        ours = bool(leading) and score([cell or "" for cell in leading[place]]) >= 2
        found = _OfSheet(name, frame, place, hidden)
        if ours and not hidden:
            return found
        first.setdefault(ours, found)
    if not first:
        raise InputError("has no sheet", source)
    return first.get(True) or first[False]


def _parquet(data: bytes, source: str, score: Score, sheet: Sheet) -> Records:
    frame = engine.read_parquet(data, source)
    frame.columns = named_apart(frame.columns, source)
    return Records(engine.numbered(frame, 2))


def parquet_headings(source: str) -> list[str]:
    """The columns of a Parquet file as those of its records."""
    return named_apart(engine.parquet_names(source), source)


def _json(data: bytes, source: str, score: Score, sheet: Sheet) -> Records:
    text = decoding.utf8(data, source, tested=True).decode()
    try:
        found = json.loads(text, **_AS_WRITTEN)
    except (ValueError, RecursionError) as error:
        raise _no_json(error, source, 1) from None
    return _objects(found, source)


def _lines(data: bytes, source: str, score: Score, sheet: Sheet) -> Records:
    """JSON lines: an object each; a single object may also hold the list of records."""
    text = decoding.utf8(data, source, tested=True).decode()
    try:
        whole = json.loads(text, **_AS_WRITTEN)
    except (ValueError, RecursionError):
        pass
    else:
        _require_once(whole, source)
        lists = [v for v in whole.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        return _objects(lists[0] if len(lists) == 1 else [whole], source)
    rows: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            rows.append(json.loads(line, **_AS_WRITTEN) if line.strip() else {})
        except (ValueError, RecursionError) as error:
            raise _no_json(error, source, number) from None
    while rows and not rows[-1]:
        rows.pop()
    return _objects(rows, source)


class _Doubled(dict[str, Any]):
    """An object in which a ``key`` stands twice: of its values only the last is left."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        made = _Doubled(made)
        made.key = next(key for key in keys if keys.count(key) > 1)
    return made


def _require_once(entry: dict[str, Any], source: str, record: int = 1) -> None:
    if isinstance(entry, _Doubled):
        what = f'record {record} has the key "{entry.key}" twice'
        raise InputError(what, source, "leave out the value that does not hold")


# Numbers stay as they are written: 0.10 is no float, and a long number loses no digit.
_AS_WRITTEN: dict[str, Any] = {
    "parse_float": str, "parse_int": str, "parse_constant": str, "object_pairs_hook": _object,
}  # fmt: skip


def _no_json(error: Exception, source: str, line: int) -> InputError:
    if isinstance(error, json.JSONDecodeError):
        return InputError(
            f"is not JSON ({error.msg})", f"{source}:{line + error.lineno - 1}", "check this line"
        )
    return InputError("is not JSON that can be read", f"{source}:{line}", "nested too deeply?")


def _objects(found: Any, source: str) -> Records:
    """Records of objects: the columns in the order in which they first occur."""
    for place, entry in enumerate(found):
        if not isinstance(entry, dict):
            what = f"record {place + 1} is no object"
            raise InputError(what, source, _LIKE_THIS)
        _require_once(entry, source, place + 1)
    names = list(dict.fromkeys(name for entry in found for name in entry))
    if found and not names:
        raise InputError("its records hold nothing", source, _LIKE_THIS)
    if any(map(_NO_TEXT.search, names)):
        raise InputError("a name holds a character that is no text", source, "take it out")
    names = names or ["patient", "date", "code"]  # no record, so what each must have
    if len(names) > MAX_COLUMNS:
        raise InputError(f"has {len(names):,} columns, more than {MAX_COLUMNS:,}", source)
    columns = {n: [_cell(entry.get(n)) for entry in found] for n in names}
    plain = named_apart(names, source)
    for heading, column in zip(plain, columns.values(), strict=True):
        for place, cell in enumerate(column, 1):
            if cell and _NO_TEXT.search(cell):
                what = f'record {place} holds a character that is no text, in "{heading}"'
                raise InputError(what, source, "take it out")
    frame = engine.text_columns(dict(zip(plain, columns.values(), strict=True)))
    return Records(engine.numbered(frame, 2))


_LIKE_THIS = 'write [{"patient": ..., "code": ...}, ...]'
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # which JSON can spell


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value)  # modifiers are often a list
    return json.dumps(value, ensure_ascii=False)


_READERS: dict[str, Callable[[bytes, str, Score, Sheet], Records]] = {
    "text": _text,
    "json": _json,
    "jsonl": _lines,
    "parquet": _parquet,
    **dict.fromkeys(decoding.WORKBOOKS, _workbook),
}
