"""CMS's releases written into a folder of figures: what changes, then all files or none."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from calc.cms import COLUMNS, NUMBER, Release, Row, table_rows
from calc.dated import ONE_DAY, Days, Value, quarter, runs
from calc.errors import CalcError, InputError
from calc.figure_files import KEYS
from calc.money import FACTOR_PLACES, decimal_text, scaled
from calc.params import QUARTERLY, Config, faults

TITLES = {
    "rvu": "Relative value units",
    "gpci": "Geographic practice cost indices",
    "mue": "Medically unlikely edits, practitioner services",
    "ptp": "Procedure-to-procedure edits, practitioner services",
    "counties": "Counties of each locality",
}


@dataclass(frozen=True)
class Diff:
    """What a release changes, as lines of text; ``kept``: what it says otherwise and stays.

    ``against``: the edition that it is compared with.
    """

    new: list[str]
    changed: list[str]
    gone: list[str]
    kept: list[str] = field(default_factory=list)
    against: str = field(default="", compare=False)


@contextlib.contextmanager
def made(folder: str | None) -> Iterator[None]:
    """A folder for figures that is made if it is not there, and taken away if it stays empty."""
    if not folder or Path(folder).exists():
        yield
        return
    try:
        Path(folder).mkdir()
    except OSError as error:
        what = f"cannot be made ({error.strerror})"
        raise InputError(what, folder, "choose another folder") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def span(release: Release, first: str | None, last: str | None) -> tuple[date, date]:
    """The days a release is for, from the options --from and --until.

    InputError where one is missing or no date: no file of CMS states its last day, and a figure
    never holds longer than someone said it does.
    """
    if not first or not last:
        year = release.year or date.today().year
        usual, word = Days(date(year, 1, 1), date(year, 12, 31)), "year"
        if release.kind in QUARTERLY:
            usual, word = quarter(date.today()), "quarter"
        hint = (
            f"give --from and --until, for a calendar {word} --from {usual.first}"
            f" --until {usual.last}"
        )
        raise InputError("the file does not say which days it is for", release.where, hint)
    try:
        days = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise InputError(f"--from or --until: {error}", hint="write 2027-01-01") from None
    if days[1] < days[0]:
        raise InputError("--until is before --from", hint="the last day comes after the first")
    if release.kind in QUARTERLY and days[1] > quarter(days[0]).last:
        what = f"{days[0]} to {days[1]} is more than a calendar quarter"
        raise InputError(what, release.where, "import the file of each quarter for its days")
    if release.kind in _OF_A_YEAR and release.year and {day.year for day in days} != {release.year}:
        what = f"is of {release.year}, not of {days[0]} to {days[1]}"
        raise InputError(what, release.where, f"give --from and --until in {release.year}")
    return days


def doubts(release: Release, diff: Diff) -> list[str]:
    """What of a release should be looked at before it is relied on."""
    said = list(release.notes)
    (basis,) = release.factors if len(release.factors) == 1 else ("",)
    if basis:
        said.append(
            f"only the conversion factor of {basis} is in these files: give those of both variants"
            " in one command"
        )
    if diff.gone and release.kind in _OF_A_YEAR:
        others = f" and {len(diff.gone) - 1} more" if len(diff.gone) > 1 else ""
        what = "codes" if release.kind == "rvu" else "localities"
        verb = "are" if others else "is"
        said.append(f"{what} without figures now: {diff.gone[0]}{others} {verb} not in the release")
    return said


_OF_A_YEAR = ("rvu", "gpci")  # what they say of their year is the year they are for

Plan = tuple[Release, date, date]


def plans(releases: Sequence[Release], first: str | None, last: str | None) -> list[Plan]:
    """Each release with its days; one that changes within them in runs of days on which it holds.

    Raises as `span`; also where no row of a release holds.
    """
    done: list[Plan] = []
    for release in releases:
        days = span(release, first, last)
        held = [(release, start, end) for start, end, rows in release.runs(*days) if rows]
        if not held:
            raise _nothing_holds(release)
        done += held
    return done


def _nothing_holds(release: Release) -> InputError:
    return InputError("no row holds in these days", release.where, "check --from and --until")


def changes(
    config: Config, release: Release, first: date, last: date, follows: bool = False
) -> Diff:
    """What ``release`` changes against the edition of ``first``, or of the day before.

    ``follows``: it is installed for the days before too, and is compared with itself.
    """
    before = _day_before(first)
    edition = config.edition(release.kind, first) or config.edition(release.kind, before)
    keys = KEYS[release.kind]

    def by_key(rows: list[Row]) -> dict[str, Row]:
        return {" ".join(row[key] for key in keys): row for row in rows}

    held = release.on(before) if follows else table_rows(edition.path) if edition else []
    old = by_key(held)
    new = by_key(release.during(first, last))
    values = [name for name in COLUMNS[release.kind] if name not in keys]
    changed = [
        f"{key} {name} {old[key].get(name, '')} -> {row[name]}"
        for key, row in new.items()
        for name in values
        if key in old and not _same(old[key].get(name, ""), row[name])
    ]
    added = [
        " ".join([key, *(f"{name} {row[name]}" for name in values if row[name])])
        for key, row in new.items()
        if key not in old
    ]
    gone = [key for key in old if key not in new]
    written, kept = _factor_changes(config, release, first, last)
    against = "" if follows or not edition else config.cite_edition(edition)
    return Diff(added, written + changed, gone, kept, against)


def _day_before(day: date) -> date:
    return day if day == date.min else day - ONE_DAY


def _same(old: str, new: str) -> bool:
    if NUMBER.fullmatch(old) and NUMBER.fullmatch(new):
        return Decimal(old) == Decimal(new)
    return old == new


@dataclass(frozen=True)
class _FactorRun:
    """A release's conversion factor over days that have the same one already, or none."""

    applies_to: str
    text: str
    first: date
    last: date
    held: Value | None


