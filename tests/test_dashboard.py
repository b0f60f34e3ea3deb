"""The page's states, run without a browser."""

import gzip
import io
import logging
import os
import sys
import time
import zipfile

import pandas as pd
import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from flowtag_core.errors import Cancelled
from flowtag_core.page import in_place, intake
from flowtag_core.reading.flow_log import Progress
from flowtag_core.shapes.layout import BY_VERSION
from flowtag_core.tagging.editing import parse_rules
from tests.conftest import ROOT, SAMPLE
from tests.logs import LOOKUP, line, record
from tests.test_shapes import zipped

LOG = (SAMPLE / "flow.log").read_bytes()
SAMPLE_LOOKUP = (SAMPLE / "lookup.csv").read_bytes()
HOSTILE_TAGS = [
    "<script>alert(1)</script>",
    "**bold** :red[x]",
    "$x$ ![](http://example.invalid/a.png)",
    "=cmd|' /C calc'!A0",
    "x" * 10_000,
    "two\nlines 😀",
]

V5 = BY_VERSION[5]
SMALL = ("start", "dstport", "protocol", "srcport")


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """The page as `streamlit run dashboard.py` starts it; what is counted in place is forgotten."""
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    monkeypatch.setattr(sys, "argv", ["dashboard.py"])
    in_place._COUNTED.clear()


def opened():
    page = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60).run()
    return settled(page)


@pytest.fixture
def page():
    return opened()


def session(page):
    return page.session_state["tab"].session


def settled(page):
    """The page once everything is read, as its own ticking would show it."""
    session(page).intake.wait(60)
    page.run()
    assert not page.exception
    return page


def drop(page, *files):
    """Drop (name, content) pairs into the zone, all at once."""
    zone = page.file_uploader(key=f"logs_and_lookup_{session(page).drops}")
    zone.set_value([(name, content, "application/octet-stream") for name, content in files]).run()
    return settled(page)


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def tags(page):
    table = page.dataframe(key="tags").value
    return dict(zip(table["Tag"], table["Flows"], strict=True))


def table(page, *columns):
    """The one table that begins with these columns."""
    tables = [element.value for element in page.dataframe]
    (found,) = (frame for frame in tables if (*frame.columns[: len(columns)],) == columns)
    return found


def said(page):
    kinds = (page.error, page.warning, page.info, page.text)
    text = "\n".join(element.value for kind in kinds for element in kind)
    return text.replace("\\", "").replace("\u2060", "").replace("`", "")


def test_the_empty_page_offers_the_drop_zone_and_the_sample(page):
    assert not page.exception
    assert [button.key for button in page.button] == ["sample"]
    assert page.file_uploader(key="logs_and_lookup_0").proto.type == []
    assert not page.dataframe


def test_the_sample_in_one_click(page):
    page.button(key="sample").click().run()
    assert not page.exception
    assert tags(page) == {"email": 3, "sv_P1": 2, "sv_P2": 1, "Untagged": 8}
    assert metrics(page)["Untagged"] == ":orange[57.1%]"
    ports = page.dataframe(key="ports").value
    assert sorted(ports["Port"])[:6] == [23, 25, 80, 110, 143, 443]
    assert "14 records = 0 headers + 0 blank + 14 flows" in said(page)
    assert len(page.get("vega_lite_chart")) == 3


def test_the_first_log_of_ones_own_takes_the_place_of_the_sample(page):
    page.button(key="sample").click().run()
    assert tags(drop(page, ("l.csv", LOOKUP))) == {"mail": 1, "web": 1, "Untagged": 12}
    assert tags(drop(page, ("a.log", line()))) == {"web": 1, "Untagged": 0}
    page.button(key="start_over").click().run()
    page.button(key="sample").click().run()
    assert tags(drop(page, ("a.log", line()))) == {"Untagged": 1}


def test_log_and_lookup_may_come_together_or_one_by_one_in_any_order(page):
    together = drop(page, ("b.csv", SAMPLE_LOOKUP), ("a.log", LOG))
    assert tags(together)["email"] == 3
    for first, second in (
        [("a.log", LOG), ("b.csv", SAMPLE_LOOKUP)],
        [("b.csv", SAMPLE_LOOKUP), ("a.log", LOG)],
    ):
        fresh = opened()
        assert tags(drop(drop(fresh, first), second)) == tags(together)


def test_files_are_told_apart_by_content_not_by_name(page):
    drop(page, ("lookup.csv", gzip.compress(LOG)), ("flow.log.gz", SAMPLE_LOOKUP))
    assert tags(page)["sv_P1"] == 2


