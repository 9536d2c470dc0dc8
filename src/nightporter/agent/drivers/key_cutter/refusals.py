"""The errors of a lock system: what happened and what to do, for a receptionist (``PMS_SALTO_IS``, as its clients list them)."""

from nightporter.agent.drivers.key_cutter.messages import FIRST, KeyOrder, TurnedDown, is_printable

SENTENCES = {
    "ES": "The lock system does not understand the order. Tell whoever looks after the agent: encoder, rooms and "
    "authorizations in its configuration must be as the lock system knows them.",
    "NC": "The encoder {encoder} does not answer the lock system. Check that it is switched on and connected, then ask for "
    "the key again.",
    "NF": "The lock system cannot open its own data. Call whoever looks after the lock system.",
    "OV": "The encoder {encoder} is still busy with another card. Wait until it has finished, then ask for the key again.",
    "EP": "There was no card on the encoder {encoder}, or it lay wrongly. Put the card on as shown on the encoder, then ask "
    "for the key again.",
    "EF": "The card on the encoder {encoder} belongs to another system or is damaged. Take another card, then ask for the "
    "key again.",
    "TD": "The lock system does not know one of the rooms {rooms}. Check its name in the lock system, and [rooms] in the "
    "agent's configuration.",
    "ED": "Nobody put a card on the encoder {encoder} in time. Have a card at hand and ask for the key again.",
    "EA": "The lock system has the room {room} checked out, so no copy can be made. Ask for all keys of the stay again, and "
    "take back those made before.",
    "OS": "The lock system has the room {room} out of service. Put it into service there, or give the guest another room.",
    "EO": "A card for the same stay is being made at another encoder. Wait until that is done, then ask for the key again.",
    "EV": "The card on the encoder {encoder} is a valid staff card. Put it away, take a blank card, and ask for the key again.",
    "EG": "The lock system reports an error. Look at the lock system's own screen, then ask for the key again.",
}
"""By code. Each is told of an order that had no effect."""

OTHERWISE = (
    "The lock system turned the order down with the code {code}, which is not in its public description. Look it up on the "
    "lock system's own screen; should a card have been made, try it on the lock."
)

NOT_TAKEN = (
    "The lock system did not take the order. Check that its interface is running, and that it and the agent agree on the "
    "check byte, then ask for the key again."
)

_LONGEST_WORDS = 120


def sentence(answer: TurnedDown, order: KeyOrder) -> str:
    """What to tell of ``answer``. The lock system's own words are added unless it was given a text that they could repeat."""
    told = SENTENCES.get(answer.code, OTHERWISE).format(
        code=answer.code, encoder=order.encoder, room=order.rooms[0], rooms=", ".join(order.rooms)
    )
    words = answer.words.strip()[:_LONGEST_WORDS]
    if words and is_printable(words) and not any(order.texts):
        told += f' Its own words: "{words}".'
    return told


def no_card(told: str, step: int, keys: int) -> str:
    """The note of a key that was not made, and why."""
    return f"{key_name(step, keys)} was not made. {told}"


def doubt(step: int, keys: int, command: str, encoder: str) -> str:
    """What a person must check when nobody knows whether a card was made."""
    told = f"{key_name(step, keys)} may have been cut on the encoder {encoder}; try the card on the lock before making another."
    if command == FIRST:
        return (
            f"{told} If it was cut, cards made earlier for the room may no longer open it, and a repeat would lock out "
            "this one."
        )
    return f"{told} A repeat of the whole command makes a new first key, which would lock out the cards made before."


def key_name(step: int, keys: int) -> str:
    """How a note calls the card of ``step``."""
    return "The key" if keys == 1 else f"Key {step} of {keys}"
