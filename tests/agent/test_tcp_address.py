"""Where a machine listens, as it stands in a configuration."""

import pytest

from nightporter.agent.tcp_address import read_address


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("Locks.Example:4001", ("locks.example", 4001)),
        ("192.0.2.7", ("192.0.2.7", 8090)),
        ("desk_2.local.:1", ("desk_2.local.", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("[FE80::1%eth0]", ("fe80::1%eth0", 8090)),
    ],
)
def test_a_host_and_a_port_are_taken_apart(address: str, read: tuple[str, int]) -> None:
    assert read_address(address, "x", 8090) == read


@pytest.mark.parametrize(
    "address",
    [
        "", ":1", "h:0", "h:65536", "h:x", "h:", "h:+1", "h:١", "h/x",
        "u@h:1", "zvt://h", "::1", "a..b", "hé", "h h", "h\n", "x" * 64,
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_option_and_an_example(address: str) -> None:
    with pytest.raises(ValueError, match=r"^address must be a host, or a host and a port, like locks\.example:8090$"):
        read_address(address, "locks.example:8090", 8090)


def test_a_port_without_a_usual_one_must_be_named() -> None:
    assert read_address("h:4001", "x") == ("h", 4001)
    with pytest.raises(ValueError, match=r"^address must be a host and a port, like 192\.0\.2\.7:4001$"):
        read_address("h", "192.0.2.7:4001")
