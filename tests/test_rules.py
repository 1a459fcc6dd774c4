"""Every rule's table and example, compared row by row, on every engine."""

from __future__ import annotations

import re

import pytest
import rulebook
from helpers import HERE
from rulebook import ALL, file_name

from calc import rules
from calc.rule import FAMILIES, RULES

by_code = pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.code)


@pytest.fixture(scope="session")
def tables():
    """Every rule's table, stacked into one log."""
    return rulebook.stacked({file_name(rule): rulebook.table(rule) for rule in ALL})


@pytest.fixture(scope="session")
def answers(tables, config, tmp_path_factory):
    """Engine to the findings of all rules on all tables."""
    known, path = {}, tmp_path_factory.mktemp("rules") / "tables.csv"

    def of(name):
        if name not in known:
            found = rulebook.gathered(tables, config, path, on=name)
            known[name] = rulebook.audit(found, config)
        return known[name]

    return of


def test_tables(tables, answers, engine_name):
    """Each table fires exactly where its column `finding` says, for every rule that it names."""
    findings, _ = answers(engine_name)
    wrong = []
    for rule in ALL:
        cases = [case for case in tables.cases if case.table == file_name(rule)]
        codes = {rule.code}.union(*(case.findings for case in cases))
        wrong += rulebook.differences(cases, findings, codes)
    assert not wrong, "\n".join(wrong)


def test_sentences_count(answers, engine_name):
    """One unit is no units: what a sentence counts agrees with the number before it."""
    counted = re.compile(
        r"(?<![\d.])(1|\d\d+|[02-9]) (?:timed |one-on-one )?"
        r"(?:unit|minute|day(?! total)|line|row)(s?)\b"
    )
    said = [
        place.groups() for f in answers(engine_name)[0] for place in counted.finditer(f["message"])
    ]
    assert {plural for number, plural in said if number == "1"} == {""}
    assert {plural for number, plural in said if number != "1"} == {"s"}
    modifiers = {f["message"].split(",")[0] for f in answers(engine_name)[0] if f["rule"] == "M309"}
    assert "97161 is billed with GO" in modifiers
    unpaired = {f["found"]: f["message"] for f in answers(engine_name)[0] if f["rule"] == "M303"}
    said = {modifiers: message.split("; ")[1] for modifiers, message in unpaired.items()}
    assert said == {
        "CQ": "GP is missing", "CO": "GO is missing",
        "GN CQ": "CQ does not go with GN", "GN CO": "CO does not go with GN",
        "GP CQ GN": "CQ does not go with GN", "GP CQ CO": "CO does not go with GP",
        "GP CO": "CO does not go with GP", "GO CQ": "CQ does not go with GO",
    }  # fmt: skip
    below = [f["message"] for f in answers(engine_name)[0] if f["rule"] == "U202"]
    some = "1 timed unit billed for documented services, 2 supported by the day's minutes"
    assert below.count(some) == 1 and some.replace(" for documented services", "") in below


def test_every_rule_ran(answers):
    """No rule is left out on the tables, which hold everything that a rule may need."""
    _, not_run = answers("polars")
    dated = ("edition", "no KX threshold for the date", "federal holidays of the year are not known")
    others = {gap["rule"] for gap in not_run if not any(map(gap["reason"].count, dated))}
    assert others <= {"U"}


def test_engines_agree(answers, engine_name):
    """Findings are the same to the last cell."""
    assert answers(engine_name)[0] == answers("polars")[0]


@by_code
def test_example(rule, config, tmp_path):
    """The docstring's example, read alone, with this rule only."""
    stack = rulebook.stacked({"": rulebook.example(rule)})
    found = rulebook.gathered(stack, config, tmp_path / "example.csv")
    findings, not_run = rulebook.audit(found, config, (rule,))
    assert rule.code not in {gap["rule"] for gap in not_run if "edition" not in gap["reason"]}
    assert {code for case in stack.cases for code in case.findings} == {rule.code}
    assert not rulebook.differences(stack.cases, findings, {rule.code})


@by_code
def test_declaration(rule, config):
    """File, page, table and authority of a rule."""
    path = HERE.parent / "calc" / "rules" / f"{file_name(rule)}.py"
    assert path.exists(), "the file is named as the class"
    text = path.read_text(encoding="utf-8")
    assert text.count("(Rule):") == 1
    assert len(text.splitlines()) < 60
    assert rule.title()[0].isupper() and len(rule.title()) < 90
    prose = rule.page().split("Example::")[0].strip().split("\n\n")
    assert len(prose) == 3, "the fault, why it matters, what to do"
    assert rule.authority in config.sources
    assert "patient" not in [part.split("}")[0] for part in rule.message.split("{")[1:]]
    records = rulebook.table(rule)
    fires = [rule.code in record["finding"].split() for record in records]
    assert any(fires) and not all(fires)
    assert all(record["why"] for record in records), "every case says why"


def test_nothing_left_over():
    """Every file is a rule, every table belongs to one, every family has its rules' letters."""
    names = {file_name(rule) for rule in ALL}
    modules = {module.name for module in rules.iter_modules(rules.__path__)}
    assert modules == names
    assert {path.stem for path in (HERE / "rules").glob("*")} == names
    assert {code[0] for code in RULES} <= set(FAMILIES)
