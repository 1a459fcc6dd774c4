"""Logs as they come out of EHRs and spreadsheets: billed by one command, with a known end."""

from __future__ import annotations

import csv
import io
import shlex

import pytest
from click.testing import CliRunner
from helpers import HERE, ROOT

from calc.cli import cli

GOLDEN = HERE / "golden" / "messy"
LOGS = {
    # a file or folder in examples/messy: what the command needs beside it
    "ehr_export.csv": '--map "MRN #=patient"',
    "front_desk.xlsx": "--sheet 'week 10'",
    "semicolons_1252.csv": "",
    "stopwatch.tsv": "",
    "names_not_numbers.json": "",
    "two_parts": "--date-order mdy",
    "unicode_pipes.txt": "",
    "four_modifiers.csv": "",
    "broken_records.csv": "",
    "zone_changes.csv": "--tz America/Chicago",
    "old_name.xls": "",
    "spreadsheet_97.xls": "",
    "open_document.ods": "",
}


def billed(name, options, tmp_path):
    """Exit code, lines as csv, standard error, and the rejects as csv."""
    target = tmp_path / "rejects.csv"
    words = ["bill", f"examples/messy/{name}", *shlex.split(options), "--format", "csv"]
    result = CliRunner().invoke(cli, [*words, "--rejects", str(target)])
    assert result.exception is None, result.output
    bad = target.read_text(encoding="utf-8") if target.exists() else ""
    return result.stdout, result.stderr.replace(str(target), "REJECTS"), bad


def test_every_messy_log_is_tested():
    """No file of examples/messy without its expected result, and at least eight."""
    shipped = {path.name for path in (ROOT / "examples" / "messy").iterdir()} - {"README.md"}
    assert shipped == set(LOGS)
    assert len(shipped) >= 8


@pytest.mark.parametrize("name", LOGS)
def test_messy(name, tmp_path, monkeypatch):
    """Lines, rejects and messages are those looked through by hand; nothing is lost."""
    monkeypatch.chdir(ROOT)
    lines, said, bad = billed(name, LOGS[name], tmp_path)
    for ending, found in (("lines.csv", lines), ("stderr.txt", said), ("bad.csv", bad)):
        expected = (GOLDEN / f"{name}.{ending}").read_text(encoding="utf-8")
        assert found == expected, ending
    last = said.splitlines()[-1].replace(",", "").split()
    read, used, rejected = int(last[0]), int(last[3]), int(last[5])
    assert read == used + rejected
    assert rejected == len(list(csv.DictReader(io.StringIO(bad))))
