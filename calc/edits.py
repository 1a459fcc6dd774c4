"""What CMS's edits say of the codes of a day: the most usual units, and pairs that bundle.

Authority: National Correct Coding Initiative. An edition holds for its quarter only.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import billed, engine, first_rows, overlaps
from calc.dated import Edition
from calc.params import Config
from calc.schema import CODE_KEY, DISCIPLINE_VISIT, POOL, total

Frame = nw.LazyFrame[Any]


def _with_most_usual(lines: Frame, config: Config, days: list[date]) -> Frame:
    """Add the most usual units (mue) of the date's edition and their adjudication (mai)."""
    rows = [
        (day, row)
        for day in days
        if (edition := config.edition("mue", day))
        for row in config.rows("mue", edition)
    ]
    table: engine.Columns = {
        "date": [day for day, _ in rows],
        "code": [row["code"] for _, row in rows],
        "mue": [int(row["mue"]) for _, row in rows],
        "mai": [int(row["mai"]) for _, row in rows],
    }
    types: dict[str, type] = {"date": date, "code": str, "mue": int, "mai": int}
    return engine.looked_up(lines, table, types, ["date", "code"])


_OF_DAY = ("patient", "date", "provider", "code")  # what the most usual units are for


def at_most_usual(lines: Frame, config: Config, days: list[date]) -> Frame:
    """Codes of a patient's day with one provider that bill the most usual units (MUE), or more.

    Lines billed for a denial are left out, and codes that Medicare does not pay and the payer does:
    the edit allows none of them. ``mai``: how the edit is adjudicated.
    """
    asked = lines.filter(_is_edited()).select(*_OF_DAY, "billed")
    lines = _with_most_usual(asked, config, days)
    lines = engine.summed(lines, _OF_DAY, "billed", "billed_of_day")
    # Below the most usual nothing is to be said.
    reached = lines.filter(nw.col("billed_of_day") >= nw.col("mue"))
    return reached.select(*_OF_DAY, "mue", "mai").unique()


def most_allowed(lines: Frame, usual: Frame) -> Frame:
    """Billed units of a patient's code and day with one provider beside the most usual (MUE).

    ``usual``: see `at_most_usual`. ``unpaid``: lines of codes that are not paid, charged.
    ``exchanged``: in the pool that is named the code is a primary one with units that its add-on
    earned, while those of the day are right; ``exchange_cents``: what stands with the first of such
    an exchange. Other pools' exchanges are found there.
    """
    over_day = (nw.col("unit_basis") == "day") & (nw.col("billed") > 1)
    exchanged = billed.with_units_of_add_on()
    over = nw.col("timed") & (nw.col("billed") > nw.col("units")) & ~exchanged
    unpaid = billed.UNPAID & (nw.col("charge_cents") > 0)
    theirs = engine.among(lines, usual, ("patient",)).filter(_is_edited())
    marked = theirs.join(usual, on=list(_OF_DAY), how="inner").with_columns(
        by_day=over_day.cast(nw.Int64),
        excess=over.cast(nw.Int64),
        unpaid=unpaid.fill_null(False).cast(nw.Int64),
        exchanged=exchanged,
    )
    marked = engine.settled(marked.select(_OF_MOST_ALLOWED))
    most = marked.group_by(*_OF_DAY).agg(
        total("billed"), total("units"), total("by_day"), total("excess"), total("unpaid"),
        nw.col("mue").min(), nw.col("mai").min(),
        nw.col("discipline").min(), nw.col("payer").min(), *first_rows.aggregates(),
    )  # fmt: skip
    exchanges = marked.filter(nw.col("exchanged")).select(
        *CODE_KEY,
        "exchanged",
        exchange_cents=nw.when(nw.col("first_misplaced")).then("group_cents"),
    )
    most = first_rows.named(most).join(exchanges, on=list(CODE_KEY), how="left")
    return most.with_columns(nw.col("exchanged").fill_null(False))


# Of few lines: each column more is looked through whole for them.
_OF_MOST_ALLOWED = (
    *CODE_KEY, "billed", "units", "by_day", "excess", "unpaid", "mue", "mai", "exchanged",
    "first_misplaced", "group_cents", "first_place", "first_clinician", "last_clinician",
)  # fmt: skip


