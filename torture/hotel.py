"""The hotel of a run, as a property file: who adds, who carries out, who listens, and on what.

::

    Kiosk, Till  add commands, connected to nothing: they hear of what they added
    Agent        carries out, connected to every device
    Printroom    listens, connected to the printer alone
    Passer       listens, connected to the cutter; administrators disconnect and reconnect it again and again
"""

from typing import Any

ENTERPRISE = "00000001-0000-4000-8000-000000000001"
CLIENT_TOKEN = "C0000000000000000000000000000001-C000000000000000000000000000001"
PRINTER, CUTTER, TERMINAL = (f"0000001{kind}-0000-4000-8000-000000000001" for kind in (1, 2, 3))
DEVICES = (PRINTER, CUTTER, TERMINAL)
ROOM, GUEST = (f"0000002{kind}-0000-4000-8000-000000000001" for kind in (1, 2))
STAYS = tuple(f"00000023-0000-4000-8000-{number:012d}" for number in range(1, 2001))
"""Stays whose keys are cut: so many, that a stay and a count of keys tell one command from all others."""
TOKEN_STAYS = tuple(f"00000024-0000-4000-8000-{number:012d}" for number in range(1, 5))
"""Stays whose resource access tokens are added and changed in batches, one for each who does that."""

KIOSK, TILL, AGENT, PRINTROOM, PASSER = (f"00000004-0000-4000-8000-{number:012d}" for number in range(1, 6))
INTEGRATIONS = {KIOSK: "Kiosk", TILL: "Till", AGENT: "Agent", PRINTROOM: "Printroom", PASSER: "Passer"}
CONNECTED: dict[str, tuple[str, ...]] = {
    KIOSK: (),
    TILL: (),
    AGENT: DEVICES,
    PRINTROOM: (PRINTER,),
    PASSER: (CUTTER,),
}
"""The devices of each integration, as long as nobody disconnects them."""

_CLIENT = "00000003-0000-4000-8000-000000000001"
_FROM, _UNTIL = "2020-01-01T14:00:00Z", "2100-01-01T10:00:00Z"


def first_token(integration_id: str) -> str:
    """The access token that an integration begins with."""
    return f"A{integration_id[-31:].replace('-', ''):0>31}-A000000000000000000000000000001"


def property_file() -> dict[str, list[dict[str, Any]]]:
    """The hotel."""
    of_hotel = {"EnterpriseId": ENTERPRISE}
    stay = {**of_hotel, "ScheduledStartUtc": _FROM, "ScheduledEndUtc": _UNTIL, "State": "Started"}
    return {
        "Enterprises": [{"Id": ENTERPRISE, "Name": "Hotel", "AcceptedCurrencies": ["EUR"]}],
        "Clients": [
            {"Id": _CLIENT, "Name": "Client", "ClientToken": CLIENT_TOKEN, "Rights": ["AddPaymentTerminalCommands"]}
        ],
        "Integrations": [
            {
                "Id": one,
                "ClientId": _CLIENT,
                "Name": name,
                "EnterpriseId": ENTERPRISE,
                "ConnectedDeviceIds": list(CONNECTED[one]),
                "AccessTokens": [{"Id": first_token_id(one), "AccessToken": first_token(one)}],
            }
            for one, name in INTEGRATIONS.items()
        ],
        "Devices": [
            {"Id": PRINTER, "Type": "Printer", "Name": "Printer", **of_hotel},
            {"Id": CUTTER, "Type": "KeyCutter", "Name": "Cutter", **of_hotel},
            {"Id": TERMINAL, "Type": "PaymentTerminal", "Name": "Terminal", **of_hotel},
        ],
        "Resources": [{"Id": ROOM, "Name": "101", "LockIds": ["L101"], **of_hotel}],
        "Customers": [{"Id": GUEST, "LastName": "Guest", **of_hotel}],
        "Reservations": [
            {"Id": one, "Number": one[-3:], "AccountId": GUEST, "AssignedResourceId": ROOM, **stay}
            for one in STAYS + TOKEN_STAYS
        ],
    }


def first_token_id(integration_id: str) -> str:
    """The id of the access token that an integration begins with."""
    return integration_id.replace("00000004-", "00000005-")
