"""Claims beside a log: what the two files hold, name and cover. See `matching` for their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, statuses
from calc.cells import text_of
from calc.checks import AGAIN, AMENDS, FINDINGS, NO_SERVICE, WITHDRAWN
from calc.errors import InputError
from calc.logs import Log, is_total, repeated_units
from calc.rule import BILLED
from calc.schema import total

Frame = nw.LazyFrame[Any]

_DAY = ["patient", "date"]


def held(log: Log) -> frozenset[str]:
    """Columns of SESSION that hold something in a log; "starts", "clocks" where a row has times.

    Role, discipline and provider by their headings alone; "providers" where a row names one. And
    "times", "lengths" and "all_modifiers" where no heading is left unread that may mean them,
    "units_apart" where units are not the visit's.
    """
    text = {name: name for name in ("modifiers_billed", "clinician", "diagnosis")}
    text["providers"] = "provider"
    numbers = {
        "units_billed": "units_billed", "charge": "charge_cents", "total_minutes": "total_ms",
        "clocks": "end_ms", "starts": "start_ms",
    }  # fmt: skip
    said = {name: (nw.col(column) != "").cast(nw.Int64).sum() for name, column in text.items()}
    said |= {name: nw.col(column).count() for name, column in numbers.items()}
    counts = engine.collect(log.audited.select(**said)).row(0)
    found = {name for name, count in zip(said, counts, strict=True) if count}
    there = {"role", "discipline", "provider"} & set(log.cells)
    doubted = {
        "times": log.times_like,
        "lengths": log.lengths_like,
        "all_modifiers": log.modifiers_like,
        "units_apart": repeated_units(log),
    }
    there |= {name for name, headings in doubted.items() if not headings}
    # What stands in for a column that is not there names nobody.
    return frozenset((found if "provider" in there else found - {"providers"}) | there)


def held_in_all(parts: Sequence[frozenset[str]]) -> frozenset[str]:
    """What the parts of a log hold: what some hold, and of what is to be true of each that alone.

    >>> sorted(held_in_all([frozenset({"charge", "lengths"}), frozenset({"role"})]))
    ['charge', 'role']
    """
    return frozenset().union(*parts) - _OF_ALL | frozenset.intersection(*parts, _OF_ALL)


_OF_ALL = frozenset({"lengths", "all_modifiers"})  # whose lack in one part leaves findings in doubt


def held_by_both(ours: frozenset[str], theirs: frozenset[str]) -> frozenset[str]:
    """What a log and its claims hold together: what was billed, only the claims say.

    And "claims": a session without a line is not billed.
    """
    return (ours - BILLED) | (theirs & BILLED) | {"claims"}


def require_apart(ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    """InputError where log and claims are one sheet of a workbook: it would agree with itself.

    Of each the sheets that were read, by the file.
    """
    for path, sheet in theirs.items():
        if any(sheet == own and _is_same(path, name) for name, own in ours.items()):
            what = f'sheet "{sheet}" is both the log and the claims'
            hint = "name the claims' sheet by --claims-sheet, or leave out --claims: then what the"
            raise InputError(what, path, f"{hint} log itself says was billed is audited")


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:  # standard input has no path
        return False


def dates(log: Log, unheard: nw.DataFrame[Any]) -> set[date]:
    """The dates of a log, of its rows that were not read (see `unread`) too."""
    return {*engine.distinct(log.audited, "date"), *unheard["date"].drop_nulls().to_list()}


def covered(days: Collection[date]) -> tuple[date, date] | None:
    """The first and the last of a log's dates, between which it is to say what was done."""
    return (min(days), max(days)) if days else None


def providers(log: Log) -> set[str]:
    """The billing providers that a log or claims name."""
    if "provider" not in log.cells:
        return set()
    return {name for name in engine.distinct(log.audited, "provider") if name}


def patients(log: Log) -> Counter[str]:
    """How many rows of a log, or lines of claims, each patient has."""
    rows = engine.plain(log.audited.select("patient", one=nw.lit(1)))
    counts = engine.collect(rows.group_by("patient").agg(total("one")))
    return Counter(dict(zip(counts["patient"].to_list(), counts["one"].to_list(), strict=True)))


