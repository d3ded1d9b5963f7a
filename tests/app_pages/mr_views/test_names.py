"""What the cardiac MR page calls what the engine names."""

from app_pages.mr_views.pictures import LANDMARKS
from engine.mr.task import INSERTIONS
from engine.mr.views import POINTS


def test_every_landmark_has_a_name_for_readers():
    assert set(LANDMARKS) == {name for names in POINTS.values() for name in names} | set(INSERTIONS)
    assert len(set(LANDMARKS.values())) == len(LANDMARKS)
