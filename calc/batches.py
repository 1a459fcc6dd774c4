"""A log larger than memory, billed in batches: no batch cuts a patient.

Pass one reads the sources a piece at a time and sorts the SESSION rows into as many folders as
there are batches, by a hash of the patient. Pass two works through the folders. Each row is read
and written twice, so the cost stays in proportion to the rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc import billing, decoding, engine, inputs, lengths, logs, summaries
from calc.errors import InputError
from calc.params import Config

PIECE_ROWS = 1_000_000  # of a Parquet file, read at once
BATCH_ROWS = 1_000_000  # billed at once, about: patients differ in their rows

Report = Callable[[str], None]
RowsOf = Callable[[logs.Log], nw.LazyFrame[Any]]


@dataclass
class Split:
    """SESSION rows in folders, one for each batch, and what was read."""

    folders: list[Path]
    log: logs.Log  # of the first piece: headings and columns; its rows are no longer used
    carried: tuple[str, ...] = ()
    rows_used: int = 0
    rejects: list[nw.DataFrame[Any]] = field(default_factory=list)
    mapping: dict[str, list[str]] = field(default_factory=dict)  # our column to the headings used
    files: dict[str, inputs.File] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    met: set[str] = field(default_factory=set)  # of the patients that were looked for
    headings: dict[str, None] = field(default_factory=dict)  # of all pieces, in order
    heeded: set[str] = field(default_factory=set)  # of these, see `logs.Log`
    sheets: dict[str, str] = field(default_factory=dict)  # of each workbook the one that was read

    @property
    def rows_rejected(self) -> int:
        return sum(len(part) for part in self.rejects)

    def batch(self, number: int) -> logs.Log:
        """The log of a batch, to bill or to audit; it may hold no row."""
        rows = engine.scan_parquet(sorted(map(str, self.folders[number].iterdir())))
        rows = engine.with_text(rows, self.carried)
        return replace(self.log, sessions=rows, audited=rows, carried=self.carried)


@dataclass
class Progress:
    """Rows done, as a sentence with rows per second and the time left."""

    total: int
    report: Report
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, rows: int, what: str) -> None:
        """``rows`` more are done; ``what`` is being done with them."""
        self.done += rows
        took = max(time.monotonic() - self.began, 0.001)
        left = took * (self.total - self.done) / max(self.done, 1)
        speed, part = self.done / took, self.done / self.total if self.total else 1
        self.report(f"{what}: {part:.0%}, {speed:,.0f} rows/s, {left:.0f} s left")


def pieces(files: Sequence[str]) -> Iterator[tuple[str, Any, int]]:
    """Each file's name, what `logs.read` takes, and its rows (0: not known before it is read).

    Parquet files come in pieces of PIECE_ROWS, other files whole. InputError where one that comes
    in pieces is changed before the last of them is done with.
    """
    for name in files:
        if not name.endswith(".parquet"):
            yield name, name, 0
            continue
        before = _stamp(name)
        rows = engine.parquet_rows(name)
        for first in range(0, max(rows, 1), PIECE_ROWS):
            count = min(PIECE_ROWS, rows - first)
            yield name, logs.piece(name, first, count), count
            if _stamp(name) != before:
                raise decoding.changed(name)


def _stamp(name: str) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        return decoding.stamp(Path(name))
    return None


def count_for(sources: Sequence[str], batch_rows: int = BATCH_ROWS) -> int:
    """How many batches of about ``batch_rows`` the sources need."""
    return max(1, -(-_rows_of(inputs.paths(sources)[0], sources) // batch_rows))


def new_folders(folder: Path, count: int) -> list[Path]:
    """Folders for so many batches; InputError where those of another run are still there."""
    folders = [folder / f"batch-{number:05d}" for number in range(count)]
    try:
        for path in folders:
            path.mkdir(parents=True)
    except FileExistsError:
        hint = "name a folder that is new or empty"
        raise InputError("holds what another run left", str(folder.parent), hint) from None
    except OSError as error:
        reason = f"cannot be written ({error.strerror})"
        raise InputError(reason, str(folder.parent), engine.BESIDE_HINT) from None
    return folders


def split(
    sources: Sequence[str],
    config: Config,
    defaults: logs.Defaults,
    folders: list[Path],
    *,
    rows_of: RowsOf = lambda log: log.sessions,
    audited: bool = False,
    maps: Mapping[str, str] | None = None,
    all_maps: bool = True,
    look_for: frozenset[str] = frozenset(),
    report: Report = lambda text: None,
) -> Split:
    """Sort the rows of all sources into the folders by patient.

    ``rows_of`` chooses the rows of each piece that is read, and may look at it; ``audited``: the
    rows and rejects of an audit instead of a bill's; ``look_for``: patients. Raises InputError as
    `logs.read`.
    """
    files, notes = inputs.paths(sources)
    logs.require_sheet(defaults, filter(decoding.may_be_workbook, files), sources)
    progress = Progress(_rows_of(files, sources), report)
    found: Split | None = None
    told: dict[str, tuple[logs.Defaults, _Measures]] = {}
    kinds: list[logs.FileKinds] = []
    above: tuple[str, date | None] = ("", None)  # of the piece before
    for number, (name, piece, rows) in enumerate(pieces(files)):
        if name not in told:
            told[name], above = _told(name, config, defaults, maps or {}), ("", None)
        with inputs.naming_strays(name, sources):
            log = _read(name, piece, config, *told[name], maps)
        if not isinstance(piece, str):
            logs.below(log, above)
            last = logs.last_named(log)
            above = last if last[0] else above
        kinds.append((name, log.kinds))
        if defaults.timed:
            logs.require_alike(kinds)
        found = found or Split(folders, log, notes=notes)
        frame = rows_of(log).with_columns(file=nw.lit(name))
        if len(files) > 1:
            frame = _as_text(frame, log.carried)
        found.carried = tuple(dict.fromkeys((*found.carried, *log.carried)))
        found.rows_used += engine.split_parquet(frame, "patient", folders, f"{number:05d}.parquet")
        if look_for:
            used = log.audited if audited else log.sessions
            found.met |= look_for.intersection(engine.distinct(used, "patient"))
        rejects = engine.collect(log.rejects(audited))
        if len(rejects):
            rejects = logs.of_file(rejects, name)
            own = [column for column in rejects.columns if column not in ("file", *logs.REJECT)]
            found.rejects.append(_as_text(rejects, own) if len(files) > 1 else rejects)
        found.headings |= dict.fromkeys(log.place)
        found.heeded |= set(log.heeded)
        found.sheets |= log.sheets
        for column, own in log.mapping.items():
            known = found.mapping.setdefault(column, [])
            known += [heading for heading in own if heading not in known]
        found.files[name] = _with_rows(found.files.get(name), log.files[0], name)
        said = [*log.notes, *logs.untimed_note(log), *logs.undated_note(log, config)]
        if not isinstance(piece, str):
            said += [f"{name}: {note}" for note in logs.said_of_headings(log, config)]
        found.notes += [note for note in said if note not in found.notes]
        progress.add(rows or _rows(name), "reading")
    if found is None:
        raise InputError("nothing to read", hint="name a file or a folder of logs")
    if all_maps:
        logs.require_maps(maps or {}, found.headings)
    found.notes += inputs.same_content(list(found.files.values()))
    return found


def _as_text(frame: Any, names: Iterable[str]) -> Any:
    """A log's own columns, which have other types in another file, as in a log of several files."""
    there = [frame.columns.index(name) for name in names if name in frame.columns]
    return frame.with_columns(nw.nth(*there).cast(nw.String)) if there else frame


