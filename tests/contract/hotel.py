"""A hotel with one of everything that the contract's rules speak of, as a property file; every id has a name here.

::

    HOTEL          Kiosk    adds, connected to nothing              (the adder of contract 12, row 13: A)
                   Agent    connected to every device of the hotel  (B)
                   Spare    connected to SPARE_PRINTER alone        (C)
                   Partner  of another client, without rights, connected to every device
                   Gone     disabled
    SISTER_HOTEL   Chain    the portfolio of HOTEL, SISTER_HOTEL and CLOSED_HOTEL, connected to the devices of the first two
    CLOSED_HOTEL   Closed   enabled at an enterprise that is disabled; Dark: the portfolio of that enterprise alone
    FOREIGN_HOTEL  Stranger of the same client, connected to every device there
"""

import json
from typing import Any

import httpx

from nightporter.operations.administration.load_property import load_property
from tests.harness import RunningDesk

PDF = "JVBERi0xLjcKJSVFT0YK"
NOBODY = "99999999-9999-4999-8999-999999999999"
"""An id that is nothing anywhere."""

CLIENT_TOKEN = "C0000000000000000000000000000001-C000000000000000000000000000001"
PARTNER_CLIENT_TOKEN = "C0000000000000000000000000000002-C000000000000000000000000000002"
KIOSK = "A0000000000000000000000000000001-A000000000000000000000000000001"
AGENT = "B0000000000000000000000000000001-B000000000000000000000000000001"
SPARE = "C0000000000000000000000000000003-C000000000000000000000000000003"
PARTNER = "D0000000000000000000000000000001-D000000000000000000000000000001"
GONE = "E0000000000000000000000000000001-E000000000000000000000000000001"
CHAIN = "F0000000000000000000000000000001-F000000000000000000000000000001"
CLOSED = "E0000000000000000000000000000002-E000000000000000000000000000002"
DARK = "E0000000000000000000000000000003-E000000000000000000000000000003"
STRANGER = "F0000000000000000000000000000002-F000000000000000000000000000002"


def _id(kind: int, number: int) -> str:
    return f"{kind:08d}-0000-4000-8000-{number:012d}"


HOTEL, SISTER_HOTEL, CLOSED_HOTEL, FOREIGN_HOTEL = (_id(1, number) for number in range(1, 5))
CHAIN_PORTFOLIO, DARK_PORTFOLIO = (_id(2, number) for number in range(1, 3))
CLIENT, PARTNER_CLIENT = (_id(3, number) for number in range(1, 3))
(
    KIOSK_INTEGRATION,
    AGENT_INTEGRATION,
    SPARE_INTEGRATION,
    PARTNER_INTEGRATION,
    GONE_INTEGRATION,
    CHAIN_INTEGRATION,
    CLOSED_INTEGRATION,
    DARK_INTEGRATION,
    STRANGER_INTEGRATION,
) = (_id(4, number) for number in range(1, 10))

PRINTER, PLAIN_PRINTER, SPARE_PRINTER, OLD_PRINTER = (_id(11, number) for number in range(1, 5))
CUTTER, PLAIN_CUTTER, OLD_CUTTER = (_id(12, number) for number in range(1, 4))
TERMINAL, PLAIN_TERMINAL, OLD_TERMINAL = (_id(13, number) for number in range(1, 4))
FISCAL, SECOND_FISCAL = (_id(14, number) for number in range(1, 3))
SCANNER = _id(15, 1)
SISTER_PRINTER, SISTER_CUTTER, SISTER_FISCAL = (_id(16, number) for number in range(1, 4))
FOREIGN_PRINTER, FOREIGN_CUTTER, FOREIGN_TERMINAL, FOREIGN_FISCAL = (_id(17, number) for number in range(1, 5))

