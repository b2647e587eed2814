"""Native-speed functions on Arrow buffers, each with a readable reference twin."""
