"""The row above a live page and its news say what is known, in short sentences."""

from zoneinfo import ZoneInfo

import pytest

from flowtag_core.showing import live_notes
from flowtag_core.showing.times import UTC
from flowtag_core.tagging.alerts import Alert
from tests.tagging.made import load

AT = 1_700_000_000
MINUTE = 28_333_330


def test_the_row_says_what_is_known():
    assert live_notes.standing(None, None, None, UTC, is_behind=False) == "no flows yet"
    assert live_notes.standing(1210.4, AT, 12, ZoneInfo("Asia/Tokyo"), is_behind=True) == (
        "1,210 flows/s, last lines at 07:13:20, newest flow 12 s old, catching up"
    )
    assert live_notes.standing(0.0, AT, 200_000, UTC, is_behind=False).endswith("2 days old")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("accepted from outside", "9092/tcp (Untagged) accepted 120 flows from outside from 22:10"),
        ("new port", "9092/tcp (Untagged) is new: 120 flows from 22:10 to 22:20, none before."),
        (
            "growing port",
            "9092/tcp (Untagged) is growing: 120 flows from 22:10 to 22:20, at most 7",
        ),
        ("more rejected", "Untagged has more rejected flows: 120 from 22:10 to 22:20, at most 7"),
        ("silent tag", "Untagged is silent: no flows since 22:10, at least 7 in every ten minutes"),
    ],
)
def test_each_kind_of_alert_has_its_numbers(kind, said):
    alert = Alert(kind, MINUTE, "Untagged", 9092, 6, 120, 7)
    assert live_notes.alert(alert, UTC).startswith(said)


def test_alerts_that_are_not_shown_are_counted():
    assert live_notes.more(4, 4) == ""
    assert live_notes.more(6, 4) == "and 2 more"


def test_a_changed_lookup_is_named():
    lookup = load(name="l.csv")
    assert live_notes.loaded_again(lookup) == "l.csv: has changed, and was loaded again (4 rules)."
    assert "not saved" in live_notes.not_loaded(lookup)
    assert live_notes.followed(["a.log", "b\udcff"]) == "Following a.log, b\\udcff"
