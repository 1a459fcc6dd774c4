"""What commands have in common: options, reading with progress, rejects, writing."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from calc import memory
from calc.errors import CONTROLS, CalcError, InputError

TABLE_ROWS = 200  # of a table on a terminal
SHOWN_REJECTS = 20
FORMATS = ("table", "csv", "json", "xlsx", "parquet", "github", "html", "latex", "tsv")
PROGRESS_BYTES = 50_000_000  # of files that take long enough to say what is being done

Command = Callable[..., Any]


class Careful(click.Command):
    """A command that refuses what it would otherwise pass over in silence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The options and arguments of a command line, as click reads them."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        if ctx.resilient_parsing:  # a shell completes what is typed
            return rest
        _, _, order = self.make_parser(ctx).parse_args(args=given)
        for option, times in Counter(order).items():
            _require_value(option, ctx.params[option.name or ""])
            if isinstance(option, click.Option) and times > 1:
                _require_one(option)
        return rest


def _require_value(option: click.Parameter, given: Any) -> None:
    """InputError for a blank in the place of a file or rules: it would count as not given."""
    named = bool(option.metavar) or isinstance(option.type, click.Path)
    texts = given if isinstance(given, tuple) else (given,)
    if named and option.nargs == 1 and any(not str(text).strip(" ,") for text in texts):
        name = _name_of(option)
        raise InputError("its value is blank", name, f"write one behind it, or leave {name} out")


def _require_one(option: click.Option) -> None:
    """InputError for an option that stands twice: only its last value would count."""
    if not (option.multiple or option.is_flag or option.count):
        hint = "leave one of them out"
        raise InputError("is given twice, and takes one value", option.opts[0], hint)


def _name_of(option: click.Parameter) -> str:
    return option.opts[0] if isinstance(option, click.Option) else option.human_readable_name


command = functools.partial(click.command, cls=Careful)


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def writing_options(
    formats: tuple[str, ...], folders: bool = False
) -> Callable[[Command], Command]:
    """Where and how to write, and by which figures; ``folders``: the command looks at those."""
    place = click.Path(dir_okay=folders)
    return together(
        click.option("--format", "form", type=click.Choice(formats), help="Default: a table."),
        click.option("-o", "--output", type=place, help="A file; its ending chooses the format."),
        click.option("--config", "folder", type=click.Path(), help="Folder with your own figures."),
    )


output_options = writing_options(FORMATS)
_priced_by = together(
    click.option("--locality", default="US", show_default=True, help="OH-00 or part of a name."),
    click.option("--discipline", default="", help="PT, OT or SLP."),
    click.option("--provider", default="", help="The billing provider."),
    click.option("--tz", default="", help="Zone of the clinic, e.g. America/Chicago."),
    click.option("--qualifying-apm", is_flag=True, help="Factor of qualifying APM participants."),
    click.option("--nonparticipating", is_flag=True, help="Fees of a non-participating provider."),
    click.option("--deductible", metavar="FILE|AMOUNT", help="Left of it; default: assumed met."),
    click.option("--prior", metavar="FILE", help="Allowed amounts of the year elsewhere, for KX."),
)
_payer = functools.partial(click.option, "--payer", default="medicare", show_default=True)
blank_options = together(_payer(help="For rows without one."), _priced_by)
visit_options = together(_payer(help="Who pays for the visit."), _priced_by)

reading_options = together(
    click.argument("log", nargs=-1, required=True, metavar="LOG..."),
    click.option(
        "--map",
        "pairs",
        multiple=True,
        metavar="HEADING=COLUMN",
        help='Repeatable; "Insurance=" leaves one unread, as where its payers are not known.',
    ),
    click.option("--map-file", metavar="FILE", help="A saved mapping of headings."),
    click.option("--save-map", metavar="FILE", help="Save the headings as they were understood."),
    click.option("--sheet", default="", help="Of workbooks; default: the first with our headings."),
    click.option("--date-order", type=click.Choice(["mdy", "dmy"]), help="Of dates like 3/2/2026."),
    click.option(
        "--rejects",
        "rejects_file",
        type=click.Path(dir_okay=False),
        help="A file for rows that cannot be used; default: one with the patients' rows is written"
        " beside the log.",
    ),
    click.option("--strict", is_flag=True, help="Exit 2 if any row is rejected."),
    click.option(
        "--engine",
        "on",
        type=click.Choice(["polars", "duckdb", "spark"]),
        default="polars",
        show_default=True,
        help="What computes; the results are the same.",
    ),
)


