from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import DOUBLED, Rule


class UnitsOnWrongCode(Rule):
    """The day has the right number of timed units, but a code has too many or too few.

    Every code gets its whole quarter hours, and the units left go to the largest remainders.
    Codes whose remainders are equal may share the last units in any way: that is never a fault.
    Where one of these lines is billed for a denial (GA, GX, GY, GZ) nothing is said, nor where two
    clinicians at once may have shared the minutes in another way, nor where a code that is left
    out would not be paid, at all or beside another one.

    Move the unit to the code whose minutes earned it.

    Example::

        patient,code,minutes,units_billed,finding
        A,97110,23,1,
        A,97140,22,2,U203
        B,97110,23,1,
        B,97140,23,2,
    """

    code, severity, over = "U203", "warning", "service"
    authority, by_counting_rule = "mcpm-5-20.2", True
    needs = ("units_billed", "times", "lengths", "units_apart")
    refuted_by = ("lines", "rows")
    message = (
        "{found} {found:unit|units} of {code} billed, {whose} minutes allow {expected}" + DOUBLED
    )
    _whose = nw.when("in_pool").then(nw.lit("the day's")).otherwise(nw.lit("its own"))
    said = (("doubled", nw.col("group_doubled")), ("whose", _whose))
    _most = nw.col("units_high")
    found = nw.col("kept_units")
    # A code without a tie has one number alone.
    _bound = nw.when(found > _most).then(_most).otherwise(nw.col("units_low"))
    expected = nw.when(nw.col("tie")).then(_bound).otherwise(nw.col("units"))
    flag = (
        nw.col("misplaced")
        & (nw.col("group_kept") == nw.col("group_units"))
        & (nw.col("group_unminuted") == 0)
        & (nw.col("group_unpayable") == 0)
        & (nw.col("shared_rule") != "T102")
    )
    takes_units = nw.lit(True)
    # What the whole exchange of units costs stands once.
    cents = nw.when(nw.col("first_misplaced")).then(nw.col("group_cents"))
    explained = (
        nw.when(nw.col("lacks_primary")).then(nw.lit("U213"))
        .when(nw.col("above_usual")).then(nw.lit("U206"))
        .otherwise("shared_rule")
    )  # fmt: skip
