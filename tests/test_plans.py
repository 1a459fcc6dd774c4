"""Plans that are kept for few rows: the same answers as without, in any order and any thread."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import product

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from helpers import ROOT

import calc
from calc import billing, engine, errors, logs, params

GAIT = {"code": "97116", "start": "2026-03-02 09:00", "end": "2026-03-02 09:47"}
SEVERAL = [
    {**GAIT, "patient": "ann", "clinician": "kim", "provider": "north"},
    {"code": "97140", "date": "2026-03-02", "minutes": 23, "patient": "ann", "provider": "north"},
    {"code": "97110", "start": "2026-03-02 09:40", "end": "2026-03-02 10:10", "patient": "ann"},
]
COGNITION = {"code": "97129", "date": "2026-01-05", "discipline": "SLP", "minutes": 50}
SHARED = {"date": "2025-06-30", "discipline": "PT", "start": "9:00", "end": "9:38"}
NIGHT = {"start": "2026-03-07T23:40:00-06:00", "end": "2026-03-08T00:31:00-06:00"}

# (rows, keyword arguments, options)
VISITS = [
    ([GAIT], {}, {}),
    ([{**GAIT, "code": "97140", "end": "2026-03-02 10:20", "patient": "bob"}], {}, {}),
    ([{**GAIT, "start": "2026-03-30 13:05", "end": "2026-03-30 13:28"}], {}, {}),
    ([{**GAIT, "start": "2024-03-08 09:00", "end": "2024-03-08 09:38"}], {}, {}),
    ([{**GAIT, "start": "2024-03-09 09:00", "end": "2024-03-09 09:38"}], {}, {}),
    ([GAIT, {**GAIT, "start": "2025-12-31 09:00", "end": "2025-12-31 09:53"}], {}, {}),
    (SEVERAL, {}, {}),
    (list(reversed(SEVERAL)), {"payer": "ama", "locality": "OH-00"}, {}),
    ([{**row, "patient": "bob"} for row in SEVERAL], {}, {}),
    ([COGNITION], {}, {}),
    ([{**COGNITION, "minutes": 20}, {**COGNITION, "code": "97130", "minutes": 15}], {}, {}),
    ([{**GAIT, "role": "assistant", "discipline": "PT"}, {**GAIT, "code": "97110"}], {}, {}),
    ([{**GAIT, "role": "student"}, {**GAIT, "role": "joint", "code": "97530"}], {}, {}),
    ([{**SHARED, "code": "97150", "mode": "group"}, {**SHARED, "code": "97112"}], {}, {}),
    ([{**SHARED, "code": "97112", "mode": "group"}], {}, {}),  # refused
    ([{**SHARED, "code": "97112", "mode": "cotreatment", "diagnosis": "M54.5"}], {}, {}),
    ([{**GAIT, "code": "G0283", "charge": "12.50", "units_billed": "1"}], {}, {}),
    ([{**GAIT, "code": "97116-GP", "modifiers_billed": "CQ"}], {}, {}),
    ([{**GAIT, "code": "no such code"}], {}, {}),
    ([{**GAIT, "code": "97110", **NIGHT}], {"zone": "America/Chicago"}, {}),
    ([{**GAIT, "start": "2026-03-08 02:30", "end": "03:10"}], {"zone": "America/Chicago"}, {}),
    ([GAIT], {}, {"deductible": {"": 5000}}),
    ([GAIT], {}, {"deductible": {"": 1}}),
    (SEVERAL, {"discipline": "PT"}, {"deductible": {"": 7000, "ann": 300}}),
    (SEVERAL, {"discipline": "PT"}, {"prior": {("ann", "PT+SLP"): 239_000}}),
    ([GAIT], {"discipline": "OT"}, {"prior": {("visit", "OT"): 260_000}}),
    (SEVERAL, {}, {"qualifying_apm": True, "nonparticipating": True}),
]


def said(visit, config=None):
    """All that an estimate says, or its error."""
    rows, given, options = visit
    try:
        found = calc.estimate(rows, config=config, options=billing.Options(**options), **given)
    except errors.CalcError as error:
        return str(error), error.hint
    steps = [list(row.items()) for row in found.frame.iter_rows(named=True)]
    return found.lines, found.totals, found.units_by_rule, steps, found.explain()


@pytest.fixture(scope="module")
def expected():
    """What every visit comes to where each step is taken as for many rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_FEW_ROWS", -1)
        return [said(visit) for visit in VISITS]


