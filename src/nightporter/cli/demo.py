"""``nightporter demo``."""

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from nightporter.cli.running import fail, refused, run
from nightporter.settings import InvalidSetting, load

CLIENT_TOKEN = "E0D439EE522F44368DC78E1BFB03710C-D24FB11DBE31D4621C4817E028D9E1D"  # noqa: S105 - the documents' own sample
ACCESS_TOKEN = "C66EF7B239D24632943D115EDE9CB810-EA00F8FD8294692C940F6B5A8F9453D"  # noqa: S105 - the documents' own sample
POS_TOKEN = "7059D2C25BF64EA681ACAB3A00B859CC-D91BFF2B1E3047A3E0DEC1D57BE1382"  # noqa: S105 - the documents' own sample
PORTFOLIO_TOKEN = "50A7F0110DE54C41B0A6DE50F0110DE5-7C9E6679F8A24B0FA1D3C5E7092B4D6"  # noqa: S105 - the same in every demo
DATABASE = "demo.db"


def demo(
    port: Annotated[int | None, typer.Option(help="Port to listen on. [default: 8080]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    data: Annotated[
        Path, typer.Option(help="Folder of the demo; an empty one is filled, any other is continued.")
    ] = Path("demo-data"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again: forget what happened in the folder.")] = False,
) -> None:
    """Run a whole hotel on this machine: thirty rooms, guests, bills, devices, and tokens that the documents use."""
    from nightporter.web.retention import FOR_EVER

    try:
        # What the documents' samples name is old, and stays.
        settings = load({"port": port, "host": host, "workers": 1, **FOR_EVER})
    except InvalidSetting as problem:
        raise fail(str(problem), 2) from None
    database = data / DATABASE
    try:
        data.mkdir(parents=True, exist_ok=True)
        if not database.exists() and {path.name for path in data.iterdir()} - _BESIDE:
            raise fail(f"{data} holds something else; give an empty or a missing folder (--data).")
        if fresh:
            _forget(database)
    except OSError as error:
        raise fail(f"{data} cannot hold the demo: {error.strerror}. Give another folder (--data).") from None
    hotel = files("nightporter.operations.administration").joinpath("demo_property.json").read_bytes()
    run(settings, database, demo=True, fill=hotel, greeting=partial(_greeting, settings.host))


_BESIDE = {DATABASE + ending for ending in (".lock", "-wal", "-shm", ".desk")} | {"agent-state"}
"""What a demo leaves behind beside its database, and the agent of examples/agent.toml, which may be started first."""


def _forget(database: Path) -> None:
    """Delete the database of a demo, and nothing else; raises typer.Exit for one that runs or is not a demo's."""
    from nightporter.storage.lock import DatabaseInUse, DatabaseLock
    from nightporter.storage.opening import is_demo, revision
    from nightporter.storage.refused import DatabaseRefused, DatabaseUnfinished

    try:
        with DatabaseLock(database):
            try:
                if revision(database) is not None and not is_demo(database):
                    raise fail(f"{database} holds a real desk, not the demo; give another --data.", 2)
            except DatabaseUnfinished:
                pass
            for ending in ("", "-wal", "-shm", ".desk"):
                database.with_name(database.name + ending).unlink(missing_ok=True)
    except (DatabaseInUse, DatabaseRefused) as refusal:
        raise refused(refusal) from None


def _greeting(host: str, port: int) -> str:
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    tokens = f'"ClientToken":"{CLIENT_TOKEN}","AccessToken":"{ACCESS_TOKEN}","Client":"Demo 1.0"'
    call = f"curl -s {address}/api/connector/v1"
    json = "-H 'Content-Type: application/json' -d"
    key = (
        '"KeyCutterId":"7dafffff-a727-4917-a203-bd53995f21bf","ReservationId":"be35b39e-ad7e-460a-8de9-4c7581e016a2",'
        '"KeyCount":1'
    )
    return f"""
Nightporter demo: {address} (read and try the API there)

ClientToken            {CLIENT_TOKEN}
AccessToken            {ACCESS_TOKEN}
AccessToken, MyPOS     {POS_TOKEN}
AccessToken, portfolio {PORTFOLIO_TOKEN}

Three requests to copy:
{call}/devices/getAll {json} '{{{tokens}}}'
{call}/commands/addKeyCutter {json} '{{{tokens},{key}}}'
{call}/commands/getAllActive {json} '{{{tokens}}}'
"""
