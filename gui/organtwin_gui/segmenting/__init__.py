"""The workbench of the Segment page: one segmentation under the hand, the tools, the list of segments and their looks."""
