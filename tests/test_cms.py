"""The importer of CMS's releases: files built in CMS's layouts give back the shipped figures."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from helpers import ROOT

import calc
from calc import cms, dated, installing, params
from calc.errors import ConfigError, InputError
from calc.installing import Diff, changes, install, span

SHIPPED = params.Config([ROOT / "config"])
KNOWN = set(SHIPPED.codes)
FACTORS = {2020: "36.0896", 2025: "32.3465", 2026: "33.4009"}
YEAR = (date(2027, 1, 1), date(2027, 12, 31))
QUARTER = (date(2027, 1, 1), date(2027, 3, 31))
DESCRIPTOR = 'Say "aah", twice, each 15" side'  # invented; the AMA's are never copied
ACCENTED = 'Café, "quoted" text'


def shipped(table, name):
    """Rows of a shipped edition."""
    with (ROOT / "config" / table / f"{name}.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def as_csv(records, newline="\n", separator=","):
    """Records as the text of a csv file."""
    text = io.StringIO()
    csv.writer(text, lineterminator=newline, delimiter=separator).writerows(records)
    return text.getvalue()


def short(text):
    """A number as CMS prints it: `0` and not `0.00`."""
    return "0" if not Decimal(text) else text


def rvu_record(row, factor, wide, modifier=""):
    """A line of a PPRRVU csv; 32 columns if ``wide``."""
    work, pe, facility, mp = (
        Decimal(row[name]) for name in ("work_rvu", "pe_rvu", "pe_rvu_facility", "mp_rvu")
    )
    record = [row["code"], modifier, DESCRIPTOR, row["status"], ""]
    record += [short(row["work_rvu"]), short(row["pe_rvu"]), "", short(row["pe_rvu_facility"])]
    record += ["NA", short(row["mp_rvu"]), str(work + pe + mp), str(work + facility + mp)]
    record += ["7", "XXX", "0", "0", "0", row["mppr_indicator"], "0", "0", "0", "0"]
    record += [""] if wide else []
    return [*record, "", factor, "09", "0", "99", "0", "0", "0"]


def rvu_csv(year, rows=None, factor="", wide=None, newline="\n"):
    """A PPRRVU csv with preamble, stacked headings, unknown codes, modifiers and an empty row."""
    rows = shipped("rvu", min(year, 2026)) if rows is None else rows
    factor = factor or FACTORS.get(year, "34.0000")
    wide = year >= 2026 if wide is None else wide
    width = 32 if wide else 31
    title = f"{year} National Physician Fee Schedule Relative Value File January Release"
    heads = "HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,TOTAL"
    heads = [*heads.split(","), *["TOTAL", "IND", "DAYS"], *["OP"] * 40][:width]
    records = [["", "", title], ["", "", f"RELEASED 12/23/{year - 1}"], [""] * width]
    records += [["", "", "NOT USED", *["x"] * (width - 3)]] * 5 + [heads]
    other = {**shipped("rvu", 2025)[0], "code": "A0021", "status": "I", "mppr_indicator": "9"}
    records.append(rvu_record(other, factor, wide))
    records += [rvu_record(row, factor, wide) for row in rows]
    records += [rvu_record(row, factor, wide, "26") for row in rows[:1]] + [[""] * width]
    return as_csv(records, newline)


def rvu_txt(year, newline="\n"):
    """A fixed-width PPRRVU with accents in Latin-1, so that bytes and characters differ."""
    lines = [f"HDR  {year} National Physician Fee Schedule Relative Value File", "HDR"]
    for row in shipped("rvu", year):
        total = sum(Decimal(row[name]) for name in ("work_rvu", "pe_rvu", "mp_rvu"))
        inside = sum(Decimal(row[name]) for name in ("work_rvu", "pe_rvu_facility", "mp_rvu"))
        line = f"{row['code']}  {ACCENTED:<50}{row['status']} {row['work_rvu']:>6} "
        line += f"{row['pe_rvu']:>6}   {row['pe_rvu_facility']:>6}NA {row['mp_rvu']:>5} "
        line += f"{total:>6}{inside:>6}7XXX.00.00.00{row['mppr_indicator']}0000"
        lines.append(f"{line:<132}{FACTORS[year]:>8} 090 99      0.00   0.00   0.00")
    return (newline.join([*lines, ""])).encode("latin-1")


def gpci_csv(year, rows=None, damaged=False, newline="\n"):
    """Addendum E, in the order of the states' names; ``damaged`` as a spreadsheet saves it."""
    rows = shipped("gpci", min(year, 2026))[1:] if rows is None else rows
    heads = ["Medicare Administrative Contractor (MAC)", "State", "Locality Number"]
    heads += ["Locality Name"]
    heads += [f"{year} PW GPCI (without 1.0 Floor)"] if year >= 2026 else []
    heads += [f"{year} PW GPCI (with 1.0 Floor)", f"{year} PE GPCI", f"{year} MP GPCI"]
    title = f"ADDENDUM E. FINAL CY {year} GEOGRAPHIC PRACTICE COST INDICES (GPCIs)"
    records = [[title], [""] * len(heads), heads]
    for row in reversed(rows):
        mac, number = row["mac"], row["locality"][3:]
        indices = [row[name] for name in ("work_gpci", "pe_gpci", "mp_gpci")]
        if damaged:
            mac, number = mac.lstrip("0"), str(int(number))
            indices = [str(Decimal(text).normalize()) for text in indices]
        indices = ["0.951", *indices] if year >= 2026 else indices
        records.append([mac, row["locality"][:2], number, row["name"] + "**", *indices])
    records += [[""] * len(heads), ["* The work GPCI reflects a 1.0 floor, see the law"]]
    return as_csv(records, newline)


COUNTIES = """\
COUNTIES INCLUDED IN 2025 LOCALITIES ALPHABETICALLY BY STATE,,,,
,,,,
Medicare Adminstrative Contractor,Locality Number,State ,Fee Schedule Area ,Counties
10112,00,ALABAMA,STATEWIDE,ALL COUNTIES
01182,18,CALIFORNIA,LOS ANGELES,"LOS ANGELES, AND ORANGE"
1112,5,,SAN FRANCISCO,"ALAMEDA, CONTRA COSTA"
09202,20,PUERTO RICO,PUERTO RICO,ALL COUNTIES
09202,50,VIRGIN ISLANDS,VIRGIN ISLANDS,ALL COUNTIES
"""
NOTICE = ["CPT codes only are copyright of the AMA, all rights reserved"]