def test_a_log_alone_is_all_untagged_and_a_lookup_alone_waits_for_a_log(page):
    assert tags(drop(page, ("a.log", LOG))) == {"Untagged": 14}
    fresh = opened()
    drop(fresh, ("l.csv", SAMPLE_LOOKUP + b"\n1,nothing,x"))
    assert "l.csv is loaded as the lookup. Now drop a flow log." in said(fresh)
    assert list(table(fresh, "Line", "Problem")["Line"]) == [13]
    assert "Without a lookup everything is Untagged." in said(page)


def test_more_logs_add_up_even_with_equal_names(page):
    drop(page, ("a.log", LOG), ("a.log", LOG))
    assert metrics(drop(page, ("a.log", LOG)))["Flows"] == "42"
    assert "a.log (3): read as version 2 default layout" in said(page)


def test_a_new_lookup_takes_the_place_of_the_old(page):
    drop(page, ("a.log", LOG), ("old.csv", SAMPLE_LOOKUP))
    assert tags(drop(page, ("new.csv", LOOKUP))) == {"mail": 1, "web": 1, "Untagged": 12}
    assert "new.csv replaced old.csv." in said(page)


def test_each_file_that_is_no_log_gets_one_sentence_and_the_others_count(page):
    files = {
        "../../x.png": (b"\x89PNG\r\n\x1a\n\0\0", "x.png: is a picture"),
        "book.xlsx": (b"PK\x03\x04[Content_Types].xml", "book.xlsx: is an Office document"),
        "bin.log": (b"\0\1\2", "bin.log: is binary"),
        "cut.gz": (gzip.compress(LOG)[:15], "cut.gz: is cut short"),
    }
    drop(page, ("a.log", LOG), *((name, content) for name, (content, _) in files.items()))
    assert metrics(page)["Flows"] == "14"
    assert len(page.error) == 1
    for _, sentence in files.values():
        assert sentence in said(page)
    assert "../.." not in said(page)


def test_an_empty_file_and_one_without_flows_are_said(page):
    drop(page, ("e.log", b""), ("prose.txt", b"this is\nno flow log"))
    assert "e.log: is empty." in said(page)
    assert "prose.txt: not one flow was found; line 1" in said(page)
    assert not page.dataframe
    nothing = b"\n".join([line(status="NODATA"), line(dstport="x")])
    drop(page, ("quiet.log", nothing))
    assert "quiet.log: not one flow was found; line 2 is set aside as bad port." in said(page)
    assert tags(page) == {"Untagged": 0}


def test_a_lookup_without_its_columns_is_told_what_it_lacks(page):
    drop(page, ("a.log", LOG), ("l.csv", b"port;proto;owner\n443;tcp;web\n"))
    assert (
        "l.csv: if this should be a lookup: line 1 reads 'port;proto;owner', but a lookup"
        in said(page)
    )
    assert metrics(page)["Flows"] == "14"
    assert "not one flow" not in said(page)
    assert tags(drop(page, ("l.csv", SAMPLE_LOOKUP)))["email"] == 3
    assert metrics(page)["Set aside"] == "0"


def test_what_is_of_no_use_leaves_the_sample_alone(page):
    page.button(key="sample").click().run()
    drop(page, ("l.csv", b"port,proto,owner\n1,tcp,x\n"), ("e.log", b""))
    assert tags(page)["email"] == 3


def test_what_was_set_aside_and_what_is_wrong_in_the_lookup_is_shown(page):
    log = b"\n".join([line(), line(dstport="x"), line(status="SKIPDATA")])
    drop(page, ("a.log", log), ("l.csv", LOOKUP + b"1,nothing,x\n443,tcp,web2\n"))
    assert metrics(page)["Set aside"] == "2"
    assert "3 records = 0 headers + 0 blank + 1 flow + 1 skipped data + 1 bad port" in said(page)
    assert "lower bound" in said(page)
    faults = table(page, "File", "Line")
    assert faults.iloc[0].tolist()[:3] == ["a.log", 2, "bad port"]
    assert list(table(page, "Line", "Problem")["Line"]) == [3, 6]


