"""What a tab holds: its face in states one can go back to, and sessions in memory and as files."""