def defaults_of(given: dict[str, Any], sheet: str = "") -> Any:
    """What the options say of blank cells and dates; taken out of ``given``."""
    from calc import logs

    names = ("payer", "locality", "discipline", "provider")
    blanks = {name: given.pop(name) for name in names}
    order = given.pop("date_order") or ""
    return logs.Defaults(zone=given.pop("tz"), date_order=order, sheet=sheet, **blanks)


def keep_inputs(
    log: tuple[str, ...],
    beside: tuple[str | None, ...],
    output: str | None,
    rejects_file: str | None,
    reading: dict[str, Any],
    claims: tuple[str, ...] = (),
) -> None:
    """InputError where what is read would be overwritten, or one file be written twice.

    ``beside`` are the files that are read beside the log, ``claims`` among them.
    """
    from calc import inputs

    rejects = rejects_file or rejects_name(log)
    named = {
        _CLAIMS_REJECTS: claims_rejects_name(claims, rejects) if claims else None,
        "-o": output,
        "--rejects": rejects,
        "--save-map": reading["save_map"],
    }
    for option, name in named.items():
        inside = name and any(
            Path(place).is_dir() and _is_same(str(Path(name).parent), place) for place in log
        )
        if inside and inputs.is_log(Path(name or "")):
            what = "cannot be written, for it lies in the folder that is read"
            raise InputError(what, name or "", f"name another file by {option}, outside of it")
    found = inputs.paths(log)[0]
    inputs.require_outside(found, log, beside)
    if claims:
        others = [name for name in (*log, *beside) if name not in claims]
        inputs.require_outside(inputs.paths(claims)[0], claims, others)
    keep([*found, *beside, reading["map_file"]], named)
    _say_unfinished(name for option, name in named.items() if name and option != "--save-map")


def _say_unfinished(written: Iterable[str]) -> None:
    """A note of what a run that was killed, or lost its power, left beside what is written."""
    from calc import engine

    for name in written:
        for left in engine.unfinished(name):
            tell(
                f"{left} may hold rows of patients: a run that was interrupted left it, or one that"
                " goes on writes it; delete it if none does"
            )


def keep(read: Sequence[str | None], named: Mapping[str, str | None]) -> None:
    """InputError where a file that is written, by its option, is ``read`` or written twice."""
    if list(read).count("-") > 1:
        hint = "name a file in all places but one"
        raise InputError("can be read once, and is named twice", "standard input", hint)
    written: dict[str, str] = {}
    for option, name in named.items():
        if not name:
            continue
        hint = f"name another file by {option}"
        if option == _CLAIMS_REJECTS:
            hint = f"give it another name: {option} are written under this one"
        if any(_is_same(name, other) for other in read if other):
            raise InputError("is read, so it cannot be written", name, hint)
        for other, earlier in written.items():
            if _is_same(name, earlier):
                raise InputError(f"cannot be written by both {other} and {option}", name, hint)
        written[option] = name


def _is_same(one: str, other: str) -> bool:
    """Whether both are one file; ``-`` is what standard input was opened from."""
    try:
        if other == "-":
            return os.path.samestat(Path(one).stat(), os.fstat(0))
        return Path(one).samefile(other)
    except (OSError, RuntimeError):  # not there yet, or a link to itself
        return os.path.realpath(one) == os.path.realpath(other)


def figures_of(folder: str | None) -> Any:
    """The figures of `--config`, which are named where they are somebody's own."""
    from calc import params

    config = params.load(folder)
    for said in config.folders_said:
        tell(f"note: {said}")
    return config


