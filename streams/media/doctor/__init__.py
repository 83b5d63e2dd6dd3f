"""What is wrong with what an encoder sends, and the sentence that mends it: rules as data, held to its tags."""
