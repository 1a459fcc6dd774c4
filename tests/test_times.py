"""Clock text to instants and minutes: forms, midnight, clock changes, seconds."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from helpers import count, frame, read, rejects, sessions, used

import calc
from calc import times
from calc.errors import InputError

HOUR = 60 * times.MINUTE
CHICAGO = "America/Chicago"

DATES = [
    ("2026-03-02", date(2026, 3, 2)),
    ("2026-3-2", date(2026, 3, 2)),
    ("3/2/2026", date(2026, 3, 2)),
    ("03/02/2026", date(2026, 3, 2)),
    ("12/31/2025", date(2025, 12, 31)),
    ("2024-02-29", date(2024, 2, 29)),
    ("2026-02-29", None),
    ("2026-13-01", None),
    ("13/1/2026", None),
    ("3/2/26", None),
    ("20260302", None),
    ("2026-03", None),
    ("March 2, 2026", None),
    ("2026-03-02 ", None),
    ("2026-03-02T09:00", None),
    ("0000-01-01", None),
    ("", None),
    ("x", None),
    ("😴", None),
]


@pytest.mark.parametrize(("text", "day"), DATES)
def test_read_date(text, day):
    """ISO and US dates; anything else is no date."""
    assert times.read_date(text) == day


CLOCKS = [
    ("09:05", (9, 5, 0), None),
    ("9:05", (9, 5, 0), None),
    ("0905", (9, 5, 0), None),
    ("905", (9, 5, 0), None),
    ("00:00", (0, 0, 0), None),
    ("23:59:59", (23, 59, 59), None),
    ("24:00", (24, 0, 0), None),
    ("9:05 AM", (9, 5, 0), None),
    ("9:05 PM", (21, 5, 0), None),
    ("9:05pm", (21, 5, 0), None),
    ("9:05 p.m.", (21, 5, 0), None),
    ("12:00 AM", (0, 0, 0), None),
    ("12:30 PM", (12, 30, 0), None),
    ("09:00:30", (9, 0, 30), None),
    ("09:00Z", (9, 0, 0), 0),
    ("09:00:00Z", (9, 0, 0), 0),
    ("09:00-06:00", (9, 0, 0), -6),
    ("09:00:00-0600", (9, 0, 0), -6),
    ("09:00+01:00", (9, 0, 0), 1),
    ("09:00:00-05", (9, 0, 0), -5),
    ("09:00:00.000+00", (9, 0, 0), 0),
]


@pytest.mark.parametrize(("text", "clock", "offset"), CLOCKS)
def test_read_clock(text, clock, offset):
    """Clock times in the forms of logs, with seconds, halves of the day and offsets."""
    hours, minutes, seconds = clock
    expected = hours * HOUR + minutes * times.MINUTE + seconds * times.SECOND
    assert times.read_clock(text) == (expected, None if offset is None else offset * HOUR)


def test_read_clock_keeps_fractions():
    """Fractions of a second to the millisecond."""
    assert times.read_clock("00:00:01.5") == (1500, None)
    assert times.read_clock("00:00:01.123456") == (1123, None)


NO_CLOCK = ["", "x", "😴", "9", "09", "25:10", "24:01", "24:00:01", "12:60", "09:00:60", "13:00 PM"]
NO_CLOCK += ["0:00 AM", "0:30 PM", "9:05 M", "-9:05", "9:5", "9h05", "09:00-", "09:00 CST", "1e3"]
NO_CLOCK += ["09:00:00:00", "09-05", "noon", "09:05 XM", "nan", "None"]


@pytest.mark.parametrize("text", NO_CLOCK)
def test_no_clock(text):
    """Nothing is guessed."""
    assert times.read_clock(text) is None


def test_no_such_offset():
    """No place on earth is 99 hours ahead."""
    assert times.read_clock("09:00+99:99") is None
    assert times.read_clock("09:00-05") is None  # may be a span


ZONE_DAYS = [
    # day, hours before and after, wall times spoilt, kind
    (date(2026, 3, 2), -6, -6, None, ""),
    (date(2026, 3, 8), -6, -5, (2, 3), "missing"),
    (date(2026, 3, 9), -5, -5, None, ""),
    (date(2026, 11, 1), -5, -6, (1, 2), "twice"),
    (date(2026, 11, 2), -6, -6, None, ""),
]


@pytest.mark.parametrize(("day", "before", "after", "spoilt", "kind"), ZONE_DAYS)
def test_zone_day(day, before, after, spoilt, kind):
    """The offsets of a day and the wall times that do not exist or exist twice."""
    found = times.zone_day(CHICAGO, day)
    assert (found.before, found.after, found.kind) == (before * HOUR, after * HOUR, kind)
    if spoilt:
        assert (found.spoilt_from, found.spoilt_until) == tuple(h * HOUR for h in spoilt)


def test_other_zone_days():
    """Half an hour in Lord Howe, none in Phoenix."""
    howe = times.zone_day("Australia/Lord_Howe", date(2026, 10, 4))
    assert howe.spoilt_until - howe.spoilt_from == HOUR // 2
    assert times.zone_day("America/Phoenix", date(2026, 3, 8)).kind == ""


def test_zone_day_without_a_midnight():
    """Havana goes from 00:00 to 01:00."""
    havana = times.zone_day("America/Havana", date(2026, 3, 8))
    assert (havana.spoilt_from, havana.spoilt_until, havana.kind) == (0, HOUR, "missing")


def test_no_such_zone():
    """A zone that does not exist is a ValueError that names it."""
    with pytest.raises(ValueError, match="Middle/Earth"):
        times.zone_day("Middle/Earth", date(2026, 3, 2))


def session(start, end, day="2026-03-02", **more):
    """A row with clock times."""
    row = {"patient": "p", "date": day, "code": "97116", "start": start, "end": end}
    return row | more


def minutes(rows, config, **defaults):
    """Minutes of the one service of a log."""
    (service,) = count(rows, config, **defaults)
    return service["minutes"]


def reason(row, config, **defaults):
    """Why a row is rejected."""
    (reject,) = rejects(read([row], config, **defaults))
    return reject["reason"]


LENGTHS = [
    ("09:00", "09:47", {}, "", 47),
    ("09:00 AM", "1:00 PM", {}, "", 240),
    ("0900", "0947", {}, "", 47),
    ("2026-03-02T09:00:00-06:00", "2026-03-02T09:47:00-06:00", {}, "", 47),
    ("2026-03-02T15:00:00Z", "2026-03-02T09:47:00-06:00", {}, "", 47),
    ("2026-03-02T09:00:00-06:00", "09:47", {}, "", 47),
    ("2026-03-02 09:00", "2026-03-02 09:47", {"date": ""}, "", 47),
    ("3/2/2026 9:00 AM", "3/2/2026 9:47 AM", {"date": ""}, "", 47),
    ("23:30", "24:00", {}, "", 30),
    ("23:30", "2026-03-03 00:30", {}, "", 60),
    ("09:00", "09:00", {}, "", 0),
    # clocks go on: 01:30 to 03:30 is one hour of elapsed time, two on the wall
    ("01:30", "03:30", {"date": "2026-03-08"}, CHICAGO, 60),
    ("01:30", "03:30", {"date": "2026-03-08"}, "", 120),
    ("01:30", "03:30", {"date": "2026-03-08"}, "America/Phoenix", 120),
    ("00:30", "02:30", {"date": "2026-11-01"}, CHICAGO, 180),
    ("2026-03-08T01:30-06:00", "2026-03-08T03:30-05:00", {}, "", 60),
    ("01:30-05:00", "01:30-06:00", {"date": "2026-11-01"}, CHICAGO, 60),
]


@pytest.mark.parametrize(("start", "end", "change", "zone", "expected"), LENGTHS)
def test_minutes_of_a_session(start, end, change, zone, expected, config):
    """Elapsed time where an offset or a zone is known, otherwise the wall clock's difference."""
    day = "2026-03-08" if start.startswith("2026-03-08") else "2026-03-02"
    row = session(start, end, day) | change
    assert minutes([row], config, zone=zone, date_order="mdy") == expected


