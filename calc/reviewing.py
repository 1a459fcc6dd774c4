"""A log, its claims and what a user gives beside them, to a finished audit.

Findings of the chosen rules, what was waived or known before, totals, and what a report says
about the run. Overbilled and underbilled dollars are never netted.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

import narwhals.stable.v2 as nw

from calc import (
    __version__,
    auditing,
    baseline,
    billing,
    claims,
    engine,
    evidence,
    logs,
    redacting,
    waivers,
)
from calc.auditing import Audit
from calc.params import Config, load
from calc.rule import RULES

Frame = nw.LazyFrame[Any]

OVERLAPS = ("T101", "T102", "T103", "T104", "U212")


@dataclass(frozen=True)
class Asked:
    """What an audit is asked for: rules by prefix, and what lies beside the log."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extras: evidence.Extras = field(default_factory=evidence.Extras)
    options: billing.Options = field(default_factory=billing.Options)
    waivers: str = ""  # paths of files; blank: none
    baseline: str = ""
    redact: str = ""


@dataclass(frozen=True)
class Reviewed:
    """An audit, and the records of the log that could not be read."""

    audit: Audit
    rejects: nw.DataFrame[Any]


def review(
    log: logs.Log, config: Config, asked: Asked | None = None, claimed: logs.Log | None = None
) -> Reviewed:
    """Audit a log by its own billed units, or by the lines of ``claimed``.

    Raises InputError for an unknown rule, a file beside the log that cannot be used, or where
    none of the chosen rules can run.
    """
    asked = asked or Asked()
    picked = auditing.rules_chosen(asked.select, asked.ignore)
    if claimed is None:
        rows, has = claims.documented(log), claims.held(log)
    else:
        rows, has = claims.beside(log, claimed)
    given = {
        "timesheet": asked.extras.timesheet is not None,
        "diagnosis_list": asked.extras.diagnoses is not None,
        "prior": bool(asked.options.prior),
    }
    has |= {name for name, there in given.items() if there}
    rejects = engine.collect(log.rejects(audited=True))
    key = redacting.read_key(asked.redact) if asked.redact else None
    if key:
        rows = redacting.redact(rows, ("patient",), key)
        rejects = _without_names(rejects, log, key)
    found = evidence.gather(rows, has, config, asked.options, asked.extras)
    findings, not_run = auditing.run(found, config, picked)
    findings = auditing.with_fingerprints(findings)
    findings, said = _accepted(findings, asked, key)
    by_clinician = _by_clinician(found, findings)
    meta = _meta(claimed, config, asked, found, len(rejects))
    meta |= {
        name: int(by_clinician[name].sum())
        for name in ("sessions", "units_billed", "units_supported")
    }
    meta |= totals(findings)
    meta["known"] = said["known"]
    meta["notes"] += said["notes"]
    meta["files"] = [asdict(file) for read in (log, claimed) if read for file in read.files]
    audit = Audit(findings, not_run, meta, by_clinician, _timeline(found, findings))
    return Reviewed(audit, rejects)


def _accepted(
    findings: nw.DataFrame[Any], asked: Asked, key: redacting.Key | None
) -> tuple[nw.DataFrame[Any], dict[str, Any]]:
    """Findings without those of the baseline, the waived ones marked; and what to say of both."""
    said: dict[str, Any] = {"known": 0, "notes": []}
    if asked.baseline:
        findings, said["known"] = baseline.apply(findings, baseline.read(asked.baseline))
    if asked.waivers:
        given = waivers.read(asked.waivers, frozenset(RULES))
        if key:
            given = [replace(waiver, patient=key.known(waiver.patient)) for waiver in given]
        findings, said["notes"] = waivers.apply(findings, given, date.today())
    return findings, said


def _without_names(
    rejects: nw.DataFrame[Any], log: logs.Log, key: redacting.Key
) -> nw.DataFrame[Any]:
    """Rejects with codes for patients, and only those columns whose meaning is known."""
    known = {heading for headings in log.mapping.values() for heading in headings}
    ours = {*known, "file", *logs.REJECT}
    kept = rejects.select([name for name in rejects.columns if name in ours])
    return redacting.redact(kept, log.mapping["patient"], key)


