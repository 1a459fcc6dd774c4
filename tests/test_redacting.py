"""Redaction: stable codes for patients on every engine, and a key file that stays private."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import zipfile

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from click.testing import CliRunner
from test_cli import run

from calc import engine, redacting
from calc.cli import cli
from calc.errors import InputError

KEY = bytes(range(32))
# HMAC-SHA256 of "1001" with the key, first 50 bits: by openssl, base32 and tr.
EXPECTED = "PT-7T80JARK4C"


def key():
    return redacting.Key(KEY)


def test_code():
    """The code of a key and a patient never changes: other files of the user hold it."""
    assert key().code("1001") == EXPECTED
    assert re.fullmatch(r"PT-[0-9A-HJKMNP-TV-Z]{10}", key().code("Zoë, ₿"))
    assert key().code("") == ""
    assert redacting.Key(bytes(32)).code("1001") != EXPECTED


def test_collision(monkeypatch):
    monkeypatch.setattr(redacting, "CODE_LENGTH", 1)
    few = key()
    with pytest.raises(InputError, match=r"two patients share the code PT-.$"):
        for patient in range(40):
            few.code(str(patient))


def test_frames(engine_name):
    """Same codes on every engine, rows and other columns as they were."""
    rows = {
        "patient": ["1001", " 1001 ", "", None, "O'Hara"],
        "Patient Name": ["x", "1001", "y", "z", "x"],
        "row": [2, 3, 4, 5, 6],
    }
    lazy = engine.on_engine(engine.lazy(pl.DataFrame(rows)), engine_name)
    done = redacting.redact(lazy, ("patient", "Patient Name", "absent"), key())
    assert done.implementation == lazy.implementation
    read = engine.collect(done).to_native().sort("row").to_dict(as_series=False)
    one = key()
    assert read == {
        "patient": [one.code("1001"), one.code("1001"), "", "", one.code("O'Hara")],
        "Patient Name": [one.code(text) for text in ("x", "1001", "y", "z", "x")],
        "row": [2, 3, 4, 5, 6],
    }


def test_eager_rows_keep_their_order():
    patients = [str(number % 97) for number in range(2_000)]
    frame = nw.from_native(pl.DataFrame({"patient": patients}), eager_only=True)
    done = redacting.redact(frame, ("patient",), key())
    assert isinstance(done, nw.DataFrame)
    one = key()
    assert done["patient"].to_list() == [one.code(patient) for patient in patients]


def test_numbers_are_patients_too():
    frame = nw.from_native(pl.DataFrame({"patient": [1001, None]}), eager_only=True)
    assert redacting.redact(frame, ("patient",), key())["patient"].to_list() == [
        key().code("1001"),
        "",
    ]


def test_nothing_to_redact():
    frame = nw.from_native(pl.DataFrame({"code": ["97110"]}), eager_only=True)
    assert redacting.redact(frame, ("patient",), key())["code"].to_list() == ["97110"]


def test_key_file(tmp_path):
    path = tmp_path / "clinic.key"
    code = redacting.read_key(str(path)).code("1001")
    assert redacting.read_key(str(path)).code("1001") == code
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = redacting.read_key(str(tmp_path / "other.key"))
    assert other.code("1001") != code


@pytest.mark.parametrize("text", ["", "00ff", "not a key", "é", "00" * 33])
def test_no_key(tmp_path, text):
    path = tmp_path / "clinic.key"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is no key file"):
        redacting.read_key(str(path))
    assert path.read_text(encoding="utf-8") == text


def test_key_without_folder(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        redacting.read_key(str(tmp_path / "none" / "clinic.key"))


# --- cells that hold what does not belong there ----------------------------------------------


@pytest.mark.parametrize("form", ["table", "csv", "json", "html", "sarif", "xlsx", "parquet"])
def test_a_reason_that_names_a_patient(tmp_path, form):
    """No format says under a code whom a waiver is about: its reason stays in its file."""
    log, waivers, out = (tmp_path / name for name in ("log.csv", "waivers.csv", "out"))
    log.write_text(f"{LOG}Doe J,Ann,PT,2026-03-02,97110,20,9,GP\n")
    waivers.write_text(
        "rule,patient,reason,by,until\nU201,Doe J,Jane Doe asked,Mr Doe,2999-12-31\n"
    )
    words = ["audit", str(log), "--waivers", str(waivers), "--redact", str(tmp_path / "key")]
    done = CliRunner().invoke(cli, [*words, "--format", form, "-o", str(out)])
    data = out.read_bytes()
    if form == "xlsx":
        with zipfile.ZipFile(out) as book:
            data = b"".join(map(book.read, book.namelist()))
    elif form == "parquet":
        data = pl.read_parquet(out).write_csv().encode()
    assert b"Doe" not in data and "Doe" not in done.output
    if form != "csv":
        assert f"see {waivers}:2 (until 2999-12-31)".encode() in data


LOG = "patient,clinician,discipline,date,code,minutes,units_billed,modifiers_billed\n"


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--deductible", "patient,amount\nDoe,Jane\n", ":2: amount is not an amount"),
        ("--prior", "patient,discipline,amount\nDoe,Jane,5\n", "discipline is not known"),
        ("--timesheet", "clinician,date,minutes\nDoe,Jane,5\n", ":2: date is not a date"),
        ("--timesheet", "Doe,Jane\n1,2\n", ":1: missing heading clinician, date"),
        ("--diagnosis-list", "code,diagnosis\nJane,x\n", ":2: code is not known"),
        ("--waivers", "rule,patient,reason,by,until\nJANE,U201,a,b,2999-12-31\n",
         ":2: rule is not known"),
        ("--waivers", "Jane,patient\nU201,x\n", ":1: is no name of a waiver"),
        ("--claims", "Doe,Jane 97110\n1,2\n", ":1: missing heading patient, code, date"),
    ],
)  # fmt: skip
def test_messages_repeat_no_cell(tmp_path, option, text, said):
    (tmp_path / "log.csv").write_text(LOG + "P1,K,PT,2026-03-02,97110,23,2,GP\n")
    (tmp_path / "side.csv").write_text(text)
    words = ("audit", str(tmp_path / "log.csv"), option, str(tmp_path / "side.csv"))
    code, out, err = run(*words, "--redact", str(tmp_path / "key"))
    assert (code, out) == (2, "") and said in err and "jane" not in err.lower()
    assert "jane" in run(*words)[2].lower()


@pytest.mark.parametrize(
    ("where", "left"), [("log.csv:3", "code is not known"), ("--map", None), ("", None)]
)
def test_what_a_person_typed_is_repeated(where, left):
    """What stands in quotes came from a file only where a file is to blame."""
    what = 'code "Jane" is not known'
    assert redacting.without_cells(InputError(what, where)).what == (left or what)


def test_a_heading_of_names_is_not_repeated(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("Patients: Doe Jane,97110 therapy\n1,2\n")
    words = ("audit", str(log), "--redact", str(tmp_path / "key"))
    code, _, err = run(*words)
    assert code == 2 and "Jane" not in err
    assert 'hint: say which one by --map "HEADING=patient"' in err
    assert "Jane" not in run(*words, "--map", "Who=patient")[2]


@pytest.mark.parametrize("more", [(), ("--jobs", "1"), ("--engine", "duckdb")])
def test_modifiers_that_are_none_are_left_out(tmp_path, more):
    if more[-1:] == ("duckdb",):
        pytest.importorskip("duckdb", reason="duckdb is not installed")
    log = tmp_path / "log.csv"
    log.write_text(LOG + "P1,K,PT,2026-03-02,97110,23,2,GP GO Jane O X'Y 59\n")
    words = ("audit", str(log), *more, "--select", "M310", "--format", "json")
    (found,) = json.loads(run(*words, "--redact", str(tmp_path / "key"))[1])["findings"]
    assert found["found"] == "GP GO 59" and "JANE" not in str(found)
    assert "JANE" in str(json.loads(run(*words)[1])["findings"])


def test_a_column_named_file_is_the_logs_own(tmp_path):
    """It may hold a name, and is no place of a reject."""
    log = tmp_path / "log.csv"
    log.write_text(
        "patient,clinician,date,code,minutes,file\n"
        "P1,C1,2026-03-02,97110,23,ok.pdf\nP2,C1,2026-03-02,97116,x,Smith John.pdf\n"
    )
    key = ("--redact", str(tmp_path / "key"), "--fail-on", "never")
    for source in (log, tmp_path):
        _, out, err = run("audit", str(source), *key)
        assert "log.csv:3" in err
        (rejects,) = [*tmp_path.glob("*.rejects.csv"), *tmp_path.parent.glob("*.rejects.csv")]
        assert "Smith" not in out + err + rejects.read_text()
        rejects.unlink()


def test_a_patient_has_one_code_in_findings_and_rejects(tmp_path):
    """However the cells are written; a word for nobody has none."""
    log, excel = tmp_path / "log.csv", '"=""00123"""'
    row = "{},K,PT,2026-03-0{},97110,09:00,{},3\n"
    rows = [row.format(excel, 2, "09:23"), row.format("N/A", 3, "09:10")]
    rows[1:1] = [row.format(cell, 3, "25:10") for cell in (excel, "00123", "\u00a000123")]
    head = "patient,clinician,discipline,date,code,start,end,units_billed\n"
    log.write_text(head + "".join(rows), encoding="utf-8")
    key = ("--redact", str(tmp_path / "key"), "--select", "U", "--format", "csv")
    _, out, _ = run("audit", str(log), *key)
    (found,) = csv.DictReader(io.StringIO(out))
    rejects = csv.DictReader((tmp_path / "log.rejects.csv").open(encoding="utf-8-sig", newline=""))
    assert [line["patient"] for line in rejects] == [found["patient"]] * 3 + [""]


