"""Networks, checkpoints and tokenizers in torch; nothing about training loops or ONNX."""
