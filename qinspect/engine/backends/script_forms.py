"""Targets whose own model is a file: how a script's is written, run, and told of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..quantize import Quantization
from ..results.export import ExportReport
from ..text import Text
from . import script_text as text
from .exported import Batches


@dataclass(frozen=True)
class ModelFile:
    """The file of a quantized model that was written.

    Parameters
    ----------
    kernels : mapping of layer id to str
        Layers that it has in integers.
    outputs : tuple of str
        Names of what it gives.
    nodes : tuple of int
        Number of its quantizers and dequantizers.
    versions : mapping
        Of what reads it, beside torch's.
    checked : ExportReport | None
        What came out where the file was held against the simulation layer by layer when it was written. Else its
        outputs are, which through a deep net grow unlike.
    """

    kernels: Mapping[str, str]
    outputs: tuple[str, ...]
    nodes: tuple[int, int]
    versions: Mapping[str, str]
    checked: ExportReport | None = None


@dataclass(frozen=True)
class Form:
    """A target's part of a script.

    Parameters
    ----------
    file : str
        Name of the quantized model.
    write : callable
        Writes it; of the samples it may look at, if it checks it as well.
    by, deployed, needs : str
        What runs it, what it is, and what it needs besides torch, for the texts.
    session : str
        The end of build.py; `more` says what else it has.
    criterion : Text
        What it takes to be verified.
    """

    file: str
    write: Callable[[Quantization, Path, Batches], ModelFile]
    by: str
    deployed: str
    needs: str
    session: str
    more: str
    criterion: Text


def _onnx(path: Path, kernels: Mapping[str, str], checked: ExportReport | None = None) -> ModelFile:
    import onnx
    import onnxruntime

    graph = onnx.load(path, load_external_data=False).graph
    kinds = [node.op_type for node in graph.node]
    nodes = kinds.count("QuantizeLinear"), kinds.count("DequantizeLinear")
    outputs = tuple(value.name for value in graph.output)
    return ModelFile(dict(kernels), outputs, nodes, {"onnxruntime": onnxruntime.__version__}, checked)


def _for_onnxruntime(quantization: Quantization, path: Path, samples: Batches) -> ModelFile:
    from .onnx.export import float_model
    from .ort.runner import OrtRunner

    runner = OrtRunner(quantization, float_model(quantization.graph))
    path.write_bytes(runner.model_bytes)
    return _onnx(path, runner.kernels)


def _for_tensorrt(quantization: Quantization, path: Path, samples: Batches) -> ModelFile:
    from .ort.export import beside
    from .tensorrt.export import export_tensorrt

    checked = export_tensorrt(quantization, path, samples)
    beside(path).unlink()  # the folder's own verify.json says it
    return _onnx(path, dict.fromkeys(checked.quantized, "by TensorRT's rules"), checked)


def _for_inductor(quantization: Quantization, path: Path, samples: Batches) -> ModelFile:
    from ..load.archive import read_pt2
    from ..progress import silent
    from .pt2e.export import Work, write
    from .pt2e.nodes import described

    write(Work(quantization, path), silent)
    said = described(read_pt2(path).graph)
    nodes = said.quantize_nodes, said.dequantize_nodes
    return ModelFile(dict.fromkeys(said.layers, "between quantizers"), quantization.graph.output_values, nodes, {})


FORMS: Mapping[str, Form] = {
    "ort": Form(
        "model.onnx",
        _for_onnxruntime,
        "in onnxruntime",
        "the quantized model (QDQ), to be deployed",
        " and, for model.onnx, onnxruntime",
        text.ONNX_SESSION.format(as_it_is="") + text.ONNX_WRITER,
        text.WRITE_ONNX,
        Text(
            "build.py gives bit for bit the numbers of the simulation in plain fake quantization; each output of the "
            "model has an SQNR of at least 20 dB against the simulation; all layers that the plan asks for, and no "
            "reason speaks against, run in integers in model.onnx"
        ),
    ),
    "tensorrt": Form(
        "model.onnx",
        _for_tensorrt,
        "in onnxruntime (TensorRT's engine is built on the device)",
        "the quantized model by TensorRT's rules; model.trtexec.sh builds and profiles it on the device",
        " and, for model.onnx, onnxruntime",
        text.ONNX_SESSION.format(as_it_is=text.AS_IT_IS),
        "",
        Text(
            "build.py gives bit for bit the numbers of the simulation in plain fake quantization; model.onnx keeps "
            "TensorRT's rules and was held against the simulation layer by layer, fed the same numbers; all layers "
            "that the plan asks for, and no reason speaks against, are in integers in it"
        ),
    ),
    "pt2e": Form(
        "model.pt2",
        _for_inductor,
        "as torch.export loads it",
        "the quantized program, to be compiled by torch.compile",
        "",
        text.PT2_SESSION,
        text.COMPILED,
        Text(
            "build.py gives bit for bit the numbers of the simulation in plain fake quantization; each output of the "
            "model has an SQNR of at least 20 dB against the simulation; all layers that the plan asks for, and no "
            "reason speaks against, stand between quantizers in model.pt2"
        ),
    ),
}
"""By backend."""
