"""``nightporter openapi``."""

import typer


def openapi() -> None:
    """Print the OpenAPI document of this release, as /openapi.json serves it."""
    from nightporter.web.openapi import printed

    typer.echo(printed())
