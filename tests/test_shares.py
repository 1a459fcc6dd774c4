"""Who pays: deductible, assistant's share, sequestration, KX, 59; lines against the oracle."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import oracle
import pytest
from helpers import ROOT, read

from calc import billing, engine, params, summaries

SEQUESTRATION = [
    (date(2020, 4, 30), 2),
    (date(2022, 3, 31), 0),
    (date(2022, 6, 30), 1),
    (date(2026, 12, 31), 2),
]


def bill(rows, config, **options):
    """Billed lines of rows, as dicts with every step."""
    lines = billing.bill(read(rows, config), config, billing.Options(**options))
    return list(engine.collect(lines).iter_rows(named=True))


def cents(amount):
    return int(amount * 100)


def random_visits(count, seed):
    """Visits of one to four codes, some minutes by assistants, over all years and localities."""
    rng = random.Random(seed)
    codes = ["97110", "97112", "97116", "97140", "97530", "97150", "G0283", "97129", "97161"]
    rows = []
    for number in range(count):
        day = date(2020, 1, 1) + timedelta(days=rng.randrange(2557))
        for code in rng.sample(codes, rng.randint(1, 4)):
            for role in rng.choice([["therapist"], ["assistant"], ["therapist", "assistant"]]):
                rows.append(
                    {
                        "patient": f"p{number}",
                        "date": str(day),
                        "code": code,
                        "minutes": str(rng.randint(1, 50)),
                        "role": role,
                        "discipline": rng.choice(["PT"]),
                        "locality": rng.choice(["US", "OH-00", "AK-01", "FL-03"]),
                    }
                )
    return rows


def test_every_step_of_money_equals_the_oracle(config):
    """Fees, MPPR, Medicare's and the patient's part of random visits, to the cent."""
    lines = bill(random_visits(3000, 7), config)
    assert len(lines) > 7000
    visits = {}
    for line in lines:
        visits.setdefault(line["patient"], []).append(line)
    for visit in visits.values():
        check_visit(visit)


def check_visit(visit):
    figures = ("work_rvu", "pe_rvu", "mp_rvu")
    indexes = ("work_gpci", "pe_gpci", "mp_gpci")
    given = []
    for line in visit:
        rvus = [Decimal(line[name]).scaleb(-2) for name in figures]
        gpcis = [Decimal(line[name]).scaleb(-3) for name in indexes]
        factor = Decimal(line["cf"]).scaleb(-4)
        full = oracle.fee(*rvus, *gpcis, factor)
        # DOMAIN 5.1: codes of another indicator are never reduced.
        part = Decimal("0.5") if line["mppr_indicator"] == "5" else Decimal(1)
        reduced = oracle.fee(*rvus, *gpcis, factor, part)
        assert (cents(full), cents(reduced)) == (line["fee_cents"], line["reduced_cents"])
        given.append(
            {
                "code": line["code"],
                "units": line["units"],
                "indicator": line["mppr_indicator"],
                "pe_rvu": rvus[1],
                "fee": full,
                "reduced_fee": reduced,
                "modified": bool(line["modified"]),
                "discipline": line["discipline"],
                "payer": line["payer"],
                "locality": line["locality"],
                "mppr": True,
            }
        )
    for line, allowed in zip(visit, oracle.visit_allowed(given), strict=True):
        assert line["allowed_cents"] == cents(allowed)
        day = line["date"]
        withheld = next(percent for last, percent in SEQUESTRATION if day <= last)
        cut = 85 if day >= date(2022, 1, 1) else 100
        paid = oracle.settle(allowed, 0, bool(line["modified"]), 80, withheld, cut)
        assert line["medicare_cents"] == cents(paid["medicare_pays"])
        assert line["patient_cents"] == cents(paid["patient_pays"])


def test_swapping_disciplines_swaps_only_the_modifiers(config):
    """The same visits under OT: GP becomes GO, CQ becomes CO, nothing else changes."""
    rows = [row for row in random_visits(300, 11) if row["code"] != "97161"]
    pt = bill(rows, config)
    ot = bill([row | {"discipline": "OT"} for row in rows], config)
    swap = {"GP": "GO", "CQ": "CO", "KX": "KX"}
    assert len(pt) == len(ot)
    for ours, theirs in zip(pt, ot, strict=True):
        assert " ".join(swap[word] for word in ours["modifiers"].split()) == theirs["modifiers"]
        for name in ("code", "units", "assistant_units", "allowed_cents", "medicare_cents"):
            assert ours[name] == theirs[name]


def test_a_modified_line_is_88_percent_in_all(config):
    """80 x 0.85 from Medicare and the full 20 from the patient, before sequestration."""
    row = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": "15"}
    (line,) = bill([row | {"role": "assistant", "discipline": "PT"}], config)
    assert line["modifiers"] == "GP CQ"
    assert line["allowed_cents"] == 2906
    assert (line["paid_cents"], line["patient_cents"]) == (1976, 581)
    assert abs(line["paid_cents"] + line["patient_cents"] - 2906 * 0.88) < 1


VISIT = {"patient": "p", "code": "97110", "minutes": "30", "discipline": "PT"}


def test_deductible_is_spent_in_order_of_date(config):
    """5,127 cents a day (29.06 + 22.21): the first two days use 80.00 up."""
    days = [VISIT | {"date": f"2026-03-0{day}"} for day in (4, 2, 3)]
    lines = bill(days, config, deductible={"p": 8000})
    assert [line["deductible_cents"] for line in lines] == [5127, 2873, 0]
    assert [line["patient_cents"] for line in lines] == [5127, 2873 + 451, 1025]
    assert [line["medicare_cents"] for line in lines] == [0, 1767, 4020]


def test_deductible_of_a_later_year_starts_anew(config):
    """The balance is of the log's first year; 2026 begins with the whole 283.00."""
    days = [VISIT | {"date": day} for day in ("2025-12-30", "2026-01-05")]
    lines = bill(days, config, deductible={"": 100})
    assert [line["deductible_cents"] for line in lines] == [100, 5127]


