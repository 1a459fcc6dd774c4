from __future__ import annotations

import narwhals.stable.v2 as nw

from calc.rule import Rule


class RowDoesNotSayWho(Rule):
    """Clinician, role, discipline or billing provider of a session is missing.

    The note must tell who furnished the service. Without the role nobody can tell whether an
    assistant's modifier is due; without the discipline, under which plan the minutes count; without
    the provider, on whose claim they belong.

    Fill in what is missing. Only columns that the log has are asked for.

    Example::

        clinician,role,discipline,code,minutes,finding
        Kim,therapist,,97116,15,D602
        Kim,therapist,PT,97116,15,
    """

    code, severity, over = "D602", "warning", "row"
    authority = "bpm-15-220.3.E"
    message = "{found} missing"
    _clinician = nw.col("asks_clinician") & (nw.col("clinician") == "")
    _role = nw.col("asks_role") & nw.col("role_blank")
    _discipline = nw.col("asks_discipline") & nw.col("discipline_blank")
    _provider = nw.col("asks_provider") & nw.col("provider_blank")
    found = nw.concat_str(
        [
            nw.when(_clinician).then(nw.lit("clinician ")).otherwise(nw.lit("")),
            nw.when(_role).then(nw.lit("role ")).otherwise(nw.lit("")),
            nw.when(_discipline).then(nw.lit("discipline ")).otherwise(nw.lit("")),
            nw.when(_provider).then(nw.lit("provider")).otherwise(nw.lit("")),
        ]
    ).str.strip_chars()
    expected = nw.lit("")
    flag = nw.col("documented") & (_clinician | _role | _discipline | _provider)
