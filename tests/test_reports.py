"""Reports of an audit: every format from stand-in audits, with the values written out."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import sys
from datetime import date
from html.parser import HTMLParser

import polars as pl
import pytest
from audits import RULES, audit, finding, sessions
from audits import findings as table_of

from calc import baseline, engine, reports
from calc.errors import InputError
from calc.reports import as_html, days, findings, findings_html, pictures

SCRIPT = '"><script>alert(1)</script>'
DAY_MS = 24 * 60 * 60 * 1000
HEADING = (
    "rule,severity,row,patient,clinician,date,code,found,expected,dollars,message,file,rows,"
    "also,authority"
)
OVER = finding()
UNDER = finding(
    "U202", "info", row=9, cents=-3011, patient="1e5", found="2", expected="3", authority="",
    message="2 units are billed, 38 minutes support 3.",
)  # fmt: skip
OVERLAP = finding(
    "T101", "error", row=12, rows="13 14", cents=None, found="20", expected="0",
    message="Rows 12 and 13 share 20 minutes.", also="T104",
)  # fmt: skip
WAIVED = finding(row=30, patient="1003", waived="agreed (B. Quist, until 2026-12-31)")
WARNED = finding("T101", "warning", row=40, cents=None, patient="1004")
CLINICIANS = [
    {"clinician": "Adams, PT", "sessions": 20, "units_billed": 31, "units_supported": 30,
     "errors": 2, "warnings": 0, "infos": 1, "overbilled_cents": 2879, "underbilled_cents": 3011},
    {"clinician": SCRIPT, "sessions": 1, "units_billed": 1, "units_supported": 1,
     "errors": 0, "warnings": 0, "infos": 0, "overbilled_cents": 0, "underbilled_cents": 0},
]  # fmt: skip
TIMELINE = [
    ("Adams, PT", "1001", "97110", 12, "9:00", "9:40", True),
    ("Adams, PT", "1002", "97116", 13, "9:20", "9:50", True),
    ("Adams, PT", "1003", "97140", 14, "10:00", "10:30", False),
]
NOT_RUN = [
    {"rule": "U206", "reason": "no MUE edition for these dates", "lines": 12},
    {"rule": "D601", "reason": "no --diagnosis-list", "lines": None},
]


@pytest.fixture(scope="module")
def full():
    """One of everything."""
    rows = [OVER, OVERLAP, WARNED, WAIVED, UNDER]
    return audit(rows, CLINICIANS, sessions(*TIMELINE), NOT_RUN)


def clash(row, rows, found="20", **values):
    """A finding of a row that shares minutes with others."""
    return finding("T101", row=row, rows=rows, found=found, cents=None, **values)


def worst(timeline, *found, most=5):
    """The days with most overlaps by these findings, and how many there are."""
    return days.worst(timeline, table_of(*found), most)


class Page(HTMLParser):
    """What a browser would see of a page: tags with attributes, ids, text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def values(self, name):
        return [attrs[name] for _, attrs in self.tags if name in attrs]


# --- formats -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "chosen", "form"),
    [
        (None, None, "table"), (None, "sarif", "sarif"), ("a.csv", None, "csv"),
        ("a.HTM", None, "html"), ("a.txt", None, "table"), ("a.xlsx", "json", "json"),
        ("a.json", None, "json"), ("a.sarif", None, "sarif"), ("a.parquet", None, "parquet"),
    ],
)  # fmt: skip
def test_format(path, chosen, form):
    assert findings.format_of(path, chosen) == form


@pytest.mark.parametrize("path", ["a.docx", "a"])
def test_unknown_ending(path):
    with pytest.raises(InputError, match="no format of findings"):
        findings.format_of(path, None)


def test_unknown_format_and_workbook_on_the_screen(full):
    with pytest.raises(InputError, match='"docx" is not known'):
        findings.text(full, "docx", RULES)
    with pytest.raises(InputError, match="cannot be printed"):
        findings.text(full, "xlsx", RULES)


@pytest.mark.parametrize("form", findings.FORMATS)
def test_empty(form, tmp_path):
    """No finding, no session, no day: still a report."""
    nothing = audit(first_date=None, last_date=None, files=[], notes=[], sessions=0)
    path = tmp_path / "out"
    findings.write(nothing, form, RULES, str(path))
    assert path.stat().st_size > 0
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_written_whole_or_not_at_all(full, tmp_path):
    path = tmp_path / "none" / "out.csv"
    with pytest.raises(InputError, match="cannot be written"):
        findings.write(full, "csv", RULES, str(path))


@pytest.mark.parametrize("form", ["csv", "json", "table", "sarif", "html"])
def test_same_bytes(form, full):
    assert findings.text(full, form, RULES) == findings.text(full, form, RULES)


def test_groups(full):
    """Worst first; waived findings are counted apart and bear no dollars."""
    made = [
        (g.rule, g.severity, g.said, g.overbilled_cents, g.underbilled_cents)
        for g in findings.groups(full.findings)
    ]
    assert made == [
        ("U201", "error", "1 error, 1 waived", 2879, 0),
        ("T101", "error", "1 error, 1 warning", 0, 0),
        ("U202", "info", "1 info", 0, 3011),
    ]


def test_groups_are_headed_by_what_is_not_waived():
    """An error that is waived is none; its row says what it was. All waived: after the others."""
    waived = finding("T101", "error", row=6, cents=None, waived="agreed (B. Quist)")
    gone = finding("U205", "error", row=7, waived="agreed (B. Quist)")
    report = audit([gone, waived, WARNED, UNDER])
    made = [(g.rule, g.severity, g.said, g.mixed) for g in findings.groups(report.findings)]
    assert made == [
        ("T101", "warning", "1 warning, 1 waived", True),
        ("U202", "info", "1 info", False),
        ("U205", "error", "1 waived", False),
    ]
    shown = findings.text(report, "table", RULES)
    assert shown.count("  error: 3 units are billed") == shown.count("  warning: 3 units are") == 1


