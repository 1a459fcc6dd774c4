"""The oracle against published answers, so that it may judge the program."""

from decimal import Decimal as D
from fractions import Fraction
from itertools import product

import oracle
import pytest

# ------------------------------------------------------------------------------------- counting

CHART = [(7, 0), (8, 1), (22, 1), (23, 2), (37, 2), (38, 3), (52, 3), (53, 4), (67, 4), (68, 5)]
CHART += [(82, 5), (83, 6), (97, 6), (98, 7), (112, 7), (113, 8), (127, 8), (128, 9), (143, 10)]


@pytest.mark.parametrize(("minutes", "units"), [(0, 0), *CHART, (1000, 67)])
def test_band(minutes, units):
    """The chart of MCPM ch. 5 s. 20.2."""
    assert oracle.band(minutes) == units


CMS = [
    ({"97112": 24, "97110": 23}, {"97112": 2, "97110": 1}),  # MCPM example 1
    ({"97110": 33, "97140": 7}, {"97110": 2, "97140": 1}),  # MCPM example 3
    ({"97140": 7, "97110": 33}, {"97110": 2, "97140": 1}),  # entered in the other order
    ({"97110": 7, "97140": 40}, {"97110": 0, "97140": 3}),
    (
        {"97110": 18, "97140": 13, "97116": 10, "97035": 8},  # MCPM example 4
        {"97110": 1, "97140": 1, "97116": 1, "97035": 0},
    ),
    ({"97110": 18, "97140": 10}, {"97110": 1, "97140": 1}),
    ({"97110": 18, "97140": 5}, {"97110": 1, "97140": 1}),  # not in proportion
    ({"97110": 34, "97140": 5}, {"97110": 2, "97140": 1}),
    ({"97110": 14, "97140": 14}, {"97110": 1, "97140": 1}),
    ({"97110": 30, "97140": 15, "97035": 8}, {"97110": 2, "97140": 1, "97035": 1}),
    ({"97110": 0, "97116": 8}, {"97110": 0, "97116": 1}),
    ({}, {}),
]


@pytest.mark.parametrize(("minutes", "units"), CMS)
def test_cms_day(minutes, units):
    """Examples of MCPM ch. 5 s. 20.2 and others whose answer is the only right one."""
    assert oracle.day_units(minutes) == units
    assert oracle.allowed_allocations(minutes) == [units]


TIES = [
    ({"97112": 20, "97110": 20}, None, {"97112": 1, "97110": 2}, 2),  # MCPM example 2
    ({"97112": 20, "97110": 20}, {"97112": 2}, {"97112": 2, "97110": 1}, 2),
    ({"97112": 7, "97110": 7, "97140": 7}, None, {"97112": 0, "97110": 1, "97140": 0}, 3),
    ({"97112": 7, "97110": 7, "97140": 7}, {"97140": 1}, {"97112": 0, "97110": 0, "97140": 1}, 3),
    ({"97110": 8, "97116": 23}, None, {"97110": 0, "97116": 2}, 2),
    ({"97124": 10, "97110": 10}, None, {"97124": 0, "97110": 1}, 2),
]


@pytest.mark.parametrize(("minutes", "billed", "units", "ways"), TIES)
def test_ties(minutes, billed, units, ways):
    """Either code is right; billing takes the log's, then more minutes, then the lower code."""
    assert oracle.day_units(minutes, billed=billed) == units
    assert len(oracle.allowed_allocations(minutes)) == ways


def test_a_day_is_always_an_allowed_allocation():
    """The two functions decide apart; they must agree, and the day's total must be the band's."""
    for amounts in product((0, 1, 4, 7, 8, 10, 14, 15, 22, 23, 29), repeat=3):
        minutes = dict(zip(("97110", "97112", "97116"), amounts, strict=True))
        units = oracle.day_units(minutes)
        assert units in oracle.allowed_allocations(minutes)
        assert sum(units.values()) == oracle.band(sum(amounts))