@pytest.mark.parametrize(
    ("left", "spent"),
    [
        ({("p", 2026): 100}, [0, 100, 5127]),
        ({("p", 2025): 100}, [100, 5127, 5127]),
        ({"": 200, ("p", 2026): 100}, [200, 100, 5127]),
        ({"": 200, ("p", 2025): 0, ("p", 2027): 300}, [0, 5127, 5127]),
    ],
)
def test_a_balance_may_say_its_year(left, spent, config):
    """Those of the year count for it, whatever is taken for the first one or begins anew."""
    rows = [VISIT | {"date": day} for day in ("2025-12-30", "2026-01-05")]
    rows.append(VISIT | {"date": "2026-01-05", "patient": "q"})
    lines = bill(rows, config, deductible=left | {"q": 28300})
    assert [line["deductible_cents"] for line in lines] == spent


def test_a_year_that_spends_more_than_a_deductible_leaves_the_next_one_whole(config):
    """What 2025 used up is none of 2026's 283.00."""
    first = [VISIT | {"date": f"2025-12-{day:02}"} for day in range(10, 20)]
    lines = bill([*first, VISIT | {"date": "2026-01-05"}], config, deductible={"": 30000})
    assert sum(line["deductible_cents"] for line in lines[:-1]) == 30000
    assert lines[-1]["deductible_cents"] == lines[-1]["allowed_cents"] == 5127


def test_published_deductible_example():
    """First Coast: 100.00 approved, 50.00 deductible: 40.00 less 0.80."""
    found = oracle.settle(Decimal(100), Decimal(50), False, 80, 2)
    assert found["medicare_pays"] == Decimal("39.20")


@pytest.mark.parametrize(("prior", "needs"), [(248000 - 5127, False), (248001 - 5127, True)])
def test_kx_only_above_the_threshold(prior, needs, config):
    """Exactly at 2,480.00 no KX; a cent more and the line carries it."""
    (line,) = bill([VISIT | {"date": "2026-03-02"}], config, prior={("p", "PT+SLP"): prior})
    assert line["needs_kx"] is needs
    assert line["modifiers"] == ("GP KX" if needs else "GP")


