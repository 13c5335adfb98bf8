"""Other qconfigs for one layer, with what each does to the output when the layer alone has it.

Of one layer that is run, not estimated: the float model runs once, and for every candidate only what lies behind the
layer, which takes no longer than the gradients of an estimate.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..backends.tables import float_kernel, table
from ..calibrate import Calibration
from ..classes import ClassAxis, class_axis
from ..data import Dataset, batches
from ..decide import MATRIX_PRODUCTS, WEIGHTED, decide
from ..errors import OutputErrors, Power
from ..graph import Layer
from ..graph.execute import Executor, portions, samples_of
from ..groups import leader_of, shared_groups
from ..job import batch_size, calibrate_model, fed, fused_graph, whole_batches
from ..load import Model
from ..measure import first_of
from ..metric import TOP1, Metric
from ..parallel import in_parallel
from ..plan import QuantPlan
from ..plan.qconfig import PRESETS, WEIGHT, QConfig, TensorConfig
from ..progress import Report, part, silent
from ..qparams import QParams
from ..quantize import Quantization, quantize
from ..results import Analysis
from ..sensitivity.estimate import DRAWS, KEPT_BYTES, effort
from ..sensitivity.onwards import every_value, outputs_from
from ..simulate import Simulation
from ..text import Text
from .expected import ExpectedTime, expected_time

MOST = 8
"""Candidates that are shown."""

FLOAT = QConfig(None, None)
AS_FLOAT = Text("float")

WITH_GRANULARITY = {"per_tensor": Text("weight per-tensor"), "per_channel": Text("weight per-channel")}

SAMPLES, MOST_SAMPLES = 16, 64
"""Of the select split that they are run on; the second of nets that cost little (`effort`): they are awaited."""


@dataclass(frozen=True)
class Candidate:
    """Another qconfig for one layer, with its effect.

    Parameters
    ----------
    title : str
    weight, activation : TensorConfig | None
        None is float.
    isolated_kl, isolated_mse : float | None
        At the output with this layer alone quantized, on some samples; 0 in float.
    local_sqnr_db : float | None
    why_not : str | None
        Why the target computes it in float, though it rounds as asked.
    current : bool
        Whether the plan has it now.
    layer_id : str
        The layer whose activation is edited: the leader, where the layer shares its quantizer, see `groups`.
    weight_of : str
        The layer whose weight is edited: the one that was asked for.
    time : ExpectedTime | None
        What the layer would take.
    """

    title: str
    weight: TensorConfig | None
    activation: TensorConfig | None
    isolated_kl: float | None
    isolated_mse: float | None
    local_sqnr_db: float | None
    why_not: str | None
    current: bool = False
    layer_id: str = ""
    weight_of: str = ""
    time: ExpectedTime | None = None


def candidates(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    layer_id: str,
    report: Report = silent,
    metric: Metric = TOP1,
    timed: Sequence[Analysis] = (),
) -> tuple[Candidate, ...]:
    """Up to eight qconfigs that the target supports for a layer, the best first by KL (MSE without logits).

    Where two do alike, the faster one comes first, as far as the runs `timed` (the newest first) tell.

    The layer's own and float are always among them, and of those that come to the same numbers the first. Of
    those that the target computes in float, which save bytes and no time, the best two are.
    """
    calibration = calibrate_model(model, data, plan, part(report, 0, 0.1), calibration)
    graph = fused_graph(model, plan).graph
    layer = graph.by_id[layer_id]
    layer = next((item for item in graph.layers if layer_id in (item.id, *(i.id for i in item.fused))), layer)
    decisions = decide(graph, plan)
    leader = leader_of(shared_groups(graph, decisions), layer.id)
    now = QConfig(plan.qconfig(layer).weight, plan.qconfig(graph.by_id[leader]).activation)
    options = {
        title: config
        for title, config in _all_options(layer, now, plan, layer.id in graph.output_makers).items()
        if table(plan.target).why_not(layer, config, plan.target) is None
    }
    variants: dict[str, Quantization] = {}
    known: set[Hashable] = set()
    for title, config in list(options.items()):
        edited = plan.with_layer(layer.id, config.weight, config.activation)
        edited = edited.with_layer(leader, activation=config.activation) if leader != layer.id else edited
        if config == FLOAT:
            continue
        quantization = quantize(graph, edited, calibration.tensors)
        numbers = _numbers(quantization, layer)
        if numbers in known:  # another estimator found the same range: it would take the place of something else
            del options[title]
        else:
            known.add(numbers)
            variants[title] = quantization
    chosen = whole_batches(graph, data.splits.select or data.splits.final)
    cheap = effort(graph, len(chosen))[1].kl > DRAWS.kl
    chosen = whole_batches(graph, chosen, MOST_SAMPLES if cheap else SAMPLES) or chosen
    inputs = list(fed(batches(data, chosen, batch_size(graph))))
    classes = class_axis(graph, data, metric)
    effects = _run(variants, layer, inputs, classes, part(report, 0.1, 1), len(chosen)) if variants else {}
    known_kl = not effects or any(effect.output.kl for effect in effects.values())
    rows = []
    for title, config in options.items():
        effect = effects.get(title)
        kl, mse, sqnr_db = (0.0 if known_kl else None, 0.0, None) if effect is None else effect.figures
        why_not = float_kernel(layer, config, plan.target)
        rows.append(
            Candidate(
                title,
                config.weight,
                config.activation,
                kl,
                mse,
                sqnr_db,
                why_not,
                config == now,
                leader,
                layer.id,
                expected_time(layer, config, why_not is not None, plan.target, timed),
            )
        )
    return _best(rows)


def _weights_of(q: Quantization, layer: Layer) -> dict[str, QParams]:
    """Of one layer; a recurrent one has several."""
    return {key: params for key, params in q.weights.items() if key == layer.id or key.startswith(f"{layer.id}/")}


def _numbers(q: Quantization, layer: Layer) -> Hashable:
    """All that a layer's edit can change of what is computed: where it is the same, so is every result."""
    at_run_time = q.configs[layer.id].activation if layer.id in q.dynamic else None
    params = [*sorted(q.values.items()), *sorted(_weights_of(q, layer).items())]
    fields = tuple((name, str(p.to_json())) for name, p in params)
    return q.quantized, q.dynamic, q.weight_only, at_run_time, fields


