from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class TherapistInTwoPlaces(Rule):
    """A clinician treats two patients one-on-one at the same time.

    One-on-one codes pay for a clinician's undivided time, so a minute counts for one patient only.
    It is an error where a patient's units do not stand without the shared minutes. Its dollars are
    those of the units lost. Minutes that a colleague of the discipline was there for too stand.
    Units that are left blank in a log that bills others are not billed, so none are lost.

    Correct the times if they were logged wrongly. Where both patients were treated together, bill
    the group code for each of them.

    Example::

        patient,clinician,code,start,end,finding
        A,Kim,97116,09:00,09:30,
        B,Kim,97110,09:20,09:50,T101
        C,Kim,97110,09:50,10:20,
    """

    code, severity, over = "T101", "error", "together"
    authority = "mcpm-5-20.2"
    needs = ("clinician", "clocks", "lengths")
    message = (
        "{found} one-on-one {found:minute is|minutes are} shared with another patient"
        " ({rows:row|rows} {rows})"
    )
    found = nw.col("taken_ms") // 60_000
    expected = nw.lit(0)
    flag = nw.col("lost_ms") >= 60_000
    other_severity, milder = "warning", nw.col("units_lost") <= 0
    milder_by_units = True
    cents = nw.col("lost_cents")
    takes_units = nw.col("first_lost")
