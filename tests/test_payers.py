"""Payers beyond Medicare, localities by name, rates compared: figures of a user's own folder."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from helpers import UNKNOWN_DAY

import calc
from calc import billing, cms, engine, logs, params, rating
from calc.errors import ConfigError, InputError
from calc.params import Config

EDITIONS = """
title = "{}"
[[edition]]
from = 2026-01-01
until = 2026-12-31
file = "2026.csv"
source = "contract"
"""
FILES = {
    "sources.toml": '[contract]\ntitle = "Contract"\n',
    "payers.toml": """
[acme]
name = "Acme"
counting_rule = "ama"
source = "contract"
share_of_medicare = "1.10"

[alpha]
name = "Alpha"
counting_rule = "ama"
source = "contract"
conversion_factor = "alpha_factor"
mppr = true

[bravo]
name = "Bravo"
counting_rule = "cms"
source = "contract"
fee_table = "bravo"
mppr = true

[delta]
name = "Delta"
counting_rule = "cms"
source = "contract"
share_of_medicare = "1.00"
part_b = true

[golf]
name = "Golf"
counting_rule = "cms"
source = "contract"
fee_table = "golf"
part_b = true
""",
    "alpha_factor.toml": """
title = "Alpha's factor"
unit = "USD per RVU"
places = 4
[[value]]
from = 2026-01-01
until = 2026-06-30
value = 50.0000
source = "contract"
""",
    "fees/bravo/editions.toml": EDITIONS.format("Bravo's fees"),
    "fees/bravo/2026.csv": "code,fee,reduced_fee\n97110,40.00,\n97116,41.50,30.00\n",
    "fees/golf/editions.toml": EDITIONS.format("Golf's fees"),
    "fees/golf/2026.csv": "code,fee,reduced_fee\n97010,5.00,\n97014,6.00,\n97110,40.00,\n"
    "97140,0.00,\n",
    "counties/editions.toml": EDITIONS.format("Counties"),
    "counties/2026.csv": "locality,county\nIL-16,COOK\nIL-15,LAKE\nOH-00,LAKE\n",
}


def laid(folder, files):
    """The shipped figures with files of a user's folder over them."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return params.load(folder)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The shipped figures with a user's folder over them."""
    return laid(tmp_path_factory.mktemp("config"), FILES)


def allowed(config, payer, *codes, day="2026-03-02"):
    """Allowed dollars by code of a visit with 20 minutes of each."""
    rows = [{"code": code, "minutes": 20, "date": day} for code in codes]
    lines = calc.estimate(rows, payer=payer, config=config).lines
    return {line["code"]: line["allowed"] for line in lines}


def test_the_folder_has_no_faults(own):
    """Factors and fee tables that payers name are checked with the rest."""
    assert params.faults(own) == []


def test_files_with_a_byte_order_mark(tmp_path):
    """As spreadsheets write a csv in UTF-8, and some editors any text."""
    config = laid(tmp_path, {name: f"\ufeff{text}" for name, text in FILES.items()})
    assert params.faults(config) == []
    assert allowed(config, "bravo", "97110") == {"97110": Decimal("40.00")}
    assert cms.table_rows(tmp_path / "fees/bravo/2026.csv")[0]["code"] == "97110"


def test_a_share_of_medicares_fee(own):
    """29.0588 x 1.10 rounded once; no reduction, no sequestration, no shares."""
    assert allowed(own, "acme", "97116") == {"97116": Decimal("31.96")}
    line = calc.estimate(
        [{"code": "97116", "minutes": 20, "date": "2026-03-02"}], payer="acme", config=own
    ).lines[0]
    assert (line["medicare_pays"], line["patient_pays"]) == (None, None)


def test_an_own_factor(own):
    """0.87 RVU x 50; the second code with half its practice expense; never Medicare's factor."""
    assert allowed(own, "alpha", "97116", "97110") == {
        "97110": Decimal("43.50"),
        "97116": Decimal("33.25"),
    }
    assert allowed(own, "alpha", "97116", day="2026-08-02") == {"97116": None}


