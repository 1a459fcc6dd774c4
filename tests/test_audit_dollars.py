"""Dollars of an audit by hand; that they add up; that what is billed rightly is not accused."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from helpers import DAY, UNKNOWN_DAY, bill, frame

from calc import billing, claims, engine, evidence, logs, matching, reviewing

# Fees of 2026 in Ohio, full and reduced: 97110 and 97116 27.87 and 21.62, 97140 26.59 and 20.65,
# 97530 33.33 and 24.18, 97535 30.92 and 23.14, 97161 93.86 and 72.82.
PLACE = {"date": DAY, "discipline": "PT", "locality": "OH-00", "provider": "R"}


def read(rows, config):
    """A log of plain rows, numbered from 2 on."""
    return logs.read(frame(rows), config)


def audit(rows, config, lines=None, select=(), options=None):
    """Findings as dicts, by the log's own units or by claim lines."""
    asked = reviewing.Asked(select=select, options=options or billing.Options())
    claimed = None if lines is None else read(lines, config)
    done = reviewing.review(read(rows, config), config, asked, claimed)
    return done.audit.findings.to_native().to_dicts()


def row(code, minutes, billed="", **more):
    return {"patient": "A", "code": code, "minutes": minutes, "units_billed": billed} | PLACE | more


OT = {"discipline": "OT", "date": "2024-08-05"}
BY_HAND = {
    # 22 minutes: one unit in full, the second was reduced
    "U201": ([row("97116", 22, 2)], {"U201": 2162}),
    # 8 + 8 minutes: one unit of 97110 in full; the other code's was reduced
    "U201 of two codes": ([row("97110", 8, 1), row("97116", 8, 1)], {"U201": 2162}),
    # 38 minutes: 97530 33.33 + 2 x 21.62; one unit of the two is not billed
    "U202": ([row("97530", 15, 1), row("97110", 23, 1)], {"U202": -2162}),
    # 24 + 22 minutes: 27.87 + 21.62 + 20.65; billed 27.87 + 2 x 20.65
    "U203": ([row("97110", 24, 1), row("97140", 22, 2)], {"U203": -97}),
    "U204": ([row("97116", 7, 1)], {"U204": 2787}),
    # the evaluation is paid in full, so the unit was reduced
    "U204 beside an evaluation": ([row("97161", 30, 1), row("97116", 7, 1)], {"U204": 2162}),
    "U205": ([row("97161", 30, 2)], {"U205": 7282}),
    # billed 33.33 + 21.62, supported 27.87: what 97110 loses by the reduction is taken off
    "U207": ([row("97530", 15, 1, role="student"), row("97110", 15, 1)], {"U207": 2708}),
    "U209": ([row("97530", "", 1), row("97110", 15, 1)], {"U209": 2708}),
    "U208": ([row("97530", 15), row("97110", 15, 1)], {"U208": -2708}),
    # 97535 has the higher practice expense: billed 30.92 + 21.62, supported 27.87
    "two disciplines": (
        [row("97535", 7, 1, discipline="OT"), row("97110", 15, 1)],
        {"U204": 2467},
    ),
    # two providers: each has a unit in full
    "two providers": (
        [row("97535", 7, 1, discipline="OT", provider="S"), row("97110", 15, 1)],
        {"U204": 3092},
    ),
    # 40.00 are charged for 27.87 + 21.62; for the one unit supported half of it
    "a charge below the fee": ([row("97116", 22, 2, charge="40.00")], {"U201": 2000}),
    # 60.00 are above the fee and change nothing
    "a charge above the fee": ([row("97116", 22, 2, charge="60.00")], {"U201": 2162}),
    # each claim line for itself: 30.00 of 33.33, and 2 x 24.18 or one of 60.00 or 30.00
    "a charge of two lines": (
        [row("97530", 15, 1, modifiers_billed="GP", charge="30.00", role="therapist"),
         row("97530", 15, 2, modifiers_billed="GP CQ", charge="60.00", role="assistant")],
        {"U201": 2418},
    ),
    # one line with CQ: 21.79 for each of its units, which the second one has as well
    "a charge of units that are not billed": (
        [row("97140", 23, 1, modifiers_billed="GP CQ", charge="21.79", role="assistant")],
        {"U202": -2179},
    ),
    # 40.00 and 24.18 of 60.00 are billed, and each line's part of its own charge is supported
    "a charge of lines that are charged unlike": (
        [row("97530", 15, 2, modifiers_billed="GP", charge="40.00", role="therapist"),
         row("97530", 15, 1, modifiers_billed="GP CQ", charge="60.00", role="assistant")],
        {"U201": 2000},
    ),
    # 33.33 + 24.18 of 60.00, and 24.18 of 30.00; of the therapist's own two there is one line
    "a charge of a line that no assistant has": (
        [row("97530", 30, 2, modifiers_billed="GP", charge="60.00", role="therapist"),
         row("97530", 5, 1, modifiers_billed="GP CQ", charge="30.00", role="therapist")],
        {"U201": 2418},
    ),
    # billed 88.54 of 105.04 and 61.95 of 78.78; three of them have minutes, which bear two
    "a charge of a line without minutes": (
        [row("97140", "", 4, modifiers_billed="GP", charge="105.04", role="therapist"),
         row("97140", 35, 3, modifiers_billed="GP CQ", charge="78.78", role="assistant")],
        {"U209": 8260, "U201": 2065},
    ),
    # the marked line has no minutes, and so its own charge: 10.00 of 24.18
    "a charge of a line with CQ and no minutes": (
        [row("97530", 15, 1, modifiers_billed="GP", charge="33.00", role="therapist"),
         row("97530", "", 1, modifiers_billed="GP CQ", charge="10.00", role="assistant")],
        {"U209": 1000},
    ),
    # no fee of that payer is known
    "no price": ([row("97116", 22, 2, payer="ama")], {"U201": None}),
    # two codes on the same quarter hour: the clash has the dollars
    "a clash": (
        [row("97110", "", 1, start="09:00", end="09:15"),
         row("97116", "", 1, start="09:00", end="09:15")],
        {"T104": 2162},
    ),
    # 2 x 20.87 of 97130 for 97129 21.84 and 97140 20.27; the other discipline's 21.84 for 20.87
    "a clash beside another discipline's units of an add-on": (
        [row("97140", "", 1, start="12:09", end="12:32", **OT),
         row("97130", "", 2, start="12:22", end="12:52", **OT),
         row("97110", "", 1, start="13:25", end="13:40", **OT),
         row("97129", "", 2, start="12:52", end="13:25", **OT | {"discipline": "SLP"})],
        {"T104": -37, "U206": 97},
    ),
    # 21.84 for 20.87 of 97130: the clash on its minutes is the other discipline's
    "units of an add-on, on minutes that another discipline loses": (
        [row("97140", "", 0, start="12:26", end="12:33", date="2024-08-05", clinician="K"),
         row("97129", "", 2, start="12:23", end="12:56", clinician="K", **OT)],
        {"T104": None, "U206": 97},
    ),
    # what units are worth beside one that is billed for a denial is not known
    "a clash beside a denial": (
        [row("97530", "", 2, start="09:00", end="09:30"),
         row("97116", "", 2, start="09:15", end="09:45"),
         row("97750", "", 1, start="09:45", end="10:00", modifiers_billed="GP GY")],
        {"T104": None},
    ),
    "lacking minutes beside a denial": (
        [row("97530", "", 1), row("97110", 15, 1),
         row("97112", 15, 1, modifiers_billed="GP GY")],
        {"U209": None},
    ),
    # a tie: the units may stand so, though counting gives the second code the third unit
    "a tie": ([row("97530", 35, 2), row("97110", 20, 2)], {}),
    # 37 + 37 minutes are 3 + 2 units either way, and 3 of 97110 are right: two of 97140 are not
    "a tie beside units too many": (
        [row("97110", 37, 3), row("97140", 37, 4)],
        {"U201": 4130},
    ),
    # and 2 of 97110 are right: two of 97140 are lost
    "a tie beside units too few": (
        [row("97110", 37, 2), row("97140", 37, 1)],
        {"U202": -4130},
    ),
    # 52 + 22 minutes are 3 + 2 units as well as 4 + 1: a unit of 97140 is too many and none is lost
    "a tie that the longer code has when billing": (
        [row("97110", 52, 3), row("97140", 22, 3)],
        {"U201": 2065},
    ),
    # 33.33 + 10.55 are billed for one unit of either: 97530 may keep it
    "a tie of a code that pays more": ([row("97035", 10, 1), row("97530", 10, 1)], {"U201": 1055}),
    # 22 + 22 minutes are 2 + 1 units either way: 27.87 + 21.62 + 10.55 of 3 and 2
    "a tie of a code that pays more, and bills too many": (
        [row("97116", 22, 3), row("97035", 22, 2)],
        {"U201": 3217},
    ),
    # billed 27.87 + 2 x 21.62, of which 21.62 is supported; not billed 30.92 + 23.14
    "both ways": (
        [row("97110", 15, 3), row("97535", 30, discipline="OT")],
        {"U201": 4949, "U208": -5406},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name, config):
    """The dollars of a day's findings, computed by hand."""
    rows, expected = BY_HAND[name]
    found = audit(rows, config, select=("U", "T104"))
    assert {f["rule"]: f["cents"] for f in found} == expected


@pytest.mark.parametrize("longest", [96, 100])
def test_a_unit_of_a_tie_that_moves_is_the_assistants_who_furnished_it(longest, config):
    """Of 100 minutes the sixth unit ties with the second of 97530, of 96 it does not.

    Billed min(30, 33.33) + min(20, 2 x 24.18) + 5 x 24.20, supported 30.00 + 10.00 + 6 x 24.20.
    """
    rows = [
        row("97530", 15, 1, modifiers_billed="GP", charge="30.00", role="therapist"),
        row("97530", 10, 2, modifiers_billed="GP CQ", charge="20.00", role="assistant"),
        row("97112", longest, 5, modifiers_billed="GP", charge="500.00", role="therapist"),
    ]
    found = audit(rows, config, select=("U203",))
    assert [(f["code"], f["cents"]) for f in found if f["cents"]] == [("97530", -1420)]


@pytest.mark.parametrize(("billed", "cents"), [("GP", []), ("GP CQ", [-287])])
def test_a_tie_in_the_reduction_goes_by_what_is_billed(billed, cents, config):
    """97110 and 97116 are alike: without CQ the first is paid in full, and 25.00 is above 21.62."""
    rows = [
        row("97110", 15, 1, modifiers_billed=billed, charge="60.00", role="assistant"),
        row("97116", 15, 1, modifiers_billed="GP", charge="25.00", role="therapist"),
    ]
    assert [f["cents"] for f in audit(rows, config, select=("P401",))] == cents


def test_minutes_that_two_patients_share_cost_what_the_visit_loses(config):
    """97535 of the other discipline is paid in full where 97530 falls away; 97014 has no price."""
    shared = {"start": "09:00", "end": "09:30", "clinician": "K"}
    own = {"start": "09:30", "end": "10:00", "clinician": "L", "discipline": "OT"}
    rows = [
        row("97110", "", 2, patient="A", **shared),
        row("97530", "", 2, patient="B", **shared),
        row("97535", "", 2, patient="B", **own),
    ]
    # 33.33 + 24.18 + 2 x 23.14; without 97530 30.92 + 23.14
    cost = 3333 + 2418 + 2 * 2314 - 3092 - 2314
    unpriced = row("97014", "", 1, patient="B", clinician="K", start="10:00", end="10:15")
    for log in (rows, [*rows, unpriced]):
        found = audit(log, config, select=("T101",))
        assert [(f["patient"], f["code"], f["cents"]) for f in found] == [("B", "97530", cost)]


def test_minutes_that_two_patients_share_cost_what_is_allowed_for_each_line(config):
    """30.00 of 33.33 and 48.36 of 60.00; the assistant's two alone are 33.33 + 24.18 of 60.00."""
    plain, marked = ({"modifiers_billed": f"GP{more}"} for more in ("", " CQ"))
    rows = [
        row("97110", "", 2, patient="A", clinician="K", start="09:00", end="09:30", **plain),
        row("97530", "", 1, patient="B", clinician="K", start="09:00", end="09:15",
            charge="30.00", role="therapist", **plain),
        row("97530", "", 2, patient="B", clinician="L", start="10:00", end="10:30",
            charge="60.00", role="assistant", **marked),
    ]  # fmt: skip
    (found,) = audit(rows, config, select=("T101",))
    assert (found["patient"], found["cents"]) == ("B", 3000 + 4836 - 3333 - 2418)


@pytest.mark.parametrize(
    ("modifiers", "severity", "cents"),
    [("GP", "error", 2787), ("GP GY", "warning", None), ("GP GZ", "warning", None)],
)
def test_shared_minutes_cost_nothing_of_a_denial(modifiers, severity, cents, config):
    """Units that are billed to be denied ask for no pay."""
    shared = {"start": "09:00", "end": "09:15", "clinician": "K"}
    rows = [
        row("97110", "", 1, patient="A", modifiers_billed="GP", **shared),
        row("97116", "", 1, patient="B", modifiers_billed=modifiers, **shared),
    ]
    (found,) = audit(rows, config, select=("T101",))
    assert (found["severity"], found["cents"]) == (severity, cents)


def test_shared_minutes_have_no_dollars_beside_a_denial(config):
    """Whose units the minutes that are left are, of those to be paid and the others, is open."""
    shared = {"start": "09:00", "end": "09:30", "clinician": "K"}
    rows = [
        row("97110", "", 2, patient="A", **shared),
        row("97116", "", 2, patient="B", modifiers_billed="GP", **shared),
        row("97116", "", 1, patient="B", modifiers_billed="GP GY", start="10:00", end="10:15",
            clinician="L"),
    ]  # fmt: skip
    (found,) = audit(rows, config, select=("T101",))
    assert (found["severity"], found["cents"]) == ("error", None)


@pytest.mark.parametrize("turned", [False, True])
def test_minutes_that_a_colleague_was_there_for_cost_nothing(turned, config):
    """Whoever stands first in the log: the therapist's half hour bears both units."""
    theirs = [
        row("97116", "", units, patient="B", clinician=who, role=role, start="09:15", end="09:45")
        for who, role, units in (("K", "assistant", 0), ("L", "therapist", 2))
    ]
    other = row("97110", "", 2, clinician="K", role="assistant", start="09:00", end="09:30")
    (found,) = audit([other, *(theirs[::-1] if turned else theirs)], config, select=("T101",))
    assert (found["severity"], found["cents"]) == ("warning", None)


def test_an_add_on_that_falls_away_with_shared_minutes_has_a_price(config):
    """40 minutes are three units, of which 11 minutes of the second patient leave one."""
    shared = {"clinician": "K", "discipline": "SLP"}
    rows = [
        row("97129", "", patient="A", start="09:00", end="09:30", **shared),
        row("97129", "", patient="B", start="09:01", end="09:41", **shared),
    ]
    (found,) = audit(rows, config, select=("T101",))
    _, further = bill([row("97129", 40, discipline="SLP")], config)
    assert (further["code"], further["units"]) == ("97130", 2)
    assert (found["patient"], found["cents"]) == ("B", further["allowed_cents"])


def after_a(*rows, until="09:30", **more):
    """A log in which the clinian K is with patient A from 08:45 ``until`` a time, then others."""
    return [row("97140", "", "", clinician="K", start="08:45", end=until, **more), *rows]


def of_b(code, start, end, billed="", **more):
    return row(code, "", billed, patient="B", clinician="K", start=start, end=end, **more)


@pytest.mark.parametrize(
    ("rows", "severity", "cents"),
    [
        # 39 minutes bear three units, 26 bear the two that are billed
        (
            [of_b("97110", "09:17", "09:33", 1), of_b("97112", "09:33", "09:56", 1)],
            "warning",
            None,
        ),
        # of 38 + 8 minutes 7 + 8 are left: one unit, which 97112 earns, and two of 97110 are billed
        ([of_b("97110", "08:59", "09:37", 2), of_b("97112", "09:37", "09:45")], "error", 2162),
        # two units of the cheaper code are billed, and one of the dearer is left
        ([of_b("97140", "08:59", "09:37", 2), of_b("97530", "09:37", "09:45")], "error", 2065),
        # what an aide's row bills is another finding's: 15 minutes bear the one unit that is left
        (
            [of_b("97110", "09:05", "09:45", 1), of_b("97116", "10:00", "10:30", 2, role="aide")],
            "warning",
            None,
        ),
        # an evaluation counts alone, so its unit makes up for none
        (
            [of_b("97161", "10:00", "10:30", 1), of_b("97110", "09:05", "09:37", 2)],
            "error",
            2 * 2162,
        ),
    ],
)
def test_a_pool_loses_the_units_that_its_other_minutes_do_not_bear(rows, severity, cents, config):
    """Of those that are billed, and no dollars for more; as K is with A until 09:30."""
    (found,) = audit(after_a(*rows), config, select=("T101",))
    assert (found["severity"], found["cents"]) == (severity, cents)


def of_l(code, start, end, billed="", **more):
    more = {"patient": "B", "clinician": "L", "discipline": "OT"} | more
    return row(code, "", billed, start=start, end=end, **more)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("before", "theirs", "severity", "cents"),
    [
        # K keeps 25 minutes, which began before L's
        (after_a(until="09:15"),
         [of_b("97116", "09:10", "09:40", 2), of_l("97530", "09:12", "09:45")], "warning", []),
        # and 20 here: L has no more of them than five, which A has not
        (after_a(until="09:20"),
         [of_b("97116", "09:10", "09:40", 2), of_l("97530", "09:15", "09:45")], "error", [2162]),
        # the second row of K's shares nothing and stays where it is
        (after_a(until="09:01"),
         [of_b("97116", "09:00", "09:30", 2), of_b("97110", "09:10", "09:40"),
          of_l("97530", "09:15", "09:45")], "warning", []),
        # an evaluation by a colleague takes no more than a minute
        (after_a(until="09:02"),
         [of_b("97116", "09:00", "09:30", 2), of_l("97161", "09:01", "09:40", discipline="PT")],
         "warning", []),
        # the colleague was with another patient, too
        ([*after_a(until="09:30"), of_l("97140", "08:30", "09:20", patient="C")],
         [of_b("97116", "09:00", "09:30", 2), of_l("97116", "09:10", "09:40", discipline="PT")],
         "error", [2162]),
        # of two colleagues the first has them, once
        (after_a(until="09:15"),
         [of_b("97116", "09:00", "09:30", 2), of_l("97116", "09:05", "09:31", discipline="PT"),
          of_l("97116", "09:07", "09:32", discipline="PT", clinician="M")], "warning", []),
        # another payer's
        (after_a(until="09:30"),
         [of_b("97116", "09:00", "09:30", 2),
          of_l("97116", "09:01", "09:31", discipline="PT", payer="ama")], "error", [2787 + 2162]),
    ],
)  # fmt: skip
def test_shared_minutes_are_those_of_a_colleague_who_lost_them(
    before, theirs, severity, cents, turned, config
):
    """All others stay whose they were, whichever row stands first in the log."""
    log = [*before, *(theirs[::-1] if turned else theirs)]
    found = [f for f in audit(log, config, select=("T101",)) if f["patient"] == "B"]
    assert [f["severity"] for f in found if f["clinician"] == "K"] == [severity]
    assert [f["cents"] for f in found if f["cents"] is not None] == cents


