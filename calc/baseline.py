"""What an audit before this one found: a json report, read again, and what is new since."""

from __future__ import annotations

import json
from collections.abc import Collection, Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc.errors import InputError, require_file, spelled_out
from calc.schema import Folded

KNOWN = "known_fingerprints"  # of a report's meta
REDACTED = "redacted_by"  # likewise: the mark of the key, "" without any
_HINT = "name a file that `therapy-calc audit --format json` wrote"


def read(path: str, mark: str = "") -> dict[str, str]:
    """The rules of a json report's findings by fingerprint; rows play no part.

    A waived finding is not known: it is accepted until a day, not for ever. ``mark``: of the key by
    which patients are redacted. Raises InputError for another file, and for a report that calls
    patients otherwise: none of its findings would be known.
    """
    require_file(path, _HINT)
    try:
        report = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, _HINT) from None
    except (ValueError, RecursionError):  # of json as of text that is not UTF-8
        raise InputError("is not json", path, _HINT) from None
    findings = report.get("findings") if isinstance(report, dict) else None
    if not isinstance(findings, list):
        raise InputError("is no report of an audit: it has no findings", path, _HINT)
    known = {}
    for place, finding in enumerate(findings, 1):
        fingerprint = finding.get("fingerprint") if isinstance(finding, dict) else None
        if not isinstance(fingerprint, str) or not fingerprint:
            raise InputError(f"finding {place} has no fingerprint", path, _HINT)
        if not finding.get("waived"):
            known[fingerprint] = str(finding.get("rule", ""))
    meta = report.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    before = meta.get(KNOWN)
    for text in map(str, before if isinstance(before, list) else []):
        rule, _, fingerprint = text.rpartition(" ")
        known |= {fingerprint: rule} if fingerprint else {}
    for text in (*known, *known.values()):
        if spelled_out(text) != text:
            raise InputError("holds a character that is no text", path, _HINT)
    if known:
        _require_same_key(meta.get(REDACTED), mark, path)
    return known


def _require_same_key(theirs: object, mark: str, path: str) -> None:
    """InputError where a report calls its patients otherwise than this audit does."""
    if not isinstance(theirs, str) or theirs == mark:  # reports of before say nothing
        return
    what = "its patients are codes of another key"
    if not mark:
        what = "its patients are codes, and here they are not"
    hint = "give --redact the key file of that report, or audit without --baseline for a new one"
    if not theirs:
        what = "its patients are no codes, and here they are"
        hint = "leave out --redact, or audit without --baseline for a report to compare with"
    raise InputError(f"{what}: none of its findings would be known", path, hint)


def kept(known: Mapping[str, str], there: Collection[str], ran: Container[str]) -> dict[str, str]:
    """Of what is known what is still ``there``, and what the rules that ``ran`` say nothing of."""
    return {
        fingerprint: rule
        for fingerprint, rule in known.items()
        if fingerprint in there or (rule and rule not in ran)
    }


def left_out(
    known: Mapping[str, str], folded: Iterable[Folded], waived: Container[str]
) -> list[str]:
    """For a report: the findings that it leaves out and a later one is to know all the same.

    Those of the baseline, and those that are ``folded`` into others, but for what is ``waived``.
    """
    both = {f"{rule} {fingerprint}".strip() for fingerprint, rule in known.items()}
    seen = (one for one in folded if one.into not in waived)
    return sorted(both | {f"{one.rule} {one.fingerprint}" for one in seen})


def grown(known: Mapping[str, str], folded: Iterable[Folded]) -> set[str]:
    """Fingerprints of findings into which one is ``folded`` that is not known: they are new.

    A report that names no rules does not name what was folded either.
    """
    return {one.into for one in folded if known.get(one.into) and one.fingerprint not in known}


def apply(
    findings: nw.DataFrame[Any], known: Collection[str], grown: Collection[str] = ()
) -> tuple[nw.DataFrame[Any], int]:
    """The findings that are not known, or have ``grown``, in their order, and how many others."""
    standing = [mark for mark in known if mark not in grown]
    new = findings.filter(~nw.col("fingerprint").is_in(standing))
    return new, len(findings) - len(new)
