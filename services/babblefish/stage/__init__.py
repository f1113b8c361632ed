"""What every stage shares: the engines by name, the cores they may use, their processes."""