ROOM, PLAIN_ROOM, SISTER_ROOM, FOREIGN_ROOM = (_id(21, number) for number in range(1, 5))
GUEST, PLAIN_GUEST, FOREIGN_GUEST = (_id(22, number) for number in range(1, 4))
COMPANY, FOREIGN_COMPANY = (_id(23, number) for number in range(1, 3))
(
    STAY,
    CONFIRMED_STAY,
    CANCELED_STAY,
    CHECKED_OUT_STAY,
    ROOMLESS_STAY,
    PLAIN_STAY,
    COMPANY_STAY,
    SISTER_STAY,
    FOREIGN_STAY,
    OWNERLESS_STAY,
    LOST_ROOM_STAY,
) = (_id(24, number) for number in range(1, 12))
COMPANION, OTHER_COMPANION, FOREIGN_COMPANION = (_id(25, number) for number in range(1, 4))
OPEN_BILL, CLOSED_BILL, FOREIGN_BILL = (_id(26, number) for number in range(1, 4))
PAYMENT_REQUEST, FOREIGN_PAYMENT_REQUEST = (_id(27, number) for number in range(1, 3))

STRUCTURED_FISCAL, PAYLOAD_FISCAL, BARE_FISCAL, SISTER_FISCAL_COMMAND, FOREIGN_FISCAL_COMMAND = (
    _id(31, number) for number in range(1, 6)
)
SCAN, PRINTED = _id(32, 1), _id(32, 2)
FOREIGN_TOKEN, SISTER_TOKEN = _id(33, 1), _id(33, 2)
PROFILE = _id(41, 1)

OF_HOTEL = [
    PRINTER, PLAIN_PRINTER, SPARE_PRINTER, OLD_PRINTER, CUTTER, PLAIN_CUTTER, OLD_CUTTER,
    TERMINAL, PLAIN_TERMINAL, OLD_TERMINAL, FISCAL, SECOND_FISCAL, SCANNER,
]  # fmt: skip
OF_SISTER = [SISTER_PRINTER, SISTER_CUTTER, SISTER_FISCAL]
OF_FOREIGN = [FOREIGN_PRINTER, FOREIGN_CUTTER, FOREIGN_TERMINAL, FOREIGN_FISCAL]
INACTIVE = [OLD_PRINTER, OLD_CUTTER, OLD_TERMINAL]

STRUCTURED_DATA = {
    "IsRefund": False,
    "RebatedReceiptNumber": None,
    "RebatedReceiptSequence": None,
    "RebatedReceiptDateTimeUtc": None,
    "PrinterSerialNumber": "FP001-123456",
}


def integration(number: str, name: str, token: str, **fields: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "ClientId": CLIENT,
        "Name": name,
        "AccessTokens": [{"Id": number.replace("00000004-", "00000005-"), "AccessToken": token}],
        **fields,
    }


def _device(number: str, kind: str, name: str, enterprise: str = HOTEL, **fields: Any) -> dict[str, Any]:
    return {"Id": number, "EnterpriseId": enterprise, "Type": kind, "Name": name, **fields}


def _stay(number: str, state: str, enterprise: str = HOTEL, **fields: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "EnterpriseId": enterprise,
        "Number": f"R{number[-3:]}",
        "State": state,
        "ScheduledStartUtc": "2026-02-27T14:00:00Z",
        "ScheduledEndUtc": "2026-03-04T10:00:00Z",
        "AccountId": GUEST,
        "AssignedResourceId": ROOM,
        **fields,
    }


def bill(number: str = CLOSED_BILL, enterprise: str = HOTEL) -> dict[str, Any]:
    return {
        "Id": number,
        "EnterpriseId": enterprise,
        "Name": "Bill 1001",
        "AccountId": GUEST,
        "AccountType": "Customer",
        "State": "Closed",
        "Type": "Invoice",
        "Number": "1001",
        "CreatedUtc": "2026-02-01T10:00:00Z",
        "UpdatedUtc": "2026-02-01T11:00:00Z",
        "IssuedUtc": "2026-02-01T11:00:00Z",
        "OwnerData": {"Discriminator": "BillCustomerData", "Value": {"Id": GUEST, "LastName": "Müller"}},
        "OrderItems": [{"Id": NOBODY}],
    }


