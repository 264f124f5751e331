# SPDX-License-Identifier: Apache-2.0
"""The blocks of shell commands of the documents, and which of them are not run, with the reason.

A block is a shell's if a line of it starts with a command; of a screen (`$ command`, and what it prints) only the commands
count. A comment before a block, `<!-- not run: REASON -->`, or one in the page, `<!-- no block of this page is run: REASON -->`,
says why it is not run.
"""

import dataclasses
import re

NOT_RUN = re.compile(r"^\s*<!-- not run: (.*) -->$")
NO_BLOCK = re.compile(r"^<!-- no block of this page is run: (.*) -->$", re.MULTILINE)
# Of the host that test_documents.py makes. A block with another command must say why it is not run.
ON_THE_HOST = set(
    "oci-nvidia oci-nvidia-hook nvidia-container-cli nvidia-ctk docker podman runc sudo mkdir cp mv cd jq grep diff systemctl".split()
)
ELSEWHERE = set(
    "apptainer apt apt-get asciinema cmake crio ctest ctr dnf enroot gdb gpgv helm journalctl kubectl minisign sh sha256sum srun ssh-keygen".split()
)
COMMAND = re.compile(r"^(?:sudo )?(?:[A-Z_]+=\S+ )*((?:[\w.]+/)*[\w.-]+)(?: |$)")
SCRIPT = re.compile(r"^(?:scripts|tests|build)/|^\./")


@dataclasses.dataclass
class Block:
    """`commands` is what a shell is to run; empty if the block shows something else."""

    page: str
    line: int  # of its first one, from 1
    commands: str
    is_screen: bool
    reason: str  # why it is not run; empty: it is run

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def program_of(line):
    """The program that a line starts; empty if it is no command."""
    found = COMMAND.match(line)
    word = found.group(1) if found else ""
    return word if word in ON_THE_HOST | ELSEWHERE or SCRIPT.match(word) else ""


def commands_of(lines):
    """Of a screen, what follows `$`; else the whole block, if it is a shell's."""
    typed = [line[2:] for line in lines if line.startswith("$ ")]
    lines = typed or lines
    started = [line for line in lines if program_of(line)]
    is_shell = any(" [" not in line for line in started)  # or it is a synopsis
    return "\n".join(lines) if is_shell else ""


def raw_blocks(lines):
    """(number of the first line from 0, lines without indentation) of each block that is fenced or indented."""
    number = 0
    while number < len(lines):
        before = number == 0 or not lines[number - 1].strip()
        fence = re.match(r"^( *)```", lines[number])
        indent = re.match(r"^ {4,}(?=\S)", lines[number]) if before else None
        start = number + 1 if fence else number
        if fence:
            number += 1
            while number < len(lines) and not lines[number].strip().startswith("```"):
                number += 1
            yield start, [line.removeprefix(fence.group(1)) for line in lines[start:number]]
        elif indent:
            while number < len(lines) and (lines[number].startswith(indent.group()) or not lines[number].strip()):
                number += 1
            yield start, [line.removeprefix(indent.group()) for line in lines[start:number]]
            continue
        number += 1


def marks_before(lines, start):
    """The reason in a comment that stands before the block, and its line."""
    number = start - 1
    while number >= 0 and (not lines[number].strip() or lines[number].strip().startswith("```")):
        number -= 1
    found = NOT_RUN.match(lines[number]) if number >= 0 else None
    return (found.group(1), number) if found else ("", None)


def blocks_of(path, name):
    """The blocks of commands of a page, and faults of its comments."""
    text = path.read_text()
    lines = text.splitlines()
    whole = NO_BLOCK.search(text)
    blocks, faults, used = [], [], set()
    for start, body in raw_blocks(lines):
        commands = commands_of(body)
        reason, mark = marks_before(lines, start)
        if not commands:
            continue
        used.add(mark)
        is_screen = any(line.startswith("$ ") for line in body)
        block = Block(name, start + 1, commands, is_screen, reason or (whole.group(1) if whole else ""))
        blocks.append(block)
        others = {program_of(line) for line in commands.splitlines()} - ON_THE_HOST - {""}
        if others and not block.reason:
            faults.append(f"{block.place}: it starts {', '.join(sorted(others))}: say why it is not run")
    stale = {number for number, line in enumerate(lines) if NOT_RUN.match(line)} - used
    faults += [f"{name}:{number + 1}: there are no commands below this comment" for number in sorted(stale)]
    if whole and not blocks:
        faults.append(f"{name}: there are no commands in this page")
    return blocks, faults


def pages(source):
    return [source / "README.md", *sorted((source / "docs").glob("*.md"))]


def all_blocks(source):
    blocks, faults = [], []
    for path in pages(source):
        found, wrong = blocks_of(path, str(path.relative_to(source)))
        blocks += found
        faults += wrong
    return blocks, faults
