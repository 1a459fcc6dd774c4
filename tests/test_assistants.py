"""CQ and CO: which units an assistant furnished."""

from __future__ import annotations

import random

import oracle
import pytest
from helpers import DAY, bill, cases, count, frame, grouped

import calc
from calc import estimating

CASES = grouped(cases("assistants.csv"), "id")
POLICY_DAYS = {0: "2019-06-03", 2020: "2021-06-01", 2022: "2026-06-01"}
CASE_DAYS = {"2020-21": "2021-06-01", "2022+": "2026-06-01"}
ROLES = {"pt_minutes": "therapist", "pta_minutes": "assistant", "joint_minutes": "joint"}


def rows_of(codes, day, patient="p", discipline="PT"):
    """Rows of {code: (therapist, assistant)}, both always logged."""
    return [
        {
            "patient": patient,
            "date": day,
            "code": code,
            "minutes": minutes,
            "role": role,
            "discipline": discipline,
        }
        for code, pair in codes.items()
        for role, minutes in zip(("therapist", "assistant"), pair, strict=True)
    ]


@pytest.mark.parametrize(
    ("code", "modifiers"),
    [(f"9897{n}", "GP") for n in (6, 7, 8)]
    + [(f"9898{n}", "GP") for n in (4, 5)]
    + [(f"989{n}", "GP CQ") for n in (75, 79, 80)],
)
def test_the_supply_of_a_device_is_nobodys(code, modifiers, config):
    """Whoever logged it; what an assistant does himself for remote monitoring has the modifier."""
    row = {"patient": "p", "date": DAY, "code": code, "discipline": "PT", "role": "assistant"}
    (line,) = bill([row | {"minutes": "20", "units_billed": "1"}], config)
    assert line["modifiers"] == modifiers
    said = calc.estimate([row | {"minutes": "20"}]).explain()
    assert ("no modifier due" in said) is (modifiers == "GP")


@pytest.mark.parametrize("rows", CASES.values(), ids=list(CASES))
def test_published_case(rows, config):
    """Units with and without the modifier, on lines of their own."""
    log = [
        {
            "patient": "p",
            "date": CASE_DAYS[row["policy"]],
            "code": row["code"],
            "discipline": row["discipline"],
            "minutes": row[column],
            "role": role,
        }
        for row in rows
        for column, role in ROLES.items()
        if int(row[column])
    ]
    lines = bill(log, config)
    for row in rows:
        mine = [line for line in lines if line["code"] == row["code"]]
        plain = sum(x["units"] for x in mine if row["modifier"] not in x["modifiers"].split())
        modified = sum(x["units"] for x in mine if row["modifier"] in x["modifiers"].split())
        assert plain == int(row["expected_units_without_modifier"])
        assert modified == int(row["expected_units_with_modifier"])


def grid(config, day):
    """(T, A) to (units, modified) of one code, 0 to 45 minutes of each."""
    rows = [
        row
        for T in range(46)
        for A in range(46)
        for row in rows_of({"97110": (T, A)}, day, f"{T} {A}")
    ]
    return {
        tuple(map(int, service["patient"].split())): (service["units"], service["assistant_units"])
        for service in count(rows, config)
    }


@pytest.mark.parametrize("policy", POLICY_DAYS)
def test_every_pair_of_minutes(policy, config):
    """0 to 45 minutes of therapist and assistant, before 2020, in 2021 and in 2026."""
    found = grid(config, POLICY_DAYS[policy])
    wrong = []
    for (T, A), (units, modified) in found.items():
        expected = oracle.assistant_units(T, A, oracle.band(T + A), policy)
        if (units - modified, modified) != expected:
            wrong.append((T, A, units, modified, expected))
    assert len(found) == 46 * 46
    assert wrong == []


def test_a_minute_for_the_therapist_never_adds_a_modifier(config):
    """From 2022: a minute that moves from the assistant to the therapist adds no modified unit."""
    found = grid(config, POLICY_DAYS[2022])
    worse = [(T, A) for T, A in found if A and T < 45 and found[T + 1, A - 1][1] > found[T, A][1]]
    assert worse == []


