"""Files of every format: the same log gives the same lines; what is no log is one clear line."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import uuid
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import fuzz
import narwhals.stable.v2 as nw
import polars as pl
import pytest
from click.testing import CliRunner
from helpers import ROOT, rejects, sessions

import calc
from calc import (
    balances,
    batches,
    decoding,
    engine,
    files,
    headings,
    inputs,
    lengths,
    logs,
    times,
    workbooks,
    written,
)
from calc.cli import cli
from calc.errors import InputError
from calc.schema import LINE

HEAD = "patient,date,code,start,end,minutes,note\n"
ROWS = HEAD + (
    "P1,2026-03-02,97110,09:00,09:23,,é\nP1,2026-03-02,97116,09:23,09:40,15,\n"
    "P2,2026-03-03,97140,10:00,10:31,,b\nP3,2026-03-03,99999,10:00,10:31,,c\n"
)
GOOD = "p,2026-03-02,97116,09:00,09:20,,\n"


def put(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def bill(*words):
    """Exit code, standard output and error of `bill`."""
    result = CliRunner().invoke(cli, ["bill", *map(str, words)], standalone_mode=False)
    error = result.exception
    said = f"{error.where}: {error.what}" if isinstance(error, InputError) else ""
    assert error is None or said, result.output
    return (2 if said else 0), result.stdout, result.stderr + said


# --- formats -----------------------------------------------------------------------------------


def workbook(path, mac=False):
    """The rows with Excel's own dates and times, and a title above; Macs counted from 1904."""
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"date_1904": mac}) as book:
        book.add_worksheet("cover").write(0, 0, "nothing here")
        sheet = book.add_worksheet("log")
        forms = [book.add_format({"num_format": text}) for text in ("m/d/yyyy", "h:mm AM/PM")]
        sheet.merge_range("A1:G1", "Riverbend Therapy")
        for number, row in enumerate(csv.reader(io.StringIO(ROWS))):
            for place, cell in enumerate(row):
                if number and place == 1:
                    sheet.write_datetime(number + 2, place, date.fromisoformat(cell), forms[0])
                elif number and place in (3, 4):
                    sheet.write_datetime(number + 2, place, time.fromisoformat(cell), forms[1])
                elif number and place == 5 and cell and mac:
                    sheet.write_datetime(number + 2, place, timedelta(minutes=int(cell)), forms[1])
                elif number and place in (2, 5) and cell:
                    sheet.write_number(number + 2, place, int(cell))
                else:
                    sheet.write_string(number + 2, place, cell)


def made(tmp_path):
    """The same log in every format, as (path, sheet)."""
    rows = list(csv.DictReader(io.StringIO(ROWS)))
    typed = pl.read_csv(io.StringIO(ROWS), try_parse_dates=True)
    objects = [
        {k: int(v) if k == "minutes" and v else v or None for k, v in r.items()} for r in rows
    ]
    typed.write_parquet(tmp_path / "typed.parquet")
    workbook(tmp_path / "a.xlsx")
    yield tmp_path / "typed.parquet", ""
    yield tmp_path / "a.xlsx", "LOG"
    workbook(tmp_path / "mac.xlsx", mac=True)
    yield tmp_path / "mac.xlsx", "LOG"
    for name, data in {
        "a.csv": ROWS,
        "bom.csv": b"\xef\xbb\xbf" + ROWS.encode(),
        "semi.csv": ROWS.replace(",", ";"),
        "a.tsv": ROWS.replace(",", "\t"),
        "pipes.csv": ROWS.replace(",", "|"),
        "windows.csv": ROWS.replace("\n", "\r\n").encode("cp1252"),
        "mac.csv": ROWS.replace("\n", "\r"),
        "mac of windows.csv": ROWS.replace("\n", "\r").encode("cp1252"),
        "old mac.csv": ROWS.replace("\n", "\r").encode("mac-roman"),
        "u16.csv": ROWS.encode("utf-16"),
        "u16le.csv": ROWS.encode("utf-16-le"),
        "u16be.txt": ROWS.encode("utf-16-be"),
        "a.csv.gz": gzip.compress(ROWS.encode()),
        "two.gz": gzip.compress(ROWS[:50].encode()) + gzip.compress(ROWS[50:].encode()),
        "a.json": json.dumps(objects),
        "wrapped.json": json.dumps({"made": "x", "rows": objects}),
        "a.jsonl": "\n".join(map(json.dumps, objects)),
        "wrong.xlsx": ROWS,
        "wrong.csv": (tmp_path / "typed.parquet").read_bytes(),
        "wrong.parquet": json.dumps(objects),
        "title.csv": f"Riverbend Therapy\n\nWeek 10,,,\n{ROWS}",
        "quoted.csv": ROWS.replace("P2", '"P2"'),
    }.items():
        yield put(tmp_path, name, data), ""


def test_the_same_log_in_every_format(tmp_path, config):
    """csv in every encoding and delimiter, xlsx, Parquet, JSON: identical lines and rejects."""
    expected = None
    for path, sheet in made(tmp_path):
        lines, bad = calc.bill(path, rejects=True, sheet=sheet)
        found = lines.to_dicts(), bad["reason"].to_list()
        expected = expected or found
        assert found == expected, path.name
        assert logs.read(path, config, logs.Defaults(sheet=sheet)).files[0].rows == 4
    assert [line["units"] for line in expected[0]] == [2, 1, 2]


def test_standard_input_is_known_by_its_content(tmp_path, monkeypatch, config):
    """`-` may hold any format."""
    for path, sheet in list(made(tmp_path))[:6]:
        stdin = type("Stdin", (), {"buffer": io.BytesIO(path.read_bytes())})
        monkeypatch.setattr(sys, "stdin", stdin)
        log = logs.read("-", config, logs.Defaults(sheet=sheet))
        assert (len(sessions(log)), len(rejects(log))) == (3, 1)


def test_row_numbers_are_those_of_the_file(tmp_path, config):
    """Rows count from the file's first record, titles too."""
    log = logs.read(put(tmp_path, "a.csv", f"Riverbend\n,,\n{ROWS}"), config)
    assert [row["row"] for row in sessions(log)] == [4, 5, 6]
    assert rejects(log)[0]["row"] == 7


def test_files_are_known_by_digest_and_rows(tmp_path, config):
    """Name, SHA-256 and number of records of each file."""
    import hashlib

    path = put(tmp_path, "a.csv", ROWS)
    (file,) = logs.read(path, config).files
    assert file == inputs.File(
        str(path), hashlib.sha256(ROWS.encode()).hexdigest(), 4, by_line=True
    )


def ods(*rows):
    """A sheet of an ods with cells as they are written in it; a text without brackets is text."""
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    cells = ([cell if cell[:1] == "<" else text.format(cell) for cell in row] for row in rows)
    body = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in cells)
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return zipped({
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": f'<m:manifest xmlns:m="{manifest}"/>',
        "content.xml": f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="Log">{body}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>",
    })  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("content.xml", "<table:table-row " + 'table:number-rows-repeated="1"'),
        ("content.xml", "<table:table-row " + "table:number-rows-repeated=1 "),
        ("content.xml", 'table:number-columns-repeated="1"'),
        ("content.xml", '<table:table-cell table:number-columns-repeated="1" '),
        ("content.xml", 'table:formula<table:table-cell a="'),
        ("content.xml", "office:time-value = "),
        ("xl/worksheets/sheet1.xml", ":f<c "),
        ("xl/worksheets/sheet1.xml", ":f<c><f "),
        ("xl/worksheets/sheet1.xml", "<f "),
        ("xl/worksheets/sheet1.xml", 't="e"<c '),
        ("xl/worksheets/sheet1.xml", ":f<aaaa"),
    ],
)
@pytest.mark.parametrize("once", [False, True])
def test_no_part_of_a_workbook_is_looked_through_again_and_again(name, text, once):
    """A file of a kilobyte would else take hours: it packs what stands there 100,000 times."""
    first, _, rest = text.rpartition(" ") if once else ("", "", text)
    parts = {name: f"{first} " + f"{rest} " * 100_000}
    if name != "content.xml":
        parts["xl/workbook.xml"] = ""
    data = zipped(parts)
    assert decoding.kind(data, "log") == ("ods" if name == "content.xml" else "xlsx")
    assert workbooks.seen(data, "log")


@pytest.mark.parametrize(
    ("cell", "refused"),
    [
        ("table:number-columns-repeated = '9000' office:value-type='float'", True),
        ('table:number-columns-repeated="0009000" office:value-type="float"', True),
        ('table:number-columns-repeated="9000" office:value-type="float"', True),
        ('office:value-type="float" table:number-columns-repeated="9000"', True),
        ('table:number-columns-repeated="9000"', False),
        ('table:number-columns-repeated="90" office:value-type="float"', False),
    ],
)
def test_cells_that_say_how_often_they_stand_there(cell, refused):
    many = 'table:number-rows-repeated="9000"'
    value = f"<table:table-cell {cell}/></table:table-row>"
    blank = "<table:table-cell/></table:table-row>"
    text = f"<table:table-row {many}>{value}<table:table-row {many}0>{blank}"
    archive = zipfile.ZipFile(io.BytesIO(zipped({"content.xml": text})))
    if not refused:
        decoding._check_repeats(archive, "log.ods")
        return
    with pytest.raises(InputError, match="81,000,000 cells"):
        decoding._check_repeats(archive, "log.ods")


def test_a_cell_that_stands_there_without_end():
    """Of a number with more digits than any sheet has rows the first ones are enough."""
    many = f'table:number-rows-repeated="{"9" * 5000}"'
    text = (
        f'<table:table-row {many}><table:table-cell office:value-type="float"/></table:table-row>'
    )
    archive = zipfile.ZipFile(io.BytesIO(zipped({"content.xml": text})))
    with pytest.raises(InputError, match="999,999,999 cells"):
        decoding._check_repeats(archive, "log.ods")


def test_a_cell_where_no_sheet_has_one(tmp_path, config, capfd):
    """The reader of workbooks gives up with an error of a kind of its own, and a stack."""
    path = tmp_path / "log.xlsx"
    workbook(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet2.xml"
    assert b'r="B4"' in parts[sheet]
    parts[sheet] = parts[sheet].replace(b'r="B4"', b'r="ZZZZZZ99999999999"')
    path.write_bytes(zipped(parts))
    with pytest.raises(InputError, match="cannot be read"):
        logs.read(path, config)
    assert capfd.readouterr().err == ""


def test_a_sheet_as_wide_as_a_sheet_can_be(tmp_path, config):
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "log.xlsx") as book:
        sheet = book.add_worksheet()
        for row in range(3):
            sheet.write_row(row, 0, [f"column {place}" for place in range(16_384)])
    with pytest.raises(InputError, match="16,384 columns, more than 1,000"):
        logs.read(tmp_path / "log.xlsx", config)


@pytest.mark.parametrize("part", ["1:", "GP ", "(", '"x"x', "cancelled "])
@pytest.mark.parametrize("heading", ["status", "Claim Status", "Type of Bill"])
def test_a_long_status_is_looked_through_once(heading, part, tmp_path, config):
    path = tmp_path / "log.json"
    row = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": 8}
    path.write_text(json.dumps([row, row | {heading: part * 100_000}]))
    log = logs.read(path, config)
    assert engine.count(log.sessions) + len(engine.collect(log.rejects())) == 2


@pytest.mark.parametrize(
    "text", ['[{"patient": "p", "\\ud800": 1}]', '{"\\ud800": "x"}\n{"patient": 1}']
)
def test_names_in_json_that_are_no_text(text, tmp_path, config):
    path = tmp_path / "log.json"
    path.write_text(text)
    with pytest.raises(InputError, match="a name holds a character that is no text"):
        logs.read(path, config)


LENGTH = (
    "<table:table-cell {} office:value-type='time' office:time-value=\"{}\"><text:p>x</text:p>"
    "</table:table-cell>"
)


