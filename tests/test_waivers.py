"""Waivers and baselines: what is left out, what is said of it, and files that are refused."""

from __future__ import annotations

import json
from datetime import date

import narwhals.stable.v2 as nw
import pytest
from audits import finding, findings

from calc import auditing, baseline, waivers
from calc.errors import InputError

RULES = ("U201", "T101")
TODAY = date(2026, 4, 1)
HEAD = "rule,patient,clinician,date,code,reason,by,until\n"


def read(tmp_path, text, name="waivers.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return waivers.read(str(path), RULES)


def applied(tmp_path, text, *rows):
    """``waived`` of each finding, and the notes without the folder."""
    done, notes = waivers.apply(findings(*rows), read(tmp_path, text), TODAY)
    assert done.columns == findings(*rows).columns
    assert done["row"].to_list() == [row["row"] for row in rows]
    return done["waived"].to_list(), [note.replace(f"{tmp_path}/", "") for note in notes]


def test_a_waiver_fits_every_key_it_names(tmp_path):
    text = HEAD + "U201,1001,,2026-03-02,,agreed,B. Quist,2026-12-31\n"
    rows = [
        finding(row=2),
        finding(row=3, patient="1002"),
        finding(row=4, date=date(2026, 3, 3)),
        finding("T101", row=5),
        finding(row=6, code="97110", clinician="Bell"),
    ]
    said = "agreed (B. Quist, until 2026-12-31)"
    assert applied(tmp_path, text, *rows) == ([said, "", "", "", said], [])


def test_a_waiver_of_a_finding_under_another_is_not_unused(tmp_path):
    """Who were told that would take it out as stale; nor does it waive the one above."""
    text = HEAD + "U201,1001,,,,agreed,B. Quist,2026-12-31\nU201,7,,,,gone,B. Quist,2026-12-31\n"
    given = read(tmp_path, text)
    under = findings(finding("U201", row=3))
    done, notes = waivers.apply(findings(finding("T101", row=3)), given, TODAY, under)
    assert done["waived"].to_list() == [""]
    assert [note.replace(f"{tmp_path}/", "") for note in notes] == [
        "1 waiver is of findings that stand under others (also), which it does not waive:"
        " waivers.csv:2",
        "1 waiver is unused: waivers.csv:3",
    ]


def test_a_key_may_be_copied_from_a_csv_of_ours(tmp_path):
    """There a patient whom a spreadsheet would take for a formula has an apostrophe."""
    text = HEAD + "U201,'-1001,,,,agreed,B. Quist,2026-12-31\n"
    waived, notes = applied(tmp_path, text, finding(patient="-1001"))
    assert (waived, notes) == (["agreed (B. Quist, until 2026-12-31)"], [])


def test_each_pattern_of_keys(tmp_path):
    """Waivers that name different keys; the first in the file is shown, none is called unused."""
    text = HEAD + (
        "u201,,,,97116,by code,A,2026-12-31\n"
        'U201,,"Adams, PT",,,by clinician,B,2026-12-31\n'
        "U201,,,,97116,twin,C,2026-12-31\n"
        "T101,1001,,,,by patient,D,2026-12-31\n"
    )
    rows = [finding(row=2), finding(row=3, code="97110"), finding("T101", row=4)]
    waived, notes = applied(tmp_path, text, *rows)
    assert [text.split(" (")[0] for text in waived] == ["by code", "by clinician", "by patient"]
    assert notes == []


def test_the_first_of_the_file_is_shown(tmp_path):
    """Whichever keys it names; codes may stand in small letters."""
    text = HEAD + (
        'U201,,"Adams, PT",,,by clinician,A,2026-12-31\n'
        "U201,,,,g0283,by code,B,2026-12-31\n"
        "U201,,,,97116,by code,C,2026-12-31\n"
    )
    rows = [finding(row=2), finding(row=3, code="G0283", clinician="Bell")]
    waived, notes = applied(tmp_path, text, *rows)
    assert [text.split(" (")[0] for text in waived] == ["by clinician", "by code"]
    assert notes == []


def test_expired_and_unused_are_said(tmp_path):
    text = HEAD + (
        "U201,1001,,,,old,A,2026-03-31\n"
        "U201,9999,,,,none,A,2026-04-01\n"
        "T101,,,,97110,none,A,2027-01-01\n"
    )
    assert applied(tmp_path, text, finding()) == (
        [""],
        [
            "waivers.csv:2: the waiver of U201 expired on 2026-03-31",
            "2 waivers are unused: waivers.csv:3, waivers.csv:4",
        ],
    )


@pytest.mark.parametrize(("rows", "more"), [(20, ""), (23, "3 more waivers expired")])
def test_many_expired_ones_are_counted(rows, more, tmp_path):
    """A file that ran out at New Year must not bury the report."""
    text = HEAD + "U201,1001,,,,old,A,2026-03-31\n" * rows
    notes = applied(tmp_path, text, finding())[1]
    assert notes[19] == "waivers.csv:21: the waiver of U201 expired on 2026-03-31"
    assert notes[20:] == [more] * bool(more)


@pytest.mark.parametrize(("rows", "more"), [(20, ""), (1023, " and 1,003 more")])
def test_many_unused_ones_are_counted(rows, more, tmp_path):
    text = HEAD + "U201,9999,,,,none,A,2026-04-01\n" * rows
    (note,) = applied(tmp_path, text, finding())[1]
    assert note.startswith(f"{rows:,} waivers are unused: waivers.csv:2, waivers.csv:3, ")
    assert note.endswith(f", waivers.csv:21{more}")


def test_the_last_day_still_counts(tmp_path):
    text = HEAD + "U201,1001,,,,agreed,A,2026-04-01\n"
    assert applied(tmp_path, text, finding())[0] == ["agreed (A, until 2026-04-01)"]


def test_semicolons_and_reasons_with_commas(tmp_path):
    text = HEAD + "U201,1001,,,,seen; agreed; and signed,B,2026-12-31\n,,,,,,,\n"
    (found,) = read(tmp_path, text.translate(str.maketrans(",;", ";,")))
    assert (found.patient, found.reason, found.by) == ("1001", "seen, agreed, and signed", "B")


def test_no_waivers():
    rows = findings(finding())
    done, notes = waivers.apply(rows, [], TODAY)
    assert (done["waived"].to_list(), notes) == ([""], [])


def test_toml(tmp_path):
    text = (
        '# ours\n[[waiver]]\nrule = "U201"\npatient = 1001\ndate = 2026-03-02\n'
        'reason = "agreed"\nby = "Q"\nuntil = 2026-12-31\n'
        '\n[[waiver]]\nrule = "T101"\ncode = "97116"\nreason = "r"\nby = "b"\n'
        'until = "2027-01-01"\n'
    )
    first, second = read(tmp_path, text, "waivers.toml")
    assert (first.patient, first.date, first.until) == (
        "1001", date(2026, 3, 2), date(2026, 12, 31),
    )  # fmt: skip
    assert (first.where[-14:], second.where[-15:]) == ("waivers.toml:2", "waivers.toml:10")
    assert second.given == ("code",)
    assert len(read(tmp_path, f"\ufeff{text}", "marked.toml")) == 2


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("U201,1,,,,,A,2026-12-31", "the waiver has no reason"),
        ("U201,1,,,,r,,2026-12-31", "the waiver has no by"),
        ("U201,1,,,,r,A,", "the waiver has no until"),
        (",1,,,,r,A,2026-12-31", "the waiver has no rule"),
        ("U999,1,,,,r,A,2026-12-31", 'rule "U999" is not known'),
        ("U201,,,,,r,A,2026-12-31", "the waiver would waive every finding of its rule"),
        ("U201,1,,,,r,A,31.12.2026", 'until "31.12.2026" is not a date'),
        ("U201,1,,3/2/2026,,r,A,2026-12-31", 'date "3/2/2026" is not a date'),
        ("U201,1,,,,r,A,2026-12-31,more", "the record has too many fields"),
    ],
)
def test_faulty_lines(tmp_path, line, what):
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"{HEAD}T101,1,,,,r,A,2026-12-31\n{line}\n")
    assert caught.value.what == what
    assert caught.value.where == f"{tmp_path}/waivers.csv:3"


