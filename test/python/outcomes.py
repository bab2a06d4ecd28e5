"""What a call came to, in a form in which two runs of it can be compared as text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from pydantic import BaseModel

# Members that name one moment or one run. The type of their value is still compared.
VOLATILE = re.compile(r"^(created_at|created|completed_at|expires_at|.*_duration)$")

# Ids made up for one answer; a model's id is its name and must be equal.
MADE_UP = re.compile(r"\b(chatcmpl|cmpl|resp|msg|rs|fc|call)[-_]\w+")

# Members of an exception that are objects of one connection, or the id that the proxy adds to each answer.
OF_ONE_REQUEST = {"request", "_request", "response", "request_id"}


def steady(value: Any, name: str = "") -> Any:
    """The value without what differs from run to run. Objects of the clients become dicts that name their class."""
    if VOLATILE.match(name):
        return f"some {type(value).__name__}"
    if isinstance(value, str):
        return MADE_UP.sub(r"\1-…", value)
    if isinstance(value, BaseModel):
        # Iterating gives the declared members and those that the client did not know.
        return {"class": type(value).__name__, **{key: steady(inner, key) for key, inner in value}}
    if isinstance(value, dict):
        return {key: steady(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [steady(inner) for inner in value]
    return value


def full_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def causes(error: BaseException) -> list[str]:
    """The classes of the exceptions behind this one, nearest first."""
    names = []
    while error.__cause__ is not None:
        error = error.__cause__
        names.append(full_name(error))
    return names


@dataclass(frozen=True)
class Outcome:
    # "result", or the class of the exception without its module.
    kind: str
    # Everything by which a program could tell this outcome from another one.
    text: str


def outcome_of(run: Callable[[list[Any]], Any]) -> Outcome:
    """Runs a call. It is given a list for what it sees on the way, which counts even where an exception ends it."""
    seen: list[Any] = []
    try:
        result = run(seen)
    except Exception as error:
        members = {key: value for key, value in vars(error).items() if key not in OF_ONE_REQUEST}
        came = {
            "raised": full_name(error),
            "text": steady(str(error)),
            "members": steady(members),
            "causes": causes(error),
        }
        kind = type(error).__name__
    else:
        came = {"result": steady(result)}
        kind = "result"
    # As text 1, 1.0 and True are three things, which == takes for one.
    return Outcome(kind, pformat({"seen": steady(seen), **came}, width=110, sort_dicts=True))
