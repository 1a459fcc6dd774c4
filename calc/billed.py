"""What was billed beside what the rules support: units, modifiers and amounts by code and day.

Authority: MCPM ch. 5 s. 20.2 (units), 42 U.S.C. 1395m(v) (CQ, CO), 1395l(g) (KX).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, first_rows
from calc.schema import CODE_KEY, POOL, told_by_log

GROUP = (*POOL, "day_group")
DISTINCT = "59|XE|XP|XS|XU"
# What a sentence about KX says: whose amounts of the year count, of which Medicare knows all.
THRESHOLD_SAID = (
    ("year", nw.col("year_cents")),
    ("limit", nw.col("kx_threshold_cents")),
    (
        "seen",
        nw.when("has_prior").then(nw.lit("the log and --prior")).otherwise(nw.lit("the log")),
    ),
)
# Of a code's lines, the one without CQ or CO and the one with it.
PLAIN_LACKS_KX = (nw.col("billed_rows") > nw.col("marked_rows")) & (
    nw.col("kx_rows") == nw.col("marked_kx_rows")
)
MARKED_LACKS_KX = (nw.col("marked_rows") > 0) & (nw.col("marked_kx_rows") == 0)
# By Medicare, whatever is charged; a payer's own table may have a fee for it.
_NO_PRICE = nw.col("price_status").is_in(["bundled", "not paid"])
_OWN_FEE = (nw.col("fee_cents") > 0).fill_null(False)
UNPAID, PAID_BY_OWN_FEE = _NO_PRICE & ~_OWN_FEE, _NO_PRICE & _OWN_FEE
# What a payer pays nothing for: also a share of a fee of nothing.
NO_PAY = ((nw.col("payer_part_b") & UNPAID) | (nw.col("fee_cents") == 0)).fill_null(False)
_OF_ASSISTANTS = nw.col("assistant_units")
PARTLY_ASSISTANTS = ((_OF_ASSISTANTS > 0) & (nw.col("units") > _OF_ASSISTANTS)).fill_null(False)
# Units that are billed too many in any case may bear the modifier of the others.
MARKS_SPARED = nw.max_horizontal(nw.col("billed") - nw.col("units"), nw.lit(0))
_MOST_MARKED = nw.col("assistant_high") + MARKS_SPARED
TOO_MANY_MARKED = (nw.col("assistant_units_billed") > _MOST_MARKED).fill_null(False)
EXCLUDED = "GA|GX|GY|GZ"  # billed as not covered, for a denial
LONGER_THAN_A_DAY = ("month", "period", "episode")  # what a unit of a code may cover
_MARKS = ("GP", "GO", "GN", "CQ", "CO", "KX", "GP|GO|GN", "CQ|CO", DISTINCT, EXCLUDED)


def without_session() -> nw.Expr:
    """No session of a code is documented that there would be one of on its day.

    Needs the columns of `compared`, and ``primary_documented``, sessions of an add-on's primary.
    """
    further_area = (nw.col("unit_basis") == "area") & (nw.col("primary_documented") > 0)
    longer = nw.col("unit_basis").is_in(list(LONGER_THAN_A_DAY))
    return (nw.col("documented_rows") == 0) & ~longer & ~further_area


def of_another_discipline() -> nw.Expr:
    """CQ or CO that a row bills without GP, GO and GN and that is not of its discipline.

    Else null.
    """
    alone, discipline = ~has("GP|GO|GN"), nw.col("discipline")
    co = alone & has("CO") & discipline.is_in(["PT", "SLP"])
    cq = alone & has("CQ") & discipline.is_in(["OT", "SLP"])
    return nw.when(co).then(nw.lit("CO")).when(cq).then(nw.lit("CQ"))


def with_marks(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add for each of some marks whether a row bills one of its modifiers, for `has`.

    Each distinct text is read once.
    """
    texts = engine.distinct(rows, "modifiers_billed")
    said = [modifiers_in(text) for text in texts]
    table: engine.Columns = {"modifiers_billed": texts}
    for mark in _MARKS:
        table[says(mark)] = [not names.isdisjoint(mark.split("|")) for names in said]
    types: dict[str, type] = dict.fromkeys(table, bool) | {"modifiers_billed": str}
    return engine.looked_up(rows, table, types, ["modifiers_billed"])


