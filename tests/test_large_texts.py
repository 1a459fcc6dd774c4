"""Large texts: read from the disk, column by column into categories, with the same outcome."""

from __future__ import annotations

import gzip
import hashlib
from unittest import mock

import fuzz
import polars as pl
import pytest

import calc
from calc import decoding, engine, files, headings, logs
from calc.errors import InputError

HEAD = "patient,date,code,start,end,note,Start Time\n"
ROW = "P{n},2026-03-{day:02},97110,09:00,09:3{unit},{note},x\n"


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Every text counts as large, and every log as one of many rows."""
    monkeypatch.setattr(files, "LARGE", 0)
    monkeypatch.setattr(engine, "_FEW_ROWS", 0)


def log(tmp_path, rows=300, note="as before", more=""):
    path = tmp_path / "a.csv"
    text = HEAD + "".join(
        ROW.format(n=n, day=n % 28 + 1, unit=n % 10, note=note if n % 3 else "")
        for n in range(rows)
    )
    path.write_bytes((text + more).encode())
    return path


def score(config):
    known = headings.meanings(config)
    return lambda names: headings.score(names, known)


def kinds(path, config):
    rows = engine.collect(files.read(str(path), score(config)).frame).to_native()
    return {name: kind.base_type() for name, kind in rows.schema.items()}


def test_our_columns_are_categories_and_the_logs_own_stay_text(tmp_path, config):
    found = kinds(log(tmp_path), config)
    assert found["patient"] == found["start"] == pl.Categorical
    assert found["note"] == pl.String
    assert found[engine.ROW] == pl.Int64


def test_each_value_has_one_number_whoever_meets_it_first(tmp_path, config):
    """Parts of a text are read at the same time, and number its values together."""
    patients = [f"P{n}" for n in range(40_000)] * 4
    path = tmp_path / "a.csv"
    path.write_text(HEAD + "".join(f"{patient},,,,,,\n" for patient in patients))
    rows = engine.collect(files.read(str(path), score(config)).frame).to_native()
    assert rows["patient"].cast(pl.String).to_list() == patients
    values = engine._texts(rows["patient"])
    assert not values.has_nulls() and sorted(values) == sorted(set(patients))


def test_the_bytes_are_not_held(tmp_path, config, monkeypatch):
    path = log(tmp_path)
    monkeypatch.setattr(decoding, "load", None)
    records = files.read(str(path), score(config))
    assert records.digest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_digest_only_where_it_is_wanted(tmp_path, config):
    path = log(tmp_path)
    assert files.read(str(path), score(config), digest=False).digest() == ""
    assert logs.read(path, config, digest=False).files[0].sha256 == ""
    again = tmp_path / "b.csv"
    again.write_bytes(path.read_bytes())
    both = logs.read([path, again], config, digest=False)
    assert "holds the same bytes" in both.notes[-1]


def test_the_same_log_either_way(tmp_path, config, monkeypatch):
    """Lines and rejects; a column of ours that another heading takes over is carried as text."""
    more = "P1,2026-03-02,nothing,09:00,09:10,é,\n,,,,,,\n,2026-03-02,97110,9,10,x,\n"
    path = log(tmp_path, more=more)
    seen = [calc.bill(path, rejects=True)]
    with monkeypatch.context() as small:
        small.setattr(files, "LARGE", 1 << 24)
        small.setattr(engine, "_FEW_ROWS", 1000)
        seen.append(calc.bill(path, rejects=True))
    for one, other in zip(*seen, strict=True):
        assert one.equals(other)
        assert one.schema == other.schema
    assert "é" in seen[0][1]["note"].to_list()


def test_quotes_are_read_as_text(tmp_path, config):
    """The reader of categories lets broken quotes pass; here they are a broken record."""
    sound = log(tmp_path, more='P7,2026-03-02,97110,09:00,09:30,"a, b",x\n')
    assert kinds(sound, config)["patient"] == pl.String
    broken = log(tmp_path, more='P7,2026-03-02,97110,09:00,"09:3"0,x","x\n')
    with pytest.raises(InputError, match="is not csv"):
        files.read(str(broken), score(config))


@pytest.mark.parametrize(
    "row", ['P7,2026-03-02,97110,9:00,9:30,"a, b",x', '"P7",2026-03-02,,,,"a, b",']
)
def test_quotes_far_behind_the_heading(row, tmp_path, config, monkeypatch):
    monkeypatch.setattr(files, "_HEAD", 200)
    path = log(tmp_path, more=row + "\n")
    rows = engine.collect(files.read(str(path), score(config)).frame).to_native()
    assert rows["patient"][-1] == "P7"
    assert rows["note"][-1] == "a, b"
    assert rows.schema["patient"] == pl.String


@pytest.mark.parametrize("row", ["P\0,2026-03-02,97110,9,10,,", "P,2026-03-02,97110,9,10,\0,"])
def test_zero_bytes_far_behind_the_heading(row, tmp_path, config, monkeypatch):
    monkeypatch.setattr(files, "_HEAD", 200)
    path = log(tmp_path, more=row + "\n")
    with pytest.raises(InputError, match="holds NUL bytes"):
        files.read(str(path), score(config))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data + b"P\0,2026-03-02,97110,9,10,,\n", "holds NUL bytes"),
        (lambda data: data + b'P,2026-03-02,97110,9,10,"a,\n', "is not csv"),
    ],
)
def test_what_only_the_bytes_tell(change, says, tmp_path, config):
    path = log(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=says):
        files.read(str(path), score(config))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16", "utf-8"])
def test_other_encodings(encoding, tmp_path, config):
    path = log(tmp_path, note="né")
    path.write_bytes(path.read_text("utf-8").encode(encoding))
    rows = engine.collect(files.read(str(path), score(config)).frame).to_native()
    assert rows["note"][1] == "né"
    assert rows["patient"].cast(pl.String).to_list() == [f"P{n}" for n in range(300)]


def test_packed(tmp_path, config):
    path = log(tmp_path)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert kinds(packed, config)["patient"] == pl.Categorical


LATE = "P9,2026-03-02,97110,09:00,09:30,late,x\n"


def test_a_file_that_changes_while_it_is_read(tmp_path, config):
    """It is read again, at one look."""
    path = log(tmp_path)
    read_text = engine.read_text

    def changing(data, *given):
        found = read_text(data, *given)
        if isinstance(data, str):
            with path.open("a") as text:
                text.write(LATE)
        return found

    with mock.patch.object(engine, "read_text", changing):
        records = files.read(str(path), score(config))
    assert engine.count(records.frame) == 301
    assert records.digest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_changes_before_its_digest_is_known(tmp_path, config):
    path = log(tmp_path)
    sha256 = decoding.sha256

    def changing(name):
        with path.open("a") as text:
            text.write(LATE)
        return sha256(name)

    with (
        mock.patch.object(decoding, "sha256", changing),
        pytest.raises(InputError, match="changed while it was read"),
    ):
        logs.read(path, config)
    assert logs.read(path, config, digest=False).files[0].rows == 301


def test_a_file_that_is_gone_before_its_digest_is_known(tmp_path, config):
    path = log(tmp_path)
    with (
        mock.patch.object(decoding, "sha256", mock.Mock(side_effect=FileNotFoundError)),
        pytest.raises(InputError, match="changed while it was read"),
    ):
        logs.read(path, config)


def test_a_name_that_a_reader_might_take_for_a_pattern(tmp_path, config):
    path = log(tmp_path).rename(tmp_path / "a[1]*.csv")
    assert engine.count(files.read(str(path), score(config)).frame) == 300


def test_few_rows_come_as_text(tmp_path, config, monkeypatch):
    """Their plans are kept by the kinds of the columns, and categories are always new ones."""
    monkeypatch.setattr(engine, "_FEW_ROWS", 1000)
    assert kinds(log(tmp_path), config)["patient"] == pl.String


def test_a_column_of_one_value_and_a_blank_one(tmp_path, config):
    path = tmp_path / "a.csv"
    path.write_text("patient,date,code,start,end,payer\n" + "P,2026-03-02,97110,9:00,9:30,\n" * 3)
    used = engine.collect(logs.read(path, config).sessions)
    assert used["payer"].to_list() == ["medicare"] * 3
    assert used["patient"].to_list() == ["P"] * 3


def test_rows_and_files_by_chance(config):
    """A small part of ``python tests/fuzz.py``, which reads each file both ways."""
    assert fuzz.fuzz_rows(3000, 5, config, per_file=1500) == {"log": 3000}
