"""An audit in batches gives what an audit in one piece gives, to the last cell."""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from helpers import ROOT, frame
from test_batches import command, kill_when, small

from calc import batches, billing, evidence, large_audits, logs, reviewing, times
from calc.errors import InputError

sys.path.insert(0, str(ROOT / "tests" / "bench"))
from logs import Kind, write

TABLES = ("findings", "by_clinician", "timeline")


def in_one_piece(sources, config, asked=None, claimed=""):
    """The audit of a log that fits into memory."""
    log = logs.read([str(source) for source in sources], config)
    return reviewing.review(log, config, asked, logs.read(claimed, config) if claimed else None)


def in_batches(sources, config, folder, asked=None, claimed="", rows=400, **options):
    """The same in batches of about so many rows."""
    sources = [str(source) for source in sources]
    return large_audits.audit(
        sources, folder, config, asked=asked, claimed=claimed, batch_rows=rows, **options
    )[0]


def same(one, other):
    """Every table, what did not run, and what a report says of the run."""
    for name in TABLES:
        mine, theirs = (getattr(done.audit, name).to_native() for done in (one, other))
        assert mine.equals(theirs), name
    assert one.audit.not_run == other.audit.not_run
    meta = [{k: v for k, v in done.audit.meta.items() if k != "created"} for done in (one, other)]
    assert meta[0] == meta[1]
    assert len(one.rejects) == len(other.rejects)
    assert not len(one.rejects) or one.rejects.columns == other.rejects.columns


