"""Which columns the frames of a bundle have."""

from ..search.opening import bundle_id, columns_of, embedding_name

__all__ = ["bundle_id", "columns_of", "embedding_name"]