@contextlib.contextmanager
def hinted(hint: str, name: str) -> Iterator[None]:
    """An error of the file ``name`` as a whole, no row of it, has a hint of its option's own."""
    try:
        yield
    except InputError as error:
        if error.where != name:
            raise
        raise InputError(error.what, name, hint) from None


def maps_of(reading: dict[str, Any]) -> dict[str, str]:
    """Headings to our columns, as `--map` and `--map-file` say."""
    from calc import headings

    return headings.read_maps(reading["pairs"], reading["map_file"])


def say_notes(notes: list[str], redacted: bool) -> None:
    """Notes on stderr; where patients are ``redacted`` no names of sheets, which may be theirs."""
    if redacted:
        from calc import redacting

        notes = list(map(redacting.note_without_names, notes))
    for note in notes:
        tell(f"note: {note}")


def say_memory(read: Any, on: str, row_bytes: int, in_batches: bool) -> None:
    """A note where the log may take more memory than there is, for nothing is said at its end.

    ``in_batches``: it can be done so.
    """
    rows = sum(file.rows for file in read.files)
    more = max(len(read.place) - memory.USUAL_COLUMNS, 0) * memory.COLUMN_BYTES
    need, there = rows * (row_bytes + more), memory.of_machine_bytes()
    if on == "polars" and there and need > there:
        tell(
            f"note: {rows:,} rows may take {need / 1e9:,.1f} GB of memory, the machine has"
            f" {there / 1e9:,.1f} GB" + ": --jobs 1 does them in batches" * in_batches
        )


def read_log(
    log: tuple[str, ...],
    config: Any,
    on: str,
    defaults: Any,
    reading: dict[str, Any],
    maps: dict[str, str],
    digest: bool = True,
    all_maps: bool = True,
    redacted: bool = False,
) -> Any:
    """The log that the options of `reading_options` describe, and its notes on stderr."""
    from calc import logs

    sources = list(log)
    with progress(log) as report:
        read = logs.read(
            sources if len(sources) > 1 else sources[0],
            config,
            defaults,
            on,
            report,
            maps,
            all_maps,
            digest=digest,
        )
    lacking = [*logs.untimed_note(read), *logs.undated_note(read, config)]
    said_of_reading([*read.notes, *lacking], read.mapping, reading, redacted)
    return read


def said_of_reading(
    notes: list[str], mapping: dict[str, list[str]], reading: Any, redacted: bool = False
) -> None:
    """Notes on stderr, and the mapping of headings to a file where one is asked for."""
    from calc import headings

    say_notes(notes, redacted)
    if reading["save_map"]:
        unread = [heading for heading, column in maps_of(reading).items() if not column]
        mapping = mapping | ({"": unread} if unread else {})
        with hinted("name another place by --save-map FILE", reading["save_map"]):
            write(headings.saved_text(mapping), reading["save_map"])


def polars_only(on: str) -> None:
    """InputError for batches on another engine than Polars."""
    if on != "polars":
        raise InputError(f"--jobs is not for {on}", hint="leave out --engine, or --jobs")


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def table_rows(form: str, rows: int) -> int:
    """How many rows of a table go to standard output; 0: all."""
    on_terminal = sys.stdout is not None and sys.stdout.isatty()
    return TABLE_ROWS if form == "table" and on_terminal and rows > TABLE_ROWS else 0


def say_shown(limit: int, rows: int, what: str) -> None:
    """Where a table on a terminal stops at ``limit`` of its rows, and how to have them all."""
    if limit:
        tell(f"{limit} of {rows:,} {what} shown; write all with -o FILE")


