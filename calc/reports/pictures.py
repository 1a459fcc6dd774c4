"""Pictures of an audit by matplotlib, as SVG to stand inside a page.

Each is drawn twice, wide and narrow, and the page shows the one that fits. Colours are names
of the page's style sheet, text stays text, and the same audit gives the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any
from unicodedata import east_asian_width

from calc.money import show
from calc.reports.findings import isolated

WIDE, NARROW = 720, 340  # points, and of a page's pixels at its natural size
# Stand-ins that matplotlib writes; the page's style sheet gives them their light or dark values.
_COLOURS = {
    "ink": "#010101",
    "muted": "#020202",
    "line": "#030303",
    "paper": "#040404",
    "over": "#050505",
    "under": "#060606",
    "bar": "#070707",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "therapy-billing-calc",
    "text.parse_math": False,  # a "$" in a name is a "$"
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "text.color": _COLOURS["ink"],
    "axes.labelcolor": _COLOURS["muted"],
    "axes.edgecolor": _COLOURS["line"],
    "xtick.color": _COLOURS["line"],
    "ytick.color": _COLOURS["line"],
    "xtick.labelcolor": _COLOURS["muted"],
    "ytick.labelcolor": _COLOURS["ink"],
    "hatch.linewidth": 0.8,
}
_NAME_LENGTH = {WIDE: 24, NARROW: 12}


@contextmanager
def _figure(
    width: int, height: float, left: float, right: float = 8, bottom: float = 4
) -> Iterator[Any]:
    """Axes on a bare figure; all in points, ``left`` to ``bottom`` are kept for labels."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # a reader's own settings of matplotlib change no report
        mpl.rcParams.update(_STYLE)
        # Letters that the measuring font lacks are drawn by the reader's own fonts.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(width / 72, height / 72))
        top = 26
        box = (left / width, bottom / height, 1 - (left + right) / width,
               1 - (top + bottom) / height)  # fmt: skip
        axes = figure.add_axes(box)
        axes.patch.set_visible(False)
        figure.patch.set_visible(False)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="y", length=0, pad=6)
        axes.tick_params(axis="x", length=3)
        yield axes


def _svg(axes: Any, name: str, title: str, description: str) -> str:
    """The axes' figure as an svg element whose ids and colours suit a page with others."""
    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    axes.figure.savefig(written, format="svg", metadata=nothing)
    svg = written.getvalue()
    svg = re.sub(r"<[^>]*>", lambda tag: _tag(tag[0], name), svg[svg.index("<svg") :])
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # would rule the whole page
    svg = re.sub(r"\s*\n\s*", "\n", svg)
    told = f'<title id="{name}-t">{escape(title)}</title>'
    told += f'<desc id="{name}-d">{escape(description)}</desc>'
    head, _, body = svg.partition(">")
    head += f' role="img" aria-labelledby="{name}-t" aria-describedby="{name}-d"'
    return f"{head}>{told}{body}"


def _tag(tag: str, name: str) -> str:
    """One tag: no name spaces, ids of its own, colours by name."""
    tag = re.sub(
        r'\s(xmlns(:\w+)?|version|width(?="[^"]*pt")|height(?="[^"]*pt"))="[^"]*"', "", tag
    )
    tag = re.sub(r'\s(width|height)="[\d.]+pt"', "", tag)
    tag = re.sub(r'\sid="(\w+_\d+)"', "", tag)
    tag = tag.replace(' id="', f' id="{name}-').replace("url(#", f"url(#{name}-")
    tag = tag.replace('xlink:href="#', f'href="#{name}-')
    # Versions of matplotlib write either form.
    tag = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", tag)
    tag = re.sub(r"font: ([\w. ]*?[\d.]+px) [^;\"]*", r"font: \1 var(--sans)", tag)
    for colour, stand_in in _COLOURS.items():
        tag = tag.replace(stand_in, f"var(--{colour})")
    return tag


def _short(text: str, width: int) -> str:
    longest = _NAME_LENGTH[width]
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _left(labels: Sequence[str]) -> float:
    return 14 + max(map(_width, labels))


def _width(label: str) -> float:
    """Points that a label takes at most: capitals are wider, letters of East Asia twice so."""

    def of(letter: str) -> float:
        if letter in "MWmw@%" or east_asian_width(letter) in "WF":
            return 12
        return 8 if letter.isupper() else 6.6

    return sum(map(of, label))


