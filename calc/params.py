"""Dated values and editions from ``config/``: every figure has a first day, a last day, a source.

A day without a value is an error that names the file and the remedy, never last year's value. A
user's folder lies over the shipped one value by value: where both hold a day, the user's counts.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from calc.dated import Edition, Parameter, of_places
from calc.errors import ConfigError, InputError, spelled_out
from calc.figure_files import (
    FEES,
    PARAMETERS,
    TABLES,
    UNIT_BASES,
    WORDS,
    Reader,
    Row,
    impossible,
    is_text,
    scaled_rows,
)
from calc.money import FACTOR_PLACES
from calc.schema import MAX_LOCALITIES

FOLDER_VARIABLE = "THERAPY_CALC_CONFIG"
QUARTERLY = ("mue", "ptp")  # tables that CMS issues for a calendar quarter


def plain(heading: str) -> str:
    """A heading without case, blanks and punctuation."""
    return "".join(character for character in heading.lower() if character.isalnum())


class Config:
    """The figures in force: the shipped folder, and a user's laid over it.

    Each file is read once; what is made of its figures is kept with the Config.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        """``folders``: the one that counts first comes first."""
        self.folders = tuple(folders)
        self._places = {folder: folder.absolute() for folder in self.folders}
        self._there = {folder for folder, place in self._places.items() if place.is_dir()}
        self._parameters: dict[str, Parameter] = {}
        self._editions: dict[str, tuple[Edition, ...]] = {}
        self._rows: dict[Path, list[Row]] = {}

    @property
    def folders_said(self) -> list[str]:
        """A note of each folder that is not the shipped one, and of each file there left unread."""
        said = []
        for folder in self.folders[:-1]:
            where = "where both have a value, tables whole"
            said.append(f"figures in {folder} replace the shipped ones {where}")
            # What is at fault in the folder is said where it is read.
            with contextlib.suppress(ConfigError, OSError):
                said += [
                    f"{spelled_out(str(path))} is a file that nothing reads"
                    for path in _unread(self, folder)
                ]
        return said

    def place(self, folder: Path) -> Path:
        """Where one of `folders` lies, wherever the program has gone since."""
        return self._places[folder]

    def _readers(self) -> Iterator[Reader]:
        for folder in self.folders:
            reader = self._reader(folder)
            yield reader
            self._accept(reader)

    def _reader(self, folder: Path) -> Reader:
        if folder in self._there and not self._places[folder].is_dir():
            hint = "it was there when the figures were loaded: load them anew"
            raise ConfigError("the folder is gone", str(folder), hint)
        return Reader(folder, self._places[folder])

    def _accept(self, reader: Reader) -> None:
        self._hold(reader.faults)

    def _hold(self, faults: list[ConfigError]) -> None:
        if faults:
            raise faults[0]

    def parameter(self, name: str) -> Parameter:
        """A dated parameter by its file's name; ConfigError names file and key of a fault."""
        if name not in self._parameters:
            read = [reader.parameter(name) for reader in self._readers()]
            shipped = read[-1]
            # What is reckoned with has the decimals of the shipped figure, of a factor four.
            places = shipped.values[0].places if shipped.values else FACTOR_PLACES
            values = tuple(of_places(v, places) for parameter in read for v in parameter.values)
            # A payer's own file need not say its unit.
            kind = shipped if name in PARAMETERS else self.parameter("conversion_factor")
            self._hold([fault for v in values for fault in impossible(v, name, kind.unit)])
            self._parameters[name] = Parameter(name, shipped.title, shipped.unit, values)
        return self._parameters[name]

    def editions(self, table: str) -> tuple[Edition, ...]:
        """The editions of a table of TABLES or FEES, numbered from 1, a user's first."""
        if table not in self._editions:
            found = [edition for reader in self._readers() for edition in reader.editions(table)]
            numbered = (replace(edition, number=n) for n, edition in enumerate(found, 1))
            self._editions[table] = tuple(numbered)
        return self._editions[table]

    def edition(self, table: str, day: date) -> Edition | None:
        """The edition that holds on ``day``, or None."""
        for edition in self.editions(table):
            if edition.first <= day <= edition.last:
                return edition
        return None

    def editions_on(self, table: str, days: Iterable[date]) -> list[Edition]:
        """The editions that hold on any of the days, in the order of their numbers."""
        found = {edition for day in days if (edition := self.edition(table, day))}
        return sorted(found, key=lambda edition: edition.number)

    def rows(self, table: str, edition: Edition) -> list[Row]:
        """The rows of an edition; RVUs in 1/100, GPCIs in 1/1000."""
        if edition.path not in self._rows:
            folder = next(own for own in self.folders if own in edition.path.parents)
            reader = self._reader(folder)
            name = edition.path.relative_to(folder)
            self._rows[edition.path] = scaled_rows(reader, table, str(name))
            self._accept(reader)
        return self._rows[edition.path]

    def _merged(
        self, read: Callable[[Reader], dict[str, dict[str, Any]]]
    ) -> dict[str, dict[str, Any]]:
        merged: dict[str, dict[str, Any]] = {}
        for data in [read(reader) for reader in self._readers()]:
            merged = {**data, **merged}
        return merged

    @cached_property
    def sources(self) -> dict[str, dict[str, Any]]:
        return self._merged(lambda reader: reader.tables("sources.toml"))

    @cached_property
    def counting_rules(self) -> dict[str, dict[str, Any]]:
        return self._merged(Reader.counting_rules)

    @cached_property
    def payers(self) -> dict[str, dict[str, Any]]:
        """Payer to its facts; ConfigError where it counts by a rule that does not exist."""
        for fault in _unknown_rules(self):
            raise fault
        return self.named_payers

    @cached_property
    def named_payers(self) -> dict[str, dict[str, Any]]:
        """Payers as they are written, before their counting rules are looked up.

        What a folder says of a payer lies over what those below say, key by key; names add up.
        """
        found: dict[str, dict[str, Any]] = {}
        for folder in reversed(self.folders):
            reader = self._reader(folder)
            found |= reader.payers(found)
            self._accept(reader)
        return found

    @cached_property
    def heading_files(self) -> list[tuple[Path, dict[str, list[str]]]]:
        """Each folder's headings by our column, with their file; the one that counts first."""
        return [(r.folder / "columns.toml", r.headings()) for r in self._readers()]

    @cached_property
    def headings(self) -> dict[str, list[str]]:
        """Our column to its headings; what the user's file says of one is not said again."""
        merged: dict[str, list[str]] = {}
        taken: dict[str, str] = {}
        for _, headings in self.heading_files:
            for column, names in headings.items():
                own = [name for name in names if taken.setdefault(plain(name), column) == column]
                merged.setdefault(column, []).extend(own)
        return merged

    @cached_property
    def word_files(self) -> list[tuple[Path, dict[str, dict[str, list[str]]]]]:
        """Each folder's words by column and meaning, with their file; the one that counts first."""
        return [(r.folder / "words.toml", r.words()) for r in self._readers()]

    @cached_property
    def words(self) -> dict[str, dict[str, str]]:
        """Column to its words in lower case, each with its meaning, "" for a blank cell's."""
        merged: dict[str, dict[str, str]] = {column: {} for column in WORDS}
        for _, columns in self.word_files:
            for column, meanings in columns.items():
                for meaning, words in meanings.items():
                    for word in words:
                        merged.setdefault(column, {}).setdefault(word.lower(), meaning)
        return merged

    def blank_words(self, column: str) -> list[str]:
        """Words of a column, in lower case, that say as much as a blank cell."""
        return [word for word, meaning in self.words[column].items() if meaning == ""]

    @cached_property
    def timed_codes(self) -> list[str]:
        """The codes whose units their minutes earn."""
        return [code for code, facts in self.codes.items() if facts["unit_basis"] == "minutes"]

    @cached_property
    def attended_codes(self) -> list[str]:
        """The codes whose minutes somebody's units or one-on-one time hang on."""
        beside = ("one-on-one", "group")
        attended = (code for code, facts in self.codes.items() if facts["attendance"] in beside)
        return list(dict.fromkeys([*self.timed_codes, *attended]))

    @cached_property
    def bound_codes(self) -> dict[str, list[str]]:
        """The codes that are one discipline's alone, by discipline."""
        bound: dict[str, list[str]] = {}
        for code, facts in self.codes.items():
            if facts["disciplines"]:
                bound.setdefault(facts["disciplines"], []).append(code)
        return bound

    @cached_property
    def codes(self) -> dict[str, dict[str, Any]]:
        """Code to its facts: minutes as int or None, ``pooled`` as bool, ``family`` (primary)."""
        codes: dict[str, dict[str, Any]] = {}
        for reader in self._readers():
            for facts in reader.codes():
                codes.setdefault(facts["code"], facts)
        self._hold(_unrelated(codes, self.counting_rules))
        return codes

    @cached_property
    def code_names(self) -> dict[str, str]:
        """Every name of a code in lower case (number, label, alias) to the code."""
        names = {}
        for code, facts in self.codes.items():
            for name in (code, facts["label"], *facts["aliases"]):
                names[" ".join(name.lower().split())] = code
        return names

    @cached_property
    def payer_names(self) -> dict[str, str]:
        """Every `plain_name` of a payer to its key.

        Which no other payer's alias takes.
        """
        names = {}
        for payer, facts in self.payers.items():
            for name in called(payer, facts):
                names[plain_name(name)] = payer
        return names | {plain_name(payer): payer for payer in self.payers}

    @cached_property
    def localities(self) -> dict[str, str]:
        """Every locality of any edition, `OH-00`, to its name (the newest)."""
        editions = sorted(self.editions("gpci"), key=lambda edition: edition.first)
        found = {row["locality"]: row["name"] for e in editions for row in self.rows("gpci", e)}
        if len(found) > MAX_LOCALITIES:
            what = f"{len(found):,} localities are more than {MAX_LOCALITIES:,}"
            raise ConfigError(what, "gpci/editions.toml", "keep those of your own region")
        return found

    def locality(self, text: str, day: date | None = None) -> str:
        """`OH-00`, `US`, a locality's name or words of it, or `Cook, IL` as the locality's number.

        A whole name counts before names that contain it: Kansas is not Kansas City, and what has
        localities of its own is not the rest of its state. Names are those in force on ``day``, or
        the newest. InputError lists the choices where several fit; a county needs an imported
        county file.
        """
        asked = " ".join(text.upper().split())
        asked = {"USA": "US", "UNITED STATES": "US"}.get(asked, asked)
        if asked in self.localities:
            return asked
        editions = sorted(self.editions("gpci"), key=lambda edition: edition.first)
        edition = (self.edition("gpci", day) if day else None) or editions[-1]
        names = {row["locality"]: row["name"] for row in self.rows("gpci", edition)}
        fits = [place for place, name in names.items() if asked == name.upper()]
        # Two letters are a state, not a part of a name.
        words = re.compile(rf"(?<!\w){re.escape(asked)}(?!\w)") if len(asked) > 2 else None
        fits = fits or [p for p, name in names.items() if words and words.search(name.upper())]
        if len(fits) == 1 and names[fits[0]].upper() == f"REST OF {asked}":
            fits = [place for place in names if place[:3] == fits[0][:3]]
        fits = fits or self._of_county(asked, day)
        if len(fits) == 1:
            return fits[0]
        if fits:
            choices = "; ".join(f"{place} {names.get(place, '')}" for place in fits)
            raise InputError(f'locality "{text}" fits several', hint=f"choose one of {choices}")
        near = [place for place, name in names.items() if asked and asked in name.upper()][:3]
        near = near or difflib.get_close_matches(asked, names, 3)
        raise InputError(
            f'locality "{text}" is not known',
            hint=f"write state and number, such as {', '.join(near) or 'OH-00'}, part of a"
            " locality's name, or US",
        )

    def _of_county(self, asked: str, day: date | None) -> list[str]:
        county, comma, state = asked.rpartition(",")
        editions = sorted(self.editions("counties"), key=lambda edition: edition.first)
        if not comma or not editions:
            return []
        edition = (self.edition("counties", day) if day else None) or editions[-1]
        return [
            row["locality"]
            for row in self.rows("counties", edition)
            if row["locality"].startswith(f"{state.strip()}-")
            and row["county"].upper() == county.strip()
        ]

    def cite_edition(self, edition: Edition) -> str:
        """The source of a table, and its release where the source does not say it."""
        cited = self.cite(edition.source)
        return cited if edition.release in cited else f"{cited}, {edition.release}"

    def cite(self, source: str) -> str:
        """A source written out: title, and date where the title does not say it."""
        entry = self.sources.get(source, {})
        title, dated = str(entry.get("title", source)), str(entry.get("date", ""))
        return f"{title} ({dated})" if dated and dated not in title else title


