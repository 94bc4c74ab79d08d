"""What is written beside the page: tables, and the part of README that is made from them."""