@pytest.mark.parametrize(
    ("rule", "minutes", "units"),
    [
        ("ama", (24, 23), (2, 2)),  # MCPM example 1 minutes: 4 against 3
        ("ama", (18, 13, 10, 8), (1, 1, 1, 1)),
        ("ama", (7, 7), (0, 0)),
        ("ama", (38, 52, 68), (3, 3, 5)),
        ("ama", (20, 20), (1, 1)),
        ("round-up", (0, 1, 15, 16, 30, 31), (0, 1, 1, 2, 2, 3)),
        ("whole-units", (14, 15, 29, 30), (0, 1, 1, 2)),
    ],
)
def test_rules_without_a_pool(rule, minutes, units):
    """Each code alone: nothing is pooled."""
    codes = [f"9711{i}" for i in range(len(minutes))]
    day = oracle.day_units(dict(zip(codes, minutes, strict=True)), rule)
    assert tuple(day.values()) == units


@pytest.mark.parametrize(
    ("first", "further", "first_minutes"),
    [
        (60, 60, [31, 91, 151]),  # 96105, 96125
        (60, 30, [31, 76, 106]),  # 92607 + 92608, 96112 + 96113
        (30, 15, [16, 38, 53]),  # 97550 + 97551
        (120, 60, [61, 151, 211]),  # 97545 + 97546
        (15, 15, [8, 23, 38]),  # 90912 + 90913
        (60, None, [31]),
    ],
)
def test_units_of_other_lengths(first, further, first_minutes):
    """The minute in which each further unit is earned, and no other."""
    counts = [oracle.other_length_units(m, first, further) for m in range(212)]
    earned = [m for m in range(1, 212) if counts[m] > counts[m - 1]]
    assert earned[: len(first_minutes)] == first_minutes
    assert further is not None or earned == first_minutes


# ----------------------------------------------------------------------------------------- time


def row(code, start, end, minutes=None, one_on_one=True, order=0, patient="p"):
    """A row in the oracle's words."""
    return {
        "patient": patient,
        "code": code,
        "start": start,
        "end": end,
        "minutes_ms": minutes,
        "one_on_one": one_on_one,
        "order": order,
    }


ONCE = {
    "two that overlap": ([row("a", 0, 30), row("b", 20, 50)], [30, 20]),
    "whatever their order": ([row("b", 20, 50), row("a", 0, 30)], [20, 30]),
    "two that touch": ([row("a", 0, 30), row("b", 30, 50)], [30, 20]),
    "same start": ([row("b", 0, 30, order=2), row("a", 0, 40, order=1)], [0, 40]),
    "three": ([row("a", 0, 10), row("b", 5, 15), row("c", 0, 20, order=1)], [10, 0, 10]),
    "two patients": ([row("a", 0, 30), row("a", 0, 30, patient="q")], [30, 30]),
    "supervised runs beside": ([row("a", 0, 30), row("s", 0, 30, None, False)], [30, 30]),
    "supervised twice": ([row("s", 0, 30, None, False), row("s", 10, 40, None, False)], [30, 10]),
    "two supervised": ([row("s", 0, 30, None, False), row("t", 0, 30, None, False)], [30, 30]),
    "minutes only": ([row("a", None, None, 15), row("a", None, None, 15)], [15, 15]),
    "nothing": ([row("a", None, None)], [0]),
    "zero long": ([row("a", 0, 30), row("b", 10, 10)], [30, 0]),
    "fewer minutes": ([row("a", 0, 45, 14)], [14]),
    "too many minutes": ([row("a", 0, 10, 14)], [10]),
    "visit times on every row": ([row("a", 0, 45, 20), row("b", 0, 45, 25)], [20, 25]),
    "which cannot fit": ([row("a", 0, 45, 20), row("b", 0, 45, 30, order=1)], [20, 25]),
    "window and full": ([row("a", 0, 45, 30), row("b", 0, 20, order=1)], [30, 15]),
    "windows that touch": ([row("a", 0, 30, 20), row("b", 30, 40, 15)], [20, 10]),
    "windows in a chain": (
        [row("a", 0, 30, 20), row("b", 20, 40, 18), row("c", 35, 45, 9)],
        [20, 18, 7],
    ),
}


