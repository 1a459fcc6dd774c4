"""One page of an audit that needs nothing else: no script, no other file, to read or to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from calc.errors import InputError
from calc.money import show
from calc.reports import days, findings, pictures
from calc.reports.findings import Audit, Group, Row, Rules, page, title
from calc.schema import rows_in

TEMPLATES = Path(__file__).parent / "templates"
FINDINGS = 2_000  # in full; a page of more is slow to open and nobody reads it
CLINICIANS = 200  # in the table
BARS = 20  # of a picture
DAYS = 60  # with a timeline: to draw one takes some 60 ms, and 20 KB
OPEN_DAYS = 12  # of them that stand unfolded
_SIZES = (("wide", pictures.WIDE), ("narrow", pictures.NARROW))

Picture = list[tuple[str, str]]  # the name of a size and the svg for it


def text(audit: Audit, rules: Rules, limit: int) -> str:
    """The page. Raises InputError where jinja2 or matplotlib is missing."""
    try:
        import jinja2
        import matplotlib  # noqa: F401
    except ImportError:
        hint = "pip install 'therapy-billing-calc[report]'"
        raise InputError("html needs jinja2 and matplotlib", hint=hint) from None
    environment = jinja2.Environment(
        autoescape=True,  # every value comes from data
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "dollars": show,
        "counted": findings.counted,
        "rows_listed": _rows_listed,
        "long_date": days.said_of,
        "paragraphs": paragraphs,
    }
    by_rule = findings.groups(audit.findings)
    shown = findings.in_dollars(audit.findings.head(FINDINGS), rules)
    values = {
        "meta": audit.meta,
        "findings": findings,
        "groups": [_group(group, shown, rules) for group in by_rule],
        "count": len(audit.findings),
        "shown": len(shown),
        "not_run": findings.together(audit.not_run),
        "dollars_picture": _dollars(by_rule),
        **_clinicians(audit.by_clinician),
        **_days(audit),
    }
    template = environment.get_template("findings.html")
    return template.render({**values, "several_files": len(audit.meta["files"]) > 1}) + "\n"


def _rows_listed(rows: str) -> str:
    """A finding's other rows; a file's name may hold blanks."""
    return ", ".join(f"{file}:{row}" if file else f"{row}" for file, row in rows_in(rows, ""))


def _group(group: Group, shown: nw.DataFrame[Any], rules: Rules) -> dict[str, Any]:
    rows = list(findings.of_rule(shown, group.rule))
    return {
        "is": group,
        "title": title(rules, group.rule) or group.rule,
        "page": page(rules, group.rule).partition("\n")[2],  # without the title
        "rows": rows,
        "authorities": list(dict.fromkeys(row["authority"] for row in rows if row["authority"])),
    }


def _drawn(draw: Any, name: str, *parts: Any) -> Picture:
    from markupsafe import Markup

    # The pictures escape what they write themselves.
    return [(size, Markup(draw(*parts, width, f"{name}-{size}"))) for size, width in _SIZES]


def _dollars(by_rule: list[Group]) -> dict[str, Any]:
    rows = [(g.rule, g.overbilled_cents, g.underbilled_cents) for g in by_rule]
    rows = sorted((row for row in rows if row[1] or row[2]), key=lambda row: -max(row[1:]))
    drawn = _drawn(pictures.dollars_by_rule, "dollars", rows[:BARS]) if rows else []
    return {"svg": drawn, "more": max(0, len(rows) - BARS)}


def _clinicians(frame: nw.DataFrame[Any]) -> dict[str, Any]:
    """Rows of the table, most dollars first, and the picture of those that bill most."""
    stake = nw.col("overbilled_cents").fill_null(0) + nw.col("underbilled_cents").fill_null(0)
    ordered = frame.with_columns(stake=stake).sort(
        "stake", "units_billed", "clinician", descending=[True, True, False], nulls_last=True
    )
    columns = ("clinician", "units_billed", "units_supported")
    numbers = nw.col(*columns[1:]).fill_null(0)
    first = ordered.head(BARS).select("clinician", numbers)
    bars = [tuple(row[name] for name in columns) for row in first.iter_rows(named=True)]
    return {
        "clinicians": list(ordered.head(CLINICIANS).iter_rows(named=True)),
        "clinician_count": len(frame),
        "units_picture": {
            "svg": _drawn(pictures.units_by_clinician, "units", bars) if bars else [],
            "more": max(0, len(frame) - BARS),
        },
    }


def _days(audit: Audit) -> dict[str, Any]:
    chosen, count = days.worst(audit.timeline, audit.findings, DAYS)

    drawn: list[Row] = [
        {"is": day, "svg": _drawn(pictures.day, f"day{place}", day)}
        for place, day in enumerate(chosen)
    ]
    shown, folded = drawn[:OPEN_DAYS], drawn[OPEN_DAYS:]
    return {"days": shown, "folded_days": folded, "more_days": count - len(chosen)}


def paragraphs(words: str) -> Iterator[tuple[str, str]]:
    """A docstring as ("p", text) and ("pre", text); an indented block is an example."""
    for block in re.split(r"\n\s*\n(?=\S)|(?<=::)\n\s*\n", words.strip()):
        if block.startswith((" ", "\t")):
            lines = block.rstrip().splitlines()
            indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
            yield "pre", "\n".join(line[indent:] for line in lines)
        elif block.strip():
            yield "p", re.sub(r"::$", ":", " ".join(block.split())).replace("``", "")
