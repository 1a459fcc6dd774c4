"""The columns, keys and total orders of the program's tables, said once.

SESSION is one interval of one service as logged; SERVICE is one code of a pool (a day of one
patient in one discipline with one billing provider and payer); LINE is what `bill` prints.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import narwhals.stable.v2 as nw

SESSION = (
    "patient",
    "clinician",
    "role",
    "discipline",
    "provider",
    "payer",
    "locality",
    "date",
    "code",
    "start",
    "end",
    "minutes",
    "mode",
    "total_minutes",
    "units_billed",
    "modifiers_billed",
    "charge",
    "diagnosis",
)

DISCIPLINES = ("PT", "OT", "SLP")
ALONE_SOURCE = "cpt-midpoint"  # of codes of an hour and the like, counted alone by any payer's rule
COUNTED_ROLES = ("therapist", "assistant", "joint")
ROLES = (*COUNTED_ROLES, "student", "aide")
CLAIM = "claim"  # in place of a role: a billed line, documented by no row of its own
MODES = ("individual", "group", "cotreatment")
LENGTH_UNITS = ("minutes", "hours", "seconds", "mm:ss", "h:mm")  # as headings name them
# What of `[status]` in words.toml are headings, and words for no service; see there.
STATUS = (
    "heading", "none", "voided", "money", "posting", "posted", "claim", "withdrawn", "reversal",
    "frequency", "amended", "held", "kind", "unnamed", "returned", "secondary",
)  # fmt: skip
STATUS_WITHIN, FLAGS = ("none", "voided", "reversal"), ("heading", "set", "unset")
REVERSALS, REVENUE = ("heading",), ("heading", "total", *DISCIPLINES)
ATTENDANCE, SEQUENCE = ("heading", "absent", "present"), ("heading", "first", "second")
UNTIL = ("first", "last", "end", "service", "date", "other")

MAX_LOCALITIES = 2**14  # what a whole number of 64 bits has room for beside a time

# MCPM ch. 5 s. 20.2: minutes are totalled for a day; locality is no part of the pool.
POOL = ("patient", "date", "discipline", "provider", "payer")
SERVICE_KEY = (*POOL, "service")
CODE_KEY = (*POOL, "code")
# A patient's codes of a day that CMS's pair edits compare.
DISCIPLINE_VISIT = ("patient", "date", "provider", "discipline")

OF_LINES = {"work_payment", "medicare_pays"}  # by which lines, and what adds them up, are told
LINE = (
    "patient",
    "date",
    "discipline",
    "provider",
    "payer",
    "locality",
    "code",
    "minutes",
    "assistant_minutes",
    "units",
    "assistant_units",
    "tie",
    "modifiers",
    "work_payment",
    "allowed",
    "medicare_pays",
    "patient_pays",
    "reason",
)
UNITS = ("code", "minutes", "units", "tie", "assistant_minutes", "assistant_units")
MONEY = ("work_payment", "allowed", "medicare_pays", "patient_pays")

# Who came first: start, then place in the log; code and end only settle frames without rows.
ROW_ORDER = ("start_ms", "file", "row", "code", "end_ms")


# Running totals of a patient's year (deductible, KX): who comes first.
CLAIM_ORDER = (
    "date", "start_order", "discipline", "provider", "payer", "locality", "code", "modified",
)  # fmt: skip
# 42 U.S.C. 1395l(g): physical therapy and speech-language pathology share one threshold.
KX_BUCKET = {"PT": "PT+SLP", "SLP": "PT+SLP", "OT": "OT"}


def kx_bucket(text: str) -> str:
    """The threshold of a discipline, or that which is named itself; "" for neither.

    >>> kx_bucket("SLP"), kx_bucket("PT+SLP"), kx_bucket("physical")
    ('PT+SLP', 'PT+SLP', '')
    """
    bucket = KX_BUCKET.get(text, text)
    return bucket if bucket in KX_BUCKET.values() else ""


BY_DAY = ("minutes", "day")  # units that a day's minutes, or its sessions, tell


def total(name: str) -> nw.Expr:
    """Sum of an integer column as Int64 (DuckDB would widen it to HUGEINT)."""
    return nw.col(name).sum().cast(nw.Int64)


class Folded(NamedTuple):
    """A finding that stands under ``also`` of the one whose fingerprint is ``into``."""

    rule: str
    fingerprint: str
    into: str


def row_of(file: nw.Expr, row: nw.Expr) -> nw.Expr:
    """FILE:ROW of two texts, as a finding's ``rows`` list it.

    A name whose first word is a number would be a row of its own there; "./" leads to it too.
    """
    numbered = file.str.contains(r"^[0-9]+ ")
    way = nw.when(numbered).then(nw.lit("./")).otherwise(nw.lit(""))
    return nw.concat_str([way, file, nw.lit(":"), row])


def rows_in(listed: str, file: str) -> list[tuple[str, int]]:
    """File and row of each of a finding's ``rows``; without a name they are of its own ``file``.

    >>> rows_in("3 my log.csv:12 4 ./3 logs/b.csv:5", "a.csv")
    [('a.csv', 3), ('my log.csv', 12), ('a.csv', 4), ('3 logs/b.csv', 5)]
    """
    found = re.findall(r"(?:(\S.*?):)??(\d+)(?= |$)", listed)
    return [(re.sub(r"^\./(?=[0-9]+ )", "", name) or file, int(row)) for name, row in found]


def told_by_log(basis: str = "unit_basis") -> nw.Expr:
    """No minutes tell the units of the code: those of an area, an extremity, a month and so on."""
    return ~nw.col(basis).is_in(list(BY_DAY))
