"""stzsar: zero-shot action recognition in live video, from training to the edge.

The stages are the sub-packages: `stzsar.models`, `stzsar.train`, `stzsar.export`,
`stzsar.runtime`. This module imports nothing, so that the runtime stays light.
"""

__version__ = "0.2.0"
