"""What is wrong with a record of a log: a table of checks, the first that fails is its reason.

A check that is a finding of an audit comes behind all others: see `judge`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw

from calc import times
from calc.schema import MODES, ROLES


@dataclass(frozen=True)
class Check:
    """A fault of a record: where it is, when it holds, and the sentence about it."""

    column: str
    flag: Callable[[], nw.Expr]
    says: str  # {} is the cell's text
    hint: str = ""
    zoned: bool = False  # only where a zone is given
    unzoned: bool = False  # only where none is
    finding: str = ""  # the audit rule that reports it: such a row is rejected by `bill` only
    alone: bool = False  # the cell's text decides, so it is looked at once for each distinct text
    elapsed: bool = False  # a clock time that a finding calls doubtful cannot prove it


def _cell(name: str) -> nw.Expr:
    return nw.col(f"{name}_text")


_ROUNDED = r"^[0-9][.,][0-9]+[Ee]\+[0-9]+$"


def _no_clock(name: str) -> nw.Expr:
    return (_cell(name) != "") & nw.col(f"{name}_clock_ms").is_null()


def _bad_date(name: str) -> nw.Expr:
    return (nw.col(f"{name}_day_text") != "") & nw.col(f"{name}_day").is_null()


def _half_unsaid(name: str, other: str) -> nw.Expr:
    """One end says AM or PM, this one says neither and could be either."""
    return nw.col(f"{other}_halved") & nw.col(f"{name}_open")


def _over_noon() -> nw.Expr:
    """Before its start as it stands, but not if the end were an hour of the afternoon."""
    start, end = (nw.col(f"{name}_clock_ms") // (60 * times.MINUTE) for name in ("start", "end"))
    unsaid = ~nw.col("start_halved") & ~nw.col("end_halved")
    noon = (start >= 10) & (start <= 12) & (end >= 1) & (end <= 7)
    same_day = nw.col("end_day") == nw.col("start_day")
    return _ends_first() & unsaid & noon & same_day


def _ends_first() -> nw.Expr:
    return nw.col("end_ms") < nw.col("start_ms")


def _spoilt(name: str, kind: str) -> nw.Expr:
    return nw.col(f"{name}_spoilt") == kind


def _timed() -> nw.Expr:
    return nw.col("timed_code") & nw.col("counts")


def _untimed_row() -> nw.Expr:
    no_span = nw.col("start_ms").is_null() | nw.col("end_ms").is_null()
    return no_span & nw.col("given_ms").is_null()


def _differing_dates() -> nw.Expr:
    return nw.col("start_day") != nw.col("date_day")


def _several_codes() -> nw.Expr:
    """Two codes, or a code and how often."""
    several = r"(?i)^[0-9a-z]\d{4}([\s,;/+&].*[0-9a-z]\d{4}|[\s,;(]*x ?\d{1,2}\)?$)"
    return nw.col("code").is_null() & _cell("code").str.contains(several)


def _described_code() -> nw.Expr:
    """One code with words before or behind it."""
    described = r"(?i)^([^0-9]*[^0-9a-z])?([0-9]{5}|[a-z][0-9]{4})([^0-9a-z][^0-9]*)?$"
    alone = r"(?i)^[0-9a-z]*$"
    return nw.col("code").is_null() & (
        _cell("code").str.contains(described) & ~_cell("code").str.contains(alone)
    )


def _negative(name: str, value: str) -> nw.Expr:
    unread = (_cell(name) != "") & nw.col(value).is_null()
    return unread & _cell(name).str.contains(r"^[$ ]*[-(\x{2212}][$ ]*[0-9.]")


def _date_with_time() -> nw.Expr:
    return _bad_date("date") & nw.col("date_day_text").str.contains(r"^\d.*\d[T ]+\d{1,2}:\d\d")


def _date_with_offset() -> nw.Expr:
    """The day may be another where the patient was."""
    offset = r"\d:\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"
    return _date_with_time() & nw.col("date_day_text").str.contains(offset)


def _date_number() -> nw.Expr:
    """A day as a spreadsheet counts them, from 1982 to 2091."""
    return _bad_date("date") & nw.col("date_day_text").str.contains(r"^[3-6]\d{4}(\.\d+)?$")


def _clock_number(name: str) -> nw.Expr:
    """A time as a part of a day, or a spreadsheet's day with it."""
    return _no_clock(name) & _cell(name).str.contains(r"^(0?|[3-6]\d{4})\.\d+$")