# --- csv, json, table ----------------------------------------------------------------------


def test_csv(full):
    text = findings.text(full, "csv", RULES)
    assert text.splitlines()[0] == HEADING
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["dollars"] for row in rows] == ["28.79", "", "", "28.79", "-30.11"]
    assert rows[1] == {
        "rule": "T101", "severity": "error", "row": "12", "patient": "1001",
        "clinician": "Adams, PT", "date": "2026-03-02", "code": "97116", "found": "20",
        "expected": "0", "dollars": "", "message": "Rows 12 and 13 share 20 minutes.",
        "file": "march.csv", "rows": "13 14", "also": "T104",
        "authority": "Medicare Claims Processing Manual, chapter 5, section 20.2",
    }  # fmt: skip


def test_json(full):
    report = json.loads(findings.text(full, "json", RULES))
    assert list(report) == ["findings", "not_run", "meta"]
    assert report["findings"][0] == {
        "rule": "U201", "severity": "error", "row": 5, "patient": "1001",
        "clinician": "Adams, PT", "date": "2026-03-02", "code": "97116", "found": "3",
        "expected": "2", "dollars": 28.79,
        "message": "3 units are billed, the day's 37 minutes support 2.", "file": "march.csv",
        "rows": "", "also": "",
        "authority": "Medicare Claims Processing Manual, chapter 5, section 20.2",
        "waived": "", "fingerprint": OVER["fingerprint"], "discipline": "PT",
    }  # fmt: skip
    assert ",".join(report["findings"][0]).startswith(HEADING)
    assert [row["dollars"] for row in report["findings"]] == [28.79, None, None, 28.79, -30.11]
    assert report["not_run"] == NOT_RUN
    assert report["meta"] == full.meta


def test_json_is_a_baseline(full, tmp_path):
    path = tmp_path / "last.json"
    findings.write(full, "json", RULES, str(path))
    known = baseline.read(str(path))
    # A waived one is accepted until a day, not for ever.
    live = [row for row in full.findings.to_native().to_dicts() if not row["waived"]]
    assert 0 < len(live) < len(full.findings)
    assert known == {row["fingerprint"]: row["rule"] for row in live}
    new = finding("U204", patient="2000")
    left, count = baseline.apply(audit([new, OVER]).findings, known)
    assert (left["rule"].to_list(), count) == (["U204"], 1)


def test_table(full):
    text = findings.text(full, "table", RULES)
    assert text.splitlines()[:8] == [
        "U201 error: More units are billed for a day than its timed minutes support"
        " (1 error, 1 waived)",
        "    row  patient    clinician    date        code      dollars  finding",
        "      5  1001       Adams, PT    2026-03-02  97116       28.79  3 units are billed,"
        " the day's 37 minutes support 2.",
        "     30  1003       Adams, PT    2026-03-02  97116       28.79  3 units are billed,"
        " the day's 37 minutes support 2. [waived: agreed (B. Quist, until 2026-12-31)]",
        "",
        "T101 error: A clinician treats two patients one-on-one at the same time"
        " (1 error, 1 warning)",
        "    row  patient    clinician    date        code      dollars  finding",
        "     12  1001       Adams, PT    2026-03-02  97116              error: Rows 12 and 13"
        " share 20 minutes. [also T104]",
    ]
    assert text.splitlines()[-8:] == [
        "2 errors, 1 warning, 1 info; 1 waived",
        "Overbilled   $28.79",
        "Underbilled  $30.11",
        "200 sessions of 2026-03-02 to 2026-03-06, 310 units billed, 305 supported",
        "Not run: U206 for 12 lines: no MUE edition for these dates",
        "Not run: D601: no --diagnosis-list",
        "Never checked: telehealth, signatures",
        "Note: deductible assumed met",
    ]
    assert " 1e5 " in text


def test_totals_name_findings_without_dollars():
    rows = [finding(cents=None), finding("U202", "info", cents=None)]
    without = {"overbilled_without_dollars": 2, "underbilled_without_dollars": 1}
    lines = findings.text(audit(rows, **without), "table", RULES).splitlines()
    assert "Overbilled   $0.00 and 2 findings without dollars" in lines
    assert "Underbilled  $0.00 and 1 finding without dollars" in lines
    words = " ".join(Page(findings.text(audit(rows, **without), "html", RULES)).words)
    assert "and 2 findings without dollars" in words


def test_table_stops_at_the_limit_but_counts_all(full):
    text = findings.text(full, "table", RULES, limit=1)
    assert text.count("2026-03-02  97116") == 1
    assert "T101 error" in text and "(1 error, 1 warning)" in text


def test_table_moves_no_cursor():
    text = findings.text(audit([finding(patient="\x1b[2J\n1")]), "table", RULES)
    assert "?[2J?1" in text and "\x1b" not in text


def test_table_names_files_where_there_are_several():
    files = [{"name": name, "sha256": "", "rows": 1} for name in ("march.csv", "claims.csv")]
    assert "march.csv:5 " in findings.text(audit([OVER], files=files), "table", RULES)


# --- sarif ---------------------------------------------------------------------------------


