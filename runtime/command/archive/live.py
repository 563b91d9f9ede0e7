"""Opens the archive of a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...bundle.bundle import Bundle
from ...errors import StzsarError
from ...streams.plan import StreamPlan

if TYPE_CHECKING:
    from ...archive.index.live import LiveArchive
    from ..options import RunOptions


def open_archive(
    options: "RunOptions", bundle: Bundle, plans: Sequence[StreamPlan]
) -> "LiveArchive":
    """Open the archive that the frames of a run go into.

    Raises:
        StzsarError: it cannot be used, has frames at another rate, or the streams have several.
    """
    from ...archive.index.live import archived_at

    assert options.archive
    rates = {plan.options.sampling(bundle.manifest).rate_fps for plan in plans}
    if len(rates) > 1:
        raise StzsarError(
            f"--archive keeps all streams at one rate, and {options.streams} asks for "
            f"{' and '.join(f'{rate:g}' for rate in sorted(rates))} frames a second: give them one."
        )
    return archived_at(
        options.archive,
        bundle,
        rates.pop(),
        stretch_s=options.archive_stretch_s,
        patches=options.archive_patches,
        retained=options.retained,
    )
