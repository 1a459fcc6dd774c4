"""Minutes to units: every published case, and every small visit against the oracle."""

from __future__ import annotations

import random
from datetime import date
from itertools import product

import oracle
import polars as pl
import pytest
from helpers import bill, by_patient, cases, count, grouped, visits

import calc
from calc import counting, engine, estimating
from calc.errors import InputError

CASES = grouped(cases("units.csv"), "id")
RANDOM_VISITS = 20_000


def known(config, rows):
    """Does config know every code of the case?"""
    return all(row["code"] in config.codes for row in rows)


def services(rows, rule):
    """A service frame for codes that config does not know: the step alone."""
    count = len(rows)
    timed = [row["timed"] == "Y" for row in rows]
    return engine.nw.from_native(
        pl.LazyFrame(
            {
                "patient": ["p"] * count,
                "date": [date(2026, 3, 2)] * count,
                "discipline": [""] * count,
                "provider": [""] * count,
                "payer": ["medicare"] * count,
                "service": [row["code"] for row in rows],
                "minutes": [int(row["minutes"]) for row in rows],
                "units_logged": pl.Series([None] * count, dtype=pl.Int64),
                "counted_rows": [1] * count,
                "unit_basis": ["minutes" if yes else "day" for yes in timed],
                "pooled": timed,
                "first_unit_minutes": [15] * count,
                "unit_minutes": [15] * count,
                "rule_unit_minutes": [15] * count,
                "rule_first_minutes": [8] * count,
                "rule_pool": ["day" if rule == "cms" else "code"] * count,
            }
        )
    )


def answer(config, rows):
    """Units and ties by code: the public function, or the step for stand-in codes."""
    rule = rows[0]["rule"]
    if known(config, rows):
        minutes = {row["code"]: int(row["minutes"]) for row in rows}
        lines = estimating.unit_rows(minutes, rule, config=config)
        return {line["code"]: line["units"] for line in lines}, [line["tie"] for line in lines]
    lines = engine.collect(counting.count(services(rows, rule))).to_native().to_dicts()
    return {line["service"]: line["units"] for line in lines}, [line["tie"] for line in lines]


def allowed(rows):
    """The expected allocation and its listed alternatives."""
    ways = [{row["code"]: int(row["expected_units"]) for row in rows}]
    for text in filter(None, (way.strip() for way in rows[0]["alternatives"].split(";"))):
        pairs = (pair.split("=") for pair in text.split())
        ways.append({code: int(units) for code, units in pairs})
    return ways


@pytest.mark.parametrize("rows", CASES.values(), ids=list(CASES))
def test_published_case(rows, config):
    """The day's total, an allowed allocation, and a tie that is marked exactly where one is."""
    units, ties = answer(config, rows)
    assert units in allowed(rows)
    assert sum(units.values()) == int(rows[0]["total_units"])
    assert any(ties) == (rows[0]["tie"] == "either")


def test_units_of_the_package():
    """The public name gives code and units, in the order asked."""
    assert calc.units({"97112": 24, "97110": 23}, rule="cms") == {"97112": 2, "97110": 1}
    assert list(calc.units({"97112": 24, "97110": 23})) == ["97112", "97110"]
    assert calc.units({97112: 24, 97110: 23}) == {"97112": 2, "97110": 1}
    assert calc.units({"97112": 24, "97110": 23}, rule="ama") == {"97112": 2, "97110": 2}


def test_shapes_of_minutes():
    """A number, a pair by role, or none where no minutes count the code."""
    import pandas as pd

    series = pd.Series({"97112": 24, "97110": 23})
    assert list(calc.units(series).items()) == [("97112", 2), ("97110", 1)]
    assert calc.units({"97110": (None, 23), "97112": (23, None)}) == {"97110": 2, "97112": 1}
    assert calc.units({"97110": 23, "97161": None}) == {"97110": 2, "97161": 1}


WANTED = "minutes are one number, or two as (therapist, assistant), not a "
NO_MINUTES = [
    ({"97110": (13,)}, f"97110: {WANTED}tuple of 1"),
    ({"97110": (1, 2, 3)}, f"97110: {WANTED}tuple of 3"),
    ({"97110": [13, 23]}, f"97110: {WANTED}list of 2"),
    ({"97110": {"therapist": 13}}, f"97110: {WANTED}dict of 1"),
    ({"97112": 23, "97110": None}, "97110: no minutes and no start and end for a timed code"),
    ([("97110", 13)], "list is no mapping of codes to minutes"),
    ("97110=13", "str is no mapping of codes to minutes"),
    (None, "NoneType is no mapping of codes to minutes"),
]


