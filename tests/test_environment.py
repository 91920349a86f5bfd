"""Environment files: what they may say, what is wrong with them and where, what becomes of them."""

from datetime import UTC, datetime, timedelta

import pytest

from muster.document import Hours
from muster.environment import cases, load_environment
from muster.explain import explain
from muster.kinds import SECTIONS, every
from muster.yamlfile import ConfigError

SYSTEM = """\
system: shop
owner: team-shop
workloads:
  - name: web
    connection: cluster
    selector: app=web
    severity: P0
    expect:
      ready: 3
      restarts: {at_most: 3, within: 24h, severity: P1}
endpoints:
  - name: health
    url: ${api}/health
    expect:
      faster_than: [{limit: 2s}, {limit: 1s, on: gate, severity: P1}]
readings:
  - name: traffic
    connection: metrics
    promql: sum(rate(http_requests_total[5m]))
    expect: {above: 0}
  - name: orders
    connection: metrics
    promql: sum(orders)
    during: business-hours
    when: {reading: traffic, above: 0}
    expect: {at_least: 1}
"""
PRODUCTION = """\
extends: system.yaml
protected: true
connections:
  cluster: {kubernetes: {namespace: shop}}
  api: {http: {url: https://shop.example}}
  metrics: {prometheus: {url: http://prometheus:9090}}
hours:
  business-hours: {days: mon-fri, from: "08:00", to: "18:00", zone: Europe/Berlin}
"""


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()

    def load(system=SYSTEM, production=PRODUCTION):
        (folder / "system.yaml").write_text(system)
        (folder / "production.yaml").write_text(production)
        return load_environment(folder, "production", folder.relative_to(tmp_path))

    return load


def problems(shop, **files):
    with pytest.raises(ConfigError) as caught:
        shop(**files)
    return [str(problem) for problem in caught.value.problems]


def changed(old, new, text=SYSTEM):
    assert old in text
    return text.replace(old, new)


def test_two_files_make_an_environment(shop):
    made = shop()

    assert (made.id, made.protected, made.owner) == ("shop/production", True, "team-shop")
    assert {entity.id for entity in made.entities} == {"web", "health", "traffic", "orders", "cluster"}  # the last is who we are there
    assert next(entity for entity in made.entities if entity.id == "web").source().namespace == "shop"


def test_an_entity_behind_several_connections_is_looked_at_through_each(shop):
    production = changed(
        "  cluster: {kubernetes: {namespace: shop}}", "  eu: {kubernetes: {context: eu}}\n  us: {kubernetes: {context: us}}", PRODUCTION
    )
    made = shop(system=changed("connection: cluster", "connection: [eu, us]"), production=production)

    webs = {entity.id: entity for entity in made.entities if entity.name == "web"}
    assert {name: entity.source().context for name, entity in webs.items()} == {"web@eu": "eu", "web@us": "us"}
    assert webs["web@eu"].key != webs["web@us"].key


@pytest.mark.parametrize(
    ("old", "new", "place", "rule"),
    [
        ("ready: 3", "raedy: 3", "shop/system.yaml:9:7: workloads[web].expect.raedy", "unknown key; did you mean ready?"),
        ("selector: app=web", "selektor: app=web", "shop/system.yaml:6:5: workloads[web].selektor", "did you mean selector?"),
        ("workloads:", "workload:", "shop/system.yaml:3:1: workload", "did you mean workloads?"),
        ("within: 24h", "within: 24", "shop/system.yaml:10:38: workloads[web].expect.restarts.within", "a duration needs a unit"),
        ("within: 24h", "within: 24MB", "shop/system.yaml:10:38: workloads[web].expect.restarts.within", "(got 24MB)"),
        ("ready: 3", "ready: three", "shop/system.yaml:9:14: workloads[web].expect.ready", "valid integer"),
        ("ready: 3", 'ready: "3"', "shop/system.yaml:9:14: workloads[web].expect.ready", "valid integer"),
        ("ready: 3", "ready: true", "shop/system.yaml:9:14: workloads[web].expect.ready", "valid integer"),
        ("severity: P0", "severity: high", "shop/system.yaml:7:15: workloads[web].severity", "'P0'"),
        ("connection: cluster", "connection: clutser", "shop/system.yaml:5:17: workloads[web].connection", "no connection has this name"),
        ("connection: cluster", "connection: api", "shop/system.yaml:5:17: workloads[web].connection", "a kubernetes connection is needed"),
        ("${api}/health", "${appi}/health", "shop/system.yaml:13:10: endpoints[health].url", "no connection has this name"),
        ("${api}/health", "https://user:hunter2@shop/health", "shop/system.yaml:13:10: endpoints[health].url", "holds no credentials"),
        ("name: health", "name: Health", "shop/system.yaml:12:11: endpoints[Health].name", "a name is lower-case"),
        ("name: orders", "name: traffic", "shop/system.yaml:21:11: readings[traffic].name", "a second entry of readings"),
        ("during: business-hours", "during: nights", "shop/system.yaml:24:13: readings[orders].during", "no hours have this name"),
        ("reading: traffic", "reading: trafic", "shop/system.yaml:25:21: readings[orders].when.reading", "no reading has this name"),
        ("{above: 0}\n  - name: orders", "{}\n  - name: orders", "shop/system.yaml:17:5: readings[traffic]", "without an expectation"),
        ("on: gate", "on: gates", "shop/system.yaml:15:50: endpoints[health].expect.faster_than[1].on", "'gate'"),
        (", on: gate, severity: P1", "", "shop/system.yaml:15:20: endpoints[health].expect.faster_than", "two limits"),
        ("owner: team-shop\n", "", "shop/production.yaml:1:1", "owner is missing"),
        ("system: shop", "system: shoppe", "shop/system.yaml:1:9: system", "the folder is named shop"),
    ],
)
def test_every_mistake_names_its_file_line_column_path_and_rule(shop, old, new, place, rule):
    found = problems(shop, system=changed(old, new))

    assert any(line.startswith(place) and rule in line for line in found), found


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("{url: https://shop.example}", "{url: https://shop.example, bearer: s3cret}", "a literal secret"),
        ("{url: https://shop.example}", "{url: https://user:s3cret@shop.example}", "holds no user"),
        ("{kubernetes: {namespace: shop}}", "{kubernetes: {server: https://x, token: s3cret}}", "a literal secret"),
        ("{kubernetes: {namespace: shop}}", "{kubernetes: {namespace: shop}, http: {url: https://x}}", "exactly one key"),
        ("{kubernetes: {namespace: shop}}", "{kubernets: {namespace: s3cret}}", "unknown key"),
        ("{days: mon-fri", "{days: mon-fry", "pattern"),
        ("Europe/Berlin", "Europe/Berlyn", "not a time zone"),
    ],
)
def test_mistakes_in_connections_and_hours_are_found_and_no_secret_is_repeated(shop, old, new, rule):
    found = problems(shop, production=changed(old, new, PRODUCTION))

    assert any(line.startswith("shop/production.yaml:") and rule in line for line in found), found
    assert not any("s3cret" in line for line in found)


