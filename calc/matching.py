"""Which documented service a claim's line bills, and what log and claims tell of one another.

A blank cell of one file is what the other says of the same service, or of the day; where that may
be several the day is in doubt.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import narwhals.stable.v2 as nw

from calc import engine, lookups, modifiers
from calc.claims import line_file, nothing_unread
from calc.logs import Log
from calc.modifiers import ASSISTANT, DISCIPLINE
from calc.params import Config
from calc.schema import CLAIM

Frame = nw.LazyFrame[Any]

_COLUMNS = (
    "file", "row", "patient", "clinician", "role", "discipline", "provider", "payer", "locality",
    "date", "code", "start_ms", "end_ms", "given_ms", "mode", "units_billed", "modifiers_billed",
    "charge_cents", "diagnosis", "counts", "total_ms", "past_midnight", "role_blank", "payer_blank",
    "locality_blank", "fault_rule", "doubtful", "may_be_longer", "documented", "offset_ms",
    "two_offsets",
)  # fmt: skip
_BESIDE = (*_COLUMNS, "discipline_blank", "provider_blank")
_DAY = ["patient", "date"]
_OF_DAY = [*_DAY, "discipline"]
_VISIT = [*_DAY, "code"]
_SERVICE = [*_DAY, "service"]


def documented(log: Log) -> Frame:
    """The rows of a log that is audited by its own billed units.

    A blank discipline is the one that the row's GP, GO or GN says, or those of its day that agree,
    or that of all other rows of the day: minutes of one discipline count together. Where it is
    billed by itself, see `in_doubt`.
    """
    return _by_own_day(_documented(log))


def in_doubt(log: Log, held: Collection[str]) -> nw.DataFrame[Any]:
    """Days of such a log on which nobody can tell how its disciplines count: see `beside`.

    A blank row with billed units of its own is a line without a discipline: a bill keeps it apart
    from the day's one other discipline, or somebody left that out. ``held``: what the log holds.
    """
    if not {"discipline", "units_billed"}.issubset(held):
        return nothing_unread()
    rows = log.audited.select(*_OF_DAY, "code", "modifiers_billed", "units_billed")
    rows, billed = engine.plain(rows), ~nw.col("units_billed").is_null()
    blank = engine.settled(rows.filter(nw.col("discipline") == ""))
    if engine.is_empty(blank):
        return nothing_unread()
    own = _by_modifiers(blank).filter(billed, nw.col("discipline") == "").select(*_DAY).unique()
    ends = {"low": nw.col("discipline").min(), "high": nw.col("discipline").max()}
    named = rows.filter(nw.col("discipline") != "").group_by(*_DAY).agg(**ends)
    days = own.join(named.filter(nw.col("low") == nw.col("high")), on=_DAY, how="semi")
    return engine.collect(_with_lines(rows.filter(billed), days))


def _with_lines(lines: Frame, days: Frame) -> Frame:
    """Those of these days that have lines, and how many."""
    counted = nw.len().cast(nw.Int64).alias("lines")
    return lines.join(days, on=_DAY, how="semi").group_by(*_DAY).agg(counted)


def _documented(log: Log) -> Frame:
    rows = log.audited.with_columns(
        documented=nw.lit(True),
        discipline_blank=nw.col("discipline") == "",
        provider_blank=nw.col("provider") == "",
    ).select(_BESIDE)
    return engine.some(rows, nw.col("discipline_blank"), _by_modifiers, ("discipline",))


def _by_own_day(rows: Frame) -> Frame:
    """Rows of a blank discipline with that of the day's others, if these say one."""
    rows = rows.drop("near", "several", strict=False)  # of another column, see `_near`
    named = rows.filter(~nw.col("discipline_blank")).select(*_OF_DAY)
    if engine.is_empty(named):
        return rows

    def alike(few: Frame) -> Frame:
        near = named.join(few.select(*_DAY).unique(), on=_DAY, how="semi")
        return _agreed(few, near, "discipline", [_DAY]).drop("near", "several")

    return engine.some(rows, nw.col("discipline") == "", alike, ("discipline",))


