"""The XML: what is sent, what comes back whole or in pieces, and what is not taken."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nightporter.agent.driver import Away
from nightporter.agent.drivers.fiscal_machine import sentences
from nightporter.agent.drivers.fiscal_machine.link import Link
from nightporter.agent.drivers.fiscal_machine.messages import (
    Answer,
    Discount,
    Garbled,
    LastDocument,
    Line,
    Paid,
    Rebated,
    Receipt,
    State,
    enveloped,
    last_question,
    print_amount,
    print_answer,
    print_receipt,
    read_amount,
    read_answer,
    read_last,
    read_serial,
    read_xml,
    reset,
    serial_question,
    status_question,
)
from nightporter.agent.drivers.fiscal_machine.simulator import CODES, STATUSES

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
)
TAIL = "</s:Body></s:Envelope>"
PUBLISHED = (
    '<response success="true" code="" status="2"><addInfo><elementList>lastCommand,printerStatus,fiscalReceiptNumber,'
    "fiscalReceiptAmount,fiscalReceiptDate,fiscalReceiptTime,zRepNumber</elementList><lastCommand>74</lastCommand>"
    "<printerStatus>00110</printerStatus><fiscalReceiptNumber>42</fiscalReceiptNumber><fiscalReceiptAmount>94,00"
    "</fiscalReceiptAmount><fiscalReceiptDate>21/11/2026</fiscalReceiptDate><fiscalReceiptTime>20:15</fiscalReceiptTime>"
    "<zRepNumber>764</zRepNumber></addInfo></response>"
)
STAY = Receipt(
    lines=(Line("Room", 1, 10000, 1),),
    discounts=(Discount("Sconto", 600, 1),),
    payments=(Paid("CARTA", 9400, 2, 1),),
    refund_of=None,
    trailer="Bill 1001",
    tax_identifier="01234567890",
)


def shape(body: bytes) -> list[tuple[str, dict[str, str]]]:
    root = read_xml(body)
    return [(one.tag, dict(one.attrib)) for one in root[0][0]]


def test_a_receipt_is_sent_as_the_machine_takes_it() -> None:
    body = print_receipt(STAY, "1")
    assert body.startswith(HEAD.encode())
    assert body.endswith(TAIL.encode())
    assert shape(body) == [
        ("beginFiscalReceipt", {"operator": "1"}),
        (
            "printRecItem",
            {
                "operator": "1",
                "description": "Room",
                "quantity": "1,000",
                "unitPrice": "100,00",
                "department": "1",
                "justification": "1",
            },
        ),
        (
            "printRecItemAdjustment",
            {
                "operator": "1",
                "description": "Sconto",
                "adjustmentType": "3",
                "amount": "6,00",
                "department": "1",
                "justification": "1",
            },
        ),
        (
            "printRecTotal",
            {
                "operator": "1",
                "description": "CARTA",
                "payment": "94,00",
                "paymentType": "2",
                "index": "1",
                "justification": "1",
            },
        ),
        ("printRecMessage", {"operator": "1", "messageType": "3", "index": "1", "font": "1", "message": "Bill 1001"}),
        ("directIO", {"command": "1060", "data": "0101234567890"}),
        ("endFiscalReceipt", {"operator": "1"}),
    ]


def test_a_refund_names_its_receipt_before_it_begins() -> None:
    refund = Receipt((Line("Room", 2, 2500, 1),), (), (), Rebated(763, 42, "20112026", "99MEX000001"), "", "A" * 16)
    first, begin, line, identifier, _ = shape(print_receipt(refund, "1"))
    assert first[1]["message"] == "REFUND 0763 0042 20112026 99MEX000001"
    assert first[1]["messageType"] == "4"
    assert begin[0] == "beginFiscalReceipt"
    assert (line[0], line[1]["quantity"], line[1]["unitPrice"]) == ("printRecRefund", "2,000", "25,00")
    assert identifier == ("directIO", {"command": "1061", "data": "01" + "A" * 16})


@given(some.text(max_size=60))
def test_any_description_makes_xml_that_can_be_read(text: str) -> None:
    receipt = Receipt((Line(text, 1, 100, 1),), (), (), None, text, None)
    sent = dict(shape(print_receipt(receipt, "1")))["printRecItem"]["description"]
    assert len(sent) <= 38
    assert "\n" not in sent


@pytest.mark.parametrize(
    ("question", "inner"),
    [
        (status_question(), '<queryPrinterStatus operator="" statusType="0" />'),
        (last_question(), '<directIO command="1387" data="01" />'),
        (serial_question(), '<directIO command="3217" data="00" />'),
        (reset(), '<resetPrinter operator="" />'),
    ],
)
def test_questions(question: bytes, inner: str) -> None:
    assert question.decode() == f"{HEAD}<printerCommand>{inner}</printerCommand>{TAIL}"


@pytest.mark.parametrize("body", [PUBLISHED.encode(), enveloped(PUBLISHED.encode())])
def test_the_published_answer(body: bytes) -> None:
    answer = read_answer(body)
    assert (answer.is_success, answer.code, answer.status) == (True, "", "2")
    assert answer.information["fiscalReceiptAmount"] == "94,00"
    assert answer.state == State("00110")
    assert read_answer(body.replace(b'"true"', b'"1"')).is_success
    assert not read_answer(body.replace(b'"true"', b'"TRUE"')).is_success


words = some.text(some.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"]), max_size=20)


@given(some.booleans(), words, words, some.dictionaries(some.from_regex(r"\A[a-z][A-Za-z]{0,9}\Z"), words, max_size=6))
def test_answers_read_back(is_success: bool, code: str, status: str, told: dict[str, str]) -> None:
    answer = Answer(is_success, code, status, told)
    assert read_answer(print_answer(answer)) == answer


@pytest.mark.parametrize("cut", range(0, len(enveloped(PUBLISHED.encode())), 7))
def test_half_an_answer_is_none(cut: int) -> None:
    with pytest.raises(Garbled):
        read_answer(enveloped(PUBLISHED.encode())[:cut])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>ok</html>",
        b'<!DOCTYPE response [<!ENTITY a "b">]><response success="true">&a;</response>',
        b"<response",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="no-such"?><response success="true"/>',
    ],
)
def test_what_is_no_answer_is_not_taken(body: bytes) -> None:
    with pytest.raises(Garbled):
        read_answer(body)


def test_the_published_record_of_the_last_document() -> None:
    text = (
        "01" + "000009400" + "000000855" + "211126" + "201500" + "0764" + "0042" + "99MEX000001" + "0" + " " * 8 + "1"
    )
    assert len(text) == 61
    last = LastDocument(9400, 855, "211126", "201500", 764, 42, "99MEX000001", is_fiscal=True)
    assert read_last(text) == last
    assert read_last(text + "E" * 132) == last, "an e-receipt tells more behind it"
    assert last.printed() == text


numbers = some.integers(0, 9999)
amounts = some.integers(0, 999_999_999)
digits = some.from_regex(r"\A[0-9]{6}\Z")


serials = some.from_regex(r"\A[0-9A-Z]{11}\Z")


@given(
    some.builds(LastDocument, amounts, amounts, digits, digits, numbers, numbers, serials, is_fiscal=some.booleans())
)
def test_records_read_back(last: LastDocument) -> None:
    assert read_last(last.printed()) == last


@pytest.mark.parametrize("text", ["", "01", "x" * 61, "01" + "9" * 58, "01" + "²" * 59])
def test_what_is_no_record_is_not_taken(text: str) -> None:
    with pytest.raises(Garbled):
        read_last(text)


def test_a_machine_without_a_document_tells_blanks() -> None:
    assert read_last("01" + " " * 58 + "0") == LastDocument(0, 0, "", "", 0, 0, "", is_fiscal=False)


def test_the_serial_number_is_put_together() -> None:
    assert read_serial("00000001EX99", "M") == "99MEX000001"
    for text, kind in (("00000001EX99", ""), ("000001", "M")):
        with pytest.raises(Garbled):
            read_serial(text, kind)


@given(some.integers(0, 10**11 - 1))
def test_amounts_read_back(cents: int) -> None:
    text = print_amount(cents)
    assert read_amount(text) == cents
    assert "." not in text
    assert read_amount(text.replace(",", ".")) == cents


@pytest.mark.parametrize(
    ("text", "cents"), [("94", 9400), ("94,5", 9450), ("1,000", 100), ("0,001", None), ("1.000,00", None)]
)
def test_amounts_of_others(text: str, cents: int | None) -> None:
    assert read_amount(text) == cents
    for broken in ("", "-1", "1e3", "NaN", "١", "1,"):
        assert read_amount(broken) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("00110", set()),
        ("20110", {"is_low"}),
        ("30110", {"is_away"}),
        ("00100", {"is_open"}),
        ("01110", set()),
        ("02110", {"is_journal_unusable"}),
        ("05110", {"is_journal_unusable"}),
        ("00120", {"is_open"}),
        ("00130", {"is_open"}),
        ("00140", set()),
        ("00180", {"is_open"}),
    ],
)
def test_the_five_characters(text: str, told: set[str]) -> None:
    state = State(text)
    assert {name for name in ("is_low", "is_away", "is_open", "is_journal_unusable") if getattr(state, name)} == told


def test_every_code_has_its_sentence() -> None:
    for status in STATUSES:
        assert sentences.told(Answer(False, "PRINTER ERROR", status, {})) == sentences.STATUSES[status]
    for code in CODES:
        answer = Answer(False, code, "0", {})
        told = sentences.leaves_open(answer) or sentences.told(answer)
        assert told in {*sentences.CODES.values(), *sentences.LOST.values(), sentences.AWAY}
    assert sentences.leaves_open(Answer(False, "PRINTER ERROR", "3", {})) == sentences.AWAY
    strange = sentences.told(Answer(False, "NEW <b>CODE", "77", {}))
    assert strange == "The fiscal machine refused, with an error that is not known here (NEW BCODE 77)."
    assert "without a code" in sentences.told(Answer(False, "", "", {}))


async def test_an_answer_in_two_pieces_is_the_same_wherever_it_was_cut() -> None:
    body = enveloped(PUBLISHED.encode())
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    cuts = iter(range(1, len(whole)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"</s:Envelope>")
        cut = next(cuts)
        writer.write(whole[:cut])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(whole[cut:])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link = Link("local_printer", 10_000)
    place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        for _ in range(len(whole) - 1):
            assert (await link.ask(place, status_question())).information["zRepNumber"] == "764"
    await link.close()


async def test_a_machine_that_says_nothing_is_left_after_its_time() -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):
            await reader.read()
        left.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link = Link("local_printer", 100)
    async with server, asyncio.timeout(30):
        with pytest.raises(Away, match="did not answer in time"):
            await link.ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", status_question())
        await left.wait()
    await link.close()