def test_sarif(full):
    log = json.loads(findings.text(full, "sarif", RULES))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-2.1.0.json")  # without it some viewers refuse a file
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("therapy-billing-calc", "0.1.0")
    ids = [rule["id"] for rule in driver["rules"]]
    assert ids == ["T101", "U201", "U202"]
    assert driver["rules"][1] | {"fullDescription": ""} == {
        "id": "U201", "name": "units-exceed-minutes",
        "shortDescription": {
            "text": "More units are billed for a day than its timed minutes support"
        },
        "fullDescription": "", "defaultConfiguration": {"level": "error"},
    }  # fmt: skip
    results = run["results"]
    assert [r["level"] for r in results] == ["error", "error", "warning", "error", "note"]
    assert all(ids[r["ruleIndex"]] == r["ruleId"] for r in results)
    assert results[1]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "march.csv"},
                "region": {"startLine": 12},
            }
        }
    ]
    lines = [r["physicalLocation"]["region"]["startLine"] for r in results[1]["relatedLocations"]]
    assert lines == [13, 14]
    assert results[0]["partialFingerprints"] == {"finding/v1": OVER["fingerprint"]}
    assert ["suppressions" in r for r in results] == [False, False, False, True, False]
    assert results[3]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "agreed (B. Quist, until 2026-12-31)",
        }
    ]
    told = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert told[0] == "not run: U206 for 12 lines: no MUE edition for these dates"
    assert run["artifacts"][0]["hashes"] == {"sha-256": "ab" * 32}


@pytest.mark.parametrize("file", [{"name": "march.csv", "by_line": False}, {"name": "x.csv"}])
def test_sarif_names_a_line_only_of_a_text_whose_rows_are_its_lines(file):
    """Elsewhere the row is no place in the file: a viewer would mark another one."""
    report = audit([OVER, OVERLAP], files=[file])
    results = json.loads(findings.text(report, "sarif", RULES))["runs"][0]["results"]
    assert results[1]["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "march.csv"}},
            "properties": {"row": 12},
        }
    ]
    assert [near["properties"] for near in results[1]["relatedLocations"]] == [
        {"row": 13}, {"row": 14}
    ]  # fmt: skip


def test_sarif_names_no_place_that_is_not_known():
    rows = [finding(row=None), finding(file="", row=None), finding(file="C:\\in box\\a#1.csv")]
    results = json.loads(findings.text(audit(rows), "sarif", {}))["runs"][0]["results"]
    assert "region" not in results[0]["locations"][0]["physicalLocation"]
    assert "locations" not in results[1]
    place = results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "C%3A/in%20box/a%231.csv"


# --- workbook ------------------------------------------------------------------------------


def sheets(report, tmp_path):
    """Every sheet of a workbook as rows."""
    fastexcel = pytest.importorskip("fastexcel", reason="fastexcel is not installed")
    path = tmp_path / "out.xlsx"
    findings.write(report, "xlsx", RULES, str(path))
    book = fastexcel.read_excel(path)
    read = {name: book.load_sheet(name, header_row=None) for name in book.sheet_names}
    return {name: sheet.to_polars().rows() for name, sheet in read.items()}, path


def test_workbook(full, tmp_path):
    read, _ = sheets(full, tmp_path)
    assert list(read) == ["Summary", "Findings", "By rule", "By clinician", "Not checked"]
    summary = dict(read["Summary"])
    assert (summary["overbilled"], summary["underbilled (never netted)"]) == ("28.79", "30.11")
    head, *rows = read["Findings"]
    assert ",".join(head) == f"{HEADING},waived,fingerprint,discipline"
    assert [float(row[9]) if row[9] else None for row in rows] == [28.79, None, None, 28.79, -30.11]
    assert [row[:3] for row in read["By rule"][1:]] == [
        ("U201", "More units are billed for a day than its timed minutes support", "error"),
        ("T101", "A clinician treats two patients one-on-one at the same time", "error"),
        ("U202", None, "info"),
    ]
    assert read["By clinician"][0][-2:] == ("overbilled", "underbilled")
    assert read["Not checked"][1] == ("U206", "12", "no MUE edition for these dates")


def test_workbook_leaves_dollars_blank_that_nobody_knows(tmp_path):
    rows = [finding(cents=None), finding("U205", cents=0)]
    people = [CLINICIANS[0] | {"overbilled_cents": None, "underbilled_cents": None}]
    read, _ = sheets(audit(rows, people, overbilled_without_dollars=1), tmp_path)
    assert dict(read["Summary"])["overbilled: findings without dollars"] == "1"
    assert [row[-2:] for row in read["By rule"][1:]] == [(None, None), ("0", "0")]
    assert [row[-2:] for row in read["By clinician"][1:]] == [(None, None)]


def test_workbook_reads_nothing_as_a_formula_or_link(tmp_path):
    import zipfile

    words = [
        "=cmd|' /C calc'!A0",
        "+1",
        "@SUM(A1)",
        "http://a.example/",
        "007",
        "\x01" + "x" * 40000,
    ]
    rows = [finding(patient=text, clinician="=1+1") for text in words]
    read, path = sheets(audit(rows), tmp_path)
    assert [row[3] for row in read["Findings"][1:6]] == words[:5]
    with zipfile.ZipFile(path) as parts:
        inside = {name: parts.read(name).decode() for name in parts.namelist()}
    assert not any("<f>" in text or "<hyperlink" in text for text in inside.values())
    sheet = inside["xl/worksheets/sheet2.xml"]
    assert 'state="frozen"' in sheet and "<autoFilter" in sheet


def test_parquet(full, tmp_path):
    """The columns of csv and json, dates as dates and dollars as exact decimals."""
    path = tmp_path / "out.parquet"
    findings.write(full, "parquet", RULES, str(path))
    rows = pl.read_parquet(path)
    assert ",".join(rows.columns) == f"{HEADING},waived,fingerprint,discipline"
    dollars = [None if value is None else str(value) for value in rows["dollars"]]
    assert dollars == ["28.79", None, None, "28.79", "-30.11"]
    assert rows["date"].dtype == pl.Date and isinstance(rows["dollars"].dtype, pl.Decimal)


def test_findings_that_a_cell_does_not_hold_are_counted(tmp_path):
    """A name that a message repeats may be a page that slipped into its column."""
    long = [finding(message="x" * 40_000), finding(message="x" * 32_767)]
    for form, cut in (("xlsx", 1), ("csv", 0), ("parquet", 0)):
        path = str(tmp_path / f"a.{form}")
        assert findings.write(audit(long), form, RULES, path) == cut


