"""What runs a graph: ONNX Runtime and TensorRT. No labels or scores here."""
