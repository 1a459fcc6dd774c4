"""CMS's published releases (a zip, a csv, fixed-width text) read into editions of ``config/``.

Files are known by what they hold, not by their names; relative values are taken by position, for
headings repeat. Only codes the program knows are kept, and never a descriptor: those are the AMA's.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from calc.dated import Days, runs
from calc.errors import InputError, require_file
from calc.figure_files import BELOW, CELLS, KEYS, TABLES
from calc.money import FACTOR_PLACES, GPCI_PLACES, RVU_PLACES, decimal_text, scaled
from calc.params import Config, shipped_folder

Row = dict[str, str]

LIMIT = 200_000_000  # bytes of one file, unpacked
BASES = ("nonQPP", "QPP")
TWO_FACTORS_SINCE = 2026  # 42 USC 1395w-4(d)(1)(A): two conversion factors from 2026 on
COLUMNS: dict[str, tuple[str, ...]] = {
    **TABLES,
    "gpci": ("locality", "name", "mac", "work_gpci", "pe_gpci", "mp_gpci"),
}
NATIONAL = dict(
    zip(COLUMNS["gpci"], ("US", "NATIONAL", "", "1.000", "1.000", "1.000"), strict=True)
)
EXPECTED = (
    "give CMS's zip (rvu26a.zip), or its PPRRVU csv or txt, GPCI csv, LOCCO csv, "
    "MUE or PTP practitioner csv or txt"
)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_CODE = re.compile(r"[A-Z0-9]{5}")
NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
# what zipfile raises of a damaged, encrypted or strangely packed zip
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError,
)  # fmt: skip
_PREAMBLE = 40  # records before which the headings must stand
_HEAD = 1 << 16  # characters in which they do


@dataclass(frozen=True)
class Release:
    """One table of a CMS release; ``rows`` hold the text of our csv columns.

    ``factors`` gives the conversion factor by what it applies to (``""``, nonQPP, QPP); ``days``
    are the first and last day of each row of a PTP release, and nothing for the other kinds.
    ``notes``: what was chosen where the file offers more than one figure.
    """

    kind: str
    year: int | None
    title: str
    conversion_factor: Decimal | None
    rows: list[Row]
    skipped: int = 0
    factors: Mapping[str, Decimal] = field(default_factory=dict)
    days: tuple[Days, ...] = ()
    where: str = ""
    notes: tuple[str, ...] = ()

    def on(self, day: date) -> list[Row]:
        """The rows that hold on a day: of PTP pairs those of whose days it is one.

        InputError where a pair stands twice on the day with two modifier indicators.
        """
        if self.kind != "ptp":
            return self.rows
        held: dict[tuple[str, str], Row] = {}
        for row, (start, end) in zip(self.rows, self.days, strict=True):
            if start <= day <= end:
                pair = (row["column1"], row["column2"])
                if held.setdefault(pair, row) != row:
                    what = f"pair {pair[0]} {pair[1]} stands twice on {day}, with other indicators"
                    raise InputError(what, self.where, "download the file again")
        return [held[pair] for pair in sorted(held)]

    def runs(self, first: date, last: date) -> list[tuple[date, date, list[Row]]]:
        """The days from ``first`` to ``last`` in runs on which the same rows hold, in order."""
        return runs(self.on, self.days, first, last)

    def during(self, first: date, last: date) -> list[Row]:
        """The rows that hold on each day from ``first`` to ``last``; InputError if they change."""
        (_, end, rows), *others = self.runs(first, last)
        if others:
            what = f"pairs change between {first} and {last}, after {end}"
            hint = "import the days before and after apart, each with its --from and --until"
            raise InputError(what, self.where, hint)
        return rows


@dataclass(frozen=True)
class _File:
    """One file with what it was recognised as."""

    where: str
    kind: str
    text: str
    separator: str  # "" for fixed width
    heading: int = 0  # place of the last heading among the records

    def fault(self, what: str, line: int = 0, hint: str = "") -> InputError:
        what = what if len(what) <= 200 else f"{what[:100]} ... {what[-60:]}"
        return InputError(what, f"{self.where}:{line}" if line else self.where, hint)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Line and cells of each record; InputError where the quotes do not close."""
        reader = csv.reader(
            io.StringIO(self.text, newline=""), delimiter=self.separator, strict=True
        )
        try:
            for record in reader:
                yield reader.line_num, [cell.strip() for cell in record]
        except csv.Error as error:
            hint = "the file is cut off or its quotes are damaged: download it again"
            raise self.fault(f"is not csv ({error})", reader.line_num, hint) from None

    def body(self) -> Iterator[tuple[int, list[str]]]:
        """The records after the headings that are not blank."""
        rows = itertools.islice(self.records(), self.heading + 1, None)
        return ((line, cells) for line, cells in rows if any(cells))

    def heads(self) -> list[str]:
        """The headings in lower case with single blanks."""
        return _plain(next(itertools.islice(self.records(), self.heading, None))[1])


