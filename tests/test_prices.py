"""Fees, the multiple procedure reduction and shares, against what CMS published."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction

import narwhals.stable.v2 as nw
import oracle
import polars as pl
import pytest
from helpers import ROOT, UNKNOWN_DAY, bill, cases, grouped

import calc
from calc import billing, engine, logs, pricing, reviewing
from calc.billing import Options
from calc.errors import InputError

# One day per edition, and both sides of 2024-03-09; the factors as published.
FACTORS = {
    "2020-06-01": "36.0896",
    "2021-06-01": "34.8931",
    "2022-06-01": "34.6062",
    "2023-06-01": "33.8872",
    "2024-03-08": "32.7442",
    "2024-03-09": "33.2875",
    "2025-06-01": "32.3465",
    "2026-06-01": "33.4009",
}


def one(code, day, locality="US", **more):
    """A row of 15 minutes."""
    return {
        "patient": "p",
        "date": day,
        "code": code,
        "minutes": 15,
        "locality": locality,
    } | more


def cents(text):
    """Dollars as whole cents, None for blank."""
    return int(Decimal(text) * 100) if text else None


def test_published_amounts(config):
    """97116 in Ohio 2020 and in the localities of 2024, to the cent, on both ends of a period."""
    rows = cases("published_amounts_97116.csv")
    log = []
    for number, row in enumerate(rows):
        place = f"{row['state']}-{row['locality']}"
        for end in ("effective_from", "effective_to"):
            log.append(one("97116", row[end], place, patient=f"{number} {end}"))
    found = {line["patient"]: line for line in bill(log, config)}
    wrong = []
    for number, row in enumerate(rows):
        for end in ("effective_from", "effective_to"):
            line = found[f"{number} {end}"]
            for column, field in (
                ("published_nonfacility_fee", "fee_cents"),
                ("published_mppr_reduced_noninstitutional", "reduced_cents"),
            ):
                if row[column] and line[field] != cents(row[column]):
                    wrong.append((row, end, field, line[field]))
    assert len(found) == 2 * len(rows)
    assert wrong == []


NATIONAL = [
    ("2021-07-01", False, 3036),
    ("2022-07-01", False, 3011),
    ("2023-07-01", False, 2982),
    ("2024-01-01", False, 2881),
    ("2024-03-08", False, 2881),
    ("2024-03-09", False, 2929),
    ("2025-07-01", False, 2879),
    ("2026-07-01", False, 2906),
    ("2026-07-01", True, 2920),
    ("2025-07-01", True, 2879),
]


@pytest.mark.parametrize(("day", "apm", "fee"), NATIONAL)
def test_national_fee_of_97116(day, apm, fee, config):
    """The national fee by day; a qualifying APM participant has another factor in 2026."""
    (line,) = bill([one("97116", day)], config, Options(qualifying_apm=apm))
    assert line["fee_cents"] == line["allowed_cents"] == fee


def table(name, year):
    """An edition of config as text: the test scales nothing the program's way."""
    with (ROOT / "config" / name / f"{year}.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def is_priced(rvu):
    """Status A, or R with RVUs."""
    some = any(Decimal(rvu[name]) for name in ("work_rvu", "pe_rvu", "mp_rvu"))
    return rvu["status"] == "A" or (rvu["status"] == "R" and some)


@pytest.mark.parametrize("day", FACTORS)
def test_every_code_in_every_locality(day, config):
    """Full and reduced fee of all codes and localities of an edition equal the oracle's."""
    rvus, gpcis = table("rvu", day[:4]), table("gpci", day[:4])
    log = [
        one(rvu["code"], day, gpci["locality"], patient=f"{rvu['code']} {gpci['locality']}")
        for rvu in rvus
        for gpci in gpcis
    ]
    found = {}
    for line in bill(log, config):
        if line["patient"] == f"{line['code']} {line['locality']}":
            found[line["patient"]] = (line["fee_cents"], line["reduced_cents"])
    cf, wrong = Fraction(FACTORS[day]), []
    for rvu in rvus:
        parts = [Fraction(rvu[name]) for name in ("work_rvu", "pe_rvu", "mp_rvu")]
        for gpci in gpcis:
            places = [Fraction(gpci[name]) for name in ("work_gpci", "pe_gpci", "mp_gpci")]
            expected = (0, 0) if rvu["status"] == "B" else (None, None)
            if is_priced(rvu):
                # DOMAIN 5.1: codes of another indicator are never reduced.
                share = Fraction(1, 2) if rvu["mppr_indicator"] == "5" else 1
                fees = (oracle.fee(*parts, *places, cf, part) for part in (1, share))
                expected = tuple(int(fee * 100) for fee in fees)
            key = f"{rvu['code']} {gpci['locality']}"
            if found[key] != expected:
                wrong.append((key, found[key], expected))
    assert len(found) == len(rvus) * len(gpcis) > 9_000
    assert wrong == []


PUBLISHED_VISITS = {
    name: rows for name, rows in grouped(cases("visit_payment.csv"), "id").items() if name > "M059"
}


@pytest.mark.parametrize("name", ["M060", "M062", "M064"])
def test_visit_in_ohio(name, config):
    """Visits of 2020 in Ohio: one unit in full, every other reduced, across codes."""
    *rows, total = PUBLISHED_VISITS[name]
    log = [one(row["code"], "2020-06-01", "OH-00", minutes=15 * int(row["units"])) for row in rows]
    lines = {line["code"]: line for line in bill(log, config)}
    assert {code: line["units"] for code, line in lines.items()} == {
        row["code"]: int(row["units"]) for row in rows
    }
    assert {code: line["allowed_cents"] for code, line in lines.items()} == {
        row["code"]: cents(row["expected_payment"]) for row in rows
    }
    assert sum(x["allowed_cents"] for x in lines.values()) == cents(total["expected_payment"])


def steps(mppr, percent):
    """The manual's sample at the step: components in dollars, GPCIs and factor of one."""
    common = {
        "status": "A",
        "work_gpci": 1000,
        "pe_gpci": 1000,
        "mp_gpci": 1000,
        "cf": 10_000,
        "mppr_percent": percent,
        "share_percent": 100,
        "participation_percent": 100,
        "payer_fee_table": False,
        "own_fee_cents": None,
        "own_reduced_cents": None,
        "patient": "p",
        "date": date(2026, 3, 2),
        "provider": "",
        "discipline": "PT",
        "payer": "medicare",
        "locality": "US",
        "mppr_indicator": "5",
        "payer_mppr": mppr,
        "modified": 0,
    }
    rows = [
        common | {"code": "PROC1", "work_rvu": 700, "pe_rvu": 1000, "mp_rvu": 100, "units": 2},
        common | {"code": "PROC2", "work_rvu": 1100, "pe_rvu": 800, "mp_rvu": 100, "units": 1},
    ]
    frame = engine.nw.from_native(pl.LazyFrame(rows))
    lines = engine.collect(pricing.reduce_multiple(pricing.work(pricing.fees(frame))))
    return {line["code"]: line for line in lines.to_native().to_dicts()}


@pytest.mark.parametrize(
    ("name", "mppr", "percent"),
    [("M001", False, 50), ("M002", True, 20), ("M003", True, 25), ("M004", True, 50)],
)
def test_the_manuals_sample(name, mppr, percent):
    """MCPM ch. 5 s. 10.7: 20, 25 and 50 percent off the practice expense."""
    *rows, total = grouped(cases("visit_payment.csv"), "id")[name]
    expected = {}
    for row in rows:
        expected[row["code"]] = expected.get(row["code"], 0) + cents(row["expected_payment"])
    found = {code: line["scheduled_cents"] for code, line in steps(mppr, percent).items()}
    assert found == expected
    assert sum(found.values()) == cents(total["expected_payment"])


SETTLED = [
    # allowed, deductible, modified, assistant's share, withheld per mille, Medicare, patient
    (10_000, 5_000, 0, 85, 20, 3920, 6000),  # M070
    (10_000, 0, 1, 85, 20, 6664, 2000),
    (10_000, 0, 1, 85, 0, 6800, 2000),  # 88 percent in all
    (10_000, 0, 1, 100, 20, 7840, 2000),  # 2021
    (4_000, 4_000, 0, 85, 20, 0, 4000),
    (2_988, 0, 1, 85, 0, 2032, 598),
    (2_988, 0, 0, 85, 10, 2366, 598),
    (0, 0, 0, 85, 20, 0, 0),
]


def settled(rows):
    """Lines settled at the step."""
    names = "allowed_cents deductible_cents modified assistant_share_percent sequestration_permille"
    columns = dict(zip(names.split(), zip(*rows, strict=True), strict=True))
    extra = {"coinsurance_percent": 20, "payer_assistant_cut": True, "payer_sequestration": True}
    frame = pl.LazyFrame({name: list(values) for name, values in columns.items()})
    frame = frame.with_columns(**{name: pl.lit(value) for name, value in extra.items()})
    lines = engine.collect(pricing.settle(engine.nw.from_native(frame))).to_native()
    return list(zip(lines["medicare_cents"], lines["patient_cents"], strict=True))


def test_settle():
    """Deductible, shares, the assistant's share, sequestration: in this order, each rounded."""
    assert settled([row[:5] for row in SETTLED]) == [row[5:] for row in SETTLED]


def test_settle_every_cent():
    """Allowed amounts of 0 to 60 dollars, with and without an assistant, equal the oracle's."""
    rows = [
        (allowed, deductible, modified, 85, permille)
        for allowed in range(0, 6001, 7)
        for deductible in {0, min(allowed, 1000)}
        for modified in (0, 1)
        for permille in (0, 10, 20)
    ]
    expected = []
    for allowed, deductible, modified, share, permille in rows:
        # The deductible is used up by the line: what is left of it is what the line spends.
        want = oracle.settle(
            Fraction(allowed, 100),
            Fraction(deductible, 100),
            bool(modified),
            80,
            Fraction(permille, 10),
            share,
        )
        expected.append((int(want["medicare_pays"] * 100), int(want["patient_pays"] * 100)))
    assert settled(rows) == expected


def test_random_visits_equal_the_oracle(config):
    """Visits over two disciplines, with assistants and per-day codes, priced line by line."""
    codes = ["97110", "97116", "97530", "97140", "97035", "97129", "97012", "97150", "97010"]
    log = []
    for number in range(300):
        for turn in range(2 + number % 5):
            code = codes[(number * 7 + turn * 3 + number // 9) % len(codes)]
            log.append(
                one(
                    code,
                    ["2024-03-08", "2026-03-02", "2022-03-02"][number % 3],
                    ["US", "OH-00", "CA-05"][(number // 3) % 3],
                    patient=str(number),
                    minutes=(number * 5 + turn * 11) % 48,
                    discipline="OT" if (number + turn) % 4 == 0 else "PT",
                    role="assistant" if (number + turn) % 3 == 0 else "therapist",
                )
            )
    for lines in grouped(bill(log, config), "patient").values():
        given = []
        for line in lines:
            fees = [line["fee_cents"], line["reduced_cents"]]
            full, reduced = (None if fee is None else Decimal(fee) / 100 for fee in fees)
            given.append(
                {
                    "code": line["code"],
                    "units": line["units"],
                    "indicator": line["mppr_indicator"],
                    "pe_rvu": line["pe_rvu"],
                    "fee": full,
                    "reduced_fee": reduced,
                    "modified": bool(line["modified"]),
                    "discipline": line["discipline"],
                    "payer": line["payer"],
                    "locality": line["locality"],
                    "mppr": True,
                }
            )
        expected = [None if x is None else int(x * 100) for x in oracle.visit_allowed(given)]
        assert [line["allowed_cents"] for line in lines] == expected


def test_work_payment():
    """Three units of gait training: 3 x 0.45 x 33.4009 = 45.091215, rounded once."""
    row = {"code": "97116", "start": "2026-03-02 09:00", "end": "09:47"}
    found = calc.estimate([row])
    assert found.totals["units"] == 3
    assert found.totals["work_payment"] == Decimal("45.09")
    assert found.lines[0]["allowed"] == Decimal("29.06") + 2 * Decimal("22.21")


STATUS = [
    ("97010", "B", 0, 0, "bundled, not paid apart (status B)"),
    ("97602", "B", 0, 0, "bundled, not paid apart (status B)"),
    ("97014", "I", None, None, "no Medicare price (status I)"),
    ("96110", "N", None, None, "no Medicare price (status N)"),
    ("97039", "C", None, None, "priced by the contractor (status C)"),
    ("97799", "C", None, None, "priced by the contractor (status C)"),
    ("97545", "R", None, None, "priced by the contractor (status R)"),
]


@pytest.mark.parametrize(("code", "status", "allowed", "patient", "reason"), STATUS)
def test_status(code, status, allowed, patient, reason, config):
    """Bundled is 0.00; what Medicare or the fee schedule does not price is blank, never 0.00."""
    (line,) = bill([one(code, "2026-03-02", minutes=90, units_billed=1)], config)
    assert (line["status"], line["units"], line["reason"]) == (status, 1, reason)
    assert (line["allowed_cents"], line["patient_cents"]) == (allowed, patient)
    assert (line["work_cents"], line["medicare_cents"]) == (allowed, allowed)


def test_restricted_with_rvus_is_priced(config):
    """Status R with RVUs (97026) has a price."""
    (line,) = bill([one("97026", "2026-03-02")], config)
    assert (line["status"], line["reason"]) == ("R", "")
    assert line["allowed_cents"] > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"date": "2019-12-31"}, "no conversion factor on 2019-12-31"),
        ({"date": str(UNKNOWN_DAY)}, f"no conversion factor on {UNKNOWN_DAY}"),
        ({"payer": "highmark"}, "no fee known for payer highmark"),
    ],
)
def test_no_price_has_a_reason(change, reason, config):
    """Never last year's figure: money is blank and the line says why; units stand."""
    (line,) = bill([one("97116", "2026-03-02") | change], config)
    assert (line["units"], line["allowed_cents"], line["patient_cents"]) == (1, None, None)
    assert line["reason"] == reason


def test_work_component_of_other_payers(config):
    """A payer without a known fee still shows the work component."""
    (line,) = bill([one("97116", "2026-03-02", payer="ama")], config)
    assert line["work_cents"] == 1503


@pytest.mark.parametrize(
    ("charge", "logged", "allowed"),
    [
        ("20.00", "", 2000),
        ("29.05", "", 2905),
        ("29.06", "", 2906),
        ("500", "", 2906),
        ("", "", 2906),
        ("40.00", 2, 2000),
        ("60.00", 2, 2906),
        ("0", "", 0),
        ("0", 2, 0),
        ("0", 0, 2906),  # nothing is billed, and nothing charged for it
    ],
)
def test_lesser_of_charge_and_fee(charge, logged, allowed, config):
    """A charge caps the line; one for more units than supported counts in part."""
    row = one("97116", "2026-03-02", charge=charge, units_billed=logged)
    (line,) = bill([row], config)
    assert line["allowed_cents"] == allowed


GP, CQ = {"modifiers_billed": "GP"}, {"modifiers_billed": "GP CQ"}


@pytest.mark.parametrize(
    ("plain", "marked", "allowed"),
    [
        # fees of 33.33 for the plain line, which comes first, and 24.18
        ((1, "40.00", GP), (1, "10.00", CQ), [3333, 1000]),
        ((1, "20.00", GP), (1, "40.00", CQ), [2000, 2418]),
        ((1, "40.00", GP), (2, "30.00", CQ), [3333, 1500]),
        ((0, "20.00", GP), (2, "30.00", CQ), [2500, 2418]),
        # nobody says whose the charge is: both have a half
        ((1, "40.00", GP), (1, "", CQ), [2000, 2000]),
        ((1, "40.00", GP), (1, "10.00", GP), [2500, 2418]),
        ((1, "40.00", GP), (1, "10.00", {"modifiers_billed": "GP CQ GZ"}), [2500, 2418]),
        ((1, "40.00", {}), (1, "10.00", {}), [2500, 2418]),
    ],
)
def test_each_claim_line_has_the_charge_of_its_rows(plain, marked, allowed, config):
    """42 U.S.C. 1395w-4(a)(1): the lesser of charge and fee, where a code has a line with CQ."""
    day = one("97530", "2026-03-02", "OH-00", discipline="PT")
    rows = [
        day | {"role": role, "units_billed": units, "charge": charge} | modifiers
        for role, (units, charge, modifiers) in (("therapist", plain), ("assistant", marked))
    ]
    lines = bill(rows, config)
    assert [line["modifiers"] for line in lines] == ["GP", "GP CQ"]
    assert [line["allowed_cents"] for line in lines] == allowed


def test_a_charge_beside_no_unit_may_be_of_either_line(config):
    """Of 100.00 for two units each has a half: nobody says whose the second 20.00 is."""
    day = one("97530", "2026-03-02", "OH-00", discipline="PT")
    rows = [
        day | {"minutes": 10, "units_billed": 1, "charge": "20.00"} | GP,
        day | {"minutes": 5, "units_billed": "", "charge": "20.00"} | GP,
        day | {"role": "assistant", "units_billed": 1, "charge": "60.00"} | CQ,
    ]
    assert [line["allowed_cents"] for line in bill(rows, config)] == [3333, 2418]


def test_modifiers_behind_the_code_say_whose_a_charge_is(config):
    """As those in a column of their own do."""
    day = one("97530-GP", "2026-03-02", "OH-00", discipline="PT", units_billed=1)
    rows = [
        day | {"charge": "20.00"},
        day | {"code": "97530-GP-CQ", "role": "assistant", "charge": "60.00"},
    ]
    assert [line["allowed_cents"] for line in bill(rows, config)] == [2000, 2418]


def test_price_of_the_earliest_locality(config):
    """A day at two sites is one unit, priced where its earliest session was."""
    rows = [
        one("97116", "2026-03-02", "CA-05", minutes="", start="11:00", end="11:08"),
        one("97116", "2026-03-02", "OH-00", minutes="", start="09:00", end="09:08"),
    ]
    (line,) = bill(rows, config)
    assert (line["locality"], line["units"]) == ("OH-00", 1)


@pytest.mark.parametrize("role", ["aide", "student"])
def test_no_price_of_a_row_that_does_not_count(role, config):
    rows = [
        one("97116", "2026-03-02", "CA-05", minutes="", start="08:30", end="09:00", role=role),
        one("97116", "2026-03-02", "OH-00", minutes="", start="09:00", end="09:30"),
    ]
    (line,) = bill(rows, config)
    assert (line["locality"], line["units"]) == ("OH-00", 2)


@pytest.mark.parametrize("code", ["97116", "97161"])
@pytest.mark.parametrize("role", ["aide", "student"])
def test_a_line_of_rows_that_do_not_count_says_why_it_is_nothing(code, role, config):
    row = one(code, "2026-03-02", minutes=30, role=role, discipline="PT")
    (line,) = bill([row], config)
    assert (line["units"], line["reason"]) == (0, "time of students and aides does not count")
    (line,) = bill([row, {**row, "role": "therapist"}], config)
    assert "students" not in line["reason"]


@pytest.mark.parametrize(
    ("units", "roles", "expected"),
    [
        ((1, 1), ("therapist", "student"), 1),
        ((1, 1), ("therapist", "therapist"), 2),
        ((1,), ("student",), 0),
        (("", 1), ("therapist", "aide"), None),
        ((1, ""), ("therapist", "aide"), 1),
    ],
)
def test_units_of_the_log_are_those_of_rows_that_count(units, roles, expected, config):
    rows = [
        one("97597", "2026-03-02", minutes=20, units_billed=own, role=role)
        for own, role in zip(units, roles, strict=True)
    ]
    (line,) = bill(rows, config)
    assert line["units"] == expected


@pytest.mark.parametrize(("first", "add_on"), [("97550", "97551"), ("G0541", "G0542")])
def test_a_code_and_its_add_on_share_no_minutes(first, add_on, config):
    """Caregiver training: 45 minutes under both are 45, not 90."""
    times = {"minutes": "", "start": "09:00", "end": "09:45"}
    lines = bill([one(first, "2026-03-02", **times), one(add_on, "2026-03-02", **times)], config)
    assert [(line["code"], line["units"]) for line in lines] == [(first, 1), (add_on, 1)]


def test_59_is_for_codes_that_are_billed(config):
    """Of the edits of 2024: neither code may be without a unit."""
    day = "2024-08-05"
    for spans, suggested in (
        ({"97530": ("09:00", "09:05"), "97542": ("09:10", "09:40")}, False),
        ({"97530": ("09:00", "09:30"), "97542": ("09:40", "09:44")}, False),
        ({"97530": ("09:00", "09:30"), "97542": ("09:40", "10:00")}, True),
    ):
        rows = [
            one(code, day, minutes="", start=start, end=end, discipline="PT")
            for code, (start, end) in spans.items()
        ]
        lines = bill(rows, config)
        assert any("59" in line["modifiers"] for line in lines) == suggested


@pytest.mark.parametrize(
    ("units", "charge", "allowed"),
    [("", "30.00", [1000, 2000]), ("3", "30.00", [1000, 2000]), ("2", "30.00", [1500, 3000])],
)
def test_a_charge_for_a_code_and_its_add_on_in_one(units, charge, allowed, config):
    """It caps both lines, each by its units; of units not logged as billed, as for any code."""
    row = one("97129", "2026-03-02", minutes=45, charge=charge, units_billed=units)
    lines = bill([row], config)
    assert [line["code"] for line in lines] == ["97129", "97130"]
    assert [line["allowed_cents"] for line in lines] == allowed


@pytest.mark.parametrize("code", ["97129", "97130"])
@pytest.mark.parametrize(
    ("minutes", "units", "charge", "allowed"),
    [
        (45, "", "40.00", [1333, 2667]),
        (45, "3", "40.00", [1333, 2667]),
        (45, "4", "40.00", [1000, 2000]),
        (45, "0", "40.00", [2238, 4208]),  # nothing is billed, and nothing charged for it
        (45, "", "65.00", [2238, 4208]),  # 21.67 and 43.33, and 64.46 is the fee of all
        (45, "", "64.45", [2237, 4208]),
        (45, "", "0", [0, 0]),
        (15, "", "10.00", [1000]),
        (15, "1", "10.00", [1000]),
        (7, "", "10.00", [0]),
    ],
)
def test_a_charge_on_rows_of_one_of_two_codes(code, minutes, units, charge, allowed, config):
    """It is for both, whichever of them the log names."""
    row = one(code, "2026-03-02", minutes=minutes, charge=charge, units_billed=units)
    lines = [line["allowed_cents"] for line in bill([row], config)]
    assert lines == [*allowed, 0][: len(lines)] and len(lines) >= len(allowed)


TWO_FEES = {"90912": 30, "97550": 45, "92607": 90}  # a unit each of the code and of its add-on


@pytest.mark.parametrize(
    ("code", "charge", "allowed"),
    [
        ("90912", "120.00", [8217, 3273]),
        ("90912", "114.90", [8217, 3273]),
        ("90912", "114.89", [8216, 3273]),
        ("90912", "100.00", [6727, 3273]),
        ("90912", "65.47", [3274, 3273]),
        ("90912", "65.45", [3273, 3272]),
        ("97550", "100.00", [5277, 2605]),
        ("92607", "240.00", [12225, 4776]),
        ("92607", "170.00", [12224, 4776]),
    ],
)
def test_a_charge_for_two_codes_caps_the_sum_of_their_fees(code, charge, allowed, config):
    """By units, but what is above the fee of one code is there for the other."""
    row = one(code, "2026-03-02", minutes=TWO_FEES[code], charge=charge)
    assert [line["allowed_cents"] for line in bill([row], config)] == allowed


def test_a_charge_for_two_codes_and_who_gave_them(config):
    """Four lines at most, a therapist's and an assistant's of each code: one sum for all."""
    day = one("97129", "2026-03-02", discipline="OT", charge="40.00")
    rows = [day | {"minutes": 15}, day | {"minutes": 30, "role": "assistant"}, day]
    rows[2] |= {"minutes": 15, "charge": "20.00"}
    lines = bill(rows, config)
    assert [(line["code"], line["modifiers"], line["units"]) for line in lines] == [
        ("97129", "GO", 1), ("97130", "GO", 1), ("97130", "GO CO", 2),
    ]  # fmt: skip
    # The fees of all are 85.50; charged are 25.00 for each unit, then 21.25.
    assert [line["allowed_cents"] for line in lines] == [2238, 2104, 4208]
    rows[2] |= {"charge": "5.00"}
    assert [line["allowed_cents"] for line in bill(rows, config)] == [2188, 2104, 4208]


def test_opening_balances_are_of_the_first_year_that_medicare_pays(config):
    """Not of one with another payer's lines, or with lines that nothing is paid for."""
    visit = one("97110", "2026-01-05", minutes=60) | {"discipline": "PT"}
    options = Options(prior={(p, "PT+SLP"): 245000 for p in "abc"}, deductible={"": 2000})
    rows = [visit | {"patient": patient} for patient in "abc"]
    rows.append(one("97110", "2025-12-30", minutes=60, payer="ama") | {"patient": "b"})
    rows.append(one("97010", "2025-12-30", minutes=15) | {"patient": "c", "discipline": "PT"})
    found = {
        line["patient"]: (line["modifiers"], line["medicare_cents"], line["patient_cents"])
        for line in bill(rows, config, options)
        if str(line["date"]) == "2026-01-05"
    }
    assert found["a"] == found["b"] == found["c"]
    assert "KX" in found["a"][0]


def test_an_audit_opens_the_year_that_bill_opens():
    """A line of no unit is not paid: the amounts spent elsewhere are of the next year."""
    options = Options(prior={("p", "PT+SLP"): 248000})
    first = {"date": "2025-12-31", "minutes": 7, "units_billed": 0, "modifiers_billed": "GP"}
    visit = {"date": "2026-01-02", "minutes": 15, "units_billed": 1, "modifiers_billed": "GP KX"}
    same = {"patient": "p", "discipline": "PT", "clinician": "C", "code": "97110"}
    log = pl.DataFrame([same | first, same | visit])
    assert calc.bill(log, options=options)["modifiers"].to_list() == ["GP", "GP KX"]
    assert calc.audit(log, options=options, select="M305,M306").is_empty()
    plain = log.with_columns(modifiers_billed=pl.lit("GP"))
    assert calc.audit(plain, options=options, select="M")["rule"].to_list() == ["M305"]


@pytest.mark.parametrize("rows", [1, 600])
@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_opening_balances_of_a_year(engine_name, rows, config):
    """Of every engine, and of many rows; an audit says nothing where no year is told."""
    same = {"discipline": "PT", "clinician": "C", "code": "97110", "minutes": 15, "units_billed": 1}
    days = {"2025-12-31": "GP", "2026-01-02": "GP KX"}
    log = pl.DataFrame([
        {"patient": f"p{n}", "date": day, "modifiers_billed": says} | same
        for n in range(rows) for day, says in days.items()
    ])  # fmt: skip
    given = nw.to_native(engine.on_engine(nw.from_native(log.lazy()), engine_name))
    read = logs.read(given, config)
    for year, early, kx in (((2026,), 0, "GP KX"), ((2024,), rows, "GP"), ((), 0, "GP")):
        prior = {(f"p{n}", "PT+SLP", *year): 248_000 for n in range(rows)}
        left = {(f"p{n}", *year) if year else f"p{n}": 500 for n in range(rows)}
        options = Options(prior=prior, deductible=left)
        lines = engine.collect(engine.plain(billing.bill(read, config, options)))
        later = lines.filter(nw.col("year") == 2026)
        assert later["modifiers"].unique().to_list() == [kx]
        spent = {(2026,): 500, (2024,): 28300, (): 28300}[year]
        assert later["opening_deductible_cents"].unique().to_list() == [spent]
        asked = reviewing.Asked(select=("M305", "M306"), options=options)
        done = reviewing.review(read, config, asked).audit
        assert done.findings["rule"].to_list() == ["M306"] * early
        silent = [entry["lines"] for entry in done.not_run if "without a year" in entry["reason"]]
        assert silent == ([] if year else [2 * rows] * 2)


def test_opening_balances_of_a_visit_that_names_nobody():
    """They are the visit's, as for a patient who is named; of several patients they are refused."""
    row = {"code": "97110", "minutes": 15, "date": "2026-03-02", "discipline": "PT"}
    options = Options(prior={("p", "PT+SLP"): 300000}, deductible={"p": 500})
    named = calc.estimate([row | {"patient": "p"}], options=options)
    (line,) = calc.estimate([row], options=options).lines
    assert line | {"patient": "p"} == named.lines[0]
    assert line["modifiers"] == "GP KX"
    with pytest.raises(InputError, match="2 patients"):
        calc.estimate([row], options=Options(deductible={"p": 500, "q": 0}))


@pytest.mark.parametrize("charge", [10.1 + 20.2, 30.3, "30.3", Decimal("30.30")])
def test_a_float_of_an_estimate_is_read_as_in_a_frame(charge):
    """30.299999999999997 is the nearest that a float comes to 30.30."""
    row = {"code": "97110", "minutes": 29.0, "date": "2026-03-02", "charge": charge}
    (line,) = calc.estimate([row | {"total_minutes": float("nan")}]).lines
    framed = calc.bill(pl.DataFrame([row | {"patient": "p"}]))
    assert line["allowed"] == framed["allowed"][0] == Decimal("30.30")


def test_what_libraries_write_for_none_is_a_blank_cell_of_an_estimate():
    """NaN, NaT and NA of pandas and numpy: each was a text of its own, or a traceback."""
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    row = {"code": "97110", "minutes": 29, "date": "2026-03-02"}
    (expected,) = calc.estimate([row]).lines
    nothings = [pd.NA, pd.NaT, np.float32("nan"), np.datetime64("NaT"), Decimal("NaN"), None]
    for nothing in nothings:
        blank = dict.fromkeys(("patient", "total_minutes", "start", "end", "charge"), nothing)
        assert calc.estimate([row | blank]).lines == [expected]
        today = calc.estimate([row | {"date": nothing, "start": nothing}]).lines[0]["date"]
        assert today >= expected["date"]
    assert calc.estimate([row | {"minutes": np.int64(29)}]).lines == [expected]


def test_half_a_character_in_an_estimate_is_named():
    rows = [{"code": "97110", "minutes": 29}, {"code": "97110", "clinician": "\ud800"}]
    with pytest.raises(InputError, match="clinician holds a character that is no text") as error:
        calc.estimate(rows)
    assert (error.value.where, error.value.hint) == ("service 2", "take it out")
    with pytest.raises(InputError, match="code holds a character that is no text"):
        calc.units({"\ud800": 15})
