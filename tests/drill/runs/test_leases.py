"""Names that prove themselves, and a sweeper that removes what carries one and has expired, and nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drill import lease, scratch
from drill.lease import new, parse
from tests.drill.runs.harness import Drills

HEX = "0123456789abcdef"


@given(ttl=st.floats(min_value=0, max_value=10 * 365 * 86400))
def test_a_name_says_when_it_was_made_and_until_when_it_is_a_claim(ttl: float) -> None:
    made = new(ttl)
    assert parse(made.name) == made
    assert len(made.name) < 63
    assert made.ends - made.made == max(1, int(ttl))
    assert not made.expired(made.ends - 1)
    assert made.expired(made.ends)


@given(made=st.text(HEX, min_size=8, max_size=8), dice=st.text(HEX, min_size=6, max_size=6), proof=st.text(HEX, min_size=8, max_size=8))
def test_a_name_that_looks_alike_is_no_claim(made: str, dice: str, proof: str) -> None:
    name = f"muster_drill_{made}_{made}_{dice}_{proof}"
    assert parse(name) is None or lease._proof(f"{made}_{made}_{dice}") == proof


@given(place=st.integers(min_value=0, max_value=44), other=st.characters(min_codepoint=33, max_codepoint=126))
def test_a_name_with_another_character_anywhere_is_no_claim(place: int, other: str) -> None:
    name = new(60).name
    changed = name[:place] + other + name[place + 1 :]
    assert parse(changed) is None or changed == name


@pytest.mark.parametrize("near", ["{0} ", " {0}", "{0}\n", "x{0}", "{0}x", "{1}", "muster_drill", "muster_drill_", ""])
def test_what_surrounds_a_name_makes_it_another(near: str) -> None:
    name = new(60).name
    assert parse(near.format(name, name.upper())) is None


def test_of_fifty_look_alikes_and_three_leftovers_exactly_three_are_removed(drills: Drills, monkeypatch: pytest.MonkeyPatch) -> None:
    old, fresh = new(60).name, new(86400).name
    alike = [f"muster_drill_{number:08x}_{number:08x}_{number:06x}_{number:08x}" for number in range(45)]
    alike += [old.upper(), f"{old}0", f"a{old}", old[:-1], old.replace("_drill_", "_drilt_")]
    assert len(alike) == 50
    drills.admin(f'create database "{old}"', f'create role "{old}" login', "create role needed", f"comment on role needed is '{old}'")
    drills.admin(f'create role "{fresh}"', f'create database "{alike[0]}"', *(f'create role "{each}"' for each in alike))
    before = names(drills)
    later = time.time() + 3600
    with drills.place() as place:
        told = place.sweep()  # nothing has expired
        assert len(told) == 4
        assert all("it may be removed from" in line for line in told)
        assert names(drills) == before
        monkeypatch.setattr(scratch.time, "time", lambda: later)
        told = place.sweep()
        monkeypatch.undo()
    gone = {f"database {old}", f"role {old}", "role needed"}
    assert before - names(drills) == gone
    assert {line for line in told if line.endswith(", removed")} == {f"{each}, removed" for each in gone}
    assert [line for line in told if fresh in line] == [
        each for each in told if each.startswith(f"role {fresh} of a drill that did not end")
    ]
    drills.admin(f'drop database "{alike[0]}"', *(f'drop role "{each}"' for each in [fresh, *alike]))


def names(drills: Drills) -> set[str]:
    return {
        name for (name,) in drills.admin("select 'database ' || datname from pg_database union all select 'role ' || rolname from pg_roles")
    }
