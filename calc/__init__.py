"""Therapy billing: clock times to units to payment, and audits of therapists' time logs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Unpack

    from calc.estimating import Estimate
    from calc.keywords import Amount, AuditOptions, BillOptions, EstimateOptions, UnitsOptions

__version__ = "0.1.0"
__all__ = ["audit", "bill", "estimate", "units"]

# Steps that ask Polars for more while it works for them may wait for one another for ever where
# many threads do it. Each uses all cores, so that one after another takes no longer.
_ONE_AFTER_ANOTHER = threading.RLock()


def units(
    minutes: Mapping[Any, Amount],
    rule: str | None = "cms",
    **options: Unpack[UnitsOptions],
) -> dict[str, int | None]:
    """Units by code of one day's minutes of one patient, in the order given.

    minutes: of each code, as a number or text such as "0:47"; of a therapist and an assistant as
        ``(13, 23)``; None where no minutes count the code, as of an evaluation.
    rule: how minutes become units, one of counting_rules.toml; default "cms", also "ama".
    config: figures, as `calc.params.load("folder")` returns; default: the shipped ones, with
        the folder that THERAPY_CALC_CONFIG names laid over them.

    Units are None for a code whose units no minutes tell. An option that is None is not given.
    Raises InputError for a code, minutes, rule or option that cannot be used, ConfigError for
    faulty figures; both are a `calc.errors.CalcError` with ``what``, ``where`` and ``hint``.

    >>> units({"97112": 24, "97110": 23})
    {'97112': 2, '97110': 1}
    """
    from calc import estimating, keywords

    with _ONE_AFTER_ANOTHER, keywords.called():
        rule = "cms" if rule is None else rule
        return estimating.units(minutes, rule, **keywords.given("units", options))


def estimate(rows: Iterable[Mapping[str, Any]], **options: Unpack[EstimateOptions]) -> Estimate:
    """One visit's claim lines and money: ``.lines``, ``.totals`` and ``.explain()``.

    rows: one for each service, with the columns of `therapy-calc template` by name: ``code``, and
        ``start`` and ``end`` or ``minutes``; ``date`` (default: that of ``start``, of the others,
        or today) and ``role`` ("assistant") among others. An iterable of any kind.
    payer: of rows without one, as in payers.toml; default "medicare".
    locality: likewise, "OH-00" or part of a locality's name; default "US", the national fees.
    discipline: likewise, "PT", "OT" or "SLP"; default none: no GP, GO, GN or KX, and
        an assistant's row cannot be used.
    provider: likewise, who bills; default none.
    zone: of the clinic, "America/Chicago", for clock times across a change of the clocks.
    options: `calc.billing.Options`: deductible left and amounts allowed elsewhere, in cents by
        patient; factor of qualifying APM participants; fees of a provider who does not
        participate. Default: deductible met, nothing elsewhere, neither.
    config: figures, as `calc.params.load("folder")` returns; default: the shipped ones, with
        the folder that THERAPY_CALC_CONFIG names laid over them.
    places: how an error names each row, a text each; default "service 1" and on.

    Lines have the columns of `bill`. Money is an exact Decimal of dollars, None where it is not
    known. An option that is None is not given. Raises InputError for a row or option that
    cannot be used, ConfigError for a date without the figures that it needs; both are a
    `calc.errors.CalcError` with ``what``, ``where`` and ``hint``.

    >>> visit = estimate([{"code": "97116", "start": "2026-03-02 09:00", "end": "09:47"}])
    >>> visit.totals["units"], visit.totals["work_payment"]
    (3, Decimal('45.09'))
    """
    from calc import estimating, keywords

    with _ONE_AFTER_ANOTHER, keywords.called():
        return estimating.estimate(rows, **keywords.given("estimate", options))


def bill(source: Any, **options: Unpack[BillOptions]) -> Any:
    """Claim lines of a log, in claim order, with units, modifiers and money.

    source: the path of a file or folder, several paths, or a frame (pandas, Polars, PyArrow,
        DuckDB, Spark); a frame comes back as its own kind, of paths a Polars one.
    rejects: True for a pair, the lines and the records that cannot be used with their reasons;
        default False: a warning gives the count of those.
    payer: of rows without one, as in payers.toml; default "medicare".
    locality: likewise, "OH-00" or part of a locality's name; default "US", the national fees.
    discipline: likewise, "PT", "OT" or "SLP"; default none: no GP, GO, GN or KX, and
        an assistant's row cannot be used.
    provider: likewise, who bills; default none.
    zone: of the clinic, "America/Chicago", for clock times across a change of the clocks.
    options: `calc.billing.Options`: deductible left and amounts allowed elsewhere, in cents by
        patient; factor of qualifying APM participants; fees of a provider who does not
        participate. Default: deductible met, nothing elsewhere, neither.
    config: figures, as `calc.params.load("folder")` returns; default: the shipped ones, with
        the folder that THERAPY_CALC_CONFIG names laid over them.
    date_order: "mdy" or "dmy" of dates with slashes; default: as the log itself tells.
    maps: of headings that are not known to us, {"Time In": "start"}; "" for one to be left unread.
    sheet: of workbooks, by name; default: the first with our headings.

    Columns: those that `therapy-calc bill` prints, then the log's own as text, for rows that add
    up to a line may say several things there. Money is exact decimals of dollars, null where it
    is not known, and ``reason`` says why. An option that is None is not given. Raises InputError
    for a log or option that cannot be used, ConfigError for faulty figures; both are a
    `calc.errors.CalcError` with ``what``, ``where`` and ``hint``.

    >>> import pandas
    >>> row = {"patient": "p1", "date": "2026-03-02", "code": "97110", "minutes": 23}
    >>> bill(pandas.DataFrame([row]))[["code", "units", "allowed"]].values.tolist()
    [['97110', 2, Decimal('51.27')]]
    """
    from calc import billing, keywords

    with _ONE_AFTER_ANOTHER, keywords.called():
        return billing.bill_frame(source, **keywords.given("bill", options))


def audit(source: Any, **options: Unpack[AuditOptions]) -> Any:
    """Findings of a log: where what was billed is not what the rules support.

    source: the path of a file or folder, several paths, or a frame (pandas, Polars, PyArrow,
        DuckDB, Spark); a frame comes back as its own kind, of paths a Polars one.
    claims: billed lines beside the log, given as it is; default: the log's own billed units.
    claims_sheet: of workbooks of claims, by name; default: the first with our headings.
    select: only rules whose codes begin so, "U,M301" or a list; default: all.
    ignore: not those, likewise; default: none left out.
    report: True for the whole `calc.auditing.Audit`: findings (a narwhals frame of Polars' kind,
        their dollars as whole ``cents``, beside what waivers and baselines know them by), what did
        not run, totals; default False: the findings alone.
    payer: of rows without one, as in payers.toml; default "medicare".
    locality: likewise, "OH-00" or part of a locality's name; default "US", the national fees.
    discipline: likewise, "PT", "OT" or "SLP"; default none: no GP, GO, GN or KX, and
        an assistant's row cannot be used.
    provider: likewise, who bills; default none.
    zone: of the clinic, "America/Chicago", for clock times across a change of the clocks.
    options: `calc.billing.Options`: deductible left and amounts allowed elsewhere, in cents by
        patient; factor of qualifying APM participants; fees of a provider who does not
        participate. Default: deductible met, nothing elsewhere, neither.
    config: figures, as `calc.params.load("folder")` returns; default: the shipped ones, with
        the folder that THERAPY_CALC_CONFIG names laid over them.
    date_order: "mdy" or "dmy" of dates with slashes; default: as the log itself tells.
    maps: of headings that are not known to us, {"Time In": "start"}; "" for one to be left unread.
    sheet: of workbooks, by name; default: the first with our headings.

    Columns: those of `therapy-calc audit --format csv`. Dollars are exact decimals, positive for
    overbilled and negative for underbilled, null without an effect on money. A warning gives the
    count of records that cannot be used. An option that is None is not given. Raises InputError
    for a log, claims, rule or option that cannot be used, ConfigError for faulty figures; both are
    a `calc.errors.CalcError` with ``what``, ``where`` and ``hint``.

    >>> import pandas
    >>> row = {"patient": "p1", "date": "2026-03-02", "code": "97110", "minutes": 23}
    >>> found = audit(pandas.DataFrame([row | {"units_billed": 3}]), select="U")
    >>> found[["rule", "found", "expected", "dollars"]].values.tolist()
    [['U201', '3', '2', Decimal('22.21')]]
    """
    from calc import keywords, reviewing

    with _ONE_AFTER_ANOTHER, keywords.called():
        return reviewing.audit_frame(source, **keywords.given("audit", options))
