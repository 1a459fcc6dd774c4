"""Rows in groups and orders: every engine against plain Python, also where numbers are too large
to be packed into one."""

from __future__ import annotations

from datetime import date

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calc import engine
from calc.errors import InputError

NAMES = st.sampled_from(["a", "b", "", "ö"])
SMALL = st.integers(-3, 3)
LARGE = st.one_of(SMALL, st.sampled_from([2**50, -(2**50), 1_772_442_000_000]))
ROWS = st.lists(st.tuples(NAMES, LARGE, st.one_of(st.none(), LARGE), SMALL), max_size=30)


def frame(rows, on="polars", dense=False):
    """Rows with a number that makes every order total."""
    columns = {
        "who": [row[0] for row in rows],
        "big": [row[1] for row in rows],
        "blank": [row[2] for row in rows],
        "x": [row[3] for row in rows],
        "n": list(range(len(rows))),
    }
    types = {"who": str, "big": int, "blank": int, "x": int, "n": int}
    found = engine.table(columns, types)
    found = engine.on_engine(found, on)
    return engine.dense(found, {"who": None}) if dense else found


def dicts(found):
    """Rows by their number."""
    return sorted(engine.collect(engine.plain(found)).to_native().to_dicts(), key=lambda r: r["n"])


def key_of(row, names):
    """Sorts as the engines do: nulls first."""
    return tuple(
        (row[name] is not None, row[name] or (0 if name != "who" else "")) for name in names
    )


def within(rows, group, order):
    """total, running, highest and earlier of x, and the turn, by plain Python."""
    groups = {}
    for row in sorted(rows, key=lambda r: key_of(r, order)):
        groups.setdefault(tuple(row[name] for name in group), []).append(row)
    for members in groups.values():
        for place, row in enumerate(members):
            upto = [member["x"] for member in members[: place + 1]]
            row |= {
                "total": sum(member["x"] for member in members),
                "running": sum(upto),
                "highest": max(upto),
                "earlier": members[place - 1]["x"] if place else None,
                "turn": place + 1,
            }
    return sorted(rows, key=lambda r: r["n"])


@pytest.mark.parametrize("on", ["polars", "dense", "duckdb"])
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_within(on, rows):
    """Totals, running sums, maxima and the row before, of small and of very large keys."""
    found = frame(rows, "polars" if on == "dense" else on, on == "dense")
    for group, order in (
        (("who",), ("blank", "big", "n")),
        (("who", "big", "blank"), ("n",)),
        (("x",), ("who", "big", "blank", "n")),
    ):
        jobs = {name: {name: "x"} for name in ("total", "running", "highest", "earlier")}
        answer = engine.within(found, group, order, **jobs, turn="turn")
        expected = within(dicts(found), group, order)
        assert dicts(answer) == expected


@pytest.mark.parametrize("group", [("who",), ("who", "x")])
@settings(max_examples=100, deadline=None)
@given(rows=ROWS, added=st.lists(st.tuples(NAMES, LARGE, st.none(), SMALL), max_size=6))
def test_places_of_rows_in_order(group, rows, added):
    """Groups that stand together, with rows that came later behind them, and their totals."""
    rows = sorted(rows, key=lambda row: (row[0], row[3])) + added
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_MANY", 0)
        _places_in_order(rows, group)


def _places_in_order(rows, group):
    for order in (("big", "n"), ("blank", "big", "n"), ("n",)):
        found = frame(rows, dense=True)
        answer = dicts(engine.within(found, group, order, total={"total": "x"}, turn="turn"))
        kept = [*answer[0]] if answer else []
        expected = within(dicts(frame(rows)), group, order)
        assert answer == [{name: row[name] for name in kept} for row in expected]


@pytest.mark.parametrize(
    ("key", "order", "expected"),
    [
        ([1, 1, 1, 2, 2], [3, 1, 2, 9, 8], [3, 1, 2, 2, 1]),
        ([1, 1, 2, 2, 3, 3, 3, 1], [5, 6, 2, 1, 0, 0, 0, 4], [2, 3, 2, 1, 1, 2, 3, 1]),
        ([1, 2, 3, 1, 2, 3], [0] * 6, None),  # they stand apart
        ([1] * 20, list(range(20)), None),  # too many in a group
    ],
)
def test_places_without_sorting(key, order, expected):
    """Rows are compared with the few that stand before them, where groups stand together."""
    rows = pl.DataFrame({"key": key, "order": order})
    turns = engine._turns(rows, ("key",), ("order",))
    assert (None if turns is None else turns.to_list()) == expected


def test_the_highest_of_groups_too_far_apart_to_lift():
    """Values whose range times the groups is beyond 64 bits are still right."""
    rows = [(name, big, None, 0) for name in "ab" for big in (2**61, -(2**61), 5)]
    answer = engine.within(frame(rows), ("who",), ("n",), highest={"top": "big"})
    assert [row["top"] for row in dicts(answer)] == [2**61] * 6


