"""Clashes of patients and clinicians, against a check of every pair in plain Python."""

from __future__ import annotations

import random
from datetime import date

from helpers import read

from calc import billing, claims, engine, evidence, matching, overlaps

DAY = 24 * 60 * 60
CODES = ("97110", "97116", "97129", "97130", "97161", "97010", "97150")
ONE_ON_ONE = {"97110", "97116", "97129", "97130", "97161"}
SERVICE = {"97130": "97129"}


def stamp(seconds):
    """Seconds from Monday's midnight as a date and a clock time."""
    day, rest = divmod(seconds, DAY)
    return f"2026-03-0{2 + day} {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def random_log(chance, patients, repeated=0.2):
    """A small log of full intervals around midnight: touching, equal, nested, seconds apart."""
    rows = []
    for _ in range(chance.randint(2, 14)):
        start = DAY - 3600 + chance.randint(0, 24) * 300
        start += chance.choice((0, 0, 0, 1, 59, 60, 61))
        length = chance.choice((0, 59, 60, 300, 300, 600, 900, 1800))
        rows.append(
            {
                "patient": chance.choice(patients),
                "clinician": chance.choice(("K", "L", "M", "")),
                "role": chance.choice(("therapist", "therapist", "assistant", "student")),
                "discipline": chance.choice(("PT", "PT", "OT")),
                "code": chance.choice(CODES),
                "from": start,
                "until": start + length,
            }
        )
        if chance.random() < repeated:
            rows.append(dict(rows[-1]))
    return rows


def found_in(logs, config):
    """Clashes of patients and of clinicians by log: many small logs read as one."""
    texts = []
    for number, rows in enumerate(logs):
        for row in rows:
            kept = {name: row[name] for name in ("role", "discipline", "code")}
            times = {"start": stamp(row["from"]), "end": stamp(row["until"])}
            clinician = row["clinician"] and f"{number} {row['clinician']}"
            names = {"patient": f"{number} {row['patient']}", "clinician": clinician}
            texts.append(kept | times | names)
    log = read(texts, config)
    rows, has = matching.documented(log), claims.held(log)
    tables = evidence.gather(rows, has, config, billing.Options()).tables
    first = [0]
    for rows in logs:
        first.append(first[-1] + len(rows))
    found = [(set(), set()) for _ in logs]
    for row in engine.collect(tables["clash"]).to_native().to_dicts():
        number = int(row["patient"].split()[0])
        place, other = row["row"] - first[number], row["row_2"] - first[number]
        found[number][0].add((place, other, row["kind"]))
    for row in engine.collect(tables["together"]).to_native().to_dicts():
        number = int(row["patient"].split()[0])
        found[number][1].add((row["row"] - first[number], row["row_2"] - first[number]))
    return found


def earlier(rows, place):
    """Rows that began before another one (or with it, before it in the log), and run a minute."""
    mine = rows[place]
    for other, row in enumerate(rows):
        if (row["from"], other) < (mine["from"], place) and row["role"] != "student":
            shared = min(row["until"], mine["until"]) - mine["from"]
            if shared >= 60:
                yield other, row


def kind(mine, row):
    """What kind of clash two rows of a patient are, or 0."""
    one_on_one = {mine["code"], row["code"]} <= ONE_ON_ONE
    if not one_on_one and mine["code"] != row["code"]:
        return 0
    if mine == row:
        return overlaps.TWIN
    if not one_on_one:
        return 0
    roles = sorted((mine["role"], row["role"]))
    joint = roles == ["assistant", "therapist"] and mine["discipline"] == row["discipline"]
    names = {mine["clinician"], row["clinician"]}
    if len(names) == 2 and "" not in names and not joint:
        return overlaps.CLINICIANS
    if names == {""} and mine["discipline"] != row["discipline"]:
        return overlaps.CLINICIANS
    mine_service, service = (SERVICE.get(r["code"], r["code"]) for r in (mine, row))
    return overlaps.CODES if mine_service != service else 0


def clashes(rows):
    """(row, partner, kind) of every row that clashes with an earlier one of its patient."""
    for place, mine in enumerate(rows):
        if mine["role"] == "student":
            continue
        partners = [
            (kind(mine, row), row["from"], other)
            for other, row in earlier(rows, place)
            if row["patient"] == mine["patient"] and kind(mine, row)
        ]
        if partners:
            what, _, other = min(partners)
            yield place + 1, other + 1, what


def shared_clinicians(rows):
    """(row, partner) of every row whose clinician was with another patient already."""
    for place, mine in enumerate(rows):
        if mine["role"] == "student" or not mine["clinician"] or mine["code"] not in ONE_ON_ONE:
            continue
        partners = [
            (row["from"], other)
            for other, row in earlier(rows, place)
            if row["clinician"] == mine["clinician"]
            and row["patient"] != mine["patient"]
            and row["code"] in ONE_ON_ONE
        ]
        if partners:
            yield place + 1, min(partners)[1] + 1


