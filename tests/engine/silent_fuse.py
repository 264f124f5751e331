# SPDX-License-Identifier: Apache-2.0
"""A FUSE file system whose root can be looked at, and in which everything fails or hangs.

It speaks the kernel's protocol itself (linux/fuse.h), so that nothing needs to be installed.
"""

import contextlib
import errno
import os
import select
import struct
import subprocess
import threading

from harness import SETUP, Skip

HEADER = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
ANSWER = struct.Struct("<IiQ")  # length, error, unique
FORGET, GETATTR, INIT, INTERRUPT, BATCH_FORGET = 2, 3, 26, 36, 42
UNANSWERED = (FORGET, INTERRUPT, BATCH_FORGET)
FOR_EVER = 3600


def root_attributes():
    times = struct.pack("<QQQIII", 0, 0, 0, 0, 0, 0)
    identity = struct.pack("<IIIIIII", 0o40755, 2, 0, 0, 0, 4096, 0)
    return struct.pack("<QIIQQQ", FOR_EVER, 0, 0, 1, 0, 0) + times + identity


class SilentFuse:
    """`behaviour` of every call but a look at the root: `fails` (EIO), `unread`: the request is not even taken, or `unanswered`.

    The two hang. Before that starts, when the file `silence` is there, they fail.
    """

    def __init__(self, behaviour, mount_point):
        self.behaviour = behaviour
        self.silence = mount_point.with_name("silence")
        node = SETUP.work / "fuse"
        if not node.exists():
            os.mknod(node, 0o20600, os.makedev(10, 229))
        try:
            self.device = os.open(node, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise Skip(f"no FUSE ({error.strerror}); load the module: modprobe fuse") from error
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        command = ["mount", "-i", "-t", "fuse", "-o", options, "silent", str(mount_point)]
        subprocess.run(command, pass_fds=[self.device], check=True)
        self.ended = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.ended:
            silent = self.silence.exists()
            if not select.select([self.device], [], [], 0.02)[0]:
                continue
            if self.behaviour == "unread" and (silent or self.silence.exists()):
                continue
            try:
                self.answer(os.read(self.device, 1 << 18))
            except OSError:
                return  # unmounted

    def answer(self, request):
        _, opcode, unique, node, *_ = HEADER.unpack_from(request)
        error, body = errno.EIO, b""
        if opcode == INIT:
            error, body = 0, struct.pack("<IIIIHHIIHH8I", 7, 31, 4096, 0, 9, 9, 4096, 1, 1, *[0] * 9)
        elif opcode == GETATTR and node == 1:
            error, body = 0, root_attributes()
        elif opcode in UNANSWERED or (self.behaviour == "unanswered" and self.silence.exists()):
            return
        os.write(self.device, ANSWER.pack(ANSWER.size + len(body), -error, unique) + body)

    def close(self):
        """What still waits for an answer gets an error."""
        self.ended = True
        self.thread.join()
        os.close(self.device)


@contextlib.contextmanager
def silent_fuse(behaviour):
    directory = SETUP.work / "silent"
    mount_point = directory / "mounted"
    mount_point.mkdir(parents=True)
    server = SilentFuse(behaviour, mount_point)
    try:
        yield mount_point, server
    finally:
        if not server.ended:
            server.close()
        subprocess.run(["umount", "-l", mount_point], check=True)
        server.silence.unlink(missing_ok=True)
        mount_point.rmdir()
        directory.rmdir()