@pytest.mark.parametrize("jobs", [(), ("--jobs", "1")])
@pytest.mark.parametrize(
    "column",
    ["date", "code", "minutes", "units_billed", "charge", "discipline", "modifiers_billed"],
)
def test_a_name_with_a_line_break_in_it_is_told_to_nobody(column, jobs, tmp_path):
    row = {
        "patient": "Roe Mary", "date": "2026-03-02", "discipline": "PT", "code": "97110",
        "minutes": "20", "units_billed": "1", "charge": "30.00", "modifiers_billed": "GP",
    }  # fmt: skip
    log = tmp_path / "log.csv"
    with log.open("w", newline="") as text:
        lines = csv.DictWriter(text, list(row))
        lines.writeheader()
        lines.writerows([row, row | {column: "Roe\nMary"}])
    key = ("--redact", str(tmp_path / "key"), "--fail-on", "never", *jobs)
    _, out, err = run("audit", str(log), *key)
    rejects = tmp_path / "log.rejects.csv"
    assert "Mary" not in out + err + (rejects.read_text() if rejects.exists() else "")


@pytest.mark.parametrize("jobs", [(), ("--jobs", "1")])
def test_names_of_sheets_and_headings_are_told_to_nobody(jobs, tmp_path):
    """A workbook may have a sheet for each patient."""
    log = tmp_path / "log.xlsx"
    heading = ["patient", "date", "code", "minutes", "Roe Mary"]
    rows = [["Roe Mary", "2026-03-02", "97110", "23", "x"]]
    engine.write_workbook(str(log), {"Log": (heading, rows), "Roe Mary, 2": (heading, rows)})
    key = ("--redact", str(tmp_path / "key"), "--fail-on", "never", *jobs)
    _, out, err = run("audit", str(log), *key)
    assert "Mary" not in out + err
    assert "log.xlsx: read a sheet; others are left out (see --sheet)" in err
    assert "note: no rule looks at 1 column of the log" in err
    said = run("audit", str(log), *jobs)[2]
    assert 'read sheet "Log"; left out Roe Mary, 2 (see --sheet)' in said
    assert "note: no rule looks at Roe Mary" in said


