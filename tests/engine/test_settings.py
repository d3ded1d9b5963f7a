"""Settings come from the environment, and a wrong one is named."""

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.settings import WEIGHTS_FOLDER, Settings, settings


@pytest.fixture
def environment(monkeypatch):
    """Sets environment variables for one reading of the settings; nothing stays cached."""

    def read(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        return settings()

    yield read
    settings.cache_clear()


def test_without_any_variable_nothing_is_allowed_from_elsewhere(environment, monkeypatch):
    for name in ("DEVICE", "WEIGHTS", "ALLOWED_ORIGINS", "MAX_REQUEST_MB", "WORKERS"):
        monkeypatch.delenv(f"CARDIAC_{name}", raising=False)
    assert environment() == Settings("auto", WEIGHTS_FOLDER, (), 512 << 20, 2)


def test_every_variable_is_read(environment):
    read = environment(
        CARDIAC_DEVICE="cpu",
        CARDIAC_WEIGHTS="elsewhere",
        CARDIAC_ALLOWED_ORIGINS=" https://a.example, ,https://b.example ",
        CARDIAC_MAX_REQUEST_MB="20",
        CARDIAC_WORKERS="3",
    )
    assert read == Settings("cpu", Path("elsewhere"), ("https://a.example", "https://b.example"), 20 << 20, 3)


@pytest.mark.parametrize("value", ["", "none", "0", "-1", "1.5"])
@pytest.mark.parametrize("name", ["CARDIAC_WORKERS", "CARDIAC_MAX_REQUEST_MB"])
def test_a_number_that_is_none_is_named(environment, name, value):
    with pytest.raises(EngineError, match=name):
        environment(**{name: value})
