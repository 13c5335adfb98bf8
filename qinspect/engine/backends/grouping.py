"""How a layer's output relates to the quantizer of its input."""

from __future__ import annotations

from ..graph import Layer, Ref, refs

OWN = "own"
"""It computes new values, and has a quantizer of its own."""

SHARED = "shared"
"""It has one quantizer for inputs and output, and rounds."""

PASSING = "passing"
"""It picks or clips values that are on the grid, and has no quantizer."""


def between_two_values(layer: Layer) -> bool:
    """Whether an addition or a product is one of two activations as they are: none is stored, a number, or scaled."""
    return sum(isinstance(item, Ref) for item in layer.args[:2]) == 2 and layer.kwargs.get("alpha", 1) == 1


def pools_to_one(layer: Layer) -> bool:
    """Whether an adaptive pooling leaves one value of each channel."""
    size = layer.args[1]
    return size == 1 if isinstance(size, int) else all(n == 1 for n in size)


def pads_zeros(layer: Layer) -> bool:
    """Whether a layer pads with zeros and nothing else."""
    if layer.op != "pad":
        return False
    if layer.target == "aten.pad.default":
        return layer.args[2] == "constant" and layer.args[3] in (None, 0, 0.0)
    return layer.target == "aten.constant_pad_nd.default" and layer.args[2] == 0


def takes_nearest(layer: Layer) -> bool:
    """Whether a layer interpolates by taking the nearest value, to a size that is known."""
    name = layer.target.removeprefix("aten.").lstrip("_")
    return layer.op == "interpolate" and name.startswith("upsample_nearest") and not any(refs(layer.args[1:]))


def over_all_of_space(layer: Layer) -> bool:
    """Whether a mean is taken over all axes behind batch and channels."""
    if layer.target != "aten.mean.dim" or not layer.args[1]:
        return False
    axes = layer.args[1]
    rank = len(layer.shape) + (0 if layer.args[2] else len(axes))
    return rank > 2 and sorted(axis % rank for axis in axes) == list(range(2, rank))
