"""Reading logs: every fault has its sentence, nothing is guessed and nothing is lost."""

from __future__ import annotations

from datetime import date, datetime

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from helpers import ROOT, bill, frame, read, rejects, sessions, used

import calc
from calc import billing, cells, checks, claims, engine, headings, logs, params, reserved
from calc.errors import InputError
from calc.schema import LINE

GOOD = {
    "patient": "p",
    "date": "2026-03-02",
    "code": "97116",
    "start": "09:00",
    "end": "09:20",
}
CHICAGO = "America/Chicago"

# what is wrong, the change that makes a good row wrong, the sentence, the zone of the log
FAULTS = [
    ({"patient": ""}, "patient is blank", ""),
    ({"patient": "  "}, "patient is blank", ""),
    *(({"patient": text}, "patient is blank", "") for text in ("N/A", "-", "--", "TBD")),
    *(({"patient": text}, "patient is blank", "") for text in ("none", "None", "NULL", "tbd ")),
    *(({"patient": text}, "patient is blank", "") for text in ("nan", "#N/A", "(Blank)", "\u2014")),
    *(({"patient": text}, "patient is blank", "") for text in ("ditto", '"', "?", "unknown")),
    ({"Visit Status": "No_Show"}, 'status "No_Show" means that no service was given', ""),
    ({"patient": "1.23457E+11"}, "patient is a rounded number", ""),
    ({"patient": "1,23e+17"}, "patient is a rounded number", ""),
    ({"code": ""}, "code is blank", ""),
    ({"code": "99999"}, 'code "99999" is not known', ""),
    ({"code": "😴"}, 'code "😴" is not known', ""),
    ({"payer": "acme"}, 'payer "acme" is not known', ""),
    ({"locality": "ZZ-99"}, 'locality "ZZ-99" is not known', ""),
    ({"locality": "01"}, 'locality "01" is not known', ""),
    ({"discipline": "PTA"}, 'discipline "PTA" is not known', ""),
    ({"role": "doctor"}, 'role "doctor" is not known', ""),
    ({"role": "COTA", "discipline": "PT"}, 'role "COTA" is of the other discipline', ""),
    ({"mode": "virtual"}, 'mode "virtual" is not known', ""),
    ({"date": "2026-13-45"}, 'date "2026-13-45" is not a date', ""),
    ({"date": "soon"}, 'date "soon" is not a date', ""),
    ({"start": "2026-02-30 09:00"}, 'start "2026-02-30 09:00" has no valid date', ""),
    ({"end": "2026-13-01 09:30"}, 'end "2026-13-01 09:30" has no valid date', ""),
    ({"start": "25:10"}, 'start "25:10" is not a time', ""),
    ({"start": "2026-03-02"}, 'start "2026-03-02" is not a time', ""),
    ({"end": "12:60"}, 'end "12:60" is not a time', ""),
    ({"start": "24:00", "end": ""}, 'start "24:00" is the next day', ""),
    ({"start": "2:15", "end": "3:00 PM"}, 'start "2:15" says neither AM nor PM', ""),
    ({"start": "9:00 AM", "end": "9:20"}, 'end "9:20" says neither AM nor PM', ""),
    ({"date": ""}, "no date of service", ""),
    (
        {"start": "2026-03-03 09:00", "end": "2026-03-03 09:20"},
        'start "2026-03-03 09:00" is not on the date of service',
        "",
    ),
    (
        {"start": "2026-03-02 14:00", "end": "2026-03-02T20:47Z"},
        'end "2026-03-02T20:47Z" or its start alone is in UTC',
        "",
    ),
    (
        {"start": "2026-03-02T20:00Z", "end": "2026-03-02 14:47"},
        'end "2026-03-02 14:47" or its start alone is in UTC',
        "",
    ),
    (
        {"date": "2026-03-08", "start": "02:30", "end": "04:00"},
        'start "02:30" does not exist: clocks went on',
        CHICAGO,
    ),
    (
        {"date": "2026-03-08", "start": "01:00", "end": "02:30"},
        'end "02:30" does not exist: clocks went on',
        CHICAGO,
    ),
    (
        {"date": "2026-11-01", "start": "01:30", "end": "04:00"},
        'start "01:30" exists twice: clocks went back',
        CHICAGO,
    ),
    (
        {"date": "2026-11-01", "start": "00:30", "end": "01:30"},
        'end "01:30" exists twice: clocks went back',
        CHICAGO,
    ),
    ({"end": "08:59"}, 'end "08:59" is before its start', ""),
    (
        {"end": "2026-03-03 09:01"},
        'end "2026-03-03 09:01" is more than 24 hours after its start',
        "",
    ),
    ({"minutes": "-5"}, 'minutes "-5" is not a number of minutes', ""),
    ({"minutes": "1e1"}, 'minutes "1e1" is not a number of minutes', ""),
    ({"minutes": "7.1234"}, 'minutes "7.1234" is not a number of minutes', ""),
    ({"minutes": "nan"}, 'minutes "nan" is not a number of minutes', ""),
    ({"minutes": "99999999"}, 'minutes "99999999" is not a number of minutes', ""),
    ({"minutes": "1441"}, 'minutes "1441" is more than a day', ""),
    ({"start": "", "end": ""}, "no minutes and no start and end for a timed code", ""),
    ({"end": ""}, "no minutes and no start and end for a timed code", ""),
    ({"units_billed": "1.5"}, 'units_billed "1.5" is not a whole number', ""),
    ({"units_billed": "-1"}, 'units_billed "-1" is not a whole number', ""),
    ({"units_billed": "9" * 13}, f'units_billed "{"9" * 13}" is too large a number', ""),
    ({"charge": "$99999999.99"}, 'charge "$99999999.99" is too large an amount', ""),
    ({"charge": "1,000,000,000.00"}, 'charge "1,000,000,000.00" is too large an amount', ""),
    ({"charge": "00012345.50"}, 'charge "00012345.50" is not an amount', ""),
    ({"charge": "lots"}, 'charge "lots" is not an amount', ""),
    ({"charge": "12.345"}, 'charge "12.345" is not an amount', ""),
    ({"charge": "1.060"}, 'charge "1.060" is not an amount', ""),
    (
        {"role": "assistant", "discipline": "SLP"},
        "an assistant's row needs discipline PT or OT",
        "",
    ),
    ({"mode": "group"}, "group mode does not fit a one-on-one code", ""),
]


@pytest.mark.parametrize("zone", ["", CHICAGO])
def test_faults(zone, config):
    """Each fault is found, with the sentence that a user reads, and the good row is kept."""
    table = [(change, text) for change, text, where in FAULTS if where == zone]
    rows = [GOOD | change for change, _ in table]
    log = read([*rows, GOOD], config, zone=zone)
    found = rejects(log)
    assert [x["reason"] for x in found] == [text for _, text in table]
    assert [x["row"] for x in found] == list(range(1, len(rows) + 1))
    assert len(sessions(log)) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"units_billed": "2 units"}, 'units_billed "2 units" is not a whole number'),
        ({"units_billed": "x", "charge": "y"}, 'units_billed "x" is not a whole number'),
        ({"charge": "lots"}, 'charge "lots" is not an amount'),
        ({"role": "assistant"}, "an assistant's row needs discipline PT or OT"),
        ({"mode": "group"}, "group mode does not fit a one-on-one code"),
    ],
)
def test_a_finding_hides_no_fault(change, reason, config):
    """What an audit keeps as a finding, no minutes or a doubtful clock, is kept only if sound."""
    bare = GOOD | {"start": "", "end": ""}
    spoilt = GOOD | {"date": "2026-03-08", "start": "02:30", "end": "03:10"}
    for row in (bare, spoilt):
        log = read([row, row | change], config, zone=CHICAGO)
        (audited,) = engine.collect(log.rejects(audited=True)).to_native().to_dicts()
        assert (audited["row"], audited["reason"]) == (2, reason)
        assert [reject["row"] for reject in rejects(log)] == [1, 2]
        assert rejects(log)[1]["reason"] == reason


