"""Billed lines added up, and what their reader must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw

from calc.billing import CENTS, Options
from calc.money import show

# The steps of a line that totals and notes need beside what is printed.
NEEDED = ("clinician", "year", "payer_part_b", "kx_bucket", "kx_threshold_cents", "needs_kx")
_OF_BALANCES = ("opening_deductible_cents", "year_deductible_cents")


def needed(options: Options, by_patient: bool = False) -> tuple[str, ...]:
    """The steps of lines billed by ``options`` that notes, and totals by patient or not, need."""
    left = () if options.deductible is None else _OF_BALANCES
    spent = ("prior_cents",) if options.prior else ()
    # What a year has come to line by line is in no other total, and takes a while to add up.
    so_far = ("year_cents",) if by_patient else ()
    return (*NEEDED, *left, *spent, *so_far)


@dataclass(frozen=True, order=True)
class Anew:
    """A year after a patient's first one, which begins with its whole deductible."""

    year: int
    deductible_cents: int


@dataclass(frozen=True, order=True)
class Above:
    """A year whose deductible is less than what is said to be left of it."""

    year: int
    deductible_cents: int


@dataclass(frozen=True, order=True)
class InYear:
    """A year of the log."""

    year: int


@dataclass(frozen=True, order=True)
class Taken:
    """A year that balances of an option are taken for, and say no year."""

    option: str
    year: int


@dataclass(frozen=True, order=True)
class Passed:
    """A year whose KX threshold is less than an amount of --prior that is taken for it."""

    year: int
    threshold_cents: int


Counted = str | Above | Anew | InYear | Passed | Taken


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


def years_left(lines: nw.DataFrame[Any]) -> list[str]:
    """A note where lines of several years leave open which of them a KX_LEFT is of."""
    last = lines.group_by("patient").agg(nw.col("year").max())["year"].drop_nulls()
    if not len(last) or lines["year"].min() == last.max():
        return []
    first, latest = last.min(), last.max()
    years = str(latest) if first == latest else f"{first} to {latest}"
    return [f"kx left is of each patient's last year in the log: {years}"]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counts(lines: nw.DataFrame[Any], options: Options) -> Counter[Counted]:
    """What `notes` speaks of, as numbers that add up over the batches of a log."""
    unknown = lines.filter(
        nw.col("payer_part_b"), nw.col("kx_bucket") != "", nw.col("kx_threshold_cents").is_null()
    )
    unworked = nw.col("work_cents").is_null() & ~nw.col("allowed_cents").is_null()
    unshared = nw.col("payer_part_b") & nw.col("medicare_cents").is_null()
    unshared = unshared & ~nw.col("allowed_cents").is_null()
    found: dict[Counted, int] = {
        "lines": len(lines),
        "part_b": int(lines["payer_part_b"].sum()),
        **{name: int(lines[name].sum()) for name in ("units", *CENTS.values())},
        **{f"known_{name}": int(lines[name].count()) for name in CENTS.values()},
        "unpriced": lines["allowed_cents"].null_count(),
        "unworked": len(lines.filter(unworked)),
        "unshared": len(lines.filter(unshared)),
        "ties": int(lines["tie"].sum()),
        "kx": int(lines["needs_kx"].sum()),
        "no_threshold": len(unknown),
        "no_discipline": int((lines["discipline"] == "").sum()),
        "no_balance": _without_balance(lines, options),
    }
    found |= above(lines, options) | _anew(lines, options)
    return Counter(found | _years(lines, options) | _passed(lines, options))


def _without_balance(lines: nw.DataFrame[Any], options: Options) -> int:
    """How many patients of Part B a file of deductibles does not name."""
    if options.deductible is None or "" in options.deductible:
        return 0
    first = _first_years(lines).select("patient", "first_year").iter_rows()
    return sum(not options.has_balance(patient, year) for patient, year in first)


