"""The tables that audit rules look at, made once from a log: rows, clashes, services, days.

The same steps as billing, with what was billed joined on. Nothing is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import (
    amounts,
    billed,
    billing,
    clinicians,
    counting,
    diagnoses,
    edits,
    engine,
    first_rows,
    habits,
    limits,
    lookups,
    modifiers,
    overlaps,
    times,
)
from calc.limits import PATIENT_DAY
from calc.params import Config
from calc.schema import CODE_KEY, DISCIPLINE_VISIT, POOL, told_by_log, total

Frame = nw.LazyFrame[Any]
Days = nw.DataFrame[Any]


@dataclass(frozen=True)
class Extras:
    """What a user may give beside the log.

    ``timesheet``: milliseconds of a clinician's day, by clinician and date. ``diagnoses``: codes
    with the diagnoses that go with them.
    """

    timesheet: Mapping[tuple[str, date], int] | None = None
    diagnoses: Mapping[str, tuple[str, ...]] | None = None


@dataclass
class Evidence:
    """Tables by the name that a rule's ``over`` gives, and what the log holds.

    ``rows``: its rows, with what of their minutes counts. ``has``: columns of SESSION that hold
    something, and what the user gave beside the log. ``gaps``: how many lines no figure reaches,
    see `edits.gaps_of`. ``uncounted``: lines whose units minutes cannot tell. ``files``: see
    `first_rows`. ``looked``: see `gather`.
    """

    tables: dict[str, Frame]
    rows: Frame
    has: frozenset[str]
    days: list[date]
    gaps: dict[str, int] = field(default_factory=dict)
    uncounted: int = 0
    files: Sequence[str] = ()
    looked: list[Any] = field(default_factory=list)


# What a caller makes of tables as soon as these are there, and of the log's files.
Look = Callable[[dict[str, Frame], Sequence[str]], Any]


def gather(
    rows: Frame,
    has: frozenset[str],
    config: Config,
    options: billing.Options,
    extras: Extras | None = None,
    in_doubt: Days | None = None,
    look: Look | None = None,
) -> Evidence:
    """Every table, from SESSION rows of `Log.audited` with claims beside them (``documented``).

    ``in_doubt``: see `doubts.Doubts.among`. ``look``: what hangs on no line's place among its day's
    is given to it while other tables are made, and not kept; ``looked`` is what it makes of it.
    """
    extras, files = extras or Extras(), engine.distinct(rows, "file")
    rows, days = counted_rows(rows, has, config, extras, files)
    looked: list[Any] = []

    def kept(tables: dict[str, Frame]) -> dict[str, Frame]:
        if look is None:
            return tables
        looked.append(look(tables, files))
        return {}

    def services() -> Frame:
        return counted_lines(rows, config, days, options, in_doubt)

    def others() -> tuple[dict[str, Frame], dict[str, Frame]]:
        mine = clinicians.gather(rows, config, days, extras.timesheet)
        bills = clinicians.told(has)
        shared = clinicians.together(rows, mine.clashes, mine.lost, config, days, options, bills)
        tables = mine.tables | _of_rows(rows, has, config, days) | of_groups(group_rows(rows))
        begun = {name: tables.pop(name) for name in _BEGUN}
        return kept(tables | {"together": shared}), begun

    lines, (tables, begun) = engine.side_by_side(rows, services, others)

    def judged() -> dict[str, Frame]:
        return _of_lines(rows, priced_lines(lines), begun["clash"], config, days)

    def further() -> tuple[Evidence, dict[str, Frame]]:
        found, unpriced = _of_services(rows, lines, has, begun, config, days)
        both = nw.concat([found.tables["limit"], begun["limit"]], how="vertical")
        found.tables |= of_habits(begun | found.tables, config) | {"limit": both}
        found.tables = kept(found.tables)
        return found, unpriced

    found: Evidence
    judged_tables, (found, unpriced) = engine.side_by_side(rows, judged, further)
    found.tables |= tables | _with_costs(judged_tables, unpriced)
    found.files, found.looked = files, looked
    return found


def of_patients(
    rows: Frame,
    has: frozenset[str],
    config: Config,
    options: billing.Options,
    extras: Extras,
    files: Sequence[str],
    in_doubt: Days | None = None,
) -> Evidence:
    """The tables that whole patients' rows are enough for; ``files``: those of all batches.

    "habit" and "off_day" hold what adds up over batches of patients: see `of_habits`.
    """
    rows, days = counted_rows(rows, has, config, extras, files)
    tables = _of_rows(rows, has, config, days)
    lines = counted_lines(rows, config, days, options, in_doubt)
    found, unpriced = _of_services(rows, lines, has, tables, config, days)
    judged = _of_lines(rows, priced_lines(lines), tables["clash"], config, days)
    found.tables = tables | found.tables | _with_costs(judged, unpriced)
    found.files = files
    return found


def counted_rows(
    rows: Frame, has: frozenset[str], config: Config, extras: Extras, files: Sequence[str]
) -> tuple[Frame, list[date]]:
    """Rows with the minutes of each that count, which all tables are made of, and their dates."""
    days = engine.distinct(rows, "date")
    rows = billing.dense(engine.settled(_asking(rows, has)), config)
    rows = first_rows.numbered(rows, files)
    return _with_own_time(engine.settled(_rows(rows, config, extras))), days


def _of_rows(
    rows: Frame, has: frozenset[str], config: Config, days: list[date]
) -> dict[str, Frame]:
    """The tables that hang on no line of a service; those of `_BEGUN` are not whole yet."""
    return {
        "row": rows,
        "clash": engine.settled(overlaps.of_patients(rows)),
        "group": overlaps.group_beside_one_on_one(rows),
        "treatment_day": treatment_days(rows, has),
        "cloned_day": engine.settled(habits.cloned_days(rows, config, days)),
        "off_day": habits.off_days(rows, config, days),
        "long_day": engine.settled(long_by_minutes(rows, config, days)),
        "habit": engine.settled(habits.of_rows(rows, config)),
    }


# What costs, units, other patients or batches of them are still to be added to.
_BEGUN = ("clash", "limit", "off_day", "long_day", "habit")


def _of_services(
    rows: Frame,
    lines: Frame,
    has: frozenset[str],
    begun: Mapping[str, Frame],
    config: Config,
    days: list[date],
) -> tuple[Evidence, dict[str, Frame]]:
    """What `counted_lines` are enough for; and tables that `_with_costs` ends.

    ``begun``: what `_of_rows` says of minutes and habits.
    """
    unpriced = {
        "allowed_most": engine.settled(edits.at_most_usual(lines, config, days)),
        "same_minutes": engine.settled(edits.distinct_at_the_same_time(lines, rows)),
    }
    tables = {
        "assistant_row": billed_as_assistants(rows, lines),
        "limit": beyond_limits(begun["long_day"], lines, config, days),
        "evaluation": evaluations(lines, config, days),
        "pair": edits.bundled(lines, config, days),
        "habit": habits.with_assistants(begun["habit"], rows, lines),
    }
    gaps = edits.gaps_of(lines, config, days)
    return Evidence(tables, rows, has, days, gaps, _uncounted(lines)), unpriced


def _of_lines(
    rows: Frame, lines: Frame, clashes: Frame, config: Config, days: list[date]
) -> dict[str, Frame]:
    """The tables of services and of days of units, from `priced_lines` and the rows' clashes."""
    lines = edits.with_unpayable(lines, config, days)
    lines = engine.settled(_beside_shared(lines, clashes))
    day = _with_clash_kinds(billed.by_day(lines), clashes)
    day = _explained_by_overlap(day, rows, clashes, config, days)
    day, beyond_clock = _explained_by_clock(day, rows, config, days)
    even = engine.settled(_even_days(day, clashes, lines))
    day = day.join(even, on=["patient", "date"], how="left")
    day = engine.settled(day.with_columns(nw.col("divided").fill_null(False)))
    all_clashes = _with_twins(_with_cents(clashes, lines, day, even), rows)
    lines = engine.settled(_beside_twins(_beside_day(lines, day), all_clashes))
    return {
        "unminuted": without_minutes(rows, lines),
        "beyond_clock": beyond_clock,
        "clash": _with_daily_twins(all_clashes, lines),
        "service": lines,
        "day": day,
    }


