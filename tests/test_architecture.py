"""Imports between packages are those that the table in docs/architecture.md allows."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "python" / "framering"
DOCUMENT = ROOT / "docs" / "architecture.md"
HEADER = "| module | what it does | may import |"
MOST_LEVELS = 8


class Arrow(NamedTuple):
    """An import of one module of framering by another; a deferred one is inside a function."""

    importer: str
    imported: str
    for_types: bool
    deferred: bool


class Allowed(NamedTuple):
    """What a row of the table allows."""

    imports: frozenset[str]
    types: frozenset[str]


def packages_named_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def read_table(text: str) -> dict[str, Allowed]:
    """Return what each package may import, in the order of the rows."""
    table = {}
    rows = text.split(HEADER, 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    for row in rows:
        names, _, allowed = row.strip("|").split("|")
        imports, _, types = allowed.partition("types of")
        for name in packages_named_in(names):
            table[name] = Allowed(
                frozenset(packages_named_in(imports)), frozenset(packages_named_in(types))
            )
    return table


def package_of(module: str) -> str:
    """Return ``replay`` of ``framering.replay.buffer``, and ``__init__`` of ``framering``."""
    return f"{module}.__init__".split(".")[1]


def modules_of(source: Path) -> dict[str, Path]:
    modules = {}
    for path in source.rglob("*.py"):
        parts = path.relative_to(source.parent).with_suffix("").parts
        modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


class Import(NamedTuple):
    """A module and the name taken from it; under TYPE_CHECKING, or deferred to a function."""

    module: str
    name: str
    for_types: bool
    deferred: bool


def imports_of(
    tree: ast.AST, package: str, for_types: bool = False, deferred: bool = False
) -> Iterator[Import]:
    """Yield all imports in a syntax tree of a module of a package."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", for_types, deferred) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            ancestors = package.split(".")[: len(package.split(".")) + 1 - node.level]
            prefix = ".".join(ancestors) if node.level else ""
            module = ".".join(filter(None, (prefix, node.module)))
            yield from (Import(module, alias.name, for_types, deferred) for alias in node.names)
        else:
            guarded = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            function = isinstance(node, ast.FunctionDef)
            yield from imports_of(node, package, for_types or guarded, deferred or function)


def arrows_of(source: Path) -> list[Arrow]:
    """Return every import of framering's modules by each other, also those inside functions."""
    modules = modules_of(source)
    arrows = []
    for importer, path in sorted(modules.items()):
        package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
        for found in imports_of(ast.parse(path.read_text()), package):
            if found.module.split(".")[0] != source.name:
                continue
            member = f"{found.module}.{found.name}"
            is_module = member in modules or member == f"{source.name}._core"
            imported = member if is_module else found.module
            arrows.append(Arrow(importer, imported, found.for_types, found.deferred))
    return arrows


def forbidden(arrows: Iterable[Arrow], table: dict[str, Allowed]) -> list[Arrow]:
    """Return the arrows between packages that the table does not allow."""
    wrong = []
    for arrow in arrows:
        importer, imported = package_of(arrow.importer), package_of(arrow.imported)
        imports, types = table.get(importer, Allowed(frozenset(), frozenset()))
        allowed = imports | types if arrow.for_types else imports
        if imported not in allowed | {importer}:
            wrong.append(arrow)
    return wrong


def levels(graph: dict[str, set[str]]) -> dict[str, int]:
    """Return the length of the longest chain of imports below each node; refuse cycles."""
    known: dict[str, int] = {}

    def level(node: str, above: tuple[str, ...]) -> int:
        if node in above:
            raise ValueError(f"cycle: {' -> '.join((*above, node))}")
        if node not in known:
            below = (level(other, (*above, node)) for other in sorted(graph.get(node, ())))
            known[node] = 1 + max(below, default=0)
        return known[node]

    return {node: level(node, ()) for node in sorted(graph)}


def package_graph(arrows: Iterable[Arrow]) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for arrow in arrows:
        importer, imported = package_of(arrow.importer), package_of(arrow.imported)
        if importer != imported:
            graph.setdefault(importer, set()).add(imported)
    return graph


