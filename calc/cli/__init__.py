"""Commands, options and exit codes. Only click is imported before a command runs."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import signal
import sys
import traceback
from typing import NoReturn, TextIO

import click

from calc import __version__, memory
from calc.cli.audits import audit, rule, rules
from calc.cli.bills import bill
from calc.cli.figures import config, rates, template
from calc.cli.shared import say
from calc.cli.visits import estimate, units
from calc.errors import CalcError, InputError, require_text


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="therapy-calc")
def cli() -> None:
    """Therapy billing: clock times to units to payment.

    Estimates, not legal advice. Everything stays on this machine.
    """


for command in (units, estimate, bill, audit, rules, rule, rates, config, template):
    cli.add_command(command)


# Objects made before Python looks for garbage, 700 by itself: a command loads and plans a lot, of
# which nothing goes before it ends, and a tenth of an estimate went into looking.
_GARBAGE = 100_000


def main() -> None:
    """Run a command; exit 0 done, 1 findings, 2 could not do the work, 130 interrupted."""
    os.environ.setdefault(memory.SETTINGS, memory.kept("default"))
    gc.set_threshold(_GARBAGE)
    for stream in (sys.stdout, sys.stderr):
        _spelled_out(stream)
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    _leave(code)


def _spelled_out(stream: TextIO | None) -> None:
    """A letter that a terminal lacks is shown as an escape; what goes elsewhere is UTF-8, as files.

    Windows has a code page of some 200 letters for both, of which one name may need another.
    """
    if isinstance(stream, io.TextIOWrapper):
        as_it_is = stream.isatty() or "PYTHONIOENCODING" in os.environ
        stream.reconfigure(
            encoding=stream.encoding if as_it_is else "utf-8", errors="backslashreplace"
        )


def _run() -> int:
    with contextlib.suppress(OSError):  # nobody hears what went wrong: the code still says it
        code = 2
        told = _end_as_interrupted()
        try:
            return _command(told)
        except (BrokenPipeError, SystemExit):  # the latter is what click makes of the former
            return 0
        except CalcError as error:
            _hush()
            say(error)
        except OSError as error:
            _hush()
            reason = error.strerror or str(error)
            say(InputError(f"cannot be read or written ({reason})", str(error.filename or "")))
        except click.ClickException as error:
            error.show()
        except (click.Abort, KeyboardInterrupt):
            code = 130
            click.echo("interrupted", err=True)
        except Exception:  # a bug: Python's own exit code, 1, would say that an audit found faults
            traceback.print_exc()
    return code


def _hush() -> None:
    """What breaks while the rest is let go, such as a file on a full disk, is no news any more."""
    sys.unraisablehook = lambda broken: None


def _command(told: list[int]) -> int:
    """The command's exit code; once ``told`` to end, any error is what a library made of that."""
    try:
        for word in sys.argv[1:]:
            require_text(word)
        done = cli.main(standalone_mode=False)
    except BaseException:
        if told:
            raise KeyboardInterrupt from None
        raise
    return done if isinstance(done, int) else 0


def _end_as_interrupted() -> list[int]:
    """A program that is told to end, or whose window is closed, cleans up as at Ctrl-C.

    Returns a list that will hold the signals that came: libraries make other errors of them.
    """
    told: list[int] = []

    def end(number: int, frame: object) -> NoReturn:
        told.append(number)
        _hush()
        logging.disable()  # of PySpark's, which logs the interruption with a traceback
        raise KeyboardInterrupt

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        as_usual = (signal.SIG_DFL, signal.default_int_handler)
        if number is not None and signal.getsignal(number) in as_usual:
            signal.signal(number, end)
    return told


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