def _with_costs(judged: dict[str, Frame], unpriced: Mapping[str, Frame]) -> dict[str, Frame]:
    """The tables `_of_lines` and the ``unpriced`` ones, with what each says of the others'."""
    lines = judged["service"]
    most = engine.settled(edits.most_allowed(lines, unpriced["allowed_most"]))
    clashes, same_minutes = _said_apart(judged["clash"], unpriced["same_minutes"])
    return judged | {
        "allowed_most": most,
        "clash": clashes,
        "same_minutes": same_minutes,
        "service": engine.settled(edits.beside_most_allowed(lines, most)),
    }


def of_groups(rows: Frame, late: Frame | None = None) -> dict[str, Frame]:
    """The table for which all `group_rows` of a date are needed, whoever's they are.

    ``late``: `late_groups` of all, where ``rows`` are of some dates only.
    """
    late = late_groups([rows]) if late is None else late
    return {"alone": overlaps.groups_of_one(rows, late).filter(nw.col("counts"))}


def late_groups(parts: Sequence[Frame]) -> Frame:
    """Of `group_rows`, in parts of whole dates, those that may be company on another date."""
    dates = nw.concat([overlaps.dates_of_groups(part) for part in parts], how="vertical")
    meeting = engine.settled(overlaps.dates_that_meet(dates))
    late = [engine.settled(overlaps.beside_other_dates(part, meeting)) for part in parts]
    return nw.concat(late, how="vertical")


def group_rows(rows: Frame) -> Frame:
    """Rows of group treatment, of students and aides too: their patients are company.

    A claim's line says that its patient was there only where the log does not say when.
    """
    group = rows.filter(nw.col("attendance") == "group")
    group = engine.touched(group, nw.col("documented"), ("patient", "date"), "told")
    return group.filter(nw.col("documented") | ~nw.col("told")).drop("told")


def group_codes(config: Config) -> tuple[str, ...]:
    """The codes of `group_rows`."""
    return tuple(c for c, facts in config.codes.items() if facts["attendance"] == "group")


def of_habits(tables: Mapping[str, Frame], config: Config) -> dict[str, Frame]:
    """Clinicians' habits over the whole log, from the counts of one or more batches."""
    return {
        "habit": habits.of_clinicians(tables["habit"], config),
        "off_day": habits.added_up(tables["off_day"]),
    }


# --- rows ----------------------------------------------------------------------------------


def _asking(rows: Frame, has: frozenset[str]) -> Frame:
    """Add asks_clinician, asks_role and others: the log says this of some of its rows."""
    names = ("clinician", "role", "discipline", "units_billed")
    asks = {f"asks_{name}": nw.lit(name in has) for name in names}
    # Many clinics have one billing provider, and name none.
    return rows.with_columns(**asks, asks_provider=nw.lit("providers" in has))


def _rows(rows: Frame, config: Config, extras: Extras) -> Frame:
    """Rows with the facts of their code, what of their time counts, and whether it is exact."""
    rows = billing.counted_once(times.with_lengths(billed.with_marks(rows)), config)
    codes = config.codes
    table: engine.Columns = {
        "code": list(codes),
        "code_number": list(range(len(codes))),
        "unit_basis": [facts["unit_basis"] for facts in codes.values()],
        "bound_to": [facts["disciplines"] for facts in codes.values()],
        "diagnoses": ["; ".join((extras.diagnoses or {}).get(code, ())) for code in codes],
    }
    kinds: dict[str, type] = dict.fromkeys(table, str) | {"code_number": int}
    rows = engine.looked_up(rows, table, kinds, ["code"])
    rows = _with_diagnoses(rows, extras.diagnoses)
    part_b = [bool(facts.get("part_b")) for facts in config.payers.values()]
    payers: engine.Columns = {"payer": list(config.payers), "payer_part_b": part_b}
    types: dict[str, type] = {"payer": str, "payer_part_b": bool}
    rows = engine.looked_up(rows, payers, types, ["payer"])
    span = nw.col("end_ms") - nw.col("start_ms")
    return rows.with_columns(
        lost_ms=nw.col("length_ms") - nw.col("counted_ms"),
        full=(nw.col("in_sweep") & (nw.col("length_ms") == span)).fill_null(False),
        timed=nw.col("unit_basis") == "minutes",
        one_on_one=nw.col("counts") & (nw.col("lane") == ""),
    )


def _with_own_time(rows: Frame) -> Frame:
    lost = engine.settled(rows.filter(nw.col("lost_ms") > 0).select("patient").unique())
    if engine.count(lost):
        return engine.settled(overlaps.with_own_time(rows, lost))
    return rows.with_columns(clinician_ms=nw.col("counted_ms"))


