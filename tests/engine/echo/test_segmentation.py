import numpy as np

from engine.echo.segmentation import steadied


def test_a_flicker_is_halved_and_shares_still_add_up():
    shares = np.zeros((5, 2, 4, 4), np.float16)
    shares[:, 0] = 1
    shares[2] = shares[2][::-1]  # one frame says the other class
    smooth = steadied(shares)
    assert smooth.dtype == np.float16
    np.testing.assert_allclose(smooth.sum(1), 1)
    np.testing.assert_allclose(smooth[:, 1, 0, 0], [0, 0.25, 0.5, 0.25, 0])


def test_two_frames_stay_as_they_are():
    shares = np.random.default_rng(0).random((2, 3, 4, 4)).astype(np.float16)
    assert steadied(shares) is shares
