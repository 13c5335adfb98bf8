"""The demo as specifications."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def demo_specs(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Model and data of the bundled demo.

    Parameters
    ----------
    folder : Path
        ``resources/demo``.
    """
    model = {
        "source": f"{folder / 'mobilenet_v2.py'}:model",
        "weights": str(folder / "mobilenet_v2.safetensors"),
        "input_shape": [[1, 3, 224, 224]],
    }
    data = {
        "source": str(folder / "photos"),
        "resize": 256,
        "crop": 224,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    return model, data
