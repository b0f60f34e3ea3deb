"""The messages of the page: unusable files, offers, remedies."""

import sys
import time
from unittest.mock import MagicMock

import pytest

from flowtag_core.errors import Cancelled
from flowtag_core.page import door, intake, notices
from flowtag_core.page.in_place import USAGE
from flowtag_core.reading.flow_log import Progress
from flowtag_core.showing.log_notes import SHARED
from tests.logs import line
from tests.page.seen import (
    LOG,
    V3,
    V5,
    buttons,
    drop,
    log_with,
    metrics,
    opened,
    said,
    session,
    settled,
    tags,
    zipped,
)


@pytest.fixture
def endless(monkeypatch):
    """Make counting a log whose name begins with `endless` last until it is cancelled."""
    each_place = intake.each_place

    def count_for_ever(places, *, progress, cancel, **options):
        for place, results in zip(
            places, each_place(places, progress=progress, cancel=cancel, **options), strict=True
        ):
            if place.name.startswith("endless"):
                progress(Progress(place.name, 50, None, 1))
                while not cancel():
                    time.sleep(0.01)
                raise Cancelled(place.name)
            yield results

    monkeypatch.setattr(intake, "each_place", count_for_ever)


def take(page, fields=V5):
    page.button(key=f"take {' '.join(fields)}").click().run()
    return settled(page)


def offers(page):
    return [button.key for button in page.button if button.key and button.key.startswith("take")]


def test_start_over_empties_the_page(page):
    page.button(key="sample").click().run()
    page.button(key="start_over").click().run()
    assert not page.exception
    assert buttons(page) == ["sample"]


def test_all_of_many_refusals_can_be_read(page):
    drop(page, *((f"{number}.png", b"\x89PNG\r\n\x1a\n") for number in range(9)))
    assert "4.png: is a picture" in said(page)
    assert "... and 4 more" in said(page)
    assert "8.png: is a picture" in said(page)


@pytest.mark.usefixtures("endless")
def test_while_a_log_is_counted_the_page_is_usable_and_cancel_stops_it(page):
    drop(page, ("a.log", LOG))
    zone = page.file_uploader(key=f"logs_and_lookup_{session(page).drops}")
    zone.set_value([("endless.log", line(), "text/plain"), ("c.log", line(), "text/plain")]).run()
    assert not page.exception
    assert "cancel" in buttons(page)
    page.segmented_control(key="measure").set_value("bytes").run()
    assert metrics(page)["Bytes"] == "111 kB"
    page.segmented_control(key="measure").set_value("flows").run()
    page.button(key="remove log a.log").click().run()
    assert not page.exception
    assert "cancel" in buttons(page)
    page.button(key="cancel").click().run()
    settled(page)
    assert "endless.log: cancelled before it was read completely." in said(page)
    assert "c.log: cancelled before it was read." in said(page)
    assert buttons(page) == ["dismiss", "sample"]
    page.button(key="dismiss").click().run()
    assert "cancelled before" not in said(page)
    assert tags(drop(page, ("d.log", line()))) == {"Untagged": 1}


@pytest.mark.usefixtures("endless")
def test_starting_over_also_stops_counting(page):
    zone = page.file_uploader(key="logs_and_lookup_0")
    zone.set_value([("endless.log", line(), "text/plain")]).run()
    before = session(page).intake
    session(page).start_over()
    before.wait(10)
    assert before.standing() is None
    page.run()
    assert buttons(page) == ["sample"]
    assert not page.error


def test_a_log_dropped_twice_is_counted_twice_with_a_message(page):
    drop(page, ("a.log", LOG), ("b.log", line()))
    assert "same" not in said(page)
    drop(page, ("c.log", LOG))
    assert "c.log has the same size and counts as a.log. Is it the same file?" in said(page)
    assert metrics(page)["Flows"] == "29"
    page.button(key="repeated").click().run()
    assert metrics(page)["Flows"] == "15"
    assert "same" not in said(page)