def shipped_folder() -> Path:
    """``config/`` inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "config"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "config"


def writable_folder(config: Config) -> Path:
    """Where imported figures go: the user's folder, or the checkout's; never a package's."""
    folder = config.folders[0]
    if folder.parent == Path(__file__).parent:
        raise ConfigError(
            "the shipped figures are part of the installed program",
            str(folder),
            "give --config a folder of your own",
        )
    return folder


def load(folder: str | Path | None = None) -> Config:
    """The shipped figures with ``folder``, or ``$THERAPY_CALC_CONFIG``, laid over them."""
    chosen = folder or os.environ.get(FOLDER_VARIABLE)
    if not chosen:
        return _load(None, ())
    if not Path(chosen).is_dir():
        raise ConfigError("is no folder", str(chosen), "give --config the folder with your figures")
    # Figures lie in the folder, in one of a table, or in one of a payer's fees.
    top = Path(chosen).absolute()
    paths = {path for depth in ("*", "*/*", "*/*/*") for path in top.glob(depth)}
    states = [(str(path), path.stat()) for path in sorted(paths) if path.is_file()]
    files = tuple((path, state.st_mtime_ns, state.st_size) for path, state in states)
    return _load(Path(chosen), files)


@lru_cache(maxsize=8)
def _load(folder: Path | None, files: tuple[tuple[str, int, int], ...]) -> Config:
    """``files``: those of the folder with time and size, so that changed figures are read anew."""
    return Config([folder, shipped_folder()] if folder else [shipped_folder()])


