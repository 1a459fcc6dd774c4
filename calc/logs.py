"""A log, from files or a caller's frame, to SESSION rows and rejects. Nothing is guessed or lost.

Every record is either used or rejected with a reason; both come out of one frame of checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import lru_cache, partial
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from calc import (
    clocks,
    decoding,
    engine,
    files,
    heading_notes,
    headings,
    inputs,
    lengths,
    reserved,
    row_notes,
    statuses,
    times,
    values,
)
from calc.cells import Facts, by_values, of_blank, text_of
from calc.checks import (
    CHECKS,
    FINDINGS,
    KNOWN_PAYERS,
    NO_DATE,
    NO_SERVICE,
    PATIENT_BLANK,
    WITHDRAWN,
    judge,
)
from calc.errors import InputError
from calc.params import Config, plain_name
from calc.schema import DISCIPLINES, LINE, SESSION

MAX_CELL = 40  # characters of a cell that a message repeats


USED = (
    "file", "row", "patient", "clinician", "role", "discipline", "provider", "payer", "locality",
    "date", "code", "start_ms", "end_ms", "given_ms", "mode", "units_billed", "modifiers_billed",
    "charge_cents", "diagnosis", "counts", "total_ms", "past_midnight",
    "role_blank", "payer_blank", "locality_blank", "offset_ms", "two_offsets",
)  # fmt: skip
_DOUBTS = ("doubtful", "may_be_longer")  # see `clocks.without_spoilt`
HEARD = ("fault_rule", *_DOUBTS)  # what an audit is told beside them
REJECT = ("row", "reason", "hint")  # what a reject adds to the log's own columns
RAGGED = "the record has "  # begins the reason of one with more fields than the heading


@dataclass(frozen=True)
class Defaults:
    """What stands in for blank cells, and how the log is to be read."""

    payer: str = "medicare"
    locality: str = "US"
    discipline: str = ""
    provider: str = ""
    zone: str = ""  # of stamps without an offset
    # Of dates with slashes: mdy, dmy, or one of them for each of date, start and end, parted by
    # blanks; blank: the log itself must tell.
    date_order: str = ""
    sheet: str = ""  # of workbooks; blank: the first
    sheet_option: ClassVar[str] = "--sheet"  # by which a user names it
    timed: ClassVar[bool] = True  # whether times are asked of it


def filled(rows: nw.LazyFrame[Any], defaults: Defaults) -> frozenset[str]:
    """Which of payer and locality stand in a row because its cell is blank."""
    blank = {
        name: (nw.col(f"{name}_blank") & (nw.col(name) == getattr(defaults, name)))
        .cast(nw.Int64)
        .max()
        for name in ("payer", "locality")
    }
    (found,) = engine.collect(rows.select(**blank)).iter_rows(named=True)
    return frozenset(name for name, any_blank in found.items() if any_blank)


def filled_said(names: Container[str], defaults: Defaults) -> list[str]:
    """A note of what stands in for blank cells of payer and locality.

    >>> filled_said({"payer", "locality"}, Defaults())
    ['payer medicare and locality US (national figures) where the log names none']
    """
    stood = {"payer": f"payer {defaults.payer}", "locality": f"locality {defaults.locality}"}
    stood["locality"] += " (national figures)" if defaults.locality == "US" else ""
    words = " and ".join(text for name, text in stood.items() if name in names)
    return [f"{words} where the log names none"] if words else []


class _OfClaims(Defaults):
    """The same of claims beside a log."""

    sheet_option = "--claims-sheet"
    timed = False


def of_claims(log: Defaults, sheet: str) -> Defaults:
    """How claims are read beside a log: as it is, but for the ``sheet`` of a workbook."""
    return _OfClaims(**asdict(log) | {"sheet": sheet})


@dataclass
class Log:
    """SESSION rows to bill, the rejects, and what a report says about the reading."""

    sessions: nw.LazyFrame[Any]
    bad: nw.LazyFrame[Any]  # records with a fault, as read
    audited: nw.LazyFrame[Any]  # SESSION rows to audit: also those whose fault is a finding
    place: dict[str, str]  # the log's own columns, by their headings
    cells: dict[str, str]  # the same by our names
    carried: tuple[str, ...] = ()
    ragged: list[tuple[int, list[str]]] = field(default_factory=list)
    files: list[inputs.File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what a user should know about the reading
    of_headings: list[str] = field(default_factory=list)  # the same of headings, without the file
    mapping: dict[str, list[str]] = field(default_factory=dict)  # our column to the headings used
    parts: list[Log] = field(default_factory=list)  # the logs of several files
    sheets: dict[str, str] = field(default_factory=dict)  # of each workbook the one that was read
    total_words: list[str] = field(default_factory=list)  # see `is_total`
    total_codes: list[str] = field(default_factory=list)  # the same of revenue codes
    revenue: list[str] = field(default_factory=list)  # headings of these
    heeded: list[str] = field(default_factory=list)  # headings of what rows say of themselves
    payers: list[str] = field(default_factory=list)  # that are known
    # Where no heading is read as a time, those that may mean one, each with it.
    times_like: list[tuple[str, str]] = field(default_factory=list)
    # Headings that may say how long each service took and are not read so, each with its column,
    # or with what it holds in one cell.
    lengths_like: list[tuple[str, str]] = field(default_factory=list)
    # Headings that are not read and may hold modifiers, each with our column for them.
    modifiers_like: list[tuple[str, str]] = field(default_factory=list)
    defaults: Defaults = field(default_factory=Defaults)  # what it was read by
    chosen: frozenset[str] = frozenset()  # plain headings of which a mapping says what they mean
    kinds: clocks.Kinds = field(default_factory=clocks.Kinds)  # of a single file's clock times
    # Rows that say of themselves that they are of several days, by patient.
    spanning: Counter[str] = field(default_factory=Counter)

    def rejects(self, audited: bool = False) -> nw.LazyFrame[Any]:
        """Every column of the log as it was, then row, reason and, for messages, hint.

        Of several files also ``file``, before the row. ``audited``: without the rows that are
        findings of an audit.
        """
        if self.parts:
            return _rejects_of_files(self.parts, audited)
        bad = self.bad.filter(~nw.col("fault").is_in(list(FINDINGS))) if audited else self.bad
        total = nw.lit(False) if engine.is_empty(bad) else is_total(self)
        rejects = _rejects(bad, self.place, self.cells, total, self.payers).sort("row")
        if not self.ragged:
            return rejects
        rejects = engine.collect(rejects).lazy()
        return nw.concat([rejects, _ragged(self.ragged, rejects)], how="vertical").sort("row")


Report = Callable[[str], None]


def read(
    source: Any,
    config: Config,
    defaults: Defaults | None = None,
    on: str = "polars",
    report: Report | None = None,
    maps: Mapping[str, str] | None = None,
    all_maps: bool = True,
    digest: bool = True,
    measures: Mapping[str, lengths.Measure] | None = None,
    part: bool = False,
) -> Log:
    """Read a file (`-` is standard input), a folder, a list or iterator of files, or a frame.

    ``report`` is told what is being done. ``maps``: heading to our column, before all that
    columns.toml says, "" for one to be carried; with ``all_maps`` each must be in the log.
    ``digest``: whether a single file's is wanted, which a bill does without. ``measures``: of a
    piece of a file, as the whole tells them, see `measures`. ``part``: other files of the log are
    read apart, see `require_sheet` and `require_alike`. Raises InputError where nothing can be
    used: an unreadable or empty file, missing headings, a folder without logs.
    """
    defaults = _known_defaults(defaults or Defaults(), config)
    if not inputs.is_named(source):
        known = headings.meanings(config, maps)
        score = partial(headings.score, known=known)
        frame = _rows_of(source, partial(files.named_apart, where="", score=score))
        log = _from_frame(frame, config, defaults, maps or {}, measures)
        log.defaults = defaults
        if all_maps:
            require_maps(maps or {}, log.place)
        if defaults.timed and not part:
            require_alike([("", log.kinds)])
        return log
    engine.started(on)  # what it lacks is said before the log is read
    named = inputs.several(source)
    if not all(map(inputs.is_path, named)):
        hint = "make it a frame: polars.DataFrame(records)"
        raise InputError("a list of records is no log", hint=hint)
    found, notes = inputs.paths(named)
    if not part:
        require_sheet(defaults, filter(decoding.may_be_workbook, found), named)
    several = part or len(found) > 1
    digest = digest or len(found) > 1  # tells files that hold the same bytes
    report = report or (lambda text: None)
    parts = []
    for path in found:
        with inputs.naming_strays(path, named):
            parts.append(_from_file(path, config, defaults, report, maps or {}, digest, several))
    log = parts[0] if len(parts) == 1 else _together(parts)
    log.notes = [*notes, *log.notes, *inputs.same_content(log.files)]
    log.defaults = defaults
    if all_maps:
        require_maps(maps or {}, [name for own in parts for name in own.place])
    if not part:
        require_sheet(defaults, log.sheets, named)
    if defaults.timed and not part:
        require_alike([(own.files[0].name, own.kinds) for own in parts])
    return _on_engine(log, on)


def _rows_of(source: Any, named: engine.Naming) -> nw.LazyFrame[Any]:
    if engine.is_frame(source):
        return engine.lazy(source, named)
    hint = "give the path of a file or folder, a list of paths, or a frame of rows"
    raise InputError(f"{type(source).__name__} is no log", hint=hint)


def piece(source: str, first: int, rows: int) -> nw.LazyFrame[Any]:
    """Some of the records of a Parquet file, numbered as in the whole file."""
    return engine.parquet_slice(source, first, rows, files.parquet_headings(source))


def date_order(source: str, config: Config, maps: Mapping[str, str]) -> str:
    """The `Defaults.date_order` of a Parquet file that is read in pieces.

    The whole file tells it, as where it is read at once; InputError where it does not.
    """
    frame, own = _whole(source, config, maps)
    kinds = frame.collect_schema()

    def order(column: str, name: str) -> str:
        if kinds[name] != nw.String:
            return "mdy"
        cells = engine.streamed(clocks.order_cells(frame, name, column), source)
        return clocks.order_of(cells, name, column, source, "start" in own)

    return _orders(own, order)


def _orders(own: Mapping[str, Sequence[str]], order: Callable[[str, str], str]) -> str:
    """The `Defaults.date_order` of a log with these columns, one told after another.

    ``order`` tells that of a column by its heading, or raises InputError.
    """
    return " ".join(
        order(column, own[column][0]) if own.get(column) else "mdy" for column in _DATED
    )


def measures(source: str, config: Config, maps: Mapping[str, str]) -> dict[str, lengths.Measure]:
    """How the columns of lengths of a Parquet file are read that is read in pieces.

    The whole file tells it, as `date_order`; InputError where its numbers could be hours.
    """
    frame, own = _whole(source, config, maps)
    found = lengths.measures(own, config, maps)
    for column, measure in found.items():
        cells = engine.streamed(frame.select(measure.heading).unique(), source)
        found[column] = lengths.told(cells, column, measure, source, config)
    return found


def _whole(
    source: str, config: Config, maps: Mapping[str, str]
) -> tuple[nw.LazyFrame[Any], dict[str, list[str]]]:
    """The cells of a Parquet file, not read yet, and our columns to its headings."""
    frame = engine.parquet_cells(source)
    frame = frame.rename(dict(zip(frame.columns, files.parquet_headings(source), strict=True)))
    names = frame.columns
    return frame, headings.columns(
        names, source, lengths.meanings(names, config, maps), maps, config
    )


def maps_of(maps: Mapping[str, str] | None) -> dict[str, str]:
    """A caller's mapping: heading to our column, "" for one that means nothing to us.

    >>> maps_of({"Time In": "start"})
    {'Time In': 'start'}
    """
    return {
        str(name).strip(): headings.known(column, "maps") for name, column in (maps or {}).items()
    }


def require_maps(maps: Mapping[str, str], there: Iterable[str]) -> None:
    """InputError where a heading that is mapped is not among those of the log."""
    names = list(dict.fromkeys(there))
    found = {headings.plain(name) for name in names}
    for name in maps:
        if headings.plain(name) not in found:
            hint = f"found: {', '.join(names[:40])}"
            raise InputError(f'heading "{name}" of the mapping is not in the log', "", hint)


def require_sheet(defaults: Defaults, workbooks: Iterable[str], named: Sequence[Any]) -> None:
    """InputError where a sheet is asked for and no file of those ``named`` is a workbook."""
    if defaults.sheet and not any(workbooks):
        verb, hint = "has" if len(named) == 1 else "have", f"leave out {defaults.sheet_option}"
        raise InputError(f"{verb} no sheets", ", ".join(map(str, named)), hint)


FileKinds = tuple[str, clocks.Kinds]  # a file's name and the clock times in it


def require_alike(found: Sequence[FileKinds]) -> None:
    """InputError where some clock times of a log have an offset and others none.

    Without a zone nobody knows how far they are apart. ``found``: those of each file, by its name.
    """
    plain = next(((file, own) for file, own in found if own.plain), None)
    other = next(((file, own) for file, own in found if own.offset), None)
    if plain is None or other is None:
        return
    there = _row_of(other[0], other[1].offset_row)
    raise InputError(
        f"{plain[1].column}: a clock time without an offset, and others have one"
        + (f" ({there})" if there else ""),
        _row_of(plain[0], plain[1].plain_row),
        "say the zone of those without, e.g. --tz America/Chicago, or write an offset at each",
    )


def _row_of(file: str, row: int | None) -> str:
    """A row's place in a message; of a caller's frame its number, of one that has none nothing."""
    if row is None:
        return file
    return f"{file}:{row}" if file else f"row {row}"


def _from_file(
    path: str,
    config: Config,
    defaults: Defaults,
    report: Report,
    maps: Mapping[str, str],
    digest: bool,
    several: bool,
) -> Log:
    known = headings.meanings(config, maps)
    report(f"reading {path}")
    sheet = files.Sheet(defaults.sheet, defaults.sheet_option)
    records = files.read(path, lambda names: headings.score(names, known), sheet, digest=digest)
    report(f"checking {path}")
    where = path if records.heading_row == 1 else f"{path}:{records.heading_row}"
    log = _sessions(
        records.frame, path, records.heading_row, config, defaults, maps, several=several
    )
    log.ragged = records.ragged
    # A record with too many fields left a blank one in its place.
    rows = log.files[0].rows + len(records.ragged)
    log.files = [inputs.File(path, records.digest(), rows, records.by_line)]
    log.sheets = {path: records.sheet} if records.sheet else {}
    said = said_of_headings(log, config)
    log.notes += [*records.notes, *(f"{where}: {note}" for note in said)]
    return log


def said_of_headings(log: Log, config: Config) -> list[str]:
    """What a user should know about how the headings of a log were read."""
    said = [*log.of_headings, *heading_notes.provider(log.mapping)]
    if log.kinds.utc:
        said.append(row_notes.utc_dates(log.kinds.column))
    if own := repeated_units(log):
        said.append(row_notes.units_repeated(headings.shown(own)))
    if log.defaults.timed and _TIMES & set(log.mapping):
        said += heading_notes.unread_lengths(log.lengths_like, log.mapping.get("minutes", ()))
    if log.defaults.timed:
        bare = not log.lengths_like
        said += row_notes.of_times(log.sessions, log.mapping, config, bare)
    return said


def repeated_units(log: Log) -> str:
    """The heading of units that may be the visit's, which each row repeats; "" if it is told.

    A total on each row may be of the row or of the visit, unless a mapping says that it is read.
    """
    for own in log.mapping.get("units_billed", []):
        total = not set(log.total_words).isdisjoint(headings.words_of(own))
        if total and headings.plain(own) not in log.chosen:
            return own if row_notes.repeats_units(log.audited) else ""
    return ""


def untimed_note(log: Log) -> list[str]:
    """A note where no heading for times was found and a row cannot be used for want of them."""
    if _TIMES & set(log.mapping) or not log.defaults.timed:
        return []
    lacking = log.audited.filter(nw.col("fault_rule") == "U209")
    total = log.mapping.get("total_minutes", ())
    said = heading_notes.untimed(log.times_like, log.lengths_like, total)
    return [said] if engine.count(lacking) else []


_TIMES = {*heading_notes.TIMES}


def undated_note(log: Log, config: Config) -> list[str]:
    """A note of the unread headings that hold dates, where rows cannot be used for want of one."""
    said = []
    for part in log.parts or [log]:
        if "date" in part.mapping:
            continue
        bare = part.bad.filter(nw.col("fault") == NO_DATE)
        if rows := engine.count(bare):
            read = {name for own in part.mapping.values() for name in own}
            names = [name for name in part.place if name not in read]
            texts_of = partial(_texts_below, bare.head(min(rows, _LOOKED_AT)), part.place)
            said += heading_notes.undated(names, config, texts_of)
    return list(dict.fromkeys(said))


_LOOKED_AT = 100  # rows, by which a column shows what is in it


def _together(parts: list[Log]) -> Log:
    """Several files as one log; columns that a file lacks are blank for its rows."""
    carried = tuple(dict.fromkeys(name for part in parts for name in part.carried))

    def stacked(name: str, columns: Sequence[str]) -> nw.LazyFrame[Any]:
        frames = []
        for part in parts:
            frame = engine.plain(getattr(part, name))
            own = frame.columns
            blank = {n: nw.lit(None, dtype=nw.String) for n in columns if n not in own}
            text = {n: nw.col(n).cast(nw.String) for n in carried if n in own}
            frames.append(frame.select(**{n: (blank | text).get(n, nw.col(n)) for n in columns}))
        return nw.concat(frames, how="vertical")

    return Log(
        stacked("sessions", [*USED, *carried]),
        stacked("bad", ["fault", *USED]),
        stacked("audited", [*USED, *carried, *HEARD]),
        {name: name for part in parts for name in part.place},
        {name: name for part in parts for name in part.cells},
        carried,
        files=[file for part in parts for file in part.files],
        notes=[note for part in parts for note in part.notes],
        mapping={
            name: list(dict.fromkeys(h for part in parts for h in part.mapping.get(name, [])))
            for name in SESSION
            if any(name in part.mapping for part in parts)
        },
        parts=parts,
        total_words=parts[0].total_words,
        total_codes=parts[0].total_codes,
        revenue=[*dict.fromkeys(name for part in parts for name in part.revenue)],
        heeded=[*dict.fromkeys(name for part in parts for name in part.heeded)],
        chosen=parts[0].chosen,
        times_like=list(dict.fromkeys(near for part in parts for near in part.times_like))
        if all(part.times_like for part in parts)
        else [],
        lengths_like=list(dict.fromkeys(near for part in parts for near in part.lengths_like)),
        modifiers_like=list(dict.fromkeys(n for part in parts for n in part.modifiers_like)),
        sheets={path: sheet for part in parts for path, sheet in part.sheets.items()},
        spanning=sum((part.spanning for part in parts), Counter()),
    )


def _on_engine(log: Log, on: str) -> Log:
    """The rows handed over to an engine; the rejects stay here, where they were found."""
    if on == "polars":
        return log
    log = _apart(log)
    sessions, audited = (
        engine.on_engine(engine.plain(frame), on) for frame in (log.sessions, log.audited)
    )
    return replace(log, sessions=sessions, audited=audited)


def _apart(log: Log) -> Log:
    """A log whose carried columns no engine takes for each other."""
    names = reserved.apart(log.carried)
    new = dict(zip(log.carried, names, strict=True))
    sessions, audited = (
        engine.headed(frame, [new.get(name, name) for name in frame.columns])
        for frame in (log.sessions, log.audited)
    )
    return replace(log, sessions=sessions, audited=audited, carried=names)


def alongside(log: Log, other: Log) -> Log:
    """A log whose rows to audit are in the engine of another, where alone the two can meet."""
    log = _apart(log)
    return replace(log, audited=engine.alongside(log.audited, other.audited))


def _from_frame(
    frame: nw.LazyFrame[Any],
    config: Config,
    defaults: Defaults,
    maps: Mapping[str, str],
    measures: Mapping[str, lengths.Measure] | None,
) -> Log:
    names = frame.columns
    if engine.ROW not in names:
        # A column by which rows cannot be told apart is one of the log's own, as in a file.
        own = "row" in names and engine.tells_apart(frame, "row")
        numbered = [engine.ROW if name == "row" else name for name in names]
        frame = engine.headed(frame, numbered) if own else engine.with_rows(frame)
    elif not frame.collect_schema()[engine.ROW].is_integer():
        what = f'heading "{engine.ROW}" stands for the number of the record'
        raise InputError(what, hint="rename it")
    return _sessions(frame, "", 0, config, defaults, maps, measures)


def _known_defaults(defaults: Defaults, config: Config) -> Defaults:
    payer = config.payer_names.get(plain_name(defaults.payer))
    if payer is None:
        raise InputError(
            f'payer "{defaults.payer}" is not known',
            hint=KNOWN_PAYERS.replace(_PAYERS, ", ".join(config.payers)),
        )
    locality = config.locality(defaults.locality)
    if defaults.discipline and defaults.discipline.upper() not in DISCIPLINES:
        raise InputError(
            f'discipline "{defaults.discipline}" is not known', hint="choose PT, OT or SLP"
        )
    if defaults.zone:
        try:
            times.zone_day(defaults.zone, date(2026, 1, 1))
        except ValueError as error:
            raise InputError(str(error), hint="write a zone such as America/Chicago") from None
    return replace(
        defaults,
        payer=payer,
        locality=locality,
        discipline=defaults.discipline.upper(),
        date_order=_known_order(defaults.date_order),
    )


def _known_order(order: str) -> str:
    """`Defaults.date_order` in small letters; InputError for any but ``mdy`` and ``dmy``."""
    words = order.lower().split()
    if set(words) <= {"mdy", "dmy"} and len(words) in (0, 1, len(_DATED)):
        return " ".join(words)
    hint = "write mdy for 3/2/2026 as of March, dmy as of February; 2026-03-02 needs neither"
    raise InputError(f'date order "{order}" is not known', hint=hint)


# --- records to sessions -------------------------------------------------------------------


def _sessions(
    frame: nw.LazyFrame[Any],
    source: str,
    heading: int,
    config: Config,
    defaults: Defaults,
    maps: Mapping[str, str],
    measures: Mapping[str, lengths.Measure] | None = None,
    several: bool = True,
) -> Log:
    """``heading``: the row of the headings in ``source``, 0 for a caller's frame.

    ``measures``: of a piece of a file, as the whole tells them. ``several``: others like these
    rows may follow, for which the plan of few rows is kept.
    """
    names = [name for name in frame.columns if name != engine.ROW]
    where = f"{source}:{heading}" if source else ""
    known = lengths.meanings(names, config, maps)
    columns = headings.columns(names, where, known, maps, config)
    measures = measures or lengths.measures(columns, config, maps)
    mapped = {name for own in columns.values() for name in own}
    frame = engine.records_as_text(frame, mapped, where)
    # The log's own columns stay under numbers, so that no heading can clash with ours.
    place = engine.places(names)
    frame = engine.headed(frame, [(place | {engine.ROW: "row"})[name] for name in frame.columns])
    cells = {column: tuple(place[name] for name in own) for column, own in columns.items()}
    # They are carried all the same: what else they say is the user's.
    taken = {headings.plain(name) for own in (*columns.values(), maps) for name in own}
    of_claims = isinstance(defaults, _OfClaims)
    if of_claims:
        # Who treated, and how, is what the log says: a claim's Provider Type is a facility's.
        cells = {name: own for name, own in cells.items() if name not in ("role", "mode")}
    status = statuses.of(names, taken, config, of_claims)
    if status:
        cells["status"] = (statuses.KIND,)
        frame = statuses.told(frame, {place[name]: words for name, words in status.items()})
    revenue = headings.of_revenue(names, taken, config)
    if revenue and "discipline" not in cells:
        frame = frame.with_columns(_by_revenue(frame, place[revenue[0]], config).alias(_REVENUE))
        cells["discipline"] = (_REVENUE,)
    date = columns.get("date", [""])[0]
    if (last := statuses.ends(names, taken, date, config)) and date:
        frame = clocks.with_several_days(frame, place[date], [place[name] for name in last])
    step, given = engine.plainly, tuple(measures.items())
    if engine.is_eager(frame) and not any(measure.in_doubt for measure in measures.values()):
        frame = engine.settled(frame)
        step = engine.stepwise(frame) if several else step
    if step is engine.plainly:
        frame = _judged(frame, source, tuple(cells.items()), config, defaults, given)
    else:
        # The plan is kept for all files alike, so that nothing of this one may be in it.
        stamps, known_order = bool(cells.get("start")), defaults.date_order
        order = known_order or _orders(
            cells, lambda column, name: clocks.order_of(frame, name, column, source, stamps)
        )
        told = replace(defaults, date_order=order)
        frame = step(frame, _judged, "", tuple(cells.items()), config, told, given)
        frame = frame.with_columns(file=nw.lit(source))
    frame = engine.settled(frame)
    carried = {
        reserved.carried(reserved.in_log(name, names, LINE)): place[name]
        for name in names
        if name not in mapped
    }
    used, audited = (step(frame, taken, tuple(carried.items())) for taken in (_used, _audited))
    bad = frame.filter(nw.col("fault") > 0)
    if source:
        bad = engine.settled(engine.plain(_without_blank(bad, place)))
    if engine.is_in_order(frame):
        bad = _with_above(bad, frame)
    log = Log(used, bad, audited, place, {n: own[0] for n, own in cells.items()}, tuple(carried))
    log.mapping, log.defaults = columns, defaults
    log.total_words, log.revenue = [*config.words["totals"]], revenue
    log.total_codes = [word for word, kind in config.words["revenue"].items() if kind == "total"]
    log.heeded = [*status, *last, *revenue]
    log.chosen, log.payers = frozenset(map(headings.plain, maps)), [*config.payers]
    texts_of = partial(_texts_below, frame, place)
    log.modifiers_like = heading_notes.modifiers_like(names, columns, config, maps, texts_of)
    unheard = [n for n in names if n not in status and not statuses.is_of_a_payer(n, config)]
    log.of_headings = [
        *lengths.notes(measures),
        *heading_notes.notes(unheard, columns, config, maps),
        *([] if of_claims else heading_notes.of_lines(names)),
        *([heading_notes.asked(log.modifiers_like)] if log.modifiers_like else []),
        *heading_notes.not_understood(status, texts_of),
    ]
    if clocks.SEVERAL_DAYS in frame.columns:
        log.spanning = _spanning(frame)
        log.of_headings += heading_notes.of_several_days(log.spanning.total(), last[0], of_claims)
    if not of_claims:
        heard_of = partial(_texts_below, frame.filter(_heard()), place)
        log.of_headings += heading_notes.unbillable(names, columns, config, maps, heard_of)
        likely = heading_notes.roles_like(names, columns, config, maps, heard_of)
        log.of_headings += [note for note in likely if note not in log.of_headings]
    if "start" in columns and not defaults.zone:
        start, dated = headings.shown(columns["start"][0]), "date" in columns
        log.kinds = clocks.kinds(step(frame, _times_heard), start, dated)
    both = heading_notes.both_like(names, columns, config, maps, texts_of) if defaults.timed else []
    others = [name for name in names if name not in dict(both)]
    if not _TIMES & set(columns):
        log.times_like = heading_notes.times_like(others, config, maps)
    cells_of = partial(_cells_below, frame, place, config)
    log.lengths_like = both + heading_notes.lengths_like(others, columns, config, maps, cells_of)
    if engine.is_eager(frame):
        log.files = [inputs.File(source, "", _conserved(frame, log, blank_allowed=bool(source)))]
    return log


_REVENUE = "discipline by revenue code"  # no heading: those of a log stand under numbers


def _by_revenue(frame: nw.LazyFrame[Any], column: str, config: Config) -> nw.Expr:
    """The discipline that a revenue code says, blank for those of other departments."""
    code, said = _revenue_code(frame.collect_schema(), column), nw.lit("")
    for begins, kind in config.words["revenue"].items():
        if kind in DISCIPLINES:
            own = code.str.starts_with(begins) & (code.str.len_chars() == _REVENUE_DIGITS)
            said = nw.when(own).then(nw.lit(kind)).otherwise(said)
    return said


def _revenue_code(schema: Mapping[str, Any], column: str) -> nw.Expr:
    """Four digits, of which spreadsheets lose the first one."""
    return text_of(schema, column).str.replace_all(r"\.0$", "").str.zfill(_REVENUE_DIGITS)


_REVENUE_DIGITS = 4


def _texts_below(frame: nw.LazyFrame[Any], place: Mapping[str, str], name: str) -> list[str]:
    """The distinct cells below one of the log's own headings, as text."""
    cells = frame.select(text=text_of(frame.collect_schema(), place[name]))
    return engine.distinct(cells, "text")


