"""The pages members use: what was asked for, what happened to it, and how to send the first message."""
