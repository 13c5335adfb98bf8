"""What is written into a script for a target whose own model is a file, and what is run to verify it."""

from __future__ import annotations

from .fx.text import OPENED

BUILD = '''\
"""The quantized model from the float model and qparams.json, layer by layer; needs torch alone.

    from build import load, session
    model = load()             # what the integer model computes, in float32
    run = session()            # the integer model itself, {file} {by}
{more}
``python build.py`` compares the first two on random numbers.
"""

import importlib.util
import json
{math}{warnings}from pathlib import Path

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


{session}

if __name__ == "__main__":
    torch.manual_seed(0)
    x = ({inputs},)
    with torch.no_grad():
        simulated = torch.utils._pytree.tree_leaves(load()(*x))
    for name, one, two in zip(OUTPUTS, simulated, session()(*x)):
        largest, apart = float(two.abs().max()), float((one - two).abs().max())
        print(f"{{name}}: largest value {{largest:.4g}}, largest difference {{apart:.4g}}")
'''

WRITE_ONNX = """\
    write_onnx("other.onnx")   # another QDQ model after qparams.json was edited (torch asks for onnx then)
"""

COMPILED = """    run = session(compiled=True)   # the same in inductor's integer kernels; asks for a C++ compiler
"""

ONNX_SESSION = '''\
def session(path=HERE / "model.onnx", threads=1):
    """The integer model in onnxruntime: a function of tensors that gives the list of outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads{as_it_is}
    opened = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(*inputs):
        feed = {{name: x.contiguous().numpy() for name, x in zip(INPUTS, inputs)}}
        return [torch.from_numpy(y) for y in opened.run(None, feed)]

    return run
'''

AS_IT_IS = """
    # Operator by operator: what onnxruntime makes of the file for itself is not what TensorRT makes of it.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL"""

ONNX_WRITER = '''\


def write_onnx(path, folder=HERE):
    """Write a QDQ model with the scales that are in qparams.json now."""
    x = ({inputs},)
    axes = {name: {0: "batch"} for name in INPUTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's older exporter, which keeps the quantizers, is deprecated
        try:
            torch.onnx.export(
                load(folder), x, str(path), dynamo=False, opset_version=17, input_names=INPUTS, output_names=OUTPUTS,
                dynamic_axes=axes,
            )
        except torch.onnx.OnnxExporterError as error:
            said = str(error).splitlines()[0]
            raise SystemExit(f"torch's exporter cannot write this model: {said}") from None
'''

PT2_SESSION = '''\
def session(path=HERE / "model.pt2", compiled=False):
    """The quantized program: a function of tensors that gives the list of outputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao is deprecated, and has the operators between real and integers
        import torch.ao.quantization.fx._decomposed
    module = torch.export.load(str(path)).module()
    if compiled:
        import torch._inductor.config

        torch._inductor.config.freezing = True  # without it weights are no constants, and kernels stay float
        module = torch.compile(module)

    def run(*inputs):
        with torch.no_grad():
            return torch.utils._pytree.tree_leaves(module(*inputs))

    return run
'''

README = """\
{name}, quantized for {target}, by qinspect {version} with {made_with}.

{file:<13} {deployed}
build.py      load(): what it computes, readable, in torch alone; session(): {file}; python build.py compares
model.py      load() gives the float model (BatchNorms folded)
layers.py     fake quantization
weights.pt    the float weights: a state_dict, read with weights_only=True
graph.json    the float model's layers as data: qinspect opens this folder as a model
qparams.json  scale and zero point of every value and weight
plan.json     what was asked for: qconfigs, fusions, target
verify.json   what came out when this folder was run in a new process

Needs Python and torch{needs}.
{quantized} of {asked} layers that the plan wants in integers run in integers.
"""

CHECK = (
    OPENED
    + """\
model, run = build.load(), build.session()
leaves = lambda y: [t for t in torch.utils._pytree.tree_leaves(y) if isinstance(t, torch.Tensor)]
with torch.no_grad():
    simulated = [leaves(model(*x)) for x in given["batches"]]
outputs = [run(*x) for x in given["batches"]]
others = sorted(n for n in ("qinspect", "onnx", "torchao", "safetensors") if n in sys.modules)
torch.save({"outputs": outputs, "simulated": simulated, "others": others}, work / "found.pt")
"""
)
