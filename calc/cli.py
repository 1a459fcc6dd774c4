"""Commands, options and exit codes. Only click is imported before a command runs."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from calc import __version__
from calc.errors import CalcError, InputError

TABLE_ROWS = 200  # of a table on a terminal
SHOWN_REJECTS = 20
FORMATS = ("table", "csv", "json", "xlsx", "parquet", "github", "html", "latex", "tsv")
PROGRESS_BYTES = 50_000_000  # of files that take long enough to say what is being done

Command = Callable[..., Any]


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_output = _options(
    click.option("--format", "form", type=click.Choice(FORMATS), help="Default: a table."),
    click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to a file."),
    click.option("--config", "folder", type=click.Path(), help="Folder with your own figures."),
)
_blanks = _options(
    click.option("--payer", default="medicare", show_default=True, help="For rows without one."),
    click.option("--locality", default="US", show_default=True, help="OH-00 or part of a name."),
    click.option("--discipline", default="", help="PT, OT or SLP."),
    click.option("--provider", default="", help="The billing provider."),
    click.option("--tz", default="", help="Zone of naive times, e.g. America/Chicago."),
    click.option("--qualifying-apm", is_flag=True, help="Factor of qualifying APM participants."),
    click.option("--nonparticipating", is_flag=True, help="Fees of a non-participating provider."),
    click.option("--deductible", metavar="FILE|AMOUNT", help="Left of it; default: assumed met."),
    click.option("--prior", metavar="FILE", help="Allowed amounts of the year elsewhere, for KX."),
)

_reading = _options(
    click.argument("log", nargs=-1, required=True, metavar="LOG..."),
    click.option("--map", "pairs", multiple=True, metavar="HEADING=COLUMN", help="Repeatable."),
    click.option("--map-file", metavar="FILE", help="A saved mapping of headings."),
    click.option("--save-map", metavar="FILE", help="Save the headings as they were understood."),
    click.option("--sheet", default="", help="Of workbooks; default: the first."),
    click.option("--date-order", type=click.Choice(["mdy", "dmy"]), help="Of dates like 3/2/2026."),
    click.option("--rejects", "rejects_file", type=click.Path(dir_okay=False)),
    click.option("--strict", is_flag=True, help="Exit 2 if any row is rejected."),
    click.option(
        "--engine", "on", type=click.Choice(["polars", "duckdb", "spark"]), default="polars"
    ),
)


def _defaults(given: dict[str, Any], sheet: str = "") -> Any:
    """What `_blanks` and `_reading` say of blank cells and dates; taken out of ``given``."""
    from calc import logs

    names = ("payer", "locality", "discipline", "provider")
    blanks = {name: given.pop(name) for name in names}
    order = given.pop("date_order") or ""
    return logs.Defaults(zone=given.pop("tz"), date_order=order, sheet=sheet, **blanks)


def _read_log(
    log: tuple[str, ...], config: Any, on: str, defaults: Any, reading: dict[str, Any]
) -> Any:
    """The log that the options of `_reading` describe, and its notes on stderr."""
    from calc import headings, logs

    maps = headings.read_maps(reading["pairs"], reading["map_file"])
    sources = list(log)
    with _progress(log) as report:
        read = logs.read(
            sources if len(sources) > 1 else sources[0], config, defaults, on, report, maps
        )
    _said_of_reading(read.notes, read.mapping, reading)
    return read


def _said_of_reading(notes: list[str], mapping: dict[str, list[str]], reading: Any) -> None:
    """Notes on stderr, and the mapping of headings to a file where one is asked for."""
    from calc import headings

    for note in notes:
        click.echo(f"note: {note}", err=True)
    if reading["save_map"]:
        _write(headings.saved_text(mapping), reading["save_map"])


def _alone(on: str) -> None:
    """InputError for batches on another engine than Polars."""
    if on != "polars":
        raise InputError(f"--jobs is not for {on}", hint="leave out --engine, or --jobs")


def _on_terminal() -> bool:
    return sys.stderr.isatty()


@contextlib.contextmanager
def _progress(log: tuple[str, ...]) -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is being done with large files; one line, gone at the end."""
    sizes = [Path(name).stat().st_size for name in log if Path(name).is_file()]
    if sum(sizes) < PROGRESS_BYTES or not _on_terminal():
        yield lambda text: None
        return
    start = time.monotonic()

    def report(text: str) -> None:
        taken = time.monotonic() - start
        click.echo(f"\r\x1b[K{text} ... {taken:.0f} s", nl=False, err=True)

    try:
        yield report
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)


