"""Claims beside a log: how lines find their services, and what has no counterpart."""

import polars as pl
import pytest
from helpers import frame

from calc import claims, engine, logs, reviewing

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
    assert claims.held(log) == {"clinician", "role", "discipline"}
    log = read([session("97110", "", start="09:00", end="09:30", units_billed="2")], config)
    assert {"clocks", "units_billed"} <= claims.held(log)


def test_a_log_without_billed_units_says_what_did_not_run(config):
    done = reviewing.review(read([session("97110", "23")], config), config)
    assert {"U201", "U207", "U208"} <= {entry["rule"] for entry in done.audit.not_run}
    assert isinstance(engine.collect(done.rejects.lazy()).to_native(), pl.DataFrame)
