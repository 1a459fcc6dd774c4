"""The bench: ``python tests/bench/run.py --rows 100000 1000000 [--json FILE] [--spark]``.

Generates seeded logs and prints one table: seconds, peak memory, and ratios measured in one run.
Every job runs in a process of its own that times `pl.read_csv(file, try_parse_dates=True)` of the
same file before and after it, so that a machine whose speed drifts slows both. ``--compare FILE``
sets an earlier version's json beside it. Jobs called whole are of logs with every column of the
format: an audit of one, with a list of diagnoses, leaves no rule out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
AS_STARTED = dict(os.environ)  # Polars, once it is loaded, leaves settings of its own there
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

JOBS = ("read", "bill", "audit", "count", "loop")
OF_WHOLE_LOGS = ("bill whole", "audit whole")
DIAGNOSES = HERE.parents[1] / "examples" / "diagnosis_list.csv"
SPARK_ROWS = 100_000  # a local session shows the fixed cost, not a cluster's speed


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


# --- one job, in its own process ------------------------------------------------------------


def _lines(path: Path, on: str = "polars") -> Any:
    from calc import billing, engine, logs, params

    config = params.load()
    log = logs.read(path, config, None, on, digest=False)
    lines = billing.bill(log, config, None, billing.printed_from(log.carried))
    return engine.collect(billing.as_printed(lines, log.carried))


def _audit(path: Path) -> Any:
    """An audit with all rules; the findings of one with fewer would be no measure."""
    from calc import balances, evidence, logs, params, reviewing

    config = params.load()
    extras = evidence.Extras(diagnoses=balances.read_diagnoses(str(DIAGNOSES), config))
    log = logs.read(path, config, digest=False)
    audit = reviewing.review(log, config, reviewing.Asked(extras=extras)).audit
    left_out = [said["rule"] for said in audit.not_run if said["lines"] is None]
    if left_out:
        raise SystemExit(f"{path} lacks what these rules need: {', '.join(left_out)}")
    return audit


def _sessions(path: Path) -> tuple[Any, Any]:
    from calc import engine, logs, params

    config = params.load()
    return engine.settled(logs.read(path, config).sessions), config


def _count(path: Path) -> tuple[Callable[[], Any], int]:
    """Units of every pool, from rows that are read already."""
    from calc import billing, engine
    from calc.schema import POOL

    sessions, config = _sessions(path)
    visits = engine.count(sessions.select(*POOL).unique())
    columns = ("patient", "date", "service", "units")

    def work() -> Any:
        days = engine.distinct(sessions, "date")
        counted = billing.count(billing.dense(sessions, config), config, days)
        return engine.collect(counted.select(*columns))

    return work, visits


def _loop(path: Path) -> tuple[Callable[[], Any], int]:
    """The same in plain Python: the oracle's algorithm, without Decimal and without overlaps."""
    from calc import engine

    sessions, config = _sessions(path)
    names = ("patient", "date", "discipline", "provider", "payer", "code", "start_ms", "end_ms")
    rows = list(engine.collect(sessions.select(*names)).iter_rows())
    timed_codes = {c for c, f in config.codes.items() if f["unit_basis"] == "minutes"}

    def work() -> Any:
        pools: dict[Any, dict[str, int]] = {}
        for *pool, code, start, end in rows:
            codes = pools.setdefault(tuple(pool), {})
            codes[code] = codes.get(code, 0) + end - start
        return {pool: _units(codes, timed_codes) for pool, codes in pools.items()}

    return work, len({row[:5] for row in rows})


