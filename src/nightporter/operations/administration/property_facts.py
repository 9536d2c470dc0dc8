"""What records of a property file become that commands and tokens are made from: rooms, guests, stays, bills."""

import json

from nightporter.domain.reservation import ReservationState
from nightporter.operations.administration.property_rows import Load
from nightporter.storage.types import seconds
from nightporter.wire import property_file as shapes


def resource(load: Load, record: shapes.ResourceRecord, raw: str) -> None:
    """A room, bed, floor or building; raises ValueError."""
    load.add(
        "resources",
        enterprise_id=load.fact("resources", record),
        id=record.id,
        name=record.name,
        parent_resource_id=record.parent_resource_id,
        lock_ids=None if record.lock_ids is None else json.dumps(record.lock_ids),
        record=raw,
    )


def customer(load: Load, record: shapes.CustomerRecord, raw: str) -> None:
    """A guest, with one name or none if need be (see CustomerRecord); raises ValueError."""
    names = [name for name in (record.first_name, record.last_name) if name]
    load.add(
        "customers",
        enterprise_id=load.fact("customers", record),
        id=record.id,
        first_name=names[0] if len(names) > 1 else None,
        last_name=names[-1] if names else "",
        telephone=record.phone or None,
        email=record.email or None,
        record=raw,
    )


def company(load: Load, record: shapes.CompanyRecord, raw: str) -> None:
    """A company; raises ValueError."""
    load.add("companies", enterprise_id=load.fact("companies", record), id=record.id, name=record.name, record=raw)


_OVER = {ReservationState.PROCESSED, ReservationState.CANCELED}


def reservation(load: Load, record: shapes.ReservationRecord, raw: str) -> None:
    """A stay, from the names of both versions (see ReservationRecord); raises ValueError."""
    enterprise_id = load.fact("reservations", record)
    start, end = record.scheduled_start_utc or record.start_utc, record.scheduled_end_utc or record.end_utc
    if start is None or end is None:
        missing = "ScheduledStartUtc" if start is None else "ScheduledEndUtc"
        raise ValueError(f"Object missing required field `{missing}`")
    if record.actual_start_utc is not None:
        start = min(start, record.actual_start_utc)
    if end < start:
        raise ValueError("expected an end that is not before the start - at `$.ScheduledEndUtc`")
    enquired = record.state is shapes.RecordedState.ENQUIRED
    state = ReservationState.INQUIRED if enquired else ReservationState(record.state)
    account_id = record.account_id or record.owner_id or record.customer_id
    if account_id is not None and state not in _OVER:
        # Its keys and tokens would bear no name. What is over may name an account that has gone since; and a room
        # that is not there is told by whoever asks for its key.
        load.refer("AccountId", "a customer or company", ("customers", "companies"), enterprise_id, account_id)
    load.add(
        "reservations",
        enterprise_id=enterprise_id,
        id=record.id,
        number=record.number,
        state=state.value,
        start_time=seconds(start),
        end_time=seconds(end),
        account_id=account_id,
        resource_id=record.assigned_resource_id or record.assigned_space_id,
        record=raw,
    )


def companionship(load: Load, record: shapes.CompanionshipRecord, raw: str) -> None:
    """One guest on a reservation; raises ValueError."""
    enterprise_id = load.fact("companionships", record)
    if record.reservation_id is not None:
        load.refer("ReservationId", "a reservation", "reservations", enterprise_id, record.reservation_id)
    load.add(
        "companionships",
        enterprise_id=enterprise_id,
        id=record.id,
        reservation_id=record.reservation_id,
        customer_id=record.customer_id,
        record=raw,
    )


def bill(load: Load, record: shapes.BillRecord, raw: str) -> None:
    """A bill; raises ValueError."""
    load.add("bills", enterprise_id=load.fact("bills", record), id=record.id, state=record.state.value, record=raw)


def payment_request(load: Load, record: shapes.PaymentRequestRecord, raw: str) -> None:
    """A request for payment; raises ValueError."""
    load.add("payment_requests", enterprise_id=load.fact("payment_requests", record), id=record.id, record=raw)
