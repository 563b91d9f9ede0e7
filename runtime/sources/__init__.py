"""Where frames come from: files, cameras, network streams, and how people name them."""
