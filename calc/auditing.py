"""Run the chosen rules over the evidence, stack their findings, and say one fault once.

A rule that cannot run ends the audit: none is skipped in silence. What a log does not hold, or
an edition does not cover, is listed in ``not_run``.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, first_rows
from calc import rules as rules  # the rules are known from here on
from calc.errors import InputError
from calc.params import Config
from calc.rule import FAMILIES, PLACEHOLDER, RULES, SEVERITIES, Rule, chosen, lacking
from calc.schema import ALONE_SOURCE, Folded, row_of, rows_in

PLACE = ("patient", "clinician", "date", "discipline", "provider", "payer", "code")
FINDING = (
    "rule", "severity", "file", "row", "rows", "patient", "clinician", "date", "discipline", "code",
    "found", "expected", "cents", "message", "also", "waived", "authority", "fingerprint",
    "without_dollars",
)  # fmt: skip
NEVER_CHECKED = (
    "telehealth", "place of service", "advance beneficiary notices", "timely filing",
    "medical necessity", "signatures", "charges above the limiting charge",
    "caregiver training beside other treatment", "claims and services outside the files given",
)  # fmt: skip
_ANY_OF = {"hours": {"clocks", "timesheet"}}  # needs that several things meet
UNTOLD_YEAR = (
    "amounts of --prior without a year, of patients with lines in several: write a column year"
)
# What a rule's figures lack for some lines, by `Rule.edition`; see `edits.gaps_of`.
_GAPS = {
    "mue": (
        ("mue", "no edition of the medically unlikely edits for the date"),
        ("mue_code", "the edition of the medically unlikely edits does not hold the code"),
    ),
    "ptp": (("ptp", "no edition of the pair edits for the date"),),
    "kx": (("kx", "no KX threshold for the date"), ("untold_year", UNTOLD_YEAR)),
    "holidays": (("holidays", "the federal holidays of the year are not known: Sundays only"),),
}


@dataclass(frozen=True)
class Audit:
    """Findings, worst first, what did not run, and what a report says about the run."""

    findings: nw.DataFrame[Any]
    not_run: list[dict[str, Any]]
    meta: dict[str, Any]
    by_clinician: nw.DataFrame[Any]
    timeline: nw.DataFrame[Any]
    # Reasons among those of ``not_run`` that leave out days or patients: said whatever is written.
    left_out: frozenset[str] = frozenset()


def rules_chosen(
    select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()
) -> tuple[type[Rule], ...]:
    """Rules by prefixes of their codes; InputError for a prefix that fits no rule, or for none."""
    try:
        picked = chosen(select, ignore)
    except ValueError as error:
        raise InputError(
            f'no rule\'s code begins with "{error}"',
            hint=f"families: {', '.join(f'{letter} {name}' for letter, name in FAMILIES.items())};"
            " `therapy-calc rules` lists all",
        ) from None
    if not picked:
        raise InputError("no rule is left", hint="--ignore names all that --select does")
    return picked


def runnable(picked: tuple[type[Rule], ...], has: frozenset[str]) -> tuple[type[Rule], ...]:
    """The rules whose needs the log holds."""
    met = _met(has)
    return tuple(rule for rule in picked if met.issuperset(rule.needs))


def looked_for(picked: tuple[type[Rule], ...], has: frozenset[str]) -> tuple[type[Rule], ...]:
    """The rules to run: those of ``picked`` that can, and what must be known beside them.

    Whoever does not ask for minutes that two patients share must still not hear that they are pay
    lost.
    """
    ran = runnable(picked, has)
    if not any(rule.code in _LOST_PAY for rule in ran):
        return ran
    beside = runnable((RULES[_SHARED],), has)
    return (*ran, *(rule for rule in beside if rule not in ran))


def _met(has: frozenset[str]) -> frozenset[str]:
    return has | {need for need, things in _ANY_OF.items() if has & things}


def not_run(
    picked: tuple[type[Rule], ...],
    has: frozenset[str],
    gaps: Mapping[str, int],
    uncounted: int,
    of_claims: frozenset[str] = frozenset(),
    no_rows: str = "",
    no_lines: str = "",
) -> list[dict[str, Any]]:
    """What did not run: a rule, or some of its lines, with the reason.

    ``of_claims``: what claims beside the log were to say. ``no_rows``: why the log has none, and so
    lacks whatever its rows may hold; ``no_lines``: the same of the claims.
    """
    said: list[dict[str, Any]] = []
    met = _met(has)
    for rule in picked:
        unmet = [name for name in rule.needs if name not in met]
        if unmet:
            reason = lacking(unmet[0], unmet[0] in of_claims)
            for whose, why in (("the log", no_rows), ("the claims", no_lines)):
                reason = why if why and reason.startswith(whose) else reason
            said.append({"rule": rule.code, "reason": reason, "lines": None})
            continue
        for gap, reason in _GAPS.get(rule.edition, ()):
            if gaps.get(gap):
                said.append({"rule": rule.code, "reason": reason, "lines": gaps[gap]})
    if uncounted:
        reason = "codes by area, extremity, month or episode: minutes cannot tell their units"
        said.append({"rule": "U", "reason": reason, "lines": uncounted})
    return said


def found(
    tables: Mapping[str, nw.LazyFrame[Any]],
    config: Config,
    rules: tuple[type[Rule], ...],
    files: Sequence[str],
) -> nw.DataFrame[Any]:
    """Findings of the rules that look at these tables, before one fault is said once.

    ``files``: those by which the tables tell a first row, see `first_rows`.
    """
    flags: dict[str, dict[str, nw.Expr]] = {}
    for rule in rules:
        if rule.over in tables:
            flags.setdefault(rule.over, {})[rule.code] = rule.flag
    # Most rules find nothing in a log: only the others are worth their sentences.
    few = engine.flagged({name: tables[name] for name in flags}, flags)
    placed = {
        name: first_rows.told(table, files) if "first_place" in columns else table
        for name, (table, _, columns) in few.items()
    }
    frames = [
        _findings_of(rule, placed[rule.over], few[rule.over][2], config)
        for rule in rules
        if rule.over in few and rule.code in few[rule.over][1]
    ]
    if not frames:
        return _nothing()
    return engine.collect(nw.concat(frames, how="vertical"))


def finished(
    frames: Sequence[nw.DataFrame[Any]], codes: Collection[str]
) -> tuple[nw.DataFrame[Any], nw.DataFrame[Any]]:
    """The findings of every table, or batch of them, worst first, and those folded into them.

    One fault is one finding. ``codes``: the rules that were chosen.
    """
    found, folded = _one_fault_once(engine.stacked(frames).drop("over"), codes)
    found = found.with_columns(without_dollars=_unpriced()).drop("takes_units")
    return _ordered(found), folded


def _unpriced() -> nw.Expr:
    """Whether a finding that takes units has no dollars, nor another of the day has them for it.

    Where neither it nor one that is folded into it names a number there are none to miss.
    """
    day = ("rule", "patient", "date", "discipline", "provider", "payer")
    told = nw.col("cents").count().over(day)
    numbered = (nw.col("found") != "") | (nw.col("also") != "")
    return nw.col("takes_units") & numbered & (told == 0)


def _findings_of(
    rule: type[Rule], table: nw.LazyFrame[Any], names: list[str], config: Config
) -> nw.LazyFrame[Any]:
    """One lazy filter and select: the rule's findings in the columns that all share."""

    def column(name: str, blank: Any) -> nw.Expr:
        return nw.col(name) if name in names else blank

    text, number = nw.lit(""), nw.lit(None, dtype=nw.Int64)
    flagged = table.filter(rule.flag.fill_null(False))
    severity = nw.lit(rule.severity)
    if rule.milder is not None:
        milder = rule.milder.fill_null(False)
        severity = nw.when(milder).then(nw.lit(rule.other_severity)).otherwise(severity)
    cents = rule.cents if rule.cents is not None else number
    first = "first_place" in names
    file = column("file", nw.col("first_file") if first else text).cast(nw.String)
    row = column("row", nw.col("first_row") if first else number)
    explained = rule.explained if rule.explained is not None else text
    takes = rule.takes_units if rule.takes_units is not None else nw.lit(False)
    file_2 = column("file_2", text).cast(nw.String)
    same_file = file_2 == file
    partner = column("row_2", number).cast(nw.String).fill_null("")
    alone = same_file | (partner == "")
    partner = nw.when(alone).then(partner).otherwise(row_of(file_2, partner))
    more = column("more_rows", text)
    found = flagged.select(
        rule=nw.lit(rule.code),
        severity=severity,
        file=file,
        row=nw.when(row > 0).then(row).cast(nw.Int64),
        rows=_listed(partner, more, ", ") if "row_2" in names else text,
        rows_listed=_listed(partner, more, " ") if "row_2" in names else text,
        **{
            name: column(name, text).cast(nw.String).fill_null("")
            for name in PLACE
            if name != "date"
        },
        date=nw.col("date"),
        found=rule.found.cast(nw.String).fill_null(""),
        expected=rule.expected.cast(nw.String).fill_null(""),
        cents=cents.cast(nw.Int64),
        over=nw.lit(rule.over),
        explained=explained.fill_null(""),
        takes_units=takes.fill_null(False),
        authority=_authority(rule, config, names),
        more_rows=more,
        **{name: said.cast(nw.String).fill_null("") for name, said in rule.said},
    )
    # In a sentence rows are parted as words are.
    found = _with_message(found, rule).with_columns(rows="rows_listed")
    return found.drop("more_rows", "rows_listed")


