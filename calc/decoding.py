"""Bytes of a log to what they hold: told by the content first, by the name's ending second.

A packed file is unpacked only as far as a log can be large.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import io
import lzma
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from calc.errors import InputError, require_file

MAX_UNPACKED = 4 << 30  # bytes
SURELY_SOUND = 200 << 20  # bytes unpacked that are no danger, however small they were packed
MAX_RATIO = 100  # of unpacked to packed bytes, above that
MAX_CELLS = 50_000_000  # of a sheet, counted as the rectangle up to its last cell
_CHUNK = 1 << 20

WORKBOOKS = ("xlsx", "xlsb", "xls", "ods")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # which they begin with
ENDINGS = ("csv", "tsv", "txt", "psv", "json", "jsonl", "ndjson", "parquet", *WORKBOOKS, "gz")

_NO_LOG = (
    (b"%PDF", "is a PDF", "export the log as csv or xlsx"),
    (b"{\\rtf", "is rich text", "save it as csv"),
    (b"\x89PNG", "is a picture", "export the log as csv or xlsx"),
    (b"\xff\xd8\xff", "is a picture", "export the log as csv or xlsx"),
    (b"SQLite format 3", "is a database", "export the log as csv"),
    (b"\x7fELF", "is a program", "name a log"),
    (b"MZ\x90", "is a program", "name a log"),
    (b"7z\xbc\xaf", "is an archive", "unpack it and name the file inside"),
    (b"Rar!", "is an archive", "unpack it and name the file inside"),
    (b"BZh", "is packed with bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "is packed with xz", "unpack it, or pack it with gzip"),
)  # fmt: skip


def load(source: str, stdin: IO[bytes] | None = None) -> bytes:
    """The bytes of a file, `-` for standard input; InputError where they cannot be had."""
    if source == "-":
        if stdin is None and sys.stdin is None:
            raise InputError("cannot be read (it is closed)", "standard input", "name a file")
        return (stdin or sys.stdin.buffer).read()
    try:
        if Path(source).is_dir():
            raise InputError("is a folder, not a file", source, "name a csv file")
        require_file(source, "use - for standard input")
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read ({why})", source, "check its name and rights") from None


def beginning(path: str, size: int) -> bytes:
    """The first bytes of a file, unpacked. Raises OSError or zlib.error where there are none."""
    with Path(path).open("rb") as file:
        data = file.read(size)
    return zlib.decompressobj(wbits=31).decompress(data, size) if is_packed(data) else data


def may_be_workbook(source: str) -> bool:
    """Whether a file may hold sheets, by its first bytes; what cannot be looked at may."""
    with contextlib.suppress(OSError, ValueError, zlib.error):
        if source != "-" and Path(source).is_file():
            return beginning(source, 4096).startswith((_ZIP, _OLE))
    return True


def survey(path: str) -> tuple[int, bool]:
    """How many quotes a file holds, and whether a zero byte, which no text in UTF-8 has.

    Found without holding its bytes. Raises OSError where it cannot be read.
    """
    quotes, nul = 0, False
    chunk = bytearray(_CHUNK >> 2)  # small enough to stay in the cache for both looks
    with Path(path).open("rb", buffering=0) as file:
        while size := file.readinto(chunk):
            quotes += chunk.count(b'"', 0, size)
            nul = nul or chunk.find(b"\0", 0, size) >= 0
    return quotes, nul


def stamp(path: Path) -> tuple[int, int]:
    """What tells a file that was changed: its size, and when it was written."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def changed(source: str) -> InputError:
    """What is said of a file whose `stamp` is another one than before it was read."""
    hint = "read it again when nothing writes to it"
    return InputError("was changed while it was read", source, hint)


