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


def proxy_of(address: str) -> str | None:
    """The proxy that this computer is set to ask for an address, with its login if it has one; None for none.

    Raises ValueError for one that is not of HTTP; what it is set to is not quoted, for it may hold a password.
    """
    url = URL(address)
    if is_loopback(url.host or "") or proxy_bypass(url.raw_host or ""):
        return None
    scheme, proxies = url.scheme.replace("ws", "http"), getproxies()
    told = proxies.get(scheme) or proxies.get("all")
    if not told:
        return None
    try:
        proxy = URL(told if "://" in told else f"http://{told}")
        (proxy.raw_host or "").encode("idna")
        f"{proxy.user or ''}{proxy.password or ''}".encode("latin-1")
    except ValueError:  # of codecs too
        proxy = URL()
    is_plain = proxy.scheme == "http" and proxy.host and proxy.path in ("", "/")
    # A colon ends the user's name in what is sent (RFC 7617, 2).
    if not is_plain or proxy.query_string or proxy.fragment or ":" in (proxy.user or ""):
        raise ValueError(
            f"The proxy that this computer is set to ask for {scheme} is not one of HTTP: expected one like "
            "http://proxy.example.com:3128, with a login before an @"
        )
    return str(proxy.origin().with_user(proxy.user).with_password(proxy.password))


def _read(text: str, *schemes: str) -> URL:
    example = f"{schemes[0]}://127.0.0.1:8080"
    try:
        url = URL(text)
        (url.raw_host or "").encode("idna")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{text!r} is not an address: {error}; expected one like {example}") from None
    if url.scheme not in schemes or not url.host:
        raise ValueError(f"{text!r} is not an address; expected one like {example}")
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise ValueError(f"An address is expected without user, query and fragment, like {example}")
    return url
