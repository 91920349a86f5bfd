"""A recovery to a point in time: what comes back, and that it is at the moment that was asked for."""

import gzip
import io
import signal
import subprocess
import tarfile

import zstandard

from tests.drill.production import marks, recovery, running_production, take_all


def test_the_newest_is_everything_that_was_archived(whole, parent):
    with recovery(whole, parent) as made:
        assert marks(made) == [1, 2, 3, 4, 5, 6]
        assert made.result.reached
        assert made.result.writable
        assert (made.result.paused, made.result.in_recovery) == (False, False)
        assert made.result.target == "newest"
        assert abs(made.result.last_replayed_at - whole.moments[-1]) < 1
        assert made.result.timeline == 2
        assert set(made.result.seconds) == {"unpack", "check", "replay"}
        assert made.chain.newest == whole.segments[-1].name
        assert made.base.version


def test_a_target_time_stops_before_the_rows_that_came_later(whole, parent):
    with recovery(whole, parent, target=whole.moments[2]) as made:
        assert marks(made) == [1, 2, 3, 4]
        assert made.result.reached
        assert made.result.writable
        assert whole.moments[1] < made.result.last_replayed_at <= whole.moments[2]


def test_immediate_is_the_base_backup_alone(whole, parent):
    with recovery(whole, parent, target="immediate") as made:
        assert marks(made) == [1]
        assert made.result.reached
        assert made.result.writable


def test_a_recovery_paused_at_its_target_is_found(whole, parent):
    with recovery(whole, parent, target=whole.moments[2], action="pause") as made:
        assert marks(made) == [1, 2, 3, 4]
        assert made.result.reached
        assert made.result.paused
        assert made.result.in_recovery
        assert not made.result.writable
        assert "paused at its target: not writable" in made.result.notes


def test_compressed_segments_are_read(taken, parent):
    for number, segment in enumerate(taken.segments):
        pack, ending = [(gzip.compress, ".gz"), (zstandard.compress, ".zst")][number % 2]
        segment.with_name(segment.name + ending).write_bytes(pack(segment.read_bytes()))
        segment.unlink()

    with recovery(taken, parent) as made:
        assert marks(made) == [1, 2, 3, 4, 5, 6]


def test_a_tar_of_a_plain_base_backup_is_read_with_the_log_it_brings(production, parent, tmp_path):
    place = production.take("-Fp", "-X", "fetch")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(place, "backup-of-monday")
    taken = take_all(production, tmp_path / "taken")
    taken.base = tmp_path / "monday.tar.zst"
    taken.base.write_bytes(zstandard.compress(out.getvalue()))
    taken.manifest = None
    brought = [each for each in taken.segments if (place / "pg_wal" / each.name).exists()]
    for segment in brought:
        segment.unlink()

    with recovery(taken, parent) as made:
        assert marks(made)[-1] == 6
        assert not any("manifest" in note for note in made.result.notes)
        assert [note for note in made.result.notes if "in the base backup and not in the archive" in note]
    assert brought


def test_a_new_timeline_is_followed(parent, tmp_path):
    with running_production(tmp_path / "server") as production:
        taken = take_all(production, tmp_path / "taken")
        production.real._child.stop(signal.SIGINT)
        production.real._home.write("standby.signal", b"")
        production.real._start(production.real._database)
        production.run("select pg_promote()")
        production.mark(7)
        production.switch()
        taken.archive = production.archive

        with recovery(taken, parent) as made:
            assert marks(made) == [1, 2, 3, 4, 5, 6, 7]
            assert made.chain.timeline == 2
            assert made.result.timeline == 3
            assert made.chain.histories == ["00000002.history"]


def test_progress_is_told_by_phase(whole, parent):
    told = []
    with recovery(whole, parent, progress=lambda *what: told.append(what)):
        pass

    assert list(dict.fromkeys(what[0] for what in told)) == ["unpack", "check", "replay"]
    assert all(0 <= done <= whole for _, done, whole in told)
    assert all(done == sorted(done) for done in ([each[1] for each in told if each[0] == phase] for phase in ("unpack", "check", "replay")))


def test_the_server_has_no_network_where_the_machine_lets_us_take_it_away(whole, parent):
    possible = subprocess.run(["unshare", "-n", "true"], check=False).returncode == 0 or (
        subprocess.run(["unshare", "-U", "-n", "true"], check=False).returncode == 0
    )
    with recovery(whole, parent) as made:
        assert any("shares our network" in note for note in made.result.notes) != possible


def test_variables_of_libpq_lead_nowhere_else(whole, parent, monkeypatch):
    for name, value in {"PGHOST": "127.0.0.1", "PGPORT": "1", "PGUSER": "somebody", "PGOPTIONS": "-c nonsense=1"}.items():
        monkeypatch.setenv(name, value)

    with recovery(whole, parent) as made:
        assert marks(made) == [1, 2, 3, 4, 5, 6]