def _listed(first: nw.Expr, more: nw.Expr, between: str) -> nw.Expr:
    """The first partner and, where there are any, the further ones."""
    parted = more.str.replace_all(engine.BREAK, between, literal=True)
    others = nw.concat_str([nw.lit(between), parted])
    return nw.concat_str([first, nw.when(more == "").then(nw.lit("")).otherwise(others)])


def _authority(rule: type[Rule], config: Config, names: list[str]) -> nw.Expr:
    """The rule's own, or that of how the payer counts or the code is counted, or the payer's."""
    said = nw.lit(config.cite(rule.authority))
    for name, payer in config.payers.items():
        source = rule.authority
        if rule.by_counting_rule:
            source = config.counting_rules[payer["counting_rule"]]["source"]
        elif rule.by_payer and not payer.get("part_b"):
            source = payer["source"]
        if source != rule.authority:
            here = nw.col("payer") == name
            said = nw.when(here).then(nw.lit(config.cite(source))).otherwise(said)
    if rule.by_counting_rule and "day_group" in names:
        apart = [code for code, facts in config.codes.items() if not facts["pooled"]]
        alone = nw.col("day_group").cast(nw.String).is_in(apart)
        alone = alone & nw.col("timed") if "timed" in names else alone
        said = nw.when(alone).then(nw.lit(config.cite(ALONE_SOURCE))).otherwise(said)
    return said


