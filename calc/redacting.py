"""Patient identifiers as stable codes: the same patient and key file give the same code anywhere.

A code is a keyed hash (HMAC-SHA256) of the patient's text, so it cannot be found by trying
patients without the key file. Fingerprints of findings hold the patient too: hash them after
redaction, or with the key, else they could be guessed from a list of patients. Waivers and claims
name real patients: match them before. Columns of a log that are not named here are left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import narwhals.stable.v2 as nw

from calc import engine
from calc.cells import clean, text_of
from calc.errors import InputError, require_file

PREFIX = "PT-"
CODE_LENGTH = 10  # letters of 5 bits: two of a million patients share 50 bits once in 2,000 runs
KEY_BYTES = 32
_NEW_KEY = "name a file that does not exist, in a folder of yours, and a key is made"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U

Frame = TypeVar("Frame", nw.DataFrame[Any], nw.LazyFrame[Any])


class Key:
    """A secret, and the codes of this run: two patients never get one code unnoticed."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._codes: dict[str, str] = {}
        self._patients: dict[str, str] = {}

    def code(self, patient: str) -> str:
        """The code of a patient's text, blank for blank. InputError if two patients share it."""
        if not patient:
            return ""
        code = self._codes.get(patient)
        if code is None:
            code = self._codes[patient] = PREFIX + self._letters(patient)
            if self._patients.setdefault(code, patient) != patient:
                raise InputError(
                    f"two patients share the code {code}", hint="use another, new key file"
                )
        return code

    @property
    def mark(self) -> str:
        """By which another run knows that it has the same key; it tells nothing of any patient."""
        return self._letters("")  # the code of no patient

    def known(self, patient: str) -> str:
        """The code of a patient, or the text itself where it is a code of this run already."""
        return patient if patient in self._patients else self.code(patient)

    def renamed(self, counts: Mapping[str, int]) -> dict[str, int]:
        """The same by patients' codes."""
        return {self.known(patient): count for patient, count in counts.items()}

    def _letters(self, patient: str) -> str:
        digest = hmac.new(self._secret, patient.encode(), hashlib.sha256).digest()
        number = int.from_bytes(digest, "big") >> (8 * len(digest) - 5 * CODE_LENGTH)
        return "".join(_LETTERS[number >> 5 * place & 31] for place in reversed(range(CODE_LENGTH)))


def read_key(path: str) -> Key:
    """The key of a file; one that does not exist is made, random and readable by its owner only.

    Raises InputError where the file cannot be read or written, or holds no key.
    """
    with contextlib.suppress(FileExistsError):
        _make(path)
    require_file(path, _NEW_KEY)
    try:
        text = Path(path).read_text(encoding="ascii").strip()
        secret = bytes.fromhex(text)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, _NEW_KEY) from None
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        what = f"is no key file ({2 * KEY_BYTES} hexadecimal digits)"
        raise InputError(what, path, _NEW_KEY)
    return Key(secret)


def _make(path: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", path, _NEW_KEY) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")


def redact(frame: Frame, names: Sequence[str], key: Key) -> Frame:
    """The same rows with codes in the columns ``names``; columns that are not there are ignored.

    Each distinct patient is hashed once and joined back. Blank and null become blank.
    """
    present = [name for name in names if name in frame.columns]
    if not present:
        return frame
    if isinstance(frame, nw.LazyFrame):
        return _redacted(frame, present, key)
    placed = frame.with_row_index("redacted_place").lazy()  # a join need not keep the order
    done = engine.collect(_redacted(placed, present, key))
    return done.sort("redacted_place").drop("redacted_place")


def redact_cells(
    rows: nw.DataFrame[Any], names: Sequence[str], nobody: Sequence[str], key: Key
) -> nw.DataFrame[Any]:
    """As `redact`, of cells as they stand in a log: who is one patient there has one code.

    ``nobody``: words in small letters that are as good as a blank cell.
    """
    texts = {name: clean(rows.schema, name) for name in names if name in rows.columns}
    named = {
        name: nw.when(~text.str.to_lowercase().is_in(nobody)).then(text)
        for name, text in texts.items()
    }
    return redact(rows.with_columns(**named), names, key)


def redact_rows(rows: nw.LazyFrame[Any], key: Key) -> nw.LazyFrame[Any]:
    """SESSION rows with codes for patients, and only such modifiers as can be some.

    What is no two letters or digits may be a name that slipped into the column.
    """
    apart = nw.col("modifiers_billed").str.replace_all(" ", "  ", literal=True)
    padded = nw.concat_str([nw.lit(" "), apart, nw.lit(" ")])
    kept = padded.str.replace_all(_NO_MODIFIER, " ").str.replace_all(" +", " ").str.strip_chars()
    return redact(rows.with_columns(modifiers_billed=kept), ("patient",), key)


_NO_MODIFIER = " (?:[^ ]|[^ ]{3,}|[^ ]*[^ A-Z0-9][^ ]*) "


def without_cells(error: InputError) -> InputError:
    """An error that repeats no cell and no heading of the files that were read.

    What stands in quotes is left out where a file is to blame, not an option, and so is what was
    found in the place of headings or sheets.
    """
    what = error.what
    if error.where and not error.where.startswith("--"):
        what = re.sub(r'(?s) ?".*"', "", what).strip()
    hint = error.hint
    if re.match(r"(found|sheets): ", hint):
        _, asked, rest = hint.rpartition("; say which one")
        hint = f"say which one{rest}" if asked else ""
    return InputError(what, error.where, hint)


def note_without_names(note: str) -> str:
    """A note on what was read without the names of sheets that were left out.

    >>> note_without_names('x.xlsx: read sheet "Log"; left out Ann Lee, Jo (see --sheet)')
    'x.xlsx: read a sheet; others are left out (see --sheet)'
    """
    named = r'(?s)read (hidden )?sheet ".*"; left out .* \('
    return re.sub(named, r"read a \1sheet; others are left out (", note)


def without_words(rows: nw.DataFrame[Any], names: Sequence[str]) -> nw.DataFrame[Any]:
    """Of the columns ``names`` only numbers, dates and clock times; other cells become null."""
    texts = {name: text_of(rows.schema, name) for name in names}
    return rows.with_columns(
        **{name: nw.when(text.str.contains(_NO_WORD)).then(text) for name, text in texts.items()}
    )


_NO_WORD = r"^[0-9\s:./,$+-]*(?i:[ap]\.?m\.?)?$"


def _redacted(rows: nw.LazyFrame[Any], names: list[str], key: Key) -> nw.LazyFrame[Any]:
    schema = rows.collect_schema()
    rows = rows.with_columns(**{name: text_of(schema, name) for name in names})
    patients = [patient for patient in engine.distinct(rows, *names) if patient]
    codes = [key.code(patient) for patient in patients]
    for name in names:
        table: engine.Columns = {"redacted_text": patients, "redacted_code": codes}
        small = engine.beside(rows, table, dict.fromkeys(table, str))
        joined = rows.join(small, left_on=name, right_on="redacted_text", how="left")
        rows = joined.with_columns(nw.col("redacted_code").fill_null("").alias(name))
        rows = rows.drop("redacted_code", "redacted_text", strict=False)
    return rows.select(schema.names())
