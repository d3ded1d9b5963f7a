"""Which room may look into which, and what starting up must not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "engine": {"engine"},
    "explain": {"explain", "engine"},
    "service": {"service", "explain", "engine"},
    "training": {"training", "engine"},
    "app_pages": {"app_pages", "service", "explain", "engine"},
    "benchmarks": {"benchmarks", "service", "explain", "engine", "training"},
}
EXEMPT = {Path("engine/__main__.py")}  # the contract's command line is `python -m engine`; it hands over to service
HEAVY = ("torch", "cv2", "scipy", "captum", "rapidocr", "onnxruntime", "pydicom", "wfdb", "streamlit")
MODULES = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """First parts of everything a file imports, at any depth of nesting."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_run_one_way(path):
    if path in EXEMPT:
        return
    allowed = ROOMS[path.parts[0]]
    foreign = imported(ROOT / path) & (set(ROOMS) | {"tests", "streamlit_app"}) - allowed
    assert not foreign, f"{path} imports {sorted(foreign)}; {path.parts[0]} may import {sorted(allowed)}"


@pytest.mark.parametrize("path", [p for p in MODULES if p.parts[0] != "app_pages"], ids=str)
def test_only_the_pages_know_streamlit(path):
    assert "streamlit" not in imported(ROOT / path)


@pytest.mark.parametrize(
    "module", ["engine.registry", "engine.study", "engine.pictures", "explain.explanation", "service.command_line"]
)
def test_starting_up_loads_nothing_heavy(module):
    program = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