def _with_message(found: nw.LazyFrame[Any], rule: type[Rule]) -> nw.LazyFrame[Any]:
    """Add the rule's sentence with the finding's own values: those of `rule.SENTENCE`.

    And those of the rule's ``said``. {found_dollars} and {expected_dollars} stand for cents.
    {found:unit is|units are} are the first words where the value is 1 and else the second ones;
    of {rows:row|rows} the first where there is one. [What stands in brackets] is left out where
    its first value is 0 or there is none.
    """
    names = [place[1] for place in PLACEHOLDER.finditer(rule.message)]
    money = [name for name in names if name.endswith("_dollars")]
    cents = {name: nw.col(name.removesuffix("_dollars")).cast(nw.Int64) for name in money}
    found = found.with_columns(**cents) if cents else found
    found = engine.dollar_text(found, money, grouped=True)
    texts = []
    for part in filter(None, re.split(r"(\[[^]]*\])", rule.message)):
        words = nw.concat_str(_filled(part.strip("[]")))
        if first := part.startswith("[") and PLACEHOLDER.search(part):
            there = ~nw.col(first[1]).is_in(["", "0"])
            words = nw.when(there).then(words).otherwise(nw.lit(""))
        texts.append(words)
    found = found.with_columns(message=nw.concat_str(texts))
    beside = [*money, *(name for name, _ in rule.said)]
    return found.drop(beside) if beside else found


