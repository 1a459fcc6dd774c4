"""Small files beside a log: what is read of them, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest
from helpers import frame, sessions

from calc import balances, logs, times
from calc.errors import InputError

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture
def read(tmp_path):
    """What a reader makes of a text."""

    def of(reader, text, *more):
        (tmp_path / "side.csv").write_text(text, encoding="utf-8")
        return reader(str(tmp_path / "side.csv"), *more)

    return of


def test_balances(read):
    text = 'patient,amount\nA,257\nB,"$1,570.05"\n'
    assert read(balances.read_balances, text) == {"A": 25700, "B": 157005}


@pytest.mark.parametrize("cell", ["'=A", "'@A", "'-A", "'\tA", "'\rA"])
def test_the_apostrophe_of_our_own_csv_is_no_part_of_a_name(read, cell):
    """A cell that a spreadsheet would take for a formula may come from a csv that we wrote."""
    name, day = cell[1:].strip(), "2026-03-02"
    assert read(balances.read_balances, f'patient,amount\n"{cell}",257\n') == {name: 25700}
    assert read(balances.read_prior, f'patient,discipline,amount\n"{cell}",OT,1\n') == {
        (name, "OT"): 100
    }
    sheet = read(balances.read_timesheet, f'clinician,date,minutes\n"{cell}",{day},1\n')
    assert sheet == {(name, MONDAY): times.MINUTE}
    assert read(balances.read_balances, "patient,amount\n'A,1\nO'-B,2\n") == {
        "'A": 100, "O'-B": 200,
    }  # fmt: skip


@pytest.mark.parametrize("cell", ['="00123"', "\u00a000123", "0\u200b0123"])
def test_a_name_is_cleaned_as_the_logs_is(read, cell, config):
    """The same bytes in both files are the same patient: the balance was not found."""
    text = 'patient,amount\n"{}",257\n'.format(cell.replace('"', '""'))
    log = logs.read(
        frame([{"patient": cell, "date": "2026-03-02", "code": "97110", "minutes": "20"}]), config
    )
    (row,) = sessions(log)
    assert read(balances.read_balances, text) == {row["patient"]: 25700}


def test_disciplines_that_share_a_threshold_add_up(read):
    text = "patient,discipline,amount\nA,PT,10\nA,slp,5\nA,OT,1\nB,PT+SLP,2\n"
    assert read(balances.read_prior, text) == {
        ("A", "PT+SLP"): 1500, ("A", "OT"): 100, ("B", "PT+SLP"): 200,
    }  # fmt: skip


def test_amounts_may_say_their_year(read):
    text = "Patient,Year,discipline,amount\nA,2025,PT,10\nA,2026,PT,5\nA,2026,SLP,1\nB,,PT,2\n"
    assert read(balances.read_prior, text) == {
        ("A", "PT+SLP", 2025): 1000, ("A", "PT+SLP", 2026): 600, ("B", "PT+SLP"): 200,
    }  # fmt: skip
    text = "patient,amount,year\nA,10,2025\nA,0,2026\nB,2,\n"
    assert read(balances.read_balances, text) == {("A", 2025): 1000, ("A", 2026): 0, "B": 200}


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("minutes\nA,2026-03-02,480\nA,2026-03-03,1440\n", {"A 2": 480, "A 3": 1440}),
        ("minutes\nA,2026-03-02,200\nB,2026-03-02,0\nA,2026-03-02,100\n", {"A 2": 300, "B 2": 0}),
        ("start,end\nA,2026-03-02,08:00,12:00\nA,2026-03-02,12:30,16:30:30\n", {"A 2": 480.5}),
        ("start,end\nA,2026-03-02,08:00,08:00\n", {"A 2": 0}),
        ("start,end,minutes\nA,2026-03-02,08:00,12:00,\nA,2026-03-02,,,30\n", {"A 2": 270}),
    ],
)  # fmt: skip
def test_spells_on_duty_add_up(read, text, minutes):
    sheet = read(balances.read_timesheet, f"clinician,date,{text}")
    found = {f"{who} {day.day}": spent / times.MINUTE for (who, day), spent in sheet.items()}
    assert found == minutes


def test_a_year_as_a_spreadsheet_writes_it(read):
    text = "patient,discipline,amount,year\nA,PT,1,2026.0\nA,PT,2,2025\n"
    assert set(read(balances.read_prior, text)) == {("A", "PT+SLP", 2026), ("A", "PT+SLP", 2025)}


def test_a_workbook_is_no_csv(tmp_path):
    """Said as what it is, without a line."""
    import xlsxwriter

    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet()
    with pytest.raises(InputError, match="is a workbook or an archive, no csv") as caught:
        balances.read_timesheet(str(path))
    assert caught.value.where == str(path)


def test_diagnoses_of_a_code_or_its_names(read, config):
    text = "code,diagnosis\n97116,M62.81\nGait  Training,R26.2\n97110,m62.81\n"
    found = read(balances.read_diagnoses, text, config)
    assert found == {"97116": ("M62.81", "R26.2"), "97110": ("m62.81",)}


@pytest.mark.parametrize(
    ("reader", "text", "what"),
    [
        ("balances", "patient,amount\nA,1\nA,2\n", "the same patient stands twice"),
        ("balances", "patient,amount\nA,1\nB,\n", 'amount "" is not an amount'),
        ("balances", "patient,amount\nA,1\n,2\n", "patient is blank"),
        ("prior", "patient,discipline,amount\nA,PT,1\nA,PT,2\n", "the same patient stands twice"),
        ("prior", "patient,discipline,amount,year\nA,PT,1,2026\nA,PT,2,26\n",
         'year "26" is not a year'),
        ("balances", "patient,amount,year\nA,1,2026\nA,2,2026\n", "the same patient stands twice"),
        ("balances", "patient,amount,year\nA,1,2026\nA,2,\n",
         "the same patient stands with a year and without"),
        ("prior", "patient,discipline,amount\nA,PT,1\nA,,2\n", 'discipline "" is not known'),
        ("timesheet", "clinician,date,minutes\nA,2026-03-02,1440\nA,2026-03-03,1441\n",
         'minutes "1441" is no number of minutes of a day'),
        ("timesheet", "clinician,date,minutes\nA,2026-03-02,1\nA,2026-03-03,7.5\n",
         'minutes "7.5" is no number of minutes of a day'),
        ("timesheet", "clinician,date,minutes\nA,2026-03-02,1\nA,2026-03-03,48²\n",
         'minutes "48²" is no number of minutes of a day'),
        ("timesheet", "clinician,date,minutes\nA,2026-03-02,1\nA,someday,1\n",
         'date "someday" is not a date'),
        ("timesheet", "clinician,date,minutes\nA,2026-03-02,1\nA,2026-03-03,\n",
         'start "" is not a time'),
        ("timesheet", "clinician,date,start,end\nA,2026-03-02,08:00,09:00\nA,2026-03-03,08:00,x\n",
         'end "x" is not a time'),
        ("timesheet", "clinician,date,start,end\nA,2026-03-02,8:00,8:00\nA,2026-03-03,9:00,8:59\n",
         "end is before its start"),
        ("diagnoses", "code,diagnosis\n97116,x\n00000,x\n", 'code "00000" is not known'),
        ("diagnoses", "code,diagnosis\n97116,x\n97110,\n", "diagnosis is blank"),
    ],
)  # fmt: skip
def test_faulty_rows(read, config, tmp_path, reader, text, what):
    more = (config,) if reader == "diagnoses" else ()
    with pytest.raises(InputError) as caught:
        read(getattr(balances, f"read_{reader}"), text, *more)
    assert (caught.value.what, caught.value.where) == (what, f"{tmp_path}/side.csv:3")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ("clinician,date,end", "missing heading minutes, or start and end"),
        ("clinician,date", "missing heading minutes, or start and end"),
        ("clinician,minutes", "missing heading date"),
        ("clinician,hours", "missing heading date"),
    ],
)
def test_headings_of_a_time_sheet(read, names, what):
    with pytest.raises(InputError) as caught:
        read(balances.read_timesheet, f"{names}\n")
    assert caught.value.what == what