def fiscal_command(number: str, device: str, enterprise: str = HOTEL, **fields: Any) -> dict[str, Any]:
    """A pending fiscal command, created on 1 February 2026 at eleven; its data may be changed by ``Data``."""
    data = {
        "FiscalMachineId": "FM-001",
        "ApiUrl": "https://fiscal.example/api",
        "FiscalMachineData": '{"printerPort": "COM1"}',
        "Bill": bill(enterprise=enterprise),
        "TaxIdentifier": "12345678901",
        "BillFiscalMachineData": None,
        "PayloadData": None,
    }
    return {
        "Id": number,
        "EnterpriseId": enterprise,
        "DeviceId": device,
        "State": "Pending",
        "CreatedUtc": "2026-02-01T11:00:00Z",
        "Creator": {"LastName": "Night Audit", "Discriminator": "Enterprise", "ProfileId": PROFILE},
        **fields,
        "Data": {**data, **fields.get("Data", {})},
    }


def resource_access_token(number: str, enterprise: str, stay: str) -> dict[str, Any]:
    return {
        "Id": number,
        "EnterpriseId": enterprise,
        "ServiceOrderId": stay,
        "Type": "PinCode",
        "Value": "1111",
        "ValidityStartUtc": "2026-02-27T14:00:00Z",
        "ValidityEndUtc": "2026-03-04T10:00:00Z",
        "Permissions": {"Bed": False, "Room": True, "Floor": False, "Building": False},
        "CreatedUtc": "2026-02-20T10:00:00Z",
        "UpdatedUtc": "2026-02-20T10:00:00Z",
    }


