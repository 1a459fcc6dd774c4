"""A log, from a file or a caller's frame, to SESSION rows and rejects. Nothing is guessed or lost.

Every record is either used or rejected with a reason; both come out of one frame of checks.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, times
from calc.errors import InputError
from calc.money import scaled
from calc.params import Config
from calc.schema import COUNTED_ROLES, DISCIPLINES, LINE, MODES, ROLES, SESSION

MIDNIGHT = r"[T ]0?0:00(:00(\.0+)?)?(Z|[+]00:?00)?$"
MAX_CELL = 40  # characters of a cell that a message repeats
MAX_DIGITS = 7  # of minutes, units and charges: keeps every sum exact on every engine


USED = (
    "file", "row", "patient", "clinician", "role", "discipline", "provider", "payer", "locality",
    "date", "code", "start_ms", "end_ms", "given_ms", "mode", "units_billed", "modifiers_billed",
    "charge_cents", "diagnosis", "counts",
)  # fmt: skip
REJECT = ("row", "reason", "hint")  # what a reject adds to the log's own columns


@dataclass(frozen=True)
class Defaults:
    """What stands in for blank cells, and the zone of stamps without an offset."""

    payer: str = "medicare"
    locality: str = "US"
    discipline: str = ""
    provider: str = ""
    zone: str = ""
    date_order: str = ""  # of dates with slashes: mdy, dmy; blank: the log itself must tell


@dataclass
class Log:
    """SESSION rows to bill, the rejects, and what a report says about the reading."""

    sessions: nw.LazyFrame[Any]
    bad: nw.LazyFrame[Any]  # records with a fault, as read
    place: dict[str, str]  # the log's own columns, by their headings
    cells: dict[str, str]  # the same by our names
    carried: tuple[str, ...] = ()
    ragged: list[tuple[int, list[str]]] = field(default_factory=list)

    def rejects(self) -> nw.LazyFrame[Any]:
        """Every column of the log as it was, then row, reason and, for messages, hint."""
        rejects = _rejects(self.bad, self.place, self.cells).sort("row")
        if not self.ragged:
            return rejects
        rejects = engine.collect(rejects).lazy()
        return nw.concat([rejects, _ragged(self.ragged, rejects)], how="vertical").sort("row")


def read(source: Any, config: Config, defaults: Defaults | None = None, on: str = "polars") -> Log:
    """Read a csv file (`-` is standard input) or a frame.

    Raises InputError where nothing can be used: an unreadable or empty file, missing headings.
    """
    defaults = _known_defaults(defaults or Defaults(), config)
    if not isinstance(source, str) and not hasattr(source, "__fspath__"):
        return _from_frame(engine.lazy(source), config, defaults)
    path = str(source)
    frame, ragged = engine.read_csv(path)
    log = _sessions(engine.on_engine(frame, on), path, config, defaults)
    log.ragged = ragged
    return log


def _from_frame(frame: nw.LazyFrame[Any], config: Config, defaults: Defaults) -> Log:
    names = frame.collect_schema().names()
    numbered = "row" in names
    frame = frame.rename({"row": engine.ROW}) if numbered else engine.with_rows(frame)
    return _sessions(frame, "", config, defaults)


def _known_defaults(defaults: Defaults, config: Config) -> Defaults:
    payer = config.payer_names.get(defaults.payer.lower())
    if payer is None:
        raise InputError(
            f'payer "{defaults.payer}" is not known',
            hint=f"known: {', '.join(config.payers)}; add yours to payers.toml in a folder"
            " given by --config",
        )
    locality = config.locality(defaults.locality)
    if defaults.discipline and defaults.discipline.upper() not in DISCIPLINES:
        raise InputError(
            f'discipline "{defaults.discipline}" is not known', hint="choose PT, OT or SLP"
        )
    if defaults.zone:
        try:
            times.zone_day(defaults.zone, date(2026, 1, 1))
        except ValueError as error:
            raise InputError(str(error), hint="write a zone such as America/Chicago") from None
    return replace(defaults, payer=payer, locality=locality, discipline=defaults.discipline.upper())


# --- headings ------------------------------------------------------------------------------


def _plain(heading: str) -> str:
    return "".join(character for character in heading.lower() if character.isalnum())


def _columns(names: list[str], source: str, config: Config) -> dict[str, str]:
    """Canonical column to the log's own heading; InputError names what is missing."""
    meanings = {_plain(name): name for name in SESSION}
    for column, others in config.headings.items():
        for other in others:
            meanings.setdefault(_plain(other), column)
    meant: dict[str, list[str]] = {}
    for name in names:
        meant.setdefault(meanings.get(_plain(name), ""), []).append(name)
    meant.pop("", None)
    found: dict[str, str] = {}
    for column, headings in meant.items():
        # Our own heading wins over others that mean the same; two others cannot be told apart.
        exact = [name for name in headings if _plain(name) == _plain(column)] or headings
        if len(exact) > 1:
            raise InputError(
                f'headings "{exact[0]}" and "{exact[1]}" both mean {column}',
                f"{source}:1" if source else "",
                f"rename the right one to {column}",
            )
        found[column] = exact[0]
    lacking = [name for name in ("patient", "code") if name not in found]
    if "date" not in found and "start" not in found:
        lacking.append("date")
    if lacking:
        near = {
            match
            for name in lacking
            for match in difflib.get_close_matches(name, [n.lower() for n in names], 1, 0.5)
        }
        hint = f"found: {', '.join(names)}"
        hint += f"; nearest: {', '.join(sorted(near))}" if near else ""
        raise InputError(
            f"missing heading {', '.join(lacking)}", f"{source}:1" if source else "", hint
        )
    return found


