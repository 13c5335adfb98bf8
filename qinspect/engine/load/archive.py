"""Reading ``.pt2`` files without running anything that they hold.

`torch.export.load` runs code from a hostile file: through pickled weights and example inputs,
through shape expressions (evaluated by sympy), through stored guard code, through names (which it
writes into Python code) and through operators that write files. So the archive is checked and
written anew in memory, with nothing in it but what is known to be needed, and only that is loaded.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from ..files import content_offset
from ..graph import memory
from ..problem import Problem, line_of
from ..text import Text
from .plain import plain

MAX_JSON = 256 << 20
_WIDEST = 16
"""Bytes of the widest number."""

_WORTH_MAPPING = 1 << 16

MAX_EXPANDED = 1 << 24
"""A stored tensor may have more values than its bytes hold (an expanded one), but not more than this."""

_TORCH_WROTE = Text("It is not a file that torch.export wrote.")
_TARGET = re.compile(
    r"torch\.ops\.(aten|quantized_decomposed)\.\w+\.\w+|_operator\.(getitem|mul|add|sub|floordiv|mod|neg|truediv|eq|ge|gt|le|lt|ne|pow)"
    r"|torch\.sym_(int|float|max|min|not|ite|sum)|math\.(ceil|floor|trunc)"
)
_WORDS = frozenset(
    {
        "padding",
        "approximate",
        "mode",
        "equation",
        "reduce",
        "reduction",
        "rounding_mode",
        "indexing",
        "ord",
        "norm",
        "UPLO",
        "driver",
        "side",
        "interpolation",
        "pad_mode",
        "padding_side",
        "assert_msg",
    }
)
"""Arguments that may be text; one of another name (``filename``) may be a file to read or write."""
# The possessive forms (``++``) keep a long hostile text from being tried in exponentially many ways.
_EXPRESSION = re.compile(
    r"(?:Symbol\('[a-z]\w*+'(?:, (?:positive|integer|nonnegative|real)=True)*+\)|[su]\d++|\d{1,20}+(?:\.\d{1,20}+)?"
    r"|Add|Mul|Integer|Rational|Mod|FloorDiv|CleanDiv|Max|Min|CeilToInt|FloorToInt|TruncToInt|PythonMod|ModularIndexing"
    r"|Pow\((?:Symbol\('[a-z]\w*+'(?:, (?:positive|integer)=True)*+\)|[su]\d++), (?:Integer\()?-?\d\)?\)"
    r"|\*\*\d(?![\d*])|\*(?!\*)"
    r"|[()+/, -])*+"
)
_NAME = re.compile(r"(?:[A-Za-z_]\w*)?", re.ASCII)
_PATH = re.compile(r"[\w.:/+@\- ]*")
_NAMED = frozenset({"name", "as_name"})
_PATHS = frozenset({"parameter_name", "buffer_name", "tensor_constant_name", "fqn", "user_input_name"})


def read_pt2(path: Path) -> ExportedProgram:
    """Load an exported program from a file, safely.

    Raises
    ------
    Problem
        Where the file is damaged, of another kind, or holds something that loading would execute.
    """
    large: dict[str, tuple[zipfile.ZipInfo, Any]] = {}
    try:
        clean = _rewritten(path, large)
    except Problem:
        raise
    except FileNotFoundError:
        raise Problem(str(path), Text("no such file"), Text("Check the path.")) from None
    except Exception as error:  # whatever a damaged archive makes zipfile, zlib and json raise
        raise Problem(
            str(path),
            Text("is not a whole .pt2 file ({error}: {said})", error=type(error).__name__, said=error),
            Text("Export it anew."),
        ) from error
    try:
        program = torch.export.load(clean)
        _map_weights(path, program, large)
        return plain(program)
    except Exception as error:
        line = line_of(error, 200)
        raise Problem(
            str(path),
            Text("torch {version} cannot read it ({line})", version=torch.__version__, line=line),
            Text("Export it with this torch."),
        ) from error


def _rewritten(path: Path, large: dict[str, tuple[zipfile.ZipInfo, Any]]) -> io.BytesIO:
    """The archive anew: one model, its plain tensors, and no entry of any other name.

    Of a large file, `large` gets the entries and the layout of those tensors that are to be mapped; one value
    stands in the archive for each of them.
    """
    where, size = str(path), path.stat().st_size
    out = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as clean:
        name, inner = _checked_entries(where, size, archive.infolist())

        def write(entry: str, data: bytes) -> None:
            clean.writestr(zipfile.ZipInfo(f"model/{entry}"), data)

        def read_json(entry: str) -> Any:
            if inner[entry].file_size > MAX_JSON:
                raise Problem(where, Text("{entry} is absurdly large", entry=entry), _TORCH_WROTE)
            return json.loads(archive.read(inner[entry]))

        program = f"models/{name}.json"
        write(program, json.dumps(_checked_model(where, read_json(program))).encode())
        for kind, prefix in (("weights", "weight"), ("constants", "tensor")):
            folder = f"data/{kind}/"
            table = f"{folder}{name}_{kind}_config.json"
            config = read_json(table)
            sizes = {key: info.file_size for key, info in inner.items()}
            wanted = _check_config(where, config, prefix, folder, sizes)
            mapped = {entry for entry in wanted if size > memory.MAPPED_BYTES and _can_be_mapped(path, inner[entry])}
            for tensor, stored in config["config"].items():
                if folder + stored["path_name"] in mapped:
                    large[tensor] = inner[folder + stored["path_name"]], dict(stored["tensor_meta"])
                    flat = [{"as_int": 0} for _ in stored["tensor_meta"]["sizes"]]
                    stored["tensor_meta"] |= {"strides": flat, "storage_offset": {"as_int": 0}}
            write(table, json.dumps(config).encode())
            for entry in sorted(wanted):
                write(entry, bytes(_WIDEST) if entry in mapped else archive.read(inner[entry]))
        # Example inputs are a pickle, and nothing here needs them.
        write(f"data/sample_inputs/{name}.pt", b"")
        for entry in ("archive_format", "archive_version", "byteorder", ".data/version"):
            if entry in inner:
                write(entry, archive.read(inner[entry])[:16])
    out.seek(0)
    return out


def _checked_entries(
    where: str, size: int, entries: Sequence[zipfile.ZipInfo]
) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """The one model's name, and the entries by their path in the archive's folder."""
    if sum(info.file_size for info in entries) > 20 * size + (64 << 20):
        raise Problem(where, Text("unpacks to far more than its size"), _TORCH_WROTE)
    names = [info.filename for info in entries]
    if any(name.startswith("/") or ".." in name.split("/") for name in names):
        raise Problem(where, Text("holds a path that leaves its folder"), _TORCH_WROTE)
    if len(set(names)) != len(names) or len({name.partition("/")[0] for name in names}) > 1:
        raise Problem(where, Text("holds an entry twice, or more than one folder"), _TORCH_WROTE)
    inner = {info.filename.partition("/")[2]: info for info in entries}
    models = [name for name in inner if name.startswith("models/")]
    if not models:
        raise Problem(
            where, Text("has no models/*.json (an older format, or another kind of file)"), Text("Export it anew.")
        )
    if len(models) > 1 or not re.fullmatch(r"models/\w+\.json", models[0], re.ASCII):
        raise Problem(where, Text("holds more than one model"), Text("Export one model to a file."))
    name = models[0].removeprefix("models/").removesuffix(".json")
    for entry in inner:
        if entry.startswith(("data/constants/custom_obj", "data/constants/opaque_obj")):
            raise Problem(where, Text("holds a custom object, which loading would execute"), Text("Export it without."))
        if entry.startswith(("data/aotinductor", "data/executorch")):
            raise Problem(where, Text("holds compiled code, which is not opened"), Text("Export the float program."))
        if entry in (f"data/weights/{name}.pt", f"data/constants/{name}.pt"):
            raise Problem(where, Text("holds pickled weights of an older format"), Text("Export it anew."))
    return name, inner


def _can_be_mapped(path: Path, entry: zipfile.ZipInfo) -> bool:
    plainly = entry.compress_type == zipfile.ZIP_STORED and entry.file_size >= _WORTH_MAPPING
    return plainly and content_offset(path, entry) % _WIDEST == 0


def _map_weights(path: Path, program: ExportedProgram, large: Mapping[str, tuple[zipfile.ZipInfo, Any]]) -> None:
    """Put the file's own bytes in the place of tensors that were left out; what is written to them stays in memory."""
    files: dict[str, torch.Tensor] = {}
    for name, (entry, meta) in large.items():
        if entry.filename not in files:
            place = content_offset(path, entry)
            files[entry.filename] = torch.from_numpy(np.memmap(path, np.uint8, "c", place, (entry.file_size,)))
        stands = program.state_dict[name] if name in program.state_dict else program.constants[name]
        sizes, strides = ([int(n["as_int"]) for n in meta[key]] for key in ("sizes", "strides"))
        flat = files[entry.filename].view(stands.dtype)
        tensor = flat.as_strided(sizes, strides, int(meta["storage_offset"]["as_int"]))
        if isinstance(stands, torch.nn.Parameter):
            tensor = torch.nn.Parameter(tensor, requires_grad=stands.requires_grad)
        (program.state_dict if name in program.state_dict else program.constants)[name] = tensor


