"""The subcommands, a module a group. Each imports what it needs when it runs, so help is quick."""
