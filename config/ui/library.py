"""How our components become template tags: they name the attributes they know when they meet one they do not."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from django import template
from django.template import TemplateSyntaxError

register = template.Library()


def component(function: Callable | None = None, *, block: bool = False, takes_context: bool = False):
    """Register `function` as the template tag of its name; `block` tags end with `end` + that name.

    A misspelt attribute stops the template at its first load, with the list of attributes that exist:
    a page never shows a component that silently lost half of what it was told.
    """

    def decorate(function: Callable) -> Callable:
        name = function.__name__
        add = register.simple_block_tag if block else register.simple_tag
        add(takes_context=takes_context)(function)
        known = [p for p in inspect.signature(function).parameters if p not in ("context", "content")]
        compile_tag = register.tags[name]

        def compile_kindly(parser, token):
            try:
                return compile_tag(parser, token)
            except TemplateSyntaxError as error:
                if str(error).startswith(f"'{name}' "):
                    raise TemplateSyntaxError(f"{error}. {{% {name} %}} knows: {', '.join(known)}.") from None
                raise

        register.tags[name] = compile_kindly
        return function

    return decorate(function) if function else decorate