_Measures = Mapping[str, lengths.Measure] | None


def _told(
    name: str, config: Config, defaults: logs.Defaults, maps: Mapping[str, str]
) -> tuple[logs.Defaults, _Measures]:
    """How to read a file whose pieces might not tell alike how its dates and lengths are meant."""
    if not name.endswith(".parquet") or _rows(name) <= PIECE_ROWS:
        return defaults, None
    order = defaults.date_order or logs.date_order(name, config, maps)
    return replace(defaults, date_order=order), logs.measures(name, config, maps)


def _read(
    name: str,
    piece: Any,
    config: Config,
    defaults: logs.Defaults,
    measures: _Measures,
    maps: Mapping[str, str] | None,
) -> logs.Log:
    """The log of a piece; an error names the file."""
    try:
        return logs.read(
            piece, config, defaults, maps=maps, all_maps=False, measures=measures, part=True
        )
    except InputError as error:
        raise InputError(error.what, error.where or name, error.hint) from None


def _with_rows(known: inputs.File | None, piece: inputs.File, name: str) -> inputs.File:
    """The file of which one more piece was read."""
    if known:
        return replace(known, rows=known.rows + piece.rows)
    if piece.sha256:
        return piece
    with Path(name).open("rb") as file:
        return inputs.File(name, hashlib.file_digest(file, "sha256").hexdigest(), piece.rows)


