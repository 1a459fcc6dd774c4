"""Claims beside a log: how lines find their services, and what has no counterpart."""

import json

import duckdb
import narwhals.stable.v2 as nw
import polars as pl
import pytest
from click.testing import CliRunner
from helpers import frame

import calc
from calc import billing, claims, engine, logs, params, reviewing
from calc.cli import cli
from calc.errors import InputError

VISIT = {"patient": "P1", "date": "2026-03-02", "clinician": "C1", "role": "therapist"}


def session(code, minutes, **more):
    return {**VISIT, "discipline": "PT", "code": code, "minutes": minutes, **more}


def line(code, units, modifiers="GP", **more):
    named = {"code": code, "units_billed": units, "modifiers_billed": modifiers}
    return {"patient": "P1", "date": "2026-03-02", "discipline": "PT", **named, **more}


def read(rows, config, **defaults):
    return logs.read(frame(rows), config, logs.Defaults(**defaults))


def findings(sessions, lines, config, select=("U", "M303", "M304", "M310")):
    """(rule, code, found, expected, row) of each finding."""
    asked = reviewing.Asked(select=select)
    done = reviewing.review(read(sessions, config), config, asked, read(lines, config))
    names = ("rule", "code", "found", "expected", "row")
    return sorted(done.audit.findings.select(names).iter_rows(), key=str)


def test_matching_claims_are_clean(config):
    sessions = [session("97110", "23"), session("97116", "16"), session("97161", "30")]
    lines = [line("97110", "2"), line("97116", "1"), line("97161", "1")]
    assert findings(sessions, lines, config) == []


@pytest.mark.parametrize("other", ["2026-03-01", "2026-03-05"])
def test_the_days_of_an_audit_are_those_of_its_sessions(config, other):
    """A report says of which days they are; lines of other days have none."""
    lines = [line("97110", "2"), line("97110", "1", date=other)]
    log = read([session("97110", "23")], config)
    meta = reviewing.review(log, config, None, read(lines, config)).audit.meta
    assert (meta["first_date"], meta["last_date"]) == ("2026-03-02", "2026-03-02")


def test_lines_of_a_code_add_up(config):
    sessions = [session("97110", "20"), session("97110", "10")]
    lines = [line("97110", "1"), line("97110", "1", "GP 59")]
    assert findings(sessions, lines, config) == []


@pytest.mark.parametrize("lacking", ["provider", "discipline", "payer", "locality"])
def test_a_column_that_one_file_lacks_plays_no_part(config, lacking):
    """Neither a log without it nor claims without it: the lines still meet."""
    value = {"provider": "R", "discipline": "PT", "payer": "medicare", "locality": "OH-00"}[lacking]
    with_it, without = {lacking: value}, {lacking: ""}
    sessions, lines = [session("97110", "23")], [line("97110", "2")]
    for ours, theirs in ((with_it, without), (without, with_it)):
        mine = [{**row, **ours} for row in sessions]
        their = [{**row, **theirs} for row in lines]
        if not ours[lacking]:
            mine = [{k: v for k, v in row.items() if k != lacking} for row in mine]
        if not theirs[lacking]:
            their = [{k: v for k, v in row.items() if k != lacking} for row in their]
        assert findings(mine, their, config, ("U",)) == []


def test_unmatched_both_ways_are_findings(config):
    sessions = [session("97110", "23"), session("97116", "23")]
    lines = [line("97110", "2"), line("97140", "1")]
    found = findings(sessions, lines, config, ("U207", "U208"))
    assert [(rule, code) for rule, code, *_ in found] == [("U207", "97140"), ("U208", "97116")]


def test_claims_of_patients_who_are_not_in_the_log(config):
    sessions = [session("97110", "23")]
    lines = [line("97110", "2"), line("97110", "2", patient="P9")]
    assert [f[0] for f in findings(sessions, lines, config)] == ["U207"]


def test_the_logs_own_units_do_not_count_beside_claims(config):
    sessions = [session("97110", "23", units_billed="7", charge="9")]
    assert findings(sessions, [line("97110", "2")], config) == []


def test_the_payers_rule_is_the_logs(config):
    """Claims without a payer are counted as the log's payer counts."""
    sessions = [session("97110", "8", payer="ama"), session("97116", "8", payer="ama")]
    assert findings(sessions, [line("97110", "1"), line("97116", "1")], config) == []


def test_what_a_log_holds(config):
    log = read([session("97110", "23", units_billed="", charge="")], config)
    sure = {"times", "lengths", "all_modifiers", "units_apart"}  # nothing leaves these in doubt
    assert claims.held(log) == {"clinician", "role", "discipline", *sure}
    log = read([session("97110", "", start="09:00", end="09:30", units_billed="2")], config)
    assert {"clocks", "units_billed"} <= claims.held(log)


def test_a_log_without_billed_units_says_what_did_not_run(config):
    done = reviewing.review(read([session("97110", "23")], config), config)
    assert {"U201", "U207", "U208"} <= {entry["rule"] for entry in done.audit.not_run}
    assert isinstance(engine.collect(done.rejects.lazy()).to_native(), pl.DataFrame)


# --- what blanks and several of a kind leave open ------------------------------------------------


def judged(sessions, lines, config, select=("U", "M")):
    """(rule, code) of each finding, and (rule, lines) of what did not run for claims."""
    asked = reviewing.Asked(select=select)
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    found = sorted(zip(audit.findings["rule"], audit.findings["code"], strict=True))
    left_out = [e for e in audit.not_run if "claims" in e["reason"]]
    return found, [(entry["rule"], entry["lines"]) for entry in left_out]


def blank_cell(name):
    """One session with a blank cell, and its claim."""
    sessions = [session("97110", "20", provider="R"), session("97116", "18", provider="R")]
    sessions[1] |= {name: ""}
    return sessions, [line("97110", "2", provider="R"), line("97116", "1", provider="R")]


@pytest.mark.parametrize("blank", ["discipline", "provider"])
def test_a_blank_cell_of_the_log_is_what_the_claims_say(config, blank):
    """The session meets its claim, and its minutes are pooled with the others."""
    sessions, lines = blank_cell(blank)
    assert judged(sessions, lines, config) == ([], [])
    # Not billed at all: it belongs to the day's only discipline and provider.
    assert judged(sessions, lines[:1], config)[0] == [("U208", "97116")]
    lines[0] |= {"units_billed": "4"}
    assert judged(sessions, lines, config)[0] == [("U201", "97110")]


def test_a_blank_discipline_is_still_missing_in_the_log(config):
    sessions = [session("97110", "23"), session("97116", "23", discipline="")]
    lines = [line("97110", "2"), line("97116", "1")]
    assert judged(sessions, lines, config, select=("U", "D"))[0] == [("D602", "97116")]


def fitting_two(name, units):
    """Two groups of the log for a patient, date and code, and lines of P2 that say neither."""
    values = {"discipline": ("PT", "OT"), "provider": ("R", "S")}[name]
    minutes = ("30", "15")
    sessions = [
        session("97530", m, **{name: v}, patient=p)
        for p in ("P1", "P2") for m, v in zip(minutes, values, strict=True)
    ]  # fmt: skip
    sessions.append(session("97530", "15", patient="P3", **{name: values[0]}))
    sure = [
        line("97530", u, "", patient="P1", **{name: v}) for u, v in zip("21", values, strict=True)
    ]
    more = line("97530", "2", "", patient="P3", **{name: values[0]})
    return sessions, [
        *sure,
        more,
        *(line("97530", n, "", patient="P2", **{name: ""}) for n in units),
    ]


TWO = [(n, u) for n in ("discipline", "provider") for u in (("2", "1"), ("3",), ("1", "1", "1"))]


@pytest.mark.parametrize(("name", "units"), TWO)
def test_claims_that_fit_two_services_prove_nothing(config, name, units):
    sessions, lines = fitting_two(name, units)
    found, left_out = judged(sessions, lines, config, select=("U",))
    assert found == [("U201", "97530")]
    assert left_out == [("U214", None), ("U", len(units))]  # which needs modifiers
    without = [{k: v for k, v in row.items() if k != name} for row in lines[2:]]
    few = [row for row in sessions if row["patient"] != "P1"]
    assert judged(few, without, config, select=("U",)) == (found, left_out)


def test_a_log_blank_between_two_claims_is_in_doubt(config):
    sessions = [session("97530", "15"), session("97530", "15", discipline="")]
    lines = [line("97530", "1"), line("97530", "1", "GO", discipline="OT")]
    assert judged(sessions, lines, config, select=("U",)) == ([], [("U", 2)])


def test_disciplines_of_one_day_that_the_log_does_not_tell(config):
    """8 and 8 minutes of one discipline would be one unit, of two disciplines they are two."""
    sessions = [session("97110", "8"), session("97530", "8")]
    lines = [line("97110", "1"), line("97530", "1", "GO", discipline="OT")]
    untold = [{k: v for k, v in row.items() if k != "discipline"} for row in sessions]
    assert judged(untold, lines, config, select=("U",)) == ([], [("U", 2)])


@pytest.mark.parametrize("standing_in", [{"discipline": "PT"}, {"provider": "R"}])
def test_what_stands_in_for_a_column_is_no_mismatch(config, standing_in):
    """A log or claims without the column, and a default for it on the command line."""
    (name, value), default = next(iter(standing_in.items())), standing_in
    whole = [session("97110", "23", **standing_in)], [line("97110", "2", "", **standing_in)]
    for place in (0, 1):
        rows = [list(part) for part in whole]
        rows[place] = [{k: v for k, v in row.items() if k != name} for row in rows[place]]
        for other in (value, "OT" if name == "discipline" else "S"):
            rows[1 - place] = [row | {name: other} for row in rows[1 - place]]
            ours, theirs = (read(part, config, **default) for part in rows)
            asked = reviewing.Asked(select=("U",))
            assert len(reviewing.review(ours, config, asked, theirs).audit.findings) == 0


def test_two_payers_of_a_day_that_only_the_claims_tell(config):
    """A service has the payer of its own lines, whatever else the day has."""
    sessions = [session("97110", "23"), session("97530", "23", discipline="OT")]
    lines = [
        line("97110", "2", payer="medicare"),
        line("97530", "2", "GO", discipline="OT", payer="ama"),
    ]
    assert judged(sessions, lines, config, select=("U",)) == ([], [])
    lines[1] |= {"units_billed": "3"}
    assert judged(sessions, lines, config, select=("U",))[0] == [("U201", "97530")]
    # Two payers of one service: nobody can tell whose minutes they are.
    lines[1:] = [lines[1] | {"payer": name, "units_billed": "1"} for name in ("ama", "medicare")]
    assert judged(sessions, lines, config, select=("U",)) == ([], [("U", 3)])


def test_a_second_payer_of_a_service_is_no_second_service(config):
    """Lines to a primary and a secondary payer: the files do not say what came of either."""
    sessions = [session("97110", "30", payer="medicare", patient=p) for p in ("P1", "P2")]
    lines = [line("97110", "2", payer=name) for name in ("medicare", "ama")]
    lines.append(line("97110", "3", payer="medicare", patient="P2"))
    assert judged(sessions, lines, config, select=("U",)) == ([("U201", "97110")], [("U", 2)])


