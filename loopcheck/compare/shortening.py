"""Shorter scripts out of one: what still shows the same without a statement, an argument or a function of its own.

Each rule knows places where a script can be made shorter. Whether it then still shows what it should is tried out, so
a rule need not be right: it only has to be right often enough.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import functools
import io
import itertools
import re
import time
import tokenize
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

WIDTH = 100
"""Letters of a line."""

Edit = Callable[[], object]
"""Makes a tree smaller, in its place; False if there was nothing to be done, and the tree is as it was."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def shortened(
    text: str,
    shows: Callable[[str], bool],
    seconds: float,
    *,
    keen: bool = True,
    reached: Callable[[str], Collection[int]] | None = None,
) -> str:
    """The shortest script that is found on the way from one.

    Args:
        text: the first.
        shows: whether a script shows what it should.
        seconds: how long shorter ones are tried.
        keen: whether to leave out also what the script does; else it does the same in fewer lines.
        reached: the numbers of the lines of a script that are run.
    """
    until = time.monotonic() + seconds
    best = laid_out(ast.parse(text))
    if not shows(best):
        return text
    if reached is not None:
        lines = frozenset(reached(best))
        for wanted in (_named, _mentioned, None):
            smaller = laid_out(_mended(_without_idle(ast.parse(best), lines, wanted)))
            if shows(smaller):
                best = smaller
                break
    before = ""
    while before != best and time.monotonic() < until:
        before = best
        for rule in (*_SAME, *(_LESS if keen else ())):
            best = _exhausted(rule, _AT_ONCE if rule in _SAME else 1, best, shows, until)
    return best


def length(text: str) -> int:
    """The lines of a script that are not empty."""
    return sum(bool(line.strip()) for line in text.splitlines())


def _exhausted(rule: _Rule, at_once: int, text: str, shows: Callable[[str], bool], until: float) -> str:
    """Apply a rule wherever that leaves a script that shows what it should, in so many places with one trial."""
    at, most = 0, at_once
    while time.monotonic() < until:
        smaller, next_at = text, at
        for _ in range(at_once):
            smaller, next_at = _once(rule, smaller, next_at)
        if smaller == text:
            break
        if shows(smaller):
            text, at, at_once = smaller, next_at, min(2 * at_once, most)
        elif at_once > 1:
            at_once //= 4
        else:
            at = next_at + 1
    return text


def _once(rule: _Rule, text: str, at: int) -> tuple[str, int]:
    """A script after the next edit of a rule that makes it shorter, and the number of that; else the same script."""
    whole = _lacks_of(text)
    while True:
        tree = ast.parse(text)
        for number, edit in enumerate(itertools.islice(rule(tree), at, None), at):
            if edit() is not False:
                at = number
                break
        else:
            return text, at
        if _lacks(_mended(tree)) <= whole:
            smaller = laid_out(tree)
            if (length(smaller), len(smaller)) < (length(text), len(text)) or (rule in _SPREADING and smaller != text):
                return smaller, at
        at += 1


@functools.lru_cache(4)
def _lacks_of(text: str) -> set[str]:
    return _lacks(ast.parse(text))


def _lacks(tree: ast.Module) -> set[str]:
    """The names, and the attributes of ``self``, that it uses and does not make."""
    made, used = set(dir(builtins)), set()
    for node in _walk(tree):
        if not isinstance(node, _NAMING):
            continue
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Load()):
                used.add(f".{name}")
            case ast.Name(id=name) | ast.arg(arg=name):
                made.add(name)
            case ast.Attribute(attr=name):
                made.add(f".{name}")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                made |= {name, f".{name}"}
            case ast.alias(name=name, asname=other):
                made.add(other or name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)):
                made.add(name)
    return used - made


_NAMING = (
    ast.Name,
    ast.Attribute,
    ast.arg,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.alias,
    ast.ExceptHandler,
)
"""What uses or makes a name."""


