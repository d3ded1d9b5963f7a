"""Marks beside sparks: pairs are one to one, near in place and time."""

import pytest

from engine import models
from engine.registry import task
from engine.sparks.agreement import agreement
from engine.sparks.recording import Annotation
from tests.engine.sparks.drawn_recording import drawn, study, tiff

SPARKS = [(15, 8, 10, 1.0, 2.2, 12.0, 40.0), (60, 16, 70, 0.8, 2.0, 12.0, 30.0)]
FRAMES = drawn(SPARKS, frames=90, width=80)


@pytest.fixture(scope="module")
def found():
    marks = b"x,y,tIni,tFin\n12,9,15,20\n70,16,20,25\n"
    given = study(("cell.tif", tiff(FRAMES)), ("cell.csv", marks))
    return task("calcium-sparks").analyse(given, store=models.store("cpu"))


def test_a_mark_is_found_where_a_spark_is_near_and_at_its_time(found):
    sparks = found.evidence.sparks
    assert agreement([Annotation(12, 9, 15, 20)], sparks).found_as == (1,)
    assert agreement([Annotation(12, 9, 40, 45)], sparks).found_as == (None,)
    assert agreement([Annotation(40, 9, 15, 20)], sparks).found_as == (None,)


def test_two_marks_of_one_spark_share_it_with_nobody(found):
    marks = [Annotation(14, 9, 15, 20), Annotation(10, 8, 15, 20)]
    agreed = agreement(marks, found.evidence.sparks)
    assert agreed.found_as == (None, 1)  # the nearer one has it
    assert agreed.found == 1
    assert agreed.unmarked == (2,)


def test_the_finding_says_which_marks_were_found(found):
    details = found.finding.details
    assert [mark["found_as"] for mark in details["annotations"]] == [1, None]
    assert details["unmarked_sparks"] == [2]
