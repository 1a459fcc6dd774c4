"""Clock text to instants and minutes: formats, midnight, clock changes, who was busy until when.

Instants and lengths are whole milliseconds, so that minutes with decimals (2.33 + 5.67 = 8) and
stamps with fractions of a second add up exactly. Where an offset or a zone is known an instant is
UTC and lengths are elapsed time; a naive log is counted on its wall clock.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.schema import POOL, ROW_ORDER, total

SECOND = 1000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
EPOCH = date(1970, 1, 1).toordinal()

# A stamp that begins with a date, and its two parts.
_DATE = (
    r"(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{8}"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ,]+\d{4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4})"
)
DATE_FIRST = rf"^{_DATE}([T ,]|$)"
SPLIT = rf"^({_DATE})[T ,]*(.*)$"

_FARTHEST_OFFSET = 14 * 60  # minutes: no place is farther from UTC
_ISO = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})")
_SLASHED = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_WRITTEN = (
    (re.compile(r"\d{8}"), ("YYYYMMDD",)),
    (re.compile(r"\d{1,2} [a-z]{3,9} \d{4}"), ("D MMM YYYY", "D MMMM YYYY")),
    (re.compile(r"[a-z]{3,9} \d{1,2} \d{4}"), ("MMM D YYYY", "MMMM D YYYY")),
)
_CLOCK = re.compile(
    r"(\d{1,2}):?(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp])?\.?\s?(?:[Mm]\.?)?"
    r"\s*(Z|[+-]\d{2}(?::?\d{2})?)?"
)


def read_date(text: str, order: str = "mdy") -> date | None:
    """A day from `2026-03-02` or, in the ``order`` "mdy" or "dmy", `3/2/2026`; or None."""
    if found := _ISO.fullmatch(text):
        year, month, day = int(found[1]), int(found[3]), int(found[4])
    elif found := _SLASHED.fullmatch(text):
        month, day, year = int(found[1]), int(found[3]), int(found[4])
        if order == "dmy":
            month, day = day, month
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_written_date(text: str) -> date | None:
    """A day with its month in letters, `Mar 2, 2026` or `2-Mar-2026`, or `20260302`; or None."""
    plain = re.sub(r"[-,. ]+", " ", text.strip()).lower()
    plain = re.sub(r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]* ", "", plain).replace("sept ", "sep ")
    for pattern, forms in _WRITTEN:
        if pattern.fullmatch(plain):
            import pendulum

            for form in forms:
                with contextlib.suppress(ValueError):
                    return pendulum.from_format(plain.title(), form).date()
    return None


def read_any_date(text: str, order: str = "mdy") -> date | None:
    """A day as `read_date` or `read_written_date` reads it; or None."""
    return read_date(text, order) or read_written_date(text)


def slashed(texts: Iterable[str]) -> list[str]:
    """The dates whose order of month and day is a matter of country, and that are dates."""
    return [text for text in texts if read_date(text, "mdy") or read_date(text, "dmy")
            if _SLASHED.fullmatch(text)]  # fmt: skip


def date_orders(texts: Iterable[str]) -> set[str]:
    """Which of "mdy" and "dmy" read every date with slashes; both where nothing tells."""
    found = slashed(texts)
    orders = {order for order in ("mdy", "dmy") if all(read_date(text, order) for text in found)}
    same = all(read_date(text, "mdy") == read_date(text, "dmy") for text in found)  # 3/3/2026
    return {"mdy"} if same else orders


_HOUR = re.compile(r"(\d{1,2})\s*([AaPp])\.?\s?[Mm]\.?")


def is_halved(text: str) -> bool:
    """Whether a clock text says AM or PM."""
    return re.search(r"\d\s*[AaPp]", text) is not None


def read_clock(text: str) -> tuple[int, int | None] | None:
    """Milliseconds since midnight and the offset from UTC (None if not said), or None.

    >>> read_clock("09:05"), read_clock("0905"), read_clock("9:05 PM"), read_clock("25:10")
    ((32700000, None), (32700000, None), (75900000, None), None)
    """
    if found := _HOUR.fullmatch(text):
        text = f"{found[1]}:00 {found[2]}m"
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[5]:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if found[5] in "Pp" else 0)
    elif re.search("[Mm]", text):
        return None
    if hours > 24 or minutes > 59 or seconds > 59:
        return None
    fraction = int(found[4][:3].ljust(3, "0")) if found[4] else 0
    if found[6] and len(found[6]) == 3 and not found[3]:
        return None  # "09:00-05" may be a span; databases write "09:00:00-05"
    if found[6] and _read_offset(found[6]) is None:
        return None
    clock = ((hours * 60 + minutes) * 60 + seconds) * SECOND + fraction
    if clock > DAY:
        return None
    return clock, _read_offset(found[6])


def _read_offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    rest = int(text[3:].removeprefix(":") or 0)
    minutes = int(text[1:3]) * 60 + rest
    if minutes > _FARTHEST_OFFSET or rest > 59:
        return None
    return (-minutes if text[0] == "-" else minutes) * MINUTE


@dataclass(frozen=True)
class ZoneDay:
    """A day in a zone: the offset before and after a clock change, and the wall times it spoils.

    On an ordinary day both offsets are equal. Wall times in ``[spoilt_from, spoilt_until)`` do
    not exist (``kind`` "missing") or exist twice ("twice").
    """

    before: int
    after: int
    spoilt_from: int
    spoilt_until: int
    kind: str


@lru_cache(maxsize=4096)
def zone_day(zone: str, day: date) -> ZoneDay:
    """How ``zone`` runs on ``day``; ValueError if there is no such zone."""
    midnight = (day.toordinal() - EPOCH) * 86400
    try:
        _offset(zone, 0)
    except Exception as error:  # pendulum raises its own, zoneinfo's and plain ValueErrors
        raise ValueError(f'"{zone}" is no time zone') from error
    first = midnight - _offset(zone, midnight - 86400)
    # From just before the day to its last second; offsets change at whole minutes.
    start, end = first - 1, midnight + 86399 - _offset(zone, midnight + 2 * 86400)
    before, after = _offset(zone, start), _offset(zone, end)
    if before == after:
        return ZoneDay(before * SECOND, after * SECOND, DAY, DAY, "")
    local = _change(zone, start, end) + before - midnight
    shift = after - before
    spoilt = sorted((local, local + shift))
    kind = "missing" if shift > 0 else "twice"
    return ZoneDay(before * SECOND, after * SECOND, spoilt[0] * SECOND, spoilt[1] * SECOND, kind)


@lru_cache(maxsize=4096)
def utc_day(zone: str, day: date) -> tuple[int, int, int]:
    """The zone's offset as ``day`` begins in UTC and as it ends, and when in it they change."""
    midnight = (day.toordinal() - EPOCH) * 86400
    before, after = _offset(zone, midnight), _offset(zone, midnight + 86399)
    change = DAY // SECOND
    if before != after:
        change = _change(zone, midnight, midnight + 86399) - midnight
    return before * SECOND, after * SECOND, change * SECOND