def _all_options(layer: Layer, now: QConfig, plan: QuantPlan, at_output: bool) -> Mapping[str, QConfig]:
    """Every configuration once, under its first title; a layer without a weight keeps what the plan says of one."""
    own: dict[str, QConfig] = {Text("as it is"): now} if now != FLOAT else {}
    titles = {**own, **options_of(layer, plan.with_layer(layer.id, now.weight, now.activation), at_output)}
    titles |= _other_kinds(layer, now, plan, at_output)
    once: dict[QConfig, str] = {}
    for title, config in titles.items():
        apart = config if layer.op in WEIGHTED or config == FLOAT else QConfig(now.weight, config.activation)
        once.setdefault(apart, title)
    return {title: config for config, title in once.items()}


def _best(rows: Sequence[Candidate]) -> tuple[Candidate, ...]:
    def effect(row: Candidate) -> tuple[float, float]:
        known = row.isolated_kl if row.isolated_kl is not None else row.isolated_mse
        us = None if row.time is None else row.time.us
        return np.inf if known is None else known, np.inf if us is None else us

    kept = [row for row in rows if row.current or row.title == AS_FLOAT]
    others = sorted((row for row in rows if row not in kept), key=effect)
    in_float = [row for row in others if row.why_not is not None][:2]
    others = [row for row in others if row.why_not is None or row in in_float]
    return tuple(sorted([*kept, *others[: MOST - len(kept)]], key=effect))


def options_of(layer: Layer, plan: QuantPlan, at_output: bool = False) -> Mapping[str, QConfig]:
    """What a layer may be, by title; each changes the weight's or the activation's configuration, or is float.

    At the model's output no range is offered that clips. What it gains on samples that lie within it is lost on the
    first that does not: the largest logits are the answer. (MobileNetV2: 0.037 nats of KL on samples like those of
    calibration, as before, and 0.106 instead of 0.050 on other photographs.)
    """
    now = plan.qconfig(layer)
    weight, activation = _static(now, plan)
    weighted = layer.op in WEIGHTED
    found: dict[str, QConfig] = {Text("as it is"): now} if now.activation is not None else {}
    for estimator in ("minmax",) if at_output else ("minmax", "mse", "percentile", "entropy"):
        if activation.estimator != estimator:
            found[Text("activation {estimator}", estimator=estimator)] = QConfig(
                weight, activation.but(estimator=estimator, range=None)
            )
    if weighted:
        other = "per_tensor" if weight.granularity == "per_channel" else "per_channel"
        found[WITH_GRANULARITY[other]] = QConfig(weight.but(granularity=other), activation)
        if weight.estimator != "mse":
            found[Text("weight mse")] = QConfig(weight.but(estimator="mse"), activation)
    bits = 7 if activation.bits == 8 else 8
    found[Text("activation {bits} bit", bits=bits)] = QConfig(weight, activation.but(bits=bits))
    found[AS_FLOAT] = QConfig(None, None)
    return found