def crowded(rows=1500, seed=4):
    """A log whose patients see several clinicians, at the same time and past midnight too."""
    pick, made = random.Random(seed), []
    for _ in range(rows):
        no_end = pick.random() < 0.1
        code = pick.choice(["97110", "97116", "97530", "97140", "97150", "97161", "97129"])
        day = date(2026, 3, 2) + timedelta(days=pick.randrange(12))
        begin = datetime(day.year, day.month, day.day, 8) + timedelta(
            minutes=pick.choice([*range(0, 180, 5), 0, 0, 15 * 60 + 50])
        )
        minutes = pick.choice([8, 14, 15, 23, 30, 38])
        end = begin + timedelta(minutes=minutes)
        made.append({
            "patient": f"P{pick.randrange(60):03}", "clinician": f"C{pick.randrange(9)}",
            "role": pick.choice(["therapist", "therapist", "assistant"]), "discipline": "PT",
            "provider": pick.choice(["North", "South"]), "date": str(day), "code": code,
            "start": str(begin), "end": "" if no_end else str(end),
            "minutes": str(minutes) if no_end or pick.random() < 0.3 else "",
            "units_billed": pick.choice(["", "1", "1", "2"]),
            "modifiers_billed": pick.choice(["GP", "GP", "GP CQ", "GP 59", "GP KX", ""]),
            "charge": pick.choice(["", "45.00"]), "diagnosis": pick.choice(["M62.81", "R26.2"]),
        })  # fmt: skip
    return pl.DataFrame(made)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The crowded log as two monthly files, one csv and one Parquet."""
    folder, rows = tmp_path_factory.mktemp("audits") / "log", crowded()
    folder.mkdir()
    rows.head(700).write_csv(folder / "march one.csv")
    rows.tail(800).write_parquet(folder / "march two.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(log, config):
    """Its audit in one piece."""
    return in_one_piece([log], config)


def test_the_log_has_faults_of_all_kinds(expected):
    """What is compared: clashes, limits, groups and signals, in two files."""
    found = expected.audit.findings
    assert {"T101", "T102", "T104", "T108", "U211", "U212", "G501", "S704"} <= set(found["rule"])
    assert len(expected.audit.timeline) > 500
    assert found["also"].str.contains("T").any()


@pytest.mark.parametrize(("rows", "jobs"), [(100, 1), (400, 2), (10**6, 1)])
def test_batches_change_nothing(log, expected, config, tmp_path, monkeypatch, rows, jobs):
    """Whatever is audited at once, in many batches or in one."""
    monkeypatch.setattr(batches, "PIECE_ROWS", 300)
    same(in_batches([log], config, tmp_path, rows=rows, jobs=jobs), expected)


@pytest.mark.parametrize("name", ["audit_week", "clean_week", "visit_windows", "clinic_week"])
def test_examples(name, config, tmp_path):
    """The example logs."""
    source = ROOT / "examples" / f"{name}.csv"
    same(in_batches([source], config, tmp_path, rows=50), in_one_piece([source], config))


def test_a_generated_log(config, tmp_path):
    """A seeded log of many clinicians with overlaps, as Parquet."""
    path = tmp_path / "log.parquet"
    write(path, 6000, Kind(billed=True, overlaps=0.05))
    same(in_batches([path], config, tmp_path / "work", rows=900), in_one_piece([path], config))


def test_what_lies_beside_the_log(log, config, tmp_path):
    """Chosen rules, prior amounts, a timesheet and diagnoses reach every batch."""
    asked = reviewing.Asked(
        select=("T", "U", "M", "D"),
        ignore=("T106",),
        options=billing.Options(prior={("P001", "PT+SLP"): 240_000}),
        extras=evidence.Extras(
            {("C1", date(2026, 3, 3)): 30 * times.MINUTE},
            {"97116": ("M62.81",), "97110": ("R26.2",)},
        ),
    )
    same(in_batches([log], config, tmp_path, asked), in_one_piece([log], config, asked))


def test_a_merged_cell_across_pieces(config, tmp_path, monkeypatch):
    """A row below the patient's own, in the next piece, and the one after that."""
    monkeypatch.setattr(batches, "PIECE_ROWS", 2)
    row = {"discipline": "PT", "date": "2026-03-02", "code": "97110", "minutes": "15"}
    row |= {"units_billed": "1", "modifiers_billed": "GP"}
    merged = row | {"patient": "", "minutes": "30", "units_billed": ""}
    rows = [row | {"patient": "F"}, row | {"patient": "X", "units_billed": "3"}, merged, merged]
    frame([*rows, merged, row | {"patient": "Y"}]).write_parquet(tmp_path / "log.parquet")
    asked = reviewing.Asked(select=("U",))
    one = in_one_piece([tmp_path / "log.parquet"], config, asked).audit
    done = in_batches([tmp_path / "log.parquet"], config, tmp_path / "work", asked, rows=2).audit
    assert (len(one.findings), len(done.findings)) == (0, 0)
    assert one.not_run == done.not_run


def test_redacted(log, config, tmp_path):
    """Codes instead of patients, in findings, rows and rejects."""
    asked = reviewing.Asked(redact=str(tmp_path / "key"))
    done = in_batches([log], config, tmp_path / "work", asked)
    same(done, in_one_piece([log], config, asked))
    assert not done.audit.findings["patient"].str.contains(r"^P\d").any()


def test_groups_past_midnight(config, tmp_path):
    """Company on the date after, in whichever batch that is; on every other night there is none."""
    rows = []
    for night in range(40):
        dates = [date(2026, 1, 1) + timedelta(days=2 * night + more) for more in (0, 1)]
        until, begin = f"{dates[1]} 00:40", f"{dates[1]} 00:{('05', '40')[night % 2]}"
        group = {"code": "97150", "clinician": "Kim", "units_billed": "1", "discipline": "PT"}
        rows.append(group | {"patient": "A", "start": f"{dates[0]} 23:40", "end": until})
        rows.append(group | {"patient": "B", "start": begin, "end": f"{dates[1]} 00:55"})
    frame(rows).write_csv(tmp_path / "log.csv")
    asked = reviewing.Asked(select=("U211",))
    done = in_batches([tmp_path / "log.csv"], config, tmp_path / "work", asked, rows=10)
    same(done, in_one_piece([tmp_path / "log.csv"], config, asked))
    assert len(done.audit.findings) == 40