def test_an_own_fee_table(own):
    """The table's fee and reduced fee; a code it lacks has no price, whatever Medicare pays."""
    assert allowed(own, "bravo", "97116") == {"97116": Decimal("41.50")}
    found = allowed(own, "bravo", "97110", "97116", "97140")
    assert found["97140"] is None
    # 60 minutes are 4 units, 2 of 97110; at equal practice expense the dearer code is first.
    assert (found["97116"], found["97110"]) == (Decimal("41.50"), Decimal("80.00"))


def test_a_code_without_a_fee_reduces_no_other(own):
    """97530 has the highest practice expense, and no fee of Bravo's to be paid in full."""
    found = allowed(own, "bravo", "97116", "97530")
    assert found == {"97116": Decimal("71.50"), "97530": None}  # 41.50 in full, 30.00 reduced


TAB = '[tab]\nname = "Tab"\ncounting_rule = "ama"\nsource = "contract"\nfee_table = "bravo"\n'
LATER = str(UNKNOWN_DAY)


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    """Bravo's fees, for Tab without a reduction; also of a day without any of Medicare's."""
    editions = FILES["fees/bravo/editions.toml"].replace("2026-12-31", LATER)
    fees = "code,fee,reduced_fee\n97110,40.00,30.01\n97140,35.55,35.55\n"
    fees += "97129,20.00,\n97130,20.00,10.00\n92610,90.00,45.00\n"
    files = {"fees/bravo/editions.toml": editions, "fees/bravo/2026.csv": fees}
    files["payers.toml"] = FILES["payers.toml"] + TAB
    return laid(tmp_path_factory.mktemp("tab"), FILES | files)


def test_what_a_payers_own_table_reduces(tab):
    """Whatever Medicare's indicator says of a code; its practice expense gives the turn."""
    minutes = {"92610": 20, "97110": 30, "97129": 45}
    rows = [{"code": code, "minutes": m, "date": "2026-03-02"} for code, m in minutes.items()]
    found = calc.estimate(rows, payer="bravo", config=tab)
    assert {line["code"]: str(line["allowed"]) for line in found.lines} == {
        "92610": "90.00", "97110": "60.02", "97129": "20.00", "97130": "20.00",
    }  # fmt: skip
    text = found.explain()
    assert "97130: fee 20.00, reduced 10.00, from the payer's own table" in text
    assert "97130: 0 full + 2 reduced = 20.00" in text
    assert "97129: fee 20.00, from the payer's own table" in text
    assert "97129: 1 full + 0 reduced = 20.00" in text
    assert calc.estimate(rows, payer="tab", config=tab).totals["allowed"] == Decimal("230.00")
    text = calc.estimate(rows, payer="tab", config=tab).explain()
    assert ", reduced " not in text and "    reduced: " not in text


NO_TURN = f"no RVU for 97110 on {LATER} to rank the reduction by"
NO_FEE = f"no fee of payer {{}} for 97116 on {LATER}"
NO_WORK = f"no conversion factor for the work component on {LATER}"
ON_A_LATER_DAY = [
    ("bravo", "97140", "35.55", NO_WORK),  # is never reduced
    ("bravo", "97110", None, NO_TURN),
    ("bravo", "97116", None, NO_FEE.format("bravo")),
    ("tab", "97110", "40.00", NO_WORK),
    ("tab", "97130", "20.00", NO_WORK),
    ("tab", "97116", None, NO_FEE.format("tab")),
]


@pytest.mark.parametrize(("payer", "code", "dollars", "reason"), ON_A_LATER_DAY)
def test_an_own_fee_on_a_day_without_medicares_figures(payer, code, dollars, reason, tab):
    """It needs none of them, unless it is reduced: then the practice expense that ranks it."""
    row = {"patient": "p", "code": code, "minutes": 15, "date": LATER}
    line = calc.bill(pl.DataFrame([row]), config=tab, payer=payer).row(0, named=True)
    amount = dollars and Decimal(dollars)
    assert (line["allowed"], line["reason"]) == (amount, reason)
    if reason == NO_TURN:
        with pytest.raises(ConfigError, match=f"no RVU file for {LATER}"):
            calc.estimate([row], payer=payer, config=tab)
        return
    found = calc.estimate([row], payer=payer, config=tab)
    assert (found.lines[0]["allowed"], found.lines[0]["reason"]) == (amount, reason)
    text = found.explain()
    assert ": none, no conversion factor\n" in text and "    reduced: " not in text


