"""Whether a machine can do what its configuration says about the encryption of its disks."""

from talos_flux.errors import UserError
from talos_flux.repository.settings import Node, short
from talos_flux.talos import config, machines

SYSTEM_VOLUMES = ("STATE", "EPHEMERAL")


def keys_by_volume(node: Node) -> dict[str, list[dict[str, object]]]:
    """Return the keys of each system volume that the node's rendered configuration encrypts."""
    return {
        document["name"]: document["encryption"]["keys"]
        for document in config.documents(node.config.read_text())
        if document.get("kind") == "VolumeConfig" and document["name"] in SYSTEM_VOLUMES and "encryption" in document
    }


def refuse_to_install_without_secure_boot(node: Node) -> None:
    """Raise UserError when a machine in maintenance mode is to seal its disks to the TPM, and Secure Boot is off.

    Talos enrolls no key then, and the node would not finish its first boot.
    """
    if not any("tpm" in key for keys in keys_by_volume(node).values() for key in keys):
        return
    [state] = machines.resources(node.address, "securitystate", maintenance=True)
    if not state["spec"].get("secureBoot"):
        raise UserError(
            f"{node} has Secure Boot off, and its disks are sealed to the state of Secure Boot (encrypt_disk): enroll "
            "the keys as docs/runbooks/first-boot.md says, boot it from the Secure Boot image, and run this again."
        )


def refuse_another_encryption(node: Node) -> None:
    """Raise UserError when a node's configuration and its disks differ in what is encrypted.

    Talos encrypts only what is empty and opens a disk only as it is: after its next restart the node would wait for it.
    """
    wanted = keys_by_volume(node)
    for volume in machines.resources(node.address, "volumestatus"):
        name, is_encrypted = volume["metadata"]["id"], volume["spec"].get("encryptionProvider", "none") != "none"
        if name in SYSTEM_VOLUMES and is_encrypted != (name in wanted):
            here, there = ("encrypted", "in clear") if is_encrypted else ("in clear", "encrypted")
            raise UserError(
                f"{name} of {node} is {here}, and {short(node.config)} wants it {there}: the node could not open it "
                "after a restart. Only a new installation changes that (docs/runbooks/nodes.md, Replace a machine)."
            )
