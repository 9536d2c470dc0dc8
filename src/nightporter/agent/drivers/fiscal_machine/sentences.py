"""What the codes of the machine mean, in sentences for receptionists (devices of Epson's Fiscal ePOS-Print XML)."""

from nightporter.agent.drivers.fiscal_machine.messages import Answer


class NotPrintable(Exception):
    """What the command asks for cannot be printed; the message says why in one sentence, and nothing was sent."""


PRINTER_ERROR = "PRINTER ERROR"

CODES = {
    "NO_DATA": "The fiscal machine says that it was sent nothing.",
    "PARSER_ERROR": "The fiscal machine cannot read the file that it was sent.",
    "CONFIGURATION_FILE_ERROR": "The fiscal machine's own configuration is damaged; call its technician.",
    "INCOMPLETE FILE": "The fiscal machine says that the file it was sent is incomplete.",
    "NON VALID XML COMMAND": "The fiscal machine does not know a command in the file that it was sent.",
    "EPTR_REC_EMPTY": "The fiscal machine has no paper. Put paper in.",
    "EFT_POS_ERROR": "The card terminal at the fiscal machine reports an error.",
}
"""By the code in capitals."""

LOST = {
    "LAN_ERROR": "The fiscal machine's network part cannot reach its printer.",
    "LAN_TIME_OUT": "The fiscal machine's printer did not answer in time.",
    "FP_NO_ANSWER": "The fiscal machine's printer does not answer.",
    "TM_NO_ANSWER/OFF_LINE": "The fiscal machine's printer is offline.",
}
"""Codes that leave open what became of the document."""

STATUSES = {
    "11": "The fiscal machine was not ready for a receipt: a command came in the wrong order.",
    "13": "The fiscal machine does not take a value of the receipt.",
    "16": "The fiscal machine does not know a command of the receipt.",
    "17": "The fiscal machine cannot do this now; a closing (chiusura giornaliera) may be due.",
    "18": "The fiscal machine cannot do this now; a closing (chiusura giornaliera) may be due.",
    "20": "An amount is over the limit that is programmed in the fiscal machine.",
    "21": "An amount is over the limit that is programmed in the fiscal machine.",
    "22": "The fiscal machine has no such department or payment; they must be programmed and match the configuration.",
    "30": "The fiscal machine says that the tax identifier is wrong. Correct it in the guest's or the company's profile.",
    "34": "The fiscal machine is not activated; call its technician.",
    "38": "The card terminal at the fiscal machine reports an error.",
    "39": "The receipt to refund was already cancelled at the fiscal machine.",
    "40": "The receipt to refund was already refunded at the fiscal machine.",
    "41": "The fiscal machine does not find the receipt to refund, or it is of the wrong kind.",
    "42": "The fiscal machine does not find the receipt to refund, or it is of the wrong kind.",
}
"""By the status that comes with PRINTER ERROR."""

AWAY = "The fiscal machine has no paper, its cover is open, or it is offline. Put paper in and close the cover."
OPEN = "A document is open at the fiscal machine: somebody prints there, or it was left open. Finish it, or cancel it."
USED = "Somebody else used the fiscal machine just now. It is looked at anew."
LEFT_OPEN = " The broken-off document is still open at the fiscal machine: cancel it there."
JOURNAL = "The fiscal machine's journal (DGFE) is full or belongs to another machine. Call its technician."
LOW = " The paper runs low."


NEVER_OPENED = frozenset({"11", "39", "40", "41", "42"})
"""Statuses that a document meets at its very beginning, the first when another one is open: what is open then is not ours."""


def began(answer: Answer) -> bool:
    """Whether a document that was refused may have been begun."""
    return answer.code.strip().upper() != PRINTER_ERROR or answer.status.strip() not in NEVER_OPENED


def leaves_open(answer: Answer) -> str | None:
    """The sentence for a refusal after which the document may still come to its end; None where it is plain."""
    code = answer.code.strip().upper()
    if code == PRINTER_ERROR and answer.status.strip() == "3":
        return AWAY
    state = answer.state
    if code == "EPTR_REC_EMPTY" or (state is not None and state.is_away):
        return AWAY
    return LOST.get(code)


def told(answer: Answer) -> str:
    """Why the machine refused."""
    code, status = answer.code.strip().upper(), answer.status.strip()
    if code == PRINTER_ERROR and status in STATUSES:
        return STATUSES[status]
    if code in CODES:
        return CODES[code]
    shown = "".join(one for one in f"{code} {status}".strip() if one.isascii() and (one.isalnum() or one in " _/-"))
    return f"The fiscal machine refused, with an error that is not known here ({shown[:40] or 'without a code'})."
