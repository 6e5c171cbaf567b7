"""What measures speed, each in one command; figures are medians of one run on one machine."""
