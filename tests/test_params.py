"""Figures of config/: every fault is named with file and key, and no day is without a figure."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import pytest
from helpers import ROOT, UNKNOWN_DAY

import calc
from calc import figure_files, headings, params
from calc.errors import ConfigError
from calc.params import Config

SHIPPED = ROOT / "config"

SOUND = """title = "A factor"
places = 2

[[value]]
from = 2026-01-01
until = 2026-12-31
value = 1.25
source = "cpt-midpoint"
"""


def folder(tmp_path, **files):
    """A user's folder: file names with dots as double underscores."""
    tmp_path.mkdir(exist_ok=True)
    for name, text in files.items():
        path = tmp_path / name.replace("__", ".")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def faults(path):
    """All faults of a folder laid over the shipped one, as (where, what)."""
    found = params.faults(Config([path, SHIPPED]))
    return [(str(fault.where), fault.what) for fault in found]


def test_shipped_figures_have_no_fault(config):
    """What ships is whole."""
    assert params.faults(config) == []


def test_a_sound_folder_has_no_fault(tmp_path):
    """The table below breaks one thing at a time."""
    assert faults(folder(tmp_path, kx_threshold__toml=SOUND)) == []


BROKEN = {
    "until missing": ("until = 2026-12-31\n", "", "until is missing"),
    "from missing": ("from = 2026-01-01\n", "", "from is missing"),
    "until is text": ("until = 2026-12-31", 'until = "2026-12-31"', "until is missing or no date"),
    "until before from": ("until = 2026-12-31", "until = 2025-12-31", "until is before from"),
    "value missing": ("value = 1.25\n", "", "value is missing"),
    "value is text": ("1.25", '"lots"', "value: lots is no number of 2 decimals"),
    "too many decimals": ("1.25", "1.255", "value: 1.255 is no number of 2 decimals"),
    "no source": ('source = "cpt-midpoint"\n', "", "source is missing"),
    "unknown source": ("cpt-midpoint", "my-guess", 'source: "my-guess" is not known'),
}


@pytest.mark.parametrize(("old", "new", "says"), BROKEN.values(), ids=list(BROKEN))
def test_broken_value(old, new, says, tmp_path):
    """Each fault names file, entry and key."""
    assert old in SOUND
    found = faults(folder(tmp_path, kx_threshold__toml=SOUND.replace(old, new)))
    assert len(found) == 1
    where, what = found[0]
    assert what.startswith(says)
    assert where == f"{tmp_path}/kx_threshold.toml: value 1"


def test_overlapping_values(tmp_path):
    """Two values for one day."""
    second = SOUND[SOUND.index("[[value]]") :].replace("2026-01-01", "2026-12-31")
    text = SOUND + second
    ((where, what),) = faults(folder(tmp_path, kx_threshold__toml=text))
    assert where.endswith("kx_threshold.toml: value 2")
    assert "overlaps" in what


@pytest.mark.parametrize("name", ["kx_threshold", "payers", "sources", "columns"])
@pytest.mark.parametrize("text", ["title = ", b"title = '\xff'"])
def test_not_toml(name, text, tmp_path):
    """A file that is no TOML is named."""
    found = faults(folder(tmp_path, **{f"{name}__toml": text}))
    assert found
    assert any(w.endswith(f"{name}.toml") and "is not TOML" in what for w, what in found)


def test_all_faults_are_found(tmp_path):
    """Not only the first."""
    bad = SOUND.replace("until = 2026-12-31\n", "").replace("1.25", "1.255")
    path = folder(tmp_path, kx_threshold__toml=bad, deductible__toml="x = ")
    assert len(faults(path)) == 3


EDITION = """[[edition]]
from = 2026-01-01
until = 2026-12-31
file = "mine.csv"
source = "cms-rvu26"
"""
RVU = "code,status,work_rvu,pe_rvu,pe_rvu_facility,mp_rvu,mppr_indicator\n"


def rvu_folder(tmp_path, text, editions=EDITION):
    """A user's folder with an RVU edition."""
    (tmp_path / "rvu").mkdir()
    (tmp_path / "rvu" / "editions.toml").write_text(editions)
    (tmp_path / "rvu" / "mine.csv").write_text(text)
    return tmp_path


