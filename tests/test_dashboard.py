"""The whole page, run without a browser: how its sections work together, and all its numbers."""

import gzip
import os
import sys

import pandas as pd
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df

from flowtag_core.page import intake
from flowtag_core.showing.words import quantity
from flowtag_core.tagging.editing import parse_rules
from tests.logs import LOOKUP, line
from tests.page import conftest
from tests.page.seen import (
    LOG,
    SAMPLE_LOOKUP,
    SMALL,
    buttons,
    captions,
    drop,
    html,
    log_with,
    metrics,
    names,
    opened,
    said,
    session,
    settled,
    summary,
    table,
    tags,
)

started, page, counted, given = conftest.started, conftest.page, conftest.counted, conftest.given

HOSTILE_TAGS = [
    "<script>alert(1)</script>",
    "**bold** :red[x]",
    "$x$ ![](http://example.invalid/a.png)",
    "=cmd|' /C calc'!A0",
    "x" * 10_000,
    "two\nlines 😀",
]


def test_the_sample_in_one_click(page):
    page.button(key="sample").click().run()
    assert not page.exception
    assert tags(page) == {"email": 3, "sv_P1": 2, "sv_P2": 1, "Untagged": 8}
    assert summary(page)["Unexplained"] == "\u2264 14.3%"
    ports = page.dataframe(key="ports").value
    assert sorted(ports["Port"])[:6] == [23, 25, 80, 110, 143, 443]
    assert "14 records = 0 headers + 0 blank + 14 flows" in said(page)
    assert len(page.get("vega_lite_chart")) == 3


def test_the_users_first_log_replaces_the_sample(page):
    page.button(key="sample").click().run()
    assert tags(drop(page, ("l.csv", LOOKUP))) == {"mail": 1, "web": 1, "Untagged": 12}
    assert tags(drop(page, ("a.log", line()))) == {"web": 1, "Untagged": 0}
    page.button(key="start_over").click().run()
    page.button(key="sample").click().run()
    assert tags(drop(page, ("a.log", line()))) == {"Untagged": 1}


def test_log_and_lookup_may_be_dropped_together_or_one_by_one_in_any_order(page):
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
    assert list(table(fresh, "Line", "Row", "Problem")["Line"]) == [13]
    assert "Without a lookup everything is Untagged." in said(page)


def test_more_logs_add_up_even_with_the_same_name(page):
    drop(page, ("a.log", LOG), ("a.log", LOG))
    assert metrics(drop(page, ("a.log", LOG)))["Flows"] == "42"
    assert "a.log (3): read as version 2 default layout" in said(page)


def test_a_new_lookup_replaces_the_old_one(page):
    drop(page, ("a.log", LOG), ("old.csv", SAMPLE_LOOKUP))
    assert tags(drop(page, ("new.csv", LOOKUP))) == {"mail": 1, "web": 1, "Untagged": 12}
    assert "new.csv replaced old.csv." in said(page)


def test_each_file_that_is_not_a_log_gets_one_sentence_and_the_others_count(page):
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


def test_an_empty_file_and_one_without_flows_are_reported(page):
    drop(page, ("e.log", b""), ("prose.txt", b"this is\nno flow log"))
    assert "e.log: is empty." in said(page)
    assert "prose.txt: no flows were found. Line 1" in said(page)
    assert not page.dataframe
    nothing = b"\n".join([line(status="NODATA"), line(dstport="x")])
    drop(page, ("quiet.log", nothing))
    assert "quiet.log: no flows were found. Line 2 was set aside: bad port." in said(page)
    assert tags(page) == {"Untagged": 0}


def test_a_lookup_without_its_columns_is_refused_with_the_reason(page):
    drop(page, ("a.log", LOG), ("l.csv", b"port;proto;owner\n443;tcp;web\n"))
    assert "l.csv (if meant as a lookup): line 1 reads 'port;proto;owner', but a lookup" in said(
        page
    )
    assert metrics(page)["Flows"] == "14"
    assert "no flows were found" not in said(page)
    assert tags(drop(page, ("l.csv", SAMPLE_LOOKUP)))["email"] == 3
    assert metrics(page)["Not counted"] == "0"


