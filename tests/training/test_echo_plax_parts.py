from dataclasses import replace

import numpy as np

from training import echo_plax_parts, echo_plax_segmentation
from training.echo_plax_data import Traced
from training.echo_plax_segmentation import Examples, pictures


def test_each_variant_lacks_one_part_and_no_other(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(echo_plax_segmentation, "train", lambda *given: calls.append(given))
    square = np.zeros((8, 8), np.uint8)
    made = pictures(square[None], square[None])
    frame = Traced("clip", 0, square, square, square > 0)
    whole = Examples([frame, frame], made, made, made)
    alone = replace(whole, traced=[frame])
    for train in echo_plax_parts.variants(whole, alone).values():
        train(tmp_path)
    full, *rest = [(len(call[0].traced), call[1].simulated, call[1].turned, len(call) > 3) for call in calls]
    assert full == (2, 2, 1, False)
    assert rest == [(2, 0, 1, False), (1, 2, 1, False), (2, 2, 0, False), (2, 2, 1, True)]
