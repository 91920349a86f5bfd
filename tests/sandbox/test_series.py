"""Series: the pure function that history and scraping share, and the targets that are scraped."""

import math

import pytest
import requests

from sandbox.services.running import Running
from sandbox.services.series import exposition, value_at
from sandbox.world import Metrics, Series, World


@pytest.mark.parametrize(
    ("moment", "value"),
    [(4000, None), (3600, 1.0), (601, 1.0), (600, 5.0), (0, 5.0), (-30, 5.0)],
)
def test_a_gauge_holds_its_newest_point(moment: float, value: float | None) -> None:
    assert value_at(Series("g", value={3600: 1.0, 600: 5.0}), moment) == value


def test_a_series_ends_where_it_says() -> None:
    series = Series("g", value={3600: 1.0}, until=300)
    assert (value_at(series, 300), value_at(series, 299), value_at(series, -5)) == (1.0, None, None)


@pytest.mark.parametrize(
    ("moment", "value"),
    [(86400, 0.0), (86300, 100.0), (100, 86300.0), (0, 86800.0), (-10, 86850.0)],
)
def test_a_counter_is_the_integral_of_its_rate(moment: float, value: float) -> None:
    assert value_at(Series("c", kind="counter", value={90000: 1.0, 100: 5.0}), moment) == pytest.approx(value)


def test_an_unknown_kind_of_series_is_an_error() -> None:
    with pytest.raises(ValueError, match="neither gauge nor counter"):
        value_at(Series("h", kind="histogram", value={10: 1.0}), 0)


def test_a_target_is_rendered_in_the_text_format_without_the_labels_its_target_has() -> None:
    series = [
        Series("up_to", {"job": "shop", "code": 'a"b\\c\nd'}, value={10: math.inf}, target="shop"),
        Series("odd", value={10: math.nan}, target="shop"),
        Series("elsewhere", value={10: 1.0}, target="other"),
        Series("history", value={10: 1.0}),
    ]
    text = exposition("shop", {"job": "shop"}, series, 0)
    assert text == '# TYPE up_to gauge\nup_to{code="a\\"b\\\\c\\nd"} +Inf\n# TYPE odd gauge\nodd NaN\n'


def test_a_counter_that_is_scraped_goes_on_from_its_history() -> None:
    series = [Series("c", kind="counter", value={100: 2.0}, target="t")]
    shown = [float(exposition("t", {}, series, moment).split()[-1]) for moment in (0, -1, -2)]
    assert shown == [value_at(series[0], 0), value_at(series[0], -1), value_at(series[0], -2)] == [200.0, 202.0, 204.0]


def test_targets_are_scraped_and_silent_ones_answer_503(facade: Running) -> None:
    series = [Series("requests_total", {"code": "200"}, "counter", {86400: 2.0}, "shop"), Series("load", value={86400: 0.5}, target="mute")]
    metrics = Metrics(series=series, targets={"shop": {}, "mute": {}}, silent=["mute"])
    facade.put_world(World(metrics=metrics))
    with requests.Session() as session:
        session.trust_env = False
        answers = {name: session.get(f"{facade.addresses['metrics']}/{name}", timeout=10) for name in ("shop", "mute", "none")}
    assert {name: answer.status_code for name, answer in answers.items()} == {"shop": 200, "mute": 503, "none": 404}
    name, value = answers["shop"].text.splitlines()[1].split()
    assert name == 'requests_total{code="200"}'
    assert float(value) >= 2.0 * 86400
    assert answers["shop"].headers["Content-Type"].startswith("text/plain; version=0.0.4")
