"""What reading costs: ``python tests/bench/reading.py [ROWS] [RUNS]``.

Reads and bills one seeded log with ISO times and with AM/PM times, in turn in one run, and prints
both beside a plain read of the same file (bounds: AM/PM at most 2 times ISO; reading and checking
at most 2 plain reads).
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[2]))

from assistants import iso, write

from calc import billing, engine, logs, params


def halved(clock: int) -> str:
    return f"{(clock // 60 - 1) % 12 + 1}:{clock % 60:02d} {'AM' if clock < 720 else 'PM'}"


def seconds(path: Path) -> tuple[float, float, float]:
    """A plain read, reading and checking, and reading and billing of a file."""
    config = params.load()
    times = [time.perf_counter()]
    pl.read_csv(path, try_parse_dates=True)
    times.append(time.perf_counter())
    log = logs.read(path, config)
    times.append(time.perf_counter())
    engine.collect(billing.bill(log, config))
    times.append(time.perf_counter())
    return times[1] - times[0], times[2] - times[1], times[3] - times[1]


def main(rows: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("iso.csv", "halved.csv")]
        for path, shown in zip(paths, (iso, halved), strict=True):
            write(path, rows, shown=shown)
            seconds(path)
        found = [[seconds(path) for path in paths] for _ in range(runs)]
    plain, read, bill = (statistics.median(run[0][n] for run in found) for n in range(3))
    slow_read, slow_bill = (statistics.median(run[1][n] for run in found) for n in (1, 2))
    print(
        f"{rows:,} rows: plain read {plain:.2f} s, read and checked {read:.2f} s,"
        f" ratio {read / plain:.2f} (bound 2); billed {bill:.2f} s, ratio {bill / plain:.2f}"
    )
    print(f"AM/PM: read and checked {slow_read:.2f} s, billed {slow_bill:.2f} s,"
          f" ratio to ISO {slow_bill / bill:.2f} (bound 2)")  # fmt: skip


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    main(*(arguments + [1_000_000, 5][len(arguments) :]))
