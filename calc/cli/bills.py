"""The command that turns logs into claim lines."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from calc import memory
from calc.cli.shared import (
    FORMATS,
    blank_options,
    command,
    defaults_of,
    figures_of,
    keep_inputs,
    large_options,
    maps_of,
    polars_only,
    pricing_options,
    progress,
    read_log,
    reading_options,
    refused,
    report_progress,
    require_libraries,
    said_of_reading,
    say_memory,
    say_rejects,
    tell,
    used_said,
    write_frame,
    writing_options,
)
from calc.errors import InputError


@command()
@reading_options
@click.option(
    "--by",
    type=click.Choice(["clinician", "code", "date", "patient"]),
    help="Totals in the place of lines.",
)
@large_options
@blank_options
@writing_options(FORMATS, folders=True)
def bill(
    log: tuple[str, ...],
    by: str | None,
    rejects_file: str | None,
    strict: bool,
    on: str,
    jobs: int | None,
    master: str,
    partition: str,
    form: str | None,
    output: str | None,
    folder: str | None,
    sheet: str,
    **reading: Any,
) -> None:
    """Turn logs (csv, xlsx, parquet, json; files, a folder or - for stdin) into claim lines.

    With --jobs a log or folder larger than memory, in batches of patients, into a Parquet file.
    With --engine spark --master URL Parquet that the cluster reaches, into a Parquet folder.
    """
    from calc import billing, engine, logs, reports, summaries

    if partition and not master:
        hint = "say --engine spark --master URL, or leave out --partition"
        raise InputError("--partition is for --master alone", hint=hint)
    with contextlib.suppress(OSError):  # who may not even look there hears of it when it is written
        if output and not master and Path(output).is_dir():
            raise InputError("is a folder", output, "name a file")
    if not (jobs or master):
        require_libraries(reports.format_of(output, form))
    keep_inputs(log, (reading["deductible"], reading["prior"]), output, rejects_file, reading)
    config = figures_of(folder)
    defaults = defaults_of(reading, sheet)
    options = pricing_options(reading)
    if jobs or master:
        if by:
            hint = f"write the lines, then add them up by {by}; or leave out --jobs and --master"
            raise InputError("--by is not for --jobs and --master", hint=hint)
        _bill_large(
            list(log), output, form, rejects_file, strict, config, defaults, options, jobs, master,
            partition, on, reading,
        )  # fmt: skip
        return
    read = read_log(log, config, on, defaults, reading, maps_of(reading), digest=False)
    say_memory(read, on, memory.BILLED_ROW_BYTES, "-" not in log and not by)
    rejected = engine.collect(read.rejects())
    with progress(log) as report:
        report("counting and pricing")
        needed = summaries.needed(options, by == "patient")
        columns = (*billing.printed_from(read.carried), *needed)
        lines = engine.collect(billing.bill(read, config, options, columns))
    used = engine.count(read.sessions)
    _conserved(read, used, len(rejected))
    name = say_rejects(rejected, log, rejects_file)
    nothing_billed = strict and len(rejected) > 0
    if not nothing_billed:
        if by:
            shown, money = summaries.by(lines, by), (*billing.CENTS, *summaries.KX_LEFT)
        else:
            shown = engine.collect(billing.as_printed(lines.lazy(), read.carried))
            money = tuple(billing.CENTS)
        title = f"Totals by {by}" if by else "Claim lines"
        there = engine.distinct(read.sessions, "patient") if options.patients else []
        notes = _notes(summaries.counts(lines, options), options, there)
        notes += summaries.years_left(lines) if by == "patient" else []
        if by:  # lines say it themselves
            notes += logs.filled_said(logs.filled(read.sessions, read.defaults), read.defaults)
        rows = used_said(used + len(rejected), used, len(rejected), "")
        write_frame(shown, money, form, output, title, [*notes, *config.folders_said, rows])
        for note in notes:
            tell(note)
    _say_end(used + len(rejected), len(rejected), name, nothing_billed, ", ".join(log))


def _notes(counts: Any, options: Any, there: Any) -> list[str]:
    """What the lines' ``counts`` say, and opening balances of patients and years not ``there``."""
    from calc import summaries

    strange = summaries.strangers(options, there)
    strange += summaries.other_years(options, summaries.years_of(counts))
    return [*summaries.notes(counts, options), *strange]


