"""DeviceBuffers: runs of a graph on buffers that stay on the GPU, one set for each shape."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnxruntime

Feed = Mapping[str, npt.NDArray[np.int64]]


class DeviceBuffers:
    """Runs a graph with one output of float32[rows], its inputs and output bound to memory of the device.

    The shapes are few (see `batches`), so each gets its buffers once. One run at a time: the caller takes turns.
    """

    def __init__(self, session: onnxruntime.InferenceSession, device: str = "cuda") -> None:
        self._session, self._device = session, device
        self._inputs = [given.name for given in session.get_inputs()]
        self._output = session.get_outputs()[0].name
        self._bound: dict[tuple[int, ...], tuple[Any, dict[str, Any], Any]] = {}

    def run(self, feed: Feed) -> npt.NDArray[np.float32]:
        """Run int64[rows, length] by name to float32[rows]; names that the graph does not read are left out."""
        shape = next(iter(feed.values())).shape
        binding, inputs, output = self._bound.get(shape) or self._bind(shape)
        for name, value in inputs.items():
            value.update_inplace(feed[name])
        self._session.run_with_iobinding(binding)
        found: npt.NDArray[np.float32] = output.numpy()
        return found

    def _bind(self, shape: tuple[int, ...]) -> tuple[Any, dict[str, Any], Any]:
        make: Any = importlib.import_module("onnxruntime").OrtValue.ortvalue_from_shape_and_type
        inputs = {name: make(list(shape), np.int64, self._device, 0) for name in self._inputs}
        output = make([shape[0]], np.float32, self._device, 0)
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_ortvalue_output(self._output, output)
        self._bound[shape] = binding, inputs, output
        return self._bound[shape]

    def forget(self) -> None:
        """Give the buffers' memory back."""
        self._bound.clear()
