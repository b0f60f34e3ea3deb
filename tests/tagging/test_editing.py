"""A lookup's file is edited row by row, and all other bytes stay as they were."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table
from flowtag_core.errors import LookupFileError, RuleError
from flowtag_core.tagging.editing import parse_rules, sheet_of, with_rules
from flowtag_core.tagging.lookup import changes, meanings
from tests.logs import lookup_text, rule_texts
from tests.tagging.made import load

ODD = "owner;Port;Proto;Tag\r\n a ;443;tcp;web\r\n# kept\r\n\r\nb;80-90; udp;b\xe9\r\n"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
TAGS = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="\ufeff"), min_size=1
)


def loaded(content, name="lookup.csv"):
    return load_lookup_table(io.BytesIO(content), name)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_new_rule_changes_no_other_byte(encoding):
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


def test_bytes_undefined_in_the_encoding_survive_an_edit():
    content = b"dstport,protocol,tag,note\n1,tcp,caf\xe9,\x81\n"
    assert with_rules(loaded(content), parse_rules("2/tcp", "x")).content == content + b"2,tcp,x,\n"


def test_a_tag_that_the_encoding_cannot_express_makes_the_file_utf_8():
    better = with_rules(
        loaded(b"dstport,protocol,tag\n1,tcp,caf\xe9\n"), parse_rules("2/tcp", "日")
    )
    assert better.content.decode("utf-8-sig") == "dstport,protocol,tag\n1,tcp,café\n2,tcp,日\n"


HEADS = (
    "dstport,protocol,tag\n",
    "tag;Port;proto;note\r\n",
    "# a note\n\ndstport,protocol,tag\n",
    "",
)
ROWS = st.lists(
    st.one_of(
        rule_texts, st.sampled_from([("99999", "tcp", "x"), ("1-9", "6", "=1+1"), ("#", "", "")])
    ),
    max_size=12,
)


@given(st.sampled_from(HEADS), ROWS, st.lists(rule_texts, min_size=1, max_size=3), st.booleans())
def test_an_edited_lookup_equals_the_one_loaded_from_its_new_file(head, rows, more, is_ended):
    columns = [2, 0, 1] if head.startswith("tag") else [0, 1, 2]
    delimiter = ";" if head.startswith("tag") else ","
    table = [delimiter.join(row[place].replace(delimiter, "") for place in columns) for row in rows]
    text = head + "\n".join(["1,tcp,first" if not head else "", *table]) + "\n" * is_ended
    try:
        lookup = loaded(text.encode())
        rules = [
            rule
            for ports, protocol, tag in more
            for rule in parse_rules(f"{ports}/{protocol}", tag)
        ]
        better = with_rules(lookup, rules)
    except (RuleError, LookupFileError):
        return
    again = loaded(better.content)
    assert vars_of(better) == vars_of(again)


def vars_of(lookup):
    """Return the fields of a lookup that are not computed from others."""
    fields = (
        lookup.name,
        lookup.tags,
        lookup.problems,
        lookup.notices,
        lookup.content,
        lookup.form,
    )
    return (*fields, lookup.packed.tolist())


def test_a_rule_with_an_existing_key_replaces_that_row():
    lookup = loaded(b"tag,port,proto\nweb,443,TCP\nold,80,tcp")
    better = with_rules(lookup, parse_rules("443/tcp, 81/tcp", "new"))
    assert better.content == b"tag,port,proto\nnew,443,TCP\nold,80,tcp\nnew,81,tcp\n"
    assert changes(lookup, better) == 2
    assert not better.problems


@given(tag=TAGS, delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n", ""]))
def test_any_tag_is_either_read_back_unchanged_or_refused(tag, delimiter, end):
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
def test_an_invalid_tag_is_refused(tag):
    with pytest.raises(RuleError):
        with_rules(loaded(b"dstport,protocol,tag\n"), parse_rules("2/tcp", tag))


@pytest.mark.parametrize("text", ["9092", "tcp", "70000/tcp", "1/none", "9-1/tcp", "a,b"])
def test_an_invalid_port_or_protocol_is_refused_with_the_remedy(text):
    with pytest.raises(RuleError, match="Write 443/tcp"):
        parse_rules(text, "x")


def test_the_sheet_has_every_row_except_comments():
    sheet = sheet_of(loaded(ODD.encode()))
    assert sheet.columns == ("owner", "Port", "Proto", "Tag")
    assert sheet.lines == (2, 5)
    assert sheet.edited().content == ODD.encode()
    assert sheet.edited(removed=[0]).content == ODD.replace(" a ;443;tcp;web\r\n", "").encode()


def test_a_protocol_without_ports_needs_no_port_and_duplicates_are_dropped():
    rules = parse_rules(" icmp , gre, 53/udp,53/UDP, 53/17, , */* ", "x")
    assert [rule.key for rule in rules] == ["0,icmp", "0,gre", "53,udp", "*,*"]
    assert {rule.tag for rule in rules} == {"x"}
    assert parse_rules(" , ", "x") == []


@given(st.lists(st.sampled_from(["", "a", "b", "dstport", " a "]), max_size=6))
def test_each_column_of_a_sheet_has_a_unique_name(names):
    header = ",".join([*names, "dstport", "protocol", "tag"])
    columns = sheet_of(loaded(f"{header}\n".encode())).columns
    assert len(set(columns)) == len(columns) == len(names) + 3
    assert all(columns)


@given(st.lists(rule_texts, min_size=1, max_size=8), st.data())
def test_changing_a_cell_or_removing_a_row_changes_nothing_else(rows, data):
    sheet = sheet_of(loaded(lookup_text(rows).encode()))
    row = data.draw(st.integers(0, len(rows) - 1))
    changed = [list(cells) for cells in sheet.rows]
    changed[row][2] = "changed"
    assert list(sheet_of(sheet.edited({row: {2: "changed"}})).rows) == changed
    rest = [cells for place, cells in enumerate(sheet.rows) if place != row]
    assert list(sheet_of(sheet.edited(removed=[row])).rows) == rest
    added = sheet_of(sheet.edited(added=[sheet.row_of(("1", "tcp", 'a,"b"'))]))
    assert list(added.rows) == [*sheet.rows, ["1", "tcp", 'a,"b"']]


def test_a_generated_column_name_does_not_repeat_one_in_the_header():
    columns = sheet_of(load(b"column 2,,dstport,protocol,tag\n")).columns
    assert len({*columns}) == len(columns)
