"""The options of the public functions: what is given, not given, not known, of another type."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from dataclasses import fields

import polars as pl
import pytest
from helpers import ROOT

import calc
from calc import billing, estimating, keywords, logs, params, reviewing
from calc.errors import InputError

ROW = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": 23, "discipline": "PT"}
CALLS = {
    "units": lambda **options: calc.units({"97110": 23}, **options),
    "estimate": lambda **options: calc.estimate([ROW], **options).lines,
    "bill": lambda **options: calc.bill(pl.DataFrame([ROW]), **options).rows(),
    "audit": lambda **options: calc.audit(pl.DataFrame([ROW]), **options).rows(),
}
BLANKS = {"payer", "locality", "discipline", "provider"}
WORK = {  # function within -> what its further keywords are
    "units": (estimating.units, set()),
    "estimate": (estimating.estimate, BLANKS),
    "bill": (billing.bill_frame, {field.name for field in fields(logs.Defaults)}),
    "audit": (reviewing.audit_frame, {field.name for field in fields(logs.Defaults)}),
}


@pytest.mark.parametrize("name", WORK)
def test_the_list_is_what_is_taken(name):
    """Each option that type checkers see is taken at run time, and told of in the docstring."""
    work, more = WORK[name]
    own = inspect.signature(work).parameters.values()
    taken = {option.name for option in own if option.kind is option.KEYWORD_ONLY} | more
    assert set(keywords.kinds(name)) == taken
    seen = inspect.signature(getattr(calc, name)).parameters["options"].annotation
    assert seen == f"Unpack[{keywords.OPTIONS[name].__name__}]"
    told = re.findall(r"^([a-z_]+): ", inspect.getdoc(getattr(calc, name)), re.MULTILINE)
    wanted = [*inspect.signature(getattr(calc, name)).parameters, *keywords.kinds(name)]
    assert sorted(told) == sorted({*wanted} - {"options"} | (taken & {"options"}))


@pytest.mark.parametrize("name", CALLS)
def test_none_is_not_given(name):
    """Each option may be None, as a caller passes on what it was not given itself."""
    call = CALLS[name]
    assert call(**dict.fromkeys(keywords.kinds(name))) == call()
    assert calc.units({"97110": 23}, rule=None) == calc.units({"97110": 23}, None) == {"97110": 2}


UNKNOWN = [
    ("foo", ""),
    ("locallity", "locality"),
    ("confg", "config"),
    ("rul", "rule"),
    ("tz", "zone"),
    ("map", "maps"),
    ("deductible", "options"),
]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("option", "near"), UNKNOWN)
def test_an_unknown_option(option, near, name):
    """Named, with the one that is meant where the function has it, and all that there are."""
    names = {*keywords.kinds(name), *(["rule"] if name == "units" else [])}
    meant = f'; did you mean "{near}"?' if near in names else ""
    with pytest.raises(InputError) as error:
        CALLS[name](**{option: 1})
    assert str(error.value) == f'calc.{name}: "{option}" is no option{meant}'
    assert error.value.hint


def test_a_date_is_no_option():
    """The hint says where it stands."""
    with pytest.raises(InputError) as error:
        calc.estimate([ROW], date="2026-03-02")
    assert error.value.hint.startswith("date stands in each row; options: config, discipline, ")


WRONG = [
    ("config", "examples", "str is no Config", "params.load("),
    ("config", ROOT / "examples", f"{type(ROOT).__name__} is no Config", "params.load("),
    ("options", {"deductible": 5}, "dict is no Options", "billing.Options("),
    ("payer", 5, "int is no str", "text"),
    ("rejects", "yes", "str is no bool", "True or False"),
    ("select", 5, "int is no str", "text"),
    ("maps", ["Client=patient"], "list is no Mapping", 'maps={"Time In": "start"}'),
]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("option", "value", "said", "hint"), WRONG)
def test_an_option_of_another_type(option, value, said, hint, name):
    """Said by name and type, with how it is written."""
    if option not in keywords.kinds(name):
        return
    with pytest.raises(InputError) as error:
        CALLS[name](**{option: value})
    assert str(error.value) == f"calc.{name}: {option}: {said}"
    assert hint in error.value.hint


def test_prefixes_that_are_no_texts():
    """A list of rules holds texts alone."""
    with pytest.raises(InputError, match="int is no prefix of rules"):
        calc.audit(pl.DataFrame([ROW]), select=["U", 201])


def test_what_the_hints_say(config):
    """Figures and options made as the hints say are taken."""
    options = billing.Options(deductible={"": 25700})
    assert calc.bill(pl.DataFrame([ROW]), options=options, config=params.load()).height == 1


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"prior": {"A1": 5}}, "prior: a key is no patient with a threshold"),
        ({"prior": {("A1", "physical"): 5}}, "prior: a key is no patient with a threshold"),
        ({"prior": {("A1", "PT"): 1.5}}, "prior: 1.5 is no number of cents"),
        ({"prior": [("A1", "PT", 5)]}, "prior: list is no mapping"),
        ({"deductible": {"A1": -5}}, "deductible: -5 is no number of cents"),
        ({"deductible": {"A1": "2000"}}, "deductible: '2000' is no number of cents"),
        ({"deductible": {"A1": None}}, "deductible: None is no number of cents"),
        ({"deductible": {"A1": True}}, "deductible: True is no number of cents"),
        ({"deductible": {1: 2000}}, "deductible: a key is no patient's text"),
        ({"deductible": 2000}, "deductible: int is no mapping"),
        ({"nonparticipating": "no"}, "nonparticipating: 'no' is neither True nor False"),
        ({"qualifying_apm": 1}, "qualifying_apm: 1 is neither True nor False"),
    ],
)
def test_options_that_mean_nothing(given, what):
    """Said where they are made: a word such as "no" would count as True."""
    with pytest.raises(InputError) as error:
        billing.Options(**given)
    assert error.value.what == what
    assert error.value.hint


def test_a_discipline_stands_for_its_threshold():
    """As in a file of --prior: PT and SLP add up."""
    prior = {("A1", "PT"): 100, ("A1", "SLP"): 20, ("A1", "PT+SLP"): 3, ("A1", "OT"): 4}
    options = billing.Options(prior=prior)
    assert options.prior == {("A1", "PT+SLP"): 123, ("A1", "OT"): 4}
    of_years = billing.Options(prior={("A1", "PT", 2026): 1, ("A1", "SLP", 2026): 2} | prior)
    assert of_years.prior == {("A1", "PT+SLP", 2026): 3} | options.prior
    row = {**ROW, "discipline": "PT", "patient": "A1"}
    options = billing.Options(prior={("A1", "PT"): 300000})
    assert calc.bill(pl.DataFrame([row]), options=options)["modifiers"].to_list() == ["GP KX"]


RIGHT = """
from decimal import Decimal
from pathlib import Path
import calc
from calc import billing, params
config = params.load("figures")
found: dict[str, int | None] = calc.units({"97112": 24, "97110": (13, None)}, "ama", config=config)
calc.units({97110: Decimal("7.5")}, rule=None)
visit = calc.estimate(({"code": code} for code in ("97161",)), payer=None, locality="OH-00")
text: str = visit.explain()
paid = visit.totals["work_payment"], visit.lines[0]["units"]
calc.bill(Path("log.csv"), rejects=True, date_order="mdy", options=billing.Options())
calc.audit(["a.csv"], claims="c.csv", select=["U", "T1"], ignore="T2", report=True, sheet=None)
"""
REFUSED = [
    'calc.units({"97110": 23}, rules="ama")',
    'calc.units([("97110", 23)])',
    'calc.units({"97110": [13, 23]})',
    'calc.estimate([{"code": "97110"}], date="2026-03-02")',
    'calc.estimate({"code": "97110"})',
    'calc.bill("log.csv", foo=1)',
    'calc.bill("log.csv", rejects="yes")',
    'calc.bill("log.csv", config="figures")',
    'calc.audit("log.csv", select=5)',
    'calc.audit("log.csv", rejects=True)',
]


def test_types_that_callers_see(tmp_path):
    """mypy passes right calls, and refuses each wrong keyword and type."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    path = tmp_path / "caller.py"
    path.write_text(RIGHT + "\n".join(REFUSED), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--no-pretty",
            path.name,
            "--config-file",
            ROOT / "pyproject.toml",
        ],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = [line for line in done.stdout.splitlines() if ": error: " in line]
    first = RIGHT.count("\n") + 1
    places = {int(line.split(":")[1]) for line in wrong}
    assert places == set(range(first, first + len(REFUSED))), done.stdout + done.stderr


