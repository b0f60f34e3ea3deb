"""What is done to the lookup's rows in their table is done to its file."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import load_lookup_table
from flowtag_core.errors import LookupFileError, RuleError
from flowtag_core.page import edits as edits_room
from flowtag_core.page.edits import Edits
from flowtag_core.page.session import Session
from flowtag_core.showing.lookup_notes import edited
from flowtag_core.tagging.editing import sheet_of

ODD = "owner;Port;Proto;Tag\r\n a ;443;tcp;web\r\n# kept\r\n\r\nb;80-90; udp;b\xe9\r\nc;1;tcp"
NOTHING = {"edited_rows": {}, "added_rows": [], "deleted_rows": []}
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


def loaded(text=ODD):
    return load_lookup_table(io.BytesIO(text.encode()), "lookup.csv")


def shown(lookup):
    edits = Edits()
    edits.show(lookup, is_there=False)
    return edits


def test_a_changed_cell_changes_its_row_and_no_other_byte():
    edits = shown(loaded())
    better = edits.edited({**NOTHING, "edited_rows": {1: {"3": "new"}}})
    assert better.content == ODD.replace("b;80-90; udp;b\xe9", "b;80-90;udp;new").encode()
    same = edits.edited({**NOTHING, "edited_rows": {0: {"0": edits.sheet.rows[0][0]}, 2: {}}})
    assert same.content == ODD.encode()


def test_rows_are_added_below_and_taken_out():
    edits = shown(loaded())
    better = edits.edited(
        {**NOTHING, "added_rows": [{"1": "22", "2": "tcp", "3": "ssh"}], "deleted_rows": [0]}
    )
    rows = b"b;80-90; udp;b\xc3\xa9\r\nc;1;tcp\r\n;22;tcp;ssh\r\n"
    assert better.content == b"owner;Port;Proto;Tag\r\n# kept\r\n\r\n" + rows


@given(
    changed=st.dictionaries(
        st.integers(0, 2), st.dictionaries(st.sampled_from("0123"), cells, max_size=3), max_size=3
    ),
    added=st.lists(st.dictionaries(st.sampled_from("0123"), cells, max_size=4), max_size=3),
    removed=st.sets(st.integers(0, 2)),
)
def test_any_edit_is_read_again_as_it_stands_or_refused(changed, added, removed):
    lookup = loaded()
    edits = shown(lookup)
    done = {"edited_rows": changed, "added_rows": added, "deleted_rows": [*removed]}
    try:
        better = edits.edited(done)
    except (RuleError, LookupFileError):
        edits.show(lookup, is_there=True)
        assert edits.number == 2
        return
    rows = {place: [*row] + [""] * (4 - len(row)) for place, row in enumerate(edits.sheet.rows)}
    for place, told in changed.items():
        for column, text in told.items():
            rows[place][int(column)] = text
    expected = [row for place, row in rows.items() if place not in removed]
    expected += [[told.get(column, "") for column in "0123"] for told in added]
    assert [row + [""] * (4 - len(row)) for row in sheet_of(better).rows] == expected
    for piece in (b"owner;Port;Proto;Tag\r\n", b"# kept\r\n\r\n"):
        assert piece in better.content


@pytest.mark.parametrize("text", ["# x", "#"])
def test_a_row_that_would_be_a_comment_is_refused_with_the_reason(text):
    lookup = loaded("dstport,protocol,tag\n1,tcp,a\n")
    with pytest.raises(RuleError, match="begin with #"):
        shown(lookup).edited({**NOTHING, "edited_rows": {0: {"0": text}}})


def test_the_table_that_the_browser_has_stays_while_only_it_is_edited():
    session, edits = Session(), Edits()
    session.desk.versions.take(loaded())
    edits.show(session.desk.lookup, is_there=False)
    session.desk.edits = edits
    for text in ("x", "y"):
        session.desk.edit({**NOTHING, "edited_rows": {1: {"3": text}}})
        edits.show(session.desk.lookup, is_there=True)
        assert edits.number == 1
    session.desk.undo()
    # What was edited in a table that is not that of the lookup any more would take back the undo.
    session.desk.edit({**NOTHING, "edited_rows": {1: {"3": "late"}}})
    assert "Make it again" in session.desk.edits.wrong
    edits.show(session.desk.lookup, is_there=True)
    assert edits.number == 2
    # The lines have moved: they are shown anew.
    session.desk.edit({**NOTHING, "deleted_rows": [0]})
    edits.show(session.desk.lookup, is_there=True)
    assert edits.number == 3
    # The browser has let go of the table, and with it of what was done to it.
    session.desk.edit({**NOTHING, "edited_rows": {0: {"3": "z"}}})
    edits.show(session.desk.lookup, is_there=False)
    assert edits.number == 4
    assert edits.rows["3"].tolist()[0] == "z"


def test_what_an_edit_did_is_said_in_rules():
    before = loaded("dstport,protocol,tag\n443,tcp,web\n25,tcp,mail\n*,gre,x\n")
    after = loaded("dstport,protocol,tag\n443,tcp,site\n25,tcp,mail\n6000-6063,tcp,x11\n")
    assert (
        edited(before, after)
        == "443/tcp is now site, 6000-6063/tcp is now x11, */gre has no rule now"
    )
    assert edited(before, before) == "The rows were edited"


def test_an_edit_that_cannot_be_leaves_the_lookup_and_says_so_until_the_next():
    session = Session()
    session.desk.versions.take(loaded("dstport,protocol,tag\n1,tcp,a\n"))
    session.desk.edits.show(session.desk.lookup, is_there=False)
    session.desk.edit({**NOTHING, "edited_rows": {0: {"0": "#1"}}})
    assert "begin with #" in session.desk.edits.wrong
    assert not session.desk.versions.can_undo
    session.desk.edits.show(session.desk.lookup, is_there=True)
    session.desk.edit({**NOTHING, "edited_rows": {0: {"0": "2"}}})
    assert session.desk.edits.wrong == ""
    assert session.desk.lookup.tag_of(2, 6) == "a"


def test_a_table_that_is_too_large_for_a_browser_is_not_sent(monkeypatch):
    monkeypatch.setattr(edits_room, "MOST_CELLS", 5)
    assert shown(loaded("dstport,protocol,tag\n1,tcp,a\n2,tcp,a\n")).rows is None
