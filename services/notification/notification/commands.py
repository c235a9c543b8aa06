"""Nobody asks anything of notification by JSON or form: what it does follows from events."""
