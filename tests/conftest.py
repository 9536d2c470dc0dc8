import signal
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path

import hypothesis
import pytest

from nightporter.settings import Settings
from nightporter.storage.opening import create
from nightporter.storage.places import Place, PostgresAddress
from tests import postgres
from tests.harness import Clock, RunningDesk, copied, running_desk, template

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background lets them ignore it, and with them every program that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast an example is depends on the machine, whose speed changes.
hypothesis.settings.register_profile("nightporter", deadline=None)
hypothesis.settings.load_profile("nightporter")


@pytest.fixture(scope="session")
def demo_hotel() -> bytes:
    """The demo property, as it ships."""
    return files("nightporter.operations.administration").joinpath("demo_property.json").read_bytes()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("template"), Clock())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[PostgresAddress]:
    """A database with all tables, for one test after the other."""
    with postgres.database(postgres_server) as address:
        create(address, Clock().sources(), demo=False)
        yield address


@pytest.fixture
def kind() -> str:
    """The kind of database; what must hold on both has a fixture that gives each (tests/postgres.py)."""
    return "sqlite"


@pytest.fixture
def home(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database."""
    if kind == "sqlite":
        return copied(request.getfixturevalue("empty_database"), tmp_path)
    address: PostgresAddress = request.getfixturevalue("postgres_database")
    postgres.execute(address.url, postgres.CLEAN)
    return address


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> Settings:
    """No request limit, so that a test may ask as often as it likes; those about the limit set one."""
    return Settings(request_limit=0, port=0)


@pytest.fixture
async def desk(home: Place, demo_hotel: bytes, settings: Settings, clock: Clock) -> AsyncIterator[RunningDesk]:
    """The demo property, served over HTTP for one test, with a clock of its own."""
    async with running_desk(home, demo_hotel, settings, clock) as running:
        yield running
