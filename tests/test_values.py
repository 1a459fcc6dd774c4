"""Texts of cells: codes with modifiers, lengths with units, amounts. Nothing is guessed."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

import calc
from calc import engine, lengths, times, values
from calc.errors import InputError

CODES = [
    ("97116", "97116", ""),
    ("97116-GP-CQ", "97116", "GP CQ"),
    ("97116 GP", "97116", "GP"),
    ("97116gp", "97116", "GP"),
    ("97116GPCQ", "97116", "GP CQ"),
    ("97116, GP, 59", "97116", "GP 59"),
    ("97116:GP", "97116", "GP"),
    ("97116GP CQ", "97116", "GP CQ"),
    ("97116 GPCQ", "97116", "GP CQ"),
    ("97116|GP|CQ", "97116", "GP CQ"),
    ("97116*GP*CQ", "97116", "GP CQ"),
    ("HC:97116:GP:CQ", "97116", "GP CQ"),
    ("HC97116GPCQ", "97116", "GP CQ"),
    *((text, "97116", "") for text in ("HC:97116", "HC:97116:", "97116::", "HC97116")),
    ("97116 5959", None, ""),
    ("97116.0", "97116", ""),
    ("g0283", "G0283", ""),
    ("Gait  Training", "97116", ""),
    ("gait training GP", "97116", "GP"),
    ("97116 - Gait training", "97116", ""),
    ("97116 (gait training)", "97116", ""),
    ("97116 - manual therapy", None, ""),  # the number and the words disagree
    ("97110 97112", None, ""),
    ("97110 x2", None, ""),
    ("97110 X2", None, ""),
    ("97110 cancelled", None, ""),
    ("9711659", None, ""),
    ("97116 GPX", None, ""),
    ("99999-GP", None, ""),
    ("GP", None, ""),
    ("", None, ""),
]


@pytest.mark.parametrize(("text", "code", "modifiers"), CODES)
def test_read_code(text, code, modifiers, config):
    """A code, a name or a code with what belongs behind it; anything else is unknown."""
    assert values.read_code(text, config.code_names) == (code, modifiers)


LENGTHS = [
    ("47 min", 47),
    ("47min.", 47),
    ("47 Minutes", 47),
    ("47m", 47),
    ("0:47", 47),
    ("1:05", 65),
    ("01:05", 65),
    ("00:47:00", 47),
    ("0.75 h", 45),
    ("0,75 h", 45),
    (".25 hr", 15),
    ("1 h 5 min", 65),
    ("1h05", 65),
    ("2 hours", 120),
    ("23,5", 23.5),
    ("22.333333333333332", 22 + 1 / 3),
    ("22.999999999999996", 23),
    ("25.333333", 25.333333),
    ("0.0173611", None),  # 25 minutes as a part of a day
    (".020833333333333332", None),
    ("0.30000000000000004", 0.3),  # as a program reckons 0.1 + 0.2
    ("0.7999999999999999", 0.8),
    ("7.999900", 7.9999),  # to the nearest millisecond
    ("47:00", None),  # hours and minutes, or minutes and seconds
    ("1,200 min", None),
    ("0:60", None),
    ("-5 min", None),
    ("47 sec", None),
    ("soon", None),
]


@pytest.mark.parametrize(("text", "minutes"), LENGTHS)
def test_read_minutes(text, minutes):
    """Lengths with a unit or as h:mm, in milliseconds."""
    expected = None if minutes is None else round(minutes * times.MINUTE)
    assert values.read_minutes(text) == expected


MEASURED = [
    ("0.75", "hours", 45),
    ("1.25", "hours", 75),
    ("0,5", "hours", 30),
    (".5", "hours", 30),
    ("0.3833", "hours", 23),  # four decimals are finer than seconds
    ("0.3833333333333333", "hours", 23),
    ("2", "hours", 120),
    ("2.", "hours", 120),
    ("2.000", "hours", 120),
    ("0.13", "hours", 7.8),  # what two decimals say is not made rounder
    ("47 min", "hours", 47),
    ("0:47", "hours", 47),
    ("1380", "seconds", 23),
    ("1380.5", "seconds", 23 + 1 / 120),
    ("1380.0000001", "seconds", 23),
    ("0:23:00", "seconds", 23),
    ("23 min", "seconds", 23),
    ("8:30", "seconds", None),
    ("1,200", "seconds", None),
    ("8:30", "mm:ss", 8.5),
    ("0:47", "mm:ss", 47 / 60),
    ("47:00", "mm:ss", 47),
    ("120:00", "mm:ss", 120),
    ("0:08:30", "mm:ss", 8.5),
    ("08:30:00", "mm:ss", None),  # what a spreadsheet makes of 8:30
    ("8", "mm:ss", None),
    ("8,5", "mm:ss", None),
    ("8 min", "mm:ss", 8),
]


@pytest.mark.parametrize(("text", "unit", "minutes"), MEASURED)
def test_minutes_of_a_column_with_a_unit(text, unit, minutes):
    """Bare numbers are of the column's unit, exactly; a cell that names its own keeps it."""
    facts = values.minutes("minutes", "minutes_ms", unit)
    read = engine.collect(facts(engine.table({"text": [text]}, {"text": str})))["minutes_ms"][0]
    assert read == (None if minutes is None else round(minutes * times.MINUTE))


