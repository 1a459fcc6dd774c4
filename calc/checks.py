"""What is wrong with a record of a log: a table of checks, the first that fails is its reason."""

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
    finding: str = ""  # the audit rule that reports it: such a row is rejected by `bill` only


def _cell(name: str) -> nw.Expr:
    return nw.col(f"{name}_text")


def _no_clock(name: str) -> nw.Expr:
    return (_cell(name) != "") & (
        nw.col(f"{name}_clock_ms").is_null() | (nw.col(f"{name}_clock") == "")
    )


def _bad_date(name: str, text: str) -> nw.Expr:
    return (nw.col(text) != "") & nw.col(f"{text}_value").is_null()


def _spoilt(name: str, kind: str) -> nw.Expr:
    return nw.col(f"{name}_spoilt") == kind


def _timed() -> nw.Expr:
    return (nw.col("unit_basis") == "minutes") & nw.col("counts")


def _untimed_row() -> nw.Expr:
    no_span = nw.col("start_ms").is_null() | nw.col("end_ms").is_null()
    return no_span & nw.col("given_ms").is_null()


def _differing_dates() -> nw.Expr:
    return nw.col("start_date_day") != nw.col("date_text_day")


CHECKS: tuple[Check, ...] = (
    Check("patient", lambda: _cell("patient") == "", "patient is blank", "name the patient's id"),
    Check("code", lambda: _cell("code") == "", "code is blank", "give the CPT or HCPCS code"),
    Check(
        "code",
        lambda: nw.col("code").is_null(),
        'code "{}" is not known',
        "use a code or alias of config/codes.csv, or add it there",
    ),
    Check(
        "payer",
        lambda: nw.col("payer").is_null(),
        'payer "{}" is not known',
        "use a payer of config/payers.toml, or add it there",
    ),
    Check(
        "locality",
        lambda: nw.col("locality_known").is_null(),
        'locality "{}" is not known',
        "write state and number, such as OH-00, or US",
    ),
    Check(
        "discipline",
        lambda: nw.col("discipline").is_null(),
        'discipline "{}" is not known',
        "write PT, OT or SLP",
    ),
    Check(
        "role",
        lambda: nw.col("role").is_null(),
        'role "{}" is not known',
        f"write one of {', '.join(ROLES)}",
    ),
    Check(
        "mode",
        lambda: nw.col("mode").is_null(),
        'mode "{}" is not known',
        f"write one of {', '.join(MODES)}",
    ),
    Check("date", lambda: _bad_date("date", "date_text"), 'date "{}" is not a date', "YYYY-MM-DD"),
    Check(
        "start", lambda: _bad_date("start", "start_date"), 'start "{}" has no valid date',
        "write YYYY-MM-DD HH:MM",
    ),
    Check(
        "end", lambda: _bad_date("end", "end_date"), 'end "{}" has no valid date',
        "write YYYY-MM-DD HH:MM",
    ),
    Check(
        "start", partial(_no_clock, "start"), 'start "{}" is not a time',
        "write a clock time from 00:00 to 23:59, e.g. 14:10 or 2:10 PM",
    ),
    Check(
        "end", partial(_no_clock, "end"), 'end "{}" is not a time',
        "write a clock time from 00:00 to 24:00, e.g. 14:10 or 2:10 PM",
    ),
    Check(
        "start",
        lambda: nw.col("start_clock_ms") == times.DAY,
        'start "{}" is the next day',
        "write 00:00 and the next day's date",
    ),
    Check(
        "date",
        lambda: nw.col("date").is_null(),
        "no date of service",
        "give a date, or a start with its date",
    ),
    Check(
        "start",
        _differing_dates,
        'start "{}" is not on the date of service',
        "make the date and the start's date agree",
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
        "end",
        lambda: nw.col("end_ms") < nw.col("start_ms"),
        'end "{}" is before its start',
        "correct it, or add the end's date if the session passed midnight",
    ),
    Check(
        "end",
        lambda: nw.col("end_ms") - nw.col("start_ms") > times.DAY,
        'end "{}" is more than 24 hours after its start',
        "correct the dates",
    ),
    Check(
        "minutes",
        lambda: (_cell("minutes") != "") & nw.col("given_ms").is_null(),
        'minutes "{}" is not a number of minutes',
        "write whole minutes, or up to three decimals, e.g. 47 or 47.5",
    ),
    Check(
        "minutes",
        lambda: nw.col("given_ms") > times.DAY,
        'minutes "{}" is more than a day',
        "correct it",
    ),
    Check(
        "minutes",
        lambda: _timed() & _untimed_row(),
        "no minutes and no start and end for a timed code",
        "give start and end, or minutes; minutes are never invented",
        finding="U209",
    ),
    Check(
        "units_billed",
        lambda: (_cell("units_billed") != "") & nw.col("units_billed").is_null(),
        'units_billed "{}" is not a whole number',
    ),
    Check(
        "charge",
        lambda: (_cell("charge") != "") & nw.col("charge_cents").is_null(),
        'charge "{}" is not an amount',
        "write dollars, e.g. 120.00",
    ),
    Check(
        "role",
        lambda: (nw.col("role") == "assistant") & ~nw.col("discipline").is_in(["PT", "OT"]),
        "an assistant's row needs discipline PT or OT",
        "write PT or OT; speech-language pathology has no assistants under Medicare",
    ),
    Check(
        "mode",
        lambda: (nw.col("mode") == "group") & _timed() & (nw.col("attendance") == "one-on-one"),
        "group mode does not fit a one-on-one code",
        "log group treatment under 97150 or 92508",
    ),
)  # fmt: skip

# Fault number to the audit rule that reports it.
FINDINGS = {number: check.finding for number, check in enumerate(CHECKS, 1) if check.finding}

# Columns whose checks cannot fail in a log without them: what stands in is known to be right.
_OPTIONAL = {"payer", "locality", "discipline", "role", "mode", "units_billed", "charge"}


def judge(frame: nw.LazyFrame[Any], columns: set[str], zoned: bool) -> nw.LazyFrame[Any]:
    """Add ``fault``: the number of the first check that a record fails, 0 for none.

    ``columns`` are those of SESSION that the log has; ``zoned``: a zone is given.
    """
    fault = nw.lit(0)
    for number in range(len(CHECKS), 0, -1):
        check = CHECKS[number - 1]
        if check.column in _OPTIONAL - columns or (check.zoned and not zoned):
            continue
        flag = check.flag().fill_null(False)
        fault = nw.when(flag).then(nw.lit(number)).otherwise(fault)
    return frame.with_columns(fault=fault)
