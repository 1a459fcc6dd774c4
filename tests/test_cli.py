"""The command line: outputs, formats, exit codes, messages. Golden texts are compared whole."""

import contextlib
import csv
import html
import io
import json
import os
import re
import resource
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner
from helpers import UNKNOWN_DAY

import calc.cli
from calc import engine, estimating, memory
from calc.cli import cli, shared
from calc.errors import InputError

ROOT = Path(__file__).parent.parent
LINE = (
    "patient,date,discipline,provider,payer,locality,code,minutes,assistant_minutes,units,"
    "assistant_units,tie,modifiers,work_payment,allowed,medicare_pays,patient_pays,reason"
)


def run(*words, stdin="", cwd=ROOT, **env):
    """The program as a person runs it: (exit code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "calc", *words],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **env},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def bill(log, *words, tmp_path):
    """Bill text as a file: (exit code, rows, stderr)."""
    path = tmp_path / "log.csv"
    path.write_text(log, encoding="utf-8")
    code, out, err = run("bill", str(path), "--format", "csv", *words)
    return code, list(csv.DictReader(io.StringIO(out))), err


def test_an_estimate_says_whose_fees_it_shows():
    """As `bill` does; and which options a payer has no use for."""
    words = ("estimate", "97110=33", "--date", "2026-03-02", "--nonparticipating")
    _, out, _ = run(*words, "--qualifying-apm")
    assert out.splitlines()[-2:] == [
        "fees of a provider who does not participate",
        "conversion factor of qualifying APM participants",
    ]
    _, out, _ = run(*words, "--qualifying-apm", "--deductible", "100", "--payer", "ama")
    assert out.splitlines()[-3:-1] == [
        "conversion factor of qualifying APM participants",
        "--nonparticipating and --deductible: of Medicare Part B alone, not used for payer ama",
    ]


def test_an_estimate_without_discipline_says_so():
    """A line without GP, GO or GN comes back; `bill` said it and an estimate did not."""
    words = ("estimate", "97110-GP=15", "--date", "2026-03-02")
    said = "1 line without discipline, so no GP, GO or GN: --discipline fills blanks"
    assert said in run(*words)[1] and said in run(*words, "--explain")[1]
    assert "without discipline" not in run(*words, "--discipline", "PT")[1]


def test_an_estimate_says_what_its_kx_does_not_see(tmp_path):
    (tmp_path / "prior.csv").write_text("patient,discipline,amount\nP1,PT,2460\n")
    words = ("estimate", "97110=15", "97140=15", "--date", "2026-03-02", "--discipline", "PT")
    prior = ("--prior", str(tmp_path / "prior.csv"))
    said = "KX is due by this log and --prior alone: claims of others are not seen"
    assert said in run(*words, *prior)[1] and said not in run(*words)[1]
    assert said in run(*words, *prior, "--format", "json")[2]
    own = run(*words, "--nonparticipating", "--format", "csv")[2]
    assert own == "fees of a provider who does not participate\n"


def test_runs_without_a_date_are_of_the_day_of_the_others():
    """They were of today, in a pool of their own, below the date of the first."""
    both = ("97110=2026-03-02 09:00-09:20", "97140=20")
    for words in (both, both[::-1]):
        _, out, err = run("estimate", *words, "--discipline", "PT")
        assert "2026-03-02, payer medicare, locality US: 3 units" in out and "today" not in err
    two = ("97110=2026-03-02 09:00-09:30", "97140=2026-03-03 09:00-09:30")
    _, out, _ = run("estimate", *two)
    assert "2026-03-02 and 2026-03-03, payer medicare" in out and out.startswith("date  ")
    code, _, err = run("estimate", *two, "97116=9")
    assert code == 2 and "97116=9: has no date, and the others are of 2026-03-02, 2026-03-03" in err


def test_gp_and_go_of_a_visit_are_no_one_pool(tmp_path):
    """As in `bill`: 8 and 8 minutes were one unit of a visit, and two of the same log."""
    items = ("97110-GP=8", "97140-GO=8")
    out = json.loads(run("estimate", *items, "--date", "2026-03-02", "--format", "json")[1])
    assert [(line["units"], line["modifiers"]) for line in out["lines"]] == [(1, "GP"), (1, "GO")]
    log = "patient,date,code,minutes\nP,2026-03-02,97110-GP,8\nP,2026-03-02,97140-GO,8\n"
    billed = bill(log, tmp_path=tmp_path)[1]
    assert [line["modifiers"] for line in billed] == ["GP", "GO"]
    code, _, err = run("units", *items)
    assert code == 2 and "97110-GP and 97140-GO: minutes of 2 disciplines count apart" in err
    for apart in (("97110-GP=8", "97010-GO=8"), (*items, "--rule", "ama")):
        assert run("units", *apart)[0] == 0


def test_a_spoilt_clock_time_of_a_visit_can_be_mended_as_its_hint_says():
    """The time with its offset alone, as of a log, is a span to CODE=START-END."""
    words = ("--date", "2026-03-08", "--tz", "America/Chicago")
    code, _, err = run("estimate", "97110=02:30-03:30", *words)
    said = "write minutes, or of one code --start and --end such as 03:30-05:00"
    assert code == 2 and said in err
    span = ("--start", "03:30-05:00", "--end", "04:00-05:00")
    assert "97110          30" in run("estimate", "97110", *span, *words)[1]


def test_lines_say_which_options_none_of_them_uses(tmp_path):
    """Fees of a provider who does not participate stood below lines of another payer."""
    log = "patient,discipline,date,payer,code,minutes\nA,PT,2026-03-02,{},97110,30\n"
    words = ("--nonparticipating", "--deductible", "100")
    unused = "--nonparticipating and --deductible: of Medicare Part B alone, not used for"
    *_, err = bill(log.format("ama"), *words, tmp_path=tmp_path)
    assert f"{unused} these lines\n" in err and "participate\n" not in err
    *_, err = bill(log.format("medicare"), *words, tmp_path=tmp_path)
    assert unused not in err and "fees of a provider who does not participate\n" in err
    path = tmp_path / "log.csv"
    for payer, said in (("ama", f"Note: {unused} this log"), ("medicare", "who does not partici")):
        path.write_text(log.format(payer))
        out = run("audit", str(path), *words)[1]
        assert said in out and (unused in out) == (payer == "ama")


@pytest.mark.parametrize("command", ["bill", "estimate"])
def test_a_page_names_the_figures_of_a_users_folder(command, tmp_path):
    """As the screen and an audit's report do."""
    folder = tmp_path / "mine"
    folder.mkdir()
    path = tmp_path / "log.csv"
    path.write_text("patient,date,code,minutes\nA,2026-03-02,97110,30\n")
    words = {"bill": (str(path),), "estimate": ("97110=30", "--date", "2026-03-02")}[command]
    page = tmp_path / "lines.html"
    assert run(command, *words, "--config", str(folder), "-o", str(page))[0] == 0
    assert f"<li>figures in {folder} replace the shipped ones" in page.read_text()


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "csv"])
def test_an_estimate_is_written_to_any_file(ending, tmp_path):
    """Every column, as of `bill`; it said that xlsx is written to a file only."""
    words = ("estimate", "97110=33", "--date", "2026-03-02")
    path = tmp_path / f"e.{ending}"
    assert run(*words, "-o", str(path)) == (0, "", "")
    read = {"xlsx": pl.read_excel, "parquet": pl.read_parquet, "csv": pl.read_csv}[ending]
    (line,) = read(path).to_dicts()
    assert ",".join(line) == LINE
    assert (str(line["code"]), line["units"], float(line["allowed"])) == ("97110", 2, 51.27)
    code, _, err = run(*words, "--format", "xlsx")
    assert code == 2 and "hint: write it with -o lines.xlsx" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("estimate", "97110=33", "--date", "2026-03-02"), "Allowed         $51.27"),
        (("bill", "examples/faulty_log.csv"), "20 rows read, 11 used, 9 rejected"),
        (("bill", "examples/faulty_log.csv", "--by", "code"), "20 rows read, 11 used, 9 rejected"),
    ],
)
def test_a_workbook_has_the_notes_of_the_page(words, said, tmp_path):
    """On a second sheet: html alone had totals and what was assumed."""
    more = ("--rejects", str(tmp_path / "bad.csv")) if words[0] == "bill" else ()
    for name in ("lines.xlsx", "lines.html"):
        assert run(*words, *more, "-o", str(tmp_path / name))[0] == 0
    sheets = pl.read_excel(tmp_path / "lines.xlsx", sheet_id=0)
    assert list(sheets) == ["lines", "notes"]
    notes = sheets["notes"]["note"].to_list()
    page = (tmp_path / "lines.html").read_text(encoding="utf-8")
    assert re.findall("<li>(.*)</li>", page) == [html.escape(note) for note in notes]
    assert any(note.startswith(said) for note in notes)


