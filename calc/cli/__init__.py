"""Commands, options and exit codes. Only click is imported before a command runs."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn, TextIO

import click

from calc import __version__
from calc.cli.audits import audit, rule, rules
from calc.cli.bills import bill
from calc.cli.figures import config, rates, template
from calc.cli.shared import say
from calc.cli.visits import estimate, units
from calc.errors import CalcError, InputError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="therapy-calc")
def cli() -> None:
    """Therapy billing: clock times to units to payment.

    Estimates, not legal advice. Everything stays on this machine.
    """


for command in (units, estimate, bill, audit, rules, rule, rates, config, template):
    cli.add_command(command)


def main() -> None:
    """Run a command; exit 0 done, 1 findings, 2 could not do the work, 130 interrupted."""
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    _leave(code)


def _run() -> int:
    with contextlib.suppress(OSError):  # nobody hears what went wrong: the code still says it
        code = 2
        _end_as_interrupted()
        try:
            done = cli.main(standalone_mode=False)
            return done if isinstance(done, int) else 0
        except (BrokenPipeError, SystemExit):  # the latter is what click makes of the former
            return 0
        except CalcError as error:
            say(error)
        except OSError as error:
            reason = error.strerror or str(error)
            say(InputError(f"cannot be read or written ({reason})", str(error.filename or "")))
        except click.ClickException as error:
            error.show()
        except (click.Abort, KeyboardInterrupt):
            code = 130
            click.echo("interrupted", err=True)
    return code


def _end_as_interrupted() -> None:
    """A program that is told to end, or whose window is closed, cleans up as at Ctrl-C."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _leave(code: int) -> NoReturn:
    """End at once: Python would take apart all that it holds first, an eighth of an estimate.

    Spark has work left to do at the end, and so has whoever traces the program.
    """
    if "pyspark" in sys.modules or sys.gettrace() or sys.getprofile():
        sys.exit(code)
    os._exit(code)


def _let_go(stream: TextIO | None) -> None:
    """What a closed pipe or a full disk did not take must not fail again when Python ends."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
