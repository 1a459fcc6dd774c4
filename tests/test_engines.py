"""One answer on every engine, and the caller's own kind of frame back."""

from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import polars as pl
import pytest
from helpers import ROOT, frame

import calc
from calc import billing, engine, logs, money
from calc.errors import InputError
from calc.schema import LINE, SESSION

EXAMPLE = ROOT / "examples" / "clinic_week.csv"


def row(patient, code, start="", end="", **more):
    """A row on 2026-03-02."""
    named = {"patient": patient, "code": code, "start": start, "end": end}
    return {"date": "2026-03-02"} | named | more


MIXED = [
    # rows that coincide, of a therapist and an assistant
    row("p1", "97110", "09:00", "09:23", discipline="PT", locality="OH-00"),
    row("p1", "97116", "09:15", "09:40", discipline="PT", locality="OH-00", role="assistant"),
    row("p1", "97140", "09:40", "09:50", discipline="PT", locality="CA-05", note="a"),
    row("p1", "97140", "09:50", "10:01:30", discipline="PT", locality="OH-00", note="b"),
    row("p1", "97012", "09:05", "09:20", discipline="PT", locality="OH-00"),
    row("p1", "97161", "10:10", "10:40", discipline="PT", role="assistant"),
    row("p1", "97535", "09:30", "09:55", discipline="OT", role="assistant"),
    # one service over two codes, and another length
    row("p2", "97129", minutes="15", discipline="SLP"),
    row("p2", "97130", minutes="24.5", discipline="SLP"),
    row("p2", "96125", minutes="95", discipline="SLP"),
    row("p2", "97597", minutes="20", discipline="PT", units_billed="1"),
    row("p2", "97597", minutes="20", discipline="PT", provider="B"),
    # windows that cannot hold their minutes
    row("p3", "97110", "09:00", "09:45", minutes="30", charge="40.00"),
    row("p3", "97530", "09:00", "09:45", minutes="25", charge="12.5"),
    # payers, days, ties, charges, statuses
    row("p4", "97110", minutes="20", payer="ama"),
    row("p4", "97116", minutes="20", payer="ama"),
    row("p4", "97110", minutes="20", payer="highmark", date="2024-03-09"),
    row("p4", "97116", minutes="20", payer="highmark", date="2024-03-09"),
    row("p5", "97110", minutes="8", date="2021-05-03", role="assistant", discipline="PT"),
    row("p5", "97116", minutes="8", date="2021-05-03", units_billed="1", discipline="PT"),
    row("p5", "97010", minutes="10"),
    row("p5", "97014", minutes="10"),
    row("p5", "97039", minutes="10"),
    row("p6", "97110", minutes="30", date="2019-05-03"),
    row("p6", "97110", minutes="30", role="student"),
    # rejects
    row("p7", "97110", "25:10", "09:00"),
    row("", "97110", minutes="15"),
    row("p7", "nonsense", minutes="15"),
    row("p8", "97110", "2026-03-02 23:30", "2026-03-03 00:30"),
    row("é'\"", "gait training", minutes="15", note='it\'s; "so"'),
    # a charge for two codes, on rows of either
    row("p9", "90912", minutes="30", discipline="PT", charge="100.00"),
    row("p9", "97130", minutes="45", discipline="OT", charge="40.00"),
    # modifiers in two columns, and behind a code
    row("q1", "97110-GP", minutes="15", discipline="PT") | {"Mod 1": "CQ", "Mod 2": "KX"},
    row("q1", "97140", minutes="15", discipline="PT") | {"Mod 1": "59"},
    # a line of a therapist and one of an assistant, each with its charge
    row("q2", "97530", minutes="15", discipline="PT", units_billed="1", charge="40.00")
    | {"Mod 1": "GP"},
    row("q2", "97530", minutes="15", discipline="PT", units_billed="1", charge="10.00")
    | {"role": "assistant", "Mod 1": "GP CQ"},
]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """The mixed log as a file."""
    path = tmp_path_factory.mktemp("logs") / "mixed.csv"
    frame(MIXED).write_csv(path)
    return path


@lru_cache
def answer(path, on, config):
    """Claim lines with every step, and rejects, as rows."""
    log = logs.read(path, config, on=on)
    lines = engine.collect(billing.bill(log, config)).to_native()
    bad = engine.collect(log.rejects()).to_native().sort("row")
    return lines, bad


