from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class DiagnosisOffTheList(Rule):
    """No diagnosis of the session is on the list given for its code.

    The list is the user's own, such as a payer's policy for the code. Other diagnoses may well
    support the treatment, so this is a hint.

    Look at the policy and at the plan of care, and code the diagnosis that was treated.

    Example::

        code,minutes,diagnosis,finding
        97116,15,M54.50,D601
        97116,15,M62.81,
    """

    code, severity, over = "D601", "info", "row"
    authority = "decision"
    needs = ("diagnosis_list", "diagnosis")
    message = "{found} is not on the list for {code}: {expected}"
    found, expected = nw.col("diagnosis_codes"), nw.col("diagnoses")
    flag = nw.col("off_list") & nw.col("counts")
