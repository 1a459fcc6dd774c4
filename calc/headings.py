"""Which of a log's own headings stands for which of our columns."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from calc.errors import InputError, first_of, require_file
from calc.params import Config
from calc.params import plain as plain
from calc.schema import SESSION

SEVERAL = "modifiers_billed"  # the one column that may be spread over several headings


def meanings(config: Config, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Plain heading to our column, "" for one that is to be carried; ``given`` counts first."""
    chosen = {plain(heading): column for heading, column in (given or {}).items()}
    return chosen | {word: name for word, name in _usual(config).items() if word not in chosen}


@lru_cache(maxsize=16)
def _usual(config: Config) -> dict[str, str]:
    found = {plain(name): name for name in SESSION}
    for column, others in config.headings.items():
        for other in others:
            found.setdefault(plain(other), column)
    return found


def words_of(heading: str) -> list[str]:
    """The words and numbers of a heading, in small letters.

    >>> words_of("2ndModifier"), words_of("Time_In (Min)"), words_of("PTAMinutes")
    (['2', 'nd', 'modifier'], ['time', 'in', 'min'], ['pta', 'minutes'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", heading)
    return re.findall(r"[^\W\d_]+|\d+", apart.lower())


def shown(heading: str) -> str:
    """A heading as a message shows it and a mapping takes it: on one line."""
    return " ".join(heading.split())


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
                found[str(heading)] = known(column, file)
    for pair in pairs:
        heading, equals, column = pair.rpartition("=")
        if not equals or not heading.strip():
            raise InputError(f'"{pair}" is no mapping', "--map", 'write --map "Time In=start"')
        found[heading.strip()] = known(column.strip(), "--map")
    return found


def _saved(file: str) -> dict[str, str | list[str]]:
    require_file(file, "name a file that --save-map wrote")
    try:
        columns = tomllib.loads(Path(file).read_text(encoding="utf-8-sig")).get("columns")
    except OSError as error:
        hint = "name a file that --save-map wrote"
        raise InputError(f"cannot be read ({error.strerror})", file, hint) from None
    except (ValueError, RecursionError) as error:  # of toml as of text that is not UTF-8
        raise InputError(f"cannot be read ({error})", file, "a mapping is a toml file") from None
    if not isinstance(columns, dict):
        hint = 'write [columns], then e.g. start = ["Time In"]'
        raise InputError("is no mapping of headings", file, hint)
    return columns


def known(column: str, where: str) -> str:
    """A column that a mapping names, or "" for none; InputError where it is none of ours."""
    if column != "" and column not in SESSION:
        near = difflib.get_close_matches(str(column).lower(), SESSION, 1, 0.5)
        hint = f"nearest: {near[0]}" if near else f"choose one of {', '.join(SESSION)}"
        raise InputError(f'"{column}" is no column of ours', where, hint)
    return column


def saved_text(columns: Mapping[str, Sequence[str]]) -> str:
    """A mapping as a file, to be given again by `--map-file`."""

    def quoted(text: str) -> str:
        # As in JSON, but for one control character that toml does not take as it stands.
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

    lines = [
        f"{name or quoted('')} = [{', '.join(map(quoted, own))}]" for name, own in columns.items()
    ]
    return "\n".join(["[columns]", *lines, ""])


def columns(
    names: Sequence[str],
    where: str,
    known: Mapping[str, str],
    given: Mapping[str, str],
    config: Config,
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
        meant_so = [name for name in own if plain(name) in chosen] or best(own, column)
        if len(meant_so) > 1:
            one, other = meant_so[:2]
            own_one = shown(_identifying(meant_so, column, config)[0])
            hint = f'say which one: --map "{own_one}={column}", or rename it to {column}'
            if plain(one) == plain(other):
                hint = "rename one of them: a mapping cannot tell them apart"
            both = f'headings "{shown(one)}" and "{shown(other)}" both mean {column}'
            raise InputError(both, where, hint)
        found[column] = meant_so
    many, code = numbered(names, known), found.get("code", [""])[0]
    if len(many) > 1 and (not code or (code in many and plain(code) not in chosen)):
        hint = f'say which one is read: --map "{shown(many[0])}=code"'
        listed = ", ".join(map(shown, many[:20]))
        what = f"one row for each code: several code columns were found: {listed}"
        raise InputError(what, where, hint)
    _require(found, names, where, known, config)
    return found


def numbered(names: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Headings such as CPT 1 and CPT 2, in which an export puts all codes of a visit in a row."""
    parts = [(name, re.fullmatch(r"(.*[a-z])[0-9]{1,2}", plain(name))) for name in names]
    return [name for name, part in parts if part and known.get(part[1]) == "code"]


