"""One line per task: what the registry makes of a task package's answer."""

import hashlib
import importlib
import sys
from types import ModuleType

import numpy as np
import pytest

from engine import registry
from engine.errors import Cancelled, EngineError, RefusedStudy, UnreadableInput
from engine.finding import Label
from engine.models import ModelStore
from engine.registry import TASKS, Answer, Task
from engine.study import read_bytes

DRAWN = Task("drawn", "drawn", "Drawn", "How many bytes?", "Any file", (".txt",), ())


@pytest.fixture
def package(monkeypatch):
    """A task package whose `answer` the test writes itself."""
    module = ModuleType("engine.drawn.task")
    monkeypatch.setitem(sys.modules, "engine.drawn", ModuleType("engine.drawn"))
    monkeypatch.setitem(sys.modules, "engine.drawn.task", module)
    return module


def test_an_answer_becomes_a_finding(package):
    def answer(study, options, store, progress):
        progress(0.5, "counting")
        many = len(study.parts[0].data) > 3
        label = Label("MANY", "Many", float(many), 0.5, many)
        return Answer((label,), artefacts={"count": ("count.csv", b"4")}, details={"options": options}, evidence="seen")

    package.answer = answer
    told = []
    analysis = DRAWN.analyse(
        read_bytes("a.txt", b"abcd"), {"x": 1}, ModelStore("cpu"), lambda share, doing: told.append((share, doing))
    )
    finding = analysis.finding
    assert (finding.task, finding.status, finding.labels[0].positive) == ("drawn", "finding", True)
    assert finding.artefacts == {"count": "count.csv"}
    assert analysis.artefacts == {"count.csv": b"4"}
    assert analysis.evidence == "seen"
    assert finding.details == {"options": {"x": 1}}
    assert finding.provenance.input_sha256 == hashlib.sha256(b"abcd").hexdigest()
    assert finding.provenance.device == "cpu"
    assert finding.provenance.seconds >= 0
    assert told == [(0.5, "counting")]


def test_a_refusal_becomes_a_finding_without_numbers(package):
    def answer(study, options, store, progress):
        raise RefusedStudy("too_short", "Too short; send more.")

    package.answer = answer
    analysis = DRAWN.analyse(read_bytes("a.txt", b"a"), store=ModelStore("cpu"))
    assert analysis.finding.status == "refused"
    assert analysis.finding.refusal == registry.Refusal("too_short", "Too short; send more.")
    assert analysis.artefacts == {}


@pytest.mark.parametrize("error", [UnreadableInput("Not a text."), Cancelled("Stopped.")])
def test_other_errors_reach_the_caller(package, error):
    def answer(study, options, store, progress):
        raise error

    package.answer = answer
    with pytest.raises(type(error)):
        DRAWN.analyse(read_bytes("a.txt", b"a"), store=ModelStore("cpu"))


def test_an_unknown_task_names_the_known_ones():
    with pytest.raises(EngineError, match="no task 'xray'; there are: ecg"):
        registry.task("xray")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_has_its_package_and_says_what_it_takes(task):
    module = importlib.import_module(f"engine.{task.package}.task")
    assert callable(module.answer)
    assert callable(module.options)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in task.suffixes)
    assert task.question.endswith("?")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_names_options_it_does_not_know(task):
    with pytest.raises(EngineError, match="no_such_option"):
        task.options({"no_such_option": "1"})


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_option_that_a_task_names_is_one(task):
    for name in task.option_names():
        with pytest.raises(EngineError, match=f"Expected {name}"):
            task.options({name: "no such value"})


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("data", [b"\x00", b"%PDF-1.7", b"\xff\xd8\xff\xe0", b"II*\x00", b"RIFF\x00\x00\x00\x00WEBP"])
def test_every_task_turns_broken_bytes_away_with_a_sentence(task, data):
    with pytest.raises(UnreadableInput) as caught:
        task.analyse(read_bytes("broken.png", data), store=ModelStore("cpu"))
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_refuses_or_turns_away_noise(task):
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    with pytest.raises(UnreadableInput):
        task.analyse(read_bytes("noise.bin", noise), store=ModelStore("cpu"))