@pytest.mark.parametrize(("minutes", "said"), NO_MINUTES)
def test_what_is_no_minutes(minutes, said):
    """Said with what is wanted; no code is left out in silence."""
    with pytest.raises(InputError) as error:
        calc.units(minutes)
    assert str(error.value) == said
    assert error.value.hint


def test_rows_of_any_iterable():
    """A generator of rows is as good as a list."""
    rows = [{"code": "97110", "minutes": 23, "date": "2026-03-02"}]
    lines = calc.estimate(rows).lines
    assert lines[0]["units"] == 2
    for given in (tuple(rows), iter(rows), (row for row in rows)):
        assert calc.estimate(given).lines == lines
    with pytest.raises(InputError, match="2 places for 1 rows"):
        calc.estimate(rows, places=["a", "b"])


SMITH = {"patient": "Smith, John", "code": "97110", "minutes": 23}
NO_ROWS = [
    (SMITH, "dict is no list of rows"),
    (pl.DataFrame([SMITH]), "DataFrame is no list of rows"),
    ("97110", "str is no list of rows"),
    (None, "NoneType is no list of rows"),
    ([SMITH, ["97110", 23]], "service 2: list is no row of column names and values"),
]


@pytest.mark.parametrize(("rows", "said"), NO_ROWS, ids=[said for _, said in NO_ROWS])
def test_what_is_no_rows(rows, said):
    """Said with what is wanted, and without what stands in the rows."""
    with pytest.raises(InputError) as error:
        calc.estimate(rows)
    assert str(error.value) == said
    assert "calc.bill takes a frame" in error.value.hint


PAIRS = [{"97110": a, "97116": b} for a in range(1, 61) for b in range(1, 61)]


def differences(days, found, expected):
    """The first few visits whose answers differ: visit, found, expected."""
    wrong = []
    for number, visit in enumerate(days):
        want = expected(visit)
        if found[str(number)] != want:
            wrong.append((visit, found[str(number)], want))
    return wrong[:5]


@pytest.mark.parametrize("rule", ["cms", "ama", "round-up", "whole-units"])
def test_all_pairs(rule, config):
    """Two codes of 1 to 60 minutes each, 3,600 visits."""
    found = by_patient(count(visits(PAIRS), config, rule))
    assert differences(PAIRS, found, lambda visit: oracle.day_units(visit, rule)) == []


def test_all_pairs_ties(config):
    """A tie is marked exactly where the manual allows more than one allocation."""
    found = by_patient(count(visits(PAIRS), config, "cms"), "tie")
    marked = {patient: any(ties.values()) for patient, ties in found.items()}
    assert (
        differences(PAIRS, marked, lambda visit: len(oracle.allowed_allocations(visit)) > 1) == []
    )


def test_tie_marks_the_codes_it_is_about(config):
    """Only codes at the cut are marked: what one gets another could have had."""
    some = product((7, 8, 10, 23), (7, 8, 25), range(16))
    days = [dict(zip(("97110", "97116", "97140"), minutes, strict=True)) for minutes in some]
    found = by_patient(count(visits(days), config, "cms"), "tie")

    def disputed(visit):
        ways = oracle.allowed_allocations(visit)
        return {code: len({way[code] for way in ways}) > 1 for code in visit}

    assert differences(days, found, disputed) == []


CODES = ["97032", "97035", "97110", "97112", "97113", "97116", "97124", "97140", "97530", "97535"]


def random_visits():
    """Visits of three to five codes of 0 to 60 minutes, the same in every run."""
    pick = random.Random(97116)
    for _ in range(RANDOM_VISITS):
        codes = pick.sample(CODES, pick.randint(3, 5))
        yield {code: pick.randint(0, pick.choice((15, 30, 60))) for code in codes}


@pytest.mark.parametrize("rule", ["cms", "ama"])
def test_random_visits(rule, config):
    """20,000 visits of three to five codes."""
    days = list(random_visits())
    found = by_patient(count(visits(days), config, rule))
    assert differences(days, found, lambda visit: oracle.day_units(visit, rule)) == []


