"""Names of a log's own columns, kept apart from ours while a log is billed.

A carried column has a mark behind its name that no column of ours has. Names that differ only in
small and capital letters are the same to DuckDB, Spark and those who read what is written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_MARK = " (log)"
_MARKED = re.compile(r" \(log( \d+)?\)$")


def carried(name: str) -> str:
    """The name under which a log's own column is carried.

    >>> carried("units"), shown(carried("units")), shown(carried("note (log)"))
    ('units (log)', 'units', 'note (log)')
    """
    return f"{name}{_MARK}"


def shown(name: str) -> str:
    """The name under which a carried column is written."""
    return _MARKED.sub("", name)


def apart(carried: Iterable[str]) -> tuple[str, ...]:
    """Carried columns under names that are unlike each other in any letters.

    >>> apart(("Note (log)", "note (log)", "room (log)"))
    ('Note (log)', 'note (log 2)', 'room (log)')
    >>> shown("note (log 2)")
    'note'
    """
    seen: Counter[str] = Counter()
    names = []
    for name in carried:
        seen[name.casefold()] += 1
        number = seen[name.casefold()]
        names.append(name if number == 1 else f"{name[:-1]} {number})")
    return tuple(names)


def in_log(name: str, names: Iterable[str], ours: Iterable[str]) -> str:
    """The name for a log's own column: where an output has one of ``ours`` like it, another.

    >>> in_log("Allowed", ["Allowed"], ["allowed"]), in_log("note", ["note"], ["allowed"])
    ('Allowed_in_log', 'note')
    """
    taken = {other.casefold() for other in names}
    if name.casefold() in {own.casefold() for own in ours}:
        while name.casefold() in taken:
            name += "_in_log"
    return name