@pytest.mark.parametrize(
    ("date", "start", "end"),
    [("2026-03-08", "01:30", "02:10"), ("2026-11-01", "01:30", "01:10")],
)
def test_a_doubtful_clock_proves_no_end_before_its_start(date, start, end, config):
    log = read([GOOD | {"date": date, "start": start, "end": end}], config, zone=CHICAGO)
    assert engine.count(log.rejects(audited=True)) == 0
    assert len(rejects(log)) == 1


WORDS_OF_NONE = ("Cancelled", "CANCELED", "no show", "No-Show", "noshow", "Late Cancel", "Void")


@pytest.mark.parametrize("heading", ["Status", "appointment_status", "Trans Type", "State"])
@pytest.mark.parametrize("word", [*WORDS_OF_NONE, "Payment", "Show", "Denied", "OH", "", "Signed"])
def test_a_row_that_says_that_no_service_was_given(heading, word, config):
    """It is no session, whatever minutes its visit was booked for; a denied claim was one."""
    none = word in (*WORDS_OF_NONE, "Payment")
    rows = frame([GOOD | {heading: "Held"}, GOOD | {heading: word}])
    log = logs.read(rows, config)
    kept = ["Held"] if none else ["Held", word or None]
    assert [row[f"{heading} (log)"] for row in sessions(log)] == kept  # a user's column as before
    assert [row["hint"].split(";")[0] for row in rejects(log)] == ["it is left out"] * none
    assert len(sessions(logs.read(rows, config, maps={heading: ""}))) == 2


@pytest.mark.parametrize(
    ("cells", "none"),
    [
        ({"State": "OH", "Appointment Status": "Cancelled"}, "Cancelled"),
        ({"Visit Status": "Completed", "Charge Status": "Void"}, "Void"),
        ({"Entry Type": "Charge", "Trans Type": "Refund"}, "Refund"),
        ({"Trans Type": "write-off"}, "write-off"),
        ({"Trans Type": "Deleted", "Status": "No show"}, "Deleted"),
        ({"Charge Status": "Write off"}, ""),  # the service was given
        ({"Status": "Refund", "Trans Type": "Charge"}, ""),
        ({"Status": "Adjustment"}, ""),
        ({"Status": "Reversed"}, ""),  # in claims alone
        ({"Visit Status": "Clinician Canceled"}, "canceled"),
        ({"Visit Status": "Cancelled < 24h"}, "cancelled"),
        ({"Visit Status": "No call/no show"}, "no show"),
        ({"Visit Status": "Cancelled by Roe, Mary"}, "cancelled"),  # no name in a reason
        ({"Attendance": "Pt no show"}, "no show"),
        ({"Arrival Status": "No show"}, "No show"),
        ({"Visit Outcome": "Cancelled"}, "Cancelled"),
        ({"Kept": "N"}, "N"),
        ({"Attended": "N"}, "N"),
        ({"Visit Type": "No show"}, "No show"),
        ({"Voided": "Yes"}, "Yes"),
        ({"Voided": "VOID"}, "VOID"),
        ({"No Show": "1.0"}, "1.0"),
    ],
)
@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_every_column_of_status_is_asked_for_its_own_words(cells, none, engine_name, config):
    rows = engine.on_engine(nw.from_native(frame([GOOD | cells]).lazy()), engine_name)
    log = logs.read(nw.to_native(rows), config)
    said = [f'status "{none}" means that no service was given'] if none else []
    assert [row["reason"] for row in rejects(log)] == said
    assert len(sessions(log)) == (not none)


@pytest.mark.parametrize(
    ("date", "until", "several"),
    [
        ("2026-03-02", "2026-03-02", False),
        ("2026-03-02", "2026-03-02 00:00:00", False),
        ("3/2/2026", "03/02/2026", False),
        ("2026-03-02", "2/3/2026", False),  # the same, if the day comes first
        ("2026-03-02", "2026-03-01", False),
        ("2026-03-02", "3/4/26", False),  # no date
        ("2026-03-02", "", False),
        ("2026-03-02", "2026-03-04", True),
        ("3/2/2026", "03/20/2026", True),
        ("2026-03-02", "03/20/2026", True),
        ("Mar 2, 2026", "Mar 4, 2026", True),
        ("28-Feb-2026", "3-Mar-2026", True),
    ],
)
@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_a_row_of_several_days_is_named(date, until, several, engine_name, config):
    """It is laid on its first day, where ten units may be too many."""
    row = GOOD | {"date": date, "Service Thru Date": until}
    rows = engine.on_engine(nw.from_native(frame([row]).lazy()), engine_name)
    log = logs.read(nw.to_native(rows), config, logs.Defaults(date_order="mdy"))
    assert log.spanning == ({GOOD["patient"]: 1} if several else {})
    assert any('by "Service Thru Date" 1 row is' in note for note in log.of_headings) is several
    maps = {"Service Thru Date": ""}
    left = logs.read(frame([row]), config, logs.Defaults(date_order="mdy"), maps=maps)
    assert (len(sessions(left)), left.spanning) == (1, {})


LAST_DAYS = [
    ("Service Date From", "Service Date Through"), ("Service From", "Service Thru"),
    ("DOS From", "DOS Through"), ("Date of Service From", "Date of Service Through"),
    ("Date From", "Date Thru"), ("Svc From Date", "Svc Through Date"), ("From DOS", "Through DOS"),
    ("From Date", "Thru"), ("From Date", "End Date"), ("ServiceFromDate", "ServiceToDate"),
    ("Service Start Date", "Service Stop Date"), ("Statement From", "Statement Through"),
    ("Service Date", "Service End Date"), ("Date", "Last Date of Service"),
]  # fmt: skip
OTHER_DAYS = [
    ("Start Date", "End Date"), ("Service Date", "Thru Date"), ("Service Date", "Bill To"),
    ("Service Date", "Statement Through"), ("From Date", "Discharge Date"),
    ("Service Date", "Last Seen"), ("Date", "Last DOS"), ("Date", "Last Service Date"),
    ("Date", "End of Service Date"), ("Service Start", "Service End"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "last"), [*LAST_DAYS, *OTHER_DAYS])
def test_which_heading_is_that_of_a_last_day(first, last, config):
    """One that names a service, or all that the first one names."""
    row = {name: GOOD[name] for name in ("patient", "code")} | {"minutes": "23"}
    rows = frame([row | {first: "2026-03-02", last: "2026-03-31"}])
    log = logs.read(rows, config, maps={first: "date"})
    assert bool(log.spanning) is ((first, last) in LAST_DAYS)


@pytest.mark.parametrize(("first", "spans"), [("Service From Date", True), ("DOS", False)])
def test_to_date_is_the_last_day_beside_a_first_one(first, spans, config):
    """Beside another it may be an authorization's, and nothing would be judged."""
    row = {name: GOOD[name] for name in ("patient", "code", "start", "end")}
    rows = frame([row | {first: "2026-03-02", "To Date": "2026-06-30"}])
    assert bool(logs.read(rows, config).spanning) is spans


def test_a_row_of_several_days_that_cannot_be_used(config):
    """Whichever day it is of, what it would have told is told of none."""
    rows = [GOOD | {"code": "9711X"}, GOOD | {"Status": "Void", "patient": "Q"}]
    log = logs.read(frame([row | {"DOS To": "2026-03-04"} for row in rows]), config)
    assert log.spanning == {GOOD["patient"]: 1}


