"""Commands about one visit: units and estimate."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import click

from calc.cli.shared import (
    command,
    figures_of,
    keep,
    output_options,
    pricing_options,
    tell,
    visit_options,
    write,
    write_frame,
)
from calc.errors import InputError

_MINUTES = re.compile(r"(\d+(?:\.\d+)?)([Aa]?)")
_DAY = r"(?:\d{4}-\d\d-\d\d[ T])?"
_SPAN = re.compile(rf"({_DAY}[^-]+?)-({_DAY}[^-]+?)([Aa]?)")
_HALF = re.compile(r"\d\s*[AaPp][Mm]?$")
_BARE = re.compile(r"\d{3,4}\s*-\s*\d{3,4}\s*[Aa]?")  # 900-947
_DASH = re.compile(r"\s*[\u2010-\u2015\u2212]\s*|\s+to\s+")  # as phones write it
_LENGTH = r"\d*\.?\d+\s*(?:min|mins|minutes|h|hr|hrs)|0?[0-3]:[0-5]\d"  # 1:15 is no start
_LOGGED = re.compile(_LENGTH, re.IGNORECASE)
_COLON = re.compile(r"(\d+):(\d\d)")


def _items(items: tuple[str, ...]) -> list[tuple[str, list[dict[str, str]]]]:
    """`97110=13+23A` and `97116=09:40-10:02` as code and its runs; no `=`: no runs.

    In the order given, one for each.
    """
    read = []
    for item in items:
        code, equals, runs = item.partition("=")
        if not code.strip() or (equals and not runs.strip()):
            raise InputError(f'"{item}" is not CODE=MINUTES', hint="write e.g. 97110=33")
        parts = runs.split("+") if equals else []
        read.append((code.strip(), [_run(part.strip(), item) for part in parts]))
    return read


def _run(text: str, item: str) -> dict[str, str]:
    text = _DASH.sub("-", text)
    if _LOGGED.fullmatch(text):
        return {"minutes": text, "role": "therapist"}
    if found := _MINUTES.fullmatch(text):
        return {"minutes": found[1], "role": "assistant" if found[2] else "therapist"}
    # An assistant's span is "09:00-09:40A"; the last letter of "9:00a-9:40a" is a half of the day.
    if found := _COLON.fullmatch(text):
        minutes = int(found[1]) * 60 + int(found[2])
        hint = f"write {text}-END, or its length as {minutes}"
        raise InputError(f'"{item}": "{text}" may be a start or a length', hint=hint)
    clock = ":" in text or _HALF.search(text) or _BARE.fullmatch(text)
    if clock and (found := _SPAN.fullmatch(text)):
        start, end, last = (part.strip() for part in found.groups())
        if last and _HALF.search(start) and not _HALF.search(end):
            end, last = end + last, ""
        if last == "a" and not _HALF.search(start):
            hint = f"write {start}-{end} AM, or {start}-{end}A (A: assistant)"
            raise InputError(f'"{item}": "a" may be the morning or an assistant', hint=hint)
        return {"start": start, "end": end, "role": "assistant" if last else "therapist"}
    raise InputError(
        f'"{item}": "{text}" is neither minutes nor a span of time',
        hint="write 97110=33, 97110=13+23A (A: assistant) or 97116=09:40-10:02",
    )


_OF_VISIT = {
    "write PT or OT": "say --discipline PT or OT",
    "write the time with its offset, e.g. ": (
        "write minutes, or of one code --start and --end such as "
    ),
    "write one code a row; how many units go into units_billed": "write each code as CODE=MINUTES",
}


@contextlib.contextmanager
def _by_option() -> Iterator[None]:
    """An error's hint names the option that says of a visit what a cell says of a row."""
    try:
        yield
    except InputError as error:
        hint = error.hint
        for of_row, of_visit in _OF_VISIT.items():
            hint = hint.replace(of_row, of_visit)
        raise InputError(error.what, error.where, hint) from None