def _with_diagnoses(rows: Frame, lists: Mapping[str, tuple[str, ...]] | None) -> Frame:
    """Add ``off_list``: a code with a list of diagnoses, and none of the row's is in it.

    A text without a diagnosis code is not judged. ``diagnosis_codes``: those of a row that is,
    for what else stands in the cell may be a patient's name.
    """
    if not lists:
        return rows.with_columns(off_list=nw.lit(False), diagnosis_codes=nw.lit(""))
    known = {
        code: set().union(*(diagnoses.codes_in(item) | {diagnoses.plain(item)} for item in items))
        for code, items in lists.items()
    }
    here = nw.col("code").is_in(list(known)) & (nw.col("diagnosis") != "")
    pairs = engine.collect(rows.filter(here).select("code", "diagnosis").unique())
    codes, texts = pairs["code"].to_list(), pairs["diagnosis"].to_list()
    off = [
        bool(found := diagnoses.codes_in(text))
        and known[code].isdisjoint(found | set(map(diagnoses.plain, re.split(r"[;,\s|]+", text))))
        for code, text in zip(codes, texts, strict=True)
    ]
    said = list(map(diagnoses.alone, texts))
    table: engine.Columns = {"code": codes, "diagnosis": texts, "off_list": off, "told": said}
    types: dict[str, type] = dict.fromkeys(table, str) | {"off_list": bool}
    rows = rows.join(engine.beside(rows, table, types), on=["code", "diagnosis"], how="left")
    filled = nw.col("off_list").fill_null(False)
    return rows.with_columns(filled, diagnosis_codes=nw.col("told").fill_null("")).drop("told")


# --- services and days of units ------------------------------------------------------------


def counted_lines(
    rows: Frame,
    config: Config,
    days: list[date],
    options: billing.Options,
    in_doubt: Days | None,
) -> Frame:
    """Code lines with units as supported and as billed, the modifiers' facts, and fees."""
    rows = billed.counted(rows)
    services = counting.services(rows, also=billed.FACTS)
    lines = billing.code_lines(billing.count_services(services, config, days), config)
    # A claim's lines name nobody.
    least, most = nw.col("least clinician"), nw.col("most clinician")
    lines = lines.with_columns(
        clinician=nw.when(least == "").then(most).otherwise("clinician"),
        first_clinician=nw.when(least != "").then(least).otherwise(nw.when(most != "").then(most)),
        last_clinician=nw.when(most != "").then(most),
    )
    lines = billed.with_facts(lines.drop(_COUNTING_STEPS), rows, lookups.with_add_ons(config))
    facts: engine.Columns = {
        "code": list(config.codes),
        "add_on_of": [facts["add_on_of"] for facts in config.codes.values()],
        "evaluation": [facts["evaluation"] for facts in config.codes.values()],
        "medicare_code": [facts["medicare_code"] for facts in config.codes.values()],
    }
    lines = engine.looked_up(
        lines, facts, dict.fromkeys(facts, str), ["code"], {"add_on_of": "code"}
    )
    lines = amounts.fees(lines, config, days, options, services)
    lines = billed.as_allowed(billed.with_odd_groups(billed.compared(lines)))
    lines = modifiers.bounds(lines).drop(_JUDGING_STEPS)
    lines = _with_doubt(lines.with_columns(has_prior=_has_prior(options)), in_doubt)
    return engine.settled(amounts.thresholds(lines, config, days, options))


def priced_lines(lines: Frame) -> Frame:
    """`counted_lines` with amounts as supported and as billed."""
    return engine.settled(_with_other_code(amounts.with_amounts(lines)))


def _with_doubt(lines: Frame, days: Days | None) -> Frame:
    """Add ``in_doubt``: the patient's day is one of these; and ``amounts_open``."""
    if days is None:
        return lines.with_columns(in_doubt=nw.lit(False), amounts_open=nw.lit(False))
    told: engine.Columns = {name: days[name].to_list() for name in days.columns}
    told["in_doubt"] = [True] * len(days)
    types: dict[str, type] = {"patient": str, "date": date}
    types |= {"amounts_open": bool, "in_doubt": bool}
    lines = lines.join(engine.beside(lines, told, types), on=["patient", "date"], how="left")
    return lines.with_columns(nw.col("in_doubt", "amounts_open").fill_null(False))


def _has_prior(options: billing.Options) -> nw.Expr:
    """Whether amounts spent elsewhere are given, of the line's year or of none."""
    if "--prior" in options.yearless:
        return nw.lit(True)
    years = options.years.get("--prior")
    return nw.col("date").dt.year().is_in(list(years)) if years else nw.lit(False)


# Steps that no rule looks at: a table of a million lines is as dear as it is wide.
_COUNTING_STEPS = (
    "therapist_ms", "claimed_rows", "add_on_rows", "only_add_on", "first_billed",
    "add_on_billed",
    "first_charge", "add_on_charge", "first_billed_rows", "add_on_billed_rows",
    "first_charge_rows", "add_on_charge_rows", "least clinician", "most clinician",
    "therapist_minutes", "counting_rule", "rule_pool", "next_minutes", "service_minutes",
    "place", "turn", "day_minutes", "day_units",
)  # fmt: skip
_JUDGING_STEPS = (
    "whole_units", "rest_minutes", "left_units", "cut_minutes", "units_unjudged",
    "by_quarters", "assistant_rest", "therapist_rest", "assistant_minutes",
    "de_minimis_percent", "assistant_midpoint", "service_units", "service_assistant_units",
    "counted_ms", "assistant_ms", "idle_units", "rule_unit_minutes", "unit_minutes",
    "assistant_whole",
)  # fmt: skip


def _with_other_code(lines: Frame) -> Frame:
    """Add lacks_primary, primary_documented and primary_cents: what an add-on's other code says.

    ``lacks_primary``: the add-on bills units, but for a denial, and the provider none of its
    primary code on the day; one with a charge and blank units is billed. So too of the primary code
    itself, if an add-on of it bills units in the pool. ``primary_documented`` are sessions of that
    code on the day with the provider, ``primary_cents`` its over_cents in the pool. False, 0 and
    null of other codes.
    """
    visit, added = ["patient", "date", "provider"], nw.col("add_on_of") != ""
    names = ("lacks_primary", "primary_documented", "primary_cents")
    lines = lines.with_columns(
        lacks_primary=nw.lit(False),
        primary_documented=nw.lit(0, dtype=nw.Int64),
        primary_cents=nw.lit(None, dtype=nw.Int64),
    )
    lines = engine.settled(engine.touched(lines, added, visit, "with_add_on"))
    near = lines.filter(nw.col("with_add_on"))
    charged = (nw.col("charge_rows") > 0) & (nw.col("charge_cents") > 0).fill_null(False)
    silent = nw.col("units_claimed").is_null() & charged
    near = near.with_columns(
        paid=nw.when(silent).then(1).otherwise(nw.col("billed")).cast(nw.Int64),
        asked=nw.col("billed") - nw.col("refused_units"),
    )
    sums = total("paid"), total("documented_rows").alias(names[1])
    primary = near.group_by(*visit, "code").agg(*sums).rename({"code": "primary"})
    cents = near.select(*POOL, "code", primary_cents="over_cents").rename({"code": "primary"})
    further = near.filter(added).group_by(*POOL, "add_on_of").agg(total("asked"))
    further = further.rename({"add_on_of": "primary"})

    def beside(both: Frame) -> Frame:
        both = both.with_columns(primary=nw.when(added).then("add_on_of").otherwise("code"))
        both = both.drop(*names).join(primary, on=[*visit, "primary"], how="left")
        for said in (cents, further):
            both = both.join(said, on=[*POOL, "primary"], how="left")
        own = nw.col("billed") - nw.col("refused_units")
        asked = nw.when(added).then(own).otherwise("asked").fill_null(0)
        return both.with_columns(
            lacks_primary=(nw.col("paid").fill_null(0) == 0) & (asked > 0),
            primary_documented=nw.col(names[1]).fill_null(0),
        )

    either = nw.col("with_add_on") & (added | nw.col("has_add_on"))
    return engine.some(lines, either, beside, names).drop("with_add_on")