def _units(codes: dict[str, int], timed_codes: set[str]) -> dict[str, int]:
    minutes = {code: length // 60000 for code, length in codes.items() if code in timed_codes}
    units = {code: 1 for code in codes if code not in timed_codes}
    units |= {code: amount // 15 for code, amount in minutes.items()}
    left = (sum(minutes.values()) + 7) // 15 - sum(units[code] for code in minutes)
    queue = sorted(minutes, key=lambda code: (-(minutes[code] % 15), -minutes[code], code))
    for code in queue[:left]:
        units[code] += 1
    return units


def one(name: str, path: Path) -> dict[str, Any]:
    """Run a job twice between reads of the same file; the better of the two."""
    import calc.engine

    # Not imported beside it: whoever loads Polars first chooses how it keeps memory.
    pl = calc.engine.pl

    def read() -> Any:
        return pl.read_csv(path, try_parse_dates=True)

    visits = 0
    if name in ("count", "loop"):
        work, visits = (_count if name == "count" else _loop)(path)
    elif name == "read":
        from calc import engine, logs, params

        def work() -> Any:
            return engine.settled(logs.read(path, params.load()).sessions)
    elif name == "audit":
        import calc

        def work() -> Any:
            return calc.audit(path)
    elif name == "audit whole":

        def work() -> Any:
            return _audit(path)
    else:
        on = "spark" if name == "bill spark" else "polars"

        def work() -> Any:
            return _lines(path, on)

    read()
    before = [timed(read)[0] for _ in range(2)]
    rounds = 1 if name == "bill spark" else 2
    seconds = min(timed(work)[0] for _ in range(rounds))
    after = [timed(read)[0] for _ in range(2)]
    parsed = statistics.median(before + after)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    found = {"seconds": seconds, "parsed_seconds": parsed, "ratio": seconds / parsed}
    return found | {"peak_gb": peak} | ({"visits": visits} if visits else {})


# --- the run --------------------------------------------------------------------------------


def in_process(name: str, path: Path, cores: int) -> dict[str, Any]:
    """The job in a process that may use so many cores."""
    command = [sys.executable, str(HERE / "run.py"), "--one", name, str(path)]
    available = sorted(os.sched_getaffinity(0))[:cores]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**AS_STARTED, "POLARS_MAX_THREADS": str(cores)},
        preexec_fn=lambda: os.sched_setaffinity(0, available),
    )
    if done.returncode:
        raise SystemExit(f"{name} of {path.name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def estimate_ms() -> float:
    """The median of a warm `calc.estimate`."""
    import calc
    from calc import params

    config = params.load()
    rows = [{"code": "97116", "start": "2026-03-02 09:00", "end": "2026-03-02 09:47"}]
    times = [timed(lambda: calc.estimate(rows, config=config))[0] for _ in range(15)]
    return statistics.median(times[3:]) * 1000


def _row(job: str, rows: int, cores: int, found: dict[str, Any]) -> dict[str, Any]:
    return {"job": job, "rows": rows, "cores": cores, **found}


def run(sizes: list[int], folder: Path, spark: bool) -> list[dict[str, Any]]:
    from logs import Kind, write

    results = []
    for rows in sizes:
        path, whole = (folder / f"{name}{rows}.csv" for name in ("log", "whole"))
        for file, kind in ((path, Kind(billed=True)), (whole, Kind(whole=True))):
            if not file.exists():
                write(file, rows, kind)
        plan = [(job, 2) for job in (*JOBS, *OF_WHOLE_LOGS)] + [("bill", 1)]
        if spark and rows <= SPARK_ROWS:
            plan.append(("bill spark", 2))
        for job, cores in plan:
            file = whole if job in OF_WHOLE_LOGS else path
            results.append(_row(job, rows, cores, in_process(job, file, cores)))
            print(_text(results[-1]), flush=True)
    return results


def _text(row: dict[str, Any]) -> str:
    speed = row["rows"] / row["seconds"]
    text = (
        f"{row['job']:11} {row['rows']:>11,} rows {row['cores']} core{'s' * (row['cores'] > 1):1}"
        f" {row['seconds']:8.2f} s {speed:>12,.0f} rows/s {row['peak_gb']:6.2f} GB"
        f"   {row['ratio']:6.1f} x parsed read"
    )
    return text + (f"  {row['visits'] / row['seconds']:,.0f} visits/s" if "visits" in row else "")


def summary(results: list[dict[str, Any]]) -> list[str]:
    """Ratios between jobs of one size."""
    by = {(r["job"], r["rows"], r["cores"]): r for r in results}
    said = []
    for rows in sorted({r["rows"] for r in results}):
        loop, count = by.get(("loop", rows, 2)), by.get(("count", rows, 2))
        if loop and count:
            # Each against its own parsed reads: the two ran one after the other.
            times = loop["ratio"] / count["ratio"]
            said.append(f"{rows:,} rows: counting {times:.1f} times as fast as the plain loop")
        alone, both = by.get(("bill", rows, 1)), by.get(("bill", rows, 2))
        if alone and both:
            times = alone["seconds"] / both["seconds"]
            said.append(f"{rows:,} rows: bill on 2 cores {times:.2f} times as fast as on 1")
    bills = sorted((r["rows"], r) for r in results if r["job"] == "bill" and r["cores"] == 2)
    for (less, first), (more, second) in itertools.pairwise(bills):
        times = second["seconds"] / first["seconds"]
        said.append(f"bill: {more / less:.0f} times the rows, {times:.1f} times the time")
    return said


def compare(now: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[str]:
    old = {(r["job"], r["rows"], r["cores"]): r for r in before}
    return [
        f"{r['job']:11} {r['rows']:>11,} rows: {o['ratio']:.1f} x before, {r['ratio']:.1f} x now"
        for r in now
        if (o := old.get((r["job"], r["rows"], r["cores"])))
    ]


def positive(text: str) -> int:
    """A number of rows, as an argument."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def earlier(text: str) -> list[dict[str, Any]]:
    """The results in another version's json, as an argument."""
    try:
        found: list[dict[str, Any]] = json.loads(Path(text).read_text())["results"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{text} holds no results ({error})") from None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=positive, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="keep the generated logs here")
    parser.add_argument("--json", type=Path, help="write the results")
    parser.add_argument("--compare", type=earlier, help="results of another version")
    parser.add_argument("--spark", action="store_true", help="also a local Spark session")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one[0], Path(given.one[1]))))
        return
    import startup

    with tempfile.TemporaryDirectory() as temporary:
        results = run(given.rows, given.folder or Path(temporary), given.spark)
    warm = estimate_ms()
    if given.json:
        machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
        answer = {"machine": machine, "estimate_ms": warm, "results": results}
        given.json.write_text(json.dumps(answer, indent=1))
    for line in [*summary(results), f"a warm estimate: {warm:.0f} ms"]:
        print(line)
    startup.main(5)
    if given.compare:
        print(*compare(results, given.compare), sep="\n")


if __name__ == "__main__":
    main()
