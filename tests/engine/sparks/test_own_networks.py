"""A user's own networks answer in place of ours: all that they say counts, and nothing else changes."""

import csv
import io

import numpy as np
import pytest

from engine import models
from engine.errors import EngineError, WeightError
from engine.registry import task
from engine.sparks.keras_networks import inception, unet
from engine.sparks.task import options
from tests.engine.sparks.drawn_recording import drawn, stack
from tests.engine.sparks.keras_files import always

SPARKS = [(15, 8, 10, 1.0, 2.2, 12.0, 40.0), (30, 16, 30, 0.8, 2.0, 12.0, 30.0)]
FRAMES = drawn(SPARKS, width=80)
LOGIT = 3.0
SAYS_SPARK = 1 / (1 + np.exp(-LOGIT))


@pytest.fixture(scope="module")
def store():
    return models.ModelStore("cpu")


@pytest.fixture(scope="module")
def alone(store):
    return task("calcium-sparks").analyse(stack(FRAMES), None, store)


def asked(store, *files):
    chosen = task("calcium-sparks")
    fields = {name: sha for file in files for name, sha in chosen.lend(file, store).items()}
    return chosen.analyse(stack(FRAMES), options(fields), store)


def rows(analysis, name):
    return list(csv.DictReader(io.StringIO(analysis.artefacts[name].decode())))


def test_the_pixel_network_decides_what_is_a_spark(store, alone):
    none, every = (asked(store, always(unet(), 3, logit)) for logit in (-LOGIT, LOGIT))
    assert rows(none, "sparks.csv") == []
    found = rows(every, "sparks.csv")
    assert len(found) == len(alone.evidence.detection.judged)
    assert len(found) >= 2
    assert [float(row["probability"]) for row in found] == pytest.approx([SAYS_SPARK] * len(found), abs=1e-4)
    ours = {(row["x"], row["t_peak"], row["fwhm_um"]) for row in rows(alone, "sparks.csv")}
    assert ours <= {(row["x"], row["t_peak"], row["fwhm_um"]) for row in found}  # sizes stay ours


def test_a_pixel_network_of_one_channel_is_shown_the_signal_alone(store):
    assert asked(store, always(unet(), 1, LOGIT)).evidence.sparks


def test_the_frame_network_says_which_frames_hold_a_spark(store, alone):
    said = asked(store, always(inception(), 3, LOGIT))
    frames = rows(said, "frames.csv")
    assert [float(row["probability"]) for row in frames] == pytest.approx([SAYS_SPARK] * 60, abs=1e-4)
    label = said.finding.labels[0]
    assert label.probability == pytest.approx(SAYS_SPARK, abs=1e-4)
    assert label.positive
    assert not label.validated
    assert rows(said, "sparks.csv") == rows(alone, "sparks.csv")


def test_the_finding_names_the_networks_that_answered(store, alone):
    both = asked(store, always(unet(), 3, LOGIT), always(inception(), 3, LOGIT)).finding
    assert {"deepcardio-pixels", "deepcardio-frames"} <= {used.name for used in both.provenance.weights}
    assert both.details["own_networks"] == ["frames", "pixels"]
    assert alone.finding.details["own_networks"] == []
    assert not {used.name for used in alone.finding.provenance.weights} & {"deepcardio-pixels", "deepcardio-frames"}


def test_other_files_and_other_options_are_turned_away(store):
    with pytest.raises(WeightError, match="neither of the two networks"):
        task("calcium-sparks").lend(b"something else", store)
    with pytest.raises(EngineError, match="SHA-256"):
        options({"deepcardio_pixels": "mine.h5"})
    with pytest.raises(WeightError, match="choose its file again"):
        task("calcium-sparks").analyse(stack(FRAMES), options({"deepcardio_frames": "0" * 64}), store)