_jobs = click.option("--jobs", type=click.IntRange(1), help="In batches, so many at a time.")
_large = _options(
    _jobs,
    click.option("--master", default="", metavar="URL", help="Spark's, e.g. spark://host:7077."),
)


def _pricing(
    qualifying_apm: bool, nonparticipating: bool, deductible: str | None, prior: str | None
) -> Any:
    """The options of pricing; a deductible is one amount for all, or a file by patient."""
    from calc import balances, billing
    from calc.schema import KX_BUCKET

    left: dict[str, int] | None = None
    if deductible is not None:
        cents = balances.read_cents(deductible)
        if cents is not None:
            left = {"": cents}
        else:
            read = balances.read_balances(deductible, "patient")
            left = {patient: amount for (patient,), amount in read.items()}
    spent: dict[tuple[str, str], int] = {}
    for (patient, bucket), amount in (
        balances.read_balances(prior, "patient", "discipline") if prior else {}
    ).items():
        name = KX_BUCKET.get(bucket.upper(), bucket.upper())
        if name not in KX_BUCKET.values():
            hint = "write PT, OT, SLP or PT+SLP"
            raise InputError(f'discipline "{bucket}" is not known', str(prior), hint)
        spent[patient, name] = spent.get((patient, name), 0) + amount
    return billing.Options(qualifying_apm, nonparticipating, left, spent)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="therapy-calc")
def cli() -> None:
    """Therapy billing: clock times to units to payment.

    Estimates, not legal advice. Everything stays on this machine.
    """


# --- units and estimate --------------------------------------------------------------------

_MINUTES = re.compile(r"(\d+(?:\.\d+)?)([Aa]?)")
_SPAN = re.compile(r"([^-]+?)-([^-]+?)([Aa]?)")


def _items(items: tuple[str, ...]) -> list[tuple[str, list[dict[str, str]]]]:
    """`97110=13+23A` and `97116=09:40-10:02` as code and its runs; no `=`: no runs."""
    read = []
    for item in items:
        code, equals, runs = item.partition("=")
        if not code.strip() or (equals and not runs.strip()):
            raise InputError(f'"{item}" is not CODE=MINUTES', hint="write e.g. 97110=33")
        parts = runs.split("+") if equals else []
        read.append((code.strip(), [_run(part.strip(), item) for part in parts]))
    return read


def _run(text: str, item: str) -> dict[str, str]:
    if found := _MINUTES.fullmatch(text):
        return {"minutes": found[1], "role": "assistant" if found[2] else "therapist"}
    # "9:00 AM-9:40 AM" ends in no A: an assistant's span is "09:00-09:40A".
    if ":" in text and (found := _SPAN.fullmatch(text)):
        role = "assistant" if found[3] else "therapist"
        return {"start": found[1].strip(), "end": found[2].strip(), "role": role}
    raise InputError(
        f'"{item}": "{text}" is neither minutes nor a span of time',
        hint="write 97110=33, 97110=13+23A (A: assistant) or 97116=09:40-10:02",
    )