SPOILT = [
    ("02:30", "03:30", "2026-03-08", 'start "02:30" does not exist: clocks went on'),
    ("01:30", "02:00", "2026-03-08", 'end "02:00" does not exist: clocks went on'),
    ("01:30", "03:30", "2026-11-01", 'start "01:30" exists twice: clocks went back'),
    ("00:30", "01:00", "2026-11-01", 'end "01:00" exists twice: clocks went back'),
]


@pytest.mark.parametrize(("start", "end", "day", "text"), SPOILT)
def test_spoilt_wall_times(start, end, day, text, config):
    """With a zone a wall time that does not exist or exists twice is reported."""
    row = session(start, end, day)
    assert reason(row, config, zone=CHICAGO) == text
    assert rejects(read([row], config)) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02 14:00", "2026-03-02T20:47Z"),
        ("2026-03-02T20:00Z", "2026-03-02 14:47"),
        ("2026-03-02 19:00", "2026-03-03T01:47Z"),
        ("2026-03-02T20:00Z", "20:47"),  # of the same clock
    ],
)
def test_a_stamp_without_an_offset_is_the_clinics(start, end, config):
    """Beside one with an offset: that is not its own, as 407 minutes would have it."""
    assert minutes([session(start, end, "")], config, zone=CHICAGO) == 47


