"""What assistants cost: ``python tests/bench/assistants.py [ROWS] [RUNS]``.

Bills the same seeded log twice, once with half of its sessions by assistants, in turn in one run,
and prints the ratio (bound 1.2).
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from calc import billing, engine, logs, params

CODES = ("97110", "97112", "97116", "97140", "97530", "97535")
HEADING = "patient,role,discipline,provider,locality,date,code,start,end\n"


def iso(clock: int) -> str:
    return f"{clock // 60:02d}:{clock % 60:02d}"


def write(path: Path, rows: int, share: float = 0.0, shown: Callable[[int], str] = iso) -> None:
    """A log of visits of three codes; ``share`` of the sessions are an assistant's.

    The same for each way ``shown`` to write a time, in minutes of the day.
    """
    rng = random.Random(20260302)
    with path.open("w") as log:
        log.write(HEADING)
        for number in range(rows):
            if number % 3 == 0:
                patient = rng.randrange(rows // 12 + 1)
                day = f"2026-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
                clock = rng.randrange(480, 960)
            role = "assistant" if rng.random() < share else "therapist"
            code, length = rng.choice(CODES), rng.randint(5, 30)
            end = clock + length
            log.write(
                f"P{patient:07d},{role},PT,R,OH-00,{day},{code},{shown(clock)},{shown(end)}\n"
            )
            clock = end


def seconds(path: Path) -> float:
    config = params.load()
    start = time.perf_counter()
    engine.collect(billing.bill(logs.read(path, config), config))
    return time.perf_counter() - start


def main(rows: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain, mixed = Path(folder, "plain.csv"), Path(folder, "mixed.csv")
        write(plain, rows, 0.0)
        write(mixed, rows, 0.5)
        seconds(plain), seconds(mixed)
        pairs = [(seconds(mixed), seconds(plain)) for _ in range(runs)]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    with_them, without = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{rows:,} rows: half by assistants {with_them:.2f} s, none {without:.2f} s,"
        f" ratio {ratio:.2f} (bound 1.2)"
    )


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    main(*(arguments + [1_000_000, 3][len(arguments) :]))
