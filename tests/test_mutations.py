"""Every rule's flag, slightly wrong, is caught by the rule's own table or example.

A mutant negates the flag, tightens or loosens a comparison, shifts a whole number by one, or takes
one side of an `and` or `or`. It must fire on other rows than the flag as it stands, or give another
severity where `milder` is changed, among those rows that no other rule explains.
"""

from __future__ import annotations

import ast
import copy
import inspect
from functools import cache
from itertools import count

import narwhals.stable.v2 as nw
import pytest
import rulebook
from rulebook import ALL

from calc import engine

COMPARISONS = {
    ast.Gt: (ast.GtE,), ast.GtE: (ast.Gt,), ast.Lt: (ast.LtE,), ast.LtE: (ast.Lt,),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip
DECLARED = ("flag", "milder")
WHO = ("patient", "clinician")

# (rule, mutant): why no table can tell it from the rule.
ABSENT = "a log without the column, which no table is: see test_evidence.py"
_CLINICIAN, _DISCIPLINE = "nw.col('clinician') == ''", "nw.col('discipline_blank')"
_PROVIDER = "nw.col('provider_blank')"
EQUIVALENT: dict[tuple[str, str], str] = {
    ("T101", "60000 -> 59999 in nw.col('lost_ms') >= 59999"): "overlaps gives whole minutes only",
    ("U209", "only found > 0 of (found > 0) | ~nw.col('asks_units_billed')"): ABSENT,
    ("D602", f"only {_CLINICIAN} of nw.col('asks_clinician') & ({_CLINICIAN})"): ABSENT,
    ("D602", "only nw.col('role_blank') of nw.col('asks_role') & nw.col('role_blank')"): ABSENT,
    ("D602", f"only {_DISCIPLINE} of nw.col('asks_discipline') & {_DISCIPLINE}"): ABSENT,
    ("D602", f"only {_PROVIDER} of nw.col('asks_provider') & {_PROVIDER}"): ABSENT,
}


def values(tree: ast.ClassDef) -> dict[str, ast.expr]:
    """What each name of the class is set to, tuples taken apart."""
    made: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Tuple):
                names = [element.id for element in target.elts]
                made |= dict(zip(names, value.elts, strict=True))
            else:
                made[target.id] = value
    return made


def behind(name: str, made: dict[str, ast.expr], known: list[str]) -> list[str]:
    """The names of the class that a name is made of, itself first."""
    if name in made and name not in known:
        known.append(name)
        for part in ast.walk(made[name]):
            if isinstance(part, ast.Name):
                behind(part.id, made, known)
    return known


def mutants(source: str):
    """(name, what is changed, source) for every mutant of a class."""
    tree = ast.parse(source).body
    original = next(node for node in tree if isinstance(node, ast.ClassDef))
    for name in DECLARED:
        parts = behind(name, values(original), [])
        if parts:
            yield name, "negated", negated(original, name)
        for part in parts:
            for number in count():
                changed = copy.deepcopy(original)
                what = change(values(changed)[part], number)
                if what is None:
                    break
                yield name, what, ast.unparse(changed)


def negated(original: ast.ClassDef, name: str) -> str:
    changed = copy.deepcopy(original)
    changed.body += ast.parse(f"{name} = ~({name})").body
    return ast.unparse(changed)


def change(top: ast.expr, number: int) -> str | None:
    """Make the change of that number within an expression, and say which it was."""
    seen = count()
    for part in list(ast.walk(top)):
        if isinstance(part, ast.Compare):
            for other in COMPARISONS.get(type(part.ops[0]), ()):
                if next(seen) == number:
                    before = ast.unparse(part)
                    part.ops = [other()]
                    return f"{before} -> {ast.unparse(part)}"
        elif isinstance(part, ast.Constant) and type(part.value) is int:
            for step in (1, -1):
                if next(seen) == number:
                    part.value += step
                    return f"{part.value - step} -> {part.value} in {ast.unparse(top)}"
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitAnd | ast.BitOr):
            for side in ("left", "right"):
                if next(seen) == number:
                    before = ast.unparse(part)
                    lone = getattr(part, side)
                    part.left, part.op, part.right = lone, ast.BitAnd(), copy.deepcopy(lone)
                    return f"only {ast.unparse(lone)} of {before}"
    return None


@cache
def declared(source: str, module: str):
    """The class that the source declares, not registered as a rule."""
    scope = dict(vars(inspect.importlib.import_module(module))) | {"Rule": object}
    exec(source, scope)
    return scope[ast.parse(source).body[0].name]


def answer(rule, table):
    """What flag and milder say of every row, None as false, and whom and what it may fold into."""
    names = table.collect_schema().names()
    keys = [name for name in ("patient", "clinician", "date") if name in names]
    milder, explained = getattr(rule, "milder", None), getattr(rule, "explained", None)
    said = {
        "flag": rule.flag.fill_null(False),
        "milder is": nw.lit(False) if milder is None else milder.fill_null(False),
        "folds": nw.lit("") if explained is None else explained.fill_null(""),
    }
    rows = engine.collect(table.with_columns(**said).select(*keys, *said)).to_native()
    return rows.to_dicts()


def caught(name: str, right: list, wrong: list, others: set) -> bool:
    """Another answer on a row that no finding of another rule stands for."""
    for a, b in zip(right, wrong, strict=True):
        folded = any((a["folds"], a.get(who), a["date"]) in others for who in WHO)
        if a["flag"] != b["flag"] and not folded:
            return True
        if name == "milder" and a["flag"] and a["milder is"] != b["milder is"]:
            return True
    return False


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.code)
def test_mutants(rule, config, tmp_path):
    """No mutant of a rule answers like the rule itself."""
    tables, others = [], []
    for number, (name, records) in enumerate(
        {"": rulebook.example(rule), "table": rulebook.table(rule)}.items()
    ):
        stack = rulebook.stacked({name: records})
        found = rulebook.gathered(stack, config, tmp_path / f"{number}.csv")
        tables.append(engine.settled(found.tables[rule.over]))
        # An example is run with its own rule only: nothing folds there.
        findings = rulebook.audit(found, config)[0] if name else []
        others.append({(f["rule"], f[who], f["date"]) for f in findings for who in WHO})
    source, module = inspect.getsource(rule), rule.__module__
    right = [answer(declared(source, module), table) for table in tables]
    living = []
    for name, what, text in mutants(source):
        if (rule.code, what) in EQUIVALENT:
            continue
        wrong = [answer(declared(text, module), table) for table in tables]
        if not any(map(caught, [name] * 2, right, wrong, others)):
            living.append(f"{name}: {what}")
    add = f"add a row to tests/rules/{rulebook.file_name(rule)}.csv, or the pair to EQUIVALENT"
    assert not living, "\n".join([f"alive: {add}", *living])


def test_no_stale_equivalents():
    """Every mutant that is let pass is still one."""
    passed = {code for code, _ in EQUIVALENT}
    rules = [rule for rule in ALL if rule.code in passed]
    known = {(r.code, what) for r in rules for _, what, _ in mutants(inspect.getsource(r))}
    assert set(EQUIVALENT) <= known