LINE = "97116,A,0.45,0.41,0.41,0.01,5\n"
TABLES = {
    "code twice": (RVU + LINE + LINE, "97116 stands twice", "mine.csv:3"),
    "too many decimals": (
        RVU + LINE.replace("0.45", "0.455"),
        'work_rvu "0.455" is no number of 2 decimals',
        "mine.csv:2",
    ),
    "no number": (
        RVU + LINE.replace("0.01", "x"),
        'mp_rvu "x" is no number of 2 decimals',
        "mine.csv:2",
    ),
    "column missing": (
        RVU.replace(",mp_rvu", "") + LINE.replace(",0.01", ""),
        "has no column mp_rvu",
        "mine.csv",
    ),
}


@pytest.mark.parametrize(("text", "says", "place"), TABLES.values(), ids=list(TABLES))
def test_broken_table(text, says, place, tmp_path):
    """A fault of an edition names file and line."""
    ((where, what),) = faults(rvu_folder(tmp_path, text))
    assert what == says
    assert where.endswith(place)


def test_an_edition_of_unknown_keys(tmp_path):
    """In the file and in the block; the hint names the nearest."""
    path = rvu_folder(tmp_path, RVU + LINE, "titel = 1\n" + EDITION + 'realease = "A"\n')
    found = params.faults(Config([path, SHIPPED]))
    assert [(str(fault.where), fault.what) for fault in found] == [
        (f"{path}/rvu/editions.toml", '"titel" is no key of ours'),
        (f"{path}/rvu/editions.toml: edition 1", '"realease" is no key of ours'),
    ]
    assert [fault.hint.split(";")[0] for fault in found] == ["nearest: title", "nearest: release"]


def test_a_note_may_stand_anywhere(tmp_path):
    """A remark of the user's, in the file and in a block."""
    path = folder(
        tmp_path,
        kx_threshold__toml='note = "ours"\n' + SOUND + 'note = "by letter"\n',
        payers__toml=PAYER + 'note = "see contract"\n',
    )
    assert faults(path) == []


def test_edition_without_its_file(tmp_path):
    """An edition whose file is absent."""
    ((where, what),) = faults(rvu_folder(tmp_path, RVU, EDITION.replace("mine", "yours")))
    assert what == 'file: "yours.csv" does not exist'
    assert where.endswith("rvu/editions.toml: edition 1")


def codes_file(*lines):
    """A codes.csv with the shipped heading."""
    return ",".join(figure_files.CODE_COLUMNS) + "\n" + "".join(f"{line}\n" for line in lines)


CODES = {
    "a name twice": (codes_file("A0001,gait training,,day,,,,no,supervised,"), "gait training"),
    "unknown basis": (codes_file("A0001,one,,week,,,,no,supervised,"), "unit_basis"),
    "no minutes": (codes_file("A0001,one,,minutes,,,,no,supervised,"), "unit_minutes"),
    "add-on of nothing": (codes_file("A0001,one,,day,,,B0001,no,supervised,"), "add_on_of"),
}


@pytest.mark.parametrize(("text", "says"), CODES.values(), ids=list(CODES))
def test_broken_codes(text, says, tmp_path):
    """A fault of codes.csv names file and code."""
    found = faults(folder(tmp_path, codes__csv=text))
    assert found
    assert all("codes.csv" in where for where, _ in found)
    assert any(says in f"{where} {what}" for where, what in found)


def test_a_code_twice(tmp_path):
    """Two rows of one code in one file."""
    lines = ("A0001,one,,day,,,,no,supervised,", "A0001,two,,day,,,,no,supervised,")
    assert faults(folder(tmp_path, codes__csv=codes_file(*lines)))


def test_broken_payer(tmp_path):
    """A payer without a name, or with a rule that does not exist."""
    text = '[acme]\ncounting_rule = "guess"\nsource = "cpt-midpoint"\n'
    found = faults(folder(tmp_path, payers__toml=text))
    assert {what for _, what in found} == {"counting_rule is not known", "name is missing"}
    assert {where for where, _ in found} == {"payers.toml: acme"}


