"""`python -m training NAME ...` makes the shipped weight NAME again; NAME with `--help` says what it needs."""

from __future__ import annotations

import importlib
import sys

TRAININGS = {
    "cardiac-mr": "training.cardiac_mr",
    "cardiac-mr-beat": "training.cardiac_mr_beat",
    "cardiac-mr-segmentation": "training.cardiac_mr_segmentation",
    "cardiac-mr-stack": "training.cardiac_mr_stack",
    "cardiac-mr-views": "training.cardiac_mr_views",
    "echo-ef": "training.echo_ef",
    "echo-plax": "training.echo_plax",
    "echo-plax-carry": "training.echo_plax_carry",
    "ecg-page": "training.ecg_segmentation",
    "ecg-classifier": "training.ecg_classifier",
    "ecg": "training.ecg_classifier",
    "calcium-sparks": "training.sparks_weights",
}


def main(argv: list[str]) -> int:
    if not argv or argv[0] not in TRAININGS:
        print(f"usage: python -m training {{{','.join(TRAININGS)}}} ...", file=sys.stderr)
        return 2
    return int(importlib.import_module(TRAININGS[argv[0]]).main(argv[1:]) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
