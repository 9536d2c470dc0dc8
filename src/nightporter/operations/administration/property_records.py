"""What each record of a property file becomes: one function for each part of the file."""

from collections.abc import Callable, Mapping
from typing import Any

from nightporter.operations.administration import property_commands, property_facts, property_parties
from nightporter.operations.administration.property_rows import Load

KEEP: Mapping[str, Callable[[Load, Any, str], None]] = {
    "Enterprises": property_parties.enterprise,
    "Portfolios": property_parties.portfolio,
    "Clients": property_parties.client,
    "Integrations": property_parties.integration,
    "Devices": property_parties.device,
    "Resources": property_facts.resource,
    "Customers": property_facts.customer,
    "Companies": property_facts.company,
    "Reservations": property_facts.reservation,
    "Companionships": property_facts.companionship,
    "Bills": property_facts.bill,
    "PaymentRequests": property_facts.payment_request,
    "Commands": property_commands.command,
    "ResourceAccessTokens": property_commands.resource_access_token,
}
"""Every part of a file and what it becomes, in the order in which they are read."""
