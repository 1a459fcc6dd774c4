"""What a user should know of a log's headings that are not read, and of times that have none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from calc import lengths, statuses, values
from calc.headings import (
    SEVERAL,
    best,
    is_day,
    likeliest,
    meanings,
    nearest,
    numbered,
    shown,
    words_of,
)
from calc.lengths import Cell
from calc.params import Config, plain
from calc.schema import OF_LINES

# What a log is billed by all the same where it has no such heading: one like it is no heading to
# carry in silence.
_MISSED = ("payer", "charge", "units_billed", SEVERAL, "discipline")
_HINTED = ("role",)  # words alone say that a heading may mean it
_MISSPELT = 0.85  # of one that might be carried as well: less is another word, such as Discharge
TIMES = ("start", "end", "minutes")
IN_ONE_CELL = "start and end"  # in the place of a column: such cells hold both


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
            read_so = f'the mapping reads "{shown(own)}" as {column}'
            said.append(f'"{shown(usually[0])}" is not read: {read_so}')
    codes = [name for name in numbered(names, known) if plain(name) not in known]
    said += [f'"{shown(name)}" is not read: one row for each code' for name in codes]
    for column in (*_MISSED, *_HINTED):
        if column == SEVERAL or column not in found:
            near = nearest(column, names, known, config, _MISSPELT) if column in _MISSED else []
            near = [] if column == SEVERAL and _may_be_modifiers(near, config) else near
            said += [
                _proposed(name, column) for name in near or _hinted(column, names, known, config)
            ]
    return said


def _proposed(name: str, column: str) -> str:
    return f'"{shown(name)}" is not read; if it means {column}: {maps([(name, column)])}'


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


def unbillable(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
    texts_of: Callable[[str], Sequence[str]],
) -> list[str]:
    """Notes of unread headings below which rows say that they are not to be billed.

    ``texts_of``: the distinct cells below a heading, of sessions.
    """
    own, other = ({plain(word) for word in config.words[name]} for name in _BILLABLE)
    marked, unmarked = (
        {word for word, meaning in config.words[section].items() if meaning == kind}
        for section, kind in (("flags", "set"), ("attendance", "absent"))
    )
    said = []
    for name in _unread(names, found, config, given):
        no = marked if plain(name) in other else unmarked if plain(name) in own else None
        texts = [] if no is None else texts_of(name)
        against = [text for text in texts if text.lower() in (no or ()) or plain(text) in other]
        if against:
            words = (
                f'"{shown(name)}" says "{against[0]}": not understood, so such rows are sessions'
            )
            said.append(f"{words}; take out those that are not to be billed")
    return said


_BILLABLE = ("billable", "not_billable")


def roles_like(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
    texts_of: Callable[[str], Sequence[str]],
) -> list[str]:
    """Notes of unread headings below which some rows name an assistant's profession.

    Of those with a word of words.toml; a log with a role says itself who is one. ``texts_of``: see
    `unbillable`.
    """
    if "role" in found:
        return []
    words = config.words["role"].items()
    professions = {"assistant", *(word for word, role in words if role == "assistant")}
    return [
        _proposed(name, "role")
        for name in _unread(names, found, config, given)
        if not {*words_of(name)}.isdisjoint(config.words["role_headings"])
        and not professions.isdisjoint(text.lower() for text in texts_of(name))
    ]


def of_lines(names: Sequence[str]) -> list[str]:
    """A note where a log is the lines that this program made of one."""
    if not OF_LINES.issubset(names):
        return []
    twice = "a code that is parted by CQ or CO has its minutes on both lines, which count twice"
    return [f"these are lines of this program, no sessions: {twice}; read the log they are of"]


def not_understood(
    columns: Mapping[str, statuses.Words], texts_of: Callable[[str], Sequence[str]]
) -> list[str]:
    """Notes of what rows say of themselves that nobody understands; see `statuses.unknown`.

    No text is shown, for it may hold a name.
    """
    return [
        f'"{shown(name)}" has {_count(texts, "text")} that nobody understands, whose rows count as'
        " sessions"
        for name, texts in statuses.unknown(columns, texts_of)
    ]


def of_several_days(rows: int, heading: str, of_claims: bool) -> list[str]:
    """A note of so many rows of several days, of which the column below ``heading`` tells."""
    if not rows:
        return []
    own, verb = shown(heading), "is" if rows == 1 else "are"
    first = "they are not judged" if of_claims else "they count on the first"
    remedy = f"write one row for each day, or if it means something else: {maps([(heading, '')])}"
    return [f'by "{own}" {_count(rows, "row")} {verb} of several days; {first}: {remedy}']


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def provider(mapping: Mapping[str, Sequence[str]]) -> list[str]:
    """A note where a heading that may mean the therapist is read as the billing provider."""
    own = mapping.get("provider", [""])[0]
    # Our own heading, as the template prints it, is meant as it stands.
    if "clinician" in mapping or plain(own) != "provider" or own == "provider":
        return []
    remedy = maps([(own, "clinician")])
    return [f'"{shown(own)}" is read as the billing provider; a therapist: {remedy}']


def _passed_over(name: str, own: str, column: str) -> str:
    remedy = maps([(name, column)])
    if plain(name) == plain(own):
        remedy = "rename one of them: a mapping cannot tell them apart"
    names = f'"{shown(name)}" is not read: "{shown(own)}"'
    return f"{names} is read as {column}; to read it instead: {remedy}"


def times_like(
    names: Sequence[str], config: Config, given: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Of a log without start, end and minutes the headings that may mean one, each with it."""
    known = meanings(config, given)
    names = [n for n in names if not is_day(n) and not statuses.says_so(n, config)]
    parts = {name: _ends_as(name, config) for name in names[:200] if plain(name) not in known}
    near = [(name, columns[0]) for name, columns in parts.items() if len(columns) == 1]
    others = [n for n in names if not parts.get(n) and not lengths.unit_of(n, config)]
    return near + likeliest(TIMES, others, known, config)