def test_workbook_writes_the_same_bytes(full, tmp_path):
    for name in ("a", "b"):
        findings.write(full, "xlsx", RULES, str(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# --- html ----------------------------------------------------------------------------------


def test_page_needs_nothing_else(full):
    text = findings.text(full, "html", RULES)
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not re.search(r"https?://", text)
    assert text.count("<style") == 1
    assert not re.search(r"@import|src=|url\((?!#)", text)
    targets = [value for value in page.values("href") if not value.startswith("#")]
    assert targets == []
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_page_is_sound(full):
    """Ids once, every reference resolves, headings in order, tables with caption and scope."""
    page = Page(findings.text(full, "html", RULES))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    refers = [value[1:] for value in page.values("href")]
    refers += [v for name in ("aria-labelledby", "aria-describedby") for v in page.values(name)]
    refers += re.findall(r"url\(#([^)]+)\)", findings.text(full, "html", RULES))
    assert refers and set(refers) <= set(ids)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == tags.count("header") == tags.count("nav") == 1
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert tags.count("table") == tags.count("caption") == 4
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    drawn = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(drawn) == 6  # three pictures, wide and narrow
    assert all(attrs["role"] == "img" and "aria-labelledby" in attrs for attrs in drawn)
    assert ("html", {"lang": "en"}) in page.tags


def test_page_tells(full):
    words = " ".join(" ".join(Page(findings.text(full, "html", RULES)).words).split())
    for told in (
        "2 errors, 1 warning, 1 info",
        "200 sessions of 2026-03-02 to 2026-03-06 in march.csv",
        "$28.79 overbilled",
        "$30.11 underbilled",
        "no dollars can be named",
        "march.csv, row 12, with 13, 14",
        "agreed (B. Quist, until 2026-12-31)",
        "T104: the same fault, not counted again",
        "Medicare adds a day's timed minutes up and pays (minutes + 7) // 15 units.",
        "97116,09:00,09:22,2,U201",
        "09:20 to 09:40, 20 minutes: row 13 (patient 1002, 97116) and row 12 (patient 1001, 97110)",
        "no MUE edition for these dates",
        "Never checked by this program: telehealth, signatures.",
        "ab" * 32,
        "Physician fee schedule relative value files, 2026",
        "therapy-billing-calc 0.1.0, 2026-11-25 12:00:00",
        "payer medicare, locality US",
        "deductible assumed met",
    ):
        assert told in words


def test_page_escapes_what_comes_from_data():
    """Names, messages, files and notes are text, in the page as in its pictures."""
    names = ("patient", "clinician", "code", "found", "expected", "message", "waived", "authority")
    row = finding(file=SCRIPT, discipline=SCRIPT, **dict.fromkeys(names, SCRIPT))
    line = (SCRIPT, SCRIPT, SCRIPT, 12, "9:00", "9:40", True)
    other = (SCRIPT, "--><script>$x_1$", "<b>", 13, "9:20", "9:50", True)
    files = [{"name": SCRIPT, "sha256": SCRIPT, "rows": 1}]
    report = audit(
        [row, finding(cents=5), clash(13, "12", file=SCRIPT, clinician=SCRIPT)],
        [CLINICIANS[1]], sessions(line, other, file=SCRIPT),
        [{"rule": SCRIPT, "reason": SCRIPT, "lines": 1}],
        files=files, notes=[SCRIPT], figures=[SCRIPT], never_checked=[SCRIPT],
        options={"payer": SCRIPT}, config_folders=[SCRIPT], program=SCRIPT,
    )  # fmt: skip
    text = findings.text(report, "html", RULES)
    assert "<script" not in text
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert SCRIPT in page.words  # as it is, nothing lost
    assert any("$x_1$" in words for words in page.words)  # no formula of matplotlib's


def test_a_log_without_billed_units():
    """Nothing billed is not the same as 0 units billed."""
    report = audit([UNDER], CLINICIANS, units_billed=None)
    assert "no billed units in the log, 305 supported" in findings.text(report, "table", RULES)
    page = Page(findings.text(report, "html", RULES))
    assert "not logged" in page.words
    assert "Units billed and supported by clinician" not in page.words


def test_page_without_findings():
    words = Page(findings.text(audit(rows_rejected=0), "html", RULES)).words
    assert "No findings" in words and "Every rule ran on every line." in words


@pytest.mark.parametrize(
    ("meta", "headline", "said"),
    [
        ({}, "No findings", "3 of 203 rows could not be used{}"),
        ({"rows_read": 1, "rows_rejected": 1}, "No findings", "1 of 1 row could not be used{}"),
        ({"rows_rejected": 0, "lines_read": 1_200, "lines_rejected": 1_100}, "No findings",
         "1,100 of 1,200 lines of claims could not be used{}"),
        ({"known": 1, "lines_read": 4, "lines_rejected": 2}, "No new findings",
         "3 of 203 rows could not be used{0} 2 of 4 lines of claims could not be used{0}"),
    ],
)  # fmt: skip
def test_page_without_findings_in_what_could_be_used(meta, headline, said):
    """Nothing found in one row of two is no clean log, nor in one line of two of its claims."""
    page = findings.text(audit(**meta), "html", RULES)
    assert f"<h1>{headline} in the rows that could be used</h1>" in page
    assert f"<strong>{said.format('.')}</strong>" in page
    assert f"<p>{said.format(': the rejects say why.')}</p>" in page
    assert "Every rule ran on every line that could be used." in Page(page).words
    assert "in the rows that could be used" not in findings.text(
        audit([OVER], **meta), "html", RULES
    )


def test_page_of_known_findings_only():
    """What the baseline knows was found all the same."""
    words = " ".join(Page(findings.text(audit(known=3), "html", RULES)).words)
    assert "No new findings" in words and "Nothing new was found." in words
    assert "3 findings known from the baseline are left out." in words
    assert "Waived and known findings are in no total." in words
    assert "Nothing was found" not in words and "No findings" not in words


def test_page_names_every_authority_of_a_rule():
    """Rules of payers differ: what is printed beside a rule must not be the first row's only."""
    ama, cms = "CPT, time", "Medicare Claims Processing Manual, chapter 5, section 20.2"
    rows = [OVER, finding(row=6, authority=ama), finding(row=7, authority=ama), UNDER, WARNED]
    text = findings.text(audit(rows), "html", RULES)
    words = Page(text).words
    assert f"Authority: {cms}; {ama}" in words
    assert f"Authority: {cms}" in words  # of the rule whose findings agree
    own = re.findall(r'<div(?: class="(\w+)")?><dt>Authority</dt><dd>([^<]*)</dd>', text)
    assert own == [("", cms), ("", ama), ("", ama), ("told", cms)]  # "told" is not printed again


def test_page_of_many_clinicians_says_where_all_are(monkeypatch):
    monkeypatch.setattr(findings_html, "BARS", 1)
    report = audit([OVER], CLINICIANS)
    words = " ".join(Page(findings.text(report, "html", RULES)).words)
    assert "and the difference. 1 more clinician: see the table." in words
    monkeypatch.setattr(findings_html, "CLINICIANS", 1)
    words = " ".join(Page(findings.text(report, "html", RULES)).words)
    assert "1 of 2, all of them: run with -o findings.xlsx" in words
    assert "and the difference. 1 more clinician: run with -o findings.xlsx." in words


def test_page_stops_at_its_limit(monkeypatch):
    monkeypatch.setattr(findings_html, "FINDINGS", 3)
    rows = [finding(row=row, patient=f"p{row}") for row in range(2, 7)]
    text = findings.text(audit(rows), "html", RULES)
    assert text.count('<details class="finding') == 3
    words = " ".join(" ".join(Page(text).words).split())
    assert "3 of 5 findings are printed here, worst first." in words
    assert "5 errors; 3 of 5 printed" in words


def test_page_writes_every_count_alike(monkeypatch):
    monkeypatch.setattr(findings_html, "FINDINGS", 1_001)
    rows = [finding(row=row) for row in range(2, 1_004)]
    assert "; 1,001 of 1,002 printed" in findings.text(audit(rows), "html", RULES)


def test_page_folds_and_then_counts_days_with_overlaps(monkeypatch):
    monkeypatch.setattr(findings_html, "DAYS", 3)
    monkeypatch.setattr(findings_html, "OPEN_DAYS", 1)
    names = ["Adams, PT", "Bell, OT", "Cole, PT", "Dunn, PT"]
    days = [
        (who, f"1{row}", "97110", row, start, "10:30", True)
        for place, who in enumerate(names, 1)
        for row, start in ((2 * place, "09:00"), (2 * place + 1, "10:00"))
    ]
    found = [clash(2 * n + 1, str(2 * n), clinician=who) for n, who in enumerate(names, 1)]
    text = findings.text(audit(found, CLINICIANS, sessions(*days)), "html", RULES)
    unfolded, folded = text.split('<details class="more">')
    folded = folded.partition("</details>")[0]
    assert [part.count('<figure class="day">') for part in (unfolded, folded)] == [1, 2]
    assert "<summary>2 more days with overlaps</summary>" in folded
    assert "<bdi>Adams, PT</bdi>, Monday 2 March 2026" in unfolded
    assert "<bdi>Cole, PT</bdi>, Monday" in folded
    words = " ".join(" ".join(Page(text).words).split())
    assert (
        "The 3 days with most overlapping sessions are drawn; 1 more day: see findings T101"
        in words
    )


def test_page_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match="html needs jinja2") as caught:
        findings.text(audit(), "html", RULES)
    assert "therapy-billing-calc[report]" in caught.value.hint


def test_paragraphs():
    words = "One ``word``\ngoes on.\n\nExample::\n\n    a,b\n\n    1,2\n\nThe end."
    assert list(findings_html.paragraphs(words)) == [
        ("p", "One word goes on."),
        ("p", "Example:"),
        ("pre", "a,b\n\n1,2"),
        ("p", "The end."),
    ]


# --- days with overlaps --------------------------------------------------------------------


def test_day():
    """Two lanes of one patient where its sessions overlap; another clinician's is in words."""
    made, count = worst(
        sessions(
            *TIMELINE,
            ("Adams, PT", "1003", "97530", 15, "10:15", "10:45", True),
            ("Bell, OT", "1003", "97535", 20, "10:30", "11:00", True),
            ("Cole, PT", "1009", "97110", 30, "8:00", "9:00", False),
        ),
        clash(13, "12"),
        clash(20, "15", clinician="Bell, OT"),
        most=1,
    )
    assert count == 2
    (day,) = made
    assert (day.clinician, day.date) == ("Adams, PT", date(2026, 3, 2))
    assert [(bar.row, bar.lane) for bar in day.bars] == [(12, 0), (13, 1), (14, 2), (15, 3)]
    assert [(o.span, o.bar.row, o.other_said) for o in day.overlaps] == [
        ((560, 580), 13, "row 12 (patient 1001, 97110)"),
        ((630, 645), 15, "Bell, OT (row 20, 97535)"),
    ]
    assert day.hatched == [(1, 560, 580), (0, 560, 580), (3, 630, 645)]


def test_a_report_of_many_files_counts_them_first():
    """Their names stand in the table of input files; up to four also in the first sentence."""
    files = [{"name": f"month{number}.csv", "sha256": "", "rows": 1} for number in range(5)]
    page = findings.text(audit([OVER], files=files), "html", RULES)
    assert "in 5 files." in page and page.count("month3.csv") == 1
    page = findings.text(audit([OVER], files=files[:2]), "html", RULES)
    assert "in <bdi>month0.csv</bdi>, <bdi>month1.csv</bdi>." in page


def test_names_of_another_direction_stand_apart():
    """Text that runs from right to left turns nothing beside it."""
    name, who, colleague = "שלום ١٢", "\u202eKim", "לי"
    rows = [
        (who, name, "97110", 2, "9:00", "9:30", True),
        (who, "B", "97110", 3, "9:10", "9:40", True),
    ]
    other = (colleague, name, "97530", 4, "9:10", "9:20", True)
    found = [clash(3, "2", clinician=who), clash(4, "2", clinician=colleague)]
    people = [CLINICIANS[0] | {"clinician": who}]
    page = findings.text(audit(found, people, sessions(*rows, other)), "html", RULES)
    assert f"<bdi>patient 1001</bdi> · <bdi>{who}</bdi> · <bdi>97116</bdi>" in page
    assert f"<h3><bdi>{who}</bdi>, Monday" in page and f'"row"><bdi>{who}</bdi></th>' in page
    assert "in <bdi>march.csv</bdi>." in page and '"row"><bdi>march.csv</bdi></th>' in page
    told = f"row 3 (patient B, 97110) and row 2 (patient \u2068{name}\u2069, 97110)"
    assert page.count(told) == 3  # below the picture, and in both of its sizes
    assert page.count(f"and \u2068{colleague}\u2069 (row 4, 97530)") == 3
    assert page.count(f"Timeline of \u2068{who}\u2069, 2026-03-02</title>") == 2
    assert f"\u2068{who}\u2069 31 billed, 30 supported" in page


def test_sessions_of_several_files_say_which():
    """Two months have a row 12 each."""
    march = sessions(("A", "1", "97110", 12, "9:00", "9:30", True), file="march.csv")
    april = sessions(("A", "2", "97110", 12, "9:10", "9:40", True), file="april.csv")
    other = sessions(("B", "2", "97112", 13, "9:20", "9:40", True), file="april.csv")
    (first, *_), _ = worst(
        engine.stacked([march, april, other]),
        clash(12, "march.csv:12", file="april.csv", clinician="A"),
        clash(13, "12", file="april.csv", clinician="B"),
    )
    assert [overlap.said for overlap in first.overlaps] == [
        "09:10 to 09:30, 20 minutes: april.csv:12 (patient 2, 97110) and march.csv:12"
        " (patient 1, 97110)",
        "09:20 to 09:40, 20 minutes: april.csv:12 (patient 2, 97110) and B (april.csv:13, 97112)",
    ]


def test_only_what_a_finding_names_overlaps():
    """Not every two sessions on the same minutes: a team's, or those that lost them before."""
    made, count = worst(
        sessions(
            ("A", "1", "97110", 2, "9:00", "9:30", True),
            ("A", "2", "97110", 3, "9:20", "9:50", True),
            ("A", "3", "97110", 4, "9:25", "9:40", True),
            ("B", "1", "97110", 5, "9:00", "9:30", True),
        ),
        clash(3, "2", clinician="A"),
        clash(4, "2", found="5", clinician="A"),
        clash(6, "5", clinician="B"),  # of a row without clock times
    )
    assert count == 1
    assert [(o.span, o.minutes) for o in made[0].overlaps] == [((560, 570), 10), ((565, 570), 5)]
    assert made[0].hatched == [(1, 560, 570), (0, 560, 570), (2, 565, 570)]


WINDOWS = (
    ("A", "1", "97110", 2, "9:00", "9:45", True),
    ("A", "2", "97110", 3, "9:00", "9:45", True),
    ("A", "3", "97110", 4, "9:40", "10:00", True),
)


@pytest.mark.parametrize("windows", [(2, 3, 4), (2, 3), (4,)])
def test_the_times_of_a_visit_are_no_overlap(windows):
    """A finding's own minutes are said, and of no minute is said which it was."""
    (day,), _ = worst(
        engine.stacked([sessions(row, window=row[3] in windows) for row in WINDOWS]),
        clash(4, "2 3", found="1", clinician="A"),
    )
    assert day.said == (
        "3 sessions from 09:00 to 10:00. 1 minute, within the times of the visit: row 4"
        " (patient 3, 97110) with row 2 (patient 1, 97110), row 3 (patient 2, 97110)."
    )
    assert day.spans == day.hatched == []
    assert ">overlap" not in pictures.day(day, pictures.WIDE, "day")


def test_a_visit_beside_a_session():
    """What overlaps by the clock is hatched, and the minutes of the whole finding are said."""
    (day,), _ = worst(
        engine.stacked([sessions(row, window=row[3] == 2) for row in WINDOWS]),
        clash(4, "2 3", found="5", clinician="A"),
    )
    assert [(overlap.span, overlap.minutes) for overlap in day.overlaps] == [
        ((580, 585), 5), (None, 5)
    ]  # fmt: skip


def test_a_day_is_drawn_by_one_clock():
    """A session behind a change of clocks is drawn where its minutes are."""
    hour = 3_600_000
    before = sessions(("A", "1", "97110", 2, "1:30", "2:30", True), offset_ms=-6 * hour)
    after_row = ("A", "2", "97110", 3, "3:10", "3:40", True)
    after = sessions(after_row, offset_ms=-5 * hour)
    (day,), _ = worst(engine.stacked([before, after]), clash(3, "2", clinician="A"))
    assert [(bar.start, bar.end) for bar in day.bars] == [(90, 150), (130, 160)]
    assert day.said == (
        "2 sessions from 01:30 to 02:40. All times are by one clock, UTC-06:00. 02:10 to 02:30,"
        " 20 minutes: row 3 (patient 2, 97110) and row 2 (patient 1, 97110)."
    )
    later = ("A", "2", "97110", 3, "2:10", "2:40", True)
    alike = [before, sessions(later, offset_ms=-6 * hour)]
    (day,), _ = worst(engine.stacked(alike), clash(3, "2", clinician="A"))
    assert day.said.startswith("2 sessions from 01:30 to 02:40. 02:10 to 02:30, 20 minutes")
    # An end alone by another clock is not drawn at the time that the log has.
    ended = [before, sessions(later, offset_ms=-6 * hour, two_offsets=True)]
    (day,), _ = worst(engine.stacked(ended), clash(3, "2", clinician="A"))
    assert day.clock_said == "All times are by one clock, UTC-06:00."
    # Nor is what another clinician's log says.
    apart = [before, sessions(("B", *after_row[1:]), offset_ms=-5 * hour)]
    shown, _ = worst(engine.stacked(apart), clash(3, "2", clinician="B"))
    assert [(day.clinician, day.clock_said) for day in shown] == [
        ("B", "All times are by one clock, UTC-05:00."),
    ]


def test_a_shared_minute_is_not_two_that_the_clock_touches():
    rows = [
        ("A", "1", "97110", 2, "9:00", "9:30:10", True),
        ("A", "2", "97110", 3, "9:28:50", "9:52", True),
    ]
    (day,), _ = worst(sessions(*rows), clash(3, "2", found="1", clinician="A"))
    (overlap,) = day.overlaps
    assert (overlap.minutes, overlap.span, day.lengths) == (1, (568, 570), [1])
    assert overlap.said.startswith("09:28:50 to 09:30:10, 1 minute: row 3")
    assert ">overlap 1 min<" in pictures.day(day, pictures.WIDE, "day")


def test_labels_of_wide_letters_have_more_room():
    small, capitals, kanji = (pictures._left([label]) for label in ("molina", "MOLINA", "山" * 6))
    assert small < capitals < kanji < pictures.NARROW / 3


def test_the_page_says_first_that_rows_were_rejected(full):
    page = findings.text(full, "html", RULES)
    assert page.index("<strong>3 of 203 rows could not be used.</strong>") < page.index("<main>")
    assert "<p>3 of 203 rows could not be used: the rejects say why.</p>" in page
    whole = audit(rows_rejected=0, files=[{"name": "-", "sha256": "", "rows": 200}])
    page = findings.text(whole, "html", RULES)
    assert "could not be used" not in page
    assert "in <bdi>standard input</bdi>." in page and ">standard input</bdi></th>" in page


@pytest.mark.parametrize(
    ("partner", "said"),
    [
        (("B", "1", "97530", 2, "9:00", "9:30", True), "B (row 2, 97530)"),
        (("", "1", "97530", 2, "9:00", "9:30", True), "(no clinician) (row 2, 97530)"),
    ],
)
def test_an_overlap_with_a_session_of_somebody_else(partner, said):
    """It is hatched in the day of the finding, and no day of its own."""
    rows = sessions(partner, ("A", "1", "97110", 3, "9:10", "9:40", True))
    (day,), count = worst(rows, clash(3, "2", clinician="A"))
    assert (count, [overlap.other_said for overlap in day.overlaps]) == (1, [said])
    assert day.hatched == [(0, 550, 570)]


def test_an_overlap_with_a_session_of_the_day_before():
    night = sessions(("A", "1", "97110", 2, "23:30", "24:30", True), date=date(2026, 3, 1))
    night = night.with_columns(start_ms=night["start_ms"] - DAY_MS, end_ms=night["end_ms"] - DAY_MS)
    early = sessions(("A", "2", "97110", 3, "0:00", "0:45", True))
    (day,), _ = worst(engine.stacked([night, early]), clash(3, "2", clinician="A"))
    assert [overlap.said for overlap in day.overlaps] == [
        "00:00 to 00:30, 30 minutes: row 3 (patient 2, 97110) and row 2 (patient 1, 97110,"
        " 2026-03-01)"
    ]


def test_spans_that_touch_are_one():
    made, _ = worst(
        sessions(
            ("A", "1", "97110", 2, "9:00", "10:00", True),
            ("A", "2", "97110", 3, "9:00", "9:30", True),
            ("A", "3", "97110", 4, "9:30", "9:45", True),
        ),
        clash(3, "2", clinician="A"),
        clash(4, "2", clinician="A"),
    )
    assert made[0].spans == [(540, 585)]


def test_past_midnight():
    made, _ = worst(
        sessions(
            ("A", "1", "97110", 2, "23:30", "24:30", True),
            ("A", "2", "97110", 3, "24:00", "24:45", True),
        ),
        clash(3, "2", clinician="A"),
    )
    assert made[0].overlaps[0].said.startswith("00:00 (next day) to 00:30 (next day), 30 minutes")
    drawn = pictures.day(made[0], pictures.WIDE, "day")
    assert ">23:00<" in drawn and ">01:00<" in drawn


def test_pictures_write_text_and_shared_colours():
    drawn = pictures.dollars_by_rule([("U201", 2879, 0), ("U202", 0, 3011)], 720, "p")
    assert ">$28.79<" in drawn and ">$30.11<" in drawn and ">U201<" in drawn
    assert "var(--over)" in drawn and "var(--under)" in drawn and "var(--sans)" in drawn
    assert "#0" not in drawn.replace("url(#", "").replace("href=", "")
    assert "U201 $28.79 overbilled; U202 $30.11 underbilled" in drawn
    units = pictures.units_by_clinician([("Adams", 31, 30), ("Bell", 0, 0)], 340, "q")
    assert ">31 / 30  (+1)<" in units and ">0 / 0<" in units


def test_a_page_has_a_bound(monkeypatch):
    """As a sheet has: what nobody can open is no output."""
    lines = engine.collect(engine.table({"code": ["97110"] * 3}, {"code": str}))
    assert "<caption>3 lines</caption>" in reports.text(lines, "html", ())
    monkeypatch.setattr(as_html, "MOST_LINES", 2)
    with pytest.raises(InputError, match=r"3 lines are more than a page is good for \(2\)"):
        reports.text(lines, "html", ())


def test_workbook_needs_its_library(monkeypatch, tmp_path, full):
    import sys

    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(InputError, match="needs xlsxwriter"):
        findings.write(full, "xlsx", RULES, str(tmp_path / "a.xlsx"))
    assert list(tmp_path.iterdir()) == []
    assert engine.SHEET_ROWS == 2**20 - 1


@pytest.mark.parametrize(
    ("command", "output", "library"),
    [
        ("audit", "x.html", "jinja2"),
        ("audit", "x.xlsx", "xlsxwriter"),
        ("bill", "x.xlsx", "xlsxwriter"),
        ("template", "x.xlsx", "xlsxwriter"),
        ("rates", "x.xlsx", "xlsxwriter"),
    ],
)
def test_a_missing_library_is_said_before_the_work(command, output, library, monkeypatch, tmp_path):
    from click.testing import CliRunner

    from calc.cli import cli

    def read(*words, **options):
        raise AssertionError("the log was read")

    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr("calc.logs.read", read)
    log = ["examples/audit_week.csv"] if command in ("audit", "bill") else []
    done = CliRunner().invoke(cli, [command, *log, "-o", str(tmp_path / output)])
    assert isinstance(done.exception, InputError)
    assert str(tmp_path) not in str(done.exception)  # nor the hidden name beside the output
    assert library in str(done.exception) and "therapy-billing-calc[" in done.exception.hint


# --- lines as a page -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["bill", "LOG"], "Claim lines"),
        (["bill", "LOG", "--by", "patient"], "Totals by patient"),
        (["estimate", "97116=23", "--date", "2026-03-02"],
         "Estimate, 2026-03-02, payer medicare, locality US"),
        (["units", "97116=23"], "Units of a day"),
        (["rates", "--code", "97116", "--date", "2026-03-02"], "Fees"),
    ],
)  # fmt: skip
def test_lines_are_a_whole_page(words, title, tmp_path):
    """Umlauts and cells that look like tags arrive as they are; nothing else is needed."""
    from click.testing import CliRunner

    from calc.cli import cli

    log, path = tmp_path / "log.csv", tmp_path / "x.html"
    head = "patient,date,code,minutes,<i>note"
    cell = SCRIPT.replace('"', '""')
    log.write_text(f'{head}\nMüller,2026-03-02,97116,23,"{cell}"\n', encoding="utf-8")
    words = [str(log) if word == "LOG" else word for word in words]
    assert CliRunner().invoke(cli, [*words, "-o", str(path)]).exit_code == 0
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert ("meta", {"charset": "utf-8"}) in page.tags
    assert "width=device-width, initial-scale=1" in page.values("content")
    assert page.words.count(title) == 2  # in the title and above the table
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "i"} & {*tags} and not page.values("src")
    assert (tags.count("table"), tags.count("caption"), tags.count("style")) == (1, 1, 1)
    assert tags.count("th") == page.values("scope").count("col") > 3
    assert {"23", "30.06", "27.20", "2"} & {*page.words}
    if words[0] in ("bill", "estimate"):
        below = text[text.index("</table>") :]
        assert below.count("<ul>") == 1 and "deductible assumed met" in below
        assert ("<li>1 row read, 1 used, 0 rejected</li>" in below) == (words[0] == "bill")
    if words[0] == "bill":
        assert "Müller" in page.words
    if "--by" not in words and words[0] == "bill":
        assert SCRIPT in page.words and "<i>note" in page.words