@pytest.mark.parametrize(
    ("length", "minutes", "rejected"),
    [
        ("PT00H22M30.5S", 22, ""),
        ("PT23M", 23, ""),
        ("P0DT01H05M", 65, ""),
        ("PT47H00M00S", 0, "47:00:00"),
        ("P1DT2H", 0, "26:00:00"),
        ("-PT00H23M00S", 0, "-PT00H23M00S"),
    ],
)
@pytest.mark.parametrize("more", ["", 'table:number-columns-repeated="1" table:formula="of:=1"'])
def test_a_length_in_ods_is_never_blank(
    length, minutes, rejected, more, tmp_path, config, monkeypatch
):
    """The reader has no type for a day and more: those were billed by the clock times alone."""
    monkeypatch.setattr(decoding, "_CHUNK", 50)  # a cell is cut in pieces
    head = ["Patient", "DOS", "CPT", "Time In", "Time Out", "Min", "Note"]
    row = ["P1", "2026-03-02", "97110", "09:00", "10:10", LENGTH.format(more, length), "é"]
    log = logs.read(put(tmp_path, "a.ods", ods(head, row)), config)
    assert [found["given_ms"] // 60_000 for found in sessions(log)] == [minutes] * (not rejected)
    reasons = [bad["reason"] for bad in rejects(log)]
    said = f'minutes "{rejected}" is not a number of minutes'
    assert reasons == ([said] if rejected else [])
    assert [bad["Min"] for bad in rejects(log)] == ([rejected] if rejected else [])


def test_errors_of_a_workbook_are_no_blanks(tmp_path, config):
    """As in the csv that it is saved as: #N/A is no payer, and nobody can tell the minutes."""
    import xlsxwriter

    error = '<c r="D2" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Patient", "DOS", "CPT", "Min", "Payer"])
        for row in (1, 2, 3):
            sheet.write_row(row, 0, ["P1", "2026-03-02", 97110, 23, "Medicare"])
        sheet.write_formula("D2", "=1/0", None, "#DIV/0!")
        sheet.write_formula("E3", "=NA()", None, "#N/A")
        for row in (5, 6):  # filled down below the log
            sheet.write_formula(f"E{row}", "=NA()", None, "#N/A")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert error in archive.read("xl/worksheets/sheet1.xml").decode()
    log = logs.read(tmp_path / "a.xlsx", config)
    assert [found["row"] for found in sessions(log)] == [4]
    assert [bad["reason"] for bad in rejects(log)] == [
        'minutes "#DIV/0!" is not a number of minutes',
        'payer "#N/A" is not known',
    ]


def test_an_error_below_provider_names_none(tmp_path, config):
    """Two rows of one billing provider are one pool, as where the cell is blank."""
    rows = ["A,2026-03-02,97110,23,,5E+10", "A,2026-03-02,97110,23,#N/A,5E+10"]
    text = "\n".join(["Patient,DOS,CPT,Min,Provider,Diagnosis", *rows])
    found = sessions(logs.read(put(tmp_path, "a.csv", text), config))
    assert [row["provider"] for row in found] == ["", ""]


def test_a_sheet_that_cannot_be_read_is_no_matter(tmp_path, config):
    """Where another one is read."""
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        for name in ("Log", "Other"):
            book.add_worksheet(name).write_row(0, 0, ["Patient", "DOS", "CPT", "Min"])
        book.get_worksheet_by_name("Log").write_row(1, 0, ["P1", "2026-03-02", 97110, 23])
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    parts["xl/worksheets/sheet2.xml"] = parts["xl/worksheets/sheet2.xml"][:200]
    log = logs.read(put(tmp_path, "b.xlsx", zipped(parts)), config)
    assert len(sessions(log)) == 1


def test_hidden_sheets_come_last(tmp_path, config):
    """What the user sees is read, and a hidden sheet only where no other holds a log."""
    import xlsxwriter

    for name, heads in (("a.xlsx", ["Patient", "DOS", "CPT", "Min"]), ("b.xlsx", ["x", "y"])):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            old, new = book.add_worksheet("Old"), book.add_worksheet("New")
            old.write_row(0, 0, ["Patient", "DOS", "CPT", "Min"])
            new.write_row(0, 0, heads)
            for sheet, patient in ((old, "P1"), (new, "P2")):
                sheet.write_row(1, 0, [patient, "2026-03-02", 97110, 23])
            old.hide()
            new.activate()
            new.set_first_sheet()
    seen, hidden = (logs.read(tmp_path / name, config) for name in ("a.xlsx", "b.xlsx"))
    assert [found["patient"] for found in sessions(seen)] == ["P2"]
    assert 'read sheet "New"; left out Old (see --sheet)' in seen.notes[0]
    assert [found["patient"] for found in sessions(hidden)] == ["P1"]
    assert 'read hidden sheet "Old"; left out New (see --sheet)' in hidden.notes[0]
    asked = logs.read(tmp_path / "a.xlsx", config, logs.Defaults(sheet="Old"))
    assert [found["patient"] for found in sessions(asked)] == ["P1"]


def test_a_length_below_zero_is_none(tmp_path, config):
    """A spreadsheet shows ###, and nobody has treated for so long."""
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet, hours = book.add_worksheet(), book.add_format({"num_format": "[h]:mm"})
        sheet.write_row(0, 0, ["Patient", "DOS", "CPT", "Min"])
        for row, days in ((1, -0.98), (2, 0.02)):
            sheet.write_row(row, 0, ["P1", "2026-03-02", 97110])
            sheet.write(row, 3, days, hours)
    log = logs.read(tmp_path / "a.xlsx", config)
    assert [found["row"] for found in sessions(log)] == [3]
    assert [bad["reason"] for bad in rejects(log)] == [
        'minutes "1899-12-30 00:28:48" is not a number of minutes'
    ]


HEADS = ["Patient", "DOS", "CPT", "Min", "Charge", "Note"]
FORMULA = '<c r="{place}"><f>2*20</f><v>40</v></c>'  # as written with its result


def reckoned(tmp_path, *places, cell=FORMULA, heads=HEADS):
    """A workbook with formulas, below a title, in ``places``; each looks like ``cell``."""
    import xlsxwriter

    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Log")
        sheet.write(0, 0, "Riverbend")
        sheet.write_row(2, 0, heads)
        for row in (3, 4):
            sheet.write_row(row, 0, ["P1", "2026-03-02", 97110, 23, 90, "x"])
        for place in places:
            sheet.write_formula(place, "=2*20", None, 40)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    for place in places:
        assert FORMULA.format(place=place) in parts[name]
        parts[name] = parts[name].replace(FORMULA.format(place=place), cell.format(place=place))
    return put(tmp_path, "b.xlsx", zipped(parts))


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="{place}"><f>2*20</f><v /></c>',
        '<c r="{place}" t="n"><f>2*20</f><v/></c>',
        '<c r="{place}"><f>2*20</f></c>',
        '<c r="{place}">\n <f t="shared" ref="E4:E5" si="0">2*20</f>\n <v/>\n</c>',
        '<c r="{place}"><f t="shared" si="0"/></c>',
        '<c r="{place}"><f ca="1">IF(A1&lt;2,"a/b","")</f><v/></c>',
    ],
)
def test_formulas_without_results_are_no_blank_cells(cell, tmp_path, config, monkeypatch):
    """As programs write them that do not reckon: a charge was no cap, unsaid."""
    monkeypatch.setattr(decoding, "_CHUNK", 50)  # a cell is cut in pieces
    path = reckoned(tmp_path, "E5", "D5", "F4", cell=cell)
    with pytest.raises(
        InputError, match='2 formulas have no results, first in column "Min"'
    ) as error:
        logs.read(path, config)
    assert error.value.where == f"{path}:5"
    assert error.value.hint == "open the file in Excel, save it and try again"
    with pytest.raises(InputError, match=':4: 1 formula has no result, first in column "Charge"'):
        logs.read(reckoned(tmp_path, "E4", cell=cell), config)
    with pytest.raises(InputError, match=":3: a heading is a formula that has no result"):
        logs.read(reckoned(tmp_path, "E3", "E4", cell=cell), config)
    log = logs.read(reckoned(tmp_path, "F4", cell=cell), config)
    assert [row["charge_cents"] for row in sessions(log)] == [9000, 9000]
    (note,) = log.carried
    assert [row[note] for row in sessions(log)] == [None, "x"]
    said = 'formulas in "Note" have no results, so they are blank: open the file in Excel, save it'
    assert said in log.notes[0] and len(log.notes) == 1


@pytest.mark.parametrize(
    ("cell", "charge"),
    [
        (FORMULA, 4000),
        ('<c r="{place}" t="str"><f>"40"</f><v>40</v></c>', 4000),
        ('<c r="{place}" t="str"><f>""</f><v></v></c>', None),
        ('<c r="{place}" t="str"><f>""</f><v/></c>', None),
        ('<c r="{place}"><f>""</f><v></v></c>', None),
        ('<c r="{place}" s="1"/>', None),
    ],
)
def test_formulas_with_results_are_those(cell, charge, tmp_path, config):
    """A blank text is one."""
    log = logs.read(reckoned(tmp_path, "E4", cell=cell), config)
    assert [row["charge_cents"] for row in sessions(log)] == [charge, 9000]
    assert log.notes == []


def test_formulas_without_results_under_other_names(tmp_path, config):
    """Names of xlsx may have a prefix; in ods a cell has a formula and no kind of value."""
    path = reckoned(tmp_path, "E4", cell='<c r="{place}"><f>2*20</f><v/></c>')
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    name, main = "xl/worksheets/sheet1.xml", "http://schemas.openxmlformats.org/spreadsheetml"
    sheet = re.sub(r"<(/?)(?=\w)", r"<\1x:", parts[name])
    parts[name] = sheet.replace(f'xmlns="{main}', f'xmlns:x="{main}')
    kinds = ("", ' office:value-type="float" office:value="40"', ' office:value-type="string"')
    bare, *others = (f'<table:table-cell table:formula="of:=2*20"{kind}/>' for kind in kinds)
    row = ["P1", "2026-03-02", "97110", "23"]
    for data in (zipped(parts), ods(HEADS, [*row, bare])):
        with pytest.raises(InputError, match='1 formula has no result, first in column "Charge"'):
            logs.read(put(tmp_path, "c", data), config)
    log = logs.read(put(tmp_path, "c", ods(HEADS, *([*row, cell] for cell in others))), config)
    assert [row["charge_cents"] for row in sessions(log)] == [4000, None]


# --- several files -----------------------------------------------------------------------------


def test_several_files_and_a_folder(tmp_path, config):
    """One run over files with differing columns; `file` tells them apart, rejects too."""
    one = put(tmp_path, "a.csv", ROWS)
    two = put(
        tmp_path, "b.jsonl", '{"MRN":"P9","DOS":"2026-03-02","CPT":"97110","Mins":5,"room":1}\n'
    )
    put(tmp_path, "c.rejects.csv", "x")
    put(tmp_path, "d.docx", "x")
    log = logs.read([one, two], config)
    assert [row["file"] for row in sessions(log)].count(str(two)) == 1
    assert log.carried == ("note (log)", "room (log)")
    (bad,) = rejects(log)
    assert (bad["file"], bad["row"]) == (str(one), 5)
    folder = logs.read(tmp_path, config)
    assert [file.name for file in folder.files] == [str(one), str(two)]
    assert folder.notes == [f"{tmp_path}: left out c.rejects.csv, d.docx"]
    code, out, err = bill(one, two, "--format", "csv", "--rejects", tmp_path / "r.csv")
    assert code == 0
    assert out.splitlines()[0].endswith(",reason,note,room")
    assert err.splitlines()[-1].startswith("5 rows read, 4 used, 1 rejected")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_links_and_pipes_in_a_folder(tmp_path, config):
    """A link that leads nowhere is a log that cannot be read; a pipe is named as left out."""
    put(tmp_path, "a.csv", ROWS)
    os.mkfifo(tmp_path / "pipe.csv")
    assert logs.read(tmp_path, config).notes == [f"{tmp_path}: left out pipe.csv"]
    (tmp_path / ".#a.csv").symlink_to("somebody@somewhere")  # an editor's lock
    (tmp_path / "may.csv").symlink_to(tmp_path / "moved.csv")
    for words in ([], ["--jobs", "1", "-o", tmp_path.parent / "lines.parquet"]):
        code, _, err = bill(tmp_path, *words)
        assert code == 2
        assert "may.csv: cannot be read (No such file or directory)" in err


def test_a_file_named_twice(tmp_path, config):
    """The same rows would be billed twice."""
    path = put(tmp_path, "a.csv", ROWS)
    with pytest.raises(InputError, match="named twice"):
        logs.read([path, path], config)
    twin = put(tmp_path, "b.csv", ROWS)
    assert "same bytes" in logs.read([path, twin], config).notes[0]


# --- headings ----------------------------------------------------------------------------------

OWN = "Who,When,What,How Long\np,2026-03-02,97116,20\n"
PAIRS = ("Who=patient", "when=date", "What=code", "HOW LONG=minutes")
MAPS = [word for pair in PAIRS for word in ("--map", pair)]


def test_maps_and_a_saved_mapping(tmp_path):
    """--map, and the same from a file that --save-map wrote."""
    path, saved = put(tmp_path, "a.csv", OWN), tmp_path / "map.toml"
    first = bill(path, *MAPS, "--save-map", saved, "--format", "csv")
    assert (first[0], first[1].splitlines()[1][:12]) == (0, "p,2026-03-02")
    assert bill(path, "--map-file", saved, "--format", "csv") == first
    path = put(tmp_path, "b.csv", OWN.replace("Long", "Long,Insurance").replace(",20\n", ",20,x\n"))
    first = bill(path, *MAPS, "--map", "Insurance=", "--save-map", saved, "--format", "csv")
    assert first[0] == 0 and '"" = ["Insurance"]' in saved.read_text()
    assert bill(path, "--map-file", saved, "--format", "csv") == first


def test_a_saved_mapping_of_odd_headings(tmp_path):
    """With line breaks, quotes and what else toml does not take as it stands."""
    head = '"Patient\nID",DOS,CPT,"Long\t(""net"") \\ \x7f\x01"'
    path, saved = put(tmp_path, "a.csv", f"{head}\np,2026-03-02,97116,20\n"), tmp_path / "map.toml"
    pair = 'Long\t("net") \\ \x7f\x01=minutes'
    first = bill(path, "--map", pair, "--save-map", saved, "--format", "csv")
    assert first[0] == 0
    assert bill(path, "--map-file", saved, "--format", "csv") == first
    saved.write_text(saved.read_text(), encoding="utf-8-sig")
    assert bill(path, "--map-file", saved, "--format", "csv") == first


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--map", "Who"], '"Who" is no mapping'),
        (["--map", "Who=patients"], '"patients" is no column of ours'),
        ([*MAPS, "--map", "Nobody=patient"], 'heading "Nobody" of the mapping is not in the log'),
        (["--map-file", "no-such.toml"], "cannot be read"),
        (["--map-file", "README.md"], "cannot be read"),
        (["--sheet", "x"], "has no sheets"),
        ([], "missing heading patient, code, date"),
    ],
)
def test_wrong_maps(words, says, tmp_path):
    """A mapping that maps nothing is an error."""
    code, _, err = bill(put(tmp_path, "a.csv", OWN), *words)
    assert code == 2
    assert says in err


def test_a_mapping_of_numbers(tmp_path):
    """Neither a heading nor a list of them."""
    saved = put(tmp_path, "map.toml", "[columns]\nstart = 3\n")
    code, _, err = bill(put(tmp_path, "a.csv", OWN), "--map-file", saved)
    assert code == 2
    assert "map.toml: start: is no list of headings" in err


def test_two_headings_for_one_column(tmp_path, config):
    """The user says which; the other is carried."""
    text = "MRN,Patient Name,DOS,CPT,Mins\n7,Doe,2026-03-02,97116,20\n"
    path = put(tmp_path, "a.csv", text)
    with pytest.raises(InputError, match="both mean patient") as error:
        logs.read(path, config)
    assert '--map "MRN=patient"' in error.value.hint
    log = logs.read(path, config, maps={"MRN": "patient"})
    assert (sessions(log)[0]["patient"], log.carried) == ("7", ("Patient Name (log)",))


@pytest.mark.parametrize(
    ("pair", "column"),
    [
        (("Date", "DOS"), "date"),
        (("Patient", "MRN"), "patient"),
        (("MINUTES", "Duration"), "minutes"),
        (("Charge", "Total Charge"), "charge"),
        (("Date", "DATE"), "date"),
    ],
)
def test_our_own_word_in_other_letters_is_one_alias_among_others(pair, column, tmp_path, config):
    """Only a heading as the template prints it is meant as ours; `Date` beat DOS, silently."""
    row = {"patient": "p", "date": "2026-03-02", "code": "97116", "minutes": "20", "charge": "9"}
    cells = {name: cell for name, cell in row.items() if name != column}
    for first, second in (pair, pair[::-1]):
        text = ",".join([*cells, first, second]) + "\n" + ",".join([*cells.values(), "x", "y"])
        with pytest.raises(InputError, match=f'"{first}" and "{second}" both mean'):
            logs.read(put(tmp_path, "a.csv", text + "\n"), config)
    text = (
        ",".join([*cells, column, *pair]) + "\n" + ",".join([*cells.values(), row[column], "", ""])
    )
    log = logs.read(put(tmp_path, "a.csv", text + "\n"), config)
    assert (rejects(log), log.mapping[column]) == ([], [column])
    assert len(log.notes) == 2 and f'"{column}" is read as {column}' in log.notes[0]


@pytest.mark.parametrize("more", [(), ("--jobs", "1")])
def test_a_heading_that_is_passed_over_is_said(more, tmp_path):
    """Beside our own heading, or one that a mapping puts in its place."""
    text = "patient,date,DOS,Entered,code,minutes\np,2026-03-01,2026-03-02,2026-03-03,97116,20\n"
    path = put(tmp_path, "a.csv", text)
    output = tmp_path / "lines.parquet"

    def billed(*maps):
        code, _, err = bill(path, *maps, *more, "-o", output)
        assert code == 0
        return str(pl.read_parquet(output)["date"][0]), err

    day, err = billed()
    assert day == "2026-03-01"
    assert '"DOS" is not read: "date" is read as date; to read it instead: --map "DOS=date"' in err
    day, err = billed("--map", "DOS=date")
    assert day == "2026-03-02"
    assert '"date" is not read: the mapping reads "DOS" as date' in err
    day, err = billed("--map", "Entered=date")
    assert day == "2026-03-03" and '"date" is not read' in err
    for maps in (["--map", "date=date"], ["--map", "date=", "--map", "DOS=date"]):
        assert "is not read" not in billed(*maps)[1]
    assert "is not read" not in billed("--map", "DOS=")[1]


def test_a_heading_like_one_that_money_goes_by_is_said(tmp_path):
    """Ordinary columns that are carried stay silent, and those that a mapping says to carry."""
    row = {"patient": "p", "date": "2026-03-02", "code": "97116", "minutes": "20"}
    odd = {"Payer Nm": "payer", "Chrg": "", "Charge Amnt": "charge", "Unts": "units_billed"}
    odd |= {
        "Modifer 1": "modifiers_billed",
        "Dicipline": "discipline",
        "Discharge": "",
        "Notes": "",
    }
    text = ",".join([*row, *odd]) + "\n" + ",".join([*row.values(), *("" for _ in odd)]) + "\n"
    path = put(tmp_path, "a.csv", text)
    said = [
        f'note: {path}: "{name}" is not read; if it means {column}: --map "{name}={column}"'
        for name, column in odd.items()
        if column
    ]
    assert sorted(bill(path)[2].splitlines()[: len(said)]) == sorted(said)
    assert "is not read" not in bill(path, *(f"--map={name}=" for name in odd))[2]


