"""What a user should know of a log's headings that are not read, and of times that have none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from calc import lengths
from calc.headings import SEVERAL, best, likeliest, meanings, nearest, numbered
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
