"""A desk as ``nightporter serve`` runs it, on the demo's property, with a request limit that counts but never refuses.

Told: port, database, workers. Several workers take the property as it is, so that one of them must have filled it before.
"""

import sys
from importlib.resources import files

from nightporter.cli.running import run
from nightporter.settings import Settings
from nightporter.storage.places import place_of

if __name__ == "__main__":
    hotel = files("nightporter.operations.administration").joinpath("demo_property.json").read_bytes()
    settings = Settings(
        port=int(sys.argv[1]), database=sys.argv[2], workers=int(sys.argv[3]), request_limit=100_000_000
    )
    run(settings, place_of(settings.database), demo=False, fill=hotel, greeting=lambda port: f"listens on {port}")
