"""Fees by code, locality and date: the pricing step over the whole schedule."""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, pricing, times
from calc.errors import InputError
from calc.params import Config, missing

COLUMNS = (
    "effective_from", "effective_to", "locality", "code", "work_rvu", "pe_rvu", "mp_rvu",
    "work_gpci", "pe_gpci", "mp_gpci", "conversion_factor", "fee", "reduced_fee", "work_payment",
    "basis",
)  # fmt: skip
MONEY = ("fee", "reduced_fee", "work_payment")


def rates(
    config: Config, code: str = "", day: str = "", locality: str = "", qualifying: bool = False
) -> nw.DataFrame[Any]:
    """A row for each period, locality and code; RVUs, GPCIs and the factor as exact text.

    Without ``day`` the periods of the current year. Raises InputError for an unknown code,
    locality or date, ConfigError for a date without figures.
    """
    basis = "QPP" if qualifying else "nonQPP"
    days = _days(config, day, basis)
    wanted = _code(config, code)
    rows: list[dict[str, Any]] = []
    for when in days:
        place = config.locality(locality, when) if locality else ""
        rows += _period(config, when, basis, wanted, place)
    if not rows:
        asked = f"{wanted or 'any code'} in {locality or 'any locality'}"
        raise InputError(f"no rate for {asked} on {days[0]}", hint="check code, locality and date")
    names = ("work_rvu", "pe_rvu", "mp_rvu", "work_gpci", "pe_gpci", "mp_gpci")
    text = (
        "effective_from", "effective_to", "locality", "code", "status", "mppr_indicator", "basis",
    )  # fmt: skip
    types: dict[str, type] = dict.fromkeys(
        (*names, "cf", "mppr_percent", "share_percent", "participation_percent"), int
    )
    types |= dict.fromkeys((*text, "conversion_factor"), str)
    columns = {name: [row[name] for row in rows] for name in types}
    frame = engine.table(columns, types).with_columns(
        one=nw.lit(1, dtype=nw.Int64),
        payer_fee_table=nw.lit(False),
        own_fee_cents=nw.lit(None, dtype=nw.Int64),
        own_reduced_cents=nw.lit(None, dtype=nw.Int64),
    )
    frame = pricing.work(pricing.fees(frame), "one")
    frame = frame.with_columns(
        fee=nw.col("fee_cents"),
        reduced_fee=nw.col("reduced_cents"),
        work_payment=nw.col("work_cents"),
    )
    frame = frame.with_columns(
        **{name: _decimal(name, 2 if name.endswith("rvu") else 3) for name in names}
    )
    return engine.collect(frame.select(COLUMNS))


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


def _decimal(name: str, places: int) -> nw.Expr:
    whole = (nw.col(name) // 10**places).cast(nw.Int64).cast(nw.String)
    rest = (nw.col(name) % 10**places).cast(nw.String).str.zfill(places)
    return nw.concat_str([whole, nw.lit("."), rest])


def _days(config: Config, day: str, basis: str) -> list[date]:
    parameter = config.parameter("conversion_factor")
    if day:
        read = times.read_date(day)
        if read is None:
            raise InputError(f'date "{day}" is not a date', hint="write YYYY-MM-DD")
        parameter.on(read, basis)
        return [read]
    year = date.today().year
    periods = [
        value
        for value in parameter.values
        if value.first.year <= year <= value.last.year and value.applies_to in ("", basis)
    ]
    if not periods:
        raise missing(parameter.title, "conversion_factor.toml", date.today())
    return sorted(max(value.first, date(year, 1, 1)) for value in periods)


def _code(config: Config, code: str) -> str:
    if not code:
        return ""
    known = config.code_names.get(" ".join(code.lower().split()))
    if known is None:
        raise InputError(f'code "{code}" is not known', hint="use a code or alias of codes.csv")
    return known


def _period(
    config: Config, day: date, basis: str, code: str, locality: str
) -> list[dict[str, Any]]:
    factor = config.parameter("conversion_factor").on(day, basis)
    mppr = config.parameter("mppr").on(day)
    rvu, gpci = config.edition("rvu", day), config.edition("gpci", day)
    if rvu is None or gpci is None:
        table = "rvu" if rvu is None else "gpci"
        raise missing(f"{table.upper()} file", f"{table}/editions.toml", day)
    first = max(factor.first, rvu.first, gpci.first)
    last = min(factor.last, rvu.last, gpci.last)
    period = {
        "effective_from": str(first),
        "effective_to": str(last),
        "conversion_factor": factor.text,
        "cf": factor.scaled,
        "mppr_percent": mppr.scaled,
        "share_percent": 100,
        "participation_percent": 100,
        "basis": factor.applies_to or "all",
    }
    return [
        {**period, **place, **entry}
        for place in config.rows("gpci", gpci)
        if locality in ("", place["locality"])
        for entry in config.rows("rvu", rvu)
        if code in ("", entry["code"])
    ]
