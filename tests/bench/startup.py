"""Start-up as ratios: ``python tests/bench/startup.py [RUNS]``.

Runs each pair in turn, so that a machine whose speed drifts slows both, and prints the median of
the ratios pair by pair. Bounds: --help at most 1.5 times `import click`, an estimate at most 2.5
times `import polars`. The program has its bytecode, as an installed one has.
"""

import compileall
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "calc"
CALC = [sys.executable, "-m", "calc"]
ESTIMATE = ["estimate", "97116", "--start", "2026-03-02 09:00", "--end", "09:47"]
PAIRS = (
    ("--help", [*CALC, "--help"], "import click", 1.5),
    ("estimate", [*CALC, *ESTIMATE], "import polars", 2.5),
)


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main(runs: int) -> None:
    compileall.compile_dir(PROGRAM, quiet=1)
    for name, command, base, bound in PAIRS:
        beside = [sys.executable, "-c", base]
        seconds(command), seconds(beside)
        pairs = [(seconds(command), seconds(beside)) for _ in range(runs)]
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{name:10} {ours * 1000:6.0f} ms   {base:15} {theirs * 1000:6.0f} ms"
            f"   ratio {ratio:.2f} (bound {bound})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
