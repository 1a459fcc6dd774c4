"""Stand-in audits for the tests of reports: the attributes that a report reads, nothing else."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from types import SimpleNamespace

from calc import engine

DAY = date(2026, 3, 2)
FINDING = {
    "rule": str, "severity": str, "file": str, "row": int, "rows": str, "patient": str,
    "clinician": str, "date": date, "discipline": str, "code": str, "found": str,
    "expected": str, "cents": int, "message": str, "also": str, "waived": str,
    "authority": str, "fingerprint": str, "without_dollars": bool,
}  # fmt: skip
CLINICIAN = dict.fromkeys(
    ("clinician", "sessions", "units_billed", "units_supported", "errors", "warnings", "infos",
     "overbilled_cents", "underbilled_cents"), int,
) | {"clinician": str}  # fmt: skip
TIMELINE = {
    "clinician": str, "date": date, "patient": str, "code": str, "row": int, "start_ms": int,
    "end_ms": int, "overlap": bool, "window": bool, "file": str,
    "offset_ms": int, "two_offsets": bool,
}  # fmt: skip


def frame(rows, types, **blanks):
    """Rows as a frame of these types; ``blanks`` for columns that a row lacks."""
    columns = {name: [row.get(name, blanks.get(name)) for row in rows] for name in types}
    return engine.collect(engine.table(columns, types))


def finding(rule="U201", severity="error", **values):
    """A finding, with plain values where none are given."""
    plain = {
        "rule": rule, "severity": severity, "file": "march.csv", "row": 5, "rows": "",
        "patient": "1001", "clinician": "Adams, PT", "date": DAY, "discipline": "PT",
        "code": "97116", "found": "3", "expected": "2", "cents": 2879,
        "message": "3 units are billed, the day's 37 minutes support 2.", "also": "",
        "waived": "", "authority": "Medicare Claims Processing Manual, chapter 5, section 20.2",
    }  # fmt: skip
    row = plain | values
    key = "|".join(str(row[name]) for name in ("rule", "patient", "clinician", "date", "code"))
    return {"fingerprint": f"f-{key}-{row['found']}-{row['expected']}"} | row


def findings(*rows):
    """Findings as the frame that an audit gives."""
    return frame(rows, FINDING)


def sessions(*rows, file="march.csv", **values):
    """A timeline of (clinician, patient, code, row, "09:00", "09:30", overlap) on DAY."""

    def ms(clock):
        hours, minutes, *seconds = map(int, clock.split(":"))
        past = timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))
        at = datetime.combine(DAY, datetime.min.time()) + past
        return round((at - datetime(1970, 1, 1)).total_seconds() * 1000)

    names = ("clinician", "patient", "code", "row", "start_ms", "end_ms", "overlap")
    plain = {"date": DAY, "window": False, "offset_ms": 0, "two_offsets": False} | values
    made = [dict(zip(names, row, strict=True)) | plain for row in rows]
    made = [{**row, "start_ms": ms(row["start_ms"]), "end_ms": ms(row["end_ms"])} for row in made]
    return frame(made, TIMELINE, file=file)


def audit(rows=(), clinicians=(), timeline=None, not_run=(), **meta):
    """An audit of these findings whose totals fit them."""
    standing = [row for row in rows if not row["waived"]]
    cents = [row["cents"] or 0 for row in standing]
    counts = {
        f"{severity}s": sum(row["severity"] == severity for row in standing)
        for severity in ("error", "warning", "info")
    }
    told = {
        "program": "therapy-billing-calc", "version": "0.1.0", "created": "2026-11-25T12:00:00",
        "files": [{"name": "march.csv", "sha256": "ab" * 32, "rows": 203, "by_line": True}],
        "figures": ["Physician fee schedule relative value files, 2026"], "config_folders": [],
        "options": {"payer": "medicare", "locality": "US", "claims": None},
        "rows_read": 203, "rows_used": 200, "rows_rejected": 3,
        "lines_read": 0, "lines_rejected": 0,
        "first_date": "2026-03-02", "last_date": "2026-03-06",
        "sessions": 200, "units_billed": 310, "units_supported": 305,
        "overbilled_cents": sum(c for c in cents if c > 0),
        "underbilled_cents": -sum(c for c in cents if c < 0),
        "overbilled_without_dollars": 0, "underbilled_without_dollars": 0,
        **counts, "waived": len(rows) - len(standing), "known": 0,
        "notes": ["deductible assumed met"], "never_checked": ["telehealth", "signatures"],
    }  # fmt: skip
    return SimpleNamespace(
        findings=findings(*rows),
        not_run=list(not_run),
        meta=told | meta,
        by_clinician=frame(clinicians, CLINICIAN),
        timeline=sessions() if timeline is None else timeline,
        left_out=frozenset(),
    )


class UnitsExceedMinutes:
    """More units are billed for a day than its timed minutes support.

    Medicare adds a day's timed minutes up and pays ``(minutes + 7) // 15`` units.

    Example::

        code,start,end,units_billed,finding
        97116,09:00,09:22,2,U201
    """

    slug, severity = "units-exceed-minutes", "error"


class TwoPatientsAtOnce:
    """A clinician treats two patients one-on-one at the same time.

    Example::

        patient,start,end,finding
        1,09:00,09:30,
        2,09:20,09:50,T101
    """

    slug, severity = "two-patients-at-once", "error"


RULES = {"U201": UnitsExceedMinutes, "T101": TwoPatientsAtOnce}
