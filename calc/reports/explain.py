"""Every step of an estimate in words, each figure with its source and the dates it holds.

No tracer: the columns of the lines are the steps, and sources are looked up by date.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from calc.dated import Edition, Value, runs
from calc.errors import ConfigError
from calc.figure_files import FEES
from calc.money import GPCI_PLACES, RVU_PLACES, decimal_text, divide_half_up, dollars, percent
from calc.params import Config
from calc.schema import ALONE_SOURCE, BY_DAY

Row = dict[str, Any]


def text(
    rows: list[Row],
    units_by_rule: dict[str, dict[str, int]],
    config: Config,
    basis: str,
    has_balance: Callable[[str, int], bool],
) -> str:
    """Explain the lines of `billing.bill`, visit by visit.

    ``has_balance``: whether what is left of a patient's deductible is given.
    """
    parts: list[str] = []
    pools: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        pool = (row["date"], row["patient"], row["discipline"], row["provider"], row["payer"])
        pools.setdefault(pool, []).append(row)
    for pool, lines in pools.items():
        parts += [_heading(pool, lines[0], config), *_units(lines, config)]
        parts += [*_money(lines, config, basis, has_balance), ""]
    if {row["counting_rule"] for row in rows} <= {*units_by_rule}:
        parts += difference(units_by_rule)
    return "\n".join(parts).rstrip() + "\n"


def _heading(pool: tuple[Any, ...], row: Row, config: Config) -> str:
    payer = config.payers[row["payer"]]
    rule = config.counting_rules[row["counting_rule"]]
    discipline = f", {row['discipline']}" if row["discipline"] else ""
    return f"{pool[0]}{discipline}, payer {payer['name']}, counted by {rule['title']}"


def _minutes(count: int) -> str:
    return f"{count} minute" if count == 1 else f"{count} minutes"


def _count(count: int, noun: str = "unit") -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _name(code: str, config: Config) -> str:
    return f"{code} {config.codes[code]['label']}"


# --- minutes to units ----------------------------------------------------------------------


def _units(lines: list[Row], config: Config) -> list[str]:
    rule = config.counting_rules[lines[0]["counting_rule"]]
    services = list({row["service"]: row for row in lines}.values())
    pooled = [row for row in services if row["in_pool"]]
    said = ["", f"Minutes to units ({config.cite(rule['source'])})", *_counts_so(lines[0], config)]
    for row in services:
        said += [f"  {line}" for line in _service(row, config)]
    if pooled:
        said += [f"  {line}" for line in _pool(pooled, rule)]
    for row in services:
        codes = {line["code"]: line for line in lines if line["service"] == row["service"]}
        said += [f"  {line}" for line in _add_on(codes, row, config)]
        said += [f"  {line}" for line in _assistant(row, config)]
    return said


def _counts_so(row: Row, config: Config) -> list[str]:
    """By what a payer other than Medicare is known to count by the rule."""
    payer = config.payers[row["payer"]]
    if payer.get("part_b"):
        return []
    return [f"  {payer['name']} counts so: {config.cite(payer['source'])}"]


def _service(row: Row, config: Config) -> list[str]:
    name, minutes, size = _name(row["service"], config), row["service_minutes"], _size(row)
    earned = _count(row["service_units"] or 0)
    ms = row["lost_ms"]
    length = f"{ms / 60000:g} min" if ms >= 60000 else f"{ms / 1000:g} s"
    lost = [f"  {length} stand on another row too and count once"]
    notes = lost if row["lost_ms"] else []
    if row["unit_basis"] == "day":
        day = f"{name}: paid by the day, {earned} whatever the minutes"
        return [f"{day} ({_minutes(minutes)} logged, outside the pool)", *notes]
    if row["unit_basis"] != "minutes":
        return [f"{name}: counted by {row['unit_basis']}, not from minutes", *notes]
    if not row["pooled"]:
        first, further = row["first_unit_minutes"], row["unit_minutes"]
        midpoint = f"first unit of {first} min, further of {further}, each at its midpoint"
        cited = config.cite(ALONE_SOURCE)
        return [f"{name}: {_minutes(minutes)} alone, {midpoint} = {earned} ({cited})", *notes]
    quarters = f"{_count(row['whole_units'], _block(size))} ({row['whole_units'] * size} min)"
    split = f"{name}: {_minutes(minutes)} = {quarters} + {row['rest_minutes']} left over"
    if row["in_pool"]:
        return [split, *notes]
    more = size - (row["rest_minutes"] + size - row["rule_first_minutes"]) % size
    return [f"{split} = {earned}; {_minutes(more)} to the next unit", *notes]


def _add_on(codes: dict[str, Row], row: Row, config: Config) -> list[str]:
    """How the units of a service go to its two codes, if they do."""
    if set(codes) <= {row["service"]}:
        return []
    first, further = row["service"], next(code for code in codes if code != row["service"])
    units = " + ".join(str(codes[code]["code_units"] or 0) for code in (first, further))
    one = f"{first} and {further} are one service ({row['service_minutes']} min)"
    parted = f"first unit {first}, further units {further}: {units}"
    return [f"{one}: {parted} ({config.cite('domain-derived')})"]


def _size(row: Row) -> int:
    return int(row["rule_unit_minutes"])


def _block(minutes: int) -> str:
    return "whole quarter" if minutes == 15 else "whole unit"


def _pool(pooled: list[Row], rule: dict[str, Any]) -> list[str]:
    size, first = rule["unit_minutes"], rule["first_minutes"]
    minutes, units = pooled[0]["day_minutes"], pooled[0]["day_units"]
    low = (units - 1) * size + first if units else 0
    high = units * size + first - 1
    said = [
        f"day: {_minutes(minutes)} timed, band {low} to {high} = {_count(units)};"
        f" {_minutes(high + 1 - minutes)} to the next unit"
    ]
    left = pooled[0]["left_units"]
    if not units:
        return said
    if left == 0:
        return [*said, f"{_block(size)}s make up all units: none is left to give"]
    queue = sorted(pooled, key=lambda row: row["turn"])
    takers = ", ".join(f"{row['service']} ({row['rest_minutes']} min)" for row in queue[:left])
    others = ", ".join(f"{row['service']} ({row['rest_minutes']} min)" for row in queue[left:])
    went = "goes to the largest remainder" if left == 1 else "go to the largest remainders"
    given = f"{_count(left)} left {went}: {takers}"
    said.append(f"{given}, not {others}" if others else given)
    tied = [row["service"] for row in queue if row["tie"]]
    if tied:
        choice = "either" if len(tied) == 2 else "any choice"
        said.append(
            f"tie: {', '.join(tied)} have equal remainders, {choice} is right; taken by units in"
            " the log, then more minutes, then the lower code"
        )
    return said


def _assistant(row: Row, config: Config) -> list[str]:
    if not row["assistant_rows"]:
        return []
    policy = row["assistant_policy"]
    modifier = {"PT": "CQ", "OT": "CO"}.get(row["discipline"], "")
    if policy <= 0 or not modifier:
        return [
            f"{row['service']}: {row['service_assistant_minutes']} assistant's minutes,"
            " no modifier due"
        ]
    carried = row["service_assistant_units"]
    plain = (row["service_units"] or 0) - carried
    source = config.parameter("assistant_policy").on(row["date"]).source
    result = f"{plain} plain, {carried} with {modifier} ({config.cite(source)})"
    if row["unit_basis"] not in BY_DAY and 0 < carried == row["assistant_logged"]:
        logged = f"the log has {_count(carried)} on the assistant's own rows"
        return [f"{row['service']}: {logged} = {result}"]
    if not row["by_quarters"]:
        return [f"{row['service']}: {_whole_share(row)} = {result}"]
    who = f"therapist {row['therapist_minutes']} min"
    who += f", assistant {row['service_assistant_minutes']} min"
    size = _size(row) if row["pooled"] else int(row["unit_minutes"])
    left = max(0, row["units_unjudged"])
    whole = (row["service_units"] or 0) - row["assistant_whole"] - row["units_unjudged"]
    rest = row["therapist_rest"] + row["assistant_rest"]
    part = f", assistant's {row['assistant_rest'] * 100 / rest:.1f}%" if rest else ""
    rests = f"leftovers {row['therapist_rest']} and {row['assistant_rest']} min{part}"
    one = f"1 unit left: the therapist's at {row['assistant_midpoint']} of his minutes,"
    one += " else the assistant's"
    if policy < 2022:
        share = row["de_minimis_percent"]
        one = f"1 unit left: the assistant's above {share}% of the leftover minutes"
    if not row["assistant_rest"]:
        one = "1 unit left: the therapist's, as the assistant has no leftover minutes"
    alone = "one is the assistant's, the other judged alone"
    more = alone if policy >= 2022 else "all the assistant's"
    test = {0: "no unit left to judge", 1: one}.get(left, f"{left} units left: {more}")
    longer = not row["pooled"] and row["first_unit_minutes"] > size
    his = f"units {whole} (the first of {row['first_unit_minutes']} min)"
    his = his if longer else f"{_block(size)}s {whole}"
    blocks = f"{his} and {row['assistant_whole']}, {rests}; {test}"
    return [f"{row['service']}: {who}: {blocks} = {result}"]


def _whole_share(row: Row) -> str:
    """Who treated how long, and the share that decides of a code judged as a whole: exactly."""
    assistant, both, limit = row["assistant_ms"], row["counted_ms"], row["de_minimis_percent"]
    if not both:
        alone = row["assistant_rows"] == row["counted_rows"]
        return f"no minutes, {'only the assistant gave it' if alone else 'a therapist gave it too'}"
    share = assistant * 100 / max(1, both)
    said = f"{share:.1f}%"
    if said == f"{limit:.1f}%" and share != limit:
        said = f"just {'above' if share > limit else 'below'} {limit}%"
    who = f"therapist {(both - assistant) / 60000:g} min, assistant {assistant / 60000:g} min"
    return f"{who}, assistant's share {said}"


# --- money ---------------------------------------------------------------------------------


def _money(
    lines: list[Row], config: Config, basis: str, has_balance: Callable[[str, int], bool]
) -> list[str]:
    day: date = lines[0]["date"]
    own = config.payers[lines[0]["payer"]].get("conversion_factor")
    table = config.payers[lines[0]["payer"]].get("fee_table")
    named = (own or "conversion_factor", "" if own else basis)
    figure = config.parameter(named[0]).find(day, named[1])
    if figure is None and not table:
        return ["", f"No payment: {lines[0]['reason']}"]
    factor = figure.text if figure else ""
    said = ["", "Work component (units x work RVU x conversion factor, rounded once)"]
    for row in lines:
        said.append(f"  {_work(row, factor, config)}")
    if factor:
        said += [f"    factor {factor}: {_source(config, named[0], day, named[1])}"]
    if config.edition("rvu", day):
        said += [f"    RVUs: {_edition(config, 'rvu', day)}"]
    how = (
        "the payer's own table"
        if table
        else "each RVU x GPCI, summed, x factor, rounded once a unit"
    )
    said += ["", f"Fee schedule ({how})"]
    for row in lines:
        said += [f"  {line}" for line in _fee(row, factor, config)]
    if not table:
        said += [f"    GPCIs: {_edition(config, 'gpci', day)}"]
    elif config.edition(f"{FEES}{table}", day):
        said += [f"    fees: {_edition(config, f'{FEES}{table}', day)}"]
    if any(row["reducible"] for row in lines):
        mppr = config.parameter("mppr").find(day)
        if mppr:
            off = "" if table else f"{mppr.text}% of practice expense off "
            said.append(
                f"    reduced: {off}every unit but the day's one of"
                f" highest practice expense ({config.cite(mppr.source)})"
            )
    return said + _shares(lines, config, day, has_balance)


def _work(row: Row, factor: str, config: Config) -> str:
    name = _name(row["code"], config)
    if row["work_cents"] is None:
        return f"{name}: none, {_why_no_work(row)}"
    if row["price_status"] == "bundled":
        return f"{name}: 0.00, {_why_no_work(row)}"
    rvu = decimal_text(row["work_rvu"], RVU_PLACES)
    return f"{name}: {row['units']} x {rvu} x {factor} = {dollars(row['work_cents'])}"


def _why_no_work(row: Row) -> str:
    """The reason of the line, or where the payer has fees of its own what Medicare's files say."""
    if row["units"] is None or (row["price_reason"] and not row["payer_fee_table"]):
        return str(row["reason"])
    if row["cf"] is None:
        return "no conversion factor"
    words = {
        "bundled": "bundled by Medicare, not paid apart",
        "contractor": "priced by Medicare's contractor",
        "not paid": "no Medicare price",
    }
    said = words.get(row["price_status"], "")
    return f"{said} (status {row['status']})" if said else "no RVU"


