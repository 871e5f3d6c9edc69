"""Files that are nobody's: what systems put beside those of their users."""


def made_by_macos(name: str) -> bool:
    """Return True for the name of a metadata file or folder of macOS, such as `._model.pth`."""
    return name.startswith("._") or name in (".DS_Store", "__MACOSX")