def test_hostile_tags_and_names_are_shown_as_text(page):
    rows = "".join(
        '{},tcp,"{}"\n'.format(port, tag.replace('"', '""'))
        for port, tag in enumerate(HOSTILE_TAGS)
    )
    log = b"\n".join(line(dstport=str(port)) for port in range(len(HOSTILE_TAGS)))
    name = "**x** <b>$y$ :red[z].log"
    drop(page, ("l.csv", b"dstport,protocol,tag\n" + rows.encode()), (name, log), (name, b"\0"))
    assert set(tags(page)) == {*HOSTILE_TAGS, "Untagged"}
    # The only Markdown with a name in it has every mark escaped.
    (error,) = page.error
    assert error.value.startswith(r"\*\*x\*\* \<b\>\$y\$ \:red\[z\]")


def test_a_selected_row_says_which_rule_gives_the_tag(page):
    page.button(key="sample").click().run()
    page.query_params["tag"] = "email"
    session(page).asked = (443, 6)
    page.run()
    assert "email: 110,tcp (line 10), 993,tcp (line 11), 143,tcp (line 12)" in said(page)
    assert "443/tcp: sv_P2" not in said(page)
    del page.query_params["tag"]
    page.run()
    assert not page.exception
    assert "443/tcp: sv_P2, by 443,tcp (line 6)" in said(page)


def test_start_over_empties_the_page(page):
    page.button(key="sample").click().run()
    page.button(key="start_over").click().run()
    assert not page.exception
    assert [button.key for button in page.button] == ["sample"]


@pytest.fixture
def counted(monkeypatch):
    """The names of the logs that were read."""
    names = []
    each_place = intake.each_place

    def count_and_note(places, **options):
        names.extend(place.name for place in places)
        return each_place(places, **options)

    monkeypatch.setattr(intake, "each_place", count_and_note)
    return names


def test_an_upload_is_counted_once_and_its_bytes_are_let_go(page, counted):
    drop(page, ("a.log", LOG))
    page.run()
    drop(page, ("l.csv", SAMPLE_LOOKUP))
    page.run()
    assert counted == ["a.log"]
    assert page.file_uploader(key="logs_and_lookup_2").value == []


def names(page):
    """The files beside the page, each with its x."""
    return [button.key.split(" ", 2)[2] for button in page.button if "remove " in button.key]


def test_an_x_takes_a_file_out_again_and_no_other_is_read_again(page, counted):
    drop(page, ("a.log", LOG), ("b.log", line(dstport="25")), ("l.csv", LOOKUP))
    assert names(page) == ["a.log", "b.log", "l.csv"]
    page.button(key="remove log a.log").click().run()
    assert tags(page) == {"mail": 1, "Untagged": 0}
    page.button(key="remove lookup l.csv").click().run()
    assert tags(page) == {"Untagged": 1}
    page.button(key="remove log b.log").click().run()
    assert [button.key for button in page.button] == ["sample"]
    assert counted == ["a.log", "b.log"]


def test_a_click_never_reads_a_log_again(page, counted):
    drop(page, ("a.log", LOG), ("l.csv", SAMPLE_LOOKUP))
    page.segmented_control(key="measure").set_value("bytes").run()
    page.segmented_control(key="action").set_value("reject").run()
    page.text_input(key="search").set_value("443").run()
    page.button(key="remove lookup l.csv").click().run()
    drop(page, ("l.csv", SAMPLE_LOOKUP))
    assert counted == ["a.log"]


def test_measure_and_action_change_every_number_together(page):
    log = b"\n".join(
        [
            line(packets="3", volume="100"),
            line(packets="5", volume="1000", action="REJECT"),
            line(dstport="25", packets="7", volume="10000", action="REJECT"),
        ]
    )
    drop(page, ("a.log", log), ("l.csv", LOOKUP))
    for measure, action, web, mail in (
        ("packets", "all", 8, 7),
        ("bytes", "reject", 1000, 10000),
        ("bytes", "accept", 100, 0),
        ("flows", "reject", 1, 1),
    ):
        page.segmented_control(key="measure").set_value(measure)
        page.segmented_control(key="action").set_value(action).run()
        name = measure.capitalize()
        table = page.dataframe(key="tags").value
        expected = {"web": web, "mail": mail, "Untagged": 0}
        assert dict(zip(table["Tag"], table[name], strict=True)) == {
            tag: count for tag, count in expected.items() if count or tag == "Untagged"
        }
        assert metrics(page)[name] == f"{web + mail:,}"
        assert page.dataframe(key="ports").value[name].sum() == web + mail


