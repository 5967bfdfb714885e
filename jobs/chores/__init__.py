"""What is done again and again: takes no input, may run twice, reconciles what is with what should be."""