def _mended(tree: ast.Module) -> ast.Module:
    """A tree again whose blocks are not empty, and that imports what it uses."""
    for body in _bodies(tree):
        body[:] = [one for one in body if not isinstance(one, ast.Pass)]
        for node in body:
            node.lineno = getattr(node, "lineno", 0)  # what makes a text of it wants one
    for body in _bodies(tree):
        for node in [one for one in body if isinstance(one, ast.Try) and not one.handlers]:
            at = body.index(node)
            if not node.finalbody:
                body[at : at + 1] = [*node.body, *node.orelse]
    used = {node.id for node in _walk(tree) if isinstance(node, ast.Name)}
    for body in _bodies(tree):
        for imports in [one for one in body if isinstance(one, ast.Import | ast.ImportFrom)]:
            imports.names = [one for one in imports.names if (one.asname or one.name.partition(".")[0]) in used]
            if not imports.names:
                body.remove(imports)
    for parent in _walk(tree):
        if getattr(parent, "body", None) == [] and not isinstance(parent, ast.Module):
            parent.body = [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _calls(test: ast.expr) -> list[ast.stmt]:
    """What remains of a test of which nobody asks what came of it: nothing if it calls nothing."""
    return [ast.Expr(test)] if any(isinstance(one, ast.Call | ast.Await) for one in _walk(test)) else []


def _without_idle(
    tree: ast.Module, lines: frozenset[int], wanted: Callable[[ast.AST], Collection[str]] | None
) -> ast.Module:
    """A tree without what is not run.

    Args:
        tree: is changed.
        lines: the numbers of the lines that are run.
        wanted: the names in a tree of which functions stay, empty, although they are not called; None for all.
    """
    idle: set[Any] = set()

    def runs(nodes: Sequence[ast.stmt]) -> bool:
        return any(lines.intersection(range(node.lineno, (node.end_lineno or 0) + 1)) for node in nodes)

    for body in _bodies(tree):
        kept: list[Any] = []
        for node in body:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() if not runs(node.body):
                    node.body = []
                    idle.add(node)
                    kept.append(node)
                case ast.If() if not runs(node.body):
                    kept += node.orelse if runs(node.orelse) else _calls(node.test)
                case ast.If() if node.orelse and not runs(node.orelse):
                    kept += node.body
                case ast.Global() | ast.Nonlocal() | ast.Pass() | ast.ExceptHandler() | ast.match_case():
                    kept.append(node)
                case _ if _is_text(node) or runs([node]):
                    kept.append(node)
        body[:] = kept
    if wanted is not None:
        said = wanted(tree)
        for body in _bodies(tree):
            body[:] = [node for node in body if node not in idle or node.name in said]
    return tree


# How it looks.


def laid_out(tree: ast.Module) -> str:
    """The text of a tree, in lines that are not too long."""
    lines: list[str] = []
    for at, node in enumerate(tree.body):
        text = ast.unparse(ast.Module([node], [])).splitlines()
        if at and (isinstance(node, _BLOCKS) or isinstance(tree.body[at - 1], _BLOCKS)):
            lines += ["", ""]
        for line in text if _is_text(node) else itertools.chain.from_iterable(map(_folded, text)):
            if line.strip() or not lines[-1].endswith(":"):
                lines.append(line)
        if not at and _is_text(node):
            lines.append("")
    return "\n".join(lines) + "\n"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What stands between empty lines."""


def _folded(line: str) -> list[str]:
    """A line that is too long, with what stands in the brackets that open last in lines of their own."""
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    tokens = []
    with contextlib.suppress(tokenize.TokenError, IndentationError):  # a block begins, and its body is missing
        inside = 0  # an f-string, in which only newer Pythons let lines end
        for token in tokenize.generate_tokens(io.StringIO(line.strip()).readline):
            inside += tokenize.tok_name[token.type] == "FSTRING_START"
            if not inside:
                tokens.append(token)
            inside -= tokenize.tok_name[token.type] == "FSTRING_END"
    depth = 0
    opened: list[int] = []
    cuts: list[list[int]] = []
    for token in tokens:
        if token.string in (")", "]", "}") and token.type == tokenize.OP:
            depth -= 1
        if depth == 1 and token.string == "," and token.type == tokenize.OP:
            cuts[-1].append(token.end[1])
        if token.string in ("(", "[", "{") and token.type == tokenize.OP:
            if not depth:
                opened.append(token.end[1])
                cuts.append([])
            depth += 1
    bare = line.strip()
    for start, commas in reversed(list(zip(opened, cuts, strict=True))):
        if start + len(indent) > WIDTH or len(bare) - start < 20:
            continue
        folded = [line[: len(indent) - 4] + bare[:start], indent]
        for begin, end in zip([start, *commas], [*commas, len(bare)], strict=True):
            part = bare[begin:end].strip()
            if len(folded[-1]) + len(part) > WIDTH and folded[-1].strip():
                folded.append(indent)
            folded[-1] += part if not folded[-1].strip() else f" {part}"
        return folded
    return [line]


# What there is in a tree.


def _bodies(tree: ast.AST) -> list[list[Any]]:
    """All its blocks, from the outside to the inside."""
    found: list[list[Any]] = []
    rest = [tree]
    for node in rest:  # which grows meanwhile; what is no statement has no block
        for name in ("body", "orelse", "handlers", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                found.append(block)
                rest += block
        rest += getattr(node, "cases", ())
    return found


def _walk(tree: ast.AST) -> list[ast.AST]:
    """Its nodes, as _walk() gives them, in a third of the time."""
    rest = [tree]
    for node in rest:  # which grows meanwhile
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                if value._fields:  # else it is an operator, or says that a name is read
                    rest.append(value)
            elif type(value) is list:
                rest += [one for one in value if isinstance(one, ast.AST)]
    return rest


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, Callable[[Any], None]]]:
    """Its expressions, each with what puts another one in its place."""
    for parent in _walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.expr):
                yield value, lambda new, parent=parent, name=name: setattr(parent, name, new)  # type: ignore[misc]
            elif isinstance(value, list):
                for at, one in enumerate(value):
                    if isinstance(one, ast.expr):
                        yield one, lambda new, value=value, at=at: value.__setitem__(at, new)  # type: ignore[misc]


def _named(tree: ast.AST) -> set[str]:
    """The names in it that stand for themselves."""
    return {node.id for node in _walk(tree) if isinstance(node, ast.Name)}


def _mentioned(tree: ast.AST) -> Counter[str]:
    """How often it says a name, in whatever way, but for the places that make it."""
    said: Counter[str] = Counter()
    for node in _walk(tree):
        if isinstance(node, ast.Name):
            said[node.id] += 1
        elif isinstance(node, ast.Attribute):
            said[node.attr] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            said[node.value] += 1
        elif isinstance(node, ast.keyword) and node.arg:
            said[node.arg] += 1
    return said


class _Names(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, instead: dict[str, ast.expr]) -> None:
        self.instead = instead

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Put it there."""
        new = self.instead.get(node.id)
        if new is None:
            return node
        if isinstance(node.ctx, ast.Store):
            return ast.Name(new.id, ast.Store()) if isinstance(new, ast.Name) else node
        return new

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        """Put it there; a text in a text becomes a part of it."""
        self.generic_visit(node)
        values: list[ast.expr] = []
        for part in node.values:
            match part:
                case ast.FormattedValue(value=ast.JoinedStr(values=inner), conversion=-1, format_spec=None):
                    values += inner
                case ast.FormattedValue(value=ast.Constant(value=str()) as inner, conversion=-1, format_spec=None):
                    values.append(inner)
                case _:
                    values.append(part)
        node.values = values
        return node


# The rules.

_Rule = Callable[[ast.Module], Iterator[Edit]]


def _unused(tree: ast.Module) -> Iterator[Edit]:
    """All functions, classes and methods that nothing needs which is run, as far as their names tell."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    own = {node.name for node in classes}
    needed: set[ast.AST] = set()
    said: set[str] = set()

    def need(node: ast.AST, *parts: ast.AST) -> None:
        needed.add(node)
        said.update(*(_mentioned(part) for part in parts or [node]))

    for node in tree.body:
        if not isinstance(node, _Function | ast.ClassDef):
            need(node)
    before = -1
    while before != (before := len(needed)):
        for node in tree.body:
            if node in needed or getattr(node, "name", "") not in said:
                continue
            others = [one for one in node.body if not isinstance(one, _Function)] if node in classes else []
            need(node, *([*node.bases, *node.decorator_list, *others] if node in classes else [node]))
        for node in classes:
            # Python, or what a class is derived from, calls some methods that nobody else names.
            bases = {ast.unparse(base) for base in node.bases} - own
            foreign = any(not re.fullmatch(r"asyncio\.\w*Protocol", base) for base in bases)
            for method in [one for one in node.body if isinstance(one, _Function) and node in needed]:
                called = foreign or method.name.startswith("__") or (bases and method.name in _CALLED)
                if method not in needed and (called or method.name in said):
                    need(method)

    def edit() -> None:
        for body in [tree.body, *(node.body for node in classes)]:
            body[:] = [one for one in body if not isinstance(one, _Function | ast.ClassDef) or one in needed]

    yield edit


def _statements(tree: ast.Module) -> Iterator[Edit]:
    """Statements: all of a block, half of them, ... one of them."""
    bodies = _bodies(tree)
    size = 1 << max(map(len, bodies)).bit_length()
    while size:
        for body in bodies:
            first = 1 if body is tree.body else 0  # a script says what it is about
            if len(body) - first > size // 2:
                for start in range(first, len(body), size):
                    yield lambda body=body, start=start, size=size: body.__setitem__(  # type: ignore[misc]
                        slice(start, start + size), []
                    )
        size //= 2


def _blocks(tree: ast.Module) -> Iterator[Edit]:
    """What stands in a block takes its place."""
    for body in _bodies(tree):
        for at, node in enumerate(body):
            for inside in _insides(node):
                yield lambda body=body, at=at, inside=inside: body.__setitem__(slice(at, at + 1), inside)  # type: ignore[misc]
            if isinstance(node, ast.With | ast.AsyncWith) and len(node.items) > 1:
                for one in node.items:
                    yield lambda node=node, one=one: node.items.remove(one)  # type: ignore[misc]


def _waits(node: ast.AST) -> bool:
    return isinstance(node, ast.Await) or (isinstance(node, ast.Attribute) and node.attr == "run_until_complete")


def _insides(node: ast.AST) -> Iterator[list[ast.stmt]]:
    match node:
        case ast.For() | ast.While() if any(_waits(one) for one in _walk(node)):
            pass  # to wait once only would be to trust in luck
        case ast.If() | ast.For() | ast.While():
            yield node.body
            if node.orelse:
                yield node.orelse
        case ast.Try():
            yield node.body
            yield [*node.body, *node.orelse, *node.finalbody]
        case ast.With() | ast.AsyncWith():
            yield node.body
            match node.items:
                case [ast.withitem(context_expr=value, optional_vars=ast.Name() as name)]:
                    yield [ast.Assign([name], value), *node.body]


def _expressions(tree: ast.Module) -> Iterator[Edit]:
    """Arguments, and parts of expressions of which one is enough."""
    for node, put in _places(tree):
        match node:
            case ast.Call(args=arguments, keywords=keywords):
                for one in keywords:
                    yield lambda keywords=keywords, one=one: keywords.remove(one)  # type: ignore[misc]
                if arguments:
                    yield lambda arguments=arguments: arguments.pop()  # type: ignore[misc]
            case ast.BoolOp(values=values):
                for value in values:
                    yield lambda put=put, value=value: put(value)  # type: ignore[misc]
            case ast.IfExp(body=one, orelse=other):
                yield lambda put=put, one=one: put(one)  # type: ignore[misc]
                yield lambda put=put, other=other: put(other)  # type: ignore[misc]


def _parameters(tree: ast.Module) -> Iterator[Edit]:
    """Parameters that get the same wherever their function is called, or that it does not use."""
    for owner in _walk(tree):
        for function in [node for node in ast.iter_child_nodes(owner) if isinstance(node, _Function)]:
            if function.name in _CALLED:
                continue
            given = function.args
            is_method = isinstance(owner, ast.ClassDef)
            known = owner.name if isinstance(owner, ast.ClassDef) and function.name == "__init__" else function.name
            for one in [*[*given.posonlyargs, *given.args][is_method:], *given.kwonlyargs]:
                yield lambda known=known, f=function, one=one, m=is_method: _without(tree, known, f, one, m)  # type: ignore[misc]
            for name in ("vararg", "kwarg"):
                if getattr(given, name) is not None:
                    yield lambda given=given, name=name: setattr(given, name, None)  # type: ignore[misc]


def _is_known_everywhere(tree: ast.Module, value: ast.expr | None) -> bool:
    """Whether an expression is the name of something of the module, and of nothing else."""
    parameters = {node.arg for node in _walk(tree) if isinstance(node, ast.arg)}
    return isinstance(value, ast.Name) and value.id in _own_names(tree) - parameters


_CALLED = frozenset(
    name
    for kind in (asyncio.Protocol, asyncio.BufferedProtocol, asyncio.DatagramProtocol, asyncio.SubprocessProtocol)
    for name in dir(kind)
    if name != "__init__"
)
"""Methods that loops call, and so with all their parameters."""


def _without(tree: ast.Module, known: str, function: _Function, one: ast.arg, is_method: bool) -> bool:
    """Take a parameter out of a function, and what is given for it out of its calls; whether that may be."""
    given = function.args
    every = [*given.posonlyargs, *given.args]
    at = every.index(one) - is_method if one in every else None
    calls = [node for node in _walk(tree) if isinstance(node, ast.Call) and _called(node) == known]
    values = [_argument(call, one.arg, at) or _default(given, one) for call in calls]
    used = any(isinstance(node, ast.Name) and node.id == one.arg for node in _walk(function))
    same = values and len({value and ast.unparse(value) for value in values}) == 1
    plain = same and (isinstance(values[0], ast.Constant) or _is_known_everywhere(tree, values[0]))
    if plain or not used:
        _bind(function, one, calls, at, values[0] if plain else None)
    return bool(plain or not used)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", "") or getattr(call.func, "attr", "")


def _argument(call: ast.Call, name: str, at: int | None) -> ast.expr | None:
    """What a call gives for a parameter."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[at] if at is not None and at < len(call.args) else None


def _default(given: ast.arguments, one: ast.arg) -> ast.expr | None:
    every = [*given.posonlyargs, *given.args]
    if one in given.kwonlyargs:
        return given.kw_defaults[given.kwonlyargs.index(one)]
    at = every.index(one) - len(every)
    return given.defaults[at] if -at <= len(given.defaults) else None


def _bind(function: _Function, one: ast.arg, calls: Sequence[ast.Call], at: int | None, value: ast.expr | None) -> None:
    """Take a parameter out of a function, and what is given for it out of its calls."""
    given = function.args
    for call in calls:
        call.keywords[:] = [keyword for keyword in call.keywords if keyword.arg != one.arg]
        if at is not None and at < len(call.args):
            del call.args[at]
    default = _default(given, one)
    if one in given.kwonlyargs:
        del given.kw_defaults[given.kwonlyargs.index(one)]
    elif default is not None:
        given.defaults.remove(default)
    for several in (given.posonlyargs, given.args, given.kwonlyargs):
        if one in several:
            several.remove(one)
    if value is not None:
        function.body[:] = [_Names({one.arg: value}).visit(node) for node in function.body]


def _variables(tree: ast.Module) -> Iterator[Edit]:
    """Variables that are used once: at once, or with a value that is the same at any time."""
    for scope in [tree, *(node for node in _walk(tree) if isinstance(node, _Function))]:
        uses = Counter(node.id for node in _walk(scope) if isinstance(node, ast.Name))
        for body in _bodies(scope):
            for at, node in enumerate(body):
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value) if uses[name] == 2 and (
                        isinstance(value, ast.Constant) or _is_used_in(body[at + 1 : at + 2], name)
                    ):
                        yield lambda scope=scope, body=body, node=node, new={name: value}: (  # type: ignore[misc]
                            body.remove(node),
                            _Names(new).visit(scope),
                        )