@pytest.mark.parametrize("name", ["clinic_week", "mixed"])
def test_engines_agree(name, engine_name, config, mixed):
    """The same lines in the same order, in every column and step, and the same rejects."""
    path = str(EXAMPLE if name == "clinic_week" else mixed)
    (lines, bad), (expected, expected_bad) = (
        answer(path, on, config) for on in (engine_name, "polars")
    )
    assert lines.columns == expected.columns
    for column in expected.columns:
        assert lines[column].to_list() == expected[column].to_list(), column
    assert bad.to_dicts() == expected_bad.to_dicts()


def test_the_mixed_log_is_mixed(config, mixed):
    """The log above shows what it is there for."""
    lines, bad = answer(str(mixed), "polars", config)
    assert bad["row"].to_list() == [27, 28, 29]
    assert (lines["claimed_rows"] > 0).any()
    assert lines["tie"].any() and lines["modified"].sum()
    assert (lines["lost_ms"] > 0).any()
    assert {"priced", "bundled", "contractor", "not paid", ""} == set(lines["price_status"])
    assert lines["units"].null_count() == 1
    assert "a; b" in lines["note (log)"].to_list()


def test_integers_stay_integers(engine_name, config, mixed):
    """Minutes, units and cents are whole numbers on every engine, never floats or decimals."""
    lines, _ = answer(str(mixed), engine_name, config)
    floats = [name for name, kind in lines.schema.items() if kind.is_float() or kind.is_decimal()]
    assert floats == []


# --- the caller's frames -----------------------------------------------------------------------


def pandas_frame(rows):
    return rows.to_pandas()


def polars_frame(rows):
    return rows


def polars_lazy(rows):
    return rows.lazy()


def arrow_table(rows):
    return rows.to_arrow()


def duckdb_relation(rows):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    return duckdb.connect().from_arrow(rows.to_arrow())


KINDS = [pandas_frame, polars_frame, polars_lazy, arrow_table, duckdb_relation]


def collected(frame):
    """A frame of any kind as a Polars one."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if hasattr(frame, "toArrow"):
        return pl.DataFrame(frame.toArrow())
    if type(frame).__module__.startswith(("duckdb", "_duckdb")):
        return pl.DataFrame(frame.to_arrow_table())
    return frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)


def plain(frame):
    """A frame of any kind as sorted rows of plain values, and its columns."""
    frame = collected(frame)
    # pandas keeps days as stamps, and whole numbers beside blanks as floats.
    days = pl.col(pl.Datetime).cast(pl.Date)
    whole = pl.col(pl.Float64).fill_nan(None).cast(pl.Int64)
    frame = frame.with_columns(days).with_columns(whole)
    return frame.columns, sorted(map(repr, frame.rows()))


@pytest.fixture(scope="module")
def rows(mixed):
    """The mixed log as a frame with row numbers."""
    return frame(MIXED).with_row_index("row", offset=2).with_columns(pl.col("row").cast(pl.Int64))


@pytest.fixture(scope="module")
def expected(rows):
    """Lines and rejects of the mixed log."""
    lines, bad = calc.bill(rows, rejects=True)
    return plain(lines), plain(bad)


def check_kind(given, expected):
    """The same kind back, with equal figures."""
    lines, bad = calc.bill(given, rejects=True)
    assert type(lines) is type(given)
    assert type(bad) is type(given)
    assert (plain(lines), plain(bad)) == expected


def doubled(make, heading):
    """A frame of one row in which a heading stands twice."""
    cells = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": "15", "note": "a"}
    names = [*cells, heading]
    if make is pandas_frame:
        import pandas as pd

        return pd.DataFrame([[*cells.values(), "b"]], columns=names)
    if make is duckdb_relation:
        duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
        values = [f"'{cell}' as {name}" for name, cell in cells.items()]
        return duckdb.connect().sql(f"select {', '.join(values)}, 'b' as {heading}")
    return pl.DataFrame([cells | {"b": "b"}]).to_arrow().rename_columns(names)


@pytest.mark.parametrize("make", [pandas_frame, arrow_table, duckdb_relation])
def test_a_heading_that_stands_twice_in_a_frame(make):
    """As in a csv file: one of ours may not, another is numbered."""
    given = doubled(make, "note")
    lines = calc.bill(given)
    assert type(lines) is type(given)
    assert plain(lines)[0][-2:] == ["note", "note 2"]
    assert collected(lines).select("note", "note 2").rows() == [("a", "b")]
    assert type(calc.audit(given)) is type(given)
    for entry in (calc.bill, calc.audit, lambda claims: calc.audit(given, claims=claims)):
        with pytest.raises(InputError, match='heading "code" stands twice') as error:
            entry(doubled(make, "code"))
        assert error.value.hint == "rename one of them"


@pytest.mark.parametrize("make", KINDS, ids=[make.__name__ for make in KINDS])
def test_a_column_of_lengths_is_looked_at_as_a_whole(make):
    """Its heading names a unit, or one of its cells may be minutes and seconds."""
    columns = {"patient": ["a", "b", "c"], "date": "2026-03-02", "code": "97110"}
    rows = pl.DataFrame(columns | {"Duration (sec)": [1380, 600, 61]})
    assert collected(calc.bill(make(rows)))["minutes"].to_list() == [23, 10, 1]
    lengths = {"patient": ["a", "b", "c", "d"], "Duration": ["8:00", "23:00", "0:47", "15:30"]}
    rows = pl.DataFrame(columns | lengths)
    with pytest.warns(UserWarning, match="3 rows"):
        lines = collected(calc.bill(make(rows)))
    assert lines["patient"].to_list() == ["c"]
    rows = pl.DataFrame(columns | {"Duration": [0.75, 1, 1.25]})
    with pytest.raises(InputError, match='"Duration" could be hours'):
        calc.bill(make(rows))


@pytest.mark.parametrize("make", KINDS, ids=[make.__name__ for make in KINDS])
def test_the_callers_kind_comes_back(make, rows, expected):
    """pandas, Polars, PyArrow and DuckDB."""
    check_kind(make(rows), expected)


@pytest.mark.spark
def test_a_spark_frame_comes_back(rows, expected, spark):
    """Spark, too."""
    check_kind(spark.createDataFrame(rows.to_arrow()), expected)


def test_columns_and_money_of_a_frame(expected, rows):
    """The columns of `bill`, then the log's own; money as exact decimals with two places."""
    lines = calc.bill(rows, rejects=True)[0]
    assert tuple(lines.columns[: len(LINE)]) == LINE
    assert lines.columns[len(LINE) :] == ["note"]
    assert lines.schema["allowed"] == pl.Decimal(18, 2)
    gait = lines.filter(pl.col("note") == 'it\'s; "so"').row(0, named=True)
    assert (gait["code"], gait["units"], gait["allowed"]) == ("97116", 1, Decimal("29.06"))


