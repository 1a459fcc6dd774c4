"""Slips in a user's figures that read well: `config check` names each with place and remedy."""

from __future__ import annotations

import pytest
from helpers import ROOT
from test_cli import run

from calc import config_checks, figure_files, params
from calc.errors import ConfigError
from calc.params import Config

SHIPPED = ROOT / "config"
VALUE = """places = {places}
[[value]]
from = 2026-01-01
until = 2026-12-31
value = {value}
source = "decision"
"""
PAYER = '[acme]\nname = "Acme"\ncounting_rule = "cms"\nsource = "decision"\n'
OWN = {"payers.toml": PAYER + 'conversion_factor = "acme_factor"\n'}
FEES = {"payers.toml": PAYER + 'fee_table = "acme"\n'}
EDITION = """[[edition]]
from = 2026-01-01
until = 2026-12-31
file = "mine.csv"
source = "decision"
"""
HEADS = {name: ",".join(columns) + "\n" for name, columns in figure_files.TABLES.items()}
HEADS["fees/acme"] = "code,fee,reduced_fee\n"
CODES = ",".join(figure_files.CODE_COLUMNS) + "\n"


def value(value, applies_to="", places=0):
    """A file of one value."""
    line = f'applies_to = "{applies_to}"\n' if applies_to else ""
    return VALUE.format(value=value, places=places) + line


def table(name, row):
    """An edition of one row, of a quarter where CMS issues it for one."""
    edition = EDITION.replace("12-31", "03-31") if name in params.QUARTERLY else EDITION
    return {f"{name}/editions.toml": edition, f"{name}/mine.csv": f"{HEADS[name]}{row}\n"}