@pytest.mark.parametrize(
    ("heading", "words", "named"),
    [
        ("Visit Status", ["Completed", "Pt late", "No show"], "1 text"),
        ("Visit Status", ["Seen", "Roe, Mary", "d", "c", "b"], "4 texts"),
        ("Visit Status", ["Completed", "Arrived", "Yes", ""], ""),
        ("Attended", ["Yes", "No", "Y", ""], ""),
        ("Voided", ["2026-03-03", ""], "1 text"),
        ("Voided", ["N", "No", "0", ""], ""),
        ("State", ["OH", "KY", "OK"], ""),  # may be where somebody lives
    ],
)
def test_words_of_a_status_that_nobody_understands_are_counted(heading, words, named, config):
    """Their rows are sessions, which they may not have been; a text may hold a name."""
    log = logs.read(frame([GOOD | {heading: word} for word in words]), config)
    said = [note for note in log.of_headings if "nobody understands" in note]
    note = f'"{heading}" has {named} that nobody understands, whose rows count as sessions'
    assert said == ([note] if named else [])


@pytest.mark.parametrize(
    "words",
    [
        "Not cancelled", "Non-void", "Active (non-voided)", "Voided: N", "Cancelled: No",
        "No cancellation", "Don't cancel", "Completed (was no show)", "Seen, next visit cancelled",
        "Completed - makeup for no show", "Cancelled if no call", "Payment pending", "N",
    ],
)  # fmt: skip
def test_a_longer_text_that_says_the_opposite(words, config):
    log = logs.read(
        frame([GOOD | {"Visit Status": words}, GOOD | {"Visit Type": "Timed void"}]), config
    )
    assert len(sessions(log)) == 2


@pytest.mark.parametrize("lacking", ["patient", "code", "date", "minutes"])
def test_a_cancelled_visit_need_not_say_what_was_done(lacking, config):
    """A scheduler leaves its code blank: no fault of the user's, and no row that is missed."""
    log = logs.read(frame([GOOD | {lacking: "", "Appt Status": "Cancelled"}, GOOD]), config)
    (row,) = rejects(log)
    assert row["reason"] == 'status "Cancelled" means that no service was given'
    assert row["hint"].endswith('--map "Appt Status="')
    assert len(claims.unread(log)) == 0


def test_words_of_status_of_a_user_may_be_of_any_language(tmp_path):
    """With two columns of status, or in claims, letters beyond a to z were not heard."""
    (tmp_path / "words.toml").write_text('[status]\nnone = ["Annulé"]\n', encoding="utf-8")
    config = params.load(tmp_path)
    rows = [GOOD | {"State": "OH", "Appointment Status": word} for word in ("ANNULÉ", "Annule")]
    (bad,) = rejects(logs.read(frame(rows), config))
    assert bad["reason"] == 'status "ANNULÉ" means that no service was given'
    assert bad["hint"].endswith('--map "Appointment Status="')


def test_only_a_column_of_status_is_asked(config):
    """The same word elsewhere is a remark."""
    log = logs.read(frame([GOOD | {"Remarks": "Cancelled", "Claim Status": "Void"}]), config)
    assert len(sessions(log)) == 1


def test_every_check_has_a_case():
    """No check without a row that it rejects."""

    def says(check, text):
        before, _, after = check.says.partition("{}")
        return text.startswith(before) and text.endswith(after)

    of_claims = {checks.WITHDRAWN, checks.AMENDS, checks.AGAIN}  # see test_claims
    of_logs = [check for n, check in enumerate(logs.CHECKS, 1) if n not in of_claims]
    untested = [c.says for c in of_logs if not any(says(c, text) for _, text, _ in FAULTS)]
    assert untested == []


SOUND = [
    {"minutes": "20", "start": "", "end": ""},
    {"minutes": "20.0"},
    {"minutes": "7.125"},
    {"minutes": "0"},
    {"code": "97161", "start": "", "end": ""},  # per day: no minutes needed
    {"role": "student", "start": "", "end": ""},  # never counts
    {"code": "97150", "mode": "group"},
    {"code": "Gait  Training"},
    {"code": "walking therapy"},
    {"role": "Both"},
    {"mode": "Co-treatment"},
    {"discipline": "st"},
    {"payer": "Part B"},
    {"locality": "oh-00"},
    {"charge": "120"},
    {"charge": "120.5"},
    {"units_billed": "2.0"},
    {"end": "24:00"},
]


def test_sound_rows(config):
    """What looks odd and is right."""
    assert rejects(read([GOOD | change for change in SOUND], config)) == []


def test_names_are_made_canonical(config):
    """Aliases of codes, payers, disciplines, roles and modes become the program's names."""
    row = GOOD | {"code": "GAIT training", "payer": "MEDICARE", "discipline": "st"}
    row |= {"role": "both", "mode": "CO-TREATMENT", "locality": "oh-00"}
    (found,) = sessions(used([row], config))
    names = ("code", "payer", "discipline", "role", "mode", "locality")
    expected = ("97116", "medicare", "SLP", "joint", "cotreatment", "OH-00")
    assert tuple(found[name] for name in names) == expected


WORDS = {
    ("discipline", "PT"): "Physical Therapy, P.T., pt",
    ("discipline", "OT"): "Occupational Therapy, O.T.",
    ("discipline", "SLP"): "Speech, speech therapy, Speech-Language Pathology, S.L.P., ST",
    (
        "role",
        "therapist",
    ): "Physical Therapist, Occupational Therapist, Speech-Language Pathologist, "
    "DPT, MPT, LPT, OTR, OTR/L, MOT, OTD, CCC-SLP, PT",
    ("role", "assistant"): "LPTA, PT Assistant, OT Assistant, Physical Therapist Assistant, "
    "Occupational Therapy Assistant, COTA/L, PTA",
    ("role", "aide"): "Tech, TECHNICIAN, Therapy Aide, Rehab Tech, aide",
    ("mode", "individual"): "1:1, One-on-one, One on one, N/A",
    ("mode", "cotreatment"): "Co-treat, Co-tx, Co-treatment",
}


def test_words_of_other_programs(config):
    """Of config/words.toml, in any case."""
    for (column, name), words_ in WORDS.items():
        theirs = config.words["assistant"]  # an OT assistant's row is OT's
        rows = [
            GOOD | {"discipline": theirs.get(word.lower(), "PT")} | {column: word}
            for word in words_.split(", ")
        ]
        assert {row[column] for row in sessions(used(rows, config))} == {name}, column


def test_words_of_a_users_folder(tmp_path):
    """They count before ours, but our own names keep their meaning; a strange meaning is none."""
    text = '[discipline]\nOT = ["Speech", "pt"]\nRehab = ["Hydro"]\n"" = ["NA"]\n'
    (tmp_path / "words.toml").write_text(text + '[role]\nassistant = "Aide II"\n')
    config = params.load(tmp_path)
    found = [("Speech", "OT"), ("pt", "PT"), ("Physical Therapy", "PT"), ("NA", "SLP")]
    rows = [GOOD | {"discipline": word} for word, _ in found]
    log = read([*rows, GOOD | {"discipline": "Hydro"}], config, discipline="SLP")
    assert [row["discipline"] for row in sessions(log)] == [name for _, name in found]
    (bad,) = rejects(log)
    assert bad["reason"] == 'discipline "Hydro" is not known'
    assert bad["hint"] == "write PT, OT or SLP, or add the word to config/words.toml"
    (row,) = sessions(used([GOOD | {"role": "aide ii", "discipline": "PT"}], config))
    assert (row["role"], row["role_blank"]) == ("assistant", False)