@pytest.mark.parametrize("code", ["97130", "97110"])
def test_a_denied_code_beside_another_takes_nothing_from_its_units(code, config):
    """Neither from those of its service, nor of the day: only the dollars are not known."""
    shared = {"clinician": "K", "discipline": "OT"}
    rows = [
        row("97110", "", 2, start="09:00", end="09:30", modifiers_billed="GO", **shared),
        row("97129", "", 1, start="09:00", end="09:30", modifiers_billed="GO", patient="B",
            **shared),
        row(code, "", 1, start="09:30", end="09:30", modifiers_billed="GO GY", patient="B",
            **shared),
    ]  # fmt: skip
    (found,) = audit(rows, config, select=("T101",))
    assert (found["code"], found["severity"], found["cents"]) == ("97129", "error", None)


def test_a_clinicians_long_day_is_told_beside_the_clash_that_takes_units(config):
    """Not beside the one before it, which the minutes left bear."""
    of_c = row("97110", "", 2, patient="C", clinician="K", start="09:30", end="10:00")
    log = after_a(of_b("97110", "09:29", "09:45", 1), of_c)
    found = audit(log, config, select=("T101", "T105"))
    told = [(f["patient"], f["severity"], f["also"]) for f in found]
    assert sorted(told) == [("B", "warning", ""), ("C", "error", "T105")]


