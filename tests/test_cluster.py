"""Spark and the extras: Parquet in and out of a session, and what is said when one is missing."""

from __future__ import annotations

import builtins
import os
import signal
import subprocess
import sys
import time

import polars as pl
import pytest
from helpers import ROOT

import calc
from calc import cluster, engine
from calc.errors import InputError

sys.path.insert(0, str(ROOT / "tests" / "bench"))
from logs import Kind, write

ORDER = ["date", "patient", "provider", "code", "modifiers", "minutes"]


@pytest.mark.spark
def test_parquet_in_and_out(spark, config, tmp_path):
    """A folder of Parquet files becomes a partitioned folder with the same lines."""
    folder = tmp_path / "log"
    folder.mkdir()
    log = folder / "a.parquet"
    write(log, 600, Kind(overlaps=0.05, days=5))
    expected = calc.bill(log, rejects=True)[0].sort(ORDER)
    output = tmp_path / "lines"
    rejects = cluster.bill(str(folder), str(output), config, partition="date")
    assert len(rejects) == 0
    assert (output / "_SUCCESS").exists()
    assert len(list(output.glob("date=*"))) == 5
    lines = pl.read_parquet(output / "**/*.parquet", hive_partitioning=True)
    assert lines.select(expected.columns).sort(ORDER).equals(expected)


@pytest.mark.spark
def test_strict_writes_nothing(spark, config, tmp_path):
    """With ``strict`` a reject comes back and no line is written."""
    log, output = tmp_path / "log.parquet", tmp_path / "lines"
    rows = {"patient": ["p", "q"], "date": ["2026-03-02"] * 2, "code": ["97110", "x"]}
    pl.DataFrame({**rows, "minutes": ["8", "8"]}).write_parquet(log)
    assert len(cluster.bill(str(log), str(output), config, strict=True)) == 1
    assert not output.exists()
    assert len(cluster.bill(str(log), str(output), config)) == 1
    assert output.exists()


@pytest.mark.spark
@pytest.mark.parametrize("place", ["disk", "store"])
def test_a_folder_that_is_there_is_not_replaced(place, spark, config, tmp_path, monkeypatch):
    """Neither on a disk nor in a store; a disk's is refused before the work."""
    log, output = tmp_path / "log.parquet", tmp_path / "lines"
    write(log, 20, Kind())
    output.mkdir()
    (output / "part.parquet").write_text("old")
    if place == "store":
        monkeypatch.setattr(engine, "_on_disk", lambda *_: "")
    else:
        monkeypatch.setattr(engine, "write_spark", None)
    with pytest.raises(InputError, match="is there already") as error:
        cluster.bill(str(log), str(output), config)
    assert "_SUCCESS" in error.value.hint
    assert [path.name for path in output.iterdir()] == ["part.parquet"]


@pytest.mark.spark
def test_where_an_output_is(spark):
    """By its scheme; without one, where the session keeps files."""
    assert engine._on_disk(spark, "a/lines") == "a/lines"
    assert engine._on_disk(spark, "a/b:c") == "a/b:c"
    assert engine._on_disk(spark, "file:///a/lines") == "/a/lines"
    assert engine._on_disk(spark, "file:/a/lines") == "/a/lines"
    assert engine._on_disk(spark, "s3a://bucket/lines") == ""
    files = spark.sparkContext._jsc.hadoopConfiguration()
    usual = files.get("fs.defaultFS")
    try:
        files.set("fs.defaultFS", "hdfs://name:8020")
        assert engine._on_disk(spark, "/a/lines") == ""
    finally:
        files.set("fs.defaultFS", usual)


@pytest.mark.spark
def test_counts_of_a_run(spark, config, tmp_path):
    """Rows read and lines written; a log without rows has a folder without lines."""
    log = tmp_path / "log.parquet"
    write(log, 300, Kind(overlaps=0.05))
    expected = len(calc.bill(log))
    done = cluster.run(str(log), str(tmp_path / "lines"), config, partition="code")
    assert (done.rows, done.lines, len(done.rejects)) == (300, expected, 0)
    empty = tmp_path / "empty.parquet"
    pl.read_parquet(log).head(0).write_parquet(empty)
    done = cluster.run(str(empty), str(tmp_path / "none"), config)
    assert (done.rows, done.lines) == (0, 0)
    assert (tmp_path / "none" / "_SUCCESS").exists()


