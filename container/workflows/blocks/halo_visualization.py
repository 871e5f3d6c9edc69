"""Light around what was found."""

from container.rendering.effects import draw_halos
from container.workflows.blocks._visualization import (
    COLORS,
    COPY,
    IMAGE,
    MASKED_PREDICTIONS,
    Scene,
    Visualization,
    fraction,
    pixels,
)
from container.workflows.manifest import add


class HaloVisualization(Visualization):
    ids: tuple[str, ...] = ("roboflow_core/halo_visualization@v2",)
    title = "Halo visualization"
    doc = "Let light shine from behind the mask of every detection; nothing where there are no masks."
    fields = (
        IMAGE,
        MASKED_PREDICTIONS,
        COPY,
        *COLORS,
        fraction("opacity", "How strong the light is: 0 for none, 1 for its full colour at the mask's border", 0.8),
        pixels("kernel_size", "How far the light reaches: twice its width in pixels", 40, high=500),
    )

    def draw(self, scene: Scene) -> None:
        if scene.instances.masks is not None:
            self._light(scene)

    def _light(self, scene: Scene) -> None:
        values = scene.values
        draw_halos(scene.canvas, scene.instances, scene.colors, values["opacity"], values["kernel_size"])


class HaloOrBoxVisualization(HaloVisualization):
    ids = "roboflow_core/halo_visualization@v1", "HaloVisualization"
    doc = "Let light shine from behind the mask of every detection, or its box where there are no masks."

    def draw(self, scene: Scene) -> None:
        self._light(scene)


add(HaloOrBoxVisualization())
add(HaloVisualization())