def test_each_of_several_payers_has_its_own_lines(config):
    """Where log and claims name the same payers of a service, each is judged by its own."""
    payers = ("medicare", "ama")
    sessions = [session("97110", "20", payer=payer) for payer in payers]
    lines = [line("97110", units, payer=payer) for units, payer in zip("12", payers, strict=True)]
    assert judged(sessions, lines, config, select=("U",)) == ([("U201", "97110")], [])
    # A payer that one of the files does not have there leaves it open whose lines they are.
    for ours, theirs in ((sessions[:1], lines), (sessions, lines[1:])):
        found, left_out = judged(ours, theirs, config, select=("U",))
        assert not found and left_out
    blank = [sessions[0], {k: v for k, v in sessions[1].items() if k != "payer"}]
    assert judged(blank, lines, config, select=("U",))[0] == []


def both_codes():
    """97130 of the OT, whose 45 minutes are all under 97129, and of the SLP."""
    sessions = [session("97129", "45"), session("97129", "15"), session("97130", "30")]
    for row, discipline in zip(sessions, ("OT", "SLP", "SLP"), strict=True):
        row["discipline"] = discipline
    lines = [line("97129", "1", "GO"), line("97130", "2", "GO"), line("97129", "1", "GN")]
    lines = [{k: v for k, v in row.items() if k != "discipline"} for row in lines]
    return sessions, [*lines, lines[1] | {"modifiers_billed": "GN"}]


def test_both_codes_of_a_service_go_to_the_discipline_that_is_said(config):
    """The OT's was taken for the SLP's."""
    assert judged(*both_codes(), config) == ([], [])


OTHERS = [
    ("provider", ["", "Beta", "Alpha"], ["", "", "Alpha"], ["PT", "PT", "OT"], True),
    ("provider", ["", "Beta", "Beta"], ["", "", "Beta"], ["PT", "PT", "OT"], False),
    ("provider", ["", "Beta", "Beta"], ["", "", "Alpha"], ["PT", "PT", "PT"], True),
    ("discipline", ["PT", "", "OT"], ["", "", "OT"], None, True),
    ("discipline", ["OT", "", "OT"], ["", "", "OT"], None, False),
]


def half_named(name, ours, theirs, disciplines):
    """A day of which the claims name one, the log another beside it."""
    sessions = [session("97750", "22"), session("97140", "18"), session("97112", "16")]
    lines = [line("97750", "2", ""), line("97140", "1", ""), line("97112", "1", "")]
    for rows, cells in ((sessions, ours), (lines, theirs)):
        for place, (row, cell) in enumerate(zip(rows, cells, strict=True)):
            row |= {"discipline": disciplines[place]} if disciplines else {}
            row[name] = cell
    return sessions, lines


@pytest.mark.parametrize(("name", "ours", "theirs", "disciplines", "doubt"), OTHERS)
def test_claims_fill_no_blank_against_the_logs_own_word(
    name, ours, theirs, disciplines, doubt, config
):
    """The one that the log names fell short (U201)."""
    sessions, lines = half_named(name, ours, theirs, disciplines)
    found, left_out = judged(sessions, lines, config, select=("U201", "U202"))
    assert (found, [rule for rule, _ in left_out]) == ([], ["U"] * doubt)


SPELT = [("00123", "123"), ("a-7", "A7"), ("A 7", "a7"), ("0012-3", "123")]


@pytest.mark.parametrize(("ours", "theirs"), SPELT)
@pytest.mark.parametrize("how", ["one", "batches", "redacted"])
def test_a_patient_written_otherwise_is_no_other_patient(ours, theirs, how, config, tmp_path):
    """A spreadsheet takes zeros away: all of a patient was billed without a session, and lost."""
    sessions = [session("97110", "15", patient=p) for p in (ours, "P2")]
    lines = [line("97110", "1", patient=theirs), line("97110", "2", patient="P2")]
    log, claimed = tmp_path / "log.csv", tmp_path / "claims.csv"
    for path, rows in ((log, sessions), (claimed, lines)):
        frame(rows).write_csv(path)
    more = {"one": [], "batches": ["--jobs", "1"], "redacted": ["--redact", str(tmp_path / "key")]}
    words = ["audit", str(log), "--claims", str(claimed), "--select", "U", "--format", "json"]
    done = json.loads(CliRunner().invoke(cli, [*words, *more[how]]).stdout)
    assert [finding["rule"] for finding in done["findings"]] == ["U201"]  # of P2
    (said,) = (entry for entry in done["not_run"] if "ids of patients" in entry["reason"])
    assert (said["rule"], said["lines"]) == ("U", 1)


def test_other_patients_are_others(config):
    """Of the claims alone, and not like any of the log's."""
    sessions = [session("97110", "15", patient=p) for p in ("123", "A7", "00")]
    lines = [line("97110", "1", patient=p) for p in ("1230", "A8", "0", "A7")]
    found = findings(sessions, lines, config, ("U207", "U208"))
    assert [rule for rule, *_ in found] == ["U207"] * 3 + ["U208"] * 2


# --- lines that cannot be used -------------------------------------------------------------------


BACK = "the claims have lines that take others back; their days are left out"


@pytest.mark.parametrize(
    ("more", "silent"),
    [
        ({"units_billed": "-1"}, BACK),
        ({"units_billed": "-1", "code": ""}, BACK),
        ({"units_billed": "1", "charge": "-50"}, BACK),
        ({"units_billed": "", "charge": "-50", "code": "Payment"}, ""),  # was posted: of no code
        ({"units_billed": "", "charge": "-50", "code": "", "patient": "", "date": ""}, ""),
        ({"units_billed": "", "charge": "-50", "code": "", "patient": ""}, ""),
        (
            {"units_billed": "-1", "patient": "", "date": ""},
            BACK.replace("their days", "all days, as one names no patient and no date,"),
        ),
    ],
)
def test_what_a_line_takes_back_is_listed(more, silent, config):
    """A payment below the claims silenced a whole audit, and no report said so."""
    sessions = [session("97110", "15")]
    lines = [line("97110", "9", charge="900"), line("97110", "1") | {"charge": "1"} | more]
    asked = reviewing.Asked(select=("U201", "M3"))
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    assert audit.findings["rule"].to_list() == ([] if silent else ["U201"])
    said = [(e["rule"], e["lines"]) for e in audit.not_run if e["reason"] == silent]
    assert said == ([("M", 1), ("U", 1)] if silent else [])


def test_what_a_row_of_the_log_takes_back_is_listed_too(config):
    rows = [session("97161", "30", units_billed=units) for units in ("2", "-1")]
    audit = reviewing.review(read(rows, config), config, reviewing.Asked(select=("U205",))).audit
    reason = "the log has rows that take others back; their days are left out"
    assert len(audit.findings) == 0
    assert {"rule": "U", "reason": reason, "lines": 1} in audit.not_run


@pytest.mark.parametrize(
    ("heading", "word", "none"),
    [
        ("Claim Status", "Voided", True),
        ("Line Status", "Reversed", True),
        ("Billing Status", "VOID", True),
        ("Status", "Replaced", True),
        ("Claim Status", "Denied", False),
        ("Claim Status", "Active", False),
        ("Voided", "Y", True),
        ("Voided", "Voided", True),
        ("Void Indicator", "N", False),
        ("Attendance Status", "No Show", True),
        ("Status", "Write off", False),
    ],
)
def test_a_line_of_claims_that_was_withdrawn_bills_nothing(heading, word, none, config):
    lines = [line("97110", "3"), line("97110", "2")]
    lines[0] |= {heading: word}
    lines[1] |= {heading: "Paid"}
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    asked = reviewing.Asked(select=("U201",))
    done = reviewing.review(read([session("97110", "30")], config), config, asked, claimed)
    assert done.audit.findings["rule"].to_list() == ([] if none else ["U201"])
    assert [e for e in done.audit.not_run if e["lines"]] == []


@pytest.mark.parametrize("which", ["log", "claims", "none"])
@pytest.mark.parametrize("how", ["one", "batches", "redacted"])
def test_what_spans_several_days_accuses_nobody(which, how, tmp_path):
    """A claim's line of three visits, laid on the first of them, was a false U201."""
    log = "patient,date,discipline,code,minutes,DOS To\nP1,2026-03-02,PT,97116,47,{}\n"
    lines = "patient,date,discipline,code,units,DOS To\nP1,2026-03-02,PT,97116,6,{}\n"
    for name, text in (("log", log), ("claims", lines)):
        until = "2026-03-04" if name == which else "2026-03-02"
        (tmp_path / f"{name}.csv").write_text(text.format(until))
    words = ["audit", str(tmp_path / "log.csv"), "--claims", str(tmp_path / "claims.csv")]
    words += ["--format", "json", "--fail-on", "never", "--select", "U201"]
    more = {"one": [], "batches": ["--jobs", "1"], "redacted": ["--redact", str(tmp_path / "key")]}
    done = json.loads(CliRunner().invoke(cli, [*words, *more[how]]).stdout)
    assert [f["rule"] for f in done["findings"]] == (["U201"] if which == "none" else [])
    reason = "rows or lines are of several days; these patients are left out"
    said = [entry["lines"] for entry in done["not_run"] if entry["reason"] == reason]
    assert said == ([] if which == "none" else [1])


@pytest.mark.parametrize(
    ("heading", "word"),
    [
        ("Claim Status", "Reversal of Previous Payment"),
        ("Claim Status", "reversal of payment of 3/2"),
        ("Claim Status Code", "22"),
        ("Status", "Voided by provider"),
        ("Claim Status", "Claim voided"),
    ],
)
def test_a_longer_word_of_a_claim_leaves_its_day_in_doubt(heading, word, config):
    """A remittance's own words for what it takes back were more units: a false U201."""
    lines = [line("97110", "2") | {heading: "Paid"}, line("97110", "2") | {heading: word}]
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    asked = reviewing.Asked(select=("U201",))
    done = reviewing.review(read([session("97110", "30")], config), config, asked, claimed)
    assert done.audit.findings["rule"].to_list() == []
    assert [e["rule"] for e in done.audit.not_run if e["reason"] == BACK] == ["U"]


@pytest.mark.parametrize(
    "word",
    ["137 - Replacement", "0137 Adjusted", "137-REPL", "Replacement claim (137)", "7: new"],
)
def test_a_type_of_bill_with_words_beside_it(word, config):
    lines = [line("97110", "2") | {"Type of Bill": "131"}]
    lines.append(line("97110", "2") | {"Type of Bill": word})
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    assert claims.unread(claimed)["reverses"].to_list() == [True]


def test_a_type_of_bill_in_a_log(config):
    """An export of bills is a log as well: what voids a line is no session; a corrected one is."""
    rows = [session("97110", "24") | {"Type of Bill": bill} for bill in ("131", "138", "137")]
    log = read(rows, config)
    assert len(log.sessions.collect()) == 2
    assert claims.unread(log)["reverses"].to_list() == [True]


