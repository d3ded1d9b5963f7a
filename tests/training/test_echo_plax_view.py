import numpy as np

from engine.echo_plax.view import FEATURES
from training.echo_plax_view import Seen, fitted, left_out


def clips(count: int = 6) -> list[Seen]:
    """Long axes whose structures are drawn surely and others where they are not, in equal numbers."""
    rng = np.random.default_rng(0)
    return [
        Seen(f"{k}", kind, np.clip(rng.normal(0.85 if kind else 0.3, 0.08, (4, len(FEATURES))), 0, 1))
        for k in range(count)
        for kind in (True, False)
    ]


def test_the_rule_takes_long_axes_and_no_others_that_it_has_not_seen():
    assert all(taken == one.long_axis for one, taken in left_out(clips()))


def test_what_intake_refused_is_never_taken():
    rule = fitted(clips())
    assert rule.probability(Seen("still", False, None)) == 0
    assert rule.probability(Seen("good", True, np.full((1, len(FEATURES)), 0.95))) > 0.9
