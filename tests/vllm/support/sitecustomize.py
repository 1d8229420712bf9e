"""Lets torchvision import beside a CPU build of torch, in this process and every child of it.

Test support for the environment of scripts/vllm_env.sh alone: torchvision's wheel carries operators
compiled for CUDA, which a CPU build of torch can't load, and its import stops on the missing names
`torchvision::nms` and `torchvision::qnms`. Declaring them is enough: the picture processors of
transformers never call them. Put this folder on PYTHONPATH.
"""

import importlib.abc
import sys


class _DeclareOperators(importlib.abc.MetaPathFinder):
    """Declares the operators at the moment that torchvision is first looked for, not before.

    Importing torch in every child process at start-up would make each of them seconds slower.
    """

    def __init__(self) -> None:
        self._library = None

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision" and self._library is None:
            import torch

            self._library = torch.library.Library("torchvision", "DEF")
            self._library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            self._library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return None


sys.meta_path.insert(0, _DeclareOperators())
