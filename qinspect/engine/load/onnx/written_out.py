"""Activations and norms that a file writes out in parts, known again by what the parts compute.

ONNX has no GELU before opset 20, no LayerNormalization before 17 and no stack at all, and many an author writes a
formula himself. A part goes into the whole only where nothing else reads it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from numpy.typing import NDArray

from .file import Op

Array = NDArray[Any]

CLOSE = 2e-3
"""Relative: constants may have been stored with half precision."""

ROOT_HALF, TWO_OVER_PI = math.sqrt(0.5), math.sqrt(2 / math.pi)
TANH = {1: TWO_OVER_PI, 3: TWO_OVER_PI * 0.044715}
"""What the GELU that is approximated by tanh takes the tanh of, as a polynomial: coefficient by degree."""

DEGREE = 3
"""Polynomials of a higher one are none that anything here is made of."""


class Graph(Protocol):
    """What is asked of the operators around."""

    @property
    def made(self) -> Mapping[str, Op]:
        """The operator that makes each tensor."""
        ...

    @property
    def readers(self) -> Mapping[str, list[Op]]:
        """Those that read it."""
        ...

    @property
    def kept(self) -> Collection[str]:
        """Tensors that must not disappear."""
        ...

    def stored(self, name: str) -> Array | None:
        """A stored tensor."""
        ...


Found = tuple[Op, tuple[Op, ...]] | None
"""The operator that takes the last one's place, and those that go into it."""


@dataclass
class Parts:
    """Operators that a group would take in."""

    graph: Graph
    ops: dict[str, Op] = field(default_factory=dict)

    def take(self, name: str, *kinds: str) -> Op | None:
        """The operator of these kinds that makes a tensor, as a part."""
        op = self.graph.made.get(name)
        if op is None or op.kind not in kinds or name in self.graph.kept or name != op.outputs[0]:
            return None
        self.ops[name] = op
        return op

    def number(self, name: str) -> float | None:
        """A stored single number."""
        array = self.graph.stored(name)
        return (
            float(array.reshape(-1)[0]) if array is not None and array.size == 1 and array.dtype.kind in "fiu" else None
        )

    def vector(self, name: str) -> Array | None:
        """A stored tensor that is more than one number."""
        array = self.graph.stored(name)
        return array if array is not None and array.size > 1 and array.dtype.kind == "f" else None

    def whole(self, op: Op, kind: str, inputs: tuple[str, ...], **attributes: Any) -> Found:
        """The group as one operator; nothing where something else reads a part of it."""
        inside = {op.outputs[0], *self.ops}
        for name in self.ops:
            if any(reader.outputs[0] not in inside for reader in self.graph.readers.get(name, ())):
                return None
        return replace(op, kind=kind, inputs=inputs, attributes=attributes), tuple(self.ops.values())


def _near(one: float | None, two: float) -> bool:
    return one is not None and abs(one - two) <= CLOSE * abs(two)


# -- products and polynomials -------------------------------------------------------------------------


def _factors(parts: Parts, op: Op) -> tuple[float, list[str]]:
    """A product taken apart: its numbers multiplied, and the tensors."""
    tensors: list[str] = []
    scale = 1.0
    for place, name in enumerate(op.inputs):
        number = parts.number(name)
        if number is not None:
            if op.kind == "Div" and place and not number:
                return 0.0, [name]
            scale *= 1 / number if op.kind == "Div" and place else number
        elif op.kind == "Div" and place:
            return scale, [op.outputs[0]]  # by a tensor: no product
        elif (inner := parts.take(name, "Mul", "Div")) is not None:
            more, names = _factors(parts, inner)
            if names == [name]:
                del parts.ops[name]
            scale, tensors = scale * more, [*tensors, *names]
        else:
            tensors.append(name)
    return scale, tensors


Polynomial = dict[int, float]


def _polynomial(parts: Parts, name: str, x: str) -> Polynomial | None:
    """A tensor as a polynomial of another one; None where it is none."""
    if name == x:
        return {1: 1.0}
    number = parts.number(name)
    if number is not None:
        return {0: number}
    op = parts.take(name, "Add", "Mul", "Div", "Pow", "Identity")
    if op is None:
        return None
    first = _polynomial(parts, op.inputs[0], x)
    if first is None or op.kind == "Identity":
        return first
    if op.kind == "Mul" and op.inputs[0] == op.inputs[1]:
        return _times(first, first)
    second = _polynomial(parts, op.inputs[1], x)
    if second is None:
        return None
    if op.kind == "Add":
        return {degree: first.get(degree, 0) + second.get(degree, 0) for degree in {*first, *second}}
    if op.kind == "Mul":
        return _times(first, second)
    if list(second) != [0]:
        return None
    if op.kind == "Div":
        return {degree: c / second[0] for degree, c in first.items()} if second[0] else None
    return _power(first, second[0])


def _times(one: Polynomial, two: Polynomial) -> Polynomial | None:
    found: Polynomial = {}
    for a, p in one.items():
        for b, q in two.items():
            found[a + b] = found.get(a + b, 0) + p * q
    return found if max(found) <= DEGREE else None


