"""Runs a notebook's cells as Jupyter does, without Jupyter: python -m tests.notebooks writes the outputs anew."""

import ast
import contextlib
import json
import os

from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def ran(notebook):
    """The notebook with what each of its cells gives: what its last expression shows itself as."""
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