def _is_used_in(following: Sequence[ast.AST], name: str) -> bool:
    """Whether a name is used in a statement, once and at once."""
    rest: list[ast.AST] = [one for one in following if not isinstance(one, ast.While | ast.For | ast.ClassDef)]
    while rest:
        node = rest.pop()
        if isinstance(node, ast.Name) and node.id == name:
            return True
        if not isinstance(node, _Function | ast.Lambda | ast.comprehension):
            rest += ast.iter_child_nodes(node)
    return False


def _attributes(tree: ast.Module) -> Iterator[Edit]:
    """Attributes that are set once, to what is the same in every run."""
    stored = Counter(
        node.attr for node in _walk(tree) if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
    )
    for body in _bodies(tree):
        for node in body:
            match node:
                case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Constant()) if stored[name] == 1:
                    yield lambda body=body, node=node, name=name: _set(tree, body, node, name)  # type: ignore[misc]


def _set(tree: ast.Module, body: list[Any], node: ast.Assign, name: str) -> None:
    """Put the value of an attribute in the place of the attribute."""
    body.remove(node)
    for one, put in list(_places(tree)):
        if isinstance(one, ast.Attribute) and one.attr == name:
            put(node.value)
    _Names({}).visit(tree)  # a text in a text becomes a part of it


