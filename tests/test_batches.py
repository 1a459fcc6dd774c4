"""Large logs in batches: the same lines as at once, written whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from functools import partial

import polars as pl
import pytest
from helpers import ROOT

import calc
from calc import batches, billing, engine, large_audits, logs, summaries
from calc.errors import InputError

sys.path.insert(0, str(ROOT / "tests" / "bench"))
from logs import Kind, write

ROWS = 4000
ORDER = ["date", "patient", "provider", "code", "modifiers", "minutes"]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A generated log with overlaps and assistants, as Parquet."""
    path = tmp_path_factory.mktemp("batches") / "log.parquet"
    write(path, ROWS, Kind(billed=True, overlaps=0.05))
    return path


@pytest.fixture(scope="module")
def at_once(log):
    """Its lines, billed in one go."""
    return calc.bill(log, rejects=True)[0].sort(ORDER)


def in_batches(sources, output, config, **options):
    """The lines that a run in small batches writes."""
    done = batches.bill([str(s) for s in sources], str(output), config, batch_rows=700, **options)
    return done, pl.read_parquet(output, glob=False)


@pytest.mark.parametrize("jobs", [1, 2])
def test_batches_change_nothing(log, at_once, config, tmp_path, monkeypatch, jobs):
    """Every line and cell is the same, whatever is billed at once."""
    monkeypatch.setattr(batches, "PIECE_ROWS", 900)
    done, lines = in_batches([log], tmp_path / "lines.parquet", config, jobs=jobs)
    assert lines.sort(ORDER).equals(at_once)
    assert done.rows_used + done.rows_rejected == ROWS
    assert done.counts["lines"] == len(at_once)
    assert done.counts["allowed_cents"] == int(at_once["allowed"].sum() * 100)


def test_counts_add_up_over_batches(log, at_once, config, tmp_path):
    """What `bill` says of its lines is said of the whole run."""
    prior = {(patient, "PT+SLP"): 240_000 for patient in at_once["patient"]}
    left = dict.fromkeys(sorted(set(at_once["patient"]))[::3], 100_000)
    options = billing.Options(prior=prior, deductible=left)
    whole = billing.bill(logs.read(str(log), config), config, options)
    done, _ = in_batches([log], tmp_path / "lines.parquet", config, options=options)
    assert done.counts == summaries.counts(engine.collect(whole), options)
    assert done.counts["kx"] and done.counts["ties"] and done.counts["no_balance"]
    assert any(isinstance(name, summaries.Above) for name in done.counts)


def test_names_with_brackets(log, at_once, config, tmp_path):
    """No name is a pattern, of what is read as of what is written."""
    folder = tmp_path / "clinic [1]"
    folder.mkdir()
    shutil.copy(log, folder / "log*.parquet")
    _, lines = in_batches([folder], folder / "lines[2].parquet", config)
    assert lines.sort(ORDER).equals(at_once)


def test_a_folder_of_months(log, at_once, config, tmp_path):
    """A patient's rows stand in several files, csv and Parquet; the year's totals see them all."""
    rows = pl.read_parquet(log)
    folder = tmp_path / "months"
    folder.mkdir()
    for number, ((_month,), part) in enumerate(
        rows.group_by(pl.col("date").dt.month(), maintain_order=True)
    ):
        if number % 2:
            part.write_csv(folder / f"{number:02d}.csv")
        else:
            part.write_parquet(folder / f"{number:02d}.parquet")
    _, lines = in_batches([folder], tmp_path / "lines.parquet", config)
    assert lines.sort(ORDER).equals(at_once)


def test_no_batch_cuts_a_patient(config, tmp_path):
    log = tmp_path / "log.parquet"
    write(log, ROWS, Kind(days=10))
    folders = batches.new_folders(tmp_path / "parts", batches.count_for([str(log)], 500))
    found = batches.split([str(log)], config, logs.Defaults(), folders)
    read = [found.batch(number) for number in range(len(folders))]
    parts = [part.sessions.collect()["patient"].unique().to_list() for part in read]
    assert len(parts) > 1
    values = [value for part in parts for value in part]
    assert len(values) == len(set(values))