def test_kx_of_a_later_year_starts_anew(config):
    """A December beyond the threshold of 2025 leaves January below that of 2026."""
    first = [VISIT | {"date": f"2025-12-{day:02}", "minutes": "120"} for day in range(10, 26)]
    lines = bill([*first, VISIT | {"date": "2026-01-05"}], config)
    assert [line["needs_kx"] for line in lines[-2:]] == [True, False]
    assert lines[-1]["year_cents"] == 5127


def test_kx_has_two_buckets(config):
    """Speech adds to physical therapy, occupational therapy stands alone."""
    rows = [VISIT | {"date": "2026-03-02", "discipline": name} for name in ("PT", "OT", "SLP")]
    lines = bill(rows, config, prior={("p", "PT+SLP"): 247000})
    assert {line["discipline"]: line["modifiers"] for line in lines} == {
        "PT": "GP KX",
        "OT": "GO",
        "SLP": "GN KX",
    }


@pytest.mark.parametrize(
    ("prior", "more", "modifiers"),
    [
        (248000, {}, "GP KX"),
        (247999, {}, "GP"),
        (248000, {"charge": "80.00"}, "GP KX"),
        (248000, {"charge": "0.00"}, "GP"),
        (248000, {"minutes": "30"}, "GP"),
        (900000, {"payer": "ama"}, "GP"),
        (900000, {"code": "97014"}, "GP"),
        (900000, {"code": "97010"}, "GP"),
    ],
)
def test_kx_of_a_line_that_the_contractor_prices(prior, more, modifiers, config):
    """With no cent left below the threshold any amount above 0 exceeds it."""
    row = VISIT | {"date": "2026-03-02", "code": "97545", "minutes": "120"} | more
    (line,) = bill([row], config, prior={("p", "PT+SLP"): prior})
    assert (line["modifiers"], line["allowed_cents"]) == (
        modifiers, 0 if line["code"] == "97010" else None,
    )  # fmt: skip


def test_other_payers_do_not_accrue(config):
    """A line of another payer never needs KX and adds nothing."""
    rows = [VISIT | {"date": "2026-03-02", "payer": "ama"}]
    (line,) = bill(rows, config, prior={("p", "PT+SLP"): 900000})
    assert (line["needs_kx"], line["allowed_cents"]) == (False, None)


def test_running_totals_follow_the_oracle(config):
    """A year of two visits a week in two disciplines."""
    rows = []
    for week in range(40):
        day = date(2026, 1, 5) + timedelta(days=7 * week)
        for discipline in ("PT", "OT"):
            visit = VISIT | {"date": str(day), "discipline": discipline}
            rows += [visit | {"minutes": "53"}, visit | {"code": "97139"}]
    lines = bill(rows, config)
    found = sorted(lines, key=lambda line: (line["date"], line["discipline"], line["code"]))
    given = [
        {
            "patient": "p",
            "year": 2026,
            "bucket": line["kx_bucket"],
            "allowed": cents and Decimal(cents).scaleb(-2),
            "contractor": cents is None,
        }
        for line in found
        for cents in [line["allowed_cents"]]
    ]
    assert [line["needs_kx"] for line in found] == oracle.kx_running(given)
    assert 0 < sum(line["needs_kx"] for line in found) < len(found)


def test_nonparticipating_is_95_percent(config):
    """Half up of 29.06 x 0.95."""
    (line,) = bill([VISIT | {"date": "2026-03-02", "minutes": "15"}], config, nonparticipating=True)
    assert line["fee_cents"] == 2761


def test_the_charge_caps_the_line(config):
    """Charged 40.00 for 2 units; 3 units are supported, so the charge counts half as much more."""
    row = VISIT | {"date": "2026-03-02", "minutes": "38", "charge": "40.00", "units_billed": "2"}
    (line,) = bill([row], config)
    assert (line["scheduled_cents"], line["allowed_cents"]) == (7348, 6000)


BUNDLED = {"patient": "p", "discipline": "PT", "date": "2024-08-05"}


