"""The result has all flows and is made once."""

from flowtag_core.page import result
from flowtag_core.page.logs import Logs
from flowtag_core.page.result import Result
from tests.logs import line
from tests.page.made import counted_log, lookup

LOGS = Logs().plus([counted_log(content=line(action="REJECT") + b"\n" + line(dstport="25"))])


def test_the_result_has_every_flow_and_changes_with_the_lookup():
    made = Result()
    assert b"web,1\nUntagged,1\n" in made.of(LOGS, lookup())
    assert b"mail,1\nUntagged,1\n" in made.of(LOGS, lookup("25,tcp,mail\n"))
    assert b"web,0" not in made.of(Logs().plus([counted_log(content=line())]), lookup())


def test_a_result_is_not_made_again_if_nothing_has_changed(monkeypatch):
    made, rules = Result(), lookup()
    assert made.made(LOGS, rules) is None
    content = made.of(LOGS, rules)
    assert made.made(LOGS, rules) is content
    assert made.made(LOGS, lookup()) is None
    monkeypatch.setattr(result, "map_tags", None)
    assert made.of(LOGS, rules) is content