def _beside_day(lines: Frame, day: Frame) -> Frame:
    """Lines with what their day's group of counting adds up to, under names of a group."""
    group = list(billed.GROUP)
    sums = day.select(
        *group, group_kept="day_kept", group_units="day_units", group_wrong="day_wrong",
        group_without="day_without_minutes", group_without_cents="day_without_cents",
        group_unminuted="day_unminuted", group_cents="day_over_cents", group_refused="day_refused",
        group_doubled="doubled_minutes", group_unpayable="day_unpayable",
        group_divided=nw.col("divided").cast(nw.Int64), group_doubtful="day_doubtful",
    )  # fmt: skip
    names = [name for name in sums.columns if name not in group]
    lines = lines.with_columns(**dict.fromkeys(names, nw.lit(None, dtype=nw.Int64)))

    def beside(odd: Frame) -> Frame:
        return odd.drop(*names).join(sums, on=group, how="left")

    return engine.some(lines, nw.col("odd_group"), beside, names)


def _beside_shared(lines: Frame, clashes: Frame) -> Frame:
    """Lines with shared_rule, the rule that reports the minutes behind units on the wrong code.

    Of a code beyond its bounds whose minutes another row shares, and of those that it exchanges
    units with: nobody can tell whose the minutes are. A clash is found where its later row stands:
    with that of another discipline or provider the units are no part of it.
    """
    lines = lines.with_columns(shared_rule=nw.lit(""))
    if engine.is_empty(clashes):
        return lines
    names = (*POOL, "service")
    others = {name: f"{name}_2" for name in names if name != "patient"}
    visit = [name for name in DISCIPLINE_VISIT if name in others]
    here = nw.all_horizontal(*(nw.col(n) == nw.col(others[n]) for n in visit), ignore_nulls=True)
    mine = clashes.select(*names, "kind")
    theirs = clashes.filter(here).select("patient", "kind", **others)
    both = nw.concat([mine, theirs.select(mine.columns)], how="vertical")
    kinds = both.group_by(*names).agg(nw.col("kind").min().alias("shared_kind"))
    wrong = lines.filter(nw.col("misplaced")).select(*names, "day_group")
    wrong = wrong.join(kinds, on=list(names), how="inner")
    wrong = wrong.group_by(*billed.GROUP).agg(nw.col("shared_kind").min())

    def beside(few: Frame) -> Frame:
        few = few.drop("shared_rule").join(wrong, on=list(billed.GROUP), how="left")
        return few.with_columns(shared_rule=_rule_of(nw.col("shared_kind")))

    return engine.some(lines, nw.col("misplaced"), beside, ("shared_rule",))


def _beside_twins(lines: Frame, clashes: Frame) -> Frame:
    """Lines with twin_rows: how many of the code's rows repeat another one."""
    counted = nw.len().cast(nw.Int64).alias("twin_rows")
    twins = clashes.filter(nw.col("kind") == overlaps.TWIN).group_by(*CODE_KEY).agg(counted)
    twins = engine.settled(twins)
    lines = engine.marked(lines, twins, "patient", "with_twins")
    lines = lines.with_columns(twin_rows=nw.lit(0, dtype=nw.Int64))

    def beside(few: Frame) -> Frame:
        few = few.drop("twin_rows").join(twins, on=list(CODE_KEY), how="left")
        return few.with_columns(nw.col("twin_rows").fill_null(0))

    return engine.some(lines, nw.col("with_twins"), beside, ("twin_rows",)).drop("with_twins")


def _with_daily_twins(clashes: Frame, lines: Frame) -> Frame:
    """Twins of a code that counts once a day, billed on each row: no longer ``loose``.

    The first of them has what the units too many cost.
    """
    daily, twins = nw.col("unit_basis") == "day", nw.col("twin_rows")
    asked = nw.col("billed") - nw.col("refused_units")
    twice = daily & (asked > 1) & (twins > 0) & (asked <= twins + 1)
    cents = nw.when(nw.col("refused_units") == 0).then("over_cents")
    few = engine.settled(lines.filter(twice).select(*CODE_KEY, daily_cents=cents))
    if engine.is_empty(few):
        return clashes
    few = few.with_columns(sure=nw.lit(True))
    clashes = engine.placed(clashes, (*CODE_KEY, "kind"), ("file", "row"))
    clashes = clashes.join(few, on=list(CODE_KEY), how="left")
    first_twin = (nw.col("kind") == overlaps.TWIN) & (nw.col("turn") == 1)
    cents = nw.when(first_twin).then(nw.col("daily_cents"))
    both = nw.col("over_cents") + cents
    return clashes.with_columns(
        loose=nw.col("loose") & nw.col("sure").is_null(),
        over_cents=nw.coalesce(both, nw.col("over_cents"), cents),
    ).drop("turn", "daily_cents", "sure")