def mue_csv(name="2024q3", separator=","):
    """Medically unlikely edits, one unknown code in front."""
    heads = ["HCPCS/CPT Code", "Practitioner Services MUE Values", "MUE Adjudication Indicator"]
    records = [NOTICE, [], [*heads, "MUE Rationale"]]
    records.append(["0001A", "1", "2 Date of Service Edit: Policy", "Code Descriptor"])
    for row in shipped("mue", name):
        records.append([row["code"], row["mue"], f"{row['mai']} Date of Service Edit", "Data"])
    return as_csv(records, "\r\n", separator)


def ptp_csv(rows=None, separator=",", more=()):
    """Pairs with headings over three rows."""
    rows = shipped("ptp", "2024q3") if rows is None else rows
    records = [NOTICE, ["Column 1", "Column 2", "*=in existence", "Effective", "Deletion"]]
    records[1] += ["Modifier", "PTP Edit Rationale"]
    records += [["", "", "prior to 1996", "Date", "Date", "0=not allowed", ""]]
    records += [["", "", "", "", "*=no data", "1=allowed", ""]]
    for row in rows:
        pair = [row["column1"], row["column2"], "*", "20200101", "*"]
        records.append([*pair, row["modifier_indicator"], "Misuse of codes"])
    return as_csv([*records, *more], "\r\n", separator)


@pytest.fixture
def write(tmp_path):
    """Write text or bytes to a file and return its path."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_file


def zipped(members):
    """A zip in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def only(path, **options):
    """The one release of a file."""
    (release,) = cms.read(path, KNOWN, **options)
    return release


# --- reading -------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2020, 2025, 2026])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_rvu_csv(write, year, newline):
    """31 and 32 columns give the shipped rows; the name says nothing."""
    release = only(write("download.bin", rvu_csv(year, newline=newline)))
    assert release.rows == shipped("rvu", year)
    assert (release.kind, release.year, release.skipped) == ("rvu", year, 1)
    assert release.conversion_factor == Decimal(FACTORS[year])
    assert release.title.startswith(f"{year} National Physician Fee Schedule")
    assert "aah" not in str(release)


@pytest.mark.parametrize("year", [2020, 2025, 2026])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_rvu_txt(write, year, newline):
    """Fixed width gives the same as csv."""
    release = only(write("x", rvu_txt(year, newline)))
    assert release.rows == shipped("rvu", year)
    assert (release.year, release.conversion_factor) == (year, Decimal(FACTORS[year]))


def test_rvu_in_latin_1_and_with_a_mark(write):
    """Neither the encoding nor a byte order mark matters."""
    text = rvu_csv(2025).replace("aah", "né")
    for encoding in ("latin-1", "utf-8-sig", "utf-16"):
        assert only(write("a.csv", text.encode(encoding))).rows == shipped("rvu", 2025)
    fixed = rvu_txt(2025).decode("latin-1")
    assert not fixed.isascii()
    assert only(write("a.txt", fixed.encode("utf-16"))).rows == shipped("rvu", 2025)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is a device or pipe"):
        cms.read(str(tmp_path / "pipe"), KNOWN)


def test_flags_with_a_leading_zero(write):
    """A multiple procedure flag of `09` is 9."""
    rows = [{**row, "mppr_indicator": f"0{row['mppr_indicator']}"} for row in shipped("rvu", 2025)]
    assert only(write("a.csv", rvu_csv(2025, rows))).rows == shipped("rvu", 2025)


@pytest.mark.parametrize("year", [2020, 2025, 2026])
@pytest.mark.parametrize("damaged", [False, True])
def test_gpci(write, year, damaged):
    """One or two work columns, and what a spreadsheet leaves of them."""
    release = only(write("g.csv", gpci_csv(year, damaged=damaged, newline="\r\n")))
    assert release.rows == shipped("gpci", year)
    assert (release.kind, release.year, release.conversion_factor) == ("gpci", year, None)


def test_counties(write):
    """State by contractor and locality; one contractor has two states."""
    release = only(write("c.csv", COUNTIES))
    assert [tuple(row.values()) for row in release.rows] == [
        ("AL-00", "ALL COUNTIES"),
        ("CA-18", "LOS ANGELES"),
        ("CA-18", "ORANGE"),
        ("CA-05", "ALAMEDA"),
        ("CA-05", "CONTRA COSTA"),
        ("PR-20", "ALL COUNTIES"),
        ("VI-50", "ALL COUNTIES"),
    ]
    assert (release.kind, release.year) == ("counties", 2025)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_ncci(write, separator):
    """MUE and PTP give the shipped rows, comma or tab."""
    mue = only(write("m", mue_csv(separator=separator)))
    assert (mue.kind, mue.rows, mue.skipped) == ("mue", shipped("mue", "2024q3"), 1)
    more = [["97110", "00100", "", "20200101", "*", "1", ""]]
    ptp = only(write("p", ptp_csv(separator=separator, more=more)))
    assert (ptp.kind, ptp.rows, ptp.skipped) == ("ptp", shipped("ptp", "2024q3"), 1)
    assert ptp.during(*YEAR) == shipped("ptp", "2024q3")


def test_pairs_of_other_days(write):
    """Deleted before, begun after and never held are left out; one of two spans is held on."""
    more = [
        ["97110", "97112", "", "20200101", "20261231", "1", ""],
        ["97110", "97113", "", "20200101", "20270101", "1", ""],
        ["97110", "97116", "", "20280101", "*", "1", ""],
        ["97110", "97140", "", "20200101", "20200101", "9", ""],
        ["97110", "97113", "", "20270102", "*", "1", ""],
    ]
    release = only(write("p.csv", ptp_csv([], more=more)))
    assert [row["column2"] for row in release.during(*YEAR)] == ["97113"]
    more[-1][5] = "0"
    release = only(write("p.csv", ptp_csv([], more=more)))
    with pytest.raises(InputError, match="pairs change between 2027-01-01 and 2027-12-31"):
        release.during(*YEAR)
    more[-1][3] = "20270101"
    release = only(write("p.csv", ptp_csv([], more=more)))
    with pytest.raises(InputError, match="97110 97113 stands twice on 2027-01-01"):
        release.during(*YEAR)


