"""TensorRT: engines of a bundle, found or built, and run. Nothing else imports tensorrt."""
