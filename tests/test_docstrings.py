"""The examples in docstrings run, and so do those of the README and of the documentation."""

import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import framering

ROOT = Path(__file__).parent.parent


def modules_with_examples():
    """Names of the modules of framering whose source has an example."""
    for module in pkgutil.walk_packages(framering.__path__, "framering."):
        spec = importlib.util.find_spec(module.name)
        path = Path(spec.origin)
        if path.suffix == ".py" and ">>> " in path.read_text():
            yield module.name


def python_blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run_examples(module, name):
    """Run the examples of a module's docstrings; return how many ran, and what failed."""
    runner, failures = doctest.DocTestRunner(), []
    for test in doctest.DocTestFinder().find(module, name):
        runner.run(test, out=failures.append)
    return runner.tries, "".join(failures)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", sorted(modules_with_examples()))
def test_the_examples_of_the_module_give_what_they_show(name):
    tries, failures = run_examples(importlib.import_module(name), name)

    assert tries > 0
    assert not failures, failures


def test_the_examples_of_the_compiled_module_give_what_they_show():
    core = importlib.import_module("framering._core")
    shown = [member for member in vars(core).values() if ">>> " in (member.__doc__ or "")]
    runner, failures = doctest.DocTestRunner(), []
    for member in shown:
        test = doctest.DocTestParser().get_doctest(
            member.__doc__, {}, member.__name__, core.__file__, 0
        )
        runner.run(test, out=failures.append)

    assert {"resize_area", "cpu_features"} <= {member.__name__ for member in shown}
    assert not failures, "".join(failures)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [(page.name, block) for page in PAGES for block in python_blocks(page.read_text())]


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_the_example_on_the_page_runs(page, block):
    exec(compile(block, page, "exec"), {})


def test_every_page_with_python_is_run():
    assert {page for page, _ in BLOCKS} >= {"README.md", "train.md", "replay.md", "vector.md"}


def test_an_example_that_shows_something_else_is_found(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text('"""\n>>> 1 + 1\n3\n"""')
    spec = importlib.util.spec_from_file_location("wrong", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    _, failures = run_examples(module, "wrong")

    assert "Expected:\n    3\nGot:\n    2" in failures
