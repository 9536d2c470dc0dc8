"""``nightporter agent``: the program beside the machines."""

import typer

from nightporter.cli.agent_check import check
from nightporter.cli.agent_options import AGENT_EXIT_CODES
from nightporter.cli.agent_run import run
from nightporter.cli.agent_simulate import simulate
from nightporter.cli.agent_status import status

app = typer.Typer(help="The program beside the machines, which carries commands out.", no_args_is_help=True)
app.command("run", epilog=AGENT_EXIT_CODES)(run)
app.command("check", epilog=AGENT_EXIT_CODES)(check)
app.command("status", epilog=AGENT_EXIT_CODES)(status)
app.command("simulate", epilog=AGENT_EXIT_CODES)(simulate)
