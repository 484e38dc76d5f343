"""``python -m tests.picture_of_web``: the console in a real browser (chromium), as docs/web.png."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from aiohttp.test_utils import TestServer

from console.cli.web.server import WebConsole
from tests.real.browser import browser
from tests.simulator.api_process import simulator

FILE = Path(__file__).parents[1] / "docs" / "web.png"
HISTORY = 60.0
"""Seconds of observation before, so that there is something to plot."""


async def draw() -> None:
    """Write the picture."""
    token = secrets.token_urlsafe()
    with (
        simulator("--scenario", "stuck-engine", "--seed", "7", "--speed", "4") as fleet,
        tempfile.TemporaryDirectory() as folder,
    ):
        served = WebConsole(token, (f"--kubeconfig={fleet.kubeconfig}",))
        async with TestServer(served.app()) as server, browser(Path(folder), (1200, 760)) as page:
            await page.open(f"{server.make_url('/')}?token={token}")
            await page.until("document.body?.classList.contains('-first-byte')")
            await asyncio.sleep(HISTORY)
            FILE.write_bytes(await page.picture())


if __name__ == "__main__":
    sys.exit(asyncio.run(draw()))
