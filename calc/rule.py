"""What an audit rule declares, and the check that it did.

A rule is a declaration over one of the audit's tables (`calc/evidence.py`): no I/O, no look-up, no
other rule. Its docstring is the page that `therapy-calc rule CODE` prints, and its example a test.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

SEVERITIES = ("error", "warning", "info")
FAMILIES = {
    "T": "Time",
    "U": "Units",
    "M": "Modifiers",
    "P": "Payment",
    "G": "Group",
    "D": "Documentation",
    "S": "Signals",
}
# See `evidence`. A "day" is there only where the billed timed units of a group of counting are not
# those of its minutes, a "treatment_day" only where totals or minutes are in question; a rule about
# every day looks at "service".
TABLES = (
    "row", "unminuted", "assistant_row", "beyond_clock", "clash", "together", "group", "alone",
    "open", "service", "day", "treatment_day", "clinician_day", "limit", "evaluation",
    "allowed_most", "pair", "same_minutes", "habit", "cloned_day", "off_day",
)  # fmt: skip

# What a rule may need, and what a report says where a log does not hold it.
NEEDS = {
    "units_billed": "the log has no billed units",
    "modifiers_billed": "the log has no modifiers",
    "charge": "the log has no charges",
    "role": "the log does not say who is an assistant",
    "clinician": "the log names no clinicians",
    "total_minutes": "the log has no total treatment minutes",
    "diagnosis": "the log has no diagnoses",
    "diagnosis_list": "no list of diagnoses is given (--diagnosis-list)",
    "clocks": "the log has no clock times",
    "times": "no heading of the log is read as start, end or minutes",
    "starts": "the log has no start times",
    "units_apart": "the log has units that may be the visit's, which each of its rows repeats",
    "all_modifiers": "the log has modifiers under a heading that is not read",
    "lengths": "a heading that may say how long each service took is not read so",
    "hours": "the log has no clock times, and no time sheet is given (--timesheet)",
}

# Of these, what a word of the user about a heading meets.
ASKED = ("times", "lengths", "all_modifiers", "units_apart")

RULES: dict[str, type[Rule]] = {}

# {found}, or {found:unit|units}: the first words where the value is 1 and else the second ones.
PLACEHOLDER = re.compile(r"{(\w+)(?::([^|}]*)\|([^}]*))?}")
# What any sentence may name, beside what its rule ``said``; never the patient.
SENTENCE = (
    "found", "expected", "row", "rows", "clinician", "date", "discipline", "provider", "payer",
    "code",
)  # fmt: skip
_AMOUNTS = ("found", "expected")  # {found_dollars} where they are cents

# What an audit may not have seen that could refute a finding, by the names of `Rule.refuted_by`:
# lines of the claims, rows of the patient's day or year or of anybody's group treatment, which were
# not read; dates before the log's first or after its last; and days in doubt of the patient's year
# before a line, whose amounts it hangs on.
REFUTERS = ("lines", "rows", "year", "company", "dates", "amounts")

# Those of rows on the same minutes, ``rows`` beside ``row``: a report draws their days.
OVERLAPS = ("T101", "T102", "T103", "T104", "U212")

_DECLARED = ("code", "severity", "over", "authority", "message", "flag", "found", "expected")


# Of a sentence about units, with what it ``said`` as doubled.
DOUBLED = (
    "[; {doubled} {doubled:minute stands|minutes stand} on two rows and"
    " {doubled:counts|count} once]"
)


# Of these, what only the claims say where there are any; see `claims.held`.
BILLED = frozenset({"units_billed", "modifiers_billed", "charge", "all_modifiers", "units_apart"})


def lacking(need: str, of_claims: bool = False) -> str:
    """What is said where a need is not met; ``of_claims``: claims beside the log were to say it."""
    return NEEDS[need].replace("the log has", "the claims have") if of_claims else NEEDS[need]


# Whose minutes earn the units of a "day": those of a code that counts alone are its own.
DAYS_OR_CODES = (
    nw.when(nw.col("day_group") == "")
    .then(nw.lit("the day's"))
    .otherwise(nw.concat_str([nw.col("day_group").cast(nw.String), nw.lit("'s own")]))
)


class Rule:
    """Base of every rule; a subclass declares, and is known from then on by its code.

    ``over`` names the table, ``flag`` says where the fault is, ``found`` and ``expected`` are whole
    numbers or short codes for ``message``, ``said`` what else its sentence says, by name (see
    `auditing`). ``cents`` is the allowed amount as billed less that as supported. ``needs`` are
    facts that a log must hold (see `evidence.Evidence.has`), ``edition`` the dated figures without
    which the rule does not run (mue, ptp, kx). ``other_severity`` stands where ``milder`` holds,
    and, where what was billed tells that (``milder_by_units``), if that is in doubt.
    ``by_counting_rule``: the payer's way of counting is the authority, where it is another's;
    ``by_payer``: the payer's own source is, of a payer other than Medicare.
    ``explained`` names the rule that, where it fires on the same day, row or clinician, has found
    the same fault first. ``refuted_by``: which of REFUTERS a finding must not be said beside.
    ``takes_units``: whether units that are billed, or left out, hang on a finding, so that one
    without dollars lacks them; also on another that it is folded into.
    """

    code: ClassVar[str]
    severity: ClassVar[str]
    over: ClassVar[str]
    authority: ClassVar[str]
    message: ClassVar[str]
    flag: ClassVar[nw.Expr]
    found: ClassVar[nw.Expr]
    expected: ClassVar[nw.Expr]
    said: ClassVar[tuple[tuple[str, nw.Expr], ...]] = ()
    cents: ClassVar[nw.Expr | None] = None
    needs: ClassVar[tuple[str, ...]] = ()
    refuted_by: ClassVar[tuple[str, ...]] = ()
    edition: ClassVar[str] = ""
    other_severity: ClassVar[str] = ""
    milder: ClassVar[nw.Expr | None] = None
    milder_by_units: ClassVar[bool] = False
    explained: ClassVar[nw.Expr | None] = None
    by_counting_rule: ClassVar[bool] = False
    by_payer: ClassVar[bool] = False
    takes_units: ClassVar[nw.Expr | None] = None
    slug: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.slug = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        lacking = [name for name in _DECLARED if not hasattr(cls, name)]
        if lacking:
            raise TypeError(f"{cls.__name__} declares no {', '.join(lacking)}")
        if cls.code in RULES:
            raise TypeError(f"{cls.__name__}: {cls.code} is {RULES[cls.code].__name__}")
        if not re.fullmatch(rf"[{''.join(FAMILIES)}]\d{{3}}", cls.code):
            raise TypeError(f"{cls.__name__}: {cls.code} is no family letter and three digits")
        if {cls.severity, cls.other_severity or "info"} - set(SEVERITIES):
            raise TypeError(f"{cls.__name__}: severity is one of {', '.join(SEVERITIES)}")
        if bool(cls.other_severity) != (cls.milder is not None):
            raise TypeError(f"{cls.__name__}: other_severity and milder go together")
        if set(cls.needs) - set(NEEDS):
            raise TypeError(f"{cls.__name__}: needs is some of {', '.join(NEEDS)}")
        if set(cls.refuted_by) - set(REFUTERS):
            raise TypeError(f"{cls.__name__}: refuted_by is some of {', '.join(REFUTERS)}")
        if cls.over not in TABLES:
            raise TypeError(f"{cls.__name__}: {cls.over} is no table of the audit")
        if slip := _slip(cls.message, [name for name, _ in cls.said]):
            raise TypeError(f"{cls.__name__}: {slip}")
        if "Example::" not in (cls.__doc__ or ""):
            raise TypeError(f"{cls.__name__}: the docstring has no example")
        RULES[cls.code] = cls

    @classmethod
    def page(cls) -> str:
        """The docstring, its indentation taken away."""
        return inspect.cleandoc(cls.__doc__ or "")

    @classmethod
    def title(cls) -> str:
        """The first line of the docstring: the fault in one sentence."""
        return cls.page().split("\n", 1)[0].rstrip(".")

    @classmethod
    def example(cls) -> str:
        """The example's csv: a log whose column `finding` says where the rule fires."""
        text = cls.page().split("Example::", 1)[1]
        lines = [line[4:] for line in text.split("\n") if line.startswith("    ")]
        return "\n".join(lines) + "\n"


def _slip(message: str, said: list[str]) -> str:
    """What is wrong with the placeholders of a sentence, "" if nothing is."""
    if taken := [name for name in said if name in SENTENCE or name.endswith("_dollars")]:
        return f"said: {', '.join(taken)} means something else in a sentence"
    if re.search("[{}]", PLACEHOLDER.sub("", message)):
        return "message: a brace is neither of {name} nor of {name:one|several}"
    known = {*SENTENCE, *said, *(f"{name}_dollars" for name in (*_AMOUNTS, *said))}
    lacking = [place[1] for place in PLACEHOLDER.finditer(message) if place[1] not in known]
    if not lacking:
        return ""
    return f"message: {', '.join(lacking)} is none of {', '.join((*SENTENCE, *said))}"


def chosen(select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[type[Rule], ...]:
    """Rules by prefix of their code, in order of code; ValueError for a prefix that fits none."""
    for prefix in (*select, *ignore):
        if not any(code.startswith(prefix) for code in RULES):
            raise ValueError(prefix)
    return tuple(
        rule
        for code, rule in sorted(RULES.items())
        if (not select or code.startswith(select)) and not (ignore and code.startswith(ignore))
    )