def test_a_layout_that_fits_is_offered_and_one_click_accepts_it(page):
    drop(page, ("v5.log", log_with(V5, 12)))
    assert not session(page).logs
    (sentence,) = (each.value for each in page.markdown if "common layout" in each.value)
    assert "12 lines fit a common layout of 29 fields" in sentence.replace("\\", "")
    assert page.code[0].value.startswith("version=5  account-id=123456789012  srcaddr=10.0.0.1")
    assert page.code[0].value.endswith("flow-direction=egress  traffic-path=1")
    take(page)
    assert metrics(page)["Flows"] == "12"
    assert offers(page) == []
    assert "v5.log: read as 29 fields, given as a format." in said(page)


def test_one_click_accepts_all_files_of_one_layout_and_the_others_wait(page):
    drop(
        page,
        ("a.log", log_with(V5, 2)),
        ("b.log", log_with(V5, 3)),
        ("c.log", log_with(V3, 4)),
        ("d.log", line()),
    )
    assert metrics(page)["Flows"] == "1"
    take(page)
    assert metrics(page)["Flows"] == "6"
    take(page, V3)
    assert metrics(page)["Flows"] == "10"
    assert len(session(page).logs.by_name) == 4


def test_a_second_click_on_an_accepted_or_declined_offer_does_nothing(page):
    drop(page, ("v5.log", log_with(V5, 2)))
    layout = " ".join(V5)
    take(page)
    for again in (session(page).take_offer, session(page).decline_offer):
        again(layout)
    assert metrics(settled(page))["Flows"] == "2"


def test_files_with_the_same_name_keep_separate_offers(page):
    drop(page, ("v5.log", log_with(V5, 2)))
    drop(page, ("v5.log", log_with(V5, 3)))
    drop(page, ("v5.log", line()))
    assert metrics(page)["Flows"] == "1"
    assert metrics(take(page))["Flows"] == "6"
    assert [*session(page).logs.by_name] == ["v5.log (3)", "v5.log", "v5.log (2)"]


def test_each_file_of_an_archive_is_read_in_its_own_layout(page):
    mixed = zipped(a=line(), b=log_with(V5, 2), c=log_with(V3, 4))
    drop(page, ("mixed.zip", mixed))
    assert metrics(page)["Flows"] == "1"
    (key,) = offers(page)
    page.button(key=key).click().run()
    assert metrics(settled(page))["Flows"] == "7"
    assert offers(page) == []


def test_declining_an_offer_frees_the_upload(page):
    drop(page, ("v5.log", log_with(V5, 2)))
    (offered,) = session(page).offers.values()
    upload = offered.again.forget.__self__
    assert not upload.closed
    page.button(key=f"leave {' '.join(V5)}").click().run()
    assert upload.closed
    assert offers(page) == []


def test_a_log_that_partly_fits_counts_until_an_accepted_offer_replaces_it(page):
    drop(page, ("v5.log", line() + b"\n" + log_with(V5, 5)))
    assert metrics(page)["Flows"] == "1"
    assert metrics(take(page))["Flows"] == "5"
    assert list(session(page).logs.by_name) == ["v5.log"]


def test_removing_a_log_withdraws_its_offer(page):
    drop(page, ("a.log", line()), ("v5.log", line() + b"\n" + log_with(V5, 5)))
    page.button(key="remove log v5.log").click().run()
    assert offers(page) == []


def test_the_offer_for_an_archive_is_for_all_its_files(page):
    drop(page, ("logs.zip", zipped(a=log_with(V5, 5))))
    assert metrics(take(page))["Flows"] == "5"


def test_unusable_files_of_a_folder_are_accepted_together_as_a_separate_log(monkeypatch, tmp_path):
    for name, content in (("a", log_with(V5, 2)), ("b", log_with(V5, 3)), ("c", line())):
        (tmp_path / f"{name}.log").write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["dashboard.py", str(tmp_path)])
    page = opened()
    assert metrics(page)["Flows"] == "1"
    assert metrics(take(page))["Flows"] == "6"
    assert [*session(page).logs.by_name] == [str(tmp_path), f"{tmp_path} (custom format)"]


