"""Claims beside a log: what was billed, from a file of its own, matched to what was documented."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.logs import Log
from calc.modifiers import DISCIPLINE
from calc.schema import CLAIM

Frame = nw.LazyFrame[Any]

_BILLED = ("units_billed", "modifiers_billed", "charge")
_COLUMNS = (
    "file", "row", "patient", "clinician", "role", "discipline", "provider", "payer", "locality",
    "date", "code", "start_ms", "end_ms", "given_ms", "mode", "units_billed", "modifiers_billed",
    "charge_cents", "diagnosis", "counts", "total_ms", "past_midnight", "role_blank", "fault_rule",
    "documented", "offset_ms",
)  # fmt: skip


def held(log: Log) -> frozenset[str]:
    """Columns of SESSION that hold something in a log, and "clocks" where a row has clock times."""
    text = {
        "modifiers_billed": "modifiers_billed", "clinician": "clinician", "diagnosis": "diagnosis",
    }  # fmt: skip
    numbers = {
        "units_billed": "units_billed", "charge": "charge_cents", "total_minutes": "total_ms",
        "clocks": "end_ms",
    }  # fmt: skip
    said = {name: (nw.col(column) != "").cast(nw.Int64).sum() for name, column in text.items()}
    said |= {name: nw.col(column).count() for name, column in numbers.items()}
    counts = engine.collect(log.audited.select(**said)).row(0)
    found = {name for name, count in zip(said, counts, strict=True) if count}
    return frozenset(found | ({"role", "discipline", "provider", "payer"} & set(log.cells)))


def documented(log: Log) -> Frame:
    """The rows of a log that is audited by its own billed units."""
    return log.audited.with_columns(documented=nw.lit(True)).select(_COLUMNS)


def held_by_both(ours: frozenset[str], theirs: frozenset[str]) -> frozenset[str]:
    """What a log and its claims hold together: what was billed, only the claims say."""
    return (ours - set(_BILLED)) | (theirs & set(_BILLED))


def beside(log: Log, claims: Log, ours: frozenset[str], theirs: frozenset[str]) -> Frame:
    """Rows of the log without its own billed columns, and the claims' lines.

    ``ours`` and ``theirs``: what the log and the claims hold, see `held`. Lines match services by
    patient, date, discipline, provider and code. What the claims leave blank is taken from the
    log's rows of the same patient, date and code; a discipline also from GP, GO or GN. A column
    that the log lacks altogether plays no part in matching.
    """
    nothing = nw.lit(None, dtype=nw.Int64)
    rows = engine.plain(documented(log)).with_columns(
        units_billed=nothing, charge_cents=nothing, modifiers_billed=nw.lit("")
    )
    lines = engine.plain(claims.audited).with_columns(
        documented=nw.lit(False), counts=nw.lit(False), role=nw.lit(CLAIM), start_ms=nothing,
        end_ms=nothing, given_ms=nothing, total_ms=nothing, past_midnight=nw.lit(False),
        role_blank=nw.lit(False), fault_rule=nw.lit(""), mode=nw.lit("individual"),
        discipline=_said_discipline(),
    ).select(_COLUMNS)  # fmt: skip
    visit = ["patient", "date", "code"]
    near = rows.group_by(*visit).agg(
        nw.col("discipline").min().alias("log_discipline"),
        nw.col("provider").min().alias("log_provider"),
        nw.col("payer").min().alias("log_payer"),
        nw.col("locality").min().alias("log_locality"),
    )
    lines = lines.join(near, on=visit, how="left")
    lines = lines.with_columns(
        provider=_filled("provider", ours),
        discipline=_filled("discipline", ours),
        # Both files fill a blank payer with the same default: the log's own word counts first.
        payer=nw.coalesce("log_payer", "payer") if "payer" in ours or "payer" not in theirs
        else nw.col("payer"),
        locality=nw.coalesce("log_locality", "locality"),
    ).select(_COLUMNS)  # fmt: skip
    if "payer" in theirs and "payer" not in ours:
        payers = lines.group_by("patient", "date").agg(nw.col("payer").min().alias("claimed_payer"))
        rows = rows.join(payers, on=["patient", "date"], how="left")
        rows = rows.with_columns(payer=nw.coalesce("claimed_payer", "payer")).select(_COLUMNS)
    return nw.concat([rows, lines], how="vertical")


def _filled(name: str, ours: frozenset[str]) -> nw.Expr:
    if name not in ours:
        return nw.lit("")
    blank = nw.col(name) == ""
    return nw.when(blank).then(nw.coalesce(f"log_{name}", name)).otherwise(nw.col(name))


def _said_discipline() -> nw.Expr:
    """The discipline, or where it is blank the one that GP, GO or GN says."""
    said = nw.lit("")
    for discipline, modifier in DISCIPLINE.items():
        here = nw.col("modifiers_billed").str.contains(modifier)
        said = nw.when(here).then(nw.lit(discipline)).otherwise(said)
    return nw.when(nw.col("discipline") == "").then(said).otherwise(nw.col("discipline"))
