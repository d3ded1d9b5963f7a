import numpy as np
import pytest

from engine.echo_plax.anatomy import OUTER_WALL, SEPTUM, STRUCTURES, VENTRICLE
from training.echo_plax_simulator import DESCENT, TIPS, Phase, PlaxScene, anatomy, phase_at, random_scene, simulate

STEP = 0.05  # mm


@pytest.mark.parametrize(("contraction", "lvid", "ivs", "wall"), [(0.0, 48, 9, 9), (1.0, 31, 9 * 1.45, 9 * 1.45)])
def test_the_sizes_at_the_mitral_tips_are_the_scene_s(contraction, lvid, ivs, wall):
    y = np.arange(-80, 80, STEP)[:, None]
    tips = TIPS - DESCENT * contraction
    column, _ = anatomy(PlaxScene(), Phase(contraction, 0.0, 0.0), np.full_like(y, tips), y)
    sizes = [(column == s).sum() * STEP for s in (VENTRICLE, SEPTUM, OUTER_WALL)]
    assert sizes == pytest.approx([lvid, ivs, wall], abs=0.3)


def test_a_beat_begins_full_and_is_emptiest_when_systole_ends():
    contractions = [phase_at(beat).contraction for beat in np.linspace(0, 0.99, 100)]
    assert contractions[0] == 0
    assert np.argmax(contractions) == pytest.approx(38, abs=1)
    assert phase_at(0.2).mitral == 0 < phase_at(0.2).aortic


def test_frames_and_classes_lie_in_the_same_sector_and_move():
    frames, masks = simulate(PlaxScene(seconds=0.7, rate_hz=15))
    assert frames.shape == masks.shape == (10, 300, 400)
    assert (masks[frames == 0] == 0).mean() > 0.97
    assert set(np.unique(masks)) == {0, *STRUCTURES}
    areas = (masks == VENTRICLE).sum((1, 2))
    assert areas.min() < 0.75 * areas.max()


def test_another_seed_draws_another_heart():
    one, two = (random_scene(np.random.default_rng(k)) for k in (0, 1))
    assert one != two
    assert random_scene(np.random.default_rng(0)) == one
