"""Puts a bundle onto the hub, for `stzsar-fetch hub:owner/name`: its own files, and its card."""

from pathlib import Path

from ..runtime.bundle.bundle import MANIFEST, Bundle
from ..runtime.errors import StzsarError
from ..runtime.fetch.card import CARD, write_card
from ..runtime.fetch.hub import HubError, load_hub, spoken_errors
from ..runtime.fetch.hub_bundle import BUNDLE_FILES, HUB, hub_address


def push(folder: Path, name: str) -> str:
    """Upload the bundle in `folder` as one commit, and return `hub:owner/name@commit`.

    Engines and whatever else lies in the folder stay here. A repository that is not there yet is
    made, open to everybody; HF_ENDPOINT and HF_TOKEN say where and as whom.

    Args:
        folder: the bundle; it gets a card if it has none.
        name: `owner/name` on the hub.

    Raises:
        StzsarError: it is not a bundle, or the hub refuses it.
    """
    repo = hub_address(name).repo
    bundle = Bundle.open(folder)  # every hash is right
    if not (bundle.path / CARD).is_file():
        write_card(bundle.path, bundle.bank)
    hub = load_hub()
    files = [*sorted(set(bundle.manifest.files) & set(BUNDLE_FILES)), CARD, MANIFEST]
    operations = [
        hub.CommitOperationAdd(path_in_repo=file, path_or_fileobj=bundle.path / file)
        for file in files
    ]
    try:
        with spoken_errors(hub.constants.ENDPOINT):
            hub.HfApi().create_repo(repo, exist_ok=True)
            commit = hub.HfApi().create_commit(
                repo, operations, commit_message=f"{bundle.manifest.name} by stzsar-export"
            )
    except HubError as error:
        raise StzsarError(
            f"Cannot push {folder} to {repo}: {error}. The bundle is complete here: check HF_TOKEN "
            "and the name, and export it again with --push."
        ) from error
    return f"{HUB}{repo}@{commit.oid}"
