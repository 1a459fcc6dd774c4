"""What a user should know of a log's headings that are not read, and of times that have none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from calc import lengths
from calc.headings import (
    SEVERAL,
    best,
    likeliest,
    meanings,
    nearest,
    numbered,
    shown,
    words_of,
)
from calc.params import Config, plain

# What a log is billed by all the same where it has no such heading: one like it is no heading to
# carry in silence.
_MISSED = ("payer", "charge", "units_billed", SEVERAL, "discipline")
_HINTED = ("role",)  # words alone say that a heading may mean it
_MISSPELT = 0.85  # of one that might be carried as well: less is another word, such as Discharge
TIMES = ("start", "end", "minutes")


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
        elif len(usually := best(rivals, column)) == 1 and plain(usually[0]) not in chosen:
            said.append(f'"{usually[0]}" is not read: the mapping reads "{own}" as {column}')
    codes = [name for name in numbered(names, known) if plain(name) not in known]
    said += [f'"{name}" is not read: one row for each code' for name in codes]
    for column in (*_MISSED, *_HINTED):
        if column == SEVERAL or column not in found:
            near = nearest(column, names, known, _MISSPELT) if column in _MISSED else []
            said += [
                f'"{name}" is not read; if it means {column}: --map "{name}={column}"'
                for name in near or _hinted(column, names, known, config)
            ]
    return said


def _hinted(
    column: str, names: Sequence[str], known: Mapping[str, str], config: Config
) -> list[str]:
    """The first heading with a word of words.toml that may mean ``column``."""
    meanings = config.words["headings"]
    for name in names[:200]:
        words = {meanings.get(word.lower()) for word in re.split(r"[\W_]+", name)}
        if plain(name) not in known and column in words and "" not in words:
            return [name]
    return []


def provider(mapping: Mapping[str, Sequence[str]]) -> list[str]:
    """A note where a heading that may mean the therapist is read as the billing provider."""
    own = mapping.get("provider", [""])[0]
    # Our own heading, as the template prints it, is meant as it stands.
    if "clinician" in mapping or plain(own) != "provider" or own == "provider":
        return []
    return [f'"{own}" is read as the billing provider; a therapist: --map "{own}=clinician"']


def _passed_over(name: str, own: str, column: str) -> str:
    remedy = f'--map "{name}={column}"'
    if plain(name) == plain(own):
        remedy = "rename one of them: a mapping cannot tell them apart"
    return f'"{name}" is not read: "{own}" is read as {column}; to read it instead: {remedy}'


def times_like(
    names: Sequence[str], config: Config, given: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Of a log without start, end and minutes the headings that may mean one, each with it."""
    known = meanings(config, given)
    parts = {name: _ends_as(name, config) for name in names[:200] if plain(name) not in known}
    near = [(name, columns[0]) for name, columns in parts.items() if len(columns) == 1]
    return near + likeliest(TIMES, [name for name in names if not parts.get(name)], known)


def lengths_like(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
    texts_of: Callable[[str], Sequence[str]],
) -> list[tuple[str, str]]:
    """Of a log without minutes the unread headings that may say how long each service took.

    Each with the column that it may mean. Start and end that are read may then be the visit's.
    ``texts_of``: the distinct cells below a heading.
    """
    if "minutes" in found:
        return []
    known, read = meanings(config, given), {name for own in found.values() for name in own}
    unread = [name for name in names if name not in read and plain(name) not in known]
    near = [
        (name, "minutes")
        for name in unread
        if _may_be_minutes(name, config) and lengths.are_lengths(texts_of(name))
    ]
    times = [(name, _own_time(name, known, config)) for name in unread]
    near += [(name, time) for name, time in times if time in found and any(texts_of(name))]
    return near


def _may_be_minutes(name: str, config: Config) -> bool:
    """Hours may not, which are rounded too much to be held against clock times."""
    words = set(words_of(name))
    told = not words.isdisjoint(config.words["lengths"])
    other = not words.isdisjoint(config.words["not_minutes"])
    return told and not other and lengths.unit_of(name, config) != "hours"


def _own_time(name: str, known: Mapping[str, str], config: Config) -> str:
    """Start or end, where the heading is one of it behind a word for the treatment itself."""
    first, *rest = words_of(name) or [""]
    column = known.get("".join(rest), "")
    return column if first in config.words["own_times"] and column in ("start", "end") else ""


def unread_lengths(near: Sequence[tuple[str, str]]) -> list[str]:
    """A note of headings that may say how long each service took; ``near``: see `lengths_like`."""
    return [several_kinds(near) or asked(near)] if near else []


def several_kinds(near: Sequence[tuple[str, str]]) -> str:
    """What is said of several headings of minutes, "" if there are not: one is not all of them."""
    kinds = [name for name, column in near if column == "minutes"]
    if len(kinds) < 2:
        return ""
    return f"{_listed(kinds)} are not read: write one row for each kind of minutes"


def asked(near: Sequence[tuple[str, str]]) -> str:
    """What is said of unread headings, each with the column that it may mean."""
    columns = list(dict.fromkeys(column for _, column in near))
    one = len(near) == 1
    them = "is not read; if it means" if one else "are not read; if they mean"
    unread = [(name, "") for name, _ in near]
    return (
        f"{_listed([name for name, _ in near])} {them} {_and(columns)}: {maps(near)}, if not:"
        f" {maps(unread)}"
    )


def maps(pairs: Iterable[tuple[str, str]]) -> str:
    """The options that read headings as columns."""
    return " ".join(f'--map "{shown(name)}={column}"' for name, column in pairs)


def _listed(names: Sequence[str]) -> str:
    return _and([f'"{shown(name)}"' for name in names])


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def untimed(near: Sequence[tuple[str, str]]) -> str:
    """What is to be said of a log without start, end and minutes; ``near``: see `times_like`."""
    said = "no heading for start, end or minutes was found"
    if not near:
        return said
    likely = ", ".join(f"{own} ({column})" for own, column in near)
    return f'{said}; nearest: {likely}: --map "{near[0][0]}={near[0][1]}"'


def _ends_as(name: str, config: Config) -> list[str]:
    """Which of start, end and minutes have a heading with this one's last word: Time In, In.

    Minutes also where it names a unit: what is mapped to them is read in it.
    """
    last = [plain(word) for word in re.split(r"\W+|_", name) if word][-1:]
    words = {
        time: {plain(word) for heading in config.headings.get(time, []) for word in heading.split()}
        for time in TIMES
    }
    ends = [time for time in TIMES if words[time].intersection(last)]
    return ends or (["minutes"] if lengths.unit_of(name, config) else [])
