"""Tables of cases and docstring examples of the audit's rules, made into logs and audited.

A table is a log with a column `finding` (blank, or codes parted by a blank) and `why`. Where a cell
of `severity`, `found`, `expected`, `cents` or `also` is filled it is compared too. Beside the log's
own columns: `claim` (any text: a billed line, no session), `sheet` (minutes of the clinician's time
sheet), `prior` (cents of the year elsewhere), `times` (rows alike, each of a patient of its own).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date

import narwhals.stable.v2 as nw
from helpers import DAY, HERE, frame

from calc import auditing, billing, claims, engine, evidence, logs, times
from calc.rule import RULES, Rule
from calc.schema import KX_BUCKET, SESSION

ZONE = "America/Chicago"
DIAGNOSES = {"97116": ("M62.81", "R26.2", "G81.90")}
COMPARED = ("severity", "found", "expected", "cents", "also")
BESIDE = ("claim", "sheet", "prior", "times", "finding", "why", *COMPARED)
ALL: tuple[type[Rule], ...] = tuple(rule for _, rule in sorted(RULES.items()))


@dataclass(frozen=True)
class Case:
    """One record of a table: its place there, its cells, and its first row in the log."""

    table: str
    number: int
    cells: dict[str, str]
    row: int

    @property
    def findings(self) -> set[str]:
        return set(self.cells["finding"].split())


@dataclass(frozen=True)
class Stack:
    """Rows of one log, and the cases that they come from."""

    rows: list[dict[str, str]]
    cases: list[Case]


def file_name(rule: type[Rule]) -> str:
    """The name of the rule's module and of its table."""
    return rule.slug.replace("-", "_")


def table(rule: type[Rule]) -> list[dict[str, str]]:
    """The records of the rule's table."""
    path = HERE / "rules" / f"{file_name(rule)}.csv"
    assert path.exists(), f"{rule.code} has no table: add tests/rules/{path.name}"
    return records(path.read_text(encoding="utf-8"))


def example(rule: type[Rule]) -> list[dict[str, str]]:
    """The records of the rule's docstring example."""
    return records(rule.example())


def records(text: str) -> list[dict[str, str]]:
    """Records of csv text, none ragged, no column unknown."""
    found = list(csv.DictReader(io.StringIO(text)))
    assert found, "no records"
    unknown = set(found[0]) - set(SESSION) - set(BESIDE)
    assert not unknown, f"no column of a log or a table: {unknown}"
    for number, record in enumerate(found, 2):
        assert None not in record and None not in record.values(), f"record {number} is ragged"
    return found


BLANK = "(blank)"  # of a provider, which else is one for each table


def stacked(tables: dict[str, list[dict[str, str]]]) -> Stack:
    """One log of several tables, whose patients, clinicians and providers do not meet."""
    rows: list[dict[str, str]] = []
    cases = []
    for name, records in tables.items():
        for number, record in enumerate(records, 2):
            cases.append(Case(name, number, record, len(rows) + 2))
            for turn in range(int(record.get("times") or 1)):
                rows.append(_row(name, f"{number}-{turn}", record))
    return Stack(rows, cases)


def _row(name: str, own_patient: str, record: dict[str, str]) -> dict[str, str]:
    patient = record.get("patient") or own_patient
    row = {
        "clinician": f"C {patient}", "role": "therapist", "discipline": "PT", "provider": "",
        "payer": "medicare", "locality": "US", "units_billed": "", "modifiers_billed": "",
    } | record  # fmt: skip
    dated = row.get("start", "")[4:5] == "-"
    return row | {
        "date": row.get("date") or ("" if dated else DAY),
        "patient": f"{name} {patient}".strip(),
        "clinician": f"{name} {row['clinician']}".strip() if row["clinician"] else "",
        "provider": "" if row["provider"] == BLANK else f"{name} {row['provider']}".strip(),
    }