def test_a_redacted_report_has_no_digest_to_try_amounts_by(tmp_path):
    log, opened, report = (tmp_path / name for name in ("log.csv", "d.csv", "r.json"))
    log.write_text("patient,date,discipline,code,minutes\nRoe,2026-03-02,PT,97110,20\n")
    opened.write_text("patient,amount\nRoe,100\n")
    words = ("audit", str(log), "--deductible", str(opened), "-o", str(report))
    for more, told in (((), True), (("--redact", str(tmp_path / "key")), False)):
        run(*words, *more)
        said = json.loads(report.read_text())["meta"]["options"]["deductible"]
        assert ("sha256" in said) is told
        report.unlink()


def test_a_status_with_a_name_in_it_is_told_to_nobody(tmp_path):
    """Neither in a message nor in a note, nor in the file of rejects."""
    log = "patient,date,discipline,code,minutes,Status\nRoe Mary,2026-03-02,PT,97110,20,{}\n"
    lines = "patient,date,discipline,code,units,Claim Status\nRoe Mary,2026-03-02,PT,97110,1,{}\n"
    (tmp_path / "log.csv").write_text(log.format("Seen with Roe Mary"))
    (tmp_path / "claims.csv").write_text(lines.format("Reversed for Roe Mary"))
    words = ["audit", str(tmp_path / "log.csv"), "--claims", str(tmp_path / "claims.csv")]
    done = CliRunner().invoke(cli, [*words, "--redact", str(tmp_path / "key"), "--format", "json"])
    rejects = (tmp_path / "claims.rejects.csv").read_text()
    assert "means that it takes back or replaces another" in rejects
    assert '"Status" has 1 text that nobody understands' in done.stderr
    assert "Roe" not in done.stdout + done.stderr + rejects