@pytest.mark.parametrize(("rows", "counted"), ONCE.values(), ids=list(ONCE))
def test_count_once(rows, counted):
    """Minutes of a patient count once."""
    assert oracle.count_once(rows) == counted


def test_full_rows_against_every_millisecond():
    """Each moment belongs to the row that began first: paint the moments one by one."""
    intervals = [(s, e) for s in range(4) for e in range(s, 5)]
    for three in product(intervals, repeat=3):
        rows = [row("abc"[i], s, e, order=i) for i, (s, e) in enumerate(three)]
        painted = [0, 0, 0]
        for moment in range(5):
            there = [i for i, (s, e) in enumerate(three) if s <= moment < e]
            if there:
                painted[min(there, key=lambda i, three=three: (three[i][0], i))] += 1
        assert oracle.count_once(rows) == painted


# ----------------------------------------------------------------------------------- assistants

ASSISTANTS = [  # T, A, policy, plain, modified; joint minutes are the therapist's
    (13, 23, 2022, 1, 1),  # Q001
    (30, 0, 2022, 2, 0),  # Q001
    (10, 0, 2020, 1, 0),  # Q004
    (11, 1, 2020, 1, 0),  # Q007: 8.3 percent
    (10, 10, 2022, 1, 0),  # Q010
    (10, 10, 2020, 0, 1),
    (30, 0, 2020, 2, 0),  # Q013: joint
    (60, 0, 2020, 4, 0),  # Q016: 7 of them joint
    (25, 15, 2022, 2, 1),  # Q019
    (7, 8, 2022, 0, 1),  # Q022
    (9, 14, 2022, 1, 1),  # Q025
    (14, 14, 2022, 1, 1),
    (9, 14, 2020, 0, 2),
    (8, 14, 2022, 1, 0),  # Q028
    (6, 2, 2022, 0, 1),  # Q031
    (15, 7, 2022, 1, 0),  # Q034
    (1, 22, 2022, 0, 2),  # Q037
    (14, 16, 2022, 1, 1),  # Q040
    (23, 23, 2022, 2, 1),  # Q043
    (12, 1, 2022, 1, 0),  # Q046
    (20, 5, 2022, 1, 1),
    (9, 1, 2020, 1, 0),  # exactly 10 percent is not more
    (8, 1, 2020, 0, 1),
    (0, 30, 0, 2, 0),  # before 2020
]


@pytest.mark.parametrize(("T", "A", "policy", "plain", "modified"), ASSISTANTS)
def test_assistants(T, A, policy, plain, modified):
    """One code alone: published, quiz and truth-table answers."""
    units = oracle.band(T + A)
    assert oracle.assistant_units(T, A, units, policy) == (plain, modified)
    assert oracle.pooled_assistant_units({"97110": (T, A)}, policy) == {"97110": (plain, modified)}


POOLS = [
    ({"97110": (13, 23), "97140": (30, 0)}, {"97110": (1, 1), "97140": (2, 0)}),  # Q001
    ({"97110": (8, 0), "97140": (0, 7)}, {"97110": (1, 0), "97140": (0, 0)}),  # Q049
    ({"97110": (0, 19), "97140": (10, 0)}, {"97110": (0, 1), "97140": (1, 0)}),
    ({"97110": (12, 7), "97140": (4, 0)}, {"97110": (1, 1), "97140": (0, 0)}),
    ({"97110": (7, 12), "97140": (4, 0)}, {"97110": (0, 2), "97140": (0, 0)}),
]


@pytest.mark.parametrize(("codes", "units"), POOLS)
def test_assistants_in_a_pool(codes, units):
    """Across codes the larger leftover takes the unit, and whoever furnished it decides."""
    assert oracle.pooled_assistant_units(codes, 2022) == units


