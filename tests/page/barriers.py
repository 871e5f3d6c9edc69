"""Barriers on a page, as axe-core finds them."""

from typing import Any

from playwright.sync_api import Page

from tests.conftest import ROOT

AXE = ROOT / "tests/clients/node_modules/axe-core/axe.min.js"


def barriers(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical, in a line each."""
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in _run(page, "{ resultTypes: ['violations'] }")["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def contrast(page: Page) -> float:
    """Return the least contrast of a text to what is behind it."""
    found = _run(page, "{ runOnly: ['color-contrast'] }")
    nodes = [node for kind in ("passes", "violations") for one in found[kind] for node in one["nodes"]]
    ratios = [(check["data"] or {}).get("contrastRatio") for node in nodes for check in node["any"]]
    return min(ratio for ratio in ratios if ratio)


def _run(page: Page, options: str) -> Any:
    if not page.evaluate("window.axe?.run !== undefined"):
        page.evaluate(AXE.read_text())
    return page.evaluate(f"axe.run(document, {options})")
