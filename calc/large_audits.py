"""A log larger than memory, audited in batches: no batch cuts a patient, nor a clinician.

Rows go through batches of patients first, which leave their findings and what clinicians' tables
need; then through batches of clinicians, and group rows through batches of dates; then patients
whose minutes a clinician shared with another come once more, for the units that this costs. What
a clinician's habits add up to, and one fault said once, wait for the last batch.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc import (
    auditing,
    batches,
    billing,
    claims,
    clinicians,
    engine,
    evidence,
    logs,
    matching,
    redacting,
    reviewing,
)
from calc.doubts import Doubts
from calc.params import Config
from calc.rule import Rule

Frame = nw.LazyFrame[Any]
Findings = nw.DataFrame[Any]
Habits = dict[str, nw.DataFrame[Any]]  # counts of clinicians that add up over batches

_HABITS = ("habit", "off_day")


def audit(
    sources: Sequence[str],
    folder: Path | str,
    config: Config,
    defaults: logs.Defaults | None = None,
    asked: reviewing.Asked | None = None,
    *,
    claimed: str | Sequence[str] = (),
    claims_sheet: str = "",
    maps: Mapping[str, str] | None = None,
    jobs: int = 1,
    batch_rows: int = batches.BATCH_ROWS,
    report: batches.Report = lambda text: None,
) -> tuple[reviewing.Reviewed, batches.Split]:
    """What `reviewing.review` gives, of sources of any size; and how they were read.

    ``folder`` holds what is not done yet; ``jobs`` batches at a time. Raises InputError as
    `reviewing.review`.
    """
    asked, blanks = asked or reviewing.Asked(), defaults or logs.Defaults()
    picked = auditing.rules_chosen(asked.select, asked.ignore)
    key = redacting.read_key(asked.redact) if asked.redact else None
    look_for = asked.options.patients
    places = _Places.under(Path(folder), batches.count_for(sources, batch_rows))
    ours, theirs = (_Reader(key, bool(claimed), merged) for merged in (True, False))
    log = batches.split(
        sources, config, blanks, places.log, rows_of=ours, audited=True, maps=maps,
        all_maps=not claimed, look_for=look_for, report=report,
    )  # fmt: skip
    lines, notes = None, list[str]()
    if claimed:
        named = [claimed] if isinstance(claimed, str) else claimed
        lines = batches.split(
            named, config, logs.of_claims(blanks, claims_sheet), places.claims, rows_of=theirs,
            audited=True, maps=maps, all_maps=False, look_for=look_for, report=report,
        )  # fmt: skip
        claims.require_apart(log.sheets, lines.sheets)
        logs.require_maps(maps or {}, [*log.headings, *lines.headings])
        theirs.held, notes = claims.matched_by(theirs.held, ours.providers, theirs.providers)
        log.met |= lines.met
        log.notes += [note for note in lines.notes if note not in log.notes]
    otherwise = claims.written_otherwise(ours.patients, theirs.patients)
    spanning: Mapping[str, int] = ours.spanning + theirs.spanning
    if key:
        asked = replace(asked, options=asked.options.for_patients(key.known))
        otherwise, spanning = key.renamed(otherwise), key.renamed(spanning)
    run = _Run(places, log, lines, ours, theirs, config, asked, picked, otherwise, spanning)
    numbers = range(len(places.log))
    progress = batches.Progress(log.rows_used, report)

    def patients(number: int) -> tuple[reviewing.Seen, Findings, Habits]:
        done = run.patients(number)
        progress.add(done[0].rows_used, "auditing patients")
        return done

    with ThreadPoolExecutor(engine.at_once(jobs)) as pool:
        first = list(pool.map(patients, numbers))
        report("auditing clinicians")
        run.read_late()
        later = [pool.map(step, numbers) for step in (run.groups, run.clinicians)]
        found = [findings for step in later for findings in step]
        found += pool.map(run.together, numbers)
    found += [findings for _, findings, _ in first]
    found.append(run.habits([habits for _, _, habits in first]))
    rejects = logs.rejects_as_one(log.rejects)
    if key:
        rejects = reviewing.without_names(rejects, log.mapping, config, key)
    files = [list(part.files.values()) for part in (log, lines) if part]
    bad = logs.rejects_as_one(lines.rejects) if lines else None
    if key and lines and bad is not None:
        bad = reviewing.without_names(bad, lines.mapping, config, key)
    rows = [engine.scan_parquet([str(path / _ROWS)]) for path in places.rows]
    seen = [part for part, _, _ in first]
    # Of a file in pieces the order of dates was told before: this is as it was asked for.
    blanks = replace(log.log.defaults, date_order=blanks.date_order)
    doubted = run.doubts(claims.nothing_unread())
    gathered = reviewing.Gathered(seen, found, rows, rejects, files, blanks, doubted, bad, notes)
    return reviewing.finish(gathered, config, asked, key), log


_ROWS = "rows.parquet"


@dataclass
class _Places:
    """Folders in which rows wait, one for each batch."""

    log: list[Path]
    claims: list[Path]
    rows: list[Path]  # a patient's, counted
    unsure: list[Path]  # days, see `Doubts`
    clashes: list[Path]  # of clinicians, by patient
    lost: list[Path]
    clinicians: list[Path]
    dates: list[Path]  # group rows

    @classmethod
    def under(cls, folder: Path, count: int) -> _Places:
        names = ("log", "claims", "rows", "unsure", "clashes", "lost", "clinicians", "dates")
        return cls(*(batches.new_folders(folder / name, count) for name in names))


class _Reader:
    """Chooses an audit's rows of each piece, and remembers what they hold."""

    def __init__(self, key: redacting.Key | None, matched: bool, merged: bool) -> None:
        self.matched = matched  # to the other of log and claims
        self._merged = merged  # see `claims.unread`
        self.held: frozenset[str] = frozenset()
        self._parts: list[frozenset[str]] = []
        self.providers: set[str] = set()
        self.patients: Counter[str] = Counter()
        self.spanning: Counter[str] = Counter()
        self.dates: set[date] = set()
        self._unread: list[nw.DataFrame[Any]] = []
        self._key = key

    def __call__(self, log: logs.Log) -> Frame:
        self._parts.append(claims.held(log))
        self.held = claims.held_in_all(self._parts)
        self.spanning += log.spanning
        self._unread.append(claims.unread(log, self._merged))
        if self.matched:
            self.providers |= claims.providers(log)
            self.patients += claims.patients(log)
            self.dates |= claims.dates(log, self._unread[-1])
        rows = engine.plain(log.audited).select(*logs.USED, *logs.HEARD)
        return redacting.redact_rows(rows, self._key) if self._key else rows

    def unread(self) -> nw.DataFrame[Any]:
        """Patient and date of what could not be read."""
        days = engine.stacked(self._unread)
        return redacting.redact(days, ("patient",), self._key) if self._key else days


