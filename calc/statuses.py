"""What rows say of themselves: that no service was given, or that they take another back."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw

from calc.cells import Known, by_values, read_each
from calc.params import Config, plain

# No headings: those of a log stand under numbers.
KIND, AT, WORD = "status said", "status at", "status word"
# What a row may say: no service was given, money was posted, its line was withdrawn, it takes back
# or replaces another, or bills once more what another line bills.
NONE, MONEY, WITHDRAWN, AMENDS, AGAIN = "none", "money", "withdrawn", "amends", "again"
_HELD = {"held": "", "returned": ""}
_OF_A_VISIT = {"none": NONE, "voided": NONE, "money": MONEY} | _HELD
_OF_A_CLAIM = {"none": NONE, "voided": WITHDRAWN, "withdrawn": WITHDRAWN} | {
    "money": MONEY, "reversal": AMENDS, "returned": AMENDS, "held": "", "secondary": AGAIN,
}  # fmt: skip
_TAKEN_BACK = {"set": AMENDS, "unset": ""}
# What the words of `[status]` in words.toml mean below each kind of its headings. Below that of a
# ledger's entries a void is what takes another entry back; in a log that is no session either.
_OF_LOGS = {
    "heading": _OF_A_VISIT,
    "unnamed": _OF_A_VISIT,
    "posting": _OF_A_VISIT | {"posted": MONEY},
    "kind": {"none": NONE},
    "flag": {"none": NONE, "voided": NONE, "set": NONE, "unset": ""},
    "attendance": _OF_A_VISIT | {"absent": NONE, "present": ""},
    "back": _TAKEN_BACK,
    "frequency": dict[str, str](),
}
_OF_CLAIMS = {
    "heading": _OF_A_CLAIM,
    # 22 is also the number of a state.
    "unnamed": {what: kind for what, kind in _OF_A_CLAIM.items() if what != "reversal"},
    "back": _TAKEN_BACK,
    "frequency": {"amended": AMENDS},
    "claim": _OF_A_CLAIM | {"amended": AMENDS, "posted": AMENDS},
    "posting": _OF_A_CLAIM | {"voided": AMENDS, "posted": MONEY},
    "flag": {"none": WITHDRAWN, "voided": WITHDRAWN, "set": WITHDRAWN, "unset": ""},
    "attendance": _OF_A_CLAIM | {"absent": NONE, "present": ""},
    "sequence": _OF_A_CLAIM | {"first": "", "second": AGAIN},
}
# Below these a longer text may begin or end with such a word; that of a claim leaves its day in
# doubt.
_LONGER = ("heading", "unnamed", "claim", "posting", "kind", "attendance")
_NAMED = ("heading", "attendance", "flag")  # below which words that are not known are named
_HEADING = "heading"
# Kinds with words in a table of their own, and those with headings in one.
_APART = {"flag": "flags", "attendance": "attendance", "back": "flags", "sequence": "sequence"}
_HEADED = _APART | {"back": "reversals"}
# Form locator 4 of a bill: two digits, often behind a 0, and the frequency; but 837 is X12's name
# of a claim. What replaces one, takes it back or adjusts it: MCPM ch. 25 s. 75.1. The void of a log
# is no session, while what replaces a claim is one; a frequency alone may there be of visits.
_BILL_TYPE = re.compile(r"(?:^|\()\W{0,9}(?!837)0?[1-9][0-9]([0-9a-z])(?:\.0$)?(?![0-9a-z])")
_FREQUENCY = re.compile(r"^\W*([0-9])(?:\.0)?(?=$|\s*[-:(])")
_AMENDING = "78fghijkmpq"
_OF_BILLS = {
    False: ((_BILL_TYPE, "8"),),
    True: ((_FREQUENCY, _AMENDING), (_BILL_TYPE, _AMENDING)),  # of claims
}


class Words(NamedTuple):
    """Texts of a column as `plain`, with what they mean, "" for a service that was given.

    ``within``: those at the beginning or the end of a longer text whose other words are none of
    ``but_not``, and say nothing else. ``named``: of a log, where a text that is not known may mean
    that no service was given. ``bills``: how a bill's type or frequency is written, and which ones
    are none of a bill of its own.
    """

    whole: Mapping[str, str]
    within: Mapping[str, str]
    but_not: frozenset[str]
    named: bool
    bills: Sequence[tuple[re.Pattern[str], str]]

    def heard(self, text: str) -> tuple[str | None, str]:
        """What a cell says, None for words that are not known; and the words that say so."""
        # A code of digits in a column with blanks is often written as a decimal.
        lower = text.lower()
        for pattern, amending in self.bills:
            if code := pattern.search(lower):
                return (AMENDS if code[1] in amending else ""), code[0].strip(" (").upper()
        said = self.whole.get(plain(lower.removesuffix(".0")))
        if said is not None or not self.within:
            return said, text
        words = re.findall("[a-z]+|[0-9]+", text.lower())
        longest = max(map(len, self.within))  # no more words than letters
        for count in range(1, min(len(words), longest + 1)):
            for own, others in ((words[:count], words[count:]), (words[-count:], words[:-count])):
                kind = self.within.get("".join(own))
                if kind and not self._is_against(others):
                    return kind, " ".join(own)
        return None, ""

    def _is_against(self, words: Sequence[str]) -> bool:
        """Whether the other words of a text deny it, or say that a service was given."""
        given = any(self.whole.get(word) == "" for word in words)
        # Before what is said, or behind it: No cancellation, Cancelled: No.
        return given or words[-1] == "no" or not self.but_not.isdisjoint(words)


def _table(config: Config, name: str) -> dict[str, str]:
    """Headings and words of a table of words.toml, as `plain`, and what each is there."""
    return {plain(word): kind for word, kind in config.words[name].items()}


@lru_cache(maxsize=16)
def _headings(config: Config) -> Mapping[str, str]:
    """Headings of all kinds, as `plain`, with their kind."""
    known = _table(config, "status").items()
    found = {name: kind for name, kind in known if kind in _OF_CLAIMS | _OF_LOGS}
    for kind, table in _HEADED.items():
        found |= {name: kind for name, what in _table(config, table).items() if what == _HEADING}
    return found


def says_so(heading: str, config: Config) -> bool:
    """Whether visits, below this heading, may say that no service was given."""
    return _headings(config).get(plain(heading)) in ("heading", "unnamed", "attendance")


def is_of_a_payer(heading: str, config: Config) -> bool:
    """Whether claims, below this heading, say which of a patient's payers a line went to."""
    return _headings(config).get(plain(heading)) == "sequence"


