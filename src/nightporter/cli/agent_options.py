"""What the subcommands of ``nightporter agent`` share: where its configuration is, and how that is read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightporter.cli.asking import USAGE
from nightporter.cli.running import fail

if TYPE_CHECKING:
    from nightporter.agent.configuration import Configuration

ConfigOption = Annotated[
    Path, typer.Option("--config", help="The configuration of the agent.", metavar="FILE", show_default=True)
]
DEFAULT_CONFIG = Path("agent.toml")
AGENT_EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done, with the reason told; 2 wrong usage, or a bad configuration."
)


def read(path: Path, *, has_tokens: bool = True) -> "Configuration":
    """Read the configuration, its tokens too if it ``has_tokens`` for us. Raises InvalidConfiguration."""
    import platform

    from nightporter.agent.configuration import InvalidConfiguration, load
    from nightporter.agent.kinds import BadDriver, kinds
    from nightporter.settings import environment

    try:
        return load(path, kinds(), platform.node() or "this computer", environment(), has_tokens=has_tokens)
    except BadDriver as error:
        raise InvalidConfiguration(str(error)) from None


def configuration(path: Path, *, has_tokens: bool = True) -> "Configuration":
    """The same; raises typer.Exit with the reason told."""
    from nightporter.agent.configuration import InvalidConfiguration

    try:
        return read(path, has_tokens=has_tokens)
    except InvalidConfiguration as error:
        advice = "; give another file with --config" if path == DEFAULT_CONFIG and not path.exists() else ""
        raise fail(f"{error}{advice}", USAGE) from None