class _RvuLine(NamedTuple):
    """What is used of a line of a relative value file, as text."""

    line: int
    code: str
    modifier: str
    status: str
    work: str
    pe: str
    pe_facility: str
    mp: str
    total: str
    total_facility: str
    mppr: str
    factor: str


# --- files ---------------------------------------------------------------------------------


def read(path: str, known_codes: set[str], basis: str = "nonQPP") -> list[Release]:
    """The tables of a CMS zip or file, one Release for each kind found.

    Of a zip, csv counts before fixed width, and from 2026 on the variant of ``basis``; the other
    variant's conversion factor is kept in ``factors``. InputError, with path and line, where the
    file is not recognised, cut off, doubled or malformed.
    """
    if basis not in BASES:
        raise InputError(f'basis "{basis}" is not known', hint="give nonQPP or QPP")
    data = _bytes(path)
    files = _members(path, data, []) if data.startswith(b"PK") else [_recognised(path, data)]
    with_csv = any(file.kind == "rvu" and file.separator for file in files)
    found: dict[str, list[Release]] = {}
    for file in files:
        if file.kind == "rvu" and with_csv and not file.separator:
            continue
        found.setdefault(file.kind, []).append(_READERS[file.kind](file, known_codes))
    releases = [_one(kind, found[kind], basis) for kind in COLUMNS if kind in found]
    if not releases:
        raise InputError("the zip holds no file of CMS that is known", path, EXPECTED)
    return releases


def _bytes(path: str) -> bytes:
    require_file(path, EXPECTED)
    try:
        if Path(path).stat().st_size > LIMIT:
            raise InputError(f"is over {LIMIT // 10**6} MB", path, EXPECTED)
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, EXPECTED) from None
    if not data.strip():
        raise InputError("the file is empty", path, "download it again")
    return data


def _members(path: str, data: bytes, sizes: list[int], nested: bool = False) -> list[_File]:
    """The files of a zip, and of the zips in it, that are recognised; the others are let be.

    ``sizes``: what the entries of all these zips unpack to, to which this one adds its own.
    """
    files: list[_File] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" in names:
                return [] if nested else [_workbook(path, data, archive)]
            sizes += [info.file_size for info in archive.infolist()]
            if sum(sizes) > 5 * LIMIT:
                raise InputError(f"would unpack to more than {5 * LIMIT // 10**6} MB", path)
            for info in archive.infolist():
                files += _member(path, archive, info, sizes, nested)
    except _BROKEN as error:
        raise InputError(f"the zip cannot be read ({error})", path, "download it again") from None
    return files


def _workbook(path: str, data: bytes, archive: zipfile.ZipFile) -> _File:
    """The first sheet of a workbook, as the csv it would be saved as."""
    from calc.engine import sheet_as_csv

    if sum(info.file_size for info in archive.infolist()) > LIMIT:
        raise InputError(f"would unpack to more than {LIMIT // 10**6} MB", path)
    return _recognised(path, sheet_as_csv(data, path))


