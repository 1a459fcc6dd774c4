"""Which files a log is: those named, those of a folder, and what is said of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calc import decoding, written
from calc.errors import InputError, require_text


@dataclass(frozen=True)
class File:
    """A file that was read: its name, the digest of its bytes (if wanted), and its records.

    ``by_line``: it is a text whose rows are surely the lines of those numbers.
    """

    name: str
    sha256: str
    rows: int
    by_line: bool = False


def is_named(source: Any) -> bool:
    """Whether a log is given by the path of a file or folder, or by several: not as rows.

    InputError, which shows nothing of it, for an open file and for the text of one.
    """
    if hasattr(source, "read") or (isinstance(source, str) and len(source.splitlines()) > 1):
        hint = "give the path of the file, or a frame of its rows"
        raise InputError("the text of a file, or a file that is open, is no log", hint=hint)
    return isinstance(source, list | tuple | Iterator) or is_path(source)


def several(source: Any) -> Sequence[Any]:
    """Paths as a list; InputError for none at all, as of a pattern that fits no file."""
    named = list(source) if isinstance(source, list | tuple | Iterator) else [source]
    if not named:
        hint = "the list of files is empty: see that the folder or pattern has the logs in it"
        raise InputError("no file is named", hint=hint)
    return named


def is_path(source: Any) -> bool:
    return isinstance(source, str) or hasattr(source, "__fspath__")


def paths(sources: Any) -> tuple[list[str], list[str]]:
    """The files named, those of a folder in order of name, and notes about what was left out.

    ``sources``: a path, or a list of them. Raises InputError for a folder without logs and for a
    file that is named twice.
    """
    found: list[str] = []
    notes: list[str] = []
    for source in map(str, several(sources)):
        if not source:
            raise InputError("no file is named", hint="give its path, . for the folder you are in")
        if source == "-" or not _is_folder(source):
            found.append(source)
            continue
        inside, note = _of_folder(source)
        found += inside
        notes += note
    for path in found:
        require_text(path)
    double = [path for place, path in enumerate(found) if path in found[:place]]
    if double:
        raise InputError("is named twice", double[0], "name each file once")
    return found, notes


def _is_folder(source: str) -> bool:
    try:
        return Path(source).is_dir()
    except OSError as error:  # the name is too long, for one
        raise InputError(f"cannot be read ({error.strerror})", f"{source[:40]}...") from None


def _of_folder(source: str) -> tuple[list[str], list[str]]:
    """The logs of a folder, and a note of what was left out."""
    try:
        there = sorted(Path(source).iterdir())
        inside = [path for path in there if not path.is_dir()]
        folders = [path.name for path in there if path.is_dir() and path.name[0] != "."]
        # A link that leads nowhere says so when it is read; to open a pipe would wait for ever.
        readable = [path for path in inside if path.is_file() or not path.exists()]
    except OSError as error:
        hint = "check the folder's rights, or name the files in it"
        raise InputError(f"cannot be read ({error.strerror})", source, hint) from None
    named = [path for path in readable if is_log(path)]
    ours = [path for path in named if written.is_ours(path)]
    logs = [path for path in named if path not in ours]
    if not logs:
        hint = f"a log ends in {', '.join(f'.{name}' for name in decoding.ENDINGS)}"
        if ours:
            hint += "; what this program wrote is read only where it is named itself: "
            hint += ", ".join(path.name for path in ours)
        if folders:
            hint += f"; folders in it are not looked into: {', '.join(folders)}"
        raise InputError("is a folder without logs", source, hint)
    others = [path.name for path in inside if path not in logs and path.name[0] not in ".~"]
    left_out = ", ".join([*others, *folders])
    return list(map(str, logs)), [f"{source}: left out {left_out}"] if left_out else []


def require_outside(
    found: Sequence[str], sources: Sequence[str], beside: Iterable[str | None]
) -> None:
    """InputError where a file ``beside`` the log would be read as a part of it, too.

    ``found``: the `paths` of ``sources``; a file that is named itself may be both.
    """
    inside = [path for path in found if path not in sources]
    for name in filter(None, beside):
        for path in inside:
            with contextlib.suppress(OSError):
                if Path(name).samefile(path):
                    what = "lies in a folder that is read whole, and would be a part of it"
                    hint = "move it out of the folder, or name the files of the folder"
                    raise InputError(what, name, hint)


@contextlib.contextmanager
def naming_strays(path: str, sources: Sequence[Any]) -> Iterator[None]:
    """Adds to an error about a file of a folder in ``sources`` that it need not lie there."""
    try:
        yield
    except InputError as error:
        if path in map(str, sources):
            raise
        hint = f"{error.hint}; " if error.hint else ""
        hint += "if it is no log, move it out of the folder"
        raise InputError(error.what, error.where, hint) from None


def is_log(path: Path) -> bool:
    """Whether a file of a folder is taken for a log, by its name."""
    hidden = path.name.startswith((".", "~$"))
    ours = ".rejects." in path.name or path.name == "rejects.csv"
    return not hidden and not ours and path.suffix.lower().lstrip(".") in decoding.ENDINGS


def same_content(files: Sequence[File]) -> list[str]:
    """Notes about files with the same bytes, whose rows count twice."""
    notes = []
    for place, file in enumerate(files):
        twins = [other.name for other in files[:place] if other.sha256 == file.sha256]
        if twins:
            notes.append(f"{file.name} holds the same bytes as {twins[0]}: its rows count twice")
    return notes