def _no_length(like: str) -> nw.Expr:
    unread = (_cell("minutes") != "") & nw.col("minutes_ms").is_null()
    return unread & _cell("minutes").str.contains(like)


def _length_number() -> nw.Expr:
    """A length as a part of a day: finer than anyone writes less than a minute."""
    return _no_length(r"^0*\.\d{4,}$")


def _torn() -> nw.Expr:
    """Hours and minutes, or minutes and seconds."""
    return _no_length(r"^[0-9]{1,3}:[0-5][0-9]$")


def _torn_by_spreadsheet() -> nw.Expr:
    """The same, as the hours and minutes that a spreadsheet makes of it."""
    return _no_length(r"^(\d{1,3}:[0-5]\d:00(\.0+)?|190[04]-01-\d\d[T ]\d\d:\d\d:\d\d(\.0+)?)$")


def _no_mm_ss() -> nw.Expr:
    """A bare number, which is a length in every column but one of minutes and seconds."""
    return _no_length(r"^[0-9]{1,7}(\.[0-9]{1,3})?$")


_LARGE = r"^\$?[1-9](\d{4,}|\d{0,2}(,\d{3})+)(\.\d\d?)?$"  # an amount, with zeros before it none


def _too_large(name: str, value: str, like: str) -> nw.Expr:
    """Written as it should be, and more than is read."""
    return nw.col(value).is_null() & _cell(name).str.contains(like)


_REVERSED = "a reversal: remove the row together with the one that it takes back"
_OTHER_COLUMN = "see whether the heading is that of another column"
_OR_NEXT_DAY = (
    "correct it, or add the end's date to it, e.g. 2026-03-03 00:30, if the session passed midnight"
)
_EXCEL = "looks like an Excel date or time number: format the column in Excel as date or time"
_KNOWN_CODE = "use a code or alias of config/codes.csv, or add it there"
# Of a payer that is not known; PAYERS stands for those that are.
KNOWN_PAYERS = "known: PAYERS; add yours to payers.toml in a folder given by --config"
_WORDS = "or add the word to config/words.toml"

_UNREAD = 'leave the column unread: --map "HEADING="'