def test_the_two_branches_agree():
    """Alone or pooled, 9 to 14 minutes of each give one and one: the flag picks words only."""
    for T, A, policy in product(range(46), range(46), (0, 2020, 2022)):
        units = oracle.band(T + A)
        alone = oracle.assistant_units(T, A, units, policy)
        assert alone == oracle.assistant_units(T, A, units, policy, whole_code_alone=False)
        assert sum(alone) == units and min(alone) >= 0


def test_units_that_cannot_be():
    """The oracle does not answer for units that the minutes cannot give."""
    with pytest.raises(ValueError, match="cannot come from"):
        oracle.assistant_units(15, 15, 1, 2022)


def test_seconds_of_assistants():
    """7:40 and 7:40 are 15 minutes, 7 of the therapist and 8 of the assistant: CQ."""
    T, A = oracle.assistant_minutes(460_000, 460_000)
    assert (T, A) == (7, 8)
    assert oracle.assistant_units(T, A, 1, 2022) == (0, 1)


@pytest.mark.parametrize(
    ("T", "A", "policy", "modified"),
    [
        (26, 3, 2022, True),
        (27, 3, 2022, False),
        (35, 4, 2020, True),
        (43, 5, 2022, True),
        (0, 20, 2022, True),
        (20, 0, 2022, False),
        (0, 0, 2022, False),
        (0, 20, 0, False),
    ],
)
def test_per_day_codes_of_assistants(T, A, policy, modified):
    """More than 10 percent, exactly: 3 of 29, 4 of 39 and 5 of 48 are."""
    assert oracle.per_day_modified(T, A, policy) is modified


# ---------------------------------------------------------------------------------------- money

OHIO_2020 = {"gw": "1.000", "gpe": "0.915", "gmp": "1.049", "cf": "36.0896"}
RVU_2020 = {  # work, practice expense, malpractice
    "97110": ("0.45", "0.40", "0.02"),
    "97116": ("0.45", "0.39", "0.02"),
    "97140": ("0.43", "0.35", "0.02"),
    "97150": ("0.29", "0.22", "0.01"),
    "97161": ("1.20", "1.18", "0.05"),
    "97530": ("0.44", "0.66", "0.02"),
    "G0283": ("0.18", "0.20", "0.01"),
}


def ohio(code, units=1, **changes):
    """A line priced in Ohio in 2020."""
    rvu = RVU_2020[code]
    line = {
        "code": code,
        "units": units,
        "indicator": 5,
        "pe_rvu": D(rvu[1]),
        "fee": oracle.fee(*rvu, **OHIO_2020),
        "reduced_fee": oracle.fee(*rvu, **OHIO_2020, pe_factor=Fraction(1, 2)),
        "modified": False,
        "discipline": "PT",
        "payer": "medicare",
        "locality": "OH-00",
        "mppr": True,
    }
    return line | changes


def test_published_fees():
    """CMS's own amounts for 97116: Ohio 2020 both, and two localities of 2024 reduced."""
    assert ohio("97116")["fee"] == D("29.88")
    assert ohio("97116")["reduced_fee"] == D("23.44")
    assert ohio("97110")["fee"] == D("30.21")
    assert ohio("97530")["fee"] == D("38.43")
    assert ohio("97161")["fee"] == D("84.17")


VISITS = {  # visits priced from CMS's published Ohio 2020 amounts
    "M060": ([ohio("97110", 2), ohio("97140"), ohio("97530")], ["47.20", "22.05", "38.43"]),
    "M062": ([ohio("97161"), ohio("97110"), ohio("97140")], ["84.17", "23.60", "22.05"]),
    "M064": ([ohio("97150"), ohio("97110"), ohio("G0283")], ["14.48", "30.21", "10.18"]),
    "further units of the top code": ([ohio("97110", 3)], ["77.41"]),
    "other payers stand aside": (
        [ohio("97530", mppr=False), ohio("97110"), ohio("97140", indicator=0)],
        ["38.43", "30.21", "27.83"],
    ),
    "plain before modified": ([ohio("97110", modified=True), ohio("97110")], ["23.60", "30.21"]),
    "lower discipline": (
        [ohio("97110", discipline="PT"), ohio("97110", discipline="OT")],
        ["23.60", "30.21"],
    ),
    "no units, no price": (
        [ohio("97530", 0), ohio("97161", fee=None), ohio("97110")],
        ["0.00", None, "30.21"],
    ),
}


