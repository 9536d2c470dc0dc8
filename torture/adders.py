"""Who adds: commands under idempotency keys, and resource access tokens in batches, asked for again on every doubt."""

import asyncio
import base64
import random
import re
from collections.abc import Mapping
from typing import Any

from torture import hotel
from torture.asking import Asking, Reply
from torture.witness import DOUBLED, HALF, ILLEGAL, Add, TokenBatch, Witness

LONGEST_BACKLOG = 200
THINK = 0.02
"""Seconds between two acts are up to this."""
AGAIN, GIVE_UP = 0.05, 0.05
"""How often a key is sent again after its answer, and how often a doubt is left alone."""
LONG = 0.01
"""How often a document is so long that the server carries its batch out apart."""
LARGEST_BATCH = 40
UNDECIDED = "is not known"
"""What an answer says that leaves open whether the change was made."""
MOST_KEYS = 99
_BEGINNING = re.compile(rb"%PDF-1.7 (\d+) ")


def document(number: int) -> str:
    """The document of a command, as base64; the same for the same number."""
    dice = random.Random(number)
    size = 300_000 if dice.random() < LONG else dice.randrange(20, 3000)
    return base64.b64encode(f"%PDF-1.7 {number} ".encode() + dice.randbytes(size)).decode()


def fields_of(add: Add) -> tuple[str, dict[str, Any]]:
    """The operation that adds a command, and its parameters; each holds the number in its own way."""
    if add.device_id == hotel.PRINTER:
        return "commands/addPrinter", {
            "PrinterId": hotel.PRINTER,
            "CopyCount": 1,
            "Data": document(add.number),
        }
    if add.device_id == hotel.CUTTER:
        stay, keys = divmod(add.number, MOST_KEYS)
        return "commands/addKeyCutter", {
            "KeyCutterId": hotel.CUTTER,
            "ReservationId": hotel.STAYS[stay % len(hotel.STAYS)],
            "KeyCount": keys + 1,
        }
    return "commands/addPaymentTerminal", {
        "TerminalId": hotel.TERMINAL,
        "CustomerId": hotel.GUEST,
        "Type": "Payment",
        "Amount": {"Currency": "EUR", "Value": add.number},
    }


def number_of(kind: str, data: Mapping[str, Any]) -> int:
    """The number that the data of a command hold, which :func:`fields_of` put there; 0 for none."""
    if kind == "Printer":
        found = _BEGINNING.match(base64.b64decode(data["FileData"][:40]))
        return int(found[1]) if found else 0
    if kind == "KeyCutter":
        return hotel.STAYS.index(data["ReservationId"]) * MOST_KEYS + int(data["KeyCount"]) - 1
    return int(data["Amount"]["GrossValue"])


async def add_commands(asking: Asking, integration_id: str, name: str) -> None:
    """Add commands until the run closes; the last is asked for until it is acknowledged."""
    witness, dice = asking.witness, asking.dice
    while not witness.closing:
        await asyncio.sleep(dice.random() * THINK)
        if witness.backlog() > LONGEST_BACKLOG:
            await asyncio.sleep(0.05)
            continue
        add = Add(next(witness.numbers), integration_id, dice.choice(hotel.DEVICES))
        key = f"{name} {add.number}"
        witness.adds[key] = add
        operation, fields = fields_of(add)
        if dice.random() < GIVE_UP:
            reply = await asking.call_once(integration_id, operation, key=key, **fields)
            if reply is None or reply.status != 200:
                add.given_up = True
                continue
        else:
            reply = await asking.call(integration_id, operation, key=key, **fields)
        _acknowledge(witness, key, add, operation, reply)
        if dice.random() < AGAIN:
            _acknowledge(
                witness,
                key,
                add,
                operation,
                await asking.call(integration_id, operation, key=key, **fields),
                again=True,
            )