def _by_modifiers(rows: Frame) -> Frame:
    said = {"said": modifiers.one_discipline()}
    rows = engine.told_by(rows.drop("discipline"), "modifiers_billed", said)
    rows = rows.rename({"said": "discipline"})
    told = rows.filter(nw.col("discipline") != "")
    if engine.is_empty(told):
        return rows
    return _agreed(rows, told, "discipline", [_VISIT, _DAY])


def beside(
    log: Log,
    claims: Log,
    config: Config,
    ours: frozenset[str],
    theirs: frozenset[str],
    files: Collection[str] = (),
) -> tuple[Frame, Frame]:
    """Rows of the log without its own billed columns, and the claims' lines; and the days in doubt.

    ``ours`` and ``theirs``: what the log and the claims hold, see `held`. Lines match services by
    patient, date, discipline, provider and code. What one file leaves blank of these, of payer and
    of locality is what the other says of the same patient, date and code, or its primary code (of
    what is not billed: of the day); a line's discipline is also that of GP, GO or GN, where the log
    has the code in it (see `_as_documented`). A blank that a line has too, or that stays, may be a
    value of its own beside others of the day: so a bill counts it. A column that the log lacks
    altogether plays no part in matching.
    Where a blank may mean several the patient's day is in doubt: patient, date, ``lines``.
    ``files``: all of the log's, if this is a part of it.
    """
    nothing = nw.lit(None, dtype=nw.Int64)
    rows = engine.plain(_documented(log)).with_columns(
        units_billed=nothing, charge_cents=nothing, modifiers_billed=nw.lit(""),
        unsure=nw.lit(False), discipline_blank=nw.col("discipline") == "",
    )  # fmt: skip
    # What stands in for a blank says nothing of a column that is not there.
    said = {n: nw.col(n) if n in theirs else nw.lit("") for n in ("discipline", "provider")}
    lines = engine.plain(claims.audited).with_columns(**said).with_columns(
        documented=nw.lit(False), counts=nw.lit(False), role=nw.lit(CLAIM), start_ms=nothing,
        end_ms=nothing, given_ms=nothing, total_ms=nothing, past_midnight=nw.lit(False),
        role_blank=nw.lit(False), fault_rule=nw.lit(""), mode=nw.lit("individual"),
        doubtful=nw.lit(False), may_be_longer=nw.lit(False),
        discipline=_said_discipline(), unsure=nw.lit(False), discipline_blank=nw.lit(False),
        provider_blank=nw.lit(False), by_modifiers=nw.col("discipline") == "",
    )  # fmt: skip
    lines = _apart_by_file(lines, {*files, *(file.name for file in log.files)})
    rows = _as_billed(rows, lines, config)
    rows, lines = (lookups.code_facts(part, config) for part in (rows, lines))
    rows, lines = _with_disciplines(rows, lines, "discipline" in ours)
    rows, lines = _with_providers(rows, lines, "provider" in ours)
    rows, lines = _with_localities(*_with_payers(rows, lines))
    rows, lines = (engine.settled(part.select(*_BESIDE, "unsure")) for part in (rows, lines))
    both = nw.concat([rows, lines], how="vertical")
    unsure = both.filter(nw.col("unsure")).select(*_DAY).unique()
    return both.select(_BESIDE), _with_lines(lines, unsure)


def _apart_by_file(lines: Frame, own: Collection[str]) -> Frame:
    file = nw.col("file")
    for name in engine.distinct(lines, "file"):
        if (other := line_file(name, own)) != name:
            file = nw.when(nw.col("file") == name).then(nw.lit(other)).otherwise(file)
    return lines.with_columns(file=file)


