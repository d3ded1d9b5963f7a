import pytest

from app_pages.ecg_views.corrections import layout_name


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("3x4", "3 × 4"),
        ("3x4+1", "3 × 4 and 1 rhythm strip"),
        ("3x4+3 Cabrera", "3 × 4 and 3 rhythm strips, Cabrera order"),
        ("12x1", "12 × 1"),
        ("as found", "as found"),
    ],
)
def test_layouts_have_names_for_readers(layout, said):
    assert layout_name(layout) == said