def test_unusable_files_leave_the_sample_alone(page):
    page.button(key="sample").click().run()
    drop(page, ("l.csv", b"port,proto,owner\n1,tcp,x\n"), ("e.log", b""))
    assert tags(page)["email"] == 3


def test_records_set_aside_and_lookup_problems_are_shown(page):
    log = b"\n".join([line(), line(dstport="x"), line(status="SKIPDATA")])
    drop(page, ("a.log", log), ("l.csv", LOOKUP + b"1,nothing,x\n443,tcp,web2\n"))
    assert metrics(page)["Not counted"] == "2"
    assert "3 records = 0 headers + 0 blank + 1 flow + 1 skipped data + 1 bad port" in said(page)
    assert "lower bound" in said(page)
    faults = table(page, "File", "Line")
    assert faults.iloc[0].tolist()[:3] == ["a.log", 2, "bad port"]
    assert "2 lookup rows need checking. Click a row to see it" in captions(page)


def test_hostile_tags_and_names_are_shown_as_text(page):
    rows = "".join(
        '{},tcp,"{}"\n'.format(port, tag.replace('"', '""'))
        for port, tag in enumerate(HOSTILE_TAGS)
    )
    log = b"\n".join(line(dstport=str(port)) for port in range(len(HOSTILE_TAGS)))
    name = "**x** <b>$y$ :red[z].log"
    drop(page, ("l.csv", b"dstport,protocol,tag\n" + rows.encode()), (name, log), (name, b"\0"))
    assert set(tags(page)) == {*HOSTILE_TAGS, "Untagged"}
    # In the only Markdown that contains a name, every special character is escaped.
    (error,) = page.error
    assert error.value.startswith(r"\*\*x\*\* \<b\>\$y\$ \:red\[z\]")


def test_a_selected_row_says_which_rule_gives_the_tag(page):
    page.button(key="sample").click().run()
    page.query_params["tag"] = "email"
    session(page).asked = (443, 6)
    page.run()
    assert "email: 110,tcp (line 10), 993,tcp (line 11), 143,tcp (line 12)" in html(page)
    del page.query_params["tag"]
    page.run()
    assert not page.exception
    assert "443,tcp (line 6)" in html(page)


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
        assert metrics(page)[name] == quantity(web + mail, measure)
        assert page.dataframe(key="ports").value[name].sum() == web + mail


def test_measures_and_actions_that_need_a_missing_field_are_not_offered(page):
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
    assert "No rule applies" in html(page)


def test_the_search_narrows_the_table_and_the_chart_but_not_the_numbers(page):
    drop(page, ("a.log", LOG), ("l.csv", SAMPLE_LOOKUP))
    page.text_input(key="search").set_value("email").run()
    assert sorted(page.dataframe(key="ports").value["Port"]) == [110, 143, 993]
    assert metrics(page)["Flows"] == "14"
    assert "3 of 14 ports" in html(page)


def test_the_page_can_be_started_with_local_files(given, counted):
    log, _ = given
    for _ in ("the first tab", "the second"):
        page = opened()
        assert tags(page)["email"] == 3
        assert "save_lookup" not in buttons(page)
    assert counted == [str(log)]
    drop(page, ("b.log", line()))
    assert metrics(page)["Flows"] == "15"
    log.write_bytes(line())
    page.button(key="start_over").click().run()
    assert metrics(settled(page))["Flows"] == "1"


def test_unknown_arguments_are_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["dashboard.py", "--colour"])
    assert "unrecognized arguments: --colour" in said(opened())


