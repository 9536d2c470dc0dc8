"""Each of the twelve operations, at a desk that really runs, in typed values both ways."""

import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from inspect import signature

import pytest
from msgspec import UNSET, UnsetType

from nightporter.client import Blocked, Client, NotRecognised, Refused, Span, TokenChange, TokenToAdd, result_of
from nightporter.domain.command import CommandState
from nightporter.domain.command_data import PaymentType
from nightporter.domain.device import DeviceType
from nightporter.domain.resource_access_token import ActivityState, ResourceAccessTokenType
from nightporter.operations import CONNECTOR
from nightporter.wire.command_data import KeyCutterCommandData, PaymentTerminalCommandData, PrinterCommandData
from tests.harness import CLIENT_TOKEN, POS_TOKEN, RunningDesk

PDF = b"%PDF-1.7\n%%EOF\n"
PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
CUTTER = "7dafffff-a727-4917-a203-bd53995f21bf"
TERMINAL = RESERVATION = "be35b39e-ad7e-460a-8de9-4c7581e016a2"
CUSTOMER = STAY = "35d4b117-4e60-44a3-9580-c582117eff98"
WAITING = "aa20961f-6d9e-4b35-ad25-071213530aec"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def client(desk: RunningDesk) -> AsyncIterator[Client]:
    async with Client(desk.address, desk.client_token, desk.access_token, "Tests 1.0") as one:
        yield one


def test_every_operation_of_the_contract_has_its_method() -> None:
    methods = {
        "commands/getAllActive": Client.get_all_active,
        "commands/getAllByIds": Client.get_all_by_ids,
        "commands/addPrinter": Client.add_printer,
        "commands/addKeyCutter": Client.add_key_cutter,
        "commands/addPaymentTerminal": Client.add_payment_terminal,
        "commands/update": Client.update,
        "fiscalMachineCommands/getAll": Client.get_fiscal_machine_commands,
        "resourceAccessTokens/getAll": Client.get_resource_access_tokens,
        "resourceAccessTokens/add": Client.add_resource_access_tokens,
        "resourceAccessTokens/update": Client.update_resource_access_tokens,
        "resourceAccessTokens/delete": Client.delete_resource_access_tokens,
        "devices/getAll": Client.get_devices,
    }
    assert [operation.path for operation in CONNECTOR] == list(methods)
    keyed = {path for path, method in methods.items() if "idempotency_key" in signature(method).parameters}
    assert keyed == {operation.path for operation in CONNECTOR if operation.is_keyed}


async def test_devices(client: Client) -> None:
    devices = {device.id: device for device in await client.get_devices()}
    assert devices[PRINTER].type is DeviceType.PRINTER
    assert devices[CUTTER].type is DeviceType.KEY_CUTTER


async def test_printing(client: Client) -> None:
    command_id = await client.add_printer(PRINTER, PDF, 2)
    (command,) = (await client.get_all_by_ids([command_id])).commands
    assert isinstance(command.data, PrinterCommandData)
    assert (command.data.copy_count, command.data.file_data) == (2, "JVBERi0xLjcKJSVFT0YK")
    assert (command.state, command.created_utc) == (CommandState.PENDING, NOON)
    assert command.device.id == PRINTER
    await client.update(command_id, CommandState.PROCESSING, progress=12.5)
    await client.update(command_id, CommandState.ERROR, notes="no paper")
    (command,) = (await client.get_all_by_ids([command_id])).commands
    assert command.state is CommandState.ERROR


