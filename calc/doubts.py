"""Days of patients that are not told whole: what could then be wrong is not said.

Lines of claims that could not be read may bill what seems not billed, and rows of the log may
document what seems not documented; what such rows met is not seen. Lines that fit several services
prove nothing about any, nor do a log's own of a blank discipline beside another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import redacting
from calc.rule import RULES, Rule

Days = nw.DataFrame[Any]  # patient, date; of what was not read also code and whether it reverses

BILLED = frozenset({"units_billed", "modifiers_billed", "charge"})  # what only the claims say
_ALSO = ("T106", "U209")  # rules that look at billed units where there are any
# Tables of rows beside other rows: what was not read refutes nothing there, but hides what it met.
_BESIDE_OTHERS = frozenset({
    "clash", "together", "group", "same_minutes", "open", "clinician_day", "limit", "habit",
    "cloned_day", "off_day",
})  # fmt: skip

_NAMED = nw.col("patient") != ""

# Tables whose findings stand on the log alone, but for their dollars.
_PRICED_BY_UNITS = frozenset({"clash", "together", "beyond_clock", "same_minutes"})


@dataclass(frozen=True)
class Doubts:
    """Patients and dates of lines that could not be read, and of lines that fit several services.

    ``unread`` may lack patient (blank) or date (null): such a line may be of any; what one that
    ``reverses`` others leaves billed nobody can tell. ``unsure`` has ``lines``, how many
    there are for the day. ``unheard``: as ``unread``, of the log's own rows; one that names no
    patient refutes nothing, or a single torn row would silence a whole audit; but where it may be
    of one of the ``group_codes`` it refutes that a patient was alone. ``covered``: the first and
    the last date of a log that has claims beside it, beyond which it says nothing. ``otherwise``:
    see `claims.written_otherwise`. ``spanning``: by patient the rows and lines of several days, of
    which nobody can tell what was given and billed on which.
    """

    unread: Days
    unsure: Days
    unheard: Days
    group_codes: tuple[str, ...] = ()
    covered: tuple[date, date] | None = None
    otherwise: Mapping[str, int] = field(default_factory=dict)
    spanning: Mapping[str, int] = field(default_factory=dict)

    def by_codes(self, key: redacting.Key) -> Doubts:
        """The same with codes for patients."""

        def coded(days: Days) -> Days:
            return redacting.redact(days, ("patient",), key)

        unread, unsure, unheard = map(coded, (self.unread, self.unsure, self.unheard))
        otherwise, spanning = key.renamed(self.otherwise), key.renamed(self.spanning)
        whole = replace(self, otherwise=otherwise, spanning=spanning)
        return replace(whole, unread=unread, unsure=unsure, unheard=unheard)

    def _is_of_patients(self) -> nw.Expr:
        """Whether the patient is left out on all days."""
        return nw.col("patient").is_in([*self.otherwise, *self.spanning])

    @property
    def taken_back(self) -> list[tuple[str, int]]:
        """What is said of lines of the claims, and rows of the log, that reverse others; how many.

        Of the log those that name a patient.
        """
        heard = self.unheard.filter(_NAMED)
        said = []
        for whose, days in (("the claims have lines", self.unread), ("the log has rows", heard)):
            back = days.filter(nw.col("reverses"))
            left = _left_out(anybodys(back))
            what = f"{whose} that take others back; {left} are left out"
            said += [(what, len(back))] if len(back) else []
        return said

    @property
    def silenced(self) -> list[tuple[str, int]]:
        """Why rules about what was billed were silent, and for how many lines or rows."""
        otherwise = (
            "ids of patients in log and claims differ by capitals, signs or leading zeros alone;"
            " these patients are left out; write them alike in both"
        )
        spanning = "rows or lines are of several days; these patients are left out"
        more = [(otherwise, sum(self.otherwise.values())), (spanning, sum(self.spanning.values()))]
        return [(why, lines) for why, lines in [*self.taken_back, *more] if lines]

    @property
    def reversing(self) -> Days:
        """Days of lines, and of the log's own rows, that reverse others and name a patient."""
        return _named_days(
            *(days.filter(nw.col("reverses")) for days in (self.unread, self.unheard))
        )

    @property
    def of_year(self) -> Days:
        """Days of what leaves open what the patient's year comes to, but for ``unsure``.

        Lines that could not be read, and the log's own rows that reverse others.
        """
        return _named_days(self.unread, self.unheard.filter(nw.col("reverses")))

    def lines(self) -> int:
        """How many lines stand on days that are left out for those that fit several services."""
        return int(self.unsure["lines"].sum())

    @property
    def any(self) -> bool:
        """Whether there is a doubt at all."""
        return bool(self.otherwise or self.spanning) or any(
            map(len, (self.unread, self.unsure, self.unheard))
        )

    def among(self, days: Days) -> Days:
        """Of these days of patients those in doubt, and whether what they bill is open.

        ``amounts_open``: something of the patient's is taken back there, or fits several services.
        """
        taken = _among(self.reversing)
        torn = _among(self.unread) | _among(self.unheard.filter(_NAMED))
        otherwise = self._is_of_patients()
        days = days.with_columns(amounts_open=taken | _among(self.unsure))
        return days.filter(nw.col("amounts_open") | torn | otherwise)

    def spared(self, found: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        """Findings, of the whole audit or of a batch, without those that may be wrong.

        Of others what rests on the units billed goes: their dollars, and that they are errors.
        """
        if not self.any and self.covered is None:
            return found
        unread, unsure = _among(self.unread), _among(self.unsure)
        heard = self.unheard.filter(_NAMED)
        unheard, own_reversed = _among(heard), _among(heard.filter(nw.col("reverses")))
        reversed_ = _among(self.unread.filter(nw.col("reverses"))) | own_reversed
        about_billed = [*_about_billed(tuple(RULES.values())), *_ALSO]
        rule, otherwise = nw.col("rule"), self._is_of_patients()
        spared = (
            (_refuted_by("lines") & unread)
            | (rule.is_in(about_billed) & (unsure | reversed_ | otherwise))
            | (_refuted_by("rows") & unheard)
            # A row that takes another back, and stands in the log itself, explains a third.
            | ((rule == "T103") & own_reversed)
            | (_refuted_by("company") & self._accompanied())
            | (_refuted_by("year") & _in_years(self.unheard))
            | (_refuted_by("dates") & self._uncovered())
            | (_refuted_by("amounts") & nw.col("later"))
        )
        # A signal is of many days, and those in doubt are left out of it.
        if not anybodys(self.unread):
            spared = spared & ~rule.is_in([r.code for r in RULES.values() if r.over == "habit"])
        open_days = _named_days(self.unsure, self.of_year)
        left = _with_later(found, open_days).filter(~spared).drop("later")
        weighed = [rule for rule in RULES.values() if rule.over in _PRICED_BY_UNITS]
        in_doubt = (unheard | unsure | reversed_ | otherwise) & rule.is_in(
            [r.code for r in weighed]
        )
        severity, takes = nw.col("severity"), nw.col("takes_units")
        for milder in (rule for rule in weighed if rule.milder_by_units):
            softer, unknown = nw.lit(milder.other_severity), in_doubt & (rule == milder.code)
            severity = nw.when(unknown).then(softer).otherwise(severity)
            takes = takes & ~unknown
        cents = nw.when(~in_doubt).then(nw.col("cents"))
        return left.with_columns(severity=severity, cents=cents, takes_units=takes)

    def _uncovered(self) -> nw.Expr:
        if self.covered is None:
            return nw.lit(False)
        first, last = self.covered
        return (nw.col("date") < nw.lit(first)) | (nw.col("date") > nw.lit(last))

    def _accompanied(self) -> nw.Expr:
        """Whether a row that was not read may be of group treatment on a finding's date.

        One without a date may be on any, but only if its code is told.
        """
        grouped = nw.col("code").is_in(list(self.group_codes))
        if len(self.unheard.filter(grouped, nw.col("date").is_null())):
            return nw.lit(True)
        may_be = self.unheard.filter((grouped | nw.col("code").is_null()).fill_null(True))
        dates = may_be["date"].drop_nulls().to_list()
        return nw.col("date").is_in(dates).fill_null(False)


def _named_days(*parts: Days) -> Days:
    """Patient and date of all that name a patient."""
    named = [days.filter(_NAMED).select("patient", "date") for days in parts]
    return nw.concat(named, how="vertical")


def _among(days: Days) -> nw.Expr:
    """Whether a finding's patient and date are among these days."""
    blank, undated = nw.col("patient") == "", nw.col("date").is_null()
    if anybodys(days):
        return nw.lit(True)
    whole = days.filter(undated)["patient"].to_list()
    dates = days.filter(blank)["date"].to_list()
    pairs = days.filter(~blank & ~undated).select(_place())["place"].to_list()
    return (
        nw.col("patient").is_in(whole) | nw.col("date").is_in(dates) | _place().is_in(pairs)
    ).fill_null(False)


def anybodys(days: Days) -> bool:
    """Whether one of the lines names neither patient nor date, so that it may be of any day."""
    return bool(len(days.filter((nw.col("patient") == "") & nw.col("date").is_null())))


def _left_out(of_any_day: bool) -> str:
    return "all days, as one names no patient and no date," if of_any_day else "their days"


def _in_years(days: Days) -> nw.Expr:
    """Whether a finding's patient has any of these days in the finding's year."""
    named = days.filter(_NAMED)
    whole = named.filter(nw.col("date").is_null())["patient"].to_list()
    years = named.filter(~nw.col("date").is_null()).select(_year())["year"].to_list()
    return (nw.col("patient").is_in(whole) | _year().is_in(years)).fill_null(False)


def _with_later(found: nw.DataFrame[Any], days: Days) -> nw.DataFrame[Any]:
    """Add ``later``: the patient's year has one of these days on the finding's or before it."""
    whole = days.filter(nw.col("date").is_null())["patient"].to_list()
    first = days.filter(~nw.col("date").is_null()).with_columns(_year())
    first = first.group_by("year").agg(nw.col("date").min().alias("first_open"))
    found = found.with_columns(_year()).join(first, on="year", how="left")
    later = (nw.col("date") >= nw.col("first_open")) | nw.col("patient").is_in(whole)
    return found.with_columns(later=later.fill_null(False)).drop("year", "first_open")


def _year() -> nw.Expr:
    year = nw.col("date").dt.year().cast(nw.String)
    return nw.concat_str([year, nw.lit(" "), nw.col("patient")]).alias("year")


def _place() -> nw.Expr:
    return nw.concat_str([nw.col("date").cast(nw.String), nw.col("patient")]).alias("place")


def _refuted(rules: Iterable[type[Rule]], by: str) -> list[str]:
    return [rule.code for rule in rules if by in rule.refuted_by]


def _refuted_by(refuter: str) -> nw.Expr:
    """Whether a finding is of a rule that this may refute."""
    return nw.col("rule").is_in(_refuted(RULES.values(), refuter))


def _about_billed(rules: Sequence[type[Rule]]) -> list[str]:
    return [rule.code for rule in rules if BILLED.intersection(rule.needs)]


def not_run(
    rules: Sequence[type[Rule]],
    unread: int,
    unsure: int,
    unheard: int,
    uncovered: int,
    anybodys: bool = False,
    nameless: int = 0,
    silenced: Sequence[tuple[str, int]] = (),
    of_year: int = 0,
    whose: str = "claims",
) -> list[dict[str, Any]]:
    """Which of the rules were silent, and for how many lines of the claims or rows of the log.

    ``anybodys``: a line that could not be read may be of any day, see `anybodys`. ``nameless``: of
    the rows that could not be read those that name no patient, whose day nobody leaves out.
    ``silenced``: see `Doubts.silenced`. ``of_year``: lines that leave open what the patient's year
    comes to, see `Doubts.of_year`, and those that fit several services. ``whose``: what says what
    was billed.
    """
    said: list[dict[str, Any]] = []

    def silent(codes: Iterable[str], reason: str, lines: int) -> None:
        said.extend({"rule": code, "reason": reason, "lines": lines} for code in codes)

    if uncovered:
        reason = "the claims have lines before the log's first date or after its last"
        silent(_refuted(rules, "dates"), reason, uncovered)
    if unheard:
        torn = "the log has rows that could not be read; {} are left out"
        if named := unheard - nameless:
            silent(_refuted(rules, "rows"), torn.format("their patients' days"), named)
            silent(_refuted(rules, "year"), torn.format("their patients' years"), named)
        silent(_refuted(rules, "company"), torn.format("the dates of group treatment"), unheard)
        reason = "rows of the log that could not be read were compared with no others"
        silent((rule.code for rule in rules if rule.over in _BESIDE_OTHERS), reason, unheard)
    if unread:
        left = _left_out(anybodys)
        reason = f"the claims have lines that could not be read; {left} are left out"
        silent(_refuted(rules, "lines"), reason, unread)
    billed = sorted({code[0] for code in _about_billed(rules)})
    for reason, lines in silenced:
        silent(billed, reason, lines)
    if unsure:
        reason = f"the {whose} do not tell which of several disciplines, providers or payers"
        silent(billed, reason, unsure)
    if of_year:
        reason = "days that are left out have amounts of the year: so are the patients' later ones"
        silent(_refuted(rules, "amounts"), reason, of_year)
    return said