def _fee(row: Row, factor: str, config: Config) -> list[str]:
    where = f"{row['code']} in {row['locality']}"
    if row["fee_cents"] is None:
        return [f"{where}: none, {row['reason']}"]
    if row["price_status"] == "bundled" and not row["payer_fee_table"]:
        return [f"{where}: 0.00, {row['reason']}"]
    unit = f"fee {dollars(row['fee_cents'])}"
    if row["reducible"] and row["reduced_cents"] != row["fee_cents"]:
        unit += f", reduced {dollars(row['reduced_cents'])}"
    if row["payer_fee_table"]:
        return [f"{row['code']}: {unit}, from the payer's own table", _scheduled(row)]
    terms = " + ".join(
        f"{decimal_text(row[f'{part}_rvu'], RVU_PLACES)} x"
        f" {decimal_text(row[f'{part}_gpci'], GPCI_PLACES)}"
        for part in ("work", "pe", "mp")
    )
    share = row["share_percent"]
    of_medicare = f" x {share}%" if share != 100 else ""
    part = row["participation_percent"]
    of_medicare += f", to the cent, x {part}% non-participating" if part != 100 else ""
    said = [f"{where}: ({terms}) x {factor}{of_medicare} = {unit}", _scheduled(row)]
    if part != 100:
        limit = config.parameter("limiting_charge").on(row["date"])
        charge = dollars(percent(row["fee_cents"], limit.scaled))
        said.append(f"{row['code']}: limiting charge {charge} a unit ({config.cite(limit.source)})")
    return said