class Checked(Config):
    """The figures as far as they can be read, with the faults and citations met on the way."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """``folders``: the one that counts first comes first."""
        super().__init__(folders)
        self.found: list[ConfigError] = []
        self.cited: list[tuple[str, str]] = []

    def _accept(self, reader: Reader) -> None:
        super()._accept(reader)
        self.cited += reader.cited

    def _hold(self, faults: list[ConfigError]) -> None:
        self.found += faults

    def parameter(self, name: str) -> Parameter:
        try:
            return super().parameter(name)
        except ConfigError as error:
            self.found.append(error)
            self._parameters[name] = Parameter(name, name, "", ())
            return self._parameters[name]

    def read_all(self) -> None:
        """Read every file once."""
        factors, tables = of_payers(self.named_payers)
        for name in (*PARAMETERS, *factors):
            self.parameter(name)
        for table in (*TABLES, *tables):
            for edition in self.editions(table):
                self.rows(table, edition)
        _ = self.counting_rules, self.sources, self.heading_files, self.word_files, self.codes

    def unread(self, file: str) -> bool:
        """Whether a file as a whole could not be read: what is missed in it is no fault."""
        return any(fault.where.endswith(file) for fault in self.found)

    def faults(self) -> list[ConfigError]:
        """Every fault of every file, not only the first."""
        self.read_all()
        found = list(self.found)
        for source, where in [] if self.unread("sources.toml") else self.cited:
            if source not in self.sources:
                hint = "add it to sources.toml"
                found.append(ConfigError(f'source: "{source}" is not known', where, hint))
        return found + _cross_faults(self) + _strange_files(self)


def faults(config: Config) -> list[ConfigError]:
    """What stands in the way of reading: the faults that end a run, all of them."""
    return Checked(config.folders).faults()


def _strange_files(config: Checked) -> list[ConfigError]:
    """Files of a user's folder that nothing reads: their names may be a slip of the pen."""
    _, tables = of_payers(config.named_payers)
    hint = f"known: {', '.join(sorted(_known(config)))}"
    found = [
        ConfigError("is a file that nothing reads", str(path), hint)
        for folder in config.folders[:-1]
        for path in _unread(config, folder)
    ]
    named = {edition.path for table in (*TABLES, *tables) for edition in config.editions(table)}
    for folder in config.folders[:-1]:
        inner = [path for kind in _KINDS for path in folder.glob(f"*/**/*{kind}")]
        for path in sorted(path for path in inner if not _is_hidden(path, folder)):
            table = path.parent.relative_to(folder).as_posix()
            unsound = any(f"{table}/editions.toml" in fault.where for fault in config.found)
            if table not in (*TABLES, *tables):
                hint = f"known: {', '.join(TABLES)}; {FEES}NAME where a payer says fee_table NAME"
                found.append(ConfigError("is in a folder that nothing reads", str(path), hint))
            elif path.suffix == ".csv" and path not in named and not unsound:
                hint = f"add an [[edition]] with this file to {table}/editions.toml"
                found.append(ConfigError("is a table that no edition names", str(path), hint))
    return found


