"""`python -m app_pages.ecg_views.poster`: the home page's picture, the synthetic example as the app itself reads it."""

from __future__ import annotations

import sys

from app_pages.ecg_views.photo import attributed
from app_pages.ecg_views.why import colour
from app_pages.shared.intake import EXAMPLES, example
from engine import models, study
from engine.registry import task
from explain.explanation import explain


def main() -> int:
    path = example(task("ecg"))
    if path is None:
        print("There is no example; make it with `python -m training.examples`.", file=sys.stderr)
        return 1
    store = models.store()
    analysis = task("ecg").analyse(study.read_path(path), store=store)
    if analysis.finding.refusal:
        print(f"The example is refused: {analysis.finding.refusal.message}", file=sys.stderr)
        return 1
    explanation = explain(analysis, store)
    assert explanation is not None
    best = max(analysis.finding.labels, key=lambda label: (label.positive, label.probability))
    weights = colour(explanation, "grad_cam", best.code)
    assert weights is not None
    evidence = analysis.evidence
    (EXAMPLES / "ecg_result.jpg").write_bytes(attributed(evidence.photo, evidence.digitisation, weights))
    return 0


if __name__ == "__main__":
    sys.exit(main())
