"""Runs the program in processes of their own that need not load it again: one loads it and forks for each request.

A request is a line of JSON on the standard input: arguments, environment, folder, and the files for both streams; the
answer is a line with the exit code. A second of loading for each of some hundred calls would be most of the tests' time.
"""

import io
import json
import os
import sys
import traceback

import nightporter.cli.administration
import nightporter.client
import nightporter.operations
import nightporter.web.app
from nightporter.cli.main import main

LOADED = (nightporter.cli.administration, nightporter.client, nightporter.operations, nightporter.web.app)


def carry_out(request: dict) -> None:
    """Be the program, in a child; never returns."""
    code = 1
    try:
        for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(file, number)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "wb", closefd=False)), encoding="utf-8")
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(2, "wb", closefd=False)), encoding="utf-8", errors="backslashreplace"
        )
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = ["nightporter", *request["arguments"]]
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            carry_out(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
