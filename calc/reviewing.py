"""A log, its claims and what a user gives beside them, to a finished audit.

Findings of the chosen rules, what was waived or known before, totals, and what a report says
about the run. Overbilled and underbilled dollars are never netted.
"""

from __future__ import annotations

import warnings
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

import narwhals.stable.v2 as nw

from calc import (
    __version__,
    auditing,
    baseline,
    billed,
    billing,
    claims,
    doubts,
    engine,
    evidence,
    inputs,
    logs,
    matching,
    redacting,
    summaries,
    waivers,
)
from calc.auditing import Audit
from calc.doubts import Doubts
from calc.errors import InputError
from calc.params import Config, load
from calc.rule import BILLED, OVERLAPS, RULES, lacking
from calc.schema import Folded, rows_in, total

Frame = nw.LazyFrame[Any]


@dataclass(frozen=True)
class Asked:
    """What an audit is asked for: rules by prefix, and what lies beside the log."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extras: evidence.Extras = field(default_factory=evidence.Extras)
    options: billing.Options = field(default_factory=billing.Options)
    waivers: str = ""  # paths of files; blank: none
    baseline: str = ""
    redact: str = ""
    # What a report says lay beside the log, by option: a text, or a file's name and sha256.
    beside: Mapping[str, str | dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reviewed:
    """An audit, the records of the log that could not be read, and those of the claims."""

    audit: Audit
    rejects: nw.DataFrame[Any]
    lines_claimed: int = 0
    claims_rejects: nw.DataFrame[Any] | None = None  # None without claims
    apart: bool = False  # log and claims have no patient in common, see `claims.Met`
    # Of what a report says, that which matters where findings stand without one.
    beside: list[str] = field(default_factory=list)


@dataclass
class Seen:
    """What an audit saw of a log, or of a batch of its patients; batches add up."""

    has: frozenset[str]
    days: list[date]  # of the log and its claims
    dates: list[date]  # of the log
    rows_used: int
    lines_claimed: int
    uncounted: int
    gaps: dict[str, int]
    people: nw.DataFrame[Any]  # clinician, sessions, units_billed, units_supported
    met: claims.Met
    part_b: bool  # whether anything is Medicare's
    filled: frozenset[str]  # see logs.filled
    # Clinicians' days without an entry in the time sheet, and whether a row lacks clock times.
    off_sheet: frozenset[tuple[str, date, bool]] = frozenset()
    lines_unsure: int = 0  # see `doubts`


@dataclass
class Gathered:
    """What an audit has before it is put together: of a log, or of each batch of its patients."""

    seen: list[Seen]
    findings: list[nw.DataFrame[Any]]  # see auditing.found
    rows: Sequence[Frame]  # the table "row" of each, for the clinicians' days that a report draws
    rejects: nw.DataFrame[Any]
    files: list[list[inputs.File]]  # of the log, and of its claims
    defaults: logs.Defaults  # of the log
    doubted: Doubts
    claims_rejects: nw.DataFrame[Any] | None = None  # None without claims
    notes: list[str] = field(default_factory=list)


def review(
    log: logs.Log, config: Config, asked: Asked | None = None, claimed: logs.Log | None = None
) -> Reviewed:
    """Audit a log by its own billed units, or by the lines of ``claimed``.

    Raises InputError for an unknown rule, a file beside the log that cannot be used, or where
    none of the chosen rules can run, or log and claims are one sheet.
    """
    asked = asked or Asked()
    picked = auditing.rules_chosen(asked.select, asked.ignore)
    rejects = engine.collect(log.rejects(audited=True))
    key = redacting.read_key(asked.redact) if asked.redact else None
    unread = unsure = claims.nothing_unread()
    unheard, covered, otherwise = claims.unread(log, merged=True), None, dict[str, int]()
    bad, notes, spanning = None, list[str](), log.spanning
    if claimed is None:
        rows, has = matching.documented(log), claims.held(log)
        unsure = matching.in_doubt(log, has)
    else:
        claims.require_apart(log.sheets, claimed.sheets)
        ours, theirs = claims.held(log), claims.held(claimed)
        claimed = logs.alongside(claimed, log)
        both = (claims.providers(read) for read in (log, claimed))
        theirs, notes = claims.matched_by(theirs, *both)
        rows, days = matching.beside(log, claimed, config, ours, theirs)
        has = claims.held_by_both(ours, theirs)
        unread, unsure = claims.unread(claimed), engine.collect(days)
        bad = engine.collect(claimed.rejects(audited=True))
        covered = claims.covered(claims.dates(log, unheard))
        otherwise = claims.written_otherwise(claims.patients(log), claims.patients(claimed))
        spanning = spanning + claimed.spanning
        if key:
            bad = without_names(bad, claimed.mapping, config, key)
    groups = evidence.group_codes(config)
    doubted = Doubts(unread, unsure, unheard, groups, covered, otherwise, spanning)
    has |= given(asked)
    if key:
        doubted = doubted.by_codes(key)
        rows = redacting.redact_rows(engine.plain(rows), key)
        rejects = without_names(rejects, log.mapping, config, key)
        asked = replace(asked, options=asked.options.for_patients(key.known))
    in_doubt = days_in_doubt(doubted, rows)
    rules = auditing.looked_for(picked, has)

    def look(tables: dict[str, Frame], files: Sequence[str]) -> nw.DataFrame[Any]:
        return auditing.found(tables, config, rules, files)

    found = evidence.gather(rows, has, config, asked.options, asked.extras, in_doubt, look)

    def findings_of_all() -> nw.DataFrame[Any]:
        both = engine.stacked([*found.looked, look(found.tables, found.files)])
        return auditing.beside_rows(both, found.rows)

    findings, saw = engine.side_by_side(
        found.rows,
        findings_of_all,
        lambda: seen(found, doubted, log.defaults, asked.extras.timesheet),
    )
    findings, saw.lines_unsure = doubted.spared(findings), doubted.lines()
    files = [read.files for read in (log, claimed) if read]
    rows_seen, blanks = [found.rows], log.defaults
    gathered = Gathered([saw], [findings], rows_seen, rejects, files, blanks, doubted, bad, notes)
    return finish(gathered, config, asked, key)


def days_in_doubt(doubted: Doubts, rows: Frame) -> nw.DataFrame[Any] | None:
    """Of the rows' days of patients those in doubt, see `Doubts.among`; None of a log without."""
    if not doubted.any:
        return None
    days = rows.select("patient", "date").unique()
    return doubted.among(engine.collect(engine.plain(days)))


