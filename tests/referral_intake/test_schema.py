"""Whatever a program may send by the published document, the answer is one that the document names, and never a 5xx."""

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from frontdoor.testing import Stage
from referral_intake import api, fhir_api
from referral_intake.app import service

pytestmark = pytest.mark.slow
CHECKS = (not_a_server_error, status_code_conformance, response_schema_conformance)
ROUTES = [route for route in [*api.router.routes, *fhir_api.router.routes] if isinstance(route, APIRoute)]
OPERATIONS = sorted((method, route.path) for route in ROUTES for method in route.methods or ())


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """The published document of intake."""
    stage = Stage(service, tmp_path_factory.mktemp("schema"))
    return schemathesis.openapi.from_asgi("/referral-intake/openapi.json", stage.app)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_answer_is_a_5xx_or_one_that_the_document_does_not_name(document, method, path):
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=document[path][method].as_strategy())
    def answers(case):
        for person in ("senco", "care-triager"):
            answer = case.call(headers={"Authorization": f"Bearer demo-{person}"})
            case.validate_response(answer, checks=CHECKS)

    answers()
