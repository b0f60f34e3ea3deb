"""A session takes logs and lookups in place of the sample, and can remove them again."""

import io
import threading
from functools import partial

import pytest

from flowtag_core import load_lookup_table, parse_flow_log
from flowtag_core.page.intake import CountedLog, Refused
from flowtag_core.page.session import CustomFormat, Session
from flowtag_core.tagging.report import by_boundary, select
from tests.logs import LOOKUP, line
from tests.page.made import arrival, counted_log, endless, flows, held, holds_nothing, lookup
from tests.page.seen import V3, V5, log_with


def with_sample(*outcomes):
    session = Session()
    session.show_sample()
    for outcome in outcomes:
        session.take_in([outcome])
    return session


def test_the_users_own_log_replaces_the_sample_and_its_lookup():
    own = CountedLog("a.log", parse_flow_log(io.BytesIO(line())), 0.1)
    lookup = load_lookup_table(io.BytesIO(LOOKUP), name="own.csv")
    session = with_sample(own)
    assert list(session.logs.by_name) == ["a.log"]
    assert session.desk.given is None
    assert list(with_sample(lookup).logs.by_name) == ["flow.log"]
    session = with_sample(lookup, own)
    assert list(session.logs.by_name) == ["a.log"]
    assert session.desk.given is lookup


def test_adding_or_removing_a_lookup_never_adds_up_the_logs_again():
    session = with_sample()
    counts = session.logs.counts
    session.take_in([load_lookup_table(io.BytesIO(LOOKUP))])
    session.remove_lookup()
    assert session.logs.counts is counts


def test_logs_with_the_same_name_get_unique_names():
    session = Session()
    for _ in range(2):
        session.take([arrival("a.log", line()), arrival("a.log", line())])
        session.intake.wait(60)
        session.collect()
    assert list(session.logs.by_name) == ["a.log", "a.log (2)", "a.log (3)", "a.log (4)"]
    assert session.logs.counts.total.flows == 4


OUTSIDE = line(srcaddr="203.0.113.9")


def boundaries(session):
    return {*by_boundary(select(session.logs.counts))}


def test_new_internal_ranges_count_the_sample_again_and_ask_for_uploads():
    session = Session()
    session.take([arrival("a.log", OUTSIDE)])
    session.intake.wait(60)
    session.collect()
    assert boundaries(session) == {"inbound"}
    session.use_internal("203.0.113.0/33")
    assert "203.0.113.0/33" in session.internal.wrong
    assert boundaries(session) == {"inbound"}
    session.use_internal("203.0.113.0/24")
    assert holds_nothing(session)
    assert session.messages.told == [
        "The internal ranges changed. Add this file again to apply them: a.log."
    ]
    session.take([arrival("a.log", OUTSIDE)])
    session.intake.wait(60)
    session.collect()
    assert boundaries(session) == {"internal"}
    assert session.logs.counts.internal == ("203.0.113.0/24",)
    sample = with_sample()
    before = sample.logs.counts
    sample.use_internal("198.51.100.0/24")
    assert sample.logs.counts.total == before.total
    assert sample.logs.counts.internal == ("198.51.100.0/24",)
    assert list(sample.logs.by_name) == ["flow.log"]


def test_the_same_ranges_written_differently_count_nothing_again():
    session = Session()
    session.use_internal("203.0.113.0/24")
    session.take([arrival("a.log", OUTSIDE)])
    session.intake.wait(60)
    session.collect()
    counts = session.logs.counts
    session.use_internal(" 203.0.113.0/24, ")
    assert session.logs.counts is counts


def test_starting_over_also_forgets_what_is_being_read():
    session = Session()
    session.take([arrival("a.log", (line() + b"\n") * 300_000)])
    session.start_over()
    session.collect()
    assert holds_nothing(session)
    assert not session.is_busy


