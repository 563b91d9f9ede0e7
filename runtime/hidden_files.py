"""Tells what systems leave among people's files: no video, clip, class or text is called so."""

# macOS archives; Windows; NAS systems of Synology and QNAP; ext4; Python.
_SYSTEM = {
    *("__macosx", "$recycle.bin", "system volume information", "thumbs.db", "desktop.ini"),
    *("@eadir", "#recycle", "@recycle", "lost+found", "__pycache__"),
}


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is hidden (`._x.mp4`) or a system's (`__MACOSX`)."""
    return name.startswith(".") or name.casefold() in _SYSTEM
