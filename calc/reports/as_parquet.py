"""Parquet: money as exact decimals with two places."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from calc import engine


def write(frame: nw.DataFrame[Any], money: tuple[str, ...], path: str) -> None:
    """``frame`` as a Parquet file; columns of ``money`` hold cents."""
    engine.write_parquet(frame, money, path)