def _conserved(read: Any, used: int, rejected: int) -> None:
    """Nothing is lost: records read are rows used and rejects."""
    rows = sum(file.rows for file in read.files)
    if read.files and rows != used + rejected:
        raise AssertionError(f"{rows} records read, {used} used, {rejected} rejected")


def _bill_large(
    sources: list[str],
    output: str | None,
    form: str | None,
    rejects_file: str | None,
    strict: bool,
    config: Any,
    blanks: Any,
    options: Any,
    jobs: int | None,
    master: str,
    partition: str,
    on: str,
    reading: dict[str, Any],
) -> None:
    """What does not fit into memory: in batches, or on a cluster."""
    from calc import batches, cluster, logs

    if output is None or (jobs and not output.endswith(".parquet")):
        what = "batches are written as Parquet" if jobs else "a cluster writes a Parquet folder"
        raise InputError(what, hint=f"name it: -o {'lines.parquet' if jobs else 'FOLDER'}")
    if form not in (None, "parquet"):
        raise InputError(f"so many lines are Parquet, not {form}", hint="leave out --format")
    if master:
        if reading["pairs"] or reading["map_file"]:
            hint = "name the columns as `therapy-calc template` does, or leave out --master"
            raise InputError("--map is not for --master", hint=hint)
        if blanks.sheet:
            raise InputError("--sheet is not for --master", hint="leave it out: Parquet has none")
        if jobs or on != "spark" or len(sources) != 1:
            hint = "say --engine spark --master URL and one Parquet source, without --jobs"
            raise InputError("--master is for Spark alone", hint=hint)
        told = _Rejects(sources, rejects_file)
        ran = cluster.run(
            sources[0], output, config, blanks, options,
            master=master, partition=partition, strict=strict,
            once_read=lambda read: told.write(read.rejects),
        )  # fmt: skip
        stopped = strict and len(ran.rejects) > 0
        if not stopped:
            tell(f"{ran.lines:,} lines written to {output}")
        _say_end(ran.rows, len(ran.rejects), told.name, stopped, sources[0])
        return
    polars_only(on)
    maps, told = maps_of(reading), _Rejects(sources, rejects_file)

    def once_read(read: batches.Billed) -> None:
        said_of_reading(read.notes, read.mapping, reading)
        told.write(logs.rejects_as_one(read.rejects))

    done = batches.bill(
        sources, output, config, blanks, options, maps=maps, strict=strict, jobs=jobs or 1,
        report=report_progress(), once_read=once_read,
    )  # fmt: skip
    nothing_billed = strict and done.rows_rejected > 0
    if not nothing_billed:
        for note in _notes(done.counts, options, done.met):
            tell(note)
    total = done.rows_used + done.rows_rejected
    _say_end(total, done.rows_rejected, told.name, nothing_billed, sources[0])


@dataclass
class _Rejects:
    """Rejects said and written as soon as all is read: no lines stay where these cannot."""

    sources: list[str]
    file: str | None
    name: str = ""  # of the file that holds them, once there are any

    def write(self, rejects: Any) -> None:
        self.name = say_rejects(rejects, tuple(self.sources), self.file)


def _say_end(total: int, rejected: int, name: str, nothing_billed: bool, log: str) -> None:
    """The line that a run ends with; InputError where nothing was billed."""
    used = total - rejected
    tell(used_said(total, used, rejected, name))
    if nothing_billed:
        raise refused("billed")
    if total and not used:
        raise InputError("no row can be used", log, "see the reasons above")