def of(
    names: Sequence[str], taken: Collection[str], config: Config, claims: bool
) -> dict[str, Words]:
    """Headings below which a row may say so; of each what words mean there.

    ``taken``: plain headings that a user mapped, or that are read otherwise.
    """
    kinds, below = _headings(config), _OF_CLAIMS if claims else _OF_LOGS
    but_not = frozenset(config.words["status_not"])
    found = {}
    for name in names:
        kind = kinds.get(plain(name), "")
        if kind not in below or plain(name) in taken:
            continue
        own = below[kind]
        apart = _table(config, _APART[kind]) if kind in _APART else {}
        known = _table(config, "status") | {
            w: what for w, what in apart.items() if what != _HEADING
        }
        whole = {word: own[what] for word, what in known.items() if what in own}
        longer = _table(config, "status_within") if kind in _LONGER else {}
        within = {
            word: AMENDS if claims else own[what] for word, what in longer.items() if what in own
        }
        bills = _OF_BILLS[claims] if kind == "frequency" else ()
        found[name] = Words(whole, within, but_not, kind in _NAMED and not claims, bills)
    return found


def told(frame: nw.LazyFrame[Any], columns: Mapping[str, Words]) -> nw.LazyFrame[Any]:
    """Add KIND, what a row says of itself, "" for nothing, AT, the column that says so, and WORD.

    ``columns``: their words, see `of`. The first that says something is heard, before it one that
    says AMENDS. WORD is what says so: what else stands in the cell may be a name.
    """
    each = {column: f"{KIND} {number}" for number, column in enumerate(columns)}
    wanted = [(column, _facts(name, columns[column])) for column, name in each.items()]
    frame, _ = by_values(frame, wanted)
    kind, at, word = nw.lit(""), nw.lit(""), nw.lit("")
    for heard in ((AGAIN,), (NONE, MONEY, WITHDRAWN), (AMENDS,)):
        for column, name in reversed(each.items()):
            here = nw.col(name).is_in(heard)
            kind = nw.when(here).then(nw.col(name)).otherwise(kind)
            at = nw.when(here).then(nw.lit(column)).otherwise(at)
            word = nw.when(here).then(nw.col(_word_of(name))).otherwise(word)
    frame = frame.with_columns(kind.alias(KIND), at.alias(AT), word.alias(WORD))
    return frame.drop(*each.values(), *map(_word_of, each.values()))