def faults(folder, files):
    """What the check says of files laid over the shipped ones, as (where, what, hint)."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = config_checks.faults(Config([folder, SHIPPED]))
    assert all(isinstance(fault, ConfigError) for fault in found)
    return [(fault.where.replace(f"{folder}/", ""), fault.what, fault.hint) for fault in found]


def test_shipped_figures_have_no_fault(config):
    """What ships is whole."""
    assert config_checks.faults(config) == []


VALUES = {
    "a factor below 0": ("conversion_factor", value(-33), "-33.0000 is not above 0"),
    "a factor of 0": ("conversion_factor", value(0), "0.0000 is not above 0"),
    "a limit of 0": ("limiting_charge", value(0), "0 is not above 0"),
    "more than all withheld": ("sequestration", value(200), "200.0 is no percentage"),
    "less than nothing": ("coinsurance", value(-1), "-1 is no percentage"),
    "more than the practice expense": ("mppr", value(101), "101 is no percentage"),
    "more than the share": ("assistant_share", value(850), "850 is no percentage"),
    "more than the service": ("de_minimis", value(110), "110 is no percentage"),
    "more than the fee": ("nonparticipating", value(109), "109 is no percentage"),
    "a threshold below 0": ("kx_threshold", value(-1, "OT"), "-1.00 is below 0"),
    "a deductible below 0": ("deductible", value(-1), "-1.00 is below 0"),
    "a review below 0": ("targeted_review", value(-1, "OT"), "-1.00 is below 0"),
    "minutes below 0": ("audit_limits", value(-1, "patient_minutes"), "-1 is below 0"),
    "a limit of too many per cent": (
        "audit_limits",
        value(900, "round_percent"),
        "900 is no percentage",
    ),
    "an unknown policy": ("assistant_policy", value(2021), "2021 has no meaning"),
    "half a holiday": ("federal_holidays", value(2), "2 has no meaning"),
}


@pytest.mark.parametrize(("name", "text", "says"), VALUES.values(), ids=list(VALUES))
def test_a_figure_that_cannot_be(name, text, says, tmp_path):
    """Below or above what any figure of its kind can be."""
    ((where, what, hint),) = faults(tmp_path, {f"{name}.toml": text})
    assert (where, what) == (f"{name}.toml: value 1", f"value: {says}")
    assert hint


@pytest.mark.parametrize("name", ["PART b", "Part  B", " Part\u00a0B"])
def test_a_name_of_two_payers(name, tmp_path):
    """Nobody could tell whose rules a row with it is billed by."""
    names = f'aliases = ["{name}", "ACME"]\n'
    ((where, what, hint),) = faults(tmp_path, {"payers.toml": PAYER + names})
    assert (where, what, hint) == (
        "payers.toml: acme", f'"{name}" also names medicare', "take it out of one",
    )  # fmt: skip


EDGES = [
    ("sequestration", value(0)),
    ("sequestration", value(100)),
    ("mppr", value(0)),
    ("assistant_share", value(100)),
    ("assistant_policy", value(0)),
    ("federal_holidays", value(0)),
    ("deductible", value(0)),
    ("kx_threshold", value(0)),
    ("kx_threshold", value(0, "PT+SLP")),
    ("limiting_charge", value(115)),
    ("conversion_factor", value("0.0001", places=4)),
    ("conversion_factor", value(40, "QPP")),
    ("audit_limits", value(0, "patient_minutes")),
    ("audit_limits", value(900, "patient_minutes")),
]


@pytest.mark.parametrize(("name", "text"), EDGES)
def test_a_figure_that_can_be(name, text, tmp_path):
    """The least and the most that are allowed; one threshold for all."""
    assert faults(tmp_path, {f"{name}.toml": text}) == []


APPLIED = {
    "a factor": ("conversion_factor", "nonQP", "nearest: nonQPP"),
    "a threshold": ("kx_threshold", "PTSLP", "nearest: PT+SLP"),
    "a limit": ("audit_limits", "patient_minute", "nearest: patient_minutes"),
    "a deductible": ("deductible", "PT", "leave it out"),
}


@pytest.mark.parametrize(("name", "applies_to", "hint"), APPLIED.values(), ids=list(APPLIED))
def test_a_figure_that_nobody_looks_for(name, applies_to, hint, tmp_path):
    """Only what the shipped file tells apart can be told apart."""
    assert faults(tmp_path, {f"{name}.toml": value(100, applies_to)}) == [
        (
            f"{name}.toml: value 1",
            f'applies_to: "{applies_to}" is looked for by nobody',
            hint,
        )
    ]


def test_a_limit_of_everything(tmp_path):
    """Minutes, units and per cent have no limit in common."""
    ((where, what, _),) = faults(tmp_path, {"audit_limits.toml": value(10)})
    assert (where, what) == ("audit_limits.toml: value 1", "applies_to is missing")


def test_a_payers_own_factor(tmp_path):
    """It is of its payer, applies to nothing else, and is above 0."""
    assert faults(tmp_path, {**OWN, "acme_factor.toml": value("41.25", places=2)}) == []
    found = faults(tmp_path, {**OWN, "acme_factor.toml": value(0, "nonQPP")})
    assert [(where, what) for where, what, _ in found] == [
        ("acme_factor.toml: value 1", "value: 0.0000 is not above 0"),
        ("acme_factor.toml: value 1", 'applies_to: "nonQPP" is looked for by nobody'),
    ]


@pytest.mark.parametrize("share", ['"0.00"', '"-1.10"', "0", "-1.1"])
def test_a_share_of_nothing(share, tmp_path):
    """A payer that pays nothing, or takes it, is a slip."""
    ((where, what, _),) = faults(tmp_path, {"payers.toml": f"{PAYER}share_of_medicare = {share}\n"})
    assert where == "payers.toml: acme"
    assert what == f"share_of_medicare: {share.strip(chr(34))} is not above 0"


@pytest.mark.parametrize("name", ["", " "])
def test_a_payer_without_a_name(name, tmp_path):
    """No log can name it."""
    text = f'["{name}"]\nname = "Acme"\ncounting_rule = "ama"\nsource = "decision"\n'
    ((where, what, _),) = faults(tmp_path, {"payers.toml": text})
    assert (where, what) == (f"payers.toml: {name}", "a payer without a name")


@pytest.mark.parametrize("rows", ["", "code,fee,reduced_fee\n"])
def test_a_table_without_rows(rows, tmp_path):
    """Every line would be without a fee."""
    files = {**FEES, **table("fees/acme", "97116,40.00,"), "fees/acme/mine.csv": rows}
    ((where, what, _),) = faults(tmp_path, files)
    assert (where, what) == ("fees/acme/mine.csv", "has no rows")


@pytest.mark.parametrize("switch", ["assistant_cut", "sequestration"])
def test_a_switch_that_does_nothing(switch, tmp_path):
    """Both lessen Medicare's share, which a payer without part_b does not have."""
    on = f"{PAYER}{switch} = true\n"
    ((where, what, hint),) = faults(tmp_path, {"payers.toml": on})
    assert (where, what) == ("payers.toml: acme", f"{switch} has no effect without part_b")
    assert f"{switch} = false" in hint
    for text in (f"{on}part_b = true\n", f"{PAYER}{switch} = false\nmppr = true\n"):
        assert faults(tmp_path, {"payers.toml": text}) == []


