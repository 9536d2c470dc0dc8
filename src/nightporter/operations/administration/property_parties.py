"""What records of a property file become that say whose desk it is: enterprises, portfolios, clients, integrations, devices."""

import json

import msgspec

from nightporter.access.rights import Right
from nightporter.domain.deadlines import check_policy
from nightporter.domain.device import Configuration
from nightporter.domain.duration import read_duration
from nightporter.domain.money import DECIMALS
from nightporter.operations.administration.property_rows import Load
from nightporter.wire import property_file as shapes
from nightporter.wire.scalars import Duration


def enterprise(load: Load, record: shapes.EnterpriseRecord, _: str) -> None:
    """One property; raises ValueError."""
    if unknown := set(record.accepted_currencies) - set(DECIMALS):
        raise ValueError(f"expected ISO 4217 codes, got {', '.join(sorted(unknown))} - at `$.AcceptedCurrencies`")
    load.begin("enterprises", record.id)
    load.add(
        "enterprises",
        id=record.id,
        name=record.name,
        accepted_currencies=json.dumps(record.accepted_currencies),
        is_enabled=record.is_enabled,
    )


def portfolio(load: Load, record: shapes.PortfolioRecord, _: str) -> None:
    """Several properties under one access token; raises ValueError."""
    load.begin("portfolios", record.id)
    load.add("portfolios", id=record.id, name=record.name)
    for place, enterprise_id in enumerate(record.enterprise_ids):
        load.refer(f"EnterpriseIds[{place}]", "an enterprise", "enterprises", enterprise_id)
        load.add("portfolio_members", portfolio_id=record.id, enterprise_id=enterprise_id)


def client(load: Load, record: shapes.ClientRecord, _: str) -> None:
    """A client application; raises ValueError."""
    if unknown := set(record.rights) - set(Right):
        raise ValueError(f"expected of {', '.join(Right)}, got {', '.join(sorted(unknown))} - at `$.Rights`")
    load.begin("clients", record.id)
    load.add(
        "clients",
        id=record.id,
        name=record.name,
        token_hash=load.token("ClientToken", record.client_token, record.client_token_hash),
        rights=json.dumps(record.rights),
    )


def integration(load: Load, record: shapes.IntegrationRecord, _: str) -> None:
    """A client at an enterprise or portfolio, with its tokens and connected devices; raises ValueError."""
    load.begin("integrations", record.id)
    load.refer("ClientId", "a client", "clients", record.client_id)
    if record.enterprise_id is not None and record.portfolio_id is None:
        load.refer("EnterpriseId", "an enterprise", "enterprises", record.enterprise_id)
    elif record.portfolio_id is not None and record.enterprise_id is None:
        load.refer("PortfolioId", "a portfolio", "portfolios", record.portfolio_id)
    else:
        raise ValueError("expected either EnterpriseId or PortfolioId")
    load.add(
        "integrations",
        id=record.id,
        client_id=record.client_id,
        name=record.name,
        enterprise_id=record.enterprise_id,
        portfolio_id=record.portfolio_id,
        is_enabled=record.is_enabled,
    )
    for place, token in enumerate(record.access_tokens):
        here = f"$.AccessTokens[{place}]"
        load.begin("access_tokens", token.id, place=f"{here}.Id")
        load.add(
            "access_tokens",
            id=token.id,
            integration_id=record.id,
            token_hash=load.token("AccessToken", token.access_token, token.access_token_hash, here),
            created=load.now,
            revoked=None,
        )
    for device_id in record.connected_device_ids:
        load.add("device_connections", integration_id=record.id, device_id=device_id)


def device(load: Load, record: shapes.DeviceRecord, _: str) -> None:
    """A device; raises ValueError."""
    enterprise_id = load.fact("devices", record)
    known = Configuration(**msgspec.structs.asdict(record.configuration))
    if record.stalled_policy is not None:
        try:
            check_policy(record.type, record.stalled_policy)
        except ValueError as error:
            raise ValueError(f"{error} - at `$.StalledPolicy`") from None
    load.device_types[enterprise_id, record.id] = record.type
    load.expires_after[enterprise_id, record.id] = _seconds(record.expires_after)
    load.add(
        "devices",
        enterprise_id=enterprise_id,
        id=record.id,
        type=record.type.value,
        name=record.name,
        identifier=record.identifier,
        is_active=record.is_active,
        configuration=msgspec.json.encode(known).decode(),
        expires_after=_seconds(record.expires_after),
        stalled_after=_seconds(record.stalled_after),
        stalled_policy=record.stalled_policy and record.stalled_policy.value,
    )


def _seconds(duration: Duration | None) -> int | None:
    return None if duration is None else read_duration(duration)