PAYER = '[acme]\nname = "Acme"\ncounting_rule = "ama"\nsource = "cpt-midpoint"\n'
RULE = """[mine]
title = "Mine"
unit_minutes = 15
first_minutes = 8
pool = "day"
source = "cpt-midpoint"
"""
MINUTES = codes_file("97116,gait training,,minutes,{},{},,yes,one-on-one,PT")
CODE = "codes.csv:2"
TEN_CELLS = "A0001,one,,day,,,,no,supervised,"
FAULTY = {
    "decimal minutes": (
        "codes.csv",
        MINUTES.format("", "15.0"),
        [(CODE, '97116: unit_minutes "15.0" is no whole number of minutes')],
    ),
    "no minutes at all": (
        "codes.csv",
        MINUTES.format("x", "0"),
        [
            (CODE, '97116: first_unit_minutes "x" is no whole number of minutes'),
            (CODE, '97116: unit_minutes "0" is no whole number of minutes'),
        ],
    ),
    "a cell too few and one too many": (
        "codes.csv",
        codes_file(TEN_CELLS[:-1], TEN_CELLS.replace("A0001,one", "A0002,two,three")),
        [("codes.csv", "has more or fewer cells than the heading in row 2, 3")],
    ),
    "a number for the values": (
        "mppr.toml",
        "value = 3\n",
        [("mppr.toml: value", "is no list of blocks")],
    ),
    "one block with one bracket": (
        "mppr.toml",
        SOUND.replace("[[value]]", "[value]"),
        [("mppr.toml: value", "is no list of blocks")],
    ),
    "numbers in the list of values": (
        "mppr.toml",
        "value = [3, 4]\n",
        [("mppr.toml: value 1", "is no block"), ("mppr.toml: value 2", "is no block")],
    ),
    "places in words": (
        "mppr.toml",
        SOUND.replace("places = 2", 'places = "two"'),
        [("mppr.toml: places", '"two" is no whole number')],
    ),
    "a list of sources": (
        "mppr.toml",
        SOUND.replace('"cpt-midpoint"', '["cpt-midpoint"]'),
        [("mppr.toml: value 1", "source is missing")],
    ),
    "an unknown rule": (
        "payers.toml",
        PAYER.replace('"ama"', '"guess"'),
        [("payers.toml: acme", "counting_rule is not known")],
    ),
    "no rule": (
        "payers.toml",
        PAYER.replace('counting_rule = "ama"\n', ""),
        [("payers.toml: acme", "counting_rule is not known")],
    ),
    "a list of rules": (
        "payers.toml",
        PAYER.replace('"ama"', '["ama"]'),
        [("payers.toml: acme", "counting_rule is not known")],
    ),
    "no name": (
        "payers.toml",
        PAYER.replace('name = "Acme"\n', ""),
        [("payers.toml: acme", "name is missing")],
    ),
    "a payer that is no table": (
        "payers.toml",
        "acme = 3\n",
        [("payers.toml: acme", "is no table")],
    ),
    "switches in words": (
        "payers.toml",
        PAYER + 'mppr = "false"\npart_b = 0\n',
        [
            ("payers.toml: acme", 'mppr: "false" is neither true nor false'),
            ("payers.toml: acme", 'part_b: "0" is neither true nor false'),
        ],
    ),
    "other things of a payer": (
        "payers.toml",
        PAYER + 'aliases = "A"\nshare_of_medicare = "most"\nfee_table = 3\n',
        [
            ("payers.toml: acme", "aliases is no list of names"),
            ("payers.toml: acme", "fee_table is no name"),
            ("payers.toml: acme", "share_of_medicare: most is no number of 2 decimals"),
        ],
    ),
    "half a rule": (
        "counting_rules.toml",
        '[mine]\nunit_minutes = 15.0\npool = "week"\n',
        [
            ("counting_rules.toml: mine", "unit_minutes is missing or no whole number of minutes"),
            ("counting_rules.toml: mine", "first_minutes is missing or no whole number of minutes"),
            ("counting_rules.toml: mine", "pool is none of day, code"),
            ("counting_rules.toml: mine", "title is missing"),
            ("counting_rules.toml: mine", "source is missing"),
        ],
    ),
    "a rule without first minutes": (
        "counting_rules.toml",
        RULE.replace("first_minutes = 8\n", ""),
        [("counting_rules.toml: mine", "first_minutes is missing or no whole number of minutes")],
    ),
    "a first unit of more minutes than a unit has": (
        "counting_rules.toml",
        RULE.replace("first_minutes = 8", "first_minutes = 20"),
        [("counting_rules.toml: mine", "first_minutes: 20 are more than the 15 of a unit")],
    ),
    "headings that are numbers": (
        "columns.toml",
        "[columns]\nstart = 3\nend = [4]\n",
        [
            ("columns.toml: start", "is no list of headings"),
            ("columns.toml: end", "is no list of headings"),
        ],
    ),
    "headings outside [columns]": (
        "columns.toml",
        'start = ["Seen at"]\n',
        [("columns.toml", "is no mapping of headings")],
    ),
    "words that are numbers": (
        "words.toml",
        "role = 3\n[mode]\ngroup = [4]\n[moode]\ngroup = []\n",
        [
            ("words.toml", '"moode" is no key of ours'),
            ("words.toml: role", "is no table of words"),
            ("words.toml: mode: group", "is no list of words"),
        ],
    ),
    "a source that is no table": (
        "sources.toml",
        'contract = "Contract"\n',
        [("sources.toml: contract", "is no table")],
    ),
    "a misspelt switch": (
        "payers.toml",
        PAYER + "mprr = true\n",
        [("payers.toml: acme", '"mprr" is no key of ours')],
    ),
    "values of another name": (
        "kx_threshold.toml",
        SOUND.replace("[[value]]", "[[values]]"),
        [("kx_threshold.toml", '"values" is no key of ours')],
    ),
    "a misspelt key of a value": (
        "kx_threshold.toml",
        SOUND + 'aplies_to = "OT"\n',
        [("kx_threshold.toml: value 1", '"aplies_to" is no key of ours')],
    ),
    "a misspelt key of a rule": (
        "counting_rules.toml",
        RULE + 'pols = "code"\n',
        [("counting_rules.toml: mine", '"pols" is no key of ours')],
    ),
    "a misspelt key of a source": (
        "sources.toml",
        '[contract]\ntitle = "Contract"\npublischer = "We"\n',
        [("sources.toml: contract", '"publischer" is no key of ours')],
    ),
    "two mappings": (
        "columns.toml",
        '[columns]\nstart = "Seen at"\n[colums]\nend = "Left at"\n',
        [("columns.toml", '"colums" is no key of ours')],
    ),
    "a modifier in other words": (
        "codes.csv",
        MINUTES.format("", "15").replace("disciplines", "disciplines,assistant_modifier")[:-1]
        + ",none\n",
        [(CODE, '97116: assistant_modifier "none" is neither yes nor no')],
    ),
    "pooled in other words": (
        "codes.csv",
        MINUTES.format("", "15").replace(",yes,", ",Y,"),
        [(CODE, '97116: pooled "Y" is neither yes nor no')],
    ),
}


