"""Where a server is: the address of its operations and that of its socket (contract 2.1, 5)."""

import ipaddress
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from nightporter.domain.value import value

_SOCKET_HOSTS = {"api.mews.com": "ws.mews.com", "api.mews-demo.com": "ws.mews-demo.com"}
"""Where the socket is on another host than the operations (contract 2.1)."""


@value
class Address:
    """``http`` and ``socket`` are without a trailing slash."""

    http: str
    socket: str
    is_loopback: bool
    """Whether it is this machine: then no proxy is asked."""

    @classmethod
    def of(cls, address: str, socket_address: str | None = None) -> "Address":
        """Read both; the socket's follows from the other when it is not given. Raises ValueError."""
        url = _read(address, "http", "https")
        if socket_address is not None:
            socket = _read(socket_address, "ws", "wss")
        else:
            host = url.host or ""
            socket = url.with_scheme(url.scheme.replace("http", "ws")).with_host(_SOCKET_HOSTS.get(host, host))
        return cls(str(url).rstrip("/"), str(socket).rstrip("/"), is_loopback(url.host or ""))


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this machine and nothing else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def proxy_of(address: Address) -> str | None:
    """The proxy that this computer is set to ask for ``address``; None for none. Raises ValueError for one of another kind."""
    host = URL(address.http).raw_host or ""
    if address.is_loopback or proxy_bypass(host):
        return None
    scheme = address.http.partition(":")[0]
    proxy = getproxies().get(scheme)
    if proxy is None or proxy.startswith("http://"):
        return proxy
    if "://" in proxy:
        raise ValueError(
            f"The proxy that this computer is set to ask for {scheme} is not one of HTTP: http:// is expected"
        )
    return f"http://{proxy}"


def _read(text: str, *schemes: str) -> URL:
    example = f"{schemes[0]}://127.0.0.1:8080"
    try:
        url = URL(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{text!r} is not an address: {error}; expected one like {example}") from None
    if url.scheme not in schemes or not url.host:
        raise ValueError(f"{text!r} is not an address; expected one like {example}")
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise ValueError(f"An address is expected without user, query and fragment, like {example}")
    return url
