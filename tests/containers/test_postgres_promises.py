"""What people may rely on holds on PostgreSQL too: the services' own tests, on databases there.

By hand, all of a service's:
`FRONTDOOR_TEST_POSTGRES=postgresql://postgres:password@host:5432/postgres pytest tests/triage_panel`
"""

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.containers, pytest.mark.slow]
PROMISES = (
    "tests/referral_intake/test_afterwards.py",
    "tests/triage_panel/test_hearing.py",
    "tests/triage_panel/test_clock.py",
    "tests/therapy_booking/test_hearing.py",
    "tests/notification/test_sending.py",
    "tests/child_record/test_family.py",
)


def test_what_people_may_rely_on_holds_on_postgresql_too(postgres, request):
    told = [sys.executable, "-m", "pytest", "-q", "-m", "not (slow or browser)", *PROMISES]
    where = {**os.environ, "FRONTDOOR_TEST_POSTGRES": postgres.admin}
    done = subprocess.run(told, cwd=request.config.rootpath, env=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
