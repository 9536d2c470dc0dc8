"""A real nginx with the site that ships, in front of a real desk: TLS, long replies, the socket, and who may see what."""

import asyncio
import base64
import json
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets

from tests.cli.program import free_port
from tests.debian import program
from tests.end_to_end.served import PATIENCE, Served, body, printing, served
from tests.harness import ACCESS_TOKEN, CLIENT_TOKEN, PREFIX
from tests.house.repository import ROOT

SITE = (ROOT / "packaging" / "nginx" / "nightporter.conf").read_text("utf-8")
NODE = "server 127.0.0.1:8080 max_fails=1 fail_timeout=2s;"
NAME = "desk.example.com"


@pytest.fixture(scope="session")
def nginx() -> str:
    return program("nginx", "nginx", "The site is tested with a real nginx")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the name in the site, signed by itself, and its key."""
    openssl = program("openssl", "openssl", "The certificate of the test is made with it")
    folder = tmp_path_factory.mktemp("certificate")
    made, key = folder / "made.pem", folder / "made.key"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run(
        [openssl, "req", *kind, *name, "-keyout", key, "-out", made], check=True, capture_output=True, timeout=60
    )
    return made, key


def put(text: str, place: str, instead: str) -> str:
    assert text.count(place) == 1, place
    return text.replace(place, instead)


class Front:
    """The site on a port of this machine."""

    def __init__(self, port: int, certificate: Path, folder: Path) -> None:
        self.port = port
        self.folder = folder
        self._trust = ssl.create_default_context(cafile=str(certificate))

    def http(self, source: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client that trusts the certificate alone, and comes from the address ``source``."""
        transport = httpx.AsyncHTTPTransport(verify=self._trust, local_address=source)
        return httpx.AsyncClient(transport=_Named(transport), base_url=f"https://{NAME}:{self.port}", timeout=PATIENCE)

    def socket(self, access_token: str = ACCESS_TOKEN) -> websockets.connect:
        cookie = f"ClientToken={CLIENT_TOKEN}; AccessToken={access_token}"
        return websockets.connect(
            f"wss://{NAME}:{self.port}/ws/connector?cursor=",
            host="127.0.0.1",
            ssl=self._trust,
            additional_headers={"Cookie": cookie},
        )

    def kept(self) -> list[Path]:
        """Files in which nginx has put bodies and replies."""
        return [path for path in (self.folder / "kept").rglob("*") if path.is_file()]


class _Named(httpx.AsyncBaseTransport):
    """Finds the name of the site on this machine; for TLS it stays what it is."""

    def __init__(self, inner: httpx.AsyncHTTPTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": NAME}
        request.url = request.url.copy_with(host="127.0.0.1")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def front(nginx: str, certificate: tuple[Path, Path], folder: Path, *nodes: int) -> AsyncIterator[Front]:
    """The site that ships, with its addresses and its certificate changed and nothing else, until the end of the block."""
    port = free_port()
    site = put(SITE, "    listen 443 ssl;\n", f"    listen 127.0.0.1:{port} ssl;\n")
    site = put(site, "    listen [::]:443 ssl;\n", "")
    site = put(site, "/etc/ssl/certs/nightporter.pem", str(certificate[0]))
    site = put(site, "/etc/ssl/private/nightporter.key", str(certificate[1]))
    site = put(site, NODE, " ".join(NODE.replace("8080", str(node)) for node in nodes))
    (folder / "site.conf").write_text(site)
    (folder / "kept").mkdir()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    kept = " ".join(f"{kind}_temp_path {folder}/kept/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log notice; events {{}}\n"
        f"http {{ access_log {folder}/access.log; {kept} include {folder}/site.conf; }}\n"
    )
    command = [nginx, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    checked = await asyncio.to_thread(_check, command)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        await _listens(port, process)
        yield Front(port, certificate[0], folder)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)


def _check(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60, check=False)


async def _listens(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(PATIENCE):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                continue
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError("nginx ended")


@pytest.fixture
async def desk(database: Path) -> AsyncIterator[Served]:
    async with served(database) as one:
        yield one


async def test_operations_long_replies_and_the_socket_pass_through(
    desk: Served, nginx: str, certificate: tuple[Path, Path], tmp_path: Path
):
    document = base64.b64encode(bytes(range(256)) * 12_000).decode()
    async with front(nginx, certificate, tmp_path, desk.port) as site, site.http() as http:
        listed = await http.post(PREFIX + "devices/getAll", json=body())
        assert (listed.status_code, len(listed.json()["Devices"])) == (200, 7)
        assert listed.headers["request-id"]
        async with site.socket() as socket:
            assert json.loads(await socket.recv())["Events"] == []
            added = [
                (await http.post(PREFIX + "commands/addPrinter", json=printing(document))).json() for _ in range(6)
            ]
            heard = [json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))["Events"][0]["Id"] for _ in added]
            assert heard == [one["CommandId"] for one in added]
            await asyncio.wait_for(await socket.ping(), PATIENCE)
            async with http.stream("POST", PREFIX + "commands/getAllActive", json=body()) as reply:
                assert reply.headers["transfer-encoding"] == "chunked"
                pieces = [piece async for piece in reply.aiter_raw()]
            commands = json.loads(b"".join(pieces))["Commands"]
            assert sum(one["Data"].get("FileData") == document for one in commands) == 6
            desk.stop()
            await asyncio.wait_for(socket.wait_closed(), PATIENCE)
            assert (socket.close_code, socket.close_reason) == (1001, "the desk is closing; resume by cursor")
        assert site.kept() == [], "nothing of a guest stays on the disk of the proxy"
        whole = (tmp_path / "access.log").read_text() + (tmp_path / "error.log").read_text()
        assert [one for one in (CLIENT_TOKEN, ACCESS_TOKEN, document[:40]) if one in whole] == []


