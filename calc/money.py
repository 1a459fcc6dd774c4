"""Exact amounts as integers. The same functions serve Python ints and data frame expressions.

RVUs are kept in 1/100, GPCIs in 1/1000 and conversion factors in 1/10000, so a product of the
three is a whole number of 1e-9 dollar. It is rounded once, half up, to cents.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

RVU_PLACES, GPCI_PLACES, FACTOR_PLACES = 2, 3, 4
GPCI_ONE = 10**GPCI_PLACES
NANO_PER_CENT = 10**7
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


def scaled(value: Decimal | int | str, places: int) -> int:
    """``value`` in units of ``10**-places``, exactly.

    ValueError if it has more decimals, or is no number that people write: True, 4_5, 1e3.

    >>> scaled("33.2875", 4)
    332875
    """
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError(f"{value} is no number")
    number = Decimal(value) * 10**places
    if not number.is_finite() or number != number.to_integral_value():
        raise ValueError(f"{value} has more than {places} decimals")
    return int(number)


def divide_half_up(amount: Any, by: int) -> Any:
    """``amount / by`` rounded half up to a whole number; ``amount`` is not negative."""
    return (amount + by // 2) // by


def to_cents(nano_dollars: Any) -> Any:
    """Cents of an amount in 1e-9 dollar, half up.

    >>> to_cents(28_785_000_000), to_cents(28_784_999_999)
    (2879, 2878)
    """
    return divide_half_up(nano_dollars, NANO_PER_CENT)


def percent(cents: Any, share: Any) -> Any:
    """``share`` per cent of ``cents``, half up to a whole cent.

    >>> percent(3003, 85)
    2553
    """
    return divide_half_up(cents * share, 100)


def dollars(cents: int | None) -> str:
    """Cents as text with two decimals, the form of csv files; blank for None."""
    if cents is None:
        return ""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def show(cents: int | None) -> str:
    """Cents as people write them.

    >>> show(123456789), show(-5), show(None)
    ('$1,234,567.89', '-$0.05', '')
    """
    if cents is None:
        return ""
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def decimal_text(value: int, places: int) -> str:
    """A scaled integer written out: ``decimal_text(334009, 4)`` is ``'33.4009'``."""
    return str(Decimal(value).scaleb(-places)) if places else str(value)