def both_like(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
    texts_of: Callable[[str], Sequence[str]],
) -> list[tuple[str, str]]:
    """Of a log without minutes the headings that are not read and hold start and end in one cell.

    Each with IN_ONE_CELL. ``texts_of``: the distinct cells below a heading.
    """
    if "minutes" in found or {"start", "end"} <= set(found):
        return []
    unread = _unread(names, found, config, given)
    return [(name, IN_ONE_CELL) for name in unread if lengths.in_one_cell(texts_of(name))]


def lengths_like(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
    cells_of: Callable[[str], Sequence[Cell]],
) -> list[tuple[str, str]]:
    """The headings that may say how long each service took, or an assistant's part of it.

    Each with the column that it may mean: those that are not read, and a total of minutes without
    any other time. Start and end that are read may be the visit's; beside minutes that are read
    only an assistant's leave a doubt. ``cells_of``: the distinct cells below a heading, of rows
    whose minutes count.
    """
    known, unread = meanings(config, given), _unread(names, found, config, given)
    if "minutes" in found:
        own = [] if OF_LINES.issubset(names) else unread
        theirs = [name for name in own if _may_be_assistants(name, config)]
        return [(name, "minutes") for name in theirs if _are_lengths(cells_of(name))]
    near = [
        (name, "minutes")
        for name in unread
        if _may_be_minutes(name, config) and _say_more(cells_of(name))
    ]
    times = [(name, _own_time(name, known, config)) for name in unread]
    near += [
        (name, time)
        for name, time in times
        if time in found and any(cell.text for cell in cells_of(name))
    ]
    if not near and not {"start", "end"} & set(found):
        near = _totals(unread, found, config, given, cells_of)
    return near


def _totals(
    unread: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
    cells_of: Callable[[str], Sequence[Cell]],
) -> list[tuple[str, str]]:
    """Headings of totals, of which nobody can tell whether they are each row's: see `lengths_like`.

    Those that are not read, such as of timed minutes; else the one that is read as total_minutes.
    """
    chosen = {plain(heading) for heading in given}
    read = [name for name in found.get("total_minutes", ()) if plain(name) not in chosen]
    for totals in ([name for name in unread if _may_be_minutes(name, config, total=True)], read):
        if near := [(name, "minutes") for name in totals if _say_more(cells_of(name))]:
            return near
    return []


