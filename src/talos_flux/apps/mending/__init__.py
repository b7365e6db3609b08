"""What an adopted app needs so that the checks pass: each mending with the lines to write."""
