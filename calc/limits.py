"""The limits of `audit_limits.toml`, by date, and what is measured of a day beside its limit."""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, lookups, times
from calc.params import Config

Frame = nw.LazyFrame[Any]

PATIENT_DAY = ("patient", "date", "discipline", "provider")
MEASURED = (
    *PATIENT_DAY, "clinician", "first_file", "first_row", "what", "measured", "supported", "limit",
)  # fmt: skip
_NAMES = (
    "patient_minutes", "patient_units", "clinician_minutes", "evaluation_days", "round_percent",
    "round_sessions", "cloned_days", "false_discovery_percent",
)  # fmt: skip


def by_date(frame: Frame, config: Config, days: list[date]) -> Frame:
    """The limits and the day's number of each date, on the frame's engine."""
    columns = {f"{name}_limit": lookups.on(config, "audit_limits", days, name) for name in _NAMES}
    return lookups.dated(frame, days, day_number=[day.toordinal() for day in days], **columns)


def measured(frame: Frame, limits: Frame, what: str) -> Frame:
    """``measured`` (minutes from milliseconds, or units) beside the limit called ``what``.

    Columns of MEASURED, text as text, so that tables of patients and clinicians go together.
    """
    whole = nw.col("measured").cast(nw.Int64)
    if what.endswith("minutes"):
        whole = whole // times.MINUTE
    frame = frame.with_columns(measured=whole).join(limits, on="date", how="left")
    frame = frame.with_columns(what=nw.lit(what), limit=nw.col(f"{what}_limit"))
    return engine.plain(frame).select(MEASURED)