def random_pools():
    """Visits of two or three codes, the same in every run."""
    pick = random.Random(2022)
    for number in range(2000):
        codes = pick.sample(["97110", "97112", "97116", "97140"], pick.randint(2, 3))
        yield str(number), {code: (pick.randint(0, 40), pick.randint(0, 40)) for code in codes}


@pytest.mark.parametrize("policy", POLICY_DAYS)
def test_pools(policy, config):
    """Across codes the larger leftover takes the unit, and whoever furnished it decides."""
    pools = dict(random_pools())
    rows = [
        row
        for patient, codes in pools.items()
        for row in rows_of(codes, POLICY_DAYS[policy], patient)
    ]
    wrong = []
    for service in count(rows, config):
        codes = pools[service["patient"]]
        expected = oracle.pooled_assistant_units(codes, policy)[service["service"]]
        mine = (service["units"] - service["assistant_units"], service["assistant_units"])
        if mine != expected:
            wrong.append((codes, service["service"], mine, expected))
    assert wrong[:5] == []


def test_plain_and_modified_add_up(config):
    """The lines of a code share out its units; minutes repeat; the plain line comes first."""
    rows = [row for name, codes in random_pools() for row in rows_of(codes, "2026-06-01", name)]
    services = {(s["patient"], s["service"]): s for s in count(rows, config)}
    lines = {}
    for line in bill(rows, config):
        lines.setdefault((line["patient"], line["code"]), []).append(line)
    assert lines.keys() == services.keys()
    for key, mine in lines.items():
        service = services[key]
        assert sum(line["units"] for line in mine) == service["units"]
        assert sum(line["assistant_units"] for line in mine) == service["assistant_units"]
        assert {line["minutes"] for line in mine} == {service["minutes"]}
        assert len(mine) <= 2
        for line in mine:
            assert line["modifiers"] == ("GP CQ" if line["modified"] else "GP")
            assert line["assistant_units"] == (line["units"] if line["modified"] else 0)


@pytest.mark.parametrize("policy", POLICY_DAYS)
def test_per_day_codes(policy, config):
    """More than 10 percent of a per-day code, exactly."""
    rows = [
        row
        for T in range(61)
        for A in range(16)
        for row in rows_of({"97161": (T, A)}, POLICY_DAYS[policy], f"{T} {A}")
        if row["role"] == "therapist" or A
    ]
    wrong = []
    for service in count(rows, config):
        T, A = map(int, service["patient"].split())
        if bool(service["assistant_units"]) != oracle.per_day_modified(T, A, policy):
            wrong.append((T, A, service["assistant_units"]))
    assert wrong == []


@pytest.mark.parametrize(
    ("therapist", "assistant", "minutes", "modified"),
    [
        ("09:00:00-09:07:40", "09:10:00-09:17:40", (15, 8), 1),  # 7:40 and 7:40
        ("09:00:00-09:08:00", "09:10:00-09:17:59", (15, 7), 0),
        ("09:00-09:20", "09:00-09:20", (20, 0), 0),  # joint time is the therapist's
        ("09:00-09:20", "09:10-09:30", (30, 10), 1),
        ("09:10-09:30", "09:00-09:20", (30, 10), 1),
    ],
)
def test_clock_times_of_both(therapist, assistant, minutes, modified, config):
    """Seconds and coinciding rows: the therapist's own time first, the rest the assistant's."""
    rows = []
    for role, span in (("therapist", therapist), ("assistant", assistant)):
        start, end = span.split("-")
        rows.append(
            {"patient": "p", "date": "2026-06-01", "code": "97110", "discipline": "PT"}
            | {"role": role, "start": start, "end": end}
        )
    for log in (rows, rows[::-1]):
        (service,) = count(log, config)
        assert (service["minutes"], service["assistant_minutes"]) == minutes
        assert service["assistant_units"] == modified


