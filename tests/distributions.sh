#!/usr/bin/env bash
# Builds the source distribution, and the wheel from it; checks what is in them, and that both work elsewhere.
#
#   tests/distributions.sh                    with a part of the tests, run from the unpacked sources
#   tests/distributions.sh tests              with others
#
# PYTHON, with the package `build`, makes them.
set -euo pipefail
cd "$(dirname "$0")/.."
builder=${PYTHON:-.venv/bin/python}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[ $# -gt 0 ] || set -- tests/claims/test_packaging.py tests/claims/test_structure.py tests/cli tests/test_solve.py

"$builder" -m build --outdir "$folder/dist" . > /dev/null
"$builder" -m tests.distributions "$folder/dist"
"$builder" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(echo "$folder"/dist/*.whl)[test]"
mkdir "$folder/empty"
(cd "$folder/empty" && "$folder/venv/bin/convexscore" demo --output demo)
tar -xzf "$folder"/dist/*.tar.gz -C "$folder"
(cd "$folder"/convexscore-* && "$folder/venv/bin/python" -m pytest -q "$@")