def test_what_a_log_has_no_field_for_cannot_be_chosen(page):
    drop(page, ("a.log", b"dstport protocol bytes\n443 6 100\n"))
    assert page.segmented_control(key="measure").options == ["Flows", "Bytes"]
    assert page.segmented_control(key="action").options == ["All"]
    drop(page, ("b.log", line(action="DROP")))
    assert page.segmented_control(key="measure").options == ["Flows", "Packets", "Bytes"]
    assert page.segmented_control(key="action").options == ["All", "Accept", "Reject", "Other"]


def test_a_protocol_without_ports_shows_none(page):
    drop(page, ("a.log", line(dstport="0", srcport="0", protocol="1") + b"\n" + line(dstport="0")))
    ports = page.dataframe(key="ports").value
    shown = dict(zip(ports["Protocol"], ports["Port"], strict=True))
    assert shown["tcp"] == 0
    assert shown["icmp"] is pd.NA
    session(page).asked = (0, 1)
    page.run()
    assert "icmp: no rule of the lookup applies." in said(page)


def test_the_search_narrows_table_and_chart_and_leaves_the_cards_alone(page):
    drop(page, ("a.log", LOG), ("l.csv", SAMPLE_LOOKUP))
    page.text_input(key="search").set_value("email").run()
    assert sorted(page.dataframe(key="ports").value["Port"]) == [110, 143, 993]
    assert metrics(page)["Flows"] == "14"
    assert any("3 of 14 pairs" in caption.value for caption in page.caption)


def test_many_logs_are_listed_in_portions(page):
    drop(page, *((f"{number}.log", line()) for number in range(20)))
    assert len(names(page)) == 8
    assert metrics(page)["Flows"] == "20"
    page.get("pagination")
    page.session_state["logs_page"] = 3
    page.run()
    assert names(page) == ["16.log", "17.log", "18.log", "19.log"]
    # A portion that is gone, because its files are, is no trouble.
    for name in names(page):
        page.button(key=f"remove log {name}").click().run()
        assert not page.exception
    assert metrics(page)["Flows"] == "16"


def test_each_file_has_its_own_equation(page):
    drop(page, ("a.log", line() + b"\nshort"), ("b.log", line() + b"\n\n" + line(status="NODATA")))
    files = table(page, "File", "Records")
    assert files.columns[2:].tolist() == ["Headers", "Blank", "Flows", "No data", "Too few fields"]
    assert files.to_numpy().tolist() == [["a.log", 2, 0, 0, 1, 0, 1], ["b.log", 3, 0, 1, 1, 1, 0]]
    sums = files.drop(columns=["File", "Records"]).sum(axis=1)
    assert sums.tolist() == files["Records"].tolist()


@pytest.fixture
def given(monkeypatch, tmp_path):
    """A log and a lookup of this machine, on which the page is started."""
    log, rules = tmp_path / "a.log", tmp_path / "rules.csv"
    log.write_bytes(LOG)
    rules.write_bytes(SAMPLE_LOOKUP)
    monkeypatch.setattr(sys, "argv", ["dashboard.py", str(log), "--lookup", str(rules)])
    return log, rules


def test_the_page_opens_on_files_of_this_machine(given, counted):
    log, _ = given
    for _ in ("the first tab", "the second"):
        page = opened()
        assert tags(page)["email"] == 3
        assert "save_lookup" not in [button.key for button in page.button]
    assert counted == [str(log)]
    drop(page, ("b.log", line()))
    assert metrics(page)["Flows"] == "15"
    log.write_bytes(line())
    page.button(key="start_over").click().run()
    assert metrics(settled(page))["Flows"] == "1"


def test_a_lookup_is_saved_to_its_file_only_after_a_confirmation(given):
    _, rules = given
    page = drop(opened(), ("better.csv", LOOKUP))
    page.button(key="save_lookup").click().run()
    assert rules.read_bytes() == SAMPLE_LOOKUP
    page.button(key="save_confirmed").click().run()
    assert not page.exception
    assert rules.read_bytes() == LOOKUP
    assert "Saved 4 rules to" in said(page)


def test_a_file_that_changed_meanwhile_is_not_overwritten_without_a_word(given):
    _, rules = given
    page = drop(opened(), ("better.csv", LOOKUP))
    rules.write_bytes(b"443,tcp,colleague\n")
    page.button(key="save_lookup").click().run()
    assert "The file has changed since it was read." in said(page)


def test_words_that_the_page_does_not_know_are_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--colour"])
    assert "unrecognized arguments: --colour" in said(opened())