def test_rejects_keep_file_and_row(log, config, tmp_path, monkeypatch):
    """A reject says where it stood, whichever piece it was read in."""
    monkeypatch.setattr(batches, "PIECE_ROWS", 900)
    rows = pl.read_parquet(log).with_row_index("n")
    spoilt = rows.with_columns(
        code=pl.when(pl.col("n") == 2500).then(pl.lit("nonsense")).otherwise("code")
    ).drop("n")
    path = tmp_path / "spoilt.parquet"
    spoilt.write_parquet(path)
    done, _ = in_batches([path], tmp_path / "lines.parquet", config)
    assert done.rows_used + done.rows_rejected == ROWS
    assert [(r["file"][0], r["row"][0]) for r in done.rejects] == [(str(path), 2502)]


def bill_both(rows, config, tmp_path, monkeypatch):
    """Dates billed and reasons of rejects, or the error: read at once, and in pieces of two."""
    monkeypatch.setattr(batches, "PIECE_ROWS", 2)
    source, output = str(tmp_path / "pieces.parquet"), str(tmp_path / "lines.parquet")
    patients = [f"p{number}" for number in range(len(rows))]
    log = pl.DataFrame(rows).with_columns(code=pl.lit("97110"), patient=pl.Series(patients))
    log.write_parquet(source)

    def at_once():
        lines, bad = billing.bill_frame(source, rejects=True)
        return lines["date"].to_list(), bad["reason"].to_list()

    def in_pieces():
        done, lines = in_batches([source], output, config)
        reasons = [reason for part in done.rejects for reason in part["reason"]]
        return lines.sort("date", "patient")["date"].to_list(), reasons

    found = []
    for way in (at_once, in_pieces):
        try:
            found.append(way())
        except InputError as error:
            found.append((str(error), error.hint))
    return found


def test_clock_times_of_two_kinds_in_two_pieces(config, tmp_path, monkeypatch):
    starts = ("09:00Z", "09:05Z", "09:00", "09:05")
    rows = [{"date": "2026-03-02", "start": start, "end": "09:30"} for start in starts]
    plain, pieces = bill_both(rows, config, tmp_path, monkeypatch)
    assert "pieces.parquet:4: start: a clock time without an offset" in plain[0]
    assert plain == pieces


@pytest.mark.parametrize(
    ("dates", "says"),
    [
        (["3/22/2026", "3/2/2026", "3/2/2026", "3/3/2026"], ""),  # a later piece does not tell
        (["3/2/2026", "3/2/2026", "22/3/2026"], ""),  # an earlier piece does not tell
        (["3/2/2026", "3/2/2026\u200b", '="13/2/2026"'], ""),
        (["2026-03-02", "20260302", "3/22/2026 00:00", "Mar 2, 2026", "junk"], ""),
        (["3/22/2026", "3/2/2026", "22/3/2026"], "two orders"),
        (["3/2/2026", "3/2/2026", "4/3/2026"], "could be month or day first"),
        (["3/2/2026", "3/2/2026", "3/22/2026 09:00"], "could be month or day first"),
    ],
)
def test_the_whole_file_tells_the_order_of_dates(dates, says, config, tmp_path, monkeypatch):
    """Month and day are told apart by all pieces of a file, as where it is read at once."""
    rows = [{"date": date, "minutes": "20"} for date in dates]
    plain, pieces = bill_both(rows, config, tmp_path, monkeypatch)
    assert pieces == plain
    assert says in str(plain[0])


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        ([("3/2/2026 9:00", "9:20"), ("3/2/2026, 9:00", "9:20"), ("22/3/2026T9:00", "9:20")], ""),
        ([("3/2/2026 9:00", "9:20"), ("Mar 2, 2026", "9:20"), ('="3/22/2026 9:00"', "9:20")], ""),
        (
            [("3/22/2026 9:00", "3/2/2026 9:20"), ("3/2/2026 9:00", "9:20"), ("x", "9:20")],
            'end: dates such as "3/2/2026" could be',
        ),
    ],
)
def test_the_whole_file_tells_the_order_of_stamps(spans, says, config, tmp_path, monkeypatch):
    """Start and end tell it each, by the date before the clock; beside a start a date does so."""
    rows = [{"start": start, "end": end} for start, end in spans]
    plain, pieces = bill_both(rows, config, tmp_path, monkeypatch)
    assert pieces == plain
    assert says in str(plain[0])
    rows = [{"date": start, "start": "9:00", "end": "9:20"} for start, _ in spans]
    plain, pieces = bill_both(rows, config, tmp_path, monkeypatch)
    assert pieces == plain


