"""Seeded logs of any size: ``python tests/bench/logs.py ROWS FILE.csv [--billed] [--whole]``.

Visits of two to four codes, eight a day and clinician, one after another; a patient has one
clinician and comes every fourth working day, twelve times. With ``billed`` the columns
units_billed, modifiers_billed and charge are filled; ``whole`` logs have every column of the
format, so that no audit rule lacks one. A chunk of days at a time, so that 30 million rows need
little memory; the rows stand in order of date, as exports have them. FILE may be Parquet.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

CODES = {
    "PT": ("97110", "97112", "97116", "97140", "97530", "97535"),
    "OT": ("97530", "97535", "97110", "97112", "97140", "97018"),
    "SLP": ("92507", "92526", "97129", "97533", "97535", "92609"),
}
UNTIMED = ("92507", "92526", "92609", "97018")
LOCALITIES = ("OH-00", "CA-05", "TX-09", "NY-01")
DIAGNOSES = ("M62.81", "R26.2", "G81.90")  # of the example list; of few patients another one
VISITS, VISIT_MINUTES, FIRST_MINUTE = 8, 60, 480  # a clinician's day
CASELOAD, RETURNS = 32, 12  # a patient's turn comes every CASELOAD / VISITS days
CHUNK = 1_000_000  # rows


@dataclass(frozen=True)
class Kind:
    """What a log holds: shares of rows by assistants and of rows that overlap another."""

    billed: bool = False
    whole: bool = False
    assistants: float = 0.1
    overlaps: float = 0.002
    year: int = 2026
    days: int = 0  # working days that hold all rows; 0: the year's
    seed: int = 20260302


def _working_days(year: int) -> list[str]:
    days = pl.date_range(pl.date(year, 1, 2), pl.date(year, 12, 30), eager=True)
    return days.filter(days.dt.weekday() <= 5).dt.to_string("%Y-%m-%d").to_list()


def _day(
    rng: np.random.Generator, clinicians: int, number: int, day: str, kind: Kind
) -> pl.DataFrame:
    """Every visit of one day, as rows."""
    visits = clinicians * VISITS
    codes = np.clip(rng.integers(1, 5, visits), 2, 4)  # two twice as often as three or four
    visit = np.repeat(np.arange(visits), codes)
    place = np.arange(len(visit)) - np.repeat(np.cumsum(codes) - codes, codes)
    length = rng.integers(4, VISIT_MINUTES // codes[visit] + 1)
    end = np.cumsum(length)
    before = np.repeat((end - length)[place == 0], codes)
    clinician, slot = visit // VISITS, visit % VISITS
    start = FIRST_MINUTE + slot * VISIT_MINUTES + end - length - before
    # An overlapping row begins before the one ahead of it has ended.
    start = start - np.where((rng.random(len(visit)) < kind.overlaps) & (place > 0), 3, 0)
    discipline = np.array(["PT"] * 7 + ["OT"] * 2 + ["SLP"])[clinician % 10]
    # A visit's codes differ: a step through the list that begins anywhere.
    which = (rng.integers(0, 6, visits)[visit] + place) % 6
    code = np.select(
        [discipline == name for name in CODES],
        [np.array(known)[which] for known in CODES.values()],
        "",
    )
    turn = (number * VISITS + slot) % CASELOAD
    panel = number * VISITS // (CASELOAD * RETURNS)
    patient = (clinician * 100 + panel) * CASELOAD + turn
    assistant = (rng.random(len(visit)) < kind.assistants) & (discipline != "SLP")
    clock = np.array([f"{m // 60:02d}:{m % 60:02d}" for m in range(1440)])
    columns = {
        "patient": pl.Series(patient).cast(pl.String).str.zfill(9),
        "clinician": pl.Series(clinician).cast(pl.String).str.zfill(6),
        "role": np.where(assistant, "assistant", "therapist"),
        "discipline": discipline,
        "provider": pl.Series(clinician // 20).cast(pl.String).str.zfill(5),
        "locality": np.array(LOCALITIES)[clinician // 20 % 4],
        "date": pl.Series([day]).new_from_index(0, len(visit)),
        "code": code,
        "start": clock[start],
        "end": clock[FIRST_MINUTE + slot * VISIT_MINUTES + end - before],
    }
    frame = pl.DataFrame(columns)
    if kind.billed or kind.whole:
        frame = frame.with_columns(_billed(rng, visit, code, length, assistant, discipline))
    return frame.with_columns(_further(visit, patient, length)) if kind.whole else frame


def _further(visit: np.ndarray, patient: np.ndarray, length: np.ndarray) -> list[pl.Series]:
    """The columns of the format that neither times nor what was billed fill."""
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    total = np.add.reduceat(length, first)
    listed = np.array(DIAGNOSES)[patient % len(DIAGNOSES)]
    words = {"payer": "medicare", "mode": "individual"}
    return [
        *(pl.Series(name, [word]).new_from_index(0, len(visit)) for name, word in words.items()),
        pl.Series("minutes", length),
        pl.Series("total_minutes", np.repeat(total, np.diff(first, append=len(visit)))),
        pl.Series("diagnosis", np.where(patient % 1000 == 0, "M54.50", listed)),
    ]


def _billed(
    rng: np.random.Generator,
    visit: np.ndarray,
    code: np.ndarray,
    length: np.ndarray,
    assistant: np.ndarray,
    discipline: np.ndarray,
) -> list[pl.Series]:
    """What a careful biller bills, by the largest remainders; one row in 500 is a unit off."""
    timed = ~np.isin(code, UNTIMED)
    minutes = np.where(timed, length, 0)
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    whole, rest = minutes // 15, np.where(timed, minutes % 15, -1)
    left = (np.add.reduceat(minutes, first) + 7) // 15 - np.add.reduceat(whole, first)
    # Who is how far from the front of the visit's queue: larger remainder first, then the code.
    order = np.lexsort((code, -minutes, -rest, visit))
    rank = np.empty(len(visit), dtype=np.int64)
    rank[order] = np.arange(len(visit)) - np.repeat(first, np.diff(first, append=len(visit)))
    units = np.where(timed, whole + (rank < left[visit]), 1)
    units = units + (rng.random(len(length)) < 0.002)
    base = np.select([discipline == "PT", discipline == "OT"], ["GP", "GO"], "GN")
    cut = np.select([discipline == "PT", discipline == "OT"], [" CQ", " CO"], "")
    cents = units * rng.integers(14000, 20000, len(length))
    return [
        pl.Series("units_billed", units),
        pl.Series("modifiers_billed", np.char.add(base, np.where(assistant, cut, ""))),
        pl.Series("charge", [f"{c // 100}.{c % 100:02d}" for c in cents.tolist()]),
    ]


def chunks(rows: int, kind: Kind | None = None) -> Iterator[pl.DataFrame]:
    """Frames of about CHUNK rows that make up a log of exactly ``rows`` rows."""
    kind = kind or Kind()
    rng = np.random.default_rng(kind.seed)
    days = _working_days(kind.year)[: kind.days or None]
    per_day = VISITS * 2.75
    clinicians = max(1, int(rows / per_day / len(days) * 1.02) + 1)
    left, held = rows, []
    for number in range(10**6):
        part = _day(rng, clinicians, number, days[number % len(days)], kind).head(left)
        left -= len(part)
        held.append(part)
        if left == 0 or sum(map(len, held)) >= CHUNK:
            yield pl.concat(held)
            held = []
        if left == 0:
            return


def write(path: Path, rows: int, kind: Kind | None = None) -> None:
    """A log as csv or Parquet, by the name's end."""
    if path.suffix == ".parquet":
        _write_parquet(path, rows, kind)
        return
    with path.open("wb") as file:
        for number, chunk in enumerate(chunks(rows, kind)):
            chunk.write_csv(file, include_header=number == 0)


def _write_parquet(path: Path, rows: int, kind: Kind | None) -> None:
    import pyarrow.parquet as pq

    writer = None
    for chunk in chunks(rows, kind):
        typed = chunk.with_columns(pl.col("date").str.to_date()).to_arrow()
        writer = writer or pq.ParquetWriter(path, typed.schema, compression="zstd")
        writer.write_table(typed, row_group_size=CHUNK)
    if writer:
        writer.close()


def main() -> None:
    """Write one log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--billed", action="store_true")
    parser.add_argument("--whole", action="store_true", help="every column of the format")
    parser.add_argument("--year", type=int, default=2026)
    given = parser.parse_args()
    write(given.file, given.rows, Kind(given.billed, given.whole, year=given.year))


if __name__ == "__main__":
    main()
