"""The statistics behind the signals: exact chances, and the false discovery rate."""

from __future__ import annotations

import random
from datetime import date
from fractions import Fraction
from itertools import product
from math import comb

import polars as pl
import pytest
import rulebook
from hypothesis import given, settings
from hypothesis import strategies as st

import calc
from calc import engine, habits, params


@pytest.mark.parametrize("near", range(8))
def test_chance_counts_every_outcome(near):
    """The chance is the share of all outcomes of a die with three equal sides."""
    outcomes = [sum(side == 0 for side in sides) for sides in product(range(3), repeat=near)]
    for heap in range(near + 2):
        share = Fraction(sum(hits >= heap for hits in outcomes), len(outcomes))
        assert habits._at_least(heap, near) == pytest.approx(float(share), rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 900), st.data())
def test_chance_is_exact(near, data):
    """The same from exact fractions, for any number of days."""
    heap = data.draw(st.integers(0, near))
    third, rest = Fraction(1, 3), Fraction(2, 3)
    share = sum(comb(near, k) * third**k * rest ** (near - k) for k in range(heap, near + 1))
    assert habits._at_least(heap, near) == pytest.approx(float(share), rel=1e-9, abs=1e-300)


def rejected(chances, rate):
    """Benjamini and Hochberg's procedure as published: the k least, k as great as may be."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    fits = [k for k, place in enumerate(order, 1) if chances[place] <= k * rate / len(chances)]
    return set(order[: max(fits, default=0)])


@given(st.lists(st.integers(0, 1000), max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
def test_false_discoveries(thousandths, rate):
    """A chance counts where the adjusted one is at most the rate, as in the published steps."""
    # Off the grid, so that no chance lies just on a bound.
    chances = [(value + 0.5) / 1001 for value in thousandths]
    adjusted = habits._adjusted(chances)
    # Equal chances share the fate of the last of them.
    worst = {chances[place] for place in rejected(chances, rate)}
    assert {c for c, a in zip(chances, adjusted, strict=True) if a <= rate} == worst


def test_many_clinicians_raise_the_bar(config, tmp_path):
    """Six of eight totals on the threshold stand out alone, and among many like others do not.

    Those without a timed code have no totals to be judged by: they take no part.
    """

    def signals(others, code="97116", totals=(6, 8, 11, 30)):
        mine = [("A", 8)] * 6 + [("A", 11)] * 2 + [("A", 30)] * 20
        theirs = [(f"B{n}", m) for n in range(others) for m in totals]
        rows = [{"clinician": who, "code": "97116", "minutes": str(m)} for who, m in mine]
        rows += [{"clinician": who, "code": code, "minutes": str(m)} for who, m in theirs]
        stack = rulebook.stacked({"": [row | {"finding": ""} for row in rows]})
        found = rulebook.gathered(stack, config, tmp_path / "habits.csv")
        table = engine.collect(found.tables["habit"]).to_native().to_dicts()
        return {row["clinician"]: row for row in table}

    alone, among = signals(0)["A"], signals(9)["A"]
    # (28 x 4 + 8 x 2 + 1) / 6561 = 129 / 6561 = 1.966 per cent
    assert (alone["heap_days"], alone["near_days"]) == (6, 8)
    assert alone["chance_per_million"] == among["chance_per_million"] == 19662
    assert alone["heaped"] and not among["heaped"]
    assert among["rank_per_million"] == 196616  # 1290 of 6561
    assert signals(9, "97161")["A"] == alone
    assert signals(9, totals=(30,))["A"] == among  # one day each is enough


def test_heaps_are_the_threshold_minutes(config, tmp_path):
    """Which day totals are near a threshold, and which lie on it: minute by minute."""
    rows = [
        {"clinician": f"{m:03}", "code": "97116", "minutes": str(m), "finding": ""}
        for m in range(1, 80)
    ]
    random.Random(1).shuffle(rows)
    found = rulebook.gathered(rulebook.stacked({"": rows}), config, tmp_path / "minutes.csv")
    table = engine.collect(found.tables["habit"]).to_native().to_dicts()
    near = {int(row["clinician"]) for row in table if row["near_days"]}
    heap = {int(row["clinician"]) for row in table if row["heap_days"]}
    assert heap == {8, 9, 23, 24, 38, 39, 53, 54}
    assert near == {6, 7, 10, 11, 21, 22, 25, 26, 36, 37, 40, 41, 51, 52, 55, 56} | heap


WHOLE = """[gamma]
name = "Gamma"
counting_rule = "whole-units"
source = "decision"
"""


def test_other_thresholds_are_no_heaps(tmp_path):
    """Eight minutes earn nothing of a payer of whole quarter hours only."""
    (tmp_path / "payers.toml").write_text(WHOLE)
    own = params.load(str(tmp_path))
    rows = [{"clinician": "A", "code": "97116", "minutes": "8", "finding": "", "payer": payer}
            for payer in ("medicare", "ama", "gamma")]  # fmt: skip
    found = rulebook.gathered(rulebook.stacked({"": rows}), own, tmp_path / "own.csv")
    (row,) = engine.collect(found.tables["habit"]).to_native().to_dicts()
    assert (row["heap_days"], row["near_days"], row["timed_days"]) == (2, 2, 2)


def test_a_year_whose_holidays_are_not_known_is_said():
    """Of Independence Day 2019 nothing is found; of a Sunday it is."""
    rows = {
        "patient": ["A", "A"], "date": ["2019-07-04", "2019-07-07"], "code": ["97116", "97116"],
        "minutes": ["15", "15"], "clinician": ["Ann", "Ann"],
    }  # fmt: skip
    audit = calc.audit(pl.DataFrame(rows), select="S704", report=True, discipline="PT")
    assert audit.findings["found"].to_list() == ["Sunday"]
    reason = "the federal holidays of the year are not known: Sundays only"
    assert {"rule": "S704", "reason": reason, "lines": 2} in audit.not_run


@pytest.mark.parametrize("rule", ["S702", "S705"])
def test_a_signal_stands_where_a_clinicians_log_begins(rule):
    """Its row and its date are those of one session."""
    session = {"patient": "P", "clinician": "Kim", "role": "assistant", "discipline": "PT"}
    session |= {"code": "97110", "minutes": "15", "units_billed": "1", "modifiers_billed": "GP"}
    rows = [session | {"date": f"2026-03-{day:02d}"} for day in range(2, 28)]
    found = calc.audit(pl.DataFrame(rows), select=rule)
    assert found.select("row", "date").rows() == [(1, date(2026, 3, 2))]