@cli.command()
@click.argument("items", nargs=-1, required=True, metavar="CODE=MINUTES...")
@click.option("--rule", default="cms", show_default=True, help="A counting rule, e.g. ama.")
@click.option("--discipline", default="PT", show_default=True, help="Decides CQ or CO.")
@_output
def units(
    items: tuple[str, ...],
    rule: str,
    discipline: str,
    form: str | None,
    output: str | None,
    folder: str | None,
) -> None:
    """Units of one day's minutes: therapy-calc units 97110=33 97140=7

    With an assistant: 97110=13+23A (13 minutes therapist, 23 assistant).
    """
    from calc import engine, estimating, params, schema

    minutes: dict[str, tuple[str | None, str | None]] = {}
    for code, runs in _items(items):
        if any("start" in run for run in runs):
            raise InputError(f'"{code}" has clock times', hint="use `therapy-calc estimate`")
        who: dict[str, str] = {}
        for run in runs:
            if run["role"] in who:
                raise InputError(
                    f'"{code}" names a {run["role"]} twice',
                    hint="add the minutes up, or use `therapy-calc estimate`",
                )
            who[run["role"]] = run["minutes"]
        if code in minutes:
            raise InputError(f'"{code}" stands twice', hint="add its minutes up")
        minutes[code] = (who.get("therapist", None if who else ""), who.get("assistant"))
    config = params.load(folder)
    rows = estimating.unit_rows(minutes, rule, discipline=discipline, config=config)
    types: dict[str, type] = dict.fromkeys(schema.UNITS, int) | {"code": str, "tie": bool}
    columns = {name: [row[name] for row in rows] for name in types}
    _write_frame(engine.collect(engine.table(columns, types)), (), form, output)


@cli.command()
@click.argument("items", nargs=-1, required=True, metavar="CODE[=MINUTES|=START-END]...")
@click.option("--start", default="", help='Start of the code, "2026-03-02 09:00" or 09:00.')
@click.option("--end", default="", help="End of the code.")
@click.option("--minutes", default="", help="Minutes of the code.")
@click.option("--date", "day", default="", help="Date of service; default: today.")
@click.option("--explain", is_flag=True, help="Every step with its source.")
@_blanks
@_output
def estimate(
    items: tuple[str, ...],
    start: str,
    end: str,
    minutes: str,
    day: str,
    explain: bool,
    qualifying_apm: bool,
    nonparticipating: bool,
    deductible: str | None,
    prior: str | None,
    form: str | None,
    output: str | None,
    folder: str | None,
    tz: str,
    **defaults: str,
) -> None:
    """Estimate one visit.

    \b
    therapy-calc estimate 97116 --start "2026-03-02 09:00" --end 09:47
    therapy-calc estimate 97110=33 97116=09:40-10:02 --date 2026-03-02
    therapy-calc estimate "gait training=10+12" 97140=7 --date 3/2/2026
    """
    from calc import estimating, params

    given = {"start": start, "end": end, "minutes": minutes}
    given = {name: value for name, value in given.items() if value}
    rows: list[dict[str, str]] = []
    for code, runs in _items(items):
        if runs and given:
            raise InputError(
                f'"{code}" has its own minutes beside --{next(iter(given))}',
                hint="give either; for several codes write CODE=MINUTES",
            )
        if given and len(items) > 1:
            raise InputError(
                "--start, --end and --minutes are for one code",
                hint="write CODE=09:00-09:30 for each code",
            )
        rows += [{"code": code, **run} for run in runs or [given]]
    if day:
        rows = [{**row, "date": day} for row in rows]
    config = params.load(folder)
    options = _pricing(qualifying_apm, nonparticipating, deductible, prior)
    result = estimating.estimate(rows, config=config, options=options, zone=tz, **defaults)
    if not day and not any(estimating.has_date(row) for row in rows):
        click.echo(f"date: {result.lines[0]['date']} (today)", err=True)
    if explain:
        _write(result.explain(), output)
    else:
        _write(_estimate_text(result, form, output), output)