# --- dollars by rule -----------------------------------------------------------------------


def dollars_by_rule(rows: Sequence[tuple[str, int, int]], width: int, name: str) -> str:
    """Bars of (rule, overbilled cents, underbilled cents): over to the right, under to the left."""
    labels = [rule for rule, _, _ in rows]
    left = _left(labels)
    over, under = max(row[1] for row in rows), max(row[2] for row in rows)
    rooms = [_room(show(most)) if most else 0 for most in (over, under)]
    cents = max(1, over + under) / (width - left - 8 - sum(rooms))  # per point
    with _figure(width, 30 + 24 * len(rows), left) as axes:
        places = range(len(rows))
        axes.barh(places, [row[1] for row in rows], 0.62, color=_COLOURS["over"], linewidth=0)
        axes.barh(places, [-row[2] for row in rows], 0.62, facecolor="none", hatch="/////",
                  edgecolor=_COLOURS["under"], linewidth=0.8)  # fmt: skip
        for place, (_, more, less) in enumerate(rows):
            if more:
                _beside(axes, more, place, show(more))
            if less:
                _beside(axes, -less, place, show(less), right=False)
        axes.axvline(0, color=_COLOURS["ink"], linewidth=0.8)
        axes.set(xlim=(-under - rooms[1] * cents, over + rooms[0] * cents))
        axes.set(ylim=(len(rows) - 0.4, -0.6), xticks=[])
        axes.set_yticks(list(places), labels)
        axes.spines["bottom"].set_visible(False)
        if over:
            _above(axes, 0, "overbilled →", "left", "over")
        if under:
            _above(axes, 0, "← underbilled", "right", "under")
        said = "; ".join(
            f"{rule} {' and '.join(_amounts(more, less))}" for rule, more, less in rows
        )
        return _svg(axes, name, "Dollars at stake by rule", said)


def _amounts(more: int, less: int) -> list[str]:
    said = [f"{show(more)} overbilled"] if more else []
    return said + ([f"{show(less)} underbilled"] if less else [])


def _room(words: str) -> float:
    """Points that words beside a bar take."""
    return 12 + 6.8 * len(words)


def _beside(
    axes: Any, x: float, y: float, words: str, colour: str = "ink", right: bool = True
) -> None:
    axes.annotate(words, (x, y), xytext=(6 if right else -6, 0), textcoords="offset points",
                  ha="left" if right else "right", va="center", color=_COLOURS[colour])  # fmt: skip


def _above(axes: Any, x: float, words: str, side: str, colour: str) -> None:
    """Words above the axes, beside or over ``x`` of the data."""
    away = {"left": 6, "right": -6, "center": 0}[side]
    axes.annotate(words, (x, 1), xycoords=("data", "axes fraction"), xytext=(away, 6),
                  textcoords="offset points", ha=side, color=_COLOURS[colour])  # fmt: skip


# --- units by clinician --------------------------------------------------------------------


def units_by_clinician(rows: Sequence[tuple[str, int, int]], width: int, name: str) -> str:
    """Bars of (clinician, units billed, units supported): billed thin over supported wide."""
    labels = [_short(clinician or "(none)", width) for clinician, _, _ in rows]
    left = _left(labels)
    most = max(1, *(max(billed, supported) for _, billed, supported in rows))
    said = [_units(billed, supported) for _, billed, supported in rows]
    room = max(map(_room, said))
    with _figure(width, 30 + 30 * len(rows), left) as axes:
        places = range(len(rows))
        axes.barh(places, [row[2] for row in rows], 0.66, facecolor=_COLOURS["bar"],
                  edgecolor=_COLOURS["muted"], linewidth=0.6)  # fmt: skip
        axes.barh(places, [row[1] for row in rows], 0.22, color=_COLOURS["ink"], linewidth=0)
        for place, ((_, billed, supported), words) in enumerate(zip(rows, said, strict=True)):
            colour = "over" if billed > supported else "under" if billed < supported else "muted"
            _beside(axes, max(billed, supported), place, words, colour)
        axes.set(xlim=(0, most * (1 + room / (width - left - 8 - room))))
        axes.set(ylim=(len(rows) - 0.4, -0.6), xticks=[])
        axes.set_yticks(list(places), labels)
        axes.spines["bottom"].set_visible(False)
        axes.axvline(0, color=_COLOURS["ink"], linewidth=0.8)
        _above(axes, 0, "thin: billed · wide: supported", "left", "muted")
        told = "; ".join(
            f"{isolated(clinician) or 'no clinician'} {billed:,} billed, {supported:,} supported"
            for clinician, billed, supported in rows
        )
        return _svg(axes, name, "Units billed and supported by clinician", told)


