"""From a check to a script that needs neither loopcheck nor pytest: its source, and that of all it uses, put together.

What a check uses is found by the names in its source. Out of each piece go docstrings, annotations and what is for
pytest; and what the kit does at length for the sake of a run of two thousand checks, :mod:`loopcheck.compare.doubles`
does in a line or two. The tools that a check has as parameters become the ``main()`` of the script. What of all that
is not needed, :mod:`loopcheck.compare.shortening` finds out.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import re
import symtable
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from loopcheck import kit
from loopcheck.check import Entry
from loopcheck.compare import doubles
from loopcheck.settings import CHANNELS, SETTINGS

LIMIT = 20
"""Seconds that a script takes at the most, before it says where it hangs."""

PATIENCE = "PATIENCE"
"""What stands in a script for the seconds that it waits for what must happen."""


def with_patience(text: str, seconds: float = 5) -> str:
    """A script that waits so long."""
    return re.sub(rf"\b{PATIENCE}\b", str(seconds), text)


DONE = "so it is"
"""What a script says at its end, if it comes there."""

LEFT = "left behind: "
"""What a script says first that looks at what is left behind when all is over, and has found something."""

_LOOKS = {
    "open file descriptor": "open_descriptors",
    "running thread": "running_threads",
    "pending task": "pending_tasks",
    "child process": "has_children",
    "changed handler": "handlers",
    "wakeup descriptor": "wakeup_descriptor",
    "hooks for": "asyncgen_hooks",
    "error that the loop logged": "Reports",
    "exception that nobody could catch": "Reports",
}
"""What looks for what an audit has found, by words of that."""

_TWICE = ("open_descriptors", "running_threads")
"""What has one of these may be there for good: what a check leaves behind, it leaves the second time, too."""


def look_for(left_behind: Sequence[str]) -> str:
    """The function of a script that sees what an audit has found; nothing if there is none.

    Args:
        left_behind: what is left behind, in the words of the audit.
    """
    return next((look for words, look in _LOOKS.items() if any(words in phrase for phrase in left_behind)), "")


class Unsuitable(Exception):
    """No script can be made of a check; the message says why, in a few words."""


@dataclass(frozen=True)
class _Name:
    """Something that a module defines, or imports."""

    module: str
    name: str


@dataclass
class _Piece:
    """The source of one name, as it stands in the script."""

    text: str
    uses: list[_Name] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)


class _Module:
    """The source of a module, by the names that it defines."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module: ModuleType = importlib.import_module(name)
        self.source = inspect.getsource(self.module)
        self.nodes: dict[str, ast.stmt] = {}
        for node in ast.parse(self.source).body:
            for bound in _bound(node):
                self.nodes.setdefault(bound, node)


_module = functools.cache(_Module)


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    else:
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                yield one.id


# The text of one piece.

_IGNORED_COMMENT = re.compile(r"  # (?:noqa|type: ignore)[^\n]*")


