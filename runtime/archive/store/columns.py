"""What an archive calls a bundle, and which columns its frames have."""

import hashlib

from ...bundle.manifest import FRAME_EMBEDDING, PATCH_EMBEDDINGS, Manifest
from ...errors import BundleError
from ...recordings.recorder import identity_of

EMBEDDING, PATCHES = "embedding", "patches"


def bundle_id(manifest: Manifest) -> str:
    """Return what an archive calls the bundle: short for the hashes of its two graphs."""
    identity = identity_of(manifest)
    return hashlib.sha256(f"{identity.frame}{identity.window}".encode()).hexdigest()[:16]


def embedding_name(manifest: Manifest) -> str:
    """Return what a manifest calls the frame embedding: a feature, or the state that is one.

    Raises:
        BundleError: it has none.
    """
    if FRAME_EMBEDDING in manifest.features:
        return FRAME_EMBEDDING
    own = [name for name in manifest.states if name not in manifest.label_states]
    if not own:
        raise BundleError(
            f"The bundle {manifest.name} gives no frame embedding to archive: export it again."
        )
    return own[0]


def columns_of(manifest: Manifest) -> dict[str, str]:
    """Return the column of each feature, and of each state that knows no labels, by its name."""
    embedding = embedding_name(manifest)
    known = {embedding: EMBEDDING, PATCH_EMBEDDINGS: PATCHES}
    states = [name for name in manifest.states if name not in manifest.label_states]
    names = dict.fromkeys([*manifest.features, *states])
    return {name: known.get(name, name) for name in names}
