"""The explanation of a visit: every kind of code, every step, nothing left out or None."""

from __future__ import annotations

import pytest

import calc
from calc import billing, params

DAY = "2026-03-02"


def explain(*rows, **options):
    """The explanation of rows of 2026-03-02."""
    dated = [{"date": DAY, **row} for row in rows]
    return calc.estimate(dated, options=billing.Options(**options)).explain()


def test_every_kind_of_code_is_explained():
    """Timed, per day, other lengths, not countable, bundled, unpriced, contractor's."""
    text = explain(
        {"code": "97530", "minutes": 30, "discipline": "OT"},
        {"code": "97129", "minutes": 40, "discipline": "OT"},
        {"code": "97110", "minutes": 23, "discipline": "PT"},
        {"code": "97010", "discipline": "PT"},
        {"code": "97014", "discipline": "PT"},
        {"code": "97597", "discipline": "PT"},
        {"code": "97799", "discipline": "PT"},
        {"code": "97750", "minutes": 8, "discipline": "PT"},
        {"code": "96125", "minutes": 45, "discipline": "SLP"},
    )
    assert "None" not in text
    for says in (
        "97010 warm or cold pack: paid by the day, 1 unit whatever the minutes",
        "97010 in US: 0.00, bundled, not paid apart (status B)",
        "no Medicare price (status I)",
        "priced by the contractor (status C)",
        "counted by area, not from minutes",
        "97597: no amount, units not computed",
        "first unit of 60 min, further of 60, each at its midpoint = 1 unit",
        "1 unit left goes to the largest remainder: 97110 (8 min), not 97750 (8 min)",
        "97010 warm or cold pack: 0.00, bundled, not paid apart (status B)",
    ):
        assert says in text


def test_deductible_kx_and_limiting_charge_are_explained():
    """A day that crosses the deductible and the threshold, by a non-participating provider."""
    text = explain(
        {"code": "97110", "minutes": 30, "discipline": "PT"},
        deductible={"": 2000},
        prior={("visit", "PT+SLP"): 247000},
        nonparticipating=True,
    )
    assert "x 95% non-participating = fee 27.61, reduced 21.10" in text
    assert " x 33.4009, to the cent, x 95%" in text
    assert "limiting charge 31.75 a unit" in text
    assert "(48.71 - 20.00 deductible) x 80% = 22.97, less 0.46 withheld" in text
    assert "KX, PT+SLP of the year 2518.71 exceeds 2480.00" in text


def test_an_assistants_units_are_explained():
    """Whole quarters, leftovers, their percentage and the test that decided."""
    text = explain(
        {"code": "97110", "minutes": 13, "discipline": "PT"},
        {"code": "97110", "minutes": 23, "discipline": "PT", "role": "assistant"},
    )
    assert (
        "97110: therapist 13 min, assistant 23 min: whole quarters 0 and 1, leftovers 13 and 8"
        " min, assistant's 38.1%; 1 unit left: the therapist's at 8 of his minutes, else the"
        " assistant's = 1 plain, 1 with CQ" in text
    )
    # 29.06 are the therapist's, 22.21 the assistant's: each step of it is rounded.
    assert "97110: 22.21 x 80% = 17.77, x 85% (assistant) = 15.10, less 0.30 withheld" in text


@pytest.mark.parametrize(
    ("name", "value", "day", "said", "result"),
    [
        ("assistant_midpoint", 14, "2026-03-02", "the therapist's at 14 of his minutes", (0, 2)),
        ("de_minimis", 40, "2021-03-02", "the assistant's above 40% of the leftover", (1, 1)),
        ("de_minimis", 38, "2021-03-02", "the assistant's above 38% of the leftover", (0, 2)),
    ],
)
def test_whose_the_last_unit_is_stands_in_the_config(name, value, day, said, result, tmp_path):
    """Own figures decide, and are what is said."""
    (tmp_path / f"{name}.toml").write_text(
        f'title = "t"\nunit = "u"\nplaces = 0\n[[value]]\nfrom = 2020-01-01\nuntil = 9999-12-31\n'
        f'value = {value}\nsource = "decision"\n'
    )
    roles = {"therapist": 13, "assistant": 23}
    rows = [{"date": day, "code": "97110", "discipline": "PT", "role": r, "minutes": m}
            for r, m in roles.items()]  # fmt: skip
    text = calc.estimate(rows, config=params.load(tmp_path)).explain()
    assert said in text
    assert "= {} plain, {} with CQ".format(*result) in text


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("97129", 23), ("97130", 20)],
         "97129 and 97130 are one service (43 min): first unit 97129, further units 97130: 1 + 2"),
        ([("97130", 20)],
         "97129 and 97130 are one service (20 min): first unit 97129, further units 97130: 1 + 0"),
        ([("97550", 38)],
         "97550 and 97551 are one service (38 min): first unit 97550, further units 97551: 1 + 1"),
        ([("97129", 20, "assistant"), ("97130", 50)],
         "97129 and 97130 are one service (70 min): first unit 97129, further units 97130: 1 + 4"),
        ([("97129", 20)], ""),
        ([("97110", 40)], ""),
    ],
)  # fmt: skip
def test_the_two_codes_of_a_service_are_explained(rows, says):
    """Whence the lines of both have their units, whichever of them the log has."""
    names = ("code", "minutes", "role")
    text = explain(*({"discipline": "OT", **dict(zip(names, row, strict=False))} for row in rows))
    assert text.count(" are one service ") == bool(says)
    assert not says or f"  {says} (Derived from a cited rule)\n" in text


