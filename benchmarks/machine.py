"""The machine and the versions that figures were measured with."""

import datetime
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from framering._core import cpu_features
from framering.cores import usable_cores


def conditions(libraries: Iterable[str]) -> str:
    """Describe today's machine, framering's path on it, and the versions of libraries."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in libraries)
    return (
        f"{datetime.date.today()}, {processor()}, {usable_cores()} cores, "
        f"framering's path {cpu_features()['path']}, Python {platform.python_version()}, {versions}"
    )


def processor() -> str:
    """Return the processor's name, the widest AVX that it has, and whether it has bfloat16."""
    lines = [
        line.partition(":")[2].strip()
        for key in ("model name", "flags")
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith(key)
    ]
    flags = set(lines[-1].split()) if lines else set()
    widest = next((f for f in ("avx512bw", "avx2", "avx") if f in flags), "no AVX")
    bfloat16 = "bfloat16" if {"avx512_bf16", "amx_bf16"} & flags else "no bfloat16"
    return f"{lines[0] if lines else platform.machine()} ({widest}, {bfloat16})"