def test_what_another_payer_allows_is_none_of_medicares_year(own):
    """It spends no deductible, and brings no line nearer to the threshold."""
    visit = {"patient": "p", "code": "97110", "minutes": "30", "discipline": "PT"}
    days = {"acme": "2026-03-02", "medicare": "2026-03-03"}
    rows = [visit | {"payer": payer, "date": day} for payer, day in days.items()]
    log = logs.read(pl.DataFrame(rows), own)
    left = billing.Options(deductible={"p": 3000}, prior={("p", "PT+SLP"): 248000 - 5127})
    other, mine = engine.collect(billing.bill(log, own, left)).iter_rows(named=True)
    assert (other["allowed_cents"], mine["allowed_cents"]) == (6392, 5127)
    assert (other["deductible_cents"], mine["deductible_cents"]) == (0, 3000)
    assert not other["needs_kx"] and not mine["needs_kx"]


def test_an_own_fee_table_is_explained_by_its_own_figures(own):
    """Its edition, not Medicare's indices or percentage; an edition without a release says none."""
    rows = [{"code": code, "minutes": 20, "date": "2026-03-02"} for code in ("97110", "97116")]
    said = calc.estimate(rows, payer="bravo", config=own).explain().splitlines()
    start = said.index("Fee schedule (the payer's own table)")
    assert said[start + 1 : start + 7] == [
        "  97116: fee 41.50, reduced 30.00, from the payer's own table",
        "  97116: 1 full + 0 reduced = 41.50",
        "  97110: fee 40.00, from the payer's own table",
        "  97110: 0 full + 2 reduced = 80.00",
        "    fees: Contract (in force 2026-01-01 to 2026-12-31)",
        "    reduced: every unit but the day's one of highest practice expense (Medicare Claims"
        " Processing Manual, Pub. 100-04, ch. 5, s. 10.7: multiple procedure payment reduction)",
    ]
    assert not any("GPCI" in line or "50%" in line for line in said)
    by_factor = calc.estimate(rows, payer="alpha", config=own).explain()
    assert "    GPCIs: " in by_factor and "    reduced: 50% of practice expense off" in by_factor


def test_switches_are_the_payers_own(own):
    """Delta pays shares of Medicare's fee without reduction, cut or sequestration."""
    rows = [{"code": code, "minutes": 15, "date": "2026-03-02"} for code in ("97110", "97116")]
    rows = [{**row, "role": "assistant", "discipline": "PT"} for row in rows]
    lines = calc.estimate(rows, payer="delta", config=own).lines
    assert [line["allowed"] for line in lines] == [Decimal("29.06")] * 2
    assert [line["medicare_pays"] for line in lines] == [Decimal("23.25")] * 2


def test_own_figures_are_explained(own):
    """The factor's own source and days."""
    row = {"code": "97116", "minutes": 20, "date": "2026-03-02"}
    text = calc.estimate([row], payer="alpha", config=own).explain()
    assert "factor 50.0000: Contract (in force 2026-01-01 to 2026-06-30)" in text


MID_YEAR = {
    "sources.toml": FILES["sources.toml"],
    "kx_threshold.toml": """
title = "Thresholds"
unit = "USD"
places = 2
[[value]]
from = 2025-07-01
until = 2025-12-31
value = 50.00
source = "contract"
applies_to = "PT+SLP"
""",
    "conversion_factor.toml": """
title = "Factors"
unit = "USD per RVU"
places = 4
[[value]]
from = 2025-03-01
until = 2025-09-30
value = 40.0000
source = "contract"
""",
}


@pytest.mark.parametrize("patients", [1, 1500])
def test_a_threshold_that_changes_within_a_year(patients, tmp_path):
    """What was allowed before counts towards it, in small logs and large ones, and in audits."""
    changed = {name: MID_YEAR[name] for name in ("sources.toml", "kx_threshold.toml")}
    config = laid(tmp_path, changed)
    days = {"2025-06-30": "GP", "2025-07-01": "GP KX", "2025-07-02": "GP KX"}
    rows = pl.DataFrame(
        {"patient": str(patient), "discipline": "PT", "code": "97110", "minutes": 15,
         "date": day, "clinician": "C", "units_billed": 1, "modifiers_billed": modifiers}
        for patient in range(patients) for day, modifiers in days.items()
    )  # fmt: skip
    found = calc.bill(rows, config=config).group_by("date", "modifiers").len().sort("date")
    assert [(str(day), said) for day, said, _ in found.rows()] == list(days.items())
    assert calc.audit(rows, config=config, select="M").is_empty()
    without = rows.with_columns(modifiers_billed=pl.lit("GP"))
    accused = calc.audit(without, config=config, select="M")
    assert accused["rule"].to_list() == ["M305"] * 2 * patients


