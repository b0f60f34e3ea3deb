"""Sentences on the files that came last, until the next ones come."""

from flowtag_core.page.messages import Messages


def full():
    return Messages(["refused"], ["told"], ["unsent 1", "unsent 2"], {"a": "again"})


def test_what_was_not_sent_is_said_behind_what_was_refused():
    assert full().refusals == ["refused", "unsent 1", "unsent 2"]


def test_once_cleared_only_repeated_logs_are_still_said():
    messages = full()
    messages.clear()
    assert messages == Messages(repeated={"a": "again"})