def _acknowledge(witness: Witness, key: str, add: Add, operation: str, reply: Reply, *, again: bool = False) -> None:
    if reply.status != 200:
        witness.find(ILLEGAL, f"{operation} under the key {key} was refused: {reply.status} {reply.message}")
        add.given_up = True
        return
    command_id = reply.body["CommandId"]
    if command_id not in add.ids:
        add.ids.append(command_id)
        if len(add.ids) > 1:
            witness.find(DOUBLED, f"the key {key} was answered with {add.ids}")
    if again:
        witness.operations["commands/add again"] += 1
    else:
        witness.operations["commands/add"] += 1


async def keep_tokens(asking: Asking, stay_id: str) -> None:
    """Add, change and delete batches of resource access tokens until the run closes."""
    witness, dice = asking.witness, asking.dice
    while not witness.closing:
        await asyncio.sleep(dice.random() * THINK * 5)
        batch = TokenBatch(next(witness.numbers), stay_id, dice.randrange(2, LARGEST_BATCH))
        witness.batches.append(batch)
        if not await _add(asking, batch):
            continue
        for _ in range(dice.randrange(3)):
            batch.asked += 1
            await _change(asking, batch)
        if dice.random() < 0.7:
            batch.deleted = None
            reply = await asking.call(hotel.AGENT, "resourceAccessTokens/delete", Ids=batch.ids)
            _expect(witness, reply, "delete")
            batch.deleted = True


async def _add(asking: Asking, batch: TokenBatch) -> bool:
    wanted = [
        {
            "ServiceOrderId": batch.stay_id,
            "Type": "PinCode",
            "Value": "0",
            "SerialNumber": f"{batch.number}/{place}",
            "ValidityStartUtc": "2020-01-01T14:00:00Z",
            "ValidityEndUtc": "2099-01-01T10:00:00Z",
            "Permissions": {"Room": True},
        }
        for place in range(batch.size)
    ]
    # As an adder, whose token is never replaced: the key holds for one access token.
    operation, key = "resourceAccessTokens/add", f"tokens {batch.number}"
    if asking.dice.random() < GIVE_UP:
        once = await asking.call_once(hotel.KIOSK, operation, key=key, ResourceAccessTokenParameters=wanted)
        if once is None or once.status != 200:
            batch.given_up = True
            return False
        reply = once
    else:
        reply = await asking.call(hotel.KIOSK, operation, key=key, ResourceAccessTokenParameters=wanted)
    if not _expect(asking.witness, reply, "add"):
        batch.given_up = True
        return False
    batch.ids = [one["Id"] for one in reply.body["ResourceAccessTokens"]]
    if len(batch.ids) != batch.size:
        asking.witness.find(HALF, f"of {batch.size} tokens {len(batch.ids)} were added")
    return True


async def _change(asking: Asking, batch: TokenBatch) -> None:
    """Give all of them a new value; between the tries, look whether some have it and others not."""
    changes = [
        {"ResourceAccessTokenId": one, "Value": {"Value": str(batch.asked)}, "Permissions": {"Room": {"Value": True}}}
        for one in batch.ids
    ]
    while True:
        reply = await asking.call_once(hotel.AGENT, "resourceAccessTokens/update", ResourceAccessTokenUpdates=changes)
        if reply is not None and reply.status == 200:
            break
        if reply is None or reply.status == 408 or UNDECIDED in reply.message:
            batch.in_doubt.add(batch.asked)
        seen = await asking.call(
            hotel.AGENT, "resourceAccessTokens/getAll", ResourceAccessTokenIds=batch.ids, Limitation={"Count": 1000}
        )
        values = {one["Value"] for one in seen.body.get("ResourceAccessTokens", ())}
        if len(values) != 1:
            asking.witness.find(HALF, f"the tokens of batch {batch.number} have the values {sorted(values)}")
        if reply is not None and reply.status not in (401, 408, 409, 503):
            _expect(asking.witness, reply, "update")
            return
    batch.generation = batch.asked
    asking.witness.operations["resourceAccessTokens/update"] += 1


def _expect(witness: Witness, reply: Reply, action: str) -> bool:
    if reply.status != 200:
        witness.find(ILLEGAL, f"resourceAccessTokens/{action} was refused: {reply.status} {reply.message}")
        return False
    if action != "update":
        witness.operations[f"resourceAccessTokens/{action}"] += 1
    return True
