"""The table of subcommands."""

from typing import Annotated

import typer

from nightporter.cli import (
    agent,
    audit,
    backup,
    clients,
    commands,
    copy,
    cut_key,
    demo,
    devices,
    doctor,
    enterprises,
    export,
    hotel,
    integrations,
    load,
    new_key,
    openapi,
    pay,
    portfolios,
    purge,
    records,
    restore,
    rotate_keys,
    schema,
    serve,
    tokens,
    upgrade,
    watch,
)
from nightporter.cli import print as print_
from nightporter.cli.asking import EXIT_CODES, survive_any_terminal
from nightporter.cli.desk import ADMINISTRATION_EXIT_CODES
from nightporter.cli.running import SERVER_EXIT_CODES, STARTED_EXIT_CODES

app = typer.Typer(
    name="nightporter",
    help="The open device desk for hotels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("demo", epilog=STARTED_EXIT_CODES)(demo.demo)
app.command("serve", epilog=STARTED_EXIT_CODES)(serve.serve)
app.command("backup", epilog=SERVER_EXIT_CODES)(backup.backup)
app.command("restore", epilog=SERVER_EXIT_CODES)(restore.restore)
app.command("copy", epilog=ADMINISTRATION_EXIT_CODES)(copy.copy)
app.command("upgrade", epilog=SERVER_EXIT_CODES)(upgrade.upgrade)
app.command("load", epilog=ADMINISTRATION_EXIT_CODES)(load.load)
app.command("export", epilog=ADMINISTRATION_EXIT_CODES)(export.export)
app.command("schema", epilog="Exit codes: 0 done; 2 wrong usage.")(schema.schema)
app.command("openapi", epilog="Exit codes: 0 done; 2 wrong usage.")(openapi.openapi)
app.command("print", epilog=EXIT_CODES)(print_.print_file)
app.command("cut-key", epilog=EXIT_CODES)(cut_key.cut_key)
app.command("pay", epilog=EXIT_CODES)(pay.pay)
app.command("watch", epilog=EXIT_CODES)(watch.watch)
app.add_typer(commands.app, name="commands")
app.add_typer(agent.app, name="agent")
app.command("doctor", epilog="Exit codes: 0 done; 1 a problem was found; 2 wrong usage.")(doctor.doctor)
app.command("audit", epilog=ADMINISTRATION_EXIT_CODES)(audit.audit)
app.command("purge", epilog=ADMINISTRATION_EXIT_CODES)(purge.purge)
app.command("new-key", epilog="Exit codes: 0 done; 2 wrong usage.")(new_key.new_key)
app.command("rotate-keys", epilog=ADMINISTRATION_EXIT_CODES)(rotate_keys.rotate_keys)
app.add_typer(enterprises.app, name="enterprises")
app.add_typer(portfolios.app, name="portfolios")
app.add_typer(clients.app, name="clients")
app.add_typer(integrations.app, name="integrations")
app.add_typer(tokens.app, name="tokens")
app.add_typer(devices.app, name="devices")
app.add_typer(hotel.rooms, name="rooms")
app.add_typer(hotel.guests, name="guests")
app.add_typer(hotel.stays, name="stays")
app.add_typer(records.app, name="records")


def _version(asked: bool) -> None:
    if asked:
        from nightporter import __version__

        typer.echo(f"nightporter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """The open device desk for hotels."""


def main() -> None:
    """Run the command line."""
    survive_any_terminal()
    app()