def test_units_of_a_payer_that_counts_each_code_alone_make_up_for_none(config):
    """3 minutes of 97110 bear no unit; the second of the other code is not billed."""
    log = after_a(of_b("97110", "09:17", "09:33", 1), of_b("97112", "09:33", "09:56", 1))
    for payer, severity in (("ama", "error"), ("medicare", "warning")):
        rows = [{**made, "payer": payer} for made in log]
        assert [f["severity"] for f in audit(rows, config, select=("T101",))] == [severity]


@pytest.mark.parametrize("payer", ["medicare", "highmark", "ama"])
def test_shared_minutes_cost_what_is_billed_and_no_longer_borne(payer, config):
    """Many visits, of which the clinician's next patient has a part, against plain sums."""
    pick, rows, expected = random.Random(8), [], {}
    for number in range(300):
        shared, who = pick.randint(1, 45), {"clinician": f"K{number}", "payer": payer}
        code, others = pick.choice(TIMED[:5]), pick.sample(TIMED[:5], 3)
        minutes = dict.fromkeys([code, *others], 0) | {c: pick.randint(1, 30) for c in others}
        minutes[code] += shared
        begin, billed = 600 - shared, {c: pick.choice(["", 0, 1, 1, 2, 4]) for c in minutes}
        for which in sorted(minutes, key=lambda c: c != code):
            times = {"start": clock(begin), "end": clock(begin + minutes[which])}
            rows.append(row(which, "", billed[which], patient=f"B{number}", **times, **who))
            begin += minutes[which]
        times = {"start": clock(500), "end": clock(600)}
        rows.append(row("97140", "", patient=f"A{number}", **times, **who))
        left = minutes | {code: minutes[code] - shared}
        expected[f"B{number}"] = lost(minutes, left, billed, payer == "ama")
    found = {f["patient"]: f for f in audit(rows, config, select=("T101",))}
    assert {p: f["severity"] == "error" for p, f in found.items()} == {
        p: units > 0 for p, units in expected.items()
    }
    for patient, units in expected.items() if payer == "medicare" else ():
        cents = found[patient]["cents"] or 0
        assert 2065 * units <= cents <= 2418 * units + 3333 - 2418, patient
    assert len(set(expected.values())) > 3


