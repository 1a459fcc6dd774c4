"""The one path from SESSION rows to claim lines, for one visit and for a million.

Every figure of ``config/`` is joined here, once; the steps themselves are pure.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw

from calc import counting, engine, lookups, modifiers, pricing, reserved, times, values
from calc.errors import InputError
from calc.inputs import is_named
from calc.logs import Defaults, Log, maps_of, read, rejected_said
from calc.params import Config, load
from calc.schema import BY_DAY, CODE_KEY, DISCIPLINE_VISIT, KX_BUCKET, LINE, kx_bucket

CENTS = {
    "work_payment": "work_cents",
    "allowed": "allowed_cents",
    "medicare_pays": "medicare_cents",
    "patient_pays": "patient_cents",
}


@dataclass(frozen=True)
class Options:
    """How to price: whose factor and fee, and what a patient's year began with.

    ``deductible``: cents left by patient, "" for every other patient; assumed met of all it lacks.
    ``prior``: allowed cents of the year elsewhere, by patient and threshold (PT+SLP or OT; PT and
    SLP are those of both). The keys of either may end in a year; an amount without one is of the
    first in which Medicare pays for the patient. Raises InputError for what is none of these.
    """

    qualifying_apm: bool = False
    nonparticipating: bool = False
    deductible: Mapping[str | tuple[str, int], int] | None = None
    prior: Mapping[tuple[str, str] | tuple[str, str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("qualifying_apm", "nonparticipating"):
            if not isinstance(getattr(self, name), bool):
                what = f"{name}: {getattr(self, name)!r} is neither True nor False"
                raise InputError(what, hint=f"write {name}=True")
        if self.deductible is not None:
            left = _cents("deductible", self.deductible, '{"A1": 25700, "": 0}')
            object.__setattr__(self, "deductible", left)
        prior: dict[Any, int] = {}
        for key, cents in _cents("prior", self.prior, '{("A1", "PT+SLP"): 120000}').items():
            own = (key[0], _bucket(key), *key[2:])
            prior[own] = prior.get(own, 0) + cents
        object.__setattr__(self, "prior", prior)

    @property
    def balances(self) -> dict[str, frozenset[str]]:
        """The patients with opening balances, by the option that gave them."""
        given = {"--prior": {key[0] for key in self.prior}}
        given["--deductible"] = {_patient(key) for key in self.deductible or {}} - {""}
        return {option: frozenset(patients) for option, patients in given.items() if patients}

    @property
    def yearless(self) -> dict[str, frozenset[str]]:
        """The patients with opening balances of no year, by option; "" for every other patient."""
        given = {"--prior": {key[0] for key in self.prior if len(key) == _WITHOUT_YEAR}}
        given["--deductible"] = {key for key in self.deductible or {} if isinstance(key, str)}
        return {option: frozenset(patients) for option, patients in given.items() if patients}

    @property
    def years(self) -> dict[str, frozenset[int]]:
        """The years that opening balances are said to be of, by option."""
        given = {"--prior": {year for year in map(_year, self.prior) if year is not None}}
        given["--deductible"] = {key[1] for key in self.deductible or {} if isinstance(key, tuple)}
        return {option: frozenset(years) for option, years in given.items() if years}

    @property
    def opened(self) -> tuple[str, ...]:
        """The columns that `with_balances` adds."""
        left = () if self.deductible is None else ("left_cents", "year_left_cents")
        return (*left, "elsewhere_cents", "year_elsewhere_cents") if self.prior else left

    @property
    def patients(self) -> frozenset[str]:
        """All patients with opening balances."""
        return frozenset().union(*self.balances.values())

    def for_patients(self, new: Callable[[str], str]) -> Options:
        """The same with the opening balances of patients under other names; "" stays."""
        prior: dict[Any, int] = {(new(key[0]), *key[1:]): n for key, n in self.prior.items()}
        if self.deductible is None:
            return replace(self, prior=prior)
        left: dict[Any, int] = {
            (new(key[0]), key[1]) if isinstance(key, tuple) else key and new(key): cents
            for key, cents in self.deductible.items()
        }
        return replace(self, prior=prior, deductible=left)

    @property
    def said(self) -> list[str]:
        """Whose fees they are, where it is not the usual."""
        words = {
            "fees of a provider who does not participate": self.nonparticipating,
            "conversion factor of qualifying APM participants": self.qualifying_apm,
        }
        return [text for text, here in words.items() if here]

    @property
    def deductible_said(self) -> str:
        return "after the deductible" if self.deductible else "deductible assumed met"

    def has_balance(self, patient: str, year: int) -> bool:
        """Whether what is left of the patient's deductible is given; else it is assumed met.

        ``year``: the first in which Medicare pays for the patient.
        """
        left = self.deductible or {}
        return patient in left or "" in left or (patient, year) in left

    @property
    def basis(self) -> str:
        return "QPP" if self.qualifying_apm else "nonQPP"


def _cents(name: str, given: object, example: str) -> dict[Any, int]:
    """The same amounts as whole numbers; other libraries have whole numbers of their own."""
    hint = f"give whole cents, such as {name}={example}"
    if not isinstance(given, Mapping):
        raise InputError(f"{name}: {type(given).__name__} is no mapping", hint=hint)
    found = {}
    for key, cents in given.items():
        if name == "deductible" and not (isinstance(key, str) or _is_of_year(key)):
            raise InputError(f"{name}: a key is no patient's text", hint=hint)
        try:
            found[key] = -1 if isinstance(cents, bool) else operator.index(cents)
        except TypeError:
            found[key] = -1
        if found[key] < 0:
            raise InputError(f"{name}: {cents!r} is no number of cents", hint=hint)
    return found


_WITHOUT_YEAR = 2  # parts of a key of `Options.prior`


def _is_of_year(key: object) -> bool:
    """Whether a key of `Options.deductible` is a patient with a year."""
    if not isinstance(key, tuple) or len(key) != 2:
        return False
    return isinstance(key[0], str) and key[0] != "" and _is_year(key[1])


def _is_year(part: object) -> bool:
    return isinstance(part, int) and not isinstance(part, bool)


def _year(key: tuple[str, str] | tuple[str, str, int]) -> int | None:
    """The year of a key of `Options.prior`, if it says one."""
    last = key[-1]
    return last if isinstance(last, int) else None


def _patient(key: str | tuple[str, int]) -> str:
    """The patient of a key of `Options.deductible`."""
    return key[0] if isinstance(key, tuple) else key


def _bucket(key: object) -> str:
    """The threshold of a key of `Options.prior`."""
    if isinstance(key, tuple) and len(key) >= _WITHOUT_YEAR:
        whose, years = key[:_WITHOUT_YEAR], key[_WITHOUT_YEAR:]
        sound = all(isinstance(part, str) for part in whose) and all(map(_is_year, years))
        if sound and len(years) <= 1 and (bucket := kx_bucket(key[1])):
            return bucket
    hint = "its keys are patient and threshold, such as ('A1', 'PT+SLP') or ('A1', 'OT')"
    raise InputError("prior: a key is no patient with a threshold", hint=hint)


def bill(
    log: Log,
    config: Config,
    options: Options | None = None,
    columns: Sequence[str] = (),
) -> nw.LazyFrame[Any]:
    """Claim lines of a log: see `bill_services`.

    With ``columns`` only these of the lines: a large log is then billed in parts side by side.
    """
    days = engine.distinct(log.sessions, "date")
    sessions = dense(modifiers.with_disciplines(log.sessions, config.timed_codes), config)
    wanted = tuple(dict.fromkeys((*columns, *ORDER))) if columns else ()
    by_line = "charge" in log.cells

    def part(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        lengths = times.with_lengths(rows)
        services = services_of(lengths, config, log.carried)
        beside = bundled_apart(lengths, config, days), borne(rows)
        lines = _lines(services, config, days, options, *beside, rows if by_line else None)
        return lines.select(*wanted) if wanted else lines

    # No step looks beyond a patient.
    lines = engine.in_parts(sessions, "patient", part) if columns else part(sessions)
    lines = _in_order(lines)
    return lines.select(*dict.fromkeys(columns)) if columns else lines


def bill_services(
    services: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    options: Options | None = None,
    apart: nw.LazyFrame[Any] | None = None,
    borne: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """Claim lines of services, each with every step that led to it, in claim order.

    The columns of schema.LINE (money in cents under the names of CENTS), the steps of counting,
    modifiers and pricing, then the log's own columns. A line that cannot be priced has null
    money and says why in ``reason``. ``apart``: see `bundled_apart`, ``borne``: see `borne`.
    """
    step = engine.stepwise(services)
    return step(_lines(services, config, days, options, apart, borne), _in_order)


ORDER = ("date", "patient", "provider", "day_turn", "discipline", "payer", "code")  # of lines


def _in_order(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return engine.plain(engine.arranged(lines, ORDER))


def _lines(
    services: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    options: Options | None,
    apart: nw.LazyFrame[Any] | None,
    borne: nw.LazyFrame[Any] | None,
    rows: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """``rows``: of a log that says what each line is charged, see `modifiers.own_charges`."""
    options = options or Options()
    step = engine.stepwise(services)
    many = step is engine.plainly
    days = days if many else _whole_month(days)
    lines = with_balances(step(services, count_lines, config, days), options)
    if rows is not None:
        lines = modifiers.own_charges(lines, rows)
    whose = (options.qualifying_apm, options.nonparticipating)
    alike = services if many else None
    lines = step(lines, _priced, config, days, whose, options.opened, alike, rows is not None)
    if apart is None:
        lines = lines.with_columns(beside=nw.lit(None, dtype=nw.String))
    else:
        lines = modifiers.beside(lines, apart, _ONE_PAYER)
    if borne is None:
        lines = lines.with_columns(uncarried=nw.lit(None, dtype=nw.String))
    else:
        lines = modifiers.uncarried(lines, borne, CODE_KEY)
    return step(lines, _explained, config)


def _whole_month(days: list[date]) -> list[date]:
    """All days of the month in which ``days`` lie: figures looked up for one visit serve others."""
    if len({(day.year, day.month) for day in days}) != 1:
        return days
    first = days[0].replace(day=1)
    month = (first + timedelta(days=ahead) for ahead in range(31))
    return [day for day in month if day.month == first.month]


def _priced(
    lines: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    whose: tuple[bool, bool],
    opened: tuple[str, ...],
    services: nw.LazyFrame[Any] | None,
    by_line: bool,
) -> nw.LazyFrame[Any]:
    """Claim lines with every money step; ``whose`` factor and fee are the first two `Options`."""
    lines = fees(modifiers.parts(lines), config, days, Options(*whose), services)
    return price(lines, config, days, opened, by_line)


def _explained(lines: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """Add ``reason`` and ``modifiers`` to lines that have all else."""
    of_another = {name: _of_another(codes, name) for name, codes in config.bound_codes.items()}
    odd = (
        nw.col("unsure") | nw.col("units").is_null() | nw.col("medicare_cents").is_null()
        | (nw.col("lost_ms") > 0) | _claimed() | ~nw.col("beside").is_null()
        | ~nw.col("uncarried").is_null() | _beyond_a_day() | _uncounted()
    )  # fmt: skip
    evaluations = [code for code, facts in config.codes.items() if facts["evaluation"]]
    helped = nw.col("code").is_in(evaluations) & (nw.col("assistant_rows") > 0)
    # Few lines have such a code: whether it is wrong is asked of these alone.
    bound = (code for codes in config.bound_codes.values() for code in codes)
    odd = odd | nw.col("code").is_in(sorted({*evaluations, *bound}))
    blank = {"reason": (nw.lit(""), str)}
    why = partial(_with_reason, of_another=of_another, helped=helped)
    return modifiers.text(engine.amended(lines, odd, _OF_REASON, why, blank))


def _beyond_a_day() -> nw.Expr:
    """The minutes of the line, or of all that are counted with them, fill more than a day."""
    return nw.max_horizontal("minutes", "day_minutes") * times.MINUTE > times.DAY


def _of_another(codes: Sequence[str], discipline: str) -> nw.Expr:
    """Whether a line bills one of ``codes``, which are this discipline's alone, for another one."""
    bills = (nw.col("units") != 0).fill_null(True)
    return bills & nw.col("code").is_in(list(codes)) & ~nw.col("discipline").is_in(["", discipline])