def test_pairs_of_some_days_of_a_quarter(write, tmp_path):
    """Deleted in its midst, or begun: an edition for each run of days, and none bundles beyond."""
    more = [
        ["97150", "97116", "", "20200101", "20270131", "0", ""],
        ["97140", "97164", "", "20270301", "*", "0", ""],
        ["97110", "97150", "", "20200101", "*", "1", ""],
    ]
    release = only(write("p.csv", ptp_csv([], more=more)))
    folder = tmp_path / "mine"
    folder.mkdir()
    config = params.Config([folder, ROOT / "config"])
    plans = installing.plans([release], *map(str, QUARTER))
    assert [(str(first), str(last)) for _, first, last in plans] == [
        ("2027-01-01", "2027-01-31"),
        ("2027-02-01", "2027-02-28"),
        ("2027-03-01", "2027-03-31"),
    ]
    installing.install_all(folder, plans, "", config)
    both = params.load(folder)
    assert params.faults(both) == []
    held = {
        day: {row["column1"] for row in both.rows("ptp", both.edition("ptp", day))}
        for day in (date(2027, 1, 31), date(2027, 2, 1), date(2027, 3, 1))
    }
    assert list(held.values()) == [{"97150", "97110"}, {"97110"}, {"97140", "97110"}]
    diff = changes(config, *plans[2], follows=True)
    assert (diff.new, diff.changed, diff.gone) == (["97140 97164 modifier_indicator 0"], [], [])


@pytest.mark.parametrize("kind", ["mue", "ptp"])
def test_quarterly_edits_are_for_a_quarter(write, kind):
    """And the hint for whoever gives no days is a quarter, not a year."""
    release = only(write("q.csv", mue_csv() if kind == "mue" else ptp_csv()))
    with pytest.raises(InputError, match="is more than a calendar quarter"):
        span(release, *map(str, YEAR))
    with pytest.raises(InputError, match="is more than a calendar quarter"):
        span(release, "2027-03-31", "2027-04-01")
    assert span(release, "2027-01-05", "2027-03-31") == (date(2027, 1, 5), QUARTER[1])
    with pytest.raises(InputError, match="does not say") as caught:
        span(release, None, None)
    first, last = re.findall(r"\d{4}-\d\d-\d\d", caught.value.hint)
    assert span(release, first, last) == dated.quarter(date.today())


def test_quarters():
    """From the first day of their first month to the last of their third."""
    days = [date(2027, 12, 31), date(2028, 1, 1), date(2028, 3, 31), date(2028, 5, 9)]
    quarters = [tuple(map(str, dated.quarter(day))) for day in days]
    assert quarters == [
        ("2027-10-01", "2027-12-31"),
        ("2028-01-01", "2028-03-31"),
        ("2028-01-01", "2028-03-31"),
        ("2028-04-01", "2028-06-30"),
    ]


def test_a_file_of_another_year_is_refused(write):
    """Relative values and indices say whose year they are; counties may be an older list."""
    for text in (rvu_csv(2027, invented()), gpci_csv(2027)):
        release = only(write("a.csv", text))
        with pytest.raises(
            InputError, match="is of 2027, not of 2026-01-01 to 2026-12-31"
        ) as caught:
            span(release, "2026-01-01", "2026-12-31")
        assert "2027" in caught.value.hint
        with pytest.raises(InputError, match="is of 2027"):
            span(release, "2026-01-01", "2027-12-31")
        assert span(release, *map(str, YEAR)) == YEAR
    counties = only(write("c.csv", COUNTIES))
    assert span(counties, "2026-01-01", "2026-12-31")


def test_two_variants_in_two_files(write, tmp_path):
    """As of a zip that holds both; more, or one that holds both already, do not go together."""
    names = {"PPRRVU_nonQPP.csv": None, "PPRRVU_QPP.csv": "34.2500"}
    files = [
        write(name, rvu_csv(2027, invented(), **({"factor": factor} if factor else {})))
        for name, factor in names.items()
    ]
    for order in (files, files[::-1]):
        found = [release for file in order for release in cms.read(file, KNOWN)]
        (both,) = cms.joined(found)
        assert both.factors == {"nonQPP": Decimal("34.0000"), "QPP": Decimal("34.2500")}
        assert both.where == files[0]
        assert cms.joined(found, "QPP")[0].where == files[1]
        with pytest.raises(InputError, match="several rvu files"):
            cms.joined([both, found[0]])
    other = write("PPRRVU_QPP.csv", rvu_csv(2026, factor="33.5675"))
    july = write("PPRRVU_Jul_QPP.csv", rvu_csv(2027, invented()).replace("January", "July"))
    for path in (other, july):  # of another year, or of another release
        found = [release for file in (files[0], path) for release in cms.read(file, KNOWN)]
        with pytest.raises(InputError, match="several rvu files"):
            cms.joined(found)
    with pytest.raises(InputError, match="several gpci files"):
        cms.joined([only(write("g.csv", gpci_csv(2027)))] * 2)


def test_later_releases_have_sources_of_their_own(write, tmp_path):
    """The factor of July is not cited as January's file; quarters can be told apart."""
    folder = tmp_path / "mine"
    folder.mkdir()
    july = rvu_csv(2027, invented(), factor="34.5000").replace("January", "July")
    parts = (
        (rvu_csv(2027, invented()), "2027-01-01", "2027-06-30"),
        (july, "2027-07-01", "2027-12-31"),
        (mue_csv(), "2027-01-01", "2027-03-31"),
        (mue_csv(), "2027-04-01", "2027-06-30"),
    )
    for text, first, last in parts:
        config = params.Config([folder, ROOT / "config"])
        plans = installing.plans([only(write("a.csv", text))], first, last)
        installing.install_all(folder, plans, "", config)
    config = params.load(folder)
    assert params.faults(config) == []
    factor = config.parameter("conversion_factor")
    cited = [config.cite(factor.on(day, "nonQPP").source) for day in (YEAR[0], YEAR[1])]
    assert ["January" in text for text in cited] == ["January" in rvu_csv(2027), False]
    assert cited[0] != cited[1]
    editions = [config.edition("mue", date(2027, month, 1)) for month in (2, 5)]
    assert [config.cite_edition(edition).rpartition(", ")[2] for edition in editions] == [
        "2027 first quarter",
        "2027 second quarter",
    ]
    assert len({edition.source for edition in editions}) == 2