LENGTHS = [
    ["8:00", "0:47", "23:00", "9:30", "15:30"],
    ["8:00", "1:30", "2:00"],
    ["1380", "9", "2 h"],
    ["0.75", "1", "8"],
    ["0.75", "1", "2"],
]


@pytest.mark.parametrize("name", ["minutes", "Duration", "Duration (sec)", "Duration (mm:ss)"])
@pytest.mark.parametrize("cells", LENGTHS)
@pytest.mark.parametrize("day", ["2026-03-02", "13/3/2026"])
def test_the_whole_file_tells_how_lengths_are_meant(
    name, cells, day, config, tmp_path, monkeypatch
):
    """Whether h:mm may be minutes and seconds, and bare numbers hours."""
    rows = [{"date": day, name: cell} for cell in cells]
    plain, pieces = bill_both(rows, config, tmp_path, monkeypatch)
    assert pieces == plain
    assert ("could be hours" in str(plain[0])) == (name == "Duration" and "2" in cells)
    if name == "minutes":
        assert len(plain[1]) == (4 if "23:00" in cells else 0)


@pytest.mark.parametrize("cell", [b"2026-03-02", ["2026-03-02"], timedelta(days=1)])
def test_columns_of_odd_kinds(cell, config, tmp_path, monkeypatch):
    """Bytes, lists and lengths of time are read, or refused, in pieces as at once."""
    rows = [{"date": cell, "minutes": "20"} for _ in range(3)]
    plain, pieces = bill_both(rows, config, tmp_path, monkeypatch)
    assert pieces == plain


def test_rejects_keep_a_column_named_file(config, tmp_path):
    """A log's own `file` becomes `file_in_log`, as where several files are read at once.

    That of a rejects file that is billed again is kept too.
    """
    folder = tmp_path / "log"
    folder.mkdir()
    for name in ("a", "b"):
        rows = {"patient": ["p", "q"], "date": ["2026-03-02"] * 2, "code": ["97110", "nonsense"]}
        rows |= {"minutes": ["20", "20"], "file": [f"scan {name}", f"scan {name}"]}
        rows |= {"file_in_log": ["x", "y"]} if name == "b" else {}
        pl.DataFrame(rows).write_parquet(folder / f"{name}.parquet")
    done, _ = in_batches([folder], tmp_path / "lines.parquet", config)
    plain = engine.collect(logs.read(str(folder), config).rejects())
    found = engine.stacked(done.rejects)
    names = ["file_in_log", "file_in_log_in_log", "file"]
    assert found.select(names).rows() == [
        ("scan a", None, str(folder / "a.parquet")),
        ("y", "scan b", str(folder / "b.parquet")),
    ]
    assert found.select(plain.columns).to_native().equals(plain.to_native())


def test_an_error_leaves_nothing(log, config, tmp_path, monkeypatch):
    """Neither output nor working folder, and an old output stays as it was."""
    output = tmp_path / "lines.parquet"
    output.write_text("old")

    def fail(*_):
        raise InputError("stopped")

    monkeypatch.setattr(batches.billing, "bill", fail)
    with pytest.raises(InputError, match="stopped"):
        in_batches([log], output, config)
    assert [path.name for path in tmp_path.iterdir()] == ["lines.parquet"]
    assert output.read_text() == "old"


