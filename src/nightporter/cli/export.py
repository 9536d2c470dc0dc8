"""``nightporter export``."""

import os
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO
from uuid import UUID

import typer

from nightporter.cli.asking import FAILED, plain
from nightporter.cli.desk import (
    DEFAULT_DATABASE,
    AdministrationTokenOption,
    DatabaseOption,
    DeskAddressOption,
    Where,
    wherever,
)
from nightporter.cli.running import fail
from nightporter.storage.places import place_of

if TYPE_CHECKING:
    from nightporter.web.desk import Desk


def export(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write, readable by you alone. [default: the output]"),
    ] = None,
    enterprise: Annotated[
        list[UUID] | None,
        typer.Option(help="Id of an enterprise; may be given several times. [default: the whole desk]", metavar="ID"),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    address: DeskAddressOption = None,
    administration_token: AdministrationTokenOption = None,
) -> None:
    """Write the desk as a property file, which changes nothing when it is loaded again.

    It holds guests and the PINs of their rooms. Tokens are told as hashes; commands that have ended are left out. A file
    that is there already is replaced once the new one is whole.
    """
    from nightporter.cli.administration import export_at
    from nightporter.client import Refused
    from nightporter.domain.errors import Invalid
    from nightporter.operations.administration.export_property import export_property

    wanted = [str(one) for one in enterprise] if enterprise else None

    async def write(pieces: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(pieces):
            with _written(output) as file:
                async for piece in pieces:
                    file.write(piece)

    def not_there() -> typer.Exit:
        return fail(f"not every one of these enterprises is there: {', '.join(wanted or ())}", FAILED)

    async def here(desk: "Desk") -> None:
        try:
            await write(export_property(desk.database, wanted))
        except Invalid:
            raise not_there() from None

    async def there(server: str, token: str) -> None:
        try:
            await write(export_at(server, token, wanted))
        except Refused as refused:
            if refused.message != str(Invalid("EnterpriseIds")):
                raise
            raise not_there() from None

    wherever(Where(place_of(database), address, administration_token, as_json=True), there, here)


@contextmanager
def _written(output: Path | None) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole and on the disk, or the output; raises typer.Exit."""
    if output is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # What is left cannot be written either, and the interpreter would try when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        return
    begun = output.with_name(output.name + ".part")
    try:
        begun.unlink(missing_ok=True)
        with open(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        begun.replace(output)
    except OSError as error:
        raise fail(f"{plain(str(output))} cannot be written: {error.strerror}", FAILED) from None
    finally:
        begun.unlink(missing_ok=True)
