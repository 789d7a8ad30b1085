"""Tests of the command line."""

import pytest

# So that a failing check among the helpers shows its values, as one in a test does.
pytest.register_assert_rewrite("tests.cli.helpers")
