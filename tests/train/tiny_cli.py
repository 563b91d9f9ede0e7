"""stzsar-train whose small network is tiny and whose final test is short.

conftest.py takes both from here; tests that need a process of its own start it as a script.
"""

import dataclasses

from stzsar.models.config import ModelConfig, TemporalConfig, small_config

TEST_CLIPS_PER_CLASS = 1


def tiny_config() -> ModelConfig:
    """The small network with one narrow block in each tower, still for 64 px."""
    small = small_config()
    block = {"width": 32, "layers": 1, "heads": 2, "mlp_width": 64}
    return dataclasses.replace(
        small,
        dim=32,
        vision=dataclasses.replace(small.vision, **block),
        text=dataclasses.replace(small.text, **block),
        temporal=TemporalConfig(layers=1, heads=2, max_frames=16),
    )


if __name__ == "__main__":
    from stzsar.train import assemble
    from stzsar.train.cli import main
    from stzsar.train.data import moving_shapes

    assemble.small_config = tiny_config
    moving_shapes._TEST_CLIPS_PER_CLASS = TEST_CLIPS_PER_CLASS
    main()
