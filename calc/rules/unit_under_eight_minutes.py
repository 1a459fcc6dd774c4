from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import DOUBLED, Rule


class UnitUnderEightMinutes(Rule):
    """A timed unit is billed on a day with too few timed minutes for any.

    Eight minutes of timed services on a day earn the first unit; 7 minutes, in however many
    codes, earn none. A code whose unit is of another length, such as an hour, earns its first past
    the midpoint. Units billed for a denial (GA, GX, GY, GZ) do not count.

    Look for minutes that were not written down. Where there are none, take the unit off the
    claim.

    Example::

        code,start,end,units_billed,finding
        97116,09:00,09:07,1,U204
        97116,09:00,09:08,1,
    """

    code, severity, over = "U204", "error", "day"
    authority, by_counting_rule = "mcpm-5-20.2", True
    needs = ("units_billed", "times", "lengths", "units_apart")
    refuted_by = ("rows", "dates")
    message = (
        "{found} timed {found:unit|units} billed for {whose} minutes earn {expected}" + DOUBLED
    )
    _alone = nw.concat_str([nw.col("day_group").cast(nw.String), nw.lit(", whose own")])
    _whose = nw.when(nw.col("day_group") == "").then(nw.lit("a day whose")).otherwise(_alone)
    said = (("doubled", nw.col("doubled_minutes")), ("whose", _whose))
    found, expected = nw.col("day_kept") - nw.col("day_refused"), nw.col("day_units")
    flag = (found > 0) & (nw.col("day_minutes") < nw.col("first_minutes"))
    # Of minutes that co-treatment may share otherwise all that was billed is supported.
    takes_units = ~nw.col("divided")
    cents = nw.when(nw.col("day_refused") == 0).then("day_over_cents")
    _borne_by_hours = found <= nw.col("day_hour_units")
    explained = nw.when(_borne_by_hours).then(nw.lit("T109")).otherwise("cause_rule")
