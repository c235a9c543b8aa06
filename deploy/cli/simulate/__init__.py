"""`frontdoor simulate`: a year of an invented area, sent through the real handlers with a moved clock."""
