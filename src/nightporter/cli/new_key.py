"""``nightporter new-key``."""

import typer


def new_key() -> None:
    """Print a new key for the setting keys (NIGHTPORTER_KEYS). It is told this once: keep it apart from backups."""
    import base64
    import secrets

    from nightporter.settings import KEY

    typer.echo(base64.b64encode(secrets.token_bytes(KEY)).decode())
