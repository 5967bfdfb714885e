"""What happens without anyone asking: reactions to messages, sagas, partner operations and chores; `registry` is the table of them."""