def _factor_runs(config: Config, release: Release, first: date, last: date) -> list[_FactorRun]:
    """The release's factors over its days; only those of days without one are written."""
    values = config.parameter("conversion_factor").values
    found = []
    for applies, factor in release.factors.items():
        text = decimal_text(scaled(factor, FACTOR_PLACES), FACTOR_PLACES)
        for run in _rivals(values, applies, first, last):
            found.append(_FactorRun(applies, text, *run))
    return found


def _rivals(
    values: Sequence[Value], applies: str, first: date, last: date
) -> list[tuple[date, date, Value | None]]:
    """The value of each day that a new one for ``applies`` would overlap, or None."""
    rivals = [v for v in values if not (v.applies_to and applies) or v.applies_to == applies]

    def at(day: date) -> Value | None:
        return next((value for value in rivals if value.first <= day <= value.last), None)

    return runs(at, rivals, first, last)


def _factor_changes(
    config: Config, release: Release, first: date, last: date
) -> tuple[list[str], list[str]]:
    """What is written and what stays of the conversion factors."""
    parameter = config.parameter("conversion_factor")
    written, kept = [], []
    for run in _factor_runs(config, release, first, last):
        name = " ".join(["conversion_factor", run.applies_to]).strip()
        days = f"{run.first} to {run.last}"
        if run.held is None:
            old = parameter.find(_day_before(run.first), run.applies_to)
            line = f"{name} {old.text if old else 'none'} -> {run.text}"
            if old and _same(old.text, run.text):
                line = f"{name} {run.text}, as before"
            whole = (run.first, run.last) == (first, last)
            written.append(line if whole else f"{line} for {days}")
        elif not _same(run.held.text, run.text):
            kept.append(f"{name} {run.held.text} for {days}; the file's {run.text} is not taken")
    return written, kept


