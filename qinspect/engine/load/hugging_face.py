"""Folders as Hugging Face's transformers write them: config.json and safetensors, offline, without their own code."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..problem import Problem
from ..source import ModelSpec
from ..text import Text, listed

MAX_CONFIG_BYTES = 16 << 20
RESAMPLE = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}
"""Pillow's numbers of the ways to scale that the data options know."""

SEQUENCE = 128
"""Tokens of the example input, where the model takes so many."""


class TextModel(torch.nn.Module):
    """Tokens in, logits (or the last hidden state) out."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return _result(self.model(input_ids=input_ids, attention_mask=attention_mask))


class Values(torch.nn.Module):
    """Pixels or a waveform in, logits (or the last hidden state) out."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return _result(self.model(values))


def _result(output: Any) -> torch.Tensor:
    found = output.get("logits")
    return output["last_hidden_state"] if found is None else found


def build_folder(folder: Path, spec: ModelSpec, notes: list[str]) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The model of a folder in eval mode and float32, and inputs to trace it with.

    The class is taken from the installed package transformers; code that the folder brings is refused,
    and nothing is fetched.

    Raises
    ------
    Problem
        Where the package is missing, the configuration is not one that it knows, or weights are missing.
    """
    config_file = folder / "config.json"
    settings = _settings(config_file)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import transformers
    except ImportError as error:
        raise Problem(str(folder), Text("needs the package transformers"), Text("pip install transformers.")) from error
    named = settings.get("architectures")
    name = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    cls: Any = getattr(transformers, name, None) if name.isidentifier() else None
    if not _is_model(cls, transformers.PreTrainedModel):
        raise Problem(
            str(config_file), Text("names the architecture {name!r}", name=name), Text("transformers must know it.")
        )
    _check_shards(folder)
    try:
        config = cls.config_class.from_dict(settings)
        config.use_cache = False
        # safetensors hold no code; with them and a class of the package nothing of the folder runs.
        loaded = cls.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # whatever a wrong value or file makes the package raise
        line = " ".join(str(error).split())[:200]
        raise Problem(
            str(folder),
            Text("{name} cannot be made of it ({line})", name=name, line=line),
            Text("Are the files whole?"),
        ) from error
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        raise Problem(
            str(folder),
            Text("has no weights for {missing}", missing=listed(missing, 1)),
            Text("Give a folder with all weights."),
        )
    notes.append(Text("{name} of transformers {version}, in float32.", name=name, version=transformers.__version__))
    return _wrapped(model.eval().requires_grad_(False), config, spec)


def preparation_of(folder: Path) -> dict[str, Any]:
    """Data options of a folder: its tokenizer, and what its preprocessor_config.json says that is of use."""
    tokenizer = folder / "tokenizer.json"
    own = {"tokenizer": str(tokenizer)} if tokenizer.is_file() else {}
    try:
        said = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        found: dict[str, Any] = dict(own)
        if said.get("do_normalize", True) and said.get("image_mean") and said.get("image_std"):
            found["mean"], found["std"] = (tuple(map(float, said[f"image_{key}"])) for key in ("mean", "std"))
        resized = said.get("size") if said.get("do_resize", True) else None
        sides = resized.values() if isinstance(resized, dict) else [resized]
        # Where it is cropped afterwards, the size is that of the short side.
        if resized and all(isinstance(side, int) for side in sides):
            # ConvNeXt's and PoolFormer's is that of the crop, which they cut from a larger image.
            found["resize"] = int(min(sides) / said.get("crop_pct", 1))
        if said.get("resample") in RESAMPLE:
            found["interpolation"] = RESAMPLE[said["resample"]]
        if isinstance(said.get("sampling_rate"), int):
            found["rate"] = said["sampling_rate"]
        return found
    except (OSError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return own


def _is_model(cls: Any, base: Any) -> bool:
    return inspect.isclass(cls) and issubclass(cls, base)


def _settings(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError("it is too large")
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(str(path), Text("cannot be read ({error})", error=error), Text("Is the file whole?")) from error
    if not isinstance(settings, dict):
        raise Problem(str(path), Text("is not a configuration"), Text("Give a folder that save_pretrained wrote."))
    if settings.get("auto_map"):
        raise Problem(
            str(path), Text("wants Python code of its own to run"), Text("Give the model as file.py:callable instead.")
        )
    if settings.get("quantization_config"):
        raise Problem(str(path), Text("is quantized already, in a way that is not read"), Text("Give the float model."))
    return settings


def _check_shards(folder: Path) -> None:
    """Whether the weights lie in this folder, as safetensors."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Problem(str(index), Text("is not an index of weights"), Text("Is the file whole?")) from error
        strange = [name for name in names if not isinstance(name, str) or Path(name).name != name]
        if strange:
            raise Problem(
                str(index),
                Text("names {strange!r}, which is no file of this folder", strange=strange[0]),
                Text("Give the right files."),
            )
    elif not (folder / "model.safetensors").is_file():
        raise Problem(str(folder), Text("holds no model.safetensors"), Text("Save it anew with save_pretrained."))


def _wrapped(model: Any, config: Any, spec: ModelSpec) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(0)
    wanted = None if spec.input_shape is None else spec.input_shape[0]
    if model.main_input_name == "input_ids":
        longest = int(_of(config, ("max_position_embeddings", "n_positions"), SEQUENCE))
        shape = wanted or (2, min(SEQUENCE, longest))
        tokens = torch.randint(0, int(_of(config, ("vocab_size",), 2)), shape, generator=generator)
        return TextModel(model), (tokens, torch.ones_like(tokens))
    if wanted is None:
        size = _of(config, ("image_size",), 224)
        height, width = size if isinstance(size, (list, tuple)) else (size, size)
        wanted = (2, int(_of(config, ("num_channels",), 3)), int(height), int(width))
    return Values(model), (torch.rand(wanted, generator=generator),)


def _of(config: Any, names: tuple[str, ...], otherwise: Any) -> Any:
    for source in (config, getattr(config, "text_config", None), getattr(config, "vision_config", None)):
        for name in names:
            value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
            if value is not None:
                return value
    return otherwise