NONE_OF_OURS = ["Charge Date", "Carrier ID", "Units Billed By", "Unit Cost", "Unit Charge"]


@pytest.mark.parametrize("name", [*NONE_OF_OURS, "Unit Amt", "Charge Unit", "Charges per Units"])
def test_a_heading_whose_last_word_says_what_it_is_is_like_no_other(tmp_path, name):
    path = put(tmp_path, "a.csv", f"patient,date,code,minutes,{name}\np,2026-03-02,97116,20,\n")
    assert "is not read" not in bill(path)[2]


def test_a_missing_heading_names_the_nearest(tmp_path, config):
    """Misspelt headings are named with what they may mean."""
    path = put(tmp_path, "a.csv", "Pateint,DOS,CPT Cod,Mins\np,2026-03-02,97116,20\n")
    with pytest.raises(InputError, match="missing heading patient, code") as error:
        logs.read(path, config)
    assert "nearest: Pateint (patient), CPT Cod (code)" in error.value.hint
    path = put(tmp_path, "b.csv", "What,DOS,CPT,Mins\np,2026-03-02,97116,20\n")
    with pytest.raises(InputError, match="missing heading patient") as error:
        logs.read(path, config)
    assert "nearest" not in error.value.hint  # "What" is like "Chart" by chance


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Service Start Date", "Service End Date"),
        ("From Date", "To Date"),
        ("Date From", "Date To"),
        ("Service Date From", "Service Date To"),
        ("Svc Date From", "Svc Date To"),
        ("Service From", "Service To"),
        ("Date of Service From", "Date of Service To"),
        ("First Date of Service", "Last Date of Service"),
    ],
)
def test_of_a_period_the_first_day_is_the_date(first, last, tmp_path, config):
    """Its last day was named as the nearest, and billed."""
    text = f"MRN,{last},{first},CPT,Units,Minutes\np,2026-03-31,2026-03-01,97110,2,30\n"
    (row,) = sessions(logs.read(put(tmp_path, "a.csv", text), config))
    assert row["date"] == date(2026, 3, 1)
    for name in (last, last.replace("To", "Thru"), last.replace("End", "Through")):
        path = put(tmp_path, "b.csv", f"MRN,{name},CPT,Minutes\n")
        with pytest.raises(InputError, match="missing heading date") as error:
            logs.read(path, config)
        assert "nearest" not in error.value.hint


@pytest.mark.parametrize(
    ("headings", "lacking", "hint"),
    [
        ("MRN,SOC Date,CPT", "date", ""),
        ("MRN,Next Appointment Date,Last Visit Date,CPT", "date", ""),
        ("MRN,Statement Date,Payment Date,CPT", "date", ""),
        ("MRN,Servce Date,Payment Date,CPT", "date", "nearest: Servce Date (date);"),
        ("MRN,SERVICE_DT_TM,HCPCS", "date", "nearest: SERVICE_DT_TM (date);"),
        ("Patient DOB,Patient Type,Patient Sex,DOS,CPT", "patient", ""),
        ("Patient Nam,Pat Chart #,DOS,CPT", "patient", "nearest: Pat Chart # (patient); say"),
        ("Patient Nam,DOS,CPT", "patient", "nearest: Patient Nam (patient); say"),
        *(
            (
                f"{names},DOS,CPT",
                "patient",
                "; join last and first name in one column, or say which one holds an ID by --map",
            )
            for names in ("Patient Last Name,Patient First Name", "Last,First", "Surname,Room")
        ),
        ("Last Visit,DOS,CPT", "patient", "CPT; say which one by --map"),
    ],
)
def test_what_is_proposed_may_be_followed(headings, lacking, hint, tmp_path, config):
    """No other day as the date, no part of a name as the patient, an ID before a name."""
    path = put(tmp_path, "a.csv", f"{headings}\n")
    with pytest.raises(InputError, match=f"missing heading {lacking}") as error:
        logs.read(path, config)
    assert hint in error.value.hint
    assert ("nearest" in error.value.hint) is ("nearest" in hint)


@pytest.mark.parametrize(
    ("headings", "named"),
    [
        ("Patient Name,Patient ID", "Patient ID"),
        ("Patient ID,Patient Name", "Patient ID"),
        ("Patient,Client,Chart No", "Chart No"),
        ("Client Name,Patient Name", "Client Name"),
    ],
)
def test_of_two_patients_the_id_is_proposed(headings, named, tmp_path, config):
    """Two people of one name were one."""
    path = put(tmp_path, "a.csv", f"{headings},DOS,CPT\n")
    with pytest.raises(InputError, match="both mean patient") as error:
        logs.read(path, config)
    assert error.value.hint == f'say which one: --map "{named}=patient", or rename it to patient'


@pytest.mark.parametrize(
    ("heading", "says", "hint"),
    [
        (
            "Patient ID,DOS,97110,97112",
            "one row for each code: codes stand as headings: 97110, 97112",
            "write each into a row of its own, in a column code",
        ),
        (
            "Patient,DOS,97110 Units,97140 (min)",
            "one row for each code: codes stand as headings: 97110 Units, 97140 .min.",
            "write each into a row of its own, in a column code",
        ),
        (
            "Patient,DOS,Service Rendered,97110 Fee,Minutes",
            "missing heading code",
            '--map "HEADING=code"',
        ),
        (
            "Patient   DOS   CPT   Minutes",
            "the cells of a row are not parted: all stand in one column",
            "with a comma or a tab between cells",
        ),
        (
            '"Patient,DOS,CPT,Minutes"',
            "the cells of a row are not parted: all stand in one column",
            "without quotes around a whole line",
        ),
        (
            "97110,2026-03-02,p,15",
            "the first line holds data: its headings are missing",
            "write a first line that names the columns",
        ),
        (
            '"Pateint\nID",DOS,CPT,Mins',
            "missing heading patient",
            "found: Pateint ID, DOS, CPT, Mins; nearest: Pateint ID (patient); say",
        ),
        (
            'Patient,DOS,"CPT\n1","CPT\n2",Mins',
            "several code columns were found: CPT 1, CPT 2",
            '--map "CPT 1=code"',
        ),
        ("Patient,DOS,CPT 1,CPT 2,Mins", "several code columns were found: CPT 1, CPT 2", "CPT 1"),
        ("Patient,DOS,CPT 3,CPT 4,Mins", "one row for each code: several code", "CPT 3=code"),
        (
            "Patient,CPT,Service Start,Service End",
            "missing heading date",
            "nearest: Service Start (start), Service End (end); say",
        ),
    ],
)
def test_headings_that_need_more_than_a_mapping(heading, says, hint, tmp_path, config):
    path = put(tmp_path, "a.csv", f"{heading}\n,,,,\n")
    with pytest.raises(InputError, match=says) as error:
        logs.read(path, config)
    assert hint in error.value.hint


def test_a_second_code_of_a_row_is_said(tmp_path, config):
    """Where one heading is plainly the code, or a mapping says so."""
    row = "p,2026-03-02,97116,97110,20\n"
    path = put(tmp_path, "a.csv", f"Patient,DOS,CPT,CPT 2,Mins\n{row}")
    (note,) = logs.read(path, config).notes
    assert note == f'{path}: "CPT 2" is not read: one row for each code'
    assert logs.read(path, config, maps={"CPT 2": ""}).notes == []
    path = put(tmp_path, "a.csv", f"Patient,DOS,CPT 3,CPT 4,Mins\n{row}")
    log = logs.read(path, config, maps={"CPT 3": "code"})
    assert (sessions(log)[0]["code"], len(log.notes)) == ("97116", 1)


@pytest.mark.parametrize(
    ("headings", "near"),
    [
        ("In,Out", '; nearest: In (start), Out (end): --map "In=start" --map "Out=end"'),
        ("Note,Time", ""),
        ("Treatment Time,Room", ""),
        (
            "Tx_Start,Tx-End",
            '; nearest: Tx_Start (start), Tx-End (end): --map "Tx_Start=start" --map "Tx-End=end"',
        ),
        (
            "In,Billed Mins",
            "; nearest: In (start), Billed Mins (minutes):"
            ' --map "Billed Mins=minutes" --map "In=start"',
        ),
        (
            "PT Minutes,PTA Minutes",
            '; "PT Minutes" and "PTA Minutes" are not read: write one row for each kind of minutes',
        ),
        (
            "In,Began At In",
            '; nearest: In (start), Began At In (start): say which one by --map "HEADING=start"',
        ),
        ("Svc Date To,SERVICE_DT_TM", ""),
        ("Documentation Minutes,Untimed Min", ""),
        ("Minuts,Room", '; nearest: Minuts (minutes): --map "Minuts=minutes"'),
        ("Time (hrs),Room", '; nearest: Time (hrs) (minutes): --map "Time (hrs)=minutes"'),
    ],
)
def test_a_log_without_times_is_said(headings, near, tmp_path):
    """Where no row can be used for want of them; a log of evaluations needs none."""
    said = "no heading for start, end or minutes was found"
    text = "Patient,DOS,CPT,{}\np,2026-03-22,{},9:00,9:30\n"
    for command in ("bill", "audit"):
        path = put(tmp_path, "a.csv", text.format(headings, "97116"))
        result = CliRunner().invoke(cli, [command, str(path)])
        assert f"note: {said}{near}\n" in result.stderr
        path = put(tmp_path, "a.csv", text.format(headings, "97161"))
        assert said not in CliRunner().invoke(cli, [command, str(path)]).stderr


@pytest.mark.parametrize(
    ("heading", "how", "other"),
    [
        ("Total Minutes", "read as total_minutes", "total_minutes"),
        ("Total Time", "read as total_minutes", "total_minutes"),
        ("Treatment Time", "not read", ""),
        ("Time", "not read", ""),
    ],
)
def test_the_only_time_of_a_log_may_be_each_services(heading, how, other, tmp_path):
    """Every timed row was called one without minutes; a mapping says what the column is."""
    text = f"Patient,DOS,CPT,{heading},Units\np,3/16/2026,97110,25,2\np,3/16/2026,97140,15,1\n"
    path = put(tmp_path, "a.csv", text)
    found, silent, err = audited(path)
    assert (found, {"U201", "U209", "D604"} - silent) == (set(), set())
    said = f'"{heading}" is {how}; if it means minutes: --map "{heading}=minutes", if not: '
    assert f'{said}--map "{heading}={other}"\n' in err and "nearest" not in err
    found, silent, err = audited(path, "--map", f"{heading}=minutes")
    assert (found, silent & BY_THE_CLOCK & {"U201", "U209"}) == (set(), set())
    assert audited(path, "--map", f"{heading}={other}")[0] == {"U209"}


@pytest.mark.parametrize(
    "heading",
    [
        *("Total Timed Minutes", "Total Timed Min", "Timed Mins Total", "Total Timed Code Minutes"),
        *("Timed Minutes", "Timed Code Minutes", "Total Time (Timed Codes)"),
    ],
)
@pytest.mark.parametrize("more", ["", ",total_minutes"])
def test_timed_minutes_alone_may_be_the_days_or_each_rows(heading, more, tmp_path):
    """Nobody can tell; each row of the day's 39 minutes was called one without minutes."""
    rows = [f"p,2026-03-02,{code},39{',45' if more else ''}" for code in ("97110,2", "97140,1")]
    text = "\n".join([f"Patient,DOS,CPT,Units,{heading}{more}", *rows, ""])
    path = put(tmp_path, "a.csv", text)
    asked = f'--map "{heading}=minutes", if not: --map "{heading}="\n'
    found, silent, err = audited(path)
    assert (found, {"U201", "U202", "U209", "D604"} - silent) == (set(), set())
    assert asked in err and asked in bill(path)[2]
    found, silent, err = audited(path, "--map", f"{heading}=minutes")
    assert not silent & {"U202", "U209"} and asked not in err
    none = [word for name in (heading, *more.split(",")[1:]) for word in ("--map", f"{name}=")]
    assert audited(path, *none)[0] == {"U209"}


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_times_that_are_not_read_accuse_nobody(jobs, tmp_path):
    """A code of the day makes no log of evaluations; rules that need minutes do not run."""
    text = "Patient,DOS,CPT,Units,{}\np,2026-03-22,97110,2,30\np,2026-03-22,G0283,1,\n"
    found = []
    for heading in ("Timed Mins", "Note"):
        path, out = put(tmp_path, "a.csv", text.format(heading)), tmp_path / "found.json"
        words = ["audit", str(path), *jobs, "-o", str(out)]
        result = CliRunner().invoke(cli, words)
        assert "no heading for start, end or minutes was found" in result.stderr
        done = json.loads(out.read_text())
        reasons = {entry["rule"]: entry["reason"] for entry in done["not_run"]}
        found.append({finding["rule"] for finding in done["findings"]} & {"U201", "U209", "D604"})
        said = reasons.get("U209") == "no heading of the log is read as start, end or minutes"
        assert said is (heading == "Timed Mins")
    assert found == [set(), {"U209"}]


def audited(path, *more):
    """Codes of the findings of an audit of a file, those of rules that did not run, and stderr."""
    out = path.with_name("found.json")
    result = CliRunner().invoke(cli, ["audit", str(path), *more, "-o", str(out)])
    assert result.exit_code in (0, 1), result.output
    done = json.loads(out.read_text())
    silent = {entry["rule"] for entry in done["not_run"] if entry["lines"] is None}
    return {finding["rule"] for finding in done["findings"]}, silent, result.stderr


BY_THE_CLOCK = {"T102", "T103", "T104", "T106", "U201", "U202", "U203", "U204", "U208", "U209"}