def clock(minute):
    return f"{minute // 60:02}:{minute % 60:02}"


def lost(before, after, billed, alone):
    """Units billed that the minutes of all codes, or of each ``alone``, bear no longer."""
    pools = [[code] for code in before] if alone else [list(before)]
    units = 0
    for pool in pools:
        first, then = (sum(m[c] for c in pool) for m in (before, after))
        # The log says what is billed: a blank is nothing.
        kept = min((first + 7) // 15, sum(billed[c] or 0 for c in pool))
        units += max(0, kept - (then + 7) // 15)
    return units


# --- dollars add up ----------------------------------------------------------------------------

# Findings that carry what a visit was billed too much or too little. U203 is a warning, the T
# rules have the dollars of U201, U203 or U204 where a clash of the patient's own rows or minutes
# beyond the clock explain it, and U206 those of U203 where the units are its add-on's.
CARRY = (
    "U201", "U202", "U203", "U204", "U205", "U206", "U207", "U208", "U209", "U213", "T102", "T103",
    "T104", "T110", "M308",
)  # fmt: skip
TIMED = ("97110", "97116", "97140", "97530", "97535", "97129", "97130")
OTHER = ("97161", "97012", "97010", "97545", "97597")


def any_visit(pick, patient, bare):
    """Rows of a day with any units billed; ``bare``: some timed rows lack minutes.

    Where minutes are missing a day's total is not known, and which code has too many units is not
    said (U203): such days have one timed code.
    """
    codes = (pick.choice(TIMED[:5]),) if bare else TIMED
    rows = []
    for _ in range(pick.randint(1, 6)):
        code = pick.choice(codes) if pick.random() < 0.75 else pick.choice(OTHER)
        minutes = pick.choice([0, 3, 7, 8, 15, 20, 22, 23, 30, 38, pick.randint(0, 50)])
        made = row(code, minutes, pick.choice(["", 0, 1, 1, 2, 3]), patient=patient)
        made["clinician"] = f"of {patient}"  # one: two may share what is billed between them
        made["discipline"] = "PT" if bare else pick.choice(["PT", "PT", "OT"])
        made["role"] = "student" if pick.random() < 0.1 else "therapist"
        made["charge"] = pick.choice(["", "", "", "25.00", "90.00"])
        if bare and code in TIMED and pick.random() < 0.4:
            made["minutes"] = ""
        elif pick.random() < 0.3:
            begin = pick.randint(540, 560)
            end = begin + minutes
            made |= {"start": f"{begin // 60:02}:{begin % 60:02}", "minutes": "",
                     "end": f"{end // 60:02}:{end % 60:02}"}  # fmt: skip
        rows.append(made)
    return rows


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # 40 minutes: one unit of 97129 and two of 97130
        ([("97129", 40, 1), ("97130", "", 2)], {"U209": None}),
        ([("97110", 30, 1), ("97110", "", 1)], {"U209": None}),
        # three units, two of them billed: what is left out is reduced
        ([("97110", 45, 1), ("97110", "", 1)], {"U209": None, "U202": -2162}),
        # the day's 40 minutes are three units, whichever code they stand on
        ([("97110", 40, 2), ("97140", "", 1)], {"U209": None}),
        # two units supported, three billed: 27.87 + 2 x 20.65 less 27.87 + 21.62
        ([("97110", 30, 1), ("97140", "", 2)], {"U209": 1968}),
        ([("97110", 45, 2), ("97140", "", 2)], {"U209": 2 * 2065 - 2162}),
        # four supported, two billed
        ([("97110", 60, 1), ("97140", "", 1)], {"U209": None, "U202": 2065 - 3 * 2162}),
        # what a row without minutes bills is not a session that was left out
        ([("97110", 30), ("97140", "", 2)], {"U209": None}),
        ([("97110", 45), ("97140", "", 1)], {"U209": None, "U202": 2659 - 2787 - 2 * 2162}),
    ],
)
def test_units_that_other_minutes_bear_cost_nothing(rows, expected, config):
    """A row without minutes is a fault of the record, not of the claim, where the day's suffice."""
    field = {"discipline": "SLP"} if rows[0][0] == "97129" else {}
    found = audit(
        [row(*cells, **field) for cells in rows], config, select=("U201", "U202", "U208", "U209")
    )
    assert {finding["rule"]: finding["cents"] for finding in found} == expected


