from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class PatientsStartTogether(Rule):
    """Several patients start together with one clinician on one-on-one codes.

    No end is logged, so nobody can tell whether their times overlapped. A reviewer takes them for
    a group until the notes show otherwise.

    Log when each session ended. Where the patients were treated together, bill the group code.

    Example::

        patient,clinician,code,start,minutes,finding
        A,Kim,97116,09:00,15,
        B,Kim,97110,09:00,15,G501
        C,Kim,97110,09:15,15,
    """

    code, severity, over = "G501", "warning", "open"
    authority = "bpm-15-230"
    needs = ("clinician", "starts")
    message = "{found} patients start at the same time, and no end is logged (row {rows})"
    found, expected = nw.col("patients"), nw.lit(1)
    flag = nw.col("turn") > 1