CHECKS: tuple[Check, ...] = (
    Check(
        "status", lambda: nw.col("no_service"), 'status "{}" means that no service was given',
        f"it is left out; to use such rows {_UNREAD}", alone=True,
    ),
    Check(
        "status", lambda: nw.col("withdrawn"), 'status "{}" means that the line was taken back',
        f"it is left out; to use such lines {_UNREAD}", alone=True,
    ),
    Check(
        "status", lambda: nw.col("amends"), '"{}" means that it takes back or replaces another',
        f"leave in the file what was billed in the end alone, and {_UNREAD}", alone=True,
    ),
    Check(
        "status", lambda: nw.col("again"), 'status "{}" means that the line went to a second payer',
        "leave in the file the lines of the first payer alone, or name the payer of each line,"
        f" and {_UNREAD}",
        alone=True,
    ),
    Check(
        "patient", lambda: nw.col("patient") == "", "patient is blank",
        "name the patient's id in each row, also where cells were merged",
    ),
    Check(
        "patient", lambda: _cell("patient").str.contains(_ROUNDED), "patient is a rounded number",
        "Excel shows long ids as 1.23E+11: format the column as Text, and export it again",
        alone=True,
    ),
    Check(
        "code", lambda: _cell("code") == "", "code is blank", "give the CPT or HCPCS code",
        alone=True,
    ),
    Check(
        "code", _several_codes, 'code "{}" is not known',
        "write one code a row; how many units go into units_billed", alone=True,
    ),
    Check(
        "code", _described_code, 'code "{}" is not known',
        f"{_KNOWN_CODE}; where words only describe it, write the number alone", alone=True,
    ),
    Check(
        "code", lambda: nw.col("code").is_null(), 'code "{}" is not known', _KNOWN_CODE, alone=True,
    ),
    Check(
        "payer",
        lambda: nw.col("payer").is_null(),
        'payer "{}" is not known',
        f"{KNOWN_PAYERS}; another name of one: to its aliases",
        alone=True,
    ),
    Check(
        "locality",
        lambda: nw.col("locality").is_null(),
        'locality "{}" is not known',
        "write state and number, such as OH-00, or US",
        alone=True,
    ),
    Check(
        "discipline",
        lambda: nw.col("discipline").is_null(),
        'discipline "{}" is not known',
        f"write PT, OT or SLP, {_WORDS}",
        alone=True,
    ),
    Check(
        "role",
        lambda: nw.col("role").is_null(),
        'role "{}" is not known',
        f"write one of {', '.join(ROLES)}, {_WORDS}",
        alone=True,
    ),
    Check(
        "mode",
        lambda: nw.col("mode").is_null(),
        'mode "{}" is not known',
        f"write one of {', '.join(MODES)}, {_WORDS}",
        alone=True,
    ),
    Check(
        "date", _date_with_offset, 'date "{}" is not a date',
        "it holds a time with an offset: give the day alone, as it was there; "
        "if it is when the session began, map the column to start", alone=True,
    ),
    Check(
        "date", _date_with_time, 'date "{}" is not a date',
        "it holds a time: give the day alone, or map the column to start", alone=True,
    ),
    Check("date", _date_number, 'date "{}" is not a date', _EXCEL, alone=True),
    Check(
        "date", partial(_bad_date, "date"), 'date "{}" is not a date',
        "write YYYY-MM-DD; a year has four digits", alone=True,
    ),
    Check(
        "start", partial(_bad_date, "start"), 'start "{}" has no valid date',
        "write YYYY-MM-DD HH:MM", alone=True,
    ),
    Check(
        "end", partial(_bad_date, "end"), 'end "{}" has no valid date',
        "write YYYY-MM-DD HH:MM", alone=True,
    ),
    Check(
        "start", partial(_clock_number, "start"), 'start "{}" is not a time', _EXCEL, alone=True,
    ),
    Check("end", partial(_clock_number, "end"), 'end "{}" is not a time', _EXCEL, alone=True),
    Check(
        "start", partial(_no_clock, "start"), 'start "{}" is not a time',
        "write a clock time from 00:00 to 23:59, e.g. 14:10 or 2:10 PM", alone=True,
    ),
    Check(
        "end", partial(_no_clock, "end"), 'end "{}" is not a time',
        "write a clock time from 00:00 to 24:00, e.g. 14:10 or 2:10 PM", alone=True,
    ),
    Check(
        "start",
        lambda: nw.col("start_clock_ms") == times.DAY,
        'start "{}" is the next day',
        "write 00:00 and the next day's date",
        alone=True,
    ),
    Check(
        "start", partial(_half_unsaid, "start", "end"), 'start "{}" says neither AM nor PM',
        "write AM or PM at both ends, or neither and 24 hours",
    ),
    Check(
        "end", partial(_half_unsaid, "end", "start"), 'end "{}" says neither AM nor PM',
        "write AM or PM at both ends, or neither and 24 hours",
    ),
    Check(
        "date",
        lambda: nw.col("date").is_null(),
        "no date of service",
        "give a date, or a start with its date",
    ),
    Check(
        "start",
        lambda: _differing_dates() & ~nw.col("start_offset").is_null(),
        'start "{}" is not on the date of service',
        "say the clinic's zone, e.g. --tz America/Chicago: there it may be that date",
        unzoned=True,
    ),
    Check(
        "start",
        _differing_dates,
        'start "{}" is not on the date of service',
        "make the date and the start's date agree",
    ),
    Check(
        "end", lambda: nw.col("one_offset"), 'end "{}" or its start alone is in UTC',
        "write both with an offset, or say the clinic's zone, e.g. --tz America/Chicago",
        unzoned=True,
    ),
    Check(
        "start", partial(_spoilt, "start", "missing"), 'start "{}" does not exist: clocks went on',
        "write the time with its offset, e.g. 03:30-05:00", zoned=True, finding="T109",
    ),
    Check(
        "end", partial(_spoilt, "end", "missing"), 'end "{}" does not exist: clocks went on',
        "write the time with its offset, e.g. 03:30-05:00", zoned=True, finding="T109",
    ),
    Check(
        "start", partial(_spoilt, "start", "twice"), 'start "{}" exists twice: clocks went back',
        "write the time with its offset, e.g. 01:30-05:00", zoned=True, finding="T109",
    ),
    Check(
        "end", partial(_spoilt, "end", "twice"), 'end "{}" exists twice: clocks went back',
        "write the time with its offset, e.g. 01:30-05:00", zoned=True, finding="T109",
    ),
    Check(
        "end", _over_noon, 'end "{}" is before its start',
        f"write AM or PM, such as 12:30 PM to 1:15 PM; or {_OR_NEXT_DAY}", elapsed=True,
    ),
    Check("end", _ends_first, 'end "{}" is before its start', _OR_NEXT_DAY, elapsed=True),
    Check(
        "end",
        lambda: nw.col("end_ms") - nw.col("start_ms") > times.DAY,
        'end "{}" is more than 24 hours after its start',
        "correct the dates",
        elapsed=True,
    ),
    Check(
        "minutes", _length_number, 'minutes "{}" is not a number of minutes', _EXCEL, alone=True,
    ),
    Check(
        "minutes", _torn, 'minutes "{}" is not a number of minutes',
        "minutes and seconds, or hours? write 47 min or 0:47, or put mm:ss into the heading",
        alone=True,
    ),
    Check(
        "minutes", _torn_by_spreadsheet, 'minutes "{}" is not a number of minutes',
        "minutes and seconds? a spreadsheet takes 47:00 for hours: write 0:47:00, or 47",
        alone=True,
    ),
    Check(
        "minutes", _no_mm_ss, 'minutes "{}" is not a number of minutes',
        "its heading says minutes and seconds: write 47:00, or 47 min", alone=True,
    ),
    Check(
        "minutes",
        lambda: (_cell("minutes") != "") & nw.col("minutes_ms").is_null(),
        'minutes "{}" is not a number of minutes',
        "write minutes, e.g. 47 or 47.5, or with their unit: 47 min, 0:47, 0.75 h",
        alone=True,
    ),
    Check(
        "minutes",
        lambda: nw.col("minutes_ms") > times.DAY,
        'minutes "{}" is more than a day',
        "correct it",
        alone=True,
    ),
    Check(
        "minutes",
        lambda: _timed() & _untimed_row(),
        "no minutes and no start and end for a timed code",
        "give start and end, or minutes; minutes are never invented",
        finding="U209",
    ),
    Check(
        "units_billed", partial(_negative, "units_billed", "units_billed"),
        'units_billed "{}" is not a whole number', _REVERSED, alone=True,
    ),
    Check(
        "units_billed", partial(_too_large, "units_billed", "units_billed", r"^\d{5,}$"),
        'units_billed "{}" is too large a number', _OTHER_COLUMN, alone=True,
    ),
    Check(
        "units_billed",
        lambda: (_cell("units_billed") != "") & nw.col("units_billed").is_null(),
        'units_billed "{}" is not a whole number',
        "write e.g. 2",
        alone=True,
    ),
    Check(
        "charge", partial(_negative, "charge", "charge_cents"), 'charge "{}" is not an amount',
        _REVERSED, alone=True,
    ),
    Check(
        "charge", partial(_too_large, "charge", "charge_cents", _LARGE),
        'charge "{}" is too large an amount', _OTHER_COLUMN, alone=True,
    ),
    Check(
        "charge",
        lambda: (_cell("charge") != "") & nw.col("charge_cents").is_null(),
        'charge "{}" is not an amount',
        "write dollars, e.g. 120.00",
        alone=True,
    ),
    Check(
        "role",
        lambda: (nw.col("role") == "assistant") & ~nw.col("discipline").is_in(["PT", "OT"]),
        "an assistant's row needs discipline PT or OT",
        "write PT or OT; speech-language pathology has no assistants under Medicare",
    ),
    Check(
        "role",
        lambda: (nw.col("is_pta") & (nw.col("discipline") != "PT"))
        | (nw.col("is_ota") & (nw.col("discipline") != "OT")),
        'role "{}" is of the other discipline',
        "correct one of them: CQ is a PT assistant's, CO an OT assistant's",
    ),
    Check(
        "mode",
        lambda: (nw.col("mode") == "group") & _timed() & nw.col("one_on_one"),
        "group mode does not fit a one-on-one code",
        "log group treatment under 97150 or 92508",
    ),
)  # fmt: skip