def _scheduled(row: Row) -> str:
    full, units = row["full_units"], row["units"]
    if units is None:
        return f"{row['code']}: no amount, {row['reason']}"
    amount = f"{full} full + {units - full} reduced = {dollars(row['scheduled_cents'])}"
    modified = f" with {row['modifiers'].split()[1]}" if row["modified"] else ""
    return f"{row['code']}{modified}: {amount}" + _lesser(row)


def _lesser(row: Row) -> str:
    if row["allowed_cents"] == row["scheduled_cents"]:
        return ""
    whole = row["allowed_cents"] == row["charge_cents"]
    part = "" if whole else f"{_part_of_charge(row)} = "
    return f"; charged less: {part}{dollars(row['allowed_cents'])} allowed"


def _part_of_charge(row: Row) -> str:
    """How a line comes to what it has of a charge for other units too, as in `pricing.allow`."""
    shared = row["shared_units"] is not None
    logged = ("first_billed", "add_on_billed") if shared else ("units_logged",)
    said_units = any(row[name] is not None for name in logged)
    billed = row["shared_units"] if shared else row["units_logged" if said_units else "code_units"]

    def part(units: int) -> int:
        return int(divide_half_up(row["charge_cents"] * units, billed))

    before = row["place_in_service"] if shared else 0
    before += row["code_units"] - row["units"] if row["modified"] else 0
    to_here = before + row["units"]
    said = dollars(row["charge_cents"])
    said += f" for {row['service']} and its add-on" if shared else ""
    if to_here != billed:
        said += f" x {to_here} of {_count(billed)}{' billed' if said_units else ''}"
        said += f" = {dollars(part(to_here))}," if before else ""
    if before:
        said += f" less {dollars(part(before))} of the {'lines before' if shared else 'plain line'}"
    own = part(to_here) - part(before)
    left = row["allowed_cents"] - own
    return said + (f" = {dollars(own)}, and {dollars(left)} that others leave" if left else "")


