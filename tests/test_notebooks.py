"""The outputs stored in the notebook in docs are up to date."""

import contextlib

from tests.notebooks import NOTEBOOK, ran, read


def test_each_cell_gives_the_output_stored_below_it():
    with contextlib.chdir(NOTEBOOK.parent):
        found = ran(read())
    for cell, again in zip(read()["cells"], found["cells"], strict=True):
        assert cell.get("outputs") == again.get("outputs"), "".join(cell["source"])


def test_a_wrong_output_is_replaced_when_its_cell_runs():
    cell = {"cell_type": "code", "source": ["one = 1\n", "one + 1"], "outputs": []}
    (found,) = ran({"cells": [cell]})["cells"]
    assert found["outputs"][0]["data"] == {"text/plain": ["2"]}
