#!/usr/bin/env bash
# The wheel tested on every Python that the package names, as far as they are found here.
#
#   tests/pythons.sh                          the whole suite and the doctests
#   PYTHONS=3.13 tests/pythons.sh tests/cli   a part
#
# PYTHON, with the package `build`, makes the wheel.
set -euo pipefail
cd "$(dirname "$0")/.."
builder=${PYTHON:-.venv/bin/python}
workers=${WORKERS:-auto}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

interpreter() {
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        if "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != tuple(map(int, '$1'.split('.'))))" 2> /dev/null
        then
            echo "$candidate"
            return
        fi
    done
}

"$builder" -m build --outdir "$folder/dist" . > /dev/null
tar -xzf "$folder"/dist/*.tar.gz -C "$folder"
work=$(echo "$folder"/convexscore-*)
# What is imported is the wheel, not the package beside the tests.
rm -r "$work/convexscore"
[ $# -gt 0 ] || set -- tests --pyargs convexscore
for version in ${PYTHONS:-3.11 3.12 3.13}; do
    python=$(interpreter "$version")
    if [ -z "$python" ]; then
        echo "Python $version: skipped, none is found here"
        continue
    fi
    echo "== Python $version: $python"
    "$python" -m venv "$folder/venv-$version"
    "$folder/venv-$version/bin/python" -m pip install --quiet --disable-pip-version-check \
        "$(echo "$folder"/dist/*.whl)[test]"
    (cd "$work" && "$folder/venv-$version/bin/python" -m pytest -q -n "$workers" "$@")
done
