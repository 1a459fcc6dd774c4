"""The one path from SESSION rows to claim lines, for one visit and for a million.

Every figure of ``config/`` is joined here, once; the steps themselves are pure.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw

from calc import counting, engine, modifiers, pricing, times
from calc.errors import ConfigError
from calc.logs import Defaults, Log, read
from calc.money import scaled, show
from calc.params import FEES, Config, load
from calc.schema import KX_BUCKET, LINE

CENTS = {
    "work_payment": "work_cents",
    "allowed": "allowed_cents",
    "medicare_pays": "medicare_cents",
    "patient_pays": "patient_cents",
}


@dataclass(frozen=True)
class Options:
    """How to price: whose factor and fee, and what a patient's year began with.

    ``deductible``: cents left by patient, "" for every other patient; None: assumed met.
    ``prior``: allowed cents of the year elsewhere, by patient and KX bucket.
    """

    qualifying_apm: bool = False
    nonparticipating: bool = False
    deductible: Mapping[str, int] | None = None
    prior: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def deductible_said(self) -> str:
        return "deductible assumed met" if self.deductible is None else "after the deductible"

    @property
    def basis(self) -> str:
        return "QPP" if self.qualifying_apm else "nonQPP"


def bill(log: Log, config: Config, options: Options | None = None) -> nw.LazyFrame[Any]:
    """Claim lines of a log: see `bill_services`."""
    days = engine.distinct(log.sessions, "date")
    sessions = times.with_lengths(log.sessions)
    services = services_of(sessions, config, log.carried)
    apart = bundled_apart(sessions, config, days)
    return bill_services(services, config, days, options, apart)


def bill_services(
    services: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    options: Options | None = None,
    apart: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """Claim lines of services, each with every step that led to it, in claim order.

    The columns of schema.LINE (money in cents under the names of CENTS), the steps of counting,
    modifiers and pricing, then the log's own columns. A line that cannot be priced has null
    money and says why in ``reason``.
    """
    options = options or Options()
    lines = code_lines(count_services(services, config, days), config)
    lines = modifiers.parts(lines, _parts(lines))
    lines = price(lines, config, days, options)
    if apart is None:
        lines = lines.with_columns(beside=nw.lit(None, dtype=nw.String))
    else:
        lines = lines.join(apart, on=[*_SAME_VISIT, "code"], how="left")
    lines = lines.with_columns(reason=_reason())
    lines = modifiers.text(lines)
    return lines.sort("date", "patient", "provider", "day_turn", "discipline", "payer", "code")


def code_lines(services: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """Services parted into their codes (97129 and 97130)."""
    return counting.code_lines(services, _members(services, config))


def count(
    sessions: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    carried: tuple[str, ...] = (),
    rule: str = "",
) -> nw.LazyFrame[Any]:
    """Services with units and assistant's units, from SESSION rows; see `count_services`."""
    services = services_of(times.with_lengths(sessions), config, carried)
    return count_services(services, config, days, rule)


def services_of(
    sessions: nw.LazyFrame[Any], config: Config, carried: tuple[str, ...] = ()
) -> nw.LazyFrame[Any]:
    """Minutes by pool and service, of rows `with_lengths`: each minute of a patient once."""
    sessions = sessions.join(_code_facts(sessions, config), on="code", how="left")
    sessions = sessions.join(_locality_numbers(sessions, config), on="locality", how="left")
    one_on_one = (nw.col("attendance") == "one-on-one") & (nw.col("mode") != "group")
    sessions = sessions.with_columns(
        lane=nw.when(one_on_one).then(nw.lit("")).otherwise(nw.col("code"))
    )
    crowded = engine.settled(times.crowded_patients(sessions))
    if engine.count(crowded):
        return counting.services(times.count_once(sessions, crowded), carried)
    return counting.services(times.apart(sessions), carried)


def count_services(
    services: nw.LazyFrame[Any], config: Config, days: list[date], rule: str = ""
) -> nw.LazyFrame[Any]:
    """Units of services: each payer counts by its own rule, or all by ``rule`` if one is named."""
    services = services.join(_service_facts(services, config), on="service", how="left")
    services = services.join(_payer_facts(services, config, rule), on="payer", how="left")
    services = services.join(_policies(services, config, days), on="date", how="left")
    services = services.join(_locality_numbers(services, config), on="locality_number", how="left")
    return modifiers.assistant_units(counting.count(services))