def test_numbers_that_are_carried_are_text(rows):
    """pandas has whole numbers as floats where one is blank; rows that add up may differ."""
    import pandas as pd

    row = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": 8}
    visits = [101, 102, None]
    frame = pd.DataFrame([row | {"visit_id": visit} for visit in visits])
    lines, bad = calc.bill(frame.assign(code=["97110", "97112", "x"]), rejects=True)
    assert sorted(lines["visit_id"]) == ["101", "102"]
    assert str(bad["visit_id"].dtype) == "float64"
    assert calc.bill(frame)["visit_id"].tolist() == ["101; 102"]


def test_many_columns_are_carried():
    """Each beside the others: alike, unlike and blank in the rows of a line."""
    row = {"patient": "p", "date": "2026-03-02", "code": "97110", "minutes": 8}
    cells = [{f"own {n}": text for n, text in enumerate(texts)} for texts in
             (["a", "a", None, None], ["b", "a", "b", None])]  # fmt: skip
    lines = calc.bill(pl.DataFrame([row | own for own in cells], infer_schema_length=None))
    assert lines.select(pl.selectors.starts_with("own")).row(0) == ("a; b", "a", "b", None)


def test_rejects_warn(rows):
    """Without rejects=True a warning gives their number."""
    with pytest.warns(UserWarning, match="3 rows were rejected"):
        calc.bill(rows)


def test_a_path_gives_a_frame(mixed, expected):
    """A path is read as a frame is; only the source of rows differs."""
    lines, bad = calc.bill(mixed, rejects=True)
    assert plain(lines) == expected[0]
    assert bad.height == 3


def typed_frame():
    """Dates, stamps and numbers as a database gives them."""
    return pl.DataFrame(
        {
            "patient": [1001, 1001],
            "code": [97116, 97110],
            "date": [date(2026, 3, 2)] * 2,
            "start": [datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 9, 30)],
            "end": [datetime(2026, 3, 2, 9, 30), datetime(2026, 3, 2, 9, 47)],
            "minutes": [30.0, None],
            "charge": [100.5, 20.0],
        }
    )


def check_typed(given):
    """Both rows are used, and numbers that stand for text are text."""
    lines, bad = calc.bill(given, rejects=True)
    assert len(bad) == 0
    assert dict(zip(lines["code"], lines["units"], strict=True)) == {"97116": 2, "97110": 1}
    assert list(lines["patient"]) == ["1001", "1001"]


