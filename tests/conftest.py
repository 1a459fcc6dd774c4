"""Fixtures: the shipped figures, and every engine that the program runs on."""

from __future__ import annotations

import contextlib
import functools
import os

import pytest

from calc import params

ENGINES = ["polars", "duckdb", pytest.param("spark", marks=pytest.mark.spark)]


def pytest_configure(config):
    """Keep a user's own figures out of the tests, and look names up once."""
    os.environ.pop(params.FOLDER_VARIABLE, None)
    with contextlib.suppress(ImportError, AttributeError):
        # DuckDB folds all names of a table for every expression: a quarter of an audit.
        from duckdb import _relation

        _relation.fold_name = functools.cache(_relation.fold_name)


@pytest.fixture(scope="session")
def config():
    """The shipped figures."""
    return params.load()


@pytest.fixture(scope="session")
def spark():
    """One small local Spark session for the whole run."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        # Many plans of few rows: what it costs to make one counts. The sessions of runs as a
        # command, in test_cluster.py, compile and adapt their plans as a user's does.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.maxPlanStringLength": "100",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(params=ENGINES)
def engine_name(request):
    """The name of an engine, skipped with the reason where it is not installed."""
    if request.param == "duckdb":
        pytest.importorskip("duckdb", reason="duckdb is not installed")
    if request.param == "spark":
        request.getfixturevalue("spark")
    return request.param