@pytest.mark.parametrize(
    ("day", "held"),
    [
        ("2025-02-10", "2025-01-01 to 2025-02-28"),
        ("2025-05-10", "2025-03-01 to 2025-09-30"),
        ("2025-10-10", "2025-10-01 to 2025-12-31"),
    ],
)
def test_own_figures_end_the_days_of_those_below(day, held, tmp_path):
    """An explanation says from when to when a figure is the one that counts."""
    config = laid(tmp_path, {n: MID_YEAR[n] for n in ("sources.toml", "conversion_factor.toml")})
    text = calc.estimate([{"code": "97110", "minutes": 15, "date": day}], config=config).explain()
    (factor,) = [line for line in text.splitlines() if line.startswith("    factor ")]
    assert factor.endswith(f"(in force {held})")


def test_a_figure_that_does_not_count_is_not_cited(own):
    """Delta withholds nothing, and cuts nothing of an assistant's."""
    row = {"code": "97110", "minutes": 15, "date": "2026-03-02", "discipline": "PT"}
    text = calc.estimate([row | {"role": "assistant"}], payer="delta", config=own).explain()
    assert "20% coinsurance" in text and "less 0.00 withheld" in text
    assert "sequestration" not in text and "assistant share" not in text


@pytest.mark.parametrize(
    ("text", "locality"),
    [
        ("OH-00", "OH-00"),
        ("oh-00", "OH-00"),
        ("us", "US"),
        ("Ohio", "OH-00"),
        ("portland", "OR-01"),
        ("CHICAGO", "IL-16"),
        ("Kansas", "KS-00"),
        ("virginia", "VA-00"),
        ("Cook, IL", "IL-16"),
        ("USA", "US"),
        ("rest of texas", "TX-99"),
        ("Manhattan", "NY-01"),
        ("lake, oh", "OH-00"),
    ],
)
def test_locality_by_name(text, locality, own):
    """A whole name is meant, whatever longer names hold it (Kansas City, West Virginia)."""
    assert own.locality(text, date(2026, 3, 2)) == locality


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("San Francisco", "fits several", "CA-05 SAN FRANCISCO"),
        ("Metropolitan", "fits several", "MO-02 METROPOLITAN KANSAS CITY"),
        ("New York", "fits several", "NY-01 MANHATTAN"),
        ("Texas", "fits several", "TX-18 HOUSTON"),
        ("rio", "is not known", "CA-62"),  # a part of a word, of Ontario's
        ("Atlantis", "is not known", "part of a locality's name"),
        ("", "is not known", "OH-00"),
        ("Cook, OH", "is not known", "US"),
    ],
)
def test_a_doubtful_locality_lists_the_choices(text, says, hint, own):
    with pytest.raises(InputError, match=says) as error:
        own.locality(text, date(2026, 3, 2))
    assert hint in error.value.hint


def test_county_needs_an_imported_file(config):
    with pytest.raises(InputError, match="is not known"):
        config.locality("Cook, IL")


def test_rates_compared(config):
    """97116 in US: 29.29 late in 2024, 28.79 in 2025."""
    frame = rating.compare(config, "97116", "2025-06-30", "2024-12-31", "US", False)
    (row,) = frame.iter_rows(named=True)
    assert (row["fee_before"], row["fee"], row["fee_change"]) == (2929, 2879, -50)


@pytest.mark.parametrize(
    ("payer", "dollars"), [("bravo", "41.50"), ("acme", "31.96"), ("delta", "27.61")]
)
def test_only_medicare_pays_a_nonparticipating_provider_less(payer, dollars, own):
    """42 U.S.C. 1395w-4(a)(3) is of part B; delta is a payer of it."""
    found = calc.estimate(
        [{"code": "97116", "minutes": 20, "date": "2026-03-02"}],
        payer=payer, config=own, options=billing.Options(nonparticipating=True),
    )  # fmt: skip
    assert found.lines[0]["allowed"] == Decimal(dollars)