def property_file() -> dict[str, list[dict[str, Any]]]:
    """The hotel, as a property file."""
    printer = {"PrinterName": "HP", "PrinterDriverName": "HP Driver", "PrinterPortName": "LPT1"}
    cutter = {"MachineIdentifier": "CUT-01", "ApiUrl": "https://locks.example", "CustomData": '{"Building": 1}'}
    terminal = {"MachineIdentifier": "TERM-01", "CustomData": '{"Lane": 2}'}
    return {
        "Enterprises": [
            {"Id": HOTEL, "Name": "Hotel", "AcceptedCurrencies": ["EUR", "GBP", "JPY", "BHD"]},
            {"Id": SISTER_HOTEL, "Name": "Sister Hotel", "AcceptedCurrencies": ["EUR"]},
            {"Id": CLOSED_HOTEL, "Name": "Closed Hotel", "AcceptedCurrencies": ["EUR"], "IsEnabled": False},
            {"Id": FOREIGN_HOTEL, "Name": "Foreign Hotel", "AcceptedCurrencies": ["EUR"]},
        ],
        "Portfolios": [
            {"Id": CHAIN_PORTFOLIO, "Name": "Chain", "EnterpriseIds": [HOTEL, SISTER_HOTEL, CLOSED_HOTEL]},
            {"Id": DARK_PORTFOLIO, "Name": "Dark", "EnterpriseIds": [CLOSED_HOTEL]},
        ],
        "Clients": [
            {
                "Id": CLIENT,
                "Name": "Client",
                "ClientToken": CLIENT_TOKEN,
                "Rights": ["AddPaymentTerminalCommands", "ReadFiscalMachineCommands"],
            },
            {"Id": PARTNER_CLIENT, "Name": "Partner", "ClientToken": PARTNER_CLIENT_TOKEN},
        ],
        "Integrations": [
            integration(KIOSK_INTEGRATION, "Kiosk", KIOSK, EnterpriseId=HOTEL),
            integration(AGENT_INTEGRATION, "Agent", AGENT, EnterpriseId=HOTEL, ConnectedDeviceIds=OF_HOTEL),
            integration(SPARE_INTEGRATION, "Spare", SPARE, EnterpriseId=HOTEL, ConnectedDeviceIds=[SPARE_PRINTER]),
            integration(
                PARTNER_INTEGRATION,
                "Partner",
                PARTNER,
                ClientId=PARTNER_CLIENT,
                EnterpriseId=HOTEL,
                ConnectedDeviceIds=OF_HOTEL,
            ),
            integration(GONE_INTEGRATION, "Gone", GONE, EnterpriseId=HOTEL, IsEnabled=False),
            integration(
                CHAIN_INTEGRATION,
                "Chain",
                CHAIN,
                PortfolioId=CHAIN_PORTFOLIO,
                ConnectedDeviceIds=[*OF_HOTEL, *OF_SISTER],
            ),
            integration(CLOSED_INTEGRATION, "Closed", CLOSED, EnterpriseId=CLOSED_HOTEL),
            integration(DARK_INTEGRATION, "Dark", DARK, PortfolioId=DARK_PORTFOLIO),
            integration(
                STRANGER_INTEGRATION, "Stranger", STRANGER, EnterpriseId=FOREIGN_HOTEL, ConnectedDeviceIds=OF_FOREIGN
            ),
        ],
        "Devices": [
            _device(PRINTER, "Printer", "Printer", Identifier="P1", Configuration=printer),
            _device(PLAIN_PRINTER, "Printer", "Plain printer"),
            _device(SPARE_PRINTER, "Printer", "Spare printer"),
            _device(OLD_PRINTER, "Printer", "Old printer", IsActive=False),
            _device(CUTTER, "KeyCutter", "Cutter", Identifier="C1", Configuration=cutter),
            _device(PLAIN_CUTTER, "KeyCutter", "Plain cutter"),
            _device(OLD_CUTTER, "KeyCutter", "Old cutter", IsActive=False),
            _device(TERMINAL, "PaymentTerminal", "Terminal", Identifier="T1", Configuration=terminal),
            _device(PLAIN_TERMINAL, "PaymentTerminal", "Plain terminal"),
            _device(OLD_TERMINAL, "PaymentTerminal", "Old terminal", IsActive=False),
            _device(FISCAL, "FiscalMachine", "Fiscal machine"),
            _device(SECOND_FISCAL, "FiscalMachine", "Second fiscal machine"),
            _device(SCANNER, "PassportScanner", "Scanner", Identifier="S1"),
            _device(SISTER_PRINTER, "Printer", "Sister printer", SISTER_HOTEL),
            _device(SISTER_CUTTER, "KeyCutter", "Sister cutter", SISTER_HOTEL),
            _device(SISTER_FISCAL, "FiscalMachine", "Sister fiscal machine", SISTER_HOTEL),
            _device(FOREIGN_PRINTER, "Printer", "Foreign printer", FOREIGN_HOTEL),
            _device(FOREIGN_CUTTER, "KeyCutter", "Foreign cutter", FOREIGN_HOTEL),
            _device(FOREIGN_TERMINAL, "PaymentTerminal", "Foreign terminal", FOREIGN_HOTEL),
            _device(FOREIGN_FISCAL, "FiscalMachine", "Foreign fiscal machine", FOREIGN_HOTEL),
        ],
        "Resources": [
            {"Id": ROOM, "EnterpriseId": HOTEL, "Name": "101", "LockIds": ["L101", "LIFT"]},
            {"Id": PLAIN_ROOM, "EnterpriseId": HOTEL, "Name": "102"},
            {"Id": SISTER_ROOM, "EnterpriseId": SISTER_HOTEL, "Name": "201", "LockIds": ["L201"]},
            {"Id": FOREIGN_ROOM, "EnterpriseId": FOREIGN_HOTEL, "Name": "301", "LockIds": ["L301"]},
        ],
        "Customers": [
            {
                "Id": GUEST,
                "EnterpriseId": HOTEL,
                "FirstName": "José",
                "LastName": "Müller",
                "Phone": "+49 30 1234",
                "Email": "jose@example.com",
            },
            {"Id": PLAIN_GUEST, "EnterpriseId": HOTEL, "LastName": "Plain"},
            {"Id": FOREIGN_GUEST, "EnterpriseId": FOREIGN_HOTEL, "LastName": "Foreign"},
        ],
        "Companies": [
            {"Id": COMPANY, "EnterpriseId": HOTEL, "Name": "Über Reisen"},
            {"Id": FOREIGN_COMPANY, "EnterpriseId": FOREIGN_HOTEL, "Name": "Foreign"},
        ],
        "Reservations": [
            _stay(STAY, "Started"),
            _stay(CONFIRMED_STAY, "Confirmed"),
            _stay(CANCELED_STAY, "Canceled"),
            _stay(CHECKED_OUT_STAY, "Processed"),
            _stay(ROOMLESS_STAY, "Confirmed", AssignedResourceId=None),
            _stay(PLAIN_STAY, "Started", AccountId=PLAIN_GUEST, AssignedResourceId=PLAIN_ROOM, Number=None),
            _stay(COMPANY_STAY, "Started", AccountId=COMPANY),
            _stay(SISTER_STAY, "Started", SISTER_HOTEL, AccountId=None, AssignedResourceId=SISTER_ROOM),
            _stay(FOREIGN_STAY, "Started", FOREIGN_HOTEL, AccountId=FOREIGN_GUEST, AssignedResourceId=FOREIGN_ROOM),
            _stay(OWNERLESS_STAY, "Started", AccountId=None),
            _stay(LOST_ROOM_STAY, "Started", AssignedResourceId=NOBODY),
        ],
        "Companionships": [
            {"Id": COMPANION, "EnterpriseId": HOTEL, "CustomerId": GUEST, "ReservationId": STAY},
            {"Id": OTHER_COMPANION, "EnterpriseId": HOTEL, "CustomerId": GUEST, "ReservationId": CONFIRMED_STAY},
            {
                "Id": FOREIGN_COMPANION,
                "EnterpriseId": FOREIGN_HOTEL,
                "CustomerId": FOREIGN_GUEST,
                "ReservationId": FOREIGN_STAY,
            },
        ],
        "Bills": [
            {"Id": OPEN_BILL, "EnterpriseId": HOTEL, "State": "Open"},
            {"Id": CLOSED_BILL, "EnterpriseId": HOTEL, "State": "Closed"},
            {"Id": FOREIGN_BILL, "EnterpriseId": FOREIGN_HOTEL, "State": "Open"},
        ],
        "PaymentRequests": [
            {"Id": PAYMENT_REQUEST, "EnterpriseId": HOTEL},
            {"Id": FOREIGN_PAYMENT_REQUEST, "EnterpriseId": FOREIGN_HOTEL},
        ],
        "Commands": [
            fiscal_command(
                STRUCTURED_FISCAL,
                FISCAL,
                Data={"BillFiscalMachineData": {"Discriminator": "ItalianFiscalMachineData", "Value": STRUCTURED_DATA}},
            ),
            fiscal_command(
                PAYLOAD_FISCAL,
                SECOND_FISCAL,
                State="Processing",
                CreatedUtc="2026-02-01T12:00:00Z",
                UpdatedUtc="2026-02-02T12:00:00Z",
                Data={"PayloadData": {"Discriminator": "ItalianFiscalMachine", "Value": "PGZ2cF9kb2MvPg=="}},
            ),
            fiscal_command(
                BARE_FISCAL,
                FISCAL,
                State="Processed",
                CreatedUtc="2026-02-01T10:00:00Z",
                UpdatedUtc="2026-02-03T12:00:00Z",
                Creator={"FirstName": "Ada", "LastName": "Night", "Discriminator": "Personal"},
                Data={"FiscalMachineId": None, "ApiUrl": None, "FiscalMachineData": None, "TaxIdentifier": None},
            ),
            fiscal_command(SISTER_FISCAL_COMMAND, SISTER_FISCAL, SISTER_HOTEL, CreatedUtc="2026-02-01T09:00:00Z"),
            fiscal_command(FOREIGN_FISCAL_COMMAND, FOREIGN_FISCAL, FOREIGN_HOTEL),
            {
                "Id": SCAN,
                "EnterpriseId": HOTEL,
                "DeviceId": SCANNER,
                "State": "Received",
                "CreatedUtc": "2026-02-01T08:00:00Z",
                "Creator": {"FirstName": "Ada", "LastName": "Night"},
                "Data": {"PassportScannerId": "SCAN-1", "CustomerId": GUEST, "ReservationId": STAY},
            },
            {
                "Id": PRINTED,
                "EnterpriseId": HOTEL,
                "DeviceId": PRINTER,
                "State": "Processed",
                "CreatedUtc": "2026-02-01T07:00:00Z",
                "Creator": {"LastName": "Night", "ImageUrl": "https://example.com/ada.png"},
                "Data": {
                    "CopyCount": 1,
                    "FileType": "application/pdf",
                    "FileData": PDF,
                    "PrinterName": "",
                    "PrinterDriverName": "",
                    "PrinterPortName": "",
                },
            },
        ],
        "ResourceAccessTokens": [
            resource_access_token(FOREIGN_TOKEN, FOREIGN_HOTEL, FOREIGN_STAY),
            resource_access_token(SISTER_TOKEN, SISTER_HOTEL, SISTER_STAY),
        ],
    }


