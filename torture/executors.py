"""Who carries commands out: takes them by name, reports each state until that is acknowledged, and tries what must be refused."""

import asyncio

from torture import hotel
from torture.asking import Asking
from torture.witness import ILLEGAL, UNEXPECTED, Report

ENDS = ("Processed", "Processed", "Processed", "Processed", "Error", "Cancelled")
BACKWARDS = 0.1
"""How often a finished command is reported as something else, and how often one is tried that another has taken."""
PAGE = 20
DONE = 2
"""Empty looks at the queue, with the adders gone, after which there is nothing more to do."""


async def carry_out(asking: Asking, name: str, all_added: asyncio.Event) -> None:
    """Take commands from the queue until the adders are gone and the queue is empty."""
    witness, dice = asking.witness, asking.dice
    empty = 0
    while empty < DONE:
        reply = await asking.call(hotel.AGENT, "commands/getAllActive", Limitation={"Count": PAGE})
        if reply.status != 200:
            witness.find(UNEXPECTED, f"commands/getAllActive was refused: {reply.status} {reply.message}")
            continue
        waiting = [
            one
            for one in reply.body["Commands"]
            if _is_free(witness.reports.get(one["Id"], []), name) or dice.random() < BACKWARDS
        ]
        if not reply.body["Commands"]:
            empty += all_added.is_set()
            await asyncio.sleep(0.05 + dice.random() * 0.1)
            continue
        empty = 0
        if not waiting:
            await asyncio.sleep(0.05)
        for one in dice.sample(waiting, min(len(waiting), 3)):
            await _one(asking, name, one["Id"], one["Device"]["Type"])


def _is_free(reports: list[Report], name: str) -> bool:
    """Whether nobody else has taken it, as far as is known: two go for the same one now and then, and one is refused."""
    return all(report.executor == name or report.acknowledged is False for report in reports)


async def _one(asking: Asking, name: str, command_id: str, kind: str) -> None:
    dice = asking.dice
    chain = [state for state in ("Received", "Processing") if dice.random() < 0.7] + [dice.choice(ENDS)]
    for state in chain:
        status = await _report(asking, name, command_id, state)
        if status == 200:
            continue
        # A payment that nobody began in time was cancelled by the desk; what became of it all the same is told late.
        if not (kind == "PaymentTerminal" and status == 400):
            return
    if status != 200:
        return
    asking.witness.finished += 1
    if dice.random() < BACKWARDS:
        backwards = dice.choice([one for one in ("Pending", "Received", "Processing", *ENDS) if one != chain[-1]])
        if await _report(asking, name, command_id, backwards, counts=False) == 200:
            asking.witness.find(ILLEGAL, f"command {command_id} went from {chain[-1]} to {backwards}")


async def _report(asking: Asking, name: str, command_id: str, state: str, *, counts: bool = True) -> int:
    witness = asking.witness
    report = Report(name, state)
    if counts:
        witness.reports.setdefault(command_id, []).append(report)
    reply = await asking.call(hotel.AGENT, "commands/update", CommandId=command_id, State=state, Executor=name)
    report.acknowledged = reply.status == 200
    if report.acknowledged and counts:
        witness.operations["commands/update"] += 1
    if reply.status not in (200, 400, 409):
        witness.find(UNEXPECTED, f"commands/update was refused: {reply.status} {reply.message}")
    return reply.status