@pytest.mark.parametrize(("file", "text", "expected"), FAULTY.values(), ids=list(FAULTY))
def test_a_faulty_entry(file, text, expected, tmp_path):
    """Said with file and entry, each once, by the check and by what needs the figures."""
    path = folder(tmp_path, **{file.replace(".", "__"): text})
    found = faults(path)
    assert [what for _, what in found] == [what for _, what in expected]
    for (where, _), (place, _) in zip(found, expected, strict=True):
        assert where in (place, f"{tmp_path}/{place}")
    config = Config([path, SHIPPED])
    with pytest.raises(ConfigError) as error:
        calc.estimate(
            [{"code": "97116", "minutes": 20, "date": "2026-03-02"}], config=config
        ).explain()
    assert (error.value.where, error.value.what) == found[0]


def test_faults_of_all_files_stand_together(tmp_path):
    """Those of one file and those between files, in one go, and nothing that only follows."""
    chosen = [
        "decimal minutes",
        "a number for the values",
        "an unknown rule",
        "a rule without first minutes",
        "headings that are numbers",
        "a source that is no table",
    ]
    texts = {FAULTY[name][0].replace(".", "__"): FAULTY[name][1] for name in chosen}
    path = folder(tmp_path, kx_threshold__toml=SOUND.replace("cpt-midpoint", "my-guess"), **texts)
    expected = [what for name in chosen for _, what in FAULTY[name][2]]
    expected.append('source: "my-guess" is not known')
    assert sorted(what for _, what in faults(path)) == sorted(expected)


def test_a_rule_of_an_unread_file_is_not_missed(tmp_path):
    """Only that the file cannot be read is said."""
    path = folder(
        tmp_path, counting_rules__toml="[mine", payers__toml=PAYER.replace('"ama"', '"mine"')
    )
    ((where, what),) = faults(path)
    assert where == f"{tmp_path}/counting_rules.toml"
    assert what.startswith("is not TOML")


def test_one_heading_needs_no_list(tmp_path):
    """As in a saved mapping; it stands before the shipped ones."""
    path = folder(tmp_path, columns__toml='[columns]\nstart = "Seen at"\n')
    assert faults(path) == []
    assert Config([path, SHIPPED]).headings["start"][0] == "Seen at"


@pytest.mark.parametrize("before", ["", 'patient = "Klient"\n'])
def test_a_users_heading_means_what_he_says(before, tmp_path):
    """Whatever the shipped file says of it, and whatever stands before it in the user's."""
    path = folder(tmp_path, columns__toml=f'[columns]\n{before}code = "Patient ID"\n')
    known = headings.meanings(Config([path, SHIPPED]))
    assert (known["patientid"], known["mrn"], known["cpt"]) == ("code", "patient", "code")