def test_redacted_patients_keep_their_prior_amounts(log, expected, config, tmp_path):
    """Codes instead of patients change no finding about KX, at once or in batches."""
    patients = set(expected.audit.findings["patient"]) - {""}
    prior = {(patient, "PT+SLP"): 240_000 for patient in patients}
    asked = reviewing.Asked(select=("M",), options=billing.Options(prior=prior))
    plain = in_one_piece([log], config, asked)
    asked = replace(asked, redact=str(tmp_path / "key"))
    coded = in_one_piece([log], config, asked)
    rules = [sorted(done.audit.findings["rule"]) for done in (plain, coded)]
    assert rules[0] == rules[1] and "M305" in rules[0]
    same(in_batches([log], config, tmp_path / "work", asked), coded)


def test_claims(log, config, tmp_path):
    """Billed lines of a file of their own, some of patients that the log does not have."""
    rows = crowded(400, seed=5).with_columns(
        patient=pl.when(pl.col("code") == "97140").then(pl.lit("X1")).otherwise("patient")
    )
    claimed = tmp_path / "claims.csv"
    names = ("patient", "date", "code", "units_billed", "modifiers_billed", "charge")
    rows.filter(pl.col("units_billed") != "").select(names).write_csv(claimed)
    done = in_batches([log], config, tmp_path / "work", claimed=str(claimed))
    same(done, in_one_piece([log], config, claimed=str(claimed)))
    assert "U207" in set(done.audit.findings["rule"])


@pytest.mark.parametrize("redacted", [False, True])
def test_claims_in_doubt(config, tmp_path, redacted):
    """Lines that cannot be read, and lines that do not say which provider: the same is silent."""
    rows = crowded(600, seed=6)
    log, claimed = tmp_path / "log.csv", tmp_path / "claims.csv"
    rows.drop("units_billed", "modifiers_billed", "charge").write_csv(log)
    names = ("patient", "date", "code", "units_billed", "modifiers_billed", "charge")
    number = pl.int_range(pl.len())
    odd = pl.when(number % 40 == 0).then(pl.lit("x")).otherwise("units_billed")
    late = pl.when(number == 7).then(pl.lit("someday")).otherwise("date")
    rows.select(names).with_columns(units_billed=odd, date=late).write_csv(claimed)
    asked = reviewing.Asked(redact=str(tmp_path / "key") if redacted else "")
    done = in_batches([log], config, tmp_path / "work", asked, str(claimed), rows=100)
    whole = in_one_piece([log], config, asked, str(claimed))
    same(done, whole)
    assert len(done.claims_rejects) == len(whole.claims_rejects) == 16
    said = {entry["rule"] for entry in done.audit.not_run if "claims" in entry["reason"]}
    assert {"U", "M", "U208"} <= said


def test_what_shared_minutes_cost_on_a_day_in_doubt(config, tmp_path):
    """Neither dollars nor an error, where the day is that of the patient who loses the minutes."""
    sessions, lines = {}, {}
    for name in ("clear", "kept", "reversed", "torn", "unsure", "written"):
        for patient in (f"{name}1", f"{name}2"):
            day = {"patient": patient, "date": "2026-03-02", "code": "97110", "discipline": "PT"}
            clock = {"start": "09:00", "end": "09:30"}
            sessions[patient] = day | {"clinician": name} | clock
            lines[patient] = day | {"units_billed": "2"}
    torn = {"start": "10:00", "end": "10:6O"}
    second = sessions["unsure2"] | {"discipline": "OT", "clinician": "Lee"}
    more = [sessions[patient] | torn for patient in ("kept1", "torn2")]
    more.append(second | {"start": "11:00", "end": "11:30"})
    lines["unsure2"]["discipline"] = ""
    lines["written2"]["patient"] = "Written2"
    billed = [*lines.values(), lines["reversed2"] | {"units_billed": "-2"}]
    log, claimed = tmp_path / "log", str(tmp_path / "claims.csv")
    log.mkdir()
    for name, rows in (("march one", [*sessions.values()]), ("march two", more)):
        frame(rows).write_csv(log / f"{name}.csv")
    frame(billed).write_csv(claimed)
    asked = reviewing.Asked(select=("T101",))
    whole = in_one_piece([log], config, asked, claimed)
    found = whole.audit.findings.select("patient", "severity", "cents").rows()
    cost = 2906 + 2221
    assert sorted(found) == [
        ("clear2", "error", cost),
        ("kept2", "error", cost),
        *((f"{name}2", "warning", None) for name in ("reversed", "torn", "unsure", "written")),
    ]
    same(in_batches([log], config, tmp_path / "work", asked, claimed, rows=3), whole)