def test_the_users_lookup_survives_the_sample():
    lookup = load_lookup_table(io.BytesIO(LOOKUP), name="own.csv")
    session = Session()
    session.take_in([lookup])
    session.show_sample()
    assert session.desk.given is not lookup
    session.take_in([CountedLog("a.log", parse_flow_log(io.BytesIO(line())), 0.1)])
    assert session.desk.given is lookup
    session = with_sample()
    session.remove_log("flow.log")
    assert holds_nothing(session)


FIELDS = "start dstport protocol srcport"


@pytest.mark.parametrize("text", ["", "  ", "\t\n"])
def test_an_empty_format_means_the_default_layout(text):
    assert CustomFormat.of(text) == CustomFormat(None, text, "")


@pytest.mark.parametrize("text", [FIELDS, "${start} ${dstport}, ${protocol} srcport"])
def test_a_format_is_kept_as_typed_and_read_as_bare_field_names(text):
    assert CustomFormat.of(text) == CustomFormat(FIELDS, text, "")


def test_an_invalid_format_says_why_and_the_default_layout_applies():
    wrong = CustomFormat.of("start dstport")
    assert (wrong.layout, wrong.text) == (None, "start dstport")
    assert "not both dstport and protocol" in wrong.wrong
    session = Session()
    session.use_format(FIELDS)
    session.use_format("start dstport")
    assert session.format == wrong
    session.use_format(FIELDS)
    assert session.format.wrong == ""


def takes(session, *arrivals):
    """Have a session take files, and wait until they are read."""
    session.take(arrivals)
    session.intake.wait(60)
    session.collect()


def total(session):
    return session.logs.counts.total.flows


def test_a_format_applies_to_later_files_without_a_format_of_their_own():
    session = Session()
    session.use_format(FIELDS)
    own = arrival("own", b"6 25 1 2\n", format="protocol dstport start srcport")
    takes(session, arrival("given", b"1 443 6 2\n"), own)
    ports = session.logs.counts.requests.port.tolist() + session.logs.counts.replies.port.tolist()
    assert sorted(ports) == [25, 443]
    session.use_format("")
    takes(session, arrival("default", line()))
    assert total(session) == 3


def offering(**contents):
    session = Session()
    takes(session, *(arrival(name, content) for name, content in contents.items()))
    return session


def test_files_that_fit_the_same_layout_are_offered_together():
    session = offering(a=log_with(V5, 1), b=log_with(V3, 2), c=log_with(V5, 3))
    by_layout = session.offers_by_layout()
    assert [[offered.again.name for offered in each] for each in by_layout.values()] == [
        ["a", "c"],
        ["b"],
    ]
    assert [*by_layout] == [" ".join(V5), " ".join(V3)]
    assert not session.logs
    assert not session.messages.refusals


def test_accepting_an_offer_adds_its_logs_and_keeps_the_other_offers():
    session = offering(a=log_with(V5, 1), b=log_with(V3, 2), c=log_with(V5, 3))
    layout, other = session.offers_by_layout()
    session.take_offer(layout)
    session.intake.wait(60)
    session.collect()
    assert {name: flows(log) for name, log in session.logs.by_name.items()} == {"a": 1, "c": 3}
    assert [*session.offers_by_layout()] == [other]


def test_accepting_an_offer_replaces_the_earlier_counts_of_its_log():
    session = offering(a=line() + b"\n" + log_with(V5, 5))
    assert total(session) == 1
    (layout,) = session.offers_by_layout()
    session.take_offer(layout)
    session.intake.wait(60)
    session.collect()
    assert total(session) == 5
    assert [*session.logs.by_name] == ["a"]


def test_declining_an_offer_frees_its_files_and_keeps_their_counts():
    let_go = []
    session = Session()
    files = {"a": line() + b"\n" + log_with(V5, 5), "b": log_with(V3, 2)}
    takes(
        session,
        *(arrival(name, files[name], forget=partial(let_go.append, name)) for name in files),
    )
    layout, other = session.offers_by_layout()
    assert let_go == []
    session.decline_offer(layout)
    assert let_go == ["a"]
    assert total(session) == 1
    assert [*session.offers_by_layout()] == [other]