def _member(
    path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, sizes: list[int], nested: bool
) -> list[_File]:
    where, ending = f"{path}/{info.filename}", info.filename.lower().rpartition(".")[2]
    if info.file_size > LIMIT:
        hint = "CMS's files are smaller: is the zip what it says it is?"
        raise InputError(f"would unpack to more than {LIMIT // 10**6} MB", where, hint)
    if ending not in ("csv", "txt") and (ending != "zip" or nested):
        return []
    if info.flag_bits & 1:
        hint = "unpack it and name the files inside"
        raise InputError("is protected by a password", where, hint)
    data = archive.read(info)
    if ending == "zip":
        return _members(where, data, sizes, nested=True)
    with contextlib.suppress(InputError):
        return [_recognised(where, data)]
    return []


def _recognised(where: str, data: bytes) -> _File:
    """The file with its kind; InputError where it is no text or none that is known."""
    text = _decoded(data)
    if "\0" in text:
        raise InputError("is not a text file", where, EXPECTED)
    if text.startswith("HDR"):
        return _File(where, "rvu", text, "")
    for separator in (",", "\t"):
        rows = csv.reader(io.StringIO(text[:_HEAD], newline=""), delimiter=separator)
        with contextlib.suppress(csv.Error):
            for place, row in enumerate(itertools.islice(rows, _PREAMBLE)):
                kind = _kind(_plain(row))
                if kind:
                    return _File(where, kind, text, separator, place)
    raise InputError("is no file of CMS that is known", where, EXPECTED)


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # Excel's "Unicode text"
        return data.decode("utf-16", "replace")
    if not data.startswith(b"HDR"):
        with contextlib.suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig")
    # Latin-1 gives one character a byte: the places of the fields stay what they are.
    return data.decode("latin-1")


def _plain(cells: list[str]) -> list[str]:
    return [" ".join(cell.lower().split()) for cell in cells]


def _kind(heads: list[str]) -> str:
    """The kind of table whose last headings these are, or nothing."""
    joined = "|".join(heads)
    if heads[:3] == ["hcpcs", "mod", "description"]:
        return "rvu"
    if "state" in heads and "pe gpci" in joined and "mp gpci" in joined:
        return "gpci"
    if "counties" in heads and "locality number" in heads:
        return "counties"
    if any(head.startswith("practitioner services mue") for head in heads):
        return "mue"
    if heads[:2] == ["column 1", "column 2"] and len(heads) > 5:
        return "ptp"
    return ""


def _one(kind: str, found: list[Release], basis: str) -> Release:
    """The one release of its kind: of two variants that of ``basis``; parts of PTP joined."""
    if kind == "ptp":
        return join(found)
    if kind == "rvu":
        return _of_basis(found, basis)
    if len(found) > 1:
        raise _several(found)
    return found[0]


def join(parts: list[Release]) -> Release:
    """The parts of a quarter's PTP edits as one release; InputError if any is another table."""
    if any(part.kind != "ptp" for part in parts):
        raise InputError("only files of PTP edits can be joined", parts[0].where)
    rows = [row for part in parts for row in part.rows]
    days = tuple(span for part in parts for span in part.days)
    return replace(parts[0], rows=rows, days=days, skipped=sum(p.skipped for p in parts))


def joined(releases: list[Release], basis: str = "nonQPP") -> list[Release]:
    """The releases of several files, one of each kind as `read` makes them of a zip.

    InputError where two of a kind do not go together.
    """
    done = []
    for kind in COLUMNS:
        found = [release for release in releases if release.kind == kind]
        # One of them has both variants already, or they are of different releases.
        both = any(len(release.factors) > 1 for release in found)
        if len(found) > 1 and kind != "ptp" and (both or len(set(map(_edition_of, found))) > 1):
            raise _several(found)
        done += [_one(kind, found, basis)] if len(found) > 1 else found
    return done


def _edition_of(release: Release) -> tuple[int | None, frozenset[str]]:
    """Year and months that a release names."""
    months = re.findall(_MONTHS, release.title.lower())
    return release.year, frozenset(months)


def _several(found: list[Release]) -> InputError:
    names = ", ".join(release.where for release in found)
    return InputError(
        f"are several {found[0].kind} files", names, "import one, leave out the others"
    )


