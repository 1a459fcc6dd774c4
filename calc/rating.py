"""Fees by code, locality and date: the pricing step over the whole schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, pricing, times
from calc.dated import Edition, Value, missing, runs
from calc.errors import ConfigError, InputError
from calc.figure_files import DECIMALS
from calc.money import FACTOR_PLACES
from calc.params import Config

COLUMNS = (
    "effective_from", "effective_to", "locality", "code", "work_rvu", "pe_rvu", "mp_rvu",
    "work_gpci", "pe_gpci", "mp_gpci", "conversion_factor", "fee", "reduced_fee", "work_payment",
    "basis",
)  # fmt: skip
MONEY = ("fee", "reduced_fee", "work_payment")
PLACES = {n: places for n, places in DECIMALS.items() if n in COLUMNS and n not in MONEY}
PLACES |= {"conversion_factor": FACTOR_PLACES}
_PERCENTS = ("mppr_percent", "share_percent", "participation_percent")
_TYPES: dict[str, type] = dict.fromkeys(("effective_from", "effective_to"), date)
_TYPES |= dict.fromkeys(("locality", "code", "status", "mppr_indicator", "basis"), str)
_TYPES |= dict.fromkeys((*PLACES, "cf", *_PERCENTS), int)


@dataclass(frozen=True)
class _Period:
    """Days with the same factor, reduction, RVUs and GPCIs."""

    first: date
    last: date
    factor: Value
    reduction: int
    rvu: Edition
    gpci: Edition


def rates(
    config: Config, code: str = "", day: str = "", locality: str = "", qualifying: bool = False
) -> nw.DataFrame[Any]:
    """A row for each period, locality and code; RVUs, GPCIs and the factor as exact decimals.

    Without ``day`` the periods of the current year. Raises InputError for an unknown code,
    locality or date, ConfigError for a date without figures.
    """
    basis = "QPP" if qualifying else "nonQPP"
    first, last = _asked(day)
    wanted = _code(config, code)
    periods = [p for p in _periods(config, basis) if p.first <= last and first <= p.last]
    if not periods:
        raise _lacking(config, first if day else date.today(), basis)
    rows: list[dict[str, Any]] = []
    for period in periods:
        place = config.locality(locality, max(first, period.first)) if locality else ""
        rows += _rows(config, period, wanted, place)
    if not rows:
        asked = f"{wanted or 'any code'} in {locality or 'any locality'}"
        when = max(first, periods[0].first)
        raise InputError(f"no rate for {asked} on {when}", hint="check code, locality and date")
    columns = {name: [row[name] for row in rows] for name in _TYPES}
    frame = engine.table(columns, _TYPES).with_columns(
        one=nw.lit(1, dtype=nw.Int64),
        payer_fee_table=nw.lit(False),
        payer_mppr=nw.lit(True),
        own_fee_cents=nw.lit(None, dtype=nw.Int64),
        own_reduced_cents=nw.lit(None, dtype=nw.Int64),
    )
    frame = pricing.work(pricing.fees(frame), "one")
    frame = frame.with_columns(
        fee=nw.col("fee_cents"),
        reduced_fee=nw.col("reduced_cents"),
        work_payment=nw.col("work_cents"),
    )
    return engine.collect(engine.fixed(frame.select(COLUMNS), PLACES))


COMPARED = tuple(f"{name}{part}" for name in MONEY for part in ("_before", "", "_change"))


def compare(
    config: Config, code: str, day: str, before: str, locality: str, qualifying: bool
) -> nw.DataFrame[Any]:
    """The change of fee, reduced fee and work component from ``before`` to ``day``.

    Codes and localities that both dates have, with money in cents.
    """
    keys = ["locality", "code"]
    day = day or date.today().isoformat()
    now = rates(config, code, day, locality, qualifying).select(*keys, *MONEY)
    then = rates(config, code, before, locality, qualifying).select(*keys, *MONEY)
    then = then.rename({name: f"{name}_before" for name in MONEY})
    both = now.join(then, on=keys, how="inner").with_columns(
        **{f"{name}_change": nw.col(name) - nw.col(f"{name}_before") for name in MONEY}
    )
    return both.select(*keys, *COMPARED).sort(keys)


def _asked(day: str) -> tuple[date, date]:
    """The first and last day that rates are asked for."""
    if not day:
        year = date.today().year
        return date(year, 1, 1), date(year, 12, 31)
    read = times.read_any_date(day.strip())
    if read is None:
        raise InputError(f'date "{day}" is not a date', hint="write YYYY-MM-DD")
    return read, read


def _periods(config: Config, basis: str) -> list[_Period]:
    """All days that have a price; a new period wherever a figure of the fee is another."""
    factors, reductions = config.parameter("conversion_factor"), config.parameter("mppr")
    spans: list[Value | Edition] = [*factors.values, *reductions.values]
    spans += [*config.editions("rvu"), *config.editions("gpci")]

    def at(day: date) -> tuple[Value, int, Edition, Edition] | None:
        factor, reduction = factors.find(day, basis), reductions.find(day)
        rvu, gpci = config.edition("rvu", day), config.edition("gpci", day)
        if factor and reduction and rvu and gpci:
            return factor, reduction.scaled, rvu, gpci
        return None

    return [_Period(first, last, *found) for first, last, found in runs(at, spans) if found]


def _lacking(config: Config, day: date, basis: str) -> ConfigError:
    """What a day without a price has no figure of."""
    for name, applies_to in (("conversion_factor", basis), ("mppr", "")):
        parameter = config.parameter(name)
        if parameter.find(day, applies_to) is None:
            return missing(parameter.title, f"{name}.toml", day)
    table = "gpci" if config.edition("rvu", day) else "rvu"
    return missing(f"{table.upper()} file", f"{table}/editions.toml", day)


def _code(config: Config, code: str) -> str:
    if not code:
        return ""
    known = config.code_names.get(" ".join(code.lower().split()))
    if known is None:
        raise InputError(f'code "{code}" is not known', hint="use a code or alias of codes.csv")
    return known


def _rows(config: Config, period: _Period, code: str, locality: str) -> list[dict[str, Any]]:
    same = {
        "effective_from": period.first,
        "effective_to": period.last,
        "conversion_factor": period.factor.scaled,
        "cf": period.factor.scaled,
        "mppr_percent": period.reduction,
        "share_percent": 100,
        "participation_percent": 100,
        "basis": period.factor.applies_to or "all",
    }
    return [
        {**same, **place, **entry}
        for place in config.rows("gpci", period.gpci)
        if locality in ("", place["locality"])
        for entry in config.rows("rvu", period.rvu)
        if code in ("", entry["code"])
    ]
