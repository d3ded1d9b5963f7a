from app_pages.models import figures


def test_a_figure_has_its_interval_its_n_and_what_it_was_measured_on():
    table = figures({"macro_f1": {"value": 0.812, "low": 0.78, "high": 0.84, "n": 812, "on": "test <records>"}})
    for told in ("macro f1", "0.812", "0.78 to 0.84", "812", "test &lt;records&gt;"):
        assert told in table


def test_a_figure_without_an_interval_is_told_alone():
    assert " to " not in figures({"auroc": {"value": 0.9, "n": 5, "on": "x"}})


def test_a_weight_without_figures_says_so():
    assert "states no figures" in figures({})
