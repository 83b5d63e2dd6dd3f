"""Self-tests over REST."""