def _said_apart(clashes: Frame, pairs: Frame) -> tuple[Frame, Frame]:
    """Clashes of codes that a line bills as distinct (``said_apart``), and over_cents of ``pairs``.

    What such a clash costs stands with the pair of its own row, or else of the other row.
    """
    nothing = nw.lit(None, dtype=nw.Int64)
    if engine.is_empty(pairs):
        return clashes.with_columns(said_apart=nw.lit(False)), pairs.with_columns(
            over_cents=nothing
        )
    place = ["file", "row", "file_2", "row_2"]
    turned = dict(zip(place, ["file_2", "row_2", "file", "row"], strict=True))
    said = pairs.filter(nw.col("apart_from") == 0).select(*place)
    back = said.rename(turned).select(*place)
    either = nw.concat([said, back], how="vertical").unique()
    either = either.with_columns(said_apart=nw.lit(True))
    clashes = clashes.join(either, on=place, how="left")
    codes = nw.col("kind") == overlaps.CODES
    clashes = clashes.with_columns(said_apart=nw.col("said_apart").fill_null(False) & codes)
    cost = clashes.filter(nw.col("said_apart") & ~nw.col("over_cents").is_null())
    cost = cost.select(*place, "over_cents")
    other = cost.join(said, on=place, how="anti").rename(turned).select(*place, "over_cents")
    cost = nw.concat([cost, other], how="vertical")
    return clashes, pairs.join(cost, on=place, how="left")


def _with_clash_kinds(day: Frame, clashes: Frame) -> Frame:
    """Add ``clash_kind``, the least of the pool's clashes; of a code that counts alone, its own."""
    least = nw.col("kind").min().cast(nw.Int64)
    of_pool = clashes.group_by(*POOL).agg(least.alias("clash_kind"))
    of_code = clashes.group_by(*POOL, "service").agg(least.alias("own_kind"))
    of_code = of_code.rename({"service": "day_group"})
    day = day.join(of_pool, on=list(POOL), how="left")
    day = day.join(of_code, on=list(billed.GROUP), how="left")
    kind = nw.when(nw.col("day_group") == "").then("clash_kind").otherwise("own_kind")
    return day.with_columns(clash_kind=kind).drop("own_kind")


def without_minutes(rows: Frame, lines: Frame) -> Frame:
    """Rows of timed codes without minutes, with the units and dollars that nothing supports.

    Units of a claim stand with the first such row of the code's day, and so do the dollars; none
    where the minutes of the day's other services bear all units that are billed, or beside units
    billed for a denial, which do not count. Where they bear some, what the others cost stands with
    the first such row of the group of counting.
    """
    asked = (nw.col("units_billed") > 0).fill_null(False) & ~billed.has(billed.EXCLUDED)
    bare = rows.filter(nw.col("fault_rule") == "U209")
    unheard = lines.filter(nw.col("unminuted_rows") > 0)
    told = nw.col("group_refused") == 0
    beyond = told & (nw.col("group_kept") + nw.col("group_without") > nw.col("group_units"))
    bears = beyond & (nw.col("group_kept") < nw.col("group_units"))
    cents = nw.when(beyond).then("unsupported_cents")
    left = nw.when(bears).then(nw.col("group_cents") + nw.col("group_without_cents"))
    names = ("day_group", "units_without_minutes")
    facts = unheard.select(*CODE_KEY, *names, bare_cents=cents, left_cents=left)
    idle = nw.when(asked).then(0).otherwise(1)
    bare = bare.join(facts, on=list(CODE_KEY), how="left").with_columns(idle=idle)
    order = ("idle", "file", "row")
    bare = engine.placed(engine.placed(bare, billed.GROUP, order, "group_turn"), CODE_KEY, order)
    first, without = nw.col("turn") == 1, nw.col("units_without_minutes")
    own = nw.when(asked).then("units_billed").otherwise(nw.col("units_billed") * 0)
    mine = nw.when(asked | ~first).then(own).otherwise(without)
    left = nw.when((nw.col("group_turn") == 1) & (nw.col("left_cents") > 0)).then("left_cents")
    return bare.with_columns(
        units_bare=nw.coalesce(mine, own),
        bare_cents=nw.when(~nw.col("left_cents").is_null())
        .then(left)
        .when(first & (without > 0))
        .then("bare_cents"),
    )


def _explained_by_overlap(
    day: Frame, rows: Frame, clashes: Frame, config: Config, days: list[date]
) -> Frame:
    """Add raw_units, cause_rule, the rule that reports the clash behind units too many, and others.

    ``raw_units``: the day's units if minutes that stand on two rows counted twice, or if what rows
    that stand in the log twice bill again counted. ``doubled_minutes``: those that stand on two
    rows and count once, where no clash says so already.
    """
    shared = engine.settled(rows.filter(nw.col("lost_ms") >= times.MINUTE).select(*POOL))
    if engine.is_empty(shared):
        return day.with_columns(
            raw_units=nw.col("day_units"),
            cause_rule=nw.lit(""),
            doubled_minutes=nw.lit(0, dtype=nw.Int64),
        )
    twice = engine.among(rows, shared, POOL).with_columns(counted_ms=nw.col("length_ms"))
    counted, keys = _units_of(twice, day, config, days), list(billed.GROUP)
    again = clashes.group_by(*POOL, "service").agg(total("units_again"))
    unsaid = twice.join(clashes.select("file", "row"), on=["file", "row"], how="anti")
    doubled = unsaid.group_by(*POOL, "service").agg(total("lost_ms").alias("doubled_ms"))
    for said in (again, doubled):
        counted = counted.join(said, on=[*POOL, "service"], how="left")
    sums = ("units_again", "doubled_ms")
    raw = counted.group_by(*keys).agg(total("units").alias("raw_units"), *map(total, sums))
    day = day.join(raw, on=keys, how="left")
    with_again = nw.col("day_units") + nw.col("units_again").fill_null(0)
    most = nw.max_horizontal("raw_units", with_again)
    doubled_minutes = nw.col("doubled_ms").fill_null(0) // times.MINUTE
    day = day.with_columns(raw_units=most, doubled_minutes=doubled_minutes).drop(sums)
    rule = _rule_of(nw.col("clash_kind"))
    beyond = nw.col("day_kept") - nw.col("day_refused") > nw.col("raw_units")
    return day.with_columns(cause_rule=nw.when(beyond).then(nw.lit("")).otherwise(rule))


