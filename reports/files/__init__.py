"""Files made beside the page: tables, figures for papers, and the block of a README that is made from the tables."""
