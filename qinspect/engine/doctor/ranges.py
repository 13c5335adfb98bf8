"""Rules on how well the grids fit the numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..backends.tables import table
from ..decide import WEIGHTED
from ..graph import Layer
from ..plan import Remedy
from ..plan.qconfig import QConfig, TensorConfig
from ..ranges import estimate_activation, estimate_weight, rounding_error
from ..remedies import pairs
from ..remedies.rounding import SUPPORTED
from ..results import Finding
from ..text import Text, counted, listed
from .case import Case, in_float

LEAST_SHIFT = 0.01
"""A smaller share of an error is not worth a word."""

CLEARLY = 4.0
"""A remedy that makes the squared error so many times smaller (6 dB, one bit) is worth naming."""


ENOUGH_TO_CUT = 8
"""Samples from which on a channel that never changed is named."""


def symmetric_on_nonnegative(case: Case) -> list[Finding]:
    """A grid that is the same on both sides of 0 wastes half of its steps where nothing is negative."""
    found: list[tuple[Layer, TensorConfig, float]] = []
    for layer, config in own_values(case):
        stats = case.calibration.tensors.get(layer.value)
        if stats is None or not config.symmetric or config.estimator == "fixed" or stats.min < 0 or stats.max <= 0:
            continue
        now = rounding_error(stats, case.quantization.values[layer.value])
        affine = config.but(symmetric=False)
        least = rounding_error(stats, estimate_activation(stats, affine))
        gain = activation_gain(case, layer, now, 1 - least / now) if now > 0 else 0.0
        found.append((layer, affine, gain))
    if not found:
        return []
    abilities, target = table(case.plan.target), case.plan.target
    able = [
        (layer, affine)
        for layer, affine, _ in found
        if abilities.why_not(layer, QConfig(case.quantization.configs[layer.id].weight, affine), target) is None
    ]
    edited = case.plan
    for layer, affine in able:
        edited = edited.with_layer(layer.id, activation=affine)
    names = [layer.id for layer, _, _ in found]
    return [
        Finding(
            "symmetric_on_nonnegative",
            Text("{tensors} without negative values on a symmetric grid", tensors=counted(len(found), Text("tensor"))),
            Text("half of the steps are never used: {layers}", layers=listed(names)),
            tuple(names),
            "warning" if able else "note",
            (sum(gain for _, _, gain in found) or None) if able else None,
            Text("Use an affine grid there: it has twice the steps for the same range.")
            if able
            else Text(
                "{target} takes symmetric activations only: this bit is the price of the target.", target=target.title
            ),
            edited.to_json() if able else None,
        )
    ]


def weight_channel_spread(case: Case) -> list[Finding]:
    """One step for all channels of a weight, though some are many times larger than others."""
    q = case.quantization
    found: list[tuple[float, float, Layer, TensorConfig]] = []
    for layer in q.graph.layers:
        config, params, weight = q.configs[layer.id].weight, q.weights.get(layer.id), q.graph.weight(layer)
        if config is None or params is None or weight is None or config.granularity != "per_tensor":
            continue
        axis = 1 if layer.op.startswith("conv_transpose") else 0
        finer = config.but(granularity="per_channel")
        values = weight.detach().float()
        now = float(((params.fake_quantize(values) - values) ** 2).mean())
        least = float(((estimate_weight(values, finer, axis).fake_quantize(values) - values) ** 2).mean())
        if least > 0 and now > CLEARLY * least:
            sizes = values.abs().movedim(axis, 0).flatten(1).amax(1)
            spread = float(sizes.max() / sizes.median().clamp_min(1e-30))
            found.append((now / least, spread, layer, finer))
    if not found:
        return []
    found.sort(key=lambda item: -item[0])
    ratio, spread, worst, _ = found[0]
    abilities, target = table(case.plan.target), case.plan.target
    able = [
        (layer, finer)
        for _, _, layer, finer in found
        if abilities.why_not(layer, replace(q.configs[layer.id], weight=finer), target) is None
    ]
    edited = case.plan
    for layer, finer in able:
        edited = edited.with_layer(layer.id, weight=finer)
    names = {layer.id for _, _, layer, _ in found}
    neighbours = () if able else [pair for pair in pairs(q.graph) if names & set(pair)]
    for pair in neighbours:
        edited = edited.with_remedy(Remedy("equalize", pair))
    remedy = Text(
        "{target} takes one scale per weight: keep these layers in float, or choose another target.",
        target=target.title,
    )
    if able:
        remedy = Text("Quantize these weights per channel.")
    elif neighbours:
        remedy = Text(
            "Equalize {pairs} of neighbours: the model stays the same in float.",
            pairs=counted(len(neighbours), Text("pair")),
        )
    unlike = (
        Text("the largest channel is {spread:.3g} times the median one after folding", spread=spread)
        if worst.folded
        else Text("the largest channel is {spread:.3g} times the median one", spread=spread)
    )
    return [
        Finding(
            "weight_channel_spread",
            Text(
                "{weights} with one scale for channels of very different size",
                weights=counted(len(found), Text("weight")),
            ),
            Text(
                "worst at {worst}: {unlike}; a scale per channel has {less_db:.0f} dB less noise",
                worst=worst.id,
                unlike=unlike,
                less_db=10 * np.log10(ratio),
            ),
            tuple(layer.id for _, _, layer, _ in found),
            "warning",
            sum(_weight_gain(case, layer, 1 - 1 / r) for r, _, layer, _ in found) or None,
            remedy,
            edited.to_json() if able or neighbours else None,
        )
    ]


def weights_rounded(case: Case) -> list[Finding]:
    """Layers whose error is that of their weights: rounding them by data costs nothing at run time."""
    loss = case.loss
    total = sum(loss.of(row) for row in case.rows)
    if loss.whole is None or loss.whole < loss.least or not total:
        return []
    known = set(case.plan.remedied("adaround"))
    found: list[tuple[float, float, Layer]] = []
    for layer in case.quantization.graph.layers:
        row = case.row_of.get(layer.id)
        able = layer.id in case.quantization.weights and layer.op in SUPPORTED and layer.id not in known
        share = _weight_share(case, layer)
        if able and row is not None and share > 0.7 and share * loss.of(row) > 0.03 * total:
            effect = share * loss.of(row)
            found.append((effect, effect * _shift_share(case, layer), layer))
    if not found:
        return []
    found.sort(key=lambda item: -item[0])
    names = tuple(layer.id for _, _, layer in found)
    edited = case.plan.with_remedy(Remedy("adaround", names)).with_remedy(Remedy("bias_correction", names))
    caused, shifts = sum(effect for effect, *_ in found), sum(shift for _, shift, _ in found)
    return [
        Finding(
            "weights_rounded",
            Text(
                "The weights of {layers} cause {share:.0%} of the error (estimated)",
                layers=counted(len(names), Text("layer")),
                share=caused / total,
            ),
            Text(
                "{layers}: the error of the activations is small beside that of the weights; at least {share:.0%} "
                "of it is a shift that is the same for every sample",
                layers=listed(names),
                share=shifts / caused,
            )
            if shifts > LEAST_SHIFT * caused
            else Text(
                "{layers}: the error of the activations is small beside that of the weights", layers=listed(names)
            ),
            names,
            "note",
            shifts if loss.is_kl and shifts > LEAST_SHIFT * caused else None,
            Text(
                "Round each of these weights up or down by data, and correct the biases: the model is as "
                "fast as before."
            ),
            edited.to_json(),
        )
    ]


def _shift_share(case: Case, layer: Layer) -> float:
    """Least share of a weight's error that a bias takes away: that which the input's mean makes.

    A weight's rounding errors e, independent of the input x, make an output error of mean square
    |e|² E[x²], of which (e · E[x])² is the same for all samples; summed over the input's values the second
    is at least |e|² E[mean of x]².
    """
    stats = case.calibration.tensors.get(case.quantization.graph.origin(layer.inputs[0])) if layer.inputs else None
    if stats is None:
        return 0.0
    power = stats.variance + stats.sample_mean**2
    return stats.sample_mean**2 / power if power > 0 else 0.0


def cat_unequal_ranges(case: Case) -> list[Finding]:
    """A concatenation has one grid, and one of its inputs uses a small part of it."""
    q = case.quantization
    found: list[tuple[float, Layer, str]] = []
    for layer in q.graph.layers:
        if layer.op != "cat" or layer.id not in q.quantized:
            continue
        stats = [(name, case.calibration.tensors[name]) for name in layer.inputs if name in case.calibration.tensors]
        spans = [(max(s.max, 0) - min(s.min, 0), name) for name, s in stats]
        if len(spans) < 2:
            continue
        least, name = min(spans)
        largest = max(spans)[0]
        if 0 < least * CLEARLY < largest:
            found.append((largest / least, layer, name))
    if not found:
        return []
    ratio, worst, name = max(found, key=lambda item: item[0])
    edited = case.plan
    for _, layer, _ in found:
        edited = edited.with_layer(layer.id, activation=None)
    return [
        Finding(
            "cat_unequal_ranges",
            Text("{cats} of tensors with very different ranges", cats=counted(len(found), Text("concatenation"))),
            Text(
                "at {worst} the range of {name} is {ratio:.3g} times smaller than the widest, and keeps "
                "{bits:.1f} of its 8 bits",
                worst=worst.id,
                name=name,
                ratio=ratio,
                bits=8 - np.log2(ratio),
            ),
            tuple(layer.id for _, layer, _ in found),
            "warning",
            None,
            Text(
                "Keep the concatenation in float, so that each input has a grid of its own; or scale the inputs alike."
            ),
            edited.to_json(),
        )
    ]


def constant_tensors(case: Case) -> list[Finding]:
    """Values that never changed during calibration: nothing is known of their range."""
    names = [
        layer.id
        for layer, config in own_values(case)
        if (stats := case.calibration.tensors.get(layer.value)) is not None
        and config.estimator != "fixed"
        and stats.min == stats.max
        and stats.count > 1
    ]
    if not names:
        return []
    return [
        Finding(
            "constant_tensors",
            Text("{tensors} held one value only during calibration", tensors=counted(len(names), Text("tensor"))),
            Text("{layers}: the range rests on nothing, and other data will be clipped", layers=listed(names)),
            tuple(names),
            "error",
            None,
            Text(
                "Calibrate on data that reaches this part of the model, or fix its range by hand; until then keep "
                "them in float."
            ),
            in_float(case.plan, names).to_json(),
        )
    ]


def dead_channels(case: Case) -> list[Finding]:
    """Channels that are the same for every sample: they cost time and carry nothing."""
    if case.calibration.samples < ENOUGH_TO_CUT:
        return []  # a single sample leaves every channel of a linear layer as it is
    dead = total = 0
    names = []
    for layer, _ in own_values(case):
        stats = case.calibration.tensors.get(layer.value)
        if layer.op not in WEIGHTED or stats is None or stats.min == stats.max or len(stats.channel_min) < 2:
            continue
        here = int((stats.channel_min == stats.channel_max).sum())
        total += len(stats.channel_min)
        dead += here
        if here:
            names.append(layer.id)
    if not names:
        return []
    return [
        Finding(
            "dead_channels",
            Text("1 channel of 1 layer never changes")
            if dead == 1
            else Text(
                "{channels} of {layers} never change",
                channels=counted(dead, Text("channel")),
                layers=counted(len(names), Text("layer")),
            ),
            Text(
                "{share:.1%} of all channels held one value for all {samples} calibration samples: {layers}",
                share=dead / total,
                samples=case.calibration.samples,
                layers=listed(names),
            ),
            tuple(names),
            "note",
            None,
            Text(
                "Where more samples say the same, they can be cut out of the model. Their weights do not matter, but "
                "per-tensor scales see them."
            ),
        )
    ]


def own_values(case: Case) -> list[tuple[Layer, TensorConfig]]:
    """Quantized layers that have a quantizer of their own for their value, with its configuration."""
    q = case.quantization
    found = []
    for layer in q.graph.layers:
        config = q.configs[layer.id].activation
        own = layer.id in q.quantized and layer.id not in q.passing and not layer.transparent
        params = q.values.get(layer.value)
        if own and config is not None and params is not None and not params.is_float and not params.scale.ndim:
            found.append((layer, config))
    return found


def activation_gain(case: Case, layer: Layer, now: float, share: float) -> float:
    """Nats that a finer activation grid would win back: the activation's part of the layer's estimated effect."""
    row = case.row_of.get(layer.id)
    if row is None or not row.errors.estimated_kl or not row.errors.local_mse:
        return 0.0
    return row.errors.estimated_kl * min(1.0, now / row.errors.local_mse) * share


def _weight_gain(case: Case, layer: Layer, share: float) -> float:
    """Nats that a better weight would win back: a share of the weight's part of the layer's estimated effect."""
    row = case.row_of.get(layer.id)
    return 0.0 if row is None else (row.errors.estimated_kl or 0.0) * _weight_share(case, layer) * share


def _weight_share(case: Case, layer: Layer) -> float:
    """The weight's part of a layer's own error."""
    row, stats = case.row_of.get(layer.id), case.calibration.tensors.get(layer.value)
    stats = case.validation.get(layer.value, stats)  # of the samples that the error was measured on
    if row is None or not row.errors.local_mse:
        return 0.0
    params = case.quantization.values.get(layer.value)  # none where it is dynamic or weight-only
    activation = 0.0 if stats is None or params is None else rounding_error(stats, params)
    return max(0.0, 1 - activation / row.errors.local_mse)
