"""The limits of `audit_limits.toml`, by date, and what is measured of a day beside its limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, lookups, times
from calc.params import Config

Frame = nw.LazyFrame[Any]

PATIENT_DAY = ("patient", "date", "discipline", "provider")
MEASURED = (
    *PATIENT_DAY, "clinician", "first_place", "what", "measured", "supported", "limit",
)  # fmt: skip


def beside(frame: Frame, config: Config, days: list[date], *names: str) -> Frame:
    """Add `name_limit` by the row's date, for each of ``names`` in `audit_limits.toml`."""
    columns = {f"{name}_limit": lookups.on(config, "audit_limits", days, name) for name in names}
    return lookups.on_date(frame, days, **columns)


def long_days(
    frame: Frame,
    amount: str,
    group: Sequence[str],
    what: str,
    config: Config,
    days: list[date],
    which: nw.Expr | None = None,
) -> Frame:
    """The rows of groups whose ``amount`` adds up to half the limit called ``what``, or more.

    Others are far from it. Only rows of ``which`` count and are kept, if it is given. Amounts of
    minutes are milliseconds. Adds ``limit``.
    """
    unit = times.MINUTE if what.endswith("minutes") else 1
    least = least_limit(config, days, what)
    frame = engine.summed(frame, group, amount, "sum_of_day", which)
    near = 2 * nw.col("sum_of_day") >= least * unit
    frame = frame.filter(near if which is None else near & which)
    frame = beside(frame, config, days, what).rename({f"{what}_limit": "limit"})
    near = 2 * nw.col("sum_of_day") >= nw.col("limit") * unit
    return frame.filter(near.fill_null(False)).drop("sum_of_day")


def least_limit(config: Config, days: list[date], what: str) -> int:
    """The least that the limit called ``what`` is on any of the days; 0 where it is on none."""
    limits = lookups.on(config, "audit_limits", days, what)
    return min((limit for limit in limits if limit is not None), default=0)


def measured(frame: Frame, what: str) -> Frame:
    """``measured``, minutes from milliseconds or units, beside the limit called ``what``.

    Columns of MEASURED, text as text, so that tables of patients and clinicians go together.
    """
    whole = nw.col("measured").cast(nw.Int64)
    if what.endswith("minutes"):
        whole = whole // times.MINUTE
    frame = frame.with_columns(measured=whole, what=nw.lit(what))
    return engine.plain(frame).select(MEASURED)
