"""What other tools say of this repository; lib/checks has the rules that are its own."""
