"""Carrying events between services: one contract (`hearer`), two transports (`local`, `kafka`)."""
