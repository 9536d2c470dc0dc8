"""The judgement: what the desk says at the end, held against what its clients saw. Nothing else is known here.

The rules are written down a second time on purpose, from the contract (section 4) and DESIGN ("Beyond the contract"): the
checker shares no table with the desk.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from torture import hotel
from torture.adders import document
from torture.reading import Kept, KeptToken, Told, Truth
from torture.witness import (
    DOUBLED,
    HALF,
    ILLEGAL,
    LOST,
    OUT_OF_ORDER,
    Add,
    Finding,
    Hearing,
    Report,
    TokenBatch,
    Witness,
)

_ENDS = frozenset({"Processed", "Cancelled", "Error"})
_FOLLOWS = {
    "Pending": {"Received", "Processing", *_ENDS},
    "Received": {"Processing", *_ENDS},
    "Processing": set(_ENDS),
}
"""Which state may come after which, when nobody but executors writes."""
_EXPIRING = frozenset({hotel.TERMINAL})
"""Devices whose commands the desk cancels by itself when nobody begins them in time."""


def judge(witness: Witness, truth: Truth) -> list[Finding]:
    """Everything that must not be, with what clients noticed themselves."""
    return [
        *witness.findings,
        *of_adds(witness.adds, truth),
        *of_histories(witness.reports, truth),
        *of_tokens(witness.batches, truth.tokens),
        *of_hearings(witness, truth),
    ]


def of_adds(adds: Mapping[str, Add], truth: Truth) -> Iterator[Finding]:
    """Every acknowledged add exists exactly once, with its content; one command for a key."""
    found: dict[int, list[Kept]] = defaultdict(list)
    for kept in truth.commands.values():
        found[kept.number].append(kept)
    listed = Counter(truth.listed)
    for key, add in adds.items():
        made = found.pop(add.number, [])
        if len(made) > 1:
            yield Finding(DOUBLED, f"the key {key} made {len(made)} commands: {[one.command_id for one in made]}")
        for one in add.ids:
            if one not in truth.commands or one not in listed:
                yield Finding(LOST, f"command {one}, acknowledged under the key {key}, is not there")
        for kept in made:
            wanted = document(add.number) if add.device_id == hotel.PRINTER else None
            if (kept.device_id, kept.document) != (add.device_id, wanted):
                yield Finding(
                    ILLEGAL, f"command {kept.command_id} does not hold what was asked for under the key {key}"
                )
    for made in found.values():
        yield Finding(ILLEGAL, f"command {made[0].command_id} is there, and nobody asked for it")
    for one, count in listed.items():
        if count > 1:
            yield Finding(DOUBLED, f"command {one} is listed {count} times")


def of_histories(reports: Mapping[str, Sequence[Report]], truth: Truth) -> Iterator[Finding]:
    """Histories are legal and equal what was acknowledged, and the events tell the same."""
    events: dict[str, list[str]] = defaultdict(list)
    for event in truth.events:
        states = events[event.command_id]
        # Processing that is reported again tells of itself, and is one state.
        if not (event.state == "Processing" and states[-1:] == ["Processing"]):
            states.append(event.state)
    for kept in truth.commands.values():
        yield from _of_history(kept, reports.get(kept.command_id, ()))
        told = events.pop(kept.command_id, [])
        if told != list(kept.states):
            kind = LOST if len(told) < len(kept.states) else ILLEGAL
            yield Finding(kind, f"command {kept.command_id} went through {kept.states}, and its events tell {told}")
    for command_id in events:
        yield Finding(LOST, f"events tell of command {command_id}, which is not there")


def _of_history(kept: Kept, reports: Sequence[Report]) -> Iterator[Finding]:
    acknowledged = [one for one in reports if one.acknowledged]
    executors = {one.executor for one in acknowledged}
    if len(executors) > 1 or (executors and kept.executor not in executors):
        yield Finding(ILLEGAL, f"command {kept.command_id} is {kept.executor}'s, and was taken by {sorted(executors)}")
    if sorted(kept.times) != list(kept.times):
        yield Finding(OUT_OF_ORDER, f"the times of command {kept.command_id} go back: {kept.times}")
    if kept.state != kept.states[-1]:
        yield Finding(
            ILLEGAL, f"command {kept.command_id} is {kept.state}, and its history ends with {kept.states[-1]}"
        )
    by_desk = _by_desk(kept)
    histories = [kept.states, *by_desk]
    if not any(_is_legal(one) for one in histories):
        yield Finding(ILLEGAL, f"command {kept.command_id} went through {kept.states}")
        return
    certain = ["Pending", *(one.state for one in acknowledged)]
    unsure = [["Pending", *(one.state for one in reports if one.acknowledged is not False)]]
    if not any(_is_legal(one) and list(one) in (certain, *unsure) for one in histories):
        missing = Counter(certain) - Counter(kept.states)
        told = f"command {kept.command_id} went through {kept.states}, and acknowledged were {certain[1:]}"
        yield Finding(LOST if missing else ILLEGAL, told)


def _by_desk(kept: Kept) -> Iterator[tuple[str, ...]]:
    """The history without what the desk did by itself, in every way in which it can be told apart.

    It cancels what was not begun; that yields to the one end that an executor reports (DESIGN, "Late truth").
    """
    if kept.device_id not in _EXPIRING:
        return
    for place in range(1, len(kept.states)):
        later = kept.states[place + 1 :]
        if (
            kept.states[place] == "Cancelled"
            and kept.states[place - 1] in ("Pending", "Received")
            and (not later or (len(later) == 1 and later[0] in _ENDS))
        ):
            yield kept.states[:place] + later


def _is_legal(states: Sequence[str]) -> bool:
    return states[0] == "Pending" and all(
        later in _FOLLOWS.get(state, ()) for state, later in itertools.pairwise(states)
    )


def of_tokens(batches: Sequence[TokenBatch], tokens: Sequence[KeptToken]) -> Iterator[Finding]:
    """Batches are whole or absent, changed as a whole, deleted as a whole, and as acknowledged."""
    found: dict[int, list[KeptToken]] = defaultdict(list)
    for token in tokens:
        found[token.batch].append(token)
    for batch in batches:
        yield from _of_batch(batch, found.pop(batch.number, []))
    for number in found:
        yield Finding(ILLEGAL, f"the tokens of batch {number} are there, and nobody asked for them")


def _of_batch(batch: TokenBatch, found: Sequence[KeptToken]) -> Iterator[Finding]:
    told = f"of batch {batch.number} with {batch.size} tokens"
    if not found:
        if batch.ids:
            yield Finding(LOST, f"{told} none is there")
        return
    if len(found) != batch.size:
        kind = HALF if len(found) % batch.size else DOUBLED
        yield Finding(kind, f"{told} {len(found)} are there")
    elif batch.ids and {one.token_id for one in found} != set(batch.ids):
        yield Finding(LOST, f"{told} others are there than were acknowledged")
    generations, activities = {one.generation for one in found}, {one.is_active for one in found}
    if len(generations) > 1 or len(activities) > 1:
        yield Finding(HALF, f"{told} some were changed and others not: {sorted(generations)}, {activities}")
        return
    if generations.isdisjoint({batch.generation, batch.asked} | batch.in_doubt):
        yield Finding(LOST, f"{told} all have the value {generations}, and {batch.generation} was acknowledged")
    if batch.deleted is not None and activities != {not batch.deleted}:
        yield Finding(
            LOST if batch.deleted else ILLEGAL, f"{told} all are active: {activities}, deleted: {batch.deleted}"
        )


def of_hearings(witness: Witness, truth: Truth) -> Iterator[Finding]:
    """Each resuming listener heard each committed event of its devices and of its own commands, once and in order."""
    for hearing in witness.hearings:
        if hearing.began is None:
            yield Finding(LOST, f"{hearing.name} never heard where its stream begins")
            continue
        yield from _of_hearing(hearing, expected(hearing, witness.adds, truth))


def expected(hearing: Hearing, adds: Mapping[str, Add], truth: Truth) -> list[tuple[str, str]]:
    """What a listener is to hear, from its first cursor on."""
    owners = {add.number: add.integration_id for add in adds.values()}
    devices = hotel.CONNECTED[hearing.integration_id]

    def may_hear(event: Told) -> bool:
        kept = truth.commands.get(event.command_id)
        return event.device_id in devices or (kept is not None and owners.get(kept.number) == hearing.integration_id)

    began = hearing.began or 0
    return [(one.command_id, one.state) for one in truth.events if one.number > began and may_hear(one)]


def _of_hearing(hearing: Hearing, wanted: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    heard, due = Counter(hearing.heard), Counter(wanted)
    for (command_id, state), count in (due - heard).items() if hearing.complete else ():
        yield Finding(LOST, f"{hearing.name} did not hear {count} × {state} of command {command_id}")
    for (command_id, state), count in (heard - due).items():
        kind = DOUBLED if (command_id, state) in due else ILLEGAL
        yield Finding(kind, f"{hearing.name} heard {count} × {state} of command {command_id} too many")
    # What is missing or too much was told above; the rest must come in the order of the events.
    events = iter(wanted)
    if not all(one in events for one in _without(hearing.heard, heard - due)):
        yield Finding(OUT_OF_ORDER, f"{hearing.name} heard events in another order than that in which they happened")


def _without(sequence: Sequence[tuple[str, str]], surplus: Counter[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """A sequence without what it has too many of, the first ones of each."""
    left = surplus.copy()
    for one in sequence:
        if left[one] > 0:
            left[one] -= 1
        else:
            yield one