def test_a_day_without_a_value(config):
    """Never last year's value: an error that names file and remedy."""
    factor = config.parameter("conversion_factor")
    assert factor.find(UNKNOWN_DAY) is None
    with pytest.raises(ConfigError) as error:
        factor.on(UNKNOWN_DAY)
    assert str(UNKNOWN_DAY) in error.value.what
    assert error.value.where == "conversion_factor.toml"
    assert "--config" in error.value.hint


def test_the_users_value_wins_on_its_days(tmp_path):
    """A user's figure holds on its days, the shipped one on all others."""
    text = SOUND.replace("places = 2", "places = 4").replace("2026-01-01", "2026-07-01")
    config = Config([folder(tmp_path, conversion_factor__toml=text), SHIPPED])
    factor = config.parameter("conversion_factor")
    assert factor.on(date(2026, 6, 30), "nonQPP").text == "33.4009"
    assert factor.on(date(2026, 7, 1), "nonQPP").text == "1.2500"
    assert factor.on(date(2025, 7, 1), "nonQPP").text == "32.3465"
    assert str(tmp_path) in factor.on(date(2026, 7, 1)).where


def test_the_users_payer_stands_beside_the_shipped_ones(tmp_path):
    """Payers and codes are laid over one by one."""
    text = '[acme]\nname = "Acme"\ncounting_rule = "ama"\nsource = "cpt-midpoint"\n'
    config = Config([folder(tmp_path, payers__toml=text), SHIPPED])
    assert params.faults(config) == []
    assert {"acme", "medicare"} <= set(config.payers)


def test_a_payers_block_lies_over_the_shipped_one_key_by_key(tmp_path):
    """One name more leaves Medicare what it is; two folders lie over each other likewise."""
    ours = Config([SHIPPED]).payers["medicare"]
    one = '[medicare]\naliases = ["MCR", "MEDICARE PART B OHIO"]\n'
    config = Config([folder(tmp_path / "one", payers__toml=one), SHIPPED])
    assert params.faults(config) == []
    names = ["MCR", "MEDICARE PART B OHIO", *ours["aliases"]]
    assert config.payers["medicare"] == ours | {"aliases": names}
    assert {config.payer_names[name.lower()] for name in [*names, ours["name"]]} == {"medicare"}
    two = '[medicare]\nname = "Ours"\nmppr = false\naliases = ["MCR", "Mine"]\n'
    folders = [folder(tmp_path / "two", payers__toml=two), *config.folders]
    found = Config(folders).payers["medicare"]
    more = {"name": "Ours", "mppr": False, "aliases": ["MCR", "Mine", *names[1:], ours["name"]]}
    assert found == ours | more
    broken = folder(tmp_path / "broken", payers__toml='[medicare]\naliases = "MCR"\n')
    with pytest.raises(ConfigError, match=r"payers\.toml: medicare: aliases is no list"):
        _ = Config([broken, SHIPPED]).payers


def test_an_alias_takes_no_payers_key(tmp_path):
    """Rows of Medicare, and those that name nobody, stay its own; a check tells the clash."""
    acme = '[acme]\nname = "Acme"\ncounting_rule = "ama"\nsource = "s"\naliases = ["Medicare"]\n'
    files = {"sources__toml": '[s]\ntitle = "S"\n', "payers__toml": acme}
    config = Config([folder(tmp_path / "own", **files), SHIPPED])
    assert config.payer_names["medicare"] == "medicare"
    assert config.payer_names["acme"] == "acme"


def test_load_takes_folder_and_environment(tmp_path, monkeypatch):
    """The folder of --config, or of the environment, comes before the shipped one."""
    assert params.load(tmp_path).folders == (tmp_path, params.shipped_folder())
    monkeypatch.setenv(params.FOLDER_VARIABLE, str(tmp_path))
    assert params.load().folders[0] == tmp_path
    with pytest.raises(ConfigError, match="is no folder"):
        params.load(tmp_path / "absent")


def test_load_reads_changed_figures_anew(tmp_path, monkeypatch):
    """After an edit, and of another folder whose relative name is the same."""
    text = 'title = "x"\nunit = "y"\nplaces = 4\n[[value]]\nfrom = 2026-01-01\nuntil = 2026-12-31\n'
    day, found = date(2026, 3, 2), []
    for where, value in (("one", 40), ("one", 41), ("two", 50)):
        mine = tmp_path / where / "mine"
        mine.mkdir(parents=True, exist_ok=True)
        (mine / "sources.toml").write_text('[mine]\ntitle = "Our guess"\n')
        figures = f'{text}value = {value}.0000\nsource = "mine"\n'
        (mine / "conversion_factor.toml").write_text(figures)
        monkeypatch.chdir(mine.parent)
        loaded = params.load("mine")
        assert params.load("mine") is loaded
        found.append(loaded.parameter("conversion_factor").find(day).scaled)
    assert found == [400000, 410000, 500000]


