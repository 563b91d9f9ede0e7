"""Print the figures of the import graph, or the page that lists every file by its first line.

Usage: python docs/structure.py [--files] [ROOT]
"""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

# From the ground up: a file may import its own floor's room and what stands before it.
FLOORS = (
    ("runtime",), ("runtime.terminal", "runtime.preprocessing", "runtime.chat"),
    ("runtime.drawing",), ("runtime.labels",),
    ("runtime.bundle",), ("runtime.engines", "runtime.shapes", "runtime.video"),
    ("runtime.text",),
    ("runtime.scoring", "runtime.sources"), ("runtime.decisions",),
    ("runtime.sinks",), ("runtime.receivers", "runtime.recordings", "runtime.teaching"),
    ("runtime.streams", "runtime.events"),
    ("runtime.recognizer", "runtime.clip_tokenizer", "runtime.manifest", "runtime.shipped_labels"),
    ("runtime.archive",), ("runtime.verify", "runtime.page"), ("runtime.fetch",),
    ("runtime.command",), ("models",), ("export", "train"), ("benchmarks",),
)  # fmt: skip


def tracked(root: Path) -> list[Path]:
    """Return the Python files that git tracks or would, without tests and docs."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    names = subprocess.check_output(command, cwd=root, text=True).split()
    return [Path(n) for n in names if not n.startswith(("tests/", "docs/", "examples/"))
            and (root / n).exists()]  # fmt: skip


def module_of(path: Path) -> str:
    """Return the dotted name below `stzsar`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows(root: Path, files: list[Path]) -> dict[str, set[str]]:
    """Return which module imports which, also inside functions."""
    modules = {module_of(path) for path in files}
    found: dict[str, set[str]] = defaultdict(set)
    for path in files:
        package = list(path.parent.parts)
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = package[: len(package) - (node.level - 1)]
            target = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                inner = f"{target}.{alias.name}".strip(".")
                hit = inner if inner in modules else target
                if hit in modules and hit != module_of(path):
                    found[module_of(path)].add(hit)
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of two modules and more (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    for node in list(graph):
        if node not in index:
            visit(node)
    return found


def floor_of(module: str) -> int:
    """Return the floor of the longest name in `FLOORS` that `module` begins with."""
    names = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (name := ".".join(parts[:length])) in names:
            return names[name]
    return 0


def siblings(graph: dict[str, set[str]], package: str) -> dict[str, set[str]]:
    """Return the arrows between the direct children of a package, files and folders alike."""
    depth = len(package.split(".")) if package else 0
    folded: dict[str, set[str]] = defaultdict(set)
    for module, targets in graph.items():
        here = module.split(".")
        for there in (target.split(".") for target in targets):
            inside = here[:depth] == there[:depth] == (package.split(".") if package else [])
            if inside and len(here) > depth < len(there) and here[depth] != there[depth]:
                folded[".".join(here[: depth + 1])].add(".".join(there[: depth + 1]))
    return folded


def print_figures(root: Path) -> None:
    """Print files, lines, circles and upward arrows."""
    files = tracked(root)
    graph = arrows(root, files)
    per_folder = Counter(path.parent.as_posix() for path in files)
    lines = Counter[str]()
    for path in files:
        lines[path.parts[0]] += (root / path).read_text(encoding="utf-8").count("\n")
    upward = [
        f"{module} → {target}"
        for module, targets in sorted(graph.items())
        for target in sorted(targets)
        if module != "runtime"  # the face
        and floor_of(target) > floor_of(module)
    ]
    largest, count = per_folder.most_common(1)[0]
    print(f"files: {len(files)}; most in one folder: {count} in {largest}/")
    print(f"lines: {sum(lines.values())} ({', '.join(f'{k} {v}' for k, v in lines.items())})")
    packages = {"", *(".".join(path.parent.parts) for path in files)}
    rooms = [circle for package in sorted(packages) for circle in circles(siblings(graph, package))]
    for what, found in (("files", circles(graph)), ("rooms", rooms)):
        print(f"circles of {what}: {len(found)}")
        for circle in found:
            print("   ", ", ".join(circle))
    print(f"upward arrows: {len(upward)}")
    for arrow in upward:
        print("   ", arrow)


def print_files(root: Path) -> None:
    """Print a page in Markdown: each folder, and the first line of each of its files."""
    print("# All files\n\nGenerated from the first line of each file.")
    by_folder: dict[str, list[Path]] = defaultdict(list)
    for path in tracked(root):
        by_folder[path.parent.as_posix()].append(path)
    for folder in sorted(by_folder):
        docs = {
            path.name: (ast.get_docstring(ast.parse((root / path).read_text("utf-8"))) or "")
            .partition("\n")[0]
            for path in sorted(by_folder[folder])
        }  # fmt: skip
        print(f"\n## `{folder}/`\n\n{docs.pop('__init__.py', '')}\n")
        for name, line in docs.items():
            print(f"- `{name}`: {line}")


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != "--files"]
    where = Path(arguments[0] if arguments else ".").resolve()
    (print_files if "--files" in sys.argv else print_figures)(where)
