"""Labels, label files, and banks of embeddings. Nothing here runs a graph or reads video."""

from .bank import LabelBank
from .label_files import LabelsLike, labels_from, read_labels
from .labels import Label

__all__ = ["Label", "LabelBank", "LabelsLike", "labels_from", "read_labels"]
