"""What is written into an export for torch, and what is run to verify it."""

from __future__ import annotations

MODEL = '''\
"""The float model, BatchNorms folded, as qinspect {version} found it in {name}.

Needs torch alone. Weights: ``weights.pt`` (a state_dict, read with ``weights_only=True``).
Comments give the layers' ids as plan.json and qparams.json have them.
"""

{math}from pathlib import Path

import torch
{F}from torch import nn

HERE = Path(__file__).resolve().parent


{code}

def load(folder=HERE):
    """The float model with its weights, in eval mode."""
    model = Model()
    model.load_state_dict(torch.load(Path(folder) / "weights.pt", weights_only=True))
    return model.eval()
'''

BUILD = '''\
"""Rebuilds the int8 model from the float model and qparams.json, bit for bit; needs torch alone.

    from build import load
    model = load()          # torch's quantized modules, engine {engine}
    y = model(x)

or ``python build.py`` for a try with random numbers. Edit a scale in qparams.json and it is used.
"""

import importlib.util
import json
{math}import time
import warnings
from pathlib import Path

import torch
{F}from torch import nn

HERE = Path(__file__).resolve().parent
ENGINE = "{engine}"


def beside(name):
    """A module of this folder, wherever the folder lies."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{{name}}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


{layers}


{code}

def load(folder=HERE):
    """The int8 model, in eval mode; sets torch's engine for quantized operators."""
    if ENGINE not in torch.backends.quantized.supported_engines:
        raise RuntimeError(f"this computer's torch has no engine {{ENGINE}}")
    torch.backends.quantized.engine = ENGINE
    q = json.loads((Path(folder) / "qparams.json").read_text(encoding="utf-8"))
    v = {{name: (p["scale"], p["zero_point"]) for name, p in q["values"].items()}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", message="torch.quantize_per_tensor", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*torch.ao.quantization", category=DeprecationWarning)
        torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.quint8)  # it warns once
        return {made}


if __name__ == "__main__":
    torch.manual_seed(0)
    x = ({inputs},)
    model, plain = load(), beside("model").load()
    with torch.no_grad():
        for name, net in (("float", plain), ("int8", model)):
            for _ in range(3):
                y = net(*x)
            start = time.perf_counter()
            for _ in range(10):
                y = net(*x)
            ms = (time.perf_counter() - start) * 100
            print(f"{{name}}: {{ms:.2f}} ms a run, {{torch.get_num_threads()}} threads")
'''

README = """\
{name}, quantized to int8 for torch ({engine}), by qinspect {version} with torch {torch}.

build.py        load() gives the int8 model; python build.py tries it
model.py        load() gives the float model (BatchNorms folded)
int8_layers.py  how a float layer becomes one of torch's int8 layers
{more}weights.pt      the float weights: a state_dict, read with weights_only=True
graph.json      the float model's layers as data: qinspect opens this folder as a model
qparams.json    scale and zero point of every value and weight
plan.json       what was asked for: qconfigs, fusions, target
verify.json     what came out when this folder was loaded in a new process

Needs Python and torch, nothing else. The same torch version and processor give the same bits.
{quantized} of {asked} layers that the plan wants in integers run in integers.
"""


def imports(code: str) -> dict[str, str]:
    """The import lines that a piece of generated code needs, for the templates' fields."""
    used = [f"import {name}\n" for name in ("math", "operator") if f"{name}." in code]
    return {"math": "".join(used), "F": "import torch.nn.functional as F\n" if "F." in code else ""}


OPENED = """\
import importlib.util, sys
from pathlib import Path
import torch
folder, work = Path(sys.argv[1]), Path(sys.argv[2])
given = torch.load(work / "given.pt", weights_only=True)
torch.set_num_threads(given["threads"])
spec = importlib.util.spec_from_file_location("build", folder / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
"""
"""How the process begins that runs an exported build.py on samples."""

CHECK = (
    OPENED
    + """\
model = build.load()
whole, code = {}, type(model).forward.__code__
# Line by line: a kernel may write its sums over a value that another line made.
def look(frame, event, result):
    if frame.f_code is not code:
        return None
    for name, value in frame.f_locals.items():
        if name not in whole and isinstance(value, torch.Tensor) and value.is_quantized:
            whole[name] = value.int_repr()
    return look
leaves = lambda y: [t for t in torch.utils._pytree.tree_leaves(y) if isinstance(t, torch.Tensor)]
outputs = []
with torch.no_grad():
    for x in given["batches"]:
        sys.settrace(look if not outputs else None)
        y = model(*x)
        sys.settrace(None)
        outputs.append(leaves(y))
    plain = leaves(build.beside("model").load()(*given["batches"][0]))
others = sorted(n for n in ("qinspect", "onnx", "onnxruntime", "torchao", "safetensors") if n in sys.modules)
torch.save({"outputs": outputs, "plain": plain, "integers": whole, "others": others}, work / "found.pt")
"""
)