def _of_basis(found: list[Release], basis: str) -> Release:
    """The variant of ``basis``. By its name, else the lower factor of two is nonQPP's."""
    if (found[0].year or TWO_FACTORS_SINCE) < TWO_FACTORS_SINCE:
        if len(found) > 1:
            raise _several(found)
        factor = found[0].conversion_factor
        return replace(found[0], factors={} if factor is None else {"": factor})
    variants: dict[str, Release] = {}
    by_factor = sorted(found, key=lambda release: release.conversion_factor or Decimal(0))
    guesses = (basis,) if len(found) == 1 else BASES
    for place, release in enumerate(by_factor):
        same = place and release.conversion_factor == by_factor[place - 1].conversion_factor
        guess = "" if same or place >= len(guesses) else guesses[place]
        variant = _named(release.where) or guess
        if not variant or variant in variants:
            raise _several(found)
        variants[variant] = release
    factors = {v: r.conversion_factor for v, r in variants.items() if r.conversion_factor}
    return replace(variants.get(basis) or by_factor[0], factors=factors)


def _named(where: str) -> str:
    name = re.split(r"[/\\]", where)[-1].lower()
    return "nonQPP" if "nonqpp" in name else "QPP" if "qpp" in name else ""


# --- relative values -----------------------------------------------------------------------


def _read_rvu(file: _File, known: set[str]) -> Release:
    seen: set[str] = set()
    rows: list[Row] = []
    factors: set[Decimal] = set()
    for entry in _csv_lines(file) if file.separator else _fixed_lines(file):
        if entry.modifier:
            continue
        if entry.code in seen:
            hint = "each code stands once without a modifier: download the file again"
            raise file.fault(f"{entry.code} stands twice", entry.line, hint)
        seen.add(entry.code)
        if entry.code in known:
            rows.append(_rvu_row(file, entry))
            factors.add(_number(file, entry.line, "conversion factor", entry.factor, FACTOR_PLACES))
    _enough(file, rows, known)
    if factors == {Decimal(0)}:
        raise file.fault("has no conversion factor but 0", 0, "download the file again")
    factors.discard(Decimal(0))
    if len(factors) > 1:
        both = " and ".join(map(str, sorted(factors)))
        raise file.fault(f"has two conversion factors, {both}", 0, "import one release at a time")
    year, title = _release_title(file)
    factor = next(iter(factors), None)
    rows.sort(key=lambda row: row["code"])
    return Release("rvu", year, title, factor, rows, len(seen) - len(rows), where=file.where)


def _csv_lines(file: _File) -> Iterator[_RvuLine]:
    """By position: headings repeat. 32 columns have a pricing indicator before the last 8."""
    width = 0
    for line, cells in file.body():
        width = width or len(cells)
        if len(cells) != width or width not in (31, 32):
            what = f"{len(cells)} fields where {width if width in (31, 32) else '31 or 32'} belong"
            raise file.fault(what, line, "the file is cut off or not CMS's layout")
        picked = [cells[place] for place in (0, 1, 3, 5, 6, 8, 10, 11, 12, 18, width - 7)]
        yield _RvuLine(line, *picked)


_FIXED = {
    "code": (1, 5),
    "modifier": (6, 7),
    "status": (58, 58),
    "work": (60, 65),
    "pe": (67, 72),
    "pe_facility": (76, 81),
    "mp": (85, 89),
    "total": (91, 96),
    "total_facility": (97, 102),
    "mppr": (116, 116),
    "factor": (133, 140),
}


def _fixed_lines(file: _File) -> Iterator[_RvuLine]:
    for number, line in enumerate(file.text.split("\n"), 1):
        text = line.rstrip("\r\x1a")
        if text.startswith("HDR") or not text.strip():
            continue
        if len(text) < _FIXED["factor"][1]:
            what = f"{len(text)} characters where at least {_FIXED['factor'][1]} belong"
            raise file.fault(what, number, "the file is cut off: download it again")
        cells = {name: text[first - 1 : last].strip() for name, (first, last) in _FIXED.items()}
        yield _RvuLine(number, **cells)