SAYS_NOTHING = [
    ("Bill Type", "P"), ("Bill Type", "I"), ("Bill Type", "837 Professional"),
    ("Frequency Code", "7"), ("Frequency Code", "8"), ("Frequency Code", "M/W/F"),
    ("Frequency Code", "Q week"),
    ("Bill Frequency", "M"), ("Bill Frequency", "7 days"), ("Bill Frequency", "Auth 837"),
    ("State", "22"), ("Status", "22"), ("Charge Type", "Credit"), ("Type of Bill", "0137"),
]  # fmt: skip


@pytest.mark.parametrize(("heading", "text"), SAYS_NOTHING)
def test_what_says_nothing_of_a_session(heading, text, config):
    """Payers and institutions, how often and how somebody pays, where he lives."""
    log = read([session("97110", "24") | {heading: text}], config)
    assert len(log.sessions.collect()) == 1


@pytest.mark.parametrize(
    ("heading", "text"),
    [("Bill Type", "P"), ("Bill Type", "837P"), ("Claim Frequency", "M"), ("State", "22")],
)
def test_what_says_nothing_of_a_claim(heading, text, config):
    lines = [line("97110", "2") | {heading: text}]
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    assert len(claims.unread(claimed)) == 0


def test_claims_of_which_no_line_can_be_used(config):
    """They do have billed units."""
    lines = [line("97110", "2") | {"Type of Bill": "0137"}]
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    with pytest.raises(InputError) as error:
        asked = reviewing.Asked(select=("U201",))
        reviewing.review(read([session("97110", "24")], config), config, asked, claimed)
    assert "U201: no line of the claims can be used" in str(error.value.hint)


@pytest.mark.parametrize("charge", ["240.00CR", "CR 240.00", "<240.00>", "240.00-", "(240.00)"])
def test_a_charge_that_is_a_credit_takes_its_line_back(charge, config):
    lines = [line("97110", "2", charge="240.00"), line("97110", "2", charge=charge)]
    assert claims.unread(read(lines, config))["reverses"].to_list() == [True]


def test_a_claims_provider_type_is_no_role(config):
    """Every line of a hospital was rejected."""
    lines = [line("97110", "2") | {"Provider Type": "HOSPITAL OP", "Mode": "OP"}]
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    assert len(claimed.audited.collect()) == 1


@pytest.mark.parametrize(
    ("heading", "revenue", "code", "total"),
    [
        ("Rev Code", "0001", "", True),
        ("Revenue Code", "001", "", True),
        ("Rev Code", "0001", "97110", False),
        ("Rev Code", "0420", "", False),
        ("Room", "0001", "", False),
        ("Rev Code", "1", "", True),  # as a spreadsheet saves it
        ("Rev", "1", "", False),
    ],
)
def test_the_line_of_a_claims_total_silences_nothing(heading, revenue, code, total, config):
    """Every bill of a facility has one: no day of any of its patients was judged."""
    row = session(code, "x" if code else "") | {heading: revenue}
    log = read([session("97110", "24", units_billed="4") | {heading: "0420"}, row], config)
    assert bool(len(claims.unread(log))) is not total
    reasons = log.rejects(audited=True).collect()["reason"].to_list()
    assert (reasons == ["is a line of totals, no session"]) is total


@pytest.mark.parametrize(
    ("heading", "word", "amends"),
    [
        ("Frequency Code", "7", True),
        ("Frequency Code", "7.0", True),
        ("Type of Bill", "747.0", True),
        ("Claim Frequency", "8", True),
        ("Type of Bill", "0137", True),
        ("TOB", "748", True),
        ("UB-04 Type of Bill", "13Q", True),
        ("Type of Bill", "717", True),
        ("Claim Freq Code", "7", True),
        ("Reversal Flag", "Y", True),
        ("Reversal Flag", "N", False),
        ("Claim Type", "Adjustment", True),
        ("Claim Type", "Original", False),
        ("Transaction Type", "Credit", True),
        ("Charge Status", "Credited", True),
        ("CLP02", "22", True),
        ("CLP02", "Reversal of previous payment", True),
        ("Claim Status", "RTP", True),
        ("Claim Status", "Rejected", True),
        ("Claim Status", "Denied", False),
        ("Type of Bill", "0130", False),
        ("Type of Bill", "0135", False),
        ("Frequency Code", "1", False),
        ("Type of Bill", "0131", False),
        ("Visit Frequency", "7", False),
    ],
)
def test_a_claim_that_amends_another_leaves_its_day_in_doubt(heading, word, amends, config):
    """A corrected claim beside the first one was twice the units: a false U201."""
    lines = [line("97110", "2") | {heading: "0131"}, line("97110", "2") | {heading: word}]
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    asked = reviewing.Asked(select=("U201",))
    done = reviewing.review(read([session("97110", "30")], config), config, asked, claimed)
    assert done.audit.findings["rule"].to_list() == ([] if amends else ["U201"])
    said = [(e["rule"], e["lines"]) for e in done.audit.not_run if e["reason"] == BACK]
    assert said == ([("U", 1)] if amends else [])
    reason = f'"{word}" means that it takes back or replaces another'
    rejects = claimed.rejects(audited=True)
    bad = rejects.collect().rows(named=True) if amends else []
    assert [row["reason"] for row in bad] == ([reason] if amends else [])
    assert all(row["hint"].endswith(f'--map "{heading}="') for row in bad)


@pytest.mark.parametrize(
    ("heading", "first", "second"),
    [
        ("Claim Status", "Processed as Primary", "Processed as Secondary"),
        ("CLP02", "1", "2"),
        ("CLP02", "19", "3.0"),
        ("CLP02", "1 - Processed as Primary", "2 - Processed as Secondary"),
        ("Payer Order", "1st", "Crossover"),
        ("Payer Responsibility Sequence", "P", "S"),
        ("Payer Sequence", "Primary", "Tertiary"),
        ("Status", "Paid", "Crossover"),
    ],
)
def test_a_line_to_a_second_payer_bills_nothing_more(heading, first, second, config):
    """Twice the units were a false U201; of what only such a line bills nothing is said."""
    lines = [line("97110", "2") | {heading: first}, line("97110", "2") | {heading: second}]
    lines.append(line("97110", "2", patient="P2") | {heading: second})
    sessions = [session("97110", "30", patient=p) for p in ("P1", "P2")]
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    asked = reviewing.Asked(select=("U",))
    done = reviewing.review(read(sessions, config), config, asked, claimed)
    assert done.audit.findings["rule"].to_list() == []
    bad = claimed.rejects(audited=True).collect().rows(named=True)
    said = f'status "{second}" means that the line went to a second payer'
    assert [row["reason"] for row in bad] == [said] * 2
    assert not any("is not read" in note for note in claimed.notes)


def test_a_line_to_a_second_payer_leaves_no_doubt_beside_the_first(config):
    """What it bills once more is known; the rest of the day is judged."""
    lines = [line("97110", "1") | {"CLP02": number} for number in "12"]
    sessions = [session("97110", "30"), session("97530", "30", discipline="OT")]
    for name in ("polars", "duckdb"):
        given = engine.on_engine(nw.from_native(frame(lines).lazy()), name)
        claimed = logs.read(nw.to_native(given), config, logs.of_claims(logs.Defaults(), ""))
        asked = reviewing.Asked(select=("U202", "U208"))
        audit = reviewing.review(read(sessions, config), config, asked, claimed).audit
        assert sorted(audit.findings["rule"]) == ["U202", "U208"]
        assert not any("could not be read" in entry["reason"] for entry in audit.not_run)


@pytest.mark.parametrize("heading", ["Claim Status Code", "Claim Type", "Status"])
def test_a_number_of_a_claims_status_is_no_second_payer(heading, config):
    """20 is accepted for processing in one list, a second payer's in another."""
    lines = [line("97110", "2") | {heading: number} for number in ("2", "3", "20")]
    claimed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
    assert engine.count(claimed.audited) == 3


@pytest.mark.parametrize(
    ("more", "back"),
    [
        ({"units_billed": "-9", "charge": "-90", "Claim Status": "Reversal"}, True),
        ({"units_billed": "-9", "charge": "-90", "Status": "Void"}, True),
        ({"units_billed": "", "charge": "-90", "Status": "Voided"}, True),
        ({"units_billed": "9", "charge": "90", "Line Status": "Reversal"}, True),
        ({"units_billed": "9", "charge": "90", "Trans Type": "Void"}, True),
        ({"units_billed": "9", "charge": "90", "Status": "Cancelled", "Bill Type": "138"}, True),
        ({"units_billed": "9", "charge": "-90", "code": "97110 REV"}, True),
        ({"units_billed": "", "charge": "-90", "Trans Type": "Payment"}, False),
        ({"units_billed": "", "charge": "-90", "Trans Type": "Adjustment"}, False),
        ({"units_billed": "9", "charge": "90", "Status": "Void"}, False),
    ],
)
@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_a_line_of_no_service_may_take_another_back(more, back, engine_name, config):
    """Dropped as one of no service, it left standing what it takes back: a false U201."""
    blank = dict.fromkeys(more, "")
    lines = [blank | line("97110", "9") | {"charge": "90"}, blank | line("97110", "2")]
    rows = frame([*lines, line("97110", "") | more])
    given = engine.on_engine(nw.from_native(rows.lazy()), engine_name)
    claimed = logs.read(nw.to_native(given), config, logs.of_claims(logs.Defaults(), ""))
    asked = reviewing.Asked(select=("U201",))
    done = reviewing.review(read([session("97110", "30")], config), config, asked, claimed)
    assert done.audit.findings["rule"].to_list() == ([] if back else ["U201"])
    said = [(e["rule"], e["lines"]) for e in done.audit.not_run if e["reason"] == BACK]
    assert said == ([("U", 1)] if back else [])


@pytest.mark.parametrize("units", ["2 units", "x", "-2"])
def test_a_line_that_is_rejected_is_not_unbilled(config, units):
    sessions = [session("97110", "23", patient=p) for p in ("P1", "P2")]
    sessions += [session("97116", "16", patient=p) for p in ("P1", "P2")]
    lines = [line("97110", units), line("97116", "1"), line("97110", "2", patient="P2")]
    found, left_out = judged(sessions, lines, config)
    assert found == [("U208", "97116")]  # of P2
    back = ("M", "U") if units == "-2" else ()  # what it leaves billed nobody can tell
    assert left_out == [(rule, 1) for rule in ("M306", "U202", "U203", "U208", "U213", *back)]


@pytest.mark.parametrize("beside", [True, False])
def test_a_session_that_could_not_be_read_is_not_missing(config, beside):
    """A slip of the pen in a log proves neither units too many nor a service never given."""
    sessions = [session("97110", "", start="9:00", end="9:6O", units_billed="2")]
    sessions += [session("97116", "15", units_billed="2"), session("97116", "15", patient="P2")]
    sessions[2] |= {"units_billed": "2"}
    lines = [line("97110", "2"), line("97116", "2"), line("97116", "2", patient="P2")]
    log, claimed = read(sessions, config), read(lines, config) if beside else None
    asked = reviewing.Asked(select=("U201", "U207"))
    audit = reviewing.review(log, config, asked, claimed).audit
    assert audit.findings["patient"].to_list() == ["P2"]
    assert {
        "rule": "U201", "lines": 1,
        "reason": "the log has rows that could not be read; their patients' days are left out",
    } in audit.not_run  # fmt: skip


