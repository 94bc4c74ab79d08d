"""Effects of the opcodes of plain-data pickles on stack and memo, for protocols 0 to 5 (see Python's pickletools).

The safety rules are those of `safe_pickle`, whose loop calls the opcodes.
"""

import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

from nas_selection_bench.bench.problem.literals import literal
from nas_selection_bench.bench.problem.pickled_names import TENSORS, Names, Opaque, RefusedName, Unfilled

CHUNK = 2**20
LONGEST = 16
"""Bytes of the longest opcode with an argument of fixed length."""


class PickleState:
    """The state of one pickle while it is read: its bytes from a file, the stack and the memo.

    `names` holds the builders that the file may name. With `tensors`, names and storages of torch are accepted and
    replaced by placeholders. `thin` is called with the keys and values about to enter a dictionary and returns those to
    keep.
    """

    def __init__(
        self,
        file: BinaryIO,
        names: Names,
        tensors: bool = False,
        thin: Callable[[list[Any]], list[Any]] | None = None,
    ) -> None:
        self._file, self._names, self._tensors, self._thin = file, names, tensors, thin
        self._buffer, self._position = b"", 0
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: list[Any] = []
        self._far: dict[int, Any] = {}

    def _filled(self, buffer: bytes, position: int, needed: int) -> tuple[bytes, int]:
        """The buffer from `position` on, filled to at least `needed` bytes, and 0; EOFError if there are fewer."""
        parts, held = [buffer[position:]], len(buffer) - position
        while held < max(needed, LONGEST):
            part = self._file.read(min(max(needed - held, CHUNK), 64 * CHUNK))
            if not part:
                break
            parts.append(part)
            held += len(part)
        if held < needed:
            raise EOFError("it ends too early")
        return b"".join(parts), 0

    def _read(self, count: int) -> bytes:
        if self._position + count > len(self._buffer):
            self._buffer, self._position = self._filled(self._buffer, self._position, count)
        self._position += count
        return self._buffer[self._position - count : self._position]

    def _line(self) -> bytes:
        end = self._buffer.find(b"\n", self._position)
        while end < 0:
            self._buffer, self._position = self._filled(
                self._buffer, self._position, len(self._buffer) - self._position + 1
            )
            end = self._buffer.find(b"\n", self._position)
        line = self._buffer[self._position : end]
        self._position = end + 1
        return line

    def _number(self, count: int, signed: bool = False) -> int:
        return int.from_bytes(self._read(count), "little", signed=signed)

    def _keep(self, place: int) -> None:
        """Put the top of the stack into the memo at `place`, without allocating the places in between."""
        value = self._stack[-1]
        if isinstance(value, Unfilled):
            value.places.append(place)
        if place == len(self._memo):
            self._memo.append(value)
        elif place < len(self._memo):
            self._memo[place] = value
        else:
            self._far[place] = value

    def _get(self, place: int) -> None:
        self._stack.append(self._memo[place] if place < len(self._memo) else self._far[place])

    def _since_mark(self) -> list[Any]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise pickle.UnpicklingError("entries for something other than a dictionary")
        if self._thin is not None:
            items = self._thin(items)
        target.update(zip(items[::2], items[1::2], strict=True))

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, set):
            target.update(items)
        elif isinstance(target, list):
            target.extend(items)
        else:
            raise pickle.UnpicklingError("items for something other than a list")

    def _named(self, module: Any, name: Any) -> None:
        if self._tensors and module in TENSORS:
            self._stack.append(Opaque)
            return
        try:
            self._stack.append(self._names[module, name])
        except (KeyError, TypeError):
            raise RefusedName(f"{module}.{name}") from None

    def _reduce(self) -> None:
        arguments = self._stack.pop()
        builder = self._stack.pop()
        if builder is Opaque:
            self._stack.append(Opaque())
        elif isinstance(arguments, tuple) and any(builder is known for known in self._names.values()):
            self._stack.append(builder(*arguments))
        else:
            raise RefusedName(f"a call of {type(builder).__name__}")

    def _build(self) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        if isinstance(target, Opaque | dict):  # an OrderedDict may carry attributes: torch's metadata of weights
            return
        if not isinstance(target, Unfilled):
            raise RefusedName(f"a state for {type(target).__name__}")
        self._stack[-1] = target.filled(state)
        for place in target.places:
            (self._memo if place < len(self._memo) else self._far)[place] = self._stack[-1]

    def _persistent(self, _place: Any) -> None:
        if not self._tensors:
            raise RefusedName("something outside of the file")
        self._stack.append(Opaque())

    def _text_number(self) -> Any:
        line = self._line()
        if line in (b"00", b"01"):
            return line == b"01"
        return int(line.rstrip(b"L"))

    def _quoted(self) -> str:
        text = literal(self._line().strip().decode("ascii"))
        if not isinstance(text, str):
            raise pickle.UnpicklingError("a text without quotes")
        return text


