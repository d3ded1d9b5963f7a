"""Reliability and ROC pictures of a multi-label classifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np

BINS = 10


def reliability(truth: np.ndarray, probability: np.ndarray, names: tuple[str, ...], path: Path) -> None:
    """Stated against observed share, a panel per class; truth (n, k) with NaN where unknown, probability (n, k). PNG."""
    figure, panels = _panels(names, "stated probability", "observed share")
    for k, (panel, name) in enumerate(zip(panels, names, strict=False)):
        known = np.isfinite(truth[:, k])
        bins = np.minimum((probability[known, k] * BINS).astype(int), BINS - 1)
        shares = [
            (probability[known, k][bins == b].mean(), truth[known, k][bins == b].mean(), (bins == b).sum())
            for b in range(BINS)
            if (bins == b).any()
        ]
        stated, observed, counts = np.array(shares).T
        panel.plot([0, 1], [0, 1], color="0.7", lw=1)
        panel.scatter(stated, observed, s=8 + 60 * counts / counts.max(), color="#0072B2", alpha=0.8)
        panel.plot(stated, observed, color="#0072B2", lw=1)
        panel.set_title(f"{name} ({int(np.nansum(truth[:, k]))} of {known.sum()})", fontsize=9)
    _save(figure, path)


def roc(truth: np.ndarray, probability: np.ndarray, names: tuple[str, ...], path: Path) -> None:
    """Sensitivity against 1 - specificity, a panel per class. PNG."""
    figure, panels = _panels(names, "1 - specificity", "sensitivity")
    for k, (panel, name) in enumerate(zip(panels, names, strict=False)):
        known = np.isfinite(truth[:, k])
        hits = truth[known, k][np.argsort(-probability[known, k], kind="stable")] == 1
        if hits.any() and not hits.all():
            panel.plot(
                np.r_[0, (~hits).cumsum() / (~hits).sum()], np.r_[0, hits.cumsum() / hits.sum()], color="#D55E00"
            )
        panel.plot([0, 1], [0, 1], color="0.7", lw=1)
        panel.set_title(f"{name} ({int(hits.sum())} of {known.sum()})", fontsize=9)
    _save(figure, path)


def _panels(names, x_label, y_label):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = -(-len(names) // 3)
    figure, grid = pyplot.subplots(rows, 3, figsize=(8, 2.6 * rows), sharex=True, sharey=True, squeeze=False)
    figure.supxlabel(x_label)
    figure.supylabel(y_label)
    return figure, grid.ravel()


def _save(figure, path: Path) -> None:
    from matplotlib import pyplot

    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