def _cells_below(
    frame: nw.LazyFrame[Any], place: Mapping[str, str], config: Config, name: str
) -> list[lengths.Cell]:
    """The distinct cells below a heading, of rows that are used or heard and whose minutes count.

    What is no session, or may run beside others, leaves nothing in doubt.
    """
    visit = ["patient", "date", "discipline"]
    rows = frame.filter(_heard()).select(
        *visit,
        text=text_of(frame.collect_schema(), place[name]),
        span_ms=nw.col("end_ms") - nw.col("start_ms"),
        timed=nw.col("code").is_in(config.timed_codes),
        attended=nw.col("code").is_in(config.attended_codes),
    )
    rows = engine.settled(rows.with_columns(timed_ms=nw.when("timed").then("span_ms")))
    sums = rows.group_by(*visit).agg(nw.col("timed_ms").sum(), visit_ms=nw.col("span_ms").sum())
    cells = rows.filter(nw.col("attended")).drop("timed_ms").join(sums, on=visit, how="left")
    found = engine.collect(cells.select(*lengths.Cell._fields).unique())
    return [lengths.Cell(*row) for row in found.iter_rows()]


def _used(frame: nw.LazyFrame[Any], carried: Sequence[tuple[str, str]]) -> nw.LazyFrame[Any]:
    """The SESSION rows to bill, with the log's ``carried`` columns under their new names."""
    return engine.some_of(frame, nw.col("fault") == 0).select(*USED, **_kept(frame, carried))