class _Edits:
    """Changes of a text, by the positions that its syntax tree knows."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Positions of the tree are in bytes; a text in ASCII has the same in characters.
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line.encode()))
        self.changes: list[tuple[int, int, str]] = []
        self.dropped: set[ast.stmt] = set()

    def start(self, node: Any) -> int:
        return self.starts[int(node.lineno) - 1] + int(node.col_offset)

    def end(self, node: Any) -> int:
        return self.starts[int(node.end_lineno) - 1] + int(node.end_col_offset)

    def of(self, node: ast.AST) -> str:
        return self.text.encode()[self.start(node) : self.end(node)].decode()

    def change(self, start: int, end: int, instead: str) -> None:
        self.changes.append((start, end, instead))

    def drop(self, node: ast.stmt, body: list[ast.stmt]) -> None:
        """Take a statement out of a body, which gets a ``pass`` if it was the last."""
        self.dropped.add(node)
        if self.dropped.issuperset(body):
            self.change(self.start(node), self.end(node), "pass")
            return
        decorators = getattr(node, "decorator_list", [])
        if decorators:
            self.change(self.starts[decorators[0].lineno - 1], self.starts[node.lineno - 1], "")
        if node is not body[0] and decorators:
            self.drop_lines(node, first=not self.text.splitlines()[decorators[0].lineno - 2].strip())
        else:
            self.drop_lines(node, first=node is body[0])

    def drop_lines(self, node: ast.stmt, *, first: bool = False) -> None:
        """Take out the lines of a statement, and the empty ones behind it if there are some before it, or nothing."""
        end_line = node.end_lineno or node.lineno
        lines = self.text.splitlines()
        while (first or not lines[node.lineno - 2].strip()) and end_line < len(lines) and not lines[end_line].strip():
            end_line += 1
        self.change(self.starts[node.lineno - 1], self.starts[end_line], "")

    def done(self) -> str:
        data = self.text.encode()
        parts: list[bytes] = []
        position = 0
        for start, end, instead in sorted(self.changes, key=lambda change: (change[0], -change[1])):
            if start >= position:  # else it is in what another change has taken out
                parts += [data[position:start], instead.encode()]
                position = end
        return b"".join([*parts, data[position:]]).decode()


def _stripped(text: str) -> str:
    """A definition without docstrings, annotations, decorators of ours, and what is for pytest."""
    tree = ast.parse(text)
    edits = _Edits(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            _strip_body(node, edits)
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                if isinstance(base, ast.Subscript):
                    plain = "object" if ast.unparse(base.value) == "Generic" else edits.of(base.value)
                    edits.change(edits.start(base), edits.end(base), plain)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _strip_signature(node, edits)
        if isinstance(node, ast.AnnAssign) and not _is_field(node, tree):
            if node.value is None:
                edits.drop_lines(node)
            else:
                edits.change(edits.end(node.target), edits.start(node.value), " = ")
    stripped = _IGNORED_COMMENT.sub("", edits.done()).rstrip()
    return _with_comparisons(stripped)


def _is_field(node: ast.AnnAssign, tree: ast.Module) -> bool:
    """Whether an annotation makes a field of a dataclass."""
    return any(
        isinstance(one, ast.ClassDef)
        and node in one.body
        and any("dataclass" in ast.unparse(d) for d in one.decorator_list)
        for one in ast.walk(tree)
    )


def _strip_body(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, edits: _Edits) -> None:
    for one in node.body:
        if _is_for_readers(one):
            edits.drop(one, node.body)
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call | ast.Name) and ast.unparse(decorator).partition("(")[0] in ("check", "tool"):
            edits.change(edits.starts[decorator.lineno - 1], edits.starts[decorator.end_lineno or 0], "")


def _is_for_readers(node: ast.stmt) -> bool:
    """Whether a statement is a docstring, tells pytest something, or imports from loopcheck, whose parts are here."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").startswith("loopcheck")
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__tracebackhide__"


def _strip_signature(node: ast.FunctionDef | ast.AsyncFunctionDef, edits: _Edits) -> None:
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[tuple[ast.arg, ast.expr | None]] = [(one, None) for one in positional]
    for number, default in enumerate(reversed(given.defaults)):
        defaults[-1 - number] = (positional[-1 - number], default)
    defaults += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    defaults += [(one, None) for one in (given.vararg, given.kwarg) if one is not None]
    for one, value in defaults:
        if one.annotation is not None:
            name_ends = edits.start(one) + len(one.arg.encode())
            if value is None:
                edits.change(name_ends, edits.end(one.annotation), "")
            else:
                edits.change(name_ends, edits.start(value), "=")
    if node.returns is not None:
        before = edits.text.encode()[: edits.start(node.returns)]
        edits.change(before.rindex(b"->"), edits.end(node.returns), "")
        edits.change(len(before[: before.rindex(b"->")].rstrip()), before.rindex(b"->"), "")


def _with_comparisons(text: str) -> str:
    """A text whose assertions say what they have seen: pytest, which does so for a check, is not there."""
    edits = _Edits(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assert):
            about = f", {ast.unparse(_line_of(node.msg))}" if node.msg is not None else ""
            match node.test:
                case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                    edits.change(
                        edits.start(node), edits.end(node), f"equal({edits.of(left)}, {edits.of(right)}{about})"
                    )
                case ast.Compare(left=left, comparators=[_]) if node.msg is None and _is_plain(left):
                    shown = f'f"{{{edits.of(left)}!r}}"'
                    edits.change(edits.end(node), edits.end(node), f", {shown}")
                case _ if node.msg is None:
                    said = " ".join(edits.of(node.test).split())
                    edits.change(edits.end(node), edits.end(node), f", {'not so: ' + said!r}")
    return edits.done()


