"""``nightporter agent simulate``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightporter.cli.asking import FAILED, USAGE, JsonOption, note, plain, say, say_json
from nightporter.cli.running import fail

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from nightporter.agent.simulators import SimulatedMachine


def simulate(
    kind: Annotated[str, typer.Argument(help="Its driver: ipp, industry-standard, epson, zvt or mrz.", metavar="KIND")],
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of this computer. [default: ipp 8632, industry-standard 8090, epson 8091, zvt 20007, mrz 4001]",
            min=0,
            max=65535,
            show_default=False,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="Have it fail so at the next chance; again for the one after.", metavar="NAME"),
    ] = None,
    faults: Annotated[bool, typer.Option("--faults", help="List how it can fail, and end.")] = False,
    by_hand: Annotated[
        bool,
        typer.Option(
            "--by-hand",
            help="Do nothing beside it; wait for words on the input: card, passport, paper, mend, fail NAME.",
        ),
    ] = False,
    moment: Annotated[
        float, typer.Option(help="Seconds after which somebody does what it asks for, if not by hand.", min=0.0)
    ] = 1.0,
    time_zone: Annotated[
        str, typer.Option(help="What its clock shows; that of the agent's configuration.", metavar="ZONE")
    ] = "Europe/Rome",
    as_json: JsonOption = False,
) -> None:
    """Be a machine of software on this computer, for trying the agent without machines, until Ctrl-C.

    Prints one line for each thing that a real machine would have done. Where it needs a person, who lays a card on or
    refills the paper, that is done after a moment.
    """
    import asyncio

    machine, zone = _machine(kind), _zone(time_zone)
    if faults:
        width = max(map(len, machine.faults))
        for name, told in machine.faults.items():
            say(f"{name:<{width}}  {told}")
        return
    for name in fault or ():
        if name not in machine.faults:
            raise fail(
                plain(f"{kind} has no fault {name!r}; they are listed by: nightporter agent simulate {kind} --faults"),
                USAGE,
            )
    wanted = machine.port if port is None else port
    try:
        asyncio.run(_run(machine, wanted, fault or [], zone, None if by_hand else moment, as_json=as_json))
    except OSError:
        raise fail(f"cannot listen on port {wanted} of this computer; give another --port", FAILED) from None


def _machine(kind: str) -> "SimulatedMachine":
    from nightporter.agent.simulators import SIMULATORS

    if kind not in SIMULATORS:
        raise fail(plain(f"there is no simulated machine {kind!r}; known are {', '.join(SIMULATORS)}"), USAGE)
    return SIMULATORS[kind]


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise fail(plain(f"--time-zone is {name!r}, expected one like Europe/Rome"), USAGE) from None


async def _run(
    machine: "SimulatedMachine", port: int, faults: list[str], zone: Any, moment: float | None, *, as_json: bool
) -> None:
    import asyncio

    from nightporter.agent.running import ended_by_signals
    from nightporter.agent.simulating import Simulation
    from nightporter.host.clock import machine_sources

    sources = machine_sources()
    simulator = machine.make(lambda: sources.now().astimezone(zone).replace(tzinfo=None))
    for name in faults:
        simulator.fail(name)
    simulation = Simulation(machine, simulator, sources, say_json if as_json else _tell, note, moment)

    def started(at: int) -> None:
        note(f'a simulated machine listens: driver = "{machine.name}", {machine.option(at)}. Ctrl-C ends it.')
        if moment is None:
            note(f"type: {simulation.words}")
            _hear(asyncio.get_running_loop(), simulation.hear)

    stop = asyncio.Event()
    with ended_by_signals(stop):
        await simulation.run(port, stop, started)


def _tell(effect: dict[str, Any]) -> None:
    about = ", ".join(
        f"{name} {' '.join(map(str, told)) if isinstance(told, list) else told}"
        for name, told in effect.items()
        if name != "Effect"
    )
    say(f"{effect['Effect']}: {about}" if about else effect["Effect"])


def _hear(loop: "asyncio.AbstractEventLoop", hear: "Callable[[str], None]") -> None:
    """Read words from the input, in a thread that ends with the program."""
    import os
    import threading
    from contextlib import suppress

    def read() -> None:
        waiting = b""
        # By the bare file: a thread that waits in sys.stdin holds a lock that the end of the program wants.
        with suppress(OSError, RuntimeError):
            while piece := os.read(0, 4096):
                *lines, waiting = (waiting + piece).split(b"\n")
                for line in lines:
                    loop.call_soon_threadsafe(hear, line.decode(errors="replace"))

    threading.Thread(target=read, daemon=True).start()