def test_estimate_of_the_mission():
    words = ("estimate", "97116", "--start", "2026-03-02 09:00", "--end", "09:47")
    code, out, err = run(*words, "--format", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["totals"] == {
        "units": 3,
        "work_payment": 45.09,
        "allowed": 73.48,
        "medicare_pays": 57.60,
        "patient_pays": 14.70,
    }
    assert list(found["lines"][0]) == LINE.split(",")


def test_estimate_csv_has_the_columns_of_bill():
    code, out, _ = run("estimate", "97116=47", "--date", "2026-03-02", "--format", "csv")
    assert code == 0
    assert out.splitlines() == [
        LINE,
        "visit,2026-03-02,,,medicare,US,97116,47,0,3,0,false,,45.09,73.48,57.60,14.70,",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["97110=33", "97140=7"], "97110,33,2,false,0,0\n97140,7,1,false,0,0\n"),
        (["97140=7", "97110=33"], "97140,7,1,false,0,0\n97110,33,2,false,0,0\n"),
        (["97110=13+23A", "97140=30"], "97110,36,2,false,23,1\n97140,30,2,false,0,0\n"),
        (["97110=8", "97140=8", "--rule", "ama"], "97110,8,1,false,0,0\n97140,8,1,false,0,0\n"),
        (["gait training=7"], "97116,7,0,false,0,0\n"),
        (["97161"], "97161,0,1,false,0,0\n"),
        (["97129=40"], "97129,15,1,false,0,0\n97130,25,2,false,0,0\n"),
        (["97110=22.5"], "97110,22,1,false,0,0\n"),
    ],
)
def test_units(words, expected):
    code, out, err = run("units", *words, "--format", "csv")
    assert (code, err) == (0, "")
    assert out == "code,minutes,units,tie,assistant_minutes,assistant_units\n" + expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["units", "99999=10"], 'code "99999" is not known'),
        (["units", "97110"], "no minutes and no start and end for a timed code"),
        (["units", "97110=x"], '"x" is neither minutes nor a span'),
        (["units", "97110=-5"], '"-5" is neither minutes nor a span'),
        (["units", "97110=5", "97110=6"], "stands twice"),
        (["units", "97110=5", "--rule", "acme"], 'counting rule "acme" is not known'),
        (["units"], "Missing argument"),
        (["estimate", "97116=20", "--date", str(UNKNOWN_DAY)], f"for {UNKNOWN_DAY}"),
        (["estimate", "97116=20", "--date", "2019-01-05"], "for 2019-01-05"),
        (["estimate", "97116=20", "--date", "2026-02-30"], 'date "2026-02-30" is not a date'),
        (["estimate", "97116", "--start", "25:10", "--end", "9:00"], 'start "25:10" is not a time'),
        (["estimate", "97116=10:00-09:00", "--date", "2026-03-02"], 'end "09:00" is before'),
        (["estimate", "97116=20", "--payer", "acme"], 'payer "acme" is not known'),
        (["estimate", "97116=20", "--locality", "ZZ-99"], 'locality "ZZ-99" is not known'),
        (["estimate", "97116=20", "--tz", "Mars/Base"], '"Mars/Base" is no time zone'),
        (["estimate", "97116=20", "--minutes", "20"], "has its own minutes beside --minutes"),
        (["bill", "no-such-file.csv"], "cannot be read"),
        (["bill", "calc"], "is a folder without logs"),
        (["bill", "examples/gait_session.csv", "-o", "x.docx"], "no format is known"),
        (["rates", "--code", "1"], 'code "1" is not known'),
        (["rates", "--date", "x"], 'date "x" is not a date'),
        (["nonsense"], "No such command"),
    ],
)
def test_a_users_mistake_is_one_clear_line_and_exit_2(words, says):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert says in err


def test_estimate_without_date_says_which_day_it_took(monkeypatch):
    class Day(date):
        @classmethod
        def today(cls):
            return cls(2026, 3, 2)  # a day that has figures

    monkeypatch.setattr(estimating, "date", Day)
    done = CliRunner().invoke(cli, ["estimate", "97161"])
    assert (done.exit_code, done.stderr) == (0, "date: 2026-03-02 (today)\n")


def test_estimate_says_when_the_rules_differ():
    _, out, _ = run("estimate", "97110=8", "97140=8", "--date", "2026-03-02")
    assert "CMS and AMA counting differ: 1 unit against 2 units (1 fewer under CMS)" in out


def test_explain_names_factor_source_and_dates():
    _, out, _ = run("estimate", "97116=47", "--date", "2024-03-09", "--explain")
    assert "3 x 0.45 x 33.2875 = 44.94" in out
    assert "(in force 2024-03-09 to 2024-12-31)" in out
    assert "6 minutes to the next unit" in out


@pytest.mark.parametrize("more", [("-o", "e.json"), ("-o", "e.xlsx"), ("--format", "html")])
def test_explain_is_a_text(more, tmp_path):
    """Not one that another program finds below the ending of its own files."""
    words = ("estimate", "97116=47", "--date", "2024-03-09", "--explain")
    code, out, err = run(*words, *more, cwd=tmp_path)
    assert (code, out, [*tmp_path.iterdir()]) == (2, "", [])
    assert "--explain is a text, not " in err and "-o steps.txt" in err
    assert run(*words, "-o", "e.txt", cwd=tmp_path)[:2] == (0, "")
    assert "3 x 0.45" in (tmp_path / "e.txt").read_text(encoding="utf-8")


def test_bill_conserves_rows_and_names_every_reject(tmp_path):
    out, rejects = tmp_path / "lines.csv", tmp_path / "bad.csv"
    code, printed, err = run(
        "bill", "examples/faulty_log.csv", "-o", str(out), "--rejects", str(rejects)
    )
    assert (code, printed) == (0, "")
    assert err.splitlines()[-1] == f"20 rows read, 11 used, 9 rejected (rejects: {rejects})"
    assert 'therapy-calc: examples/faulty_log.csv:10: start "25:10" is not a time' in err
    assert "P-12" not in err  # no patient in messages
    bad = list(csv.DictReader(rejects.open()))
    assert [row["row"] for row in bad] == ["4", "6", "7", "8", "10", "12", "14", "15", "16"]
    assert bad[0]["patient"] and bad[0]["code"] == "97199"
    undated = [row for row in csv.DictReader(out.open()) if row["date"] == "2019-05-05"]
    assert [(row["units"], row["work_payment"], row["reason"]) for row in undated] == [
        ("2", "", "no conversion factor on 2019-05-05")
    ]


def test_bill_table_json_and_csv_hold_the_same_figures():
    _, text, _ = run("bill", "examples/clinic_week.csv", "--format", "csv")
    _, objects, _ = run("bill", "examples/clinic_week.csv", "--format", "json")
    rows = list(csv.DictReader(io.StringIO(text)))
    for row, entry in zip(rows, json.loads(objects), strict=True):
        assert list(row) == list(entry)
        for name, value in entry.items():
            if isinstance(value, float):
                assert f"{value:.2f}" == row[name]
            elif value is not None:
                assert str(value).lower() == row[name].lower()
            else:
                assert row[name] == ""


def test_unknown_columns_are_carried_and_header_only_is_fine(tmp_path):
    log = "patient,date,code,minutes,room,units\np,2026-03-02,97116,23,7b,2\n"
    code, rows, _ = bill(log, tmp_path=tmp_path)
    assert (code, rows[0]["room"], rows[0]["units"]) == (0, "7b", "2")
    code, rows, err = bill("patient,date,code,minutes\n", tmp_path=tmp_path)
    assert (code, rows, err.splitlines()[-1]) == (0, [], "0 rows read, 0 used, 0 rejected")


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("patient,date\np,2026-03-02\n", "missing heading code"),
        ("patient,date,kode\np,2026-03-02,97116\n", "found: patient, date, kode"),
        ("patient,patient,code,date\n", 'heading "patient" stands twice'),
        ("patient,DOS,Service Date,code\n", 'headings "DOS" and "Service Date" both mean date'),
        ("patient,date,code,minutes\np,2026-03-02,99999,10\n", "no row can be used"),
        ('patient,date,code,minutes\n"p,2026-03-02,97116,10\n', "is not csv"),
        ("patient,date,code\0,minutes\n", "NUL"),
    ],
)
def test_a_log_that_cannot_be_used_is_exit_2(log, says, tmp_path):
    code, _, err = bill(log, tmp_path=tmp_path)
    assert code == 2
    assert says in err


def test_more_than_twenty_rejects_are_counted(tmp_path):
    rows = "".join("p,2026-03-02,99999,10\n" for _ in range(25))
    log = f"patient,date,code,minutes\n{rows}p,2026-03-02,97116,10\n"
    code, lines, err = bill(log, tmp_path=tmp_path)
    assert (code, len(lines)) == (0, 1)
    assert err.count("is not known") == 20
    assert "5 more rejects" in err
    assert (tmp_path / "log.rejects.csv").exists()


def test_standard_input_and_blanks_by_option():
    log = "patient,date,code,minutes\np,2026-03-02,97116,47\n"
    code, out, _ = run(
        "bill", "-", "--locality", "OH-00", "--discipline", "PT", "--format", "csv", stdin=log
    )
    assert code == 0
    assert out.splitlines()[1].startswith("p,2026-03-02,PT,,medicare,OH-00,97116,47,0,3,0,false,GP")


