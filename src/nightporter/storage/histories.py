"""The states of a command after the first, as they are kept: ``,["Received",1700000000]`` for each, so that one is appended."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Text, and_, case, cast, func, literal_column, text

from nightporter.domain.command import CommandState, StateChange
from nightporter.storage.statements import given
from nightporter.storage.tables import commands
from nightporter.storage.types import moment

_c = commands.c
KEPT = case(
    # A command that came with a later state, or from a release that kept no history: where it stands is all that is known.
    (
        and_(_c.states.is_(None), _c.state != literal_column("'Pending'")),
        text("""',["' || commands.state || '",' || commands.updated || ']'"""),
    ),
    else_=_c.states,
)
"""The history of a row that is updated, as it is before."""


def not_before(updated: Any, name: str) -> Any:
    """The time in the parameter ``name``, or that of the last change where it is later: another node's clock may be ahead."""
    return case((updated > given(name, updated), updated), else_=given(name, updated))


EXTENDED = (
    func.coalesce(KEPT, literal_column("''"))
    .concat(given("entry", _c.states))
    .concat(cast(not_before(_c.updated, "at"), Text))
    .concat(literal_column("']'"))
)
"""The same with one more state: ``entry``, which :func:`entry` makes, at the time ``at``."""

_decode = msgspec.json.Decoder(list[tuple[CommandState, int]]).decode


def entry(state: CommandState) -> str:
    """The beginning of one more state, up to its time."""
    return f',["{state.value}",'


def read(states: str | None, created: datetime, state: CommandState, updated: int) -> list[StateChange]:
    """Every state that is known of, the oldest first; where none was kept, the first and the present one."""
    told = [StateChange(CommandState.PENDING, created)]
    if states is not None:
        told += [StateChange(one, moment(at)) for one, at in _decode(f"[{states[1:]}]")]
    elif state is not CommandState.PENDING:
        told.append(StateChange(state, moment(updated)))
    return told


def waits_since(states: list[StateChange]) -> datetime:
    """When the command was added, or offered again the last time."""
    return max(one.time for one in states if one.state is CommandState.PENDING)


def offers(states: list[StateChange]) -> int:
    """How often the command was offered again."""
    return sum(one.state is CommandState.PENDING for one in states) - 1
