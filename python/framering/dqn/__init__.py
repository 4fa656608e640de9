"""Deep Q-learning: networks, the learner and exploration."""
