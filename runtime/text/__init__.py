"""Labels to embeddings on the device: tokenizer and text graph."""
