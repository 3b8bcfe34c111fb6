"""What other products are given, so that they can speak with the service: files, not servers."""
