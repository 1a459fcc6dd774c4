"""Small files beside a log: opening balances, a time sheet, the diagnoses that go with a code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from calc import clocks, files, times
from calc.errors import InputError
from calc.params import Config
from calc.schema import kx_bucket
from calc.values import read_cents


def read_balances(source: str) -> dict[str | tuple[str, int], int]:
    """Opening balances: a csv of patient and amount (dollars), in cents.

    By patient, or where a column year says so by patient and year. Raises InputError that names
    row and column of what cannot be read.
    """
    left: dict[Any, int] = {}
    for _, (patient,), year, cents in _balances(source, "patient"):
        left[(patient, *year) if year else patient] = cents
    return left


def read_prior(source: str) -> dict[tuple[str, str] | tuple[str, str, int], int]:
    """Allowed before, by patient and threshold: a csv of patient, discipline and amount, in cents.

    Where a column year says so by year too. Disciplines that share a threshold add up. Raises
    InputError as `read_balances`.
    """
    spent: dict[Any, int] = {}
    for where, (patient, discipline), year, cents in _balances(source, "patient", "discipline"):
        bucket = kx_bucket(discipline.upper())
        if not bucket:
            hint = "write PT, OT, SLP or PT+SLP"
            raise InputError(f'discipline "{discipline}" is not known', where, hint)
        key = (patient, bucket, *year)
        spent[key] = spent.get(key, 0) + cents
    return spent


def _balances(source: str, *keys: str) -> Iterator[tuple[str, tuple[str, ...], _Year, int]]:
    """Place, key, year and cents of each row; a blank patient, such as a total's, is an error."""
    found: dict[tuple[str, ...], set[_Year]] = {}
    for where, row in files.small_csv(source, *keys, "amount"):
        if not row["patient"]:
            hint = "name the patient as the log does, or remove the row if it is a total"
            raise InputError("patient is blank", where, hint)
        cents = read_cents(row["amount"])
        if cents is None:
            raise InputError(f'amount "{row["amount"]}" is not an amount', where, "e.g. 257.00")
        key, year = tuple(row[name] for name in keys), _year(row.get("year", ""), where)
        years = found.setdefault(key, set())
        if year in years:
            raise InputError("the same patient stands twice", where, "add the amounts up")
        if years and () in {year, *years}:
            hint = "write the year of each amount"
            raise InputError("the same patient stands with a year and without", where, hint)
        years.add(year)
        yield where, key, year, cents


_Year = tuple[int, ...]  # one, or none


def _year(text: str, where: str) -> _Year:
    if text and not re.fullmatch(r"[12][0-9]{3}(\.0)?", text):  # .0 as a spreadsheet may write it
        raise InputError(f'year "{text}" is not a year', where, "write e.g. 2026")
    return (int(text[:4]),) if text else ()


def read_timesheet(source: str, chosen: str = "") -> dict[tuple[str, date], int]:
    """Milliseconds on duty by clinician and date: a csv of clinician, date, and minutes or spells.

    Minutes of a day add up. Spells, from start to end, may overlap or stand there twice: time
    counts once. ``chosen``: the order of month and day, mdy or dmy; blank: the sheet itself must
    tell. Raises InputError that names row and column.
    """
    sheet: dict[tuple[str, date], int] = {}
    spells: dict[tuple[str, date], list[tuple[int, int]]] = {}
    rows = files.small_csv(source, "clinician", "date", check=_require_times)
    order = clocks.date_order([row["date"] for _, row in rows], "date", source, chosen)
    for where, row in rows:
        day = times.read_date(row["date"], order)
        if day is None:
            raise InputError(f'date "{row["date"]}" is not a date', where, "YYYY-MM-DD")
        key = row["clinician"], day
        if row.get("minutes"):
            sheet[key] = sheet.get(key, 0) + _given_ms(row["minutes"], where)
        else:
            spells.setdefault(key, []).append(_spell(row, where))
    for key, mine in spells.items():
        sheet[key] = sheet.get(key, 0) + _covered_ms(mine)
    return sheet


def _require_times(names: list[str], where: str) -> None:
    known = set(names)
    lacking = "minutes" not in known and not {"start", "end"} <= known
    if lacking and {"clinician", "date"} <= known:
        hint = f"found: {', '.join(names)}"
        raise InputError("missing heading minutes, or start and end", where, hint)


def _given_ms(minutes: str, where: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", minutes) or int(minutes) * times.MINUTE > times.DAY:
        raise InputError(f'minutes "{minutes}" is no number of minutes of a day', where, "e.g. 480")
    return int(minutes) * times.MINUTE


def _spell(row: dict[str, str], where: str) -> tuple[int, int]:
    """Start and end in milliseconds since midnight."""
    ends = []
    for name in ("start", "end"):
        clock = times.read_clock(row.get(name, ""))
        if clock is None:
            hint = "give minutes, or start and end, e.g. 08:00 and 16:30"
            raise InputError(f'{name} "{row.get(name, "")}" is not a time', where, hint)
        ends.append(clock[0])
    if ends[1] < ends[0]:
        raise InputError("end is before its start", where, "write two spells around midnight")
    return ends[0], ends[1]


def _covered_ms(spells: list[tuple[int, int]]) -> int:
    """How much time lies in any of the spells.

    >>> _covered_ms([(540, 660), (480, 600), (480, 600), (700, 710)])
    190
    """
    covered = until = 0
    for start, end in sorted(spells):
        covered += max(0, end - max(start, until))
        until = max(until, end)
    return covered


def read_diagnoses(source: str, config: Config) -> dict[str, tuple[str, ...]]:
    """Diagnoses by code, as they are written: a csv of code and diagnosis, one pair a line.

    Raises InputError for a code that is not known or a blank diagnosis.
    """
    pairs: dict[str, list[str]] = {}
    for where, row in files.small_csv(source, "code", "diagnosis"):
        code = config.code_names.get(" ".join(row["code"].lower().split()))
        if code is None:
            hint = "use a code or alias of config/codes.csv"
            raise InputError(f'code "{row["code"]}" is not known', where, hint)
        if not row["diagnosis"]:
            raise InputError("diagnosis is blank", where, "e.g. M62.81")
        pairs.setdefault(code, []).append(row["diagnosis"])
    return {code: tuple(found) for code, found in pairs.items()}
