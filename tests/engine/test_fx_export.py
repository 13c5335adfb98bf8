"""The folder for torch: rebuilt in a new process, bit for bit, with torch alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.fx.export import export_fx
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import quiet
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.file import read_plan
from qinspect.engine.plan.target import FX_ENGINES, Target
from qinspect.engine.problem import Problem
from qinspect.engine.progress import Cancelled
from qinspect.engine.quantize import Quantization, quantize

ENGINES = [name for name in FX_ENGINES if name in torch.backends.quantized.supported_engines]
pytestmark = pytest.mark.skipif(not ENGINES, reason="this torch has no engine for integer kernels")


class Net(nn.Module):
    """Input (N, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, groups=8)
        self.side, self.prelu = nn.Conv2d(8, 8, 1), nn.PReLU(8)
        self.norm, self.fc = nn.GroupNorm(2, 8), nn.Linear(8, 4)
        self.register_buffer("table", torch.linspace(-1, 1, 8))

    def forward(self, x):
        x = F.relu6(self.bn(self.stem(x)))
        x = F.relu(self.depthwise(F.pad(x, (0, 1, 0, 1))))
        x = torch.cat([self.prelu(self.side(x)), x + x], 1)
        x = self.norm(x[:, :8]) * self.table[:, None, None]
        return {"logits": self.fc(x.mean((2, 3))), "sizes": [x.flatten(2).sum(2)]}


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(6, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def quantization(x: torch.Tensor, one_thread: None) -> Quantization:
    with torch.random.fork_rng(), quiet(), torch.no_grad():
        torch.manual_seed(0)
        program = torch.export.export(Net().eval(), (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        plan = QuantPlan.preset(Target("fx", ENGINES[0])).with_layer("side:conv2d", weight=None, activation=None)
        fused = fuse(normalize(program.run_decompositions({})), plan).graph
        return quantize(fused, plan, calibrate(fused, [(x,)]).tensors)


@pytest.fixture(scope="module")
def exported(quantization: Quantization, x: torch.Tensor, tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("export") / "net"
    return out, export_fx(quantization, out, [(x[:4],), (x[4:],)], name='a """name"""\nimport os')


def run(code: str, folder: Path) -> str:
    """Python in a new process that does not see this checkout."""
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_export_is_verified_and_says_so_in_the_folder(exported, quantization):
    out, report = exported
    assert report.problems == ()
    assert report.verified
    assert report.samples == 6
    assert set(report.asked) == quantization.asked
    assert set(report.quantized) == quantization.asked & quantization.quantized
    assert "side:conv2d" not in report.asked
    assert report.quantize_nodes == 2
    assert report.sqnr_db is None or report.sqnr_db > 20
    assert json.loads((out / "verify.json").read_text())["verified"] is True
    assert read_plan(out / "plan.json").fingerprint == quantization.plan.fingerprint
    assert [path.name for path in out.parent.iterdir()] == ["net"]


def test_the_rebuilt_model_gives_the_same_bits_without_qinspect(exported, quantization, x, tmp_path):
    out, _ = exported
    torch.save(x, tmp_path / "x.pt")
    code = f"""
import sys, torch
sys.path.insert(0, {str(out)!r})
torch.set_num_threads(1)
from build import load
y = load()(torch.load({str(tmp_path / "x.pt")!r}))
assert not any(name.startswith(("qinspect", "onnx", "safetensors")) for name in sys.modules)
torch.save([y["logits"], y["sizes"][0]], {str(tmp_path / "y.pt")!r})
"""
    run(code, tmp_path)
    ours = FxRunner(quantization).run((x,))
    theirs = torch.load(tmp_path / "y.pt")
    assert all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True))


def test_the_demo_in_build_py_runs(exported, tmp_path):
    out, _ = exported
    said = run(f"import runpy; runpy.run_path({str(out / 'build.py')!r}, run_name='__main__')", tmp_path)
    assert [line.split(":")[0] for line in said.splitlines()] == ["float", "int8"]


def test_an_edited_scale_is_used(exported, quantization, x, tmp_path):
    out, _ = exported
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    q = json.loads((copy / "qparams.json").read_text())
    q["values"]["fc:linear"]["scale"] *= 2
    (copy / "qparams.json").write_text(json.dumps(q))
    code = f"""
import sys, torch
sys.path.insert(0, {str(copy)!r})
from build import load
print(load().fc.scale)
"""
    assert float(run(code, tmp_path)) == 2 * float(quantization.values["fc:linear"].scale)


def test_names_from_a_model_become_no_code(exported):
    out, _ = exported
    for file in ("model.py", "build.py"):
        assert "\nimport os" not in (out / file).read_text()


def test_an_older_export_is_replaced_and_anything_else_refused(quantization, x, tmp_path):
    out = tmp_path / "net"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(Problem, match="not an export"):
        export_fx(quantization, out, [(x,)])
    assert (out / "thesis.txt").read_text() == "mine"
    (out / "thesis.txt").rename(out / "verify.json")
    assert export_fx(quantization, out, [(x,)]).verified
    assert json.loads((out / "verify.json").read_text())["verified"]


def test_a_cancelled_export_leaves_nothing_behind(quantization, x, tmp_path):
    def stop(done: float, total: float, note: str = "") -> None:
        if done / total > 0.05:
            raise Cancelled

    with pytest.raises(Cancelled):
        export_fx(quantization, tmp_path / "net", [(x,)], stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif("onednn" not in ENGINES, reason="this torch has no engine onednn")
def test_a_kernel_that_writes_its_sums_over_a_value_is_verified_too(canonical, quantized, tmp_path):
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, padding=1)

        def forward(self, x):
            x = torch.relu(self.first(x))
            return torch.relu(self.second(torch.relu(x)) + x).mean((2, 3))

    given = torch.randn(4, 3, 8, 8)
    q = quantized(canonical(Residual(), given), QuantPlan.preset(Target("fx", "onednn")), [(given,)])
    report = export_fx(q, tmp_path / "net", [(given,)])
    assert report.problems == ()
    assert report.equal_share == report.layer_equal_share == 1
    assert report.layer_max_steps == 0
    assert report.layers_compared >= 2
    assert "within one step of the simulation" in report.criterion
