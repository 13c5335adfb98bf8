"""What the engine's tests share: tracing small modules, quantizing them, planting code in files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import quiet
from qinspect.engine.load.trace import trace
from qinspect.engine.plan import QuantPlan
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.source import ModelSpec


@pytest.fixture(autouse=True)
def _seeded(one_thread: None) -> None:
    torch.manual_seed(0)


def to_graph(module: nn.Module, *inputs: torch.Tensor, dynamic: bool | None = None) -> LayerGraph:
    """The canonical graph of a module in eval mode."""
    with quiet():
        traced = trace(module.eval(), inputs, ModelSpec("module"), [])
        if dynamic is not None:
            assert traced.dynamic == dynamic
        return normalize(traced.program, traced.opaque)


@pytest.fixture
def canonical() -> Callable[..., LayerGraph]:
    return to_graph


@pytest.fixture(scope="session")
def trace_once() -> Callable[..., LayerGraph]:
    """The same, for fixtures that live longer than a test."""
    return to_graph


@pytest.fixture
def quantized() -> Callable[..., Quantization]:
    """``quantized(graph, plan, batches)``: fused, calibrated on all values, quantized."""

    def make(graph: LayerGraph, plan: QuantPlan, batches: list[tuple[Any, ...]]) -> Quantization:
        fused = fuse(graph, plan).graph
        return quantize(fused, plan, calibrate(fused, batches, share=1.0).tensors)

    return make
