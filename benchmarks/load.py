"""Load from wrk, a compiled generator, and what it reports."""

import re
import subprocess
import tempfile
from dataclasses import dataclass

from benchmarks.machine import need

CALLERS = 64


@dataclass(frozen=True)
class Rate:
    """What one run came to."""

    per_second: float
    p99_milliseconds: float
    not_ok: int


_KEYED = """
local made = 0
local start = %d
request = function()
  made = made + 1
  wrk.headers["Idempotency-Key"] = "bench-" .. start .. "-" .. made
  return wrk.format(nil, nil, nil, wrk.body)
end
"""


def wrk(url: str, body: str, seconds: float, *, keyed: int | None = None, callers: int = CALLERS) -> Rate:
    """POST ``body`` to ``url`` from ``callers`` connections; ``keyed`` gives each request an idempotency key of its own."""
    script = f'wrk.method = "POST"\nwrk.body = [==[{body}]==]\nwrk.headers["Content-Type"] = "application/json"\n'
    if keyed is not None:
        script += _KEYED % keyed
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = [need("wrk", "wrk"), "-t1", f"-c{callers}", f"-d{seconds:g}s", "--latency", "-s", file.name, url]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    assert rate, text
    assert p99, text
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99.group(2)]
    return Rate(float(rate.group(1)), float(p99.group(1)) * unit, int(bad.group(1)) if bad else 0)
