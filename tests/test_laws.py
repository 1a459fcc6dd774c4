"""Laws that hold for every log, tried on made-up ones (Hypothesis)."""

from __future__ import annotations

from itertools import pairwise

import oracle
import polars as pl
from helpers import bill, by_patient, count
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calc import engine, times

SLOW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
CODES = ["97110", "97112", "97116", "97129", "97140", "97035", "97012", "97161"]
POOLED = [code for code in CODES if code not in ("97012", "97161")]
MINUTE = 60_000

minutes_of_a_visit = st.dictionaries(
    st.sampled_from(POOLED), st.integers(0, 70), min_size=1, max_size=4
)
visits_of_minutes = st.lists(minutes_of_a_visit, min_size=1, max_size=12)


def clock(minute):
    """Minutes since midnight as HH:MM."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


@st.composite
def sessions(draw, patients=("a", "b", "c")):
    """A row with clock times, with minutes, or with both; it may overlap others."""
    begin, length = draw(st.integers(480, 560)), draw(st.integers(0, 45))
    kind = draw(st.sampled_from(["times", "times", "minutes", "both"]))
    row = {
        "patient": draw(st.sampled_from(patients)),
        "date": draw(st.sampled_from(["2026-03-02", "2024-03-08"])),
        "code": draw(st.sampled_from(CODES)),
        "role": draw(st.sampled_from(["therapist", "assistant", "joint", "student"])),
        "discipline": draw(st.sampled_from(["PT", "PT", "OT"])),
        "locality": draw(st.sampled_from(["OH-00", "CA-05"])),
    }
    if kind != "minutes":
        row |= {"start": clock(begin), "end": clock(begin + length)}
    if kind != "times":
        row["minutes"] = draw(st.integers(0, 45))
    return row


logs = st.lists(sessions(), min_size=1, max_size=12).map(
    lambda rows: [row | {"row": number} for number, row in enumerate(rows, 2)]
)


def log_of(visits):
    """Rows of minutes, one patient each."""
    return [
        {"patient": str(number), "date": "2026-03-02", "code": code, "minutes": minutes}
        for number, visit in enumerate(visits)
        for code, minutes in visit.items()
    ]


def units(visits, config, rule="cms"):
    """Units by code of visits, as a list."""
    found = by_patient(count(log_of(visits), config, rule))
    return [found[str(number)] for number in range(len(visits))]


@given(rows=logs, data=st.data())
@SLOW
def test_the_order_of_rows_changes_nothing(rows, data, config):
    """Rows that keep their number may stand in any order."""
    shuffled = data.draw(st.permutations(rows))
    assert bill(shuffled, config) == bill(rows, config)


@given(rows=logs, others=st.lists(sessions(patients=("x", "y")), min_size=1, max_size=6))
@SLOW
def test_other_patients_change_nothing(rows, others, config):
    """What a patient owes does not hang on who else was treated."""
    others = [row | {"row": 100 + number} for number, row in enumerate(others)]
    together = [x for x in bill(rows + others, config) if x["patient"] not in ("x", "y")]
    assert together == bill(rows, config)


@st.composite
def split_sessions(draw):
    """Rows one after the other, and the same rows cut into touching runs."""
    whole, parts, begin = [], [], 480
    for _ in range(draw(st.integers(1, 5))):
        length = draw(st.integers(1, 50))
        cuts = draw(st.lists(st.integers(0, length), max_size=3))
        row = {"patient": "p", "date": "2026-03-02", "code": draw(st.sampled_from(POOLED))}
        ends = [0, *sorted(cuts), length]
        whole.append(row | {"start": clock(begin), "end": clock(begin + length)})
        parts += [
            row | {"start": clock(begin + a), "end": clock(begin + b)} for a, b in pairwise(ends)
        ]
        begin += length + draw(st.integers(0, 5))
    return whole, parts


@given(pair=split_sessions())
@SLOW
def test_runs_that_touch_are_one_session(pair, config):
    """Cutting a session into runs that touch changes neither minutes nor units."""
    whole, parts = (count(rows, config) for rows in pair)
    for column in ("minutes", "units"):
        assert by_patient(whole, column) == by_patient(parts, column)


@given(visits=visits_of_minutes)
@SLOW
def test_units_of_the_day(visits, config):
    """The day's units are those of its minutes; each code has its whole quarters or one more."""
    for visit, found in zip(visits, units(visits, config), strict=True):
        assert sum(found.values()) == (sum(visit.values()) + 7) // 15
        for code, minutes in visit.items():
            assert found[code] - minutes // 15 in (0, 1)


@given(visits=visits_of_minutes)
@SLOW
def test_one_code_counts_alike(visits, config):
    """With one code the total-time rule and the midpoint rule are one."""
    alone = [{code: minutes} for visit in visits for code, minutes in visit.items()]
    assert units(alone, config, "cms") == units(alone, config, "ama")


@given(visits=visits_of_minutes)
@SLOW
def test_a_minute_more_never_lowers_the_day(visits, config):
    """One minute more of any code: the day has as many units or one more."""
    longer = [visit | {min(visit): visit[min(visit)] + 1} for visit in visits]
    pairs = zip(units(visits, config), units(longer, config), strict=True)
    for before, after in pairs:
        assert sum(after.values()) - sum(before.values()) in (0, 1)


@given(rows=logs)
@SLOW
def test_shares_never_exceed_the_allowed_amount(rows, config):
    """Medicare and the patient together pay at most what is allowed, and neither less than 0."""
    for line in bill(rows, config):
        if line["medicare_cents"] is not None:
            paid = line["medicare_cents"] + line["patient_cents"]
            assert 0 <= paid <= line["allowed_cents"]
            assert min(line["medicare_cents"], line["patient_cents"]) >= 0


