"""Which metrics an expression names."""

import pytest

from fixtures.prometheus.promql import metrics, placed, selectors


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("up", ["up"]),
        ('sum by (pod, le) (rate(requests_total{job=~"a|}b", code!="5"}[5m] offset 1h))', ["requests_total"]),
        ("a / on (pod) group_left (node) job:b:sum > bool 1e-5", ["a", "job:b:sum"]),
        ('{__name__="a_total", x="y"} and {"dotted.name"}', ["a_total", "dotted.name"]),
        ("histogram_quantile(0.95, sum without (pod) (rate(b_bucket[5m:1m])))", ["b_bucket"]),
        ("topk(5, count by (x) (a)) # b", ["a"]),
        ("label_replace(a, 'to', \"$1\", `from`, '(.*)b')", ["a"]),
        ("a @ start() - Inf + NaN", ["a"]),
        ("count", ["count"]),
        ("time() - 0x1F > 1h", []),
        ("vector(1)", []),
        ("a and ON () hour() > 3", ["a"]),
        ("a unless a", ["a"]),
        ('absent(a{job="x"}) or b', ["b"]),
        ("rate(a[5m]) > 1 and absent_over_time(b[1h])", ["a"]),
        ('{job="x"}', []),
    ],
)
def test_metrics_of_an_expression(expression: str, named: list[str]) -> None:
    assert list(metrics(expression)) == named


def test_a_selector_can_be_asked_by_itself() -> None:
    found = selectors('sum(rate(a{x="}", y="z"}[5m] offset 1h)) / b')

    assert [each.text for each in found] == ['a{x="}",y="z"}', "b"]


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ('rate(a{job="x", code="500"}[5m])', ['a{job="x"}']),
        ('a{code="500"} / a', ["", ""]),
        ('a{job=~"x|y", namespace="n"}', ['a{namespace="n"}']),
        ('absent(a{job="x"})', [""]),
        ('{__name__="a.b", job="x"}', [""]),
    ],
)
def test_a_selector_is_asked_for_where_its_series_come_from_and_not_for_what_may_not_have_happened_yet(
    expression: str, asked: list[str]
) -> None:
    assert [placed(each) for each in selectors(expression)] == asked


@pytest.mark.parametrize("expression", ["a{", "a{x=", "{__name__=", '"', "((", "a[", "{__name__"])
def test_an_unfinished_expression_does_no_harm(expression: str) -> None:
    assert [placed(each) for each in selectors(expression)] in ([], [""])
