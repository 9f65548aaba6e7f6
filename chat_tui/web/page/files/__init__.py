"""Files and images of questions: uploads, estimates, and the files of stored turns."""
