"""Which of a log's own headings stands for which of our columns."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from calc.errors import InputError
from calc.params import Config
from calc.params import plain as plain
from calc.schema import SESSION

SEVERAL = "modifiers_billed"  # the one column that may be spread over several headings
# What a log is billed by all the same where it has no such heading: one like it is no heading to
# carry in silence.
_MISSED = ("payer", "charge", "units_billed", SEVERAL, "discipline")


def meanings(config: Config, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Plain heading to our column, "" for one that is to be carried; ``given`` counts first."""
    found = {plain(heading): column for heading, column in (given or {}).items()}
    for name in SESSION:
        found.setdefault(plain(name), name)
    for column, others in config.headings.items():
        for other in others:
            found.setdefault(plain(other), column)
    return found


def score(names: Sequence[str], known: Mapping[str, str]) -> int:
    """How many of our columns a record names: tells the heading from rows above it."""
    return len({known.get(plain(name), "") for name in names if len(name) < 100} - {""})


def read_maps(pairs: Sequence[str], file: str | None) -> dict[str, str]:
    """Headings to our columns, from `HEADING=column` and a saved mapping.

    A mapping is written as `config/columns.toml`: ``[columns]`` with ``start = ["Time In"]``; a
    column named "" lists headings that mean nothing to us. Pairs count before the file.
    """
    found: dict[str, str] = {}
    if file:
        for column, headings in _saved(file).items():
            listed = [headings] if isinstance(headings, str) else headings
            if not isinstance(listed, list):
                hint = 'write e.g. start = ["Time In"]'
                raise InputError("is no list of headings", f"{file}: {column}", hint)
            for heading in listed:
                found[str(heading)] = _known(column, file)
    for pair in pairs:
        heading, equals, column = pair.rpartition("=")
        if not equals or not heading.strip():
            raise InputError(f'"{pair}" is no mapping', "--map", 'write --map "Time In=start"')
        found[heading.strip()] = _known(column.strip(), "--map")
    return found


def _saved(file: str) -> dict[str, str | list[str]]:
    try:
        columns = tomllib.loads(Path(file).read_text(encoding="utf-8")).get("columns")
    except OSError as error:
        hint = "name a file that --save-map wrote"
        raise InputError(f"cannot be read ({error.strerror})", file, hint) from None
    except ValueError as error:  # of toml as of text that is not UTF-8
        raise InputError(f"cannot be read ({error})", file, "a mapping is a toml file") from None
    if not isinstance(columns, dict):
        hint = 'write [columns], then e.g. start = ["Time In"]'
        raise InputError("is no mapping of headings", file, hint)
    return columns


def _known(column: str, where: str) -> str:
    if column and column not in SESSION:
        near = difflib.get_close_matches(column.lower(), SESSION, 1, 0.5)
        hint = f"nearest: {near[0]}" if near else f"choose one of {', '.join(SESSION)}"
        raise InputError(f'"{column}" is no column of ours', where, hint)
    return column


def saved_text(columns: Mapping[str, Sequence[str]]) -> str:
    """A mapping as a file, to be given again by `--map-file`."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [
        f"{name or quoted('')} = [{', '.join(map(quoted, own))}]" for name, own in columns.items()
    ]
    return "\n".join(["[columns]", *lines, ""])


def columns(
    names: Sequence[str], where: str, known: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, list[str]]:
    """Our column to the log's own headings, one each but for modifiers in several columns.

    Raises InputError that names what is missing, what was found and what is nearest.
    """
    meant: dict[str, list[str]] = {}
    for name in names:
        meant.setdefault(known.get(plain(name), ""), []).append(name)
    meant.pop("", None)
    chosen = {plain(heading) for heading in given}
    found: dict[str, list[str]] = {}
    for column, own in meant.items():
        if column == SEVERAL:
            found[column] = sorted(own, key=_number)
            continue
        # What the user says wins, then our own heading; two others cannot be told apart.
        best = [name for name in own if plain(name) in chosen] or _best(own, column)
        if len(best) > 1:
            hint = f'say which one: --map "{best[0]}={column}", or rename it to {column}'
            if plain(best[0]) == plain(best[1]):
                hint = "rename one of them: a mapping cannot tell them apart"
            both = f'headings "{best[0]}" and "{best[1]}" both mean {column}'
            raise InputError(both, where, hint)
        found[column] = best
    many, code = _numbered(names, known), found.get("code", [""])[0]
    if len(many) > 1 and (not code or (code in many and plain(code) not in chosen)):
        hint = f'say which one is read: --map "{many[0]}=code"'
        what = f"one row for each code: several code columns were found: {', '.join(many[:20])}"
        raise InputError(what, where, hint)
    _require(found, names, where, known)
    return found


def _numbered(names: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Headings such as CPT 1 and CPT 2, in which an export puts all codes of a visit in a row."""
    parts = [(name, re.fullmatch(r"(.*[a-z])[0-9]{1,2}", plain(name))) for name in names]
    return [name for name, part in parts if part and known.get(part[1]) == "code"]


def _best(own: Sequence[str], column: str) -> list[str]:
    """Of headings for ``column`` the one spelled as our template prints it, or all of them."""
    return [name for name in own if name == column] or list(own)


