"""The OData query options that Graph documents: $filter, $search, $orderby, $select, $top, $skip, $count.

Works on lists of plain dicts as they would be answered. What Graph cannot do with a resource, or what is spelled
wrongly, raises QueryRefused, which becomes a 400.
"""

import operator
import re

from odata_query import ast, exceptions
from odata_query.grammar import ODataLexer, ODataParser

COMPARISONS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FUNCTIONS = {"startswith": str.startswith, "endswith": str.endswith, "contains": str.__contains__}


class QueryRefused(Exception):
    """The query cannot be answered; the text is Graph's message to the caller."""


def filtered(items: list[dict], expression: str | None) -> list[dict]:
    """The items for which a $filter holds. Texts compare without case, as in Graph."""
    if not expression:
        return items
    # Graph spells function names in camel case and accepts `not(...)`; the parser wants lower case and a space.
    expression = re.sub(r"\b(startsWith|endsWith)\(", lambda found: found[0].lower(), expression)
    expression = re.sub(r"\bnot\(", "not (", expression)
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(expression))
        return [item for item in items if _value(tree, item)]
    except (exceptions.ODataException, TypeError, AttributeError) as error:
        raise QueryRefused(f"Invalid filter clause: {expression}") from error


def _value(node, item: dict):
    match node:
        case ast.BoolOp(op=ast.And()):
            return _value(node.left, item) and _value(node.right, item)
        case ast.BoolOp(op=ast.Or()):
            return _value(node.left, item) or _value(node.right, item)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, item)
        case ast.Compare(comparator=ast.In()):
            return _value(node.left, item) in [_value(one, item) for one in node.right.val]
        case ast.Compare():
            left, right = _value(node.left, item), _value(node.right, item)
            if None in (left, right) and not isinstance(node.comparator, ast.Eq | ast.NotEq):
                return False
            return COMPARISONS[type(node.comparator)](left, right)
        case ast.Call():
            text, part = (_value(argument, item) for argument in node.args)
            return text is not None and FUNCTIONS[node.func.name](text, part)
        case ast.CollectionLambda(operator=ast.Any()):
            name, body = node.lambda_.identifier.name, node.lambda_.expression
            return any(_value(body, item | {name: one}) for one in item.get(node.owner.name) or [])
        case ast.Attribute():
            return _folded((_value_of_member(node.owner, item) or {}).get(node.attr))
        case ast.Identifier():
            if node.name not in item:
                raise QueryRefused(f"Could not find a property named '{node.name}'.")
            return _folded(item[node.name])
        case ast.Null():
            return None
        case ast.Boolean():
            return node.val == "true"
        case ast.Integer():
            return int(node.val)
        case ast.String() | ast.DateTime() | ast.Date() | ast.GUID():
            return _folded(node.val)
    raise QueryRefused("Unsupported filter clause.")


def _value_of_member(node, item: dict):
    return item.get(node.name) if isinstance(node, ast.Identifier) else None


def _folded(value):
    return value.lower() if isinstance(value, str) else value


def searched(items: list[dict], expression: str | None) -> list[dict]:
    """The items that match a $search of the form "property:text" (directory objects only)."""
    if not expression:
        return items
    found = re.fullmatch(r'"(\w+):([^"]+)"', expression)
    if not found:
        raise QueryRefused(f"Invalid $search clause: {expression}")
    name, text = found[1], found[2].lower()
    return [item for item in items if text in str(item.get(name) or "").lower()]


def ordered(items: list[dict], expression: str | None) -> list[dict]:
    """The items in $orderby order, e.g. `displayName desc` or `start/dateTime`."""
    for clause in reversed((expression or "").split(",")):
        words = clause.split()
        if not words:
            continue
        if len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
            raise QueryRefused(f"Invalid $orderby clause: {expression}")
        path = words[0].split("/")
        if any(path[0] not in item for item in items):
            raise QueryRefused(f"Could not find a property named '{path[0]}'.")
        items = sorted(items, key=lambda item, path=path: _sortable(item, path), reverse=words[-1] == "desc")
    return items


def _sortable(item: dict, path: list[str]) -> tuple:
    value = item
    for name in path:
        value = (value or {}).get(name)
    return (value is not None, _folded(value) if value is not None else "")


def selected(item: dict, names: list[str] | None, always: tuple[str, ...] = ()) -> dict:
    """The item cut down to $select; annotations (`@odata.…`) and `always` stay."""
    if names is None:
        return item
    return {key: value for key, value in item.items() if key in names or key in always or "@" in key}


def select_names(expression: str | None, known: frozenset[str]) -> list[str] | None:
    """The property names of a $select, None when it was not given. Unknown names are refused as Graph does."""
    if not expression:
        return None
    names = [name.strip() for name in expression.split(",")]
    for name in names:
        if name not in known:
            raise QueryRefused(f"Could not find a property named '{name}' on type 'microsoft.graph.entity'.")
    return names


def whole_number(text: str | None, name: str, least: int, most: int) -> int | None:
    """A $top or $skip value; refused outside its documented bounds."""
    if text is None:
        return None
    if not text.isdecimal() or not least <= int(text) <= most:
        raise QueryRefused(f"Invalid value '{text}' for {name} query option. It must be {least} to {most}.")
    return int(text)
