"""A fiscal machine made of software, behind ``fpmate.cgi``: one request at a time, with every way in which it can fail."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element

from nightporter.agent.drivers.fiscal_machine.messages import (
    Answer,
    Garbled,
    bare,
    print_answer,
    read_xml,
    told_amount,
)
from nightporter.agent.drivers.fiscal_machine.register import PRINTER_ERROR, Closed, Refusal, Register
from nightporter.agent.simulator import Simulator

STATUSES = ("11", "13", "16", "17", "18", "20", "21", "22", "30", "34", "38", "39", "40", "41", "42")
CODES = (
    "NO_DATA", "PARSER_ERROR", "LAN_ERROR", "LAN_TIME_OUT", "FP_NO_ANSWER", "TM_NO_ANSWER/OFF_LINE",
    "CONFIGURATION_FILE_ERROR", "INCOMPLETE FILE", "Non valid XML command", "EPTR_REC_EMPTY", "EFT_POS_ERROR",
)  # fmt: skip
_LATE = 3
"""How often a machine is asked for its last document before it prints what had been lost in the network."""


class FiscalMachineSimulator(Simulator):
    """An Epson fiscal machine. Its effects: ``receipt`` with ``Z``, ``Number``, ``Total`` and ``Refund``, ``closing`` with ``Z``.

    ``now`` is its clock, in local time; ``register`` is its inside: paper, counters, departments.
    """

    FAULTS: ClassVar[Mapping[str, str]] = {
        "paper-out": "says once that it has no paper, and is refilled",
        "cover-open": "says once that its cover is open, which is then closed",
        "offline": "says once that its printer does not answer",
        "busy": "says once that a document of somebody else is open",
        "journal-full": "says once that its journal is full, which is then replaced",
        "paper-low": "says once that its paper runs low",
        "cut-question": "breaks the link instead of answering a question",
        "garbage-question": "answers a question with something else than XML",
        "cut-before": "breaks the link and never takes the receipt",
        "cut-after": "prints, and breaks the link instead of answering",
        "cut-answer": "prints, and breaks the link in the middle of its answer",
        "slow": "prints, and does not answer before the caller leaves",
        "late": "breaks the link, and prints only later",
        "garbage": "prints, and answers with something else than XML",
        "error-page": "prints, and answers with status 500",
        "huge": "prints, and answers with megabytes",
        "no-number": "prints, and answers without the number of the receipt",
        "closed-yet-refused": "prints, and answers that it refused",
        "z-before": "closes its day before it prints",
        "stranger-before": "prints another till's receipt first",
        "stranger-opens": "opens a document for another till just before the receipt comes",
        "stranger-after": "prints another till's receipt afterwards",
        "paper-ends": "runs out of paper within the receipt, is refilled when it was asked once, and goes on",
        "paper-ends-for-good": "runs out of paper within the receipt, is refilled when it was asked once, and leaves it open",
        "time-out-printed": "prints, and answers LAN_TIME_OUT",
        "stays-open": "does not drop a document when it is told to",
        **{f"status-{status}": f"refuses the receipt with status {status}" for status in STATUSES},
        **{f"code-{code}": f"refuses the receipt with {code}" for code in CODES},
    }

    def __init__(self, now: Callable[[], datetime], device_id: str = "local_printer") -> None:
        super().__init__()
        self.register = Register(self._closed, now)
        self.device_id = device_id
        self.asked: list[str] = []
        """The name of each request, in the order in which they came."""
        self._turn = asyncio.Lock()
        self._late: tuple[Element, int] | None = None
        self._refill: str | None = None

    @property
    def address(self) -> str:
        """``http://host:port``."""
        return f"http://{self.host}:{self.port}"

    def _closed(self, document: Closed) -> None:
        total = told_amount(document.total)
        self.effects.append(
            {
                "Effect": "receipt",
                "Z": document.z,
                "Number": document.number,
                "Total": total,
                "Refund": document.is_refund,
            }
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        if method != "POST" or parts.path != "/cgi-bin/fpmate.cgi":
            return await self._write(writer, b"", 404)
        if parse_qs(parts.query).get("devid", [self.device_id]) != [self.device_id]:
            return await self._answer(writer, self.register.refused(Refusal("LAN_ERROR")))
        async with self._turn:
            try:
                root = read_xml(body)
            except Garbled:
                return await self._answer(writer, self.register.refused(Refusal("PARSER_ERROR")))
            inner = next((one for part in root if bare(part.tag) == "Body" for one in part), None)
            if inner is None:
                return await self._answer(writer, self.register.refused(Refusal("NO_DATA")))
            if bare(inner.tag) == "printerCommand":
                return await self._command(inner, writer)
            self.asked.append(bare(inner.tag))
            return await self._effect(inner, reader, writer)

    async def _command(self, root: Element, writer: asyncio.StreamWriter) -> None:
        name = next((one.get("command") or bare(one.tag) for one in root), "")
        self.asked.append(name)
        if name == "resetPrinter":
            if self.fails("stays-open"):
                return await self._answer(writer, self.register.refused(Refusal(PRINTER_ERROR, "17")))
            return await self._answer(writer, self.register.carry_out(root))
        if self.fails("cut-question"):
            return None
        if self.fails("garbage-question"):
            return await self._write(writer, b"<html>busy</html")
        if name == "1387":
            await self._catch_up()
        fault = self.fails("paper-out", "cover-open", "offline", "busy", "journal-full", "paper-low")
        if fault == "offline":
            return await self._answer(writer, self.register.refused(Refusal("TM_NO_ANSWER/OFF_LINE")))
        answer = self.register.carry_out(root)
        if fault is not None:
            told = {"paper-out": "30110", "cover-open": "30110", "busy": "00100", "journal-full": "05110"}.get(
                fault, "20110"
            )
            changed = {
                key: told if key in ("printerStatus", "fpStatus") else text for key, text in answer.information.items()
            }
            answer = Answer(answer.is_success, answer.code, answer.status, changed)
        if name == "1387" and self._refill is not None:
            self.register.refill(goes_on=self._refill == "paper-ends")
            self._refill = None
        return await self._answer(writer, answer)

    async def _catch_up(self) -> None:
        if self._late is None:
            return
        root, looks = self._late
        self._late = (root, looks - 1) if looks > 1 else None
        if self._late is None:
            self._print(root)

    def _print(self, root: Element) -> Answer:
        day = self.register.z
        answer = self.register.carry_out(root)
        if self.register.z != day:
            self.effects.append({"Effect": "closing", "Z": day})
        return answer

    async def _effect(self, root: Element, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fails("z-before"):
            self.register.close_day()
        if self.fails("stranger-before"):
            self.register.print_for_somebody_else(1000)
        if self.fails("stranger-opens"):
            self.register.open_for_somebody_else()
        has_stranger = bool(self.fails("stranger-after"))
        fault = self.fails(*(name for name in self.FAULTS if name not in _OF_QUESTIONS)) or ""
        if fault == "cut-before":
            return None
        if fault == "late":
            self._late = root, _LATE
            return None
        if fault.startswith("code-"):
            return await self._answer(writer, self.register.refused(Refusal(fault.removeprefix("code-"))))
        if fault.startswith("status-"):
            self.register.trouble = Refusal(PRINTER_ERROR, fault.removeprefix("status-"))
        if fault.startswith("paper-ends"):
            self.register.trouble, self._refill = Refusal(PRINTER_ERROR, "3"), fault
        answer = self._print(root)
        if has_stranger:
            self.register.print_for_somebody_else(1000)
        if fault == "cut-after":
            return None
        if fault == "slow":
            await reader.read()
            return None
        if fault == "time-out-printed":
            answer = self.register.refused(Refusal("LAN_TIME_OUT"))
        if fault == "closed-yet-refused":
            answer = self.register.refused(Refusal(PRINTER_ERROR, "16"))
        if fault == "no-number":
            answer = Answer(True, "", "0", {"lastCommand": "74", "printerStatus": self.register.state})
        if fault == "garbage":
            return await self._write(writer, b"<html>ok</html>")
        if fault == "error-page":
            return await self._write(writer, b"<html/>", 500)
        if fault == "huge":
            return await self._write(writer, print_answer(answer) + b" " * (2 * 1024 * 1024))
        return await self._answer(writer, answer, is_cut=fault == "cut-answer")

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer, *, is_cut: bool = False) -> None:
        await self._write(writer, print_answer(answer), is_cut=is_cut)

    @staticmethod
    async def _write(writer: asyncio.StreamWriter, body: bytes, status: int = 200, *, is_cut: bool = False) -> None:
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\nContent-Type: text/xml; charset=utf-8\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + (body[: len(body) // 2] if is_cut else body))
        writer.close()
        await writer.wait_closed()


_OF_QUESTIONS = frozenset({
    "paper-out", "cover-open", "offline", "busy", "journal-full", "paper-low", "cut-question", "garbage-question",
    "z-before", "stranger-before", "stranger-opens", "stranger-after", "stays-open",
})  # fmt: skip
"""What a receipt does not use up as its one fault."""