def kill_when(said, code, *words):
    """Run Python code, and kill -9 it when it has said so."""
    command = [sys.executable, "-c", code, *map(str, words)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        began = time.monotonic()
        while said not in run.stdout.readline():
            assert time.monotonic() - began < 120
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()


def test_killed_in_the_middle(log, at_once, config, tmp_path):
    """kill -9 while batches are being billed: no output, and a second run succeeds."""
    output = tmp_path / "lines.parquet"
    code = (
        "import sys, time; from calc import batches, params\n"
        "def report(text):\n"
        "    print(text, flush=True)\n"
        "    time.sleep(60 if text.startswith('billing') else 0)\n"
        "batches.bill(sys.argv[1:2], sys.argv[2], params.load(), batch_rows=700, report=report)"
    )
    kill_when(b"billing", code, log, output)
    assert not output.exists()
    _, lines = in_batches([log], output, config)
    assert lines.sort(ORDER).equals(at_once)


def test_progress_says_speed_and_time_left():
    """Rows per second and the time left, of the rows done so far."""
    said = []
    progress = batches.Progress(1000, said.append)
    progress.began -= 10
    progress.add(250, "reading")
    assert said[0].startswith("reading: 25%, 25 rows/s, 30 s left")


def test_what_cannot_be_read(config, tmp_path):
    """A missing file, a broken one and an empty folder are errors that name them."""
    broken = tmp_path / "broken.parquet"
    broken.write_text("no parquet")
    empty = tmp_path / "empty"
    empty.mkdir()
    for source in (tmp_path / "none.parquet", tmp_path / "none.csv", broken):
        with pytest.raises(InputError) as error:
            batches.bill([str(source)], str(tmp_path / "out.parquet"), config)
        assert source.name in str(error.value)
    with pytest.raises(InputError):
        batches.bill([str(empty)], str(tmp_path / "out.parquet"), config)
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "the file is empty"), (b"no parquet", "cannot be read as Parquet (")],
)
def test_a_stray_file_in_a_folder(config, tmp_path, data, says):
    """As where a log is read at once: it need not lie there."""
    (tmp_path / "a.csv").write_text("patient,date,code,minutes\nA,2026-03-02,97110,23\n")
    (tmp_path / "b.parquet").write_bytes(data)
    with pytest.raises(InputError) as error:
        batches.bill([str(tmp_path)], str(tmp_path / "out.parquet"), config)
    assert str(error.value).startswith(f"{tmp_path / 'b.parquet'}: {says}")
    assert error.value.hint.startswith("export it again")
    assert error.value.hint.endswith("; if it is no log, move it out of the folder")


@pytest.mark.parametrize("column", ["note", "date", "minutes"])
def test_a_damaged_file_of_a_folder(column, config, tmp_path):
    """Its heading may be sound all the same: the file is named, and nothing is written."""
    row = {"patient": "p", "code": "97110", "date": "2026-03-02", "minutes": "8"}
    sound = pl.DataFrame([row] * 50)
    sound.write_parquet(tmp_path / "a.parquet")
    texts = {column: pl.Series([f"{n * 7919 % 1000}" for n in range(50)])}
    path = tmp_path / "b.parquet"
    sound.select(pl.exclude(column)).with_columns(**texts).select(
        column, pl.exclude(column)
    ).write_parquet(path)
    data = bytearray(path.read_bytes())
    data[4:40] = bytes(255 - byte for byte in data[4:40])
    path.write_bytes(data)
    output = tmp_path / "lines.parquet"
    with pytest.raises(InputError, match="cannot be read as Parquet") as error:
        in_batches([tmp_path], output, config)
    assert error.value.where == str(path)
    assert not output.exists()


def test_an_output_that_cannot_be_written(log, config, tmp_path):
    with pytest.raises(InputError) as error:
        batches.bill([str(log)], str(tmp_path / "none" / "out.parquet"), config)
    assert error.value.what == "cannot be written (No such file or directory)"
    assert error.value.hint.startswith("name another place by -o FILE")


@pytest.mark.parametrize("audited", [False, True])
@pytest.mark.parametrize("after", [0, 3, 4])
def test_a_file_that_is_replaced_between_its_pieces(
    after, audited, log, config, tmp_path, monkeypatch
):
    """Rows of two files are no log, however sound each of them is; 4000 rows are five pieces."""
    monkeypatch.setattr(batches, "PIECE_ROWS", 900)
    source, output = tmp_path / "log.parquet", tmp_path / "lines.parquet"
    shutil.copy(log, source)
    slices = logs.piece

    def changing(name, first, rows):
        found = slices(name, first, rows)
        if first == after * 900:
            pl.read_parquet(log).reverse().write_parquet(source, compression="uncompressed")
        return found

    monkeypatch.setattr(logs, "piece", changing)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError) as error:
        if audited:
            large_audits.audit([str(source)], str(folder), config)
        else:
            in_batches([source], output, config)
    assert (error.value.where, error.value.what) == (str(source), "was changed while it was read")
    assert not output.exists()