def _filled(words: str) -> list[nw.Expr]:
    """The parts of a sentence, each as it stands or as the values of the finding make it."""
    texts, end = [], 0
    for place in PLACEHOLDER.finditer(words):
        texts.append(nw.lit(words[end : place.start()]))
        name, one, several = place.groups()
        value = nw.col(name).cast(nw.String).fill_null("")
        if one is None:
            texts.append(value)
        else:
            alone = nw.col("more_rows") == "" if name == "rows" else value == "1"
            texts.append(nw.when(alone).then(nw.lit(one)).otherwise(nw.lit(several)))
        end = place.end()
    return [*texts, nw.lit(words[end:])]


# --- one fault, one finding ----------------------------------------------------------------


def _one_fault_once(
    found: nw.DataFrame[Any], codes: Collection[str]
) -> tuple[nw.DataFrame[Any], nw.DataFrame[Any]]:
    """Fold a finding into the one that its rule names as the first, where that one is there.

    The folded rule's code then stands in ``also`` of the other, which takes the units that it
    takes. Also given: those folded, each ``into`` the ``number`` of another.
    """
    found = _without_shared_minutes(found).filter(nw.col("rule").is_in(list(codes)))
    # Engines give rows in any order: which of several a finding folds into must not hang on it.
    found = found.sort(
        "rule", "file", "row", "date", "patient", "clinician", "code", "discipline", "found",
        "expected", "rows",
    )  # fmt: skip
    found = found.with_row_index("number").with_columns(nw.col("number").cast(nw.Int64))
    folds = _folds(found)
    if not len(folds):
        alone = found.drop("explained").with_columns(also=nw.lit(""))
        return alone, alone.head(0).rename({"number": "into"})
    for _ in range(3):  # a finding may be folded into one that is folded itself
        on = folds.rename({"number": "into", "into": "root"})
        folds = folds.join(on, on="into", how="left")
        folds = folds.with_columns(into=nw.coalesce("root", "into")).drop("root")
    names = ("number", "rule", "takes_units")
    rules = folds.join(found.select(names), on="number", how="inner").sort("rule")
    also = engine.listed(rules, "into", "rule", "also").rename({"into": "number"})
    kept = found.join(folds.select("number"), on="number", how="anti")
    folded = found.join(folds, on="number", how="inner").sort("number").drop("number")
    kept = kept.join(also, on="number", how="left")
    takers = rules.filter(nw.col("takes_units"))["into"].to_list()
    kept = kept.with_columns(
        nw.col("also").fill_null(""),
        takes_units=nw.col("takes_units") | nw.col("number").is_in(takers),
    )
    return kept.drop("explained"), folded