def test_shared_minutes_are_explained():
    """Two codes on the same clock minutes."""
    text = explain(
        {"code": "97110", "start": "09:00", "end": "09:30", "discipline": "PT"},
        {"code": "97116", "start": "09:20", "end": "09:50", "discipline": "PT"},
    )
    assert "10 min stand on another row too and count once" in text
    text = explain(
        {"code": "97110", "start": "09:00:00", "end": "09:15:01", "discipline": "PT"},
        {"code": "97140", "start": "09:15:00", "end": "09:30:00", "discipline": "PT"},
    )
    assert "  1 s stand on another row too and count once" in text


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        (["assistant"], "no minutes, only the assistant gave it = 0 plain, 1 with CQ"),
        (["assistant", "therapist"], "no minutes, a therapist gave it too = 1 plain, 0 with CQ"),
    ],
)
def test_who_gave_a_code_without_minutes_is_explained(roles, says):
    """No share of no time decides: the sentence says what does."""
    row = {"code": "97012", "discipline": "PT"}
    assert f"97012: {says}" in explain(*({**row, "role": role} for role in roles))


def test_a_code_of_another_length_cites_the_midpoint():
    """The 8-minute rule says nothing of an hour."""
    text = explain({"code": "96105", "minutes": 70, "discipline": "SLP"})
    (line,) = (line for line in text.splitlines() if "each at its midpoint" in line)
    assert line.endswith("= 1 unit (CPT: a unit of time is attained when its midpoint is passed)")


def test_units_of_another_length_are_no_quarters(tmp_path):
    (tmp_path / "counting_rules.toml").write_text(
        '[half]\ntitle = "Half hours"\nunit_minutes = 30\nfirst_minutes = 15\npool = "day"\n'
        'source = "cpt-midpoint"\n'
    )
    (tmp_path / "payers.toml").write_text(
        '[half]\nname = "Half"\ncounting_rule = "half"\nsource = "cpt-midpoint"\n'
    )
    config = params.Config([tmp_path, *params.load().folders])
    text = calc.estimate([{"code": "97110", "minutes": 47, "date": "2026-03-02"}],
                         payer="half", config=config).explain()  # fmt: skip
    assert "47 minutes = 1 whole unit (30 min) + 17 left over" in text and "quarter" not in text


def test_a_tie_is_explained():
    text = explain({"code": "97110", "minutes": 20}, {"code": "97112", "minutes": 20})
    assert "tie: 97110, 97112 have equal remainders, either is right" in text


def test_a_last_unit_with_nothing_of_the_assistants_left_is_explained():
    """7 minutes of the therapist and none of the assistant's: plain, by the sentence too."""
    text = explain(
        {"code": "97140", "minutes": 15, "discipline": "PT", "role": "assistant"},
        {"code": "97140", "minutes": 7, "discipline": "PT"},
        {"code": "97110", "minutes": 1, "discipline": "PT"},
    )
    assert (
        "1 unit left: the therapist's, as the assistant has no leftover minutes"
        " = 1 plain, 1 with CQ" in text
    )


@pytest.mark.parametrize(
    ("therapist", "assistant", "says"),
    [
        ("26.1", "2.9", "therapist 26.1 min, assistant 2.9 min, assistant's share 10.0% = 1 plain"),
        ("26", "3", "therapist 26 min, assistant 3 min, assistant's share 10.3% = 0 plain"),
        ("89.99", "10", "assistant's share just above 10% = 0 plain"),
    ],
)
def test_a_share_is_explained_as_it_is_judged(therapist, assistant, says):
    """By the exact time, not by whole minutes."""
    evaluation = {"code": "97161", "discipline": "PT"}
    text = explain(
        evaluation | {"minutes": therapist},
        evaluation | {"minutes": assistant, "role": "assistant"},
    )
    assert says in text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"units_billed": 3}, "charged less: 60.00 x 2 of 3 units billed = 40.00 allowed"),
        ({"charge": "30.00"}, "charged less: 30.00 allowed"),
    ],
)
def test_a_lesser_charge_is_explained(more, says):
    visit = {"code": "97110", "minutes": 30, "charge": "60.00", "discipline": "PT"}
    assert says in explain({**visit, **more, "date": "2026-03-02"})