def test_typed_columns_of_a_frame():
    """Dates, stamps and numbers of a caller's frame need not be text."""
    check_typed(typed_frame())


def test_typed_columns_of_pandas():
    """pandas keeps a day as a stamp at midnight."""
    check_typed(typed_frame().to_pandas())


def test_pandas_columns_of_numbers_and_texts():
    """As a workbook gives them; what Arrow says of such a column would show a name."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "patient": pd.Series(["Smith, John", 12], dtype=object),
            "date": ["2026-03-02"] * 2,
            "minutes": [47, 30],
            "code": pd.Series([97110, "G0283"], dtype=object),
            "note": pd.Series([1.0, None], dtype=object),
        }
    )
    lines = calc.bill(frame)
    assert sorted(lines["code"]) == ["97110", "G0283"]
    with pytest.raises(InputError, match="a list of records is no log") as error:
        calc.bill([{"patient": "Smith, John"}])
    assert "Smith" not in str(error.value) + error.value.hint
    with pytest.raises(InputError, match="no file is named"):
        calc.bill("")


NO_LOGS = {
    "an empty list": ([], "no file is named"),
    "an empty tuple": ((), "no file is named"),
    "a pattern of no file": (ROOT.glob("none*.csv"), "no file is named"),
    "nothing": (None, "NoneType is no log"),
    "a number": (5, "int is no log"),
    "columns": ({"patient": ["Smith, John"]}, "dict is no log"),
    "a frame of nothing": (pl.DataFrame(), "there are no columns"),
}


@pytest.mark.parametrize("call", [calc.bill, calc.audit])
@pytest.mark.parametrize(("source", "said"), NO_LOGS.values(), ids=list(NO_LOGS))
def test_what_is_no_log(source, said, call):
    """Said with what to give instead, not left to fail within."""
    with pytest.raises(InputError, match=f"^{said}$") as error:
        call(source)
    assert error.value.hint


def test_no_claims_at_all():
    """An empty list of claims files is no audit without claims."""
    with pytest.raises(InputError, match="no file is named"):
        calc.audit(EXAMPLE, claims=[])


def test_files_that_a_pattern_finds():
    """`Path.glob` gives an iterator: as good as a list."""
    found = calc.bill((ROOT / "examples").glob(EXAMPLE.name))
    assert found.equals(calc.bill([EXAMPLE]))


def test_values_that_polars_has_no_kind_for():
    """Whole numbers of any size are their digits; half a character is no text."""
    import pandas as pd

    row_of = {"patient": ["p", "q"], "date": "2026-03-02", "minutes": 15, "code": "97110"}
    frame = pd.DataFrame(row_of).assign(visit=pd.Series([1, 2**70], dtype=object))
    assert list(calc.bill(frame)["visit"]) == ["1", str(2**70)]
    half = frame.assign(note=pd.Series(["a", "Smith \ud800"], dtype=object))
    with pytest.raises(InputError, match='column "note" holds a character that is no') as error:
        calc.bill(half)
    assert error.value.what.endswith("first in row 2") and error.value.hint == "take it out"
    half = frame.set_axis(pd.Index([*row_of, "\udc00"], dtype=object), axis=1)
    with pytest.raises(InputError, match=r'heading "\\udc00" is no text'):
        calc.bill(half)


def test_arrow_columns_that_polars_has_no_kind_for(capfd):
    """Long decimals are text, as where a file holds them; whatever is no cell is named."""
    import pyarrow as pa

    table = frame([row("p", "97110", minutes="15")]).to_arrow()
    long = pa.array([Decimal("1.50")], pa.decimal256(50, 2))
    assert collected(calc.bill(table.append_column("note", long)))["note"].to_list() == ["1.50"]
    lengths = table.set_column(table.column_names.index("minutes"), "minutes", long)
    assert collected(calc.bill(lengths))["minutes"].to_list() == [1]
    for odd, said in [
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "lists or records"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "values that are no cells"),
    ]:
        with pytest.raises(InputError, match=f'column "note" holds {said}') as error:
            calc.bill(table.append_column("note", odd))
        assert error.value.hint == "write it as text"
    assert capfd.readouterr() == ("", "")


def test_a_map_of_parquet_is_no_cell(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = frame([row("p", "97110", minutes="15")]).to_arrow()
    odd = pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))
    parquet.write_table(table.append_column("note", odd), tmp_path / "log.parquet")
    with pytest.raises(InputError, match='column "note" holds lists or records'):
        calc.bill(tmp_path / "log.parquet")


def test_columns_of_a_relation_that_polars_has_no_kind_for():
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    cells = "'p' as patient, date '2026-03-02' as date, 15 as minutes, '97110' as code"
    odd = 'interval 1 hour as "my note", union_value(a := 1) as other'
    rows = duckdb.connect().sql(f"select {cells}, {odd}")
    assert collected(calc.bill(rows)).select("my note", "other").rows() == [("01:00:00", "1")]
    calc.audit(rows)
    lists = duckdb.connect().sql("select ['p'] as patient, '2026-03-02' as date, 97110 as code")
    with pytest.raises(InputError, match='column "patient" holds lists or records'):
        calc.bill(lists)


PATTERNS = ["*", "^x$", "at "]  # to an engine more than one column, or its own


@pytest.mark.parametrize("numbers", [None, [7, 8]])
@pytest.mark.parametrize("make", [polars_frame, duckdb_relation])
def test_a_heading_that_is_a_pattern_is_carried(make, numbers):
    rows = frame(
        [
            row("p", "97110", minutes="15", units_billed="2") | dict.fromkeys(PATTERNS, "a"),
            row("q", "97110", minutes="soon", units_billed="2") | dict.fromkeys(PATTERNS, "b"),
        ]
    )
    numbered = rows.with_columns(row=pl.Series(numbers)) if numbers else rows
    lines, bad = map(collected, calc.bill(make(numbered), rejects=True))
    assert lines.columns == [*LINE, *PATTERNS]
    assert lines.select(pl.nth(range(-len(PATTERNS), 0))).rows() == [("a",) * len(PATTERNS)]
    assert bad.columns[: rows.width] == rows.columns
    assert bad.rows()[0][: rows.width] == rows.rows()[1]
    with pytest.warns(UserWarning, match="1 row was rejected"):
        assert "U201" in collected(calc.audit(make(numbered)))["rule"].to_list()


def test_headings_that_differ_in_letters_only_are_carried_apart(tmp_path, config, engine_name):
    """DuckDB and Spark take small and capital letters of a name for the same, also of two files."""
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    head = "patient,date,discipline,code,minutes"
    one.write_text(f"{head},Note,note\np,2026-03-02,PT,97116,20,a,b\n", encoding="utf-8")
    other.write_text(f"{head},NOTE\nq,2026-03-02,PT,97116,20,c\n", encoding="utf-8")
    log = logs.read([str(one), str(other)], config, on=engine_name)
    lines = billing.bill(log, config, None, billing.printed_from(log.carried))
    printed = billing.as_printed(engine.collect(lines).lazy(), log.carried)
    rows = engine.collect(printed).select("Note", "note", "NOTE").rows()
    assert sorted(rows, key=str) == [("a", "b", None), (None, None, "c")]


@pytest.mark.parametrize("make", [polars_frame, duckdb_relation])
def test_a_heading_like_ours_in_other_letters_gets_another_name(make):
    """Whoever reads the lines may take `Allowed` for our `allowed`."""
    own = {"Allowed": "mine", "Reason": "why"}
    rows = frame([row("p", "97110", minutes=text) | own for text in ("15", "soon")])
    lines, bad = calc.bill(make(rows), rejects=True)
    assert collected(lines).columns == [*LINE, "Allowed_in_log", "Reason_in_log"]
    assert collected(lines)["Reason_in_log"].to_list() == ["why"]
    assert collected(bad).columns[-4:] == ["Allowed", "Reason_in_log", "row", "reason"]


def test_a_blank_heading_of_a_frame_is_that_of_a_file():
    rows = frame([row("p", "97110", minutes="15") | {"": "a"}])
    for make in (pandas_frame, polars_frame, polars_lazy, arrow_table):
        assert collected(calc.bill(make(rows)))["column 7"].to_list() == ["a"]
    with pytest.raises(InputError, match='heading "row " stands for the number of the record'):
        calc.bill(rows.rename({"": "row "}))


def test_many_threads_of_a_caller():
    """Each waits for its turn: Polars' threads held one another up for ever."""
    import threading

    import pandas as pd

    frame = pd.read_csv(ROOT / "examples/clinic_week.csv", dtype=str)
    done = []

    def work():
        for _ in range(2):
            done.append(len(calc.bill(frame)))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len(done) == 12 and len(set(done)) == 1


