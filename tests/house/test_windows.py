"""Front desks run Windows: what the agent is made of uses nothing that only Unix has, except where it asks first."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.house.repository import modules

ROWS = ("agent", "client", "wire", "domain", "host", "settings.py")
MODULES = {"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog", "uvloop"}
NAMES = {
    "add_signal_handler", "chown", "fork", "forkpty", "geteuid", "getgid", "getuid", "kill", "killpg", "mkfifo", "setsid",
    "SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "AF_UNIX",
}  # fmt: skip
MEANT = {"src/nightporter/host/service_manager.py": {"AF_UNIX"}}
"""Only a service manager that gave an address is told, and none on Windows does."""


def unix(tree: ast.AST) -> Iterator[str]:
    """What only Unix has, outside the branches that ask for the platform."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "sys.platform" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.partition(".")[0] in MODULES)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield str(node.module)
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "signal", "socket"):
            yield from (one.name for one in node.names if one.name in NAMES)
        if isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield node.attr
        yield from unix(node)


def test_nothing_of_the_agent_needs_unix() -> None:
    found = {}
    for path, tree in modules():
        if path.removeprefix("src/nightporter/").partition("/")[0] in ROWS:
            found[path] = {*unix(tree)}
    assert len(found) > 60
    assert {path: names for path, names in found.items() if names} == MEANT


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import fcntl", "fcntl"),
        ("def act():\n    from pwd import getpwnam", "pwd"),
        ("import os\nos.getuid()", "getuid"),
        ("from os import fork", "fork"),
        ("loop.add_signal_handler(1, print)", "add_signal_handler"),
        ("import sys\nif sys.platform == 'win32':\n    pass\nimport termios", "termios"),
    ],
)
def test_the_rule_bites(code: str, name: str) -> None:
    assert [*unix(ast.parse(code))] == [name]


def test_what_asks_for_the_platform_first_may_use_what_that_has() -> None:
    code = "import sys\nif sys.platform == 'win32':\n    import msvcrt\nelse:\n    import fcntl"
    assert [*unix(ast.parse(code))] == []


AS_ON_WINDOWS = """
import importlib, pkgutil, sys, types

def all_of_it():
    import nightporter.settings
    for row in ("agent", "client", "wire", "domain", "host"):
        package = importlib.import_module(f"nightporter.{row}")
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(one.name)

all_of_it()  # the libraries stay as this machine has them; ours are loaded once more
ours = [name for name in sys.modules if name.partition(".")[0] == "nightporter"]
for name in ours:
    del sys.modules[name]
import os, signal, socket
for module, names in ((os, MISSING), (signal, MISSING), (socket, MISSING)):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
for name in ABSENT:
    sys.modules[name] = None
sys.modules["msvcrt"] = types.ModuleType("msvcrt")
sys.platform = "win32"
all_of_it()
assert sorted(name for name in sys.modules if name.partition(".")[0] == "nightporter") == sorted(ours)
print(len(ours))
"""


def test_all_of_it_can_be_imported_where_unix_is_missing() -> None:
    code = f"MISSING, ABSENT = {sorted(NAMES)!r}, {sorted(MODULES)!r}\n{AS_ON_WINDOWS}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60
