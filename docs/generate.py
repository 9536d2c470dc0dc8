"""Writes the parts of the documentation that the code knows best: ``make docs``. A test fails when they are stale.

A generated part stands between two comments that name it; ``docs/coverage.md`` holds nothing else.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from docs import administration_table, property_file_tables, property_schema
from nightporter.cli.main import app
from nightporter.operations import CONNECTOR, Minimal, Operation, Portfolio
from nightporter.settings import described
from nightporter.web.metrics import FAMILIES
from nightporter.web.openapi import document
from nightporter.web.refusals import STATUS

DOCS = Path(__file__).parent
SHARED = 4
"""An option of at least so many commands is told once."""

DIFFERENCES: tuple[tuple[str, str], ...] = (
    # what, and what an old client notices of it. By hand: what is built and differs from the original on purpose.
    (
        "Header `Idempotency-Key`",
        "The three command adders and `resourceAccessTokens/add` take it: the same key with the same body within 24 hours "
        "gets the first result, another body gets 400. The original knows no such header.",
    ),
    (
        "Cursor of the socket",
        "Every message on `/ws/connector` carries `Cursor`. Connecting with `?cursor=` begins with a message that has no "
        "events, and `?cursor=N` replays what came after. Without the parameter nothing but the extra field is new.",
    ),
    (
        "Devices connected later",
        "An open socket hears a newly connected device at once; in the original it has to connect again.",
    ),
    (
        "Foreign ids in `EnterpriseIds`",
        "Left out silently, as every other foreign id; the original's documentation asks for a refusal.",
    ),
    (
        "Expiry of commands",
        "A command for a payment terminal that has not begun within ten minutes is `Cancelled`; other devices can be given such "
        "a time (`ExpiresAfter`). In the original a command waits for any length of time. See [time](time.md).",
    ),
    (
        "Stalled commands",
        "A device can be given a time of silence after which its commands in `Processing` become `Error`, or `Pending` once "
        "more (`StalledAfter`, `StalledPolicy`).",
    ),
    (
        "Late truth",
        "An end that the desk itself has set (expiry, stall, administrator) yields once to an end that an executor reports.",
    ),
    (
        "`Executor` and `Result` of `commands/update`",
        "Who names an `Executor` gets 409 where another has taken the command; `Result` is kept. Without them nothing is new.",
    ),
    (
        "Retention",
        "Finished commands, their documents and guest data, events and tokens that are over leave after a while: a file that has "
        "left is an empty text, a command an unknown id. See [retention](retention.md).",
    ),
    (
        "`Extent` of `commands/getAllByIds`",
        '`{"Execution": true}` adds progress, notes, result, executor and the history of states to each command.',
    ),
    (
        "Long queues",
        "Replies that carry documents are streamed row by row (chunked transfer encoding), whatever their length.",
    ),
    (
        "Fiscal machine and passport scanner commands",
        "`commands/addFiscalMachine` and `commands/addPassportScanner` of the administration add them. The original makes them "
        "inside the property system; no public operation adds them.",
    ),
    (
        "Forwarding",
        "Operations that the desk does not serve are 404, or, with the setting `upstream`, answered by the platform named there.",
    ),
    (
        "Beside the API",
        "`/health`, `/ready`, `/metrics`, `/openapi.json` and a page to read and try the API at `/`.",
    ),
)

NOT_BUILT: tuple[tuple[str, str], ...] = (
    (
        "Console",
        "The command line shows the queue and what became of each command; there are no pages for the back office yet.",
    ),
)

_MINIMAL = {
    Minimal.NEVER: "never",
    Minimal.ALWAYS: "always",
    Minimal.EMPTY_PAGE: "empty page",
    Minimal.EMPTY_LIMITED_PAGE: "empty page, with `Limitation`",
}
_COMMON = ("ClientToken", "AccessToken", "Client", "LanguageCode", "CultureCode")


def settings() -> str:
    """The table of settings."""
    rows = [
        f"| `{one.name}` | `{one.variable}` | {one.type.__name__} | `{_toml(one.default)}` | {_sentence(one.about)} |"
        for one in described()
    ]
    return "\n".join(["| name | environment | type | default | what it is |", "| :-- | :-- | :-- | :-- | :-- |", *rows])


def statuses() -> str:
    """The table of refusals."""
    by_status: dict[int, list[str]] = {}
    for kind, status in STATUS.items():
        by_status.setdefault(status, []).append((kind.__doc__ or "").splitlines()[0])
    rows = [f"| {status} | {'<br>'.join(_plain(one) for one in abouts)} |" for status, abouts in by_status.items()]
    return "\n".join(["| status | when |", "| :-- | :-- |", *rows, "| 500 | A defect of the desk. |"])


def metrics() -> str:
    """The table of metrics."""
    rows = [f"| `{one.name}` | {one.kind} | {_list(one.labels) or 'none'} | {_cell(one.about)} |" for one in FAMILIES]
    return "\n".join(["| name | kind | labels | what it is |", "| :-- | :-- | :-- | :-- |", *rows])


def coverage() -> str:
    """Every operation with its fields, and where the desk differs from the original."""
    told = document()
    schemas = told["components"]["schemas"]
    parts = [
        "| operation | portfolio token through | right | 204 on `return=minimal` | `Idempotency-Key` |",
        "| :-- | :-- | :-- | :-- | :-- |",
        *map(_line, CONNECTOR),
        "",
        f"Every request also takes {_list(_COMMON)}; the first three are required.",
    ]
    shown: dict[str, None] = {}
    for operation in CONNECTOR:
        post = told["paths"][f"/api/connector/v1/{operation.path}"]["post"]
        request = post["requestBody"]["content"]["application/json"]["schema"]
        reply = post["responses"]["200"]["content"]["application/json"]["schema"]
        parts += ["", f"## {operation.path}", "", post["summary"], post["description"]]
        parts += ["", f"- Request: {_fields(request, schemas, shown, skip=_COMMON)}"]
        parts += [f"- Reply: {_fields(reply, schemas, shown)}"]
    parts += ["", "## Objects", "", "A field marked * is always there.", ""]
    done: set[str] = set()
    while waiting := [name for name in shown if name not in done]:
        for name in waiting:
            done.add(name)
            fields = _fields({"$ref": f"/{name}"}, schemas, shown)
            parts.append(f"- **{name}**: {fields}")
    parts += ["", "## Where the desk differs from the original", "", *_table(DIFFERENCES)]
    parts += ["", "## What is not built yet", "", *_table(NOT_BUILT)]
    return "\n".join(parts)


def commands() -> str:
    """Every subcommand with its arguments and options, as its help tells them; what many share is told once."""
    leaves = dict(_leaves("nightporter", typer.main.get_command(app)))
    told = {path: [_option(one) for one in command.params if one.name != "help"] for path, command in leaves.items()}
    counts = Counter(line for lines in told.values() for line in lines)
    shared = [line for line in counts if counts[line] >= SHARED]
    parts = ["Shared by the commands that name them:", "", *shared]
    for path, command in leaves.items():
        parts += ["", f"## {path}", "", _cell(command.help), ""]
        parts += [line for line in told[path] if line not in shared]
        if also := [line.split(":")[0].removeprefix("- ") for line in told[path] if line in shared]:
            parts += [f"- also {', '.join(also)}"]
        parts += ["", _cell(command.epilog)]
    return "\n".join(parts)


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, one in command.commands.items():
        yield from _leaves(f"{path} {name}", one)


def _option(one: Any) -> str:
    names = one.opts if one.param_type_name == "option" else [one.metavar or one.name.upper()]
    about = [_cell(one.help or "")]
    if one.default is not None and not isinstance(one.default, bool) and one.show_default:
        about.append(f"Default: `{one.default}`.")
    if one.envvar:
        about.append(f"In the environment: `{one.envvar}`.")
    if one.required:
        about.append("Required.")
    return f"- {_list(names)}: {' '.join(about)}"


def _cell(text: str) -> str:
    return re.sub(r"\[default: ([^]]*)\]", r"Default: \1.", " ".join(text.replace("\f", "").split()))


def _line(operation: Operation) -> str:
    through = f"`{operation.portfolio.value}`" if operation.portfolio is not Portfolio.NO else "no"
    right = f"`{operation.right.value}`" if operation.right else "open to all"
    keyed = "yes" if operation.is_keyed else "no"
    return f"| `{operation.path}` | {through} | {right} | {_MINIMAL[operation.minimal]} | {keyed} |"


def _table(rows: tuple[tuple[str, str], ...]) -> list[str]:
    return ["| what | how |", "| :-- | :-- |", *(f"| {what} | {how} |" for what, how in rows)]


def _fields(schema: dict[str, Any], schemas: dict[str, Any], shown: dict[str, None], skip: tuple[str, ...] = ()) -> str:
    full = schemas[schema["$ref"].split("/")[-1]]
    if "enum" in full:
        return _list(full["enum"])
    required = full.get("required", [])
    fields = []
    for name, about in full["properties"].items():
        if name in skip:
            continue
        objects = list(dict.fromkeys(_objects(about)))
        shown.update(dict.fromkeys(objects))
        of = f" ({' or '.join(objects)})" if objects else ""
        fields.append(f"`{name}`{'*' if name in required else ''}{of}")
    return ", ".join(fields) or "nothing of its own"


def _objects(schema: dict[str, Any]) -> list[str]:
    if "$ref" in schema:
        return [schema["$ref"].split("/")[-1]]
    inside = [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]
    return [name for one in inside for name in _objects(one)]


def _list(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def _plain(text: str) -> str:
    return re.sub(r" ?\((?:contract |[DV0-9])[^)]*\)", "", text).replace("``", "`")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "statuses": statuses,
    "metrics": metrics,
    "commands": commands,
    "coverage": coverage,
    "administration": lambda: administration_table.table(_fields),
    "property_file_parts": lambda: property_file_tables.parts(_plain),
    "property_file_left_out": property_file_tables.left_out,
}
_PART = re.compile(r"(<!-- (\w+): made by `make docs` -->\n)(?:.*?\n)??(<!-- end -->)", re.DOTALL)


def renewed(text: str) -> str:
    """``text`` with its generated parts as they ought to be. Raises KeyError for a part that nothing makes."""
    return _PART.sub(lambda part: part[1] + PARTS[part[2]]() + "\n" + part[3], text)


def main() -> None:
    """Write every page whose generated parts are stale, and the schema of property files."""
    for page in sorted(DOCS.glob("**/*.md")):
        text = page.read_text("utf-8")
        if (new := renewed(text)) != text:
            page.write_text(new, "utf-8")
            sys.stdout.write(f"{page.relative_to(DOCS.parent)}\n")
    if not property_schema.FILE.exists() or property_schema.FILE.read_text("utf-8") != property_schema.printed():
        property_schema.FILE.write_text(property_schema.printed(), "utf-8")
        sys.stdout.write(f"{property_schema.FILE.name}\n")


if __name__ == "__main__":
    main()
