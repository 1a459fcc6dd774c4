from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import DAYS_OR_CODES, DOUBLED, Rule


class UnitsExceedMinutes(Rule):
    """More timed units are billed for a day than its minutes support.

    Medicare counts the day's timed minutes together: 8 to 22 are one unit, 23 to 37 two, and so
    on. Codes whose units are of another length, such as an hour, count alone, each unit past its
    midpoint. Units above that are an overpayment. Other payers are checked by their own counting
    rule, code by code if it says so. Units billed for a denial (GA, GX, GY, GZ) do not count, and
    beside them no dollars are said. Dollars are those of the day's claim, corrected: of codes that
    tie the better paid keep their units, as right as any, and where a code that pays more has units
    too few they may be less than nothing.

    Look for minutes that were not written down. Where there are none, correct the claim.

    Example::

        code,start,end,units_billed,finding
        97116,09:00,09:22,2,U201
        97116,09:00,09:23,2,
    """

    code, severity, over = "U201", "error", "day"
    authority, by_counting_rule = "mcpm-5-20.2", True
    needs = ("units_billed", "times", "lengths", "units_apart")
    refuted_by = ("rows", "dates")
    message = (
        "{found} timed {found:unit|units} billed, {expected} supported by {whose} minutes" + DOUBLED
    )
    said = (("doubled", nw.col("doubled_minutes")), ("whose", DAYS_OR_CODES))
    _asked = nw.col("day_units_billed") - nw.col("day_refused")
    _kept = nw.col("day_kept") - nw.col("day_refused")
    _beyond = _kept > nw.col("day_units")
    found = nw.when(_beyond).then(_kept).otherwise(_asked)
    expected = nw.col("day_units")
    flag = _asked > nw.col("day_units")
    # Of minutes that co-treatment may share otherwise all that was billed is supported.
    takes_units = ~nw.col("divided")
    _cents = nw.when(_beyond).then("day_over_cents").otherwise("day_unsupported_cents")
    cents = nw.when(nw.col("day_refused") == 0).then(_cents)
    _borne_by_hours = _kept - nw.col("day_units") <= nw.col("day_hour_units")
    explained = (
        nw.when(~_beyond & (nw.col("day_undocumented") > 0)).then(nw.lit("U207"))
        .when((nw.col("day_doubtful") > 0) & _borne_by_hours).then(nw.lit("T109"))
        .when(~_beyond).then(nw.lit("U209"))
        .when(nw.col("day_minutes") < nw.col("first_minutes")).then(nw.lit("U204"))
        .otherwise(nw.col("cause_rule"))
    )  # fmt: skip