# --- what a folder says that nobody meant --------------------------------------------------

ADD_ONS = "98887,aqua,,minutes,30,30,,no,one-on-one,"
RELATIONS = {
    "minutes that fit no rule": (["98888,aqua,,minutes,30,30,,yes,one-on-one,"], "pooled: its"),
    "a longer first unit of a pool": (
        ["98888,aqua,,minutes,30,15,,yes,one-on-one,"],
        "pooled: its",
    ),
    "no first unit": (
        ["98888,aqua,,minutes,,15,,no,one-on-one,"],
        "98888: first_unit_minutes is missing",
    ),
    "no unit": (["98888,aqua,,minutes,15,,,no,one-on-one,"], "98888: unit_minutes is missing"),
    "two add-ons": (
        [
            ADD_ONS,
            "98888,aqua more,,minutes,,30,98887,no,one-on-one,",
            "98889,aqua most,,minutes,,30,98887,no,one-on-one,",
        ],
        "add_on_of: 98887 has 98888 as its add-on",
    ),
    "units of its own": (
        [ADD_ONS, "98888,aqua more,,minutes,,15,98887,no,one-on-one,"],
        "unit_minutes or pooled differ from those of 98887",
    ),
    "an add-on of an add-on": (
        [
            ADD_ONS,
            "98888,aqua more,,minutes,,30,98887,no,one-on-one,",
            "98889,aqua most,,minutes,,30,98888,no,one-on-one,",
        ],
        "add_on_of: 98888 is no primary code with minutes",
    ),
    "of a code that is not there": (
        ["98888,aqua,,minutes,,15,98886,no,one-on-one,"],
        "add_on_of: 98886 is no code",
    ),
    "small letters": (
        ["g9999,aqua,,minutes,15,15,,yes,one-on-one,"],
        'code "g9999" is no code of five capitals and digits',
    ),
    "more than a day": (
        ["98888,aqua,,minutes,15,15000000000000000000000,,no,one-on-one,"],
        '98888: unit_minutes "15000000000000000000000" is no whole number of minutes',
    ),
}


@pytest.mark.parametrize(("lines", "says"), RELATIONS.values(), ids=list(RELATIONS))
def test_codes_that_no_rule_could_count(lines, says, tmp_path):
    """A run refuses them as the check does: it would bill units that nobody earned."""
    path = folder(tmp_path, codes__csv=codes_file(*lines))
    ((_, what),) = faults(path)
    assert what.startswith(says)
    with pytest.raises(ConfigError) as error:
        calc.units({"97110": 30}, config=Config([path, SHIPPED]))
    assert error.value.what == what
    assert error.value.hint or says.endswith("is no code")


def fees_folder(tmp_path, text, more=""):
    path = folder(tmp_path, payers__toml=PAYER + 'fee_table = "acme"\n')
    (path / "fees" / "acme").mkdir(parents=True)
    edition = '[[edition]]\nfrom = 2026-01-01\nuntil = 2026-12-31\nfile = "mine.csv"\n'
    (path / "fees" / "acme" / "editions.toml").write_text(edition + 'source = "cpt-midpoint"\n')
    (path / "fees" / "acme" / "mine.csv").write_text(text)
    return path


FEES = {
    "a column of another table": ("code,locality,fee,reduced_fee\n97110,OH-00,40,\n", "locality"),
    "a column twice": ("code,fee,reduced_fee,fee\n97110,40,,50\n", 'heading "fee" stands twice'),
    "an underscore": ("code,fee,reduced_fee\n97110,4_0,\n", 'fee "4_0" is no number'),
    "digits of other scripts": (
        "code,fee,reduced_fee\n97110,\uff14\uff10,\n",
        'fee "\uff14\uff10" is no number',
    ),
    "an exponent": ("code,fee,reduced_fee\n97110,4e3,\n", 'fee "4e3" is no number'),
    "more than any fee": ("code,fee,reduced_fee\n97110,5000000,\n", "fee 5000000.00 is not below"),
    "a letter for a digit": ("code,fee,reduced_fee\n9711O,40,\n", "9711O is no code of codes.csv"),
    "small letters": ("code,fee,reduced_fee\ng0283,40,\n", "g0283 is no code of codes.csv"),
}


