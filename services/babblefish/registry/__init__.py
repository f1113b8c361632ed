"""The voices of each session: who was heard, under which name, and how they sound."""
