"""What the audit's tables say where a table of cases cannot: absent columns, zones, dollars."""

from __future__ import annotations

import pytest
from helpers import ROOT, frame

from calc import auditing, logs, params, reviewing
from calc.reviewing import Asked

VISIT = {"patient": "A", "date": "2026-03-02", "code": "97116"}


def findings(rows, config, select, **defaults):
    """Findings of some rules as dicts, from rows of a log as a user gives it."""
    log = logs.read(frame(rows), config, logs.Defaults(**defaults))
    select = (select,) if isinstance(select, str) else select
    audit = reviewing.review(log, config, Asked(select=select)).audit
    return audit.findings.to_native().to_dicts()


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({}, set()),
        ({"clinician": ("", "")}, set()),
        ({"clinician": ("Kim", "")}, {"clinician"}),
        ({"role": ("therapist", "")}, {"role"}),
        ({"discipline": ("PT", "")}, {"discipline"}),
        ({"clinician": ("Kim", ""), "role": ("therapist", "")}, {"clinician role"}),
    ],
)
def test_only_columns_of_the_log_are_asked_for(columns, missing, config):
    """A log without clinicians, roles or disciplines is not asked for them on every row."""
    rows = []
    for n, patient in enumerate("AB"):
        said = {name: cells[n] for name, cells in columns.items()}
        rows.append(VISIT | {"patient": patient, "minutes": "15"} | said)
    assert {finding["found"] for finding in findings(rows, config, "D602")} == missing


@pytest.mark.parametrize(
    ("units", "more"), [({}, ""), ({"units_billed": "2"}, "; units billed: 2")]
)
def test_units_that_the_log_does_not_have_are_not_said(units, more, config):
    """Without the column nobody knows how many were billed: not 0."""
    (found,) = findings([VISIT | units], config, "U209")
    assert found["found"] == units.get("units_billed", "")
    assert found["message"] == f"97116 has no minutes and no start and end{more}"


def test_clock_changes_need_a_zone(config):
    """Without a zone nobody knows that a clock time does not exist."""
    rows = [VISIT | {"date": "2026-03-08", "start": "01:30", "end": "02:10"}]
    assert not findings(rows, config, "T109")
    assert len(findings(rows, config, "T109", zone="America/Chicago")) == 1
    assert not findings(rows, config, "T109", zone="America/Phoenix")