def _identifying(own: Sequence[str], column: str, config: Config) -> list[str]:
    """Headings for ``column``, of the patient those that hold an ID where there are any.

    Of the code those that name what it is a code of, for others may hold a facility's own numbers.
    """
    if column == "code":
        return [name for name in own if re.search("cpt|hcpcs", plain(name))] or list(own)
    words = config.words["patient_id"]
    told = [name for name in own if not set(words).isdisjoint(words_of(name))]
    return told if column == "patient" and told else list(own)


def of_revenue(names: Sequence[str], taken: Collection[str], config: Config) -> list[str]:
    """Headings of revenue codes; ``taken``: plain ones that a user mapped, or that are read."""
    known = {plain(word) for word, kind in config.words["revenue"].items() if kind == "heading"}
    return [name for name in names if plain(name) in known and plain(name) not in taken]


def best(own: Sequence[str], column: str) -> list[str]:
    """Of headings for ``column`` the one spelled as our template prints it, or all of them."""
    return [name for name in own if name == column] or list(own)


def _number(heading: str) -> int:
    digits = re.findall(r"\d+", heading)
    return int(digits[-1][:4]) if digits else 0


def _parts(heading: str) -> list[str]:
    return re.findall("[0-9A-Z]+", heading.upper())


def _require(
    found: Mapping[str, list[str]],
    names: Sequence[str],
    where: str,
    known: Mapping[str, str],
    config: Config,
) -> None:
    lacking = [name for name in ("patient", "code") if name not in found]
    if "date" not in found and "start" not in found:
        lacking.append("date")
    if not lacking:
        return
    if not names:
        raise InputError("there are no columns", where, f"{', '.join(lacking)} belong there")
    if len(names) == 1 and score(re.split(r"[,;|\t]|\s{2,}", names[0]), known) > 1:
        what = "the cells of a row are not parted: all stand in one column"
        hint = "save it with a comma or a tab between cells, and without quotes around a whole line"
        raise InputError(what, where, hint)
    codes = [shown(name) for name in names if not config.codes.keys().isdisjoint(_parts(name))]
    if len(codes) == 1 and not _DATA.fullmatch(codes[0]):
        codes = []  # 97110 Fee may stand in any log
    if "code" in lacking and codes and score(names, known) > 1:
        what = f"one row for each code: codes stand as headings: {', '.join(codes[:20])}"
        raise InputError(what, where, "write each into a row of its own, in a column code")
    if any(_DATA.fullmatch(name.strip()) for name in names):
        # Cells are not shown: one of them may name a patient.
        hint = "write a first line that names the columns: patient, code, date, ..."
        raise InputError("the first line holds data: its headings are missing", where, hint)
    stamps: list[tuple[str, str]] = []
    if "date" in lacking:  # stamps under start say it too
        others = [name for name in names if not is_day(name)]
        times = [time for time in ("start", "end") if time not in found]
        stamps = likeliest(times, others, known, config)
    rest = [name for name in names if name not in dict(stamps)]
    likely = [*likeliest(lacking, rest, known, config), *stamps]
    near = [f"{shown(own)} ({column})" for own, column in likely]
    own = [name if len(name) <= 40 else f"{name[:40]}..." for name in map(shown, names)]
    hint = f"found: {first_of(own, 40)}"
    hint += f"; nearest: {', '.join(near)}" if near else ""
    which = "say which one"
    if lacking[0] == "patient" and "patient" not in dict(likely).values():
        parts = any(_is_part_of_name(name, config) for name in names)
        which = (
            f"join last and first name in one column, or {which} holds an ID" if parts else which
        )
    hint += f'; {which} by --map "HEADING={lacking[0]}"'
    raise InputError(f"missing heading {', '.join(lacking)}", where, hint)


