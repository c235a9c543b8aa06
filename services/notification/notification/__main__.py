"""`python -m notification`: the service alone, on PostgreSQL and Kafka."""

from frontdoor import alone
from notification.app import create_app
from notification.settings import Settings

if __name__ == "__main__":
    alone.main(Settings, create_app)
