"""Names of a log's own columns, kept apart from ours while a log is billed.

A carried column has a mark behind its name that no column of ours has.
"""

from __future__ import annotations

from collections.abc import Iterable

_MARK = " (log)"


def carried(name: str) -> str:
    """The name under which a log's own column is carried.

    >>> carried("units"), shown(carried("units")), shown(carried("note (log)"))
    ('units (log)', 'units', 'note (log)')
    """
    return f"{name}{_MARK}"


def shown(name: str) -> str:
    """The name under which a carried column is written."""
    return name.removesuffix(_MARK)


def in_log(name: str, names: Iterable[str]) -> str:
    """The name for a log's own column where an output has one of that name, unlike all others."""
    taken = set(names)
    while name in taken:
        name += "_in_log"
    return name
