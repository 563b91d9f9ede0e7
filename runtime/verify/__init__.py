"""A second look at events before they are told: by a larger bundle, or by a language model."""