def _estimate_text(result: Any, form: str | None, output: str | None) -> str:
    from calc import billing, engine, reports

    name = reports.format_of(output, form)
    if name == "json":
        from calc.reports import as_json

        return as_json.estimate(result.lines, result.totals)
    lines = billing.as_printed(result.frame.lazy())
    if name == "csv":
        return reports.text(engine.collect(lines), name, tuple(billing.CENTS))
    frame = engine.collect(lines.select(_ESTIMATE))
    if name != "table":
        return reports.text(frame, name, tuple(billing.CENTS))
    silent = [n for n in ("modifiers", "reason") if not any(frame[n])]
    silent += [] if any(frame["tie"]) else ["tie"]
    return reports.text(frame.drop(silent), name, tuple(billing.CENTS)) + _estimate_notes(result)


_ESTIMATE = (
    "code", "minutes", "units", "tie", "modifiers", "work_payment", "allowed", "medicare_pays",
    "patient_pays", "reason",
)  # fmt: skip


def _estimate_notes(result: Any) -> str:
    from calc.reports import explain

    line, totals = result.lines[0], result.totals

    def amount(name: str) -> str:
        return "none" if totals[name] is None else f"${totals[name]:,}"

    unpriced = sum(row["allowed"] is None for row in result.lines)
    units = "1 unit" if totals["units"] == 1 else f"{totals['units']} units"
    shares = (
        f"  (Medicare pays {amount('medicare_pays')}, patient {amount('patient_pays')};"
        f" {result.options.deductible_said})"
    )
    text = (
        f"\n{line['date']}, payer {line['payer']}, locality {line['locality']}: {units}\n"
        f"Work component  {amount('work_payment')}\n"
        f"Allowed         {amount('allowed')}"
        f"{'' if totals['medicare_pays'] is None else shares}\n"
    )
    if unpriced:
        text += f"{unpriced} of {len(result.lines)} lines have no allowed amount: see reason\n"
    differs = explain.difference(result.units_by_rule)
    return text + "".join(f"{said}\n" for said in differs if "differ" in said)


# --- bill ----------------------------------------------------------------------------------


