"""TensorRT: finds, builds and runs engines. No other folder imports tensorrt."""
