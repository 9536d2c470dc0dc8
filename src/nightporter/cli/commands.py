"""``nightporter commands``."""

from typing import Annotated
from uuid import UUID

import typer

from nightporter.cli.add_fiscal_machine import add_fiscal_machine
from nightporter.cli.add_passport_scanner import add_passport_scanner
from nightporter.cli.asking import (
    DEFAULT_ADDRESS,
    EXIT_CODES,
    FAILED,
    AccessTokenOption,
    AddressOption,
    ClientTokenOption,
    JsonOption,
    ask,
    caller,
    say,
    say_json,
)
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES
from nightporter.cli.queue import again, cancel, list_commands
from nightporter.cli.running import fail

app = typer.Typer(
    help="Look at commands; cancel them, add them again, and add what nothing else adds.", no_args_is_help=True
)
app.command("list", epilog=ADMINISTRATION_EXIT_CODES)(list_commands)
app.command("cancel", epilog=ADMINISTRATION_EXIT_CODES)(cancel)
app.command("again", epilog=ADMINISTRATION_EXIT_CODES)(again)
app.command("add-fiscal-machine", epilog=ADMINISTRATION_EXIT_CODES)(add_fiscal_machine)
app.command("add-passport-scanner", epilog=ADMINISTRATION_EXIT_CODES)(add_passport_scanner)


@app.command("show", epilog=EXIT_CODES)
def show(
    command_id: Annotated[UUID, typer.Argument(help="Id of the command.", metavar="ID")],
    result: Annotated[
        bool,
        typer.Option("--result", help="Show also what the executor sent as Result; it may hold a guest's data."),
    ] = False,
    as_json: JsonOption = False,
    address: AddressOption = DEFAULT_ADDRESS,
    client_token: ClientTokenOption = None,
    access_token: AccessTokenOption = None,
) -> None:
    """Tell what a command is, where it stands, and how it came there.

    Commands of connected devices can be seen, and those that the same integration added. The document itself and the
    guest's name are not shown.
    """
    from nightporter.cli.telling import execution, history, story, summary
    from nightporter.client import Client

    async def act(client: Client) -> None:
        page = await client.get_all_by_ids([str(command_id)], execution=True)
        if not page.commands:
            raise fail(f"there is no command {command_id} that these tokens may see", FAILED)
        command = page.commands[0]
        if as_json:
            say_json({**summary(command), **execution(command, with_result=result)})
        else:
            for told in (*story(command), *history(command, with_result=result)):
                say(told)

    ask(caller(address, None, client_token, access_token), act)