@pytest.mark.parametrize("units", ["-3", " (3)", "3 units"])
def test_units_taken_back_are_not_held_against_anyone(config, units):
    """A line that reverses another cannot be used; neither can what it leaves billed be judged."""
    sessions = [session("97110", "25"), session("97110", "25", patient="P2")]
    lines = [line("97110", "3"), line("97110", units), line("97110", "2")]
    lines += [line("97112", "1"), line("97110", "3", patient="P2")]
    found = findings(sessions, lines, config, ("U201", "U207", "U214"))
    of_other = [("U201", "97110")]
    of_both = [*of_other, *of_other, ("U207", "97112")]
    assert sorted((rule, code) for rule, code, *_ in found) == (
        of_both if units == "3 units" else of_other
    )


TAKEN_BACK = ("-100.00", "(100.00)", "\u2212100.00", "-$100.00", "$-100.00", "100.00-")


def charges_taken_back():
    """Voids of some programs keep the units and turn the sign of the charge."""
    sessions = [
        session(code, "30", patient=charge)
        for charge in ("100.00", *TAKEN_BACK)
        for code in ("97110", "97161")
    ]
    lines = [
        line(code, units, patient=charge, charge=amount)
        for charge in ("100.00", *TAKEN_BACK)
        for code, units in (("97110", "2"), ("97161", "1"))
        for amount in ("100.00", charge, "100.00")
    ]
    return sessions, lines


def test_a_charge_taken_back_is_held_against_nobody(config):
    found = judged(*charges_taken_back(), config)[0]
    assert found == [("U201", "97110"), ("U205", "97161")]  # of 100.00


def test_a_row_whose_charge_takes_another_back(config):
    clock = {"start": "09:00", "end": "09:30", "modifiers_billed": "GP", "units_billed": "2"}
    rows = []
    for charge in TAKEN_BACK:
        voided = ("99.00", charge, "99.00")
        rows += [session("97110", "", charge=n, patient=charge, **clock) for n in voided]
        bare = session("97116", "30", units_billed="2", patient=f"{charge} bare", charge="99.00")
        rows += [bare, *(bare | {"minutes": "", "charge": n} for n in voided[1:])]
    assert own(rows, config, "T103", "U", "M") == []
    assert ("T103", 2) in own([rows[0], rows[2]], config, "T103")


def test_frames_of_a_caller_take_back_too(config):
    """The patterns of each engine know the true minus."""
    rows = [session("97110", "25", units_billed=n, charge="") for n in ("3", "\u22123", "2")]
    relation = duckdb.connect().from_arrow(frame(rows).to_arrow())
    with pytest.warns(UserWarning, match="1 row was rejected"):
        found = calc.audit(relation, select=("U", "T103"))
    assert found.fetchall() == []


@pytest.mark.parametrize(
    ("bad", "unbilled"),
    [
        ({"code": "99999"}, {"P2 2", "P2 3"}),
        ({"date": "someday"}, {"P2 2", "P2 3"}),
        ({"patient": ""}, {"P1 3", "P2 3"}),
        ({"patient": "", "date": "someday"}, set()),
    ],
)
def test_a_line_without_patient_or_date_may_be_of_any(config, bad, unbilled):
    days = ["2026-03-02", "2026-03-03"]
    sessions = [session("97161", "30", patient=p, date=d) for p in ("P1", "P2") for d in days]
    lines = [line("97161", "1") | bad, line("97110", "1", patient="P9")]
    asked = reviewing.Asked(select=("U208",))
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    found = zip(audit.findings["patient"], audit.findings["date"], strict=True)
    names = {f"{patient} {date.day}" for patient, date in found}
    expected = {"P1 3", *unbilled} if bad == {"code": "99999"} else unbilled
    assert names == expected


def test_claims_that_lack_units_say_so(config):
    lines = [{k: v for k, v in line("97110", "").items() if k != "units_billed"}]
    done = reviewing.review(
        read([session("97110", "23")], config), config, None, read(lines, config)
    )
    reasons = {entry["rule"]: entry["reason"] for entry in done.audit.not_run}
    assert reasons["U201"] == "the claims have no billed units"
    assert "1 billed line of claims beside the log" in done.audit.meta["notes"]


def test_claims_without_a_line_that_can_be_used(config):
    sessions = frame([session("97110", "23")])
    for lines in (frame([line("97110", "x")]), frame([line("97110", "1")]).head(0)):
        with pytest.raises(InputError, match="no line can be used"):
            calc.audit(sessions, claims=lines)
    lines = frame([line("97110", "x"), line("97116", "1")])
    with pytest.warns(UserWarning, match="1 line of claims rejected"):
        calc.audit(sessions, claims=lines)


def own(rows, config, *rules):
    """(rule, row) of the findings of a log that nothing lies beside."""
    done = reviewing.review(read(rows, config), config, reviewing.Asked(select=rules))
    return sorted(done.audit.findings.select("rule", "row").iter_rows())


def test_a_row_that_takes_another_back(config):
    """What a void in the log leaves billed nobody can tell, so nobody is accused of it."""
    clock = {"start": "09:00", "end": "09:15", "modifiers_billed": "GP"}
    rows = [session("97110", "", units_billed=units, **clock) for units in ("1", "-1", "1")]
    assert own(rows, config, "T103", "U", "M") == []
    rows[1] |= {"patient": "P2"}  # another patient's
    assert ("T103", 3) in own(rows, config, "T103", "U", "M")


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("U210", [session("97161", "30", role="assistant", units_billed="1")]),
        ("T107", [session("97110", "30", total_minutes="20")]),
        ("P401", [session("97110", "30", units_billed="2", charge="1.00")]),
        (
            "M307",
            [
                session(code, "15", units_billed="1", modifiers_billed="GP", date="2024-08-05")
                for code in ("97530", "97750")
            ],
        ),
    ],
)
def test_what_a_row_that_could_not_be_read_may_refute(config, rule, rows):
    assert own(rows, config, rule)
    torn = session("97161", "x", date=rows[0]["date"])
    assert own([*rows, torn], config, rule) == []


@pytest.mark.parametrize(
    ("torn", "alone"),
    [
        ({"code": "97150"}, False),
        ({"code": "92508"}, False),
        ({"code": "x"}, False),  # nobody knows of what
        ({"code": "97150", "patient": ""}, False),
        ({"code": "97150", "date": "someday"}, False),
        ({"code": "97110"}, True),
        ({"code": "x", "date": "someday"}, True),
        ({"code": "97150", "date": "2026-03-03"}, True),
    ],
)
def test_a_group_row_that_could_not_be_read_is_company(config, torn, alone):
    rows = [session("97150", "30"), session("97150", "x", patient="P2") | torn]
    assert own(rows, config, "U211") == ([("U211", 1)] if alone else [])


@pytest.mark.parametrize(
    ("torn", "early"),
    [
        ({}, False),
        ({"date": "someday"}, False),
        ({"date": "2025-12-30"}, True),
        ({"patient": "P2"}, True),
        ({"patient": "", "date": "someday"}, True),
    ],
)
def test_a_row_that_could_not_be_read_may_pass_the_threshold(config, torn, early):
    """Of the patient's year, whichever its date: what it allows counts to the threshold."""
    billed = {"units_billed": "1", "modifiers_billed": "GP KX"}
    rows = [session("97110", "15", date="2026-03-03", **billed)]
    bad = session("97110", "15", units_billed="x", modifiers_billed="GP") | torn
    assert own([*rows, bad], config, "M306") == ([("M306", 1)] if early else [])


def test_what_a_clash_costs_is_not_known_without_a_price(config):
    rows = [
        session("97110", "", patient=p, start=s, end=e, units_billed="2", payer="ama")
        for p, s, e in (("P1", "09:00", "09:30"), ("P2", "09:15", "09:45"))
    ]
    done = reviewing.review(read(rows, config), config, reviewing.Asked(select=("T101",)))
    assert done.audit.findings.select("severity", "cents").rows() == [("error", None)]


@pytest.mark.parametrize(("payer", "cited"), [("medicare", "Claims Processing"), ("ama", "CPT")])
def test_the_authority_is_that_of_how_the_payer_counts(config, payer, cited):
    rows = [session("97110", "20", units_billed="3", payer=payer)]
    done = reviewing.review(read(rows, config), config, reviewing.Asked(select=("U201",)))
    assert cited in done.audit.findings["authority"][0]


@pytest.mark.parametrize(
    ("rule", "row", "own"),
    [
        ("U205", {"code": "97161", "units_billed": "2"}, "Claims Processing Manual"),
        ("U208", {"code": "97161"}, "Claims Processing Manual"),
        ("U209", {"minutes": "", "units_billed": "1"}, "Benefit Policy Manual"),
        ("P401", {"units_billed": "1", "charge": "1.00"}, "1395w-4"),
    ],
)
def test_the_authority_is_the_payers_own(tmp_path, rule, row, own):
    """Medicare's manuals and law bind no other payer."""
    mine = '[acme]\nname = "Acme"\ncounting_rule = "ama"\nsource = "acme"\nmppr = false\n'
    (tmp_path / "payers.toml").write_text(f'{mine}share_of_medicare = "1.10"\n')
    (tmp_path / "sources.toml").write_text('[acme]\ntitle = "Contract with Acme"\n')
    config = params.load(tmp_path)
    for payer, cited in (("medicare", own), ("acme", "CPT" if rule == "U208" else "Contract")):
        rows = [session("97110", "15", payer=payer) | row]
        rows.append(session("97112", "15", payer=payer, units_billed="1", charge="900.00"))
        done = reviewing.review(read(rows, config), config, reviewing.Asked(select=(rule,)))
        (found,) = done.audit.findings["authority"].to_list()
        assert cited in found


def test_a_finding_names_rows_of_its_own_discipline(config):
    rows = [
        session("97530", "30", role="assistant", units_billed="2", modifiers_billed="GP"),
        session("97530", "30", discipline="OT", units_billed="2", modifiers_billed="GO"),
    ]
    done = reviewing.review(read(rows, config), config, reviewing.Asked(select=("M301",)))
    assert done.audit.findings.select("row", "rows").rows() == [(1, "")]


def test_a_code_without_a_row_stands_on_that_of_its_primary_code(config):
    """40 minutes of 97129 are two units of 97130 too."""
    sessions = [session("97110", "15"), session("97129", "40", discipline="SLP", patient="P2")]
    lines = [line("97110", "1"), line("97129", "1", "GN", discipline="SLP", patient="P2")]
    assert findings(sessions, lines, config, ("U208",)) == [("U208", "97130", "0", "2", 2)]


