"""``commands show`` while a machine waits for a person: its sentence is shown, and nothing else of a result."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nightporter.cli.asking import tell_added
from nightporter.client import Client
from tests.cli.conftest import Program
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, RunningDesk

PAPER = "The printer is out of paper. Refill it."


async def lines(program: Program, command_id: str, *options: str) -> list[str]:
    ran = await program("commands", "show", command_id, *options)
    assert ran.code == 0, ran.err
    return ran.out.splitlines()


@pytest.fixture
async def command_id(program: Program, pdf: Path) -> str:
    return (await program("print", str(pdf))).out.split()[0]


async def test_it_is_told_while_it_waits_and_not_afterwards(
    desk: RunningDesk, program: Program, command_id: str
) -> None:
    await desk.call("commands/update", CommandId=command_id, State="Processing", Result={"Status": PAPER})
    assert f"Status   {PAPER}" in await lines(program, command_id)
    assert (await lines(program, command_id, "--result"))[-1] == f'Result   {{"Status":"{PAPER}"}}'
    (scripts,) = await lines(program, command_id, "--json")
    assert "Result" not in json.loads(scripts)["Execution"]
    await desk.call("commands/update", CommandId=command_id, State="Processed", Notes="Printed.")
    assert not [line for line in await lines(program, command_id) if line.startswith("Status")]


@pytest.mark.parametrize(
    "result", [{"Status": PAPER, "Guest": "Müller"}, {"Status": {"Guest": "Müller"}}, {"Guest": "Müller"}]
)
async def test_a_result_that_is_more_than_a_sentence_is_not_shown(
    desk: RunningDesk, program: Program, command_id: str, result: dict[str, Any]
) -> None:
    await desk.call("commands/update", CommandId=command_id, State="Processing", Result=result)
    told = await lines(program, command_id)
    assert not [line for line in told if line.startswith(("Status", "Result"))]
    assert "Müller" not in "".join(told)


async def test_a_sentence_cannot_move_the_cursor(desk: RunningDesk, program: Program, command_id: str) -> None:
    await desk.call("commands/update", CommandId=command_id, State="Processing", Result={"Status": "paper\x1b[2Jout\n"})
    assert "Status   paper?[2Jout?" in await lines(program, command_id)


async def test_whoever_waits_for_the_end_is_told_it_once(
    desk: RunningDesk, command_id: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nightporter.cli.asking.LOOK", 0.02)
    await desk.call("commands/update", CommandId=command_id, State="Processing", Result={"Status": PAPER})
    looks = 0

    class Looking(Client):
        async def get_all_by_ids(self, *arguments: Any, **options: Any) -> Any:
            nonlocal looks
            looks += 1
            if looks == 3:
                await desk.call("commands/update", CommandId=command_id, State="Processed", Notes="Printed.")
            return await super().get_all_by_ids(*arguments, **options)

    async with asyncio.timeout(20), Looking(desk.address, CLIENT_TOKEN, ACCESS_TOKEN) as client:
        await tell_added(client, command_id, "", wait=True, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        f"{command_id} {told}" for told in ("Pending", "Processing", f"Processing {PAPER}", "Processed")
    ]