@pytest.mark.parametrize(
    "heading",
    [
        *("Timed Min", "Timed Minutes", "Time (Minutes)", "Billable Minutes", "CPT Minutes"),
        *("Minutes Billed", "Direct Minutes", "Actual Minutes", "Individual Minutes", "Tx Time"),
        *("Billed Time", "Treatment Time", "Time in Minutes", "Timed\nMin"),
        *("Tx Duration (h:mm)", "Timed Codes Time", "Line Duration", "Charge Time"),
    ],
)
@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_minutes_that_are_not_read_beside_a_visits_times_accuse_nobody(heading, jobs, tmp_path):
    """The visit's whole time was billed, and units by the minutes were called too few."""
    text = f"""patient,date,code,start,end,"{heading}",units
p,2026-03-02,97110,9:00,9:45,15,1
p,2026-03-02,97140,9:00,9:45,0:15,1
q,2026-03-02,97116,11:00,11:45,15,1
"""
    path = put(tmp_path, "a.csv", text)
    shown = heading.replace("\n", " ")
    note = f'"{shown}" is not read; if it means minutes: --map "{shown}=minutes"'
    found, silent, err = audited(path, *jobs)
    assert (found, BY_THE_CLOCK - silent) == (set(), set())
    assert f'{note}, if not: --map "{shown}="\n' in err
    assert note in bill(path)[2]
    assert "add a column minutes" not in err
    found, silent, err = audited(path, *jobs, "--map", f"{shown}=minutes")
    assert (found, silent & BY_THE_CLOCK) == (set(), set()) and note not in err
    found, silent, err = audited(path, *jobs, "--map", f"{shown}=")
    assert {"T104", "U202"} <= found and not silent & BY_THE_CLOCK and note not in err


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("Timed Min", ["", "", ""]),
        ("Timed Min", ["0", "0", "0"]),
        ("Time", ["9:00", "9:00", "11:00"]),
        ("Time", ["0900", "0900", "1100"]),
        ("Time", ["9:00 AM", "9:00 AM", "1:00 PM"]),
        ("Travel Minutes", ["10", "10", "10"]),
        ("Scheduled Duration", ["60", "60", "60"]),
        ("Duration (hrs)", ["0.75", "0.75", "0.75"]),
        ("Non-billable Min", ["5", "5", "5"]),
        ("15 Min Units", ["1", "1", "1"]),
        ("Total Minutes", ["45", "45", "45"]),
        ("Visit Minutes", ["45", "", "45"]),  # as start and end say
        ("Session Time", ["0:45", "0:45", "0:45"]),
        ("Timed Minutes", ["90", "90", "45"]),  # of the visit, as its rows say together
        ("TUG Time", ["14.2", "9.8", "11"]),
        ("Wound Length (cm)", ["3", "4", "5"]),
        ("6 Minute Walk (m)", ["310", "290", "320"]),
        ("Hold Time", ["30", "30", "20"]),
        ("Cx Time", ["25", "25", "25"]),
        ("Min Assist x", ["2", "1", "1"]),
        ("Scheduled Start Time", ["9:00", "9:00", "9:00"]),
        ("Actual Start Time", ["", "", ""]),
    ],
)
def test_no_minutes_silence_no_rule(heading, cells, tmp_path):
    """What surely is no length of a service, or holds none, leaves the log clear."""
    rows = ["p,2026-03-02,97110,9:00,9:45", "p,2026-03-02,97140,9:00,9:45"]
    rows.append("q,2026-03-02,97116,11:00,11:45")
    lines = [f"{row},{cell},1" for row, cell in zip(rows, cells, strict=True)]
    text = "\n".join([f"patient,date,code,start,end,{heading},units", *lines, ""])
    path = put(tmp_path, "a.csv", text)
    found, silent, err = audited(path)
    assert {"T104", "U202"} <= found and not silent & BY_THE_CLOCK
    assert "if it means" not in err and "if it means" not in bill(path)[2]


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
@pytest.mark.parametrize(
    "row",
    [
        "Total,,,,,30,4,",
        "p,2026-03-03,97110,,,30,,Cancelled",
        "p,2026-03-03,,,,30,,Cancelled",
        "q,2026-03-03,97110,9:00,25:10,30,2,",
        "p,2026-03-02,97010,,,10,1,",
        "",
    ],
)
def test_rows_that_are_no_sessions_leave_no_doubt_of_minutes(jobs, row, tmp_path):
    """One such row beside lengths that start and end say already, and no rule ran."""
    head = "patient,date,code,start,end,Session Length,units,Status"
    path = put(tmp_path, "a.csv", f"{head}\np,2026-03-02,97110,9:00,9:30,30,4,\n{row}\n")
    found, silent, err = audited(path, *jobs)
    assert "U201" in found and not silent & BY_THE_CLOCK and "if it means" not in err


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_findings_alone_say_which_rules_wait_for_a_word_of_the_user(ending, tmp_path):
    """An empty file and exit status 0 would say that all is well."""
    text = "patient,date,code,start,end,Timed Min,units\np,2026-03-02,97110,9:00,9:45,15,4\n"
    path, out = put(tmp_path, "a.csv", text), tmp_path / f"found.{ending}"
    result = CliRunner().invoke(cli, ["audit", str(path), "-o", str(out)])
    said = "a heading that may say how long each service took is not read so"
    assert (f"U201, U202, U203, U204, U208, U209, U212: {said}" in result.stderr) is (
        ending != "json"
    )
    assert "no diagnoses" not in result.stderr


@pytest.mark.parametrize("code", ["97161", "92507", "97150"])
def test_lengths_of_codes_that_are_attended_leave_a_doubt(code, tmp_path):
    """The visit's time on an evaluation was a false T101 with two patients at once."""
    head = "patient,date,clinician,code,start,end,Session Length,units"
    rows = [f"P,2026-03-02,Kim,{code},9:00,10:00,30,1", "Q,2026-03-02,Kim,97110,9:30,10:00,30,2"]
    path = put(tmp_path, "a.csv", "\n".join([head, *rows, ""]))
    found, silent, err = audited(path)
    assert "T101" not in found and "T101" in silent and '"Session Length" is not read' in err
    assert "T101" not in audited(path, "--map", "Session Length=minutes")[0]


def test_a_column_of_status_is_not_proposed_as_a_time(tmp_path):
    text = "Patient,State,DOS,CPT,Timed Mins,Units\np,OH,2026-03-02,97110,30,2\n"
    err = audited(put(tmp_path, "a.csv", text))[2]
    assert "nearest: Timed Mins (minutes): --map" in err and "(start)" not in err


def test_times_of_the_treatment_beside_the_visits_are_asked_about(tmp_path):
    names = "Start Time,End Time,Actual Start Time,Actual End Time"
    text = f"patient,date,code,{names},units\np,2026-03-02,97110,9:00,10:00,9:10,9:35,2\n"
    path = put(tmp_path, "a.csv", text)
    found, silent, err = audited(path)
    assert (found, BY_THE_CLOCK - silent) == (set(), set())
    both = '--map "Actual Start Time=start" --map "Actual End Time=end"'
    said = '"Actual Start Time" and "Actual End Time" are not read; if they mean start and end: '
    assert f"{said}{both}, if not: --map" in err
    found, silent, _ = audited(path, *shlex.split(both))
    assert (found, silent & BY_THE_CLOCK) == (set(), set())
    assert audited(path, "--map", "Actual Start Time=", "--map", "Actual End Time=")[0] == {"U202"}


ASKED = {"M301", "M303", "M304", "M305", "M307", "U214"}


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Modifier", "2nd Modifier"),
        ("Modifier", "Other Modifiers"),
        ("Modifier", "Assistant Modifier"),
        ("Mod1", "Addl Mods"),
        ("Mod 1", "Mod 5"),
        ("Mod", "2ndMod"),
    ],
)
def test_modifiers_that_are_not_read_are_not_called_missing(jobs, first, second, tmp_path):
    """The CQ stood in the second column; M301 said that it lacked."""
    head = f"patient,date,code,{first},{second},Units,Minutes,Discipline,Role"
    path = put(tmp_path, "a.csv", f"{head}\np,2026-03-02,97110,GP,CQ,2,30,PT,PTA\n")
    found, silent, err = audited(path, *jobs)
    assert (found, ASKED - silent) == (set(), set())
    read_it = f'--map "{second}=modifiers_billed"'
    said = f'"{second}" is not read; if it means modifiers_billed: {read_it}, if not: '
    assert f'{said}--map "{second}="\n' in err and said in bill(path)[2]
    found, silent, err = audited(path, *jobs, *shlex.split(read_it))
    assert (found, silent & ASKED, said in err) == (set(), set(), False)
    found, silent, err = audited(path, *jobs, "--map", f"{second}=")
    assert (found, silent & ASKED, said in err) == ({"M301"}, set(), False)


@pytest.mark.parametrize(
    "cell", ["GPCQ", "CQ+KX", "{CQ,KX}", "'CQ", "CQ (PTA)", "cq", "59.0", "CQ."]
)
def test_modifiers_are_asked_about_however_they_are_written(cell, tmp_path):
    head = "patient,date,code,Modifier,Other Modifiers,Units,Minutes,Discipline,Role"
    path = put(tmp_path, "a.csv", f'{head}\np,2026-03-02,97110,GP,"{cell}",2,30,PT,PTA\n')
    found, silent, err = audited(path)
    assert (found, ASKED - silent, '"Other Modifiers" is not read' in err) == (set(), set(), True)


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        *[("Other Modifiers", ""), ("Last Mod Date", "2026-03-02"), ("Mod Desc", "x")],
        *[("Assist Level (Min/Mod/Max)", "Moderate"), ("FIM Mod", "5"), ("Mod Assist", "CGA")],
        ("Mode", ""),
    ],
)
def test_no_modifiers_silence_no_rule(heading, cell, tmp_path):
    head = f"patient,date,code,Modifier,{heading},Units,Minutes,Discipline,Role"
    path = put(tmp_path, "a.csv", f"{head}\np,2026-03-02,97110,GP,{cell},2,30,PT,PTA\n")
    found, silent, err = audited(path)
    assert (found, silent & ASKED, "is not read" in err) == ({"M301"}, set(), False)


def test_modifiers_that_the_claims_do_not_read_are_not_called_missing(tmp_path):
    """With claims beside the log theirs count."""
    row = "p,2026-03-02,97110,30,PT,PTA"
    log = put(tmp_path, "log.csv", f"patient,date,code,minutes,discipline,role\n{row}\n")
    head = "patient,date,code,discipline,units,Modifier,2nd Modifier"
    claims = put(tmp_path, "claims.csv", f"{head}\np,2026-03-02,97110,PT,2,GP,CQ\n")
    found, silent, _ = audited(log, "--claims", str(claims))
    assert (found, ASKED - silent) == (set(), set())


BY_UNITS = {"U201", "U202", "U203", "U204", "U205", "M305", "M306", "T106"}


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
@pytest.mark.parametrize(
    ("heading", "units", "doubt"),
    [
        ("Total Units", ["3", "3", "2", "2"], True),
        ("Total Units", ["2", "1", "1", "1"], False),
        ("Total Units", ["1", "1", "1", "1"], False),
        ("Total Units", ["3", "", "2", ""], False),
        ("Units", ["3", "3", "2", "2"], False),
    ],
)
def test_units_of_the_visit_on_each_row_accuse_nobody(jobs, heading, units, doubt, tmp_path):
    """They were added up, and said to be too many."""
    rows = ["p,2026-03-16,97110,25", "p,2026-03-16,97140,20"]
    rows += ["q,2026-03-16,97110,15", "q,2026-03-16,97112,15"]
    lines = [f"{row},{cell},GP" for row, cell in zip(rows, units, strict=True)]
    text = "\n".join([f"Patient ID,DOS,CPT,Minutes,{heading},Mod", *lines, ""])
    path = put(tmp_path, "a.csv", text)
    read_it = ["--map", f"{heading}=units_billed"]
    found, silent, err = audited(path, *jobs)
    said = f'"{heading}" is the same on all rows of each visit; if it means the units of each code'
    assert (said in err) is (said in bill(path)[2]) is doubt
    assert silent & BY_UNITS == (BY_UNITS if doubt else set())
    assert not doubt or not found
    found, silent, err = audited(path, *jobs, *read_it)
    assert said not in err and not silent & BY_UNITS
    assert not doubt or found == {"U201"}


@pytest.mark.parametrize(
    ("above", "place"),
    [
        ("Filters,Patient,Provider,Date,Insurance,CPT\n,All,All,all of March,All,All\n", 3),
        ("Filters,Patient,Provider,Date,Insurance,CPT\n,,,03/01/2026 - 03/31/2026,,\n", 3),
        ("Patient ID,DOS,CPT,Units,Min\np,2026-03-02,97110,1,15\n", 1),
        ("Patient ID,DOS,CPT,Units,Min\n,,,,\n", 1),  # the same heading again, as on each page
        ("Pt,Date,Procedure,Qty,Mins\np,2026-03-02,97110,1,15\n", 1),  # a table of its own
    ],
)
def test_of_rows_that_name_as_many_columns_the_last_above_data_is_the_heading(
    above, place, tmp_path, config
):
    """The filters of a report stood for the heading, and every row was rejected."""
    text = f"{above}Patient ID,DOS,CPT,Units,Min\nq,2026-03-02,97116,1,15\n"
    log = logs.read(put(tmp_path, "a.csv", text), config)
    first = min(row["row"] for row in sessions(log))
    assert first == (place + 1 if "2026-03-02" in above or place > 1 else 4)
    assert len(sessions(log)) == 1 + above.count("2026-03-02")


def test_a_column_that_holds_dates_is_named(tmp_path):
    """Where rows cannot be used for want of a date; followed, it is read."""
    text = """Patient,Visit,Next Visit,CPT,Start,Stop
p,3/22/2026 9:00 AM,3/25/2026,97110,9:00 AM,9:25 AM
"""
    path = put(tmp_path, "a.csv", text)
    said = 'note: no heading for date was found; "Visit" holds dates: --map "Visit=date"\n'
    for more in ([], ["--jobs", "1", "-o", str(tmp_path / "lines.parquet")]):
        assert said in bill(path, *more)[2]
    code, _, err = bill(path, "--map", "Visit=date")
    assert code == 0 and "no heading" not in err
    path = put(tmp_path, "b.csv", text.replace("Next Visit", "Day of Visit"))
    assert '"Visit" and "Day of Visit" hold dates: say which one by --map' in bill(path)[2]
    path = put(tmp_path, "c.csv", text.replace("3/22/2026 9:00 AM", "first"))
    assert "no heading for date" not in bill(path)[2]


def test_of_several_headings_of_minutes_none_is_proposed(tmp_path):
    """One of them is not all minutes; one that a mapping reads is."""
    names = "Individual Minutes,Group Minutes"
    text = f"patient,date,code,start,end,{names}\np,2026-03-02,97110,9:00,10:00,20,15\n"
    path = put(tmp_path, "a.csv", text)
    said = '"Individual Minutes" and "Group Minutes" are not read: write one row for each kind of'
    err = bill(path)[2]
    assert f"{said} minutes\n" in err and "--map" not in err
    assert said not in bill(path, "--map", "Individual Minutes=minutes")[2]


@pytest.mark.parametrize(
    ("heading", "cells", "said"),
    [
        *((name, ["23", "0"], True) for name in ("PTA Minutes", "Asst Minutes", "Assistant Time")),
        *((name, ["23", ""], True) for name in ("Total COTA Min", "min_ota", "PTAMinutes")),
        ("PTA Minutes", ["0", ""], False),
        ("PTA Minutes", ["x", "none"], False),
        ("PTA Units", ["1", "2"], False),
        ("PTA Travel Minutes", ["23", "0"], False),
        ("PT Minutes", ["13", "15"], False),
    ],
)
@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_an_assistants_minutes_beside_others_are_asked_about(heading, cells, said, jobs, tmp_path):
    """13 of a therapist and 23 of an assistant were two units of the therapist's."""
    rows = [f"{p},2026-03-02,97110,36,{cell},4" for p, cell in zip("pq", cells, strict=True)]
    text = "\n".join([f"patient,date,code,Minutes,{heading},units", *rows, ""])
    path = put(tmp_path, "a.csv", text)
    note = f'"{heading}" is not read beside "Minutes": write one row for each kind of minutes, with'
    note += f' its role, or leave it out: --map "{heading}="\n'
    found, silent, err = audited(path, *jobs)
    assert (found, {"U201", "U209"} & silent) == (
        (set(), {"U201", "U209"}) if said else ({"U201"}, set())
    )
    assert (note in err, note in bill(path)[2]) == (said, said)
    found, silent, err = audited(path, *jobs, "--map", f"{heading}=")
    assert found == {"U201"} and note not in err