def _shares(
    lines: list[Row], config: Config, day: date, has_balance: Callable[[str, int], bool]
) -> list[str]:
    paid = [row for row in lines if row["medicare_cents"] is not None]
    if not paid:
        return []
    names = ("coinsurance", "assistant_share", "sequestration")
    found = {name: config.parameter(name).on(day) for name in names}
    # A later year begins with the whole of its deductible, whoever is named.
    opening = paid[0].get("opening_deductible_cents") or 0
    told = opening > 0 or has_balance(paid[0]["patient"], day.year)
    said = ["", f"Shares ({'after the deductible' if told else 'deductible assumed met'})"]
    if told:
        said.append(f"  deductible left before the first line of the year: {dollars(opening)}")
    for row in paid:
        cut = row["modified"] and row["payer_assistant_cut"]
        share = f"{dollars(row['share_cents'])}, x {found['assistant_share'].text}% (assistant) = "
        rest = 100 - found["coinsurance"].scaled
        said.append(
            f"  {row['code']}: {_after_deductible(row)} x {rest}% = {share if cut else ''}"
            f"{dollars(row['paid_cents'])}, less {dollars(row['withheld_cents'])} withheld:"
            f" Medicare pays {dollars(row['medicare_cents'])},"
            f" patient {dollars(row['patient_cents'])}"
        )
    for row in paid:
        if row["needs_kx"]:
            total, limit = dollars(row["year_cents"]), dollars(row["kx_threshold_cents"])
            kx = config.parameter("kx_threshold").on(day, row["kx_bucket"])
            said.append(
                f"  {row['code']}: KX, {row['kx_bucket']} of the year {total} exceeds {limit}"
                f"{_elsewhere(row)} ({config.cite(kx.source)})"
            )
    cut = any(row["modified"] and row["payer_assistant_cut"] for row in paid)
    used = (True, cut, any(row["payer_sequestration"] for row in paid))
    for name in itertools.compress(names, used):
        what = name.replace("_", " ")
        said.append(f"    {found[name].text}% {what}: {_source(config, name, day)}")
    return said