def dense(sessions: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """SESSION rows whose text columns an engine can treat as numbers; see `engine.dense`.

    Of few rows only those whose values are known: a plan is kept by the columns' kinds, which
    should hold no names, and serves other patients.
    """
    known = values.dense(config)
    if engine.stepwise(sessions) is not engine.plainly:
        known = {name: held for name, held in known.items() if held is not None}
        sessions = engine.plain(sessions)
    return engine.dense(sessions, known)


def count_lines(
    services: nw.LazyFrame[Any], config: Config, days: list[date], rule: str = ""
) -> nw.LazyFrame[Any]:
    """Services with their units (see `count_services`), parted into their codes."""
    return code_lines(count_services(services, config, days, rule), config)


def code_lines(services: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """Services parted into their codes (97129 and 97130)."""
    return counting.code_lines(lookups.add_ons(services, config))


def count(
    sessions: nw.LazyFrame[Any], config: Config, days: list[date], rule: str = ""
) -> nw.LazyFrame[Any]:
    """Services with units and assistant's units, from SESSION rows; see `count_services`."""
    services = services_of(times.with_lengths(sessions), config)
    return count_services(services, config, days, rule)


def services_of(
    sessions: nw.LazyFrame[Any], config: Config, carried: tuple[str, ...] = ()
) -> nw.LazyFrame[Any]:
    """Minutes by pool and service, of rows `with_lengths`: each minute of a patient once."""
    sessions = counted_once(sessions.select(*counting.NEEDED, *carried), config)
    return engine.stepwise(sessions)(sessions, counting.services, carried)


def counted_once(sessions: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    """Rows `with_lengths` with service, lane, counted_ms, therapist_ms: see `times.count_once`."""
    step = engine.stepwise(sessions)
    sessions = engine.settled(step(sessions, _with_lanes, config))
    crowded = engine.settled(step(sessions, times.crowded_patients))
    if engine.count(crowded):
        # A code by area or extremity may stand in the log for each of several.
        each = [code for code, facts in config.codes.items() if facts["unit_basis"] not in BY_DAY]
        again = ~nw.col("code").is_in(each)
        return times.count_once(sessions, crowded, times.unmeasured, again)
    return step(sessions, times.apart)


def _with_lanes(sessions: nw.LazyFrame[Any], config: Config) -> nw.LazyFrame[Any]:
    sessions = lookups.localities(lookups.code_facts(sessions, config), config)
    one_on_one = (nw.col("attendance") == "one-on-one") & (nw.col("mode") != "group")
    return sessions.with_columns(
        lane=nw.when(one_on_one).then(nw.lit("")).otherwise(nw.col("service"))
    )


def count_services(
    services: nw.LazyFrame[Any], config: Config, days: list[date], rule: str = ""
) -> nw.LazyFrame[Any]:
    """Units of services: each payer counts by its own rule, or all by ``rule`` if one is named."""
    services = lookups.service_facts(services, config)
    services = lookups.counting_rules(services, config, rule)
    services = lookups.policies(services, config, days)
    return modifiers.assistant_units(counting.without_idle(counting.count(services)))


def fees(
    lines: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    options: Options,
    services: nw.LazyFrame[Any] | None = None,
) -> nw.LazyFrame[Any]:
    """Add the figures in force on each line's date, and the fee of a unit, full and reduced.

    ``services``: those whose lines they are, if these are many and have few figures.
    """

    def figures(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        rows = lookups.payments(lookups.localities(rows, config, "locality_number"), config)
        rows = lookups.calendar(rows, config, days, options.basis, options.nonparticipating)
        rows = lookups.gpcis(lookups.rvus(rows, config, days), config, days)
        rows = pricing.fees(lookups.payers_own(rows, config, days))
        return _with_price_reason(rows, lookups.with_own_factor(config))

    if services is None:
        return figures(lines)
    known = lookups.codes_of(services, config, "date", "payer", "locality_number")
    return engine.once_for_all(lines, known.columns, figures, known)


def _with_price_reason(rows: nw.LazyFrame[Any], own: Sequence[str]) -> nw.LazyFrame[Any]:
    """Add ``unsure``, that something about the price is missing or wants a word: price_reason.

    ``own``: the payers with a conversion factor of their own.
    """
    names = ("cf", "share_percent", "fee_cents", "work_gpci")
    missing = nw.any_horizontal(*(nw.col(name).is_null() for name in names), ignore_nulls=True)
    unpriced = (nw.col("price_status") != "priced").fill_null(True)
    rows = rows.with_columns(
        unsure=unpriced | missing,
        settles=nw.col("payer_part_b") & nw.col("own_fee_cents").is_null(),
    )
    blank = {"price_reason": (nw.lit(""), str)}
    why = partial(_why_no_price, own=own)
    return engine.amended(rows, nw.col("unsure"), _OF_PRICE_REASON, why, blank)


_OF_PRICE_REASON = (
    "date", "code", "payer", "locality", "cf", "work_rvu", "price_status", "status", "fee_cents",
    "payer_fee_table", "own_fee_cents", "share_percent", "work_gpci",
)  # fmt: skip


def _why_no_price(rows: nw.LazyFrame[Any], own: Sequence[str]) -> nw.LazyFrame[Any]:
    own_factor = nw.col("payer").is_in(list(own))
    status, letter = nw.col("price_status"), nw.col("status").fill_null("")
    own_fee = ~nw.col("own_fee_cents").is_null()
    no_rvu = _on_day(nw.lit("no RVU for "), nw.col("code"))
    why = (
        # What a payer's own table says needs of Medicare's only the turn in a reduction.
        nw.when(own_fee & nw.col("fee_cents").is_null())
        .then(nw.concat_str([no_rvu, nw.lit(" to rank the reduction by")]))
        .when(own_fee & nw.col("cf").is_null())
        .then(_on_day(nw.lit("no conversion factor for the work component")))
        .when(own_fee)
        .then(nw.lit(""))
        .when(nw.col("payer_fee_table"))
        .then(_on_day(nw.lit("no fee of payer "), nw.col("payer"), nw.lit(" for "), nw.col("code")))
        .when(nw.col("cf").is_null() & own_factor)
        .then(_on_day(nw.lit("no conversion factor of payer "), nw.col("payer")))
        .when(nw.col("cf").is_null())
        .then(_on_day(nw.lit("no conversion factor")))
        .when(nw.col("work_rvu").is_null())
        .then(no_rvu)
        .when(nw.col("share_percent").is_null())
        .then(nw.concat_str([nw.lit("no fee known for payer "), nw.col("payer")]))
        .when(status == "bundled")
        .then(nw.lit("bundled, not paid apart (status B)"))
        .when(status == "contractor")
        .then(nw.concat_str([nw.lit("priced by the contractor (status "), letter, nw.lit(")")]))
        .when(status == "not paid")
        .then(nw.concat_str([nw.lit("no Medicare price (status "), letter, nw.lit(")")]))
        .when(nw.col("work_gpci").is_null())
        .then(_on_day(nw.lit("no GPCI for "), nw.col("locality")))
        .otherwise(nw.lit(""))
    )
    return rows.with_columns(price_reason=why)


def _on_day(*words: nw.Expr) -> nw.Expr:
    return nw.concat_str([*words, nw.lit(" on "), nw.col("date").dt.to_string("%Y-%m-%d")])


def price(
    lines: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    opened: Sequence[str],
    by_line: bool,
) -> nw.LazyFrame[Any]:
    """Every money step of lines with units and `fees`, by the figures in force on their dates.

    ``opened``: the columns that `with_balances` gave them; ``by_line``: `modifiers.own_charges`
    gave them theirs.
    """
    lines = pricing.allow(pricing.reduce_multiple(pricing.work(lines)))
    if by_line:
        lines = pricing.allow_own(lines).drop(modifiers.OWN_CHARGES)
    lines = _deductible(lines, "left_cents" in opened)
    amount = nw.col("allowed_cents")
    lines = _kx_figures(lines, config, days, "elsewhere_cents" in opened, amount)
    lines = pricing.settle(pricing.accrue(lines).drop("kx_least_cents"))
    part_b = nw.col("payer_part_b")
    return lines.with_columns(
        medicare_cents=nw.when(part_b).then(nw.col("medicare_cents")),
        patient_cents=nw.when(part_b).then(nw.col("patient_cents")),
    )


def with_balances(lines: nw.LazyFrame[Any], options: Options) -> nw.LazyFrame[Any]:
    """Add left_cents of the patient's deductible and elsewhere_cents, spent before the log.

    And year_left_cents and year_elsewhere_cents, of balances that are said to be of the line's
    year. None of them where nobody's are given.
    """
    if options.deductible is not None:
        left = [
            ((key[0],), key[1], cents) if isinstance(key, tuple) else ((key,), None, cents)
            for key, cents in options.deductible.items()
            if key
        ]
        lines = _with_opening(lines, ("patient",), left, "left_cents")
        others = options.deductible.get("", 0)
        lines = lines.with_columns(left_cents=nw.col("left_cents").fill_null(others))
    if options.prior:
        spent: list[_Opening] = [
            ((key[0], discipline), _year(key), cents)
            for key, cents in options.prior.items()
            for discipline, own in _KX_BUCKET.items()
            if own == key[1]
        ]
        lines = _with_opening(lines, ("patient", "discipline"), spent, "elsewhere_cents")
    return lines


_Opening = tuple[tuple[str, ...], int | None, int]  # whose, of which year if said, cents


def _with_opening(
    lines: nw.LazyFrame[Any],
    on: Sequence[str],
    given: Sequence[_Opening],
    name: str,
) -> nw.LazyFrame[Any]:
    """Add ``name``, the cents ``given`` of no year, and year_``name``, those of the line's year."""

    def added(rows: nw.LazyFrame[Any], dated: bool, name: str) -> nw.LazyFrame[Any]:
        mine = [
            ((*whose, year) if dated else whose, cents)
            for whose, year, cents in given
            if (year is not None) is dated
        ]
        keys = (*on, "balance_year") if dated else on
        table: engine.Columns = {key: [own[n] for own, _ in mine] for n, key in enumerate(keys)}
        types: dict[str, type] = dict.fromkeys(on, str) | ({"balance_year": int} if dated else {})
        table, types = table | {name: [cents for _, cents in mine]}, types | {name: int}
        return engine.looked_up(rows, table, types, keys)

    lines = added(lines, False, name)
    if all(year is None for _, year, _ in given):
        return lines.with_columns(nw.lit(None, dtype=nw.Int64).alias(f"year_{name}"))
    year = nw.col("date").dt.year().cast(nw.Int64)
    lines = added(lines.with_columns(balance_year=year), True, f"year_{name}")
    return lines.drop("balance_year")


_KX_BUCKET = {"": "", **KX_BUCKET}


def _deductible(lines: nw.LazyFrame[Any], left: bool) -> nw.LazyFrame[Any]:
    """Spend what is left of each patient's deductible.

    Later years of a log start anew, but for those whose own balance is given.
    """
    if not left:
        return lines.with_columns(deductible_cents=nw.lit(0, dtype=nw.Int64))
    lines = _with_first_year(lines, nw.col("allowed_cents"))
    opening = nw.when(nw.col("year") == nw.col("first_year")).then(nw.col("left_cents"))
    opened = nw.coalesce("year_left_cents", opening.otherwise(nw.col("year_deductible_cents")))
    return pricing.spend_deductible(lines.with_columns(opening_deductible_cents=opened)).drop(
        "left_cents", "year_left_cents", "first_year"
    )


def kx_figures(
    lines: nw.LazyFrame[Any], config: Config, days: list[date], options: Options
) -> nw.LazyFrame[Any]:
    """Add kx_bucket, kx_threshold_cents, kx_least_cents (of the year), prior_cents (elsewhere).

    And ``yearless``: an amount of no year is among these, whatever year it was taken for.
    """
    lines = with_balances(lines, replace(options, deductible=None))
    yearless = ~nw.col("elsewhere_cents").is_null() if options.prior else nw.lit(False)
    lines = lines.with_columns(yearless=yearless)
    return _kx_figures(
        lines, config, days, bool(options.prior), nw.col("fee_cents") * nw.col("units")
    )


def _with_first_year(lines: nw.LazyFrame[Any], amount: nw.Expr) -> nw.LazyFrame[Any]:
    """Add the patient's first_year in which Medicare pays: balances of no year are of that one.

    Where it pays nothing at all they are of the first year of Part B.
    """
    part_b = nw.col("payer_part_b")
    return (
        lines.with_columns(
            paid_year=nw.when(part_b & (amount > 0)).then(nw.col("year")),
            part_b_year=nw.when(part_b).then(nw.col("year")),
        )
        .with_columns(
            paid_year=nw.col("paid_year").min().over("patient"),
            part_b_year=nw.col("part_b_year").min().over("patient"),
        )
        .with_columns(first_year=nw.coalesce("paid_year", "part_b_year"))
        .drop("paid_year", "part_b_year")
    )


def _kx_figures(
    lines: nw.LazyFrame[Any],
    config: Config,
    days: list[date],
    elsewhere: bool,
    amount: nw.Expr,
) -> nw.LazyFrame[Any]:
    buckets: engine.Columns = {
        "discipline": list(_KX_BUCKET),
        "kx_bucket": list(_KX_BUCKET.values()),
    }
    lines = engine.looked_up(lines, buckets, dict.fromkeys(buckets, str), ["discipline"])
    names = sorted(set(KX_BUCKET.values()))
    thresholds = [(day, name, config.parameter("kx_threshold").find(day, name)) for day in days
                  for name in names]  # fmt: skip
    # It may change within a year: earlier lines count towards a later one too.
    least: dict[tuple[int, str], int] = {}
    for day, name, value in thresholds:
        if value:
            year = (day.year, name)
            least[year] = min(value.scaled, least.get(year, value.scaled))
    table: engine.Columns = {
        "date": [day for day, _, _ in thresholds],
        "kx_bucket": [name for _, name, _ in thresholds],
        "kx_threshold_cents": [value.scaled if value else None for _, _, value in thresholds],
        "kx_least_cents": [least.get((day.year, name)) for day, name, _ in thresholds],
    }
    types: dict[str, type] = {"date": date, "kx_bucket": str}
    types |= {"kx_threshold_cents": int, "kx_least_cents": int}
    lines = engine.looked_up(lines, table, types, ["date", "kx_bucket"])
    if not elsewhere:
        return lines.with_columns(prior_cents=nw.lit(0, dtype=nw.Int64))
    lines = _with_first_year(lines, amount)
    spent = nw.when(nw.col("year") == nw.col("first_year")).then(nw.col("elsewhere_cents"))
    of_year = nw.col("year_elsewhere_cents").fill_null(0)
    lines = lines.with_columns(prior_cents=spent.otherwise(0).fill_null(0) + of_year)
    return lines.drop("first_year", "elsewhere_cents", "year_elsewhere_cents")


_ONE_PAYER = (*DISCIPLINE_VISIT, "payer")


def bundled_apart(
    sessions: nw.LazyFrame[Any], config: Config, days: list[date]
) -> nw.LazyFrame[Any] | None:
    """Where 59 may be suggested; None where no edition of the edits covers a date of the log.

    The clock times of a code are those of its service: its add-on's rows may be all there are.
    """
    found, logged = None, lookups.codes_of_service(config)
    for edition in config.editions_on("ptp", days):
        rows = [row for row in config.rows("ptp", edition) if row["modifier_indicator"] == "1"]
        both = [
            (row["column1"], row["column2"], first, second)
            for row in rows
            for first in logged.get(row["column1"], [row["column1"]])
            for second in logged.get(row["column2"], [row["column2"]])
        ]
        names = ("column1", "column2", "logged1", "logged2")
        pairs: engine.Columns = {
            name: [pair[place] for pair in both] for place, name in enumerate(names)
        }
        here = sessions.filter(
            (nw.col("date") >= nw.lit(edition.first)) & (nw.col("date") <= nw.lit(edition.last))
        )
        table = engine.beside(
            sessions, pairs, dict.fromkeys(pairs, str), dict.fromkeys(pairs, "code")
        )
        apart = modifiers.bundled_apart(here, table, _ONE_PAYER)
        found = apart if found is None else nw.concat([found, apart], how="vertical")
    return found


def borne(sessions: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
    """What the log has of KX, 59 and its like, which its lines may lack; None for nothing."""
    return modifiers.borne(sessions, CODE_KEY)


def _uncounted() -> nw.Expr:
    return nw.col("counted_rows") == 0


def _claimed() -> nw.Expr:
    return (nw.col("claimed_rows") > 0) & (nw.col("assistant_rows") == 0)


_OF_REASON = (
    "units", "date", "price_reason", "settles", "medicare_cents", "lost_ms", "claimed_rows",
    "assistant_rows", "beside", "uncarried", "deductible_cents", "coinsurance_percent",
    "assistant_share_percent", "sequestration_permille", "modified", "payer_assistant_cut",
    "payer_sequestration", "code", "discipline", "counted_rows", "minutes", "day_minutes",
)  # fmt: skip


UNCOUNTED = "units not computed: minutes do not count this code"


def _with_reason(
    lines: nw.LazyFrame[Any], of_another: Mapping[str, nw.Expr], helped: nw.Expr
) -> nw.LazyFrame[Any]:
    """Add ``reason``: why money is blank or zero, and what a biller should look at.

    ``of_another``: whether a code is this discipline's alone and the line another's; ``helped``:
    whether an assistant took part in an evaluation.
    """
    untold = nw.col("settles") & nw.col("medicare_cents").is_null() & (nw.col("price_reason") == "")
    why = (
        nw.when(nw.col("units").is_null())
        .then(nw.lit(UNCOUNTED))
        .when(untold)
        .then(_on_day(nw.lit("no figure in "), _lacking()))
        .otherwise(nw.col("price_reason"))
    )
    minute = counting.MINUTE_MS
    lost = (nw.col("lost_ms") // minute).cast(nw.Int64).cast(nw.String)
    lost = nw.when(nw.col("lost_ms") < minute).then(nw.lit("under 1")).otherwise(lost)
    lines = lines.with_columns(reason=why)
    log_says = nw.col("discipline").cast(nw.String)
    only_assistants = nw.col("assistant_rows") == nw.col("counted_rows")
    remarks = (
        (_uncounted(), [nw.lit("time of students and aides does not count")]),
        (nw.col("lost_ms") > 0, [lost, nw.lit(" min also on another row, counted once")]),
        (_beyond_a_day(), [nw.lit("more minutes than a day has")]),
        (_claimed(), [nw.lit("CQ or CO in the log, but no assistant's minutes")]),
        *(
            (here, [nw.lit(f"the code is {name}'s alone, the log says "), log_says])
            for name, here in of_another.items()
        ),
        (helped & only_assistants, [nw.lit("an evaluation by an assistant alone is not payable")]),
        (helped & ~only_assistants, [nw.lit("an assistant took part in the evaluation")]),
        (~nw.col("uncarried").is_null(), [nw.col("uncarried")]),
        (
            ~nw.col("beside").is_null(),
            [nw.lit("59 suggested: bundled with "), nw.col("beside"), nw.lit(", at other times")],
        ),
    )
    # A column each time: an expression that repeats itself would grow threefold with each remark.
    before = nw.col("reason")
    for holds, words in remarks:
        both = nw.concat_str([before, nw.lit("; "), *words])
        said = nw.when(before == "").then(nw.concat_str(words)).otherwise(both)
        lines = lines.with_columns(reason=nw.when(holds).then(said).otherwise(before))
    return lines


def _lacking() -> nw.Expr:
    """The files that have no figure for the shares of a line, of those that it needs."""
    cut = (nw.col("modified") == 1) & nw.col("payer_assistant_cut")
    lacking = {
        "deductible": nw.col("deductible_cents").is_null(),
        "coinsurance": nw.col("coinsurance_percent").is_null(),
        "assistant_share": nw.col("assistant_share_percent").is_null() & cut,
        "sequestration": nw.col("sequestration_permille").is_null() & nw.col("payer_sequestration"),
    }
    files = [
        nw.when(here).then(nw.lit(f"{name}.toml, ")).otherwise(nw.lit(""))
        for name, here in lacking.items()
    ]
    return nw.concat_str(files).str.strip_chars(", ")


# --- for callers ---------------------------------------------------------------------------


def printed_from(carried: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The columns of lines that `as_printed` needs."""
    return (*(CENTS.get(name, name) for name in LINE), *carried)


def printed_names(carried: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The columns that `as_printed` gives."""
    return (*LINE, *map(reserved.shown, carried))


def as_printed(lines: nw.LazyFrame[Any], carried: tuple[str, ...] = ()) -> nw.LazyFrame[Any]:
    """The columns that `bill` prints, money in cents, then the log's own columns."""
    columns = {name: nw.col(CENTS.get(name, name)) for name in LINE}
    own = {reserved.shown(name): nw.col(name) for name in carried}
    return lines.select(**columns, **own)


def bill_frame(
    source: Any,
    *,
    rejects: bool = False,
    config: Config | None = None,
    options: Options | None = None,
    zone: str = "",
    date_order: str = "",
    maps: Mapping[str, str] | None = None,
    **defaults: str,
) -> Any:
    """Claim lines of a log: a path, or a frame, which comes back as the caller's own kind.

    Columns as `therapy-calc bill`, money as exact decimals of dollars. With ``rejects`` a pair
    (lines, rejects); otherwise a warning gives the count of rejected rows. ``defaults``: payer,
    locality, discipline, provider for blank cells. ``maps``: heading to our column.
    """
    config = config or load()
    blanks = Defaults(zone=zone, date_order=date_order, **defaults)
    log = read(source, config, blanks, maps=maps_of(maps), digest=False)
    columns = printed_from(log.carried)
    lines = as_printed(bill(log, config, options, columns), log.carried)
    lines = engine.decimals(lines, tuple(CENTS))
    bad = engine.without(log.rejects(), "hint")

    def back(frame: nw.LazyFrame[Any]) -> Any:
        return engine.collect(frame).to_native() if is_named(source) else engine.like(frame, source)

    if rejects:
        return back(lines), back(bad)
    count = len(engine.collect(bad.select("row")))
    if count:
        said = f"{rejected_said(count)}; call with rejects=True to see them"
        warnings.warn(said, stacklevel=3)
    return back(lines)