def _choices(tree: ast.Module) -> Iterator[Edit]:
    """Branches that are not taken, as what decides is known."""

    def edit() -> None:
        for one, put in list(_places(tree)):
            if isinstance(one, ast.IfExp) and (decided := _decided(one.test)) is not None:
                put(one.body if decided else one.orelse)
        for body in _bodies(tree):
            for at in reversed(range(len(body))):
                node = body[at]
                if isinstance(node, ast.If) and (decided := _decided(node.test)) is not None:
                    body[at : at + 1] = node.body if decided else node.orelse

    yield edit


def _decided(test: ast.expr) -> bool | None:
    """What a comparison of values comes to; None where other things are compared."""
    match test:
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            try:
                one, other = ast.literal_eval(left), ast.literal_eval(right)
            except ValueError:
                return None
            if isinstance(operation, ast.Eq):
                return bool(one == other)
            return one in other if isinstance(operation, ast.In) else None
        case ast.Constant(value=value):
            return bool(value)
    return None


def _functions(tree: ast.Module) -> Iterator[Edit]:
    """Functions that are called once: what they do takes the place of the call."""
    said = _mentioned(tree)
    for home in _bodies(tree):
        for function in [node for node in home if isinstance(node, _Function) and said[node.name] == 1]:
            yield from _expression(tree, home, function)
            for body in _bodies(tree):
                for at, node in enumerate(body):
                    if _call_of(node, function.name) is not None:
                        yield lambda home=home, f=function, body=body, at=at: _paste(tree, home, f, body, at)  # type: ignore[misc]


