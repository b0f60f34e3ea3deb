"""The tables and lists of the lookup editor show every row, problem and pending edit."""

import pytest

from flowtag_core.showing import sheet as sheets
from flowtag_core.tagging.editing import sheet_of
from flowtag_core.tagging.lookup import Trouble
from flowtag_core.tagging.staging import Staged
from tests.tagging.made import load

HEAD = "dstport,protocol,tag\n"
TROUBLED = HEAD + "1,tcp,a\n1,tcp,=b\n2,x,c\n3,tcp,d\n1-1,udp,e\n1,udp,f\n"


NOTHING = Staged()


def table(lookup, part="all", line=None, staged=NOTHING):
    sheet = sheet_of(lookup)
    rows = sheets.rows_to_show(sheet, lookup, part, line or 0)
    return sheets.rule_table(sheet, lookup, rows, staged, line)


def test_rows_are_as_wide_as_the_header_and_undecodable_bytes_are_escaped():
    content = b"tag,dstport,protocol,note\n# kept\na,1,tcp\ncaf\xe9,2,tcp,\x81,more\n"
    rows = table(load(content))
    assert rows.columns.tolist() == ["Line", "0", "1", "2", "3"]
    assert rows.to_numpy().tolist() == [
        [3, "a", "1", "tcp", ""],
        [4, "caf\xe9", "2", "tcp", "\\udc81"],
    ]


def test_a_row_with_a_problem_shows_it_next_to_its_cells():
    rows = table(load(TROUBLED))
    assert rows["Problem"].tolist() == [
        "Overridden by line 3",
        "a spreadsheet would run the tag '=b' as a formula",
        "protocol 'x' is not an IANA keyword such as tcp, a number 0-255, or *",
        "",
        "1-1,udp can never apply: stronger rows cover all its ports",
        "",
    ]


def test_the_table_includes_pending_edits_and_new_rows_have_no_line_number():
    staged = Staged({0: {2: "new"}}, (("7", "tcp", "x"),))
    rows = table(load(HEAD + "1,tcp,a\n2,tcp,b\n"), staged=staged)
    assert rows["2"].tolist() == ["new", "b", "x"]
    assert rows["Line"].isna().tolist() == [False, False, True]


def test_the_rows_around_a_line_are_its_neighbors_and_the_line_is_marked():
    lookup = load(HEAD + "".join(f"{port},tcp,t\n" for port in range(1, 41)))
    rows = table(lookup, "around", 21)
    assert rows["Line"].tolist() == [*range(17, 26)]
    assert [line for line, here in zip(rows["Line"], rows["Here"], strict=True) if here] == [21]
    assert table(lookup, "around", 2)["Line"].tolist() == [*range(2, 7)]


def test_the_rows_with_problems_include_every_kind_of_problem():
    assert table(load(TROUBLED), "problems")["Line"].tolist() == [2, 3, 4, 6]


def test_the_rows_with_each_kind_of_problem_are_counted():
    assert sheets.kinds(load(HEAD)) == {}
    assert sheets.kinds(load(TROUBLED)) == {
        Trouble.UNUSABLE: "1 row cannot be used",
        Trouble.LOSES: "1 row is overridden by a later row",
        Trouble.NEVER_APPLIES: "1 row never applies",
        Trouble.FORMULA: "1 row has a tag that looks like a formula",
    }
    many = HEAD + "".join(f"1,tcp,{tag}\n" for tag in "abc")
    assert sheets.kinds(load(many)) == {Trouble.LOSES: "2 rows are overridden by a later row"}


def test_the_list_of_one_kind_of_problem_has_line_numbers_and_cells():
    lookup = load(TROUBLED)
    found = sheets.problem_table(sheet_of(lookup), lookup, Trouble.LOSES)
    assert found.to_dict("list") == {
        "Line": [2],
        "Row": ["1, tcp, a"],
        "Problem": ["Overridden by line 3"],
    }


def test_each_part_of_the_rows_has_a_name():
    assert [sheets.part_name(part, 2899) for part in sheets.PARTS] == [
        "All rows",
        "Rows with problems",
        "Around line 2,899",
    ]


SHEET = sheet_of(load(HEAD + "443,tcp,web\n25,tcp,mail\n"))


@pytest.mark.parametrize(
    ("staged", "sentence", "can_be"),
    [
        (Staged(), "No pending changes.", False),
        (Staged({0: {2: "x"}}), "1 pending change. Apply or discard it.", True),
        (
            Staged({0: {2: "x"}}, (("1", "udp", "y"),), frozenset({1})),
            "3 pending changes. Apply or discard them.",
            True,
        ),
        (
            Staged({0: {2: "x"}, 1: {0: "99999"}}),
            "2 pending changes. :red[1 row cannot be used. Correct it first.]",
            False,
        ),
    ],
)
def test_pending_changes_are_counted_and_the_sentence_says_what_to_do(staged, sentence, can_be):
    changes = [*staged.changes(SHEET)]
    assert sheets.waiting(changes) == sentence
    assert sheets.can_be_applied(changes) == can_be


def test_changes_are_listed_as_text_with_problems_first_and_in_red():
    staged = Staged({0: {2: "**b** <i>"}, 1: {0: "x]"}}, (("1", "udp", "y"),), frozenset())
    wrong, where, new = sheets.change_list(SHEET, staged.changes(SHEET)).split("\n- ")
    assert wrong.startswith("- **Line 3** dstport\\: 25 → x\\]  \n:red[port 'x\\]' is not a port")
    assert where == r"**Line 2** tag\: web → \*\*b\*\* \<i\>"
    assert new == "**New row** 1, udp, y"


def test_a_removed_row_is_listed_and_after_twelve_changes_the_rest_are_counted():
    assert sheets.change_list(SHEET, Staged(removed=frozenset({1})).changes(SHEET)) == (
        r"- **Line 3** is removed\: 25, tcp, mail"
    )
    many = Staged(added=tuple((str(port), "tcp", "x") for port in range(15)))
    listed = sheets.change_list(SHEET, many.changes(SHEET)).splitlines()
    assert len(listed) == 13
    assert listed[-1] == "- and 3 more"
