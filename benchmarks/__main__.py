"""``make bench``: all questions, or those named as arguments."""

import importlib
import platform
import sys

from benchmarks.machine import file_system, sync_milliseconds
from benchmarks.report import Figure, write

QUESTIONS = (
    "adding",
    "postgres_adding",
    "empty_queue",
    "tokens",
    "importing",
    "history",
    "push",
    "nodes",
    "lives",
    "start",
    "agent",
)


def main() -> None:
    system = file_system()
    print(f"{platform.platform()}, {system}, a synced 4 KiB append takes {sync_milliseconds():.3f} ms", flush=True)
    if system == "tmpfs":
        raise SystemExit("void: the checkout stands on tmpfs, where syncing costs nothing")
    figures: list[Figure] = []
    for question in sys.argv[1:] or QUESTIONS:
        for figure in importlib.import_module(f"benchmarks.{question}").measure():
            print(figure.told(), flush=True)
            figures.append(figure)
    write(figures)


if __name__ == "__main__":
    main()