def given(asked: Asked) -> frozenset[str]:
    """What lies beside the log, by the names that rules need it under."""
    there = {
        "timesheet": asked.extras.timesheet is not None,
        "diagnosis_list": asked.extras.diagnoses is not None,
        "prior": bool(asked.options.prior),
    }
    return frozenset(name for name, here in there.items() if here)


def seen(
    found: evidence.Evidence,
    doubted: Doubts,
    defaults: logs.Defaults,
    timesheet: Mapping[tuple[str, date], int] | None,
) -> Seen:
    """What adds up over the batches of an audit."""
    rows = found.rows
    logged = rows.filter(nw.col("documented"))
    used = engine.count(logged)
    claimed = engine.count(rows.filter(~nw.col("documented")))
    dates = engine.distinct(logged, "date") if claimed else found.days
    people = _people(rows, found.tables["service"])
    beside = "claims" in found.has
    met = claims.met(rows, doubted.unheard, doubted.unread) if beside else claims.Met()
    part_b = bool(engine.count(rows.filter(nw.col("payer_part_b"))))
    return Seen(
        found.has, found.days, dates, used, claimed, found.uncounted, found.gaps, people, met,
        part_b, logs.filled(logged, defaults), _off_sheet(rows, timesheet),
    )  # fmt: skip