def install(
    folder: Path, release: Release, first: date, last: date, source_id: str, config: Config
) -> list[Path]:
    """Write a release into ``folder`` as an edition from ``first`` to ``last``; the files written.

    A conversion factor is added only for days without one: laws change it in mid-year, and the
    file's must not undo them. InputError, with nothing written, where an edition of the folder
    overlaps, the release is empty or a file cannot be written; ConfigError where its files are
    faulty already.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", source_id):
        raise InputError(f'source "{source_id}" is no key', hint="use letters, digits, - and .")
    if last < first:
        raise InputError("--until is before --from", hint="the last day comes after the first")
    rows = release.during(first, last)
    if not rows:
        raise _nothing_holds(release)
    table = _free_name(folder, release.kind, first, last)
    texts = {table: _csv_text(release.kind, rows)}
    both = Config([folder, *(other for other in config.folders if other != folder)])
    if source_id not in both.sources:
        texts |= _source_text(folder, release, first, source_id)
    texts |= _factor_text(folder, release, first, last, source_id, both)
    # The edition comes last: until it stands, the other files change nothing.
    texts |= _edition_text(folder, release, first, last, source_id, table.name)
    _write_all(texts)
    return list(texts)


def install_all(
    folder: Path,
    plans: Sequence[Plan],
    source_id: str,
    config: Config,
) -> list[Path]:
    """Write several releases, each with its first and last day, all or none; the files written.

    They are installed one after another in a copy of ``folder``; only when all fit, and the figures
    are still readable, are its files written. ``source_id`` blank: `cms-rvu27` and the like; of
    several tables its keys end in their names. Raises as `install`.
    """
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "figures"
        shutil.copytree(folder, copy)
        others = [other for other in config.folders if other != folder]
        touched: list[Path] = []
        kinds = {release.kind for release, _, _ in plans}
        before = faults(Config([copy, *others]))
        try:
            for release, first, last in plans:
                both = Config([copy, *others])
                key = _source_key(both, release, first, source_id, len(kinds) > 1)
                touched += install(copy, release, first, last, key, both)
            for fault in faults(Config([copy, *others])):
                if fault.args not in [known.args for known in before]:
                    raise fault
        except CalcError as error:
            # The copy is gone before its name could be read: the user's file has the fault.
            told = [text.replace(str(copy), str(folder)) for text in error.args]
            raise type(error)(*told) from None
        texts = {folder / path.relative_to(copy): path.read_text("utf-8") for path in touched}
    _write_all(texts)
    return list(texts)


def _source_key(config: Config, release: Release, first: date, given: str, several: bool) -> str:
    """The key of a release in sources.toml: one that no other release has, unless it is given."""
    if given:
        return f"{given}-{release.kind}" if several else given
    key = f"cms-{release.kind}{first.year % 100:02d}"
    if release.kind in QUARTERLY:
        return f"{key}q{_quarter_of(first)}"
    taken = config.sources.get(key, {}).get("title", _title(release, first))
    return key if taken == _title(release, first) else f"{key}-{first}"


def _quarter_of(day: date) -> int:
    return (day.month + 2) // 3


def _title(release: Release, first: date) -> str:
    """What a release is called: a quarterly one, whose file does not say so, by its quarter."""
    if release.kind not in QUARTERLY:
        return release.title
    word = ("first", "second", "third", "fourth")[_quarter_of(first) - 1]
    return f"{release.title}, {first.year} {word} quarter"


def _free_name(folder: Path, kind: str, first: date, last: date) -> Path:
    """The path of the new table; InputError where an edition or a file is in its way."""
    for edition in Config([folder]).editions(kind):
        if first <= edition.last and edition.first <= last:
            what = f"{first} to {last} overlaps the edition {edition.first} to {edition.last}"
            hint = (
                "choose other days, or shorten or take out that edition first; all files of a"
                " release go into one command"
            )
            raise InputError(what, str(folder / kind / "editions.toml"), hint)
    whole_year = first == date(first.year, 1, 1) and last == date(first.year, 12, 31)
    path = folder / kind / (f"{first.year}.csv" if whole_year else f"{first}.csv")
    if path.exists():
        raise InputError("stands there already", str(path), "move it away first")
    return path


def _csv_text(kind: str, rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[kind], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a TOML string without control characters


def _added(path: Path, head: str, block: str) -> dict[Path, str]:
    """The text of a file, or ``head`` where there is none, with ``block`` after it."""
    text = path.read_bytes().decode("utf-8") if path.is_file() else head
    return {path: f"{text.rstrip()}\n\n{block}" if text.strip() else block}


def _edition_text(
    folder: Path, release: Release, first: date, last: date, source_id: str, name: str
) -> dict[Path, str]:
    head = f"title = {_quoted(TITLES[release.kind])}\n"
    lines = ["[[edition]]", f"from = {first}", f"until = {last}", f"file = {_quoted(name)}"]
    lines += [f"source = {_quoted(source_id)}", f"release = {_quoted(_title(release, first))}", ""]
    return _added(folder / release.kind / "editions.toml", head, "\n".join(lines))


def _source_text(folder: Path, release: Release, first: date, source_id: str) -> dict[Path, str]:
    title = _quoted(_title(release, first))
    lines = [f"[{_quoted(source_id)}]", f"title = {title}", 'publisher = "CMS"']
    lines += [f'date = "{release.year}"'] if release.year else []
    return _added(folder / "sources.toml", "", "\n".join([*lines, ""]))


def _factor_text(
    folder: Path, release: Release, first: date, last: date, source_id: str, config: Config
) -> dict[Path, str]:
    parameter = config.parameter("conversion_factor")
    blocks = []
    for run in _factor_runs(config, release, first, last):
        if run.held:
            continue
        lines = ["[[value]]", f"from = {run.first}", f"until = {run.last}", f"value = {run.text}"]
        lines += [f"source = {_quoted(source_id)}"]
        lines += [f"applies_to = {_quoted(run.applies_to)}"] if run.applies_to else []
        blocks.append("\n".join([*lines, ""]))
    if not blocks:
        return {}
    head = f"title = {_quoted(parameter.title)}\nunit = {_quoted(parameter.unit)}\n"
    head += f"places = {FACTOR_PLACES}\n"
    return _added(folder / "conversion_factor.toml", head, "\n".join(blocks))


def _write_all(texts: Mapping[Path, str]) -> None:
    """All files or none: temporary files first, then renamed; undone where a rename fails."""
    before = {path: path.read_bytes() if path.is_file() else None for path in texts}
    ready: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            ready[path] = _temporary(path, text)
        for path, temporary in ready.items():
            os.replace(temporary, path)
            done.append(path)
    except OSError as error:
        for path in done:
            old = before[path]
            path.unlink() if old is None else path.write_bytes(old)
        what = f"cannot be written ({error.strerror}); nothing was changed"
        raise InputError(what, str(error.filename or ""), "choose another folder") from None
    finally:
        for temporary in ready.values():
            temporary.unlink(missing_ok=True)


def _temporary(path: Path, text: str) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    temporary = Path(name)
    try:
        os.close(handle)
        temporary.write_bytes(text.encode())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
