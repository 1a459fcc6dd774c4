"""The layers of the program: who may import whom. Every arrow that is not listed is a fault."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from helpers import ROOT

CALC = ROOT / "calc"
WORDS = {"diagnoses", "errors", "memory", "money", "reserved", "schema"}
STEPS = {"times", "counting", "modifiers", "pricing"}

# module -> modules of calc that it may import; a package stands for all its files
ALLOWED = {
    "errors": set(),
    "memory": set(),
    "money": set(),
    "reserved": set(),
    "schema": set(),
    "engine": {"errors", "memory"},
    "dated": {"errors", "money"},
    "figure_files": {"dated", "errors", "money"},
    "params": {"dated", "errors", "figure_files", "money", "schema"},
    "rule": set(),
    "cells": {"engine"},
    "checks": {"schema", "times"},
    "decoding": {"errors"},
    "files": {"cells", "decoding", "engine", "errors", "workbooks"},
    "inputs": {"decoding", "errors", "written"},
    "row_notes": {"engine", "params", "times"},
    "workbooks": {"decoding"},
    "headings": {"errors", "params", "schema"},
    "lengths": {"cells", "engine", "errors", "headings", "params", "times", "values"},
    "heading_notes": {"headings", "lengths", "params", "schema", "statuses", "values"},
    "config_checks": {"dated", "errors", "figure_files", "money", "params", "schema"},
    "values": {"cells", "checks", "money", "params", "schema", "statuses", "times"},
    "clocks": {"cells", "checks", "decoding", "engine", "errors", "times"},
    "logs": {"cells", "checks", "clocks", "decoding", "engine", "errors", "files", "headings"}
    | {"heading_notes", "inputs", "lengths", "params", "reserved", "row_notes", "schema", "times"}
    | {"statuses", "values"},
    "statuses": {"cells", "params"},
    "written": {"decoding", "engine", "errors", "schema"},
    "balances": {"clocks", "errors", "files", "params", "schema", "times", "values"},
    "lookups": {"engine", "figure_files", "money", "params"},
    "times": {"engine", "schema"},
    "counting": {"engine", "schema"},
    "modifiers": {"billed", "engine", "schema"},
    "pricing": {"engine", "schema", "money"},
    "rules": {"rule", "billed"},
    "overlaps": {"engine", "schema", "times"},
    "billed": {"engine", "first_rows", "schema"},
    "first_rows": {"engine"},
    "billing": {
        "engine",
        "errors",
        "inputs",
        "logs",
        "lookups",
        "params",
        "reserved",
        "schema",
        "values",
    }
    | STEPS,
    "summaries": {"billing", "money"},
    "batches": {"billing", "decoding", "engine", "errors", "inputs", "lengths", "logs", "params"}
    | {"summaries"},
    "large_audits": {"auditing", "batches", "billing", "claims", "clinicians", "engine"}
    | {"matching"}
    | {"doubts", "evidence", "logs", "params", "redacting", "reviewing", "rule"},
    "cluster": {"billing", "engine", "errors", "logs", "params"},
    "rating": {"dated", "figure_files", "errors", "engine", "money", "params", "pricing", "times"},
    "amounts": {"billed", "billing", "engine", "params", "pricing", "schema"},
    "habits": {"engine", "limits", "lookups", "params", "schema", "times"},
    "edits": {"billed", "dated", "engine", "first_rows", "overlaps", "params", "schema"},
    "limits": {"engine", "lookups", "params", "times"},
    "clinicians": {"amounts", "billed", "billing", "counting", "engine", "limits", "lookups"}
    | {"overlaps", "params", "pricing", "schema", "times"},
    "evidence": {
        "amounts",
        "billed",
        "billing",
        "clinicians",
        "counting",
        "diagnoses",
        "edits",
        "engine",
    }
    | {
        "first_rows",
        "habits",
        "limits",
        "lookups",
        "modifiers",
        "overlaps",
        "params",
        "schema",
        "times",
    },
    "claims": {"cells", "checks", "engine", "errors", "logs", "rule", "schema", "statuses"},
    "matching": {"claims", "engine", "logs", "lookups", "modifiers", "params", "schema"},
    "doubts": {"redacting", "rule"},
    "baseline": {"errors", "schema"},
    "waivers": {"engine", "errors", "files"},
    "diagnoses": set(),
    "redacting": {"cells", "engine", "errors"},
    "auditing": {"errors", "engine", "first_rows", "params", "rule", "rules", "schema"},
    "reviewing": {
        "auditing",
        "baseline",
        "billed",
        "billing",
        "claims",
        "doubts",
        "engine",
        "errors",
        "evidence",
        "inputs",
        "logs",
        "matching",
        "schema",
    }
    | {"params", "redacting", "reports", "rule", "summaries", "waivers"},
    "estimating": {"billing", "cells", "engine", "logs", "modifiers", "params", "reports"}
    | {"times", "values"}
    | {"dated", "errors", "figure_files", "money", "schema"},
    "keywords": {"billing", "errors", "params", "schema"},
    "reports": {"dated", "figure_files", "schema", "money", "rule", "engine", "errors", "params"},
    "cms": {"dated", "engine", "errors", "figure_files", "money", "params"},
    "installing": {"cms", "dated", "errors", "figure_files", "money", "params"},
}
LEVELS = {
    0: WORDS,
    1: {"dated", "decoding", "engine", "figure_files", "params", "rule", "workbooks"},
    2: {"balances", "baseline", "cells", "checks", "clocks", "files", "headings", "inputs", "logs"}
    | {"row_notes"}
    | {"config_checks", "heading_notes", "lengths"}
    | {
        "lookups",
        "redacting",
        "rules",
        "statuses",
        "values",
        "waivers",
        "written",
        "billed",
        "edits",
        "first_rows",
        "habits",
        "limits",
        "overlaps",
    }
    | STEPS,
    3: {"batches", "cluster", "billing", "auditing", "estimating", "rating", "summaries"}
    | {"amounts", "claims", "clinicians", "doubts", "evidence", "large_audits", "matching"}
    | {"keywords", "reviewing"},
    4: {"reports", "cms", "installing"},
}
TOP = {"cli", "__main__"}  # may import everything below
LATE = {
    ("estimating", "reports"),
    ("reviewing", "reports"),
}  # up a level, so only inside a function
# what calc/__init__ may call, inside functions
ROOT_LATE = {"estimating", "billing", "keywords", "reviewing"}

ENGINES = {"polars", "duckdb", "pyspark", "fastexcel", "xlsxwriter"}
HEAVY = {"polars", "narwhals", "pendulum", "tabulate", "pandas", "pyarrow", "duckdb", "pyspark"}


def files():
    """Every file of the package with the module it belongs to."""
    for path in sorted(CALC.rglob("*.py")):
        first = path.relative_to(CALC).parts[0].removesuffix(".py")
        yield path, "" if first == "__init__" else first


def modules():
    """Every module and package in calc/."""
    return {module for _, module in files() if module}


def imports(path):
    """(module of calc or "", third-party top name or "", whether late) of each import.

    Late is what stands inside a function, or for type checkers alone.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        node
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(outer, ast.If) and ast.unparse(outer.test) == "TYPE_CHECKING")
        for node in ast.walk(outer)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            top, _, rest = name.partition(".")
            inner = rest.split(".")[0] if top == "calc" else ""
            yield inner, "" if top == "calc" else top, node in late