def _unread(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
) -> list[str]:
    """The headings that nothing reads and nobody knows."""
    known, read = meanings(config, given), {name for own in found.values() for name in own}
    return [name for name in names if name not in read and plain(name) not in known]


def _say_more(cells: Sequence[Cell]) -> bool:
    """Whether cells are lengths, and not those that start and end say already."""
    return _are_lengths(cells) and not lengths.are_spans(cells)


def _are_lengths(cells: Sequence[Cell]) -> bool:
    return lengths.are_lengths([cell.text for cell in cells])


def _may_be_assistants(name: str, config: Config) -> bool:
    """Whether a heading may be one of minutes, or of their total, that an assistant furnished."""
    theirs = not {*config.words["of_assistant"]}.isdisjoint(words_of(name))
    return theirs and _may_be_minutes(name, config, total=True)


def _may_be_minutes(name: str, config: Config, total: bool = False) -> bool:
    """Hours may not, which are rounded too much to be held against clock times.

    ``total``: whether a total of minutes may.
    """
    words = set(words_of(name)) - set(config.words["totals"] if total else ())
    told = not words.isdisjoint(config.words["lengths"])
    rest = words - set(config.words["times"])
    told = told or (rest < words and rest <= set(config.words["of_treatment"]))
    other = not words.isdisjoint(config.words["not_minutes"])
    return told and not other and lengths.unit_of(name, config) != "hours"


def modifiers_like(
    names: Sequence[str],
    found: Mapping[str, Sequence[str]],
    config: Config,
    given: Mapping[str, str],
    texts_of: Callable[[str], Sequence[str]],
) -> list[tuple[str, str]]:
    """The unread headings that may hold modifiers of a line, each with our column for them.

    ``texts_of``: the distinct cells below a heading.
    """
    unread = _unread(names, found, config, given)
    near = [name for name in unread if _may_be_modifiers([name], config)]
    return [(name, SEVERAL) for name in near if _hold_modifiers(texts_of(name))]


def _hold_modifiers(texts: Sequence[str]) -> bool:
    """Whether some cells are modifiers of a claim by form, or hold one of therapy; Min not."""
    return any(_MODIFIERS.fullmatch(text) or values.held_modifiers(text) for text in texts)


_MODIFIERS = re.compile(r"[\s,;:/|-]*[A-Za-z0-9]{2}([\s,;:/|-]+[A-Za-z0-9]{2})*[\s,;:/|-]*")


def _may_be_modifiers(names: Sequence[str], config: Config) -> bool:
    words = {word for name in names for word in words_of(name)}
    told = not words.isdisjoint(config.words["modifier_words"])
    return told and words.isdisjoint(config.words[f"not_{SEVERAL}"])


def _own_time(name: str, known: Mapping[str, str], config: Config) -> str:
    """Start or end, where the heading is one of it behind a word for the treatment itself."""
    first, *rest = words_of(name) or [""]
    column = known.get("".join(rest), "")
    return column if first in config.words["own_times"] and column in ("start", "end") else ""


def unread_lengths(near: Sequence[tuple[str, str]], minutes: Sequence[str] = ()) -> list[str]:
    """Notes of headings that may say how long each service took.

    ``near``: see `lengths_like` and `both_like`; ``minutes``: what is read as such.
    """
    said, near = _in_one_cell(near)
    if near:
        said.append(_of_assistants(near, minutes[0]) if minutes else _kinds_or_asked(near))
    return said


def _in_one_cell(near: Sequence[tuple[str, str]]) -> tuple[list[str], list[tuple[str, str]]]:
    """What is said of headings that hold start and end in one cell; and the other headings."""
    both = [name for name, column in near if column == IN_ONE_CELL]
    others = [(name, column) for name, column in near if column != IN_ONE_CELL]
    if not both:
        return [], others
    holds = "holds" if len(both) == 1 else "hold"
    unread = maps([(name, "") for name in both])
    said = f"{_listed(both)} {holds} start and end in one cell: write them in two columns, start"
    return [f"{said} and end; if not of the treatment: {unread}"], others


def _kinds_or_asked(near: Sequence[tuple[str, str]], read: Mapping[str, str] | None = None) -> str:
    return several_kinds(near) or asked(near, read)