@pytest.mark.parametrize(
    ("rows", "minutes", "modified"),
    [
        # An assistant's row of another code, begun before, has the first fifteen minutes.
        (["A 97140 09:00 09:30", "T 97110 09:15 09:35", "A 97110 09:35 09:45"], (15, 10), 1),
        (["T 97110 09:30 09:35", "A 97110 09:35 09:45"], (15, 10), 1),
        # The other code has all of them but one.
        (
            [
                "A 97140 09:00 09:30",
                "T 97110 09:00 09:30",
                "T 97110 10:00 10:01",
                "A 97110 10:05 10:29",
            ],
            (25, 24),
            2,
        ),
        # Joint time that a third row of another code has is neither's.
        (["A 97140 09:00 09:30", "A 97110 09:10 09:40", "T 97110 09:15 09:40"], (10, 0), 0),
        # Two therapists beside an assistant at the same time are there once.
        (["A 97110 09:00 09:30", "T 97110 09:00 09:20", "T 97110 09:00 09:20"], (30, 10), 1),
    ],
)
def test_minutes_of_another_code_are_not_the_therapists(rows, minutes, modified, config):
    log = []
    for row in rows:
        role, code, start, end = row.split()
        log.append(
            {"patient": "p", "date": "2026-06-01", "code": code, "discipline": "PT"}
            | {"role": {"A": "assistant", "T": "therapist"}[role], "start": start, "end": end}
        )
    (service,) = [s for s in count(log, config) if s["service"] == "97110"]
    assert (service["minutes"], service["assistant_minutes"]) == minutes
    assert service["assistant_units"] == modified


@pytest.mark.parametrize(
    ("therapist", "assistant", "modifiers"),
    [
        ("10:00:00-10:08:59", "10:10:00-10:10:30", "GP"),  # 30 of 569 seconds
        ("10:00:00-10:17:59", "10:20:00-10:21:30", "GP"),  # 90 of 1169
        ("10:00:00-10:10:00", "10:20:00-10:21:08", "GP CQ"),  # 68 of 668
    ],
)
def test_a_share_of_seconds_is_exact(therapist, assistant, modifiers, config):
    rows = [
        {"patient": "p", "date": "2026-06-01", "code": "97150", "discipline": "PT", "role": role}
        | dict(zip(("start", "end"), span.split("-"), strict=True))
        for role, span in (("therapist", therapist), ("assistant", assistant))
    ]
    (bill_line,) = bill(rows, config)
    assert bill_line["modifiers"] == modifiers


@pytest.mark.parametrize(("discipline", "modifier"), [("PT", "GP CQ"), ("OT", "GO CO")])
def test_modifier_by_discipline(discipline, modifier, config):
    """CQ goes with GP and CO with GO; an assistant in speech or in none is a reject."""
    (line,) = bill(rows_of({"97110": (0, 15)}, "2026-06-01", discipline=discipline)[1:], config)
    assert line["modifiers"] == modifier


@pytest.mark.parametrize("role", ["student", "aide"])
def test_roles_that_never_count(role, config):
    """Students and aides add no minute and no unit."""
    row = {"patient": "p", "date": "2026-06-01", "code": "97110", "minutes": 15}
    (line,) = bill([row, row | {"role": role}], config)
    assert (line["minutes"], line["units"]) == (15, 1)


def test_unit_rows_show_the_assistant():
    """13 of the therapist and 23 of the assistant: two units, one of them modified."""
    (row,) = estimating.unit_rows({"97110": (13, 23)})
    assert (row["units"], row["assistant_minutes"], row["assistant_units"]) == (2, 23, 1)


@pytest.mark.parametrize(
    ("code", "therapist", "assistant", "parts"),
    [
        # The first unit is plain where any is, so the first minutes are the therapist's.
        ("97129", 10, 30, {"97129": (15, 5), "97130": (25, 25)}),
        ("97129", 30, 10, {"97129": (15, 0), "97130": (25, 10)}),
        ("97129", 0, 40, {"97129": (15, 15), "97130": (25, 25)}),
        ("97129", 4, 9, {"97129": (13, 9)}),
        ("97550", 20, 40, {"97550": (30, 10), "97551": (30, 30)}),
    ],
)
def test_an_assistants_minutes_are_parted_as_the_minutes_are(code, therapist, assistant, parts):
    """A part of the code's own minutes: no line has more of them than minutes."""
    rows = estimating.unit_rows({code: (therapist, assistant)}, discipline="OT")
    assert {row["code"]: (row["minutes"], row["assistant_minutes"]) for row in rows} == parts


def clocked(discipline, code, start, end, role, **more):
    row = {"patient": "p", "date": "2026-03-02", "discipline": discipline, "code": code}
    return row | {"start": start, "end": end, "role": role} | more