def test_an_assistants_minutes_in_lines_of_this_program_are_known(tmp_path, config):
    text = "patient,date,code,minutes,assistant_minutes,units,work_payment,medicare_pays\n"
    path = put(tmp_path, "a.csv", f"{text}p,2026-03-02,97110,36,23,2,30.06,40.20\n")
    (note,) = logs.read(path, config).notes
    assert "these are lines of this program" in note


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("Time", ["9:00 AM - 9:23 AM", "10:00 AM - 10:45 AM"]),
        ("Session Time", ["09:00-09:23", ""]),
        ("Time In/Out", ["9:00a to 9:23a", "9 - 9:45 am", "late"]),
        ("Start-End", ["0900-0923", "10:00 \N{EN DASH} 10:45"]),
        ("Treatment Time", ["9:00 AM/9:23 AM", "In: 10:00 Out: 10:45"]),
    ],
)
def test_start_and_end_in_one_cell_accuse_nobody(heading, cells, jobs, tmp_path):
    """Each timed row was called one without minutes; a mapping to the end could not help."""
    rows = [f"p,2026-03-0{n},97110,{cell},2" for n, cell in enumerate(cells, 2)]
    text = "\n".join([f"Patient,Date,CPT,{heading},Units", *rows, ""])
    path = put(tmp_path, "a.csv", text)
    found, silent, err = audited(path, *jobs)
    assert (found, {"U201", "U202", "U209", "D604"} - silent) == (set(), set())
    note = f'"{heading}" holds start and end in one cell: write them in two columns, start and end;'
    said = f'{note} if not of the treatment: --map "{heading}="\n'
    assert said in err and said in bill(path)[2] and "nearest" not in err
    found, silent, err = audited(path, *jobs, "--map", f"{heading}=")
    assert "U209" in found and note not in err


def test_start_and_end_in_one_cell_beside_other_times(tmp_path):
    """Minutes, or start and end, are read in their place; one of these alone is not enough."""
    text = "patient,date,code,Time,{}\np,2026-03-02,97110,9:00-9:23,{}\n"
    for names, cells, said in [
        ("minutes", "23", False),
        ("start,end", "9:00,9:23", False),
        ("start", "9:00", True),
        ("Billed Mins", "23", True),
    ]:
        path = put(tmp_path, "a.csv", text.format(names, cells))
        err = bill(path)[2]
        assert ('"Time" holds start and end in one cell' in err) is said
        assert ("nearest: Billed Mins (minutes)" in err) is (names == "Billed Mins")


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"]])
def test_minutes_that_one_of_several_files_does_not_read_accuse_nobody(jobs, tmp_path):
    head = "patient,date,code,start,end,{},units\n{},2026-03-02,97110,9:00,9:45,15,1\n"
    names = ("minutes", "Timed Min")
    paths = [put(tmp_path, f"{n}.csv", head.format(n, n)) for n in names]
    found, silent, _ = audited(paths[0], str(paths[1]), *jobs)
    assert (found, BY_THE_CLOCK - silent) == (set(), set())


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Ins Co", "payer"),
        ("Financial Class", "payer"),
        ("Payer Type", "payer"),
        ("Coverage", "payer"),
        ("Provider Credentials", "role"),
        ("PT/PTA", "role"),
        ("Insurance ID", ""),
        ("Insurance Paid", ""),
        ("PTA Minutes", ""),
        ("Secondary Insurance", ""),
        ("Plan of Care", ""),
        ("Payer Sequence", ""),
        ("Insurance Order", ""),
    ],
)
def test_words_in_headings_that_are_not_read(heading, column, tmp_path, config):
    """Said where nothing else is read as the column: all is Medicare's then, or a therapist's."""
    text = f"patient,date,code,minutes,{heading}\np,2026-03-02,97116,23,x\n"
    notes = [f'"{heading}" is not read; if it means {column}: --map "{heading}={column}"']
    log = logs.read(put(tmp_path, "a.csv", text), config)
    assert [note.split(": ", 1)[1] for note in log.notes] == (notes if column else [])
    text = text.replace("code,", f"code,{column or 'mode'},").replace("97116,", "97116,,")
    assert logs.read(put(tmp_path, "b.csv", text), config).notes == []


@pytest.mark.parametrize(
    ("heading", "cell", "said"),
    [
        ("Title", "PTA", True),
        ("License Type", "COTA/L", True),
        ("Job Title", "Physical Therapist Assistant", True),
        ("Staff Type", "Assistant", True),
        ("Title", "Dr", False),
        ("Remarks", "PTA", False),
    ],
)
def test_a_column_that_names_an_assistant_may_be_the_role(heading, cell, said, tmp_path, config):
    """Its minutes were a therapist's without a word."""
    text = f"patient,date,code,minutes,{heading}\np,2026-03-02,97116,23,{cell}\n"
    note = f'"{heading}" is not read; if it means role: --map "{heading}=role"'
    log = logs.read(put(tmp_path, "a.csv", text), config)
    assert [n.split(": ", 1)[1] for n in log.notes] == ([note] if said else [])
    text = text.replace("code,", "code,role,").replace("97116,", "97116,,")
    assert logs.read(put(tmp_path, "b.csv", text), config).notes == []


@pytest.mark.parametrize(
    ("heading", "cells", "said"),
    [
        ("Billable", ["Y", "N"], "N"),
        ("Billable?", ["TRUE", "False"], "False"),
        ("Billable", ["Billable", "Not Billable"], "Not Billable"),
        ("Not Billable", ["", "X"], "X"),
        ("Do Not Bill", ["0", "1"], "1"),
        ("Billable", ["Y", ""], ""),
        ("Not Billable", ["N", "N"], ""),
        ("Note", ["Y", "N"], ""),
    ],
)
def test_rows_that_are_not_to_be_billed_are_named(heading, cells, said, tmp_path, config):
    """They count as all others do, since nobody can tell why; a column that is mapped is known."""
    rows = "".join(f"p,2026-03-02,97110,23,{cell}\n" for cell in cells)
    path = put(tmp_path, "a.csv", f"patient,date,code,minutes,{heading}\n{rows}")
    note = f'{path}: "{heading}" says "{said}": not understood, so such rows are sessions;'
    log = logs.read(path, config)
    assert len(sessions(log)) == 2
    assert log.notes == [f"{note} take out those that are not to be billed"] * bool(said)
    assert logs.read(path, config, maps={heading: ""}).notes == []


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (["45", "45", "40", "40"], True),
        (["15", "15", "30", "30"], False),  # as long as one visit may be
        (["45", "45", "40", "8"], False),
        (["45", "45", "40", ""], False),  # one row with minutes: nothing counts twice
    ],
)
def test_minutes_of_a_visit_on_each_of_its_rows(minutes, said, tmp_path, config):
    """Nobody can tell whose they are, so it is said and they count."""
    rows = zip("ppqq", ("97110", "97116", "97110", "97140"), minutes, strict=True)
    text = "patient,date,code,Duration\n" + "".join(f"{p},2026-03-02,{c},{m}\n" for p, c, m in rows)
    notes = logs.read(put(tmp_path, "a.csv", text), config).notes
    assert any("is the same on all rows of each visit" in note for note in notes) is said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["97110 47 47", "97140 47 47"], True),
        (["97110 30 30", "97140 20 20"], True),
        (["97110 47 47", "97161 47 47"], False),  # one timed code
        (["97110 30 30", "97110 30 30"], False),  # two sessions of a code
        (["97110 32 47", "97140 15 47"], False),
        (["97110 47 47", "97140 0 47"], False),
        (["97110 47 47", "97140 15 "], False),
    ],
)
def test_minutes_that_are_the_total_on_each_row_of_a_visit(rows, said, tmp_path, config):
    """The visit's 47 minutes, printed twice on two rows, were 94."""
    cells = "".join(f"p,2026-03-02,{','.join(row.split(' '))}\n" for row in rows)
    path = put(tmp_path, "a.csv", f"patient,date,code,Minutes,Total Minutes\n{cells}")
    note = (
        f'{path}: "Minutes" equals "Total Minutes" on all rows of a visit: if it is the visit\'s,'
    )
    note += ' each code counts all of it; to leave it out: --map "Minutes=", if it is each row\'s:'
    notes = logs.read(path, config).notes
    assert notes == [f'{note} --map "Total Minutes="'] * said
    assert logs.read(path, config, maps={"Total Minutes": ""}).notes == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["p A 9:00 9:47", "p B 9:00 9:47", "q A 9:00 9:40", "q C 9:00 9:40"], True),
        (["p A 9:00 9:47", "p B 9:00 9:47"], False),  # one visit may be so by chance
        (["p A 9:00 9:47", "p B 9:00 9:47", "q A 9:00 9:20", "q C 9:20 9:40"], False),
        (["p A 9:00 9:47", "p A 9:00 9:47", "q A 9:00 9:40", "q A 9:00 9:40"], False),  # twins
        (["p A 9:00 9:47", "q A 10:00 10:40", "r A 11:00 11:30"], False),
        (
            ["p X 9:00 9:47", "p Y 9:00 9:47", "q X 9:00 9:40", "q Y 9:00 9:40"],
            False,
        ),  # one service
    ],
)
def test_start_and_end_of_a_visit_on_each_of_its_rows(rows, said, tmp_path, config):
    """What each code took is not logged: the time counts once, and it is said."""
    codes = {"A": "97110", "B": "97116", "C": "97140", "X": "97129", "Y": "97130"}
    cells = [(p, codes[code], start, end) for p, code, start, end in map(str.split, rows)]
    text = "".join(f"{p},2026-03-02,{code},{start},{end}\n" for p, code, start, end in cells)
    head, noted = "patient,date,code,Time In,Time Out", "the same on all rows of each visit, whose"
    notes = logs.read(put(tmp_path, "a.csv", f"{head}\n{text}"), config).notes
    assert any(noted in note for note in notes) is said
    # Minutes of each code answer it; rows far below count too.
    with_minutes = text.replace("\n", ",8\n")
    notes = logs.read(put(tmp_path, "b.csv", f"{head},minutes\n{with_minutes}"), config).notes
    assert not any(noted in note for note in notes)
    others = "".join(f"z{n},2026-03-02,97110,08:00,08:20\n" for n in range(1100))
    late = "".join(
        f"zz,2026-03-02,{code},09:{n}0,09:{n}9\n" for n, code in enumerate(codes.values())
    )
    notes = logs.read(put(tmp_path, "c.csv", f"{head}\n{others}{text}"), config).notes
    assert any(noted in note for note in notes) is said
    notes = logs.read(put(tmp_path, "d.csv", f"{head}\n{text}{others}{late}"), config).notes
    assert not any(noted in note for note in notes)


@pytest.mark.parametrize(
    ("name", "role", "said"),
    [
        ("Smith, Jane PTA", "", True),
        ("Jane Smith (COTA/L)", "", True),
        ("Kenji Ota", "", False),
        ("OTA, KENJI", "", False),
        ("Smith, Jane PT", "", False),
        ("Smith, Jane PTA", "therapist", False),
        *((f"Smith, {title}", "", True) for title in ("P.T.A.", "P.T.A", "C.O.T.A.", "J.PTA")),
        ("P.T. Albright", "", False),
    ],
)
def test_assistants_by_name(name, role, said, tmp_path, config):
    """Nothing is guessed: who reads it adds the column."""
    heading, cell = (",role", f",{role}") if role else ("", "")
    text = f'patient,date,code,minutes,clinician{heading}\np,2026-03-02,97110,23,"{name}"{cell}\n'
    notes = logs.read(put(tmp_path, "a.csv", text), config).notes
    assert [note.endswith("add a column role") for note in notes] == [True] * said


@pytest.mark.parametrize(
    ("name", "role", "said"),
    [
        ("Lam, Joe, PTA", "", True),
        ("Lam, Joe, P.T.A.", "", True),
        ("Lam, Joe, PTA", "PTA", False),
        ("Lam, Joe, PTA", "aide", False),
        ("Ruiz, Ann, PT", "", False),
    ],
)
def test_assistants_by_name_where_the_role_is_blank(name, role, said, tmp_path, config):
    """A blank role is a therapist's, whose unit is paid in full."""
    rows = f'p,2026-03-02,97110,23,"{name}",{role}\nq,2026-03-02,97110,23,"Fox, Al, PTA",PTA\n'
    path = put(tmp_path, "a.csv", f"patient,date,code,minutes,clinician,Role\n{rows}")
    note = f"{path}: 1 clinician may be an assistant by name, and counts as a therapist: "
    assert logs.read(path, config).notes == [f'{note}write the role below "Role"'] * said


UNITS = {
    "hours": "Duration (hrs), Length (hours), Duration Hrs, Duration [hr], Length h, Hours Spent",
    "seconds": "Duration (sec), duration_sec, DurationSecs, durationseconds, Length (s), Sec.",
    "mm:ss": "Duration (mm:ss), Duration MM:SS, Length (m:ss), min:sec, Minutes/Seconds",
    "minutes": "minutes, Mins Spent, Duration (min), Second Therapist Min, total_minutes",
    "h:mm": "Duration hh:mm, Length (hh:mm:ss), hrs:mins",
    "": "Duration, Lengths, Duration(s), Time(s), Second Therapist, Hours and Minutes",
}


def test_units_that_headings_name(config):
    """At the end or in brackets, plurals anywhere; s in brackets only, and none of two."""
    for unit, names in UNITS.items():
        assert {lengths.unit_of(name, config) for name in names.split(", ")} == {unit}, unit


@pytest.mark.parametrize(
    ("heading", "cell", "minutes", "unit"),
    [
        ("Duration (sec)", "1380", 23, "seconds"),
        ("Duration (hrs)", "0.75", 45, "hours"),
        ("Length Hours", "50 min", 50, "hours"),
        ("Duration (mm:ss)", "8:30", 8.5, "minutes and seconds"),
        ("Tx Secs", "1380", 23, "seconds"),
        ("Hours", "0.75", 45, "hours"),
    ],
)
@pytest.mark.parametrize("column", ["minutes", "total_minutes"])
def test_lengths_in_the_unit_of_their_heading(
    heading, cell, minutes, unit, column, tmp_path, config
):
    """1380 seconds were 92 units; the rejects keep what stands in the cells."""
    text = f"patient,date,code,{heading}\np,2026-03-02,97116,{cell}\np,2026-03-02,97116,x\n"
    path = put(tmp_path, "a.csv", text)
    known = lengths.meanings([heading], config, {}).get(headings.plain(heading))
    maps = {} if known == column else {heading: column}
    log = logs.read(path, config, maps=maps)
    assert log.notes == [f'{path}: "{heading}" is read as {unit}']
    if column == "minutes":
        assert [row["given_ms"] for row in sessions(log)] == [minutes * times.MINUTE]
        assert [bad[heading] for bad in rejects(log)] == ["x"]
    else:
        totals = engine.collect(log.audited)["total_ms"].to_list()
        assert totals == [minutes * times.MINUTE, None]


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("start,end,Duration (hrs)", None),  # 0.38 is less than the 23 minutes that it stands for
        ("start,Duration (hrs)", "minutes"),
        ("start,end,Duration (sec)", "minutes"),
        ("Mins,Duration (sec)", None),
        ("start,Total Time (hrs)", None),
        ("start,Total Time (sec)", "total_minutes"),
        ("start,Start Time (sec)", None),
    ],
)
def test_a_heading_with_a_unit_is_read_for_want_of_a_better(heading, column, config):
    names = ["Patient", "DOS", "CPT", *heading.split(",")]
    known = lengths.meanings(names, config, {})
    assert known.get(headings.plain(names[-1])) == column


def test_two_headings_with_a_unit_are_two(tmp_path, config):
    text = "patient,date,code,Duration (sec),Length (mm:ss)\np,2026-03-02,97116,1380,23:00\n"
    path = put(tmp_path, "a.csv", text)
    with pytest.raises(
        InputError, match='"Duration \\(sec\\)" and "Length \\(mm:ss\\)" both mean min'
    ):
        logs.read(path, config)
    for heading in ("Duration (sec)", "Length (mm:ss)"):
        (row,) = sessions(logs.read(path, config, maps={heading: "minutes"}))
        assert row["given_ms"] == 23 * times.MINUTE