def written_otherwise(ours: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    """Patients of the claims whom the log has under another spelling, and those: with their lines.

    One may be the other, as where a spreadsheet took the zeros before a number away.

    >>> written_otherwise({"123": 1, "A-7": 2, "9": 1}, {"00123": 3, "A-7": 1, "10": 1})
    {'00123': 3, '123': 0}
    """
    strange = [name for name in theirs if name not in ours]
    spelt: dict[str, list[str]] = {}
    for name in ours if strange else ():
        spelt.setdefault(_spelling(name), []).append(name)
    found: dict[str, int] = {}
    for name in strange:
        for own in spelt.get(_spelling(name) or name, []):
            found |= {name: theirs[name], own: theirs.get(own, 0)}
    return found


def _spelling(name: str) -> str:
    """An id without capitals, signs, blanks and the zeros before it."""
    return "".join(sign for sign in name.casefold() if sign.isalnum()).lstrip("0")


def matched_by(
    theirs: frozenset[str], own: set[str], other: set[str]
) -> tuple[frozenset[str], list[str]]:
    """What of the claims' columns counts, ``theirs``; and a note of what does not.

    Where the files share no provider they name them in different ways, such as by name and by
    number: then the column plays no part, or no line would have a service.
    """
    if not own or not other or own & other:
        return theirs, []
    note = "log and claims share no billing provider: they are matched without it"
    return theirs - {"provider"}, [note]


def line_file(name: str, own: Collection[str]) -> str:
    """The name of a claims' file beside those of the log, ``own``: file and row name one record.

    One file, or workbook, may hold both, and frames have no name.
    """
    if name and name not in own:
        return name
    return f"{name}#claims" if name else "claims"


# A sign or CR before or behind the figures, or brackets: -2, $-100.00, (100.00), <100.00>, 100.00-,
# 100.00CR. The true minus stands as itself, since not every engine's patterns know its number.
_NEGATIVE = "(?i)^\\s*\\$?\\s*[-\u2212(<]|[-\u2212]\\s*$|^cr\\b|[0-9. ]cr$"


def nothing_unread() -> nw.DataFrame[Any]:
    """No line of claims, as of an audit without any."""
    types: dict[str, type] = {"patient": str, "date": date, "code": str, "reverses": bool}
    types |= {"lines": int}
    return engine.collect(engine.table({name: [] for name in types}, types))


def unread(claims: Log, merged: bool = False) -> nw.DataFrame[Any]:
    """Patient, date and code of each line that cannot be used; blank and null where not known.

    Lines of totals, and those that say of themselves that they are void, bill nothing. ``merged``:
    a row that names no patient is of the one in the row above it.

    ``reverses``: it says that it takes another line back or replaces it; or its units are negative,
    or its charge. A payment that was posted takes nothing back: it says so, or has neither units
    nor a code that is known.
    """
    parts = claims.parts or [claims]
    found = []
    for part in parts:
        if engine.is_empty(part.bad):
            continue
        reverses = _reverses(part)
        # A row of no service is no doubt, but where it takes another back.
        silent = nw.col("fault").is_in([NO_SERVICE, WITHDRAWN]) & ~reverses
        bad = part.bad.with_columns(reverses=reverses)
        bad = bad.filter(~nw.col("fault").is_in(list(FINDINGS)), ~silent, ~is_total(part))
        bad = _as_above(engine.plain(bad), part) if merged else engine.plain(bad)
        code, again = nw.col("code").cast(nw.String), nw.col("fault") == AGAIN
        found.append(engine.collect(bad.select(*_DAY, "reverses", code=code, again=again)))
    ragged = sum(len(part.ragged) for part in parts)
    table: engine.Columns = {
        "patient": [""] * ragged, "date": [None] * ragged, "code": [None] * ragged,
        "reverses": [False] * ragged, "again": [False] * ragged,
    }  # fmt: skip
    types: dict[str, type] = {"patient": str, "date": date, "code": str}
    types |= {"reverses": bool, "again": bool}
    rows = engine.stacked([*found, engine.collect(engine.table(table, types))])
    return _without_second(rows, claims).drop("again")


def _without_second(unread: nw.DataFrame[Any], claims: Log) -> nw.DataFrame[Any]:
    """Without lines to a second payer whose service another line bills: they bill nothing more."""
    if not unread["again"].any():
        return unread
    on = [*_DAY, "code"]
    billed = engine.collect(engine.plain(claims.audited).select(*on).unique())
    rows = unread.join(billed.with_columns(billed=nw.lit(True)), on=on, how="left")
    return rows.filter(~(nw.col("again") & nw.col("billed").fill_null(False))).drop("billed")


def _as_above(bad: Frame, log: Log) -> Frame:
    """Rows that name no patient, and no date that cannot be read, as those of the row above."""
    if "above_patient" not in bad.columns:
        return bad
    dated = ~nw.col("date").is_null()
    if "date" in log.cells:
        dated = dated | (text_of(bad.collect_schema(), log.cells["date"]) == "")
    nobody = (nw.col("patient") == "") & ~nw.col("above_patient").is_null() & dated
    return bad.with_columns(
        patient=nw.when(nobody).then("above_patient").otherwise("patient"),
        date=nw.when(nobody).then(nw.coalesce("date", "above_date")).otherwise("date"),
    )


def _reverses(log: Log) -> nw.Expr:
    """Whether a row that cannot be used takes back what another bills; see `unread`."""
    schema = log.bad.collect_schema()

    def cell(name: str) -> nw.Expr:
        return text_of(schema, log.cells[name]) if name in log.cells else nw.lit("")

    status = "status" in log.cells
    money = nw.col(statuses.KIND) == statuses.MONEY if status else nw.lit(False)
    known = (nw.col("code").cast(nw.String) != "").fill_null(False)
    bills = known | ~cell("units_billed").is_in(["", "0"])
    negative = cell("charge").str.contains(_NEGATIVE) & bills & ~money
    return nw.any_horizontal(
        nw.col("fault") == AMENDS,
        cell("units_billed").str.contains(_NEGATIVE),
        negative,
        ignore_nulls=True,
    )


# --- patients and dates that only the claims have ------------------------------------------


@dataclass(frozen=True)
class Met:
    """How far claims speak of a log's patients and dates: of whole files, or of batches.

    ``patients``: of the log; ``days``: the log's dates, of rows that were not read too;
    ``billed``: patients of the claims; ``strange``: of those, how many the log does not name, and
    ``strange_lines`` their lines; ``lines``: by date; ``rows``: of the log by date; ``dates``: the
    claims' dates, of lines that were not read too.
    """

    patients: int = 0
    billed: int = 0
    strange: int = 0
    strange_lines: int = 0
    days: frozenset[date] = frozenset()
    lines: Counter[date] = field(default_factory=Counter)
    rows: Counter[date] = field(default_factory=Counter)
    dates: frozenset[date] = frozenset()

    @property
    def apart(self) -> bool:
        """No patient of several in the one file is any of several in the other."""
        return self.patients > 1 and self.billed > 1 and self.strange == self.billed

    @property
    def uncovered(self) -> int:
        """How many lines lie before the log's first date or after its last."""
        return _beyond(self.lines, self.days)

    @property
    def unclaimed(self) -> int:
        """How many rows of the log lie before the claims' first date or after their last."""
        return _beyond(self.rows, self.dates)

    def notes(self) -> list[str]:
        """What a report says of lines that have no patient or no date of the log."""
        said, all_lines = [], sum(self.lines.values())
        if self.strange_lines:
            verb = "is" if self.strange_lines == 1 else "are"
            whom = "a patient" if self.strange == 1 else "patients"
            lines = f"{self.strange_lines:,} of {all_lines:,} billed line{_s(all_lines)}"
            said.append(f"{lines} {verb} of {whom} whom the log does not name")
        if off := self.uncovered:
            verb = "lies" if off == 1 else "lie"
            said.append(f"{off:,} billed line{_s(off)} {verb} before or after the log's dates")
        if off := self.unclaimed:
            verb = "lies" if off == 1 else "lie"
            rows = f"{off:,} row{_s(off)} of the log {verb} before or after the claims' dates"
            said.append(f"{rows}, and count{'s' if off == 1 else ''} as not billed")
        return said


def _beyond(counts: Mapping[date, int], days: Collection[date]) -> int:
    """How many lie before the first or after the last of these days."""
    if not (ends := covered(days)):
        return 0
    return sum(count for day, count in counts.items() if not ends[0] <= day <= ends[1])


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def met(rows: Frame, unheard: nw.DataFrame[Any], unread: nw.DataFrame[Any]) -> Met:
    """What of the lines beside a log has a patient or date of it.

    ``unheard`` of the log and ``unread`` of the claims: what could not be read, see `unread`.
    """
    billed = (~nw.col("documented")).cast(nw.Int64)
    rows = engine.plain(rows.select(*_DAY, billed=billed, logged=1 - billed))
    days = engine.collect(rows.group_by("date").agg(total("billed"), total("logged")))
    people = engine.collect(rows.group_by("patient").agg(total("billed"), total("logged")))
    named = set(unheard["patient"].to_list())
    theirs = people.filter(nw.col("billed") > 0)
    strange = theirs.filter(nw.col("logged") == 0, ~nw.col("patient").is_in(list(named)))
    ours = days.filter(nw.col("logged") > 0)["date"].to_list()
    lines, logged = (
        Counter(dict(zip(days["date"].to_list(), days[name].to_list(), strict=True)))
        for name in ("billed", "logged")
    )
    return Met(
        len(people.filter(nw.col("logged") > 0)),
        len(theirs),
        len(strange),
        int(strange["billed"].sum()),
        frozenset(ours) | {day for day in unheard["date"].to_list() if day},
        +lines,
        +logged,
        frozenset(+lines) | {day for day in unread["date"].to_list() if day},
    )


def met_in_all(parts: Sequence[Met]) -> Met:
    """The same of all batches of patients."""
    return Met(
        sum(part.patients for part in parts),
        sum(part.billed for part in parts),
        sum(part.strange for part in parts),
        sum(part.strange_lines for part in parts),
        frozenset().union(*(part.days for part in parts)),
        sum((part.lines for part in parts), Counter[date]()),
        sum((part.rows for part in parts), Counter[date]()),
        frozenset().union(*(part.dates for part in parts)),
    )
