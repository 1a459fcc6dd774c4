"""What the config says of a row's keys: looked up in small tables, once, by the one path."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine
from calc.figure_files import FEES, OF_SHARES, PAYER_SWITCHES
from calc.money import scaled
from calc.params import Config


def code_facts(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    codes = config.codes
    columns: engine.Columns = {
        "code": list(codes),
        "service": [facts["family"] for facts in codes.values()],
        "attendance": [facts["attendance"] for facts in codes.values()],
        "untimed": [facts["unit_basis"] != "minutes" for facts in codes.values()],
    }
    types: dict[str, type] = dict.fromkeys(columns, str) | {"untimed": bool}
    return engine.looked_up(frame, columns, types, ["code"], {"service": "code"})


def localities(frame: nw.LazyFrame[Any], config: Config, on: str = "locality") -> nw.LazyFrame[Any]:
    """Add locality_number by the locality, or the locality by its number."""
    columns: engine.Columns = {
        "locality": list(config.localities),
        "locality_number": list(range(len(config.localities))),
    }
    return engine.looked_up(frame, columns, {"locality": str, "locality_number": int}, [on])


def service_facts(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    services = {code: facts for code, facts in config.codes.items() if facts["family"] == code}
    with_add_on = with_add_ons(config)
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
    return engine.looked_up(frame, columns, types, ["service"])


def with_add_ons(config: Config) -> list[str]:
    """The services of two codes, by their primary code."""
    return sorted({facts["family"] for c, facts in config.codes.items() if facts["family"] != c})


def codes_of_service(config: Config) -> dict[str, list[str]]:
    """The codes of each code's service, itself among them."""
    families: dict[str, list[str]] = {}
    for code, facts in config.codes.items():
        families.setdefault(facts["family"], []).append(code)
    return {code: codes for codes in families.values() for code in codes}


def codes_of(services: nw.LazyFrame[Any], config: Config, *names: str) -> nw.LazyFrame[Any]:
    """The named columns of services with each ``code`` that a line of theirs may bill."""
    kept = add_ons(services.select(*names, "service"), config)
    codes = [kept.select(*names, code=nw.col(name)) for name in ("service", "add_on_code")]
    return nw.concat(codes, how="vertical").filter(~nw.col("code").is_null())


