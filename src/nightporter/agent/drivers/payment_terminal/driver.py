"""The driver ``zvt``: payments and reservations at a payment terminal over TCP ("ECR-Interface ZVT-Protocol", PA00P015)."""

import asyncio
import re
from typing import Any

from nightporter.agent.driver import (
    Attempt,
    Away,
    Done,
    Happened,
    Kind,
    Notes,
    Options,
    Outcome,
    Probe,
    Refused,
    Resolution,
    Surroundings,
    Task,
    Unknown,
)
from nightporter.agent.drivers.payment_terminal import codes, messages
from nightporter.agent.drivers.payment_terminal.charge import NUMBERS, Charge, charge_of
from nightporter.agent.drivers.payment_terminal.link import Ending, Link, Occupied, ending_of, free
from nightporter.agent.drivers.payment_terminal.messages import Apdu, StatusInformation
from nightporter.agent.drivers.payment_terminal.recovery import Verdict, charge_in, moment, record, reference, verdict
from nightporter.agent.tcp_address import read_address
from nightporter.domain.device import DeviceType

PORT = 20007
_OURS_TO_PRINT = 0x06  # config byte: receipts of payments and of administration go to the cash register
_ENQUIRY = 30.0
_BETWEEN = 2.0
_PASSWORD = re.compile(r"\d{6}", re.ASCII)


class ZvtOptions(Options, kw_only=True):
    """How the terminal is reached and signed on to; ``patience`` and ``waits`` are in seconds."""

    address: str
    password: str = "000000"  # noqa: S105 - what terminals are delivered with
    currency: str = "EUR"
    config_byte: int = 0x38
    patience: float = 5.0
    waits: float = 180.0
    reservations: bool = True

    def __repr__(self) -> str:
        return f"ZvtOptions(address={self.address!r}, currency={self.currency!r})"

    def __rich_repr__(self) -> Any:
        yield "address", self.address
        yield "currency", self.currency