FACTOR = """places = {places}
[[value]]
from = 2026-07-01
until = {until}
value = {value}
source = "contract"
"""
SOME_RVUS = "code,status,work_rvu,pe_rvu,pe_rvu_facility,mp_rvu,mppr_indicator\n"
OVERLAID = {
    "an edition from July": (
        {
            "rvu/editions.toml": """
[[edition]]
from = 2026-07-01
until = 2026-12-31
file = "july.csv"
source = "contract"
""",
            "rvu/july.csv": SOME_RVUS + "97116,A,1.00,0.40,0.40,0.01,5\n",
        },
        [("01-01", "06-30", "0.45", 2906), ("07-01", "12-31", "1.00", 4710)],
    ),
    "a factor of one quarter": (
        {
            "conversion_factor.toml": FACTOR.format(places=4, until="2026-09-30", value="50.0000"),
        },
        [
            ("01-01", "06-30", "0.45", 2906),
            ("07-01", "09-30", "0.45", 4350),
            ("10-01", "12-31", "0.45", 2906),
        ],
    ),
    "an index of one day and a reduction from then on": (
        {
            "gpci/editions.toml": """
[[edition]]
from = 2026-07-01
until = 2026-07-01
file = "july.csv"
source = "contract"
""",
            "gpci/july.csv": "locality,name,work_gpci,pe_gpci,mp_gpci\nUS,US,2.000,2.000,2.000\n",
            "mppr.toml": """
[[value]]
from = 2026-07-01
until = 2026-12-31
value = 0
source = "contract"
""",
        },
        [
            ("01-01", "06-30", "0.45", 2906),
            ("07-01", "07-01", "0.45", 5812),
            ("07-02", "12-31", "0.45", 2906),
        ],
    ),
}


class In2026(date):
    """A calendar that stands at 2026-03-02."""

    @classmethod
    def today(cls):
        """Always the same day."""
        return cls(2026, 3, 2)


@pytest.mark.parametrize(("files", "periods"), OVERLAID.values(), ids=list(OVERLAID))
def test_rates_of_a_year_with_figures_laid_over_it(files, periods, tmp_path, monkeypatch):
    """Every day once, and each day's fee is that of a visit on it."""
    figures = laid(tmp_path, files)
    monkeypatch.setattr(rating, "date", In2026)
    names = ("effective_from", "effective_to", "work_rvu", "fee")
    rows = rating.rates(figures, "97116", locality="US").select(names).rows()
    assert rows == [
        (date.fromisoformat(f"2026-{a}"), date.fromisoformat(f"2026-{b}"), Decimal(rvu), fee)
        for a, b, rvu, fee in periods
    ]
    for row in rows:
        for day in map(str, row[:2]):
            assert rating.rates(figures, "97116", day, "US").select(names).rows() == [row]
            visit = {"code": "97116", "minutes": 15, "date": day}
            (line,) = calc.estimate([visit], config=figures).lines
            assert line["allowed"] * 100 == row[3]


def test_rates_name_the_figure_that_is_missing(tmp_path):
    """A day with a factor and without RVUs; a day with nothing."""
    text = f"places = 4\n[[value]]\nfrom = {UNKNOWN_DAY}\nuntil = {UNKNOWN_DAY}\nvalue = 30\n"
    (tmp_path / "conversion_factor.toml").write_text(f'{text}source = "cpt-midpoint"\n')
    figures = Config([tmp_path, params.shipped_folder()])
    with pytest.raises(ConfigError, match=f"no RVU file for {UNKNOWN_DAY}"):
        rating.rates(figures, "97116", str(UNKNOWN_DAY), "US")
    later = str(UNKNOWN_DAY + timedelta(days=1))
    with pytest.raises(ConfigError, match=f"conversion factor for {later}"):
        rating.rates(figures, "97116", later, "US")


def overlaid(tmp_path, places, value):
    text = FACTOR.format(places=places, until="2026-12-31", value=value)
    sources = FILES["sources.toml"]
    return laid(tmp_path, {"sources.toml": sources, "conversion_factor.toml": text})


