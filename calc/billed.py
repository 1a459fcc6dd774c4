"""What was billed beside what the rules support: units, modifiers and amounts by code and day.

Authority: MCPM ch. 5 s. 20.2 (units), 42 U.S.C. 1395m(v) (CQ, CO), 1395l(g) (KX).
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc.schema import POOL, total

KEY = (*POOL, "code")
DISTINCT = r"(^|[ ,;])(59|XE|XP|XS|XU)([ ,;]|$)"
EXCLUDED = r"(^|[ ,;])(GA|GX|GY|GZ)([ ,;]|$)"  # billed as not covered, for a denial


def has(modifier: str) -> nw.Expr:
    """The row's modifiers hold this one (a pattern)."""
    return nw.col("modifiers_billed").str.contains(rf"(^|[ ,;]){modifier}([ ,;]|$)")


def by_code(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One line per pool and code: what its rows bill, and where its first row stands.

    Adds units_claimed (null where no row bills), assistant_units_billed, units_without_minutes,
    billed_rows, plain_rows, kx_rows, distinct_rows, assistant_marks, uncharged_rows, refused_rows,
    first_file, first_row.
    """
    units = nw.col("units_billed")
    bills = (units > 0).fill_null(False)
    assistant = nw.col("modifiers_billed").str.contains(r"C[QO]")
    distinct = nw.col("modifiers_billed").str.contains(DISTINCT)
    place = nw.col("row").fill_null(0)
    marked = rows.with_columns(
        units_of_assistant=nw.when(assistant).then(units).otherwise(0).fill_null(0),
        # Such a row has no minutes that could support its units.
        units_without=nw.when(nw.col("fault_rule") == "U209").then(units).otherwise(0).fill_null(0),
        bills=bills.cast(nw.Int64),
        unminuted=(nw.col("fault_rule") == "U209").cast(nw.Int64),
        plain=(bills & ~assistant & ~distinct).cast(nw.Int64),
        kx=(bills & has("KX")).cast(nw.Int64),
        apart=(bills & distinct).cast(nw.Int64),
        marks=assistant.cast(nw.Int64),
        # A unit's charge may stand on any of its rows: one that bills and has none leaves a doubt.
        uncharged=(bills & nw.col("charge_cents").is_null()).cast(nw.Int64),
        refused=nw.col("modifiers_billed").str.contains(EXCLUDED).cast(nw.Int64),
        row_order=nw.when(nw.col("documented")).then(place).otherwise(place + 2**40),
    )
    grouped = marked.group_by(*KEY).agg(
        total("units_billed"),
        nw.col("units_billed").count().cast(nw.Int64).alias("unit_rows"),
        total("units_of_assistant"),
        total("units_without"),
        total("unminuted"),
        total("bills"),
        total("plain"),
        total("kx"),
        total("apart"),
        total("marks"),
        total("uncharged"),
        total("refused"),
        nw.col("file").min().alias("first_file"),
        nw.col("row_order").min().alias("first_row"),
        nw.col("clinician").max().alias("someone"),
    )
    return grouped.with_columns(
        units_claimed=nw.when(nw.col("unit_rows") > 0).then(nw.col("units_billed")),
        first_row=nw.col("first_row") % 2**40,
    ).rename(
        {
            "units_of_assistant": "assistant_units_billed",
            "units_without": "units_without_minutes",
            "unminuted": "unminuted_rows",
            "bills": "billed_rows",
            "plain": "plain_rows",
            "kx": "kx_rows",
            "apart": "distinct_rows",
            "marks": "assistant_marks",
            "uncharged": "uncharged_rows",
            "refused": "refused_rows",
        }
    ).drop("unit_rows", "units_billed")  # fmt: skip


def compared(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add to code lines what may be billed: units_low to units_high, and what has support.

    Needs the steps of `counting.count` and the columns of `by_code`. units_claimed becomes
    ``billed`` (0 for none); ``kept_units`` are those that some documented minutes stand behind.
    The allowed allocations: whole units, and one more for a remainder at or above the smallest
    that got a unit.
    """
    rest, cut = nw.col("rest_minutes"), nw.col("cut_minutes")
    given = nw.col("left_units") > 0
    pooled = nw.col("in_pool") & (nw.col("service") == nw.col("code")) & ~nw.col("has_add_on")
    low = nw.col("whole_units") + nw.when(given & (rest > cut)).then(1).otherwise(0)
    high = nw.col("whole_units") + nw.when(given & (rest >= cut)).then(1).otherwise(0)
    billed = nw.col("units_claimed").fill_null(0)
    documented = nw.col("counted_rows") > 0
    unheard = documented & (nw.col("unminuted_rows") >= nw.col("counted_rows"))
    without = nw.when(unheard).then(billed).otherwise(nw.col("units_without_minutes"))
    supported = nw.when(documented).then(billed - without).otherwise(0)
    return lines.with_columns(
        units_without_minutes=without,
        billed=billed,
        kept_units=nw.when(nw.col("unit_basis") == "minutes")
        .then(supported)
        .when(documented)
        .then(billed)
        .otherwise(0),
        units_low=nw.when(pooled).then(low).otherwise(nw.col("units")),
        units_high=nw.when(pooled).then(high).otherwise(nw.col("units")),
        documented_rows=nw.col("counted_rows"),
        # Codes of 1.6a are counted alone, all other timed codes of a pool together.
        day_group=nw.when(nw.col("pooled")).then(nw.lit("")).otherwise(nw.col("service")),
        timed=nw.col("unit_basis") == "minutes",
    )


def split(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Where a service has an add-on code: further units belong to it, the first to the primary."""
    service = (*POOL, "service")
    whole = nw.col("billed").sum().over(*service).cast(nw.Int64)
    first = nw.min_horizontal(whole, nw.lit(1))
    mine = nw.when(nw.col("place_in_service") == 1).then(whole - first).otherwise(first)
    with_add_on = lines.filter(nw.col("has_add_on")).with_columns(units_low=mine, units_high=mine)
    return nw.concat([lines.filter(~nw.col("has_add_on")), with_add_on], how="vertical")


def by_day(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Timed codes added up by pool and group of counting: what U201 to U204 look at."""
    timed = lines.filter(nw.col("timed")).with_columns(
        unbilled=nw.when((nw.col("billed") == 0) & (nw.col("units_low") > 0))
        .then(nw.col("units"))
        .otherwise(0),
        first_minutes=nw.when(nw.col("day_group") == "")
        .then(nw.col("rule_first_minutes"))
        .otherwise(nw.col("first_unit_minutes") // 2 + 1),
        undocumented=nw.when(nw.col("documented_rows") == 0).then(nw.col("billed")).otherwise(0),
        codes=nw.when(nw.col("billed") > 0).then(1).otherwise(0),
        billed_code=nw.when(nw.col("billed") > 0).then(nw.col("code")),
    )
    keys = (*POOL, "day_group")
    return (
        timed.group_by(*keys)
        .agg(
            total("units").alias("day_units"),
            total("billed").alias("day_units_billed"),
            total("kept_units").alias("day_kept"),
            total("units_without_minutes").alias("day_without_minutes"),
            total("undocumented").alias("day_undocumented"),
            total("unbilled").alias("day_unbilled"),
            total("minutes").alias("day_minutes"),
            total("over_cents").alias("day_over_cents"),
            nw.col("first_minutes").min().cast(nw.Int64),
            nw.col("first_file").min(),
            nw.col("first_row").min(),
            nw.col("clinician").min(),
            nw.col("billed_code").min().alias("code"),
            nw.col("billed_code").max().alias("last_code"),
            nw.col("units_claimed").count().cast(nw.Int64).alias("claimed_codes"),
        )
        .with_columns(
            code=nw.when(nw.col("code") == nw.col("last_code"))
            .then(nw.col("code"))
            .otherwise(nw.lit(""))
        )
    )