_KINDS = (".toml", ".csv")


def _known(config: Config) -> set[str]:
    """The names of files that lie in a folder of figures itself."""
    factors, _ = of_payers(config.named_payers)
    shipped = {path.name for path in config.folders[-1].iterdir() if path.suffix in _KINDS}
    return shipped | {f"{name}.toml" for name in factors}


def _unread(config: Config, folder: Path) -> list[Path]:
    """Files in a user's folder itself that nothing reads, though they look like figures.

    A copy beside the file that counts, such as payers.toml.bak, is none of them.
    """
    known, found = _known(config), []
    for path in sorted(config.place(folder).iterdir()):
        figures = re.match(r"(.*\.(?:toml|csv))(?:\.|~|$)", path.name, re.IGNORECASE)
        if not figures or path.name in known or path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix in _KINDS or not path.with_name(figures[1].lower()).exists():
            found.append(folder / path.name)
    return found


def _is_hidden(path: Path, folder: Path) -> bool:
    """Whether its name, or that of a folder on the way to it, begins with a dot, such as .git."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def plain_name(name: str) -> str:
    """A payer's name as it is compared: however its letters, accents and blanks are written.

    >>> plain_name(" Acme\u0301  Plan ") == plain_name("ACM\u00c9 Plan")
    True
    """
    return " ".join(unicodedata.normalize("NFC", name).lower().split())


def called(payer: str, facts: dict[str, Any]) -> list[str]:
    """What a payer is called in a log; what is no text is a fault that is said elsewhere."""
    aliases = facts.get("aliases", [])
    names = [payer, facts.get("name"), *(aliases if isinstance(aliases, list) else ())]
    return [name for name in names if is_text(name)]


def of_payers(payers: dict[str, dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The factor files and fee tables that payers name."""

    def named(key: str) -> list[str]:
        return [facts[key] for facts in payers.values() if is_text(facts.get(key))]

    return named("conversion_factor"), [f"{FEES}{name}" for name in named("fee_table")]


