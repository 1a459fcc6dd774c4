"""A log that one machine cannot hold: read, billed and written by Spark where its files are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from calc import billing, engine, logs
from calc.errors import InputError
from calc.params import Config


@dataclass(frozen=True)
class Billed:
    """What a run on a cluster did."""

    rejects: Any  # a frame
    rows: int  # read
    lines: int  # written


def bill(source: str, output: str, config: Config, *given: Any, **options: Any) -> Any:
    """As `run`, with its options; returns the rejects, a frame."""
    return run(source, output, config, *given, **options).rejects


@engine.spark_reads()
def run(
    source: str,
    output: str,
    config: Config,
    defaults: logs.Defaults | None = None,
    options: billing.Options | None = None,
    *,
    master: str = "",
    partition: str = "",
    strict: bool = False,
    once_read: Callable[[Billed], None] = lambda read: None,
) -> Billed:
    """Bill Parquet files that Spark can reach into a new Parquet folder.

    ``master``: the cluster's URL, such as ``spark://host:7077`` or ``local[2]``; blank: the
    session that runs. ``partition``: a column of the lines that parts the output, such as
    "date". ``strict``: nothing is billed where a row is rejected. ``once_read`` hears of rows and
    rejects before anything is billed. Money as decimals. Spark gives the output its ``_SUCCESS``
    when it is whole. Raises InputError where Spark is not installed or does not start, where it
    cannot read a file, where the output is there already, and as `logs.read`.
    """
    frame = engine.spark_parquet(source, master)
    engine.require_new(frame, output)
    log = logs.read(frame, config, defaults)
    names = billing.printed_names(log.carried)
    if partition and partition not in names:
        what = f'the lines have no column "{partition}"'
        raise InputError(what, "--partition", f"choose one of {', '.join(names)}")
    rejects = engine.collect(log.rejects())
    read = Billed(rejects, engine.count(engine.lazy(frame)), 0)
    once_read(read)
    if strict and len(rejects):
        return read
    lines = billing.bill(log, config, options, billing.printed_from(log.carried))
    lines = engine.decimals(billing.as_printed(lines, log.carried), tuple(billing.CENTS))
    return replace(read, lines=engine.write_spark(lines, output, partition))
