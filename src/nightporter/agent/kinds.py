"""The table of drivers: ours, one line each, and those that other packages bring."""

from collections.abc import Mapping
from importlib.metadata import entry_points

from nightporter.agent.driver import Kind
from nightporter.agent.drivers import fiscal_machine, key_cutter, passport_scanner, payment_terminal, printer

OURS = (
    printer.KIND,
    key_cutter.KIND,
    fiscal_machine.KIND,
    payment_terminal.KIND,
    passport_scanner.KIND,
)
GROUP = "nightporter.drivers"
"""The entry points of other packages: each is a Kind, under any name."""


class BadDriver(Exception):
    """A package brings a driver that cannot be used; the message names it and says why."""


def kinds() -> Mapping[str, Kind]:
    """All drivers by name. Raises BadDriver for a package whose driver is none, or bears the name of another."""
    found = {kind.name: kind for kind in OURS}
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist is not None else point.value
        try:
            kind = point.load()
        except Exception as error:
            raise BadDriver(f"the driver {point.value} of the package {package} cannot be imported: {error}") from error
        if not isinstance(kind, Kind):
            raise BadDriver(f"{point.value} of the package {package} is no nightporter.agent.driver.Kind")
        if kind.name in found:
            raise BadDriver(
                f"the package {package} brings a driver {kind.name!r}, and there is one of that name already"
            )
        found[kind.name] = kind
    return found