def _asks_for_payment() -> nw.Expr:
    """The line is billed to Medicare, and not for a denial."""
    return (nw.col("billed") > 0) & nw.col("payer_part_b") & (nw.col("refused_rows") == 0)


def _is_edited() -> nw.Expr:
    """The most usual units are for the line: its payer has no fee of its own for the code."""
    return _asks_for_payment() & ~billed.PAID_BY_OWN_FEE.fill_null(False)


def beside_most_allowed(lines: Frame, most: Frame) -> Frame:
    """Lines with ``above_usual``: of a service whose primary code has its add-on's units.

    Where those are more than the edit allows, in the pool that says so; ``most``: see
    `most_allowed`.
    """
    lines = lines.with_columns(above_usual=nw.lit(False))
    beyond = (nw.col("billed") > nw.col("mue")) & nw.col("exchanged")
    above = engine.settled(most.filter(beyond).select(*POOL, service="code"))
    if engine.is_empty(above):
        return lines
    above = above.with_columns(above_usual=nw.lit(True))

    def beside(few: Frame) -> Frame:
        few = few.drop("above_usual").join(above, on=[*POOL, "service"], how="left")
        return few.with_columns(nw.col("above_usual").fill_null(False))

    return engine.some(lines, nw.col("misplaced") & nw.col("has_add_on"), beside, ("above_usual",))


def bundled(lines: Frame, config: Config, days: list[date]) -> Frame:
    """Billed pairs of codes that bundle: column 2 as ``code``, column 1 beside it (PTP).

    Lines billed for a denial ask for no payment.
    """
    whose = (*DISCIPLINE_VISIT, "payer", "code", "clinician", "first_place")
    names = (*whose, "distinct_rows", "price_status", "fee_cents", "charge_cents")
    paid = lines.filter(_asks_for_payment()).select(*names)
    pairs = _second_columns(paid, config, days, "01")
    if pairs is None:
        none = paid.filter(nw.col("code") == "")
        return none.with_columns(
            column1=nw.lit(""),
            indicator=nw.lit(0, dtype=nw.Int64),
            distinct_1=nw.lit(0, dtype=nw.Int64),
        )
    first = paid.select(
        *DISCIPLINE_VISIT, column1=nw.col("code"), distinct_1=nw.col("distinct_rows")
    )
    first = first.group_by(*DISCIPLINE_VISIT, "column1").agg(nw.col("distinct_1").max())
    return pairs.join(first, on=[*DISCIPLINE_VISIT, "column1"], how="inner")


def _second_columns(
    lines: Frame, config: Config, days: list[date], indicators: str
) -> Frame | None:
    """Lines with each ``column1`` and ``indicator`` of the pairs whose column 2 is their code.

    By the edition of their date, of pairs with one of the indicators; None without an edition.
    """
    found = None
    for edition in config.editions_on("ptp", days):
        rows = [r for r in config.rows("ptp", edition) if r["modifier_indicator"] in indicators]
        table: engine.Columns = {
            "column1": [row["column1"] for row in rows],
            "code": [row["column2"] for row in rows],
            "indicator": [int(row["modifier_indicator"]) for row in rows],
        }
        types: dict[str, type] = {"column1": str, "code": str, "indicator": int}
        within = (nw.col("date") >= nw.lit(edition.first)) & (
            nw.col("date") <= nw.lit(edition.last)
        )
        here = lines.filter(within)
        pairs = here.join(
            engine.beside(here, table, types, {"column1": "code"}), on="code", how="inner"
        )
        found = pairs if found is None else nw.concat([found, pairs], how="vertical")
    return found