@pytest.mark.parametrize(
    ("head", "what"),
    [
        ("rule,patients,reason,by,until", '"patients" is no name of a waiver'),
        ("rule,row,reason,by,until", '"row" is no name of a waiver'),
        ("rule,patient,by,until", "missing heading reason"),
    ],
)
def test_faulty_headings(tmp_path, head, what):
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"{head}\n")
    assert (caught.value.what, caught.value.where) == (what, f"{tmp_path}/waivers.csv:1")


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("rule = ", "is not toml", ""),
        ('waivers = "x"', "holds something other", ""),
        ("waiver = 3", "holds something other", ""),
        ("waiver = [3]", "holds something other", ""),
        ('waiver = [{rule = "U201"}, {rows = 3}]', "the waiver has no reason", ":waiver 1"),
        ('[[waiver]]\nrows = "3"', '"rows" is no name', ":1"),
        ('\n[[waiver]]\nrule = "U201"', "the waiver has no reason", ":2"),
        ("[[waiver]]\npatient = " + "[" * 100_000, "is not toml", ""),
    ],
)
def test_faulty_toml(tmp_path, text, what, where):
    with pytest.raises(InputError, match=what) as caught:
        read(tmp_path, text, "w.toml")
    assert caught.value.where == f"{tmp_path}/w.toml{where}"


