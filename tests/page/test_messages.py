"""Messages about the files added last are kept until more are added."""

from flowtag_core.page.messages import Messages


def full():
    return Messages(["refused"], ["told"], ["unsent 1", "unsent 2"], {"a": "again"})


def test_files_that_were_not_uploaded_are_named_after_refused_ones():
    assert full().refusals == ["refused", "unsent 1", "unsent 2"]


def test_clearing_keeps_the_messages_on_repeated_logs():
    messages = full()
    messages.clear()
    assert messages == Messages(repeated={"a": "again"})
