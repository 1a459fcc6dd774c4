"""Therapy billing: clock times to units to payment, and audits of therapists' time logs."""

from __future__ import annotations

import threading
from typing import Any

__version__ = "0.1.0"
__all__ = ["audit", "bill", "estimate", "units"]

# Steps that ask Polars for more while it works for them may wait for one another for ever where
# many threads do it. Each uses all cores, so that one after another takes no longer.
_ONE_AFTER_ANOTHER = threading.RLock()


def units(minutes: Any, rule: str = "cms", **options: Any) -> dict[str, int | None]:
    """Units by code: ``units({"97112": 24, "97110": 23})`` gives 2 and 1. See estimating.units."""
    from calc import estimating

    with _ONE_AFTER_ANOTHER:
        return estimating.units(minutes, rule, **options)


def estimate(rows: Any, **options: Any) -> Any:
    """One visit's lines, totals and explanation. See estimating.estimate."""
    from calc import estimating

    with _ONE_AFTER_ANOTHER:
        return estimating.estimate(rows, **options)


def bill(source: Any, **options: Any) -> Any:
    """Claim lines of a log, a path or a frame of any kind. See billing.bill_frame."""
    from calc import billing

    with _ONE_AFTER_ANOTHER:
        return billing.bill_frame(source, **options)


def audit(source: Any, **options: Any) -> Any:
    """Findings of a log, a path or a frame of any kind. See reviewing.audit_frame."""
    from calc import reviewing

    with _ONE_AFTER_ANOTHER:
        return reviewing.audit_frame(source, **options)
