"""The files of a tab, each with an x that removes it."""

from tests.logs import LOOKUP, line
from tests.page.seen import (
    LOG,
    buttons,
    captions,
    drop,
    metrics,
    names,
    tags,
)


def test_removing_a_file_reads_no_other_file_again(page, counted):
    drop(page, ("a.log", LOG), ("b.log", line(dstport="25")), ("l.csv", LOOKUP))
    assert names(page) == ["a.log", "b.log", "l.csv"]
    page.button(key="remove log a.log").click().run()
    assert tags(page) == {"mail": 1, "Untagged": 0}
    page.button(key="remove lookup l.csv").click().run()
    assert tags(page) == {"Untagged": 1}
    page.button(key="remove log b.log").click().run()
    assert buttons(page) == ["sample"]
    assert counted == ["a.log", "b.log"]


def test_many_logs_are_listed_in_pages(page):
    drop(page, *((f"{number}.log", line()) for number in range(20)))
    assert len(names(page)) == 8
    assert metrics(page)["Flows"] == "20"
    page.get("pagination")
    page.session_state["logs_page"] = 3
    page.run()
    assert names(page) == ["16.log", "17.log", "18.log", "19.log"]
    # The last page of the list may disappear together with its files.
    for name in names(page):
        page.button(key=f"remove log {name}").click().run()
        assert not page.exception
    assert metrics(page)["Flows"] == "16"


def test_a_log_and_a_lookup_may_have_the_same_name(page):
    drop(page, ("data.txt", LOOKUP))
    drop(page, ("data.txt", line()), ("data.txt", line()))
    assert names(page) == ["data.txt", "data.txt (2)", "data.txt"]
    assert tags(page) == {"web": 2, "Untagged": 0}


def test_a_file_is_listed_with_its_size_its_records_and_how_it_was_read(page):
    drop(page, ("a.log", line()), ("l.csv", LOOKUP))
    assert "1 record, version 2 default layout, assumed" in captions(page)
    assert "4 rules" in captions(page)