@pytest.mark.parametrize("number", range(len(VISITS)))
def test_a_new_plan_changes_nothing(number, expected):
    """Few rows are the same as many, every step of them."""
    engine._idle_plans.cache_clear()
    assert said(VISITS[number]) == expected[number]


def test_kept_plans_change_nothing(expected):
    """Whatever other visits came before."""
    order = [*range(len(VISITS))] * 3
    random.Random(3).shuffle(order)
    for number in order:
        assert said(VISITS[number]) == expected[number], number


def test_plans_are_found_again():
    """By other patients, codes, times and days of the month, and other opening balances."""
    engine._idle_plans.cache_clear()
    for code, day, patient, cents in product(["97116", "97140"], [2, 31], ["ann", "bob"], [1, 9]):
        clock = {"start": f"2026-03-{day:02} 09:0{cents}", "end": f"2026-03-{day:02} 09:47"}
        balance = {"deductible": {"": cents}, "prior": {(patient, "PT+SLP"): cents}}
        said(([{"code": code, **clock, "patient": patient}], {"discipline": "PT"}, balance))
    found = engine._idle_plans.cache_info()
    assert found.misses < 20 and found.hits == 15 * found.misses


def test_plans_of_bills_hold_no_names():
    """A bill of other patients finds the plans of the one before."""
    engine._idle_plans.cache_clear()
    for who in ("ann", "bob", "cid"):
        rows = {"patient": [who, f"{who} 2"], "clinician": [f"dr {who}"] * 2, "note": [who] * 2}
        rows |= {"date": ["2026-03-02"] * 2, "code": ["97116", "97110"], "minutes": ["20", "15"]}
        assert calc.bill(pl.DataFrame(rows))["patient"].to_list() == rows["patient"]
    found = engine._idle_plans.cache_info()
    assert found.hits == 2 * found.misses


def test_threads_share_plans(expected):
    """Many visits at a time, each with an answer of its own."""
    numbers = [*range(len(VISITS))] * 4
    random.Random(4).shuffle(numbers)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: said(VISITS[number]), numbers))
    assert all(one == expected[number] for one, number in zip(found, numbers, strict=True))