@command()
@click.argument("items", nargs=-1, required=True, metavar="CODE=MINUTES...")
@click.option("--rule", default="cms", show_default=True, help="A counting rule, e.g. ama.")
@click.option("--discipline", default="PT", show_default=True, help="Decides CQ or CO.")
@output_options
def units(
    items: tuple[str, ...],
    rule: str,
    discipline: str,
    form: str | None,
    output: str | None,
    folder: str | None,
) -> None:
    """Units of one day's minutes: therapy-calc units 97110=33 97140=7

    With an assistant: 97110=13+23A (13 minutes therapist, 23 assistant).
    """
    from calc import billing, engine, estimating, schema

    minutes: dict[str, tuple[str | None, str | None]] = {}
    for code, runs in _items(items):
        if not runs and re.fullmatch(r"\d{1,3}", code):
            raise InputError(f'"{code}" is no code', hint="write minutes as CODE=MINUTES: 97110=33")
        if any("start" in run for run in runs):
            raise InputError(f'"{code}" has clock times', hint="use `therapy-calc estimate`")
        who: dict[str, str] = {}
        for run in runs:
            if run["role"] in who:
                raise InputError(
                    f'"{code}" names a {run["role"]} twice',
                    hint="add the minutes up, or use `therapy-calc estimate`",
                )
            who[run["role"]] = run["minutes"]
        if code in minutes:
            raise InputError(f'"{code}" stands twice', hint="add its minutes up")
        minutes[code] = (who.get("therapist", None if who else ""), who.get("assistant"))
    config = figures_of(folder)
    with _by_option():
        rows = estimating.unit_rows(minutes, rule, discipline=discipline, config=config)
    types: dict[str, type] = dict.fromkeys(schema.UNITS, int) | {"code": str, "tie": bool}
    columns = {name: [row[name] for row in rows] for name in types}
    write_frame(engine.collect(engine.table(columns, types)), (), form, output, "Units of a day")
    for row in rows:
        if row["units"] is None:
            tell(f"{row['code']}: {billing.UNCOUNTED}")


@command()
@click.argument("items", nargs=-1, required=True, metavar="CODE[=MINUTES|=START-END]...")
@click.option("--start", default="", help='Start of the code, "2026-03-02 09:00" or 09:00.')
@click.option("--end", default="", help="End of the code.")
@click.option("--minutes", default="", help="Minutes of the code.")
@click.option("--date", "day", default="", help="Date of service; default: a start's, or today.")
@click.option("--explain", is_flag=True, help="Every step with its source.")
@visit_options
@output_options
def estimate(
    items: tuple[str, ...],
    start: str,
    end: str,
    minutes: str,
    day: str,
    explain: bool,
    form: str | None,
    output: str | None,
    folder: str | None,
    tz: str,
    **defaults: Any,
) -> None:
    """Estimate one visit.

    \b
    therapy-calc estimate 97116 --start "2026-03-02 09:00" --end 09:47
    therapy-calc estimate 97110=33 97116=09:40-10:02 --date 2026-03-02
    therapy-calc estimate "gait training=10+12" 97140=7 --date 3/2/2026
    """
    from calc import estimating, summaries

    given = {"start": start, "end": end, "minutes": minutes}
    given = {name: value for name, value in given.items() if value}
    rows: list[dict[str, str]] = []
    places: list[str] = []
    for item, (code, runs) in zip(items, _items(items), strict=True):
        if runs and given:
            raise InputError(
                f'"{code}" has its own minutes beside --{next(iter(given))}',
                hint="give either; for several codes write CODE=MINUTES",
            )
        if given and len(items) > 1:
            raise InputError(
                "--start, --end and --minutes are for one code",
                hint="write CODE=09:00-09:30 for each code",
            )
        rows += [{"code": code, **run} for run in runs or [given]]
        places += [item] * (len(rows) - len(places))
    if day:
        rows = [{**row, "date": day} for row in rows]
    prior = defaults["prior"]
    keep((defaults["deductible"], prior), {"-o": output})
    config = figures_of(folder)
    options = pricing_options(defaults)
    with _by_option():
        result = estimating.estimate(
            rows, config=config, options=options, zone=tz, places=places, **defaults
        )
    result.require_own_factors()
    if prior and not any(line["discipline"] for line in result.lines):
        hint = "say --discipline PT, OT or SLP"
        raise InputError("--prior counts by discipline, and this visit has none", hint=hint)
    if not day and not any(estimating.has_date(row) for row in rows):
        tell(f"date: {result.lines[0]['date']} (today)")
    for note in summaries.above_said(summaries.above(result.frame, options), options):
        tell(note)
    for note in summaries.other_years(options, {line["date"].year for line in result.lines}):
        tell(note)
    if explain:
        _require_text(form, output)
        write(result.explain() + "".join(f"{note}\n" for note in _lines_said(result)), output)
    else:
        _write_estimate(result, form, output)


