"""What a user can do wrong. Each error says what is wrong, where, and how to mend it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

# Control characters of a log could move the cursor of a terminal, or turn what stands beside them.
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
CONTROLS = dict.fromkeys([*range(32), *range(127, 160), *_TURNING], "?")


class CalcError(Exception):
    """Base of every error that a user can cause; anything else is a bug.

    ``what`` is one line, ``where`` names file, row, column or key, ``hint`` says how to mend it.
    """

    def __init__(self, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class ConfigError(CalcError):
    """A figure in ``config/`` is missing, doubled, uncited or malformed."""


class InputError(CalcError):
    """A log, an option or an argument cannot be used as it stands."""


def first_of(names: Sequence[str], most: int) -> str:
    """The first of many names, and how many more there are.

    >>> first_of(["a", "b", "c"], 3), first_of(["a", "b", "c"], 2)
    ('a, b, c', 'a, b and 1 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def require_text(name: str) -> None:
    """InputError for a name in another encoding than UTF-8, which no table can hold."""
    if (shown := spelled_out(name)) != name:
        hint = "rename the file, or write the word in UTF-8"
        raise InputError("is no text in UTF-8", shown, hint)


def spelled_out(text: str) -> str:
    """A text of which what is no UTF-8 stands as an escape, as in names of files and half emojis.

    >>> print(spelled_out("Müller"), spelled_out("a" + chr(0xDCFF)))
    Müller a\\udcff
    """
    return text.encode("utf-8", "backslashreplace").decode()


def require_file(path: str, hint: str) -> None:
    """InputError for a device or a pipe: one would be waited for, and others never end."""
    place = Path(path)
    with contextlib.suppress(OSError, ValueError):  # which say themselves why it cannot be read
        if place.exists() and not (place.is_file() or place.is_dir()):
            raise InputError("is a device or pipe, not a file", path, hint)