def totals(findings: nw.DataFrame[Any]) -> dict[str, int]:
    """Counts by severity and dollars over and under, of findings that are not waived."""
    live = findings.filter(nw.col("waived") == "")
    severity, cents = live["severity"], live["cents"].drop_nulls()
    return {
        "errors": int((severity == "error").sum()),
        "warnings": int((severity == "warning").sum()),
        "infos": int((severity == "info").sum()),
        "waived": len(findings) - len(live),
        "overbilled_cents": int(cents.filter(cents > 0).sum()),
        "underbilled_cents": -int(cents.filter(cents < 0).sum()),
    }


def fails(findings: nw.DataFrame[Any], at: str) -> bool:
    """Whether a finding of severity ``at`` or above stands; signals and waived ones never count."""
    levels = {"error": ["error"], "warning": ["error", "warning"], "never": []}
    counted = levels.get(at, ["error", "warning", "info"])
    live = findings.filter(
        nw.col("severity").is_in(counted),
        nw.col("waived") == "",
        ~nw.col("rule").str.starts_with("S"),
    )
    return len(live) > 0


# --- what a report says beside the findings ------------------------------------------------


def _by_clinician(found: evidence.Evidence, findings: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Sessions, units billed and supported, findings and dollars of each clinician."""
    rows = found.tables["row"].filter(nw.col("documented") & nw.col("counts"))
    sessions = rows.group_by("clinician").agg(nw.len().cast(nw.Int64).alias("sessions"))
    lines = (
        found.tables["service"]
        .group_by("clinician")
        .agg(
            nw.col("billed").sum().cast(nw.Int64).alias("units_billed"),
            nw.col("units").sum().cast(nw.Int64).alias("units_supported"),
        )
    )
    people = engine.collect(engine.plain(lines)).join(
        engine.collect(engine.plain(sessions)), on="clinician", how="left"
    )
    cents, severity = nw.col("cents"), nw.col("severity")
    counts = findings.filter(nw.col("waived") == "").with_columns(
        errors=(severity == "error").cast(nw.Int64),
        warnings=(severity == "warning").cast(nw.Int64),
        infos=(severity == "info").cast(nw.Int64),
        overbilled_cents=nw.when(cents > 0).then(cents).otherwise(0),
        underbilled_cents=nw.when(cents < 0).then(0 - cents).otherwise(0),
    )
    sums = ("errors", "warnings", "infos", "overbilled_cents", "underbilled_cents")
    counts = counts.group_by("clinician").agg(*(nw.col(name).sum() for name in sums))
    people = people.join(counts, on="clinician", how="left")
    filled = {name: nw.col(name).fill_null(0) for name in ("sessions", *sums)}
    names = ("clinician", "sessions", "units_billed", "units_supported", *sums)
    return people.with_columns(**filled).select(names).sort("clinician")


def _timeline(found: evidence.Evidence, findings: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Rows of the clinicians' days on which rows overlap; ``overlap`` marks those that do."""
    here = findings.filter(nw.col("rule").is_in(OVERLAPS) & (nw.col("clinician") != ""))
    days = here.select("clinician", "date").unique()
    rows = found.tables["row"]
    table: engine.Columns = {name: days[name].to_list() for name in ("clinician", "date")}
    near = engine.beside(rows, table, {"clinician": str, "date": date})
    rows = rows.filter(nw.col("in_sweep")).join(near, on=["clinician", "date"], how="semi")
    names = ("clinician", "date", "patient", "code", "file", "row", "start_ms", "end_ms")
    shown = engine.collect(engine.plain(rows.select(names)))
    marked = {(file, row) for file, row in here.select("file", "row").iter_rows()}
    for file, partners in here.select("file", "rows").iter_rows():
        for partner in partners.split():
            other, _, row = partner.rpartition(":")
            marked.add((other or file, int(row)))
    flags = [(file, row) in marked for file, row in shown.select("file", "row").iter_rows()]
    shown = shown.with_columns(nw.new_series("overlap", flags, nw.Boolean, backend="polars"))
    return shown.drop("file").sort("date", "clinician", "start_ms", "row")


def _meta(
    claimed: logs.Log | None,
    config: Config,
    asked: Asked,
    found: evidence.Evidence,
    rejected: int,
) -> dict[str, Any]:
    rows = found.tables["row"]
    used = engine.count(rows.filter(nw.col("documented")))
    notes = [asked.options.deductible_said]
    if claimed is not None:
        lines = engine.count(rows.filter(~nw.col("documented")))
        notes.append(f"{lines:,} billed lines of claims beside the log")
        bad = engine.count(claimed.rejects(audited=True))
        notes += [f"{bad:,} lines of claims could not be read"] if bad else []
    return {
        "program": "therapy-billing-calc",
        "version": __version__,
        "created": datetime.now().isoformat(timespec="seconds"),
        "figures": figures(config, found.days),
        "config_folders": [str(folder) for folder in config.folders[:-1]],
        "options": {"select": list(asked.select), "ignore": list(asked.ignore)},
        "rows_read": used + rejected,
        "rows_used": used,
        "rows_rejected": rejected,
        "first_date": str(found.days[0]) if found.days else "",
        "last_date": str(found.days[-1]) if found.days else "",
        "notes": notes,
        "never_checked": list(auditing.NEVER_CHECKED),
    }


def figures(config: Config, days: list[date]) -> list[str]:
    """The published tables that the dates of a log are judged by, written out."""
    editions = {
        edition
        for table in ("rvu", "gpci", "mue", "ptp")
        for day in days
        if (edition := config.edition(table, day))
    }
    return sorted({f"{config.cite(e.source)}, {e.release}" for e in editions})


# --- for callers ---------------------------------------------------------------------------

COLUMNS = (
    "rule", "severity", "row", "patient", "clinician", "date", "code", "found", "expected",
    "dollars", "message", "file", "rows", "also", "authority",
)  # fmt: skip


def audit_frame(
    source: Any,
    *,
    claims: Any = None,
    select: Any = (),
    ignore: Any = (),
    report: bool = False,
    config: Config | None = None,
    options: billing.Options | None = None,
    zone: str = "",
    date_order: str = "",
    **defaults: str,
) -> Any:
    """Findings of a log: a path, or a frame, which comes back as the caller's own kind.

    Columns as `therapy-calc audit --format csv`, dollars as exact decimals. ``claims``: a path or
    frame of billed lines. ``select`` and ``ignore``: prefixes of rules. With ``report`` the whole
    `Audit`. A warning gives the count of rows that could not be read.
    """
    config = config or load()
    blanks = logs.Defaults(zone=zone, date_order=date_order, **defaults)
    log = logs.read(source, config, blanks)
    claimed = None if claims is None else logs.read(claims, config, blanks)
    asked = Asked(prefixes(select), prefixes(ignore), options=options or billing.Options())
    audit = review(log, config, asked, claimed).audit
    rejected = audit.meta["rows_rejected"]
    if rejected:
        warnings.warn(f"{rejected} rows were rejected", stacklevel=3)
    if report:
        return audit
    shown = audit.findings.rename({"cents": "dollars"}).select(COLUMNS)
    if isinstance(source, str) or hasattr(source, "__fspath__"):
        return engine.collect(engine.decimals(shown.lazy(), ("dollars",))).to_native()
    return engine.given_back(shown, source, ("dollars",))


def prefixes(given: Any) -> tuple[str, ...]:
    """Rule prefixes of "U,M301", or of a list of such texts.

    >>> prefixes("u, m301"), prefixes(["U", "T1,T2"])
    (('U', 'M301'), ('U', 'T1', 'T2'))
    """
    texts = [given] if isinstance(given, str) else list(given or ())
    words = [word.strip().upper() for text in texts for word in text.split(",")]
    return tuple(word for word in words if word)
