"""Three people talk in three languages: `make demo`."""
