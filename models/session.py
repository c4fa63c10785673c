"""ONNX Runtime sessions: one thread a run, so that runs side by side use the cores."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tamis.errors import DamagedFile, InvalidInput, MissingPrerequisite
from tamis.machine import cores

from .bundle import ModelBundle

if TYPE_CHECKING:
    import onnxruntime

logger = logging.getLogger(__name__)

Device = Literal["cpu", "cuda", "auto"]

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
ERRORS_ONLY = 3
"""ONNX Runtime's log severity: its warnings are about graph details that a user cannot change."""


def open_session(model: Path, device: Device, threads: int) -> onnxruntime.InferenceSession:
    """Load an ONNX model; `provider_of` and the log say what it runs on.

    Args:
        model: a verified file: hashes are the caller's part.
        device: `cuda` insists on a GPU, `auto` takes one where there is one.
        threads: threads inside one run. Tamis uses 1 and runs texts side by side.

    Raises:
        MissingPrerequisite: ONNX Runtime, or the GPU that was asked for, is not there.
        DamagedFile: ONNX Runtime cannot load the model.
    """
    runtime = _import_runtime()
    providers = _providers(runtime, device)
    try:
        session = runtime.InferenceSession(
            str(model),
            _options(runtime, threads),
            providers=providers,
            # The fused kernel is several times slower on a CPU than addition and LayerNormalization apart.
            disabled_optimizers=["SkipLayerNormFusion"] if providers == [CPU] else None,
        )
    except Exception as error:  # the classes of ONNX Runtime's errors have no common base below Exception
        raise DamagedFile(f"ONNX Runtime cannot load {model}: {error}") from error
    if device == "cuda" and provider_of(session) != CUDA:
        raise MissingPrerequisite(
            f"ONNX Runtime could not start CUDA for {model}: install the CUDA 12 and cuDNN 9 libraries "
            "(pip install 'onnxruntime-gpu[cuda,cudnn]'), or use device cpu"
        )
    logger.info("%s runs on %s", model, provider_of(session))
    return session


def open_bundle(bundle: ModelBundle, device: Device, threads: int | None) -> tuple[onnxruntime.InferenceSession, int]:
    """Load a bundle's model so that runs side by side use the cores.

    Args:
        bundle: verified.
        device: `cpu`, `cuda`, or `auto` for a GPU where there is one; int8 runs on a CPU whatever `auto` finds.
        threads: runs side by side on a CPU; None: as many as this process may use cores.

    Returns:
        The session, and the number of threads.

    Raises:
        InvalidInput: the precision does not fit the device, or `threads` is below 1.
        MissingPrerequisite: ONNX Runtime, or the GPU that was asked for, is not there.
        DamagedFile: ONNX Runtime cannot load the model.
    """
    if threads is not None and threads < 1:
        raise InvalidInput(f"threads is {threads}, expected 1 or more")
    int8 = bundle.settings.precision == "int8"
    if int8 and device == "cuda":
        raise InvalidInput(f"{bundle.folder} is int8, which is for CPUs: use a bundle of another precision on a GPU")
    session = open_session(bundle.model, "cpu" if int8 else device, threads=1)
    return session, threads or cores()


def provider_of(session: onnxruntime.InferenceSession) -> str:
    """Name the execution provider that a session really uses."""
    return str(session.get_providers()[0])


def available_providers() -> list[str]:
    """Name what this ONNX Runtime can run on, best first.

    Raises:
        MissingPrerequisite: it is not installed.
    """
    return list(_import_runtime().get_available_providers())


def _import_runtime() -> Any:
    try:
        return importlib.import_module("onnxruntime")
    except ModuleNotFoundError:
        raise MissingPrerequisite(
            "ONNX Runtime is not installed: pip install 'tamis[cpu]', or 'tamis[gpu]' on a machine with CUDA"
        ) from None


def _providers(runtime: Any, device: Device) -> list[Any]:
    runtime.set_default_logger_severity(ERRORS_ONLY)
    available = CUDA in runtime.get_available_providers()
    if device == "cuda" and not available:
        raise MissingPrerequisite(
            "device cuda was asked for, but this ONNX Runtime has no CUDA: "
            "pip uninstall onnxruntime, pip install 'tamis[gpu]', or use device cpu"
        )
    if device == "cpu" or not available:
        return [CPU]
    if hasattr(runtime, "preload_dlls"):  # finds CUDA and cuDNN where pip put them
        runtime.preload_dlls()
    return [(CUDA, {"use_tf32": "0"}), CPU]  # TF32 rounds to 10 bits of mantissa: not what fp32 promises


def _options(runtime: Any, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