def _of_assistants(near: Sequence[tuple[str, str]], own: str) -> str:
    """What is said of an assistant's minutes beside those that are read, which may hold them."""
    verb, them = ("is", "it") if len(near) == 1 else ("are", "them")
    names, unread = _listed([name for name, _ in near]), maps([(name, "") for name, _ in near])
    return (
        f'{names} {verb} not read beside "{shown(own)}": write one row for each kind of minutes,'
        f" with its role, or leave {them} out: {unread}"
    )


def several_kinds(near: Sequence[tuple[str, str]]) -> str:
    """What is said of several headings of minutes, "" if there are not: one is not all of them."""
    kinds = [name for name, column in near if column == "minutes"]
    if len(kinds) < 2:
        return ""
    return f"{_listed(kinds)} are not read: write one row for each kind of minutes"


def asked(near: Sequence[tuple[str, str]], read: Mapping[str, str] | None = None) -> str:
    """What is said of headings, each with the column that it may mean; ``read``: as what it is."""
    read = read or {}
    columns = list(dict.fromkeys(column for _, column in near))
    one = len(near) == 1
    as_other = [column for name, column in read.items() if name == near[0][0]]
    how = f"read as {as_other[0]}" if as_other else "not read"
    them = f"is {how}; if it means" if one else f"are {how}; if they mean"
    unread = [(name, read.get(name, "")) for name, _ in near]
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


def untimed(
    near: Sequence[tuple[str, str]],
    unread: Sequence[tuple[str, str]] = (),
    total: Sequence[str] = (),
) -> str:
    """What is to be said of a log without start, end and minutes.

    ``near``: see `times_like`; ``unread``: see `lengths_like` and `both_like`; ``total``: what is
    read as total_minutes. Of several headings for one column none is proposed: what the others
    hold would not be read.
    """
    both, unread = _in_one_cell(unread)
    said = "; ".join(["no heading for start, end or minutes was found", *both])
    totals = dict.fromkeys(total, "total_minutes")
    if not near:
        return f"{said}; {_kinds_or_asked(unread, totals)}" if unread else said
    if kinds := several_kinds(near):
        return f"{said}; {kinds}"
    in_order = sorted(near, key=lambda pair: pair[1] != "minutes")
    columns = [column for _, column in near]
    likely = ", ".join(f"{shown(own)} ({column})" for own, column in near)
    several = [column for column in columns if columns.count(column) > 1]
    remedy = f'say which one by --map "HEADING={several[0]}"' if several else maps(in_order)
    # Minutes on each row may be those of the whole day.
    if near == unread:
        remedy += f", if not: {maps([(name, '') for name, _ in near])}"
    return f"{said}; nearest: {likely}: {remedy}"


def undated(
    names: Sequence[str], config: Config, texts_of: Callable[[str], Sequence[str]]
) -> list[str]:
    """What is to be said of unread headings that hold dates, in a log without one.

    ``texts_of``: the distinct cells below a heading.
    """
    there = []
    for name in names:
        texts = [text for text in texts_of(name) if text]
        other = not {*config.words["not_date"]}.isdisjoint(words_of(name))
        if texts and not other and all(_DATE.match(text) for text in texts):
            there.append(name)
    if not there:
        return []
    one = len(there) == 1
    remedy = maps([(there[0], "date")]) if one else 'say which one by --map "HEADING=date"'
    holds = "holds" if one else "hold"
    return [f"no heading for date was found; {_listed(there)} {holds} dates: {remedy}"]


_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b")


def _ends_as(name: str, config: Config) -> list[str]:
    """Which of start, end and minutes have a heading with this one's last word: Time In, In.

    Minutes also where it names a unit: what is mapped to them is read in it.
    """
    last = [plain(word) for word in re.split(r"\W+|_", name) if word][-1:]
    words = {
        time: {plain(word) for heading in config.headings.get(time, []) for word in heading.split()}
        for time in TIMES
    }
    if not {*config.words["not_minutes"]}.isdisjoint(words_of(name)):
        del words["minutes"]
    ends = [time for time, own in words.items() if own.intersection(last)]
    has_unit = "minutes" in words and lengths.unit_of(name, config)
    return ends or (["minutes"] if has_unit else [])
