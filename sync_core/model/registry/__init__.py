"""What a master knows of its slaves, without any I/O: who is registered, whose folder is whose, who is told what."""