async def test_what_became_of_a_command_is_told_when_it_is_asked_for(client: Client) -> None:
    command_id = await client.add_printer(PRINTER, PDF)
    await client.update(command_id, CommandState.PROCESSING, progress=12.5, executor="desk-1", result={"JobId": 17})
    (command,) = (await client.get_all_by_ids([command_id], execution=True)).commands
    execution = command.execution
    assert not isinstance(execution, UnsetType)
    assert (execution.progress, execution.executor, execution.notes) == (12.5, "desk-1", None)
    assert [(one.state, one.utc) for one in execution.states] == [
        (CommandState.PENDING, NOON),
        (CommandState.PROCESSING, NOON),
    ]
    assert result_of(command) == {"JobId": 17}
    (command,) = (await client.get_all_by_ids([command_id])).commands
    assert command.execution is UNSET
    assert result_of(command) is None
    (command,) = (await client.get_all_by_ids([WAITING], execution=True)).commands
    assert result_of(command) is None


async def test_a_command_that_another_executor_has_is_refused(client: Client) -> None:
    command_id = await client.add_printer(PRINTER, PDF)
    await client.report(command_id, CommandState.RECEIVED, executor="desk-1")
    with pytest.raises(Refused, match="taken by desk-1") as refused:
        await client.report(command_id, CommandState.RECEIVED, executor="desk-2")
    assert refused.value.status == 409
    await client.report(command_id, CommandState.PROCESSED, executor="desk-1", result={"Name": "Müller"})
    (command,) = (await client.get_all_by_ids([command_id], execution=True)).commands
    assert result_of(command) == {"Name": "Müller"}


async def test_keys(client: Client) -> None:
    command_id = await client.add_key_cutter(CUTTER, RESERVATION, 3)
    (command,) = (await client.get_all_by_ids([command_id])).commands
    assert isinstance(command.data, KeyCutterCommandData)
    assert (command.data.key_count, command.data.reservation_id) == (3, RESERVATION)
    assert command.data.start_utc.tzinfo is not None


@pytest.mark.parametrize("amount", ["230", "0.01", "9007199254740.93", "1E+2"])
async def test_payments_are_exact(client: Client, amount: str) -> None:
    command_id = await client.add_payment_terminal(
        TERMINAL, CUSTOMER, Decimal(amount), "EUR", PaymentType.PREAUTHORIZATION, reservation_id=RESERVATION
    )
    (command,) = (await client.get_all_by_ids([command_id])).commands
    assert isinstance(command.data, PaymentTerminalCommandData)
    assert command.data.amount.gross_value == Decimal(amount)
    assert command.data.preauthorization_id is not None
    assert command.data.payment_id is None


async def test_an_inexact_amount_is_not_taken(client: Client) -> None:
    with pytest.raises(TypeError):
        await client.add_payment_terminal(TERMINAL, CUSTOMER, 12.3, "EUR")  # type: ignore[arg-type]


async def test_the_queue_in_pages(client: Client) -> None:
    added = [await client.add_printer(PRINTER, PDF) for _ in range(3)]
    whole = await client.get_all_active()
    ids = [command.id for command in whole.commands]
    assert ids[:3] == added[::-1]
    assert WAITING in ids
    assert whole.cursor is None
    first = await client.get_all_active(count=2)
    assert ([command.id for command in first.commands], first.cursor) == (ids[:2], ids[1])
    second = await client.get_all_active(count=1000, cursor=first.cursor)
    assert [command.id for command in second.commands] == ids[2:]
    by_ids = await client.get_all_by_ids(ids, count=1, cursor=ids[1])
    assert [command.id for command in by_ids.commands] == [ids[2]]


async def test_every_command_of_the_demo_is_read(client: Client, desk: RunningDesk) -> None:
    told = (await desk.call("commands/getAllActive")).json()["Commands"]
    assert [command.id for command in (await client.get_all_active()).commands] == [one["Id"] for one in told]


async def test_fiscal_machine_commands(client: Client, desk: RunningDesk) -> None:
    machines = [device.id for device in await client.get_devices() if device.type is DeviceType.FISCAL_MACHINE]
    page = await client.get_fiscal_machine_commands(device_ids=machines, states=list(CommandState), count=10)
    assert page.commands
    assert {command.device.id for command in page.commands} <= set(machines)
    again = await client.get_fiscal_machine_commands(command_ids=[page.commands[0].id], count=1)
    assert (again.commands, again.cursor) == ([page.commands[0]], page.commands[0].id)
    nothing = await client.get_fiscal_machine_commands(
        device_ids=machines, states=[CommandState.ERROR], updated=Span(NOON, NOON + timedelta(days=1))
    )
    assert (nothing.commands, nothing.cursor) == ([], None)