# Fault number to the audit rule that reports it.
FINDINGS = {number: check.finding for number, check in enumerate(CHECKS, 1) if check.finding}

# The numbers of the checks that a record of no service fails, a line that was withdrawn, amends
# another or went to a second payer, a blank record, a rounded patient, and a blank code.
NO_SERVICE, WITHDRAWN, AMENDS, AGAIN, PATIENT_BLANK, _, CODE_BLANK = range(1, 8)
NO_DATE = next(n for n, check in enumerate(CHECKS, 1) if check.says == "no date of service")


def alone(column: str, values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``{column}_fault`` to a column's facts: the first check that a text fails, or 0."""
    own = [(n, c) for n, c in enumerate(CHECKS, 1) if c.alone and c.column == column]
    fault = nw.lit(0, dtype=nw.Int64)
    for number, check in reversed(own):
        flag = check.flag().fill_null(False)
        fault = nw.when(flag).then(nw.lit(number)).otherwise(fault)
    return values.with_columns(fault.cast(nw.Int64).alias(f"{column}_fault"))


def judge(
    frame: nw.LazyFrame[Any], columns: set[str], zoned: bool, faults: set[str]
) -> nw.LazyFrame[Any]:
    """Add ``fault``: the number of the first check that a record fails, 0 for none.

    Checks that are findings of an audit count only where no other fails: an audit keeps the row.
    ``columns`` are those of SESSION that the log has; ``zoned``: a zone is given; ``faults`` are
    the columns of `alone` that are not 0 throughout.
    """
    fault, finding = (nw.lit(0, dtype=nw.Int64) for _ in range(2))
    for number in range(len(CHECKS), 0, -1):
        check = CHECKS[number - 1]
        lacking = check.column in _OPTIONAL - columns or (check.unzoned if zoned else check.zoned)
        if check.alone or lacking:
            continue
        flag = check.flag().fill_null(False)
        if check.elapsed and zoned:
            flag = flag & (nw.col("start_spoilt") == "") & (nw.col("end_spoilt") == "")
        if check.finding:
            finding = nw.when(flag).then(nw.lit(number)).otherwise(finding)
        else:
            fault = nw.when(flag).then(nw.lit(number)).otherwise(fault)
    frame = frame.with_columns(fault=fault.cast(nw.Int64))
    for name in sorted(faults):
        # A column each time: an expression that repeats itself would double with each.
        first = (nw.col(name) > 0) & ((nw.col("fault") == 0) | (nw.col(name) < nw.col("fault")))
        frame = frame.with_columns(
            fault=nw.when(first).then(nw.col(name)).otherwise(nw.col("fault"))
        )
    sound = nw.col("fault") == 0
    return frame.with_columns(
        fault=nw.when(sound).then(finding).otherwise(nw.col("fault")).cast(nw.Int64)
    )


# Columns whose checks cannot fail in a log without them: what stands in is known to be right.
_OPTIONAL = {"role", "mode", "start", "end"}
