# SPDX-License-Identifier: MIT
"""A headless Chromium, driven by Debian's selenium and chromedriver."""
from . import needs
from .process import wait_until

DRIVER = "/usr/bin/chromedriver"


def start(width=1280, height=1100, dark=False):
    """A browser, or a skip that says what is missing."""
    webdriver = needs.module("selenium.webdriver")
    service = needs.module("selenium.webdriver.chrome.service")
    needs.programs("chromium", DRIVER)
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--window-size={width},{height}",
                     f"--blink-settings=preferredColorScheme={0 if dark else 1}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=service.Service(DRIVER), options=options)


def text_of(browser, selector):
    """The text of all elements that fit, in one round trip: the page makes itself anew every second."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)


def settle(browser, condition, timeout=30, what="the page"):
    return wait_until(condition, timeout, lambda: f"{what}: {text_of(browser, 'main')}", 0.1)
