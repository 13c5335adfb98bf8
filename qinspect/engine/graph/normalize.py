"""From an exported program to the canonical layer graph."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx import Node
from torch.utils._pytree import tree_leaves

from ..opaque import Opaque
from ..problem import Problem
from ..text import Text, listed
from . import OPAQUE, Layer, LayerGraph, Param, Ref, TensorSpec, containers, refs, replace
from .nodes import (
    alike,
    base_name,
    canonical_op,
    casts,
    custom,
    filling,
    follows,
    free_axes,
    given_id,
    hint,
    keeps_all,
    module_of,
    positional,
    rank,
    repeatable,
    source_of,
    target_name,
    with_one_output,
)
from .operators import CANONICAL, CREATED, FILLED, FIRST_OF_SEVERAL, IDENTITIES, LARGEST, ROLES, TRANSPARENT
from .weighted import as_convolution, as_linear, multiply_adds, numbered_padding, recurrent_roles

MAX_CONSTANT = 1 << 28
"""Values that a constant computed from stored tensors may have."""


def normalize(
    program: ExportedProgram,
    opaque: Mapping[str, Opaque] | None = None,
    tensors: dict[str, Any] | None = None,
    notes: list[str] | None = None,
) -> LayerGraph:
    """Rewrite a program (without in-place operators) to canonical layers.

    Every convolution, linear, norm, activation, pooling, addition ... becomes one `Layer`
    whatever way its author wrote it. Copies and dropout disappear, what depends on stored
    tensors alone is computed once, an operator that is not known stays as ``other``.

    Parameters
    ----------
    program : ExportedProgram
        After `load.trace.plain`.
    opaque : mapping of call to Opaque
        What its operators for untraceable sub-modules stand for.
    tensors : dict, optional
        Filled with what became of the nodes whose custom metadata name a tensor: `Ref` or `Param` by name.
    notes : list of str, optional
        What was left out is added: changes of buffers.

    Returns
    -------
    LayerGraph
        Its float output is bitwise the program's.
    """
    normalizer = _Normalizer(program, opaque or {})
    graph = normalizer.run()
    changed = [spec.target for spec in program.graph_signature.output_specs if spec.kind == OutputKind.BUFFER_MUTATION]
    if notes is not None and changed:
        notes.append(
            Text(
                "{buffers}: changed by the forward pass. Here every batch begins with what is stored.",
                buffers=listed(changed, 3),
            )
        )
    if tensors is not None:
        named = ((custom(node, "tensor"), found) for node, found in normalizer.known.items())
        tensors.update((name, found) for name, found in named if name is not None)
    return graph


class _Normalizer:
    def __init__(self, program: ExportedProgram, opaque: Mapping[str, Opaque]) -> None:
        self.program = program
        self.opaque = opaque
        self.params: dict[str, torch.Tensor] = {}
        self.known: dict[Node, Any] = {}  # what stands for a node: Ref, Param, a constant, or a structure
        self.layers: list[Layer] = []
        self.counts: Counter[str] = Counter()
        self.taken: set[str] = set()
        self.inputs: list[TensorSpec] = []
        self.batch: torch.SymInt | int = 1
        self.needed: set[Node] = set()  # what the outputs depend on

    def run(self) -> LayerGraph:
        self._placeholders()
        (output,) = self.program.graph.find_nodes(op="output")
        # An input that is changed in place is handed back as well, which concerns the caller alone; so is a buffer.
        pairs = zip(output.args[0], self.program.graph_signature.output_specs, strict=True)
        returned = [item for item, spec in pairs if spec.kind == OutputKind.USER_OUTPUT]
        todo = [item for item in returned if isinstance(item, Node)]
        while todo:
            node = todo.pop()
            if node not in self.needed:
                self.needed.add(node)
                todo += node.all_input_nodes
        for node in self.program.graph.nodes:
            if node in self.needed and node.op == "call_function":
                self._call(node)
        out_spec = self.program.call_spec.out_spec
        assert out_spec is not None
        outputs = containers(out_spec, [self._argument(item) for item in returned])
        used = {leaf.key for layer in self.layers for leaf in _params((layer.args, dict(layer.kwargs)))} | {
            leaf.key for leaf in _params(outputs)
        }
        params = {key: tensor for key, tensor in self.params.items() if key in used}
        return LayerGraph(tuple(self.inputs), tuple(self._live(outputs)), outputs, params)

    def _live(self, outputs: Any) -> list[Layer]:
        """Layers that something reads, in order."""
        needed = {ref.value for ref in refs(outputs)}
        kept = []
        for layer in reversed(self.layers):
            if layer.id in needed:
                kept.append(layer)
                needed.update(layer.inputs)
        return kept[::-1]

    def _placeholders(self) -> None:
        specs = {spec.arg.name: spec for spec in self.program.graph_signature.input_specs}
        first = True
        for node in self.program.graph.find_nodes(op="placeholder"):
            spec = specs[node.name]
            if spec.kind == InputKind.USER_INPUT:
                value = node.meta.get("val")
                if not isinstance(value, torch.Tensor):
                    self.known[node] = value
                    continue
                if first and value.dim():
                    self.batch, first = value.shape[0], False
                shape = tuple(None if isinstance(n, torch.SymInt) else int(n) for n in value.shape)
                sizes = tuple(map(hint, value.shape))
                self.inputs.append(TensorSpec(node.name, shape, str(value.dtype).removeprefix("torch."), sizes))
                self.known[node] = Ref(node.name)
                continue
            assert spec.target is not None
            tensor = self.program.state_dict.get(spec.target)
            if tensor is None:
                tensor = self.program.constants[spec.target]
            self.params[spec.target] = tensor.detach()
            self.known[node] = Param(spec.target)

    def _argument(self, tree: Any) -> Any:
        if isinstance(tree, Node):
            return self.known[tree]
        if type(tree) is tuple:
            return tuple(self._argument(item) for item in tree)
        if isinstance(tree, (tuple, list)):  # torch.fx has a list of its own, which may not be changed
            return [self._argument(item) for item in tree]
        if isinstance(tree, Mapping):
            return {key: self._argument(item) for key, item in tree.items()}
        return tree

    def _call(self, node: Node) -> None:
        args, kwargs = self._argument(node.args), self._argument(node.kwargs)
        if str(node.target).startswith("qinspect."):
            self._opaque(node, args)
            return
        if isinstance(node.target, torch._ops.OpOverload):
            args, kwargs = positional(node.target, args, kwargs)
            if any(refs(args)):
                # Where its inputs are, there it runs: an exporter looks at shapes alone, on no device.
                kwargs = {key: value for key, value in kwargs.items() if key != "device"}
        name = base_name(node.target)
        if self._is_no_layer(node, name, args, kwargs):
            return
        if (str(node.target) in LARGEST or name in FIRST_OF_SEVERAL) and self._first_alone(node):
            target, args = with_one_output(name, args)
            layer = self._layer(node, CANONICAL.get(name, "other"), target, args, kwargs, alone=True)
            self.known[node] = (Ref(layer.id),)
            return
        layer = self._layer(node, *self._canonical(node, name, args, kwargs))
        self.known[node] = Ref(layer.id)

    def _is_no_layer(self, node: Node, name: str, args: Any, kwargs: Any) -> bool:
        """Whether a node hands on what is known already, or a constant, which is noted then."""
        if name == "getitem" and not isinstance(args[0], (Ref, Param)):
            self.known[node] = args[0][args[1]]  # of a structure that is known: the constants' split
        elif not any(refs((args, kwargs))) and repeatable(node.target):
            self._constant(node, args, kwargs)
        elif name in FILLED and (filled := filling(node, FILLED[name])) is not None:
            self._constant(node, *filled, torch.full)
        elif name in IDENTITIES or keeps_all(node, name, args):
            self.known[node] = args[0]
        elif name == "copy" and alike(node, node.args[1]):  # what was there before is written over
            self.known[node] = args[1]
        elif name.startswith("atleast_") and all(rank(item) >= int(name[-2]) for item in tree_leaves(node.args[0])):
            self.known[node] = args[0]  # a list whose tensors have that many axes
        else:
            return False
        return True

    def _canonical(self, node: Node, name: str, args: Any, kwargs: Any) -> tuple[str, str, Any, Any]:
        """Operator, target and arguments of a node, whatever way its author wrote it."""
        op = "other" if name in FIRST_OF_SEVERAL else canonical_op(name, args)  # no kernel has its other results
        target = target_name(node.target)
        if name == "convolution":
            op, target, args = as_convolution(args, node.args[1].meta["val"].dim() - 2)  # type: ignore[union-attr]
        elif target.endswith(".padding"):
            target, args = numbered_padding(op, target, args, tuple(node.args[1].meta["val"].shape[2:]))  # type: ignore[union-attr]
        elif name == "rrelu" and not args[3]:  # drawn at random in train mode only
            target, args, kwargs = "aten.leaky_relu.default", (args[0], (args[1] + args[2]) / 2), {}
        elif target == "aten.masked_fill.Scalar" and node.meta["val"].is_floating_point():
            target, args, kwargs = "aten.where.ScalarSelf", (args[1], args[2], args[0]), {}
        elif op == "matmul" and not any(value != 1 for value in kwargs.values()):  # addmm's alpha and beta
            linear = as_linear(name, args, self.params, self._shape(node.meta["val"])[0])
            if linear is not None:
                op, target, args, kwargs = "linear", "aten.linear.default", linear, {}
        return op, target.replace("aten.unsafe_split", "aten.split"), args, kwargs

    def _constant(self, node: Node, args: Any, kwargs: Any, function: Any = None) -> None:
        leaves = tree_leaves(node.meta.get("val"))
        if sum(leaf.numel() for leaf in leaves if isinstance(leaf, torch.Tensor)) > MAX_CONSTANT:
            raise Problem(
                node.name, Text("is a constant too large to compute"), Text("Make it an input, or a smaller one.")
            )
        real_args, real_kwargs = replace((args, kwargs), lambda leaf: self.params[leaf.key])
        with torch.no_grad():
            result = (function or node.target)(*real_args, **real_kwargs)  # type: ignore[operator]
        path = module_of(node)[0]

        def keep(value: Any, suffix: str) -> Any:
            if isinstance(value, torch.Tensor):
                key = ".".join(part for part in (path, node.name + suffix) if part)
                self.params[key] = value.detach()
                return Param(key)
            if isinstance(value, (tuple, list)):
                return tuple(keep(item, f"{suffix}_{i}") for i, item in enumerate(value))
            return value

        self.known[node] = keep(result, "")

    def _opaque(self, node: Node, args: Any) -> None:
        """A sub-module that was not traced: one layer, with all its parameters and buffers."""
        opaque = self.opaque[args[0]]
        roles = {}
        for name, tensor in (
            *opaque.module.named_parameters(remove_duplicate=False),
            *opaque.module.named_buffers(remove_duplicate=False),
        ):
            roles[name] = f"{opaque.path}.{name}"
            self.params[roles[name]] = tensor.detach()
        given = (opaque, {name: Param(key) for name, key in roles.items()}, args[2], args[3])
        layer = self._layer(node, "other", OPAQUE, given, {})
        several = len(node.meta["val"]) > 1
        dtype = layer.dtype if several else self._shape(node.meta["val"][0])[1]
        self.layers[-1] = dataclasses.replace(layer, roles=roles, source=opaque.line or layer.source, dtype=dtype)
        self.known[node] = Ref(layer.id) if several else (Ref(layer.id),)

    def _layer(self, node: Node, op: str, target: str, args: Any, kwargs: Any, *, alone: bool = False) -> Layer:
        """One more layer; `alone` is one whose `target` gives just the first of the node's several results."""
        path, call = module_of(node)
        if casts(node):
            op = "other"
        own = target.split(".")[1] if target.startswith("aten.") else base_name(node.target)
        label = op if op != "other" else own
        stem = f"{path}:{label}" + (f"@{call}" if call > 1 else "")
        identity = given_id(node, label)
        while identity is None or identity in self.taken:
            self.counts[stem] += 1
            identity = stem if self.counts[stem] == 1 else f"{stem}#{self.counts[stem]}"
        self.taken.add(identity)
        value = node.meta.get("val")
        several = False
        if isinstance(value, (tuple, list)):
            several, value = True, value[0]
        shape, dtype = self._shape(value)
        name = base_name(node.target)
        moves = name in TRANSPARENT and not casts(node)
        transparent = moves or name in CREATED or not isinstance(value, torch.Tensor)
        if several and not transparent and not alone:
            dtype = "tuple"
        places = {role: args[index] for index, role in ROLES.get(op, ()) if index < len(args)}
        if op in ("lstm", "gru", "rnn"):
            places = recurrent_roles(args)
        roles = {role: place.key for role, place in places.items() if isinstance(place, Param)}
        layer = Layer(
            identity,
            path,
            op,
            target,
            args,
            kwargs,
            roles,
            source_of(node),
            shape,
            dtype,
            self._macs(op, shape, roles, node),
            transparent,
            free_axes(value),
        )
        self.layers.append(layer)
        return layer

    def _first_alone(self, node: Node) -> bool:
        """Whether of an operator's several results the outputs depend on the first alone."""
        return not any(user.args[1] for user in node.users if user in self.needed)

    def _shape(self, value: Any) -> tuple[tuple[int, ...], str]:
        """Shape for one sample (a dynamic batch is 1) and dtype."""
        if not isinstance(value, torch.Tensor):
            return (), type(value).__name__
        batch = hint(self.batch)
        shape = tuple(max(1, hint(n) // batch) if follows(n, self.batch) else hint(n) for n in value.shape)
        return shape, str(value.dtype).removeprefix("torch.")

    def _macs(self, op: str, shape: tuple[int, ...], roles: Mapping[str, str], node: Node) -> int:
        leaves = tree_leaves(node.args)
        operands = [leaf.meta["val"] for leaf in leaves if isinstance(leaf, Node)]
        shapes = [self._of_one(self._shape(value)[0]) for value in operands if isinstance(value, torch.Tensor)]
        return multiply_adds(op, self._of_one(shape), shapes, {role: self.params[key] for role, key in roles.items()})

    def _of_one(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape without the batch where that is fixed, else as it is: for one sample already."""
        fixed = not isinstance(self.batch, torch.SymInt) and shape and shape[0] == self.batch
        return (1, *shape[1:]) if fixed else shape


def _params(tree: Any) -> list[Param]:
    found: list[Param] = []

    def note(leaf: Any) -> Any:
        if isinstance(leaf, Param):
            found.append(leaf)
        return leaf

    replace(tree, note)
    return found