def test_accepting_or_declining_an_unknown_offer_does_nothing():
    session = offering(a=log_with(V5, 1))
    for decide in (session.take_offer, session.decline_offer):
        decide("no such layout")
    assert [*session.offers] == [("a", "a")]
    assert not session.is_busy


def test_removing_a_log_frees_it_and_withdraws_its_offer():
    let_go = []
    session = Session()
    takes(
        session, arrival("a", line() + b"\n" + log_with(V5, 5), forget=partial(let_go.append, "a"))
    )
    session.remove_log("a")
    assert let_go == ["a"]
    assert not session.offers
    assert not session.logs


def test_the_name_of_an_offered_or_waiting_log_is_not_reused():
    session = offering(a=log_with(V5, 1))
    let_go = threading.Event()
    session.take([held("b", let_go)])
    session.take([arrival("a", line()), arrival("b", line())])
    assert session.is_busy
    let_go.set()
    session.intake.wait(60)
    session.collect()
    assert [*session.logs.by_name] == ["b", "a (2)", "b (2)"]


def test_the_last_of_several_lookups_is_used_and_each_names_the_one_it_replaced():
    session = Session()
    session.take_in([lookup("1,tcp,x\n", name) for name in ("a", "b", "c")])
    assert session.desk.given.name == "c"
    assert session.messages.told == []  # They all have the same content.
    session.take_in([lookup("2,tcp,x\n", "d"), lookup("3,tcp,x\n", "e")])
    assert session.messages.told == ["d replaced c.", "e replaced d."]


def test_a_cancelled_file_is_mentioned_and_an_unusable_one_is_refused():
    session = Session()
    session.take_in([Refused("wrong"), Refused("stopped", cancelled=True)])
    assert (session.messages.refused, session.messages.told) == (["wrong"], ["stopped"])


def test_new_files_clear_the_messages_about_earlier_ones():
    session = Session()
    takes(session, arrival("a", b""))
    assert session.messages.refused == ["a: is empty."]
    takes(session, arrival("b", line()))
    assert session.messages.refused == []


def test_a_path_that_is_known_to_repeat_another_keeps_its_message():
    session = Session()
    session.messages.repeated = {"b": "the same file"}
    session.take_in([counted_log("a"), counted_log("b"), counted_log("c")])
    assert session.messages.repeated["b"] == "the same file"
    assert [*session.messages.repeated] == ["b", "c"]
    session.remove_repeated()
    assert [*session.logs.by_name] == ["a"]
    assert session.messages.repeated == {}


def test_cancelling_stops_reading_and_keeps_what_was_counted():
    session = Session()
    takes(session, arrival("a", line()))
    started = threading.Event()
    session.take([endless("b", started), arrival("c", line())])
    assert started.wait(60)
    session.cancel()
    session.intake.wait(60)
    session.collect()
    assert [*session.logs.by_name] == ["a"]
    assert session.messages.told == [
        "b: cancelled before it was read completely.",
        "c: cancelled before it was read.",
    ]


def test_files_that_join_a_batch_do_not_clear_the_messages():
    session, started = Session(), threading.Event()
    session.take([endless("a", started)])
    session.messages.told.append("said")
    session.take([arrival("b", line())])
    assert session.messages.told == ["said"]
    session.start_over()


def test_removing_the_lookup_can_be_undone():
    session = Session()
    session.take_in([lookup()])
    session.remove_lookup()
    assert session.desk.given is None
    session.desk.undo()
    assert session.desk.given.name == "lookup.csv"


def test_starting_over_takes_the_files_of_the_command_line_again():
    session = with_sample()
    assert session.is_started
    session.start_over()
    assert not session.is_started
    assert holds_nothing(session)
