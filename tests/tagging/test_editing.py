"""A lookup's file is edited row by row, and every other byte stays."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table
from flowtag_core.errors import RuleError
from flowtag_core.page import bench as bench_room
from flowtag_core.page.bench import Bench
from flowtag_core.page.session import Session
from flowtag_core.page.versions import Versions
from flowtag_core.showing.suggestions import suggestion
from flowtag_core.showing.words import file_name
from flowtag_core.showing.workbench import UntaggedPair
from flowtag_core.tagging.editing import parse_rules, sheet_of, with_rules
from flowtag_core.tagging.lookup import changes, meanings

ODD = "owner;Port;Proto;Tag\r\n a ;443;tcp;web\r\n# kept\r\n\r\nb;80-90; udp;b\xe9\r\n"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
TAGS = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="\ufeff"), min_size=1
)


def loaded(content, name="lookup.csv"):
    return load_lookup_table(io.BytesIO(content), name)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_new_rule_leaves_every_other_byte_as_it_was(encoding):
    lookup = loaded(ODD.encode(encoding))
    better = with_rules(lookup, parse_rules("9092/tcp, 6000-6063/tcp, */gre, icmp", "x;y"))
    assert better.content.startswith(lookup.content)
    added = better.content[len(lookup.content) :].decode(
        "utf-16-le" if encoding == "utf-16" else encoding
    )
    assert added.replace("\ufeff", "") == (
        ';9092;tcp;"x;y"\r\n;6000-6063;tcp;"x;y"\r\n;*;gre;"x;y"\r\n;0;icmp;"x;y"\r\n'
    )
    assert (better.tag_of(9092, 6), better.tag_of(6010, 6), better.tag_of(7, 47)) == ("x;y",) * 3


def test_bytes_that_mean_nothing_in_their_encoding_survive_an_edit():
    content = b"dstport,protocol,tag,note\n1,tcp,caf\xe9,\x81\n"
    assert with_rules(loaded(content), parse_rules("2/tcp", "x")).content == content + b"2,tcp,x,\n"


def test_a_tag_that_the_encoding_has_no_sign_for_makes_the_file_utf_8():
    better = with_rules(
        loaded(b"dstport,protocol,tag\n1,tcp,caf\xe9\n"), parse_rules("2/tcp", "日")
    )
    assert better.content.decode("utf-8-sig") == "dstport,protocol,tag\n1,tcp,café\n2,tcp,日\n"


def test_a_rule_with_the_key_of_another_takes_its_row():
    lookup = loaded(b"tag,port,proto\nweb,443,TCP\nold,80,tcp")
    better = with_rules(lookup, parse_rules("443/tcp, 81/tcp", "new"))
    assert better.content == b"tag,port,proto\nnew,443,TCP\nold,80,tcp\nnew,81,tcp\n"
    assert changes(lookup, better) == 2
    assert not better.problems


@given(tag=TAGS, delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n", ""]))
def test_any_tag_is_either_added_so_that_it_is_read_again_or_refused(tag, delimiter, end):
    text = delimiter.join(["dstport", "protocol", "tag"]) + "\n" + delimiter.join("1 tcp a".split())
    lookup = loaded((text + end).encode())
    try:
        better = with_rules(lookup, parse_rules("2/tcp, 3-4/*", tag))
    except RuleError:
        return
    assert meanings(better).items() >= meanings(lookup).items()
    assert better.tag_of(2, 6) == better.tag_of(3, 17) == tag
    assert better.content.startswith(lookup.content)


def test_a_tag_that_would_be_a_comment_is_refused():
    with pytest.raises(RuleError, match="Use another tag"):
        with_rules(loaded(b"tag,dstport,protocol\na,1,tcp\n"), parse_rules("2/tcp", "#b"))


@pytest.mark.parametrize("tag", ["untagged", "", "a\nb", "x" * 201])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(RuleError):
        with_rules(loaded(b"dstport,protocol,tag\n"), parse_rules("2/tcp", tag))


@pytest.mark.parametrize("text", ["9092", "tcp", "70000/tcp", "1/none", "9-1/tcp", "a,b"])
def test_what_is_no_port_with_a_protocol_is_refused_with_the_remedy(text):
    with pytest.raises(RuleError, match="Write 443/tcp"):
        parse_rules(text, "x")


def test_the_sheet_has_every_row_that_is_no_comment():
    sheet = sheet_of(loaded(ODD.encode()))
    assert sheet.columns == ("owner", "Port", "Proto", "Tag")
    assert sheet.lines == (2, 5)
    assert sheet.edited().content == ODD.encode()
    assert sheet.edited(removed=[0]).content == ODD.replace(" a ;443;tcp;web\r\n", "").encode()


def test_fifty_undos_give_back_the_lookup_byte_for_byte():
    content = ODD.encode("cp1252")
    versions = Versions()
    versions.take(loaded(content))
    for port in range(50):
        versions.change(with_rules(versions.lookup, parse_rules(f"{port}/tcp", f"t{port}")))
    assert versions.unsaved == 50
    last = versions.lookup.content
    for _ in range(50):
        versions.undo()
    assert (versions.lookup.content, versions.unsaved, versions.is_saved) == (content, 0, True)
    for _ in range(50):
        versions.redo()
    assert versions.lookup.content == last
    versions.saved(versions.lookup)
    assert versions.unsaved == 0


def pair(port):
    return UntaggedPair(port, 6, suggestion(port, 6))


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets on: clock.append(seconds)."""
    passed = [100.0]
    monkeypatch.setattr(bench_room.time, "monotonic", lambda: sum(passed))
    return passed


