"""A log larger than memory, billed in batches: no batch cuts a patient, or whatever key is named.

Pass one reads the sources a piece at a time and sorts the SESSION rows into as many folders as
there are batches, by a hash of the key. Pass two works through the folders. Each row is read and
written twice, so the cost stays in proportion to the rows.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc import billing, engine, logs
from calc.errors import InputError
from calc.params import Config

PIECE_ROWS = 1_000_000  # of a Parquet file, read at once
BATCH_ROWS = 1_000_000  # billed at once, about: keys differ in their rows

Report = Callable[[str], None]


@dataclass
class Split:
    """SESSION rows in folders, one for each batch, and what was read."""

    folders: list[Path]
    log: logs.Log  # of the first piece: headings and columns; its rows are no longer used
    carried: tuple[str, ...] = ()
    rows_used: int = 0
    rejects: list[nw.DataFrame[Any]] = field(default_factory=list)

    @property
    def rows_rejected(self) -> int:
        return sum(len(part) for part in self.rejects)

    def logs(self) -> Iterator[logs.Log]:
        """A log for each batch, to bill or to audit."""
        for folder in self.folders:
            if any(folder.iterdir()):
                rows = engine.scan_parquet(sorted(map(str, folder.iterdir())))
                rows = engine.with_text(rows, self.carried)
                yield replace(self.log, sessions=rows, audited=rows, carried=self.carried)


@dataclass
class Progress:
    """Rows done, as a sentence with rows per second and the time left."""

    total: int
    report: Report
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, rows: int, what: str) -> None:
        self.done += rows
        took = max(time.monotonic() - self.began, 0.001)
        left = took * (self.total - self.done) / max(self.done, 1)
        speed = self.done / took
        self.report(f"{what}: {self.done / self.total:.0%}, {speed:,.0f} rows/s, {left:.0f} s left")


def pieces(sources: Sequence[str]) -> Iterator[tuple[str, Any, int]]:
    """Each file's name, what `logs.read` takes, and its rows (0: not known before it is read).

    Parquet files come in pieces of PIECE_ROWS, other files whole.
    """
    for source in _files(sources):
        if not source.endswith(".parquet"):
            yield source, source, 0
            continue
        rows = engine.parquet_rows(source)
        for first in range(0, max(rows, 1), PIECE_ROWS):
            count = min(PIECE_ROWS, rows - first)
            yield source, engine.parquet_slice(source, first, count), count


def _files(sources: Sequence[str]) -> list[str]:
    found = []
    for source in sources:
        path = Path(source)
        inside = path.is_dir() and sorted(p for p in path.iterdir() if not p.name.startswith("."))
        found += [str(p) for p in inside if p.is_file()] if inside else [source]
    if not found:
        raise InputError("nothing to read", hint="name a file or a folder of logs")
    return found


def split(
    sources: Sequence[str],
    config: Config,
    defaults: logs.Defaults,
    folder: Path,
    *,
    key: str = "patient",
    audited: bool = False,
    batch_rows: int = BATCH_ROWS,
    report: Report = lambda text: None,
) -> Split:
    """Sort the rows of all sources into batches by ``key``, a column of SESSION.

    Bills and rules about a patient need "patient"; rules about a clinician's day "clinician".
    ``audited``: the rows that an audit sees instead of those that a bill sees. Raises InputError
    as `logs.read`.
    """
    files = _files(sources)
    total = sum(_rows(name) for name in files)
    count = max(1, -(-total // batch_rows))
    folders = [folder / f"batch-{number:05d}" for number in range(count)]
    for path in folders:
        path.mkdir()
    progress = Progress(total, report)
    found: Split | None = None
    for number, (name, piece, rows) in enumerate(pieces(files)):
        log = logs.read(piece, config, defaults)
        found = found or Split(folders, log)
        frame = engine.plain(log.audited if audited else log.sessions)
        frame = frame.with_columns(file=nw.lit(name))
        found.carried = tuple(dict.fromkeys((*found.carried, *log.carried)))
        found.rows_used += engine.split_parquet(frame, key, folders, f"{number:05d}.parquet")
        rejects = engine.collect(log.rejects(audited))
        if len(rejects):
            found.rejects.append(rejects.with_columns(file=nw.lit(name)))
        progress.add(rows or _rows(name), "reading")
    if found is None:
        raise InputError("nothing to read", hint="name a file or a folder of logs")
    return found


def _rows(name: str) -> int:
    """The rows of a file; of text a guess by its size, which only sizes the batches."""
    return engine.parquet_rows(name) if name.endswith(".parquet") else _guess(name)


def _guess(name: str) -> int:
    try:
        return Path(name).stat().st_size // 70 + 1
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", name) from None


@contextmanager
def beside(output: str) -> Iterator[Path]:
    """A hidden folder beside the output for what is not yet whole; gone at the end."""
    try:
        parent = Path(output).absolute().parent
        folder = tempfile.mkdtemp(dir=parent, prefix=f".{Path(output).name}.", suffix=".partial")
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", output) from None
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Billed:
    """What a run in batches did; money in cents."""

    rows_used: int
    rows_rejected: int
    lines: int
    units: int
    cents: dict[str, int]
    rejects: list[nw.DataFrame[Any]]


def bill(
    sources: Sequence[str],
    output: str,
    config: Config,
    defaults: logs.Defaults | None = None,
    options: billing.Options | None = None,
    *,
    jobs: int = 1,
    batch_rows: int = BATCH_ROWS,
    report: Report = lambda text: None,
) -> Billed:
    """Bill sources of any size into one Parquet file, written whole or not at all.

    The columns of `billing.as_printed` with money as decimals; the lines of a batch are in claim
    order, batch after batch. ``jobs`` batches at a time.
    """
    with beside(output) as folder:
        rows = split(
            sources, config, defaults or logs.Defaults(), folder, batch_rows=batch_rows,
            report=report,
        )  # fmt: skip
        progress = Progress(max(rows.rows_used, 1), report)

        def one(job: tuple[int, logs.Log]) -> tuple[str, nw.DataFrame[Any]]:
            number, log = job
            columns = billing.printed_from(log.carried)
            lines = engine.collect(billing.bill(log, config, options, columns))
            part = str(folder / f"lines-{number:05d}.parquet")
            printed = billing.as_printed(lines.lazy(), log.carried)
            engine.write_parquet_part(engine.decimals(printed, tuple(billing.CENTS)), part)
            progress.add(engine.count(log.sessions), "billing")
            return part, _sums(lines)

        with ThreadPoolExecutor(max(jobs, 1)) as pool:
            parts = list(pool.map(one, enumerate(rows.logs())))
        with engine.whole(output) as temporary:
            engine.join_parquet([part for part, _ in parts], temporary)
        sums = {name: sum(int(found[name][0]) for _, found in parts) for name in _SUMS}
    return Billed(
        rows.rows_used, rows.rows_rejected, sums.pop("lines"), sums.pop("units"), sums, rows.rejects
    )


_SUMS = ("lines", "units", *billing.CENTS.values())


def _sums(lines: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    sums = {name: nw.col(name).sum() for name in _SUMS if name != "lines"}
    return lines.select(lines=nw.len(), **sums)
