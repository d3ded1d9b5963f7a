"""What a person sees: a home page, one page per task, the models page, and the shared view pieces in `shared/`."""