def test_edges_of_a_clock_change(config):
    """The minute before and the minute after are sound."""
    row = session("01:59", "03:00", "2026-03-08")
    assert minutes([row], config, zone=CHICAGO) == 1


ENDS = [
    # date, start and end at the calendar's ends, the day they are billed on, None: rejected
    ("9999-12-30", "09:00", "09:30", "9999-12-30"),
    ("9999-12-31", "09:00", "09:30", "9999-12-31"),
    ("9999-12-31", "23:30", "24:00", "9999-12-31"),
    ("0001-01-01", "09:00", "09:30", "0001-01-01"),
    ("", "9999-12-31T22:00-06:00", "9999-12-31T22:30-06:00", "9999-12-31"),
    ("", "0001-01-01T02:00+09:00", "0001-01-01T02:30+09:00", "0001-01-01"),
    ("", "0001-01-01T02:00Z", "0001-01-01T02:30Z", None),  # a day earlier in Chicago
]


@pytest.mark.parametrize("zone", ["", CHICAGO, "Asia/Tokyo"])
@pytest.mark.parametrize(("day", "start", "end", "billed"), ENDS)
def test_the_ends_of_the_calendar(day, start, end, billed, zone):
    """A zone's offset there is that of a few days further in; the other rows are billed."""
    other = {"patient": "q", "date": "2026-03-02", "code": "97116", "minutes": "30"}
    rows = frame([session(start, end, day), other])
    lines, bad = calc.bill(rows, rejects=True, zone=zone)
    if billed is None and zone == CHICAGO:
        assert bad["reason"].to_list() == ["no date of service"]
        return
    money = dict(lines.select(pl.col("date").cast(str), "allowed").rows())
    assert money.pop("2026-03-02") > 0
    assert money == {billed or "0001-01-01": None}


def test_midnight(config):
    """An end before its start needs its own date; a session belongs to the day it began."""
    assert reason(session("23:30", "00:30"), config) == 'end "00:30" is before its start'
    (row,) = sessions(used([session("23:30", "2026-03-03 00:30")], config))
    assert row["date"] == date(2026, 3, 2)


NEXT_DAY = (
    "correct it, or add the end's date to it, e.g. 2026-03-03 00:30, if the session passed midnight"
)
NOON = f"write AM or PM, such as 12:30 PM to 1:15 PM; or {NEXT_DAY}"
OVER_NOON = [
    ("12:30", "1:15", NOON),
    ("10:00", "7:59", NOON),
    ("12:59:00", "01:00:00", NOON),
    ("9:59", "1:15", NEXT_DAY),
    ("13:00", "1:15", NEXT_DAY),
    ("12:30", "0:59", NEXT_DAY),
    ("10:30", "8:00", NEXT_DAY),
    ("12:30 PM", "1:15 AM", NEXT_DAY),
]


