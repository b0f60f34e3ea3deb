"""The bar that shows how much is explained, and the numbers beside it."""

from tests.logs import line
from tests.page.seen import drop, metrics, summary


def test_a_seventh_of_the_sample_is_unexplained_and_six_of_its_flows_are_replies(page):
    page.button(key="sample").click().run()
    assert summary(page) == {
        "Tagged": "42.9%",
        "Replies of tagged services": "\u2265 42.9%",
        "Unexplained": "\u2264 14.3%",
    }
    assert metrics(page) == {
        "Flows": "14",
        "Bytes": "111 kB",
        "Tags in use": "3",
        "Ports": "14",
        "Not counted": "0",
    }


def test_without_a_lookup_everything_is_untagged(page):
    drop(page, ("a.log", line()))
    assert summary(page) == {"Tagged": "0.0%", "Untagged": "100.0%"}
