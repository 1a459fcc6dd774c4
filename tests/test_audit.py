"""The audit as a person runs it: the example weeks, exit codes, files beside the log, bad input."""

import csv
import hashlib
import io
import json
import pathlib
from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from helpers import frame
from test_cli import ROOT, run

import calc
from calc import billing, engine, params, redacting
from calc.errors import InputError

WEEK = "examples/audit_week.csv"
PLANTED = [
    ("D602", 65), ("M301", 36), ("M304", 25), ("M309", 34), ("M310", 31), ("P401", 72),
    ("P402", 73), ("T101", 5), ("T101", 62), ("T103", 18), ("T104", 43), ("U201", 2),
    ("U203", 44), ("U203", 45), ("U205", 13), ("U208", 50), ("U209", 12),
]  # fmt: skip


def rows(out):
    return list(csv.DictReader(io.StringIO(out)))


def test_planted_faults_are_found_and_no_other():
    code, out, err = run("audit", WEEK, "--format", "csv")
    assert code == 1
    assert sorted((row["rule"], int(row["row"])) for row in rows(out)) == PLANTED
    assert err == "209 rows read, 209 used, 0 rejected\n"


@pytest.mark.parametrize("name", ["clean_week", "visit_windows"])
def test_a_clean_log_gives_no_finding(name):
    code, out, err = run("audit", f"examples/{name}.csv", "--format", "csv", "--fail-on", "info")
    assert (code, rows(out)) == (0, [])
    assert err.endswith(" 0 rejected\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 1),
        (("--fail-on", "never"), 0),
        (("--select", "P401,U208"), 0),
        (("--select", "P401", "--fail-on", "info"), 1),
        (("--ignore", "U,T,M,P402"), 0),
        (("--ignore", "U,T,M,P402", "--fail-on", "warning"), 1),
        (("--select", "X9"), 2),
    ],
)
def test_exit_codes(words, code):
    assert run("audit", WEEK, *words)[0] == code


def test_a_baseline_leaves_nothing_new(tmp_path):
    last = tmp_path / "last.json"
    assert run("audit", WEEK, "-o", str(last))[0] == 1
    code, out, _ = run("audit", WEEK, "--baseline", str(last), "--format", "json")
    report = json.loads(out)
    assert (code, report["findings"], report["meta"]["known"]) == (0, [], len(PLANTED))


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ("", "a", "its patients are no codes, and here they are"),
        ("a", "", "its patients are codes, and here they are not"),
        ("a", "b", "its patients are codes of another key"),
        ("a", "a", ""),
    ],
)
def test_a_baseline_of_another_key_knows_nothing(then, now, said, tmp_path):
    """It is refused: else all that is known would come again as new."""

    def audit(key, *words):
        redact = ("--redact", str(tmp_path / key)) if key else ()
        return run("audit", WEEK, *redact, *words)

    last = tmp_path / "last.json"
    audit(then, "-o", str(last))
    code, _, err = audit(now, "--baseline", str(last))
    assert code == (2 if said else 0)
    assert (f"{last}: {said}" in err) is bool(said)
    # So is a report that has all of it from the one before.
    later = tmp_path / "later.json"
    audit(then, "--baseline", str(last), "-o", str(later))
    assert audit(now, "--baseline", str(later))[0] == (2 if said else 0)
    report = json.loads(last.read_text())
    nothing = tmp_path / "nothing.json"
    nothing.write_text(json.dumps({"findings": [], "meta": report["meta"]}))
    nothing.write_text(nothing.read_text().replace("known_fingerprints", "no_longer"))
    assert audit(now, "--baseline", str(nothing))[0] == 1