def _unrelated(
    codes: Mapping[str, dict[str, Any]], rules: Mapping[str, dict[str, Any]]
) -> list[ConfigError]:
    """Codes that no rule could count: minutes that fit no rule, add-ons that fit no primary."""
    found = []
    sizes = {rule.get("unit_minutes") for rule in rules.values()}
    add_ons: dict[str, str] = {}
    for code, facts in codes.items():
        where, primary = f"codes.csv: {code}", facts["add_on_of"]
        first, size = facts["first_unit_minutes"], facts["unit_minutes"]
        if facts["pooled"] and size and (size not in sizes or first not in (size, None, 0)):
            hint = "write the same minutes for its first unit as for others, or pooled = no"
            what = "pooled: its minutes count with other codes by no rule of counting_rules.toml"
            found.append(ConfigError(what, where, hint))
        if primary == code:
            what = "add_on_of: it is no add-on of its own"
            found.append(ConfigError(what, where, "leave it blank, or name the primary code"))
        elif primary and primary not in codes:
            found.append(ConfigError(f"add_on_of: {primary} is no code", where))
        elif facts["family"] != code:
            own = codes[primary]
            if own["unit_basis"] != "minutes" or own["add_on_of"]:
                what = f"add_on_of: {primary} is no primary code with minutes"
                found.append(ConfigError(what, where, "name the code that its first unit has"))
            elif (own["unit_minutes"], own["pooled"]) != (size, facts["pooled"]):
                what = f"unit_minutes or pooled differ from those of {primary}"
                hint = "its units are those of one stretch with its primary code"
                found.append(ConfigError(what, where, hint))
            if (other := add_ons.setdefault(primary, code)) != code:
                what = f"add_on_of: {primary} has {other} as its add-on"
                found.append(ConfigError(what, where, "a timed code has one timed add-on"))
    return found


