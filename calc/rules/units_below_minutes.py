from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import DAYS_OR_CODES, Rule


class UnitsBelowMinutes(Rule):
    """Fewer timed units are billed for a day than its minutes support.

    The day's timed minutes together earn more units than the documented services are billed
    with, or those of a code of another length, such as an hour, which count alone. The pay for the
    difference is lost, less what another code has too many of. Units of services without a session
    do not count, but those without minutes bill what the others earn: where they make up the
    difference the day is paid in full. Nor do minutes of a code that is not paid, at all or beside
    another one that is billed and documented.

    Bill the units left out while the payer still takes a corrected claim.

    Example::

        code,minutes,units_billed,finding
        97116,23,1,U202
        97116,22,1,
    """

    code, severity, over = "U202", "info", "day"
    authority, by_counting_rule = "mcpm-5-20.2", True
    needs = ("units_billed", "lengths", "units_apart")
    refuted_by = ("lines", "rows")
    message = (
        "{found} timed {found:unit|units} billed[ {which}], {expected} supported by {whose} minutes"
    )
    _of_some = nw.when(nw.col("day_undocumented") > 0).then(nw.lit("for documented services"))
    said = (("which", _of_some), ("whose", DAYS_OR_CODES))
    # Rows without minutes (U209) bill what the others earn.
    _without = nw.col("day_without_minutes")
    found = nw.col("day_kept") + _without
    expected = nw.col("day_units") - nw.col("day_unpayable")
    flag = (found < expected) & ~nw.col("divided")
    _lost = nw.col("day_over_cents") - nw.col("day_unpayable_cents").fill_null(0)
    _net = _lost + nw.col("day_without_cents")
    takes_units = nw.lit(True)
    cents = nw.when(_without == 0).then(_lost).when(_net < 0).then(_net).otherwise(_net * 0)
    _left_out = (nw.col("day_wrong") == 0) & (_without == 0)
    explained = (
        nw.when(_left_out).then(nw.lit("U208"))
        .when(nw.col("day_doubtful") > 0).then(nw.lit("T109"))
        .otherwise(nw.lit(""))
    )  # fmt: skip