def test_a_caller_gets_dollars_as_a_csv_has_them():
    found = calc.audit(str(WEEK), select="P401")
    _, out, _ = run("audit", WEEK, "--select", "P401", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert found.select("found", "expected").rows() == [(row["found"], row["expected"])]
    assert row["found"] == "5.00"


def test_baselines_in_a_row(tmp_path):
    """What the report before left out is known to the next one; a waiver of it is not unused."""
    first, second, waivers = (tmp_path / name for name in ("1.json", "2.json", "w.csv"))
    run("audit", WEEK, "-o", str(first))
    waivers.write_text("rule,patient,reason,by,until\nU205,P-1100,ordered,lead,2999-12-31\n")
    run("audit", WEEK, "--baseline", str(first), "-o", str(second))
    code, out, _ = run(
        "audit", WEEK, "--baseline", str(second), "--waivers", str(waivers), "--format", "json"
    )
    meta = json.loads(out)["meta"]
    assert (code, meta["known"]) == (0, len(PLANTED))
    assert not [note for note in meta["notes"] if "unused" in note]


def test_a_waiver_of_a_rule_that_did_not_run_is_not_unused(tmp_path):
    path = tmp_path / "waivers.csv"
    path.write_text("rule,patient,reason,by,until\nU205,nobody,ordered,lead,2999-12-31\n")
    words = ("audit", WEEK, "--waivers", str(path), "--format", "json")
    assert "1 waiver is unused" in run(*words)[1]
    assert "unused" not in run(*words, "--select", "U201")[1]


def test_waivers(tmp_path):
    path = tmp_path / "waivers.csv"
    heading = "rule,patient,date,reason,by,until\n"
    path.write_text(f"{heading}U205,P-1100,2026-03-02,second evaluation ordered,lead,2999-12-31\n")
    code, out, _ = run(
        "audit", WEEK, "--select", "U205", "--waivers", str(path), "--format", "json"
    )
    report = json.loads(out)
    assert code == 0
    assert report["findings"][0]["waived"] == "second evaluation ordered (lead, until 2999-12-31)"
    assert report["meta"]["overbilled_cents"] == 0
    path.write_text(f"{heading}U205,P-1100,2026-03-02,,lead,2999-12-31\n")
    code, _, err = run("audit", WEEK, "--waivers", str(path))
    assert code == 2 and f"{path}:2: the waiver has no reason" in err


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_a_new_key_is_said(more, tmp_path):
    """A mistyped name would make one in silence, and other codes; an error leaves it there."""
    key, log = tmp_path / "key", tmp_path / "log.csv"
    log.write_text("patient,date,code,minutes\n1001,2026-03-02,97110,23\n")
    said = f"{key}: a new key was made; keep it: the same key gives the same codes\n"
    words = ("audit", str(log), *more, "--redact", str(key))
    assert [run(*words)[2].count(said) for _ in range(2)] == [1, 0]
    key.unlink()
    _, _, err = run(*words, "--waivers", str(tmp_path / "none.csv"))
    assert err.startswith(said) and "none.csv: cannot be read" in err


def test_redaction_leaves_no_patient(tmp_path):
    key, report = tmp_path / "key", tmp_path / "report.html"
    run("audit", WEEK, "--redact", str(key), "-o", str(report))
    again = run("audit", WEEK, "--redact", str(key), "--format", "csv")[1]
    assert "P-1" not in report.read_text() and "P-1" not in again
    assert again == run("audit", WEEK, "--redact", str(key), "--format", "csv")[1]


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_prior_amounts_are_those_of_redacted_patients(tmp_path, more):
    """Real patients in the file of prior amounts, codes in the rows: they still meet."""
    log, prior = tmp_path / "log.csv", tmp_path / "prior.csv"
    log.write_text(
        "patient,role,discipline,date,code,minutes,units_billed,modifiers_billed\n"
        "A,therapist,PT,2026-03-02,97116,15,1,GP\n"
        "B,therapist,PT,2026-03-02,97116,15,1,GP KX\n"
        "C,therapist,PT,2026-03-02,97116,15,1,GP KX\n"
    )
    prior.write_text("patient,discipline,amount\nA,PT,2480.00\nB,PT,2480.00\n")
    words = ("audit", str(log), "--prior", str(prior), "--select", "M305,M306", "--format", "csv")
    found = [
        sorted((row["rule"], row["row"]) for row in rows(run(*words, *more, *redacted)[1]))
        for redacted in ((), ("--redact", str(tmp_path / "key")))
    ]
    assert found == [[("M305", "2"), ("M306", "4")]] * 2


def test_a_deductible_by_patient_goes_with_the_codes():
    key = redacting.Key(bytes(32))
    left = {"A": 5000, "": 10, ("B", 2026): 20}
    prior = {("A", "OT"): 1, ("A", "OT", 2026): 2}
    done = billing.Options(deductible=left, prior=prior).for_patients(key.known)
    a, b = key.code("A"), key.code("B")
    assert done.deductible == {a: 5000, "": 10, (b, 2026): 20}
    assert done.prior == {(a, "OT"): 1, (a, "OT", 2026): 2}


def test_claims_of_another_file(tmp_path):
    """The week's own billed columns as a claims file: the same units are found wrong."""
    with (ROOT / WEEK).open(newline="") as text:
        log = list(csv.DictReader(text))
    billed = ("units_billed", "modifiers_billed", "charge")
    keys = ("patient", "date", "discipline", "provider", "code")
    for name, columns, kept in (
        ("log", [n for n in log[0] if n not in billed], log),
        ("claims", [*keys, *billed], [row for row in log if row["units_billed"]]),
    ):
        with (tmp_path / f"{name}.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(kept)
    paths = (str(tmp_path / "log.csv"), "--claims", str(tmp_path / "claims.csv"))
    code, out, _ = run("audit", *paths, "--format", "csv", "--select", "U2")
    found = {(row["rule"], row["patient"]) for row in rows(out)}
    assert code == 1
    assert {("U201", "P-1041"), ("U205", "P-1100"), ("U208", "P-1053")} <= found


LOG = "patient,discipline,date,code,minutes\nP1,PT,2026-03-02,97110,23\nP2,PT,2026-03-02,97110,23\n"
CLAIMS = "patient,discipline,date,code,units_billed,modifiers_billed\n"


def beside(tmp_path, lines):
    """A log, claims beside it, and the words that audit them."""
    (tmp_path / "log.csv").write_text(LOG)
    return beside_only(tmp_path, lines)


def beside_only(tmp_path, lines):
    """The same with the log that is there."""
    (tmp_path / "claims.csv").write_text(CLAIMS + lines)
    return "audit", str(tmp_path / "log.csv"), "--claims", str(tmp_path / "claims.csv")


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_lines_of_claims_that_cannot_be_read(tmp_path, more):
    """They are said and kept as a log's rejects, and what they may bill is not missed."""
    words = beside(tmp_path, "P1,PT,2026-03-02,97110,2 units,GP\nP2,PT,2026-03-02,97110,2,GP\n")
    code, out, err = run(*words, *more, "--fail-on", "info", "--format", "csv")
    assert (code, rows(out)) == (0, [])
    name = tmp_path / "claims.rejects.csv"
    assert err.splitlines() == [
        f'therapy-calc: {tmp_path}/claims.csv:2: units_billed "2 units" is not a whole number',
        "  hint: write e.g. 2",
        "1 row: units_billed not a whole number",
        f"claims: 2 rows read, 1 used, 1 rejected (rejects: {name})",
        "2 rows read, 2 used, 0 rejected",
    ]
    (reject,) = rows(name.read_text())
    assert (reject["patient"], reject["units_billed"], reject["row"]) == ("P1", "2 units", "2")
    code, out, err = run(*words, *more, "--strict")
    assert (code, out) == (2, "") and "hint: correct the claims" in err
    run(*words, *more, "--redact", str(tmp_path / "key"))
    (reject,) = rows(name.read_text())
    assert reject["patient"].startswith("PT-")


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_claims_of_several_files(tmp_path, more):
    """Each file of claims counts; their rejects stand in one file, apart from the log's."""
    words = beside(tmp_path, "P1,PT,2026-03-02,97110,9,GP\n")
    later = tmp_path / "later.csv"
    later.write_text(f"{CLAIMS}P2,PT,2026-03-02,97110,8,GP\nP2,PT,2026-03-02,97116,x,GP\n")
    put = ("--select", "U201", "--format", "json", "-o", str(tmp_path / "found.json"))
    code, _, err = run(*words, "--claims", str(later), *more, *put)
    report = json.loads((tmp_path / "found.json").read_text())
    assert code == 1
    assert [found["patient"] for found in report["findings"]] == ["P1", "P2"]
    assert report["meta"]["options"]["claims"] == f"{tmp_path}/claims.csv, {later}"
    assert [file["name"] for file in report["meta"]["files"]][1:] == [words[3], str(later)]
    name = tmp_path / "rejects.csv"
    assert f"claims: 3 rows read, 2 used, 1 rejected (rejects: {name})" in err
    assert rows(name.read_text())[0]["file"] == str(later)


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_what_a_folder_of_claims_leaves_out_is_said(tmp_path, more):
    words = beside(tmp_path, "P1,PT,2026-03-02,97110,2,GP\n")
    folder = tmp_path / "claims"
    folder.mkdir()
    (tmp_path / "claims.csv").rename(folder / "a.csv")
    (folder / "letter.docx").write_text("x")
    err = run(*words[:3], str(folder), *more, "--fail-on", "never")[2]
    assert f"note: {folder}: left out letter.docx" in err


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
@pytest.mark.parametrize(
    ("lines", "hint"),
    [("", "hold no line at all"), ("P1,PT,2026-03-02,97110,x,GP\n", "see the reasons")],
)
def test_claims_without_a_line_are_no_clean_audit(tmp_path, lines, hint, more):
    words = beside(tmp_path, lines)
    code, out, err = run(*words, *more, "-o", str(tmp_path / "report.json"))
    assert (code, out) == (2, "") and "no line can be used" in err and hint in err
    assert not (tmp_path / "report.json").exists()


MORE = "P1,PT,2026-03-02,97110,2,GP\nP2,PT,2026-03-02,97110,2,GP\n"


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_claims_of_other_patients_than_the_logs(tmp_path, more):
    """Not one of several is met: they are written otherwise, and all would be without a session."""
    words = beside(tmp_path, MORE.replace("P1", "1").replace("P2", "2"))
    code, out, err = run(*words, *more, "--redact", str(tmp_path / "key"))
    assert (code, out) == (2, "")
    assert f"{tmp_path}/claims.csv: no line is of a patient whom the log names" in err
    assert "hint: write them alike in both files: 00123 is not 123" in err
    # One patient more or less proves nothing, nor one whose rows could not be read.
    for log in (LOG.replace("P2", "P1"), LOG + "1,PT,2026-03-02,97110,x\n"):
        (tmp_path / "log.csv").write_text(log)
        assert run(*words, *more)[0] == 1


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_a_group_whose_other_rows_could_not_be_read(tmp_path, more):
    log = tmp_path / "log.csv"
    log.write_text(LOG.replace("97110,23", "97150,30").replace("P2,PT,2026-03-02,97150,30", ""))
    words = ("audit", str(log), "--select", "U211", *more)
    assert run(*words)[0] == 1
    log.write_text(log.read_text() + "P2,PT,2026-03-02,97150,3O\n")
    code, out, _ = run(*words)
    assert code == 0
    assert "could not be read; the dates of group treatment are left out" in out


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_an_overlap_with_a_row_that_could_not_be_read_is_not_ruled_out(tmp_path, more):
    """Such a row refutes no overlap, but hides the one that it is part of: the audit says so."""
    log = tmp_path / "log.csv"
    log.write_text(
        "patient,clinician,payer,date,code,start,end\n"
        "P1,Adams,medicare,2026-03-02,97110,9:00,9:30\n"
        "P2,Adams,nobody,2026-03-02,97110,9:10,9:40\n"
    )
    words = ("audit", str(log), "--select", "T101,T107,U201,S704", "--format", "json", *more)
    code, out, _ = run(*words)
    silent = [
        row for row in json.loads(out)["not_run"] if "compared with no others" in row["reason"]
    ]
    assert code == 0
    assert [(row["rule"], row["lines"]) for row in silent] == [("S704", 1), ("T101", 1)]
    log.write_text(log.read_text().replace("nobody", "medicare"))
    code, out, _ = run(*words)
    assert code == 1 and "compared with no others" not in out


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_lines_that_lie_beside_the_log_are_counted(tmp_path, more):
    early = "P1,PT,2026-02-27,97110,2,GP\n"
    words = beside(tmp_path, MORE + MORE.replace("P2", "P3") + early)
    _, out, _ = run(*words, *more)
    assert "Note: 1 of 5 billed lines is of a patient whom the log does not name" in out
    assert "Note: 1 billed line lies before or after the log's dates" in out
    words = beside(
        tmp_path, MORE + MORE.replace("P2", "P3") + 2 * early + early.replace("P1", "P4")
    )
    _, out, _ = run(*words, *more)
    assert "Note: 2 of 7 billed lines are of patients whom the log does not name" in out
    assert "Note: 3 billed lines lie before or after the log's dates" in out
    assert "does not name" not in run(*beside(tmp_path, MORE), *more)[1]
    # A row that was not read names its patient and date all the same.
    with (tmp_path / "log.csv").open("a") as log:
        log.write("P4,PT,2026-02-27,97110,x\n")
    words = beside_only(tmp_path, MORE + early.replace("P1", "P4"))
    _, out, _ = run(*words, *more)
    assert "does not name" not in out and "the log's dates" not in out


def test_claims_without_units(tmp_path):
    words = beside(tmp_path, "")
    (tmp_path / "claims.csv").write_text("patient,date,code\nP1,2026-03-02,97110\n")
    code, out, _ = run(*words, "--format", "json")
    reasons = {entry["rule"]: entry["reason"] for entry in json.loads(out)["not_run"]}
    assert code == 0 and reasons["U208"] == "the claims have no billed units"


def test_rejects_of_claims_leave_those_of_a_log_of_the_same_name(tmp_path):
    words = beside(tmp_path, "")
    (tmp_path / "claims.txt").write_text(f"{LOG}P1,PT,2026-03-02,99999,9\n")
    (tmp_path / "claims.csv").write_text(f"{CLAIMS}P1,PT,2026-03-02,97110,2,GP\n,,,,,\nP2,,,x,1,\n")
    run("audit", str(tmp_path / "claims.txt"), *words[2:])
    assert "99999" in (tmp_path / "claims.rejects.csv").read_text()
    assert "P2" in (tmp_path / "claims.claims.rejects.csv").read_text()


BOTH = {
    "Log": ["patient,date,code,minutes,units", "P1,2026-03-02,97110,23,2"],
    "Claims": ["patient,date,code,units,charge", "P1,2026-03-02,97110,3,120"],
}


@pytest.fixture
def both(tmp_path):
    """A workbook with a log, which claims two units itself, and claims of three."""
    path = str(tmp_path / "both.xlsx")
    sheets = {name: [row.split(",") for row in rows] for name, rows in BOTH.items()}
    engine.write_workbook(path, {name: (rows[0], rows[1:]) for name, rows in sheets.items()})
    return path


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_log_and_claims_of_one_workbook(both, tmp_path, more):
    """It was audited against itself, which finds nothing."""
    words = ("audit", both, "--claims", both, *more, "--select", "U", "--format", "csv")
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert f'{both}: sheet "Log" is both the log and the claims' in err
    assert "hint: name the claims' sheet by --claims-sheet" in err
    for sheet in ((), ("--sheet", "Log")):
        code, out, err = run(*words, *sheet, "--claims-sheet", "claims")
        assert (code, [row["rule"] for row in rows(out)]) == (1, ["U201"])
        assert "see --claims-sheet" not in err
    assert run(*words, "--sheet", "Claims", "--claims-sheet", "Claims")[0] == 2
    (tmp_path / "log.csv").write_text("\n".join(BOTH["Log"]))
    beside = ("audit", str(tmp_path / "log.csv"), *words[2:])
    assert f'{both}: read sheet "Log"; left out Claims (see --claims-sheet)' in run(*beside)[2]
    assert run(*beside, "--claims-sheet", "Claims")[0] == 1


def test_a_sheet_of_claims_that_have_none(both, tmp_path):
    """It would be passed over."""
    claims = tmp_path / "claims.csv"
    claims.write_text("\n".join(BOTH["Claims"]))
    words = ("audit", both, "--claims-sheet", "Claims")
    said = f"{claims}: has no sheets\n  hint: leave out --claims-sheet"
    assert said in run(*words, "--claims", str(claims))[2]
    assert "--claims-sheet is for --claims alone" in run(*words)[2]
    assert run("audit", both, "--claims", str(claims), "--sheet", "Log")[0] == 1


def test_a_sheet_of_claims_from_python(both):
    with pytest.raises(InputError, match='sheet "Log" is both'):
        calc.audit(both, claims=both)
    found = calc.audit(both, claims=both, sheet="Log", claims_sheet="Claims", select="U")
    assert found["rule"].to_list() == ["U201"]
    audit = calc.audit(both, claims=both, claims_sheet="Claims", report=True)
    assert audit.meta["options"]["claims_sheet"] == "Claims"


def test_the_example_list_of_diagnoses(tmp_path):
    """A diagnosis off the list of its code is reported, where a list is given."""
    log = tmp_path / "log.csv"
    log.write_text(
        "patient,clinician,role,discipline,date,code,start,end,units_billed,modifiers_billed,dx\n"
        "A,C,therapist,PT,2026-03-02,97116,09:00,09:20,1,GP,r26.2\n"
        "B,C,therapist,PT,2026-03-02,97116,09:20,09:40,1,GP,M54.50\n"
        "C,C,therapist,PT,2026-03-02,97110,09:40,10:00,1,GP,M54.50\n"
    )
    words = ("audit", str(log), "--format", "csv")
    _, out, _ = run(*words, "--diagnosis-list", "examples/diagnosis_list.csv")
    assert [(row["rule"], row["row"], row["found"], row["expected"]) for row in rows(out)] == [
        ("D601", "3", "M54.50", "M62.81; R26.2; G81.90")
    ]
    assert rows(run(*words)[1]) == []


def test_a_timeline_of_two_files_says_which_rows_overlap(tmp_path):
    """Rows of one file need no name of it."""
    heading = "patient,clinician,discipline,date,code,start,end\n"
    one = "A,C,PT,2026-03-02,97110,09:00,09:30\n"
    other = "B,C,PT,2026-03-02,97110,09:10,09:40\n"
    folder, alone = tmp_path / "log", tmp_path / "alone.csv"
    folder.mkdir()
    (folder / "a.csv").write_text(heading + one)
    (folder / "b.csv").write_text(heading + other)
    alone.write_text(heading + one + other)
    (_, page, _), (_, plain, _) = (
        run("audit", str(path), "--format", "html", "--select", "T101") for path in (folder, alone)
    )
    here, there = (folder / name for name in ("a.csv", "b.csv"))
    assert f"{there}:2 (patient B, 97110) and {here}:2 (patient A, 97110)" in page
    assert "row 3 (patient B, 97110) and row 2 (patient A, 97110)" in plain


@pytest.mark.parametrize("jobs", [(), ("--jobs", "1")])
def test_a_report_counts_what_could_not_be_used(jobs, tmp_path):
    """Rows of the log, and lines of its claims."""
    log, claims = tmp_path / "log.csv", tmp_path / "claims.csv"
    log.write_text(
        "patient,clinician,discipline,date,code,start,end\n"
        "A,C,PT,2026-03-02,97110,09:00,09:20\nA,C,PT,2026-03-02,97110,29:00,29:20\n"
    )
    lines = "A,2026-03-02,PT,97110,1\nA,,PT,97110,1\nA,,PT,97116,1\n"
    claims.write_text(f"patient,date,discipline,code,units_billed\n{lines}")
    words = ("audit", str(log), "--claims", str(claims), "--format", "json", *jobs)
    meta = json.loads(run(*words)[1])["meta"]
    assert (meta["rows_read"], meta["rows_rejected"]) == (2, 1)
    assert (meta["lines_read"], meta["lines_rejected"]) == (3, 2)


@pytest.mark.parametrize("jobs", [(), ("--jobs", "1")])
def test_a_report_says_that_files_hold_the_same_bytes(jobs, tmp_path):
    """Among its notes, of the log's files and of the claims'."""
    log = "patient,clinician,discipline,date,code,start,end\nA,C,PT,2026-03-02,97110,09:00,09:20\n"
    lines = "patient,date,discipline,code,units_billed\nA,2026-03-02,PT,97110,1\n"
    names = {"a.csv": log, "b.csv": log, "c.csv": lines, "d.csv": lines}
    for name, text in names.items():
        (tmp_path / name).write_text(text)
    a, b, c, d = (str(tmp_path / name) for name in names)
    said = "{} holds the same bytes as {}: its rows count twice".format
    words = ("--claims", c, "--format", "json", *jobs)
    notes = json.loads(run("audit", a, b, *words, "--claims", d)[1])["meta"]["notes"]
    assert [note for note in notes if "bytes" in note] == [said(b, a), said(d, c)]
    notes = json.loads(run("audit", a, *words)[1])["meta"]["notes"]
    assert not any("bytes" in note for note in notes)


def test_a_log_of_minutes_alone_says_that_nobody_measured_its_days(tmp_path):
    """Without clock times only a time sheet tells how long a clinician's day was."""
    log, sheet = tmp_path / "log.csv", tmp_path / "sheet.csv"
    log.write_text(
        "patient,clinician,role,discipline,date,code,minutes\n"
        "A,C,therapist,PT,2026-03-02,97110,700\nB,C,therapist,PT,2026-03-02,97110,800\n"
    )
    sheet.write_text("clinician,date,minutes\nC,2026-03-02,480\n")
    words = ("audit", str(log), "--format", "json")
    report = json.loads(run(*words)[1])
    said = {entry["rule"]: entry["reason"] for entry in report["not_run"]}
    assert said["T105"] == "the log has no clock times, and no time sheet is given (--timesheet)"
    assert said["G501"] == "the log has no start times"
    report = json.loads(run(*words, "--timesheet", str(sheet))[1])
    assert "T105" not in {entry["rule"] for entry in report["not_run"]}
    assert "T105" in {finding["rule"] for finding in report["findings"]}


def test_a_log_without_billed_units(tmp_path):
    code, out, _ = run("audit", "examples/clinic_week.csv", "--format", "json")
    report = json.loads(out)
    assert (code, report["findings"]) == (0, [])
    reasons = {entry["rule"]: entry["reason"] for entry in report["not_run"]}
    assert reasons["U201"] == "the log has no billed units"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no_such.csv",), "cannot be read"),
        ((WEEK, "--format", "xlsx"), "a workbook cannot be printed"),
        ((WEEK, "--format", "parquet"), "parquet cannot be printed"),
        ((WEEK, "--baseline", "README.md"), "is not json"),
        ((WEEK, "--timesheet", "README.md"), "missing heading"),
        ((WEEK, "--diagnosis-list", "no_such.csv"), "cannot be read"),
    ],
)
def test_bad_input(words, said):
    code, out, err = run("audit", *words)
    assert (code, out) == (2, "") and said in err


