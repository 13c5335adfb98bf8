"""Reading ``.pt2`` files without running anything that they hold.

`torch.export.load` runs code from a hostile file: through pickled weights and example inputs,
through shape expressions (evaluated by sympy) and through stored guard code. So the archive is
checked and rewritten in memory first, and only the rewritten one is loaded.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from ..problem import Problem

MAX_JSON = 256 << 20
_TARGET = re.compile(
    r"torch\.ops\.(aten|quantized_decomposed)\.\w+(\.\w+)?|_operator\.(getitem|mul|add|sub|floordiv|mod|neg|truediv|eq|ge|gt|le|lt|ne|pow)"
    r"|torch\.sym_(int|float|max|min|not|ite|sum)|math\.(ceil|floor|trunc)"
)
_NUMBER = r"-?\d+(\.\d+)?"
_EXPRESSION = re.compile(
    rf"(?:Symbol\('[a-z]\w*'(?:, (?:positive|integer|nonnegative|real)=True)*\)|{_NUMBER}|[su]\d+"
    r"|Add|Mul|Pow|Integer|Rational|Mod|FloorDiv|CleanDiv|Max|Min|CeilToInt|FloorToInt|TruncToInt"
    r"|PythonMod|ModularIndexing|[()+*/, -])*"
)


def read_pt2(path: Path) -> ExportedProgram:
    """Load an exported program from a file, safely.

    Raises
    ------
    Problem
        Where the file is damaged, of another kind, or holds something that loading would execute.
    """
    try:
        clean = _rewritten(path)
    except Problem:
        raise
    except FileNotFoundError:
        raise Problem(str(path), "no such file", "Check the path.") from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Problem(
            str(path), f"is not a whole .pt2 file ({type(error).__name__}: {error})", "Export it anew."
        ) from error
    try:
        program = torch.export.load(clean)
        return program.run_decompositions({})
    except Exception as error:
        line = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise Problem(
            str(path), f"torch {torch.__version__} cannot read it ({line})", "Export it with this torch."
        ) from error


def _rewritten(path: Path) -> io.BytesIO:
    where = str(path)
    out = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as clean:
        names = archive.namelist()
        size = path.stat().st_size
        if sum(info.file_size for info in archive.infolist()) > 20 * size + (64 << 20):
            raise Problem(where, "unpacks to far more than its size", "It is not a file that torch.export wrote.")
        if any(name.startswith("/") or ".." in name.split("/") for name in names):
            raise Problem(where, "holds a path that leaves its folder", "It is not a file that torch.export wrote.")
        if not any(re.fullmatch(r"[^/]+/models/\w+\.json", name) for name in names):
            raise Problem(where, "has no models/*.json (an older format, or another kind of file)", "Export it anew.")
        for info in archive.infolist():
            name = info.filename
            if name.endswith(".json") and info.file_size > MAX_JSON:
                raise Problem(where, f"{name} is absurdly large", "It is not a file that torch.export wrote.")
            data = archive.read(name)
            inner = name.partition("/")[2]
            if re.fullmatch(r"data/(weights|constants)/\w+_config\.json", inner):
                _check_config(where, json.loads(data))
            elif re.fullmatch(r"models/\w+\.json", inner):
                data = json.dumps(_checked_model(where, json.loads(data))).encode()
            elif inner.startswith("data/sample_inputs/"):
                try:
                    torch.load(io.BytesIO(data), weights_only=True)
                except Exception:
                    continue
            elif inner.startswith(("data/constants/custom_obj", "data/constants/opaque_obj")):
                raise Problem(where, "holds a custom object, which loading would execute", "Export it without.")
            elif inner.startswith(("data/aotinductor", "data/executorch")):
                raise Problem(where, "holds compiled code, which is not opened", "Export the float program.")
            clean.writestr(zipfile.ZipInfo(name), data)
    out.seek(0)
    return out


def _check_config(where: str, config: Any) -> None:
    for name, entry in config["config"].items():
        if entry.get("use_pickle") or not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
            raise Problem(where, f"{name} is pickled, and loading it would run its code", "Export it with this torch.")


def _checked_model(where: str, model: Any) -> Any:
    def visit(tree: Any) -> None:
        if isinstance(tree, dict):
            for key, value in tree.items():
                if key == "expr_str" and not (isinstance(value, str) and _EXPRESSION.fullmatch(value)):
                    raise Problem(
                        where, f"the shape expression {str(value)[:60]!r} is not arithmetic", "Export it anew."
                    )
                if key in ("as_custom_obj", "as_graph", "as_operator") and value is not None:
                    raise Problem(where, "holds a custom object or a nested graph", "Export it without.")
                visit(value)
        elif isinstance(tree, list):
            for value in tree:
                visit(value)

    visit(model)
    for node in model["graph_module"]["graph"]["nodes"]:
        if not _TARGET.fullmatch(node["target"]):
            raise Problem(where, f"the operator {node['target'][:80]!r} is not torch's own", "Export it without.")
    model["guards_code"] = []
    return model