async def test_resource_access_tokens_from_begin_to_end(client: Client, desk: RunningDesk) -> None:
    pragues_noon = NOON.astimezone(timezone(timedelta(hours=1)))
    token = TokenToAdd(
        service_order_id=STAY,
        type=ResourceAccessTokenType.PIN_CODE,
        value="1234#",
        validity_start=pragues_noon,
        validity_end=NOON + timedelta(days=2),
        room=True,
    )
    (added,) = await client.add_resource_access_tokens([token])
    assert (added.value, added.validity_start_utc, added.is_active) == ("1234#", NOON, True)
    assert (added.permissions.room, added.permissions.building) == (True, False)
    desk.clock.move(60)
    change = TokenChange(id=added.id, value="5678#", validity_end=NOON + timedelta(days=1), room=False, bed=True)
    (changed,) = await client.update_resource_access_tokens([change])
    assert (changed.value, changed.validity_end_utc) == ("5678#", NOON + timedelta(days=1))
    assert (changed.validity_start_utc, changed.permissions.room, changed.permissions.bed) == (NOON, False, True)
    await client.delete_resource_access_tokens([added.id])
    page = await client.get_resource_access_tokens(
        service_order_ids=[STAY],
        colliding=Span(NOON, NOON + timedelta(hours=1)),
        activity_states=[ActivityState.DELETED],
        count=1,
    )
    assert [(one.id, one.is_active) for one in page.resource_access_tokens] == [(added.id, False)]
    assert page.cursor == added.id
    with pytest.raises(Refused, match="Invalid ResourceAccessTokenId"):
        await client.update_resource_access_tokens([change])
    for shown in (repr(token), repr(change)):
        assert "1234#" not in shown
        assert "5678#" not in shown


def test_a_time_without_a_zone_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="zone"):
        Span(datetime(2026, 3, 1), NOON).fields()


async def test_the_same_key_adds_once(client: Client) -> None:
    first = await client.add_key_cutter(CUTTER, RESERVATION, idempotency_key="guest at the desk")
    assert await client.add_key_cutter(CUTTER, RESERVATION, idempotency_key="guest at the desk") == first
    assert await client.add_key_cutter(CUTTER, RESERVATION) != first, "a key of its own each time"


async def test_refusals_name_what_is_wrong_and_nothing_secret(client: Client, desk: RunningDesk) -> None:
    with pytest.raises(Refused) as refused:
        await client.add_printer(CUTTER, PDF)
    assert (refused.value.status, refused.value.message) == (400, "Invalid PrinterId")
    assert refused.value.request_id is not None
    with pytest.raises(Blocked):
        await client.add_payment_terminal(TERMINAL, CUSTOMER, Decimal(5), "CHF")
    async with Client(desk.address, CLIENT_TOKEN, "a-wrong-token") as stranger:
        with pytest.raises(NotRecognised) as unknown:
            await stranger.get_devices()
    assert unknown.value.message == "Invalid AccessToken"
    assert "a-wrong-token" not in "".join(traceback.format_exception(unknown.value))


async def test_an_integration_without_devices_has_no_work_but_sees_its_own(desk: RunningDesk) -> None:
    async with Client(desk.address, CLIENT_TOKEN, POS_TOKEN, "MyPOS 1.0") as till:
        command_id = await till.add_payment_terminal(TERMINAL, CUSTOMER, Decimal("1.50"), "EUR")
        assert (await till.get_all_active()).commands == []
        assert [one.id for one in (await till.get_all_by_ids([command_id, WAITING])).commands] == [command_id]
