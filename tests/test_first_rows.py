"""The file, row and clinicians that a finding about several rows names."""

import pytest

import calc
from calc import engine, first_rows, large_audits, logs, reviewing

HEADING = "patient,date,clinician,role,discipline,code,minutes,units_billed,modifiers_billed\n"
PT = "therapist,PT"


def written(folder, name, rows, heading=HEADING):
    path = folder / name
    path.write_text(heading + "\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


def found(config, sources, claims=None, on="polars", select=("U", "M301", "T106")):
    """(rule, file, row, rows, clinician) of each finding; files by their own names."""
    log = logs.read(sources, config, on=on)
    lines = None if claims is None else logs.read(claims, config, on=on)
    done = reviewing.review(log, config, reviewing.Asked(select=select), lines)
    return short(done.audit.findings)


def short(findings):
    rows = findings.select("rule", "file", "row", "rows", "clinician").iter_rows()
    return sorted((rule, _name(file), row, _name(rows), who) for rule, file, row, rows, who in rows)


def _name(path):
    return path.rsplit("/", 1)[-1]


@pytest.mark.parametrize("on", ["polars", "duckdb"])
def test_the_row_is_one_of_its_file(config, tmp_path, on):
    """Claims sort before the log by name: file and row are still of one and the same row."""
    heading = "patient,date,clinician,role,discipline,code,minutes\n"
    log = written(tmp_path, "log.csv", [
        f"A,2026-03-02,Kim,{PT},97110,30", "B,2026-03-02,Pat,assistant,PT,97110,30",
        f"E,2026-03-02,Kim,{PT},97110,10", "E,2026-03-02,Pat,assistant,PT,97140,10",
    ], heading)  # fmt: skip
    claims = written(tmp_path, "claims.csv", [
        "A,2026-03-02,97110,2,GP", "B,2026-03-02,97110,3,GP CQ", "E,2026-03-02,97140,1,GP",
    ], "patient,date,code,units,modifiers\n")  # fmt: skip
    assert found(config, [log], [claims], on) == [
        ("M301", "log.csv", 5, "claims.csv:4", "Pat"),
        ("U201", "log.csv", 3, "claims.csv:3", "Pat"),
    ]


@pytest.mark.parametrize("on", ["polars", "duckdb"])
def test_a_day_in_two_files(config, tmp_path, on):
    """The first row is of the first file, in one run and in batches."""
    first = written(tmp_path, "a.csv", [
        f"X,2026-03-02,Zoe,{PT},97110,60,4,GP", f"Y,2026-03-02,Zoe,{PT},97110,60,4,GP",
        f"B,2026-03-02,Zoe,{PT},97110,10,1,GP",
    ])  # fmt: skip
    other = written(tmp_path, "b.csv", [f"B,2026-03-02,Amy,{PT},97140,10,1,GP"])
    expected = [("U201", "a.csv", 4, "b.csv:2", "Amy; Zoe")]
    assert found(config, [first, other], on=on) == expected
    if on == "polars":
        asked = reviewing.Asked(select=("U",))
        done, _ = large_audits.audit([first, other], tmp_path / "work", config, asked=asked)
        assert short(done.audit.findings) == expected


@pytest.mark.parametrize("on", ["polars", "duckdb"])
def test_a_row_logged_again_in_another_file(config, tmp_path, on):
    """The row that it repeats, not another patient's of that number."""
    first = written(tmp_path, "a.csv", [
        f"X,2026-03-02,Kim,{PT},97140,10,1,GP", f"Y,2026-03-02,Kim,{PT},97140,10,1,GP",
        f"B,2026-03-02,Kim,{PT},97110,20,1,GP",
    ])  # fmt: skip
    other = written(tmp_path, "b.csv", [f"B,2026-03-02,Kim,{PT},97110,20,1,GP"])
    assert found(config, [first, other], on=on, select=("T103",)) == [
        ("T103", "b.csv", 2, "a.csv:4", "Kim")
    ]


def test_a_day_of_two_clinicians_names_both(config, tmp_path):
    """Whoever comes first by letter is not accused alone; the report adds such days up too."""
    log = written(tmp_path, "log.csv", [
        f"A,2026-03-02,Zoe,{PT},97110,15,2,GP", f"A,2026-03-02,Amy,{PT},97140,15,2,GP",
    ])  # fmt: skip
    audit = calc.audit(log, select="U", report=True)
    assert audit.findings["clinician"].to_list() == ["Amy; Zoe"]
    people = audit.by_clinician
    assert people["clinician"].to_list() == ["Amy", "Amy; Zoe", "Zoe"]
    assert people["overbilled_cents"].sum() == audit.meta["overbilled_cents"] > 0
    assert people["sessions"].to_list() == [1, 0, 1]


def test_a_day_names_only_those_at_fault(config, tmp_path):
    """The code that is right is not of the finding, nor is its clinician."""
    log = written(tmp_path, "log.csv", [
        f"A,2026-03-02,Amy,{PT},97140,15,1,GP", f"A,2026-03-02,Zoe,{PT},97110,15,2,GP",
    ])  # fmt: skip
    assert found(config, [log]) == [("U201", "log.csv", 3, "2", "Zoe")]


@pytest.mark.parametrize("on", ["polars", "duckdb"])
def test_repeated_rows_of_two_codes(config, tmp_path, on):
    """A patient with several repeated rows is still one patient: no line comes twice."""
    visit = [f"A,2026-03-02,Kim,{PT},97110,15,1,GP", f"A,2026-03-02,Kim,{PT},97140,15,1,GP"]
    later = f"A,2026-03-17,Kim,{PT},97161,30,2,GP"
    log = written(tmp_path, "log.csv", [*visit, *visit, later])
    rules = [rule for rule, *_ in found(config, [log], on=on, select=("U205",))]
    assert rules == ["U205"]
    done = reviewing.review(logs.read([log], config, on=on), config)
    assert done.audit.meta["units_billed"] == 6


def test_places_of_many_files():
    """Back from one number to file and row; those that do not count come late, claims last."""
    rows = {
        "file": ["b", "a", "b", "a", "a"],
        "row": [7, 9, 2, 3, 1],
        "documented": [True, False, True, True, True],
        "counts": [True, False, True, True, False],
    }
    types = {"file": str, "row": int, "documented": bool, "counts": bool}
    table = first_rows.numbered(engine.table(rows, types), ["a", "b"])
    table = first_rows.told(table.with_columns(first_place="row_place"), ["a", "b"])
    told = engine.collect(table).sort("row_place").select("first_file", "first_row")
    assert list(told.iter_rows()) == [("a", 3), ("b", 2), ("b", 7), ("a", 1), ("a", 9)]
