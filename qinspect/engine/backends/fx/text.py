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


CHECK = """\
import importlib.util, json, sys
from pathlib import Path
import torch
folder, work = Path(sys.argv[1]), Path(sys.argv[2])
given = torch.load(work / "given.pt", weights_only=True)
torch.set_num_threads(given["threads"])
spec = importlib.util.spec_from_file_location("build", folder / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
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

ORT_BUILD = '''\
"""The quantized model from the float model and qparams.json, layer by layer; needs torch alone.

    from build import load, session, write_onnx
    model = load()             # what the integer model computes, in float32
    run = session()            # the integer model itself, model.onnx in onnxruntime
    write_onnx("other.onnx")   # another QDQ model after qparams.json was edited (torch asks for onnx then)

``python build.py`` compares the first two on random numbers.
"""

import importlib.util
import json
{math}import warnings
from pathlib import Path

import torch
{F}from torch import nn

HERE = Path(__file__).resolve().parent
INPUTS = {names}
OUTPUTS = {outputs}


def beside(name):
    """A module of this folder, wherever the folder lies."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{{name}}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layers = beside("layers")
fake_quantize, round_now, OnGrid = layers.fake_quantize, layers.round_now, layers.OnGrid


{code}

def load(folder=HERE):
    """The simulated model, in eval mode."""
    q = json.loads((Path(folder) / "qparams.json").read_text(encoding="utf-8"))
    with torch.no_grad():
        return QuantizedModel(beside("model").load(folder), q["values"], q["weights"]).eval()


def session(path=HERE / "model.onnx", threads=1):
    """The integer model in onnxruntime: a function of tensors that gives the list of outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    opened = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(*inputs):
        feed = {{name: x.contiguous().numpy() for name, x in zip(INPUTS, inputs)}}
        return [torch.from_numpy(y) for y in opened.run(None, feed)]

    return run


def write_onnx(path, folder=HERE):
    """Write a QDQ model with the scales that are in qparams.json now."""
    x = ({inputs},)
    axes = {{name: {{0: "batch"}} for name in INPUTS}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's older exporter, which keeps the quantizers, is deprecated
        torch.onnx.export(
            load(folder), x, str(path), dynamo=False, opset_version=17, input_names=INPUTS, output_names=OUTPUTS,
            dynamic_axes=axes,
        )


if __name__ == "__main__":
    torch.manual_seed(0)
    x = ({inputs},)
    with torch.no_grad():
        simulated = torch.utils._pytree.tree_leaves(load()(*x))
    for name, one, two in zip(OUTPUTS, simulated, session()(*x)):
        largest, apart = float(two.abs().max()), float((one - two).abs().max())
        print(f"{{name}}: largest value {{largest:.4g}}, largest difference {{apart:.4g}}")
'''

ORT_README = """\
{name}, quantized for ONNX Runtime, by qinspect {version} with torch {torch} and onnxruntime {ort}.

model.onnx    the quantized model (QDQ), to be deployed
build.py      load(): what it computes, readable, in torch alone; session(): model.onnx; python build.py compares
model.py      load() gives the float model (BatchNorms folded)
layers.py     fake quantization
weights.pt    the float weights: a state_dict, read with weights_only=True
graph.json    the float model's layers as data: qinspect opens this folder as a model
qparams.json  scale and zero point of every value and weight
plan.json     what was asked for: qconfigs, fusions, target
verify.json   what came out when this folder was run in a new process

Needs Python, torch and, for model.onnx, onnxruntime.
{quantized} of {asked} layers that the plan wants in integers run in integers.
"""

ORT_CHECK = """\
import importlib.util, sys
from pathlib import Path
import torch
folder, work = Path(sys.argv[1]), Path(sys.argv[2])
given = torch.load(work / "given.pt", weights_only=True)
torch.set_num_threads(given["threads"])
spec = importlib.util.spec_from_file_location("build", folder / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
model, run = build.load(), build.session()
leaves = lambda y: [t for t in torch.utils._pytree.tree_leaves(y) if isinstance(t, torch.Tensor)]
with torch.no_grad():
    simulated = [leaves(model(*x)) for x in given["batches"]]
outputs = [run(*x) for x in given["batches"]]
others = sorted(n for n in ("qinspect", "onnx", "torchao", "safetensors") if n in sys.modules)
torch.save({"outputs": outputs, "simulated": simulated, "others": others}, work / "found.pt")
"""
