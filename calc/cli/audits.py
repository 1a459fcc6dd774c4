"""Commands of the audit: audit, rules, rule."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from calc import memory
from calc.cli.shared import (
    EXTRAS,
    blank_options,
    claims_rejects_name,
    command,
    defaults_of,
    jobs_option,
    keep_inputs,
    maps_of,
    polars_only,
    pricing_options,
    progress,
    read_log,
    reading_options,
    refused,
    rejects_name,
    report_progress,
    require_libraries,
    said_of_reading,
    say_cut,
    say_memory,
    say_notes,
    say_rejects,
    say_shown,
    table_rows,
    tell,
    together,
    used_said,
    write,
    writing_options,
)
from calc.errors import InputError, first_of

AUDIT_FORMATS = ("table", "csv", "json", "html", "sarif", "xlsx", "parquet")
_EXTRAS = {**EXTRAS, "html": ("report", ("jinja2", "matplotlib"))}  # its page has pictures
SHOWN_HEADINGS = 20
_beside = together(
    click.option(
        "--claims",
        multiple=True,
        metavar="FILE",
        help="Billed lines; default: the log's own units. Repeatable.",
    ),
    click.option(
        "--claims-sheet",
        default="",
        metavar="NAME",
        help="Of workbooks of claims; default: the first with our headings.",
    ),
    click.option("--timesheet", metavar="FILE", help="Clinicians' hours: clinician,date,minutes."),
    click.option("--diagnosis-list", metavar="FILE", help="Diagnoses that go with a code."),
    click.option("--waivers", metavar="FILE", help="Findings accepted, with reason, by, until."),
    click.option("--baseline", metavar="FILE", help="Show only what an earlier json lacks."),
    click.option(
        "--redact",
        metavar="KEYFILE",
        help="Codes instead of patients, by a secret key; made if it does not exist.",
    ),
)


def _without_cells(command: Callable[..., None]) -> Callable[..., None]:
    """Under --redact no error repeats what was read: a slip may put a name into any cell."""

    @functools.wraps(command)
    def done(**given: Any) -> None:
        try:
            command(**given)
        except InputError as error:
            if not given["redact"]:
                raise
            from calc import redacting

            raise redacting.without_cells(error) from None

    return done


@command()
@reading_options
@click.option("--select", multiple=True, metavar="RULES", help="Only these, e.g. U,M301.")
@click.option("--ignore", multiple=True, metavar="RULES", help="All but these, e.g. T2.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="error",
    show_default=True,
    help="Exit 1 where a finding is this bad; signals (S) never count.",
)
@_beside
@blank_options
@jobs_option
@writing_options(AUDIT_FORMATS)
@_without_cells
def audit(
    log: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    rejects_file: str | None,
    strict: bool,
    on: str,
    claims: tuple[str, ...],
    claims_sheet: str,
    timesheet: str | None,
    diagnosis_list: str | None,
    waivers: str | None,
    baseline: str | None,
    redact: str | None,
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
    from calc import balances, evidence, logs, params, reviewing, summaries
    from calc.reports import findings as written
    from calc.rule import RULES

    name = written.format_of(output, form)
    if name in written.BINARY and output is None:
        raise written.no_text(name)
    require_libraries(name, _EXTRAS)
    if claims_sheet and not claims:
        hint = "name the file by --claims, or leave out --claims-sheet"
        raise InputError("--claims-sheet is for --claims alone", hint=hint)
    deductible, prior = reading["deductible"], reading["prior"]
    beside = (*claims, timesheet, diagnosis_list, waivers, baseline, redact, deductible, prior)
    keep_inputs(log, beside, output, rejects_file, reading, claims)
    config = params.load(folder)
    defaults = defaults_of(reading, sheet)
    extras = evidence.Extras(
        balances.read_timesheet(timesheet, defaults.date_order) if timesheet else None,
        balances.read_diagnoses(diagnosis_list, config) if diagnosis_list else None,
    )
    asked = reviewing.Asked(
        reviewing.prefixes(select),
        reviewing.prefixes(ignore),
        extras,
        pricing_options(reading),
        waivers or "",
        baseline or "",
        redact or "",
        _said_beside(
            claims=", ".join(claims) or None, claims_sheet=claims_sheet or None,
            timesheet=timesheet, diagnosis_list=diagnosis_list, waivers=waivers, baseline=baseline,
            deductible=deductible, prior=prior, redact=redact,
        ),
    )  # fmt: skip
    if jobs:
        polars_only(on)
        with _new_key_said(redact):
            done, there = _audit_large(
                log, output, config, defaults, asked, claims, claims_sheet, jobs, reading
            )
    else:
        maps = maps_of(reading)
        hidden = redact is not None
        read = read_log(
            log, config, on, defaults, reading, maps, all_maps=not claims, redacted=hidden
        )
        billed = None
        if claims:
            theirs = logs.of_claims(defaults, claims_sheet)
            billed = logs.read(list(claims), config, theirs, on, maps=maps, all_maps=False)
            logs.require_maps(maps, [*read.place, *billed.place])
            say_notes(billed.notes, hidden)
        _say_unread(read.place, read.mapping, read.heeded, not hidden)
        say_memory(read, on, memory.AUDITED_ROW_BYTES, "-" not in log)
        with _new_key_said(redact), progress(log) as report:
            report("auditing")
            done = reviewing.review(read, config, asked, billed)
        there = _patients(asked, read, billed)
    bad = say_rejects(done.rejects, log, rejects_file)
    if claims:
        _say_claims_rejects(done, claims, rejects_file or rejects_name(log))
    if strict and (len(done.rejects) or (claims and len(done.claims_rejects))):
        raise refused("audited", "the log" if len(done.rejects) else "the claims")
    reviewing.require_lines(done, ", ".join(claims))
    if output:
        say_cut(written.write(done.audit, name, RULES, output), output)
    else:
        count = len(done.audit.findings)
        limit = table_rows(name, count)
        write(written.text(done.audit, name, RULES, limit), None)
        say_shown(limit, count, "findings")
    meta = done.audit.meta
    years = {int(day[:4]) for day in (meta["first_date"], meta["last_date"]) if day}
    years = set(range(min(years), max(years) + 1)) if years else years
    strange = summaries.strangers(asked.options, there)
    for note in [*strange, *summaries.other_years(asked.options, years)]:
        tell(note)
    if name in ("csv", "parquet"):
        # Of these the findings alone, without a report around them, say nothing.
        every = bool(asked.select or asked.ignore)
        for note in [*done.beside, *written.not_run_lines(done.audit, every)]:
            tell(note)
    if name == "csv" and meta["waived"]:
        tell(f"{meta['waived']:,} of the findings are waived: json, xlsx and html mark them")
    counts = (meta["rows_read"], meta["rows_used"], meta["rows_rejected"])
    tell(used_said(*counts, bad))
    if meta["rows_read"] and not meta["rows_used"]:
        raise InputError("no row can be used", ", ".join(log), "see the reasons above")
    if reviewing.fails(done.audit.findings, fail_on):
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _new_key_said(path: str | None) -> Iterator[None]:
    """A name mistyped makes a key whose codes are those of no report before."""
    new = path is not None and not os.path.lexists(path)
    try:
        yield
    finally:
        if path is not None and new and os.path.lexists(path):
            tell(f"{path}: a new key was made; keep it: the same key gives the same codes")


def _said_beside(**given: str | None) -> dict[str, str | dict[str, str]]:
    """What lies beside the log, by option; of files but the key their digests too.

    Those of the claims, as of the log, are told where the files are. A redacted report has none of
    the others: whoever tries patients and amounts finds out what a file of a few rows holds.
    """
    from calc import decoding

    said: dict[str, str | dict[str, str]] = {}
    for option, name in given.items():
        if name is None:
            continue
        said[option] = name
        beside = option not in ("claims", "claims_sheet", "redact")
        if beside and given["redact"] is None and Path(name).is_file():
            with contextlib.suppress(OSError):
                said[option] = {"name": name, "sha256": decoding.sha256(name)}
    return said


def _say_unread(
    there: Iterable[str], mapping: Mapping[str, list[str]], heeded: Iterable[str], named: bool
) -> None:
    """A column that was not understood may be one that somebody counts on.

    Not ``named``: how many, for a heading may be a patient's name.
    """
    known = {*heeded, *(heading for own in mapping.values() for heading in own)}
    unread = [heading for heading in there if heading not in known]
    if unread:
        columns = "1 column" if len(unread) == 1 else f"{len(unread):,} columns"
        what = first_of(unread, SHOWN_HEADINGS) if named else f"{columns} of the log"
        tell(f"note: no rule looks at {what}")


def _say_claims_rejects(done: Any, claims: tuple[str, ...], taken: str) -> None:
    """Rejects of the claims as those of the log, in a file beside the claims."""
    name = say_rejects(done.claims_rejects, claims, claims_rejects_name(claims, taken))
    if name:
        used, bad = done.lines_claimed, len(done.claims_rejects)
        tell(f"claims: {used_said(used + bad, used, bad, name)}")


def _audit_large(
    sources: tuple[str, ...],
    output: str | None,
    config: Any,
    defaults: Any,
    asked: Any,
    claims: tuple[str, ...],
    claims_sheet: str,
    jobs: int,
    reading: dict[str, Any],
) -> tuple[Any, set[str]]:
    """The audit of a log larger than memory; rows wait beside the output, or where others do.

    Also which of the patients with opening balances it met.
    """
    from calc import engine, large_audits

    with engine.hidden_folder(output) as folder:
        done, read = large_audits.audit(
            sources, folder, config, defaults, asked, claimed=claims, claims_sheet=claims_sheet,
            maps=maps_of(reading), jobs=jobs, report=report_progress(),
        )  # fmt: skip
    said_of_reading(read.notes, read.mapping, reading, bool(asked.redact))
    _say_unread(read.headings, read.mapping, read.heeded, not asked.redact)
    return done, read.met


def _patients(asked: Any, *read: Any) -> set[str]:
    """The patients of the log and its claims, where somebody asks for them."""
    from calc import engine

    if not asked.options.patients:
        return set()
    return {name for log in read if log for name in engine.distinct(log.audited, "patient")}


@command()
def rules() -> None:
    """The audit's rules: code, severity, the fault."""
    from calc import auditing
    from calc.rule import FAMILIES

    family, lines = "", []
    for rule in auditing.rules_chosen():
        if rule.code[0] != family:
            family = rule.code[0]
            lines.append(FAMILIES[family])
        severity = rule.severity + (f"/{rule.other_severity}" if rule.other_severity else "")
        lines.append(f"  {rule.code}  {severity:15}  {rule.title()}")
    write("\n".join([*lines, ""]), None)


@command()
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
    write(f"{name} {shown.slug} ({severity})\n\n{shown.page()}\n\nAuthority: {source}\n", None)