def _static(now: QConfig, plan: QuantPlan) -> tuple[TensorConfig, TensorConfig]:
    """Weight and 8-bit activation to vary: the layer's own, or the preset's where it has none of the kind."""
    base = PRESETS[plan.target.preset]
    weight, activation = now.weight or base.weight, now.activation
    if activation is None or activation.dynamic or activation.width != 8 or activation.is_float:
        activation = base.activation
    assert weight is not None
    assert activation is not None
    return weight, activation


def _other_kinds(layer: Layer, now: QConfig, plan: QuantPlan, at_output: bool) -> Mapping[str, QConfig]:
    """Of another kind than the layer is now: dynamic, weight-only, of more or fewer bits; an average (it clips)."""
    weight, activation = _static(now, plan)
    found: dict[str, QConfig] = {
        Text("activation 16 bit"): QConfig(weight, activation.but(dtype="int16", symmetric=True)),
    }
    if not at_output:
        average = activation.but(estimator="moving_average", range=None)
        found[Text("activation moving average")] = QConfig(weight, average)
    eight = weight if weight.dtype in ("int8", "uint8") and weight.granularity != "per_group" else WEIGHT
    if layer.op in WEIGHTED:
        four = eight.but(dtype="int4", symmetric=True, estimator="mse", range=None)
        found[Text("weight 4 bit")] = QConfig(four, activation)
        found[Text("static")] = QConfig(eight, activation)
        found[Text("weight only")] = QConfig(eight, None)
        found[Text("weight only, 4 bit in groups of 32")] = PRESETS["weight-only-int4"]
        found[Text("weight only, fp16")] = QConfig(TensorConfig("fp16"), None)
    if layer.op in WEIGHTED | MATRIX_PRODUCTS:
        found[Text("dynamic")] = QConfig(eight, PRESETS["default-dynamic"].activation)
    return found


@dataclass
class _Effect:
    """Of one candidate: errors of the layer's own value on float input, and of the outputs behind it."""

    local: Power
    output: OutputErrors

    @property
    def figures(self) -> tuple[float | None, float | None, float | None]:
        """KL, MSE, and the SQNR of the layer's value."""
        return self.output.mean_kl, self.output.mse, self.local.sqnr_db


def _run(
    variants: Mapping[str, Quantization],
    layer: Layer,
    batches: Sequence[Sequence[torch.Tensor]],
    classes: ClassAxis,
    report: Report,
    total: int,
) -> dict[str, _Effect]:
    """Every variant of one layer, with all others in float."""
    graph = next(iter(variants.values())).float_graph
    plain = Executor(graph, channels_last=True)
    simulations = {title: Simulation(_only(q, layer), channels_last=True) for title, q in variants.items()}
    parts = (each for batch in batches for each in portions(graph, batch, kept=KEPT_BYTES))

    def run(inputs: Sequence[torch.Tensor], report: Report) -> dict[str, _Effect]:
        found = {title: _Effect(Power(), OutputErrors(classes)) for title in variants}
        with torch.inference_mode():
            values = every_value(plain, inputs)
            reference = [values[name] for name in graph.output_values]
            for number, (title, simulation) in enumerate(simulations.items()):
                report(number, len(simulations), Text("comparing candidates"))
                changed = simulation.run_layer(layer, values)
                found[title].local.add(first_of(values[layer.value]), first_of(changed))
                found[title].output.add(reference, outputs_from(layer, plain, values, changed))
        return found

    effects = {title: _Effect(Power(), OutputErrors(classes)) for title in variants}
    for found in in_parallel(run, parts, samples_of, report, total=total, apart=not graph.opaque):
        for title, effect in found.items():
            effects[title].local.include(effect.local)
            effects[title].output.include(effect.output)
    return effects


def _only(q: Quantization, layer: Layer) -> Quantization:
    """With the weights of one layer alone on a grid."""
    of_layer = _weights_of(q, layer)
    return replace(q, weights=of_layer)