def _as_billed(rows: Frame, lines: Frame, config: Config) -> Frame:
    """Rows of a code that Medicare takes under another one, under that where it is billed.

    And the other way round: a log may name what Medicare takes, and another payer be billed. Not
    where the discipline has sessions of the other code on the day, nor of another payer's lines.
    """
    taken = {c: facts["medicare_code"] for c, facts in config.codes.items()}
    taken = {code: other for code, other in taken.items() if other}
    back = {other: code for code, other in taken.items() if other not in taken}
    codes = {"code": [*taken, *back], "other": [*taken.values(), *back.values()]}
    table: engine.Columns = {**codes, "back": [False] * len(taken) + [True] * len(back)}
    types: dict[str, type] = {"code": str, "other": str, "back": bool}
    there = rows.filter(nw.col("counts") & nw.col("code").is_in(list(back.values())))
    there = there.select(*_VISIT, "discipline").unique()
    there = engine.settled(there).rename({"code": "other"}).with_columns(there=nw.lit(True))
    rows = rows.join(engine.beside(rows, table, types), on="code", how="left")
    own = lines.select(*_VISIT).unique().with_columns(own=nw.lit(True))
    others, blank = [*_DAY, "other"], nw.col("payer_blank")
    payer = nw.when(~blank).then(nw.col("payer").cast(nw.String))
    ends = nw.col("payer").min().alias("first"), nw.col("payer").max().alias("last")
    theirs = lines.select(*_DAY, other="code", payer=payer).group_by(*others).agg(*ends)
    rows = rows.join(own, on=_VISIT, how="left")
    rows = rows.join(there, on=[*others, "discipline"], how="left")
    rows = rows.join(theirs.with_columns(theirs=nw.lit(True)), on=others, how="left")
    same = (nw.col("first") == nw.col("payer")) & (nw.col("last") == nw.col("payer"))
    same = blank | nw.col("first").is_null() | same
    sound = ~nw.col("back") | (nw.col("there").is_null() & same)
    turned = (nw.col("own").is_null() & ~nw.col("theirs").is_null() & sound).fill_null(False)
    code = nw.when(turned).then("other").otherwise("code")
    beside = ("other", "back", "own", "there", "theirs", "first", "last")
    return engine.settled(rows.with_columns(code=code).drop(*beside))


# --- one word for both --------------------------------------------------------------------


def _with_disciplines(rows: Frame, lines: Frame, there: bool) -> tuple[Frame, Frame]:
    """Both without blank disciplines, as far as either tells; ``there``: the log has the column."""
    told = lines.filter(nw.col("discipline") != "")
    if there:
        unnamed = lines.filter(nw.col("discipline") == "")
        rows = engine.settled(_as_blank_as(_between(rows), unnamed, told, "discipline"))
        rows = _filled(rows, told, "discipline", [_VISIT, _SERVICE])
        rows = _beside_named(_by_day(rows, told, "discipline", _DAY), "discipline", _DAY)
    else:
        lines = _without(lines, told, "discipline")
    rows = engine.settled(rows)
    lines = engine.settled(_filled(lines, rows, "discipline", [_SERVICE]))
    return rows, engine.settled(_as_documented(lines, rows))


def _between(rows: Frame) -> Frame:
    """Rows of a blank discipline ``unsure`` where the log has their code in one, of the day's two.

    The lines of that one say nothing of them.
    """
    named = engine.settled(rows.filter(nw.col("discipline") != ""))
    blank = nw.col("discipline") == ""
    rows = _near(rows, named, "discipline", [_DAY]).with_columns(amid=blank & nw.col("several"))
    rows = _near(rows, named, "discipline", [_VISIT])
    amid = nw.col("amid") & ~nw.col("near").is_null()
    return rows.with_columns(unsure=nw.col("unsure") | amid).drop("amid")