@contextlib.contextmanager
def progress(log: tuple[str, ...]) -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is being done with large files; one line, gone at the end."""
    sizes = [Path(name).stat().st_size for name in log if Path(name).is_file()]
    if sum(sizes) < PROGRESS_BYTES or not _on_terminal():
        yield lambda text: None
        return
    start = time.monotonic()

    def report(text: str) -> None:
        taken = time.monotonic() - start
        _draw(f"\r\x1b[K{text} ... {taken:.0f} s")

    try:
        yield report
    finally:
        _draw("\r\x1b[K")


jobs_option = click.option("--jobs", type=click.IntRange(1), help="In batches, so many at a time.")
large_options = together(
    jobs_option,
    click.option("--master", default="", metavar="URL", help="Spark's, e.g. spark://host:7077."),
    click.option("--partition", default="", metavar="COLUMN", help="Of --master, e.g. date."),
)


def pricing_options(given: dict[str, Any]) -> Any:
    """The options of pricing, taken out of ``given``.

    A deductible is one amount for all, or a file by patient.
    """
    from calc import balances, billing, values

    deductible, prior = given.pop("deductible"), given.pop("prior")
    left: dict[Any, int] | None = None
    if deductible is not None:
        cents = values.read_cents(deductible)
        if cents is not None:
            left = {"": cents}
        elif deductible[:1] == "-" and values.read_cents(deductible[1:]) is not None:
            hint = "give the dollars that are left of it, 0.00 where it is met"
            raise InputError(f'amount "{deductible}" is negative', "--deductible", hint)
        else:
            with hinted("give dollars, e.g. 100.00, or a csv of patient,amount", deductible):
                left = balances.read_balances(deductible)
    spent = balances.read_prior(prior) if prior else {}
    whose = {name: given.pop(name) for name in ("qualifying_apm", "nonparticipating")}
    return billing.Options(**whose, deductible=left, prior=spent)


def report_progress() -> Callable[[str], None]:
    """Progress on one line of a terminal; elsewhere silence."""
    if not _on_terminal():
        return lambda text: None
    return lambda text: _draw(f"\r\x1b[K{text}", nl=": 100%," in text or ":" not in text)


def used_said(read: int, used: int, rejected: int, name: str) -> str:
    rejects = f" (rejects: {name})" if name else ""
    rows = "row" if read == 1 else "rows"
    return f"{read:,} {rows} read, {used:,} used, {rejected:,} rejected{rejects}"


def refused(done: str, whose: str = "the log") -> InputError:
    """What --strict says where a row of ``whose`` is rejected; ``done``: what was not done."""
    hint = f"correct {whose}, or leave out --strict"
    return InputError(f"rows were rejected, so nothing was {done}", hint=hint)


def say_rejects(rejected: Any, log: tuple[str, ...], rejects_file: str | None) -> str:
    """Name rejects and count their reasons on stderr, write them all to a file; its name."""
    if not len(rejected):
        return ""
    one = "stdin" if log[0] == "-" else log[0]
    several = len(log) > 1 or Path(one).is_dir()
    if several and "file" not in rejected.columns:  # a folder with one log
        from calc import inputs

        one = inputs.paths(log)[0][0]
    for row in rejected.head(SHOWN_REJECTS).iter_rows(named=True):
        source = row["file"] if several and "file" in row else one
        tell(f"therapy-calc: {source}:{row['row']}: {row['reason']}")
        if row["hint"]:
            tell(f"  hint: {row['hint']}")
    if len(rejected) > SHOWN_REJECTS:
        more = f"{len(rejected) - SHOWN_REJECTS:,} more rejects"
        tell(f"therapy-calc: {'' if several else f'{one}: '}{more}")
    for reason, count in _reasons(rejected):
        tell(f"{count:,} {'row' if count == 1 else 'rows'}: {reason}")
    name = rejects_file or rejects_name(log)
    from calc import reports

    ending = Path(name).suffix.lstrip(".")
    form = ending if ending in ("json", *reports.BINARY) else "csv"
    require_libraries(form)
    with hinted("name another place by --rejects FILE", name):
        say_cut(reports.write(rejected.drop("hint"), form, (), name), name)
    return name


def rejects_name(log: tuple[str, ...]) -> str:
    """Beside the log; of several files in the folder of the first, of one in a store here."""
    first = "stdin" if log[0] == "-" else log[0]
    if "://" in first:  # Spark's: no path of this machine
        first = first.rstrip("/").rpartition("/")[2]
    place = Path(first)
    if len(log) > 1 and not place.is_dir():
        return str(place.parent / "rejects.csv")
    if place.is_dir():
        # "." and ".." have no name of their own; a point in a folder's name begins no ending.
        place = place if place.name.strip(".") else place.resolve()
        return str(place.parent / f"{place.name}.rejects.csv") if place.name else "rejects.csv"
    return str(place.with_suffix(".rejects.csv"))


def claims_rejects_name(claims: tuple[str, ...], taken: str) -> str:
    """Beside the claims, under a name of its own where ``taken``, the log's, is the same."""
    own = Path(rejects_name(claims))
    other = own.name.removesuffix("rejects.csv") + "claims.rejects.csv"
    return str(own.with_name(other) if _is_same(str(own), taken) else own)