# --- cells ---------------------------------------------------------------------------------


def _text(frame: nw.LazyFrame[Any], name: str) -> nw.Expr:
    """A column of any type as stripped text, blank for null."""
    kind = frame.collect_schema()[name]
    column = nw.col(name)
    if isinstance(kind, nw.Datetime):
        zoned = getattr(kind, "time_zone", None) is not None
        column = column.dt.to_string("%Y-%m-%dT%H:%M:%S" + ("%z" if zoned else ""))
    elif isinstance(kind, nw.Date):
        column = column.dt.to_string("%Y-%m-%d")
    elif kind != nw.String:
        if kind.is_float():
            # A float is the nearest to what was meant; past the millisecond it is noise.
            column = nw.when(~column.is_nan()).then(column.round(3))
        column = column.cast(nw.String).str.replace_all(r"\.0$", "")
    return column.fill_null("").str.strip_chars()


def _number(text: str, places: int) -> nw.Expr:
    """Digits with at most ``places`` decimals as an exact integer of 10**-places; else null."""
    column = nw.col(text).str.replace_all(r"\.0*$", "")
    result = nw.lit(None, dtype=nw.Int64)
    digits = column.str.replace_all(r"\.", "")
    for decimals in range(places, -1, -1):
        fraction = rf"\.\d{{{decimals}}}" if decimals else ""
        fits = column.str.contains(rf"^\d{{1,{MAX_DIGITS}}}{fraction}$")
        # A cast of text that does not fit would fail, so it casts a "0" there.
        safe = nw.when(fits).then(digits).otherwise(nw.lit("0")).cast(nw.Int64)
        result = nw.when(fits).then(safe * 10 ** (places - decimals)).otherwise(result)
    return result


def _joined(
    frame: nw.LazyFrame[Any], key: str, columns: engine.Columns, types: Mapping[str, type]
) -> nw.LazyFrame[Any]:
    return frame.join(engine.beside(frame, columns, types), on=key, how="left")


def _sessions(frame: nw.LazyFrame[Any], source: str, config: Config, defaults: Defaults) -> Log:
    names = [name for name in frame.collect_schema().names() if name != engine.ROW]
    columns = _columns(names, source, config)
    # The log's own columns stay under numbers, so that no heading can clash with ours.
    place = {name: f"in {number}" for number, name in enumerate(names)}
    frame = frame.rename({**place, engine.ROW: "row"})
    frame = frame.with_columns(
        nw.col("row").cast(nw.Int64),
        file=nw.lit(source),
        **{
            f"{name}_text": _text(frame, place[columns[name]]) if name in columns else nw.lit("")
            for name in SESSION
        },
    )
    # Frames and spreadsheets keep a day as a stamp at midnight.
    midnight = nw.col("date_text").str.replace_all(MIDNIGHT, "")
    frame = engine.settled(_split_stamps(frame.with_columns(date_text=midnight)))
    frame = _instants(_clocks(frame, source, defaults.date_order), defaults)
    cells = {column: place[name] for column, name in columns.items()}
    frame = _judge(_names(frame, config, defaults))
    frame = engine.settled(frame.select("fault", *USED, *place.values()))
    carried = {
        f"{name}_in_log" if name in LINE else name: place[name]
        for name in names
        if name not in columns.values()
    }
    used = frame.filter(nw.col("fault") == 0).select(
        *USED, **{name: nw.col(column) for name, column in carried.items()}
    )
    return Log(used, frame.filter(nw.col("fault") > 0), place, cells, tuple(carried))


