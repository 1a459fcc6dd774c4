from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class DayBeyondLimits(Rule):
    """A day holds more treatment than is usual.

    More than four hours or eight timed units of a patient in one discipline, or more than twelve
    one-on-one hours of a clinician, are no fault by themselves. A reviewer asks about them. Units
    billed for a denial (GA, GX, GY, GZ) do not count.

    Make sure that the notes of the day tell why so much was needed and who gave it.

    Example::

        patient,code,minutes,finding
        A,97110,120,T106
        A,97530,121,
        B,97110,60,
        B,97530,60,
    """

    code, severity, over = "T106", "warning", "limit"
    authority = "decision"
    needs = ("lengths", "units_apart")
    message = "{found} in a day, more than {expected}"
    _unit = (
        nw.when(nw.col("what") == "patient_units").then(nw.lit(" timed units"))
        .otherwise(nw.lit(" one-on-one minutes"))
    )  # fmt: skip
    found = nw.concat_str([nw.col("measured").cast(nw.String), _unit])
    expected = nw.col("limit")
    flag = nw.col("measured") > nw.col("limit")
    # Units that the minutes do not support are another rule's.
    explained = (
        nw.when(nw.col("supported") <= nw.col("limit")).then(nw.lit("U201")).otherwise(nw.lit(""))
    )