_CLAIMS_REJECTS = "rejects of the claims"  # which no option names


def _reasons(rejected: Any) -> list[tuple[str, int]]:
    """The reasons in short, without the cells they name, most frequent first."""
    short = (re.sub(r'(?s) ".*"(?= )', "", str(reason)) for reason in rejected["reason"])
    counts = Counter(reason.replace(" is ", " ") for reason in short)
    return counts.most_common()


EXTRAS = {"xlsx": ("excel", ("xlsxwriter",))}


def require_libraries(form: str, extras: Mapping[str, tuple[str, Sequence[str]]] = EXTRAS) -> None:
    """InputError where the format of an output needs a library that is missing: before the work.

    ``extras``: by format, the extra that installs the libraries, and those.
    """
    from importlib.util import find_spec

    extra, libraries = extras.get(form, ("", ()))
    lacking = [library for library in libraries if find_spec(library) is None]
    if lacking:
        hint = f"pip install 'therapy-billing-calc[{extra}]'"
        raise InputError(f"{form} needs {' and '.join(lacking)}", hint=hint)


def write_frame(
    frame: Any,
    money: tuple[str, ...],
    form: str | None,
    output: str | None,
    title: str,
    notes: Sequence[str] = (),
) -> None:
    """To standard output or a file; ``title`` and ``notes`` as `reports.text` has them."""
    from calc import reports

    name = reports.format_of(output, form)
    if name in reports.BINARY and output is None:
        raise InputError(f"{name} is no text for the screen", hint=f"write it with -o lines.{name}")
    require_libraries(name)
    limit = 0 if output else table_rows(name, len(frame))
    if output is None:
        write(reports.text(frame, name, money, limit, title, notes), None)
    else:
        say_cut(reports.write(frame, name, money, output, title, notes), output)
    say_shown(limit, len(frame), "lines")


def say_cut(cells: int, output: str) -> None:
    """A note where a workbook's cells do not hold all of their text."""
    if cells:
        from calc import engine

        said = "1 cell is cut off" if cells == 1 else f"{cells:,} cells are cut off"
        most = f"a workbook's cell holds {engine.CELL_LENGTH:,} characters"
        tell(f"note: {output}: {said}, for {most}: csv keeps them whole")


def write(text: str, output: str | None) -> None:
    """To standard output, or to a file whole or not at all."""
    if output is None:
        _write_out(text)
        return
    from calc import engine

    with engine.whole(output) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def _write_out(text: str) -> None:
    """To standard output; InputError where that is closed or full, unless by a pipe's reader."""
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", "standard output") from None


def tell(text: str) -> None:
    """A line to standard error, in which no cell of a log moves the cursor or begins another."""
    _draw(text.translate(CONTROLS), nl=True)


def _draw(text: str, nl: bool = False) -> None:
    """To standard error; where nobody hears it the work goes on."""
    with contextlib.suppress(OSError):
        click.echo(text, nl=nl, err=True)


def say(error: CalcError) -> None:
    tell(f"therapy-calc: {error}")
    if error.hint:
        tell(f"  hint: {error.hint}")