@pytest.mark.parametrize(("start", "end", "hint"), OVER_NOON)
def test_a_session_over_noon_without_am_or_pm(start, end, hint, config):
    """Who adds the next day's date to it writes a session of half a day."""
    (reject,) = rejects(read([session(start, end)], config))
    assert reject["hint"] == hint
    assert reject["reason"] == f'end "{end}" is before its start'


def test_a_date_beside_the_end_is_not_its_own(config):
    """The hint, without the words for the same cell, was for a log that has such a column."""
    apart = session("23:45", "00:30") | {"end_date": "2026-03-03"}
    (reject,) = rejects(read([apart], config))
    assert reject["hint"] == NEXT_DAY
    assert minutes([session("23:45", "2026-03-03 00:30")], config) == 45


def test_seconds_add_up_before_they_are_dropped(config):
    """Eight runs of 1:59 are 15 minutes (and 52 seconds), one unit."""
    runs = [session(f"09:{2 * n:02d}:00", f"09:{2 * n + 1:02d}:59") for n in range(8)]
    (service,) = count(runs, config)
    assert (service["minutes"], service["units"]) == (15, 1)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [(("2.33", "5.67"), 8), (("2.33", "5.66"), 7), (("0.1",) * 80, 8), (("7.999",), 7)],
)
def test_decimal_minutes_are_exact(parts, whole, config):
    """Minutes with up to three decimals add up without an error of rounding."""
    rows = [{"patient": "p", "date": "2026-03-02", "code": "97116", "minutes": m} for m in parts]
    assert minutes(rows, config) == whole


OVERLAPS = [
    ("10:00-10:30", "10:30-10:45", (30, 15), 0),  # they touch
    ("10:00-10:30", "10:29-10:45", (30, 15), 60),
    ("10:00-10:30", "10:29:59-10:45", (30, 15), 1),
    ("10:00-10:30", "10:00-10:30", (30, 0), 1800),
    ("10:00-10:30", "10:10-10:20", (30, 0), 600),
    ("10:10-10:20", "10:00-10:30", (0, 30), 600),
]


@pytest.mark.parametrize(("one", "other", "expected", "lost"), OVERLAPS)
def test_overlaps_count_once(one, other, expected, lost, config):
    """Shared minutes stay with the row that began first; touching rows share none."""
    codes = ("97110", "97116")
    rows = [
        session(*span.split("-"), code=code) for span, code in zip((one, other), codes, strict=True)
    ]
    services = {x["service"]: x for x in count(rows, config)}
    assert tuple(services[code]["minutes"] for code in codes) == expected
    assert sum(x["lost_ms"] for x in services.values()) == lost * times.SECOND


def test_supervised_time_runs_beside(config):
    """A supervised modality takes no minute from one-on-one time."""
    rows = [session("10:00", "10:30"), session("10:00", "10:30", code="97012")]
    assert [x["lost_ms"] for x in count(rows, config)] == [0, 0]


def test_the_smaller_of_minutes_and_times(config):
    """With both, the smaller counts and the interval is only a window."""
    assert minutes([session("09:00", "09:45", minutes="30")], config) == 30
    assert minutes([session("09:00", "09:20", minutes="30")], config) == 20
    both = [
        session("09:00", "09:45", minutes="25"),
        session("09:00", "09:45", code="97110", minutes="20"),
    ]
    assert [x["lost_ms"] for x in count(both, config)] == [0, 0]