@pytest.mark.spark
def test_rejects_are_heard_of_before_anything_is_billed(spark, config, tmp_path):
    """No lines stay where they cannot be written."""
    log, output = tmp_path / "log.parquet", tmp_path / "lines"
    row = {"patient": "p", "code": "97110", "date": "2026-03-02", "minutes": "8"}
    pl.DataFrame([row, row | {"code": "99999"}]).write_parquet(log)

    def refuse(read):
        assert (read.rows, read.lines, len(read.rejects)) == (2, 0, 1)
        raise InputError("cannot be written")

    with pytest.raises(InputError, match="cannot be written"):
        cluster.run(str(log), str(output), config, once_read=refuse)
    assert not output.exists()


@pytest.mark.spark
@pytest.mark.parametrize("fault", ["kinds", "damage"])
def test_files_that_spark_cannot_read(fault, spark, config, tmp_path):
    """A column of two kinds, and a damaged file: named, and no output is left."""
    row = {"patient": "p", "code": "97110", "date": "2026-03-02", "minutes": "8"}
    folder, output = tmp_path / "log", tmp_path / "lines"
    folder.mkdir()
    rows = pl.DataFrame([row] * 50)
    rows.write_parquet(folder / "a.parquet")
    path = folder / "b.parquet"
    if fault == "kinds":
        rows.with_columns(pl.col("date").str.to_date()).write_parquet(path)
    else:
        rows.write_parquet(path)
        data = bytearray(path.read_bytes())
        data[4:40] = bytes(255 - byte for byte in data[4:40])
        path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read by Spark") as error:
        cluster.bill(str(folder), str(output), config)
    assert error.value.where == str(path)
    assert "of one kind" in error.value.hint
    assert not output.exists()


@pytest.mark.spark
def test_a_column_that_parts_nothing(spark, config, tmp_path):
    """--partition of a column that the lines have not is an error that names those they have."""
    log = tmp_path / "log.parquet"
    write(log, 20, Kind())
    with pytest.raises(InputError, match='no column "month"') as error:
        cluster.bill(str(log), str(tmp_path / "lines"), config, partition="month")
    assert "date" in error.value.hint
    assert not (tmp_path / "lines").exists()


@pytest.mark.spark
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_ends_while_it_writes(number, tmp_path):
    """No output under its name, after all but kill -9 nothing hidden; a rerun succeeds."""
    pytest.importorskip("pyspark")
    log, output = tmp_path / "log.parquet", tmp_path / "lines"
    write(log, 1000, Kind())
    command = [sys.executable, "-m", "calc", "bill", str(log), "--engine", "spark"]
    command += ["--master", "local[2]", "--partition", "patient", "-o", str(output)]
    with (tmp_path / "said").open("w+") as said:
        with subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said) as run:
            while run.poll() is None and not list(tmp_path.glob(".lines.*.partial/lines/*")):
                time.sleep(0.005)
            run.send_signal(number)
            run.wait(timeout=60)
        said.seek(0)
        text = said.read()
    assert not output.exists()
    if number != signal.SIGKILL:
        # What the JVM says on its way out may come before or behind it.
        assert run.returncode == 130 and text.splitlines().count("interrupted") == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["log.parquet", "said"]
        return
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (output / "_SUCCESS").exists() and list(output.glob("patient=*"))
    assert "1,000 rows read, 1,000 used, 0 rejected" in done.stderr


