"""What the pixel network learns from, that it goes on where it stopped, and what is chosen for it."""

import numpy as np
import pytest
import torch

from training import sparks_pixels
from training.sparks_clips import CHANNELS, FITTED, FRAMES, LIGHT, SIDE
from training.sparks_examples import Clips, clips_of, clips_path, example_of
from training.sparks_pixels import LEVELS, Overlap, best_level, train_pixels
from training.sparks_simulator import Scene, simulate

SCENE = Scene(frames=60, height=48, width=96, um_per_px=0.2, sparks=3, peak_snr=4.0, hot_pixels=0, repeat_sites=0.0)


def test_clips_hold_the_sparks_and_their_true_pixels():
    simulation = simulate(SCENE, np.random.default_rng(5))
    _, search, grid = example_of("drawn", simulation)
    clips = clips_of(simulation, search, grid)
    assert clips.inputs.shape == (3, CHANNELS, FRAMES, SIDE, SIDE)
    assert grid.bin_px == 2  # so that samples may belong in part
    for clip, truth in zip(clips.inputs.astype(float), clips.truth / 255.0, strict=True):
        fitted, true = clip[FITTED] > 0, truth > 0.5
        assert (fitted & true).sum() / (fitted | true).sum() > 0.6
        assert clip[LIGHT][true].mean() > clip[LIGHT][~true].mean() + 0.2


def some_clips(folder, number=4):
    """Clips whose truth is where the light is, which the fit does not know."""
    rng = np.random.default_rng(0)
    for k in range(number):
        inputs = np.zeros((4, CHANNELS, FRAMES, SIDE, SIDE), np.float16)
        truth = np.zeros((4, FRAMES, SIDE, SIDE), bool)
        for clip in truth:
            clip[:, :, : rng.integers(4, 20)] = True
        inputs[:, LIGHT] = np.where(truth, 1.0, -1.0)
        inputs[:, FITTED] = -0.1
        np.savez(clips_path(folder, k), **vars(Clips(inputs, (255 * truth).astype(np.uint8))))


def test_the_network_learns_where_the_light_is_and_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    some_clips(tmp_path)
    monkeypatch.setattr(sparks_pixels, "KEPT_EVERY", 10)
    monkeypatch.setattr(sparks_pixels, "BATCH", 4)
    whole = train_pixels(tmp_path, 5, tmp_path / "whole.pt", 20)
    with np.load(clips_path(tmp_path, 0)) as saved:
        inputs = torch.from_numpy(saved["inputs"]).float()
        with torch.no_grad():
            said = whole(inputs.flatten(1, 2)).numpy()
        true = saved["truth"] > 0
    assert said[true].mean() > said[~true].mean() + 0.5
    saved = torch.load(tmp_path / "whole.pt", weights_only=True)
    assert saved[0] == 20
    again = train_pixels(tmp_path, 5, tmp_path / "whole.pt", 20)  # nothing is left to do
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_the_level_is_the_middle_of_the_best_ones():
    both = np.full(len(LEVELS), 50)
    both[3:6] = 90
    found = [Overlap("snr2", both, np.full(len(LEVELS), 100), 70, 100)] * 2
    assert best_level(found) == pytest.approx(LEVELS[4])
    assert found[0].iou(LEVELS[4]) == pytest.approx(0.9)
    assert found[0].iou_fit == pytest.approx(0.7)
