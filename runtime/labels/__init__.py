"""Labels, label files, and banks of embeddings. Nothing here runs a graph or reads video."""

from .bank import LabelBank
from .labels import Label, read_labels

__all__ = ["Label", "LabelBank", "read_labels"]
