# SPDX-License-Identifier: Apache-2.0
"""What README.md shows of a terminal is what the program prints on the simulated host."""

import re
import shlex

from command import oci_nvidia
from harness import HERE, check, test

README = HERE.parents[1] / "README.md"


def screens():
    """Each command with the lines below it."""
    block = re.search(r"^```console\n(.*?)^```$", README.read_text(), re.M | re.S).group(1)
    for part in block.split("$ ")[1:]:
        command, _, shown = part.partition("\n")
        yield shlex.split(command), shown


def pattern(shown):
    """An ellipsis stands for anything."""
    return ".*".join(re.escape(piece) for piece in shown.strip().split("…"))


@test("command")
def the_screen_of_the_readme_is_what_the_program_prints():
    seen = 0
    for words, shown in screens():
        check(words[0] == "oci-nvidia", f"`{words[0]}` is not tried here")
        done = oci_nvidia(*words[1:])
        check(re.match(pattern(shown), done.stdout, re.S), f"{words}: {done.stdout} is not {shown}")
        seen += 1
    check(seen == 3, f"{seen} commands")