@pytest.mark.parametrize("dense", [False, True])
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_arranged(dense, rows):
    """The order of several keys, nulls first."""
    order = ("who", "blank", "big", "n")
    answer = engine.collect(engine.plain(engine.arranged(frame(rows, dense=dense), order)))
    expected = sorted(dicts(frame(rows)), key=lambda r: key_of(r, order))
    assert answer.to_native().to_dicts() == expected


def range_of(values):
    there = [value for value in values if value is not None]
    return min(there, default=None), max(there, default=None)


@settings(max_examples=120, deadline=None)
@given(rows=ROWS, ordered=st.booleans())
def test_grouped(rows, ordered):
    """Sums, counts, least and most of groups of one row and of several, in order or not."""
    rows = sorted(rows, key=lambda row: row[:2]) if ordered else rows
    ranged = ("x", "blank", "who", "n")  # n rises within each group, who is all the same
    low, high = ({f"{how} {name}": name for name in ranged} for how in ("low", "high"))
    parts = (("who", "big"), {"sum": "blank"}, {"there": "blank"}, low, high)
    names = [
        "who",
        "big",
        "sum",
        "there",
        *(name for both in zip(low, high, strict=True) for name in both),
    ]
    answers = [
        sorted(engine.collect(engine.plain(found)).select(names).to_native().rows(), key=repr)
        for found in (
            engine.grouped(frame(rows), *parts),
            engine.grouped(frame(rows, dense=True), *parts),
        )
    ]
    groups = {}
    for n, (who, big, blank, x) in enumerate(rows):
        groups.setdefault((who, big), []).append((x, blank, who, n))
    expected = sorted(
        (
            (
                *key,
                sum(blank or 0 for _, blank, _, _ in members),
                sum(blank is not None for _, blank, _, _ in members),
                *(end for values in zip(*members, strict=True) for end in range_of(values)),
            )
            for key, members in groups.items()
        ),
        key=repr,
    )
    assert answers == [expected, expected]


@pytest.mark.parametrize("flags", [0, engine._FLAGS])
@settings(max_examples=100, deadline=None)
@given(rows=ROWS, bound=st.integers(-4, 3))
def test_touched(flags, rows, bound):
    """Whether something holds for any row of a group, where it does for few, most or all."""
    odd = {(who, big) for who, big, _, x in rows if x > bound}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_FLAGS", flags)
        for dense in (False, True):
            found = engine.touched(
                frame(rows, dense=dense), nw.col("x") > bound, ("who", "big"), "y"
            )
            assert [r["y"] for r in dicts(found)] == [row[:2] in odd for row in rows]


DAY_ROWS = st.lists(
    st.tuples(NAMES, st.integers(0, 3), st.integers(0, 30), st.integers(0, 40)), max_size=25
)
HOUR = 3_600_000


def timed(rows, on="polars"):
    """Rows of somebody on a day, from an hour and so many hours long: some past midnight."""
    columns = {
        "who": [row[0] for row in rows],
        "date": [date(2026, 3, 1 + row[1]) for row in rows],
        "start": [(row[1] * 24 + row[2]) * HOUR for row in rows],
        "end": [(row[1] * 24 + row[2] + row[3]) * HOUR for row in rows],
        "n": list(range(len(rows))),
    }
    types = dict.fromkeys(columns, int) | {"who": str, "date": date}
    return engine.on_engine(engine.table(columns, types), on)


@pytest.mark.parametrize("longest", [40, 1])
@settings(max_examples=60, deadline=None)
@given(rows=DAY_ROWS)
def test_stretches_and_overlaps(longest, rows):
    """Where rows run on into one another, within days and across them."""
    rows = [(who, day, hour % 23, min(length, longest)) for who, day, hour, length in rows]
    expected_rows, shared = {}, set()
    for who in {row[0] for row in rows}:
        mine = sorted((row for row in dicts(timed(rows)) if row["who"] == who), key=in_time)
        stretches, latest = [], None
        for row in mine:
            if latest is None or row["start"] >= latest:
                stretches.append([])
            elif stretches:
                shared.add(who)
            stretches[-1].append(row["n"])
            latest = max(latest or 0, row["end"])
        expected_rows |= {n: len(stretch) for stretch in stretches for n in stretch}
    for on in ("polars", "duckdb"):
        found = engine.stretches(
            timed(rows, on), ("who",), ("start", "n"), "end", "stretch", "together"
        )
        assert {row["n"]: row["together"] for row in dicts(found)} == expected_rows
        met = engine.overlapped(timed(rows, on), ("who",), "start", "end")
        assert set(engine.collect(met)["who"].to_list()) == shared


def in_time(row):
    return row["start"], row["n"]