def notes(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
) -> list[str]:
    """What a user should know of headings that are not read, though they mean a column of ours.

    ``found``: what `columns` made of ``names``.
    """
    usual, chosen = meanings(config), {plain(heading) for heading in given}
    said, known = [], meanings(config, given)
    for column, (own, *_) in found.items():
        if column == SEVERAL:
            continue
        rivals = [name for name in names if usual.get(plain(name)) == column]
        if plain(own) not in chosen:
            others = [name for name in rivals if name != own and plain(name) not in chosen]
            said += [_passed_over(name, own, column) for name in others]
        elif len(best := _best(rivals, column)) == 1 and plain(best[0]) not in chosen:
            said.append(f'"{best[0]}" is not read: the mapping reads "{own}" as {column}')
    others = [name for name in _numbered(names, known) if name not in found["code"]]
    said += [
        f'"{name}" is not read: one row for each code'
        for name in others
        if plain(name) not in chosen
    ]
    for column in _MISSED:
        if column == SEVERAL or column not in found:
            said += [
                f'"{name}" is not read; if it means {column}: --map "{name}={column}"'
                for name in _nearest(column, names, known, _MISSPELT)
            ]
    return said


def _passed_over(name: str, own: str, column: str) -> str:
    remedy = f'--map "{name}={column}"'
    if plain(name) == plain(own):
        remedy = "rename one of them: a mapping cannot tell them apart"
    return f'"{name}" is not read: "{own}" is read as {column}; to read it instead: {remedy}'


def _number(heading: str) -> int:
    digits = re.findall(r"\d+", heading)
    return int(digits[-1][:4]) if digits else 0


def _require(
    found: Mapping[str, list[str]], names: Sequence[str], where: str, known: Mapping[str, str]
) -> None:
    lacking = [name for name in ("patient", "code") if name not in found]
    if "date" not in found and "start" not in found:
        lacking.append("date")
    if not lacking:
        return
    if any(_DATA.fullmatch(name.strip()) for name in names):
        # Cells are not shown: one of them may name a patient.
        hint = "write a first line that names the columns: patient, code, date, ..."
        raise InputError("the first line holds data: its headings are missing", where, hint)
    stamps: list[tuple[str, str]] = []
    if "date" in lacking:  # stamps under start say it too
        others = [name for name in names if not re.search("dat|dt", plain(name))]
        stamps = _likeliest([time for time in ("start", "end") if time not in found], others, known)
    rest = [name for name in names if name not in dict(stamps)]
    near = [f"{own} ({column})" for own, column in [*_likeliest(lacking, rest, known), *stamps]]
    shown = [name if len(name) <= 40 else f"{name[:40]}..." for name in names[:40]]
    hint = f"found: {', '.join(shown)}"
    hint += f" and {len(names) - 40} more" if len(names) > 40 else ""
    hint += f"; nearest: {', '.join(near)}" if near else ""
    hint += f'; say which one by --map "HEADING={lacking[0]}"'
    raise InputError(f"missing heading {', '.join(lacking)}", where, hint)


# A date, a clock time, a number or a code: no heading.
_DATA = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{1,2}:\d\d.*|\d+([.,]\d+)?|[A-Z]\d{4}", re.IGNORECASE
)


LIKENESS = 0.75  # of a heading that is named as the nearest: less is chance in short words
_MISSPELT = 0.82  # of one that might be carried as well: less is another word, such as Discharge


def _nearest(
    column: str, names: Sequence[str], known: Mapping[str, str], likeness: float = LIKENESS
) -> list[str]:
    """The log's heading that is most like one of the headings known for ``column``."""
    like, own = _most_alike(column, names, known)
    return [own] if like >= likeness else []


def _most_alike(column: str, names: Sequence[str], known: Mapping[str, str]) -> tuple[float, str]:
    """How much, of 1, the log's heading that is most like those known for ``column`` is so."""
    words = [heading for heading, meant in known.items() if meant == column]
    free = {plain(name): name for name in names[:200] if plain(name) not in known}
    best = max(((_alike(word, own), own) for own in free for word in words), default=(0.0, ""))
    return best[0], free.get(best[1], "")


def _likeliest(
    columns: Sequence[str], names: Sequence[str], known: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Headings most like a column, each with it; one as like another column is named for none."""
    near = {column: _most_alike(column, names, known) for column in columns}
    found = []
    for column, (like, own) in near.items():
        others = [other for name, (other, its) in near.items() if its == own and name != column]
        if like >= max([LIKENESS, *others]) and like not in others:
            found.append((own, column))
    return found


def untimed(names: Sequence[str], config: Config, given: Mapping[str, str]) -> str:
    """What is to be said of a log without start, end and minutes, none of whose rows counts."""
    known = meanings(config, given)
    parts = {name: _ends_as(name, config) for name in names[:200] if plain(name) not in known}
    near = [(name, columns[0]) for name, columns in parts.items() if len(columns) == 1]
    near += _likeliest(_TIMES, [name for name in names if not parts.get(name)], known)
    said = "no heading for start, end or minutes was found"
    if not near:
        return said
    likely = ", ".join(f"{own} ({column})" for own, column in near)
    return f'{said}; nearest: {likely}: --map "{near[0][0]}={near[0][1]}"'


_TIMES = ("start", "end", "minutes")


def _ends_as(name: str, config: Config) -> list[str]:
    """Which of start, end and minutes have a heading with this one's last word: Time In, In."""
    last = [plain(word) for word in re.split(r"\W+|_", name) if word][-1:]
    words = {
        time: {plain(word) for heading in config.headings.get(time, []) for word in heading.split()}
        for time in _TIMES
    }
    return [time for time in _TIMES if words[time].intersection(last)]


@lru_cache(maxsize=10_000)
def _alike(one: str, other: str) -> float:
    like = difflib.SequenceMatcher(None, one, other[:60])
    quick = like.real_quick_ratio() >= LIKENESS and like.quick_ratio() >= LIKENESS
    return like.ratio() if quick else 0.0
