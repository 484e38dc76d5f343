"""The dataclass of this program does what the standard library's does: each test is of both."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from fleet import dataclass as module
from fleet.dataclass import dataclass as ours

T = TypeVar("T")
Decorator = Callable[..., Callable[[type[Any]], type[Any]]]
ROOT = Path(__file__).parents[2]
ROOMS = ("actions", "console", "fleet", "widgets")


@ours(frozen=True, slots=True)
class Kept:
    """Found by name when it is unpickled."""

    name: str
    tags: tuple[str, ...] = ()


@pytest.fixture(params=[ours, dataclasses.dataclass], ids=["ours", "standard"])
def dataclass(request: pytest.FixtureRequest) -> Decorator:
    decorator: Decorator = request.param
    return decorator


def point(dataclass: Decorator, **options: bool) -> type[Any]:
    @dataclass(**{"frozen": True, "slots": True, **options})
    class Point:
        """A place."""

        shared: ClassVar[int] = 7
        x: float
        y: float = 0.0
        names: list[str] = field(default_factory=list, compare=False)
        label: str = field(default="", repr=False, kw_only=True)

    return Point


def test_arguments_are_those_of_its_fields(dataclass: Decorator) -> None:
    made = point(dataclass)
    one = made(1.0, label="a")
    assert (one.x, one.y, one.names, one.label) == (1.0, 0.0, [], "a")
    assert made(1.0).names is not one.names
    assert (made.shared, one.shared) == (7, 7)
    assert made(x=1.0, y=2.0, names=["n"]).names == ["n"]


@pytest.mark.parametrize(
    ("arguments", "named", "says"),
    [
        ((), {}, r"Point.__init__\(\) missing 1 required positional argument: 'x'"),
        ((1.0,), {"z": 2.0}, r"Point.__init__\(\) got an unexpected keyword argument 'z'"),
        ((1.0, 2.0, [], "label"), {}, r"Point.__init__\(\) takes from 2 to 4 positional arguments but 5 were given"),
    ],
)
def test_wrong_arguments_are_refused_in_the_same_words(
    dataclass: Decorator, arguments: tuple[object, ...], named: dict[str, object], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        point(dataclass)(*arguments, **named)


def test_it_shows_compares_and_hashes_by_its_fields(dataclass: Decorator) -> None:
    made = point(dataclass)
    assert repr(made(1.0, label="hidden")).endswith("Point(x=1.0, y=0.0, names=[])")
    assert made(1.0, names=["a"]) == made(1.0, names=["b"])
    assert made(1.0) != made(2.0)
    assert made(1.0) != (1.0, 0.0)
    assert {made(1.0), made(1.0), made(2.0)} == {made(2.0), made(1.0)}
    # As tuples compare: what is the same object is equal, though it equals nothing.
    nan = float("nan")
    assert made(nan) == made(nan)


def test_frozen_stays_as_it_is(dataclass: Decorator) -> None:
    one = point(dataclass)(1.0)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        one.x = 2.0
    # TypeError: the standard library's own, of one with slots.
    with pytest.raises((FrozenInstanceError, TypeError)):
        one.other = 2.0
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del one.x
    assert not hasattr(one, "__dict__")


def test_what_changes_is_no_key(dataclass: Decorator) -> None:
    one = point(dataclass, frozen=False)(1.0)
    one.x = 3.0
    assert one == point(dataclass, frozen=False)(3.0) or one.x == 3.0
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_without_eq_it_is_itself_alone(dataclass: Decorator) -> None:
    made = point(dataclass, eq=False)
    one, other = made(1.0), made(1.0)
    assert one != other
    assert len({one, other}) == 2


def test_fields_replace_and_patterns(dataclass: Decorator) -> None:
    one = point(dataclass)(1.0, 2.0)
    assert [each.name for each in dataclasses.fields(one)] == ["x", "y", "names", "label"]
    assert dataclasses.replace(one, y=5.0).y == 5.0
    assert dataclasses.asdict(one) == {"x": 1.0, "y": 2.0, "names": [], "label": ""}
    assert dataclasses.is_dataclass(one)
    assert point(dataclass).__match_args__ == ("x", "y", "names")


def test_methods_of_its_own_stay(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True)
    class Own:
        """Equal by the length of its text."""

        text: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and len(self.text) == len(other.text)

        def __repr__(self) -> str:
            return "own"

    @dataclass(frozen=True, slots=True)
    class Hashed:
        """Hashes as it says."""

        text: str

        def __hash__(self) -> int:
            return 7

    assert Own("a") == Own("b")
    assert repr(Own("a")) == "own"
    assert hash(Own("a")) == hash(("a",))
    assert hash(Hashed("a")) == 7


def test_the_last_word_of_its_making_and_fields_that_are_no_arguments(dataclass: Decorator) -> None:
    @dataclass(slots=True)
    class Counted:
        """A text with its length."""

        text: str
        length: int = field(init=False)
        seen: list[str] = field(init=False, default_factory=list)
        unit: str = field(init=False, default="characters")

        def __post_init__(self) -> None:
            self.length = len(self.text)

    one = Counted("four")
    assert (one.length, one.seen, one.unit) == (4, [], "characters")
    with pytest.raises(TypeError):
        Counted("four", 4)  # type: ignore[call-arg]


def test_one_that_inherits_has_the_fields_of_both(dataclass: Decorator) -> None:
    base = point(dataclass)

    @dataclass(frozen=True, slots=True)
    class Higher(base):  # type: ignore[misc, valid-type] # made by the test
        """A subclass with a height."""

        z: float = 9.0

    one = Higher(1.0, 2.0)
    assert (one.x, one.y, one.z) == (1.0, 2.0, 9.0)
    assert one != base(1.0, 2.0)
    assert repr(one).endswith("Higher(x=1.0, y=2.0, names=[], z=9.0)")
    with pytest.raises(FrozenInstanceError):
        setattr(one, "z", 1.0)  # noqa: B010 - as nobody may
    # The methods of the one are not those of the other, whichever was made first.
    assert base(1.0).x == 1.0
    assert hash(one) == hash((1.0, 2.0, "", 9.0))


def test_a_generic_one(dataclass: Decorator) -> None:
    @dataclass(frozen=True, slots=True)
    class Box(Generic[T]):
        """Something."""

        content: T

    assert Box(3).content == 3
    assert Box(3) == Box(3)


def test_what_shows_itself_within_itself_ends(dataclass: Decorator) -> None:
    @dataclass(slots=True)
    class Node:
        """A node of a ring."""

        following: object = None

    one = Node()
    one.following = one
    assert repr(one).endswith("Node(following=...)")


def test_copies_and_pickles_are_equal() -> None:
    one = Kept("a", ("b",))
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):  # noqa: S301 - our own
        assert other == one


def test_no_method_is_made_before_it_is_called() -> None:
    made = point(ours)
    assert list(inspect.signature(made.__init__).parameters) == ["self", "args", "named"]
    made(1.0)
    assert list(inspect.signature(made.__init__).parameters) == ["self", "x", "y", "names", "label"]


def test_it_is_the_one_that_this_program_uses() -> None:
    standard = re.compile(r"^from dataclasses import .*\bdataclass\b|^\s*@dataclasses\.", re.MULTILINE)
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py") if file != Path(module.__file__)]
    assert len(files) > 400
    assert [str(file) for file in files if standard.search(file.read_text())] == []