def finish(gathered: Gathered, config: Config, asked: Asked, key: redacting.Key | None) -> Reviewed:
    """The audit of a log, or of its batches: what was seen and found in each, put together."""
    whole, rejects = _whole(gathered.seen), gathered.rejects
    picked = auditing.rules_chosen(asked.select, asked.ignore)
    ran = auditing.runnable(picked, whole.has)
    codes = {rule.code for rule in ran}
    of_claims = frozenset() if gathered.claims_rejects is None else BILLED
    bad = gathered.claims_rejects
    no_lines = bad is not None and len(bad) and not whole.lines_claimed
    not_run = auditing.not_run(
        picked, whole.has, whole.gaps, whole.uncounted, of_claims, _no_rows(whole, rejects),
        "no line of the claims can be used" if no_lines else "",
    )  # fmt: skip
    if whole.rows_used and not ran:
        reasons = "; ".join(f"{entry['rule']}: {entry['reason']}" for entry in not_run[:3])
        raise InputError("none of the chosen rules can run", hint=reasons)
    found, under = auditing.finished(gathered.findings, codes)
    found, folded = auditing.with_fingerprints(found, under)
    found, said = _accepted(found, folded, under, asked, key, codes)
    by_clinician = _by_clinician(whole.people, found)
    unbilled = "units_billed" not in whole.has  # that is not the same as 0 units
    if unbilled:
        by_clinician = by_clinician.with_columns(units_billed=nw.lit(None, dtype=nw.Int64))
    sums = ("sessions", "units_billed", "units_supported")
    unread = None if bad is None else len(bad)
    meta = _meta(whole, config, asked, len(rejects), unread, key)
    chosen = _chosen_said(asked)
    meta["notes"] += chosen
    meta["options"] = {**asdict(gathered.defaults), **meta["options"], **asked.beside}
    usual = logs.Defaults()  # others are named among the options
    filled = {n for n in whole.filled if getattr(gathered.defaults, n) == getattr(usual, n)}
    meta["notes"] += logs.filled_said(filled, usual)
    sheet = _sheet_said(whole, asked.extras.timesheet) if "T105" in codes else []
    meta["notes"] += sheet
    if whole.part_b and codes & {"M305", "M306"}:
        meta["notes"].append(_KX_SAID)
    meta["notes"] += _unusual(gathered.defaults, asked.beside)
    meta |= {name: int(by_clinician[name].sum()) for name in sums}
    if unbilled:
        meta["units_billed"] = None
    meta |= totals(found)
    if unbilled and (meta["overbilled_cents"] or meta["underbilled_cents"]):
        why = lacking("units_billed", bool(of_claims))
        meta["notes"].append(
            f"{why}: dollars are of those that the log's minutes would be billed as"
        )
    meta["known"] = said["known"]
    waived = set(found.filter(nw.col("waived") != "")["fingerprint"].to_list())
    if left_out := baseline.left_out(said[baseline.KNOWN], folded, waived):
        meta[baseline.KNOWN] = left_out
    meta["notes"] += gathered.notes + _alike(by_clinician["clinician"].to_list()) + said["notes"]
    meta["notes"] += [note for part in gathered.files for note in inputs.same_content(part)]
    meta["files"] = [asdict(file) for part in gathered.files for file in part]
    uncovered = whole.met.uncovered
    doubted = gathered.doubted
    lines, rows = (len(days) for days in (doubted.unread, doubted.unheard))
    anybodys = doubts.anybodys(doubted.unread)
    nameless = len(doubted.unheard.filter(nw.col("patient") == ""))
    not_run += doubts.not_run(
        ran, lines, whole.lines_unsure, rows, uncovered, anybodys, nameless, doubted.silenced,
        len(doubted.of_year) + whole.lines_unsure, "claims" if of_claims else "log's billed units",
    )  # fmt: skip
    timeline = _timeline(gathered.rows, found)
    silenced = frozenset({auditing.UNTOLD_YEAR, *(reason for reason, _ in doubted.silenced)})
    audit = Audit(found, not_run, meta, by_clinician, timeline, silenced)
    beside = [*chosen, *whole.met.notes(), *sheet, *said["notes"]]
    beside += [f"{_lines(said['known'], 'finding')} of the baseline left out"] * bool(said["known"])
    return Reviewed(audit, rejects, whole.lines_claimed, bad, whole.met.apart, beside)


