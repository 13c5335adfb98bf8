"""The plan: all that the user decides, immutable, for one target."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..problem import Problem
from ..text import Text, one_of
from .qconfig import PRESETS, QConfig, TensorConfig, config_json
from .target import Target, first_qconfig, host_isa

if TYPE_CHECKING:
    from ..graph import Layer, LayerGraph

FLOAT_OPS = frozenset(
    {
        "layer_norm",
        "group_norm",
        "instance_norm",
        "rms_norm",
        "softmax",
        "log_softmax",
        "gelu",
        "scaled_dot_product_attention",
    }
)
"""Operators that stay float unless an override says otherwise."""

MatchKind = Literal["id", "path", "op"]
Unset = Literal["inherit"]


@dataclass(frozen=True)
class Override:
    """What some layers do differently; a later override wins over an earlier one.

    Parameters
    ----------
    kind, pattern : str
        ``id``, ``path`` (the module path, or one that it is within) or ``op`` and what it must match; in all
        of them ``*`` and ``?`` stand for other characters.
    weight, activation : TensorConfig | None | "inherit"
        None is float.
    """

    kind: MatchKind
    pattern: str
    weight: TensorConfig | None | Unset = "inherit"
    activation: TensorConfig | None | Unset = "inherit"

    @property
    def of_one(self) -> bool:
        """Whether it is of the one layer that it names."""
        return self.kind == "id" and not {"*", "?"} & set(self.pattern)

    def matches(self, layer: Layer) -> bool:
        if self.of_one:
            return layer.id == self.pattern
        if self.kind != "path":
            return fnmatch.fnmatchcase(layer.id if self.kind == "id" else layer.op, self.pattern)
        return fnmatch.fnmatchcase(layer.path, self.pattern) or layer.path.startswith(self.pattern + ".")

    def over(self, old: Override) -> Override:
        """With what an earlier override of the same layers says where this one says nothing."""
        weight = old.weight if self.weight == "inherit" else self.weight
        return Override(
            self.kind, self.pattern, weight, old.activation if self.activation == "inherit" else self.activation
        )

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"match": {self.kind: self.pattern}}
        if self.weight != "inherit":
            found["weight"] = config_json(self.weight)
        if self.activation != "inherit":
            found["activation"] = config_json(self.activation)
        return found


REMEDIES = ("equalize", "adaround", "bias_correction")
"""What can be done to a layer's numbers besides choosing its grid, in the order in which it is done."""


@dataclass(frozen=True)
class Remedy:
    """What is done to the numbers of some layers, see `qinspect.engine.remedies`.

    Parameters
    ----------
    kind : str
        One of `REMEDIES`.
    layers : tuple of str
        Ids; for ``equalize`` two neighbours.
    """

    kind: str
    layers: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind not in REMEDIES:
            raise Problem(
                "plan remedy",
                Text("unknown kind {kind!r}", kind=self.kind),
                one_of(self.kind, REMEDIES),
            )
        if not self.layers or (self.kind == "equalize" and len(self.layers) != 2):
            raise Problem(
                "plan remedy",
                Text("{kind} of {count} layers", kind=self.kind, count=len(self.layers)),
                Text("Equalize takes two, others one."),
            )

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "layers": list(self.layers)}


