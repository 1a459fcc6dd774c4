"""Dates and clock times of a log to instants: each distinct text is read once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import checks, decoding, engine, times
from calc.cells import Facts, Known, by_values, read_all, read_each
from calc.errors import InputError

# Frames and spreadsheets keep a day as a stamp at midnight, of whatever zone.
MIDNIGHT = r"([T ]0?0:00(:00(\.0+)?)?(Z|[+-]\d\d(:?\d\d)?)?| +12:00(:00(\.0+)?)? ?[Aa]\.?[Mm]\.?)$"

# A clock time without an offset behind a day.
_NAIVE = (
    r"[T ,]+(([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?"
    r"|(0?[1-9]|1[0-2]):[0-5]\d(:[0-5]\d([.,]\d+)?)? ?[AaPp]\.? ?[Mm]\.?)$"
)

# The day from which databases and spreadsheets count: in front of a clock time it says nothing.
_DAY_ZERO = r"^(1899-12-3[01]|12/3[01]/1899|1904-01-01|0?1/0?1/1904)[T ]+"


def day_facts(column: str, where: str, chosen: str, stamps: bool = False) -> Facts:
    """{column}_day (days since 1970), {column}_date and {column}_fault of a column of dates.

    The order of month and day is the one chosen, or the one that the column itself tells; raises
    InputError where it does not. ``stamps``: a clock time without an offset may stand behind the
    day and says nothing, as where a log has a start of its own.
    """

    def facts(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        values = values.with_columns(_day_text(column, stamps).alias(f"{column}_day_text"))
        values = _days(values, f"{column}_day_text", column, where, chosen)
        return checks.alone(column, values).drop(f"{column}_day_text")

    types = {f"{column}_day": int, f"{column}_date": date, f"{column}_fault": int}
    return Known(facts, types, (None, None, 0))


def _day_text(column: str, stamps: bool) -> nw.Expr:
    """What of a cell's text is a date: all of it, or what a clock time begins with."""
    text = nw.col("text")
    if column == "date":
        day = text.str.replace_all(MIDNIGHT, "")
        return day.str.replace_all(_NAIVE, "") if stamps else day
    text = text.str.replace_all(_DAY_ZERO, "")
    dated = text.str.contains(times.DATE_FIRST)
    return nw.when(dated).then(text.str.replace_all(times.SPLIT, "${1}")).otherwise(nw.lit(""))


def _days(
    values: nw.LazyFrame[Any], text: str, column: str, where: str, chosen: str
) -> nw.LazyFrame[Any]:
    """Add the days of a text column; the order of month and day holds for the whole column."""

    def read(texts: list[str]) -> list[tuple[int | None, date | None]]:
        order = date_order([text for text in texts if text], column, where, chosen)
        return [told(text, order) for text in texts]

    def told(text: str, order: str) -> tuple[int | None, date | None]:
        day = times.read_any_date(text, order)
        return (day.toordinal() - times.EPOCH if day else None), day

    types = {f"{column}_day": int, f"{column}_date": date}
    facts = Known(lambda days: read_all(days, read, types), types, (None, None))
    return by_values(values, [(text, facts)])[0]


def date_order(texts: list[str], column: str, where: str, chosen: str) -> str:
    """The order of dates with slashes: as chosen, or as the column's own dates tell.

    InputError where they do not.
    """
    if chosen:
        return chosen
    orders = times.date_orders(texts)
    if len(orders) == 1:
        _require_whole(texts, column, where)
        return orders.pop()
    shown = min(times.slashed(texts))
    what = "could be month or day first" if orders else "and others are in two orders"
    raise InputError(
        f'{column}: dates such as "{shown}" {what}',
        where,
        "say --date-order mdy or dmy, or write YYYY-MM-DD",
    )


def _require_whole(texts: list[str], column: str, where: str) -> None:
    """InputError where a spreadsheet may have read some dates of a workbook in its own order.

    What has no day above 12 in that order it made a date, with month and day exchanged; all others
    it left as they were.
    """
    slashed, typed = times.slashed(texts), [text for text in texts if re.match(_YEAR_FIRST, text)]
    if where.rpartition(".")[2].lower() not in decoding.WORKBOOKS or not slashed or not typed:
        return
    beyond = all(max(map(int, re.findall(r"\d+", text)[:2])) > 12 for text in slashed)
    if beyond and all(int(text[8:10]) <= 12 for text in typed):
        what = f'{column}: "{min(slashed)}" is text and "{min(typed)[:10]}" a date of the workbook'
        hint = "month and day of the latter may be exchanged: write all of them as YYYY-MM-DD"
        raise InputError(what, where, hint)


_YEAR_FIRST = r"\d{4}-\d\d-\d\d"


