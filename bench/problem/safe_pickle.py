"""Read pickles from outside without running them.

A pickle is a program. `Machine` executes only the part of its language that builds plain containers, numbers, text and
numpy arrays. Any other name in a file is refused before it is imported, and nothing is ever called but the few builders
of `pickled_names`. It is written in Python for two reasons: what an opcode may allocate is bounded by the bytes in the
file (Python's unpickler in C makes room for 4 billion memo entries if a file of ten bytes says so), and a caller can
thin a dictionary while it is read, so that a table of 28 GB needs only two.

The opcodes that make up a table are executed here, all others in `pickle_opcodes`.
"""

import pickle
import struct
from typing import Any

from nas_selection_bench.bench.problem.pickle_opcodes import LONGEST, OPCODES, PickleState
from nas_selection_bench.bench.problem.pickled_names import Unfilled

_SHARED_TEXT = 128
"""Text of at most this many bytes is kept once, however often the file repeats it."""


class Machine(PickleState):
    """Reads pickles from a file: the loop over their opcodes."""

    def load(self) -> Any:
        """The next object in the file.

        Raises RefusedName for a name that is not allowed, and one of `bench.errors.DAMAGE` if the file is not a whole
        pickle.
        """
        self._stack, self._marks, self._memo, self._far = [], [], [], {}
        stack, memo, rest = self._stack, self._memo, OPCODES
        push, texts = stack.append, dict[bytes, str]()
        number, float_at = struct.Struct("<I"), struct.Struct(">d").unpack_from
        number_at, pack_number = number.unpack_from, number.pack
        buffer, position = self._buffer, self._position
        while True:
            if position + LONGEST > len(buffer):
                buffer, position = self._filled(buffer, position, 1)
            opcode = buffer[position]
            position += 1
            # The four opcodes that make up a table come first; all others but STOP are looked up by number.
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
                # A memo opcode nearly always follows, and in a table a number after it: both are read at once here.
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
