"""Studies: a preset trained on several games with several seeds, and what can be said of it."""
