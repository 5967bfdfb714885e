"""Whole stories at one running site. A package, so that the site ends with its last story: an idle one still takes a tenth of a core."""
