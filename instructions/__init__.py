"""What a task says to the model: one TOML file of wordings for each task, and how they are filled."""
