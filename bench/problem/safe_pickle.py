"""Pickles from outside, read without running them.

A pickle is a program. This machine executes the part of its language that builds plain containers, numbers, text and
numpy arrays; whatever else a file names is refused before it is imported, and nothing is ever called but the few
builders of `pickled_names`. It runs in Python, for two reasons: what an opcode may allocate is bounded by the bytes
that the file has (the machine in C makes room for 4 billion memo entries if a file of ten bytes says so), and a caller
may thin a dictionary while it is read, so that a table of 28 GB passes through in two.

The opcodes of which a table consists are executed here, all others in `pickle_opcodes`.
"""

import pickle
import struct
from typing import Any

from nas_selection_bench.bench.problem.pickle_opcodes import LONGEST, OPCODES, PickleState
from nas_selection_bench.bench.problem.pickled_names import Unfilled

_SHARED_TEXT = 128
"""Text of at most this many bytes is kept once, however often the file spells it."""


class Machine(PickleState):
    """Reads one pickle from a file: the loop over its opcodes."""

    def load(self) -> Any:
        """The next object of the file.

        Raises RefusedName for a name that is not offered, and one of `bench.errors.DAMAGE` where the file is no whole
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
