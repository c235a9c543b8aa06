"""`python -m therapy_booking`: the service alone, on PostgreSQL and Kafka."""

from frontdoor import alone
from therapy_booking.app import create_app
from therapy_booking.settings import Settings

if __name__ == "__main__":
    alone.main(Settings, create_app)
