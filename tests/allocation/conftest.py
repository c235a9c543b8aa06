"""Instances for the allocation tests: the two public ones, and invented ones."""

import gzip
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent / "examples"


@pytest.fixture(scope="session")
def balanced():
    """The public instance of 160 requests, every rule in play, as parsed JSON."""
    return json.loads(gzip.decompress((EXAMPLES / "p1-balanced.json.gz").read_bytes()))


@pytest.fixture(scope="session")
def at_scale():
    """The public instance of 2,000 requests with nested limits only, as parsed JSON."""
    return json.loads(gzip.decompress((EXAMPLES / "p2-scale.json.gz").read_bytes()))