LINE = "97116,A,0.45,0.41,0.41,0.01,5"
ROWS = {
    "no status": ("rvu", LINE.replace("A", "Z"), '97116: status "Z" is not known'),
    "a small letter": ("rvu", LINE.replace("A", "a"), '97116: status "a" is not known'),
    "no indicator": ("rvu", LINE[:-1] + "8", '97116: mppr_indicator "8" is not known'),
    "no concept": ("rvu", LINE[:-1] + "9", "97116: mppr_indicator 9 of a code that is paid"),
    "practice expense below 0": (
        "rvu",
        LINE.replace("0.41,0.41", "-1.00,0.41"),
        "97116: pe_rvu -1.00 is not 0 or more",
    ),
    "an index of 0": (
        "gpci",
        "OH-00,OHIO,1.000,0.000,1.008",
        "OH-00: pe_gpci 0.000 is not above 0",
    ),
    "units in words": ("mue", "97116,four,3", '97116: mue "four" is no number of units'),
    "no adjudication": ("mue", "97116,4,4", '97116: mai "4" is not known'),
    "no modifier": ("ptp", "97116,97530,x", '97116: modifier_indicator "x" is not known'),
    "a fee below 0": ("fees/acme", "97116,-4.00,-5.00", "97116: fee -4.00 is not 0 or more"),
    "exchanged fees": (
        "fees/acme",
        "97116,30.00,40.00",
        "97116: reduced_fee 40.00 is more than the fee 30.00",
    ),
}


@pytest.mark.parametrize(("name", "row", "says"), ROWS.values(), ids=list(ROWS))
def test_a_row_that_cannot_be(name, row, says, tmp_path):
    """File and line, the row's code, the cell."""
    found = faults(tmp_path, {**FEES, **table("fees/acme", "97116,40.00,"), **table(name, row)})
    assert (f"{name}/mine.csv:2", says) in [(where, what) for where, what, _ in found]
    assert all(where == f"{name}/mine.csv:2" for where, _, _ in found)


SOUND_ROWS = [
    ("rvu", LINE),
    ("rvu", "97116,B,0.00,0.00,0.00,0.00,9"),
    ("rvu", "97116,T,0.45,0.41,0.41,0.01,0"),
    ("mue", "97116,0,1"),
    ("ptp", "97116,97530,9"),
    ("fees/acme", "97116,0.00,"),
    ("fees/acme", "97116,40.00,40.00"),
]


@pytest.mark.parametrize(("name", "row"), SOUND_ROWS)
def test_a_row_that_can_be(name, row, tmp_path):
    """What CMS publishes, and any fee of a contract."""
    files = {**FEES, **table("fees/acme", "97116,40.00,"), **table(name, row)}
    assert faults(tmp_path, files) == []