def test_defaults(config):
    """Blank cells: medicare, US, no discipline, no provider; options change that."""
    (found,) = sessions(used([GOOD], config))
    assert (found["payer"], found["locality"]) == ("medicare", "US")
    assert (found["discipline"], found["provider"], found["role"]) == ("", "", "therapist")
    chosen = {"payer": "Highmark", "locality": "oh-00", "discipline": "pt", "provider": "B"}
    (found,) = sessions(used([GOOD], config, **chosen))
    assert [found[name] for name in chosen] == ["highmark", "OH-00", "PT", "B"]
    given = GOOD | {"payer": "ama", "provider": "C"}
    (found,) = sessions(used([given], config, **chosen))
    assert (found["payer"], found["provider"], found["locality"]) == ("ama", "C", "OH-00")


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"payer": "acme"}, 'payer "acme" is not known'),
        ({"locality": "OH"}, 'locality "OH" is not known'),
        ({"discipline": "PTA"}, 'discipline "PTA" is not known'),
        ({"zone": "Middle/Earth"}, '"Middle/Earth" is no time zone'),
    ],
)
def test_defaults_that_are_not_known(chosen, text, config):
    """An option that is not known is an error with a hint, not a reject of every row."""
    with pytest.raises(InputError, match=text) as error:
        read([GOOD], config, **chosen)
    assert error.value.hint


# --- files -------------------------------------------------------------------------------------


def write(tmp_path, data):
    """A file of text or bytes."""
    path = tmp_path / "log.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


HEAD = "patient,date,code,minutes\n"


def test_rows_in_are_rows_out(config):
    """Records in = used + rejected; rejects keep every column of the log as it was."""
    path = ROOT / "examples" / "faulty_log.csv"
    lines = path.read_text().splitlines()
    log = logs.read(path, config)
    bad = rejects(log)
    assert len(sessions(log)) + len(bad) == len(lines) - 1
    assert [x["row"] for x in bad] == sorted(x["row"] for x in bad)
    heading = lines[0].split(",")
    for reject in bad:
        assert list(reject)[: len(heading)] == heading
        cells = ["" if reject[name] is None else reject[name] for name in heading]
        assert lines[reject["row"] - 1].replace('"', "") == ",".join(cells)


def test_rejects_keep_columns_named_like_ours(tmp_path, config):
    """A log's own `reason` and `row` stay beside ours."""
    path = write(tmp_path, "patient,date,code,minutes,reason,row\np,2026-03-02,99999,5,mine,77\n")
    (reject,) = rejects(logs.read(path, config))
    assert (reject["reason_in_log"], reject["row_in_log"]) == ("mine", "77")
    assert reject["row"] == 2


def test_unknown_columns_are_carried(tmp_path, config):
    """Columns that the program does not know come out beside each line, differing values joined."""
    head = "patient,date,code,minutes,note,units\n"
    path = write(tmp_path, head + "p,2026-03-02,97116,8,b,1\np,2026-03-02,97116,8,a,1\n")
    log = logs.read(path, config)
    assert log.carried == ("note (log)",)
    (line,) = engine.collect(billing.bill(log, config)).to_native().to_dicts()
    assert line["note (log)"] == "a; b"
    path = write(tmp_path, head + "p,2026-03-02,97116,8,,1\np,2026-03-02,97116,8,a,1\n")
    (line,) = engine.collect(billing.bill(logs.read(path, config), config)).to_native().to_dicts()
    assert line["note (log)"] == "a"
    rows = [GOOD | {"allowed": "mine"}]
    (line,) = bill(rows, config)
    assert line["allowed_in_log (log)"] == "mine"


@pytest.mark.parametrize(
    "heading",
    [
        "Patient Name,DOS,CPT Code,Duration (min)",
        "MRN,Service Date,Procedure,Mins",
        "PATIENT,Date of Service,HCPCS,Minutes",
        " client , visit_date , activity , MINS ",
    ],
)
def test_headings_by_alias(heading, tmp_path, config):
    """Headings of logs in the wild; case, blanks and punctuation do not matter."""
    log = logs.read(write(tmp_path, heading + "\np,2026-03-02,97116,20\n"), config)
    (row,) = sessions(log)
    assert (row["patient"], row["code"], row["given_ms"]) == ("p", "97116", 20 * 60_000)
    assert log.carried == ()


@pytest.mark.parametrize(
    ("heading", "lacking"),
    [
        ("name,when,what", "patient, code, date"),
        ("patient,date,minutes", "code"),
        ("date,code,minutes", "patient"),
        ("patient,code,minutes", "date"),
    ],
)
def test_missing_headings(heading, lacking, tmp_path, config):
    """What is missing, what was found."""
    path = write(tmp_path, heading + "\na,b,c\n")
    with pytest.raises(InputError) as error:
        logs.read(path, config)
    assert error.value.what == f"missing heading {lacking}"
    assert error.value.where == f"{path}:1"
    assert heading.replace(",", ", ") in error.value.hint


def test_heading_twice(tmp_path, config):
    """One name for two columns cannot be told apart."""
    path = write(tmp_path, "patient,date,code,code\np,2026-03-02,97116,97110\n")
    with pytest.raises(InputError, match="stands twice"):
        logs.read(path, config)


def test_ragged_records(tmp_path, config):
    """A record with too many fields is a reject; a short one is filled; the others are used."""
    text = HEAD + "p,2026-03-02,97116,15\np,2026-03-02,97116,15,extra,more\np,2026-03-02,97161\n"
    log = logs.read(write(tmp_path, text), config)
    (reject,) = rejects(log)
    assert reject["row"] == 3
    assert reject["reason"] == "the record has 6 fields, the heading 4"
    assert reject["minutes"] == "15,extra,more"
    assert [x["row"] for x in sessions(log)] == [2, 4]


def test_byte_order_mark(tmp_path, config):
    """A BOM is no part of the first heading."""
    path = write(tmp_path, b"\xef\xbb\xbf" + (HEAD + "p,2026-03-02,97116,15\n").encode())
    assert len(sessions(logs.read(path, config))) == 1


def test_line_ends(tmp_path, config):
    """Windows line ends, and a last record without one."""
    text = HEAD + "p,2026-03-02,97116,15\nq,2026-03-02,97116,16"
    path = write(tmp_path, text.replace("\n", "\r\n"))
    assert [x["given_ms"] for x in sessions(logs.read(path, config))] == [900_000, 960_000]


@pytest.mark.parametrize("text", ["", "\n\n", "  \n"])
def test_empty_file(text, tmp_path, config):
    """A file without a heading is an error that says so."""
    with pytest.raises(InputError, match="the file is empty"):
        logs.read(write(tmp_path, text), config)


def test_header_only(tmp_path, config):
    """A heading without records is a log of no rows and no lines."""
    log = logs.read(write(tmp_path, HEAD), config)
    assert sessions(log) == rejects(log) == []
    from calc import billing

    assert len(engine.collect(billing.bill(log, config))) == 0


@pytest.mark.parametrize(
    ("data", "text", "line"),
    [
        (HEAD.encode() + b"p,2026-03-02,\0,15\n", "NUL bytes", ":2"),
        (HEAD.encode() + b"p,2026-03-02,97116,15\nM\x81ller,2026-03-02,97116,15\n", "UTF-8", ":3"),
        ((HEAD + "p,2026-03-02,97116,15\n").encode("utf-16")[:-1], "UTF-16", ""),
    ],
)
def test_not_text(data, text, line, tmp_path, config):
    """Binary files and text in no encoding are named, with the line where it can be told."""
    path = write(tmp_path, data)
    with pytest.raises(InputError, match=text) as error:
        logs.read(path, config)
    assert error.value.where == f"{path}{line}"


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_no_such_file(name, tmp_path, config):
    """A missing file and a folder are errors of the user, with the path."""
    with pytest.raises(InputError) as error:
        logs.read(str(tmp_path / name), config)
    assert str(tmp_path) in error.value.where


