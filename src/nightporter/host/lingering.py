"""What becomes of bytes that were written to a connection and have not left this computer when it is closed."""

import os
import socket
import struct

_LINGER = "hh" if os.name == "nt" else "ii"  # struct linger of Winsock, and of everybody else

Option = tuple[int, int, bytes]

DROPPED: Option = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
"""For ``setsockopt``: they are thrown away, and the other side sees a reset; so too when the process is killed.

Else the system goes on delivering them for minutes, and once the network is back a request that counts as lost is heard.
"""
DELIVERED: Option = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 0, 0))
"""For ``setsockopt``: they are still delivered, as by default."""
