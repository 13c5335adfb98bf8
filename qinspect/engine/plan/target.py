"""Where a quantized model will run: backend, engine and instruction set."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..problem import Problem
from ..text import Text, one_of
from .qconfig import PRESETS, QConfig

FX_ENGINES = ("x86", "fbgemm", "onednn", "qnnpack")
TITLES = {"ort": "ONNX Runtime", "fx": "FX", "eager": "Eager", "pt2e": "PT2E", "tensorrt": "TensorRT"}
"""Names of the backends, alike in all languages."""
ENGINES = {"ort": ("cpu",), "fx": FX_ENGINES, "eager": FX_ENGINES, "pt2e": ("inductor",), "tensorrt": ("trt",)}
"""Backends and their engines; the first is the default."""

INSTRUCTION_SETS = ("avx2", "avx2-vnni", "avx512", "avx512-vnni", "arm")


@cache
def host_isa() -> str:
    """The best instruction set for int8 of this computer's processor."""
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return "arm"
    try:
        flags = set(Path("/proc/cpuinfo").read_text(errors="replace").split())
    except OSError:
        flags = set()
    for flag, name in (("avx512_vnni", "avx512-vnni"), ("avx512bw", "avx512"), ("avx_vnni", "avx2-vnni")):
        if flag in flags:
            return name
    if "avx2" in flags:
        return "avx2"
    import torch

    return str(torch.backends.cpu.get_cpu_capability()).lower()


def has_amx() -> bool:
    """Whether oneDNN computes integers in this computer's AMX tiles, unless its ONEDNN_MAX_CPU_ISA forbids it."""
    import torch

    most = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    return bool(torch.cpu._is_amx_tile_supported()) and (most in ("", "ALL", "DEFAULT") or "AMX" in most)


@dataclass(frozen=True)
class Target:
    """Where the quantized model will run.

    Parameters
    ----------
    backend : str
        ``ort`` (ONNX Runtime, QDQ), ``fx`` and ``eager`` (torch.ao's graph and eager mode), ``pt2e`` (torchao) or
        ``tensorrt`` (QDQ by its rules).
    engine : str
        ``cpu`` for ort; ``x86``, ``fbgemm``, ``onednn`` or ``qnnpack`` for fx and eager; ``inductor`` for pt2e; ``trt``
        for tensorrt.
    isa : str
        Instruction set, one of `INSTRUCTION_SETS`; empty is this computer's.
    threads, batch : int
        What latency is measured with.
    """

    backend: str = "ort"
    engine: str = "cpu"
    isa: str = ""
    threads: int = 1
    batch: int = 1

    def __post_init__(self) -> None:
        if self.engine not in ENGINES.get(self.backend, ()):
            raise Problem(
                Text("target"),
                Text("unknown target {name!r}", name=self.name),
                one_of(self.name, TARGETS),
            )
        if self.isa not in ("", *INSTRUCTION_SETS):
            raise Problem(
                Text("target"),
                Text("unknown instruction set {isa!r}", isa=self.isa),
                one_of(self.isa, INSTRUCTION_SETS),
            )
        if any(type(number) is not int or number < 1 for number in (self.threads, self.batch)):
            raise Problem(
                Text("target"), Text("threads and batch must be at least 1"), Text("Give a whole number from 1.")
            )

    @property
    def name(self) -> str:
        """As on the command line: ``ort``, ``fx-onednn``; a backend with one engine goes without it."""
        return self.backend if len(ENGINES.get(self.backend, ())) == 1 else f"{self.backend}-{self.engine}"

    @property
    def title(self) -> str:
        """As people call it: ``ONNX Runtime``, ``FX onednn``."""
        name = TITLES[self.backend]
        return name if len(ENGINES[self.backend]) == 1 else f"{name} {self.engine}"

    @property
    def preset(self) -> str:
        """Name of the qconfig preset that suits it."""
        return {"ort": "qinspect", "pt2e": "onednn", "tensorrt": "tensorrt"}.get(self.backend, self.engine)

    @staticmethod
    def parse(name: str, **settings: Any) -> Target:
        """A target by its name on the command line."""
        backend, _, engine = name.partition("-")
        return Target(backend, engine or ENGINES.get(backend, ("",))[0], **settings)

    @property
    def saturates(self) -> bool:
        """Whether kernels add pairs of products of 8 bits in 16, where 8-bit numbers may overflow.

        So they do on x86 processors without VNNI, but for qnnpack, which multiplies 16-bit numbers.
        """
        if self.backend == "tensorrt" or self.engine == "qnnpack":
            return False
        return (self.isa or host_isa()) not in ("avx2-vnni", "avx512-vnni", "arm")

    def to_json(self) -> dict[str, Any]:
        """As plan.json has it: without an instruction set where it is each computer's own."""
        found: dict[str, Any] = {"backend": self.backend, "engine": self.engine}
        if self.isa:
            found["isa"] = self.isa
        return {**found, "threads": self.threads, "batch": self.batch}

    def on_this_host(self) -> dict[str, Any]:
        """As analysis.json has it: with the instruction set that the figures were measured with."""
        # TensorRT runs on a GPU, of which this computer says nothing.
        return {**self.to_json(), "isa": self.isa or ("" if self.backend == "tensorrt" else host_isa())}


TARGETS = tuple(Target(backend, engine).name for backend, engines in ENGINES.items() for engine in engines)


def first_qconfig(target: Target) -> QConfig:
    """The qconfig to begin with on a target: its preset, with a bit less where kernels would saturate.

    The bit is taken where the library takes it: ONNX Runtime from the weights, torch from the activations.
    """
    preset = PRESETS[target.preset]
    if not target.saturates or preset.weight is None or preset.activation is None:
        return preset
    if target.backend == "ort":
        return QConfig(preset.weight.but(bits=7), preset.activation)
    return QConfig(preset.weight, preset.activation.but(bits=7))
