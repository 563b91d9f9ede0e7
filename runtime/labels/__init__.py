"""Labels, label files, and banks of embeddings. Nothing here runs a graph or reads video."""
