"""resourceAccessTokens/…: contract 7.8 to 7.11."""