@pytest.mark.parametrize("last", ["p,2026-03-02,99999,15\n", "p,2026-03-02,99999,15,more\n"])
def test_blank_lines_keep_row_numbers(last, tmp_path, config):
    """Blank lines are no records, but the records after them keep their number."""
    text = HEAD + "p,2026-03-02,97116,15\n\n,,,\np,2026-03-02,97116,16\n\n" + last
    log = logs.read(write(tmp_path, text), config)
    assert [x["row"] for x in sessions(log)] == [2, 5]
    assert [x["row"] for x in rejects(log)] == [7]


def test_quotes(tmp_path, config):
    """Commas, quotes and line ends inside quotes."""
    text = 'patient,date,code,minutes,note\n"Doe, J ""Jo""",2026-03-02,97116,15,"one\ntwo"\n'
    text += "q,2026-03-02,97116,16,\n"
    first, second = sessions(logs.read(write(tmp_path, text), config))
    assert (first["patient"], first["note (log)"]) == ('Doe, J "Jo"', "one\ntwo")
    assert (second["row"], second["patient"]) == (3, "q")


def test_an_open_quote(tmp_path, config):
    """A quote that is never closed is an error with its place, not a guess."""
    path = write(tmp_path, HEAD + 'p,2026-03-02,97116,15\n"q,2026-03-02,97116,15\n')
    with pytest.raises(InputError, match="not csv") as error:
        logs.read(path, config)
    assert error.value.where.startswith(f"{path}:")


def test_rows_of_a_frame(config):
    """A caller's frame counts from 1, or by its own `row`."""
    given = frame([GOOD, GOOD])
    assert [x["row"] for x in sessions(logs.read(given, config))] == [1, 2]
    given = given.with_columns(row=engine.pl.Series([7, 9]))
    assert [x["row"] for x in sessions(logs.read(given, config))] == [7, 9]


def test_a_log_may_use_our_names(config):
    """Columns named like those of the steps are carried as they are, and change no figure."""
    known = headings.meanings(config)
    log = logs.read(frame([GOOD]), config)
    steps = {*log.sessions.columns, *log.audited.columns, *billing.bill(log, config).columns}
    assert steps >= {"service", "status", "fault_rule", "start_ms"}
    assert not any(name.endswith(reserved.carried("")) for name in steps)
    names = [name for name in sorted(steps) if headings.plain(name) not in known]
    names = [name for name in names if name not in {*LINE, "row"}]
    rows = [GOOD, GOOD | {"code": "97110", "start": "09:10", "end": "09:40"}]
    rows = [row | {"discipline": "PT"} for row in rows]
    expected = calc.bill(frame(rows))
    found = calc.bill(frame([row | dict.fromkeys(names, "x") for row in rows]))
    assert found.columns[: len(LINE)] == expected.columns == list(LINE)
    assert found.select(LINE).equals(expected)
    own = [name for name in found.columns if name not in LINE]
    assert {found[name].to_list()[0] for name in own} == {"x"}
    assert set(own) == set(names)


@pytest.mark.parametrize("blanks", [{}, {"discipline": "PT", "provider": "X", "date_order": "mdy"}])
def test_what_a_blank_cell_means_is_said_beforehand(blanks, config):
    """Every column's facts say of a blank what they would work out for it."""
    facts = logs._facts("", config, logs.Defaults(**blanks))
    for name, known in facts.items():
        said, worked_out = (
            engine.collect(table).to_native()
            for table in (cells.of_blank(known), cells.worked_out(known))
        )
        assert isinstance(known, cells.Known), name
        assert said.schema == worked_out.schema and said.equals(worked_out), name


@pytest.mark.parametrize("zone", ["", CHICAGO])
@pytest.mark.parametrize(
    ("start", "end"),
    [("09:00-05:00", "09:47"), ("09:00", "09:47-05:00"), ("2026-03-02T15:00:00Z", "15:47")],
)
def test_an_offset_at_one_end_holds_for_both(start, end, zone, config):
    log = read([GOOD | {"start": start, "end": end}], config, zone=zone)
    (row,) = engine.collect(log.sessions).iter_rows(named=True)
    assert row["end_ms"] - row["start_ms"] == 47 * 60_000


MIXED = [
    GOOD | {"start": "09:00-06:00", "end": "09:20-06:00"},
    GOOD | {"start": "junk"},
    GOOD | {"start": "", "end": "", "minutes": "20"},
    GOOD | {"start": "09:15", "end": "09:45"},
]


@pytest.mark.parametrize("engine_name", ["polars", "duckdb"])
def test_clock_times_with_an_offset_and_without_are_not_compared(engine_name, config):
    """They were, as if those without were UTC: overlaps six hours apart."""
    given = engine.on_engine(nw.from_native(frame(MIXED).lazy()), engine_name)
    with pytest.raises(InputError) as caught:
        logs.read(nw.to_native(given), config)
    assert str(caught.value).startswith("row 4: start: a clock time without an offset")
    assert "--tz America/Chicago" in caught.value.hint
    zoned = logs.read(nw.to_native(given), config, logs.Defaults(zone=CHICAGO))
    assert engine.count(zoned.sessions) == 3
    for rows in (MIXED[:3], MIXED[1:]):
        assert engine.count(read(rows, config).sessions) == len(rows) - 1
    claimed = logs.read(nw.to_native(given), config, logs.of_claims(logs.Defaults(), ""))
    assert engine.count(claimed.sessions) == 3  # nothing is compared with their times


def test_files_with_offsets_and_without_are_no_log(config, tmp_path):
    own = {"patient": "Kunde", "start": "Time In"}
    for name, rows in (("a", MIXED[:3]), ("b", MIXED[2:])):
        frame(rows).rename(own).write_csv(tmp_path / f"{name}.csv")
    with pytest.raises(InputError) as caught:
        logs.read(str(tmp_path), config, maps={"Kunde": "patient"})
    assert str(caught.value).startswith(f"{tmp_path / 'b.csv'}:3: Time In: a clock time without")


@pytest.mark.parametrize(
    ("change", "zone", "said"),
    [
        ({}, "", True),
        ({"start": "2026-03-03T00:30:00+00:00"}, "", True),
        ({"start": "2026-03-03T00:30:00+01:00", "end": "2026-03-03T01:30:00+01:00"}, "", False),
        ({"start": "2026-03-03 00:30", "end": "2026-03-03 01:00"}, "", False),
        ({"date": "2026-03-03"}, "", False),
        ({}, CHICAGO, False),
    ],
)
def test_dates_of_utc_are_said_to_be(change, zone, said, config, tmp_path):
    """An evening's sessions landed on the next day, and nothing said so."""
    stamps = {"start": "2026-03-03T00:30:00Z", "end": "2026-03-03T01:00:00Z"}
    row = {"patient": "p", "code": "97116"} | stamps | change
    path = tmp_path / "log.csv"
    frame([row]).write_csv(path)
    log = logs.read(str(path), config, logs.Defaults(zone=zone))
    assert engine.count(log.sessions) == 1
    assert [note for note in log.notes if "UTC" in note] == [
        f'{path}: "start" is in UTC and gives the dates: an evening\'s sessions may count for the'
        " next day; say the clinic's zone, e.g. --tz America/Chicago"
    ] * said