@pytest.mark.parametrize("names", ["hours", "start,hours"])
def test_a_time_sheet_without_times(names, tmp_path):
    """Its headings are at fault, not its first row."""
    (tmp_path / "sheet.csv").write_text(f"clinician,date,{names}\nA,2026-03-02,8,8\n")
    code, _, err = run("audit", WEEK, "--timesheet", str(tmp_path / "sheet.csv"))
    assert code == 2 and "sheet.csv:1: missing heading minutes, or start and end" in err
    assert f"found: clinician, date, {names.replace(',', ', ')}" in err


@pytest.mark.parametrize(
    ("days", "order", "minutes"),
    [
        (("03/02/2026", "02/03/2026"), "dmy", 480),
        (("03/02/2026", "02/03/2026"), "mdy", 60),
        (("03/02/2026", "22/03/2026"), "", 480),
        (("02/03/2026", "03/22/2026"), "", 480),
        (("2026-02-03", "3/3/2026"), "", 480),
    ],
)
def test_a_time_sheet_in_another_order_of_dates(days, order, minutes, tmp_path):
    """The order is the one chosen, or the one that the sheet tells; it was always the US order."""
    head = "patient,date,discipline,clinician,code,start,end\n"
    log, sheet = tmp_path / "log.csv", tmp_path / "sheet.csv"
    log.write_text(f"{head}P1,2026-02-03,PT,Ana Ruiz,97110,09:00,17:01\n")
    rows = zip(days, (480, 60), strict=True)
    sheet.write_text("clinician,date,minutes\n" + "".join(f"Ana Ruiz,{d},{m}\n" for d, m in rows))
    words = ("audit", str(log), "--timesheet", str(sheet), "--select", "T105", "--format", "json")
    more = ("--date-order", order) if order else ()
    (found,) = json.loads(run(*words, *more)[1])["findings"]
    assert (found["found"], found["expected"]) == ("481", str(minutes))


