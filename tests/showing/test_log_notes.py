"""The sentences about logs say what a reader of the counts must know."""

import io
from collections import Counter

import numpy as np
import pytest

from flowtag_core import parse_flow_log
from flowtag_core.counts import MOST_SUM, Fault, FileCounts, FlowCounts, Offer, Reason, tabulate
from flowtag_core.showing import log_notes
from flowtag_core.showing.search import search
from tests.logs import line
from tests.showing.made import report


def test_a_file_without_fault_samples_is_named_too():
    logs = [io.BytesIO(b"short\n" * 1500), io.BytesIO(b"short\n")]
    counts = parse_flow_log(*logs, names=["a.log", "b.log"])
    first, second = log_notes.cautions(counts)
    assert first.startswith("a.log: no flows were found. Line 1 was set aside: too few fields.")
    assert second.startswith("b.log: no flows were found. If")


def file(flows=0, **fields):
    """Return the counts of one file. `set_aside` may be a list of reasons."""
    counters = ("set_aside", "lacking", "odd_words", "unreadable", "fitting")
    made = {name: Counter(fields.pop(name, ())) for name in counters}
    return FileCounts(flows=flows, **made, **fields)


def counted(**files):
    return FlowCounts(files=files)


def test_the_equation_names_every_reason_that_occurs_and_adds_up():
    bad = Counter({Reason.BAD_PORT: 2000, Reason.NO_DATA: 1})
    assert log_notes.equation(FileCounts(headers=1, blank=2, flows=3, set_aside=bad)) == (
        "2,007 records = 1 header + 2 blank + 3 flows + 1 no data + 2,000 bad port"
    )
    assert log_notes.equation(FileCounts(flows=1)) == "1 record = 0 headers + 0 blank + 1 flow"


@pytest.mark.parametrize(
    ("doubtful", "sentence"),
    [
        (file(size=9), "x: contains no records."),
        (file(), "x: is empty."),
        (file(damage=frozenset({"x: is cut short."})), "x: is cut short."),
        (file(1, set_aside=[Reason.NO_PORT_IN_LAYOUT]), "x: a header lacks dstport or protocol"),
        (file(2, fitting={"a b c": 3}), "x: has no header. 3 lines fit a common layout of 3"),
        (file(3, fitting={"a b c": 3}), "x: 3 lines would fit a different layout from the rest."),
        (file(3, headers=1, fitting={"a b c": 4}), "x: 4 lines would fit a different layout"),
        (
            file(set_aside=[Reason.NO_RECORD_IN_JSON]),
            "x: no flow log records were found in its JSON",
        ),
        (file(set_aside=[Reason.BAD_PORT]), "x: no flows were found. If its format is custom"),
        (
            file(set_aside=[Reason.NO_DATA] * 2),
            "x: contains no flows, only 2 records in which AWS reported no data",
        ),
        (file(headers=1), "x: contains no flows."),
        (file(1, odd_words=["action"]), "x: most flows have an unknown action or status."),
    ],
)
def test_a_file_that_may_contain_more_than_was_counted_is_named_with_the_reason(doubtful, sentence):
    (told,) = log_notes.cautions(FlowCounts(files={"x": doubtful, "good": file(1)}))
    assert told.startswith(sentence)


def test_a_valid_log_needs_no_caution():
    valid = file(2, headers=1, blank=1, odd_words=["action"], set_aside=[Reason.BAD_PORT])
    assert list(log_notes.cautions(counted(x=valid))) == []


def test_cautions_about_all_counts_come_once_and_last():
    skipped = file(1, set_aside=[Reason.SKIPPED_DATA])
    rows = np.array([(1, 6, 1, 0, 1, MOST_SUM)], np.int64).T
    counts = FlowCounts(tabulate(*rows), files={"a": skipped, "b": skipped, "c": file()})
    empty, bound, beyond = log_notes.cautions(counts)
    assert empty == "c: is empty."
    assert "SKIPDATA" in bound
    assert beyond.startswith("The bytes add up to 9,223,372,036,854,775,807 or more.")


def test_a_file_that_was_given_more_than_once_is_named_with_its_other_paths():
    same = [["a", "a"], ["a", "b", "b", "c"], ["a", "b", "c", "d", "e", "a"]]
    assert list(log_notes.repeated(same)) == [
        "a: was given more than once, and is counted each time.",
        "a: is the same file as b, c, and is counted each time.",
        "a: is the same file as b, c, d and 1 more, and is counted each time.",
    ]


def test_the_note_on_files_already_added_counts_them_and_says_where_they_came_from():
    def told(files, others, *, is_folder=True):
        return log_notes.given_before("x", files, others, is_folder=is_folder)

    assert (
        told(1, ["y"], is_folder=False) == "x: was already added with y and is counted each time."
    )
    assert told(2, ["y", "y"]).startswith("x: all of its files were already added with y and are")
    assert told(3, ["y", "z"]).startswith(
        "x: 2 of its 3 files were already added with y, z and are"
    )
    assert told(3, ["y"]).startswith("x: 1 of its 3 files was already added with y and is")


