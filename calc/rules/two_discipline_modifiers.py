from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.billed import has
from calc.rule import Rule


class TwoDisciplineModifiers(Rule):
    """A line carries two of GP, GO and GN.

    A line is given under one plan of care, and its modifier says which, to whatever payer it goes.
    Medicare returns a line with two.

    Keep the modifier of the discipline that gave the treatment.

    Example::

        code,minutes,units_billed,modifiers_billed,finding
        97116,15,1,GP GO,M310
        97116,15,1,GP,
    """

    code, severity, over = "M310", "error", "row"
    authority = "mcpm-5-20.1"
    needs = ("modifiers_billed", "units_billed")
    message = "modifiers of {code} are {found}: more than {expected} of GP, GO and GN"
    found, expected = nw.col("modifiers_billed"), nw.lit(1)
    _said = has("GP").cast(nw.Int64) + has("GO").cast(nw.Int64) + has("GN").cast(nw.Int64)
    flag = (nw.col("units_billed") > 0) & (_said > expected)