def order_of(
    cells: nw.LazyFrame[Any], name: str, column: str, where: str, stamps: bool = False
) -> str:
    """The order of month and day in date, start or end, told by all its cells under ``name``.

    ``stamps`` and InputError as in `day_facts`.
    """
    told = []

    def look(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        days = engine.distinct(values.select(day=_day_text(column, stamps)), "day")
        told.append(date_order([day for day in days if day], column, where, ""))
        return values.with_columns(looked_at=nw.lit(True))

    by_values(cells.select(name), [(name, look)])
    return told[0]


def order_cells(cells: nw.LazyFrame[Any], name: str, column: str) -> nw.LazyFrame[Any]:
    """The cells of a text column that could tell its order, with as little else as may be.

    A year first tells nothing, nor does the clock behind a date.
    """
    cells = cells.select(name).filter(~nw.col(name).str.contains(r"^\s*\d{4}"))
    if column != "date":
        zero = r"^\s*(12/3[01]/1899|0?1/0?1/1904)[T ]"
        cells = cells.filter(~nw.col(name).str.contains(zero))
        cells = cells.with_columns(nw.col(name).str.replace_all(r"^(\d[^\sT,]*)[\sT,].*$", "${1}"))
    return cells.unique()


def clock_facts(column: str, where: str, chosen: str) -> Facts:
    """Of `start` or `end`: {column}_day and _date (null without), _clock_ms, _offset (from UTC,
    null if not said), _halved (AM or PM), _open (could be either) and _fault.
    """

    def facts(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        text = nw.col("text").str.replace_all(_DAY_ZERO, "")
        dated = text.str.contains(times.DATE_FIRST)
        clock_part = text.str.replace_all(times.SPLIT, "${2}")
        values = values.with_columns(
            _day_text(column, stamps=False).alias(f"{column}_day_text"),
            nw.when(dated).then(clock_part).otherwise(text).alias("clock"),
            text.alias(f"{column}_text"),
        )
        values = _days(values, f"{column}_day_text", column, where, chosen)
        values, _ = by_values(values, [("clock", _clock(column))])
        return checks.alone(column, values).drop(f"{column}_day_text", f"{column}_text", "clock")

    days = {f"{column}_day": int, f"{column}_date": date}
    clock = {f"{column}_{name}": kind for name, kind in _CLOCK.items()}
    types = {**days, **clock, f"{column}_fault": int}
    return Known(facts, types, (None, None, None, None, False, False, 0))


_CLOCK: dict[str, type] = {"clock_ms": int, "offset": int, "halved": bool, "open": bool}


def _clock(column: str) -> Facts:
    def read(text: str) -> tuple[int | None, int | None, bool, bool]:
        clock, offset = times.read_clock(text) or (None, None)
        halved = clock is not None and times.is_halved(text)
        hour = -1 if clock is None else clock // times.MINUTE // 60
        # A spreadsheet's own cells of time come as 09:05:00 and count 24 hours.
        counted = re.fullmatch(r"\d\d:\d\d:\d\d.*", text) is not None
        return clock, offset, halved, not halved and not counted and 1 <= hour <= 12

    return lambda values: read_each(values, read, {f"{column}_{n}": t for n, t in _CLOCK.items()})


def instants(frame: nw.LazyFrame[Any], known: dict[str, Any], zone: str) -> nw.LazyFrame[Any]:
    """Add date, start_ms and end_ms (UTC where an offset or zone is known), and past_midnight.

    ``offset_ms`` leads from start_ms back to the clock on the wall; ``two_offsets``: another one
    does from end_ms. A session belongs to the date on which it began, in the ``zone`` if one is
    given. ``known`` is what holds for all rows.
    """
    dated = known.get("start_date", "") is not None
    frame = frame.with_columns(
        date=nw.coalesce("start_date", "date_date") if dated else nw.col("date_date"),
        start_day=nw.coalesce("start_day", "date_day") if dated else nw.col("date_day"),
    ).with_columns(end_day=nw.coalesce("end_day", "start_day"))
    offsets = ("start_offset", "end_offset")
    naive = all(known.get(name, 0) is None for name in offsets)
    frame = frame.with_columns(one_offset=_of_one_end() if dated and not naive else nw.lit(False))
    # An offset at one end holds for both: `09:00-06:00` to `09:47`; but see `_of_one_end`.
    frame = frame.with_columns(
        nw.when("one_offset").then(own).otherwise(nw.coalesce(own, other)).alias(own)
        for own, other in (offsets, offsets[::-1])
    )
    if zone and dated and not naive:
        frame = _on_the_wall(frame, zone)
    if zone:
        frame = _zone_offsets(frame, zone)
    start_offset, end_offset = (nw.col(name).fill_null(0) for name in offsets)
    start = nw.col("start_day") * times.DAY + nw.col("start_clock_ms")
    end = nw.col("end_day") * times.DAY + nw.col("end_clock_ms")
    naive = naive and not zone
    return frame.with_columns(
        start_ms=start if naive else start - start_offset,
        end_ms=end if naive else end - end_offset,
        offset_ms=nw.lit(0, dtype=nw.Int64) if naive else start_offset.cast(nw.Int64),
        two_offsets=nw.lit(False) if naive else start_offset != end_offset,
        past_midnight=(
            (nw.col("end_day") > nw.col("start_day")) & (nw.col("end_clock_ms") > 0)
        ).fill_null(False),
    )


def _of_one_end() -> nw.Expr:
    """Start and end are stamps with dates of their own, and one of them alone is in UTC.

    Another offset is the clinic's own, and holds for both.
    """
    dated = ~nw.col("start_date").is_null() & ~nw.col("end_date").is_null()
    alone = nw.col("start_offset").is_null() != nw.col("end_offset").is_null()
    return dated & alone & (nw.coalesce("start_offset", "end_offset") == 0)


SEVERAL_DAYS = "several days"  # no heading: those of a log stand under numbers


def with_several_days(
    frame: nw.LazyFrame[Any], first: str, last: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Add SEVERAL_DAYS: the day in ``last`` is after that in ``first``, columns of dates.

    In whatever order of month and day both can be read.
    """
    own = {name: f"{SEVERAL_DAYS} {number}" for number, name in enumerate((first, *last))}
    frame, _ = by_values(frame, [(name, _both_orders(new)) for name, new in own.items()])
    several = nw.lit(False)
    for name in last:
        one, other = (
            nw.col(f"{own[name]} {order}") > nw.col(f"{own[first]} {order}") for order in _ORDERS
        )
        # Where one order cannot read both, the other tells alone.
        later = nw.coalesce(one, other) & nw.coalesce(other, one)
        several = several | later.fill_null(False)
    frame = frame.with_columns(several.alias(SEVERAL_DAYS))
    return frame.drop(*(f"{new} {order}" for new in own.values() for order in _ORDERS))


_ORDERS = ("mdy", "dmy")


def _both_orders(name: str) -> Facts:
    """Days since 1970 of texts, read in each order of month and day, under ``name`` and that."""

    def read(text: str) -> tuple[int | None, ...]:
        day = re.sub(MIDNIGHT, "", text)
        dates = (times.read_any_date(day, order) for order in _ORDERS)
        return tuple(found.toordinal() - times.EPOCH if found else None for found in dates)

    return lambda texts: read_each(texts, read, {f"{name} {order}": int for order in _ORDERS})


@dataclass(frozen=True)
class Kinds:
    """Which clock times the rows of a file have, where no zone is given."""

    offset: bool = False  # one at least has an offset
    plain: bool = False  # and one none
    offset_row: int | None = None  # the first of each
    plain_row: int | None = None
    column: str = ""  # the heading of their start
    utc: bool = False  # a date of service is told by a stamp in UTC alone


def said_times(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """What `kinds` is told of rows that are used, in one row.

    Needs start_ms and said_offset, null where neither end of a row has one.
    """
    timed, plain = ~nw.col("start_ms").is_null(), nw.col("said_offset").is_null()
    return rows.select(
        offset=(timed & ~plain).cast(nw.Int64).max(),
        plain=(timed & plain).cast(nw.Int64).max(),
        offset_row=nw.when(timed & ~plain).then(nw.col("row")).min(),
        plain_row=nw.when(timed & plain).then(nw.col("row")).min(),
        utc=(timed & (nw.col("said_offset") == 0)).cast(nw.Int64).max(),
    )


def kinds(said: nw.LazyFrame[Any], column: str, dated: bool) -> Kinds:
    """The kinds of clock times that `said_times` found; ``column``: the heading of their start.

    ``dated``: the log has a date beside its start.
    """
    ((offset, bare, offset_row, plain_row, utc),) = engine.collect(said).iter_rows()
    utc = bool(utc) and not dated
    return Kinds(bool(offset), bool(bare), offset_row, plain_row, column, utc)


def without_spoilt(frame: nw.LazyFrame[Any], faults: list[int]) -> nw.LazyFrame[Any]:
    """Take the instants from rows whose clock times do not exist or exist twice.

    What is left is the difference on the wall clock, as the row's minutes: it may be an hour
    wrong, so it proves no overlap, and they are ``doubtful`` unless the log has its own. Of a time
    that exists twice they may be more (``may_be_longer``), of one that does not only fewer.
    """
    spoilt = nw.col("fault").is_in(faults)
    wall = (nw.col("end_day") - nw.col("start_day")) * times.DAY + (
        nw.col("end_clock_ms") - nw.col("start_clock_ms")
    )
    minutes = nw.coalesce(nw.col("given_ms"), nw.when(wall >= 0).then(wall))
    doubtful = spoilt & nw.col("given_ms").is_null()
    twice = (nw.col("start_spoilt") == "twice") | (nw.col("end_spoilt") == "twice")
    return frame.with_columns(
        given_ms=nw.when(spoilt).then(minutes).otherwise(nw.col("given_ms")),
        start_ms=nw.when(~spoilt).then(nw.col("start_ms")),
        end_ms=nw.when(~spoilt).then(nw.col("end_ms")),
        doubtful=doubtful,
        may_be_longer=doubtful & twice,
    )


def _on_the_wall(frame: nw.LazyFrame[Any], zone: str) -> nw.LazyFrame[Any]:
    """Stamps with date and offset as the clocks of the zone show them.

    An evening may be the next day in UTC, but not where the patient was.
    """
    stamped = ~nw.col("start_date").is_null() & ~nw.col("start_offset").is_null()
    of_end = nw.when("one_offset").then(~nw.col("end_offset").is_null()).otherwise(stamped)
    frame = frame.with_columns(start_stamped=stamped, end_stamped=of_end)

    def there(name: str) -> Facts:
        def read(text: str) -> tuple[int | None, int | None, int | None]:
            day = _day(text)
            return times.utc_day(zone, day) if day else (None, None, None)

        types = dict.fromkeys((f"{name}_before", f"{name}_after", f"{name}_change"), int)
        return lambda values: read_each(values, read, types)

    for name in ("start", "end"):
        clock, offset = nw.col(f"{name}_clock_ms"), nw.col(f"{name}_offset")
        instant = nw.col(f"{name}_day") * times.DAY + clock - offset
        frame = frame.with_columns(instant=instant, utc_day=instant // times.DAY)
        frame, _ = by_values(frame, [("utc_day", there(name))])
        early = nw.col("instant") % times.DAY < nw.col(f"{name}_change")
        own = nw.when(early).then(nw.col(f"{name}_before")).otherwise(nw.col(f"{name}_after"))
        own = nw.when(f"{name}_stamped").then(own)
        frame = frame.with_columns(own=nw.coalesce(own, offset))
        wall = nw.when(f"{name}_stamped").then(nw.col("instant") + nw.col("own"))
        frame = frame.with_columns(wall=wall).with_columns(
            nw.coalesce(nw.col("wall") // times.DAY, nw.col(f"{name}_day")).alias(f"{name}_day"),
            nw.coalesce(nw.col("wall") % times.DAY, clock).alias(f"{name}_clock_ms"),
            nw.col("own").alias(f"{name}_offset"),
        )
    dates = lambda values: read_each(  # noqa: E731
        values, lambda text: (_day(text),), {"date_there": date}
    )
    frame, _ = by_values(frame, [("start_day", dates)])
    return frame.with_columns(date=nw.when("start_stamped").then("date_there").otherwise("date"))


def _day(text: str) -> date | None:
    """The day of so many days since 1970; None for a blank and outside of the calendar."""
    number = int(text) + times.EPOCH if text else 0
    return date.fromordinal(number) if 1 <= number <= date.max.toordinal() else None


def _zone_offsets(frame: nw.LazyFrame[Any], zone: str) -> nw.LazyFrame[Any]:
    """Fill missing offsets from the zone; mark wall times that do not exist or exist twice."""

    def facts(name: str) -> Facts:
        def read(text: str) -> tuple[int | None, int | None, int | None, int | None, str | None]:
            day = _day(text)
            if not day:
                return None, None, None, None, None
            runs = times.zone_day(zone, day)
            return runs.before, runs.after, runs.spoilt_from, runs.spoilt_until, runs.kind

        types = {"before": int, "after": int, "from": int, "until": int, "kind": str}
        return lambda values: read_each(values, read, {f"{name}_{n}": t for n, t in types.items()})

    frame, _ = by_values(frame, [(f"{name}_day", facts(name)) for name in ("start", "end")])
    for name in ("start", "end"):
        clock, offset = nw.col(f"{name}_clock_ms"), nw.col(f"{name}_offset")
        first, until = nw.col(f"{name}_from"), nw.col(f"{name}_until")
        spoilt = offset.is_null() & (clock >= first) & (clock < until)
        zoned = nw.when(clock < first).then(nw.col(f"{name}_before"))
        frame = frame.with_columns(
            nw.when(offset.is_null())
            .then(zoned.otherwise(nw.col(f"{name}_after")))
            .otherwise(offset)
            .alias(f"{name}_offset"),
            nw.when(spoilt)
            .then(nw.col(f"{name}_kind"))
            .otherwise(nw.lit(""))
            .alias(f"{name}_spoilt"),
        )
    return frame