def test_providers_that_log_and_claims_name_differently(config):
    """By name and by number: no line would have a service. Where one is shared, all are told."""
    sessions = [session("97110", "30", provider=p, patient=p) for p in ("North", "South")]
    lines = [line("97110", "2", provider=p, patient=q) for p, q in (("1", "North"), ("2", "South"))]
    assert findings(sessions, lines, config, ("U",)) == []
    lines[0] |= {"provider": "North"}
    assert {rule for rule, *_ in findings(sessions, lines, config, ("U",))} == {"U207", "U208"}


@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_a_blank_discipline_is_that_of_the_day(config, engine_name):
    """Its minutes may be the ones that earn a unit; between two disciplines nobody can tell."""
    rows = [session("97110", "15", units_billed="2"), session("97140", "8", discipline="")]
    two = [row | {"patient": "P2"} for row in rows]
    two.append(session("97535", "15", units_billed="1", patient="P2", discipline="OT"))
    log = logs.read(frame(rows + two), config, on=engine_name)
    asked = reviewing.Asked(select=("U201", "U202", "D602"))
    found = reviewing.review(log, config, asked).audit.findings
    told = sorted(found.select("patient", "rule").iter_rows())
    assert told == [("P1", "D602"), ("P2", "D602"), ("P2", "U201"), ("P2", "U202")]


def _by_modifiers(*lines):
    """Lines of claims without a discipline: patient, code, units, modifiers."""
    names = ("patient", "code", "units_billed", "modifiers_billed")
    return [{"date": VISIT["date"], **dict(zip(names, row, strict=True))} for row in lines]


def wrong_disciplines():
    """Lines with the modifier of a discipline that the log does not have the code in."""
    ota = {"discipline": "OT", "role": "assistant"}
    sessions = [
        session("97161", "40", patient="bound"),
        session("97530", "30", patient="free"),
        *(session("97530", "30", patient=p) for p in ("two", "clear", "doubt")),
        *(session("97530", "30", patient=p, **ota) for p in ("two", "clear", "doubt")),
    ]
    lines = _by_modifiers(
        ("bound", "97161", "2", "GO"),
        ("free", "97530", "2", "GO"),
        ("two", "97530", "2", "GP"), ("two", "97530", "2", "GP CO"),
        ("clear", "97530", "2", "GP"), ("clear", "97530", "3", "GO CO"),
        ("doubt", "97530", "4", "GP CO"), ("doubt", "97530", "3", "GN"),
    )  # fmt: skip
    return sessions, lines


def test_a_wrong_discipline_on_a_line_is_no_other_service(config):
    """What the log has the code in counts; of several disciplines also what CQ or CO says."""
    assert judged(*wrong_disciplines(), config) == (
        [("M303", "97530"), ("M309", "97161"), ("U201", "97530"), ("U205", "97161")],
        [("M", 2), ("U", 2)],
    )


def test_a_discipline_that_the_claims_name_is_not_put_right(config):
    """A column of disciplines says more than a modifier."""
    sessions, lines = [session("97530", "30")], [line("97530", "2", "GO", discipline="OT")]
    assert judged(sessions, lines, config, select=("U207",))[0] == [("U207", "97530")]


def test_clinicians_who_may_be_one_are_noted(config):
    rows = [session("97110", "15", clinician=name) for name in ("Kim Lee", "KIM  LEE", "Ana")]
    notes = reviewing.review(read(rows, config), config).audit.meta["notes"]
    said = [note for note in notes if "capitals" in note]
    assert said == ["clinicians told apart only by capitals or blanks: KIM  LEE, Kim Lee"]


def test_shared_minutes_that_nobody_billed(config):
    """A patient's session without a line is no overbilling, and nobody is told to bill it."""
    half = {"start": "09:00", "end": "09:30"}
    sessions = [
        session("97110", "", patient="A", **half),
        session("97110", "", patient="C", **half),
        session("97110", "", patient="D", start="10:00", end="10:30"),
        session("97110", "", patient="E", start="10:00", end="10:30"),
    ]
    lines = [
        line("97110", units, patient=who) for who, units in (("A", "2"), ("D", "1"), ("E", "1"))
    ]
    asked = reviewing.Asked(select=("T101", "U"))
    done = reviewing.review(read(sessions, config), config, asked, read(lines, config))
    found = done.audit.findings.select("rule", "severity", "patient", "cents", "also")
    assert sorted(found.iter_rows()) == [
        ("T101", "error", "E", 2906, ""),
        ("T101", "warning", "C", None, ""),
    ]


def test_pay_lost_beside_shared_minutes(config):
    """Only the days whose rows share minutes are silent: another patient's day is not."""
    sessions = [
        session("97110", "", patient="A", start="09:00", end="09:30"),
        session("97110", "", patient="B", start="09:10", end="09:40"),
        session("97110", "", patient="C", start="10:00", end="10:30"),
    ]
    lines = [line("97110", "1", patient=who) for who in "ABC"]
    asked = reviewing.Asked(select=("T101", "U"))
    done = reviewing.review(read(sessions, config), config, asked, read(lines, config))
    found = done.audit.findings.select("rule", "patient")
    assert sorted(found.iter_rows()) == [("T101", "B"), ("U202", "C")]


def beside(log, lines, select=("U", "M", "P"), **more):
    """(rule, code, dollars) of each finding of frames of plain rows."""
    found = calc.audit(frame(log), claims=frame(lines), select=select, **more)
    return sorted(found.select("rule", "code", "dollars").rows(), key=str)


def test_a_line_that_nobody_documented_is_of_the_patients_payer(config):
    """Claims that name no payer: nothing of Medicare's is asked of another payer's patient."""
    log = [session("97110", "30", payer="highmark"), session("97110", "15", patient="P2")]
    log[1]["payer"] = "medicare"
    log.append({**log[1], "date": "2026-03-04"})
    lines = [line("97110", "2", ""), line("97014", "1", ""), line("97110", "1", patient="P2")]
    late = line("97110", "1", "", date="2026-03-03")
    found = beside(log, [*lines, late, {**lines[2], "date": "2026-03-04"}])
    assert {(rule, code) for rule, code, _ in found} == {("U207", "97014"), ("U207", "97110")}
    assert {dollars for *_, dollars in found} == {None}


def test_of_several_payers_nobody_knows_whose_a_line_is(config):
    log = [session("97110", "30", payer="highmark"), session("97530", "30", payer="medicare")]
    assert beside(log, [line("97110", "2"), line("97530", "2"), line("97014", "1")]) == []


def test_a_line_that_nobody_documented_is_of_the_days_locality_and_provider(config):
    """Its fee is that of the place, and reduced beside what the provider did on the day."""
    log = [session("97110", "15", locality="CA-05", provider="R")]
    lines = [line("97110", "1"), line("97140", "1")]
    own = [{**one, "locality": "CA-05", "provider": "R"} for one in lines]
    (found,) = beside(log, lines)
    assert [found] == beside(log, own)
    (elsewhere,) = beside(log, [own[0], {**own[1], "provider": "S"}])
    assert found[:2] == elsewhere[:2] == ("U207", "97140")
    assert found[2] < elsewhere[2]


def test_one_file_may_be_log_and_claims(tmp_path):
    """A line is not the row of the same number: what a clash takes is taken once."""
    text = (
        "patient,clinician,discipline,date,code,start,end,units_billed,modifiers_billed\n"
        "P1,C1,PT,2026-03-02,97110,09:00,09:15,1,GP\n"
        "P2,C1,PT,2026-03-02,97116,09:01,09:46,3,GP\n"
        "P3,C2,PT,2026-03-02,97110,09:00,09:45,2,GP\n"
    )
    log, other = tmp_path / "a.csv", tmp_path / "b.csv"
    for path in (log, other):
        path.write_text(text)
    rows = pl.read_csv(log)

    def found(*both):
        return calc.audit(both[0], claims=both[1]).select("rule", "patient", "dollars").rows()

    expected = found(log, other)
    assert {rule for rule, *_ in expected} == {"T101", "U202"}
    assert found(log, log) == found(rows, rows) == found(log, rows) == expected


@pytest.mark.parametrize("patient", ["-A7", "=1+1", "@smith", "+x", "'-A7", "'\tA7"])
def test_our_own_lines_are_claims_whatever_patients_are_called(tmp_path, patient):
    """The apostrophe by which a csv says that a cell is no formula is no part of a name."""
    log, lines = tmp_path / "log.csv", tmp_path / "lines.csv"
    log.write_text(
        "patient,clinician,role,discipline,date,code,minutes\n"
        f"{patient},C1,therapist,PT,2026-03-02,97110,23\n"
    )
    done = CliRunner().invoke(cli, ["bill", str(log), "--format", "csv", "-o", str(lines)])
    assert done.exit_code == 0, done.output
    assert calc.audit(log, claims=lines, select=["U"]).rows() == []


@pytest.mark.parametrize("word", ["Void", "Payment"])
def test_a_line_that_is_void_bills_nothing(config, word):
    """And leaves no doubt of the day: what it is of is known."""
    lines = [line("97110", "2", Status="Posted"), line("97110", "2", Status=word)]
    assert findings([session("97110", "23")], lines, config) == []
    short = [line("97110", "3", Status="Posted"), line("97110", "2", Status=word)]
    assert [found[0] for found in findings([session("97110", "23")], short, config)] == ["U201"]


# --- what one file leaves blank ------------------------------------------------------------


def payer_of_claims(**payer):
    """Minutes that one payer counts alone."""
    sessions = [session(code, "8", **payer) for code in ("97110", "97140")]
    return sessions, [line(code, "1", payer="ama") for code in ("97110", "97140")]


@pytest.mark.parametrize("payer", [{"payer": ""}, {}])
def test_a_blank_payer_of_the_log_is_whom_the_claims_bill(config, payer):
    """They are not held to another's rule."""
    sessions, lines = payer_of_claims(**payer)
    assert judged(sessions, lines, config, select=("U", "M304"))[0] == []
    own = [{**row, "payer": "medicare"} for row in sessions]
    assert [f[0] for f in findings(own, lines, config)] == ["U201"]  # the log's own word


def test_a_blank_payer_of_a_line_is_no_second_payer(config):
    sessions = [session(code, "8", payer="ama") for code in ("97110", "97140")]
    lines = [line("97110", "1", payer="ama"), line("97140", "1", payer="")]
    assert findings(sessions, lines, config) == []


@pytest.mark.parametrize("payer", [{"payer": "medicare"}, {"payer": ""}, {}])
def test_a_line_without_a_payer_beside_another_payers_proves_nothing(config, payer):
    """A blank is Medicare's: the service may be billed to two in turn."""
    lines = [line("97110", "1", payer=name) for name in ("", "ama")]
    found, left_out = judged([session("97110", "15", **payer)], lines, config, select=("U",))
    assert found == [] and left_out == [("U", 2)]


def test_an_add_on_of_two_disciplines_is_told_by_its_modifiers(config):
    sessions = [session("97129", "30", discipline=name) for name in ("OT", "SLP")]
    lines = [
        line(code, units, modifier, discipline="")
        for modifier, units in (("GO", "1"), ("GN", "3")) for code in ("97129", "97130")
    ]  # fmt: skip
    lines[2]["units_billed"] = "1"
    found = findings(sessions, lines, config, ("U201",))
    assert [(f[0], f[2], f[3]) for f in found] == [("U201", "4", "2")]


