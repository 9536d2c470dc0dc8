"""A whole run leaves no token, no guest, no document and no result in the log or in the agent's folder."""

import json
import signal
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from tests.agent.conftest import PDF, PRINTER, until
from tests.agent.test_status_and_check import FrontDesk, agent, connected, front
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN

__all__ = ["front"]  # a fixture


def everything(folder: Path) -> bytes:
    content = b""
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError, IsADirectoryError):  # a document goes when it is printed
            content += path.read_bytes()
    return content


async def test_nothing_of_a_guest_stays_at_the_front_desk(front: FrontDesk, tmp_path: Path) -> None:
    async with PrinterSimulator() as printer:
        front.write(
            f'[machines.Printer]\ndevice = "{PRINTER}"\ndriver = "ipp"\nuri = "ipp://127.0.0.1:{printer.port}/ipp/print"\n'
        )
        front.path.write_text('log_level = "debug"\n' + front.path.read_text())
        async with agent(front, "run") as one:
            await connected(one)
            key = await front.state(await front.cut(), "Processed", "Error")
            reply = await front.desk.call(
                "commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data=b64encode(PDF).decode()
            )
            paper = await front.state(reply.json()["CommandId"], "Processed", "Error")
            assert (key["State"], paper["State"]) == ("Processed", "Processed"), (key, paper)
            secrets = secrets_of(key, paper)
            # While it runs: as soon as the agent has heard that the platform has it all.
            await until(lambda: found(secrets, everything(tmp_path / "agent-state")) == [])
            one.send(signal.SIGTERM)
            assert await one.ended() == 0
    log = "\n".join(one.out + one.err).encode()
    for where in (log, everything(tmp_path / "agent-state")):
        assert found(secrets, where) == []


def secrets_of(key: dict[str, Any], paper: dict[str, Any]) -> list[str]:
    data = key["Data"]
    secrets = [CLIENT_TOKEN, ACCESS_TOKEN, PDF.decode(), b64encode(PDF).decode()]
    secrets += [str(data[name]) for name in ("LastName", "FirstName", "Email", "Telephone") if data.get(name)]
    assert len(secrets) > 4, "there is a guest to look for"
    secrets += [json.dumps(one["Execution"]["Result"]) for one in (key, paper) if one["Execution"]["Result"]]
    return secrets


def found(secrets: list[str], where: bytes) -> list[str]:
    return [secret for secret in secrets if secret.encode() in where]
