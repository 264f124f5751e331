# SPDX-License-Identifier: Apache-2.0
"""The session that README.md shows is what the program prints on the simulated host. scripts/record-terminal records it anew."""

import shlex

import recording
from bundle import Case, started_as
from harness import HERE, check_equal, test
from test_terminal import coloured

PICTURES = HERE.parents[1] / "docs/pictures"
COLUMNS = 80
COMMANDS = (
    "oci-nvidia list",
    "oci-nvidia explain --env NVIDIA_VISIBLE_DEVICES=1",
    "oci-nvidia explain --env NVIDIA_VISIBLE_DEVICES=9",
    "sudo oci-nvidia inspect web",
)


def printed(command):
    words = [word for word in shlex.split(command) if word != "sudo"]
    return coloured(COLUMNS, *words[1:])


@test("command")
def the_recorded_session_is_what_the_program_prints():
    with started_as("web", Case("1", args=["sleep", "1000"])):
        session = [(command, printed(command)) for command in COMMANDS]
    rows = sum(text.count("\n") + 2 for _, text in session)
    files = {
        "terminal.cast": recording.cast_of(session, COLUMNS, rows, "oci-nvidia: the first minutes"),
        "terminal.svg": recording.picture_of(session, COLUMNS),
    }
    made = [name for name in files if not (PICTURES / name).exists()]
    for name in made:
        (PICTURES / name).write_text(files[name])
    for name, text in files.items():
        check_equal((PICTURES / name).read_text().splitlines(), text.splitlines(), f"docs/pictures/{name}")