@dataclass(frozen=True)
class QuantPlan:
    """Target, default qconfig, overrides, the fusions that are switched on or off, and remedies.

    Every edit makes a new plan; two equal plans have the same `fingerprint`.
    """

    target: Target = Target()
    default: QConfig = PRESETS["qinspect"]
    overrides: tuple[Override, ...] = ()
    fusions: tuple[tuple[str, bool], ...] = ()
    remedies: tuple[Remedy, ...] = ()

    @staticmethod
    def preset(target: Target) -> QuantPlan:
        """The plan to begin with on a target."""
        return QuantPlan(target, first_qconfig(target))

    # -- what it says -------------------------------------------------------------------------

    def qconfig(self, layer: Layer) -> QConfig:
        """What the plan asks for a layer."""
        weight, activation = self.default.weight, self.default.activation
        if layer.op in FLOAT_OPS:
            weight = activation = None
        for override in self.matching(layer):
            if override.weight != "inherit":
                weight = override.weight
            if override.activation != "inherit":
                activation = override.activation
        return QConfig(weight, activation)

    def qconfigs(self, layers: Iterable[Layer]) -> dict[str, QConfig]:
        """What the plan asks of many layers, by id."""
        return {layer.id: self.qconfig(layer) for layer in layers}

    def matching(self, layer: Layer) -> list[Override]:
        """The overrides of a layer, in their order. Those of single layers, which may be thousands, are not tried."""
        found = self._of_one.get(layer.id, [])
        if self._of_many:
            others = [(place, override) for place, override in self._of_many if override.matches(layer)]
            found = sorted((*found, *others), key=lambda one: one[0])
        return [override for _, override in found]

    @cached_property
    def _of_one(self) -> dict[str, list[tuple[int, Override]]]:
        """Overrides of one layer with their places, by its id."""
        found: dict[str, list[tuple[int, Override]]] = {}
        for place, override in enumerate(self.overrides):
            if override.of_one:
                found.setdefault(override.pattern, []).append((place, override))
        return found

    @cached_property
    def _of_many(self) -> tuple[tuple[int, Override], ...]:
        """All other overrides with their places."""
        return tuple((place, override) for place, override in enumerate(self.overrides) if not override.of_one)

    def names(self, layer: Layer) -> bool:
        """Whether an override, and not the default alone, wants a layer in integers."""
        if layer.id in self._named_ids or ("weight" in layer.roles and layer.id in self._named_weights):
            return True
        return any(
            (isinstance(o.activation, TensorConfig) or ("weight" in layer.roles and isinstance(o.weight, TensorConfig)))
            and o.matches(layer)
            for o in self.overrides
            if not o.of_one
        )

    @cached_property
    def _named_ids(self) -> frozenset[str]:
        return frozenset(o.pattern for o in self.overrides if o.of_one and isinstance(o.activation, TensorConfig))

    @cached_property
    def _named_weights(self) -> frozenset[str]:
        return frozenset(o.pattern for o in self.overrides if o.of_one and isinstance(o.weight, TensorConfig))

    def fusion(self, identity: str) -> bool:
        """Whether a fusion candidate is wanted; all are unless switched off."""
        return dict(self.fusions).get(identity, True)

    def warnings(self) -> tuple[str, ...]:
        """What the target's instruction set makes of the plan, and of what is measured here."""
        target, found = self.target, []
        if target.isa and target.isa != host_isa():
            found.append(
                Text(
                    "The plan is for {isa}; kernels and latency are those of this computer ({host_isa}).",
                    isa=target.isa,
                    host_isa=host_isa(),
                )
            )
        if target.saturates and any(_overflows(config) for config in self._qconfigs()):
            remedy = (
                Text("Take 7 bits for weights (reduce_range), or uint8 weights.")
                if target.backend == "ort"
                else Text("Take 7 bits for activations (reduce_range).")
            )
            found.append(
                Text(
                    "{isa} has no VNNI: {target} adds pairs of products in 16 bits, which 8-bit "
                    "activations and weights overflow. {remedy}",
                    isa=target.isa or host_isa(),
                    target=target.title,
                    remedy=remedy,
                )
            )
        return tuple(found)

    def _qconfigs(self) -> Iterator[QConfig]:
        """The default, and every override with the default where it says nothing."""
        yield self.default
        for o in self.overrides:
            yield QConfig(
                self.default.weight if o.weight == "inherit" else o.weight,
                self.default.activation if o.activation == "inherit" else o.activation,
            )

    def unmatched(self, graph: LayerGraph) -> tuple[Override, ...]:
        """Overrides that match no layer of this model."""
        layers = tuple(graph.by_id.values())
        return tuple(o for o in self.overrides if not any(o.matches(layer) for layer in layers))

    # -- edits --------------------------------------------------------------------------------

    def with_override(self, new: Override) -> QuantPlan:
        """With one more override; one for the same layers is merged, its place becomes the last."""
        return self.with_overrides((new,))

    def with_overrides(self, new: Iterable[Override]) -> QuantPlan:
        """With more overrides, one after the other, see `with_override`."""
        said: dict[tuple[str, str], Override] = {}
        for override in new:
            key = override.kind, override.pattern
            said[key] = override.over(said.pop(key)) if key in said else override
        kept: list[Override] = []
        for old in self.overrides:
            key = old.kind, old.pattern
            if key in said:
                said[key] = said[key].over(old)
            else:
                kept.append(old)
        return replace(self, overrides=(*kept, *said.values()))

    def with_layer(
        self,
        layer_id: str,
        weight: TensorConfig | None | Unset = "inherit",
        activation: TensorConfig | None | Unset = "inherit",
    ) -> QuantPlan:
        """With an override for one layer."""
        return self.with_override(Override("id", layer_id, weight, activation))

    def with_layers(self, configs: Mapping[str, QConfig]) -> QuantPlan:
        """With weight and activation of many layers set, by id."""
        kept = tuple(o for o in self.overrides if o.kind != "id" or o.pattern not in configs)
        new = tuple(Override("id", key, config.weight, config.activation) for key, config in configs.items())
        return replace(self, overrides=(*kept, *new))

    def without_layers(self, ids: Iterable[str]) -> QuantPlan:
        """Without the overrides for single layers: these follow the default and the patterns again."""
        gone = frozenset(ids)
        kept = tuple(o for o in self.overrides if o.kind != "id" or o.pattern not in gone)
        return self if len(kept) == len(self.overrides) else replace(self, overrides=kept)

    def with_default(
        self, weight: TensorConfig | None | Unset = "inherit", activation: TensorConfig | None | Unset = "inherit"
    ) -> QuantPlan:
        """With another default qconfig."""
        return replace(
            self,
            default=QConfig(
                self.default.weight if weight == "inherit" else weight,
                self.default.activation if activation == "inherit" else activation,
            ),
        )

    def with_target(self, target: Target) -> QuantPlan:
        """For another target; a default that was the old target's first becomes the new one's."""
        default = first_qconfig(target) if self.default == first_qconfig(self.target) else self.default
        return replace(self, target=target, default=default)

    def with_fusion(self, identity: str, on: bool) -> QuantPlan:
        """With one fusion candidate switched on or off."""
        kept = tuple(item for item in self.fusions if item[0] != identity)
        return replace(self, fusions=kept if on else tuple(sorted((*kept, (identity, False)))))

    def with_remedy(self, remedy: Remedy, on: bool = True) -> QuantPlan:
        """With a remedy, or without it."""
        kept = tuple(item for item in self.remedies if item != remedy)
        return replace(self, remedies=(*kept, remedy) if on else kept)

    def with_remedies(self, remedies: Iterable[Remedy], on: bool) -> QuantPlan:
        """With remedies of single layers or pairs switched on or off, those of one kind kept together."""
        plan = self
        for remedy in remedies:
            if remedy.kind == "equalize":
                plan = plan.with_remedy(remedy, on)
                continue
            layers = [key for key in plan.remedied(remedy.kind) if key not in remedy.layers]
            others = tuple(item for item in plan.remedies if item.kind != remedy.kind)
            layers += remedy.layers if on else ()
            kept = (*others, Remedy(remedy.kind, tuple(layers))) if layers else others
            plan = replace(plan, remedies=kept)
        return plan

    @property
    def single_remedies(self) -> tuple[Remedy, ...]:
        """Its remedies, each of one layer or one pair."""
        found: dict[Remedy, None] = {}
        for remedy in self.remedies:
            parts = [remedy.layers] if remedy.kind == "equalize" else [(key,) for key in remedy.layers]
            found.update((Remedy(remedy.kind, layers), None) for layers in parts)
        return tuple(found)

    def remedied(self, kind: str) -> tuple[str, ...]:
        """Ids of the layers that a kind of remedy is for."""
        return tuple(dict.fromkeys(key for item in self.remedies if item.kind == kind for key in item.layers))

    # -- as a file ----------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "version": 1,
            "target": self.target.to_json(),
            "default": self.default.to_json(),
            "overrides": [override.to_json() for override in self.overrides],
            "fusions": [{"id": identity, "on": on} for identity, on in self.fusions],
        }
        return {**found, "remedies": [item.to_json() for item in self.remedies]} if self.remedies else found

    @cached_property
    def fingerprint(self) -> str:
        """Short digest of all that the plan says."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _overflows(config: QConfig) -> bool:
    """Whether two products may exceed 16 bits: with signed weights, where neither side leaves a bit free."""
    weight, activation = config.weight, config.activation
    if weight is None or activation is None or weight.dtype != "int8" or activation.width != 8:
        return False
    return weight.bits == 8 and activation.bits == 8


def check_override(graph: LayerGraph, override: Override) -> None:
    """See to it that an override that somebody writes matches something.

    Raises
    ------
    Problem
        With the nearest of what there is.
    """
    layers = tuple(graph.by_id.values())
    if not any(override.matches(layer) for layer in layers):
        what = Text("no layer of the model has the {kind} {pattern!r}", kind=override.kind, pattern=override.pattern)
        raise Problem("plan override", what, _nearest(layers, override))


def _nearest(layers: Iterable[Layer], override: Override) -> str:
    known = dict.fromkeys(str(getattr(layer, override.kind)) for layer in layers)
    near = difflib.get_close_matches(override.pattern.strip("*."), [name for name in known if name], 3, 0.5)
    return Text("Near are {near}.", near=", ".join(near)) if near else Text("qinspect inspect lists the layers.")