def test_a_fresh_process_says_the_same(expected):
    """Nothing hangs on what was estimated before."""
    number = len(VISITS) - 3
    code = f"import test_plans; print(test_plans.said(test_plans.VISITS[{number}])[:3])"
    asked = [sys.executable, "-c", code]
    path = {"PYTHONPATH": f"{ROOT}"}
    done = subprocess.run(
        asked, cwd=ROOT / "tests", env=path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{expected[number][:3]}\n"


def test_each_folder_has_its_own(tmp_path):
    """Figures laid over the shipped ones count for estimates with them only."""
    (tmp_path / "conversion_factor.toml").write_text(
        "places = 4\n[[value]]\nfrom = 2026-01-01\nuntil = 2026-12-31\n"
        'value = "66.8018"\nsource = "caa-2024"\n'
    )
    shipped, own = params.load(), params.load(tmp_path)
    before, changed, after = (said(VISITS[0], config)[1] for config in (shipped, own, shipped))
    assert before == after
    assert changed["allowed"] > before["allowed"]


def numbered(frame, number):
    return frame.with_columns(number=nw.lit(number))


def looked_at(frame):
    return frame.with_columns(rows=nw.lit(engine.count(frame)))


@pytest.fixture
def few():
    return engine.table({"day": [date(2026, 3, 2)]}, {"day": date})


def test_kept_plans_are_bounded(few):
    """However many kinds of estimates there are, and however many threads."""
    step = engine.stepwise(few)
    for number in range(2 * engine._KEPT_PLANS):
        assert engine.collect(step(few, numbered, number))["number"].to_list() == [number]
    assert engine._idle_plans.cache_info().currsize == engine._KEPT_PLANS
    schema = engine.collect(few).to_native().schema
    idle = engine._idle_plans(numbered, tuple(schema.items()), (2 * engine._KEPT_PLANS - 1,))
    assert len(idle) == 1
    idle.extend([idle[0]] * 20)
    assert len(idle) == engine._ALIKE_PLANS


def test_what_cannot_be_told_apart_is_planned_each_time(few):
    """A plan is kept by what is given only where that has a hash."""
    step = engine.stepwise(few)
    kept = engine._idle_plans.cache_info().currsize
    for number in (1, 2):
        made = step(few, lambda frame, given: numbered(frame, given["n"]), {"n": number})
        assert engine.collect(made)["number"].to_list() == [number]
    assert engine._idle_plans.cache_info().currsize == kept


def test_a_planned_step_may_not_look(few):
    """What it would see are not the rows that come later."""
    with pytest.raises(AssertionError, match="looks at rows"):
        engine.stepwise(few)(few, looked_at)


def test_many_rows_are_not_planned():
    """They are worth a look at what they hold."""
    rows = engine._FEW_ROWS + 1
    many = engine.table({"n": list(range(rows))}, {"n": int})
    assert engine.stepwise(many) is engine.plainly
    made = engine.collect(engine.stepwise(many)(many, looked_at))
    assert made["rows"].to_list() == [rows] * rows


def test_plans_that_are_let_go_are_freed(few):
    """What a plan holds of itself would keep it for ever: 0.2 MB each."""

    def plans():
        gc.collect()
        return sum(isinstance(thing, engine._Plan) for thing in gc.get_objects())

    engine._idle_plans.cache_clear()
    before = plans()
    for number in range(engine._KEPT_PLANS + 20):
        engine._planned(few, with_column, f"column {number}")
    assert plans() - before <= engine._KEPT_PLANS
    engine._idle_plans.cache_clear()
    assert plans() <= before


def with_column(frame, name):
    return frame.with_columns(nw.lit(1).alias(name))


def test_small_files_of_a_folder_share_a_plan(config, tmp_path, monkeypatch):
    """Dates written in either order, and files whose rows are at fault, each in its own place."""
    days = {"may": "5/28/2026", "june": "29/6/2026", "july": "2026-07-03"}
    heads = "patient,clinician,discipline,date,code,minutes,units_billed\n"
    rows = "{n},Kim,PT,{day},97110,33,2\n{n},Kim,PT,{day},97140,7,1\n{n},Kim,PT,{day},9711,7,1\n"
    for number, (name, day) in enumerate(days.items()):
        (tmp_path / f"{name}.csv").write_text(heads + rows.format(n=number, day=day))
    made, plan = [], engine._Plan
    monkeypatch.setattr(engine, "_Plan", lambda *given: made.append(given[1]) or plan(*given))

    def told():
        log = logs.read(str(tmp_path), config)
        used = log.sessions.select("file", "row", "date", "code", "given_ms")
        used = engine.collect(engine.plain(used))
        return sorted(used.iter_rows()), engine.collect(log.rejects()).rows()

    few = told()
    judged = [change for change in made if change is logs._judged]
    assert 1 <= len(judged) <= 3  # one for each way in which the days are written
    assert told() == few and len([c for c in made if c is logs._judged]) == len(judged)
    monkeypatch.setattr(engine, "_FEW_ROWS", 0)
    assert told() == few
    assert {(row[0].rpartition("/")[2], str(row[2])) for row in few[0]} == {
        ("may.csv", "2026-05-28"), ("june.csv", "2026-06-29"), ("july.csv", "2026-07-03"),
    }  # fmt: skip
    assert [(row[-4].rpartition("/")[2], row[-3]) for row in few[1]] == [
        ("july.csv", 4), ("june.csv", 4), ("may.csv", 4)
    ]  # fmt: skip
