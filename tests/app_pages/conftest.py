"""The app as `streamlit run` starts it, once per test session, and a browser that watches what a page asks for and logs."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.app_pages import steps

ROOT = Path(__file__).resolve().parents[2]
START_S = 60
PATIENCE_MS = 60_000  # for the first analysis, which loads the networks, on a busy machine
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def app_url(tmp_path_factory):
    """Address of the running app. Whatever it logs must hold no traceback in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log.txt"
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    with log.open("w") as out:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env={**os.environ, "CARDIAC_DEVICE": "cpu", "OMP_NUM_THREADS": "1"},
        )
        try:
            yield _answering(f"http://localhost:{port}", server, log)
        finally:
            server.terminate()
            server.wait(30)
    assert "Traceback" not in log.read_text(), log.read_text()


def _replaced(message):
    """A picture that the page replaced by another before a slow browser had fetched it; not an error of the page.

    The browser logs it, and Streamlit's own picture element once more.
    """
    missing = "404" in message.text and "/media/" in message.location["url"]
    return missing or ("Image source error" in message.text and "/media/" in message.text)


def _answering(url, server, log):
    """The address, once the app answers on it."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
            return url
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium: the machine's own, else Playwright's.

    It closes with its file: Playwright's event loop would run on in this thread and keep other tests from starting one.
    """
    from playwright.sync_api import sync_playwright

    own = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_app(app_url, browser):
    """Opens the first page in a window of its own: open_app(dark=False, width=1280).

    After the test, no page may have asked anything of another address, or logged an error.
    """
    with _visitors(app_url, browser) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def ecg_example(app_url, browser):
    """One window for all tests of a file, with the ECG example answered and explained: the work is done once."""
    with _visitors(app_url, browser) as open_page:
        page = open_page()
        steps.try_example(page, "ecg")
        steps.explained(page)
        yield page


@contextmanager
def _visitors(app_url, browser):
    asked, logged, windows = [], [], []

    def open_page(dark=False, width=1280):
        window = browser.new_context(
            color_scheme="dark" if dark else "light", viewport={"width": width, "height": 900}, accept_downloads=True
        )
        windows.append(window)
        page = window.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "console",
            lambda message: message.type == "error" and not _replaced(message) and logged.append(message.text),
        )
        page.on("pageerror", lambda error: logged.append(str(error)))
        page.goto(app_url)
        page.get_by_role("heading", name="A second opinion").wait_for()
        return page

    try:
        yield open_page
    finally:
        for window in windows:
            window.close()
    own = (app_url, app_url.replace("http", "ws", 1), "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    assert logged == []
