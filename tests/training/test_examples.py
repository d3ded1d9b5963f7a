import io

import numpy as np
from PIL import Image

from app_pages.shared.intake import EXAMPLES, example
from engine.registry import TASKS
from training import examples


def test_every_task_has_an_example():
    assert all(example(task) for task in TASKS.values())


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def test_the_committed_picture_is_the_one_that_the_command_draws():
    drawn, kept = decoded(examples.ecg()), decoded((EXAMPLES / "ecg.jpg").read_bytes())
    assert drawn.shape == kept.shape
    assert np.abs(drawn - kept).mean() < 2  # fonts and JPEG encoders differ a little between machines