@pytest.mark.parametrize(
    ("second", "modifiers"),
    [
        ("09:20-09:40", "GP 59"),
        ("09:19-09:40", "GP"),
        ("", "GP"),
    ],
)
def test_59_is_suggested_only_for_separate_times(second, modifiers, config):
    """97750 is bundled with 97530 in the third quarter of 2024; times must be known and apart."""
    start, end = second.split("-") if second else ("", "")
    minutes = "" if second else "21"
    rows = [
        BUNDLED | {"code": "97530", "start": "09:00", "end": "09:20"},
        BUNDLED | {"code": "97750", "start": start, "end": end, "minutes": minutes},
    ]
    found = {line["code"]: line for line in bill(rows, config)}
    assert found["97530"]["modifiers"] == "GP"
    assert found["97750"]["modifiers"] == modifiers
    assert ("59 suggested: bundled with 97530" in found["97750"]["reason"]) is (
        modifiers == "GP 59"
    )


@pytest.mark.parametrize(
    ("spans", "modifiers"),
    [
        ({"97129": "08:15-08:26"}, "GP 59"),
        ({"97130": "08:15-08:26"}, "GP 59"),
        ({"97130": "08:14-08:26"}, "GP"),
        ({"97129": "08:15-08:26", "97130": "08:10-08:15"}, "GP"),
    ],
)
def test_59_is_told_by_all_times_of_a_service(spans, modifiers, config):
    """97164 is bundled with 97129, which an add-on's rows may have the minutes of."""
    times = {code: span.split("-") for code, span in {"97164": "08:00-08:15", **spans}.items()}
    rows = [
        BUNDLED | {"code": code, "start": start, "end": end} for code, (start, end) in times.items()
    ]
    found = {line["code"]: line["modifiers"] for line in bill(rows, config)}
    assert found["97164"] == modifiers


@pytest.mark.parametrize(("payer", "modifiers"), [("medicare", "GP 59"), ("ama", "GP")])
def test_59_is_not_suggested_beside_another_payers_line(payer, modifiers, config):
    """No edit looks at two claims to different payers."""
    rows = [
        BUNDLED | {"code": "97530", "start": "09:00", "end": "09:15", "payer": payer},
        BUNDLED | {"code": "97750", "start": "09:15", "end": "09:30", "payer": "medicare"},
    ]
    found = {line["code"]: line["modifiers"] for line in bill(rows, config)}
    assert found == {"97530": "GP", "97750": modifiers}


def test_59_is_not_suggested_outside_the_edition(config):
    """Edits hold for their quarter only."""
    rows = [
        BUNDLED | {"date": "2026-03-02", "code": "97530", "start": "09:00", "end": "09:20"},
        BUNDLED | {"date": "2026-03-02", "code": "97750", "start": "09:20", "end": "09:40"},
    ]
    assert {line["modifiers"] for line in bill(rows, config)} == {"GP"}


def test_cq_in_the_log_without_an_assistant_is_said(config):
    """The line is billed plain, and says what the log claims."""
    row = VISIT | {"date": "2026-03-02", "modifiers_billed": "GP CQ"}
    (line,) = bill([row], config)
    assert line["modifiers"] == "GP"
    assert line["reason"] == "CQ or CO in the log, but no assistant's minutes"


@pytest.mark.parametrize(
    ("code", "discipline", "reason"),
    [
        ("97164", "OT", "the code is PT's alone, the log says OT"),
        ("97168", "PT", "the code is OT's alone, the log says PT"),
        ("92521", "OT", "the code is SLP's alone, the log says OT"),
        ("97164", "PT", ""),
        ("97164", "", ""),
        ("97110", "OT", ""),
    ],
)
def test_a_code_of_another_discipline_is_said(code, discipline, reason, config):
    """Its modifier is the log's discipline's, with which it is denied (MCPM ch. 5 s. 20.1)."""
    row = VISIT | {"date": "2026-03-02", "code": code, "discipline": discipline}
    (line,) = bill([row], config)
    assert line["reason"] == reason


@pytest.mark.parametrize(
    ("code", "roles", "reason"),
    [
        ("97164", ["assistant"], "an evaluation by an assistant alone is not payable"),
        ("97164", ["therapist", "assistant"], "an assistant took part in the evaluation"),
        ("97164", ["therapist"], ""),
        ("97116", ["assistant"], ""),
    ],
)
def test_an_evaluation_by_an_assistant_is_said(code, roles, reason, config):
    """Evaluating is the therapist's own work (BPM ch. 15 s. 230)."""
    visit = VISIT | {"date": "2026-03-02", "code": code, "discipline": "PT"}
    rows = [visit | {"role": role, "minutes": "15"} for role in roles]
    (line,) = bill(rows, config)
    assert line["reason"] == reason


