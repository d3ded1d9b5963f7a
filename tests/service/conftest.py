"""A drawn task for every test of what leaves: it counts bytes, refuses short files, and says what it was asked."""

import sys
import threading
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import pytest

from engine import registry
from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.finding import Label, Measurement, Quality
from engine.registry import Answer, Task
from explain.explanation import Explanation, Faithfulness

SHORT = 4  # bytes: fewer are refused


@dataclass
class Drawn:
    """What the drawn task saw, and a gate that keeps it waiting until a test opens it."""

    studies: list = field(default_factory=list)
    options: list = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def drawn(monkeypatch):
    """Registers the task `drawn`. Files that start with `BROKEN`, `BUG`, `WAIT` or `HUGE` do as they say."""
    seen = Drawn()

    def answer(study, options, store, progress):
        data = study.parts[0].data
        seen.studies.append(study)
        seen.options.append(options)
        if data.startswith(b"BROKEN"):
            raise UnreadableInput("Expected a drawn file; draw it again.")
        if data.startswith(b"BUG"):
            raise KeyError("a secret of the patient")
        if data.startswith(b"HUGE"):
            raise MemoryError
        if data.startswith(b"WAIT"):
            seen.started.release()
            while not seen.gate.wait(0.02):
                try:
                    progress(0.5, "waiting")
                except EngineError:
                    seen.stopped.set()
                    raise
        if len(data) < SHORT:
            raise RefusedStudy("too_short", "The file is too short; send a longer one.")
        size = float(len(data))
        return Answer(
            (Label("LONG", "Long", 0.9, 0.5, True), Label("ODD", "Odd", 0.2, 0.5, bool(len(data) % 2), True, False)),
            (
                Measurement("size", "Size", size, "By", 10, 20, {"lead": "II"}, "drawn"),
                Measurement("rows", "Rows", 1.0, "{count}"),
            ),
            (Quality("sharpness", 0.5, True, "Sharpness"), Quality("noise", float("nan"), False, "Noise", "mV")),
            {"count": ("count.csv", b"size\n%d\n" % len(data))},
            {"seen": np.arange(2)},
        )

    def options(fields):
        unknown = set(fields) - {"unit"}
        if unknown:
            raise EngineError(f"There is no option {', '.join(sorted(unknown))}; there is: unit.")
        return dict(fields)

    def explain(analysis, store, progress):
        check = Faithfulness("LONG", np.array([0.0, 0.1]), np.array([0.9, 0.3]), np.array([0.9, 0.8]), True)
        return Explanation({"grad_cam": np.ones((3, 2), np.float32)}, {"grad_cam": "time, lead"}, (check,))

    for name, members in {
        "engine.drawn": {},
        "engine.drawn.task": {"answer": answer, "options": options, "OPTIONS": {"unit": "of the size"}},
        "explain.drawn": {"explain": explain},
    }.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    task = Task("drawn", "drawn", "Drawn", "How long is it?", "Any file", (".txt",), ())
    monkeypatch.setitem(registry.TASKS, "drawn", task)
    yield seen
    seen.gate.set()
