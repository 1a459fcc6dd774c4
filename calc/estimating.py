"""One visit, or a few minutes by code, through the same path as a whole log."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw

from calc import billing, engine, logs, modifiers, params, times, values
from calc.cells import float_text
from calc.dated import missing
from calc.errors import InputError, spelled_out
from calc.figure_files import FEES
from calc.money import dollars
from calc.schema import LINE, MONEY, SESSION, UNITS

VISIT = "visit"  # stands for the patient of an estimate


@dataclass
class Estimate:
    """``lines`` as `bill` gives them, ``totals``, and every step behind them."""

    lines: list[dict[str, Any]]
    totals: dict[str, Any]
    frame: nw.DataFrame[Any] = field(repr=False, compare=False)  # lines with every step
    units_by_rule: dict[str, dict[str, int]] = field(repr=False)
    config: params.Config = field(repr=False)
    options: billing.Options = field(repr=False)

    def require_own_factors(self) -> None:
        """ConfigError, with file and remedy, for a day without a value of the payer's own factor.

        The lines say so as a reason: enough for a caller that looks at each, as in bulk.
        """
        for day, payer in sorted({(line["date"], line["payer"]) for line in self.lines}):
            facts = self.config.payers[payer]
            own = facts.get("conversion_factor")
            if own and self.config.parameter(own).find(day) is None:
                title, file = f"conversion factor of {facts['name']}", f"{own}.toml"
                raise missing(title, file, day, released=False)

    def explain(self) -> str:
        """Every step a reader can follow, with its authority and dates in force."""
        from calc.reports import explain

        steps = list(self.frame.iter_rows(named=True))
        return explain.text(
            steps, self.units_by_rule, self.config, self.options.basis, self.options.has_balance
        )


def of_visit(options: billing.Options) -> billing.Options:
    """Opening balances of one patient as those of a visit that names none.

    Raises InputError where they are of several.
    """
    if len(options.patients) > 1:
        given = " and ".join(options.balances)
        what = f"{given}: {len(options.patients):,} patients, but an estimate is of one"
        hint = "keep the rows of one patient; a deductible can be an amount, e.g. --deductible 257"
        raise InputError(what, hint=hint)
    left = options.deductible
    if left and options.patients and len(left) > 1:
        options = replace(options, deductible={name: left[name] for name in left if name})
    return options.for_patients(lambda patient: VISIT)


def _text(value: Any, column: str = "") -> str:
    """A value as a cell of a log's ``column``; a float as in a column of floats."""
    if _is_none(value):
        return ""
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, timedelta) and column in ("minutes", "total_minutes"):
        return _length_text(value)
    if isinstance(value, timedelta) and column in ("start", "end"):
        return _clock_text(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _length_text(length: timedelta) -> str:
    """Minutes, never more than they are."""
    milliseconds = _milliseconds(length)
    if 0 < milliseconds < times.MINUTE:  # such a number alone could be of hours
        return f"0:00:{milliseconds / 1000:06.3f}"
    return float_text(milliseconds / times.MINUTE)


def _clock_text(since_midnight: timedelta) -> str:
    """A time of day, as databases give it; any other length is none, and says so."""
    seconds, rest = divmod(_milliseconds(since_midnight), 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    fraction = f".{rest:03}" if rest else ""
    return f"{hour:02}:{minute:02}:{second:02}{fraction}"


def _milliseconds(length: timedelta) -> int:
    """Whole milliseconds; as in a column of lengths, the nanoseconds that pandas lost are given."""
    return math.floor(length.total_seconds() * 1000 + engine.LOST_NANOSECONDS / 1e6)


_ROWS = 'give a list of rows such as [{"code": "97110", "minutes": 23}]; calc.bill takes a frame'


def _several(rows: Any) -> list[Mapping[str, Any]]:
    """Rows of any iterable, a generator too; InputError for what is no rows."""
    if isinstance(rows, str | Mapping) or not isinstance(rows, Iterable) or engine.is_frame(rows):
        raise InputError(f"{type(rows).__name__} is no list of rows", hint=_ROWS)
    several = list(rows)
    for number, row in enumerate(several, 1):
        if not isinstance(row, Mapping):
            what = f"{type(row).__name__} is no row of column names and values"
            raise InputError(what, f"service {number}", _ROWS)
    return several


def _is_none(value: Any) -> bool:
    """Whether a value is None, or what libraries write for it: NaN, NaT and NA."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True  # of pandas' NA nobody knows whether it is itself
    except (ValueError, ArithmeticError):
        return False


def read_rows(
    rows: Sequence[Mapping[str, Any]],
    config: params.Config,
    defaults: logs.Defaults | None,
    places: Sequence[str] = (),
) -> logs.Log:
    """Rows of SESSION names as a log; InputError for the first that cannot be used.

    ``places``: what that names each row by, else "service 2".
    """
    if not rows:
        raise InputError("nothing to estimate", hint="give at least one code with its minutes")
    places = places or [f"service {number}" for number in range(1, len(rows) + 1)]
    for row in rows:
        unknown = sorted(map(str, set(row) - set(SESSION)))
        if unknown:
            raise InputError(
                f'"{unknown[0]}" is no column of a session', hint=f"use {', '.join(SESSION)}"
            )
    columns: engine.Columns = {
        name: [_text(row.get(name), name) for row in rows]
        for name in SESSION
        if any(name in row for row in rows)
    }
    columns["patient"] = [_text(row.get("patient")) or VISIT for row in rows]
    for name, cells in columns.items():
        for cell, place in zip(cells, places, strict=True):
            if spelled_out(cell) != cell:
                raise InputError(f"{name} holds a character that is no text", place, "take it out")
    frame = engine.table(columns, dict.fromkeys(columns, str))
    log = logs.read(nw.to_native(frame), config, defaults)
    if engine.is_empty(log.bad):
        return log
    for reject in engine.collect(log.rejects()).iter_rows(named=True):
        raise InputError(reject["reason"], places[reject["row"] - 1], reject["hint"])
    return log


def estimate(
    rows: Iterable[Mapping[str, Any]],
    *,
    config: params.Config | None = None,
    options: billing.Options | None = None,
    zone: str = "",
    places: Sequence[str] = (),
    **defaults: str,
) -> Estimate:
    """Estimate one visit from rows of SESSION names (code, start, end, minutes, role ...).

    ``defaults``: payer, locality, discipline, provider for rows that do not say. Rows without
    date are of the day of the others, of today where none has one; where none names a patient,
    the opening balances of ``options`` are those of the visit's. ``places``: how an error names
    each row, see `read_rows`. Raises InputError for a row that cannot be used, for one without
    date beside those of several and for balances of several patients, ConfigError for a date
    without an RVU, a GPCI or, unless the payer has a factor of its own, a conversion factor. Of a
    payer's own fees only those that it reduces need an RVU.
    """
    config = config or params.load()
    options = options or billing.Options()
    rows = _several(rows)
    if places and len(places) != len(rows):
        raise InputError(f"{len(places):,} places for {len(rows):,} rows", hint="give one for each")
    if not any(_text(row.get("patient")) for row in rows):
        options = of_visit(options)
    places = places or [f"service {number}" for number in range(1, len(rows) + 1)]
    blanks = logs.Defaults(zone=zone, date_order="mdy", **defaults)
    log = read_rows(_dated(rows, config, blanks, places), config, blanks, places)
    days = engine.distinct(log.sessions, "date")
    names = ("date", "payer", "code", "discipline", "modifiers_billed")
    given = engine.collect(log.sessions.select(*names).unique())
    for day, payer, code in sorted(given.select(*names[:3]).unique().iter_rows()):
        _require_figures(config, day, payer, code, options.basis)
    rows_read = log.sessions
    if not all(given["discipline"]) and any(given["modifiers_billed"]):
        rows_read = modifiers.with_disciplines(rows_read, config.timed_codes)
    sessions = engine.stepwise(rows_read)(rows_read, times.with_lengths)
    services = engine.settled(billing.services_of(sessions, config))
    apart = billing.bundled_apart(sessions, config, days)
    borne = billing.borne(sessions)
    lines = billing.bill_services(services, config, days, options, apart, borne)
    frame = engine.collect(lines)
    steps = list(frame.iter_rows(named=True))
    by_rule: dict[str, dict[str, int]] = {
        str(rule): _units_under(rule, steps, services, config, days)
        for rule in ("cms", "ama")
        if rule in config.counting_rules
    }
    return Estimate(_lines(steps), totals(steps), frame, by_rule, config, options)


def _dated(
    rows: list[Mapping[str, Any]],
    config: params.Config,
    blanks: logs.Defaults,
    places: Sequence[str],
) -> list[Mapping[str, Any]]:
    """Each row with a day: a visit has one, so that a row without is of the day of the others."""
    said = [has_date(row) for row in rows]
    if all(said):
        return rows
    days = {date.today()}
    if any(said):
        those = list(itertools.compress(rows, said))
        log = read_rows(those, config, blanks, list(itertools.compress(places, said)))
        days = set(engine.distinct(log.sessions, "date"))
    if len(days) > 1:
        what = f"has no date, and the others are of {', '.join(map(str, sorted(days)))}"
        raise InputError(what, places[said.index(False)], "write its date too")
    day = days.pop().isoformat()
    return [row if own else {**row, "date": day} for row, own in zip(rows, said, strict=True)]


def _require_figures(config: params.Config, day: date, payer: str, code: str, basis: str) -> None:
    """ConfigError for a day without a figure of CMS's that a code is priced by.

    A payer with a factor of its own needs none of Medicare's; one with fees of its own needs RVUs
    alone, for a code that it reduces.
    """
    facts = config.payers[payer]
    tables = ["rvu", "gpci"]
    if "fee_table" in facts:
        tables = ["rvu"] if facts.get("mppr") and _lowers(config, facts, day, code) else []
    elif "conversion_factor" not in facts:
        config.parameter("conversion_factor").on(day, basis)
    for table in tables:
        if config.edition(table, day) is None:
            raise missing(f"{table.upper()} file", f"{table}/editions.toml", day)


def _lowers(config: params.Config, facts: Mapping[str, Any], day: date, code: str) -> bool:
    """Whether the payer's own table has a reduced fee of the code, or of the other one of two."""
    table = f"{FEES}{facts['fee_table']}"
    edition = config.edition(table, day)
    family = config.codes[code]["family"]
    either = {name for name, own in config.codes.items() if own["family"] == family}
    rows = config.rows(table, edition) if edition else []
    return any(row["reduced_fee"] != row["fee"] for row in rows if row["code"] in either)


def has_date(row: Mapping[str, Any]) -> bool:
    """Whether a row says its day, by its date or by a start that begins with one."""
    date_of, start = (_text(row.get(name), name).strip() for name in ("date", "start"))
    return bool(date_of) or re.match(times.DATE_FIRST, start) is not None


def _units_under(
    rule: str,
    steps: list[dict[str, Any]],
    services: nw.LazyFrame[Any],
    config: params.Config,
    days: list[date],
) -> dict[str, int]:
    """Units by code if every payer counted by ``rule``."""
    rows = steps
    # One timed code alone has the same units however it is pooled.
    timed = {step["service"] for step in steps if step["pooled"]}
    if len(timed) > 1 and any(step["counting_rule"] != rule for step in steps):
        lines = engine.stepwise(services)(services, billing.count_lines, config, days, rule)
        rows = list(engine.collect(lines.sort("code")).iter_rows(named=True))
    units: dict[str, int] = {}
    for row in rows:
        units[row["code"]] = units.get(row["code"], 0) + (row["units"] or 0)
    return {code: count for code, count in units.items() if count}


def _lines(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def cell(step: dict[str, Any], name: str) -> Any:
        if name not in billing.CENTS:
            return step[name]
        cents = step[billing.CENTS[name]]
        return None if cents is None else Decimal(dollars(cents))

    return [{name: cell(step, name) for name in LINE} for step in steps]


def totals(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Units and money of lines; money is None where no line has any."""
    found: dict[str, Any] = {"units": sum(step["units"] or 0 for step in steps)}
    for name in MONEY:
        cents = [step[billing.CENTS[name]] for step in steps]
        known = [amount for amount in cents if amount is not None]
        found[name] = Decimal(dollars(sum(known))) if known else None
    return found


def units(
    minutes: Mapping[Any, Any],
    rule: str = "cms",
    *,
    config: params.Config | None = None,
) -> dict[str, int | None]:
    """Units by code of one day's minutes: ``units({"97112": 24, "97110": 23})``.

    ``minutes`` of a code (text, or 97112): a number, or ``(therapist, assistant)``. ``rule``: one
    of counting_rules.toml. Authority: MCPM ch. 5 s. 20.2 (cms), CPT midpoint (ama).
    """
    rows = unit_rows(minutes, rule, config=config)
    return {row["code"]: row["units"] for row in rows}


def unit_rows(
    minutes: Mapping[Any, Any],
    rule: str = "cms",
    *,
    discipline: str = "PT",
    config: params.Config | None = None,
) -> list[dict[str, Any]]:
    """What `units` prints: schema.UNITS of each code, in the order given."""
    config = config or params.load()
    if not isinstance(rule, str) or rule not in config.counting_rules:
        known = ", ".join(config.counting_rules)
        raise InputError(f'counting rule "{rule}" is not known', hint=f"known: {known}")
    today = date.today()
    rows: list[dict[str, Any]] = []
    if not hasattr(minutes, "items"):  # a pandas Series by code has them
        what = f"{type(minutes).__name__} is no mapping of codes to minutes"
        raise InputError(what, hint='write {"97112": 24, "97110": 23}')
    given, named = list(minutes.items()), dict[str, dict[str, str]]()
    in_pool = config.counting_rules[rule]["pool"] == "day"
    pooled = {code for code in config.timed_codes if in_pool and config.codes[code]["pooled"]}
    for code, amount in given:
        number, behind = values.read_code(str(code), config.code_names)
        if marked := {"CQ", "CO"}.intersection(behind.split()):
            what = f"{code} names {min(marked)}, which units works out"
            raise InputError(what, hint="write an assistant's minutes apart: 97110=13+23A")
        told = set(behind.split()) & set(modifiers.DISCIPLINE.values())
        # What is not pooled counts by itself, but for the same code of two disciplines.
        pool = named.setdefault("" if number in pooled else str(number), {})
        pool |= dict.fromkeys(told, str(code))
        for role, part in _by_role(code, amount):
            row = {"code": code, "minutes": part, "role": role, "date": today}
            rows.append({**row, "discipline": discipline})
    for pool in named.values():
        if len(pool) > 1:
            codes = " and ".join(dict.fromkeys(pool.values()))
            what = f"{codes}: minutes of {len(pool)} disciplines count apart"
            raise InputError(what, hint="count each discipline by itself, or use estimate")
    log = read_rows(rows, config, None, [str(row["code"]) for row in rows])
    whole_ms = sum(engine.collect(log.sessions.select("given_ms"))["given_ms"].drop_nulls())
    if whole_ms > times.DAY:
        what = f"{whole_ms // times.MINUTE:,} minutes are more than a day"
        raise InputError(what, hint="give the minutes of one patient's day")
    services = billing.count(log.sessions, config, [today], rule=rule)
    lines = billing.code_lines(services, config)
    found = {row["code"]: row for row in engine.collect(lines).iter_rows(named=True)}
    asked = [str(values.read_code(str(code), config.code_names)[0]) for code, _ in given]
    order = [*dict.fromkeys(asked), *(code for code in sorted(found) if code not in asked)]
    return [{name: found[code][name] for name in UNITS} for code in order if code in found]


def _by_role(code: Any, amount: Any) -> list[tuple[str, Any]]:
    """Minutes by role of one number, or of ``(therapist, assistant)``; None: none of that role.

    A code without any is the therapist's, as of codes that no minutes count.
    """
    pair = isinstance(amount, tuple) and len(amount) == 2
    if isinstance(amount, tuple | list | set | Mapping) and not pair:
        shape = f"{type(amount).__name__} of {len(amount)}"
        what = f"minutes are one number, or two as (therapist, assistant), not a {shape}"
        raise InputError(what, str(code), "write 24, or (13, 23), or (None, 23)")
    both = amount if pair else (amount, None)
    found = list(zip(("therapist", "assistant"), both, strict=True))
    return [(role, part) for role, part in found if part is not None] or [("therapist", "")]