def arrows():
    """(from, to, whether late) of every import inside the package."""
    known = modules()
    for path, module in files():
        for inner, _, late in imports(path):
            if inner in known and inner != module:
                yield module, inner, late


def test_every_module_is_placed():
    """A new module needs a place in the table before it can be imported."""
    assert modules() - set(ALLOWED) - TOP == set()


def test_the_table_is_itself_layered():
    """The table allows no arrow to a higher level but the listed late ones."""
    level = {module: number for number, names in LEVELS.items() for module in names}
    assert level.keys() == ALLOWED.keys()
    up = {(a, b) for a, others in ALLOWED.items() for b in others if level[b] > level[a]}
    assert up == LATE


def test_no_other_arrow():
    """Modules import only what the table allows."""
    drawn = {(module, inner) for module, inner, _ in arrows() if module not in TOP}
    allowed = {(module, inner) for module, others in ALLOWED.items() for inner in others}
    allowed |= {("", inner) for inner in ROOT_LATE}
    assert drawn - allowed == set()
    assert allowed - drawn == set(), "arrows that nothing needs any more"


def test_late_arrows_are_late():
    """Arrows to a higher level, and those of the package itself, stand inside functions."""
    early = [
        f"{module} -> {inner}"
        for module, inner, late in arrows()
        if not late and (module == "" or (module, inner) in LATE)
    ]
    assert early == []


def test_no_cycle():
    """No module reaches itself."""
    graph = {module: set() for module in modules()}
    for module, inner, _ in arrows():
        if module:
            graph[module].add(inner)
    while leaves := {module for module, others in graph.items() if not others}:
        graph = {m: others - leaves for m, others in graph.items() if m not in leaves}
    assert graph == {}


def test_only_engine_names_an_engine():
    """polars, duckdb, pyspark, fastexcel and xlsxwriter are imported in one file only."""
    wrong = [
        f"{path.relative_to(ROOT)}: {third}"
        for path, _ in files()
        for _, third, _ in imports(path)
        if third in ENGINES and path != CALC / "engine.py"
    ]
    assert wrong == []


def test_nothing_imports_by_name_at_run_time():
    """No `importlib.import_module("...")` of an engine behind the reader's back."""
    for path, _ in files():
        if path == CALC / "engine.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
                values = [x.value for x in node.args if isinstance(x, ast.Constant)]
                assert not ENGINES & set(values), path.name


@pytest.mark.parametrize("module", ["calc", "calc.cli"])
def test_light_start(module):
    """Nothing heavy is imported by the package or the command line before it is used."""
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
