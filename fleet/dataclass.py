"""``@dataclass`` that generates the methods of a class on first use.

The standard library writes and compiles the source of every method where the class is defined: 0.5 to 1 ms per class,
and most classes of a program that has just started are not used yet. Here a class gets its fields (``fields``,
``replace``, ``asdict`` and pattern matching work) and, in place of methods, stubs that generate them. The generated
methods behave like the standard library's. Type checkers see the standard library's decorator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError
from reprlib import recursive_repr
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")
_Method = Callable[..., Any]


def _dataclass(
    *, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True
) -> Callable[[type[T]], type[T]]:
    """Behave like the standard library with these options; a class that inherits from a frozen one is frozen too."""

    def make(cls: type[T]) -> type[T]:
        own = frozenset(cls.__dict__)
        # Without a docstring the standard library would inspect the signature to write one.
        cls.__doc__ = cls.__doc__ or cls.__name__
        bare = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
        return _completed(bare(cls), own, frozen=frozen, eq=eq)

    return make


def _completed(cls: type[T], own: frozenset[str], *, frozen: bool, eq: bool) -> type[T]:
    """Return the class with the methods that it does not define itself (``own``)."""
    methods: dict[str, _Method] = {"__init__": _made_later(cls, "__init__", _init), "__repr__": recursive_repr()(_repr)}
    if eq:
        methods["__eq__"] = _made_later(cls, "__eq__", _eq)
    if eq and frozen:
        methods["__hash__"] = _made_later(cls, "__hash__", _hash)
    if frozen:
        methods |= _frozen(cls)
    # A class that only defines __eq__ has None as __hash__ by then.
    settled = own - {"__hash__"} if "__eq__" in own and cls.__dict__.get("__hash__") is None else own
    for name, method in methods.items():
        if name not in settled:
            _put(cls, name, method)
    if eq and not frozen and "__hash__" not in settled:
        cls.__hash__ = None  # type: ignore[assignment] # as the standard library: what changes is no key
    return cls


def _put(cls: type, name: str, method: _Method) -> None:
    method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
    method.__module__ = cls.__module__
    setattr(cls, name, method)


def _made_later(cls: type, name: str, make: Callable[[type], _Method]) -> _Method:
    """Return a method that replaces itself with the result of ``make`` on its first call, on any thread."""

    def method(self: object, /, *args: object, **named: object) -> object:
        made = make(cls)
        _put(cls, name, made)
        return made(self, *args, **named)

    return method


def _compiled(head: str, body: Sequence[str], names: dict[str, object]) -> _Method:
    """Compile a function from head and body; ``names`` are the globals that it sees."""
    exec(f"def {head}:\n " + "\n ".join(body or ("pass",)), names)  # noqa: S102 - made of the names of fields alone
    function: _Method = names[head.partition("(")[0]]  # type: ignore[assignment] # just defined
    return function


def _init(cls: type) -> _Method:
    names: dict[str, object] = {"_MISSING": MISSING}
    positional: list[str] = []
    keywords: list[str] = []
    body: list[str] = []
    for each in dataclasses.fields(cls):
        value = _value(each, names)
        if each.init:
            (keywords if each.kw_only else positional).append(_parameter(each))
        if value:
            body.append(_assignment(cls, each.name, value, names))
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ["self", *positional, *(["*", *keywords] if keywords else [])]
    return _compiled(f"__init__({', '.join(parameters)})", body, names)


def _assignment(cls: type, name: str, value: str, names: dict[str, object]) -> str:
    """Return the source that sets a field: of the ways that get past a frozen class' own, the fastest."""
    if not any("__setattr__" in vars(base) for base in cls.__mro__[:-1]):
        return f"self.{name} = {value}"
    slot = getattr(cls, name, None)
    if isinstance(slot, MemberDescriptorType):
        names[f"_set_{name}"] = slot.__set__
        return f"_set_{name}(self, {value})"
    names["_set"] = object.__setattr__
    return f"_set(self, {name!r}, {value})"


def _parameter(each: Field[Any]) -> str:
    if each.default is MISSING and each.default_factory is MISSING:
        return each.name
    return f"{each.name}={'_MISSING' if each.default is MISSING else f'_default_{each.name}'}"


def _value(each: Field[Any], names: dict[str, object]) -> str:
    """Return the source of a field's value in an instance; empty if the field has to set it itself."""
    names[f"_default_{each.name}"] = each.default if each.default_factory is MISSING else each.default_factory
    if each.default_factory is not MISSING:
        made = f"_default_{each.name}()"
        return f"{made} if {each.name} is _MISSING else {each.name}" if each.init else made
    if each.init:
        return each.name
    return "" if each.default is MISSING else f"_default_{each.name}"


def _tuple(of: str, fields: Sequence[Field[Any]]) -> str:
    return f"({''.join(f'{of}.{each.name},' for each in fields)})"


def _eq(cls: type) -> _Method:
    compared = [each for each in dataclasses.fields(cls) if each.compare]
    body = [
        "if other.__class__ is not self.__class__:",
        "  return NotImplemented",
        f"return {_tuple('self', compared)} == {_tuple('other', compared)}",
    ]
    return _compiled("__eq__(self, other)", body, {})


def _hash(cls: type) -> _Method:
    every = dataclasses.fields(cls)
    hashed = [each for each in every if (each.compare if each.hash is None else each.hash)]
    return _compiled("__hash__(self)", [f"return hash({_tuple('self', hashed)})"], {})


def _repr(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _frozen(cls: type[Any]) -> dict[str, _Method]:
    """Return the methods that make an instance immutable while it can still be copied and pickled."""
    names = frozenset(each.name for each in dataclasses.fields(cls))

    def refuse_to_set(self: object, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def refuse_to_delete(self: object, name: str) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    def state(self: Any) -> list[object]:
        return [getattr(self, each.name) for each in dataclasses.fields(self)]

    def restore(self: Any, values: Sequence[object]) -> None:
        for each, value in zip(dataclasses.fields(self), values, strict=True):
            object.__setattr__(self, each.name, value)

    return {
        "__setattr__": refuse_to_set,
        "__delattr__": refuse_to_delete,
        "__getstate__": state,
        "__setstate__": restore,
    }


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _dataclass