@pytest.mark.parametrize("said", [{"discipline": ""}, {"discipline": "", "modifiers_billed": "GP"}])
@pytest.mark.parametrize("codes", [("97129", "97130"), ("97550", "97551"), ("90912", "90913")])
def test_a_line_of_an_add_on_meets_the_sessions_of_its_primary_code(config, codes, said):
    first, add_on = codes
    sessions = [session(first, "45", discipline="OT")]
    lines = [line(first, "1", "GO", discipline=""), {**line(add_on, "2", ""), **said}]
    if add_on == "97551":
        lines[1]["units_billed"] = "1"
    assert findings(sessions, lines, config, ("U",)) == []


def test_a_blank_discipline_beside_claims_is_that_of_the_day(config):
    """As in a log alone: its minutes count with those of the day's other rows."""
    sessions = [session("97112", "20"), session("97140", "18", discipline="")]
    lines = [line("97112", "2", "", discipline=""), line("97140", "1", "", discipline="")]
    assert findings(sessions, lines, config, ("U",)) == []


def apart_from_a_blank():
    """Sessions of a blank discipline beside a named one, and what a bill of each pool alone says.

    Patient, code, minutes and units of the blank and of the named discipline.
    """
    days = [
        ("P1", "92526", "SLP", ("38", "28"), "11"), ("P2", "97110", "PT", ("24", "24"), "22"),
        ("P3", "97530", "PT", ("3", "22"), "01"),
    ]  # fmt: skip
    sessions, lines = [], []
    for patient, code, name, minutes, units in days:
        for own, spent, due in zip(("", name), minutes, units, strict=True):
            whose = {"patient": patient, "discipline": own}
            sessions.append(session(code, spent, **whose))
            modifier = {"PT": "GP", "SLP": "GN"}.get(own, "")
            lines.append(line(code, due, modifier, **whose))
    return sessions, lines


def test_a_blank_discipline_that_a_line_has_too_proves_nothing(config):
    """Our own lines of a log, given back as claims, were units too many of the other's pool."""
    sessions, lines = apart_from_a_blank()
    for lacking in ((), ("discipline",), ("discipline", "modifiers_billed")):
        told = [{k: v for k, v in row.items() if k not in lacking} for row in lines]
        found, left_out = judged(sessions, told, config, select=("U", "D602"))
        assert {rule for rule, _ in found} == {"D602"} and ("U", 6) in left_out
    # Lines that all name it say what the log left out.
    told = [row | {"discipline": "PT", "modifiers_billed": "GP"} for row in lines[2:4]]
    found, left_out = judged(sessions[2:4], told, config, select=("U201",))
    assert (found, left_out) == ([("U201", "97110")], [])


@pytest.mark.parametrize("jobs", [None, 1])
def test_a_blank_discipline_with_units_of_its_own_proves_nothing(config, jobs, tmp_path):
    """In a log alone too; where the blank row bears none, the day's others bear its units."""
    names = ("units_billed", "modifiers_billed")
    rows = [
        mine | {name: said[name] for name in names}
        for mine, said in zip(*apart_from_a_blank(), strict=True)
    ]
    merged = [session("97110", "15", patient="P4"), session("97140", "8", patient="P4")]
    merged[0] |= dict(zip(names, ("3", "GP"), strict=True))
    merged[1] |= {"discipline": ""}
    frame(rows + merged).write_csv(tmp_path / "log.csv")
    words = ["audit", str(tmp_path / "log.csv"), "--select", "U,D602", "--format", "json"]
    words += ["--jobs", str(jobs)] if jobs else []
    done = json.loads(CliRunner().invoke(cli, words).stdout)
    told = [(f["patient"], f["rule"]) for f in done["findings"] if f["rule"] != "D602"]
    assert told == [("P4", "U201")] and len(done["findings"]) == 5
    (said,) = (entry for entry in done["not_run"] if "which of several" in entry["reason"])
    assert (said["rule"], said["lines"]) == ("U", 6)
    assert said["reason"].startswith("the log's billed units do not tell")


def test_a_blank_discipline_between_two_proves_nothing(config):
    """The line of 97530 is that of the other session, which says its discipline."""
    sessions = [session("97112", "25"), session("97140", "24"), session("97530", "5")]
    sessions[2]["discipline"] = ""
    sessions.append(session("97530", "22", discipline="OT", clinician="C2"))
    lines = [line("97112", "2"), line("97140", "2"), line("97530", "1", "GO", discipline="OT")]
    assert findings(sessions, lines, config, ("U",)) == []


def test_a_blank_provider_is_that_of_the_discipline(config):
    others = {"discipline": "OT", "provider": "R2"}
    sessions = [session("97110", "23", provider="R1"), session("97112", "25", **others)]
    sessions += [session("97140", "24", **others), session("97110", "5", discipline="OT")]
    sessions[3]["provider"] = ""
    lines = [line("97110", "2", provider="R1"), line("97112", "2", "GO", **others)]
    lines.append(line("97140", "2", "GO", **others))
    assert findings(sessions, lines, config, ("U",)) == []


def test_a_blank_provider_beside_others_is_reported_and_proves_nothing(config):
    """It may be theirs or another's: claims that name none leave the day in doubt."""
    sessions = [session("97112", "20", provider="R"), session("97140", "18", provider="")]
    lines = [line("97112", "2"), line("97140", "1")]
    found, left_out = judged(sessions, lines, config, select=("U", "D602"))
    assert found == [("D602", "97140")] and left_out == [("U", 2)]


def test_a_blank_provider_that_a_line_has_too_proves_nothing(config):
    """Our own lines of a log, given back as claims, were units too many of the other's pool."""
    sessions = [session("97032", "8", provider=""), session("97535", "23", provider="R")]
    lines = [line("97032", "1", provider=""), line("97535", "2", provider="R")]
    found, left_out = judged(sessions, lines, config, select=("U", "D602"))
    assert found == [("D602", "97032")] and left_out == [("U", 2)]
    twice = [session("92507", "30", discipline="SLP", provider=name) for name in ("R", "")]
    lines = [line("92507", "1", "GN", discipline="SLP", provider=name) for name in ("R", "")]
    assert judged(twice, lines, config, select=("U",)) == ([], [("U", 2)])
    # A primary code and its add-on are one service.
    add_on = [
        session(code, "9", discipline="SLP", provider=name)
        for code, name in (("97129", "R"), ("97130", ""))
    ]
    lines = [line("97129", "1", "GN", discipline="SLP", provider=name) for name in ("R", "")]
    assert judged(add_on, lines, config, select=("U",)) == ([], [("U", 2)])
    # What no line leaves blank is told by those of the day.
    lines = [line("97032", "1", provider="R"), line("97535", "2", provider="R")]
    assert judged(sessions, lines, config, select=("U",)) == ([("U201", "")], [])


@pytest.mark.parametrize("codes", [("92607", "92608"), ("97129", "97130")])
@pytest.mark.parametrize(("name", "values"), [("provider", "RS"), ("discipline", ("OT", "SLP"))])
def test_a_primary_code_fits_who_documented_its_add_on_alone(config, codes, name, values):
    """One service: the second line was units too many of one, the other not billed."""
    minutes = ("48", "49") if codes[0] == "92607" else ("15", "15")
    sessions = [
        session(code, spent, **{"discipline": "SLP", name: value})
        for code, spent, value in zip(codes, minutes, values, strict=True)
    ]
    told = [line(codes[0], "1", "", **{"discipline": "SLP", name: value}) for value in values]
    assert judged(sessions, told, config, select=("U",)) == ([], [("U214", None)])
    untold = [{k: v for k, v in row.items() if k != name} for row in told]
    assert judged(sessions, untold, config, select=("U",)) == ([], [("U214", None), ("U", 2)])


def test_days_in_doubt_leave_open_what_the_year_comes_to(config):
    """2,392.02 of 2,410.00 without the line that is taken back; 2,424.04 were said."""
    prior = {("P1", "OT"): 236_000}
    days = ("2025-12-14", "2025-12-16")
    sessions = [
        session(code, "15", date=day, discipline="OT")
        for code, day in zip(("97112", "97535"), days, strict=True)
    ]
    lines = [
        line(code, "1", "GO", date=day, discipline="OT", claim_status="Paid")
        for code, day in zip(("97112", "97535"), days, strict=True)
    ]

    def told(lines, sessions=sessions):
        asked = reviewing.Asked(select=("M305", "M306"), options=billing.Options(prior=prior))
        billed = logs.read(frame(lines), config, logs.of_claims(logs.Defaults(), ""))
        done = reviewing.review(read(sessions, config), config, asked, billed).audit
        why = [n["rule"] for n in done.not_run if "of the year" in n["reason"]]
        return done.findings["rule"].to_list(), why

    assert told(lines) == (["M305"], [])
    back = lines[0] | {"claim_status": "Reversal"}
    assert told([*lines, back]) == ([], ["M306"])
    # What is certain without that day is due all the same.
    beside = session("97533", "15", date=days[1], discipline="OT")
    also = line("97533", "1", "GO", date=days[1], discipline="OT", claim_status="Paid")
    assert told([*lines, also, back], [*sessions, beside]) == (["M305"], ["M306"])
    # One that names nobody leaves out its own date, of all patients.
    assert told([*lines, back | {"patient": ""}]) == (["M305"], [])
    assert told([*lines, back | {"patient": "", "date": ""}]) == ([], [])
    # What is taken back later changes nothing of the days before it.
    later = lines[0] | {"date": "2025-12-18"}
    assert told([*lines, later, later | {"claim_status": "Reversal"}]) == (
        ["M305"], ["M306"]
    )  # fmt: skip
    # Nor do payers that the lines do not tell, here our own bill of the log.
    blank = [{**sessions[0], "payer": p} for p in ("", "highmark")]
    sessions = [*blank, {**sessions[1], "payer": "medicare"}]
    lines = [{**lines[0], "payer": p} for p in ("medicare", "highmark")]
    lines.append(line("97535", "1", "GO KX", date=days[1], discipline="OT", payer="medicare"))
    assert told(lines, sessions) == ([], ["M306"])


def test_a_line_taken_back_of_another_threshold_is_no_doubt(config):
    """What is given back of occupational therapy leaves physical therapy above its threshold."""
    sessions = [
        session("97530", "15", discipline="OT", clinician="C2"),
        session("97110", "15", date="2026-03-04"),
    ]
    lines = [
        line("97530", "1", "GO", discipline="OT"),
        line("97530", "-1", "GO", discipline="OT"),
        line("97110", "1", "GP", date="2026-03-04"),
    ]
    options = billing.Options(prior={("P1", "PT+SLP"): 248_000})
    asked = reviewing.Asked(select=("M305",), options=options)
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    assert audit.findings["rule"].to_list() == ["M305"]
    assert "($2,509.06 of $2,480.00)" in audit.findings["message"][0]


