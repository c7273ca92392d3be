"""The language of templates: values, `if`, and `for` over given lists; nothing else (docs/decisions/0049-templates.md).

Jinja2 parses a template. The tree is compared with what is permitted here before any of it is compiled, so nothing can
call, calculate, count, reach into an object or go on without end, neither when a template is stored nor when an e-mail
is written. What remains is linear in the lists, and a result that becomes too long is cut off by an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from types import MappingProxyType, NoneType
from typing import Any, Final, get_args, get_type_hints

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.texts import Sentence

DEEPEST: Final = 8
"""How deep `if`, `for` and conditions may stand in each other."""
MOST_NODES: Final = 3_000
LONGEST_RESULT: Final = 1_000_000
"""The most characters that one form of a text may have, with all its patients."""


class Leaf(StrEnum):
    """What a single value is."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"


@dataclass(frozen=True)
class SequenceOf:
    """A list of values of one shape."""

    item: Shape


Shape = Leaf | SequenceOf | Mapping[str, "Shape"]
"""What a value of a template is: a single one, a list, or a group of named ones."""
Scope = Mapping[str, Shape]

LOOP: Final[Shape] = MappingProxyType({"first": Leaf.FLAG, "last": Leaf.FLAG, "index": Leaf.NUMBER})
"""What is known inside of `for`."""


def shape_of(kind: Any) -> Shape:
    """The shape of a type: of a data class the group of its fields, of `Sequence[X]` a list, of `str | None` a text."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return {each.name: shape_of(hints[each.name]) for each in fields(kind)}
    inner = [each for each in get_args(kind) if each is not NoneType]
    if NoneType in get_args(kind):
        return shape_of(inner[0])
    return SequenceOf(shape_of(inner[0])) if inner else {str: Leaf.TEXT, int: Leaf.NUMBER, bool: Leaf.FLAG}[kind]


class NotPermitted(ValueError):
    """A template holds what no template may hold; `sentence` says what and in which line."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


class TooLong(ValueError):
    """A text becomes longer than any may be."""


def _environment(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=autoescape,
        undefined=StrictUndefined,
        finalize=lambda value: "" if value is None else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=0,
    )
    for names in (environment.globals, environment.filters, environment.tests):
        names.clear()
    return environment


TEXT: Final = _environment(autoescape=False)
HTML: Final = _environment(autoescape=True)


@dataclass(frozen=True)
class ReadTemplate:
    """A template that holds nothing but what is permitted, ready to be rendered.

    One that is split renders each entry of the list by itself: only so can each patient's part be encrypted apart.
    """

    before: Template
    each: Template | None
    """What is written for each entry of the list that the template is split by."""
    after: Template | None
    item: str
    """What the template calls such an entry."""
    shown: frozenset[str]
    """The values that stand in every result, whatever the conditions: `sender.name`."""
    shown_of_each: frozenset[str]
    """The same for each entry: `reference`."""

    def whole(self, values: Mapping[str, object]) -> str:
        """The text of a template that is not split. Raises `TooLong`."""
        return _rendered(self.before, values)

    def apart(self, values: Mapping[str, object], entries: Sequence[object]) -> tuple[str, list[str], str]:
        """What stands before, for each, and after the entries. Raises `TooLong`."""
        assert self.each is not None  # asked of split templates only
        assert self.after is not None
        parts = [_rendered(self.each, {**values, self.item: entry}) for entry in entries]
        return _rendered(self.before, values), parts, _rendered(self.after, values)


def _rendered(template: Template, values: Mapping[str, object]) -> str:
    parts, length = [], 0
    for part in template.generate(values):
        length += len(part)
        if length > LONGEST_RESULT:
            raise TooLong
        parts.append(part)
    return "".join(parts)


def read(
    source: str, scope: Scope, *, environment: ImmutableSandboxedEnvironment, split_by: str | None = None
) -> ReadTemplate:
    """Returns the template with these values; `split_by` is the list that it writes exactly once, one by one.

    Raises `NotPermitted`.
    """
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as problem:
        raise NotPermitted(Sentence.of("field.template_unreadable", line=problem.lineno)) from None
    except (RecursionError, ValueError, OverflowError):  # a thousand brackets; a number of a thousand digits
        raise NotPermitted(Sentence.of("field.template_too_deep", most=DEEPEST)) from None
    check = _Check(split_by)
    check.statements(tree.body, scope, 0)
    places = [place for place, each in enumerate(tree.body) if check.splits(each)]
    if split_by is None:
        whole = _compiled(environment, tree.body)
        return ReadTemplate(whole, None, None, "", frozenset(check.shown), frozenset())
    if len(places) != 1 or len(check.split) != 1:
        raise NotPermitted(Sentence.of("field.template_not_split", list=split_by))
    place, loop = places[0], check.split[0]
    assert isinstance(loop.target, nodes.Name)
    inside = {path.partition(".")[2] for path in _shown(loop.body) if path.startswith(f"{loop.target.name}.")}
    return ReadTemplate(
        before=_compiled(environment, tree.body[:place]),
        each=_compiled(environment, loop.body),
        after=_compiled(environment, tree.body[place + 1 :]),
        item=loop.target.name,
        shown=frozenset(check.shown),
        shown_of_each=frozenset(inside),
    )


def _compiled(environment: ImmutableSandboxedEnvironment, body: list[nodes.Node]) -> Template:
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(environment)
    return environment.from_string(tree)


def _shown(body: Sequence[nodes.Node]) -> Iterator[str]:
    """The values that these statements write whatever the conditions."""
    for each in body:
        if isinstance(each, nodes.Output):
            yield from (_path(one) for one in each.nodes if isinstance(one, nodes.Name | nodes.Getattr))


