"""Sentences on the files that came last, until the next ones come."""

from flowtag_core.page.messages import Messages


def full():
    return Messages(["refused"], ["told"], [(1, "unsent 1"), (2, "unsent 2")], {"a": "again"})


def test_what_was_not_sent_is_said_behind_what_was_refused():
    assert full().refusals == ["refused", "unsent 1", "unsent 2"]


def test_nothing_is_said_any_more_once_it_is_cleared():
    messages = full()
    messages.clear()
    assert messages == Messages()


def test_files_that_this_drop_did_not_send_are_still_said_when_its_others_are_taken():
    messages = full()
    messages.clear(unsent_from=2)
    assert messages == Messages(unsent=[(2, "unsent 2")])
    # The first drop has the number 0, which is no lack of a number.
    messages.clear(unsent_from=0)
    assert messages.refusals == ["unsent 2"]
