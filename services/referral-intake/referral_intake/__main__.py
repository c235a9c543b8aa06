"""`python -m referral_intake`: the service alone, on PostgreSQL and Kafka."""

from frontdoor import alone
from referral_intake.app import create_app
from referral_intake.settings import Settings

if __name__ == "__main__":
    alone.main(Settings, create_app)