def test_a_time_sheet_in_a_doubtful_order_of_dates(tmp_path):
    (tmp_path / "sheet.csv").write_text("clinician,date,minutes\nA,03/02/2026,480\n")
    code, _, err = run("audit", WEEK, "--timesheet", str(tmp_path / "sheet.csv"))
    assert code == 2 and 'sheet.csv: date: dates such as "03/02/2026" could be month or day' in err
    assert "say --date-order mdy or dmy" in err


def test_hostile_cells(tmp_path):
    """HTML and formulas in cells are text in every report."""
    log = tmp_path / "log.csv"
    log.write_text(
        "patient,clinician,date,code,start,end,units_billed\n"
        '"<script>alert(1)</script>","=1+1",2026-03-02,97110,09:00,09:20,3\n'
    )
    page = tmp_path / "r.html"
    assert run("audit", str(log), "-o", str(page))[0] == 1
    assert "<script" not in page.read_text()


def test_rules_and_pages():
    code, out, _ = run("rules")
    assert code == 0 and "U201  error" in out and "S705  info" in out
    code, out, _ = run("rule", "u201")
    assert code == 0 and out.startswith("U201 units-exceed-minutes (error)")
    assert "Example::" in out and "s. 20.2" in out
    assert run("rule", "U2")[0] == 2 and run("rule", "nonsense")[0] == 2


def test_a_limit_of_nothing_holds_beside_another(config):
    """Until a day every minute was beyond the limit: a later limit does not hide that."""
    own = params.Config(config.folders)
    known = own.parameter("audit_limits")
    names = ("patient_minutes", "clinician_minutes", "cloned_days")
    values = []
    for value in known.values:
        if value.applies_to in names:
            values.append(replace(value, last=date(2026, 2, 28), scaled=0))
            value = replace(value, first=date(2026, 3, 1))
        values.append(value)
    own._parameters["audit_limits"] = replace(known, values=tuple(values))
    days = {"date": ["2026-02-02", "2026-02-02", "2026-03-02", "2026-03-02"]}
    rows = days | {"patient": ["p"] * 4, "clinician": ["Ana"] * 4, "code": ["97110", "97112"] * 2}
    clocks = {"start": ["09:00", "09:30"] * 2, "end": ["09:30", "10:00"] * 2}
    found = calc.audit(pl.DataFrame(rows | clocks | {"discipline": ["PT"] * 4}), config=own)
    assert sorted(found["rule"].to_list()) == ["S703", "T106", "T106"]
    assert set(found["date"].to_list()) == {date(2026, 2, 2)}


def test_a_visit_logged_twice_has_each_code_once(tmp_path):
    """Two codes of a day that both stand there twice are two lines, not four."""
    head = "patient,clinician,date,code,start,end,units_billed,modifiers_billed\n"
    visit = "A,Kim,2026-03-02,97110,09:00,09:30,2,GP\nA,Kim,2026-03-02,97140,09:30,09:45,1,GP\n"
    log = tmp_path / "log.csv"
    log.write_text(head + visit * 2)
    found = rows(run("audit", str(log), "--format", "csv")[1])
    told = [(row["rule"], row["also"], row["dollars"]) for row in found]
    assert told == [("T103", "U201 U214", "65.63"), ("T103", "U214", "")]