def test_a_log_and_a_lookup_may_have_one_name(page):
    drop(page, ("data.txt", LOOKUP))
    drop(page, ("data.txt", line()), ("data.txt", line()))
    assert names(page) == ["data.txt", "data.txt (2)", "data.txt"]
    assert tags(page) == {"web": 2, "Untagged": 0}


def test_a_lookup_without_a_usable_row_is_shown_as_what_it_is(page):
    drop(page, ("bad.csv", b"dstport,protocol,tag\n70000,tcp,web\n"))
    assert "bad.csv is loaded as the lookup" in said(page)
    assert list(table(page, "Line", "Problem")["Line"]) == [2]
    drop(page, ("a.log", line()))
    assert names(page) == ["a.log", "bad.csv"]
    assert "Without a lookup" not in said(page)
    page.button(key="start_over").click().run()
    assert [button.key for button in page.button] == ["sample"]


def test_all_of_many_refusals_can_be_read(page):
    drop(page, *((f"{number}.png", b"\x89PNG\r\n\x1a\n") for number in range(9)))
    assert "4.png: is a picture" in said(page)
    assert "... and 4 more" in said(page)
    assert "8.png: is a picture" in said(page)


def test_names_that_are_no_text_are_shown_all_the_same(monkeypatch, tmp_path):
    name = os.fsencode(tmp_path) + b"/bad\xff.log"
    with open(name, "wb") as log:
        log.write(line())
    missing = os.fsdecode(name) + ".gone"
    monkeypatch.setattr(sys, "argv", ["dashboard.py", os.fsdecode(name), missing])
    page = opened()
    assert metrics(page)["Flows"] == "1"
    assert names(page) == [f"{tmp_path}/bad\\udcff.log"]
    assert "gone: there is no such file." in said(page)
    many = [f"{missing}{number}" for number in range(9)]
    monkeypatch.setattr(sys, "argv", ["dashboard.py", os.fsdecode(name), *many])
    assert "gone8: there is no such file." in said(opened())


@pytest.fixture
def endless(monkeypatch):
    """A log that begins with `endless` is counted until somebody cancels."""
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


@pytest.mark.usefixtures("endless")
def test_while_a_log_is_counted_the_page_is_usable_and_cancel_ends_it(page):
    drop(page, ("a.log", LOG))
    zone = page.file_uploader(key=f"logs_and_lookup_{session(page).drops}")
    zone.set_value([("endless.log", line(), "text/plain"), ("c.log", line(), "text/plain")]).run()
    assert not page.exception
    assert "cancel" in [button.key for button in page.button]
    page.segmented_control(key="measure").set_value("bytes").run()
    assert metrics(page)["Bytes"] == "111,000"
    page.segmented_control(key="measure").set_value("flows").run()
    page.button(key="remove log a.log").click().run()
    assert not page.exception
    assert "cancel" in [button.key for button in page.button]
    page.button(key="cancel").click().run()
    settled(page)
    assert "endless.log: it was not read to its end, since you cancelled." in said(page)
    assert "c.log: it was not read, since you cancelled." in said(page)
    assert [button.key for button in page.button] == ["sample"]
    assert tags(drop(page, ("d.log", line()))) == {"Untagged": 1}


@pytest.mark.usefixtures("endless")
def test_to_start_over_also_ends_what_is_being_counted(page):
    zone = page.file_uploader(key="logs_and_lookup_0")
    zone.set_value([("endless.log", line(), "text/plain")]).run()
    before = session(page).intake
    session(page).start_over()
    before.wait(10)
    assert before.standing() is None
    page.run()
    assert [button.key for button in page.button] == ["sample"]
    assert not page.error


def test_replies_may_be_counted_with_their_service(page):
    drop(page, ("a.log", LOG), ("l.csv", SAMPLE_LOOKUP))
    page.segmented_control(key="view").set_value("service").run()
    assert tags(page) == {"email": 6, "sv_P1": 4, "sv_P2": 2, "Untagged": 2}
    assert metrics(page)["Flows"] == "14"


def test_a_log_that_is_dropped_twice_is_counted_twice_and_that_is_said(page):
    drop(page, ("a.log", LOG), ("b.log", line()))
    assert "same" not in said(page)
    drop(page, ("c.log", LOG))
    assert "c.log has the same size and counts as a.log. Is it the same file?" in said(page)
    assert metrics(page)["Flows"] == "29"
    page.button(key="repeated").click().run()
    assert metrics(page)["Flows"] == "15"
    assert "same" not in said(page)


