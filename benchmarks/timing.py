"""Seconds and peak memory of one task, each measured in a process of its own."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.subjects import SUBJECTS, Reads

RUNS = 5
PEER_S = 15.0  # that one part of a peer's work is timed for: what is left of it is taken to last as long
LEAST_TIMED = 3  # times that each part is done at least
START_S = 120.0  # that the app may take to start, and to give its first finding
MAXRSS_PER_MB = 1 << 20 if sys.platform == "darwin" else 1 << 10  # getrusage counts bytes there, else KiB


@dataclass(frozen=True)
class Timing:
    """Seconds are medians over `RUNS`, after one run that does not count; peak_mb is of the whole process.

    timed: of a peer, how much of its work was timed; its seconds are for all of it.
    """

    seconds: float
    peak_mb: float
    timed: str = ""


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


def app_process(task: str) -> float | None:
    """MB that the app's process holds (resident) after its first finding, over HTTP; None where the system does not tell."""
    if not Path("/proc/self/status").is_file():
        return None
    name, data = SUBJECTS[task].draw()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    app = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_healthy(f"http://localhost:{port}/healthz", app)
        head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        request = urllib.request.Request(
            f"http://localhost:{port}/api/v1/tasks/{task}/findings",
            head.encode() + data + b"\r\n--cut--\r\n",
            {"Content-Type": "multipart/form-data; boundary=cut"},
        )
        with urllib.request.urlopen(request, timeout=START_S) as answer:
            _check(json.load(answer)["refusal"])
        status = Path(f"/proc/{app.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024
    finally:
        app.terminate()
        app.wait()


def _until_healthy(url: str, app: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and app.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The app did not start; run `make app` to see why.")


def _check(refusal: object) -> None:
    if refusal:
        raise RuntimeError(f"The drawn study was refused ({refusal}); a refusal is not what is timed.")


def _timed(task: str, what: str) -> Timing:
    name, data = SUBJECTS[task].draw()
    if what == "peer":
        seconds, timed = peer_seconds(SUBJECTS[task].build_peer(), data)
        return Timing(seconds, _peak_mb(), timed)
    run = _ours(task, name, explained=what == "explanation")
    run(data)
    return Timing(median(_seconds(partial(run, data)) for _ in range(RUNS)), _peak_mb())


def peer_seconds(reads: Reads, data: bytes, budget_s: float = PEER_S) -> tuple[float, str]:
    """Seconds of all of a peer's work on one study, and how much of it was timed, in words.

    A part that lasts longer than `budget_s` is cut off there; its median then stands for each time that it was not done.
    """
    import torch

    reads(data)
    started = time.perf_counter()
    parts = reads(data)
    total, timed = time.perf_counter() - started, []
    with torch.inference_mode():
        for part in parts:
            part.once()
            seconds: list[float] = []
            while len(seconds) < part.count and (len(seconds) < LEAST_TIMED or sum(seconds) < budget_s):
                seconds.append(_seconds(part.once))
            total += sum(seconds) + (part.count - len(seconds)) * median(seconds)
            timed.append(f"{len(seconds)} of {part.count} {part.name}")
    return total, ", ".join(timed)


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_PER_MB


def _ours(task: str, name: str, explained: bool) -> Callable[[bytes], None]:
    from engine import models, registry
    from engine.study import read_bytes
    from service.answer import answer

    chosen = registry.task(task)
    store = models.store()

    def run(data: bytes) -> None:
        _check(answer(chosen, read_bytes(name, data), None, store, explained).finding.refusal)

    return run


if __name__ == "__main__":
    print(json.dumps(vars(_timed(sys.argv[1], sys.argv[2]))))
