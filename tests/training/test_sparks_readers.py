"""What is learnt and chosen, on examples whose answer is plain."""

from dataclasses import replace

import numpy as np
import pytest

from engine.sparks.features import CELL_FEATURES, EVENT_FEATURES, FRAME_FEATURES
from training import sparks_readers as readers
from training.sparks_examples import Example
from training.sparks_weights import Judge, Judges, choose, event_figures, matched_filter


def example(seed, condition="snr1", missed=0, features=26):
    """Twenty candidates: the sparks are those whose first number is above 0."""
    rng = np.random.default_rng(seed)
    events = rng.normal(size=(20, features)).astype(np.float32)
    kinds = (events[:, 0] > 0).astype(int)
    frames = rng.normal(size=(50, FRAME_FEATURES - 1)).astype(np.float32)
    firing = frames[:, 0] > 1.0
    spans = np.repeat([[5, 9]], 20, axis=0)
    return Example(
        condition, events, kinds, spans, frames, firing, int(kinds.sum()) + missed, missed, np.ones(20, bool)
    )


def test_the_event_reader_learns_a_plain_rule(monkeypatch):
    monkeypatch.setattr(readers, "EVENT_STEPS", 150)
    reader = readers.train_events([example(s) for s in range(60)], len(EVENT_FEATURES))
    held = example(99)
    said = readers.event_logits(reader, held)[:, 1] > readers.event_logits(reader, held)[:, 0]
    assert (said == (held.kinds == 1)).mean() > 0.85


def test_a_reader_of_several_networks_averages_what_each_says(monkeypatch):
    monkeypatch.setattr(readers, "EVENT_STEPS", 20)
    some, held = [example(s) for s in range(8)], example(99)
    both = readers.train_events(some, 26, members=2)
    alone = [readers.train_events(some, 26, seed=seed) for seed in (0, 1)]

    def chances(reader):
        logits = readers.event_logits(reader, held)
        return np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))

    assert chances(both) == pytest.approx((chances(alone[0]) + chances(alone[1])) / 2, abs=1e-5)
    assert np.abs(chances(alone[0]) - chances(alone[1])).max() > 1e-3


def test_the_reader_of_line_scans_learns_from_cells_too_and_sees_what_a_line_tells(monkeypatch):
    monkeypatch.setattr(readers, "EVENT_STEPS", 20)
    cells, line = example(0, features=len(CELL_FEATURES)), example(1)
    assert (cells.line_scan, line.line_scan) == (False, True)
    reader = readers.train_events([cells, line], len(EVENT_FEATURES))
    shuffled = replace(cells, events=np.concatenate([cells.events[:, : len(EVENT_FEATURES)], cells.events[:, :14]], 1))
    assert (readers.event_logits(reader, cells) == readers.event_logits(reader, shuffled)).all()
    judges = Judges(Judge(reader, 1.0), choose(reader, [cells], [line]))
    assert judges.of(cells) is judges.cells
    assert judges.of(line) is judges.lines


def test_the_frame_reader_learns_which_frames_fire_and_looks_at_them(monkeypatch):
    monkeypatch.setattr(readers, "FRAME_STEPS", 150)
    inputs = [np.concatenate([e.frames, np.zeros((50, 1), np.float32)], 1) for e in map(example, range(20))]
    reader = readers.train_frames(inputs, [example(s).firing for s in range(20)])
    held = example(99)
    logits, attention, _ = readers.read(reader, np.concatenate([held.frames, np.zeros((50, 1), np.float32)], 1))
    assert logits[held.firing].mean() > logits[~held.firing].mean() + 1
    assert attention[held.firing].mean() > 2 * attention[~held.firing].mean()
    assert attention.sum() == pytest.approx(1, abs=1e-5)


def test_counts_by_hand():
    one = example(0, missed=2)
    real = int((one.kinds == 1).sum())
    counts = readers.count(one, one.events[:, 0].astype(float), 0.0)
    assert (counts.found, counts.missed, counts.extra) == (real, 2, 0)
    assert counts.f1 == pytest.approx(2 * real / (2 * real + 2))
    every = readers.count(one, np.ones(20), 0.5)
    assert (every.found, every.extra) == (real, 20 - real)


def test_the_threshold_lies_where_the_score_parts_the_kinds():
    some = [example(s) for s in range(4)]
    cut = readers.best_threshold(some, [e.events[:, 0].astype(float) for e in some], np.linspace(-2, 2, 81))
    assert cut == pytest.approx(0, abs=0.2)


def test_an_overconfident_reader_is_cooled():
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 3))
    chance = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    kinds = np.array([rng.choice(3, p=p) for p in chance])
    assert readers.temperature_of(honest * 2, kinds) == pytest.approx(2, rel=0.1)


def test_figures_have_n_and_interval():
    some = [example(s) for s in range(6)]
    judge = Judge(readers.EventReader(), 1.0)
    figures = event_figures(some, judge, matched_filter(some))
    rival = figures["snr1_matched_filter_f1"]
    assert rival["n"] == 6
    assert rival["low"] <= rival["value"] <= rival["high"]
    assert rival["value"] > 0.9
