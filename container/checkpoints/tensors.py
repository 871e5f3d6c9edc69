"""Which calls in a pickle describe tensors and NumPy arrays, and what they describe."""

import math
from typing import Any

from container.checkpoints.values import ITEM_SIZES, Encoded, Name, StandIn, Storage, Tensor, Unreadable

MAX_DIMENSIONS = 64

_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128", "UntypedStorage": "uint8", "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8", "QInt32Storage": "qint32", "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
}  # fmt: skip
_OF_STORAGES = {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"}
_OF_TENSORS = {"_rebuild_parameter", "_rebuild_parameter_with_state"}
# Tensors that are not plain, by the function that rebuilds them.
_SPECIAL = {
    "_rebuild_qtensor": "is quantized: dequantize() makes it a plain tensor",
    "_rebuild_sparse_tensor": "is sparse: to_dense() makes it a plain tensor",
    "_rebuild_nested_tensor": "is a nested tensor",
    "_rebuild_meta_tensor_no_storage": "is a meta tensor, which has no data",
    "_rebuild_wrapper_subclass": "is of a tensor class of its own",
    "_rebuild_device_tensor_from_numpy": "is a tensor of a device without storages: move it to the CPU before saving",
    "_rebuild_device_tensor_from_cpu_tensor": "is a tensor of a device without storages: move it to the CPU",
}
_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_FROM_BUFFER = ("numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer")
_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool"}


def rebuilt(called: Name, arguments: tuple[Any, ...]) -> Any:
    """Return the tensor that a call describes, a StandIn for one that is not plain, or None for other calls."""
    if called.module == "torch._tensor" and called.name == "_rebuild_from_type_v2":  # tensors with attributes
        function, _, of, *_ = arguments
        return rebuilt(function, of) if isinstance(function, Name) and isinstance(of, tuple) else None
    if called.module not in ("torch._utils", "torch.sparse"):
        return None
    if called.name in _SPECIAL:
        return StandIn(called, _SPECIAL[called.name], arguments)
    if called.name in _OF_TENSORS and arguments and isinstance(arguments[0], Tensor | StandIn):
        return arguments[0]
    if called.name in _OF_STORAGES and arguments and isinstance(arguments[0], Storage):
        source, offset, shape, strides, *rest = arguments
        dtype = rest[2].name if called.name == "_rebuild_tensor_v3" and isinstance(rest[2], Name) else source.dtype
        return _checked(Tensor(source, dtype, offset, shape, strides))
    return None


def storage(identity: Any) -> Any:
    """Return the storage of a persistent id in a file of torch.save; Unreadable where it names one in another way."""
    if not isinstance(identity, tuple | list) or len(identity) < 2:
        raise Unreadable("it names a storage in another way than torch does")
    kind, of, *rest = identity
    if kind == "module":  # files before torch 1.6 hold the source code of modules, which is passed over
        return of
    key, _, count, *view = rest if len(rest) >= 3 else ("", "", -1)
    # torch finds "data/A" for "data/a", and reads it again for each spelling.
    if not isinstance(of, Name) or not isinstance(key, str) or not key.isdecimal() or not _is_count(count):
        raise Unreadable("it names a storage in another way than torch does")
    dtype = _STORAGES.get(of.name)
    if dtype is None:
        return StandIn(of, f"is of {of.name}, which is no plain tensor's")
    begin = 0
    if view and view[0] is not None:
        _, begin, count = view[0]
        if not _is_count(begin) or not _is_count(count):
            raise Unreadable("it names a storage in another way than torch does")
    return Storage(key, dtype, int(count), begin)


def as_tensor(value: Any) -> Tensor | None:
    """Return a tensor, or a NumPy array as one; None for everything else."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, StandIn) and str(value.of) in _RECONSTRUCT:
        match value.state:
            case (_, shape, dtype, fortran, data):
                return _array(dtype, shape, data, bool(fortran))
    if isinstance(value, StandIn) and str(value.of) in _FROM_BUFFER:
        match value.arguments:
            case (data, dtype, shape, order):
                return _array(dtype, shape, data, order == "F")
    return None


def _array(dtype: Any, shape: Any, data: Any, fortran: bool) -> Tensor | None:
    """Return a NumPy array's tensor; None for an array of objects or of another byte order."""
    content = data.text.encode("latin1") if isinstance(data, Encoded) else data
    content = content.encode("latin1") if isinstance(content, str) else content  # of Python 2
    name = _dtype(dtype)
    if name is None or not isinstance(content, bytes | bytearray) or not isinstance(shape, tuple):
        return None
    sides = shape[::-1] if fortran else shape
    strides = [math.prod(sides[i + 1 :]) for i in range(len(sides))] if all(map(_is_count, shape)) else []
    return _checked(Tensor(bytes(content), name, 0, shape, tuple(strides[::-1] if fortran else strides)))


def _dtype(value: Any) -> str | None:
    """Return torch's name of a NumPy dtype, as which it is pickled: `dtype("f4")` and its byte order."""
    if not isinstance(value, StandIn) or str(value.of) != "numpy dtype" or not value.arguments:
        return None
    code = value.arguments[0]
    order = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "<"
    if not isinstance(code, str) or code[:1] not in _KINDS or not code[1:].isdecimal() or order not in ("<", "|", "="):
        return None
    name = "bool" if code == "b1" else f"{_KINDS[code[0]]}{8 * int(code[1:])}"
    return name if name in ITEM_SIZES else None


def _checked(tensor: Tensor) -> Tensor:
    shape, strides = tensor.shape, tensor.strides
    if not isinstance(shape, tuple) or not isinstance(strides, tuple) or len(shape) != len(strides):
        raise Unreadable("it describes a tensor in another way than torch does")
    if len(shape) > MAX_DIMENSIONS or not all(map(_is_count, (tensor.offset, *shape, *strides))):
        raise Unreadable("it describes a tensor in another way than torch does")
    return tensor


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62
