"""How a graph's tensor is made of a state dict's: an expression of a few operations, as JSON.

A text is the name of a tensor, a number itself, and a list an operation with what it is applied to:
`["mul", "visual.conv.weight", ["reshape", ["sqrt", "visual.bn.running_var"], [-1, 1, 1, 1]]]`.
`stzsar.export.skeletons` writes them while it exports; the operations and their order are those of
the export, so the results have the same bits.
"""

from collections.abc import Callable, Container, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Expression = str | float | list[Any]


def _reshape(values: Array, shape: list[int]) -> Array:
    return values.reshape(shape)


def _pad(values: Array, margin: int) -> Array:
    """Put `margin` zeros around the last two axes: a small kernel in the middle of a large one."""
    return np.pad(values, [(0, 0)] * (values.ndim - 2) + [(margin, margin)] * 2)


def _unit_kernel(shape: list[int]) -> Array:
    """Return the kernel of a convolution that changes nothing, of a shape [out, in, k, k]."""
    kernel = np.zeros(shape, np.float32)
    channels = np.arange(shape[0])
    kernel[channels, channels % shape[1], shape[2] // 2, shape[3] // 2] = 1
    return kernel


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "transpose": np.transpose,
    "reshape": _reshape,
    "pad": _pad,
    "unit kernel": _unit_kernel,
}
_DEEPEST = 50
_WITH_PLAIN_LAST = {"reshape", "pad", "unit kernel"}


def check(expression: object, tensors: Container[str], depth: int = 0) -> None:
    """Refuse what is no expression of these tensors.

    Raises:
        ValueError: it is none.
    """
    if isinstance(expression, str):
        if expression not in tensors:
            raise ValueError(f"an expression takes {expression!r:.80}, which is no tensor of it")
    elif isinstance(expression, list):
        operation, *arguments = expression or [None]
        if not isinstance(operation, str) or operation not in OPERATIONS or depth > _DEEPEST:
            raise ValueError("an expression of it is none")
        for one in arguments[: len(arguments) - (operation in _WITH_PLAIN_LAST)]:
            check(one, tensors, depth + 1)
    elif not isinstance(expression, int | float):
        raise ValueError("an expression of it is none")


def evaluate(expression: Expression, read: Callable[[str], Array]) -> Any:
    """Return the value of `expression`, float32; `read` returns a tensor by its name."""
    if isinstance(expression, str):
        return read(expression)
    if not isinstance(expression, list):
        return np.float32(expression)
    operation, *arguments = expression
    plain = arguments[-1:] if operation in _WITH_PLAIN_LAST else []
    values = [evaluate(one, read) for one in arguments[: len(arguments) - len(plain)]]
    return OPERATIONS[operation](*values, *plain)


def tensors_in(expression: Expression) -> Iterator[str]:
    """Yield the names of the tensors that `expression` is made of."""
    if isinstance(expression, str):
        yield expression
    elif isinstance(expression, list):
        operation, *arguments = expression
        for one in arguments[: len(arguments) - (operation in _WITH_PLAIN_LAST)]:
            yield from tensors_in(one)