@settings(max_examples=60, deadline=None)
@given(rows=DAY_ROWS)
def test_summed(rows):
    """Sums of groups whose rows stand together by their day, and of groups far apart."""
    for group in (("who", "date"), ("date",), ("who",)):
        sums = {}
        for row in dicts(timed(rows)):
            key = tuple(row[name] for name in group)
            sums[key] = sums.get(key, 0) + row["start"]
        found = dicts(engine.summed(timed(rows), group, "start", "sum"))
        assert [r["sum"] for r in found] == [sums[tuple(r[n] for n in group)] for r in found]


@pytest.mark.parametrize("on", ["polars", "duckdb"])
def test_amended(on):
    """Only odd rows are looked at, and they may change several columns."""
    found = frame([("a", 1, None, 1), ("b", 2, None, 2), ("a", 3, None, 3)], on)

    def change(rows):
        odd = nw.col("who") == "a"
        return rows.with_columns(
            y=nw.when(odd).then(nw.col("x") * 10).otherwise(nw.col("y")),
            word=nw.when(odd).then(nw.lit("odd")).otherwise(nw.col("word")),
        )

    made = {"y": (nw.col("big"), int), "word": (nw.lit(""), str)}
    done = engine.amended(found, nw.col("who") == "a", ("who", "x"), change, made)
    assert [(r["y"], r["word"]) for r in dicts(done)] == [(10, "odd"), (2, ""), (30, "odd")]


@pytest.mark.parametrize("dense", [False, True])
def test_told_by(dense):
    """What a text tells, asked of each of its values or of each row."""
    found = frame([("b", 1, None, 1), ("", 2, None, 2), ("b", 3, None, 3)], dense=dense)
    fact = {"is_b": nw.col("who").cast(nw.String).str.contains("b")}
    assert [r["is_b"] for r in dicts(engine.told_by(found, "who", fact))] == [True, False, True]


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(NAMES, st.integers(-1, 2), st.none(), SMALL), max_size=30))
def test_once_for_all(rows):
    """What keys alone tell, found once for all rows alike, is what each row would be told."""

    def change(keyed):
        text = nw.concat_str([nw.col("who"), nw.lit("!")])
        return keyed.with_columns(more=nw.col("big") * 2 + nw.col("x"), text=text)

    found = frame(rows, dense=True)
    few, engine._FEW_ROWS = engine._FEW_ROWS, -1
    try:
        done = engine.once_for_all(found, ("who", "big", "x"), change, found)
    finally:
        engine._FEW_ROWS = few
    assert dicts(done) == dicts(change(found))


@pytest.mark.parametrize("on", ["polars", "duckdb"])
def test_some_and_repeated(on):
    """Only the rows that are meant change or stand twice."""
    found = frame([("a", 1, None, 1), ("b", 2, None, 2), ("a", 3, None, 3)], on)
    doubled = engine.some(
        found, nw.col("who") == "a", lambda rows: rows.with_columns(x=nw.col("x") * 10), ("x",)
    )
    assert [row["x"] for row in dicts(doubled)] == [10, 2, 30]
    twice = engine.repeated(found, nw.col("x") > 2, "copy")
    copies = sorted((row["n"], row["copy"]) for row in dicts(twice))
    assert copies == [(0, 0), (1, 0), (2, 0), (2, 1)]


def test_dense_text_is_text():
    """It compares with any text, joins small tables of text, and comes back as it was."""
    found = engine.dense(frame([("b", 1, None, 1), ("a", 2, None, 2)]), {"who": None})
    names = {"who": ["a", "unknown"], "name": ["Ann", "nobody"]}
    found = found.join(engine.beside(found, names, dict.fromkeys(names, str)), on="who", how="left")
    kept = found.filter(nw.col("who") != "unknown")
    assert [(r["who"], r["name"]) for r in dicts(kept)] == [("b", None), ("a", "Ann")]
    types = engine.collect(engine.plain(kept)).to_native().schema
    assert types["who"] == pl.String
    assert types["name"] == pl.String


def test_parts_cut_no_key(monkeypatch):
    """A frame worked on in parts gives every row once, and no key is in two parts."""
    monkeypatch.setattr(engine, "_PART_ROWS", 2)
    rows = [(name, number, None, 1) for number in range(20) for name in ("a", "b", "ö", "x")]
    seen = []

    def work(part):
        seen.append(set(engine.collect(engine.plain(part))["who"].to_list()))
        return part

    found = engine.in_parts(frame(rows, dense=True), "who", work)
    assert dicts(found) == dicts(frame(rows))
    assert len(seen) > 1
    assert sum(map(len, seen)) == len(set().union(*seen))