def test_of_two_codes_without_minutes_the_first_has_what_both_cost(config):
    """Two units supported, three billed: 30.92 for 97535 and 20.65 twice less 21.62."""
    log = [row("97110", 30, 1), row("97535", "", 1), row("97140", "", 1)]
    found = audit(log, config, select=("U",))
    whole = 3092 + 2162 + 2065 - 2787 - 2162
    assert sorted((f["rule"], f["code"], f["cents"]) for f in found) == [
        ("U209", "97140", None),
        ("U209", "97535", whole),
    ]


def test_units_of_a_students_row_stand_with_the_row_that_documents_the_code(config):
    """It has no minutes and bills none itself: 97535 is not documented by minutes that count."""
    for blank in ("", 0):
        log = [row("97110", 30, 2), row("97535", "", blank), row("97535", 25, 3, role="student")]
        (found,) = audit(log, config, select=("U",))
        assert (found["rule"], found["found"]) == ("U209", "3")
        assert found["cents"] == 3092 + 2 * 2314 + 2 * 2162 - 2787 - 2162


def is_unsaid(visit):
    """A code is charged, and no row of it says for how many units: U208 keeps silent."""
    by_code = defaultdict(list)
    for made in visit:
        by_code[made["code"], made["discipline"]].append(made)
    return any(
        all(made["units_billed"] == "" for made in rows) and any(made["charge"] for made in rows)
        for rows in by_code.values()
    )


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_dollars_add_up(seed, bare, config):
    """A visit's findings add up to its allowed amount as billed less that as supported."""
    pick = random.Random(seed)
    visits = {str(n): any_visit(pick, str(n), bare) for n in range(250)}
    rows = [made for visit in visits.values() for made in visit]
    log = read(rows, config)
    found = evidence.gather(matching.documented(log), claims.held(log), config, billing.Options())
    lines = engine.collect(
        found.tables["service"].select("patient", "billed_cents", "supported_cents")
    )
    due = defaultdict(int)
    for patient, billed, supported in lines.iter_rows():
        due[patient] += (billed or 0) - (supported or 0)
    said = defaultdict(int)
    for finding in audit(rows, config):
        if finding["rule"] in CARRY:
            said[finding["patient"]] += finding["cents"] or 0
    asked = [p for p in visits if not is_unsaid(visits[p])]
    wrong = {p: (due[p], said[p], visits[p]) for p in asked if due[p] != said[p]}
    assert not wrong, f"{len(wrong)}: {next(iter(wrong.values()))}"
    assert len(asked) > 150
    assert sum(1 for cents in due.values() if cents) > 150


