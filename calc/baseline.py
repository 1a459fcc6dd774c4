"""What an audit before this one found: a json report, read again, and what is new since."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc.errors import InputError

KNOWN = "known_fingerprints"  # of a report's meta
_HINT = "name a file that `therapy-calc audit --format json` wrote"


def read(path: str) -> set[str]:
    """The fingerprints of a json report; rows play no part. Raises InputError for another file."""
    try:
        report = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, _HINT) from None
    except ValueError:  # of json as of text that is not UTF-8
        raise InputError("is not json", path, _HINT) from None
    findings = report.get("findings") if isinstance(report, dict) else None
    if not isinstance(findings, list):
        raise InputError("is no report of an audit: it has no findings", path, _HINT)
    known = set()
    for place, finding in enumerate(findings, 1):
        fingerprint = finding.get("fingerprint") if isinstance(finding, dict) else None
        if not isinstance(fingerprint, str) or not fingerprint:
            raise InputError(f"finding {place} has no fingerprint", path, _HINT)
        known.add(fingerprint)
    # What a report leaves out, since one before it had it, is known all the same.
    meta = report.get("meta")
    before = meta.get(KNOWN) if isinstance(meta, dict) else None
    return known.union(filter(None, map(str, before if isinstance(before, list) else [])))


def apply(findings: nw.DataFrame[Any], known: Collection[str]) -> tuple[nw.DataFrame[Any], int]:
    """The findings that are not known, in their order, and how many are."""
    new = findings.filter(~nw.col("fingerprint").is_in(list(known)))
    return new, len(findings) - len(new)
