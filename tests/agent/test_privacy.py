"""A whole run leaves no token, no guest, no document and no result in the log or in the agent's folder."""

import json
import signal
from base64 import b64encode
from pathlib import Path

from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from tests.agent.conftest import PDF, PRINTER
from tests.agent.test_status_and_check import FrontDesk, agent, connected, front
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN

__all__ = ["front"]  # a fixture


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


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
            running = everything(tmp_path / "agent-state")
            one.send(signal.SIGTERM)
            assert await one.ended() == 0
    log = "\n".join(one.out + one.err).encode()
    data = key["Data"]
    secrets = [CLIENT_TOKEN, ACCESS_TOKEN, PDF.decode(), b64encode(PDF).decode()]
    secrets += [str(data[name]) for name in ("LastName", "FirstName", "Email", "Telephone") if data.get(name)]
    assert len(secrets) > 4, "there is a guest to look for"
    secrets += [json.dumps(one["Execution"]["Result"]) for one in (key, paper) if one["Execution"]["Result"]]
    for where in (log, running, everything(tmp_path / "agent-state")):
        assert [secret for secret in secrets if secret.encode() in where] == []
