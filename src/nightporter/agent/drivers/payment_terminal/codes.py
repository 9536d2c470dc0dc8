"""What the numbers of ZVT mean, in sentences for a receptionist ("ECR-Interface ZVT-Protocol", PA00P015)."""

BUSY = 0x9C
CALLED_OFF = 0x6C
WRONG_CURRENCY = 0x6F
READY = 0x00
_LARGEST_OF_BANK = 0x63
_CARD_STAYS = 0x40

RESULTS = {
    0x64: "the card could not be read",
    0x65: "there were no data on the card",
    0x66: "the card could not be processed; use another card",
    0x67: "this is not possible with debit cards",
    0x68: "this is not possible with credit cards",
    0x6A: "the terminal's memory is full; close the day at the terminal",
    0x6B: "the terminal is not signed on",
    0x6C: "the guest called it off, or presented no card in time",
    0x6F: "the terminal does not take this currency",
    0x71: "there is not enough credit on the card",
    0x72: "the chip of the card is faulty",
    0x73: "the data of the card are not right",
    0x77: "the day cannot be closed now",
    0x78: "the card has expired",
    0x79: "the card is not valid yet",
    0x7A: "the terminal does not know this card",
    0x7B: "the magnetic stripe cannot be used instead of the chip",
    0x7C: "the magnetic stripe cannot be used instead of the chip",
    0x7D: "the terminal's connection to the bank is out of order",
    0x83: "the terminal cannot do this; ask its operator whether it is enabled",
    0x85: "a key is missing in the terminal; call its operator",
    0x89: "the keypad is out of order; call the terminal's operator",
    0x9A: "the terminal did not understand the request; call support",
    0x9B: "the line to the bank failed",
    0x9C: "the terminal is busy; wait until it is free",
    0xA0: "the terminal was not ready",
    0xA1: "the bank did not answer",
    0xA3: "there is no connection to the bank",
    0xA5: "the terminal's security rules forbid this",
    0xB1: "the terminal's memory is full; close the day at the terminal",
    0xB2: "the terminal's journal is full; close the day at the terminal",
    0xB4: "it had been reversed already",
    0xB5: "it cannot be reversed",
    0xB7: "the amount of the reservation is not right",
    0xB8: "the reservation failed; ask the terminal's operator whether reservations are enabled",
    0xBF: "the terminal's power is too low",
    0xC2: "the terminal asks for a diagnosis; run it at the terminal",
    0xC3: "the amount is above what the terminal may take",
    0xC4: "the terminal's card profiles are out of date; run a diagnosis at the terminal",
    0xC5: "the terminal does not support this way of paying",
    0xC6: "this currency cannot be used here",
    0xC8: "the amount is too small",
    0xC9: "the amount is too large for this card",
    0xCB: "this is only possible in euro",
    0xCC: "the terminal's printer is not ready; check its paper",
    0xD2: "this is not possible with this kind of card",
    0xDC: "a card is still in the terminal; take it out",
    0xDF: "the terminal is out of order",
    0xE0: "the terminal is being maintained from afar; wait until it is free",
    0xE2: "the card reader is out of order; call the terminal's operator",
    0xE3: "the card reader is shut",
    0xE4: "the terminal must be activated first; do so at the terminal",
    0xF0: "the day has not been closed; do so at the terminal",
    0xFC: "a part of the terminal is missing or out of order",
    0xFF: "the terminal reports a fault of its own; look at its display",
}
"""By the result code of a transaction, the reason of an abort or of a refusal: a part of a sentence."""

_STATUS = {
    0x51: "the terminal must be set up first; call its operator",
    0x62: "the terminal's date and time are not right; run a diagnosis at the terminal",
    0xE1: "a card is still in the terminal; take it out",
}

OCCUPIED = frozenset({0x9C, 0xDC, 0xE1})
"""States in which a terminal may still be at somebody's card."""

_STEPS = {
    0x00: "The guest is asked to confirm the amount.",
    0x01: "The guest is asked to follow the keypad.",
    0x02: "The guest is asked to follow the keypad.",
    0x03: "The terminal did not accept that.",
    0x04: "The terminal waits for the bank.",
    0x05: "The terminal is taking the payment back.",
    0x06: "The terminal sends earlier transactions.",
    0x07: "This card is not admitted.",
    0x08: "The terminal does not know this card.",
    0x09: "The card has expired.",
    0x0A: "The terminal waits for the card.",
    0x0B: "The guest is asked to take the card out.",
    0x0C: "The card could not be read.",
    0x0D: "The card could not be processed.",
    0x0E: "The terminal is working.",
    0x0F: "The terminal closes the day.",
    0x10: "The card is not valid.",
    0x12: "The terminal reports a fault.",
    0x13: "The payment is not possible.",
    0x14: "There is not enough credit.",
    0x15: "The PIN was not right.",
    0x16: "The limit is too low.",
    0x17: "The terminal is working.",
    0x18: "The PIN was wrong too often.",
    0x19: "The data of the card are not right.",
    0x1A: "The terminal is in its service mode.",
    0x1B: "Approved.",
    0x1C: "Approved.",
    0x1D: "Declined.",
    0x28: "The guest chooses a currency.",
    0x29: "The guest chooses a language.",
    0x2A: "The terminal waits for the card.",
    0x2B: "The terminal is working.",
    0x2C: "The guest chooses an application of the card.",
    0x68: "The card is in the terminal.",
    0x69: "The guest chooses a currency.",
    0xC8: "The terminal waits for somebody at the desk: look at its display.",
    0xC9: "The terminal runs a diagnosis.",
    0xCA: "The terminal is being set up.",
    0xD2: "The terminal connects to the bank.",
    0xD3: "The terminal is connected to the bank.",
    0xE0: "The guest chooses an application of the card.",
    0xE1: "The guest chooses a language.",
    0xF1: "The terminal works without the bank.",
    0xF2: "The terminal is connected to the bank.",
    0xF3: "The terminal works without the bank.",
}

WAITING = frozenset({0x00, 0x0A, 0x29, 0x2A, 0xE1})
"""Steps in which no card has been read."""


def reason(code: int) -> str:
    """What a result code means, as a part of a sentence; 01 to 63 are the bank's own and differ from bank to bank."""
    if 0 < code <= _LARGEST_OF_BANK:
        return f"the bank declined it (code {code:02X})"
    return RESULTS.get(code) or f"the terminal gives the code {code:02X}, which its manual explains"


def problem(status: int) -> str | None:
    """What the state of a terminal asks for, as a sentence; None when it is ready."""
    if status == READY:
        return None
    text = _STATUS.get(status) or reason(status)
    return f"{text[0].upper()}{text[1:]}."


def step(code: int) -> str:
    """What the terminal is at, as a sentence; codes from 41 on say besides that the card is to be taken out."""
    if text := _STEPS.get(code):
        return text
    if (text := _STEPS.get(code - _CARD_STAYS)) and _CARD_STAYS < code < 0x60:
        return f"{text} The guest is asked to take the card out."
    return "The terminal is working."