def _explained_by_clock(
    day: Frame, rows: Frame, config: Config, days: list[date]
) -> tuple[Frame, Frame]:
    """Days with T110 as ``cause_rule`` of units that minutes beyond the clock times earn.

    And the rows with more minutes than their clock times: ``earns`` what is billed too much for the
    day, as long as those with more such minutes do not; the first one's over_cents say what that
    costs.
    """
    more = nw.col("given_ms") - nw.col("length_ms")
    counts = nw.col("counts") & nw.col("in_sweep")
    beyond = (counts & (more >= times.MINUTE)).fill_null(False)
    logged = rows.filter((counts & (more > 0)).fill_null(False))
    more_ms = nw.when(beyond).then(more).otherwise(0)
    logged = engine.settled(logged.with_columns(less=0 - more, more_ms=more_ms))
    nothing = nw.lit(None, dtype=nw.Int64)
    if engine.is_empty(logged):
        return day, logged.with_columns(earns=nw.lit(False), over_cents=nothing)
    visits = engine.settled(engine.among(rows, logged.filter(beyond), POOL))
    given = visits.with_columns(counted_ms=nw.col("counted_ms") + more_ms)
    counted = engine.settled(_units_of(given, day, config, days))
    sums = total("units").alias("logged_units"), total("minutes").alias("logged_minutes")
    group = counted.group_by(*billed.GROUP).agg(*sums)
    day = day.join(group, on=list(billed.GROUP), how="left")
    asked = nw.col("day_kept") - nw.col("day_refused")
    earned = (asked > nw.col("day_units")) & (asked <= nw.col("logged_units"))
    mine = (nw.col("cause_rule") == "") & earned.fill_null(False)
    cause = nw.when(mine).then(nw.lit("T110")).otherwise("cause_rule")
    day = engine.settled(day.with_columns(cause_rule=cause))
    cents = nw.when(nw.col("day_refused") == 0).then("day_over_cents")
    over = day.filter(nw.col("cause_rule") == "T110").select(
        *billed.GROUP, "logged_minutes", over_cents=cents, asked=asked
    )
    logged = _with_units_before(logged, counted, over)
    first, earns = nw.col("turn") == 1, nw.col("asked") > nw.col("units_before")
    logged = logged.with_columns(
        earns=earns.fill_null(False), over_cents=nw.when(first).then("over_cents")
    )
    return day.drop("logged_units", "logged_minutes"), logged


def _with_units_before(logged: Frame, counted: Frame, over: Frame) -> Frame:
    """Rows with ``turn``, by falling minutes beyond the clock, and units_before: of those before.

    Those of the group of counting (see ``over``) if of minutes beyond the clock only the ones of
    rows with an earlier turn count. ``counted``: services in which all of them do.
    """
    service, group = (*POOL, "service"), billed.GROUP
    facts = counted.select(
        *service, "day_group", "pooled", "first_unit_minutes", "unit_minutes",
        "rule_unit_minutes", "rule_first_minutes", service_ms="counted_ms",
    )  # fmt: skip
    logged = logged.join(facts, on=list(service), how="left")
    logged = engine.placed(logged, group, ("less", "file", "row"))
    sums = {"all_more": "more_ms"}
    logged = engine.within(logged, service, ["turn"], total=sums, running={"more_upto": "more_ms"})
    # A service drops the fraction of a minute once, so a row's own may come to one more or less.
    upto = nw.col("service_ms") - nw.col("all_more") + nw.col("more_upto")
    gained = upto // times.MINUTE - (upto - nw.col("more_ms")) // times.MINUTE
    logged = logged.with_columns(gained=gained.fill_null(0).cast(nw.Int64), back=0 - nw.col("turn"))
    logged = engine.within(logged, group, ["back"], running={"gained_from": "gained"})
    logged = logged.join(over, on=list(group), how="left")
    before = nw.col("logged_minutes") - nw.col("gained_from")
    return engine.settled(logged.with_columns(units_before=counting.units_together(before)))


def _units_of(rows: Frame, day: Frame, config: Config, days: list[date]) -> Frame:
    """Timed services of rows with their units, and the group of counting that they have in ``day``.

    Of those that are not in it: all pooled ones together.
    """
    counted = billing.count_services(counting.services(rows), config, days)
    alone = (
        day.filter(nw.col("day_group") != "").select(*billed.GROUP).rename({"day_group": "service"})
    )
    counted = counted.filter(nw.col("unit_basis") == "minutes")
    counted = counted.join(
        alone.with_columns(alone=nw.lit(True)), on=[*POOL, "service"], how="left"
    )
    pooled = nw.col("pooled") & nw.col("alone").is_null()
    group = nw.when(pooled).then(nw.lit("")).otherwise(nw.col("service"))
    return counted.with_columns(day_group=group).drop("alone")


def billed_as_assistants(rows: Frame, lines: Frame) -> Frame:
    """Rows billed with CQ or CO, ``none_due``: surely no unit of the code's day is.

    ``of_record``: GP or GO by the row's discipline, with CQ or CO where it is an assistant's, or a
    claim's and some are due, or all units that the code's day bills so are due; GN of another
    discipline, or of none.
    """
    rows = rows.filter(billed.has("CQ|CO"))
    low, high = nw.col("assistant_low"), nw.col("assistant_high")
    told = (nw.col("assistant_marks") > 0) & (nw.col("unnamed_rows") == 0)
    lines = lines.filter(told & (nw.col("documented_rows") > 0)).select(
        *CODE_KEY,
        none_due=high == 0,
        some_due=high > 0,
        all_due=nw.col("assistant_units_billed") <= low,
    )
    rows = rows.join(lines, on=list(CODE_KEY), how="left")
    none, some, every = (nw.col(f"{name}_due").fill_null(False) for name in ("none", "some", "all"))
    claimed = ~nw.col("documented") & some
    due = ~none & (every | (nw.col("role") == "assistant") | claimed)
    said = nw.lit("GN")
    for name, modifier in modifiers.ASSISTANT.items():
        own = modifiers.DISCIPLINE[name]
        mine = nw.when(due).then(nw.lit(f"{own} {modifier}")).otherwise(nw.lit(own))
        said = nw.when(nw.col("discipline") == name).then(mine).otherwise(said)
    return rows.with_columns(none_due=none, of_record=said).drop("all_due", "some_due")


def _rule_of(clash_kind: nw.Expr) -> nw.Expr:
    """The rule that reports clashes of a kind, "" for none."""
    rule = nw.lit("")
    for kind, code in overlaps.RULE_OF.items():
        rule = nw.when(clash_kind == kind).then(nw.lit(code)).otherwise(rule)
    return rule


def _even_days(day: Frame, clashes: Frame, lines: Frame) -> Frame:
    """Patients' days, ``divided``: two clinicians at once, and all that was billed is supported.

    The minutes of co-treatment may be shared between the disciplines (BPM ch. 15 s. 230), so that
    one has more and the other less than counting gives them. Groups that are not in ``day`` are
    billed as their minutes say.
    """
    who = ["patient", "date"]
    both = clashes.filter(nw.col("kind") == overlaps.CLINICIANS).select(*who).unique()
    paid = engine.among(lines, both, who).filter(nw.col("billed") > 0).select(*who).unique()
    sums = day.group_by(*who).agg(*map(total, ("day_kept", "day_refused", "day_units")))
    asked = nw.col("day_kept") - nw.col("day_refused")
    over = sums.filter(asked > nw.col("day_units")).select(*who)
    even = both.join(paid, on=who, how="semi").join(over, on=who, how="anti")
    return even.with_columns(divided=nw.lit(True))