def _as_documented(lines: Frame, rows: Frame) -> Frame:
    """Lines whose discipline only their modifiers say, in one that the log has their code in.

    A wrong GP, GO or GN makes no other service of a line: it is reported by itself (M303, M309,
    M310). Of several disciplines see `_one_of_several`.
    """
    named = rows.filter(nw.col("discipline") != "")
    lines = _near(lines, named, "discipline", [_SERVICE])
    told = nw.col("by_modifiers") & ~nw.col("near").is_null()
    only = nw.when(told & ~nw.col("several")).then("near").otherwise("discipline")
    lines = engine.settled(lines.with_columns(discipline=only))
    amid = told & nw.col("several")
    changed = ("discipline", "unsure")
    return engine.some(lines, amid, lambda few: _one_of_several(few, named), changed)


def _one_of_several(lines: Frame, named: Frame) -> Frame:
    """Lines in the documented discipline that their modifiers, CQ and CO too, speak of.

    Where they speak of two (GP CO) it is the one that no other line speaks of alone. A line that
    still fits several, or none, is in doubt.
    """
    here = named.join(lines.select(*_SERVICE).unique(), on=_SERVICE, how="semi").with_columns(
        **{f"in_{name}": (nw.col("discipline") == name).cast(nw.Int64) for name in DISCIPLINE}
    )
    there = here.group_by(*_SERVICE).agg(*(nw.col(f"in_{name}").max() for name in DISCIPLINE))
    fits = {}
    for name, modifier in DISCIPLINE.items():
        speaks = modifiers.says(modifier)
        if name in ASSISTANT:
            speaks = speaks | modifiers.says(ASSISTANT[name])
        fits[name] = nw.when(speaks).then(nw.col(f"in_{name}")).otherwise(0)
    names, left = [f"in_{name}" for name in fits], [f"left_{name}" for name in fits]
    lines = lines.join(there, on=_SERVICE, how="left")
    lines = lines.with_columns(**{f"in_{name}": fit for name, fit in fits.items()})
    lines = lines.with_columns(fitting=nw.sum_horizontal(*names))
    alone = nw.col("fitting") == 1
    lines = lines.with_columns(
        **{f"alone_{name}": nw.when(alone).then(f"in_{name}").otherwise(0) for name in fits}
    ).with_columns(
        **{f"taken_{name}": nw.col(f"alone_{name}").max().over(*_VISIT) for name in fits}
    )
    free = {
        f"left_{name}": nw.when(alone)
        .then(f"in_{name}")
        .otherwise(nw.col(f"in_{name}") * (1 - nw.col(f"taken_{name}")))
        for name in fits
    }
    lines = lines.with_columns(**free).with_columns(remaining=nw.sum_horizontal(*left))
    sure, found = nw.col("remaining") == 1, nw.col("discipline")
    for name in fits:
        found = nw.when(sure & (nw.col(f"left_{name}") == 1)).then(nw.lit(name)).otherwise(found)
    return lines.with_columns(discipline=found, unsure=nw.col("unsure") | ~sure)


def _with_providers(rows: Frame, lines: Frame, there: bool) -> tuple[Frame, Frame]:
    """The same of providers: first of those that the discipline has."""
    within = [[*keys, "discipline"] for keys in (_VISIT, _SERVICE)]
    told = lines.filter(nw.col("provider") != "")
    if there:
        unnamed = lines.filter(nw.col("provider") == "")
        rows = engine.settled(_as_blank_as(rows, unnamed, told, "provider"))
        rows = _by_day(_filled(rows, told, "provider", within), told, "provider", _OF_DAY)
        rows = _by_day(_filled(rows, told, "provider", [_VISIT]), told, "provider", _DAY)
        rows = _beside_named(rows, "provider", _OF_DAY)
    else:
        lines = _without(lines, told, "provider")
    rows = engine.settled(rows)
    # A primary code may bill who documented its add-on alone: they are one service.
    levels = [[*_SERVICE, "discipline"], _SERVICE]
    lines = engine.settled(_filled(lines, rows, "provider", levels))
    # Of a code that nobody documented: who alone treated the patient on the day billed it.
    return rows, _agreed(lines, rows, "provider", [_OF_DAY, _DAY])