HOURS = [
    ("hours", ["0.13", "0.38", "0,63", "1.88", "0.5"], [8, 23, 38, 113, 30]),
    ("hours", ["0.133", "0.383", "0.25"], [8, 23, 15]),
    ("minutes", ["0.13 h", "0.38 hrs", "47"], [8, 23, 47]),
    ("hours", ["0.380", "0.1300", "0.50"], [23, 8, 30]),
    ("hours", ["0.38", "0.13", "0.3833"], [23, 8, 23]),
    ("hours", ["0.13", "0.38", "0.36"], [7.8, 22.8, 21.6]),  # 0.36 is no whole minute
    ("hours", ["0.13", "0.25", "7 min"], [7.8, 15, 7]),  # one may be so by chance
    ("hours", ["0.38", "0.13", "0.3811"], [22.8, 7.8, 22.866]),  # so fine that seconds are told
    ("minutes", ["0.13", "0.38"], [0.13, 0.38]),
]


@pytest.mark.parametrize(("unit", "texts", "minutes"), HOURS)
def test_hours_of_whole_minutes(unit, texts, minutes):
    """Two decimals make 7:48 of 8 minutes, and a false finding of each unit that they earn."""
    facts = values.minutes("minutes", "minutes_ms", unit)
    read = engine.collect(facts(engine.table({"text": texts}, {"text": str})))["minutes_ms"]
    assert [length_ms / times.MINUTE for length_ms in read] == pytest.approx(minutes, abs=0.009)


def test_hours_of_whole_minutes_in_pieces(config):
    """The whole column tells it: a piece may hold one number alone."""
    cells = engine.table({"Hours": ["0.13", "0.38"]}, {"Hours": str})
    measure = lengths.told(cells, "minutes", lengths.Measure("Hours", "hours"), "a.csv", config)
    facts = lengths.facts("minutes", "minutes_ms", measure, "a.csv", config)
    read = engine.collect(facts(engine.table({"text": ["0.38"]}, {"text": str})))
    assert read["minutes_ms"].to_list() == [23 * times.MINUTE]


TORN = [
    ("8:00", None),
    ("08:00:00", None),
    ("1:00", None),
    ("0:47", 47),
    ("1:05:30", 65.5),
    ("8", 8),
    ("1 h 5 min", 65),
]


@pytest.mark.parametrize("other", ["10:00", "47:00", "120:00", "12:00:00", "1900-01-01 23:00:00"])
@pytest.mark.parametrize(("text", "minutes"), TORN)
def test_minutes_beside_such_as_may_be_minutes_and_seconds(text, minutes, other):
    """Where two such as 47:00 are in doubt, so is 8:30: the column decides, as with dates."""
    facts = values.minutes("minutes", "minutes_ms")
    table = engine.collect(facts(engine.table({"text": [other, text, "15:30"]}, {"text": str})))
    found = table["minutes_ms"].to_list()[:2]
    assert found == [None, None if minutes is None else minutes * times.MINUTE]


AMOUNTS = [
    ("$1,234.50", 123450),
    ("$ 80", 8000),
    ("80 USD", 8000),
    ("$ -   ", 0),
    ("-", None),
    ("1.234,50", 123450),
    ("120,5", 12050),
    ("1,234", 123400),
    ("1,234,567.89", 123456789),
    ("1.234", None),
    ("12,34,5", None),
    ("-5", None),
    ("(5.00)", None),
    ("lots", None),
    ("12345678", None),
]


@pytest.mark.parametrize(("text", "cents"), AMOUNTS)
def test_read_cents(text, cents):
    """Money with its sign and its thousands, exact to the cent."""
    assert values.read_cents(text) == cents


CLOCKS = [("9 AM", 9 * 60), ("9:05\u202fAM", 9 * 60 + 5), ("12 p.m.", 720), ("9:05 P. M.", 1265)]
CLOCKS += [("09:05:00.0000000", 545), ("13 PM", None), ("9 XM", None)]


@pytest.mark.parametrize(("text", "minutes"), CLOCKS)
def test_more_clocks(text, minutes):
    """Hours alone with AM or PM, narrow blanks, long fractions."""
    found = times.read_clock(text)
    assert found == (None if minutes is None else (minutes * times.MINUTE, None))


WRITTEN = [
    ("Mar 2, 2026", "2026-03-02"),
    ("March 2 2026", "2026-03-02"),
    ("2-Mar-2026", "2026-03-02"),
]
WRITTEN += [
    ("Monday, March 2, 2026", "2026-03-02"),
    ("20260302", "2026-03-02"),
    ("Sept 2, 2026", "2026-09-02"),
]
WRITTEN += [("20261302", None), ("Mar 32, 2026", None), ("Foo 2, 2026", None), ("3/2/26", None)]


