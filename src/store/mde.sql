-- The smallest effect that would have been convicted in about four of five tries, as effects are:
-- NULL in the verdicts of earlier versions, which told it in words.
ALTER TABLE verdicts ADD COLUMN mde REAL;