def test_doubtful_rows_of_the_lookup_are_said_on_top(page):
    drop(page, ("a.log", line()), ("l.csv", LOOKUP + b"1,nothing,x\n443,tcp,web2\n"))
    assert "l.csv: 2 rows are in doubt; see the lookup at the end of the page." in said(page)


def test_a_rule_lowers_untagged_and_undo_brings_back_lookup_and_number(page):
    page.button(key="sample").click().run()
    before, share = session(page).desk.lookup.content, page.metric[0].value
    session(page).desk.tag(parse_rules("49153/tcp", "mine"))
    page.run()
    assert page.metric[0].value != share
    assert any("1 rule not saved" in caption.value for caption in page.caption)
    assert any(r"49153/tcp is now mine" in c.value.replace("\\", "") for c in page.caption)
    page.button(key="undo").click().run()
    assert (session(page).desk.lookup.content, page.metric[0].value) == (before, share)
    page.button(key="redo").click().run()
    assert page.metric[0].value != share
    assert not page.exception


TIMES = [1_700_000_000 + 90 * number for number in range(40)]
LINK = {"tag": "sv_P2", "time": "2021-05-04T15:06/2021-05-04T15:07"}


def test_under_a_time_a_tag_and_every_measure_all_numbers_add_up_to_one_total(page):
    flows = [
        line(
            dstport=str((25, 443, 53, 9092)[number % 4]),
            srcport=str((7, 60000)[number % 3 == 0]),
            packets=str(number),
            volume=str(number * 100),
            start=str(start),
            action=("ACCEPT", "REJECT")[number % 5 == 0],
        )
        for number, start in enumerate(TIMES)
    ]
    drop(page, ("a.log", b"\n".join([*flows, line(start="-")])), ("l.csv", LOOKUP))
    page.query_params["time"] = "2023-11-14T22:20/2023-11-14T22:50"
    page.query_params["tag"] = "web"
    kept = [number for number, start in enumerate(TIMES) if 1_700_000_400 <= start < 1_700_002_200]
    for view in ("destination", "service"):
        page.segmented_control(key="view").set_value(view)
        for measure, each in (("flows", 0), ("packets", 1), ("bytes", 100)):
            page.segmented_control(key="measure").set_value(measure).run()
            total = sum(number * each if each else 1 for number in kept)
            name = measure.capitalize()
            assert metrics(page)[name] == f"{total:,}"
            by_tag = page.dataframe(key="tags").value
            assert by_tag[name].sum() == total
            assert bars(page, -2) == total
            of_tag = int(by_tag.set_index("Tag")[name].get("web", 0))
            assert page.dataframe(key="ports").value[name].sum() == of_tag == bars(page, -1)
            untagged = page.dataframe(key="untagged").value
            assert untagged[name].sum() == by_tag[name].iloc[-1]
            assert sum(map(sum, untagged["Over time"])) == by_tag[name].iloc[-1]
            assert timeline_total(page) == sum(
                number * each if each else 1 for number in range(len(TIMES))
            )


def charted(page, place):
    """The rows of a chart's data."""
    return convert_arrow_bytes_to_pandas_df(
        page.get("vega_lite_chart")[place].proto.datasets[0].data.data
    )


def bars(page, place):
    """The sum of a bar chart's bars."""
    return sum(int(number.replace(",", "")) for number in charted(page, place)["number"])


def timeline_total(page):
    return charted(page, 0)["count"].sum()


def test_what_a_rule_came_to_is_said_until_other_flows_are_counted(page):
    page.button(key="sample").click().run()
    session(page).desk.tag(parse_rules("49153/tcp", "mine"))
    page.run()
    said_of_it = "49153/tcp is now mine: Untagged 57.1% to 50.0% of flows."
    assert said_of_it in captions(page)
    page.segmented_control(key="measure").set_value("bytes").run()
    assert "49153/tcp is now mine" not in captions(page)


def test_a_time_without_flows_is_said_and_can_be_typed_and_taken_back(page):
    page.button(key="sample").click().run()
    page.text_input(key="time_box").set_value("2021-05-04 15:04/2021-05-04 15:06").run()
    assert page.query_params["time"] == "2021-05-04T15:04/2021-05-04T15:06"
    assert metrics(page)["Flows"] == "8"
    page.text_input(key="time_box").set_value("no time").run()
    assert metrics(page)["Flows"] == "8"
    page.text_input(key="time_box").set_value("2030-01-01T00:00/2030-01-02T00:00").run()
    assert metrics(page)["Flows"] == "0"
    assert "No flow is left" in said(page)
    page.text_input(key="time_box").set_value("").run()
    assert metrics(page)["Flows"] == "14"