@pytest.mark.parametrize(("text", "day"), WRITTEN)
def test_read_written_date(text, day):
    """Months in letters and YYYYMMDD."""
    found = times.read_written_date(text)
    assert (found and found.isoformat()) == day


def test_lengths_of_other_types_are_minutes():
    """A timedelta is exact and never rounded up; pandas' is one; an hour has no limit of digits."""
    for length, minutes in (
        (timedelta(minutes=23, microseconds=1), 23),
        (timedelta(minutes=22, seconds=59, milliseconds=999, microseconds=999), 22),
        (timedelta(hours=10), 600),
    ):
        row = {"code": "97110", "minutes": length, "date": "2026-03-02"}
        assert calc.estimate([row]).lines[0]["minutes"] == minutes


def test_a_length_under_a_minute_is_one():
    """0:44 and 7:16 are 8 minutes; a bare number below 1 could be of hours, a timedelta is not."""
    parts = [timedelta(seconds=44), timedelta(minutes=7, seconds=16)]
    rows = [{"code": "97110", "minutes": part, "date": "2026-03-02"} for part in parts]
    (line,) = calc.estimate(rows).lines
    assert (line["minutes"], line["units"]) == (8, 1)
    assert calc.units({"97110": parts[0], "97116": 8}) == {"97110": 0, "97116": 1}


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        (timedelta(hours=10, minutes=50), timedelta(hours=12, minutes=10), 80),
        (timedelta(hours=9), "09:24", 24),
        (timedelta(hours=9, milliseconds=500), timedelta(hours=9, minutes=23), 22),
        (timedelta(0), timedelta(days=1), 1440),
    ],
)
def test_a_time_of_day_as_databases_give_it(start, end, minutes):
    """A timedelta since midnight: 10:50 was read as 6:50, for it is 650 minutes."""
    row = {"code": "97110", "date": "2026-03-02", "start": start, "end": end}
    assert calc.estimate([row]).lines[0]["minutes"] == minutes


@pytest.mark.parametrize("past", [timedelta(hours=25), timedelta(hours=-1)])
def test_a_timedelta_that_is_no_time_of_day(past):
    row = {"code": "97110", "date": "2026-03-02", "start": past, "end": "09:24"}
    with pytest.raises(InputError, match="is not a time"):
        calc.estimate([row])


@pytest.mark.parametrize("code", ["97116-CQ", "97116 GP CQ", "97535-CO"])
def test_units_of_a_code_with_an_assistants_modifier(code):
    """It was let fall without a word, and none of the units was the assistant's."""
    with pytest.raises(InputError, match="which units works out"):
        calc.units({code: 20})
    assert calc.units({"97116-GP": 20}) == {"97116": 1}


@pytest.mark.parametrize("beyond", [False, True])
def test_more_minutes_than_a_day_has(beyond):
    """Seconds in a column of minutes were a hundred units, without a word."""
    minutes = {"97110": 1000, "97140": 440 + beyond}
    rows = [{"code": c, "minutes": n, "date": "2026-03-02"} for c, n in minutes.items()]
    reasons = {line["reason"] for line in calc.estimate(rows).lines}
    assert reasons == ({"more minutes than a day has"} if beyond else {""})
    if beyond:
        with pytest.raises(InputError, match="1,441 minutes are more than a day"):
            calc.units(minutes)
    else:
        assert sum(calc.units(minutes).values()) == 96


def test_estimates_are_compared_by_their_lines():
    row = {"code": "97110", "date": "2026-03-02"}
    one, same, other = (calc.estimate([row | {"minutes": n}]) for n in (23, 23, 38))
    assert (one == same, one == other) == (True, False)


@pytest.mark.parametrize("given", ["p,2026-03-02,97110,23\nq,2026-03-02,97110,8", "open"])
def test_the_text_of_a_file_is_no_log(given, tmp_path):
    """Nothing of it is shown: it may name a patient."""
    path = tmp_path / "Jane.csv"
    path.write_text("patient,date,code,minutes\nJane Doe,2026-03-02,97110,23\n")
    with path.open() as file, pytest.raises(InputError, match="is no log") as caught:
        next(file)
        calc.bill(file if given == "open" else given)
    assert "Jane" not in str(caught.value) and "97110" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        calc.bill("x" * 5000)


def test_a_start_of_numpys_says_the_day():
    start, end = np.datetime64("2026-03-02T09:00"), np.datetime64("2026-03-02T09:47")
    (line,) = calc.estimate([{"code": "97116", "start": start, "end": end}]).lines
    assert (str(line["date"]), line["units"]) == ("2026-03-02", 3)


def test_a_counting_rule_is_a_name():
    with pytest.raises(InputError, match="counting rule"):
        calc.units({"97110": 33}, [])