def test_logged_units_settle_ties(config):
    """Where either code is right the one that the log bills with more units gets it."""
    days = [{"97110": a, "97116": b} for a in range(1, 31) for b in range(1, 31)]
    rows = visits(days)
    for row in rows:
        row["units_billed"] = 5 if row["code"] == "97116" else 1
    found = by_patient(count(rows, config, "cms"))
    billed = {"97110": 1, "97116": 5}
    assert differences(days, found, lambda visit: oracle.day_units(visit, "cms", billed)) == []


OTHER_LENGTHS = [
    ("96105", None, 60, 60),
    ("96125", None, 60, 60),
    ("97550", "97551", 30, 15),
    ("97545", "97546", 120, 60),
    ("92607", "92608", 60, 30),
    ("96112", "96113", 60, 30),
    ("90912", "90913", 15, 15),
    ("G0541", "G0542", 30, 15),
]


@pytest.mark.parametrize(("code", "add_on", "first", "further"), OTHER_LENGTHS)
def test_other_lengths(code, add_on, first, further, config):
    """0 to 200 minutes: counted alone, by the midpoint of each unit."""
    days = [{code: minutes} for minutes in range(201)]
    found = by_patient(count(visits(days), config))

    def expected(visit):
        return {code: oracle.other_length_units(visit[code], first, further)}

    assert differences(days, found, expected) == []


@pytest.mark.parametrize(("code", "add_on", "first", "further"), [x for x in OTHER_LENGTHS if x[1]])
def test_add_on_takes_the_further_units(code, add_on, first, further, config):
    """The first unit is the primary's, all others the add-on's, wherever the log put minutes."""
    days = [{code: minutes} for minutes in range(0, 201, 7)]
    split = [{code: day[code] // 3, add_on: day[code] - day[code] // 3} for day in days]
    for log in (days, split):
        lines = bill(visits(log), config)
        for number, day in enumerate(days):
            units = oracle.other_length_units(day[code], first, further)
            mine = {x["code"]: x["units"] for x in lines if x["patient"] == str(number)}
            assert mine[code] == min(units, 1)
            assert mine.get(add_on, 0) == max(units - 1, 0)


def test_other_lengths_stay_outside_the_pool(config):
    """Seven minutes of exercise stay seven beside an hour of another length."""
    days = [{"97110": 7, "96125": 60, "97550": 30}]
    assert by_patient(count(visits(days), config)) == {"0": {"97110": 0, "96125": 1, "97550": 1}}


@pytest.mark.parametrize(
    ("minutes", "units"),
    [(7, (0, None)), (8, (1, None)), (22, (1, None)), (23, (1, 1)), (53, (1, 3))],
)
def test_cognitive_pair(minutes, units, config):
    """97129 and 97130 are one service of the pool: first unit and further ones."""
    lines = {x["code"]: x["units"] for x in bill(visits([{"97129": minutes}]), config)}
    assert (lines["97129"], lines.get("97130")) == units


def test_cognitive_pair_pools(config):
    """97129 with 97130 is one code to the pool: 20 + 10 of it and 8 of 97535."""
    lines = bill(visits([{"97129": 15, "97130": 15, "97535": 8}]), config)
    assert {x["code"]: x["units"] for x in lines} == {"97129": 1, "97130": 1, "97535": 1}


@pytest.mark.parametrize("code", ["97597", "95851", "98975", "98980"])
def test_units_that_minutes_cannot_say(code, config):
    """Area, extremity, month: units come from the log, otherwise none are computed."""
    row = {"patient": "p", "date": "2026-03-02", "code": code, "minutes": 30}
    (line,) = bill([row], config)
    assert line["units"] is None
    assert line["reason"].startswith("units not computed")
    (line,) = bill([row | {"units_billed": 2}], config)
    assert line["units"] == 2


def test_pool_keys(config):
    """Discipline, provider, payer and date part the pool; locality and clinician do not."""
    row = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": 8}
    other = row | {"code": "97116"}

    def total(**change):
        return sum(x["units"] for x in count([row, other | change], config))

    assert total() == total(locality="OH-00") == total(clinician="Ana") == 1
    assert total(discipline="OT") == total(provider="B") == total(date="2026-03-03") == 2
    assert total(payer="highmark") == 2
