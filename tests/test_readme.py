"""The README is run: its console blocks and those of docs/, its Python block, its two commands."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from calc.cli import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README, *DOCS = (page.read_text(encoding="utf-8") for page in PAGES)


def blocks(kind: str, *pages: str) -> list[str]:
    pattern = re.compile(rf"^```{kind}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [block for page in pages or (README,) for block in pattern.findall(page)]


def test_there_are_blocks_to_run():
    assert len(blocks("console")) >= 4
    assert len(blocks("python")) == len(blocks("sh run")) == len(blocks("sh test")) == 1


@pytest.mark.parametrize("block", blocks("console", README, *DOCS))
def test_console_block_prints_what_it_says(block, monkeypatch):
    monkeypatch.chdir(ROOT)
    command, expected = block.removeprefix("$ ").split("\n", 1)
    words = shlex.split(command)
    assert words[0] == "therapy-calc"
    result = CliRunner().invoke(cli, words[1:])
    assert result.exception is None
    printed = [line.rstrip() for line in result.stdout.rstrip("\n").split("\n")]
    assert printed == expected.rstrip("\n").split("\n")


def test_links_lead_to_pages_that_are_there():
    """And every page of docs/ is one that the README leads to."""
    for page in PAGES:
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []
        if page == PAGES[0]:
            assert {*links} >= {f"docs/{other.name}" for other in PAGES[1:]}


def test_python_block_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(blocks("python")[0], {})
    assert out.getvalue().startswith("{'97112': 2, '97110': 1} 45.09\n")


def test_first_command_bills_the_example(monkeypatch):
    """The run command ends in the command whose output the README shows."""
    monkeypatch.chdir(ROOT)
    words = shlex.split(blocks("sh run")[0].rsplit("&& .venv/bin/therapy-calc ", 1)[1])
    shown = shlex.split(blocks("console")[0].split("\n", 1)[0].removeprefix("$ therapy-calc "))
    assert words == shown
