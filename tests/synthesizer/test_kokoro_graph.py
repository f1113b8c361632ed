"""A convolution over a line of samples gives the same as an image of height one."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from babblefish.synthesizer.kokoro_graph import with_images

_FLOAT = onnx.TensorProto.FLOAT


def _model(opset: int = 17, **shape: Any) -> onnx.ModelProto:  # noqa: ANN401 as attributes are
    """One convolution with bias, 16 channels to 32."""
    rng = np.random.default_rng(1)
    kernel = shape["kernel_shape"][0]
    weights = rng.normal(size=(32, 16 // shape.get("group", 1), kernel)).astype(np.float32)
    bias = rng.normal(size=32).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], **shape)
    graph = helper.make_graph(
        [node],
        "line",
        [helper.make_tensor_value_info("x", _FLOAT, [1, 16, None])],
        [helper.make_tensor_value_info("y", _FLOAT, [1, 32, None])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def _run(model: onnx.ModelProto, samples: int) -> NDArray[np.float32]:
    line = np.random.default_rng(2).normal(size=(1, 16, samples)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    heard: NDArray[np.float32] = session.run(None, {"x": line})[0]
    return heard


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.integers(1, 11),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 5),
    pads=st.lists(st.integers(0, 25), min_size=2, max_size=2),
    group=st.sampled_from([1, 2, 16]),
)
def test_the_same_comes_out(
    kernel: int, stride: int, dilation: int, pads: list[int], group: int
) -> None:
    model = _model(
        kernel_shape=[kernel], strides=[stride], dilations=[dilation], pads=pads, group=group
    )
    before = _run(model, 70)
    after = _run(with_images(model), 70)
    assert before.shape == after.shape
    np.testing.assert_allclose(before, after, rtol=1e-4, atol=1e-4)


def test_onnxruntime_takes_its_blocked_kernels_for_it(tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    model = with_images(_model(kernel_shape=[7], pads=[3, 3]))
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    optimised = onnx.load(options.optimized_model_filepath)
    (convolution,) = [node for node in optimised.graph.node if node.op_type == "Conv"]
    assert convolution.domain == "com.microsoft.nchwc"


def test_an_old_operator_set_is_left_as_it_is() -> None:
    old = _model(opset=11, kernel_shape=[3])
    assert with_images(_model(opset=11, kernel_shape=[3])) == old
