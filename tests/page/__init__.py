"""The page at / in a real browser: Chromium, driven by Playwright."""