@given(rows=logs)
@SLOW
def test_every_minute_is_accounted_for(rows, config):
    """Minutes of the services and minutes lost to overlaps are the minutes of the rows."""
    total = 0
    for row in rows:
        spans = []
        if "start" in row:
            (h, m), (k, n) = (map(int, row[name].split(":")) for name in ("start", "end"))
            spans.append(60 * (k - h) + n - m)
        if "minutes" in row:
            spans.append(row["minutes"])
        total += min(spans) * (row["role"] != "student")
    services = count(rows, config)
    found = sum(service["counted_ms"] + service["lost_ms"] for service in services)
    assert found == total * MINUTE
    assert all(service["counted_ms"] >= 0 and service["lost_ms"] >= 0 for service in services)


# --- minutes that count once, at the step -----------------------------------------------------


@st.composite
def oracle_rows(draw):
    """A row in the oracle's words: an interval, a window, minutes only, or neither."""
    begin = draw(st.integers(0, 12))
    kind = draw(st.sampled_from(["interval", "interval", "window", "minutes", "nothing"]))
    timed = kind in ("interval", "window")
    return {
        "patient": draw(st.sampled_from("pq")),
        "code": draw(st.sampled_from("abc")),
        "start": begin if timed else None,
        "end": begin + draw(st.integers(0, 8)) if timed else None,
        "minutes_ms": draw(st.integers(0, 9)) if kind in ("window", "minutes") else None,
        "one_on_one": draw(st.sampled_from([True, True, True, False])),
    }


many_oracle_rows = st.lists(oracle_rows(), min_size=1, max_size=24).map(
    lambda rows: [row | {"order": number} for number, row in enumerate(rows)]
)


POOLS = ("date", "discipline", "provider", "payer")  # the patient's; joint time is one pool's


def counted(rows, roles=None):
    """The program's answer for the oracle's rows: counted and therapist's milliseconds."""
    table = {
        "patient": [row["patient"] for row in rows],
        "lane": ["" if row["one_on_one"] else row["code"] for row in rows],
        "code": [row["code"] for row in rows],
        "service": [row["code"] for row in rows],
        **{name: [row.get(name, "") for row in rows] for name in POOLS},
        "role": roles or ["therapist"] * len(rows),
        "file": [""] * len(rows),
        "row": [row["order"] for row in rows],
        "start_ms": pl.Series([row["start"] for row in rows], dtype=pl.Int64),
        "end_ms": pl.Series([row["end"] for row in rows], dtype=pl.Int64),
        "given_ms": pl.Series([row["minutes_ms"] for row in rows], dtype=pl.Int64),
        "counts": [True] * len(rows),
    }
    frame = times.with_lengths(engine.nw.from_native(pl.LazyFrame(table)))
    frame = times.count_once(frame, times.crowded_patients(frame))
    done = engine.collect(frame).to_native().sort("row")
    return done["counted_ms"].to_list(), done["therapist_ms"].to_list()


@given(rows=many_oracle_rows)
@settings(QUICK, max_examples=150)
def test_count_once_equals_the_oracle(rows):
    """Overlapping rows of every kind, over codes and patients."""
    assert counted(rows)[0] == oracle.count_once(rows)


def with_roles(rows, data):
    """The rows with a role each, and a discipline or provider now and then."""
    kinds = st.sampled_from(["therapist", "assistant", "joint"])
    pools = st.sampled_from([{}, {}, {"discipline": "OT"}, {"provider": "B"}, {"date": "later"}])
    both = data.draw(st.lists(st.tuples(kinds, pools), min_size=len(rows), max_size=len(rows)))
    return [row | {"role": role} | pool for row, (role, pool) in zip(rows, both, strict=True)]


@given(rows=many_oracle_rows, data=st.data())
@settings(QUICK, max_examples=300)
def test_the_therapists_time_is_what_he_shares_with_assistants_of_the_code(rows, data):
    """Between clock times: joint minutes of a code are his, those of another row's code are not."""
    rows = [row | {"minutes_ms": None} for row in rows if oracle.has_times(row)]
    rows = with_roles(rows, data)
    if not rows:
        return
    found = {}
    for row, own in zip(rows, counted(rows, [row["role"] for row in rows])[1], strict=True):
        key = (row["patient"], row["code"], row["one_on_one"], *oracle.pool(row))
        found[key] = found.get(key, 0) + own
    painted = oracle.therapist_once(rows)
    assert found == {key: painted.get(key, 0) for key in found}


@given(rows=many_oracle_rows, data=st.data())
@QUICK
def test_the_therapists_time_lies_between_what_counts_and_what_he_gave(rows, data):
    """Of windows too; an assistant has none of it."""
    rows = with_roles(rows, data)
    amounts, own = counted(rows, [row["role"] for row in rows])
    for row, amount, his in zip(rows, amounts, own, strict=True):
        if row["role"] == "assistant":
            assert his == 0
        else:
            assert amount <= his <= oracle.own_length(row)


@given(rows=many_oracle_rows)
@QUICK
def test_never_more_than_the_union(rows):
    """One-on-one rows with times never count more than the union of their windows."""
    amounts, _ = counted(rows)
    for patient in "pq":
        mine = [
            number
            for number, row in enumerate(rows)
            if row["patient"] == patient and row["one_on_one"] and row["start"] is not None
        ]
        union = oracle.union_length([(rows[n]["start"], rows[n]["end"]) for n in mine])
        assert sum(amounts[n] for n in mine) <= union
    assert all(0 <= a <= oracle.own_length(row) for a, row in zip(amounts, rows, strict=True))