UNPASSED = "KX in the log; this log and --prior do not pass the threshold by this line"
NO_ASSISTANT = "CQ or CO in the log, but no assistant's minutes"
UNCARRIED = [
    ("GP KX", {}, UNPASSED),
    ("GP KX 59", {}, f"{UNPASSED}; 59 in the log, not carried over"),
    ("KX", {"payer": "ama"}, "KX in the log; this payer has no KX threshold"),
    (
        "KX", {"discipline": ""}, "KX in the log; without a discipline no KX threshold is checked",
    ),
    ("GZ GA XE", {}, "XE, GA, GZ in the log, not carried over"),
    ("GP KXX 591 NONE", {}, ""),
    ("no", {}, ""),
    ("GP, ok to bill", {}, ""),
    ("03/02/26", {}, ""),
    ("GP", {}, ""),
    ("GP 95", {}, "95 in the log, not carried over"),
    ("GP95,GN 22 59", {}, "59, 22, 95, GN in the log, not carried over"),
    ("GP", {"discipline": ""}, ""),
    ("GP CQ", {"discipline": "OT"}, f"{NO_ASSISTANT}; GP in the log, not carried over"),
]  # fmt: skip


@pytest.mark.parametrize(("modifiers", "more", "reason"), UNCARRIED)
def test_modifiers_of_the_log_that_a_line_lacks_are_said(modifiers, more, reason, config):
    """By any row of the code; units, modifiers and money stay as they are."""
    plain = VISIT | {"date": "2026-03-02", "discipline": "PT"} | more
    rows = [plain | {"modifiers_billed": modifiers}, plain, plain | {"code": "97140"}]
    bare, lines = bill([plain, *rows[1:]], config), bill(rows, config)
    said = {line["code"]: line["reason"] for line in lines}
    before = {line["code"]: line["reason"] for line in bare}
    own = before[VISIT["code"]]
    parts = "; ".join(filter(None, [own, reason]))
    assert said == before | {VISIT["code"]: parts}
    same = ("code", "units", "modifiers", *billing.CENTS.values())
    assert [[line[n] for n in same] for line in lines] == [[line[n] for n in same] for line in bare]


def test_modifiers_behind_a_code_that_a_line_lacks_are_said(config):
    """In a log without a column for them."""
    row = {"patient": "p", "date": "2026-03-02", "discipline": "PT", "minutes": "23"}
    (line,) = bill([row | {"code": "97110-KX"}], config)
    assert (line["modifiers"], line["reason"]) == ("GP", UNPASSED)


def test_modifiers_that_a_line_has_are_not_said(config):
    """KX past the threshold, and 59 where it is suggested; GA is said all the same."""
    given = {"modifiers_billed": "GP KX GA", "date": "2026-03-02"}
    (line,) = bill([VISIT | given], config, prior={("p", "PT+SLP"): 300000})
    assert line["modifiers"] == "GP KX"
    assert line["reason"] == "GA in the log, not carried over"
    rows = [
        BUNDLED | {"code": "97530", "start": "09:00", "end": "09:20", "modifiers_billed": "59"},
        BUNDLED | {"code": "97750", "start": "09:20", "end": "09:40", "modifiers_billed": "59"},
    ]
    assert {line["code"]: (line["modifiers"], line["reason"]) for line in bill(rows, config)} == {
        "97530": ("GP", "59 in the log, not carried over"),
        "97750": ("GP 59", "59 suggested: bundled with 97530, at other times"),
    }


