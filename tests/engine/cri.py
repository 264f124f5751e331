# SPDX-License-Identifier: Apache-2.0
"""A small client of the Container Runtime Interface, by which the kubelet speaks with containerd and CRI-O.

Of the protocol (runtime.v1, api.proto of Kubernetes) only the messages and fields are here that the tests use. Values are dictionaries
with the protocol's names; what is not given has its default.
"""

import sys

from harness import Skip

TEXT, NUMBER, FLAG, TEXTS, NUMBERS, MAP = "text", "number", "flag", "texts", "numbers", "map"
POD, CONTAINER, NODE = 0, 1, 2  # NamespaceMode
RUNNING, EXITED = 1, 2  # ContainerState
# {message: {field: (its number, its type)}}; a list stands for repeated messages.
MESSAGES = {
    "RunPodSandboxRequest": {"config": (1, "PodSandboxConfig"), "runtime_handler": (2, TEXT)},
    "RunPodSandboxResponse": {"pod_sandbox_id": (1, TEXT)},
    "ListPodSandboxRequest": {},
    "StopPodSandboxRequest": {"pod_sandbox_id": (1, TEXT)},
    "RemovePodSandboxRequest": {"pod_sandbox_id": (1, TEXT)},
    "CreateContainerRequest": {"pod_sandbox_id": (1, TEXT), "config": (2, "ContainerConfig"), "sandbox_config": (3, "PodSandboxConfig")},
    "CreateContainerResponse": {"container_id": (1, TEXT)},
    "StartContainerRequest": {"container_id": (1, TEXT)},
    "StopContainerRequest": {"container_id": (1, TEXT), "timeout": (2, NUMBER)},
    "RemoveContainerRequest": {"container_id": (1, TEXT)},
    "ContainerStatusRequest": {"container_id": (1, TEXT)},
    "ContainerStatusResponse": {"status": (1, "ContainerStatus")},
    "ContainerStatus": {"id": (1, TEXT), "state": (3, NUMBER), "exit_code": (7, NUMBER), "reason": (10, TEXT), "message": (11, TEXT)},
    "UpdateContainerResourcesRequest": {"container_id": (1, TEXT), "linux": (2, "LinuxContainerResources")},
    "LinuxContainerResources": {"cpu_shares": (3, NUMBER), "cpuset_cpus": (6, TEXT)},
    "ExecSyncRequest": {"container_id": (1, TEXT), "cmd": (2, TEXTS), "timeout": (3, NUMBER)},
    "ExecSyncResponse": {"stdout": (1, TEXT), "stderr": (2, TEXT), "exit_code": (3, NUMBER)},
    "PodSandboxConfig": {
        "metadata": (1, "PodSandboxMetadata"),
        "log_directory": (3, TEXT),
        "annotations": (7, MAP),
        "linux": (8, "LinuxPodSandboxConfig"),
    },
    "PodSandboxMetadata": {"name": (1, TEXT), "uid": (2, TEXT), "namespace": (3, TEXT), "attempt": (4, NUMBER)},
    "LinuxPodSandboxConfig": {"cgroup_parent": (1, TEXT), "security_context": (2, "LinuxSandboxSecurityContext")},
    "LinuxSandboxSecurityContext": {"namespace_options": (1, "NamespaceOption"), "privileged": (6, FLAG)},
    "NamespaceOption": {"network": (1, NUMBER), "pid": (2, NUMBER), "ipc": (3, NUMBER), "userns_options": (5, "UserNamespace")},
    "UserNamespace": {"mode": (1, NUMBER), "uids": (2, ["IDMapping"]), "gids": (3, ["IDMapping"])},
    "IDMapping": {"host_id": (1, NUMBER), "container_id": (2, NUMBER), "length": (3, NUMBER)},
    "ContainerConfig": {
        "metadata": (1, "ContainerMetadata"),
        "image": (2, "ImageSpec"),
        "command": (3, TEXTS),
        "args": (4, TEXTS),
        "envs": (6, ["KeyValue"]),
        "mounts": (7, ["Mount"]),
        "annotations": (10, MAP),
        "log_path": (11, TEXT),
        "linux": (15, "LinuxContainerConfig"),
        "CDI_devices": (17, ["CDIDevice"]),
    },
    "ContainerMetadata": {"name": (1, TEXT), "attempt": (2, NUMBER)},
    "ImageSpec": {"image": (1, TEXT)},
    "KeyValue": {"key": (1, TEXT), "value": (2, TEXT)},
    "Mount": {
        "container_path": (1, TEXT),
        "host_path": (2, TEXT),
        "readonly": (3, FLAG),
        "propagation": (5, NUMBER),
        "uidMappings": (6, ["IDMapping"]),
        "gidMappings": (7, ["IDMapping"]),
    },
    "CDIDevice": {"name": (1, TEXT)},
    "LinuxContainerConfig": {"security_context": (2, "LinuxContainerSecurityContext")},
    "LinuxContainerSecurityContext": {
        "capabilities": (1, "Capability"),
        "privileged": (2, FLAG),
        "namespace_options": (3, "NamespaceOption"),
        "run_as_user": (5, "Int64Value"),
        "readonly_rootfs": (7, FLAG),
        "no_new_privs": (11, FLAG),
        "seccomp": (15, "SecurityProfile"),
    },
    "Capability": {"add_capabilities": (1, TEXTS), "drop_capabilities": (2, TEXTS)},
    "Int64Value": {"value": (1, NUMBER)},
    "SecurityProfile": {"profile_type": (1, NUMBER)},  # 0: RuntimeDefault
}


