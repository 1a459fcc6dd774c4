from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class TwoCliniciansAtOnce(Rule):
    """A patient has one-on-one treatment by two clinicians at the same time.

    Minutes of co-treatment count once, for one discipline or shared between both. A therapist with
    an assistant of the same discipline is one team; its time is the therapist's and no fault.
    Where all that is billed for the day is supported, the minutes may be shared: a warning; and
    nothing where two of one discipline may be such a team, since the log does not say. Two
    disciplines are two clinicians in a log that names none.

    Split the minutes between the disciplines in the documentation, or take one of them off the
    claim.

    Example::

        patient,clinician,discipline,code,start,end,finding
        A,Kim,PT,97116,09:00,09:30,
        A,Lee,OT,97530,09:00,09:30,T102
        B,Kim,PT,97116,10:00,10:30,
        B,Lee,OT,97530,10:30,11:00,
    """

    code, severity, over = "T102", "error", "clash"
    authority = "bpm-15-230"
    needs = ("clocks", "lengths")
    message = (
        "{found} {found:minute is|minutes are} treated by another clinician as well"
        " ({rows:row|rows} {rows})"
    )
    found = nw.col("taken_ms") // 60_000
    expected = nw.lit(0)
    flag = (nw.col("kind") == 2) & ~(nw.col("one_team") & nw.col("divided"))
    cents = nw.col("over_cents")
    other_severity, milder = "warning", nw.col("divided")
    milder_by_units = True
