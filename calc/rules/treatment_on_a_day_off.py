from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class TreatmentOnADayOff(Rule):
    """Treatment is logged on a Sunday or a federal holiday.

    Most outpatient clinics are closed then, so a date may be wrong.

    This is no fault by itself. Compare the dates with the days on which the clinic was open.

    Example::

        date,code,minutes,finding
        2026-03-01,97116,15,S704
        2026-03-02,97116,15,
    """

    code, severity, over = "S704", "info", "off_day"
    authority, edition = "usc-5-6103", "holidays"
    message = "treatment is logged on a {found}"
    found, expected = nw.col("kind"), nw.lit("")
    flag = found != ""
