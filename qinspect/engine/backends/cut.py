"""One layer cut out of a quantized model, as a model of its own that a vendor can run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import torch

from ..graph import Layer, LayerGraph, Param, Ref, TensorSpec, replace
from ..quantize import Quantization
from .grouping import pads_zeros


def cut(q: Quantization, layer: Layer, shapes: Mapping[str, tuple[int, ...]]) -> Quantization:
    """The quantization of one layer alone; a padding that the kernel does itself comes along.

    Parameters
    ----------
    shapes : mapping of value name to shape
        Of the values that it reads, their batch first.
    """
    layers = (*_padding(q, layer), layer)
    parts = [part for item in layers for part in (item, *item.executed)]
    keys = {key for part in parts for key in (*_stored(part), *part.roles.values())}
    varies = any(spec.shape and spec.shape[0] is None for spec in q.graph.inputs)
    reads = inputs_of(q, layer)
    graph = LayerGraph(
        tuple(TensorSpec(name, (None if varies else shapes[name][0], *shapes[name][1:]), "float32") for name in reads),
        layers,
        Ref(layer.value),
        {key: tensor for key, tensor in q.graph.params.items() if key in keys},
    )
    ids = frozenset(item.id for item in layers)
    values = {item.value for item in layers} | set(reads)
    return dataclasses.replace(
        q,
        graph=graph,
        reference=None,
        asked=q.asked & ids,
        quantized=q.quantized & ids,
        passing=q.passing & ids,
        dynamic=q.dynamic & ids,
        weight_only=q.weight_only & ids,
        why_not={key: why for key, why in q.why_not.items() if key in ids},
        values={name: params for name, params in q.values.items() if name in values},
        weights={key: params for key, params in q.weights.items() if ids & {key, key.rpartition("/")[0]}},
    )


def inputs_of(q: Quantization, layer: Layer) -> tuple[str, ...]:
    """The values that the cut model reads: what comes before a padding that the kernel does itself."""
    before = _padding(q, layer)
    made = {pad.value for pad in before}
    return tuple(dict.fromkeys(name for item in (*before, layer) for name in item.inputs if name not in made))


def _padding(q: Quantization, layer: Layer) -> tuple[Layer, ...]:
    pad = q.graph.producer.get(layer.inputs[0])
    if pad is None or not pads_zeros(pad) or not {pad.id, layer.id} <= q.quantized:
        return ()
    alone = len(q.graph.consumers[pad.value]) == 1 and pad.value not in q.graph.output_values
    return (pad,) if alone and layer.op.startswith("conv") else ()


def _stored(layer: Layer) -> list[str]:
    """Keys of the stored tensors among a layer's arguments."""
    found: list[str] = []
    replace((layer.args, dict(layer.kwargs)), lambda leaf: found.append(leaf.key) if isinstance(leaf, Param) else None)
    return found


def write_cut(q: Quantization, inputs: tuple[torch.Tensor, ...], out: Path) -> tuple[str, torch.Tensor]:
    """Write a cut layer for its target and run it.

    Parameters
    ----------
    q : Quantization
        From `cut`.
    inputs : tuple of torch.Tensor
        Real numbers, on their grids.
    out : Path
        The folder to write into.

    Returns
    -------
    str, torch.Tensor
        What was written, and the integers (int32) that it gives; real ones where the layer hands
        on such.
    """
    backend = q.plan.target.backend
    if backend in ("ort", "tensorrt"):
        return "layer.onnx", _onnx(q, inputs, out / "layer.onnx")
    if backend == "pt2e":
        return "layer.pt2", _pt2(q, inputs, out / "layer.pt2")
    return "layer", _fx(q, inputs, out / "layer")


def _onnx(q: Quantization, inputs: tuple[torch.Tensor, ...], file: Path) -> torch.Tensor:
    """An ONNX file from integers to integers."""
    import onnx

    from .onnx.export import float_model
    from .onnx.interface import grids, integer_io, to_integers
    from .onnx.opset import with_opset
    from .onnx.qdq import integer_tensor, quantized_model
    from .ort.runner import session
    from .tensorrt.qdq import tensorrt_model, with_integers

    plain = q.plan.target.backend == "tensorrt"
    value = q.graph.layers[-1].value
    before = float_model(q.graph)
    if plain:
        whole = with_opset(onnx.load_from_string(tensorrt_model(before, q)), 17)
        if value in q.values:
            # A quantizer stands before whoever reads the value, and here nobody does.
            whole = with_integers(whole, q)
            del whole.graph.output[:]
            shape = ["batch", *q.graph.layers[-1].shape[1:]]
            whole.graph.output.append(
                onnx.helper.make_tensor_value_info(integer_tensor(value), onnx.TensorProto.INT8, shape)
            )
    else:
        whole = with_opset(onnx.load_from_string(quantized_model(before, q)))
    model = integer_io(whole, partly=True)
    file.write_bytes(model.SerializeToString())
    known = grids(model)
    opened = session(file.read_bytes(), 1, plain=plain)
    names = [item.name for item in opened.get_inputs()]
    feed = {}
    for name, tensor in zip(names, inputs, strict=True):
        array = tensor.detach().contiguous().numpy()
        feed[name] = to_integers(array, known[name]) if name in known else array
    (output,) = opened.run(None, feed)
    result = torch.from_numpy(output)
    if result.is_floating_point():
        return result
    grid = known.get(model.graph.output[0].name)
    shift = 0 if grid is None else int(grid["zero_point"]) - int(q.values[value].zero_point)
    return result.to(torch.int32) - shift


def _pt2(q: Quantization, inputs: tuple[torch.Tensor, ...], file: Path) -> torch.Tensor:
    """A quantized program, which takes and gives real numbers on their grids."""
    from ..graph.execute import outputs_of
    from ..load import quiet
    from ..load.archive import read_pt2
    from ..process.child import run_in_child
    from .pt2e.export import Work

    run_in_child("qinspect.engine.backends.pt2e.export:write", Work(q, file), what="export as .pt2")
    with quiet(), torch.no_grad():
        (result,) = outputs_of(read_pt2(file).module(check_guards=False)(*inputs))
    value = q.graph.layers[-1].value
    return q.values[value].quantize(result) if q.at_origin(value) else result


def _fx(q: Quantization, inputs: tuple[torch.Tensor, ...], folder: Path) -> torch.Tensor:
    """The folder of `fx.export`, with one layer in it."""
    from .fx.export import export_fx
    from .fx.runner import FxRunner

    export_fx(q, folder, [inputs], name=q.graph.layers[-1].id)
    return FxRunner(q).integers(inputs)[q.graph.layers[-1].value]