@pytest.mark.parametrize(
    "text", ["<b>x</b>", "2021-05-04T15:06", "9999-01-01T00:00/1-1", "%00", ""]
)
def test_what_a_link_cannot_mean_is_passed_over(page, text):
    page.button(key="sample").click().run()
    for key in ("tag", "time", "measure", "action", "view"):
        page.query_params[key] = text
    page.run()
    assert not page.exception
    assert metrics(page)["Flows"] == "14"
    assert len(page.dataframe(key="ports").value) == 14


def captions(page):
    return "\n".join(c.value.replace("\\", "") for c in page.caption)


def test_the_log_is_read_zero_times_by_edits_filters_and_views(page, monkeypatch):
    page.button(key="sample").click().run()
    monkeypatch.setattr(intake, "each_place", None)
    counts = session(page).logs.counts
    session(page).desk.tag(parse_rules("49153/tcp", "mine"))
    for key, value in (("measure", "bytes"), ("action", "accept"), ("view", "service")):
        page.segmented_control(key=key).set_value(value).run()
    for key, value in LINK.items():
        page.query_params[key] = value
        page.run()
    page.text_input(key="search").set_value("443").run()
    page.button(key="clear_time").click().run()
    page.button(key="clear_tag").click().run()
    page.button(key="undo").click().run()
    assert session(page).logs.counts is counts
    assert not page.exception


def log(names, flows, dstport=443):
    return "".join(f"{record(names, dstport=str(dstport))}\n" for _ in range(flows)).encode()


def take(page, fields=V5):
    page.button(key=f"take {' '.join(fields)}").click().run()
    return settled(page)


def offers(page):
    return [button.key for button in page.button if button.key and button.key.startswith("take")]


def test_a_layout_that_fits_is_offered_and_one_click_takes_it(page):
    drop(page, ("v5.log", log(V5, 12)))
    assert not session(page).logs
    (sentence,) = (each.value for each in page.markdown if "common layout" in each.value)
    assert "12 lines fit a common layout of 29 fields" in sentence.replace("\\", "")
    assert page.code[0].value.startswith("version=5  account-id=123456789012  srcaddr=10.0.0.1")
    assert page.code[0].value.endswith("flow-direction=egress  traffic-path=1")
    take(page)
    assert metrics(page)["Flows"] == "12"
    assert offers(page) == []
    assert "v5.log: read as 29 fields, given as a format." in said(page)


def test_one_click_takes_all_files_of_one_layout_and_the_others_wait(page):
    v3 = tuple(sorted(BY_VERSION[3]))
    drop(
        page, ("a.log", log(V5, 2)), ("b.log", log(V5, 3)), ("c.log", log(v3, 4)), ("d.log", line())
    )
    assert metrics(page)["Flows"] == "1"
    take(page)
    assert metrics(page)["Flows"] == "6"
    take(page, v3)
    assert metrics(page)["Flows"] == "10"
    assert len(session(page).logs.by_name) == 4


def test_a_second_click_on_an_offer_that_is_taken_or_left_does_nothing(page):
    drop(page, ("v5.log", log(V5, 2)))
    layout = " ".join(V5)
    take(page)
    for again in (session(page).take_offer, session(page).decline_offer):
        again(layout)
    assert metrics(settled(page))["Flows"] == "2"


def test_files_with_equal_names_are_offered_and_taken_one_by_one(page):
    drop(page, ("v5.log", log(V5, 2)))
    drop(page, ("v5.log", log(V5, 3)))
    drop(page, ("v5.log", line()))
    assert metrics(page)["Flows"] == "1"
    assert metrics(take(page))["Flows"] == "6"
    assert [*session(page).logs.by_name] == ["v5.log (3)", "v5.log", "v5.log (2)"]


def test_each_file_of_an_archive_is_read_in_its_own_layout(page):
    out = io.BytesIO()
    v3 = tuple(sorted(BY_VERSION[3]))
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (("a", line()), ("b", log(V5, 2)), ("c", log(v3, 4))):
            archive.writestr(f"{name}.log", content)
    drop(page, ("mixed.zip", out.getvalue()))
    assert metrics(page)["Flows"] == "1"
    (key,) = offers(page)
    page.button(key=key).click().run()
    assert metrics(settled(page))["Flows"] == "7"
    assert offers(page) == []


