"""Numbers beside the rings of the hot-spot map."""

from app_pages.sparks_views.heat import Outline, number_places

PICTURE = (200, 100)
HEIGHT = 8.0


def boxes(outlines, numbers):
    places = number_places(outlines, numbers, HEIGHT, PICTURE)
    return [(x, y - HEIGHT, x + 0.6 * HEIGHT * len(n), y) for (x, y), n in zip(places, numbers, strict=True)]


def apart(a, b):
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_a_number_alone_stands_at_the_upper_right():
    ((left, _, _, bottom),) = boxes([Outline(100, 50, 10, 10)], ["1"])
    assert left > 100
    assert bottom < 50


def test_sparks_of_one_site_keep_numbers_that_can_be_told_apart():
    found = boxes([Outline(100, 50, 10, 10)] * 6, ["2", "5", "11", "12", "3", "4"])
    assert all(apart(a, b) for k, a in enumerate(found) for b in found[:k])


def test_numbers_stay_within_the_picture():
    corners = [Outline(x, y, 12, 12) for x in (1, 199) for y in (1, 99)]
    for left, top, right, bottom in boxes(corners, ["1", "2", "3", "14"]):
        assert left >= 0
        assert top >= 0
        assert right <= PICTURE[0]
        assert bottom <= PICTURE[1]