def _unknown_rules(config: Config) -> list[ConfigError]:
    known = config.counting_rules
    hint = f"known: {', '.join(known)}"
    return [
        ConfigError("counting_rule is not known", f"payers.toml: {payer}", hint)
        for payer, facts in config.named_payers.items()
        if str(facts.get("counting_rule")) not in known
    ]


_DIGITS_MEANT = str.maketrans("OIL", "011")  # letters that are taken for digits


def _cross_faults(config: Checked) -> list[ConfigError]:
    """What needs more than one file: payers' rules, add-ons, names that mean two codes."""
    found = [] if config.unread("counting_rules.toml") else _unknown_rules(config)
    for payer, facts in config.named_payers.items():
        factors, tables = of_payers({payer: facts})
        lacking = {f"{n}.toml": "value" for n in factors if not config.parameter(n).values}
        lacking |= {f"{t}/editions.toml": "edition" for t in tables if not config.editions(t)}
        for file, block in lacking.items():
            if not any(file in fault.where for fault in config.found):
                found.append(ConfigError(f"{file} has no {block}", f"payers.toml: {payer}"))
    names: dict[str, str] = {}
    for code, facts in config.codes.items():
        where = f"codes.csv: {code}"
        if facts["unit_basis"] not in UNIT_BASES:
            found.append(ConfigError(f'unit_basis "{facts["unit_basis"]}" is not known', where))
        for name in {n.lower() for n in (code, facts["label"], *facts["aliases"])}:
            if names.setdefault(name, code) != code:
                found.append(ConfigError(f'"{name}" also names {names[name]}', where))
    if config.unread("codes.csv"):
        return found
    for table in of_payers(config.named_payers)[1]:
        for edition in config.editions(table):
            for row in config.rows(table, edition):
                meant = row["code"].upper().translate(_DIGITS_MEANT)
                if row["code"] not in config.codes and meant in config.codes:
                    what = f"{row['code']} is no code of codes.csv"
                    found.append(
                        ConfigError(what, f"{edition.path}:{row.line}", f"nearest: {meant}")
                    )
    rvu_codes = {r["code"] for e in config.editions("rvu") for r in config.rows("rvu", e)}
    for code in sorted(rvu_codes - set(config.codes)):
        found.append(ConfigError(f"{code} has RVUs but is not in codes.csv", "codes.csv"))
    return found
