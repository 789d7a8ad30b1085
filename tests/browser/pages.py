"""A page in a browser: what is done to it, and what it shows."""

import json
from contextlib import contextmanager


class Page:
    """What the tests do with a page."""

    def __init__(self, browser):
        self.browser = browser

    def open(self, path):
        self.browser.get_log("browser")
        self.browser.get(path.as_uri())

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def press(self, identifier, *keys):
        self.browser.find_element("id", identifier).send_keys(*keys)

    def click(self, identifier):
        self.browser.find_element("id", identifier).click()

    def _set(self, identifier, value, event):
        self.run(
            "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
            "field.dispatchEvent(new Event(arguments[2], {bubbles: true}));",
            identifier,
            value,
            event,
        )

    def go(self, beta):
        self._set("exact", repr(float(beta)), "change")

    def slide(self, place):
        self._set("slider", place, "input")

    def choose(self, identifier, value):
        self._set(identifier, value, "change")

    def numbers(self):
        return json.loads(self.run("return document.getElementById('text').value"))

    def table(self):
        cells = "[...row.children].map(cell => cell.textContent)"
        return dict(self.run(f"return [...document.querySelectorAll('#table tr')].map(row => {cells})"))

    def data(self):
        return json.loads(self.run("return document.getElementById('numbers').textContent"))

    def says(self, identifier):
        """What an element says a moment later."""
        text = f"document.getElementById('{identifier}').textContent"
        return self.run(f"return new Promise(done => setTimeout(() => done({text}), 200))")

    def complaints(self):
        return [entry["message"] for entry in self.browser.get_log("browser")]

    @contextmanager
    def of_width(self, width):
        """As on a telephone of this width."""
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        try:
            yield
        finally:
            self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def too_wide(self):
        """The elements beyond the window's right edge, the page itself among them."""
        return self.run(
            "return [...document.querySelectorAll('html, main, main *')].filter(each => !each.closest('svg')"
            " && Math.max(each.getBoundingClientRect().right, each === document.documentElement"
            " ? each.scrollWidth : 0) > innerWidth + 1).map(each => each.tagName + each.id)"
        )

    def odd_words(self):
        """The words of the page, and of its pictures, that are no words for readers."""
        return self.run(
            r"return [document.body.innerText.match(/NaN|Infinity|undefined|\bnull\b/),"
            " document.querySelector('main').innerHTML.match(/NaN|Infinity|undefined/)]"
            ".filter(Boolean).flat()"
        )

    def unnamed_pictures(self):
        return self.run(
            "return [...document.querySelectorAll('svg')].filter(each => !each.getAttribute('aria-label')"
            " || !['title', 'desc'].every(name => each.querySelector(name)?.textContent))"
            ".map(each => each.id)"
        )