def test_fractions_of_a_second_in_columns_of_stamps(config):
    """7 min 59.9 s by the text, and by the same in a column of stamps."""
    texts = {"start": "2026-03-02T09:00:00.600", "end": "2026-03-02T09:08:00.500"}
    stamps = {name: datetime.fromisoformat(text) for name, text in texts.items()}
    for columns in (texts, stamps):
        rows = pl.DataFrame([{"patient": "p", "code": "97116", **columns}])
        assert calc.bill(rows)["minutes"].to_list() == [7]
    whole = stamps | {"start": datetime(2026, 3, 2, 9)}
    rows = pl.DataFrame([{"patient": "p", "code": "97116", **whole}])
    assert calc.bill(rows)["minutes"].to_list() == [8]


@pytest.mark.parametrize(("cell", "cents"), [("20.5000", 2050), ("20.0000", 2000), ("20.", 2000)])
def test_zeros_at_the_end_of_an_amount_say_nothing(cell, cents, config):
    log = read([GOOD | {"charge": cell, "minutes": "8.5000"}], config)
    (row,) = engine.collect(log.sessions).iter_rows(named=True)
    assert (row["charge_cents"], row["given_ms"]) == (cents, 510_000)


def test_columns_whose_new_name_is_taken_are_all_kept(tmp_path, config):
    path = tmp_path / "log.csv"
    names = ("reason", "reason_in_log", "row", "row_in_log", "prior", "prior (log)")
    values = [f"v{number}" for number in range(len(names))]
    lines = [
        ",".join(["patient,date,code,minutes", *names]),
        ",".join(["p,2026-03-02,97116,20", *values]),
        ",".join(["p,2026-03-02,nothing,20", *values]),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.warns(UserWarning, match="1 row was"):
        calc.bill(path)
    lines, bad = calc.bill(path, rejects=True)
    for found in (lines, bad):
        (row,) = found.to_dicts()
        assert set(values) <= set(row.values())


def test_a_date_that_is_the_same_in_both_orders(config):
    log = read([GOOD | {"date": "3/3/2026"}], config)
    (row,) = engine.collect(log.sessions).iter_rows(named=True)
    assert row["date"] == date(2026, 3, 3)


def test_headings_that_differ_in_case_only(config):
    with pytest.raises(InputError, match='"Mins" and "mins" both mean') as caught:
        read(
            [{"patient": "p", "date": "2026-03-02", "code": "97116", "Mins": 1, "mins": 1}], config
        )
    assert "--map" not in caught.value.hint


@pytest.mark.parametrize(
    ("stamps", "day", "minutes"),
    [
        # An evening of March 2 in Chicago, a session that ends after midnight in UTC, and the
        # hour that exists twice in November.
        (("2026-03-03T00:30:00Z", "2026-03-03T01:00:00Z"), date(2026, 3, 2), 30),
        (("2026-03-02T23:50:00Z", "00:20"), date(2026, 3, 2), None),
        (("2026-03-02T23:50:00Z", "2026-03-03T00:20:00Z"), date(2026, 3, 2), 30),
        (("2026-11-01T05:50:00Z", "2026-11-01T07:20:00Z"), date(2026, 11, 1), 90),
        (("2026-03-08T04:30:00Z", "2026-03-08T05:00:00Z"), date(2026, 3, 7), 30),
        (("2026-03-02T18:30:00-06:00", "2026-03-02T19:00:00-06:00"), date(2026, 3, 2), 30),
    ],
)
def test_the_date_of_service_is_the_zones(stamps, day, minutes, config):
    row = GOOD | {"date": "", "start": stamps[0], "end": stamps[1]}
    log = read([row], config, zone=CHICAGO)
    if minutes is None:
        assert "before its start" in rejects(log)[0]["reason"]
        return
    (found,) = engine.collect(log.sessions).iter_rows(named=True)
    assert (found["date"], found["end_ms"] - found["start_ms"]) == (day, minutes * 60_000)
    assert not found["past_midnight"]
    there = read([row | {"date": day.isoformat()}], config, zone=CHICAGO)
    assert engine.count(there.sessions) == 1


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical, pl.Enum(["", "a"])])
def test_a_blank_cell_of_any_kind_of_text_is_none(kind):
    """Rows that add up join no blank to a column that is carried."""
    rows = {
        "patient": ["p", "p", "q"],
        "date": ["2026-03-02"] * 3,
        "code": ["97110"] * 3,
        "start": ["09:00", "10:00", "09:00"],
        "end": ["09:30", "10:30", "09:30"],
        "site": ["", "a", ""],
    }
    lines = calc.bill(pl.DataFrame(rows).with_columns(pl.col("site").cast(kind)))
    assert dict(lines.select("patient", "site").rows()) == {"p": "a", "q": None}


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"date": "2026-03-02 14:05:00Z"}, "it holds a time with an offset: give the day alone"),
        ({"date": "2026-03-02T14:05:00-06:00"}, "it holds a time with an offset"),
        ({"date": "2026-03-02 24:05"}, "it holds a time"),
        ({"date": "2026-13-02 14:05"}, "write YYYY-MM-DD"),
        ({"date": "46083"}, "looks like an Excel date or time number"),
        ({"date": "46083.375"}, "format the column in Excel as date or time"),
        ({"start": "0.375"}, "looks like an Excel date or time number"),
        ({"minutes": "0.0173611"}, "looks like an Excel date or time number"),
        ({"minutes": "0.04167"}, "format the column in Excel as date or time"),
        ({"minutes": "7.1234"}, "write minutes, e.g. 47 or 47.5"),
        ({"end": "46083.39"}, "looks like an Excel date or time number"),
        ({"date": "26083"}, "write YYYY-MM-DD; a year has four digits"),
        ({"start": "25:10"}, "write a clock time from 00:00 to 23:59"),
        ({"start": "1899-12-30"}, "write a clock time from 00:00 to 23:59"),
    ],
)
def test_hints_for_cells_of_a_spreadsheet(change, hint, config):
    (found,) = rejects(read([GOOD | change], config))
    ((column, cell),) = change.items()
    kind = {"date": "date", "minutes": "number of minutes"}.get(column, "time")
    assert found["reason"] == f'{column} "{cell}" is not a {kind}'
    assert hint in found["hint"]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"code": "97110, 97140"}, "one code a row"),
        ({"code": "97110/g0283"}, "one code a row"),
        ({"code": "97110 x2"}, "how many units go into units_billed"),
        ({"code": "97110 (X 2)"}, "one code a row"),
        ({"code": "97110 cancelled"}, "use a code or alias of config/codes.csv"),
        *(
            ({"code": text}, "where words only describe it, write the number alone")
            for text in ("97110 Therapeutic Ex", "CPT 97110", "97110-Gait Training", "(G0283) x")
        ),
        ({"code": "Foo 12"}, "or add it there"),
        ({"payer": "Acme"}, "known: medicare, highmark, "),
        ({"payer": "Acme"}, "; add yours to payers.toml in a folder given by --config; another"),
        ({"units_billed": "-2"}, "remove the row together with the one that it takes back"),
        ({"units_billed": "1-2"}, "write e.g. 2"),
        ({"charge": "-$120.00"}, "a reversal"),
        ({"charge": "(120.00)"}, "a reversal"),
        ({"charge": "-"}, "write dollars"),
        ({"start": "2026-03-03T00:30:00Z", "end": "2026-03-03T01:00:00Z"}, "--tz America/Chicago"),
        ({"start": "2026-03-03 00:30", "end": "2026-03-03 01:00"}, "make the date and the start's"),
    ],
)
def test_more_hints(change, hint, config):
    (found,) = rejects(read([GOOD | change], config))
    assert hint in found["hint"]
    if "--tz" in hint:
        used([GOOD | change], config, zone=CHICAGO)
        (found,) = rejects(read([GOOD | change | {"date": "2026-03-05"}], config, zone=CHICAGO))
        assert "--tz" not in found["hint"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1899-12-30 09:00:00", "1899-12-30T09:20:00"),
        ("1899-12-31 09:00", "09:20"),
        ("12/30/1899 9:00:00 AM", "12/30/1899 9:20:00 AM"),
        ("1904-01-01 09:00:00", "1904-01-01T09:20:00"),
        ("1/1/1904 9:00:00 AM", "9:20 AM"),
    ],
)
def test_a_clock_behind_the_day_zero(start, end, config):
    """Databases and spreadsheets write a time of day as a stamp of the day they count from."""
    rows = [GOOD | {"start": start, "end": end}, GOOD | {"start": "13/3/2026 9:00", "date": ""}]
    first, second = sessions(used([*rows[:1], rows[1] | {"end": "9:20"}], config))
    assert str(first["date"]) == "2026-03-02" and str(second["date"]) == "2026-03-13"
    for row in (first, second):
        assert row["end_ms"] - row["start_ms"] == 20 * 60_000


