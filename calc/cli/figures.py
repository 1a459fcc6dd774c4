"""Commands about the figures: rates, config, template."""

from __future__ import annotations

import sys
from typing import Any

import click

from calc.cli.shared import (
    Careful,
    command,
    figures_of,
    output_options,
    require_libraries,
    say,
    tell,
    write,
    write_frame,
)
from calc.errors import InputError


@command()
@click.option("--code", default="", help="One code or alias; default: all.")
@click.option("--date", "day", default="", help="Default: the periods of the current year.")
@click.option("--locality", default="", help="OH-00 or part of a name; default: all.")
@click.option("--compare", default="", help="Show the change since this date.")
@click.option("--qualifying-apm", is_flag=True, help="Factor of qualifying APM participants.")
@output_options
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
    from calc import rating

    config = figures_of(folder)
    if compare:
        frame = rating.compare(config, code, day, compare, locality, qualifying_apm)
        write_frame(frame, rating.COMPARED, form, output, "Change of fees")
        return
    frame = rating.rates(config, code, day, locality, qualifying_apm)
    write_frame(frame, rating.MONEY, form, output, "Fees")


@click.group()
def config() -> None:
    """The figures: factors, RVUs, GPCIs, codes, payers."""


@config.command("check", cls=Careful)
@click.argument("checked", required=False, metavar="[FOLDER]")
@click.option("--config", "folder", type=click.Path(), help="Folder with your own figures.")
def config_check(checked: str | None, folder: str | None) -> None:
    """Check every figure: names, dates, overlaps, sources, decimals, sizes."""
    from calc import config_checks, params

    if checked and folder:
        hint = "check one after the other: figures of a folder lie over the shipped ones alone"
        raise InputError(f"two folders are named, {checked} and {folder}", hint=hint)
    loaded = params.load(checked or folder)
    faults = config_checks.faults(loaded)
    for fault in faults:
        say(fault)
    if faults:
        raise click.exceptions.Exit(2)
    for note in config_checks.notes(loaded):
        tell(f"note: {note}")
    where = ", ".join(str(path) for path in loaded.folders[:-1]) or "shipped figures"
    write(f"{where}: no faults\n", None)


@config.command("import", cls=Careful)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--from", "first", default="", help="First day of the release, YYYY-MM-DD.")
@click.option("--until", "last", default="", help="Last day of the release.")
@click.option(
    "--basis",
    type=click.Choice(["nonQPP", "QPP"]),
    default="nonQPP",
    show_default=True,
    help="Of a release in two variants; QPP is that of qualifying APM participants.",
)
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
    with installing.made(folder):
        loaded = params.load(folder)
        target = params.writable_folder(loaded)
        known = set(loaded.codes)
        found = [release for file in files for release in cms.read(file, known, basis)]
        plans = installing.plans(cms.joined(found, basis), first, last)
        shown, doubts, before = list[str](), list[str](), None
        for plan in plans:
            diff = installing.changes(loaded, *plan, follows=plan[0] is before)
            shown += _changes(*plan, diff)
            doubts += [f"{plan[0].where}: {said}" for said in installing.doubts(plan[0], diff)]
            before = plan[0]
        # Written first: whoever reads the changes may close the pipe before their end.
        written = [] if dry_run else installing.install_all(target, plans, source, loaded)
    write("\n".join([*shown, ""]), None)
    for said in doubts:
        tell(said)
    told = ", ".join(str(path) for path in written)
    tell("dry run: nothing was written" if dry_run else f"written: {told}")


def _changes(release: Any, first: Any, last: Any, diff: Any) -> list[str]:
    rows = len(release.during(first, last))
    against = f", compared with {diff.against}" if diff.against else ""
    lines = [
        f"{release.kind}, {release.title}, {first} to {last}: {rows} rows,"
        f" {release.skipped} of unknown codes skipped{against}"
    ]
    for name in ("new", "changed", "gone", "kept"):
        for line in getattr(diff, name):
            lines.append(f"  {name:8}{line}")
    return lines


@command()
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to a file.")
def template(output: str | None) -> None:
    """An empty log with the canonical headings."""
    from calc.schema import SESSION

    form = "csv"
    if output:
        from calc import engine, reports

        form = reports.format_of(output, None)
    if form == "csv":
        write(",".join(SESSION) + "\n", output)
        return
    if form != "xlsx":
        raise InputError(
            "a template is csv or a workbook", str(output), "end its name in .csv or .xlsx"
        )
    require_libraries(form)
    empty = engine.table({name: [] for name in SESSION}, dict.fromkeys(SESSION, str))
    reports.write(engine.collect(empty), form, (), str(output))
