"""The source files that a dish's readings depend on, found by following imports."""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "sdf1_field"
ROOTS = (f"{PACKAGE}.observations",)
"""Modules that simulate and read dishes."""


def source_digest(package: Path, roots: Iterable[str] = ROOTS) -> str:
    """Digest of the sources reached from some modules: those of a dish's readings, by default.

    Parameters
    ----------
    package : Path
        Folder of the program's package.
    roots : iterable of str
        Dotted names of modules.
    """
    digest = hashlib.sha256()
    for source in reading_sources(package, roots):
        digest.update(f"{source.relative_to(package)} ".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()


def reading_sources(package: Path, roots: Iterable[str] = ROOTS) -> list[Path]:
    """Source files reached from some modules by imports, anywhere in a file.

    A name imported from a package is followed to the module that defines it: the package's other
    exports do not count. A module imported as a whole counts with all of its imports, and a
    package that loads its modules by name counts with all of them.

    Parameters
    ----------
    package : Path
        Folder of the program's package.
    roots : iterable of str
        Dotted names of modules.

    Returns
    -------
    list of Path
        Sorted.
    """
    files: set[Path] = set()
    imports_of = functools.cache(lambda source, module: list(_imports(source, module)))
    done: set[tuple[str, str | None]] = set()
    ahead: list[tuple[str, str | None]] = [(root, None) for root in roots]
    while ahead:
        module, name = ahead.pop()
        if (module, name) in done:
            continue
        done.add((module, name))
        if name is not None and _file(package, f"{module}.{name}") is not None:
            ahead.append((f"{module}.{name}", None))
            continue
        source = _file(package, module)
        if source is None:
            continue
        files.add(source)
        imported = imports_of(source, module)
        if name is not None and source.name == "__init__.py":
            exported = [(origin, theirs) for origin, theirs, own in imported if own == name]
            if exported:
                ahead += exported
                continue
        ahead += [(origin, theirs) for origin, theirs, _ in imported]
    return sorted(files)


def _file(package: Path, module: str) -> Path | None:
    """Source file of one of the package's modules; None if it is not a module of the package."""
    first, *rest = module.split(".")
    place = package.joinpath(*rest)
    candidates = (place / "__init__.py", place.with_suffix(".py"))
    return next((c for c in candidates if first == PACKAGE and c.is_file()), None)


def _imports(source: Path, module: str) -> Iterator[tuple[str, str | None, str]]:
    """Modules and names that a file imports, with the names that it gives them.

    A package whose names load on first use has them in its stub.
    """
    stub = source.with_suffix(".pyi")
    # The whole program's own are its users' names.
    if stub != source and stub.exists() and module != PACKAGE:
        yield from _imports(stub, module)
    for node in ast.walk(ast.parse(source.read_bytes(), str(source))):
        if isinstance(node, ast.Import):
            yield from ((one.name, None, one.asname or one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import is not followed"
            origin = node.module or ""
            yield from ((origin, one.name, one.asname or one.name) for one in node.names)
            by_name = origin == "importlib" and node.names[0].name == "import_module"
            # The whole program loads only its users' names in this way.
            if by_name and module != PACKAGE:
                yield from ((f"{module}.{own}", None, own) for own in _modules(source))


def _modules(source: Path) -> list[str]:
    """Names of the modules in a package, given its ``__init__.py``."""
    inner = (p for p in source.parent.iterdir() if (p / "__init__.py").exists())
    own = (p for p in source.parent.glob("*.py") if p != source)
    return sorted(path.stem for path in (*inner, *own))