def _no_rows(whole: Seen, rejects: nw.DataFrame[Any]) -> str:
    """Why the log has no rows to look at, "" where it has some."""
    if whole.rows_used:
        return ""
    return "no row of the log can be used" if len(rejects) else "the log has no rows"


def _alike(clinicians: Sequence[str]) -> list[str]:
    """A note of clinicians who may be one: two rows of one would be no fault of two."""
    written: dict[str, list[str]] = {}
    for name in clinicians:
        written.setdefault(" ".join(name.casefold().split()), []).append(name)
    twins = [", ".join(names) for names in written.values() if len(names) > 1]
    said = "; ".join(twins[:5]) + ("; and more" if len(twins) > 5 else "")
    return [f"clinicians told apart only by capitals or blanks: {said}"] if twins else []


def require_lines(done: Reviewed, claims: str = "claims") -> None:
    """InputError where claims are given and no line can be used, or none is of the log's patients.

    A single patient, of the log or of the claims, may well have nothing in the other.
    """
    if done.apart:
        hint = "write them alike in both files: 00123 is not 123, and a name is no number"
        raise InputError("no line is of a patient whom the log names", claims, hint)
    if done.claims_rejects is None or done.lines_claimed:
        return
    hint = "see the reasons" if len(done.claims_rejects) else "the claims hold no line at all"
    raise InputError("no line can be used, so nothing that was billed was audited", claims, hint)


def _whole(parts: Sequence[Seen]) -> Seen:
    return Seen(
        parts[0].has,
        sorted({day for part in parts for day in part.days}),
        sorted({day for part in parts for day in part.dates}),
        sum(part.rows_used for part in parts),
        sum(part.lines_claimed for part in parts),
        sum(part.uncounted for part in parts),
        {name: sum(part.gaps[name] for part in parts) for name in parts[0].gaps},
        engine.stacked([part.people for part in parts]),
        claims.met_in_all([part.met for part in parts]),
        any(part.part_b for part in parts),
        frozenset[str]().union(*(part.filled for part in parts)),
        frozenset[tuple[str, date, bool]]().union(*(part.off_sheet for part in parts)),
        sum(part.lines_unsure for part in parts),
    )


def _accepted(
    findings: nw.DataFrame[Any],
    folded: Sequence[Folded],
    under: nw.DataFrame[Any],
    asked: Asked,
    key: redacting.Key | None,
    ran: Container[str],
) -> tuple[nw.DataFrame[Any], dict[str, Any]]:
    """Findings without those of the baseline, the waived ones marked; and what to say of both.

    ``under``: those ``folded`` into others, which no waiver finds by themselves.
    ``ran``: the rules that did; a waiver of another one is no matter.
    """
    said: dict[str, Any] = {"known": 0, "notes": [], baseline.KNOWN: {}}
    if asked.waivers:
        given = waivers.read(asked.waivers, frozenset(RULES))
        given = [waiver for waiver in given if waiver.rule in ran]
        if key:
            given = [waiver.without_words(key.known(waiver.patient)) for waiver in given]
        findings, said["notes"] = waivers.apply(findings, given, date.today(), under)
    # Behind the waivers: one of a finding that is known is not unused.
    if asked.baseline:
        known = baseline.read(asked.baseline, key.mark if key else "")
        grown = baseline.grown(known, folded)
        there = {*findings["fingerprint"].to_list(), *(one.fingerprint for one in folded)}
        still = said[baseline.KNOWN] = baseline.kept(known, there, ran)
        # What rules that did not run found is kept all the same.
        if there and there.isdisjoint(known) and len(still) < len(known):
            said["notes"].append(
                "nothing of the baseline is found again: it may be of another log, or of an earlier"
                " version of this program"
            )
        findings, said["known"] = baseline.apply(findings, known, grown)
    return findings, said