ISSUE = {
    "patient": ["Patient", "MRN", "Client"],
    "clinician": ["Therapist", "Rendering"],
    "date": ["DOS", "Service Date", "SERVICE_DATE", "service-date"],
    "start": ["Time In", "Start Time", "Begin"],
    "end": ["Time Out", "End"],
    "minutes": ["Duration", "Mins"],
    "code": ["CPT", "HCPCS", "Procedure"],
    "units_billed": ["Units", "Qty"],
    "modifiers_billed": ["Mod 1", "Mod 4", "mod2", "Modifier 3"],
    "charge": ["Charge"],
}
MORE = {
    "start": "Service Start Time, Visit Start Time, Session Start Time",
    "end": "Service End Time, Visit End Time, Session End Time",
    "code": "CPT Codes",
    "units_billed": "Total Units, Units of Service, Billed Qty, CPT Units",
    "charge": "Total Charges, Billed Charges, Gross Charges, Line Charges, "
    "Charged Amount, Billed Amt",
    "payer": "Payer Name, Payor Name, Insurance Company, Insurance Carrier, "
    "Primary Insurance Name, Plan Name",
    "discipline": "Discipline Name",
    "diagnosis": "Primary Dx, Diagnosis Codes, Dx 1",
    None: "Treatment Time, Timed Minutes",  # a clock time, or minutes?
}


def test_headings_that_exports_use(config):
    """Case, blanks and punctuation do not matter."""
    from calc import headings

    known = headings.meanings(config)
    more = [(column, names.split(", ")) for column, names in MORE.items()]
    for column, names in [*ISSUE.items(), *more]:
        assert {known.get(headings.plain(name)) for name in names} == {column}


def test_modifiers_in_several_columns(tmp_path, config):
    """Joined in the order of their numbers, those behind the code first, each once."""
    head = "patient,date,code,minutes,Mod 2,Mod 1,Mod 3,Mod 4\n"
    rows = "p,2026-03-02,97116-GP,20,kx,GP,,59\np,2026-03-02,97116,20,,,,\n"
    rows += 'p,2026-03-02,97116 cq,20,,"GP, KX",,\n'
    found = sessions(logs.read(put(tmp_path, "a.csv", head + rows), config))
    assert [row["modifiers_billed"] for row in found] == ["GP KX 59", "", "CQ GP KX"]


# --- dates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (["3/22/2026", "3/4/2026"], "2026-03-04"),
        (["22/3/2026", "3/4/2026"], "2026-04-03"),
        (["22.03.2026", "03.04.2026"], "2026-04-03"),
        (["Mar 22, 2026", "April 3, 2026"], "2026-04-03"),
        (["20260322", "3-Apr-2026"], "2026-04-03"),
        (["2026/03/22", "2026-04-03 00:00:00"], "2026-04-03"),
    ],
)
def test_a_column_tells_its_own_order(days, order, tmp_path, config):
    """US, European, ISO and written dates."""
    text = "patient,date,code,minutes\n" + "".join(f'p,"{day}",97116,20\n' for day in days)
    log = logs.read(put(tmp_path, "a.csv", text), config)
    assert [str(row["date"]) for row in sessions(log)] == ["2026-03-22", order]


HALF = {
    "a report of days first": (["13/2/2026", "27/2/2026"], ["2026-03-02", "2026-04-02"], True),
    "a report of months first": (["2/13/2026"], ["2026-02-03"], True),
    "a typed day beyond 12": (["13/2/2026"], ["2026-03-02", "2026-03-13"], False),
    "a text that both orders read": (["13/2/2026", "2/3/2026"], ["2026-03-02"], False),
    "texts alone": (["13/2/2026", "27/2/2026"], [], False),
}


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
@pytest.mark.parametrize(("texts", "typed", "doubt"), HALF.values(), ids=list(HALF))
def test_dates_that_a_spreadsheet_read_in_its_own_order(
    texts, typed, doubt, ending, tmp_path, config
):
    """It makes 3 February of 2/3/2026 where it can, and leaves the others as they are."""
    import xlsxwriter

    path = tmp_path / f"log.{ending}"
    if ending == "csv":
        days = "".join(f"A{n},{day},97110,23\n" for n, day in enumerate([*texts, *typed]))
        path.write_text(f"patient,date,code,minutes\n{days}")
    else:
        with xlsxwriter.Workbook(path) as book:
            sheet, shown = book.add_worksheet(), book.add_format({"num_format": "d/m/yyyy"})
            sheet.write_row(0, 0, ["patient", "date", "code", "minutes"])
            for place, day in enumerate([*texts, *typed], 1):
                sheet.write_row(place, 0, [f"A{place}", day, "97110", 23])
                if day in typed:
                    sheet.write_datetime(place, 1, datetime.fromisoformat(day), shown)
    if not (doubt and ending == "xlsx"):
        assert engine.count(logs.read(str(path), config).sessions) == len(texts) + len(typed)
        return
    with pytest.raises(InputError, match=r"is text and .* a date of the workbook") as error:
        logs.read(str(path), config)
    assert "may be exchanged" in error.value.hint


def test_the_order_is_decided_for_each_column(tmp_path, config):
    """A clear column does not decide for another one."""
    text = "patient,date,code,start,end\np,3/22/2026,97116,3/22/2026 9:00,3/22/2026 9:20\n"
    assert len(sessions(logs.read(put(tmp_path, "a.csv", text), config))) == 1
    text += "q,3/4/2026,97116,3/4/2026 9:00,3/4/2026 9:20\n"
    assert len(sessions(logs.read(put(tmp_path, "a.csv", text), config))) == 2
    text = "patient,date,code,start,end\np,3/22/2026,97116,,\nq,3/4/2026,97116,3/4/2026 9:00,9:20\n"
    with pytest.raises(InputError, match='start: dates such as "3/4/2026"') as error:
        logs.read(put(tmp_path, "a.csv", text), config)
    assert "--date-order" in error.value.hint


# --- what is no log ----------------------------------------------------------------------------


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_lengths_typed_into_a_spreadsheet(tmp_path, config):
    """47:00 is a stamp of the day after its day zero: nobody typed that."""
    import xlsxwriter

    for mac in (False, True):
        with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"date_1904": mac}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["patient", "date", "code", "Duration"])
            for row, hours in enumerate((0.5, 8, 15.5, 47, 100), 1):
                form = book.add_format({"num_format": "[h]:mm"})
                sheet.write_row(row, 0, ["p", "2026-03-02", "97110"])
                sheet.write_datetime(row, 3, timedelta(hours=hours), form)
        log = logs.read(tmp_path / "a.xlsx", config)
        assert [row["given_ms"] for row in sessions(log)] == [30 * times.MINUTE]
        reasons = [re.findall('"(.*)"', bad["reason"])[0] for bad in rejects(log)]
        assert reasons == ["08:00:00", "15:30:00", "47:00", "100:00"]
        assert {"minutes and seconds? a spreadsheet" in bad["hint"] for bad in rejects(log)} == {
            True
        }


def far_cell():
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "patient")
        sheet.write(1_048_575, 16_383, "x")
    return out.getvalue()


BAD = {
    "empty.csv": (b"", "the file is empty"),
    "mark.csv": (b"\xef\xbb\xbf\n", "the file is empty"),
    "binary.csv": (random.Random(1).randbytes(9000), "not a text file"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n", "is a picture"),
    "pdf.csv": (b"%PDF-1.7", "is a PDF"),
    "page.xls": (b"<html><table></table></html>", "HTML"),
    "quote.csv": (f'{HEAD}{GOOD}"p,2026-03-02\n{GOOD}', ":3: is not csv"),
    "wide.csv": (",".join(f"c{n}" for n in range(10_000)) + "\n", ":1: has 10,000 columns"),
    "line.csv": (b"x" * 50_000_000, ":1: its first line is longer"),
    "record.csv": (HEAD + GOOD + "y" * 50_000_000 + "\n", ":3: the line is longer"),
    "neither.csv": (HEAD.encode() + b"A\x81,2026-03-02,97116,,,5,\n",
                    ":2: is neither UTF-8 nor Windows-1252 text (byte 0x81)"),
    "both.csv": (HEAD.encode() + b"Jos\xe9,2026-03-02,97116,,,5,\nA\x81,2026-03-02,97116,,,5,\n",
                 "UTF-8 (byte 0xe9 in line 2) nor Windows-1252 (byte 0x81 in line 3) text"),
    "nul.csv": (HEAD + GOOD + "p\0\n", ":3: is not a text file"),
    "twice.csv": ("patient,date,code,code\n", ':1: heading "code" stands twice'),
    "orders.csv": (f"{HEAD}p,13/2/2026,97116,,,5,\np,2/13/2026,97116,,,5,\n", "two orders"),
    "ambiguous.csv": (f"{HEAD}p,3/4/2026,97116,,,5,\n", "could be month or day first"),
    "bomb.csv.gz": (gzip.compress(b"0" * 300_000_000, 1), "unpacks to more than"),
    "cut.gz": (gzip.compress(ROWS.encode())[:40], "no sound gzip"),
    "bomb.xlsx": (zipped({"xl/workbook.xml": "", "xl/worksheets/sheet1.xml": " " * 300_000_000}),
                  "unpacks to more than"),
    "far.xlsx": (far_cell(), "17,179,869,184 cells"),
    "cut.xlsx": (far_cell()[:2000], "no workbook that can be read"),
    "archive.csv": (zipped({"a.csv": HEAD}), "is a zip archive"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 3000, "no workbook"),
    "a.parquet": (b"PAR1" + b"x" * 50 + b"PAR1", "no Parquet file"),
    "a.json": ('[{"patient": 1,]', ":1: is not JSON"),
    "deep.json": ("[" * 100_000, "not JSON that can be read"),
    "numbers.json": ("[1, 2]", "record 1 is no object"),
    "hollow.json": ("[{}, {}]", "its records hold nothing"),
    "twice.json": (
        '[{"patient": "p"}, {"minutes": 5, "code": "97110", "minutes": 9}]',
        'record 2 has the key "minutes" twice',
    ),
    "twice.jsonl": (
        '{"patient": "p"}\n\n{"patient": "p", "patient": "p"}\n',
        'record 3 has the key "patient" twice',
    ),
    "one.jsonl": ('{"patient": "p", "patient": "q"}', 'record 1 has the key "patient" twice'),
    "a.jsonl": ('{"patient": "p"}\n{"patient": oops}\n', ":2: is not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_log(name, tmp_path):
    """One clear line with the place, exit 2, no traceback and no hang."""
    data, says = BAD[name]
    code, out, err = bill(put(tmp_path, name, data))
    assert (code, out) == (2, "")
    assert says in err
    assert "\n" not in err.split("therapy-calc: ")[-1].strip()


def test_a_parquet_file_that_its_reader_breaks_on(tmp_path, monkeypatch, capfd):
    """A fault inside the library is an error like any other, and its stack is not shown."""
    panic = pl.exceptions.PanicException

    def breaks(data):
        os.write(2, b"stack backtrace")
        raise panic("left != right")

    monkeypatch.setattr(pl, "read_parquet", breaks)
    path = put(tmp_path, "a.parquet", b"PAR1" + b"x" * 50 + b"PAR1")
    with pytest.raises(InputError, match="its data are damaged"):
        files.read(str(path), lambda names: 0)
    assert "backtrace" not in capfd.readouterr().err


def test_unreadable_file(tmp_path, monkeypatch):
    """No right to read is said as such."""

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    path = put(tmp_path, "a.csv", ROWS)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert bill(path)[2] == f"{path}: cannot be read (Permission denied)"


@pytest.mark.parametrize("command", ["bill", "audit"])
def test_an_array_without_records_is_a_log_without_rows(command, tmp_path):
    """As a csv with its headings alone."""
    path = put(tmp_path, "a.json", "[]\n")
    headings = put(tmp_path, "a.csv", HEAD)
    found = [
        CliRunner().invoke(cli, [command, str(log), "--format", "csv"]) for log in (path, headings)
    ]
    assert [result.exit_code for result in found] == [0, 0]
    assert "0 rows read, 0 used, 0 rejected" in found[0].stderr
    lines = [result.stdout.splitlines() for result in found]
    assert [len(own) for own in lines] == [1, 1] and lines[1][0].startswith(lines[0][0])


def test_a_folder_without_logs(tmp_path):
    put(tmp_path, "readme.md", "x")
    code, _, err = bill(tmp_path)
    assert (code, err) == (2, f"{tmp_path}: is a folder without logs")


def test_a_broken_record_does_not_slow_the_others_out(tmp_path, config):
    """The reader by records keeps what the fast one would lose."""
    path = put(tmp_path, "a.csv", ROWS + "p,2026-03-02,97116,09:00,09:20,,a,b,c\n" + GOOD)
    log = logs.read(path, config)
    assert (len(sessions(log)), len(rejects(log)), log.files[0].rows) == (4, 2, 6)


# --- outputs -----------------------------------------------------------------------------------


def test_outputs_hold_the_same_figures(tmp_path):
    """csv, xlsx, parquet and json of one bill; formulas are text everywhere."""
    log = put(tmp_path, "a.csv", ROWS.replace("é", "=1+1") + "@P,2026-03-02,97116,,,23,-x\n")
    found = {}
    for ending in ("csv", "json", "xlsx", "parquet"):
        target = tmp_path / f"out.{ending}"
        assert bill(log, "-o", target, "--rejects", tmp_path / "r.csv")[0] == 0
        found[ending] = target
    exact = pl.read_parquet(found["parquet"])
    assert exact.schema["allowed"] == pl.Decimal(18, 2)
    text = exact.with_columns(pl.all().cast(pl.String).fill_null("")).to_dicts()
    rows = list(csv.DictReader(found["csv"].open(encoding="utf-8")))
    assert [{**row, "note": row["note"].removeprefix("'"), "patient": row["patient"].lstrip("'")}
            for row in rows] == text  # fmt: skip
    assert [row["note"] for row in rows] == ["'-x", "'=1+1", "", "b"]
    assert rows[0]["patient"] == "'@P"
    objects = json.loads(found["json"].read_text())
    assert [{n: as_text(n, v) for n, v in row.items()} for row in objects] == text
    sheet = engine.read_sheet(found["xlsx"].read_bytes(), "x", "lines").rows()
    cells = [dict(zip(sheet[0], row, strict=True)) for row in sheet[1:]]
    assert [{n: as_text(n, v) for n, v in row.items()} for row in cells] == text
    check_workbook(found["xlsx"])


def test_a_text_that_a_cell_of_a_workbook_does_not_hold_is_said(tmp_path):
    """Of lines and of rejects; other formats keep it whole."""
    most = 32_767
    rows = "".join(f"p,2026-03-02,{code},23,{'é' * most}\n" for code in ("97110", "zzz"))
    rows += f"p,2026-03-02,97116,23,{'é' * most}x\np,2026-03-02,yyy,23,{'é' * most}x\n"
    log = put(tmp_path, "a.csv", f"patient,date,code,minutes,note\n{rows}")
    out, bad = tmp_path / "lines.xlsx", tmp_path / "bad.xlsx"
    code, _, err = bill(log, "-o", out, "--rejects", bad)
    said = "1 cell is cut off, for a workbook's cell holds 32,767 characters: csv keeps them whole"
    notes = [f"note: {path}: {said}" for path in (bad, out)]
    assert (code, [line for line in err.splitlines() if "note" in line]) == (0, notes)
    for path, sheet in ((out, "lines"), (bad, "lines")):
        cells = engine.read_sheet(path.read_bytes(), "x", sheet).rows()
        assert [len(max(row[1:], key=lambda cell: len(cell or ""))) for row in cells[1:]] == [
            most
        ] * 2
    code, _, err = bill(log, "-o", tmp_path / "lines.csv", "--rejects", tmp_path / "bad.csv")
    assert code == 0 and "note" not in err
    assert (tmp_path / "lines.csv").read_text(encoding="utf-8").count("éx") == 1


ODD_CELLS = {"patient": ["A|B", "p2", "p3"], "room|x": ["one\r\ntwo", "tab\tbed", '"=1+1'],
             "note": ["=1+1", "", "-5"]}  # fmt: skip


@pytest.mark.parametrize("form", ["table", "github", "tsv", "latex"])
def test_a_record_is_one_line(form, tmp_path):
    """Bars, tabs and line breaks in cells and headings shift no amount and add no row."""
    log = tmp_path / "odd.parquet"
    rows = {"date": ["2026-03-02"] * 3, "code": ["97116"] * 3, "minutes": ["23"] * 3}
    pl.DataFrame(ODD_CELLS | rows).write_parquet(log)
    code, out, _ = bill(log, "--format", form)
    lines = out.splitlines()
    assert (code, len(lines)) == (0, {"tsv": 4, "latex": 9}.get(form, 5))
    if form == "github":
        cells = [re.split(r"(?<!\\)\|", line) for line in lines]
        assert {len(row) for row in cells} == {22}
        place = [cell.strip() for cell in cells[0]].index("allowed")
        assert [row[place].strip() for row in cells[2:]] == ["51.27"] * 3
        assert cells[2][1].strip() == r"A\|B" and cells[0][-3].strip() == r"room\|x"


@pytest.mark.parametrize("form", ["table", "github", "html"])
def test_a_cell_moves_no_cursor(form, tmp_path):
    """An escape of a terminal in a patient's name is shown as a sign that does nothing."""
    log = tmp_path / "odd.csv"
    log.write_text("patient,date,code,minutes\nA\x1b[2JB,2026-03-02,97116,23\n")
    _, out, _ = bill(log, "--format", form)
    assert "\x1b" not in out and "A?[2JB" in out


def test_a_message_moves_no_cursor(tmp_path):
    """Nor does a cell that a reason repeats."""
    log = tmp_path / "odd.csv"
    log.write_text("patient,date,code,minutes\nP,2026-03-02,9\x1b[2J,23\n")
    _, _, err = bill(log)
    assert "\x1b" not in err and "9?[2J" in err


def test_tsv_is_not_padded(tmp_path):
    """Cells and headings of tsv are as they are; its quotes are those of csv."""
    log = tmp_path / "odd.parquet"
    rows = {"date": ["2026-03-02"] * 3, "code": ["97116"] * 3, "minutes": ["23"] * 3}
    pl.DataFrame(ODD_CELLS | rows).write_parquet(log)
    _, out, _ = bill(log, "--format", "tsv")
    found = list(csv.reader(io.StringIO(out), delimiter="\t"))
    assert found[0] == [*LINE, "room|x", "note"]
    assert all(cell == cell.strip() for row in found for cell in row)
    assert [row[0] for row in found[1:]] == ["A|B", "p2", "p3"]
    assert [row[-2:] for row in found[1:]] == [
        ["one two", "'=1+1"], ["tab bed", ""], ['"=1+1', "-5"]
    ]  # fmt: skip


def test_tsv_says_what_csv_says(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("patient,date,code,minutes\np,2026-03-02,97110,8\np,2026-03-02,97116,8\n")
    found = {
        form: list(csv.DictReader(io.StringIO(bill(log, "--format", form)[1]), delimiter=delimiter))
        for form, delimiter in (("csv", ","), ("tsv", "\t"))
    }
    assert [row["tie"] for row in found["csv"]] == ["true", "true"]
    assert found["tsv"] == found["csv"]


MONEY = ("work_payment", "allowed", "medicare_pays", "patient_pays")


def as_text(name, value):
    """A value of json or a sheet as csv writes it."""
    if value is None:
        return ""
    if name in MONEY:
        return f"{float(value):.2f}"
    return str(value).removesuffix(" 00:00:00").lower() if name in ("tie", "date") else str(value)


def check_workbook(path):
    """The heading is frozen, money has its format, and no cell is a formula."""
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        styles = archive.read("xl/styles.xml").decode()
    assert 'state="frozen"' in sheet
    assert "<f>" not in sheet
    assert "#,##0.00" in styles or 'numFmtId="4"' in styles


def test_strict(tmp_path):
    """--strict: any reject is exit 2, and nothing is written."""
    log, target = put(tmp_path, "a.csv", ROWS), tmp_path / "out.csv"
    code, _, err = bill(log, "--strict", "-o", target)
    assert code == 2
    assert "rows were rejected, so nothing was billed" in err
    assert "1 row: code not known" in err
    assert not target.exists()
    assert (tmp_path / "a.rejects.csv").exists()
    sound = put(tmp_path, "b.csv", HEAD + GOOD)
    assert bill(sound, "--strict", "-o", target)[0] == 0


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_the_shell_opened_is_not_replaced(name):
    """What stands in it already would be lost."""
    with pytest.raises(InputError, match="it is no file"), engine.whole(name):
        pass


def test_what_standard_input_is_read_from_is_not_written(tmp_path):
    """A log that comes by `<` is as much the user's as one that is named."""
    log = put(tmp_path, "a.csv", HEAD + GOOD)
    with log.open() as stream:
        command = [sys.executable, "-m", "calc", "bill", "-", "-o", str(log)]
        done = subprocess.run(command, stdin=stream, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"{log}: is read, so it cannot be written" in done.stderr
    assert log.read_text() == HEAD + GOOD


def test_a_workbook_waits_beside_its_place(tmp_path, monkeypatch):
    """What is not whole stands nowhere else, and is gone where writing breaks off."""
    elsewhere, place = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))

    def rows():
        yield ["P1"]
        assert list(place.iterdir()) and not list(elsewhere.iterdir())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), engine.whole(str(place / "a.xlsx")) as name:
        engine.write_workbook(name, {"lines": (["patient"], rows())})
    assert not list(place.iterdir()) and not list(elsewhere.iterdir())


def test_a_device_is_not_replaced(tmp_path):
    """An output takes the place of files only."""
    with pytest.raises(InputError, match="it is no file"), engine.whole(str(tmp_path)):
        pass
    with pytest.raises(InputError, match="it is no file"), engine.whole("/dev/null"):
        pass


def test_a_place_that_cannot_be_written_is_named_with_a_hint(tmp_path, monkeypatch):
    """Not the hidden name beside it, which nobody knows and which could not be removed either."""
    path = str(tmp_path / "lines.csv")

    def refuse(*given, **more):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), ".lines.csv.1234.partial")

    for name in ("open", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, refuse)
    said = re.escape(f"{path}: cannot be written (Read-only file system)") + "$"
    for place in (engine.whole, engine.hidden_folder):
        with pytest.raises(InputError, match=said) as error, place(path):
            pass
        assert error.value.hint.startswith("name another place")


