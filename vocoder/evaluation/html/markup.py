"""HTML that is escaped by construction: what is not made by `element` is text."""

from collections.abc import Iterable
from html import escape

VOID = ("img", "meta")


class Markup(str):
    """HTML that is ready: `element` takes it as it stands, and escapes every other string."""


Child = str | Iterable[str]


def element(tag: str, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """One element with its children, strings or sequences of them, in order.

    An attribute is written as HTML has it, after "_" became "-" and a last "_" was dropped (`class_`,
    `aria_label`); True stands alone, None and False are left out.

    >>> element("td", "a < b", class_="best")
    '<td class="best">a &lt; b</td>'
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    start = f"<{tag}{written}>"
    return Markup(start if tag in VOID else f"{start}{markup(*children)}</{tag}>")


def markup(*children: Child) -> Markup:
    """The children one after the other, without an element around them."""
    flat = (part for child in children for part in ([child] if isinstance(child, str) else child))
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in flat))


def _attribute(name: str, value: str | int | float | bool | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{escape(str(value))}"'