def _expression(tree: ast.Module, home: list[Any], function: _Function) -> Iterator[Edit]:
    """In the place of the call, what a function returns that does nothing else."""
    match function.body:
        case [ast.Return(value=ast.expr() as value)]:
            for node, put in _places(tree):
                call = (
                    node.value if isinstance(node, ast.Await) and isinstance(function, ast.AsyncFunctionDef) else node
                )
                if isinstance(call, ast.Call) and _called(call) == function.name:
                    arguments = _arguments(function, call)
                    if arguments is not None:

                        def edit(put: Any = put, arguments: Any = arguments) -> None:
                            put(_Names(arguments).visit(value))
                            home.remove(function)

                        yield edit


def _arguments(function: _Function, call: ast.Call) -> dict[str, ast.expr] | None:
    """What a call gives for the parameters of a function, by name; None if that cannot be told."""
    given = function.args
    if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
        return None
    every = [*given.posonlyargs, *given.args]
    arguments: dict[str, ast.expr] = {}
    if every and every[0].arg == "self" and isinstance(call.func, ast.Attribute):
        arguments["self"] = call.func.value
        every = every[1:]
    for at, one in enumerate(every):
        value = _argument(call, one.arg, at) or _default(given, one)
        if value is None:
            return None
        arguments[one.arg] = value
    for one in given.kwonlyargs:
        value = _argument(call, one.arg, None) or _default(given, one)
        if value is None:
            return None
        arguments[one.arg] = value
    if given.vararg:
        arguments[given.vararg.arg] = ast.Tuple(call.args[len(every) :], ast.Load())
    if given.kwarg:
        named = [one for one in call.keywords if one.arg not in arguments]
        arguments[given.kwarg.arg] = ast.Dict([ast.Constant(one.arg) for one in named], [one.value for one in named])
    return arguments


