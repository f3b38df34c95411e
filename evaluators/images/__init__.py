"""Images on their way to a judge: checked, digested, encoded, within a pixel budget."""