def test_a_later_year_without_a_deductible_is_blank_with_its_reason(config):
    """No figure of the year: what is paid is unknown, what is allowed stands."""
    own = params.Config(config.folders)
    known = own.parameter("deductible")
    values = tuple(v for v in known.values if v.first.year != 2026)
    own._parameters["deductible"] = replace(known, values=values)
    days = [VISIT | {"date": day} for day in ("2025-12-30", "2026-01-05")]
    lines = bill(days, own, deductible={"": 0})
    assert [line["allowed_cents"] for line in lines] == [5062, 5127]  # 28.79 + 21.83; 29.06 + 22.21
    assert [line["medicare_cents"] is None for line in lines] == [False, True]
    assert lines[1]["reason"] == "no figure in deductible.toml on 2026-01-05"
    options = billing.Options(deductible={"": 0})
    whole = engine.collect(billing.bill(read(days, own), own, options))
    said = summaries.notes(summaries.counts(whole, options), options)
    assert "1 line with an allowed amount but no shares of it: see reason" in said


def test_the_figures_that_are_missing_are_named(config):
    """Only those that the line needs: an assistant's share where it is an assistant's."""
    own = params.Config(config.folders)
    for name in ("coinsurance", "assistant_share", "sequestration"):
        own._parameters[name] = replace(own.parameter(name), values=())
    rows = [
        VISIT | {"date": "2026-03-02", "role": "therapist"},
        VISIT | {"date": "2026-03-02", "patient": "q", "role": "assistant"},
    ]
    reasons = {line["patient"]: line["reason"] for line in bill(rows, own)}
    files = "coinsurance.toml, {}sequestration.toml on 2026-03-02"
    assert reasons == {
        VISIT["patient"]: f"no figure in {files.format('')}",
        "q": f"no figure in {files.format('assistant_share.toml, ')}",
    }


def test_a_later_year_begins_with_its_whole_deductible(tmp_path):
    """And is not assumed met, whoever --deductible names: the notes say so."""
    log, left = tmp_path / "log.csv", tmp_path / "left.csv"
    log.write_text(
        "patient,date,discipline,code,minutes\np1,2025-12-30,PT,97110,15\n"
        "p2,2025-12-30,PT,97110,15\np2,2026-01-05,PT,97110,15\n"
    )
    left.write_text("patient,amount\np1,10.00\n")
    whole = "2026 begins with its whole deductible (283.00) for 1 patient"
    met = "assumed met for 1 patient that --deductible does not name"
    taken = (
        "--deductible: amounts without a year are taken for each patient's first paid year, 2025"
        " for {}; a file with a column year says otherwise"
    )
    one, two = taken.format("1 patient"), taken.format("2 patients")
    for given, said in (
        (("--deductible", str(left)), [f"deductible of the first year {met}", whole, one]),
        (("--deductible", "0"), [whole, two]),
        ((), []),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "calc", "bill", str(log), "-o", str(tmp_path / "o.csv"), *given],
            capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        assert done.stderr.splitlines()[1:-1] == said


def test_plain_and_modified_line_share_the_charge_to_the_cent(config):
    """2 units charged 40.01: 20.01 for the plain one, 20.00 for the other, never 40.02."""
    day = {"patient": "p", "discipline": "PT", "date": "2026-03-02", "code": "97110"}
    rows = [
        day | {"minutes": "15", "role": "therapist", "charge": "30.00"},
        day | {"minutes": "15", "role": "assistant", "charge": "10.01"},
    ]
    assert [line["allowed_cents"] for line in bill(rows, config)] == [2001, 2000]


def test_a_code_that_is_never_reduced_has_one_fee(config):
    """97129 has indicator 0: a reduced fee beside its fee would mislead."""
    (line,) = bill([VISIT | {"date": "2026-03-02", "code": "97129", "minutes": "15"}], config)
    assert line["fee_cents"] == line["reduced_cents"] == 2238


@pytest.mark.parametrize("code", ["97010", "97039"])
def test_opening_balances_of_a_patient_without_an_amount(code, config):
    """Of the first year of Part B: what is left of the threshold is right all the same."""
    rows = [VISIT | {"date": day, "code": code} for day in ("2025-03-02", "2026-03-02")]
    rows = [{**row, "minutes": "15", "discipline": "PT"} for row in rows]
    rows.append({**rows[0], "date": "2024-12-02", "payer": "ama"})
    lines = bill(rows, config, prior={("p", "PT+SLP"): 300_000})
    assert [(line["year"], line["prior_cents"]) for line in lines] == [
        (2024, 0), (2025, 300_000), (2026, 0),
    ]  # fmt: skip
