"""Docstrings of the running Python as a corpus: real text on every machine.

Source files are parsed with `ast` and never imported. Only modules written in C have no source to
parse, so those of the standard library are imported and read through `inspect`.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tamis.errors import CorpusError

from ..passage import Document, Metadata

SKIPPED = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "__hello__", "__phello__"}
)
"""Folders of the standard library that hold no documentation for its users."""

SIDE_EFFECTS = frozenset({"antigravity", "this", "_test", "_xx"})
"""C modules that only test the interpreter start with one of these."""


def read_pydocs(packages: tuple[str, ...] = ()) -> Iterator[Document]:
    """Yield one document per public docstring of the standard library and of `packages`.

    Args:
        packages: names of installed packages to add, such as `numpy`.

    Raises:
        CorpusError: a named package is not installed or has no Python source.
    """
    seen: set[str] = set()
    for document in _all(packages):
        if document.id not in seen:  # a C twin of a Python function says the same thing
            seen.add(document.id)
            yield document


def _all(packages: tuple[str, ...]) -> Iterator[Document]:
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        yield from _source_file(path, library)
    for name in _c_modules(library):
        yield from _c_module(name)
    for package in packages:
        root = _package_root(package)
        files = sorted(root.rglob("*.py")) if root.is_dir() else [root]
        for path in files:
            yield from _source_file(path, root.parent)


def check_packages(packages: tuple[str, ...]) -> None:
    """Find each of `packages`, or raise.

    Raises:
        CorpusError: one is not installed or has no Python source.
    """
    for package in packages:
        _package_root(package)


def _package_root(package: str) -> Path:
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise CorpusError(
            f"pydocs: package {package!r} is not installed here, or has no Python source; install it or leave it out"
        )
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _source_file(path: Path, root: Path) -> Iterator[Document]:
    parts = path.relative_to(root).with_suffix("").parts
    if SKIPPED.intersection(parts):
        return
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if not parts or not all(_public(part) for part in parts):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's strings are not our news
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # templates and files for other versions of Python
        return
    module = ".".join(parts)
    yield from _described(tree, module, module, path)


Described = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _described(node: Described, name: str, module: str, path: Path) -> Iterator[Document]:
    """Yield the node's own docstring, then those of the public names defined in it."""
    text = ast.get_docstring(node)
    if text and text.strip():
        metadata: Metadata = {"module": module, "kind": _kind(node, name, module), "package": module.partition(".")[0]}
        line = getattr(node, "lineno", 1)
        yield Document(name, name + _signature(node), text, metadata, f"{path}:{line}")
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return  # what is defined inside a function cannot be called from outside
    for child in _definitions(node.body):
        if _public(child.name):
            yield from _described(child, f"{name}.{child.name}", module, path)


def _definitions(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield classes and functions, also those inside `if` and `try` (platform branches)."""
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        elif isinstance(statement, ast.If):
            yield from _definitions(statement.body + statement.orelse)
        elif isinstance(statement, ast.Try):
            handlers = [inner for handler in statement.handlers for inner in handler.body]
            yield from _definitions(statement.body + handlers + statement.orelse + statement.finalbody)


def _kind(node: Described, name: str, module: str) -> str:
    if isinstance(node, ast.Module):
        return "module"
    if isinstance(node, ast.ClassDef):
        return "class"
    return "method" if name.rpartition(".")[0] != module else "function"


def _signature(node: Described) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"({ast.unparse(node.args)})"
    return ""


def _c_modules(library: Path) -> list[str]:
    """Name the standard library's modules that are written in C."""
    names = set(sys.builtin_module_names)
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    for path in (library / "lib-dynload").glob("*"):
        if path.name.endswith(suffixes):
            names.add(path.name.partition(".")[0])
    return sorted(name for name in names if not name.startswith(tuple(SIDE_EFFECTS)))


def _c_module(name: str) -> Iterator[Document]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a module of the standard library is on its way out
            module = importlib.import_module(name)
    except ImportError:  # an optional part whose library is missing, such as _tkinter
        return
    public = _public_module(name)
    if public is None:
        return
    if text := inspect.getdoc(module):
        yield _from_c(public, public, text, "module")
    members = vars(module)
    for member_name, member in sorted(members.items()):
        if not member_name.startswith("_") and not isinstance(member, ModuleType):
            if module is sys:  # libraries put hooks of their own there; the originals are kept as __excepthook__, ...
                member = members.get(f"__{member_name}__", member)
            yield from _c_member(member, f"{public}.{member_name}", public)


def _public_module(name: str) -> str | None:
    """Give the name under which users import what a C module defines (`_socket` is `socket`)."""
    public = {"posix": "os", "nt": "os", "_thread": "threading"}.get(name, name.lstrip("_"))
    return public if public in sys.stdlib_module_names else None


def _c_member(member: object, name: str, module: str) -> Iterator[Document]:
    if inspect.isclass(member):
        text = getattr(member, "__doc__", None)
        if isinstance(text, str) and text.strip():
            yield _from_c(name, module, inspect.cleandoc(text), "class", member)
        for method_name, method in sorted(vars(member).items()):
            own = getattr(method, "__doc__", None)
            if not method_name.startswith("_") and callable(method) and isinstance(own, str) and own.strip():
                yield _from_c(f"{name}.{method_name}", module, inspect.cleandoc(own), "method", method)
    elif inspect.isbuiltin(member) and (text := inspect.getdoc(member)):
        yield _from_c(name, module, text, "function", member)


def _from_c(name: str, module: str, text: str, kind: str, member: object = None) -> Document:
    try:
        title = name + str(inspect.signature(member)) if callable(member) else name
    except Exception:  # many C functions state no signature, and inspect evaluates what the others state
        title = name
    metadata: Metadata = {"module": module, "kind": kind, "package": module.partition(".")[0]}
    return Document(name, title, text, metadata, f"<C module {module}>")
