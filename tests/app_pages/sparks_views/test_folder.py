"""The tables over a folder of recordings."""

import csv
import io

from app_pages.sparks_views.folder import Done, all_sparks_csv, recordings_csv
from app_pages.sparks_views.marks import sentence
from engine import models
from engine.registry import task
from engine.sparks.agreement import Agreement
from engine.study import Study
from tests.engine.sparks.drawn_recording import drawn, stack

SPARKS = [(15, 8, 10, 1.0, 2.2, 12.0, 40.0), (30, 16, 30, 0.8, 2.0, 12.0, 30.0)]


def done(name, sparks):
    found = task("calcium-sparks").analyse(stack(drawn(sparks)), store=models.store("cpu"))
    return Done(Study(name, ()), found.finding, found.artefacts["sparks.csv"])


def test_all_sparks_stand_in_one_table_under_their_recordings():
    several = [
        done("day/a", SPARKS),
        Done(Study("day/b", ()), None, problem="It is damaged."),
        done("day/c", SPARKS[:1]),
    ]
    rows = list(csv.DictReader(io.StringIO(all_sparks_csv(several).decode())))
    assert [(row["recording"], row["spark"]) for row in rows] == [("day/a", "1"), ("day/a", "2"), ("day/c", "1")]
    assert float(rows[2]["amplitude"]) > 0.8
    table = list(csv.DictReader(io.StringIO(recordings_csv(several).decode())))
    assert [(row["study"], row["status"]) for row in table] == [
        ("day/a", "finding"), ("day/b", "unreadable"), ("day/c", "finding"),
    ]  # fmt: skip
    assert table[0]["spark_count [{sparks}]"] == "2"


def test_agreement_is_said_in_a_sentence():
    assert sentence(Agreement((1, None), (2,))) == "1 of 2 marks were found; spark 2 carries no mark."
    assert sentence(Agreement((1,), ())) == "1 of 1 mark was found; every spark carries one."
    assert sentence(Agreement((None,), (1, 2))) == "0 of 1 mark was found; sparks 1 and 2 carry no mark."