@pytest.mark.parametrize(("text", "says"), FEES.values(), ids=list(FEES))
def test_fees_that_nobody_meant(text, says, tmp_path):
    """Read as they stand they would be no fee, or another's."""
    ((where, what),) = faults(fees_folder(tmp_path, text))
    assert says in what
    assert "mine.csv" in where


def test_blanks_around_cells_are_no_part_of_them(tmp_path):
    """As a hand that aligns columns writes them."""
    path = fees_folder(tmp_path, "code , fee,reduced_fee\n97110 , 40 ,\n")
    assert faults(path) == []
    config = Config([path, SHIPPED])
    rows = [{"code": "97110", "minutes": 15, "date": "2026-03-02"}]
    done = calc.estimate(rows, payer="acme", config=config)
    assert str(done.totals["allowed"]) == "40.00"


NO_FIGURES = {
    "true": ("true", "value: True is no number"),
    "an underscore": ('"4_5"', "value: 4_5 is no number"),
    "a word": ('"NaN"', "value: NaN is no number"),
    "far too much": ("334009000", "factor 334009000.00 is not below 1,000"),
}


@pytest.mark.parametrize(("value", "says"), NO_FIGURES.values(), ids=list(NO_FIGURES))
def test_a_factor_that_is_none(value, says, tmp_path):
    """True is not 1, and no amount may leave the whole numbers of 64 bits."""
    ((where, what),) = faults(
        folder(tmp_path, conversion_factor__toml=SOUND.replace("1.25", value))
    )
    assert what.startswith(says)
    assert where.endswith("conversion_factor.toml: value 1")


def test_a_file_that_does_not_say_how_many_decimals(tmp_path):
    """The hint says what to write, for the file looks whole."""
    text = SOUND.replace("places = 2\n", "")
    (fault,) = params.faults(Config([folder(tmp_path, conversion_factor__toml=text), SHIPPED]))
    assert fault.what == "value: 1.25 is no number of 0 decimals"
    assert fault.hint == "say how many above the values: places = 4"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('conversion_factor = "mppr"\n', 'conversion_factor: "mppr" is a file of ours'),
        ('share_of_medicare = "1e15"\n', "share_of_medicare: 1e15 is no number"),
        ('share_of_medicare = "1000"\n', "share_of_medicare 1000.00 is not below 10"),
        ('share_of_medicare = "85"\n', "share_of_medicare 85.00 is not below 10"),
        (
            'share_of_medicare = "1.10"\nfee_table = "acme"\n',
            "share_of_medicare and fee_table: one of them says what is paid",
        ),
    ],
)
def test_a_payer_that_nobody_meant(lines, says, tmp_path):
    """Each of these was a price once."""
    path = folder(tmp_path, payers__toml=PAYER + lines)
    assert any(what.startswith(says) for _, what in faults(path))
    with pytest.raises(ConfigError) as error:
        _ = Config([path, SHIPPED]).payers
    assert error.value.what.startswith(says)


def test_tables_that_nothing_reads(tmp_path):
    """Without an edition that names them last year's figures would silently hold.

    What begins with a dot is an editor's or a version control's.
    """
    path = folder(tmp_path)
    names = ("rvu/2026.csv", "rvus/editions.toml", "fees/other/editions.toml", "code.csv")
    hidden = (".git/x/y.toml", ".kx.toml", "rvu/.old/2025.csv", "rvu/.2026.csv")
    for name in (*names, "GPCI/2026.csv", "fee/acme/2026.csv", *hidden):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("code\n" if name.endswith("csv") else "")
    assert sorted((where.removeprefix(f"{path}/"), what) for where, what in faults(path)) == [
        ("GPCI/2026.csv", "is in a folder that nothing reads"),
        ("code.csv", "is a file that nothing reads"),
        ("fee/acme/2026.csv", "is in a folder that nothing reads"),
        ("fees/other/editions.toml", "is in a folder that nothing reads"),
        ("rvu/2026.csv", "is a table that no edition names"),
        ("rvus/editions.toml", "is in a folder that nothing reads"),
    ]