@pytest.mark.parametrize("order", ["aabb", "abab", "abba"])
@pytest.mark.parametrize("until", ["09:45", "10:00"])
def test_a_visit_logged_twice_counts_once(until, order, config):
    """Two rows that are alike may be two runs, but not where the visit has no room for them."""
    kinds = {"a": ("97110", "30"), "b": ("97140", "15")}
    rows = [session("09:00", until, code=kinds[k][0], minutes=kinds[k][1]) for k in order]
    found = {x["service"]: (x["minutes"], x["lost_ms"]) for x in count(rows, config)}
    lost = {"97110": 30 * times.MINUTE, "97140": 15 * times.MINUTE}
    assert found == {"97110": (30, lost["97110"]), "97140": (15, lost["97140"])}
    # 90 minutes are room enough for two visits.
    assert [x["lost_ms"] for x in count([row | {"end": "10:30"} for row in rows], config)] == [0, 0]


@pytest.mark.parametrize(
    ("other", "counted"),
    [
        ({}, 30),
        ({"clinician": "Lee"}, 45),
        ({"role": "assistant"}, 45),
        ({"minutes": "29"}, 45),
        ({"end": "09:46"}, 46),
    ],
)
def test_only_a_row_that_is_the_same_is_a_second_copy(other, counted, config):
    """Another clinician's or role's row, other minutes or times share what room there is."""
    row = session("09:00", "09:45", minutes="30", role="therapist", discipline="PT")
    assert minutes([row, row | other], config) == counted


def test_windows_that_touch_lend_each_other_no_room(config):
    """Twenty minutes free before half past are none of the 40 that follow in half an hour."""
    rows = [
        session(start, end, code=code, minutes=given)
        for start, end, code, given in (
            ("09:00", "09:30", "97110", "5"),
            ("09:00", "09:30", "97112", "5"),
            ("09:30", "10:00", "97116", "20"),
            ("09:30", "10:00", "97140", "20"),
        )
    ]
    assert sum(x["minutes"] for x in count(rows, config)) == 40


def test_half_a_minute_short_of_room_is_no_second_copy(config):
    """Two runs of 15 minutes in half an hour, and half a minute of another code."""
    row = session("09:00", "09:30", minutes="15")
    other = session("09:00", "09:30", code="97140", minutes="0.5")
    found = {x["service"]: x["minutes"] for x in count([other, row, row], config)}
    assert found == {"97140": 0, "97116": 29}


def test_the_farthest_offsets():
    """Kiribati is 14 hours ahead; no offset has 60 minutes."""
    assert times.read_clock("09:00+14:00") == (9 * HOUR, 14 * HOUR)
    assert times.read_clock("09:00+14:01") is None
    assert times.read_clock("09:00+05:60") is None


@pytest.mark.parametrize(("start", "open_"), [("12:30", True), ("1:00", True), ("0:30", False)])
def test_an_hour_that_may_be_of_either_half(start, open_, config):
    """Beside an end that says PM, 12:30 and 1:00 may be of the night; 0:30 counts 24 hours."""
    bad = rejects(read([session(start, "1:15 PM")], config))
    assert bool(bad) == open_


def test_a_column_of_dates_in_doubtful_order(config):
    """In a log a column whose order of day and month cannot be told is not guessed."""
    doubtful = session("09:00", "09:20", "3/2/2026")
    with pytest.raises(InputError, match="month or day first"):
        read([doubtful], config)
    assert len(sessions(read([doubtful], config, date_order="dmy"))) == 1


def test_a_column_of_us_dates(config):
    """One date with a day above 12 tells the order of all: month first."""
    rows = [session("09:00", "09:20", day) for day in ("3/2/2026", "3/13/2026")]
    assert [x["date"] for x in sessions(used(rows, config))] == [
        date(2026, 3, 2),
        date(2026, 3, 13),
    ]


def test_a_column_of_dates_with_the_day_first(config):
    """One date with a day above 12 tells the order of all: day first."""
    rows = [session("09:00", "09:20", day) for day in ("2/3/2026", "13/3/2026")]
    assert [x["date"] for x in sessions(used(rows, config))] == [
        date(2026, 3, 2),
        date(2026, 3, 13),
    ]