@pytest.mark.parametrize("name", ["duckdb", "spark"])
def test_a_missing_extra_says_what_to_install(name, monkeypatch):
    """Without its package an engine is an error with the command that installs it."""
    real = builtins.__import__

    def without(module, *rest, **named):
        if module.split(".")[0] in ("duckdb", "pyspark"):
            raise ImportError(module)
        return real(module, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(engine, "_duckdb", engine._duckdb.__wrapped__)  # none kept from before
    with pytest.raises(InputError, match=f"{name} is not installed") as error:
        engine.on_engine(engine.table({"a": ["1"]}, {"a": str}), name)
    assert f"therapy-billing-calc[{name}]" in error.value.hint
    assert ("Java 17" in error.value.hint) == (name == "spark")


def run_without(module, *words):
    """The program where a module cannot be imported."""
    script = f"import sys; sys.modules[{module!r}] = None; from calc.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["bill", "audit"])
@pytest.mark.parametrize(
    ("name", "module", "says"),
    [
        ("duckdb", "duckdb", "duckdb is not installed"),
        ("duckdb", "pyarrow", "duckdb needs pyarrow, which is not installed"),
        ("spark", "pyspark", "spark is not installed"),
        pytest.param(
            *("spark", "pyarrow", "spark needs pyarrow, which is not installed"),
            marks=pytest.mark.spark,
        ),
    ],
)
def test_a_missing_library_is_said_before_the_log_is_read(command, name, module, says, tmp_path):
    """One line and what to install, exit 2; the log, which is not there, was not looked for."""
    if module == "pyarrow":
        package = "pyspark" if name == "spark" else name
        pytest.importorskip(package, reason=f"{package} is not installed")
    done = run_without(module, command, tmp_path / "none.csv", "--engine", name)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"therapy-calc: {says}"
    assert f"therapy-billing-calc[{name}]" in done.stderr and "Traceback" not in done.stderr


def test_only_the_page_of_an_audit_needs_the_report_extra(tmp_path):
    """Lines as html need no library of their own; an audit's page says what to install."""
    output = tmp_path / "page.html"
    done = run_without("jinja2", "audit", "examples/audit_week.csv", "-o", output)
    assert done.returncode == 2 and "therapy-billing-calc[report]" in done.stderr
    done = run_without("jinja2", "bill", "examples/clinic_week.csv", "-o", output)
    assert done.returncode == 0, done.stderr
    assert "<table>" in output.read_text()


STOPPED = """
import os, signal, threading, time

def end(*_, **__):
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
    {work}

from calc import billing
billing.bill = end
from calc.cli import main
main()
"""
LONG = "'select sum(a.x * b.x) from range(9999999) a(x), range(9999999) b(x)'"
AGAIN = """import duckdb  # whose queries hear of a signal now and then, some only at their end
    while True:
        duckdb.sql("select sum(x) from range(99999999) a(x)").fetchall()"""
SWALLOWED = """try:
        time.sleep(60)
    except KeyboardInterrupt:
        raise RuntimeError("lost")"""


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("polars", SWALLOWED),
        ("duckdb", AGAIN),
        pytest.param(
            *("spark", f"from calc import engine; engine.spark_session().sql({LONG}).collect()"),
            marks=pytest.mark.spark,
        ),
    ],
    ids=["polars", "duckdb", "spark"],
)
def test_an_interruption_is_no_crash(name, work):
    """Ctrl-C while an engine works, which makes an error of its own of it."""
    if name != "polars":
        pytest.importorskip("pyspark" if name == "spark" else name)
    words = ["bill", "examples/clinic_week.csv", "--engine", name]
    done = subprocess.run(
        [sys.executable, "-c", STOPPED.format(work=work), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 130
    said = done.stderr.splitlines()
    assert said.count("interrupted") == 1 and "Traceback" not in done.stderr
    assert name == "spark" or said[-1] == "interrupted"  # behind it the JVM may say its own


@pytest.mark.spark
def test_without_java(spark, tmp_path):
    """Spark that does not start is an error that names Java 17, not a traceback."""
    nowhere = {**os.environ, "JAVA_HOME": str(tmp_path), "PATH": str(tmp_path)}
    script = """
from calc import engine
from calc.errors import InputError
try:
    engine.spark_session("local[1]")
except InputError as error:
    print(error, "|", error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Spark did not start" in done.stdout
    assert "Java 17" in done.stdout


def test_an_unknown_engine():
    """Only the three are known."""
    with pytest.raises(InputError, match="not known"):
        engine.on_engine(engine.table({"a": ["1"]}, {"a": str}), "dask")
