"""``nightporter load``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from nightporter.cli.asking import FAILED, USAGE, plain, say, say_json
from nightporter.cli.desk import Where, wherever, with_desk
from nightporter.cli.running import fail

if TYPE_CHECKING:
    from nightporter.web.desk import Desk

INVALID = 400
"""The status that tells a mistake in the file."""


@with_desk
def load(
    where: Where,
    file: Annotated[Path, typer.Argument(help="The property file; - reads it from the input.", metavar="FILE")],
) -> None:
    """Load a property file into the desk: all of it, or nothing; a missing database is made.

    Creates and replaces, and deletes nothing. Prints how many records of each part there were. A mistake is told with the
    record, the field and what was expected.
    """
    from nightporter.cli.administration import load_at
    from nightporter.client import Refused
    from nightporter.operations.administration.load_property import InvalidPropertyFile, load_property
    from nightporter.storage.audit import Audit

    with _opened(file) as content, _bar() as tell:

        async def here(desk: "Desk") -> dict[str, int]:
            audit = Audit(None, "command line", "properties/load")
            return await load_property(desk.writer, desk.sources, content, partial(tell, "loading"), audit)

        async def there(address: str, token: str) -> dict[str, int]:
            try:
                return await load_at(address, token, content, partial(tell, "sending"))
            except Refused as refused:
                if refused.status != INVALID:
                    raise
                raise InvalidPropertyFile(refused.message) from None

        try:
            counts = wherever(where, there, here, make=True)
        except InvalidPropertyFile as refused:
            raise fail(f"{plain(str(file))}: {plain(str(refused))}", FAILED) from None
    if where.as_json:
        say_json(counts)
    else:
        say(", ".join(f"{count} {part}" for part, count in counts.items()) or "the file holds no records")


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """The file, or what comes from the input, so that it can be read twice; raises typer.Exit."""
    import shutil
    import tempfile

    try:
        if str(file) != "-":
            with file.open("rb") as content:
                if not content.seekable():
                    raise fail(f"{plain(str(file))} is not a file that can be read twice; give it as input: -", USAGE)
                yield content
        else:
            with tempfile.TemporaryFile() as kept:
                shutil.copyfileobj(sys.stdin.buffer, kept)
                yield kept
    except OSError as error:
        raise fail(f"{plain(str(file))} cannot be read: {error.strerror}", USAGE) from None


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on the error stream, if that is a terminal: what is done, how much of it, and of how much."""
    if not sys.stderr.isatty():
        yield lambda what, done, whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("loading", total=None)

        def tell(what: str, done: int, whole: int) -> None:
            if what == "sending" and done == whole:
                # What the server does with it is not told; the bar shows that it goes on.
                bar.update(task, description="loading", completed=0, total=None)
            else:
                bar.update(task, description=what, completed=done, total=whole)

        yield tell