def add_ons(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """Add add_on_code, the other code of a service with two."""
    codes = {facts["family"]: c for c, facts in config.codes.items() if facts["family"] != c}
    columns: engine.Columns = {"service": list(codes), "add_on_code": list(codes.values())}
    types = dict.fromkeys(columns, str)
    return engine.looked_up(frame, columns, types, ["service"], {"add_on_code": "service"})


def counting_rules(frame: nw.LazyFrame[Any], config: Config, rule: str) -> nw.LazyFrame[Any]:
    """Add how the payer counts, or the counting rule ``rule`` if one is named."""
    names = [rule or facts["counting_rule"] for facts in config.payers.values()]
    rules = [config.counting_rules[name] for name in names]
    columns: engine.Columns = {
        "payer": list(config.payers),
        "counting_rule": names,
        "rule_unit_minutes": [rule["unit_minutes"] for rule in rules],
        "rule_first_minutes": [rule["first_minutes"] for rule in rules],
        "rule_pool": [rule["pool"] for rule in rules],
    }
    types: dict[str, type] = dict.fromkeys(columns, int)
    types |= dict.fromkeys(("payer", "counting_rule", "rule_pool"), str)
    return engine.looked_up(frame, columns, types, ["payer"])


def payments(frame: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """Add how the payer pays: its share of Medicare's fee, what it cuts, whose fees it has."""
    payers = config.payers
    columns: engine.Columns = {
        "payer": list(payers),
        "share_percent": [_share(facts) for facts in payers.values()],
        "payer_fee_table": ["fee_table" in facts for facts in payers.values()],
    }
    for name in PAYER_SWITCHES:
        needed = {name, "part_b"} if name in OF_SHARES else {name}
        columns[f"payer_{name}"] = [
            all(facts.get(switch, False) for switch in needed) for facts in payers.values()
        ]
    types: dict[str, type] = dict.fromkeys(columns, bool) | {"payer": str, "share_percent": int}
    return engine.looked_up(frame, columns, types, ["payer"])


def _share(facts: dict[str, Any]) -> int | None:
    if "share_of_medicare" not in facts:
        return 100 if "conversion_factor" in facts else None
    return scaled(Decimal(str(facts["share_of_medicare"])), 2)


def on_date(
    frame: nw.LazyFrame[Any], days: list[date], **columns: Iterable[int | None]
) -> nw.LazyFrame[Any]:
    """Add columns by the date, from lists that go with ``days``."""
    table: engine.Columns = {"date": days, **{name: list(c) for name, c in columns.items()}}
    return engine.looked_up(frame, table, dict.fromkeys(table, int) | {"date": date}, ["date"])


def on(config: Config, name: str, days: list[date], basis: str = "") -> list[int | None]:
    values = [config.parameter(name).find(day, basis) for day in days]
    return [value.scaled if value else None for value in values]


def policies(frame: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    """Add de_minimis_percent, assistant_midpoint (minutes) and assistant_policy of the date.

    The policy is 0 before CQ and CO, and -1 of services of which nobody asks who furnished them.
    """
    frame = on_date(
        frame,
        days,
        assistant_policy=[policy or 0 for policy in on(config, "assistant_policy", days)],
        de_minimis_percent=[share or 0 for share in on(config, "de_minimis", days)],
        assistant_midpoint=[least or 0 for least in on(config, "assistant_midpoint", days)],
    )
    bare = [code for code, facts in config.codes.items() if not facts["assistant_modifier"]]
    policy = nw.when(nw.col("service").is_in(bare)).then(-1).otherwise(nw.col("assistant_policy"))
    return frame.with_columns(assistant_policy=policy.cast(nw.Int64))


def calendar(
    frame: nw.LazyFrame[Any], config: Config, days: list[date], basis: str, nonparticipating: bool
) -> nw.LazyFrame[Any]:
    """Add the figures of each date. Only Medicare pays a non-participating provider less."""
    participation: list[int | None] = [100 for _ in days]
    if nonparticipating:
        participation = on(config, "nonparticipating", days)
    editions = {table: [config.edition(table, day) for day in days] for table in ("rvu", "gpci")}
    lines = on_date(
        frame,
        days,
        cf=on(config, "conversion_factor", days, basis),
        participation_percent=participation,
        year=[day.year for day in days],
        year_deductible_cents=on(config, "deductible", days),
        mppr_percent=on(config, "mppr", days),
        coinsurance_percent=on(config, "coinsurance", days),
        assistant_share_percent=on(config, "assistant_share", days),
        sequestration_permille=on(config, "sequestration", days),
        rvu_edition=[edition.number if edition else None for edition in editions["rvu"]],
        gpci_edition=[edition.number if edition else None for edition in editions["gpci"]],
    )
    if not nonparticipating:
        return lines
    part = nw.when(nw.col("payer_part_b")).then(nw.col("participation_percent")).otherwise(100)
    return lines.with_columns(participation_percent=part.cast(nw.Int64))


def _edition_rows(config: Config, table: str, days: list[date]) -> list[tuple[int, dict[str, Any]]]:
    editions = config.editions_on(table, days)
    return [(edition.number, row) for edition in editions for row in config.rows(table, edition)]


def rvus(frame: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
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
    return engine.looked_up(frame, columns, types, ["rvu_edition", "code"])


def gpcis(frame: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    numbers = {locality: number for number, locality in enumerate(config.localities)}
    rows = _edition_rows(config, "gpci", days)
    columns: engine.Columns = {
        "gpci_edition": [number for number, _ in rows],
        "locality_number": [numbers[row["locality"]] for _, row in rows],
    }
    for name in ("work_gpci", "pe_gpci", "mp_gpci"):
        columns[name] = [row[name] for _, row in rows]
    types = dict.fromkeys(columns, int)
    return engine.looked_up(frame, columns, types, ["gpci_edition", "locality_number"])


def with_own_factor(config: Config) -> list[str]:
    """The payers with a conversion factor of their own."""
    return [payer for payer, facts in config.payers.items() if "conversion_factor" in facts]


def payers_own(lines: nw.LazyFrame[Any], config: Config, days: list[date]) -> nw.LazyFrame[Any]:
    """Put a payer's own factor in the place of Medicare's, and add its own fees of the day."""
    own = {p: str(config.payers[p]["conversion_factor"]) for p in with_own_factor(config)}
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
        lines = engine.looked_up(lines, table, types, ["payer", "date"])
        has_own = nw.col("payer").is_in(list(own))
        lines = lines.with_columns(
            cf=nw.when(has_own).then(nw.col("own_cf")).otherwise(nw.col("cf"))
        )
    tables = {p: f"{FEES}{f['fee_table']}" for p, f in config.payers.items() if "fee_table" in f}
    if not tables:
        nothing = nw.lit(None, dtype=nw.Int64)
        return lines.with_columns(own_fee_cents=nothing, own_reduced_cents=nothing)
    held = [
        (payer, day, name, edition)
        for payer, name in tables.items()
        for day in days
        if (edition := config.edition(name, day))
    ]
    # A table may hold a whole hospital's codes: none stands here once for each day.
    editions = list(dict.fromkeys((name, edition) for _, _, name, edition in held))
    numbers = {edition: number for number, (_, edition) in enumerate(editions)}
    table = {
        "payer": [payer for payer, *_ in held],
        "date": [day for _, day, _, _ in held],
        "own_edition": [numbers[edition] for *_, edition in held],
    }
    types = {"payer": str, "date": date, "own_edition": int}
    lines = engine.looked_up(lines, table, types, ["payer", "date"])
    fees = [
        (numbers[edition], row)
        for name, edition in editions
        for row in config.rows(name, edition)
        if row["code"] in config.codes
    ]
    table = {
        "own_edition": [number for number, _ in fees],
        "code": [row["code"] for _, row in fees],
        "own_fee_cents": [row["fee"] for _, row in fees],
        "own_reduced_cents": [row["reduced_fee"] for _, row in fees],
    }
    types = {"own_edition": int, "code": str, "own_fee_cents": int, "own_reduced_cents": int}
    return engine.looked_up(lines, table, types, ["own_edition", "code"]).drop("own_edition")
