"""What rows say of themselves: that no service was given, or that they take another back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw

from calc.cells import Known, by_values, read_each, text_of
from calc.params import Config, plain

KIND, AT = "status said", "status at"  # no headings: those of a log stand under numbers
# What a row may say: no service was given, money was posted, its line was withdrawn, or it takes
# back or replaces another.
NONE, MONEY, WITHDRAWN, AMENDS = "none", "money", "withdrawn", "amends"
_OF_A_VISIT = {"none": NONE, "voided": NONE, "money": MONEY}
_OF_A_CLAIM = {"none": NONE, "voided": WITHDRAWN, "withdrawn": WITHDRAWN} | {
    "money": MONEY, "reversal": AMENDS,
}  # fmt: skip
# What the words of `[status]` in words.toml mean below each kind of its headings. Below that of a
# ledger's entries a void is what takes another entry back; in a log that is no session either.
_OF_LOGS = {"heading": _OF_A_VISIT, "posting": _OF_A_VISIT | {"posted": MONEY}}
_OF_CLAIMS = {
    "heading": _OF_A_CLAIM,
    "claim": _OF_A_CLAIM,
    "posting": _OF_A_CLAIM | {"voided": AMENDS, "posted": MONEY},
    "frequency": {"amended": AMENDS},
}


def meanings(config: Config) -> dict[str, str]:
    """Headings and words of `[status]` in words.toml, as `plain`, and what each is there."""
    return {plain(word): kind for word, kind in config.words["status"].items()}


def of(
    names: Sequence[str], taken: Collection[str], config: Config, claims: bool
) -> dict[str, dict[str, str]]:
    """Headings below which a row may say so; of each the `plain` words, and what they mean.

    ``taken``: plain headings that a user mapped, or that are read otherwise.
    """
    known = meanings(config)
    below = _OF_CLAIMS if claims else _OF_LOGS
    found = {name: below.get(known.get(plain(name), ""), {}) for name in names}
    return {
        name: {word: kinds[kind] for word, kind in known.items() if kind in kinds}
        for name, kinds in found.items()
        if kinds and plain(name) not in taken
    }


def told(frame: nw.LazyFrame[Any], columns: Mapping[str, Mapping[str, str]]) -> nw.LazyFrame[Any]:
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


def _facts(name: str, words: Mapping[str, str]) -> Known:
    def read(text: str) -> tuple[str]:
        # A code of digits in a column with blanks is often written as a decimal.
        return (words.get(plain(text.removesuffix(".0")), ""),)

    return Known(partial(read_each, read=read, types={name: str}), {name: str}, ("",))


def words(frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> tuple[nw.Expr, nw.Expr]:
    """The text in the column AT, and that column's name in ``columns``, of a frame of `told`."""
    schema, text, name = frame.collect_schema(), nw.lit(""), nw.lit("")
    for column, heading in columns.items():
        here = nw.col(AT) == column
        text = nw.when(here).then(text_of(schema, column)).otherwise(text)
        name = nw.when(here).then(nw.lit(heading)).otherwise(name)
    return text, name