def test_a_lookup_without_a_usable_row_is_still_loaded(page):
    drop(page, ("bad.csv", b"dstport,protocol,tag\n70000,tcp,web\n"))
    assert "bad.csv is loaded as the lookup" in said(page)
    assert list(table(page, "Line", "Row", "Problem")["Line"]) == [2]
    drop(page, ("a.log", line()))
    assert names(page) == ["a.log", "bad.csv"]
    assert "Without a lookup" not in said(page)
    page.button(key="start_over").click().run()
    assert buttons(page) == ["sample"]


def test_file_names_that_are_not_valid_text_are_shown_too(monkeypatch, tmp_path):
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


def test_replies_may_be_counted_with_their_service(page):
    drop(page, ("a.log", LOG), ("l.csv", SAMPLE_LOOKUP))
    page.segmented_control(key="view").set_value("service").run()
    assert tags(page) == {"email": 6, "sv_P1": 4, "sv_P2": 2, "Untagged": 2}
    assert metrics(page)["Flows"] == "14"


def test_lookup_rows_that_need_checking_are_reported_at_the_top(page):
    drop(page, ("a.log", line()), ("l.csv", LOOKUP + b"1,nothing,x\n443,tcp,web2\n"))
    assert (
        "l.csv: 2 lookup rows need checking; see the lookup editor at the bottom of the page."
        in said(page)
    )


TIMES = [1_700_000_000 + 90 * number for number in range(40)]
LINK = {"tag": "sv_P2", "time": "2021-05-04T15:06/2021-05-04T15:07"}


def test_with_a_time_a_tag_and_any_measure_all_numbers_add_up_to_one_total(page):
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
    page.session_state["show_replies"] = True
    kept = [number for number, start in enumerate(TIMES) if 1_700_000_400 <= start < 1_700_002_200]
    for view in ("destination", "service"):
        page.segmented_control(key="view").set_value(view)
        for measure, each in (("flows", 0), ("packets", 1), ("bytes", 100)):
            page.segmented_control(key="measure").set_value(measure).run()
            total = sum(number * each if each else 1 for number in kept)
            name = measure.capitalize()
            assert metrics(page)[name] == quantity(total, measure)
            by_tag = page.dataframe(key="tags").value
            assert by_tag[name].sum() == total
            assert bars(page, -2) == total
            of_tag = int(by_tag.set_index("Tag")[name].get("web", 0))
            assert page.dataframe(key="ports").value[name].sum() == of_tag == bars(page, -1)
            untagged = page.dataframe(key="untagged").value
            assert untagged[name].sum() == by_tag[name].iloc[-1]
            assert sum(map(sum, untagged["Trend"])) == by_tag[name].iloc[-1]
            assert timeline_total(page) == sum(
                number * each if each else 1 for number in range(len(TIMES))
            )


def charted(page, place):
    """The rows of a chart's data."""
    return convert_arrow_bytes_to_pandas_df(
        page.get("vega_lite_chart")[place].proto.datasets[0].data.data
    )


def bars(page, place):
    """The sum of the bars in a chart."""
    return sum(int(number.replace(",", "")) for number in charted(page, place)["number"])


def timeline_total(page):
    return charted(page, 0)["count"].sum()


def test_edits_filters_and_views_never_read_the_log_again(page, monkeypatch):
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


def test_the_page_may_be_started_with_a_format(monkeypatch, tmp_path):
    path = tmp_path / "small.log"
    path.write_bytes(log_with(SMALL, 3))
    arguments = ["dashboard.py", str(path), "--format"]
    for _ in ("read", "known"):
        monkeypatch.setattr(sys, "argv", [*arguments, "start dstport protocol srcport"])
        assert metrics(opened())["Flows"] == "3"
    monkeypatch.setattr(sys, "argv", [*arguments, "dstport protocol start srcport"])
    assert "no flows were found" in said(opened())
    monkeypatch.setattr(sys, "argv", [*arguments, "start"])
    assert "The format names 1 field but" in said(opened())