def _call_of(node: ast.AST, name: str) -> ast.Call | None:
    """The call of a function of which a statement consists, but for what becomes of its value."""
    match node:
        case ast.Expr(value=value) | ast.Assign(value=value) | ast.Return(value=value):
            pass
        case (
            ast.With(items=[ast.withitem(context_expr=value)]) | ast.AsyncWith(items=[ast.withitem(context_expr=value)])
        ):
            pass
        case _:
            return None
    call = value.value if isinstance(value, ast.Await) else value
    return call if isinstance(call, ast.Call) and _called(call) == name else None


def _paste(tree: ast.Module, home: list[Any], function: _Function, body: list[Any], at: int) -> bool:
    """Put the statements of a function in the place of the statement that calls it; whether that can be."""
    statement = body[at]
    call = _call_of(statement, function.name)
    arguments = _arguments(function, call) if call is not None else None
    if arguments is None:
        return False
    scopes = [node for node in _walk(tree) if isinstance(node, _Function) and any(body is one for one in _bodies(node))]
    taken = _own_names(scopes[-1] if scopes else tree)
    stored = {n.id for n in _walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    instead: dict[str, ast.expr] = {}
    before: list[ast.stmt] = []
    for name, value in arguments.items():
        uses = sum(isinstance(node, ast.Name) and node.id == name for node in _walk(function))
        if name not in stored and (isinstance(value, ast.Name | ast.Constant) or uses <= 1):
            instead[name] = value
        else:
            new = f"{name}_" if name in taken else name
            before.append(ast.Assign([ast.Name(new, ast.Store())], value))
            instead[name] = ast.Name(new, ast.Load())
    for name in (stored - arguments.keys() - {"_"}) & taken:
        instead[name] = ast.Name(f"{name}_", ast.Load())
    pasted = [_Names(instead).visit(node) for node in function.body if not isinstance(node, ast.Nonlocal)]
    home_at = home.index(function)
    if isinstance(statement, ast.With | ast.AsyncWith):
        if not _around(pasted, statement):
            return False
    elif pasted and isinstance(pasted[-1], ast.Return):
        value = pasted.pop().value or ast.Constant(None)
        match statement:
            case ast.Assign():
                pasted.append(ast.Assign(statement.targets, value))
            case ast.Return():
                pasted.append(ast.Return(value))
            case _:
                pasted.append(ast.Expr(value))
    body[at : at + 1] = [*before, *pasted]
    if home is body and home_at > at:
        home_at += len(before) + len(pasted) - 1
    del home[home_at]
    return True


def _own_names(scope: ast.AST) -> set[str]:
    """The names that stand in a function or module itself, not only in functions inside of it."""
    names: set[str] = set()
    rest = list(ast.iter_child_nodes(scope))
    while rest:
        node = rest.pop()
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
                continue
            case ast.alias(name=name):
                names.add(name.partition(".")[0])
        rest += ast.iter_child_nodes(node)
    return names


def _around(pasted: list[Any], statement: ast.With | ast.AsyncWith) -> bool:
    """Put what a ``with`` statement does in the place of the ``yield`` of its context manager."""
    for block in _bodies(ast.Module(pasted, [])):
        for at, node in enumerate(block):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield):
                name = statement.items[0].optional_vars
                value = node.value.value or ast.Constant(None)
                inner = pasted if block == pasted else block
                inner[at : at + 1] = [*([ast.Assign([name], value)] if name is not None else []), *statement.body]
                return True
    return False


