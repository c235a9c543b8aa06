"""Personal data is readable with the child's key, and by nobody once the key is destroyed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdoor.database import Database
from frontdoor.seal import Erased, KeyStore
from frontdoor.testing import NOW

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=8,
)


@pytest.fixture
def keys(tmp_path):
    made = KeyStore(Database(f"sqlite:///{tmp_path}/keys.sqlite"))
    made.create("C-1", NOW)
    made.create("C-2", NOW)
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(JSON)
def test_what_was_sealed_comes_back_as_it_was(keys, value):
    assert keys.unseal(keys.seal("C-1", value)) == value


def test_sealed_text_shows_nothing_of_what_it_holds(keys):
    assert "Wren" not in keys.seal("C-1", "Wren Ashdown")
    assert keys.seal("C-1", "Wren") != keys.seal("C-1", "Wren")


def test_a_value_cannot_be_passed_off_as_another_childs(keys):
    moved = keys.seal("C-1", "Wren").replace("C-1", "C-2")

    with pytest.raises(ValueError, match="has been changed"):
        keys.unseal(moved)


def test_destroying_the_key_erases_the_person_everywhere_at_once(keys):
    sealed = keys.seal("C-1", "Wren")
    keys.destroy("C-1", NOW)

    with pytest.raises(Erased):
        keys.unseal(sealed)
    assert keys.unseal_or(sealed, "somebody") == "somebody"


def test_a_destroyed_key_is_never_made_again(keys):
    keys.destroy("C-1", NOW)
    keys.create("C-1", NOW)

    with pytest.raises(Erased):
        keys.seal("C-1", "Wren")


def test_making_a_key_twice_keeps_the_first(keys):
    sealed = keys.seal("C-1", "Wren")
    keys.create("C-1", NOW)

    assert keys.unseal(sealed) == "Wren"
