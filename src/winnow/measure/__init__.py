"""Every judge of one document, one file each."""