def test_a_figure_of_other_decimals_is_the_same_figure(tmp_path):
    """0.45 x 50.25 = 22.61, with two decimals as with four."""
    found = calc.estimate(
        [{"code": "97116", "minutes": 20, "date": "2026-08-02"}],
        config=overlaid(tmp_path, 2, 50.25),
    )
    assert found.totals["work_payment"] == Decimal("22.61")


def test_a_figure_of_too_many_decimals_is_a_fault(tmp_path):
    config = overlaid(tmp_path, 6, 50.250001)
    (fault,) = params.faults(config)
    assert "more than 4 decimals" in str(fault)
    with pytest.raises(ConfigError, match="more than 4 decimals"):
        calc.estimate([{"code": "97116", "minutes": 20, "date": "2026-08-02"}], config=config)


def test_a_day_without_a_factor_names_whose_it_is(own):
    """Medicare's is there: the reason leads to the payer's own file."""
    row = {"patient": "p", "code": "97116", "minutes": 20, "date": "2026-07-01"}
    done = calc.bill(pl.DataFrame([row]), config=own, payer="alpha")
    assert done["reason"].to_list() == ["no conversion factor of payer alpha on 2026-07-01"]


@pytest.mark.parametrize(
    ("payer", "day", "what", "remedy"),
    [
        (
            "alpha",
            "2026-07-01",
            "alpha_factor.toml: no conversion factor of Alpha for 2026-07-01",
            "add a value with its first day",
        ),
        (
            "medicare",
            str(UNKNOWN_DAY),
            "conversion_factor.toml: no Medicare physician fee schedule conversion factor for"
            f" {UNKNOWN_DAY}",
            f"import the release of {UNKNOWN_DAY.year}",
        ),
    ],
)
@pytest.mark.parametrize("more", [(), ("--explain",), ("--format", "json")])
def test_the_command_ends_where_a_factor_is_missing(payer, day, what, remedy, more, tmp_path):
    """A payer's own as Medicare's: file and remedy, no visit without money."""
    from click.testing import CliRunner

    from calc.cli import cli

    laid(tmp_path, FILES)
    words = ["estimate", "97116=20", "--date", day, "--payer", payer, "--config", str(tmp_path)]
    done = CliRunner().invoke(cli, [*words, *more])
    assert isinstance(done.exception, ConfigError)
    assert (done.stdout, str(done.exception)) == ("", what)
    assert done.exception.hint.startswith(remedy)


def test_a_payer_with_a_factor_needs_none_of_medicares(tmp_path):
    """0.45 x 60 = 27.00 on a day for which Medicare's factor is not known yet."""
    edition = f"""[[edition]]
from = {UNKNOWN_DAY}
until = {UNKNOWN_DAY}
file = "mine.csv"
source = "contract"
"""
    factor = FACTOR.format(places=4, until=UNKNOWN_DAY, value="60.0000")
    figures = laid(
        tmp_path,
        {
            **FILES,
            "alpha_factor.toml": factor,
            "rvu/editions.toml": edition,
            "rvu/mine.csv": SOME_RVUS + "97116,A,0.45,0.41,0.41,0.01,5\n",
            "gpci/editions.toml": edition,
            "gpci/mine.csv": "locality,name,work_gpci,pe_gpci,mp_gpci\nUS,US,1.000,1.000,1.000\n",
        },
    )
    visit = {"code": "97116", "minutes": 20, "date": str(UNKNOWN_DAY)}
    found = calc.estimate([visit], payer="alpha", config=figures)
    assert found.totals["work_payment"] == Decimal("27.00")
    with pytest.raises(ConfigError, match=f"for {UNKNOWN_DAY}"):
        calc.estimate([visit], payer="medicare", config=figures)


def test_a_payers_own_fees_are_explained_where_medicare_has_none(own, tmp_path):
    """The fee that is paid, and why there is no work component."""
    codes = ("97010", "97014", "97039")
    fees = "code,fee,reduced_fee\n97010,5.00,\n97014,7.00,7.00\n97039,9.00,9.00\n"
    config = laid(tmp_path, {**FILES, "fees/bravo/2026.csv": fees})
    rows = [{"code": code, "minutes": 5, "date": "2026-03-02"} for code in codes]
    text = calc.estimate(rows, payer="bravo", config=config).explain()
    for code, fee in zip(codes, ("5.00", "7.00", "9.00"), strict=True):
        assert f"  {code}: fee {fee}, from the payer's own table" in text
        assert f"  {code}: 1 full + 0 reduced = {fee}" in text
    for says in (
        "97010 warm or cold pack: none, bundled by Medicare, not paid apart (status B)\n",
        ": none, no Medicare price (status I)\n",
        ": none, priced by Medicare's contractor (status C)\n",
    ):
        assert says in text
    assert ", \n" not in text


