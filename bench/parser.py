"""The argument parser of every command of this program; it reports an error in one sentence."""

import argparse
import re
from typing import NoReturn

from nas_selection_bench.bench.errors import UsageError
from nas_selection_bench.bench.names import nearest


class Parser(argparse.ArgumentParser):
    """Reports an error in one sentence that suggests the nearest option or choice, as for names of methods."""

    @property
    def call(self) -> str:
        """How to start the program in a shell, for hints."""
        return f"python {self.prog}" if self.prog.endswith(".py") else self.prog

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and `message`; without `exit_on_error`, raise UsageError instead."""
        lacking = message.removeprefix("the following arguments are required: ")
        strangers = message.removeprefix("unrecognized arguments: ")
        option, wrong = re.match(r"argument (\S+): ", message), re.search(r"invalid choice: '(.*?)'", message)
        if strangers != message:
            given = strangers.split(" ")[0].partition("=")[0]
            options = [word for action in self._actions for word in action.option_strings if word.startswith("--")]
            near = nearest(given, options, count=1) if given.startswith("-") else []
            message = f"there is no option {given}" if given.startswith("-") else f"unexpected argument {given!r}"
            message += f"; did you mean {' or '.join(near)}?" if near else f"; {self.call} --help shows all options."
        elif option and wrong:
            action = next(a for a in self._actions if "/".join(a.option_strings) == option[1])
            choices = [str(choice) for choice in action.choices or ()]
            near = nearest(wrong[1], choices, count=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            message = f"{option[1]} cannot be {wrong[1]!r}{hint} The choices are: {', '.join(choices)}."
        elif lacking != message:
            message = f"{lacking} {'are' if ', ' in lacking else 'is'} missing; {self.call} --help shows what to give."
        else:
            message = message.removeprefix("argument ").rstrip(".") + "."
        if not self.exit_on_error:
            raise UsageError(message)
        self.exit(2, f"{self.prog}: {message}\n")
