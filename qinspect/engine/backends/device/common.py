"""What every bench kit does alike: its words, what it says of the device, and the file that it writes."""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WARM_UPS = 10
KINDS = ("float", "int8")


def words(here: Path) -> argparse.ArgumentParser:
    """The command line: for a kit in the folder `here`."""
    found = argparse.ArgumentParser(description="Measures the float and the int8 model on this device.")
    found.add_argument("--runs", type=int, default=50)
    found.add_argument("--threads", type=int, default=1)
    found.add_argument("--batch", type=int, default=1)
    found.add_argument("--out", type=Path, default=here / "bench.json")
    return found


def settle_batch(given: argparse.Namespace, fixed: Any) -> None:
    """Take the model's own batch where it has one, and say so."""
    if isinstance(fixed, int) and given.batch != fixed:
        print(f"the model's batch is {fixed}; --batch has no effect")
        given.batch = fixed


def host(**versions: str) -> dict[str, Any]:
    """What this device is."""
    cpu = platform.processor()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "cpu": cpu or platform.machine(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **versions,
    }


def finish(
    here: Path,
    given: argparse.Namespace,
    about: Mapping[str, Any],
    equal_share: float,
    ms: Mapping[str, Sequence[float]],
    us: Mapping[str, Mapping[str, float]],
    runtime: str,
) -> int:
    """Write bench.json and say what is in it.

    Parameters
    ----------
    about : mapping
        What else belongs into the file: host, provider, borders.
    equal_share : float
        Of the output values, those that are as where the kit was made.
    ms, us : mapping
        By kind of model: ms of every run; median us by operator.
    runtime : str
        For the line that is printed.
    """
    found: dict[str, Any] = {
        "bench": 1,
        **about,
        "runs": given.runs,
        "threads": given.threads,
        "batch": given.batch,
        "equal_share": equal_share,
        "plan": json.loads((here / "plan.json").read_text(encoding="utf-8")),
    }
    for kind in KINDS:
        ordered = sorted(ms[kind])
        found[kind] = {
            "median_ms": statistics.median(ordered),
            "p90_ms": ordered[round(0.9 * (len(ordered) - 1))],
            "ms": list(ms[kind]),
            "operators_us": us[kind],
        }
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    float_ms, int8_ms = (found[kind]["median_ms"] for kind in KINDS)
    print(f"{found['host']['cpu']}, {runtime}")
    print(f"float {float_ms:.3f} ms, int8 {int8_ms:.3f} ms, medians of {given.runs}: ratio {float_ms / int8_ms:.2f}")
    print(f"{equal_share:.1%} of the output values are those of the computer that exported it")
    print(f"wrote {given.out}")
    return 0


def refuse(why: str) -> int:
    """Say why nothing is measured."""
    print(why, file=sys.stderr)
    return 1
