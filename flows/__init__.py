"""When, where and how often things run. The only room that knows Prefect and the command line."""