def price(
    lines: nw.LazyFrame[Any], config: Config, days: list[date], options: Options
) -> nw.LazyFrame[Any]:
    """Every money step of lines with units, by the figures in force on their dates."""
    lines = lines.join(_calendar(lines, config, days, options), on="date", how="left")
    lines = lines.join(_rvus(lines, config, days), on=["rvu_edition", "code"], how="left")
    lines = lines.join(
        _gpcis(lines, config, days), on=["gpci_edition", "locality_number"], how="left"
    )
    lines = _payers_own(lines, config, days)
    lines = pricing.reduce_multiple(pricing.work(pricing.fees(lines)))
    lines = _kx(_deductible(pricing.allow(lines), options), config, days, options)
    lines = pricing.settle(lines)
    part_b = nw.col("payer_part_b")
    return lines.with_columns(
        medicare_cents=nw.when(part_b).then(nw.col("medicare_cents")),
        patient_cents=nw.when(part_b).then(nw.col("patient_cents")),
    )


def _payers_own(lines: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    """Put a payer's own factor in the place of Medicare's, and add its own fees of the day."""
    own = {
        p: str(f["conversion_factor"]) for p, f in config.payers.items() if "conversion_factor" in f
    }
    if own:
        rows = [
            (p, day, config.parameter(name).find(day)) for p, name in own.items() for day in days
        ]
        table: engine.Columns = {
            "payer": [payer for payer, _, _ in rows],
            "date": [day for _, day, _ in rows],
            "own_cf": [value.scaled if value else None for _, _, value in rows],
        }
        types: dict[str, type] = {"payer": str, "date": date, "own_cf": int}
        lines = lines.join(engine.beside(lines, table, types), on=["payer", "date"], how="left")
        has_own = nw.col("payer").is_in(list(own))
        lines = lines.with_columns(
            cf=nw.when(has_own).then(nw.col("own_cf")).otherwise(nw.col("cf"))
        )
    tables = {p: f"{FEES}{f['fee_table']}" for p, f in config.payers.items() if "fee_table" in f}
    if not tables:
        nothing = nw.lit(None, dtype=nw.Int64)
        return lines.with_columns(own_fee_cents=nothing, own_reduced_cents=nothing)
    fees = [
        (payer, day, row)
        for payer, name in tables.items()
        for day in days
        if (edition := config.edition(name, day))
        for row in config.rows(name, edition)
    ]
    table = {
        "payer": [payer for payer, _, _ in fees],
        "date": [day for _, day, _ in fees],
        "code": [row["code"] for _, _, row in fees],
        "own_fee_cents": [row["fee"] for _, _, row in fees],
        "own_reduced_cents": [row["reduced_fee"] for _, _, row in fees],
    }
    types = {
        "payer": str,
        "date": date,
        "code": str,
        "own_fee_cents": int,
        "own_reduced_cents": int,
    }
    return lines.join(engine.beside(lines, table, types), on=["payer", "date", "code"], how="left")


def _deductible(lines: nw.LazyFrame[Any], options: Options) -> nw.LazyFrame[Any]:
    """Spend what is left of each patient's deductible; later years of a log start anew."""
    if options.deductible is None:
        return lines.with_columns(deductible_cents=nw.lit(0, dtype=nw.Int64))
    named = {patient: cents for patient, cents in options.deductible.items() if patient}
    table: engine.Columns = {"patient": list(named), "left_cents": list(named.values())}
    types = {"patient": str, "left_cents": int}
    lines = lines.join(engine.beside(lines, table, types), on="patient", how="left")
    lines = lines.with_columns(first_year=nw.col("year").min().over("patient"))
    left = nw.col("left_cents").fill_null(options.deductible.get("", 0))
    opening = nw.when(nw.col("year") == nw.col("first_year")).then(left)
    full = nw.col("year_deductible_cents").fill_null(0)
    return pricing.spend_deductible(
        lines.with_columns(opening_deductible_cents=opening.otherwise(full))
    ).drop("left_cents", "first_year")


def _kx(
    lines: nw.LazyFrame[Any], config: Config, days: list[date], options: Options
) -> nw.LazyFrame[Any]:
    """The running total of the year in its bucket, with what was spent elsewhere."""
    buckets: engine.Columns = {
        "discipline": ["", *KX_BUCKET],
        "kx_bucket": ["", *KX_BUCKET.values()],
    }
    lines = lines.join(
        engine.beside(lines, buckets, dict.fromkeys(buckets, str)), on="discipline", how="left"
    )
    names = sorted(set(KX_BUCKET.values()))
    thresholds = [(day, name, config.parameter("kx_threshold").find(day, name)) for day in days
                  for name in names]  # fmt: skip
    table: engine.Columns = {
        "date": [day for day, _, _ in thresholds],
        "kx_bucket": [name for _, name, _ in thresholds],
        "kx_threshold_cents": [value.scaled if value else None for _, _, value in thresholds],
    }
    types: dict[str, type] = {"date": date, "kx_bucket": str, "kx_threshold_cents": int}
    lines = lines.join(engine.beside(lines, table, types), on=["date", "kx_bucket"], how="left")
    if not options.prior:
        return pricing.accrue(lines.with_columns(prior_cents=nw.lit(0, dtype=nw.Int64)))
    prior: engine.Columns = {
        "patient": [patient for patient, _ in options.prior],
        "kx_bucket": [bucket for _, bucket in options.prior],
        "prior_cents": list(options.prior.values()),
    }
    types = {"patient": str, "kx_bucket": str, "prior_cents": int}
    lines = lines.join(engine.beside(lines, prior, types), on=["patient", "kx_bucket"], how="left")
    # What was spent elsewhere belongs to the first year of the log.
    first = nw.col("year").min().over("patient")
    lines = lines.with_columns(first_year=first)
    spent = nw.when(nw.col("year") == nw.col("first_year")).then(nw.col("prior_cents"))
    lines = lines.with_columns(prior_cents=spent.otherwise(0).fill_null(0)).drop("first_year")
    return pricing.accrue(lines)


_SAME_VISIT = ("patient", "date", "provider", "discipline")


def bundled_apart(
    sessions: nw.LazyFrame[Any], config: Config, days: list[date]
) -> nw.LazyFrame[Any] | None:
    """Where 59 may be suggested; None where no edition of the edits covers a date of the log."""
    found = None
    for edition in {edition for day in days if (edition := config.edition("ptp", day))}:
        rows = [row for row in config.rows("ptp", edition) if row["modifier_indicator"] == "1"]
        pairs: engine.Columns = {
            name: [row[name] for row in rows] for name in ("column1", "column2")
        }
        here = sessions.filter(
            (nw.col("date") >= nw.lit(edition.first)) & (nw.col("date") <= nw.lit(edition.last))
        )
        table = engine.beside(sessions, pairs, dict.fromkeys(pairs, str))
        apart = modifiers.bundled_apart(here, table, _SAME_VISIT)
        found = apart if found is None else nw.concat([found, apart], how="vertical")
    return found


def _reason() -> nw.Expr:
    """Why money is blank or zero, and which minutes were counted once."""
    status = nw.col("price_status")
    day = nw.col("date").dt.to_string("%Y-%m-%d")

    def on_day(*words: nw.Expr) -> nw.Expr:
        return nw.concat_str([*words, nw.lit(" on "), day])

    letter = nw.col("status").fill_null("")
    why = (
        nw.when(nw.col("units").is_null())
        .then(nw.lit("units not computed: minutes do not count this code"))
        .when(nw.col("cf").is_null())
        .then(on_day(nw.lit("no conversion factor")))
        .when(nw.col("work_rvu").is_null())
        .then(on_day(nw.lit("no RVU for "), nw.col("code")))
        .when(status == "bundled")
        .then(nw.lit("bundled, not paid apart (status B)"))
        .when(status == "contractor")
        .then(nw.concat_str([nw.lit("priced by the contractor (status "), letter, nw.lit(")")]))
        .when(status == "not paid")
        .then(nw.concat_str([nw.lit("no Medicare price (status "), letter, nw.lit(")")]))
        .when(nw.col("payer_fee_table") & nw.col("fee_cents").is_null())
        .then(on_day(nw.lit("no fee of payer "), nw.col("payer"), nw.lit(" for "), nw.col("code")))
        .when(~nw.col("own_fee_cents").is_null())
        .then(nw.lit(""))
        .when(nw.col("share_percent").is_null())
        .then(nw.concat_str([nw.lit("no fee known for payer "), nw.col("payer")]))
        .when(nw.col("work_gpci").is_null())
        .then(on_day(nw.lit("no GPCI for "), nw.col("locality")))
        .when(nw.col("medicare_cents").is_null() & nw.col("payer_part_b"))
        .then(on_day(nw.lit("no coinsurance, assistant's share or sequestration")))
        .otherwise(nw.lit(""))
    )
    minute = counting.MINUTE_MS
    lost = ((nw.col("lost_ms") + minute - 1) // minute).cast(nw.Int64).cast(nw.String)
    claimed = (nw.col("claimed_rows") > 0) & (nw.col("assistant_rows") == 0)
    remarks = (
        (nw.col("lost_ms") > 0, [lost, nw.lit(" min also on another row, counted once")]),
        (claimed, [nw.lit("CQ or CO in the log, but no assistant's minutes")]),
        (
            ~nw.col("beside").is_null(),
            [nw.lit("59 suggested: bundled with "), nw.col("beside"), nw.lit(", at other times")],
        ),
    )
    for holds, words in remarks:
        said = nw.concat_str(words)
        both = nw.concat_str([why, nw.lit("; "), *words])
        why = nw.when(~holds).then(why).when(why == "").then(said).otherwise(both)
    return why


# --- what the config says, as small tables -------------------------------------------------


def _code_facts(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    codes = config.codes
    columns: engine.Columns = {
        "code": list(codes),
        "service": [facts["family"] for facts in codes.values()],
        "attendance": [facts["attendance"] for facts in codes.values()],
    }
    return engine.beside(frame, columns, dict.fromkeys(columns, str))


def _locality_numbers(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    columns: engine.Columns = {
        "locality": list(config.localities),
        "locality_number": list(range(len(config.localities))),
    }
    return engine.beside(frame, columns, {"locality": str, "locality_number": int})


def _service_facts(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    services = {code: facts for code, facts in config.codes.items() if facts["family"] == code}
    with_add_on = {facts["family"] for code, facts in config.codes.items() if code not in services}
    columns: engine.Columns = {
        "service": list(services),
        "has_add_on": [code in with_add_on for code in services],
    }
    types: dict[str, type] = {"service": str, "has_add_on": bool}
    for name, kind in (
        ("unit_basis", str),
        ("pooled", bool),
        ("first_unit_minutes", int),
        ("unit_minutes", int),
    ):
        columns[name] = [facts[name] for facts in services.values()]
        types[name] = kind
    return engine.beside(frame, columns, types)


def _members(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    columns: engine.Columns = {
        "service": [facts["family"] for facts in config.codes.values()],
        "code": list(config.codes),
        "place_in_service": [int(facts["family"] != code) for code, facts in config.codes.items()],
    }
    types = dict.fromkeys(columns, str) | {"place_in_service": int}
    return engine.beside(frame, columns, types)


def _parts(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    columns: engine.Columns = {
        "part": ["plain", "modified", "both", "both"],
        "modified": [0, 1, 0, 1],
    }
    return engine.beside(frame, columns, {"part": str, "modified": int})


def _payer_facts(frame: nw.LazyFrame[Any], config: Config, rule: str) -> nw.LazyFrame[Any]:
    payers = config.payers
    names = [rule or facts["counting_rule"] for facts in payers.values()]
    rules = [config.counting_rules[name] for name in names]
    columns: engine.Columns = {
        "payer": list(payers),
        "counting_rule": names,
        "rule_unit_minutes": [rule["unit_minutes"] for rule in rules],
        "rule_first_minutes": [rule["first_minutes"] for rule in rules],
        "rule_pool": [rule["pool"] for rule in rules],
        "share_percent": [_share(payer, facts) for payer, facts in payers.items()],
    }
    types: dict[str, type] = dict.fromkeys(columns, int)
    types |= dict.fromkeys(("payer", "counting_rule", "rule_pool"), str)
    for name in ("mppr", "assistant_cut", "sequestration", "part_b"):
        columns[f"payer_{name}"] = [bool(facts.get(name)) for facts in payers.values()]
        types[f"payer_{name}"] = bool
    columns["payer_fee_table"] = ["fee_table" in facts for facts in payers.values()]
    return engine.beside(frame, columns, types | {"payer_fee_table": bool})


def _share(payer: str, facts: dict[str, Any]) -> int | None:
    if "share_of_medicare" not in facts:
        return 100 if "conversion_factor" in facts else None
    try:
        return scaled(Decimal(str(facts["share_of_medicare"])), 2)
    except (ValueError, ArithmeticError):
        raise ConfigError(
            f"share_of_medicare: {facts['share_of_medicare']} is no number of 2 decimals",
            f"payers.toml: {payer}",
            'write it as "1.10"',
        ) from None


def _dated(
    frame: nw.LazyFrame[Any], days: list[date], **columns: Iterable[int | None]
) -> nw.LazyFrame[Any]:
    table: engine.Columns = {"date": days, **{name: list(c) for name, c in columns.items()}}
    return engine.beside(frame, table, dict.fromkeys(table, int) | {"date": date})


def _on(config: Config, name: str, days: list[date], basis: str = "") -> list[int | None]:
    values = [config.parameter(name).find(day, basis) for day in days]
    return [value.scaled if value else None for value in values]


def _policies(frame: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    return _dated(
        frame,
        days,
        assistant_policy=[policy or 0 for policy in _on(config, "assistant_policy", days)],
        de_minimis_percent=[share or 0 for share in _on(config, "de_minimis", days)],
    )


def _calendar(
    frame: nw.LazyFrame[Any], config: Config, days: list[date], options: Options
) -> nw.LazyFrame[Any]:
    participation: list[int | None] = [100 for _ in days]
    if options.nonparticipating:
        participation = _on(config, "nonparticipating", days)
    editions = {table: [config.edition(table, day) for day in days] for table in ("rvu", "gpci")}
    return _dated(
        frame,
        days,
        cf=_on(config, "conversion_factor", days, options.basis),
        participation_percent=participation,
        year=[day.year for day in days],
        year_deductible_cents=_on(config, "deductible", days),
        mppr_percent=_on(config, "mppr", days),
        coinsurance_percent=_on(config, "coinsurance", days),
        assistant_share_percent=_on(config, "assistant_share", days),
        sequestration_permille=_on(config, "sequestration", days),
        rvu_edition=[edition.number if edition else None for edition in editions["rvu"]],
        gpci_edition=[edition.number if edition else None for edition in editions["gpci"]],
    )


def _edition_rows(config: Config, table: str, days: list[date]) -> list[tuple[int, dict[str, Any]]]:
    editions = {edition for day in days if (edition := config.edition(table, day))}
    ordered = sorted(editions, key=lambda edition: edition.number)
    return [(edition.number, row) for edition in ordered for row in config.rows(table, edition)]


def _rvus(frame: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    rows = _edition_rows(config, "rvu", days)
    columns: engine.Columns = {"rvu_edition": [number for number, _ in rows]}
    types: dict[str, type] = {"rvu_edition": int}
    for name, kind in (
        ("code", str),
        ("status", str),
        ("mppr_indicator", str),
        ("work_rvu", int),
        ("pe_rvu", int),
        ("mp_rvu", int),
    ):
        columns[name] = [row[name] for _, row in rows]
        types[name] = kind
    return engine.beside(frame, columns, types)


def _gpcis(frame: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    numbers = {locality: number for number, locality in enumerate(config.localities)}
    rows = _edition_rows(config, "gpci", days)
    columns: engine.Columns = {
        "gpci_edition": [number for number, _ in rows],
        "locality_number": [numbers[row["locality"]] for _, row in rows],
    }
    for name in ("work_gpci", "pe_gpci", "mp_gpci"):
        columns[name] = [row[name] for _, row in rows]
    return engine.beside(frame, columns, dict.fromkeys(columns, int))


# --- summaries -----------------------------------------------------------------------------


def by(lines: nw.DataFrame[Any], key: str) -> nw.DataFrame[Any]:
    """Totals by clinician, code, date or patient; money in cents, null where no line has any.

    A line that two clinicians share is reported under both names, once.
    """
    day = nw.concat_str([nw.col("patient"), nw.lit("|"), nw.col("date").cast(nw.String)])
    counted = lines.with_columns(visit=day)
    sums = [nw.col(cents).sum().alias(name) for name, cents in CENTS.items()]
    known = [nw.col(cents).count().alias(f"{name} known") for name, cents in CENTS.items()]
    grouped = counted.group_by(key).agg(
        nw.col("visit").n_unique().alias("visits"),
        nw.len().alias("lines"),
        nw.col("units").sum(),
        *sums,
        (nw.len() - nw.col("allowed_cents").count()).alias("unpriced_lines"),
        *known,
    )
    shown = [nw.when(nw.col(f"{name} known") > 0).then(nw.col(name)).alias(name) for name in CENTS]
    names = [key, "visits", "lines", "units", *CENTS, "unpriced_lines"]
    if key == "patient":
        grouped = grouped.join(_kx_left(lines), on="patient", how="left")
        names += list(KX_LEFT)
    return grouped.with_columns(*shown).select(names).sort(key)


KX_LEFT = ("kx_left_pt_slp", "kx_left_ot")


def _kx_left(lines: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """What a patient's last year in the log leaves below the KX thresholds, in cents."""
    last = lines.filter(
        nw.col("year") == nw.col("year").max().over("patient"), nw.col("payer_part_b")
    )
    left = nw.col("kx_threshold_cents") - nw.col("year_cents")
    left = nw.when(left > 0).then(left).when(~left.is_null()).then(0)
    last = last.with_columns(
        **{
            name: nw.when(nw.col("kx_bucket") == bucket).then(left)
            for name, bucket in zip(KX_LEFT, ("PT+SLP", "OT"), strict=True)
        }
    )
    return last.group_by("patient").agg(*(nw.col(name).min() for name in KX_LEFT))


def notes(lines: nw.DataFrame[Any], options: Options) -> list[str]:
    """What a reader of the lines must know, one sentence each."""
    said = []
    names = ("units", "work_cents", "allowed_cents", "medicare_cents", "patient_cents")
    units, work, allowed, medicare, patient = (int(lines[name].sum()) for name in names)
    said.append(
        f"{len(lines):,} lines, {units:,} units, work component {show(work)}, allowed"
        f" {show(allowed)} (Medicare pays {show(medicare)}, patients {show(patient)};"
        f" {options.deductible_said})"
    )
    unpriced = lines["allowed_cents"].null_count()
    if unpriced:
        said.append(f"{unpriced:,} lines have no allowed amount: see reason")
    ties = int(lines["tie"].sum())
    if ties:
        said.append(f"{ties:,} lines are tied with another code: either is right")
    if bool(lines["needs_kx"].any()):
        said.append("KX is due by this log and --prior alone: claims of others are not seen")
    blank = int((lines["discipline"] == "").sum())
    if blank:
        said.append(f"{blank:,} lines have no discipline, so no GP, GO or GN")
    return said


# --- for callers ---------------------------------------------------------------------------


def as_printed(lines: nw.LazyFrame[Any], carried: tuple[str, ...] = ()) -> nw.LazyFrame[Any]:
    """The columns that `bill` prints, money in cents, then the log's own columns."""
    columns = {name: nw.col(CENTS.get(name, name)) for name in LINE}
    return lines.select(**columns, **{name: nw.col(name) for name in carried})


def bill_frame(
    source: Any,
    *,
    rejects: bool = False,
    config: Config | None = None,
    options: Options | None = None,
    zone: str = "",
    date_order: str = "",
    **defaults: str,
) -> Any:
    """Claim lines of a log: a path, or a frame, which comes back as the caller's own kind.

    Columns as `therapy-calc bill`, money as exact decimals of dollars. With ``rejects`` a pair
    (lines, rejects); otherwise a warning gives the count of rejected rows. ``defaults``: payer,
    locality, discipline, provider for blank cells.
    """
    config = config or load()
    log = read(source, config, Defaults(zone=zone, date_order=date_order, **defaults))
    lines = engine.decimals(as_printed(bill(log, config, options), log.carried), tuple(CENTS))
    bad = log.rejects().drop("hint")
    is_path = isinstance(source, str) or hasattr(source, "__fspath__")

    def back(frame: nw.LazyFrame[Any]) -> Any:
        return engine.collect(frame).to_native() if is_path else engine.like(frame, source)

    if rejects:
        return back(lines), back(bad)
    count = len(engine.collect(bad.select("row")))
    if count:
        warnings.warn(
            f"{count} rows were rejected; call with rejects=True to see them", stacklevel=3
        )
    return back(lines)
