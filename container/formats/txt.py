"""“txt”: what a picture says, or what was found in it, in words."""

from container.formats._base import Format, add
from container.structures import Choice, Result
from container.structures.texts import Reading


class Text(Format):
    """A line for each line of text that was read, or for each instance: `horse 100%`, best first."""

    name, media_type, rank = "txt", "text/plain", 5
    content_type = "text/plain; charset=utf-8"
    text = True
    schemas = ({"type": "string", "description": "A line for each line of text, or for each instance"},)

    def needs_masks(self, choice: Choice) -> bool:
        """Return False."""
        return False

    def encode(self, result: Result, choice: Choice) -> bytes:
        """The lines in UTF-8."""
        prediction = result.prediction
        found = prediction.instances()
        lines = found.captions if isinstance(prediction, Reading) else found.finite().captions
        return "".join(f"{line}\n" for line in lines).encode(errors="replace")


add(Text())
