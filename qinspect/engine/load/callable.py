"""Modules made by the user's own Python code, with weights from a checkpoint."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..files import demand_file, load_tensors
from ..graph import memory
from ..problem import Problem, line_of
from ..source import ModelSpec
from ..text import Text, listed
from .call import Call
from .sniff import holds_arrays

INSTALL = Text("Install it beside qinspect, in the same environment.")
"""What to do where code wants a package that is not there."""


def resolve(source: str) -> Any:
    """The object that ``file.py:name`` or ``package.module:name`` names; runs the code."""
    head, _, name = source.rpartition(":")
    if head.endswith(".py"):
        path = Path(head)
        if not path.is_file():
            raise Problem(head, Text("no such file"), Text("Check the path."))
        # Named by its path, so that two files of one name do not meet, and pickling finds it.
        module_name = f"qinspect_source_{abs(hash(str(path.resolve()))):x}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise Problem(head, Text("cannot be imported"), Text("Give a Python file."))
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        folder = str(path.resolve().parent)
        sys.path.insert(0, folder)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[module_name]
            raise Problem(
                head,
                Text("importing it raises {error}: {said}", error=type(error).__name__, said=error),
                INSTALL if isinstance(error, ImportError) else Text("Mend the file."),
            ) from error
        finally:
            sys.path.remove(folder)
    else:
        try:
            module = importlib.import_module(head)
        except Exception as error:
            itself = isinstance(error, ImportError) and (error.name or "").split(".")[0] == head.split(".")[0]
            remedy = Text("Is the package installed here?")
            if isinstance(error, ImportError) and not itself:
                remedy = INSTALL
            elif itself and (path := Path(*head.split(".")).with_suffix(".py")).is_file():
                remedy = Text("A file is named by its path: {source}.", source=f"{path.as_posix()}:{name}")
            raise Problem(
                head,
                Text("importing it raises {error}: {said}", error=type(error).__name__, said=error),
                remedy,
            ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise Problem(
            source, Text("there is no {name!r} in it", name=name), Text("Check the name after the colon.")
        ) from None


def _remedy(error: Exception) -> Text:
    """What to do where a callable raises."""
    if isinstance(error, ImportError):
        return INSTALL
    if isinstance(error, TypeError) and "argument" in str(error):
        return Text("It must work without arguments.")
    return Text("Call it in Python first: it must return the model.")


def build(spec: ModelSpec) -> tuple[torch.nn.Module, Any]:
    """Run the callable and load the weights.

    Returns
    -------
    module, example
        The module in eval mode, float32, and the example inputs where the callable gave any (``module, inputs``
        or ``module, inputs, named inputs``), else None.
    """
    made = resolve(spec.source)
    if not callable(made):
        raise Problem(spec.source, Text("is not callable"), Text("Name a function or class that returns an nn.Module."))
    if not isinstance(made, torch.nn.Module):
        try:
            made = made()
        except Exception as error:
            if memory.ran_out(error):
                raise Problem(
                    spec.source,
                    Text("calling it needs more memory than there is (at once: {wanted})", wanted=memory.wanted(error)),
                    Text("Close other programs, or make a smaller model."),
                ) from error
            from .trace import author_line  # which imports torch.export

            raise Problem(
                author_line(error) or spec.source,
                Text(
                    "calling {source} raises {error}: {said}",
                    source=spec.source,
                    error=type(error).__name__,
                    said=error,
                ),
                _remedy(error),
            ) from error
    example = None
    if isinstance(made, tuple) and len(made) == 2:
        made, example = made
    elif isinstance(made, tuple) and len(made) == 3 and isinstance(made[2], Mapping):
        made, example = made[0], Call.of(made[1] if isinstance(made[1], tuple | list) else (made[1],), made[2])
    if not isinstance(made, torch.nn.Module):
        raise Problem(
            spec.source, Text("returned {made}", made=type(made).__name__), Text("It must return an nn.Module.")
        )
    if spec.weights:
        load_weights(made, Path(spec.weights))
    # A GRU whose weights want gradients computes in another order of rounding.
    for parameter in made.parameters():
        parameter.requires_grad_(False)
    return made.eval().float(), example


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Load a checkpoint into a module; nothing in the file is executed."""
    state = read_state(path)
    own = module.state_dict()
    for prefix in ("module.", "model.", "_orig_mod."):  # of DataParallel, Lightning and torch.compile
        if not set(state) & set(own) and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    state |= _tied(own, state)
    counters = {key for key in own if key.endswith("num_batches_tracked")}
    missing = sorted(set(own) - set(state) - counters)
    unexpected = sorted(set(state) - set(own))
    wrong = [key for key in state if key in own and state[key].shape != own[key].shape]
    ours = Text("Give the weights that belong to this model.")
    if missing:
        raise Problem(str(path), Text("has no {keys}", keys=listed(missing, 1)), ours)
    if unexpected:
        raise Problem(str(path), Text("has, but the model does not, {keys}", keys=listed(unexpected, 1)), ours)
    if wrong:
        key = wrong[0]
        raise Problem(
            str(path),
            Text(
                "{key} has shape {shape}, the model wants {wanted}",
                key=key,
                shape=tuple(state[key].shape),
                wanted=tuple(own[key].shape),
            ),
            ours,
        )
    # Large weights stay where they are, in the mapped file; small ones are copied, so that tied ones stay tied.
    large = sum(tensor.nbytes for tensor in state.values()) > memory.MAPPED_BYTES
    module.load_state_dict(state, strict=False, assign=large)


def _tied(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of a module's tensors that are one and the same a file may hold one alone: what it holds for the others."""
    places = {(own[key].data_ptr(), own[key].shape): tensor for key, tensor in state.items() if key in own}
    others = {key: (tensor.data_ptr(), tensor.shape) for key, tensor in own.items() if key not in state}
    return {key: places[place] for key, place in others.items() if place in places and own[key].numel()}


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Read a checkpoint's tensors without running anything in it."""
    demand_file(path)
    if holds_arrays(path):
        raise Problem(
            str(path),
            Text("holds numpy arrays, and no checkpoint"),
            Text("Give --weights .safetensors, .pt or .pth; arrays are given with --data."),
        )
    try:
        with path.open("rb") as file:
            start = file.read(9)
        saved = start[:1] in (b"P", b"\x80")  # the zip or the pickle that torch.save writes
        if start[8:] == b"{" or (path.suffix == ".safetensors" and not saved):
            from safetensors.torch import load_file

            return load_file(path)  # which maps it
        if not saved:
            raise Problem(
                str(path),
                Text("is no checkpoint"),
                Text("Give what safetensors, or torch.save of a state_dict(), wrote."),
            )
        large = start[:4] == b"PK\x03\x04" and path.stat().st_size > memory.MAPPED_BYTES
        state: Any = load_tensors(path, mapped=large)
    except Problem:
        raise
    except pickle.UnpicklingError as error:
        raise Problem(
            str(path),
            Text("holds more than tensors, and loading it would run its code"),
            Text("Save its state_dict() instead."),
        ) from error
    except Exception as error:
        line = line_of(error, 200)
        raise Problem(
            str(path), Text("cannot be read as a checkpoint ({line})", line=line), Text("Is the file whole?")
        ) from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(
        isinstance(key, str) and isinstance(item, torch.Tensor) for key, item in state.items()
    ):
        raise Problem(str(path), Text("is not a state_dict"), Text("Save model.state_dict()."))
    return dict(state)
