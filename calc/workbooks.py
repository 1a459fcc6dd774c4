"""Cells of a workbook that its reader would pass over, made text that it sees.

In ods lengths of 24 hours and more, or in other words of ISO 8601, which the reader cannot read;
everywhere formulas without a result, as programs write them that do not reckon: Excel adds the
results when it saves the file. In xlsx errors, such as #N/A, which are no blanks.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator

from calc import decoding

NO_RESULT = "\ue000formula without a result"  # its first sign stands in no log

_MARK = NO_RESULT.encode()
_LONGEST = 1 << 16  # bytes of a cell that is looked at whole
Match = re.Match[bytes]

# No tag is looked through more often than once or twice, whatever stands in it: `<` ends all.
# Some programs write a prefix before each name. A result that is there and empty is a blank text,
# as is whatever a formula has that is said to give a text.
_FORMULA = re.compile(
    rb"<(?P<of>\w{1,20}:|)c\b(?![^<>]*\bt=[\"']str[\"'])(?P<has>[^<>]*+)>\s*+"
    rb"<(?P=of)f\b[^<>]*+>(?:(?<=/>)|[^<]*+</(?P=of)f>)\s*+"
    rb"(?:<(?P=of)v\s*/>|(?=</(?P=of)c>))"
)
_BARE = re.compile(rb"<f\b[^<>]*+>(?:(?<=/>)|[^<]*+</f>)\s*+<(?:v\s*/>|/c>)")  # soon looked for
_ERROR = re.compile(rb"(<(?:\w{1,20}:)?c\b[^<>]*\bt=[\"'])e(?=[\"'])")
_CELL = re.compile(
    rb"<table:(?:covered-)?table-cell\b"
    rb"(?:\s++[\w:.-]++\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'))*+"
)
_KIND = re.compile(rb"office:value-type\s*=\s*[\"'][^\"']*[\"']")
_TIME = re.compile(rb"office:time-value\s*=\s*[\"']([^\"']*)[\"']")
_READ = re.compile(rb"PT([01]?\d|2[0-3])H[0-5]?\dM[0-5]?\d(\.\d+)?S")  # by the reader
_LENGTH = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")


def seen(data: bytes, source: str) -> bytes:
    """The workbook, or one in which such cells are text: lengths as hh:mm:ss, formulas NO_RESULT.

    An error is what stands in the cell.

    Raises InputError where it cannot be read.
    """
    if not decoding.is_zipped(data):
        return data
    with decoding.unzipped(data, source) as archive:
        names = filter(decoding.is_sheet, archive.namelist())
        odd = {n for n in names if any(map(_is_odd, _pieces(decoding.chunks(archive, n))))}
        return _changed(archive, odd) if odd else data


def _changed(archive: zipfile.ZipFile, odd: set[str]) -> bytes:
    """The archive with the cells of ``odd`` entries as text."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for name in dict.fromkeys(archive.namelist()):
            part = archive.read(name)
            copy.writestr(name, _plain(part) if name in odd else part)
    return made.getvalue()


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, each with the cell that the one before broke off in."""
    before = b""
    for chunk in chunks:
        piece = before + chunk
        yield piece
        cell = max(piece.rfind(b"<c "), piece.rfind(b"<table:table-cell"))
        before = piece[max(cell, len(piece) - _LONGEST, 0) :]


def _is_odd(piece: bytes) -> bool:
    if (b't="e"' in piece or b"t='e'" in piece) and _ERROR.search(piece):
        return True
    if (b":f" in piece or _BARE.search(piece)) and _FORMULA.search(piece):
        return True
    if b"table:formula" in piece and any(map(_lacks_result, _CELL.findall(piece))):
        return True
    return any(not _READ.fullmatch(time) for time in _TIME.findall(piece))


def _lacks_result(cell: bytes) -> bool:
    return b"table:formula" in cell and not _KIND.search(cell)


def _plain(part: bytes) -> bytes:
    return _CELL.sub(_ods, _ERROR.sub(rb"\1str", _FORMULA.sub(_xlsx, part)))


def _xlsx(cell: Match) -> bytes:
    of, has = cell["of"], re.sub(rb"\bt=[\"'][^\"']*[\"']", b"", cell["has"])
    return b'<%bc%b t="str"><%bv>%b</%bv>' % (of, has, of, _MARK, of)


def _ods(found: Match) -> bytes:
    cell = found[0]
    time = _TIME.search(cell)
    if time and not _READ.fullmatch(time[1]):
        text = b'office:string-value="%b"' % _clock(time[1].decode()).encode()
        return _TIME.sub(text, _KIND.sub(b'office:value-type="string"', cell))
    if _lacks_result(cell):
        return b'%b office:value-type="string" office:string-value="%b"' % (cell, _MARK)
    return cell


def _clock(length: str) -> str:
    """A length of ISO 8601 as hh:mm:ss; any other text, such as a negative one, as it is.

    >>> _clock("PT47H05M00.5S"), _clock("P1DT2H"), _clock("-PT1H")
    ('47:05:00', '26:00:00', '-PT1H')
    """
    found = _LENGTH.fullmatch(length)
    if not found or not any(found.groups()):
        return length
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    minutes, seconds = (days * 24 + hours) * 60 + minutes + seconds // 60, seconds % 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
