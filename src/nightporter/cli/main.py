"""The table of subcommands."""

import typer

from nightporter.cli import demo, serve

app = typer.Typer(
    name="nightporter",
    help="The open device desk for hotels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)


def main() -> None:
    """Run the command line."""
    app()
