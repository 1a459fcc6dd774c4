"""Opening balances from a csv: what is left of a deductible, what was spent elsewhere."""

from __future__ import annotations

from calc import engine
from calc.cells import MAX_DIGITS
from calc.errors import InputError
from calc.money import scaled


def read_cents(text: str) -> int | None:
    """Dollars with at most two decimals as cents, or None.

    >>> read_cents("1,257.50"), read_cents("-3"), read_cents("x")
    (125750, None, None)
    """
    plain = text.strip().removeprefix("$").replace(",", "")
    try:
        cents = scaled(plain, 2)
    except (ValueError, ArithmeticError):
        return None
    return cents if 0 <= cents < 10 ** (MAX_DIGITS + 2) else None


def read_balances(source: str, *keys: str) -> dict[tuple[str, ...], int]:
    """Opening balances: a csv with the columns ``keys`` and amount (dollars), by key in cents.

    Raises InputError that names row and column of what cannot be read.
    """
    frame, ragged = engine.read_csv(source)
    rows = engine.collect(frame)
    lacking = [name for name in (*keys, "amount") if name not in rows.columns]
    if lacking:
        found = ", ".join(name for name in rows.columns if name != engine.ROW)
        raise InputError(f"missing heading {', '.join(lacking)}", f"{source}:1", f"found: {found}")
    if ragged:
        raise InputError("the record has too many fields", f"{source}:{ragged[0][0]}")
    balances: dict[tuple[str, ...], int] = {}
    for row in rows.iter_rows(named=True):
        where = f"{source}:{row[engine.ROW]}"
        cents = read_cents(row["amount"] or "")
        if cents is None:
            raise InputError(f'amount "{row["amount"]}" is not an amount', where, "e.g. 257.00")
        key = tuple((row[name] or "").strip() for name in keys)
        if key in balances:
            raise InputError("the same patient stands twice", where, "add the amounts up")
        balances[key] = cents
    return balances