@pytest.mark.parametrize(("lines", "amounts"), VISITS.values(), ids=list(VISITS))
def test_visits(lines, amounts):
    """The unit with the most practice expense is paid in full, the others reduced."""
    assert oracle.visit_allowed(lines) == [None if a is None else D(a) for a in amounts]


def test_the_manuals_sample():
    """MCPM ch. 5 s. 10.7: components in dollars, 20, 25 and 50 percent off the practice expense."""
    for factor, first, second in [("0.80", "16.00", "18.40"), ("0.75", "15.50", "18.00")]:
        assert oracle.fee(7, 10, 1, 1, 1, 1, 1, factor) == D(first)
        assert oracle.fee(11, 8, 1, 1, 1, 1, 1, factor) == D(second)
    lines = [
        ohio("97110", 2, pe_rvu=10, fee=D("18.00"), reduced_fee=D("13.00")),
        ohio("97140", 1, pe_rvu=8, fee=D("20.00"), reduced_fee=D("16.00")),
    ]
    assert oracle.visit_allowed(lines) == [D("31.00"), D("16.00")]


def test_work_payment():
    """3 units of gait training at 33.4009: 45.091215, rounded once."""
    assert oracle.work_payment(3, D("0.45"), D("33.4009")) == D("45.09")


def test_half_up():
    """Halves go up, once; a float is refused."""
    assert [oracle.half_up(D(x)) for x in ("0.005", "0.015", "0.0149999")] == [
        D("0.01"),
        D("0.02"),
        D("0.01"),
    ]
    assert oracle.half_up(Fraction(5, 2), 0) == 3
    with pytest.raises(TypeError):
        oracle.half_up(0.5)


@pytest.mark.parametrize(
    ("arguments", "medicare", "patient"),
    [
        (("100.00", "50.00", False, 80, 2), "39.20", "60.00"),  # First Coast, sequestration
        (("100.00", "0", True, 80, 2), "66.64", "20.00"),  # 88 in all before sequestration
        (("100.00", "0", True, 80, 2, 100), "78.40", "20.00"),  # 2021: modifier without a cut
        (("40.00", "50.00", False, 80, 2), "0.00", "40.00"),
        (("29.88", "0", True, 80, 0), "20.32", "5.98"),
    ],
)
def test_settle(arguments, medicare, patient):
    """Deductible, shares, the assistant's cut, sequestration, in that order."""
    answer = oracle.settle(*arguments)
    assert (answer["medicare_pays"], answer["patient_pays"]) == (D(medicare), D(patient))
    assert answer["medicare_pays"] == answer["paid"] - answer["withheld"]


def test_kx():
    """Two buckets, per year; the line that exceeds needs it, one exactly at the threshold not."""
    lines = [
        ("p", 2026, "PT+SLP", D("2480.00")),
        ("p", 2026, "OT", D("2000.00")),
        ("p", 2026, "PT+SLP", D("0.01")),
        ("p", 2026, "PT+SLP", D("0.00")),
        ("p", 2026, "PT+SLP", None),
        ("q", 2026, "PT+SLP", D("20.00")),
        ("p", 2025, "PT+SLP", D("2410.01")),
    ]
    lines = [dict(zip(("patient", "year", "bucket", "allowed"), x, strict=True)) for x in lines]
    opening = {("q", 2026, "PT+SLP"): D("2470.00")}
    assert oracle.kx_running(lines, opening) == [False, False, True, False, False, True, True]
    assert oracle.kx_running(lines)[5] is False
    lines[4]["contractor"] = True
    assert oracle.kx_running(lines)[4] is True
    assert oracle.kx_running(lines[2:5]) == [False, False, False]
