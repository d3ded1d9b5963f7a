"""What the reader takes along of the sparks that they accepted."""

import io

import numpy as np
import pytest
import tifffile

from app_pages.sparks_views import heat
from app_pages.sparks_views.table import labels_tiff, sparks_table_csv
from app_pages.sparks_views.trace import trace_of
from app_pages.sparks_views.why import attention_curve
from engine import models
from engine.registry import task
from tests.engine.sparks.drawn_recording import drawn, stack

SPARKS = [(15, 8, 10, 1.0, 2.2, 12.0, 40.0), (60, 16, 30, 0.8, 2.0, 12.0, 30.0)]


@pytest.fixture(scope="module")
def evidence():
    return task("calcium-sparks").analyse(stack(drawn(SPARKS, frames=90)), store=models.store("cpu")).evidence


def test_the_label_stack_holds_the_accepted_sparks_only(evidence):
    labels = tifffile.imread(io.BytesIO(labels_tiff(evidence, evidence.sparks[1:])))
    assert labels.shape == (90, 24, 40)
    assert labels.dtype == np.uint16
    assert set(np.unique(labels)) == {0, 2}
    assert labels[61, 16, 30] == 2


def test_the_table_keeps_the_sparks_numbers(evidence):
    rows = sparks_table_csv(evidence.sparks[1:]).decode().splitlines()
    assert [row.split(",")[0] for row in rows] == ["spark", "2"]


def test_hot_spots_are_brightest_where_sparks_are(evidence):
    heat_map = heat.hot_spots(evidence, evidence.sparks)
    y, x = np.unravel_index(heat_map.argmax(), heat_map.shape)
    assert (x, y) == pytest.approx((10, 8), abs=1)
    assert heat.hot_spots(evidence, evidence.sparks[1:])[8, 10] == 0


def test_the_trace_rests_at_one_and_rises_at_the_spark(evidence):
    trace = trace_of(evidence, evidence.sparks[0])
    raw = trace.raw
    assert np.median(raw[40:]) == pytest.approx(1, abs=0.02)
    assert trace.first + int(trace.smoothed.argmax()) == pytest.approx(17, abs=2)
    assert raw.max() > 1.3


def test_the_attention_curve_names_its_highest_frame(evidence):
    assert f"most attention at frame {int(evidence.attention.argmax())}" in attention_curve(evidence)