def _check_config(where: str, config: Any, prefix: str, folder: str, sizes: Mapping[str, int]) -> set[str]:
    """Check the table of stored tensors; returns the entries that hold them."""
    wanted = set()
    for name, entry in config["config"].items():
        _check_text(where, name, _PATH)
        if entry.get("use_pickle") or not re.fullmatch(rf"{prefix}_\d+", str(entry["path_name"]), re.ASCII):
            raise Problem(
                where,
                Text("{name} is pickled, and loading it would run its code", name=name),
                Text("Export it with this torch."),
            )
        meta = entry["tensor_meta"]
        shape = [int(size["as_int"]) for size in meta["sizes"]]
        stored = sizes[folder + entry["path_name"]]
        if min(shape, default=1) < 0 or math.prod(shape) > max(MAX_EXPANDED, stored):
            raise Problem(
                where,
                Text(
                    "{name} claims the shape {shape}, which its {stored} bytes cannot hold",
                    name=name,
                    shape=shape,
                    stored=stored,
                ),
                _TORCH_WROTE,
            )
        wanted.add(folder + entry["path_name"])
    return wanted


def _check_text(where: str, text: Any, pattern: re.Pattern[str]) -> None:
    if text is not None and not (isinstance(text, str) and len(text) < 2000 and pattern.fullmatch(text)):
        raise Problem(where, Text("{text!r} is no name", text=str(text)[:60]), _TORCH_WROTE)