# --- no false accusation -----------------------------------------------------------------------

DAYS = ("2026-03-02", "2024-08-05", "2021-06-07", "2020-02-03")  # the second has edits of pairs
CLEAN = (
    *TIMED,
    "97112",
    "97035",
    "97010",
    "97545",
    "97546",
    "96125",
    "97161",
    "92507",
    "97597",
    "97750",
)
OVERLAPPING = 0.3  # share of visits whose rows may share minutes


def documented_visit(pick, patient):
    """Rows of a day without anything billed: roles, windows, clashes, payers, any codes."""
    day, payer = pick.choice(DAYS), pick.choice(["medicare", "medicare", "medicare", "ama"])
    loose, clocks = pick.random() < OVERLAPPING, pick.random() < 0.7
    pair = pick.random() < 0.3
    codes = ("97530", "97750") if pair else pick.sample(CLEAN, pick.randint(1, 4))
    rows, begin = [], 540
    for _ in range(pick.randint(1, 7)):
        code = pick.choice(codes)
        minutes = pick.choice([7, 8, 15, 20, 22, 23, 30, 38, *(pick.randint(0, 45),) * 5])
        speech = code in ("92507", "96125", "97129", "97130")
        discipline = "SLP" if speech else pick.choice(["PT", "PT", "OT"])
        if code == "97161":
            discipline = "PT"
        alone = speech or code == "97161"  # no assistant's work
        roles = ["therapist"] if alone else ["therapist", "assistant", "assistant", "joint"]
        made = {
            "patient": patient, "date": day, "code": code, "discipline": discipline,
            "payer": payer, "role": pick.choice(roles), "provider": "R",
            "locality": pick.choice(["OH-00", "OH-00", "CA-05"]),
            "clinician": pick.choice(["Kim", "Lee"]) + patient,
        }  # fmt: skip
        if clocks:
            begin = begin + pick.randint(-20, 5) if loose else begin
            end = begin + minutes
            made |= {"start": f"{begin // 60:02}:{begin % 60:02}",
                     "end": f"{end // 60:02}:{end % 60:02}"}  # fmt: skip
            begin = max(begin, end)
            if pick.random() < 0.2:
                made["minutes"] = max(minutes - pick.randint(0, 5), 0)
        else:
            made["minutes"] = minutes
        if code == "97597":
            made["units_billed"] = 1  # areas: only the log can say
        rows.append(made)
    return rows


def billed_lines(rows, config, options):
    """Claim lines just as `bill` gives them."""
    lines = []
    for line in bill(rows, config, options):
        if line["units"]:
            names = ("patient", "discipline", "provider", "payer", "locality", "code")
            said = {name: line[name] for name in names} | {"date": str(line["date"])}
            said |= {"units_billed": line["units"], "modifiers_billed": line["modifiers"]}
            lines.append(said)
    return lines


def on_rows(rows, lines):
    """The log with each line's units and modifiers on a row of its own, or None: no such row."""
    rows = [made | {"units_billed": "", "modifiers_billed": ""} for made in rows]
    free = list(rows)
    for line in lines:
        keys = ("patient", "discipline", "code")
        mine = [made for made in free if all(made[key] == line[key] for key in keys)]
        if not mine:
            return None
        place = mine[0]
        free = [made for made in free if made is not place]
        place |= {name: line[name] for name in ("units_billed", "modifiers_billed")}
    for made in rows:
        if made["units_billed"] == "" and made["code"] == "97597":
            made["units_billed"] = 0
    return rows


