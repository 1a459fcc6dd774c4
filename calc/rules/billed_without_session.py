from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import without_session
from calc.rule import Rule


class BilledWithoutSession(Rule):
    """A code is billed on a day without a documented session of it.

    What is not documented was not done: the whole amount can be taken back. Rows of students
    and aides are no sessions, since their time never counts. Codes of a month, a period of days or
    an episode, such as remote monitoring, are not looked at: no session of theirs is on that day.
    Nor are further areas of a code that is documented, lines billed for a denial (GA, GX, GY, GZ)
    and, with claims beside the log, dates before its first and after its last.

    Look for the note under another date, code, discipline or patient. Where there is none, take
    the line off the claim.

    Example::

        patient,role,code,minutes,units_billed,finding
        A,student,97116,15,1,U207
        B,therapist,97116,15,1,
    """

    code, severity, over = "U207", "error", "service"
    authority = "bpm-15-220.3.E"
    needs = ("units_billed",)
    refuted_by = ("rows", "dates")
    message = "{found} {found:unit|units} of {code} billed, no session of it is documented"
    found, expected = nw.col("billed") - nw.col("refused_units"), nw.lit(0)
    flag = (found > 0) & without_session()
    takes_units = nw.lit(True)
    cents = nw.when(nw.col("refused_units") == 0).then("unsupported_cents")