def test_a_folder_that_one_may_not_look_into_is_named_with_a_hint(tmp_path, monkeypatch):
    """As the folder of somebody else, whose files one does not see."""
    log, path = put(tmp_path, "a.csv", HEAD + GOOD), tmp_path / "theirs" / "lines.csv"
    stat = os.stat

    def refuse(place, **more):
        if "theirs" in str(place):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        return stat(place, **more)

    monkeypatch.setattr(os, "stat", refuse)
    assert f"{path}: cannot be written (Permission denied)" in bill(log, "-o", path)[2]


@pytest.mark.parametrize("name", ["lines.csv", "\u1e9e" * 80 + ".csv"])
def test_what_is_not_yet_whole_says_whose_it_is(name, tmp_path):
    """Of whom a hidden name tells, as after kill -9; a long name has room for it too."""
    path = tmp_path / name
    with engine.hidden_folder(str(path)) as folder, engine.whole(str(path)) as temporary:
        for hidden in (folder, Path(temporary)):
            assert hidden.parent == tmp_path
            assert hidden.name.startswith(f".{name[:50]}.") and hidden.suffix == ".partial"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["lines.csv", "a [1] *.csv", "\u1e9e" * 80 + ".csv"])
def test_what_a_killed_run_left_is_said(name, tmp_path):
    """Rows of patients in a hidden file would else lie there for good."""
    path = tmp_path / name
    for other in (".other.csv.0123456789abcdef.partial", f".{name[:50]}.mine.partial"):
        (tmp_path / other).touch()
    words = ("bill", ROOT / "examples" / "gait_session.csv", "-o", path)
    run = lambda: CliRunner().invoke(cli, [*map(str, words)]).stderr  # noqa: E731
    assert "partial" not in run()
    with engine.whole(str(path)) as temporary:
        said = run()
        assert f"{temporary} may hold rows of patients" in said and said.count("partial") == 1
    assert "partial" not in run()
    (tmp_path / "else").mkdir()
    path.unlink()
    path.symlink_to(tmp_path / "else" / "lines.csv")
    with engine.whole(str(path)) as file, engine.hidden_folder(str(path)) as folder:
        said = run()
        assert file in said and str(folder) in said and said.count("partial") == 2
    assert "partial" not in run()


@pytest.mark.skipif(os.name != "posix", reason="rights and links are those of POSIX")
def test_an_output_keeps_the_rights_and_the_link_of_what_it_replaces(tmp_path):
    """Who may not read the old file may not read the new one, with patients in it."""
    real, link, other = (tmp_path / name for name in ("real.csv", "link.csv", "other.csv"))
    real.write_text("x")
    real.chmod(0o600)
    link.symlink_to("real.csv")
    for path in (real, link):
        with engine.whole(str(path)) as temporary:
            Path(temporary).write_text(path.name)
        assert (real.read_text(), real.stat().st_mode & 0o777) == (path.name, 0o600)
    assert link.is_symlink()
    link.unlink()
    link.symlink_to("other.csv")  # which is not there yet
    with engine.whole(str(link)) as temporary:
        Path(temporary).write_text("new")
    assert link.is_symlink() and other.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "other.csv", "real.csv"]


def test_progress_only_on_a_terminal_and_for_large_files(tmp_path, monkeypatch):
    """Nothing when piped; what is being done on a terminal."""
    from calc.cli import shared as commands

    log = put(tmp_path, "a.csv", HEAD + GOOD)
    assert "reading" not in bill(log)[2]
    monkeypatch.setattr(commands, "PROGRESS_BYTES", 10)
    assert "reading" not in bill(log)[2]
    said = []
    monkeypatch.setattr(commands, "_on_terminal", lambda: True)
    monkeypatch.setattr(commands.click, "echo", lambda text="", **_: said.append(text))
    with commands.progress((str(log),)) as report:
        report("reading a.csv")
    assert "reading a.csv ... 0 s" in said[0]
    assert said[-1] == "\r\x1b[K"


# --- fuzz --------------------------------------------------------------------------------------


def test_random_rows(config):
    """A small part of ``python tests/fuzz.py``."""
    assert fuzz.fuzz_rows(1000, 1, config, per_file=500) == {"log": 1000}


def test_mutated_files(config):
    """Sound files of every format with bytes changed: a log or one clear error."""
    found = fuzz.fuzz_files(24, 2, config)
    assert sum(found.values()) == 24


def test_read_csv_for_small_tables(tmp_path):
    """Tables of balances are read by the same reader."""
    path = str(put(tmp_path, "b.csv", "patient;amount\np;5.00\n"))
    records = files.read_csv(path, ["patient", "amount"])
    assert engine.collect(records.frame).to_native().columns == [engine.ROW, "patient", "amount"]
    assert records.ragged == []


def test_what_we_wrote_into_a_folder_is_no_log(tmp_path, config):
    (tmp_path / "march.csv").write_text("patient,date,code,minutes\nA,2026-03-02,97110,23\n")
    (tmp_path / "lines.csv").write_text("patient,date,code,minutes,work_payment,medicare_pays\n")
    (tmp_path / "bad.csv").write_text("patient,date,code,minutes,row,reason\nA,x,97110,23,2,no\n")
    read = logs.read(tmp_path, config)
    assert [file.name for file in read.files] == [str(tmp_path / "march.csv")]
    assert read.notes == [f"{tmp_path}: left out bad.csv, lines.csv"]
    assert len(inputs.paths([tmp_path / "bad.csv"])[0]) == 1  # mended, and named by hand


@pytest.mark.parametrize(
    ("command", "ending"),
    [("bill", ending) for ending in ("csv", "tsv", "json", "xlsx", "parquet")]
    + [("audit", ending) for ending in ("csv", "json", "xlsx", "parquet")],
)
def test_our_own_outputs_in_a_folder_are_no_logs(tmp_path, command, ending):
    """Lines, findings and rejects of any format would be read as sessions the next time."""
    log = put(tmp_path, "a.csv", ROWS.replace("09:23,,", "09:23,50,"))
    out = tmp_path / f"out.{ending}"
    bad = tmp_path / f"bad.{ending.replace('tsv', 'csv')}"
    CliRunner().invoke(cli, [command, str(log), "-o", str(out), "--rejects", str(bad)])
    assert out.exists() and bad.exists()
    found, notes = inputs.paths(tmp_path)
    assert found == [str(log)]
    assert notes == [f"{tmp_path}: left out {bad.name}, {out.name}"]
    assert inputs.paths([log, out])[0] == [str(log), str(out)]  # named by hand


def test_our_lines_named_as_a_log_are_said_to_be_lines(tmp_path):
    """A code parted by CQ had its minutes twice, and five units for two, without a word."""
    head = "patient,date,discipline,role,code,minutes"
    day = "A,2026-03-02,PT"
    log = put(tmp_path, "a.csv", f"{head}\n{day},,97110,13\n{day},assistant,97110,23\n")
    lines = tmp_path / "lines.csv"
    assert "these are lines" not in bill(log, "-o", lines)[2]
    for command in ("bill", "audit"):
        said = CliRunner().invoke(cli, [command, str(lines)]).stderr
        assert "these are lines of this program, no sessions" in said
    beside = CliRunner().invoke(cli, ["audit", str(log), "--claims", str(lines)])
    assert beside.exit_code == 0 and "these are lines" not in beside.stderr


def test_other_files_that_we_wrote(tmp_path):
    """A report without findings, one of many, an estimate; packed, or saved again elsewhere."""
    finding = '{"rule": "U201", "severity": "error", "message": "", "authority": ""}, '
    written_by_us = {
        "none.json": '{\n"findings": [],\n"not_run": [],\n"meta": {"known": 0}\n}\n',
        "many.json": '{"findings": [' + finding * 1000,
        "estimate.json": '{"lines": [{"code": "1", "work_payment": 1, "medicare_pays": 2}]}',
        "packed.csv.gz": gzip.compress(b"patient,work_payment,medicare_pays\n"),
        "semicolons.txt": "\ufeffpatient;work_payment;medicare_pays\n",
        "wide.csv": "patient,work_payment,medicare_pays\n".encode("utf-16"),
    }
    for name, data in written_by_us.items():
        assert written.is_ours(put(tmp_path, name, data)), name
    book = tmp_path / "saved.xlsx"
    with zipfile.ZipFile(book, "w") as archive:  # texts stand apart, as spreadsheets save them
        texts = "".join(
            f"<si><t>{name}</t></si>" for name in ("work_payment", "x", "medicare_pays")
        )
        cells = "".join(f'<c r="{c}1" t="s"><v>{n}</v></c>' for n, c in enumerate("ABC"))
        archive.writestr("xl/sharedStrings.xml", f"<sst>{texts}</sst>")
        archive.writestr("xl/worksheets/sheet1.xml", f'<row r="1">{cells}</row><row r="2"/>')
    assert written.is_ours(book)


