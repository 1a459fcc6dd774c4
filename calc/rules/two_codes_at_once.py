from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class TwoCodesAtOnce(Rule):
    """Two one-on-one codes of a patient share clock minutes.

    A minute of treatment is billed under one code. Treatment that runs beside it without the
    clinician, such as hot packs or unattended electrical stimulation, may share its time.

    Give each code its own stretch, or its own minutes beside the times of the visit.

    Example::

        patient,clinician,code,start,end,finding
        A,Kim,97110,09:00,09:30,
        A,Kim,97116,09:20,09:50,T104
        B,Kim,97110,10:00,10:30,
        B,Kim,97010,10:10,10:30,
    """

    code, severity, over = "T104", "error", "clash"
    authority = "mcpm-5-20.2"
    needs = ("clocks", "lengths")
    message = (
        "{found} {found:minute is|minutes are} billed under {expected} as well"
        "[, {more} more under {codes}] ({rows:row|rows} {rows})"
    )
    said = (("more", nw.col("more_minutes")), ("codes", nw.col("more_codes")))
    found = nw.col("taken_ms") // 60_000
    expected = nw.col("code_2")
    flag = nw.col("kind") == 3
    cents = nw.col("over_cents")
    explained = nw.when(nw.col("said_apart")).then(nw.lit("M308")).otherwise(nw.lit(""))
