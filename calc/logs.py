"""A log, from a file or a caller's frame, to SESSION rows and rejects. Nothing is guessed or lost.

Every record is either used or rejected with a reason; both come out of one frame of checks.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, times
from calc.cells import joined, number, text_of
from calc.checks import CHECKS, FINDINGS, judge
from calc.clocks import with_instants, without_spoilt
from calc.errors import InputError
from calc.params import Config
from calc.schema import COUNTED_ROLES, DISCIPLINES, LINE, MODES, ROLES, SESSION

MAX_CELL = 40  # characters of a cell that a message repeats


USED = (
    "file", "row", "patient", "clinician", "role", "discipline", "provider", "payer", "locality",
    "date", "code", "start_ms", "end_ms", "given_ms", "mode", "units_billed", "modifiers_billed",
    "charge_cents", "diagnosis", "counts", "total_ms", "past_midnight",
    "role_blank",
)  # fmt: skip
REJECT = ("row", "reason", "hint")  # what a reject adds to the log's own columns


@dataclass(frozen=True)
class Defaults:
    """What stands in for blank cells, and the zone of stamps without an offset."""

    payer: str = "medicare"
    locality: str = "US"
    discipline: str = ""
    provider: str = ""
    zone: str = ""
    date_order: str = ""  # of dates with slashes: mdy, dmy; blank: the log itself must tell


@dataclass
class Log:
    """SESSION rows to bill, the rejects, and what a report says about the reading."""

    sessions: nw.LazyFrame[Any]
    bad: nw.LazyFrame[Any]  # records with a fault, as read
    audited: nw.LazyFrame[Any]  # SESSION rows to audit: also those whose fault is a finding
    place: dict[str, str]  # the log's own columns, by their headings
    cells: dict[str, str]  # the same by our names
    carried: tuple[str, ...] = ()
    ragged: list[tuple[int, list[str]]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)  # name, sha256, rows

    def rejects(self, audited: bool = False) -> nw.LazyFrame[Any]:
        """Every column of the log as it was, then row, reason and, for messages, hint.

        ``audited``: without the rows that are findings of an audit.
        """
        bad = self.bad.filter(~nw.col("fault").is_in(list(FINDINGS))) if audited else self.bad
        rejects = _rejects(bad, self.place, self.cells).sort("row")
        if not self.ragged:
            return rejects
        rejects = engine.collect(rejects).lazy()
        return nw.concat([rejects, _ragged(self.ragged, rejects)], how="vertical").sort("row")


def read(source: Any, config: Config, defaults: Defaults | None = None, on: str = "polars") -> Log:
    """Read a csv file (`-` is standard input) or a frame.

    Raises InputError where nothing can be used: an unreadable or empty file, missing headings.
    """
    defaults = _known_defaults(defaults or Defaults(), config)
    if not isinstance(source, str) and not hasattr(source, "__fspath__"):
        return _from_frame(engine.lazy(source), config, defaults)
    path = str(source)
    frame, ragged = engine.read_csv(path)
    log = _sessions(engine.on_engine(frame, on), path, config, defaults)
    log.ragged = ragged
    return log


def _from_frame(frame: nw.LazyFrame[Any], config: Config, defaults: Defaults) -> Log:
    names = frame.collect_schema().names()
    numbered = "row" in names
    frame = frame.rename({"row": engine.ROW}) if numbered else engine.with_rows(frame)
    return _sessions(frame, "", config, defaults)


def _known_defaults(defaults: Defaults, config: Config) -> Defaults:
    payer = config.payer_names.get(defaults.payer.lower())
    if payer is None:
        raise InputError(
            f'payer "{defaults.payer}" is not known',
            hint=f"known: {', '.join(config.payers)}; add yours to payers.toml in a folder"
            " given by --config",
        )
    locality = config.locality(defaults.locality)
    if defaults.discipline and defaults.discipline.upper() not in DISCIPLINES:
        raise InputError(
            f'discipline "{defaults.discipline}" is not known', hint="choose PT, OT or SLP"
        )
    if defaults.zone:
        try:
            times.zone_day(defaults.zone, date(2026, 1, 1))
        except ValueError as error:
            raise InputError(str(error), hint="write a zone such as America/Chicago") from None
    return replace(defaults, payer=payer, locality=locality, discipline=defaults.discipline.upper())


# --- headings ------------------------------------------------------------------------------


def _plain(heading: str) -> str:
    return "".join(character for character in heading.lower() if character.isalnum())


def _columns(names: list[str], source: str, config: Config) -> dict[str, str]:
    """Canonical column to the log's own heading; InputError names what is missing."""
    meanings = {_plain(name): name for name in SESSION}
    for column, others in config.headings.items():
        for other in others:
            meanings.setdefault(_plain(other), column)
    meant: dict[str, list[str]] = {}
    for name in names:
        meant.setdefault(meanings.get(_plain(name), ""), []).append(name)
    meant.pop("", None)
    found: dict[str, str] = {}
    for column, headings in meant.items():
        # Our own heading wins over others that mean the same; two others cannot be told apart.
        exact = [name for name in headings if _plain(name) == _plain(column)] or headings
        if len(exact) > 1:
            raise InputError(
                f'headings "{exact[0]}" and "{exact[1]}" both mean {column}',
                f"{source}:1" if source else "",
                f"rename the right one to {column}",
            )
        found[column] = exact[0]
    lacking = [name for name in ("patient", "code") if name not in found]
    if "date" not in found and "start" not in found:
        lacking.append("date")
    if lacking:
        near = {
            match
            for name in lacking
            for match in difflib.get_close_matches(name, [n.lower() for n in names], 1, 0.5)
        }
        hint = f"found: {', '.join(names)}"
        hint += f"; nearest: {', '.join(sorted(near))}" if near else ""
        raise InputError(
            f"missing heading {', '.join(lacking)}", f"{source}:1" if source else "", hint
        )
    return found