def test_amounts_of_a_finding_are_dollars():
    """Where the rule has cents; what other rules found is no money."""

    class Low:
        message = "${found_dollars} is charged, the fee is ${expected_dollars}"

    rules = RULES | {"P401": Low}
    low = finding("P401", "info", row=3, found="500", expected="123456", cents=-122956)
    found = audit([low, finding("U201", row=4, found="3", expected="2")])
    lines = list(csv.DictReader(io.StringIO(findings.text(found, "csv", rules))))
    assert {(line["found"], line["expected"]) for line in lines} == {
        ("5.00", "1234.56"), ("3", "2")
    }  # fmt: skip
    page = findings.text(found, "html", rules)
    assert "<dd>5.00</dd>" in page and "<dd>1234.56</dd>" in page and "<dd>500</dd>" not in page
    results = json.loads(findings.text(found, "sarif", rules))["runs"][0]["results"]
    told = [result["properties"]["found"] for result in results]
    assert sorted(told) == ["3", "5.00"]


def test_rows_of_files_with_blanks_in_their_names_are_not_parted():
    """It read as rows of three files."""
    rows = "7 march week 1.csv:2 ./2026 03 log.csv:4"
    page = findings.text(audit([finding("T101", row=3, file="b.csv", rows=rows)]), "html", RULES)
    assert "row 3, with 7, march week 1.csv:2, 2026 03 log.csv:4</dd>" in page


def test_numbers_of_a_page_stand_to_the_right_and_long_cells_are_broken():
    from calc import reports

    lines = engine.collect(engine.table(
        {"code": ["97116"], "units": [2], "allowed": [-5], "reason": ["no price " * 5]},
        {"code": str, "units": int, "allowed": int, "reason": str},
    ))  # fmt: skip
    text = reports.text(lines, "html", ("allowed",))
    assert "<td>97116</td><td>2</td><td>-0.05</td><td>no price no" in text
    assert "tr > :nth-child(2), tr > :nth-child(3) { text-align: right; }" in text
    assert "tr > :nth-child(4) { min-width: 14em; white-space: normal; }" in text
    assert "landscape" not in text and "<caption>1 line</caption>" in text
    empty = reports.text(lines.head(0), "html", ("allowed",))
    assert "<caption>0 lines</caption>" in empty and "<td>" not in empty