def test_commands_in_a_sentence_can_be_copied_and_the_rest_is_plain_text():
    told = notices._markdown(f"**x** was not started. Use {USAGE} instead.")
    assert f" `{USAGE}` " in told
    assert told.startswith(r"\*\*x\*\* was")
    assert "add `--shared` after" in notices._markdown("If you want it, add --shared after the --.")
    assert "`--format`" in notices._markdown("name its fields with --format where it is started")


@pytest.mark.parametrize(("count", "more"), [(0, ""), (1, ""), (5, ""), (6, "and 1 more")])
def test_one_box_has_the_first_sentences_and_the_number_of_the_others(monkeypatch, count, more):
    boxes = []
    monkeypatch.setattr(notices, "st", MagicMock())
    notices.say(boxes.append, [f"sentence {number}" for number in range(count)])
    assert len(boxes) == bool(count)
    assert "".join(boxes).count("sentence") == min(count, 5)
    assert more in "".join(boxes)
    assert notices.st.expander.called == bool(more)


def test_a_file_that_is_mostly_not_a_log_is_named_with_a_button_that_removes_it(page):
    drop(page, ("a.log", line()), ("b.txt", b"no log at all\n" * 9))
    assert "b.txt" in said(page)
    mixed = line() + b"\n" + b"1 2 3\n" * 9
    drop(page, ("c.log", mixed))
    assert "c.log: 90% of its records could not be counted. Is it a flow log?" in said(page)
    page.button(key="drop useless c.log").click().run()
    assert "c.log" not in said(page)
    assert metrics(page)["Flows"] == "1"


def test_if_the_filters_leave_no_flow_one_click_clears_them(page):
    drop(page, ("a.log", line()))
    page.segmented_control(key="action").set_value("reject").run()
    assert "No flows match." in said(page)
    page.button(key="clear_filters").click().run()
    assert metrics(page)["Flows"] == "1"
    assert "No flows match." not in said(page)


def test_the_notices_are_a_line_of_short_phrases(page):
    rules = b"dstport,protocol,tag\n443,tcp,web\n443,tcp,other\n"
    log = line() + b"\n" + line(status="SKIPDATA")
    drop(page, ("a.log", log))
    assert quiet_line(page) == "Counts are a lower bound \u00b7 no lookup yet"
    drop(page, ("rules.csv", rules))
    assert quiet_line(page) == "Counts are a lower bound \u00b7 1 lookup row needs checking"


def test_a_shared_page_says_so_in_every_view(page, monkeypatch):
    monkeypatch.setattr(door, "is_shared", lambda: True)
    page.button(key="sample").click().run()
    assert quiet_line(page) == "Shared page"
    assert SHARED in said(page)


def test_the_time_and_the_tag_are_buttons_that_clear_them(page):
    page.button(key="sample").click().run()
    page.query_params["time"] = "2021-05-04T15:04/2021-05-04T15:06"
    page.query_params["tag"] = "email"
    page.run()
    assert page.button(key="clear_time").label == "4 May 2021 15\\:04 \N{EN DASH} 15\\:06 UTC"
    assert page.button(key="clear_tag").label == r"Tag\: email"
    assert metrics(page)["Flows"] == "8"
    page.button(key="clear_time").click().run()
    page.button(key="clear_tag").click().run()
    assert not page.exception
    assert metrics(page)["Flows"] == "14"
    assert not {"time", "tag"} & {*page.query_params}
    assert not {"clear_time", "clear_tag"} & {*buttons(page)}


def quiet_line(page):
    """The label of the button that opens the notices."""
    waiting, labels = [page.main], []
    while waiting:
        block = waiting.pop()
        for child in getattr(block, "children", {}).values():
            waiting.append(child)
            proto = getattr(child, "proto", None)
            if type(proto).__name__ == "Block" and proto.HasField("popover"):
                labels.append(proto.popover.label)
    return next(label for label in labels if "bound" in label or "page" in label)
