"""The remote control of the simulated server (`/__sim/`), always reached directly."""

import json
import time
import urllib.request
from typing import Any

# For a hang-up to arrive at the server; it takes milliseconds unless it never comes.
PATIENCE_S = 10.0

# A proxy from the environment must not come between; this is loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Simulator:
    def __init__(self, url: str) -> None:
        self._url = url

    def reset(self, *faults: dict[str, Any]) -> None:
        """Forgets what was counted, and switches on these faults alone."""
        self._call("POST", "reset")
        self._call("POST", "faults", list(faults))

    def hang_up(self) -> str:
        """Waits for the first client that hung up since the reset, and gives the path that it had asked for."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            gone = self._call("GET", "state")["aborted"]["recent"]
            if gone:
                return str(gone[0]["path"])
            time.sleep(0.02)
        return f"no hang-up within {PATIENCE_S:g} s"

    def _call(self, method: str, name: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/__sim/{name}", data=data, method=method)
        with OPENER.open(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