def _path(expression: nodes.Node) -> str:
    if isinstance(expression, nodes.Getattr):
        return f"{_path(expression.node)}.{expression.attr}"
    return expression.name if isinstance(expression, nodes.Name) else ""


@dataclass
class _Check:
    """Goes through a template and raises `NotPermitted` at the first thing that no template may hold."""

    split_by: str | None
    split: list[nodes.For] = field(default_factory=list)
    """Where the template goes through the list that it is split by."""
    shown: set[str] = field(default_factory=set)
    _nodes: int = 0

    def splits(self, statement: nodes.Node) -> bool:
        """Whether this statement goes through the list that the template is split by."""
        return any(statement is each for each in self.split)

    def statements(self, body: Sequence[nodes.Node], scope: Scope, depth: int, item: str | None = None) -> None:
        """Check what stands beside each other; `item` is the entry of the innermost `for`."""
        if depth == 0:
            self.shown |= set(_shown(body))
        for each in body:
            self._count(depth)
            if isinstance(each, nodes.Output):
                self._output(each, scope, depth)
            elif isinstance(each, nodes.If):
                self._if(each, scope, depth, item)
            elif isinstance(each, nodes.For):
                self._for(each, scope, depth, item)
            else:
                raise NotPermitted(Sentence.of("field.template_not_permitted", line=each.lineno))

    def _count(self, depth: int) -> None:
        self._nodes += 1
        if depth > DEEPEST or self._nodes > MOST_NODES:
            raise NotPermitted(Sentence.of("field.template_too_deep", most=DEEPEST))

    def _output(self, output: nodes.Output, scope: Scope, depth: int) -> None:
        for each in output.nodes:
            self._count(depth)
            if not isinstance(each, nodes.TemplateData) and not isinstance(self._value(each, scope, depth), Leaf):
                raise NotPermitted(Sentence.of("field.template_no_single_value", line=each.lineno))

    def _if(self, statement: nodes.If, scope: Scope, depth: int, item: str | None) -> None:
        self._condition(statement.test, scope, depth + 1)
        for body in (statement.body, statement.else_):
            self.statements(body, scope, depth + 1, item)
        for each in statement.elif_:
            self._count(depth)
            self._condition(each.test, scope, depth + 1)
            self.statements(each.body, scope, depth + 1, item)

    def _condition(self, condition: nodes.Node, scope: Scope, depth: int) -> None:
        self._count(depth)
        match condition:
            case nodes.Not(node=inner):
                self._condition(inner, scope, depth + 1)
            case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
                self._condition(left, scope, depth + 1)
                self._condition(right, scope, depth + 1)
            case nodes.Compare(expr=value, ops=[nodes.Operand(op=sign, expr=nodes.Const(value=constant))]):
                self._comparison(value, sign, constant, scope, depth)
            case _:
                self._value(condition, scope, depth)

    def _comparison(self, value: nodes.Node, sign: str, constant: object, scope: Scope, depth: int) -> None:
        """A number is compared with a number, a text is or is not another one; nothing else can be compared."""
        shape = self._value(value, scope, depth)
        is_number = shape == Leaf.NUMBER and type(constant) is int
        is_text = shape == Leaf.TEXT and isinstance(constant, str) and sign in ("eq", "ne")
        if not (is_text or (is_number and sign in ("eq", "ne", "lt", "lteq", "gt", "gteq"))):
            raise NotPermitted(Sentence.of("field.template_not_permitted", line=value.lineno))

    def _for(self, loop: nodes.For, scope: Scope, depth: int, item: str | None) -> None:
        shape = self._value(loop.iter, scope, depth)
        if not isinstance(shape, SequenceOf) or not isinstance(loop.target, nodes.Name) or loop.test or loop.recursive:
            raise NotPermitted(Sentence.of("field.template_no_list", line=loop.lineno))
        if loop.target.name in {*scope, "loop"}:
            raise NotPermitted(Sentence.of("field.template_name_taken", line=loop.lineno))
        if item is not None and not _path(loop.iter).startswith(f"{item}."):
            raise NotPermitted(Sentence.of("field.template_nested_for", line=loop.lineno))
        inside = {**scope, loop.target.name: shape.item, "loop": LOOP}
        if self.split_by is not None and _path(loop.iter) == self.split_by:
            if depth or loop.else_:
                raise NotPermitted(Sentence.of("field.template_not_split", list=self.split_by))
            self.split.append(loop)
            del inside["loop"]  # each entry is written by itself
        self.statements(loop.body, inside, depth + 1, loop.target.name)
        self.statements(loop.else_, scope, depth + 1, item)

    def _value(self, expression: nodes.Node, scope: Scope, depth: int) -> Shape:
        """The shape of a value by its path: `patient.reference`."""
        self._count(depth)
        if isinstance(expression, nodes.Name):
            return _member(scope, expression.name, expression.lineno)
        if isinstance(expression, nodes.Getattr):
            return _member(self._value(expression.node, scope, depth + 1), expression.attr, expression.lineno)
        raise NotPermitted(Sentence.of("field.template_not_permitted", line=expression.lineno))


def _member(group: Shape, name: str, line: int) -> Shape:
    if isinstance(group, Mapping) and name in group:
        return group[name]
    known = sorted(group) if isinstance(group, Mapping) else []
    if not known:
        raise NotPermitted(Sentence.of("field.template_not_permitted", line=line))
    raise NotPermitted(Sentence.of("field.template_unknown_value", line=line, values=known))
