"""A worker of procrastinate that fetches and finishes jobs. Told: the database."""

import asyncio
import sys

from benchmarks.load import CALLERS
from benchmarks.rivals import app_of


async def main() -> None:
    app, _ = app_of(sys.argv[1])
    async with app.open_async():
        await app.run_worker_async(concurrency=CALLERS)


if __name__ == "__main__":
    asyncio.run(main())
