"""Models that ONNX has no form for are analyzed all the same; that no kernels were run is said with the reason."""

from __future__ import annotations

import numpy as np
import pytest

from qinspect.engine.analyze import analyze
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.job import calibrate_model, first_plan
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan.target import Target

NETS = """
import torch
import torch.nn as nn
import torch.nn.functional as F

class Spectral(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)
        self.gains = nn.Parameter(torch.rand(4, 8, 5, dtype=torch.cfloat))

    def forward(self, x):
        x = torch.fft.irfft2(torch.fft.rfft2(self.conv(x)) * self.gains, s=x.shape[-2:])
        return self.fc(x.mean((2, 3)))

class Dynamic(nn.Module):
    '''Each sample is convolved with kernels of its own, as groups of one image.'''

    def __init__(self):
        super().__init__()
        self.conv, self.kernels, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(3, 36), nn.Linear(4, 3)

    def forward(self, x):
        kernels = self.kernels(x.mean((2, 3))).reshape(-1, 1, 3, 3)
        x = F.conv2d(self.conv(x).reshape(1, -1, 8, 8), kernels, padding=1, groups=4 * x.shape[0])
        return self.fc(x.reshape(-1, 4, 64).mean(-1))
class Projected(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(24, 6, proj_size=4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.lstm(x.flatten(2).reshape(-1, 8, 24))[0][:, -1])
"""

WHY = {
    "Spectral": "complex64",
    "Dynamic": "torch cannot write this model",
    "Projected": "ONNX's LSTM has no projections",
}


@pytest.mark.parametrize(("name", "why"), WHY.items())
def test_what_onnx_has_no_form_for_is_simulated_and_said_not_to_have_run(tmp_path, name, why):
    (tmp_path / "nets.py").write_text(NETS)
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((48, 3, 8, 8), np.float32))
    model = load_model(ModelSpec(f"{tmp_path / 'nets.py'}:{name}", None, ((2, 3, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "d.npz")), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    found = analyze(model, data, plan, calibrate_model(model, data, plan))
    (note,) = (note for note in found.notes if note.startswith("No kernels of ONNX Runtime were run: "))
    assert why in note
    assert note.count(".") == note.rstrip(".").count(".") + 1  # one full stop
    assert found.totals.kl is not None
    assert found.totals.sqnr_db > 30
    assert found.totals.int8_ms is None