def _split_stamps(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Part `start` and `end` into the text of the date and the text of the clock."""
    parts: dict[str, nw.Expr] = {}
    for name in ("start", "end"):
        text = nw.col(f"{name}_text")
        dated = text.str.contains(times.DATE_FIRST)
        parts[f"{name}_date"] = (
            nw.when(dated).then(text.str.replace_all(times.AFTER_DATE, "")).otherwise(nw.lit(""))
        )
        clock = text.str.replace_all(times.BEFORE_CLOCK, "")
        parts[f"{name}_clock"] = nw.when(dated).then(clock).otherwise(text)
    return frame.with_columns(**parts)


def _date_order(texts: list[str], source: str, chosen: str) -> str:
    """The order of dates with slashes: as chosen, or as the log's own dates tell."""
    if chosen:
        return chosen
    orders = times.date_orders(texts)
    if len(orders) == 1:
        return orders.pop()
    shown = next(text for text in texts if "/" in text)
    what = "could be month or day first" if orders else "and others are in two orders"
    raise InputError(
        f'dates such as "{shown}" {what}',
        source,
        "say --date-order mdy or dmy, or write YYYY-MM-DD",
    )


def _clocks(frame: nw.LazyFrame[Any], source: str, date_order: str) -> nw.LazyFrame[Any]:
    """Add day numbers, clocks and offsets of date, start and end: each distinct text read once."""
    stamps = ("date_text", "start_date", "end_date")
    days = [text for text in engine.distinct(frame, *stamps) if text]
    order = _date_order(days, source, date_order)
    read_days = [times.read_date(text, order) for text in days]
    for name in stamps:
        table: engine.Columns = {
            name: days,
            f"{name}_day": [day.toordinal() - times.EPOCH if day else None for day in read_days],
            f"{name}_value": read_days,
        }
        frame = _joined(frame, name, table, dict(zip(table, (str, int, date), strict=True)))
    clocks = [text for text in engine.distinct(frame, "start_clock", "end_clock") if text]
    read_clocks = [times.read_clock(text) or (None, None) for text in clocks]
    for name in ("start_clock", "end_clock"):
        table = {
            name: clocks,
            f"{name}_ms": [clock for clock, _ in read_clocks],
            f"{name}_offset": [offset for _, offset in read_clocks],
        }
        frame = _joined(frame, name, table, dict.fromkeys(table, int) | {name: str})
    return frame


def _instants(frame: nw.LazyFrame[Any], defaults: Defaults) -> nw.LazyFrame[Any]:
    """Add date, start_ms, end_ms (UTC where an offset or zone is known) and given_ms.

    A session belongs to the date on which it began.
    """
    frame = frame.with_columns(
        date=nw.coalesce("start_date_value", "date_text_value"),
        start_day=nw.coalesce("start_date_day", "date_text_day"),
        given_ms=_number("minutes_text", 3) * (times.MINUTE // 1000),
    ).with_columns(
        end_day=nw.when(nw.col("end_date") != "")
        .then(nw.col("end_date_day"))
        .otherwise(nw.col("start_day")),
    )
    if defaults.zone:
        frame = _zone_offsets(frame, defaults.zone)
    else:
        frame = frame.with_columns(start_spoilt=nw.lit(""), end_spoilt=nw.lit(""))
    # An offset at one end holds for both: `09:00-06:00` to `09:47`.
    start_offset = nw.coalesce("start_clock_offset", "end_clock_offset").fill_null(0)
    end_offset = nw.coalesce("end_clock_offset", "start_clock_offset").fill_null(0)
    return frame.with_columns(
        start_ms=nw.col("start_day") * times.DAY + nw.col("start_clock_ms") - start_offset,
        end_ms=nw.col("end_day") * times.DAY + nw.col("end_clock_ms") - end_offset,
    )


def _zone_offsets(frame: nw.LazyFrame[Any], zone: str) -> nw.LazyFrame[Any]:
    """Fill missing offsets from the zone; mark wall times that do not exist or exist twice."""
    days = [day for day in engine.distinct(frame, "start_day", "end_day") if day is not None]
    read = [times.zone_day(zone, date.fromordinal(day + times.EPOCH)) for day in days]
    for name in ("start", "end"):
        table: engine.Columns = {
            f"{name}_day": days,
            "before": [day.before for day in read],
            "after": [day.after for day in read],
            "spoilt_from": [day.spoilt_from for day in read],
            "spoilt_until": [day.spoilt_until for day in read],
            "kind": [day.kind for day in read],
        }
        types = dict.fromkeys(table, int) | {"kind": str}
        frame = _joined(frame, f"{name}_day", table, types)
        clock, offset = nw.col(f"{name}_clock_ms"), nw.col(f"{name}_clock_offset")
        spoilt = (
            offset.is_null() & (clock >= nw.col("spoilt_from")) & (clock < nw.col("spoilt_until"))
        )
        zoned = nw.when(clock < nw.col("spoilt_from")).then(nw.col("before"))
        frame = frame.with_columns(
            nw.when(offset.is_null())
            .then(zoned.otherwise(nw.col("after")))
            .otherwise(offset)
            .alias(f"{name}_clock_offset"),
            nw.when(spoilt).then(nw.col("kind")).otherwise(nw.lit("")).alias(f"{name}_spoilt"),
        ).drop("before", "after", "spoilt_from", "spoilt_until", "kind")
    return frame


_DISCIPLINE_NAMES = {"PT": "PT", "OT": "OT", "SLP": "SLP", "ST": "SLP"}
_ROLE_NAMES = {name: name for name in ROLES} | {"both": "joint", "": "therapist"}
_MODE_NAMES = {name: name for name in MODES} | {"co-treatment": "cotreatment", "": "individual"}


def _names(frame: nw.LazyFrame[Any], config: Config, defaults: Defaults) -> nw.LazyFrame[Any]:
    """Canonical codes, payers, localities, disciplines, roles and modes; null where unknown."""

    def blank(name: str, value: str) -> nw.Expr:
        text = nw.col(f"{name}_text")
        return nw.when(text == "").then(nw.lit(value)).otherwise(text)

    frame = frame.with_columns(
        code_key=nw.col("code_text").str.to_lowercase().str.replace_all(r"\s+", " "),
        payer_key=blank("payer", defaults.payer).str.to_lowercase(),
        locality=blank("locality", defaults.locality).str.to_uppercase(),
        discipline_key=blank("discipline", defaults.discipline).str.to_uppercase(),
        role_key=nw.col("role_text").str.to_lowercase(),
        mode_key=nw.col("mode_text").str.to_lowercase(),
        provider=blank("provider", defaults.provider),
        patient=nw.col("patient_text"),
        clinician=nw.col("clinician_text"),
        modifiers_billed=nw.col("modifiers_billed_text").str.to_uppercase(),
        diagnosis=nw.col("diagnosis_text"),
        units_billed=_number("units_billed_text", 0),
        charge_cents=_number("charge_text", 2),
    )
    localities = {name: name for name in config.localities}
    for column, known in (
        ("code", config.code_names),
        ("payer", config.payer_names),
        ("discipline", _DISCIPLINE_NAMES | {"": ""}),
        ("role", _ROLE_NAMES),
        ("mode", _MODE_NAMES),
    ):
        table: engine.Columns = {f"{column}_key": list(known), column: list(known.values())}
        frame = _joined(frame, f"{column}_key", table, dict.fromkeys(table, str))
    table = {"locality": list(localities), "locality_known": list(localities.values())}
    frame = _joined(frame, "locality", table, dict.fromkeys(table, str))
    facts: engine.Columns = {
        "code": list(config.codes),
        "unit_basis": [code["unit_basis"] for code in config.codes.values()],
        "attendance": [code["attendance"] for code in config.codes.values()],
    }
    frame = _joined(frame, "code", facts, dict.fromkeys(facts, str))
    return frame.with_columns(counts=nw.col("role").is_in(COUNTED_ROLES))


# --- checks --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """A fault of a record: where it is, when it holds, and the sentence about it."""

    column: str
    flag: Callable[[], nw.Expr]
    says: str  # {} is the cell's text
    hint: str = ""


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
        "write the time with its offset, e.g. 03:30-05:00",
    ),
    Check(
        "end", partial(_spoilt, "end", "missing"), 'end "{}" does not exist: clocks went on',
        "write the time with its offset, e.g. 03:30-05:00",
    ),
    Check(
        "start", partial(_spoilt, "start", "twice"), 'start "{}" exists twice: clocks went back',
        "write the time with its offset, e.g. 01:30-05:00",
    ),
    Check(
        "end", partial(_spoilt, "end", "twice"), 'end "{}" exists twice: clocks went back',
        "write the time with its offset, e.g. 01:30-05:00",
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


def _judge(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``fault``: the number of the first check that a record fails, 0 for none."""
    fault = nw.lit(0)
    for number in range(len(CHECKS), 0, -1):
        flag = CHECKS[number - 1].flag().fill_null(False)
        fault = nw.when(flag).then(nw.lit(number)).otherwise(fault)
    return frame.with_columns(fault=fault)


def _rejects(
    bad: nw.LazyFrame[Any], place: dict[str, str], cells: dict[str, str]
) -> nw.LazyFrame[Any]:
    """Every column of the log as it was, then row, reason and, for messages, hint."""
    reason, hint = nw.lit(""), nw.lit("")
    for number in engine.distinct(bad, "fault"):
        check = CHECKS[number - 1]
        before, cell, after = check.says.partition("{}")
        says = nw.lit(before)
        if cell and check.column in cells:
            text = _text(bad, cells[check.column]).str.slice(0, MAX_CELL)
            says = nw.concat_str([nw.lit(before), text, nw.lit(after)])
        here = nw.col("fault") == number
        reason = nw.when(here).then(says).otherwise(reason)
        hint = nw.when(here).then(nw.lit(check.hint)).otherwise(hint)
    original = {
        f"{name}_in_log" if name in REJECT else name: nw.col(column)
        for name, column in place.items()
    }
    return bad.select(**original, row=nw.col("row"), reason=reason, hint=hint)


def _ragged(ragged: list[tuple[int, list[str]]], rejects: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Records with more fields than the heading; the last column keeps all that is left over."""
    names = rejects.collect_schema().names()
    own = len(names) - len(REJECT)
    columns: engine.Columns = {name: [] for name in names}
    for row, record in ragged:
        cells = [*record[: own - 1], ",".join(record[own - 1 :])]
        reason = f"the record has {len(record)} fields, the heading {own}"
        hint = "put quotes around a field that holds a comma"
        for name, value in zip(names, [*cells, row, reason, hint], strict=True):
            columns[name].append(value)
    return engine.table(columns, dict.fromkeys(names, str) | {"row": int})


# --- opening balances ----------------------------------------------------------------------


def read_cents(text: str) -> int | None:
    """Dollars with at most two decimals as cents, or None.

    >>> read_cents("1,257.50"), read_cents("-3"), read_cents("x")
    (125750, None, None)
    """
    plain = text.strip().removeprefix("$").replace(",", "")
    try:
        cents = scaled(plain, 2)
    except (ValueError, ArithmeticError):
        return None
    return cents if 0 <= cents < 10 ** (MAX_DIGITS + 2) else None


def read_balances(source: str, *keys: str) -> dict[tuple[str, ...], int]:
    """Opening balances: a csv with the columns ``keys`` and amount (dollars), by key in cents.

    Raises InputError that names row and column of what cannot be read.
    """
    frame, ragged = engine.read_csv(source)
    rows = engine.collect(frame)
    lacking = [name for name in (*keys, "amount") if name not in rows.columns]
    if lacking:
        found = ", ".join(name for name in rows.columns if name != engine.ROW)
        raise InputError(f"missing heading {', '.join(lacking)}", f"{source}:1", f"found: {found}")
    if ragged:
        raise InputError("the record has too many fields", f"{source}:{ragged[0][0]}")
    balances: dict[tuple[str, ...], int] = {}
    for row in rows.iter_rows(named=True):
        where = f"{source}:{row[engine.ROW]}"
        cents = read_cents(row["amount"] or "")
        if cents is None:
            raise InputError(f'amount "{row["amount"]}" is not an amount', where, "e.g. 257.00")
        key = tuple((row[name] or "").strip() for name in keys)
        if key in balances:
            raise InputError("the same patient stands twice", where, "add the amounts up")
        balances[key] = cents
    return balances
