"""What every room uses and nobody outside does: checks of arguments, files, tables, progress."""