OFFER = Offer("version dstport protocol", 7, "5 443 6")


def test_an_offered_layout_is_described_by_its_lines_and_its_first_and_last_field():
    assert log_notes.offered(OFFER) == (
        "7 lines fit a common layout of 3 fields, version to protocol"
    )
    assert log_notes.offered(Offer("a b", 1)).startswith("1 line fits a common layout of 2 fields")


def test_an_offer_says_if_its_lines_are_comma_separated_and_splits_them_at_commas():
    offer = Offer("version dstport protocol", 7, "5,443,6")
    assert log_notes.offered(offer).startswith("7 comma-separated lines fit a common layout")
    assert log_notes.named_words(offer) == "version=5  dstport=443  protocol=6"


@pytest.mark.parametrize(
    "prefix", ["./a.log:", "a.log.gz:", "a.log:12:", "12:", "s3/2023/11/14/a_b-c.log:"]
)
def test_a_log_that_grep_prefixed_with_file_names_or_line_numbers_is_recognized(prefix):
    searched = file(set_aside=[Reason.UNSUPPORTED_VERSION])
    fault = Fault("x", 1, Reason.UNSUPPORTED_VERSION, prefix + line().decode())
    (told,) = log_notes.cautions(FlowCounts(files={"x": searched}, faults=(fault,)))
    assert "as in the output of grep. Search again with grep -h" in told


def test_the_words_of_a_line_are_labeled_with_their_fields_except_dashes():
    assert log_notes.named_words(OFFER) == "version=5  dstport=443  protocol=6"
    stamped = Offer("version dstport protocol", 1, "2018-09-22T20:28:14.000Z 5 - 6")
    assert log_notes.named_words(stamped) == "version=5  protocol=6"


def test_files_with_the_same_layout_are_offered_together():
    offers = {"a": OFFER, "b": Offer("x y", 1), "c": OFFER}
    assert log_notes.by_layout(offers) == {OFFER.fields: ["a", "c"], "x y": ["b"]}
    assert log_notes.offer_of({"a": OFFER}) == (
        "a has no header. 7 lines fit a common layout of 3 fields, version to protocol. "
        "Is this the right layout?"
    )
    assert log_notes.offer_of({"a": OFFER, "c": OFFER}).startswith(
        "a, c have no header. 14 lines fit"
    )


def test_an_offered_file_must_be_read_alone_if_other_files_have_no_header_either():
    fits = file(1, fitting={"x y": 3})
    assert list(log_notes.offers(counted(a=fits, b=file(3, headers=1)))) == [
        "To read a in this layout, run again with --format 'x y'"
    ]
    assert list(log_notes.offers(counted(a=fits, b=file(3)))) == [
        "To read a in this layout, run again on it alone with --format 'x y'"
    ]
    assert list(log_notes.offers(counted(a=fits, b=fits, c=file(3)))) == [
        "To read a, b in this layout, run again on them alone with --format 'x y'"
    ]
    assert list(log_notes.offers(counted(a=file(3, fitting={"x y": 3})))) == []


def test_remarks_say_what_could_not_be_read_and_how_each_file_was_read():
    some = file(
        5,
        odd_words=["action"] * 2,
        unreadable=["packets"],
        lacking={"bytes": 1000},
        shapes=frozenset({"gzip", "CSV"}),
    )
    assert list(log_notes.remarks(counted(a=some))) == [
        "2 flows with an unknown action.",
        "1 flow with an unreadable packets field, counted as unknown or 0.",
        "1,000 flows in a layout without bytes.",
        "a: read as CSV.",
        "a: read as gzip.",
    ]


def test_files_that_are_read_alike_share_a_sentence():
    files = {name: file(1, shapes=frozenset({"CSV"})) for name in "abcde"}
    said = list(log_notes.remarks(counted(**files, z=file(1, shapes=frozenset({"JSON"})))))
    assert said == ["a, b, c and 2 more: read as CSV.", "z: read as JSON."]


@pytest.mark.parametrize(
    ("one", "of_no_use"),
    [
        (file(), True),
        (file(size=5, blank=0), True),
        (file(set_aside=[Reason.BAD_PORT]), True),
        (file(headers=1, set_aside=[Reason.BAD_PORT]), True),
        (file(1, set_aside=[Reason.BAD_PORT]), False),
        (file(set_aside=[Reason.BAD_PORT, Reason.NO_DATA]), False),
        (file(set_aside=[Reason.SKIPPED_DATA]), False),
        (file(headers=1), False),
    ],
)
def test_counts_are_useless_without_flows_or_records_in_which_aws_reports_none(one, of_no_use):
    assert log_notes.is_of_no_use(counted(a=one)) == of_no_use


def test_a_measure_can_be_chosen_if_at_least_one_flow_has_it():
    assert log_notes.measures(FlowCounts()) == ["flows", "packets", "bytes"]
    lacking = file(2, lacking={"packets": 2, "bytes": 1})
    assert log_notes.measures(counted(a=lacking)) == ["flows", "bytes"]
    assert log_notes.measures(counted(a=lacking, b=file(1))) == ["flows", "packets", "bytes"]