def _as_blank_as(rows: Frame, unnamed: Frame, told: Frame, name: str) -> Frame:
    """Rows without a discipline or provider ``unsure`` where a line of theirs has none either.

    Beside others of the day: a bill takes it for a value of its own. Not where lines of the day
    leave out one that the log names: there a blank says nothing.
    """
    if engine.is_empty(unnamed) or engine.is_empty(told):
        return rows
    said = nw.col("near") != ""
    careless = _near(unnamed, rows, name, [_SERVICE]).filter(said)
    found: list[str] = []
    for lines, keys in ((unnamed, _SERVICE), (careless, _DAY), (told, _DAY)):
        rows = _near(rows, engine.settled(lines), name, [keys])
        found.append(f"found_{len(found)}")
        rows = rows.with_columns((~nw.col("near").is_null()).alias(found[-1]))
    both, left_out, beside = map(nw.col, found)
    own = (nw.col(name) == "") & both & ~left_out & beside
    return rows.with_columns(unsure=nw.col("unsure") | own).drop(*found)


def _beside_named(rows: Frame, name: str, day: list[str]) -> Frame:
    """Rows that stay blank beside others of the day ``unsure``: may be of theirs, or of none."""
    blank = nw.col(name) == ""
    rows = _near(rows, engine.settled(rows.filter(~blank)), name, [day])
    amid = blank & ~nw.col("near").is_null()
    return rows.with_columns(unsure=nw.col("unsure") | amid)


def _without(lines: Frame, told: Frame, name: str) -> Frame:
    """Lines without a column that the log lacks; where it tells several they are in doubt."""
    lines = _near(lines, told, name, [_DAY])
    unsure = nw.col("unsure") | nw.col("several")
    return lines.with_columns(nw.lit("").alias(name), unsure=unsure)


def _with_payers(rows: Frame, lines: Frame) -> tuple[Frame, Frame]:
    """One payer for a service and its lines: the log's own word, the claims', or the default."""
    service = [*_SERVICE, "discipline"]
    blank, several = nw.col("payer_blank"), nw.col("several")
    told = engine.settled(lines.filter(~blank))
    rows = engine.settled(_filled(rows, told, "payer", [service, _OF_DAY, _DAY], blank))
    lines = _near(lines, lines, "payer", [service])
    lines = lines.with_columns(billed_twice=several, said="payer")
    lines = _near(lines, rows, "payer", [service])
    payer = nw.when(several & ~blank).then(nw.col("payer")).otherwise(nw.coalesce("near", "payer"))
    lines = engine.settled(lines.with_columns(payer=payer, amid=several | nw.col("billed_twice")))
    lines = engine.some(
        lines, nw.col("amid"), lambda few: _of_several_payers(few, rows, service), ("unsure",)
    )
    # Claims that name no payer are those of the patient's, also for what nobody documented.
    levels = [service, _OF_DAY, _DAY, _DAY[:1]]
    return rows, _filled(lines, rows, "payer", levels, blank)


def _of_several_payers(lines: Frame, rows: Frame, service: list[str]) -> Frame:
    """Lines of services with several payers ``unsure``, but where either file names the same ones.

    A service billed to one payer and again to another, such as a secondary one: whose lines are to
    be compared, and what came of the others, the files do not say. They do where each payer has
    sessions of its own. ``said``: the payer that a line names.
    """
    theirs = rows.join(lines.select(*service).unique(), on=service, how="semi")
    pairs = [
        engine.settled(part.select(*service, "payer_blank", payer=name).unique())
        for part, name in ((theirs, "payer"), (lines, "said"))
    ]
    on = [*service, "payer"]
    alone = [one.join(other, on=on, how="anti") for one, other in (pairs, pairs[::-1])]
    odd = [*alone, *(part.filter(nw.col("payer_blank")) for part in pairs)]
    untold = nw.concat([part.select(*service) for part in odd], how="vertical").unique()
    lines = lines.join(untold.with_columns(untold=nw.lit(True)), on=service, how="left")
    return lines.with_columns(unsure=nw.col("unsure") | nw.col("untold").fill_null(False))