def without_names(
    rejects: nw.DataFrame[Any],
    mapping: Mapping[str, list[str]],
    config: Config,
    key: redacting.Key,
) -> nw.DataFrame[Any]:
    """Rejects with codes for patients, and only those columns whose meaning is known.

    A slip may put a name into any cell: others keep only numbers, dates and clock times, reasons
    repeat no cell, and of records with more fields than the heading nothing is left.
    """
    if not len(rejects):
        return rejects
    known = {heading for headings in mapping.values() for heading in headings}
    ours = {*known, "file", *logs.REJECT}
    kept = rejects.select([name for name in rejects.columns if name in ours])
    told = ~nw.col("reason").str.starts_with(logs.RAGGED).fill_null(False)
    cells = [name for name in kept.columns if name in known]
    others = [name for name in cells if name not in mapping["patient"]]
    kept = redacting.without_words(kept, others)
    kept = kept.with_columns(
        *(nw.when(told).then(nw.col(name)).alias(name) for name in cells),
        reason=nw.col("reason").str.replace_all('(?s) ?".*"', "").str.strip_chars(),
    )
    nobody = config.blank_words("patient")
    return redacting.redact_cells(kept, mapping["patient"], nobody, key)


def totals(findings: nw.DataFrame[Any]) -> dict[str, int]:
    """Counts by severity and dollars over and under, of findings that are not waived.

    And how many are without dollars, those of units that are billed too low apart.
    """
    live = findings.filter(nw.col("waived") == "")
    without = live.filter(nw.col("without_dollars")).select(low=_too_low())["low"]
    below = int(without.sum())
    severity, cents = live["severity"], live["cents"].drop_nulls()
    return {
        "errors": int((severity == "error").sum()),
        "warnings": int((severity == "warning").sum()),
        "infos": int((severity == "info").sum()),
        "waived": len(findings) - len(live),
        "overbilled_cents": int(cents.filter(cents > 0).sum()),
        "underbilled_cents": -int(cents.filter(cents < 0).sum()),
        "overbilled_without_dollars": len(without) - below,
        "underbilled_without_dollars": below,
    }


def _too_low() -> nw.Expr:
    """Whether a finding says that fewer units are billed than are supported."""
    found, expected = nw.col("found"), nw.col("expected")
    # A code, which some rules expect, has five digits.
    numbers = found.str.contains("^[0-9]{1,4}$") & expected.str.contains("^[0-9]{1,4}$")
    fewer = numbers & (found.str.zfill(9) < expected.str.zfill(9))
    return (nw.col("severity") == "info") | fewer.fill_null(False)


def fails(findings: nw.DataFrame[Any], at: str) -> bool:
    """Whether a finding of severity ``at`` or above stands; signals and waived ones never count."""
    levels = {"error": ["error"], "warning": ["error", "warning"], "never": []}
    counted = levels.get(at, ["error", "warning", "info"])
    live = findings.filter(
        nw.col("severity").is_in(counted),
        nw.col("waived") == "",
        ~nw.col("rule").str.starts_with("S"),
    )
    return len(live) > 0


# --- what a report says beside the findings ------------------------------------------------


_KX_SAID = "KX is told by this log and --prior alone: claims of others are not seen"


def _off_sheet(
    rows: Frame, timesheet: Mapping[tuple[str, date], int] | None
) -> frozenset[tuple[str, date, bool]]:
    """Clinicians' days with one-on-one sessions for which a time sheet has no entry."""
    if timesheet is None:
        return frozenset()
    mine = rows.filter(nw.col("counts") & nw.col("one_on_one") & (nw.col("clinician") != ""))
    days = mine.select("clinician", "date", unclocked=~nw.col("in_sweep")).unique()
    found = engine.collect(engine.plain(days)).iter_rows()
    return frozenset(day for day in found if day[:2] not in timesheet)