@pytest.mark.parametrize(
    ("day", "early"), [("2026-03-02", []), ("33", []), ("2025-03-02", ["M306"])]
)
def test_kx_beside_lines_of_the_year_that_cannot_be_read(config, day, early):
    """Their amounts may have passed the threshold."""
    sessions = [session("97110", "15", date=date) for date in ("2026-03-01", "2026-03-04")]
    lines = [
        line("97110", "1", date="2026-03-01"),
        line("97110", "x", date=day),
        line("97110", "1", "GP KX", date="2026-03-04"),
    ]
    asked = reviewing.Asked(select=("M306",))
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    assert audit.findings["rule"].to_list() == early
    assert {(n["rule"], n["lines"]) for n in audit.not_run} == {("M306", 1)}


@pytest.mark.parametrize(("prior", "found"), [(242_873, []), (242_874, ["M305"])])
def test_kx_beside_a_line_of_the_day_that_cannot_be_read(config, prior, found):
    """Its code may be the one that is paid in full: 97110 adds 22.21 for sure, not 29.06."""
    later = {"date": "2026-03-04"}
    sessions = [session("97110", "15"), session("97530", "15"), session("97110", "15", **later)]
    lines = [line("97110", "1"), line("97530", "x", "GP KX"), line("97110", "1", **later)]
    options = billing.Options(prior={("P1", "PT+SLP"): prior})
    asked = reviewing.Asked(select=("M305",), options=options)
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    assert audit.findings["rule"].to_list() == found


def test_a_charge_beside_a_line_that_cannot_be_read(config):
    """Its code may be the one that is paid in full: 29.06 would be 22.21."""
    sessions = [session("97112", "15"), session("97110", "15")]
    lines = [line("97112", "1x", charge="60"), line("97110", "1", charge="25")]
    assert judged(sessions, lines, config, select=("P",)) == ([], [("P401", 1)])


IN_DOUBT = [
    ([line("97110", "1"), line("97110", "-1")], "S"),
    ([line("97110", "1"), line("97110", "1x", "GP CQ")], "S705"),
]


@pytest.mark.parametrize(("lines", "rule"), IN_DOUBT, ids=["taken back", "not read"])
def test_an_assistant_whose_lines_are_in_doubt(config, lines, rule):
    """The line with CQ may be the one that is billed in the end."""
    sessions = [session("97110", "15", role="assistant")]
    by_both = [*sessions, session("97110", "15", clinician="C2")]
    assert judged(sessions, lines[:1], config, ("S705",))[0] == [("S705", "")]
    found, left_out = judged(by_both, lines, config, ("S705",))
    assert found == [] and (rule, 1) in left_out
    # Another day of the assistant's tells what it did before.
    sessions.append({**sessions[0], "date": "2026-03-03"})
    lines = [*lines, line("97110", "1", date="2026-03-03")]
    assert judged(sessions, lines, config, ("S705",))[0] == [("S705", "")]


def marked_in_doubt():
    """An assistant's mark on a day of which one line cannot be read."""
    days = ("2026-03-02", "2026-03-03")
    sessions = [session("97110", "15", role="assistant", date=day) for day in days]
    sessions.append(session("97530", "15", date=days[1], clinician="C2"))
    lines = [
        line("97110", "1", date=days[0]),
        line("97110", "1", "GP CQ", date=days[1]),
        line("97530", "1x", date=days[1]),
    ]
    return sessions, lines


def test_a_mark_on_a_day_in_doubt_is_a_mark(config):
    """ "None is billed so" would be false."""
    assert judged(*marked_in_doubt(), config, ("S705",)) == ([], [("S705", 1)])


@pytest.mark.parametrize("day", ["2026-03-02", "2026-03-03"])
def test_an_assistant_beside_a_line_of_nobody(config, day):
    """That day is left out for all patients; the other tells what it did before."""
    sessions = [
        session("97110", "30", role="assistant", date=date) for date in ("2026-03-02", "2026-03-03")
    ]
    lines = [line("97110", "2", date=row["date"]) for row in sessions]
    lines.append(line("97116", "1", patient="", date=day))
    assert judged(sessions, lines, config, select=("S705",)) == ([("S705", "")], [("S705", 1)])


def test_kx_on_one_of_two_lines_of_a_code(config):
    """The sentence says which one lacks it."""
    sessions = [session("97110", "30"), session("97110", "30", role="assistant", clinician="C2")]
    options = billing.Options(prior={("P1", "PT+SLP"): 248_000})
    asked = reviewing.Asked(select=("M305",), options=options)
    for plain, marked, said in (
        ("GP KX", "GP CQ", " on its line with CQ or CO,"),
        ("GP", "GP CQ KX", " on its line without CQ or CO,"),
        ("GP", "GP CQ", ","),
    ):
        lines = [line("97110", "2", plain), line("97110", "2", marked)]
        audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
        assert audit.findings["message"][0].startswith(f"97110 is billed without KX{said}")


@pytest.mark.parametrize(("prior", "found"), [(242_495, []), (242_496, ["M305"])])
def test_a_charge_lowers_each_line_for_itself(config, prior, found):
    """30.00 of 35.07 and 25.05 of 30.00: 55.05, and not 60.00 of 60.12."""
    sessions = [session("97530", "15"), session("97530", "15", role="assistant", clinician="C2")]
    lines = [line("97530", "1", also, charge="30") for also in ("GP", "GP CQ")]
    options = billing.Options(prior={("P1", "PT+SLP"): prior})
    asked = reviewing.Asked(select=("M305",), options=options)
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    assert audit.findings["rule"].to_list() == found


@pytest.mark.parametrize(
    ("charges", "marks", "prior", "found"),
    [
        # 20.00 and 25.05 of 60.00
        (("20", "60"), "", 243_495, []),
        (("20", "60"), "", 243_496, ["M305"]),
        # 35.07 of 36.00 and 25.00
        (("36", "25"), " KX", 241_993, ["M306"]),
        (("36", "25"), " KX", 241_994, []),
        # 30.00, and nobody knows whether for both lines: 30.00 and 25.05, or 15.00 each
        (("30", ""), "", 244_999, []),
        (("30", ""), " KX", 241_988, ["M306"]),
        (("30", ""), " KX", 243_000, []),
    ],
)
def test_lines_of_a_code_that_are_charged_unlike(config, charges, marks, prior, found):
    """Each claim line has the lesser of its own charge and amount: 35.07 and 25.05."""
    sessions = [session("97530", "15"), session("97530", "15", role="assistant", clinician="C2")]
    lines = [
        line("97530", "1", f"{also}{marks}", charge=charge)
        for also, charge in zip(("GP", "GP CQ"), charges, strict=True)
    ]
    options = billing.Options(prior={("P1", "PT+SLP"): prior})
    asked = reviewing.Asked(select=("M305", "M306"), options=options)
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    assert audit.findings["rule"].to_list() == found


def test_a_claims_line_beside_gn_keeps_what_is_due(config):
    """Without CQ it would be billed by an assistant in part and say nothing of it (M301)."""
    sessions = [session("97110", "8"), session("97110", "22", role="assistant", clinician="C2")]
    told = {
        marks: [f[:4] for f in findings(sessions, [line("97110", "2", marks)], config, ("M",))]
        for marks in ("GN CQ", "GP CQ")
    }
    more = ("M302", "97110", "2", "1")
    assert told == {"GN CQ": [more, ("M303", "97110", "GN CQ", "GP CQ")], "GP CQ": [more]}


@pytest.mark.parametrize("other", ["S", ""])
def test_a_log_alone_takes_a_blank_provider_for_one_of_its_own(config, other):
    """So a bill counts it; many clinics have one provider and name none."""
    sessions = [session("97110", "8", provider=name, units_billed="1") for name in ("R", other)]
    asked = reviewing.Asked(select=("U", "D602"))
    found = reviewing.review(read(sessions, config), config, asked).audit.findings
    assert found["rule"].to_list() == ([] if other else ["D602"])
    unnamed = [{**row, "provider": "", "minutes": "15"} for row in sessions]
    assert len(reviewing.review(read(unnamed, config), config, asked).audit.findings) == 0


def test_providers_that_only_the_claims_name(config):
    """A log whose provider column is blank throughout takes them by code."""
    sessions = [session(code, "15", provider="") for code in ("97110", "97112")]
    lines = [line("97110", "1", provider="R1"), line("97112", "1", provider="R2")]
    lines.append(line("97116", "1", provider="R2"))
    found, left_out = judged(sessions, lines, config, select=("U", "D602"))
    assert found == [("U207", "97116")] and left_out == []


@pytest.mark.parametrize("blank", [{"locality": ""}, {}])
def test_a_blank_locality_of_the_log_is_that_of_the_claims(config, blank):
    """Fees of another locality would accuse a charge, and a threshold that is not passed."""
    sessions = [session("97116", "15", **blank)]
    charged = line("97116", "1", locality="OH-00", charge="28.00")  # the fee there is 27.87
    assert findings(sessions, [charged], config, ("P401",)) == []
    own = [session("97116", "15", locality="US")]
    assert [f[0] for f in findings(own, [charged], config, ("P401",))] == ["P401"]


# --- what lines prove ----------------------------------------------------------------------


def test_a_line_for_the_assistants_units_needs_its_modifier_to_be_told(config):
    sessions = [session("97110", "15"), session("97110", "15", role="assistant", clinician="C2")]
    lines = [line("97110", "1", ""), line("97110", "1", "")]
    assert findings(sessions, lines, config, ("U",)) == []


def test_lines_billed_for_a_denial_ask_for_no_payment(config):
    sessions = [session("97116", "15")]
    refused = [
        line("97116", "1", "GP GY"),
        line("97110", "1", "GP GY"),
        line("97161", "1", "GP GZ"),
    ]
    assert findings(sessions, [line("97116", "1"), *refused], config, ("U",)) == []
    billed = [{**row, "modifiers_billed": "GP"} for row in refused]
    found = findings(sessions, [line("97116", "1"), *billed], config, ("U",))
    assert [f[0] for f in found] == ["U201", "U207", "U207"]  # U214 is in U201


def test_what_units_are_at_stake_beside_a_denial_or_a_log_of_other_dates_is_not_said(config):
    """Null, not nothing: neither what the refused line is worth nor what was done is known."""
    sessions = [session("97116", "15"), session("97116", "15", date="2026-03-04")]
    lines = [line("97116", "3"), line("97116", "1", "GP GA")]
    late = line("97161", "2", date="2026-03-06", charge="500")
    found = beside(sessions, [*lines, late, line("97116", "1", date="2026-03-04")], "U201,U205")
    assert found == [("U201", "97116", None), ("U205", "97161", None)]


def test_a_group_line_of_a_documented_patient_is_no_company(config):
    """Its session says when the patient was there."""
    groups = [
        session("97150", "", patient=patient, start=start, end=end)
        for patient, start, end in (("P1", "9:00", "9:30"), ("P2", "10:00", "10:30"),
                                    ("P3", "10:00", "10:30"))
    ]  # fmt: skip
    lines = [line("97150", "1", patient=row["patient"]) for row in groups]
    assert [(f[0], f[4]) for f in findings(groups, lines, config, ("U211",))] == [("U211", 1)]
    stranger = line("97150", "1", patient="P4")  # whom the log does not name on the day
    assert findings(groups, [*lines, stranger], config, ("U211",)) == []