def _with_localities(rows: Frame, lines: Frame) -> tuple[Frame, Frame]:
    """One locality for a service and its lines, by whose word the payer is; else the nearest."""
    wider = [_SERVICE, _DAY, _DAY[:1]]
    blank = nw.col("locality_blank")
    rows = _near(rows, lines.filter(~blank), "locality", wider)
    told = blank & ~nw.col("several")
    locality = nw.when(told).then(nw.coalesce("near", "locality")).otherwise(nw.col("locality"))
    rows = engine.settled(rows.with_columns(locality=locality))
    lines = _near(lines, rows, "locality", [_SERVICE])
    lines = lines.with_columns(locality=nw.coalesce("near", "locality"))
    lines = _near(lines, rows, "locality", wider)
    locality = nw.when(blank).then(nw.coalesce("near", "locality")).otherwise(nw.col("locality"))
    return rows, lines.with_columns(locality=locality)


# --- what others say ----------------------------------------------------------------------


def _near(frame: Frame, others: Frame, name: str, levels: list[list[str]]) -> Frame:
    """Add ``near``, the least that others say of a column, and whether they say ``several``.

    Others are those with the same keys, of the first of the levels that has any.
    """
    frame = frame.drop("near", "several", strict=False)
    for place, keys in enumerate(levels):
        ends = (nw.col(name).min().alias(f"low_{place}"), nw.col(name).max().alias(f"high_{place}"))
        frame = frame.join(others.group_by(*keys).agg(*ends), on=keys, how="left")
    low, high = (
        nw.coalesce(*(f"{end}_{place}" for place in range(len(levels)))) for end in ("low", "high")
    )
    added = [f"{end}_{place}" for end in ("low", "high") for place in range(len(levels))]
    return frame.with_columns(near=low, several=(low != high).fill_null(False)).drop(*added)


def _agreed(frame: Frame, others: Frame, name: str, levels: list[list[str]]) -> Frame:
    """Blank cells of a column as the nearest others have it, where these agree."""
    near = nw.when(~nw.col("several")).then(nw.col("near")).fill_null("")
    own = nw.when(nw.col(name) == "").then(near).otherwise(nw.col(name))
    return _near(frame, others, name, levels).with_columns(own.alias(name))


def _filled(
    frame: Frame,
    others: Frame,
    name: str,
    levels: list[list[str]],
    blank: nw.Expr | None = None,
) -> Frame:
    """Blank cells of a column as the nearest others have it.

    ``blank``: which they are, where something stands in for them.
    """
    blank = nw.col(name) == "" if blank is None else blank
    return _near(frame, others, name, levels).with_columns(
        nw.when(blank).then(nw.coalesce("near", name)).otherwise(nw.col(name)).alias(name),
        unsure=nw.col("unsure") | (blank & nw.col("several")),
    )


def _by_day(rows: Frame, told: Frame, name: str, day: list[str]) -> Frame:
    """Blank cells of the log as the claims of the day have the column.

    In doubt where other rows of the log's own say something else.
    """
    blank = nw.col(name) == ""
    rows = engine.settled(rows.with_columns(asked=blank))
    own = {"near": "own", "several": "own_several"}
    rows = _near(rows, rows.filter(~blank), name, [day]).rename(own)
    rows = _filled(rows, told, name, [day])
    apart = nw.col("own_several") | (nw.col("own") != nw.col("near")).fill_null(False)
    amid = nw.col("asked") & ~nw.col("near").is_null() & apart
    rows = rows.with_columns(unsure=nw.col("unsure") | amid)
    return engine.settled(rows.drop("asked", *own.values()))


def _said_discipline() -> nw.Expr:
    """The discipline, or where it is blank the one that GP, GO or GN says."""
    blank = nw.col("discipline") == ""
    return nw.when(blank).then(modifiers.discipline_said()).otherwise(nw.col("discipline"))
