"""Dates and clock times of a log to instants: each distinct text is read once."""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, times
from calc.cells import joined, number
from calc.errors import InputError

# Frames and spreadsheets keep a day as a stamp at midnight.
MIDNIGHT = r"[T ]0?0:00(:00(\.0+)?)?(Z|[+]00:?00)?$"


def with_instants(
    frame: nw.LazyFrame[Any], source: str, zone: str, date_order: str
) -> nw.LazyFrame[Any]:
    """Add date, start_ms, end_ms and given_ms to a log's texts; null where a text is none.

    Raises InputError where the dates' order of month and day cannot be told.
    """
    midnight = nw.col("date_text").str.replace_all(MIDNIGHT, "")
    frame = engine.settled(_split_stamps(frame.with_columns(date_text=midnight)))
    return _instants(_clocks(frame, source, date_order), zone)


def _split_stamps(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Part `start` and `end` into the text of the date and the text of the clock."""
    parts: dict[str, nw.Expr] = {}
    for name in ("start", "end"):
        text = nw.col(f"{name}_text")
        dated = text.str.contains(times.DATE_FIRST)
        parts[f"{name}_date"] = (
            nw.when(dated).then(text.str.replace_all(times.AFTER_DATE, "")).otherwise(nw.lit(""))
        )
        clock = text.str.replace_all(times.BEFORE_CLOCK, "")
        parts[f"{name}_clock"] = nw.when(dated).then(clock).otherwise(text)
    return frame.with_columns(**parts)


def _date_order(texts: list[str], source: str, chosen: str) -> str:
    """The order of dates with slashes: as chosen, or as the log's own dates tell."""
    if chosen:
        return chosen
    orders = times.date_orders(texts)
    if len(orders) == 1:
        return orders.pop()
    shown = next(text for text in texts if "/" in text)
    what = "could be month or day first" if orders else "and others are in two orders"
    raise InputError(
        f'dates such as "{shown}" {what}',
        source,
        "say --date-order mdy or dmy, or write YYYY-MM-DD",
    )


def _clocks(frame: nw.LazyFrame[Any], source: str, date_order: str) -> nw.LazyFrame[Any]:
    """Add day numbers, clocks and offsets of date, start and end: each distinct text read once."""
    stamps = ("date_text", "start_date", "end_date")
    days = [text for text in engine.distinct(frame, *stamps) if text]
    order = _date_order(days, source, date_order)
    read_days = [times.read_date(text, order) for text in days]
    for name in stamps:
        table: engine.Columns = {
            name: days,
            f"{name}_day": [day.toordinal() - times.EPOCH if day else None for day in read_days],
            f"{name}_value": read_days,
        }
        frame = joined(frame, name, table, dict(zip(table, (str, int, date), strict=True)))
    clocks = [text for text in engine.distinct(frame, "start_clock", "end_clock") if text]
    read_clocks = [times.read_clock(text) or (None, None) for text in clocks]
    for name in ("start_clock", "end_clock"):
        table = {
            name: clocks,
            f"{name}_ms": [clock for clock, _ in read_clocks],
            f"{name}_offset": [offset for _, offset in read_clocks],
        }
        frame = joined(frame, name, table, dict.fromkeys(table, int) | {name: str})
    return frame


def _instants(frame: nw.LazyFrame[Any], zone: str) -> nw.LazyFrame[Any]:
    """Add date, start_ms, end_ms (UTC where an offset or zone is known), given_ms, total_ms,
    past_midnight.

    A session belongs to the date on which it began.
    """
    frame = frame.with_columns(
        date=nw.coalesce("start_date_value", "date_text_value"),
        start_day=nw.coalesce("start_date_day", "date_text_day"),
        given_ms=number("minutes_text", 3) * (times.MINUTE // 1000),
        total_ms=number("total_minutes_text", 3) * (times.MINUTE // 1000),
    ).with_columns(
        end_day=nw.when(nw.col("end_date") != "")
        .then(nw.col("end_date_day"))
        .otherwise(nw.col("start_day")),
    )
    if zone:
        frame = _zone_offsets(frame, zone)
    else:
        frame = frame.with_columns(start_spoilt=nw.lit(""), end_spoilt=nw.lit(""))
    # An offset at one end holds for both: `09:00-06:00` to `09:47`.
    start_offset = nw.coalesce("start_clock_offset", "end_clock_offset").fill_null(0)
    end_offset = nw.coalesce("end_clock_offset", "start_clock_offset").fill_null(0)
    return frame.with_columns(
        start_ms=nw.col("start_day") * times.DAY + nw.col("start_clock_ms") - start_offset,
        end_ms=nw.col("end_day") * times.DAY + nw.col("end_clock_ms") - end_offset,
        past_midnight=(
            (nw.col("end_day") > nw.col("start_day")) & (nw.col("end_clock_ms") > 0)
        ).fill_null(False),
    )


def without_spoilt(frame: nw.LazyFrame[Any], faults: list[int]) -> nw.LazyFrame[Any]:
    """Take the instants from rows whose clock times do not exist or exist twice.

    What is left is the difference on the wall clock, as the row's minutes: it may be an hour
    wrong, so it proves no overlap.
    """
    spoilt = nw.col("fault").is_in(faults)
    wall = (nw.col("end_day") - nw.col("start_day")) * times.DAY + (
        nw.col("end_clock_ms") - nw.col("start_clock_ms")
    )
    minutes = nw.coalesce(nw.col("given_ms"), nw.when(wall >= 0).then(wall))
    return frame.with_columns(
        given_ms=nw.when(spoilt).then(minutes).otherwise(nw.col("given_ms")),
        start_ms=nw.when(~spoilt).then(nw.col("start_ms")),
        end_ms=nw.when(~spoilt).then(nw.col("end_ms")),
    )


def _zone_offsets(frame: nw.LazyFrame[Any], zone: str) -> nw.LazyFrame[Any]:
    """Fill missing offsets from the zone; mark wall times that do not exist or exist twice."""
    days = [day for day in engine.distinct(frame, "start_day", "end_day") if day is not None]
    read = [times.zone_day(zone, date.fromordinal(day + times.EPOCH)) for day in days]
    for name in ("start", "end"):
        table: engine.Columns = {
            f"{name}_day": days,
            "before": [day.before for day in read],
            "after": [day.after for day in read],
            "spoilt_from": [day.spoilt_from for day in read],
            "spoilt_until": [day.spoilt_until for day in read],
            "kind": [day.kind for day in read],
        }
        types = dict.fromkeys(table, int) | {"kind": str}
        frame = joined(frame, f"{name}_day", table, types)
        clock, offset = nw.col(f"{name}_clock_ms"), nw.col(f"{name}_clock_offset")
        spoilt = (
            offset.is_null() & (clock >= nw.col("spoilt_from")) & (clock < nw.col("spoilt_until"))
        )
        zoned = nw.when(clock < nw.col("spoilt_from")).then(nw.col("before"))
        frame = frame.with_columns(
            nw.when(offset.is_null())
            .then(zoned.otherwise(nw.col("after")))
            .otherwise(offset)
            .alias(f"{name}_clock_offset"),
            nw.when(spoilt).then(nw.col("kind")).otherwise(nw.lit("")).alias(f"{name}_spoilt"),
        ).drop("before", "after", "spoilt_from", "spoilt_until", "kind")
    return frame
