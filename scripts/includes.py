# SPDX-License-Identifier: Apache-2.0
"""Rules for includes: which file may use which. scripts/lint reports violations.

- A folder of src includes only itself and the folders before it in ORDER, the order of the
pipeline.
- There are no circles of files (a header and its source count as one), nor of folders and
sub-folders.
- A pure file (listed in oci_nvidia_core in src/CMakeLists.txt) includes only pure files.
"""

import re

ORDER = (
    "text formats os config oci request host image plan nri cgroup lease inject cdi nvidia_cli nvidia_ctk command".split()
)
CORE = "oci_nvidia_core"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def module_of(name):
    """Returns `text/error` for text/error.cpp and text/error.hpp."""
    return re.sub(r"\.[ch]pp$", "", name)


def read_graph(top):
    """Returns {module: {included module: the file that includes it}} for all of src."""
    graph = {}
    source = top / "src"
    for path in sorted([*source.rglob("*.cpp"), *source.rglob("*.hpp")]):
        name = str(path.relative_to(source))
        edges = graph.setdefault(module_of(name), {})
        for included in INCLUDE.findall(path.read_text()):
            if module_of(included) != module_of(name):
                edges.setdefault(module_of(included), f"src/{name}")
    return graph


def folder_of(module):
    return module.rsplit("/", 1)[0]


def find_circles(graph):
    """Returns the circles of a graph, each as a list of nodes (Tarjan's strongly connected
    components)."""
    found, stack, index, low = [], [], {}, {}

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            circle = stack[stack.index(node) :]
            del stack[-len(circle) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def folder_graph(graph):
    folders = {}
    for module, edges in graph.items():
        others = folders.setdefault(folder_of(module), set())
        others.update(folder_of(other) for other in edges if other in graph)
        others.discard(folder_of(module))
    return folders


def pure_modules(top):
    lists = (top / "src/CMakeLists.txt").read_text()
    found = re.search(rf"add_library\({CORE} STATIC\n(.*?)\)", lists, re.DOTALL)
    return {module_of(name) for name in found[1].split()} if found else set()


def check_order(graph):
    rank = {folder: number for number, folder in enumerate(ORDER)}
    for module, edges in graph.items():
        own = module.split("/")[0]
        if own not in rank:
            yield f"src/{module}: folder {own} is not in ORDER of scripts/includes.py"
            continue
        for other, name in edges.items():
            folder = other.split("/")[0]
            if rank.get(folder, -1) > rank[own]:
                yield f"{name}: includes {other}: {folder} comes after {own} in the pipeline"


def check_circles(graph):
    for circle in find_circles(graph):
        yield f"src: a circle of includes: {' '.join(circle)}"
    for circle in find_circles(folder_graph(graph)):
        yield f"src: a circle of folders: {' '.join(circle)}"


def check_purity(graph, pure):
    for module in sorted(pure):
        for other, name in graph.get(module, {}).items():
            if other not in pure:
                yield f"{name}: is pure ({CORE}), and includes {other}, which is not"


def check(top):
    graph = read_graph(top)
    return [*check_order(graph), *check_circles(graph), *check_purity(graph, pure_modules(top))]
