"""An installation's own secrets, and one process at a time on a data folder."""

import threading

import pytest

from frontdoor.settings import AlreadyRunning, kept_secret, only_one


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    first = kept_secret(tmp_path, "sessions")

    assert kept_secret(tmp_path, "sessions") == first
    assert kept_secret(tmp_path, "family_links") != first
    assert (tmp_path / "sessions.secret").stat().st_mode & 0o077 == 0


def test_many_that_start_at_once_get_the_same_secret(tmp_path):
    found = []
    starts = [threading.Thread(target=lambda: found.append(kept_secret(tmp_path, "sessions"))) for _ in range(16)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()

    assert len(found) == 16
    assert len(set(found)) == 1


def test_a_folder_is_served_by_one_process_at_a_time(tmp_path):
    with only_one(tmp_path), pytest.raises(AlreadyRunning), only_one(tmp_path):
        pass


def test_the_next_process_waits_for_the_one_that_is_stopping(tmp_path):
    held = only_one(tmp_path)
    held.__enter__()
    threading.Timer(0.3, lambda: held.__exit__(None, None, None)).start()

    with only_one(tmp_path, wait=5):
        pass