class _NotSignedOn(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(codes.reason(code))
        self.code = code


class ZvtDriver:
    """One terminal. Each call has a connection of its own, so that no state of an earlier one is in the way."""

    def __init__(self, options: ZvtOptions, surroundings: Surroundings) -> None:
        self._options = options
        self._sources = surroundings.sources
        self._zone = surroundings.time_zone
        self._host, self._port = _address(options)

    async def probe(self) -> Probe:
        """See Driver."""
        async with self._link() as link:
            try:
                signed_on = await self._sign_on(link, self._options.config_byte)
            except _NotSignedOn as error:
                return Probe("ZVT terminal", (f"The terminal does not let the agent sign on: {error}.",))
            ending = free(await link.run(Apdu(messages.STATUS_ENQUIRY), _ENQUIRY))
        terminal = messages.fields(signed_on.data).get(messages.TERMINAL)
        version, status = messages.terminal_status(ending.data)
        identity = " ".join(("ZVT terminal", *(part for part in (terminal and terminal.hex(), version) if part)))
        trouble = codes.problem(ending.code or status or codes.READY)
        return Probe(identity, (trouble,) if trouble else ())

    def steps(self, task: Task) -> int:
        """One: a charge stands for itself."""
        return 1

    async def prepare(self, task: Task, step: int) -> Notes | Refused:
        """See Driver; the baseline holds the terminal's last transaction."""
        charge = self._charge(task)
        if isinstance(charge, Refused):
            return charge
        async with self._link() as link:
            try:
                return {"Last": record(await self._last(link))}
            except _NotSignedOn as error:
                return _not_signed_on(error)

    async def execute(self, task: Task, step: int, baseline: Notes, attempt: Attempt) -> Outcome:
        """See Driver. The last transaction is asked for once more: between the baseline and now somebody may have paid."""
        charge = self._charge(task)
        if isinstance(charge, Refused):
            return charge
        async with self._link() as link:
            try:
                before = await self._last(link)
            except _NotSignedOn as error:
                return _not_signed_on(error)
            if attempt.cancelled.is_set():
                return Refused("It was called off before the payment terminal was asked. Nothing was taken.", True)
            written = reference(charge, self._sources.now(), before)
            await attempt.sending(written)
            refusal = await link.begin(messages.charge(charge.command, charge.minor, charge.currency_number))
            if refusal is not None:
                return _refused(charge, refusal)
            attempt.progress(None, f"The payment terminal asks for {charge.amount}.")
            return await self._follow(link, charge, written, attempt)

    async def resolve(self, task: Task, step: int, baseline: Notes, reference: Notes, attempt: Attempt) -> Resolution:
        """See Driver. What is unchanged is refused, never repeated: hours later a stranger may stand at the terminal.

        Before "unchanged" is believed, the terminal is told to stop asking for a card (06 B0, which can end a transaction and
        never begin one), must say that it is idle, and is asked for its last transaction again: no card can slip in between.
        """
        charge = charge_in(reference)
        ends = self._sources.elapsed() + self._options.waits
        while True:
            try:
                async with self._link() as link:
                    last, found = await self._look(link, reference)
                    if found is not Verdict.TAKEN:
                        await self._stop(link)
                        last, found = await self._look(link, reference)
                break
            except _NotSignedOn as error:
                raise Away(f"The payment terminal does not let the agent sign on: {error}.") from None
            except Occupied:
                if self._sources.elapsed() >= ends:
                    raise
                attempt.progress(None, "The payment terminal is still busy; it is asked again until it is free.")
                await self._sources.pause(_BETWEEN)
        if last is not None and found is Verdict.TAKEN:
            return Happened(*self._told(charge, last))
        if last is not None and last.result is not None and found is Verdict.DECLINED:
            return _refused(charge, last.result)
        if found is Verdict.UNCHANGED:
            return Refused(
                f"The connection to the payment terminal was lost, and the terminal has taken nothing since. If {charge.amount} "
                "are still to be paid, ask for the payment again."
            )
        return Unknown(self.doubt(task, step, reference))

    def doubt(self, task: Task, step: int, reference: Notes) -> str:
        """See Driver."""
        amount = charge_in(reference).amount
        told = reference.get("Told") or {}
        known = f" (receipt {told['Receipt']})" if told.get("Receipt") else ""
        return (
            f"It is not known whether the payment terminal carried out the {reference['Function']} of {amount}. "
            f"Look at the terminal's journal for {amount}{known} before asking again."
        )

    async def close(self) -> None:
        """Nothing is open between two calls."""

    def _link(self) -> Link:
        return Link(self._host, self._port, self._options.patience)

    def _charge(self, task: Task) -> Charge | Refused:
        return charge_of(task.data, self._options.currency, self._options.reservations)

    async def _sign_on(self, link: Link, config_byte: int) -> Ending:
        number = NUMBERS[self._options.currency]
        ending = free(await link.run(messages.registration(self._options.password, config_byte, number), _ENQUIRY))
        if ending.code:
            raise _NotSignedOn(ending.code)
        return ending

    async def _last(self, link: Link) -> StatusInformation | None:
        """The last transaction; None where the terminal keeps none.

        Signed on as the one who prints, the agent is sent the copy of the receipt, and passes over it: else the terminal would
        print the receipt of the guest before.
        """
        await self._sign_on(link, self._options.config_byte | _OURS_TO_PRINT)
        found: list[StatusInformation | None] = []

        def hear(apdu: Apdu) -> None:
            if apdu.command == messages.STATUS_INFORMATION:
                found.append(_status(apdu))

        free(await link.run(messages.repeat_receipt(self._options.password), _ENQUIRY, hear))
        if self._options.config_byte & _OURS_TO_PRINT != _OURS_TO_PRINT:
            await self._sign_on(link, self._options.config_byte)
        return found[-1] if found else None

    async def _look(self, link: Link, written: Notes) -> tuple[StatusInformation | None, Verdict]:
        last = await self._last(link)
        return last, verdict(written, last, self._zone)

    async def _stop(self, link: Link) -> None:
        """Have the terminal stop asking for a card, and wait until it says that it is idle; raises Away."""
        await link.begin(Apdu(messages.ABORT))
        ending = free(await link.run(Apdu(messages.STATUS_ENQUIRY), _ENQUIRY))
        _, status = messages.terminal_status(ending.data)
        if ending.code or status in codes.OCCUPIED:
            raise Occupied("The payment terminal does not say that it is free. Look at its display.")

    async def _follow(self, link: Link, charge: Charge, written: Notes, attempt: Attempt) -> Outcome:
        """Follow a charge that the terminal took up to its end."""
        status: StatusInformation | None = None
        is_card_read = is_stopped = was_approved = False
        called_off = asyncio.create_task(attempt.cancelled.wait())
        try:
            while True:
                receiving = asyncio.create_task(link.receive(self._options.waits))
                try:
                    if not is_card_read and not is_stopped:
                        await asyncio.wait({receiving, called_off}, return_when=asyncio.FIRST_COMPLETED)
                        if not receiving.done():
                            is_stopped = True
                            await link.send(Apdu(messages.ABORT))
                    apdu = await receiving
                finally:
                    receiving.cancel()
                if apdu.is_answer:
                    continue
                if apdu.command == messages.STATUS_INFORMATION:
                    status, is_card_read = _status(apdu), True
                    if status is not None and status.result == 0:
                        was_approved = True
                        # Before it is acknowledged: from now on the numbers of this very transaction are known.
                        await attempt.sending(written | {"Told": record(status)})
                elif apdu.command == messages.INTERMEDIATE_STATUS and apdu.data:
                    is_card_read = is_card_read or apdu.data[0] not in codes.WAITING
                    attempt.progress(None, codes.step(apdu.data[0]))
                await link.acknowledge()
                if ending := ending_of(apdu):
                    return self._ended(charge, ending, status, is_stopped, was_approved)
        finally:
            called_off.cancel()

    def _ended(
        self, charge: Charge, ending: Ending, status: StatusInformation | None, is_stopped: bool, was_approved: bool
    ) -> Outcome:
        if ending.code and not was_approved:
            return _refused(charge, ending.code, is_stopped)
        if status is None or status.result is None:
            if not ending.code:
                raise Away("The payment terminal did not say how it ended. It is asked for its last transaction.")
        elif not was_approved:
            return _refused(charge, status.result, is_stopped)
        if status is None or ending.code or status.result:
            code = ending.code or (status.result if status else None) or 0xFF
            return Unknown(
                f"The payment terminal approved {charge.amount} and then broke off: {codes.reason(code)}. Look at the "
                "terminal's journal whether the amount was taken back before asking again."
            )
        if status.amount not in (None, charge.minor) or status.currency not in (None, charge.currency_number):
            return Unknown(
                f"The payment terminal was asked for {charge.amount} and tells of another amount. Look at its receipt"
                f"{'' if status.receipt is None else f' {status.receipt}'}, and correct the payment by hand."
            )
        return Done(*self._told(charge, status))

    def _told(self, charge: Charge, status: StatusInformation) -> tuple[str, Notes]:
        when = moment(status, self._zone, self._sources.now())
        result: Notes = {
            "Function": charge.effect.capitalize(),
            "Amount": charge.units,
            "Currency": charge.currency,
            "ReceiptNumber": status.receipt,
            "TraceNumber": status.trace,
            "TerminalId": status.terminal,
            "CardName": status.card_name,
            "CardEnding": status.card_ending,
            "AuthorisationAttribute": status.attribute,
            "ApplicationId": status.application,
            "TransactionTime": when.isoformat() if when else None,
        }
        receipt = f" Receipt {status.receipt}." if status.receipt else ""
        card = f" with {status.card_name}" if status.card_name else ""
        were = "were taken" if charge.command == messages.PAYMENT else "were reserved"
        return f"{charge.amount} {were}{card}.{receipt}", {name: one for name, one in result.items() if one is not None}


def _status(apdu: Apdu) -> StatusInformation | None:
    try:
        return messages.status_information(apdu.data)
    except messages.Garbled:
        return None


def _refused(charge: Charge, code: int, is_stopped: bool = False) -> Refused:
    if is_stopped and code == codes.CALLED_OFF:
        return Refused("It was called off while the payment terminal waited for a card. Nothing was taken.", True)
    return Refused(
        f"The {charge.effect} of {charge.amount} did not go through: {codes.reason(code)}. Nothing was taken.",
        is_cancelled=code == codes.CALLED_OFF,
    )


def _not_signed_on(error: _NotSignedOn) -> Refused:
    return Refused(
        f"The payment terminal does not let the agent sign on: {error}. Nothing was taken. "
        "Have the password and the currency in the agent's configuration checked."
    )


def _address(options: ZvtOptions) -> tuple[str, int]:
    return read_address(options.address, "192.168.1.40:20007", PORT)


def _make(options: ZvtOptions, surroundings: Surroundings) -> ZvtDriver:
    if not _PASSWORD.fullmatch(options.password):
        raise ValueError("password must have six digits")
    if options.currency not in NUMBERS:
        raise ValueError(f"currency must be one of {', '.join(NUMBERS)}")
    if not 0 <= options.config_byte <= 0xFF:
        raise ValueError("config_byte must be from 0 to 255")
    if not (options.patience > 0 and options.waits > 0):
        raise ValueError("patience and waits must be above zero")
    return ZvtDriver(options, surroundings)


def _place(options: ZvtOptions) -> str:
    host, port = _address(options)
    return f"{host}:{port}"


KIND = Kind("zvt", DeviceType.PAYMENT_TERMINAL, ZvtOptions, _make, _place)