# --- the command line ---------------------------------------------------------------------------


def test_jobs_on_the_command_line(tmp_path):
    """`audit --jobs` prints what `audit` prints, exits alike and leaves no file behind."""
    source = tmp_path / "audit_week.csv"
    shutil.copy(ROOT / "examples" / "audit_week.csv", source)
    whole, parts = (command("audit", source, *more) for more in ([], ["--jobs", 2]))
    assert (parts.stdout, parts.stderr) == (whole.stdout, whole.stderr)
    assert parts.returncode == whole.returncode == 1
    output = tmp_path / "findings.json"
    assert command("audit", source, "--jobs", 1, "-o", output).returncode == 1
    assert json.loads(output.read_text())["findings"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, output.name]


def test_killed_in_the_middle(log, expected, config, tmp_path):
    """kill -9 while batches are audited: no output, and a second run succeeds."""
    output = tmp_path / "findings.csv"
    code = (
        "import sys, time\n"
        "from calc import batches\n"
        "from calc.cli import audits\n"
        "batches.BATCH_ROWS = 400\n"
        "def report():\n"
        "    def said(text):\n"
        "        print(text, flush=True)\n"
        "        time.sleep(60 if text.startswith('auditing') else 0)\n"
        "    return said\n"
        "audits.report_progress = report\n"
        "audits.audit.main(sys.argv[1:], standalone_mode=False)"
    )
    words = [str(log), "--jobs", "1", "-o", str(output)]
    kill_when(b"auditing", code, *words)
    assert not output.exists()
    assert command("audit", *words).returncode == 1
    assert len(pl.read_csv(output, infer_schema=False)) == len(expected.audit.findings)


def test_an_error_leaves_nothing(log, tmp_path):
    """Neither an output nor rows of patients stay where an audit fails."""
    waivers = tmp_path / "waivers.csv"
    waivers.write_text("rule\nU201\n")
    output = tmp_path / "findings.csv"
    done = command("audit", log, "--jobs", 1, "--waivers", waivers, "-o", output)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [waivers.name]


@pytest.mark.parametrize(("rows", "code"), [(0, 0), (4, 2)])
def test_strict_and_empty_logs(tmp_path, rows, code):
    """With --strict a reject leaves nothing written; a log without rows has no findings."""
    source, output = small(tmp_path, rows), tmp_path / "found.parquet"
    words = ("audit", source, "-o", output, "--strict")
    plain = command(*words)
    output.unlink(missing_ok=True)
    done = command(*words, "--jobs", 1)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert done.returncode == code
    assert output.exists() == (code == 0)


def test_the_page_on_large_logs_holds(tmp_path, monkeypatch):
    """What docs/scale.md says of Python runs, and not twice over what waits in a folder."""
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (block,) = [block for block in blocks if "large_audits" in block]
    (tmp_path / "logs").mkdir()
    shutil.copy(ROOT / "examples" / "audit_week.csv", tmp_path / "logs")
    monkeypatch.chdir(tmp_path)
    told = {}
    exec(block, told)
    assert len(pl.read_parquet("lines.parquet")) and len(told["reviewed"].audit.findings)
    again = "waiting: holds what another run left"
    with pytest.raises(InputError, match=again) as caught:
        exec(block, {})
    assert caught.value.hint == "name a folder that is new or empty"