def sha256(path: str) -> str:
    """The digest of a file's bytes. Raises OSError where it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_zipped(data: bytes) -> bool:
    """Whether it is a zip archive, as most workbooks are."""
    return data.startswith(_ZIP)


def is_packed(data: bytes) -> bool:
    """Whether it is a gzip file."""
    return data.startswith(b"\x1f\x8b")


def unpacked(data: bytes, source: str) -> bytes:
    """What a gzip file holds, any other data as it is."""
    if not is_packed(data):
        return data
    limit = min(MAX_UNPACKED, max(SURELY_SOUND, MAX_RATIO * len(data)))
    parts: list[bytes] = []
    total = 0
    try:
        for part in _members(data):
            total += len(part)
            if total > limit:
                raise _too_large(source, limit)
            parts.append(part)
    except (zlib.error, EOFError) as error:
        hint = "pack it again, or copy it again: it may be cut short"
        raise InputError(f"is no sound gzip file ({error})", source, hint) from None
    text = b"".join(parts)
    if text.startswith(b"\x1f\x8b"):
        raise InputError("is packed twice", source, "unpack it once")
    return text


def _members(data: bytes) -> Iterator[bytes]:
    """The parts of a gzip file, which may be several files in a row."""
    rest = data
    while rest.startswith(b"\x1f\x8b"):
        reader = zlib.decompressobj(wbits=31)
        while not reader.eof:
            part = reader.decompress(rest, _CHUNK)
            rest = reader.unconsumed_tail or reader.unused_data
            if not part and not reader.eof:
                raise EOFError("it ends too early")
            yield part
    if rest.strip(b"\0"):  # which some programs fill up with
        raise zlib.error("what follows its end is no gzip")


def _too_large(source: str, limit: int) -> InputError:
    return InputError(
        f"unpacks to more than {limit >> 20:,} MB, too much for its size",
        source,
        "unpack it yourself and name the file inside, if you trust it",
    )


def kind(data: bytes, source: str) -> str:
    """What the bytes are: text, json, jsonl, parquet or a kind of workbook."""
    for start, what, hint in _NO_LOG:
        if data.startswith(start):
            raise InputError(f"{what}, no log", source, hint)
    if data.startswith(b"PAR1"):
        return "parquet"
    if is_zipped(data):
        return _zipped(data, source)
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise InputError("is protected by a password", source, "save it without one")
        return "xls"
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if re.match(rb"(?i)<(!doctype|html|table|\?xml)", head):
        hint = "open it in a spreadsheet and save it as xlsx or csv"
        raise InputError("is a page of HTML or XML, not a log", source, hint)
    if re.match(rb"\[\s*(\{|\]|$)", head):
        return "json"
    if re.match(rb'\{\s*("|\})', head):
        return "jsonl"
    ending = source.lower().removesuffix(".gz").rpartition(".")[2]
    if ending in ("json", "jsonl", "ndjson") and head[:1] in (b"[", b"{"):
        return "json" if head[:1] == b"[" else "jsonl"
    return "text"


def _zipped(data: bytes, source: str) -> str:
    with unzipped(data, source) as archive:
        names = set(archive.namelist())
        _check_bomb(archive, len(data), source)
        if "xl/workbook.xml" in names:
            _check_cells(archive, source)
            return "xlsx"
        if "xl/workbook.bin" in names:
            return "xlsb"
        if "content.xml" in names:
            _check_repeats(archive, source)
            return "ods"
    raise InputError("is a zip archive, no workbook", source, "unpack it and name the file inside")


@contextlib.contextmanager
def unzipped(data: bytes, source: str) -> Iterator[zipfile.ZipFile]:
    """The archive that a workbook is; InputError where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
            RuntimeError, OSError, ValueError) as error:  # fmt: skip
        hint = "open it and save it again as xlsx or csv"
        raise InputError(f"is no workbook that can be read ({error})", source, hint) from None


def _check_bomb(archive: zipfile.ZipFile, packed: int, source: str) -> None:
    """Refuse a workbook that unpacks to what no log can be; what it says of itself is not trusted.

    A byte of deflated data can stand for at most 1,032 bytes.
    """
    limit = min(MAX_UNPACKED, max(SURELY_SOUND, MAX_RATIO * packed))
    entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > limit:
        raise _too_large(source, limit)
    if sum(entry.compress_size for entry in entries) * 1032 <= limit:
        return
    total = 0
    for entry in entries:
        for part in chunks(archive, entry.filename):
            total += len(part)
            if total > limit:
                raise _too_large(source, limit)


def chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """What an entry of an archive holds, so much at a time."""
    with archive.open(name) as stream:
        while part := stream.read(_CHUNK):
            yield part


def is_sheet(name: str) -> bool:
    """Whether an entry of an xlsx or ods holds cells."""
    return bool(re.fullmatch(r"xl/worksheets/[^/]+\.xml|content\.xml", name))


def _check_cells(archive: zipfile.ZipFile, source: str) -> None:
    """Refuse a sheet whose last cell stands so far out that its rectangle fills the memory."""
    for name in archive.namelist():
        if is_sheet(name):
            row, column = 1, 26
            for part in _overlapping(chunks(archive, name)):
                # Up to column Z a million rows are no danger, so only the others are looked at.
                columns = set(re.findall(rb' r="([A-Z]{2,3})[0-9]', part))
                column = max([column, *map(_number, columns)])
                rows = re.findall(rb'<row[^>]{0,80}? r="([0-9]{1,7})"', part)
                last = re.match(
                    rb' r="[A-Z]{1,3}([0-9]{1,7})"', part[max(part.rfind(b' r="'), 0) :]
                )
                row = max([row, *map(int, rows[-1:]), int(last[1]) if last else 1])
            _refuse_cells(row * column, name, source)


_CUT = 1 << 12  # bytes of a tag or two


