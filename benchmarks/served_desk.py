"""A desk as ``nightporter serve`` runs it, on the demo's property, with a request limit that counts but never refuses."""

import sys
from importlib.resources import files
from pathlib import Path

from nightporter.cli.running import run
from nightporter.settings import Settings

if __name__ == "__main__":
    hotel = files("nightporter.operations.administration").joinpath("demo_property.json").read_bytes()
    settings = Settings(port=int(sys.argv[1]), request_limit=100_000_000)
    run(settings, Path(sys.argv[2]), demo=False, fill=hotel)
