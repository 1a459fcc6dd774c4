"""What days that are not told whole leave in doubt: one finding of each kind beside them."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from audits import frame
from rulebook import RULES

import calc
from calc import claims, doubts, logs, reviewing

DAY, NEXT, BEFORE = date(2026, 3, 2), date(2026, 3, 3), date(2025, 12, 30)
PLACE = {"patient": str, "date": date}
TYPES = {
    "unread": PLACE | {"code": str, "reverses": bool},
    "unsure": PLACE | {"lines": int},
    "unheard": PLACE | {"code": str, "reverses": bool},
}
BILLED = {"M306", "T106", "U201", "U202", "U209", "U214"}
ROWS = {"D603", "U201", "U202"}
FOUND = {"rule": str} | PLACE | {"severity": str, "cents": int, "takes_units": bool}
KINDS = sorted({*BILLED, *ROWS, "T103", "U211", "U212"})


def doubted(covered=None, **days):
    """Doubts of these (patient, date, code, whether it reverses, lines)."""
    names = ("patient", "date", "code", "reverses", "lines")
    rows = {
        name: [dict(zip(names, day, strict=True)) for day in days.get(name, ())] for name in TYPES
    }
    frames = {name: frame(rows[name], types) for name, types in TYPES.items()}
    return doubts.Doubts(**frames, group_codes=("97150",), covered=covered)


def left_out(doubt):
    """The rules whose finding of P1 on DAY goes; those of P9 and of no date always stay."""
    places = [("P1", DAY), ("P9", NEXT), ("P9", None)]
    found = [{"rule": rule, "patient": p, "date": day} for rule in KINDS for p, day in places]
    left = doubt.spared(frame(found, FOUND))
    stay = sorted(zip(left["rule"], left["patient"], strict=True))
    assert [rule for rule, patient in stay if patient == "P9"] == sorted(KINDS * 2)
    return set(KINDS) - {rule for rule, patient in stay if patient == "P1"}


@pytest.mark.parametrize(
    ("patient", "day", "by_line", "by_row"),
    [
        ("P1", DAY, True, {*ROWS, "M306"}),
        ("P1", None, True, {*ROWS, "M306"}),
        ("P1", NEXT, False, {"M306"}),  # of the year
        ("P1", BEFORE, False, set()),
        ("P2", DAY, False, set()),
        ("P2", None, False, set()),
        ("", DAY, True, set()),  # a line may be of any patient; a torn row is not to silence all
        ("", BEFORE, False, set()),
    ],
)  # fmt: skip
def test_whom_and_when_a_doubt_is_of(patient, day, by_line, by_row):
    def of(name, reverses=False):
        return left_out(doubted(**{name: [(patient, day, "97110", reverses, 1)]}))

    assert of("unread") == ({"M306", "U202"} if by_line else set())
    assert of("unread", reverses=True) == of("unsure") == (BILLED if by_line else set())
    assert of("unheard") == by_row
    taken_back = BILLED | ROWS | {"T103"} if by_row >= ROWS else by_row
    assert of("unheard", reverses=True) == taken_back


def test_a_row_of_no_date_may_be_any():
    """A line of nobody too, and group treatment of anybody."""
    found = [{"rule": rule, "patient": "P9", "date": NEXT} for rule in ("U202", "U211")]
    nowhere, group = [("", None, "97110", False, 1)], [("P2", None, "97150", False, 1)]
    for doubt, left in (({"unread": nowhere}, "U211"), ({"unheard": group}, "U202")):
        spared = doubted(**doubt).spared(frame(found, FOUND))
        assert spared["rule"].to_list() == [left]
    assert left_out(doubted(unheard=nowhere)) == set()


@pytest.mark.parametrize(
    ("day", "code", "company"),
    [
        (DAY, "97150", True), (DAY, None, True), (DAY, "97110", False), (None, "97110", False),
        (None, None, False), (BEFORE, "97150", False), (BEFORE, None, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("patient", ["", "P2"])
def test_company_that_was_not_read(patient, day, code, company):
    doubt = doubted(unheard=[(patient, day, code, False, 1)])
    assert left_out(doubt) == ({"U211"} if company else set())


@pytest.mark.parametrize(
    ("first", "last", "out"),
    [(DAY, DAY, False), (BEFORE, NEXT, False), (NEXT, NEXT, True), (BEFORE, BEFORE, True)],
)
def test_days_that_the_log_does_not_cover(first, last, out):
    found = frame([{"rule": rule, "patient": "P1", "date": DAY} for rule in KINDS], FOUND)
    left = doubted(covered=(first, last)).spared(found)
    assert set(KINDS) - set(left["rule"].to_list()) == ({"U201"} if out else set())


def test_lines_of_several_services_are_counted():
    assert doubted(unsure=[("P1", DAY, "", False, 2), ("P2", None, "", False, 3)]).lines() == 5


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((0, 0, 0, 0), set()),
        ((1, 0, 0, 0), {"M306", "U202"}),
        ((0, 1, 0, 0), {"M", "U"}),
        ((0, 0, 1, 0), {*ROWS, "M306", "T103", "T106", "U211", "U212"}),
        ((0, 0, 0, 1), {"U201"}),
    ],
)
def test_what_was_silent_is_said(lines, said):
    silent = doubts.not_run([RULES[kind] for kind in KINDS], *lines)
    assert {gap["rule"] for gap in silent} == said and len(silent) == len(said)
    assert {gap["lines"] for gap in silent} <= {1}


def test_rows_that_name_nobody_leave_nobodys_day_out():
    """They may be of group treatment, and are compared with no others: that is said."""
    chosen = [RULES[kind] for kind in KINDS]
    silent = doubts.not_run(chosen, 0, 0, 2, 0, nameless=1)
    assert {gap["lines"] for gap in silent if gap["rule"] in {*ROWS, "M306"}} == {1}
    silent = doubts.not_run(chosen, 0, 0, 2, 0, nameless=2)
    assert {gap["rule"] for gap in silent} == {"T103", "T106", "U211", "U212"}


LOG = "patient,date,discipline,code,minutes\nP1,2026-03-02,PT,97110,23\nP2,2026-03-02,PT,97110,23\n"
CLAIMS = "patient,date,discipline,code,units,charge\nP1,2026-03-02,PT,97110,2,90\n"


@pytest.mark.parametrize(
    ("line", "missed", "reason"),
    [
        ("", True, ""),
        ("Total,,,,2,90", True, ""),
        (",,Grand Total:,,2,90", True, ""),
        (",,,Sub-total,2,90", True, ""),
        (",,,,2,90", False, "all days, as one names no patient and no date, are left out"),
        (
            ",,Total,97110,2,90",
            False,
            "all days, as one names no patient and no date, are left out",
        ),
        ("Total,2026-03-02,,,2,90", True, "their days are left out"),
        ("Totalis,,PT,97110,2,90", True, "their days are left out"),
    ],
)
def test_a_line_of_totals_is_of_no_day(line, missed, reason, tmp_path, config):
    """It is a reject and nothing else; any other line that names nobody may be of any day."""
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "claims.csv").write_text(f"{CLAIMS}{line}\n")
    log, lines = (logs.read(str(tmp_path / f"{name}.csv"), config) for name in ("log", "claims"))
    done = reviewing.review(log, config, claimed=lines)
    rows = pl.read_csv(tmp_path / "claims.csv", infer_schema=False)
    rows = rows if line else rows.head(1)  # a blank line of a file is no record
    found = calc.audit(str(tmp_path / "log.csv"), claims=rows, report=True).findings
    assert ("U208" in found["rule"].to_list()) is missed
    assert len(done.claims_rejects) == bool(line)
    assert ("U208" in done.audit.findings["rule"].to_list()) is missed
    reasons = {entry["reason"] for entry in done.audit.not_run if entry["rule"] == "U208"}
    assert {text.split("; ")[1] for text in reasons} == ({reason} if reason else set())


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (",,PT,97140,16,1", "P1"),
        (",2026-03-02,PT,97140,16,1", "P1"),
        (",someday,PT,97140,16,1", ""),
        ("Total,,,,,3", None),
    ],
)
def test_a_row_without_a_patient_is_of_the_one_above(row, named, tmp_path, config):
    """Cells may be merged: whoever stands there is not accused of the minutes that were lost."""
    head = "patient,date,discipline,code,minutes,units_billed\n"
    own = [f"{patient},2026-03-02,PT,97110,22,2\n" for patient in ("P1", "P2")]
    (tmp_path / "log.csv").write_text(f"{head}{own[0]}{row}\n{own[1]}")
    log = logs.read(str(tmp_path / "log.csv"), config)
    lost = [tuple(day) for day in claims.unread(log, merged=True).select("patient", "date").rows()]
    assert lost == ([] if named is None else [(named, DAY if named else None)])
    accused = calc.audit(str(tmp_path / "log.csv"), select="U201", report=True).findings
    assert sorted(accused["patient"].to_list()) == (["P2"] if named else ["P1", "P2"])
    assert claims.unread(log)["patient"].to_list() == ([] if named is None else [""])


def test_a_line_of_totals_below_a_log_silences_no_rule(tmp_path, config):
    text = f"{LOG}Total,,,,46\n"
    (tmp_path / "log.csv").write_text(text)
    (tmp_path / "bare.csv").write_text(LOG)
    one, two = (logs.read(str(tmp_path / f"{name}.csv"), config) for name in ("log", "bare"))
    assert len(claims.unread(one)) == len(claims.unread(two)) == 0
    not_run = [reviewing.review(log, config).audit.not_run for log in (one, two)]
    assert not_run[0] == not_run[1]


@pytest.mark.parametrize("doubt", ["unread", "unsure", "unheard", "reverses"])
def test_what_rests_on_the_units_of_a_day_in_doubt(doubt):
    """A fault of the log stands, but neither its dollars nor that its units are earned by it."""
    name = "unread" if doubt == "reverses" else doubt
    day = ("P1", DAY, "97110", doubt == "reverses", 1)
    found = [
        {
            "rule": rule, "patient": patient, "date": DAY, "severity": "error", "cents": 2221,
            "takes_units": True,
        }
        for rule in ("T101", "T102", "T104", "T110") for patient in ("P1", "P2")
    ]  # fmt: skip
    left = doubted(**{name: [day]}).spared(frame(found, FOUND)).sort("patient", "rule")
    ours, theirs = (left.filter(left["patient"] == patient) for patient in ("P1", "P2"))
    asks = doubt != "unread"  # more lines than are known make no unit earned
    mild = "warning" if asks else "error"
    assert ours["severity"].to_list() == [mild, mild, "error", mild]
    assert ours["cents"].to_list() == [None if asks else 2221] * 4
    assert ours["takes_units"].to_list() == [not asks, not asks, True, not asks]
    assert theirs["severity"].unique().to_list() == ["error"] and theirs["cents"].sum() == 2221 * 4
    assert theirs["takes_units"].all()