def _overlapping(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts, each with the end of the one before, so that nothing is cut in two."""
    before = b""
    for part in parts:
        yield before + part
        before = part[-_CUT:]


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _check_repeats(archive: zipfile.ZipFile, source: str) -> None:
    """The same of an ods sheet, where one cell or row may say that it stands a million times."""
    rows = columns = 1
    for part in _overlapping(chunks(archive, "content.xml")):
        # Only what has a value is kept; blank rows and cells up to the sheet's end are none.
        for tag in _REPEATING.finditer(part):
            times = max(map(int, _REPEATS.findall(tag[0])), default=1)
            if tag[1]:
                row, _, _ = part[tag.end() : tag.end() + 2000].partition(b"</table:table-row")
                rows = max(rows, times) if b"value-type" in row else rows
            elif b"value-type" in tag[0]:
                columns = max(columns, times)
    _refuse_cells(rows * columns, "content.xml", source)


# A tag is looked through once, whatever stands in it: what is packed small may be long.
_REPEATING = re.compile(rb"<(table:table-row\b)?(?=[^<>]*?s-repeated\s*=)[^<>]*+>")
_REPEATS = re.compile(rb"""s-repeated\s*=\s*["']0*(\d{1,9})""")  # of more digits the first


def _refuse_cells(cells: int, name: str, source: str) -> None:
    if cells > MAX_CELLS:
        what = f"has a sheet of {cells:,} cells ({name}), most of them blank"
        raise InputError(what, source, "delete what stands far below or beside the log")


# --- text ----------------------------------------------------------------------------------

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding(data: bytes) -> tuple[str, int]:
    """The encoding of a text and the length of its byte order mark; blank for utf-8 untested."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name, len(mark)
    head = data[:4096]
    if b"\0" in head and len(head) >= 4:
        even, odd = head[::2].count(0), head[1::2].count(0)
        # Letters of a heading in UTF-16 have a zero byte on one side, and only there.
        if odd * 4 > len(head) // 2 * 3 and not even:
            return "utf-16-le", 0
        if even * 4 > len(head) // 2 * 3 and not odd:
            return "utf-16-be", 0
    return "", 0


def utf8(data: bytes, source: str, tested: bool = False) -> bytes:
    """Text in UTF-8 without a mark and with line feeds; UTF-8 itself only where ``tested``.

    Without a mark, bytes that are no UTF-8 are Windows-1252.
    """
    name, skip = encoding(data)
    body = data[skip:] if skip else data
    if b"\0" in body and name in ("", "utf-8"):
        if is_zipped(data):
            raise InputError("is a workbook or an archive, no csv", source, "save it as csv")
        line = body[: body.index(b"\0")].count(b"\n") + 1
        what = "is not a text file (it holds NUL bytes)"
        raise InputError(what, f"{source}:{line}", "export it as csv")
    if name not in ("", "utf-8"):
        try:
            body = body.decode(name).encode()
        except UnicodeError:
            hint = "save it as UTF-8 csv"
            raise InputError(f"is no sound {name.upper()} text", source, hint) from None
        if b"\0" in body:
            line = body[: body.index(b"\0")].count(b"\n") + 1
            raise InputError("holds NUL bytes", f"{source}:{line}", "export it as csv")
    elif tested:
        body = _other_than_utf8(body, source, marked=bool(name))
    if _ends_as_a_mac(body):
        body = body.replace(b"\r", b"\n")
    return body


def _other_than_utf8(body: bytes, source: str, marked: bool) -> bytes:
    """UTF-8 as it is, else Windows-1252; InputError where the text is neither."""
    try:
        body.decode()
        return body
    except UnicodeDecodeError as error:
        first = said = _byte(body, error.start)
    if not marked and not re.search(rb"[\x00-\x08\x0e-\x1f]", body):
        if _ends_as_a_mac(body) and _is_roman(body):
            return body.decode("mac-roman").encode()  # Excel's csv (Macintosh)
        try:
            return body.decode("cp1252").encode()
        except UnicodeDecodeError as error:
            # Which of the two it was meant to be nobody can tell.
            said = _byte(body, error.start)
    if said == first:
        what = f"is neither UTF-8 nor Windows-1252 text (byte {first[0]})"
        raise InputError(what, f"{source}:{first[1]}", "save it as UTF-8 csv")
    tried = zip(("UTF-8", "Windows-1252"), (first, said), strict=True)
    both = (f"{name} (byte {byte} in line {line})" for name, (byte, line) in tried)
    what = f"is neither {' nor '.join(both)} text"
    raise InputError(what, source, "save it as UTF-8 csv")


def _ends_as_a_mac(body: bytes) -> bool:
    """Whether lines end as on an old Mac, by a carriage return alone."""
    return b"\r" in body and b"\n" not in body


def _is_roman(body: bytes) -> bool:
    """Whether letters with accents are where an old Mac has most of them, and not Windows."""
    mac, windows = (len(re.findall(span, body)) for span in (b"[\x80-\x9f]", b"[\xc0-\xff]"))
    return mac > windows


def _byte(body: bytes, at: int) -> tuple[str, int]:
    """A byte as it is named in a message, and its line."""
    return f"0x{body[at]:02x}", body[:at].count(b"\n") + 1
