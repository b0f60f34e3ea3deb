"""JSON is cut only where it is certain that a block may end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.errors import DamagedLogError
from flowtag_core.shapes import json_blocks
from flowtag_core.shapes.json_blocks import JsonBlocks


def after_bar(text):
    return text.rfind(b"|") + 1


def pieces(*texts, damage=False):
    yield from texts
    if damage:
        raise DamagedLogError("cut")


@given(st.lists(st.binary(max_size=6).map(lambda text: text.replace(b"a", b"|")), max_size=20))
def test_the_blocks_and_the_rest_are_the_file(texts):
    blocks = JsonBlocks(pieces(*texts), after_bar)
    found = list(blocks)
    assert all(block.endswith(b"|") for block in found)
    assert b"".join([*found, *blocks.rest()]) == b"".join(texts)


def test_a_block_ends_at_the_last_certain_place_even_in_an_earlier_piece(monkeypatch):
    monkeypatch.setattr(json_blocks, "_BLOCK", 4)
    blocks = JsonBlocks(pieces(b"a|b", b"cd", b"e|", b"f"), after_bar)
    assert list(blocks) == [b"a|", b"bcde|"]
    assert list(blocks.rest()) == [b"f"]


def test_blocks_end_if_there_is_nowhere_safe_to_cut(monkeypatch):
    monkeypatch.setattr(json_blocks, "_BLOCK", 2)
    monkeypatch.setattr(json_blocks, "_LONGEST", 5)
    blocks = JsonBlocks(pieces(b"a|", b"bcd", b"efg", b"h|i"), after_bar)
    assert list(blocks) == [b"a|"]
    assert b"".join(blocks.rest()) == b"bcdefgh|i"


def test_damage_is_raised_after_the_rest():
    blocks = JsonBlocks(pieces(b"a|b", damage=True), after_bar)
    assert list(blocks) == [b"a|"]
    rest = blocks.rest()
    assert next(rest) == b"b"
    with pytest.raises(DamagedLogError):
        next(rest)