def _elsewhere(row: Row) -> str:
    """What of the year's amount lies before these lines."""
    spent = row["prior_cents"]
    return f", {dollars(spent)} of it before these lines (--prior)" if spent else ""


def _after_deductible(row: Row) -> str:
    if not row["deductible_cents"]:
        return dollars(row["allowed_cents"])
    return f"({dollars(row['allowed_cents'])} - {dollars(row['deductible_cents'])} deductible)"


def _source(config: Config, name: str, day: date, applies_to: str = "") -> str:
    """Whose figure it is, and from when to when no other one stands above it."""
    figure = config.parameter(name)
    value = figure.on(day, applies_to)
    held = _held(lambda at: figure.find(at, applies_to), figure.values, day)
    return f"{config.cite(value.source)} ({held})"


def _edition(config: Config, table: str, day: date) -> str:
    edition = config.edition(table, day)
    if edition is None:
        raise ConfigError("no edition for the date")
    held = _held(lambda at: config.edition(table, at), config.editions(table), day)
    return f"{config.cite_edition(edition)} ({held})"


def _held(
    at: Callable[[date], Value | Edition | None], spans: Iterable[Value | Edition], day: date
) -> str:
    ends = ((first, last) for first, last, _ in runs(at, spans) if first <= day <= last)
    first, last = next(ends)
    return f"in force {first} to {_last(last)}"


def _last(day: date) -> str:
    return "further notice" if day.year == 9999 else str(day)


# --- the other rule ------------------------------------------------------------------------


def difference(units_by_rule: dict[str, dict[str, int]]) -> list[str]:
    """What cms and ama each give, when they differ."""
    if len(units_by_rule) < 2:
        return []
    cms, ama = units_by_rule["cms"], units_by_rule["ama"]
    if cms == ama:
        return ["CMS and AMA counting agree on this visit."]
    many, few = sum(cms.values()), sum(ama.values())
    by_code = ", ".join(
        f"{code} {cms.get(code, 0)} against {ama.get(code, 0)}"
        for code in sorted({*cms, *ama})
        if cms.get(code, 0) != ama.get(code, 0)
    )
    more = f"{abs(many - few)} {'more' if many > few else 'fewer'} under CMS"
    return [
        f"CMS and AMA counting differ: {_count(many)} against {_count(few)} ({more}): {by_code}."
    ]