def _rvu_row(file: _File, entry: _RvuLine) -> Row:
    """A row of our csv; InputError where a value is malformed or a total is not its sum."""
    if not re.fullmatch(r"[A-Z]", entry.status) or not re.fullmatch(r"0?\d", entry.mppr):
        what = f'{entry.code}: status "{entry.status}", multiple procedure "{entry.mppr}"'
        raise file.fault(what, entry.line, "a letter and a digit belong there: wrong layout?")
    names = ("work_rvu", "pe_rvu", "pe_rvu_facility", "mp_rvu")
    given = (entry.work, entry.pe, entry.pe_facility, entry.mp)
    values = [_rvu(file, entry, name, text) for name, text in zip(names, given, strict=True)]
    work, pe, facility, mp = values
    totals = ((entry.total, work + pe + mp), (entry.total_facility, work + facility + mp))
    if any(text and _rvu(file, entry, "total", text) != total for text, total in totals):
        what = f"{entry.code}: the totals are not the sums of the RVUs"
        raise file.fault(what, entry.line, "wrong layout, or a damaged file")
    texts = [decimal_text(scaled(value, RVU_PLACES), RVU_PLACES) for value in values]
    cells = [entry.code, entry.status, *texts, str(int(entry.mppr))]
    return dict(zip(COLUMNS["rvu"], cells, strict=True))


def _rvu(file: _File, entry: _RvuLine, name: str, text: str) -> Decimal:
    return _number(file, entry.line, f"{entry.code}: {name}", text, RVU_PLACES, BELOW["work_rvu"])


def _number(
    file: _File, line: int, name: str, text: str, places: int, below: int = BELOW["factor"]
) -> Decimal:
    """A number of 0 or more; InputError if it is none, negative, too large or too exact."""
    hint = f"a number of 0 or more with at most {places} decimals belongs there"
    if not NUMBER.fullmatch(text):
        raise file.fault(f'{name} "{text}" is no number', line, hint)
    number = Decimal(text)
    try:
        scaled(number, places)
    except ValueError:
        raise file.fault(f"{name} {text} has more than {places} decimals", line, hint) from None
    if number >= below:
        what = f"{name} {text} is not below {below:,}"
        raise file.fault(what, line, "wrong layout, or a damaged file")
    return number


def _enough(file: _File, rows: list[Row], known: set[str]) -> None:
    """InputError where fewer rows are known than half of the newest shipped edition's."""
    key = KEYS[file.kind][0]
    newest = [row[key] for row in _newest(file.kind)]
    wanted = sum(1 for name in newest if file.kind == "gpci" or name in known) // 2
    if len(rows) < max(wanted, 1):
        what = f"only {len(rows)} {'localities' if file.kind == 'gpci' else 'known codes'}"
        hint = f"at least {max(wanted, 1)} are expected: is the file cut off?"
        raise file.fault(what, 0, hint)


def _newest(table: str) -> list[Row]:
    """The rows of the newest shipped edition of a table."""
    editions = Config([shipped_folder()]).editions(table)
    return table_rows(max(editions, key=lambda edition: edition.first).path) if editions else []


def table_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def _release_title(file: _File) -> tuple[int | None, str]:
    """Year and title as the file's first lines state them."""
    said = re.search(r"(20\d\d) (\w+ ){0,2}Physician Fee Schedule[\w ]*", file.text[:4000], re.I)
    if said:
        return int(said[1]), " ".join(said[0].split())
    return None, "National Physician Fee Schedule Relative Value File"


# --- localities ----------------------------------------------------------------------------


