"""What each thing is: fields, units, invariants, formats. Nothing here reads or writes."""
