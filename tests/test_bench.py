"""The bench's arguments: what is wrong is said before anything runs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers import ROOT


def bench(name, *words):
    """Run a script of the bench."""
    return subprocess.run(
        [sys.executable, f"tests/bench/{name}", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["run.py", "engines.py"])
def test_help(name):
    """Every script says how it is called."""
    done = bench(name, "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run.py", "--rows", "-5"], "-5 is not a whole number above 0"),
        (["run.py", "--rows", "0"], "0 is not a whole number above 0"),
        (["run.py", "--rows", "5", "--compare", "none.json"], "none.json holds no results"),
        (["run.py", "--rows", "5", "--compare", "README.md"], "README.md holds no results"),
        (["engines.py", "-5"], "-5 is not a whole number above 0"),
        (["engines.py", "5", "dask"], "dask is not known"),
    ],
)
def test_arguments_are_looked_at_first(words, says):
    """One line and exit 2, before a log is made."""
    done = bench(*words)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr


def test_no_rule_lacks_anything_in_a_whole_log(tmp_path):
    """What is measured as an audit with all rules is one."""
    path = str(tmp_path / "whole.csv")
    for rows, words in (("500", ["--whole"]), ("500", ["--billed"])):
        assert bench("logs.py", rows, path, *words).returncode == 0
        done = bench("run.py", "--one", "audit whole", path)
        assert (done.returncode == 0) is ("--whole" in words), done.stderr
    assert "lacks what these rules need: D601, D603, T107" in done.stderr