def test_what_is_declined_is_let_go(page):
    drop(page, ("v5.log", log(V5, 2)))
    (offered,) = session(page).offers.values()
    upload = offered.again.forget.__self__
    assert not upload.closed
    page.button(key=f"leave {' '.join(V5)}").click().run()
    assert upload.closed
    assert offers(page) == []


def test_a_log_that_fits_partly_counts_until_the_offer_is_taken_in_its_place(page):
    drop(page, ("v5.log", line() + b"\n" + log(V5, 5)))
    assert metrics(page)["Flows"] == "1"
    assert metrics(take(page))["Flows"] == "5"
    assert list(session(page).logs.by_name) == ["v5.log"]


def test_a_log_that_is_removed_is_offered_no_more(page):
    drop(page, ("a.log", line()), ("v5.log", line() + b"\n" + log(V5, 5)))
    page.button(key="remove log v5.log").click().run()
    assert offers(page) == []


def test_in_an_archive_the_offer_is_for_all_its_files(page):
    drop(page, ("logs.zip", zipped(log(V5, 5))))
    assert metrics(take(page))["Flows"] == "5"


def test_a_format_given_by_hand_holds_for_what_comes_then_until_it_is_emptied(page):
    small = log(SMALL, 3)
    drop(page, ("a.log", small))
    assert "a.log: not one flow was found" in said(page)
    page.text_input(key="format").set_value("${start} ${dstport}, protocol srcport").run()
    drop(page, ("b.log", small), ("headed.log", b"dstport protocol\n25 6\n"))
    assert tags(page) == {"Untagged": 4}
    assert "b.log: read as 4 fields, given as a format." in said(page)
    session(page)  # as after a reload, the field is another one and says what holds
    assert page.text_input(key="format").value == "${start} ${dstport}, protocol srcport"
    page.text_input(key="format").set_value("").run()
    assert metrics(drop(page, ("c.log", line())))["Flows"] == "5"


def test_a_format_that_cannot_be_is_told_and_changes_nothing(page):
    page.text_input(key="format").set_value("${version} <b>action</b>").run()
    assert "The format names 2 fields but not both dstport and protocol" in said(page)
    assert metrics(drop(page, ("c.log", line())))["Flows"] == "1"


def test_the_page_may_be_started_with_a_format(monkeypatch, tmp_path):
    path = tmp_path / "small.log"
    path.write_bytes(log(SMALL, 3))
    arguments = ["dashboard.py", str(path), "--format"]
    for _ in ("read", "known"):
        monkeypatch.setattr(sys, "argv", [*arguments, "start dstport protocol srcport"])
        assert metrics(opened())["Flows"] == "3"
    monkeypatch.setattr(sys, "argv", [*arguments, "dstport protocol start srcport"])
    assert "not one flow was found" in said(opened())
    monkeypatch.setattr(sys, "argv", [*arguments, "start"])
    assert "The format names 1 field but" in said(opened())


def test_files_of_a_folder_that_were_of_no_use_are_taken_together_beside_it(monkeypatch, tmp_path):
    for name, content in (("a", log(V5, 2)), ("b", log(V5, 3)), ("c", line())):
        (tmp_path / f"{name}.log").write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["dashboard.py", str(tmp_path)])
    page = opened()
    assert metrics(page)["Flows"] == "1"
    assert metrics(take(page))["Flows"] == "6"
    assert [*session(page).logs.by_name] == [str(tmp_path), f"{tmp_path} (custom format)"]


def test_a_file_that_never_was_the_lookup_is_never_written_over(monkeypatch, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(line())
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--lookup", str(path)])
    page = drop(opened(), ("lookup.csv", LOOKUP), ("b.log", line()))
    assert tags(page) == {"web": 1, "Untagged": 0}
    assert "save_lookup" not in [button.key for button in page.button]


@pytest.mark.parametrize("kind", ["services", "gzip"])
def test_a_lookup_that_was_no_csv_is_never_written_over(monkeypatch, tmp_path, kind):
    path = tmp_path / "services"
    text = b"https 443/tcp\n" if kind == "services" else gzip.compress(b"443,tcp,https\n")
    path.write_bytes(text)
    (tmp_path / "a.log").write_bytes(line())
    monkeypatch.setattr(
        sys, "argv", ["dashboard.py", str(tmp_path / "a.log"), "--lookup", str(path)]
    )
    page = opened()
    assert tags(page) == {"https": 1, "Untagged": 0}
    assert not session(page).desk.has_lookup_to_save
    assert "save_lookup" not in [button.key for button in page.button]
    assert in_place.content(str(path)) == text
