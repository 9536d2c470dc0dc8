"""A file that came ready-made with the command: passed through as it is, looked into only to judge what becomes of it."""

import re
from base64 import b64decode
from xml.etree.ElementTree import Element

from nightporter.agent.drivers.fiscal_machine.messages import Garbled, bare, enveloped, read_amount, read_xml
from nightporter.agent.drivers.fiscal_machine.sentences import NotPrintable
from nightporter.domain.value import value
from nightporter.wire.scalars import is_base64

LARGEST = 256 * 1024
"""Bytes; a receipt of a thousand lines has half of that."""

_DECLARATION = re.compile(rb"^\s*<\?xml(?P<told>[^>]*)\?>\s*")
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)[\"']")
_NEUTRAL = frozenset({
    "beginFiscalReceipt", "endFiscalReceipt", "printRecMessage", "printRecSubtotal", "printRecTotal", "printBarCode",
    "displayText", "directIO", "printRecLotteryID", "openDrawer",
})  # fmt: skip
"""Parts of a receipt that do not change what it comes to."""
_PRINTING = _NEUTRAL | {
    "printRecItem", "printRecRefund", "printRecVoid", "printRecItemVoid", "printRecItemAdjustment",
    "printRecItemAdjustmentVoid", "printRecSubtotalAdjustment", "printRecSubtotalAdjustVoid", "printGraphicCoupon",
}  # fmt: skip
"""Parts of a receipt that do nothing beyond it."""
_IDENTIFYING = frozenset({"1060", "1061", "1135"})
"""The direct commands that put a tax identifier or a lottery code on the receipt that is open."""
_OF_CUSTOM = frozenset({"endFiscalReceiptCut", "beginRtDocRefund", "beginRtDocAnnulment", "beginRtDocRefundSpecial"})


@value
class Payload:
    """``body`` is what is sent, in its envelope.

    ``is_receipt`` tells that it prints one document and has no other effect; ``total`` in cents is what that comes to, None
    where the file does not say so plainly.
    """

    body: bytes
    is_receipt: bool
    total: int | None

    def __repr__(self) -> str:
        return f"<Payload of {len(self.body)} bytes>"


def payload_of(text: str) -> Payload:
    """Read a payload in base64. Raises NotPrintable."""
    if not is_base64(text):
        raise NotPrintable("The file that came with the command is not base64.")
    content = b64decode(text).removeprefix(b"\xef\xbb\xbf")
    if len(content) > LARGEST:
        raise NotPrintable("The file that came with the command is too large for a fiscal machine.")
    declaration = _DECLARATION.match(content)
    encoding = _ENCODING.search(declaration["told"]) if declaration else None
    if encoding is not None and encoding[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        raise NotPrintable("The file that came with the command is not in UTF-8.")
    try:
        content.decode("utf-8")
        root = read_xml(content)
    except UnicodeDecodeError:
        raise NotPrintable("The file that came with the command is not in UTF-8.") from None
    except Garbled as error:
        raise NotPrintable(f"The file that came with the command cannot be printed: {error}") from None
    if any(bare(one.tag) in _OF_CUSTOM or "IdCmd" in one.attrib for one in root.iter()):
        raise NotPrintable(
            "The file that came with the command is for a machine made by Custom, which is not supported yet."
        )
    is_enveloped = bare(root.tag) == "Envelope"
    inner = [one for body in root if bare(body.tag) == "Body" for one in body] if is_enveloped else [root]
    is_receipt = len(inner) == 1 and _is_receipt(inner[0])
    body = content if is_enveloped else enveloped(content[declaration.end() if declaration else 0 :])
    return Payload(body, is_receipt, _total(inner[0]) if is_receipt else None)


def _is_receipt(root: Element) -> bool:
    names = [bare(one.tag) for one in root]
    direct = {one.get("command") for one in root if bare(one.tag) == "directIO"}
    return (
        bare(root.tag) == "printerFiscalReceipt"
        and names.count("beginFiscalReceipt") == names.count("endFiscalReceipt") == 1
        and _PRINTING.issuperset(names)
        and _IDENTIFYING.issuperset(direct)
    )


def _total(receipt: Element) -> int | None:
    """What the receipt comes to, from its plain lines; None where anything else changes it."""
    total = 0
    for one in receipt:
        name = bare(one.tag)
        if name in ("printRecItem", "printRecRefund"):
            quantity, price = _thousandths(one.get("quantity", "1")), read_amount(one.get("unitPrice", ""))
            if quantity is None or price is None or quantity * price % 1000:
                return None
            total += quantity * price // 1000
        elif name not in _NEUTRAL:
            return None
    return total or None


def _thousandths(text: str) -> int | None:
    whole, _, part = text.strip().replace(",", ".").partition(".")
    if not re.fullmatch(r"[0-9]{1,6}", whole) or not re.fullmatch(r"[0-9]{0,3}", part):
        return None
    return int(whole) * 1000 + int(part.ljust(3, "0"))