@pytest.fixture(scope="module")
def table():
    return read_table(DOCUMENT.read_text())


@pytest.fixture(scope="module")
def arrows():
    return arrows_of(SOURCE)


def test_every_import_between_packages_is_in_the_documents_table(arrows, table):
    assert forbidden(arrows, table) == []


def test_the_documents_table_names_exactly_the_packages_that_exist(table):
    assert set(table) == {package_of(module) for module in modules_of(SOURCE)} | {"_core"}


def test_a_row_of_the_table_imports_only_from_rows_below_it(table):
    rows = list(table)
    for number, (name, allowed) in enumerate(table.items()):
        assert allowed.imports | allowed.types <= set(rows[number + 1 :]), name


@pytest.mark.parametrize(
    ("package", "unknown"),
    [
        ("reporting", {"training", "config", "dqn", "replay"}),
        ("dqn", {"training", "config", "reporting"}),
        ("replay", {"training", "config", "reporting", "dqn"}),
        ("vector", {"training", "config", "reporting", "dqn"}),
        ("atari", {"training", "config", "reporting", "dqn", "replay", "vector"}),
    ],
)
def test_the_table_keeps_lower_packages_apart_from_higher_ones(package, unknown, table):
    assert not unknown & (table[package].imports | table[package].types)


def test_packages_form_no_cycle_and_at_most_eight_levels(arrows):
    assert max(levels(package_graph(arrows)).values()) <= MOST_LEVELS


def test_modules_form_no_cycle(arrows):
    graph: dict[str, set[str]] = {}
    for arrow in arrows:
        if not arrow.for_types:
            graph.setdefault(arrow.importer, set()).add(arrow.imported)
    assert levels(graph)


@pytest.mark.parametrize("package", ["atari", "vector"])
def test_importing_the_package_imports_no_torch(package, arrows):
    below = {module for module in modules_of(SOURCE) if package_of(module) == package}
    while more := {
        arrow.imported
        for arrow in arrows
        if arrow.importer in below
        and arrow.imported not in below
        and not (arrow.for_types or arrow.deferred)
    }:
        below |= more
    paths = modules_of(SOURCE)
    for module in sorted(below & set(paths)):
        libraries = {
            found.module.split(".")[0]
            for found in imports_of(ast.parse(paths[module].read_text()), module)
            if not (found.for_types or found.deferred)
        }
        assert "torch" not in libraries, module


def test_each_package_has_a_folder_of_tests():
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}

    assert packages <= {path.name for path in (ROOT / "tests").iterdir()}


@pytest.fixture
def small_package(tmp_path):
    """A function {path: source} -> the folder of a package ``framering`` with these modules."""

    def write(files):
        source = tmp_path / "framering"
        for name, text in {"__init__.py": "", **files}.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return source

    return write


@pytest.mark.parametrize(
    "statement",
    [
        "from framering.high.module import name",
        "from framering.high import module",
        "from ..high import module",
        "import framering.high.module",
        "def function():\n    from framering.high.module import name",
        "if True:\n    from framering.high import module",
    ],
)
def test_an_arrow_up_is_found_in_whatever_form_it_is_written(statement, small_package):
    source = small_package({"low/module.py": statement, "high/module.py": "name = 1"})
    table = {"high": Allowed(frozenset({"low"}), frozenset()), "low": Allowed(*[frozenset()] * 2)}

    assert [arrow.importer for arrow in forbidden(arrows_of(source), table)] == [
        "framering.low.module"
    ]


def test_an_import_for_types_alone_is_no_import(small_package):
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import framering.high"
    source = small_package({"low.py": guarded, "high.py": ""})
    table = {"low": Allowed(frozenset(), frozenset({"high"}))}

    assert forbidden(arrows_of(source), table) == []
    assert [arrow.for_types for arrow in arrows_of(source)] == [True]


def test_a_cycle_is_named():
    with pytest.raises(ValueError, match="cycle: a -> b -> c -> a"):
        levels({"a": {"b"}, "b": {"c"}, "c": {"a"}})