def _require_text(form: str | None, output: str | None) -> None:
    """InputError where an output's format or ending is not that of a text for people."""
    from calc import reports

    if (name := reports.format_of(output, form)) != "table":
        hint = "write the text with -o steps.txt, or leave out --explain"
        raise InputError(f"--explain is a text, not {name}", hint=hint)


def _write_estimate(result: Any, form: str | None, output: str | None) -> None:
    """Every column of the lines where a program reads on, what one looks for where people do."""
    from calc import billing, engine, reports

    name = reports.format_of(output, form)
    lines = billing.as_printed(result.frame.lazy())
    if name not in ("table", "html"):  # for a program the cells say what is blank or tied
        own = result.options.said if _is_part_b(result) else []
        for note in _lines_said(result, no_discipline=0, ties=0) + own:
            tell(note)
    if name in ("csv", "tsv") or name in reports.BINARY:
        frame, money = engine.collect(lines), tuple(billing.CENTS)
        write_frame(frame, money, form, output, "Estimate", _notes_of(result))
    else:
        write(_estimate_text(result, lines, name), output)


def _estimate_text(result: Any, lines: Any, name: str) -> str:
    from calc import billing, engine, reports

    if name == "json":
        from calc.reports import as_json

        return as_json.estimate(result.lines, result.totals)
    several = ["date"] if len(_days(result)) > 1 else []
    frame = engine.collect(lines.select(*several, *_ESTIMATE))
    if name != "table":
        money, notes = tuple(billing.CENTS), _notes_of(result)
        return reports.text(frame, name, money, title=_estimated(result), notes=notes)
    silent = [n for n in ("modifiers", "reason") if not any(frame[n])]
    silent += [] if any(frame["tie"]) else ["tie"]
    return reports.text(frame.drop(silent), name, tuple(billing.CENTS)) + _estimate_notes(result)


def _estimated(result: Any) -> str:
    return f"Estimate, {_whose(result)}"


def _days(result: Any) -> list[str]:
    return sorted({str(line["date"]) for line in result.lines})


def _whose(result: Any) -> str:
    line, (*earlier, last) = result.lines[0], _days(result)
    days = f"{', '.join(earlier)} and {last}" if earlier else last
    return f"{days}, payer {line['payer']}, locality {line['locality']}"


_ESTIMATE = (
    "code", "minutes", "units", "tie", "modifiers", "work_payment", "allowed", "medicare_pays",
    "patient_pays", "reason",
)  # fmt: skip


def _lines_said(result: Any, **but: int) -> list[str]:
    from calc import summaries

    return summaries.lines_said(summaries.counts(result.frame, result.options) | but)


def _options_said(result: Any) -> list[str]:
    from calc import summaries

    whose = f"payer {result.lines[0]['payer']}"
    return summaries.options_said(result.options, _is_part_b(result), whose)


def _is_part_b(result: Any) -> bool:
    return bool(result.config.payers[result.lines[0]["payer"]].get("part_b"))


def _notes_of(result: Any) -> list[str]:
    said = [note for note in _estimate_notes(result).splitlines() if note]
    return [*said, *result.config.folders_said]


def _estimate_notes(result: Any) -> str:
    from calc.reports import explain

    totals = result.totals

    def amount(name: str) -> str:
        return "none" if totals[name] is None else f"${totals[name]:,}"

    unpriced = sum(row["allowed"] is None for row in result.lines)
    units = "1 unit" if totals["units"] == 1 else f"{totals['units']} units"
    shares = (
        f"  (Medicare pays {amount('medicare_pays')}, patient {amount('patient_pays')};"
        f" {result.options.deductible_said})"
    )
    text = (
        f"\n{_whose(result)}: {units}\n"
        f"Work component  {amount('work_payment')}\n"
        f"Allowed         {amount('allowed')}"
        f"{'' if totals['medicare_pays'] is None else shares}\n"
    )
    text += "".join(f"{note}\n" for note in _lines_said(result) + _options_said(result))
    if unpriced:
        lines = f"{unpriced} of {len(result.lines)} line{'s' * (len(result.lines) > 1)}"
        text += f"{lines} without an allowed amount: see reason\n"
    differs = explain.difference(result.units_by_rule)
    return text + "".join(f"{said}\n" for said in differs if "differ" in said)