# So far from the ends of the calendar every zone has a date.
_EARLIEST, _LATEST = ((day.toordinal() - EPOCH) * 86400 for day in (date(1, 1, 3), date.max))
_LATEST -= 2 * 86400


def _change(zone: str, start: int, end: int) -> int:
    """The instant between two at which the zone's offset is another; offsets change at minutes."""
    before = _offset(zone, start)
    while end - start > 60:
        middle = (start + end) // 2 // 60 * 60
        start, end = (middle, end) if _offset(zone, middle) == before else (start, middle)
    return end // 60 * 60


def _offset(zone: str, instant: int) -> int:
    """Seconds of the zone from UTC; at either end of the calendar those a few days further in."""
    import pendulum

    instant = min(max(instant, _EARLIEST), _LATEST)
    return int(pendulum.from_timestamp(instant, tz=zone).utcoffset().total_seconds())  # type: ignore[union-attr]


# --- expressions ---------------------------------------------------------------------------


def with_lengths(sessions: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``length_ms``, what a row alone would count, and ``in_sweep``: it has clock times.

    Needs start_ms, end_ms (null without clock times), given_ms (minutes as logged, or null) and
    counts (false for students and aides). Of minutes and clock times the smaller counts.
    """
    span = nw.col("end_ms") - nw.col("start_ms")
    given = nw.col("given_ms")
    length = nw.when(span.is_null() | (given < span)).then(given).otherwise(span)
    return sessions.with_columns(
        length_ms=nw.when(nw.col("counts")).then(length).otherwise(0).fill_null(0),
        in_sweep=nw.col("counts") & ~span.is_null(),
    )


def apart(sessions: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``counted_ms``, ``therapist_ms`` and ``logged_twice`` of rows that share no time."""
    own = nw.when(nw.col("role") != "assistant").then(nw.col("length_ms")).otherwise(0)
    return sessions.with_columns(
        counted_ms=nw.col("length_ms"), therapist_ms=own, logged_twice=nw.lit(False)
    )


def count_once(
    sessions: nw.LazyFrame[Any],
    crowded: nw.LazyFrame[Any],
    before: engine.Change | None = None,
    again: nw.Expr | None = None,
) -> nw.LazyFrame[Any]:
    """Add ``counted_ms`` and ``therapist_ms``: each minute of a patient once.

    Authority: MCPM ch. 5 s. 20.2; BPM ch. 15 s. 230 (co-treatment does not double time).
    Needs the columns of `with_lengths`, patient, lane, service, role and those of ROW_ORDER;
    ``crowded`` are the patients of `crowded_patients`. ``lane`` is "" for one-on-one rows, which
    exclude one another over codes and clinicians; any other row shares its lane only with rows
    of its own service.

    Where rows coincide the shared minutes stay with the row that began first. A row with minutes
    and clock times counts the smaller of the two; its clock times are then only a window, and
    windows conflict only where the minutes of all rows do not fit into their union. ``before``:
    what may change ``length_ms`` of the crowded patients' rows first, such as `unmeasured`.
    ``again``: rows that may stand in the log twice, ``logged_twice``: those that surely do, see
    `_without_repeats`.
    """

    def shared(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return _share_runs(apart(before(rows)) if before else rows, again)

    sessions = engine.marked(apart(sessions), crowded, "patient", "crowded")
    changed = (*_SHARED, "length_ms") if before else _SHARED
    return engine.some(sessions, nw.col("crowded"), shared, changed).drop("crowded")


def unmeasured(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows with a ``length_ms`` of 0 where clock times are the visit's and nobody wrote minutes.

    Codes whose units no minutes tell need none, and many exports print the visit's time in and out
    on every row. So it is where another row of the patient has the same times and fewer minutes, or
    where one clinician has several such codes at the very same times: the first code keeps them.
    Needs untimed, given_ms and clinician beside the columns of `count_once`.
    """
    lasts = nw.col("end_ms") - nw.col("start_ms")
    one_on_one = nw.col("in_sweep") & (nw.col("lane") == "")
    bare = one_on_one & nw.col("untimed") & nw.col("given_ms").is_null()
    visit = ("patient", "lane", "start_ms", "end_ms")
    windows = one_on_one & (nw.col("length_ms") < lasts)
    rows = engine.touched(rows, windows, visit, "windowed").with_columns(bare=bare)
    first = nw.col("service").min().over(*visit, "clinician", "bare")
    idle = nw.col("bare") & (nw.col("windowed") | (nw.col("service") != first))
    length = nw.when(idle.fill_null(False)).then(0).otherwise(nw.col("length_ms"))
    return rows.with_columns(length_ms=length.cast(nw.Int64)).drop("bare", "windowed")


_SHARED = ("counted_ms", "therapist_ms", "logged_twice")


def _share_runs(sessions: nw.LazyFrame[Any], again: nw.Expr | None) -> nw.LazyFrame[Any]:
    def share(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return _share(rows, again)

    runs = engine.some(with_runs(sessions), nw.col("run_rows") > 1, share, _SHARED)
    return runs.drop("run_rows")


def with_runs(sessions: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``run_rows``: how many rows of a lane run on into one another; rows apart have 1."""
    end = nw.when(nw.col("in_sweep")).then(nw.col("end_ms")).otherwise(nw.col("start_ms"))
    rows = sessions.with_columns(until=end.fill_null(0))
    rows = engine.stretches(rows, _LANE, ROW_ORDER, "until", "run", "run_rows")
    return rows.drop("until", "run")


def _share(sessions: nw.LazyFrame[Any], again: nw.Expr | None) -> nw.LazyFrame[Any]:
    rows = sweep(sessions, nw.col("in_sweep"), "counted_ms")
    if again is not None:
        rows = _without_repeats(rows, again)
    own = nw.when(nw.col("role") != "assistant").then(nw.col("counted_ms")).otherwise(0)
    return _with_joint_time(rows.with_columns(therapist_ms=own))


def _without_repeats(rows: nw.LazyFrame[Any], again: nw.Expr) -> nw.LazyFrame[Any]:
    """Swept rows with a ``counted_ms`` of 0 where a row is ``logged_twice``.

    Two rows of the same minutes within one window may be two runs. Where the windows have no room
    for the second beside all others it is the first once more, as a row without gaps is, and
    takes no minutes from other codes.
    """
    window = nw.col("in_sweep") & (nw.col("length_ms") < nw.col("end_ms") - nw.col("start_ms"))
    lost = window & (nw.col("length_ms") > nw.col("counted_ms"))
    rows = engine.touched(rows, lost, _LANE, "short")

    def alone(few: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        few = few.with_columns(same_ms=nw.col("given_ms").fill_null(-1))
        few = engine.placed(few, _THE_SAME, ("file", "row")).drop("same_ms")
        second = nw.when(window & (nw.col("turn") > 1) & again).then(1).otherwise(0)
        second = second.cast(nw.Int64)
        few = few.with_columns(second=second).drop("turn", "counted_ms")
        few = sweep(few, nw.col("in_sweep"), "counted_ms", _SECOND_LAST)
        no_room = nw.col("length_ms") - nw.col("counted_ms") >= MINUTE
        # Of a visit that stands there twice some of the rows may find room: they are no runs.
        few = engine.touched(few, (nw.col("second") == 1) & no_room, _VISIT, "no_room")
        few = few.with_columns(logged_twice=(nw.col("second") == 1) & nw.col("no_room"))
        few = few.drop("counted_ms", "no_room")
        once = nw.col("in_sweep") & ~nw.col("logged_twice")
        return sweep(few, once, "counted_ms", _SECOND_LAST)

    return engine.some(rows, nw.col("short"), alone, ("counted_ms", "logged_twice")).drop("short")


def _with_joint_time(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add to ``therapist_ms`` what an assistant's row of the service, begun before, has of a row.

    Both were there: the time is the therapist's. What a row loses to other services is nobody's.
    """
    rows = engine.settled(engine.placed(rows, _LANE, ROW_ORDER, "place"))
    theirs = nw.col("in_sweep") & (nw.col("role") == "assistant") & (nw.col("counted_ms") > 0)
    full = nw.col("length_ms") == nw.col("end_ms") - nw.col("start_ms")
    assistants = rows.filter(theirs).select(
        *_OF_SERVICE,
        # What a row without gaps still gets lies at its end.
        has_from=nw.when(full).then(nw.col("end_ms") - nw.col("counted_ms")).otherwise("start_ms"),
        has_until="end_ms",
        has_place="place",
    )
    once = nw.col("in_sweep") & ~nw.col("logged_twice")
    mine = rows.filter(once & (nw.col("role") != "assistant"))
    long_ago = nw.lit(-(2**50), dtype=nw.Int64)
    mine = mine.with_columns(full_end=nw.when(full).then(nw.col("end_ms")).otherwise(long_ago))
    mine = engine.within(mine, _OF_SERVICE, ROW_ORDER, highest={"own_busy": "full_end"})
    mine = engine.within(mine, _OF_SERVICE, ROW_ORDER, earlier={"own_earlier": "own_busy"})
    begins = nw.max_horizontal("start_ms", nw.col("own_earlier").fill_null(long_ago))
    both = mine.join(assistants, on=list(_OF_SERVICE), how="inner").with_columns(
        joint_ms=nw.min_horizontal("end_ms", "has_until") - nw.max_horizontal(begins, "has_from")
    )
    both = both.filter((nw.col("has_place") < nw.col("place")) & (nw.col("joint_ms") > 0))
    joint = both.group_by(*_LANE, "place").agg(total("joint_ms"))
    rows = rows.join(joint, on=[*_LANE, "place"], how="left")
    lost = nw.col("length_ms") - nw.col("counted_ms")
    again = nw.min_horizontal(nw.col("joint_ms").fill_null(0), lost)
    more = nw.when(nw.col("role") != "assistant").then(again).otherwise(0)
    return rows.with_columns(therapist_ms=nw.col("therapist_ms") + more).drop("place", "joint_ms")


_LANE = ("patient", "lane")
_VISIT = (*_LANE, "clinician", "start_ms", "end_ms")
_THE_SAME = (*_VISIT, "role", "discipline", "code", "same_ms")
_SECOND_LAST = (ROW_ORDER[0], "second", *ROW_ORDER[1:])
_OF_SERVICE = (*_LANE, *POOL[1:], "service")  # one pool's: what counts together


def crowded_patients(sessions: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Patients with rows of one lane that share time: only they need the full sweep."""
    busy = sessions.filter(nw.col("in_sweep"))
    return engine.overlapped(busy, _LANE, "start_ms", "end_ms").select("patient").unique()


def sweep(
    sessions: nw.LazyFrame[Any],
    takes_part: nw.Expr,
    name: str,
    order: tuple[str, ...] = ROW_ORDER,
) -> nw.LazyFrame[Any]:
    """Walk each lane in order of start and give every row what of its time is still free."""
    long_ago = -(2**50)
    full = nw.col("part") & (nw.col("length_ms") == nw.col("end_ms") - nw.col("start_ms"))
    end = nw.when(nw.col("part")).then(nw.col("end_ms")).otherwise(long_ago)
    full_end = nw.when(full).then(nw.col("end_ms")).otherwise(long_ago)

    def over(expression: nw.Expr, *more: str) -> nw.Expr:
        return expression.over(*_LANE, *more, order_by=order)

    frame = sessions.with_columns(part=takes_part)
    frame = frame.with_columns(
        busy=over(end.cum_max()), full_busy=over(full_end.cum_max())
    ).with_columns(
        earlier=over(nw.col("busy").shift(1)).fill_null(long_ago),
        full_earlier=over(nw.col("full_busy").shift(1)).fill_null(long_ago),
    )
    start, stop = nw.col("start_ms"), nw.col("end_ms")
    frame = frame.with_columns(
        fresh=nw.when(~nw.col("part") | (stop <= nw.col("earlier")))
        .then(0)
        .otherwise(stop - nw.max_horizontal(start, nw.col("earlier"))),
        # Full intervals exclude one another minute by minute, windows only as a sum.
        wanted=nw.when(~nw.col("part"))
        .then(0)
        .when(~full)
        .then(nw.col("length_ms"))
        .when(stop <= nw.col("full_earlier"))
        .then(0)
        .otherwise(stop - nw.max_horizontal(start, nw.col("full_earlier"))),
        opens=(nw.col("part") & (start >= nw.col("earlier"))).cast(nw.Int64),
    ).with_columns(cluster=over(nw.col("opens").cum_sum()).cast(nw.Int64))
    frame = frame.with_columns(
        room=over(nw.col("fresh").cum_sum(), "cluster").cast(nw.Int64),
        asked=over(nw.col("wanted").cum_sum(), "cluster").cast(nw.Int64),
    ).with_columns(slack=nw.col("room") - nw.col("asked"))
    # sum_i = min(sum_{i-1} + wanted_i, room_i) in closed form.
    frame = frame.with_columns(least=over(nw.col("slack").cum_min(), "cluster"))
    frame = frame.with_columns(
        sum_ms=nw.col("asked") + nw.min_horizontal(nw.col("least"), nw.lit(0))
    )
    frame = frame.with_columns(before=over(nw.col("sum_ms").shift(1), "cluster").fill_null(0))
    frame = frame.with_columns(
        nw.when(nw.col("part"))
        .then(nw.col("sum_ms") - nw.col("before"))
        .when(nw.col("in_sweep"))
        .then(0)
        .otherwise(nw.col("length_ms"))
        .alias(name)
    )
    return frame.drop(
        "part", "busy", "full_busy", "earlier", "full_earlier", "fresh", "wanted", "opens",
        "cluster", "room", "asked", "slack", "least", "sum_ms", "before",
    )  # fmt: skip
