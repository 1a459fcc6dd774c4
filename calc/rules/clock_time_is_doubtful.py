from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class ClockTimeIsDoubtful(Rule):
    """A clock time does not exist on its date, or exists twice.

    On the night when clocks change an hour is left out in spring and comes twice in autumn. Without
    its offset such a time does not tell how long the session was. What the clock on the wall says
    of it may be an hour wrong: units that differ from it are part of this finding, without dollars.
    But units that an hour more would not bear are too many, and of a time that does not exist all
    above the wall clock's: such a session was no longer than that.

    Write the time with its offset from UTC. This rule needs the log's time zone.

    Example::

        code,start,end,finding
        97116,2026-03-08 01:30,2026-03-08 02:10,T109
        97116,2026-03-08 01:15,2026-03-08 01:55,
    """

    code, severity, over = "T109", "warning", "row"
    authority = "decision"
    message = "a clock time of the session does not exist on this date or exists twice"
    found, expected = nw.lit(""), nw.lit("")
    flag = nw.col("fault_rule") == "T109"