def _power(one: Polynomial, exponent: float) -> Polynomial | None:
    if exponent not in (1, 2, 3):
        return None
    found: Polynomial | None = one
    for _ in range(int(exponent) - 1):
        found = None if found is None else _times(found, one)
    return found


def _is(found: Polynomial | None, wanted: Polynomial, times: float = 1) -> bool:
    return (
        found is not None
        and {d for d, c in found.items() if c} == set(wanted)
        and all(_near(found[degree], times * c) for degree, c in wanted.items())
    )


# -- activations --------------------------------------------------------------------------------------


def gelu(graph: Graph, op: Op) -> Found:
    """``x (1 + erf(x / sqrt 2)) / 2``, and with tanh or the sigmoid that is the same; multiplied in any order."""
    for place in range(2):
        parts = Parts(graph)
        scale, tensors = _factors(parts, op)
        if len(tensors) != 2:
            return None
        x, gate = tensors if place else tensors[::-1]
        halves = 0.5
        if (curve := parts.take(gate, "Sigmoid")) is not None:
            halves = 1.0
        elif (summed := parts.take(gate, "Add")) is not None:
            one, other = summed.inputs if parts.number(summed.inputs[0]) is not None else summed.inputs[::-1]
            curve = parts.take(other, "Erf", "Tanh") if parts.number(one) == 1 else None
        if curve is None or not _near(scale, halves):
            continue
        inside = _polynomial(parts, curve.inputs[0], x)
        if curve.kind == "Erf" and _is(inside, {1: ROOT_HALF}):
            return parts.whole(op, "Gelu", (x,))
        if curve.kind != "Erf" and _is(inside, TANH, 2 if curve.kind == "Sigmoid" else 1):
            return parts.whole(op, "Gelu", (x,), approximate="tanh")
    return None


def mish(graph: Graph, op: Op) -> Found:
    """``x tanh(log(1 + e**x))``, and ``x n / (n + 2)`` with ``n = e**x (e**x + 2)``, which is the same."""
    for x, gate in (op.inputs, op.inputs[::-1]):
        parts = Parts(graph)
        if (curve := parts.take(gate, "Tanh")) is not None:
            soft = parts.take(curve.inputs[0], "Softplus")
            if soft is not None and soft.inputs[0] == x:
                return parts.whole(op, "Mish", (x,))
            continue
        share = parts.take(gate, "Div")
        summed = None if share is None else parts.take(share.inputs[1], "Add")
        if share is None or summed is None or share.inputs[0] not in summed.inputs or not _two(parts, summed):
            continue
        n = parts.take(share.inputs[0], "Mul")
        power = None if n is None else next((e for e in (parts.take(i, "Exp") for i in n.inputs) if e), None)
        if n is None or power is None:
            continue
        other = next((i for i in n.inputs if i != power.outputs[0]), "")
        rest = parts.take(other, "Add")
        if rest is None or power.outputs[0] not in rest.inputs or not _two(parts, rest):
            continue
        clip = parts.take(power.inputs[0], "Clip")
        if (clip.inputs[0] if clip is not None else power.inputs[0]) == x:
            return parts.whole(op, "Mish", (x,))
    return None


def _two(parts: Parts, op: Op) -> bool:
    return any(parts.number(name) == 2 for name in op.inputs)


# -- norms --------------------------------------------------------------------------------------------


def _axes(graph: Graph, op: Op) -> list[int] | None:
    """The axes that an operator works along, as an attribute or a stored input."""
    found = op.attributes.get("axes")
    if found is None and len(op.inputs) > 1:
        stored = graph.stored(op.inputs[1])
        found = None if stored is None else stored.reshape(-1).tolist()
    return found


def _mean(parts: Parts, name: str) -> tuple[str, int] | None:
    """What a mean over one axis is of, and the axis."""
    op = parts.take(name, "ReduceMean")
    axes = None if op is None else _axes(parts.graph, op)
    if op is None or axes is None or len(axes) != 1 or not op.attributes.get("keepdims", 1):
        return None
    return op.inputs[0], int(axes[0])


def _squared(parts: Parts, name: str) -> str | None:
    op = parts.take(name, "Pow", "Mul")
    if op is None:
        return None
    same = op.inputs[1] == op.inputs[0] if op.kind == "Mul" else parts.number(op.inputs[1]) == 2
    return op.inputs[0] if same else None


@dataclass(frozen=True)
class _Norm:
    """What is divided by its root mean square, along an axis."""

    source: str
    axis: int
    epsilon: float


def _root_mean_square(parts: Parts, name: str) -> _Norm | None:
    """``sqrt(mean(y**2) + epsilon)``."""
    root = parts.take(name, "Sqrt")
    summed = None if root is None else parts.take(root.inputs[0], "Add")
    if summed is None:
        return None
    for one, epsilon in (summed.inputs, summed.inputs[::-1]):
        number = parts.number(epsilon)
        if number is not None and (square := _mean(parts, one)) is not None:
            y = _squared(parts, square[0])
            return None if y is None else _Norm(y, square[1], number)
    return None


