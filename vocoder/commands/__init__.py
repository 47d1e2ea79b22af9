"""The library's subcommands, one a file. The first line of a file is its help in the list of commands."""