def test_actions_can_be_chosen_if_a_flow_has_one_and_other_only_if_a_flow_has_another():
    usual = {"all": None, "accept": "ACCEPT", "reject": "REJECT"}
    assert log_notes.actions(counted(a=file(2))) == usual
    assert log_notes.actions(counted(a=file(2, lacking={"action": 2}))) == {"all": None}
    for others in ({"lacking": {"action": 1}}, {"odd_words": ["action"]}):
        assert log_notes.actions(counted(a=file(2, **others))) == usual | {"other": "other"}
    assert log_notes.actions(counted(a=file(2, odd_words=["log-status"]))) == usual


def test_the_search_note_has_the_number_of_ports_and_their_percentage():
    whole = report(443, 443, 443, 9092)
    part = search(whole, "443")
    assert log_notes.found(part, whole, 1) == "1 of 2 ports · 75.0% of flows"
    assert log_notes.found(whole, whole, 1) == (
        "2 of 2 ports · 100.0% of flows · the largest 1 shown, the CSV has all"
    )
    assert log_notes.found(search(whole, "no"), whole, 0) == "0 of 2 ports: nothing matches"
    assert log_notes.found(report(443), report(443), 1) == "1 of 1 port · 100.0% of flows"
    assert log_notes.found(report(), report(), 0) == "0 of 0 ports"


def test_the_tags_in_use_are_counted_without_untagged():
    assert log_notes.in_use(report(443, 25, 9092)) == "2 in use · click one to filter"
    assert log_notes.in_use(report()) == "0 in use · click one to filter"


def test_each_reason_for_low_counts_has_a_short_phrase():
    assert log_notes.heads(counted(a=file(1))) == []
    skipped = file(1, set_aside=[Reason.SKIPPED_DATA])
    cut = file(1, damage=frozenset({"x: is cut short."}))
    assert log_notes.heads(counted(a=skipped)) == ["counts are a lower bound"]
    assert log_notes.heads(counted(a=skipped, b=cut)) == [
        "counts are a lower bound",
        "1 damaged file",
    ]
    assert log_notes.heads(counted(a=cut, b=cut, c=file())) == ["2 damaged files"]


def test_a_mostly_uncounted_file_is_named_with_the_reason():
    bad = [Reason.BAD_PORT]
    useless = dict(
        log_notes.useless(
            counted(
                empty=file(),
                damaged=file(size=9, damage=frozenset({"damaged: is cut short."})),
                other=file(set_aside=bad * 3),
                mostly=file(1, headers=1, set_aside=bad * 8),
                good=file(3, set_aside=bad),
                noted=file(set_aside=[Reason.NO_DATA]),
            )
        )
    )
    assert list(useless) == ["empty", "damaged", "other", "mostly"]
    assert useless["empty"] == "empty: is empty."
    assert useless["damaged"] == "damaged: is cut short."
    assert useless["other"].startswith("other: no flows were found.")
    assert useless["mostly"] == (
        "mostly: 80% of its records could not be counted. Is it a flow log?"
    )


def test_logs_are_described_by_their_files_size_records_and_shapes():
    one = file(2, size=171_000_000, shapes=frozenset({"gzip"}))
    assert log_notes.about(counted(a=one)) == "171 MB, 2 records, gzip"
    two = counted(a=one, b=file(1, size=29_000_000, shapes=frozenset({"CSV"})))
    assert log_notes.about(two) == "2 files, 200 MB, 3 records, CSV; gzip"


@pytest.mark.parametrize(
    ("seconds", "pace"),
    [(0.0, ""), (0.1, ""), (0.5, " in 0.5 s (342 MB/s)"), (25.3, " in 25 s (6.76 MB/s)")],
)
def test_the_reading_speed_is_given_if_reading_took_a_while(seconds, pace):
    counts = counted(a=file(1, size=171_000_000))
    assert log_notes.effort(counts, seconds) == f"Read 171 MB{pace}: 1 record."


def test_the_note_on_samples_has_the_number_of_faults_and_says_if_some_are_not_shown():
    assert log_notes.samples(1, 1) == "1 line with a fault:"
    assert log_notes.samples(2000, 1000) == "2,000 lines with a fault; the first 1,000 are shown:"


def test_the_warning_before_starting_over_says_what_is_lost():
    assert log_notes.start_over(0, has_start=False) == "This removes all files."
    told = log_notes.start_over(2, has_start=True)
    assert told.endswith("are read again. 2 unsaved rules will be lost.")


def test_a_format_in_use_is_named():
    assert "are read as version dstport. Clear" in log_notes.format_in_use("version dstport")


@pytest.mark.parametrize("seconds", [9.96, 99.6, 123.4])
def test_the_duration_of_a_long_read_is_never_in_scientific_notation(seconds):
    told = log_notes.effort(FlowCounts(files={"a": FileCounts(size=10**10, flows=5)}), seconds)
    assert "e+" not in told
