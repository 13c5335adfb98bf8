"""Reading plan.json, which people write by hand, too: a slip is named with its place and what was meant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files import demand_file
from ..problem import Problem
from ..text import Text, one_of
from . import Override, QuantPlan, Remedy
from .qconfig import QConfig, TensorConfig, config_from_json
from .target import Target, first_qconfig


def read_plan(path: Path) -> QuantPlan:
    """Read plan.json.

    Raises
    ------
    Problem
        Naming the file.
    """
    try:
        data = json.loads(_content(path).decode("utf-8-sig"))
    except OSError as error:
        raise Problem(str(path), error.strerror or Text("cannot be read"), Text("Check the path.")) from error
    except UnicodeDecodeError as error:
        raise Problem(
            str(path), Text("is no text, so no plan"), Text("Give a plan.json that qinspect wrote.")
        ) from error
    except (ValueError, RecursionError) as error:
        raise Problem(
            str(path), Text("is not JSON ({error})", error=error), Text("Give a plan.json that qinspect wrote.")
        ) from error
    try:
        return plan_from_json(data)
    except Problem as problem:
        raise Problem(f"{path}, {problem.where}", problem.what, problem.remedy) from problem


MOST_BYTES = 64 * 2**20
"""Of a plan from a pipe, which may have no end."""


def _content(path: Path) -> bytes:
    """What is in a file, or in a pipe that this process was given, as by ``<(…)`` of a shell."""
    given = str(path) == "/dev/stdin" or str(path.parent) in ("/dev/fd", "/proc/self/fd")
    if given and path.is_fifo():
        with path.open("rb") as pipe:
            return pipe.read(MOST_BYTES)
    demand_file(path)
    return path.read_bytes()


def plan_from_json(data: Any) -> QuantPlan:
    """Read what `QuantPlan.to_json` wrote, or somebody by hand.

    All but the version may be left out: without a default it is the target's own, and the target may be
    its name alone.

    Raises
    ------
    Problem
        Where the version, a key or a value is not known.
    """
    if not isinstance(data, Mapping) or data.get("version") != 1:
        raise Problem(
            "plan",
            Text("not a version 1 plan"),
            Text('It is an object whose "version" is 1; qinspect analyze writes one.'),
        )
    _known("plan", data, ("version", "target", "default", "overrides", "fusions", "remedies"))
    target = _target(data.get("target", {}))
    first = first_qconfig(target)
    default = _object("plan default", data.get("default", {}))
    _known("plan default", default, ("weight", "activation"))
    return QuantPlan(
        target,
        QConfig(
            _config("plan default, weight", default["weight"]) if "weight" in default else first.weight,
            _config("plan default, activation", default["activation"]) if "activation" in default else first.activation,
        ),
        tuple(_override(f"plan override {i}", item) for i, item in _numbered("overrides", data)),
        tuple(_fusion(f"plan fusion {i}", item) for i, item in _numbered("fusions", data)),
        tuple(_remedy(f"plan remedy {i}", item) for i, item in _numbered("remedies", data)),
    )


def _target(found: Any) -> Target:
    if isinstance(found, str):
        return Target.parse(found)
    settings = _object("plan target", found)
    _known("plan target", settings, Target.__dataclass_fields__)
    for key in ("backend", "engine", "isa"):
        if not isinstance(settings.get(key, ""), str):
            raise Problem("plan target", _is(key, settings[key]), Text("Give its name."))
    engine = (
        {}
        if "engine" in settings or "backend" not in settings
        else {"engine": Target.parse(settings["backend"]).engine}
    )
    return Target(**{**settings, **engine})


def _override(where: str, item: Any) -> Override:
    item = _object(where, item)
    _known(where, item, ("match", "weight", "activation"))
    match = _object(f"{where}, match", item.get("match", {}))
    found: tuple[Any, Any] = next(iter(match.items()), ("", ""))
    kind, pattern = found
    if len(match) != 1 or kind not in ("id", "path", "op") or not isinstance(pattern, str):
        raise Problem(
            where,
            Text("match {match}", match=json.dumps(match)),
            Text("Match by one of id, path and op, such as {example}.", example='{"op": "conv2d"}'),
        )
    return Override(
        kind,
        pattern,
        _config(f"{where}, weight", item["weight"]) if "weight" in item else "inherit",
        _config(f"{where}, activation", item["activation"]) if "activation" in item else "inherit",
    )


def _fusion(where: str, item: Any) -> tuple[str, bool]:
    item = _object(where, item)
    _known(where, item, ("id", "on"))
    if not isinstance(item.get("id"), str) or not isinstance(item.get("on"), bool):
        raise Problem(where, json.dumps(item), Text("Give an id, and true or false for on."))
    return item["id"], item["on"]


def _remedy(where: str, item: Any) -> Remedy:
    item = _object(where, item)
    _known(where, item, ("kind", "layers"))
    layers = item.get("layers")
    if not isinstance(layers, list) or not all(isinstance(key, str) for key in layers):
        raise Problem(where, _is("layers", layers), Text("Give a list of layer ids."))
    return Remedy(item.get("kind", ""), tuple(layers))


def _config(where: str, found: Any) -> TensorConfig | None:
    try:
        return config_from_json(found)
    except Problem as problem:
        raise Problem(where, problem.what, problem.remedy) from problem


def _numbered(key: str, data: Mapping[str, Any]) -> Iterable[tuple[int, Any]]:
    """The entries of a list, from 1 on."""
    found = data.get(key, [])
    if not isinstance(found, list):
        raise Problem("plan", _is(key, found), Text("Give a list."))
    return enumerate(found, 1)


def _object(where: str, found: Any) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise Problem(where, Text("is {value}", value=json.dumps(found)), Text("Give an object, in braces."))
    return found


def _is(key: str, value: Any) -> Text:
    return Text("{key} is {value}", key=key, value=json.dumps(value))


def _known(where: str, data: Mapping[str, Any], known: Iterable[str]) -> None:
    """A key that is not known is a slip of the pen, and would be lost silently."""
    if unknown := sorted(set(data) - set(known)):
        raise Problem(where, Text("unknown key {key!r}", key=unknown[0]), one_of(unknown[0], list(known)))