@pytest.mark.parametrize("key", ["clinician", "code", "date", "patient"])
def test_by_adds_up_to_the_lines(key):
    _, whole, _ = run("bill", "examples/clinic_week.csv", "--format", "json")
    _, parts, _ = run("bill", "examples/clinic_week.csv", "--by", key, "--format", "json")
    for name in ("units", "work_payment", "allowed", "medicare_pays", "patient_pays"):
        total = sum(row[name] or 0 for row in json.loads(whole))
        assert round(sum(row[name] or 0 for row in json.loads(parts)), 2) == round(total, 2)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("A,2025-03-02\nA,2026-03-02\nB,2025-03-02\n", "year in the log: 2025 to 2026\n"),
        ("A,2025-03-02\nA,2026-03-02\nB,2026-03-02\n", "year in the log: 2026\n"),
        ("A,2026-01-02\nA,2026-03-02\n", ""),
    ],
)
def test_by_patient_says_of_which_year_it_is_what_is_left(rows, said):
    log = "patient,date,discipline,code,minutes\n" + rows.replace("\n", ",PT,97110,30\n")
    code, _, err = run("bill", "-", "--by", "patient", stdin=log)
    assert code == 0 and said in err and ("kx left is of" in err) == bool(said)
    assert "kx left" not in run("bill", "-", "--by", "code", stdin=log)[2]


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (("estimate", "97116=20", "97110=13+23A"), "97110=13+23A: an assistant's row needs",
         "say --discipline PT or OT; speech-language pathology has no assistants"),
        (("estimate", "97110=09:00-09:10+09:30-09:20", "97116=20"),
         '97110=09:00-09:10+09:30-09:20: end "09:20" is before its start', "correct it"),
        (("estimate", "97110=12:30-1:15"), '97110=12:30-1:15: end "1:15" is before its start',
         "write AM or PM, such as 12:30 PM to 1:15 PM; or correct it, or add"),
        (("estimate", "97110", "--minutes", "x"), '97110: minutes "x"', "write"),
        (("units", "97116=20", "97110=13+23A", "--discipline", "SLP"),
         "97110: an assistant's row needs", "say --discipline PT or OT; "),
    ],
)  # fmt: skip
def test_an_error_of_a_visit_names_what_was_typed(words, what, hint):
    """Nobody typed a second service, and no cell can be written to."""
    dated = ("--date", "2026-03-02") if words[0] == "estimate" else ()
    code, out, err = run(*words, *dated)
    first, second = err.splitlines()
    assert (code, out) == (2, "")
    assert first.startswith(f"therapy-calc: {what}") and second.startswith(f"  hint: {hint}")


def test_units_say_why_there_are_none():
    _, _, err = run("units", "97597=30", "97110=30")
    assert err == "97597: units not computed: minutes do not count this code\n"


def test_output_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "none" / "x.csv"
    code, _, err = run("bill", "examples/gait_session.csv", "-o", str(target))
    assert code == 2
    assert "cannot be written" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("template", "-o", "no/x.csv"), "-o"),
        (("estimate", "97110=23", "--date", "2026-03-02", "-o", "no/x.csv"), "-o"),
        (("bill", "log.csv", "--rejects", "no/x.csv"), "--rejects"),
        (("audit", "log.csv", "--rejects", "no/x.csv"), "--rejects"),
        (("bill", "log.csv", "--save-map", "no/x.csv"), "--save-map"),
    ],
)
def test_a_place_that_cannot_be_written_is_changed_by_its_own_option(words, option, tmp_path):
    """Not by one that the command does not have."""
    rows = "p,2026-03-02,97110,23\np,2026-03-02,99999,23\n"
    (tmp_path / "log.csv").write_text(f"patient,date,code,minutes\n{rows}")
    code, _, err = run(*words, cwd=tmp_path)
    assert code == 2 and err.endswith(
        "therapy-calc: no/x.csv: cannot be written (No such file or directory)\n"
        f"  hint: name another place by {option} FILE\n"
    )


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--baseline", "p"), ("--redact", "p"), ("--map-file", "p"), ("--waivers", "p.toml"),
        ("--waivers", "p.csv"), ("--timesheet", "p"), ("--claims", "p"),
    ],
)  # fmt: skip
def test_no_pipe_beside_the_log_is_waited_for(option, name, tmp_path):
    (tmp_path / "log.csv").write_text("patient,date,code,minutes\np,2026-03-02,97110,23\n")
    os.mkfifo(tmp_path / name)
    code, _, err = run("audit", "log.csv", option, name, cwd=tmp_path)
    assert code == 2 and f"{name}: is a device or pipe, not a file" in err


def test_no_cell_begins_a_line_of_its_own(tmp_path):
    """It could pass for what the program itself says; nor turns it what stands beside it."""
    forged = "x\n3 rows read, 3 used, 0 rejected\n\u202e"
    (tmp_path / "log.csv").write_text(
        f'patient,date,code,minutes\np,2026-03-02,97110,23\np,2026-03-02,"{forged}",23\n'
    )
    code, _, err = run("bill", "log.csv", cwd=tmp_path)
    assert code == 0 and 'code "x?3 rows read, 3 used, 0 rejected??" is not known' in err
    assert [line for line in err.splitlines() if line.startswith("3 rows")] == []
    assert "1 row: code not known" in err.splitlines()
    assert "\u202e" not in err


def test_no_lines_stay_where_their_rejects_cannot_be_written(tmp_path):
    rows = "p,2026-03-02,97110,23\np,2026-03-02,99999,23\n"
    (tmp_path / "log.csv").write_text(f"patient,date,code,minutes\n{rows}")
    words = ("bill", "log.csv", "--jobs", "1", "-o", "lines.parquet", "--rejects", "no/x.csv")
    code, _, err = run(*words, cwd=tmp_path)
    assert code == 2 and "no/x.csv: cannot be written" in err
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_rates_columns_and_periods():
    code, out, _ = run(
        "rates", "--code", "97116", "--locality", "OH-00", "--date", "2020-06-01", "--format", "csv"
    )
    assert code == 0
    assert out.splitlines() == [
        "effective_from,effective_to,locality,code,work_rvu,pe_rvu,mp_rvu,work_gpci,pe_gpci,mp_gpci,"
        "conversion_factor,fee,reduced_fee,work_payment,basis",
        "2020-01-01,2020-12-31,OH-00,97116,0.45,0.39,0.02,1.000,0.915,1.049,36.0896,29.88,23.44,"
        "16.24,all",
    ]


@pytest.mark.parametrize("ending", ["csv", "json", "xlsx", "parquet"])
def test_rates_are_numbers_and_dates(ending, tmp_path):
    """A sum of RVUs in Excel was 0: they were text, and only text formats want their zeros."""
    path = tmp_path / f"rates.{ending}"
    words = ("rates", "--code", "97116", "--locality", "OH-00", "--date", "2020-06-01")
    assert run(*words, "-o", str(path)) == (0, "", "")
    figures = ["0.45", "0.39", "0.02", "1.000", "0.915", "1.049", "36.0896", "29.88", "23.44"]
    days = [date(2020, 1, 1), date(2020, 12, 31)]
    if ending == "csv":
        cells = path.read_text().splitlines()[1].split(",")
        assert cells[:2] == [str(day) for day in days] and cells[4:13] == figures
    elif ending == "json":
        (row,) = json.loads(path.read_text(), parse_float=Decimal)
        numbers = [*row.values()][4:13]
        assert [*row.values()][:2] == [str(day) for day in days]
        assert numbers == [Decimal(text) for text in figures]
    else:
        (row,) = (pl.read_excel if ending == "xlsx" else pl.read_parquet)(path).rows()
        assert [*row[:2]] == days and isinstance(row[10], float if ending == "xlsx" else Decimal)
        places = (len(text.partition(".")[2]) for text in figures)
        assert [f"{n:.{p}f}" for n, p in zip(row[4:13], places, strict=True)] == figures


@pytest.mark.parametrize(
    "day", ["6/1/2020", "Jun 1, 2020", "1-Jun-2020", "20200601", " 2020-06-01"]
)
def test_rates_read_a_date_as_an_estimate_does(day):
    rates = ("rates", "--code", "97116", "--locality", "OH-00", "--format", "csv", "--date")
    assert run(*rates, day) == run(*rates, "2020-06-01")
    assert "\n2020-06-01, payer" in run("estimate", "97116=23", "--date", day)[1]


def test_qualifying_apm_has_its_own_factor():
    def fee(*words):
        where = ("--code", "97116", "--locality", "US", "--date", "2026-05-05")
        _, out, _ = run("rates", *where, "--format", "csv", *words)
        return out.splitlines()[1].split(",")[11:]

    assert fee() == ["29.06", "22.21", "15.03", "nonQPP"]
    assert fee("--qualifying-apm")[0] == "29.20"


def test_config_check_reports_every_fault_of_a_users_folder(tmp_path):
    (tmp_path / "conversion_factor.toml").write_text(
        'title = "x"\nunit = "y"\nplaces = 4\n[[value]]\nfrom = 2027-01-01\nvalue = 33.12345\n'
        'source = "pfs-final-2026"\n'
    )
    code, out, err = run("config", "check", str(tmp_path))
    assert (code, out) == (2, "")
    assert "value 1: until is missing or no date" in err
    assert "33.12345 is no number of 4 decimals" in err
    assert run("config", "check")[:2] == (0, "shipped figures: no faults\n")