def test_a_key_of_ones_own_for_several_tables(write, tmp_path):
    """Each table's title is its own."""
    folder = tmp_path / "mine"
    folder.mkdir()
    config = params.Config([folder, ROOT / "config"])
    plans = installing.plans(cms.read(invented_zip(write), KNOWN), *map(str, YEAR))
    installing.install_all(folder, plans, "mine", config)
    config = params.load(folder)
    assert "indices" in config.cite(config.edition("gpci", YEAR[0]).source)
    assert config.edition("rvu", YEAR[0]).source == "mine-rvu"


def test_an_import_that_would_spoil_the_figures_writes_nothing(write, tmp_path):
    """A file of two decimals takes no factor of four."""
    folder = tmp_path / "mine"
    folder.mkdir()
    text = 'title = "t"\nunit = "u"\nplaces = 2\n[[value]]\nfrom = 2026-01-01\nuntil = 2026-12-31\n'
    (folder / "conversion_factor.toml").write_text(f'{text}value = 33.40\nsource = "mine"\n')
    (folder / "sources.toml").write_text('[mine]\ntitle = "mine"\n')
    config, before = params.Config([folder, ROOT / "config"]), tree(folder)
    release = only(write("a.csv", rvu_csv(2027, invented(), factor="34.1234")))
    plans = installing.plans([release], *map(str, YEAR))
    with pytest.raises(ConfigError, match=r"34\.1234 is no number of 2 decimals") as caught:
        installing.install_all(folder, plans, "", config)
    assert caught.value.where.startswith(str(folder))
    assert tree(folder) == before


def test_zip(write):
    """Csv before txt, other members let be, a zip in the zip, files of PTP joined."""
    pairs = shipped("ptp", "2024q3")
    inner = zipped({"ccipra-f1.txt": ptp_csv(pairs[:100], "\t")})
    members = {
        "RVU25A/PPRRVU25_JAN.txt": rvu_txt(2025).replace(b"97116", b"97117"),
        "RVU25A/PPRRVU25_JAN.csv": rvu_csv(2025),
        "RVU25A/PPRRVU25_JAN.xlsx": b"PK\0",
        "RVU25A/ANES2025.csv": "Contractor,Locality,Factor\n1,2,3\n",
        "RVU25A/GPCI2025.csv": gpci_csv(2025),
        "RVU25A/25LOCCO.csv": COUNTIES,
        "f1.zip": inner,
        "f2.csv": ptp_csv(pairs[100:]),
    }
    releases = {release.kind: release for release in cms.read(write("r", zipped(members)), KNOWN)}
    assert list(releases) == ["rvu", "gpci", "ptp", "counties"]
    assert releases["rvu"].rows == shipped("rvu", 2025)
    assert releases["gpci"].rows == shipped("gpci", 2025)
    assert sorted(map(str, releases["ptp"].rows)) == sorted(map(str, pairs))
    del members["RVU25A/PPRRVU25_JAN.csv"]
    (rvu, *_) = cms.read(write("r", zipped(members)), KNOWN)
    assert "97117" not in KNOWN
    assert len(rvu.rows) == len(shipped("rvu", 2025)) - 1


@pytest.mark.parametrize("names", [("PPRRVU2026_Jul_QPP", "PPRRVU2026_Jul_nonQPP"), ("a", "b")])
def test_variants(write, names):
    """The basis chooses; the other variant's factor is kept. Unnamed, the lower is nonQPP."""
    members = {
        f"{names[0]}.csv": rvu_csv(2026, factor="33.5675"),
        f"{names[1]}.csv": rvu_csv(2026),
    }
    path = write("rvu26c.zip", zipped(members))
    both = {"nonQPP": Decimal("33.4009"), "QPP": Decimal("33.5675")}
    for basis, factor in both.items():
        release = only(path, basis=basis)
        assert (release.conversion_factor, release.factors) == (factor, both)


def test_variant_of_one_file(write):
    """The name says the variant, else the basis; up to 2025 there is one factor."""
    assert set(only(write("P_QPP.csv", rvu_csv(2026))).factors) == {"QPP"}
    assert set(only(write("P_nonQPP.csv", rvu_csv(2026)), basis="QPP").factors) == {"nonQPP"}
    assert set(only(write("P.csv", rvu_csv(2026)), basis="QPP").factors) == {"QPP"}
    assert set(only(write("P.csv", rvu_csv(2025))).factors) == {""}
    untitled = only(write("P.csv", rvu_csv(2026).replace("Physician Fee Schedule", "File")))
    assert (untitled.year, set(untitled.factors)) == (None, {"nonQPP"})


# --- faults --------------------------------------------------------------------------------


