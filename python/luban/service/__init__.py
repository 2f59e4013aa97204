"""The processes of a closed loop: an optimizer that thinks, a supervisor that alone touches the plant."""