# --- the command line ---------------------------------------------------------------------------


def command(*words):
    """Run the program."""
    return subprocess.run(
        [sys.executable, "-m", "calc", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_jobs_on_the_command_line(log, at_once, tmp_path):
    """`bill FOLDER --jobs 2 -o lines.parquet` writes every line, and says totals and counts."""
    output = tmp_path / "lines.parquet"
    done = command("bill", log.parent, "--jobs", 2, "-o", output)
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(output).sort(ORDER).equals(at_once)
    assert f"{len(at_once):,} lines" in done.stderr
    assert f"{ROWS:,} rows read, {ROWS:,} used, 0 rejected" in done.stderr


@pytest.mark.parametrize(
    "words",
    [["--jobs", "2"], ["--jobs", "2", "-o", "x.csv"], ["--master", "local[1]", "-o", "x"]],
)
def test_jobs_and_master_need_a_place(log, words):
    """Without a Parquet output, or --master without Spark: exit 2 and a hint."""
    done = command("bill", log, *words)
    assert done.returncode == 2
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_jobs_understand_headings_of_the_user(log, at_once, tmp_path):
    """--map and --save-map hold for batches too; a heading that no file has is an error."""
    source, output = tmp_path / "own.parquet", tmp_path / "lines.parquet"
    pl.read_parquet(log).rename({"patient": "whom"}).write_parquet(source)
    saved = tmp_path / "map.toml"
    words = ["bill", source, "--jobs", 1, "-o", output, "--map"]
    done = command(*words, "whom=patient", "--save-map", saved)
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(output).sort(ORDER).equals(at_once)
    assert "whom" in saved.read_text()
    done = command(*words, "whom=patient", "--map", "nobody=charge")
    assert done.returncode == 2 and '"nobody"' in done.stderr
    done = command(*words, "charge=")
    assert done.returncode == 2 and "own.parquet: missing heading patient" in done.stderr


def test_jobs_are_for_files_and_polars(log, tmp_path):
    """--jobs with another engine or standard input is an error, not silence."""
    for words in (["bill", log, "-o", tmp_path / "x.parquet"], ["audit", log]):
        done = command(*words, "--jobs", 1, "--engine", "duckdb")
        assert done.returncode == 2 and "hint:" in done.stderr
        words = ["-" if word is log else word for word in words]
        done = command(*words, "--jobs", 1)
        assert done.returncode == 2 and "standard input" in done.stderr


SMALL = {
    "patient": ["p", "p", "q", "r"],
    "date": ["2026-03-02"] * 4,
    "code": ["97110", "97140", "97799", "nonsense"],
    "minutes": ["8", "8", "", "9"],
}


def small(tmp_path, rows=4):
    """A log with a tie, lines without discipline or price, and a row that cannot be used."""
    path = tmp_path / "small.parquet"
    pl.DataFrame(SMALL, schema=dict.fromkeys(SMALL, pl.String)).head(rows).write_parquet(path)
    return path


@pytest.mark.parametrize("words", [[], ["--strict"]])
@pytest.mark.parametrize("rows", [0, 3, 4])
def test_jobs_say_and_refuse_what_bill_does(tmp_path, words, rows):
    """The same words, exit code and lines with --jobs as without, also of a log without rows."""
    source, output = small(tmp_path, rows), tmp_path / "lines.parquet"
    plain = command("bill", source, "-o", output, *words)
    lines = pl.read_parquet(output) if output.exists() else None
    output.unlink(missing_ok=True)
    done = command("bill", source, "-o", output, "--jobs", 1, *words)
    assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)
    assert done.returncode == (2 if words and rows == 4 else 0)
    assert output.exists() == (done.returncode == 0)
    if lines is not None:
        assert pl.read_parquet(output).equals(lines)


@pytest.mark.parametrize("words", [["--jobs", "1"], ["--master", "local[1]"]])
def test_totals_are_not_for_batches(tmp_path, words):
    """--by beside --jobs or --master is an error, not silence."""
    done = command("bill", small(tmp_path), "-o", tmp_path / "x.parquet", "--by", "code", *words)
    assert done.returncode == 2
    assert "--by is not for --jobs and --master" in done.stderr and "hint:" in done.stderr
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_leaves_nothing(tmp_path, number):
    """Rows of patients wait beside the output meanwhile."""
    folder = tmp_path / "months"
    folder.mkdir()
    text = (ROOT / "examples/clinic_week.csv").read_text()
    head, _, body = text.partition("\n")
    (folder / "a.csv").write_text(head + "\n" + body * 300)
    command = [sys.executable, "-m", "calc", "bill", str(folder), "--jobs", "1"]
    command += ["-o", str(tmp_path / "lines.parquet")]
    # Under `nohup` a test's children would not hear the last of these.
    heard = partial(signal.signal, number, signal.SIG_DFL)
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    ) as run:
        while run.poll() is None and not list(tmp_path.glob(".*")):
            time.sleep(0.005)
        run.send_signal(number)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 130 and err.splitlines()[-1] == "interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["months"]


