"""``nightporter schema``."""

import typer


def schema() -> None:
    """Print the JSON Schema of property files, for editors that check a file while it is written."""
    from importlib.resources import files

    typer.echo(files("nightporter.wire").joinpath("property_file.schema.json").read_bytes(), nl=False)
