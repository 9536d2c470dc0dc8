"""Devices: what stands on the property and takes commands (contract 3)."""

from enum import StrEnum

from nightporter.domain.value import value


class DeviceType(StrEnum):
    """The five kinds of device (contract 8.1)."""

    PRINTER = "Printer"
    PAYMENT_TERMINAL = "PaymentTerminal"
    KEY_CUTTER = "KeyCutter"
    FISCAL_MACHINE = "FiscalMachine"
    PASSPORT_SCANNER = "PassportScanner"


class StalledPolicy(StrEnum):
    """What becomes of a command that nothing was heard of for too long (DESIGN, "No orphans")."""

    FLAG = "Flag"
    """It is shown as stalled, and left."""
    ERROR = "Error"
    PENDING = "Pending"
    """It is offered again."""


@value
class Configuration:
    """What the desk knows about a machine beyond its name (contract 3); each kind uses its own part."""

    machine_identifier: str | None = None
    """The machine's own identifier, for example ``FM-001`` (D60)."""
    api_url: str | None = None
    custom_data: str | None = None
    """Custom JSON text, handed through as KeyCutterData, PaymentTerminalData or FiscalMachineData."""
    printer_name: str | None = None
    printer_driver_name: str | None = None
    printer_port_name: str | None = None
    tax_identifier: str | None = None
    serial_number: str | None = None


@value
class Device:
    """One device of one enterprise."""

    id: str
    enterprise_id: str
    type: DeviceType
    name: str
    identifier: str | None
    is_active: bool
    configuration: Configuration
    expires_after: int | None = None
    """Seconds within which a command must begin; None takes the default of the type, 0 means never."""
    stalled_after: int | None = None
    """Seconds for which Processing may be silent; None and 0 as above."""
    stalled_policy: StalledPolicy | None = None

    @property
    def machine_identifier(self) -> str | None:
        """The identifier that command data names: the configured one, else ``identifier`` (D60)."""
        return self.configuration.machine_identifier or self.identifier
