"""Every library that the tree imports is pinned, and every pinned library serves something."""

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from tests.test_imports import ROOMS, ROOT, imported

OWN = {*ROOMS, "tests", "streamlit_app"}
APP = [ROOT / "streamlit_app.py", *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
TESTS = list((ROOT / "tests").rglob("*.py"))
USED_OTHERWISE = {
    "onnxruntime": "runs rapidocr's models",
    "httpx2": "carries starlette's test client",
    "mypy": "a command of make lint",
    "ruff": "a command of make lint",
    "pytest": "runs the tests",
}


def pinned(name: str) -> dict[str, str]:
    """Distribution -> version of a requirements file."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    lines = [line for line in lines if line and not line.startswith("-r ")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines), lines
    return dict(line.split("==") for line in lines)


def distributions(files: list[Path]) -> dict[str, set[str]]:
    """Foreign module -> the distributions it may come from, by their normalised names."""
    providers = importlib.metadata.packages_distributions()
    modules = set().union(*(imported(path) for path in files)) - OWN - set(sys.stdlib_module_names)
    return {module: {normal(name) for name in providers.get(module, ())} for module in modules}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_the_app_imports_is_pinned():
    pins = {normal(name) for name in pinned("requirements.txt")}
    missing = {module for module, names in distributions(APP).items() if not names & pins}
    assert not missing


def test_what_the_tests_import_is_pinned():
    pins = {normal(name) for name in pinned("requirements.txt") | pinned("requirements-test.txt")}
    missing = {module for module, names in distributions(TESTS).items() if not names & pins}
    assert not missing


@pytest.mark.parametrize(("name", "files"), [("requirements.txt", APP), ("requirements-test.txt", TESTS)])
def test_every_pin_is_used(name, files):
    used = set().union(*distributions(files).values()) | {normal(other) for other in USED_OTHERWISE}
    assert not {pin for pin in pinned(name) if normal(pin) not in used}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_what_is_installed_is_what_is_pinned(name):
    differing = {pin: importlib.metadata.version(pin) for pin, version in pinned(name).items()}
    differing = {pin: there for pin, there in differing.items() if there.split("+")[0] != pinned(name)[pin]}
    assert not differing


def test_the_readme_explains_every_requirement():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [pin for pin in pinned("requirements.txt") if f"`{pin}`" not in readme]
