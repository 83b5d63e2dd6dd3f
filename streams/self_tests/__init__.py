"""The self-test: one broadcast of our own through the whole chain, step by step."""