# --- audits of callers' frames -----------------------------------------------------------------


@pytest.fixture(scope="module")
def billed_week():
    """The week to audit with every column of a log, one of its billed units no number."""
    week = pl.read_csv(ROOT / "examples" / "audit_week.csv", infer_schema=False)
    week = week.with_row_index("row", offset=2).with_columns(pl.col("row").cast(pl.Int64))
    spoilt = pl.when(pl.col("row") == 5).then(pl.lit("-1x")).otherwise("units_billed")
    more = {"minutes": "", "mode": "individual", "total_minutes": "90", "diagnosis": "R26.2"}
    return week.with_columns(**{n: pl.lit(v) for n, v in more.items()}, units_billed=spoilt)


def audited(given, **more):
    """The findings of a log with one row that cannot be used, as `plain`."""
    with pytest.warns(UserWarning, match="1 row was rejected"):
        return plain(calc.audit(given, **more))


@pytest.fixture(scope="module")
def wanted(billed_week):
    """What an audit of the week finds."""
    return audited(billed_week)


@pytest.mark.parametrize("make", KINDS, ids=[make.__name__ for make in KINDS])
def test_an_audit_of_any_frame_finds_the_same(make, billed_week, wanted):
    assert set(SESSION) <= set(billed_week.columns)
    assert len(wanted[1]) > 10
    assert audited(make(billed_week)) == wanted


