"""Which modifiers a service should carry: discipline (GP, GO, GN) and assistant (CQ, CO).

Authority: 42 U.S.C. 1395m(v); physician fee schedule final rules for 2020 and 2022; Medicare
Claims Processing Manual, ch. 5, s. 20.1. KX comes from the running total, which is pricing's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from calc import billed, engine
from calc.schema import CODE_KEY, told_by_log

DISCIPLINE = {"PT": "GP", "OT": "GO", "SLP": "GN"}
ASSISTANT = {"PT": "CQ", "OT": "CO"}


def assistant_units(services: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``assistant_units``: how many of ``units`` carry CQ or CO, and the steps to it.

    Needs units, minutes, therapist_minutes, assistant_minutes, counted_ms, assistant_ms (what the
    therapist leaves of it), counted_rows, assistant_rows, assistant_logged (units of the
    assistant's own rows), unit_basis, first_unit_minutes, unit_minutes, rule_unit_minutes, pooled,
    discipline, assistant_policy (0 or -1 none, 2020, 2022) of code and date, and de_minimis_percent
    and assistant_midpoint of the date.

    Whole quarters of therapist and assistant are plain and modified; the one or two units left
    are judged on the leftover minutes. So are codes that count alone, by units of their own length
    and its midpoint, but for a first unit that is longer and not the therapist's alone: those are
    judged as a whole. Of an area, an extremity and the like the units of the assistant's own rows
    carry it, where these name several.
    """
    first, alone = nw.col("first_unit_minutes"), ~nw.col("pooled")
    size = nw.when(alone).then("unit_minutes").otherwise("rule_unit_minutes")
    therapist, assistant = nw.col("therapist_minutes"), nw.col("assistant_minutes")
    # A longer first unit (97550) that the therapist furnished alone is a block of his own.
    longer = nw.when(alone & (therapist >= first)).then(first - size).otherwise(0)
    frame = services.with_columns(block=size, longer=longer)
    size, longer = nw.col("block"), nw.col("longer")
    therapist = therapist - longer
    blocks = (nw.col("unit_basis") == "minutes") & ~size.is_null()
    midpoint = nw.when(_by_own_unit()).then(size // 2 + 1).otherwise("assistant_midpoint")
    frame = frame.with_columns(
        by_quarters=blocks & (~alone | (first == size) | (longer > 0)),
        assistant_midpoint=midpoint.cast(nw.Int64),
        assistant_whole=assistant // size,
        therapist_rest=therapist % size,
        assistant_rest=assistant % size,
        units_unjudged=nw.col("units") - therapist // size - assistant // size,
    ).drop("block", "longer")
    none = {"assistant_units": (nw.lit(0, dtype=nw.Int64), int)}
    return engine.amended(frame, nw.col("assistant_rows") > 0, _OF_ASSISTANTS, _assistants, none)


def _by_own_unit() -> nw.Expr:
    """Of a code whose unit is no quarter of an hour, such as an hour: CMS says nothing of these."""
    other = nw.col("unit_minutes") != nw.col("rule_unit_minutes")
    return (~nw.col("pooled") & other).fill_null(False)


_OF_ASSISTANTS = (
    "units", "minutes", "therapist_minutes", "assistant_minutes", "counted_rows", "assistant_rows",
    "by_quarters", "assistant_whole", "therapist_rest", "assistant_rest", "units_unjudged",
    "counted_ms", "assistant_ms", "discipline", "assistant_policy", "de_minimis_percent",
    "assistant_midpoint", "unit_basis", "assistant_logged",
)  # fmt: skip


def _assistants(services: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    t, a = nw.col("therapist_rest"), nw.col("assistant_rest")
    left = nw.col("units_unjudged")
    share = nw.col("de_minimis_percent")
    too_much = _exceeds(a, a + t, share)
    one_2022 = nw.when((t < nw.col("assistant_midpoint")) & (a > 0)).then(1).otherwise(0)
    one_2020 = nw.when(too_much).then(1).otherwise(0)
    recent = nw.col("assistant_policy") >= 2022
    judged = (
        nw.when(left <= 0)
        .then(0)
        .when(left == 1)
        .then(nw.when(recent).then(one_2022).otherwise(one_2020))
        # Two left: one is the assistant's, the other is judged as if alone; before 2022 both are.
        .otherwise(nw.when(recent).then(1 + one_2022).otherwise(2))
    )
    # Of a code judged as a whole the share is exact, seconds and all.
    whole_share = _exceeds(nw.col("assistant_ms"), nw.col("counted_ms"), share)
    only_assistant = nw.col("assistant_rows") == nw.col("counted_rows")
    as_a_whole = nw.when(nw.col("counted_ms") > 0).then(whole_share).otherwise(only_assistant)
    # Of one unit the minutes tell, where they are known.
    several = (nw.col("units") > 1) | (nw.col("assistant_ms") == 0)
    own = told_by_log() & ~only_assistant & several & (nw.col("assistant_logged") > 0)
    none = (
        (nw.col("assistant_rows") == 0)
        | (nw.col("assistant_policy") <= 0)
        | ~nw.col("discipline").is_in(list(ASSISTANT))
        | (nw.col("units") == 0)
    )
    return services.with_columns(
        assistant_units=nw.when(none | nw.col("units").is_null())
        .then(0)
        .when(nw.col("by_quarters"))
        .then(nw.col("assistant_whole") + judged)
        .when(own)
        .then(nw.min_horizontal("assistant_logged", "units"))
        .when(as_a_whole)
        .then(nw.col("units"))
        .otherwise(0)
        .cast(nw.Int64)
    )


def bounds(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add assistant_low and assistant_high: how many units of a code surely carry CQ or CO, or may.

    Needs the steps of `assistant_units`, and of what was billed moved, billed, unminuted_rows and
    assistant_units_billed; takes service_assistant_minutes, which nothing else looks at.

    In doubt are, judged as a whole: all units before 2022, and where whole minutes, a share rounded
    to a whole per cent, or the tenth of the minutes rounded and one added decide otherwise (CMS
    allows the last two). By quarters: two units left with fewer than 9 minutes of either; before
    2022 every unit left but one that is certain. By units of another length: all that they are as
    a whole and not by blocks. Of two codes of a service either may have the plain units, and where
    they are judged as a whole each of them may. So are units of a tie that are billed with the
    other code, but whole ones of either kind of clinician, and all where one kind furnished it;
    several units of a code whose units no minutes tell in which both had a part, and all of a month
    or an episode in which both had sessions, or without any on the day; and what minutes that are
    not known may turn.
    """
    # Most services are no assistant's, and bill none.
    never = {name: (nw.lit(0, dtype=nw.Int64), int) for name in ("assistant_low", "assistant_high")}
    some = (nw.col("assistant_rows") > 0) | (nw.col("assistant_units_billed") > 0)
    longer = nw.col("unit_basis").is_in(list(billed.LONGER_THAN_A_DAY))
    lines = lines.with_columns(of_both=nw.lit(False))
    lines = engine.some(lines, longer, _with_both, ("of_both",))
    lines = engine.amended(lines, some, _OF_BOUNDS, _bounds, never)
    return lines.drop("service_assistant_minutes", "assistant_logged", "of_both", *_BARE)


def _with_both(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Whether therapists and assistants had sessions of the code, of a month's in that month."""
    month = nw.col("date").dt.year() * 12 + nw.col("date").dt.month()
    month = nw.when(nw.col("unit_basis") == "month").then(month).otherwise(0)
    lines = lines.with_columns(month=month)
    window = ("patient", "discipline", "code", "month")
    theirs = nw.col("assistant_rows").sum().over(*window)
    every = nw.col("counted_rows").sum().over(*window)
    lines = lines.with_columns(of_both=(theirs > 0) & (theirs < every))
    return lines.drop("month")


_BARE = ("bare_rows", "bare_assistant_rows")
_OF_BOUNDS = (
    "therapist_rest", "assistant_rest", "units_unjudged", "assistant_policy", "by_quarters",
    "de_minimis_percent", "assistant_midpoint", "service_units", "service_assistant_units",
    "assistant_whole", "service_assistant_minutes", "minutes", "assistant_ms", "counted_ms",
    "pooled", "unit_minutes", "rule_unit_minutes", "has_add_on", "units", "billed", "moved",
    "unminuted_rows", "discipline", "unit_basis", "counted_rows", "assistant_rows", "of_both",
    *_BARE,
)  # fmt: skip


def _bounds(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    t, a, left = nw.col("therapist_rest"), nw.col("assistant_rest"), nw.col("units_unjudged")
    old = nw.col("assistant_policy") < 2022
    by_quarters, share = nw.col("by_quarters"), nw.col("de_minimis_percent")
    midpoint, units = nw.col("assistant_midpoint"), nw.col("service_units")
    due, certain = nw.col("service_assistant_units"), nw.col("assistant_whole")
    # Step by step: an expression that stands in several others is made anew in each of them.
    minutes = nw.col("service_assistant_minutes"), nw.col("minutes"), share
    one, two = old & _near_share(a, a + t, share), old | (t <= midpoint) | (a <= midpoint)
    joint = (nw.col("assistant_ms") > 0) & (nw.col("assistant_ms") < nw.col("counted_ms"))
    lines = lines.with_columns(
        by_seconds=_exceeds(nw.col("assistant_ms"), nw.col("counted_ms"), share),
        by_minutes=_exceeds(*minutes),
        near=_near_share(*minutes),
        loose=((left == 1) & one) | ((left >= 2) & two),
        joint=joint,
    )
    by_seconds, joint = nw.col("by_seconds"), nw.col("joint")
    lines = lines.with_columns(
        whole=old | nw.col("near") | (by_seconds != nw.col("by_minutes")),
        as_a_whole=nw.when(by_seconds).then(units).otherwise(0),
        odd_unit=_by_own_unit() & joint & (nw.col("assistant_policy") > 0),
    )

    def bound(in_doubt: Any, left_over: nw.Expr, of_both: nw.Expr) -> nw.Expr:
        judged = nw.when("whole").then(in_doubt).otherwise(due)
        by_blocks = nw.when("loose").then(left_over).when("odd_unit").then(of_both).otherwise(due)
        return nw.when(by_quarters).then(by_blocks).otherwise(judged)

    most, as_a_whole = nw.min_horizontal(certain + left, units), nw.col("as_a_whole")
    lines = lines.with_columns(
        low=bound(0, certain, nw.min_horizontal(due, as_a_whole)),
        high=bound(units, most, nw.max_horizontal(due, as_a_whole)),
    )
    two_codes, mine = nw.col("has_add_on"), nw.col("units")
    low, high = nw.col("low"), nw.col("high")
    # Units of a tie that are billed with the other code: all are of whoever furnished it alone, and
    # of two who did only those that neither furnished whole are in doubt.
    moved, whole_ms = nw.col("moved"), nw.col("counted_ms")
    of_one = moved & ~two_codes & ~joint & (whole_ms > 0)
    judged = nw.col("discipline").is_in(list(ASSISTANT)) & (nw.col("assistant_policy") > 0)
    of_two = moved & ~two_codes & joint & by_quarters & judged
    not_whole = mine - (units - left - certain)
    all_units = nw.when((nw.col("assistant_ms") > 0) & judged).then(mine).otherwise(0)
    spared, most = nw.max_horizontal(low - (units - mine), nw.lit(0)), nw.min_horizontal(mine, high)
    lines = lines.with_columns(
        low=nw.when(two_codes).then(spared).when(of_one).then(all_units)
        .when(of_two).then(certain).otherwise(low),
        high=nw.when(two_codes).then(most).when(of_one).then(all_units)
        .when(of_two).then(not_whole).otherwise(high),
        told=of_one | of_two,
    )  # fmt: skip
    unsure = (two_codes & ~by_quarters & joint) | (moved & ~nw.col("told"))
    unsure = unsure | (nw.col("unminuted_rows") > 0)
    widest = nw.max_horizontal(mine, nw.col("billed"))
    by_both = (nw.col("assistant_rows") > 0) & (nw.col("assistant_rows") < nw.col("counted_rows"))
    bare, theirs = nw.col("bare_rows") > 0, nw.col("bare_assistant_rows") > 0
    each = by_both & (widest > 1) & ((nw.col("assistant_ms") > 0) | theirs)
    each = each | nw.col("of_both") | (nw.col("counted_rows") == 0)
    unsure = unsure | (told_by_log() & each)
    # Minutes that are not known can only lower the assistant's share, or raise it.
    judged = by_both & ((nw.col("unit_basis") == "day") | told_by_log())
    low = nw.when(judged & bare).then(0).otherwise(low)
    high = nw.when(judged & theirs).then(widest).otherwise(high)
    lines = lines.with_columns(unsure=unsure.fill_null(True) | high.is_null() | low.is_null())
    never = nw.col("assistant_policy") == 0
    least = nw.when(never | nw.col("unsure")).then(0).otherwise(low)
    most = nw.when(never).then(0).when("unsure").then(widest).otherwise(high)
    return lines.with_columns(
        assistant_low=least.cast(nw.Int64), assistant_high=most.cast(nw.Int64)
    ).drop(_STEPS_OF_BOUNDS)


_STEPS_OF_BOUNDS = (
    "by_seconds", "by_minutes", "near", "loose", "joint", "whole", "as_a_whole", "odd_unit",
    "low", "high", "unsure", "told",
)  # fmt: skip


def _exceeds(assistant: nw.Expr, both: nw.Expr, share: nw.Expr) -> nw.Expr:
    """The assistant's time is more than the share, in per cent, of all."""
    return assistant * 100 > both * share


def _near_share(assistant: nw.Expr, both: nw.Expr, share: nw.Expr) -> nw.Expr:
    """Above the share exactly, but not by a rounded short-cut."""
    above = _exceeds(assistant, both, share)
    by_percent = assistant * 200 >= both * (2 * share + 1)
    by_tenth = assistant >= (both + 5) // 10 + 1
    return above & ~(by_percent & by_tenth)


def parts(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Part a code into its plain and its modified claim line (``modified`` 0 and 1).

    Each line keeps its own ``units``; ``assistant_units`` are those units on the modified line.
    """
    assistant, units = nw.col("assistant_units"), nw.col("units")
    some = assistant > 0
    frame = lines.with_columns(whole=some & (assistant == units), code_units=units)
    frame = engine.repeated(frame, some & (assistant != units).fill_null(True), "modified")
    whole = nw.when(nw.col("whole")).then(1).otherwise(nw.col("modified"))
    frame = frame.with_columns(modified=whole.cast(nw.Int64)).drop("whole")
    modified = nw.col("modified") == 1
    return frame.with_columns(
        units=nw.when(modified).then(assistant).otherwise(units - assistant),
        assistant_units=nw.when(modified).then(assistant).otherwise(0),
    )


def bundled_apart(
    sessions: nw.LazyFrame[Any], pairs: nw.LazyFrame[Any], on: tuple[str, ...]
) -> nw.LazyFrame[Any]:
    """Codes that 59 may unbundle: ``on`` (whose visit, and whose payer), code, column1.

    ``pairs``: column1, column2 of bundled codes with indicator 1, and logged1, logged2, each code
    whose rows they are billed from. A column 2 code is suggested only if every row of both has
    clock times that are no mere window and none coincide.
    Authority: NCCI procedure-to-procedure edits, which hold for a quarter only.
    """
    exact = nw.col("in_sweep") & (nw.col("length_ms") == nw.col("end_ms") - nw.col("start_ms"))
    rows = sessions.select(*on, "start_ms", "end_ms", logged2="code", vague=(~exact).cast(nw.Int64))
    first = rows.rename(
        {"logged2": "logged1", "start_ms": "start_1", "end_ms": "end_1", "vague": "vague_1"}
    )
    second = rows.join(pairs.rename({"column2": "code"}), on="logged2", how="inner")
    both = second.join(first, on=[*on, "logged1"], how="inner")
    meet = (nw.col("start_ms") < nw.col("end_1")) & (nw.col("start_1") < nw.col("end_ms"))
    vague = nw.col("vague") + nw.col("vague_1")
    both = both.with_columns(
        doubt=nw.when(meet).then(1).otherwise(0).fill_null(1).cast(nw.Int64) + vague
    )
    pair = both.group_by(*on, "code", "column1").agg(nw.col("doubt").max())
    return pair.filter(nw.col("doubt") == 0).drop("doubt")


def beside(
    lines: nw.LazyFrame[Any], apart: nw.LazyFrame[Any], on: tuple[str, ...]
) -> nw.LazyFrame[Any]:
    """Add ``beside``, the code that a line may need 59 for: see `bundled_apart`.

    Null unless both codes have units: a code without any is on no claim.
    """
    lines = engine.settled(lines)
    billed = lines.filter(nw.col("units") > 0).select(*on, column1="code").unique()
    pairs = apart.join(billed, on=[*on, "column1"], how="inner")
    least = pairs.group_by(*on, "code").agg(nw.col("column1").min().alias("beside"))
    lines = lines.join(least, on=[*on, "code"], how="left")
    return lines.with_columns(beside=nw.when(nw.col("units") > 0).then("beside"))


OWN_CHARGES = (
    "assistant_units_billed", "assistant_charge_cents", "billed_rows", "charge_rows",
    "uncharged_rows", "refused_rows",
)  # fmt: skip


def own_charges(lines: nw.LazyFrame[Any], rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add OWN_CHARGES, of `billed.CHARGES`: what the log's ``rows`` charge for a code's two lines.

    Null but of codes with units both with and without CQ or CO.
    """
    if not engine.is_eager(lines):
        lines = engine.settled(lines)  # used twice
    assistant = nw.col("assistant_units")
    both = (assistant > 0) & (assistant < nw.col("units")) & ~nw.col("charge_cents").is_null()

    def of_rows(few: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        theirs = engine.settled(engine.among(rows, few, ("patient", "date")))
        charged = billed.charged(billed.with_marks(theirs))
        said = engine.grouped(charged, CODE_KEY, **billed.CHARGES).select(*CODE_KEY, *OWN_CHARGES)
        few = few.drop(OWN_CHARGES).join(said, on=list(CODE_KEY), how="left")
        return few.with_columns(**{name: nw.when(both).then(name) for name in OWN_CHARGES})

    needs = (*CODE_KEY, "assistant_units", "units", "charge_cents")
    nothing = (nw.lit(None, dtype=nw.Int64), int)
    none = dict.fromkeys(OWN_CHARGES, nothing)
    return engine.amended(lines, both.fill_null(False), needs, of_rows, none)


def says(modifier: str) -> nw.Expr:
    """Whether a row bills the modifier."""
    return nw.col("modifiers_billed").cast(nw.String).str.contains(modifier)


def discipline_said() -> nw.Expr:
    """The discipline that GP, GO or GN says, the last of several; blank for none."""
    said = nw.lit("")
    for discipline, modifier in DISCIPLINE.items():
        said = nw.when(says(modifier)).then(nw.lit(discipline)).otherwise(said)
    return said


def one_discipline() -> nw.Expr:
    """The same, blank for several too."""
    one = nw.sum_horizontal(*(says(own).cast(nw.Int64) for own in DISCIPLINE.values())) == 1
    return nw.when(one).then(discipline_said()).otherwise(nw.lit(""))


def with_disciplines(sessions: nw.LazyFrame[Any], timed_codes: Sequence[str]) -> nw.LazyFrame[Any]:
    """Rows of a blank discipline with the one that GP, GO or GN says, where a day has several.

    A blank one is a value of its own, but minutes of two disciplines are none of one pool. Only of
    patients' days on which each such row of ``timed_codes`` says one: others may be of that pool.
    """

    def told(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        own = nw.col("discipline").cast(nw.String)
        rows = rows.with_columns(said=nw.when(own == "").then(one_discipline()), own=own)
        silent = (nw.col("said") == "") & nw.col("code").cast(nw.String).is_in(list(timed_codes))
        flags = {"": silent, **{name: nw.col("said") == name for name in DISCIPLINE}}
        for name, flag in flags.items():
            rows = engine.touched(rows, flag, ("patient", "date"), f"says {name}")
        here = (nw.col(f"says {name}").cast(nw.Int64) for name in DISCIPLINE)
        several = nw.sum_horizontal(*here) > 1
        apart = (nw.col("said") != "").fill_null(False) & several & ~nw.col("says ")
        rows = rows.with_columns(discipline=nw.when(apart).then("said").otherwise("own"))
        return rows.drop("said", "own", *(f"says {name}" for name in flags))

    if not engine.is_eager(sessions):
        return told(sessions) if "" in engine.distinct(sessions, "discipline") else sessions
    return engine.some(sessions, nw.col("discipline") == "", told, ("discipline",))


# What a log may say of a line that nothing in it proves: distinct, and the patient's liability.
_UNPROVEN = (*billed.DISTINCT.split("|"), *billed.EXCLUDED.split("|"))
_TOLD_BY_MINUTES = frozenset(ASSISTANT.values())  # see `assistant_units`


def borne(sessions: nw.LazyFrame[Any], on: tuple[str, ...]) -> nw.LazyFrame[Any] | None:
    """Which modifiers the log has for a code that its lines may lack: ``on``, says_KX and so on.

    1 where it has one, else 0 or null. KX, those that nothing proves, such as 59, those of another
    discipline than the row's, and all that say something else, such as 95. Only codes that may have
    any; None where the whole log has none.
    """
    keys = ["modifiers_billed", "discipline"]
    names = tuple(dict.fromkeys((*on, *keys)))
    rows = engine.stepwise(sessions)(sessions, _unlike_their_line, names)
    rows = engine.settled(rows)
    if engine.is_empty(rows):
        return None
    pairs = engine.collect(engine.plain(rows.select(*keys).unique())).to_dict(as_series=False)
    texts, disciplines = (pairs[name] for name in keys)
    found = [_lacking(*pair) for pair in zip(texts, disciplines, strict=True)]
    here = set().union(*found)
    if not here:
        return None
    names = ("KX", *_UNPROVEN, *sorted(here - {"KX", *_UNPROVEN}))
    table: engine.Columns = {"modifiers_billed": texts, "discipline": disciplines}
    for name in names:
        table[billed.says(name)] = [int(name in lacking) for lacking in found]
    types: dict[str, type] = dict.fromkeys(table, int) | dict.fromkeys(keys, str)
    rows = engine.looked_up(rows, table, types, keys)
    return rows.group_by(*on).agg(nw.col(*map(billed.says, names)).max())


def _unlike_their_line(sessions: nw.LazyFrame[Any], names: Sequence[str]) -> nw.LazyFrame[Any]:
    """The rows whose modifiers may not all be their line's: all of `_lacking`, a few others.

    Of each its columns ``names``.
    """
    text, own = nw.col("modifiers_billed").cast(nw.String), DISCIPLINE.values()
    usual = "|".join((*own, *_TOLD_BY_MINUTES))
    others = {
        f"not {name}": text.str.contains("|".join(other for other in own if other != modifier))
        for name, modifier in DISCIPLINE.items()
    }
    more = text.str.replace_all(usual, "").str.contains("[A-Z0-9]")
    rows = engine.told_by(sessions, "modifiers_billed", {**others, "more": more})
    stray = nw.lit(False)
    for name in DISCIPLINE:
        stray = nw.when(nw.col("discipline") == name).then(f"not {name}").otherwise(stray)
    return rows.filter((nw.col("more") | stray).fill_null(False)).select(*names)


def _lacking(text: str, discipline: str) -> set[str]:
    """The modifiers of a row that a line may lack, see `borne`.

    Those that this program knows, and others where every word of the text is like one. Without a
    discipline no line of the log has its modifier.

    >>> sorted(_lacking("GP95, 59 CQ", "PT")), sorted(_lacking("GN 95", "PT")), _lacking("GP", "PT")
    (['59'], ['95', 'GN'], set())
    >>> [_lacking(text, "PT") for text in ("GP OK TO BILL", "PT", "03/02/26")], _lacking("GP", "")
    ([set(), set(), set()], set())
    """
    known = {"KX", *_UNPROVEN, *DISCIPLINE.values(), *_TOLD_BY_MINUTES}
    words = set(re.findall("[A-Z0-9]+", text))
    said = billed.modifiers_in(text) & known
    if all(_LIKE_ONE.fullmatch(word) or billed.modifiers_in(word) <= known for word in words):
        said |= {word for word in words if len(word) == 2} - set(DISCIPLINE)
    own = {DISCIPLINE[discipline]} if discipline else set(DISCIPLINE.values())
    return said - _TOLD_BY_MINUTES - own


_LIKE_ONE = re.compile("[A-Z][A-Z0-9]|2[2-9]|[3-9][0-9]")


def uncarried(
    lines: nw.LazyFrame[Any], borne: nw.LazyFrame[Any], on: tuple[str, ...]
) -> nw.LazyFrame[Any]:
    """Add ``uncarried``: which modifiers of the log (see `borne`) a line has not; null for none.

    Needs payer_part_b, kx_bucket, kx_threshold_cents, needs_kx, beside and modified.
    """
    lines = engine.settled(lines)
    key = (*on, "modified")
    needs = ("payer_part_b", "kx_bucket", "kx_threshold_cents", "needs_kx", "beside")
    few = lines.select(*key, *needs).join(borne, on=list(on), how="inner")
    kx = nw.when((nw.col("says_KX") == 1) & ~nw.col("needs_kx")).then(_without_kx())
    told = billed.says("")
    others = (name.removeprefix(told) for name in borne.columns if name.startswith(told))
    # 59 comes first, and is the only one that a line may have of itself.
    missing = {name: nw.col(billed.says(name)) == 1 for name in others if name != "KX"}
    missing["59"] = missing["59"] & nw.col("beside").is_null()
    names = [
        nw.when(here).then(nw.lit(f", {name}")).otherwise(nw.lit(""))
        for name, here in missing.items()
    ]
    few = few.with_columns(kx_said=kx, names=nw.concat_str(names).str.slice(2))
    carried = nw.concat_str([nw.col("names"), nw.lit(" in the log, not carried over")])
    few = few.with_columns(others=nw.when(nw.col("names") != "").then(carried))
    both = nw.concat_str([nw.col("kx_said"), nw.lit("; "), nw.col("others")])
    said = nw.coalesce(both, nw.col("kx_said"), nw.col("others"))
    return lines.join(few.select(*key, uncarried=said), on=list(key), how="left")


def _without_kx() -> nw.Expr:
    """Why a line has no KX."""
    day = nw.col("date").dt.to_string("%Y-%m-%d")
    return (
        nw.when(~nw.col("payer_part_b"))
        .then(nw.lit("KX in the log; this payer has no KX threshold"))
        .when(nw.col("kx_bucket") == "")
        .then(nw.lit("KX in the log; without a discipline no KX threshold is checked"))
        .when(nw.col("kx_threshold_cents").is_null())
        .then(nw.concat_str([nw.lit("KX in the log; no KX threshold on "), day]))
        .otherwise(
            nw.lit("KX in the log; this log and --prior do not pass the threshold by this line")
        )
    )


def text(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``modifiers``: discipline, CQ or CO, KX, 59 (suggested), parted by one blank.

    Needs discipline, modified, needs_kx and beside (the bundled code, null for none).
    """
    discipline = nw.lit("")
    for name, modifier in DISCIPLINE.items():
        here = nw.col("discipline") == name
        discipline = nw.when(here).then(nw.lit(modifier)).otherwise(discipline)
    lines = engine.told_by(lines, "discipline", {"modifiers": discipline})
    more = (nw.col("modified") == 1) | nw.col("needs_kx") | ~nw.col("beside").is_null()
    needs = ("discipline", "modified", "needs_kx", "beside")
    return engine.amended(lines, more, needs, _more, {"modifiers": (nw.col("modifiers"), str)})


def _more(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Behind the discipline's modifier the others of a line."""
    assistant = nw.lit("")
    for name, modifier in ASSISTANT.items():
        here = (nw.col("discipline") == name) & (nw.col("modified") == 1)
        assistant = nw.when(here).then(nw.lit(f" {modifier}")).otherwise(assistant)
    kx = nw.when(nw.col("needs_kx")).then(nw.lit(" KX")).otherwise(nw.lit(""))
    apart = nw.when(~nw.col("beside").is_null()).then(nw.lit(" 59")).otherwise(nw.lit(""))
    text = nw.concat_str([nw.col("modifiers"), assistant, kx, apart])
    return lines.with_columns(modifiers=text.str.strip_chars())
