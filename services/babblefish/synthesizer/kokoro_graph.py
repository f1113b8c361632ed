"""Kokoro's network, put so that onnxruntime has its fastest kernels for it.

Seven tenths of its time go into convolutions along a line of samples. For those onnxruntime unfolds
the line into a matrix, as many times larger as the kernel is long, and then waits for memory. Its
blocked kernels (NCHWc) do without, but are for images only: so a line becomes an image of height
one. The arithmetic is the same.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import helper

_UNSQUEEZE_BY_INPUT = 13
"""The operator set from which on axes are an input (https://onnx.ai/onnx/operators)."""
_HEIGHT = "babblefish.height"
_OF_HEIGHT_ONE = {"kernel_shape", "strides", "dilations"}


def with_images(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with every convolution `[n, c, w]` as one of `[n, c, 1, w]`, in place."""
    graph = model.graph
    old = max(each.version for each in model.opset_import) < _UNSQUEEZE_BY_INPUT
    if old or not any(map(_line, graph.node)):
        return model
    nodes = [new for node in graph.node for new in (_image(node) if _line(node) else [node])]
    graph.initializer.append(helper.make_tensor(_HEIGHT, onnx.TensorProto.INT64, [1], [2]))
    del graph.node[:]
    graph.node.extend(nodes)
    return model


@contextlib.contextmanager
def opened(path: Path) -> Iterator[str]:
    """The model of a file as a file in memory, for sessions; raises whatever onnx does.

    Not as bytes: a session would keep a copy of them for as long as it lives.
    """
    descriptor = os.memfd_create(path.name)
    try:
        file = f"/proc/self/fd/{descriptor}"
        onnx.save(with_images(onnx.load(str(path))), file)
        yield file
    finally:
        os.close(descriptor)


def _line(node: onnx.NodeProto) -> bool:
    kernels = [each.ints for each in node.attribute if each.name == "kernel_shape"]
    return node.op_type == "Conv" and [len(kernel) for kernel in kernels] == [1]


def _image(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    source, weights, *bias = node.input
    (line,) = node.output
    image, wide, high = (f"{line}.{name}" for name in ("image", "weights", "whole"))
    yield helper.make_node("Unsqueeze", [source, _HEIGHT], [image])
    # Of a constant: onnxruntime folds it away.
    yield helper.make_node("Unsqueeze", [weights, _HEIGHT], [wide])
    convolution = helper.make_node("Conv", [image, wide, *bias], [high], name=node.name)
    convolution.attribute.extend(map(_two_dimensional, node.attribute))
    yield convolution
    yield helper.make_node("Squeeze", [high, _HEIGHT], [line])


def _two_dimensional(attribute: onnx.AttributeProto) -> onnx.AttributeProto:
    if attribute.name in _OF_HEIGHT_ONE:
        return helper.make_attribute(attribute.name, [1, *attribute.ints])
    if attribute.name == "pads":
        before, after = attribute.ints
        return helper.make_attribute("pads", [0, before, 0, after])
    return attribute
