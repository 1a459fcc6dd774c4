"""What several test files need: tables of cases, and logs from plain rows."""

from __future__ import annotations

import csv
import tomllib
from datetime import timedelta
from pathlib import Path

import polars as pl

from calc import billing, engine, logs

HERE = Path(__file__).parent
ROOT = HERE.parent
DAY = "2026-03-02"
_FACTORS = tomllib.loads((ROOT / "config" / "conversion_factor.toml").read_text(encoding="utf-8"))
# The first day for which config/ holds no figures: to add a year is data only.
UNKNOWN_DAY = max(value["until"] for value in _FACTORS["value"]) + timedelta(days=1)


def cases(name):
    """Rows of a table in tests/cases."""
    with (HERE / "cases" / name).open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def grouped(rows, key):
    """Rows by the value of a column, in order."""
    groups = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def frame(rows):
    """Rows of text, blank where a row lacks a column."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: [str(row.get(name, "")) for row in rows] for name in names}
    return pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String))


def read(rows, config, **defaults):
    """A log of plain rows."""
    return logs.read(frame(rows), config, logs.Defaults(**defaults))


def rejects(log):
    """The rejects as dicts."""
    return engine.collect(log.rejects()).to_native().to_dicts()


def sessions(log):
    """The rows that can be used, as dicts in the log's order."""
    return engine.collect(log.sessions).to_native().sort("row").to_dicts()


def used(rows, config, **defaults):
    """A log of plain rows, none of which may be rejected."""
    log = read(rows, config, **defaults)
    assert rejects(log) == []
    return log


def bill(rows, config, options=None, **defaults):
    """Claim lines of plain rows, with every step, as dicts."""
    log = used(rows, config, **defaults)
    return engine.collect(billing.bill(log, config, options)).to_native().to_dicts()


def count(rows, config, rule="", **defaults):
    """Services of plain rows with their units, as dicts."""
    log = used(rows, config, **defaults)
    days = engine.distinct(log.sessions, "date")
    counted = billing.count(log.sessions, config, days, rule=rule)
    return engine.collect(counted).to_native().to_dicts()


def visits(minutes_by_code, **columns):
    """Rows of many visits, one patient each: a list of {code: minutes}."""
    columns = {"date": DAY} | columns
    return [
        {"patient": str(number), "code": code, "minutes": minutes, **columns}
        for number, visit in enumerate(minutes_by_code)
        for code, minutes in visit.items()
    ]


def by_patient(services, column="units"):
    """Services to {patient: {code: value}}."""
    found = {}
    for service in services:
        found.setdefault(service["patient"], {})[service["service"]] = service[column]
    return found
