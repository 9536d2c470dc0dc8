"""``make torture``: one run; exit code 0 when it holds, 1 when something was found, 2 when it is void."""

import argparse
import asyncio
import secrets
import sys

from torture.run import Plan, torture


def main() -> None:
    """Run as the arguments say, print the table, end with the exit code."""
    reader = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    reader.add_argument("--minutes", type=float, default=1.0)
    reader.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    reader.add_argument("--seed", type=int, default=None, help="the dice; a new one when it is not given")
    given = reader.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    plan = Plan(given.database, given.minutes * 60, seed)
    print(f"seed {seed}; again: {plan.command}", flush=True)
    outcome = asyncio.run(torture(plan))
    print(outcome.told(), flush=True)
    sys.exit(0 if outcome.holds else 1 if outcome.findings else 2)


if __name__ == "__main__":
    main()
