"""Commands, options and exit codes. Only click is imported before a command runs."""

from __future__ import annotations

import sys

import click

from calc import __version__
from calc.cli.audits import audit, rule, rules
from calc.cli.bills import bill
from calc.cli.figures import config, rates, template
from calc.cli.shared import say
from calc.cli.visits import estimate, units
from calc.errors import CalcError


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
    try:
        code = cli.main(standalone_mode=False)
    except CalcError as error:
        say(error)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
