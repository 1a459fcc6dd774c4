"""What the texts of a log mean, each distinct text looked at once: codes, names, amounts.

Every function here makes the facts of one column for `cells.by_values`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import narwhals.stable.v2 as nw

from calc import checks, times
from calc.cells import CELL_ERRORS, MAX_DIGITS, Facts, Known, by_values, number, read_all, read_each
from calc.money import scaled
from calc.params import Config, plain_name
from calc.schema import CLAIM, COUNTED_ROLES, DISCIPLINES, MODES, ROLES
from calc.statuses import AGAIN, AMENDS, MONEY, NONE, WITHDRAWN

# Modifiers that therapy logs write right behind a code, with nothing between.
_THERAPY_MODIFIERS = {
    "GP", "GO", "GN", "CQ", "CO", "KX", "GA", "GX", "GY", "GZ", "XE", "XS", "XP", "XU", "59",
    "52", "53", "76", "77", "95", "93", "GT", "FQ",
}  # fmt: skip
_MODIFIER = re.compile(r"[A-Z0-9]{2}")
_SEPARATORS = r"[\s,;/:.+&|*-]+"


def read_code(text: str, names: Mapping[str, str]) -> tuple[str | None, str]:
    """The code that a cell names and the modifiers behind it, or None.

    >>> read_code("97116-GP-CQ", {"97116": "97116"}), read_code("97110 x2", {"97110": "97110"})
    (('97116', 'GP CQ'), (None, ''))
    >>> read_code("97116.00", {"97116": "97116"})
    ('97116', '')
    """
    plain = re.sub(r"\.0{1,9}$", "", " ".join(text.lower().split()))
    if code := names.get(plain):
        return code, ""
    # As X12 writes a procedure, HC:97110:GP, the kind of its code before it.
    text = re.sub(r"(?i)^\s*hc[:*|>^]?(?=[0-9a-z]{5})", "", text)
    plain = " ".join(text.lower().split())
    found = re.fullmatch(r"([0-9a-z]{5})(.*)", plain)
    if found and (code := names.get(found[1])):
        if not found[2].strip(" :"):
            return code, ""  # as X12 writes one without modifiers
        rest = found[2].strip(" -:()")
        # A description behind the number must be one that is known of this very code.
        if names.get(rest) == code:
            return code, ""
        modifiers = _behind(text[5:])
        return (code, modifiers) if modifiers else (None, "")
    # A name, with modifiers of therapy behind it.
    *words, last = re.split(_SEPARATORS, text.strip())
    taken: list[str] = []
    while words and last.upper() in _THERAPY_MODIFIERS:
        taken.insert(0, last.upper())
        if code := names.get(" ".join(words).lower()):
            return code, " ".join(taken)
        *words, last = words
    return None, ""


def _behind(rest: str) -> str:
    """Modifiers behind a code; "" where the rest may mean anything else, such as x2."""
    parted = re.match(r"[\s,;/:.+&|*(-]", rest) is not None
    tokens: list[str] = []
    for word in re.split(_SEPARATORS, rest.strip(" ,;/:.+&|*()-").upper()):
        pairs = re.findall("..?", word)
        if len(pairs) != 1 or not (parted or tokens):
            # Glued: 9711659 may be a slip of the keys.
            slip = not tokens and word[:1].isdigit()
            if not pairs or slip or not set(pairs) <= _THERAPY_MODIFIERS:
                return ""
        tokens += pairs
    sound = all(_MODIFIER.fullmatch(t) and not re.fullmatch(r"X\d", t) for t in tokens)
    return " ".join(tokens) if sound else ""


def code(config: Config) -> Facts:
    """code (null if unknown), timed_code, one_on_one, code_modifiers, code_fault."""
    names, facts = config.code_names, config.codes

    def read(text: str) -> tuple[str | None, bool, bool, str]:
        known, modifiers = read_code(text, names)
        own = facts.get(known or "", {})
        timed = own.get("unit_basis") == "minutes"
        return known, timed, own.get("attendance") == "one-on-one", modifiers

    types = {"code": str, "timed_code": bool, "one_on_one": bool, "code_modifiers": str}
    return _judged("code", read, types, checks.CODE_BLANK)


def _judged(
    column: str, read: Callable[[str], Any], types: Mapping[str, type], blank_fault: int = 0
) -> Facts:
    def facts(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return _with_fault(column, read_each(values, read, types))

    types_too = {**types, f"{column}_fault": int}
    return Known(facts, types_too, (*read(""), blank_fault))


def _with_fault(column: str, values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Facts with `column_fault`, by what the text alone and they tell."""
    values = values.with_columns(nw.col("text").alias(f"{column}_text"))
    return checks.alone(column, values).drop(f"{column}_text")