async def test_what_the_desk_refuses_is_told_by_the_desk(
    desk: Served, nginx: str, certificate: tuple[Path, Path], tmp_path: Path
):
    async with front(nginx, certificate, tmp_path, desk.port) as site, site.http() as http:
        large = await http.post(PREFIX + "commands/update", json=body(Notes="a" * 16 * 1024 * 1024))
        assert (large.status_code, large.json()["RequestId"]) == (413, large.headers["request-id"])
        lost = await http.post("/nowhere", json=body())
        assert (lost.status_code, lost.json()["RequestId"]) == (404, lost.headers["request-id"])
        with pytest.raises(websockets.InvalidStatus) as refused:
            await site.socket("nobody")
        assert refused.value.response.status_code == 401
        assert json.loads(refused.value.response.body or b"")["Message"] == "Invalid AccessToken"


async def test_what_is_for_the_house_is_kept_from_strangers(
    desk: Served, nginx: str, certificate: tuple[Path, Path], tmp_path: Path
):
    house = ("/", "/metrics", "/static/try.js")
    administration = "/api/administration/v1/properties/"
    async with front(nginx, certificate, tmp_path, desk.port) as site:
        async with site.http() as http:
            assert [(await http.get(path)).status_code for path in house] == [200] * 3
            assert (await http.post(administration + "export", json={})).status_code == 401, "no token, but let through"
            assert (await http.post(administration + "load", json={})).status_code == 401
        async with site.http("127.0.0.2") as http:
            assert [(await http.get(path)).status_code for path in house] == [403] * 3
            assert (await http.post(administration + "export", json={})).status_code == 403
            assert (await http.post(administration + "load", json={})).status_code == 403
            for path in ("/health", "/ready", "/openapi.json"):
                assert (await http.get(path)).status_code == 200
            assert (await http.post(PREFIX + "devices/getAll", json=body())).status_code == 200


async def test_a_node_that_is_away_is_passed_over_and_when_none_is_left_that_is_told(
    desk: Served, nginx: str, certificate: tuple[Path, Path], tmp_path: Path
):
    async with front(nginx, certificate, tmp_path, free_port(), desk.port) as site, site.http() as http:
        replies = [await http.post(PREFIX + "commands/addPrinter", json=printing()) for _ in range(6)]
        assert {reply.status_code for reply in replies} == {200}
        desk.stop()
        assert await desk.process.ended() == 0
        gone = await http.post(PREFIX + "commands/addPrinter", json=printing())
        assert (gone.status_code, gone.headers["retry-after"]) == (502, "5")
        assert gone.headers["content-type"] == "application/json"
        assert gone.json()["RequestId"] == gone.headers["request-id"]
        assert gone.json()["Message"].startswith("The desk did not answer.")
    assert {reply.json()["CommandId"] for reply in replies} <= desk.kept()


async def test_a_caller_that_speaks_an_old_tls_is_refused(
    desk: Served, nginx: str, certificate: tuple[Path, Path], tmp_path: Path
):
    async with front(nginx, certificate, tmp_path, desk.port) as site:
        for version, spoken in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.create_default_context(cafile=str(certificate[0]))
            context.minimum_version = context.maximum_version = version
            _, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=context, server_hostname=NAME)
            assert (writer.get_extra_info("cipher") is not None) is spoken
            writer.close()
            await writer.wait_closed()
    assert re.search(r"^    ssl_protocols TLSv1\.2 TLSv1\.3;$", SITE, re.MULTILINE)
