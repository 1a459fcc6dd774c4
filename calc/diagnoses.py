"""The ICD-10-CM codes of a text, however it is written."""

from __future__ import annotations

import re

# A letter, a digit, a digit or one of the few letters that stand third, and up to four more.
_DIAGNOSIS = re.compile(r"(?<![A-Z0-9.])[A-Z]\d[\dAB](?:\.?[A-Z0-9]{1,4})?(?![A-Z0-9]|\.[A-Z0-9])")


def codes_in(text: str) -> set[str]:
    """The ICD-10-CM codes of a text, however parted or explained, without their dots.

    >>> sorted(codes_in("m54.50/R26.2: Difficulty in walking (M6281)"))
    ['M5450', 'M6281', 'R262']
    >>> codes_in("pain L4-L5")
    set()
    """
    return {plain(code) for code in _DIAGNOSIS.findall(text.upper())}


def plain(diagnosis: str) -> str:
    return diagnosis.replace(".", "").upper()


def alone(text: str) -> str:
    """A text without all that is no code, which may be anything: a patient's name.

    >>> alone("Doe, Jane M54.5 (pain); r26.2")
    'M54.5, R26.2'
    """
    return ", ".join(_DIAGNOSIS.findall(text.upper()))