def accusations(rows, config, options, lines=None):
    """Findings about units or modifiers that accuse somebody who billed as `bill` does."""
    found = audit(rows, config, lines, ("U", "M"), options)
    # The minutes themselves may earn more than an edit's most units; 59 needs exact clock times.
    return [f for f in found if f["rule"] not in ("U206", "M307")]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_billed_rightly_is_not_accused(seed, config):
    """Units and modifiers just as `bill` gives them: on claim lines, and on the log's own rows."""
    pick = random.Random(seed)
    visits = {str(n): documented_visit(pick, str(n)) for n in range(300)}
    rows = [made for visit in visits.values() for made in visit]
    # Some patients are near the year's threshold for KX, some above it.
    spent = {
        (patient, bucket): pick.choice(
            [0, 300_000, pick.randint(198_000, 211_000), pick.randint(230_000, 248_000)]
        )
        for patient in visits
        for bucket in ("PT+SLP", "OT")
    }
    options = billing.Options(prior=spent)
    lines = billed_lines(rows, config, options)
    assert any("CQ" in line["modifiers_billed"] for line in lines)
    assert any("KX" in line["modifiers_billed"] for line in lines)
    assert any("59" in line["modifiers_billed"] for line in lines)
    found = accusations(rows, config, options, lines)
    assert not found, f"{len(found)}: {found[0]}\n{visits[found[0]['patient']]}"
    own = defaultdict(list)
    for line in lines:
        own[line["patient"]].append(line)
    logged = [on_rows(visit, own[patient]) for patient, visit in visits.items()]
    logged = [visit for visit in logged if visit is not None]
    assert len(logged) > 150
    found = accusations([made for visit in logged for made in visit], config, options)
    assert not found, f"{len(found)}: {found[0]}\n{visits[found[0]['patient']]}"


