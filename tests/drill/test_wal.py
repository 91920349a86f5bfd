"""Which segments a recovery needs: over the ends of logs, over timelines, and which one is missing."""

import pytest

from drill.errors import Damaged
from drill.wal import Archive, Start, chain, position, segment_name, segment_number

SIZE = 16 * 2**20


def start(name="000000010000000000000003", ends=0):
    return Start(int(name[:8], 16), segment_number(name, SIZE) * SIZE + 40, SIZE, 1, ends)


def archive(folder, *names, **histories):
    for name in names:
        (folder / name).write_bytes(b"")
    for timeline, text in histories.items():
        (folder / f"{timeline.removeprefix('t')}.history").write_text(text)
    return Archive(folder)


def names(first, last, timeline=1):
    return [segment_name(timeline, number, SIZE) for number in range(first, last + 1)]


@pytest.mark.parametrize("size", [2**20, 16 * 2**20, 2**30])
@pytest.mark.parametrize("number", [0, 1, 3, 4, 255, 256, 4095, 4096, 70000])
def test_a_name_and_its_number_are_the_same(number, size):
    assert segment_number(segment_name(7, number, size), size) == number


def test_a_log_has_256_segments_of_16_mib():
    assert names(255, 256) == ["0000000100000000000000FF", "000000010000000100000000"]


def test_what_was_archived_before_is_not_needed(tmp_path):
    made = chain(start(), archive(tmp_path, *names(1, 5), "000000010000000000000003.00000028.backup", "README"))

    assert made.segments == names(3, 5)
    assert (made.newest, made.timeline, made.notes) == (names(5, 5)[0], 1, [])


def test_a_hole_over_the_end_of_a_log_is_named(tmp_path):
    found = archive(tmp_path, *names(250, 255), *names(257, 258))

    with pytest.raises(Damaged, match="hole: 000000010000000100000000 is missing, and it goes on to 000000010000000100000002"):
        chain(start(names(250, 250)[0]), found)


def test_a_backup_that_ends_later_than_the_log_is_told(tmp_path):
    with pytest.raises(Damaged, match="ends with 000000010000000000000004, and the base backup needs it up to 000000010000000000000005"):
        chain(start(ends=6 * SIZE), archive(tmp_path, *names(3, 4)))


def test_a_backup_that_ends_with_the_log_is_whole(tmp_path):
    assert chain(start(ends=5 * SIZE), archive(tmp_path, *names(3, 4))).segments == names(3, 4)


def test_what_the_old_primary_wrote_after_the_branch_is_not_followed(tmp_path):
    found = archive(tmp_path, *names(3, 9), *names(5, 6, timeline=2), t00000002="1\t0/5000100\tno recovery target specified\n")

    made = chain(start(), found)
    assert made.segments == [*names(3, 4), *names(5, 6, timeline=2)]
    assert (made.timeline, made.histories) == (2, ["00000002.history"])


def test_a_hole_on_the_new_timeline_is_not_filled_from_the_old_one(tmp_path):
    found = archive(tmp_path, *names(3, 9), *names(7, 8, timeline=2), t00000002="1\t0/5000100\tx\n")

    with pytest.raises(Damaged, match="hole: 000000020000000000000005 is missing"):
        chain(start(), found)


def test_a_timeline_that_has_archived_its_history_only_is_followed_as_far_as_it_goes(tmp_path):
    found = archive(tmp_path, *names(3, 5), t00000002="1\t0/5000100\tx\n")

    assert chain(start(), found).segments == names(3, 5)


def test_a_missing_history_is_named(tmp_path):
    with pytest.raises(Damaged, match=r"segments of timeline 2, and 00000002\.history is missing"):
        chain(start(), archive(tmp_path, *names(3, 5), *names(5, 6, timeline=2)))


def test_a_timeline_that_branched_off_before_the_backup_is_left_aside(tmp_path):
    found = archive(tmp_path, *names(3, 5), *names(2, 9, timeline=2), t00000002="1\t0/2000100\tx\n")

    made = chain(start(), found)
    assert made.segments == names(3, 5)
    assert made.notes == ["timeline 2 branched off before the base backup and is left aside"]


def test_two_branches_one_after_the_other_are_followed(tmp_path):
    histories = {"t00000002": "1\t0/4000100\tx\n", "t00000003": "1\t0/4000100\tx\n\n2\t0/6000000\tafter LSN # comment\n"}
    found = archive(tmp_path, *names(3, 4), *names(4, 5, timeline=2), *names(6, 7, timeline=3), **histories)

    assert chain(start(), found).segments == [*names(3, 3), *names(4, 5, timeline=2), *names(6, 7, timeline=3)]


@pytest.mark.parametrize("text", ["", "nonsense\n", "1\n", "1\tx/y\tz\n", "2\t0/5000000\tz\n", "1\t0/5\ta\n1\t0/6\tb\n"])
def test_a_broken_history_is_told(tmp_path, text):
    with pytest.raises(Damaged, match=r"00000002\.history in the WAL archive"):
        chain(start(), archive(tmp_path, *names(3, 5), t00000002=text))


def test_segments_that_the_backup_brings_count_and_are_told(tmp_path):
    made = chain(start(), archive(tmp_path, *names(4, 5)), frozenset(names(3, 3)))

    assert made.segments == names(3, 5)
    assert made.notes == [f"1 segment(s) are in the base backup and not in the archive: {names(3, 3)[0]}"]


def test_a_partial_segment_does_not_count(tmp_path):
    assert chain(start(), archive(tmp_path, *names(3, 4), f"{names(5, 5)[0]}.partial")).newest == names(4, 4)[0]


def test_a_position_is_a_number():
    assert position("1/3000028") == 0x1_0300_0028