@pytest.mark.parametrize("make", [polars_frame, duckdb_relation])
def test_modifiers_in_two_columns_are_one(make, billed_week, wanted):
    both = pl.col("modifiers_billed")
    two = {"Mod 1": both.str.slice(0, 2), "Mod 2": both.str.slice(3)}
    assert audited(make(billed_week.with_columns(**two).drop("modifiers_billed"))) == wanted


CLAIMED = ("units_billed", "modifiers_billed", "charge")


@pytest.fixture(scope="module")
def parted(billed_week):
    """The same week as a log and the claims beside it, and what an audit of both finds."""
    log = billed_week.drop("row", *CLAIMED)
    claims = billed_week.select("patient", "date", "discipline", "provider", "code", *CLAIMED)
    return log, claims, audited_beside(log, claims)


def audited_beside(log, claims):
    """The findings of a log with claims, one line of which cannot be used, as `plain`."""
    with pytest.warns(UserWarning, match="1 line of claims rejected"):
        return plain(calc.audit(log, claims=claims))


@pytest.mark.parametrize("make", [polars_lazy, pandas_frame, arrow_table, duckdb_relation])
def test_claims_of_any_frame_beside_a_log(make, parted):
    log, claims, expected = parted
    assert len(expected[1]) > 10
    assert audited_beside(log, make(claims)) == expected


def test_claims_of_a_relation_beside_a_file(parted, tmp_path):
    log, claims, (columns, rows) = parted
    log.write_csv(tmp_path / "rows.csv")
    found = audited_beside(tmp_path / "rows.csv", duckdb_relation(claims))
    assert (found[0], len(found[1])) == (columns, len(rows))


def test_claims_beside_a_relation(parted):
    log, claims, expected = parted
    assert audited_beside(duckdb_relation(log), claims) == expected


@pytest.mark.spark
def test_claims_of_spark_beside_a_frame(parted, spark):
    log, claims, expected = parted
    assert audited_beside(log, spark.createDataFrame(claims.to_arrow()))[0] == expected[0]


@pytest.mark.spark
def test_rows_are_handed_over_to_spark(parted, spark):
    """As those of claims are beside a log of Spark's."""
    _, claims, _ = parted
    other = engine.lazy(spark.createDataFrame(claims.head(1).to_arrow()))
    there = engine.alongside(engine.lazy(claims), other)
    assert there.implementation is other.implementation
    assert plain(engine.collect(there).to_native()) == plain(claims)


# --- frames without row numbers ----------------------------------------------------------------


@pytest.mark.parametrize("make", KINDS, ids=[make.__name__ for make in KINDS])
def test_rows_without_a_number_are_numbered(make):
    """Who came first keeps shared minutes: the first row of two that begin together."""
    log = frame(
        [
            row("p1", "97140", "09:00", "09:20", discipline="PT", role="assistant"),
            row("p1", "97110", "09:00", "09:30", discipline="PT", role="therapist"),
            row("p1", "97110", "09:90", "10:10", discipline="PT"),
        ]
    )
    lines, bad = calc.bill(make(log), rejects=True)
    assert plain(lines) == plain(calc.bill(log, rejects=True)[0])
    minutes = collected(lines).select("code", "minutes").rows()
    assert sorted(minutes) == [("97110", 10), ("97140", 20)]
    assert collected(bad)["row"].to_list() == [3]