def _read_gpci(file: _File, known: set[str]) -> Release:
    heads = file.heads()
    places = [_place(file, heads, *wanted) for wanted in _GPCI_HEADS]
    if places[:2] != [0, 1]:
        raise file.fault("contractor and state are not the first columns", 0, "a new layout?")
    rows: dict[str, Row] = {}
    for line, cells in file.body():
        states = [cell for cell in cells[1:2] if re.fullmatch(r"[A-Z]{2}", cell)]
        if not states and not re.fullmatch(r"\d{4,5}", cells[0]):
            continue  # footnotes
        if len(cells) <= max(places):
            raise file.fault(f"{len(cells)} fields where {max(places) + 1} belong", line)
        row = _gpci_row(file, line, [cells[place] for place in places])
        if row["locality"] in rows:
            raise file.fault(f"{row['locality']} stands twice", line, "download the file again")
        rows[row["locality"]] = row
    found = [rows[name] for name in sorted(rows)]
    _enough(file, found, known)
    said = re.search(r"20\d\d", heads[places[5]])
    year = int(said[0]) if said else None
    title = f"Addendum E, geographic practice cost indices {said[0] if said else ''}".strip()
    notes = (_WITH_FLOOR,) if any("without 1.0 floor" in head for head in heads) else ()
    return Release("gpci", year, title, None, [NATIONAL, *found], where=file.where, notes=notes)


_WITH_FLOOR = "the work GPCI is the one with the 1.0 floor, and right only while the law keeps it"


# what a heading holds, and what it must not hold; the work index is the one with the 1.0 floor
_GPCI_HEADS = (
    ("contractor", ""),
    ("state", ""),
    ("locality number", ""),
    ("locality name", ""),
    ("with 1.0 floor", "without"),
    ("pe gpci", ""),
    ("mp gpci", ""),
)


def _place(file: _File, heads: list[str], holds: str, lacks: str) -> int:
    for place, head in enumerate(heads):
        if holds in head and not (lacks and lacks in head):
            return place
    raise file.fault(f'no column "{holds}"', 0, "CMS's Addendum E has it: is the layout new?")


def _gpci_row(file: _File, line: int, cells: list[str]) -> Row:
    """A locality; what a spreadsheet takes away (leading zeros, decimals) is restored."""
    mac, state, number, name, *indices = cells
    if not re.fullmatch(r"\d{4,5}", mac) or not re.fullmatch(r"\d{1,2}", number):
        what = f'contractor "{mac}", locality "{number}"'
        raise file.fault(what, line, "5 digits and 2 digits belong there")
    if not re.fullmatch("[A-Z]{2}", state):
        raise file.fault(f'state "{state}"', line, "two capitals belong there")
    values = []
    for title, text in zip(("work", "PE", "MP"), indices, strict=True):
        value = _number(file, line, f"{title} GPCI", text, GPCI_PLACES, BELOW["work_gpci"])
        if not value:
            raise file.fault(f"{title} GPCI is 0", line, "no locality has none")
        values.append(decimal_text(scaled(value, GPCI_PLACES), GPCI_PLACES))
    place = f"{state}-{number.zfill(2)}"
    texts = (place, name.rstrip("* "), mac.zfill(5), *values)
    return dict(zip(COLUMNS["gpci"], texts, strict=True))


def _states() -> dict[tuple[str, str], str]:
    """State of a contractor's locality in the newest GPCI edition, and of any other it may have."""
    rows = [row for row in _newest("gpci") if row["mac"]]
    states = {(row["mac"], row["locality"][3:]): row["locality"][:2] for row in rows}
    for mac in {row["mac"] for row in rows}:
        mine = {state for (other, _), state in states.items() if other == mac}
        if len(mine) == 1:  # one contractor serves both Puerto Rico and the Virgin Islands
            states[mac, ""] = mine.pop()
    return states


