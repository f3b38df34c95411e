"""How endpoints are reached and how their replies are read: parts of `backends.openai` and of the reward client."""