def _sessions(frame: nw.LazyFrame[Any], source: str, config: Config, defaults: Defaults) -> Log:
    names = [name for name in frame.collect_schema().names() if name != engine.ROW]
    columns = _columns(names, source, config)
    # The log's own columns stay under numbers, so that no heading can clash with ours.
    place = {name: f"in {number}" for number, name in enumerate(names)}
    frame = frame.rename({**place, engine.ROW: "row"})
    schema = frame.collect_schema()
    frame = frame.with_columns(
        nw.col("row").cast(nw.Int64),
        file=nw.lit(source),
        **{
            f"{name}_text": text_of(schema, place[columns[name]]) if name in columns else nw.lit("")
            for name in SESSION
        },
    )
    frame = with_instants(frame, source, defaults.zone, defaults.date_order)
    cells = {column: place[name] for column, name in columns.items()}
    frame = judge(_names(frame, config, defaults), set(columns), bool(defaults.zone))
    if defaults.zone:
        frame = without_spoilt(frame, [fault for fault, rule in FINDINGS.items() if rule == "T109"])
    frame = engine.settled(frame.select("fault", *USED, *place.values()))
    carried = {
        f"{name}_in_log" if name in LINE else name: place[name]
        for name in names
        if name not in columns.values()
    }
    kept = {name: nw.col(column) for name, column in carried.items()}
    used = frame.filter(nw.col("fault") == 0).select(*USED, **kept)
    fault = nw.col("fault")
    audited = frame.filter((fault == 0) | fault.is_in(list(FINDINGS))).select(
        *USED, **kept, fault_rule=_fault_rule()
    )
    bad = frame.filter(fault > 0)
    return Log(used, bad, audited, place, cells, tuple(carried))


def _fault_rule() -> nw.Expr:
    """The audit rule that reports a record's fault, "" for records without one."""
    rule = nw.lit("")
    for fault, name in FINDINGS.items():
        rule = nw.when(nw.col("fault") == fault).then(nw.lit(name)).otherwise(rule)
    return rule


_DISCIPLINE_NAMES = {"PT": "PT", "OT": "OT", "SLP": "SLP", "ST": "SLP"}
_ROLE_NAMES = {name: name for name in ROLES} | {"both": "joint", "": "therapist"}
_MODE_NAMES = {name: name for name in MODES} | {"co-treatment": "cotreatment", "": "individual"}