def test_claims_of_dates_that_the_log_does_not_cover(config):
    sessions = [session("97116", "15", date=f"2026-03-{day:02}") for day in (2, 6)]
    lines = [line("97116", "1", date=f"2026-03-{day:02}") for day in (1, 2, 4, 6, 7)]
    asked = reviewing.Asked(select=("U",))
    audit = reviewing.review(read(sessions, config), config, asked, read(lines, config)).audit
    assert [*audit.findings.select("rule", "row").iter_rows()] == [("U207", 3)]
    reason = "the claims have lines before the log's first date or after its last"
    said = [entry for entry in audit.not_run if entry["reason"] == reason]
    assert [(entry["rule"], entry["lines"]) for entry in said] == [
        ("U201", 2), ("U204", 2), ("U207", 2)
    ]  # fmt: skip


def test_medicares_own_code_is_documented_by_the_usual_one(config):
    sessions = [session("97014", "15"), session("97110", "15")]
    assert findings(sessions, [line("G0283", "1"), line("97110", "1")], config, ("U",)) == []
    # Another payer takes the other one, which a log may have under Medicare's.
    own = [row | {"code": "G0283"} if row["code"] == "97014" else row for row in sessions]
    assert findings(own, [line("97014", "1"), line("97110", "1")], config, ("U",)) == []
    # Not where the log has sessions of both codes, or the line is another payer's.
    # An aide's row is no session, and another discipline's none of this one.
    aide = session("97014", "15", role="aide", clinician="Al")
    assert findings([aide, *own], [line("97014", "1"), line("97110", "1")], config, ("U",)) == []
    log = [session("G0283", "15"), session("97014", "15", clinician="Bo")]
    found = findings(log, [line("97014", "1")], config, ("T", "U"))
    assert [f[:2] for f in found] == [("U208", "G0283")]
    log = [session("G0283", "15", payer="ama")]
    found = findings(log, [line("97014", "1", payer="medicare")], config, ("U207",))
    assert [f[:2] for f in found] == [("U207", "97014")]
    both = [line("G0283", "1"), line("97014", "1"), line("97110", "1")]
    assert [f[:2] for f in findings(sessions, both, config, ("U",))] == [("U207", "G0283")]


def test_further_areas_are_documented_by_the_first(config):
    sessions, lines = [session("97597", "30")], [line("97597", "1"), line("97598", "3")]
    assert findings(sessions, lines, config, ("U",)) == []
    assert [f[:2] for f in findings(sessions, lines[1:], config, ("U207", "U213"))] == [
        ("U213", "97598")
    ]


def test_an_evaluation_that_is_only_billed_was_not_given(config):
    found = findings([session("97161", "30")], [line("97162", "1")], config, ("U",))
    assert [f[0] for f in found] == ["U207", "U208"]


def test_units_of_areas_are_supported_where_a_session_is_documented(config):
    """Nobody can count them from minutes: the log's own say is enough, a claim's is not."""
    lines = [line("97597", "2"), line("97597", "1", patient="P2")]
    asked = reviewing.Asked(select=("U207",))
    log = read([session("97597", "30")], config)
    audit = reviewing.review(log, config, asked, read(lines, config)).audit
    assert (audit.meta["units_billed"], audit.meta["units_supported"]) == (3, 2)


def test_rows_beyond_the_dates_of_the_claims_are_said(config):
    """A month of claims beside a quarter's log: nobody knows that the rest was not billed."""
    days = ["2026-03-02", "2026-03-03", "2026-03-04"]
    sessions = [session("97110", "30", date=day) for day in days]
    lines = [line("97110", "2", date="2026-03-03")]
    log, asked = read(sessions, config), reviewing.Asked(select=("U208",))
    audit = reviewing.review(log, config, asked, read(lines, config)).audit
    said = "2 rows of the log lie before or after the claims' dates, and count as not billed"
    assert said in audit.meta["notes"]
    assert [day.day for day in audit.findings["date"]] == [2, 4]
    # A line that cannot be read has a date too.
    lines += [line("97110", "x", date=day) for day in (days[0], days[2])]
    audit = reviewing.review(log, config, asked, read(lines, config)).audit
    assert not [note for note in audit.meta["notes"] if "claims' dates" in note]


def test_a_day_is_of_those_who_treated(config):
    """D603 beside a student's row."""
    rows = [
        session("97110", "20", clinician="Abe", role="student", total_minutes=""),
        session("97110", "40", clinician="Kim", units_billed="3", total_minutes=""),
        session("97110", "22", clinician="Kim", patient="P2", total_minutes="22"),
    ]
    asked = reviewing.Asked(select=("D603",))
    found = reviewing.review(read(rows, config), config, asked).audit.findings
    assert list(found.select("clinician", "row").iter_rows()) == [("Kim", 2)]


def test_a_service_is_of_those_who_gave_it(config):
    """A student's or an aide's row names nobody beside a therapist's, and is not the first."""
    sessions = [
        session("97110", "10", clinician="Abe", role="aide"),
        session("97110", "15", clinician="Kim", units_billed="2"),
        session("97110", "20", clinician="Zoe", role="student"),
    ]
    asked = reviewing.Asked(select=("U201",))
    found = reviewing.review(read(sessions, config), config, asked).audit.findings
    (only,) = found.iter_rows(named=True)
    assert (only["clinician"], only["row"]) == ("Kim", 2)
    alone = [session("97110", "10", clinician="Abe", role="aide", units_billed="1")]
    found = reviewing.review(read(alone, config), config, reviewing.Asked()).audit.findings
    assert set(found["clinician"]) == {"Abe"}


def test_findings_alone_say_that_patients_are_left_out(tmp_path):
    """An empty csv and exit status 0 would say that all is well."""
    rows = [session("97110", "30", patient=patient) for patient in ("00123", "A9")]
    lines = [line("97110", "4", patient="123"), line("97110", "2", patient="A9")]
    log, claimed = tmp_path / "log.csv", tmp_path / "claims.csv"
    frame(rows).write_csv(log)
    frame(lines).write_csv(claimed)
    out = ["-o", str(tmp_path / "found.csv"), "--select", "U"]
    result = CliRunner().invoke(cli, ["audit", str(log), "--claims", str(claimed), *out])
    assert result.exit_code == 0
    assert "these patients are left out; write them alike in both" in result.stderr


# --- other engines ---------------------------------------------------------------------------


def _all_matched():
    """The cases above as one log and its claims, each of patients and clinicians of its own.

    One log and no case by itself: an audit takes Spark half a minute.
    """
    assistant, later = session("97110", "15", role="assistant"), {"date": "2026-03-03"}
    cases = [
        *map(blank_cell, ("discipline", "provider")),
        *(fitting_two(*case) for case in TWO),
        both_codes(),
        *(half_named(*case[:4]) for case in OTHERS),
        charges_taken_back(),
        wrong_disciplines(),
        payer_of_claims(),
        ([assistant], [line("97110", "1")]),
        *(([assistant, session("97110", "15", clinician="C2")], lines) for lines, _ in IN_DOUBT),
        *(
            ([assistant, assistant | later], [*lines, line("97110", "1", **later)])
            for lines, _ in IN_DOUBT
        ),
        marked_in_doubt(),
    ]
    sides = ([], [])
    for number, case in enumerate(cases):
        for side, rows in zip(sides, case, strict=True):
            for row in rows:
                own = {n: f"{number} {row[n]}" for n in ("patient", "clinician") if n in row}
                side.append(row | own)
    return sides


@pytest.mark.parametrize(
    "engine_name", ["duckdb", pytest.param("spark", marks=pytest.mark.spark)], indirect=True
)
def test_every_engine_matches_alike(config, engine_name):
    asked = reviewing.Asked(select=("U", "M", "S705"))
    ours, theirs = (read(rows, config) for rows in _all_matched())
    expected = reviewing.review(ours, config, asked, theirs).audit
    ours, theirs = (logs._on_engine(log, engine_name) for log in (ours, theirs))
    audit = reviewing.review(ours, config, asked, theirs).audit
    assert audit.findings.rows() == expected.findings.rows()
    assert audit.not_run == expected.not_run
    assert {"U201", "U205", "M303", "M309", "S705"} <= set(expected.findings["rule"])
    assert {entry["rule"] for entry in expected.not_run} >= {"U", "M", "S", "S705"}


@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
@pytest.mark.parametrize(
    ("revenue", "disciplines"),
    [
        (("0420", "0430"), ["OT", "PT"]),
        (("429", "444.0"), ["PT", "SLP"]),
        (("0420", "0510"), ["", "PT"]),
        (("420.00", "42"), [""]),  # an amount; of one pool they are one line
    ],
)
def test_a_facilitys_revenue_codes_tell_the_discipline(revenue, disciplines, engine_name, config):
    """Its bills have no other column of it, and 8 minutes of each were one pool."""
    rows = [
        {**VISIT, "code": "97530", "minutes": "8", "Rev Code": said, "units_billed": "1"}
        for said in revenue
    ]
    rows = [{name: row[name] for name in row if name != "discipline"} for row in rows]
    given = engine.on_engine(nw.from_native(frame(rows).lazy()), engine_name)
    log = logs.read(nw.to_native(given), config)
    lines = engine.collect(billing.bill(log, config))
    assert sorted(lines["discipline"].cast(nw.String).to_list()) == disciplines
    if disciplines[0]:
        assert lines["units"].to_list() == [1, 1]
    own = logs.read(frame([row | {"discipline": "SLP"} for row in rows]), config)
    assert set(engine.collect(own.sessions)["discipline"].cast(nw.String)) == {"SLP"}


@pytest.mark.parametrize(
    ("said", "disciplines", "units"),
    [
        (("GP", "GO"), ["OT", "PT"], [1, 1]),
        (("GP KX", "GN"), ["PT", "SLP"], [1, 1]),
        (("GP", "GP"), ["", ""], [0, 1]),  # a blank is a value of its own
        (("GP", ""), ["", ""], [0, 1]),  # which may be PT's too
        (("GP GO", "GO"), ["", ""], [0, 1]),
        (("GP", "GO", ""), ["", "OT", "PT"], [1, 1, 1]),  # a supervised code is of no pool
    ],
)
@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_minutes_of_two_disciplines_are_of_no_pool(said, disciplines, units, engine_name, config):
    """Of a log without disciplines whose rows say GP and GO a bill made one pool, an audit two."""
    codes = ("97530", "97535", "G0283")[: len(said)]
    rows = [
        session(code, "8", discipline="", modifiers_billed=text)
        for code, text in zip(codes, said, strict=True)
    ]
    given = engine.on_engine(nw.from_native(frame(rows).lazy()), engine_name)
    lines = engine.collect(billing.bill(logs.read(nw.to_native(given), config), config))
    assert sorted(lines["discipline"].cast(nw.String).to_list()) == disciplines
    assert sorted(lines["units"].to_list()) == units
