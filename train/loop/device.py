"""Chooses the device to train on."""

import torch

from ...runtime.errors import StzsarError


def find_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is a GPU if there is one.

    Raises:
        StzsarError: this machine cannot use it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise StzsarError(f"--device {name} cannot be used: {reason}.") from error
    return device
