"""What came out when an exported model was loaded again and run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ExportReport:
    """What came out when an exported model was loaded in a new process and run.

    Parameters
    ----------
    path : str
        The file or folder.
    to : str
        ``onnx``, ``fx``, ``script`` or ``plan``.
    verified : bool
        Whether it does what the plan says; `problems` says what is wrong where it does not.
    samples : int
        Samples that were run.
    agreement, equal_share, sqnr_db : float | None
        Against the simulation: share of equal top-1 answers, share of equal output values, SQNR
        of the output in dB (None where infinite or undefined).
    metric : float | None
        The exported model's own metric on the final split.
    asked, quantized : tuple of str
        Ids of the layers that the plan wants in integers, and that run in integers.
    quantize_nodes, dequantize_nodes : int | None
        Number of Q and DQ operators in the file.
    versions : dict
        Of the libraries it was made and checked with.
    notes : tuple of str
        What a reader has to know besides, such as what the samples were where no data was given.
    size_bytes, float_size_bytes : int | None
        Of the file, and of the same model in float32.
    lowest_onnxruntime : str | None
        The first version of ONNX Runtime that reads the file.
    build : str | None
        The command that builds it on the device.
    kl : float | None
        KL(simulation || exported) of the first output's softmax, nats, mean per sample.
    layer_equal_share : float | None
        Of all values of the integer layers, each fed the kernel's own input, the share that equals the
        simulation; over the first batch. `agreement` and `kl` are of the whole model, through which a
        step's difference in an early layer grows.
    layer_max_steps : int | None
        The largest difference there, in steps of the layer's output grid.
    layers_compared : int
    criterion : str
        What `verified` rests on.
    float_agreement, float_kl, float_sqnr_db : float | None
        Of the exported model against the float one: share of equal top-1 answers, KL(float || exported) in nats, SQNR
        over all outputs in dB (None where infinite or undefined).
    refused : mapping of layer id to str
        Layers that the plan wants in integers and the target does not run so, and why; known before anything ran.
    io : mapping of str to mapping
        Inputs and outputs that are integers: ``scale``, ``zero_point`` and ``dtype`` of each.
    """

    path: str
    to: str
    verified: bool
    problems: tuple[str, ...]
    samples: int
    agreement: float | None
    equal_share: float | None
    sqnr_db: float | None
    metric: float | None
    asked: tuple[str, ...]
    quantized: tuple[str, ...]
    quantize_nodes: int | None = None
    dequantize_nodes: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    size_bytes: int | None = None
    float_size_bytes: int | None = None
    lowest_onnxruntime: str | None = None
    build: str | None = None
    kl: float | None = None
    layer_equal_share: float | None = None
    layer_max_steps: int | None = None
    layers_compared: int = 0
    criterion: str = ""
    float_agreement: float | None = None
    float_kl: float | None = None
    float_sqnr_db: float | None = None
    refused: dict[str, str] = field(default_factory=dict)
    io: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}