def _checked_model(where: str, model: Any) -> Any:
    def visit(tree: Any) -> None:
        if isinstance(tree, dict):
            for key, value in tree.items():
                _check_field(where, key, value)
                if key == "metadata" and isinstance(value, dict):
                    tree[key] = {k: v for k, v in value.items() if k in ("stack_trace", "nn_module_stack", "custom")}
                else:
                    visit(value)
        elif isinstance(tree, list):
            for value in tree:
                visit(value)

    visit(model)
    for node in model["graph_module"]["graph"]["nodes"]:
        check_target(where, node["target"])
    model["guards_code"] = []
    return model


def _check_field(where: str, key: str, value: Any) -> None:
    """Check what torch would run, evaluate or write into Python code."""
    if key == "expr_str":
        if not (isinstance(value, str) and len(value) < 10_000 and _EXPRESSION.fullmatch(value)):
            raise Problem(
                where,
                Text("the shape expression {expression!r} is not arithmetic", expression=str(value)[:60]),
                Text("Export it anew."),
            )
    elif key in ("as_custom_obj", "as_graph", "as_operator"):
        if value is not None:
            raise Problem(where, Text("holds a custom object or a nested graph"), Text("Export it without."))
    elif key in _NAMED:
        _check_text(where, value, _NAME)
    elif key in _PATHS:
        _check_text(where, value, _PATH)
    elif key == "forward_arg_names":
        for item in value or ():
            _check_text(where, item, _NAME)
    elif key in ("in_spec", "out_spec"):
        _check_spec(where, value)


def _check_spec(where: str, text: Any) -> None:
    """How inputs and outputs are nested: plain containers, whose keys are names."""

    def visit(tree: Any) -> None:
        if isinstance(tree, dict):
            if "__enum__" in tree:  # torch would import the module that it names
                raise Problem(where, Text("its inputs hold an enumeration"), Text("Export it with plain containers."))
            for key, value in tree.items():
                visit(key)
                visit(value)
        elif isinstance(tree, list):
            for value in tree:
                visit(value)
        elif isinstance(tree, str):
            try:
                inner = json.loads(tree)
            except ValueError:
                _check_text(where, tree, _PATH)
            else:
                visit(inner)

    if text:
        visit(text)


def check_target(where: str, target: str) -> None:
    """Refuse operators that are not torch's own, and those that read or write files.

    Parameters
    ----------
    where : str
        The file, for the Problem.
    target : str
        As a program has it: ``torch.ops.aten.conv2d.default``, ``_operator.mul``.
    """
    if not _TARGET.fullmatch(target):
        raise Problem(
            where, Text("the operator {target!r} is not torch's own", target=target[:80]), Text("Export it without.")
        )
    if not target.startswith("torch.ops."):
        return
    if ".quantized_decomposed." in target:
        importlib.import_module("torch.ao.quantization.fx._decomposed")  # registers them
    _, _, namespace, name, overload = target.split(".")
    operator = getattr(getattr(getattr(torch.ops, namespace), name, None), overload, None)
    if not isinstance(operator, torch._ops.OpOverload):
        raise Problem(
            where,
            Text("torch {version} has no operator {target!r}", version=torch.__version__, target=target[:80]),
            Text("Export it with this torch."),
        )
    for argument in operator._schema.arguments:
        if "str" in str(argument.type) and argument.name not in _WORDS:
            raise Problem(
                where, Text("the operator {target!r} may touch files", target=target[:80]), Text("Export it without.")
            )