def test_an_edition_of_edits_is_of_its_quarter(tmp_path):
    """It would judge days of which CMS had said something else."""
    files = table("mue", "97116,4,3") | {"mue/editions.toml": EDITION}
    ((where, what, _),) = faults(tmp_path, files)
    assert where == "mue/mine.csv"
    assert what == "2026-01-01 to 2026-12-31 is more than a calendar quarter"


SLIPS = {
    "a percentage": {"sequestration.toml": value(200)},
    "a factor": {"conversion_factor.toml": value(-33)},
    "a share": {"payers.toml": f'{PAYER}share_of_medicare = "-1.10"\n'},
    "a fee": FEES | table("fees/acme", "97116,-40.00,"),
    "an indicator": table("rvu", LINE[:-1]),
    "units": table("mue", "97116,,3"),
}


@pytest.mark.parametrize("files", SLIPS.values(), ids=list(SLIPS))
def test_a_run_stops_at_a_figure_that_cannot_be(files, tmp_path):
    """Medicare paid -41.02 dollars, and an audit ended in a traceback."""
    faults(tmp_path, files)
    log = tmp_path / "log.csv"
    head = "patient,discipline,payer,date,code,minutes,units_billed\n"
    payer = "acme" if "payers.toml" in files else "medicare"
    log.write_text(f"{head}A1,PT,{payer},2026-03-02,97116,30,2\n")
    for words in (("bill", str(log)), ("audit", str(log))):
        if words[0] == "audit" or "mue/mine.csv" not in files:
            code, _, err = run(*words, "--config", str(tmp_path))
            assert (code, "Traceback" in err) == (2, False)
            assert (
                next(file for file in files if file.endswith(("csv", "toml"))) and "hint: " in err
            )


CODE = "98999,dry needling,,minutes,{first},{size},{primary},{pooled},one-on-one,,,,\n"
UNCOUNTED = {
    "its own add-on": (
        {"first": "", "size": 15, "primary": "98999", "pooled": "no"},
        "add_on_of: it is no add-on of its own",
    ),
}


@pytest.mark.parametrize(("facts", "says"), UNCOUNTED.values(), ids=list(UNCOUNTED))
def test_a_code_that_no_rule_counts(facts, says, tmp_path):
    """Of another payer's rule of 20 minutes Medicare's knows nothing."""
    head = (SHIPPED / "codes.csv").read_text().splitlines()[0]
    twenty = '[twenty]\ntitle = "20"\nunit_minutes = 20\nfirst_minutes = 11\npool = "day"\n'
    files = {
        "codes.csv": f"{head}\n{CODE.format(**facts)}",
        "counting_rules.toml": f'{twenty}source = "decision"\n',
    }
    assert [(where, what) for where, what, _ in faults(tmp_path, files)] == [
        ("codes.csv: 98999", says)
    ]


def test_a_pool_of_other_units_is_noted(tmp_path):
    """By a rule of 15 minutes it counts so, whatever the code says."""
    head = (SHIPPED / "codes.csv").read_text().splitlines()[0]
    facts = {"first": 20, "size": 20, "primary": "", "pooled": "yes"}
    twenty = '[twenty]\ntitle = "20"\nunit_minutes = 20\nfirst_minutes = 11\npool = "day"\n'
    files = {
        "codes.csv": f"{head}\n{CODE.format(**facts)}",
        "counting_rules.toml": f'{twenty}source = "decision"\n',
    }
    assert faults(tmp_path, files) == []
    (note,) = config_checks.notes(Config([tmp_path, SHIPPED]))
    assert note.startswith("codes.csv: 98999: pooled, so that payers by whose rule a unit has 15")


def test_a_payer_without_a_source(tmp_path):
    payer = PAYER.replace('source = "decision"\n', "")
    ((where, what, hint),) = faults(tmp_path, {"payers.toml": payer})
    assert (where, what, bool(hint)) == ("payers.toml: acme", "source is missing", True)


