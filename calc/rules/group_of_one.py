from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class GroupOfOne(Rule):
    """A group code is logged at a time when no other patient has group treatment.

    Group treatment is of two patients or more at once. A group row that stands alone was treatment
    one-on-one under the wrong code, or the others' rows are missing.

    Add the missing rows, or log the treatment under its own code.

    Example::

        patient,clinician,code,start,end,finding
        A,Kim,97150,09:00,09:30,U211
        B,Kim,97150,10:00,10:30,
        C,Kim,97150,10:00,10:30,
    """

    code, severity, over = "U211", "error", "alone"
    authority = "bpm-15-230"
    refuted_by = ("company",)
    message = "{code} is group treatment, and no other patient has any at the time"
    found, expected = nw.lit(1), nw.lit(2)
    flag = nw.col("company") == 0