def test_clashes_of_patients(config):
    """A patient's clashes are those that a check of every pair finds, no more and no fewer."""
    logs = [random_log(random.Random(seed), "AAB") for seed in range(300)]
    for seed, (found, _) in enumerate(found_in(logs, config)):
        assert found == set(clashes(logs[seed])), seed
    assert {what for rows in logs for *_, what in clashes(rows)} == {1, 2, 3}


def own_clash(rows):
    """Whether a patient has one-on-one rows of one clinician that share time."""
    return any(
        row["patient"] == mine["patient"] and row["clinician"] == mine["clinician"]
        for place, mine in enumerate(rows)
        if mine["code"] in ONE_ON_ONE and mine["role"] != "student"
        for other, row in enumerate(rows)
        if (row["from"], other) < (mine["from"], place)
        and row["until"] > mine["from"]
        and row["role"] != "student"
        and row["code"] in ONE_ON_ONE
    )


def test_clashes_of_clinicians(config):
    """A clinician's clashes are those that a check of every pair finds.

    Where a clinician's own rows of one patient share time each of them keeps a part of it, and
    which is not said: there only what is found must be true.
    """
    logs = [random_log(random.Random(seed), "ABCDEFGHIJKL", 0) for seed in range(600)]
    exact = 0
    for seed, (_, found) in enumerate(found_in(logs, config)):
        expected = set(shared_clinicians(logs[seed]))
        if own_clash(logs[seed]):
            assert {row for row, _ in found} <= {row for row, _ in expected}, seed
        else:
            assert found == expected, seed
            exact += bool(expected)
    assert exact > 50, "few of the logs were judged exactly"


def test_pairs_of_one_name(config, monkeypatch):
    """Where one name stands for a whole clinic, its pairs are looked at a few rows at a time."""
    rows = [
        {
            "patient": f"P{number}", "clinician": "K", "role": "therapist", "discipline": "PT",
            "code": "97110", "from": 9 * 3600, "until": 9 * 3600 + 45 * 60,
        }
        for number in range(90)
    ]  # fmt: skip
    logs = [rows, *(random_log(random.Random(seed), "AAB") for seed in range(100))]
    everything = found_in(logs, config)
    assert everything[0][1] == {(place, 1) for place in range(2, 91)}
    at_once, partners = [], overlaps._partners

    def counted(pairs):
        at_once.append(engine.count(pairs))
        return partners(pairs)

    monkeypatch.setattr(overlaps, "_AT_ONCE", 200)
    monkeypatch.setattr(overlaps, "_partners", counted)
    assert found_in(logs, config) == everything
    assert max(at_once) <= 200 + 90 and len(at_once) > 20


def meets(one, other):
    """Two group rows of different patients that run at the same time with the same provider.

    One without clock times runs all day, for the rows of its date.
    """
    apart = one["patient"] == other["patient"] or one["provider"] != other["provider"]
    begin = max(-1 if row["start_ms"] is None else row["start_ms"] for row in (one, other))
    end = min(10**9 if row["end_ms"] is None else row["end_ms"] for row in (one, other))
    clocked = None not in (one["end_ms"], other["end_ms"])
    return not apart and (clocked or one["date"] == other["date"]) and begin < end


def test_company_of_group_rows(engine_name):
    """Every pair of many small days of group treatment, some without clock times or past midnight.

    A day has 60 parts here, and a few rows have the date before or after that of their start.
    """
    pick, rows = random.Random(9), []
    for number in range(1500):
        day = pick.randrange(31)
        begin = 60 * day + pick.randrange(0, 60)
        end = begin + pick.choice([1, 5, 10, 30])
        if pick.random() < 0.05:
            begin, end = pick.choice([(None, None), (begin, None)])
        day = min(30, max(0, day + pick.choice([0] * 20 + [-1, 1])))
        rows.append({
            "file": "a", "row": number, "patient": f"P{pick.randrange(4)}",
            "provider": pick.choice(["N", "S"]), "date": date(2026, 1, 1 + day),
            "start_ms": begin, "end_ms": end, "group": pick.randrange(12),
        })  # fmt: skip
    for row in rows:  # many small groups: a day holds few rows of one
        row["provider"] += str(row.pop("group"))
    types = {"file": str, "row": int, "patient": str, "provider": str, "date": date,
             "start_ms": int, "end_ms": int}  # fmt: skip
    table = engine.table({name: [row[name] for row in rows] for name in types}, types)
    there = engine.on_engine(table, engine_name)
    done = engine.collect(overlaps.groups_of_one(there, evidence.late_groups([there])))
    found = dict(zip(done["row"], done["company"], strict=True))
    expected = {one["row"]: sum(meets(one, other) for other in rows) for one in rows}
    assert found == expected
    assert len(set(expected.values())) > 2 and 0 in expected.values()
    late = [(one, other) for one in rows for other in rows if one["date"] < other["date"]]
    assert sum(meets(*pair) for pair in late) > 30
