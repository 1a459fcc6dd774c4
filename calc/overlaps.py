"""Who was with whom at the same time: clashes of patients, clinicians, codes and groups.

Authority: MCPM ch. 5 s. 20.2 (one-on-one minutes), BPM ch. 15 s. 230 (joint and group treatment).
Two intervals that touch do not overlap; a minute does. Only rows that share time with another are
compared in pairs. Every table has one line per later-starting row, its earliest partner beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, times
from calc.schema import row_of, told_by_log, total

_KEPT = (
    "file", "row", "patient", "clinician", "role", "discipline", "provider", "payer", "date",
    "code", "service", "lane", "start_ms", "end_ms", "given_ms", "lost_ms", "full", "role_blank",
    "unit_basis",
)  # fmt: skip
TWIN, CLINICIANS, CODES = 1, 2, 3
RULE_OF = {TWIN: "T103", CLINICIANS: "T102", CODES: "T104"}
CLASH = (
    "file", "row", "patient", "clinician", "role", "discipline", "provider", "payer", "date",
    "code", "start_ms", "end_ms", "file_2", "row_2", "clinician_2", "code_2", "start_ms_2",
    "end_ms_2", "shared_ms", "lost_ms", "kind", "one_team", "two_payers", "taken_ms",
    "more_minutes", "more_codes", "more_rows",
)  # fmt: skip


_HOUR = 60 * times.MINUTE
_AT_ONCE = 1_000_000  # pairs held in memory, about
# Rows of 24 hours touch at most 25: (how many a row touches, how many after its first).
_TOUCHED = [(hours, later) for hours in range(1, 26) for later in range(hours)]


def _of_hours(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Each row once for every ``hour`` that it touches, so that pairs join on equal hours.

    By days, what one name stands for (a whole clinic's) would be compared each with each.
    """
    first, last = nw.col("start_ms") // _HOUR, (nw.col("end_ms") - 1) // _HOUR
    rows = rows.with_columns(hour=first, hours=last - first + 1)
    hours, later = map(list, zip(*_TOUCHED, strict=True))
    touched = engine.beside(rows, {"hours": hours, "later": later}, {"hours": int, "later": int})
    rows = rows.join(touched, on="hours", how="inner")
    return rows.with_columns(hour=nw.col("hour") + nw.col("later")).drop("hours", "later")


def _pairs(
    rows: nw.LazyFrame[Any],
    others: nw.LazyFrame[Any],
    on: tuple[str, ...],
    kept: tuple[str, ...] = _KEPT,
) -> nw.LazyFrame[Any]:
    """Rows beside those that run while they start; a partner's columns end in ``_2``.

    ``holds_ms``: how much of the time counts for the partner, ``holds_from``: from when on.
    """
    return _beside(rows, _theirs(others, on, kept), on, kept)


def _theirs(
    others: nw.LazyFrame[Any], on: tuple[str, ...], kept: tuple[str, ...]
) -> nw.LazyFrame[Any]:
    """Partners of `_pairs`, once for every hour."""
    others = others.with_columns(holds_from=_holds_from(), holds_ms=nw.col("counted_ms"))
    theirs = _of_hours(others.select(*kept, "holds_from", "holds_ms"))
    return theirs.rename({name: f"{name}_2" for name in kept if name not in on})