def test_many_rows_of_a_relation_are_numbered_in_their_order():
    """More than DuckDB reads at a time."""
    count = 300_000
    log = pl.DataFrame({"patient": range(1, count + 1)})
    rows = engine.collect(engine.with_rows(engine.lazy(duckdb_relation(log))))
    assert rows["patient"].to_list() == rows[engine.ROW].to_list() == list(range(1, count + 1))


def together(number=None):
    """Two patients of a clinician at once; ``number``: the caller's own column ``row``."""
    rows = [
        row("p1", "97110", "09:00", "09:15", discipline="PT", clinician="C", units_billed="1"),
        row("p2", "97116", "09:01", "09:46", discipline="PT", clinician="C", units_billed="3"),
        row("p3", "97110", "11:00", "11:15", discipline="PT", clinician="C", units_billed="1"),
    ]
    made = frame(rows)
    return made if number is None else made.with_columns(row=pl.Series(number))


UNTOLD = [
    [2, 2, 3],
    [1.5, 1.4, 2.5],
    [1, None, 2],
    ["1", "2", "x"],
    ["2", "02", "3"],
    ["1", None, "2"],
    ["1", "2", "9" * 19],
]


@pytest.mark.parametrize("number", UNTOLD)
def test_a_column_row_that_tells_no_rows_apart_is_carried(number):
    """Which row shares minutes with which is found by numbers that each stand once."""
    expected = calc.audit(together(), select="T")
    assert expected["rule"].to_list() == ["T101"]
    assert calc.audit(together(number), select="T").equals(expected)
    assert "row" in calc.bill(together(number)).columns


@pytest.mark.parametrize("number", [[9, 7, 8], ["9", "7", "8"]])
@pytest.mark.parametrize("make", KINDS)
def test_a_column_row_of_numbers_is_the_rows(number, make):
    """Also as text; the row of the least number keeps the minutes that two rows show."""
    twins = [row("p", code, "08:00", "08:15") for code in ("97110", "97112", "97116")]
    made = frame(twins).with_columns(row=pl.Series(number))
    lines = collected(calc.bill(make(made)))
    assert dict(lines.select("code", "minutes").rows()) == {"97110": 0, "97112": 15, "97116": 0}


@pytest.mark.spark
def test_rows_of_spark_are_numbered(spark):
    found = calc.audit(spark.createDataFrame(together().to_arrow()), select="T")
    names = ("rule", "patient", "dollars")
    assert collected(found).select(names).rows() == calc.audit(together()).select(names).rows()[:1]


def test_a_duckdb_that_is_too_old_is_named(monkeypatch):
    relation = duckdb_relation(together())
    monkeypatch.setattr("duckdb.__version__", "1.5.6")
    engine._duckdb.cache_clear()
    with pytest.raises(InputError, match=r"duckdb 1\.5\.6 is too old, 2\.0 or later is needed"):
        calc.audit(relation, select="T")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Chicago"])
