"""Outlines are cleaned so that every slice has one ventricle of each side, and the heart is found where it is."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import RefusedStudy
from engine.models import LoadedModel
from engine.mr.cine import Cine
from engine.mr.segmentation import (
    UPRIGHT,
    Readers,
    alone,
    as_outlined,
    beside,
    between,
    cleaned,
    ends_of_beat,
    segment,
    turn_upright,
    within_end_diastole,
)
from tests.engine.mr.drawn_mr import ring


class ByGrey(nn.Module):
    """Draws by grey alone: cavity brightest, then RV, then wall; the answer that a drawn heart deserves."""

    def forward(self, x):
        levels = torch.tensor([0.0, 1.0, 0.3, 0.65]).view(1, 4, 1, 1)
        classes = -((x[:, 1:2] - levels) ** 2) * 200
        return torch.cat([classes, classes[:, 1:2], torch.full_like(x[:, :1], -20.0)], 1)


def model(network):
    return LoadedModel(SimpleNamespace(name="drawn", operating={}), network.eval(), "cpu")


READERS = Readers(model(ByGrey()), model(ByGrey()), model(ByGrey()))


def pictures(labels):
    return np.choose(labels, [0.0, 100.0, 30.0, 65.0]).astype(np.float32)


def test_spots_elsewhere_and_holes_go():
    whole = cleaned(np.stack([ring(64, 8.0)] * 3)[None], 1.5)
    assert (whole[0, 0] != ring(64, 8.0)).mean() < 0.005  # rounding at the rims
    spotted = whole.copy()
    spotted[0, 1, 2:5, 2:5] = 1
    spotted[0, 1, 55:62, 55:62] = 3
    spotted[0, 2, 31:33, 31:33] = 0
    assert np.array_equal(cleaned(spotted, 1.5), whole)


def test_a_cavity_without_a_wall_is_no_ventricle():
    labels = np.stack([ring(64, 8.0)] * 3)[None]
    labels[0, 0][labels[0, 0] == 2] = 0
    found = cleaned(labels, 1.5)
    assert not (found[0, 0] == 1).any()
    assert (found[0, 1] == 1).any()


def test_a_drawn_heart_is_found_off_centre_and_drawn_on_its_own_pixels():
    labels = np.zeros((2, 3, 84, 120), np.uint8)
    for p, radius in enumerate((9.0, 6.0)):
        labels[p, :, 15:79, 50:114] = ring(64, radius, 5.0)
    found = segment(Cine(pictures(labels), (1.5, 1.5), 8.0), READERS)
    assert found.labels.shape == labels.shape
    for k in (1, 2, 3):
        both = ((found.labels == k) & (labels == k)).sum()
        assert 2 * both / ((found.labels == k).sum() + (labels == k).sum()) > 0.85
    assert not found.guessed


def test_of_two_rings_the_one_near_the_middle_of_the_field_is_the_heart():
    labels = np.zeros((1, 1, 220, 220), np.uint8)
    heart = labels.copy()
    heart[0, 0, 70:134, 70:134] = ring(64, 8.0, 4.0)
    labels += heart
    labels[0, 0, 156:220, 156:220] = ring(64, 12.0, 6.0)  # larger, at the rim
    for mm in ((1.5, 1.5), None):
        found = segment(Cine(pictures(labels), mm, 8.0), READERS).labels
        both = ((found == 1) & (heart == 1)).sum()
        assert 2 * both / ((found == 1).sum() + (heart == 1).sum()) > 0.85


def test_a_picture_without_pixel_size_is_read_at_a_guessed_one():
    labels = np.zeros((1, 1, 160, 160), np.uint8)
    labels[0, 0, 48:112, 48:112] = ring(64, 12.0, 6.0)
    found = segment(Cine(pictures(labels)), READERS)
    assert found.guessed
    assert (found.labels == 1).sum() == pytest.approx((labels == 1).sum(), rel=0.15)


def test_nothing_to_see_is_refused():
    with pytest.raises(RefusedStudy) as refused:
        segment(Cine(np.zeros((1, 3, 64, 64), np.float32), (1.5, 1.5), 8.0), READERS)
    assert refused.value.code == "no_ventricle"


def test_the_outlines_are_those_of_the_cohort_that_it_looks_like():
    outputs = torch.zeros(1, 6, 2, 2)
    outputs[0, :4, :, 0] = torch.tensor([0.0, 9.0, 0.0, 0.0])[:, None]  # cavity for both
    outputs[0, :4, :, 1] = torch.tensor([0.0, 0.0, 9.0, 0.0])[:, None]  # wall for the first, cavity for the second
    outputs[0, 4] = 9.0
    first, second, between_both = (as_outlined(outputs, torch.tensor([odds])) for odds in (-20.0, 20.0, 0.0))
    assert first.argmax(1)[0, 0].tolist() == [1, 2]
    assert second.argmax(1)[0, 0].tolist() == [1, 1]
    assert float(between_both[0, 1, 0, 1]) == pytest.approx(0.5, abs=0.01)
    for shares in (first, second, between_both):
        assert shares.sum(1).numpy() == pytest.approx(1.0, abs=1e-5)


def test_a_slice_lies_between_its_neighbours_and_black_ends():
    stack = np.arange(1.0, 4.0, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert between(stack)[:, :, 0, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]
    assert alone(stack)[:, :, 0, 0].tolist() == [[0, 1, 0], [0, 2, 0], [0, 3, 0]]


def test_a_slice_lies_beside_itself_at_the_ends_of_the_beat_black_where_they_are_not_known():
    here, full = np.ones((2, 4, 4), np.float32), np.full((2, 4, 4), 0.5, np.float32)
    assert beside(here, full, None)[:, :, 0, 0].tolist() == [[0, 1, 1, 0.5, 0], [1, 1, 0, 0.5, 0]]


def test_the_ends_of_the_beat_are_where_the_cavity_is_fullest_and_emptiest():
    shares = np.zeros((4, 2, 4, 8, 8), np.float32)
    for phase, area in enumerate((5, 7, 1, 3)):
        shares[phase, 0, 1, 0, :area] = 1
    assert ends_of_beat(shares) == (1, 2)
    assert ends_of_beat(shares[:1]) == (0, None)


class Watching(ByGrey):
    """Keeps what it is shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(x.numpy())
        return super().forward(x)


