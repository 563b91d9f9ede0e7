"""The network in PyTorch: what is trained and what is traced."""