@cli.command()
@_reading
@click.option("--by", type=click.Choice(["clinician", "code", "date", "patient"]))
@_large
@_blanks
@_output
def bill(
    log: tuple[str, ...],
    by: str | None,
    rejects_file: str | None,
    strict: bool,
    on: str,
    jobs: int | None,
    master: str,
    qualifying_apm: bool,
    nonparticipating: bool,
    deductible: str | None,
    prior: str | None,
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
    from calc import billing, engine, params, reports, summaries

    if not (jobs or master):
        reports.format_of(output, form)
    config = params.load(folder)
    defaults = _defaults(reading, sheet)
    options = _pricing(qualifying_apm, nonparticipating, deductible, prior)
    if jobs or master:
        _bill_large(
            list(log), output, rejects_file, config, defaults, options, jobs, master, on, reading
        )
        return
    read = _read_log(log, config, on, defaults, reading)
    rejected = engine.collect(read.rejects())
    with _progress(log) as report:
        report("counting and pricing")
        needed = (*billing.printed_from(read.carried), *summaries.NEEDED)
        lines = engine.collect(billing.bill(read, config, options, needed))
    used = engine.count(read.sessions)
    _conserved(read, used, len(rejected))
    name = _say_rejects(rejected, log, rejects_file)
    refused = strict and len(rejected) > 0
    if not refused:
        if by:
            shown, money = summaries.by(lines, by), (*billing.CENTS, *summaries.KX_LEFT)
        else:
            shown = engine.collect(billing.as_printed(lines.lazy(), read.carried))
            money = tuple(billing.CENTS)
        _write_frame(shown, money, form, output)
        for note in summaries.notes(lines, options):
            click.echo(note, err=True)
    total = used + len(rejected)
    click.echo(_used_said(total, used, len(rejected), name), err=True)
    if refused:
        hint = "correct the log, or leave out --strict"
        raise InputError("rows were rejected, so nothing was billed", hint=hint)
    if total and not used:
        raise InputError("no row can be used", ", ".join(log), "see the reasons above")


def _conserved(read: Any, used: int, rejected: int) -> None:
    """Nothing is lost: records read are rows used and rejects."""
    rows = sum(file.rows for file in read.files)
    if read.files and rows != used + rejected:
        raise AssertionError(f"{rows} records read, {used} used, {rejected} rejected")


def _bill_large(
    sources: list[str],
    output: str | None,
    rejects_file: str | None,
    config: Any,
    blanks: Any,
    options: Any,
    jobs: int | None,
    master: str,
    on: str,
    reading: dict[str, Any],
) -> None:
    """What does not fit into memory: in batches, or on a cluster."""
    from calc import batches, cluster, engine, headings
    from calc.money import show

    if output is None or (jobs and not output.endswith(".parquet")):
        hint = "write -o lines.parquet" if jobs else "name the folder to write with -o"
        raise InputError("so many lines are no text", hint=hint)
    if master:
        if jobs or on != "spark" or len(sources) != 1:
            hint = "say --engine spark --master URL and one Parquet source, without --jobs"
            raise InputError("--master is for Spark alone", hint=hint)
        rejected = cluster.bill(sources[0], output, config, blanks, options, master=master)
        _say_rejects(rejected, tuple(sources), rejects_file)
        click.echo(f"lines written to {output}", err=True)
        return
    _alone(on)
    maps = headings.read_maps(reading["pairs"], reading["map_file"])
    done = batches.bill(
        sources, output, config, blanks, options, maps=maps, jobs=jobs or 1,
        report=_report_progress(),
    )  # fmt: skip
    _said_of_reading(done.notes, done.mapping, reading)
    name = _say_rejects(engine.stacked(done.rejects), tuple(sources), rejects_file)
    work, allowed, medicare, patient = (show(cents) for cents in done.cents.values())
    click.echo(
        f"{done.lines:,} lines, {done.units:,} units, work component {work}, allowed {allowed}"
        f" (Medicare pays {medicare}, patients {patient}; {options.deductible_said})",
        err=True,
    )
    total = done.rows_used + done.rows_rejected
    click.echo(_used_said(total, done.rows_used, done.rows_rejected, name), err=True)
    if total and not done.rows_used:
        raise InputError("no row can be used", sources[0], "see the reasons above")


def _report_progress() -> Callable[[str], None]:
    """Progress on one line of a terminal; elsewhere silence."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: click.echo(f"\r\x1b[K{text}", nl=": 100%," in text, err=True)


def _used_said(read: int, used: int, rejected: int, name: str) -> str:
    rejects = f" (rejects: {name})" if name else ""
    return f"{read:,} rows read, {used:,} used, {rejected:,} rejected{rejects}"


def _say_rejects(rejected: Any, log: tuple[str, ...], rejects_file: str | None) -> str:
    """Name rejects and count their reasons on stderr, write them all to a file; its name."""
    if not len(rejected):
        return ""
    one = "stdin" if log[0] == "-" else log[0]
    several = len(log) > 1 or Path(one).is_dir()
    for row in rejected.head(SHOWN_REJECTS).iter_rows(named=True):
        source = row["file"] if several and "file" in row else one
        click.echo(f"therapy-calc: {source}:{row['row']}: {row['reason']}", err=True)
        if row["hint"]:
            click.echo(f"  hint: {row['hint']}", err=True)
    if len(rejected) > SHOWN_REJECTS:
        more = f"{len(rejected) - SHOWN_REJECTS:,} more rejects"
        click.echo(f"therapy-calc: {'' if several else f'{one}: '}{more}", err=True)
    for reason, count in _reasons(rejected):
        click.echo(f"{count:,} {'row' if count == 1 else 'rows'}: {reason}", err=True)
    name = rejects_file or _rejects_name(one, len(log))
    from calc import reports

    ending = Path(name).suffix.lstrip(".")
    form = ending if ending in ("json", *reports.BINARY) else "csv"
    reports.write(rejected.drop("hint"), form, (), name)
    return name


def _rejects_name(first: str, files: int) -> str:
    """Beside the log; of several files in the folder of the first."""
    if files > 1 and not Path(first).is_dir():
        return str(Path(first).parent / "rejects.csv")
    return str(Path(first).with_suffix(".rejects.csv"))


def _reasons(rejected: Any) -> list[tuple[str, int]]:
    """The reasons in short, without the cells they name, most frequent first."""
    short = (re.sub(r' ".*"(?= )', "", str(reason)) for reason in rejected["reason"])
    counts = Counter(reason.replace(" is ", " ") for reason in short)
    return counts.most_common()


# --- audit ---------------------------------------------------------------------------------

AUDIT_FORMATS = ("table", "csv", "json", "html", "sarif", "xlsx", "parquet")
_audit_output = _options(
    click.option("--format", "form", type=click.Choice(AUDIT_FORMATS), help="Default: a table."),
    click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to a file."),
    click.option("--config", "folder", type=click.Path(), help="Folder with your own figures."),
)
_beside = _options(
    click.option("--claims", metavar="FILE", help="Billed lines; default: the log's own units."),
    click.option("--timesheet", metavar="FILE", help="Clinicians' hours: clinician,date,minutes."),
    click.option("--diagnosis-list", metavar="FILE", help="Diagnoses that go with a code."),
    click.option("--waivers", metavar="FILE", help="Findings accepted, with reason, by, until."),
    click.option("--baseline", metavar="FILE", help="Show only what an earlier json lacks."),
    click.option("--redact", metavar="KEYFILE", help="Codes instead of patients, by a secret key."),
)


@cli.command()
@_reading
@click.option("--select", multiple=True, metavar="RULES", help="Only these, e.g. U,M301.")
@click.option("--ignore", multiple=True, metavar="RULES", help="All but these, e.g. T2.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="error",
    show_default=True,
    help="Exit 1 where a finding is this bad.",
)
@_beside
@_blanks
@_jobs
@_audit_output
def audit(
    log: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    rejects_file: str | None,
    strict: bool,
    on: str,
    claims: str | None,
    timesheet: str | None,
    diagnosis_list: str | None,
    waivers: str | None,
    baseline: str | None,
    redact: str | None,
    qualifying_apm: bool,
    nonparticipating: bool,
    deductible: str | None,
    prior: str | None,
    jobs: int | None,
    form: str | None,
    output: str | None,
    folder: str | None,
    sheet: str,
    **reading: Any,
) -> None:
    """Find what a reviewer would find in a log, before the reviewer does.

    The log's own billed units are judged, or those of --claims. Exit 1 where something is found.
    With --jobs a log or folder larger than memory, in batches of patients and of clinicians.
    """
    from dataclasses import replace

    from calc import balances, evidence, logs, params, reviewing
    from calc.reports import findings as written
    from calc.rule import RULES

    name = written.format_of(output, form)
    if name in written.BINARY and output is None:
        raise written.no_text(name)
    config = params.load(folder)
    defaults = _defaults(reading)
    extras = evidence.Extras(
        balances.read_timesheet(timesheet) if timesheet else None,
        balances.read_diagnoses(diagnosis_list, config) if diagnosis_list else None,
    )
    asked = reviewing.Asked(
        reviewing.prefixes(select),
        reviewing.prefixes(ignore),
        extras,
        _pricing(qualifying_apm, nonparticipating, deductible, prior),
        waivers or "",
        baseline or "",
        redact or "",
    )
    defaults = replace(defaults, sheet=sheet)
    if jobs:
        _alone(on)
        done = _audit_large(log, output, config, defaults, asked, claims or "", jobs, reading)
    else:
        read = _read_log(log, config, on, defaults, reading)
        billed = logs.read(claims, config, replace(defaults, sheet=""), on) if claims else None
        with _progress(log) as report:
            report("auditing")
            done = reviewing.review(read, config, asked, billed)
    rejects_name = _say_rejects(done.rejects, log, rejects_file)
    if strict and len(done.rejects):
        hint = "correct the log, or leave out --strict"
        raise InputError("rows were rejected, so nothing was audited", hint=hint)
    if output:
        written.write(done.audit, name, RULES, output)
    else:
        limit = TABLE_ROWS if name == "table" and sys.stdout.isatty() else 0
        click.echo(written.text(done.audit, name, RULES, limit), nl=False)
    meta = done.audit.meta
    counts = (meta["rows_read"], meta["rows_used"], meta["rows_rejected"])
    click.echo(_used_said(*counts, rejects_name), err=True)
    if meta["rows_read"] and not meta["rows_used"]:
        raise InputError("no row can be used", ", ".join(log), "see the reasons above")
    if reviewing.fails(done.audit.findings, fail_on):
        raise click.exceptions.Exit(1)


def _audit_large(
    sources: tuple[str, ...],
    output: str | None,
    config: Any,
    defaults: Any,
    asked: Any,
    claims: str,
    jobs: int,
    reading: dict[str, Any],
) -> Any:
    """The audit of a log larger than memory; rows wait beside the output, or where others do."""
    from calc import batches, headings, large_audits

    maps = headings.read_maps(reading["pairs"], reading["map_file"])
    with batches.beside(output) as folder:
        done, read = large_audits.audit(
            sources, folder, config, defaults, asked, claimed=claims, maps=maps, jobs=jobs,
            report=_report_progress(),
        )  # fmt: skip
    _said_of_reading(read.notes, read.mapping, reading)
    return done


@cli.command()
def rules() -> None:
    """The audit's rules: code, severity, the fault."""
    from calc import auditing
    from calc.rule import FAMILIES

    family = ""
    for rule in auditing.rules_chosen():
        if rule.code[0] != family:
            family = rule.code[0]
            click.echo(f"{FAMILIES[family]}")
        severity = rule.severity + (f"/{rule.other_severity}" if rule.other_severity else "")
        click.echo(f"  {rule.code}  {severity:15}  {rule.title()}")


@cli.command()
@click.argument("code")
def rule(code: str) -> None:
    """A rule's page: what it finds, why it matters, what to do, an example."""
    from calc import auditing, params
    from calc.rule import RULES

    name = code.strip().upper()
    auditing.rules_chosen((name,))
    if name not in RULES:
        near = ", ".join(known for known in sorted(RULES) if known.startswith(name))
        raise InputError(f'"{code}" is not one rule', hint=f"choose {near}")
    shown = RULES[name]
    severity = shown.severity + (f" or {shown.other_severity}" if shown.other_severity else "")
    source = params.load().cite(shown.authority)
    click.echo(f"{name} {shown.slug} ({severity})\n\n{shown.page()}\n\nAuthority: {source}")


# --- rates, config, template ---------------------------------------------------------------


@cli.command()
@click.option("--code", default="", help="One code or alias; default: all.")
@click.option("--date", "day", default="", help="Default: the periods of the current year.")
@click.option("--locality", default="", help="OH-00 or part of a name; default: all.")
@click.option("--compare", default="", help="Show the change since this date.")
@click.option("--qualifying-apm", is_flag=True, help="Factor of qualifying APM participants.")
@_output
def rates(
    code: str,
    day: str,
    locality: str,
    compare: str,
    qualifying_apm: bool,
    form: str | None,
    output: str | None,
    folder: str | None,
) -> None:
    """Fees by code, locality and date."""
    from calc import params, rating

    config = params.load(folder)
    if compare:
        frame = rating.compare(config, code, day, compare, locality, qualifying_apm)
        _write_frame(frame, rating.COMPARED, form, output)
        return
    frame = rating.rates(config, code, day, locality, qualifying_apm)
    _write_frame(frame, rating.MONEY, form, output)


@cli.group()
def config() -> None:
    """The figures: factors, RVUs, GPCIs, codes, payers."""


@config.command("check")
@click.argument("checked", required=False, metavar="[FOLDER]")
@click.option("--config", "folder", type=click.Path(), help="Folder with your own figures.")
def config_check(checked: str | None, folder: str | None) -> None:
    """Check every figure: dates, overlaps, sources, decimals."""
    from calc import params

    loaded = params.load(checked or folder)
    faults = params.faults(loaded)
    for fault in faults:
        _say(fault)
    if faults:
        raise click.exceptions.Exit(2)
    where = ", ".join(str(path) for path in loaded.folders[:-1]) or "shipped figures"
    click.echo(f"{where}: no faults")


@config.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--from", "first", default="", help="First day of the release, YYYY-MM-DD.")
@click.option("--until", "last", default="", help="Last day of the release.")
@click.option("--basis", type=click.Choice(["nonQPP", "QPP"]), default="nonQPP")
@click.option("--source", default="", help="Key in sources.toml; default: from the release.")
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@click.option("--config", "folder", type=click.Path(), help="Folder to write to.")
def config_import(
    files: tuple[str, ...],
    first: str,
    last: str,
    basis: str,
    source: str,
    dry_run: bool,
    folder: str | None,
) -> None:
    """Take over what CMS publishes: RVU zip, PPRRVU, GPCI, LOCCO, MUE, PTP files.

    Descriptors are dropped; codes that are not in codes.csv are skipped and counted.
    """
    from calc import cms, installing, params

    if sys.stdin.isatty():
        first = first or click.prompt("First day of the release (YYYY-MM-DD)")
        last = last or click.prompt("Last day of the release (YYYY-MM-DD)")
    loaded = params.load(folder)
    target = params.writable_folder(loaded)
    releases = [release for file in files for release in cms.read(file, set(loaded.codes), basis)]
    plans = [(release, *installing.span(release, first, last)) for release in cms.joined(releases)]
    for release, start, end in plans:
        _show_changes(release, start, end, installing.changes(loaded, release, start, end))
    if dry_run:
        click.echo("dry run: nothing was written", err=True)
        return
    written = installing.install_all(target, plans, source, loaded)
    click.echo(f"written: {', '.join(str(path) for path in written)}", err=True)


def _show_changes(release: Any, first: Any, last: Any, diff: Any) -> None:
    rows = len(release.during(first, last))
    click.echo(
        f"{release.kind}, {release.title}, {first} to {last}: {rows} rows,"
        f" {release.skipped} of unknown codes skipped"
    )
    for name in ("new", "changed", "gone"):
        for line in getattr(diff, name):
            click.echo(f"  {name:8}{line}")


@cli.command()
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to a file.")
def template(output: str | None) -> None:
    """An empty log with the canonical headings."""
    from calc.schema import SESSION

    _write(",".join(SESSION) + "\n", output)


# --- writing -------------------------------------------------------------------------------


def _write_frame(frame: Any, money: tuple[str, ...], form: str | None, output: str | None) -> None:
    from calc import reports

    name = reports.format_of(output, form)
    if name in reports.BINARY and output is None:
        raise InputError(f"{name} is no text for the screen", hint=f"write it with -o lines.{name}")
    on_screen = name == "table" and output is None and sys.stdout.isatty()
    limit = TABLE_ROWS if on_screen and len(frame) > TABLE_ROWS else 0
    if output is None:
        click.echo(reports.text(frame, name, money, limit), nl=False)
    else:
        reports.write(frame, name, money, output)
    if limit:
        click.echo(f"{limit} of {len(frame):,} lines shown; write all with -o FILE", err=True)


def _write(text: str, output: str | None) -> None:
    """To standard output, or to a file whole or not at all."""
    if output is None:
        click.echo(text, nl=False)
        return
    from calc import engine

    with engine.whole(output) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def _say(error: CalcError) -> None:
    click.echo(f"therapy-calc: {error}", err=True)
    if error.hint:
        click.echo(f"  hint: {error.hint}", err=True)


def main() -> None:
    """Run a command; exit 0 done, 1 findings, 2 could not do the work, 130 interrupted."""
    try:
        code = cli.main(standalone_mode=False)
    except CalcError as error:
        _say(error)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
