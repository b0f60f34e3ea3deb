"""Templates have what stands around the values of an object, and where its wanted values go."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.shapes.json_templates import Templates, Values, Walk
from flowtag_core.shapes.layout import Layout
from flowtag_core.shapes.records import Group, Kind
from tests.shapes.made import as_json

TEXT = Group(Kind("x"), None)


def templates(*paths, group=TEXT, fixed=()):
    return Templates(lambda _: Values(group, paths, frozenset(fixed)))


def parts(learned):
    """Return the texts and kinds of the only template, and its group with the number of wanted values."""
    packed = learned.packed(are_lines=True)
    every, objects, at = packed.templates[:3].tolist()
    assert (every, objects) == (1, 1)
    group, count, wanted, begin = packed.templates[at : at + 4].tolist()
    ends = packed.templates[at + 4 : at + 5 + count].tolist()
    segments = bytes(packed.segments)
    texts = [segments[a:b] for a, b in zip([begin, *ends], ends, strict=False)]
    return texts, packed.templates[at + 5 + count :].tolist(), (group, wanted)


def test_a_template_has_what_stands_around_the_values_and_which_are_wanted():
    learned = templates("c", "b")
    learned.learn(b'{ "a": "1", "b" :2,"c":"", "d": [3, null]}\r\n')
    texts, kinds, (group, wanted) = parts(learned)
    assert texts == [b'{ "a": "', b'", "b" :', b',"c":"', b'", "d": [', b", null]}"]
    assert kinds == [0, 2 * 2 + 1, 2 * 1, 1]
    assert (group, wanted) == (0, 2)
    assert learned.groups == [TEXT]


def test_values_that_decide_whose_record_it_is_are_part_of_the_template():
    learned = templates("b", fixed=["a"])
    learned.learn(b'{"a": 4001, "b": 2}')
    assert parts(learned)[0] == [b'{"a": 4001, "b": ', b"}"]


def test_a_nested_value_has_the_path_of_all_its_keys():
    learned = templates("a.b.c")
    learned.learn(b'{"a": {"b": {"c": 1}}}')
    assert parts(learned)[1] == [3]


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": null}',
        b'{"a": -1}',
        b'{"a": 1.5}',
        b'{"a": 1e5}',
        b'{"a": 01}',
        b'{"a": {}}',
        b'{"a": [1]}',
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "b": {"c": 1, "c": 2}}',
        b'{"a": 1, "\\u0062": 2}',
        b'{"a": 1} x',
        b'{"a": 1',
        b'{"a": 1, "b": ' + b"[" * 20 + b"]" * 20 + b"}",
        b"{}",
        b"[1]",
        b"\xff",
        b"",
        as_json({"a": 1, **{f"b{n}": n for n in range(200)}}),
    ],
)
def test_an_object_whose_wanted_value_is_not_plain_or_not_certain_has_no_template(text):
    learned = templates("a")
    learned.learn(text)
    assert not learned


def test_each_template_is_learned_once_and_groups_are_shared():
    learned = templates("a")
    for text in (b'{"a": 1}', b'{"a": 2}', b'{"a": "2"}', b'{"a":1}'):
        learned.learn(text)
    assert learned.packed(are_lines=True).templates[:2].tolist() == [3, 3]
    assert learned.groups == [TEXT]


def test_only_a_few_groups_and_templates_are_kept():
    kinds = iter(range(1000))
    learned = Templates(
        lambda _: Values(Group(Kind(f"{next(kinds)}"), Layout(("dstport",), "x")), ("a",))
    )
    for number in range(50):
        learned.learn(b'{"a": 1, "b%d": 2}' % number)
    assert len(learned.groups) == 4


values = st.recursive(
    st.one_of(
        st.integers(),
        st.text(),
        st.booleans(),
        st.none(),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abcd"), values))
def test_a_walk_yields_each_string_and_whole_number_where_it_is(document):
    text = as_json(document)
    walk = Walk()
    try:
        found = list(walk.values(text, lambda _: False))
    except ValueError:
        is_deep = text.count(b"[") + text.count(b"{") > 15
        assert is_deep or b"\\" in text or b'"":' in text
        return
    assert walk.place == len(text)
    for value in found:
        inside = text[value.begin : value.end]
        assert value.kind != 1 or re.fullmatch(rb"\d+(\.0+)?", inside)
        assert value.kind != 0 or text[value.begin - 1 : value.begin] == b'"'
    assert {each.path for each in found if each.path and "." not in each.path} <= document.keys()