def with_unpayable(lines: Frame, config: Config, days: list[date]) -> Frame:
    """Add ``unpayable``: a code not billed that would not be paid, or be denied beside what is.

    What a payer pays nothing for; column 2 of a pair that no modifier opens (indicator 0); or a
    code of which other disciplines bill all that an absolute edit allows (MAI 2). Edits are those
    of the date. What is billed without a session is taken off the claim, and denies nothing.
    """
    part_b, claimed = nw.col("payer_part_b"), nw.col("billed") > 0
    idle = ~claimed & (nw.col("units") > 0)
    lines = lines.with_columns(unpayable=(billed.NO_PAY & idle).fill_null(False))
    asked = (part_b & idle).fill_null(False)
    left_out = engine.settled(lines.filter(asked).select(*CODE_KEY).unique())
    if engine.is_empty(left_out):
        return lines
    # Few are left out, and what is billed matters of their patients alone.
    names = (*CODE_KEY, "billed", "payer_part_b", "refused_rows")
    theirs = engine.among(
        lines.select(*names, bare=billed.without_session()), left_out, ("patient",)
    )
    stands = claimed & (nw.col("refused_rows") == 0) & ~nw.col("bare")
    theirs = engine.settled(theirs.filter(part_b & stands))
    denied = [_used_up(left_out, theirs, config, days)]
    pairs = _second_columns(left_out, config, days, "0")
    if pairs is not None:
        first = theirs.select(*DISCIPLINE_VISIT, column1=nw.col("code")).unique()
        denied.append(pairs.join(first, on=[*DISCIPLINE_VISIT, "column1"], how="inner"))
    denied = [found.select(*CODE_KEY) for found in denied]
    never = nw.concat(denied, how="vertical").unique().with_columns(denied=nw.lit(True))

    def beside(few: Frame) -> Frame:
        few = few.join(never, on=list(CODE_KEY), how="left")
        unpayable = nw.col("unpayable") | nw.col("denied").fill_null(False)
        return few.with_columns(unpayable=unpayable).drop("denied")

    return engine.some(lines, asked, beside, ("unpayable",))


def _used_up(left_out: Frame, billed_lines: Frame, config: Config, days: list[date]) -> Frame:
    """Codes left out of which all is billed that an absolute edit (MAI 2) allows for the day."""
    keys = ["patient", "date", "provider", "code"]
    others = billed_lines.group_by(*keys).agg(total("billed"))
    few = _with_most_usual(left_out.join(others, on=keys, how="inner"), config, days)
    return few.filter((nw.col("mai") == 2) & (nw.col("billed") >= nw.col("mue")))


def distinct_at_the_same_time(lines: Frame, rows: Frame) -> Frame:
    """One-on-one rows of a code billed with 59 or X whose minutes another code's row shares.

    Rows that say so themselves, or all of the code where only a claim does. ``apart_from``: how
    many other codes of the visit share no minute with some session of the code, which the
    modifier may be meant for.
    """
    said = engine.settled(lines.filter(nw.col("distinct_rows") > 0).select(*CODE_KEY))
    rows = engine.among(rows, said, ("patient",))
    mine = engine.settled(rows.filter(nw.col("counts")).join(said, on=list(CODE_KEY), how="semi"))
    others = engine.settled(rows.filter(_may_meet()))
    pairs = engine.settled(overlaps.beside_other_codes(mine.filter(_may_meet()), others))
    apart = _codes_apart(pairs, mine, engine.among(lines, said, ("patient",)))
    pairs = pairs.join(_saying_so(mine), on=["file", "row"], how="semi")
    pairs = overlaps.first_of_row(pairs).join(apart, on=list(_CODE_OF_VISIT), how="left")
    return pairs.with_columns(nw.col("apart_from").fill_null(0))


_CODE_OF_VISIT = (*DISCIPLINE_VISIT, "code")


