"""Records how torch computes tensors, as expressions of the tensors that it starts from.

MobileCLIP's branches are merged by timm. What it computes is written down while it does so, not
told again: another version of timm makes other expressions, and the same numbers.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..runtime.fetch.expressions import Expression, evaluate

_aten: Any = torch.ops.aten
_ARITHMETIC = {
    _aten.add.Tensor: "add",
    _aten.add_.Tensor: "add",
    _aten.sub.Tensor: "sub",
    _aten.mul.Tensor: "mul",
    _aten.div.Tensor: "div",
    _aten.sqrt.default: "sqrt",
}
# What copy.deepcopy uses; it fills the memory unseen.
_EMPTY = {_aten.new_empty.default, _aten.set_.source_Storage_storage_offset}
_COPIES = {_aten.clone.default, _aten.detach.default, _aten.alias.default}
_VIEWS = {
    _aten.view.default,
    _aten._unsafe_view.default,
    _aten.unsqueeze.default,
    _aten.squeeze.default,
    _aten.squeeze.dim,
}


class Recorded(TorchDispatchMode):
    """Records what is computed of `tensors`, which are named, while this context is open."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._named: dict[torch.Size, list[tuple[str, Tensor]]] = {}
        for name, tensor in tensors.items():
            self._named.setdefault(tensor.shape, []).append((name, tensor))
        self._made: dict[Any, Expression] = {}
        # A tensor is known by its memory, which must not be used for another one meanwhile.
        self._kept: list[Tensor] = []

    def expression(self, tensor: Tensor) -> Expression:
        """Return what `tensor` was made of.

        Raises:
            ValueError: it was made of nothing that is named, and is not the unit kernel.
        """
        known = self._known(tensor)
        if known is not None:
            return known
        unit: Expression = ["unit kernel", list(tensor.shape)]
        if tensor.ndim == 4 and torch.equal(tensor, torch.from_numpy(evaluate(unit, _no_tensor))):
            return unit
        raise ValueError(f"a tensor {list(tensor.shape)} was made of nothing known")

    def _known(self, tensor: Tensor) -> Expression | None:
        """Return what `tensor` was made of; one that was copied unseen is told by its values."""
        made = self._made.get(_key(tensor))
        same = (name for name, own in self._named.get(tensor.shape, ()) if torch.equal(own, tensor))
        return next(same, None) if made is None else made

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run `func`, and record it if it takes a tensor that is known."""
        del types
        # Before it runs: it may change what it takes.
        known = any(isinstance(arg, Tensor) and self._known(arg) is not None for arg in args)
        operands = [self.expression(a) if isinstance(a, Tensor) else a for a in args if known]
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self._kept.append(result)
            if known and func not in _EMPTY:
                self._made[_key(result)] = _expression(func, operands, result)
        return result


def _expression(func: Any, operands: list[Any], result: Tensor) -> Expression:
    if func in _COPIES:
        return operands[0]
    if func in _VIEWS:
        return ["reshape", operands[0], list(result.shape)]
    if func in _ARITHMETIC:
        return [_ARITHMETIC[func], *operands]
    if func is _aten.constant_pad_nd.default and len(set(operands[1])) == 1:
        return ["pad", operands[0], operands[1][0]]
    raise ValueError(f"{func} has no counterpart in runtime/fetch/expressions.py")


def _key(tensor: Tensor) -> tuple[int, torch.Size, tuple[int, ...]]:
    return tensor.data_ptr(), tensor.shape, tensor.stride()


def _no_tensor(name: str) -> Any:
    raise KeyError(name)