def test_what_is_no_output_of_ours_stays_a_log(tmp_path):
    """Logs of every format, and files that nobody can read: their reading says what is wrong."""
    others = {
        "a.csv": ROWS,
        "b.json": '[{"patient": "A", "findings": "none", "rule": 1}]',
        "c.jsonl": '{"patient": "A", "reason": "fell", "row": 3}\n',
        "d.parquet": b"PAR1" + b"\0" * 50,
        "e.xlsx": b"PK\x03\x04" + b"\0" * 50,
        "f.csv.gz": b"\x1f\x8b" + b"\0" * 50,
        "g.csv": b"",
        "h.csv": b"\0\1\2",
        "i.json": "[" * 60_000 + "{" * 5,
    }
    for name, data in others.items():
        put(tmp_path, name, data)
    with zipfile.ZipFile(tmp_path / "j.xlsx", "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<row/>")
    locked = (tmp_path / "j.xlsx").read_bytes()  # the same as with a password
    locked = locked.replace(b"PK\3\4\x14\0\0", b"PK\3\4\x14\0\1")
    locked = locked.replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1")
    others["j.xlsx"] = put(tmp_path, "j.xlsx", locked)
    assert [Path(name).name for name in inputs.paths(tmp_path)[0]] == sorted(others)
    folder = tmp_path / "lines"
    folder.mkdir()
    put(folder, "l.csv", "work_payment,medicare_pays\n")
    with pytest.raises(InputError) as error:
        inputs.paths(folder)
    assert error.value.hint.endswith("only where it is named itself: l.csv")


@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_digits_of_other_scripts_are_rejects(tmp_path, config, engine_name):
    text = "patient,date,code,minutes,units_billed,charge\nA,2026-03-02,97110,23,,\n"
    rows = [("\u0663\u0660", "", ""), ("30", "\uff11", ""), ("30", "", "\uff11\uff12")]
    path = tmp_path / "a.csv"
    path.write_text(text + "".join(f"A,2026-03-02,97110,{','.join(row)}\n" for row in rows))
    read = logs.read(path, config, on=engine_name)
    reasons = engine.collect(read.rejects())["reason"].to_list()
    assert [reason.split()[0] for reason in reasons] == ["minutes", "units_billed", "charge"]


def test_bytes_that_are_no_text(tmp_path, config):
    """A column that means nothing here is carried; such as a UUID's, in hexadecimal digits."""
    path = tmp_path / "a.parquet"
    columns = {"patient": [b"A"], "visit": [b"\xff\x00"], "code": ["97110"], "minutes": [23]}
    pl.DataFrame(columns | {"date": ["2026-03-02"]}).write_parquet(path)
    for lines in (calc.bill(path), calc.bill(pl.read_parquet(path))):
        assert lines.select("patient", "visit").rows() == [("A", "ff00")]


def test_a_uuid_is_written_as_everywhere_else(tmp_path, config):
    """Or a patient's number in Parquet would be another one than in csv."""
    number = uuid.UUID("ffeeddcc-bbaa-9988-7766-554433221100")
    path = tmp_path / "a.parquet"
    columns = {"patient": [number.bytes], "date": ["2026-03-02"], "code": ["97110"]}
    pl.DataFrame(columns | {"minutes": [23]}).write_parquet(path)
    assert calc.bill(path)["patient"].to_list() == [str(number)]


@pytest.mark.parametrize("cell", ["\\ud800", "a\\u0000"])
def test_json_may_spell_what_is_no_text(tmp_path, config, cell):
    path = tmp_path / "a.json"
    path.write_text(f'[{{"patient": "{cell}", "date": "2026-03-02", "code": "97110"}}]')
    with pytest.raises(InputError, match=r'record 1 holds .* no text, in "patient"'):
        files.read(str(path), lambda names: 1)


def test_a_damaged_member_of_a_gzip_file_loses_nothing_unsaid(tmp_path):
    one, two = (gzip.compress(text) for text in (b"patient,date\n", b"A,2026-03-02\n"))
    assert decoding.unpacked(one + two, "a") == b"patient,date\nA,2026-03-02\n"
    assert decoding.unpacked(one + bytes(9), "a") == b"patient,date\n"
    with pytest.raises(InputError, match="no sound gzip file"):
        decoding.unpacked(one + b"\x1e" + two[1:], "a")


def test_a_day_with_a_twelve_hour_midnight(tmp_path, config):
    path = tmp_path / "a.csv"
    path.write_text("patient,date,code,minutes\nA,3/22/2026 12:00:00 AM,97110,23\n")
    assert str(logs.read(path, config).sessions.collect()["date"][0]) == "2026-03-22"


def test_columns_of_a_callers_frame(config):
    """Lengths of time are minutes; a list is no cell, whatever it means."""
    row = {"patient": ["A"], "date": ["2026-03-02"], "code": ["97110"]}
    timed = pl.DataFrame(row | {"minutes": [timedelta(minutes=23)]})
    for frame in (timed, timed.lazy(), timed.to_pandas(), timed.to_arrow()):
        lines = nw.from_native(calc.bill(frame)).lazy().collect()
        assert [int(minutes) for minutes in lines["minutes"].to_list()] == [23]
    with pytest.raises(InputError, match='column "tags" holds lists'):
        calc.bill(pl.DataFrame(row | {"minutes": [23], "tags": [["a"]]}))


LOGGED = {"patient": ["A", "B"], "date": ["2026-03-02"] * 2, "code": ["97110"] * 2}


def test_records_in_a_column_without_a_meaning_are_carried(tmp_path):
    """As JSON text, from every kind of frame and from Parquet; a blank one stays blank."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    columns = LOGGED | {"minutes": [23, 30], "meta": [{"a": "Doe, Jane"}, {"b": 2}]}
    frame = pl.DataFrame(columns, strict=False)
    frame.write_parquet(tmp_path / "a.parquet")
    texts = ['{"a":"Doe, Jane","b":null}', '{"a":null,"b":2}']
    given = (frame, frame.lazy(), frame.to_arrow(), pd.DataFrame(columns), tmp_path / "a.parquet")
    for log in given:
        lines = nw.from_native(calc.bill(log)).lazy().collect().sort("patient")
        assert lines["meta"].to_list() == texts
    lines = calc.bill(frame.with_columns(meta=pl.when(patient="B").then("meta")))
    assert lines["meta"].to_list() == [None, texts[1]]


def test_records_in_a_column_of_ours_are_refused(tmp_path):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    columns = LOGGED | {"minutes": [23, 30], "patient": [{"a": "Doe, Jane"}, {"b": 2}]}
    pl.DataFrame(columns, strict=False).write_parquet(tmp_path / "a.parquet")
    for log in (pd.DataFrame(columns), tmp_path / "a.parquet"):
        with pytest.raises(InputError, match='column "patient" holds lists or records') as caught:
            calc.bill(log)
        assert "Jane" not in str(caught.value) + caught.value.hint


def test_kinds_of_pandas_alone():
    """Periods are dates, sparse columns numbers; what is no cell at all is refused by name."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame(LOGGED | {"minutes": pd.arrays.SparseArray([23, 30])})
    frame["date"] = pd.PeriodIndex(["2026-03-02", "2026-03-03"], freq="D")
    frame["quarter"] = pd.PeriodIndex(["2026Q1", None], freq="Q")
    frame["flag"] = pd.arrays.SparseArray([0, 1])
    lines = calc.bill(frame).sort_values("patient")
    assert lines["minutes"].tolist() == [23, 30]
    assert [str(day)[:10] for day in lines["date"]] == ["2026-03-02", "2026-03-03"]
    assert lines["quarter"].fillna("").tolist() == ["2026Q1", ""]
    assert lines["flag"].tolist() == ["0", "1"]


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(("name", "text"), [("readme.txt", "Read me first.\n"), ("b.csv", "")])
def test_a_file_of_a_folder_that_is_no_log(tmp_path, config, large, name, text):
    """It stops the run, for it could be a damaged log, but the hint says what to do."""
    folder = tmp_path / "logs"
    folder.mkdir()
    put(folder, "a.csv", HEAD + GOOD)
    stray = str(put(folder, name, text))

    def read(source):
        if large:
            return batches.bill([str(source)], str(tmp_path / "lines.parquet"), config)
        return logs.read(source, config)

    for source, told in ((folder, True), (stray, False)):
        with pytest.raises(InputError) as error:
            read(source)
        assert error.value.where.startswith(stray)
        assert error.value.hint.endswith("if it is no log, move it out of the folder") == told


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Patient;Amount\nA;5,00\n\nB;6,00\n;\n", (2, 4)),
        ("patient\tamount\nA\t5,00\nB\t6,00\n\t\t\n", (2, 3)),
        ('sep=;\npatient;amount\n"A";5,00\nB;6,00\n', (3, 4)),
        ('Left in March, April\n,\npatient,amount\nA,"5,00"\nB,"6,00"\n,,\n , \n', (4, 5)),
    ],
)
def test_small_files_are_read_as_logs_are(text, rows, tmp_path):
    """Any delimiter, lines above the headings, and rows without any cell."""
    path = str(put(tmp_path, "a.csv", text))
    found = files.small_csv(path, "patient", "amount")
    assert [(where, row["amount"]) for where, row in found] == [
        (f"{path}:{row}", amount) for row, amount in zip(rows, ("5,00", "6,00"), strict=True)
    ]
    assert balances.read_balances(path) == {"A": 500, "B": 600}


def test_headings_of_small_files_in_capitals(tmp_path):
    """As those of a log; one that stands twice but for its capitals is none of two."""
    path = put(tmp_path, "a.csv", "Patient , AMOUNT\nA,5\n")
    assert files.small_csv(str(path), "patient", "amount") == [
        (f"{path}:2", {"patient": "A", "amount": "5"})
    ]
    path = put(tmp_path, "b.csv", "Patient,patient,amount\nA,B,5\n")
    with pytest.raises(InputError, match='heading "patient" stands twice'):
        files.small_csv(str(path), "patient", "amount")


@pytest.mark.parametrize("heading", ["*", "^x$"])
def test_a_heading_that_is_a_pattern_is_written_like_any_other(heading, tmp_path):
    """To Polars it is more than one column, or none."""
    names = ["patient", "date", "code", "minutes", heading]
    rows = [["p", "2026-03-02", "97110", "15", "a"], ["q", "2026-03-02", "97110", "soon", "b"]]
    log = pl.DataFrame(rows, orient="row", schema=names)
    log.write_csv(tmp_path / "one.csv")
    times = [time(9), time(10)]
    log.with_columns(pl.Series(heading, times)).write_parquet(tmp_path / "two.parquet")
    both = [str(tmp_path / "one.csv"), str(tmp_path / "two.parquet")]
    for more in ([], ["--jobs", "2"]):
        out, bad = tmp_path / "lines.parquet", tmp_path / "bad.csv"
        args = ["bill", *both, "-o", str(out), "--rejects", str(bad), *more]
        assert CliRunner().invoke(cli, args).exit_code == 0
        # Rows of one line join their notes.
        assert pl.read_parquet(out).get_column(heading).to_list() == ["09:00:00; a"]
        found = pl.read_csv(bad, infer_schema=False)
        assert found.columns == [*names, "file", "row", "reason"]
        assert found.get_column(heading).to_list() == ["b", "10:00:00"]


@pytest.mark.parametrize("name", ["min", "max"])
def test_the_first_and_the_last_stamp_that_pandas_knows(name):
    """What programs write for a time that nobody set."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    stamp = getattr(pd.Timestamp, name)
    log = pd.DataFrame(
        {"patient": "A1", "code": "97116", "start": [stamp], "end": [pd.Timestamp("2026-03-02")]}
    )
    lines, bad = calc.bill(log, rejects=True)
    assert (len(lines), len(bad)) == (0, 1)
    assert bad["reason"][0].startswith("end ")


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow", "parquet", "duckdb"])
def test_times_of_a_frame_keep_what_is_less_than_a_second(kind, tmp_path):
    """22:59.9 were 23 minutes as a column of times, and two units."""
    row = {"patient": ["p"], "date": ["2026-03-02"], "code": ["97110"]}
    log = pl.DataFrame(row | {"start": [time(9, 0, 0, 500_000)], "end": [time(9, 23, 0, 400_000)]})
    given = {"polars": lambda: log, "pandas": log.to_pandas, "arrow": log.to_arrow}
    if kind == "parquet":
        log.write_parquet(tmp_path / "log.parquet")
        given[kind] = lambda: str(tmp_path / "log.parquet")
    elif kind == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        given[kind] = lambda: duckdb.from_arrow(log.to_arrow())
    lines = nw.from_native(calc.bill(given[kind]()))
    assert engine.collect(lines.lazy().select("minutes")).to_native()["minutes"].to_list() == [22]


HEAD_OF_LINES = "patient,date,code,minutes,note\n"


@pytest.mark.parametrize("large", [1, 1 << 24])
@pytest.mark.parametrize("above", ["", "\n", "\n\n", "\r\n", " \n\n", "March\n\n", "\nMarch\n"])
def test_blank_lines_above_the_heading_cost_no_record(above, large, tmp_path, config, monkeypatch):
    monkeypatch.setattr(files, "LARGE", large)
    rows = "a,2026-03-02,97110,20,x\n\nb,2026-03-03,97110,20,y\n"
    log = logs.read(put(tmp_path, "log.csv", above + HEAD_OF_LINES + rows), config)
    first = above.count("\n") + 2
    assert [(row["patient"], row["row"]) for row in sessions(log)] == [
        ("a", first),
        ("b", first + 2),
    ]
    assert log.files[0].by_line


@pytest.mark.parametrize(
    ("name", "text", "by_line"),
    [
        ("log.csv", "a,2026-03-02,97110,20,x\n", True),
        ("log.csv", "a,2026-03-02,97110,20,x\r\n\r\n\r\nb,2026-03-02,97110,20,y", True),
        ("log.csv", 'a,2026-03-02,97110,20,"x, y"\n', True),
        ("log.csv", 'a,2026-03-02,97110,20,"x, y",too,many\nb,2026-03-02,97110,20,x\n', True),
        ("log.csv", 'a,2026-03-02,97110,20,"x\ny"\nb,2026-03-02,97110,20,x\n', False),
        ("log.csv", 'a,2026-03-02,97110,20,"x\r\ny"\nb,2026-03-02,97110,20,x,z\n', False),
        ("log.csv.gz", "a,2026-03-02,97110,20,x\n", False),
    ],
)
def test_rows_that_are_lines(name, text, by_line, tmp_path, config):
    path, data = tmp_path / name, (HEAD_OF_LINES + text).encode()
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert logs.read(str(path), config).files[0].by_line is by_line


def test_joint_time_that_cannot_be_told_is_said(tmp_path):
    """Thirty minutes of two clinicians together were an hour, without a word."""
    head = "patient,date,discipline,role,code,minutes,mode"
    rows = [f"B,2026-03-02,PT,{role},97110,30,cotreatment" for role in ("therapist", "assistant")]
    path = put(tmp_path, "a.csv", "\n".join([head, *rows, ""]))
    note = "a.csv: 2 rows of co-treatment without start and end: minutes of two clinicians at once"
    assert note in bill(path)[2] and note in audited(path)[2]
    timed = (
        path.read_text().replace(",mode", ",mode,start,end").replace("treatment", "treat,9:00,9:30")
    )
    assert "without start" not in bill(put(tmp_path, "b.csv", timed))[2]