def test_stamps_with_a_zone_are_in_the_callers(zone):
    """A date of service hangs on the zone of the caller's connection, not on the machine's."""
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    code = (
        "import calc, duckdb\n"
        "own = duckdb.connect(); own.execute(\"set timezone='America/Chicago'\")\n"
        "rows = own.sql(\"select 'a' as patient, '97110' as code,"
        " timestamptz '2026-03-02 20:00:00-06' as 'start',"
        " timestamptz '2026-03-02 20:23:00-06' as 'end'\")\n"
        "print(calc.bill(rows).fetchall()[0][1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "TZ": zone},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("2026-03-02\n", "")


def test_dollars_in_thousands():
    cents = [0, 99_999, 100_000, 100_000_000, 123_456_789_05, -248_000, None]
    frame = engine.table({"cents": cents}, {"cents": int})
    said = engine.collect(engine.dollar_text(frame, ["cents"], grouped=True))["cents"].to_list()
    assert said == [money.show(amount).replace("$", "") or None for amount in cents]


# --- kinds of columns -----------------------------------------------------------------------


def test_a_row_that_names_nobody_is_of_the_patient_above_it_in_a_relation_too():
    """Its day accuses nobody of missing minutes; a relation's rows stand in an order as well."""
    rows = pl.DataFrame({
        "patient": ["P1", None, "P1"], "date": ["2026-03-03", "2026-03-04", "2026-03-04"],
        "code": ["97161", "97112", "97112"], "discipline": ["PT"] * 3,
        "minutes": ["30", "30", "15"], "units_billed": ["1", "2", "2"],
    })  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(calc.audit(rows, select="U2")) == 0
        assert len(calc.audit(duckdb_relation(rows), select="U2").fetchall()) == 0
        for numbers, found in (([1, 2, 3], [3]), ([1, 3, 2], [])):  # below P1, below P2
            named = rows.with_columns(
                patient=pl.Series(["P1", None, "P2"]), row=pl.Series(numbers, dtype=pl.Int64)
            )
            found_there = calc.audit(duckdb_relation(named), select="U201").pl()
            told = [calc.audit(named, select="U201"), found_there]
            assert [one["row"].to_list() for one in told] == [found] * 2


def test_durations_that_are_nanoseconds_short():
    """As pandas has hours; what is a millisecond short stays so."""
    short = [8 * 60 * 10**9 - 2, 23 * 60 * 10**9 - 2, 8 * 60 * 10**9 - 10**6, -5 * 60 * 10**9]
    rows = pl.DataFrame({
        "patient": list("abcd"), "date": ["2026-03-02"] * 4, "code": ["97110"] * 4,
        "minutes": pl.Series(short, dtype=pl.Int64).cast(pl.Duration("ns")),
    })  # fmt: skip
    lines, rejects = calc.bill(rows, rejects=True)
    assert lines["units"].to_list() == [1, 2, 0]
    assert rejects["reason"].to_list() == ['minutes "-00:05:00" is not a number of minutes']


def test_lengths_are_alike_in_a_frame_and_in_a_visit():
    """Hours of pandas, and lengths a microsecond short, which nobody gives away."""
    pd = pytest.importorskip("pandas")
    hours = [pd.Timedelta(minutes / 60, unit="h") for minutes in range(1, 121)]
    odd = [timedelta(seconds=479.999999), timedelta(seconds=59.5), timedelta(seconds=1379.9999)]
    whole = [*range(1, 121), 7, 0, 22]
    for length, minutes in zip(hours + odd, whole, strict=True):
        row = {"patient": "a", "date": "2026-03-02", "code": "97110", "minutes": length}
        units = (minutes + 7) // 15
        assert calc.estimate([row]).totals["units"] == units
        assert calc.units({"97110": length}) == {"97110": units}
        nine = {"start": pd.Timedelta(9, unit="h"), "end": pd.Timedelta(9, unit="h") + length}
        assert calc.estimate([{**row, "minutes": None, **nine}]).lines[0]["minutes"] == minutes
    given = {"patient": [*map(str, range(123))], "date": "2026-03-02", "code": "97110"}
    counted = calc.bill(pd.DataFrame(given | {"minutes": hours + odd}))
    found = dict(zip(counted["patient"].astype(int), counted["minutes"], strict=True))
    assert [found[place] for place in range(123)] == whole


@pytest.mark.parametrize("scale", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("held", ["polars", "duckdb", "parquet"])
def test_decimals_mean_the_number_that_they_hold(held, scale, tmp_path):
    """97110.000 is a code, and 5.000 no five thousand dollars."""
    kind, charges = pl.Decimal(18, scale), [5, 9] if scale < 2 else [5.25, 8.5]
    rows = pl.DataFrame({
        "patient": ["a", "b"], "date": ["2026-03-02"] * 2, "discipline": ["PT"] * 2,
        "code": pl.Series([97110, 97116]).cast(kind), "minutes": pl.Series([15, 8]).cast(kind),
        "charge": pl.Series(charges).cast(kind),
    })  # fmt: skip
    log = rows
    if held == "duckdb":
        log = duckdb_relation(rows)
    elif held == "parquet":
        log = tmp_path / "log.parquet"
        rows.write_parquet(log)
    lines, rejects = calc.bill(log, rejects=True)
    lines, rejects = (f.pl() if held == "duckdb" else f for f in (lines, rejects))
    assert len(rejects) == 0
    lines = lines.sort("patient").select("code", "modifiers", "units", "allowed")
    assert [row[:3] for row in lines.rows()] == [("97110", "GP", 1), ("97116", "GP", 1)]
    assert lines["allowed"].to_list() == [Decimal(str(charge)) for charge in charges]


def test_what_spark_says_of_a_file_on_several_lines():
    said = (
        "[FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER] Encountered error while reading file "
        "file:///logs/may.csv. Could not read footer. It is not a Parquet file.\nIf not, please\n"
        "remove it. SQLSTATE: KD001"
    )
    shown = r"by Spark \(Could .* file\. If not, please rem"
    with pytest.raises(InputError, match=shown) as error, engine.spark_reads():
        raise RuntimeError(said)
    assert error.value.hint.startswith("Spark reads Parquet alone")
