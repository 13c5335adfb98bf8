"""The wheel works by itself: no file of the checkout is needed once it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(command: list[str | Path], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
    ]
    run([*build, ROOT], cwd=folder)
    (made,) = folder.glob("qinspect-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with only the wheel, which borrows torch and Qt from the running one."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    paths = json.loads(
        run([python, "-c", "import json, sysconfig; print(json.dumps(sysconfig.get_paths()))"], ROOT.parent).stdout
    )
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        cwd=folder,
    )
    # A plain path line: it makes the borrowed packages importable, but runs none of their .pth files, so the
    # editable install of the checkout stays invisible.
    borrowed = Path(paths["purelib"]) / "borrowed.pth"
    borrowed.write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder


def test_the_wheel_carries_the_demo_and_no_test(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "qinspect/resources.py",
        "qinspect/resources/demo/mobilenet_v2.py",
        "qinspect/resources/demo/mobilenet_v2.safetensors",
        "qinspect/resources/demo/LICENSES.md",
        "qinspect/resources/demo/LICENSE.torchvision",
    } <= names
    assert sum(name.startswith("qinspect/resources/demo/photos/final/") for name in names) >= 48
    assert not [name for name in names if name.startswith(("tests", "packaging", "resources"))]
    assert wheel.stat().st_size < 15e6


def test_the_installed_package_finds_its_resources_away_from_the_checkout(installed, tmp_path):
    code = "import qinspect, qinspect.resources as r; print(qinspect.__file__); print(r.resource('demo/photos'))"
    package, photos = run([installed / "bin" / "python", "-c", code], tmp_path).stdout.splitlines()
    assert Path(package).is_relative_to(installed)
    assert Path(photos).is_relative_to(installed)


def test_the_demo_runs_from_the_installed_wheel(installed, tmp_path):
    out = tmp_path / "out"
    run(
        [installed / "bin" / "qinspect", "demo", "--headless", "--out", out],
        cwd=tmp_path,
        QT_QPA_PLATFORM="offscreen",
    )
    analysis = json.loads((out / "analysis.json").read_text())
    assert analysis["version"] == 1
    assert analysis["layers"]
    assert (out / "plan.json").is_file()
    assert (out / "report.html").stat().st_size > 10_000


def test_the_command_is_installed(installed):
    assert (installed / "bin" / "qinspect").is_file()