def _rows_of(files: Sequence[str], sources: Sequence[str]) -> int:
    """The rows of all files, see `_rows`."""
    total = 0
    for name in files:
        with inputs.naming_strays(name, sources):
            total += _rows(name)
    return total


def _rows(name: str) -> int:
    """The rows of a file; of text a guess by its size, which only sizes the batches."""
    return engine.parquet_rows(name) if name.endswith(".parquet") else _guess(name)


def _guess(name: str) -> int:
    if name == "-":
        hint = "name files, or leave out --jobs"
        raise InputError("standard input cannot be read in batches", hint=hint)
    try:
        return Path(name).stat().st_size // 70 + 1
    except OSError as error:
        hint = "check its name and rights"
        raise InputError(f"cannot be read ({error.strerror})", name, hint) from None


@dataclass
class Billed:
    """What a run in batches did."""

    rows_used: int
    rows_rejected: int
    counts: Counter[summaries.Counted]  # of `summaries.counts`, over all batches
    rejects: list[nw.DataFrame[Any]]
    notes: list[str]
    mapping: dict[str, list[str]]
    met: set[str]  # patients with opening balances that the log has


def bill(
    sources: Sequence[str],
    output: str,
    config: Config,
    defaults: logs.Defaults | None = None,
    options: billing.Options | None = None,
    *,
    maps: Mapping[str, str] | None = None,
    strict: bool = False,
    jobs: int = 1,
    batch_rows: int = BATCH_ROWS,
    report: Report = lambda text: None,
    once_read: Callable[[Billed], None] = lambda done: None,
) -> Billed:
    """Bill sources of any size into one Parquet file, written whole or not at all.

    The columns of `billing.as_printed` with money as decimals; the lines of a batch are in claim
    order, batch after batch. ``jobs`` batches at a time. ``strict``: nothing is billed where a
    row is rejected. ``once_read`` hears of rows and rejects before anything is billed.
    """
    options = options or billing.Options()
    with engine.hidden_folder(output) as folder:
        folders = new_folders(folder / "log", count_for(sources, batch_rows))
        rows = split(
            sources, config, defaults or logs.Defaults(), folders, maps=maps,
            look_for=options.patients, report=report,
        )  # fmt: skip
        done = Billed(
            rows.rows_used, rows.rows_rejected, Counter(), rows.rejects, rows.notes, rows.mapping,
            rows.met,
        )  # fmt: skip
        once_read(done)
        if strict and done.rows_rejected:
            return done
        progress = Progress(rows.rows_used, report)

        def one(number: int) -> tuple[str, Counter[summaries.Counted]]:
            log = rows.batch(number)
            columns = (*billing.printed_from(log.carried), *summaries.needed(options))
            lines = engine.collect(billing.bill(log, config, options, columns))
            part = str(folder / f"lines-{number:05d}.parquet")
            printed = billing.as_printed(lines.lazy(), log.carried)
            engine.write_parquet_part(engine.decimals(printed, tuple(billing.CENTS)), part)
            progress.add(engine.count(log.sessions), "billing")
            return part, summaries.counts(lines, options)

        with ThreadPoolExecutor(engine.at_once(jobs)) as pool:
            parts = list(pool.map(one, range(len(folders))))
        with engine.whole(output) as temporary:
            engine.join_parquet([part for part, _ in parts], temporary)
    for _, found in parts:
        done.counts.update(found)
    return done
