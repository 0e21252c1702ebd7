"""What vLLM is told of Face-LLaVA: it calls `register` in each of its processes.

The entry point `vllm.general_plugins` of the installed package names it.
"""

import ctypes
import os
import signal
import sys

OWNER = "FACESIFT_VLLM_OWNER"
"""Variable of the environment that holds the number of the process that started vLLM for facesift."""
_PR_SET_PDEATHSIG = 1

ARCHITECTURE = "FaceLlavaDecoder"
"""Names the decoder in the configuration that vLLM is given."""

LOAD_FORMAT = "facesift"
"""Names what reads the decoder's weights from a checkpoint of the official layout."""


def register() -> None:
    """Register the decoder and the reader of its weights; may be called again."""
    if os.environ.get(OWNER, str(os.getpid())) != str(os.getpid()):
        _die_with_parent()
    from vllm import ModelRegistry  # noqa: PLC0415 - an extra
    from vllm.model_executor.model_loader import register_model_loader  # noqa: PLC0415

    from model.engines.vllm_model import FaceLlavaDecoder  # noqa: PLC0415
    from model.engines.vllm_weights import DecoderLoader  # noqa: PLC0415

    if ARCHITECTURE not in ModelRegistry.get_supported_archs():
        ModelRegistry.register_model(ARCHITECTURE, FaceLlavaDecoder)
        register_model_loader(LOAD_FORMAT)(DecoderLoader)


def _die_with_parent() -> None:
    """Let this process end when its parent does, however that ends: vLLM's would wait for it for ever."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
