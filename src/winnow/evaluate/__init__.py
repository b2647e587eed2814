"""What a language model can do: tasks as data, four shapes of task as code, scores as DCLM centres them."""
