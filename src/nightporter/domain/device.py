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

    @property
    def machine_identifier(self) -> str | None:
        """The identifier that command data names: the configured one, else ``identifier`` (D60)."""
        return self.configuration.machine_identifier or self.identifier
