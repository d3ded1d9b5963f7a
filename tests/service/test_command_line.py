"""The contract's command line: folders of results, exit status, and one line for what cannot be read."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from service.command_line import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def inputs(tmp_path):
    """Writes files and gives their paths, as the command line takes them."""

    def write(**contents: bytes) -> list[str]:
        for name, content in contents.items():
            (tmp_path / f"{name}.txt").write_bytes(content)
        return [str(tmp_path / f"{name}.txt") for name in contents]

    return write


def finding(folder: Path) -> dict:
    return json.loads((folder / "finding.json").read_text(encoding="utf-8"))


def test_each_input_has_its_folder(drawn, inputs, tmp_path):
    assert main(["drawn", *inputs(a=b"1234", b=b"12345"), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out" / "a").iterdir()} == {"finding.json", "count.csv"}
    assert (tmp_path / "out" / "b" / "count.csv").read_text() == "size\n5\n"
    answer = finding(tmp_path / "out" / "b")
    assert [label["positive"] for label in answer["labels"]] == [True, True]
    assert answer["details"] == {"seen": [0, 1]}
    assert "explanation" not in answer


def test_explain_writes_the_arrays_and_says_how_faithful_they_are(drawn, inputs, tmp_path):
    assert main(["drawn", *inputs(a=b"1234"), "--out", str(tmp_path), "--explain"]) == 0
    with np.load(tmp_path / "a" / "explanation.npz") as arrays:
        assert arrays["grad_cam"].shape == (3, 2)
    answer = finding(tmp_path / "a")
    assert answer["artefacts"] == {"count": "count.csv", "explanation": "explanation.npz"}
    assert answer["explanation"]["methods"] == {"grad_cam": {"axes": "time, lead", "shape": [3, 2]}}
    assert answer["explanation"]["faithfulness"][0]["attributed"] == [0.9, 0.3]


def test_a_refused_study_is_an_answer(drawn, inputs, tmp_path):
    assert main(["drawn", *inputs(a=b"1"), "--out", str(tmp_path), "--explain"]) == 0
    answer = finding(tmp_path / "a")
    assert answer["status"] == "refused"
    assert answer["refusal"]["code"] == "too_short"
    assert not (tmp_path / "a" / "explanation.npz").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"BROKEN", "Expected a drawn file; draw it again."),
        (b"", "empty"),
        (b"HUGE", "more memory than there is"),
        (b"BUG", "could not be analysed (KeyError)"),
    ],
)
def test_one_bad_input_costs_one_line_and_not_the_others(drawn, inputs, tmp_path, capsys, content, words):
    assert main(["drawn", *inputs(bad=content, good=b"1234"), "--out", str(tmp_path / "out")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(str(tmp_path / "bad.txt"))
    assert words in lines[0]
    assert "secret" not in lines[0]
    assert finding(tmp_path / "out" / "good")["status"] == "finding"
    assert not (tmp_path / "out" / "bad").exists()


def test_inputs_of_one_name_do_not_replace_each_other(drawn, tmp_path, capsys):
    for ward in ("x", "y"):
        (tmp_path / ward).mkdir()
        (tmp_path / ward / "ecg.txt").write_bytes(b"1234")
    both = [str(tmp_path / ward / "ecg.txt") for ward in ("x", "y")]
    assert main(["drawn", *both, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("same name") == 2
    assert not (tmp_path / "out").exists()


def test_results_that_cannot_be_written_are_one_line(drawn, inputs, tmp_path, capsys):
    (tmp_path / "out").write_bytes(b"a file")
    assert main(["drawn", *inputs(a=b"1234"), "--out", str(tmp_path / "out")]) == 2
    assert "results not be written" in capsys.readouterr().err


def test_options_reach_the_task(drawn, inputs, tmp_path):
    assert main(["drawn", *inputs(a=b"1234"), "--out", str(tmp_path), "--option", "unit=px"]) == 0
    assert drawn.options == [{"unit": "px"}]


@pytest.mark.parametrize(("option", "words"), [("colour=red", "no option colour"), ("colour", "NAME=VALUE")])
def test_an_unknown_option_is_bad_usage(drawn, inputs, tmp_path, capsys, option, words):
    assert main(["drawn", *inputs(a=b"1234"), "--out", str(tmp_path), "--option", option]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["ecg"], ["ecg", "a.png"], ["xray", "a.png", "--out", "o"]])
def test_bad_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: python -m engine" in capsys.readouterr().err


def test_python_m_engine_is_this_command_line(tmp_path):
    command = [sys.executable, "-m", "engine", "ecg", str(tmp_path / "absent.png"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("nothing at this path; check the name.")
    assert "Traceback" not in done.stderr


def test_a_network_of_ones_own_that_is_none_ends_with_a_sentence(inputs, tmp_path, capsys):
    (file,) = inputs(a=b"1234")
    assert main(["echo-ef", file, "--out", str(tmp_path), "--network", file]) == 2
    assert "Expected a PyTorch checkpoint" in capsys.readouterr().err
    assert main(["cardiac-mr", file, "--out", str(tmp_path), "--network", file]) == 2
    assert "takes no networks of your own" in capsys.readouterr().err
    assert main(["echo-ef", file, "--out", str(tmp_path), "--network", f"{file}.none"]) == 2
    assert "could not be read" in capsys.readouterr().err