def named(column: str, names: Mapping[str, str], blank: str = "") -> Facts:
    """The canonical name of a text in any case, null if unknown; ``blank`` stands in for none.

    ``names``: by the text in lower case, "" for words that say that there is none.
    """

    def read(text: str) -> tuple[str | None]:
        known = names.get((text or blank).lower())
        return (names.get(blank.lower()) if known == "" else known,)

    return _judged(column, read, {column: str})


def defaulted(column: str, names: Mapping[str, str], default: str) -> Facts:
    """As `named` of `plain_name`, and `column_blank`: the default stands in for a blank cell."""

    def read(text: str) -> tuple[str | None, bool]:
        return names.get(plain_name(text or default)), text == ""

    return _judged(column, read, {column: str, f"{column}_blank": bool})


def plain(column: str, blank: str = "") -> Facts:
    """The text as it stands; ``blank`` stands in for none, and for an error of a spreadsheet."""

    def facts(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        text = nw.when(~nw.col("text").is_in(CELL_ERRORS)).then("text").otherwise(nw.lit(""))
        said = nw.when(text == "").then(nw.lit(blank)).otherwise(text) if blank else text
        return values.with_columns(said.alias(column))

    return Known(facts, {column: str}, (blank,))


def person(column: str, config: Config) -> Facts:
    """The text as it stands, of a patient or a clinician; words for nobody are blank."""
    blank = [*config.blank_words("patient"), *config.blank_words(column)]

    def facts(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        text = nw.col("text")
        none = text.str.to_lowercase().is_in(blank)
        said = nw.when(none).then(nw.lit("")).otherwise(text)
        return values.with_columns(said.alias(column))

    return Known(facts, {column: str}, ("",))


def patient(config: Config) -> Facts:
    """As `person`, and patient_fault."""
    named = person("patient", config)

    def facts(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return _with_fault("patient", named(values))

    return Known(facts, {"patient": str, "patient_fault": int}, ("", 0))


def dense(config: Config) -> dict[str, Iterable[str] | None]:
    """Text columns of SESSION rows for `engine.dense`: what they may hold, None for anything."""
    known: dict[str, Iterable[str] | None] = dict.fromkeys(
        ("patient", "clinician", "provider", "diagnosis", "modifiers_billed", "file")
    )
    known |= {"code": config.codes, "payer": config.payers, "discipline": DISCIPLINES}
    return known | {"locality": config.localities, "role": (*ROLES, CLAIM), "mode": MODES}


def _words(config: Config, column: str, names: Iterable[str]) -> dict[str, str]:
    """Names of ours, and words that mean one of them or a blank, by the text in lower case."""
    names = ("", *names)
    words = {word: name for word, name in config.words[column].items() if name in names}
    return words | {name.lower(): name for name in names}


def discipline(config: Config, blank: str) -> Facts:
    return named("discipline", _words(config, "discipline", DISCIPLINES), blank)


def mode(config: Config) -> Facts:
    return named("mode", _words(config, "mode", MODES), "individual")


def status() -> Facts:
    """What a row says of itself, see `statuses`, and status_fault.

    no_service, withdrawn, amends and again.
    """
    types = dict.fromkeys(("no_service", "withdrawn", "amends", "again"), bool)

    def read(kind: str) -> tuple[bool, bool, bool, bool]:
        return kind in (NONE, MONEY), kind == WITHDRAWN, kind == AMENDS, kind == AGAIN

    return _judged("status", read, types)


def role(config: Config) -> Facts:
    """role (null if unknown), counts, role_blank, is_pta, is_ota, role_fault."""
    names, disciplines = _words(config, "role", ROLES), config.words["assistant"]

    def read(text: str) -> tuple[str | None, bool, bool, bool, bool]:
        said = names.get(text.lower())
        known = "therapist" if said == "" else said
        of = disciplines.get(text.lower()) if known == "assistant" else None
        return known, known in COUNTED_ROLES, said == "", of == "PT", of == "OT"

    names_too = ("counts", "role_blank", "is_pta", "is_ota")
    return _judged("role", read, {"role": str, **dict.fromkeys(names_too, bool)})


def modifiers(name: str, config: Config) -> Facts:
    """Modifiers in capitals, parted by one blank, each once, in the order given.

    Words that say that there is none are blank.
    """
    blank = set(config.blank_words("modifiers_billed"))

    def read(text: str) -> tuple[str]:
        if text.lower() in blank:
            return ("",)
        tokens: list[str] = []
        for word in re.split(r"[\s,;/:|-]+", text.upper()):
            pairs = re.findall("..?", word)
            glued = len(pairs) > 1 and set(pairs) <= _THERAPY_MODIFIERS
            tokens += pairs if glued else [word]
        return (" ".join(dict.fromkeys(filter(None, tokens))),)

    return lambda values: read_each(values, read, {name: str})


def held_modifiers(text: str) -> bool:
    """Whether a text holds a modifier of therapy, in capitals and whatever stands around it.

    >>> [held_modifiers(text) for text in ("GPCQ", "CQ (PTA)", "59.0", "Moderate", "to go")]
    [True, True, True, False, False]
    """
    words = re.findall("[A-Z0-9]+", text)
    return any(set(re.findall("..?", word)) <= _THERAPY_MODIFIERS for word in words)


# --- amounts -------------------------------------------------------------------------------

_HOURS = r"h|hr|hrs|hour|hours"
_MINUTES = r"m|min|mins|minute|minutes"
_AMOUNT = r"\d{1,5}(?:[.,]\d{1,3})?|[.,]\d{1,3}"
_UNIT = re.compile(rf"({_AMOUNT})\s*({_HOURS}|{_MINUTES})\.?")
_BOTH = re.compile(rf"(\d{{1,2}})\s*(?:{_HOURS})\.?,?\s*(?:and )?(\d{{1,2}})\s*(?:{_MINUTES})?\.?")
# Two digits of hours could be minutes and seconds as well: 47:00. A spreadsheet makes 47:00:00 of
# it, or a stamp so long after its day zero.
_TORN = re.compile(r"[1-9]\d{1,2}:[0-5]\d(?::00(?:\.0+)?)?")
_AFTER_ZERO = re.compile(r"(1900-01-|1904-01-)(\d\d)[T ](\d\d)(:\d\d)(:\d\d)(?:\.0+)?")
_COLON = re.compile(r"0?(\d):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?)?")
# As programs write 22 minutes and 20 seconds; below 1 it may be a spreadsheet's part of a day.
_FINE = re.compile(r"0{0,4}[1-9]\d{0,4}\.\d{6,18}")
_NOISE = re.compile(r"0*\.\d{3}(0{6}|9{6})\d+")  # behind the 0.3 that a program reckoned
_DECIMAL = re.compile(r"\d{0,5}\.(\d{1,25})")
_COMMA = re.compile(r"(\d{1,4}),(\d{1,2})")
_MM_SS = re.compile(r"(\d{1,3}):([0-5]\d)(?:\.0+)?")

# Milliseconds of the units in which bare numbers of a column may be.
LENGTHS = {"minutes": times.MINUTE, "hours": 60 * times.MINUTE, "seconds": times.SECOND}
MM_SS = "mm:ss"  # below it a bare number is none


def read_minutes(text: str, unit: str = "minutes", torn: bool = False) -> int | None:
    """Milliseconds of a length with its unit, of h:mm, or of a number in ``unit``; or None.

    ``unit``: of LENGTHS, or MM_SS, where 8:30 is minutes and seconds. ``torn``: it may be so
    below another heading too, see `are_torn`.

    >>> [read_minutes(text) for text in ("47 min", "0:47", "0.75 h", "1 h 5 min", "47:00")]
    [2820000, 2820000, 2700000, 3900000, None]
    >>> read_minutes("0.3833", "hours"), read_minutes("8:30", "mm:ss")
    (1380000, 510000)
    """
    plain = text.lower()
    if ":" in plain:
        return _clocked(plain, unit, torn)
    if found := _BOTH.fullmatch(plain):
        return (int(found[1]) * 60 + int(found[2])) * times.MINUTE
    if found := _UNIT.fullmatch(plain):
        amount = found[1].replace(",", ".")
        if "," in found[1] and len(found[1].partition(",")[2]) == 3:
            return None  # 1,200 min: a thousand or a fraction
        return _length(amount, LENGTHS["hours" if found[2].startswith("h") else "minutes"])
    return _bare(plain, unit)


def _clocked(plain: str, unit: str, torn: bool) -> int | None:
    if unit == MM_SS and (found := _MM_SS.fullmatch(plain)):
        return int(found[1]) * times.MINUTE + int(found[2]) * times.SECOND
    if not (found := _COLON.fullmatch(plain)):
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    if unit in (MM_SS, "seconds") and (hours or not found[3]):
        return None  # 8:30:00 may be what a spreadsheet made of 8:30
    if torn and hours and not seconds:
        return None
    fraction = int((found[4] or "0")[:3].ljust(3, "0"))  # never more than it is
    return (hours * 60 + minutes) * times.MINUTE + seconds * times.SECOND + fraction


def are_torn(texts: Sequence[str]) -> bool:
    """Whether lengths are in minutes and seconds, or in more hours than sessions have: 47:00.

    Then 8:30 in the same column may be minutes and seconds too. A single one may be a total below
    the log or a slip. ``texts``: distinct ones.

    >>> are_torn(["23:00", "8:30", "15:30"]), are_torn(["1:15", "12:45"])
    (True, False)
    """
    torn = (text for text in texts if _TORN.fullmatch(text) or _AFTER_ZERO.fullmatch(text))
    return next(torn, None) is not None and next(torn, None) is not None


def are_whole_minutes(texts: Iterable[str], unit: str) -> bool:
    """Whether the hours of a column, of ``unit`` or as cells say, are those of whole minutes.

    Rounded to two or three decimals: 0.38 is 23 minutes where 0.13 is 8 and no cell is 0.36, which
    is none. One or two such numbers may be so by chance.

    >>> are_whole_minutes(["0.38", "0.5", "0.13", ""], "hours")
    True
    >>> [are_whole_minutes(texts, "hours") for texts in (["0.38"], ["0.38", "0.13", "0.36"])]
    [False, False]
    """
    told = set()
    for amount, places in filter(None, (_hours(text, unit) for text in texts)):
        scale = 10**places
        minutes = (amount * 120 + scale) // (2 * scale)
        if (minutes * 2 * scale + 60) // 120 != amount:
            return False
        if places <= _ROUNDED and amount * 60 % scale:
            told.add((amount, places))
    return len(told) > 1


_PLAIN = re.compile(rf"([0-9]{{1,{MAX_DIGITS}}})(?:\.([0-9]{{1,3}})?0*)?")  # as `cells.number`
_ROUNDED = 3  # decimals of an hour that are rounded too much to tell seconds


def _hours(text: str, unit: str) -> tuple[int, int] | None:
    """A text's digits and how many of them are decimals, if it is of hours."""
    found = _UNIT.fullmatch(text.lower())
    if found and found[2].startswith("h"):
        text = found[1]
    elif unit != "hours" or not (_DECIMAL.fullmatch(text) or _COMMA.fullmatch(text)):
        return None
    whole, _, decimals = text.replace(",", ".").partition(".")
    decimals = decimals.rstrip("0")
    return int(whole + decimals or "0"), len(decimals)


def as_typed(column: str) -> Facts:
    """``column``: what was typed where a spreadsheet made a stamp of a length, null elsewhere.

    >>> _typed("1900-01-01 23:00:00"), _typed("1904-01-02 23:00:30"), _typed("47:00")
    ('47:00', '47:00:30', None)
    """
    return lambda values: read_each(values, lambda text: (_typed(text),), {column: str})


def _typed(text: str) -> str | None:
    if not (found := _AFTER_ZERO.fullmatch(text)):
        return None
    days = int(found[2]) - (found[1] == "1904-01-")
    return f"{24 * days + int(found[3])}{found[4]}{found[5] if found[5] != ':00' else ''}"


def _bare(plain: str, unit: str) -> int | None:
    if unit not in LENGTHS:
        return None
    if found := _COMMA.fullmatch(plain):
        return _length(f"{found[1]}.{found[2]}", LENGTHS[unit])
    if unit == "minutes":
        fine = _FINE.fullmatch(plain) or _NOISE.fullmatch(plain)
        return _length(plain, LENGTHS[unit]) if fine else None
    if not (found := _DECIMAL.fullmatch(plain)):
        return None
    if unit == "hours" and len(found[1]) > 3:  # so fine that the seconds it was made of are told
        return _length(plain, LENGTHS[unit] // times.SECOND) * times.SECOND
    return _length(plain, LENGTHS[unit])


def _length(amount: str, unit: int) -> int:
    return int((Decimal(amount) * unit).to_integral_value(ROUND_HALF_UP))


def read_cents(text: str) -> int | None:
    """Cents of an amount with its sign of money or thousands, or None.

    >>> read_cents("$1,234.50"), read_cents("1.234,50 "), read_cents("120,5"), read_cents("1,2")
    (123450, 123450, 12050, 120)
    """
    plain = re.sub(r"\s*USD$|^USD\s*", "", text.strip(), flags=re.IGNORECASE)
    if re.fullmatch(r"\$\s*-", plain):
        return 0  # as a spreadsheet's format for accounts shows nothing
    plain = plain.removeprefix("$").strip()
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,2})?", plain):
        plain = plain.replace(",", "")
    elif re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+,[0-9]{1,2}", plain):
        plain = plain.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[0-9]+,[0-9]{1,2}", plain):
        plain = plain.replace(",", ".")
    if not re.fullmatch(rf"[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,2}})?", plain):
        return None
    return scaled(plain, 2)


def amount(
    column: str,
    name: str,
    places: int,
    scale: int,
    rest: Callable[[list[str]], Iterable[int | None]],
    unsure: str = "",
) -> Known:
    """Plain digits as whole numbers of 10**-places, times ``scale``; all others by ``rest``.

    A ``scale`` of 0 leaves every text to ``rest``, and ``unsure`` those that this pattern fits.
    """

    def facts(values: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        digits = number("text", places) * scale if scale else nw.lit(None, dtype=nw.Int64)
        if unsure:
            digits = nw.when(~nw.col("text").str.contains(unsure)).then(digits)
        values = values.with_columns(plain=digits)
        odd = nw.when(nw.col("plain").is_null()).then(nw.col("text")).otherwise(nw.lit(""))
        values = values.with_columns(odd=odd)
        read = lambda texts: [(number,) for number in rest(texts)]  # noqa: E731
        others = lambda frame: read_all(frame, read, {"other": int})  # noqa: E731
        values, _ = by_values(values, [("odd", Known(others, {"other": int}, (None,)))])
        values = values.with_columns(nw.coalesce("plain", "other").alias(name))
        return _with_fault(column, values).drop("plain", "odd", "other")

    return Known(facts, {name: int, f"{column}_fault": int}, (None, 0))


def minutes(
    column: str,
    name: str,
    unit: str = "minutes",
    torn: bool | None = None,
    whole: bool | None = None,
) -> Known:
    """Lengths by `read_minutes`; ``torn``: by `are_torn`, None: they tell it.

    ``whole``: their hours are the nearest whole minutes, by `are_whole_minutes` in the same way.
    """

    def rest(texts: list[str]) -> list[int | None]:
        doubtful = are_torn(texts) if torn is None else torn
        rounded = are_whole_minutes(texts, unit) if whole is None else whole
        return [of_text(text, doubtful, rounded) for text in texts]

    def of_text(text: str, doubtful: bool, rounded: bool) -> int | None:
        if unit == "hours" and (found := _PLAIN.fullmatch(text)):
            thousandths = int(found[1] + (found[2] or "").ljust(3, "0"))
            length_ms: int | None = thousandths * LENGTHS["hours"] // 1000
        else:
            length_ms = read_minutes(text, unit, doubtful)
        if length_ms is None or not rounded or _hours(text, unit) is None:
            return length_ms
        return (length_ms + times.MINUTE // 2) // times.MINUTE * times.MINUTE

    # What a number of hours means hangs on the others.
    scale = 0 if unit == "hours" else LENGTHS.get(unit, 0) // 1000
    return amount(column, name, 3, scale, rest)


def units() -> Facts:
    return amount("units_billed", "units_billed", 0, 1, lambda texts: [None] * len(texts))


def charge() -> Facts:
    return amount("charge", "charge_cents", 2, 1, read_charges, _THREE_PLACES)


def read_charges(texts: list[str]) -> list[int | None]:
    """Cents of the amounts of a column; 1.060 may be a thousand and sixty.

    Not where some are such as 99.500, which no charge is in thousands.

    >>> read_charges(["1.060"]), read_charges(["1.060", "99.500"])
    ([None], [106, 9950])
    """
    decimals = any(re.fullmatch(r"[0-9]{2,3}\.[0-9]{2}0", text) for text in texts)
    three = re.compile(_THREE_PLACES)
    return [
        read_cents(text.removesuffix("0") if decimals and three.match(text) else text)
        for text in texts
    ]


_THREE_PLACES = "^[1-9][0-9]{0,2}[.][0-9]{3}$"
