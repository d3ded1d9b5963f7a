"""`python -m benchmarks [TASK ...]`: seconds and peak memory per task beside the peers' designs, as Markdown.

Every study is drawn by our own renderer; every row is measured in this run, on this machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys

from benchmarks.subjects import SUBJECTS
from benchmarks.timing import RUNS, app_process, cold, warm


def main(arguments: list[str] | None = None) -> int:
    """Prints the machine and one table per task; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"out of {', '.join(SUBJECTS)}; all by default")
    asked = parser.parse_args(arguments)
    unknown = set(asked.tasks) - set(SUBJECTS)
    if unknown:
        parser.error(f"no benchmark for {', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}")
    print(machine())
    for task in asked.tasks or SUBJECTS:
        print(f"\n{table(task)}", flush=True)
    return 0


def machine() -> str:
    """What it ran on, in one line."""
    import torch

    from engine import devices

    bf16 = ", bfloat16" if devices.fast_bfloat16() else ""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{_processor()}, {len(os.sched_getaffinity(0))} cores{bf16}{gpu}; {platform.system()}, torch {torch.__version__}"


def table(task: str) -> str:
    """One task's Markdown table, and how much of the peer's work was timed.

    Ratios are the peer's value over ours: above 1, ours is quicker or smaller.
    """
    subject = SUBJECTS[task]
    from_start, app = cold(task), app_process(task)
    finding, explained, peer = (warm(task, what) for what in ("finding", "explanation", "peer"))
    lines = [
        f"| `{task}`, {subject.what} | ours | {subject.peer_name} | ratio |",
        "| --- | --- | --- | --- |",
        f"| new process, one finding on the command line, s | {from_start:.1f} | - | - |",
        f"| finding, warm (median of {RUNS}), s | {finding.seconds:.2f} | {peer.seconds:.2f} "
        f"| {peer.seconds / finding.seconds:.2f} |",
        f"| finding with explanation, warm (median of {RUNS}), s | {explained.seconds:.2f} | - | - |",
        f"| peak memory of the process, findings, MB | {finding.peak_mb:.0f} | {peer.peak_mb:.0f} "
        f"| {peer.peak_mb / finding.peak_mb:.2f} |",
        f"| peak memory of the process, with explanations, MB | {explained.peak_mb:.0f} | - | - |",
        f"| the app's process after its first finding, MB | {'-' if app is None else f'{app:.0f}'} | - | - |",
        "",
        f"Of the peer's work were timed: {peer.timed}; what is left is taken to last as long (median).",
    ]
    return "\n".join(lines)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
