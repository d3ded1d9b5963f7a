"""No name that a machine burned beside the sector leaves either echo task."""

import io

import av
import cv2
import numpy as np
import pytest

from engine import models
from engine.registry import TASKS
from engine.study import read_bytes
from tests.engine.echo.drawn_videos import avi
from training import echo_plax_simulator, echo_simulator


@pytest.mark.parametrize(
    ("task", "beating"),
    [
        ("echo-ef", echo_simulator.simulate(echo_simulator.EchoScene(seconds=0.1))[0]),
        ("echo-plax", echo_plax_simulator.simulate(echo_plax_simulator.PlaxScene(seconds=0.15))[0]),
    ],
)
def test_names_beside_the_sector_are_neither_shown_nor_exported(task, beating):
    named = beating.copy()
    named[:, 4:16, 4:60] = 255
    found = TASKS[task].analyse(read_bytes("a.avi", avi(named)), None, models.store("cpu"))
    assert found.finding.refusal is None
    pictures = [*found.evidence.plain, *found.evidence.drawn]
    with av.open(io.BytesIO(found.artefacts["overlay.webm"])) as video:
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    shown += [cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR) for picture in pictures]
    assert max(int(picture[:20, :80].max()) for picture in shown) < 40
    whole = cv2.imdecode(np.frombuffer(found.evidence.whole, np.uint8), cv2.IMREAD_COLOR)
    assert whole[:20, :80].max() > 200  # the reader's depth marks may lie there