def test_all_mistakes_come_at_once(shop):
    system = changed("ready: 3", "ready: x")
    system = changed("within: 24h", "within: 24", system)

    assert len(problems(shop, system=system)) == 2


def test_an_absent_entity_is_not_checked_and_says_why(shop):
    made = shop(production=PRODUCTION + "workloads:\n  - name: web\n    absent: runs elsewhere\n")

    assert "web" not in [entity.id for entity in made.entities]
    assert [(each.entity, each.state, each.reason) for each in made.switched] == [("web", "absent", "runs elsewhere")]


def test_an_expectation_can_be_switched_off_with_a_reason_only(shop):
    off = PRODUCTION + "workloads:\n  - name: web\n    expect: {ready: {off: OFF}}\n"
    made = shop(production=off.replace("OFF", "autoscaled to zero at night"))

    assert cases(made, "ready", "test_x") == []
    assert made.switched[0].reason == "autoscaled to zero at night"
    assert problems(shop, production=off.replace("OFF", '""'))


def test_defaults_apply_until_they_are_switched_off(shop):
    assert [case.entity.id for case in cases(shop(), "not_ready", "test_x")] == ["web"]
    assert [case.entity.id for case in cases(shop(), "certificate_valid_for", "test_x")] == ["health"]

    system = changed("      ready: 3", "      ready: 3\n      not_ready: {off: a batch job}")
    assert cases(shop(system=system), "not_ready", "test_x") == []


@pytest.mark.parametrize(("days", "count"), [(1, 0), (-1, 1)])
def test_unobservable_is_accepted_until_its_date(shop, days, count):
    until = (datetime.now(UTC) + timedelta(days=days)).date()
    system = changed("ready: 3", f"ready: {{unobservable: no rights yet, until: {until}}}")

    made = shop(system=system)

    assert len(cases(made, "ready", "test_x")) == count
    assert len(made.switched) == 1 - count


def test_each_limit_is_a_case_with_its_severity_owner_and_identity(shop):
    default, gate = cases(shop(), "faster_than", "test_endpoint_is_quick")

    assert (str(default.identity), default.severity) == ("test_endpoint_is_quick[shop/production/health]", "P2")
    assert (str(gate.identity), gate.severity, gate.owner) == ("test_endpoint_is_quick[shop/production/health:gate]", "P1", "team-shop")
    assert (default.terms.value, gate.terms.value) == (2, 1)


def test_an_identity_does_not_change_with_the_limit(shop):
    before = cases(shop(), "ready", "test_x")[0].identity
    after = cases(shop(system=changed("ready: 3", "ready: 5")), "ready", "test_x")[0].identity

    assert before == after


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-11-20T07:00+00:00", True),
        ("2026-11-20T06:59+00:00", False),
        ("2026-11-20T17:00+00:00", False),
        ("2026-11-21T12:00+00:00", False),
    ],
)
def test_hours_are_those_of_their_zone(moment, inside):
    hours = Hours.model_validate({"days": "mon-fri", "from": "08:00", "to": "18:00", "zone": "Europe/Berlin"})

    assert hours.cover(datetime.fromisoformat(moment)) is inside


def test_explain_prints_value_severity_owner_and_origin_of_every_expectation(shop):
    lines = "\n".join(explain(shop(production=PRODUCTION + "workloads:\n  - name: web\n    expect: {ready: 5}\n")))

    assert "shop/production (protected), owner team-shop" in lines
    assert "ready: 5  P0  team-shop  shop/production.yaml:11:14" in lines
    assert "restarts: 3 within=1d  P1  team-shop  shop/system.yaml:10:7" in lines
    assert "not_ready: 0  P0  team-shop  default" in lines
    assert "faster_than: 1s on gate  P1" in lines


@pytest.mark.parametrize("kind", every(), ids=SECTIONS)
def test_a_default_is_what_a_file_could_say(kind):
    # Defaults are made without validation, so that importing a kind builds no model.
    fields = kind.model_fields["expect"].annotation.model_fields.values()
    defaults = [terms for field in fields if field.default for terms in field.default]

    assert [type(terms).model_validate(dict(terms)) for terms in defaults] == defaults