def test_the_second_look_sees_the_same_slices_at_the_ends_of_the_beat():
    labels = np.stack([np.stack([ring(64, radius)] * 3) for radius in (8.0, 9.0, 5.0)])
    beat = Watching()
    segment(Cine(pictures(labels), (1.5, 1.5), 8.0), Readers(model(ByGrey()), model(ByGrey()), model(beat)))
    now = [shown[:, 1] for shown in beat.shown]
    assert len(now) == 3
    for shown in beat.shown:
        assert np.array_equal(shown[:, 3], now[1])
        assert np.array_equal(shown[:, 4], now[2])
    still = Watching()
    segment(Cine(pictures(labels[:1]), (1.5, 1.5), 8.0), Readers(model(ByGrey()), model(ByGrey()), model(still)))
    assert np.array_equal(still.shown[0][:, 3], still.shown[0][:, 1])
    assert not still.shown[0][:, 4].any()


def test_a_right_ventricle_is_one_piece_through_the_stack():
    whole = cleaned(np.stack([ring(64, 8.0)] * 4)[None], 1.5)
    spotted = whole.copy()
    x = int(np.nonzero(whole[0, 0] == 2)[1].max()) + 1
    spotted[0, 1, 22:42, x : x + 10] = 3  # fat beside the free wall, in one slice, larger than the ventricle there
    assert (spotted[0, 1] == 3).sum() > 2 * (whole[0, 1] == 3).sum()
    assert np.array_equal(cleaned(spotted, 1.5), whole)


def test_a_papillary_muscle_at_the_rim_counts_to_the_cavity():
    whole = cleaned(np.stack([ring(64, 10.0)] * 3)[None], 1.5)
    notched = whole.copy()
    rows, columns = np.nonzero(whole[0, 1] == 1)
    middle = int(columns.mean())
    notched[0, 1, rows.min() : rows.min() + 5, middle - 2 : middle + 3] = 2
    found = cleaned(notched, 1.5)
    assert (found[0, 1] == 1).sum() == pytest.approx((whole[0, 1] == 1).sum(), rel=0.03)


def test_a_right_ventricle_stays_where_it_was_when_it_was_full():
    full, empty = (np.stack([ring(64, radius)] * 3) for radius in (9.0, 7.0))
    fatty = empty.copy()
    fatty[1, 2:8, 2:8] = 3
    fatty[2][empty[2] == 0] = 3  # all around
    shares = np.stack([np.stack([labels == k for k in range(4)], 1) for labels in (fatty, full)]).astype(np.float32)
    shares = 0.9 * shares + 0.025
    kept = within_end_diastole(shares)
    assert kept.sum(2) == pytest.approx(1.0, abs=1e-5)
    found = kept.argmax(2)
    assert np.array_equal(found[1], full)
    assert np.array_equal(found[0, :2], empty[:2])
    right = full[2] == 3
    assert 0 < (found[0, 2] == 3).sum() < 6 * right.sum()
    assert np.array_equal(found[0, 2] == 1, empty[2] == 1)


@pytest.mark.parametrize("towards", [0, 90, 191, 300])
def test_a_heart_is_turned_until_its_right_ventricle_lies_as_usual(towards):
    x, y = (round(32 + 20 * part) for part in (np.cos(np.radians(towards)), -np.sin(np.radians(towards))))
    labels = np.zeros((1, 2, 65, 65), np.uint8)
    labels[..., 29:36, 29:36] = 1
    labels[..., y - 2 : y + 3, x - 2 : x + 3] = 3
    shares = np.stack([labels == k for k in range(4)], 2).astype(np.float32)
    matrix = turn_upright(shares)
    turned_x, turned_y = matrix @ [x, y, 1]
    assert np.degrees(np.arctan2(32 - turned_y, turned_x - 32)) % 360 == pytest.approx(UPRIGHT, abs=0.1)
    assert turn_upright(shares * (np.arange(4) != 3)[:, None, None]) is None


class FromTheLeft(ByGrey):
    """Sees a right ventricle in the left half of the picture only."""

    def forward(self, x):
        outputs = super().forward(x)
        outputs[:, 3, :, x.shape[-1] // 2 :] -= 1e3
        return outputs


def test_what_only_an_upright_look_shows_is_drawn_too():
    one = ring(64, 8.0, 4.0)
    labels = np.stack([np.pad(np.rot90(one, 3), 32)] * 3)[None]  # the RV lies above, half of it on either side
    cine = Cine(pictures(labels), (1.5, 1.5), 8.0)
    found = segment(cine, Readers(model(ByGrey()), model(FromTheLeft()), model(FromTheLeft()))).labels
    right = labels == 3
    beyond = right & (np.arange(128) > 66)
    assert beyond.sum() > 0.2 * right.sum()
    assert (found[beyond] == 3).mean() > 0.6
