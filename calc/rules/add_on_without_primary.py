from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class AddOnWithoutPrimary(Rule):
    """An add-on code is billed on a day without its primary code.

    An add-on code continues another one and is never payable by itself: 97130 goes with 97129.
    Codes of a calendar month are not looked at, since their primary may stand on another date.
    A primary code with a charge is billed, though its units are blank. Units billed for a denial
    (GA, GX, GY, GZ) do not count.

    Bill the first unit under the primary code.

    Example::

        patient,discipline,code,minutes,units_billed,finding
        A,SLP,97130,15,1,U213
        B,SLP,97129,15,1,
        B,SLP,97130,15,1,
    """

    code, severity, over = "U213", "error", "service"
    authority = "ncci"
    needs = ("units_billed",)
    refuted_by = ("lines", "rows")
    message = "{code} is billed without {expected}"
    found, expected = nw.col("billed") - nw.col("refused_units"), nw.col("add_on_of")
    # What an exchange of units with the primary code costs, or else a primary that is left out.
    _kept, _due = nw.col("group_kept"), nw.col("group_units")
    _told = (nw.col("group_without") == 0) & (nw.col("group_refused") == 0)
    _left_out = (nw.col("group_wrong") == 0) & ~(nw.col("group_divided") == 1)
    takes_units = nw.lit(True)
    cents = (
        nw.when(_told & nw.col("first_misplaced") & (_kept == _due)).then("group_cents")
        .when(_told & _left_out & (_kept < _due)).then("primary_cents")
    )  # fmt: skip
    flag = nw.col("lacks_primary") & (expected != "") & (nw.col("unit_basis") != "month")
    # A line without any session is that rule's.
    explained = nw.when(nw.col("documented_rows") == 0).then(nw.lit("U207")).otherwise(nw.lit(""))
