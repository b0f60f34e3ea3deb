"""Run a notebook's cells without Jupyter. `python -m tests.notebooks` updates the outputs in the notebook."""

import ast
import contextlib
import json
import os

from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def ran(notebook):
    """Return the notebook with new outputs: each cell shows the value of its last expression."""
    names = {}
    cells = [
        {**cell, "outputs": _outputs("".join(cell["source"]), names)}
        if cell["cell_type"] == "code"
        else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def _outputs(source, names):
    *statements, last = ast.parse(source).body
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "cell", "exec"), names)
        return []
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    data = {"text/plain": repr(value).splitlines(keepends=True)}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_().splitlines(keepends=True)
    return [
        {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": data}
    ]


def read():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


if __name__ == "__main__":
    with contextlib.chdir(NOTEBOOK.parent):
        text = json.dumps(ran(read()), indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(f"{text}{os.linesep}", encoding="utf-8")
