"""Random rows and mutated files: ``python tests/fuzz.py [ROWS] [FILES] [SEED]``.

No traceback, rows in = used + rejected, the same result twice. The suite runs a small part of it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest import mock

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from calc import billing, engine, files, logs, params
from calc.errors import CalcError

HEAD = ["patient", "date", "code", "start", "end", "minutes", "role", "discipline", "payer",
        "mode", "units_billed", "Mod 1", "Mod 2", "charge", "locality", "note"]  # fmt: skip
POOLS = {
    "patient": ["P1", "P2", " P3 ", "", "José", "=1+1", "\u200bP4", "O'Neil, J", 'a"b'],
    "date": ["2026-03-02", "2026-03-31", "3/22/2026", "Mar 2, 2026", "2026-02-30", "", "soon",
             "2026-03-02 00:00:00", "20260302", "2-Mar-2026", "46083", "2019-01-05"],
    "code": ["97110", "97116-GP-CQ", "97140 GP", "gait training", "97161", "97150", "99999", "",
             "97110 x2", "97110.0", "97129", "97130", '="97530"', "G0283", "97116GPCQ"],
    "start": ["09:00", "9:00 AM", "1:10 PM", "0905", "2026-03-02 09:00", "25:10", "", "9",
              "2026-03-02T09:00:00-06:00", "9:00\u202fAM", "3/22/2026 9:00", "24:00", "23:50"],
    "end": ["09:30", "9:47 AM", "1:40 PM", "0950", "2026-03-02 09:47", "12:60", "", "24:00",
            "2026-03-03 00:10", "2026-03-02T10:00:00-06:00", "noon"],
    "minutes": ["", "", "47", "47 min", "0:47", "0.75 h", "-5", "1e3", "47:00", "1441", "7.125",
                "23,5", "nan", "1 h 5 min", "99999999"],
    "role": ["", "therapist", "assistant", "PTA", "student", "doctor", "joint"],
    "discipline": ["PT", "OT", "st", "", "XX"],
    "payer": ["", "medicare", "ama", "acme", "highmark"],
    "mode": ["", "group", "individual", "co-treatment", "?"],
    "units_billed": ["", "2", "1.5", "-1", "2.0"],
    "Mod 1": ["", "GP", "gp,cq", "59"],
    "Mod 2": ["", "KX", "CQ GP"],
    "charge": ["", "$1,234.50", "80", "12.345", "1.020,50", "lots"],
    "locality": ["", "OH-00", "ZZ-99", "US"],
    "note": ["", "x", "two\nlines", "@SUM(A1)", "a,b;c|d\te", "\ufffd"],
}  # fmt: skip
OFFSET = "-06:00"
GOOD = {"patient": "P1", "date": "2026-03-02", "code": "97110", "start": "09:00", "end": "09:30"}


def random_row(rng: random.Random) -> dict[str, str]:
    """A good row with some cells of the pools, of garbage, or mutated."""
    row = dict.fromkeys(HEAD, "") | GOOD
    row["patient"] = f"P{rng.randrange(50)}"
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4, 16))):
        name = rng.choice(HEAD)
        row[name] = rng.choice(POOLS[name])
        if rng.random() < 0.1:
            row[name] = mutated_text(row[name], rng)
    return row


def mutated_text(text: str, rng: random.Random) -> str:
    letters = list(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(letters) + 1)
        letters[at : at + rng.randint(0, 2)] = rng.choice(
            ["", "0", "-", "é", " ", "/", "9", "\t", "😴"]
        )
    return "".join(letters)


def check(
    path: Path, config: params.Config, expected: int | None, bill: bool, zone: str = ""
) -> str:
    """Read a file twice, bill it once or not at all; the outcome in a word.

    The second time it is read as large texts and many rows are.
    """
    outcomes = []
    for large, few in ((files.LARGE, engine._FEW_ROWS), (0, 0)):
        bounds = (
            mock.patch.object(files, "LARGE", large),
            mock.patch.object(engine, "_FEW_ROWS", few),
        )
        try:
            with bounds[0], bounds[1]:
                log = logs.read(path, config, logs.Defaults(date_order="mdy", zone=zone))
        except CalcError as error:
            outcomes.append(("error", str(error), error.hint))
            continue
        used = engine.collect(log.sessions).to_native()
        bad = engine.collect(log.rejects()).to_native()
        rows = log.files[0].rows
        assert rows == used.height + bad.height, f"{rows} in, {used.height} + {bad.height} out"
        assert len({*used["row"], *bad["row"]}) == rows, "a row twice"
        assert expected is None or rows == expected, f"{expected} written, {rows} read"
        outcomes.append(("log", used.rows(), bad.rows()))
        if bill and not outcomes[1:]:
            lines = engine.collect(billing.bill(log, config))
            assert sum(lines["minutes"]) >= 0
    assert repr(outcomes[0]) == repr(outcomes[1]), "two results"
    return outcomes[0][0]


def fuzz_rows(rows: int, seed: int, config: params.Config, per_file: int = 2000) -> Counter[str]:
    rng = random.Random(seed)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        for start in range(0, rows, per_file):
            made = [random_row(rng) for _ in range(min(per_file, rows - start))]
            zone = rng.choice(("", "America/Chicago"))
            if not zone:  # a log with and without offsets is refused as a whole
                made = [{n: c.replace(OFFSET, "") for n, c in row.items()} for row in made]
            if rng.random() < 0.5:  # text without quotes is read otherwise
                made = [{n: re.sub('[",\n]', " ", c) for n, c in row.items()} for row in made]
            with path.open("w", encoding="utf-8", newline="") as text:
                writer = csv.DictWriter(text, HEAD, quoting=rng.choice((0, 1)))
                writer.writeheader()
                writer.writerows(made)
            found[check(path, config, len(made), bill=True, zone=zone)] += len(made)
    return found


def seeds(folder: Path) -> dict[str, bytes]:
    """Small sound files of every format, to be mutated."""
    rng = random.Random(7)
    rows = [random_row(rng) for _ in range(8)]
    text = io.StringIO()
    writer = csv.DictWriter(text, HEAD)
    writer.writeheader()
    writer.writerows(rows)
    plain = text.getvalue()
    frame = pl.DataFrame(rows)
    found = {
        "a.csv": plain.encode(),
        "b.csv": plain.replace(",", ";").encode("cp1252", "replace"),
        "c.txt": plain.replace(",", "\t").encode("utf-16"),
        "d.json": json.dumps(rows).encode(),
        "e.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "f.csv.gz": gzip.compress(plain.encode(), mtime=0),
    }
    frame.write_parquet(folder / "g.parquet")
    frame.write_excel(folder / "h.xlsx")
    for name in ("g.parquet", "h.xlsx"):
        found[name] = (folder / name).read_bytes()
    return found


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """A file cut, spliced, with bytes changed, doubled or put in."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(out) + 1)
        length = rng.choice((1, 1, 2, 5, 40))
        kind = rng.randrange(6)
        if kind == 0:
            out[at : at + length] = rng.randbytes(length)
        elif kind == 1:
            del out[at : at + length]
        elif kind == 2:
            out[at:at] = rng.choice((b'"', b",", b"\n", b"\0", b"\r", b"\xff", b";", b"{", b"="))
        elif kind == 3:
            out[at:at] = out[at : at + length]
        elif kind == 4 and rng.random() < 0.2:
            del out[at:]
        elif at < len(out):
            out[at] ^= 1 << rng.randrange(8)
    return bytes(out)


def fuzz_files(files: int, seed: int, config: params.Config) -> Counter[str]:
    rng = random.Random(seed)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        sound = seeds(Path(folder))
        for number in range(files):
            name = rng.choice(sorted(sound))
            path = Path(folder, f"mutated-{name}")
            path.write_bytes(mutated_bytes(sound[name], rng))
            try:
                found[check(path, config, None, bill=number % 10 == 0)] += 1
            except BaseException:
                kept = Path(tempfile.gettempdir(), f"fuzz-{seed}-{number}-{name}")
                kept.write_bytes(path.read_bytes())
                print(f"kept {kept}", file=sys.stderr)
                raise
    return found


def main(rows: int, files: int, seed: int) -> None:
    config = params.load()
    start = time.perf_counter()
    by_rows = fuzz_rows(rows, seed, config)
    print(f"{rows:,} rows: {dict(by_rows)}, {time.perf_counter() - start:.0f} s", flush=True)
    start = time.perf_counter()
    by_files = fuzz_files(files, seed, config)
    print(f"{files:,} files: {dict(by_files)}, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    main(*(arguments + [200_000, 5_000, 20260302][len(arguments) :]))