@pytest.mark.parametrize("zone", ["", "America/Chicago", "America/Phoenix"])
def test_the_timeline_shows_the_clock_on_the_wall(zone, config):
    """Whatever the zone, and where a stamp says its own offset."""
    row = VISIT | {"clinician": "Kim", "start": "2026-03-02T09:00", "end": "2026-03-02T09:30"}
    other = row | {"patient": "B", "start": "2026-03-02T09:15", "end": "2026-03-02T09:45"}
    rows = [row, other]
    if zone == "America/Phoenix":
        rows[1] |= {name: f"{other[name]}-07:00" for name in ("start", "end")}
    log = logs.read(frame(rows), config, logs.Defaults(zone=zone))
    shown = reviewing.review(log, config, Asked()).audit.timeline
    assert shown["overlap"].to_list() == [True, True]
    minutes = [ms // 60_000 % 1440 for ms in shown["start_ms"]]
    assert minutes == [9 * 60, 9 * 60 + 15]
    assert shown["end_ms"][1] - shown["start_ms"][1] == 30 * 60_000


def test_the_timeline_marks_an_end_by_another_clock(config):
    """On the night of a clock change, and where a stamp says so; not of an offset at one end."""
    stamps = [
        ("2026-03-02T09:00-06:00", "2026-03-02T10:30-05:00"),
        ("2026-03-02T09:10-06:00", "2026-03-02T09:40"),
    ]
    changed = [("2026-03-08T01:30", "2026-03-08T03:10"), ("2026-03-08T01:40", "2026-03-08T01:50")]
    for times, zone in ((stamps, ""), (changed, "America/Chicago")):
        rows = [
            VISIT
            | {"clinician": "Kim", "patient": str(n), "start": start, "end": end}
            | {"date": start[:10]}
            for n, (start, end) in enumerate(times)
        ]
        log = logs.read(frame(rows), config, logs.Defaults(zone=zone))
        shown = reviewing.review(log, config, Asked()).audit.timeline
        assert shown["two_offsets"].to_list() == [True, False]


def test_cloned_days_on_both_sides_of_a_clock_change(config):
    """Days alike on the wall clock are alike in summer and in winter."""
    days = ["2026-02-23", "2026-02-25", "2026-03-02", "2026-03-04", "2026-03-09", "2026-03-11"]
    rows = []
    for day in days:
        row = VISIT | {"clinician": "Kim", "date": day, "start": "09:00", "end": "09:31"}
        rows += [row, row | {"code": "97110", "start": "09:31", "end": "09:55"}]
    found = findings(rows, config, "S703", zone="America/Chicago")
    assert [finding["found"] for finding in found] == ["6"]


def test_doubtful_minutes_are_those_of_the_wall_clock(config):
    """01:30 to 02:10 on the night when 02:00 to 03:00 is left out: 40 minutes, three units."""
    row = VISIT | {"date": "2026-03-08", "start": "01:30", "end": "02:10"}
    units = {
        billed: findings([row | {"units_billed": billed}], config, "U201", zone="America/Chicago")
        for billed in ("3", "4")
    }
    assert not units["3"]
    assert [(f["found"], f["expected"]) for f in units["4"]] == [("4", "3")]


@pytest.mark.parametrize(
    ("end", "units", "also"),
    [("01:10", "7", "U201"), ("01:10", "1", "U202"), ("01:02", "1", "U201 U204")],
)
def test_units_by_doubtful_minutes_have_no_dollars(end, units, also, config):
    """00:30 to 01:10 of the night with two such hours: 40 minutes or 100, which are seven units."""
    start = {"01:10": "00:30", "01:02": "00:55"}[end]
    row = VISIT | {"date": "2026-11-01", "start": start, "end": end, "units_billed": units}
    (found,) = findings([row], config, ("U", "T109"), zone="America/Chicago")
    assert (found["rule"], found["also"], found["cents"]) == ("T109", also, None)
    assert found["without_dollars"]
    for alone in findings([row], config, "U", zone="America/Chicago"):
        assert alone["cents"] is None
    sure = row | {"start": f"{start}-05:00", "end": f"{end}-06:00"}
    (found,) = findings(
        [sure | {"units_billed": "9"}], config, ("U", "T109"), zone="America/Chicago"
    )
    assert found["rule"] == "U201" and found["cents"] > 0


def test_a_doubtful_session_not_billed_has_no_dollars(config):
    """That it is not billed is sure, what it would earn is not."""
    night = VISIT | {"date": "2026-11-01", "start": "00:30", "end": "01:10", "units_billed": ""}
    day = night | {"code": "97110", "start": "09:00", "end": "09:15", "units_billed": "1"}
    found = findings([night, day], config, ("U",), zone="America/Chicago")
    assert [(f["rule"], f["code"], f["cents"]) for f in found] == [("U208", "97116", None)]
    logged = night | {"minutes": "40"}
    found = findings([logged, day], config, ("U",), zone="America/Chicago")
    assert [(f["rule"], f["cents"] < 0) for f in found] == [("U208", True)]


def test_spoilt_rows_are_still_rejected_by_bill(config):
    """What is left to the audit is no session to bill, and keeps its cells as they were."""
    rows = [VISIT | {"date": "2026-03-08", "start": "01:30", "end": "02:10"}]
    log = logs.read(frame(rows), config, logs.Defaults(zone="America/Chicago"))
    reject = log.rejects().collect().to_native().to_dicts()[0]
    assert (reject["start"], reject["end"]) == ("01:30", "02:10")
    assert "does not exist" in reject["reason"]


@pytest.mark.parametrize(
    ("start", "severity", "cents"),
    [
        # 30 minutes less 5 are 25: two units still.
        ("09:25", "warning", None),
        # Less 7: 23, two units. Less 8: 22, one; 0.665 x 33.4009 = 22.21 for the reduced unit.
        ("09:23", "warning", None),
        ("09:22", "error", 2221),
        # Less 22: 8, one unit. Less 23: 7, none; 0.87 x 33.4009 = 29.06 for the first.
        ("09:08", "error", 2221),
        ("09:07", "error", 2906 + 2221),
    ],
)
def test_dollars_of_a_shared_clinician(start, severity, cents, config):
    """A patient's half-hour from ``start`` while the clinician is with another one until 09:30."""
    minutes = int(start[3:]) + 30
    end = f"{9 + minutes // 60:02}:{minutes % 60:02}"
    rows = [
        VISIT | {"clinician": "Kim", "start": "09:00", "end": "09:30"},
        VISIT | {"patient": "B", "clinician": "Kim", "start": start, "end": end},
    ]
    found = findings(rows, config, "T101")
    assert [(f["row"], f["rows"], f["severity"], f["cents"]) for f in found] == [
        (2, "1", severity, cents)
    ]


def sessions(spans, **columns):
    """Rows of one patient or of several, each with a (start, end) and columns of its own."""
    rows = []
    for n, (start, end) in enumerate(spans):
        own = {name: cells[n] for name, cells in columns.items()}
        rows.append(VISIT | {"clinician": "Kim", "start": start, "end": end} | own)
    return rows


THREE = (("09:00", "09:15"), ("09:05", "09:25"), ("09:14", "09:44"))


@pytest.mark.parametrize(
    ("rule", "columns", "said"),
    [
        ("T101", {"patient": "ACB"}, "11 one-on-one minutes are shared with another patient"),
        (
            "T102",
            {"clinician": ("Kim", "Lee", "Pat")},
            "11 minutes are treated by another clinician as well",
        ),
        (
            "T104",
            {"code": ("97110", "97112", "97116")},
            "1 minute is billed under 97110 as well, 10 more under 97112",
        ),
        (
            "T104",
            {"code": ("97110", "97110", "97116")},
            "11 minutes are billed under 97110 as well",
        ),
    ],
)
def test_all_that_took_of_a_row_are_named(rule, columns, said, config):
    """The last row loses 1 minute to the first, which runs on for it, and 10 to the second."""
    *_, last = sorted(findings(sessions(THREE, **columns), config, rule), key=lambda f: f["row"])
    assert (last["row"], last["rows"]) == (3, "1 2")
    assert last["message"] == f"{said} (rows 1, 2)"
    # The stretch that another row has of its own is no matter: row 2 took nothing of row 3.
    spans = (("09:00", "09:20"), ("09:05", "09:18"), ("09:14", "09:44"))
    *_, last = sorted(findings(sessions(spans, **columns), config, rule), key=lambda f: f["row"])
    assert (last["row"], last["rows"]) == (3, "1")
    assert last["message"].startswith("6 ") and last["message"].endswith(" (row 1)")


@pytest.mark.parametrize(
    ("ends", "billed", "rule", "more"),
    [
        (("09:30", "09:32"), ("2", "2"), "U201", "; 28 minutes stand on two rows and count once"),
        (("09:03", "09:07"), ("1", "1"), "U204", "; 1 minute stands on two rows and counts once"),
        (("09:32", "09:34"), ("2", "2"), "U201", ""),
    ],
)
def test_minutes_that_count_once_are_said(ends, billed, rule, more, config):
    """Of a day with too many units, where no clash of times is a finding of its own."""
    second = "09:32" if not more else "09:02"
    rows = sessions((("09:00", ends[0]), (second, ends[1])), units_billed=billed)
    assert {f["rule"] for f in findings(rows, config, "T10")} == set()
    (found,) = findings(rows, config, rule)
    assert "".join(found["message"].partition(";")[1:]) == more
    # Under two codes the clash says it.
    codes = [row | {"code": code} for row, code in zip(rows, ("97110", "97116"), strict=True)]
    assert not any(";" in f["message"] for f in findings(codes, config, "U20"))


def test_partners_in_other_files_are_named(tmp_path, config):
    """As FILE:ROW; the picture of the day marks every one of them, in whichever file."""
    rows = sessions(THREE, patient="ACB")
    paths = [tmp_path / name for name in ("a b.csv", "c.csv", "d.csv")]
    for path, row in zip(paths, rows, strict=True):
        frame([row]).write_csv(path)
    log = logs.read([str(path) for path in paths], config, logs.Defaults())
    audit = reviewing.review(log, config, Asked(select=("T101",))).audit
    last = audit.findings.to_native().filter(found="11").to_dicts()[0]
    assert last["rows"] == f"{paths[0]}:2 {paths[1]}:2"
    assert last["message"].endswith(f"(rows {paths[0]}:2, {paths[1]}:2)")
    assert audit.timeline["overlap"].to_list() == [True] * 3


@pytest.mark.parametrize(("partner", "more"), [("Lee", {"discipline": ("OT", "PT")}), ("", {})])
def test_the_timeline_has_the_sessions_of_others_that_overlap(partner, more, config):
    """Those of another clinician, or of nobody named, whose day has no finding of its own."""
    spans = (("09:00", "09:30"), ("09:10", "09:40"))
    codes = ("97110", "97140")
    rows = sessions(spans, clinician=(partner, "Kim"), code=codes, **more)
    alone = rows[0] | {"patient": "B", "start": "10:00", "end": "10:30"}
    log = logs.read(frame([*rows, alone]), config, logs.Defaults())
    audit = reviewing.review(log, config, Asked(select=("T",))).audit
    (found,) = audit.findings.to_native().to_dicts()
    assert (found["clinician"], found["rows"], found["found"]) == ("Kim", "1", "20")
    shown = audit.timeline.select("clinician", "row", "overlap").rows()
    assert sorted(shown) == sorted([("Kim", 2, True), (partner, 1, True)])


@pytest.mark.parametrize(("minutes", "window"), [("", False), ("30", False), ("29", True)])
def test_the_timeline_tells_the_times_of_a_visit(minutes, window, config):
    """Minutes below the clock lie somewhere within it."""
    spans = (("09:00", "09:30"), ("09:10", "09:40"))
    rows = sessions(spans, patient="AB", minutes=(minutes, "30"))
    log = logs.read(frame(rows), config, logs.Defaults())
    timeline = reviewing.review(log, config, Asked(select=("T101",))).audit.timeline
    assert timeline["window"].to_list() == [window, False]


def test_a_finding_folds_into_the_same_one_whatever_the_order(config):
    """Rows in another order are the same audit: a day with several clashes of a clinician."""
    rows = [
        VISIT | {"row": str(n), "patient": p, "clinician": "Kim", "start": "09:00", "end": "09:30"}
        for n, p in enumerate("ABCDE", 2)
    ]

    def told(rows):
        names = ("rule", "row", "rows", "also", "cents", "severity")
        return [tuple(f[name] for name in names) for f in findings(rows, config, "T1")]

    assert [f[0] for f in told(rows)] == ["T101"] * 4
    assert told(rows) == told(rows[::-1]) == told(rows[2:] + rows[:2])


def test_units_of_a_code_that_counts_alone_fold_into_its_own_clash(config):
    """Those of 97140 stood with the clash of 97530, which bills none, or with another's."""
    plain = VISIT | {"payer": "ama", "discipline": "PT"}
    names = ("provider", "clinician", "role", "code", "start", "end", "units_billed")
    rows = [
        plain | dict(zip(names, row, strict=True))
        for row in (
            ("X", "Lee", "assistant", "97530", "08:09", "08:30", "0"),
            ("Y", "Roy", "therapist", "97113", "08:02", "08:17", "1"),
            ("X", "Kim", "assistant", "97140", "08:07", "08:31", "2"),
            ("X", "Kim", "assistant", "97110", "08:29", "08:53", "2"),
        )
    ]
    for order in (rows, rows[::-1]):
        log = logs.read(frame(order), config, logs.Defaults())
        done = reviewing.review(log, config, Asked(select=("T", "U"))).audit
        told = {(f["rule"], f["code"]): f["also"] for f in done.findings.iter_rows(named=True)}
        assert told == {
            ("T102", "97530"): "", ("T102", "97110"): "U201", ("T104", "97140"): "U201"
        }  # fmt: skip
        assert done.meta["overbilled_without_dollars"] == 2


def test_a_code_that_counts_alone_has_its_own_minutes(config):
    """By the midpoint rule no day has any."""
    row = VISIT | {"discipline": "PT", "minutes": "14", "code": "97140", "units_billed": "2"}
    rows = [row, row | {"code": "97530", "minutes": "10", "units_billed": "0"}]
    for payer, whose in (("ama", "its own"), ("medicare", "the day's")):
        said = [
            f["message"] for f in findings([r | {"payer": payer} for r in rows], config, "U203")
        ]
        assert said[0] == f"2 units of 97140 billed, {whose} minutes allow 1"


@pytest.mark.parametrize(
    ("primary", "add_on", "discipline"),
    [("97129", "97130", "SLP"), ("92607", "92608", "SLP"), ("90912", "90913", "PT")],
)
def test_an_add_on_without_a_row_stands_on_all_rows_of_its_service(
    primary, add_on, discipline, config
):
    """Of minutes that a patient shares with another pay is not lost, whichever row comes first."""
    plain = VISIT | {"discipline": discipline, "role": "therapist"}
    other = {"patient": "B", "clinician": "Lee", "code": primary, "provider": "Y"}
    mine = {"patient": "A", "code": primary, "provider": "X"}
    rows = [
        plain | other | {"start": "15:50", "end": "16:10", "units_billed": "1"},
        plain | mine | {"clinician": "Lee", "start": "15:49", "end": "15:56", "units_billed": "1"},
        plain | mine | {"clinician": "Kim", "start": "08:00", "end": "10:00", "units_billed": ""},
    ]

    def lost(rows):
        return [f for f in findings(rows, config, "U208") if f["code"] == add_on]

    assert not lost(rows)
    assert not lost([rows[0], rows[2], rows[1]])
    later = rows[0] | {"start": "17:50", "end": "18:10"}
    for order in ([later, *rows[1:]], [later, rows[2], rows[1]]):
        (found,) = lost(order)
        assert {found["row"], int(found["rows"])} == {2, 3}


def test_an_add_on_that_bills_nothing_lacks_no_primary_code(tmp_path):
    """Though a second add-on of the same code, in a user's own table, does."""
    codes = (ROOT / "config" / "codes.csv").read_text(encoding="utf-8").splitlines()
    (own,) = (line for line in codes if line.startswith("97598,"))
    table = "\n".join([*codes, own.replace("97598", "97599")])
    (tmp_path / "codes.csv").write_text(table, encoding="utf-8")
    rows = [
        VISIT | {"discipline": "PT", "minutes": "15", "code": code, "units_billed": units}
        for code, units in (("97598", "1"), ("97599", "0"))
    ]
    found = findings(rows, params.load(tmp_path), "U213")
    assert [(finding["code"], finding["found"]) for finding in found] == [("97598", "1")]


@pytest.mark.parametrize("clinicians", [("Kim", "Lee"), ("Kim", "Kim")])
@pytest.mark.parametrize("codes", [("97116", "97530"), ("97530", "97116")])
def test_units_of_minutes_that_two_rows_share_are_one_finding(clinicians, codes, config):
    """A unit each of half an hour: which code the minutes are nobody can tell."""
    rows = [
        VISIT | {"clinician": who, "code": code, "start": "09:00", "end": "09:30"}
        for who, code in zip(clinicians, codes, strict=True)
    ]
    rows = [row | {"role": "therapist", "discipline": "PT", "units_billed": "1"} for row in rows]
    found = [f["rule"] for f in findings(rows, config, "") if f["rule"][0] in "TU"]
    assert found == (["T104"] if clinicians[0] == clinicians[1] else ["T102"])


@pytest.mark.parametrize(
    ("day", "more"), [("2019-12-31", "; 97116 takes neither on this date"), ("2020-01-01", "")]
)
def test_before_the_modifiers_begin_no_unit_is_due_with_them(day, more, config):
    """Whoever furnished it; from then on an assistant's is."""
    row = VISIT | {"date": day, "discipline": "PT", "minutes": "20", "units_billed": "1"}
    row |= {"modifiers_billed": "GP CQ", "clinician": "Kim"}
    found = {
        role: [f["message"] for f in findings([row | {"role": role}], config, "M302")]
        for role in ("therapist", "assistant")
    }
    said = [f"1 unit of 97116 carries CQ or CO, 0 are due{more}"]
    assert found == {"therapist": said, "assistant": said if more else []}


@pytest.mark.parametrize(
    ("day", "code", "said"),
    [
        ("02", "97162", "97161 and 97162 are evaluations of one kind on the same day"),
        ("03", "97162", "97162 is 1 day after the evaluation before it; 30 days are the limit"),
        ("04", "97161", "97161 is 2 days after the evaluation before it; 30 days are the limit"),
    ],
)
def test_a_second_evaluation_of_the_same_day_is_no_days_later(day, code, said, config):
    """Neither of the two is the one before."""
    row = VISIT | {"code": "97161", "start": "10:00", "end": "10:30", "units_billed": "1"}
    other = {"date": f"2026-03-{day}", "code": code, "start": "10:30", "end": "10:55"}
    rows = [row, row | other]
    for order in (rows, rows[::-1]):
        (found,) = findings(order, config, "U215")
        assert found["message"] == said
        assert order[found["row"] - 1]["code"] == found["code"]  # of a frame the first is row 1


def test_several_evaluations_of_a_day_soon_after_another_one(config):
    """Three codes are not two, and both halves of the sentence may hold."""
    row = VISIT | {"minutes": "30", "units_billed": "1"}
    day = [row | {"code": code, "date": "2026-03-03"} for code in ("97161", "97162", "97163")]
    same = "97161 and 97163 are evaluations of one kind on the same day"
    before = ", {} after the evaluation before it; 30 days are the limit"
    cases = {"": "", "2026-03-02": before.format("1 day"), "2026-02-01": before.format("30 days")}
    for earlier, more in (cases | {"2026-01-31": ""}).items():
        others = [row | {"code": "97161", "date": earlier}] if earlier else []
        (found,) = findings([*others, *day], config, "U215")
        assert (found["message"], found["found"], found["expected"]) == (same + more, "0", "30")


@pytest.mark.parametrize(
    ("code", "modifiers", "discipline", "more"),
    [
        ("97168", "GP CQ", "OT", "; CQ goes with GP alone"),
        ("97161", "GO CO", "PT", "; CO goes with GO alone"),
        ("92523", "GP CQ", "SLP", "; CQ goes with GP alone"),
        ("97168", "GP CO", "OT", ""),
        ("97168", "GP", "OT", ""),
    ],
)
def test_an_assistants_modifier_changes_with_the_disciplines(
    code, modifiers, discipline, more, config
):
    """Corrected without it the line would have the next fault."""
    row = VISIT | {"code": code, "minutes": "30", "units_billed": "1"}
    (found,) = findings([row | {"modifiers_billed": modifiers}], config, "M309")
    said = f"{code} is billed with {modifiers[:2]}, its discipline is {discipline}{more}"
    assert found["message"] == said


def test_lines_with_a_modifier_are_named(config):
    """Two lines of the assistant's beside one of the therapist's."""
    row = VISIT | {"minutes": "15", "units_billed": "1", "modifiers_billed": "GP CQ"}
    row |= {"discipline": "PT"}
    rows = [row | {"role": "assistant"}, row | {"role": "assistant", "minutes": "16"}]
    plain = row | {"role": "therapist", "modifiers_billed": "GP"}
    for others in ([], [plain]):
        (found,) = findings(rows + others, config, "U214")
        assert found["message"] == "97116 is billed on 2 lines with CQ or CO of the day, 1 is due"
    (found,) = findings([plain, plain | {"minutes": "16"}], config, "U214")
    assert found["message"] == "97116 is billed on 2 lines of the day, 1 is due"


@pytest.mark.parametrize(("modifiers", "severity"), [("GP", "error"), ("GP GY", "warning")])
def test_a_unit_for_a_denial_is_not_paid_twice(modifiers, severity, config):
    """A code of one unit a day on two rows alike, of which one asks for no pay."""
    row = VISIT | {"code": "G0283", "clinician": "Kim", "minutes": "15", "units_billed": "1"}
    rows = [row | {"modifiers_billed": said, "discipline": "PT"} for said in ("GP", modifiers)]
    (found,) = findings(rows, config, "T103")
    assert (found["severity"], found["cents"] is None) == (severity, severity == "warning")


def test_all_rules_are_known():
    """The rules of this family stand under the codes that the issue gives them."""
    codes = {rule.code for rule in auditing.rules_chosen(("T", "G", "P", "D", "S"))}
    expected = {f"T{number}" for number in range(101, 111)} | {"G501", "P401", "P402"}
    expected |= {f"D{number}" for number in range(601, 605)}
    assert expected | {f"S{number}" for number in range(701, 706)} <= codes


@pytest.mark.parametrize(
    ("minutes", "billed", "rule", "row"),
    [
        (("15", "15"), ("1", "3"), "U201", 2),
        (("15", "15"), ("3", "1"), "U201", 1),
        (("15", "45"), ("1", "1"), "U202", 2),
        (("4", "3"), ("", "1"), "U204", 2),
    ],
)
def test_a_day_names_the_code_that_is_wrong(minutes, billed, rule, row, config):
    """Not the clinician and the code that stand first in the alphabet."""
    codes, who = ("97110", "97140"), ("Ann", "Zoe")
    rows = [
        VISIT
        | {"code": codes[n], "clinician": who[n], "minutes": minutes[n], "units_billed": billed[n]}
        for n in range(2)
    ]
    found = findings(rows, config, rule)
    assert [(f["row"], f["clinician"], f["code"]) for f in found] == [
        (row, who[row - 1], codes[row - 1])
    ]


def test_a_day_that_any_of_its_codes_falls_short_of_names_the_one_billed(config):
    """Three of eight minutes are two units of any two: the code on the claim is said."""
    codes = {"97110": "1", "97112": "", "97116": ""}
    log = [
        VISIT | {"code": code, "minutes": "8", "units_billed": billed}
        for code, billed in codes.items()
    ]
    assert [found["code"] for found in findings(log, config, "U202")] == ["97110"]
