"""The automatic contrast-CT engine: body, lungs, bone, great vessels, heart and organs."""
