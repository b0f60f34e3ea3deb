"""Pending edits can be listed, checked and moved before they are applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import LookupFileError, RuleError
from flowtag_core.tagging.editing import parse_rules, sheet_of, with_rules
from flowtag_core.tagging.staging import LOST, Staged
from tests.tagging.made import load

ODD = "owner;Port;Proto;Tag\r\n a ;443;tcp;web\r\n# kept\r\n\r\nb;80-90; udp;b\xe9\r\nc;1;tcp"
PLAIN = "dstport,protocol,tag\n443,tcp,web\n25,tcp,mail\n99999,tcp,bad\n"

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@given(
    changed=st.dictionaries(
        st.integers(0, 2), st.dictionaries(st.integers(0, 3), cells, max_size=3), max_size=3
    ),
    added=st.lists(st.tuples(cells, cells, cells, cells), max_size=3),
    removed=st.sets(st.integers(0, 2)),
)
def test_any_edit_is_read_back_unchanged_or_refused(changed, added, removed):
    sheet = sheet_of(load(ODD))
    changed = {row: told for row, told in changed.items() if told and row not in removed}
    try:
        better = Staged(changed, tuple(added), frozenset(removed)).made(sheet)
    except (RuleError, LookupFileError):
        return
    rows = {place: [*row] + [""] * (4 - len(row)) for place, row in enumerate(sheet.rows)}
    for place, told in changed.items():
        for column, text in told.items():
            rows[place][column] = text
    expected = [row for place, row in rows.items() if place not in removed]
    expected += map(list, added)
    assert [row + [""] * (4 - len(row)) for row in sheet_of(better).rows] == expected
    for piece in (b"owner;Port;Proto;Tag\r\n", b"# kept\r\n\r\n"):
        assert piece in better.content


def test_a_changed_cell_changes_its_row_and_no_other_byte():
    better = Staged({1: {3: "new"}}).made(sheet_of(load(ODD)))
    assert better.content == ODD.replace("b;80-90; udp;b\xe9", "b;80-90;udp;new").encode()


def test_rows_can_be_added_at_the_end_and_removed():
    better = Staged({}, (("", "22", "tcp", "ssh"),), frozenset({0})).made(sheet_of(load(ODD)))
    rows = b"b;80-90; udp;b\xc3\xa9\r\nc;1;tcp\r\n;22;tcp;ssh\r\n"
    assert better.content == b"owner;Port;Proto;Tag\r\n# kept\r\n\r\n" + rows


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("99999", "tcp", "x"), "port '99999' is not a port"),
        (("90-80", "tcp", "x"), "port '90-80' is not a port"),
        (("443", "tpc", "x"), "protocol 'tpc' is not an IANA keyword"),
        (("443", "tcp", ""), "the tag is empty"),
        (("443", "tcp", "untagged"), "the tag Untagged is reserved"),
        (("#443", "tcp", "x"), LOST),
        (("443", "tcp", "\0"), LOST),
    ],
)
def test_an_edit_that_makes_a_row_unusable_is_refused_with_the_reason(row, reason):
    (change,) = Staged(added=(row,)).changes(sheet_of(load(PLAIN)))
    assert change.wrong.startswith(reason)
    assert change.is_refused


def test_an_unusable_row_may_be_improved_step_by_step():
    sheet = sheet_of(load(PLAIN))
    (change,) = Staged({2: {2: "better"}}).changes(sheet)
    assert change.wrong
    assert not change.is_refused
    assert not Staged({2: {0: "99"}}).is_refused(sheet)
    # Losing the row is not an improvement.
    assert Staged({2: {0: "#"}}).is_refused(sheet)


def test_changes_are_sorted_by_line_with_added_rows_last():
    sheet = sheet_of(load(PLAIN))
    staged = Staged({1: {2: "post"}}, (("1", "udp", "x"),), frozenset({0}))
    assert [(change.line, change.before, change.after) for change in staged.changes(sheet)] == [
        (2, ["443", "tcp", "web"], None),
        (3, ["25", "tcp", "mail"], ["25", "tcp", "post"]),
        (None, None, ["1", "udp", "x"]),
    ]
    assert len(staged) == 3


def moved(staged, before, after):
    return staged.moved(sheet_of(load(before)), sheet_of(load(after)))


def test_edits_stay_with_their_rows_when_a_rule_is_added_or_changed_elsewhere():
    lookup = load(PLAIN)
    staged = Staged({1: {2: "post"}}, (("1", "udp", "x"),), frozenset({2}))
    added = with_rules(lookup, parse_rules("22/tcp", "ssh"))
    assert staged.moved(sheet_of(lookup), sheet_of(added)) == (staged, 0)
    other = with_rules(lookup, parse_rules("443/tcp, 22/tcp", "site"))
    assert staged.moved(sheet_of(lookup), sheet_of(other)) == (staged, 0)


def test_edits_follow_their_rows_when_rows_above_are_removed():
    without_first = PLAIN.replace("443,tcp,web\n", "")
    assert moved(Staged({1: {2: "post"}}), PLAIN, without_first) == (Staged({0: {2: "post"}}), 0)


def test_edits_of_rows_that_are_gone_or_changed_are_dropped_and_counted():
    staged = Staged({0: {2: "site"}, 1: {2: "post"}}, (), frozenset({2}))
    changed = PLAIN.replace("25,tcp,mail", "25,tcp,smtp")
    assert moved(staged, PLAIN, changed) == (Staged({0: {2: "site"}}, (), frozenset({2})), 1)
    assert moved(staged, PLAIN, "port,proto,tag\n443,tcp,web\n") == (Staged(), 3)


rows = st.lists(st.sampled_from(["1,tcp,a\n", "2,tcp,b\n", "3,tcp,c\n"]), max_size=6)


@given(rows, rows)
def test_a_moved_edit_is_for_a_row_with_the_same_cells_and_no_row_gets_two(before, after):
    head = "dstport,protocol,tag\n"
    old, new = (sheet_of(load(head + "".join(each))) for each in (before, after))
    whole = Staged({row: {2: str(row)} for row in range(len(before))})
    found, lost = whole.moved(old, new)
    assert len(found) + lost == len(before)
    for row, told in found.changed.items():
        assert new.rows[row] == old.rows[int(told[2])]
    if before == after:
        assert lost == 0


def test_an_edit_that_turns_the_first_row_into_a_header_is_refused():
    sheet = sheet_of(load("443,tcp,web\n25,tcp,mail\n"))
    with pytest.raises((RuleError, LookupFileError)):
        Staged({0: {0: "port", 1: "protocol", 2: "tag"}}).made(sheet)
