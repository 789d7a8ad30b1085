#!/usr/bin/env bash
# Runs the tests of pages in a browser, after installing what they need as far as that can be done here.
#
#   PYTHON=.venv/bin/python tests/browser/run.sh
#
# Where there is no browser and none can be installed they are skipped, and that is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}

has() { command -v "$1" > /dev/null; }
has_browser() { { has chromium || has chromium-browser || has google-chrome; } && has chromedriver; }
has_selenium() { "$python" -c 'import selenium' 2> /dev/null; }

if ! has_selenium; then
    timeout 300 "$python" -m pip install --quiet --disable-pip-version-check --editable '.[browser]' > /dev/null 2>&1 || true
fi
if ! has_browser && [ "$(id -u)" = 0 ] && has apt-get; then
    echo "installing chromium and chromium-driver"
    export DEBIAN_FRONTEND=noninteractive
    { timeout 120 apt-get update -qq && timeout 480 apt-get install -y -qq chromium chromium-driver; } > /dev/null 2>&1 || true
fi
if ! has_selenium; then
    echo "tests in a browser: skipped, because selenium is not installed and could not be"
elif ! has_browser; then
    echo "tests in a browser: skipped, because chromium and chromedriver are not installed and could not be"
else
    timeout 900 "$python" -m pytest -q -p no:cacheprovider tests/browser
fi