def _audited(frame: nw.LazyFrame[Any], carried: Sequence[tuple[str, str]]) -> nw.LazyFrame[Any]:
    """The SESSION rows to audit: also those whose fault is a finding."""
    kept = _kept(frame, carried)
    rows = engine.some_of(frame, _heard())
    return rows.select(*USED, *_DOUBTS, **kept, fault_rule=_fault_rule())


def _heard() -> nw.Expr:
    return (nw.col("fault") == 0) | nw.col("fault").is_in(list(FINDINGS))


def _times_heard(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return clocks.said_times(frame.filter(_heard()))


def _kept(frame: nw.LazyFrame[Any], carried: Sequence[tuple[str, str]]) -> dict[str, nw.Expr]:
    if not carried:
        return {}
    kinds = frame.collect_schema()

    def own(column: str) -> nw.Expr:
        cell, kind = nw.col(column), kinds[column]
        if isinstance(kind, nw.Categorical | nw.Enum):
            cell = cell.cast(nw.String)
        elif kind.is_float():
            # pandas has whole numbers as floats where a cell is blank.
            cell = text_of(kinds, column)
        elif kind != nw.String:
            return cell
        # Formats and frames differ in how they keep a blank cell; here it is none, so that rows
        # which add up join no blanks to their notes.
        return nw.when(cell != "").then(cell)

    return {name: own(column) for name, column in carried}


def _conserved(frame: nw.LazyFrame[Any], log: Log, blank_allowed: bool) -> int:
    """The number of records; every one is used or rejected, or was a blank line of a file."""
    rows, used, bad = (engine.count(part) for part in (frame, log.sessions, log.bad))
    blank = rows - used - bad
    if blank < 0 or (blank and not blank_allowed):
        raise AssertionError(f"{rows} records, {used} used, {bad} rejected")
    return rows - blank


def _without_blank(bad: nw.LazyFrame[Any], place: Mapping[str, str]) -> nw.LazyFrame[Any]:
    """Blank lines of a file keep their number but are no records."""
    if not engine.count(bad.filter(nw.col("fault") == PATIENT_BLANK)):
        return bad
    schema = bad.collect_schema()
    blank = nw.all_horizontal(
        nw.col("fault") == PATIENT_BLANK,
        *(text_of(schema, column) == "" for column in place.values()),
        ignore_nulls=False,
    )
    return bad.filter(~blank)


def _with_above(bad: nw.LazyFrame[Any], frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Rows that are rejected, with above_patient and above_date, where some name no patient.

    Those of the nearest row above that names one, whose cell may be merged with those below it.
    """
    if not engine.count(bad.filter(nw.col("fault") == PATIENT_BLANK)):
        return bad
    patient = nw.col("patient").cast(nw.String)
    rows = frame.select("row", "date", above_row=nw.when(patient != "").then("row"), named=patient)
    nearest = nw.col("above_row").fill_null(strategy="forward").over(order_by="row")
    above = rows.select(above_row="row", above_patient="named", above_date="date")
    below = rows.select("row", above_row=nearest).join(above, on="above_row", how="inner")
    return engine.settled(bad.join(below.drop("above_row"), on="row", how="left"))


def last_named(log: Log) -> tuple[str, date | None]:
    """Patient and date of the last row that names a patient; "" where none does."""
    rows = [
        engine.plain(part.select("row", "date", patient=nw.col("patient").cast(nw.String)))
        for part in (log.audited, log.bad)
    ]
    both = nw.concat(rows, how="vertical").filter(nw.col("patient") != "")
    last = engine.collect(both.filter(nw.col("row") == nw.col("row").max()))
    return (last["patient"][0], last["date"][0]) if len(last) else ("", None)


def below(log: Log, above: tuple[str, date | None]) -> None:
    """Let the first rows of a piece of a file, where they name nobody, be below those before it."""
    patient, day = above
    if not patient or "above_patient" not in log.bad.columns:
        return
    first = nw.col("above_patient").is_null() & (nw.col("fault") == PATIENT_BLANK)
    log.bad = log.bad.with_columns(
        above_patient=nw.when(first).then(nw.lit(patient)).otherwise("above_patient"),
        above_date=nw.when(first).then(nw.lit(day, dtype=nw.Date)).otherwise("above_date"),
    )


def _spanning(frame: nw.LazyFrame[Any]) -> Counter[str]:
    """How many rows of several days there are, by patient."""
    patient = nw.col("patient").cast(nw.String)
    bills = (patient != "") & ~nw.col("fault").is_in([NO_SERVICE, WITHDRAWN])
    rows = frame.filter(nw.col(clocks.SEVERAL_DAYS) & bills).select(patient=patient)
    return Counter(engine.collect(rows)["patient"].to_list())


def is_total(log: Log) -> nw.Expr:
    """Whether a row is surely a line of totals: such a word, and neither patient, date nor code.

    Or no code, and the revenue code of a claim's total. Of ``log.bad``, which still has the cells.
    """
    schema, words = log.bad.collect_schema(), log.total_words

    def said(column: str) -> nw.Expr:
        return text_of(schema, column).str.to_lowercase().str.strip_chars(" :")

    total = nw.any_horizontal(
        *(said(column).is_in(words) for column in log.place.values()), ignore_nulls=True
    )
    named = [log.cells[name] for name in ("patient", "date", "start", "code") if name in log.cells]
    nobody = (said(column).is_in(["", *words]) for column in named)
    total = nw.all_horizontal(total, *nobody, ignore_nulls=True)
    if not log.revenue or "code" not in log.cells:
        return total
    told = (_revenue_code(schema, log.place[name]).is_in(log.total_codes) for name in log.revenue)
    length = [log.cells[name] for name in ("minutes", "start", "end") if name in log.cells]
    blank = (said(column) == "" for column in (log.cells["code"], *length))
    of_claim = nw.any_horizontal(*told, ignore_nulls=True)
    return total | nw.all_horizontal(of_claim, *blank, ignore_nulls=True)


def _judged(
    frame: nw.LazyFrame[Any],
    source: str,
    places: Sequence[tuple[str, Sequence[str]]],
    config: Config,
    defaults: Defaults,
    measures: Sequence[tuple[str, lengths.Measure]],
) -> nw.LazyFrame[Any]:
    """The columns of USED, ``fault``, _DOUBTS, ``said_offset`` and the log's own.

    ``places``: where ours stand in it. ``measures``: how columns of lengths are read.
    """
    cells, own = dict(places), [name for name in frame.columns if name != "row"]
    frame = frame.with_columns(nw.col("row").cast(nw.Int64))
    facts = _facts(source, config, defaults, bool(cells.get("start")), dict(measures))
    wanted = [(cells[name][0], facts[name]) for name in facts if cells.get(name)]
    blank = [_of_blank(name, config, defaults) for name in facts if not cells.get(name)]
    blank.append(of_blank(values.plain("file", source)))
    dense = values.dense(config)
    frame, known = by_values(frame, wanted, blank, dense)
    frame = _modifiers(frame, cells.get("modifiers_billed", ()), known, dense, config)
    frame = clocks.instants(frame, known, defaults.zone)
    frame = frame.with_columns(
        given_ms=nw.col("minutes_ms"), **dict.fromkeys(_DOUBTS, nw.lit(False))
    )
    faults = {f"{name}_fault" for name in _JUDGED if known.get(f"{name}_fault") != 0}
    frame = judge(frame, set(cells), bool(defaults.zone), faults)
    if defaults.zone:
        doubtful = [fault for fault, rule in FINDINGS.items() if rule == "T109"]
        frame = clocks.without_spoilt(frame, doubtful)
    offset = nw.col("start_offset").cast(nw.Int64)
    return frame.select("fault", *_DOUBTS, *USED, *own, said_offset=offset)


_JUDGED = (
    "status", "patient", "code", "payer", "locality", "discipline", "role", "mode", "date", "start",
    "end", "minutes", "units_billed", "charge",
)  # fmt: skip


_DATED = ("date", "start", "end")


@lru_cache(maxsize=256)
def _of_blank(name: str, config: Config, defaults: Defaults) -> nw.LazyFrame[Any]:
    """What a column that a log lacks means: the same for every log."""
    return of_blank(_facts("", config, defaults)[name])


def _facts(
    source: str,
    config: Config,
    defaults: Defaults,
    starts: bool = False,
    measures: Mapping[str, lengths.Measure] | None = None,
) -> dict[str, Facts]:
    """What the distinct texts of each of our columns mean; ``starts``: start is one of them.

    ``measures``: how columns of lengths are read.
    """
    orders = defaults.date_order.split()
    order = dict(zip(_DATED, orders if len(orders) > 1 else orders * 3 or [""] * 3, strict=True))
    as_minutes = lengths.Measure()
    minutes, total = ((measures or {}).get(name, as_minutes) for name in lengths.COLUMNS)
    return {
        "patient": values.patient(config),
        "clinician": values.person("clinician", config),
        "provider": values.plain("provider", defaults.provider),
        "diagnosis": values.plain("diagnosis"),
        "status": values.status(),
        "code": values.code(config),
        "payer": values.defaulted("payer", config.payer_names, defaults.payer),
        "locality": values.defaulted(
            "locality", {name.lower(): name for name in config.localities}, defaults.locality
        ),
        "discipline": values.discipline(config, defaults.discipline),
        "role": values.role(config),
        "mode": values.mode(config),
        "date": clocks.day_facts("date", source, order["date"], stamps=starts),
        "start": clocks.clock_facts("start", source, order["start"]),
        "end": clocks.clock_facts("end", source, order["end"]),
        "minutes": lengths.facts("minutes", "minutes_ms", minutes, source, config),
        "total_minutes": lengths.facts("total_minutes", "total_ms", total, source, config),
        "units_billed": values.units(),
        "charge": values.charge(),
    }


def _modifiers(
    frame: nw.LazyFrame[Any],
    columns: Sequence[str],
    known: Mapping[str, Any],
    dense: Mapping[str, Iterable[str] | None],
    config: Config,
) -> nw.LazyFrame[Any]:
    """Add modifiers_billed: those behind the code, then those of each column, in order."""
    behind = known.get("code_modifiers") != ""
    if not columns:
        return frame.with_columns(modifiers_billed=nw.col("code_modifiers"))
    if len(columns) == 1 and not behind:
        only = values.modifiers("modifiers_billed", config)
        return by_values(frame, [(columns[0], only)], dense=dense)[0]
    parts = [f"modifiers {place}" for place in range(len(columns))]
    facts = [
        (column, values.modifiers(part, config))
        for column, part in zip(columns, parts, strict=True)
    ]
    frame, _ = by_values(frame, facts)
    parts = ["code_modifiers", *parts] if behind else parts
    joined = nw.concat_str(*(nw.col(part) for part in parts), separator=" ")
    frame, _ = by_values(
        frame.with_columns(all_modifiers=joined),
        [("all_modifiers", values.modifiers("modifiers_billed", config))],
        dense=dense,
    )
    return frame


def _fault_rule() -> nw.Expr:
    """The audit rule that reports a record's fault, "" for records without one."""
    rule = nw.lit("")
    for fault, name in FINDINGS.items():
        rule = nw.when(nw.col("fault") == fault).then(nw.lit(name)).otherwise(rule)
    return rule


# --- rejects -------------------------------------------------------------------------------


def rejected_said(count: int) -> str:
    """What a warning says of rejects.

    >>> rejected_said(1), rejected_said(1200)
    ('1 row was rejected', '1,200 rows were rejected')
    """
    return "1 row was rejected" if count == 1 else f"{count:,} rows were rejected"


def rejects_as_one(parts: Sequence[nw.DataFrame[Any]]) -> nw.DataFrame[Any]:
    """The rejects of several files or batches, with the log's own columns first."""
    rows = engine.stacked(parts)
    place = {name: number for number, name in enumerate(rows.columns)}
    last = [place.pop(name) for name in ("file", *REJECT) if name in place]
    return rows.select(nw.nth(*place.values(), *last)) if last else rows


def _rejects_of_files(parts: list[Log], audited: bool) -> nw.LazyFrame[Any]:
    """The rejects of each file under the headings of all, in the order of the files."""
    frames = [of_file(engine.collect(part.rejects(audited)), part.files[0].name) for part in parts]
    ours = ("file", *REJECT)
    names = dict.fromkeys(n for frame in frames for n in frame.columns if n not in ours)
    place = engine.places(names)
    stacked = []
    for frame in frames:
        own = engine.headed(frame.lazy(), [place.get(n, n) for n in frame.columns])
        text = {n: nw.col(n).cast(nw.String) for n in place.values() if n in own.columns}
        blank = {n: nw.lit(None, dtype=nw.String) for n in place.values() if n not in text}
        stacked.append(own.with_columns(**text, **blank).select(*place.values(), *ours))
    return engine.headed(nw.concat(stacked, how="vertical"), [*names, *ours])


def of_file(rejects: nw.DataFrame[Any], name: str) -> nw.DataFrame[Any]:
    """The rejects of one file among others: ``file`` before the row, the log's own kept."""
    if "file" in rejects.columns:
        rejects = rejects.rename({"file": reserved.in_log("file", rejects.columns, ["file"])})
    own, width = len(rejects.columns) - len(REJECT), len(rejects.columns)
    order = [*range(own), width, *range(own, width)]
    return rejects.with_columns(file=nw.lit(name)).select(nw.nth(*order))


_HEADING = "HEADING"  # in a hint: the heading of the column that it is about
_PAYERS = "PAYERS"  # in a hint: the payers that are known


def _rejects(
    bad: nw.LazyFrame[Any],
    place: dict[str, str],
    cells: dict[str, str],
    total: nw.Expr,
    payers: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Every column of the log as it was, then row, reason and, for messages, hint.

    ``total``: which rows are no sessions, whatever else is wrong with them.
    """
    reason, hint, schema = nw.lit(""), nw.lit(""), bad.collect_schema()
    checks = {fault: CHECKS[fault - 1] for fault in engine.distinct(bad, "fault")}
    shown = {column: headings.shown(name) for name, column in place.items()}
    lengths_too = any(check.column == "minutes" for check in checks.values()) and "minutes" in cells
    if lengths_too:
        bad, _ = by_values(bad, [(cells["minutes"], values.as_typed("typed"))])
    for fault, check in checks.items():
        before, cell, after = check.says.partition("{}")
        says, advice = nw.lit(before), nw.lit(check.hint.replace(_PAYERS, ", ".join(payers)))
        if check.column == "status":
            text, heading = statuses.words(shown)
            this, _, that = check.hint.partition(_HEADING)
            advice = nw.concat_str([nw.lit(this), heading, nw.lit(that)])
        elif cell and check.column in cells:
            text = text_of(schema, cells[check.column])
            text = nw.coalesce("typed", text) if check.column == "minutes" else text
        if cell and check.column in cells:
            says = nw.concat_str([nw.lit(before), text.str.slice(0, MAX_CELL), nw.lit(after)])
        here = nw.col("fault") == fault
        reason = nw.when(here).then(says).otherwise(reason)
        hint = nw.when(here).then(advice).otherwise(hint)
    reason = nw.when(total).then(nw.lit("is a line of totals, no session")).otherwise(reason)
    hint = nw.when(total).then(nw.lit("it is left out; nothing need be done")).otherwise(hint)
    original = {
        reserved.in_log(name, place, ("file", *REJECT)): nw.col(column)
        for name, column in place.items()
    }
    return bad.select(**original, row=nw.col("row"), reason=reason, hint=hint)


def _ragged(ragged: list[tuple[int, list[str]]], rejects: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Records with more fields than the heading; the last column keeps all that is left over."""
    names = rejects.columns
    own = len(names) - len(REJECT)
    columns: engine.Columns = {name: [] for name in names}
    for row, record in ragged:
        cells = [*record[: own - 1], ",".join(record[own - 1 :])]
        reason = f"{RAGGED}{len(record)} fields, the heading {own}"
        hint = files.QUOTE
        for name, value in zip(names, [*cells, row, reason, hint], strict=True):
            columns[name].append(value)
    return engine.table(columns, dict.fromkeys(names, str) | {"row": int})