STAMPS = ["2026-03-02 14:05:00", "2026-03-02T14:05", "3/22/2026 2:05 PM", "3/2/2026 23:59:59.5"]


@pytest.mark.parametrize("zone", ["", CHICAGO])
def test_a_stamp_as_date_gives_its_day_beside_a_start(zone, config):
    """Nothing is guessed: without a start of its own it may be the start."""
    log = used(
        [GOOD | {"date": text} for text in [*STAMPS, "Mar 2, 2026, 2:05 p.m."]], config, zone=zone
    )
    assert [row["date"].day for row in sessions(log)] == [2, 2, 22, 2, 2]
    bare = {"patient": "p", "code": "97116", "minutes": "20"}
    found = rejects(read([bare | {"date": text} for text in STAMPS], config, zone=zone))
    assert len(found) == len(STAMPS)
    for bad in found:
        assert bad["hint"] == "it holds a time: give the day alone, or map the column to start"
    stamp = pl.Series([datetime(2026, 3, 2, 14, 5)])
    rows = frame([GOOD]).with_columns(date=stamp)
    for given in (rows, rows.to_pandas()):
        assert sessions(logs.read(given, config))[0]["date"] == date(2026, 3, 2)
    rows = rows.with_columns(date=stamp.dt.replace_time_zone(CHICAGO))
    assert "with an offset" in rejects(logs.read(rows, config, logs.Defaults(zone=zone)))[0]["hint"]


@pytest.mark.parametrize("order", ["", "mdy"])
def test_lengths_that_may_be_minutes_and_seconds(order, config):
    """8:00 beside 23:00 was 8 hours, 32 units; a column of hours and minutes alone is read."""
    cells = ["23:00", "8:00", "0:30", "20", "15:30"]
    rows = [GOOD | {"start": "", "end": "", "minutes": cell} for cell in cells]
    log = read(rows, config, date_order=order)
    assert [row["given_ms"] // 60_000 for row in sessions(log)] == [30, 20]
    assert [bad["row"] for bad in rejects(log)] == [1, 2, 5]
    for bad in rejects(log):
        assert bad["reason"] == f'minutes "{bad["minutes"]}" is not a number of minutes'
        assert "minutes and seconds, or hours?" in bad["hint"]
    assert sessions(used(rows[1:4], config, date_order=order))[0]["given_ms"] == 8 * 3600_000
    # One alone may be a total below the log, or a slip; and a heading may say it.
    (bad,) = rejects(read(rows[:4], config, date_order=order))
    assert bad["row"] == 1
    said = [{name: row[name] for name in ("patient", "date", "code")} for row in rows]
    said = [row | {"Duration (hh:mm)": cell} for row, cell in zip(said, cells, strict=True)]
    assert [bad["row"] for bad in rejects(read(said, config, date_order=order))] == [1, 5]


@pytest.mark.parametrize("heading", ["Minute(s)", "Min(s)", "Treatment Minute(s)", "Hour(s)"])
def test_a_plural_in_brackets_is_no_second(heading, config):
    row = {name: GOOD[name] for name in ("patient", "date", "code")}
    log = logs.read(frame([row | {heading: "2"}]), config, maps={heading: "minutes"})
    minutes = 120 if heading == "Hour(s)" else 2
    assert sessions(log)[0]["given_ms"] == minutes * 60_000


HOURS = [
    ("Duration", ["0.75", "0.5", "1", "1.25"], True),
    ("Length", ["3", "0,5", "", "soon", "0.0173611"], True),
    ("Duration", [".75", "2."], True),
    ("Total Time", ["1", "0.75"], True),
    ("Duration", ["1", "2", "3.0"], False),
    ("Duration", ["0.75", "3.5"], False),
    ("Duration", ["0.75", "47"], False),
    ("Duration", ["0.75", "1 min"], False),
    ("Duration", ["0.75", "0:45"], False),
    ("Duration", ["0.0173611", "0.0208333"], False),  # parts of a day, rejected as such
    ("Duration (min)", ["0.75", "1.5"], False),
    ("Mins", ["0.75", "1.5"], False),
    ("minutes", ["0.75", "1.5"], False),
    ("Duration (hrs)", ["0.75", "1.5"], False),
]


@pytest.mark.parametrize("order", ["", "mdy"])
@pytest.mark.parametrize(("heading", "cells", "doubt"), HOURS)
def test_bare_lengths_that_could_be_hours(heading, cells, doubt, order, config):
    """0.75 and 1.25 below Duration were no units, without a word."""
    row = {name: GOOD[name] for name in ("patient", "date", "code")}
    rows = frame([row | {heading: cell} for cell in cells])
    defaults = logs.Defaults(date_order=order)
    if not doubt:
        logs.read(rows, config, defaults)
        return
    with pytest.raises(
        InputError, match=f'"{heading}" could be hours: no number in it is'
    ) as error:
        logs.read(rows, config, defaults)
    column = "total_minutes" if "Total" in heading else "minutes"
    assert error.value.hint.startswith("write 0.75 h, name the column hours or minutes")
    assert f'--map "{heading}={column}"' in error.value.hint
    logs.read(rows, config, defaults, maps={heading: column})
    logs.read(rows.vstack(rows[:1].with_columns(pl.lit("47").alias(heading))), config, defaults)


@pytest.mark.parametrize("maps", [{}, {"Duration hh:mm": "minutes"}])
def test_bare_lengths_below_hours_and_minutes(maps, config):
    """A heading h:mm says nothing of 0.42: read as minutes it earned no unit, without a word."""
    row = {name: GOOD[name] for name in ("patient", "date", "code")}
    rows = frame([row | {"Duration hh:mm": cell} for cell in ("0.42", "0.25")])
    with pytest.raises(InputError, match="could be hours: no number in it is above") as error:
        logs.read(rows, config, maps=maps)
    assert "--map" not in error.value.hint  # would lead to the same doubt
    rows = rows.vstack(rows[:1].with_columns(pl.lit("0:47").alias("Duration hh:mm")))
    assert len(sessions(logs.read(rows, config, maps=maps))) == 3


def test_a_length_as_a_float_is_no_part_of_a_day(config):
    """Noise of a float says nothing; a spreadsheet's 25 minutes were a second."""
    minutes = [0.1 + 0.2, 25 / 1440, 25 + 1 / 3, float("nan")]
    rows = frame([GOOD | {"start": "", "end": ""}] * 4).with_columns(minutes=pl.Series(minutes))
    log = logs.read(rows, config)
    assert [row["given_ms"] for row in sessions(log)] == [18_000, 1_520_000]
    assert [bad["row"] for bad in rejects(log)] == [2, 4]
    assert "Excel" in rejects(log)[0]["hint"]


# a float, and its milliseconds; None: as a csv file with the same text, it is rejected
FLOATS = [
    (7.999833, 479_990),  # was made 8 minutes, a unit
    (7.5, 450_000),
    (8.0, 480_000),
    (0.1 + 0.2, 18_000),
    (22.3 + 0.1, 1_344_000),
    (25 + 1 / 3, 1_520_000),
    (7.9999, None),
    (7.4995, None),
    (25 / 1440, None),
]


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "polars", "single", "duckdb"])
def test_minutes_as_floats_are_those_of_their_text(ending, config, tmp_path):
    """A length is never made longer, whatever it was kept in."""
    values = [value for value, _ in FLOATS]
    single = ending == "single"  # keeps seven digits, which the nearest millisecond needs
    column = pl.Series(values, dtype=pl.Float32 if single else pl.Float64)
    rows = frame([GOOD | {"start": "", "end": ""}] * len(FLOATS)).with_columns(minutes=column)
    if ending == "duckdb":
        duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
        log = logs.read(duckdb.connect().from_arrow(rows.to_arrow()), config)
    elif ending in ("csv", "json", "parquet"):
        path = tmp_path / f"log.{ending}"
        getattr(rows, f"write_{ending}")(path)
        log = logs.read(str(path), config)
    else:
        log = logs.read(rows, config)
    lengths = [row["given_ms"] for row in sessions(log)]
    assert lengths == [length for _, length in FLOATS if length is not None]
    reasons = [
        f'minutes "{value}" is not a number of minutes' for value, ms in FLOATS if ms is None
    ]
    found = [bad["reason"] for bad in rejects(log)]
    assert found[:2] == reasons[:2] and len(found) == len(reasons)
    assert single or found == reasons