def _first_years(lines: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """The patients of Part B, each with the year that balances of no year are of."""
    mine = lines.filter(nw.col("payer_part_b"))
    paid = nw.when(nw.col("allowed_cents") > 0).then(nw.col("year"))
    least = nw.col("paid_year").min(), nw.col("year").min()
    first = mine.with_columns(paid_year=paid).group_by("patient").agg(*least)
    return first.with_columns(first_year=nw.coalesce("paid_year", "year"))


def _years(lines: nw.DataFrame[Any], options: Options) -> dict[Counted, int]:
    """The log's years, and those for which balances of no year are taken, by patients."""
    if not options.balances and "--deductible" not in options.yearless:
        return {}
    rows = lines.group_by("year").agg(nw.len()).drop_nulls().iter_rows()
    found: dict[Counted, int] = {InYear(year): count for year, count in rows}
    first = _first_years(lines)
    for option, patients in options.yearless.items():
        mine = nw.col("patient").is_in(list(patients))
        taken = first if "" in patients else first.filter(mine)
        found |= Counter(Taken(option, year) for year in taken["first_year"].to_list())
    return found


def _passed(lines: nw.DataFrame[Any], options: Options) -> dict[Counted, int]:
    """The patients of each year whose amount of --prior, which says none, passes its threshold."""
    patients = options.yearless.get("--prior")
    if patients is None:
        return {}
    high = lines.filter(
        nw.col("payer_part_b"),
        nw.col("patient").is_in(list(patients)),
        (nw.col("prior_cents") > nw.col("kx_threshold_cents")).fill_null(False),
    )
    whose = high.select("patient", "year", "kx_threshold_cents").unique()
    return dict(Counter(Passed(*of) for _, *of in whose.iter_rows()))


def _anew(lines: nw.DataFrame[Any], options: Options) -> dict[Counted, int]:
    """The patients of each year after the first that Medicare pays; none where all is met."""
    if options.deductible is None:
        return {}
    mine = lines.filter(nw.col("payer_part_b"), ~nw.col("year_deductible_cents").is_null())
    paid = nw.when(nw.col("allowed_cents") > 0).then(nw.col("year"))
    mine = mine.with_columns(paid_year=paid).with_columns(
        first_year=nw.col("paid_year").min().over("patient")
    )
    later = mine.filter(nw.col("year") > nw.col("first_year"))
    return _patients_by_year(Anew, later, options.deductible)


def above(lines: nw.DataFrame[Any], options: Options) -> dict[Counted, int]:
    """The patients of each year whose balance is more than its deductible."""
    if options.deductible is None:
        return {}
    opening, year = (nw.col(name) for name in _OF_BALANCES)
    high = lines.filter(nw.col("payer_part_b"), (opening > year).fill_null(False))
    return _patients_by_year(Above, high)


def _patients_by_year(
    kind: type[Anew | Above], lines: nw.DataFrame[Any], but: Container[Any] = ()
) -> dict[Counted, int]:
    """Patients of each year, without those of whom the year stands in ``but``."""
    whose = lines.select("patient", "year", "year_deductible_cents").unique().iter_rows()
    return dict(Counter(kind(*of) for patient, *of in whose if (patient, of[0]) not in but))


def above_said(counted: Mapping[Counted, int], options: Options) -> list[str]:
    """A note for each year of `above`."""
    left = (options.deductible or {}).get("")
    amount = "" if left is None else f" {show(left)[1:]}"
    years = sorted(year for year in counted if isinstance(year, Above))
    return [
        f"--deductible{amount} is more than the deductible of {year.year}"
        f" ({show(year.deductible_cents)[1:]})"
        + ("" if amount else f" for {_count(counted[year], 'patient')}")
        for year in years
    ]


def _taken_said(counted: Mapping[Counted, int], options: Options) -> list[str]:
    """Notes of the years that balances of no year are taken for, where the log has several."""
    if sum(isinstance(year, InYear) for year in counted) <= 1:
        return []
    said = []
    for option in options.yearless:
        years = sorted(y for y in counted if isinstance(y, Taken) and y.option == option)
        if years:
            taken = ", ".join(f"{y.year} for {_count(counted[y], 'patient')}" for y in years)
            said.append(
                f"{option}: amounts without a year are taken for each patient's first paid year,"
                f" {taken}; a file with a column year says otherwise"
            )
    return said + [
        f"--prior is more than the KX threshold of {year.year} ({show(year.threshold_cents)[1:]})"
        f" for {_count(counted[year], 'patient')}"
        for year in sorted(year for year in counted if isinstance(year, Passed))
    ]


def notes(counted: Mapping[Counted, int], options: Options) -> list[str]:
    """What a reader of lines with these `counts` must know, one sentence each."""
    work, allowed, medicare, patient = (
        show(counted[name]) if counted[f"known_{name}"] else "none" for name in CENTS.values()
    )
    total = f"{_count(counted['lines'], 'line')}, {_count(counted['units'], 'unit')}"
    total += f", work component {work}, allowed {allowed}" if counted["lines"] else ""
    if counted["part_b"]:
        shares = f"Medicare pays {medicare}, patients {patient}"
        total += f" ({shares}; {options.deductible_said})"
    said = [total]
    if counted["no_balance"]:
        patients = _count(counted["no_balance"], "patient")
        dated = "--deductible" in options.years
        anew = dated or any(isinstance(year, Anew) for year in counted)
        whose = "deductible of the first year" if anew else "deductible"
        of_it = " for it" if dated else ""
        said.append(f"{whose} assumed met for {patients} that --deductible does not name{of_it}")
    said += [
        f"{year.year} begins with its whole deductible ({show(year.deductible_cents)[1:]})"
        f" for {_count(counted[year], 'patient')}"
        for year in sorted(year for year in counted if isinstance(year, Anew))
    ]
    said += above_said(counted, options)
    said += _taken_said(counted, options)
    said += options_said(options, bool(counted["part_b"]) or not counted["lines"], "these lines")
    if counted["unpriced"]:
        said.append(f"{_count(counted['unpriced'], 'line')} without an allowed amount: see reason")
    if counted["unworked"]:
        lines = _count(counted["unworked"], "line")
        said.append(f"{lines} with an allowed amount but no work component")
    if counted["unshared"]:
        lines = _count(counted["unshared"], "line")
        said.append(f"{lines} with an allowed amount but no shares of it: see reason")
    said += lines_said(counted)
    return said


def lines_said(counted: Mapping[Counted, int]) -> list[str]:
    """What the cells of lines with these `counts` do not say by themselves."""
    said = []
    if counted["ties"]:
        said.append(f"{_count(counted['ties'], 'line')} tied with another code: either is right")
    if counted["kx"]:
        said.append("KX is due by this log and --prior alone: claims of others are not seen")
    if counted["no_threshold"]:
        lines = _count(counted["no_threshold"], "line")
        said.append(f"{lines} on days without a KX threshold: not checked")
    if counted["no_discipline"]:
        lines = _count(counted["no_discipline"], "line")
        said.append(f"{lines} without discipline, so no GP, GO or GN: --discipline fills blanks")
    return said


def options_said(options: Options, part_b: bool, whose: str) -> list[str]:
    """Whose fees they are, and the options for which nothing of ``whose`` has a use."""
    if part_b:
        return options.said
    given = {
        "--nonparticipating": options.nonparticipating,
        "--deductible": options.deductible is not None,
        "--prior": bool(options.prior),
    }
    unused = " and ".join(option for option, here in given.items() if here)
    note = [f"{unused}: of Medicare Part B alone, not used for {whose}"] if unused else []
    return [*replace(options, nonparticipating=False).said, *note]


def strangers(options: Options, there: Iterable[str]) -> list[str]:
    """How many patients of each file of opening balances have no row that is used."""
    known, said = frozenset(there), []
    for option, patients in options.balances.items():
        missing = len(patients - known)
        if missing:
            said.append(
                f"{option} names {_count(len(patients), 'patient')}, {missing:,} of them not in the"
                " log's used rows: write each as the log does"
            )
    return said


def other_years(options: Options, there: Iterable[int]) -> list[str]:
    """The years of each file of opening balances that the log lacks."""
    known = frozenset(there)
    return [
        f"{option} has amounts of {', '.join(map(str, sorted(years - known)))}, but no used row is"
        " of then"
        for option, years in options.years.items()
        if years - known
    ]


def years_of(counted: Iterable[Counted]) -> list[int]:
    """The years of lines with these `counts`, where balances are given."""
    return [year.year for year in counted if isinstance(year, InYear)]
