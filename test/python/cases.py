"""The calls that are made of each client, directly and through the proxy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import ollama
import openai

from simulator import Simulator

CHAT = "llama3.2:3b"
EMBED = "nomic-embed-text:latest"
NOBODY = "nobody:1b"
MESSAGES: list[Any] = [{"role": "user", "content": "Why is the sky blue? 日本語 🙂 <b>&amp;</b>"}]

# A call that never ends fails instead of holding up the rest.
TIMEOUT_S = 30.0
# For the cases in which the client loses its patience: far longer than a part takes to come.
SHORT_TIMEOUT_S = 2.0
# The simulated server falls silent, or fails, after so many parts.
PARTS = 3

Seen = list[Any]


@dataclass(frozen=True)
class Case:
    name: str
    # Gets the base URL of the server or the proxy, and a list for what it sees on the way.
    run: Callable[[str, Seen], Any]
    # "result", or the class of the exception: otherwise the case would hold if nothing worked at all.
    expect: str = "result"
    fault: dict[str, Any] | None = None


def drain(stream: Iterable[Any], seen: Seen) -> None:
    for part in stream:
        seen.append(part)


def leave(stream: Any, seen: Seen, simulator: Simulator) -> str:
    """Closes the stream in its middle and tells what the server saw of that."""
    for part in stream:
        seen.append(part)
        if len(seen) == PARTS:
            stream.close()
            break
    return simulator.hang_up()


def lose_patience(stream: Iterable[Any], seen: Seen, simulator: Simulator) -> None:
    """Reads until the client's own timeout, whose exception goes on once the server knows."""
    try:
        drain(stream, seen)
    finally:
        seen.append(simulator.hang_up())


def stall(path: str) -> dict[str, Any]:
    return {"kind": "stall", "afterLines": PARTS, "path": path, "count": 1}


# Only the native API says so in its stream: on /v1 Ollama swallows it, and the proxy tells the client all the same.
OUT_OF_LUCK = {"kind": "error-line", "afterLines": PARTS, "path": "/api/chat", "count": 1, "message": "out of luck"}


def ollama_cases(simulator: Simulator) -> list[Case]:
    def case(name: str, call: Callable[[ollama.Client, Seen], Any], timeout: float = TIMEOUT_S, **rest: Any) -> Case:
        def run(url: str, seen: Seen) -> Any:
            with ollama.Client(host=url, timeout=timeout) as client:
                return call(client, seen)

        return Case(f"ollama: {name}", run, **rest)

    def chat(client: ollama.Client, model: str = CHAT) -> Any:
        return client.chat(model=model, messages=MESSAGES, stream=True)

    def generate(client: ollama.Client, model: str = CHAT) -> Any:
        return client.generate(model=model, prompt="once upon a time", stream=True)

    def ps(client: ollama.Client, _seen: Seen) -> Any:
        client.generate(model=CHAT, prompt="")
        return client.ps()

    refused = {"expect": "ResponseError"}
    silent = {"fault": stall("/api/chat")}
    return [
        case("chat", lambda c, _: c.chat(model=CHAT, messages=MESSAGES)),
        case("chat, stream", lambda c, seen: drain(chat(c), seen)),
        case("generate", lambda c, _: c.generate(model=CHAT, prompt="once upon a time")),
        case("generate, stream", lambda c, seen: drain(generate(c), seen)),
        case("embed", lambda c, _: c.embed(model=EMBED, input=["one", "two", "três"])),
        case("list", lambda c, _: c.list()),
        case("show", lambda c, _: c.show(CHAT)),
        case("ps", ps),
        case("chat, unknown model", lambda c, _: c.chat(model=NOBODY, messages=MESSAGES), **refused),
        case("chat, stream, unknown model", lambda c, seen: drain(chat(c, NOBODY), seen), **refused),
        case("generate, unknown model", lambda c, _: c.generate(model=NOBODY, prompt="x"), **refused),
        case("generate, stream, unknown model", lambda c, seen: drain(generate(c, NOBODY), seen), **refused),
        case("embed, unknown model", lambda c, _: c.embed(model=NOBODY, input="x"), **refused),
        case("show, unknown model", lambda c, _: c.show(NOBODY), **refused),
        case("chat, error in mid-stream", lambda c, seen: drain(chat(c), seen), fault=OUT_OF_LUCK, **refused),
        case("chat, closed in mid-stream", lambda c, seen: leave(chat(c), seen, simulator), **silent),
        case(
            "generate, closed in mid-stream",
            lambda c, seen: leave(generate(c), seen, simulator),
            fault=stall("/api/generate"),
        ),
        case(
            "chat, timeout in mid-stream",
            lambda c, seen: lose_patience(chat(c), seen, simulator),
            timeout=SHORT_TIMEOUT_S,
            expect="ReadTimeout",
            **silent,
        ),
    ]


def openai_cases(simulator: Simulator) -> list[Case]:
    def case(name: str, call: Callable[[openai.OpenAI, Seen], Any], timeout: float = TIMEOUT_S, **rest: Any) -> Case:
        def run(url: str, seen: Seen) -> Any:
            with openai.OpenAI(base_url=f"{url}/v1", api_key="ollama", timeout=timeout) as client:
                return call(client, seen)

        return Case(f"openai: {name}", run, **rest)

    def chat(client: openai.OpenAI, model: str = CHAT, **more: Any) -> Any:
        return client.chat.completions.create(model=model, messages=MESSAGES, stream=True, **more)

    def respond(client: openai.OpenAI, model: str = CHAT) -> Any:
        return client.responses.create(model=model, input="hello", stream=True)

    usage = {"stream_options": {"include_usage": True}}
    refused = {"expect": "NotFoundError"}
    path = "/v1/chat/completions"
    return [
        case("chat", lambda c, _: c.chat.completions.create(model=CHAT, messages=MESSAGES)),
        case("chat, stream", lambda c, seen: drain(chat(c), seen)),
        case("chat, stream with usage", lambda c, seen: drain(chat(c, **usage), seen)),
        case("embeddings", lambda c, _: c.embeddings.create(model=EMBED, input=["one", "two"])),
        case("models", lambda c, _: list(c.models.list())),
        case("models, one", lambda c, _: c.models.retrieve(CHAT)),
        case("responses", lambda c, _: c.responses.create(model=CHAT, input="hello")),
        case("responses, stream", lambda c, seen: drain(respond(c), seen)),
        case("chat, unknown model", lambda c, _: c.chat.completions.create(model=NOBODY, messages=MESSAGES), **refused),
        case("chat, stream, unknown model", lambda c, seen: drain(chat(c, NOBODY), seen), **refused),
        case("embeddings, unknown model", lambda c, _: c.embeddings.create(model=NOBODY, input="x"), **refused),
        case("models, unknown model", lambda c, _: c.models.retrieve(NOBODY), **refused),
        case("responses, unknown model", lambda c, _: c.responses.create(model=NOBODY, input="x"), **refused),
        case("responses, stream, unknown model", lambda c, seen: drain(respond(c, NOBODY), seen), **refused),
        case("chat, closed in mid-stream", lambda c, seen: leave(chat(c), seen, simulator), fault=stall(path)),
        case(
            "responses, closed in mid-stream",
            lambda c, seen: leave(respond(c), seen, simulator),
            fault=stall("/v1/responses"),
        ),
        case(
            "chat, timeout in mid-stream",
            lambda c, seen: lose_patience(chat(c), seen, simulator),
            timeout=SHORT_TIMEOUT_S,
            expect="APITimeoutError",
            fault=stall(path),
        ),
    ]
