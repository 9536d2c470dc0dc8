"""``nightporter load``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from nightporter.cli.asking import FAILED, USAGE, JsonOption, plain, say, say_json
from nightporter.cli.desk import DEFAULT_DATABASE, DatabaseOption, at_desk
from nightporter.cli.running import fail

if TYPE_CHECKING:
    from nightporter.web.desk import Desk


def load(
    file: Annotated[Path, typer.Argument(help="The property file; - reads it from the input.", metavar="FILE")],
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Load a property file into the desk: all of it, or nothing; a missing database is made.

    Creates and replaces, and deletes nothing. Prints how many records of each part there were. A mistake is told with the
    record, the field and what was expected. The server of the desk must not run.
    """
    from nightporter.operations.administration.load_property import InvalidPropertyFile, load_property
    from nightporter.storage.audit import Audit

    with _opened(file) as content, _bar() as progress:

        async def act(desk: "Desk") -> dict[str, int]:
            return await load_property(
                desk.writer, desk.sources, content, progress, Audit(None, "command line", "properties/load")
            )

        try:
            counts = at_desk(database, act, make=True)
        except InvalidPropertyFile as refused:
            raise fail(f"{plain(str(file))}: {plain(str(refused))}", FAILED) from None
    if as_json:
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
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on the error stream, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("loading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("loading", total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
