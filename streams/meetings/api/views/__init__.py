"""The operations of the REST API that are about meetings, for every dialect that has them."""
