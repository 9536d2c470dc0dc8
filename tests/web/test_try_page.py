"""The page at ``/``, driven in a real browser: what a person sees, and that it talks to this desk alone."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightporter.operations import CONNECTOR
from nightporter.settings import Settings
from nightporter.web.pages import STATIC
from tests.harness import ACCESS_TOKEN, POS_TOKEN, Clock, RunningDesk, copied, running_desk
from tests.web.browser import Page, browsing, chromium

PRINTER = "d117866d-78de-4459-9077-42d7ea0120e3"
LARGEST = 25 * 1024
READABLE = 4.5
"""The least contrast of text (WCAG 2, AA)."""


@pytest.fixture(scope="session")
def program() -> str:
    return chromium()


@pytest.fixture
async def page(program: str, tmp_path: Path) -> AsyncIterator[Page]:
    async with browsing(program, tmp_path / "profile") as opened:
        await opened.look(1280)
        yield opened


async def _open(page: Page, desk: RunningDesk) -> None:
    await page.go(desk.address + "/")
    await page.until(f"document.querySelectorAll('.operation').length === {len(CONNECTOR)}")


def _part(name: str) -> str:
    return f"document.getElementById({json.dumps(name)})"


async def _send(page: Page, name: str) -> str:
    """Open an operation, send what its form holds, and read the first line of the reply."""
    part = _part(name)
    await page.run(f"{part}.open = true")
    await page.until(f"{part}.querySelector('form')")
    await page.run(f"{part}.querySelector('.reply').replaceChildren()")
    await page.run(f"{part}.querySelector('form').requestSubmit()")
    return str(await page.until(f"{part}.querySelector('.reply .ok, .reply .no')?.parentNode.textContent"))


async def test_the_page_shows_every_operation_and_asks_nobody_else(desk: RunningDesk, page: Page) -> None:
    await _open(page, desk)
    shown = await page.run("[...document.querySelectorAll('.operation')].map((one) => one.id)")
    assert shown == [operation.path for operation in CONNECTOR]
    groups = await page.run("[...document.querySelectorAll('.group > h2')].map((one) => one.textContent)")
    assert groups == ["Commands", "Fiscal machine commands", "Resource access tokens", "Devices"]
    for name in shown:
        await page.run(f"{_part(name)}.open = true")
        await page.until(f"{_part(name)}.querySelector('form')")
    while await page.run("document.querySelectorAll('details:not([open])').length"):
        await page.run(
            "document.querySelectorAll('details:not([open])').forEach((one) => { one.build(); one.open = true; })"
        )
    text = await page.run("document.body.textContent")
    for said in ("KeyCount", "integer, 1 to 100", "required", "Too many requests", "BillFiscalMachineData"):
        assert said in text
    assert page.requests
    ours = (desk.address + "/", desk.address.replace("http", "ws") + "/")
    assert [address for address in page.requests if not address.startswith(ours)] == []
    assert page.complaints == []


async def test_a_request_is_sent_and_its_reply_shown(desk: RunningDesk, page: Page) -> None:
    await _open(page, desk)
    assert (await _send(page, "devices/getAll")).startswith("200 OK in ")
    text = await page.run(f"{_part('devices/getAll')}.querySelector('.reply').textContent")
    assert "Request-Id: 01920000-" in text
    assert '"Name": "Test Printer"' in text
    assert page.complaints == []


async def test_every_example_runs_from_the_page(desk: RunningDesk, page: Page) -> None:
    await _open(page, desk)
    replies = {operation.path: await _send(page, operation.path) for operation in CONNECTOR}
    assert {path: reply for path, reply in replies.items() if not reply.startswith("200 OK in ")} == {}


async def test_the_socket_shows_an_event_and_its_command(desk: RunningDesk, page: Page) -> None:
    await _open(page, desk)
    await page.run("document.getElementById('connect').click()")
    await page.until("document.getElementById('socket-state').textContent === 'Connected.'")
    added = await desk.call("commands/addPrinter", PrinterId=PRINTER, CopyCount=1, Data="JVBERi0xLjcKJSVFT0YK")
    command = added.json()["CommandId"]
    await page.until(f"document.querySelector('#event-list li')?.textContent.includes('Pending{command}')")
    cookies = await page.send("Network.getCookies", urls=[desk.address + "/ws/connector"])
    assert cookies["cookies"] == []
    await page.run("document.querySelector('#event-list button').click()")
    shown = await page.until("document.querySelector('.reply .ok')?.closest('.reply').textContent")
    assert command in shown
    cursor = await page.run("document.getElementById('cursor').value")
    await page.run("document.getElementById('connect').click()")
    await page.until("document.getElementById('socket-state').textContent.startsWith('Disconnected (1000')")
    await desk.call("commands/update", CommandId=command, State="Received")
    await page.run("document.getElementById('connect').click()")
    await page.until(f"document.querySelector('#event-list li')?.textContent.includes('Received{command}')")
    assert int(await page.run("document.getElementById('cursor').value")) == int(cursor) + 1
    assert page.complaints == []


async def test_the_tokens_above_are_put_into_each_request(desk: RunningDesk, page: Page) -> None:
    await _open(page, desk)
    await page.run(f"document.getElementById('access-token').value = {json.dumps(POS_TOKEN)}")
    assert (await _send(page, "commands/addPrinter")).startswith("200")
    text = await page.run(f"{_part('commands/addPrinter')}.querySelector('.reply').textContent")
    command = re.search(r'"CommandId": "([0-9a-f-]+)"', text)
    assert command
    (found,) = (await desk.as_(POS_TOKEN).call("commands/getAllByIds", CommandIds=[command[1]])).json()["Commands"]
    assert found["Creator"]["LastName"] == "MyPOS"
    assert ACCESS_TOKEN in await page.run(f"{_part('commands/addPrinter')}.querySelector('textarea').value")
    await page.run("document.getElementById('access-token').value = 'nobody'")
    assert (await _send(page, "devices/getAll")).startswith("401")
    await page.run("document.getElementById('connect').click()")
    await page.until("document.getElementById('socket-state').textContent.startsWith('Refused')")
    await page.run(f"{_part('devices/getAll')}.querySelector('textarea').value = '{{}}'")
    assert (await _send(page, "devices/getAll")).startswith("401")
    await page.run("document.getElementById('access-token').value = ''")
    await page.run(f"{_part('devices/getAll')}.querySelector('textarea').value = 'no JSON'")
    assert (await _send(page, "devices/getAll")).startswith("400")


async def test_headers_are_sent(desk: RunningDesk, page: Page) -> None:
    await _open(page, desk)
    part = _part("commands/addKeyCutter")
    await _send(page, "commands/addKeyCutter")
    commands = []
    await page.run(f"{part}.querySelector('input[name=Idempotency-Key]').value = 'once'")
    for _ in range(2):
        await _send(page, "commands/addKeyCutter")
        commands.append(await page.run(f"{part}.querySelector('.reply pre:last-child').textContent"))
    assert commands[0] == commands[1]
    await _send(page, "commands/update")
    await page.run(f"{_part('commands/update')}.querySelector('input').value = 'return=minimal'")
    assert (await _send(page, "commands/update")).startswith("204")


async def test_what_comes_from_outside_is_never_markup(
    program: str, page: Page, empty_database: Path, tmp_path: Path, demo_hotel: bytes
) -> None:
    hostile = "<img src=/x onerror=document.title=1><script>document.title=1</script>"
    hotel: Any = json.loads(demo_hotel)
    text = json.dumps(hotel).replace('"Test Printer"', json.dumps(hostile))
    settings = Settings(request_limit=0, port=0)
    async with running_desk(copied(empty_database, tmp_path), text.encode(), settings, Clock()) as desk:
        await _open(page, desk)
        assert (await _send(page, "devices/getAll")).startswith("200")
        reply = f"{_part('devices/getAll')}.querySelector('.reply')"
        assert hostile in await page.run(f"{reply}.textContent")
        assert await page.run(f"{reply}.querySelector('img, script')") is None
        assert await page.run("document.title") == "Nightporter: read and try the API"


async def test_the_keyboard_is_enough(desk: RunningDesk, page: Page) -> None:
    await _open(page, desk)
    await page.press("Tab", 9)
    assert await page.run("document.activeElement.textContent") == "Skip to the operations"
    await page.run("document.querySelector('.operation summary').focus()")
    await page.press("Enter", 13)
    assert await page.until("document.querySelector('.operation').open")
    unnamed = """[...document.querySelectorAll('input, textarea')].filter((one) => !one.labels.length).length"""
    assert await page.run(unnamed) == 0


CONTRASTS = """(() => {
    const parts = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => parts(text).slice(0, 3).map((one) => one / 255)
        .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const colour = getComputedStyle(node).backgroundColor;
            if ((parts(colour)[3] ?? 1) > 0) return colour;
        }
    };
    return [...document.querySelectorAll('body *')]
        .filter((one) => one.checkVisibility() && [...one.childNodes].some((part) => part.nodeType === 3 && part.data.trim()))
        .map((one) => [light(getComputedStyle(one).color), light(behind(one)), one.outerHTML.slice(0, 80)])
        .map(([a, b, what]) => [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), what]);
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_it_fits_and_can_be_read(desk: RunningDesk, page: Page, width: int, dark: bool) -> None:
    await page.look(width, dark=dark)
    await _open(page, desk)
    await _send(page, "resourceAccessTokens/getAll")
    assert await page.run("document.documentElement.scrollWidth") <= width
    contrasts = await page.run(CONTRASTS)
    assert len(contrasts) > 50
    assert [one for one in contrasts if one[0] < READABLE] == []


async def test_the_parts_are_small_and_strictly_served(desk: RunningDesk) -> None:
    size = 0
    for path, (_, media_type) in STATIC.items():
        reply: httpx.Response = await desk.http.get(path)
        size += len(reply.content)
        assert reply.status_code == 200
        assert reply.headers["content-type"] == media_type
        policy = dict(part.split(" ", 1) for part in reply.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
        assert reply.headers["x-content-type-options"] == "nosniff"
        text = reply.text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|\bon[a-z]+=\"|innerHTML|\sstyle=", text)
    assert size <= LARGEST


async def test_nothing_else_is_served_from_the_folder(desk: RunningDesk) -> None:
    for path in ("/static/", "/static/try.html", "/static/../pages.py", "/static/%2e%2e/pages.py", "/try.js"):
        assert (await desk.http.get(path)).status_code == 404
    assert (await desk.http.post("/static/try.js")).status_code == 404