def _with_cents(clashes: Frame, lines: Frame, day: Frame, even: Frame) -> Frame:
    """Add over_cents to the first clash of a day whose units the clashes explain.

    Those too many, or exchanged where the day's are right. And ``divided`` of the patient's day
    (see `_even_days`), which nobody was paid too much for.
    """
    clashes = clashes.join(even, on=["patient", "date"], how="left")
    clashes = clashes.with_columns(nw.col("divided").fill_null(False))
    exchanged = engine.settled(lines.filter(_is_shared()).select(*billed.GROUP).unique())
    exchanged = exchanged.with_columns(exchanged=nw.lit(True))
    day = day.join(exchanged, on=list(billed.GROUP), how="left")
    kept, units = nw.col("day_kept"), nw.col("day_units")
    exchange = (
        nw.col("exchanged").fill_null(False) & (kept == units) & (nw.col("day_unminuted") == 0)
    )
    explained = ((kept > units) & (kept <= nw.col("raw_units"))) | exchange
    # Beside units billed for a denial nobody knows what the others are worth.
    told = ~nw.col("day_over_cents").is_null() & (nw.col("day_refused") == 0)
    days = day.filter(explained & told)
    days = days.group_by(*POOL).agg(total("day_over_cents").alias("over_cents"))
    clashes = clashes.join(days, on=list(POOL), how="left")
    clashes = engine.placed(clashes, POOL, ("kind", "file", "row"))
    first = (nw.col("turn") == 1) & ~nw.col("divided")
    return clashes.with_columns(over_cents=nw.when(first).then(nw.col("over_cents")))


def _is_shared() -> nw.Expr:
    """The line has what an exchange of units costs, and shared minutes are behind it.

    But for an add-on without its primary code, which is another rule's.
    """
    shared = (nw.col("shared_rule") != "") & ~nw.col("lacks_primary")
    return nw.col("first_misplaced") & shared


def _with_twins(clashes: Frame, rows: Frame) -> Frame:
    """Add rows that repeat another one's minutes, ``loose``: no clock times prove it."""
    names = (*overlaps.CLASH, "loose", "over_cents", "divided")
    twins = overlaps.twins(rows).with_columns(
        over_cents=nw.lit(None, dtype=nw.Int64), divided=nw.lit(False)
    )
    real = clashes.with_columns(loose=nw.lit(False))
    proved = real.filter(nw.col("kind") == overlaps.TWIN).select("file", "row")
    twins = twins.join(proved, on=["file", "row"], how="anti")
    return nw.concat([real.select(names), twins.select(names)], how="vertical")


# --- days of patients and clinicians -------------------------------------------------------


def treatment_days(rows: Frame, has: frozenset[str]) -> Frame:
    """Time of timed codes and logged total time of a patient's day in a discipline.

    ``part_b_rows``: timed ones of Part B, and not for a denial, of whose notes Medicare asks.

    Where the rows of a day log different totals these may be visits of their own and add up; equal
    ones where `_most_treatment` sees more visits than one. Of a log without totals only days on
    which a row lacks minutes: of others there is nothing to say.
    """
    to_part_b = nw.col("payer_part_b") & ~billed.has(billed.EXCLUDED)
    mine = rows.filter(nw.col("documented")).with_columns(to_part_b=to_part_b)
    if "total_minutes" not in has:
        bare = nw.col("fault_rule") == "U209"
        mine = engine.touched(mine.select(*_OF_TREATMENT), bare, PATIENT_DAY, "bare")
        mine = engine.settled(mine.filter(nw.col("bare")))
    timed = nw.col("timed") & nw.col("counts")
    has_minutes = timed & (nw.col("fault_rule") != "U209")
    mine = mine.with_columns(
        timed_ms=nw.when(timed).then(nw.col("counted_ms")).otherwise(0),
        part_b_rows=(timed & nw.col("to_part_b")).cast(nw.Int64),
        minute_rows=has_minutes.cast(nw.Int64),
        counted_rows=nw.col("counts").cast(nw.Int64),
        somebody=_treating(),
    )
    sums = ("timed_ms", "part_b_rows", "minute_rows", "counted_rows")
    day = engine.grouped(
        mine,
        PATIENT_DAY,
        total={name: name for name in sums},
        filled={},
        least={"first_place": "row_place", "least clinician": "somebody", "total_ms": "total_ms"},
        most={"most clinician": "somebody", "greatest_ms": "total_ms"},
    )
    day = _with_totals(engine.settled(first_rows.named(day)), mine)
    short = engine.settled(day.filter(nw.col("timed_ms") > nw.col("total_ms")).select(PATIENT_DAY))
    if not engine.is_empty(short):
        most = _most_treatment(engine.among(mine, short, PATIENT_DAY))
        day = day.join(most, on=list(PATIENT_DAY), how="left")
        day = day.with_columns(total_ms=nw.coalesce("most_ms", "total_ms")).drop("most_ms")
    return day


def _with_totals(day: Frame, rows: Frame) -> Frame:
    """Days with the sum of the totals that their ``rows`` log, equal ones once, as ``total_ms``.

    That stands there where all are equal, as on most: the least of them is the greatest.
    """
    unlike = day.filter(nw.col("total_ms") < nw.col("greatest_ms")).select(PATIENT_DAY)
    day = day.drop("greatest_ms")
    if engine.is_empty(unlike):
        return day
    totals = engine.among(rows.filter(~nw.col("total_ms").is_null()), unlike, PATIENT_DAY)
    totals = totals.select(*PATIENT_DAY, "total_ms").unique()
    sums = totals.group_by(*PATIENT_DAY).agg(total("total_ms").alias("all_ms"))
    day = day.join(sums, on=list(PATIENT_DAY), how="left")
    day = day.with_columns(total_ms=nw.coalesce("all_ms", "total_ms")).drop("all_ms")
    return engine.settled(day)


def _treating() -> nw.Expr:
    """Who treated: a student's or an aide's row beside a therapist's names nobody."""
    return nw.when((nw.col("clinician") != "") & nw.col("counts")).then(nw.col("clinician"))


_OF_TREATMENT = (
    *PATIENT_DAY, "clinician", "code", "file", "row", "row_place", "timed", "counts", "fault_rule",
    "total_ms", "counted_ms", "length_ms", "start_ms", "end_ms", "to_part_b",
)  # fmt: skip


