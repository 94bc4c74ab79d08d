"""Pickles from outside, read without running them.

A pickle is a program. This machine executes the part of its language that builds plain containers, numbers, text and
numpy arrays; whatever else a file names is refused before it is imported, and nothing is ever called but the few
builders of `pickled_names`. It runs in Python, for two reasons: what an opcode may allocate is bounded by the bytes
that the file has (the machine in C makes room for 4 billion memo entries if a file of ten bytes says so), and a caller
may thin a dictionary while it is read, so that a table of 28 GB passes through in two.

Opcodes: Python's pickletools, protocols 0 to 5.
"""

import pickle
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from nas_selection_bench.bench.problem.literals import literal
from nas_selection_bench.bench.problem.pickled_names import TENSORS, Names, Opaque, RefusedName, Unfilled

CHUNK = 2**20
_LONGEST = 16
"""Bytes of the longest opcode with an argument of fixed length."""
_SHARED_TEXT = 128
"""Text of at most this many bytes is kept once, however often the file spells it."""


class Machine:
    """Reads one pickle from a file.

    `names` are the builders that the file may name; with `tensors` torch's names and storages are read over. `thin`
    is called with the keys and values that are about to enter a dictionary and returns those to keep.
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

    def load(self) -> Any:
        """The next object of the file.

        Raises RefusedName for a name that is not offered, and one of `bench.errors.DAMAGE` where the file is no whole
        pickle.
        """
        self._stack, self._marks, self._memo, self._far = [], [], [], {}
        stack, memo, rest = self._stack, self._memo, _OPCODES
        push, texts = stack.append, dict[bytes, str]()
        number, float_at = struct.Struct("<I"), struct.Struct(">d").unpack_from
        number_at, pack_number = number.unpack_from, number.pack
        buffer, position = self._buffer, self._position
        while True:
            if position + _LONGEST > len(buffer):
                buffer, position = self._filled(buffer, position, 1)
            opcode = buffer[position]
            position += 1
            # The four opcodes of which a table consists stand first; all others follow by their number.
            if opcode == 0x47:  # BINFLOAT
                if position + 8 > len(buffer):
                    raise EOFError("it ends within a number")
                push(float_at(buffer, position)[0])
                position += 8
            elif opcode == 0x72:  # LONG_BINPUT
                if position + 4 > len(buffer):
                    raise EOFError("it ends within a number")
                place = number_at(buffer, position)[0]
                position += 4
                if place == len(memo) and not isinstance(stack[-1], Unfilled):
                    memo.append(stack[-1])
                else:
                    self._keep(place)
            elif opcode == 0x58:  # BINUNICODE
                if position + 4 > len(buffer):
                    raise EOFError("it ends within a number")
                length = number_at(buffer, position)[0]
                position += 4
                if position + length > len(buffer):
                    buffer, position = self._filled(buffer, position, length)
                raw = buffer[position : position + length]
                position += length
                text = texts.get(raw)
                if text is None:
                    text = raw.decode("utf-8", "surrogatepass")
                    if length <= _SHARED_TEXT:
                        texts[raw] = text
                push(text)
                # Nearly always a place in the memo follows, and after it, in a table, a number: no need to go round.
                if buffer[position : position + 5] == b"r" + pack_number(len(memo)):
                    memo.append(text)
                    position += 5
                    if position + 9 < len(buffer) and buffer[position] == 0x47:
                        push(float_at(buffer, position + 1)[0])
                        position += 9
            elif opcode == 0x6A:  # LONG_BINGET
                if position + 4 > len(buffer):
                    raise EOFError("it ends within a number")
                place = number_at(buffer, position)[0]
                position += 4
                push(memo[place] if place < len(memo) else self._far[place])
            elif opcode == 0x2E:  # STOP
                self._buffer, self._position = buffer, position
                return stack.pop()
            else:
                self._buffer, self._position = buffer, position
                try:
                    execute = rest[opcode]
                except KeyError:
                    raise pickle.UnpicklingError(f"opcode {opcode:#04x} is not one of plain data") from None
                execute(self)
                buffer, position = self._buffer, self._position

    def _filled(self, buffer: bytes, position: int, needed: int) -> tuple[bytes, int]:
        """The buffer from `position` on and further `needed` bytes and more; EOFError where the file has fewer."""
        parts, held = [buffer[position:]], len(buffer) - position
        while held < max(needed, _LONGEST):
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
        """Put the top of the stack into the memo, without making room for places that are skipped."""
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


def _pushing(make: Callable[[Machine], Any]) -> Callable[[Machine], None]:
    return lambda m: m._stack.append(make(m))


def _popped(m: Machine, count: int) -> tuple[Any, ...]:
    if len(m._stack) < count:
        raise pickle.UnpicklingError("the stack is empty")
    items = tuple(m._stack[-count:])
    del m._stack[-count:]
    return items


def _no_value(_read: Any) -> None:
    """For opcodes that read and push nothing."""


def _to_mark(make: Callable[[list[Any]], Any]) -> Callable[[Machine], None]:
    return lambda m: m._stack.append(make(m._since_mark()))


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _proto(m: Machine) -> None:
    if m._number(1) > pickle.HIGHEST_PROTOCOL:
        raise pickle.UnpicklingError("a protocol of a later Python")


_OPCODES: dict[int, Callable[[Machine], None]] = {
    ord("("): lambda m: m._marks.append(len(m._stack)),
    ord("0"): lambda m: _no_value(_popped(m, 1)),
    ord("1"): lambda m: _no_value(m._since_mark()),
    ord("2"): _pushing(lambda m: m._stack[-1]),
    ord("F"): _pushing(lambda m: float(m._line())),
    ord("I"): _pushing(Machine._text_number),
    ord("L"): _pushing(Machine._text_number),
    ord("J"): _pushing(lambda m: m._number(4, signed=True)),
    ord("K"): _pushing(lambda m: m._number(1)),
    ord("M"): _pushing(lambda m: m._number(2)),
    ord("N"): _pushing(lambda m: None),
    ord("P"): lambda m: m._persistent(m._line()),
    ord("Q"): lambda m: m._persistent(_popped(m, 1)),
    ord("R"): Machine._reduce,
    ord("S"): _pushing(Machine._quoted),
    ord("T"): _pushing(lambda m: m._read(m._number(4)).decode("latin1")),
    ord("U"): _pushing(lambda m: m._read(m._number(1)).decode("latin1")),
    ord("V"): _pushing(lambda m: m._line().decode("raw-unicode-escape")),
    ord("B"): _pushing(lambda m: m._read(m._number(4))),
    ord("C"): _pushing(lambda m: m._read(m._number(1))),
    ord("a"): lambda m: m._extend(list(_popped(m, 1))),
    ord("b"): Machine._build,
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
"""All other opcodes that a pickle of plain data may hold, by their number."""
