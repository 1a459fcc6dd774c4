"""The shipped figures themselves: no gap, no overlap, every source cited and known."""

from __future__ import annotations

import re
import tomllib
from datetime import date, timedelta
from itertools import pairwise

import pytest
from helpers import ROOT

from calc import figure_files

FOLDER = ROOT / "config"
FIRST, LAST = date(2020, 1, 1), date(2026, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


@pytest.mark.parametrize(
    "name",
    [
        x
        for x in figure_files.PARAMETERS
        if x not in ("targeted_review", "limiting_charge", "audit_limits", "federal_holidays")
    ],
)
def test_no_day_without_a_value(name, config):
    """Every day of 2020 to 2026 has exactly one value, for each of what it applies to."""
    values = config.parameter(name).values
    for day in DAYS:
        here = [value for value in values if value.first <= day <= value.last]
        kinds = {value.applies_to for value in here}
        assert here and len(kinds) == len(here), (name, day)
        assert kinds in ({""}, {"QPP", "nonQPP"}, {"PT+SLP", "OT"}), (name, day)


@pytest.mark.parametrize(
    ("name", "first"), [("conversion_factor", date(2026, 1, 1)), ("kx_threshold", FIRST)]
)
def test_both_kinds_where_there_are_two(name, first, config):
    """Two factors from 2026 on, two KX buckets in every year."""
    values = config.parameter(name).values
    for day in DAYS:
        here = [value for value in values if value.first <= day <= value.last]
        assert len(here) == (2 if day >= first else 1), (name, day)


@pytest.mark.parametrize("table", ["rvu", "gpci"])
def test_no_day_without_an_edition(table, config):
    """Every day of 2020 to 2026 has one edition."""
    editions = config.editions(table)
    assert all(sum(e.first <= day <= e.last for e in editions) == 1 for day in DAYS)


@pytest.mark.parametrize("table", list(figure_files.TABLES))
def test_editions_do_not_overlap(table, config):
    """A day has at most one edition, and an edition at least one row."""
    editions = sorted(config.editions(table), key=lambda edition: edition.first)
    assert all(a.last < b.first for a, b in pairwise(editions))
    assert all(config.rows(table, edition) for edition in editions)


def cited():
    """Every source that a TOML file of config/ names, with the file."""
    for path in sorted(FOLDER.rglob("*.toml")):
        for source in re.findall(r'^source = "(.*)"', path.read_text(encoding="utf-8"), re.M):
            yield source, path.name


def test_every_cited_source_exists():
    """And has a title and a publisher."""
    known = tomllib.loads((FOLDER / "sources.toml").read_text(encoding="utf-8"))
    assert [(source, file) for source, file in cited() if source not in known] == []
    assert all(entry.get("title") and entry.get("publisher") for entry in known.values())


def test_known_figures(config):
    """Thresholds and deductibles as announced."""
    kx = {2020: 2080, 2021: 2110, 2022: 2150, 2023: 2230, 2024: 2330, 2025: 2410, 2026: 2480}
    deductible = {2020: 198, 2021: 203, 2022: 233, 2023: 226, 2024: 240, 2025: 257, 2026: 283}
    for name, figures in (("kx_threshold", kx), ("deductible", deductible)):
        for year, dollars in figures.items():
            buckets = ("PT+SLP", "OT") if name == "kx_threshold" else ("",)
            for bucket in buckets:
                value = config.parameter(name).on(date(year, 7, 1), bucket)
                assert value.scaled == dollars * 10**value.places, (name, year)


@pytest.mark.parametrize(
    ("day", "permille"),
    [
        ("2020-04-30", 20),
        ("2020-05-01", 0),
        ("2022-03-31", 0),
        ("2022-04-01", 10),
        ("2022-06-30", 10),
        ("2022-07-01", 20),
        ("2026-12-31", 20),
    ],
)
def test_sequestration(day, permille, config):
    """Nothing is withheld from 2020-05-01 to 2022-03-31, one per cent to 2022-06-30."""
    value = config.parameter("sequestration").on(date.fromisoformat(day))
    assert value.scaled == permille


def test_codes_are_sound(config):
    """Gait training is what it is; add-ons have a primary; a name means one code."""
    gait = config.codes["97116"]
    assert (gait["unit_basis"], gait["unit_minutes"], gait["pooled"]) == ("minutes", 15, True)
    for name in ("Gait Training", "Walking Therapy", "Mobility Training"):
        assert config.code_names[name.lower()] == "97116"
    for code, facts in config.codes.items():
        assert not facts["add_on_of"] or facts["add_on_of"] in config.codes, code