def test_a_click_takes_what_was_shown_or_nothing(clock):
    bench = Bench()
    bench.show([pair(8080), pair(8081), pair(22)])
    assert bench.clicked(0, "+ http-alt") == pair(8080)
    bench.show([pair(8081), pair(22)])
    # The second half of a double click.
    clock.append(0.2)
    assert bench.clicked(0, "+ http-alt") is None
    # In a list that is sorted the second half may meet another row.
    assert bench.clicked(1, "+ ssh") is None
    clock.append(0.2)
    # The browser still shows the list before.
    assert bench.clicked(2, "+ ssh") == pair(22)
    clock.append(1.0)
    assert bench.clicked(1, "+ nothing of that") is None
    assert bench.clicked(99, "+ ssh") is None


def test_a_click_that_may_have_been_meant_for_either_list_takes_nothing():
    bench = Bench()
    bench.show([pair(22), pair(8080), pair(8081)])
    bench.show([pair(22), pair(8081)])
    assert bench.clicked(1, "+ http-alt") is None


def test_ticks_follow_their_pairs_when_the_list_moves():
    bench = Bench()
    bench.show([pair(1), pair(2), pair(3)])
    bench.tick([1, 2])
    assert bench.show([pair(3), pair(2)]) == [0, 1]
    assert [rule.key for rule in bench.rules("", "x")] == ["3,tcp", "2,tcp"]
    assert bench.show([pair(2)]) == [0]


def test_a_rule_added_to_the_sample_is_kept_for_ones_own_log_only_without_another_lookup():
    session = Session()
    session.show_sample()
    session.desk.tag(parse_rules("49153/tcp", "mine"))
    assert session.desk.lookup.tag_of(49153, 6) == "mine"
    assert session.desk.versions.unsaved == 1
    session.desk.undo()
    assert session.desk.versions.is_saved


def test_suggestions_are_what_runs_there_then_what_is_registered_then_the_port():
    assert [suggestion(*pair) for pair in ((9092, 6), (7, 17), (49153, 6), (0, 1), (0, 253))] == [
        "kafka",
        "echo",
        "tcp-49153",
        "icmp",
        "protocol-253",
    ]


@pytest.mark.parametrize("name", ["../../etc/x.csv", "C:\\a\\x.csv", "dir/x.csv"])
def test_a_file_name_is_never_a_path(name):
    assert file_name(name) == "x.csv"