def varint(number):
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def with_length(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def encode_field(number, kind, value):
    if kind in (NUMBER, FLAG):
        return varint(number << 3) + varint(int(value)) if value else b""
    if kind == TEXT:
        return with_length(number, str(value).encode()) if value else b""
    if kind == TEXTS:
        return b"".join(with_length(number, text.encode()) for text in value)
    if kind == MAP:
        entries = ({"key": key, "value": text} for key, text in value.items())
        return b"".join(with_length(number, encode("KeyValue", entry)) for entry in entries)
    if isinstance(kind, list):
        return b"".join(with_length(number, encode(kind[0], one)) for one in value)
    return with_length(number, encode(kind, value))


def encode(message, values):
    fields = MESSAGES[message]
    return b"".join(encode_field(*fields[name], value) for name, value in values.items())


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at


def decode(message, data):
    """Only single fields, as responses have them."""
    fields = {number: (name, kind) for name, (number, kind) in MESSAGES.get(message, {}).items()}
    values = {name: {NUMBER: 0, TEXT: ""}.get(kind) for name, kind in fields.values()}
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        value, at = read_varint(data, at)  # no response has a fixed-width number here
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        name, kind = fields.get(tag >> 3, (None, None))
        if name:
            values[name] = value.decode(errors="replace") if kind == TEXT else decode(kind, value) if kind in MESSAGES else value
    return values


class Refused(Exception):
    """What the runtime answers in the place of a result."""


class Client:
    def __init__(self, socket):
        # Debian's module, whichever Python of this version runs the tests.
        sys.path.append("/usr/lib/python3/dist-packages")
        try:
            import grpc  # pylint: disable=import-outside-toplevel
        except ImportError as error:
            raise Skip("python3-grpcio is not installed; scripts/test --engines installs it") from error
        self.grpc, self.socket, self.channel = grpc, socket, None
        self.connect()

    def connect(self):
        """Again, after a restart of the other side."""
        if self.channel:
            self.channel.close()
        self.channel = self.grpc.insecure_channel(f"unix://{self.socket}", options=[("grpc.default_authority", "localhost")])

    def call(self, method, **values):
        remote = self.channel.unary_unary(f"/runtime.v1.RuntimeService/{method}")
        try:
            answer = remote(encode(f"{method}Request", values), timeout=120, wait_for_ready=True)
        except self.grpc.RpcError as error:
            raise Refused(error.details()) from None
        return decode(f"{method}Response", answer)
