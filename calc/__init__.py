"""Therapy billing: clock times to units to payment, and audits of therapists' time logs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Unpack

    from calc.estimating import Estimate
    from calc.keywords import Amount, AuditOptions, BillOptions, EstimateOptions, UnitsOptions

__version__ = "0.1.0"
__all__ = ["audit", "bill", "estimate", "units"]

# Steps that ask Polars for more while it works for them may wait for one another for ever where
# many threads do it. Each uses all cores, so that one after another takes no longer.
_ONE_AFTER_ANOTHER = threading.RLock()


def units(
    minutes: Mapping[Any, Amount],
    rule: str | None = "cms",
    **options: Unpack[UnitsOptions],
) -> dict[str, int | None]:
    """Units by code: ``units({"97112": 24, "97110": 23})`` gives 2 and 1. See estimating.units."""
    from calc import estimating, keywords

    with _ONE_AFTER_ANOTHER:
        rule = "cms" if rule is None else rule
        return estimating.units(minutes, rule, **keywords.given("units", options))


def estimate(rows: Iterable[Mapping[str, Any]], **options: Unpack[EstimateOptions]) -> Estimate:
    """One visit's lines, totals and explanation. See estimating.estimate."""
    from calc import estimating, keywords

    with _ONE_AFTER_ANOTHER:
        return estimating.estimate(rows, **keywords.given("estimate", options))


def bill(source: Any, **options: Unpack[BillOptions]) -> Any:
    """Claim lines of a log, a path or a frame of any kind. See billing.bill_frame."""
    from calc import billing, keywords

    with _ONE_AFTER_ANOTHER:
        return billing.bill_frame(source, **keywords.given("bill", options))


def audit(source: Any, **options: Unpack[AuditOptions]) -> Any:
    """Findings of a log, a path or a frame of any kind. See reviewing.audit_frame."""
    from calc import keywords, reviewing

    with _ONE_AFTER_ANOTHER:
        return reviewing.audit_frame(source, **keywords.given("audit", options))
