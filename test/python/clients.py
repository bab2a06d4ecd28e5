"""Holds what the stock Python clients get through the proxy to what they get from the server itself.

Usage: python clients.py SERVER_URL PROXY_URL. The server must be a simulated one. Exit code 1 if anything differs.
"""

import difflib
import sys
import urllib.request
from importlib.metadata import version

from cases import Case, ollama_cases, openai_cases
from outcomes import Outcome, outcome_of
from simulator import OPENER, Simulator

# Of a difference; the first lines tell, the rest is mostly embeddings.
LINES_SHOWN = 40


def is_proxy(url: str) -> bool:
    """The proxy puts an id on every answer, Ollama on none."""
    with OPENER.open(urllib.request.Request(f"{url}/api/version"), timeout=10) as answer:
        return answer.headers.get("x-request-id") is not None


def difference(direct: Outcome, proxied: Outcome) -> list[str]:
    lines = list(
        difflib.unified_diff(
            direct.text.splitlines(), proxied.text.splitlines(), "directly", "through the proxy", lineterm="", n=2
        )
    )
    more = len(lines) - LINES_SHOWN
    return lines[:LINES_SHOWN] + ([f"… {more} more lines"] if more > 0 else [])


def judge(case: Case, simulator: Simulator, server: str, proxy: str) -> tuple[str, list[str]]:
    """The word for the table, and the lines that explain it."""

    def outcome(url: str) -> Outcome:
        simulator.reset(*([case.fault] if case.fault else []))
        return outcome_of(lambda seen: case.run(url, seen))

    direct, proxied = outcome(server), outcome(proxy)
    if direct.text != proxied.text:
        return "differs", difference(direct, proxied)
    if direct.kind != case.expect:
        what = f"expected {case.expect}, both came to {direct.kind}:"
        return "not as meant", [what, *direct.text.splitlines()[:LINES_SHOWN]]
    return "ok", []


def main(server: str, proxy: str) -> int:
    if is_proxy(server) or not is_proxy(proxy):
        print(f"{server} must be a server and {proxy} the proxy, else the comparison says nothing", file=sys.stderr)
        return 1
    simulator = Simulator(server)
    cases = [*ollama_cases(simulator), *openai_cases(simulator)]
    width = max(len(case.name) for case in cases)
    print(f"Python {sys.version.split()[0]}, ollama {version('ollama')}, openai {version('openai')}")
    failures = []
    for case in cases:
        word, why = judge(case, simulator, server, proxy)
        print(f"{case.name:<{width}}  {word:<12}  {case.expect}", flush=True)
        if word != "ok":
            failures.append((case.name, why))
    for name, why in failures:
        print(f"\n{name}", *why, sep="\n")
    print(f"\n{len(cases) - len(failures)} ok, {len(failures)} not")
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python clients.py SERVER_URL PROXY_URL")
    sys.exit(main(sys.argv[1], sys.argv[2]))