def _read_counties(file: _File, known: set[str]) -> Release:
    """The state is that of the contractor in the newest GPCI edition: the file spells it out."""
    heads = file.heads()
    mac_at, number_at = _place(file, heads, "contractor", ""), heads.index("locality number")
    counties_at = heads.index("counties")
    states = _states()
    rows: list[Row] = []
    for line, cells in file.body():
        if len(cells) <= max(mac_at, number_at) or not re.fullmatch(r"\d{4,5}", cells[mac_at]):
            continue  # notes
        mac, number = cells[mac_at].zfill(5), cells[number_at].rstrip("* ").zfill(2)
        state = states.get((mac, number)) or states.get((mac, ""))
        if not state or not re.fullmatch(r"\d\d", number) or len(cells) <= counties_at:
            what = f'contractor "{mac}", locality "{number}" cannot be placed'
            raise file.fault(what, line, "cut off, or the contractor is in no GPCI edition")
        place = f"{state}-{number}"
        names = (re.sub(r"^AND ", "", " ".join(c.split())) for c in cells[counties_at].split(","))
        rows += [{"locality": place, "county": name.rstrip("* ")} for name in names if name]
    if not rows:
        raise file.fault("has no locality", 0, "the file is cut off: download it again")
    unique = {(row["locality"], row["county"]): row for row in rows}
    said = re.search(r"20\d\d", file.text[:1000])
    year = int(said[0]) if said else None
    title = f"Counties included in localities {said[0] if said else ''}".strip()
    return Release("counties", year, title, None, list(unique.values()), where=file.where)


# --- NCCI ----------------------------------------------------------------------------------


def _read_mue(file: _File, known: set[str]) -> Release:
    heads = file.heads()
    code_at = _place(file, heads, "hcpcs", "")
    mue_at = _place(file, heads, "practitioner services mue", "")
    mai_at = _place(file, heads, "adjudication", "")
    rows: dict[str, Row] = {}
    skipped = 0
    for line, cells in file.body():
        if len(cells) <= code_at or not _CODE.fullmatch(cells[code_at]):
            continue
        mai = re.match(r"\d\b", cells[mai_at]) if len(cells) > max(mue_at, mai_at) else None
        if not mai or mai[0] not in CELLS["mue"]["mai"]:
            raise file.fault("no adjudication indicator 1, 2 or 3", line, "is the file cut off?")
        code, limit = cells[code_at], cells[mue_at]
        if not re.fullmatch("[0-9]{1,4}", limit):
            raise file.fault(f'{code}: "{limit}" is no number of units', line)
        if code in rows:
            raise file.fault(f"{code} stands twice", line, "download the file again")
        if code in known:
            rows[code] = {"code": code, "mue": str(int(limit)), "mai": mai[0]}
        skipped += code not in known
    found = [rows[code] for code in sorted(rows)]
    _enough(file, found, known)
    title = "NCCI medically unlikely edits, practitioner services"
    return Release("mue", None, title, None, found, skipped, where=file.where)


def _read_ptp(file: _File, known: set[str]) -> Release:
    """Pairs of known codes. Indicator 9 marks pairs that never held; ``*`` is no last day."""
    rows: list[Row] = []
    days: list[Days] = []
    skipped = pairs = 0
    for line, cells in file.body():
        if len(cells) < 2 or not (_CODE.fullmatch(cells[0]) and _CODE.fullmatch(cells[1])):
            continue  # further headings
        pairs += 1
        if len(cells) < 6 or cells[5] not in CELLS["ptp"]["modifier_indicator"]:
            raise file.fault("no modifier indicator 0, 1 or 9", line, "is the file cut off?")
        if cells[0] not in known or cells[1] not in known:
            skipped += 1
        elif cells[5] != "9":
            days.append(Days(_day(file, line, cells[3]), _day(file, line, cells[4], open_end=True)))
            values = (cells[0], cells[1], cells[5])
            rows.append(dict(zip(COLUMNS["ptp"], values, strict=True)))
    if not pairs:
        raise file.fault("has no pair of codes", 0, "the file is cut off: download it again")
    title = "NCCI procedure-to-procedure edits, practitioner services"
    return Release("ptp", None, title, None, rows, skipped, days=tuple(days), where=file.where)


def _day(file: _File, line: int, text: str, open_end: bool = False) -> date:
    if open_end and text in ("", "*"):
        return date.max
    try:
        if not re.fullmatch(r"\d{8}", text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise file.fault(f'"{text}" is no date', line, "yyyymmdd belongs there") from None


_READERS: dict[str, Callable[[_File, set[str]], Release]] = {
    "rvu": _read_rvu,
    "gpci": _read_gpci,
    "mue": _read_mue,
    "ptp": _read_ptp,
    "counties": _read_counties,
}
