"""What a file may say about Kubernetes: selectors, workloads, autoscalers, and what is refused."""

import pytest
from pydantic import TypeAdapter, ValidationError

from muster.kinds.cluster import DeclaredScale, Resource
from muster.kinds.kubernetes import Workload
from muster.kinds.selectors import Selector

SELECTOR = TypeAdapter(Selector)


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ("app=web", {"app": "web", "tier": "x"}, True),
        ("app==web", {"app": "web2"}, False),
        ("app!=web", {}, True),
        ("app!=web", {"app": "web"}, False),
        ("tier in (front, back),app=web", {"app": "web", "tier": "back"}, True),
        ("tier in (front, back)", {}, False),
        ("tier in(front,back)", {"tier": "back"}, True),
        ("tier notin (front)", {}, True),
        ("tier notin (front)", {"tier": "front"}, False),
        ("app.kubernetes.io/name", {"app.kubernetes.io/name": ""}, True),
        ("!canary", {"canary": "yes"}, False),
        ("app=", {"app": ""}, True),
    ],
)
def test_a_selector_chooses_as_kubectl_does(selector: str, labels: dict[str, str], selected: bool) -> None:
    assert SELECTOR.validate_python(selector).matches(labels) is selected


@pytest.mark.parametrize("text", ["", "app=web=x", "app in front", "=web", "app=we b", "a,,b", "app>3", 7])
def test_what_is_no_selector_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValidationError, match="a label selector is written app=web"):
        SELECTOR.validate_python(text)


def test_a_workload_needs_one_way_to_its_pods() -> None:
    given = {"name": "web", "connection": "cluster"}

    with pytest.raises(ValidationError, match="needs a selector"):
        Workload.model_validate(given)
    with pytest.raises(ValidationError, match="give one of deployment"):
        Workload.model_validate(given | {"deployment": "web", "daemon_set": "web"})


def test_a_workload_is_expected_to_be_ready_without_saying_so() -> None:
    expect = Workload.model_validate({"name": "web", "connection": "cluster", "deployment": "web"}).expect

    assert {name for name in type(expect).model_fields if getattr(expect, name) is not None} == {
        "not_ready",
        "unavailable",
        "stuck_rollouts",
        "failing_containers",
        "oom_kills",
    }


def test_a_declared_scale_is_compared_as_one_line_whatever_the_order() -> None:
    terms = DeclaredScale.model_validate({"minimum": 3, "maximum": 10, "targets": {"memory": "80%", "cpu": "70%"}})

    assert terms.value == "3 to 10, cpu 70%, memory 80%"


def test_a_resource_names_its_version_and_one_way_to_its_objects() -> None:
    given = {"name": "certificates", "connection": "cluster", "kind": "Certificate", "expect": {"count": 1}}

    with pytest.raises(ValidationError, match="api_version"):
        Resource.model_validate(given | {"api_version": "cert-manager.io"})
    with pytest.raises(ValidationError, match="give object or selector"):
        Resource.model_validate(given | {"api_version": "cert-manager.io/v1", "object": "a", "selector": "b=c"})