@pytest.mark.parametrize(
    ("rows", "line", "expected"),
    [
        # The minutes that PT and OT share are PT's: what is left of OT is the assistant's.
        (
            [
                clocked("PT", "97530", "09:00", "09:30", "assistant"),
                clocked("OT", "97530", "09:00", "09:30", "therapist"),
                clocked("OT", "97530", "10:00", "10:30", "assistant"),
            ],
            ("OT", "GO CO"),
            (2, 30),
        ),
        # A therapist of another discipline in between does not take the joint minutes away.
        (
            [
                clocked("PT", "97530", "09:00", "09:30", "assistant"),
                clocked("OT", "97530", "09:05", "09:25", "therapist"),
                clocked("PT", "97530", "09:10", "09:30", "therapist"),
            ],
            ("PT", "GP CQ"),
            (1, 10),
        ),
        (
            [
                clocked("PT", "97110", "23:30", "2026-03-03 00:30", "assistant"),
                clocked("PT", "97110", "00:00", "00:30", "therapist", date="2026-03-03"),
                clocked("PT", "97110", "08:00", "08:30", "assistant", date="2026-03-03"),
            ],
            ("PT", "GP CQ"),
            (2, 30),
        ),
    ],
    ids=["two disciplines", "between", "midnight"],
)
def test_joint_time_is_one_disciplines_and_days(rows, line, expected, config):
    lines = bill(rows, config)
    last = max(row["date"] for row in lines)
    found = {
        (row["discipline"], row["modifiers"]): (row["units"], row["assistant_minutes"])
        for row in lines
        if row["date"] == last
    }
    assert found[line] == expected


@pytest.mark.parametrize(
    ("therapist", "assistant", "marked"),
    [
        (30, 15, {"97550": 0, "97551": 1}),
        (45, 15, {"97550": 0, "97551": 1}),
        (38, 7, {"97550": 0, "97551": 0}),
        (0, 45, {"97550": 1, "97551": 1}),
    ],
)
def test_a_first_unit_of_thirty_minutes(therapist, assistant, marked, config):
    """The unit that a therapist furnished alone is plain, whoever goes on."""
    both = (("97550", "therapist", therapist), ("97551", "assistant", assistant))
    if not therapist:
        both = (("97550", "assistant", 30), ("97551", "assistant", assistant - 30))
    rows = [
        {"patient": "p", "date": DAY, "discipline": "PT", "code": code, "role": role,
         "minutes": minutes}
        for code, role, minutes in both
    ]  # fmt: skip
    found = dict.fromkeys(marked, 0)
    for line in bill(rows, config):
        found[line["code"]] += line["assistant_units"]
    assert found == marked
    billed = [
        {**row, "clinician": row["role"], "units_billed": 1, "modifiers_billed": "GP"}
        for row in rows
    ]
    # Where both took part CMS has not said which unit is whose.
    said = set(calc.audit(frame(billed), select="M301")["code"])
    assert said == (set() if therapist else set(marked))


WINDOWS = [
    # A window's joint minutes are no more than the therapist's row lost: none of these.
    ([("A", "97116", "09:00", "09:30", "15"), ("T", "97116", "09:00", "09:30", "10")], (25, 15), 1),
    # A row that stands there twice was no second time beside the assistant.
    (
        [
            ("A", "97116", "09:00", "09:45", "15"),
            ("T", "97116", "09:00", "09:45", "30"),
            ("T", "97116", "09:00", "09:45", "30"),
        ],
        (45, 15),
        1,
    ),
    # An assistant's row without a minute of its own shares none.
    (
        [
            ("T", "97110", "09:00", "09:30", ""),
            ("A", "97116", "09:00", "09:30", "10"),
            ("T", "97116", "09:10", "09:30", ""),
            ("A", "97116", "10:00", "10:15", ""),
        ],
        (15, 15),
        1,
    ),
]


