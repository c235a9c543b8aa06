"""`python -m triage_panel`: the service alone, on PostgreSQL and Kafka."""

from frontdoor import alone
from triage_panel.app import create_app
from triage_panel.settings import Settings

if __name__ == "__main__":
    alone.main(Settings, create_app)
