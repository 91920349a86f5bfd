"""A drill as a whole, and the same judged again."""


def test_a_drill_of_a_good_backup_holds(drills) -> None:
    ran = drills.run("plain")
    assert ran.code == 0, ran.output
    assert ran.not_holding() == {}