def _word_of(name: str) -> str:
    return f"{name} {WORD}"


def _facts(name: str, words: Words) -> Known:
    def read(text: str) -> tuple[str, str]:
        kind, word = words.heard(text)
        return kind or "", word

    types = {name: str, _word_of(name): str}
    return Known(partial(read_each, read=read, types=types), types, ("", ""))


def unknown(
    columns: Mapping[str, Words], texts_of: Callable[[str], Sequence[str]]
) -> list[tuple[str, int]]:
    """Headings below which there are texts that nobody understands, and how many.

    ``texts_of``: the distinct cells below a heading.
    """
    said = []
    for name, words in columns.items():
        texts = [text for text in (texts_of(name) if words.named else ()) if text.strip()]
        strange = [text for text in texts if words.heard(text)[0] is None]
        if strange:
            said.append((name, len(strange)))
    return said


def words(columns: Mapping[str, str]) -> tuple[nw.Expr, nw.Expr]:
    """What a row of `told` says of itself, and where: the column's name in ``columns``."""
    name = nw.lit("")
    for column, heading in columns.items():
        name = nw.when(nw.col(AT) == column).then(nw.lit(heading)).otherwise(name)
    return nw.col(WORD), name


def ends(names: Sequence[str], taken: Collection[str], date: str, config: Config) -> list[str]:
    """Headings that tell the last day of what a row bills; ``taken`` as in `of`.

    ``date``: the heading of the first. Beside one that does not say so To Date may be another's,
    and Start Date and End Date are those of a session.
    """
    until = config.words["until"]
    whole = {plain(heading) for heading, kind in until.items() if not kind}
    service = {word for word, kind in until.items() if kind == "service"}
    own, firsts = _parted(_words(date), until, ("first",))
    found = []
    for name in names:
        words = _words(name)
        others, lasts = _parted(words, until, ("last", "end"))
        alike = own == others or service.issuperset(own | others)
        # Service End is a time of day, and End of Service another's.
        day = any(until.get(word) in ("last", "date") or word == "dos" for word in words)
        beside = firsts and alike and (firsts == {"from"} or (day and (others or own)))
        of_service = day and others and service.issuperset(others) and until.get(words[0]) != "end"
        says_so = plain(name) in whole or (lasts and (beside or of_service))
        if says_so and plain(name) not in taken:
            found.append(name)
    return found


def _words(heading: str) -> list[str]:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading).lower()
    return re.findall("[a-z]+|[0-9]+", text) or [""]


def _parted(
    words: Sequence[str], until: Mapping[str, str], kinds: Collection[str]
) -> tuple[set[str], set[str]]:
    """The words of a heading that say something else than ``kinds``, and those that say these."""
    told = {word for word in words if until.get(word) not in ("date", "other")}
    own = {word for word in told if until.get(word) in kinds}
    return told - own, own
