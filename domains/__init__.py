"""What is true: strangers to one another, each with its own words, rules and store; README.md is the glossary."""