def _normalized(parts: Parts, name: str) -> _Norm | None:
    """What is divided by its own root mean square."""
    op = parts.take(name, "Div", "Mul")
    if op is None:
        return None
    if op.kind == "Div":
        found = _root_mean_square(parts, op.inputs[1])
        return found if found is not None and found.source == op.inputs[0] else None
    for y, inverse in (op.inputs, op.inputs[::-1]):
        turned = parts.take(inverse, "Reciprocal", "Div")
        if turned is None or (turned.kind == "Div" and parts.number(turned.inputs[0]) != 1):
            continue
        found = _root_mean_square(parts, turned.inputs[-1])
        if found is not None and found.source == y:
            return found
    return None


def rms_norm(graph: Graph, op: Op) -> Found:
    """A product with a stored vector of what is divided by its own root mean square."""
    for y, weight in (op.inputs, op.inputs[::-1]):
        parts = Parts(graph)
        scale = parts.vector(weight)
        if scale is None or scale.ndim != 1:
            continue
        if (found := _normalized(parts, y)) is not None:
            return parts.whole(op, "RootMeanSquare", (found.source, weight), axis=found.axis, epsilon=found.epsilon)
    return None


def layer_norm(graph: Graph, op: Op) -> Found:
    """The same of what its mean was taken from, and a bias: as exporters wrote a LayerNorm before opset 17."""
    for scaled, bias in (op.inputs, op.inputs[::-1]):
        parts = Parts(graph)
        product = parts.take(scaled, "Mul") if parts.vector(bias) is not None else None
        for y, weight in () if product is None else (product.inputs, product.inputs[::-1]):
            vector = parts.vector(weight)
            if vector is None or vector.ndim != 1 or (found := _centred(parts, y)) is None:
                continue
            attributes = {"axis": found.axis, "epsilon": found.epsilon}
            return parts.whole(op, "Deviation", (found.source, weight, bias), **attributes)
    return None


def _centred(parts: Parts, name: str) -> _Norm | None:
    """What is centred and divided by its own deviation."""
    op = parts.take(name, "Div")
    found = None if op is None else _root_mean_square(parts, op.inputs[1])
    if op is None or found is None:
        return None
    centred = {_less_its_mean(parts, name) for name in (op.inputs[0], found.source)}
    if len(centred) != 1 or (mean := centred.pop()) is None or mean[1] != found.axis:
        return None
    return replace(found, source=mean[0])


def _less_its_mean(parts: Parts, name: str) -> tuple[str, int] | None:
    """The tensor whose own mean was taken from it, and the axis."""
    less = parts.take(name, "Sub")
    found = None if less is None else _mean(parts, less.inputs[1])
    return found if less is not None and found is not None and found[0] == less.inputs[0] else None


def group_norm(graph: Graph, op: Op) -> Found:
    """An instance norm of groups, between reshapes, whose channels are scaled and moved afterwards."""
    for scaled, shift in (op.inputs, op.inputs[::-1]):
        parts = Parts(graph)
        bias = _by_channel(parts, shift)
        product = parts.take(scaled, "Mul") if bias is not None else None
        for y, scale in () if product is None else (product.inputs, product.inputs[::-1]):
            weight = _by_channel(parts, scale)
            back = parts.take(y, "Reshape") if weight is not None else None
            norm = None if back is None else parts.take(back.inputs[0], "InstanceNormalization")
            apart = None if norm is None else parts.take(norm.inputs[0], "Reshape")
            if norm is None or apart is None or weight is None or bias is None:
                continue
            shape, ones, zeros = (graph.stored(name) for name in (apart.inputs[1], *norm.inputs[1:]))
            if shape is None or ones is None or zeros is None or shape.size != 3 or (ones != 1).any() or zeros.any():
                continue
            attributes = {"num_groups": ones.size, "epsilon": norm.attributes.get("epsilon", 1e-5)}
            return parts.whole(op, "Groups", (apart.inputs[0], weight, bias), **attributes)
    return None


def _by_channel(parts: Parts, name: str) -> str | None:
    """The stored tensor that gives one number for each channel, as it is broadcast: ``(C, 1, 1)``."""
    array = parts.vector(name)
    if array is None:
        turned = parts.take(name, "Reshape", "Unsqueeze")
        array = None if turned is None else parts.vector(turned.inputs[0])
        return turned.inputs[0] if turned is not None and array is not None and array.ndim == 1 else None
    return name if array.ndim > 1 and array.size == array.shape[0 if array.shape[0] > 1 else 1] else None


# -- stack --------------------------------------------------------------------------------------------


def stack(graph: Graph, op: Op) -> Found:
    """Tensors that get an axis each and are put side by side along it."""
    parts = Parts(graph)
    axis, inputs = op.attributes.get("axis"), []
    for name in op.inputs:
        wide = parts.take(name, "Unsqueeze")
        if wide is None or _axes(graph, wide) != [axis]:
            return None
        inputs.append(wide.inputs[0])
    return parts.whole(op, "Stack", tuple(inputs), axis=axis) if len(inputs) > 1 else None