def _names(frame: nw.LazyFrame[Any], config: Config, defaults: Defaults) -> nw.LazyFrame[Any]:
    """Canonical codes, payers, localities, disciplines, roles and modes; null where unknown."""

    def blank(name: str, value: str) -> nw.Expr:
        text = nw.col(f"{name}_text")
        return nw.when(text == "").then(nw.lit(value)).otherwise(text)

    frame = frame.with_columns(
        code_key=nw.col("code_text").str.to_lowercase().str.replace_all(r"\s+", " "),
        payer_key=blank("payer", defaults.payer).str.to_lowercase(),
        locality=blank("locality", defaults.locality).str.to_uppercase(),
        discipline_key=blank("discipline", defaults.discipline).str.to_uppercase(),
        role_key=nw.col("role_text").str.to_lowercase(),
        mode_key=nw.col("mode_text").str.to_lowercase(),
        provider=blank("provider", defaults.provider),
        patient=nw.col("patient_text"),
        clinician=nw.col("clinician_text"),
        modifiers_billed=nw.col("modifiers_billed_text").str.to_uppercase(),
        diagnosis=nw.col("diagnosis_text"),
        units_billed=number("units_billed_text", 0),
        charge_cents=number("charge_text", 2),
    )
    localities = {name: name for name in config.localities}
    for column, known in (
        ("code", config.code_names),
        ("payer", config.payer_names),
        ("discipline", _DISCIPLINE_NAMES | {"": ""}),
        ("role", _ROLE_NAMES),
        ("mode", _MODE_NAMES),
    ):
        table: engine.Columns = {f"{column}_key": list(known), column: list(known.values())}
        frame = joined(frame, f"{column}_key", table, dict.fromkeys(table, str))
    table = {"locality": list(localities), "locality_known": list(localities.values())}
    frame = joined(frame, "locality", table, dict.fromkeys(table, str))
    facts: engine.Columns = {
        "code": list(config.codes),
        "unit_basis": [code["unit_basis"] for code in config.codes.values()],
        "attendance": [code["attendance"] for code in config.codes.values()],
    }
    frame = joined(frame, "code", facts, dict.fromkeys(facts, str))
    return frame.with_columns(
        counts=nw.col("role").is_in(COUNTED_ROLES), role_blank=nw.col("role_text") == ""
    )


def _rejects(
    bad: nw.LazyFrame[Any], place: dict[str, str], cells: dict[str, str]
) -> nw.LazyFrame[Any]:
    """Every column of the log as it was, then row, reason and, for messages, hint."""
    reason, hint, schema = nw.lit(""), nw.lit(""), bad.collect_schema()
    for fault in engine.distinct(bad, "fault"):
        check = CHECKS[fault - 1]
        before, cell, after = check.says.partition("{}")
        says = nw.lit(before)
        if cell and check.column in cells:
            text = text_of(schema, cells[check.column]).str.slice(0, MAX_CELL)
            says = nw.concat_str([nw.lit(before), text, nw.lit(after)])
        here = nw.col("fault") == fault
        reason = nw.when(here).then(says).otherwise(reason)
        hint = nw.when(here).then(nw.lit(check.hint)).otherwise(hint)
    original = {
        f"{name}_in_log" if name in REJECT else name: nw.col(column)
        for name, column in place.items()
    }
    return bad.select(**original, row=nw.col("row"), reason=reason, hint=hint)


def _ragged(ragged: list[tuple[int, list[str]]], rejects: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Records with more fields than the heading; the last column keeps all that is left over."""
    names = rejects.collect_schema().names()
    own = len(names) - len(REJECT)
    columns: engine.Columns = {name: [] for name in names}
    for row, record in ragged:
        cells = [*record[: own - 1], ",".join(record[own - 1 :])]
        reason = f"the record has {len(record)} fields, the heading {own}"
        hint = "put quotes around a field that holds a comma"
        for name, value in zip(names, [*cells, row, reason, hint], strict=True):
            columns[name].append(value)
    return engine.table(columns, dict.fromkeys(names, str) | {"row": int})
