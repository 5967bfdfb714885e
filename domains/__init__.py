"""What is true: strangers with one anatomy. README.md is the glossary."""
