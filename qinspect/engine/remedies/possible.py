"""Which remedies a plan leaves room for."""

from __future__ import annotations

from ..decide import WEIGHTED, decide
from ..graph import LayerGraph
from ..plan import QuantPlan, Remedy
from .equalize import pairs
from .rounding import SUPPORTED


def possible_remedies(graph: LayerGraph, plan: QuantPlan) -> tuple[Remedy, ...]:
    """Remedies of single layers (for ``equalize`` of single pairs) that would not be refused.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants.
    """
    decisions = decide(graph, plan)
    rounded = decisions.quantized | decisions.dynamic | decisions.weight_only
    weights = []
    for layer in graph.layers:
        config = decisions.configs[layer.id].weight
        if layer.id in rounded and layer.op in WEIGHTED and config is not None and config.has_scale:
            weights.append(layer)
    return (
        *(Remedy("equalize", pair) for pair in pairs(graph)),
        *(Remedy("adaround", (layer.id,)) for layer in weights if layer.op in SUPPORTED),
        *(Remedy("bias_correction", (layer.id,)) for layer in weights),
    )