EXCHANGED = {
    # 97530 and 97129/97130 tie: of what stands on the add-on nothing is the clash's
    "an add-on alone": (
        [
            ("PT", "97110", "13:48", "14:21", 2), ("PT", "97130", "14:21", "14:41", 1),
            ("PT", "97530", "14:31", "14:46", 1),
        ],
        [],
    ),
    # another discipline's primary code above the most usual has no part in it
    "another discipline": (
        [
            ("OT", "97140", "12:09", "12:32", 1), ("OT", "97130", "12:22", "12:52", 2),
            ("OT", "97110", "13:25", "13:40", 1), ("SLP", "97129", "12:52", "13:25", 2),
        ],
        [("T104", -50), ("U206", 100)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXCHANGED)
def test_a_clash_has_the_dollars_of_an_exchange_once(name, config):
    rows, dollars = EXCHANGED[name]
    made = [
        row(code, "", units, discipline=discipline, start=start, end=end, date="2024-08-03",
            locality="US", charge="90", clinician=discipline)
        for discipline, code, start, end, units in rows
    ]  # fmt: skip
    asked = reviewing.Asked(select=("U203", "U206", "U213", "T104"))
    found = reviewing.review(read(made, config), config, asked).audit.findings
    assert "T104" in found["rule"].to_list()
    cents = found.filter(~found["cents"].is_null())
    assert sorted(cents.select("rule", "cents").rows()) == dollars


def test_totals_say_how_many_findings_have_no_dollars(config):
    """Of a day without figures nobody knows what units cost; that is not $0.00."""
    unknown = {"date": str(UNKNOWN_DAY), "clinician": "Dee"}
    rows = [
        row("97116", 20, 4, **unknown),
        row("97110", 20, 3, **unknown | {"patient": "B"}),
        row("97110", 40, 1, **unknown | {"patient": "C"}),
        row("97116", 22, 2, patient="D", clinician="Eve"),
    ]
    asked = reviewing.Asked(select=("U", "S"))
    done = reviewing.review(read(rows, config), config, asked).audit
    names = ("overbilled_cents", "overbilled_without_dollars", "underbilled_without_dollars")
    assert [done.meta[name] for name in names] == [2162, 2, 1]
    people = done.by_clinician.select("clinician", "overbilled_cents", "underbilled_cents")
    assert people.rows() == [("Dee", None, None), ("Eve", 2162, 0)]


def test_units_that_another_finding_takes_are_without_dollars_too(config):
    """A session logged twice, minutes beyond the clock, two patients at once, a unit misplaced."""
    own = {"payer": "ama", "clinician": "Eve"}
    unknown = {"date": str(UNKNOWN_DAY), "clinician": "Dee"}
    asked = reviewing.Asked(select=("T101", "T103", "T110", "U"))
    for rows, without in (
        ([row("97110", 30, 2, start="9:00", end="9:30", **own)] * 2, (1, 0)),
        ([row("97110", 39, 3, start="9:00", end="9:24", **own)], (1, 0)),
        (
            [
                row("97110", "", 2, start="9:00", end="9:24", **unknown),
                row("97110", "", 2, start="9:10", end="9:34", patient="B", **unknown),
            ],
            (1, 0),
        ),
        ([row("97110", 20, 2, **own), row("97140", 33, 1, **own)], (1, 1)),
        ([row("97110", 39, 1, start="9:00", end="9:20", **own)], (0, 0)),
    ):
        meta = reviewing.review(read(rows, config), config, asked).audit.meta
        names = ("overbilled_without_dollars", "underbilled_without_dollars")
        assert tuple(meta[name] for name in names) == without, rows


def test_units_that_cost_nothing_lack_no_dollars(config):
    """Of a bundled code, of a log that bills none, and of a visit whose dollars stand already."""
    bundled = [row("97010", 15, 2, charge="40", date="2026-05-04")]
    shared = [
        row("97110", "", 2, start="9:00", end="9:30", clinician="Kim"),
        row("97110", "", 2, start="9:10", end="9:40", clinician="Kim", patient="B"),
        row("97530", "", 2, start="10:00", end="10:30", clinician="Lee", patient="C"),
        row("97530", "", 2, start="10:10", end="10:40", clinician="Lee", patient="B",
            discipline="OT"),
    ]  # fmt: skip
    unknown = [{**made, "date": str(UNKNOWN_DAY)} for made in shared]
    asked = reviewing.Asked(select=("P402", "U206", "T101"))
    for rows, rules, without in (
        (bundled, ["P402"], 0),
        (shared, ["T101", "T101"], 0),
        (unknown, ["T101", "T101"], 1),
        (without_units(unknown), ["T101", "T101"], 0),
    ):
        done = reviewing.review(read(rows, config), config, asked).audit
        assert done.findings["rule"].to_list() == rules
        assert done.meta["overbilled_without_dollars"] == without, rows
    also = reviewing.review(read(bundled, config), config, asked).audit.findings["also"]
    assert also.to_list() == ["U206"]


@pytest.mark.parametrize(
    ("rows", "rule", "without"),
    [
        ([row("97161", 30, 1, role="assistant")], "U210", 1),
        ([row("97161", 30, "", role="assistant"), row("97110", 15, 1)], "U210", 0),
        ([row("97161", 30, 1, modifiers_billed="GZ", role="assistant")], "U210", 0),
        ([row("97161", 20, 1), row("97161", 10, 0, role="assistant")], "U210", 0),
        ([row("97161", 30, 1, date="2024-08-05"), row("97164", 30, 1, date="2024-08-05")],
         "M307", 1),
        ([row("97530", 15, 1, date="2024-08-05"), row("97750", 15, 1, date="2024-08-05")],
         "M307", 0),
    ],
)  # fmt: skip
def test_what_is_never_payable_lacks_dollars(rows, rule, without, config):
    """An evaluation by an assistant alone, the second code of a pair that no modifier opens."""
    rows = [{"modifiers_billed": "GP"} | one for one in rows]
    done = reviewing.review(read(rows, config), config, reviewing.Asked(select=(rule,))).audit
    assert done.findings["rule"].to_list() == [rule]
    assert done.meta["overbilled_without_dollars"] == without


@pytest.mark.parametrize(("units", "without"), [((1, 1), 0), ((2, 2), 1)])
def test_minutes_of_cotreatment_that_are_shared_lack_no_dollars(units, without, config):
    """Two units of half an hour may be one of each discipline's: nobody was paid too much."""
    rows = [
        row(code, "", billed, start="9:00", end="9:30", clinician=who, discipline=of, payer="ama")
        for (code, who, of), billed in zip(
            [("97110", "Kim", "PT"), ("97530", "Lee", "OT")], units, strict=True
        )
    ]
    asked = reviewing.Asked(select=("T102", "U"))
    done = reviewing.review(read(rows, config), config, asked).audit
    (found,) = done.findings.to_native().to_dicts()
    assert (found["rule"], "U201" in found["also"]) == ("T102", True)
    assert done.meta["overbilled_without_dollars"] == without


def test_dollars_of_a_log_without_billed_units_are_said_to_be_of_its_minutes(config):
    """Overbilled stood beside units that nobody had billed; every report with totals has notes."""
    rows = [
        row("97110", "", 2, start=start, end=end, clinician="Kim", patient=patient)
        for patient, start, end in (("A", "9:00", "9:30"), ("B", "9:05", "9:35"))
    ]
    said = "no billed units: dollars are of those that the log's minutes would be billed as"
    asked = reviewing.Asked(select=("T101",))
    for log, notes in ((without_units(rows), 1), (rows, 0), (without_units(rows[:1]), 0)):
        done = reviewing.review(read(log, config), config, asked).audit
        assert done.meta["notes"].count(f"the log has {said}") == notes
        assert (done.meta["overbilled_cents"] > 0) == (len(log) > 1)


def without_units(rows):
    return [{name: cell for name, cell in made.items() if name != "units_billed"} for made in rows]


def test_an_exchange_of_units_has_its_dollars_once(config):
    """The other lines of it lack none, nor does a row without units in a log of none."""
    exchange = [row("97110", 30, 4), row("97140", 30, 1), row("97116", 15, 0)]
    for rows, rule in ((exchange, "U203"), ([row("97530", "")], "U209")):
        done = reviewing.review(read(rows, config), config, reviewing.Asked(select=("U",)))
        meta = done.audit.meta
        assert done.audit.findings["rule"].to_list() == [rule] * len(rows)
        assert meta["overbilled_without_dollars"] == meta["underbilled_without_dollars"] == 0


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ((2, 3), [("U203", "97530", 1419), ("U203", "97035", None)]),
        ((3, 3), [("U201", "97530", 3924)]),
    ],
)
def test_a_tied_unit_stays_with_the_code_that_is_billed_with_it(units, said, config):
    """Not with one that is short already: 8 and 68 minutes are 1 and 4 units, or 0 and 5."""
    rows = [row("97530", 8, units[0], locality=""), row("97035", 68, units[1], locality="")]
    found = audit(rows, config, select=("U",))
    assert [(f["rule"], f["code"], f["cents"]) for f in found] == said


@pytest.mark.parametrize("refused", [1, 2])
def test_a_tied_unit_is_not_of_a_line_billed_for_a_denial(refused, config):
    """The one that Medicare is asked for is the assistant's, and lacks CQ."""
    rows = [
        row("97112", 8, refused, modifiers_billed="GP GA", role="therapist", clinician="K1"),
        row("97542", 8, 1, modifiers_billed="GP", role="assistant", clinician="K2"),
    ]
    assert [f["code"] for f in audit(rows, config, select=("M301",))] == ["97542"]