def audited(config, payer, rows, select, **more):
    """Findings of rows of one visit: code, minutes or times, units billed."""
    row = {"patient": "A", "clinician": "K", "role": "therapist", "date": "2026-03-02"}
    row |= {"discipline": "PT", "payer": payer} | more
    return calc.audit(
        pl.DataFrame([row | own for own in rows]), config=config, select=select, report=True
    )


@pytest.mark.parametrize(
    ("units", "rule", "cents"),
    [
        ((2, 1), "U201", 4000),  # 97110 has a fee
        ((1, 2), "U201", None),  # 97112 has none
        ((1, 0), "U202", None),
    ],
)
def test_dollars_of_a_day_with_a_code_without_a_fee(units, rule, cents, own):
    """They are known where those of the codes are whose units are wrong."""
    rows = [
        {"code": code, "minutes": 15, "units_billed": billed}
        for code, billed in zip(("97110", "97112"), units, strict=True)
    ]
    found = audited(own, "bravo", rows, rule)
    assert found.findings["rule"].to_list() == [rule]
    assert found.findings["cents"].to_list() == [cents]
    assert found.meta["overbilled_without_dollars"] == (rule == "U201" and cents is None)


def test_what_a_unit_moves_on_other_lines_is_no_other_payers(own):
    """Medicare's unit in full turns to 97112 once its second unit is billed; Acme reduces none."""
    medicare = {"payer": "medicare", "units_billed": 1, "modifiers_billed": "GP"}
    rows = [
        {"code": "97140", "minutes": 15, **medicare},
        {"code": "97112", "minutes": 2, **medicare},
        {"code": "97110", "minutes": 15, "units_billed": 2},
    ]
    names = ("code", "cents")
    apart = [audited(own, "acme", part, "U201") for part in (rows[:2], rows[2:])]
    together = audited(own, "acme", rows, "U201").findings.select(names).rows()
    alone = [found for part in apart for found in part.findings.select(names).rows()]
    assert sorted(together) == sorted(alone)
    assert sorted(alone) == [("97110", 3196), ("97112", 2622)]


@pytest.mark.parametrize("written", ["Delta", "delta ", "D", "d  e", " D\u00a0 e"])
def test_a_payer_by_any_of_its_names(written, tmp_path):
    payer = 'aliases = ["D", "D  E"]\ncounting_rule = "ama"\nsource = "contract"\n'
    files = {"sources.toml": FILES["sources.toml"]}
    config = laid(tmp_path, files | {"payers.toml": f'[delta]\nname = "Delta"\n{payer}'})
    row = {"patient": "A", "date": "2026-03-02", "code": "97110", "minutes": 20, "payer": written}
    assert calc.bill(pl.DataFrame([row]), config=config)["payer"].to_list() == ["delta"]


def test_what_is_not_known_of_a_payers_fees_is_no_word_of_medicares():
    """Status B, I and C are Medicare's."""
    lines = calc.estimate([{"code": c} for c in ("97010", "97014", "97039")], payer="ama").lines
    assert {line["reason"] for line in lines} == {"no fee known for payer ama"}


def test_many_short_units_are_no_long_day(tmp_path):
    """Nine units of ten minutes are an hour and a half."""
    rule = '[tens]\ntitle = "Ten"\nunit_minutes = 10\nfirst_minutes = 6\npool = "code"\n'
    files = {
        "sources.toml": FILES["sources.toml"],
        "counting_rules.toml": f'{rule}source = "contract"\n',
        "payers.toml": '[hotel]\nname = "Hotel"\ncounting_rule = "tens"\nsource = "contract"\n',
    }
    config, row = laid(tmp_path, files), {"code": "97110", "minutes": 90}
    assert len(audited(config, "hotel", [row | {"units_billed": 9}], "T106,U").findings) == 0
    row = {"code": "97110", "minutes": 135, "units_billed": 9}
    assert audited(config, "ama", [row], "T106,U").findings["rule"].to_list() == ["T106"]