def test_partners_in_another_file_in_sarif(tmp_path):
    words = beside(tmp_path, "P1,PT,2026-03-02,97110,3,GP\nP2,PT,2026-03-02,97110,2,GP\n")
    code, out, err = run(*words, "--format", "sarif")
    (result,) = json.loads(out)["runs"][0]["results"]
    (own,) = [place["physicalLocation"] for place in result["locations"]]
    (near,) = [place["physicalLocation"] for place in result["relatedLocations"]]
    assert own["artifactLocation"]["uri"].endswith("log.csv")
    assert near["artifactLocation"]["uri"].endswith("claims.csv")
    assert own["region"] == near["region"] == {"startLine": 2}
    assert code == 1 and "Traceback" not in err


def test_no_name_is_left_in_torn_records(tmp_path):
    """With one comma too many nobody can tell which cell holds a name."""
    (tmp_path / "log.csv").write_text(LOG + "Doe, Jane,PT,2026-03-02,97110,23\n")
    run("audit", str(tmp_path / "log.csv"), "--redact", str(tmp_path / "key"))
    text = (tmp_path / "log.rejects.csv").read_text()
    assert "Jane" not in text and "the record has 6 fields" in text


def test_a_blank_discipline_is_what_the_modifiers_say(tmp_path):
    """Of one day PT and OT are not one pool; a row without either is of the day's only one."""
    path = tmp_path / "log.csv"
    head = "patient,clinician,date,code,minutes,units_billed,modifiers_billed\n"
    path.write_text(
        head + "A,K,2026-05-13,97110,8,1,GP\nA,L,2026-05-13,97535,8,1,GO\n"
        "B,K,2026-05-13,97110,8,1,GP\nB,K,2026-05-13,97112,7,,\n"
        "C,K,2026-05-13,97110,8,1,GP\nC,K,2026-05-13,97112,8,1,GP\n"
    )
    _, out, _ = run("audit", str(path), "--format", "csv", "--select", "U")
    assert [(row["rule"], row["patient"]) for row in rows(out)] == [("U201", "C")]


