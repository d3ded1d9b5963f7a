"""Seconds and peak memory of one task, each measured in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.subjects import SUBJECTS

RUNS = 5
MAXRSS_PER_MB = 1 << 20 if sys.platform == "darwin" else 1 << 10  # getrusage counts bytes there, else KiB


@dataclass(frozen=True)
class Timing:
    """Seconds are medians over `RUNS`, after one run that does not count; peak_mb is of the whole process."""

    seconds: float
    peak_mb: float


def cold(task: str) -> float:
    """Seconds of the command line for one study: a new process, from its start to its end."""
    name, data = SUBJECTS[task].draw()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        command = [sys.executable, "-m", "engine", task, str(path), "--out", str(Path(folder) / "out")]
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - started


def warm(task: str, what: str) -> Timing:
    """`finding`, `explanation` (the finding with it) or `peer`, in a process that has its networks loaded."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.timing", task, what], check=True, capture_output=True, text=True
    )
    return Timing(**json.loads(done.stdout.splitlines()[-1]))


def _timed(task: str, what: str) -> Timing:
    name, data = SUBJECTS[task].draw()
    run = SUBJECTS[task].build_peer() if what == "peer" else _ours(task, name, explained=what == "explanation")
    run(data)
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run(data)
        seconds.append(time.perf_counter() - started)
    return Timing(median(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_PER_MB)


def _ours(task: str, name: str, explained: bool) -> Callable[[bytes], None]:
    from engine import models, registry
    from engine.study import read_bytes
    from service.answer import answer

    chosen = registry.task(task)
    store = models.store()

    def run(data: bytes) -> None:
        refusal = answer(chosen, read_bytes(name, data), None, store, explained).finding.refusal
        if refusal:
            raise RuntimeError(f"The drawn study was refused ({refusal.code}); a refusal is not what is timed.")

    return run


if __name__ == "__main__":
    print(json.dumps(vars(_timed(sys.argv[1], sys.argv[2]))))
