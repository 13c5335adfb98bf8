"""One layer's integers, sample by sample, and the layer as a model of its own: evidence for a bug report."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import __version__
from .backends import not_run_here
from .backends import simulation as simulate
from .backends.cut import cut, inputs_of, write_cut
from .backends.exported import new_folder
from .calibrate import Calibration
from .data import Dataset
from .evidence import Seen, Work, by_simulation
from .files import write_json
from .graph import Layer, LayerGraph, Ref, replace
from .graph.execute import function
from .graph.memory import fixed_batch
from .job import calibrate_model, final_samples, fused_graph, handed_onnx, quantization_of
from .kernels import steps_of_range
from .load import Model
from .plan import QuantPlan
from .problem import Problem
from .process.child import run_in_child
from .progress import Report, part, silent
from .qparams import QParams
from .quantize import Quantization
from .text import Text, counted

ADDED = Text(
    "the kernel computes the addition behind the layer in the same call: its output, and the simulation's beside it, "
    "have what was added in them; the layer alone has not"
)

SAMPLES = 8
"""Samples of the final split that are dumped."""


@dataclass(frozen=True)
class Dump:
    """What was dumped.

    Parameters
    ----------
    path : str
        The folder.
    layer, kernel : str
        The layer's id, and what runs it; None where nothing does here.
    samples : int
    max_steps : int | None
        Largest difference between kernel and simulation, in steps of the output's grid; where that has none,
        of an 8-bit grid over its range.
    equal_share : float | None
        Share of the values that are equal.
    model : str
        Name of the cut model in the folder.
    model_equal_share : float
        Share of its output's values that are those of the kernel inside the whole model.
    """

    path: str
    layer: str
    kernel: str | None
    samples: int
    max_steps: int | None
    equal_share: float | None
    model: str
    model_equal_share: float


def dump(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    layer_id: str,
    out: Path,
    report: Report = silent,
) -> Dump:
    """Write a layer's integers and a model that holds it alone.

    ``tensors.npz`` has the inputs, the weight, the bias (int32, in steps of input scale times weight
    scale; float32 where the target adds it so), the exact sums and the outputs of kernel and simulation;
    ``layer.json`` the scales, zero points and settings, and where the two differ most; ``layer.onnx`` or
    the folder ``layer`` the layer, to be run; ``README.txt`` how.

    Parameters
    ----------
    layer_id : str
        Of a layer that the plan quantizes, or one that is fused into it.
    out : Path
        The folder; one that was dumped before is replaced, any other refused.

    Raises
    ------
    Problem
        Where there is no such layer (with the nearest ids), or it is not quantized.
    """
    layer = find_layer(fused_graph(model, plan).graph, layer_id)
    calibration = calibrate_model(model, data, plan, part(report, 0, 0.1), calibration)
    q = quantization_of(model, data, plan, calibration, part(report, 0.1, 0.15))
    layer = q.graph.by_id[layer.id]
    if layer.id not in q.quantized or layer.id in q.why_not:
        reason = q.why_not.get(layer.id, Text("the plan leaves it in float"))
        if layer.id in q.dynamic | q.weight_only:
            reason = Text("what it reads has no grid before it runs")
        raise Problem(
            layer.id,
            Text("computes no integers on {target}: {reason}", target=plan.target.name, reason=reason),
            Text("Choose another layer."),
        )
    chosen = data.alike(final_samples(q.graph, data, fixed_batch(q.graph) or SAMPLES))
    inputs = data.load(list(chosen))
    reads, wanted = inputs_of(q, layer), layer.value
    absent = not_run_here(plan.target, q.graph)
    if absent is None:
        onnx = handed_onnx(q)
        work = Work(q, onnx, inputs, layer.id, tuple(dict.fromkeys((*reads, *layer.inputs, wanted))))
        seen: Seen = run_in_child(
            "qinspect.engine.evidence:by_kernels", work, part(report, 0.15, 0.7), what=f"target {plan.target.name}"
        )
    else:
        seen = by_simulation(q, inputs, (*reads, *layer.inputs))
    report(0.7, 1, Text("comparing"))
    with new_folder(out.absolute()) as folder:
        found = _write(q, layer, seen, folder, [data.names[i] for i in chosen], absent, out)
    report(1, 1, Text("done"))
    return found


def find_layer(graph: LayerGraph, layer_id: str) -> Layer:
    """The layer of the fused graph that computes what this id, or the path of a module that is one layer, names.

    Raises
    ------
    Problem
        With the nearest ids, where there is none.
    """
    for layer in graph.layers:
        if layer_id in (layer.id, *(inner.id for inner in layer.fused)):
            return layer
    at_path = [layer for layer in graph.layers if layer_id in (layer.path, *(inner.path for inner in layer.fused))]
    if len(at_path) == 1:
        return at_path[0]
    names = [key for key, layer in graph.by_id.items() if not layer.transparent]
    near = difflib.get_close_matches(layer_id, names, 3, 0.3) or names[:3]
    raise Problem(
        f"--layer {layer_id}",
        Text("this model has no such layer"),
        Text("The nearest are {near}.", near=", ".join(near)),
    )


# -- the folder --------------------------------------------------------------------------------------


def _write(
    q: Quantization, layer: Layer, seen: Seen, folder: Path, names: list[str], absent: str | None, out: Path
) -> Dump:
    real = {**seen.real, **{name: q.values[name].dequantize(numbers) for name, numbers in seen.integers.items()}}
    reads = inputs_of(q, layer)
    if missing := [name for name in reads if name not in real]:
        raise Problem(
            layer.id,
            Text("the integers of {missing} cannot be read on this target", missing=missing[0]),
            Text("Choose another layer."),
        )
    arrays: dict[str, NDArray[Any]] = {}
    description: dict[str, Any] = {"version": 1, "layer": _describe(layer), "samples": names}
    description["target"] = q.plan.target.on_this_host()
    description["versions"] = {"qinspect": __version__, "torch": torch.__version__, "python": sys.version.split()[0]}
    description["inputs"] = []
    for index, name in enumerate(reads):
        params, numbers = q.values.get(name), seen.integers.get(name)
        grid = {"dtype": "float32"} if params is None else params.to_json()
        arrays[f"input_{index}"] = real[name].numpy() if params is None or numbers is None else _stored(params, numbers)
        description["inputs"].append({"tensor": f"input_{index}", "value": name, **grid})
    sums = None
    if layer.id in q.weights:
        sums = _weighted(q, layer, seen.integers[layer.inputs[0]], arrays, description)
    out_params = q.values.get(layer.value)
    kernel = seen.integers.get(layer.value) if out_params is not None else seen.given
    description["kernel"] = seen.kernels.get(layer.id)
    if kernel is None:
        description["why_no_kernel"] = absent or Text("its integers cannot be read without changing what runs")
    description["output"] = None if out_params is None else {"value": layer.value, **out_params.to_json()}
    with torch.inference_mode():
        simulated = simulate(q).run_layer(layer, {name: real[name] for name in layer.inputs})
    added = 0 if seen.added is None else seen.added
    if seen.added is not None:
        arrays["added"] = seen.added.numpy()
        description["added"] = {"tensor": "added", "dtype": "float32", "why": ADDED}
        simulated = simulated + added
    if out_params is not None and sums is not None:
        arrays["output_exact"] = _stored(out_params, _exact(q, layer, sums, out_params, real))
    difference = _outputs(out_params, simulated, kernel, sums, arrays)
    description["difference"] = difference or None
    small = cut(q, layer, {name: tuple(real[name].shape) for name in reads})
    file, gives = write_cut(small, tuple(real[name] for name in reads), folder)
    expected = kernel if kernel is not None else torch.from_numpy(np.asarray(arrays["output_simulation"]))
    got = gives.reshape(expected.shape) + added
    close = got == expected if not got.is_floating_point() else torch.isclose(got, expected, rtol=1e-4, atol=1e-5)
    share = float(close.double().mean())
    description["model"] = {"file": file, "equal_share": share}
    np.savez(folder / "tensors.npz", **arrays)  # type: ignore[arg-type]
    write_json(folder / "layer.json", description)
    (folder / "README.txt").write_text(_readme(description, arrays), encoding="utf-8")
    write_json(folder / "verify.json", {"version": 1, "model": description["model"], "difference": difference or None})
    return Dump(
        str(out),
        layer.id,
        description["kernel"],
        len(names),
        difference.get("max_steps"),
        difference.get("equal_share"),
        file,
        share,
    )


def _outputs(
    params: QParams | None,
    simulated: torch.Tensor,
    kernel: torch.Tensor | None,
    sums: torch.Tensor | None,
    arrays: dict[str, NDArray[Any]],
) -> dict[str, Any]:
    """Put the simulation's and the kernel's output among the arrays; how they differ, nothing without a kernel."""
    if params is not None:
        simulated = params.quantize(simulated)

    def stored(output: torch.Tensor) -> NDArray[Any]:
        return output.numpy() if params is None else _stored(params, output)

    arrays["output_simulation"] = stored(simulated)
    if kernel is None:
        return {}
    kernel = kernel.reshape(simulated.shape)
    arrays["output_kernel"] = stored(kernel)
    steps = steps_of_range(kernel, simulated)[0] if params is None else (kernel - simulated).to(torch.int64)
    return _difference(steps, kernel, simulated, sums)


def _describe(layer: Layer) -> dict[str, Any]:
    def plain(item: Any) -> Any:
        return replace(item, lambda leaf: leaf.value if isinstance(leaf, Ref) else leaf.key)

    return {
        "id": layer.id,
        "path": layer.path,
        "op": layer.op,
        "operator": layer.target,
        "arguments": json.loads(json.dumps(plain(list(layer.args)), default=str)),
        "fused": [inner.id for inner in layer.fused],
        "source": layer.source,
        "shape": list(layer.shape),
    }


def _stored(params: QParams, numbers: torch.Tensor) -> NDArray[Any]:
    """Integers in the type that holds them."""
    dtype = params.dtype if params.dtype in ("int8", "uint8", "int16", "uint16") else "int32"
    return np.asarray(numbers.numpy().astype(dtype))


def _weighted(
    q: Quantization, layer: Layer, numbers: torch.Tensor, arrays: dict[str, NDArray[Any]], description: dict[str, Any]
) -> torch.Tensor:
    """Weight, bias and exact sums (int64, float64 is exact to 2**53) of a layer with a weight."""
    source, params = q.values[layer.inputs[0]], q.weights[layer.id]
    weight, bias = q.graph.weight(layer), q.graph.bias(layer)
    assert weight is not None
    whole = params.quantize(weight.detach())
    arrays["weight"] = _stored(params, whole)
    description["weight"] = {"tensor": "weight", **params.to_json()}
    zero = torch.from_numpy(np.atleast_1d(params.zero_point)).double()
    shape = [1] * whole.dim()
    if params.axis is not None:
        shape[params.axis] = -1
    x = numbers.double() - int(source.zero_point)
    operator = function(layer.target)
    sums = operator(x, whole.double() - zero.reshape(shape), None, *layer.args[3:])
    description["bias"] = None
    rounded = q.bias_in_steps(layer)
    if rounded is None and bias is not None:
        arrays["bias"] = bias.detach().numpy()
        description["bias"] = {"tensor": "bias", "dtype": "float32"}
    elif rounded is not None:
        steps, step = rounded
        arrays["bias"] = steps.numpy().astype(np.int32)
        description["bias"] = {"tensor": "bias", "scale": step.tolist(), "zero_point": 0, "dtype": "int32"}
        sums = sums + steps.reshape(_along_channels(layer, sums))
    exact = sums.to(torch.int64)
    fits = bool((exact.abs() < 2**31).all())
    arrays["accumulator"] = exact.numpy().astype(np.int32 if fits else np.int64)
    description["accumulator"] = {"tensor": "accumulator", "dtype": "int32" if fits else "int64", "fits_int32": fits}
    return exact


def _along_channels(layer: Layer, sums: torch.Tensor) -> list[int]:
    shape = [1] * sums.dim()
    shape[-1 if layer.op == "linear" else sums.dim() - 1 - int(layer.op[-2])] = -1
    return shape


def _exact(
    q: Quantization, layer: Layer, sums: torch.Tensor, out: QParams, inputs: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """What the sums give when they are scaled and rounded in float64, after what is fused."""
    source, params = q.values[layer.inputs[0]], q.weights[layer.id]
    scale = torch.from_numpy(np.atleast_1d(params.scale)).double() * float(source.scale)
    real = sums.double() * scale.reshape(_along_channels(layer, sums) if params.axis is not None else [1])
    bias = q.graph.bias(layer)
    if bias is not None and q.bias_in_steps(layer) is None:
        real = real + bias.detach().double().reshape(_along_channels(layer, sums))
    for inner in layer.executed:
        # What it reads that is no input of the layer was made inside.
        args = (replace(item, lambda ref, x=real: inputs[ref.value].double() if ref.value in layer.inputs else x)
                for item in inner.args)  # fmt: skip
        real = function(inner.target)(*args, **dict(inner.kwargs))
    return torch.clamp(torch.round(real / float(out.scale)) + int(out.zero_point), out.qmin, out.qmax).to(torch.int32)


def _difference(
    steps: torch.Tensor, kernel: torch.Tensor, simulated: torch.Tensor, sums: torch.Tensor | None
) -> dict[str, Any]:
    flat = steps.abs().flatten()
    at = int(flat.argmax())
    index = [int(i) for i in np.unravel_index(at, tuple(steps.shape))]
    by_sample = steps.reshape(steps.shape[0], -1).abs()
    worst = {
        "index": index,
        "kernel": kernel.flatten()[at].item(),
        "simulation": simulated.flatten()[at].item(),
        "accumulator": None if sums is None else int(sums.flatten()[at]),
    }
    return {
        "max_steps": int(flat.max()),
        "equal_share": float((steps == 0).double().mean()),
        "within_one": float((flat <= 1).double().mean()),
        "max_steps_by_sample": by_sample.amax(1).tolist(),
        "worst": worst if int(flat.max()) else None,
    }


def _readme(description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    layer, difference = description["layer"], description["difference"]
    lines = [
        f"{layer['id']} ({layer['op']}) on {description['target']['backend']}-{description['target']['engine']},"
        f" by qinspect {__version__}: {len(description['samples'])} samples.",
        "",
        "layer.json    settings, scales and zero points, and where kernel and simulation differ",
        "tensors.npz   " + ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in arrays.items()),
    ]
    model = description["model"]
    if model["file"].endswith(".onnx"):
        lines.append("layer.onnx    the layer alone, from integers to integers where it has such")
    elif model["file"].endswith(".pt2"):
        lines.append("layer.pt2     the layer alone as a quantized program, from real numbers to real numbers")
    else:
        lines.append("layer         a folder with the layer alone: python layer/build.py; load() in it gives a module")
    lines += [
        "",
        "Real numbers are (q - zero_point) * scale. The accumulator is the exact sum of",
        "(input - zero_point) * (weight - zero_point), plus the bias where that is an integer; output_exact is",
        "round(real / output scale) + zero_point, clipped, where real is accumulator * input scale * weight scale,",
        "plus the bias where that is float, after what is fused.",
        "",
    ]
    if "added" in description:
        lines += [f"added: {description['added']['why']}.", ""]
    if difference is None:
        lines.append(f"No kernel's output: {description['why_no_kernel']}.")
    else:
        steps = difference["max_steps"]
        apart = f", the others up to {counted(steps, 'step')} apart" if steps else ""
        lines.append(
            f"output_kernel is what {description['kernel']} gave: {difference['equal_share']:.2%} of its values are"
            f" those of the simulation{apart}."
        )
    whose = "the simulation" if difference is None else "the kernel inside the whole model"
    equal = f"{model['equal_share']:.2%} equal here"
    less = ", less what was added" if "added" in description else ""
    lines.append(f"Expected of {model['file']}, fed input_0, ...: the outputs of {whose}{less} ({equal}).")
    if model["file"].endswith(".onnx"):
        lines += [
            "",
            "    import numpy, onnxruntime",
            "    t = numpy.load('tensors.npz')",
            "    s = onnxruntime.InferenceSession('layer.onnx')",
            "    y = s.run(None, {i.name: t[f'input_{n}'] for n, i in enumerate(s.get_inputs())})[0]",
            "",
            "Where layer.json says int8 and the model takes uint8, add 128; its metadata qinspect.io has the grid.",
        ]
    elif model["file"].endswith(".pt2"):
        lines += [
            "",
            "    import json, numpy, torch",
            "    import torch.ao.quantization.fx._decomposed  # the operators that quantize",
            "    t, inputs = numpy.load('tensors.npz'), json.load(open('layer.json'))['inputs']",
            "    x = [(t[i['tensor']].astype('f4') - i['zero_point']) * numpy.float32(i['scale']) for i in inputs]",
            "    y = torch.export.load('layer.pt2').module()(*map(torch.from_numpy, x))",
        ]
    return "\n".join(lines) + "\n"
