"""What rows say of themselves: that no service was given, or that they take another back."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw

from calc.cells import Known, by_values, read_each, text_of
from calc.params import Config, plain

# No headings: those of a log stand under numbers.
KIND, AT, SEVERAL_DAYS = "status said", "status at", "several days"
# What a row may say: no service was given, money was posted, its line was withdrawn, or it takes
# back or replaces another.
NONE, MONEY, WITHDRAWN, AMENDS = "none", "money", "withdrawn", "amends"
_HELD = {"held": ""}
_OF_A_VISIT = {"none": NONE, "voided": NONE, "money": MONEY} | _HELD
_OF_A_CLAIM = {"none": NONE, "voided": WITHDRAWN, "withdrawn": WITHDRAWN} | {
    "money": MONEY, "reversal": AMENDS,
} | _HELD  # fmt: skip
# What the words of `[status]` in words.toml mean below each kind of its headings. Below that of a
# ledger's entries a void is what takes another entry back; in a log that is no session either.
_OF_LOGS = {
    "heading": _OF_A_VISIT,
    "posting": _OF_A_VISIT | {"posted": MONEY},
    "kind": {"none": NONE},
    "flag": {"set": NONE},
    "attendance": _OF_A_VISIT | {"absent": NONE},
}
_OF_CLAIMS = {
    "heading": _OF_A_CLAIM,
    "claim": _OF_A_CLAIM,
    "posting": _OF_A_CLAIM | {"voided": AMENDS, "posted": MONEY},
    "frequency": {"amended": AMENDS},
    "flag": {"set": WITHDRAWN},
}
# A longer text of a claim that begins or ends with such a word leaves its day in doubt.
_WITHIN = {
    False: {"none": NONE, "voided": NONE},
    True: dict.fromkeys(("none", "voided", "reversal"), AMENDS),
}
_LONGER = ("heading", "claim", "posting", "kind", "attendance")  # below which there are such texts
_NAMED = ("heading", "claim", "attendance")  # below which words that are not known are named


class Words(NamedTuple):
    """Texts of a column as `plain`, with what they mean, "" for a service that was given.

    ``within``: those at the beginning or the end of a longer text, but of none with one of
    ``but_not``. ``named``: a text that is not known may mean that no service was given.
    """

    whole: Mapping[str, str]
    within: Mapping[str, str]
    but_not: frozenset[str]
    named: bool

    def meaning(self, text: str) -> str | None:
        """What a cell says; None for words that are not known."""
        # A code of digits in a column with blanks is often written as a decimal.
        said = self.whole.get(plain(text.removesuffix(".0")))
        if said is not None or not self.within:
            return said
        words = re.findall("[a-z]+|[0-9]+", text.lower())
        if self.but_not.intersection(words):
            return None
        ends = [part for n in range(1, len(words)) for part in (words[:n], words[-n:])]
        found = (self.within.get("".join(part)) for part in ends)
        return next((kind for kind in found if kind), None)


def meanings(config: Config) -> dict[str, str]:
    """Headings and words of `[status]` in words.toml, as `plain`, and what each is there."""
    return {plain(word): kind for word, kind in config.words["status"].items()}


def _headings(config: Config) -> dict[str, str]:
    """Headings of all kinds, as `plain`, with their kind."""
    found = {name: kind for name, kind in meanings(config).items() if kind in _OF_CLAIMS | _OF_LOGS}
    for section, kind in (("flags", "flag"), ("attendance", "attendance")):
        words = config.words[section].items()
        found |= {plain(word): kind for word, what in words if what == "heading"}
    return found


def says_so(heading: str, config: Config) -> bool:
    """Whether visits, below this heading, may say that no service was given."""
    return _headings(config).get(plain(heading)) in ("heading", "attendance")


def of(
    names: Sequence[str], taken: Collection[str], config: Config, claims: bool
) -> dict[str, Words]:
    """Headings below which a row may say so; of each what words mean there.

    ``taken``: plain headings that a user mapped, or that are read otherwise.
    """
    kinds, below = _headings(config), _OF_CLAIMS if claims else _OF_LOGS
    known = meanings(config)
    for section in ("flags", "attendance"):
        words = config.words[section].items()
        known |= {plain(word): what for word, what in words if what != "heading"}
    within = {
        plain(word): _WITHIN[claims][kind]
        for word, kind in config.words["status_within"].items()
        if kind in _WITHIN[claims]
    }
    but_not = frozenset(config.words["status_not"])
    found = {}
    for name in names:
        kind = kinds.get(plain(name), "")
        if kind not in below or plain(name) in taken:
            continue
        own = below[kind]
        whole = {word: own[what] for word, what in known.items() if what in own}
        found[name] = Words(
            whole, within if kind in _LONGER else {}, but_not, kind in _NAMED and not claims
        )
    return found


def told(frame: nw.LazyFrame[Any], columns: Mapping[str, Words]) -> nw.LazyFrame[Any]:
    """Add KIND, what a row says of itself, "" for nothing, and AT, the column that says so.

    ``columns``: their words, see `of`. The first that says something is heard, before it one that
    says AMENDS.
    """
    each = {column: f"{KIND} {number}" for number, column in enumerate(columns)}
    wanted = [(column, _facts(name, columns[column])) for column, name in each.items()]
    frame, _ = by_values(frame, wanted)
    kind, at = nw.lit(""), nw.lit("")
    for heard in ((NONE, MONEY, WITHDRAWN), (AMENDS,)):
        for column, name in reversed(each.items()):
            here = nw.col(name).is_in(heard)
            kind = nw.when(here).then(nw.col(name)).otherwise(kind)
            at = nw.when(here).then(nw.lit(column)).otherwise(at)
    return frame.with_columns(kind.alias(KIND), at.alias(AT)).drop(*each.values())


def _facts(name: str, words: Words) -> Known:
    def read(text: str) -> tuple[str]:
        return (words.meaning(text) or "",)

    return Known(partial(read_each, read=read, types={name: str}), {name: str}, ("",))


def unknown(
    columns: Mapping[str, Words], texts_of: Callable[[str], Sequence[str]]
) -> list[tuple[str, str]]:
    """Headings below which there are texts that nobody understands, and some of these.

    ``texts_of``: the distinct cells below a heading.
    """
    said = []
    for name, words in columns.items():
        texts = [text for text in (texts_of(name) if words.named else ()) if text.strip()]
        strange = [text for text in texts if words.meaning(text) is None]
        # A column in which nothing is understood is about something else, such as a state.
        if strange and len(strange) < len(texts):
            few = ", ".join(f'"{text[:_SHOWN]}"' for text in strange[:_FEW])
            more = f" and {len(strange) - _FEW:,} more" if len(strange) > _FEW else ""
            said.append((name, f"{few}{more}"))
    return said


_FEW, _SHOWN = 3, 40  # texts that a note shows, and of each so many letters


def words(frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> tuple[nw.Expr, nw.Expr]:
    """The text in the column AT, and that column's name in ``columns``, of a frame of `told`."""
    schema, text, name = frame.collect_schema(), nw.lit(""), nw.lit("")
    for column, heading in columns.items():
        here = nw.col(AT) == column
        text = nw.when(here).then(text_of(schema, column)).otherwise(text)
        name = nw.when(here).then(nw.lit(heading)).otherwise(name)
    return text, name


def ends(names: Sequence[str], taken: Collection[str], config: Config) -> list[str]:
    """Headings that tell the last day of what a row bills; ``taken`` as in `of`."""
    known = {plain(word) for word in config.words["until"]}
    return [name for name in names if plain(name) in known and plain(name) not in taken]


def with_several_days(
    frame: nw.LazyFrame[Any], first: str, last: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Add SEVERAL_DAYS: a row's last day is another than its first, written in the same way.

    ``first`` and ``last``: the columns that tell them.
    """
    schema = frame.collect_schema()

    def numbers(column: str) -> nw.Expr:
        day = text_of(schema, column).str.replace_all(_CLOCK, "")
        return day.str.replace_all(r"\b0+\B", "")

    def form(day: nw.Expr) -> nw.Expr:
        return day.str.replace_all("[0-9]+", "0")

    begins = numbers(first)
    several = nw.any_horizontal(
        *((form(begins) == form(day)) & (begins != day) for day in map(numbers, last)),
        ignore_nulls=True,
    )
    return frame.with_columns(several.alias(SEVERAL_DAYS))


_CLOCK = "[T ].*$"  # behind a day
