"""A log that one machine cannot hold: read, billed and written by Spark where its files are."""

from __future__ import annotations

from typing import Any

from calc import billing, engine, logs
from calc.params import Config


def bill(
    source: str,
    output: str,
    config: Config,
    defaults: logs.Defaults | None = None,
    options: billing.Options | None = None,
    *,
    master: str = "",
    partition: str = "",
    strict: bool = False,
) -> Any:
    """Bill Parquet files that Spark can reach into a Parquet folder; returns rejects as a frame.

    ``master``: the cluster's URL, such as ``spark://host:7077`` or ``local[2]``; blank: the
    session that runs. ``partition``: a column of the lines that parts the output, such as
    "date". ``strict``: nothing is billed where a row is rejected. Money as decimals. Spark gives
    the output its ``_SUCCESS`` when it is whole. Raises InputError where Spark is not installed or
    does not start, and as `logs.read`.
    """
    frame = engine.spark_parquet(source, master)
    log = logs.read(frame, config, defaults)
    rejects = engine.collect(log.rejects())
    if strict and len(rejects):
        return rejects
    lines = billing.bill(log, config, options, billing.printed_from(log.carried))
    lines = engine.decimals(billing.as_printed(lines, log.carried), tuple(billing.CENTS))
    engine.write_spark(lines, output, partition)
    return rejects