HINTS = [
    ("bill", {"patient": "Who Is It"}, 'maps={"HEADING": "patient"}'),
    ("audit", {"patient": "Who Is It"}, 'maps={"HEADING": "patient"}'),
]


@pytest.mark.parametrize(("name", "names", "hint"), HINTS)
def test_headings_that_are_not_known(name, names, hint):
    """The hint says it as a call does, and what it says is an option that helps."""
    frame = pl.DataFrame([ROW]).rename(names)
    with pytest.raises(InputError) as error:
        getattr(calc, name)(frame)
    assert hint in error.value.hint
    assert "--" not in error.value.hint
    maps = {heading: column for column, heading in names.items()}
    assert len(getattr(calc, name)(frame, maps=maps)) == (name == "bill")


def test_a_heading_that_is_left_unread():
    """Its column is carried."""
    frame = pl.DataFrame([ROW | {"Insurance": "Acme"}])
    with pytest.warns(UserWarning, match="1 row was rejected"):
        assert len(calc.bill(frame)) == 0
    assert calc.bill(frame, maps={"Insurance": ""})["Insurance"].to_list() == ["Acme"]


def test_maps_that_fit_nothing():
    """A column that is none of ours, and a heading that neither log nor claims has."""
    frame = pl.DataFrame([ROW])
    with pytest.raises(InputError, match='maps: "patiant" is no column of ours'):
        calc.bill(frame, maps={"Client": "patiant"})
    for value in (5, None):
        with pytest.raises(InputError, match="is no column of ours"):
            calc.bill(frame, maps={"Client": value})
    with pytest.raises(InputError, match='heading "Client" of the mapping is not in the log'):
        calc.bill(frame, maps={"Client": "patient"})
    claims = frame.drop("minutes").with_columns(units_billed=2).rename({"patient": "Client"})
    assert len(calc.audit(frame, claims=claims, maps={"Client": "patient"})) == 0
    with pytest.raises(InputError, match='heading "Clyent" of the mapping is not in the log'):
        calc.audit(frame, claims=claims, maps={"Clyent": "patient"})


def test_dates_whose_order_nobody_tells():
    """The hint names the option as a call has it."""
    frame = pl.DataFrame([ROW | {"date": day} for day in ("3/2/2026", "4/2/2026")])
    with pytest.raises(InputError) as error:
        calc.bill(frame)
    assert error.value.hint == 'say date_order="mdy" or "dmy", or write YYYY-MM-DD'
    assert calc.bill(frame, date_order="dmy")["date"].dt.month().to_list() == [2, 2]
