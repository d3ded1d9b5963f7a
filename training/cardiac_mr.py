"""Makes the four weights of cardiac MR, measures them on patients held back, and writes their cards.

    python -m training cardiac-mr --data DIR [--evaluate | --card]

DIR as training.cardiac_mr_segmentation and training.cardiac_mr_views have it. Trainings that are done are taken from
--runs. --evaluate: only measure what is shipped, and print it. --card: only measure it, and write its card anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from engine import models, weights
from engine.mr import segmentation, views
from engine.mr.task import readers_of
from engine.mr.views import CLASSES
from training import cardiac_mr_beat, cardiac_mr_segmentation, cardiac_mr_stack, cardiac_mr_views
from training.cardiac_mr_card import beat_card, segmentation_card, stack_card, views_card
from training.cardiac_mr_data import Slice, acdc_people, read_acdc, read_sunnybrook
from training.cardiac_mr_scores import (
    Figure,
    cohort_groups,
    known_patient_figures,
    segmentation_figures,
    table,
    view_figures,
)
from training.cardiac_mr_views_data import Seen, read_views, stills_of_the_cines
from training.publish import publish

Log = Callable[[str], None]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training cardiac-mr",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--evaluate", action="store_true")
    instead.add_argument("--card", action="store_true")
    parser.add_argument("--only", choices=("segmentation", "views"))
    asked = parser.parse_args(argv)
    torch.set_num_threads(asked.threads)
    if asked.only != "views":
        _segmentation(asked)
    if asked.only != "segmentation":
        _views(asked)
    return 0


def _segmentation(asked: argparse.Namespace) -> None:
    slices = read_acdc(asked.data / "acdc") + read_sunnybrook(asked.data / "sunnybrook")
    people = {person.name: person for person in acdc_people(asked.data / "acdc")}
    distances = {name: person.slice_mm for name, person in people.items()}
    held_back = [s for s in slices if s.validates]
    if asked.evaluate:
        print(table(segmentation_figures(held_back, distances, _shipped_readers(), _say)))
        return
    if asked.card:
        shipped = _shipped_readers()
        networks = [model.module for model in (shipped.heart, shipped.stack, shipped.beat)]
    else:
        networks = _trained(slices, asked.runs, asked.threads)
    groups = cohort_groups(slices, distances, people)

    def ship(figures: list[Figure]) -> None:
        counts = _counts(slices)
        cards = (
            (segmentation.WEIGHT, segmentation_card(figures, groups, counts)),
            (segmentation.STACK_WEIGHT, stack_card(figures, counts)),
            (segmentation.BEAT_WEIGHT, beat_card(figures, counts)),
        )
        for network, (name, card) in zip(networks, cards, strict=True):
            publish(name, network.state_dict(), card)

    ship([])  # measured are the files that are shipped, in their half precision
    ship(segmentation_figures(held_back, distances, _shipped_readers(), _say))


def _trained(slices: list[Slice], runs: Path, threads: int) -> list[torch.nn.Module]:
    """The networks of a slice, of a stack and of a beat; each goes on from the one before."""
    network = cardiac_mr_segmentation.train(slices, runs / "cardiac-mr", threads)
    stacked = cardiac_mr_stack.train(slices, network, runs / "cardiac-mr-stack", threads)
    beat = cardiac_mr_beat.train(slices, cardiac_mr_beat.first_course(runs), runs / "cardiac-mr-beat", threads)
    return [network, stacked, beat]


def _views(asked: argparse.Namespace) -> None:
    seen = read_views(asked.data)
    held_back = [s for s in seen if s.validates]
    stills = stills_of_the_cines(asked.data / "cmr_stills")

    def measured() -> list[Figure]:
        model = _shipped(views.WEIGHT)
        return view_figures(held_back, model) + known_patient_figures(stills, model)

    if asked.evaluate:
        print(table(measured()))
        return
    if asked.card:
        network = _shipped(views.WEIGHT).module
    else:
        network = cardiac_mr_views.train(seen, asked.runs / "cardiac-mr-views", asked.threads)

    def ship(figures: list[Figure], temperature: float) -> None:
        publish(views.WEIGHT, network.state_dict(), views_card(figures, temperature, _view_counts(seen)))

    ship([], 1.0)
    temperature = cardiac_mr_views.temperature(network, held_back)
    ship(measured(), temperature)


def _shipped(name: str) -> models.LoadedModel:
    """The weight as it lies on the disk now."""
    weights.weight(name)
    return models.ModelStore("cpu").get(name)


def _shipped_readers() -> segmentation.Readers:
    """What draws the ventricles."""
    return readers_of(models.ModelStore("cpu"))


def _counts(slices: list[Slice]) -> dict[str, tuple[int, int]]:
    """Source and part -> patients, slices."""
    counts = {}
    for cavity_only, source in ((False, "ACDC"), (True, "Sunnybrook")):
        for validates, share in ((False, "training"), (True, "held back")):
            some = [s for s in slices if s.cavity_only == cavity_only and s.validates == validates]
            counts[f"{source}, {share}"] = len({s.patient for s in some}), len(some)
    return counts


def _view_counts(seen: list[Seen]) -> dict[str, tuple[int, int, int, int]]:
    """View -> people and pictures for training, people and pictures held back."""
    counts = {}
    for view in CLASSES:
        parts = [[s for s in seen if s.view == view and s.validates == v] for v in (False, True)]
        one, other = parts
        counts[view] = (len({s.patient for s in one}), len(one), len({s.patient for s in other}), len(other))
    return counts


def _say(line: str) -> None:
    print(line, flush=True)
