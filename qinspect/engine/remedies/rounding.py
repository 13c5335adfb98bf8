"""Rounding by data: each weight goes up or down so that the layer's output, not the weight, is nearest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ..graph import Layer
from ..progress import Report, silent
from ..qparams import QParams
from ..quantize import Quantization
from ..simulate import Simulation
from ..text import Text

SUPPORTED = frozenset({"conv1d", "conv2d", "linear"})

ROWS = 4096
"""Input patches taken from each batch."""

ALIKE = 8
"""So many patches of a picture are taken to say no more than one that stands alone: they overlap and look alike."""

SWEEPS = 20


def round_weights(
    quantization: Quantization,
    batches: Iterable[Sequence[torch.Tensor]],
    layers: Sequence[str],
    report: Report = silent,
    total: int = 0,
    seed: int = 0,
    unshifted: Collection[str] = (),
) -> dict[str, torch.Tensor]:
    """Weights on their grids, each rounded up or down so that the layer's squared output error is least.

    The error that a change e of a weight's row makes is ``e H eᵀ`` with H = E[x xᵀ] of the input patches
    (Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, 2020, section 3). From
    nearest rounding, one weight after the other is flipped where that lowers the error, until none does:
    the result is never worse than nearest rounding on these inputs.

    Parameters
    ----------
    quantization : Quantization
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first. Layers see what they see in the quantized model.
    layers : sequence of str
        Ids of convolutions (1d, 2d) and linear layers; others, and those that are not quantized, are
        passed over.
    report : Report
    total : int
        Number of samples to come, for the report.
    seed : int
        Of the choice of patches.
    unshifted : collection of str
        Ids of layers whose bias is corrected afterwards. The mean of their outputs' errors is taken back there,
        so that their variance alone counts here, with H = Cov[x]: weights that are spent on keeping the mean are
        not there to keep the rest. What few patches say of the covariance of many inputs is shrunk towards their
        variances, or the rounding would fit these patches and no others.

    Returns
    -------
    dict of layer id to torch.Tensor
        float32 weights that lie on the grid.
    """
    q = quantization
    wanted = {key for key in layers if key in q.weights and q.graph.by_id[key].op in SUPPORTED}
    moments = _moments(q, batches, wanted, report, total, torch.Generator().manual_seed(seed), unshifted)
    found = {}
    for index, key in enumerate(sorted(moments)):
        report(0.7 + 0.3 * index / len(moments), 1, Text("rounding {key}", key=key))
        layer = q.graph.by_id[key]
        weight = q.graph.weight(layer)
        assert weight is not None
        found[key] = _round(weight.detach().float(), q.weights[key], moments[key])
    return found


def _moments(
    q: Quantization,
    batches: Iterable[Sequence[torch.Tensor]],
    wanted: set[str],
    report: Report,
    total: int,
    generator: torch.Generator,
    unshifted: Collection[str],
) -> dict[str, torch.Tensor]:
    """H of every wanted layer, shape (groups, inputs of a row, the same)."""
    simulation = Simulation(q)
    found: dict[str, torch.Tensor] = {}
    means: dict[str, torch.Tensor] = {}
    counts: dict[str, int] = {}
    samples = 0
    with torch.inference_mode():
        for inputs in batches:
            size = int(inputs[0].shape[0])
            values: dict[str, Any] = dict(zip(q.graph.input_names, inputs, strict=True))
            last = {name: index for index, layer in enumerate(q.graph.layers) for name in layer.inputs}
            for index, layer in enumerate(q.graph.layers):
                done = samples + size * index / len(q.graph.layers)
                report(0.7 * done / (total or samples + size), 1, Text("collecting inputs"))
                if layer.id in wanted:
                    x = simulation.read(layer.inputs[0], values[layer.inputs[0]])
                    patches = _patches(layer, x, q, generator)
                    part = patches.transpose(1, 2) @ patches / patches.shape[1]
                    found[layer.id] = found.get(layer.id, 0) + part * size
                    if layer.id in unshifted:
                        means[layer.id] = means.get(layer.id, 0) + patches.mean(1) * size
                        counts[layer.id] = counts.get(layer.id, 0) + patches.shape[1]
                values[layer.value] = simulation.run_layer(layer, values)
                for name in layer.inputs:
                    if last[name] == index:
                        values.pop(name, None)
            samples += size
    found = {key: moment / samples for key, moment in found.items()}
    for key, total_of in means.items():
        mean = total_of / samples
        found[key] = _shrunk(found[key] - mean[:, :, None] * mean[:, None, :], counts[key])
    return found


def _shrunk(covariance: torch.Tensor, patches: int) -> torch.Tensor:
    """A covariance as far as so many patches tell it: the fewer for each input, the less counts beside the variances.

    Parameters
    ----------
    covariance : torch.Tensor
        Shape (groups, length, length).
    """
    length = covariance.shape[-1]
    known = patches / (patches + ALIKE * length)
    variances = torch.diag_embed(covariance.diagonal(dim1=1, dim2=2))
    return known * covariance + (1 - known) * variances


def _patches(layer: Layer, x: torch.Tensor, q: Quantization, generator: torch.Generator) -> torch.Tensor:
    """Input patches as the weight's rows meet them, float32, shape (groups, patches, row length)."""
    weight = q.graph.weight(layer)
    assert weight is not None
    if layer.op == "linear":
        rows = x.reshape(1, -1, x.shape[-1])
    else:
        named = layer.args[4] == "same"  # with one side padded more than the other
        stride, dilation = _pair(layer.args[3]), _pair(layer.args[5])
        padding, groups = _pair(0 if named else layer.args[4]), layer.args[6]
        size = tuple(weight.shape[2:])
        if layer.op == "conv1d":
            x, size = x.unsqueeze(2), (1, *size)
            stride, padding, dilation = (1, stride[-1]), (0, padding[-1]), (1, dilation[-1])
        if named:
            totals = [step * (length - 1) for step, length in zip(dilation, size, strict=True)]
            x = F.pad(x, [side for total in reversed(totals) for side in (total // 2, total - total // 2)])
        columns = F.unfold(x, size, dilation, padding, stride)
        columns = columns.permute(0, 2, 1).reshape(-1, columns.shape[1])
        rows = columns.reshape(len(columns), groups, -1).permute(1, 0, 2)
    if rows.shape[1] > ROWS:
        rows = rows[:, torch.randperm(rows.shape[1], generator=generator)[:ROWS]]
    return rows.float()


def _pair(value: Any) -> tuple[int, int]:
    items = (value, value) if isinstance(value, int) else tuple(value)
    return (items[0], items[-1])


def _round(weight: torch.Tensor, params: QParams, moment: torch.Tensor) -> torch.Tensor:
    """Coordinate descent on up or down, all rows at once.

    Parameters
    ----------
    weight : torch.Tensor
        Float, output channels first.
    params : QParams
    moment : torch.Tensor
        Shape (groups, length, length).
    """
    groups = len(moment)
    steps, zeros = (item.flatten(1) for item in params.broadcast(weight))
    real = weight.flatten(1) / steps + zeros
    whole = params.quantize(weight).float().flatten(1)
    rows = whole.shape[0] // groups
    for group in range(groups):
        part = slice(group * rows, (group + 1) * rows)
        whole[part] = _descend(real[part], whole[part], steps[part], moment[group], params)
    return ((whole - zeros) * steps).reshape(weight.shape)


def _descend(
    real: torch.Tensor, whole: torch.Tensor, steps: torch.Tensor, H: torch.Tensor, params: QParams
) -> torch.Tensor:
    error = (whole - real) * steps
    slope = error @ H
    low = torch.clamp(torch.floor(real), params.qmin, params.qmax)
    high = torch.clamp(torch.ceil(real), params.qmin, params.qmax)
    for _ in range(SWEEPS):
        flips = 0
        for j in range(whole.shape[1]):
            other = torch.where(whole[:, j] == low[:, j], high[:, j], low[:, j])
            delta = (other - whole[:, j]) * steps[:, j]
            gains = 2 * delta * slope[:, j] + delta * delta * H[j, j] < -1e-12
            count = int(gains.sum())
            if not count:
                continue
            flips += count
            delta = torch.where(gains, delta, torch.zeros_like(delta))
            whole[:, j] = torch.where(gains, other, whole[:, j])
            slope += delta[:, None] * H[j][None, :]
        if not flips:
            break
    return whole
