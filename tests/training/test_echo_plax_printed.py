import numpy as np
import pytest
from PIL import Image

from training.echo_plax_printed import read_printed


def animation(heights, dot=(255, 0, 0)):
    """A black panel over white paper; a dot moves along at these heights, another at the paper's foot."""
    frames = []
    for k, height in enumerate(heights):
        frame = np.full((200, 160, 3), 255, np.uint8)
        frame[5:120, 10:150] = 0
        frame[40:80, 40:100] = 128
        for row in (180 - height, 192):
            frame[row - 1 : row + 2, 20 + 10 * k : 23 + 10 * k] = dot
        frames.append(Image.fromarray(frame))
    return frames


def test_the_upper_dot_is_read_frame_by_frame_and_the_recording_is_its_panel(tmp_path):
    heights = [30, 12, 25, 40]
    first, *rest = animation(heights)
    first.save(tmp_path / "plot.gif", save_all=True, append_images=rest, duration=40)
    printed = read_printed(tmp_path / "plot.gif")
    assert np.corrcoef(printed.diameter, heights)[0, 1] == pytest.approx(1, abs=1e-3)
    assert (printed.recording.height, printed.recording.width) == (115, 140)
    frames = list(printed.recording.frames())
    assert len(frames) == 4
    assert frames[0].shape == (115, 140, 3)
    assert np.ptp(frames[0], axis=2).max() == 0


def test_a_plot_without_dots_is_none(tmp_path):
    first, *rest = animation([10, 20], dot=(0, 0, 0))
    first.save(tmp_path / "plot.gif", save_all=True, append_images=rest, duration=40)
    with pytest.raises(ValueError, match="red dot"):
        read_printed(tmp_path / "plot.gif")