@settings(max_examples=60, deadline=None)
@given(numbers=st.lists(st.integers(0, 40) | st.integers(0, 2**61), max_size=40))
def test_the_order_of_numbers(numbers):
    """Small and large numbers; rows with the same number stay as they stand."""
    place = engine._order_of(pl.Series(numbers, dtype=pl.Int64))
    assert [numbers[n] for n in place] == sorted(numbers)
    if max(numbers, default=0) < 2**50:
        assert place.to_list() == sorted(range(len(numbers)), key=numbers.__getitem__)


# Columns of a base and what lies above it: some fit into 32 bits alone, some together, some not.
WIDTHS = st.tuples(
    st.sampled_from([0, 20_455, -(2**31), 2**31, -(2**50), 2**61]),
    st.sampled_from([1, 3, 400, 2**16, 2**31 - 2, 2**31, 2**40]),
)


@settings(max_examples=300, deadline=None)
@given(widths=st.lists(WIDTHS, min_size=1, max_size=6), count=st.integers(1, 8), data=st.data())
def test_numbers_packed_into_one(widths, count, data):
    """They sort as the columns do, nulls first, and of the first columns alone they group."""
    columns = [
        data.draw(st.lists(st.none() | st.integers(low, low + above), min_size=count,
                           max_size=count))
        for low, above in widths
    ]  # fmt: skip
    grouping = data.draw(st.integers(0, len(columns)))
    names = "abcdef"[: len(columns)]
    kinds = dict.fromkeys(names, pl.Int64)
    table = pl.DataFrame(dict(zip(names, columns, strict=True)), schema=kinds)
    numbers, rooms = engine._packed(table, grouping)
    told = [[(cell is not None, cell or 0) for cell in row] for row in table.iter_rows()]
    packed = [[number[n] for number in numbers] for n in range(count)]
    groups = [
        [cell // room for cell, room in zip(row, rooms, strict=True) if room] for row in packed
    ]
    for n in range(count):
        for other in range(count):
            assert (told[n] < told[other]) == (packed[n] < packed[other])
            same = told[n][:grouping] == told[other][:grouping]
            assert same == (groups[n] == groups[other])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(NAMES, st.integers(-1, 2), st.none(), SMALL), max_size=30))
def test_groups_that_stand_together(rows):
    """Sorted rows take a shorter way to the same places."""
    shuffled, ordered = frame(rows), frame(sorted(rows, key=lambda row: row[0]))
    assert _turns(ordered) == _turns(shuffled)


def _turns(found):
    rows = dicts(engine.placed(engine.dense(found, {"who": None}), ("who",), ("x", "big", "n")))
    return sorted((row["who"], row["x"], row["big"], row["turn"]) for row in rows)


def test_side_by_side():
    """Answers in order; what the first job that fails raises, as it raised it."""
    many = frame([("a", 1, None, 1)] * (engine._FEW_ROWS + 1))
    assert engine.side_by_side(many, lambda: 1, lambda: [2], lambda: None) == [1, [2], None]

    def fails(what):
        raise InputError(what, "here", "so")

    with pytest.raises(InputError, match="first") as error:
        engine.side_by_side(many, lambda: 1, lambda: fails("first"), lambda: fails("second"))
    assert error.value.hint == "so"


def test_side_by_side_of_a_thread_that_plans():
    """A job sees many rows as such, whichever thread takes it up."""
    many = frame([("a", 1, None, 1)] * (engine._FEW_ROWS + 1))
    outer = engine._PLANNING.set(True)
    try:
        seen = engine._side_by_side(lambda job: engine._PLANNING.get(), [1, 2], len(dicts(many)))
        assert engine._PLANNING.get()
    finally:
        engine._PLANNING.reset(outer)
    assert seen == [False, False]


@pytest.mark.parametrize(
    "values", [[7, None, 7, 7], [0.25, 0.5, 0.5, 0.5], [7, 7, 7, 7], [1, 2, 3, 4]]
)
def test_sums(values):
    """Of a column of one value too, without its blanks."""
    found = engine._sums(pl.Series(values), pl.Series([2, 3], dtype=pl.UInt32))
    assert found.to_list() == [sum(v or 0 for v in values[:3]), values[3]]


@pytest.mark.parametrize("on", ["polars", "duckdb"])
def test_few_of(on):
    """The rows that are left keep all their columns, and have those that were added or changed."""
    found = frame([("a", 1, None, 1), ("b", 2, 7, 2), ("b", 3, None, 3)], on, dense=on == "polars")

    def pick(rows):
        left = rows.filter(nw.col("who") == "b").drop("x")
        return left.with_columns(x=nw.col("n") * 10, more=nw.lit("m"))

    expected = [
        {"who": "b", "big": 2, "blank": 7, "x": 10, "n": 1, "more": "m"},
        {"who": "b", "big": 3, "blank": None, "x": 20, "n": 2, "more": "m"},
    ]
    assert dicts(engine.few_of(found, ("who", "x", "n"), pick)) == expected