def gathered(stack: Stack, config, path, on="polars") -> evidence.Evidence:
    """The audit's tables of a log, by way of a file."""
    kept = [{name: row.get(name, "") for name in SESSION} for row in stack.rows]
    frame(kept).write_csv(path)
    log = logs.read(path, config, logs.Defaults(zone=ZONE), on=on)
    audited = log.audited
    if on == "polars":
        usable = set(engine.collect(audited.select("row"))["row"].to_list())
        spoilt = [c for c in stack.cases if c.row not in usable]
        assert not spoilt, f"rejected: {spoilt}"
    claimed = [number for number, row in enumerate(stack.rows, 2) if row.get("claim")]
    rows = _with_claims(audited, claimed)
    options = billing.Options(prior=_prior(stack))
    extras = evidence.Extras(_sheet(stack), DIAGNOSES)
    given = {"diagnosis_list"} | ({"prior"} if _prior(stack) else set())
    has = claims.held(log) | given | ({"timesheet"} if extras.timesheet else set())
    return evidence.gather(rows, has, config, options, extras)


def _with_claims(audited, claimed):
    """Rows of these numbers as the lines of a claims file stand beside a log."""
    claim = nw.col("row").is_in(claimed or [0])
    nothing = nw.lit(None, dtype=nw.Int64)
    clocks = ("start_ms", "end_ms", "given_ms", "total_ms")
    return audited.with_columns(
        documented=~claim,
        counts=nw.col("counts") & ~claim,
        role=nw.when(claim).then(nw.lit("claim")).otherwise(nw.col("role")),
        fault_rule=nw.when(claim).then(nw.lit("")).otherwise(nw.col("fault_rule")),
        **{f"{name}_blank": nw.col(name) == "" for name in ("discipline", "provider")},
        **{name: nw.when(claim).then(nothing).otherwise(nw.col(name)) for name in clocks},
    )


def _sheet(stack: Stack) -> dict[tuple[str, date], int]:
    return {
        (row["clinician"], date.fromisoformat(row["date"])): int(row["sheet"]) * times.MINUTE
        for row in stack.rows
        if row.get("sheet")
    }


def _prior(stack: Stack) -> dict[tuple[str, str, int], int]:
    return {
        (row["patient"], KX_BUCKET[row["discipline"]], int(row["date"][:4])): int(row["prior"])
        for row in stack.rows
        if row.get("prior")
    }


def audit(found: evidence.Evidence, config, rules=ALL) -> tuple[list[dict], list[dict]]:
    """Findings as dicts, and what did not run."""
    frame = auditing.found(found.tables, config, auditing.runnable(rules, found.has), found.files)
    frame = auditing.beside_rows(frame, found.rows)
    not_run = auditing.not_run(rules, found.has, found.gaps, found.uncounted)
    kept, _ = auditing.finished([frame], {rule.code for rule in rules})
    return kept.to_native().to_dicts(), not_run


def differences(cases: list[Case], findings: list[dict], codes: set[str]) -> list[str]:
    """What the findings of some rules have that the cases do not say, and the other way."""
    here = {case.row: case for case in cases}
    found = {(f["row"], f["rule"]): f for f in findings if f["row"] in here and f["rule"] in codes}
    said = {(case.row, code) for case in cases for code in case.findings & codes}
    wrong = []
    for row, code in sorted(said ^ set(found)):
        case, what = here[row], "no" if (row, code) in said else "also"
        why = case.cells.get("why", "")
        wrong.append(f"{case.table}:{case.number}: {what} {code} {found.get((row, code))} ({why})")
    for row, code in sorted(said & set(found)):
        # The filled cells are those of the finding that is named first.
        mine = COMPARED if here[row].cells["finding"].startswith(code) else ()
        for name in mine:
            cell, value = here[row].cells.get(name, ""), found[row, code][name]
            if cell and cell != str(value):
                place = f"{here[row].table}:{here[row].number}: {code}"
                wrong.append(f"{place}: {name} is {value}, not {cell}")
    return wrong