@dataclass
class _Run:
    """The steps of an audit, each for one batch."""

    places: _Places
    log: batches.Split
    lines: batches.Split | None
    ours: _Reader
    theirs: _Reader
    config: Config
    asked: reviewing.Asked
    picked: tuple[type[Rule], ...]
    otherwise: Mapping[str, int]  # patients, see `Doubts`
    spanning: Mapping[str, int]  # the same

    def __post_init__(self) -> None:
        ours, theirs = self.ours.held, self.theirs.held
        both = claims.held_by_both(ours, theirs) if self.lines else ours
        self.has = both | reviewing.given(self.asked)
        self.rules = auditing.looked_for(self.picked, self.has)
        self.unread = self.theirs.unread() if self.lines else claims.nothing_unread()
        self.unheard = self.ours.unread()
        of_lines = self.lines.files if self.lines else ()
        named = {claims.line_file(name, self.log.files) for name in of_lines}
        self.files = sorted({*self.log.files, *named})

    def patients(self, number: int) -> tuple[reviewing.Seen, Findings, Habits]:
        """Findings about whole patients; their rows go on to the batches of the next steps."""
        rows, doubted = self._rows(number)
        found = evidence.of_patients(
            rows, self.has, self.config, self.asked.options, self.asked.extras, self.files,
            reviewing.days_in_doubt(doubted, rows),
        )  # fmt: skip
        habits = {name: engine.collect(engine.plain(found.tables.pop(name))) for name in _HABITS}
        rows, sheet = found.rows, self.asked.extras.timesheet
        findings = auditing.found(found.tables, self.config, self.rules, self.files)
        findings = auditing.beside_rows(findings, rows)
        seen = reviewing.seen(found, doubted, self.log.log.defaults, sheet)
        name = f"{number:05d}.parquet"
        findings, seen.lines_unsure = doubted.spared(findings), doubted.lines()
        kept = rows.select(clinicians.IN_POOLS)
        engine.write_parquet_part(engine.plain(kept), str(self.places.rows[number] / _ROWS))
        engine.write_parquet_part(doubted.unsure.lazy(), str(self.places.unsure[number] / name))
        mine = clinicians.rows_for(rows).select(clinicians.NEEDED)
        engine.split_parquet(mine, "clinician", self.places.clinicians, name)
        group = evidence.group_rows(rows).select(clinicians.NEEDED)
        engine.split_parquet(group, "date", self.places.dates, name)
        for folder in (self.places.log[number], self.places.claims[number]):
            shutil.rmtree(folder)
        return seen, findings, habits

    def _rows(self, number: int) -> tuple[Frame, Doubts]:
        log = self.log.batch(number)
        if self.lines is None:
            doubted = self.doubts(matching.in_doubt(log, self.ours.held))
            return matching.documented(log), doubted
        lines = self.lines.batch(number)
        held = self.ours.held, self.theirs.held
        rows, unsure = matching.beside(log, lines, self.config, *held, self.log.files)
        return rows, self.doubts(engine.collect(unsure))

    def doubts(self, unsure: nw.DataFrame[Any]) -> Doubts:
        """What is not told whole; ``unsure``: see `Doubts`, of one batch."""
        groups, covered = evidence.group_codes(self.config), claims.covered(self.ours.dates)
        patients = self.otherwise, self.spanning
        return Doubts(self.unread, unsure, self.unheard, groups, covered, *patients)

    def read_late(self) -> None:
        """Group rows near midnight, which may be company on a date of another batch."""
        self.late = evidence.late_groups([_all(folder) for folder in self.places.dates])

    def groups(self, number: int) -> Findings:
        """Findings about the groups of whole dates."""
        tables = evidence.of_groups(_all(self.places.dates[number]), self.late)
        found = auditing.found(tables, self.config, self.rules, self.files)
        return self.doubts(claims.nothing_unread()).spared(found)

    def clinicians(self, number: int) -> Findings:
        """Findings about whole clinicians; what their clashes cost waits for the patients."""
        rows = billing.dense(engine.settled(_all(self.places.clinicians[number])), self.config)
        days = engine.distinct(rows, "date")
        found = clinicians.gather(rows, self.config, days, self.asked.extras.timesheet)
        name = f"{number:05d}.parquet"
        engine.split_parquet(found.clashes, "patient", self.places.clashes, name)
        engine.split_parquet(found.lost, "patient", self.places.lost, name)
        return auditing.found(found.tables, self.config, self.rules, self.files)

    def together(self, number: int) -> Findings:
        """Findings about clinicians with two patients at once, with the patients' units."""
        clashes, lost = _all(self.places.clashes[number]), _all(self.places.lost[number])
        days = engine.distinct(clashes, "date")
        rows = _all(self.places.rows[number])
        options, bills = self.asked.options, clinicians.told(self.has)
        shared = clinicians.together(rows, clashes, lost, self.config, days, options, bills)
        found = auditing.found({"together": shared}, self.config, self.rules, self.files)
        unsure = engine.collect(_all(self.places.unsure[number]))
        return self.doubts(unsure).spared(found)

    def habits(self, parts: Sequence[Habits]) -> Findings:
        """Signals of clinicians' habits, over all batches."""
        counts = {name: engine.stacked([part[name] for part in parts]).lazy() for name in _HABITS}
        tables = evidence.of_habits(counts, self.config)
        return auditing.found(tables, self.config, self.rules, self.files)


def _all(folder: Path) -> Frame:
    return engine.scan_parquet(sorted(map(str, folder.iterdir())))
