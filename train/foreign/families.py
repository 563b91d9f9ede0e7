"""All families, and which one a file is of."""

from ...runtime.errors import BundleError, StzsarError
from . import actionclip, bike, containers, mote, ost, text4vis, vifi_clip
from .family import Family, ForeignFile
from .refused import refuse_unstreamable

AUTO = "auto"
# In the order in which `auto` asks them: the narrowest first.
FAMILIES: tuple[Family, ...] = (
    ost.FAMILY,
    mote.FAMILY,
    bike.FAMILY,
    actionclip.FAMILY,
    text4vis.FAMILY,
    *vifi_clip.FAMILIES,
    *containers.FAMILIES,
)
NAMES = tuple(family.name for family in FAMILIES)


def family_called(name: str) -> Family:
    """Return the family of a name.

    Raises:
        StzsarError: there is none.
    """
    for family in FAMILIES:
        if family.name == name:
            return family
    raise StzsarError(f"There is no family {name!r:.80}. Choose one of {', '.join(NAMES)}.")


def family_of(file: ForeignFile) -> Family:
    """Tell the family of a file by its keys.

    Raises:
        BundleError: it is one that cannot stream, or none that is known.
    """
    refuse_unstreamable(file)
    for family in FAMILIES:
        if family.recognise(file):
            return family
    some = ", ".join(sorted(file.tensors)[:3])
    raise BundleError(
        f"{file.path} is of no family that stzsar-import knows; it holds {some:.200}, …. Known are "
        f"{', '.join(NAMES)}."
    )