def test_an_interruption_finds_what_was_made_a_moment_ago(tmp_path, monkeypatch):
    """Told to end between making the hidden folder and using it, a run leaves nothing either."""
    make = os.mkdir

    def interrupted(folder, *given, **more):
        make(folder, *given, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), engine.hidden_folder(str(tmp_path / "x.parquet")):
        pass
    assert list(tmp_path.iterdir()) == []


def bill_folder(files, config, tmp_path, monkeypatch):
    """Lines, rejects and notes of Parquet files at once, and in pieces of a row."""
    folder = tmp_path / "log"
    folder.mkdir()
    for name, columns in files.items():
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")
    log = logs.read([str(folder)], config)
    printed = billing.printed_from(log.carried)
    lines = billing.as_printed(billing.bill(log, config, None, printed), log.carried)
    whole = engine.collect(lines).to_native(), engine.collect(log.rejects()).to_native()
    monkeypatch.setattr(batches, "PIECE_ROWS", 1)
    output = tmp_path / "lines.parquet"
    done = batches.bill([str(folder)], str(output), config, batch_rows=10)
    return whole, log.notes, pl.read_parquet(output), done


CELLS = {"date": ["2026-03-02"] * 2, "code": ["97110"] * 2, "minutes": ["23"] * 2}


def test_a_column_of_other_types_in_another_file_is_text(config, tmp_path, monkeypatch):
    """Numbers keep every digit, and dates beside truths are no error."""
    files = {
        "a": {**CELLS, "patient": ["P1", ""], "claim": [20260302000000001, 2], "seen": [True] * 2},
        "b": {**CELLS, "patient": ["P3", ""], "claim": [7.0, None], "seen": [date(2026, 3, 2)] * 2},
    }
    (lines, bad), _, found, done = bill_folder(files, config, tmp_path, monkeypatch)
    for name in ("claim", "seen"):
        assert found.sort("patient")[name].to_list() == lines.sort("patient")[name].to_list()
        assert engine.stacked(done.rejects)[name].to_list() == bad[name].to_list()
    assert found.sort("patient")["claim"][0] == "20260302000000001"


def test_pieces_are_read_as_the_whole(config, tmp_path, monkeypatch):
    """Blank rows are no records, headings lose their blanks, and notes are said."""
    rows = {name: [*cells, None] for name, cells in CELLS.items()}
    files = {
        "a": {**rows, "patient": ["P1", "P2", " "], "row ": [1, 2, None], "at ": ["x", "", ""],
              "Provider": ["Kim", "Lee", None]},
    }  # fmt: skip
    (lines, bad), notes, found, done = bill_folder(files, config, tmp_path, monkeypatch)
    assert (done.rows_used, done.rows_rejected, len(bad)) == (2, 0, 0)
    assert found.sort("patient")["at"].to_list() == lines.sort("patient")["at"].to_list()
    assert len(notes) == 1 and "billing provider" in notes[0]