@pytest.mark.parametrize(("rows", "minutes", "modified"), WINDOWS)
def test_joint_time_within_windows(rows, minutes, modified, config):
    """Rows with minutes and the visit's clock times: who was there when is not known."""
    roles = {"A": "assistant", "T": "therapist"}
    log = [
        clocked("PT", code, start, end, roles[role], minutes=given)
        for role, code, start, end, given in rows
    ]
    (service,) = [s for s in count(log, config) if s["service"] == "97116"]
    assert (service["minutes"], service["assistant_minutes"]) == minutes
    assert service["assistant_units"] == modified


@pytest.mark.parametrize(("therapist_seconds", "modifiers"), [(53, "GP CQ"), (54, "GP")])
def test_seconds_of_a_code_that_is_judged_as_a_whole(therapist_seconds, modifiers):
    """Below a whole minute too the share decides: 6 of 59 seconds are above a tenth, of 60 not."""
    row = {"code": "97164", "discipline": "PT", "date": "2024-05-01"}
    ends = (f"09:00:{therapist_seconds}", f"09:01:{therapist_seconds + 6 - 60:02d}"
            if therapist_seconds + 6 >= 60 else f"09:00:{therapist_seconds + 6}")  # fmt: skip
    rows = [
        row | {"start": "09:00:00", "end": ends[0]},
        row | {"start": ends[0], "end": ends[1], "role": "assistant"},
    ]
    (line,) = calc.estimate(rows).lines
    assert line["modifiers"] == modifiers


@pytest.mark.parametrize(
    ("code", "therapist", "assistant", "units", "marked"),
    [
        ("96125", 60, 60, 2, 1),  # an hour of each
        ("96125", 120, 19, 2, 0),  # both hours are the therapist's
        ("96125", 31, 29, 1, 0),  # past the midpoint of the hour alone
        ("96125", 30, 30, 1, 1),  # and not past it
        ("96125", 0, 60, 1, 1),
        ("96125", 45, 90, 2, 1),  # 75 minutes left: the second hour is the assistant's
        ("97545", 120, 60, 2, 1),  # a first unit of two hours that is the therapist's
        ("97545", 90, 90, 2, 2),  # which is nobody's alone: as a whole
    ],
)
def test_units_of_an_hour_are_judged_hour_by_hour(
    code, therapist, assistant, units, marked, config
):
    """As those of a quarter of an hour: a unit that the therapist furnished alone is plain."""
    rows = rows_of({code: (therapist, assistant)}, "2026-06-01", discipline="OT")
    found = bill([row for row in rows if row["minutes"]], config)
    assert sum(line["units"] for line in found) == units
    assert sum(line["units"] for line in found if "CO" in line["modifiers"]) == marked


def test_an_hour_is_explained_by_its_own_midpoint():
    """Not by that of a quarter."""
    rows = rows_of({"96125": (60, 31)}, "2026-06-01", discipline="OT")
    text = calc.estimate(rows).explain()
    assert "whole units 1 and 0, leftovers 0 and 31 min" in text
    assert "1 unit left: the therapist's at 31 of his minutes" in text


@pytest.mark.parametrize(
    ("logged", "units"),
    [
        (("1", ""), {1: 1}),
        (("2", "2"), {0: 2, 1: 2}),
        (("3", "1"), {0: 3, 1: 1}),
        (("2", ""), {1: 2}),
        (("", "2"), {1: 2}),
    ],
)
def test_units_of_areas_are_of_the_rows_they_stand_on(logged, units, config):
    """All four were the assistant's, for a tenth of the minutes; without units a share decides."""
    rows = [
        {"patient": "p", "date": DAY, "discipline": "PT", "code": "97598", "role": role,
         "minutes": 10, "units_billed": own}
        for role, own in zip(("therapist", "assistant"), logged, strict=True)
    ]  # fmt: skip
    assert {line["modified"]: line["units"] for line in bill(rows, config)} == units


def test_an_area_that_both_treated_together_is_the_therapists(config):
    """On whoever's row its units stand: joint time is the therapist's."""
    row = {"patient": "p", "date": DAY, "discipline": "PT", "code": "97598", "start": "09:00",
           "end": "09:20"}  # fmt: skip
    rows = [
        row | {"role": "therapist", "clinician": "K", "units_billed": ""},
        row | {"role": "assistant", "clinician": "L", "units_billed": "2"},
    ]
    assert [(line["units"], line["modified"]) for line in bill(rows, config)] == [(2, 0)]