def modifiers_in(text: str) -> set[str]:
    """The modifiers of a text, parted by any sign or by none.

    >>> sorted(modifiers_in("GP CQ")), sorted(modifiers_in("GPCQ,59")), modifiers_in("GPC")
    (['CQ', 'GP'], ['59', 'CQ', 'GP'], set())
    """
    words = re.findall("[A-Z0-9]+", text)
    return {word[n : n + 2] for word in words if len(word) % 2 == 0 for n in range(0, len(word), 2)}


def has(modifiers: str) -> nw.Expr:
    """The row bills one of these modifiers, e.g. ``has("CQ|CO")``; see `with_marks`."""
    return nw.col(says(modifiers))


def says(mark: str) -> str:
    """The column in which `with_marks` says so.

    >>> says("GP"), says("CQ|CO")
    ('says_GP', 'says_CQ_CO')
    """
    return f"says_{mark.replace('|', '_')}"


def counted(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows `with_marks` with what of them adds up to the FACTS of a group of rows.

    A row billed for a denial counts as billed, but says nothing of CQ, CO, 59 or lacking minutes.
    """
    units = nw.col("units_billed")
    bills = (units > 0).fill_null(False)
    assistant, distinct, refused = has("CQ|CO"), has(DISTINCT), has(EXCLUDED)
    # Beside another discipline's modifier: CQ goes with GP, CO with GO, and neither with GN.
    paired = (has("GP") & has("CQ")) | (has("GO") & has("CO"))
    beside_gn = assistant & has("GN") & ~paired
    crossed = (has("CQ") & has("GO") & ~has("GP")) | (has("CO") & has("GP") & ~has("GO"))
    stray = beside_gn | (crossed & ~has("GN")) | ~of_another_discipline().is_null()
    # On an assistant's row GN is the wrong one of the two: no assistant is of its discipline. Of a
    # claim's line nobody can tell.
    assists = nw.col("role") == "assistant"
    # The row's minutes are not known, so none of them can support its units.
    silent = (nw.col("fault_rule") != "") & nw.col("given_ms").is_null()
    # Nor are those of a row that needs none, and names neither minutes nor both times.
    bare = nw.col("counts") & ~nw.col("in_sweep") & nw.col("given_ms").is_null()
    return charged(rows).with_columns(
        units_without=nw.when(silent & ~refused).then(units).otherwise(0).fill_null(0),
        assistant_without=nw.when(silent).then("units_of_assistant").otherwise(0),
        by_doubtful_time=(nw.col("doubtful") & nw.col("counts")).cast(nw.Int64),
        longer=(nw.col("may_be_longer") & nw.col("counts")).cast(nw.Int64),
        unminuted=silent.cast(nw.Int64),
        bare=(bare & ~assists).cast(nw.Int64),
        bare_assistant=(bare & assists).cast(nw.Int64),
        plain=(bills & ~assistant & ~distinct & ~refused).cast(nw.Int64),
        kx=(bills & has("KX")).cast(nw.Int64),
        marked_bills=(bills & assistant).cast(nw.Int64),
        marked_plain=(bills & assistant & ~distinct & ~refused).cast(nw.Int64),
        marked_kx=(bills & assistant & has("KX")).cast(nw.Int64),
        apart=(bills & distinct & ~refused).cast(nw.Int64),
        marks=assistant.cast(nw.Int64),
        units_of_stray=nw.when(stray & ~refused).then(units).otherwise(0).fill_null(0),
        units_beside_gn=nw.when(beside_gn & nw.col("documented") & ~assists & ~refused)
        .then(units)
        .otherwise(0)
        .fill_null(0),
    )


def charged(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows `with_marks` with what adds up to CHARGES: a code's line with CQ or CO, and its plain.

    A row billed for a denial is of neither.
    """
    units, charge = nw.col("units_billed"), nw.col("charge_cents")
    bills, refused = (units > 0).fill_null(False), has(EXCLUDED)
    marked = has("CQ|CO") & ~refused
    return rows.with_columns(
        bills=bills.cast(nw.Int64),
        refused=refused.cast(nw.Int64),
        units_of_refused=nw.when(refused).then(units).otherwise(0).fill_null(0),
        unnamed=(nw.col("role_blank") & nw.col("counts")).cast(nw.Int64),
        units_of_assistant=nw.when(marked).then(units).otherwise(0).fill_null(0),
        charge_of_assistant=nw.when(marked & bills).then(charge).otherwise(0).fill_null(0),
        # A unit's charge may stand on any of its rows: one that bills and has none leaves a doubt.
        uncharged=(bills & charge.is_null()).cast(nw.Int64),
    )


CHARGES: Mapping[str, Mapping[str, str]] = {
    "total": {
        "assistant_units_billed": "units_of_assistant",
        "assistant_charge_cents": "charge_of_assistant",
        "billed_rows": "bills",
        "unnamed_rows": "unnamed",
        "uncharged_rows": "uncharged",
        "refused_rows": "refused",
        "refused_units": "units_of_refused",
    },
    "filled": {"charge_rows": "charge_cents"},
    "least": {},
    "most": {},
}
_SUMS = {
    "all_billed": "units_billed",
    "units_without_minutes": "units_without",
    "assistant_units_without_minutes": "assistant_without",
    "doubtful_rows": "by_doubtful_time",
    "longer_rows": "longer",
    "unminuted_rows": "unminuted",
    "bare_rows": "bare",
    "bare_assistant_rows": "bare_assistant",
    "plain_rows": "plain",
    "kx_rows": "kx",
    "marked_rows": "marked_bills",
    "marked_plain_rows": "marked_plain",
    "marked_kx_rows": "marked_kx",
    "distinct_rows": "apart",
    "assistant_marks": "marks",
    "stray_units": "units_of_stray",
    "gn_units": "units_beside_gn",
    **CHARGES["total"],
}
FACTS: Mapping[str, Mapping[str, str]] = {
    "total": _SUMS,
    "filled": {"unit_rows": "units_billed", **CHARGES["filled"]},
    "least": {"first_place": "row_place"},
    "most": {},
}


def with_facts(
    lines: nw.LazyFrame[Any], rows: nw.LazyFrame[Any], services: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Code lines with what the rows of their own code bill, and where the first of them stands.

    Needs the FACTS of their service, and the rows `counted`; ``services`` are those of two codes.
    Adds units_claimed (null where no row bills); the sums are 0 of a code without rows.
    """
    lines = of_own_code(lines, rows, services, FACTS)
    claimed = nw.when(nw.col("unit_rows") > 0).then(nw.col("all_billed"))
    return lines.with_columns(units_claimed=claimed).drop("unit_rows", "all_billed")


def of_own_code(
    lines: nw.LazyFrame[Any],
    rows: nw.LazyFrame[Any],
    services: Sequence[str],
    facts: Mapping[str, Mapping[str, str]],
) -> nw.LazyFrame[Any]:
    """Code lines with the ``facts`` of their own code, where they have those of their service."""
    of_service = {name: f"{name} of service" for name in facts["least"]}
    sums = (*facts["total"], *facts["filled"])
    names = (*of_service, *sums, *facts["most"])

    def own(few: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        theirs = rows.filter(nw.col("service").is_in(list(services)))
        by_code = engine.grouped(theirs, CODE_KEY, **facts)
        few = few.rename(of_service).drop(*sums, *facts["most"])
        few = few.join(by_code, on=list(CODE_KEY), how="left")
        # A code without a row of its own, that another's minutes support, stands on that one's.
        first = (nw.coalesce(*both) for both in of_service.items())
        few = few.with_columns(nw.col(*sums).fill_null(0), *first)
        return few.drop(*of_service.values())

    return engine.some(lines, nw.col("has_add_on"), own, names)


def compared(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add to code lines what may be billed: units_low to units_high, and what has support.

    Needs the steps of `counting.count` and the columns of `with_facts`. units_claimed becomes
    ``billed`` (0 for none); ``kept_units`` are those that some documented minutes stand behind.
    The allowed allocations: whole units, and one more for a remainder at or above the smallest
    that got a unit; that one only may lack it, and only where another one that has none ties.
    ``hour_units`` are those that an hour more bears, where some row may be so much longer.
    """
    rest, cut = nw.col("rest_minutes"), nw.col("cut_minutes")
    # Step by step: an expression that stands in several others is made anew in each of them.
    lines = lines.with_columns(
        least=_with_one_more((rest > cut) | ((rest == cut) & ~nw.col("tie"))),
        greatest=_with_one_more(rest >= cut),
        billed=nw.col("units_claimed").fill_null(0),
        is_documented=nw.col("counted_rows") > 0,
        is_longer=nw.col("unit_basis").is_in(list(LONGER_THAN_A_DAY)),
        told_by_log=told_by_log(),
        timed=nw.col("unit_basis") == "minutes",
    )
    billed, documented, timed = (nw.col(n) for n in ("billed", "is_documented", "timed"))
    longer, by_log = nw.col("is_longer"), nw.col("told_by_log")
    asked = billed - nw.col("refused_units")
    # Other minutes of the service bear all that is asked: a row without its own takes nothing.
    borne = documented & (asked <= nw.col("units")).fill_null(False)
    unheard = documented & (nw.col("unminuted_rows") >= nw.col("counted_rows"))
    without = nw.when(unheard).then(asked).otherwise(nw.col("units_without_minutes"))
    without = nw.when(borne).then(0).otherwise(without)
    supported = nw.when(documented).then(billed - without).otherwise(0)
    # Units that only the log can tell have no support where it has no session of theirs; those of
    # longer than a day need none on it.
    untold = by_log & ~longer & ~documented
    # Whose row says so is no matter to an audit, as long as some session is documented.
    idle = by_log & (nw.col("idle_units") > 0)
    units = nw.when(untold).then(0).when(idle).then(billed).otherwise(nw.col("units"))
    size = nw.when("pooled").then("rule_unit_minutes").otherwise("unit_minutes")
    return lines.with_columns(
        units=units,
        units_without_minutes=without,
        kept_units=nw.when(timed)
        .then(supported)
        .when(documented | longer)
        .then(billed)
        .otherwise(0),
        units_low=_of_part(nw.col("least"), units),
        units_high=_of_part(nw.col("greatest"), units),
        documented_rows=nw.col("counted_rows"),
        hour_units=nw.when(nw.col("longer_rows") > 0).then((60 + size - 1) // size).otherwise(0),
        # Codes of 1.6a, and all of payers that count by code, are counted alone.
        day_group=nw.when(nw.col("in_pool")).then(nw.lit("")).otherwise(nw.col("service")),
    ).drop("longer_rows", "least", "greatest", "is_documented", "is_longer", "told_by_log")


def _with_one_more(earned: nw.Expr) -> nw.Expr:
    """A service's whole units, and one of those left where it is earned."""
    given = (nw.col("left_units") > 0) & earned
    return nw.col("whole_units") + nw.when(given).then(1).otherwise(0)


def _of_part(bound: nw.Expr, units: nw.Expr) -> nw.Expr:
    """A service's bound for one of its codes: the first unit is the primary's, others the add-on's.

    Services counted alone have no choice: their ``units``.
    """
    first = nw.min_horizontal(bound, nw.lit(1))
    add_on = nw.col("place_in_service") == 1
    return (
        nw.when(~nw.col("in_pool"))
        .then(units)
        .when(~nw.col("has_add_on"))
        .then(bound)
        .when(add_on)
        .then(bound - first)
        .otherwise(first)
    )


def as_allowed(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Where a day's units are right and lie as the rules allow, they are the supported ones.

    Of codes that tie either is right, so what was billed stands in ``units`` and ``moved`` says
    that counting chose another; of a day that is wrong what was billed so far as it fits. Adds
    ``misplaced`` (a timed code beyond its bounds, in a group of which no such line is billed for a
    denial) and ``first_misplaced``, one line of those for each group of counting, with units too
    many if any.
    """
    never = {name: nw.lit(False) for name in ("moved", "misplaced", "first_misplaced")}
    return engine.some(
        lines.with_columns(**never), nw.col("odd_group"), _allowed, ("units", "day_group", *never)
    )


def with_odd_groups(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``odd_group``: some line of the group of counting is not billed as its minutes say.

    All other lines are as they should be, and most of what is asked about units is no matter there.
    """
    return engine.touched(lines, is_odd(), GROUP, "odd_group")


def is_odd() -> nw.Expr:
    """The line is not billed as its minutes say, or nobody can tell."""
    odd = (nw.col("billed") != nw.col("units")) | (nw.col("kept_units") != nw.col("units"))
    return odd.fill_null(True)


def _exchanged(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Codes that count alone by the payer's rule share a ``day_group`` where their total is right.

    Units are on the wrong code there; elsewhere each code has its own too many or too few.
    """
    by_code = nw.col("timed") & nw.col("pooled") & ~nw.col("in_pool")
    beyond = (nw.col("kept_units") - nw.col("units")).fill_null(0)
    lines = lines.with_columns(beyond=nw.when(by_code).then(beyond).otherwise(0))
    lines = engine.within(lines, POOL, total={"all_beyond": "beyond"})
    right = by_code & (nw.col("all_beyond") == 0)
    group = nw.when(right).then(nw.lit("")).otherwise("day_group")
    return lines.with_columns(day_group=group).drop("beyond", "all_beyond")


def _allowed(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    lines = _exchanged(lines)
    kept, timed = nw.col("kept_units"), nw.col("timed")
    # One exchange, one finding: the last unit is missed where another code has it.
    above_cut = _with_one_more(nw.col("rest_minutes") > nw.col("cut_minutes"))
    low = _of_part(above_cut, nw.col("units"))
    misplaced = timed & ((kept < low) | (kept > nw.col("units_high")))
    lines = lines.with_columns(misplaced=misplaced.fill_null(False)).with_columns(
        beyond=nw.col("misplaced").cast(nw.Int64),
        denied=(nw.col("misplaced") & (nw.col("refused_units") > 0)).cast(nw.Int64),
        own=nw.col("units").fill_null(0),
        short=nw.when(kept > nw.col("units_high")).then(0).otherwise(1),
    )
    sums = {"all_kept": "kept_units", "all_units": "own"}
    sums |= {"all_beyond": "beyond", "all_denied": "denied"}
    order = ["short", "code"]
    lines = engine.within(lines, GROUP, order, total=sums, running={"beyond_turn": "beyond"})
    right = timed & (nw.col("all_kept") == nw.col("all_units")) & (nw.col("all_beyond") == 0)
    right = right.fill_null(False)
    lines = _with_fitting_units(lines)
    misplaced = nw.col("misplaced") & (nw.col("all_denied") == 0)
    units = nw.when(right).then(kept).otherwise("fitting_units")
    return lines.with_columns(
        units=units,
        moved=(units != nw.col("units")).fill_null(False),
        misplaced=misplaced,
        first_misplaced=misplaced & (nw.col("beyond_turn") == 1),
    ).drop(
        "beyond", "denied", "own", "short", "all_kept", "all_units", "all_beyond", "all_denied",
        "beyond_turn", "fitting_units",
    )  # fmt: skip


def _with_fitting_units(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Add ``fitting_units``: units of a tie go to codes billed with them, then as in counting.

    Of a day billed too much the better paid keep theirs: as right as any, and what is to be given
    back is no more than it must be. Last to codes that are billed without: one whose units are
    right in some allocation is not the wrong one, nor is it to move units because another one is.
    Services of two codes stay. Needs all_kept and all_units of the group, and less_fee.
    """
    kept, low = nw.col("kept_units"), nw.col("units_low")
    tied = nw.col("tie") & ~nw.col("has_add_on")
    asked, high = kept - nw.col("refused_units"), nw.col("units_high")
    above = (nw.col("all_kept") > nw.col("all_units")) & (asked >= high)
    fits = nw.when((asked == high) | above).then(0).when(asked > high).then(1)
    fits = fits.when(asked < low).then(2)
    lines = lines.with_columns(
        fits=nw.when(tied).then(fits.otherwise(3)).otherwise(4),
        worth=nw.when(above).then(nw.col("less_fee")).otherwise(0),
        spare=nw.when(tied).then(nw.col("units") - low).otherwise(0),
        less_billed=0 - nw.col("billed"),
        less_minutes=0 - nw.col("minutes"),
    )
    order = ["fits", "worth", "less_billed", "less_minutes", "code"]
    lines = engine.within(lines, GROUP, order, total={"all_spare": "spare"}, turn="tie_turn")
    given = nw.when(nw.col("tie_turn") <= nw.col("all_spare")).then(1).otherwise(0)
    units = nw.when(tied).then(low + given).otherwise("units").cast(nw.Int64)
    return lines.with_columns(fitting_units=units).drop(
        "fits", "worth", "spare", "less_billed", "less_minutes", "all_spare", "tie_turn"
    )


def with_units_of_add_on() -> nw.Expr:
    """A primary code is billed with units that its add-on earned; those of the day are right.

    And not by minutes that two rows share. Needs what the lines' group adds up to.
    """
    primary = nw.col("has_add_on") & (nw.col("add_on_of") == "") & nw.col("misplaced")
    beyond = nw.col("kept_units") > nw.col("units_high")
    told = (nw.col("group_unminuted") == 0) & (nw.col("shared_rule") == "")
    right = nw.col("group_kept") == nw.col("group_units")
    return (primary & beyond & told & right).fill_null(False)


def by_day(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Timed codes of odd groups of counting added up, by group: what U201 to U204 look at.

    Code, clinician and first row are those of the codes beyond their bounds on the side on which
    the day is wrong, or of all codes where none is.
    """
    left_out = (nw.col("billed") == 0) & (nw.col("units_low") > 0)
    wrong = (nw.col("kept_units") != nw.col("units")) & ~left_out
    without = nw.when(nw.col("documented_rows") > 0).then(nw.col("units_without_minutes"))
    unpayable = nw.when(nw.col("unpayable"))
    free = nw.col("unpayable").fill_null(False)
    moved = {"over_cents": ("kept_units", "units"), "unsupported_cents": ("billed", "kept_units")}
    unknown = {
        cents: (nw.col(one) != nw.col(other)).fill_null(True) & nw.col(cents).is_null() & ~free
        for cents, (one, other) in moved.items()
    }
    timed = lines.filter(nw.col("timed") & nw.col("odd_group")).with_columns(
        wrong=wrong.cast(nw.Int64),
        without=without.otherwise(0),
        without_cents=nw.when(nw.col("documented_rows") > 0).then("unsupported_cents").otherwise(0),
        first_minutes=nw.when(nw.col("pooled"))
        .then(nw.col("rule_first_minutes"))
        .otherwise(nw.col("first_unit_minutes") // 2 + 1)
        .cast(nw.Int64),
        undocumented=nw.when(nw.col("documented_rows") == 0).then(nw.col("billed")).otherwise(0),
        unknown_rows=nw.col("unminuted_rows") + nw.col("doubtful_rows"),
        unpayable_units=unpayable.then("units").otherwise(0),
        unpayable_cents=unpayable.then("over_cents").otherwise(0),
        **{f"{cents}_unknown": lacks.cast(nw.Int64) for cents, lacks in unknown.items()},
    )
    timed = _named(timed)
    sums = {
        "day_units": "units",
        "day_units_billed": "billed",
        "day_kept": "kept_units",
        "day_without_minutes": "without",
        "day_without_cents": "without_cents",
        "day_unminuted": "unknown_rows",
        "day_doubtful": "doubtful_rows",
        "day_refused": "refused_units",
        "day_wrong": "wrong",
        "day_undocumented": "undocumented",
        "day_unpayable": "unpayable_units",
        "day_unpayable_cents": "unpayable_cents",
        "day_minutes": "minutes",
        "day_over_cents": "over_cents",
        "day_unsupported_cents": "unsupported_cents",
    }
    sums |= {f"day_{cents}_unknown": f"{cents}_unknown" for cents in moved}
    least = {"first_minutes": "first_minutes", "first_place": "first_place"}
    day = engine.grouped(
        timed,
        GROUP,
        total=sums,
        filled={"priced_lines": "over_cents"},
        least=least | {"code": "named_code"} | first_rows.LEAST,
        # An hour that comes twice comes so once a night.
        most={"last_code": "named_code", "day_hour_units": "hour_units"} | first_rows.MOST,
    )
    same = nw.col("code") == nw.col("last_code")
    return (
        first_rows.named(day)
        .with_columns(
            code=nw.when(same).then(nw.col("code")).otherwise(nw.lit("")),
            # Money that is not known of a code whose units are wrong is null, never 0; nor is any
            # known beside minutes that may be an hour wrong.
            **{
                f"day_{cents}": nw.when(
                    (nw.col("priced_lines") > 0)
                    & (nw.col(f"day_{cents}_unknown") == 0)
                    & (nw.col("day_doubtful") == 0)
                ).then(f"day_{cents}")
                for cents in moved
            },
        )
        .drop(*(f"day_{cents}_unknown" for cents in moved))
    )


def _named(timed: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Timed codes of which only those that a finding about their day names say who and where."""
    sums = {"all_kept": "kept_units", "all_units": "units"}
    timed = engine.within(timed, GROUP, ["code"], total=sums)
    kept = nw.col("kept_units")
    short = (nw.col("all_kept") < nw.col("all_units")).fill_null(False)
    over = (nw.col("all_kept") > nw.col("all_units")) & (kept > nw.col("units_high"))
    under = short & (kept < nw.col("units_low"))
    timed = timed.with_columns(at_fault=(over | under).fill_null(False))
    timed = engine.touched(timed, nw.col("at_fault"), GROUP, "told")
    # A code that is not documented lacks no unit.
    named = nw.col("at_fault") | (~nw.col("told") & (~short | (nw.col("documented_rows") > 0)))
    code = nw.when(named & (nw.col("at_fault") | (nw.col("billed") > 0))).then("code")
    places = ("first_place", "first_clinician", "last_clinician")
    return timed.with_columns(
        named_code=code, **{name: nw.when(named).then(name) for name in places}
    ).drop("all_kept", "all_units")