def _pushing(make: Callable[[PickleState], Any]) -> Callable[[PickleState], None]:
    return lambda m: m._stack.append(make(m))


def _popped(m: PickleState, count: int) -> tuple[Any, ...]:
    if len(m._stack) < count:
        raise pickle.UnpicklingError("the stack is empty")
    items = tuple(m._stack[-count:])
    del m._stack[-count:]
    return items


def _no_value(_read: Any) -> None:
    """Discard a value, for opcodes that read something and push nothing."""


def _to_mark(make: Callable[[list[Any]], Any]) -> Callable[[PickleState], None]:
    return lambda m: m._stack.append(make(m._since_mark()))


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _proto(m: PickleState) -> None:
    if m._number(1) > pickle.HIGHEST_PROTOCOL:
        raise pickle.UnpicklingError("a protocol of a later Python")


OPCODES: dict[int, Callable[[PickleState], None]] = {
    ord("("): lambda m: m._marks.append(len(m._stack)),
    ord("0"): lambda m: _no_value(_popped(m, 1)),
    ord("1"): lambda m: _no_value(m._since_mark()),
    ord("2"): _pushing(lambda m: m._stack[-1]),
    ord("F"): _pushing(lambda m: float(m._line())),
    ord("I"): _pushing(PickleState._text_number),
    ord("L"): _pushing(PickleState._text_number),
    ord("J"): _pushing(lambda m: m._number(4, signed=True)),
    ord("K"): _pushing(lambda m: m._number(1)),
    ord("M"): _pushing(lambda m: m._number(2)),
    ord("N"): _pushing(lambda m: None),
    ord("P"): lambda m: m._persistent(m._line()),
    ord("Q"): lambda m: m._persistent(_popped(m, 1)),
    ord("R"): PickleState._reduce,
    ord("S"): _pushing(PickleState._quoted),
    ord("T"): _pushing(lambda m: m._read(m._number(4)).decode("latin1")),
    ord("U"): _pushing(lambda m: m._read(m._number(1)).decode("latin1")),
    ord("V"): _pushing(lambda m: m._line().decode("raw-unicode-escape")),
    ord("B"): _pushing(lambda m: m._read(m._number(4))),
    ord("C"): _pushing(lambda m: m._read(m._number(1))),
    ord("a"): lambda m: m._extend(list(_popped(m, 1))),
    ord("b"): PickleState._build,
    ord("c"): lambda m: m._named(m._line().decode(), m._line().decode()),
    ord("d"): _to_mark(_pairs),
    ord("e"): lambda m: m._extend(m._since_mark()),
    ord("g"): lambda m: m._get(int(m._line())),
    ord("h"): lambda m: m._get(m._number(1)),
    ord("l"): _to_mark(list),
    ord("p"): lambda m: m._keep(int(m._line())),
    ord("q"): lambda m: m._keep(m._number(1)),
    ord("s"): lambda m: m._set(list(_popped(m, 2))),
    ord("t"): _to_mark(tuple),
    ord("u"): lambda m: m._set(m._since_mark()),
    ord("}"): _pushing(lambda m: {}),
    ord("]"): _pushing(lambda m: []),
    ord(")"): _pushing(lambda m: ()),
    0x80: _proto,
    0x85: _pushing(lambda m: _popped(m, 1)),
    0x86: _pushing(lambda m: _popped(m, 2)),
    0x87: _pushing(lambda m: _popped(m, 3)),
    0x88: _pushing(lambda m: True),
    0x89: _pushing(lambda m: False),
    0x8A: _pushing(lambda m: m._number(m._number(1), signed=True)),
    0x8B: _pushing(lambda m: m._number(m._number(4), signed=True)),
    0x8C: _pushing(lambda m: m._read(m._number(1)).decode("utf-8", "surrogatepass")),
    0x8D: _pushing(lambda m: m._read(m._number(8)).decode("utf-8", "surrogatepass")),
    0x8E: _pushing(lambda m: m._read(m._number(8))),
    0x8F: _pushing(lambda m: set()),
    0x90: lambda m: m._extend(m._since_mark()),
    0x91: _to_mark(frozenset),
    0x93: lambda m: m._named(*_popped(m, 2)),
    0x94: lambda m: m._keep(len(m._memo) + len(m._far)),
    0x95: lambda m: _no_value(m._read(8)),
    0x96: _pushing(lambda m: bytearray(m._read(m._number(8)))),
}
"""The opcodes that a pickle of plain data may hold, by number, except those executed in `Machine.load`."""