async def load(desk: RunningDesk, **parts: list[dict[str, Any]]) -> None:
    """Load a further property file into the running desk."""
    await load_property(desk.desk.writer, desk.clock.sources(), printed(parts))


def printed(hotel: dict[str, Any]) -> bytes:
    return json.dumps(hotel).encode()


def refused(response: httpx.Response, status: int, message: str | None = None) -> None:
    """The reply is this refusal; without ``message`` it is a sentence for a person."""
    assert response.status_code == status, response.text
    told = response.json()["Message"]
    if message is None:
        assert told.endswith(".")
        assert " " in told
    else:
        assert told == message


async def print_page(desk: RunningDesk, printer: str = PRINTER, **fields: Any) -> str:
    """Add a printer command; its id."""
    response = await desk.call("commands/addPrinter", **{"PrinterId": printer, "CopyCount": 1, "Data": PDF} | fields)
    assert response.status_code == 200, response.text
    return str(response.json()["CommandId"])


async def move(desk: RunningDesk, command_id: str, *states: str) -> None:
    """Report each of ``states``; all must be accepted."""
    for state in states:
        response = await desk.call("commands/update", CommandId=command_id, State=state)
        assert response.status_code == 200, response.text


async def command(desk: RunningDesk, command_id: str) -> dict[str, Any]:
    """The command as getAllByIds tells it."""
    response = await desk.call("commands/getAllByIds", CommandIds=[command_id])
    (found,) = response.json()["Commands"]
    return dict(found)


