"""What runs a graph: ONNX Runtime and TensorRT. Nothing here knows labels."""