def test_lines_of_a_table_are_those_of_its_file(tmp_path):
    """With blank lines, cells of two lines, and the blank rows that a spreadsheet leaves."""
    files = FEES | table("fees/acme", "\n97116,40.00,\n\n97112,xx,\n,,\n,,")
    assert [(where, what) for where, what, _ in faults(tmp_path, files)] == [
        ("fees/acme/mine.csv:5", 'fee "xx" is no number of 2 decimals')
    ]


def test_an_edition_lies_in_its_folder(tmp_path):
    """A whole path was a traceback."""
    files = FEES | table("fees/acme", "97116,40.00,")
    files["fees/acme/editions.toml"] = EDITION.replace("mine.csv", f"{tmp_path}/fees/acme/mine.csv")
    found = [what for _, what, _ in faults(tmp_path, files)]
    assert f'file: "{tmp_path}/fees/acme/mine.csv" is no name of a file' in found


def test_a_number_that_nobody_can_reckon_with(tmp_path):
    """Not even the library of decimals can."""
    ((where, what, _),) = faults(tmp_path, {"deductible.toml": value("1e999999999")})
    assert where == "deductible.toml: value 1"
    assert what.endswith("is no number of 0 decimals")


def test_gaps_of_own_figures_are_noted(tmp_path):
    """A day without a factor, or RVUs, has no price."""
    later = VALUE.replace("2026", "2028").format(value=40, places=4)
    for name, text in {
        "conversion_factor.toml": later,
        "rvu/editions.toml": EDITION.replace("2026", "2028"),
        "rvu/mine.csv": f"{HEADS['rvu']}{LINE}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    noted = config_checks.notes(Config([tmp_path, SHIPPED]))
    assert "rvu/editions.toml: no edition from 2027-01-01 to 2027-12-31" in noted
    assert any(note.startswith("conversion_factor.toml: no value") for note in noted)
    behind = "kx_threshold.toml: nothing after 2026-12-31, though RVUs hold until 2028-12-31"
    assert behind in noted
    assert sum("though RVUs hold" in note for note in noted) == 5  # no factor, and nothing endless
    assert not config_checks.notes(Config([SHIPPED]))


WORDS = {
    "attendance": (
        "97110,exercise,,minutes,15,15,,yes,one on one,",
        'attendance "one on one" is not known',
        "nearest: one-on-one",
    ),
    "disciplines": (
        "97110,exercise,,minutes,15,15,,yes,one-on-one,PTX",
        'disciplines "PTX" is not known',
        "nearest: PT",
    ),
}


@pytest.mark.parametrize(("row", "says", "hint"), WORDS.values(), ids=list(WORDS))
def test_a_word_that_no_rule_asks_for(row, says, hint, tmp_path):
    """A one-on-one code by another word is no one-on-one code."""
    assert faults(tmp_path, {"codes.csv": f"{CODES}{row}\n"}) == [("codes.csv: 97110", says, hint)]


HEADINGS = {
    "no column": (
        'patientt = ["Klient"]',
        ("columns.toml: patientt", '"patientt" is no column of ours', "nearest: patient"),
    ),
    "a heading of two columns": (
        'patient = ["Pat Id"]\ncode = ["pat. ID"]',
        (
            "columns.toml: code",
            '"pat. ID" means patient already',
            "a heading belongs to one column only: take it out of one",
        ),
    ),
    "the name of another column": (
        'code = "Patient"',
        (
            "columns.toml: code",
            '"Patient" means patient already',
            "a heading belongs to one column only: take it out of one",
        ),
    ),
}


@pytest.mark.parametrize(("text", "fault"), HEADINGS.values(), ids=list(HEADINGS))
def test_a_heading_that_counts_for_nothing(text, fault, tmp_path):
    """It would be left alone without a word."""
    assert faults(tmp_path, {"columns.toml": f"[columns]\n{text}\n"}) == [fault]


ONE_THING = "a word means one thing only: take it out of one"
MEANINGS = {
    "no name": (
        '[role]\nasistant = ["Helper"]',
        ("words.toml: role", '"asistant" is no role of ours', "nearest: assistant"),
    ),
    "no word of a column that is text": (
        '[patient]\nnobody = ["x"]',
        ("words.toml: patient", '"nobody" is no patient of ours', 'write "" for words of a blank'),
    ),
    "a word of two names": (
        '[mode]\nindividual = ["NA"]\n"" = ["na"]',
        ("words.toml: mode: ", '"na" means individual already', ONE_THING),
    ),
    "no unit": (
        '[minutes]\ndays = ["d"]',
        (
            "words.toml: minutes",
            '"days" is no minutes of ours',
            "choose one of minutes, hours, seconds, mm:ss, h:mm",
        ),
    ),
    "another's name": (
        '[discipline]\nOT = "pt"',
        ("words.toml: discipline: OT", '"pt" means PT already', ONE_THING),
    ),
}


@pytest.mark.parametrize(("text", "fault"), MEANINGS.values(), ids=list(MEANINGS))
def test_a_word_that_means_nothing_or_two_things(text, fault, tmp_path):
    assert faults(tmp_path, {"words.toml": f"{text}\n"}) == [fault]


def test_a_saved_mapping_is_sound(tmp_path):
    """With headings that mean nothing, and with one that the shipped file takes otherwise."""
    text = '[columns]\nstart = ["Seen at"]\ndiscipline = "Service"\n"" = ["Fee"]\n'
    assert faults(tmp_path, {"columns.toml": text}) == []


def test_a_source_without_a_title(tmp_path):
    """Outputs cite it by its title."""
    found = faults(tmp_path, {"sources.toml": '[mine]\npublisher = "We"\n'})
    assert [(where, what) for where, what, _ in found] == [
        ("sources.toml: mine", "title is missing")
    ]


def test_what_cannot_be_read_is_said_too(tmp_path):
    """Faults of reading first, then slips."""
    files = {"payers.toml": f"{PAYER}mprr = true\n", "sequestration.toml": value(200)}
    assert [what for _, what, _ in faults(tmp_path, files)] == [
        '"mprr" is no key of ours',
        "value: 200.0 is no percentage",
    ]


# --- notes ---------------------------------------------------------------------------------


def notes(folder, files):
    """What the check notes of files laid over the shipped ones."""
    assert faults(folder, files) == []
    found = config_checks.notes(Config([folder, SHIPPED]))
    return [note.replace(f"{folder}/", "") for note in found]


def test_shipped_figures_have_no_note(config):
    """Nothing of them hides anything."""
    assert config_checks.notes(config) == []


def test_days_between_two_values_without_one(tmp_path):
    """A year's figures may have a hole that nobody sees till a bill has none."""
    own = PAYER.replace('share_of_medicare = "1.00"\n', "") + 'conversion_factor = "acme_factor"\n'
    holes = FACTOR.format("2026-01-01", "2026-02-28") + FACTOR.format("2026-04-01", "2026-12-31")
    files = {"payers.toml": own, "acme_factor.toml": "places = 2\n" + holes}
    assert notes(tmp_path, files) == ["acme_factor.toml: no value from 2026-03-01 to 2026-03-31"]


FACTOR = """
[[value]]
from = {}
until = {}
value = 45.50
source = "decision"
"""


def test_a_table_that_hides_shipped_rows(tmp_path):
    """It stands in the place of a whole table; who wrote one row may not know."""
    (note,) = notes(tmp_path, table("gpci", "OH-99,Somewhere,1.000,1.000,1.000"))
    assert note.startswith("gpci/mine.csv: from 2026-")
    assert "in the place of the shipped table, and lacks 1" in note
    assert "AL-00" in note or "AK-01" in note


def test_a_check_of_two_folders_asks_for_one(tmp_path):
    """It would check one of them and be silent about the other."""
    from click.testing import CliRunner

    from calc.cli import cli

    done = CliRunner().invoke(cli, ["config", "check", str(tmp_path), "--config", str(tmp_path)])
    assert done.exit_code != 0
