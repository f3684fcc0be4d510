"""A network as an ONNX file that other programs run: colours in 0..1 and focus positions in, depth out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from focaldepth.core.errors import SettingError, WriteError
from focaldepth.io._atomic import staged_file
from focaldepth.networks._loaded import Loaded
from focaldepth.networks._spec import NETWORKS, Colour, Convention, FocusForm

OPSET = 20
"""Version of the operators of ONNX: the first with sampling in volumes."""
TOLERANCE = 1e-3
"""Largest difference between ONNX Runtime and PyTorch, as a share of the range of depth."""
_DYNAMIC = {"frames": {1: "frames", 3: "height", 4: "width"}}