def cut(text):
    """A csv cut off in the middle of its last third."""
    return text[: len(text) * 2 // 3].rsplit("\n", 1)[0] + "\n97999,,half"


def changed(**values):
    """The 2025 relative values with values of 97116 replaced."""
    return [{**r, **values} if r["code"] == "97116" else r for r in shipped("rvu", 2025)]


RVU = rvu_csv(2025)
FAULTS = {
    "empty": (b"  \r\n", "empty"),
    "binary": (b"HDR\0\1", "not a text file"),
    "other csv": ("patient,code\n1,2\n", "no file of CMS"),
    "bad zip": (b"PK\3\4 nothing", "zip cannot be read"),
    "zip cut": (zipped({"a.csv": RVU})[:-40], "zip cannot be read"),
    "zip with a hole": (b"PK" + zipped({"a.csv": RVU})[60:], "zip cannot be read"),
    "zip of nothing": (zipped({"readme.txt": "hello", "a.pdf": b"%PDF"}), "no file of CMS"),
    "workbook": (zipped({"xl/workbook.xml": "<x/>"}), "is no workbook that can be read"),
    "row cut": (cut(RVU), "3 fields where 31"),
    "quote cut": (RVU[: RVU.rindex("aah")], "not csv"),
    "comma unquoted": (
        RVU.replace('97116,,"Say ""aah"", twice', '97116,,"Say ""aah""","twice'),
        "32 fields where 31",
    ),
    "few codes": (rvu_csv(2025, shipped("rvu", 2025)[:40]), "only 40 known codes"),
    "no codes": (rvu_csv(2025, []), "only 0 known codes"),
    "doubled": (rvu_csv(2025, shipped("rvu", 2025) + changed()[-1:]), "stands twice"),
    "two factors": (RVU.replace("32.3465", "32.3466", 5), "two conversion factors"),
    "txt cut": (rvu_txt(2025)[:-90], "characters where at least 140"),
    "txt total": (rvu_txt(2025).replace(b"0.45 ", b"0.46 ", 1), "not the sums"),
    "status": (rvu_csv(2025, changed(status="AB")), "status"),
    "negative": (RVU.replace(",A,,0.45,", ",A,,-0.45,"), '"-0.45" is no number'),
    "text": (RVU.replace(",A,,0.45,", ",A,,NA,"), '"NA" is no number'),
    "infinite": (RVU.replace(",A,,0.45,", ",A,,inf,"), '"inf" is no number'),
    "too large": (RVU.replace(",A,,0.45,", ",A,,1000.45,"), "not below 1,000"),
    "no end of digits": (RVU.replace(",A,,0.45,", f",A,,{'x' * 9000},"), "^.{1,250}$"),
    "no factor": (RVU.replace("32.3465", "0.0000"), "no conversion factor but 0"),
    "three decimals": (RVU.replace(",A,,0.45,", ",A,,0.455,"), "more than 2 decimals"),
    "total": (RVU.replace(",A,,0.45,", ",A,,0.54,"), "not the sums"),
    "no localities": (gpci_csv(2026, []), "only 0 localities"),
    "few localities": (gpci_csv(2026, shipped("gpci", 2026)[1:40]), "only 39 localities"),
    "locality cut": (gpci_csv(2026)[:4000].rsplit(",", 2)[0] + "\n", "fields where 8 belong"),
    "locality cut early": (gpci_csv(2026).rsplit("\nAK", 1)[0] + "\n02102", "fields where"),
    "localities moved": (
        gpci_csv(2025).replace("Contractor (MAC),State", "x,State,Contractor"),
        "first columns",
    ),
    "locality doubled": (gpci_csv(2026, shipped("gpci", 2026)[1:] * 2), "stands twice"),
    "locality zero": (gpci_csv(2025).replace("0.551", "0.000").replace("0.592", "0"), "GPCI is 0"),
    "index decimals": (gpci_csv(2025).replace("0.592", "0.5921"), "more than 3 decimals"),
    "index too large": (gpci_csv(2025).replace("0.592", "59.2"), "not below 10"),
    "contractor": (gpci_csv(2025).replace("02102,AK", "Alaska,AK"), 'contractor "Alaska"'),
    "state": (gpci_csv(2025).replace("02102,AK", "02102,ak"), 'state "ak"'),
    "no floor": (gpci_csv(2026).replace("(with 1.0 Floor)", ""), "no column"),
    "no counties": (COUNTIES.split("10112")[0], "has no locality"),
    "unknown contractor": (COUNTIES.replace("10112", "99999"), "cannot be placed"),
    "mue cut": (mue_csv() + "97999,3", "adjudication indicator"),
    "mue text": (mue_csv() + "97999,many,3 x,\n", "no number of units"),
    "mue doubled": (mue_csv() + "97110,6,3 x,\n", "stands twice"),
    "mue few": (mue_csv()[:600], "only|adjudication"),
    "ptp cut": (ptp_csv() + "97110,97112,,2020", "modifier indicator"),
    "ptp date": (ptp_csv(more=[["97110", "97112", "", "2020-1-1", "*", "1"]]), "is no date"),
    "no ptp": (ptp_csv([]), "no pair"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(write, name):
    """Each names the file, says what is wrong and how to mend it, or what belongs there."""
    content, what = FAULTS[name]
    path = write("file.csv", content)
    with pytest.raises(InputError, match=what) as caught:
        cms.read(path, KNOWN)
    assert caught.value.where.startswith(path)
    assert "aah" not in str(caught.value)


def test_fault_names_the_line(write):
    """Line as an editor counts it, also inside a zip."""
    text = RVU.replace(",A,,0.45,", ",A,,-0.45,")
    line = next(n for n, row in enumerate(text.split("\n"), 1) if ",-0.45," in row)
    with pytest.raises(InputError) as caught:
        cms.read(write("a.csv", text), KNOWN)
    assert caught.value.where.endswith(f"a.csv:{line}")
    assert caught.value.hint
    with pytest.raises(InputError) as caught:
        cms.read(write("a.zip", zipped({"in/b.csv": text})), KNOWN)
    assert caught.value.where.endswith(f"a.zip/in/b.csv:{line}")


def test_other_faults(write, tmp_path, monkeypatch):
    """No file, a wrong basis, two releases at once, a bomb."""
    with pytest.raises(InputError, match="cannot be read"):
        cms.read(str(tmp_path / "none.zip"), KNOWN)
    with pytest.raises(InputError, match="basis"):
        cms.read(write("a.csv", RVU), KNOWN, "qpp")
    for members in (
        {"a.csv": RVU, "b.csv": RVU},
        {"a.csv": rvu_csv(2026), "b.csv": rvu_csv(2026)},
        {"a.csv": gpci_csv(2025), "b.csv": gpci_csv(2026)},
        dict.fromkeys(("1.csv", "2.csv", "3.csv"), rvu_csv(2026)),
    ):
        with pytest.raises(InputError, match="several"):
            cms.read(write("a.zip", zipped(members)), KNOWN)
    monkeypatch.setattr(cms, "LIMIT", 10_000)
    for bomb in ({"a.csv": "0" * 10_001}, {f"{n}.csv": "0" * 9_000 for n in range(9)}):
        with pytest.raises(InputError, match="would unpack"):
            cms.read(write("a.zip", zipped(bomb)), KNOWN)
    # What zips in a zip unpack to counts for all of them together.
    inner = zipped({f"{n}.csv": "0" * 9_000 for n in range(3)})
    assert len(inner) < 2_000
    with pytest.raises(InputError, match="would unpack"):
        cms.read(write("a.zip", zipped({f"{n}.zip": inner for n in range(3)})), KNOWN)
    with pytest.raises(InputError, match="is over"):
        cms.read(write("a.csv", RVU), KNOWN)


def test_a_damaged_lzma_zip_and_one_with_a_password(write):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", bytes(range(256)) * 8)
    data = bytearray(out.getvalue())
    data[50:90] = bytes(40)
    with pytest.raises(InputError, match="the zip cannot be read"):
        cms.read(write("a.zip", bytes(data)), KNOWN)
    data = bytearray(zipped({"a.csv": RVU}))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="is protected by a password"):
        cms.read(write("a.zip", bytes(data)), KNOWN)
    # Of a file that is let be it is no matter.
    data = bytearray(zipped({"a.csv": RVU, "notes.pdf": "x"}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert only(write("a.zip", bytes(data))).rows == only(write("a.csv", RVU)).rows


@pytest.mark.parametrize("limit", ["9" * 5_000, "12345", "٣"])
def test_a_limit_that_is_no_number_of_units(limit, write):
    with pytest.raises(InputError, match="is no number of units"):
        cms.read(write("m.csv", mue_csv().replace("0001A,1,", f"0001A,{limit},")), KNOWN)


def test_join_takes_pairs_only(write):
    """Other tables are never joined."""
    with pytest.raises(InputError, match="only files of PTP"):
        cms.join([only(write("a.csv", RVU))] * 2)


# --- days, differences ---------------------------------------------------------------------


def test_span(write):
    """Both days are asked for; the calendar year is the hint."""
    release = only(write("a.csv", rvu_csv(2026)))
    assert span(release, "2026-01-01", "2026-12-31") == (
        date(2026, 1, 1),
        date(2026, 12, 31),
    )
    for first, last in ((None, None), ("2026-01-01", None), (None, "2026-12-31")):
        with pytest.raises(InputError) as caught:
            span(release, first, last)
        assert "--from 2026-01-01 --until 2026-12-31" in caught.value.hint
    with pytest.raises(InputError, match="--from or --until"):
        span(release, "2026-02-30", "2026-12-31")
    with pytest.raises(InputError, match="before --from"):
        span(release, "2026-02-03", "2026-02-02")


def invented():
    """Relative values of 2027: one changed, one new, one gone."""
    rows = [dict(row) for row in shipped("rvu", 2026) if row["code"] != "97150"]
    for row in rows:
        if row["code"] == "97116":
            row["pe_rvu"] = "0.43"
    return rows


def test_changes(write):
    """Against the day before the first; the same edition changes nothing."""
    release = only(write("a.csv", rvu_csv(2027, invented())))
    diff = changes(SHIPPED, release, *YEAR)
    assert diff.changed == [
        "conversion_factor nonQPP 33.4009 -> 34.0000",
        "97116 pe_rvu 0.41 -> 0.43",
    ]
    assert (diff.new, diff.gone) == ([], ["97150"])
    first = only(write("b.csv", rvu_csv(2020)))
    days = date(2020, 1, 1), date(2020, 12, 31)
    assert changes(SHIPPED, first, *days) == Diff([], [], [])
    counties = only(write("c.csv", COUNTIES))
    assert changes(SHIPPED, counties, *YEAR).new[0] == "AL-00 ALL COUNTIES"
    mue = only(write("m.csv", mue_csv("2024q3")))
    assert changes(SHIPPED, mue, *YEAR).new[0] == "90901 mue 1 mai 3"
    # What stands for the day itself is what is laid over.
    same = only(write("e.csv", rvu_csv(2026)))
    diff = changes(SHIPPED, same, date(2026, 1, 1), date(2026, 12, 31))
    assert (diff, diff.against) == (
        Diff([], [], []),
        SHIPPED.cite_edition(SHIPPED.edition("rvu", date(2026, 1, 1))),
    )
    older = only(write("d.csv", rvu_csv(2025)))
    diff = changes(SHIPPED, older, *YEAR)
    assert len(diff.gone) == 3


# --- installing ----------------------------------------------------------------------------


def tree(folder):
    """Every file of a folder with its content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def invented_zip(write):
    """A release of 2027 with both factors and localities."""
    members = {
        "PPRRVU2027_nonQPP.csv": rvu_csv(2027, invented()),
        "PPRRVU2027_QPP.csv": rvu_csv(2027, invented(), factor="34.2500"),
        "GPCI2027.csv": gpci_csv(2027),
    }
    return write("rvu27a.zip", zipped(members))


def test_a_new_year_prices(write, tmp_path):
    """An invented 2027, imported into an empty folder, is whole and prices a visit."""
    folder = tmp_path / "mine"
    for release in cms.read(invented_zip(write), KNOWN):
        written = install(folder, release, *YEAR, f"cms-{release.kind}27", SHIPPED)
        assert all(path.is_file() for path in written)
    assert sorted(tree(folder)) == [
        "conversion_factor.toml",
        "gpci/2027.csv",
        "gpci/editions.toml",
        "rvu/2027.csv",
        "rvu/editions.toml",
        "sources.toml",
    ]
    config = params.load(folder)
    assert params.faults(config) == []
    assert config.cite("cms-rvu27").startswith("2027 National Physician Fee Schedule")
    visit = {"code": "97116", "minutes": 15, "date": "2027-01-05", "locality": "US"}
    (line,) = calc.estimate([visit], config=config).lines
    assert Decimal(str(line["work_payment"])) == Decimal("15.30")  # 0.45 x 34
    assert Decimal(str(line["allowed"])) == Decimal("30.26")  # (0.45 + 0.43 + 0.01) x 34
    factor = config.parameter("conversion_factor")
    assert factor.on(date(2027, 6, 1), "QPP").text == "34.2500"
    assert factor.on(date(2026, 6, 1), "nonQPP").text == "33.4009"


def test_round_trip(write, tmp_path):
    """What is written is what was read: the shipped editions come out byte for byte."""
    for text, table, name in (
        (rvu_csv(2026), "rvu", "2026"),
        (gpci_csv(2026), "gpci", "2026"),
        (mue_csv("2026q2"), "mue", "2026q2"),
        (ptp_csv(), "ptp", "2024q3"),
    ):
        release = only(write("a.csv", text))
        days = date(2030, 4, 1), date(2030, 6, 30)
        install(tmp_path / "mine", release, *days, "cms-new", SHIPPED)
        written = (tmp_path / "mine" / table / "2030-04-01.csv").read_bytes()
        assert written == (ROOT / "config" / table / f"{name}.csv").read_bytes()
    config = params.Config([tmp_path / "mine", ROOT / "config"])
    assert params.faults(config) == []
    assert changes(config, release, date(2030, 5, 1), date(2030, 6, 30)) == Diff([], [], [])


def test_existing_text_is_kept(write, tmp_path):
    """Into a copy of the shipped folder: everything that stood there stands there still."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    before = tree(folder)
    own = params.Config([folder])
    for release in cms.read(invented_zip(write), KNOWN):
        install(folder, release, *YEAR, f"cms-{release.kind}27", own)
    after = tree(folder)
    assert set(after) - set(before) == {"rvu/2027.csv", "gpci/2027.csv"}
    for name, content in before.items():
        assert after[name].startswith(content)
    assert params.faults(params.Config([folder])) == []


def test_a_factor_that_holds_is_kept(write, tmp_path):
    """The file of January 2024 must not undo the law of March 2024."""
    folder = tmp_path / "mine"
    release = only(write("a.csv", rvu_csv(2024, factor="32.7442")))
    days = date(2024, 1, 1), date(2024, 12, 31)
    written = install(folder, release, *days, "cms-rvu24", SHIPPED)
    assert [path.name for path in written] == ["2024.csv", "editions.toml"]
    config = params.Config([folder, ROOT / "config"])
    assert config.parameter("conversion_factor").on(date(2024, 6, 1)).text == "33.2875"


def test_a_factor_is_written_for_the_days_without_one(write, tmp_path):
    """December keeps its own, all of 2027 gets the file's; a user's March 2027 stays."""
    folder = tmp_path / "mine"
    folder.mkdir()
    text = "places = 4\n[[value]]\nfrom = 2027-03-01\nuntil = 2027-03-31\nvalue = 35.5000\n"
    text += 'applies_to = "nonQPP"\nsource = "pfs-final-2026"\n'
    (folder / "conversion_factor.toml").write_text(text)
    before = params.Config([folder, ROOT / "config"])
    release = only(write("a.csv", rvu_csv(2027, invented())))
    days = date(2026, 12, 1), date(2027, 12, 31)
    diff = changes(before, release, *days)
    assert diff.changed[:2] == [
        "conversion_factor nonQPP 33.4009 -> 34.0000 for 2027-01-01 to 2027-02-28",
        "conversion_factor nonQPP 35.5000 -> 34.0000 for 2027-04-01 to 2027-12-31",
    ]
    assert diff.kept == [
        f"conversion_factor nonQPP {stays}; the file's 34.0000 is not taken"
        for stays in (
            "33.4009 for 2026-12-01 to 2026-12-31",
            "35.5000 for 2027-03-01 to 2027-03-31",
        )
    ]
    install(folder, release, *days, "cms-rvu27", before)
    after = params.Config([folder, ROOT / "config"])
    assert params.faults(after) == []
    factor = after.parameter("conversion_factor")
    for day, amount in (
        ((2026, 12, 31), "33.4009"),
        ((2027, 1, 1), "34.0000"),
        ((2027, 2, 28), "34.0000"),
        ((2027, 3, 1), "35.5000"),
        ((2027, 3, 31), "35.5000"),
        ((2027, 4, 1), "34.0000"),
        ((2027, 12, 31), "34.0000"),
    ):
        assert factor.on(date(*day), "nonQPP").text == amount, day
    assert factor.find(date(2028, 1, 1), "nonQPP") is None


def test_a_factor_that_holds_is_not_announced(write):
    """The file of January 2024 against the law of March; nothing is said of what is the same."""
    release = only(write("a.csv", rvu_csv(2024, factor="32.7442")))
    diff = changes(SHIPPED, release, date(2024, 1, 1), date(2024, 12, 31))
    assert [line for line in diff.changed if "factor" in line] == []
    assert diff.kept == [
        "conversion_factor 33.2875 for 2024-03-09 to 2024-12-31; the file's 32.7442 is not taken"
    ]


def test_doubts(write):
    """What a release leaves open is said before anybody relies on it."""

    def said(release):
        return installing.doubts(release, changes(SHIPPED, release, *YEAR))

    both = cms.read(invented_zip(write), KNOWN)
    floor = "the work GPCI is the one with the 1.0 floor, and right only while the law keeps it"
    gone = "codes without figures now: 97150 is not in the release"
    assert [said(release) for release in both] == [[gone], [floor]]
    alone = only(write("PPRRVU2027_QPP.csv", rvu_csv(2026)))
    (only_qpp,) = said(alone)
    assert only_qpp.startswith("only the conversion factor of QPP is in these files")
    places = replace(both[1], rows=both[1].rows[:-2], notes=())
    assert said(places)[0].endswith(" and 1 more are not in the release")


def test_overlap(write, tmp_path):
    """Refused before anything is written; so are a file in the way and a faulty folder."""
    folder = tmp_path / "mine"
    release = only(write("a.csv", rvu_csv(2027, invented())))
    install(folder, release, *YEAR, "cms-rvu27", SHIPPED)
    before = tree(folder)
    with pytest.raises(InputError, match="overlaps the edition") as caught:
        install(folder, release, date(2027, 7, 1), date(2028, 6, 30), "cms-other", SHIPPED)
    assert caught.value.where.endswith("editions.toml")
    assert caught.value.hint.endswith("all files of a release go into one command")
    with pytest.raises(InputError, match="no key"):
        install(folder, release, *YEAR, 'a"b', SHIPPED)
    with pytest.raises(InputError, match="before --from"):
        install(folder, release, *reversed(YEAR), "cms-rvu27", SHIPPED)
    assert tree(folder) == before
    install(folder, release, date(2028, 1, 1), date(2028, 3, 31), "cms-rvu27", SHIPPED)
    assert params.faults(params.Config([folder, ROOT / "config"])) == []
    (folder / "rvu" / "2029.csv").write_text("mine")
    with pytest.raises(InputError, match="stands there already"):
        install(folder, release, date(2029, 1, 1), date(2029, 12, 31), "cms-rvu27", SHIPPED)
    (folder / "rvu" / "editions.toml").write_text("[[edition")
    with pytest.raises(ConfigError, match="is not TOML"):
        install(folder, release, date(2030, 1, 1), date(2030, 12, 31), "cms-rvu27", SHIPPED)


@pytest.mark.parametrize("failing", range(4))
def test_all_or_nothing(write, tmp_path, monkeypatch, failing):
    """A rename that fails undoes those before it and leaves no temporary file."""
    folder = tmp_path / "mine"
    release = only(write("a.csv", rvu_csv(2027, invented())))
    install(folder, release, *YEAR, "cms-rvu27", SHIPPED)
    before, replace, calls = tree(folder), installing.os.replace, []

    def breaks(source, target):
        calls.append(target)
        if len(calls) > failing:
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(installing.os, "replace", breaks)
    with pytest.raises(InputError, match="nothing was changed"):
        install(folder, release, date(2028, 1, 1), date(2028, 12, 31), "cms-rvu28", SHIPPED)
    assert len(calls) == failing + 1
    assert tree(folder) == before


def test_nothing_to_install(write, tmp_path):
    """Pairs of which none holds in these days are no edition."""
    more = [["97110", "97112", "", "20200101", "20201231", "1", ""]]
    release = only(write("p.csv", ptp_csv([], more=more)))
    with pytest.raises(InputError, match="no row holds"):
        install(tmp_path / "mine", release, *YEAR, "cms-ptp", SHIPPED)
    assert not (tmp_path / "mine").exists()


# --- several releases and the command -----------------------------------------------------


def test_a_zip_is_installed_whole_or_not_at_all(tmp_path, write, config):
    """RVU and GPCI of one zip; the second overlap leaves every file as it was."""
    known = set(config.codes)
    rvu = cms.read(invented_zip(write), known)
    plans = [(release, *YEAR) for release in rvu]
    folder = tmp_path / "figures"
    folder.mkdir()
    both = params.Config([folder, *config.folders])
    written = installing.install_all(folder, plans, "", both)
    assert {path.parent.name for path in written} >= {"rvu", "gpci"}
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    with pytest.raises(InputError, match="overlaps") as caught:
        installing.install_all(folder, plans[::-1], "", both)
    assert caught.value.where == str(folder / "gpci" / "editions.toml")
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    assert params.faults(params.Config([folder, *config.folders])) == []


def test_faults_of_an_import_name_the_users_folder(tmp_path, write, config):
    """Not the copy in which the releases are tried: a faulty file, and a table in the way."""
    folder = tmp_path / "figures"
    (folder / "rvu").mkdir(parents=True)
    (folder / "rvu" / "2027.csv").write_text("mine")
    plans = [(only(write("a.csv", rvu_csv(2027, invented()))), *YEAR)]
    with pytest.raises(InputError, match="stands there already") as caught:
        installing.install_all(folder, plans, "", config)
    assert caught.value.where == str(folder / "rvu" / "2027.csv")
    value = '[[value]]\nfrom = 2027-01-01\nuntil = 2027-12-31\nvalue = 0.01\nsource = "mine"\n'
    (folder / "rvu" / "2027.csv").unlink()
    (folder / "conversion_factor.toml").write_text(f"places = 4\n{value}{value}")
    with pytest.raises(ConfigError, match="overlaps") as caught:
        installing.install_all(folder, plans, "", config)
    assert caught.value.where == f"{folder}/conversion_factor.toml: value 2"
    assert caught.value.what.endswith(f"{folder}/conversion_factor.toml: value 1")


def test_the_command_imports_and_the_estimate_follows(tmp_path, write):
    """A zip for an invented 2027: dry run writes nothing, import prices, 2028 names the remedy."""
    from click.testing import CliRunner

    from calc.cli import cli

    folder = tmp_path / "figures"
    folder.mkdir()
    where = ["--config", str(folder)]
    days = ["--from", "2027-01-01", "--until", "2027-12-31"]
    source = str(invented_zip(write))

    def run(*words):
        params._load.cache_clear()
        return CliRunner().invoke(cli, words)

    missing = run("config", "import", source, *where)
    assert "does not say which days" in str(missing.exception)
    dry = run("config", "import", source, *where, *days, "--dry-run")
    assert (dry.exit_code, list(folder.iterdir())) == (0, [])
    done = run("config", "import", source, *where, *days)
    assert (done.exit_code, done.stdout) == (0, dry.stdout)
    assert "GPCI2027.csv: the work GPCI is the one with the 1.0 floor" in done.stderr
    assert run("config", "check", str(folder)).exit_code == 0
    priced = run("estimate", "97116=20", "--date", "2027-01-05", *where)
    assert priced.exit_code == 0
    assert "Allowed         $" in priced.stdout
    later = run("estimate", "97116=20", "--date", "2028-01-05", *where)
    assert "config import" in later.exception.hint


def test_a_workbook_is_read_as_its_first_sheet(write, tmp_path, config):
    """The MUE file as CMS also publishes it; whole numbers stay whole."""
    import xlsxwriter

    rows = list(csv.reader(io.StringIO(mue_csv())))
    path = tmp_path / "mue.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell.isdigit() and len(cell) < 3:
                    sheet.write_number(number, column, int(cell))
                else:
                    sheet.write_string(number, column, cell)
    (ours,) = cms.read(str(path), KNOWN)
    (theirs,) = cms.read(str(write("mue.csv", mue_csv())), KNOWN)
    assert ours.rows == theirs.rows