def _most_treatment(rows: Frame) -> Frame:
    """By patient's day the most that its totals can mean, ``most_ms``.

    A total that several rows print is one visit's only where it cannot be told from theirs: each
    clinician has visits of his own, and each stretch of clock time without a gap is one; rows
    without clock times are of one visit until a code comes again, or each of its own where some
    timed row prints no total. Nor are there fewer visits than rows whose own minutes fill the
    total.
    """
    clocked = ~nw.col("start_ms").is_null() & ~nw.col("end_ms").is_null()
    rows = rows.with_columns(
        clocked=clocked,
        begins=nw.when(clocked).then(nw.col("start_ms")).otherwise(0),
        # Rows that touch are of one stretch.
        ends=nw.when(clocked).then(nw.col("end_ms") + 1).otherwise(1),
        fills=(nw.col("length_ms") >= nw.col("total_ms")).fill_null(False).cast(nw.Int64),
    )
    by_clinician, order = (*PATIENT_DAY, "clinician", "clocked"), ("begins", "file", "row")
    rows = engine.stretches(rows, by_clinician, order, "ends", "stretch", "together")
    bare = nw.col("timed") & nw.col("counts") & nw.col("total_ms").is_null()
    rows = engine.touched(rows, bare, PATIENT_DAY, "sparse")
    rows = rows.filter(~nw.col("total_ms").is_null()).with_columns(
        printed=nw.when(nw.col("sparse") & ~nw.col("clocked")).then(1).otherwise(0).cast(nw.Int64)
    )
    rows = engine.placed(rows, (*by_clinician, "total_ms", "code"), ("file", "row"))
    by_total = [*PATIENT_DAY, "total_ms"]
    visit = rows.with_columns(turn=nw.when("clocked").then(1).otherwise(nw.col("turn")))
    visit = visit.select(*by_total, "clinician", "clocked", "stretch", "turn").unique()
    visits = visit.group_by(*by_total).agg(nw.len().cast(nw.Int64).alias("visits"))
    filled = rows.group_by(*by_total).agg(total("fills"), total("printed"))
    both = visits.join(filled, on=by_total, how="left")
    most = nw.max_horizontal("visits", "fills", "printed")
    both = both.with_columns(most_ms=most * nw.col("total_ms"))
    return both.group_by(*PATIENT_DAY).agg(total("most_ms"))


def long_by_minutes(rows: Frame, config: Config, days: list[date]) -> Frame:
    """Minutes with one patient at a time of a patient's days that come near their limit."""
    somebody = _treating()
    mine = rows.with_columns(
        first_place=nw.col("row_place"), first_clinician=somebody, last_clinician=somebody
    )
    mine = limits.long_days(
        mine, "counted_ms", PATIENT_DAY, "patient_minutes", config, days, nw.col("one_on_one")
    )
    minutes = mine.group_by(*PATIENT_DAY).agg(
        total("counted_ms").alias("measured"), nw.col("limit").min(), *first_rows.aggregates()
    )
    minutes = first_rows.named(minutes).with_columns(supported=nw.lit(None, dtype=nw.Int64))
    return limits.measured(minutes, "patient_minutes")


def beyond_limits(minutes: Frame, lines: Frame, config: Config, days: list[date]) -> Frame:
    """What is measured of a patient's day (minutes or units), how much, and the limit.

    ``minutes``: see `long_by_minutes`. Units only where the minutes keep within their limit, those
    billed or, on a day without any, those that the minutes earn; ``supported`` beside them. Not of
    payers whose unit is shorter than Medicare's: as many of ten minutes are a shorter day.
    """
    claimed = ~nw.col("units_claimed").is_null()
    lines = engine.touched(lines, claimed, PATIENT_DAY, "claimed")
    # Of a day on which units are billed a code without any has none.
    asked = nw.col("billed") - nw.col("refused_units")
    units = nw.when("claimed").then(asked).otherwise("units")
    timed = lines.with_columns(
        measured=units.fill_null(0).cast(nw.Int64), supported=nw.col("units")
    )
    usual = nw.col("timed") & ~nw.col("payer").is_in(_with_shorter_units(config))
    timed = limits.long_days(timed, "measured", PATIENT_DAY, "patient_units", config, days, usual)
    by_units = timed.group_by(*PATIENT_DAY).agg(
        total("measured"), total("supported"), nw.col("limit").min(), *first_rows.aggregates()
    )
    by_units = limits.measured(first_rows.named(by_units), "patient_units")
    beyond = minutes.filter(nw.col("measured") > nw.col("limit")).select(PATIENT_DAY)
    by_units = by_units.join(beyond, on=list(PATIENT_DAY), how="anti")
    return nw.concat([minutes, by_units], how="vertical")


def _with_shorter_units(config: Config) -> list[str]:
    rules, payers = config.counting_rules, config.payers
    size = {payer: rules[facts["counting_rule"]]["unit_minutes"] for payer, facts in payers.items()}
    return [payer for payer, minutes in size.items() if minutes < size["medicare"]]


def evaluations(lines: Frame, config: Config, days: list[date]) -> Frame:
    """First evaluations, each with the days since the one before it in its group.

    ``days_since`` is 0 of several codes of a group on one day, ``days_before`` counts from the
    day before theirs.
    """
    group = nw.col("evaluation")
    anew = (group != "") & ~group.cast(nw.String).str.starts_with("repeat")
    lines = engine.told_by(lines, "evaluation", {"is_first": anew})
    # One that is billed without a session was not given.
    first = lines.filter(nw.col("is_first") & (nw.col("documented_rows") > 0))
    numbers = [day.toordinal() for day in days]
    first = limits.beside(first, config, days, "evaluation_days")
    first = lookups.on_date(first, days, day_number=numbers)
    keys = ["patient", "provider", "evaluation", "date"]
    by_day = first.group_by(*keys, "day_number").agg(
        nw.col("code").min(), nw.col("code").max().alias("last_code"),
        nw.col("discipline").min(), *first_rows.aggregates(),
        nw.col("evaluation_days_limit").min().cast(nw.Int64),
    )  # fmt: skip
    # The row is one of the code that is named.
    place = first.group_by(*keys, "code").agg(nw.col("first_place").min())
    by_day = by_day.drop("first_place").join(place, on=[*keys, "code"], how="left")
    before = (
        nw.col("day_number")
        .shift(1)
        .over("patient", "provider", "evaluation", order_by=["day_number"])
    )
    # Two codes of a kind on one day are no days apart.
    twice = nw.col("code") != nw.col("last_code")
    by_day = by_day.with_columns(days_before=(nw.col("day_number") - before).cast(nw.Int64))
    since = nw.when(twice).then(0).otherwise("days_before")
    return first_rows.named(by_day).with_columns(days_since=since.cast(nw.Int64))


def _uncounted(lines: Frame) -> int:
    return engine.count(lines.filter(told_by_log()))
