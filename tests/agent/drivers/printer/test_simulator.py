"""The simulator, checked by ``ipptool``: a client that nobody here wrote."""

import asyncio
import hashlib
import re
from pathlib import Path

import pytest

from nightporter.agent.drivers.printer.simulator import PrinterSimulator
from tests.agent.peers.ippeveprinter import PATIENCE
from tests.debian import program
from tests.end_to_end.pdf import real_pdf

DOCUMENT = real_pdf(2, seed=5)
COMMON = """
  GROUP operation-attributes-tag
  ATTR charset attributes-charset utf-8
  ATTR naturalLanguage attributes-natural-language en
  ATTR uri printer-uri $uri
"""
PRINTS = f"""
{{ NAME "Print 3 copies"
  OPERATION Print-Job{COMMON}
  ATTR name requesting-user-name agent
  ATTR name job-name "cmd-0001"
  ATTR mimeMediaType document-format application/pdf
  GROUP job-attributes-tag
  ATTR integer copies 3
  FILE $filename
  STATUS successful-ok
  EXPECT job-id OF-TYPE integer
  EXPECT job-uri OF-TYPE uri
  EXPECT job-state OF-TYPE enum }}
{{ NAME "Follow it"
  OPERATION Get-Job-Attributes{COMMON}
  ATTR integer job-id $job-id
  ATTR name requesting-user-name agent
  STATUS successful-ok
  EXPECT job-name OF-TYPE name WITH-VALUE "cmd-0001"
  EXPECT job-uuid OF-TYPE uri
  EXPECT job-state WITH-VALUE 9 REPEAT-NO-MATCH }}
{{ NAME "Too many copies"
  OPERATION Validate-Job{COMMON}
  ATTR mimeMediaType document-format application/pdf
  GROUP job-attributes-tag
  ATTR integer copies 1000
  STATUS client-error-attributes-or-values-not-supported
  EXPECT copies OF-TYPE integer IN-GROUP unsupported-attributes-tag }}
{{ NAME "No such job"
  OPERATION Get-Job-Attributes{COMMON}
  ATTR integer job-id 77
  STATUS client-error-not-found }}
{{ NAME "Who it is"
  OPERATION Get-Printer-Attributes{COMMON}
  STATUS successful-ok
  EXPECT copies-supported OF-TYPE rangeOfInteger
  EXPECT printer-uuid OF-TYPE uri
  EXPECT printer-up-time OF-TYPE integer
  EXPECT operations-supported OF-TYPE enum
  EXPECT document-format-supported OF-TYPE mimeMediaType }}
"""


async def ipptool(simulator: PrinterSimulator, test: str, file: Path, *options: str) -> str:
    """What it printed. Raises AssertionError when one of its tests failed."""
    path = program("ipptool", "cups-ipp-utils", "The simulator of a printer is checked by a client of others")
    process = await asyncio.create_subprocess_exec(
        path,
        "-t",
        *options,
        "-f",
        str(file),
        simulator.uri,
        test,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, told.decode()
    return told.decode()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "document.pdf"
    path.write_bytes(DOCUMENT)
    return path


@pytest.mark.parametrize("options", [("-L",), ("-C",), ("-V", "2.0")], ids=["with a length", "chunked", "version 2.0"])
async def test_a_client_of_others_prints_and_asks(tmp_path: Path, document: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "own.test").write_text(PRINTS)
    async with PrinterSimulator() as simulator:
        told = await ipptool(simulator, str(tmp_path / "own.test"), document, *options)
        assert told.count("[PASS]") == 5, told
        digest = hashlib.sha256(DOCUMENT).hexdigest()
        assert simulator.effects == [
            {"Effect": "printed", "Name": "cmd-0001", "Copies": 3, "Sha256": digest, "Size": len(DOCUMENT)}
        ]


@pytest.mark.parametrize(
    "test", ["create-job.test", "print-job.test", "validate-job.test", "get-jobs.test", "get-completed-jobs.test"]
)
async def test_it_passes_the_tests_that_come_with_ipptool(document: Path, test: str) -> None:
    async with PrinterSimulator() as simulator:
        told = await ipptool(simulator, test, document)
        assert "[PASS]" in told


async def test_it_passes_the_conformance_tests_of_ipp_1_1(tmp_path: Path, document: Path) -> None:
    program("ipptool", "cups-ipp-utils", "The simulator of a printer is checked by a client of others")
    suite = Path("/usr/share/cups/ipptool/ipp-1.1.test").read_text()  # noqa: ASYNC240 - a small file
    for name in set(re.findall(r"^\s*FILE ([\w.-]+)$", suite, re.MULTILINE)):
        (tmp_path / name).write_bytes(DOCUMENT)  # the package leaves these out
    (tmp_path / "suite.test").write_text(suite)
    async with PrinterSimulator() as simulator:
        told = await ipptool(simulator, str(tmp_path / "suite.test"), document, "-I")
        assert "[FAIL]" not in told
        assert told.count("[PASS]") >= 30, told


def test_a_fault_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="paper-out"):
        PrinterSimulator().fail("lp0-on-fire")