COGNITION = {"code": "97129", "minutes": 45, "charge": "30.00", "discipline": "OT"}
FOR_BOTH = "30.00 for 97129 and its add-on"
ASSISTED = {"code": "97110", "minutes": 15, "discipline": "PT", "role": "assistant"}
BOTH_GAVE = [{**ASSISTED, "role": "therapist", "charge": "25.31"}, ASSISTED]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [COGNITION],
            [
                f"97129: 1 full + 0 reduced = 22.38; charged less: {FOR_BOTH} x 1 of 3 units"
                " = 10.00 allowed",
                f"97130: 2 full + 0 reduced = 42.08; charged less: {FOR_BOTH} less 10.00 of the"
                " lines before = 20.00 allowed",
            ],
        ),
        (
            [{**COGNITION, "units_billed": 4}],
            [
                f"charged less: {FOR_BOTH} x 1 of 4 units billed = 7.50 allowed",
                f"charged less: {FOR_BOTH} x 3 of 4 units billed = 22.50, less 7.50 of the lines"
                " before = 15.00 allowed",
            ],
        ),
        (
            [{"code": "90912", "minutes": 30, "charge": "100.00"}],
            [
                "charged less: 100.00 for 90912 and its add-on x 1 of 2 units = 50.00,"
                " and 17.27 that others leave = 67.27 allowed",
                "90913: 1 full + 0 reduced = 32.73\n",
            ],
        ),
        (
            BOTH_GAVE,
            [
                "97110: 1 full + 0 reduced = 29.06; charged less: 25.31 x 1 of 2 units"
                " = 12.66 allowed",
                "97110 with CQ: 0 full + 1 reduced = 22.21; charged less: 25.31 less 12.66 of the"
                " plain line = 12.65 allowed",
            ],
        ),
        (
            [{**BOTH_GAVE[0], "units_billed": 3}, ASSISTED],
            ["charged less: 25.31 x 2 of 3 units billed = 16.87, less 8.44 of the plain line"],
        ),
    ],
)
def test_a_part_of_a_charge_is_explained(rows, says):
    """Of what it is a part, and how the printed figures lead to it."""
    text = explain(*rows)
    for words in says:
        assert words in text


def test_an_assumed_deductible_is_explained_as_such():
    """Of a patient whom the balances do not name; a later year begins with the whole of it."""
    row = {"code": "97110", "minutes": 30, "patient": "B"}
    later = explain(row, {**row, "date": "2025-03-03"}, deductible={"A": 5000})
    assert "Shares (deductible assumed met)" in later
    assert later.count("deductible left before") == 1
    assert "Shares (after the deductible)\n  deductible left before the first line of" in later
    for balances in ({"B": 0}, {"A": 5000, "": 0}):
        text = explain(row, deductible=balances)
        assert "Shares (after the deductible)" in text
        assert "deductible left before the first line of the year: 0.00" in text
    alone = explain(row, deductible={"A": 5000})
    assert "Shares (deductible assumed met)" in alone and "deductible left" not in alone


def test_what_a_year_began_with_is_explained():
    """Both opening balances can be found again in the text."""
    text = explain(
        {"code": "97110", "minutes": 30, "discipline": "PT"},
        deductible={"": 2000},
        prior={("visit", "PT+SLP"): 247000},
    )
    assert "deductible left before the first line of the year: 20.00" in text
    assert "exceeds 2480.00, 2470.00 of it before these lines (--prior) (" in text
    alone = explain({"code": "97110", "minutes": 30, "discipline": "PT"})
    assert "deductible left" not in alone and "--prior" not in alone


@pytest.mark.parametrize(
    ("payer", "said"),
    [
        ("medicare", ""),
        ("highmark", "  Highmark counts so: "),
        ("ama", "counts so: "),
    ],
)
def test_by_what_another_payer_counts_is_cited(payer, said):
    text = explain({"code": "97110", "minutes": 20, "payer": payer})
    assert ("counts so" in text) is bool(said)
    assert said in text
    if payer == "highmark":
        config = params.load()
        assert f"{said}{config.cite('highmark-2016')}" in text


def test_how_cms_and_ama_count_is_no_matter_to_a_payer_of_another_rule(tmp_path):
    """They agreed on three units, and this payer counts two."""
    (tmp_path / "payers.toml").write_text(
        '[whole]\nname = "Whole"\ncounting_rule = "whole-units"\nsource = "decision"\n'
        "mppr = false\nassistant_cut = false\nsequestration = false\npart_b = false\n"
    )
    config = params.load(str(tmp_path))
    rows = [{"code": "97110", "date": DAY, "minutes": 38, "payer": "whole"}]
    text = calc.estimate(rows, config=config).explain()
    assert "38 minutes = 2 whole" in text
    assert "CMS and AMA" not in text
