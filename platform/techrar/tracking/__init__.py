"""Opens, clicks and unsubscriptions: links of ours in what we send, and what happens when somebody follows them."""