def _units(billed: int, supported: int) -> str:
    more = billed - supported
    return f"{billed:,} / {supported:,}" + (f"  ({more:+,})" if more else "")


# --- a clinician's day ---------------------------------------------------------------------


def day(shown: Any, width: int, name: str) -> str:
    """A `days.Day` as bars in lanes, a lane for each patient; minutes that overlap are hatched."""
    lanes = {bar.lane: bar.label for bar in shown.bars}
    labels = [_short(lanes[lane], width) for lane in sorted(lanes)]
    first = min(bar.start for bar in shown.bars) // 60 * 60
    last = max(first + 60, -(-max(bar.end for bar in shown.bars) // 60) * 60)
    left, right = _left(labels), 20
    scale = (width - left - right) / (last - first)  # points per minute
    with _figure(width, 48 + 26 * len(labels), left, right=right, bottom=22) as axes:
        axes.set(xlim=(first, last), ylim=(len(labels) - 0.5, -0.5))
        for bar in shown.bars:
            _bar(axes, bar, scale)
        _hatch(axes, shown)
        _span_labels(axes, shown, scale)
        step = next(s for s in (30, 60, 120, 180, 240, 480, 1440) if s * scale >= 38)
        marks = list(range(first, last + 1, step))
        axes.set_xticks(marks, [clock(mark % 1440) for mark in marks])
        axes.set_yticks(range(len(labels)), labels)
        axes.grid(axis="x", color=_COLOURS["line"], linewidth=0.5)
        axes.set_axisbelow(True)
        title = f"Timeline of {isolated(shown.clinician)}, {shown.date}"
        return _svg(axes, name, title, shown.said)


def _bar(axes: Any, bar: Any, scale: float) -> None:
    colour = _COLOURS["over"] if bar.overlap else _COLOURS["muted"]
    axes.barh(bar.lane, max(bar.end - bar.start, 1 / scale), 0.62, left=bar.start, zorder=2,
              facecolor=_COLOURS["bar"], edgecolor=colour,
              linewidth=1.2 if bar.overlap else 0.6)  # fmt: skip
    if (bar.end - bar.start) * scale > 6 * len(bar.code) + 8:
        axes.text(bar.start + 4 / scale, bar.lane, bar.code, va="center", zorder=4, fontsize=9,
                  bbox={"facecolor": _COLOURS["bar"], "edgecolor": "none", "pad": 1})  # fmt: skip


def _hatch(axes: Any, shown: Any) -> None:
    for lane, start, end in shown.hatched:
        axes.barh(lane, end - start, 0.62, left=start, zorder=3, facecolor="none",
                  edgecolor=_COLOURS["over"], hatch="//////", linewidth=0)  # fmt: skip
    for edge in [edge for span in shown.spans for edge in span]:
        axes.axvline(edge, color=_COLOURS["over"], linewidth=0.7, linestyle=(0, (3, 2)), zorder=1)


def _span_labels(axes: Any, shown: Any, scale: float) -> None:
    """Minutes above each span, as far as they do not run into each other."""
    free = float("-inf")
    for place, ((start, end), minutes) in enumerate(zip(shown.spans, shown.lengths, strict=True)):
        words = f"overlap {minutes} min" if place == 0 else f"{minutes} min"
        half = 3.3 * len(words) / scale
        middle = (start + end) / 2
        if middle - half >= free:
            free = middle + half + 4 / scale
            _above(axes, middle, words, "center", "over")


def clock(minutes: int, seconds: int = 0) -> str:
    """Minutes of a day as 09:05, with seconds 09:05:30; past midnight 00:30 (next day)."""
    days, minutes = divmod(minutes, 1440)
    said = f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
    return said + (" (next day)" if days else "")
