"""Every rule's table and example, compared row by row, on every engine."""

from __future__ import annotations

import re

import narwhals.stable.v2 as nw
import pytest
import rulebook
from helpers import HERE
from rulebook import ALL, file_name

from calc import rules
from calc.rule import FAMILIES, RULES, SENTENCE

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


def test_a_finding_is_of_its_row(tables, answers):
    """Patient, clinician and date are those of the row that it names, and nothing is said twice."""
    findings, _ = answers("polars")
    for found in findings:
        row = tables.rows[found["row"] - 2]
        assert str(found["date"]) == (row["date"] or row["start"][:10]), found
        assert found["patient"] in ("", row["patient"]), found
        assert row["clinician"] in found["clinician"] or not found["clinician"], found
    said = [(f["rule"], f["row"], f["code"], f["rows"]) for f in findings]
    assert len(set(said)) == len(said)


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
        "CQ 59": "CQ does not go with SLP", "CO 59": "CO does not go with PT",
        "CQ CO": "CO does not go with PT",
        "GN CQ": "CQ does not go with GN", "GN CO": "CO does not go with GN",
        "GP CQ GN": "GN does not go with GP CQ", "GO CO GN": "GN does not go with GO CO",
        "GP CQ CO": "CO does not go with GP",
        "GP CO": "CO does not go with GP", "GO CQ": "CQ does not go with GO",
    }  # fmt: skip
    unpaid = {f["code"]: f["message"] for f in answers(engine_name)[0] if f["rule"] == "P402"}
    said = "{} is charged, and Medicare does not pay it ({}"
    assert unpaid["97010"] == said.format("97010", "bundled)")
    assert unpaid["97014"] == said.format(
        "97014", "not valid for Medicare); Medicare's code is G0283"
    )
    kx = [f["message"] for f in answers(engine_name)[0] if f["rule"] in ("M305", "M306")]
    totals = {message.split(" threshold ")[1] for message in kx}
    assert {"($2,487.28 of $2,480.00)", "($29.06 of $2,480.00)"} <= totals
    below = [f["message"] for f in answers(engine_name)[0] if f["rule"] == "U202"]
    some = "1 timed unit billed for documented services, 2 supported by the day's minutes"
    assert below.count(some) == 1 and some.replace(" for documented services", "") in below


def test_every_rule_ran(answers):
    """No rule is left out on the tables, which hold everything that a rule may need."""
    _, not_run = answers("polars")
    dated = (
        "edition",
        "no KX threshold for the date",
        "federal holidays of the year are not known",
    )
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
    assert rule.authority in config.sources, "add it to config/sources.toml"
    assert "patient" not in [part.split("}")[0] for part in rule.message.split("{")[1:]]
    records = rulebook.table(rule)
    fires = [rule.code in record["finding"].split() for record in records]
    assert any(fires) and not all(fires), "add rows that fire, or that do not, to the table"
    assert all(record["why"] for record in records), "every case says why"


def test_nothing_left_over():
    """Every file is a rule, every table belongs to one, every family has its rules' letters."""
    names = {file_name(rule) for rule in ALL}
    modules = {module.name for module in rules.iter_modules(rules.__path__)}
    assert modules == names
    tables = {path.stem for path in (HERE / "rules").glob("*")}
    assert not names - tables, "add tests/rules/<slug>.csv"
    assert not tables - names, "a table of no rule"
    assert {code[0] for code in RULES} <= set(FAMILIES)


def tried(message, **declared):
    """A rule as the first one is, but for its sentence."""
    own = {"code": "T999", "message": message, "__doc__": ALL[0].__doc__}
    return type("Tried", (ALL[0],), own | declared)


@pytest.mark.parametrize(
    ("message", "said", "fault"),
    [
        ("{fuond} minutes", (), "message: fuond is none of found, expected,"),
        ("{code} of {patient}", (), "message: patient is none of"),
        ("{code_dollars} are allowed", (), "message: code_dollars is none of"),
        ("{found:minute is minutes are} lost", (), "message: a brace is neither"),
        ("{found minutes", (), "message: a brace is neither"),
        ("{found}[; {later} later]", ("late",), "message: later is none of .*, code, late$"),
        ("{code}", ("code",), "said: code means something else in a sentence"),
        ("{paid_dollars}", ("paid_dollars",), "said: paid_dollars means something else"),
    ],
)
def test_a_slip_in_a_sentence_is_told_at_once(message, said, fault):
    """When the rule is read, not when it fires."""
    with pytest.raises(TypeError, match=f"Tried: {fault}"):
        tried(message, said=tuple((name, nw.lit("")) for name in said))
    assert "T999" not in RULES


def test_a_slip_in_what_may_refute_a_rule_is_told_at_once():
    """A rule that unread rows may refute would else accuse beside them."""
    with pytest.raises(TypeError, match="refuted_by is some of lines, rows, year, company, dates"):
        tried("{code}", refuted_by=("row",))
    assert "T999" not in RULES


def test_a_slip_in_what_a_rule_needs_is_told_at_once():
    """It would end an audit, with a traceback, only where the log lacks it."""
    with pytest.raises(TypeError, match="needs is some of units_billed, "):
        tried("{code}", needs=("unit_billed",))
    assert "T999" not in RULES


def test_all_that_a_sentence_may_name_is_there(config, monkeypatch, engine_name, tmp_path):
    """Every name of `rule.SENTENCE`, in both forms, and a word of the rule's own in dollars."""
    monkeypatch.setattr("calc.rule.RULES", {})
    both = [f"{{{name}}} {{{name}:one|several}}" for name in SENTENCE]
    message = ", ".join([*both, "{found_dollars} {own_dollars}"])
    mine = tried(message, said=(("own", nw.lit(250)),), needs=(), found=nw.lit(1))
    stack = rulebook.stacked({"": rulebook.example(ALL[0])})
    found = rulebook.gathered(stack, config, tmp_path / "log.csv", on=engine_name)
    messages = [f["message"] for f in rulebook.audit(found, config, (mine,))[0]]
    assert messages
    for said in messages:
        assert said.startswith("1 one, ") and said.endswith(", 0.01 2.50")