def _codes_apart(pairs: Frame, mine: Frame, lines: Frame) -> Frame:
    """By code ``apart_from``: the visit's other codes that not all of its sessions meet.

    ``pairs``: rows of ``mine`` with each row that they meet; ``lines``: what the visit bills.
    """
    timed = mine.filter((nw.col("length_ms") > 0).fill_null(True))
    sessions = timed.group_by(*_CODE_OF_VISIT).agg(nw.len().cast(nw.Int64).alias("sessions"))
    met = pairs.select(*_CODE_OF_VISIT, "file", "row", other=nw.col("service_2")).unique()
    met = met.group_by(*_CODE_OF_VISIT, "other").agg(nw.len().cast(nw.Int64).alias("met"))
    met = met.join(sessions, on=list(_CODE_OF_VISIT), how="inner")
    met = met.filter(nw.col("met") >= nw.col("sessions"))
    billed_codes = lines.filter(nw.col("billed") > 0)
    billed_codes = billed_codes.select(*DISCIPLINE_VISIT, other=nw.col("service")).unique()
    free = pairs.select(*_CODE_OF_VISIT, "service").unique()
    free = free.join(billed_codes, on=list(DISCIPLINE_VISIT), how="inner")
    free = free.filter(nw.col("other") != nw.col("service"))
    free = free.join(met, on=[*_CODE_OF_VISIT, "other"], how="anti")
    return free.group_by(*_CODE_OF_VISIT).agg(nw.len().cast(nw.Int64).alias("apart_from"))


def _saying_so(mine: Frame) -> Frame:
    """File and row of billed rows with 59 or X, and of all rows of a code without any such."""
    bills = (nw.col("units_billed") > 0).fill_null(False) & ~billed.has(billed.EXCLUDED)
    own = mine.filter(billed.has(billed.DISTINCT) & bills)
    silent = engine.settled(own.select(*CODE_KEY).unique())
    by_claims = mine.join(silent, on=list(CODE_KEY), how="anti")
    both = [own.select("file", "row"), by_claims.select("file", "row")]
    return nw.concat(both, how="vertical")


def _may_meet() -> nw.Expr:
    """The row's clock times are its treatment, with nobody else."""
    return nw.col("full") & nw.col("one_on_one")


def gaps_of(lines: Frame, config: Config, days: list[date]) -> dict[str, int]:
    """How many lines billed to Medicare no figure reaches, by what they lack.

    ``mue`` and ``ptp``: an edition of the table for the date; ``mue_code``: a row of the code in
    it, since an edition may hold some of CMS's only; ``kx``: a threshold of the date's year;
    ``untold_year``: the year of what was spent elsewhere, see `amounts.thresholds`. And
    of lines billed to any payer ``unpriced``, those without a fee that is known; and of all lines
    ``holidays``, those of a year of which none is known.
    """
    claimed = nw.col("billed") > 0
    asked = claimed & nw.col("payer_part_b")
    untold = nw.col("untold_year")
    without = (nw.col("kx_bucket") != "") & nw.col("kx_threshold_cents").is_null() & ~untold
    mine = lines.filter(asked).with_columns(
        without=without.fill_null(False).cast(nw.Int64), untold=untold.cast(nw.Int64)
    )
    by_code = mine.group_by("date", "code").agg(
        nw.len().cast(nw.Int64).alias("lines"), total("without"), total("untold")
    )
    gaps = dict.fromkeys(("mue", "ptp", "mue_code", "kx", "untold_year"), 0)
    gaps["unpriced"] = engine.count(lines.filter(claimed & nw.col("fee_cents").is_null()))
    gaps["holidays"] = _without_holidays(lines, config, days)
    known: dict[Edition, set[str]] = {}
    for day, code, count, no_threshold, no_year in engine.added_up(
        engine.plain(by_code)
    ).iter_rows():
        gaps["kx"] += no_threshold
        gaps["untold_year"] += no_year
        if config.edition("ptp", day) is None:
            gaps["ptp"] += count
        edition = config.edition("mue", day)
        if edition is None:
            gaps["mue"] += count
            continue
        if edition not in known:
            known[edition] = {row["code"] for row in config.rows("mue", edition)}
        gaps["mue_code"] += 0 if code in known[edition] else count
    return gaps


def _without_holidays(lines: Frame, config: Config, days: list[date]) -> int:
    """How many documented lines are of a year whose federal holidays are not in the config."""
    known = {value.first.year for value in config.parameter("federal_holidays").values}
    unknown = [day for day in days if day.year not in known]
    if not unknown:
        return 0
    return engine.count(
        lines.filter((nw.col("documented_rows") > 0) & nw.col("date").is_in(unknown))
    )