async def told(desk: RunningDesk, command_id: str) -> dict[str, Any]:
    """What getAllByIds tells of the execution of the command."""
    response = await desk.call("commands/getAllByIds", CommandIds=[command_id], Extent={"Execution": True})
    (found,) = response.json()["Commands"]
    return dict(found["Execution"])


def history(execution: dict[str, Any]) -> list[tuple[str, str]]:
    """The states that it went through, with their times."""
    return [(one["State"], one["Utc"]) for one in execution["States"]]


async def active(desk: RunningDesk) -> list[str]:
    """The ids that getAllActive tells."""
    response = await desk.call("commands/getAllActive")
    assert response.status_code == 200, response.text
    return [one["Id"] for one in response.json()["Commands"]]


def token_parameters(**fields: Any) -> dict[str, Any]:
    """One usable element of resourceAccessTokens/add; None takes a field out."""
    wanted = {
        "ServiceOrderId": STAY,
        "Type": "PinCode",
        "Value": "1234#",
        "ValidityStartUtc": "2026-03-01T14:00:00Z",
        "ValidityEndUtc": "2026-03-04T10:00:00Z",
        "Permissions": {"Room": {"Value": True}},
        **fields,
    }
    return {name: value for name, value in wanted.items() if value is not None}


async def add_token(desk: RunningDesk, **fields: Any) -> dict[str, Any]:
    """Add one resource access token; as the reply tells it."""
    response = await desk.call("resourceAccessTokens/add", ResourceAccessTokenParameters=[token_parameters(**fields)])
    assert response.status_code == 200, response.text
    (added,) = response.json()["ResourceAccessTokens"]
    return dict(added)


async def token(desk: RunningDesk, token_id: str) -> dict[str, Any]:
    """The resource access token as getAll tells it."""
    response = await desk.call(
        "resourceAccessTokens/getAll", ResourceAccessTokenIds=[token_id], Limitation={"Count": 10}
    )
    (found,) = response.json()["ResourceAccessTokens"]
    return dict(found)