def _beside(
    rows: nw.LazyFrame[Any],
    theirs: nw.LazyFrame[Any],
    on: tuple[str, ...],
    kept: tuple[str, ...],
) -> nw.LazyFrame[Any]:
    mine = rows.select(kept).with_columns(hour=nw.col("start_ms") // _HOUR)
    both = mine.join(theirs, on=[*on, "hour"], how="inner").drop("hour")
    start, other = nw.col("start_ms"), nw.col("start_ms_2")
    place = (nw.col("file_2") < nw.col("file")) | (
        (nw.col("file_2") == nw.col("file")) & (nw.col("row_2") < nw.col("row"))
    )
    earlier = (other < start) | ((other == start) & place)
    shared = nw.min_horizontal("end_ms", "end_ms_2") - start
    return both.filter(earlier).with_columns(shared_ms=shared).filter(nw.col("shared_ms") > 0)


def _holds_from() -> nw.Expr:
    """When the time that counts for a row begins: what one without gaps still has lies at its end.

    Where in a window it lies is not known.
    """
    full = nw.col("length_ms") == nw.col("end_ms") - nw.col("start_ms")
    return nw.when(full).then(nw.col("end_ms") - nw.col("counted_ms")).otherwise("start_ms")


def _partners_of(
    rows: nw.LazyFrame[Any],
    others: nw.LazyFrame[Any],
    on: tuple[str, ...],
    clashing: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
    kept: tuple[str, ...] = _KEPT,
) -> nw.LazyFrame[Any]:
    """`_partners` of those of the `_pairs` that are ``clashing``, _AT_ONCE pairs at a time.

    What one name stands for (a whole clinic's) has pairs with the square of an hour's rows.
    """
    theirs = _theirs(others, on, kept)
    if engine.is_eager(theirs):
        theirs = engine.settled(theirs)  # used by every share
        met = theirs.group_by(*on, "hour").agg(nw.len().cast(nw.Int64).alias("met"))
        rows = rows.with_columns(hour=nw.col("start_ms") // _HOUR)
        rows = rows.join(met, on=[*on, "hour"], how="inner")

    def work(share: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return _partners(clashing(_beside(share, theirs, on, kept)))

    return engine.in_shares(rows, "met", _AT_ONCE, work)


def first_of_row(pairs: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Of each row's partners the one of the least ``kind``, then the earliest."""
    order = ("kind", "start_ms_2", "file_2", "row_2")
    pairs = engine.placed(pairs, ("file", "row"), order)
    return pairs.filter(nw.col("turn") == 1).drop("turn")


def _partners(pairs: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """`first_of_row`, and what those of its ``kind`` took of each row all together.

    ``taken_ms``: what they took, or of CODES those with the first one's code; ``more_minutes`` the
    others, whose codes are ``more_codes``. ``more_rows``: those beside the first one that took a
    minute or more, parted by engine.BREAK; in another file than the row's as FILE:ROW.
    """
    order = ("kind", "start_ms_2", "file_2", "row_2")
    pairs = engine.settled(engine.placed(pairs, ("file", "row"), order))
    first = pairs.filter(nw.col("turn") == 1).drop("turn")
    took = nw.min_horizontal("end_ms", "end_ms_2") - nw.max_horizontal("start_ms", "holds_from")
    took = nw.min_horizontal(took, "holds_ms") >= times.MINUTE
    others = pairs.filter((nw.col("turn") > 1) & took)
    if engine.is_empty(others):
        return first.with_columns(
            more_codes=nw.lit(""), more_rows=nw.lit(""),  # in the order of those with others
            taken_ms=nw.min_horizontal("lost_ms", "shared_ms"),
            more_minutes=nw.lit(0, dtype=nw.Int64),
        )  # fmt: skip
    firsts = first.select("file", "row", "kind", first_code="code_2")
    others = others.join(firsts, on=["file", "row", "kind"], how="inner")
    told = _told(engine.collect(engine.plain(others.select(*_OF_OTHERS))))
    types: dict[str, type] = dict.fromkeys(("file", "more_codes", "more_rows"), str)
    types |= dict.fromkeys(("row", "alike_ms", "all_ms"), int)
    table: engine.Columns = {name: told[name].to_list() for name in types}
    first = first.join(engine.beside(first, table, types), on=["file", "row"], how="left")
    alike, every = (
        nw.min_horizontal("lost_ms", nw.max_horizontal("shared_ms", nw.col(name).fill_null(0)))
        for name in ("alike_ms", "all_ms")
    )
    # Partners begin before the row or with it: the longest of them covers what all share with it.
    return first.with_columns(
        taken_ms=alike,
        more_minutes=every // times.MINUTE - alike // times.MINUTE,
        more_codes=nw.col("more_codes").cast(nw.String).fill_null(""),
        more_rows=nw.col("more_rows").cast(nw.String).fill_null(""),
    ).drop("alike_ms", "all_ms")


_OF_OTHERS = (
    "file", "row", "turn", "kind", "shared_ms", "file_2", "row_2", "code_2", "first_code",
)  # fmt: skip


def _told(others: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Further partners, by row: the most they share with it, their codes and rows as text."""
    number = nw.col("row_2").cast(nw.String)
    elsewhere = row_of(nw.col("file_2"), number)
    mine = nw.col("file_2") == nw.col("file")
    alike = (nw.col("kind") != CODES) | (nw.col("code_2") == nw.col("first_code"))
    others = others.sort("file", "row", "turn").with_columns(
        key=nw.concat_str([nw.col("file"), nw.lit(":"), nw.col("row").cast(nw.String)]),
        place=nw.when(mine).then(number).otherwise(elsewhere),
        alike_ms=nw.when(alike).then(nw.col("shared_ms")).otherwise(0),
        other=~alike,
    )
    codes = engine.listed(others.filter(nw.col("other")), "key", "code_2", "more_codes", ", ")
    rows = engine.listed(others, "key", "place", "more_rows", engine.BREAK)
    most = others.group_by("key", "file", "row").agg(
        nw.col("alike_ms").max(), nw.col("shared_ms").max().alias("all_ms")
    )
    return most.join(rows, on="key", how="left").join(codes, on="key", how="left")


def of_patients(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows that lost a minute or more to another row of their patient, and why.

    Needs rows after `times.count_once`, with ``lost_ms`` and ``full`` (no mere window). ``kind``:
    TWIN (the same row again; in a window that has no room for both), CLINICIANS (two at once, not
    a therapist with an assistant of the same discipline), CODES (two one-on-one services on the
    same minutes). Codes by area or extremity may stand in the log for each of several, so that
    they are no twins and no clash of one another. ``one_team``: CLINICIANS who may be therapist
    and assistant, since the log does not say. ``two_payers``: a TWIN for another payer.
    """
    swept = rows.filter(nw.col("in_sweep"))
    lost = swept.filter(nw.col("lost_ms") >= times.MINUTE)
    others = engine.among(swept, lost, ("patient",))
    kept = (*_KEPT, "logged_twice", "units_billed")
    return _partners_of(lost, others, ("patient", "lane"), _clashing, kept)


def _clashing(pairs: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Pairs of `of_patients` with their ``kind``, those that have one."""
    same_who = nw.col("clinician") == nw.col("clinician_2")
    one_field = nw.col("discipline") == nw.col("discipline_2")
    both_fields = ~one_field & (nw.col("discipline") != "") & (nw.col("discipline_2") != "")
    # Where nobody is named, two disciplines are two clinicians.
    unnamed = (nw.col("clinician") == "") & (nw.col("clinician_2") == "")
    named = (nw.col("clinician") != "") & (nw.col("clinician_2") != "")
    two = (named & ~same_who) | (unnamed & both_fields)
    one_assists = (nw.col("role") == "assistant") | (nw.col("role_2") == "assistant")
    joint = one_assists & (nw.col("role") != nw.col("role_2")) & one_field
    billed = [nw.col(name).fill_null(0) for name in ("units_billed", "units_billed_2")]
    by_the_log = told_by_log() & told_by_log("unit_basis_2")
    same_minutes = nw.col("given_ms").fill_null(-1) == nw.col("given_ms_2").fill_null(-1)
    twin = (
        (nw.col("code") == nw.col("code_2"))
        & same_who
        & (nw.col("role") == nw.col("role_2"))
        & (nw.col("start_ms") == nw.col("start_ms_2"))
        & (nw.col("end_ms") == nw.col("end_ms_2"))
        & same_minutes
        & (nw.col("full") | nw.col("logged_twice"))
        & one_field
        & ~by_the_log
    )
    one_on_one = nw.col("lane") == ""
    kind = (
        nw.when(twin)
        .then(TWIN)
        .when(one_on_one & two & ~joint)
        .then(CLINICIANS)
        .when(one_on_one & (nw.col("service") != nw.col("service_2")) & ~by_the_log)
        .then(CODES)
        .otherwise(0)
    )
    # Of a window its minutes are the same again.
    own = nw.when(twin & (nw.col("given_ms") < nw.col("shared_ms"))).then("given_ms")
    pairs = pairs.with_columns(
        kind=kind,
        shared_ms=nw.coalesce(own, nw.col("shared_ms")),
        units_again=nw.when(twin).then(nw.min_horizontal(*billed)).otherwise(0),
        one_team=one_field & (nw.col("role_blank") | nw.col("role_blank_2")).fill_null(False),
        two_payers=nw.col("payer") != nw.col("payer_2"),
    )
    return pairs.filter((nw.col("kind") > 0) & (nw.col("shared_ms") >= times.MINUTE))


def with_own_time(rows: nw.LazyFrame[Any], lost: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``clinician_ms``: a row's one-on-one time of its own clinician, each minute once.

    In joint treatment the minutes count once for the patient, and for both clinicians' days.
    ``lost`` are the patients with rows that lost minutes: only theirs need another sweep.
    """
    rows = engine.marked(rows, lost, "patient", "joint")
    rows = rows.with_columns(clinician_ms=nw.col("counted_ms"))
    return engine.some(rows, nw.col("joint"), _own_time, ("clinician_ms",)).drop("joint")


def _own_time(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    once = nw.col("in_sweep") & ~nw.col("logged_twice")
    theirs = once & (nw.col("lane") == "") & (nw.col("clinician") != "")
    rows = rows.with_columns(
        patient_lane=nw.col("lane"), theirs=theirs, lane=nw.col("clinician"),
        own_ms=nw.col("length_ms"),
    )  # fmt: skip
    rows = engine.some(times.with_runs(rows), nw.col("run_rows") > 1, _swept, ("own_ms",))
    return rows.with_columns(
        lane=nw.col("patient_lane"),
        clinician_ms=nw.when(nw.col("theirs")).then("own_ms").otherwise("counted_ms"),
    ).drop("patient_lane", "theirs", "own_ms", "run_rows")


def _swept(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return times.sweep(rows.drop("own_ms"), nw.col("theirs"), "own_ms")


def by_clinician(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One-on-one rows as the clinician's own time: those that share time with another of them.

    What the clinician's other rows of the patient have taken is gone already. The clinician
    stands as ``patient``, the patient as ``whose``, and a stretch without a gap as ``lane``.
    """
    mine = engine.few_of(rows, _OF_CLINICIANS_TIME, _sharing)
    return mine.with_columns(
        whose=nw.col("patient"), patient=nw.col("clinician"), length_ms=nw.col("clinician_ms")
    ).drop("counted_ms", "therapist_ms", "together")


_OF_CLINICIANS_TIME = (
    "in_sweep", "lane", "clinician", "clinician_ms", "start_ms", "end_ms", "file", "row",
)  # fmt: skip


def _sharing(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One-on-one rows of a clinician's stretches (``lane``) in which more stand ``together``."""
    theirs = nw.col("in_sweep") & (nw.col("lane") == "") & (nw.col("clinician") != "")
    mine = rows.filter(theirs & (nw.col("clinician_ms") > 0)).drop("lane")
    order = ("start_ms", "file", "row")
    mine = engine.stretches(mine, ("clinician",), order, "end_ms", "lane", "together")
    return mine.filter(nw.col("together") > 1)


def lost_to_other_patients(mine: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows of `by_clinician` with ``clinician_lost_ms``, the minutes that another patient has."""
    if engine.is_empty(mine):
        swept = times.apart(mine)
    else:
        swept = times.count_once(mine, mine.select("patient").unique())
    return swept.with_columns(
        clinician_lost_ms=nw.col("length_ms") - nw.col("counted_ms"),
        clinician=nw.col("patient"),
        patient=nw.col("whose"),
        lane=nw.lit(""),
    )


def to_colleagues(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """What rows of a patient get of the minutes that others of them give up, by file and row.

    A row gives up its ``given_up_ms``; ``own_ms``, at its end or anywhere in a window, are of its
    clinician for this patient alone. As much as these minutes come to on the patient's day, each
    counted once, and no more, stands; those who lack some get it in the order of their start. What
    nobody gave up stays whose it was. ``gained_ms``: of each row that gets any.
    """
    left = nw.col("counted_ms") - nw.col("given_up_ms")
    single = rows.filter(nw.col("in_sweep") & nw.col("one_on_one")).with_columns(left_ms=left)
    begins = nw.when("full").then(nw.col("end_ms") - nw.col("own_ms")).otherwise("start_ms")
    there = single.filter(nw.col("own_ms") > 0).with_columns(
        began_ms=nw.col("start_ms"), start_ms=begins, length_ms=nw.col("own_ms")
    )
    day, order = ("patient", "date"), ("start_ms", "began_ms", "file", "row")
    swept = times.sweep(engine.settled(there), nw.lit(True), "fits_ms", order)
    kept = single.group_by(*day).agg(total("left_ms").alias("kept_ms"))
    swept = engine.settled(swept).join(kept, on=list(day), how="left")
    lacks = nw.max_horizontal(nw.col("fits_ms") - nw.col("left_ms"), nw.lit(0))
    swept = swept.with_columns(lacks_ms=lacks.cast(nw.Int64))
    running = {"upto_ms": "lacks_ms"}
    swept = engine.within(swept, day, order, total={"all_ms": "fits_ms"}, running=running)
    free = nw.col("all_ms") - nw.col("kept_ms") - (nw.col("upto_ms") - nw.col("lacks_ms"))
    gained = nw.min_horizontal("lacks_ms", nw.max_horizontal(free, nw.lit(0)))
    return swept.select("file", "row", gained_ms=gained.cast(nw.Int64))


def of_clinicians(swept: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows that lost a minute or more to a row of another patient of the same clinician."""
    lost = swept.filter(nw.col("clinician_lost_ms") >= times.MINUTE)
    lost = lost.with_columns(lost_ms=nw.col("clinician_lost_ms"))
    return _partners_of(lost, swept, ("clinician",), _of_other_patients)


def _of_other_patients(pairs: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    other = nw.col("patient") != nw.col("patient_2")
    pairs = pairs.filter(other & (nw.col("shared_ms") >= times.MINUTE))
    return pairs.with_columns(kind=nw.lit(0))


def group_beside_one_on_one(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """A patient's group and one-on-one rows on the same minutes; windows prove nothing."""
    swept = rows.filter(nw.col("in_sweep") & nw.col("full"))
    group = swept.filter(nw.col("attendance") == "group")
    single = engine.among(swept.filter(nw.col("lane") == ""), group, ("patient",))
    pairs = nw.concat(
        [_pairs(group, single, ("patient",)), _pairs(single, group, ("patient",))], how="vertical"
    )
    # A partner for a minute or more before one for less.
    kind = nw.when(nw.col("shared_ms") >= times.MINUTE).then(0).otherwise(1)
    return first_of_row(pairs.with_columns(kind=kind))


def beside_other_codes(marked: nw.LazyFrame[Any], others: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """``marked`` rows with every row of another service on the same minutes."""
    later = _pairs(marked, others, ("patient",))
    earlier = _pairs(others, marked, ("patient",))
    turned = {name: f"{name}_2" for name in _KEPT if name != "patient"}
    back = {f"{name}_2": name for name in _KEPT if name != "patient"}
    earlier = earlier.rename(turned | back).select(later.columns)
    pairs = nw.concat([later, earlier], how="vertical").with_columns(kind=nw.lit(0))
    same = (nw.col("provider") == nw.col("provider_2")) & (
        nw.col("discipline") == nw.col("discipline_2")
    )
    other = nw.col("service") != nw.col("service_2")
    return pairs.filter(same & other & (nw.col("shared_ms") >= times.MINUTE))


def groups_of_one(group: nw.LazyFrame[Any], late: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Group rows with ``company``: how many rows of group treatment of other patients run then.

    Only those of the same provider. Rows without clock times are taken to run all day, beside the
    rows of their date. ``late``: `beside_other_dates` of all group rows.
    """
    met = _met(_running(group), ("provider", "date"))
    if not engine.is_empty(late):
        of_date = _met(late, ("provider", "date")).with_columns(met=0 - nw.col("met"))
        met = nw.concat([met, _met(late, ("provider",)), of_date], how="vertical")
    company = met.group_by("file", "row").agg(total("met").alias("company"))
    return group.join(company, on=["file", "row"], how="left")


def dates_of_groups(group: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """From when to when a provider's group rows of a date run: ``first``, ``last``."""
    ends = nw.col("begins").min().alias("first"), nw.col("ends").max().alias("last")
    return _clocked(group).group_by("provider", "date").agg(*ends)


def dates_that_meet(dates: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Of `dates_of_groups` those that share time with another of the provider's, as at midnight.

    ``before``: until when the earlier ones run; ``after``: from when on the later ones.
    """
    order = ["first", "date"]
    dates = engine.within(dates, ("provider",), order, highest={"until": "last"})
    dates = engine.within(dates, ("provider",), order, earlier={"before": "until"})
    dates = dates.with_columns(after=nw.col("first").shift(-1).over("provider", order_by=order))
    shared = (nw.col("before") > nw.col("first")) | (nw.col("after") < nw.col("last"))
    return dates.filter(shared.fill_null(False)).select("provider", "date", "before", "after")


def beside_other_dates(group: nw.LazyFrame[Any], meeting: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Group rows that run while others of another date may: of `dates_that_meet`, near midnight.

    Only rows with clock times, and of them what `groups_of_one` needs.
    """
    rows = _clocked(group)
    if engine.is_empty(meeting):
        return rows.head(0)
    near = (nw.col("begins") < nw.col("before")) | (nw.col("ends") > nw.col("after"))
    rows = rows.join(meeting, on=["provider", "date"], how="inner").filter(near.fill_null(False))
    return rows.drop("before", "after")


def _clocked(group: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return _running(group.filter(~nw.col("start_ms").is_null() & ~nw.col("end_ms").is_null()))


def _running(group: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """From when to when rows of group treatment run: ``begins``, ``ends``."""
    begins = nw.col("start_ms").fill_null(-(2**50))
    ends = nw.max_horizontal(nw.col("end_ms").fill_null(2**50), begins + 1)
    return group.select("file", "row", "patient", "provider", "date", begins=begins, ends=ends)


def _met(rows: nw.LazyFrame[Any], among: tuple[str, ...]) -> nw.LazyFrame[Any]:
    """``met``, in two parts of every row: how many rows of other patients run while it does.

    ``among``: what the rows have in common. Rows begun before a row ends, less rows ended before
    it begins, are those it meets: two running sums where pairs would grow with the square of a
    day's rows.
    """
    one, none = nw.lit(1, dtype=nw.Int64), nw.lit(0, dtype=nw.Int64)
    names = ("file", "row", "patient", "provider", "date")
    events = nw.concat(
        [
            rows.select(*names, at="begins", opens=one, closes=none),
            rows.select(*names, at="ends", opens=none, closes=one),
        ],
        how="vertical",
    )
    order = ("at", "opens", "file", "row")
    for name, whose in (("all", ()), ("own", ("patient",))):
        sums = {f"{name}_begun": "opens", f"{name}_ended": "closes"}
        events = engine.within(events, (*among, *whose), order, running=sums)
    begun = nw.col("all_begun") - nw.col("own_begun")
    ended = nw.col("own_ended") - nw.col("all_ended")
    met = nw.when(nw.col("closes") == 1).then(begun).otherwise(ended)
    return events.select("file", "row", met=met)


def started_together(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One-on-one rows with a start and no end, one for each patient of a clinician and start.

    ``patients`` began together; ``turn`` counts them in the log's order, the first one's row is
    the partner of the others. A row of less than a minute had no treatment.
    """
    treated = (nw.col("given_ms") >= times.MINUTE).fill_null(True)
    open_rows = rows.filter(
        (nw.col("attendance") == "one-on-one")
        & (nw.col("mode") != "group")
        & nw.col("counts")
        & (nw.col("clinician") != "")
        & ~nw.col("start_ms").is_null()
        & nw.col("end_ms").is_null()
        & treated
    )
    starts = ("clinician", "date", "start_ms")
    rows = engine.placed(open_rows, (*starts, "patient"), ("file", "row"))
    rows = engine.placed(rows.filter(nw.col("turn") == 1), starts, ("file", "row"))
    first = nw.col("turn") == 1
    marked = rows.with_columns(
        leads=nw.when(first).then(nw.col("row")), leads_file=nw.when(first).then(nw.col("file"))
    )
    return marked.with_columns(
        patients=nw.col("turn").max().over(*starts),
        row_2=nw.col("leads").min().over(*starts),
        file_2=nw.col("leads_file").min().over(*starts),
    )


def twins(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows that repeat patient, clinician, date, code and minutes where no clock times tell.

    Columns as `of_patients` where these have a meaning; ``loose`` marks them among others.
    """
    keys = (
        "patient", "clinician", "role", "date", "discipline", "provider", "payer", "code",
        "given_ms", "begins", "ends",
    )  # fmt: skip
    loose = rows.filter(
        nw.col("counts")
        & ~nw.col("given_ms").is_null()
        & ~(nw.col("in_sweep") & nw.col("full"))
        & ~told_by_log()
    ).with_columns(
        begins=nw.col("start_ms").fill_null(-1), ends=nw.col("end_ms").fill_null(-1)
    )  # fmt: skip
    several = loose.group_by(*keys).agg(nw.len().cast(nw.Int64).alias("times"))
    several = several.filter(nw.col("times") > 1)
    repeated = engine.placed(loose.join(several, on=list(keys), how="inner"), keys, ("file", "row"))
    first = nw.col("turn") == 1
    repeated = repeated.with_columns(
        leads=nw.when(first).then(nw.col("row")), leads_file=nw.when(first).then(nw.col("file"))
    ).with_columns(
        row_2=nw.col("leads").min().over(*keys), file_2=nw.col("leads_file").min().over(*keys)
    )
    return repeated.filter(nw.col("turn") > 1).with_columns(
        kind=nw.lit(TWIN), loose=nw.lit(True), shared_ms=nw.col("given_ms"),
        one_team=nw.lit(False), two_payers=nw.lit(False), taken_ms=nw.col("given_ms"),
        more_minutes=nw.lit(0, dtype=nw.Int64), more_codes=nw.lit(""), more_rows=nw.lit(""),
        **{f"{name}_2": nw.col(name) for name in ("clinician", "code", "start_ms", "end_ms")},
    )  # fmt: skip