def test_a_time_sheet_of_other_names_is_said(tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("clinician,date,minutes\nkim,2026-03-02,480\nJones,2026-03-02,480\n")
    log = tmp_path / "log.csv"
    log.write_text("clinician,patient,date,code,minutes\nKim,P1,2026-03-02,97110,23\n")
    _, out, _ = run("audit", str(log), "--timesheet", str(sheet))
    said = "Note: --timesheet names 2 clinicians, 2 of them without a session in the log"
    assert said in out
    said = "Note: --timesheet has no entry for 1 day of clinicians: not checked by T105, as a row"
    assert said in out
    for form, more in (("csv", ()), ("parquet", ("-o", str(tmp_path / "x.parquet")))):
        _, _, err = run("audit", str(log), "--timesheet", str(sheet), "--format", form, *more)
        assert "--timesheet names 2 clinicians" in err and "not checked by T105" in err
    clocked = tmp_path / "clocked.csv"
    clocked.write_text("clinician,patient,date,code,start,end\nKim,P1,2026-03-02,97110,9:00,9:23\n")
    _, out, _ = run("audit", str(clocked), "--timesheet", str(sheet))
    assert "no entry for 1 day of clinicians: measured from first start to last end" in out
    sheet.write_text("clinician,date,minutes\nKim,2026-03-02,480\n")
    assert "Note: --timesheet" not in run("audit", str(log), "--timesheet", str(sheet))[1]
    log.write_text(log.read_text() + "Lee,P2,2026-03-03,97110,23\nKim,P2,2026-03-04,97110,23\n")
    _, out, _ = run("audit", str(log), "--timesheet", str(sheet))
    assert "Note: --timesheet has no entry for 2 days of clinicians" in out
    _, out, _ = run("audit", str(log), "--timesheet", str(sheet), "--select", "T101")
    assert "Note: --timesheet" not in out


def test_units_that_nobody_pays_and_nobody_billed_support_nothing(tmp_path):
    """Else a right log reads as if pay were lost; another payer may pay them."""
    head = "patient,clinician,discipline,payer,date,code,minutes,units_billed,modifiers_billed\n"
    log = tmp_path / "log.csv"
    for payer, units, said in (
        ("medicare", "", "1 unit billed, 1 supported"),
        ("medicare", "1", "2 units billed, 2 supported"),
        ("ama", "", "1 unit billed, 2 supported"),
    ):
        log.write_text(
            f"{head}A,Kim,PT,{payer},2026-03-02,97110,15,1,GP\n"
            f"A,Kim,PT,{payer},2026-03-02,97010,10,{units},GP\n"
        )
        assert said in run("audit", str(log))[1]


def test_whose_amounts_a_threshold_is_told_by(tmp_path):
    """One month of a year is not the year: M305 and M306 say what was seen."""
    log, prior = tmp_path / "log.csv", tmp_path / "prior.csv"
    log.write_text(
        "patient,discipline,date,code,minutes,units_billed,modifiers_billed\n"
        "A,PT,2026-03-02,97110,15,1,GP KX\nB,PT,2026-03-02,97110,15,1,GP\n"
    )
    note = "Note: KX is told by this log and --prior alone: claims of others are not seen"
    _, out, _ = run("audit", str(log))
    assert "the year's allowed amounts in the log do not pass the threshold" in out and note in out
    prior.write_text("patient,discipline,amount\nB,PT,2480.00\n")
    _, out, _ = run("audit", str(log), "--prior", str(prior))
    assert "the year's allowed amounts in the log and --prior do not pass the threshold" in out
    assert "the year's allowed amounts in the log and --prior pass the threshold" in out
    assert note not in run("audit", str(log), "--ignore", "M305,M306")[1]


def test_an_add_on_on_two_lines_is_one_fault(tmp_path):
    """The first of them lacks the primary code: to add the lines up would mend nothing."""
    log = tmp_path / "log.csv"
    log.write_text(
        "patient,discipline,date,code,minutes,units_billed,modifiers_billed\n"
        "B,SLP,2026-04-06,97130,15,1,GN\nB,SLP,2026-04-06,97130,25,2,GN\n"
    )
    _, out, _ = run("audit", str(log), "--format", "csv", "--select", "U213,U214")
    assert [(row["rule"], row["also"]) for row in rows(out)] == [("U213", "U214")]


def test_signals_never_count_for_the_exit_status(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("patient,date,code,minutes\nA,2026-07-04,97110,15\n")
    code, out, _ = run("audit", str(log), "--select", "S704", "--fail-on", "info")
    assert (code, "1 info" in out) == (0, True)
    assert "signals (S) never count" in " ".join(run("audit", "--help")[1].split())


THIRDS = [("08:00:00", "08:29:40"), ("09:00:00", "09:29:40"), ("10:00:00", "10:29:40")]


@pytest.mark.parametrize(
    ("sessions", "sheet", "said"),
    [
        # 89 minutes, in the log as on the sheet
        (THIRDS, THIRDS, []),
        # four hours in three: 08:00 to 11:00
        (
            [("08:00", "10:00"), ("10:00", "12:00")],
            [("08:00", "10:00"), ("08:00", "10:00"), ("09:00", "11:00")],
            ["240 one-on-one minutes in a day of 180"],
        ),
        ([("08:00", "09:30")], [("08:00", "09:00"), ("09:00", "09:30")], []),
        # minutes have no place, and add up
        (
            [("08:00", "10:00")],
            [("08:00", "09:00", ""), ("", "", "29"), ("", "", "29")],
            ["120 one-on-one minutes in a day of 118"],
        ),
    ],
)
def test_time_of_a_sheet_counts_once_and_to_the_second(sessions, sheet, said, tmp_path):
    for name, head, spans in (("log", "patient,code,", sessions), ("sheet", "", sheet)):
        lines = [f"clinician,date,{head}start,end,minutes"]
        for number, (start, end, *minutes) in enumerate(spans):
            own = f"P{number},97116," if head else ""
            lines.append(f"Kim,2026-03-02,{own}{start},{end},{''.join(minutes)}")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    words = (str(tmp_path / "log.csv"), "--timesheet", str(tmp_path / "sheet.csv"))
    _, out, _ = run("audit", *words, "--select", "T105", "--format", "csv")
    assert [row["message"] for row in rows(out)] == said


def test_a_time_sheet_of_the_last_day(tmp_path):
    """Behind it there is no day whose hours a session past midnight could have."""
    sheet, log = tmp_path / "sheet.csv", tmp_path / "log.csv"
    sheet.write_text("clinician,date,minutes\nC,9999-12-31,20\n")
    log.write_text("clinician,patient,date,code,minutes\nC,p,9999-12-31,97110,30\n")
    _, out, _ = run("audit", str(log), "--timesheet", str(sheet), "--format", "csv")
    assert [row["rule"] for row in rows(out)] == ["T105"]


def test_a_csv_with_waived_findings_says_so(tmp_path):
    waivers = tmp_path / "waivers.csv"
    words = ("audit", WEEK, "--select", "T101")
    found = rows(run(*words, "--format", "csv")[1])
    lines = [f"T101,{row['patient']},seen,lead,2999-12-31" for row in found]
    waivers.write_text("\n".join(["rule,patient,reason,by,until", *lines, ""]))
    words = (*words, "--waivers", str(waivers))
    said = "2 of the findings are waived: json, xlsx and html mark them"
    assert said in run(*words, "--format", "csv")[2]
    assert said not in run(*words, "--format", "json")[2]


def test_no_rule_left_is_no_clean_audit():
    code, out, err = run("audit", WEEK, "--select", "T101", "--ignore", "T")
    assert (code, out) == (2, "") and "no rule is left" in err


@pytest.mark.parametrize("jobs", [(), ("--jobs", "1")])
def test_days_of_rows_that_could_not_be_read_are_left_out(tmp_path, jobs):
    path = tmp_path / "log.csv"
    head = "patient,discipline,date,start,end,code,units_billed\n"
    path.write_text(
        head + "P1,PT,2026-03-02,09:00,09:15,97110,2\nP1,PT,2026-03-02,09:15,9:6O,97110,\n"
        "P2,PT,2026-03-02,09:00,09:15,97110,2\n"
    )
    code, out, _ = run("audit", str(path), *jobs, "--format", "csv", "--select", "U201")
    assert (code, [row["patient"] for row in rows(out)]) == (1, ["P2"])


def test_the_settings_behind_the_dollars_are_said(tmp_path):
    """Dollars of other fees cannot be traced otherwise."""
    (tmp_path / "sources.toml").write_text("")
    words = ("audit", WEEK, "--nonparticipating", "--qualifying-apm", "--format", "json")
    _, out, _ = run(*words, "--config", str(tmp_path))
    assert json.loads(out)["meta"]["notes"] == [
        "deductible assumed met",
        "fees of a provider who does not participate",
        "conversion factor of qualifying APM participants",
        f"figures in {tmp_path} replace the shipped ones where both have a value, tables whole",
        "36 billed lines without a known fee: findings about them have no dollars",
        "payer medicare where the log names none",
        "KX is told by this log and --prior alone: claims of others are not seen",
    ]


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
@pytest.mark.parametrize(
    ("payers", "said"), [(["ama", "ama"], False), ([], False), (["ama", "medicare"], True)]
)
def test_only_medicares_lines_have_a_deductible(payers, said, more, tmp_path):
    """An audit of others' says nothing of it."""
    log = tmp_path / "log.csv"
    rows = "".join(f"P{n},{payer},2026-03-02,97110,23\n" for n, payer in enumerate(payers))
    log.write_text(f"patient,payer,date,code,minutes\n{rows}")
    _, out, _ = run("audit", str(log), *more, "--format", "json")
    assert ("deductible assumed met" in json.loads(out)["meta"]["notes"]) == said


def test_a_list_of_paths_from_python(tmp_path):
    other = tmp_path / "week.csv"
    other.write_bytes((ROOT / WEEK).read_bytes().replace(b"P-1", b"Q-1"))
    both = calc.audit([ROOT / WEEK, str(other)], select="U201")
    mine = ["P-1041", "P-1044", "P-1047", "P-1056"]
    assert sorted(both["patient"]) == mine + [name.replace("P", "Q") for name in mine]


def test_headings_of_claims_are_mapped_too(tmp_path):
    log, claims = tmp_path / "log.csv", tmp_path / "claims.csv"
    log.write_text("patient,date,code,minutes,Kommentar\nA,2026-03-02,97110,23,x\n")
    claims.write_text("Person,date,code,units\nA,2026-03-02,97110,2\n")
    words = ("audit", str(log), "--claims", str(claims), "--select", "U")
    code, _, err = run(*words, "--map", "Person=patient")
    assert (code, "note: no rule looks at Kommentar" in err) == (0, True)
    code, _, err = run(*words, "--map", "Nobody=patient", "--map", "Person=patient")
    assert code == 2 and 'heading "Nobody" of the mapping is not in the log' in err


def test_no_word_of_a_shifted_row_is_left(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "patient,code,date,minutes,clinician,units\n"
        "Doe, Jane,97110,2026-03-02,23,1\n"
        "A,97110 for Rick Roe,2026-03-02,23,Kim,1\n"
        "B,97110,2026-03-02,23,Kim,2\n"
    )
    code, out, err = run("audit", str(path), "--redact", str(tmp_path / "key"))
    left = out + err + (tmp_path / "log.rejects.csv").read_text()
    assert code == 0 and "code is not known" in left
    assert not [word for word in ("Doe", "Jane", "Rick", "Roe") if word in left]


def test_rules_that_did_not_run_for_one_reason_stand_together(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("patient,clinician,date,code,minutes,units\nA,Kim,2026-03-02,97110,23,2\n")
    out = run("audit", str(path), "--select", "M30,P401,U201")[1]
    said = [line for line in out.splitlines() if line.startswith("Not run")]
    assert said[0].startswith("Not run: M301, M302, M303, M304,")
    assert said[0].endswith("M309: the log has no modifiers")
    assert said[1] == "Not run: P401: the log has no charges"


@pytest.mark.parametrize("jobs", [(), ("--jobs", "1")])
def test_a_report_says_which_options_it_was_made_under(tmp_path, jobs):
    """What stood in blank cells, how dates were read, and what lay beside the log."""
    log, waivers = tmp_path / "log.csv", tmp_path / "waivers.csv"
    log.write_text("patient,clinician,date,code,minutes,units_billed\nP1,K,3/2/2026,97110,8,1\n")
    waivers.write_text("rule,patient,reason,by,until\nU201,P1,seen,lead,2999-12-31\n")
    words = (
        *("audit", str(log), *jobs, "--payer", "ama", "--locality", "oh-00", "--discipline", "pt"),
        *("--provider", "Group X", "--tz", "America/Chicago", "--date-order", "mdy"),
        *("--waivers", str(waivers), "--deductible", "100", "--select", "U"),
    )
    options = json.loads(run(*words, "--format", "json")[1])["meta"]["options"]
    sha256 = hashlib.sha256(waivers.read_bytes()).hexdigest()
    assert options == {
        "payer": "ama", "locality": "OH-00", "discipline": "PT", "provider": "Group X",
        "zone": "America/Chicago", "date_order": "mdy", "sheet": "", "select": ["U"], "ignore": [],
        "waivers": {"name": str(waivers), "sha256": sha256}, "deductible": "100",
    }  # fmt: skip
    said = (
        "payer ama, locality OH-00, discipline PT, provider Group X, zone America/Chicago,"
        f" date order mdy, waivers {waivers}, deductible 100"
    )
    table = run(*words)[1].splitlines()
    assert [line for line in table if "payer" in line] == [f"Note: options: {said}"]
    page = run(*words, "--format", "html")[1]
    assert "payer ama" in page and "select U" in page and sha256 in page
    assert "ignore" not in page and "[" not in page.split("<dt>Options</dt>")[1].split("</div>")[0]


FILLED = [
    ("", "P1,2026-03-02,97110,23,1", (), "payer medicare and locality US (national figures)"),
    (",payer", "P1,2026-03-02,97110,23,1,ama", (), "locality US (national figures)"),
    (",payer,locality", "P1,2026-03-02,97110,23,1,ama,", (), "locality US (national figures)"),
    (",payer,locality", "P1,2026-03-02,97110,23,1,medicare,US", ("--payer", "ama"), ""),
]


@pytest.mark.parametrize(("more", "row", "words", "said"), FILLED)
@pytest.mark.parametrize(
    "command", [("audit",), ("audit", "--jobs", "1"), ("bill", "--by", "patient")]
)
def test_what_stands_in_blank_cells_is_said(command, more, row, words, said, tmp_path):
    """Once, and only where a cell is blank; the lines of `bill` name theirs."""
    log = tmp_path / "log.csv"
    log.write_text(f"patient,date,code,minutes,units_billed{more}\n{row}\n")
    printed = "".join(run(*command, str(log), *words)[1:])
    assert printed.count("where the log names none") == bool(said)
    assert f"{said} where the log names none" in printed or not said


def test_the_usual_options_are_named_but_for_the_table(tmp_path):
    _, out, _ = run("audit", WEEK, "--format", "json")
    options = json.loads(out)["meta"]["options"]
    assert (options["payer"], options["locality"], options["provider"]) == ("medicare", "US", "")
    assert "options" not in run("audit", WEEK)[1]
    assert "payer medicare, locality US" in run("audit", WEEK, "--format", "html")[1]
    sheet = tmp_path / "out.xlsx"
    run("audit", WEEK, "-o", str(sheet))
    fastexcel = pytest.importorskip("fastexcel", reason="fastexcel is not installed")
    summary = fastexcel.read_excel(sheet).load_sheet("Summary", header_row=None).to_polars()
    told = [row for row in summary.rows() if row[0].startswith("option")]
    assert told == [("option payer", "medicare"), ("option locality", "US")]


@pytest.mark.parametrize("jobs", [(), ("--jobs", "1")])
def test_a_log_without_billed_units_is_not_one_of_no_units(tmp_path, jobs):
    words = ("audit", "examples/clinic_week.csv", *jobs, "--fail-on", "never")
    assert "2026-03-06, no billed units in the log, 200 supported" in run(*words)[1]
    meta = json.loads(run(*words, "--format", "json")[1])["meta"]
    assert (meta["units_billed"], meta["units_supported"]) == (None, 200)
    assert "Units billed against units supported" not in run(*words, "--format", "html")[1]
    claims = tmp_path / "claims.csv"
    claims.write_text("patient,date,discipline,code,units_billed\nP-1041,2026-03-02,PT,97110,3\n")
    out = run(*words, "--claims", str(claims))[1]
    assert ", 3 units billed, " in out


def test_a_session_past_midnight_is_not_said_to_lie_behind_it(tmp_path):
    """Of 16 minutes one is past midnight."""
    log = tmp_path / "log.csv"
    log.write_text("patient,code,start,end\nP1,97116,2026-03-02 23:45,2026-03-03 00:01\n")
    _, out, _ = run("audit", str(log), "--format", "csv", "--select", "T108")
    said = "a session of 16 minutes runs past midnight and counts for the day of its start"
    assert [row["message"] for row in rows(out)] == [said]


def test_lines_that_no_figure_reaches_are_counted(config):
    """An edition may hold some of CMS's edits only, and a year have no threshold yet."""
    rows = [
        {"patient": "A", "date": "2026-05-05", "code": "97129", "discipline": "OT"},
        {"patient": "B", "date": "2026-05-05", "code": "97110", "discipline": "PT"},
        {"patient": "C", "date": "2039-03-04", "code": "97110", "discipline": "PT"},
    ]
    more = {"minutes": "15", "units_billed": "1", "modifiers_billed": "GP"}
    audit = calc.audit(frame([row | more for row in rows]), report=True)
    lines = {gap["rule"]: [] for gap in audit.not_run}
    for gap in audit.not_run:
        lines[gap["rule"]].append((gap["lines"], gap["reason"]))
    code = "the edition of the medically unlikely edits does not hold the code"
    date = "no edition of the medically unlikely edits for the date"
    assert lines["U206"] == [(1, date), (1, code)]
    assert lines["M305"] == lines["M306"] == [(1, "no KX threshold for the date")]


# --- a month after the other ---------------------------------------------------------------

HEAD = (
    "patient,clinician,role,discipline,provider,payer,locality,date,code,start,end,units_billed,"
    "modifiers_billed\n"
)


def shared(units):
    """Kim has two patients from 09:20 to 09:30, and bills B so many units of 30 minutes."""
    kim = "Kim,therapist,PT,X,medicare,US,2026-03-02"
    return HEAD + f"A,{kim},97116,09:00,09:30,2,GP\nB,{kim},97110,09:20,09:50,{units},GP\n"


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
@pytest.mark.parametrize(
    "chosen", [("--select", "U"), ("--select", "U202"), ("--ignore", "T101"), ("--ignore", "T")]
)
def test_shared_minutes_are_no_pay_lost_whatever_is_chosen(tmp_path, chosen, more):
    """They count for one of both; who leaves T101 out must not hear that they are to be billed."""
    log = tmp_path / "log.csv"
    log.write_text(shared(1))
    out = run("audit", str(log), "--format", "csv", *chosen, *more)[1]
    assert [row for row in rows(out) if row["rule"][0] == "U"] == []
    assert {row["rule"] for row in rows(run("audit", str(log), "--format", "csv")[1])} >= {"T101"}


def test_a_chosen_finding_is_not_folded_into_one_that_nobody_chose(tmp_path):
    """T101 is looked for beside U202, and takes no other finding away."""
    log = tmp_path / "log.csv"
    log.write_text(shared(3))
    out = run("audit", str(log), "--format", "csv", "--select", "U")[1]
    assert [row["rule"] for row in rows(out)] == ["U201"]


@pytest.mark.parametrize("option", ["--waivers", "--timesheet", "--prior", "--claims"])
def test_a_file_beside_the_log_is_no_part_of_its_folder(tmp_path, option):
    """Read as rows it would take its patients' days out of the audit."""
    folder = tmp_path / "month"
    folder.mkdir()
    (folder / "jan.csv").write_text(shared(3))
    beside = folder / "beside.csv"
    beside.write_text(HEAD if option == "--claims" else "patient,date,code,discipline,amount\n")
    code, _, err = run("audit", str(folder), option, str(beside))
    assert code == 2
    assert "lies in a folder that is read whole" in err
    assert "move it out of the folder" in err


def test_waivers_that_lie_beside_a_log_are_none(tmp_path):
    """Even where nobody names them: their headings are those of no log."""
    folder = tmp_path / "month"
    folder.mkdir()
    (folder / "jan.csv").write_text(shared(3))
    waiver = "rule,patient,clinician,date,code,reason,by,until\nS704,A,,,,open,J,2999-01-01\n"
    (folder / "w.csv").write_text(waiver)
    code, out, err = run("audit", str(folder), "--format", "csv")
    assert code == 1
    assert {row["rule"] for row in rows(out)} >= {"T101"}
    assert "left out w.csv" in err


def reported(tmp_path, name, *words):
    """The path of a json report."""
    path = str(tmp_path / f"{name}.json")
    run("audit", *words, "-o", path)
    return path


def test_a_finding_that_became_an_error_is_new(tmp_path):
    """A warning without dollars that is known says nothing of an error with some."""
    log = tmp_path / "log.csv"
    log.write_text(shared(1))
    last = reported(tmp_path, "last", str(log))
    code, out, _ = run("audit", str(log), "--baseline", last, "--format", "csv")
    assert (code, rows(out)) == (0, [])
    log.write_text(shared(2))
    code, out, _ = run("audit", str(log), "--baseline", last, "--format", "csv")
    assert (code, [(row["rule"], row["severity"]) for row in rows(out)]) == (
        1,
        [("T101", "error")],
    )


OF_BILLED = (
    "patient,clinician,role,discipline,provider,date,code,start,end,units_billed,modifiers_billed,"
    "charge\n"
)


def billed_row(code, start, end, units, provider="N", discipline="PT", marks="GP"):
    row = f"P1,K,therapist,{discipline},{provider},2026-03-03,{code},{start},{end},{units},{marks}"
    return f"{row},100.00\n"


def new_since(tmp_path, then, now):
    """Rules, with those under them, that an audit of the rows ``now`` finds beyond ``then``."""
    log = tmp_path / "log.csv"
    log.write_text(OF_BILLED + "".join(then))
    last = reported(tmp_path, "last", str(log))
    log.write_text(OF_BILLED + "".join(now))
    code, out, _ = run("audit", str(log), "--baseline", last, "--format", "csv")
    return code, [(row["rule"], row["also"]) for row in rows(out) if row["severity"] == "error"]


def test_a_known_finding_that_hides_a_new_one_is_new(tmp_path):
    """T104 without dollars was known, and with it a code that was billed since."""
    first = billed_row("97110", "09:00", "09:15", 1)
    then, now = (billed_row("97140", "09:05", "09:20", units) for units in (0, 1))
    assert new_since(tmp_path, [first, then], [first, now]) == (1, [("T104", "U201")])
    assert new_since(tmp_path, [first, now], [first, now]) == (0, [])


@pytest.mark.parametrize("other", [{"provider": "S"}, {"discipline": "OT", "marks": "GO"}])
def test_a_fault_of_another_pool_is_new(tmp_path, other):
    """Days of two billing providers or disciplines are counted apart, and known apart."""

    def day(here, there):
        first = billed_row("97110", "09:00", "09:15", here)
        return [first, billed_row("97110", "13:00", "13:15", there, **other)]

    assert new_since(tmp_path, day(2, 1), day(1, 2)) == (1, [("U201", "")])
    assert new_since(tmp_path, day(2, 1), day(2, 1)) == (0, [])


def test_what_stands_under_a_waived_finding_is_not_known(tmp_path):
    """The waiver was of the double export, and until a day: no one accepted the third unit."""
    session = "P1,K,therapist,PT,N,2026-03-03,97110,09:00,09:13\n"
    log, claims, waiver = (tmp_path / name for name in ("log.csv", "claims.csv", "w.csv"))
    head = "patient,clinician,role,discipline,provider,date,code,start,end\n"
    log.write_text(head + 2 * session)
    claims.write_text(
        "patient,date,discipline,provider,code,units_billed,modifiers_billed,charge\n"
        "P1,2026-03-03,PT,N,97110,2,GP,500.00\n"
    )
    waiver.write_text("rule,patient,reason,by,until\nT103,P1,double export,J,2999-12-31\n")
    words = (str(log), "--claims", str(claims))
    last = reported(tmp_path, "last", *words, "--waivers", str(waiver))
    found = json.loads(pathlib.Path(last).read_text())["findings"]
    assert [(one["rule"], one["also"]) for one in found if one["waived"]] == [("T103", "U201")]
    log.write_text(head + session)
    code, out, _ = run("audit", *words, "--baseline", last, "--format", "csv")
    assert (code, [row["rule"] for row in rows(out) if row["severity"] == "error"]) == (1, ["U201"])


def test_a_waiver_that_expires_gives_its_finding_back(tmp_path):
    """It was accepted until a day: the report that showed it so does not accept it for ever."""
    waiver = tmp_path / "w.csv"
    head = "rule,patient,clinician,date,code,reason,by,until\n"
    waiver.write_text(head + "U201,P-1041,,,,signed late,J,2999-01-01\n")
    last = reported(tmp_path, "last", WEEK, "--waivers", str(waiver))
    words = ("audit", WEEK, "--waivers", str(waiver), "--baseline", last, "--format", "csv")
    assert run(*words)[0] == 0
    waiver.write_text(head + "U201,P-1041,,,,signed late,J,2020-01-01\n")
    code, out, err = run(*words)
    assert (code, [(row["rule"], row["patient"]) for row in rows(out)]) == (1, [("U201", "P-1041")])
    assert "the waiver of U201 expired on 2020-01-01" in err
    assert "findings of the baseline left out" in err


@pytest.mark.parametrize("between", ["U", "T104", "T,U"])
def test_a_month_without_a_rule_forgets_nothing(tmp_path, between):
    """What is known stays known while its rule does not run, and so does what was folded."""
    first = reported(tmp_path, "first", WEEK)
    without = run("audit", WEEK, "--ignore", between, "--baseline", first, "--format", "csv")
    assert (without[0], rows(without[1])) == (0, [])
    second = reported(tmp_path, "second", WEEK, "--ignore", between, "--baseline", first)
    code, out, _ = run("audit", WEEK, "--baseline", second, "--format", "csv")
    assert (code, rows(out)) == (0, [])


def test_a_baseline_of_before_names_no_rules(tmp_path):
    """Fingerprints alone, as reports had them, are known as far as they are found again."""
    first = json.loads(run("audit", WEEK, "--format", "json")[1])
    marks = [finding["fingerprint"] for finding in first["findings"]]
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"findings": [], "meta": {"known_fingerprints": marks}}))
    code, out, _ = run("audit", WEEK, "--baseline", str(old), "--format", "csv")
    assert (code, rows(out)) == (0, [])


