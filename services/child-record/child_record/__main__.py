"""`python -m child_record`: the service alone, on PostgreSQL and Kafka."""

from child_record.app import create_app
from child_record.settings import Settings
from frontdoor import alone

if __name__ == "__main__":
    alone.main(Settings, create_app)