def _sheet_said(whole: Seen, timesheet: Mapping[tuple[str, date], int] | None) -> list[str]:
    """Notes where a time sheet and the log do not name the same clinicians and days."""
    if timesheet is None:
        return []
    said, there = [], set(whole.people["clinician"].to_list())
    named = {clinician for clinician, _ in timesheet}
    if strange := named - there:
        said.append(
            f"--timesheet names {_lines(len(named), 'clinician')}, {len(strange):,} of them"
            " without a session in the log"
        )
    bare = {(who, day) for who, day, unclocked in whole.off_sheet if unclocked}
    clocked = {(who, day) for who, day, _ in whole.off_sheet} - bare
    for days, so in (
        (clocked, "measured from first start to last end"),
        (bare, "not checked by T105, as a row lacks its start or end"),
    ):
        if days:
            many = _lines(len(days), "day")
            said.append(f"--timesheet has no entry for {many} of clinicians: {so}")
    return said


def _people(rows: Frame, lines: Frame) -> nw.DataFrame[Any]:
    """Sessions, units billed and units supported by clinician.

    What a payer pays nothing for, and nobody billed, supports nothing either.
    """
    rows = rows.filter(nw.col("documented") & nw.col("counts"))
    sessions = rows.group_by("clinician").agg(nw.len().cast(nw.Int64).alias("sessions"))
    idle = billed.NO_PAY & (nw.col("billed") == 0).fill_null(False)
    lines = lines.with_columns(paid_units=nw.when(~idle).then("units").otherwise(0))
    units = lines.group_by("clinician").agg(
        total("billed").alias("units_billed"), total("paid_units").alias("units_supported")
    )
    return engine.stacked([engine.added_up(engine.plain(part)) for part in (sessions, units)])