def test_names_that_an_editor_lengthened(tmp_path):
    """Where endings are hidden payers.toml.txt looks like payers.toml; a copy beside it is none."""
    path = folder(tmp_path, payers__toml="")
    strange = ["codes.csv.txt", "Words.toml", "sources.TOML", "mppr.toml~"]
    for name in (*strange, "payers.toml.bak", "payers.toml~", "readme.txt", "figures.xlsx"):
        (path / name).write_text("")
    (path / "rvu.csv.d").mkdir()
    unread = {str(path / name): "is a file that nothing reads" for name in strange}
    assert dict(faults(path)) == unread
    said = Config([path, SHIPPED]).folders_said
    assert sorted(said[1:]) == sorted(f"{name} {what}" for name, what in unread.items())
    config = Config([path, SHIPPED])
    shutil.rmtree(path)  # of a run that has read what it needs
    assert len(config.folders_said) == 1


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
@pytest.mark.parametrize("name", ["payers.toml", "codes.csv", "mppr.toml"])
def test_what_stands_in_the_place_of_a_file_is_a_fault(kind, name, tmp_path):
    """Nobody would hear that it does not hold; a pipe would be waited for."""
    path = folder(tmp_path) / name
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("gone.toml")
    assert faults(tmp_path) == [(str(path), "is no file")]


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000])
def test_toml_that_is_deep_or_has_long_numbers(text, tmp_path):
    ((where, what),) = faults(folder(tmp_path, payers__toml=f"[acme]\naliases = {text}"))
    assert where == str(tmp_path / "payers.toml") and what.startswith("is not TOML: ")


def test_a_file_that_nothing_reads_is_named_in_utf_8(tmp_path):
    Path(os.fsdecode(os.fsencode(folder(tmp_path)) + b"/bad\xff.toml")).write_text("")
    assert Config([tmp_path, SHIPPED]).folders_said[1:] == [
        f"{tmp_path}/bad\\udcff.toml is a file that nothing reads"
    ]


ROWS = [{"code": "97110", "minutes": 23, "date": "2026-03-02"}]


def dear(tmp_path):
    """A folder whose factor is 60."""
    return folder(tmp_path, conversion_factor__toml=SOUND.replace("1.25", "60"))


def test_figures_are_those_of_the_folder_wherever_the_program_goes(tmp_path, monkeypatch):
    """A relative folder is the one that it was when it was named."""
    dear(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    config = params.load("mine")
    monkeypatch.chdir("/")
    assert config.parameter("conversion_factor").on(date(2026, 3, 2)).text == "60.0000"
    work = calc.estimate(ROWS, config=config).totals["work_payment"]
    assert str(work) == "54.00"
    assert "figures in mine replace" in config.folders_said[0]


def test_a_folder_that_is_gone_is_no_folder_without_figures(tmp_path):
    """The shipped figures would stand in for what it held."""
    path = dear(tmp_path / "mine")
    config = params.load(path)
    (path / "conversion_factor.toml").unlink()
    path.rmdir()
    with pytest.raises(ConfigError, match="the folder is gone"):
        calc.estimate(ROWS, config=config)


def test_each_of_many_localities_has_its_own_fee(tmp_path):
    """A payer's table of areas may be longer than Medicare's."""
    path = folder(tmp_path)
    (path / "gpci").mkdir()
    areas = [f"ZZ-{n:04},area {n},{1 + n % 2}.000,1.000,1.000\n" for n in range(1500)]
    head = ",".join(figure_files.TABLES["gpci"])
    (path / "gpci" / "mine.csv").write_text(
        f"{head}\nUS,national,1.000,1.000,1.000\n{''.join(areas)}"
    )
    (path / "gpci" / "editions.toml").write_text(EDITION)
    config = Config([path, SHIPPED])
    for number in (100, 1101, 1499):
        place = f"ZZ-{number:04}"
        (line,) = calc.estimate([{**ROWS[0], "locality": place}], config=config).lines
        assert line["locality"] == place
    dear_one, cheap = (
        calc.estimate([{**ROWS[0], "locality": place}], config=config).totals["allowed"]
        for place in ("ZZ-1101", "ZZ-1100")
    )
    assert dear_one > cheap


def test_more_localities_than_there_may_be(tmp_path, monkeypatch):
    """Two of them would be one in a total."""
    monkeypatch.setattr(params, "MAX_LOCALITIES", 50)
    with pytest.raises(ConfigError, match="localities are more than 50"):
        _ = Config([SHIPPED]).localities


def test_a_factor_file_that_does_not_say_its_unit(tmp_path):
    """Where no folder lies below it, its unit was asked of itself without an end."""
    text = '[[value]]\nfrom = 2026-01-01\nuntil = 2026-12-31\nvalue = 33\nsource = "decision"\n'
    (tmp_path / "conversion_factor.toml").write_text(f"places = 4\n{text}")
    assert Config([tmp_path]).parameter("conversion_factor").on(date(2026, 3, 2)).text == "33.0000"
