"""Where a machine listens, as the configuration names it: a host, and a port."""

import re

_ADDRESS = re.compile(r"(\[[\w:.%-]+\]|[\w-]{1,63}(?:\.[\w-]{1,63})*\.?)(?::(\d{1,5}))?", re.ASCII)


def read_address(address: str, example: str, usual: int | None = None) -> tuple[str, int]:
    """Take ``host:port`` or ``[address]:port`` apart, the host in small letters.

    The port may be left out where there is a ``usual`` one. Raises ValueError with one sentence, in which ``example`` stands.
    """
    match = _ADDRESS.fullmatch(address)
    port = int(match[2] or usual or 0) if match else 0
    if match is None or not 0 < port < 65536:
        expected = "a host and a port" if usual is None else "a host, or a host and a port"
        raise ValueError(f"address must be {expected}, like {example}")
    return match[1].strip("[]").lower(), port