def _by_clinician(people: nw.DataFrame[Any], findings: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Sessions, units billed and supported, findings and dollars of each clinician.

    Dollars are null where some finding is without and none has any.
    """
    counts = ("sessions", "units_billed", "units_supported")
    # A finding about a day of two clinicians names both.
    others = findings.select("clinician", **dict.fromkeys(counts, nw.lit(0, dtype=nw.Int64)))
    people = engine.stacked([people, others.unique()])
    people = people.group_by("clinician").agg(*(nw.col(name).sum() for name in counts))
    cents, severity = nw.col("cents"), nw.col("severity")
    live = findings.filter(nw.col("waived") == "").with_columns(
        without=nw.col("without_dollars").cast(nw.Int64),
        errors=(severity == "error").cast(nw.Int64),
        warnings=(severity == "warning").cast(nw.Int64),
        infos=(severity == "info").cast(nw.Int64),
        overbilled_cents=nw.when(cents > 0).then(cents).otherwise(0),
        underbilled_cents=nw.when(cents < 0).then(0 - cents).otherwise(0),
    )
    dollars = ("overbilled_cents", "underbilled_cents")
    sums = ("errors", "warnings", "infos", *dollars)
    found = live.group_by("clinician").agg(
        *(nw.col(name).sum() for name in (*sums, "without")), nw.col("cents").count()
    )
    people = people.join(found, on="clinician", how="left")
    people = people.with_columns(**{name: nw.col(name).fill_null(0) for name in sums})
    unknown = ((nw.col("without") > 0) & (nw.col("cents") == 0)).fill_null(False)
    blank = {name: nw.when(~unknown).then(nw.col(name)) for name in dollars}
    return people.with_columns(**blank).select("clinician", *counts, *sums).sort("clinician")


def _timeline(rows: Sequence[Frame], findings: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Rows of the clinicians' days on which rows overlap, and those of others that overlap there.

    ``overlap`` marks those that a finding names, ``window`` those whose minutes are fewer than
    their times. start_ms and end_ms are of the clock on the wall, offset_ms ahead of the instant;
    ``two_offsets``: the log's end is by another clock than its start.
    """
    here = findings.filter(nw.col("rule").is_in(OVERLAPS))
    days = here.filter(nw.col("clinician") != "").select("clinician", "date").unique()
    table: engine.Columns = {name: days[name].to_list() for name in ("clinician", "date")}
    shown = _sessions(rows, table, {"clinician": str, "date": date})
    named = here.select("rows", "file").unique()
    others = [place for listed, file in named.iter_rows() for place in rows_in(listed, file)]
    places: engine.Columns = {
        "file": [file for file, _ in others], "row": [row for _, row in others]
    }  # fmt: skip
    kinds: dict[str, type] = {"file": str, "row": int}
    partners = engine.collect(engine.table(places, kinds))
    marked = nw.concat([here.select("file", "row"), partners], how="vertical").unique()
    away = marked.join(shown, on=["file", "row"], how="anti")
    if len(days) and len(away):
        table = {name: away[name].to_list() for name in kinds}
        shown = engine.stacked([shown, _sessions(rows, table, kinds)])
    marked = marked.with_columns(overlap=nw.lit(True))
    done = shown.join(marked, on=["file", "row"], how="left")
    done = done.with_columns(nw.col("overlap").fill_null(False))
    return done.sort("date", "clinician", "start_ms", "file", "row")


def _sessions(
    rows: Sequence[Frame], table: engine.Columns, types: Mapping[str, type]
) -> nw.DataFrame[Any]:
    """Rows with clock times and one of these keys, as a picture shows them."""
    names = ("clinician", "date", "patient", "code", "file", "row", "offset_ms", "two_offsets")
    clocks = {name: nw.col(name) + nw.col("offset_ms") for name in ("start_ms", "end_ms")}
    shown = []
    for part in rows:
        few = engine.among(part, engine.beside(part, table, types), tuple(types))
        swept = few.filter(nw.col("in_sweep")).select(*names, **clocks, window=~nw.col("full"))
        shown.append(engine.collect(engine.plain(swept)))
    return engine.stacked(shown)


def _meta(
    whole: Seen,
    config: Config,
    asked: Asked,
    rejected: int,
    unread: int | None,
    key: redacting.Key | None,
) -> dict[str, Any]:
    notes = [asked.options.deductible_said] if whole.part_b else []
    part_b = bool(whole.part_b) or not whole.rows_used
    notes += summaries.options_said(asked.options, part_b, "this log")
    notes += config.folders_said
    if unpriced := whole.gaps["unpriced"]:
        said = _lines(unpriced, "billed line")
        notes.append(f"{said} without a known fee: findings about them have no dollars")
    if unread is not None:
        notes.append(f"{_lines(whole.lines_claimed, 'billed line')} of claims beside the log")
        if unread:
            notes.append(f"{_lines(unread, 'line')} of claims could not be read")
        notes += whole.met.notes()
    return {
        "program": "therapy-billing-calc",
        "version": __version__,
        "created": datetime.now().isoformat(timespec="seconds"),
        "figures": figures(config, whole.days),
        "config_folders": [str(folder) for folder in config.folders[:-1]],
        "options": {"select": list(asked.select), "ignore": list(asked.ignore)},
        baseline.REDACTED: key.mark if key else "",
        "rows_read": whole.rows_used + rejected,
        "rows_used": whole.rows_used,
        "rows_rejected": rejected,
        "lines_read": whole.lines_claimed + (unread or 0),  # of claims
        "lines_rejected": unread or 0,
        "first_date": str(whole.dates[0]) if whole.dates else "",
        "last_date": str(whole.dates[-1]) if whole.dates else "",
        "notes": notes,
        "never_checked": list(auditing.NEVER_CHECKED),
    }


def _chosen_said(asked: Asked) -> list[str]:
    """A note of how many rules were asked for, where it is not all."""
    picked = auditing.rules_chosen(asked.select, asked.ignore)
    if len(picked) == len(RULES):
        return []
    words = {"--select": asked.select, "--ignore": asked.ignore}
    given = " ".join(f"{option} {','.join(rules)}" for option, rules in words.items() if rules)
    return [f"{len(picked)} of {len(RULES)} rules were chosen ({given})"]


def _unusual(defaults: logs.Defaults, beside: Mapping[str, Any]) -> list[str]:
    """A note of what stood in blank cells, how the log was read and what lay beside it."""
    usual = asdict(logs.Defaults())
    said = {name: text for name, text in asdict(defaults).items() if text != usual[name]}
    said |= {name: given["name"] if isinstance(given, dict) else given
             for name, given in beside.items()}  # fmt: skip
    words = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in said.items())
    return [f"options: {words}"] if words else []


