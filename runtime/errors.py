"""What can go wrong for a user, as one small tree of exceptions.

    StzsarError            exit code 2
    +- BundleError         a bundle or checkpoint that cannot be used
    +- LabelError          labels that are missing, unreadable, repeated or unknown
    +- CalibrationError    thresholds that are unreadable, of another bundle, or cannot be found
    +- SourceError         a camera, stream or video that gives no frames
    +- EngineError         no inference engine, or one that refuses the graph
    +- RecordingError      a recording that cannot be written or replayed
    +- ParityError         exit code 3: an export that differs from its model

A message is one sentence, or two: what was wrong, with the offending value, and what to do next.
"""


class StzsarError(Exception):
    """A mistake that the user can fix; shown without a traceback."""

    exit_code = 2


class BundleError(StzsarError):
    """A bundle or a checkpoint that is missing, tampered with, or of another version."""


class LabelError(StzsarError):
    """Labels or attributes that are missing, unreadable, repeated or unknown."""


class CalibrationError(StzsarError):
    """Footage that is too short for thresholds, or thresholds that do not belong to the run."""


class SourceError(StzsarError):
    """A camera, stream or video that cannot be opened or gives no frames."""


class EngineError(StzsarError):
    """No inference engine is installed, or the one asked for cannot run the graph."""


class RecordingError(StzsarError):
    """A recording that cannot be written or read, is damaged, or belongs to another bundle."""


class ParityError(StzsarError):
    """An exported graph whose numbers differ from the model it was made from."""

    exit_code = 3
