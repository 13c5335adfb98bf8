"""A folder that was exported, its scales spoilt: the message says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qinspect.engine.load.folder import _existing
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.qparams import QParams


@pytest.mark.parametrize("axis", [2**63, 2**70])
def test_an_absurd_axis_of_scales_is_refused_with_the_layer(trace_once, axis):
    # Ended as "a fault of qinspect", with OverflowError or IndexError.
    graph = trace_once(torch.nn.Linear(4, 2), torch.rand(2, 4))
    (layer,) = graph.layers
    sound = QParams(np.full(2, 0.1, np.float32), np.zeros(2, np.int32), "int8", -128, 127, axis=0)
    spoilt = {**sound.to_json(), "axis": axis}
    with pytest.raises(Problem, match=f"scales of {layer.id} do not suit"):
        _existing(graph, QuantPlan(), {}, {layer.id: QParams.from_json(spoilt)})