def _lines(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def figures(config: Config, days: list[date]) -> list[str]:
    """The published tables that the dates of a log are judged by, written out."""
    tables = ("rvu", "gpci", "mue", "ptp")
    editions = [edition for table in tables for edition in config.editions_on(table, days)]
    return sorted({f"{config.cite_edition(e)} ({e.first} to {e.last})" for e in editions})


# --- for callers ---------------------------------------------------------------------------


def audit_frame(
    source: Any,
    *,
    claims: Any = None,
    select: Any = (),
    ignore: Any = (),
    report: bool = False,
    config: Config | None = None,
    options: billing.Options | None = None,
    zone: str = "",
    date_order: str = "",
    claims_sheet: str = "",
    maps: Mapping[str, str] | None = None,
    **defaults: str,
) -> Any:
    """Findings of a log: a path, or a frame, which comes back as the caller's own kind.

    Columns as `therapy-calc audit --format csv`, dollars as exact decimals. ``claims``: a path or
    frame of billed lines, ``claims_sheet`` theirs of a workbook, as ``sheet`` is the log's;
    InputError where none of them can be used. ``select`` and ``ignore``: prefixes of rules. With
    ``report`` the whole `Audit`. ``maps``: heading of either to our column. A warning gives the
    count of rows, and one that of lines, that could not be read.
    """
    config = config or load()
    blanks = logs.Defaults(zone=zone, date_order=date_order, **defaults)
    known, alone = logs.maps_of(maps), claims is None
    # Only a report names the digests of what was read.
    log = logs.read(source, config, blanks, maps=known, all_maps=alone, digest=report)
    claimed = None
    asked = Asked(prefixes(select), prefixes(ignore), options=options or billing.Options())
    if claims is not None:
        theirs = logs.of_claims(blanks, claims_sheet)
        claimed = logs.read(claims, config, theirs, maps=known, all_maps=False, digest=report)
        logs.require_maps(known, [*log.place, *claimed.place])
        beside = {"claims": ", ".join(file.name for file in claimed.files) or "a frame"}
        beside |= {"claims_sheet": claims_sheet} if claims_sheet else {}
        asked = replace(asked, beside=beside)
    done = review(log, config, asked, claimed)
    require_lines(done)
    audit = done.audit
    rejected = audit.meta["rows_rejected"]
    if rejected:
        warnings.warn(logs.rejected_said(rejected), stacklevel=3)
    if done.claims_rejects is not None and len(done.claims_rejects):
        said = f"{_lines(len(done.claims_rejects), 'line')} of claims rejected"
        warnings.warn(said, stacklevel=3)
    if report:
        return audit
    from calc.reports import findings as written

    shown = written.printed(audit.findings, RULES)
    if inputs.is_named(source):
        return engine.collect(engine.decimals(shown.lazy(), ("dollars",))).to_native()
    return engine.given_back(shown, source, ("dollars",))


def prefixes(given: Any) -> tuple[str, ...]:
    """Rule prefixes of "U,M301", or of a list of such texts.

    >>> prefixes("u, m301"), prefixes(["U", "T1,T2"])
    (('U', 'M301'), ('U', 'T1', 'T2'))
    """
    texts = [given] if isinstance(given, str) else list(given or ())
    if odd := [text for text in texts if not isinstance(text, str)]:
        what = f"{type(odd[0]).__name__} is no prefix of rules"
        raise InputError(what, hint='write "U,M301", or a list of such texts')
    words = [word.strip().upper() for text in texts for word in text.split(",")]
    return tuple(word for word in words if word)
