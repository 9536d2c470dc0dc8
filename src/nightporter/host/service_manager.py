"""Telling the service manager how the desk is: systemd's own protocol, one datagram a message (sd_notify(3))."""

import socket

import structlog

EVERY = 30.0
"""Seconds between two messages where no watchdog asks for more."""
PATIENCE = 1.0
"""Seconds for which a message may wait for room in the service manager's queue."""

_log = structlog.get_logger()


class ServiceManager:
    """Whoever listens at ``address``: a path, or ``@`` and the name of an abstract socket; nobody for an empty one."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def __bool__(self) -> bool:
        return bool(self._address)

    def tell(self, *assignments: str, status: str) -> None:
        """Send ``assignments`` like ``READY=1``, and ``status`` for people to read; one that gets lost is logged."""
        if not self._address:
            return
        message = "\n".join([*assignments, f"STATUS={' '.join(status.split())}"])
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
                speaking.settimeout(PATIENCE)
                speaking.sendto(message.encode(), self._address)
        except OSError as error:
            _log.warning("the service manager could not be told", what=assignments, why=error.strerror or str(error))