def _folds(found: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Pairs (number, into): a finding and the first of the rule that explains it.

    They belong together by patient, date, discipline and provider, or by clinician and date. One
    that is milder, since it takes no units, explains others' last; of several that do the one with
    the same dollars comes first, which stand with one row of them.
    """
    milder = [rule.code for rule in RULES.values() if rule.milder_by_units]
    mild = nw.col("rule").is_in(milder) & (nw.col("severity") != "error")
    found = found.with_columns(mild=mild.cast(nw.Int64))
    later = found.filter(nw.col("explained") != "")
    alone = nw.col("patient") == ""
    pairs = []
    for mine, who in (
        (later.filter(~alone), ("patient", "discipline", "provider")),
        (later.filter(alone), ("clinician",)),
    ):
        keys = ["date", *who]
        names = ("file", "row", "code", "cents")
        left = mine.select("number", *names, *keys, rule="explained")
        right = found.select("rule", "mild", *names, *keys, into="number")
        both = left.join(right, on=["rule", *keys], how="inner", suffix="_2")
        seconds = [f"{name}_2" for name in names]
        pairs.append(both.select("number", "into", "rule", "mild", *names, *seconds))
    both = nw.concat(pairs, how="vertical").filter(nw.col("number") != nw.col("into"))
    same_row = (nw.col("row") == nw.col("row_2")) & (nw.col("file") == nw.col("file_2"))
    near = nw.when(nw.col("code") == nw.col("code_2")).then(1).otherwise(2)
    same_cents = nw.col("rule").is_in(milder) & (nw.col("cents") == nw.col("cents_2"))
    both = both.with_columns(
        near=nw.when(same_row.fill_null(False)).then(0).otherwise(near),
        apart=nw.when(same_cents.fill_null(False)).then(0).otherwise(1),
    )
    both = both.sort("number", "mild", "apart", "near", "into")
    return both.unique("number", keep="first", maintain_order=True).select("number", "into")


_LOST_PAY = ("U202", "U208")  # what they would have billed may be minutes of two patients
_SHARED = "T101"  # which names them


def _without_shared_minutes(found: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Findings without pay lost with rows that two patients share by T101.

    Such minutes count for one of both, and nobody can tell for whom they were left out.
    """
    names = ("file", "row", "rows")
    shared = found.filter(nw.col("rule") == _SHARED).select(names)
    places = {place for finding in shared.iter_rows() for place in _places(*finding)}
    if not places:
        return found
    mine = nw.col("rule").is_in(_LOST_PAY)
    told = found.filter(mine)
    apart = [places.isdisjoint(_places(*finding)) for finding in told.select(names).iter_rows()]
    kept = told.filter(nw.new_series("apart", apart, nw.Boolean, backend="polars"))
    return nw.concat([found.filter(~mine), kept], how="vertical")


def _places(file: str, row: int | None, rows: str) -> list[str]:
    """FILE:ROW of a finding's own row and of the others."""
    others = [f"{name}:{number}" for name, number in rows_in(rows, file)]
    return [f"{file}:{row}", *others]


def _nothing() -> nw.DataFrame[Any]:
    lacking = ("fingerprint", "also", "waived")
    names = [name for name in (*FINDING, "provider", "payer", "explained") if name not in lacking]
    others = {"over": str, "row": int, "cents": int, "date": date, "takes_units": bool}
    types: dict[str, type] = dict.fromkeys(names, str) | others
    columns: engine.Columns = {name: [] for name in types}
    return engine.collect(engine.table(columns, types))


# --- the rows of a finding -----------------------------------------------------------------

_BY_CODE = ("service", "allowed_most", "pair", "evaluation")
_BY_DAY = ("day", "treatment_day", "limit")


def beside_rows(found: nw.DataFrame[Any], rows: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Fill ``rows`` of findings about a code's or a patient's day with the day's other rows.

    ``rows``: all of the patients, as their minutes count. A code that stands on no row has those of
    its service, one of which is the finding's own.
    """
    found = found.with_row_index("number").with_columns(nw.col("number").cast(nw.Int64))
    wide = found.filter(nw.col("over").is_in([*_BY_CODE, *_BY_DAY]) & (nw.col("patient") != ""))
    if not len(wide):
        return found.drop("number")
    days = wide.select("patient", "date").unique()
    table: engine.Columns = {name: days[name].to_list() for name in ("patient", "date")}
    near = engine.beside(rows, table, {"patient": str, "date": date})
    keys = ["patient", "date", "provider"]
    here = engine.collect(
        engine.plain(
            engine.among(rows, near, ("patient", "date")).select(
                *keys, "discipline", "payer", "code", "service", "timed", "file", "row"
            )
        )
    )
    stands_on = here.select("file", "row", own_code="code", own_service="service")
    wide = wide.join(stands_on, on=["file", "row"], how="left")
    own = ("own_code", "own_service")
    names = ("number", "over", *keys, "discipline", "payer", "code", "file", "row", *own)
    both = wide.select(*names).join(here, on=keys, how="inner", suffix="_2")
    of_code = nw.col("over").is_in(_BY_CODE)
    rowless = (nw.col("over") == "service") & (nw.col("code") != nw.col("own_code"))
    of_service = (rowless & (nw.col("own_service") == nw.col("service"))).fill_null(False)
    same_code = (nw.col("code") == nw.col("code_2")) | of_service
    same_discipline = nw.col("discipline") == nw.col("discipline_2")
    timed = nw.col("timed") | (nw.col("over") != "day")
    # Units are counted for each payer alone.
    units = nw.col("over").is_in(["day", "service"])
    same_payer = ~units | (nw.col("payer") == nw.col("payer_2"))
    other = (nw.col("row") != nw.col("row_2")) | (nw.col("file") != nw.col("file_2"))
    # Only what is usual for a code, and evaluations of a kind, go beyond a discipline.
    one_discipline = ~nw.col("over").is_in(["allowed_most", "evaluation"])
    same = nw.when(of_code).then(same_code).otherwise(timed)
    same = same & (same_discipline | ~one_discipline)
    both = both.filter(other & same & same_payer).sort("number", "file_2", "row_2")
    number = nw.col("row_2").cast(nw.String)
    same_file = nw.col("file") == nw.col("file_2")
    elsewhere = row_of(nw.col("file_2"), number)
    both = both.with_columns(place=nw.when(same_file).then(number).otherwise(elsewhere))
    places = engine.listed(both, "number", "place", "others")
    found = found.join(places, on="number", how="left")
    return found.with_columns(rows=nw.coalesce("others", "rows")).drop("others", "number")


def _ordered(found: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Worst first: severity, dollars, rule, file, row."""
    rank = nw.lit(len(SEVERITIES))
    for place, name in enumerate(SEVERITIES):
        rank = nw.when(nw.col("severity") == name).then(place).otherwise(rank)
    order = found.with_columns(rank=rank, less=0 - nw.col("cents").abs().fill_null(0))
    order = order.sort(
        "rank", "less", "rule", "file", "row", "patient", "date", "code", "clinician", "discipline",
        "found", "expected", "rows",
    )  # fmt: skip
    return order.drop("rank", "less").with_columns(waived=nw.lit(""))


def with_fingerprints(
    found: nw.DataFrame[Any], folded: nw.DataFrame[Any]
) -> tuple[nw.DataFrame[Any], list[Folded]]:
    """Add ``fingerprint``, by which a later run knows a finding again; row numbers play no part.

    Of findings that are alike the second and further ones are marked as such: a baseline with one
    of them knows one. What a rule finds milder is another finding where it is not. Made after
    redaction, so that a report of redacted findings gives no patient away. Also given: those
    ``folded`` into others.
    """
    of_pool = ("discipline", "provider", "payer")
    names = ("rule", "patient", "clinician", "date", "code", *of_pool, "found", "expected")
    seen = Counter[str]()

    def marks(findings: nw.DataFrame[Any]) -> list[str]:
        said = []
        for *values, severity in findings.select(*names, "severity").iter_rows():
            both = RULES[values[0]].other_severity
            text = "\0".join(map(str, [*values, severity] if both else values))
            mark = hashlib.sha256(text.encode()).hexdigest()[:16]
            seen[mark] += 1
            said.append(mark if seen[mark] == 1 else f"{mark}-{seen[mark]}")
        return said

    mine = marks(found)
    said = nw.new_series("fingerprint", mine, nw.String, backend="polars")
    others = list[Folded]()
    if len(folded):
        of_number = dict(zip(found["number"].to_list(), mine, strict=True))
        into = [of_number[number] for number in folded["into"].to_list()]
        rows = zip(folded["rule"].to_list(), marks(folded), into, strict=True)
        others = [Folded(*row) for row in rows]
    return found.with_columns(said).select(FINDING), others
