"""`--env`: what it selects, and what it refuses."""

import pytest

from muster.selection import SelectionError, choose, declared

EXISTING = [("mdvr", "production"), ("mdvr", "sandbox"), ("platform", "production"), ("platform", "sandbox"), ("platform", "staging")]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([], [("mdvr", "sandbox"), ("platform", "sandbox")]),
        (["platform/production"], [("platform", "production")]),
        (["platform"], [("platform", "production"), ("platform", "staging")]),
        (["*/production"], [("mdvr", "production"), ("platform", "production")]),
        (["*/s*"], [("platform", "staging")]),
        (["plat*/staging", "platform/production"], [("platform", "staging"), ("platform", "production")]),
        (["platform/sandbox"], [("platform", "sandbox")]),
    ],
)
def test_names_and_globs_select_segment_by_segment(wanted, chosen):
    assert choose(EXISTING, wanted) == chosen


def test_a_name_that_matches_nothing_lists_what_exists():
    with pytest.raises(SelectionError, match=r"--env platfrom matches no environment; there are: mdvr/production, mdvr/sandbox"):
        choose(EXISTING, ["platfrom"])


def test_without_a_sandbox_an_environment_has_to_be_named():
    with pytest.raises(SelectionError, match=r"no sandbox here; name an environment with --env; there are: shop/production"):
        choose([("shop", "production")], [])


def test_sandbox_and_real_environments_do_not_mix():
    with pytest.raises(SelectionError, match="do not run together"):
        choose(EXISTING, ["platform/production", "mdvr/sandbox"])


def test_only_environment_files_are_environments(tmp_path):
    (tmp_path / "shop").mkdir()
    for name in ("system.yaml", "runbook.yaml", "production.yaml", "production.waivers.yaml"):
        (tmp_path / "shop" / name).touch()

    assert declared(tmp_path) == [("shop", "production")]


def test_a_folder_without_environments_is_an_error(tmp_path):
    with pytest.raises(SelectionError, match="no environment file"):
        declared(tmp_path)