def test_minutes_of_an_estimate_are_those_of_their_text():
    for value, length in FLOATS:
        row = {"code": "97110", "minutes": value, "date": "2026-03-02", "discipline": "PT"}
        if length is None:
            with pytest.raises(InputError, match=f'minutes "{value}" is not a number'):
                calc.estimate([row])
            continue
        whole = length // 60_000
        assert calc.estimate([row]).lines[0]["minutes"] == whole
        assert calc.units({"97110": value}) == {"97110": (whole + 7) // 15}


@pytest.mark.parametrize("zone", ["", CHICAGO])
def test_a_day_may_be_a_stamp_at_its_own_midnight(zone, config):
    """As pandas keeps days with a zone: the day is the local one, whichever offset is written."""
    texts = ["2026-03-02T00:00:00-0600", "2026-03-02 00:00:00+05:30", "2026-03-02T00:00:00Z"]
    log = read([GOOD | {"date": text} for text in texts], config, zone=zone)
    assert [str(row["date"]) for row in sessions(log)] == ["2026-03-02"] * 3
    days = pl.Series(["2026-03-02", "2026-07-02"]).str.to_date()
    stamps = days.cast(pl.Datetime).dt.replace_time_zone(CHICAGO)
    frame = pl.DataFrame({"patient": ["A", "B"], "code": "97116", "minutes": 20, "date": stamps})
    found = sessions(logs.read(frame, config, logs.Defaults(zone=zone)))
    assert [row["date"] for row in found] == days.to_list()
    (bad,) = rejects(read([GOOD | {"date": "2026-03-02T01:00:00-0600"}], config, zone=zone))
    assert "it holds a time" in bad["hint"]


@pytest.mark.parametrize("text", ["N/A", "none", " None ", "n/a", "NULL", "nan", "0", "?"])
def test_words_for_no_modifier_are_blank(text, config):
    rows = [GOOD | {"modifiers_billed": text}, GOOD | {"modifiers_billed": "GP NA"}]
    found = sessions(read(rows, config))
    assert [row["modifiers_billed"] for row in found] == ["", "GP NA"]


@pytest.mark.parametrize("text", ["N/A", "tbd", "-", "#N/A", "(blank)", "Unassigned"])
def test_words_for_nobody_are_no_clinician(text, config):
    """Two of their rows at one time were a fault of one clinician (T101)."""
    rows = frame([GOOD | {"patient": name, "clinician": text} for name in "pq"])
    assert [row["clinician"] for row in sessions(logs.read(rows, config))] == ["", ""]
    assert len(calc.audit(rows, config=config, select="T")) == 0


@pytest.mark.parametrize("text", ["PT", "OT", "Ota", "Staff", "PTA"])
def test_initials_and_surnames_are_somebody(text, config):
    """Beside PT a PTA is another clinician; and a name may be any of these."""
    (row,) = sessions(read([GOOD | {"clinician": text}], config))
    assert row["clinician"] == text


@pytest.mark.parametrize("order", ["ymd", "xyz", "mdy dmy", "dmy, mdy, mdy"])
@pytest.mark.parametrize("entry", [calc.bill, calc.audit])
def test_an_order_of_dates_that_is_none_is_said(order, entry):
    """It was read as the US order, silently."""
    rows = frame([GOOD | {"date": "03/04/2026", "start": "09:00", "end": "09:47"}])
    with pytest.raises(InputError, match=f'date order "{order}" is not known'):
        entry(rows, date_order=order)


@pytest.mark.parametrize(
    ("order", "month"), [("DMY", 4), ("dmy", 4), (" Mdy ", 3), ("dmy mdy mdy", 4)]
)
def test_an_order_of_dates_is_read_in_any_case(order, month, config):
    rows = [GOOD | {"date": "03/04/2026", "start": "09:00", "end": "09:47"}]
    (row,) = sessions(read(rows, config, date_order=order))
    assert row["date"].month == month


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Total,,,23", "is a line of totals, no session"),
        (",,Grand Total:,x", "is a line of totals, no session"),
        (",,,23", "patient is blank"),
        ("Total,2026-03-02,97116,x", 'minutes "x" is not a number of minutes'),
    ],
)
def test_a_line_of_totals_says_what_it_is(row, reason, tmp_path, config):
    """Rather than that it lacks a patient; a frame's line too."""
    path = tmp_path / "log.csv"
    path.write_text(f"patient,date,code,minutes\np,2026-03-02,97116,23\n{row}\n")
    frame = pl.read_csv(path, infer_schema=False)
    for source in (path, frame):
        (reject,) = engine.collect(logs.read(source, config).rejects()).iter_rows(named=True)
        assert reject["reason"] == reason


@pytest.mark.parametrize(
    ("role", "discipline", "modifiers"),
    [
        ("PTA", "PT", "GP CQ"),
        ("cota/l", "OT", "GO CO"),
        ("assistant", "OT", "GO CO"),  # names neither
        ("COTA", "PT", None),
        ("Physical Therapist Assistant", "OT", None),
    ],
)
def test_an_assistant_is_of_the_rows_discipline(role, discipline, modifiers):
    """CQ is a PT assistant's, CO an OT assistant's: where the two words differ nobody knows."""
    row = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": "23"}
    log = frame([row | {"role": role, "discipline": discipline}])
    (used, bad) = calc.bill(log, rejects=True)
    if modifiers:
        assert (used["modifiers"].to_list(), len(bad)) == ([modifiers], 0)
    else:
        (only,) = bad.iter_rows(named=True)
        assert (len(used), only["reason"]) == (0, f'role "{role}" is of the other discipline')


def test_words_of_assistants_are_words_of_roles(config):
    """Each that names a discipline is an assistant's."""
    assert {config.words["role"][word] for word in config.words["assistant"]} == {"assistant"}
    plain = {"assistant", "slp assistant"}
    named = {word for word, role in config.words["role"].items() if role == "assistant"}
    assert named - plain == set(config.words["assistant"])
