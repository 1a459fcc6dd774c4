"""The options of the package's functions, said once: for type checkers and for every call."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypedDict, get_args, get_origin, get_type_hints

from calc.billing import Options
from calc.errors import CalcError, InputError
from calc.params import Config
from calc.schema import SESSION

Minutes = str | float | Decimal | timedelta | None
Amount = Minutes | tuple[Minutes, Minutes]  # of a therapist, or of therapist and assistant


class UnitsOptions(TypedDict, total=False):
    """Options of `calc.units`; here and below None means not given."""

    config: Config | None


class _OfLines(UnitsOptions, total=False):
    options: Options | None
    payer: str | None
    locality: str | None
    discipline: str | None
    provider: str | None
    zone: str | None


class EstimateOptions(_OfLines, total=False):
    """Options of `calc.estimate`."""

    places: Sequence[str] | None


class _OfLogs(_OfLines, total=False):
    date_order: str | None
    sheet: str | None
    maps: Mapping[str, str] | None


class BillOptions(_OfLogs, total=False):
    """Options of `calc.bill`."""

    rejects: bool | None


class AuditOptions(_OfLogs, total=False):
    """Options of `calc.audit`; ``claims`` is a path, several, or a frame, as the log is."""

    claims: Any
    claims_sheet: str | None
    select: str | Iterable[str] | None
    ignore: str | Iterable[str] | None
    report: bool | None


OPTIONS: dict[str, type] = {
    "units": UnitsOptions,
    "estimate": EstimateOptions,
    "bill": BillOptions,
    "audit": AuditOptions,
}
_HOW: dict[Any, str] = {
    Config: 'from calc import params, then config=params.load("folder")',
    Options: 'from calc import billing, then options=billing.Options(deductible={"": 25700}),'
    " in cents by patient",
    str: "write it as text",
    bool: "write True or False",
    Mapping: 'write maps={"Time In": "start"}',
}
# What the command line has as options, to what a call has them in.
_ELSEWHERE = dict.fromkeys((field.name for field in fields(Options)), "options") | {
    "tz": "zone",
    "map": "maps",
}


def given(function: str, options: Mapping[str, object]) -> dict[str, Any]:
    """The options of a call to ``function`` of the package that are given: not None.

    Raises InputError for one that is not known or of another type.

    >>> given("bill", {"payer": None, "sheet": "March"})
    {'sheet': 'March'}
    """
    known = kinds(function)
    for name, value in options.items():
        if name not in known:
            raise _unknown(function, name, known)
        if value is not None and known[name] and not isinstance(value, known[name]):
            what, wanted = type(value).__name__, known[name][0]
            hint = _HOW.get(wanted, "write a list of texts")
            raise InputError(f"{name}: {what} is no {wanted.__name__}", f"calc.{function}", hint)
    return {name: value for name, value in options.items() if value is not None}


@contextlib.contextmanager
def called() -> Iterator[None]:
    """Errors with hints that name the options of a call, not those of the command line."""
    try:
        yield
    except CalcError as error:
        error.hint = in_call(error.hint)
        raise


def in_call(hint: str) -> str:
    """A hint with options as a call has them.

    >>> in_call('say which one by --map "Time In=start"')
    'say which one by maps={"Time In": "start"}'
    >>> in_call("say the zone of those without, e.g. --tz America/Chicago, or write an offset")
    'say the zone of those without, e.g. zone="America/Chicago", or write an offset'
    >>> in_call("an amount, e.g. --deductible 257")
    'an amount, e.g. deductible={"": 25700} in cents'
    """
    for written, as_called in _AS_CALLED.items():
        hint = re.sub(written, as_called, hint)
    return hint.replace("} maps={", ", ")


_AS_CALLED = {
    r'--map "([^"]+)=(\w*)"': r'maps={"\1": "\2"}',
    "--date-order mdy or dmy": 'date_order="mdy" or "dmy"',
    r"--tz ([\w/]+)": r'zone="\1"',
    r"--deductible (\d+)": r'deductible={"": \g<1>00} in cents',
    "given by --config": "of your own, config=params.load(folder)",
}


@cache
def kinds(function: str) -> dict[str, tuple[type, ...]]:
    """Each option of the function with the types it may be of; none where any will do."""
    hints = get_type_hints(OPTIONS[function])
    return {
        name: tuple(get_origin(kind) or kind for kind in get_args(hint) if kind is not type(None))
        for name, hint in hints.items()
    }


def _unknown(function: str, name: str, known: Iterable[str]) -> InputError:
    names = sorted({*known, *(["rule"] if function == "units" else [])})
    near = difflib.get_close_matches(name, names, 1, cutoff=0.7)
    if name in _ELSEWHERE and _ELSEWHERE[name] in names:
        near = [_ELSEWHERE[name]]
    meant = f'; did you mean "{near[0]}"?' if near else ""
    hint = f"options: {', '.join(names)}"
    if near == ["options"]:
        hint = _HOW[Options]
    elif name in SESSION and function != "units":
        hint = f"{name} stands in each row; {hint}"
    return InputError(f'"{name}" is no option{meant}', f"calc.{function}", hint)