def test_faulty_payers_rules_and_codes_end_a_command_with_a_line(tmp_path):
    """Check, units and estimate; a fault of the check is never a traceback or an amount."""
    rules, payers = tmp_path / "counting_rules.toml", tmp_path / "payers.toml"
    payer = '[acme]\nname = "Acme"\ncounting_rule = "cms"\nsource = "cpt-midpoint"\n'
    payers.write_text(f'{payer}mppr = "false"\n')
    rules.write_text(
        '[mine]\ntitle = "Mine"\nunit_minutes = 15\npool = "day"\nsource = "decision"\n'
    )
    no_minutes = "first_minutes is missing or no whole number of minutes"
    code, _, err = run("config", "check", str(tmp_path))
    lines = [line for line in err.splitlines() if not line.startswith("  hint:")]
    assert code == 2
    assert lines == [
        'therapy-calc: payers.toml: acme: mppr: "false" is neither true nor false',
        f"therapy-calc: {rules}: mine: {no_minutes}",
    ]
    mine = ("--config", str(tmp_path))
    code, out, err = run("units", "97110=20", "--rule", "mine", *mine)
    assert (code, out) == (2, "")
    assert no_minutes in err
    rules.unlink()
    code, out, err = run("estimate", "97116=20", "--date", "2026-03-02", "--payer", "acme", *mine)
    assert (code, out) == (2, "")
    assert 'mppr: "false"' in err
    payers.write_text(f"{payer}mppr = false\n")
    assert run("config", "check", str(tmp_path))[0] == 0


def test_a_users_folder_adds_a_year(tmp_path):
    (tmp_path / "conversion_factor.toml").write_text(
        'title = "x"\nunit = "y"\nplaces = 4\n[[value]]\n'
        f'from = {UNKNOWN_DAY}\nuntil = {UNKNOWN_DAY}\nvalue = 30.0000\nsource = "mine"\n'
    )
    (tmp_path / "sources.toml").write_text('[mine]\ntitle = "Our guess"\n')
    assert run("config", "check", "--config", str(tmp_path))[0] == 0
    code, out, _ = run(
        *("bill", "-", "--format", "csv"),
        stdin=f"patient,date,code,minutes\np,{UNKNOWN_DAY},97116,15\n",
        THERAPY_CALC_CONFIG=str(tmp_path),
    )
    assert (code, out.splitlines()[1].split(",")[-1]) == (0, f"no RVU for 97116 on {UNKNOWN_DAY}")


def test_template_and_version():
    assert run("template")[1].startswith("patient,clinician,role,discipline,provider,payer,")
    assert run("--version")[1] == "therapy-calc, version 0.1.0\n"


@pytest.mark.parametrize("code", ["97110-GP", "97110.0", "97110"])
def test_units_of_a_code_as_a_log_may_write_it(code):
    status, out, _ = run("units", f"{code}=33", "--format", "csv")
    assert (status, out.splitlines()[1].split(",")[:3]) == (0, ["97110", "33", "2"])


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("09:00:00 AM", "09:47:00 AM"),
        ("09:00-05:00", "09:47-05:00"),
        ("09:00:00.000", "09:47:00.000"),
    ],
)
def test_a_long_clock_time_is_no_date(start, end):
    status, out, err = run("estimate", "97116", "--start", start, "--end", end, "--format", "csv")
    assert (status, out.splitlines()[1].split(",")[7]) == (0, "47"), err


@pytest.mark.parametrize(
    ("span", "assistant"), [("9:00a-9:40a", "0"), ("9:00a-9:40aA", "40"), ("09:00-09:40A", "40")]
)
def test_the_last_letter_of_a_span(span, assistant):
    words = ("--date", "2026-03-02", "--discipline", "PT", "--format", "csv")
    status, out, err = run("estimate", f"97116={span}", *words)
    (line,) = csv.DictReader(io.StringIO(out))
    assert (status, line["minutes"], line["assistant_minutes"]) == (0, "40", assistant), err


@pytest.mark.parametrize(
    ("amount", "pays"), [("20,00", "7.10"), ("$20", "7.10"), ("1,000", "0.00")]
)
def test_a_deductible_is_read_as_a_charge_is(amount, pays):
    words = ("--deductible", amount, "--date", "2026-03-02", "--format", "csv")
    status, out, err = run("estimate", "97116=20", *words)
    (line,) = csv.DictReader(io.StringIO(out))
    assert (status, line["medicare_pays"]) == (0, pays), err


# --- where nobody reads, or nothing can be written ----------------------------------------------

CLEAN = "examples/clinic_week.csv"
WEEK = "examples/audit_week.csv"  # its audit exits 1
EVERY = [
    ["bill", CLEAN],
    ["bill", CLEAN, "--format", "csv"],
    ["audit", WEEK],
    ["audit", WEEK, "--fail-on", "never"],
    ["rates", "--code", "97116", "--date", "2026-03-02"],
    ["units", "97116=20"],
    ["estimate", "97116=20", "--date", "2026-03-02"],
    ["rules"],
    ["rule", "U201"],
    ["template"],
    ["config", "check"],
    ["bill", "--help"],
]


def run_to(words, **streams):
    """The exit code and standard error of a command whose streams are given."""
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE} | streams
    command = [sys.executable, "-m", "calc", *words]
    done = subprocess.run(command, text=True, cwd=ROOT, check=False, **streams)
    return done.returncode, done.stderr


@pytest.mark.parametrize(("command", "what"), [("bill", "lines"), ("audit", "findings")])
def test_a_table_on_a_terminal_says_where_it_stops(command, what, tmp_path):
    """And how to have the rest; in a pipe it is whole."""
    log, output = tmp_path / "log.csv", bytearray()
    rows = "".join(f"P{n},2026-03-02,97116,20,2\n" for n in range(1201))
    log.write_text(f"patient,date,code,minutes,units_billed\n{rows}")
    words = (command, str(log), *(["--select", "U201", "--fail-on", "never"] * (what != "lines")))
    terminal, end = os.openpty()

    def read():
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(terminal, 65536):
                output.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    code, err = run_to(words, stdout=end)
    os.close(end)
    reader.join()
    assert (code, err.count(f"200 of 1,201 {what} shown; write all with -o FILE\n")) == (0, 1)
    assert output.count(b"2026-03-02  ") == 200
    _, out, err = run(*words)
    assert (out.count("2026-03-02  "), "shown" in err) == (1201, False)


@pytest.fixture
def broken_pipe():
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("s3a://clinic/2026/march.parquet", "march.rejects.csv"),
        ("hdfs://host:9000/logs/2026/", "2026.rejects.csv"),
        ("logs/march.parquet", "logs/march.rejects.csv"),
        ("-", "stdin.rejects.csv"),
    ],
)
def test_rejects_of_a_store_are_written_here(log, name):
    """A folder named after the address is not there: the rejects would be lost at the end."""
    assert shared.rejects_name((log,)) == name


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_full_disk_is_one_line_and_exit_2(words):
    with Path("/dev/full").open("wb") as full:
        code, err = run_to(words, stdout=full)
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("therapy-calc: ") and last.endswith("(No space left on device)")
    assert "Traceback" not in err and "Exception ignored" not in err
    assert len([line for line in err.splitlines() if "No space" in line]) == 1


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_reader_that_has_gone_is_no_fault(words, broken_pipe):
    code, err = run_to(words, stdout=broken_pipe)
    assert code == 0
    assert "rejected" not in err and "Traceback" not in err and "Exception ignored" not in err


@pytest.mark.parametrize("words", [["bill", CLEAN], ["audit", WEEK], ["units", "97116=20"]])
def test_closed_standard_output_is_one_line_and_exit_2(words):
    code, err = run_to(words, preexec_fn=lambda: os.close(1), stdout=None)
    assert code == 2
    assert err.endswith("therapy-calc: standard output: cannot be written (it is closed)\n")


@pytest.mark.parametrize("deaf", ["full", "gone"])
def test_the_work_is_done_though_nobody_hears_of_it(deaf, broken_pipe, tmp_path):
    """Notes that standard error does not take stop no work, and the exit code is what it was."""
    output = tmp_path / "lines.csv"
    with Path("/dev/full").open("wb") as full:
        heard = full if deaf == "full" else broken_pipe
        words = ["bill", "examples/faulty_log.csv", "--rejects", str(tmp_path / "bad.csv")]
        assert run_to([*words, "-o", str(output)], stderr=heard)[0] == 0
        assert output.exists()
        assert run_to(["audit", WEEK], stderr=heard)[0] == 1
        assert run_to(["bill", "nowhere.csv"], stderr=heard)[0] == 2
        assert run_to(["nonsense"], stderr=heard)[0] == 2


