"""Pictures of how well ventricles and ejection fractions are read: Dice, scatter, Bland-Altman, ROC. PNG each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.echo_ef.ejection_fraction import PRESERVED, REDUCED, Estimate, MeasuredError, estimate, labels
from training import plots

BLUE, ORANGE = "#0072B2", "#D55E00"


def write(folder: Path, dice: np.ndarray, names: tuple[str, ...], ef: np.ndarray, error: MeasuredError) -> None:
    """All four into `folder`. dice: (n, structures). ef: (n, 2) estimated and reference in %; rows with NaN are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    ef = ef[np.isfinite(ef).all(1)]
    overlaps(dice, names, folder / "dice.png")
    scatter(ef, folder / "ef_scatter.png")
    bland_altman(ef, folder / "ef_bland_altman.png")
    truth, probability = roc_of(ef, error)
    plots.roc(truth, probability, ("EF 40 % or less", "EF below 50 %"), folder / "ef_roc.png")


def overlaps(dice: np.ndarray, names: tuple[str, ...], path: Path) -> None:
    """A box per structure; whiskers at the 5th and 95th percentile."""
    figure, panel = _panel("", "Dice")
    panel.boxplot(list(dice.T), tick_labels=list(names), whis=(5, 95))
    panel.set_title(f"{len(dice)} patients", fontsize=9)
    _save(figure, path)


def scatter(ef: np.ndarray, path: Path) -> None:
    """Estimated against reference EF, %, with the line of identity."""
    figure, panel = _panel("reference EF, %", "estimated EF, %")
    low, high = float(ef.min()) - 3, float(ef.max()) + 3
    panel.plot([low, high], [low, high], color="0.7", lw=1)
    panel.scatter(ef[:, 1], ef[:, 0], s=14, color=BLUE, alpha=0.7)
    off = ef[:, 0] - ef[:, 1]
    panel.set_title(f"{len(ef)} patients, mean absolute error {np.abs(off).mean():.1f} points", fontsize=9)
    _save(figure, path)


def bland_altman(ef: np.ndarray, path: Path) -> None:
    """Difference against mean, with the bias and the limits of agreement (1.96 standard deviations)."""
    figure, panel = _panel("mean of both, %", "estimated minus reference, points")
    off = ef[:, 0] - ef[:, 1]
    bias, limits = float(off.mean()), 1.96 * float(off.std(ddof=1))
    panel.scatter(ef.mean(1), off, s=14, color=BLUE, alpha=0.7)
    for at, dash in ((bias, "-"), (bias - limits, "--"), (bias + limits, "--")):
        panel.axhline(at, color=ORANGE, ls=dash, lw=1)
    panel.set_title(f"bias {bias:+.1f}, limits {bias - limits:+.1f} to {bias + limits:+.1f} points", fontsize=9)
    _save(figure, path)


def roc_of(ef: np.ndarray, error: MeasuredError) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) truth and stated probability of EF <= 40 % and of EF < 50 %, from (n, 2) estimated and reference."""
    truth = np.stack([ef[:, 1] <= REDUCED, ef[:, 1] < PRESERVED], 1).astype(float)
    return truth, np.array([_stated(estimate(np.array([value]), error)) for value in ef[:, 0]])


def _stated(found: Estimate) -> tuple[float, float]:
    reduced, mildly, _ = (label.probability for label in labels(found))
    return reduced, reduced + mildly


def _panel(x_label: str, y_label: str):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panel = pyplot.subplots(figsize=(5, 4))
    panel.set_xlabel(x_label)
    panel.set_ylabel(y_label)
    return figure, panel


def _save(figure, path: Path) -> None:
    from matplotlib import pyplot

    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