def _classes(tree: ast.Module) -> Iterator[Edit]:
    """Classes of which there is nothing but one that is derived from them: both become one."""
    said = _mentioned(tree)
    every = {node.name: node for node in _walk(tree) if isinstance(node, ast.ClassDef)}
    for node in every.values():
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in every and said[base.id] == 1:
                yield lambda node=node, base=base, old=every[base.id]: _merge(tree, node, base, old)  # type: ignore[misc]


def _merge(tree: ast.Module, node: ast.ClassDef, base: ast.Name, old: ast.ClassDef) -> None:
    own = {one.name: one for one in node.body if isinstance(one, _Function)}
    others = {one.name: one for one in old.body if isinstance(one, _Function)}
    for method in own.values():
        for body in _bodies(method):
            for at, one in enumerate(body):
                match one:
                    case ast.Expr(
                        value=ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name)) as call
                    ) if name in others:
                        call.func = ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())
                        _paste(tree, [others[name]], others[name], body, at)
    node.body = [*(one for one in old.body if getattr(one, "name", "") not in own), *node.body]
    node.bases.remove(base)
    known = {ast.unparse(one) for one in node.bases}
    node.bases += [one for one in old.bases if ast.unparse(one) not in known]
    next(body for body in _bodies(tree) if old in body).remove(old)


_SAME: tuple[_Rule, ...] = (_unused, _parameters, _attributes, _choices, _unused, _classes, _functions, _variables)
"""The rules after which a script does the same: they seldom go wrong."""

_SPREADING: tuple[_Rule, ...] = (_parameters, _attributes)
"""The rules that may make a script longer at first, and then let others decide what is known."""

_LESS: tuple[_Rule, ...] = (_statements, _blocks, _expressions)
"""The rules after which it does less."""

_AT_ONCE = 16
"""In how many places a rule that seldom goes wrong is applied with one trial."""