@pytest.mark.parametrize(
    "words", [["o.csv"], ["o.xlsx"], ["o.parquet"], ["o.parquet", "--jobs", "1"]], ids=" ".join
)
def test_a_file_without_room_is_left_out(words, tmp_path):
    name = words[0]
    words = ["bill", CLEAN, *words[1:], "-o", str(tmp_path / name)]
    limit = (100, 100)
    code, err = run_to(words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert code == 2
    assert name in err and "written (" in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


# --- what is read is not overwritten ------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["bill", "log.csv", "-o", "log.csv"],
        ["bill", "log.csv", "-o", "./link.csv"],
        ["bill", "log.csv", "--rejects", "log.csv"],
        ["bill", "log.csv", "--save-map", "log.csv"],
        ["bill", "log.csv", "--prior", "prior.csv", "-o", "prior.csv"],
        ["bill", "log.csv", "-o", "x.csv", "--rejects", "x.csv"],
        ["bill", "log.csv", "-o", "log.rejects.csv"],
        ["bill", "rejects.csv", "log.csv", "-o", "x.csv"],
        ["bill", "folder", "-o", "folder/log.parquet", "--jobs", "1"],
        ["bill", "folder/log.parquet", "-o", "folder/log.parquet", "--jobs", "1"],
        ["audit", "log.csv", "-o", "log.csv"],
        ["audit", "log.csv", "--rejects", "log.csv"],
        ["audit", "log.csv", "--claims", "prior.csv", "-o", "prior.csv"],
        ["audit", "log.csv", "--claims", "prior.csv", "-o", "prior.rejects.csv"],
        ["audit", "log.csv", "--claims", "prior.csv", "--save-map", "prior.rejects.csv"],
        ["audit", "log.csv", "--claims", "prior.csv", "--claims", "x.csv", "-o", "rejects.csv"],
        ["audit", "folder", "-o", "folder/log.parquet", "--jobs", "1"],
        ["estimate", "97116=20", "--discipline", "PT", "--prior", "prior.csv", "-o", "prior.csv"],
    ],
    ids=" ".join,
)
def test_what_is_read_is_not_overwritten(words, tmp_path):
    (tmp_path / "folder").mkdir()
    log = "patient,date,code,minutes\np,2026-03-02,97116,20\np,2026-03-02,zzz,20\n"
    for name in ("log.csv", "rejects.csv"):
        (tmp_path / name).write_text(log, encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("log.csv")
    (tmp_path / "prior.csv").write_text("patient,discipline,amount\np,PT,5\n", encoding="utf-8")
    made = ["-o", "folder/log.parquet", "--rejects", "r.csv"]
    assert run("bill", "log.csv", *made, cwd=tmp_path)[0] == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, err = run(*words, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "cannot be written" in err.splitlines()[0]
    assert "hint: name another file by -" in err
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("more", [[], ["--jobs", "1"]])
@pytest.mark.parametrize(
    ("log", "beside"),
    [
        ("cl.rejects.csv", []),
        ("log.csv", ["--timesheet", "cl.rejects.csv"]),
        ("cl.txt", ["--timesheet", "cl.claims.rejects.csv"]),
    ],
)
def test_rejects_of_the_claims_overwrite_nothing_that_is_read(log, beside, more, tmp_path):
    """Old rejects that were mended are a log; beside it the claims' would take its place."""
    for name in (log, *beside[1:]):
        (tmp_path / name).write_text("patient,date,code,minutes\np,2026-03-02,97110,23\n")
    head = "patient,date,code,units_billed"
    (tmp_path / "cl.csv").write_text(f"{head}\np,2026-03-02,97110,2\np,2026-03-02,97116,1.5\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = run("audit", log, "--claims", "cl.csv", *beside, *more, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"therapy-calc: {(*beside[1:], log)[0]}: is read, so it cannot be written",
        "  hint: give it another name: rejects of the claims are written under this one",
    ]
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


def test_what_large_runs_do_not_heed_is_refused(tmp_path):
    """An option without effect would be taken for heeded."""
    (tmp_path / "log.csv").write_text("patient,date,code,minutes\n", encoding="utf-8")
    large = ["bill", "log.csv", "-o", "lines.parquet"]
    code, _, err = run(*large, "--jobs", "1", "--format", "csv", cwd=tmp_path)
    assert code == 2
    assert "so many lines are Parquet, not csv" in err
    spark = ["--engine", "spark", "--master", "local[1]", "--map", "Px=patient"]
    code, _, err = run(*large, *spark, cwd=tmp_path)
    assert code == 2
    assert "--map is not for --master" in err
    code, _, err = run(*large, *spark[:4], "--sheet", "March", cwd=tmp_path)
    assert code == 2
    assert "--sheet is not for --master" in err
    assert not (tmp_path / "lines.parquet").exists()


# --- opening balances ---------------------------------------------------------------------------


@pytest.fixture
def balances(tmp_path):
    """A log of P1 and P2 with balances of other patients too."""
    rows = "P1,2026-03-02,97116,15,PT\nP2,2026-03-02,97116,15,PT\n"
    log = f"patient,date,code,minutes,discipline\n{rows}"
    prior = "patient,discipline,amount\np1,PT,2500\nP2,PT,2500\nP2,OT,10\n"
    (tmp_path / "log.csv").write_text(log, encoding="utf-8")
    (tmp_path / "prior.csv").write_text(prior, encoding="utf-8")
    left = "patient,amount\nP1,10\nZed,5\nYan,5\n"
    (tmp_path / "left.csv").write_text(left, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", [["bill"], ["audit", "--fail-on", "never"]], ids=" ".join)
@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_patients_of_a_file_who_are_not_in_the_log(command, jobs, balances):
    """p1 is not P1: the file's patients without a row are counted, never named."""
    words = [*command, "log.csv", *jobs, "-o", "out.parquet"]
    given = ["--prior", "prior.csv", "--deductible", "left.csv"]
    code, _, err = run(*words, *given, cwd=balances)
    assert code == 0
    where = "not in the log's used rows: write each as the log does"
    assert f"--prior names 2 patients, 1 of them {where}" in err.splitlines()
    assert f"--deductible names 3 patients, 2 of them {where}" in err.splitlines()
    assert "p1" not in err and "Zed" not in err
    log = (balances / "log.csv").read_text()
    (balances / "log.csv").write_text(f"{log}p1,2026-03-02,97116,15,PT\n", encoding="utf-8")
    _, _, err = run(*words, "--prior", "prior.csv", "--deductible", "257", cwd=balances)
    assert "patient" not in err.replace("patients $", "")


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_a_deductible_that_is_assumed_or_too_much_is_said(jobs, balances):
    """How many patients a file does not name, and who has more left than a year takes."""
    (balances / "log.csv").write_text(
        "patient,date,code,minutes,payer\nP1,2026-03-02,97116,15,\nP2,2026-03-02,97116,15,\n"
        "P2,2025-03-03,97116,15,\nP3,2026-03-02,97116,15,\nP4,2026-03-02,97116,15,ama\n"
    )
    left = {"some": "P1,10\n", "much": "P1,283.01\nP2,257.01\nP3,283\nP4,9000\n", "none": ""}
    for name, rows in left.items():
        (balances / f"{name}.csv").write_text(f"patient,amount\n{rows}")

    def notes(given):
        words = ["bill", "log.csv", *jobs, "-o", "out.parquet", "--deductible", given]
        code, _, err = run(*words, cwd=balances)
        first, *more = err.splitlines()
        assert code == 0 and "P1" not in err
        return first.rpartition("; ")[2], [line for line in more if "deductible" in line]

    after, assumed = "after the deductible)", "deductible assumed met"
    lacks = (
        "deductible of the first year assumed met for {} patients that --deductible does not name"
    )
    anew = "2026 begins with its whole deductible (283.00) for 1 patient"

    def taken(years):
        says = "a file with a column year says otherwise"
        whose = "amounts without a year are taken for each patient's first paid year"
        return f"--deductible: {whose}, {years}; {says}"

    of_all = taken("2025 for 1 patient, 2026 for 2 patients")
    assert notes("some.csv") == (after, [lacks.format(2), anew, taken("2026 for 1 patient")])
    assert notes("none.csv") == (f"{assumed})", [lacks.format(3), anew])
    assert notes("much.csv") == (after, [
        anew,
        "--deductible is more than the deductible of 2025 (257.00) for 1 patient",
        "--deductible is more than the deductible of 2026 (283.00) for 1 patient",
        of_all,
    ])  # fmt: skip
    assert notes("2,830") == (after, [
        anew,
        "--deductible 2,830.00 is more than the deductible of 2025 (257.00)",
        "--deductible 2,830.00 is more than the deductible of 2026 (283.00)",
        of_all,
    ])  # fmt: skip
    assert notes("257.00") == (after, [anew, of_all])
    (balances / "years.csv").write_text("patient,amount,year\nP2,5,2026\nP3,5,2027\n")
    assert notes("years.csv") == (
        after,
        [
            f"{lacks.format(3)} for it",
            "--deductible has amounts of 2027, but no used row is of then",
        ],
    )


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_the_year_of_amounts_spent_elsewhere(jobs, balances):
    """Without one they were 2025's in silence: KX on the wrong line, a false M305 and M306."""
    (balances / "log.csv").write_text(
        "patient,date,discipline,code,minutes,units_billed,modifiers_billed\n"
        "A,2025-12-30,PT,97116,30,2,GP\nA,2026-01-02,PT,97116,30,2,GP KX\n"
    )

    def said(*years):
        """Modifiers and notes of a bill, findings and notes of an audit."""
        rows = "".join(f"A,PT,2470,{year}\n" for year in years)
        (balances / "prior.csv").write_text(f"patient,discipline,amount,year\n{rows}")
        given = ["log.csv", "--prior", "prior.csv", *jobs]
        _, _, billed = run("bill", *given, "-o", "out.parquet", cwd=balances)
        modifiers = pl.read_parquet(balances / "out.parquet").sort("date")["modifiers"].to_list()
        words = ["audit", *given, "--select", "M305,M306", "--format", "csv"]
        _, out, audited = run(*words, cwd=balances)
        found = [",".join(line.split(",")[:3]) for line in out.splitlines()[1:]]
        notes = [
            [line for line in err.splitlines() if "--prior" in line and "KX is due" not in line]
            for err in (billed, audited)
        ]
        return modifiers, notes[0], found, notes[1]

    right, wrong = ["GP", "GP KX"], ["GP KX", "GP"]
    assert said(2026) == (right, [], [], [])
    assert said(2025) == (wrong, [], ["M305,error,2", "M306,info,3"], [])
    assert said(2025, 2026) == (["GP KX", "GP KX"], [], ["M305,error,2"], [])
    lacks = "--prior has amounts of 2024, but no used row is of then"
    assert said(2024, 2026) == (right, [lacks], [], [lacks])
    taken = "--prior: amounts without a year are taken for each patient's first paid year"
    silent = "amounts of --prior without a year, of patients with lines in several"
    assert said("") == (
        wrong,
        [
            f"{taken}, 2025 for 1 patient; a file with a column year says otherwise",
            "--prior is more than the KX threshold of 2025 (2,410.00) for 1 patient",
        ],
        [],
        [f"Not run: M305, M306 for 2 lines: {silent}: write a column year"],
    )


@pytest.mark.parametrize("more", [(), ("--explain",), ("--format", "json")])
def test_an_estimate_says_that_a_deductible_is_too_much(more):
    words = ("estimate", "97116=20", "--date", "2026-03-02", *more)
    said = "--deductible 2,830.00 is more than the deductible of 2026 (283.00)\n"
    assert run(*words, "--deductible", "2830")[2] == said
    assert run(*words, "--deductible", "283")[2] == ""
    assert run(*words, "--deductible", "2830", "--payer", "ama")[2] == ""


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--deductible", 'patient,amount\nP1,10\n,"$1,570.00"\n'),
        ("--prior", "patient,discipline,amount\nP1,PT,10\n ,PT,1570\n"),
    ],
)
def test_a_total_below_the_balances_is_no_patient(option, text, balances):
    """It was a balance of every other patient."""
    (balances / "sums.csv").write_text(text, encoding="utf-8")
    code, _, err = run("bill", "log.csv", option, "sums.csv", cwd=balances)
    assert code == 2
    assert "sums.csv:3: patient is blank" in err
    assert "name the patient as the log does, or remove the row if it is a total" in err


def test_an_estimate_takes_the_balances_of_one_patient(balances):
    """Balances of a file count for the visit if they are of one patient; else exit 2 and how."""
    visit = ["estimate", "97116=15", "--date", "2026-03-02", "--format", "csv"]

    def line(*words):
        code, out, err = run(*visit, *words, cwd=balances)
        return next(csv.DictReader(io.StringIO(out))) if code == 0 else err

    (balances / "one.csv").write_text("patient,discipline,amount\np,PT,2500\n", encoding="utf-8")
    (balances / "due.csv").write_text("patient,amount\np,10\n", encoding="utf-8")
    pt = ["--discipline", "PT"]
    assert line(*pt)["modifiers"] == "GP"
    assert line(*pt, "--prior", "one.csv")["modifiers"] == "GP KX"
    paid = line("--deductible", "10")["medicare_pays"]
    assert paid != line()["medicare_pays"]
    assert line("--deductible", "due.csv")["medicare_pays"] == paid
    assert line(*pt, "--prior", "one.csv", "--deductible", "due.csv")["medicare_pays"] == paid
    assert "--prior: 2 patients, but an estimate is of one" in line(*pt, "--prior", "prior.csv")
    said = line("--deductible", "left.csv")
    assert "--deductible: 3 patients, but an estimate is of one" in said
    assert "--deductible 257" in said and "P1" not in said
    said = line(*pt, "--prior", "one.csv", "--deductible", "left.csv")
    assert "--prior and --deductible: 4 patients" in said
    assert "--discipline PT" in line("--prior", "one.csv")


# --- folders, sheets and headings as users have them ---------------------------------------


@pytest.mark.parametrize(
    ("payers", "said"),
    [
        ([], "0 lines, 0 units"),
        (["ama"], "1 line, 1 unit, work component $15.03, allowed none"),
        (["ama", "medicare"], "2 lines, 2 units, work component $30.06, allowed $29.06 (Medicare"
         " pays $22.78, patients $5.81; deductible assumed met)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_shares_are_totalled_where_there_are_any(payers, said, jobs, tmp_path):
    """The deductible and what Medicare pays are of Part B alone."""
    rows = "".join(f"P{n},{payer},2026-03-02,97116,15\n" for n, payer in enumerate(payers))
    (tmp_path / "log.csv").write_text(f"patient,payer,date,code,minutes\n{rows}")
    code, _, err = run("bill", "log.csv", *jobs, "-o", "lines.parquet", cwd=tmp_path)
    assert (code, err.splitlines()[0]) == (0, said)


def test_the_folder_one_stands_in(tmp_path):
    folder = tmp_path / "march.2026"
    (folder / "old").mkdir(parents=True)
    (folder / "a.csv").write_text(
        "patient,date,code,minutes\nP1,2026-03-02,97110,23\nP2,x,97110,9\n"
    )
    code, out, err = run("bill", ".", "--format", "csv", cwd=folder)
    assert code == 0 and out.count("97110") == 1
    assert ".: left out old" in err
    assert (tmp_path / "march.2026.rejects.csv").exists()
    code, _, err = run("bill", ".", "-o", "lines.csv", cwd=folder)
    assert code == 2 and "lies in the folder that is read" in err
    code, _, err = run("bill", "", cwd=folder)
    assert code == 2 and "no file is named" in err


def test_other_sheets_of_a_workbook_are_said(tmp_path):
    path = tmp_path / "log.xlsx"
    log = [["P1", "2026-03-02", "97110", "23"]]
    heading = ["patient", "date", "code", "minutes"]
    sheets = {"Cover": (["Sunny Clinic"], [["report"]]), "March": (heading, log)}
    engine.write_workbook(str(path), sheets | {"April": (heading, log)})
    code, out, err = run("bill", str(path), "--format", "csv")
    assert code == 0 and out.count("97110") == 1
    assert 'read sheet "March"; left out Cover, April (see --sheet)' in err
    assert "left out" not in run("bill", str(path), "--sheet", "April")[2]


@pytest.mark.parametrize("more", [[], ["--jobs", "1", "-o", "lines.parquet"]], ids=["", "jobs"])
def test_a_sheet_is_one_of_the_workbooks_among_the_files(more, tmp_path):
    """A csv beside them has none; where no file is a workbook, the sheet is a slip."""
    heading, row = ["patient", "date", "code", "minutes"], ["P1", "2026-03-02", "97110", "23"]
    sheets = {name: (heading, [row]) for name in ("Feb", "Mar")}
    engine.write_workbook(str(tmp_path / "book.xlsx"), sheets)
    for name in ("a.csv", "b.csv"):
        rows = [heading, [name, *row[1:]]]
        (tmp_path / name).write_text("".join(f"{','.join(cells)}\n" for cells in rows))
    code, _, err = run("bill", "a.csv", "book.xlsx", "--sheet", "mar", *more, cwd=tmp_path)
    assert code == 0 and "2 rows read, 2 used, 0 rejected" in err and "left out" not in err
    code, _, err = run("bill", "a.csv", "b.csv", "--sheet", "mar", *more, cwd=tmp_path)
    assert code == 2
    assert "a.csv, b.csv: have no sheets\n  hint: leave out --sheet\n" in err
    code, _, err = run("bill", "a.csv", "book.xlsx", "--sheet", "May", *more, cwd=tmp_path)
    assert code == 2 and 'book.xlsx: has no sheet "May"' in err
    log = (tmp_path / "a.csv").read_text()
    assert "-: has no sheets" in run("bill", "-", "--sheet", "mar", stdin=log)[2]


def test_headings_that_stand_twice(tmp_path):
    """Modifiers have several columns, and what is no column of ours may stand as it likes."""
    path = tmp_path / "log.csv"
    path.write_text(
        "patient,date,code,minutes,Modifier,Modifier,note,note\nP1,2026-03-02,97110,23,GP,KX,a,b\n"
    )
    code, out, _ = run("bill", str(path), "--format", "csv")
    assert code == 0
    assert out.splitlines()[0].endswith(",note,note 2") and out.splitlines()[1].endswith(",a,b")


def test_a_first_line_of_data_shows_no_cell(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("Jane Q. Roe,2026-03-04,13:05,13:30,97110\n")
    code, _, err = run("bill", str(path))
    assert code == 2 and "headings are missing" in err and "Jane" not in err


@pytest.mark.parametrize(
    "run_",
    ["09:00\u201309:47", "9am to 9:47am", "0900-0947", "900-947", "47min", "0:47", "9:00a - 9:47a"],
)
def test_spans_and_minutes_as_people_write_them(run_):
    code, out, _ = run("estimate", f"97116={run_}", "--date", "2026-03-02", "--format", "json")
    assert (code, json.loads(out)["lines"][0]["minutes"]) == (0, 47)


def test_a_template_is_what_its_name_says(tmp_path):
    code, _, err = run("template", "-o", str(tmp_path / "a.json"))
    assert code == 2 and "a template is csv or a workbook" in err
    assert run("template", "-o", str(tmp_path / "a.csv"))[0] == 0
    assert (tmp_path / "a.csv").read_text() == run("template")[1]
    assert run("template", "-o", str(tmp_path / "a.xlsx"))[0] == 0
    assert (tmp_path / "a.xlsx").read_bytes()[:2] == b"PK"


def test_own_figures_are_named(tmp_path):
    (tmp_path / "payers.toml").write_text("")
    err = run("estimate", "97116=30", "--config", str(tmp_path))[2]
    where = "where both have a value, tables whole"
    said = f"note: figures in {tmp_path} replace the shipped ones {where}\n"
    assert said in err
    (tmp_path / "conversion_facter.toml").write_text("")
    code, _, err = run("config", "check", str(tmp_path))
    assert code == 2 and "conversion_facter.toml: is a file that nothing reads" in err


def test_a_link_to_itself_is_no_crash(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    code, _, err = run("bill", str(loop))
    assert code == 2 and "cannot be read" in err
    assert bill("patient,date,code,minutes\n", "-o", str(loop), tmp_path=tmp_path)[0] == 0


def test_messages_name_the_one_log_of_a_folder(tmp_path):
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "march.csv"
    log.write_text("patient,date,code,minutes\nA,2026-03-02,97110,x\nA,2026-03-02,97110,9\n")
    assert f"therapy-calc: {log}:2: minutes" in run("bill", str(tmp_path / "logs"))[2]


def test_config_check_looks_for_slips(tmp_path):
    """Figures that read well and cannot be meant: file, block, value, remedy."""
    (tmp_path / "sequestration.toml").write_text(
        "[[value]]\nfrom = 2026-01-01\nuntil = 2026-12-31\nvalue = 200\nsource = 'decision'\n"
    )
    code, out, err = run("config", "check", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"therapy-calc: {tmp_path}/sequestration.toml: value 1: value: 200.0 is no percentage",
        "  hint: write 0 to 100: percent of Medicare's payment",
    ]


def test_a_negative_deductible_is_told_as_such():
    code, _, err = run("bill", CLEAN, "--deductible", "-10")
    assert code == 2 and '--deductible: amount "-10" is negative' in err
    assert "cannot be read" in run("bill", CLEAN, "--deductible", "-x")[2]


@pytest.mark.parametrize("words", [("bill", CLEAN), ("audit", CLEAN), ("estimate", "97110=23")])
def test_a_deductible_that_is_neither_an_amount_nor_a_file(words):
    _, _, err = run(*words, "--deductible", "abc")
    assert err == (
        "therapy-calc: abc: cannot be read (No such file or directory)\n"
        "  hint: give dollars, e.g. 100.00, or a csv of patient,amount\n"
    )


def test_batches_say_what_they_write(tmp_path):
    code, _, err = run("bill", CLEAN, "--jobs", "1", "-o", str(tmp_path / "lines.csv"))
    assert code == 2 and "batches are written as Parquet" in err
    assert "hint: name it: -o lines.parquet" in err


def test_files_beside_a_log_that_cannot_be_used(tmp_path):
    """Each message names the row where there is one, and says how to mend it."""
    (tmp_path / "pr.csv").write_text("patient,discipline,amount\nA,PT,5\nB,XX,5\n")
    (tmp_path / "empty.toml").write_text("waivers = 1\n")
    key = "name a file that does not exist, in a folder of yours, and a key is made"
    for words, said, hint in [
        (("--prior", "pr.csv"), 'pr.csv:3: discipline "XX" is not known', "write PT, OT, SLP"),
        (("--map-file", "no.toml"), "no.toml: cannot be read (No such file or directory)",
         "name a file that --save-map wrote"),
        (("--baseline", "no.json"), "no.json: cannot be read (No such file or directory)",
         "name a file that `therapy-calc audit --format json` wrote"),
        (("--waivers", "no.toml"), "no.toml: cannot be read (No such file or directory)",
         "check its name and rights"),
        (("--waivers", "empty.toml"), "empty.toml: holds something other", "write [[waiver]]"),
        (("--redact", "."), ".: cannot be read (Is a directory)", key),
        (("--redact", "no/key"), "no/key: cannot be written (No such file or directory)", key),
    ]:  # fmt: skip
        code, out, err = run("audit", str(ROOT / CLEAN), *words, cwd=tmp_path)
        assert (code, out) == (2, "")
        assert f"therapy-calc: {said}" in err
        assert f"\n  hint: {hint}" in err


def test_standard_input_is_read_once():
    code, out, err = run("audit", "-", "--claims", "-", stdin="patient,date,code\n")
    assert (code, out) == (2, "")
    assert err == (
        "therapy-calc: standard input: can be read once, and is named twice\n"
        "  hint: name a file in all places but one\n"
    )


# --- what would be passed over -------------------------------------------------------------


def commands(group=cli):
    """Every command by its words."""
    for name, found in group.commands.items():
        if isinstance(found, click.Group):
            yield from (((name, *words), command) for words, command in commands(found))
        else:
            yield (name,), found


def test_every_option_says_what_it_does():
    """And one that a command shares with others says nothing of what it does not have."""
    options = {
        (*words, option.opts[-1]): option.help
        for words, command in commands()
        for option in command.params
        if isinstance(option, click.Option)
    }
    assert len(options) > 60 and all(options.values())
    assert "rows" not in options["estimate", "--payer"] and "rows" in options["bill", "--payer"]


def test_every_command_refuses_what_it_would_pass_over():
    assert {type(command) for _, command in commands()} == {shared.Careful}


def options():
    """Every option of every command, as (command's words, option)."""
    for words, command in commands():
        yield from ((words, one) for one in command.params if isinstance(one, click.Option))


NAMED = [
    (*words, option.opts[0])
    for words, option in options()
    if option.metavar or isinstance(option.type, click.Path)
]


@pytest.mark.parametrize("words", NAMED, ids=" ".join)
@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_is_no_file(words, blank):
    """`--redact ""` would print the patients."""
    *command, option = words
    given = ["97110=33"] if command[0] in ("units", "estimate") else [CLEAN]
    given = [] if command[0] in ("rates", "template") else given
    result = CliRunner().invoke(cli, [*command, *given, option, blank])
    assert isinstance(result.exception, InputError)
    assert (result.exception.where, result.exception.what) == (option, "its value is blank")
    assert result.stdout == ""


def test_blank_rules_are_not_all_rules():
    code, out, err = run("audit", CLEAN, "--select", " , ")
    assert (code, out) == (2, "")
    assert err == (
        "therapy-calc: --select: its value is blank\n"
        "  hint: write one behind it, or leave --select out\n"
    )
    assert run("config", "check", "")[0] == 2
    assert run("bill", CLEAN, "--discipline", "", "--sheet", "", "--by", "code")[0] == 0


ONCE = [
    (*words, option.opts[0])
    for words, option in options()
    if not (option.multiple or option.is_flag)
]


@pytest.mark.parametrize("words", ONCE, ids=" ".join)
def test_an_option_of_one_value_stands_once(words):
    """Of two the last would count, and the first be lost without a word."""
    *command, option = words
    (known,) = (one for named, one in options() if [*named, one.opts[0]] == [*words])
    value = known.type.choices[0] if isinstance(known.type, click.Choice) else "1"
    given = [] if command[0] in ("rates", "template") else ["97110=33"]
    result = CliRunner().invoke(cli, [*command, *given, option, value, option, value])
    assert isinstance(result.exception, InputError)
    assert (result.exception.where, result.exception.hint) == (option, "leave one of them out")
    assert result.exception.what == "is given twice, and takes one value"


def test_what_may_stand_twice():
    assert {option.opts[0] for _, option in options() if option.multiple} == {
        "--map",
        "--claims",
        "--select",
        "--ignore",
    }
    assert run("bill", CLEAN, "--strict", "--strict", "--by", "code")[0] == 0


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("estimate", "97116=9:00-9:40a"), '"a" may be the morning or an assistant',
         "write 9:00-9:40 AM, or 9:00-9:40A (A: assistant)"),
        (("estimate", "97116=9:00"), '"9:00" may be a start or a length',
         "write 9:00-END, or its length as 540"),
        (("units", "97110", "33"), '"33" is no code', "write minutes as CODE=MINUTES: 97110=33"),
        (("units", "97110,97140=20"), '"97110,97140" is not known',
         "write each code as CODE=MINUTES"),
    ],
)  # fmt: skip
def test_a_slip_of_a_visit_is_asked_about(words, says, hint):
    """Neither guessed nor answered with a hint about rows of a log."""
    more = ("--date", "2026-03-02") if words[0] == "estimate" else ()
    code, out, err = run(*words, *more)
    assert (code, out) == (2, "") and says in err and f"  hint: {hint}" in err


@pytest.mark.parametrize("span", ["23:30-2026-03-03 00:30", "2026-03-02 23:30-2026-03-03 00:30"])
def test_a_span_past_midnight_takes_the_ends_date(span):
    """As its own hint asks for."""
    code, out, err = run("estimate", f"97116={span}", "--date", "2026-03-02", "--format", "json")
    assert (code, json.loads(out)["lines"][0]["minutes"], err) == (0, 60, "")


@pytest.mark.parametrize("length", ["1:15", "01:15", "0:47"])
def test_short_lengths_with_a_colon_are_lengths(length):
    _, out, _ = run("units", f"97110={length}", "--format", "json")
    hours, minutes = length.split(":")
    assert json.loads(out)[0]["minutes"] == int(hours) * 60 + int(minutes)


def test_rates_name_the_users_figures(tmp_path):
    (tmp_path / "sources.toml").write_text("")
    words = ("rates", "--code", "97116", "--locality", "US", "--date", "2026-03-02")
    said = f"note: figures in {tmp_path} replace the shipped ones"
    assert said in run(*words, "--config", str(tmp_path))[2]
    assert run(*words)[2] == ""


def test_a_deductible_file_with_a_comma_in_an_amount_says_how_to_mend_it(tmp_path):
    (tmp_path / "left.csv").write_text("patient,amount\nP1,$1,000.50\n")
    (tmp_path / "log.csv").write_text("patient,date,code,minutes\nP1,2026-03-02,97110,23\n")
    _, _, err = run("bill", "log.csv", "--deductible", "left.csv", cwd=tmp_path)
    assert "put quotes around a field that holds a comma" in err


@pytest.mark.parametrize(
    "command", [["bill"], ["audit"], ["bill", "--jobs", "1", "-o", "o.parquet"]]
)
@pytest.mark.parametrize("named", [True, False])
def test_a_name_in_another_encoding(command, named, tmp_path):
    """As a zip archive of Windows may leave it: no table can hold it."""
    folder = tmp_path / "log"
    folder.mkdir()
    path = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.csv")
    Path(path).write_text("patient,date,code,minutes\np,2026-03-02,97110,30\n")
    code, _, err = run(*command[:1], path if named else str(folder), *command[1:], cwd=tmp_path)
    assert (code, "caf\\udce9.csv: is no text in UTF-8" in err, "rename the file" in err) == (
        2,
        1,
        1,
    )


def test_words_in_another_encoding(tmp_path):
    word = os.fsdecode(b"x\xe9")
    for words in (["estimate", "97116=30", "--provider", word], ["bill", "a.csv", "-o", word]):
        assert run(*words, cwd=tmp_path)[0] == 2


def broken(program, tmp_path):
    """An audit in which a step is replaced: (exit code, stderr)."""
    log = tmp_path / "log.csv"
    log.write_text("patient,date,code,minutes,units_billed\np,2026-03-02,97110,30,4\n")
    lines = ["import sys, calc.cli", "from calc import auditing, errors", *program]
    lines += [f"sys.argv = ['calc', 'audit', {str(log)!r}]", "calc.cli.main()"]
    words = [sys.executable, "-c", "\n".join(lines)]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    return done.returncode, done.stderr


def test_a_bug_is_no_finding(tmp_path):
    """Exit code 1 is that of an audit that found something."""
    code, err = broken(["auditing.found = lambda *given: 1 / 0"], tmp_path)
    assert (code, "ZeroDivisionError" in err) == (2, True)


def test_what_an_error_leaves_behind_breaks_in_silence(tmp_path):
    """As a workbook on a full disk, which tries once more to write its end."""
    program = """
class Left:
    def __del__(self):
        raise OSError("no space left")
def found(*given):
    left = Left()
    raise errors.InputError("cannot be written")
auditing.found = found
""".splitlines()
    assert broken(program, tmp_path) == (2, "therapy-calc: cannot be written\n")


def test_what_fails_in_the_hidden_folder_is_said_of_the_output(tmp_path):
    output = str(tmp_path / "lines.parquet")
    with pytest.raises(InputError) as error, engine.hidden_folder(output) as folder:
        raise InputError("cannot be written (No space left)", str(folder / "log" / "0.parquet"))
    assert (error.value.where, error.value.hint) == (output, engine.BESIDE_HINT)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_in_the_hidden_folder_is_said_of_the_output(tmp_path, monkeypatch):
    """Polars has errors of its own, in which the system's words stand among others."""
    output = str(tmp_path / "lines.parquet")

    def full(*given, **options):
        raise pl.exceptions.ComputeError(f"parquet: underlying IO error: {os.strerror(28)} (28)")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    rows = engine.table({"patient": ["p"]}, {"patient": str})
    with pytest.raises(InputError) as error, engine.hidden_folder(output) as folder:
        engine.write_parquet_part(rows, str(folder / "part.parquet"))
    assert (error.value.where, error.value.what) == (
        output, "cannot be written (No space left on device)"
    )  # fmt: skip
    assert error.value.hint == engine.BESIDE_HINT
    with pytest.raises(OSError, match="elsewhere"), engine.hidden_folder(output):
        raise OSError(5, "elsewhere", str(tmp_path / "other"))
    assert list(tmp_path.iterdir()) == []


def test_a_hidden_folder_goes_however_impatient_the_user_is(tmp_path, monkeypatch):
    """Ctrl-C twice: the second came while the folder was being removed."""
    remove, calls = engine.shutil.rmtree, []

    def interrupted(*given, **more):
        calls.append(given)
        if len(calls) == 1:
            raise KeyboardInterrupt
        remove(*given, **more)

    monkeypatch.setattr(engine.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt), engine.hidden_folder(str(tmp_path / "x")):
        raise KeyboardInterrupt
    assert (len(calls), list(tmp_path.iterdir())) == (2, [])


ABROAD = (
    "patient,role,discipline,date,code,minutes,units_billed\nŁukasz,PT,PT,2026-03-02,97110,23,3\n"
)


@pytest.mark.parametrize("form", ["table", "csv", "json", "html"])
def test_letters_that_a_code_page_lacks(form, tmp_path):
    """They are written as escapes, where the user's own choice is a code page."""
    log = tmp_path / "log.csv"
    log.write_text(ABROAD, encoding="utf-8")
    words = ["audit", str(log), "--select", "U201", "--format", form]
    for name, shown in (("cp1252", "\\u0141ukasz"), ("utf-8", "Łukasz")):
        env = os.environ | {"PYTHONIOENCODING": name}
        command = [sys.executable, "-m", "calc", *words]
        done = subprocess.run(command, capture_output=True, cwd=ROOT, env=env, check=False)
        assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
        assert shown in done.stdout.decode(name)


class Terminal(io.TextIOWrapper):
    """A stream that people look at."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("kind", "encoding", "written"),
    [(Terminal, "cp1252", b"\\u0141"), (io.TextIOWrapper, "utf-8", "Ł".encode())],
)
def test_what_is_no_terminal_gets_utf_8(kind, encoding, written, monkeypatch):
    """As a file does; a terminal keeps its code page."""
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    stream = kind(io.BytesIO(), encoding="cp1252")
    calc.cli._spelled_out(stream)
    stream.write("Ł")
    stream.flush()
    assert (stream.encoding, stream.buffer.getvalue()) == (encoding, written)
    calc.cli._spelled_out(None)


TOO_LARGE = "note: 210 rows may take 0.0 GB of memory, the machine has 0.0 GB: --jobs 1"


@pytest.mark.parametrize(
    ("words", "there", "said"),
    [
        (["audit"], 356_999, TOO_LARGE),
        (["audit"], 357_000, ""),
        (["bill"], 146_999, TOO_LARGE),
        (["bill"], 147_000, ""),
        (["bill"], 0, ""),
        (["bill", "--by", "code"], 1, "the machine has 0.0 GB\n"),
        (["bill", "--engine", "duckdb"], 1, ""),
    ],
)  # fmt: skip
def test_a_log_that_may_not_fit_into_memory(words, there, said, monkeypatch, tmp_path):
    """Nothing is said when a system ends a program for want of memory."""
    log = tmp_path / "log.csv"
    row = "P1,2026-03-{:02},97110,15\n"
    days = "".join(row.format(day % 28 + 1) for day in range(210))
    log.write_text("patient,date,code,minutes\n" + days)
    monkeypatch.setattr("calc.memory.of_machine_bytes", lambda: there)
    done = CliRunner().invoke(cli, [words[0], str(log), *words[1:], "-o", str(tmp_path / "o.csv")])
    assert said in done.stderr and ("of memory" in done.stderr) == bool(said)


def test_a_machine_says_how_much_memory_it_has(monkeypatch):
    assert memory.of_machine_bytes() >= 0
    monkeypatch.delattr("os.sysconf", raising=False)
    assert memory.of_machine_bytes() == 0


def test_an_estimate_for_programs_has_every_column():
    """As tsv it lacked whose the lines are, and which units are an assistant's."""
    items = ["estimate", "97110=13+23A", "--date", "2026-03-02", "--discipline", "PT"]
    csv, tsv = (CliRunner().invoke(cli, [*items, "--format", f]).stdout for f in ("csv", "tsv"))
    assert [line.split("\t") for line in tsv.splitlines()] == [
        line.split(",") for line in csv.splitlines()
    ]