def _line_of(message: ast.expr) -> ast.expr:
    """The expression of a message with the end of a line behind it."""
    match message:
        case ast.Constant(value=str(text)):
            return ast.Constant(f"{text}\n")
        case ast.JoinedStr(values=values):
            return ast.JoinedStr([*values, ast.Constant("\n")])
    return ast.JoinedStr([ast.FormattedValue(message, -1), ast.Constant("\n")])


def _is_plain(node: ast.expr) -> bool:
    """Whether something may be looked at twice, and stands in an f-string of any Python."""
    allowed = (ast.Name, ast.Attribute, ast.Load)
    return all(isinstance(one, allowed) for one in ast.walk(node))


# What a piece uses.


@functools.cache
def _piece(name: _Name) -> _Piece:
    module = _module(name.module)
    node = module.nodes.get(name.name)
    if node is None:
        raise Unsuitable(f"it uses {name.module}.{name.name}, whose source is not found")
    if isinstance(node, ast.Import | ast.ImportFrom):
        return _imported(module, node, name.name)
    return _read(module, _stripped(_source(module, node)))


def _source(module: _Module, node: ast.stmt) -> str:
    """The lines of a statement, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    first = min(one.lineno for one in (node, *decorators))
    return textwrap.dedent("".join(module.source.splitlines(keepends=True)[first - 1 : node.end_lineno]))


def _read(module: _Module, text: str, given: Iterable[str] = ()) -> _Piece:
    """A piece with what it uses.

    Args:
        given: names that are there anyway.
    """
    piece = _Piece(text)
    for used in sorted(_globals(text).difference(given)):
        if used in module.nodes:
            piece.uses.append(_Name(module.name, used))
        elif used == "equal":
            piece.uses.append(_Name(doubles.__name__, used))
        elif not hasattr(builtins, used) and used not in ("__file__", "__name__", PATIENCE):
            local = _local_imports(module).get(used)
            if local is None:
                raise Unsuitable(f"it uses {used!r}, whose source is not found")
            piece.uses.append(local)
    return piece


@functools.cache
def _local_imports_of(name: str) -> dict[str, _Name]:
    return {
        alias.asname or alias.name: _Name(node.module or "", alias.name)
        for node in ast.walk(ast.parse(_module(name).source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("loopcheck")
        for alias in node.names
    }


def _local_imports(module: _Module) -> dict[str, _Name]:
    """What functions of a module import from loopcheck, by its name there."""
    return _local_imports_of(module.name)


def _globals(text: str) -> set[str]:
    """The names that a text takes from around it."""
    found: set[str] = set()
    own: set[str] = set()

    def look(table: symtable.SymbolTable, top: bool) -> None:
        for symbol in table.get_symbols():
            if top and (symbol.is_assigned() or symbol.is_imported()):
                own.add(symbol.get_name())
            elif symbol.is_referenced() and (top or symbol.is_global()):
                found.add(symbol.get_name())
        for child in table.get_children():
            look(child, False)

    look(symtable.symtable(text, "<check>", "exec"), True)
    return found - own


def _imported(module: _Module, node: ast.Import | ast.ImportFrom, name: str) -> _Piece:
    """What an import stands for: a line, or what it imports from loopcheck."""
    alias = next(one for one in node.names if (one.asname or one.name.partition(".")[0]) == name)
    renamed = f" as {alias.asname}" if alias.asname else ""
    if isinstance(node, ast.Import):
        if alias.name.startswith("loopcheck"):
            raise Unsuitable(f"it uses the module {alias.name}")
        return _Piece("", imports=[f"import {alias.name}{renamed}"])
    source = node.module or ""
    if not source.startswith("loopcheck"):
        return _Piece("", imports=[f"from {source} import {alias.name}{renamed}"])
    if alias.asname or isinstance(getattr(importlib.import_module(source), alias.name), ModuleType):
        raise Unsuitable(f"it uses {source}.{alias.name} by another name")
    return _Piece("", uses=[_Name(source, alias.name)])


def _doubled(name: _Name, short: bool) -> _Name:
    """The shorter double of a name of the kit, if there is one and it is wanted."""
    if short and name.module.startswith("loopcheck.kit") and name.name in _module(doubles.__name__).nodes:
        node = _module(name.module).nodes.get(name.name)
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return _Name(doubles.__name__, name.name)
    return name


# The script.


@dataclass
class _Closure:
    """All pieces that some names need, definitions before their use."""

    short: bool
    pieces: dict[_Name, _Piece] = field(default_factory=dict)

    def add(self, name: _Name) -> None:
        name = _doubled(name, self.short)
        if name in self.pieces:
            return
        piece = self.pieces[name] = _piece(name)
        for used in piece.uses:
            self.add(used)
        # What it uses stands before it.
        del self.pieces[name]
        self.pieces[name] = piece


_TOOL = r"bench\.tool\(\"(\w+)\"\)"
"""How a tool asks for another one."""


class _Main:
    """The function that makes the tools of a check, and runs it."""

    def __init__(self, entry: Entry, short: bool) -> None:
        assert entry.function is not None
        self.entry = entry
        self.short = short
        self.function = entry.function
        self.lines: list[str] = []
        self.depth = 1
        self.bound: dict[str, str] = {}
        """By the name of a tool, the expression that is it."""
        self.local: set[str] = {"factory"}
        self.needs: list[_Name] = []
        self.imports: set[str] = set()
        self.is_async = inspect.iscoroutinefunction(entry.function)

    def write(self, text: str) -> None:
        self.lines += textwrap.indent(text, "    " * self.depth).splitlines()

    def build(self) -> str:
        setting = self.entry.setting
        if setting in ("debug", "eager-tasks", "python-tasks"):
            self._arrange(setting)
        if setting == "second-loop":
            self.imports.add("import asyncio")
            self.write("another = factory()\nanother.run_until_complete(asyncio.sleep(0))")
        if setting == "runner":
            self.imports.add("import asyncio")
            self.write("with asyncio.Runner(loop_factory=factory) as runner:")
            self.depth += 1
        parameters = list(inspect.signature(self.function).parameters)
        for name in ["loop"] * (self.is_async and setting != "runner" and "loop" not in parameters) + parameters:
            self.tool(name)
        call = f"{self.function.__name__}({', '.join(self.bound[name] for name in parameters)})"
        if not self.is_async:
            self.write(call)
        elif setting == "runner":
            self.write(f"runner.run({call})")
        else:
            self.write(f"{self.bound['loop']}.run_until_complete({call})")
        if "loop" in self.bound and setting != "runner":
            self.depth = 1
            self.write("loop.close()")
        return "\n".join(["def main(factory):", *self.lines])

    def _arrange(self, setting: str) -> None:
        how = {
            "debug": "loop.set_debug(True)",
            "eager-tasks": "loop.set_task_factory(asyncio.eager_task_factory)",
            "python-tasks": "loop.set_task_factory(lambda loop, coroutine, **options: "
            "asyncio.tasks._PyTask(coroutine, loop=loop, **options))",
        }[setting]
        if "asyncio" in how:
            self.imports.add("import asyncio")
        self.write(f"def new_loop():\n    loop = factory()\n    {how}\n    return loop\n")
        self.factory = "new_loop"

    factory = "factory"
    """What makes a loop in the setting."""

    def tool(self, name: str) -> str:
        """The expression that is a tool, made by what is written before."""
        if name in self.bound:
            return self.bound[name]
        if name == "loop":
            self.write("loop = runner.get_loop()" if self.entry.setting == "runner" else f"loop = {self.factory}()")
            self.bound[name] = "loop"
        elif name in ("new_loop", "loop_factory"):
            self.bound[name] = self.factory
        elif name == "patience":
            self.bound[name] = PATIENCE
        else:
            self._splice(name)
        self.local.add(self.bound[name])
        return self.bound[name]

    def _splice(self, name: str) -> None:
        """Put the body of a tool here, and what follows in the place of its yield."""
        function = inspect.unwrap(kit.TOOLS[name])
        own = _doubled(_Name(function.__module__, function.__name__), self.short)
        if name == "channel" and self.entry.setting in CHANNELS:
            own = _Name(doubles.__name__, f"{self.entry.setting.replace('-', '_')}_channel")
        module = _module(own.module)
        if own.name not in module.nodes:
            raise Unsuitable(f"{SETTINGS[self.entry.setting].sentence[:-1]}: that does not fit into a script")
        node = module.nodes[own.name]
        if "loopcheck.kit.examples" in _source(module, node):
            raise Unsuitable("hypothesis makes up what it runs")
        text = _stripped(_source(module, node))
        for tool in re.findall(_TOOL, text):
            self.tool(tool)
        for one in _own_names(text) & self.local:
            text = re.sub(rf"(?<![\w.\"]){one}\b", f"{name}_{one}", text)
        text = self._without_bench(name, text)
        tree = ast.parse(text).body[0]
        assert isinstance(tree, ast.FunctionDef)
        where = _yields(tree)
        if where is None:
            raise _too_large(name)
        piece = _read(module, text, self.local)
        self.needs += piece.uses
        self.imports.update(piece.imports)
        before, value, depth = _before_yield(text, tree, where)
        self.write(f"{before}\n\n" if before.startswith(("def ", "async def ")) else before)
        self.depth += depth
        if not re.fullmatch(r"[\w.]+", value):
            self.write(f"{name} = {value}")
            value = name
        self.bound[name] = value
        self.local |= _own_names(text)

    def _without_bench(self, name: str, text: str) -> str:
        """The text of a tool whose bench is the function around it."""

        def replaced(match: re.Match[str]) -> str:
            return self.tool(match[1])

        text = re.sub(_TOOL, replaced, text)
        text = re.sub(r"bench\.patience", PATIENCE, text)
        text = re.sub(r"bench\.(?:new_loop|factory)", self.factory, text)
        text = re.sub(r" *bench\.loops\.append\(.*\)\n", "", text)
        text = re.sub(r"bench\.setting", repr(self.entry.setting), text)
        text = re.sub(r"bench\.spec", "sys.argv[1]", text)
        if re.search(r"\bbench\b", text.partition("\n")[2]):
            raise _too_large(name)
        return text


def _too_large(tool: str) -> Unsuitable:
    return Unsuitable(f"the tool {tool!r} does not fit into a script")


def _own_names(text: str) -> set[str]:
    """The names that a function binds in its own body."""
    function = symtable.symtable(text, "<tool>", "exec").get_children()[0]
    return {one.get_name() for one in function.get_symbols() if one.is_assigned() and not one.is_parameter()}


def _yields(tree: ast.FunctionDef) -> ast.Expr | None:
    """The one statement that yields, if there is one and it stands in blocks that are run once."""
    found: list[ast.Expr] = []
    every: list[ast.AST] = []

    def look(body: Iterable[ast.stmt]) -> None:
        for one in body:
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Yield):
                found.append(one)
            elif isinstance(one, ast.With | ast.Try):
                look(one.body)

    def count(node: ast.AST) -> None:
        for one in ast.iter_child_nodes(node):
            if isinstance(one, ast.Yield):
                every.append(one)
            if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                count(one)

    look(tree.body)
    count(tree)
    return found[0] if len(found) == len(every) == 1 else None


def _before_yield(text: str, tree: ast.FunctionDef, where: ast.Expr) -> tuple[str, str, int]:
    """What stands before a yield, what it yields, and how many blocks it stands in; what puts a tool away is left out.

    A ``try`` is no block of these: without its ``finally`` there is no need for it.
    """
    lines: list[str] = []
    source = text.splitlines()
    depth = 0
    body: list[ast.stmt] = tree.body
    while True:
        for one in body:
            if one is where:
                assert isinstance(one.value, ast.Yield)
                value = ast.get_source_segment(text, one.value.value) if one.value.value else "None"
                return "\n".join(lines), " ".join((value or "None").split()), depth
            holds = isinstance(one, ast.With | ast.Try) and where in list(ast.walk(one))
            last = one.body[0].lineno - 1 if holds and isinstance(one, ast.With) else one.end_lineno or one.lineno
            if not (holds and isinstance(one, ast.Try)):
                first = min(part.lineno for part in (one, *getattr(one, "decorator_list", [])))
                segment = textwrap.dedent("\n".join(source[first - 1 : last]))
                lines += textwrap.indent(segment, "    " * depth).splitlines()
            if holds:
                assert isinstance(one, ast.With | ast.Try)
                depth += isinstance(one, ast.With)
                body = one.body
                break
        else:
            raise _too_large(tree.name)


def script(entry: Entry, subject: str, *, short: bool = True, look: str = "") -> str:
    """A script that shows what a check shows.

    Its first argument is a loop, as ``MODULE:NAME``; it ends with status 0 if that behaves as the check says, and
    with 1, having said what was expected and observed, if not or if it takes longer than :data:`LIMIT` seconds.
    It waits :data:`PATIENCE`, a name that :func:`with_patience` replaces.

    Args:
        entry: the check, with its function.
        subject: the loop when it has no argument.
        short: whether to use the doubles of the kit.
        look: what of :func:`look_for` looks at what is left behind, if that is what is wrong.

    Raises:
        Unsuitable: none can be made.
    """
    if entry.function is None:
        raise Unsuitable(f"it is not tested: {entry.because}")
    main = _Main(entry, short)
    text = main.build()
    root = _Name(entry.function.__module__, entry.function.__name__)
    closure = _Closure(short)
    for name in (*main.needs, *([_Name(doubles.__name__, one) for one in (look, "equal")] if look else []), root):
        closure.add(name)
    return _put_together(entry, subject, closure, text, main.imports, look)


def _put_together(entry: Entry, subject: str, closure: _Closure, main: str, more: set[str], look: str) -> str:
    imports = {"import faulthandler", "import pkgutil", "import sys", *more}
    texts: list[str] = []
    names: dict[str, _Name] = {}
    *helpers, (_, own) = closure.pieces.items()
    imports.update(own.imports)
    for name, piece in helpers:
        imports.update(piece.imports)
        if piece.text and piece.text not in texts:
            texts.append(piece.text)
            if names.setdefault(name.name, name) != name:
                raise Unsuitable(f"two of its helpers are called {name.name}")
    setting = f" ({SETTINGS[entry.setting].sentence[:-1]})" if entry.setting else ""
    factory = f'pkgutil.resolve_name(sys.argv[1] if sys.argv[1:] else "{subject}")'
    call = f"main({factory})"
    if entry.setting == "other-thread":
        imports.add("import concurrent.futures")
        call = f"concurrent.futures.ThreadPoolExecutor(1).submit(main, {factory}).result()"
    if any("@dataclass" in one or "@dataclasses" in one for one in texts):
        imports.add("from __future__ import annotations")
    sentence = textwrap.fill(f"{entry.sentence[:-1]}{setting}.".replace("\\", "\\\\"), 100)
    head = f'"""{sentence}\n\n{entry.id}, {entry.link}\n"""'
    return "\n".join(
        [
            head,
            *_sorted_imports(imports),
            *_spaced([own.text, main]),
            *(["\n\n# What they use."] if texts else []),
            *_spaced(texts, before="#"),
            "",
            "",
            'if __name__ == "__main__":',
            f"    faulthandler.dump_traceback_later({LIMIT}, exit=True)",
            '    print("expected:", __doc__)',
            *(f"    {line}" for line in _looking(call, look)),
            f"    print({DONE!r})",
            "",
        ]
    )


def _looking(call: str, look: str) -> list[str]:
    """The lines that call the main function, and look at what is left behind then, if they are to."""
    if not look:
        return [call]
    sees = "look()" if look == "Reports" else f"{look}()"
    return [
        *(["look = Reports()"] if look == "Reports" else []),
        *([call] if look in _TWICE else []),
        f"before = {sees}",
        call,
        f"equal({sees}, before, {LEFT!r})",
    ]


def _spaced(texts: Sequence[str], before: str = "") -> Iterator[str]:
    """Pieces with the usual empty lines between them: constants stand together."""
    for text in texts:
        together = "\n" not in text and "\n" not in before and before
        yield text if together else f"\n\n{text}"
        before = text


def _sorted_imports(lines: set[str]) -> list[str]:
    """The lines of imports, in the usual order, names of one module on one line."""
    modules = sorted(line for line in lines if line.startswith("import "))
    by_module: dict[str, set[str]] = {}
    for line in lines - set(modules):
        module, _, name = line.removeprefix("from ").partition(" import ")
        by_module.setdefault(module, set()).add(name)
    rest = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(by_module.items())]
    return (
        [line for line in rest if "__future__" in line] + modules + [line for line in rest if "__future__" not in line]
    )