# A date, a clock time, a number or a code: no heading.
_DATA = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{1,2}:\d\d.*|\d+([.,]\d+)?|[A-Z]\d{4}", re.IGNORECASE
)


def is_day(name: str) -> bool:
    """Whether a heading speaks of a date.

    >>> is_day("Svc Date To"), is_day("SERVICE_DT_TM"), is_day("To")
    (True, True, False)
    """
    return bool(re.search("dat|dt|dos", plain(name)))


def _is_part_of_name(name: str, config: Config) -> bool:
    """Whether it is a heading such as Last Name, or Patient First."""
    parts, words = {*config.words["name_parts"]}, words_of(name)
    return not parts.isdisjoint(words) and words[-1] in {*parts, "name"}


LIKENESS = 0.75  # of a heading that is named as the nearest: less is chance in short words


def nearest(
    column: str,
    names: Sequence[str],
    known: Mapping[str, str],
    config: Config,
    likeness: float = LIKENESS,
) -> list[str]:
    """The log's heading that is most like one of the headings known for ``column``."""
    like, own = _most_alike(column, names, known, config)
    return [own] if like >= likeness else []


def _most_alike(
    column: str, names: Sequence[str], known: Mapping[str, str], config: Config
) -> tuple[float, str]:
    """How much, of 1, the log's heading that is most like those known for ``column`` is so."""
    words = [heading for heading, meant in known.items() if meant == column]
    never = {*config.words.get(f"not_{column}", {})}
    free = {
        plain(name): name
        for name in names[:200]
        if plain(name) not in known
        and not _is_something_else(name, column, words)
        and never.isdisjoint(words_of(name))
    }
    likes = {own: max((_alike(word, own) for word in words), default=0.0) for own in free}
    like_enough = [free[own] for own, like in likes.items() if like >= LIKENESS]
    told = {plain(name) for name in _identifying(like_enough, column, config)} or likes
    like, own = max(((likes[own], own) for own in told), default=(0.0, ""))
    return like, free.get(own, "")


_KINDS = {"by", "code", "cost", "date", "desc", "description", "id", "number", "rate", "status"}


_MONEY = {"amount", "amounts", "amt", "charge", "charges", "cost", "dollars", "fee", "price"}


def _is_something_else(name: str, column: str, words: Sequence[str]) -> bool:
    """The last word of a heading says what is in it (Charge Date), and none of ``words`` does.

    One that speaks of money holds no units.
    """
    own = [plain(word) for word in re.split(r"[\W_]+", name.strip())]
    if column == "units_billed" and _MONEY.intersection(own):
        return True
    return own[-1] in _KINDS and not any(word.endswith(own[-1]) for word in words)


def likeliest(
    columns: Sequence[str], names: Sequence[str], known: Mapping[str, str], config: Config
) -> list[tuple[str, str]]:
    """Headings most like a column, each with it; one as like another column is named for none."""
    near = {column: _most_alike(column, names, known, config) for column in columns}
    found = []
    for column, (like, own) in near.items():
        others = [other for name, (other, its) in near.items() if its == own and name != column]
        if like >= max([LIKENESS, *others]) and like not in others:
            found.append((own, column))
    return found


@lru_cache(maxsize=10_000)
def _alike(one: str, other: str) -> float:
    like = difflib.SequenceMatcher(None, one, other[:60])
    quick = like.real_quick_ratio() >= LIKENESS and like.quick_ratio() >= LIKENESS
    return like.ratio() if quick else 0.0
