"""A merchant asks for one message: send it now or later, ask what became of it, stop it."""
