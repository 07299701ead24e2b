"""TotalSegmentator where the user has it installed: run as a program of its own, through files."""