def test_what_medicare_pays_nothing_for_a_payers_own_table_may_pay(own):
    """Its charge is none to take back, and left out it is pay lost."""
    rows = [
        {"code": code, "minutes": 15, "units_billed": units, "charge": charge}
        for code, units, charge in (("97110", 1, 80), ("97010", 1, 10), ("97014", None, None))
    ]
    names = ("rule", "row", "cents")
    told = {
        payer: audited(own, payer, rows, "P402,U208").findings.select(names).rows()
        for payer in ("golf", "delta")
    }
    assert told == {"golf": [("U208", 3, -600)], "delta": [("P402", 2, None)]}
    edit = audited(own, "golf", rows, "U206")  # allows none, of Medicare
    assert len(edit.findings) == 0


def test_a_code_that_a_payer_pays_nothing_for_is_no_pay_lost(own):
    """A share of Medicare's fee is 0.00 where that bundles the code."""
    rows = [
        {"code": "97110", "minutes": 15, "units_billed": 1},
        {"code": "97010", "minutes": 15, "units_billed": None},
        {"code": "97012", "minutes": 15, "units_billed": None},
    ]
    for payer, left_out in (("acme", ["97012"]), ("bravo", ["97010", "97012"])):
        assert audited(own, payer, rows, "U208").findings["code"].to_list() == left_out
    # Nor are its minutes, where it is timed, by the day's total.
    rows = [
        {"code": code, "minutes": minutes, "units_billed": units}
        for code, minutes, units in (("97110", 30, 2), ("97140", 20, None))
    ]
    for payer, told in (("golf", []), ("delta", ["U208"])):
        found = audited(own, payer, rows, "U201,U202,U203,U208").findings
        assert found["rule"].to_list() == told


def test_dollars_that_lack_are_counted_by_payer(own):
    """Those that one payer is billed too much say nothing of what another one is."""
    rows = [
        {"code": "97110", "minutes": 15, "units_billed": 2, "payer": "bravo"},
        {"code": "97112", "minutes": 15, "units_billed": 2, "payer": "golf"},
    ]
    found = audited(own, "", rows, "U201")
    assert found.findings["cents"].to_list() == [4000, None]
    assert found.meta["overbilled_without_dollars"] == 1


def test_minutes_that_two_codes_share_are_no_pay_lost(config):
    """What T104 expects is a code, not a number of units."""
    rows = [
        {"code": "97110", "start": "13:00", "end": "13:30", "units_billed": 2},
        {"code": "97140", "start": "13:20", "end": "13:50", "units_billed": 2},
    ]
    meta = audited(config, "highmark", rows, "T104,U").meta
    assert (meta["overbilled_without_dollars"], meta["underbilled_without_dollars"]) == (1, 0)


@pytest.mark.parametrize(
    ("payer", "cut", "asks"), [("delta", True, 1), ("delta", False, 0), ("acme", True, 0)]
)
def test_who_pays_an_assistant_in_full_asks_for_no_modifier(payer, cut, asks, tmp_path):
    """A payer of Part B that leaves out the reduction, and one that is none of Part B.

    Nor is a modifier there too many, or a line that `bill` prints apart with it.
    """
    block = FILES["payers.toml"]
    block = block.replace(f"[{payer}]", f"[{payer}]\nassistant_cut = {str(cut).lower()}")
    config = laid(tmp_path, FILES | {"payers.toml": block})
    row = {"code": "97110", "minutes": 15, "units_billed": 1, "modifiers_billed": "GP"}
    found = audited(config, payer, [row], "M301", role="assistant")
    assert len(found.findings) == asks
    marked = row | {"modifiers_billed": "GP CQ"}
    found = audited(config, payer, [marked], "M302", role="therapist")
    assert len(found.findings) == asks
    rows = [row | {"role": role} for role in ("therapist", "assistant", "assistant")]
    for lines, due in ((rows[:2], 1 if payer == "acme" or asks else 2), (rows, 2 - asks)):
        said = audited(config, payer, lines, "U214").findings["expected"].to_list()
        assert said == ([] if payer == "acme" or len(lines) <= due else [str(due)])