@pytest.mark.parametrize("form", ["table", "json", "sarif", "html"])
def test_a_report_says_that_not_all_rules_were_chosen(form):
    """No error of one rule is no clean log."""
    out = run("audit", WEEK, "--select", "T109", "--format", form)[1]
    assert "1 of 47 rules were chosen (--select T109)" in out
    assert "Every rule ran" not in out
    if form == "html":
        assert "Every chosen rule ran on every line" in out
    assert "rules were chosen" not in run("audit", WEEK, "--format", form)[1]


def test_findings_without_a_report_say_what_did_not_run():
    """A csv with a heading alone is not a clean log."""
    words = ("audit", WEEK, "--select", "U206,M307,T109", "--format", "csv")
    code, out, err = run(*words)
    assert (code, rows(out)) == (0, [])
    assert "3 of 47 rules were chosen" in err
    assert "Not run: M307 for 135 lines: no edition of the pair edits for the date" in err


@pytest.mark.parametrize(
    ("start", "why"), [("", "the log has no rows"), ("25:10", "no row of the log can be used")]
)
def test_a_log_without_a_row_does_not_lack_its_columns(start, why, tmp_path):
    """Its heading names clinicians and billed units."""
    log = tmp_path / "log.csv"
    row = f"Kim,therapist,PT,X,medicare,US,2026-03-02,97116,{start},09:30,2,GP\n"
    log.write_text(HEAD + (f"A1,{row}" if start else ""))
    out = run("audit", str(log), "--format", "json")[1]
    told = {entry["rule"]: entry["reason"] for entry in json.loads(out)["not_run"]}
    assert {told[rule] for rule in ("T101", "T102", "U201", "M301")} == {why}
    assert told["D601"] == "no list of diagnoses is given (--diagnosis-list)"


def test_an_audit_in_which_nothing_can_run_is_none():
    """Its exit status would say that all is well."""
    code, out, err = run("audit", WEEK, "--select", "D601,D603")
    assert (code, out) == (2, "")
    assert "none of the chosen rules can run" in err
    assert "D601: no list of diagnoses is given (--diagnosis-list)" in err


def test_a_name_among_diagnoses_is_in_no_report(tmp_path):
    """A cell may hold more than its codes."""
    log, listed = tmp_path / "log.csv", tmp_path / "d.csv"
    head = HEAD.replace("\n", ",diagnosis\n")
    row = '"Doe, Jane",Kim,therapist,PT,X,medicare,US,2026-03-02,97116,09:00,09:30,2,GP'
    log.write_text(f'{head}{row},"Doe, Jane M54.5"\n')
    listed.write_text("code,diagnosis\n97116,M62.81\n")
    words = ("audit", str(log), "--diagnosis-list", str(listed), "--redact", str(tmp_path / "key"))
    for form in ("table", "csv", "json", "sarif", "html"):
        out = run(*words, "--format", form)[1]
        assert "M54.5 is not on the list for 97116: M62.81" in out
        assert "Jane" not in out