@pytest.mark.parametrize("name", ["none.csv", "none.toml"])
def test_no_file(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        waivers.read(str(tmp_path / name), RULES)


# --- baselines -----------------------------------------------------------------------------


def test_baseline_keeps_what_is_new_in_order():
    rows = [finding(row=2), finding(row=3, patient="1002"), finding(row=4, patient="1003")]
    known = {rows[1]["fingerprint"], "gone"}
    new, count = baseline.apply(findings(*rows), known)
    assert (new["row"].to_list(), count) == ([2, 4], 1)
    assert baseline.apply(findings(*rows), set())[1] == 0


def test_a_second_finding_like_a_known_one_is_new():
    """Two clashes of a day are alike but for their rows."""
    bare = findings(finding(row=2), finding(row=9)).drop("fingerprint")
    bare = bare.with_columns(provider=nw.lit(""), payer=nw.lit("medicare"))
    both, _ = auditing.with_fingerprints(bare, bare.head(0))
    first, _ = auditing.with_fingerprints(bare.head(1), bare.head(0))
    new, count = baseline.apply(both, set(first["fingerprint"].to_list()))
    assert (new["row"].to_list(), count) == ([9], 1)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"{", "is not json"),
        (b"\xff", "is not json"),
        (b"[]", "is no report of an audit"),
        (b'{"lines": []}', "is no report of an audit"),
        (json.dumps({"findings": [{"fingerprint": "a"}, {"rule": "U201"}]}).encode(), "finding 2"),
        (b'{"findings": ["x"]}', "finding 1 has no fingerprint"),
        (b'{"findings": [{"fingerprint": ""}]}', "finding 1 has no fingerprint"),
        (b'{"findings": [{"fingerprint": 7}]}', "finding 1 has no fingerprint"),
        (b"[" * 200_000, "is not json"),
        (b'{"findings": [{"fingerprint": "\\ud800", "rule": "U201"}]}', "is no text"),
        (b'{"findings": [], "meta": {"known_fingerprints": ["U201 a\\ud800"]}}', "is no text"),
    ],
)
def test_no_baseline(tmp_path, content, what):
    path = tmp_path / "last.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=what):
        baseline.read(str(path))


def test_missing_baseline(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        baseline.read(str(tmp_path / "none.json"))
