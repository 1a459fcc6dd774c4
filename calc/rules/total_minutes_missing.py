from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class TotalMinutesMissing(Rule):
    """A treatment day has no total treatment minutes.

    Medicare asks for the total treatment time of the day, timed and untimed codes together, beside
    the minutes of the timed codes. Days of untimed codes alone, whose units need no minutes, are
    left alone, and so are days of other payers.

    Add the total from the day's note.

    Example::

        patient,code,minutes,total_minutes,finding
        A,97116,15,,D603
        B,97116,15,15,
    """

    code, severity, over = "D603", "warning", "treatment_day"
    authority = "bpm-15-220.3.E"
    needs = ("total_minutes",)
    refuted_by = ("rows",)
    message = "no total treatment minutes for the day"
    found, expected = nw.lit(""), nw.lit("")
    flag = nw.col("total_ms").is_null() & (nw.col("part_b_rows") > 0)
