"""One answer on every engine: ``python tests/bench/engines.py [ROWS] [ENGINE...]``.

Bills and audits the same seeded log on Polars, DuckDB, Spark and from a pandas frame and compares
the printed lines and the findings row for row, in their order, with the digest and totals of each.
Exit 1 if any differ.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1].parent)]

import polars as pl  # noqa: E402
from logs import Kind, write  # noqa: E402
from run import positive  # noqa: E402

import calc  # noqa: E402
from calc import billing, engine, logs, params, reviewing  # noqa: E402

KINDS = ("polars", "duckdb", "spark", "pandas")


def lines(path: Path, kind: str) -> pl.DataFrame:
    """Printed lines with money in cents."""
    config = params.load()
    if kind == "pandas":
        frame = pl.read_csv(path, infer_schema=False).to_pandas()
        given: Any = calc.bill(frame, rejects=True)[0]
        done = pl.DataFrame(given).with_columns(pl.col(pl.Datetime).cast(pl.Date))
        money = [pl.col(name).cast(pl.Decimal(18, 2)) for name in billing.CENTS]
        return done.with_columns(money)
    if kind == "spark":
        engine.spark_session("local[2]").sparkContext.setLogLevel("ERROR")
    log = logs.read(path, config, None, kind)
    found = billing.bill(log, config, None, billing.printed_from(log.carried))
    rows = engine.collect(billing.as_printed(found, log.carried)).lazy()
    done = engine.collect(engine.decimals(rows, tuple(billing.CENTS))).to_native()
    return done


def findings(path: Path, kind: str) -> pl.DataFrame:
    """Findings with money in cents; a caller's frame has no file's name."""
    config = params.load()
    if kind == "pandas":
        frame = pl.read_csv(path, infer_schema=False).to_pandas()
        # A frame's rows count from 1, a file's from 2: its headings are the first.
        frame.insert(0, "row", range(2, len(frame) + 2))
        audit = calc.audit(frame, report=True)
    else:
        audit = reviewing.review(logs.read(path, config, None, kind), config).audit
    return audit.findings.to_native().drop("file")


def digest(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()[:16]


def known(text: str) -> str:
    """An engine, as an argument."""
    if text not in KINDS:
        raise argparse.ArgumentTypeError(f"{text} is not known; choose {', '.join(KINDS)}")
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=positive, nargs="?", default=1_000_000)
    parser.add_argument("engines", type=known, nargs="*", default=KINDS, metavar="ENGINE")
    given = parser.parse_args()
    rows, kinds = given.rows, given.engines
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.csv")
        write(path, rows, Kind(billed=True, overlaps=0.01))
        differ = 0
        for job, money in ((lines, "allowed"), (findings, "cents")):
            expected = job(path, "polars")
            for kind in kinds:
                start = time.perf_counter()
                found = job(path, kind)
                took = time.perf_counter() - start
                same = found.columns == expected.columns and digest(found) == digest(expected)
                differ += not same
                print(
                    f"{kind:8} {len(found):>10,} {job.__name__:8} {money} {found[money].sum()}"
                    f"  {digest(found)}  {took:6.1f} s  {'identical' if same else 'DIFFERENT'}",
                    flush=True,
                )
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
