"""What the machine offers."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def processor() -> str:
    """Return the name of the processor as the system tells it; that of its kind where it tells none."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def described() -> str:
    """Return what a measured time depends on, in words."""
    held = memory().get("total")
    size = "" if held is None else f", {held / 2**30:.0f} GiB"
    return f"{processor()}, {cores()} cores{size}, {platform.system()}, Python {platform.python_version()}"


def memory() -> dict[str, int]:
    """Bytes of memory in all and free now; a limit of the container counts. Empty where the system does not tell."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        found = {"total": page * os.sysconf("SC_PHYS_PAGES"), "free": page * os.sysconf("SC_AVPHYS_PAGES")}
    except (AttributeError, ValueError, OSError):
        return {}
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        found["free"] = int(lines.get("MemAvailable", "0 kB").split()[0]) * 1024 or found["free"]
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and limit.read_text().strip().isdigit():
        found["total"] = min(found["total"], int(limit.read_text()))
        found["free"] = min(found["free"], found["total"])
    return found
